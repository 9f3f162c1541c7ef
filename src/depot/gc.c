/* Collecting what nothing refers to. In this order, so that a kill in between leaves nothing worse than more to
 * collect: everything referred to is gathered (or nothing is removed at all), releases without a row go, then blobs,
 * then temporary files. */
#include "depot_int.h"

#include <errno.h>
#include <unistd.h>

#define DEFAULT_MIN_AGE_USEC USEC_PER_HOUR
/* References to blobs, 32 bytes each: three for each engine of a thousand releases of 10,000. */
#define MAX_REFERENCES 30000000

struct collector {
	struct depot *depot;
	const struct depot_gc_options *options;
	struct depot_gc_report report;
	usec_t older_than;
	struct digest *references;
	size_t n, room;
	struct arena arena;
	const char **recorded; /* "service/name" of each row, sorted; NULL without a database */
	size_t recorded_count;
};

static void collector_release(struct collector *c)
{
	rf_free(c->references);
	arena_release(&c->arena);
}

static bool is_old(const struct collector *c, const struct stat *st)
{
	return (usec_t)st->st_mtim.tv_sec * USEC_PER_SEC + st->st_mtim.tv_nsec / 1000 <= c->older_than;
}

static void going(struct collector *c, const char *path, uint64_t bytes)
{
	if (c->options->visit)
		c->options->visit(path + strlen(c->depot->folder) + 1, bytes, c->options->data);
}

/* ---- what is referred to ---- */

static int refer(struct collector *c, const struct digest *digest, struct err *err)
{
	if (digest_is_zero(digest))
		return 0;
	if (c->n == c->room) {
		size_t larger = c->room ? 2 * c->room : 1024;
		struct digest *grown =
			larger > MAX_REFERENCES ? NULL : rf_realloc_array(c->references, larger, sizeof(*grown));

		if (!grown)
			return err_set(err, larger > MAX_REFERENCES ? RF_ETOOMANY : RF_ENOMEM,
				       "the depot's releases name %zu blobs", c->n);
		c->references = grown;
		c->room = larger;
	}
	c->references[c->n++] = *digest;
	return 0;
}

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct digest));
}

static bool is_referred(const struct collector *c, const struct digest *digest)
{
	return c->n > 0 && bsearch(digest, c->references, c->n, sizeof(*digest), compare_digests) != NULL;
}

static int refer_release(struct collector *c, const char *service, const char *name, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(4 * RELEASE_MAX_BYTES);
	struct release r;
	int rc = release_read(c->depot, &a, service, name, &r, err);

	if (rc != 0) {
		(void)err_prefix(err, "nothing was removed, since what this release names is not known");
		return rc;
	}
	for (size_t i = 0; rc == 0 && i < r.row_count; i++) {
		rc = refer(c, &r.rows[i].engine, err);
		if (rc == 0)
			rc = refer(c, &r.rows[i].provenance, err);
		if (rc == 0)
			rc = refer(c, &r.rows[i].proof_statement, err);
	}
	return rc;
}

static int read_recorded(struct transaction *tx, void *data)
{
	struct collector *c = data;
	RF_AUTO_ROWS rows = NULL;
	int64_t n = 0;
	int rc = TX_I64(tx, &n, "SELECT count(*) FROM depot_release WHERE id > $1", DB_I(0));

	if (rc == 0)
		rc = TX_QUERY(tx, &rows, "SELECT service, name FROM depot_release WHERE id > $1", DB_I(0));
	if (rc != 0)
		return rc;
	arena_reset(&c->arena);
	c->recorded_count = 0;
	c->recorded = arena_array(&c->arena, (size_t)n + 1, sizeof(*c->recorded));
	while (c->recorded && c->recorded_count < (size_t)n && (rc = rows_next(rows)) == 1) {
		const char *text = arena_printf(&c->arena, "%.*s/%.*s", SPAN_ARG(rows_text(rows, 0)),
						SPAN_ARG(rows_text(rows, 1)));

		if (!text)
			return err_set(tx_err(tx), RF_ENOMEM, "too many releases for this collector");
		c->recorded[c->recorded_count++] = text;
	}
	if (!c->recorded)
		return err_set(tx_err(tx), RF_ENOMEM, "too many releases for this collector");
	return rc < 0 ? rc : 0;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_recorded(const struct collector *c, const char *service, const char *name)
{
	char text[2 * RELEASE_NAME_MAX + 2];
	const char *key = text;

	if (!c->options->database)
		return true;
	(void)snprintf(text, sizeof text, "%s/%s", service, name);
	return c->recorded_count > 0 &&
	       bsearch(&key, c->recorded, c->recorded_count, sizeof(*c->recorded), compare_texts) != NULL;
}

/* ---- releases ---- */

static int remove_folder(struct collector *c, const char *path, struct err *err)
{
	char aside[FS_PATH_MAX], unique[DEPOT_UNIQUE_BYTES];
	int rc;

	going(c, path, 0);
	if (c->options->dry_run)
		return 0;
	rc = depot_unique(unique, err);
	if (rc == 0)
		rc = depot_pathf(c->depot, aside, err, "temporary/%s", unique);
	/* out of the way in one step: killed in the middle, no half of a release is left under its name */
	if (rc == 0 && rename(path, aside) != 0) {
		rc = err_set_errno(err, errno, "cannot move a release out of the way");
		(void)err_in_file(err, path);
	}
	return rc != 0 ? rc : fs_remove_tree(aside, err);
}

static int collect_release(struct collector *c, const char *service, const char *name, struct err *err)
{
	char path[FS_PATH_MAX];
	struct stat st;
	int rc = depot_pathf(c->depot, path, err, "releases/%s/%s", service, name);

	if (rc != 0 || lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return rc;
	if (strncmp(name, PUBLISHING_PREFIX, strlen(PUBLISHING_PREFIX)) == 0) {
		if (!is_old(c, &st))
			return 0;
		c->report.temporary_removed++;
		return remove_folder(c, path, err);
	}
	if (name[0] == '.')
		return 0;
	if (is_recorded(c, service, name) || !is_old(c, &st))
		return 0;
	c->report.releases_removed++;
	return remove_folder(c, path, err);
}

/* Two rounds over all releases: the first only gathers, so that one that cannot be read stops everything. */
static int each_release(struct collector *c, int (*visit)(struct collector *, const char *, const char *, struct err *),
			struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(256 * MIB);
	char path[FS_PATH_MAX];
	const char **services = NULL, **names = NULL;
	size_t n = 0, m = 0;
	int rc = depot_pathf(c->depot, path, err, "releases");

	if (rc == 0)
		rc = depot_names(path, &a, &services, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = depot_pathf(c->depot, path, err, "releases/%s", services[i]);
		if (rc != 0 || !fs_is_dir(path))
			continue;
		rc = depot_names(path, &a, &names, &m, err);
		for (size_t k = 0; rc == 0 && k < m; k++)
			rc = visit(c, services[i], names[k], err);
	}
	return rc;
}

static int gather_release(struct collector *c, const char *service, const char *name, struct err *err)
{
	char path[FS_PATH_MAX];
	struct stat st;
	int rc = depot_pathf(c->depot, path, err, "releases/%s/%s", service, name);

	if (rc != 0 || name[0] == '.' || lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return rc;
	return !is_recorded(c, service, name) && is_old(c, &st) ? 0 : refer_release(c, service, name, err);
}

/* ---- blobs and temporary files ---- */

/* Under the lock that a put holds while it decides that a blob is there: it makes it young first. */
static int remove_blob(struct collector *c, const char *path, const struct stat *st, struct err *err)
{
	AUTO_FD lock = -1;
	struct stat now;
	int rc;

	going(c, path, (uint64_t)st->st_size);
	c->report.blobs_removed++;
	c->report.bytes_removed += (uint64_t)st->st_size;
	if (c->options->dry_run)
		return 0;
	rc = depot_lock_blobs(c->depot, true, &lock, err);
	if (rc != 0 || lstat(path, &now) != 0 || !is_old(c, &now))
		return rc;
	if (unlink(path) != 0 && errno != ENOENT) {
		rc = err_set_errno(err, errno, "cannot remove a blob");
		(void)err_in_file(err, path);
	}
	return rc;
}

static int collect_shard(struct collector *c, const char *shard, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(256 * MIB);
	char path[FS_PATH_MAX];
	const char **names = NULL;
	size_t n = 0;
	int rc = depot_pathf(c->depot, path, err, "blobs/sha256/%s", shard);

	if (rc == 0 && !fs_is_dir(path))
		return 0;
	if (rc == 0)
		rc = depot_names(path, &a, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct digest digest;
		struct stat st;

		rc = depot_pathf(c->depot, path, err, "blobs/sha256/%s/%s", shard, names[i]);
		/* what is no blob is not ours to judge: depot_verify() shows it */
		if (rc != 0 || digest_read(span_of(names[i]), &digest, NULL) != 0 || lstat(path, &st) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (is_referred(c, &digest) || !is_old(c, &st))
			c->report.blobs_kept++;
		else
			rc = remove_blob(c, path, &st, err);
	}
	return rc;
}

static int collect_blobs(struct collector *c, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	char path[FS_PATH_MAX];
	const char **names = NULL;
	size_t n = 0;
	int rc = depot_pathf(c->depot, path, err, "blobs/sha256");

	if (rc == 0)
		rc = depot_names(path, &a, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = collect_shard(c, names[i], err);
	return rc;
}

static int collect_temporary(struct collector *c, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	char path[FS_PATH_MAX];
	const char **names = NULL;
	size_t n = 0;
	int rc = depot_pathf(c->depot, path, err, "temporary");

	if (rc == 0)
		rc = depot_names(path, &a, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct stat st;

		rc = depot_pathf(c->depot, path, err, "temporary/%s", names[i]);
		if (rc != 0 || lstat(path, &st) != 0 || !is_old(c, &st))
			continue;
		going(c, path, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0);
		c->report.temporary_removed++;
		if (!c->options->dry_run)
			rc = fs_remove_tree(path, err);
	}
	return rc;
}

int depot_gc(struct depot *d, const struct depot_gc_options *options, struct depot_gc_report *ret, struct err *err)
{
	RF_AUTO(collector) c = { .depot = d, .options = options, .arena = ARENA_INIT(256 * MIB) };
	int rc = 0;

	c.older_than = now_usec() - (options->min_age_usec < 0 ? DEFAULT_MIN_AGE_USEC : options->min_age_usec);
	for (size_t i = 0; rc == 0 && i < options->keep_count; i++)
		rc = refer(&c, &options->keep[i], err);
	if (rc == 0 && options->database) {
		rc = database_transact(options->database, DB_READ, read_recorded, &c, err);
		if (rc == 0 && c.recorded_count > 0)
			qsort(c.recorded, c.recorded_count, sizeof(*c.recorded), compare_texts);
	}
	if (rc == 0)
		rc = each_release(&c, gather_release, err);
	if (rc == 0)
		rc = each_release(&c, collect_release, err);
	if (rc != 0)
		return rc;
	if (c.n > 0)
		qsort(c.references, c.n, sizeof(*c.references), compare_digests);
	rc = collect_blobs(&c, err);
	if (rc == 0)
		rc = collect_temporary(&c, err);
	if (rc == 0)
		*ret = c.report;
	return rc;
}
