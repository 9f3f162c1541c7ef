/* RFC 4648, section 10, and what section 3.5 and 12 want refused. */
#include "testing.h"

#include "crypto/sign.h"

static const struct {
	const char *bytes, *text;
} VECTORS[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xff\xef\xbe>?", "/+++Pj8=" },
};

static void vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(VECTORS); i++) {
		RF_AUTO(str) text = STR_INIT(64);
		RF_AUTO(str) bytes = STR_INIT(64);
		struct err err = ERR_INIT;

		base64_write(span_of(VECTORS[i].bytes), &text);
		assert_string_equal(str_text(&text), VECTORS[i].text);
		assert_ok(base64_read(span_of(VECTORS[i].text), &bytes, &err), &err);
		assert_string_equal(str_text(&bytes), VECTORS[i].bytes);
	}
}

static void refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "Z",        "Zg",   "Zg=",  "Zg==\n",    "Z===", "====", "Zh==", "Zm9=",
					   "Zg==Zg==", "Zm 9", "Zm-_", "Zm9v\n   ", "=m9v", "Z=9v", "Zm=v" };

	for (size_t i = 0; i < RF_COUNT(bad); i++) {
		RF_AUTO(str) bytes = STR_INIT(64);
		struct err err = ERR_INIT;

		if (base64_read(span_of(bad[i]), &bytes, &err) != RF_EFORMAT)
			fail_msg("'%s' was read", bad[i]);
	}
}

static void every_length_there_and_back(void **state)
{
	(void)state;
	unsigned char bytes[1100];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 97 + i / 251);
	for (size_t n = 0; n <= sizeof bytes; n++) {
		RF_AUTO(str) text = STR_INIT(4 * KIB);
		RF_AUTO(str) back = STR_INIT(4 * KIB);
		struct err err = ERR_INIT;

		base64_write((struct span){ (const char *)bytes, n }, &text);
		assert_int_equal(text.n, (n + 2) / 3 * 4);
		assert_ok(base64_read(str_span(&text), &back, &err), &err);
		assert_int_equal(back.n, n);
		assert_true(n == 0 || memcmp(back.p, bytes, n) == 0);
	}
}

static void over_the_limit(void **state)
{
	(void)state;
	RF_AUTO(str) small = STR_INIT(5);
	struct err err = ERR_INIT;

	assert_int_equal(base64_read(SPAN("Zm9vYmFy"), &small, &err), RF_ETOOBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(refused),
		cmocka_unit_test(every_length_there_and_back),
		cmocka_unit_test(over_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
