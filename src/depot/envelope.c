/* Opening DSSE envelopes, and reading of a statement what a check needs. */
#include "depot_int.h"

#include "format/json.h"

int envelope_open(const struct verify_key *key, const char *payload_type, struct span envelope, struct str *ret,
		  struct err *err)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct json root, signatures;
	struct span type;
	int rc = doc ? json_parse(doc, envelope, &root, err) : err_set(err, RF_ENOMEM, "no memory for an envelope");

	if (rc != 0)
		return rc;
	signatures = json_get(root, "signatures");
	type = json_string(json_get(root, "payloadType"));
	if (!span_eq_text(type, payload_type)) {
		rc = err_set(err, RF_EVERIFY, "the envelope holds '%.*s', not %s", (int)RF_MIN(type.n, (size_t)100),
			     type.p ? type.p : "", payload_type);
		(void)err_in_field(err, "payloadType");
		return rc;
	}
	/* Several signatures are allowed; ours is enough. Which one it is, the key id is only a hint: each is tried. */
	rc = err_set(err, RF_EVERIFY, "the envelope has no signature");
	for (struct json_each it = json_each(signatures); rc != 0 && json_next(&it);)
		rc = dsse_verify(key, type, json_string(json_get(root, "payload")),
				 json_string(json_get(it.value, "sig")), ret, err);
	return rc;
}

/* "model/os-arch/accelerator/file": the target is what stands between the first part and the last. */
static void name_split(struct span name, struct statement_facts *ret)
{
	size_t first = span_find_byte(name, '/');
	size_t last = name.n;

	while (last > 0 && name.p[last - 1] != '/')
		last--;
	if (first == SIZE_MAX || last < first + 2)
		return;
	ret->model = span_sub(name, 0, first);
	ret->target = span_sub(name, first + 1, last - 1 - (first + 1));
}

static int subject_read(struct json root, struct statement_facts *ret, struct err *err)
{
	struct json subjects = json_get(root, "subject");
	int rc = 0;

	if (json_count(subjects) != 1)
		return err_set(err, RF_EFORMAT, "the statement has %zu subjects, not one", json_count(subjects));
	for (struct json_each it = json_each(subjects); json_next(&it);) {
		name_split(json_string(json_get(it.value, "name")), ret);
		rc = digest_read(json_string(json_path(it.value, "digest", "sha256", NULL)), &ret->engine, err);
	}
	return rc == 0 ? 0 : err_in_field(err, "subject[0].digest.sha256");
}

static void provenance_read(struct json predicate, struct statement_facts *ret)
{
	struct json toolchain = json_path(predicate, "buildDefinition", "externalParameters", "toolchain", NULL);
	struct span finished = json_string(json_path(predicate, "runDetails", "metadata", "finishedOn", NULL));

	ret->toolchain = json_string(json_get(toolchain, "name"));
	ret->toolchain_version = json_string(json_get(toolchain, "version"));
	if (time_read(finished, &ret->finished_at, NULL, NULL) != 0)
		ret->finished_at = USEC_NONE;
}

static int facts_keep(struct arena *a, struct statement_facts *f)
{
	struct span *const spans[] = { &f->model, &f->target, &f->toolchain, &f->toolchain_version };

	for (size_t i = 0; i < RF_COUNT(spans); i++) {
		if (!spans[i]->n)
			continue;
		*spans[i] = arena_span(a, *spans[i]);
		if (!spans[i]->p)
			return RF_ENOMEM;
	}
	return 0;
}

int statement_read(struct arena *a, struct span statement, const char *predicate_type, struct statement_facts *ret,
		   struct err *err)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct statement_facts facts = { .finished_at = USEC_NONE };
	struct json root;
	int rc = doc ? json_parse(doc, statement, &root, err) : err_set(err, RF_ENOMEM, "no memory for a statement");

	if (rc != 0)
		return rc;
	if (!span_eq_text(json_string(json_get(root, "_type")), STATEMENT_TYPE))
		return err_set(err, RF_EFORMAT, "no in-toto Statement v1");
	if (!span_eq_text(json_string(json_get(root, "predicateType")), predicate_type))
		return err_set(err, RF_EFORMAT, "the predicate is not %s", predicate_type);
	rc = subject_read(root, &facts, err);
	if (rc != 0)
		return rc;
	if (strcmp(predicate_type, PREDICATE_PROVENANCE) == 0)
		provenance_read(json_get(root, "predicate"), &facts);
	if (facts_keep(a, &facts) != 0)
		return err_set(err, RF_ENOMEM, "no memory for a statement");
	*ret = facts;
	return 0;
}
