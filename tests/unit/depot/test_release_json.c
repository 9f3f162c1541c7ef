/* release.json: there and back, and what is refused. */
#include "testing.h"

#include "base/arena.h"
#include "depot/depot_int.h"

static struct digest digest(const char *of)
{
	struct digest d;

	digest_of(span_of(of), &d);
	return d;
}

static const char *const IDS[] = { "CVE-2026-24188", "CVE-2026-24268" };
static struct release_row rows[3];
static struct release sample;

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		rows[i] = (struct release_row){ .target = "linux-x86_64/cpu-avx512",
						.version = 1,
						.file = "model.onnx",
						.engine = digest("engine"),
						.engine_bytes = 7,
						.build = digest("build"),
						.proof = digest("proof"),
						.builder = { "onnxruntime", "1.21.1", digest("lib") },
						.runtime = { "onnxruntime", "1.21.1", digest("lib") },
						.provenance = digest("a"),
						.proof_statement = digest("b") };
	rows[0].model = "silero";
	rows[1].model = "alexa";
	rows[2] = (struct release_row){ .model = "legacy",
					.target = "linux-aarch64/sm_87",
					.version = 3,
					.file = "model.plan",
					.engine = digest("old"),
					.carried_over = true };
	sample = (struct release){ .service = "voice",
				   .environment = "production",
				   .name = "2026-07-15-CVE-2026-24268",
				   .parent = "2026-01-01-first",
				   .advisories = IDS,
				   .advisory_count = 2,
				   .created_at = 1784000000123456,
				   .created_by = "user:op@lab",
				   .ledger_size = 12,
				   .ledger_head = digest("head"),
				   .rows = rows,
				   .row_count = 3 };
	return 0;
}

static void there_and_back(void **state)
{
	(void)state;
	RF_AUTO(str) first = STR_INIT(1 * MIB);
	RF_AUTO(str) second = STR_INIT(1 * MIB);
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct release back;
	struct err err = ERR_INIT;

	assert_ok(release_write_json(&sample, &first, &err), &err);
	assert_ok(release_read_json(&a, str_span(&first), &back, &err), &err);
	assert_ok(release_write_json(&back, &second, &err), &err);
	assert_string_equal(str_text(&first), str_text(&second));
	assert_int_equal(back.row_count, 3);
	assert_string_equal(back.rows[0].model, "legacy"); /* sorted by target, then model */
	assert_string_equal(back.rows[1].model, "alexa");
	assert_true(back.rows[0].carried_over && digest_is_zero(&back.rows[0].build) && !back.rows[0].builder.name);
	assert_int_equal(back.created_at, sample.created_at);
	assert_string_equal(back.parent, sample.parent);
}

static void same_content(void **state)
{
	(void)state;
	struct digest one, other;
	struct err err = ERR_INIT;
	struct release r = sample;
	struct release_row swapped[3] = { rows[2], rows[0], rows[1] };

	assert_ok(release_content_digest(&sample, &one, &err), &err);
	r.created_at++;
	r.created_by = "user:other@lab";
	r.ledger_size = 0;
	r.ledger_head = (struct digest){ { 0 } };
	swapped[1].provenance = digest("another run's");
	r.rows = swapped;
	assert_ok(release_content_digest(&r, &other, &err), &err);
	assert_true(digest_eq(&one, &other));
	swapped[1].engine = digest("another engine");
	assert_ok(release_content_digest(&r, &other, &err), &err);
	assert_false(digest_eq(&one, &other));
}

static void refused_to_write(void **state)
{
	(void)state;
	for (int i = 0; i < 18; i++) {
		RF_AUTO(str) text = STR_INIT(1 * MIB);
		struct err err = ERR_INIT;
		int want = RF_EINVALID;

		setup(NULL);
		switch (i) {
		case 0:
			sample.service = "../x";
			break;
		case 1:
			sample.name = ".hidden";
			break;
		case 2:
			sample.name = "";
			break;
		case 3:
			sample.environment = "a b";
			break;
		case 4:
			sample.parent = "a/b";
			break;
		case 5:
			rows[0].model = "alexa";
			break; /* twice */
		case 6:
			rows[0].target = "linux-x86_64";
			break;
		case 7:
			rows[0].target = "a/b/c";
			break;
		case 8:
			rows[0].file = "../model.onnx";
			break;
		case 9:
			rows[0].version = 0;
			break;
		case 10:
			rows[0].engine = (struct digest){ { 0 } };
			break;
		case 11:
			rows[0].provenance = (struct digest){ { 0 } };
			break;
		case 12:
			rows[0].model = "x.provenance.dsse";
			break;
		case 13:
			rows[0].builder.version = NULL;
			break;
		case 14:
			sample.row_count = 0;
			break;
		case 15:
			sample.ledger_size = 0;
			break;
		case 16:
			sample.created_by = NULL;
			break;
		case 17:
			sample.row_count = RELEASE_MAX_ROWS + 1;
			want = RF_ETOOMANY;
			break;
		}
		if (release_write_json(&sample, &text, &err) != want)
			fail_msg("case %d was written", i);
		assert_true(err.text[0]);
	}
	setup(NULL);
}

static const struct {
	const char *from, *to, *field;
} CHANGES[] = {
	{ "\"reforge.release/1\"", "\"reforge.release/2\"", "schema" },
	{ "\"drill\": false", "\"drill\": 0", "drill" },
	{ "\"drill\": false", "\"drill\": false, \"extra\": 1", "extra" },
	{ "\"drill\": false", "\"drill\": false, \"drill\": true", "" },
	{ "\"drill\": false,", "", "drill" },
	{ "\"service\": \"voice\"", "\"service\": \"voice\\u0000x\"", "service" },
	{ "\"service\": \"voice\"", "\"service\": \"..\"", "service" },
	{ "\"bytes\": 7", "\"bytes\": 8", "content" }, /* the rows were edited, the digest was not */
	{ "\"bytes\": 7", "\"bytes\": -7", "engines[1].engine.bytes" },
	{ "\"bytes\": 7", "\"bytes\": 7.5", "engines[1].engine.bytes" },
	{ "/alexa/1/model.onnx", "/alexa/2/model.onnx", "engines[1].path" },
	{ "T03:33:20.123456Z", "T03:33:20Z", "created.at" },
	{ "\"carried_over\": true", "\"carried_over\": false", "" },
	{ "\"size\": 12", "\"size\": 0", "" },
};

static void refused_to_read(void **state)
{
	(void)state;
	RF_AUTO(str) good = STR_INIT(1 * MIB);
	struct err err = ERR_INIT;

	assert_ok(release_write_json(&sample, &good, &err), &err);
	for (size_t i = 0; i < RF_COUNT(CHANGES); i++) {
		RF_AUTO(str) bad = STR_INIT(1 * MIB);
		RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
		struct release back;
		size_t at = span_find(str_span(&good), span_of(CHANGES[i].from));

		if (at == SIZE_MAX)
			fail_msg("'%s' is not in the sample", CHANGES[i].from);
		str_add(&bad, span_sub(str_span(&good), 0, at));
		str_add_text(&bad, CHANGES[i].to);
		str_add(&bad, span_from(str_span(&good), at + strlen(CHANGES[i].from)));
		err = ERR_INIT;
		if (release_read_json(&a, str_span(&bad), &back, &err) != RF_EFORMAT)
			fail_msg("'%s' was read", CHANGES[i].to);
		if (CHANGES[i].field[0])
			assert_string_equal(err.field, CHANGES[i].field);
	}
	for (size_t n = 0; n + 1 < good.n; n += 7) {
		RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
		struct release back;

		assert_int_equal(release_read_json(&a, span_sub(str_span(&good), 0, n), &back, &err), RF_EFORMAT);
	}
}

static void names(void **state)
{
	(void)state;
	static const char *const good[] = { "a", "alexa_v0.1", "2026-07-15-CVE-2026-24268", "A+b" };
	static const char *const bad[] = { "", ".", "..", ".x", "a/b", "a b", "a\n", "\xc3\xa9", "a:b", "a%" };
	char longest[RELEASE_NAME_MAX + 2];

	for (size_t i = 0; i < RF_COUNT(good); i++)
		assert_true(release_name_ok(span_of(good[i])));
	for (size_t i = 0; i < RF_COUNT(bad); i++)
		assert_false(release_name_ok(span_of(bad[i])));
	memset(longest, 'a', sizeof longest);
	assert_true(release_name_ok((struct span){ longest, RELEASE_NAME_MAX }));
	assert_false(release_name_ok((struct span){ longest, RELEASE_NAME_MAX + 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(there_and_back, setup),
		cmocka_unit_test_setup(same_content, setup),
		cmocka_unit_test_setup(refused_to_write, setup),
		cmocka_unit_test_setup(refused_to_read, setup),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
