/*
 * What a large snapshot of the gate costs:
 *
 *   bench_gate_snapshot size CONTENTS FILE        made in memory, asked, written as bytes to FILE, read back
 *   bench_gate_snapshot fill URL CONTENTS         that many contents and places into a fresh database
 *   bench_gate_snapshot build URL FOLDER          the snapshot out of that database
 *
 * Prints "name value unit" a line. Each content is an engine of one of some hundred versions, with a place of its own; one
 * in a hundred is an image that holds ten of them and thirty packages, with a tag.
 */
#include "advisory/feed.h"
#include "base/fs.h"
#include "exposure/exposure.h"
#include "gate/judge.h"
#include "gate/snapshot_build.h"
#include "gate/snapshot_bytes.h"
#include "inventory/fleet_store.h"
#include "ledger/ledger.h"

#include "bench.h"

#include <time.h>

#define ADVISORIES 300
#define VERSIONS 64
#define REQUESTS 20000
#define PER_IMAGE 10
#define PACKAGES 30
#define ARENA_BYTES (4 * GIB)
#define AT_ONCE 200000

static struct digest digest_no(uint32_t kind, uint32_t n)
{
	const uint32_t key[] = { kind, n };
	struct digest d;
	digest_of(span_bytes(key, sizeof key), &d);
	return d;
}

/* ── what is known ──────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct product *product_no(uint32_t n)
{
	static const char *const purls[] = { ARTIFACT_PRODUCT_TENSORRT, ARTIFACT_PRODUCT_ONNXRUNTIME, ARTIFACT_PRODUCT_CUDA,
					     ARTIFACT_PRODUCT_TENSORRT_LLM };
	return product_by_purl(span_of(purls[n % RF_COUNT(purls)]));
}

/* A version of a product is hit by one or two. */
static void add_advisory(struct gate_snapshot *s, uint32_t n)
{
	struct arena *a = gate_snapshot_arena(s);
	struct stored_advisory *v = arena_alloc(a, sizeof *v);
	struct advisory_statement *t = arena_alloc(a, sizeof *t);
	struct advisory_origin *from = arena_alloc(a, sizeof *from);
	uint32_t version = n / 4 * 7 % VERSIONS;
	const char *words = arena_printf(a, "%u.0 - %u.4", version, version);
	if (!v || !t || !from || !words)
		exit(2);
	const struct product *product = product_no(n);
	*t = (struct advisory_statement){ .source = SPAN("NVIDIA"), .authoritative = true, .product = product,
					  .product_name = span_of(product->name), .affected_text = span_of(words) };
	must(range_read(a, product_scheme(product), t->affected_text, SPAN_NONE, &t->range, &err), "range");
	*from = (struct advisory_origin){ .document_digest = SPAN("00ff"), .document_id = SPAN("5855") };
	*v = (struct stored_advisory){ .advisory = { .id = span_of(arena_printf(a, "CVE-2099-%05u", n)), .title = SPAN("a flaw"),
						     .statements = t, .statement_count = 1, .published = 1 }, .origins = from };
	must(gate_snapshot_advisory(s, v, &err), "advisory");
}

static uint32_t component_no(struct gate_snapshot *s, uint32_t product, uint32_t version, enum carrier carrier)
{
	char text[32];
	uint32_t number;
	const struct product *p = product_no(product);
	const struct component c = { .product = p, .purl = span_of(p->purl),
				     .version = { text, (size_t)snprintf(text, sizeof text, "%u.3", version % VERSIONS) } };
	must(gate_snapshot_component(s, &c, carrier, &number, &err), "component");
	return number;
}

static void add_engine(struct gate_snapshot *s, uint32_t n)
{
	char path[96];
	uint32_t number;
	struct gate_artifact a = { .digest = digest_no(1, n), .main = component_no(s, n % 2, n, CARRIER_BUILDER), .first_seen = 1 };
	const struct gate_part parts[] = { { a.main, GATE_NONE, 0 }, { component_no(s, 2, n / 7, CARRIER_BUILDER), GATE_NONE, 0 } };
	must(gate_snapshot_set(s, parts, 2, &a.set, &err), "set");
	must(gate_snapshot_text(s, SPAN("sm_86"), &a.target, &err), "text");
	must(gate_snapshot_artifact(s, &a, SPAN(ARTIFACT_TENSORRT_PLAN), &number, &err), "content");
	(void)snprintf(path, sizeof path, "/srv/models/service-%u/model-%u/1/model.plan", n % 400, n);
	must(gate_snapshot_model(s, span_of(path), number, &err), "place");
}

static void add_image(struct gate_snapshot *s, uint32_t n, uint32_t engines)
{
	struct gate_part parts[PER_IMAGE + PACKAGES];
	char text[96];
	uint32_t number;
	struct gate_artifact a = { .digest = digest_no(2, n), .main = GATE_NONE, .first_seen = 1 };
	for (uint32_t i = 0; i < PER_IMAGE; i++) {
		uint32_t inner = (n * 977 + i * 131) % engines;
		(void)snprintf(text, sizeof text, "opt/models/%u/model.plan", i);
		parts[i] = (struct gate_part){ .component = component_no(s, inner % 2, inner, CARRIER_BUILDER), .artifact = inner };
		must(gate_snapshot_text(s, span_of(text), &parts[i].where, &err), "text");
	}
	for (uint32_t i = 0; i < PACKAGES; i++)
		parts[PER_IMAGE + i] = (struct gate_part){ component_no(s, i, n / 5 + i, CARRIER_IMAGE), GATE_NONE, 0 };
	must(gate_snapshot_set(s, parts, RF_COUNT(parts), &a.set, &err), "set");
	must(gate_snapshot_artifact(s, &a, SPAN(ARTIFACT_CONTAINER_IMAGE), &number, &err), "image");
	(void)snprintf(text, sizeof text, "registry.example/site/app-%u:1.%u", n % 5000, n / 5000);
	must(gate_snapshot_image(s, span_of(text), number, &err), "tag");
}

static struct gate_snapshot *make(uint32_t contents)
{
	struct gate_snapshot *s = gate_snapshot_new(ARENA_BYTES);
	uint32_t images = contents / 100, engines = contents - images;
	if (!s)
		exit(2);
	for (uint32_t i = 0; i < ADVISORIES; i++)
		add_advisory(s, i);
	for (uint32_t i = 0; i < engines; i++)
		add_engine(s, i);
	for (uint32_t i = 0; i < images; i++)
		add_image(s, i, engines);
	mono_t begin = mono_usec();
	must(gate_snapshot_ready(s, &err), "ready");
	figure("ready", ms_since(begin), "ms");
	return s;
}

/* ── asking ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A request only computes: the thread's own time is what it takes, whatever else the machine does. */
static double now_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return a < b ? -1 : a > b;
}

/* One request of one subject; what is asked about jumps over the whole table. */
static size_t ask(const struct gate_snapshot *s, struct arena *a, enum gate_subject_kind kind, uint32_t n)
{
	char text[96];
	struct gate_subject subject = { .kind = kind, .name = SPAN("model.plan") };
	struct gate_answer answer;
	const struct gate_question q = { .snapshot = s, .service = SPAN("voice"), .environment = SPAN("production"), .now = 1000 };
	if (kind == GATE_CONTENT)
		subject.digest = s->artifacts[n % s->artifact_count].digest;
	else
		subject.name = gate_snapshot_text_at(s, kind == GATE_IMAGE ? s->images[n % s->image_count].text :
									      s->models[n % s->model_count].text);
	(void)snprintf(text, sizeof text, "%.*s", SPAN_ARG(subject.name));
	subject.name = span_of(text); /* a request's own bytes */
	must(gate_judge(a, &q, &subject, &answer, &err), "judge");
	return answer.count;
}

static void measure(const struct gate_snapshot *s, enum gate_subject_kind kind, const char *name)
{
	static double times[REQUESTS];
	struct arena a = ARENA_INIT(64 * MIB);
	char label[64];
	size_t findings = 0;
	uint32_t n = 1;
	for (size_t i = 0; i < REQUESTS + REQUESTS / 10; i++) {
		n = n * 1664525u + 1013904223u;
		double begin = now_us();
		findings += ask(s, &a, kind, n >> 4);
		if (i >= REQUESTS / 10)
			times[i - REQUESTS / 10] = now_us() - begin;
		arena_reset(&a);
	}
	qsort(times, REQUESTS, sizeof *times, by_value);
	(void)snprintf(label, sizeof label, "%s_p50", name);
	figure(label, times[REQUESTS / 2], "us");
	(void)snprintf(label, sizeof label, "%s_p99", name);
	figure(label, times[REQUESTS / 100 * 99], "us");
	(void)snprintf(label, sizeof label, "%s_findings", name);
	figure(label, (double)findings / (REQUESTS + REQUESTS / 10), "each");
	arena_release(&a);
}

static int size(uint32_t contents, const char *path)
{
	struct str bytes = STR_INIT(GATE_SNAPSHOT_MAX_BYTES);
	struct gate_snapshot *s = make(contents), *again;
	figure("memory", (double)gate_snapshot_bytes(s) / contents, "B");
	measure(s, GATE_CONTENT, "content");
	measure(s, GATE_IMAGE, "image");
	measure(s, GATE_MODEL, "model");
	mono_t begin = mono_usec();
	must(gate_snapshot_write(s, &bytes, &err), "write");
	figure("write", ms_since(begin), "ms");
	figure("bytes", (double)bytes.n / contents, "B");
	gate_snapshot_free(s);
	must(fs_write_atomic(path, str_span(&bytes), 0644, &err), "file");
	begin = mono_usec();
	must(gate_snapshot_read(str_span(&bytes), &again, &err), "read");
	figure("read", ms_since(begin), "ms");
	if (again->artifact_count != contents)
		exit(2);
	gate_snapshot_free(again);
	str_release(&bytes);
	return 0;
}

/* ── out of a database ──────────────────────────────────────────────────────────────────────────────────────────── */

static struct database *open_database(const char *url)
{
	struct database *db;
	const struct migration_set *const sets[] = { &LEDGER_MIGRATIONS,    &ADVISORY_MIGRATIONS, &FEED_MIGRATIONS,
						     &INVENTORY_MIGRATIONS, &FLEET_MIGRATIONS,	  &DEPOT_MIGRATIONS,
						     &EXPOSURE_MIGRATIONS };
	must(database_open(url, NULL, &db, &err), "open");
	must(database_migrate(db, sets, RF_COUNT(sets), &err), "migrate");
	return db;
}

static void fill_some(struct database *db, uint32_t from, uint32_t to)
{
	struct inventory_batch *b = inventory_batch_new();
	if (!b)
		exit(2);
	for (uint32_t n = from; n < to; n++) {
		const struct digest d = digest_no(1, n);
		char host[32], path[96];
		struct artifact_facts f = { .kind = ARTIFACT_TENSORRT_PLAN, .layout = "", .product = product_no(n % 2)->purl, .cause = "",
					    .version_source = ARTIFACT_VERSION_HEADER, .cc_major = -1, .cc_minor = -1, .target = "sm_86",
					    .size = 10 };
		(void)snprintf(f.version, sizeof f.version, "%u.3", n % VERSIONS);
		(void)snprintf(host, sizeof host, "host-%u", n / 50);
		(void)snprintf(path, sizeof path, "/srv/models/service-%u/model-%u/1/model.plan", n % 400, n);
		const struct inventory_place where = { .host = host, .service = "voice", .environment = "production", .model = "" };
		must(inventory_batch_content(b, &d, &f, &err), "content");
		must(inventory_batch_place(b, path, &d, f.kind, &where, &err), "place");
	}
	must(inventory_record(db, b, NULL, &err), "record");
	inventory_batch_free(b);
}

static int fill(const char *url, uint32_t contents)
{
	struct database *db = open_database(url);
	for (uint32_t n = 0; n < contents; n += AT_ONCE)
		fill_some(db, n, RF_MIN(contents, n + AT_ONCE));
	database_close(db);
	return 0;
}

static int build(const char *url, const char *folder)
{
	struct database *db = open_database(url);
	struct workspace *w;
	struct gate_snapshot *s;
	must(workspace_read(SPAN("site: bench\n"), "reforge.yaml", folder, &w, &err), "workspace");
	const struct gate_building how = { .workspace = w, .expires = USEC_NONE, .highest = TLP_RED };
	mono_t begin = mono_usec();
	must(gate_snapshot_build(db, &how, NULL, NULL, &s, NULL, &err), "build");
	figure("build", ms_since(begin), "ms");
	figure("contents", (double)s->artifact_count, "each");
	const struct digest one = digest_no(1, 7);
	const struct gate_building_part part = { .digests = &one, .digest_count = 1 };
	const struct gate_building some = { .workspace = w, .expires = USEC_NONE, .highest = TLP_RED, .part = &part };
	struct gate_snapshot *few;
	begin = mono_usec();
	must(gate_snapshot_build(db, &some, NULL, NULL, &few, NULL, &err), "build of a part");
	figure("part", ms_since(begin), "ms");
	gate_snapshot_free(few);
	gate_snapshot_free(s);
	workspace_free(w);
	database_close(db);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t n = 0;
	if (argc == 4 && !strcmp(argv[1], "size") && span_u64(span_of(argv[2]), &n) && n >= 200 && n <= 2000000)
		return size((uint32_t)n, argv[3]);
	if (argc == 4 && !strcmp(argv[1], "fill") && span_u64(span_of(argv[3]), &n) && n <= 2000000)
		return fill(argv[2], (uint32_t)n);
	if (argc == 4 && !strcmp(argv[1], "build"))
		return build(argv[2], argv[3]);
	fprintf(stderr, "bench_gate_snapshot size CONTENTS FILE | fill URL CONTENTS | build URL FOLDER\n");
	return 2;
}
