/* options - the table, and its use. */
#include "options.h"

enum action {
	TRANSLATE,       /* `to` and the value */
	DROP,            /* has no meaning any more */
	TRANSFORM,       /* gone: a change of the model takes its place */
	CODE,            /* gone: the model must be made anew */
	OURS,            /* the driver's own business */
};

/* A name is an option up to its '='. `from`: the first major version for which the row holds. */
static const struct row {
	const char *name;
	unsigned from;
	enum action action;
	const char *text;      /* TRANSLATE: the new option; else what to do instead */
} rows[] = {
	{ "--onnx", 0, OURS, "the recipe's source is the model" },
	{ "--saveEngine", 0, OURS, "the driver names the engine" },
	{ "--loadEngine", 0, OURS, "a build does not load engines" },
	{ "--exportTimes", 0, OURS, "nothing is exported" },
	{ "--exportOutput", 0, OURS, "nothing is exported" },
	{ "--exportProfile", 0, OURS, "nothing is exported" },
	{ "--exportLayerInfo", 0, OURS, "nothing is exported" },
	{ "--help", 0, OURS, "not an option of a build" },
	{ "--skipInference", 0, DROP, "always given by the driver" },
	{ "--buildOnly", 0, DROP, "always given by the driver" },

	{ "--workspace", 10, TRANSLATE, "--memPoolSize=workspace:" },
	{ "--minTiming", 10, DROP, "ended with 10; --avgTiming is left" },
	{ "--explicitBatch", 10, DROP, "always on from 10" },
	{ "--deploy", 10, CODE, "the Caffe parser ended with 10: export the model as ONNX" },
	{ "--model", 10, CODE, "the Caffe parser ended with 10: export the model as ONNX" },
	{ "--output", 10, CODE, "the Caffe and UFF parsers ended with 10: export the model as ONNX" },
	{ "--uff", 10, CODE, "the UFF parser ended with 10: export the model as ONNX" },
	{ "--uffInput", 10, CODE, "the UFF parser ended with 10: export the model as ONNX" },
	{ "--uffNHWC", 10, CODE, "the UFF parser ended with 10: export the model as ONNX" },
	{ "--batch", 10, CODE, "implicit batch ended with 10: give the batch in the model's shapes" },
	{ "--maxBatch", 10, CODE, "implicit batch ended with 10: give the batch in the model's shapes" },

	{ "--stronglyTyped", 11, DROP, "always on from 11" },
	{ "--fp16", 11, TRANSFORM, "make the model mixed-precision beforehand (modelopt.onnx.autocast)" },
	{ "--bf16", 11, TRANSFORM, "make the model mixed-precision beforehand (modelopt.onnx.autocast)" },
	{ "--best", 11, TRANSFORM, "give the model its precisions beforehand (ModelOpt AutoCast, Q/DQ)" },
	{ "--int8", 11, TRANSFORM, "quantise the model explicitly beforehand (ModelOpt Q/DQ)" },
	{ "--fp8", 11, TRANSFORM, "quantise the model explicitly beforehand (ModelOpt Q/DQ)" },
	{ "--int4", 11, TRANSFORM, "quantise the model explicitly beforehand (ModelOpt Q/DQ)" },
	{ "--calib", 11, TRANSFORM, "calibration caches ended with 11: use the calibration data in a Q/DQ transform" },
	{ "--precisionConstraints", 11, TRANSFORM, "give the layers their types in the model" },
	{ "--layerPrecisions", 11, TRANSFORM, "give the layers their types in the model" },
	{ "--layerOutputTypes", 11, TRANSFORM, "give the layers their types in the model" },
};

bool trtexec_version_read(struct span output, struct trtexec_version *ret)
{
	size_t at = span_find(output, SPAN("[TensorRT v"));
	if (at == SIZE_MAX)
		return false;
	struct span rest = span_from(output, at + strlen("[TensorRT v"));
	size_t end = span_find_byte(rest, ']');
	uint64_t n, build = 0;
	if (end == SIZE_MAX || !span_u64(span_sub(rest, 0, end), &n) || n < 1000 || n > 9999999)
		return false;
	/* NvInferVersion.h: a thousand a major version until 9, ten thousand from 10 on. */
	struct trtexec_version v = { 0 };
	unsigned per_major = n >= 100000 ? 10000 : 1000;
	v.major = (unsigned)(n / per_major);
	v.minor = (unsigned)(n % per_major / 100);
	v.patch = (unsigned)(n % 100);
	rest = span_from(rest, end + 1);
	if (span_starts(rest, " [b") && (end = span_find_byte(rest, ']')) != SIZE_MAX &&
	    span_u64(span_sub(rest, 3, end - 3), &build) && build < 100000)
		v.build = (unsigned)build;
	*ret = v;
	return true;
}

const char *trtexec_version_text(const struct trtexec_version *v, char buffer[32])
{
	if (v->build)
		snprintf(buffer, 32, "%u.%u.%u.%u", v->major % 1000, v->minor, v->patch, v->build);
	else
		snprintf(buffer, 32, "%u.%u.%u", v->major % 1000, v->minor, v->patch);
	return buffer;
}

bool trtexec_version_is_served(const struct trtexec_version *v)
{
	return v->major == 8 || v->major == 10 || v->major == 11;
}

static const struct row *find_row(struct span name, unsigned major)
{
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		if (span_eq_text(name, rows[i].name) && major >= rows[i].from)
			return &rows[i];
	return NULL;
}

struct making {
	const struct trtexec_version *version;
	struct arena *a;
	const char **options;
	size_t count;
	struct str *log;
};

static int add_option(struct making *m, const char *text, struct err *err)
{
	if (!text)
		return err_set(err, RF_ENOMEM, "trtexec options");
	if (m->count == OPTIONS_MAX)
		return err_set(err, RF_ETOOMANY, "more than %d options", OPTIONS_MAX);
	m->options[m->count++] = text;
	m->options[m->count] = NULL;
	return 0;
}

static int apply_row(struct making *m, const struct row *row, struct span arg, struct span value, struct err *err)
{
	switch (row->action) {
	case TRANSLATE: {
		const char *to = arena_printf(m->a, "%s%.*s", row->text, SPAN_ARG(value));
		str_addf(m->log, "reforge: %.*s is %s in TensorRT %u\n", SPAN_ARG(arg), to ? to : "", m->version->major);
		return add_option(m, to, err);
	}
	case DROP:
		str_addf(m->log, "reforge: %.*s dropped: %s\n", SPAN_ARG(arg), row->text);
		return 0;
	case TRANSFORM:
		return err_set(err, RF_EUNSUPPORTED, "transform needed: TensorRT %u has no %s: %s", m->version->major, row->name, row->text);
	case CODE:
		return err_set(err, RF_EUNSUPPORTED, "code change needed: TensorRT %u has no %s: %s", m->version->major, row->name,
			       row->text);
	case OURS:
		break;
	}
	return err_set(err, RF_EINVALID, "%s is not for a recipe: %s", row->name, row->text);
}

static int add_arg(struct making *m, struct span arg, struct err *err)
{
	if (!span_starts(arg, "--") || arg.n < 3 || arg.n > 4096 || span_find_byte(arg, '\0') != SIZE_MAX)
		return err_set(err, RF_EINVALID, "\"%.*s\" is no trtexec option", SPAN_ARG(span_sub(arg, 0, 100)));
	size_t equals = span_find_byte(arg, '=');
	struct span name = equals == SIZE_MAX ? arg : span_sub(arg, 0, equals);
	struct span value = equals == SIZE_MAX ? SPAN_NONE : span_from(arg, equals + 1);
	const struct row *row = find_row(name, m->version->major);
	return row ? apply_row(m, row, arg, value, err) : add_option(m, arena_text(m->a, arg), err);
}

/* Building without a measurement: the name changed with 8.6. */
static const char *build_only(const struct trtexec_version *v)
{
	return v->major == 8 && v->minor < 6 ? "--buildOnly" : "--skipInference";
}

int options_make(const struct trtexec_version *version, const char *source, const char *engine, const struct span *args,
		 size_t arg_count, struct arena *a, const char *ret[OPTIONS_MAX + 1], struct str *ret_log, struct err *err)
{
	struct making m = { version, a, ret, 0, ret_log };
	int rc = add_option(&m, arena_printf(a, "--onnx=%s", source), err);
	if (rc == 0)
		rc = add_option(&m, arena_printf(a, "--saveEngine=%s", engine), err);
	if (rc == 0)
		rc = add_option(&m, build_only(version), err);
	for (size_t i = 0; i < arg_count && rc == 0; i++) {
		rc = add_arg(&m, args[i], err);
		if (rc != 0)
			(void)err_in_field(err, "args[%zu]", i);
	}
	return rc;
}
