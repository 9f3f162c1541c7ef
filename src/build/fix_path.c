/* fix_path - choosing the version, and the rules of the road to it. */
#include "build/fix_path.h"

#include "base/str.h"
#include "version/range.h"
#include "version/scheme.h"

const char *fix_mark_name(enum fix_mark m)
{
	static const char *const names[] = { "as-is", "transform needed", "plugin rebuild", "code change",
					     "no path on this platform" };
	return (unsigned)m < RF_COUNT(names) ? names[m] : "?";
}

/* ── the version ─────────────────────────────────────────────────────────────────────────────────────────────────── */

struct choice {
	const struct scheme *scheme;
	struct span from;
	const struct fix_advisory *advisories;
	size_t advisory_count;
};

/* Why @version does not cure: NULL when it does. */
static const struct fix_advisory *obstacle(const struct choice *c, struct span version, enum range_answer *ret)
{
	for (size_t i = 0; i < c->advisory_count; i++) {
		*ret = range_contains(c->advisories[i].affected, version);
		if (*ret != RANGE_OUT)
			return &c->advisories[i];
	}
	return NULL;
}

static bool better(const struct choice *c, struct span candidate, struct span best)
{
	/* Never below what built the engine: an older version that happens to be outside the range brings older flaws. */
	enum version_order to_from = version_compare(c->scheme, candidate, c->from);
	if (to_from != VERSION_GREATER && to_from != VERSION_EQUAL)
		return false;
	return best.n == 0 || version_compare(c->scheme, candidate, best) == VERSION_LESS;
}

static struct span smallest_at_hand(const struct choice *c, const struct span *versions, size_t n, struct str *passed_over)
{
	struct span best = SPAN_NONE;
	for (size_t i = 0; i < n; i++) {
		enum range_answer answer = RANGE_OUT;
		if (!obstacle(c, versions[i], &answer) && better(c, versions[i], best))
			best = versions[i];
	}
	for (size_t i = 0; i < n; i++) {
		enum range_answer answer = RANGE_OUT;
		const struct fix_advisory *a = obstacle(c, versions[i], &answer);
		bool smaller = best.n == 0 || version_compare(c->scheme, versions[i], best) == VERSION_LESS;
		if (a && smaller && version_compare(c->scheme, versions[i], c->from) != VERSION_LESS)
			str_addf(passed_over, "%s%.*s (%s %s)", passed_over->n ? ", " : "", SPAN_ARG(versions[i]),
				 answer == RANGE_IN ? "affected by" : "cannot be told for", a->id);
	}
	return best;
}

static struct span smallest_stated(const struct choice *c)
{
	struct span best = SPAN_NONE;
	for (size_t i = 0; i < c->advisory_count; i++)
		for (size_t j = 0; j < c->advisories[i].fixed_count; j++) {
			struct span v = c->advisories[i].fixed[j];
			enum range_answer answer;
			if (version_is_readable(c->scheme, v) && !obstacle(c, v, &answer) && better(c, v, best))
				best = v;
		}
	/* vendors write "v11.0"; people and packages say 11.0 */
	bool prefixed = best.n > 1 && (best.p[0] == 'v' || best.p[0] == 'V') && span_is_digits(span_sub(best, 1, 1));
	return prefixed ? span_from(best, 1) : best;
}

static bool first_part(const struct scheme *scheme, struct span version, uint64_t *ret)
{
	struct version_key key;
	if (!version_read(scheme, version, &key))
		return false;
	*ret = key.parts[0];
	return true;
}

static const char *explain(const struct choice *c, const struct fix_version *v, const struct str *passed_over, struct arena *a)
{
	RF_AUTO(str) s = STR_INIT(64 * KIB);
	const char *which = c->advisory_count == 1 ? c->advisories[0].id : "none of the advisories";
	const char *verb = c->advisory_count == 1 ? "does not affect" : "affects";
	if (v->at_hand)
		str_addf(&s, "%s is the smallest version at hand that %s %s", v->to, which, verb);
	else if (v->to)
		str_addf(&s, "%s is the smallest version stated as fixed that %s %s; it is not at hand", v->to, which, verb);
	else
		str_add_text(&s, "no version at hand is free of the flaw, and none is stated as fixed");
	if (passed_over->n > 0)
		str_addf(&s, "; passed over: %s", str_text(passed_over));
	if (!v->at_hand && c->advisory_count > 1)
		for (size_t i = 0; i < c->advisory_count && i < 8; i++) {
			const struct fix_advisory *f = &c->advisories[i];
			str_addf(&s, "%s %s needs ", i ? "," : ";", f->id);
			str_add(&s, f->fixed_count ? f->fixed[0] : SPAN("a fix that is not stated"));
		}
	return s.failed ? NULL : arena_text(a, str_span(&s));
}

static int check_versions(const struct scheme *scheme, struct span from, const struct span *at_hand, size_t n, struct err *err)
{
	if (!version_is_readable(scheme, from))
		return err_set(err, RF_EINVALID, "\"%.*s\" is no version of scheme %s", SPAN_ARG(from), scheme->name);
	for (size_t i = 0; i < n; i++)
		if (!version_is_readable(scheme, at_hand[i]))
			return err_set(err, RF_EINVALID, "\"%.*s\" is no version of scheme %s", SPAN_ARG(at_hand[i]), scheme->name);
	return 0;
}

int fix_path_version(const struct toolchain_kind *kind, struct span from, const struct span *at_hand, size_t at_hand_count,
		     const struct fix_advisory *advisories, size_t advisory_count, struct arena *a, struct fix_version *ret,
		     struct err *err)
{
	const struct scheme *scheme = scheme_find(span_of(kind->scheme));
	if (!scheme)
		return err_set(err, RF_EINTERNAL, "no version scheme %s", kind->scheme);
	if (advisory_count > FIX_PATH_MAX_ADVISORIES || at_hand_count > FIX_PATH_MAX_VERSIONS)
		return err_set(err, RF_ETOOMANY, "at most %d advisories and %d versions", FIX_PATH_MAX_ADVISORIES,
			       FIX_PATH_MAX_VERSIONS);
	int rc = check_versions(scheme, from, at_hand, at_hand_count, err);
	if (rc != 0)
		return rc;
	struct choice c = { scheme, from, advisories, advisory_count };
	RF_AUTO(str) passed_over = STR_INIT(32 * KIB);
	struct span here = smallest_at_hand(&c, at_hand, at_hand_count, &passed_over);
	struct span stated = smallest_stated(&c);
	struct fix_version v = { .from = arena_text(a, from), .at_hand = here.n > 0 };
	struct span to = here.n > 0 ? here : stated;
	v.to = to.n > 0 ? arena_text(a, to) : NULL;
	v.needed = stated.n > 0 ? arena_text(a, stated) : NULL;
	uint64_t major_from = 0, major_to = 0;
	if (to.n > 0 && first_part(scheme, from, &major_from) && first_part(scheme, to, &major_to))
		v.major_jump = major_from != major_to;
	v.why = explain(&c, &v, &passed_over, a);
	if (!v.from || !v.why || (to.n > 0 && !v.to) || (stated.n > 0 && !v.needed))
		return err_set(err, RF_ENOMEM, "fix path");
	*ret = v;
	return 0;
}

/* ── what the way asks of a recipe ───────────────────────────────────────────────────────────────────────────────── */

struct judging {
	uint64_t from, to;                    /* major versions */
	struct span to_version;
	const struct scheme *scheme;
	const struct fix_recipe *recipe;
	struct arena *a;
	struct fix_judgement *ret;
	enum fix_mark marks[FIX_MAX_REASONS];
	bool out_of_memory;
};

static void add_reason(struct judging *j, enum fix_mark mark, const char *text)
{
	if (!text)
		j->out_of_memory = true;
	if (!text || j->ret->reason_count == FIX_MAX_REASONS)
		return;
	size_t at = j->ret->reason_count++;
	while (at > 0 && j->marks[at - 1] < mark) {   /* most serious first, else in order found */
		j->marks[at] = j->marks[at - 1];
		j->ret->reasons[at] = j->ret->reasons[at - 1];
		at--;
	}
	j->marks[at] = mark;
	j->ret->reasons[at] = text;
	j->ret->mark = j->marks[0];
}

/* trtexec options by the major version in which they ended (NVIDIA: migration/tensorrt-10x-to-11x-trtexec, 8x-to-10x). */
static const struct gone {
	const char *arg;               /* the whole option, or with '=' its beginning */
	uint64_t in;                   /* first major version without it */
	enum fix_mark mark;
	const char *instead;
} tensorrt_gone[] = {
	{ "--uff=", 10, FIX_CODE_CHANGE, "the UFF parser is gone: export the model as ONNX" },
	{ "--uffInput=", 10, FIX_CODE_CHANGE, "the UFF parser is gone: export the model as ONNX" },
	{ "--deploy=", 10, FIX_CODE_CHANGE, "the Caffe parser is gone: export the model as ONNX" },
	{ "--model=", 10, FIX_CODE_CHANGE, "the Caffe parser is gone: export the model as ONNX" },
	{ "--batch=", 10, FIX_CODE_CHANGE, "implicit batch is gone: give the batch in the model's shapes" },
	{ "--maxBatch=", 10, FIX_CODE_CHANGE, "implicit batch is gone: give the batch in the model's shapes" },
	{ "--fp16", 11, FIX_TRANSFORM_NEEDED, "mixed precision is made in the model beforehand (ModelOpt AutoCast)" },
	{ "--bf16", 11, FIX_TRANSFORM_NEEDED, "mixed precision is made in the model beforehand (ModelOpt AutoCast)" },
	{ "--best", 11, FIX_TRANSFORM_NEEDED, "precision is made in the model beforehand (ModelOpt AutoCast, Q/DQ)" },
	{ "--int8", 11, FIX_TRANSFORM_NEEDED, "quantisation is explicit Q/DQ in the model (ModelOpt)" },
	{ "--fp8", 11, FIX_TRANSFORM_NEEDED, "quantisation is explicit Q/DQ in the model (ModelOpt)" },
	{ "--int4", 11, FIX_TRANSFORM_NEEDED, "quantisation is explicit Q/DQ in the model (ModelOpt)" },
	{ "--calib=", 11, FIX_TRANSFORM_NEEDED, "calibration caches are not read any more; the calibration data serve a transform" },
	{ "--precisionConstraints=", 11, FIX_TRANSFORM_NEEDED, "layer precisions are made in the model beforehand" },
	{ "--layerPrecisions=", 11, FIX_TRANSFORM_NEEDED, "layer precisions are made in the model beforehand" },
	{ "--layerOutputTypes=", 11, FIX_TRANSFORM_NEEDED, "layer output types are made in the model beforehand" },
};

static const char *const plugin_args[] = { "--plugins=", "--staticPlugins=", "--dynamicPlugins=", "--setPluginsToSerialize=" };

static bool arg_is(struct span arg, const char *row)
{
	size_t n = strlen(row);
	return row[n - 1] == '=' ? span_starts(arg, row) : span_eq_text(arg, row);
}

static void judge_arg(struct judging *j, struct span arg)
{
	for (size_t i = 0; i < RF_COUNT(tensorrt_gone); i++) {
		const struct gone *g = &tensorrt_gone[i];
		if (arg_is(arg, g->arg) && j->from < g->in && j->to >= g->in)
			add_reason(j, g->mark, arena_printf(j->a, "%.*s ended with TensorRT %llu: %s", SPAN_ARG(arg),
							    (unsigned long long)g->in, g->instead));
	}
	for (size_t i = 0; i < RF_COUNT(plugin_args); i++)
		if (arg_is(arg, plugin_args[i]) && j->from != j->to)
			add_reason(j, FIX_PLUGIN_REBUILD,
				   arena_printf(j->a, "%.*s: plugins must be compiled against TensorRT %llu%s", SPAN_ARG(arg),
						(unsigned long long)j->to,
						j->to >= 11 ? ", those on IPluginV2 are to be rewritten to IPluginV3" : ""));
}

static bool uses_dla(const struct fix_recipe *r)
{
	for (size_t i = 0; i < r->arg_count; i++)
		if (strncmp(r->args[i], "--useDLACore", 12) == 0)
			return true;
	return false;
}

/* NVIDIA's support matrices: a target decides which fix exists. Orin is sm_87, Thor sm_101 or sm_110, both aarch64. */
static void judge_platform(struct judging *j)
{
	struct span target = j->recipe->target;
	bool orin = span_eq_text(target, "linux-aarch64/sm_87");
	bool thor = span_eq_text(target, "linux-aarch64/sm_101") || span_eq_text(target, "linux-aarch64/sm_110");
	bool before_jetpack = version_compare(j->scheme, j->to_version, SPAN("11.4.1")) == VERSION_LESS;
	if ((orin || thor) && j->to >= 11 && j->from < 11) {
		if (before_jetpack)
			add_reason(j, FIX_NO_PATH,
				   arena_printf(j->a, "%.*s: TensorRT %.*s does not support JetPack; 11.4.1 is the first 11.x that does, "
						"with JetPack 7.2.2", SPAN_ARG(target), SPAN_ARG(j->to_version)));
		else
			add_reason(j, FIX_CODE_CHANGE,
				   arena_printf(j->a, "%.*s: needs JetPack 7.2.2 or later on the device; JetPack 6.x has no 11.x",
						SPAN_ARG(target)));
	}
	if (!uses_dla(j->recipe))
		return;
	bool gone = version_compare(j->scheme, j->to_version, SPAN("10.8")) != VERSION_LESS && (before_jetpack || !orin);
	if (gone)
		add_reason(j, FIX_NO_PATH,
			   arena_printf(j->a, "--useDLACore: the last 10.x with DLA is 10.7; of 11.x only 11.4.1 and later on AGX Orin, "
					"not %.*s", SPAN_ARG(j->to_version)));
}

int fix_path_judge(const struct toolchain_kind *kind, struct span from, struct span to, const struct fix_recipe *recipe,
		   struct arena *a, struct fix_judgement *ret, struct err *err)
{
	const struct scheme *scheme = scheme_find(span_of(kind->scheme));
	if (!scheme)
		return err_set(err, RF_EINTERNAL, "no version scheme %s", kind->scheme);
	*ret = (struct fix_judgement){ .mark = FIX_AS_IS };
	struct judging j = { .to_version = to, .scheme = scheme, .recipe = recipe, .a = a, .ret = ret };
	if (!first_part(scheme, from, &j.from) || !first_part(scheme, to, &j.to))
		return err_set(err, RF_EINVALID, "\"%.*s\" or \"%.*s\" is no version of scheme %s", SPAN_ARG(from), SPAN_ARG(to),
			       scheme->name);
	if (strcmp(kind->name, "tensorrt") != 0)
		return 0;   /* ONNX Runtime keeps its options over all of 1.x */
	for (size_t i = 0; i < recipe->arg_count; i++)
		judge_arg(&j, span_of(recipe->args[i]));
	judge_platform(&j);
	return j.out_of_memory ? err_set(err, RF_ENOMEM, "fix path") : 0;
}
