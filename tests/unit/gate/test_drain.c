/* The plan of a drain: by table, and carried out step by step for every small fleet. */
#include "testing.h"

#include "base/str.h"
#include "gate/drain.h"

/* "a:4dr" is group a with 4 replicas, d denied, r a replacement is at hand, s one may be added. */
static size_t groups_read(const char *text, struct drain_group *groups)
{
	size_t n = 0;
	while (*text) {
		struct drain_group *g = &groups[n++];
		*g = (struct drain_group){ .service = SPAN("asr"), .environment = SPAN("production"), .name = { text, 1 } };
		for (text += 2; *text >= '0' && *text <= '9'; text++)
			g->replicas = 10 * g->replicas + (*text - '0');
		for (; *text && *text != ' '; text++) {
			g->denied |= *text == 'd';
			g->has_replacement |= *text == 'r';
			g->can_surge |= *text == 's';
		}
		text += *text == ' ';
	}
	return n;
}

static void steps_write(const struct drain_group *groups, const struct drain_step *steps, size_t n, struct str *to)
{
	for (size_t i = 0; i < n; i++) {
		const struct drain_step *s = &steps[i];
		str_addf(to, "%s%s %.*s %lld", i ? "; " : "", drain_action_name(s->action), SPAN_ARG(groups[s->group].name),
			 (long long)s->replicas);
		if (s->at_once)
			str_addf(to, " by %lld%s", (long long)s->at_once, s->surge ? "+" : "");
		if (s->hold)
			str_addf(to, " %s", drain_hold_name(s->hold));
	}
}

static void test_table(void **state)
{
	static const struct {
		const char *groups;
		int64_t keep;
		const char *steps;
	} rows[] = {
		{ "", 2, "" },
		{ "a:4 b:2", 2, "" },                                            /* nothing is denied */
		{ "a:4drs", 2, "replace a 4 by 2" },                             /* two may be down */
		{ "a:2drs", 2, "replace a 2 by 1+" },                            /* none may: one is added */
		{ "a:1drs", 2, "replace a 1 by 1+" },                            /* fewer serve than are to be kept */
		{ "a:2dr", 2, "hold a 2 no_room" },                              /* a host cannot be added to */
		{ "a:2dr", 1, "replace a 2 by 1" },
		{ "a:4d b:3", 2, "remove a 4" },                                 /* b carries it */
		{ "a:4d b:1", 2, "remove a 3; hold a 1 no_replacement" },
		{ "a:3d", 2, "remove a 1; hold a 2 no_replacement" },
		{ "a:3d", 0, "remove a 3" },
		{ "a:3d", 9, "hold a 3 no_replacement" },
		{ "a:0d", 2, "stop a 0" },                                       /* a job */
		{ "a:2d b:2drs", 2, "replace b 2 by 2; remove a 2" },            /* what adds no gap goes first */
		{ "a:2d b:2drs", 4, "replace b 2 by 1+; hold a 2 no_replacement" },
		{ "a:1d b:0d c:1dr d:1", 1, "stop b 0; replace c 1 by 1; remove a 1" },
		{ "a:100drs", 98, "replace a 100 by 2" },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
		RF_AUTO(str) text = STR_INIT(4096);
		struct drain_group groups[8];
		struct drain_step *steps;
		size_t n;
		struct err err = ERR_INIT;
		assert_ok(drain_plan(&a, groups, groups_read(rows[i].groups, groups), rows[i].keep, &steps, &n, &err), &err);
		steps_write(groups, steps, n, &text);
		assert_string_equal(str_text(&text), rows[i].steps);
	}
}

static void test_services_are_apart(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	struct drain_group groups[4];
	struct drain_step *steps;
	size_t n;
	struct err err = ERR_INIT;
	assert_int_equal(groups_read("a:2d b:2 c:2d d:2", groups), 4);
	groups[2].environment = groups[3].environment = SPAN("staging");
	groups[3].service = SPAN("tts");
	assert_ok(drain_plan(&a, groups, 4, 2, &steps, &n, &err), &err);
	assert_int_equal(n, 2);
	assert_int_equal(steps[0].group, 0);
	assert_int_equal(steps[0].action, DRAIN_REMOVE);
	/* d belongs to another service and carries nothing of c's */
	assert_int_equal(steps[1].group, 2);
	assert_int_equal(steps[1].action, DRAIN_HOLD);
	assert_int_equal(steps[1].serving_after, 2);
}

static void test_refused(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	struct drain_group groups[1];
	struct drain_step *steps;
	size_t n;
	struct err err = ERR_INIT;
	assert_int_equal(groups_read("a:1d", groups), 1);
	assert_int_equal(drain_plan(&a, groups, 1, -1, &steps, &n, &err), RF_EINVALID);
	groups[0].replicas = -1;
	assert_int_equal(drain_plan(&a, groups, 1, 1, &steps, &n, &err), RF_EINVALID);
	RF_AUTO(arena) none = ARENA_INIT(1);
	groups[0].replicas = 1;
	assert_int_equal(drain_plan(&none, groups, 1, 1, &steps, &n, &err), RF_ENOMEM);
}

/* Carries @steps out, one replica after the other, and looks at how many serve at every moment. */
static void carried_out(const struct drain_group *groups, size_t groups_n, int64_t keep, const struct drain_step *steps, size_t n)
{
	int64_t denied[4] = { 0 }, held[4] = { 0 }, serving = 0;
	for (size_t i = 0; i < groups_n; i++) {
		serving += groups[i].replicas;
		denied[i] = groups[i].denied ? groups[i].replicas : 0;
	}
	int64_t least = serving < keep ? serving : keep;
	for (size_t i = 0; i < n; i++) {
		const struct drain_step *s = &steps[i];
		int64_t low = serving;
		for (int64_t left = s->replicas; s->action == DRAIN_REPLACE && left > 0;) {
			int64_t down = left < s->at_once ? left : s->at_once;
			low = serving + s->surge - down;
			assert_true(low >= least);
			left -= down;
		}
		if (s->action == DRAIN_REMOVE)
			serving -= s->replicas;
		if (s->action == DRAIN_HOLD)
			held[s->group] += s->replicas;
		else
			denied[s->group] -= s->replicas;
		assert_true(serving >= least);
		assert_true(s->surge == 0 || groups[s->group].can_surge);
		assert_true(s->action != DRAIN_REPLACE || groups[s->group].has_replacement);
		assert_int_equal(s->serving_after, serving);
		assert_true(s->serving >= least && s->serving <= serving);
	}
	for (size_t i = 0; i < groups_n; i++) {
		assert_int_equal(denied[i], held[i]);
		/* what is held for want of a replacement is needed: one less and too few serve */
		if (held[i] && !groups[i].has_replacement)
			assert_int_equal(serving, least);
		if (held[i] && groups[i].has_replacement)
			assert_false(groups[i].can_surge);
	}
}

static void test_never_fewer(void **state)
{
	(void)state;
	/* three groups of 0 to 3 replicas, each with every mix of denied, replacement, surge; keep 0 to 5 */
	for (unsigned code = 0; code < 32 * 32 * 32; code++)
		for (int64_t keep = 0; keep <= 5; keep++) {
			RF_AUTO(arena) a = ARENA_INIT(64 * KIB);
			struct drain_group groups[3];
			struct drain_step *steps;
			size_t n;
			struct err err = ERR_INIT;
			for (unsigned i = 0, bits = code; i < 3; i++, bits >>= 5)
				groups[i] = (struct drain_group){ .service = SPAN("s"), .environment = SPAN("e"), .name = SPAN("g"),
								  .replicas = bits & 3, .denied = bits & 4, .has_replacement = bits & 8,
								  .can_surge = bits & 16 };
			assert_ok(drain_plan(&a, groups, 3, keep, &steps, &n, &err), &err);
			carried_out(groups, 3, keep, steps, n);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_services_are_apart),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_never_fewer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
