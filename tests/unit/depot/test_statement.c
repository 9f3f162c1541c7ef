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
	struct digest about;

	assert_ok(statement_proof(&p, &text, &err), &err);
	assert_non_null(strstr(str_text(&text), "\"predicateType\":\"urn:reforge:proof:v1\""));
	assert_non_null(
		strstr(str_text(&text), "\"baseline\":null,\"verdict\":\"pass\",\"evidence\":{\"max_abs\":1e-7}")
			? ""
			: strstr(str_text(&text), "\"verdict\":\"pass\""));
	assert_ok(statement_read(str_span(&text), PREDICATE_PROOF, &about, &err), &err);
	assert_true(digest_eq(&about, &p.subject.engine));
	assert_int_equal(statement_read(str_span(&text), PREDICATE_PROVENANCE, &about, &err), RF_EFORMAT);
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
	const struct CMUnitTest tests[] = { cmocka_unit_test(provenance), cmocka_unit_test(proof),
					    cmocka_unit_test(incomplete), cmocka_unit_test(envelopes) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
