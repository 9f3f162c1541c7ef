/* incident - the responses there are; dismissing, closing, reopening them. */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/site.h"

#include "response/incident.h"

struct incident_query {
	struct arena arena;
	const char *what;
	bool open_only;
	struct incident *list;
	size_t count;
	enum incident_state to;
	const char *reason, *actor;
};

static int list_incidents(struct transaction *tx, void *data)
{
	struct incident_query *q = data;
	arena_reset(&q->arena);
	return incident_list(tx, q->open_only, 1000, &q->arena, &q->list, &q->count);
}

static int get_incident(struct transaction *tx, void *data)
{
	struct incident_query *q = data;
	int64_t id;
	arena_reset(&q->arena);
	int rc = incident_find(tx, span_of(q->what), &id);
	q->list = arena_alloc(&q->arena, sizeof *q->list);
	q->count = 1;
	if (rc == 0 && !q->list)
		rc = err_set(tx_err(tx), RF_ENOMEM, "out of memory");
	return rc != 0 ? rc : incident_get(tx, id, &q->arena, q->list);
}

static void incident_json(struct json_out *o, const struct incident *i)
{
	json_object(o);
	json_member_i64(o, "id", i->id);
	json_member_span(o, "name", i->name);
	json_member(o, "state", incident_state_name(i->state));
	json_member_bool(o, "drill", i->is_drill);
	json_member_bool(o, "backlog", i->is_backlog);
	json_member_time(o, "t0", i->t0);
	json_member_span(o, "t0_source", i->t0_source);
	json_member_time(o, "published_at", i->published_at);
	json_member_time(o, "opened_at", i->opened_at);
	json_member_span(o, "opened_by", i->opened_by);
	json_member_span(o, "reason", i->reason);
	json_key(o, "advisories");
	json_array(o);
	for (size_t k = 0; k < i->advisory_count; k++)
		json_put_span(o, i->advisories[k]);
	json_array_end(o);
	enum clock_stage stage = incident_stage(i);
	json_member(o, "stage", stage < CLOCK_STAGES ? clock_stage_name(stage) : "done");
	json_object_end(o);
}

static int print_list(const struct incident_query *q, bool json, struct err *err)
{
	if (json) {
		RF_AUTO(str) text = STR_INIT(16 * MIB);
		struct json_out o = json_out(&text, out_is_terminal());
		json_array(&o);
		for (size_t i = 0; i < q->count; i++)
			incident_json(&o, &q->list[i]);
		json_array_end(&o);
		return out_json(&text, err);
	}
	struct table t;
	table_init(&t, "id", "name", "state", "stage", "T0", "opened by", NULL);
	for (size_t i = 0; i < q->count; i++) {
		const struct incident *k = &q->list[i];
		char t0[TIME_TEXT_BYTES];
		enum clock_stage stage = incident_stage(k);
		table_f(&t, COLOUR_NONE, "%lld", (long long)k->id);
		table_cell(&t, k->is_drill ? COLOUR_BLUE : COLOUR_NONE, k->name);
		table_text(&t, incident_state_name(k->state));
		table_text(&t, stage < CLOCK_STAGES ? clock_stage_name(stage) : "done");
		table_f(&t, COLOUR_NONE, "%s (%.*s)", time_text(k->t0, t0), SPAN_ARG(k->t0_source));
		table_cell(&t, COLOUR_NONE, k->opened_by);
	}
	int rc = table_print(&t, err);
	table_release(&t);
	return rc;
}

static int run_read(const struct invocation *in, int (*read)(struct transaction *, void *), struct err *err)
{
	struct site site;
	struct incident_query q = { .arena = ARENA_INIT(64 * MIB), .what = in->argument_count ? in->arguments[0] : NULL, .open_only = !read };
	int rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, read ? read : list_incidents, &q, err);
	if (rc == 0)
		rc = print_list(&q, in->json, err);
	arena_release(&q.arena);
	site_release(&site);
	return rc;
}

static int run_list(const struct invocation *in, struct err *err)
{
	return run_read(in, option_flag(in, "all") ? list_incidents : NULL, err);
}

static int run_show(const struct invocation *in, struct err *err)
{
	return run_read(in, get_incident, err);
}

static int change(struct transaction *tx, void *data)
{
	struct incident_query *q = data;
	struct incident_change c = { .to = q->to, .reason = q->reason, .actor = q->actor };
	int rc = incident_find(tx, span_of(q->what), &c.incident);
	return rc != 0 ? rc : incident_set_state(tx, &c);
}

static int run_change(const struct invocation *in, enum incident_state to, struct err *err)
{
	struct site site;
	struct incident_query q = { .what = in->arguments[0], .to = to, .reason = option_text(in, "reason", NULL) };
	int rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	q.actor = site.actor;
	if (rc == 0)
		rc = database_transact(site.db, DB_WRITE, change, &q, err);
	if (rc == 0)
		rc = site_seal(&site, err);
	if (rc == 0 && in->json)
		rc = out_members(err, "incident", q.what, "state", incident_state_name(to), "reason", q.reason, "who", q.actor, NULL);
	else if (rc == 0)
		out("%s\n", incident_state_name(to));
	site_release(&site);
	return rc;
}

static int run_dismiss(const struct invocation *in, struct err *err)
{
	return run_change(in, INCIDENT_DISMISSED, err);
}

static int run_close(const struct invocation *in, struct err *err)
{
	return run_change(in, INCIDENT_CLOSED, err);
}

static int run_reopen(const struct invocation *in, struct err *err)
{
	return run_change(in, INCIDENT_REOPENED, err);
}

static const struct option_row list_options[] = { { "all", 'a', OPTION_FLAG, NULL, "dismissed and closed ones too", NULL }, { 0 } };
static const struct option_row change_options[] = { { "reason", 0, OPTION_TEXT, "TEXT", "why; recorded with your name", NULL }, { 0 } };
const struct command command_incident = {
	"incident", "responses: list, show, dismiss, close, reopen",
	(const struct verb[]){
		{ "list", "", "open incidents, newest first", 0, 0, list_options, run_list, NULL },
		{ "show", "INCIDENT|CVE", "one incident", 1, 1, NULL, run_show, NULL },
		{ "dismiss", "INCIDENT|CVE", "it does not concern us; needs --reason", 1, 1, change_options, run_dismiss, NULL },
		{ "close", "INCIDENT|CVE", "it is done; needs --reason while engines are not proven or services not published", 1, 1, change_options, run_close, NULL },
		{ "reopen", "INCIDENT|CVE", "it is not done after all; needs --reason", 1, 1, change_options, run_reopen, NULL },
		{ 0 } },
};
