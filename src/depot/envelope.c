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

int statement_read(struct span statement, const char *predicate_type, struct digest *ret_subject, struct err *err)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct json root, subjects;
	int rc = doc ? json_parse(doc, statement, &root, err) : err_set(err, RF_ENOMEM, "no memory for a statement");

	if (rc != 0)
		return rc;
	subjects = json_get(root, "subject");
	if (!span_eq_text(json_string(json_get(root, "_type")), STATEMENT_TYPE))
		return err_set(err, RF_EFORMAT, "no in-toto Statement v1");
	if (!span_eq_text(json_string(json_get(root, "predicateType")), predicate_type))
		return err_set(err, RF_EFORMAT, "the predicate is not %s", predicate_type);
	if (json_count(subjects) != 1)
		return err_set(err, RF_EFORMAT, "the statement has %zu subjects, not one", json_count(subjects));
	for (struct json_each it = json_each(subjects); json_next(&it);)
		rc = digest_read(json_string(json_path(it.value, "digest", "sha256", NULL)), ret_subject, err);
	return rc;
}
