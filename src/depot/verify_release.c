/* One release against itself: signature, rows, files, attestations, and nothing else in the folder. */
#include "depot_int.h"

#include "base/hash.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

const char *depot_fault_kind_name(enum depot_fault_kind kind)
{
	static const char *const names[] = {
		[DEPOT_CHANGED] = "changed",       [DEPOT_MISSING] = "missing",   [DEPOT_EXTRA] = "extra",
		[DEPOT_UNREADABLE] = "unreadable", [DEPOT_UNSIGNED] = "unsigned",
	};

	return (size_t)kind < RF_COUNT(names) ? names[kind] : "?";
}

void verifier_fault(struct verifier *v, enum depot_fault_kind kind, const char *path, const char *format, ...)
{
	char text[1024];
	struct depot_fault fault = { .kind = kind, .path = path, .text = text };
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	v->faults++;
	if (v->fault)
		v->fault(&fault, v->data);
}

/* A release being verified. */
struct subject {
	struct verifier *v;
	struct release release;
	struct arena arena;
	struct map expected;      /* paths below the depot's folder that belong to the release */
	char folder[FS_PATH_MAX]; /* below the depot's folder */
};

static void subject_release(struct subject *s)
{
	map_release(&s->expected);
	arena_release(&s->arena);
}

/* A path of the release, remembered as one that may be there; NULL without memory. */
static const char *expect(struct subject *s, const char *format, ...) RF_PRINTF(2, 3);
static const char *expect(struct subject *s, const char *format, ...)
{
	char rest[FS_PATH_MAX];
	va_list args;
	char *path;

	va_start(args, format);
	(void)vsnprintf(rest, sizeof rest, format, args);
	va_end(args);
	path = arena_printf(&s->arena, "%s/%s", s->folder, rest);
	return path && map_set(&s->expected, span_of(path), path) == 0 ? path : NULL;
}

/* Whether the file that the release names by @digest stands at @path, below the depot's folder. */
static bool check_file(struct subject *s, const char *path, const struct digest *digest)
{
	struct verifier *v = s->v;
	char full[FS_PATH_MAX], blob[FS_PATH_MAX], want[DIGEST_HEX], got[DIGEST_HEX];
	struct stat file, of_blob;
	struct digest found;
	struct err err = ERR_INIT;
	bool blob_there;

	(void)digest_hex(digest, want);
	if (depot_pathf(v->depot, full, &err, "%s", path) != 0 ||
	    depot_path(v->depot, digest, blob, sizeof blob, &err) != 0) {
		verifier_fault(v, DEPOT_UNREADABLE, path, "%s", err.text);
		return false;
	}
	if (lstat(full, &file) != 0) {
		verifier_fault(v, errno == ENOENT ? DEPOT_MISSING : DEPOT_UNREADABLE, path,
			       "the release names it (sha256 %s)", want);
		return false;
	}
	blob_there = lstat(blob, &of_blob) == 0;
	if (!blob_there)
		verifier_fault(v, DEPOT_MISSING, path, "its blob %s is gone", want);
	if (v->blobs_hashed && blob_there && file.st_dev == of_blob.st_dev && file.st_ino == of_blob.st_ino) {
		if (!map_get(&v->changed, span_of(blob)))
			return true;
		verifier_fault(v, DEPOT_CHANGED, path, "its blob does not hash to %s, which the release names", want);
		return false;
	}
	if (digest_file(full, &found, NULL, &err) != 0) {
		verifier_fault(v, DEPOT_UNREADABLE, path, "%s", err.text);
		return false;
	}
	if (!digest_eq(&found, digest)) {
		verifier_fault(v, DEPOT_CHANGED, path, "hashes to %s, the release names %s", digest_hex(&found, got),
			       want);
		return false;
	}
	return true;
}

/* Signed by the key, and about this engine. */
static void check_statement(struct subject *s, const char *path, const char *predicate, const struct digest *engine)
{
	RF_AUTO(str) envelope = STR_INIT(ATTESTATION_MAX_BYTES);
	RF_AUTO(str) statement = STR_INIT(ATTESTATION_MAX_BYTES);
	char full[FS_PATH_MAX];
	struct statement_facts about;
	struct err err = ERR_INIT;
	int rc = depot_pathf(s->v->depot, full, &err, "%s", path);

	if (rc == 0)
		rc = fs_read(full, &envelope, &err);
	if (rc == 0)
		rc = envelope_open(s->v->key, STATEMENT_MEDIA_TYPE, str_span(&envelope), &statement, &err);
	if (rc == 0)
		rc = statement_read(&s->arena, str_span(&statement), predicate, &about, &err);
	if (rc != 0)
		verifier_fault(s->v, DEPOT_UNSIGNED, path, "%s", err.text);
	else if (!digest_eq(&about.engine, engine))
		verifier_fault(s->v, DEPOT_UNSIGNED, path, "the statement is about another engine");
}

static int check_attestation(struct subject *s, const struct release_row *row, const struct digest *digest,
			     const char *suffix, const char *predicate, struct err *err)
{
	const char *path;

	if (digest_is_zero(digest))
		return 0;
	path = expect(s, "%s/%s%s", row->target, row->model, suffix);
	if (!path)
		return err_set(err, RF_ENOMEM, "no memory to verify a release");
	if (check_file(s, path, digest) && s->v->key)
		check_statement(s, path, predicate, &row->engine);
	return 0;
}

static int check_rows(struct subject *s, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->release.row_count; i++) {
		const struct release_row *row = &s->release.rows[i];
		const char *path = expect(s, "%s/%s/%u/%s", row->target, row->model, (unsigned)row->version, row->file);

		if (!path)
			return err_set(err, RF_ENOMEM, "no memory to verify a release");
		(void)check_file(s, path, &row->engine);
		rc = check_attestation(s, row, &row->provenance, RELEASE_PROVENANCE_SUFFIX, PREDICATE_PROVENANCE, err);
		if (rc == 0)
			rc = check_attestation(s, row, &row->proof_statement, RELEASE_PROOF_SUFFIX, PREDICATE_PROOF,
					       err);
		s->v->rows++;
	}
	return rc;
}

/* What no key vouches for, its row in the database must. Its digest is compared with that row's at the end. */
static void check_as_found(struct subject *s, const char *json_path)
{
	if (!s->v->recorded)
		verifier_fault(s->v, DEPOT_UNSIGNED, json_path, "engines as found: nobody signed them");
	else if (!verifier_has_recorded(s->v, s->release.service, s->release.name))
		verifier_fault(s->v, DEPOT_UNSIGNED, json_path, "engines as found that were never recorded");
}

static void check_signature(struct subject *s, const char *json_path, struct span json)
{
	RF_AUTO(str) envelope = STR_INIT(2 * RELEASE_MAX_BYTES);
	RF_AUTO(str) payload = STR_INIT(2 * RELEASE_MAX_BYTES);
	char full[FS_PATH_MAX];
	const char *path = expect(s, RELEASE_SIGNATURE_FILE);
	struct err err = ERR_INIT;
	int rc = path ? depot_pathf(s->v->depot, full, &err, "%s", path) : RF_ENOMEM;

	if (rc == 0)
		rc = fs_read(full, &envelope, &err);
	if (rc == 0 && s->v->key)
		rc = envelope_open(s->v->key, RELEASE_MEDIA_TYPE, str_span(&envelope), &payload, &err);
	if (rc == RF_ENOTFOUND)
		verifier_fault(s->v, DEPOT_MISSING, path, "the release is not signed");
	else if (rc != 0)
		verifier_fault(s->v, DEPOT_UNSIGNED, path ? path : s->folder, "%s", err.text);
	else if (s->v->key && !span_eq(str_span(&payload), json))
		verifier_fault(s->v, DEPOT_CHANGED, json_path,
			       "what is signed in release.dsse is not what stands here");
}

static int look_for_extra(const struct fs_entry *e, void *data)
{
	struct subject *s = data;
	const char *path = e->path + strlen(s->v->depot->folder) + 1;

	if (e->kind == FS_UNREADABLE)
		verifier_fault(s->v, DEPOT_UNREADABLE, path, "%s", e->error_text);
	else if (e->kind != FS_FILE)
		verifier_fault(s->v, DEPOT_EXTRA, path, "a release holds files and folders only");
	else if (!map_get(&s->expected, span_of(path)))
		verifier_fault(s->v, DEPOT_EXTRA, path, "no row of the release names it");
	return 0;
}

int verify_one_release(struct verifier *v, const char *service, const char *name, struct err *err)
{
	RF_AUTO(subject) s = { .v = v, .arena = ARENA_INIT(4 * RELEASE_MAX_BYTES), .expected = MAP_INIT };
	RF_AUTO(str) json = STR_INIT(RELEASE_MAX_BYTES);
	char full[FS_PATH_MAX];
	const char *path;
	int rc;

	if ((size_t)snprintf(s.folder, sizeof s.folder, "releases/%s/%s", service, name) >= sizeof s.folder)
		return err_set(err, RF_ETOOBIG, "the path of a release is too long");
	path = expect(&s, RELEASE_FILE);
	if (!path)
		return err_set(err, RF_ENOMEM, "no memory to verify a release");
	rc = release_read_bytes(v->depot, service, name, &json, err);
	if (rc == 0)
		rc = release_read_json(&s.arena, str_span(&json), &s.release, err);
	if (rc == RF_ENOMEM)
		return rc;
	if (rc != 0) {
		verifier_fault(v,
			       rc == RF_ENOTFOUND ? DEPOT_MISSING
			       : rc == RF_EFORMAT ? DEPOT_CHANGED
						  : DEPOT_UNREADABLE,
			       path, "%s", err ? err->text : rf_error_text(rc));
		return 0;
	}
	if (strcmp(s.release.service, service) != 0 || strcmp(s.release.name, name) != 0)
		verifier_fault(v, DEPOT_CHANGED, path, "it says it is release %s of %s", s.release.name,
			       s.release.service);
	if (s.release.as_found)
		check_as_found(&s, path);
	else
		check_signature(&s, path, str_span(&json));
	rc = check_rows(&s, err);
	if (rc == 0)
		rc = depot_pathf(v->depot, full, err, "%s", s.folder);
	return rc != 0 ? rc : fs_walk(full, look_for_extra, &s, err);
}

int release_verify(struct depot *d, const char *service, const char *name, const struct verify_key *key,
		   void (*fault)(const struct depot_fault *, void *), void *data, uint64_t *ret_faults, struct err *err)
{
	struct verifier v = { .depot = d, .key = key, .fault = fault, .data = data };
	char path[FS_PATH_MAX];
	int rc;

	if (!release_name_ok(span_of(service)) || !release_name_ok(span_of(name)))
		return err_set(err, RF_EINVALID, "no names of a service and a release");
	rc = depot_pathf(d, path, err, "releases/%s/%s", service, name);
	if (rc == 0 && !fs_is_dir(path)) {
		(void)err_set(err, RF_ENOTFOUND, "no release '%s' of %s", name, service);
		return err_in_file(err, path);
	}
	if (rc == 0)
		rc = verify_one_release(&v, service, name, err);
	if (rc == 0 && ret_faults)
		*ret_faults = v.faults;
	return rc;
}
