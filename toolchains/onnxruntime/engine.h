/*
 * engine - a model or engine file opened by ONNX Runtime, and what it says about itself.
 */
#ifndef REFORGE_ORT_ENGINE_H
#define REFORGE_ORT_ENGINE_H

#include "format/npy.h"
#include "library.h"

#define ENGINE_MAX_TENSORS 256

struct engine_tensor {
	char *name;                       /* ONNX Runtime's; hostile: only ever printed as JSON */
	enum npy_type type;               /* NPY_NONE: not a tensor, or of a type .npy cannot hold */
	const char *type_text;            /* "float32", "bfloat16", "string", "sequence" */
	size_t rank;
	int64_t shape[NPY_MAX_DIMS];      /* -1: free */
};

struct engine {
	const struct ort *ort;
	struct ort_session *session;
	size_t input_count, output_count;
	struct engine_tensor inputs[ENGINE_MAX_TENSORS], outputs[ENGINE_MAX_TENSORS];
};

struct engine_options {
	unsigned threads;                 /* at least 1 */
	bool deterministic;
	int level;                        /* ORT_LEVEL_*: what the runtime does on top of the file */
};

/* @path .onnx or .ort by content, whatever its name. RF_ENOTFOUND, RF_EINVALID (no regular file), what ONNX Runtime
 * says (library.h), RF_ETOOMANY (tensors, dimensions). Release in every case. */
RF_MUST_CHECK int engine_open(const struct ort *ort, const char *path, const struct engine_options *options, struct engine *ret,
			      struct err *err);
void engine_release(struct engine *e);

/* Session options as both building and running want them: one setting, two callers. The caller releases. */
RF_MUST_CHECK int engine_session_options(const struct ort *ort, const struct engine_options *options,
					 struct ort_session_options **ret, struct err *err);

/* Members `version`, `producer`, `inputs`, `outputs`, `stamps` of a reply. */
RF_MUST_CHECK int engine_describe(const struct engine *e, struct json_out *o, struct err *err);
/* The stamp @key of the file: ONNX Runtime's memory (ort_free), NULL when absent. */
RF_MUST_CHECK int engine_stamp(const struct engine *e, const char *key, char **ret, struct err *err);

/* ONNXTensorElementDataType -> ours; *ret_text is set for every number. */
enum npy_type engine_type(int onnx_type, const char **ret_text);
/* Ours -> ONNXTensorElementDataType; 0 for NPY_NONE. */
int engine_onnx_type(enum npy_type type);

#endif
