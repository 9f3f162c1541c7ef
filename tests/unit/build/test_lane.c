/* lane: each thing that a rebuild needs, there and not there. */
#include "helper.h"

#include "build/lane.h"

static struct recipe recipe;
static struct toolchain toolchain;
static struct toolchain_probe probe;

/* A lane with everything in place. */
static struct lane_question whole(void)
{
	static const char *const targets[] = { "linux-x86_64/cpu-avx2" };
	struct err e = ERR_INIT;
	struct digest d;
	char hex[DIGEST_HEX];
	assert_ok(digest_file(put_model("m.onnx"), &d, NULL, &e), &e);
	assert_ok(fs_make_dirs(in_folder("golden/m/0"), 0700, &e), &e);
	put_file("golden/m/0/x.npy", SPAN("tensor"), 0644);
	recipe = (struct recipe){ .model = "m", .owner = { "team", "#team", "" }, .toolchain = "onnxruntime", .targets = targets,
				  .targets_n = 1, .inputs = "golden/m", .file = "recipes/m.yaml" };
	recipe.source.path = "m.onnx";
	recipe.source.sha256 = arena_text(&arena, span_of(digest_hex(&d, hex)));
	toolchain = (struct toolchain){ .kind = toolchain_kind_find(SPAN("onnxruntime")), .version = "1.21.1" };
	probe = (struct toolchain_probe){ .version = "1.21.1", .target = "linux-x86_64/cpu-avx2", .usable = true };
	return (struct lane_question){ .model = "m", .recipe = &recipe, .target = "linux-x86_64/cpu-avx2", .version = "1.21.1",
				       .workspace = folder, .toolchain = &toolchain, .probe = &probe, .toolchain_owner = "platform" };
}

static struct lane check(const struct lane_question *q)
{
	struct err e = ERR_INIT;
	struct lane lane;
	assert_ok(lane_check(q, &arena, &lane, &e), &e);
	return lane;
}

/* Exactly one item is closed: @part, for @owner, with @word in its reason. */
static void assert_closed(const struct lane_question *q, enum lane_part part, const char *owner, const char *word)
{
	struct lane lane = check(q);
	char text[1024];
	size_t closed = 0;
	assert_false(lane.open);
	lane_text(&lane, text, sizeof text);
	for (size_t i = 0; i < lane.item_count; i++) {
		if (lane.items[i].ok)
			continue;
		closed++;
		if (lane.items[i].part != part || strcmp(lane.items[i].owner, owner) != 0 || !strstr(lane.items[i].reason, word))
			fail_msg("%s of %s: %s", lane_part_name(lane.items[i].part), lane.items[i].owner, lane.items[i].reason);
	}
	assert_int_equal(closed, 1);
	assert_non_null(strstr(text, word));
}

static void test_open(void **state)
{
	(void)state;
	struct lane_question q = whole();
	struct lane lane = check(&q);
	char text[256];
	assert_string_equal(lane_text(&lane, text, sizeof text), "open");
	assert_true(lane.open);
	assert_int_equal(lane.item_count, 7);   /* no calibration set */
}

static void test_closed(void **state)
{
	(void)state;
	struct lane_question q = whole();
	struct err e = ERR_INIT;
	q.recipe = NULL;
	assert_closed(&q, LANE_RECIPE, "platform", "no recipe");
	q = whole();
	recipe.owner.contact = "";
	assert_closed(&q, LANE_OWNER, "team", "no owner");
	q = whole();
	q.toolchain = NULL;
	q.toolchain_error = "no such file";
	assert_closed(&q, LANE_TOOLCHAIN, "platform", "no such file");
	q = whole();
	q.version = NULL;
	assert_closed(&q, LANE_TOOLCHAIN, "platform", "no version");
	q = whole();
	const char *missing[] = { "no NVIDIA GPU", "NVML" };
	probe.usable = false;
	probe.missing = missing;
	probe.missing_count = 2;
	assert_closed(&q, LANE_TOOLCHAIN, "platform", "no NVIDIA GPU; NVML");
	q = whole();
	put_file("m.onnx", SPAN("other"), 0644);
	assert_closed(&q, LANE_SOURCE, "team", "the recipe says");
	q = whole();
	unlink(in_folder("m.onnx"));
	assert_closed(&q, LANE_SOURCE, "team", "m.onnx");
	q = whole();
	assert_ok(fs_remove_tree(in_folder("golden/m/0"), &e), &e);
	assert_closed(&q, LANE_GOLDEN, "team", "no .npy");
	q = whole();
	assert_ok(fs_remove_tree(in_folder("golden"), &e), &e);
	assert_closed(&q, LANE_GOLDEN, "team", "golden");
	q = whole();
	probe.target = "linux-x86_64/cpu-avx512";
	assert_closed(&q, LANE_TARGET, "platform", "cpu-avx512, not");
	q = whole();
	probe.target = "";
	assert_closed(&q, LANE_TARGET, "platform", "no builder");
	q = whole();
	q.fix_mark = "transform needed";
	q.fix_reason = "--fp16 ended with TensorRT 11";
	assert_closed(&q, LANE_PATH, "team", "--fp16");
}

static void test_calibration(void **state)
{
	(void)state;
	struct lane_question q = whole();
	struct err e = ERR_INIT;
	struct digest one, two;
	size_t files;
	assert_ok(fs_make_dirs(in_folder("calib"), 0700, &e), &e);
	put_file("calib/a", SPAN("1"), 0644);
	put_file("calib/b", SPAN("2"), 0644);
	assert_ok(lane_set_digest(in_folder("calib"), &one, &files, &e), &e);
	assert_int_equal(files, 2);
	put_file("calib/b", SPAN("3"), 0644);
	assert_ok(lane_set_digest(in_folder("calib"), &two, &files, &e), &e);
	assert_false(digest_eq(&one, &two));
	char hex[DIGEST_HEX];
	struct recipe_step step = { .run = "quantize-static" };
	step.calibration.path = "calib";
	step.calibration.sha256 = arena_text(&arena, span_of(digest_hex(&two, hex)));
	recipe.transform = &step;
	recipe.transform_n = 1;
	assert_closed(&q, LANE_RECIPE, "team", "quantize-static");   /* the set itself is in order */
	assert_int_equal(symlink("a", in_folder("calib/link")), 0);
	assert_int_equal(lane_set_digest(in_folder("calib"), &two, &files, &e), RF_EINVALID);
}

/* The right source, and one that no toolchain should open: the rule is named, and its owner. */
static void test_quarantine(void **state)
{
	(void)state;
	struct lane_question q = whole();
	struct err e = ERR_INIT;
	struct digest d;
	char hex[DIGEST_HEX];
	RF_AUTO(str) model = STR_INIT(4 * KIB);
	protobuf_put_varint(&model, 1, 8);
	for (int i = 0; i < 2; i++)
		protobuf_put_bytes(&model, 7, SPAN("\x12\x01g"));
	assert_ok(digest_file(put_file("m.onnx", str_span(&model), 0644), &d, NULL, &e), &e);
	recipe.source.sha256 = arena_text(&arena, span_of(digest_hex(&d, hex)));
	assert_closed(&q, LANE_SOURCE, "team", "quarantine by the rule repeated_field");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_closed, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_calibration, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_quarantine, folder_setup, folder_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
