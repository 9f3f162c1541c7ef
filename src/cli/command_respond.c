/* respond - the whole line: confirm, plan, build, prove, publish; with its progress and its clocks. plan - what it would do. */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/site.h"
#include "cli/respond.h"
#include "cli/work.h"

#include "process/process.h"
#include "response/incident.h"
#include "response/plan.h"
#include "response/report.h"

#define ARGUMENTS_MAX INCIDENT_MAX_ADVISORIES

static void show(const struct response_progress *p, void *data)
{
	int step = (int)p->step < RESPONSE_STEPS ? (int)p->step : RESPONSE_STEPS - 1;
	progress_show(data, response_step_name((enum response_step)step), p->done[step], p->total[step], p->left_usec, p->what);
}

/* Isolation is not silently given up: without bubblewrap the user must say so. */
static int check_isolation(const struct invocation *in, bool *ret, struct err *err)
{
	char text[256];
	*ret = !option_flag(in, "no-isolation");
	if (*ret && !process_isolation_available(text, sizeof text))
		return err_set(err, RF_ENOTFOUND, "no isolation on this machine (%s): install bubblewrap, or say --no-isolation", text);
	return 0;
}

/* A number or a name of an incident, else advisories. */
struct subject {
	const struct invocation *in;
	int64_t incident;
	struct arena arena;
};

static int find_subject(struct transaction *tx, void *data)
{
	struct subject *s = data;
	struct span text = span_of(s->in->arguments[0]);
	s->incident = 0;
	if (s->in->argument_count != 1 || !(span_is_digits(text) || span_find_byte(text, '+') != SIZE_MAX))
		return 0;
	return incident_find(tx, text, &s->incident);
}

int respond_options_of(const struct invocation *in, struct site *site, struct response_options *ret, struct err *err)
{
	struct subject s = { .in = in };
	int rc = database_transact(site->db, DB_READ, find_subject, &s, err);
	if (rc != 0)
		return rc;
	if (in->argument_count > ARGUMENTS_MAX)
		return err_set(err, RF_ETOOMANY, "at most %d advisories in one response", ARGUMENTS_MAX);
	*ret = (struct response_options){ .incident = s.incident, .until = RESPONSE_PUBLISH };
	if (!s.incident) {
		ret->advisories = in->arguments;
		ret->advisory_count = in->argument_count;
	}
	return 0;
}

static void print_clocks(const struct report *r)
{
	for (size_t e = 0; e < r->incident.environment_count; e++)
		for (int i = 0; i < CLOCK_STAGES; i++) {
			const struct clock_row *c = &r->clocks[e][i];
			char elapsed[TIME_TEXT_BYTES], limit[TIME_TEXT_BYTES];
			if (c->result == CLOCK_NOTHING)
				continue;
			out("  %-12.*s %-12s %s of %s  ", SPAN_ARG(r->incident.environments[e].environment), clock_stage_name(c->stage),
			    duration_text(c->elapsed_usec, elapsed), duration_text(c->limit_usec, limit));
			out_colour(colour_of(clock_result_name(c->result)), "%s", clock_result_name(c->result));
			out("  %lld of %lld\n", (long long)c->n, (long long)c->m);
		}
}

/* A table of 20,000 engines would help nobody. */
#define SUMMARY_MAX_ROWS 60

/* Who must act, and the beginning of why; status, the report and --json have all of it. */
#define REASON_BYTES 110
static void reason_cell(struct table *t, const struct task *k)
{
	struct span shown = span_cut(k->reason, REASON_BYTES);
	table_f(t, COLOUR_NONE, "%.*s: %.*s%s", SPAN_ARG(k->owner), SPAN_ARG(shown), shown.n < k->reason.n ? " ..." : "");
}

static int print_tasks(const struct report *r, struct err *err)
{
	struct table t;
	bool reasons = false;
	for (size_t i = 0; i < r->engine_count; i++)
		reasons |= r->engines[i].task.reason.n > 0;
	table_init(&t, "service", "engine", "built by", "now", "state", "difference", "latency p50", reasons ? "owner: reason" : "", NULL);
	for (size_t i = 0; i < r->engine_count && i < SUMMARY_MAX_ROWS; i++) {
		const struct task *k = &r->engines[i].task;
		const char *state = task_state_name(k->state);
		char figure[REPORT_FIGURE];
		table_cell(&t, COLOUR_NONE, k->service);
		table_cell(&t, COLOUR_NONE, k->model);
		table_cell(&t, COLOUR_NONE, k->from_version);
		table_cell(&t, COLOUR_NONE, k->to_version);
		table_cell(&t, colour_of(state), span_of(state));
		table_text(&t, report_difference(&r->engines[i], figure));
		table_text(&t, report_latency(&r->engines[i], figure));
		if (k->reason.n)
			reason_cell(&t, k);
		else
			table_text(&t, "");
	}
	int rc = table_print(&t, err);
	if (r->engine_count > SUMMARY_MAX_ROWS)
		out("... and %zu more: the report has all\n", r->engine_count - SUMMARY_MAX_ROWS);
	table_release(&t);
	return rc;
}

static void print_releases(const struct report *report)
{
	for (size_t i = 0; i < report->release_count; i++) {
		const struct release_plan *r = &report->releases[i];
		out("  %.*s/%.*s: ", SPAN_ARG(r->service), SPAN_ARG(r->environment));
		if (r->published_at != USEC_NONE)
			out_colour(COLOUR_GREEN, "published %.*s (candidate; stable still serves until the rollout)", SPAN_ARG(r->release));
		else if (r->held_reason.n)
			out_colour(COLOUR_RED, "not published: %.*s", SPAN_ARG(r->held_reason));
		else if (r->failed)
			out_colour(COLOUR_RED, "not published: %lld engines failed", (long long)r->failed);
		else if (r->blocked)
			out_colour(COLOUR_YELLOW, "not published: %lld engines blocked", (long long)r->blocked);
		else
			out("not published yet");
		out("\n");
	}
}

static int print_summary(const struct report *report, struct err *err)
{
	int rc = print_tasks(report, err);
	out("\nReleases\n");
	print_releases(report);
	out("\nClocks (from T0)\n");
	print_clocks(report);
	return rc;
}

static int outcome_json(const struct response_outcome *r, const char *report, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	struct json_out o = json_out(&text, false);
	const struct response_progress *c = &r->counts;
	json_object(&o);
	json_member_i64(&o, "incident", r->incident);
	json_member(&o, "name", r->name);
	json_member_bool(&o, "drill", r->is_drill);
	json_member_bool(&o, "opened", r->opened);
	json_member_bool(&o, "nothing_exposed", r->nothing_exposed);
	json_member_bool(&o, "cancelled", r->cancelled);
	json_member_i64(&o, "tasks", c->tasks);
	json_member_i64(&o, "planned", c->planned);
	json_member_i64(&o, "building", c->building);
	json_member_i64(&o, "built", c->built);
	json_member_i64(&o, "proven", c->proven);
	json_member_i64(&o, "failed", c->failed);
	json_member_i64(&o, "blocked", c->blocked);
	json_member_i64(&o, "releases", c->releases);
	json_member_i64(&o, "published", c->published);
	json_member_i64(&o, "elapsed_usec", r->elapsed_usec);
	json_member(&o, "report", report && report[0] ? report : NULL);
	json_member_i64(&o, "exit_status", r->exit_status);
	json_object_end(&o);
	return out_json(&text, err);
}

static void print_outcome(const struct response_outcome *outcome, const char *path)
{
	char elapsed[TIME_TEXT_BYTES];
	out("\n%s in this run: %s\nReport: ", outcome->cancelled ? "Stopped; run it again to go on. Time" : "Time",
	    duration_text(outcome->elapsed_usec, elapsed));
	out_visible(span_of(path));
	out("\n");
}

static int finish(const struct invocation *in, const struct response_context *context, const struct response_outcome *outcome, struct err *err)
{
	char path[FS_PATH_MAX] = "";
	if (outcome->nothing_exposed && !outcome->incident) {
		if (in->json)
			return outcome_json(outcome, NULL, err);
		out("Nothing in the inventory is exposed to this; no incident was opened.\n");
		return 0;
	}
	struct arena arena = ARENA_INIT(2048 * MIB);
	struct report report;
	int rc = report_make(context, outcome->incident, &arena, &report, err);
	if (rc == 0)
		rc = report_save(context, &report, REPORT_HTML, REPORT_EN, path, sizeof path, err);
	if (rc == 0 && in->json) {
		rc = outcome_json(outcome, path, err);
	} else if (rc == 0) {
		out_colour(COLOUR_BOLD, "%sIncident %lld  %s\n\n", outcome->is_drill ? "DRILL  " : "", (long long)outcome->incident, outcome->name);
		rc = print_summary(&report, err);
		print_outcome(outcome, path);
	}
	arena_release(&arena);
	return rc;
}

int respond_run(const struct invocation *in, enum response_step until, struct err *err)
{
	struct site site;
	struct response_options options;
	struct response_outcome outcome = { 0 };
	struct progress progress;
	bool isolate = true;
	int rc = check_isolation(in, &isolate, err);
	if (rc != 0)
		return rc;
	rc = site_open(in, SITE_ALL, &site, err);
	struct response_context context = site_context(&site, isolate);
	if (rc == 0)
		rc = respond_options_of(in, &site, &options, err);
	if (rc == 0) {
		options.until = until;
		options.retry = option_flag(in, "retry");
		options.threads = (unsigned)RF_MAX(RF_MIN(option(in, "threads")->number, 256), 0);
		options.progress = show;
		options.data = &progress;
		progress_begin(&progress, in);
		rc = response_run(&context, &options, &outcome, err);
		progress_end(&progress);
	}
	if (rc == 0)
		rc = finish(in, &context, &outcome, err);
	if (rc == 0)
		rc = site_seal(&site, err);
	site_release(&site);
	return rc != 0 ? rc : outcome.exit_status;
}

const struct option_row respond_step_options[] = {
	{ "threads", 0, OPTION_NUMBER, "N", "workers (default: build jobs of reforge.yaml, else processors)", NULL },
	{ "retry", 0, OPTION_FLAG, NULL, "give failed engines another attempt although nothing about them changed", NULL },
	{ "no-isolation", 0, OPTION_FLAG, NULL, "run toolchains without bubblewrap; the evidence says so", NULL },
	{ 0 } };


static int run_respond(const struct invocation *in, struct err *err)
{
	enum response_step until = RESPONSE_PUBLISH;
	if (option(in, "until")->given && !response_step_read(span_of(option_text(in, "until", "")), &until))
		return err_set(err, RF_EUSAGE, "--until: none of confirm plan build prove publish");
	return respond_run(in, until, err);
}

static const struct option_row respond_options_[] = {
	{ "threads", 0, OPTION_NUMBER, "N", "workers (default: build jobs of reforge.yaml, else processors)", NULL },
	{ "retry", 0, OPTION_FLAG, NULL, "give failed engines another attempt although nothing about them changed", NULL },
	{ "no-isolation", 0, OPTION_FLAG, NULL, "run toolchains without bubblewrap; the evidence says so", NULL },
	{ "until", 0, OPTION_TEXT, "STEP", "stop after this step (default: publish)", "confirm plan build prove publish" },
	{ 0 } };
const struct command command_respond = {
	"respond", "the response: confirm, plan, rebuild, prove, publish",
	(const struct verb[]){ { "", "CVE...|INCIDENT", "the response: confirm, plan, rebuild, prove, publish", 1, ARGUMENTS_MAX, respond_options_, run_respond,
	                         "Opens the incident (several advisories become one), plans before any work, rebuilds with the smallest fixed toolchain at hand,\n"
	                         "proves each new engine against the old one, and publishes a signed release of each service whose engines are all proven.\n"
	                         "Killed anywhere and run again it goes on. What cannot be rebuilt here is blocked with a reason and an owner." }, { 0 } },
};

/* ── plan ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void plan_task_json(struct json_out *o, const struct plan_task *t)
{
	json_object(o);
	json_member(o, "service", t->service);
	json_member(o, "environment", t->environment);
	json_member(o, "model", t->model);
	json_member(o, "target", t->target);
	json_member(o, "toolchain", t->toolchain);
	json_member(o, "from_version", t->from_version);
	json_member(o, "to_version", t->to_version);
	json_member(o, "engine_path", t->engine_path);
	json_member(o, "engine_sha256", t->engine_digest);
	json_member_u64(o, "placements", t->placements);
	json_member_bool(o, "planned", t->planned);
	json_member(o, "reason", t->planned ? NULL : t->reason);
	json_member(o, "owner", t->planned ? NULL : t->owner);
	json_member(o, "fix", t->fix_why);
	json_key(o, "changes");
	json_array(o);
	for (size_t i = 0; i < t->change_count; i++)
		json_put_text(o, t->changes[i]);
	json_array_end(o);
	json_object_end(o);
}

/* The order of work over the plan's advisories: which service first, and why. */
struct plan_order {
	const struct plan *plan;
	const struct workspace *w;
	struct arena *a;
	struct exposure_work *list;
	size_t count;
};

static bool is_planned(const struct plan *p, struct span advisory)
{
	for (size_t i = 0; i < p->advisory_count; i++)
		if (span_eq_text(advisory, p->advisories[i]))
			return true;
	return false;
}

static int read_order(struct transaction *tx, void *data)
{
	struct plan_order *o = data;
	size_t n = 0;
	int rc = exposure_order_work(tx, o->a, o->w, &(struct exposure_work_filter){ .with_drills = o->plan->is_drill }, &o->list, &o->count);
	for (size_t i = 0; rc == 0 && i < o->count; i++)
		if (is_planned(o->plan, o->list[i].advisory))
			o->list[n++] = o->list[i];
	o->count = rc == 0 ? n : 0;
	return rc;
}

static int plan_json(const struct plan *p, const struct plan_order *order, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(256 * MIB);
	struct json_out o = json_out(&text, out_is_terminal());
	json_object(&o);
	json_key(&o, "advisories");
	json_array(&o);
	for (size_t i = 0; i < p->advisory_count; i++)
		json_put_text(&o, p->advisories[i]);
	json_array_end(&o);
	json_member_bool(&o, "drill", p->is_drill);
	json_member_u64(&o, "planned", p->planned);
	json_member_u64(&o, "blocked", p->blocked);
	json_key(&o, "work");
	json_array(&o);
	for (size_t i = 0; i < order->count; i++)
		exposure_work_json(&order->list[i], &o);
	json_array_end(&o);
	json_key(&o, "tasks");
	json_array(&o);
	for (size_t i = 0; i < p->task_count; i++)
		plan_task_json(&o, &p->tasks[i]);
	json_array_end(&o);
	json_key(&o, "rests");
	json_array(&o);
	for (size_t i = 0; i < p->rest_count; i++) {
		json_object(&o);
		json_member(&o, "service", p->rests[i].service);
		json_member(&o, "environment", p->rests[i].environment);
		json_member(&o, "carrier", p->rests[i].carrier);
		json_member(&o, "component", p->rests[i].component);
		json_member(&o, "advisory", p->rests[i].advisory);
		json_member(&o, "text", p->rests[i].text);
		json_member(&o, "owner", p->rests[i].owner);
		json_object_end(&o);
	}
	json_array_end(&o);
	json_object_end(&o);
	return out_json(&text, err);
}

static void print_changes(const struct plan *p)
{
	const char *last = NULL;
	for (size_t i = 0; i < p->task_count; i++)
		for (size_t k = 0; k < p->tasks[i].change_count; k++) {
			if (last && strcmp(last, p->tasks[i].changes[k]) == 0)
				continue;
			last = p->tasks[i].changes[k];
			out("  ");
			out_visible(span_of(last));
			out("\n");
		}
}

static int order_words(const struct plan_order *order, struct err *err)
{
	struct table t;
	if (!order->count)
		return 0;
	work_table_init(&t);
	for (size_t i = 0; i < order->count; i++)
		work_table_row(&t, &order->list[i]);
	int rc = table_print(&t, err);
	table_release(&t);
	out("\n");
	return rc;
}

static int plan_words(const struct plan *p, struct err *err)
{
	struct table t;
	table_init(&t, "service", "engine", "target", "built by", "rebuild with", "why", NULL);
	for (size_t i = 0; i < p->task_count; i++) {
		const struct plan_task *k = &p->tasks[i];
		table_text(&t, k->service);
		table_text(&t, k->model[0] ? k->model : k->engine_path);
		table_text(&t, k->target);
		table_text(&t, k->from_version[0] ? k->from_version : "unknown");
		table_text(&t, k->planned ? k->to_version : "blocked");
		if (k->planned)
			table_text(&t, k->fix_why);
		else
			table_f(&t, COLOUR_YELLOW, "%s - %s", k->reason, k->owner);
	}
	int rc = table_print(&t, err);
	table_release(&t);
	out("\n%zu engines to rebuild, %zu blocked%s\n", p->planned, p->blocked, p->is_drill ? "  (DRILL)" : "");
	if (p->planned) {
		out("\nWhat else changes on the way\n");
		print_changes(p);
	}
	if (p->rest_count)
		out("\nStays exposed until the runtime moves\n");
	for (size_t i = 0; i < p->rest_count; i++) {
		out("  %s/%s  ", p->rests[i].service, p->rests[i].environment);
		out_visible(span_of(p->rests[i].component));
		out("  ");
		out_visible(span_of(p->rests[i].text));
		out("  - ");
		out_visible(span_of(p->rests[i].owner));
		out("\n");
	}
	return rc;
}

static int plan_print(const struct invocation *in, struct err *err)
{
	struct site site;
	struct arena arena = ARENA_INIT(1024 * MIB);
	struct plan plan;
	int rc = site_open(in, SITE_DATABASE | SITE_DEPOT, &site, err);
	struct response_context context = site_context(&site, !option_flag(in, "no-isolation"));
	if (rc == 0)
		rc = plan_make(&context, in->arguments, in->argument_count, &arena, &plan, err);
	struct plan_order order = { .plan = &plan, .w = site.workspace, .a = &arena };
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, read_order, &order, err);
	if (rc == 0)
		rc = in->json ? plan_json(&plan, &order, err) : order_words(&order, err);
	if (rc == 0 && !in->json)
		rc = plan_words(&plan, err);
	if (rc == 0)
		rc = plan.blocked ? 3 : 0;
	arena_release(&arena);
	site_release(&site);
	return rc;
}

static const struct option_row plan_options[] = {
	{ "no-isolation", 0, OPTION_FLAG, NULL, "probe toolchains without bubblewrap", NULL }, { 0 } };
const struct command command_plan = {
	"plan", "what a response would do: nothing is written",
	(const struct verb[]){ { "", "CVE...", "what a response would do: nothing is written", 1, ARGUMENTS_MAX, plan_options, plan_print, NULL }, { 0 } },
};
