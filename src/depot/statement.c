/* in-toto Statement v1 with SLSA provenance v1, and with our own proof predicate (docs/verify.md). */
#include "depot_int.h"

#include "format/json.h"

#define MAX_MATERIALS 1000

static int missing(struct err *err, const char *what)
{
	return err_set(err, RF_EINVALID, "a statement needs %s", what);
}

static bool has(const char *text)
{
	return text && text[0];
}

static int check_subject(const struct statement_subject *s, struct err *err)
{
	if (!release_name_ok(span_of(s->model)) || !release_target_ok(span_of(s->target)) ||
	    !release_name_ok(span_of(s->file)))
		return missing(err, "a subject with model, target and file");
	if (digest_is_zero(&s->engine))
		return missing(err, "the engine's digest");
	return 0;
}

/* A piece of JSON of others, kept as it was read: compact, so that no byte of layout becomes part of what is signed. */
static int put_json(struct json_out *o, const char *key, struct span text, struct err *err)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct json root;
	int rc = doc ? json_parse(doc, text, &root, err) : err_set(err, RF_ENOMEM, "no memory for a statement");

	if (rc == RF_EFORMAT) {
		(void)err_prefix(err, "%s", key);
		if (err)
			err->code = RF_EINVALID;
		return RF_EINVALID;
	}
	if (rc != 0)
		return rc;
	json_key(o, key);
	json_put_value(o, root);
	return 0;
}

static void put_hex(struct json_out *o, const char *key, const struct digest *d)
{
	char hex[DIGEST_HEX];

	json_member(o, key, digest_is_zero(d) ? NULL : digest_hex(d, hex));
}

static void put_sha256(struct json_out *o, const struct digest *d)
{
	json_key(o, "digest");
	json_object(o);
	put_hex(o, "sha256", d);
	json_object_end(o);
}

static void put_start(struct json_out *o, const struct statement_subject *s, const char *predicate_type)
{
	json_object(o);
	json_member(o, "_type", STATEMENT_TYPE);
	json_key(o, "subject");
	json_array(o);
	json_object(o);
	json_key(o, "name");
	json_putf(o, "%s/%s/%s", s->model, s->target, s->file);
	put_sha256(o, &s->engine);
	json_object_end(o);
	json_array_end(o);
	json_member(o, "predicateType", predicate_type);
	json_key(o, "predicate");
	json_object(o);
}

static int put_end(struct json_out *o, struct str *ret, struct err *err)
{
	json_object_end(o);
	json_object_end(o);
	return str_check(ret, "a statement", err);
}

static void put_materials(struct json_out *o, const struct provenance *p)
{
	json_key(o, "resolvedDependencies");
	json_array(o);
	for (size_t i = 0; i < p->material_count; i++) {
		const struct statement_material *m = &p->materials[i];

		json_object(o);
		json_member(o, "name", m->name);
		if (has(m->uri))
			json_member(o, "uri", m->uri);
		put_sha256(o, &m->digest);
		json_object_end(o);
	}
	json_array_end(o);
}

static int put_parameters(struct json_out *o, const struct provenance *p, struct err *err)
{
	int rc;

	json_member(o, "buildType", BUILD_TYPE);
	json_key(o, "externalParameters");
	json_object(o);
	json_member(o, "model", p->subject.model);
	json_member(o, "target", p->subject.target);
	put_hex(o, "buildDigest", &p->build);
	json_key(o, "toolchain");
	json_object(o);
	json_member(o, "name", p->toolchain);
	json_member(o, "version", p->toolchain_version);
	json_object_end(o);
	rc = put_json(o, "recipe", p->recipe, err);
	json_object_end(o);
	if (rc == 0 && p->internal.n > 0)
		rc = put_json(o, "internalParameters", p->internal, err);
	return rc;
}

static int check_provenance(const struct provenance *p, struct err *err)
{
	int rc = check_subject(&p->subject, err);

	if (rc == 0 && (!has(p->toolchain) || !has(p->toolchain_version)))
		rc = missing(err, "a toolchain with its version");
	if (rc == 0 && (!has(p->builder_id) || !has(p->invocation_id)))
		rc = missing(err, "a builder and an invocation");
	if (rc == 0 && p->recipe.n == 0)
		rc = missing(err, "the recipe");
	if (rc == 0 && (p->started_at == USEC_NONE || p->finished_at == USEC_NONE))
		rc = missing(err, "when it was built");
	if (rc == 0 && p->material_count > MAX_MATERIALS)
		rc = err_set(err, RF_ETOOMANY, "%zu materials, at most %d", p->material_count, MAX_MATERIALS);
	for (size_t i = 0; rc == 0 && i < p->material_count; i++)
		if (!has(p->materials[i].name) || digest_is_zero(&p->materials[i].digest))
			rc = missing(err, "a name and a digest for each material");
	return rc;
}

int statement_provenance(const struct provenance *p, struct str *ret, struct err *err)
{
	struct json_out o = json_out(ret, false);
	int rc = check_provenance(p, err);

	if (rc != 0)
		return rc;
	put_start(&o, &p->subject, PREDICATE_PROVENANCE);
	json_key(&o, "buildDefinition");
	json_object(&o);
	rc = put_parameters(&o, p, err);
	if (rc != 0)
		return rc;
	put_materials(&o, p);
	json_object_end(&o);
	json_key(&o, "runDetails");
	json_object(&o);
	json_key(&o, "builder");
	json_object(&o);
	json_member(&o, "id", p->builder_id);
	json_object_end(&o);
	json_key(&o, "metadata");
	json_object(&o);
	json_member(&o, "invocationId", p->invocation_id);
	json_member_time(&o, "startedOn", p->started_at);
	json_member_time(&o, "finishedOn", p->finished_at);
	json_object_end(&o);
	json_object_end(&o);
	return put_end(&o, ret, err);
}

int statement_proof(const struct proof_statement *p, struct str *ret, struct err *err)
{
	struct json_out o = json_out(ret, false);
	int rc = check_subject(&p->subject, err);

	if (rc == 0 && (!has(p->verdict) || !has(p->prover_id) || !has(p->invocation_id)))
		rc = missing(err, "a verdict, a prover and an invocation");
	if (rc == 0 && (p->started_at == USEC_NONE || p->finished_at == USEC_NONE))
		rc = missing(err, "when it was proven");
	if (rc != 0)
		return rc;
	put_start(&o, &p->subject, PREDICATE_PROOF);
	json_member(&o, "model", p->subject.model);
	json_member(&o, "target", p->subject.target);
	put_hex(&o, "proofDigest", &p->proof);
	put_hex(&o, "baseline", &p->baseline);
	json_member(&o, "verdict", p->verdict);
	rc = put_json(&o, "evidence", p->evidence, err);
	if (rc != 0)
		return rc;
	json_member(&o, "prover", p->prover_id);
	json_member(&o, "invocationId", p->invocation_id);
	json_member_time(&o, "startedOn", p->started_at);
	json_member_time(&o, "finishedOn", p->finished_at);
	return put_end(&o, ret, err);
}
