/*
 * report - what one response was: what, when, who, before and after, evidence, what is left. One model, three renderings.
 *
 * report_make() reads the database and the depot; the renderings are pure: (model, language) -> bytes. Every name in it is
 * hostile (file names, model outputs, advisory texts): HTML is escaped, Markdown is escaped, JSON is written by json.h.
 * The HTML is one file: inline CSS and SVG, no script, nothing loaded from anywhere; dark and light, printable.
 *
 * Languages: English; "zh-CN" Simplified Chinese with the words of design section 1. All texts stand in one table
 * (report_text.c). Evidence (engine names, reasons written by drivers) is never translated.
 */
#ifndef REFORGE_RESPONSE_REPORT_H
#define REFORGE_RESPONSE_REPORT_H

#include "base/arena.h"
#include "exposure/exposure.h"
#include "exposure/waiver.h"
#include "ledger/ledger.h"
#include "prove/prove.h"
#include "response/clock.h"
#include "response/incident.h"
#include "response/plan.h"
#include "response/task.h"

struct response_context;

enum report_language { REPORT_EN, REPORT_ZH_CN, REPORT_LANGUAGES };
bool report_language_read(struct span name, enum report_language *ret);   /* "en", "zh-CN" (also "zh") */
enum report_format { REPORT_HTML, REPORT_MARKDOWN, REPORT_JSON, REPORT_FORMATS };
bool report_format_read(struct span name, enum report_format *ret);       /* "html", "markdown" (also "md"), "json" */
const char *report_format_extension(enum report_format format);           /* "html", "md", "json" */

/* HTML of 20,000 engines with plots is about 60 MB. */
#define REPORT_MAX_BYTES (256 * MIB)

struct report_advisory {
	const char *id, *title, *severity, *source, *url;
	usec_t published_at;
	bool is_drill;
	const char *affected_text, *fixed_text;    /* as the source says them */
};
struct report_engine {
	struct task task;
	bool has_proof;
	struct prove_result proof;           /* only with has_proof */
	const char *build_isolation, *library_digest, *log_digest;   /* "" unknown */
	const char *release_path;            /* below the depot; "" when not published */
};
struct report_event {                        /* one point of the timeline */
	usec_t at;
	const char *kind, *subject, *actor, *text;
};
/* Many identical task records make no timeline: only incident, release, rollout, stage and failed or blocked tasks do. */
#define REPORT_MAX_EVENTS 400

struct report {
	const char *site, *generated_by;
	usec_t generated_at;
	struct incident incident;
	enum clock_stage stage;
	struct clock_row (*clocks)[CLOCK_STAGES];      /* per incident.environments[] */
	struct report_advisory *advisories;
	size_t advisory_count;
	struct exposure_stale *stale;                  /* feeds whose silence proves nothing, when the report was made */
	size_t stale_count;
	struct waiver *waivers;                        /* of its advisories, ended ones too */
	const char **waiver_texts;                     /* "waiver 3 until 2026-12-01 by …: … (service voice; in force)" */
	size_t waiver_count;
	struct report_engine *engines;                 /* current attempts */
	size_t engine_count;
	struct release_plan *releases;
	size_t release_count;
	struct plan_rest *rests;                       /* runtime carriers */
	size_t rest_count;
	struct report_event *events;                   /* by time */
	size_t event_count;
	bool events_cut;
	struct ledger_head ledger;
	const char *key_id;                            /* of the release key; "" unknown */
};
/* All in @a. RF_ENOTFOUND. */
RF_MUST_CHECK int report_make(const struct response_context *context, int64_t incident, struct arena *a, struct report *ret,
                              struct err *err);
/* Appends to @to; RF_ETOOBIG past its limit. Pure. */
RF_MUST_CHECK int report_render(const struct report *report, enum report_format format, enum report_language language,
                                struct str *to, struct err *err);
/* report_render() into <workspace>/reports/<incident>[.zh-CN].<extension>, replaced atomically; the path goes to @ret_path
 * of FS_PATH_MAX bytes. */
RF_MUST_CHECK int report_save(const struct response_context *context, const struct report *report, enum report_format format,
                              enum report_language language, char *ret_path, size_t size, struct err *err);
/* report_make() and report_save(). */
RF_MUST_CHECK int report_write(const struct response_context *context, int64_t incident, enum report_format format,
                               enum report_language language, char *ret_path, size_t size, struct err *err);

/* An engine's figures in words, for the renderings and the terminal; buffers of REPORT_FIGURE bytes. */
#define REPORT_FIGURE 64
/* Worst |difference| over all outputs: "0 (identical)", "3.1e-07"; "-" without a proof. */
const char *report_difference(const struct report_engine *e, char buffer[REPORT_FIGURE]);
/* "1.24 ms → 1.22 ms (-1.6 %)"; "-" without samples. */
const char *report_latency(const struct report_engine *e, char buffer[REPORT_FIGURE]);
/* "1.3 MiB → 1.3 MiB"; one size when there is no new engine. */
const char *report_size(const struct report_engine *e, char buffer[REPORT_FIGURE]);
/* "850 µs", "12.3 ms" */
const char *report_nanoseconds(double ns, char buffer[REPORT_FIGURE]);

#endif
