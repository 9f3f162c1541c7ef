/* A report as Markdown (CommonMark with GitHub's tables). Pure. Names are hostile: escaped so that they stay in their
 * cell. */
#include "response/report_text.h"

struct md {
	struct str *to;
	enum report_language l;
};

static const char *w(const struct md *m, enum report_word word)
{
	return report_word(m->l, word);
}

/* Text that can neither end a cell nor become markup, HTML or a link. */
static void text(struct md *m, struct span s)
{
	RF_AUTO(str) visible = STR_INIT(256 * KIB);
	str_add_visible(&visible, s);
	struct span v = str_span(&visible);
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		if (c == '<')
			str_add_text(m->to, "&lt;");
		else if (c == '>')
			str_add_text(m->to, "&gt;");
		else if (c == '&')
			str_add_text(m->to, "&amp;");
		else if (strchr("\\`*_[]#!|~", c))
			str_addf(m->to, "\\%c", c);
		else
			str_add_byte(m->to, c);
	}
}

static void text_z(struct md *m, const char *s)
{
	text(m, span_of(s));
}

static void cell(struct md *m, struct span s)
{
	str_add_text(m->to, " ");
	text(m, s);
	str_add_text(m->to, " |");
}

static void cell_z(struct md *m, const char *s)
{
	cell(m, span_of(s));
}

static void head(struct md *m, const enum report_word *words, size_t n)
{
	str_add_text(m->to, "|");
	for (size_t i = 0; i < n; i++)
		str_addf(m->to, " %s |", w(m, words[i]));
	str_add_text(m->to, "\n|");
	for (size_t i = 0; i < n; i++)
		str_add_text(m->to, "---|");
	str_add_text(m->to, "\n");
}
#define HEAD(m, ...)                                         \
	head((m), (const enum report_word[]){ __VA_ARGS__ }, \
	     sizeof((const enum report_word[]){ __VA_ARGS__ }) / sizeof(enum report_word))

static void title(struct md *m, const struct report *r)
{
	const struct incident *i = &r->incident;
	char t[TIME_TEXT_BYTES];
	str_add_text(m->to, "# ");
	if (i->is_drill)
		str_addf(m->to, "%s · ", w(m, W_DRILL));
	str_addf(m->to, "%s: ", w(m, W_TITLE));
	text(m, i->name);
	str_add_text(m->to, "\n\n");
	if (i->is_drill)
		str_addf(m->to, "> **%s** — %s\n\n", w(m, W_DRILL), w(m, W_DRILL_LONG));
	str_addf(m->to, "- %s %lld: %s; %s: %s\n", w(m, W_INCIDENT), (long long)i->id, incident_state_name(i->state),
		 w(m, W_STAGE), clock_stage_title(r->stage, m->l == REPORT_ZH_CN));
	str_addf(m->to, "- %s: ", w(m, W_SITE));
	text_z(m, r->site);
	str_addf(m->to, "\n- %s: %s (%s ", w(m, W_T0), time_text(i->t0, t), w(m, W_T0_FROM));
	text(m, i->t0_source);
	str_addf(m->to, ")%s%s\n", i->is_backlog ? ", " : "", i->is_backlog ? w(m, W_BACKLOG) : "");
	str_addf(m->to, "- %s: %s\n", w(m, W_PUBLISHED), time_text(i->published_at, t));
	str_addf(m->to, "- %s: %s %s ", w(m, W_OPENED), time_text(i->opened_at, t), w(m, W_BY));
	text(m, i->opened_by);
	str_add_text(m->to, "\n\n");
}

static void advisories(struct md *m, const struct report *r)
{
	str_addf(m->to, "## %s\n\n", w(m, W_ADVISORIES));
	HEAD(m, W_ADVISORY, W_WHAT, W_SEVERITY, W_AFFECTED, W_FIXED, W_SOURCE, W_PUBLISHED);
	for (size_t i = 0; i < r->advisory_count; i++) {
		const struct report_advisory *a = &r->advisories[i];
		char t[TIME_TEXT_BYTES];
		str_add_text(m->to, "|");
		cell_z(m, a->id);
		cell_z(m, a->title);
		cell_z(m, a->severity);
		cell_z(m, a->affected_text);
		cell_z(m, a->fixed_text);
		cell_z(m, a->source);
		cell_z(m, time_text(a->published_at, t));
		str_add_text(m->to, "\n");
	}
	str_add_text(m->to, "\n");
	for (size_t i = 0; i < r->stale_count; i++) {
		str_addf(m->to, "- **%s**: ", w(m, W_STALE));
		char t[TIME_TEXT_BYTES];
		text(m, r->stale[i].feed);
		if (r->stale[i].as_of != USEC_NONE)
			str_addf(m->to, " (%s %s)", w(m, W_AS_OF), time_text(r->stale[i].as_of, t));
		str_add_text(m->to, ": ");
		text(m, r->stale[i].words);
		str_add_text(m->to, i + 1 == r->stale_count ? "\n\n" : "\n");
	}
	for (size_t i = 0; i < r->waiver_count; i++) {
		str_addf(m->to, "- **%s**: ", w(m, W_WAIVED));
		text(m, span_of(r->waiver_texts[i]));
		str_add_text(m->to, i + 1 == r->waiver_count ? "\n\n" : "\n");
	}
}

static void clocks(struct md *m, const struct report *r)
{
	str_addf(m->to, "## %s\n\n", w(m, W_CLOCK_TIMELINE));
	HEAD(m, W_ENVIRONMENT, W_STAGE, W_DUE, W_REACHED, W_RESULT, W_ENGINES);
	for (size_t i = 0; i < r->incident.environment_count; i++) {
		for (int s = 0; s < CLOCK_STAGES; s++) {
			const struct clock_row *c = &r->clocks[i][s];
			char due[TIME_TEXT_BYTES], reached[TIME_TEXT_BYTES], elapsed[TIME_TEXT_BYTES],
				limit[TIME_TEXT_BYTES], counts[64];
			str_add_text(m->to, "|");
			cell(m, r->incident.environments[i].environment);
			cell_z(m, clock_stage_title(c->stage, m->l == REPORT_ZH_CN));
			cell_z(m, time_text(c->due_at, due));
			cell_z(m, time_text(c->reached_at, reached));
			str_addf(m->to, " %s (%s %s %s) |", report_clock_word(m->l, c->result),
				 duration_text(c->elapsed_usec, elapsed), w(m, W_OF),
				 duration_text(c->limit_usec, limit));
			snprintf(counts, sizeof counts, "%lld %s %lld", (long long)c->n, w(m, W_OF), (long long)c->m);
			cell_z(m, counts);
			str_add_text(m->to, "\n");
		}
	}
	str_add_text(m->to, "\n");
}

static void versions(struct md *m, const struct task *t)
{
	str_add_text(m->to, " ");
	text(m, t->toolchain);
	str_add_text(m->to, " ");
	text(m, t->from_version.n ? t->from_version : span_of(w(m, W_UNKNOWN)));
	if (t->to_version.n) {
		str_add_text(m->to, " → ");
		text(m, t->to_version);
	}
	str_add_text(m->to, " |");
}

static void engines(struct md *m, const struct report *r)
{
	str_addf(m->to, "## %s\n\n", w(m, W_BEFORE_AFTER));
	HEAD(m, W_SERVICE, W_ENGINE, W_TARGET, W_STATE, W_TOOLCHAIN, W_DIGEST, W_SIZE, W_NUMERIC, W_LATENCY);
	for (size_t i = 0; i < r->engine_count; i++) {
		const struct report_engine *e = &r->engines[i];
		const struct task *t = &e->task;
		char figure[REPORT_FIGURE];
		str_add_text(m->to, "|");
		cell(m, t->service);
		cell(m, t->model);
		cell(m, t->target);
		str_addf(m->to, " %s%s%s |", report_task_word(m->l, t->state), t->is_drill ? " · " : "",
			 t->is_drill ? w(m, W_DRILL) : "");
		versions(m, t);
		str_addf(m->to, " `%.*s`%s%.*s%s |", SPAN_ARG(t->engine_digest), t->new_digest.n ? " → `" : "",
			 SPAN_ARG(t->new_digest), t->new_digest.n ? "`" : "");
		cell_z(m, report_size(e, figure));
		cell_z(m, report_difference(e, figure));
		cell_z(m, report_latency(e, figure));
		str_add_text(m->to, "\n");
	}
	str_add_text(m->to, "\n");
}

static void releases(struct md *m, const struct report *r)
{
	str_addf(m->to, "## %s\n\n", w(m, W_RELEASES));
	HEAD(m, W_SERVICE, W_ENVIRONMENT, W_RELEASE, W_PUBLISHED, W_STATE);
	for (size_t i = 0; i < r->release_count; i++) {
		const struct release_plan *p = &r->releases[i];
		char t[TIME_TEXT_BYTES];
		str_add_text(m->to, "|");
		cell(m, p->service);
		cell(m, p->environment);
		cell(m, p->release);
		cell_z(m, time_text(p->published_at, t));
		if (p->published_at != USEC_NONE)
			cell_z(m, w(m, W_CANDIDATE));
		else
			cell(m, p->held_reason.n ? p->held_reason : span_of(w(m, W_NOT_PUBLISHED)));
		str_add_text(m->to, "\n");
	}
	str_add_text(m->to, "\n");
}

static void left(struct md *m, const struct report *r)
{
	size_t n = 0;
	str_addf(m->to, "## %s\n\n", w(m, W_LEFT));
	for (size_t i = 0; i < r->engine_count; i++) {
		const struct task *t = &r->engines[i].task;
		if (t->state == TASK_PROVEN)
			continue;
		str_add_text(m->to, "- ");
		text(m, t->service);
		str_add_text(m->to, "/");
		text(m, t->model);
		str_addf(m->to, ": %s", report_task_word(m->l, t->state));
		if (t->reason.n) {
			str_add_text(m->to, " — ");
			text(m, t->reason);
		}
		if (t->owner.n) {
			str_addf(m->to, " (%s: ", w(m, W_OWNER));
			text(m, t->owner);
			str_add_text(m->to, ")");
		}
		str_add_text(m->to, "\n");
		n++;
	}
	for (size_t i = 0; i < r->rest_count; i++, n++) {
		const struct plan_rest *p = &r->rests[i];
		str_addf(m->to, "- %s: ", w(m, W_RUNTIMES));
		text_z(m, p->service);
		str_add_text(m->to, "/");
		text_z(m, p->environment);
		str_add_text(m->to, ", ");
		text_z(m, p->component);
		str_add_text(m->to, ", ");
		text_z(m, p->advisory);
		str_addf(m->to, " (%s: ", w(m, W_OWNER));
		text_z(m, p->owner);
		str_add_text(m->to, ")\n");
	}
	if (!n)
		str_addf(m->to, "%s\n", w(m, W_NOTHING_LEFT));
	str_add_text(m->to, "\n");
}

static void events(struct md *m, const struct report *r)
{
	str_addf(m->to, "## %s\n\n", w(m, W_EVENTS));
	HEAD(m, W_WHEN, W_WHAT, W_WHO, W_EVIDENCE);
	for (size_t i = 0; i < r->event_count; i++) {
		const struct report_event *e = &r->events[i];
		char t[TIME_TEXT_BYTES];
		str_add_text(m->to, "|");
		cell_z(m, time_text(e->at, t));
		cell_z(m, e->kind);
		cell_z(m, e->actor);
		cell_z(m, e->text);
		str_add_text(m->to, "\n");
	}
	if (r->events_cut)
		str_addf(m->to, "\n%s\n", w(m, W_EVENTS_CUT));
	str_add_text(m->to, "\n");
}

int report_markdown(const struct report *r, enum report_language language, struct str *to)
{
	struct md m = { to, language };
	char hex[DIGEST_HEX], t[TIME_TEXT_BYTES];
	title(&m, r);
	advisories(&m, r);
	clocks(&m, r);
	engines(&m, r);
	releases(&m, r);
	left(&m, r);
	events(&m, r);
	str_addf(to, "## %s\n\n%lld %s `%s`\n\n", w(&m, W_LEDGER), (long long)r->ledger.size, w(&m, W_LEDGER_TEXT),
		 digest_hex(&r->ledger.head, hex));
	str_addf(to, "%s `%s`. %s.\n\n%s %s, ", w(&m, W_SIGNED_WITH), r->key_id, w(&m, W_VERIFY), w(&m, W_GENERATED),
		 time_text(r->generated_at, t));
	text_z(&m, r->generated_by);
	str_add_text(to, "\n");
	return 0;
}
