/* Hosts: /proc with a real library mapped and deleted, reports made and read, what import takes and refuses. */
#include "testing.h"

#include "base/fs.h"
#include "inventory/fleet_store.h"
#include "inventory/host_import.h"
#include "inventory/host_process.h"
#include "inventory/host_scan.h"
#include "specimen.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RUNTIME "third_party/onnxruntime/1.20.1/libonnxruntime.so.1"

static void lines(void **state)
{
	static const struct {
		const char *line, *path; /* NULL: not taken */
		bool deleted, executable;
	} rows[] = {
		{ "7f0-7f1 r-xp 00000000 fe:00 24 /usr/lib/libx.so", "/usr/lib/libx.so", false, true },
		{ "7f0-7f1 r--p 00000000 fe:00 24      /opt/a b.so (deleted)", "/opt/a b.so", true, false },
		{ "7f0-7f1 rw-p 00000000 00:00 0", NULL, false, false },
		{ "7f0-7f1 rw-p 00000000 00:00 0 [heap]", NULL, false, false },
		{ "7f0-7f1 rw-s 00000000 00:01 5 /memfd:x (deleted)", NULL, false, false },
		{ "7f0-7f1 rw-s 00000000 00:05 5 /dev/nvidia0", NULL, false, false },
		{ "7f0-7f1 rw-s 00000000 00:05 5 /SYSV0 (deleted)", NULL, false, false },
		{ "7f0 r-xp 0 fe:00 24 /x", NULL, false, false },
		{ "zz-7f1 r-xp 0 fe:00 24 /x", NULL, false, false },
		{ "7f0-7f1 r-xp 0 fe:00 x /x", NULL, false, false },
		{ "", NULL, false, false },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct span rest = span_of(rows[i].line);
		struct host_map m;
		bool taken = host_map_next(&rest, &m);
		if (taken != (rows[i].path != NULL) || (taken && (!span_eq_text(m.path, rows[i].path) ||
								  m.deleted != rows[i].deleted || m.executable != rows[i].executable)))
			fail_msg("%s", rows[i].line);
	}
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	assert_true(span_eq_text(host_container_of(SPAN("0::/kubepods/pod1/" ID "\n")), "0123456789ab"));
	assert_true(span_eq_text(host_container_of(SPAN("0::/system.slice/docker-" ID ".scope")), "0123456789ab"));
	assert_int_equal(host_container_of(SPAN("0::/user.slice/user-0.slice")).n, 0);
}

/* ── A machine ───────────────────────────────────────────────────────────────────────────────────────────────────── */

struct fixture {
	char folder[FS_PATH_MAX];
	struct database *db;
	struct signing_key *key;
	struct verify_key *public_key;
	struct err err;
};

static const char *in(struct fixture *x, const char *name)
{
	static char path[2 * FS_PATH_MAX];
	(void)snprintf(path, sizeof path, "%s/%s", x->folder, name);
	return path;
}

static void engine(struct fixture *x, const char *name, unsigned major)
{
	struct specimen s = { .version = { major, 3, 0, 26 }, .cc_major = 8, .cc_minor = 6 };
	char folder[2 * FS_PATH_MAX];
	(void)snprintf(folder, sizeof folder, "%s", in(x, name));
	*strrchr(folder, '/') = '\0';
	assert_ok(fs_make_dirs(folder, 0755, &x->err), &x->err);
	assert_ok(specimen_write(&s, in(x, name), &x->err), &x->err);
}

static int begin(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);
	const struct migration_set *sets[] = { &INVENTORY_MIGRATIONS, &FLEET_MIGRATIONS };
	char private_path[2 * FS_PATH_MAX], public_path[2 * FS_PATH_MAX];
	x->err = ERR_INIT;
	assert_ok(fs_temporary_dir("host", x->folder, sizeof x->folder, &x->err), &x->err);
	assert_ok(database_open("reforge.db", x->folder, &x->db, &x->err), &x->err);
	assert_ok(database_migrate(x->db, sets, 2, &x->err), &x->err);
	(void)snprintf(private_path, sizeof private_path, "%s", in(x, "host.pem"));
	(void)snprintf(public_path, sizeof public_path, "%s", in(x, "host.pub.pem"));
	assert_ok(key_generate(private_path, public_path, &x->err), &x->err);
	assert_ok(signing_key_load(private_path, &x->key, &x->err), &x->err);
	assert_ok(verify_key_load(public_path, &x->public_key, &x->err), &x->err);
	engine(x, "models/det/1/model.plan", 10);
	engine(x, "models/det/2/model.plan", 10);
	assert_ok(fs_write_atomic(in(x, "models/det/config.pbtxt"), SPAN("backend: 'tensorrt'"), 0644, &x->err), &x->err);
	*state = x;
	return 0;
}

static int end(void **state)
{
	struct fixture *x = *state;
	database_close(x->db);
	signing_key_freep(&x->key);
	verify_key_freep(&x->public_key);
	assert_ok(fs_remove_tree(x->folder, &x->err), &x->err);
	free(x);
	return 0;
}

static void content_of(struct fixture *x, bool processes, struct str *ret, struct host_scan_result *result)
{
	char root[2 * FS_PATH_MAX];
	const char *roots[] = { root, "/not/there" };
	(void)snprintf(root, sizeof root, "%s", in(x, "models"));
	struct host_scan o = { .roots = roots, .roots_n = 2, .proc = processes ? "/proc" : NULL, .threads = 1 };
	*ret = STR_INIT(HOST_REPORT_MAX_BYTES);
	assert_ok(host_scan(&o, ret, result, &x->err), &x->err);
}

static void report_of(struct fixture *x, struct span content, usec_t taken, const struct signing_key *key, struct str *ret)
{
	struct host_header h;
	assert_ok(host_identify("gpu-17", &h, &x->err), &x->err);
	h.taken = taken;
	*ret = STR_INIT(HOST_REPORT_MAX_BYTES);
	assert_ok(host_report_write(&h, content, key, ret, &x->err), &x->err);
}

static void round_trip(void **state)
{
	struct fixture *x = *state;
	struct str content, again, report;
	struct host_scan_result result;
	struct host_report read;
	struct host_content c;
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	content_of(x, false, &content, &result);
	content_of(x, false, &again, &result);
	assert_true(span_eq(str_span(&content), str_span(&again))); /* nothing changed, nothing else is written */
	assert_int_equal(result.files, 2);
	report_of(x, str_span(&content), now_usec(), x->key, &report);
	assert_ok(host_report_open(str_span(&report), &a, &read, &x->err), &x->err);
	assert_string_equal(read.header.host, "gpu-17");
	assert_ok(host_report_verify(&read, x->public_key, &x->err), &x->err);
	assert_ok(host_content_read(read.content, &a, &c, &x->err), &x->err);
	assert_int_equal(c.files_n, 2);
	assert_string_equal(c.files[0].facts.kind, ARTIFACT_TENSORRT_PLAN);
	assert_string_equal(c.files[0].facts.version, "10.3.0.26");
	assert_int_equal(c.files[0].facts.cc_major, 8);
	assert_string_equal(c.files[0].model, "det");
	assert_int_equal(c.files[0].load, TRITON_NOT_SERVED);
	assert_int_equal(c.files[1].load, TRITON_LOADED);
	/* one byte of the content, of the header, of the signature */
	for (size_t i = 0; i < report.n; i += 1 + report.n / 97) {
		char keep = report.p[i];
		report.p[i] ^= 1;
		struct host_report bad;
		int rc = host_report_open(str_span(&report), &a, &bad, NULL);
		if (rc == 0)
			rc = host_report_verify(&bad, x->public_key, NULL);
		assert_int_not_equal(rc, 0);
		report.p[i] = keep;
	}
	for (size_t n = 0; n + 1 < report.n; n += 1 + report.n / 97) {
		struct host_report bad;
		int rc = host_report_open(span_sub(str_span(&report), 0, n), &a, &bad, NULL);
		assert_true(rc != 0 || host_report_verify(&bad, x->public_key, NULL) != 0);
	}
	str_release(&content);
	str_release(&again);
	str_release(&report);
}

/* A library that is mapped by this very process, then deleted: the old version runs on. */
static void deleted_library(void **state)
{
	struct fixture *x = *state;
	struct str content, report;
	struct host_scan_result result;
	struct host_imported imported;
	char path[2 * FS_PATH_MAX];
	RF_AUTO(str) bytes = STR_INIT(64 * MIB);
	if (access(RUNTIME, F_OK) != 0)
		skip();
	(void)snprintf(path, sizeof path, "%s", in(x, "libonnxruntime.so.1"));
	assert_ok(fs_read(RUNTIME, &bytes, &x->err), &x->err);
	assert_ok(fs_write_atomic(path, str_span(&bytes), 0755, &x->err), &x->err);
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(library);
	content_of(x, true, &content, &result);
	assert_int_equal(result.deleted, 0);
	assert_true(span_find(str_span(&content), span_of(path)) != SIZE_MAX);
	str_release(&content);
	assert_int_equal(unlink(path), 0);
	content_of(x, true, &content, &result);
	int map_files = open("/proc/self/map_files", O_RDONLY | O_DIRECTORY);
	bool may = map_files >= 0 && geteuid() == 0;
	if (map_files >= 0)
		close(map_files);
	if (may && result.deleted == 1) {
		report_of(x, str_span(&content), now_usec(), NULL, &report);
		assert_ok(host_import(x->db, str_span(&report), &(struct host_import){ 0 }, &imported, &x->err), &x->err);
		assert_int_equal(imported.findings, 1);
		assert_true(imported.processes > 0);
		str_release(&report);
	} else { /* the kernel lets nobody but root open what has no name: told as unread, which is unknown */
		assert_true(result.unread > 0);
	}
	str_release(&content);
	/* not closed: what it keeps for the process' whole life would look like leaks */
}

/* ── Import ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int import(struct fixture *x, const char *content, usec_t taken, bool signed_, bool with_key, struct host_imported *ret)
{
	struct str report;
	const struct verify_key *keys[] = { x->public_key };
	struct host_import o = { .keys = keys, .keys_n = with_key };
	report_of(x, span_of(content), taken, signed_ ? x->key : NULL, &report);
	x->err = ERR_INIT;
	int rc = host_import(x->db, str_span(&report), &o, ret, &x->err);
	str_release(&report);
	return rc;
}

#define CONTENT(files) "{\"roots\":[],\"files\":[" files "],\"unread\":[],\"processes\":[]}"
#define FILE_OF(path, digit, version)                                                                                      \
	"{\"path\":\"" path "\",\"sha256\":\"" digit digit digit digit digit digit digit digit                             \
	"\",\"size\":9,\"kind\":\"tensorrt-plan\",\"product\":\"pkg:generic/nvidia/tensorrt\",\"version\":\"" version     \
	"\",\"version_source\":\"header\",\"target\":\"sm_86\",\"compute_capability\":\"8.6\",\"notes\":[]}"

static int count(const struct inventory_placement *p, void *data)
{
	(void)p;
	++*(size_t *)data;
	return 0;
}

struct counting {
	size_t n;
	bool gone;
};

static int count_all(struct transaction *tx, void *data)
{
	struct counting *c = data;
	c->n = 0;
	return inventory_each_placement(tx, &(struct inventory_filter){ .host = SPAN("gpu-17"), .with_gone = c->gone }, count,
					&c->n);
}

static size_t placements(struct fixture *x, bool gone)
{
	struct counting c = { .gone = gone };
	assert_ok(database_transact(x->db, DB_READ, count_all, &c, &x->err), &x->err);
	return c.n;
}

static void reports_in_order(void **state)
{
	struct fixture *x = *state;
	struct host_imported r;
	usec_t now = now_usec();
	static const char one[] = CONTENT(FILE_OF("/m/a.plan", "aaaaaaaa", "10.3.0.26")),
			  two[] = CONTENT(FILE_OF("/m/a.plan", "aaaaaaaa", "10.3.0.26") ","
					  FILE_OF("/m/b.plan", "bbbbbbbb", "8.6.1.6"));
	assert_ok(import(x, two, now - 1000, false, false, &r), &x->err);
	assert_int_equal(r.changes.added, 2);
	assert_false(r.unchanged);
	assert_ok(import(x, two, now, false, false, &r), &x->err);
	assert_true(r.unchanged);
	assert_ok(import(x, two, now, false, false, &r), &x->err); /* the very same again */
	assert_int_equal(import(x, one, now - 500, false, false, &r), RF_ESTATE);
	assert_int_equal(import(x, one, now + 3600 * USEC_PER_SEC, false, false, &r), RF_ESTATE);
	assert_int_equal(placements(x, false), 2);
	assert_ok(import(x, one, now + 1, false, false, &r), &x->err);
	assert_int_equal(r.changes.vanished, 1);
	assert_int_equal(placements(x, false), 1);
	assert_int_equal(placements(x, true), 2);
}

/* One bad entry, and nothing of the report comes in. */
static void all_or_nothing(void **state)
{
	static const struct {
		const char *content, *field;
	} rows[] = {
		{ CONTENT(FILE_OF("/m/a.plan", "aaaaaaaa", "1.0") "," FILE_OF("relative", "bbbbbbbb", "1.0")), "files[1].path" },
		{ CONTENT(FILE_OF("/m/a.plan", "aaaaaaaa", "1.0") "," FILE_OF("/b", "xxxxxxxx", "1.0")), "files[1].sha256" },
		{ CONTENT("{\"path\":\"/a\",\"path_hex\":\"2f0061\",\"sha256\":\"a\"}"), "files[0].path_hex" },
		{ CONTENT("{\"path\":\"/a\",\"sha256\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"size\":1,"
			  "\"kind\":\"A B\"}"),
		  "files[0].kind" },
		{ CONTENT("{\"path\":\"/a\",\"sha256\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"size\":-1,"
			  "\"kind\":\"onnx\"}"),
		  "files[0].size" },
		{ CONTENT("{\"path\":\"/a\",\"sha256\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"size\":1,"
			  "\"kind\":\"onnx\",\"finding\":\"fine\"}"),
		  "files[0].finding" },
		{ CONTENT("{\"path\":\"/a\",\"sha256\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"size\":1,"
			  "\"kind\":\"onnx\",\"product\":\"tensorrt\"}"),
		  "files[0].product" },
		{ CONTENT("{\"path\":\"/a\",\"sha256\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"size\":1,"
			  "\"kind\":\"onnx\",\"components\":[{\"product\":\"x\"}]}"),
		  "files[0].components" },
		{ "{\"roots\":[],\"files\":{},\"unread\":[],\"processes\":[]}", "files" },
		{ "{\"roots\":[],\"files\":[],\"unread\":[7],\"processes\":[]}", "unread[0]" },
		{ "{\"roots\":[],\"files\":[],\"unread\":[],\"processes\":[{\"mapped\":[1]}]}", "processes[0].mapped" },
		{ "{\"roots\":7,\"files\":[],\"unread\":[],\"processes\":[]}", "roots" },
		{ "[]", "files" },
	};
	struct fixture *x = *state;
	struct host_imported r;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		int rc = import(x, rows[i].content, now_usec(), false, false, &r);
		if (rc != RF_EFORMAT || strcmp(x->err.field, rows[i].field) != 0)
			fail_msg("row %zu: %s, %s: %s", i, rf_error_name(rc), x->err.field, x->err.text);
	}
	assert_int_equal(placements(x, true), 0);
}

static void identities(void **state)
{
	struct fixture *x = *state;
	struct host_imported r;
	struct str report;
	struct host_header h;
	static const char one[] = CONTENT(FILE_OF("/m/a.plan", "aaaaaaaa", "10.3.0.26"));
	usec_t now = now_usec();
	assert_int_equal(import(x, one, now - 10, false, true, &r), RF_EVERIFY); /* a key is wanted */
	assert_ok(import(x, one, now - 10, true, true, &r), &x->err);
	assert_true(r.verified);
	assert_int_equal(import(x, one, now - 9, false, false, &r), RF_EVERIFY); /* was verified once */
	assert_int_equal(import(x, one, now - 9, true, false, &r), RF_EVERIFY);
	assert_ok(import(x, one, now - 8, true, true, &r), &x->err);
	assert_true(r.unchanged);
	/* another machine under the same name */
	assert_ok(host_identify("gpu-17", &h, &x->err), &x->err);
	h.taken = now;
	h.machine[0] = h.machine[0] == 'a' ? 'b' : 'a';
	report = STR_INIT(1 * MIB);
	assert_ok(host_report_write(&h, SPAN(one), NULL, &report, &x->err), &x->err);
	assert_int_equal(host_import(x->db, str_span(&report), &(struct host_import){ 0 }, &r, &x->err), RF_ECONFLICT);
	assert_ok(host_import(x->db, str_span(&report), &(struct host_import){ .replace = true }, &r, &x->err), &x->err);
	str_release(&report);
}

/* A machine that a workspace scans: what stands there is not a report's to close, unless somebody says so. */
static int place_scanned(struct transaction *tx, void *data)
{
	struct digest d;
	struct inventory_place place = { .host = "gpu-17", .service = "voice", .environment = "production", .model = "" };
	struct inventory_batch *b = data;
	int rc = digest_read(SPAN(ID), &d, tx_err(tx));
	if (rc == 0)
		rc = inventory_batch_place(b, "/srv/a.plan", &d, ARTIFACT_TENSORRT_PLAN, &place, tx_err(tx));
	return rc ? rc : inventory_record_tx(tx, b, NULL);
}

static int overwrite(struct transaction *tx, void *data)
{
	(void)data;
	return fleet_host_overwritten(tx, "gpu-17");
}

static void scanned_machine(void **state)
{
	struct fixture *x = *state;
	struct host_imported r;
	struct str report;
	static const char one[] = CONTENT(FILE_OF("/m/a.plan", "aaaaaaaa", "10.3.0.26"));
	usec_t now = now_usec();
	struct inventory_batch *b = inventory_batch_new();
	assert_ok(database_transact(x->db, DB_WRITE, place_scanned, b, &x->err), &x->err);
	inventory_batch_free(b);
	assert_int_equal(import(x, CONTENT(""), now, false, false, &r), RF_ECONFLICT);
	assert_non_null(strstr(x->err.text, "this workspace scans gpu-17 itself"));
	assert_int_equal(import(x, one, now, false, false, &r), RF_ECONFLICT);
	assert_int_equal(placements(x, false), 1);
	report_of(x, SPAN(one), now, NULL, &report);
	assert_ok(host_import(x->db, str_span(&report), &(struct host_import){ .replace = true }, &r, &x->err), &x->err);
	str_release(&report);
	assert_int_equal(r.changes.vanished, 1);
	assert_ok(import(x, one, now, false, false, &r), &x->err); /* it reports now */
	assert_true(r.unchanged);
	assert_ok(database_transact(x->db, DB_WRITE, overwrite, NULL, &x->err), &x->err);
	assert_ok(import(x, one, now, false, false, &r), &x->err); /* scanned in between: taken in whole */
	assert_false(r.unchanged);
	assert_int_equal(r.changes.unchanged, 1);
}

/* A process that has the runtime mapped and was told where the engines lie is what loads them. */
static int runtime_seen(const struct inventory_placement *p, void *data)
{
	if (span_eq_text(p->artifact.kind, ARTIFACT_TENSORRT_PLAN))
		str_addf(data, "%.*s %.*s\n", SPAN_ARG(p->path), SPAN_ARG(p->runtime_version));
	return 0;
}

static int runtimes_seen(struct transaction *tx, void *data)
{
	str_reset(data);
	return inventory_each_placement(tx, &(struct inventory_filter){ 0 }, runtime_seen, data);
}

static void runtime_of_processes(void **state)
{
	struct fixture *x = *state;
	struct host_imported r;
	RF_AUTO(str) got = STR_INIT(4 * KIB);
#define LIBRARY(path, digit, version)                                                                                     \
	"{\"path\":\"" path "\",\"sha256\":\"" digit digit digit digit digit digit digit digit                            \
	"\",\"size\":9,\"kind\":\"runtime-library\",\"product\":\"pkg:generic/nvidia/tensorrt\",\"version\":\"" version  \
	"\",\"version_source\":\"package\",\"notes\":[]}"
	static const char content[] =
		"{\"roots\":[],\"files\":[" FILE_OF("/m/a/1/model.plan", "aaaaaaaa", "10.3.0.26") "," FILE_OF(
			"/n/b.plan", "bbbbbbbb", "10.3.0.26") "," FILE_OF("/o/c.plan", "cccccccc", "10.3.0.26") ","
		FILE_OF("/o/p/d.plan", "ffffffff", "10.3.0.26") ","
		LIBRARY("/usr/lib/libnvinfer.so.10", "dddddddd", "10.3.0.26") "," LIBRARY("/opt/libnvinfer.so.10", "eeeeeeee",
											    "10.9.0.34")
		"],\"unread\":[],\"processes\":["
		"{\"exe\":\"/s\",\"arguments\":[\"/m/\"],\"mapped\":[\"/usr/lib/libnvinfer.so.10\"]},"
		"{\"exe\":\"/t\",\"arguments\":[],\"mapped\":[\"/n/b.plan\",\"/opt/libnvinfer.so.10\"]},"
		"{\"exe\":\"/u\",\"arguments\":[\"/o\"],\"mapped\":[\"/usr/lib/libnvinfer.so.10\"]},"
		"{\"exe\":\"/v\",\"arguments\":[\"/o\"],\"mapped\":[\"/opt/libnvinfer.so.10\"]},"
		/* the folder above it was given to one only; what two disagree on stays unknown */
		"{\"exe\":\"/w\",\"arguments\":[\"/o/p\"],\"mapped\":[\"/o/p/d.plan\",\"/usr/lib/libnvinfer.so.10\"]},"
		"{\"exe\":\"/y\",\"arguments\":[],\"mapped\":[\"/o/p/d.plan\",\"/opt/libnvinfer.so.10\"]}]}";
	assert_ok(import(x, content, now_usec(), false, false, &r), &x->err);
	assert_ok(database_transact(x->db, DB_READ, runtimes_seen, &got, &x->err), &x->err);
	assert_string_equal(str_text(&got), "/m/a/1/model.plan 10.3.0.26\n/n/b.plan 10.9.0.34\n/o/c.plan \n"
					      "/o/p/d.plan \n");
}

/* Who says what of one content, in this order; then what is known of it. */
#define PLAN_OF(version, more)                                                                                             \
	"{\"path\":\"/m/a.plan\",\"sha256\":\"" ID "\",\"size\":9,\"kind\":\"tensorrt-plan\",\"product\":\"pkg:generic/nvidia/tensorrt\"," \
	"\"version\":\"" version "\",\"version_source\":\"header\",\"notes\":[]" more "}"
#define HOST_CODE ",\"finding\":\"conflict\",\"cause\":\"host_code\",\"rules\":[\"host_code\"]"
#define NOT_READ ",\"finding\":\"unknown\",\"cause\":\"unreadable\""
static const struct {
	const char *what;
	struct {
		const char *host, *files; /* host NULL: read here */
	} acts[4];
	const char *want;     /* "VERSION FINDING CAUSE" */
	const char *findings; /* rules of the last act's report */
} claims[] = {
	{ "one claim", { { "a", PLAN_OF("10.3.0.26", "") } }, "10.3.0.26  ", "" },
	{ "two that agree", { { "a", PLAN_OF("10.3.0.26", "") }, { "b", PLAN_OF("10.3.0.26", "") } }, "10.3.0.26  ", "" },
	{ "two that disagree", { { "a", PLAN_OF("10.3.0.26", "") }, { "b", PLAN_OF("10.16.0.1", "") } }, "10.16.0.1 conflict source_conflict",
	  "claims_contradict " },
	{ "a conflict is not claimed away", { { "a", PLAN_OF("10.3.0.26", "") }, { "b", PLAN_OF("10.16.0.1", "") }, { "c", PLAN_OF("10.16.0.1", "") } },
	  "10.16.0.1 conflict source_conflict", "" },
	{ "what is read here stands", { { "a", PLAN_OF("10.3.0.26", "") }, { "b", PLAN_OF("10.16.0.1", "") }, { NULL, "10.3.0.26" } }, "10.3.0.26  ", "" },
	{ "what was read here stands", { { NULL, "10.3.0.26" }, { "a", PLAN_OF("10.16.0.1", "") } }, "10.3.0.26  ", "claim_contradicts_reading " },
	{ "who is alone with it corrects himself", { { "a", PLAN_OF("10.3.0.26", "") }, { "a", PLAN_OF("10.16.0.1", "") } }, "10.16.0.1  ", "" },
	{ "who is alone with it by now", { { "a", PLAN_OF("10.3.0.26", "") }, { "b", PLAN_OF("10.16.0.1", "") }, { "b", "" }, { "a", PLAN_OF("10.3.0.26", ",\"target\":\"sm_86\"") } },
	  "10.3.0.26  ", "" },
	{ "one report that contradicts itself", { { "a", PLAN_OF("10.3.0.26", "") ",{\"path\":\"/m/b.plan\",\"sha256\":\"" ID
		"\",\"size\":9,\"kind\":\"tensorrt-plan\",\"product\":\"pkg:generic/nvidia/tensorrt\",\"version\":\"8.6.1.6\",\"notes\":[]}" } },
	  "8.6.1.6 conflict source_conflict", "claims_contradict " },
	{ "one finds host code", { { "a", PLAN_OF("10.3.0.26", "") }, { "b", PLAN_OF("10.3.0.26", HOST_CODE) } }, "10.3.0.26 conflict host_code", "" },
	{ "the other way round", { { "b", PLAN_OF("10.3.0.26", HOST_CODE) }, { "a", PLAN_OF("10.3.0.26", "") } }, "10.3.0.26 conflict host_code", "" },
	{ "one could not read it", { { "a", PLAN_OF("10.3.0.26", "") }, { "b", PLAN_OF("10.3.0.26", NOT_READ) } }, "10.3.0.26 unknown unreadable", "" },
	{ "that either way round", { { "b", PLAN_OF("10.3.0.26", NOT_READ) }, { "a", PLAN_OF("10.3.0.26", "") } }, "10.3.0.26 unknown unreadable", "" },
	{ "one knows no version", { { "a", PLAN_OF("10.3.0.26", "") }, { "b", PLAN_OF("", NOT_READ) } }, "10.3.0.26  ", "" },
};

static int read_here(struct transaction *tx, void *data)
{
	struct artifact_facts f = { .kind = ARTIFACT_TENSORRT_PLAN, .layout = "", .cause = "", .product = "pkg:generic/nvidia/tensorrt", .cc_major = -1,
				    .cc_minor = -1, .version_source = ARTIFACT_VERSION_HEADER };
	struct digest d;
	RF_AUTO_PTR(inventory_batch) b = inventory_batch_new();
	memcpy(f.version, data, strlen(data) + 1);
	int rc = digest_read(SPAN(ID), &d, tx_err(tx));
	if (rc == 0)
		rc = inventory_batch_content(b, &d, &f, tx_err(tx));
	return rc ? rc : inventory_record_tx(tx, b, NULL);
}

static int told(struct transaction *tx, void *data)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * KIB);
	struct inventory_artifact known;
	int rc = inventory_artifact_get(tx, SPAN(ID), &a, &known);
	if (rc == 0)
		str_addf(data, "%.*s %.*s %.*s", SPAN_ARG(known.version), SPAN_ARG(known.finding), SPAN_ARG(known.cause));
	return rc;
}

static int rule_told(const struct fleet_finding *f, void *data)
{
	str_addf(data, "%.*s ", SPAN_ARG(f->rule));
	return 0;
}

static const char *rules_of;
static int rules_told(struct transaction *tx, void *data)
{
	return fleet_each_finding(tx, span_of(rules_of), false, rule_told, data);
}

static void claims_weighed(struct fixture *x, size_t i)
{
	RF_AUTO(str) got = STR_INIT(4 * KIB);
	RF_AUTO(str) rules = STR_INIT(4 * KIB);
	struct host_imported r;
	usec_t now = now_usec();
	for (size_t k = 0; k < 4 && claims[i].acts[k].files; k++) {
		RF_AUTO(str) report = STR_INIT(1 * MIB);
		RF_AUTO(str) content = STR_INIT(1 * MIB);
		struct host_header h;
		rules_of = claims[i].acts[k].host;
		if (!rules_of) {
			assert_ok(database_transact(x->db, DB_WRITE, read_here, (void *)(uintptr_t)claims[i].acts[k].files, &x->err), &x->err);
			continue;
		}
		str_addf(&content, CONTENT("%s"), claims[i].acts[k].files);
		assert_ok(host_identify(rules_of, &h, &x->err), &x->err);
		h.taken = now - 10 + (usec_t)k;
		assert_ok(host_report_write(&h, str_span(&content), NULL, &report, &x->err), &x->err);
		assert_ok(host_import(x->db, str_span(&report), &(struct host_import){ 0 }, &r, &x->err), &x->err);
		assert_false(r.unchanged);
	}
	assert_ok(database_transact(x->db, DB_READ, told, &got, &x->err), &x->err);
	if (strcmp(str_text(&got), claims[i].want) != 0)
		fail_msg("%s: %s", claims[i].what, str_text(&got));
	if (rules_of)
		assert_ok(database_transact(x->db, DB_READ, rules_told, &rules, &x->err), &x->err);
	if (strcmp(str_text(&rules), claims[i].findings) != 0)
		fail_msg("%s: %s", claims[i].what, str_text(&rules));
}

static void contradictions(void **state)
{
	for (size_t i = 0; i < RF_COUNT(claims); i++) {
		if (i)
			assert_int_equal(begin(state), 0);
		claims_weighed(*state, i);
		if (i + 1 < RF_COUNT(claims))
			assert_int_equal(end(state), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test_setup_teardown(round_trip, begin, end),
		cmocka_unit_test_setup_teardown(deleted_library, begin, end),
		cmocka_unit_test_setup_teardown(reports_in_order, begin, end),
		cmocka_unit_test_setup_teardown(all_or_nothing, begin, end),
		cmocka_unit_test_setup_teardown(identities, begin, end),
		cmocka_unit_test_setup_teardown(scanned_machine, begin, end),
		cmocka_unit_test_setup_teardown(contradictions, begin, end),
		cmocka_unit_test_setup_teardown(runtime_of_processes, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
