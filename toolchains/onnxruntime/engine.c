/* engine - sessions and metadata over the C API. */
#include "engine.h"

#include "base/fs.h"

#include <unistd.h>

/* ONNXTensorElementDataType in its own order (onnxruntime_c_api.h) */
static const struct {
	enum npy_type type;
	const char *text;
} element_types[] = {
	{ NPY_NONE, "undefined" }, { NPY_F32, "float32" },     { NPY_U8, "uint8" },        { NPY_I8, "int8" },
	{ NPY_U16, "uint16" },     { NPY_I16, "int16" },       { NPY_I32, "int32" },       { NPY_I64, "int64" },
	{ NPY_NONE, "string" },    { NPY_BOOL, "bool" },       { NPY_F16, "float16" },     { NPY_F64, "float64" },
	{ NPY_U32, "uint32" },     { NPY_U64, "uint64" },      { NPY_NONE, "complex64" },  { NPY_NONE, "complex128" },
	{ NPY_NONE, "bfloat16" },  { NPY_NONE, "float8e4m3fn" }, { NPY_NONE, "float8e4m3fnuz" }, { NPY_NONE, "float8e5m2" },
	{ NPY_NONE, "float8e5m2fnuz" }, { NPY_NONE, "uint4" }, { NPY_NONE, "int4" },
};

/* ONNXType */
static const char *const value_types[] = { "unknown", "tensor", "sequence", "map", "opaque", "sparse tensor", "optional" };

enum npy_type engine_type(int onnx_type, const char **ret_text)
{
	if (onnx_type < 0 || (size_t)onnx_type >= RF_COUNT(element_types)) {
		*ret_text = "unknown";
		return NPY_NONE;
	}
	*ret_text = element_types[onnx_type].text;
	return element_types[onnx_type].type;
}

int engine_onnx_type(enum npy_type type)
{
	for (size_t i = 1; type != NPY_NONE && i < RF_COUNT(element_types); i++)
		if (element_types[i].type == type)
			return (int)i;
	return 0;
}

int engine_session_options(const struct ort *ort, const struct engine_options *options, struct ort_session_options **ret,
			   struct err *err)
{
	const struct ort_functions *call = &ort->call;
	struct ort_session_options *o = NULL;
	int rc = ort_check(ort, call->CreateSessionOptions(&o), err);
	if (rc == 0)
		rc = ort_check(ort, call->SetIntraOpNumThreads(o, (int)options->threads), err);
	if (rc == 0)
		rc = ort_check(ort, call->SetInterOpNumThreads(o, 1), err);
	if (rc == 0)
		rc = ort_check(ort, call->SetSessionLogSeverityLevel(o, ORT_LOG_WARNING), err);
	if (rc == 0)
		rc = ort_check(ort, call->SetSessionGraphOptimizationLevel(o, options->level), err);
	/* Waiting threads must not burn the core on which the other version is being measured. */
	if (rc == 0 && options->threads > 1)
		rc = ort_check(ort, call->AddSessionConfigEntry(o, "session.intra_op.allow_spinning", "0"), err);
	if (rc == 0 && options->deterministic && call->SetDeterministicCompute)
		rc = ort_check(ort, call->SetDeterministicCompute(o, true), err);
	if (rc == 0)
		*ret = o;
	else if (o)
		call->ReleaseSessionOptions(o);
	return rc;
}

/* "ORTM" behind the root offset: FlatBuffer file identifier of ort.fbs. */
static int detect_format(const char *path, const char **ret, struct err *err)
{
	int fd;
	int rc = fs_open_regular(path, false, &fd, NULL, err);
	if (rc != 0)
		return rc;
	char head[8] = { 0 };
	size_t n = 0;
	rc = fs_pread(fd, head, sizeof head, 0, &n, err);
	close(fd);
	*ret = n == sizeof head && memcmp(head + 4, "ORTM", 4) == 0 ? "ORT" : "ONNX";
	return rc;
}

static int read_tensor_type(const struct ort *ort, const struct ort_type_info *info, struct engine_tensor *t, struct err *err)
{
	const struct ort_functions *call = &ort->call;
	int kind = 0;
	int rc = ort_check(ort, call->GetOnnxTypeFromTypeInfo(info, &kind), err);
	if (rc != 0)
		return rc;
	if (kind != ORT_TYPE_TENSOR) {
		t->type_text = value_types[kind > 0 && (size_t)kind < RF_COUNT(value_types) ? kind : 0];
		return 0;
	}
	const struct ort_tensor_info *shape = NULL;
	int element = 0;
	rc = ort_check(ort, call->CastTypeInfoToTensorInfo(info, &shape), err);
	if (rc == 0)
		rc = ort_check(ort, call->GetTensorElementType(shape, &element), err);
	if (rc == 0)
		rc = ort_check(ort, call->GetDimensionsCount(shape, &t->rank), err);
	if (rc == 0 && t->rank > NPY_MAX_DIMS)
		rc = err_set(err, RF_ETOOMANY, "a tensor of %zu dimensions; %d are the most", t->rank, NPY_MAX_DIMS);
	if (rc == 0)
		rc = ort_check(ort, call->GetDimensions(shape, t->shape, t->rank), err);
	if (rc == 0)
		t->type = engine_type(element, &t->type_text);
	return rc;
}

static int read_tensors(struct engine *e, bool output, struct err *err)
{
	const struct ort_functions *call = &e->ort->call;
	struct engine_tensor *tensors = output ? e->outputs : e->inputs;
	size_t *count = output ? &e->output_count : &e->input_count, n = 0;
	int rc = ort_check(e->ort, (output ? call->SessionGetOutputCount : call->SessionGetInputCount)(e->session, &n), err);
	if (rc == 0 && n > ENGINE_MAX_TENSORS)
		rc = err_set(err, RF_ETOOMANY, "%zu %s; %d are the most", n, output ? "outputs" : "inputs", ENGINE_MAX_TENSORS);
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct engine_tensor *t = &tensors[i];
		struct ort_type_info *info = NULL;
		rc = ort_check(e->ort, (output ? call->SessionGetOutputName : call->SessionGetInputName)(e->session, i,
								e->ort->allocator, &t->name), err);
		if (rc != 0)
			break;
		*count = i + 1;
		rc = ort_check(e->ort, (output ? call->SessionGetOutputTypeInfo : call->SessionGetInputTypeInfo)(e->session, i, &info),
			       err);
		if (rc == 0)
			rc = read_tensor_type(e->ort, info, t, err);
		if (info)
			call->ReleaseTypeInfo(info);
	}
	return rc;
}

int engine_open(const struct ort *ort, const char *path, const struct engine_options *options, struct engine *ret, struct err *err)
{
	*ret = (struct engine){ .ort = ort };
	const char *format;
	int rc = detect_format(path, &format, err);
	if (rc != 0)
		return rc;
	struct ort_session_options *o = NULL;
	rc = engine_session_options(ort, options, &o, err);
	if (rc == 0)
		rc = ort_check(ort, ort->call.AddSessionConfigEntry(o, "session.load_model_format", format), err);
	if (rc == 0)
		rc = ort_check(ort, ort->call.CreateSession(ort->env, path, o, &ret->session), err);
	if (o)
		ort->call.ReleaseSessionOptions(o);
	if (rc == 0)
		rc = read_tensors(ret, false, err);
	if (rc == 0)
		rc = read_tensors(ret, true, err);
	return rc == 0 ? 0 : err_in_file(err, path);
}

void engine_release(struct engine *e)
{
	for (size_t i = 0; i < e->input_count; i++)
		ort_free(e->ort, e->inputs[i].name);
	for (size_t i = 0; i < e->output_count; i++)
		ort_free(e->ort, e->outputs[i].name);
	if (e->session)
		e->ort->call.ReleaseSession(e->session);
	*e = (struct engine){ 0 };
}

static const char *const stamp_keys[] = { "reforge.toolchain", "reforge.toolchain.version", "reforge.target",
					  "reforge.recipe",    "reforge.build",             "reforge.source" };

static int lookup(const struct engine *e, const char *key /* NULL: the producer's name */, char **ret, struct err *err)
{
	const struct ort_functions *call = &e->ort->call;
	struct ort_metadata *metadata = NULL;
	char *value = NULL;
	int rc = ort_check(e->ort, call->SessionGetModelMetadata(e->session, &metadata), err);
	if (rc == 0)
		rc = ort_check(e->ort, key ? call->ModelMetadataLookupCustomMetadataMap(metadata, e->ort->allocator, key, &value) :
					     call->ModelMetadataGetProducerName(metadata, e->ort->allocator, &value), err);
	if (metadata)
		call->ReleaseModelMetadata(metadata);
	if (rc == 0)
		*ret = value;
	return rc;
}

int engine_stamp(const struct engine *e, const char *key, char **ret, struct err *err)
{
	return lookup(e, key, ret, err);
}

static void describe_tensors(const struct engine_tensor *tensors, size_t count, struct json_out *o)
{
	json_array(o);
	for (size_t i = 0; i < count; i++) {
		json_object(o);
		json_member(o, "name", tensors[i].name);
		json_member(o, "type", tensors[i].type_text);
		json_key(o, "shape");
		json_array(o);
		for (size_t d = 0; d < tensors[i].rank; d++)
			json_put_i64(o, tensors[i].shape[d] < 0 ? -1 : tensors[i].shape[d]);
		json_array_end(o);
		json_object_end(o);
	}
	json_array_end(o);
}

int engine_describe(const struct engine *e, struct json_out *o, struct err *err)
{
	json_member(o, "version", e->ort->version);
	char *text = NULL;
	int rc = lookup(e, NULL, &text, err);
	if (rc != 0)
		return rc;
	json_member(o, "producer", text ? text : "");
	ort_free(e->ort, text);
	json_key(o, "inputs");
	describe_tensors(e->inputs, e->input_count, o);
	json_key(o, "outputs");
	describe_tensors(e->outputs, e->output_count, o);
	json_key(o, "stamps");
	json_object(o);
	for (size_t i = 0; i < RF_COUNT(stamp_keys) && rc == 0; i++) {
		text = NULL;
		rc = engine_stamp(e, stamp_keys[i], &text, err);
		if (rc == 0 && text)
			json_member(o, stamp_keys[i], text);
		ort_free(e->ort, text);
	}
	json_object_end(o);
	return rc;
}
