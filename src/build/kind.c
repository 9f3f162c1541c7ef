/* kind - the table of toolchains. */
#include "build/kind.h"

static const struct toolchain_kind kinds[] = {
	{ .name = "onnxruntime", .product = "pkg:generic/microsoft/onnxruntime", .driver = "reforge-toolchain-onnxruntime",
	  .engine_file = "model.onnx", .scheme = "release", .sessions = true,
	  .reads_models = true, .needs_library = true },
	{ .name = "tensorrt", .product = "pkg:generic/nvidia/tensorrt", .driver = "reforge-toolchain-tensorrt",
	  .engine_file = "model.plan", .scheme = "tensorrt", .sessions = false,
	  .reads_models = true, .needs_library = false },
	{ .name = "command", .product = NULL, .driver = NULL, .engine_file = "model.bin", .scheme = "release", .sessions = false,
	  .needs_library = false },
};

const struct toolchain_kind *toolchain_kind_at(size_t i)
{
	return i < RF_COUNT(kinds) ? &kinds[i] : NULL;
}

const struct toolchain_kind *toolchain_kind_find(struct span name)
{
	for (size_t i = 0; i < RF_COUNT(kinds); i++)
		if (span_eq_text(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

const struct toolchain_kind *toolchain_kind_of_product(struct span purl)
{
	for (size_t i = 0; i < RF_COUNT(kinds); i++)
		if (kinds[i].product && span_eq_text(purl, kinds[i].product))
			return &kinds[i];
	return NULL;
}

const char *toolchain_kind_engine_file(const struct toolchain_kind *kind, const char *const *args, size_t arg_count)
{
	const char *file = kind->engine_file;
	if (strcmp(kind->name, "onnxruntime") != 0)
		return file;
	for (size_t i = 0; i < arg_count; i++) {   /* the last one counts, as in the driver */
		if (strcmp(args[i], "--format=ort") == 0)
			file = "model.ort";
		else if (strcmp(args[i], "--format=onnx") == 0)
			file = "model.onnx";
	}
	return file;
}
