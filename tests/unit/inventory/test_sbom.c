/* Bills of materials: CycloneDX, SPDX in both forms, hostile ones, and what the database has of one. */
#include "testing.h"

#include "base/fs.h"
#include "inventory/inventory.h"
#include "inventory/sbom.h"

#define TRT "pkg:generic/nvidia/tensorrt"
#define ORT "pkg:generic/microsoft/onnxruntime"
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define CDX(components) "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":[" components "]}"

static const struct sbom_case {
	const char *label, *text;
	int rc;
	const char *rule;            /* part of the error, or a rule that objected */
	enum artifact_finding finding;
	const char *components[8];   /* "product version source" */
	size_t contents;
} cases[] = {
	{ "by package URL", CDX("{\"type\":\"library\",\"name\":\"x\",\"version\":\"9\",\"purl\":\"pkg:deb/ubuntu/libnvinfer10@10.13.3.9-1%2Bcuda12.9?arch=amd64\"},"
				"{\"type\":\"library\",\"name\":\"left-pad\",\"version\":\"1.0\",\"purl\":\"pkg:npm/left-pad@1.0\"}"),
	  0, "version_mismatch", ARTIFACT_CONFLICT, { TRT " 10.13.3.9 sbom-purl", "pkg:npm/left-pad 1.0 sbom-purl" } },
	{ "the same version written twice is no conflict", CDX("{\"name\":\"x\",\"version\":\"10.13.3.9-1+cuda12.9\",\"purl\":\"pkg:deb/ubuntu/libnvinfer10@10.13.3.9-1%2Bcuda12.9\"}"),
	  0, NULL, ARTIFACT_CLEAR, { TRT " 10.13.3.9 sbom-purl" } },
	{ "version beside the URL", CDX("{\"name\":\"x\",\"version\":\"1.20.1\",\"purl\":\"pkg:pypi/onnxruntime-gpu\"}"), 0, NULL, ARTIFACT_CLEAR,
	  { ORT " 1.20.1 sbom-purl" } },
	{ "by CPE", CDX("{\"name\":\"libfoo\",\"cpe\":\"cpe:2.3:a:nvidia:tensorrt:10.3.0:*:*:*:*:*:*:*\"},"
			"{\"name\":\"bar\",\"version\":\"2\",\"cpe\":\"cpe:/a:who:knows\"}"),
	  0, NULL, ARTIFACT_CLEAR, { TRT " 10.3.0 sbom-cpe", "pkg:generic/bar 2 sbom-name" } },
	{ "by its vendor's name", CDX("{\"name\":\"TensorRT\",\"version\":\"10.3.0\",\"supplier\":{\"name\":\"NVIDIA Corporation\"}},"
				      "{\"name\":\"TensorRT\",\"version\":\"1\",\"publisher\":\"Somebody Else\"}"),
	  0, NULL, ARTIFACT_CLEAR, { TRT " 10.3.0 sbom-name", "pkg:generic/TensorRT 1 sbom-name" } },
	{ "no version is unknown", CDX("{\"name\":\"x\",\"purl\":\"pkg:pypi/tensorrt\"}"), 0, NULL, ARTIFACT_CLEAR, { TRT "  sbom-purl" } },
	{ "nested", CDX("{\"name\":\"a\",\"version\":\"1\",\"components\":[{\"name\":\"b\",\"version\":\"2\",\"components\":"
			"[{\"name\":\"c\",\"purl\":\"pkg:pypi/onnxruntime@1.18.0\"}]}]}"),
	  0, NULL, ARTIFACT_CLEAR, { "pkg:generic/a 1 sbom-name", "pkg:generic/b 2 sbom-name", ORT " 1.18.0 sbom-purl" } },
	{ "digests", CDX("{\"type\":\"machine-learning-model\",\"name\":\"m\",\"version\":\"1\",\"hashes\":[{\"alg\":\"MD5\",\"content\":\"0\"},"
			 "{\"alg\":\"SHA-256\",\"content\":\"" HEX "\"}]},{\"type\":\"file\",\"name\":\"f\",\"hashes\":[{\"alg\":\"SHA-256\",\"content\":\"" HEX "\"}]},"
			 "{\"name\":\"g\",\"hashes\":[{\"alg\":\"SHA-256\",\"content\":\"xyz\"}]}"),
	  0, "digest_malformed", ARTIFACT_UNKNOWN, { "pkg:generic/m 1 sbom-name", "pkg:generic/g  sbom-name" }, 2 },
	{ "images", CDX("{\"type\":\"container\",\"name\":\"t\",\"purl\":\"pkg:oci/tritonserver@sha256:" HEX "?repository_url=nvcr.io/nvidia/tritonserver&tag=25.08-trtllm-python-py3\"}"),
	  0, NULL, ARTIFACT_CLEAR,
	  { "pkg:generic/nvidia/triton-inference-server  sbom-purl", "pkg:generic/nvidia/triton-inference-server 25.08 image-tag", TRT " 10.11.0.33 image-tag",
	    "pkg:generic/nvidia/cuda-toolkit 12.9.0.043 image-tag", "pkg:generic/nvidia/tensorrt-llm 0.21.0 image-tag" } },
	{ "a malformed URL is said, and the name counts", CDX("{\"name\":\"x\",\"version\":\"1\",\"purl\":\"pkg:\"}"), 0, "purl_malformed", ARTIFACT_UNKNOWN,
	  { "pkg:generic/x 1 sbom-name" } },
	{ "no name", CDX("{\"version\":\"1\"}"), 0, "package_without_name", ARTIFACT_UNKNOWN, { 0 } },
	{ "the subject", "{\"specVersion\":\"1.4\",\"metadata\":{\"component\":{\"name\":\"s\",\"version\":\"1\",\"purl\":\"pkg:oci/onnx@1\","
			 "\"components\":[{\"name\":\"in\",\"version\":\"3\"}]}},\"bomFormat\":\"CycloneDX\"}",
	  0, NULL, ARTIFACT_CLEAR, { "pkg:oci/onnx 1 sbom-purl", "pkg:generic/in 3 sbom-name" } },
	{ "another version", "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"2.0\"}", RF_EUNSUPPORTED, "1.4, 1.5 and 1.6", ARTIFACT_CLEAR, { 0 } },
	{ "no bill", "{\"a\":1}", RF_EFORMAT, "no bill of materials", ARTIFACT_CLEAR, { 0 } },
	{ "XML", "<?xml version=\"1.0\"?><bom/>", RF_EUNSUPPORTED, "XML", ARTIFACT_CLEAR, { 0 } },
	{ "components twice", "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":[],\"components\":[]}", RF_EFORMAT, "given twice",
	  ARTIFACT_CLEAR, { 0 } },
	{ "a member of a component twice", CDX("{\"name\":\"a\",\"version\":\"1\",\"version\":\"2\"}"), RF_EFORMAT, "version given twice", ARTIFACT_CLEAR, { 0 } },
	{ "components of a component twice", CDX("{\"name\":\"a\",\"components\":[],\"components\":[{\"name\":\"b\"}]}"), RF_EFORMAT, "components given twice", ARTIFACT_CLEAR, { 0 } },
	{ "the format twice", "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"specVersion\":\"1.5\"}", RF_EFORMAT, "specVersion given twice", ARTIFACT_CLEAR, { 0 } },
	{ "two subjects", "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"metadata\":{\"component\":{},\"component\":{\"name\":\"b\"}}}", RF_EFORMAT,
	  "component given twice", ARTIFACT_CLEAR, { 0 } },
	{ "a member of a package twice", "{\"spdxVersion\":\"SPDX-2.3\",\"packages\":[{\"name\":\"a\",\"versionInfo\":\"1\",\"versionInfo\":\"2\"}]}", RF_EFORMAT,
	  "versionInfo given twice", ARTIFACT_CLEAR, { 0 } },
	{ "two names of an SPDX document", "{\"spdxVersion\":\"SPDX-2.3\",\"name\":\"a\",\"name\":\"b\"}", RF_EFORMAT, "name given twice", ARTIFACT_CLEAR, { 0 } },
	{ "XML of CycloneDX", "\xef\xbb\xbf<?xml version=\"1.0\"?>\n<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\"/>", RF_EUNSUPPORTED, "convert it first", ARTIFACT_CLEAR, { 0 } },
	{ "SPDX 3", "{\"@context\":\"https://spdx.org/rdf/3.0.1/spdx-context.jsonld\",\"@graph\":[]}", RF_EUNSUPPORTED, "SPDX 2.3 is read", ARTIFACT_CLEAR, { 0 } },
	{ "a hidden member", "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"\\u0063omponents\":[]}", RF_EFORMAT, "escape", ARTIFACT_CLEAR, { 0 } },
	{ "components of another kind", CDX("1"), RF_EFORMAT, "is an object", ARTIFACT_CLEAR, { 0 } },
	{ "cut off", "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":[{\"name\":\"a\"}", RF_EFORMAT, "does not end", ARTIFACT_CLEAR, { 0 } },
	{ "SPDX", "{\"spdxVersion\":\"SPDX-2.3\",\"name\":\"image\",\"packages\":[{\"SPDXID\":\"SPDXRef-1\",\"name\":\"libnvinfer10\",\"versionInfo\":\"10.13.3.9-1+cuda12.9\","
		  "\"externalRefs\":[{\"referenceCategory\":\"PACKAGE-MANAGER\",\"referenceType\":\"purl\",\"referenceLocator\":\"pkg:rpm/redhat/libnvinfer10@10.13.3.9-1.cuda12.9\"}]},"
		  "{\"SPDXID\":\"SPDXRef-2\",\"name\":\"x\",\"versionInfo\":\"NOASSERTION\",\"supplier\":\"NOASSERTION\"},"
		  "{\"SPDXID\":\"SPDXRef-3\",\"name\":\"onnxruntime\",\"versionInfo\":\"1.20.1\",\"supplier\":\"Organization: Microsoft (m@x)\"}],"
		  "\"files\":[{\"SPDXID\":\"SPDXRef-4\",\"fileName\":\"./m.plan\",\"checksums\":[{\"algorithm\":\"SHA1\",\"checksumValue\":\"0\"},{\"algorithm\":\"SHA256\",\"checksumValue\":\"" HEX "\"}]}]}",
	  0, NULL, ARTIFACT_CLEAR, { TRT " 10.13.3.9 sbom-purl", "pkg:generic/x  sbom-name", ORT " 1.20.1 sbom-name" }, 1 },
	{ "SPDX 2.2", "{\"spdxVersion\":\"SPDX-2.2\"}", RF_EUNSUPPORTED, "SPDX-2.3 is read", ARTIFACT_CLEAR, { 0 } },
	{ "SPDX tag-value", "SPDXVersion: SPDX-2.3\nDocumentName: image\nPackageComment: <text>PackageName: not\nPackageName: nor</text>\n"
			    "PackageName: tensorrt\nSPDXID: SPDXRef-1\nPackageVersion: 10.3.0\nExternalRef: SECURITY cpe23Type cpe:2.3:a:nvidia:tensorrt:10.3.0:*:*:*:*:*:*:*\n"
			    "ExternalRef: PACKAGE-MANAGER purl pkg:pypi/tensorrt@10.3.0\n\nPackageName: y\nPackageVersion: NONE\n"
			    "FileName: ./m.plan\nSPDXID: SPDXRef-3\nFileChecksum: SHA256: " HEX "\nLicenseID: LicenseRef-1\n",
	  0, NULL, ARTIFACT_CLEAR, { TRT " 10.3.0 sbom-purl", "pkg:generic/y  sbom-name" }, 1 },
	{ "SPDX tag-value behind comments", "# made by hand\n\n#\nSPDXVersion: SPDX-2.3\nPackageName: y\n# PackageName: z\nPackageVersion: 2\n", 0, NULL, ARTIFACT_CLEAR,
	  { "pkg:generic/y 2 sbom-name" } },
	{ "SPDX tag-value, texts", "SPDXVersion: SPDX-2.3\nPackageName: <text>tensorrt</text>\nPackageVersion: <text> 10.3.0 </text>\nPackageSupplier: <text>Organization: NVIDIA</text>\n"
				   "PackageComment: <text>\nPackageName: not</text>\nPackageName: onnxruntime <text>\nPackageVersion: 1.20.1\nPackageName: <text>y\n\n</text>\nPackageVersion: 2\n",
	  0, NULL, ARTIFACT_CLEAR, { TRT " 10.3.0 sbom-name", "pkg:generic/onnxruntime%20%3Ctext%3E 1.20.1 sbom-name", "pkg:generic/y 2 sbom-name" } },
	{ "SPDX tag-value, a text without end", "SPDXVersion: SPDX-2.3\nPackageName: x\nPackageComment: <text>x\nPackageName: tensorrt\nPackageVersion: 10.3.0\n",
	  RF_ETRUNCATED, "a <text> that does not end", ARTIFACT_CLEAR, { 0 } },
	{ "SPDX tag-value 2.2", "SPDXVersion: SPDX-2.2\n", RF_EUNSUPPORTED, "SPDX-2.3", ARTIFACT_CLEAR, { 0 } },
};

static bool has_rule(const struct artifact_facts *f, const char *rule)
{
	for (size_t i = 0; i < f->rule_count; i++)
		if (strcmp(f->rules[i], rule) == 0)
			return true;
	return false;
}

static void test_cases(void **state)
{
	(void)state;
	RF_AUTO(arena) maps = ARENA_INIT(MIB);
	struct image_map m = { 0 };
	struct err err = ERR_INIT;
	assert_ok(image_map_builtin(&m, &maps, &err), &err);
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		const struct sbom_case *t = &cases[i];
		RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
		struct sbom s;
		err = ERR_INIT;
		assert_true(t->text[0] == '<' || sbom_sniff(span_of(t->text)) || strcmp(t->label, "no bill") == 0);
		int rc = sbom_read(span_of(t->text), &m, &a, &s, &err);
		if (rc != t->rc || (rc && !strstr(err.text, t->rule)))
			fail_msg("%s: %s: %s", t->label, rf_error_name(rc), err.text);
		if (rc)
			continue;
		if (s.facts.finding != t->finding || (t->rule && !has_rule(&s.facts, t->rule)))
			fail_msg("%s: %s: %s", t->label, artifact_finding_text(s.facts.finding), s.facts.notes[0]);
		size_t n = 0;
		for (; n < 8 && t->components[n]; n++) {
			char got[300] = "";
			if (n < s.facts.component_count)
				snprintf(got, sizeof got, "%.*s %.*s %s", SPAN_ARG(s.facts.components[n].product),
					 SPAN_ARG(s.facts.components[n].version), s.facts.components[n].source);
			if (strcmp(got, t->components[n]) != 0)
				fail_msg("%s: component %zu is %s", t->label, n, got);
		}
		if (s.facts.component_count != n || s.content_count != t->contents)
			fail_msg("%s: %zu components, %zu contents", t->label, s.facts.component_count, s.content_count);
	}
}

static const struct {
	const char *what, *text;
	bool is;
} sniffs[] = {
	{ "a name inside of other members", "{\"predicate\":{\"bomFormat\":\"CycloneDX\"}}", false },
	{ "a name in a text", "{\"a\":\"\\\"bomFormat\\\"\"}", false },
	{ "damaged behind the name", "{\"bomFormat\":\"CycloneDX\",", true },
	{ "damaged before the name", "{\"a\":},\"bomFormat\":\"CycloneDX\"}", true },
	{ "another XML", "<?xml version=\"1.0\"?><project xmlns=\"http://maven.apache.org/POM/4.0.0\"/>", false },
	{ "comments alone", "# SPDXVersion: SPDX-2.3\n", false },
	{ "another JSON-LD", "{\"@context\":\"https://schema.org\"}", false },
};

/* What says that it is a bill may stand anywhere in it. */
static void test_sniffed(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(4 * MIB);
	for (size_t i = 0; i < RF_COUNT(sniffs); i++)
		if (sbom_sniff(span_of(sniffs[i].text)) != sniffs[i].is)
			fail_msg("%s", sniffs[i].what);
	str_add_text(&s, "{\"components\":[{\"name\":\"");
	for (size_t i = 0; i < 1 * MIB; i++)
		str_add_byte(&s, 'x');
	str_add_text(&s, "\"}],\"bomFormat\":\"CycloneDX\"}");
	assert_false(sbom_sniff(span_sub(str_span(&s), 0, 64 * KIB)));
	assert_true(sbom_sniff(str_span(&s)));
}

/* The line of what failed: of an entry, where it begins. */
static void test_lines(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t line;
	} faults[] = {
		{ "# comment\n\nSPDXVersion: SPDX-2.2\n", 3 },
		{ "SPDXVersion: SPDX-2.3\nPackageName: x\nPackageComment: <text>x\nPackageName: tensorrt\n", 3 },
		{ "SPDXVersion: SPDX-2.3\n\nPackageName: x\nPackageVersion: 1\nPackageName: y\nPackageVersion: 2\n", 3 },
		{ "SPDXVersion: SPDX-2.3\n\nPackageName: x\nPackageVersion: 1\n", 3 },
	};
	for (size_t i = 0; i < RF_COUNT(faults); i++) {
		RF_AUTO(arena) a = ARENA_INIT(16); /* no entry has room */
		struct err err = ERR_INIT;
		struct sbom s;
		assert_true(sbom_read(span_of(faults[i].text), NULL, &a, &s, &err) < 0);
		if (err.line != faults[i].line)
			fail_msg("%zu: line %lld: %s", i, (long long)err.line, err.text);
	}
}

/* Nested past JSON's limit, and strings of megabytes: an answer, no crash. */
static void test_hostile(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	RF_AUTO(str) s = STR_INIT(64 * MIB);
	struct sbom bill;
	struct err err = ERR_INIT;
	str_add_text(&s, "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":[");
	for (int i = 0; i < 100; i++)
		str_add_text(&s, "{\"name\":\"a\",\"components\":[");
	for (int i = 0; i < 100; i++)
		str_add_text(&s, "]}");
	str_add_text(&s, "]}");
	assert_true(sbom_read(str_span(&s), NULL, &a, &bill, &err) < 0);
	assert_true(err.text[0] != '\0');
	str_reset(&s);
	str_add_text(&s, "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":[{\"bom-ref\":\"r\",\"version\":\"1\",\"name\":\"");
	for (size_t i = 0; i < 4 * MIB; i++)
		str_add_byte(&s, 'x');
	str_add_text(&s, "\"}]}");
	err = ERR_INIT;
	assert_ok(sbom_read(str_span(&s), NULL, &a, &bill, &err), &err);
	assert_true(has_rule(&bill.facts, "package_text_too_long"));
	assert_int_equal(bill.facts.finding, ARTIFACT_UNKNOWN);
}

struct counts {
	size_t held, inside, placed;
	struct span digest;
};

static int count_held(const struct inventory_held *h, void *data)
{
	((struct counts *)data)->held += h->path.n == 0;
	return 0;
}

static int count_inside(const struct inventory_inside *i, void *data)
{
	assert_true(span_eq_text(i->artifact.kind, ARTIFACT_BILL_ENTRY));
	((struct counts *)data)->inside++;
	return 0;
}

static int count_placed(const struct inventory_placement *p, void *data)
{
	assert_true(span_eq_text(p->host, "sbom:app@1"));
	((struct counts *)data)->placed++;
	return 0;
}

static int count_all(struct transaction *tx, void *data)
{
	struct counts *c = data;
	struct inventory_filter f = { 0 };
	int rc = inventory_each_held(tx, c->digest, count_held, c);
	if (rc == 0)
		rc = inventory_each_inside(tx, c->digest, count_inside, c);
	return rc ? rc : inventory_each_placement(tx, &f, count_placed, c);
}

static void test_recorded(void **state)
{
	(void)state;
	static const char text[] =
		"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"metadata\":{\"component\":{\"name\":\"app\",\"version\":\"1\"}},\"components\":["
		"{\"type\":\"library\",\"name\":\"x\",\"purl\":\"pkg:pypi/tensorrt@10.3.0\"},"
		"{\"type\":\"machine-learning-model\",\"bom-ref\":\"m\",\"name\":\"m\",\"version\":\"1\",\"hashes\":[{\"alg\":\"SHA-256\",\"content\":\"" HEX "\"}]}]}";
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct sbom s;
	struct err err = ERR_INIT;
	struct database *db = NULL;
	struct digest digest;
	char host[SBOM_HOST_BYTES], hex[DIGEST_HEX];
	struct inventory_changes changes;
	char folder[256];
	const struct migration_set *const sets[] = { &INVENTORY_MIGRATIONS };
	assert_ok(fs_temporary_dir("reforge-sbom", folder, sizeof folder, &err), &err);
	assert_ok(database_open("reforge.db", folder, &db, &err), &err);
	assert_ok(database_migrate(db, sets, 1, &err), &err);
	assert_ok(sbom_read(SPAN(text), NULL, &a, &s, &err), &err);
	digest_of(SPAN(text), &digest);
	struct inventory_place place = { .host = sbom_host(&s, "x/app.cdx.json", host), .service = "", .environment = "", .model = "" };
	for (int run = 0; run < 2; run++) {
		struct counts c = { .digest = span_of(digest_hex(&digest, hex)) };
		assert_ok(sbom_record(db, &s, &digest, "app.cdx.json", &place, &changes, &err), &err);
		assert_int_equal(changes.added, run == 0);
		assert_ok(database_transact(db, DB_READ, count_all, &c, &err), &err);
		assert_int_equal(c.held, 2);
		assert_int_equal(c.inside, 1);
		assert_int_equal(c.placed, 1);
	}
	database_close(db);
	assert_ok(fs_remove_tree(folder, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_sniffed), cmocka_unit_test(test_lines),
					    cmocka_unit_test(test_hostile), cmocka_unit_test(test_recorded) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
