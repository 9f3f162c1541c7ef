/* References to images: all ways to write one, and what is none. */
#include "testing.h"

#include "format/image_reference.h"

#define D "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define HEX32 "0123456789abcdef0123456789abcdef"
#define D384 "sha384:" HEX32 HEX32 HEX32
#define D512 "sha512:" HEX32 HEX32 HEX32 HEX32

static const struct {
	const char *text, *full;
	bool has_host, has_version;
} rows[] = {
	{ "ubuntu", "docker.io/library/ubuntu:latest", false, false },
	{ "ubuntu:22.04", "docker.io/library/ubuntu:22.04", false, true },
	{ "site/app", "docker.io/site/app:latest", false, false },
	{ "docker.io/ubuntu:22.04", "docker.io/library/ubuntu:22.04", true, true },
	{ "index.docker.io/site/app:1", "docker.io/site/app:1", true, true },
	{ "registry.example/app:1", "registry.example/app:1", true, true },
	{ "registry.example:5000/site/app", "registry.example:5000/site/app:latest", true, false },
	{ "localhost/app:1", "localhost/app:1", true, true },
	{ "127.0.0.1:5000/a/b/c:x_Y-1.2", "127.0.0.1:5000/a/b/c:x_Y-1.2", true, true },
	{ "[::1]:5000/app:1", "[::1]:5000/app:1", true, true },
	{ "registry.example/app@" D, "registry.example/app@" D, true, true },
	{ "registry.example/app:1@" D, "registry.example/app:1@" D, true, true },
	{ "registry.example/app@" D384, "registry.example/app@" D384, true, true },
	{ "registry.example/app:1@" D512, "registry.example/app:1@" D512, true, true },
	{ "registry.example/a.b/c_d/e__f/g---h:1", "registry.example/a.b/c_d/e__f/g---h:1", true, true },
};
#define HEX64 HEX32 HEX32
#define HEX128 HEX64 HEX64
static const char *const wrong[] = { "", ":", "@", "App", "registry.example/App:1", "registry.example/", "registry.example//app", "a..b", "a/.b",
				     "a_", "-a", "a___b", "app:", "app:.x", "app@sha256:00", ("app@" D "0"), ("app@sha512:" HEX64), ("app@" D512 "0"),
				     ("app@sha256:" HEX128), ("app@sha1:" HEX32 "01234567"), ("app@md5:" HEX32),
				     "registry.example:x/app", "regi stry.example/app",
				     "registry.example/../../etc:1", "app:1:2/", "registry.example/app:1 ", "http://registry.example/app" };

static void reads(void **state)
{
	(void)state;
	char buffer[IMAGE_REFERENCE_MAX];
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct image_reference r;
		struct err err = ERR_INIT;
		assert_ok(image_reference_read(span_of(rows[i].text), &r, &err), &err);
		assert_string_equal(image_reference_text(&r, buffer), rows[i].full);
		assert_int_equal(r.has_host, rows[i].has_host);
		assert_int_equal(r.has_version, rows[i].has_version);
		/* what is written reads back as itself */
		char again[IMAGE_REFERENCE_MAX];
		assert_ok(image_reference_read(span_of(buffer), &r, &err), &err);
		assert_string_equal(image_reference_text(&r, again), rows[i].full);
	}
	for (size_t i = 0; i < RF_COUNT(wrong); i++)
		if (image_reference_read(span_of(wrong[i]), &(struct image_reference){ 0 }, NULL) != RF_EINVALID)
			fail_msg("\"%s\" is taken", wrong[i]);
}

static void loopback(void **state)
{
	(void)state;
	static const char *const yes[] = { "localhost", "LocalHost:5000", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:5000" };
	static const char *const no[] = { "registry.example", "127.example.org", "128.0.0.1", "127.0.0", "127.0.0.1.example.org", "localhost.example.org", "" };
	for (size_t i = 0; i < RF_COUNT(yes); i++)
		assert_true(image_registry_is_loopback(span_of(yes[i])));
	for (size_t i = 0; i < RF_COUNT(no); i++)
		assert_false(image_registry_is_loopback(span_of(no[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads), cmocka_unit_test(loopback) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
