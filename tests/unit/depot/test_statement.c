/* Statements as in-toto and SLSA want them, and envelopes opened again. */
#include "depot_fixture.h"

static struct provenance sample(void)
{
	static struct statement_material materials[2];
	struct provenance p = { .subject = { "alexa", "linux-x86_64/cpu-avx512", "model.onnx", { { 1 } } },
				.recipe = SPAN("{ \"model\" : \"alexa\", \"x\":[1, 2] }"),
				.internal = SPAN("{\"threads\":1}"),
				.build = { { 2 } },
				.toolchain = "onnxruntime",
				.toolchain_version = "1.21.1",
				.materials = materials,
				.material_count = 2,
				.builder_id = "reforge://lab/host",
				.invocation_id = "task/7/1",
				.started_at = 1784000000000000,
				.finished_at = 1784000001500000 };

	materials[0] = (struct statement_material){ "source model", "models/alexa.onnx", { { 3 } } };
	materials[1] = (struct statement_material){ "toolchain library", NULL, { { 4 } } };
	return p;
}

#define ZEROS(n) "000000000000000000000000000000000000000000000000000000000000" n

static void provenance(void **state)
{
	(void)state;
	struct provenance p = sample();
	RF_AUTO(str) text = STR_INIT(STATEMENT_MAX_BYTES);

	assert_ok(statement_provenance(&p, &text, &err), &err);
	assert_string_equal(
		str_text(&text), "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":\"alexa/"
				 "linux-x86_64/cpu-avx512/model.onnx\","
				 "\"digest\":{\"sha256\":\"01" ZEROS(
					 "00") "\"}}],\"predicateType\":\"https://slsa.dev/provenance/"
					       "v1\",\"predicate\":{"
					       "\"buildDefinition\":{\"buildType\":\"urn:reforge:build:v1\","
					       "\"externalParameters\":{\"model\":\"alexa\",\"target\":"
					       "\"linux-x86_64/cpu-avx512\",\"buildDigest\":\"02" ZEROS(
						       "00") "\",\"toolchain\":{\"name\":\"onnxruntime\",\"version\":"
							     "\"1.21.1\"},\"recipe\":{\"model\":\"alexa\",\"x\":[1,2]}}"
							     ",\"internalParameters\":{\"threads\":1},"
							     "\"resolvedDependencies\":[{\"name\":\"source "
							     "model\",\"uri\":\"models/"
							     "alexa.onnx\",\"digest\":{\"sha256\":\"03" ZEROS(
								     "00") "\"}},{\"name\":\"toolchain "
									   "library\",\"digest\":{\"sha256\":"
									   "\"04" ZEROS("00") "\"}}]},\"runDetails\":{"
											      "\"builder\":{\"id\":"
											      "\"reforge://lab/"
											      "host\"},\"metadata\":{"
											      "\"invocationId\":\"task/"
											      "7/"
											      "1\",\"startedOn\":"
											      "\"2026-07-14T03:33:20."
											      "000000Z\","
											      "\"finishedOn\":\"2026-"
											      "07-14T03:33:21."
											      "500000Z\"}}}}");
}

#define HEX "0101010101010101010101010101010101010101010101010101010101010101"

static void proof(void **state)
{
	(void)state;
	struct proof_statement p = { .subject = { "alexa", "linux-x86_64/cpu-avx512", "model.onnx", { { 1 } } },
				     .proof = { { 2 } },
				     .verdict = "pass",
				     .evidence = SPAN("{\"max_abs\":1e-7}"),
				     .prover_id = "reforge://lab/host",
				     .invocation_id = "task/7/1",
				     .started_at = 0,
				     .finished_at = 1 };
	RF_AUTO(str) text = STR_INIT(STATEMENT_MAX_BYTES);
	struct arena a = ARENA_INIT(1 * MIB);
	struct statement_facts about;

	assert_ok(statement_proof(&p, &text, &err), &err);
	assert_non_null(strstr(str_text(&text), "\"predicateType\":\"urn:reforge:proof:v1\""));
	assert_non_null(
		strstr(str_text(&text), "\"baseline\":null,\"verdict\":\"pass\",\"evidence\":{\"max_abs\":1e-7}")
			? ""
			: strstr(str_text(&text), "\"verdict\":\"pass\""));
	assert_ok(statement_read(&a, str_span(&text), PREDICATE_PROOF, &about, &err), &err);
	assert_true(digest_eq(&about.engine, &p.subject.engine));
	assert_true(span_eq_text(about.model, "alexa") && span_eq_text(about.target, "linux-x86_64/cpu-avx512"));
	assert_true(about.toolchain.n == 0 && about.finished_at == USEC_NONE);
	assert_int_equal(statement_read(&a, str_span(&text), PREDICATE_PROVENANCE, &about, &err), RF_EFORMAT);
	arena_release(&a);
}

static void provenance_read_back(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
		const char *target; /* "": not said */
	} rows[] = {
		{ "{\"_type\":\"" STATEMENT_TYPE "\",\"predicateType\":\"" PREDICATE_PROVENANCE "\",\"subject\":[{\"name\":"
		  "\"m/f\",\"digest\":{\"sha256\":\"" HEX "\"}}],\"predicate\":{}}",
		  0, "" },
		{ "{\"_type\":\"" STATEMENT_TYPE "\",\"predicateType\":\"" PREDICATE_PROVENANCE "\",\"subject\":[{\"name\":"
		  "\"m/t/f\",\"digest\":{\"sha256\":\"" HEX "\"}}]}",
		  0, "t" },
		{ "{\"_type\":\"" STATEMENT_TYPE "\",\"predicateType\":\"" PREDICATE_PROVENANCE "\",\"subject\":[{\"name\":"
		  "\"m/t/f\",\"digest\":{\"sha256\":\"12\"}}]}",
		  RF_EFORMAT, "" },
		{ "{\"_type\":\"" STATEMENT_TYPE "\",\"predicateType\":\"" PREDICATE_PROVENANCE "\",\"subject\":[]}", RF_EFORMAT, "" },
		{ "{\"_type\":\"x\",\"predicateType\":\"" PREDICATE_PROVENANCE "\"}", RF_EFORMAT, "" },
		{ "[]", RF_EFORMAT, "" },
		{ "", RF_EFORMAT, "" },
	};
	struct arena a = ARENA_INIT(1 * MIB);
	struct statement_facts f;
	struct provenance p = sample();
	RF_AUTO(str) text = STR_INIT(STATEMENT_MAX_BYTES);

	assert_ok(statement_provenance(&p, &text, &err), &err);
	assert_ok(statement_read(&a, str_span(&text), PREDICATE_PROVENANCE, &f, &err), &err);
	assert_true(digest_eq(&f.engine, &p.subject.engine));
	assert_true(span_eq_text(f.toolchain, p.toolchain) && span_eq_text(f.toolchain_version, p.toolchain_version));
	assert_true(span_eq_text(f.model, p.subject.model) && span_eq_text(f.target, p.subject.target));
	assert_int_equal(f.finished_at, p.finished_at);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		assert_int_equal(statement_read(&a, span_of(rows[i].text), PREDICATE_PROVENANCE, &f, &err), rows[i].rc);
		if (rows[i].rc == 0)
			assert_true(span_eq_text(f.target, rows[i].target));
	}
	arena_release(&a);
}

static void incomplete(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		struct provenance p = sample();
		struct statement_material nameless = { NULL, NULL, { { 1 } } };
		RF_AUTO(str) text = STR_INIT(STATEMENT_MAX_BYTES);

		switch (i) {
		case 0:
			p.subject.engine = (struct digest){ { 0 } };
			break;
		case 1:
			p.subject.model = NULL;
			break;
		case 2:
			p.recipe = SPAN_NONE;
			break;
		case 3:
			p.recipe = SPAN("{not json");
			break;
		case 4:
			p.internal = SPAN("[1,");
			break;
		case 5:
			p.builder_id = "";
			break;
		case 6:
			p.invocation_id = NULL;
			break;
		case 7:
			p.finished_at = USEC_NONE;
			break;
		case 8:
			p.materials = &nameless;
			p.material_count = 1;
			break;
		case 9:
			p.toolchain_version = NULL;
			break;
		}
		if (statement_provenance(&p, &text, &err) != RF_EINVALID)
			fail_msg("case %d was written", i);
	}
}

static void envelopes(void **state)
{
	(void)state;
	struct provenance p = sample();
	RF_AUTO(str) text = STR_INIT(STATEMENT_MAX_BYTES);
	RF_AUTO(str) back = STR_INIT(STATEMENT_MAX_BYTES);
	RF_AUTO(str) envelope = STR_INIT(ATTESTATION_MAX_BYTES);
	struct digest blob, again;

	assert_ok(statement_provenance(&p, &text, &err), &err);
	assert_ok(attestation_put(depot, key, str_span(&text), &blob, &err), &err);
	assert_ok(attestation_put(depot, key, str_span(&text), &again, &err), &err);
	assert_true(digest_eq(&blob, &again));
	assert_ok(depot_read_blob(depot, &blob, &envelope, &err), &err);
	assert_ok(envelope_open(public_key, STATEMENT_MEDIA_TYPE, str_span(&envelope), &back, &err), &err);
	assert_string_equal(str_text(&back), str_text(&text));
	assert_int_equal(envelope_open(public_key, RELEASE_MEDIA_TYPE, str_span(&envelope), &back, &err), RF_EVERIFY);
	static const char *const bad[] = {
		"{}", "[]", "{\"payloadType\":\"application/vnd.in-toto+json\"}",
		"{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"e30=\",\"signatures\":[]}",
		"{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"e30=\",\"signatures\":{\"a\":1}}"
	};
	for (size_t i = 0; i < RF_COUNT(bad); i++)
		assert_int_not_equal(envelope_open(public_key, STATEMENT_MEDIA_TYPE, span_of(bad[i]), &back, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(provenance), cmocka_unit_test(proof), cmocka_unit_test(provenance_read_back),
					    cmocka_unit_test(incomplete), cmocka_unit_test(envelopes) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
