/* bundle_read - a bundle of another site: verified whole, then imported. */
#include "advisory/bundle.h"

#include "base/thread.h"

static int read_manifest(struct bundle_reader *r, const struct verify_key *key, struct arena *a,
			 struct bundle_manifest *m)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) text = STR_INIT(BUNDLE_MAX_MANIFEST);
	struct json root;
	int rc = doc ? bundle_read_manifest(r, key, BUNDLE_PAYLOAD_TYPE, &text) : err_set(r->err, RF_ENOMEM, "bundle");
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
		rc = bundle_read_member(r, bundle_entry_name(e, name), e->bytes, ADVISORY_MAX_BYTES);
		digest_of(str_span(&r->bytes), &digest);
		if (!rc && !digest_eq(&digest, &e->digest))
			rc = err_set(r->err, RF_EVERIFY, "%s is not what its digest says", name);
		if (!rc && i)
			rc = import_entry(i, e, str_span(&r->bytes), r->err);
	}
	return rc ? rc : bundle_read_end(r);
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
	struct bundle_reader r;
	struct importing i = { .db = db, .options = options };
	*ret = (struct advisory_import_result){ 0 };
	*manifest = (struct bundle_manifest){ .as_of = USEC_NONE };
	int rc = bundle_reader_open(path, ADVISORY_MAX_BYTES, &r, err ? err : &own);
	if (!rc)
		rc = read_manifest(&r, key, a, manifest);
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
	bundle_reader_release(&r);
	return rc;
}
