/* Each way a depot can be wrong is found, and named. */
#include "depot_fixture.h"

#include "process/process.h"

static struct release_row rows[2];
static struct release release;

static const char *const FOLDER = "depot/releases/voice/good";
#define ENGINE "linux-x86_64/cpu-avx512/alexa/1/model.onnx"

static int fresh(void **state)
{
	struct release_published p;

	setup(state);
	rows[0] = make_row("alexa", "engine one");
	rows[1] = make_row("silero", "engine two");
	release = make_release("good", rows, 2);
	assert_ok(release_publish(depot, key, &release, &p, &err), &err);
	return 0;
}

static void expect_fault(const char *kind, const char *path, const char *text)
{
	struct faults all = { .n = 0 };
	struct depot_verify_report report;
	char line[1024];

	assert_ok(depot_verify(depot, public_key, NULL, note_fault, &all, &report, &err), &err);
	snprintf(line, sizeof line, "%s %s: ", kind, path);
	if (!strstr(all.text, line) || !strstr(all.text, text))
		fail_msg("'%s' with '%s' is not in:\n%s", line, text, all.text);
	assert_int_equal(report.faults, all.n);
}

static void overwrite(const char *path, const char *bytes)
{
	assert_int_equal(unlink(path), 0);
	assert_ok(fs_write_new(path, span_of(bytes), 0444, &err), &err);
}

static void a_good_one(void **state)
{
	(void)state;
	struct faults all = { .n = 0 };
	struct depot_verify_report report;

	assert_ok(depot_verify(depot, public_key, NULL, note_fault, &all, &report, &err), &err);
	assert_string_equal(all.text, "");
	assert_int_equal(report.blobs, 6);
	assert_int_equal(report.releases, 1);
	assert_int_equal(report.release_rows, 2);
	assert_ok(depot_verify(depot, NULL, NULL, NULL, NULL, &report, &err), &err);
	assert_int_equal(report.faults, 0);
}

static void blobs(void **state)
{
	(void)state;
	char path[FS_PATH_MAX], below[256], hex[DIGEST_HEX];

	assert_ok(depot_path(depot, &rows[0].engine, path, sizeof path, &err), &err);
	snprintf(below, sizeof below, "blobs/sha256/%.2s/%s", digest_hex(&rows[0].engine, hex), hex);
	overwrite(path, "engine 0ne");
	expect_fault("changed", below, "hashes to");
	/* the release's own link still holds the old bytes: it is hashed, since it is no longer the blob's inode */
	assert_int_equal(unlink(path), 0);
	expect_fault("missing", "releases/voice/good/" ENGINE, "blob");
	snprintf(below, sizeof below, "blobs/sha256/%.2s/short", hex);
	assert_ok(fs_write_new(in_dir("depot/%s", below), SPAN("x"), 0444, &err), &err);
	expect_fault("extra", below, "no name of a blob");
	assert_int_equal(mkdir(in_dir("depot/blobs/sha256/zz"), 0755), 0);
	expect_fault("extra", "blobs/sha256/zz", "no place");
}

static void changed_through_the_release(void **state)
{
	(void)state;
	overwrite(in_dir("%s/" ENGINE, FOLDER), "engine 1ne");
	expect_fault("changed", "releases/voice/good/" ENGINE, "hashes to");
}

/* Link and blob are one file: written through either, both are found. */
static void changed_in_place(void **state)
{
	(void)state;
	const char *path = in_dir("%s/" ENGINE, FOLDER);
	char below[256], hex[DIGEST_HEX];
	int fd;

	assert_int_equal(chmod(path, 0644), 0);
	fd = open(path, O_WRONLY);
	assert_int_equal(write(fd, "E", 1), 1);
	close(fd);
	snprintf(below, sizeof below, "blobs/sha256/%.2s/%s", digest_hex(&rows[0].engine, hex), hex);
	expect_fault("changed", below, "hashes to");
	expect_fault("changed", "releases/voice/good/" ENGINE, "its blob does not hash to");
}

static void missing_and_extra(void **state)
{
	(void)state;
	assert_int_equal(unlink(in_dir("%s/" ENGINE, FOLDER)), 0);
	expect_fault("missing", "releases/voice/good/" ENGINE, "the release names it");
	assert_ok(fs_write_new(in_dir("%s/linux-x86_64/cpu-avx512/alexa/config.pbtxt", FOLDER), SPAN("x"), 0644, &err),
		  &err);
	expect_fault("extra", "releases/voice/good/linux-x86_64/cpu-avx512/alexa/config.pbtxt", "no row");
	assert_int_equal(symlink("/etc", in_dir("%s/linux-x86_64/l", FOLDER)), 0);
	expect_fault("extra", "releases/voice/good/linux-x86_64/l", "files and folders only");
}

static void signatures(void **state)
{
	(void)state;
	RF_AUTO(str) json = STR_INIT(1 * MIB);
	struct release other = release;

	other.created_at += 5;
	assert_ok(release_write_json(&other, &json, &err), &err);
	overwrite(in_dir("%s/release.json", FOLDER), str_text(&json));
	expect_fault("changed", "releases/voice/good/release.json", "what is signed");
	other.service = "reading";
	str_reset(&json);
	assert_ok(release_write_json(&other, &json, &err), &err);
	overwrite(in_dir("%s/release.json", FOLDER), str_text(&json));
	expect_fault("changed", "releases/voice/good/release.json", "release good of reading");
	assert_int_equal(unlink(in_dir("%s/release.dsse", FOLDER)), 0);
	expect_fault("missing", "releases/voice/good/release.dsse", "not signed");
	overwrite(in_dir("%s/release.json", FOLDER), "{");
	expect_fault("changed", "releases/voice/good/release.json", "");
	assert_int_equal(unlink(in_dir("%s/release.json", FOLDER)), 0);
	expect_fault("missing", "releases/voice/good/release.json", "");
}

struct recording {
	const struct release *release;
	const struct release_published *published;
};

static int record_it(struct transaction *tx, void *data)
{
	const struct recording *r = data;
	return release_record(tx, r->release, r->published, "user:test@host");
}

/* No channel points at it, no folder is left of it: only its row knows. */
static void one_that_was_published(void **state)
{
	(void)state;
	struct release_published p;
	struct depot_verify_report report;
	struct release other = release;
	RF_AUTO(str) json = STR_INIT(1 * MIB);
	struct faults all = { .n = 0 };

	assert_ok(release_publish(depot, key, &release, &p, &err), &err);
	assert_ok(database_transact(db, DB_WRITE, record_it, &(struct recording){ &release, &p }, &err), &err);
	assert_ok(depot_verify(depot, public_key, db, note_fault, &all, &report, &err), &err);
	assert_string_equal(all.text, "");

	other.created_by = "somebody else";
	assert_ok(release_write_json(&other, &json, &err), &err);
	overwrite(in_dir("%s/release.json", FOLDER), str_text(&json));
	assert_ok(depot_verify(depot, NULL, db, note_fault, &all, &report, &err), &err);
	assert_non_null(strstr(all.text, "published was"));

	assert_int_equal(rename(in_dir("%s", FOLDER), in_dir("elsewhere")), 0);
	all = (struct faults){ .n = 0 };
	assert_ok(depot_verify(depot, public_key, db, note_fault, &all, &report, &err), &err);
	assert_non_null(strstr(all.text, "missing releases/voice/good: it was published and is gone"));
	assert_ok(depot_verify(depot, public_key, NULL, NULL, NULL, &report, &err), &err);
	assert_int_equal(report.faults, 0);
}

/* Nobody signed them: their row is what holds them. */
static void engines_as_found(void **state)
{
	(void)state;
	struct release_row found[2] = { rows[0], rows[1] };
	struct release r = make_release("as-found", found, 2);
	struct release_published p;
	struct depot_verify_report report;
	RF_AUTO(str) json = STR_INIT(1 * MIB);
	struct faults all = { .n = 0 };

	r.as_found = true;
	assert_int_equal(release_publish(depot, NULL, &r, &p, &err), RF_EINVALID); /* rows with attestations */
	for (size_t i = 0; i < 2; i++) {
		found[i].carried_over = true;
		found[i].provenance = found[i].proof_statement = (struct digest){ { 0 } };
	}
	r.advisory_count = 0;
	assert_ok(release_publish(depot, NULL, &r, &p, &err), &err);
	assert_false(fs_exists(in_dir("depot/releases/voice/as-found/release.dsse")));
	assert_ok(depot_verify(depot, public_key, db, note_fault, &all, &report, &err), &err);
	assert_non_null(strstr(all.text, "never recorded"));
	assert_ok(database_transact(db, DB_WRITE, record_it, &(struct recording){ &r, &p }, &err), &err);
	all = (struct faults){ .n = 0 };
	assert_ok(depot_verify(depot, public_key, db, note_fault, &all, &report, &err), &err);
	assert_string_equal(all.text, "");
	assert_ok(depot_verify(depot, public_key, NULL, note_fault, &all, &report, &err), &err);
	assert_non_null(strstr(all.text, "unsigned releases/voice/as-found/release.json: engines as found"));
	/* a signed release may not shed its signature by calling itself found */
	r.created_by = "somebody else";
	assert_ok(release_write_json(&r, &json, &err), &err);
	overwrite(in_dir("depot/releases/voice/as-found/release.json"), str_text(&json));
	all = (struct faults){ .n = 0 };
	assert_ok(depot_verify(depot, public_key, db, note_fault, &all, &report, &err), &err);
	assert_non_null(strstr(all.text, "published was"));
}

/* An attestation that is signed well and speaks of another engine. */
static void statements(void **state)
{
	(void)state;
	struct release_row swapped[2] = { rows[0], rows[1] };
	struct release r = make_release("swapped", swapped, 2);
	struct release_published p;
	struct verify_key *stranger = NULL;
	struct depot_verify_report report;

	swapped[0].provenance = rows[1].provenance;
	swapped[1].proof_statement = rows[1].provenance;
	assert_ok(release_publish(depot, key, &r, &p, &err), &err);
	expect_fault("unsigned", "releases/voice/swapped/linux-x86_64/cpu-avx512/alexa.provenance.dsse",
		     "another engine");
	expect_fault("unsigned", "releases/voice/swapped/linux-x86_64/cpu-avx512/silero.proof.dsse", "predicate");
	assert_ok(key_generate(in_dir("s.pem"), in_dir("s.pub.pem"), &err), &err);
	assert_ok(verify_key_load(in_dir("s.pub.pem"), &stranger, &err), &err);
	assert_ok(depot_verify(depot, stranger, NULL, NULL, NULL, &report, &err), &err);
	assert_int_equal(report.faults, 2 * 5); /* two releases: their own signature and four statements each */
	verify_key_freep(&stranger);
}

/* The commands of docs/verify.md, with programs that are not ours. */
static int stranger(const char *public_key_path, struct process_result *r)
{
	char depot_path[FS_PATH_MAX + 16];
	const char *const argv[] = { "tests/e2e/verify_release.sh", depot_path, public_key_path, NULL };
	struct process_options o = { .argv = argv, .deadline_usec = 120 * USEC_PER_SEC, .output_limit_bytes = 1 * MIB };

	snprintf(depot_path, sizeof depot_path, "%s/depot", dir);
	assert_ok(process_run(&o, r, &err), &err);
	if (r->exit_status == 2)
		print_message("%s", str_text(&r->error_output));
	return r->exit_status;
}

static void a_stranger_verifies(void **state)
{
	(void)state;
	RF_AUTO(process_result) good = { 0 };
	RF_AUTO(process_result) bad_key = { 0 };
	struct release_row old = rows[0];
	struct release r = make_release("second", &old, 1);
	struct release_published p;

	old.carried_over = true;
	old.provenance = old.proof_statement = (struct digest){ { 0 } };
	r.parent = "good";
	r.ledger_size = 3;
	digest_of(SPAN("head"), &r.ledger_head);
	assert_ok(release_publish(depot, key, &r, &p, &err), &err);
	int rc = stranger(in_dir("key.pub.pem"), &good);
	if (rc == 2)
		skip();
	if (rc != 0)
		fail_msg("%s", str_text(&good.error_output));
	assert_non_null(strstr(str_text(&good.output), "good: voice/good, 2 engines, 4 attestations"));
	assert_non_null(strstr(str_text(&good.output), "good: voice/second, 1 engines, 0 attestations"));
	assert_ok(key_generate(in_dir("o.pem"), in_dir("o.pub.pem"), &err), &err);
	assert_int_equal(stranger(in_dir("o.pub.pem"), &bad_key), 1);
	assert_non_null(strstr(str_text(&bad_key.error_output), "FAILED release-signature"));
}

static void a_stranger_finds(void **state)
{
	(void)state;
	static const struct {
		const char *file, *bytes, *step;
	} cases[] = {
		{ ENGINE, "engine 0ne", "engines" },
		{ "linux-x86_64/cpu-avx512/alexa/1/extra", "x", "nothing-else" },
		{ "linux-x86_64/cpu-avx512/alexa.proof.dsse", "{}", "attestation-digests" },
		{ "release.json", "{}", "release-payload" },
		{ "release.dsse", "{}", "release-signature" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO(process_result) r = { 0 };
		const char *path = in_dir("%s/%s", FOLDER, cases[i].file), *aside = in_dir("aside");
		bool there = fs_exists(path);
		char want[64];

		if (there)
			assert_int_equal(rename(path, aside), 0);
		assert_ok(fs_write_new(path, span_of(cases[i].bytes), 0444, &err), &err);
		int rc = stranger(in_dir("key.pub.pem"), &r);
		assert_int_equal(unlink(path), 0);
		if (there)
			assert_int_equal(rename(aside, path), 0);
		if (rc == 2)
			skip();
		snprintf(want, sizeof want, "FAILED %s:", cases[i].step);
		if (rc != 1 || !strstr(str_text(&r.error_output), want))
			fail_msg("%s: %s", cases[i].file, str_text(&r.error_output));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, teardown)
	const struct CMUnitTest tests[] = { TEST(a_good_one),
					    TEST(blobs),
					    TEST(changed_through_the_release),
					    TEST(changed_in_place),
					    TEST(missing_and_extra),
					    TEST(signatures),
					    TEST(statements),
					    TEST(one_that_was_published),
					    TEST(engines_as_found),
					    TEST(a_stranger_verifies),
					    TEST(a_stranger_finds) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
