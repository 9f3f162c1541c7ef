/* The inventory as a bill of materials: read back by our own reader it is the same set; CSV. */
#include "testing.h"

#include "base/fs.h"
#include "format/csv.h"
#include "format/json.h"
#include "inventory/bom.h"
#include "inventory/sbom.h"
#include "version/product.h"

struct fixture {
	char folder[FS_PATH_MAX];
	struct database *db;
	struct err err;
	struct arena arena;
	struct bom bom;
};

static struct digest digest_text(const char *text)
{
	struct digest d;
	digest_of(span_of(text), &d);
	return d;
}

static void content(struct inventory_batch *b, const char *name, const char *kind, const char *product, const char *version,
		    const struct artifact_component *held, size_t n)
{
	struct err err = ERR_INIT;
	struct digest d = digest_text(name);
	struct artifact_facts f = { .kind = kind, .layout = "x", .cause = "", .cc_major = 8, .cc_minor = 6, .size = 100, .product = product };
	f.components = (struct artifact_component *)held;
	f.component_count = n;
	snprintf(f.version, sizeof f.version, "%s", version);
	snprintf(f.target, sizeof f.target, "sm_86");
	f.version_source = version[0] ? ARTIFACT_VERSION_HEADER : ARTIFACT_VERSION_UNKNOWN;
	if (!version[0]) {
		f.finding = ARTIFACT_UNKNOWN;
		f.cause = ARTIFACT_CAUSE_UNKNOWN_BUILDER;
		f.notes[f.note_count++] = "x";
	}
	assert_ok(inventory_batch_content(b, &d, &f, &err), &err);
}

static void place(struct inventory_batch *b, const char *name, const char *path, const char *service)
{
	struct err err = ERR_INIT;
	struct digest d = digest_text(name);
	struct inventory_place at = { .host = "h1", .service = service, .environment = service[0] ? "production" : "", .model = "",
				      .runtime_product = service[0] ? ARTIFACT_PRODUCT_TENSORRT : NULL, .runtime_version = service[0] ? "10.16.1.11" : NULL };
	assert_ok(inventory_batch_place(b, path, &d, ARTIFACT_OTHER, &at, &err), &err);
}

static int begin(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);
	const struct migration_set *const sets[] = { &INVENTORY_MIGRATIONS };
	x->err = ERR_INIT;
	x->arena = ARENA_INIT(64 * MIB);
	x->bom = (struct bom){ .arena = &x->arena, .site = "test" };
	assert_ok(fs_temporary_dir("reforge-bom", x->folder, sizeof x->folder, &x->err), &x->err);
	assert_ok(database_open("reforge.db", x->folder, &x->db, &x->err), &x->err);
	assert_ok(database_migrate(x->db, sets, 1, &x->err), &x->err);
	struct inventory_batch *b = inventory_batch_new();
	static const struct artifact_component packages[] = {
		{ .product = { "pkg:generic/nvidia/tensorrt", 27 }, .version = { "10.13.3.9", 9 }, .role = ARTIFACT_ROLE_PACKAGE, .source = "dpkg", .where = { "libnvinfer10", 12 } },
		{ .product = { "pkg:deb/ubuntu/g%2B%2B", 22 }, .version = { "4:13.2.0-7ubuntu1", 17 }, .role = ARTIFACT_ROLE_PACKAGE, .source = "dpkg", .where = { "", 0 } },
		{ .product = { "pkg:npm/%40a/b", 14 }, .version = { "", 0 }, .role = ARTIFACT_ROLE_PACKAGE, .source = "npm", .where = { "", 0 } },
	};
	content(b, "engine", ARTIFACT_TENSORRT_PLAN, ARTIFACT_PRODUCT_TENSORRT, "10.13.3.9", NULL, 0);
	content(b, "unknown engine", ARTIFACT_TENSORRT_PLAN, ARTIFACT_PRODUCT_TENSORRT, "", NULL, 0);
	content(b, "status", ARTIFACT_PACKAGE_DATABASE, NULL, "", packages, RF_COUNT(packages));
	content(b, "image", ARTIFACT_CONTAINER_IMAGE, NULL, "", NULL, 0);
	content(b, "inner", ARTIFACT_ONNXRUNTIME_ORT, ARTIFACT_PRODUCT_ONNXRUNTIME, "1.20.1", NULL, 0);
	struct digest outer = digest_text("image"), inner = digest_text("inner");
	assert_ok(inventory_batch_inside(b, &outer, "opt/m.ort", &inner, &x->err), &x->err);
	place(b, "engine", "/srv/a.plan", "voice");
	place(b, "engine", "/srv/b \"x\",1.plan", "voice");
	place(b, "unknown engine", "=cmd.plan", "");
	place(b, "status", "/var/lib/dpkg/status", "");
	place(b, "image", "image", "");
	assert_ok(inventory_record(x->db, b, NULL, &x->err), &x->err);
	inventory_batch_free(b);
	*state = x;
	return 0;
}

static int end(void **state)
{
	struct fixture *x = *state;
	bom_release(&x->bom);
	arena_release(&x->arena);
	database_close(x->db);
	assert_ok(fs_remove_tree(x->folder, &x->err), &x->err);
	free(x);
	return 0;
}

static int collect(struct transaction *tx, void *data)
{
	struct fixture *x = data;
	struct inventory_filter f = { 0 };
	return bom_collect(tx, &f, &x->bom);
}

/* How the engine was built, as a release would say. */
static void build_add(struct fixture *x)
{
	static struct digest engine;
	static struct bom_material materials[2];
	static struct bom_build build;
	engine = digest_text("engine");
	materials[0] = (struct bom_material){ "source model", digest_text("source") };
	materials[1] = (struct bom_material){ "toolchain library", digest_text("library") };
	build = (struct bom_build){ .model = "asr", .target = "linux-x86_64/sm_86", .build = digest_text("b"),
				    .proof = digest_text("p"), .provenance = digest_text("v"), .library = digest_text("library"), .toolchain = "tensorrt", .toolchain_version = "10.13.3.9",
				    .builder_id = "reforge://test/h1", .invocation = "task-1", .started = "2026-11-24T10:00:00Z", .finished = "2026-11-24T10:01:00Z",
				    .verified = true, .materials = materials, .material_count = 2 };
	assert_int_equal(map_set(&x->bom.builds, span_bytes(&engine, sizeof engine), &build), 0);
}

static struct json find(struct json list, const char *key, const char *value)
{
	for (struct json_each it = json_each(list); json_next(&it);)
		if (span_eq_text(json_string(json_get(it.value, key)), value))
			return it.value;
	fail_msg("no %s %s", key, value);
	return (struct json){ 0 };
}

static bool lists(struct json list, const char *text)
{
	for (struct json_each it = json_each(list); json_next(&it);)
		if (span_eq_text(json_string(it.value), text))
			return true;
	return false;
}

static void test_cyclonedx(void **state)
{
	struct fixture *x = *state;
	struct bom_head head = { "urn:uuid:00000000-0000-4000-8000-000000000000", "2026-11-24T10:00:00Z", "0.1" };
	RF_AUTO(str) text = STR_INIT(16 * MIB);
	build_add(x);
	assert_ok(database_transact(x->db, DB_READ, collect, x, &x->err), &x->err);
	assert_ok(bom_write_cyclonedx(&x->bom, &head, &text, &x->err), &x->err);

	/* the same set comes back */
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	struct sbom s;
	assert_ok(sbom_read(str_span(&text), NULL, &a, &s, &x->err), &x->err);
	assert_int_equal(s.facts.finding, ARTIFACT_CLEAR);
	size_t matched = 0;
	for (size_t i = 0; i < x->bom.component_count; i++)
		for (size_t k = 0; k < s.facts.component_count; k++)
			matched += span_eq_text(s.facts.components[k].product, x->bom.components[i]->purl) &&
				   span_eq_text(s.facts.components[k].version, x->bom.components[i]->version);
	assert_int_equal(matched, x->bom.component_count);
	assert_int_equal(x->bom.component_count, 6); /* TensorRT 10.13, 10.16, unknown; ONNX Runtime; two packages */
	assert_int_equal(s.content_count, x->bom.artifact_count);
	for (size_t i = 0; i < s.content_count; i++) {
		char hex[DIGEST_HEX];
		assert_non_null(map_get(&x->bom.by_digest, span_of(digest_hex(&s.contents[i].digest, hex))));
	}

	/* and says how */
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct json root;
	char hex[DIGEST_HEX], ref[DIGEST_HEX + 8], inner[DIGEST_HEX + 8];
	assert_ok(json_parse(doc, str_span(&text), &root, &x->err), &x->err);
	struct digest d = digest_text("engine");
	snprintf(ref, sizeof ref, "sha256:%s", digest_hex(&d, hex));
	struct json engine = find(json_get(root, "components"), "bom-ref", ref);
	assert_true(span_eq_text(json_string(json_get(engine, "type")), "machine-learning-model"));
	assert_int_equal(json_count(json_path(engine, "evidence", "occurrences", NULL)), 2);
	assert_int_equal(json_count(json_path(engine, "pedigree", "ancestors", NULL)), 1);
	assert_true(span_eq_text(json_string(json_get(find(json_get(engine, "properties"), "name", "reforge:provenance_status"), "value")), "verified"));
	struct json needs = json_get(find(json_get(root, "dependencies"), "ref", ref), "dependsOn");
	assert_true(lists(needs, "pkg:generic/nvidia/tensorrt@10.13.3.9"));
	struct json service = json_get(find(json_get(root, "dependencies"), "ref", "service:voice/production"), "dependsOn");
	assert_true(lists(service, ref) && lists(service, "pkg:generic/nvidia/tensorrt@10.16.1.11"));
	d = digest_text("image");
	snprintf(ref, sizeof ref, "sha256:%s", digest_hex(&d, hex));
	d = digest_text("inner");
	snprintf(inner, sizeof inner, "sha256:%s", digest_hex(&d, hex));
	assert_true(lists(json_get(find(json_get(root, "dependencies"), "ref", ref), "dependsOn"), inner));
	d = digest_text("unknown engine");
	snprintf(ref, sizeof ref, "sha256:%s", digest_hex(&d, hex));
	struct json unknown = find(json_get(root, "components"), "bom-ref", ref);
	assert_true(span_eq_text(json_string(json_get(find(json_get(unknown, "properties"), "name", "reforge:builder_version"), "value")), "unknown"));
	struct json flow = { 0 };
	for (struct json_each it = json_each(json_get(root, "formulation")); json_next(&it);)
		flow = json_get(it.value, "workflows");
	assert_int_equal(json_count(flow), 1);
	assert_true(span_eq_text(json_string(json_get(find(flow, "uid", "task-1"), "timeStart")), "2026-11-24T10:00:00Z"));
}

static int row(const struct inventory_placement *p, void *data)
{
	struct fixture *x = ((void **)data)[0];
	bom_csv_row(&x->bom, p, ((void **)data)[1]);
	return 0;
}

static int rows(struct transaction *tx, void *data)
{
	struct inventory_filter f = { 0 };
	return inventory_each_placement(tx, &f, row, data);
}

static void test_csv(void **state)
{
	struct fixture *x = *state;
	RF_AUTO(str) text = STR_INIT(MIB);
	build_add(x);
	bom_csv_header(&text);
	void *both[] = { x, &text };
	assert_ok(database_transact(x->db, DB_READ, rows, both, &x->err), &x->err);
	struct csv c = csv_begin(str_span(&text), ',');
	size_t n = 0, columns = 0, quoted = 0, guarded = 0, verified = 0;
	int rc;
	while ((rc = csv_next(&c, &x->err)) == 1) {
		if (!n++)
			columns = c.count;
		assert_int_equal(c.count, columns);
		quoted += span_eq_text(c.fields[4], "/srv/b \"x\",1.plan");
		guarded += span_eq_text(c.fields[4], "'=cmd.plan");
		verified += span_eq_text(c.fields[21], "verified") && span_eq_text(c.fields[17], "asr");
	}
	assert_ok(rc, &x->err);
	csv_end(&c);
	assert_int_equal(n, 6);
	assert_int_equal(columns, 25);
	assert_int_equal(quoted, 1);
	assert_int_equal(guarded, 1);
	assert_int_equal(verified, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_cyclonedx, begin, end), cmocka_unit_test_setup_teardown(test_csv, begin, end) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
