/* Signed bundles of the gate: written and read, expired, of another key, altered in every way, manifests that are none. */
#include "testing.h"

#include "whole.h"

#include "base/fs.h"
#include "gate/bundle.h"

struct site {
	char folder[256], path[300], private[300], public[300];
	struct signing_key *sign;
	struct verify_key *verify;
};

static void make_key(const char *folder, const char *name, struct signing_key **sign, struct verify_key **verify)
{
	char private[300], public[300];
	struct err err = ERR_INIT;
	snprintf(private, sizeof private, "%s/%s.pem", folder, name);
	snprintf(public, sizeof public, "%s/%s.pub.pem", folder, name);
	assert_ok(key_generate(private, public, &err), &err);
	assert_ok(signing_key_load(private, sign, &err), &err);
	assert_ok(verify_key_load(public, verify, &err), &err);
}

static int setup(void **state)
{
	struct site *s = calloc(1, sizeof *s);
	struct err err = ERR_INIT;
	assert_non_null(s);
	assert_ok(fs_temporary_dir("reforge-bundle", s->folder, sizeof s->folder, &err), &err);
	snprintf(s->path, sizeof s->path, "%s/gate.bundle", s->folder);
	make_key(s->folder, "release", &s->sign, &s->verify);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct site *s = *state;
	struct err err = ERR_INIT;
	signing_key_freep(&s->sign);
	verify_key_freep(&s->verify);
	int rc = fs_remove_tree(s->folder, &err);
	free(s);
	return rc;
}

static void write_bundle(struct site *s, usec_t created, usec_t expires)
{
	RF_AUTO_PTR(gate_snapshot) snapshot = whole_snapshot(created, expires);
	struct gate_bundle b = gate_bundle_of(snapshot, TLP_AMBER, 2);
	struct err err = ERR_INIT;
	uint64_t bytes;
	assert_ok(gate_bundle_write(snapshot, s->path, s->sign, &b, &bytes, &err), &err);
	assert_true(bytes > b.bytes && b.bytes > 100);
}

static int read_bundle(struct site *s, const struct verify_key *key, struct err *err)
{
	struct gate_snapshot *snapshot = NULL;
	*err = ERR_INIT;
	int rc = gate_bundle_read(s->path, key, &snapshot, NULL, err);
	assert_true(!rc == !!snapshot);
	gate_snapshot_free(snapshot);
	return rc;
}

static void written_and_read(void **state)
{
	struct site *s = *state;
	struct err err = ERR_INIT;
	struct gate_bundle b;
	write_bundle(s, 100, 200);
	RF_AUTO_PTR(gate_snapshot) snapshot = NULL;
	assert_ok(gate_bundle_read(s->path, s->verify, &snapshot, &b, &err), &err);
	assert_true(span_eq_text(b.site, "shenzhen") && b.created == 100 && b.expires == 200 && b.tlp == TLP_AMBER);
	assert_true(b.withheld == 2 && b.contents == 3 && b.images == 1 && b.models == 2 && b.advisories == 1);
	assert_true(b.policies == 2 && b.waivers == 1 && b.debts == 1 && b.releases == 1);
	/* long over, and read all the same: its head says so */
	assert_int_equal(snapshot->head.expires, 200);
	const struct digest d = digest_no(1);
	assert_non_null(gate_snapshot_find(snapshot, &d));
}

static void must_have_an_end(void **state)
{
	struct site *s = *state;
	RF_AUTO_PTR(gate_snapshot) snapshot = whole_snapshot(1, USEC_NONE);
	struct gate_bundle b = gate_bundle_of(snapshot, TLP_CLEAR, 0);
	struct err err = ERR_INIT;
	uint64_t bytes;
	assert_int_equal(gate_bundle_write(snapshot, s->path, s->sign, &b, &bytes, &err), RF_EINVALID);
	assert_false(fs_exists(s->path));
}

static void of_another_key(void **state)
{
	struct site *s = *state;
	struct signing_key *sign;
	struct verify_key *verify;
	struct err err;
	make_key(s->folder, "other", &sign, &verify);
	write_bundle(s, 1, 2);
	assert_int_equal(read_bundle(s, verify, &err), RF_EVERIFY);
	assert_non_null(strstr(err.text, verify_key_id(verify) ? "to be signed with key" : ""));
	assert_string_equal(err.file, s->path);
	signing_key_freep(&sign);
	verify_key_freep(&verify);
}

/* Every byte of the file counts: one bit changed anywhere, one byte less or more, and nothing is read. Only the key's id in
 * the envelope may be anything: it is a hint (DSSE, "keyid"). */
static void altered(void **state)
{
	struct site *s = *state;
	RF_AUTO(str) whole = STR_INIT(MIB);
	struct err err = ERR_INIT;
	write_bundle(s, 1, 2);
	assert_ok(fs_read(s->path, &whole, &err), &err);
	size_t hint = span_find(str_span(&whole), SPAN("\"keyid\"")), after = span_find(str_span(&whole), SPAN("\"sig\""));
	assert_true(hint < after && after != SIZE_MAX);
	for (size_t at = 0; at < whole.n; at += 1 + at % 7) {
		if (at >= hint && at < after)
			continue;
		whole.p[at] = (char)((unsigned char)whole.p[at] ^ 0x10);
		assert_ok(fs_write_atomic(s->path, str_span(&whole), 0644, &err), &err);
		if (!read_bundle(s, s->verify, &err))
			fail_msg("byte %zu changed, and it was read", at);
		whole.p[at] = (char)((unsigned char)whole.p[at] ^ 0x10);
	}
	for (size_t n = 0; n < whole.n; n += 1 + n / 3) {
		assert_ok(fs_write_atomic(s->path, span_sub(str_span(&whole), 0, n), 0644, &err), &err);
		assert_int_not_equal(read_bundle(s, s->verify, &err), 0);
	}
	str_add_byte(&whole, 0);
	assert_ok(fs_write_atomic(s->path, str_span(&whole), 0644, &err), &err);
	assert_int_not_equal(read_bundle(s, s->verify, &err), 0);
	assert_ok(fs_write_atomic(s->path, SPAN_NONE, 0644, &err), &err);
	assert_int_not_equal(read_bundle(s, s->verify, &err), 0);
}

#define COUNTS                                                                                                  \
	"\"withheld\":0,\"contents\":0,\"images\":0,\"models\":0,\"components\":0,\"advisories\":0,\"releases\":0," \
	"\"policies\":0,\"waivers\":0,\"debts\":0"
#define D64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MANIFEST(format, site, expires, tlp, counts, snapshot)                                                  \
	"{\"reforge_gate_bundle\":" format ",\"site\":" site ",\"created_at\":\"2026-07-20T00:00:00Z\",\"expires_at\":" \
	expires ",\"as_of\":null,\"tlp\":" tlp "," counts ",\"snapshot\":" snapshot "}"
#define END "\"2026-07-27T00:00:00Z\""
#define ONE "{\"sha256\":\"" D64 "\",\"bytes\":10}"

static void manifests(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ MANIFEST("1", "\"s\"", END, "\"TLP:AMBER\"", COUNTS, ONE), 0 },
		{ "{}", RF_EFORMAT },
		{ "[]", RF_EFORMAT },
		{ MANIFEST("2", "\"s\"", END, "\"clear\"", COUNTS, ONE), RF_EUNSUPPORTED },
		{ MANIFEST("1", "7", END, "\"clear\"", COUNTS, ONE), RF_EFORMAT },
		{ MANIFEST("1", "\"s\\u001b\"", END, "\"clear\"", COUNTS, ONE), RF_EFORMAT },
		{ MANIFEST("1", "\"s\"", "null", "\"clear\"", COUNTS, ONE), RF_EFORMAT },
		{ MANIFEST("1", "\"s\"", "\"soon\"", "\"clear\"", COUNTS, ONE), RF_EFORMAT },
		{ MANIFEST("1", "\"s\"", END, "\"pink\"", COUNTS, ONE), RF_EFORMAT },
		{ MANIFEST("1", "\"s\"", END, "\"clear\"", "\"withheld\":0", ONE), RF_EFORMAT },
		{ MANIFEST("1", "\"s\"", END, "\"clear\"", COUNTS, "{}"), RF_EFORMAT },
		{ MANIFEST("1", "\"s\"", END, "\"clear\"", COUNTS, "{\"sha256\":\"" D64 "\",\"bytes\":0}"), RF_EFORMAT },
		{ MANIFEST("1", "\"s\"", END, "\"clear\"", COUNTS, "{\"sha256\":\"" D64 "\",\"bytes\":1073741825}"), RF_ETOOBIG },
	};
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct arena a = ARENA_INIT(MIB);
		struct gate_bundle b;
		struct json root;
		assert_int_equal(json_parse(doc, span_of(cases[i].text), &root, NULL), 0);
		int rc = gate_bundle_manifest_read(&a, root, &b, NULL);
		if (rc != cases[i].rc)
			fail_msg("case %zu: %s", i, rf_error_name(rc));
		arena_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(written_and_read, setup, teardown),
					    cmocka_unit_test_setup_teardown(must_have_an_end, setup, teardown),
					    cmocka_unit_test_setup_teardown(of_another_key, setup, teardown),
					    cmocka_unit_test_setup_teardown(altered, setup, teardown),
					    cmocka_unit_test(manifests) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
