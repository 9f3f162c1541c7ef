/* bundle_read - a bundle of another site: verified whole, then imported. */
#include "advisory/bundle.h"

#include "base/fs.h"
#include "base/thread.h"

#include <sys/stat.h>
#include <unistd.h>

struct bundle_reader {
	int fd;
	uint64_t size, at;
	struct str bytes;
	struct err *err;
};

bool bundle_sniff(const char *path)
{
	static const char first[] = "manifest.json"; /* with the NUL behind it */
	char head[265];
	size_t n = 0;
	int fd = -1;
	struct err ignored = ERR_INIT;
	if (fs_is_dir(path) || fs_open_regular(path, false, &fd, NULL, &ignored))
		return false;
	int rc = fs_pread(fd, head, sizeof head, 0, &n, &ignored);
	(void)close(fd);
	return !rc && n == sizeof head && !memcmp(head, first, sizeof first) && !memcmp(head + 257, "ustar", 5);
}

static int read_exactly(struct bundle_reader *r, void *to, size_t n)
{
	size_t got = 0;
	int rc = r->at > r->size || n > r->size - r->at ? err_set(r->err, RF_ETRUNCATED, "the bundle is cut off")
							 : fs_pread(r->fd, to, n, r->at, &got, r->err);
	if (!rc && got != n)
		rc = err_set(r->err, RF_ETRUNCATED, "the bundle is cut off");
	r->at += n;
	return rc;
}

static int expect_zeros(struct bundle_reader *r, size_t n)
{
	char bytes[2 * BUNDLE_BLOCK];
	int rc = read_exactly(r, bytes, n);
	for (size_t i = 0; !rc && i < n; i++)
		if (bytes[i])
			rc = err_set(r->err, RF_EFORMAT, "the bundle holds bytes between its members");
	return rc;
}

/* The member @name, of @bytes or (0) as many as it says up to @limit, into r->bytes. */
static int read_member(struct bundle_reader *r, const char *name, uint64_t bytes, uint64_t limit)
{
	unsigned char block[BUNDLE_BLOCK], wanted[BUNDLE_BLOCK];
	char piece[64 * KIB];
	int rc = read_exactly(r, block, sizeof block);
	if (rc)
		return rc;
	if (!bytes)
		for (size_t i = 124; i < 135; i++)
			bytes = bytes * 8 + (uint64_t)((block[i] - '0') & 7);
	bundle_header(name, bytes, wanted);
	if (memcmp(block, wanted, sizeof block) != 0)
		return err_set(r->err, RF_EFORMAT, "the bundle has another member than %s here, or it has another size",
			       name);
	if (bytes > limit)
		return err_set(r->err, RF_ETOOBIG, "%s has %llu bytes, at most %llu", name, (unsigned long long)bytes,
			       (unsigned long long)limit);
	str_reset(&r->bytes);
	for (uint64_t left = bytes; !rc && left;) {
		size_t n = (size_t)RF_MIN(left, (uint64_t)sizeof piece);
		rc = read_exactly(r, piece, n);
		if (!rc)
			str_add(&r->bytes, span_bytes(piece, n));
		left -= n;
	}
	if (!rc)
		rc = str_check(&r->bytes, name, r->err);
	return rc ? rc : expect_zeros(r, (size_t)((BUNDLE_BLOCK - bytes % BUNDLE_BLOCK) % BUNDLE_BLOCK));
}

static int verify_manifest(struct bundle_reader *r, const struct verify_key *key, struct span manifest)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) payload = STR_INIT(BUNDLE_MAX_MANIFEST);
	struct json root;
	int rc = doc ? json_parse(doc, str_span(&r->bytes), &root, r->err) : err_set(r->err, RF_ENOMEM, "bundle");
	if (rc)
		return rc;
	struct span type = json_string(json_get(root, "payloadType"));
	if (!span_eq_text(type, BUNDLE_PAYLOAD_TYPE))
		return err_set(r->err, RF_EVERIFY, "manifest.dsse is no signature of a bundle");
	rc = err_set(r->err, RF_EVERIFY, "manifest.dsse has no signature");
	for (struct json_each it = json_each(json_get(root, "signatures")); rc && json_next(&it);) {
		str_reset(&payload);
		rc = dsse_verify(key, type, json_string(json_get(root, "payload")),
				 json_string(json_get(it.value, "sig")), &payload, r->err);
	}
	if (!rc && !span_eq(str_span(&payload), manifest))
		rc = err_set(r->err, RF_EVERIFY, "manifest.json is not what was signed");
	return rc;
}

static int read_manifest(struct bundle_reader *r, const struct verify_key *key, struct arena *a,
			 struct bundle_manifest *m)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) text = STR_INIT(BUNDLE_MAX_MANIFEST);
	struct json root;
	int rc = doc ? read_member(r, "manifest.json", 0, BUNDLE_MAX_MANIFEST) : err_set(r->err, RF_ENOMEM, "bundle");
	if (rc)
		return rc;
	str_add(&text, str_span(&r->bytes));
	rc = str_check(&text, "manifest of a bundle", r->err);
	if (!rc)
		rc = read_member(r, "manifest.dsse", 0, 2 * BUNDLE_MAX_MANIFEST);
	if (!rc)
		rc = verify_manifest(r, key, str_span(&text));
	if (!rc)
		rc = json_parse(doc, str_span(&text), &root, r->err);
	return rc ? rc : bundle_manifest_read(a, root, m, r->err);
}

struct importing {
	struct database *db;
	const struct advisory_import *options;
	struct advisory_import marked[TLP_RED + 1]; /* options with each mark */
	struct advisory_importer *importers[TLP_RED + 1];
};

static int import_entry(struct importing *i, const struct bundle_entry *e, struct span bytes, struct err *err)
{
	struct err why = ERR_INIT;
	int refused = 0;
	RF_AUTO(str) name = STR_INIT(16 * KIB);
	enum tlp mark = RF_MAX(e->tlp, i->options->tlp);
	i->marked[mark] = *i->options;
	i->marked[mark].tlp = mark;
	int rc = i->importers[mark] ? 0 : advisory_importer_new(i->db, &i->marked[mark], &i->importers[mark], err);
	str_addf(&name, "%.*s: %.*s", SPAN_ARG(e->feed), SPAN_ARG(e->source));
	if (!rc)
		rc = str_check(&name, "name of a document", err);
	if (rc)
		return rc;
	rc = advisory_importer_add(i->importers[mark], bytes, str_text(&name), &refused, &why);
	if (rc)
		*err = why;
	else if (refused && i->options->problem) {
		(void)err_in_file(&why, str_text(&name));
		i->options->problem(str_text(&name), &why, i->options->data);
	}
	return rc;
}

/* With @i NULL everything is only looked at. Digests are taken both times: what is imported is what was verified. */
static int walk(struct bundle_reader *r, const struct bundle_manifest *m, struct importing *i)
{
	char name[BUNDLE_NAME_BYTES];
	struct digest digest;
	int rc = 0;
	for (size_t k = 0; !rc && k < m->count; k++) {
		const struct bundle_entry *e = &m->entries[k];
		if (thread_stop_wanted())
			return err_set(r->err, RF_ECANCELLED, "import stopped; what was written stays");
		rc = read_member(r, bundle_entry_name(e, name), e->bytes, ADVISORY_MAX_BYTES);
		digest_of(str_span(&r->bytes), &digest);
		if (!rc && !digest_eq(&digest, &e->digest))
			rc = err_set(r->err, RF_EVERIFY, "%s is not what its digest says", name);
		if (!rc && i)
			rc = import_entry(i, e, str_span(&r->bytes), r->err);
	}
	if (!rc)
		rc = expect_zeros(r, 2 * BUNDLE_BLOCK);
	if (!rc && r->at != r->size)
		rc = err_set(r->err, RF_EFORMAT, "the bundle goes on behind its end");
	return rc;
}

static int finish(struct importing *i, int rc, struct advisory_import_result *ret, struct err *err)
{
	struct advisory_import_result one;
	for (size_t k = 0; k < RF_COUNT(i->importers); k++) {
		if (!i->importers[k])
			continue;
		int flushed = advisory_importer_flush(i->importers[k], rc ? NULL : err);
		rc = rc ? rc : flushed;
		advisory_importer_result(i->importers[k], &one);
		ret->files += one.files;
		ret->documents += one.documents;
		ret->unchanged += one.unchanged;
		ret->advisories += one.advisories;
		ret->review += one.review;
		ret->problems += one.problems;
		advisory_importer_free(i->importers[k]);
	}
	return rc;
}

int bundle_import(struct database *db, const char *path, const struct verify_key *key,
		  const struct advisory_import *options, struct arena *a, struct bundle_manifest *manifest,
		  struct advisory_import_result *ret, struct err *err)
{
	struct err own = ERR_INIT;
	struct stat st;
	struct bundle_reader r = { .fd = -1, .bytes = STR_INIT(2 * BUNDLE_MAX_MANIFEST), .err = err ? err : &own };
	struct importing i = { .db = db, .options = options };
	*ret = (struct advisory_import_result){ 0 };
	*manifest = (struct bundle_manifest){ .as_of = USEC_NONE };
	int rc = fs_open_regular(path, false, &r.fd, &st, r.err);
	if (!rc) {
		r.size = (uint64_t)st.st_size;
		rc = read_manifest(&r, key, a, manifest);
	}
	uint64_t documents = r.at;
	if (!rc)
		rc = walk(&r, manifest, NULL);
	if (!rc) {
		manifest->expired = manifest->expires < now_usec();
		r.at = documents;
		rc = finish(&i, walk(&r, manifest, &i), ret, r.err);
	}
	if (rc)
		(void)err_in_file(r.err, path);
	if (r.fd >= 0)
		(void)close(r.fd);
	str_release(&r.bytes);
	return rc;
}
