/* status - exposures by carrier, incidents against their clocks, releases and whether they are still clean. ready - the lanes. */
#include "cli/command.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/site.h"
#include "cli/work.h"

#include "response/ready.h"
#include "response/status.h"

static const char *worst_of(const struct status_carrier *c)
{
	return c->affected ? "affected" : c->conflict ? "conflict" : c->unknown ? "unknown" : c->placements ? "not_affected" : "-";
}

/* "affected 3/5", "clean", "no data", "clean, DRILL 7/7": an exercise stands beside the real state, never in it. */
static void carrier_cell(struct table *t, const struct status_carrier *c, int64_t drill, bool no_data)
{
	const char *word = worst_of(c);
	no_data = no_data && strcmp(word, "unknown") == 0;
	int64_t n = c->affected ? c->affected : c->conflict ? c->conflict : c->unknown ? c->unknown : 0;
	RF_AUTO(str) s = STR_INIT(256);
	str_add_text(&s, no_data ? "no data" : strcmp(word, "not_affected") == 0 ? "clean" : word);
	if (n && !no_data)
		str_addf(&s, " %lld/%lld", (long long)n, (long long)c->placements);
	if (drill)
		str_addf(&s, ", DRILL %lld/%lld", (long long)drill, (long long)c->placements);
	table_cell(t, !n && drill ? COLOUR_BLUE : colour_of(word), str_span(&s));
}

static int print_services(const struct status *s, struct err *err)
{
	struct table t;
	table_init(&t, "service", "environment", "runtime", "engines", "images", "stable", "candidate", "owner", "advisories", NULL);
	for (size_t i = 0; i < s->service_count; i++) {
		const struct status_service *v = &s->services[i];
		RF_AUTO(str) ids = STR_INIT(64 * KIB);
		for (size_t k = 0; k < v->advisory_count; k++)
			str_addf(&ids, "%s%s", k ? " " : "", v->advisories[k]);
		table_text(&t, v->service);
		table_text(&t, v->environment);
		carrier_cell(&t, &v->runtime, v->runtime_drill, s->no_data);
		carrier_cell(&t, &v->builder, v->builder_drill, s->no_data);
		carrier_cell(&t, &v->image, v->image_drill, s->no_data);
		table_text(&t, v->stable[0] ? v->stable : "-");
		table_text(&t, v->candidate[0] ? v->candidate : "-");
		table_text(&t, v->owner);
		table_cell(&t, COLOUR_NONE, str_span(&ids));
	}
	int rc = table_print(&t, err);
	table_release(&t);
	for (size_t i = 0; i < s->service_count; i++)
		if (s->services[i].runtime_clean_engine_vulnerable)
			out_colour(COLOUR_RED, "%s/%s: runtime clean, engine still vulnerable: it needs the rebuild\n", s->services[i].service,
			           s->services[i].environment);
	return rc;
}

static void print_incident(const struct status_incident *i)
{
	out_colour(COLOUR_BOLD, "\n%sIncident %lld  %.*s  %s\n", i->incident.is_drill ? "DRILL  " : "", (long long)i->incident.id,
	           SPAN_ARG(i->incident.name), incident_state_name(i->incident.state));
	for (size_t e = 0; e < i->incident.environment_count; e++)
		for (int k = 0; k < CLOCK_STAGES; k++) {
			const struct clock_row *c = &i->clocks[e][k];
			char elapsed[TIME_TEXT_BYTES], limit[TIME_TEXT_BYTES];
			if (c->result == CLOCK_NOTHING)
				continue;
			out("  %-12.*s %-12s %lld of %lld  %s of %s  ", SPAN_ARG(i->incident.environments[e].environment), clock_stage_name(c->stage),
			    (long long)c->n, (long long)c->m, duration_text(c->elapsed_usec, elapsed), duration_text(c->limit_usec, limit));
			out_colour(colour_of(clock_result_name(c->result)), "%s\n", clock_result_name(c->result));
		}
	for (size_t k = 0; k < i->blocked_count; k++) {
		const struct task *t = &i->blocked[k];
		out_colour(colour_of(task_state_name(t->state)), "  %s", task_state_name(t->state));
		out(" ");
		out_visible(t->service);
		out("/");
		out_visible(t->model);
		out(": ");
		out_visible(t->reason);
		out("  - ");
		out_visible(t->owner);
		out("\n");
	}
}

static int print_releases(const struct status *s, struct err *err)
{
	struct table t;
	table_init(&t, "release", "service", "environment", "rollout", "engines", "now", NULL);
	for (size_t i = 0; i < s->release_count; i++) {
		const struct status_release *r = &s->releases[i];
		size_t bad = 0, untold = 0;
		for (size_t k = 0; k < r->row_count; k++) {
			bad += strcmp(r->rows[k].finding, "not_affected") != 0;
			untold += strcmp(r->rows[k].finding, "unknown") == 0;
		}
		table_text(&t, r->name);
		table_text(&t, r->service);
		table_text(&t, r->environment);
		table_text(&t, r->rollout_state[0] ? r->rollout_state : "-");
		table_f(&t, COLOUR_NONE, "%zu", r->row_count);
		if (r->secure)
			table_cell(&t, COLOUR_GREEN, SPAN("clean"));
		else if (r->row_count == 0)
			table_cell(&t, COLOUR_RED, SPAN("cannot be read: reforge depot verify says why"));
		else if (s->no_data && untold == r->row_count)
			table_cell(&t, COLOUR_YELLOW, SPAN("no data"));
		else
			table_f(&t, COLOUR_RED, "%zu of %zu engines not clean", s->no_data ? bad - untold : bad, r->row_count);
	}
	int rc = table_print(&t, err);
	table_release(&t);
	return rc;
}

/* Rows of the order of work; advisory list --by-priority has all. */
#define STATUS_MAX_WORK 12

static int print_work(const struct status *s, struct err *err)
{
	struct table t;
	if (!s->work_count)
		return 0;
	out("\norder of work\n");
	work_table_init(&t);
	for (size_t i = 0; i < s->work_count && i < STATUS_MAX_WORK; i++)
		work_table_row(&t, &s->work[i]);
	int rc = table_print(&t, err);
	if (s->work_count > STATUS_MAX_WORK)
		out("... and %zu more: reforge advisory list --by-priority\n", s->work_count - STATUS_MAX_WORK);
	table_release(&t);
	return rc;
}

static int print_status(const struct status *s, struct err *err)
{
	char at[TIME_TEXT_BYTES];
	out_colour(COLOUR_BOLD, "%s  %s\n", s->site, time_text(s->at, at));
	if (s->is_past)
		out("as it was, and was judged, then\n");
	if (s->no_data)
		out_colour(COLOUR_YELLOW, "no data: no advisory is known%s\n",
		           s->is_past ? "" : ", so nothing is judged: reforge feed sync, or reforge feed import FILE");
	out("exposures: %lld affected, %lld conflict, %lld unknown\n", (long long)s->exposures_affected, (long long)s->exposures_conflict,
	    (long long)s->exposures_unknown);
	RF_AUTO(str) excused = STR_INIT(1 * KIB);
	excuse_counts_words(&s->excused, &excused);
	out("%s%s\n", str_text(&excused), excused.n ? "\n" : "");
	out_stale(s->stale, s->stale_count, "");
	int rc = print_services(s, err);
	if (rc == 0)
		rc = print_work(s, err);
	for (size_t i = 0; rc == 0 && i < s->incident_count; i++)
		print_incident(&s->incidents[i]);
	if (rc == 0 && s->release_count) {
		out("\n");
		rc = print_releases(s, err);
	}
	return rc;
}

static int run_status(const struct invocation *in, struct err *err)
{
	struct site site;
	struct arena arena = ARENA_INIT(1024 * MIB);
	struct status status;
	RF_AUTO(str) text = STR_INIT(512 * MIB);
	usec_t at;
	int rc = moment_option(in, &at, err);
	if (rc != 0)
		return rc;
	rc = site_open(in, SITE_DATABASE | SITE_DEPOT, &site, err);
	struct response_context context = site_context(&site, true);
	if (rc == 0)
		rc = status_make(&context, at, &arena, &status, err);
	if (rc == 0 && in->json) {
		struct json_out o = json_out(&text, out_is_terminal());
		status_json(&o, &status);
		rc = out_json(&text, err);
	} else if (rc == 0) {
		rc = print_status(&status, err);
	}
	if (rc == 0)
		rc = status_exit_status(&status);
	arena_release(&arena);
	site_release(&site);
	return rc;
}

static const struct option_row status_options[] = { MOMENT_OPTION, { 0 } };
const struct command command_status = {
	"status", "exposures by carrier, incidents against their clocks, releases",
	(const struct verb[]){ { "", "", "exposures by carrier, incidents against their clocks, releases", 0, 0, status_options, run_status,
	                         "With --at: the services as they were at that moment and what they were exposed to, as it was judged then; no incidents and "
	                         "releases." },
	                       { 0 } },
};

static int print_ready(const struct ready *r, struct err *err)
{
	struct table t;
	table_init(&t, "recipe", "target", "toolchain", "lane", "missing", "owner", NULL);
	for (size_t i = 0; i < r->lane_count; i++) {
		const struct lane *lane = &r->lanes[i];
		bool first = true;
		for (size_t k = 0; k < lane->item_count; k++) {
			if (lane->items[k].ok)
				continue;
			table_text(&t, first ? lane->model : "");
			table_text(&t, first ? lane->target : "");
			table_text(&t, first && lane->version ? lane->version : "");
			table_cell(&t, COLOUR_YELLOW, first ? SPAN("closed") : SPAN(""));
			table_f(&t, COLOUR_NONE, "%s: %s", lane_part_name(lane->items[k].part), lane->items[k].reason);
			table_text(&t, lane->items[k].owner);
			first = false;
		}
		if (!first)
			continue;
		table_text(&t, lane->model);
		table_text(&t, lane->target);
		table_text(&t, lane->version ? lane->version : "");
		table_cell(&t, COLOUR_GREEN, SPAN("open"));
		table_text(&t, "");
		table_text(&t, "");
	}
	int rc = table_print(&t, err);
	table_release(&t);
	out("\n%zu of %zu lanes open\n", r->open, r->lane_count);
	return rc;
}

static int run_ready(const struct invocation *in, struct err *err)
{
	struct site site;
	struct arena arena = ARENA_INIT(1024 * MIB);
	struct ready ready;
	RF_AUTO(str) text = STR_INIT(512 * MIB);
	int rc = site_open(in, 0, &site, err);
	struct response_context context = site_context(&site, !option_flag(in, "no-isolation"));
	if (rc == 0)
		rc = ready_make(&context, &arena, &ready, err);
	if (rc == 0 && in->json) {
		struct json_out o = json_out(&text, out_is_terminal());
		ready_json(&o, &ready);
		rc = out_json(&text, err);
	} else if (rc == 0) {
		rc = print_ready(&ready, err);
	}
	if (rc == 0)
		rc = ready.open == ready.lane_count ? 0 : 3;
	arena_release(&arena);
	site_release(&site);
	return rc;
}

static const struct option_row ready_options[] = { { "no-isolation", 0, OPTION_FLAG, NULL, "probe toolchains without bubblewrap", NULL }, { 0 } };
const struct command command_ready = {
	"ready", "emergency lanes: is everything there that a rebuild would need?",
	(const struct verb[]){ { "", "", "emergency lanes: is everything there that a rebuild would need?", 0, 0, ready_options, run_ready, NULL }, { 0 } },
};
