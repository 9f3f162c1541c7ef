/* A CMDB: mappings, rows of CSV and JSON, joins of hosts and services, placements that move. */
#include "testing.h"

#include "base/fs.h"
#include "inventory/cmdb_record.h"
#include "inventory/fleet_store.h"

static const char mapping[] = "columns: {host: fqdn, ci: sys_id, service: svc, owner: team, contact: mail, environment: env, "
			      "criticality: tier}\n"
			      "values:\n  environment: {PROD: production, UAT: staging, LAB: null}\n  criticality: {\"1\": critical}\n"
			      "defaults: {criticality: normal, contact: \"#oncall\"}\n"
			      "host: {strip_domain: true, lower_case: true}\n";

static void mappings(void **state)
{
	static const struct {
		const char *yaml;
		int64_t line;
	} rows[] = {
		{ "", 1 },
		{ "columns: {service: x}\n", 1 },
		{ "columns: {host: x, colour: y}\n", 1 },
		{ "columns: [host]\n", 1 },
		{ "columns: {host: x}\nvalues: {host: 7}\n", 2 },
		{ "columns: {host: x}\nvalues: {colour: {a: b}}\n", 2 },
		{ "columns: {host: x}\nformat: xml\n", 2 },
		{ "columns: {host: x}\ndelimiter: ab\n", 2 },
		{ "columns: {host: x}\nhost: {lower_case: maybe}\n", 2 },
		{ "columns: {host: x}\n\nrows: y\n", 3 },
		{ "columns: {host: {a: b}}\n", 1 },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
		struct err err = ERR_INIT;
		struct cmdb_mapping m;
		int rc = cmdb_mapping_read(span_of(rows[i].yaml), "mapping.yaml", &a, &m, &err);
		if (rc != RF_EFORMAT || err.line != rows[i].line)
			fail_msg("%s: %s, line %lld: %s", rows[i].yaml, rf_error_name(rc), (long long)err.line, err.text);
	}
}

static void show(const struct cmdb_row *rows, size_t n, struct str *to)
{
	for (size_t i = 0; i < n; i++) {
		str_addf(to, "%llu", (unsigned long long)rows[i].line);
		for (int k = 0; k < CMDB_FIELDS; k++)
			str_addf(to, "|%s", rows[i].fields[k]);
		str_add_text(to, "\n");
	}
}

static void rows_of_both_forms(void **state)
{
	static const struct {
		const char *more, *text, *want;
		size_t left_out;
	} rows[] = {
		{ "", "fqdn,sys_id,svc,team,mail,env,tier\nGPU-1.corp,c1,voice,speech,#s,PROD,1\ngpu-2,c2,voice,speech,,UAT,\n",
		  "2|gpu-1|c1|voice|speech|#s||production||critical\n3|gpu-2|c2|voice|speech|#oncall||staging||normal\n", 0 },
		{ "", "tier;env;mail;team;svc;sys_id;fqdn;other\n1;PROD;;\"a;\"\"b\";voice;c1;gpu-1;x\n1;LAB;;a;b;c;d;e\n",
		  "2|gpu-1|c1|voice|a;\"b|#oncall||production||critical\n", 1 },
		{ "", "[{\"fqdn\":\"GPU-1\",\"sys_id\":7,\"svc\":\"voice\",\"team\":\"a\",\"env\":\"PROD\",\"tier\":1,\"more\":{}}]",
		  "1|gpu-1|7|voice|a|#oncall||production||critical\n", 0 },
		{ "records: result.items\n", "{\"result\":{\"items\":[{\"fqdn\":\"k8s:EU/Speech\",\"svc\":\"voice\",\"env\":\"PROD\"}]}}",
		  "1|k8s:EU/Speech||voice||#oncall||production||normal\n", 0 },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(8 * MIB);
		RF_AUTO(str) yaml = STR_INIT(64 * KIB), got = STR_INIT(64 * KIB);
		struct err err = ERR_INIT;
		struct cmdb_mapping m;
		struct cmdb_row *list;
		size_t n, left_out;
		str_addf(&yaml, "%s%s", mapping, rows[i].more);
		assert_ok(cmdb_mapping_read(str_span(&yaml), "mapping.yaml", &a, &m, &err), &err);
		assert_ok(cmdb_read(&m, span_of(rows[i].text), "cmdb", &a, &list, &n, &left_out, &err), &err);
		show(list, n, &got);
		assert_string_equal(str_text(&got), rows[i].want);
		assert_int_equal(left_out, rows[i].left_out);
	}
}

static void refused_rows(void **state)
{
#define HEAD "fqdn,sys_id,svc,team,mail,env,tier\n"
	static const struct {
		const char *text, *field;
		int64_t line;
	} rows[] = {
		{ "", "", 1 },
		{ "a,b\n", "host", 1 },
		{ HEAD ",c1,voice,a,b,PROD,1\n", "fqdn", 2 },
		{ HEAD "gpu-1,c1,vo\x01ice,a,b,PROD,1\n", "service", 2 },
		{ HEAD "gpu-1,c1,voice,\xff,b,PROD,1\n", "owner", 2 },
		{ HEAD "gpu-1,\"c1\n", "", 2 },
		{ "[7]", "", 1 },
		{ "{}", "", 0 },
		{ "[{\"fqdn\":{}}]", "fqdn", 1 },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(8 * MIB);
		struct err err = ERR_INIT;
		struct cmdb_mapping m;
		struct cmdb_row *list;
		size_t n, left_out;
		assert_ok(cmdb_mapping_read(SPAN(mapping), "mapping.yaml", &a, &m, &err), &err);
		err = ERR_INIT;
		int rc = cmdb_read(&m, span_of(rows[i].text), "cmdb", &a, &list, &n, &left_out, &err);
		if (rc != RF_EFORMAT || strcmp(err.field, rows[i].field) != 0 || err.line != rows[i].line)
			fail_msg("%s: %s, %s, line %lld: %s", rows[i].text, rf_error_name(rc), err.field, (long long)err.line, err.text);
	}
}

/* ── Joins ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct fixture {
	char folder[FS_PATH_MAX];
	struct database *db;
	struct workspace *workspace;
	struct err err;
};

static const char yaml[] = "site: test\nenvironments: {production: {}, staging: {}}\nservices:\n  voice:\n"
			   "    owner: {name: people, contact: \"#p\"}\n    environments: [production]\n";

static void reopen(struct fixture *x)
{
	workspace_freep(&x->workspace);
	assert_ok(workspace_open(x->folder, &x->workspace, &x->err), &x->err);
}

static int begin(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);
	const struct migration_set *sets[] = { &INVENTORY_MIGRATIONS, &FLEET_MIGRATIONS };
	char path[FS_PATH_MAX];
	x->err = ERR_INIT;
	assert_ok(fs_temporary_dir("cmdb", x->folder, sizeof x->folder, &x->err), &x->err);
	assert_ok(fs_join(path, sizeof path, x->folder, WORKSPACE_FILE, &x->err), &x->err);
	assert_ok(fs_write_atomic(path, SPAN(yaml), 0644, &x->err), &x->err);
	reopen(x);
	assert_ok(database_open("reforge.db", x->folder, &x->db, &x->err), &x->err);
	assert_ok(database_migrate(x->db, sets, 2, &x->err), &x->err);
	*state = x;
	return 0;
}

static int end(void **state)
{
	struct fixture *x = *state;
	database_close(x->db);
	workspace_free(x->workspace);
	assert_ok(fs_remove_tree(x->folder, &x->err), &x->err);
	free(x);
	return 0;
}

static int record(struct fixture *x, const char *lines, struct cmdb_result *ret)
{
	RF_AUTO(arena) a = ARENA_INIT(8 * MIB);
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	struct cmdb_mapping m;
	struct cmdb_row *rows;
	size_t n, left_out;
	str_addf(&text, HEAD "%s", lines);
	x->err = ERR_INIT;
	assert_ok(cmdb_mapping_read(SPAN(mapping), "mapping.yaml", &a, &m, &x->err), &x->err);
	assert_ok(cmdb_read(&m, str_span(&text), "cmdb.csv", &a, &rows, &n, &left_out, &x->err), &x->err);
	int rc = cmdb_record(x->db, x->workspace, "cmdb", "cmdb.csv", rows, n, ret, &x->err);
	if (rc == 0)
		reopen(x);
	return rc;
}

static int place_engine(struct transaction *tx, void *data)
{
	struct inventory_batch *b = data;
	struct digest d = { { 1 } };
	struct artifact_facts f = { .kind = ARTIFACT_TENSORRT_PLAN, .layout = "", .cause = "", .product = ARTIFACT_PRODUCT_TENSORRT,
				    .version = "10.3.0.26", .cc_major = 8, .cc_minor = 6 };
	struct inventory_place at = { .host = "gpu-1", .service = "", .environment = "", .model = "det",
				      .runtime_product = ARTIFACT_PRODUCT_TENSORRT, .runtime_version = "10.3.0.26" };
	int rc = inventory_batch_content(b, &d, &f, tx_err(tx));
	struct artifact_facts unread = { .kind = ARTIFACT_OTHER, .layout = "", .cause = "", .notes = { "cannot be opened" }, .note_count = 1 };
	if (rc == 0)
		rc = inventory_batch_place(b, "/m/a.plan", &d, f.kind, &at, tx_err(tx));
	if (rc == 0)
		rc = inventory_batch_add(b, &(struct scan_file){ .path = "/m/b.plan", .root = "", .error = true, .facts = &unread }, &at, tx_err(tx));
	return rc ? rc : inventory_record_tx(tx, b, NULL);
}

static int show_placement(const struct inventory_placement *p, void *data)
{
	str_addf(data, "%.*s [%.*s/%.*s] %.*s %.*s\n", SPAN_ARG(p->path), SPAN_ARG(p->service), SPAN_ARG(p->environment),
		 SPAN_ARG(p->model), SPAN_ARG(p->runtime_version));
	return 0;
}

static int show_unseen(const struct inventory_unseen *u, void *data)
{
	str_addf(data, "%.*s [%.*s/%.*s] %.*s\n", SPAN_ARG(u->path), SPAN_ARG(u->service), SPAN_ARG(u->environment), SPAN_ARG(u->reason));
	return 0;
}

static int show_placements(struct transaction *tx, void *data)
{
	str_reset(data);
	int rc = inventory_each_placement(tx, &(struct inventory_filter){ 0 }, show_placement, data);
	return rc ? rc : inventory_each_unseen(tx, show_unseen, data);
}

struct looks {
	usec_t seen_last, since;
};

static int seen_take(const struct inventory_placement *p, void *data)
{
	((struct looks *)data)->seen_last = p->seen_last;
	return 0;
}

static int since_take(const struct inventory_unseen *u, void *data)
{
	((struct looks *)data)->since = u->since;
	return 0;
}

static int looks_take(struct transaction *tx, void *data)
{
	int rc = inventory_each_placement(tx, &(struct inventory_filter){ 0 }, seen_take, data);
	return rc ? rc : inventory_each_unseen(tx, since_take, data);
}

static void expect(struct fixture *x, const char *want)
{
	RF_AUTO(str) got = STR_INIT(64 * KIB);
	assert_ok(database_transact(x->db, DB_READ, show_placements, &got, &x->err), &x->err);
	assert_string_equal(str_text(&got), want);
}

static void hosts_move(void **state)
{
	struct fixture *x = *state;
	struct cmdb_result r;
	struct inventory_batch *b = inventory_batch_new();
	assert_ok(database_transact(x->db, DB_WRITE, place_engine, b, &x->err), &x->err);
	inventory_batch_free(b);
	struct looks before = { 0 }, after = { 0 };
	assert_ok(database_transact(x->db, DB_READ, looks_take, &before, &x->err), &x->err);
	expect(x, "/m/a.plan [/] det 10.3.0.26\n/m/b.plan [/] cannot be opened\n");
	assert_ok(record(x, "GPU-1.corp,c1,reading,vision,#v,UAT,1\ngpu-2,c2,voice,x,#x,PROD,\n", &r), &x->err);
	assert_int_equal(r.hosts, 2);
	assert_int_equal(r.changed, 2);
	expect(x, "/m/a.plan [reading/staging] det 10.3.0.26\n/m/b.plan [reading/staging] cannot be opened\n");
	/* the CMDB has not looked at the host: what was seen was seen before, what was not read is not */
	assert_ok(database_transact(x->db, DB_READ, looks_take, &after, &x->err), &x->err);
	assert_true(after.seen_last == before.seen_last && after.since == before.since && before.since);
	const struct workspace_service *s = workspace_service(x->workspace, SPAN("reading"));
	assert_non_null(s);
	assert_string_equal(s->owner.name, "vision");
	assert_int_equal(s->criticality, WORKSPACE_CRITICAL);
	assert_string_equal(workspace_service(x->workspace, SPAN("voice"))->owner.name, "people"); /* a person's wins */
	assert_ok(record(x, "gpu-1,c1,reading,vision,#v,UAT,1\ngpu-2,c2,voice,x,#x,PROD,\n", &r), &x->err);
	assert_int_equal(r.changed, 0);
	/* the CMDB knows the host no more */
	assert_ok(record(x, "gpu-2,c2,voice,x,#x,PROD,\n", &r), &x->err);
	assert_int_equal(r.removed, 1);
	expect(x, "/m/a.plan [/] det 10.3.0.26\n/m/b.plan [/] cannot be opened\n");
	assert_null(workspace_service(x->workspace, SPAN("reading")));
}

static void rows_must_agree(void **state)
{
	static const struct {
		const char *lines, *field;
		int code;
		int64_t line;
	} rows[] = {
		{ "gpu-1,c,a,o,m,PROD,1\ngpu-1,c,b,o,m,PROD,1\n", "service", RF_ECONFLICT, 3 },
		{ "gpu-1,c,a,o,m,PROD,1\ngpu-2,c,a,p,m,PROD,1\n", "owner", RF_ECONFLICT, 3 },
		{ "gpu-1,c,a b,o,m,PROD,1\n", "service", RF_EFORMAT, 2 },
		{ "gpu-1,c,a,o,m,MOON,1\n", "environment", RF_EFORMAT, 2 },
		{ "gpu-1,c,a,,m,PROD,1\n", "owner", RF_EFORMAT, 2 },
		{ "gpu-1,c,a,o,m,,1\n", "environment", RF_EFORMAT, 2 },
		{ "gpu-1,c,a,o,m,PROD,9\n", "services.a.criticality", RF_EFORMAT, 0 },
	};
	struct fixture *x = *state;
	struct cmdb_result r;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		int rc = record(x, rows[i].lines, &r);
		if (rc != rows[i].code || strcmp(x->err.field, rows[i].field) != 0 || (rows[i].line && x->err.line != rows[i].line))
			fail_msg("%s: %s, %s, line %lld: %s", rows[i].lines, rf_error_name(rc), x->err.field, (long long)x->err.line,
				 x->err.text);
	}
	reopen(x);
	assert_int_equal(x->workspace->services_n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mappings),
		cmocka_unit_test(rows_of_both_forms),
		cmocka_unit_test(refused_rows),
		cmocka_unit_test_setup_teardown(hosts_move, begin, end),
		cmocka_unit_test_setup_teardown(rows_must_agree, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
