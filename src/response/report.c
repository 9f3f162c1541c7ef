/* Words, figures and formats of a report. Pure; report.h is the manual. */
#include "response/report.h"

#include "response/report_text.h"

static const char *const WORDS[REPORT_WORD_COUNT][REPORT_LANGUAGES] = {
#define X(id, english, chinese) [id] = { english, chinese },
	REPORT_WORDS(X)
#undef X
};

const char *report_word(enum report_language language, enum report_word word)
{
	return WORDS[word][language];
}

const char *report_language_tag(enum report_language language)
{
	return language == REPORT_ZH_CN ? "zh-CN" : "en";
}

const char *report_task_word(enum report_language language, enum task_state state)
{
	static const enum report_word words[TASK_STATES] = {
		[TASK_PLANNED] = W_PLANNED,     [TASK_BUILDING] = W_BUILDING, [TASK_BUILT] = W_BUILT,
		[TASK_PROVEN] = W_STATE_PROVEN, [TASK_FAILED] = W_FAILED,     [TASK_BLOCKED] = W_BLOCKED,
	};
	return report_word(language, words[state]);
}

const char *report_clock_word(enum report_language language, enum clock_result result)
{
	static const enum report_word words[] = {
		[CLOCK_NOTHING] = W_NOTHING, [CLOCK_RUNNING] = W_RUNNING, [CLOCK_LATE] = W_LATE,
		[CLOCK_MET] = W_MET,         [CLOCK_MISSED] = W_MISSED,
	};
	return report_word(language, words[result]);
}

bool report_language_read(struct span name, enum report_language *ret)
{
	if (span_eq_text(name, "en"))
		*ret = REPORT_EN;
	else if (span_eq_text(name, "zh-CN") || span_eq_text(name, "zh"))
		*ret = REPORT_ZH_CN;
	else
		return false;
	return true;
}

bool report_format_read(struct span name, enum report_format *ret)
{
	if (span_eq_text(name, "html"))
		*ret = REPORT_HTML;
	else if (span_eq_text(name, "markdown") || span_eq_text(name, "md"))
		*ret = REPORT_MARKDOWN;
	else if (span_eq_text(name, "json"))
		*ret = REPORT_JSON;
	else
		return false;
	return true;
}

const char *report_format_extension(enum report_format format)
{
	static const char *const extensions[REPORT_FORMATS] = { "html", "md", "json" };
	return (unsigned)format < REPORT_FORMATS ? extensions[format] : "";
}

const char *report_difference(const struct report_engine *e, char buffer[REPORT_FIGURE])
{
	if (!e->has_proof || e->proof.outputs_n == 0) {
		snprintf(buffer, REPORT_FIGURE, "-");
		return buffer;
	}
	double worst = 0;
	bool identical = true;
	for (size_t i = 0; i < e->proof.outputs_n; i++) {
		const struct numeric *n = &e->proof.outputs[i].numeric;
		worst = RF_MAX(worst, n->max_abs);
		identical &= n->identical == n->elements && !n->nan_differs && !n->inf_differs &&
			     !n->shape_mismatches && !n->type_mismatches;
	}
	if (identical)
		snprintf(buffer, REPORT_FIGURE, "0 (identical)");
	else
		snprintf(buffer, REPORT_FIGURE, "%.2g", worst);
	return buffer;
}

const char *report_nanoseconds(double ns, char buffer[REPORT_FIGURE])
{
	if (ns < 1e6)
		snprintf(buffer, REPORT_FIGURE, "%.0f µs", ns / 1e3);
	else if (ns < 1e9)
		snprintf(buffer, REPORT_FIGURE, "%.2f ms", ns / 1e6);
	else
		snprintf(buffer, REPORT_FIGURE, "%.2f s", ns / 1e9);
	return buffer;
}

const char *report_latency(const struct report_engine *e, char buffer[REPORT_FIGURE])
{
	char old_text[REPORT_FIGURE], new_text[REPORT_FIGURE];
	const struct prove_latency *o = &e->proof.old_latency, *n = &e->proof.new_latency;
	if (!e->has_proof || n->samples == 0)
		snprintf(buffer, REPORT_FIGURE, "-");
	else if (o->samples == 0 || o->p50_ns == 0)
		snprintf(buffer, REPORT_FIGURE, "%.30s", report_nanoseconds((double)n->p50_ns, new_text));
	else
		snprintf(buffer, REPORT_FIGURE, "%.20s → %.20s (%+.1f %%)",
			 report_nanoseconds((double)o->p50_ns, old_text),
			 report_nanoseconds((double)n->p50_ns, new_text),
			 ((double)n->p50_ns / (double)o->p50_ns - 1) * 100);
	return buffer;
}

const char *report_size(const struct report_engine *e, char buffer[REPORT_FIGURE])
{
	char old_text[32], new_text[32];
	if (e->task.new_bytes)
		snprintf(buffer, REPORT_FIGURE, "%s → %s", text_bytes((uint64_t)e->task.engine_bytes, old_text),
			 text_bytes((uint64_t)e->task.new_bytes, new_text));
	else
		snprintf(buffer, REPORT_FIGURE, "%s", text_bytes((uint64_t)e->task.engine_bytes, old_text));
	return buffer;
}

int report_render(const struct report *r, enum report_format format, enum report_language language, struct str *to,
		  struct err *err)
{
	int rc = 0;
	if (format == REPORT_HTML)
		rc = report_html(r, language, to);
	else if (format == REPORT_MARKDOWN)
		rc = report_markdown(r, language, to);
	else
		rc = report_json(r, to);
	return rc ? err_set(err, rc, "the report could not be written") : str_check(to, "report", err);
}
