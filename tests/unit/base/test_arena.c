/* arena: limits are errors, nothing overlaps */
#include "testing.h"

#include "base/arena.h"

static void hands_out_zeroed_aligned_memory(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(1 * MIB);
	unsigned char *before = NULL;
	for (size_t i = 1; i < 500; i++) {
		unsigned char *p = arena_alloc(&a, i);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[k], 0);
		memset(p, (int)(i & 0xff), i);
		if (before)
			assert_int_equal(before[0], (i - 1) & 0xff);
		before = p;
	}
	arena_release(&a);
	assert_int_equal(a.used_bytes, 0);
}

static void stops_at_its_limit(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(1000);
	assert_non_null(arena_alloc(&a, 900));
	assert_null(arena_alloc(&a, 101));
	assert_non_null(arena_alloc(&a, 100));
	assert_null(arena_array(&a, SIZE_MAX, 16));
	assert_null(arena_text(&a, (struct span){ "x", SIZE_MAX }));
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 1000));
	arena_release(&a);
}

static void texts(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(1 * MIB);
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 42), "x-42");
	struct span s = arena_span(&a, SPAN("abc"));
	assert_true(s.n == 3 && s.p[3] == '\0');
	assert_string_equal(arena_text(&a, SPAN_NONE), "");
	arena_release(&a);
}

static void an_allocation_can_be_made_to_fail(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(1 * MIB);
	rf_alloc_fail_after(2);
	assert_non_null(arena_alloc(&a, 1));
	assert_null(arena_alloc(&a, 1));
	assert_non_null(arena_alloc(&a, 1));
	rf_alloc_fail_after(0);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_out_zeroed_aligned_memory), cmocka_unit_test(stops_at_its_limit), cmocka_unit_test(texts),
		cmocka_unit_test(an_allocation_can_be_made_to_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
