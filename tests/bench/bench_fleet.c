/*
 * What a large fleet costs in the database:
 *
 *   bench_fleet import URL PATH...           advisories into a fresh database
 *   bench_fleet fleet URL PLACEMENTS         that many placements, 20 a host, and the questions about them
 *   bench_fleet ask URL                      the questions once more
 *   bench_fleet postgresql PLACEMENTS        a fleet on a PostgreSQL of its own; says nothing where none is installed
 *
 * Prints "name value unit" a line. The fleet is made as real ones are: some hundred roles, each with its engines, runtime
 * libraries and images in one of three states of upgrade, so that what is different does not grow with the hosts.
 */
#include "advisory/feed.h"
#include "advisory/store.h"
#include "base/time.h"
#include "exposure/baseline_store.h"
#include "exposure/excuse.h"
#include "exposure/exposure.h"
#include "ledger/ledger.h"

#include "../unit/postgresql.h"
#include "bench.h"

#define PER_HOST 20
#define ENGINES 12 /* of a host's 20: engines, runtime libraries, images */
#define LIBRARIES 4
#define ROLES 400
#define STATES 3
#define SERVICES 40
#define IMAGES 600
#define HOSTS_AT_ONCE 250
#define TIMES 25

static const char *const tensorrt[] = { "8.2.1.9",   "8.4.3.1",   "8.5.1.7",   "8.5.3.1",    "8.6.1.6",    "10.0.1.6",  "10.1.0.27",
					"10.3.0.26", "10.4.0.26", "10.5.0.18", "10.6.0.26",  "10.7.0.23",  "10.8.0.43", "10.9.0.34",
					"10.11.0.33", "10.12.0.36", "10.13.0.35", "10.13.3.9", "10.14.1.48", "10.15.1.29", "10.16.0.72" };
static const char *const onnxruntime[] = { "1.14.1", "1.15.1", "1.16.3", "1.17.3", "1.18.1", "1.19.2", "1.20.1", "1.21.1", "1.22.0", "1.23.2" };
static const char *const packages[] = { "pkg:generic/nvidia/tensorrt",    "pkg:generic/microsoft/onnxruntime", "pkg:generic/nvidia/cuda-toolkit",
					"pkg:generic/nvidia/triton-inference-server" };
static const char *const cuda[] = { "11.8.0", "12.1.1", "12.4.1", "12.6.3", "12.8.1", "13.0.1" };

static int by_value(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return a < b ? -1 : a > b;
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof *values, by_value);
	return values[n / 2];
}

/* ---------------------------------------------------------------- the fleet */

static struct digest content(unsigned kind, unsigned a, size_t b)
{
	struct digest d;
	unsigned key[3] = { kind, a, (unsigned)b };
	digest_of(span_bytes(key, sizeof key), &d);
	return d;
}

static struct artifact_facts facts(const char *kind, const char *product, const char *version)
{
	struct artifact_facts f = { .kind = kind,
				    .layout = "",
				    .product = product,
				    .version_source = version[0] ? ARTIFACT_VERSION_HEADER : ARTIFACT_VERSION_UNKNOWN,
				    .cause = "",
				    .cc_major = 8,
				    .cc_minor = 6,
				    .target = "sm_86",
				    .size = 100000000,
				    .notes = { "made for a bench" },
				    .note_count = 1 };
	snprintf(f.version, sizeof f.version, "%s", version);
	return f;
}

struct file {
	struct inventory_batch *batch;
	const struct inventory_place *place;
};

static void add(struct file *to, const char *path, struct digest digest, struct artifact_facts *f)
{
	struct scan_file file = { .path = path, .root = "/srv", .has_digest = true, .digest = digest, .facts = f };
	must(inventory_batch_add(to->batch, &file, to->place, &err), "add");
}

/* A host's engines, loaded by the runtime of its role; one role in four runs ONNX Runtime. */
static void add_engines(struct inventory_batch *b, unsigned host, const struct inventory_place *place, unsigned role, unsigned state)
{
	struct file to = { b, place };
	(void)host;
	must(inventory_batch_root(b, "/srv/models", place, &err), "root");
	for (unsigned i = 0; i < ENGINES; i++) {
		char path[160];
		bool ort = role % 4 == 3;
		size_t version = (role + i + 3 * state) % (ort ? RF_COUNT(onnxruntime) : RF_COUNT(tensorrt));
		struct artifact_facts f = ort ? facts(ARTIFACT_ONNXRUNTIME_OPTIMISED, packages[1], onnxruntime[version])
					      : facts(ARTIFACT_TENSORRT_PLAN, packages[0], tensorrt[version]);
		snprintf(path, sizeof path, "/srv/models/production/role-%03u/model-%02u/1/model.%s", role, i, ort ? "onnx" : "plan");
		add(&to, path, content(1, role * 100 + i, state), &f);
	}
}

static void add_system(struct inventory_batch *b, const struct inventory_place *place, unsigned role, unsigned state)
{
	static const char *const names[LIBRARIES] = { "libnvinfer.so.10", "libnvinfer_plugin.so.10", "libonnxruntime.so.1", "libnvonnxparser.so.10" };
	struct file to = { b, place };
	must(inventory_batch_root(b, "/usr/lib", place, &err), "root");
	must(inventory_batch_root(b, "image", place, &err), "root");
	for (unsigned i = 0; i < LIBRARIES; i++) {
		char path[160];
		const char *version = i == 2 ? onnxruntime[(role + state) % RF_COUNT(onnxruntime)] : tensorrt[(role + state) % RF_COUNT(tensorrt)];
		struct artifact_facts f = facts(ARTIFACT_RUNTIME_LIBRARY, packages[i == 2], version);
		snprintf(path, sizeof path, "/usr/lib/x86_64-linux-gnu/%s", names[i]);
		add(&to, path, content(2, i, (role + state) % (i == 2 ? RF_COUNT(onnxruntime) : RF_COUNT(tensorrt))), &f);
	}
	for (unsigned i = 0; i < PER_HOST - ENGINES - LIBRARIES; i++) {
		char path[160];
		struct digest image = content(3, (role + 97 * i + state) % IMAGES, 0);
		snprintf(path, sizeof path, "image/slot-%u", i);
		must(inventory_batch_place(b, path, &image, "container-image", place, &err), "place");
	}
}

/* One host's whole report, as a scan or an import of it makes it. */
static void add_host(struct inventory_batch *b, unsigned host, unsigned state)
{
	char name[64], service[32];
	unsigned role = host % ROLES;
	snprintf(name, sizeof name, "gpu-%05u.cluster-%02u.example.net", host, host % 50);
	snprintf(service, sizeof service, "service-%02u", role % SERVICES);
	struct inventory_place engines = { .host = name,
					   .service = service,
					   .environment = role % 5 ? "production" : "staging",
					   .model = "model",
					   .runtime_product = packages[role % 4 == 3],
					   .runtime_version = role % 4 == 3 ? onnxruntime[(role + state) % RF_COUNT(onnxruntime)]
									    : tensorrt[(role + state) % RF_COUNT(tensorrt)] };
	struct inventory_place machine = { .host = name, .service = "", .environment = "", .model = "" };
	add_engines(b, host, &engines, role, state);
	add_system(b, &machine, role, state);
}

static unsigned state_of(unsigned host)
{
	return host / ROLES % STATES;
}

/* Two engines, the packages of a database, each of a product that we know. */
static void add_image(struct inventory_batch *b, unsigned i)
{
	struct arena a = ARENA_INIT(MIB);
	struct digest image = content(3, i, 0), database = content(4, i, 0);
	struct artifact_facts f = facts("container-image", NULL, "");
	must(inventory_batch_content(b, &image, &f, &err), "image");
	f = facts("package-database", NULL, "");
	for (unsigned k = 0; k < RF_COUNT(packages); k++) {
		const char *version = k == 0 ? tensorrt[i % RF_COUNT(tensorrt)] : k == 1 ? onnxruntime[i % RF_COUNT(onnxruntime)] : cuda[i % RF_COUNT(cuda)];
		struct artifact_component c = { span_of(packages[k]), span_of(version), ARTIFACT_ROLE_PACKAGE, "dpkg", SPAN("var/lib/dpkg/status") };
		must(artifact_component_add(&f, &a, &c), "component");
	}
	must(inventory_batch_content(b, &database, &f, &err), "database");
	must(inventory_batch_inside(b, &image, "var/lib/dpkg/status", &database, &err), "inside");
	for (unsigned k = 0; k < 2; k++) {
		char path[64];
		struct digest plan = content(5, i, k);
		f = facts(ARTIFACT_TENSORRT_PLAN, packages[0], tensorrt[(i + k) % RF_COUNT(tensorrt)]);
		snprintf(path, sizeof path, "opt/models/m%u/1/model.plan", k);
		must(inventory_batch_content(b, &plan, &f, &err), "plan");
		must(inventory_batch_inside(b, &image, path, &plan, &err), "inside");
	}
	arena_release(&a);
}

static struct inventory_changes record(struct database *db, struct inventory_batch *b)
{
	struct inventory_changes c;
	must(inventory_record(db, b, &c, &err), "record");
	inventory_batch_free(b);
	return c;
}

static void make_fleet(struct database *db, unsigned hosts)
{
	mono_t begin = mono_usec();
	struct inventory_batch *b = inventory_batch_new();
	for (unsigned i = 0; i < IMAGES; i++)
		add_image(b, i);
	record(db, b);
	for (unsigned host = 0; host < hosts;) {
		b = inventory_batch_new();
		for (unsigned k = 0; k < HOSTS_AT_ONCE && host < hosts; k++, host++)
			add_host(b, host, state_of(host));
		record(db, b);
	}
	figure("recorded", (double)hosts * PER_HOST / ms_since(begin) * 1e3, "placements/s");
}

/* ---------------------------------------------------------------- the questions */

struct asking {
	struct exposure_filter filter;
	int64_t rows, sums, exposures;
	int64_t number;
	const char *sql;
};

static int count_row(const struct exposure_row *row, void *data)
{
	(void)row;
	((struct asking *)data)->rows++;
	return 0;
}

static int count_sum(const struct exposure_sum *sum, void *data)
{
	struct asking *a = data;
	a->sums++;
	a->exposures += sum->exposures;
	return 0;
}

static int list(struct transaction *tx, void *data)
{
	struct asking *a = data;
	a->rows = 0;
	return exposure_list(tx, &a->filter, count_row, a);
}

static int sums(struct transaction *tx, void *data)
{
	struct asking *a = data;
	a->sums = a->exposures = 0;
	return exposure_sums(tx, &a->filter, count_sum, a);
}

static int service(const struct exposure_service *s, void *data)
{
	(void)s;
	((struct asking *)data)->rows++;
	return 0;
}

static int services(struct transaction *tx, void *data)
{
	struct asking *a = data;
	a->rows = 0;
	return exposure_services(tx, SPAN_NONE, a->filter.at, service, a);
}

static int number(struct transaction *tx, void *data)
{
	struct asking *a = data;
	return tx_one_i64(tx, &a->number, a->sql, NULL, 0);
}

static int64_t count(struct database *db, const char *sql)
{
	struct asking a = { .sql = sql };
	must(database_transact(db, DB_READ, number, &a, &err), "count");
	return a.number;
}

static double size_bytes(struct database *db)
{
	bool sqlite = strcmp(database_kind(db), "sqlite") == 0;
	return sqlite ? (double)count(db, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
		      : (double)count(db, "SELECT pg_database_size(current_database())");
}

/* The fastest of five: what it costs, and not what else ran. */
static double time_of(struct database *db, int (*ask)(struct transaction *, void *), struct asking *a)
{
	double values[5];
	for (size_t i = 0; i < RF_COUNT(values); i++) {
		mono_t begin = mono_usec();
		must(database_transact(db, DB_READ, ask, a, &err), "question");
		values[i] = ms_since(begin);
	}
	qsort(values, RF_COUNT(values), sizeof *values, by_value);
	return values[0];
}

static void ask_all(struct database *db)
{
	/* a version of one product that a fleet is in the middle of leaving, hit by one advisory */
	struct asking a = { .filter = { .advisory = SPAN("CVE-2099-10000"), .at_least = FINDING_AFFECTED } };
	figure("affected_sums", time_of(db, sums, &a), "ms");
	figure("affected_placements", (double)a.exposures, "exposures");
	figure("affected_list", time_of(db, list, &a), "ms");
	figure("affected_rows", (double)a.rows, "rows");
	a.filter = (struct exposure_filter){ .product = span_of(packages[0]), .at_least = FINDING_AFFECTED };
	figure("product_sums", time_of(db, sums, &a), "ms");
	figure("product_exposures", (double)a.exposures, "exposures");
	a.filter = (struct exposure_filter){ 0 };
	figure("services", time_of(db, services, &a), "ms");
}

static void refresh(struct database *db, const char *name)
{
	struct exposure_changes c;
	mono_t begin = mono_usec();
	must(exposure_refresh(db, "bench", &c, &err), "refresh");
	if (!name)
		return;
	figure(name, ms_since(begin), "ms");
	fprintf(stderr, "%s: %lld judged, %lld opened, %lld cleared, %lld open\n", name, (long long)c.components, (long long)c.opened,
		(long long)c.cleared, (long long)c.open);
}

static void reports(struct database *db, unsigned hosts)
{
	static double values[200], changed[50];
	for (unsigned i = 0; i < RF_COUNT(values); i++) {
		unsigned host = i * 7919 % hosts;
		mono_t begin = mono_usec();
		struct inventory_batch *b = inventory_batch_new();
		add_host(b, host, state_of(host));
		struct inventory_changes c = record(db, b);
		values[i] = ms_since(begin);
		if (c.unchanged != PER_HOST)
			must(RF_EINTERNAL, "a report that changed something");
	}
	figure("report_unchanged", median(values, RF_COUNT(values)), "ms");
	for (unsigned i = 0; i < RF_COUNT(changed); i++) {
		unsigned host = i * 6700417 % hosts;
		mono_t begin = mono_usec();
		struct inventory_batch *b = inventory_batch_new();
		add_host(b, host, state_of(host) + 1);
		record(db, b);
		changed[i] = ms_since(begin);
	}
	figure("report_changed", median(changed, RF_COUNT(changed)), "ms");
}

static void one_advisory(struct database *db)
{
	static const char format[] = "{\"id\":\"CVE-2099-%u\",\"modified\":\"2026-01-01T00:00:00Z\",\"schema_version\":\"1.6.0\",\"summary\":\"bench\","
				     "\"affected\":[{\"package\":{\"ecosystem\":\"PyPI\",\"name\":\"tensorrt\"},\"ranges\":[{\"type\":\"ECOSYSTEM\","
				     "\"events\":[{\"introduced\":\"%s\"},{\"fixed\":\"%s\"}]}]}]}";
	static const struct advisory_import options = { .feed = "file", .actor = "bench" };
	double values[TIMES];
	for (unsigned i = 0; i < TIMES; i++) {
		char text[1024];
		int n = snprintf(text, sizeof text, format, 10000 + i, i ? "0" : "10.13.1", i ? "10.14" : "10.14");
		mono_t begin = mono_usec();
		must(advisory_import_bytes(db, (struct span){ text, (size_t)n }, "bench", &options, NULL, &err), "import");
		refresh(db, NULL);
		values[i] = ms_since(begin);
	}
	figure("one_advisory", median(values, TIMES), "ms");
}

static int freeze(struct transaction *tx, void *data)
{
	return baseline_freeze(tx, &(struct baseline_freezing){ .due = USEC_NONE, .actor = "bench" }, data);
}

static int load(struct transaction *tx, void *data)
{
	arena_reset(data);
	return baseline_load(tx, data, &(struct baseline){ 0 });
}

static int count_excused(struct transaction *tx, void *data)
{
	return excuse_count(tx, NULL, data);
}

/* The fleet's debt: kept by engine and component, not by placement. */
static void baseline(struct database *db, unsigned placements, unsigned hosts)
{
	struct baseline_head head;
	struct excuse_counts counts;
	struct arena a = ARENA_INIT(2048 * MIB);
	double before = size_bytes(db);
	mono_t begin = mono_usec();
	must(database_transact(db, DB_WRITE, freeze, &head, &err), "freeze");
	figure("baseline_freeze", ms_since(begin), "ms");
	figure("baseline_bytes", (size_bytes(db) - before) / placements, "B");
	figure("baseline_holders", (double)head.holders, "holders");
	figure("baseline_debts", (double)head.debts, "debts");
	begin = mono_usec();
	must(database_transact(db, DB_READ, load, &a, &err), "baseline");
	figure("baseline_load", ms_since(begin), "ms");
	begin = mono_usec();
	must(database_transact(db, DB_READ, count_excused, &counts, &err), "excuses");
	figure("excuse_count", ms_since(begin), "ms");
	for (unsigned i = 0; i < 50; i++) {
		unsigned host = i * 6700417 % hosts;
		struct inventory_batch *b = inventory_batch_new();
		add_host(b, host, state_of(host) + 2);
		record(db, b);
	}
	refresh(db, "refresh_settling");
	arena_release(&a);
}

static void run_fleet(struct database *db, unsigned placements)
{
	unsigned hosts = placements / PER_HOST;
	double before = size_bytes(db);
	make_fleet(db, hosts);
	refresh(db, "exposure_first");
	figure("bytes", (size_bytes(db) - before) / placements, "B");
	figure("uses", (double)count(db, "SELECT count(*) FROM inventory_use"), "uses");
	figure("findings", (double)count(db, "SELECT count(*) FROM exposure_finding"), "findings");
	figure("links", (double)count(db, "SELECT count(*) FROM exposure_link"), "links");
	refresh(db, "refresh_nothing");
	one_advisory(db);
	ask_all(db);
	reports(db, hosts);
	refresh(db, "refresh_50_hosts");
	baseline(db, placements, hosts);
}

static struct database *open_migrated(const char *url)
{
	static const struct migration_set *const sets[] = { &LEDGER_MIGRATIONS, &ADVISORY_MIGRATIONS, &FEED_MIGRATIONS, &INVENTORY_MIGRATIONS,
							    &EXPOSURE_MIGRATIONS };
	struct database *db;
	must(database_open(url, NULL, &db, &err), "open");
	must(database_migrate(db, sets, RF_COUNT(sets), &err), "migrate");
	return db;
}

static void run_postgresql(unsigned placements)
{
	struct postgresql *server = postgresql_start();
	if (!server)
		return;
	struct database *db = open_migrated(server->url);
	run_fleet(db, placements);
	database_close(db);
	postgresql_stop(server);
}

int main(int argc, char **argv)
{
	static const struct advisory_import options = { .feed = "file", .actor = "bench" };
	uint64_t placements = 0;
	if (argc < 3 || (strcmp(argv[1], "fleet") == 0 && argc != 4)) {
		fputs("usage: bench_fleet import URL PATH... | fleet URL PLACEMENTS | ask URL | postgresql PLACEMENTS\n", stderr);
		return 2;
	}
	if (strcmp(argv[1], "postgresql") == 0) {
		if (span_u64(span_of(argv[2]), &placements))
			run_postgresql((unsigned)placements);
		return 0;
	}
	struct database *db = open_migrated(argv[2]);
	if (strcmp(argv[1], "import") == 0)
		for (int i = 3; i < argc; i++)
			must(advisory_import_path(db, argv[i], &options, NULL, &err), argv[i]);
	if (strcmp(argv[1], "fleet") == 0 && span_u64(span_of(argv[3]), &placements))
		run_fleet(db, (unsigned)placements);
	if (strcmp(argv[1], "ask") == 0)
		ask_all(db);
	database_close(db);
	return 0;
}
