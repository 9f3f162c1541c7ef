/* hash: CRC-32 against zlib's known values, the map against a plain list */
#include "testing.h"

#include "base/hash.h"
#include "base/random.h"

static void crc_of_known_texts(void **state)
{
	(void)state;
	assert_int_equal(crc32_add(0, "123456789", 9), 0xcbf43926u);
	assert_int_equal(crc32_add(0, "", 0), 0);
	const char *text = "The quick brown fox jumps over the lazy dog";
	assert_int_equal(crc32_add(0, text, 43), 0x414fa339u);
	for (size_t cut = 0; cut <= 43; cut++)
		assert_int_equal(crc32_add(crc32_add(0, text, cut), text + cut, 43 - cut), 0x414fa339u);
}

static void the_map_keeps_the_last_value(void **state)
{
	(void)state;
	struct map m = MAP_INIT;
	static char keys[5000][8];
	static int values[5000];
	for (size_t i = 0; i < 5000; i++) {
		snprintf(keys[i], sizeof keys[i], "k%zu", i % 2500);
		values[i] = (int)i;
		assert_int_equal(map_set(&m, span_of(keys[i]), &values[i]), 0);
	}
	assert_int_equal(m.count, 2500);
	for (size_t i = 0; i < 2500; i++)
		assert_int_equal(*(int *)map_get(&m, span_of(keys[i])), i + 2500);
	assert_null(map_get(&m, SPAN("absent")));
	size_t seen = 0, position = 0;
	struct span key;
	void *value;
	while (map_next(&m, &position, &key, &value))
		seen++;
	assert_int_equal(seen, 2500);
	map_release(&m);
	assert_null(map_get(&m, SPAN("k1")));
}

static void a_stream_repeats_itself(void **state)
{
	(void)state;
	struct random_stream a = { 42 }, b = { 42 };
	unsigned counts[6] = { 0 };
	for (int i = 0; i < 60000; i++) {
		uint64_t v = random_below(&a, 6);
		assert_true(v == random_below(&b, 6));
		counts[v]++;
		double u = random_unit(&a);
		assert_true(u >= 0 && u < 1);
		(void)random_unit(&b);
	}
	for (int i = 0; i < 6; i++)
		assert_in_range(counts[i], 9500, 10500);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(crc_of_known_texts), cmocka_unit_test(the_map_keeps_the_last_value), cmocka_unit_test(a_stream_repeats_itself) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
