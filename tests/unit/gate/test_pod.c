/* The front of a pod: which files are looked at, what is attested of them, and that the worst counts. What the judge says of
 * single facts is test_decisions.c's. */
#include "testing.h"

#include "base/fs.h"
#include "depot/release.h"
#include "depot/statement.h"
#include "gate/pod.h"

#include <sys/stat.h>
#include <unistd.h>

struct pod {
	char folder[FS_PATH_MAX];
	struct signing_key *key;
	struct verify_key *public_key;
	struct gate_snapshot *snapshot;
};

static const char *in(const struct pod *p, const char *name)
{
	static char paths[8][FS_PATH_MAX * 2];
	static unsigned turn;
	char *path = paths[turn++ % 8];
	snprintf(path, sizeof paths[0], "%s/%s", p->folder, name);
	return path;
}

static void put(const struct pod *p, const char *name, struct span bytes)
{
	struct err err = ERR_INIT;
	char folder[FS_PATH_MAX * 2];
	snprintf(folder, sizeof folder, "%s", in(p, name));
	*strrchr(folder, '/') = '\0';
	assert_ok(fs_make_dirs(folder, 0755, &err), &err);
	assert_ok(fs_write_atomic(in(p, name), bytes, 0644, &err), &err);
}

/* ── An engine ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static void field(struct str *to, char tag, const char *bytes, size_t n)
{
	assert_true(n < 128);
	str_add_byte(to, tag);
	str_add_byte(to, (char)n);
	str_add(to, span_bytes(bytes, n));
}

static void stamp(struct str *to, const char *key, const char *value)
{
	RF_AUTO(str) entry = STR_INIT(1 * KIB);
	field(&entry, 0x0a, key, strlen(key));
	field(&entry, 0x12, value, strlen(value));
	field(to, 0x72, entry.p, entry.n);
}

/* ModelProto: one Identity node, the stamp of ONNX Runtime @version; @seed makes it another file. */
static void engine(const struct pod *p, const char *name, const char *version, const char *seed)
{
	RF_AUTO(str) node = STR_INIT(1 * KIB);
	RF_AUTO(str) graph = STR_INIT(1 * KIB);
	RF_AUTO(str) model = STR_INIT(4 * KIB);
	field(&node, 0x0a, "x", 1);
	field(&node, 0x12, "y", 1);
	field(&node, 0x22, "Identity", 8);
	field(&graph, 0x0a, node.p, node.n);
	field(&graph, 0x12, seed, strlen(seed));
	str_add(&model, SPAN("\x08\x08"));
	field(&model, 0x3a, graph.p, graph.n);
	field(&model, 0x42, "\x10\x0d", 2);
	stamp(&model, ARTIFACT_STAMP_TOOLCHAIN, "onnxruntime");
	stamp(&model, ARTIFACT_STAMP_VERSION, version);
	put(p, name, str_span(&model));
}

/* ── Its papers ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct digest digest_at(const struct pod *p, const char *name)
{
	struct digest d;
	struct err err = ERR_INIT;
	assert_ok(digest_file(in(p, name), &d, NULL, &err), &err);
	return d;
}

static void provenance(const struct pod *p, const char *paper, const char *of, const char *version)
{
	const struct provenance said = { .subject = { "m", "linux-x86_64/cpu", "model.onnx", digest_at(p, of) }, .recipe = SPAN("{}"),
					 .toolchain = "onnxruntime", .toolchain_version = version, .builder_id = "reforge://lab/host",
					 .invocation_id = "task/1", .started_at = 1, .finished_at = 1000000 };
	RF_AUTO(str) statement = STR_INIT(STATEMENT_MAX_BYTES);
	RF_AUTO(str) envelope = STR_INIT(ATTESTATION_MAX_BYTES);
	struct err err = ERR_INIT;
	assert_ok(statement_provenance(&said, &statement, &err), &err);
	assert_ok(dsse_sign(p->key, STATEMENT_MEDIA_TYPE, str_span(&statement), &envelope, &err), &err);
	put(p, paper, str_span(&envelope));
}

/* A release of one row, whose folder is @folder. */
static void release(const struct pod *p, const char *folder, const char *of, bool sign, bool as_found)
{
	struct release_row row = { .model = "m", .target = "linux-x86_64/cpu", .version = 1, .file = "model.onnx",
					 .engine = digest_at(p, of), .engine_bytes = 1, .builder = { .name = "onnxruntime", .version = "1.22.0" },
					 .provenance = { { 1 } }, .proof_statement = { { 2 } } };
	const struct release r = { .service = "voice", .environment = "production", .name = "r1", .created_at = 1, .created_by = "user:a@b",
				   .as_found = as_found, .rows = &row, .row_count = 1 };
	RF_AUTO(str) json = STR_INIT(1 * MIB);
	RF_AUTO(str) envelope = STR_INIT(1 * MIB);
	struct err err = ERR_INIT;
	char name[256];
	if (as_found) {
		row.carried_over = true;
		row.provenance = row.proof_statement = (struct digest){ { 0 } };
	}
	assert_ok(release_write_json(&r, &json, &err), &err);
	snprintf(name, sizeof name, "%s/" RELEASE_FILE, folder);
	put(p, name, str_span(&json));
	if (!sign)
		return;
	assert_ok(dsse_sign(p->key, RELEASE_MEDIA_TYPE, str_span(&json), &envelope, &err), &err);
	snprintf(name, sizeof name, "%s/" RELEASE_SIGNATURE_FILE, folder);
	put(p, name, str_span(&envelope));
}

/* ── Asking ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void ask(const struct pod *p, const char *folder, const char *root, struct gate_pod *ret)
{
	const char *engines = in(p, folder), *roots = root ? in(p, root) : NULL;
	const struct gate_pod_options o = { .engines = &engines, .engine_count = 1, .roots = &roots, .root_count = root ? 1 : 0,
					    .key = p->public_key,
					    .question = { .snapshot = p->snapshot, .service = SPAN("voice"), .now = 1000 } };
	struct err err = ERR_INIT;
	assert_ok(gate_pod_judge(&o, ret, &err), &err);
}

static const struct gate_pod_subject *subject(const struct pod *p, const struct gate_pod *found, const char *name)
{
	for (size_t i = 0; i < found->count; i++)
		if (strcmp(found->subjects[i].path, in(p, name)) == 0)
			return &found->subjects[i];
	fail_msg("%s is no subject", name);
	return NULL;
}

static bool has_cause(const struct gate_pod_subject *s, const char *cause)
{
	for (size_t i = 0; i < s->answer.count; i++)
		if (strcmp(s->answer.findings[i].fact.cause, cause) == 0)
			return true;
	return false;
}

static void what_is_looked_at(void **state)
{
	struct pod *p = *state;
	struct gate_pod found;
	engine(p, "models/a/1/model.onnx", "1.22.0", "a");
	put(p, "models/a/config.pbtxt", SPAN("name: \"a\"\n"));
	put(p, "models/cut.plan", SPAN("ftrt"));
	put(p, "elsewhere/b.txt", SPAN("b"));
	engine(p, "elsewhere/b.onnx", "1.22.0", "b");
	assert_int_equal(symlink("a/1/model.onnx", in(p, "models/again.onnx")), 0);
	assert_int_equal(symlink("a/config.pbtxt", in(p, "models/text")), 0);
	put(p, "models/blob", SPAN("\x91 neither text nor a format of ours \xff\xfe"));
	assert_int_equal(symlink("blob", in(p, "models/model.plan")), 0);
	assert_int_equal(symlink("a", in(p, "models/folder")), 0);
	assert_int_equal(symlink(in(p, "elsewhere/b.onnx"), in(p, "models/b.onnx")), 0);
	assert_int_equal(symlink(in(p, "elsewhere"), in(p, "models/out")), 0);
	assert_int_equal(symlink("nowhere", in(p, "models/gone.engine")), 0);
	assert_int_equal(symlink("nowhere", in(p, "models/gone.txt")), 0);
	assert_int_equal(mkfifo(in(p, "models/pipe.trt"), 0644), 0);
	assert_int_equal(mkfifo(in(p, "models/pipe"), 0644), 0);
	ask(p, "models", NULL, &found);
	static const char *const unread[] = { "models/out", "models/gone.engine", "models/pipe.trt" };
	for (size_t i = 0; i < RF_COUNT(unread); i++) {
		const struct gate_pod_subject *s = subject(p, &found, unread[i]);
		assert_true(digest_is_zero(&s->subject.digest) && has_cause(s, ARTIFACT_CAUSE_UNREADABLE));
	}
	assert_true(!digest_is_zero(&subject(p, &found, "models/a/1/model.onnx")->subject.digest));
	assert_true(!digest_is_zero(&subject(p, &found, "models/b.onnx")->subject.digest));
	assert_true(subject(p, &found, "models/cut.plan")->subject.facts->finding != ARTIFACT_CLEAR);
	assert_true(!digest_is_zero(&subject(p, &found, "models/again.onnx")->subject.digest));
	/* the name that a server loads it by is an engine's, whatever the file's own */
	assert_int_equal(subject(p, &found, "models/model.plan")->subject.facts->finding, ARTIFACT_UNKNOWN);
	assert_int_equal(found.count, 8);
	assert_int_equal(found.others, 2);
	gate_pod_release(&found);
}

/* Nobody is no engine by his name: papers are told by what they are. */
static void named_like_papers(void **state)
{
	struct pod *p = *state;
	static const char *const names[] = { "named/x.provenance.dsse", "named/x.proof.dsse", "named/" RELEASE_FILE,
					     "named/" RELEASE_SIGNATURE_FILE };
	struct gate_pod found;
	for (size_t i = 0; i < RF_COUNT(names); i++)
		engine(p, names[i], "1.22.0", names[i]);
	engine(p, "named/m.onnx", "1.22.0", "m");
	provenance(p, "named/m.provenance.dsse", "named/m.onnx", "1.22.0");
	ask(p, "named", NULL, &found);
	for (size_t i = 0; i < RF_COUNT(names); i++)
		assert_false(digest_is_zero(&subject(p, &found, names[i])->subject.digest));
	assert_int_equal(found.count, RF_COUNT(names) + 1);
	gate_pod_release(&found);
}

/* What is in an archive is not unpacked in front of a pod: not known, not allowed. */
static void archives_are_unknown(void **state)
{
	struct pod *p = *state;
	struct gate_pod found;
	put(p, "packed/weights.pth", (struct span){ "PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22 });
	engine(p, "packed/a.onnx", "1.22.0", "a");
	ask(p, "packed", NULL, &found);
	const struct gate_pod_subject *s = subject(p, &found, "packed/weights.pth");
	assert_string_equal(s->subject.facts->kind, ARTIFACT_ARCHIVE);
	assert_true(has_cause(s, ARTIFACT_CAUSE_INCOMPLETE));
	assert_int_not_equal(s->answer.decision, GATE_ALLOW);
	gate_pod_release(&found);
}

static void papers(void **state)
{
	struct pod *p = *state;
	static const struct {
		const char *file, *paper; /* whose provenance it is; NULL: the file's own */
		const char *of, *version;
		const char *cause; /* expected; NULL: none of the two */
	} rows[] = {
		{ "t/m1/1/model.onnx", "t/m1.provenance.dsse", NULL, "1.22.0", NULL },
		{ "t/m2/1/model.onnx", "t/m2.provenance.dsse", "t/m1/1/model.onnx", "1.22.0", "foreign_attestation" },
		{ "t/m3.onnx", "t/m3.onnx.provenance.dsse", "t/m1/1/model.onnx", "1.22.0", "foreign_attestation" },
		{ "t/m4.onnx", "t/m4.provenance.dsse", "t/m1/1/model.onnx", "1.22.0", "foreign_attestation" },
		{ "t/m5.onnx", "t/m5.provenance.dsse", NULL, "1.21.0", "header_mismatch" },
		{ "t/m6.onnx", NULL, NULL, NULL, NULL },
	};
	struct gate_pod found;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		engine(p, rows[i].file, "1.22.0", rows[i].file);
		if (rows[i].paper)
			provenance(p, rows[i].paper, rows[i].of ? rows[i].of : rows[i].file, rows[i].version);
	}
	engine(p, "t/m7.onnx", "1.22.0", "m7");
	put(p, "t/m7.onnx.provenance.dsse", SPAN("{\"payloadType\":\"x\"}"));
	ask(p, "t", NULL, &found);
	assert_int_equal(found.count, RF_COUNT(rows) + 1);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		const struct gate_pod_subject *s = subject(p, &found, rows[i].file);
		assert_int_equal(s->subject.attestation_count, rows[i].paper != NULL);
		assert_int_equal(has_cause(s, "bad_signature"), false);
		if (rows[i].cause)
			assert_true(has_cause(s, rows[i].cause));
		else
			assert_false(has_cause(s, "foreign_attestation") || has_cause(s, "header_mismatch"));
	}
	assert_true(has_cause(subject(p, &found, "t/m7.onnx"), "bad_signature"));
	assert_int_equal(found.decision, GATE_DENY);
	assert_int_equal(found.status, 1);
	gate_pod_release(&found);
}

static void releases(void **state)
{
	struct pod *p = *state;
	static const char file[] = "linux-x86_64/cpu/m/1/model.onnx";
	static const struct {
		const char *folder;
		bool own, sign, as_found; /* the row names this engine; release.dsse is there; nobody built it here */
		size_t attested, verified;
		const char *cause;
	} rows[] = {
		{ "good", true, true, false, 1, 1, NULL },
		{ "other", false, true, false, 1, 1, "foreign_attestation" },
		{ "unsigned", true, false, false, 1, 0, NULL },
		{ "unsigned-other", false, false, false, 1, 0, "foreign_attestation" },
		{ "found", true, false, true, 1, 0, NULL },
		{ "found-other", false, false, true, 1, 0, "foreign_attestation" },
		{ "found-signed-other", false, true, true, 1, 1, "foreign_attestation" },
	};
	engine(p, "another.onnx", "1.22.0", "another");
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct gate_pod found;
		char name[256];
		snprintf(name, sizeof name, "%s/%s", rows[i].folder, file);
		engine(p, name, "1.22.0", rows[i].folder);
		release(p, rows[i].folder, rows[i].own ? name : "another.onnx", rows[i].sign, rows[i].as_found);
		ask(p, rows[i].folder, NULL, &found);
		assert_int_equal(found.releases, 1);
		assert_int_equal(found.signed_releases, rows[i].verified);
		const struct gate_pod_subject *s = subject(p, &found, name);
		assert_int_equal(s->subject.attestation_count, rows[i].attested);
		assert_int_equal(has_cause(s, "foreign_attestation"), rows[i].cause != NULL);
		assert_false(has_cause(s, "bad_signature"));
		gate_pod_release(&found);
	}
}

/* What a release says of itself does not excuse a signature that is none. */
static void bad_signatures(void **state)
{
	struct pod *p = *state;
	static const char bogus[] = "{\"payloadType\":\"x\"}";
	static const struct {
		const char *folder, *file;
		bool as_found, forged;
	} rows[] = {
		{ "found", "linux-x86_64/cpu/m/1/model.onnx", true, false },
		{ "found-forged", "linux-x86_64/cpu/m/1/model.onnx", true, true },
		{ "rowless", "linux-x86_64/cpu/n/1/model.onnx", false, false },
		{ "rowless-forged", "linux-x86_64/cpu/n/1/model.onnx", false, true },
	};
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct gate_pod found;
		char name[256], paper[256];
		snprintf(name, sizeof name, "%s/%s", rows[i].folder, rows[i].file);
		snprintf(paper, sizeof paper, "%s/" RELEASE_SIGNATURE_FILE, rows[i].folder);
		engine(p, name, "1.22.0", rows[i].folder);
		release(p, rows[i].folder, name, true, rows[i].as_found);
		if (rows[i].forged)
			put(p, paper, span_of(bogus));
		ask(p, rows[i].folder, NULL, &found);
		if (has_cause(subject(p, &found, name), "bad_signature") != rows[i].forged)
			fail_msg("%s", rows[i].folder);
		gate_pod_release(&found);
	}
}

static void nothing_is_no_pass(void **state)
{
	struct pod *p = *state;
	struct gate_pod found;
	struct err err = ERR_INIT;
	const char *absent = in(p, "absent");
	const struct gate_pod_options o = { .engines = &absent, .engine_count = 1, .question = { .snapshot = p->snapshot } };
	put(p, "empty/readme.txt", SPAN("x"));
	ask(p, "empty", NULL, &found);
	assert_int_equal(found.count, 0);
	assert_int_equal(found.status, 3);
	assert_int_equal(found.decision, GATE_WARN);
	gate_pod_release(&found);
	assert_int_equal(gate_pod_judge(&o, &found, &err), RF_ENOTFOUND);
	gate_pod_release(&found);
}

static void roots(void **state)
{
	struct pod *p = *state;
	struct gate_pod found;
	engine(p, "serve/m.onnx", "1.22.0", "m");
	put(p, "image/usr/lib/libother.so.1", SPAN("\177ELF no library"));
	put(p, "image/usr/lib/text.so", SPAN("text"));
	put(p, "image/proc/libonnxruntime.so", SPAN("x"));
	ask(p, "serve", "image", &found);
	assert_int_equal(found.libraries, 0);
	assert_int_equal(found.engines, 1);
	assert_int_equal(found.others, 0);
	gate_pod_release(&found);
}

static int setup(void **state)
{
	static struct pod p;
	struct err err = ERR_INIT;
	p = (struct pod){ 0 };
	if (fs_temporary_dir("gate-pod", p.folder, sizeof p.folder, &err) != 0)
		return -1;
	assert_ok(key_generate(in(&p, "key.pem"), in(&p, "key.pub.pem"), &err), &err);
	assert_ok(signing_key_load(in(&p, "key.pem"), &p.key, &err), &err);
	assert_ok(verify_key_load(in(&p, "key.pub.pem"), &p.public_key, &err), &err);
	p.snapshot = gate_snapshot_new(1 * MIB);
	const struct gate_head head = { .site = SPAN("lab"), .created = 10, .as_of = 10, .expires = USEC_NONE };
	assert_ok(gate_snapshot_head(p.snapshot, &head, &err), &err);
	assert_ok(gate_snapshot_ready(p.snapshot, &err), &err);
	*state = &p;
	return 0;
}

static int teardown(void **state)
{
	struct pod *p = *state;
	struct err err = ERR_INIT;
	signing_key_freep(&p->key);
	verify_key_freep(&p->public_key);
	gate_snapshot_free(p->snapshot);
	return fs_remove_tree(p->folder, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_looked_at, setup, teardown), cmocka_unit_test_setup_teardown(papers, setup, teardown),
		cmocka_unit_test_setup_teardown(named_like_papers, setup, teardown),
		cmocka_unit_test_setup_teardown(archives_are_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(releases, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_signatures, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_no_pass, setup, teardown), cmocka_unit_test_setup_teardown(roots, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
