/*
 * A report as one HTML file: inline CSS and SVG, no script, nothing loaded. Pure. Every name goes through
 * str_add_html(). A Content-Security-Policy in the page forbids what the page does not need, in case an escape were
 * ever wrong.
 */
#include "response/report_text.h"

struct html {
	struct str *to;
	enum report_language l;
};

static const char STYLE[] =
	":root{color-scheme:light "
	"dark;--bg:#fff;--fg:#1b1f24;--dim:#5b6570;--line:#d8dee4;--card:#f6f8fa;--good:#1a7f37;"
	"--bad:#cf222e;--warn:#9a6700;--old:#8c959f;--new:#0969da;--drill:#bf3989}"
	"@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#8b949e;--line:#30363d;--card:#161b22;"
	"--good:#3fb950;"
	"--bad:#f85149;--warn:#d29922;--old:#6e7681;--new:#58a6ff;--drill:#db61a2}}"
	"*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,'Noto Sans "
	"CJK SC',sans-serif}"
	"main{max-width:1180px;margin:0 auto;padding:24px 20px 60px}h1{font-size:26px;margin:8px 0 "
	"4px;overflow-wrap:anywhere}"
	"h2{font-size:19px;margin:34px 0 10px;padding-bottom:4px;border-bottom:1px solid var(--line)}p{margin:6px 0}"
	".dim{color:var(--dim)}.stale{border-left:4px solid var(--warn);padding-left:10px}.drill{background:var(--drill);color:#fff;padding:8px "
	"14px;border-radius:6px;font-weight:600}"
	".tag{display:inline-block;border:1px solid var(--drill);color:var(--drill);border-radius:4px;padding:0 "
	"5px;font-size:11px}"
	".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:18px 0}"
	".card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px}"
	".card b{display:block;font-size:24px;line-height:1.25}.card span{color:var(--dim);font-size:13px}"
	".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13.5px}"
	"th,td{text-align:left;vertical-align:top;padding:6px 9px;border-bottom:1px solid "
	"var(--line)}th{color:var(--dim);font-weight:600;"
	"white-space:nowrap}td{overflow-wrap:break-word}code{font:12.5px/1.4 "
	"ui-monospace,monospace}.num{white-space:nowrap}"
	".good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}svg text{fill:var(--fg);font:12px "
	"system-ui,sans-serif}"
	"svg .dim{fill:var(--dim)}details{margin:6px 0;border:1px solid var(--line);border-radius:6px;padding:6px "
	"12px}summary{cursor:pointer}"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;font-size:13.5px;margin:8px "
	"0}dt{color:var(--dim)}"
	"dd{margin:0;overflow-wrap:anywhere}@media print{:root{color-scheme:light}main{max-width:none;padding:0}"
	"details{break-inside:avoid}h2{break-after:avoid}tr{break-inside:avoid}}";

static const char *w(const struct html *h, enum report_word word)
{
	return report_word(h->l, word);
}

static void raw(struct html *h, const char *s)
{
	str_add_text(h->to, s);
}

static void text(struct html *h, struct span s)
{
	str_add_html(h->to, s);
}

static void text_z(struct html *h, const char *s)
{
	str_add_html(h->to, span_of(s));
}

static void cell(struct html *h, struct span s)
{
	raw(h, "<td>");
	text(h, s);
}

static void cell_z(struct html *h, const char *s)
{
	cell(h, span_of(s));
}

static void heading(struct html *h, enum report_word word)
{
	str_addf(h->to, "<h2>%s</h2>\n", w(h, word));
}

static void table(struct html *h, const enum report_word *words, size_t n)
{
	raw(h, "<div class=\"wide\"><table><thead><tr>");
	for (size_t i = 0; i < n; i++)
		str_addf(h->to, "<th>%s", w(h, words[i]));
	raw(h, "</thead><tbody>\n");
}
#define TABLE(h, ...)                                         \
	table((h), (const enum report_word[]){ __VA_ARGS__ }, \
	      sizeof((const enum report_word[]){ __VA_ARGS__ }) / sizeof(enum report_word))

static void table_end(struct html *h)
{
	raw(h, "</tbody></table></div>\n");
}

static const char *clock_colour(enum clock_result r)
{
	return r == CLOCK_MET                         ? "good"
	       : r == CLOCK_MISSED || r == CLOCK_LATE ? "bad"
	       : r == CLOCK_RUNNING                   ? "warn"
						      : "dim";
}

static const char *task_colour(enum task_state s)
{
	return s == TASK_PROVEN ? "good" : s == TASK_FAILED ? "bad" : s == TASK_BLOCKED ? "warn" : "dim";
}

static const char *judgement_colour(enum judgement j)
{
	return j == JUDGEMENT_PASS ? "good" : j == JUDGEMENT_FAIL ? "bad" : "warn";
}

static void drill_tag(struct html *h, bool is_drill)
{
	if (is_drill)
		str_addf(h->to, " <span class=\"tag\">%s</span>", w(h, W_DRILL));
}

/* ── head ── */

static void begin(struct html *h, const struct report *r)
{
	const struct incident *i = &r->incident;
	str_addf(h->to, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
		 report_language_tag(h->l));
	raw(h,
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
	str_addf(h->to, "%s%s%s: ", i->is_drill ? w(h, W_DRILL) : "", i->is_drill ? " · " : "", w(h, W_TITLE));
	text(h, i->name);
	str_addf(h->to, "</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n", STYLE);
	if (i->is_drill)
		str_addf(h->to, "<p class=\"drill\">%s — %s</p>\n", w(h, W_DRILL), w(h, W_DRILL_LONG));
	str_addf(h->to, "<p class=\"dim\">reforge · %s</p>\n<h1>", w(h, W_TITLE));
	text(h, i->name);
	raw(h, "</h1>\n");
}

static void facts(struct html *h, const struct report *r)
{
	const struct incident *i = &r->incident;
	char t[TIME_TEXT_BYTES];
	str_addf(h->to, "<dl><dt>%s<dd>%lld · %s%s · %s: %s", w(h, W_INCIDENT), (long long)i->id,
		 incident_state_name(i->state), i->is_backlog ? " · " : "", w(h, W_STAGE),
		 clock_stage_title(r->stage, h->l == REPORT_ZH_CN));
	if (i->is_backlog)
		str_addf(h->to, " · %s", w(h, W_BACKLOG));
	str_addf(h->to, "<dt>%s<dd>", w(h, W_SITE));
	text_z(h, r->site);
	str_addf(h->to, "<dt>%s<dd>%s (%s ", w(h, W_T0), time_text(i->t0, t), w(h, W_T0_FROM));
	text(h, i->t0_source);
	str_addf(h->to, ")<dt>%s<dd>%s", w(h, W_PUBLISHED), time_text(i->published_at, t));
	str_addf(h->to, "<dt>%s<dd>%s %s ", w(h, W_OPENED), time_text(i->opened_at, t), w(h, W_BY));
	text(h, i->opened_by);
	raw(h, "</dl>\n");
}

static void card(struct html *h, const char *colour, long long n, long long m, const char *label)
{
	if (m < 0)
		str_addf(h->to, "<div class=\"card\"><b class=\"%s\">%lld</b><span>%s</span></div>", colour, n, label);
	else
		str_addf(h->to, "<div class=\"card\"><b class=\"%s\">%lld / %lld</b><span>%s</span></div>", colour, n,
			 m, label);
}

static void cards(struct html *h, const struct report *r)
{
	int64_t tasks = 0, proven = 0, failed = 0, blocked = 0, published = 0, releases = 0, met = 0, judged = 0;
	for (size_t i = 0; i < r->incident.environment_count; i++) {
		const struct incident_environment *e = &r->incident.environments[i];
		tasks += e->tasks;
		proven += e->proven;
		failed += e->failed;
		blocked += e->blocked;
		releases += e->releases;
		published += e->published;
		for (int s = 0; s < CLOCK_STAGES; s++) {
			enum clock_result c = r->clocks[i][s].result;
			judged += c == CLOCK_MET || c == CLOCK_MISSED || c == CLOCK_LATE;
			met += c == CLOCK_MET;
		}
	}
	raw(h, "<div class=\"cards\">");
	card(h, proven == tasks ? "good" : "", proven, tasks, w(h, W_PROVEN));
	card(h, published == releases ? "good" : "", published, releases, w(h, W_RELEASES_PUBLISHED));
	card(h, met == judged ? "good" : "bad", met, judged, w(h, W_CLOCKS));
	card(h, failed ? "bad" : "dim", failed, -1, w(h, W_FAILED));
	card(h, blocked ? "warn" : "dim", blocked, -1, w(h, W_BLOCKED));
	raw(h, "</div>\n");
}

/* ── clocks ── */

/* One bar a stage: its whole length is the limit, what is filled the time taken; an overrun is full and says by how
 * much. */
static void clock_svg(struct html *h, const struct report *r, size_t environment)
{
	str_addf(h->to, "<svg role=\"img\" viewBox=\"0 0 1000 %d\" width=\"100%%\" aria-label=\"%s\">",
		 CLOCK_STAGES * 34 + 4, w(h, W_CLOCK_TIMELINE));
	for (int s = 0; s < CLOCK_STAGES; s++) {
		const struct clock_row *c = &r->clocks[environment][s];
		char elapsed[TIME_TEXT_BYTES], limit[TIME_TEXT_BYTES];
		double share = c->limit_usec > 0 ? (double)c->elapsed_usec / (double)c->limit_usec : 1;
		share = RF_MIN(RF_MAX(share, 0.0), 1.0);
		int y = s * 34 + 4;
		str_addf(h->to, "<text x=\"0\" y=\"%d\">%s</text>", y + 17,
			 clock_stage_title(c->stage, h->l == REPORT_ZH_CN));
		str_addf(h->to,
			 "<rect x=\"150\" y=\"%d\" width=\"430\" height=\"24\" rx=\"4\" fill=\"var(--card)\" "
			 "stroke=\"var(--line)\"/>",
			 y);
		if (c->result != CLOCK_NOTHING)
			str_addf(h->to,
				 "<rect x=\"150\" y=\"%d\" width=\"%.1f\" height=\"24\" rx=\"4\" fill=\"var(--%s)\" "
				 "opacity=\".75\"/>",
				 y, RF_MAX(share * 430, 2.0),
				 c->result == CLOCK_RUNNING ? "warn" : clock_colour(c->result));
		str_addf(h->to,
			 "<text x=\"594\" y=\"%d\">%s</text><text class=\"dim\" x=\"690\" y=\"%d\">%s %s %s</text>",
			 y + 17, report_clock_word(h->l, c->result), y + 17, duration_text(c->elapsed_usec, elapsed),
			 w(h, W_OF), duration_text(c->limit_usec, limit));
		str_addf(h->to, "<text class=\"dim\" x=\"900\" y=\"%d\">%lld %s %lld</text>", y + 17, (long long)c->n,
			 w(h, W_OF), (long long)c->m);
	}
	raw(h, "</svg>\n");
}

static void clocks(struct html *h, const struct report *r)
{
	heading(h, W_CLOCK_TIMELINE);
	for (size_t i = 0; i < r->incident.environment_count; i++) {
		str_addf(h->to, "<p><b>%s: ", w(h, W_ENVIRONMENT));
		text(h, r->incident.environments[i].environment);
		raw(h, "</b></p>\n");
		clock_svg(h, r, i);
		TABLE(h, W_STAGE, W_DUE, W_REACHED, W_RESULT);
		for (int s = 0; s < CLOCK_STAGES; s++) {
			const struct clock_row *c = &r->clocks[i][s];
			char due[TIME_TEXT_BYTES], reached[TIME_TEXT_BYTES];
			str_addf(h->to, "<tr><td>%s<td>%s<td>%s<td class=\"%s\">%s\n",
				 clock_stage_title(c->stage, h->l == REPORT_ZH_CN), time_text(c->due_at, due),
				 time_text(c->reached_at, reached), clock_colour(c->result),
				 report_clock_word(h->l, c->result));
		}
		table_end(h);
	}
}

/* ── advisories ── */

static void advisories(struct html *h, const struct report *r)
{
	heading(h, W_ADVISORIES);
	TABLE(h, W_ADVISORY, W_WHAT, W_SEVERITY, W_AFFECTED, W_FIXED, W_SOURCE, W_PUBLISHED);
	for (size_t i = 0; i < r->advisory_count; i++) {
		const struct report_advisory *a = &r->advisories[i];
		char t[TIME_TEXT_BYTES];
		raw(h, "<tr>");
		cell_z(h, a->id);
		drill_tag(h, a->is_drill);
		cell_z(h, a->title);
		cell_z(h, a->severity);
		cell_z(h, a->affected_text);
		cell_z(h, a->fixed_text);
		cell_z(h, a->source);
		if (*a->url) {
			raw(h, "<br><span class=\"dim\">");
			text_z(h, a->url);
			raw(h, "</span>");
		}
		cell_z(h, time_text(a->published_at, t));
		raw(h, "\n");
	}
	table_end(h);
	for (size_t i = 0; i < r->stale_count; i++) {
		raw(h, "<p class=\"stale\"><strong>");
		raw(h, w(h, W_STALE));
		raw(h, "</strong>: ");
		char t[TIME_TEXT_BYTES];
		text(h, r->stale[i].feed);
		if (r->stale[i].as_of != USEC_NONE)
			str_addf(h->to, " (%s %s)", w(h, W_AS_OF), time_text(r->stale[i].as_of, t));
		raw(h, ": ");
		text(h, r->stale[i].words);
		raw(h, "</p>\n");
	}
	for (size_t i = 0; i < r->waiver_count; i++) {
		str_addf(h->to, "<p class=\"stale\"><strong>%s</strong>: ", w(h, W_WAIVED));
		text_z(h, r->waiver_texts[i]);
		raw(h, "</p>\n");
	}
}

/* ── engines ── */

/* 5 %, 25 %, 50 %, 75 %, 95 % of one side: a line, a box, a mark. Quantiles stand every 5 %. */
static void spread_row(struct html *h, const struct prove_latency *l, double low, double high, int y,
		       const char *colour)
{
	static const int at[5] = { 1, 5, 10, 15, 19 };
	double x[5];
	for (int i = 0; i < 5; i++)
		x[i] = 4 + ((double)l->quantiles_ns[at[i]] - low) / RF_MAX(high - low, 1.0) * 152;
	str_addf(h->to, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"var(--%s)\"/>", x[0], x[4], y, y,
		 colour);
	str_addf(h->to, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"10\" fill=\"var(--%s)\" opacity=\".55\"/>",
		 x[1], y - 5, RF_MAX(x[3] - x[1], 1.0), colour);
	str_addf(h->to, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"var(--fg)\" stroke-width=\"2\"/>",
		 x[2], x[2], y - 6, y + 6);
}

static void spread(struct html *h, const struct report_engine *e)
{
	const struct prove_latency *o = &e->proof.old_latency, *n = &e->proof.new_latency;
	if (!e->has_proof || n->samples == 0) {
		return;
	}
	double low = (double)n->quantiles_ns[1], high = (double)n->quantiles_ns[19];
	if (o->samples) {
		low = RF_MIN(low, (double)o->quantiles_ns[1]);
		high = RF_MAX(high, (double)o->quantiles_ns[19]);
	}
	char a[REPORT_FIGURE], b[REPORT_FIGURE];
	str_addf(h->to,
		 "<br><svg role=\"img\" width=\"160\" height=\"40\" viewBox=\"0 0 160 40\"><title>%s – %s</title>",
		 report_nanoseconds(low, a), report_nanoseconds(high, b));
	if (o->samples)
		spread_row(h, o, low, high, 11, "old");
	spread_row(h, n, low, high, 29, "new");
	raw(h, "</svg>");
}

static void digests(struct html *h, const struct task *t)
{
	raw(h, "<td class=\"num\"><code title=\"");
	text(h, t->engine_digest);
	raw(h, "\">");
	text(h, span_sub(t->engine_digest, 0, 12));
	raw(h, "</code>");
	if (t->new_digest.n) {
		raw(h, "<br>→ <code title=\"");
		text(h, t->new_digest);
		raw(h, "\">");
		text(h, span_sub(t->new_digest, 0, 12));
		raw(h, "</code>");
	}
}

static void versions(struct html *h, const struct task *t)
{
	raw(h, "<td class=\"num\">");
	text(h, t->toolchain);
	raw(h, "<br>");
	text(h, t->from_version.n ? t->from_version : span_of(w(h, W_UNKNOWN)));
	if (t->to_version.n) {
		raw(h, " → ");
		text(h, t->to_version);
	}
}

static void engine_row(struct html *h, const struct report_engine *e)
{
	const struct task *t = &e->task;
	char figure[REPORT_FIGURE];
	raw(h, "<tr>");
	cell(h, t->service);
	raw(h, "<br><span class=\"dim\">");
	text(h, t->environment);
	raw(h, "</span>");
	cell(h, t->model);
	drill_tag(h, t->is_drill);
	raw(h, "<br><span class=\"dim\">");
	text(h, t->target);
	str_addf(h->to, "</span><td class=\"%s\">%s", task_colour(t->state), report_task_word(h->l, t->state));
	if (t->attempt > 1)
		str_addf(h->to, "<br><span class=\"dim\">%s %d</span>", w(h, W_ATTEMPT), t->attempt);
	versions(h, t);
	digests(h, t);
	str_addf(h->to, "<td class=\"num\">%s", report_size(e, figure));
	str_addf(h->to, "<td class=\"num\">%s", report_difference(e, figure));
	str_addf(h->to, "<td class=\"num\">%s", report_latency(e, figure));
	spread(h, e);
	raw(h, "\n");
}

static void engines(struct html *h, const struct report *r)
{
	heading(h, W_BEFORE_AFTER);
	str_addf(h->to,
		 "<p class=\"dim\"><span style=\"color:var(--old)\">■</span> %s &nbsp; <span "
		 "style=\"color:var(--new)\">■</span> %s &nbsp; %s</p>\n",
		 w(h, W_OLD), w(h, W_NEW), w(h, W_SPREAD));
	TABLE(h, W_SERVICE, W_ENGINE, W_STATE, W_TOOLCHAIN, W_DIGEST, W_SIZE, W_NUMERIC, W_LATENCY);
	for (size_t i = 0; i < r->engine_count; i++)
		engine_row(h, &r->engines[i]);
	table_end(h);
}

/* ── evidence ── */

static void pair(struct html *h, enum report_word word, struct span value)
{
	if (!value.n)
		return;
	str_addf(h->to, "<dt>%s<dd>", w(h, word));
	text(h, value);
}

static void pair_code(struct html *h, enum report_word word, struct span value)
{
	if (!value.n)
		return;
	str_addf(h->to, "<dt>%s<dd><code>", w(h, word));
	text(h, value);
	raw(h, "</code>");
}

static void outputs(struct html *h, const struct prove_result *p)
{
	TABLE(h, W_OUTPUT, W_JUDGEMENT, W_MAX_ABS, W_MAX_REL, W_COSINE, W_IDENTICAL, W_RULE);
	for (size_t i = 0; i < p->outputs_n; i++) {
		const struct prove_output *o = &p->outputs[i];
		const struct numeric *n = &o->numeric;
		raw(h, "<tr><td><code>");
		text_z(h, o->name);
		str_addf(h->to,
			 "</code><td class=\"%s\">%s<td class=\"num\">%.3g<td class=\"num\">%.3g<td class=\"num\">",
			 judgement_colour(o->judgement), judgement_name(o->judgement), n->max_abs, n->max_rel);
		if (n->cosine_tensors)
			str_addf(h->to, "%.9g", n->min_cosine);
		else
			raw(h, "-");
		str_addf(h->to, "<td class=\"num\">%llu / %llu", (unsigned long long)n->identical,
			 (unsigned long long)n->elements);
		cell_z(h, o->text);
		raw(h, "\n");
	}
	table_end(h);
}

static void engine_evidence(struct html *h, const struct report_engine *e)
{
	const struct task *t = &e->task;
	char hex[DIGEST_HEX];
	raw(h, "<details><summary>");
	text(h, t->service);
	raw(h, " / ");
	text(h, t->model);
	raw(h, " / ");
	text(h, t->target);
	raw(h, "</summary><dl>");
	pair(h, W_REASON, t->reason);
	pair(h, W_OWNER, t->owner);
	pair_code(h, W_OLD, t->engine_path);
	pair_code(h, W_OLD, t->engine_digest);
	pair_code(h, W_NEW, t->new_digest);
	pair_code(h, W_RECIPE_BUILD, t->build_digest);
	pair_code(h, W_RECIPE_PROOF, t->proof_digest);
	pair_code(h, W_LIBRARY, span_of(e->library_digest));
	pair_code(h, W_LOG, span_of(e->log_digest));
	pair(h, W_ISOLATION, span_of(e->build_isolation));
	pair_code(h, W_PATH, span_of(e->release_path));
	if (e->has_proof) {
		pair(h, W_JUDGEMENT, span_of(e->proof.reason));
		pair(h, W_LATENCY, span_of(e->proof.performance_text));
		pair_code(h, W_INPUTS, span_of(digest_hex(&e->proof.inputs_digest, hex)));
		pair_code(h, W_PROOF, span_of(digest_hex(&e->proof.proof, hex)));
	}
	raw(h, "</dl>");
	if (e->has_proof && e->proof.outputs_n)
		outputs(h, &e->proof);
	raw(h, "</details>\n");
}

static void evidence(struct html *h, const struct report *r)
{
	heading(h, W_EVIDENCE);
	for (size_t i = 0; i < r->engine_count; i++)
		engine_evidence(h, &r->engines[i]);
}

/* ── releases, what is left, events ── */

static void releases(struct html *h, const struct report *r)
{
	heading(h, W_RELEASES);
	TABLE(h, W_SERVICE, W_ENVIRONMENT, W_RELEASE, W_PARENT, W_PUBLISHED, W_STATE);
	for (size_t i = 0; i < r->release_count; i++) {
		const struct release_plan *p = &r->releases[i];
		char t[TIME_TEXT_BYTES];
		raw(h, "<tr>");
		cell(h, p->service);
		cell(h, p->environment);
		cell(h, p->release);
		drill_tag(h, p->is_drill);
		cell(h, p->parent.n ? p->parent : span_of(w(h, W_NONE)));
		cell_z(h, time_text(p->published_at, t));
		if (p->published_at != USEC_NONE)
			str_addf(h->to, "<td class=\"good\">%s", w(h, W_CANDIDATE));
		else {
			raw(h, "<td class=\"warn\">");
			text(h, p->held_reason.n ? p->held_reason : span_of(w(h, W_NOT_PUBLISHED)));
		}
		raw(h, "\n");
	}
	table_end(h);
}

static size_t left_engines(struct html *h, const struct report *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->engine_count; i++) {
		const struct task *t = &r->engines[i].task;
		if (t->state == TASK_PROVEN)
			continue;
		if (n++ == 0)
			TABLE(h, W_SERVICE, W_ENGINE, W_STATE, W_REASON, W_OWNER);
		raw(h, "<tr>");
		cell(h, t->service);
		cell(h, t->model);
		drill_tag(h, t->is_drill);
		str_addf(h->to, "<td class=\"%s\">%s", task_colour(t->state), report_task_word(h->l, t->state));
		cell(h, t->reason);
		cell(h, t->owner);
		raw(h, "\n");
	}
	if (n)
		table_end(h);
	return n;
}

static void left_runtimes(struct html *h, const struct report *r)
{
	str_addf(h->to, "<p><b>%s</b></p>\n", w(h, W_RUNTIMES));
	TABLE(h, W_SERVICE, W_ENVIRONMENT, W_COMPONENT, W_ADVISORY, W_WHAT, W_OWNER);
	for (size_t i = 0; i < r->rest_count; i++) {
		const struct plan_rest *p = &r->rests[i];
		raw(h, "<tr>");
		cell_z(h, p->service);
		cell_z(h, p->environment);
		cell_z(h, p->component);
		cell_z(h, p->advisory);
		cell_z(h, p->text);
		cell_z(h, p->owner);
		raw(h, "\n");
	}
	table_end(h);
}

static void left(struct html *h, const struct report *r)
{
	heading(h, W_LEFT);
	size_t n = left_engines(h, r) + r->rest_count;
	if (r->rest_count)
		left_runtimes(h, r);
	size_t pending = 0;
	for (size_t i = 0; i < r->release_count; i++)
		pending += r->releases[i].published_at != USEC_NONE;
	if (pending && r->stage < CLOCK_STAGES)
		str_addf(h->to, "<p>%s: %zu</p>\n", w(h, W_ROLLOUTS), pending);
	if (n + pending == 0)
		str_addf(h->to, "<p>%s</p>\n", w(h, W_NOTHING_LEFT));
}

static void events(struct html *h, const struct report *r)
{
	heading(h, W_EVENTS);
	TABLE(h, W_WHEN, W_WHAT, W_WHO, W_EVIDENCE);
	for (size_t i = 0; i < r->event_count; i++) {
		const struct report_event *e = &r->events[i];
		char t[TIME_TEXT_BYTES];
		str_addf(h->to, "<tr><td class=\"num\">%s", time_text(e->at, t));
		cell_z(h, e->kind);
		cell_z(h, e->actor);
		cell_z(h, e->text);
		raw(h, "\n");
	}
	table_end(h);
	if (r->events_cut)
		str_addf(h->to, "<p class=\"dim\">%s</p>\n", w(h, W_EVENTS_CUT));
}

static void end(struct html *h, const struct report *r)
{
	char hex[DIGEST_HEX], t[TIME_TEXT_BYTES];
	heading(h, W_LEDGER);
	str_addf(h->to, "<p>%lld %s <code>%s</code></p>\n<p>%s <code>%s</code></p>\n<p class=\"dim\">%s</p>\n",
		 (long long)r->ledger.size, w(h, W_LEDGER_TEXT), digest_hex(&r->ledger.head, hex), w(h, W_SIGNED_WITH),
		 r->key_id, w(h, W_VERIFY));
	str_addf(h->to, "<p class=\"dim\">%s %s · ", w(h, W_GENERATED), time_text(r->generated_at, t));
	text_z(h, r->generated_by);
	raw(h, "</p>\n</main>\n</body>\n</html>\n");
}

int report_html(const struct report *r, enum report_language language, struct str *to)
{
	struct html h = { to, language };
	begin(&h, r);
	facts(&h, r);
	cards(&h, r);
	clocks(&h, r);
	advisories(&h, r);
	engines(&h, r);
	releases(&h, r);
	left(&h, r);
	evidence(&h, r);
	events(&h, r);
	end(&h, r);
	return 0;
}
