/* Documents of container images: what is taken, what is refused and by which rule, which platform is chosen. */
#include "testing.h"

#include "base/str.h"
#include "format/image.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define CONFIG "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"" A "\",\"size\":7}"
#define ONE(digest, size) "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"" digest "\",\"size\":" size "}]}"

static struct arena arena = ARENA_INIT(64 * MIB);

static void manifest(void **state)
{
	(void)state;
	static const char text[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_MANIFEST "\"," CONFIG ",\"layers\":["
		"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"" B "\",\"size\":10},"
		"{\"mediaType\":\"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd\",\"digest\":\"" C "\",\"size\":0},"
		"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip+encrypted\",\"digest\":\"" C "\",\"size\":1},"
		"{\"mediaType\":\"application/vnd.example.engine\",\"digest\":\"" C "\",\"size\":1,"
		"\"annotations\":{\"org.opencontainers.image.title\":\"a.plan\"}}]}";
	struct image_document d;
	struct err err = ERR_INIT;
	assert_ok(image_document_read(&arena, span_of(text), SPAN(OCI_MANIFEST "; charset=utf-8"), &d, &err), &err);
	assert_int_equal(d.kind, IMAGE_MANIFEST);
	assert_true(span_eq_text(d.config.digest, A));
	assert_int_equal(d.count, 4);
	assert_int_equal(d.entries[0].layer, IMAGE_LAYER_TAR);
	assert_false(d.entries[0].foreign);
	assert_true(d.entries[1].foreign && d.entries[1].layer == IMAGE_LAYER_TAR);
	assert_int_equal(d.entries[2].layer, IMAGE_LAYER_ENCRYPTED);
	assert_int_equal(d.entries[3].layer, IMAGE_LAYER_OTHER);
	assert_true(span_eq_text(d.entries[3].title, "a.plan"));
	assert_int_equal(d.entries[0].size, 10);
}

static const struct {
	const char *what, *text, *media_type;
	int rc;
	const char *field, *words;
} refused[] = {
	{ "index and manifest", "{\"schemaVersion\":2,\"manifests\":[]," CONFIG ",\"layers\":[]}", "", RF_EFORMAT, "",
	  "both manifests and layers" },
	{ "neither", "{\"schemaVersion\":2}", "", RF_EFORMAT, "", "neither an index" },
	{ "not what it calls itself", "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MANIFEST "\",\"manifests\":[]}", "", RF_EFORMAT,
	  "", "is called" },
	{ "not what it was called", "{\"schemaVersion\":2,\"manifests\":[]}", OCI_MANIFEST, RF_EFORMAT, "", "is called" },
	{ "schema 1", "{\"schemaVersion\":1,\"fsLayers\":[]}", "", RF_EUNSUPPORTED, "", "schema 1" },
	{ "no schema", "{\"manifests\":[]}", "", RF_EFORMAT, "schemaVersion", "must be 2" },
	{ "no object", "[]", "", RF_EFORMAT, "", "is an object" },
	{ "no JSON", "{\"schemaVersion\":2,", "", RF_EFORMAT, "", "manifest" },
	{ "empty", "", "", RF_EFORMAT, "", "manifest" },
	{ "no list", "{\"schemaVersion\":2,\"manifests\":{}}", "", RF_EFORMAT, "manifests", "is no list" },
	{ "no descriptor", "{\"schemaVersion\":2,\"manifests\":[7]}", "", RF_EFORMAT, "manifests[0]", "no descriptor" },
	{ "no digest", "{\"schemaVersion\":2,\"manifests\":[{\"size\":1}]}", "", RF_EFORMAT, "manifests[0].digest", "missing" },
	{ "another digest", ONE("sha512:00", "1"), "", RF_EUNSUPPORTED, "manifests[0].digest", "only sha256" },
	{ "upper case", ONE("sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "1"), "", RF_EFORMAT,
	  "manifests[0].digest", "64 lower case" },
	{ "climbing", ONE("sha256:../../../../../../../../../../../../../../../../etc/passwd0000000", "1"), "", RF_EFORMAT,
	  "manifests[0].digest", "64 lower case" },
	{ "negative size", ONE(A, "-1"), "", RF_EFORMAT, "manifests[0].size", "no size" },
	{ "size past 2^63", ONE(A, "18446744073709551615"), "", RF_EFORMAT, "manifests[0].size", "no size" },
	{ "no config", "{\"schemaVersion\":2,\"layers\":[]}", "", RF_EFORMAT, "config", "no descriptor" },
	{ "config without digest", "{\"schemaVersion\":2,\"config\":{\"size\":1},\"layers\":[]}", "", RF_EFORMAT, "config.digest",
	  "missing" },
	{ "no layers", "{\"schemaVersion\":2," CONFIG "}", "", RF_EFORMAT, "layers", "is no list" },
};

static void refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(refused); i++) {
		struct image_document d;
		struct err err = ERR_INIT;
		int rc = image_document_read(&arena, span_of(refused[i].text), span_of(refused[i].media_type), &d, &err);
		if (rc != refused[i].rc || !strstr(err.text, refused[i].words) || strcmp(err.field, refused[i].field) != 0)
			fail_msg("%s: %s, field \"%s\", \"%s\"", refused[i].what, rf_error_name(rc), err.field, err.text);
	}
}

static void too_many_layers(void **state)
{
	(void)state;
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	struct image_document d;
	struct err err = ERR_INIT;
	str_add_text(&text, "{\"schemaVersion\":2," CONFIG ",\"layers\":[");
	for (int i = 0; i <= IMAGE_MAX_LAYERS; i++)
		str_addf(&text, "%s{\"digest\":\"" B "\",\"size\":1}", i ? "," : "");
	str_add_text(&text, "]}");
	assert_int_equal(image_document_read(&arena, str_span(&text), SPAN_NONE, &d, &err), RF_ETOOMANY);
	assert_string_equal(err.field, "layers");
}

#define ENTRY(digest, os, arch, variant)                                                                              \
	"{\"mediaType\":\"" OCI_MANIFEST "\",\"digest\":\"" digest "\",\"size\":1,\"platform\":{\"os\":\"" os          \
	"\",\"architecture\":\"" arch "\"" variant "}}"

static void platforms(void **state)
{
	(void)state;
	/* clang-format off */
	static const char text[] = "{\"schemaVersion\":2,\"manifests\":["
		ENTRY(A, "unknown", "unknown", "") ","
		ENTRY(A, "linux", "amd64", "") ","
		ENTRY(B, "linux", "arm64", ",\"variant\":\"v8\"") ","
		ENTRY(C, "linux", "arm", ",\"variant\":\"v6\"") ","
		ENTRY(B, "linux", "arm", ",\"variant\":\"v7\"") ","
		ENTRY(C, "windows", "amd64", "") "]}";
	/* clang-format on */
	static const struct {
		const char *wanted;
		size_t at; /* SIZE_MAX: none */
	} rows[] = { { "linux/amd64", 1 },  { "amd64", 1 },         { "linux/arm64", 2 },         { "linux/arm64/v8", 2 },  { "linux/arm/v7", 4 },
		     { "linux/arm/v6", 3 }, { "linux/arm", 3 },     { "linux/arm/v5", SIZE_MAX }, { "windows/amd64", 5 }, { "linux/riscv64", SIZE_MAX } };
	struct image_document d;
	struct err err = ERR_INIT;
	assert_ok(image_document_read(&arena, span_of(text), SPAN(OCI_INDEX), &d, &err), &err);
	assert_true(d.entries[0].attestation);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct image_platform p;
		size_t at = SIZE_MAX;
		assert_ok(image_platform_read(span_of(rows[i].wanted), &p, &err), &err);
		int rc = image_platform_choose(&d, &p, &at, &err);
		if (rows[i].at == SIZE_MAX ? rc != RF_ENOTFOUND || !strstr(err.text, "linux/arm64/v8") : rc != 0 || at != rows[i].at)
			fail_msg("%s: %d, %zu", rows[i].wanted, rc, at);
	}
	static const char *const wrong[] = { "", "Linux/amd64", "linux/amd64/v8/x", "linux/", "/", "linux amd64" };
	for (size_t i = 0; i < RF_COUNT(wrong); i++)
		assert_int_equal(image_platform_read(span_of(wrong[i]), &(struct image_platform){ 0 }, &err), RF_EINVALID);
}

static void configs(void **state)
{
	(void)state;
	struct image_config c;
	struct err err = ERR_INIT;
	static const char good[] = "{\"architecture\":\"arm64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" A
				   "\",\"" B "\"]}}";
	assert_ok(image_config_read(&arena, span_of(good), &c, &err), &err);
	assert_true(c.count == 2 && span_eq_text(c.diff_ids[1], B) && span_eq_text(c.platform.architecture, "arm64"));
	assert_int_equal(image_config_read(&arena, SPAN("{\"rootfs\":{\"diff_ids\":[\"" A "\",\"md5:0\"]}}"), &c, &err),
			 RF_EFORMAT);
	assert_string_equal(err.field, "rootfs.diff_ids[1]");
	assert_int_equal(image_config_read(&arena, SPAN("{}"), &c, &err), RF_EFORMAT);
	assert_string_equal(err.field, "rootfs.diff_ids");
}

static void saved(void **state)
{
	(void)state;
	struct image_saved *list;
	size_t n;
	struct err err = ERR_INIT;
	static const char good[] = "[{\"Config\":\"c.json\",\"RepoTags\":[\"site/app:1\",\"site/app:2\"],\"Layers\":[\"a/layer.tar\"]},"
				   "{\"Config\":\"d.json\",\"RepoTags\":null,\"Layers\":[]}]";
	assert_ok(image_saved_read(&arena, span_of(good), &list, &n, &err), &err);
	assert_true(n == 2 && list[0].tag_count == 2 && list[0].layer_count == 1 && list[1].tag_count == 0);
	assert_int_equal(image_saved_read(&arena, SPAN("{}"), &list, &n, &err), RF_EFORMAT);
	assert_int_equal(image_saved_read(&arena, SPAN("[{\"Layers\":[]}]"), &list, &n, &err), RF_EFORMAT);
	assert_string_equal(err.field, "[0].Config");
	assert_int_equal(image_saved_read(&arena, SPAN("[{\"Config\":\"c\",\"Layers\":[7]}]"), &list, &n, &err), RF_EFORMAT);
	assert_string_equal(err.field, "[0].Layers");
	assert_ok(image_layout_check(SPAN("{\"imageLayoutVersion\":\"1.0.0\"}"), &err), &err);
	assert_int_equal(image_layout_check(SPAN("{\"imageLayoutVersion\":\"2.0.0\"}"), &err), RF_EUNSUPPORTED);
	assert_int_equal(image_layout_check(SPAN("{}"), &err), RF_EFORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(manifest),  cmocka_unit_test(refusals), cmocka_unit_test(too_many_layers),
					    cmocka_unit_test(platforms), cmocka_unit_test(configs),  cmocka_unit_test(saved) };
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_release(&arena);
	return failed;
}
