/*
 * The snapshot out of a database: contents with what they carry, images by tag, places, releases, policies, excuses; a
 * part of it; what is withheld. The judge is asked, so that what is found is found by the names that requests use.
 */
#include "testing.h"

#include "engines.h"

#include "advisory/feed.h"
#include "base/fs.h"
#include "exposure/exposure.h"
#include "exposure/waiver_store.h"
#include "gate/judge.h"
#include "gate/snapshot_build.h"
#include "inventory/fleet_store.h"
#include "ledger/ledger.h"

#define TRT "pkg:generic/nvidia/tensorrt"
#define ORT "pkg:generic/microsoft/onnxruntime"
#define TAG "registry.example/site/app:1.2"

struct fixture {
	char folder[256];
	struct database *db;
	struct depot *depot;
	struct workspace *workspace;
	struct signing_key *sign;
	struct verify_key *verify;
};

static const char yaml[] = "site: shenzhen\n"
			   "environments:\n  production: {}\n"
			   "services:\n"
			   "  voice:\n"
			   "    owner: {name: voice-team, contact: '#voice', deputy: ops}\n"
			   "    environments: [production]\n"
			   "  vision:\n"
			   "    owner: {name: vision-team, contact: '#vision'}\n"
			   "    environments: [production]\n"
			   "    namespaces: [vision, 'arn:aws:eks:x/y/cameras']\n"
			   "kubernetes: {service_label: site/service}\n";

/* PostgreSQL keeps what the last test left: away with it. */
static int empty(struct transaction *tx, void *data)
{
	(void)data;
	int rc = tx_exec(tx, "DROP SCHEMA public CASCADE", NULL, 0, NULL);
	return rc ? rc : tx_exec(tx, "CREATE SCHEMA public", NULL, 0, NULL);
}

static void open_empty(struct fixture *f, const struct engine *e)
{
	struct err err = ERR_INIT;
	bool sqlite = !strcmp(e->kind, "sqlite");
	assert_ok(database_open(sqlite ? "test.db" : e->url, f->folder, &f->db, &err), &err);
	if (sqlite)
		return;
	assert_ok(database_transact(f->db, DB_WRITE, empty, NULL, &err), &err);
	database_close(f->db);
	assert_ok(database_open(e->url, f->folder, &f->db, &err), &err);
}

/* No engine: the fixture is NULL, and begin() skips. */
static int setup(void **state)
{
	const struct engine *e = *state;
	struct fixture *f = calloc(1, sizeof *f);
	char path[300], public[300];
	struct err err = ERR_INIT;
	const struct migration_set *const sets[] = { &LEDGER_MIGRATIONS,    &ADVISORY_MIGRATIONS, &FEED_MIGRATIONS,
						     &INVENTORY_MIGRATIONS, &FLEET_MIGRATIONS,	  &DEPOT_MIGRATIONS,
						     &EXPOSURE_MIGRATIONS };
	assert_non_null(f);
	*state = NULL;
	if (!e->url[0]) {
		free(f);
		return 0;
	}
	assert_ok(fs_temporary_dir("reforge-gate", f->folder, sizeof f->folder, &err), &err);
	open_empty(f, e);
	assert_ok(database_migrate(f->db, sets, RF_COUNT(sets), &err), &err);
	snprintf(path, sizeof path, "%s/depot", f->folder);
	assert_ok(depot_open(path, &f->depot, &err), &err);
	assert_ok(workspace_read(span_of(yaml), "reforge.yaml", f->folder, &f->workspace, &err), &err);
	snprintf(path, sizeof path, "%s/k.pem", f->folder);
	snprintf(public, sizeof public, "%s/k.pub.pem", f->folder);
	assert_ok(key_generate(path, public, &err), &err);
	assert_ok(signing_key_load(path, &f->sign, &err), &err);
	assert_ok(verify_key_load(public, &f->verify, &err), &err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	if (!f)
		return 0;
	database_close(f->db);
	depot_free(f->depot);
	workspace_free(f->workspace);
	signing_key_freep(&f->sign);
	verify_key_freep(&f->verify);
	int rc = fs_remove_tree(f->folder, &err);
	free(f);
	return rc;
}

static struct fixture *begin(void **state)
{
	if (!*state)
		skip();
	return *state;
}

/* ── what is known ──────────────────────────────────────────────────────────────────────────────────────────────── */

static void import(struct fixture *f, const char *id, const char *package, const char *fixed, enum tlp tlp)
{
	const struct advisory_import options = { .feed = "file", .actor = "user:test@host", .tlp = tlp };
	char text[1024];
	struct err err = ERR_INIT;
	snprintf(text, sizeof text,
		 "{\"id\":\"%s\",\"modified\":\"2026-01-01T00:00:00Z\",\"published\":\"2026-01-01T00:00:00Z\","
		 "\"schema_version\":\"1.6.0\",\"summary\":\"a flaw\",\"affected\":[{\"package\":{\"ecosystem\":\"PyPI\","
		 "\"name\":\"%s\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"%s\"}]}]}]}",
		 id, package, fixed);
	assert_ok(advisory_import_bytes(f->db, span_of(text), id, &options, NULL, &err), &err);
}

static struct digest digest_no(unsigned char n)
{
	struct digest d;
	memset(d.bytes, n, sizeof d.bytes);
	return d;
}

static struct artifact_facts facts_of(const char *kind, const char *product, const char *version)
{
	struct artifact_facts f = { .kind = kind, .layout = "", .product = product, .cause = "", .cc_major = -1, .cc_minor = -1,
				    .version_source = version ? ARTIFACT_VERSION_HEADER : ARTIFACT_VERSION_UNKNOWN,
				    .target = "sm_86", .size = 10 };
	snprintf(f.version, sizeof f.version, "%s", version ? version : "");
	return f;
}

static void content(struct inventory_batch *b, unsigned char n, const struct artifact_facts *facts)
{
	const struct digest d = digest_no(n);
	struct err err = ERR_INIT;
	assert_ok(inventory_batch_content(b, &d, facts, &err), &err);
}

static void place(struct inventory_batch *b, const char *host, const char *path, unsigned char n, const char *kind)
{
	const struct digest d = digest_no(n);
	const struct inventory_place where = { .host = host, .service = "voice", .environment = "production", .model = "" };
	struct err err = ERR_INIT;
	assert_ok(inventory_batch_place(b, path, &d, kind, &where, &err), &err);
}

/* 1 an engine on a disk; 2 an image with 3 a plan, 4 a library and 5 a pointer; 6 a model */
static void fill(struct fixture *f)
{
	struct inventory_batch *b = inventory_batch_new();
	struct err err = ERR_INIT;
	struct artifact_component cuda = { .product = SPAN("pkg:generic/nvidia/cuda-toolkit"), .version = SPAN("12.4"),
					   .role = ARTIFACT_ROLE_BUILDER, .source = "cubin" };
	struct artifact_facts plan = facts_of(ARTIFACT_TENSORRT_PLAN, TRT, "10.8.0.43"),
			      engine = facts_of(ARTIFACT_ONNXRUNTIME_OPTIMISED, ORT, "1.20.1"),
			      image = facts_of(ARTIFACT_CONTAINER_IMAGE, NULL, NULL),
			      library = facts_of(ARTIFACT_RUNTIME_LIBRARY, ORT, "1.20.1"),
			      pointer = facts_of(ARTIFACT_LFS_POINTER, NULL, NULL), model = facts_of(ARTIFACT_ONNX, NULL, NULL);
	plan.components = &cuda;
	plan.component_count = 1;
	pointer.finding = ARTIFACT_UNKNOWN;
	pointer.cause = ARTIFACT_CAUSE_CONTENT_ABSENT;
	assert_non_null(b);
	content(b, 1, &engine);
	content(b, 2, &image);
	content(b, 3, &plan);
	content(b, 4, &library);
	content(b, 5, &pointer);
	content(b, 6, &model);
	static const char *const paths[] = { "opt/a.plan", "usr/lib/libonnxruntime.so.1.20.1", "opt/b.plan" };
	for (unsigned char i = 0; i < 3; i++) {
		const struct digest outer = digest_no(2), inner = digest_no((unsigned char)(3 + i));
		assert_ok(inventory_batch_inside(b, &outer, paths[i], &inner, &err), &err);
	}
	place(b, "h", "/srv/models/asr/1/model.onnx", 1, ARTIFACT_ONNXRUNTIME_OPTIMISED);
	place(b, "h", "/srv/models/tts/model.onnx", 6, ARTIFACT_ONNX);
	place(b, "image:" TAG, "/", 2, ARTIFACT_CONTAINER_IMAGE);
	assert_ok(inventory_record(f->db, b, NULL, &err), &err);
	inventory_batch_free(b);
	import(f, "CVE-2099-1", "onnxruntime", "1.21.0", TLP_CLEAR);
	import(f, "CVE-2099-2", "tensorrt", "11.0", TLP_CLEAR);
	import(f, "CVE-2099-3", "tensorrt", "10.9", TLP_RED);
}

struct publishing {
	struct fixture *f;
	struct release *r;
	struct release_published *published;
};

static int record(struct transaction *tx, void *data)
{
	struct publishing *p = data;
	return release_record(tx, p->r, p->published, "user:test@host");
}

/* A signed release with the engine 1 as it was found, and one that no scan has seen. */
static void publish(struct fixture *f, const char *name, const char *version, struct digest *ret)
{
	struct digest one, two;
	struct err err = ERR_INIT;
	struct release_published published;
	assert_ok(depot_put_bytes(f->depot, SPAN("engine one"), NULL, &one, &err), &err);
	assert_ok(depot_put_bytes(f->depot, span_of(version), NULL, &two, &err), &err);
	const struct release_row rows[] = {
		{ .model = "asr", .target = "linux-x86_64/cpu", .version = 1, .file = "model.onnx", .engine = one, .engine_bytes = 10,
		  .builder = { "onnxruntime", "1.20.1" }, .runtime = { "onnxruntime", "1.21.1" }, .carried_over = true },
		{ .model = "vad", .target = "linux-x86_64/cpu", .version = 1, .file = "model.onnx", .engine = two,
		  .engine_bytes = strlen(version), .builder = { "onnxruntime", version },
		  .runtime = { "onnxruntime", "1.21.1" }, .carried_over = true },
	};
	struct release r = { .service = "voice", .environment = "production", .name = name, .created_at = 1000000,
			     .created_by = "user:test@host", .rows = rows, .row_count = 2 };
	assert_ok(release_publish(f->depot, f->sign, &r, &published, &err), &err);
	struct publishing p = { f, &r, &published };
	assert_ok(database_transact(f->db, DB_WRITE, record, &p, &err), &err);
	*ret = two;
}

static struct gate_snapshot *build(struct fixture *f, enum tlp highest, const struct gate_building_part *part, uint64_t *withheld)
{
	const struct gate_building how = { .workspace = f->workspace, .depot = f->depot, .key = f->verify, .release_key = SPAN("PEM"),
					   .expires = USEC_NONE, .highest = highest, .part = part };
	struct gate_snapshot *s = NULL;
	struct err err = ERR_INIT;
	assert_ok(gate_snapshot_build(f->db, &how, NULL, NULL, &s, withheld, &err), &err);
	return s;
}

/* "deny CVE-2099-1 builder in_range" lines, for a subject. */
static void ask(const struct gate_snapshot *s, enum gate_subject_kind kind, const char *name, const struct digest *digest,
		const char *want)
{
	struct arena a = ARENA_INIT(16 * MIB);
	struct str text = STR_INIT(64 * KIB);
	const struct gate_question q = { .snapshot = s, .service = SPAN("voice"), .environment = SPAN("production"), .now = now_usec() };
	const struct gate_subject subject = { .kind = kind, .name = span_of(name), .digest = digest ? *digest : (struct digest){ { 0 } } };
	struct gate_answer answer;
	struct err err = ERR_INIT;
	assert_ok(gate_judge(&a, &q, &subject, &answer, &err), &err);
	for (size_t i = 0; i < answer.count; i++) {
		const struct gate_fact *t = &answer.findings[i].fact;
		str_addf(&text, "%s %.*s%s%s %s%s%.*s\n", gate_decision_name(answer.findings[i].decision), SPAN_ARG(t->advisory),
			 t->has_carrier ? " " : "", t->has_carrier ? carrier_name(t->carrier) : "", t->cause,
			 t->where.n ? " " : "", SPAN_ARG(t->where));
	}
	assert_string_equal(str_text(&text), want);
	str_release(&text);
	arena_release(&a);
}

#define ENGINE "deny CVE-2099-1 builder in_range"
#define INSIDE                                                                        \
	"deny CVE-2099-1 image in_range usr/lib/libonnxruntime.so.1.20.1\n"            \
	"deny CVE-2099-2 builder in_range opt/a.plan\n"

/* ── tests ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void everything(void **state)
{
	struct fixture *f = begin(state);
	uint64_t withheld;
	struct digest second;
	fill(f);
	publish(f, "2026-07-15-a", "1.20.0", &second);
	RF_AUTO_PTR(gate_snapshot) s = build(f, TLP_AMBER, NULL, &withheld);
	assert_int_equal(withheld, 1);
	assert_int_equal(s->artifact_count, 8);
	const struct digest one = digest_no(1);
	ask(s, GATE_CONTENT, "model.onnx", &one, ENGINE "\nwarn  stale_feed\n");
	ask(s, GATE_IMAGE, TAG, NULL, INSIDE "warn  builder content_absent opt/b.plan\nwarn  stale_feed\n");
	ask(s, GATE_MODEL, "/srv/models/asr", NULL, ENGINE " /srv/models/asr/1/model.onnx on h\nwarn  stale_feed\n");
	ask(s, GATE_MODEL, "/srv/models/tts/", NULL, "");
	ask(s, GATE_PURL, "pkg:pypi/tensorrt@10.8", NULL,
	    "deny CVE-2099-2 builder in_range\ndeny CVE-2099-2 runtime in_range\nwarn  stale_feed\n");
	/* the engine of the release that no scan has seen is known by its row */
	assert_non_null(gate_snapshot_find(s, &second));
	ask(s, GATE_RELEASE, "voice/2026-07-15-a", NULL,
	    "deny CVE-2099-1 builder release_hit row asr on linux-x86_64/cpu\n"
	    "deny CVE-2099-1 builder release_hit row vad on linux-x86_64/cpu\nwarn  stale_feed\n");
	assert_true(s->release_count == 1 && s->releases[0].is_signed);
	assert_int_equal(gate_snapshot_find(s, &second)->signatures, workspace_signature_bit(WORKSPACE_SIGNATURE_RELEASE));
	const struct gate_service *voice = gate_snapshot_service_find(s, SPAN("voice"));
	assert_true(voice && span_eq_text(voice->owner, "voice-team") && span_eq_text(voice->deputy, "ops"));
	assert_true(span_eq_text(s->head.site, "shenzhen") && s->head.expires == USEC_NONE);
}

static void nothing_is_withheld(void **state)
{
	struct fixture *f = begin(state);
	uint64_t withheld;
	fill(f);
	RF_AUTO_PTR(gate_snapshot) s = build(f, TLP_RED, NULL, &withheld);
	const struct digest plan = digest_no(3);
	assert_int_equal(withheld, 0);
	assert_int_equal(s->advisory_count, 3);
	ask(s, GATE_CONTENT, "a.plan", &plan, "deny CVE-2099-2 builder in_range\ndeny CVE-2099-3 builder in_range\n");
}

/* Which rule objected is asked by the judge, of what only the inventory has seen too. */
static void rules_are_kept(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	fill(f);
	struct artifact_facts edited = facts_of(ARTIFACT_TENSORRT_PLAN, TRT, "10.9.0.34");
	edited.finding = ARTIFACT_CONFLICT;
	edited.cause = ARTIFACT_CAUSE_HEADER_MISMATCH;
	edited.rules[edited.rule_count++] = "section_overlap";
	edited.rules[edited.rule_count++] = "no rule, as a report may say";
	edited.rules[edited.rule_count++] = "version_mismatch";
	struct inventory_batch *b = inventory_batch_new();
	content(b, 9, &edited);
	assert_ok(inventory_record(f->db, b, NULL, &err), &err);
	inventory_batch_free(b);
	RF_AUTO_PTR(gate_snapshot) s = build(f, TLP_AMBER, NULL, NULL);
	const struct digest nine = digest_no(9);
	const struct gate_artifact *row = gate_snapshot_find(s, &nine);
	assert_non_null(row);
	assert_true(span_eq_text(gate_snapshot_text_at(s, row->rules), "section_overlap,version_mismatch"));
	ask(s, GATE_CONTENT, "edited.plan", &nine, "deny  builder version_mismatch\ndeny CVE-2099-2 builder header_mismatch\nwarn  stale_feed\n");
}

/* What was taken out of service is judged still; where it was is no place any more. */
static void what_is_gone(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	fill(f);
	struct inventory_batch *b = inventory_batch_new();
	const struct inventory_place where = { .host = "h", .service = "voice", .environment = "production", .model = "" };
	assert_ok(inventory_batch_root(b, "", &where, &err), &err);
	assert_ok(inventory_record(f->db, b, NULL, &err), &err);
	inventory_batch_free(b);
	RF_AUTO_PTR(gate_snapshot) s = build(f, TLP_AMBER, NULL, NULL);
	const struct digest one = digest_no(1);
	ask(s, GATE_CONTENT, "model.onnx", &one, ENGINE "\nwarn  stale_feed\n");
	ask(s, GATE_MODEL, "/srv/models/asr", NULL, "warn  unknown_subject\n");
}

static void a_part(void **state)
{
	struct fixture *f = begin(state);
	struct digest second;
	fill(f);
	publish(f, "2026-07-15-a", "1.20.0", &second);
	static const struct span purl[] = { SPAN("pkg:pypi/tensorrt@10.8") };
	const struct span names[] = { span_of(TAG), span_of("/srv/models/asr"), span_of("voice/2026-07-15-a"), span_of("/elsewhere") };
	const struct digest one = digest_no(1), image = digest_no(2);
	const struct {
		struct gate_building_part part;
		size_t contents, images, models, rows;
	} cases[] = {
		{ { 0 }, 0, 0, 0, 0 },
		{ { .purls = purl, .purl_count = 1 }, 0, 0, 0, 0 },
		/* where a content lies, and which tags have it, is known of what is named alone: half of it is not it */
		{ { .digests = &one, .digest_count = 1 }, 1, 0, 0, 0 },
		{ { .digests = &image, .digest_count = 1 }, 4, 0, 0, 0 },
		{ { .digests = &second, .digest_count = 1 }, 1, 0, 0, 1 },
		{ { .references = names, .reference_count = 1 }, 4, 1, 0, 0 },
		{ { .references = names + 1, .reference_count = 1 }, 1, 0, 1, 0 },
		{ { .references = names + 2, .reference_count = 1 }, 2, 0, 2, 2 },
		{ { .references = names + 3, .reference_count = 1 }, 0, 0, 0, 0 },
		{ { .references = names, .reference_count = 4, .digests = &one, .digest_count = 1 }, 7, 1, 3, 2 },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO_PTR(gate_snapshot) s = build(f, TLP_RED, &cases[i].part, NULL);
		if (s->artifact_count != cases[i].contents || s->image_count != cases[i].images ||
		    s->model_count != cases[i].models || s->row_count != cases[i].rows)
			fail_msg("case %zu: %zu contents, %zu images, %zu models, %zu rows", i, s->artifact_count, s->image_count,
				 s->model_count, s->row_count);
		/* a component that was never seen is judged all the same */
		ask(s, GATE_PURL, "pkg:pypi/tensorrt@10.8.0.1", NULL,
		    "deny CVE-2099-2 builder in_range\ndeny CVE-2099-2 runtime in_range\n"
		    "deny CVE-2099-3 builder in_range\ndeny CVE-2099-3 runtime in_range\n");
	}
	RF_AUTO_PTR(gate_snapshot) s = build(f, TLP_RED, &cases[5].part, NULL);
	ask(s, GATE_IMAGE, TAG, NULL,
	    "deny CVE-2099-1 image in_range usr/lib/libonnxruntime.so.1.20.1\n"
	    "deny CVE-2099-2 builder in_range opt/a.plan\ndeny CVE-2099-3 builder in_range opt/a.plan\n"
	    "warn  builder content_absent opt/b.plan\n");
}

/* What lies beside a part was never looked for: a folder above it, the release that is only named by a row, another tag. */
static void what_a_part_says(void **state)
{
	struct fixture *f = begin(state);
	struct digest second;
	fill(f);
	publish(f, "2026-07-15-a", "1.20.0", &second);
	const struct span names[] = { SPAN("/srv/models/tts"), SPAN(TAG) };
	const struct digest one = digest_no(1);
	const struct gate_building_part part = { .digests = &one, .digest_count = 1, .references = names, .reference_count = 2,
						 .tells = true };
	RF_AUTO_PTR(gate_snapshot) s = build(f, TLP_AMBER, &part, NULL);
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct gate_answer answer;
	struct err err = ERR_INIT;
	const struct gate_question q = { .snapshot = s, .now = now_usec() };
	assert_int_equal(s->head.only_count, 3);
	ask(s, GATE_MODEL, "/srv/models/tts", NULL, "");
	ask(s, GATE_MODEL, "/srv/models/tts/model.onnx", NULL, "");
	static const struct {
		enum gate_subject_kind kind;
		const char *name;
	} beside[] = { { GATE_MODEL, "/srv/models" },	     { GATE_MODEL, "/srv/models/asr" },
		       { GATE_MODEL, "/srv/models/tts-b" },  { GATE_RELEASE, "voice/2026-07-15-a" },
		       { GATE_IMAGE, "registry.example/other:1" }, { GATE_MODEL, "release voice/2026-07-15-a" } };
	for (size_t i = 0; i < RF_COUNT(beside); i++) {
		const struct gate_subject subject = { .kind = beside[i].kind, .name = span_of(beside[i].name) };
		assert_ok(gate_judge(&a, &q, &subject, &answer, &err), &err);
		if (answer.count == 0 || strcmp(answer.findings[0].fact.cause, "unknown_subject") != 0 ||
		    span_find(answer.why, SPAN("this bundle covers only sha256:")) == SIZE_MAX)
			fail_msg("%s: %.*s", beside[i].name, SPAN_ARG(answer.why));
	}
	/* by its digest, and by the tag that was named */
	ask(s, GATE_CONTENT, "model.onnx", &one, ENGINE "\nwarn  stale_feed\n");
	ask(s, GATE_IMAGE, TAG, NULL, INSIDE "warn  builder content_absent opt/b.plan\nwarn  stale_feed\n");
}

static int put_details(struct transaction *tx, void *data)
{
	const struct fleet_detail list[] = {
		{ SPAN("Deployment/a/container/c"),
		  SPAN("{\"image\":\"registry.example/site/other:3\",\"digest_source\":\"status\",\"models\":[]}") },
		{ SPAN("Deployment/b/container/c"), SPAN("{\"image\":\"registry.example/site/none:1\",\"digest_source\":null}") },
		{ SPAN("InferenceService/asr/model/0"),
		  SPAN("{\"models\":[{\"where\":\"storageUri\",\"uri\":\"pvc://models/asr\"},{\"where\":\"env X\",\"uri\":\"/x\"}]}") },
	};
	(void)data;
	return fleet_details_put(tx, "k8s:c/ns", list, RF_COUNT(list));
}

/* Tags that no scan has seen are known by the pods that run them; what a workload is told to load, by its URI. */
static void workloads(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	fill(f);
	struct inventory_batch *b = inventory_batch_new();
	place(b, "k8s:c/ns", "Deployment/a/container/c", 2, ARTIFACT_CONTAINER_IMAGE);
	place(b, "k8s:c/ns", "Deployment/b/container/c", 8, ARTIFACT_CONTAINER_IMAGE);
	place(b, "k8s:c/ns", "InferenceService/asr/model/0", 9, "model-reference");
	assert_ok(inventory_record(f->db, b, NULL, &err), &err);
	inventory_batch_free(b);
	assert_ok(database_transact(f->db, DB_WRITE, put_details, NULL, &err), &err);
	RF_AUTO_PTR(gate_snapshot) s = build(f, TLP_CLEAR, NULL, NULL);
	ask(s, GATE_IMAGE, "registry.example/site/other:3", NULL,
	    INSIDE "warn  builder content_absent opt/b.plan\nwarn  stale_feed\n");
	ask(s, GATE_IMAGE, "registry.example/site/none:1", NULL, "warn  unknown_subject\n");
	ask(s, GATE_MODEL, "pvc://models/asr", NULL, "warn  builder content_absent its place in k8s:c/ns\n");
	ask(s, GATE_MODEL, "/x", NULL, "warn  unknown_subject\n");
}

static void live(struct fixture *f, const char *host, const char *service, unsigned char n)
{
	struct inventory_batch *b = inventory_batch_new();
	struct err err = ERR_INIT;
	const struct digest d = digest_no(n);
	const struct inventory_place where = { .host = host, .service = service, .environment = "production", .model = "" };
	assert_non_null(b);
	assert_ok(inventory_batch_place(b, "Deployment/a/container/c", &d, ARTIFACT_CONTAINER_IMAGE, &where, &err), &err);
	assert_ok(inventory_record(f->db, b, NULL, &err), &err);
	inventory_batch_free(b);
}

/* Where reforge.yaml says, else where the first scan met it: whoever writes its label elsewhere later moves nothing. */
static void homes(void **state)
{
	struct fixture *f = begin(state);
	static const struct {
		const char *cluster, *namespace_, *want;
	} rows[] = {
		{ "east", "speech", "voice" }, { "", "speech", "voice" },    { "west", "speech", "" },
		{ "west", "talk", "voice" },   { "east", "other", "" },      { "east", "vision", "vision" },
		{ "west", "vision", "vision" },{ "", "vision", "vision" },   { "east", "cameras", "" },
		{ "arn:aws:eks:x/y", "cameras", "vision" }, { "east", "seen", "" }, { "", "", "" },
	};
	fill(f);
	live(f, "k8s:east/speech", "voice", 2);
	live(f, "k8s:east/other", "voice", 2); /* later */
	live(f, "k8s:west/talk", "voice", 2);
	live(f, "k8s:east/seen", "vision", 2); /* reforge.yaml says where it lives */
	live(f, "k8s:east/none", "", 2);
	live(f, "k8s:east/speech", "voice", 1); /* rolled out: the same home */
	RF_AUTO_PTR(gate_snapshot) s = build(f, TLP_RED, NULL, NULL);
	assert_true(span_eq_text(s->head.service_label, "site/service") && !s->head.trusts_labels);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct gate_homes h = gate_snapshot_homes(s, span_of(rows[i].cluster), span_of(rows[i].namespace_));
		if (h.count != (rows[i].want[0] ? 1u : 0u) || (h.count && !span_eq_text(h.services[0], rows[i].want)))
			fail_msg("row %zu: %zu", i, h.count);
	}
}

/* A path is one of each host, up to a number of hosts; past that nobody is told apart. */
static void many_hosts(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	fill(f);
	struct inventory_batch *b = inventory_batch_new();
	for (int i = 0; i < 12; i++) {
		char host[16];
		(void)snprintf(host, sizeof host, "gpu-%02d", i);
		place(b, host, "/srv/fleet/a.onnx", 1, ARTIFACT_ONNXRUNTIME_OPTIMISED);
		if (i < 3)
			place(b, host, "/srv/some/a.onnx", 1, ARTIFACT_ONNXRUNTIME_OPTIMISED);
	}
	assert_ok(inventory_record(f->db, b, NULL, &err), &err);
	inventory_batch_free(b);
	RF_AUTO_PTR(gate_snapshot) s = build(f, TLP_CLEAR, NULL, NULL);
	struct gate_run run = gate_snapshot_models(s, SPAN("/srv/fleet/a.onnx"), false);
	assert_int_equal(run.count, 1);
	assert_int_equal(run.first->holder, 0);
	assert_int_equal(gate_snapshot_models(s, SPAN("/srv/some/a.onnx"), false).count, 3);
	ask(s, GATE_MODEL, "/srv/some", NULL, ENGINE " /srv/some/a.onnx on gpu-00 and 2 other hosts\nwarn  stale_feed\n");
	ask(s, GATE_MODEL, "/srv/fleet/a.onnx", NULL, ENGINE "\nwarn  stale_feed\n");
}

/* The key is another one: the release is there, and nothing counts as signed. */
static void of_another_key(void **state)
{
	struct fixture *f = begin(state);
	struct digest second;
	struct err err = ERR_INIT;
	char path[300], public[300];
	publish(f, "2026-07-15-a", "1.20.0", &second);
	snprintf(path, sizeof path, "%s/other.pem", f->folder);
	snprintf(public, sizeof public, "%s/other.pub.pem", f->folder);
	assert_ok(key_generate(path, public, &err), &err);
	verify_key_freep(&f->verify);
	assert_ok(verify_key_load(public, &f->verify, &err), &err);
	RF_AUTO_PTR(gate_snapshot) s = build(f, TLP_RED, NULL, NULL);
	assert_true(s->release_count == 1 && s->row_count == 2 && !s->releases[0].is_signed);
	assert_int_equal(gate_snapshot_find(s, &second)->signatures, 0);
}

static int make_waiver(struct transaction *tx, void *data)
{
	static const struct span ids[] = { { "CVE-2099-1", 10 } };
	const struct waiver w = { .advisories = ids, .advisory_count = 1, .scope = { .service = SPAN("voice") },
				  .owner = SPAN("voice-team"), .reason = SPAN("delivery"), .created_by = SPAN("user:test@host"),
				  .expires = now_usec() + USEC_PER_DAY };
	int64_t id;
	(void)data;
	return waiver_make(tx, &w, 2 * USEC_PER_DAY, &id);
}

static void excuses(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	fill(f);
	assert_ok(database_transact(f->db, DB_WRITE, make_waiver, NULL, &err), &err);
	RF_AUTO_PTR(gate_snapshot) s = build(f, TLP_RED, NULL, NULL);
	const struct digest one = digest_no(1);
	ask(s, GATE_CONTENT, "model.onnx", &one, "allow CVE-2099-1 builder in_range\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(everything, setup, teardown),
					    cmocka_unit_test_setup_teardown(nothing_is_withheld, setup, teardown),
					    cmocka_unit_test_setup_teardown(rules_are_kept, setup, teardown),
					    cmocka_unit_test_setup_teardown(what_is_gone, setup, teardown),
					    cmocka_unit_test_setup_teardown(a_part, setup, teardown),
					    cmocka_unit_test_setup_teardown(what_a_part_says, setup, teardown),
					    cmocka_unit_test_setup_teardown(homes, setup, teardown),
					    cmocka_unit_test_setup_teardown(workloads, setup, teardown),
					    cmocka_unit_test_setup_teardown(many_hosts, setup, teardown),
					    cmocka_unit_test_setup_teardown(of_another_key, setup, teardown),
					    cmocka_unit_test_setup_teardown(excuses, setup, teardown) };
	return ENGINES_RUN(tests);
}
