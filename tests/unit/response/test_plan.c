/* plan_decide(): which fact blocks first, with which words and whose name. */
#include "response/plan.h"

#include "testing.h"

static const struct recipe RECIPE = { .model = "det",
				      .owner = { "vision", "#vision", "" },
				      .toolchain = "onnxruntime" };
static const struct fix_version CURE = { .from = "1.20.1", .to = "1.21.1", .at_hand = true, .why = "smallest at hand" };
static const struct fix_version NO_CURE = { .from = "10.13.3.9", .why = "none of 10.16.1 is free of CVE-2026-24268" };
static const struct fix_judgement AS_IS = { .mark = FIX_AS_IS };

static const struct lane OPEN = { .open = true };
static const struct lane CLOSED = {
	.item_count = 2,
	.open = false,
	.items = { { .part = LANE_RECIPE, .ok = true, .reason = "there", .owner = "vision (#vision)" },
		   { .part = LANE_TARGET,
		     .ok = false,
		     .reason = "this machine has no GPU",
		     .owner = "gpu-farm (#gpu)" } },
};
static const struct lane NOBODY = {
	.item_count = 1,
	.open = false,
	.items = { { .part = LANE_SOURCE, .ok = false, .reason = "the model is missing", .owner = "" } },
};

static const struct {
	const char *what;
	struct plan_question q;
	bool planned;
	const char *reason_part, *owner;
} CASES[] = {
	{ "all is there",
	  { .recipe = &RECIPE, .fix = &CURE, .judgement = &AS_IS, .lane = &OPEN, .has_service = true },
	  true,
	  NULL,
	  NULL },
	{ "no service",
	  { .recipe = &RECIPE, .fix = &CURE, .lane = &OPEN },
	  false,
	  "belongs to no service",
	  "desk (#desk)" },
	{ "inside of an image, whatever recipe there is",
	  { .recipe = &RECIPE,
	    .fix = &CURE,
	    .judgement = &AS_IS,
	    .lane = &OPEN,
	    .has_service = true,
	    .image = "k8s:prod/voice Deployment/asr/container/server" },
	  false,
	  "/srv/x.plan is inside of the image k8s:prod/voice Deployment/asr/container/server: an image is not rebuilt in place",
	  "desk (#desk)" },
	{ "no recipe",
	  { .fix = &CURE, .has_service = true },
	  false,
	  "no recipe: the place of /srv/x.plan",
	  "desk (#desk)" },
	{ "a broken recipe",
	  { .recipe_error = "recipes/det.yaml:3: owner is missing", .has_service = true },
	  false,
	  "no usable recipe: recipes/det.yaml:3",
	  "desk (#desk)" },
	{ "a conflict is settled before anything is built",
	  { .recipe = &RECIPE, .fix = &CURE, .lane = &OPEN, .has_service = true, .doubt = "headers disagree" },
	  false,
	  "must be settled first: headers disagree",
	  "vision (#vision)" },
	{ "another product",
	  { .recipe = &RECIPE,
	    .fix = &CURE,
	    .lane = &OPEN,
	    .has_service = true,
	    .other_product = "pkg:generic/nvidia/tensorrt" },
	  false,
	  "pkg:generic/nvidia/tensorrt built the engine",
	  "vision (#vision)" },
	{ "no version cures",
	  { .recipe = &RECIPE, .fix = &NO_CURE, .has_service = true },
	  false,
	  "no version cures: none of 10.16.1 is free of CVE-2026-24268",
	  "vision (#vision)" },
	{ "nobody knows a version",
	  { .recipe = &RECIPE, .has_service = true },
	  false,
	  "no version cures",
	  "vision (#vision)" },
	{ "the lane was not looked at",
	  { .recipe = &RECIPE, .fix = &CURE, .has_service = true },
	  false,
	  "not looked at",
	  "vision (#vision)" },
	{ "a closed lane names the one who opens it",
	  { .recipe = &RECIPE, .fix = &CURE, .lane = &CLOSED, .has_service = true },
	  false,
	  "this machine has no GPU",
	  "gpu-farm (#gpu)" },
	{ "a closed lane of nobody falls to the recipe",
	  { .recipe = &RECIPE, .fix = &CURE, .lane = &NOBODY, .has_service = true },
	  false,
	  "the model is missing",
	  "vision (#vision)" },
};

static void decide(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(CASES); i++) {
		RF_AUTO(arena) a = ARENA_INIT(64 * KIB);
		struct plan_question q = CASES[i].q;
		struct plan_answer answer;
		q.service_owner = "desk (#desk)";
		q.model = "det";
		q.path = "/srv/x.plan";
		assert_int_equal(plan_decide(&q, &a, &answer), 0);
		if (answer.planned != CASES[i].planned)
			fail_msg("%s: planned %d", CASES[i].what, answer.planned);
		if (answer.planned)
			continue;
		if (!strstr(answer.reason, CASES[i].reason_part) || strcmp(answer.owner, CASES[i].owner))
			fail_msg("%s: %s - %s", CASES[i].what, answer.reason, answer.owner);
	}
}

static void no_memory_is_said(void **state)
{
	(void)state;
	for (long n = 1; n < 4; n++) {
		RF_AUTO(arena) a = ARENA_INIT(64 * KIB);
		struct plan_question q = { .service_owner = "desk", .model = "", .path = "x", .has_service = true };
		struct plan_answer answer;
		rf_alloc_fail_after(n);
		int rc = plan_decide(&q, &a, &answer);
		rf_alloc_fail_after(0);
		assert_true(rc == 0 || rc == RF_ENOMEM);
		if (rc == 0)
			assert_false(answer.planned);
	}
}

static void evidence(void **state)
{
	(void)state;
	const char *changes[] = { "the runtime moves too", "a \"quoted\"\nline" };
	struct plan_task t = { .product = "pkg:generic/microsoft/onnxruntime",
			       .engine_kind = "onnxruntime-ort",
			       .from_version = "1.20.1",
			       .to_version = "1.21.1",
			       .engine_digest = "ab",
			       .fix_why = "smallest",
			       .placements = 2,
			       .changes = changes,
			       .change_count = 2 };
	RF_AUTO(str) text = STR_INIT(4 * KIB);
	struct err err = ERR_INIT;
	assert_ok(plan_task_evidence(&t, &text, &err), &err);
	assert_string_equal(
		str_text(&text),
		"{\"product\":\"pkg:generic/microsoft/onnxruntime\",\"kind\":\"onnxruntime-ort\",\"from\":\"1.20.1\","
		"\"to\":\"1.21.1\",\"engine\":\"ab\",\"why\":\"smallest\",\"placements\":2,\"changes\":["
		"\"the runtime moves too\",\"a \\\"quoted\\\"\\nline\"]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decide),
		cmocka_unit_test(no_memory_is_said),
		cmocka_unit_test(evidence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
