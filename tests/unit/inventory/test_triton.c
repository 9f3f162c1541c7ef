/* Triton: configurations, the version policy, and which files of a repository a server loads. */
#include "testing.h"

#include "base/fs.h"
#include "inventory/triton_repository.h"

static const char detector[] =
	"# an engine for two kinds of GPU\n"
	"name: \"det\"\n"
	"platform: \"tensorrt_plan\"\n"
	"max_batch_size: 8\n"
	"default_model_filename: \"model.plan\"\n"
	"cc_model_filenames [ { key: \"8.6\" value: \"model_sm86.plan\" }, { key: \"8.9\", value: \"model_sm89.plan\" } ]\n"
	"input { name: \"x\" data_type: TYPE_FP16 dims: [ 3, -1, -1 ] }\n"
	"output [ { name: \"y\" data_type: TYPE_FP32 dims: 6625 } ]\n"
	"instance_group < kind: KIND_GPU count: 2 gpus: [ 0, 1 ] >\n"
	"parameters { key: \"k\" value: { string_value: \"v\" } }\n"
	"optimization { execution_accelerators { gpu_execution_accelerator : [ { name : \"tensorrt\" } ] } }\n"
	"model_operations { op_library_filename: [ \"libplugins.so\" ] }\n"
	"version_policy: { specific { versions: [ 1, 3 ] } }\n"
	"dynamic_batching { }\n";

static void configuration(void **state)
{
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	struct err err = ERR_INIT;
	struct triton_config c;
	(void)state;
	assert_ok(triton_config_read(span_of(detector), "config.pbtxt", &a, &c, &err), &err);
	assert_string_equal(c.name, "det");
	assert_string_equal(triton_backend(&c), "tensorrt");
	assert_int_equal(c.max_batch_size, 8);
	assert_int_equal(c.cc_files_n, 2);
	assert_string_equal(c.cc_files[1].value, "model_sm89.plan");
	assert_int_equal(c.inputs_n, 1);
	assert_int_equal(c.inputs[0].dims[1], -1);
	assert_string_equal(c.outputs[0].data_type, "TYPE_FP32");
	assert_string_equal(c.instances[0].kind, "KIND_GPU");
	assert_int_equal(c.instances[0].gpus_n, 2);
	assert_string_equal(c.parameters[0].value, "v");
	assert_string_equal(c.optimization, "tensorrt");
	assert_string_equal(c.op_libraries[0], "libplugins.so");
	assert_int_equal(c.policy, TRITON_SPECIFIC);
	assert_int_equal(c.others, 1);
}

static void ensemble(void **state)
{
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	struct err err = ERR_INIT;
	struct triton_config c;
	static const char text[] = "platform: 'ensemble' ensemble_scheduling { step [ { model_name: 'pre' model_version: -1 "
				   "input_map { key: 'a' value: 'b' } }, { model_name: 'det' model_version: 3 } ] }";
	(void)state;
	assert_ok(triton_config_read(SPAN(text), NULL, &a, &c, &err), &err);
	assert_string_equal(triton_backend(&c), "ensemble");
	assert_int_equal(c.steps_n, 2);
	assert_string_equal(c.steps[1].model, "det");
	assert_int_equal(c.steps[1].version, 3);
}

static void refusals(void **state)
{
	static const struct {
		const char *text, *field;
	} rows[] = {
		{ "name: 7", "name" },
		{ "name: 'a' name: 'b'", "name" },
		{ "max_batch_size: 'x'", "max_batch_size" },
		{ "max_batch_size: 99999999999999999999", "max_batch_size" },
		{ "version_policy: { none { } }", "none" },
		{ "version_policy: { all { } latest { } }", "version_policy" },
		{ "version_policy: { latest { num_versions: x } }", "num_versions" },
		{ "cc_model_filenames: 5", "cc_model_filenames" },
		{ "cc_model_filenames { key: 8.6 }", "key" },
		{ "input { dims: [ a ] }", "dims" },
		{ "name: 'a\\000b'", "name" },
		{ "ensemble_scheduling: 3", "ensemble_scheduling" },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
		struct err err = ERR_INIT;
		struct triton_config c;
		int rc = triton_config_read(span_of(rows[i].text), "config.pbtxt", &a, &c, &err);
		if (rc != RF_EFORMAT || strcmp(err.field, rows[i].field) != 0)
			fail_msg("%s: %s, field %s", rows[i].text, rf_error_name(rc), err.field);
	}
}

static void policies(void **state)
{
	static const int64_t there[] = { 1, 2, 10 };
	static const int64_t some[] = { 2, 7 };
	struct triton_config c = triton_config_default();
	(void)state;
	assert_true(triton_serves(&c, 10, there, 3));
	assert_false(triton_serves(&c, 2, there, 3));
	c.latest_n = 2;
	assert_true(triton_serves(&c, 2, there, 3));
	assert_false(triton_serves(&c, 1, there, 3));
	c.policy = TRITON_ALL;
	assert_true(triton_serves(&c, 1, there, 3));
	c.policy = TRITON_SPECIFIC;
	c.versions = some;
	c.versions_n = 2;
	assert_true(triton_serves(&c, 2, there, 3));
	assert_false(triton_serves(&c, 10, there, 3));
}

static char folder[FS_PATH_MAX];

static const char *in_folder(const char *name)
{
	static char path[FS_PATH_MAX + 256];
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	struct err err = ERR_INIT;
	char path[FS_PATH_MAX + 256], parent[FS_PATH_MAX + 256];
	(void)snprintf(path, sizeof path, "%s", in_folder(name));
	memcpy(parent, path, sizeof parent);
	*strrchr(parent, '/') = '\0';
	assert_ok(fs_make_dirs(parent, 0755, &err), &err);
	assert_ok(fs_write_atomic(path, span_of(text), 0644, &err), &err);
}

static void repository(void **state)
{
	static const struct {
		const char *path;
		enum triton_load load;
		const char *model, *words; /* part of them */
		int64_t version;
	} rows[] = {
		{ "det/1/model.plan", TRITON_LOADED, "det", "does not name", 1 },
		{ "det/1/model_sm86.plan", TRITON_LOADED, "det", "8.6", 1 },
		{ "det/1/model_sm80.plan", TRITON_NEVER, "det", "model.plan", 1 },
		{ "det/2/model.plan", TRITON_NOT_SERVED, "det", "specific 1, 3", 2 },
		{ "det/libplugins.so", TRITON_LOADED, "det", "names it", -1 },
		{ "det/old.plan", TRITON_NEVER, "det", "no version folder", -1 },
		{ "det/0/model.plan", TRITON_NEVER, "det", "no version folder", -1 },
		{ "det/007/model.plan", TRITON_NEVER, "det", "no version folder", -1 },
		{ "plain/4/model.onnx", TRITON_LOADED, "plain", "model file", 4 },
		{ "plain/3/model.onnx", TRITON_NOT_SERVED, "plain", "latest 1", 3 },
		{ "saved/1/model.savedmodel/variables/x.bin", TRITON_LOADED, "saved", "model file", 1 },
		{ "broken/1/model.plan", TRITON_UNTOLD, "broken", "config.pbtxt:1", 1 },
		{ "renamed/1/model.plan", TRITON_NEVER, "renamed", "another name", 1 },
		{ "llm/1/rank0.engine", TRITON_LOADED, "llm", "parameter", 1 },
		{ "custom/1/x.engine", TRITON_UNTOLD, "custom", "backend mine", 1 },
		{ "all/1/x.engine", TRITON_NEVER, "all", "ensemble", 1 },
		{ "not-triton/x.plan", TRITON_OUTSIDE, NULL, NULL, -1 },
		{ "not-triton/9/x.plan", TRITON_OUTSIDE, NULL, NULL, -1 },
	};
	struct err err = ERR_INIT;
	char parameter[2 * FS_PATH_MAX];
	(void)state;
	assert_ok(fs_temporary_dir("triton", folder, sizeof folder, &err), &err);
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		put(rows[i].path, "x");
	put("det/3/model.plan", "x");
	put("det/config.pbtxt", detector);
	put("broken/config.pbtxt", "name:");
	put("renamed/config.pbtxt", "name: 'other' backend: 'tensorrt'");
	put("saved/config.pbtxt", "platform: 'tensorflow_savedmodel'");
	put("custom/config.pbtxt", "backend: 'mine'");
	put("all/config.pbtxt", "platform: 'ensemble'");
	(void)snprintf(parameter, sizeof parameter,
		       "backend: 'tensorrtllm' parameters { key: 'gpt_model_path' value { string_value: '%s' } }",
		       in_folder("llm/1"));
	put("llm/config.pbtxt", parameter);
	RF_AUTO_PTR(triton_repositories) t = triton_repositories_new();
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct triton_verdict v;
		assert_ok(triton_look(t, in_folder(rows[i].path), &v, &err), &err);
		if (v.load != rows[i].load || v.version != rows[i].version ||
		    (rows[i].words && (!v.words || !strstr(v.words, rows[i].words) || strcmp(v.model, rows[i].model) != 0)))
			fail_msg("%s: %s, version %lld, %s", rows[i].path, triton_load_text(v.load), (long long)v.version,
				 v.words ? v.words : "-");
	}
	assert_ok(fs_remove_tree(folder, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(configuration), cmocka_unit_test(ensemble),
					    cmocka_unit_test(refusals), cmocka_unit_test(policies), cmocka_unit_test(repository) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
