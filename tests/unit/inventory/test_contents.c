/* Contents without files: images and their insides, bills of materials; reports that bring nothing new; a database made
 * before uses, hosts and paths had rows of their own. */
#include "store.h"

#include "base/fs.h"

#define TRT ARTIFACT_PRODUCT_TENSORRT
#define ORT ARTIFACT_PRODUCT_ONNXRUNTIME

static const struct inventory_place cluster = {
	.host = "k8s:prod/voice", .service = "voice", .environment = "production", .model = ""
};
static const struct inventory_place host = { .host = "h1",
					     .service = "voice",
					     .environment = "production",
					     .model = "m",
					     .runtime_product = ORT,
					     .runtime_version = "1.20.1" };

static struct digest content(unsigned char seed)
{
	return (struct digest){ { seed, 1 } };
}

static struct artifact_facts facts(const char *kind, const char *product, const char *version)
{
	struct artifact_facts f = { .kind = kind,
				    .layout = "",
				    .product = product,
				    .version_source = version[0] ? ARTIFACT_VERSION_HEADER : ARTIFACT_VERSION_UNKNOWN,
				    .cause = "",
				    .cc_major = -1,
				    .size = 100 };
	snprintf(f.version, sizeof f.version, "%s", version);
	return f;
}

static struct inventory_batch *batch(const char *root, const struct inventory_place *place)
{
	struct err err = ERR_INIT;
	struct inventory_batch *b = inventory_batch_new();
	assert_non_null(b);
	if (root)
		assert_ok(inventory_batch_root(b, root, place, &err), &err);
	return b;
}

static struct inventory_changes record(struct fixture *x, struct inventory_batch *b)
{
	struct err err = ERR_INIT;
	struct inventory_changes c;
	assert_ok(inventory_record(x->db, b, &c, &err), &err);
	inventory_batch_free(b);
	return c;
}

static void add(struct inventory_batch *b, const char *path, unsigned char seed, const struct inventory_place *place)
{
	struct err err = ERR_INIT;
	struct artifact_facts f = facts(ARTIFACT_TENSORRT_PLAN, TRT, "10.1.0.27");
	struct scan_file file = {
		.path = path, .root = "/r", .has_digest = true, .digest = content(seed), .facts = &f
	};
	assert_ok(inventory_batch_add(b, &file, place, &err), &err);
}

/* One number of the database, asked apart from the code that wrote it. */
struct asking {
	const char *sql;
	int64_t answer;
};

static int ask_one(struct transaction *tx, void *data)
{
	struct asking *a = data;
	return tx_one_i64(tx, &a->answer, a->sql, NULL, 0);
}

static int64_t number(struct fixture *x, const char *sql)
{
	struct err err = ERR_INIT;
	struct asking a = { .sql = sql };
	assert_ok(database_transact(x->db, DB_READ, ask_one, &a, &err), &err);
	return a.answer;
}

/* Open placements as they are counted in uses are those that there are. */
static void assert_counted(struct fixture *x)
{
	assert_int_equal(number(x, "SELECT count(*) FROM inventory_use u WHERE u.placements <> (SELECT count(*) FROM "
				   "inventory_placement p WHERE p.use_id = u.id AND p.gone_at IS NULL)"),
			 0);
}

/* ── What is where ───────────────────────────────────────────────────────────────────────────────────────────────── */

struct listing {
	struct inventory_filter filter;
	struct span digest;
	struct str lines;
};

static int on_placement(const struct inventory_placement *p, void *data)
{
	struct listing *l = data;
	str_addf(&l->lines, "%.*s %.*s %.*s %.*s%s\n", SPAN_ARG(p->host), SPAN_ARG(p->path), SPAN_ARG(p->artifact.kind),
		 SPAN_ARG(p->artifact.cause.n ? p->artifact.cause : SPAN("-")), p->gone_at == USEC_NONE ? "" : " gone");
	return 0;
}

static int list(struct transaction *tx, void *data)
{
	struct listing *l = data;
	str_reset(&l->lines);
	return inventory_each_placement(tx, &l->filter, on_placement, l);
}

static void expect(struct fixture *x, struct inventory_filter f, const char *lines)
{
	struct err err = ERR_INIT;
	struct listing l = { .filter = f, .lines = STR_INIT(64 * KIB) };
	assert_ok(database_transact(x->db, DB_READ, list, &l, &err), &err);
	assert_string_equal(str_text(&l.lines), lines);
	str_release(&l.lines);
}

static int on_held(const struct inventory_held *h, void *data)
{
	struct listing *l = data;
	str_addf(&l->lines, "%.*s: %.*s@%.*s %.*s %.*s %.*s\n", SPAN_ARG(h->path), SPAN_ARG(h->product),
		 SPAN_ARG(h->version), SPAN_ARG(h->role), SPAN_ARG(h->source), SPAN_ARG(h->where));
	return 0;
}

static int held(struct transaction *tx, void *data)
{
	struct listing *l = data;
	str_reset(&l->lines);
	return inventory_each_held(tx, l->digest, on_held, l);
}

static int on_inside(const struct inventory_inside *i, void *data)
{
	struct listing *l = data;
	str_addf(&l->lines, "%.*s %.*s %.*s\n", SPAN_ARG(i->path), SPAN_ARG(i->artifact.kind),
		 SPAN_ARG(i->artifact.version));
	return 0;
}

static int inside(struct transaction *tx, void *data)
{
	struct listing *l = data;
	str_reset(&l->lines);
	return inventory_each_inside(tx, l->digest, on_inside, l);
}

static void expect_of(struct fixture *x, int (*ask)(struct transaction *, void *), unsigned char seed,
		      const char *lines)
{
	struct err err = ERR_INIT;
	char hex[DIGEST_HEX];
	struct digest d = content(seed);
	struct listing l = { .digest = span_of(digest_hex(&d, hex)), .lines = STR_INIT(64 * KIB) };
	assert_ok(database_transact(x->db, DB_READ, ask, &l, &err), &err);
	assert_string_equal(str_text(&l.lines), lines);
	str_release(&l.lines);
}

/* ── Images ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void place(struct inventory_batch *b, const char *path, unsigned char seed)
{
	struct err err = ERR_INIT;
	struct digest d = content(seed);
	assert_ok(inventory_batch_place(b, path, &d, "container-image", &cluster, &err), &err);
}

/* The image's own facts, a plan and a package database inside of it. */
static struct inventory_batch *image_scan(void)
{
	struct err err = ERR_INIT;
	struct arena a = ARENA_INIT(MIB);
	struct inventory_batch *b = batch(NULL, NULL);
	struct digest image = content(1), plan = content(2), packages = content(3);
	struct artifact_facts f = facts("container-image", NULL, "");
	assert_ok(inventory_batch_content(b, &image, &f, &err), &err);
	f = facts(ARTIFACT_TENSORRT_PLAN, TRT, "10.1.0.27");
	assert_ok(artifact_component_add(&f, &a,
					 &(struct artifact_component){ SPAN(TRT), SPAN("10.1.0.27"),
								       ARTIFACT_ROLE_RUNTIME, "lean-runtime",
								       SPAN("section LEAN") }),
		  &err);
	assert_ok(inventory_batch_content(b, &plan, &f, &err), &err);
	f = facts("package-database", NULL, "");
	assert_ok(artifact_component_add(&f, &a,
					 &(struct artifact_component){ SPAN(ORT), SPAN("1.18.0"), ARTIFACT_ROLE_PACKAGE,
								       "dpkg", SPAN("st\xff.") }),
		  &err);
	assert_ok(inventory_batch_content(b, &packages, &f, &err), &err);
	assert_ok(inventory_batch_inside(b, &image, "opt/models/a.plan", &plan, &err), &err);
	assert_ok(inventory_batch_inside(b, &image, "var/lib/dpkg/status", &packages, &err), &err);
	arena_release(&a);
	return b;
}

static void test_image(void **state)
{
	struct fixture *x = fixture(state);
	struct inventory_batch *b = batch("", &cluster);
	place(b, "Deployment/asr/container/server", 1);
	place(b, "Deployment/tts/container/server", 1);
	place(b, "Job/x/container/y", 9);
	assert_int_equal(record(x, b).added, 3);
	expect(x, (struct inventory_filter){ 0 },
	       "k8s:prod/voice Deployment/asr/container/server container-image content_absent\n"
	       "k8s:prod/voice Deployment/tts/container/server container-image content_absent\n"
	       "k8s:prod/voice Job/x/container/y container-image content_absent\n");
	/* what was placed is told by a scan of the image, once for all of its workloads */
	assert_int_equal(record(x, image_scan()).artifacts, 2);
	expect(x, (struct inventory_filter){ .product = SPAN(ORT) },
	       "k8s:prod/voice Deployment/asr/container/server container-image -\n"
	       "k8s:prod/voice Deployment/tts/container/server container-image -\n");
	expect(x, (struct inventory_filter){ .product = SPAN(ORT), .version = SPAN("10.1.0.27") }, "");
	expect_of(x, held, 1,
		  "opt/models/a.plan: pkg:generic/nvidia/tensorrt@10.1.0.27 builder header \n"
		  "opt/models/a.plan: pkg:generic/nvidia/tensorrt@10.1.0.27 runtime lean-runtime section LEAN\n"
		  "var/lib/dpkg/status: pkg:generic/microsoft/onnxruntime@1.18.0 package dpkg st\\xff.\n");
	expect_of(x, inside, 1, "opt/models/a.plan tensorrt-plan 10.1.0.27\nvar/lib/dpkg/status package-database \n");
	/* the cluster again: a workload went, the image keeps what is known of it */
	b = batch("", &cluster);
	place(b, "Deployment/asr/container/server", 1);
	assert_int_equal(record(x, b).vanished, 2);
	expect(x, (struct inventory_filter){ .kind = SPAN("container-image") },
	       "k8s:prod/voice Deployment/asr/container/server container-image -\n");
	struct err err = ERR_INIT;
	struct digest image = content(1), nobody = content(77);
	b = batch(NULL, NULL);
	assert_ok(inventory_batch_inside(b, &image, "x", &nobody, &err), &err);
	assert_int_equal(inventory_record(x->db, b, NULL, &err), RF_EINVALID);
	inventory_batch_free(b);
	assert_counted(x);
}

/* A reading of image 1 with plan 2 at @path; @cause "" when it was read whole. @path NULL: nothing is inside. */
static struct inventory_batch *reading(const char *path, const char *cause)
{
	struct err err = ERR_INIT;
	struct inventory_batch *b = batch(NULL, NULL);
	struct digest image = content(1), plan = content(2);
	struct artifact_facts f = facts("container-image", NULL, "");
	f.finding = cause[0] ? ARTIFACT_UNKNOWN : ARTIFACT_CLEAR;
	f.cause = cause;
	assert_ok(inventory_batch_content(b, &image, &f, &err), &err);
	f = facts(ARTIFACT_TENSORRT_PLAN, TRT, "10.1.0.27");
	if (path) {
		assert_ok(inventory_batch_content(b, &plan, &f, &err), &err);
		assert_ok(inventory_batch_inside(b, &image, path, &plan, &err), &err);
	}
	return b;
}

/* The same digest: what one reading did not see is there all the same, and what was read whole is so for good. */
static void test_image_readings(void **state)
{
	struct fixture *x = fixture(state);
	static const char *const finding = "SELECT count(*) FROM inventory_artifact WHERE kind = 'container-image' AND "
					   "finding <> ''";
	struct inventory_batch *b = batch("", &cluster);
	place(b, "Deployment/asr/container/server", 1);
	record(x, b);
	record(x, reading("a", "content_absent"));
	record(x, reading("b", "unreadable"));
	expect_of(x, inside, 1, "a tensorrt-plan 10.1.0.27\nb tensorrt-plan 10.1.0.27\n");
	assert_int_equal(number(x, finding), 1);
	record(x, reading("b", ""));
	expect_of(x, inside, 1, "b tensorrt-plan 10.1.0.27\n");
	assert_int_equal(number(x, finding), 0);
	record(x, reading("c", "content_absent"));
	record(x, reading(NULL, "content_absent"));
	expect_of(x, inside, 1, "b tensorrt-plan 10.1.0.27\n");
	assert_int_equal(number(x, finding), 0);
	assert_counted(x);
}

/* A whole reading in which there is nothing. */
static void test_image_empty(void **state)
{
	struct fixture *x = fixture(state);
	struct err err = ERR_INIT;
	struct digest image = content(1);
	struct artifact_facts f = facts("container-image", NULL, "");
	struct inventory_batch *b = batch("", &cluster);
	place(b, "Deployment/asr/container/server", 1);
	record(x, b);
	record(x, reading("deleted", "unreadable"));
	b = reading(NULL, "unreadable"); /* two readings in one scan: the whole one counts */
	assert_ok(inventory_batch_content(b, &image, &f, &err), &err);
	record(x, b);
	expect_of(x, inside, 1, "");
	expect(x, (struct inventory_filter){ .kind = SPAN("container-image") },
	       "k8s:prod/voice Deployment/asr/container/server container-image -\n");
}

/* As many as in a large bill of materials, written in few statements. */
static void test_many_components(void **state)
{
	struct fixture *x = fixture(state);
	struct err err = ERR_INIT;
	struct arena a = ARENA_INIT(64 * MIB);
	struct digest bill = content(5);
	struct artifact_facts f = facts("sbom", NULL, "");
	for (unsigned i = 0; i < 3000; i++) {
		char product[64];
		snprintf(product, sizeof product, "pkg:npm/p%u", i / 3);
		struct artifact_component c = { span_of(product), SPAN("1.0"), ARTIFACT_ROLE_PACKAGE, "npm",
						SPAN_NONE };
		assert_ok(artifact_component_add(&f, &a, &c), &err);
	}
	for (int round = 0; round < 2; round++) {
		struct inventory_batch *b = batch("", &cluster);
		assert_ok(inventory_batch_content(b, &bill, &f, &err), &err);
		assert_ok(inventory_batch_place(b, "bill.json", &bill, "sbom", &cluster, &err), &err);
		struct inventory_changes c = record(x, b);
		assert_int_equal(c.added, round == 0);
		assert_int_equal(c.artifacts, round == 0);
	}
	assert_int_equal(number(x, "SELECT count(*) FROM inventory_component"), 1000);
	assert_int_equal(number(x, "SELECT count(*) FROM inventory_artifact_component"), 1000);
	arena_release(&a);
}

/* ── Claims ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What others claim of a content never stands against what was read here, whichever came first. */
static void claim(struct fixture *x, unsigned char seed, struct artifact_facts f)
{
	struct err err = ERR_INIT;
	struct digest d = content(seed);
	struct inventory_batch *b = batch(NULL, NULL);
	assert_ok(inventory_batch_claim(b, &d, &f, &err), &err);
	record(x, b);
}

static void read_here(struct fixture *x, unsigned char seed, struct artifact_facts f)
{
	struct err err = ERR_INIT;
	struct digest d = content(seed);
	struct inventory_batch *b = batch(NULL, NULL);
	assert_ok(inventory_batch_content(b, &d, &f, &err), &err);
	record(x, b);
}

static struct artifact_facts found(struct artifact_facts f, enum artifact_finding finding, const char *cause)
{
	f.finding = finding;
	f.cause = cause;
	return f;
}

/* The finding and version that count, and the version of the builder that exposures are derived from. */
static void assert_known(struct fixture *x, unsigned char seed, const char *finding, const char *version)
{
	char hex[DIGEST_HEX], sql[512];
	struct digest d = content(seed);
	(void)snprintf(sql, sizeof sql,
		       "SELECT count(*) FROM inventory_artifact a LEFT JOIN inventory_component c ON c.id = "
		       "a.component_id WHERE a.digest = '%s' AND a.finding = '%s' AND a.version = '%s' AND "
		       "COALESCE(c.version, '') = '%s'",
		       digest_hex(&d, hex), finding, version, version);
	assert_int_equal(number(x, sql), 1);
}

/* What is wrong with a member's name is not wrong with its content, and a place that tells what it is counts. */
static void test_names(void **state)
{
	struct fixture *x = fixture(state);
	struct artifact_facts plan = facts(ARTIFACT_TENSORRT_PLAN, TRT, "10.13.3.9"),
			      packages = facts(ARTIFACT_PACKAGE_DATABASE, NULL, ""),
			      stray = found(facts(ARTIFACT_OTHER, NULL, ""), ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNSAFE_NAME),
			      outside = found(plan, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNSAFE_NAME);
	stray.rules[0] = outside.rules[0] = "member_name_leaves";
	stray.rule_count = outside.rule_count = 1;
	read_here(x, 1, outside);
	assert_known(x, 1, "", "10.13.3.9");
	read_here(x, 2, stray);
	read_here(x, 2, packages);
	assert_known(x, 2, "", "");
	assert_int_equal(number(x, "SELECT count(*) FROM inventory_artifact WHERE kind = 'package-database'"), 1);
	/* what is wrong with the place is kept there */
	struct artifact_facts here = found(plan, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE);
	here.rules[0] = "member_size_mismatch";
	here.rule_count = 1;
	here.notes[here.note_count++] = "the container states 5 bytes, 9 came";
	struct inventory_batch *b = inventory_batch_new();
	struct inventory_place place = { .host = "h1", .service = "", .environment = "", .model = "" };
	struct err err = ERR_INIT;
	struct scan_file f = { .path = "/x/a.zip!/m.plan", .root = "/x", .has_digest = true, .digest = content(7), .facts = &here };
	assert_ok(inventory_batch_root(b, "/x", &place, &err), &err);
	assert_ok(inventory_batch_add(b, &f, &place, &err), &err);
	assert_ok(inventory_record(x->db, b, NULL, &err), &err);
	inventory_batch_free(b);
	assert_known(x, 7, "", "10.13.3.9");
	assert_int_equal(number(x, "SELECT count(*) FROM inventory_unseen WHERE reason = 'the container states 5 bytes, 9 came'"), 1);
	outside.rules[1] = "section_past_end";
	outside.rule_count = 2;
	read_here(x, 3, outside);
	assert_known(x, 3, "unknown", "10.13.3.9");
}

static void test_claims(void **state)
{
	struct fixture *x = fixture(state);
	struct err err = ERR_INIT;
	struct artifact_facts clean = facts(ARTIFACT_TENSORRT_PLAN, TRT, "10.13.3.9"),
			      old = facts(ARTIFACT_TENSORRT_PLAN, TRT, "8.6.1.6"),
			      other = found(facts(ARTIFACT_OTHER, NULL, ""), ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE),
			      forged = found(clean, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH);
	/* claimed first, read afterwards */
	claim(x, 1, clean);
	assert_known(x, 1, "", "10.13.3.9");
	read_here(x, 1, old);
	assert_known(x, 1, "", "8.6.1.6");
	claim(x, 2, clean);
	read_here(x, 2, other);
	assert_known(x, 2, "unknown", "");
	assert_int_equal(number(x, "SELECT count(*) FROM inventory_artifact_component l JOIN inventory_artifact a ON a.id = "
				   "l.artifact_id WHERE a.finding = 'unknown'"),
			 0);
	claim(x, 3, clean);
	read_here(x, 3, forged);
	assert_known(x, 3, "conflict", "10.13.3.9");
	/* read first, claimed afterwards */
	read_here(x, 4, other);
	claim(x, 4, clean);
	assert_known(x, 4, "unknown", "");
	read_here(x, 5, forged);
	claim(x, 5, clean);
	assert_known(x, 5, "conflict", "10.13.3.9");
	/* claims among themselves: one that knows more counts, a conflict stays */
	claim(x, 6, other);
	claim(x, 6, clean);
	assert_known(x, 6, "", "10.13.3.9");
	claim(x, 7, found(other, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH));
	claim(x, 7, clean);
	assert_known(x, 7, "conflict", "");
	/* in one batch, in either order */
	for (unsigned char seed = 8; seed < 10; seed++) {
		struct digest d = content(seed);
		struct inventory_batch *b = batch(NULL, NULL);
		if (seed == 8)
			assert_ok(inventory_batch_claim(b, &d, &clean, &err), &err);
		assert_ok(inventory_batch_content(b, &d, &other, &err), &err);
		if (seed == 9)
			assert_ok(inventory_batch_claim(b, &d, &clean, &err), &err);
		record(x, b);
		assert_known(x, seed, "unknown", "");
		claim(x, seed, clean);
		assert_known(x, seed, "unknown", "");
	}
	/* an image whose layers could not all be read, until they could */
	read_here(x, 10, found(facts("container-image", NULL, ""), ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE));
	claim(x, 10, facts("container-image", TRT, "10.13.3.9"));
	assert_known(x, 10, "unknown", "");
	read_here(x, 10, facts("container-image", NULL, ""));
	assert_known(x, 10, "", "");
}

/* ── Reports that bring nothing new ──────────────────────────────────────────────────────────────────────────────── */

static bool no_root(const char *path, struct span service, struct span environment, void *data)
{
	(void)service;
	(void)environment;
	return strcmp(path, data) != 0;
}

static void test_report_as_before(void **state)
{
	struct fixture *x = fixture(state);
	static const char *const last = "SELECT MAX(seen_last) FROM inventory_group";
	struct err err = ERR_INIT;
	struct inventory_batch *b = batch("/r", &host);
	add(b, "/r/a.plan", 1, &host);
	add(b, "/r/b.plan", 2, &host);
	record(x, b);
	int64_t first = number(x, last);
	b = batch("/r", &host); /* in another order */
	add(b, "/r/b.plan", 2, &host);
	add(b, "/r/a.plan", 1, &host);
	struct inventory_changes c = record(x, b);
	assert_int_equal(c.unchanged, 2);
	assert_int_equal(c.added + c.replaced + c.vanished, 0);
	assert_true(number(x, last) > first);
	assert_int_equal(number(x, "SELECT count(*) FROM inventory_placement WHERE seen_last IS NOT NULL"), 0);
	/* a part of it only: what was not looked at keeps the moment at which it was seen */
	int64_t second = number(x, last);
	b = batch("/r/a.plan", &host);
	add(b, "/r/a.plan", 1, &host);
	assert_int_equal(record(x, b).unchanged, 1);
	assert_int_equal(number(x, "SELECT seen_last FROM inventory_placement WHERE seen_last IS NOT NULL"), second);
	/* all of it again */
	for (int round = 0; round < 2; round++) {
		b = batch("/r", &host);
		add(b, "/r/a.plan", 1, &host);
		add(b, "/r/b.plan", 2, &host);
		assert_int_equal(record(x, b).unchanged, 2);
		assert_int_equal(number(x, "SELECT count(*) FROM inventory_placement WHERE seen_last IS NOT NULL"), 0);
	}
	/* closed from elsewhere: the same report opens it again */
	b = batch(NULL, NULL);
	assert_ok(inventory_batch_whole_host(b, "h1", no_root, (void *)(uintptr_t) "/r/b.plan", &err), &err);
	assert_int_equal(record(x, b).vanished, 1);
	assert_counted(x);
	b = batch("/r", &host);
	add(b, "/r/a.plan", 1, &host);
	add(b, "/r/b.plan", 2, &host);
	c = record(x, b);
	assert_int_equal(c.unchanged, 1);
	assert_int_equal(c.added, 1);
	assert_counted(x);
	/* the same files under another runtime are no unchanged report */
	struct inventory_place upgraded = host;
	upgraded.runtime_version = "1.21.1";
	b = batch("/r", &upgraded);
	add(b, "/r/a.plan", 1, &upgraded);
	add(b, "/r/b.plan", 2, &upgraded);
	assert_int_equal(record(x, b).replaced, 2);
	assert_counted(x);
}

/* ── History ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int on_change(const struct inventory_change *c, void *data)
{
	struct listing *l = data;
	const struct inventory_placement *p = c->placement, *b = c->before;
	str_addf(&l->lines, "%s %.*s:%.*s %d", inventory_event_name(c->event), SPAN_ARG(p->host), SPAN_ARG(p->path),
		 p->artifact.digest[1] - '0');
	if (b)
		str_addf(&l->lines, " before %.*s:%.*s %d", SPAN_ARG(b->host), SPAN_ARG(b->path),
			 b->artifact.digest[1] - '0');
	str_add_byte(&l->lines, '\n');
	return 0;
}

static int changes(struct transaction *tx, void *data)
{
	struct listing *l = data;
	str_reset(&l->lines);
	return inventory_each_change(tx, &l->filter, on_change, l);
}

static void expect_changes(struct fixture *x, struct inventory_filter f, const char *lines)
{
	struct err err = ERR_INIT;
	struct listing l = { .filter = f, .lines = STR_INIT(64 * KIB) };
	assert_ok(database_transact(x->db, DB_READ, changes, &l, &err), &err);
	assert_string_equal(str_text(&l.lines), lines);
	str_release(&l.lines);
}

static int now(struct transaction *tx, void *data)
{
	*(usec_t *)data = tx_now(tx);
	return 0;
}

static usec_t moment(struct fixture *x)
{
	struct err err = ERR_INIT;
	usec_t at;
	assert_ok(database_transact(x->db, DB_READ, now, &at, &err), &err);
	return at;
}

static void test_history(void **state)
{
	struct fixture *x = fixture(state);
	struct inventory_place other = host;
	other.host = "h2";
	struct inventory_batch *b = batch("/r", &host);
	add(b, "/r/a", 1, &host);
	add(b, "/r/b", 2, &host);
	add(b, "/r/c", 3, &host);
	record(x, b);
	usec_t first = moment(x);
	b = batch("/r", &host); /* a replaced, b renamed, c away */
	add(b, "/r/a", 4, &host);
	add(b, "/r/B", 2, &host);
	record(x, b);
	usec_t second = moment(x);
	b = batch("/r", &other); /* and c turns up elsewhere */
	add(b, "/r/c", 3, &other);
	add(b, "/r/d", 5, &other);
	record(x, b);
	b = batch("/r", &other);
	add(b, "/r/c", 3, &other);
	record(x, b);
	expect_changes(x, (struct inventory_filter){ 0 },
		       "came h1:/r/a 1\ncame h1:/r/b 2\ncame h1:/r/c 3\n"
		       "moved h1:/r/B 2 before h1:/r/b 2\nreplaced h1:/r/a 4 before h1:/r/a 1\n"
		       "moved h2:/r/c 3 before h1:/r/c 3\ncame h2:/r/d 5\nwent h2:/r/d 5\n");
	expect_changes(x, (struct inventory_filter){ .host = SPAN("h1"), .path = SPAN("/r/c") },
		       "came h1:/r/c 3\nwent h1:/r/c 3\n");
	expect(x, (struct inventory_filter){ .at = first },
	       "h1 /r/a tensorrt-plan - gone\nh1 /r/b tensorrt-plan - gone\nh1 /r/c tensorrt-plan - gone\n");
	expect(x, (struct inventory_filter){ .at = second }, "h1 /r/B tensorrt-plan -\nh1 /r/a tensorrt-plan -\n");
	expect(x, (struct inventory_filter){ .at = 1 }, "");
}

/* ── A database of before ────────────────────────────────────────────────────────────────────────────────────────── */

static const char *const old_rows[] = {
	"INSERT INTO inventory_component(product, version) VALUES ('pkg:generic/nvidia/tensorrt', '10.1.0.27'),"
	" ('pkg:generic/microsoft/onnxruntime', '1.20.1')",
	"INSERT INTO inventory_artifact(digest, size, kind, layout, product, version, version_source, target,"
	" compute_capability, finding, cause, notes, evidence, reader, first_seen) VALUES"
	" ('aa', 1, 'tensorrt-plan', '', 'pkg:generic/nvidia/tensorrt', '10.1.0.27', 'header', '', '', '', '', '[]', "
	"'[]', 1, 5),"
	" ('bb', 1, 'onnx', '', NULL, '', 'unknown', '', '', '', '', '[]', '[]', 1, 5)",
	"INSERT INTO inventory_artifact_component(digest, component_id, role) VALUES ('aa', 1, 'builder')",
};
static const struct {
	const char *host, *path, *service, *model, *digest;
	int64_t runtime, from, last, gone; /* 0: none */
} old_placements[] = {
	{ "h1", "/r/a", "voice", "m", "aa", 2, 10, 20, 30 },
	{ "h1", "/r/a", "voice", "m", "bb", 2, 30, 40, 0 },
	{ "h2", "/r/a", "voice", "m", "aa", 0, 11, 21, 0 },
	{ "h2", "/r/b", "", "", "aa", 0, 11, 31, 0 },
	/* the same content, under another service from then on */
	{ "h1", "/r/z", "voice", "m", "aa", 2, 10, 20, 30 },
	{ "h1", "/r/z", "reading", "m", "aa", 0, 30, 40, 0 },
};

static int drop_all(struct transaction *tx, void *data)
{
	static const char *const tables[] = { "placement", "use",       "inside", "artifact_component",
					      "artifact",  "component", "group",  "service",
					      "path",      "host",      "unseen", "known" };
	char sql[128];
	(void)data;
	for (size_t i = 0; i < RF_COUNT(tables); i++) {
		snprintf(sql, sizeof sql, "DROP TABLE inventory_%s", tables[i]);
		int rc = tx_exec(tx, sql, NULL, 0, NULL);
		if (rc)
			return rc;
	}
	return tx_exec(tx, "DELETE FROM database_migration WHERE room = 'inventory'", NULL, 0, NULL);
}

static int fill_old(struct transaction *tx, void *data)
{
	int rc = 0;
	(void)data;
	for (size_t i = 0; i < RF_COUNT(old_rows) && rc == 0; i++)
		rc = tx_exec(tx, old_rows[i], NULL, 0, NULL);
	for (size_t i = 0; i < RF_COUNT(old_placements) && rc == 0; i++)
		rc = TX_RUN(
			tx,
			"INSERT INTO inventory_placement(host, path, service, environment, model, digest, runtime_id,"
			" seen_from, seen_last, gone_at) VALUES ($1, $2, $3, 'production', $4, $5, $6, $7, $8, $9)",
			DB_T(old_placements[i].host), DB_B(span_of(old_placements[i].path)),
			DB_T(old_placements[i].service), DB_T(old_placements[i].model), DB_T(old_placements[i].digest),
			old_placements[i].runtime ? DB_I(old_placements[i].runtime) : DB_NONE,
			DB_I(old_placements[i].from), DB_I(old_placements[i].last),
			old_placements[i].gone ? DB_I(old_placements[i].gone) : DB_NONE);
	return rc;
}

static void test_database_of_before(void **state)
{
	struct fixture *x = fixture(state);
	struct err err = ERR_INIT;
	struct migration_set old = INVENTORY_MIGRATIONS;
	old.step_count = 1;
	const struct migration_set *sets[] = { &old };
	assert_ok(database_transact(x->db, DB_WRITE, drop_all, NULL, &err), &err);
	assert_ok(database_migrate(x->db, sets, 1, &err), &err);
	assert_ok(database_transact(x->db, DB_WRITE, fill_old, NULL, &err), &err);
	sets[0] = &INVENTORY_MIGRATIONS;
	assert_ok(database_migrate(x->db, sets, 1, &err), &err);
	expect(x, (struct inventory_filter){ .with_gone = true },
	       "h2 /r/b tensorrt-plan -\nh1 /r/z tensorrt-plan -\nh1 /r/a tensorrt-plan - gone\nh2 /r/a tensorrt-plan -\n"
	       "h1 /r/a onnx -\nh1 /r/z tensorrt-plan - gone\n");
	expect(x, (struct inventory_filter){ .at = 25 },
	       "h2 /r/b tensorrt-plan -\nh1 /r/a tensorrt-plan - gone\nh2 /r/a tensorrt-plan -\n"
	       "h1 /r/z tensorrt-plan - gone\n");
	assert_int_equal(number(x, "SELECT count(*) FROM inventory_placement WHERE seen_last = 20 AND gone_at = 30"),
			 2);
	assert_int_equal(number(x, "SELECT count(*) FROM inventory_placement WHERE content_from = seen_from"), 5);
	assert_int_equal(number(x, "SELECT count(*) FROM inventory_placement WHERE content_from = 10"), 3);
	assert_int_equal(number(x, "SELECT count(*) FROM inventory_use"), 5);
	assert_int_equal(
		number(x, "SELECT count(*) FROM inventory_artifact WHERE component_id = 1 AND role = 'builder'"), 1);
	assert_counted(x);
	/* and it goes on */
	struct inventory_batch *b = batch("/r", &host);
	add(b, "/r/a", 7, &host);
	assert_int_equal(record(x, b).replaced, 1);
	assert_counted(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_image),          EACH(test_image_readings),    EACH(test_image_empty),
		EACH(test_many_components), EACH(test_report_as_before), EACH(test_history),
		EACH(test_names),           EACH(test_claims),          EACH(test_database_of_before),
	};
	return ENGINES_RUN(tests);
}
