/* golden - the folder of golden inputs: listed in byte order, every tensor read once to check and digest it. */
#include "format/npy.h"
#include "prove/prove_int.h"

#include <dirent.h>
#include <errno.h>

#define MAX_CASE_NAME 64
#define MAX_INPUTS_JSON (1 * MIB)

static bool case_name_is_valid(const char *name)
{
	size_t n = strlen(name);
	if (!n || n > MAX_CASE_NAME || name[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", name[i]))
			return false;
	return true;
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Names of the folders in @folder; files beside them (inputs.json, a README) are not cases. */
static int list_cases(struct arena *a, const char *folder, const char ***ret, size_t *ret_n, struct err *err)
{
	const char **names = arena_array(a, PROVE_MAX_CASES, sizeof *names);
	if (!names)
		return err_set(err, RF_ENOMEM, "out of memory");
	DIR *dir = opendir(folder);
	if (!dir) {
		(void)err_set_errno(err, errno, "golden inputs cannot be listed");
		return err_in_file(err, folder);
	}
	int rc = 0;
	size_t n = 0;
	for (struct dirent *e; !rc && (e = readdir(dir));) {
		char path[FS_PATH_MAX];
		if (e->d_name[0] == '.' || (rc = fs_join(path, sizeof path, folder, e->d_name, err)) || !fs_is_dir(path))
			continue;
		if (!case_name_is_valid(e->d_name))
			rc = err_set(err, RF_EFORMAT, "a case is named by 1 to %d bytes of [A-Za-z0-9._-]", MAX_CASE_NAME), (void)err_in_file(err, path);
		else if (n == PROVE_MAX_CASES)
			rc = err_set(err, RF_ETOOMANY, "more than %d cases", PROVE_MAX_CASES), (void)err_in_file(err, folder);
		else if (!(names[n++] = arena_text(a, span_of(e->d_name))))
			rc = err_set(err, RF_ENOMEM, "out of memory");
	}
	closedir(dir);
	if (rc)
		return rc;
	if (!n) {
		(void)err_set(err, RF_ENOTFOUND, "no case in the golden inputs: no data is no pass");
		return err_in_file(err, folder);
	}
	qsort(names, n, sizeof *names, by_text);
	*ret = names;
	*ret_n = n;
	return 0;
}

/* Reads one tensor to check it; adds its digest to the leaves. */
static int take_tensor(const char *path, struct str *buffer, struct digest *leaf, struct err *err)
{
	str_reset(buffer);
	int rc = fs_read(path, buffer, err);
	struct npy t;
	if (!rc) {
		rc = npy_read(str_span(buffer), &t, err);
		if (rc)
			(void)err_in_file(err, path);
	}
	if (!rc)
		digest_of(str_span(buffer), leaf);
	return rc;
}

struct leaves { struct digest *list; size_t n, capacity; };

static struct digest *next_leaf(struct leaves *l)
{
	if (l->n == l->capacity) {
		size_t capacity = RF_MAX(l->capacity * 2, (size_t)64);
		struct digest *grown = rf_realloc_array(l->list, capacity, sizeof *grown);
		if (!grown)
			return NULL;
		l->list = grown;
		l->capacity = capacity;
	}
	return &l->list[l->n++];
}

/* 0.npy … (n-1).npy below @folder. */
static int take_tensors(struct arena *a, const char *folder, size_t n, struct str *buffer, struct leaves *leaves, const char *const **ret,
                        struct err *err)
{
	const char **paths = arena_array(a, n + 1, sizeof *paths);
	for (size_t i = 0; i < n; i++) {
		struct digest *leaf = next_leaf(leaves);
		if (!paths || !leaf || !(paths[i] = arena_printf(a, "%s/%zu.npy", folder, i)))
			return err_set(err, RF_ENOMEM, "out of memory");
		int rc = take_tensor(paths[i], buffer, leaf, err);
		if (rc)
			return rc;
	}
	*ret = paths;
	return 0;
}

static int take_case(struct arena *a, struct golden *g, struct golden_case *c, struct str *buffer, struct leaves *leaves, struct err *err)
{
	char *folder = arena_printf(a, "%s/%s", g->folder, c->name), *expect = arena_printf(a, "%s/%s/expect", g->folder, c->name);
	if (!folder || !expect)
		return err_set(err, RF_ENOMEM, "out of memory");
	int rc = take_tensors(a, folder, g->names.inputs_n, buffer, leaves, &c->paths, err);
	if (!rc && g->names.outputs_n && fs_is_dir(expect))
		rc = take_tensors(a, expect, g->names.outputs_n, buffer, leaves, &c->expected, err);
	g->all_stored = g->all_stored && c->expected;
	return rc;
}

static int take_cases(struct arena *a, struct golden *g, struct str *buffer, struct leaves *leaves, struct err *err)
{
	const char **names;
	int rc = list_cases(a, g->folder, &names, &g->cases_n, err);
	struct golden_case *cases = rc ? NULL : arena_array(a, g->cases_n, sizeof *cases);
	if (!rc && !cases)
		rc = err_set(err, RF_ENOMEM, "out of memory");
	g->all_stored = true;
	for (size_t i = 0; !rc && i < g->cases_n; i++) {
		cases[i].name = names[i];
		rc = take_case(a, g, &cases[i], buffer, leaves, err);
	}
	g->cases = cases;
	return rc;
}

int golden_open(struct arena *a, const char *folder, struct golden *ret, struct err *err)
{
	struct golden g = { .folder = folder };
	struct leaves leaves = { 0 };
	RF_AUTO(str) buffer = STR_INIT(GIB);
	char *path = arena_printf(a, "%s/inputs.json", folder);
	if (!path)
		return err_set(err, RF_ENOMEM, "out of memory");
	RF_AUTO(str) text = STR_INIT(MAX_INPUTS_JSON);
	int rc = fs_read(path, &text, err);
	if (!rc)
		rc = prove_inputs_read(a, str_span(&text), path, &g.names, err);
	struct digest *first = rc ? NULL : next_leaf(&leaves);
	if (!rc && !first)
		rc = err_set(err, RF_ENOMEM, "out of memory");
	if (!rc) {
		digest_of(str_span(&text), first);
		rc = take_cases(a, &g, &buffer, &leaves, err);
	}
	if (!rc) {
		digest_merkle(leaves.list, leaves.n, &g.digest);
		*ret = g;
	}
	rf_free(leaves.list);
	return rc;
}
