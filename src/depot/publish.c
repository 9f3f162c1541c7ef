/* A release on disk: filled beside its place, made durable, renamed once.
 *
 * Durable how: engines are already (depot_put_file() returned). Folders, attestations and the manifest of a handful of
 * rows are fsynced one by one, half a millisecond each; from SYNC_WHOLE_FROM rows on one syncfs(2) takes them all. It
 * also writes back what else is dirty on that file system, which is why it is not used for few: on a machine busy with
 * something else it may take a second. Either way everything a release names is on the disk before its name is. */
#include "depot_int.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SYNC_WHOLE_FROM 48

/* What is being filled; removed with everything in it unless it was renamed. */
struct filling {
	struct depot *depot;
	const struct release *release;
	char folder[FS_PATH_MAX];
	bool whole_sync;
	bool shards[256]; /* blobs/sha256/<byte> that hold attestations of ours, to be synced at the end */
};

static void filling_release(struct filling *f)
{
	if (f->folder[0])
		(void)!fs_remove_tree(f->folder, NULL);
}

int release_read_bytes(const struct depot *d, const char *service, const char *name, struct str *ret, struct err *err)
{
	char path[FS_PATH_MAX];
	int rc;

	if (!release_name_ok(span_of(service)) || !release_name_ok(span_of(name)))
		return err_set(err, RF_EINVALID, "no names of a service and a release");
	rc = depot_pathf(d, path, err, "releases/%s/%s/" RELEASE_FILE, service, name);
	return rc != 0 ? rc : fs_read(path, ret, err);
}

int release_read(const struct depot *d, struct arena *a, const char *service, const char *name, struct release *ret,
		 struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(RELEASE_MAX_BYTES);
	char path[FS_PATH_MAX];
	int rc = release_read_bytes(d, service, name, &bytes, err);

	if (rc != 0)
		return rc;
	rc = release_read_json(a, str_span(&bytes), ret, err);
	if (rc == 0 && (strcmp(ret->service, service) != 0 || strcmp(ret->name, name) != 0))
		rc = err_set(err, RF_ECONFLICT, "the folder holds release %s of %s", ret->name, ret->service);
	if (rc != 0 && depot_pathf(d, path, NULL, "releases/%s/%s/" RELEASE_FILE, service, name) == 0)
		(void)err_in_file(err, path);
	return rc;
}

/* ---- filling ---- */

static int make_folder(const char *path, struct err *err)
{
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return 0;
	(void)err_set_errno(err, errno, "cannot make a folder");
	return err_in_file(err, path);
}

/* Hard link, or where the file system or its link count refuses, a copy. @ret_bytes: size of what stands at @to. */
static int link_blob(struct filling *f, const struct digest *digest, const char *to, uint64_t *ret_bytes,
		     struct err *err)
{
	char from[FS_PATH_MAX];
	struct stat st;
	int rc = depot_path(f->depot, digest, from, sizeof from, err);

	if (rc != 0)
		return rc;
	if (link(from, to) != 0) {
		if (errno == EMLINK || errno == EPERM || errno == EXDEV || errno == EOPNOTSUPP) {
			rc = depot_copy(from, to, err);
			if (rc == 0 && !f->whole_sync)
				rc = depot_fsync(to, err);
		} else if (errno == ENOENT) {
			rc = err_set(err, RF_ENOTFOUND, "the depot does not hold this blob");
			(void)err_in_file(err, from);
		} else {
			rc = err_set_errno(err, errno, "cannot link a blob into the release");
			(void)err_in_file(err, to);
		}
	}
	if (rc == 0 && lstat(to, &st) != 0) {
		rc = err_set_errno(err, errno, "cannot see what was just made");
		(void)err_in_file(err, to);
	}
	if (rc == 0)
		*ret_bytes = (uint64_t)st.st_size;
	return rc;
}

/* Attestations may have been put unsynced: the blob's name is made durable with its bytes, or depot_verify() would miss
 * it after a power cut. */
static int sync_shards(struct filling *f, struct err *err)
{
	char path[FS_PATH_MAX];
	bool any = false;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < RF_COUNT(f->shards); i++) {
		if (!f->shards[i])
			continue;
		any = true;
		rc = depot_pathf(f->depot, path, err, "blobs/sha256/%02x", i);
		if (rc == 0)
			rc = depot_fsync(path, err);
	}
	if (rc == 0 && any)
		rc = depot_pathf(f->depot, path, err, "blobs/sha256");
	return rc != 0 || !any ? rc : depot_fsync(path, err);
}

static int add_attestation(struct filling *f, const struct release_row *row, const struct digest *digest,
			   const char *suffix, struct err *err)
{
	char path[FS_PATH_MAX];
	uint64_t bytes;
	int rc;

	if (digest_is_zero(digest))
		return 0;
	if ((size_t)snprintf(path, sizeof path, "%s/%s/%s%s", f->folder, row->target, row->model, suffix) >=
	    sizeof path)
		return err_set(err, RF_ETOOBIG, "the path of an attestation is too long");
	rc = link_blob(f, digest, path, &bytes, err);
	if (rc != 0 || f->whole_sync)
		return rc;
	f->shards[digest->bytes[0]] = true;
	return depot_fsync(path, err);
}

static int add_engine(struct filling *f, const struct release_row *row, struct err *err)
{
	char path[FS_PATH_MAX];
	uint64_t bytes = 0;
	int model, version, rc;

	model = snprintf(path, sizeof path, "%s/%s/%s", f->folder, row->target, row->model);
	if (model < 0 || (size_t)model + RELEASE_NAME_MAX + 32 >= sizeof path)
		return err_set(err, RF_ETOOBIG, "the path of an engine is too long");
	rc = make_folder(path, err);
	version = snprintf(path + model, sizeof path - (size_t)model, "/%u", (unsigned)row->version);
	if (rc == 0)
		rc = make_folder(path, err);
	(void)snprintf(path + model + version, sizeof path - (size_t)(model + version), "/%s", row->file);
	if (rc == 0)
		rc = link_blob(f, &row->engine, path, &bytes, err);
	if (rc == 0 && bytes != row->engine_bytes) {
		rc = err_set(err, RF_ECONFLICT, "the engine is %llu bytes, its row says %llu",
			     (unsigned long long)bytes, (unsigned long long)row->engine_bytes);
		(void)err_in_file(err, path);
	}
	if (rc == 0 && !f->whole_sync) {
		path[model + version] = '\0';
		rc = depot_fsync(path, err);
		path[model] = '\0';
		if (rc == 0)
			rc = depot_fsync(path, err);
	}
	return rc;
}

/* The two folders of a target, made when the rows, sorted, come to it; synced when they leave it. */
static int make_target(struct filling *f, const char *target, struct err *err)
{
	char path[FS_PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/%s", f->folder, target);
	char *slash;
	int rc;

	if (n < 0 || (size_t)n >= sizeof path)
		return err_set(err, RF_ETOOBIG, "the path of a target is too long");
	slash = strrchr(path, '/');
	*slash = '\0';
	rc = make_folder(path, err);
	*slash = '/';
	return rc != 0 ? rc : make_folder(path, err);
}

static int sync_target(struct filling *f, const char *target, struct err *err)
{
	char path[FS_PATH_MAX];
	int rc;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", f->folder, target) >= sizeof path)
		return err_set(err, RF_ETOOBIG, "the path of a target is too long");
	rc = depot_fsync(path, err);
	*strrchr(path, '/') = '\0';
	return rc != 0 ? rc : depot_fsync(path, err);
}

static int add_rows(struct filling *f, const struct release_row **rows, struct err *err)
{
	const struct release *r = f->release;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->row_count; i++) {
		const struct release_row *row = rows[i];
		bool last = i + 1 == r->row_count || strcmp(rows[i + 1]->target, row->target) != 0;

		if (i == 0 || strcmp(rows[i - 1]->target, row->target) != 0)
			rc = make_target(f, row->target, err);
		if (rc == 0)
			rc = add_engine(f, row, err);
		if (rc == 0)
			rc = add_attestation(f, row, &row->provenance, RELEASE_PROVENANCE_SUFFIX, err);
		if (rc == 0)
			rc = add_attestation(f, row, &row->proof_statement, RELEASE_PROOF_SUFFIX, err);
		if (rc != 0)
			(void)err_prefix(err, "engine %s on %s", row->model, row->target);
		if (rc == 0 && last && !f->whole_sync)
			rc = sync_target(f, row->target, err);
	}
	return rc;
}

static int write_file(struct filling *f, const char *name, struct span bytes, struct err *err)
{
	char path[FS_PATH_MAX];
	int rc;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", f->folder, name) >= sizeof path)
		return err_set(err, RF_ETOOBIG, "the path of a release is too long");
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		rc = err_set_errno(err, errno, "cannot make a file");
	else
		rc = fs_write_all(fd, bytes.p, bytes.n, err);
	if (rc == 0 && (fchmod(fd, 0444) != 0 || (!f->whole_sync && fsync(fd) != 0)))
		rc = err_set_errno(err, errno, "cannot make a file durable");
	if (rc != 0)
		(void)err_in_file(err, path);
	return rc;
}

static int write_manifest(struct filling *f, const struct signing_key *key, struct digest *ret, struct err *err)
{
	RF_AUTO(str) json = STR_INIT(RELEASE_MAX_BYTES);
	RF_AUTO(str) envelope = STR_INIT(2 * RELEASE_MAX_BYTES);
	int rc = release_write_json(f->release, &json, err);

	if (rc == 0 && !f->release->as_found)
		rc = dsse_sign(key, RELEASE_MEDIA_TYPE, str_span(&json), &envelope, err);
	if (rc == 0)
		rc = write_file(f, RELEASE_FILE, str_span(&json), err);
	if (rc == 0 && !f->release->as_found)
		rc = write_file(f, RELEASE_SIGNATURE_FILE, str_span(&envelope), err);
	if (rc == 0)
		digest_of(str_span(&json), ret);
	return rc;
}

static int fill(struct filling *f, const struct signing_key *key, struct digest *ret, struct err *err)
{
	RF_AUTO_FREE const struct release_row **rows = NULL;
	int rc = release_sort_rows(f->release, &rows, err);

	if (rc == 0)
		rc = add_rows(f, rows, err);
	if (rc == 0)
		rc = write_manifest(f, key, ret, err);
	if (rc == 0)
		rc = f->whole_sync ? depot_sync(f->depot, err) : sync_shards(f, err);
	return rc != 0 || f->whole_sync ? rc : depot_fsync(f->folder, err);
}

/* ---- publishing ---- */

/* A release of that name is there: ours from an earlier call, or another's. */
static int compare_existing(struct depot *d, const struct release *r, struct release_published *p, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(RELEASE_MAX_BYTES);
	RF_AUTO(arena) a = ARENA_INIT(2 * RELEASE_MAX_BYTES);
	struct release found;
	struct digest content;
	int rc = release_read_bytes(d, r->service, r->name, &bytes, err);

	if (rc == 0)
		rc = release_read_json(&a, str_span(&bytes), &found, err);
	if (rc == 0)
		rc = release_content_digest(&found, &content, err);
	if (rc == 0 && !digest_eq(&content, &p->content))
		rc = err_set(err, RF_ECONFLICT,
			     "a release of this name is there with other content; releases are never changed");
	for (size_t i = 0; rc == 0 && i < found.row_count; i++) {
		char path[FS_PATH_MAX];
		struct stat st;

		if ((size_t)snprintf(path, sizeof path, "%s/%s/%s/%u/%s", p->folder, found.rows[i].target,
				     found.rows[i].model, (unsigned)found.rows[i].version,
				     found.rows[i].file) >= sizeof path ||
		    lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != found.rows[i].engine_bytes)
			rc = err_set(err, RF_ECONFLICT, "the release is there, its engine %s is not as it says",
				     found.rows[i].model);
	}
	if (rc != 0) {
		(void)err_in_file(err, p->folder);
		return rc;
	}
	digest_of(str_span(&bytes), &p->digest);
	p->existed = true;
	return 0;
}

/* Folders that killed attempts at this release left behind. Under the service's lock: nobody fills one. */
static int remove_leftovers(const char *service_folder, const char *name, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	char prefix[sizeof PUBLISHING_PREFIX + RELEASE_NAME_MAX + 2], path[FS_PATH_MAX];
	const char **names = NULL;
	size_t n = 0, length;
	int rc = depot_names(service_folder, &a, &names, &n, err);

	length = (size_t)snprintf(prefix, sizeof prefix, PUBLISHING_PREFIX "%s-", name);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		/* what follows is the random part, so that "x" does not take "x-2"'s */
		if (strncmp(names[i], prefix, length) != 0 || strlen(names[i]) != length + DEPOT_UNIQUE_BYTES - 1 ||
		    (size_t)snprintf(path, sizeof path, "%s/%s", service_folder, names[i]) >= sizeof path)
			continue;
		rc = fs_remove_tree(path, err);
	}
	return rc;
}

static int publish_new(struct depot *d, const struct signing_key *key, const struct release *r,
		       const char *service_folder, struct release_published *p, struct err *err)
{
	struct filling f __attribute__((cleanup(filling_release))) = { .depot = d, .release = r };
	char unique[DEPOT_UNIQUE_BYTES], path[FS_PATH_MAX];
	int rc = remove_leftovers(service_folder, r->name, err);

	if (rc == 0)
		rc = depot_unique(unique, err);
	if (rc == 0)
		rc = depot_pathf(d, path, err, "releases/%s/" PUBLISHING_PREFIX "%s-%s", r->service, r->name, unique);
	if (rc == 0)
		rc = make_folder(path, err);
	if (rc != 0)
		return rc;
	memcpy(f.folder, path, sizeof path);
	f.whole_sync = r->row_count >= SYNC_WHOLE_FROM;
	rc = fill(&f, key, &p->digest, err);
	if (rc == 0 && rename(f.folder, p->folder) != 0) {
		rc = err_set_errno(err, errno, "cannot give the release its name");
		(void)err_in_file(err, p->folder);
	}
	if (rc == 0)
		f.folder[0] = '\0';
	return rc;
}

int release_publish(struct depot *d, const struct signing_key *key, const struct release *r,
		    struct release_published *ret, struct err *err)
{
	struct release_published p = { .existed = false };
	char service_folder[FS_PATH_MAX], path[FS_PATH_MAX];
	AUTO_FD lock = -1;
	int rc = release_check(r, err);

	if (rc == 0)
		rc = release_content_digest(r, &p.content, err);
	if (rc == 0)
		rc = depot_pathf(d, service_folder, err, "releases/%s", r->service);
	if (rc == 0)
		rc = depot_pathf(d, p.folder, err, "releases/%s/%s", r->service, r->name);
	if (rc == 0)
		rc = make_folder(service_folder, err);
	if (rc == 0)
		rc = depot_pathf(d, path, err, "releases/%s/.lock", r->service);
	if (rc == 0)
		rc = depot_lock(path, true, &lock, err);
	if (rc == 0)
		rc = fs_exists(p.folder) ? compare_existing(d, r, &p, err)
					 : publish_new(d, key, r, service_folder, &p, err);
	/* also when it existed: the call that renamed it may have been killed before this */
	if (rc == 0)
		rc = depot_fsync(service_folder, err);
	if (rc == 0)
		rc = depot_pathf(d, path, err, "releases");
	if (rc == 0)
		rc = depot_fsync(path, err);
	if (rc == 0)
		*ret = p;
	return rc;
}
