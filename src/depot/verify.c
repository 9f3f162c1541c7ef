/* The whole depot against itself: each blob against its name, each release against its rows, each channel's link. */
#include "depot_int.h"

#include <errno.h>
#include <unistd.h>

/* Releases as they were published. */
struct recorded {
	struct arena a;
	struct recorded_release {
		const char *service, *name, *digest;
	} *list;
	size_t count, capacity;
};

static int read_recorded(struct transaction *tx, void *data)
{
	struct recorded *r = data;
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(tx, "SELECT service, name, digest FROM depot_release", NULL, 0, &rows);

	r->count = 0;
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		if (r->count == r->capacity) {
			size_t capacity = r->capacity ? r->capacity * 2 : 256;
			void *list = rf_realloc_array(r->list, capacity, sizeof *r->list);

			if (!list)
				return err_set(tx_err(tx), RF_ENOMEM, "no memory to verify the depot");
			r->list = list;
			r->capacity = capacity;
		}
		r->list[r->count] = (struct recorded_release){ arena_text(&r->a, rows_text(rows, 0)),
							       arena_text(&r->a, rows_text(rows, 1)),
							       arena_text(&r->a, rows_text(rows, 2)) };
		if (!r->list[r->count].service || !r->list[r->count].name || !r->list[r->count].digest)
			return err_set(tx_err(tx), RF_ENOMEM, "no memory to verify the depot");
		r->count++;
		rc = 0;
	}
	return rc;
}

bool verifier_has_recorded(const struct verifier *v, const char *service, const char *name)
{
	size_t low = 0, high = v->recorded ? v->recorded->count : 0;

	while (low < high) { /* sorted by both */
		size_t middle = low + (high - low) / 2;
		const struct recorded_release *r = &v->recorded->list[middle];
		int c = strcmp(r->service, service);

		c = c ? c : strcmp(r->name, name);
		if (c == 0)
			return true;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static int compare_recorded(const void *a, const void *b)
{
	const struct recorded_release *x = a, *y = b;
	int c = strcmp(x->service, y->service);

	return c ? c : strcmp(x->name, y->name);
}

static bool is_shard_name(const char *name)
{
	unsigned char byte;

	return strlen(name) == 2 && hex_read(span_of(name), &byte, 1);
}

/* Remembered, so that every release that holds the same file is named too. */
static int changed_blob(struct verifier *v, const char *path, const char *full, const char *found, struct err *err)
{
	char *kept = arena_text(&v->arena, span_of(full));

	verifier_fault(v, DEPOT_CHANGED, path, "hashes to %s", found);
	return kept && map_set(&v->changed, span_of(kept), kept) == 0 ? 0 : err_set(err, RF_ENOMEM, "no memory to verify the depot");
}

static int verify_blob(struct verifier *v, const char *shard, const char *name, struct depot_verify_report *report, struct err *err)
{
	char path[FS_PATH_MAX], full[FS_PATH_MAX], hex[DIGEST_HEX];
	struct digest named, found;
	struct err reason = ERR_INIT;
	uint64_t bytes = 0;
	int rc;

	(void)snprintf(path, sizeof path, "blobs/sha256/%s/%.255s", shard, name);
	rc = depot_pathf(v->depot, full, err, "%s", path);
	if (rc != 0)
		return rc;
	if (digest_read(span_of(name), &named, NULL) != 0 || strcmp(digest_hex(&named, hex), name) != 0 ||
	    strncmp(name, shard, 2) != 0) {
		verifier_fault(v, DEPOT_EXTRA, path, "no name of a blob of this folder");
		return 0;
	}
	rc = digest_file(full, &found, &bytes, &reason);
	if (rc == RF_ENOTFOUND)
		return 0; /* collected while we looked */
	if (rc == RF_EINVALID) {
		verifier_fault(v, DEPOT_EXTRA, path, "%s", reason.text);
		return 0;
	}
	report->blobs++;
	report->blob_bytes += bytes;
	if (rc != 0)
		verifier_fault(v, DEPOT_UNREADABLE, path, "%s", reason.text);
	else if (!digest_eq(&found, &named))
		return changed_blob(v, path, full, digest_hex(&found, hex), err);
	return 0;
}

static int verify_shard(struct verifier *v, const char *shard, struct depot_verify_report *report, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(256 * MIB);
	char path[FS_PATH_MAX];
	const char **names = NULL;
	size_t n = 0;
	int rc = depot_pathf(v->depot, path, err, "blobs/sha256/%s", shard);

	if (rc == 0)
		rc = depot_names(path, &a, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = verify_blob(v, shard, names[i], report, err);
	return rc;
}

static int verify_blobs(struct verifier *v, struct depot_verify_report *report, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	char path[FS_PATH_MAX];
	const char **names = NULL;
	size_t n = 0;
	int rc = depot_pathf(v->depot, path, err, "blobs/sha256");

	if (rc == 0)
		rc = depot_names(path, &a, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		char below[512];

		(void)snprintf(below, sizeof below, "blobs/sha256/%.255s", names[i]);
		rc = depot_pathf(v->depot, path, err, "%s", below);
		if (rc == 0 && is_shard_name(names[i]) && fs_is_dir(path))
			rc = verify_shard(v, names[i], report, err);
		else if (rc == 0)
			verifier_fault(v, DEPOT_EXTRA, below, "the layout has no place for it");
	}
	return rc;
}

static int verify_service(struct verifier *v, const char *service, struct depot_verify_report *report, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	char path[FS_PATH_MAX];
	const char **names = NULL;
	size_t n = 0;
	int rc = depot_pathf(v->depot, path, err, "releases/%s", service);

	if (rc == 0)
		rc = depot_names(path, &a, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		char below[1024];

		if (names[i][0] == '.') /* the lock, and releases being filled or left by a killed attempt */
			continue;
		(void)snprintf(below, sizeof below, "releases/%s/%s", service, names[i]);
		rc = depot_pathf(v->depot, path, err, "%s", below);
		if (rc != 0)
			break;
		if (!release_name_ok(span_of(names[i])) || !fs_is_dir(path)) {
			verifier_fault(v, DEPOT_EXTRA, below, "no release");
			continue;
		}
		report->releases++;
		rc = verify_one_release(v, service, names[i], err);
	}
	return rc;
}

static int verify_releases(struct verifier *v, struct depot_verify_report *report, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	char path[FS_PATH_MAX];
	const char **names = NULL;
	size_t n = 0;
	int rc = depot_pathf(v->depot, path, err, "releases");

	if (rc == 0)
		rc = depot_names(path, &a, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		char below[512];

		(void)snprintf(below, sizeof below, "releases/%.255s", names[i]);
		rc = depot_pathf(v->depot, path, err, "%s", below);
		if (rc == 0 && release_name_ok(span_of(names[i])) && fs_is_dir(path))
			rc = verify_service(v, names[i], report, err);
		else if (rc == 0)
			verifier_fault(v, DEPOT_EXTRA, below, "the layout has no place for it");
	}
	return rc;
}

/* Every link leads to a release; the rows it follows are channel_project()'s. */
static int look_at_channel(const struct fs_entry *e, void *data)
{
	struct verifier *v = data;
	const char *path = e->path + strlen(v->depot->folder) + 1;
	struct stat st;

	if (e->name[0] == '.')
		return 0;
	if (e->kind == FS_UNREADABLE)
		verifier_fault(v, DEPOT_UNREADABLE, path, "%s", e->error_text);
	else if (e->kind != FS_LINK || e->depth != 3)
		verifier_fault(v, DEPOT_EXTRA, path, "channels holds links only, three folders deep");
	else if (stat(e->path, &st) != 0)
		verifier_fault(v, DEPOT_MISSING, path, "the release it points at is gone");
	return 0;
}

/* One that was published must be there, with the release.json of that time. */
static int look_at_recorded(struct verifier *v, const struct recorded_release *r, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(RELEASE_MAX_BYTES);
	char path[FS_PATH_MAX], hex[DIGEST_HEX];
	struct err reason = ERR_INIT;
	struct digest found;
	int rc = release_read_bytes(v->depot, r->service, r->name, &bytes, &reason);

	if (rc == RF_ENOMEM)
		return err_set(err, rc, "no memory to verify the depot");
	(void)snprintf(path, sizeof path, "releases/%s/%s", r->service, r->name);
	if (rc == RF_ENOTFOUND)
		verifier_fault(v, DEPOT_MISSING, path, "it was published and is gone");
	if (rc != 0)
		return 0; /* what is there and cannot be read was told by the walk */
	digest_of(str_span(&bytes), &found);
	if (strcmp(r->digest, digest_hex(&found, hex)) != 0)
		verifier_fault(v, DEPOT_CHANGED, path, "its release.json hashes to %s; published was %s", hex, r->digest);
	return 0;
}

static int verify_recorded(struct verifier *v, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && v->recorded && i < v->recorded->count; i++)
		rc = look_at_recorded(v, &v->recorded->list[i], err);
	return rc;
}

int depot_verify(struct depot *d, const struct verify_key *key, struct database *db,
		 void (*fault)(const struct depot_fault *, void *), void *data, struct depot_verify_report *ret,
		 struct err *err)
{
	struct verifier v = { .depot = d, .key = key, .fault = fault, .data = data, .changed = MAP_INIT, .arena = ARENA_INIT(64 * MIB) };
	struct depot_verify_report report = { .blobs = 0 };
	struct recorded recorded = { .a = ARENA_INIT(64 * MIB) };
	char path[FS_PATH_MAX];
	int rc = verify_blobs(&v, &report, err);

	/* rows before folders: what is published meanwhile has its folder before its row */
	if (rc == 0 && db) {
		rc = database_transact(db, DB_READ, read_recorded, &recorded, err);
		if (recorded.count)
			qsort(recorded.list, recorded.count, sizeof *recorded.list, compare_recorded);
		v.recorded = &recorded;
	}

	v.blobs_hashed = true;
	if (rc == 0)
		rc = verify_releases(&v, &report, err);
	if (rc == 0)
		rc = verify_recorded(&v, err);
	if (rc == 0)
		rc = depot_pathf(d, path, err, "channels");
	if (rc == 0)
		rc = fs_walk(path, look_at_channel, &v, err);
	map_release(&v.changed);
	arena_release(&v.arena);
	rf_free(recorded.list);
	arena_release(&recorded.a);
	if (rc != 0)
		return rc;
	report.release_rows = v.rows;
	report.faults = v.faults;
	*ret = report;
	return 0;
}
