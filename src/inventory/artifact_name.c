/*
 * What the names of engines say: the ecosystems around TensorRT write versions, batch sizes and devices there.
 *
 *   jetson-inference   MODEL.BATCH.FALLBACK.TENSORRT.DEVICE.PRECISION.engine   c/tensorNet.cpp
 *   DeepStream         MODEL_bN_gpuN_PRECISION.engine, _dlaN_                  nvdsinfer_model_builder.cpp
 *   ONNX Runtime       TensorrtExecutionProvider_..._smNN[+].engine, .profile, .encrypted
 *
 * A name is the weakest of claims: it fills what the content leaves open, and is never a reason to doubt the content.
 */
#include "inventory/artifact_int.h"

#define MAX_PARTS 32

static bool is_one_of(struct span s, const char *const *words)
{
	for (; *words; words++)
		if (span_eq_nocase(s, span_of(*words)))
			return true;
	return false;
}

static const char *const precisions[] = { "fp32", "fp16", "int8", "bf16", "fp8", "best", NULL };

/* NV_TENSORRT_VERSION of NvInferVersion.h: 8201 is 8.2.1; from 10 on, 100300 is 10.3.0. */
static void version_of(uint64_t n, char ret[32])
{
	if (n >= 10000)
		snprintf(ret, 32, "%u.%u.%u", (unsigned)(n / 10000), (unsigned)(n / 100 % 100), (unsigned)(n % 100));
	else
		snprintf(ret, 32, "%u.%u.%u", (unsigned)(n / 1000), (unsigned)(n / 100 % 10), (unsigned)(n % 100));
}

/* "8.2.1" and "8.2.1.9" are the same as far as they go. */
static bool agrees(const char *named, const char *real)
{
	size_t n = strlen(named);
	return strncmp(named, real, n) == 0 && (real[n] == '\0' || real[n] == '.');
}

static void version_named(struct artifact_reading *r, const char *version)
{
	struct artifact_facts *f = r->facts;
	if (!f->version[0]) {
		memcpy(f->version, version, strlen(version) + 1);
		f->version_source = ARTIFACT_VERSION_NAME;
	} else if (!agrees(version, f->version)) {
		artifact_note(r, "the name says TensorRT %s, the content %s: it was renamed or replaced", version,
			      f->version);
	}
}

static bool jetson_name(struct artifact_reading *r)
{
	struct span parts[MAX_PARTS], rest = r->name, part;
	size_t n = 0;
	uint64_t version;
	char text[32];
	while (n < MAX_PARTS && span_split(&rest, '.', &part))
		parts[n++] = part;
	if (n < 7 || n == MAX_PARTS || !span_eq_text(parts[n - 1], "engine") || !is_one_of(parts[n - 2], precisions) ||
	    (!span_starts(parts[n - 3], "GPU") && !span_starts(parts[n - 3], "DLA")) || parts[n - 4].n < 4 ||
	    parts[n - 4].n > 6 || !span_u64(parts[n - 4], &version) || !span_is_digits(parts[n - 5]) ||
	    !span_is_digits(parts[n - 6]))
		return false;
	version_of(version, text);
	version_named(r, text);
	artifact_note(r, "named as jetson-inference does: batch %.*s, %.*s, %.*s", SPAN_ARG(parts[n - 6]),
		      SPAN_ARG(parts[n - 3]), SPAN_ARG(parts[n - 2]));
	return true;
}

/* "_b1_gpu0_fp16.engine" */
static bool deepstream_name(struct artifact_reading *r)
{
	if (!span_ends(r->name, ".engine"))
		return false;
	struct span rest = span_sub(r->name, 0, r->name.n - 7), last[3] = { 0 };
	for (size_t i = 0; i < 3; i++) {
		size_t at = span_rfind_byte(rest, '_');
		if (at == SIZE_MAX)
			return false;
		last[i] = span_from(rest, at + 1);
		rest = span_sub(rest, 0, at);
	}
	bool device = span_starts(last[1], "gpu") || span_starts(last[1], "dla");
	if (!is_one_of(last[0], precisions) || !device || !span_is_digits(span_from(last[1], 3)) ||
	    !span_starts(last[2], "b") || !span_is_digits(span_from(last[2], 1)))
		return false;
	artifact_note(r, "named as DeepStream does: batch %.*s, %.*s, %.*s", SPAN_ARG(span_from(last[2], 1)),
		      SPAN_ARG(last[1]), SPAN_ARG(last[0]));
	return true;
}

/* "80" out of "..._sm80.engine", "..._sm80+.engine"; empty: none. */
static struct span sm_of(struct span name, bool *ret_plus)
{
	size_t dot = span_rfind_byte(name, '.'), at = span_rfind_byte(name, '_');
	struct span sm = span_starts(span_from(name, at + 1), "sm") && at != SIZE_MAX && dot != SIZE_MAX && at < dot
				 ? span_sub(name, at + 3, dot - at - 3)
				 : SPAN_NONE;
	*ret_plus = span_ends(sm, "+");
	sm = *ret_plus ? span_sub(sm, 0, sm.n - 1) : sm;
	return span_is_digits(sm) && sm.n <= 3 ? sm : SPAN_NONE;
}

static bool onnxruntime_name(struct artifact_reading *r)
{
	struct artifact_facts *f = r->facts;
	bool plus;
	struct span sm = sm_of(r->name, &plus);
	if (!span_starts(r->name, "TensorrtExecutionProvider_") &&
	    !(sm.n && span_find(r->name, SPAN("TRTKernel_graph")) != SIZE_MAX))
		return false;
	if (span_ends(r->name, ".encrypted"))
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "engine_encrypted",
				"an engine of ONNX Runtime's TensorRT cache, encrypted: what built it cannot be told");
	else if (span_ends(r->name, ".profile"))
		artifact_note(r, "shapes that an engine of ONNX Runtime's TensorRT cache was built for");
	else if (f->format)
		artifact_note(r, "named as ONNX Runtime's TensorRT cache does%s%.*s%s", sm.n ? ": built on sm_" : "",
			      SPAN_ARG(sm), plus ? ", runs on Ampere and later" : "");
	if (f->format && sm.n && !f->target[0])
		snprintf(f->target, sizeof f->target, "sm_%.*s", SPAN_ARG(sm));
	return true;
}

void artifact_name_read(struct artifact_reading *r)
{
	bool plan = strcmp(r->facts->kind, ARTIFACT_TENSORRT_PLAN) == 0;
	if (!plan && strcmp(r->facts->kind, ARTIFACT_TENSORRT_TIMING_CACHE) != 0 &&
	    strcmp(r->facts->kind, ARTIFACT_OTHER) != 0)
		return;
	if (!onnxruntime_name(r) && plan && !jetson_name(r))
		(void)deepstream_name(r);
}
