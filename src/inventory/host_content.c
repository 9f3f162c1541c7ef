/* The content of a host's report, read: nothing of it is believed before it has its form. */
#include "inventory/host_report.h"

#include "base/fs.h"
#include "format/json.h"

#define MAX_TEXT 8192
#define MAX_PATH 16384
#define MAX_ROOTS 10000
#define MAX_PROCESSES 65536
#define MAX_LIST 100000 /* mapped files of one process, notes, arguments */

struct reading {
	struct arena *a;
	struct err *err;
	char where[160]; /* "files[17]" */
};

static int refuse(struct reading *r, const char *field, const char *rule)
{
	(void)err_set(r->err, RF_EFORMAT, "%s", rule);
	(void)err_in_field(r->err, "%s%s%s", r->where, r->where[0] && field[0] ? "." : "", field);
	return RF_EFORMAT;
}

static int no_memory(struct reading *r)
{
	return err_set(r->err, RF_ENOMEM, "no memory for a report");
}

/* A text without NUL, at most @most bytes; "" when absent or null. */
static int text(struct reading *r, struct json group, const char *key, size_t most, const char **ret)
{
	struct json v = json_get(group, key);
	struct span s = json_string(v);
	*ret = "";
	if (json_kind(v) == JSON_ABSENT || json_kind(v) == JSON_NULL)
		return 0;
	if (json_kind(v) != JSON_STRING || span_find_byte(s, '\0') != SIZE_MAX)
		return refuse(r, key, "must be a text without NUL");
	if (s.n > most)
		return refuse(r, key, "is longer than any that a scan writes");
	*ret = s.n ? arena_text(r->a, s) : "";
	return *ret ? 0 : no_memory(r);
}

/* The same into an array of @size bytes. */
static int text_into(struct reading *r, struct json group, const char *key, char *to, size_t size)
{
	const char *s;
	int rc = text(r, group, key, size - 1, &s);
	if (rc == 0)
		memcpy(to, s, strlen(s) + 1);
	return rc;
}

/* "path", or "path_hex" when it is no UTF-8. */
static int path(struct reading *r, struct json group, const char **ret)
{
	struct span hex = json_string(json_get(group, "path_hex"));
	int rc = text(r, group, "path", MAX_PATH, ret);
	if (rc == 0 && hex.n) {
		char *bytes = arena_alloc(r->a, hex.n / 2 + 1);
		if (!bytes)
			return no_memory(r);
		if (hex.n % 2 || hex.n / 2 > MAX_PATH || !hex_read(hex, bytes, hex.n / 2) || memchr(bytes, 0, hex.n / 2))
			return refuse(r, "path_hex", "must be the path's bytes in hexadecimal, without NUL");
		*ret = bytes;
	}
	if (rc == 0 && (*ret)[0] != '/' && strncmp(*ret, "container:", 10) != 0)
		return refuse(r, "path", "must be absolute");
	return rc;
}

/* A list of texts. */
static int texts(struct reading *r, struct json group, const char *key, size_t most, const char *const **ret, size_t *ret_n)
{
	struct json list = json_get(group, key);
	size_t n = json_count(list), i = 0;
	*ret = NULL;
	*ret_n = 0;
	if (json_kind(list) == JSON_ABSENT)
		return 0;
	if (json_kind(list) != JSON_ARRAY || n > most)
		return refuse(r, key, "must be a list, and no longer than a scan writes");
	const char **items = arena_array(r->a, n, sizeof *items);
	if (n && !items)
		return no_memory(r);
	for (struct json_each it = json_each(list); json_next(&it);) {
		struct span s = json_string(it.value);
		if (json_kind(it.value) != JSON_STRING || s.n > MAX_PATH || span_find_byte(s, '\0') != SIZE_MAX)
			return refuse(r, key, "holds texts without NUL");
		items[i] = arena_text(r->a, s);
		if (!items[i++])
			return no_memory(r);
	}
	*ret = items;
	*ret_n = n;
	return 0;
}

/* ── Facts ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A word of ours: small letters, digits, dashes, underscores. It goes into tables and onto screens. */
static int word(struct reading *r, struct json group, const char *key, const char **ret)
{
	int rc = text(r, group, key, 64, ret);
	for (const char *p = *ret; rc == 0 && *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-' || *p == '_' || *p == '.'))
			return refuse(r, key, "must be a word of small letters, digits and dashes");
	return rc;
}

static int capability(struct reading *r, struct json file, struct artifact_facts *f)
{
	const char *s;
	uint64_t major_, minor_;
	int rc = text(r, file, "compute_capability", 16, &s);
	f->cc_major = f->cc_minor = -1;
	if (rc || !s[0])
		return rc;
	struct span rest = span_of(s), a, b;
	if (!span_split(&rest, '.', &a) || !span_split(&rest, '.', &b) || rest.p || !span_u64(a, &major_) ||
	    !span_u64(b, &minor_) || major_ > 99 || minor_ > 99)
		return refuse(r, "compute_capability", "must be MAJOR.MINOR");
	f->cc_major = (int)major_;
	f->cc_minor = (int)minor_;
	return 0;
}

static int role_and_source(struct reading *r, struct json c, struct artifact_component *to)
{
	static const char *const roles[] = { ARTIFACT_ROLE_BUILDER, ARTIFACT_ROLE_RUNTIME, ARTIFACT_ROLE_PACKAGE };
	struct span role = json_string(json_get(c, "role"));
	for (size_t i = 0; i < RF_COUNT(roles); i++)
		if (span_eq_text(role, roles[i]))
			to->role = roles[i];
	return to->role ? word(r, c, "source", &to->source) : refuse(r, "components", "role is builder, runtime or package");
}

static int components(struct reading *r, struct json file, struct artifact_facts *f)
{
	struct json list = json_get(file, "components");
	int rc = 0;
	if (json_kind(list) != JSON_ABSENT && (json_kind(list) != JSON_ARRAY || json_count(list) > ARTIFACT_MAX_COMPONENTS))
		return refuse(r, "components", "must be a list of at most 16,384");
	for (struct json_each it = json_each(list); rc == 0 && json_next(&it);) {
		struct artifact_component c = { .product = json_string(json_get(it.value, "product")),
						.version = json_string(json_get(it.value, "version")),
						.where = json_string(json_get(it.value, "where")) };
		if (!span_starts(c.product, "pkg:") || c.product.n > 512 || c.version.n > 256 || c.where.n > MAX_TEXT)
			return refuse(r, "components", "product must be a purl, version and place texts as a scan writes them");
		rc = role_and_source(r, it.value, &c);
		if (rc == 0 && artifact_component_add(f, r->a, &c))
			rc = no_memory(r);
	}
	return rc;
}

static int notes(struct reading *r, struct json file, struct artifact_facts *f)
{
	const char *const *list;
	size_t n;
	int rc = texts(r, file, "notes", ARTIFACT_MAX_NOTES, &list, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		f->notes[f->note_count++] = list[i];
	f->second_look_from = f->note_count;
	return rc;
}

static int rules(struct reading *r, struct json file, struct artifact_facts *f)
{
	const char *const *list;
	size_t n;
	int rc = texts(r, file, "rules", ARTIFACT_MAX_RULES, &list, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		f->rules[f->rule_count++] = list[i];
	return rc;
}

static int evidence(struct reading *r, struct json file, struct artifact_facts *f)
{
	struct json list = json_get(file, "evidence");
	size_t n = json_count(list);
	if (json_kind(list) != JSON_ABSENT && (json_kind(list) != JSON_ARRAY || n > ARTIFACT_MAX_EVIDENCE))
		return refuse(r, "evidence", "must be a list of at most 48");
	f->evidence = arena_array(r->a, n, sizeof *f->evidence);
	if (n && !f->evidence)
		return no_memory(r);
	for (struct json_each it = json_each(list); json_next(&it);) {
		struct artifact_evidence *e = &f->evidence[f->evidence_count++];
		struct span bytes = json_string(json_get(it.value, "bytes"));
		int rc = text(r, it.value, "what", MAX_TEXT, &e->what);
		if (rc == 0)
			rc = text(r, it.value, "value", MAX_TEXT, &e->value);
		if (rc)
			return rc;
		e->byte_count = bytes.n / 2;
		if (!json_u64(json_get(it.value, "offset"), &e->offset) || e->byte_count > sizeof e->bytes || bytes.n % 2 ||
		    !hex_read(bytes, e->bytes, e->byte_count))
			return refuse(r, "evidence", "has an offset and at most 24 bytes in hexadecimal");
	}
	return 0;
}

static int facts(struct reading *r, struct json file, struct artifact_facts *f)
{
	const char *product, *finding, *source;
	memset(f, 0, sizeof *f);
	int rc = word(r, file, "kind", &f->kind);
	if (rc == 0 && !f->kind[0])
		return refuse(r, "kind", "is missing");
	if (rc == 0)
		rc = text(r, file, "product", 512, &product);
	if (rc == 0 && product[0] && strncmp(product, "pkg:", 4) != 0)
		return refuse(r, "product", "must be a purl");
	f->product = rc == 0 && product[0] ? product : NULL;
	if (rc == 0)
		rc = text_into(r, file, "version", f->version, sizeof f->version);
	if (rc == 0)
		rc = text(r, file, "version_source", 32, &source);
	if (rc == 0)
		f->version_source = artifact_version_source_of(span_of(source));
	if (rc == 0)
		rc = text_into(r, file, "inner_version", f->inner_version, sizeof f->inner_version);
	if (rc == 0)
		rc = text_into(r, file, "target", f->target, sizeof f->target);
	if (rc == 0)
		rc = text_into(r, file, "device", f->device, sizeof f->device);
	if (rc == 0)
		rc = text(r, file, "layout", 64, &f->layout);
	if (rc == 0)
		rc = text(r, file, "finding", 32, &finding);
	if (rc == 0)
		f->finding = artifact_finding_of(span_of(finding));
	if (rc == 0 && strcmp(artifact_finding_text(f->finding), finding) != 0)
		return refuse(r, "finding", "is unknown, conflict or null");
	return rc ? rc : word(r, file, "cause", &f->cause);
}

/* ── Parts ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int triton(struct reading *r, struct json file, struct host_file *to)
{
	struct json t = json_get(file, "triton");
	to->model_version = -1;
	if (json_kind(t) == JSON_ABSENT)
		return 0;
	to->load = triton_load_of(json_string(json_get(t, "load")));
	(void)json_i64(json_get(t, "version"), &to->model_version);
	int rc = text(r, t, "model", 256, &to->model);
	if (rc == 0)
		rc = text(r, t, "why", MAX_TEXT, &to->load_words);
	return rc || to->load != TRITON_OUTSIDE ? rc : refuse(r, "triton.load", "is loaded, not_served, never_loaded or untold");
}

static int file(struct reading *r, struct json v, void *target)
{
	struct host_file *to = target;
	struct artifact_facts *f = &to->facts;
	if (json_kind(v) != JSON_OBJECT)
		return refuse(r, "", "must be an object");
	int rc = path(r, v, &to->path);
	if (rc == 0 && digest_read(json_string(json_get(v, "sha256")), &to->digest, NULL))
		return refuse(r, "sha256", "must be 64 hexadecimal digits");
	if (rc == 0)
		rc = facts(r, v, f);
	if (rc == 0 && !json_u64(json_get(v, "size"), &f->size))
		return refuse(r, "size", "must be a whole number");
	if (rc == 0 && f->size > INT64_MAX)
		return refuse(r, "size", "is larger than any file");
	if (rc == 0)
		rc = capability(r, v, f);
	if (rc == 0)
		rc = components(r, v, f);
	if (rc == 0)
		rc = notes(r, v, f);
	if (rc == 0)
		rc = rules(r, v, f);
	if (rc == 0)
		rc = evidence(r, v, f);
	return rc ? rc : triton(r, v, to);
}

static int unread(struct reading *r, struct json v, void *target)
{
	struct host_unread *to = target;
	if (json_kind(v) != JSON_OBJECT)
		return refuse(r, "", "must be an object");
	int rc = path(r, v, &to->path);
	return rc ? rc : text(r, v, "reason", MAX_TEXT, &to->reason);
}

static int running(struct reading *r, struct json v, void *target)
{
	struct host_running *to = target;
	if (json_kind(v) != JSON_OBJECT)
		return refuse(r, "", "must be an object");
	int rc = text(r, v, "exe", MAX_PATH, &to->exe);
	if (rc == 0)
		rc = text(r, v, "container", 128, &to->container);
	if (rc == 0)
		rc = texts(r, v, "arguments", MAX_LIST, &to->arguments, &to->arguments_n);
	return rc ? rc : texts(r, v, "mapped", MAX_LIST, &to->mapped, &to->mapped_n);
}

static int list(struct reading *r, struct json root, const char *key, size_t most, size_t bytes,
		int (*read)(struct reading *, struct json, void *), void *ret, size_t *ret_n)
{
	struct json v = json_get(root, key);
	size_t n = json_count(v), i = 0;
	int rc = 0;
	r->where[0] = '\0';
	if (json_kind(v) != JSON_ARRAY)
		return refuse(r, key, "must be a list");
	if (n > most) {
		(void)err_set(r->err, RF_ETOOMANY, "%zu entries; at most %zu are read", n, most);
		(void)err_in_field(r->err, "%s", key);
		return RF_ETOOMANY;
	}
	char *items = arena_array(r->a, n, bytes);
	if (n && !items)
		return no_memory(r);
	for (struct json_each it = json_each(v); rc == 0 && json_next(&it); i++) {
		(void)snprintf(r->where, sizeof r->where, "%s[%zu]", key, i);
		rc = read(r, it.value, items + i * bytes);
	}
	*(void **)ret = items;
	*ret_n = n;
	return rc;
}

int host_content_read(struct span content, struct arena *a, struct host_content *ret, struct err *err)
{
	struct reading r = { .a = a, .err = err };
	struct host_content c = { 0 };
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct json root;
	int rc = doc ? json_parse(doc, content, &root, err) : no_memory(&r);
	if (rc)
		return rc;
	struct json machine = json_get(root, "system");
	rc = text(&r, machine, "os", 256, &c.os);
	if (rc == 0)
		rc = text(&r, machine, "kernel", 256, &c.kernel);
	if (rc == 0)
		rc = text(&r, machine, "architecture", 64, &c.architecture);
	if (rc == 0)
		rc = texts(&r, root, "roots", MAX_ROOTS, &c.roots, &c.roots_n);
	if (rc == 0)
		rc = list(&r, root, "files", HOST_REPORT_MAX_FILES, sizeof *c.files, file, &c.files, &c.files_n);
	if (rc == 0)
		rc = list(&r, root, "unread", HOST_REPORT_MAX_FILES, sizeof *c.unread, unread, &c.unread, &c.unread_n);
	if (rc == 0)
		rc = list(&r, root, "processes", MAX_PROCESSES, sizeof *c.processes, running, &c.processes, &c.processes_n);
	if (rc == 0)
		*ret = c;
	return rc;
}
