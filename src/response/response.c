/* The run of one response: confirm, plan, work, the end. response.h is the manual; supervise.c watches over the work.
 */
#include "response/response.h"

#include "advisory/store.h"
#include "base/hash.h"
#include "base/thread.h"
#include "depot/channel.h"
#include "format/json.h"
#include "ledger/ledger.h"
#include "response/incident_int.h"
#include "response/run.h"
#include "response/task_int.h"

/* A plan of 20,000 engines is about 40 MB. */
#define RUN_ARENA_BYTES ((size_t)2 * GIB)
/* Tasks written in one transaction: others on the database wait for 30 ms at most. */
#define PLAN_BATCH 200
/* A record published this long before any feed of ours had it was imported as history. */
#define BACKLOG_USEC (7 * USEC_PER_DAY)

static const char *const STEP_NAMES[RESPONSE_STEPS] = { "confirm", "plan", "build", "prove", "publish" };

const char *response_step_name(enum response_step step)
{
	return (unsigned)step < RESPONSE_STEPS ? STEP_NAMES[step] : "?";
}

bool response_step_read(struct span name, enum response_step *ret)
{
	for (unsigned i = 0; i < RESPONSE_STEPS; i++) {
		if (span_eq_text(name, STEP_NAMES[i])) {
			*ret = (enum response_step)i;
			return true;
		}
	}
	return false;
}

static int out_of_memory(struct run *r)
{
	return err_set(r->err, RF_ENOMEM, "no memory for the response");
}

/* ── confirm ── */

struct birth {
	struct run *r;
	struct clock_source sources[INCIDENT_MAX_ADVISORIES];
	size_t count;
	usec_t published_at;
	bool all_backlog;
};

static int read_sources(struct transaction *tx, struct birth *b)
{
	struct run *r = b->r;
	b->count = 0;
	b->all_backlog = true;
	b->published_at = USEC_NONE;
	for (size_t i = 0; i < r->plan.advisory_count; i++) {
		struct stored_advisory s;
		int rc = advisory_get(tx, &r->a, span_of(r->plan.advisories[i]), &s);
		if (rc)
			return rc;
		bool backlog = s.advisory.published != USEC_NONE && s.first_seen - s.advisory.published > BACKLOG_USEC;
		b->sources[b->count++] = (struct clock_source){ .published_at = s.advisory.published,
								.published_date_only = !s.advisory.published_has_time,
								.first_seen_at = s.first_seen,
								.is_backlog = backlog,
								.imported_at = s.first_seen };
		b->all_backlog &= backlog;
		if (s.advisory.published != USEC_NONE &&
		    (b->published_at == USEC_NONE || s.advisory.published < b->published_at))
			b->published_at = s.advisory.published;
	}
	return 0;
}

static int confirm_environments(struct transaction *tx, struct run *r)
{
	int rc = 0;
	const char *last = NULL;
	for (size_t i = 0; !rc && i < r->plan.task_count; i++) {
		if (last && !strcmp(last, r->plan.tasks[i].environment))
			continue;
		last = r->plan.tasks[i].environment;
		rc = incident_confirm(tx, r->id, last, r->context->actor);
	}
	last = NULL;
	for (size_t i = 0; !rc && i < r->plan.rest_count; i++) {
		if (last && !strcmp(last, r->plan.rests[i].environment))
			continue;
		last = r->plan.rests[i].environment;
		rc = incident_confirm(tx, r->id, last, r->context->actor);
	}
	return rc;
}

static int open_incident(struct transaction *tx, void *data)
{
	struct birth *b = data;
	struct run *r = b->r;
	int rc = read_sources(tx, b);
	if (rc)
		return rc;
	const char *source;
	usec_t t0 = clock_t0(b->sources, b->count, r->plan.placement_since, &source);
	char evidence[160];
	snprintf(evidence, sizeof evidence, "{\"engines_planned\":%zu,\"engines_blocked\":%zu,\"runtimes\":%zu}",
		 r->plan.planned, r->plan.blocked, r->plan.rest_count);
	rc = incident_open(tx,
			   &(struct incident_birth){ .advisories = r->plan.advisories,
						     .advisory_count = r->plan.advisory_count,
						     .is_drill = r->plan.is_drill,
						     .is_backlog = b->all_backlog,
						     .t0 = t0,
						     .t0_source = source,
						     .published_at = b->published_at,
						     .actor = r->context->actor,
						     .evidence = span_of(evidence) },
			   &r->id, &r->opened);
	return rc ? rc : confirm_environments(tx, r);
}

static int read_incident(struct transaction *tx, void *data)
{
	struct run *r = data;
	return incident_get(tx, r->id, &r->a, &r->incident);
}

static int check_open(struct run *r)
{
	enum incident_state s = r->incident.state;
	if (s == INCIDENT_OPEN || s == INCIDENT_REOPENED)
		return 0;
	return err_set(r->err, RF_ESTATE, "incident %lld (%.*s) is %s: reopen it first (reforge incident reopen)",
		       (long long)r->id, SPAN_ARG(r->incident.name), incident_state_name(s));
}

/* Advisories asked for, and those that their open incident answers too: planned apart, one would undo the other's cure. */
struct asked {
	struct run *r;
	const char *list[2 * INCIDENT_MAX_ADVISORIES];
	size_t count;
};

static int ask_one(struct asked *q, struct span id)
{
	for (size_t i = 0; i < q->count; i++)
		if (span_eq_text(id, q->list[i]))
			return 0;
	if (q->count == RF_COUNT(q->list))
		return err_set(q->r->err, RF_ETOOMANY, "more than %d advisories in one incident", INCIDENT_MAX_ADVISORIES);
	q->list[q->count] = arena_text(&q->r->a, id);
	return q->list[q->count++] ? 0 : out_of_memory(q->r);
}

static int ask_with_incident(struct transaction *tx, struct asked *q, struct span id)
{
	int64_t incident = 0;
	struct incident open;
	int rc = TX_I64(tx, &incident, "SELECT incident FROM incident_advisory WHERE advisory = $1 AND active = 1", DB_S(id));
	if (rc == RF_ENOTFOUND)
		return 0;
	if (!rc)
		rc = incident_get(tx, incident, &q->r->a, &open);
	for (size_t i = 0; !rc && i < open.advisory_count; i++)
		rc = ask_one(q, open.advisories[i]);
	return rc;
}

static int ask_all(struct transaction *tx, void *data)
{
	struct asked *q = data;
	const struct response_options *o = q->r->options;
	int rc = 0;
	q->count = 0;
	for (size_t i = 0; !rc && i < o->advisory_count; i++) {
		struct stored_advisory s;
		rc = advisory_get(tx, &q->r->a, span_of(o->advisories[i]), &s);
		if (!rc)
			rc = ask_one(q, s.advisory.id);
		if (!rc)
			rc = ask_with_incident(tx, q, s.advisory.id);
	}
	return rc;
}

/* The plan is made first: whether anything is exposed is what "confirm" asks. */
static int confirm(struct run *r)
{
	const char *const *ids = r->options->advisories;
	size_t n = r->options->advisory_count;
	int rc = 0;
	if (r->options->incident) {
		r->id = r->options->incident;
		rc = database_transact(r->context->db, DB_READ, read_incident, r, r->err);
		if (!rc)
			rc = check_open(r);
		if (rc)
			return rc;
		const char **list = arena_array(&r->a, r->incident.advisory_count + 1, sizeof *list);
		if (!list)
			return out_of_memory(r);
		for (size_t i = 0; i < r->incident.advisory_count; i++)
			list[i] = r->incident.advisories[i].p;
		ids = list;
		n = r->incident.advisory_count;
	}
	if (n == 0 || n > INCIDENT_MAX_ADVISORIES)
		return err_set(r->err, RF_EINVALID, "a response answers 1 to %d advisories, not %zu",
			       INCIDENT_MAX_ADVISORIES, n);
	struct asked *asked = arena_alloc(&r->a, sizeof *asked);
	if (!asked)
		return out_of_memory(r);
	if (!r->options->incident) {
		asked->r = r;
		rc = database_transact(r->context->db, DB_READ, ask_all, asked, r->err);
		ids = asked->list;
		n = asked->count;
	}
	if (rc)
		return rc;
	rc = plan_make_with(r->context, r->tools, ids, n, &r->a, &r->plan, r->err);
	if (rc || (r->plan.task_count == 0 && r->plan.rest_count == 0 && !r->options->incident))
		return rc;
	struct birth *b = arena_alloc(&r->a, sizeof *b);
	if (!b)
		return out_of_memory(r);
	b->r = r;
	rc = database_transact(r->context->db, DB_WRITE, open_incident, b, r->err);
	return rc ? rc : database_transact(r->context->db, DB_READ, read_incident, r, r->err);
}

/* ── plan ── */

static int write_task(struct transaction *tx, struct run *r, const struct plan_task *t)
{
	RF_AUTO(str) evidence = STR_INIT(32 * KIB);
	int rc = plan_task_evidence(t, &evidence, tx_err(tx));
	if (rc)
		return rc;
	bool written = false;
	rc = task_plan(tx,
		       &(struct task_birth){ .incident = r->id,
					     .service = t->service,
					     .environment = t->environment,
					     .model = t->model,
					     .target = t->target,
					     .toolchain = t->toolchain,
					     .from_version = t->from_version,
					     .to_version = t->to_version,
					     .engine_path = t->engine_path,
					     .engine_digest = t->engine_digest,
					     .engine_bytes = t->engine_bytes,
					     .build_digest = t->recipe ? t->recipe->build_digest : "",
					     .proof_digest = t->recipe ? t->recipe->proof_digest : "",
					     .memory_bytes = t->recipe ? (int64_t)t->recipe->build_memory_bytes : 0,
					     .blocked_reason = t->planned ? NULL : t->reason,
					     .blocked_owner = t->planned ? NULL : t->owner,
					     .actor = r->context->actor,
					     .plan = str_span(&evidence),
					     .is_drill = r->incident.is_drill,
					     .retry = r->options->retry },
		       NULL, &written);
	r->changed |= written;
	return rc;
}

static int write_batch(struct transaction *tx, void *data)
{
	struct run *r = data;
	for (size_t i = r->batch_from; i < r->batch_to; i++) {
		int rc = write_task(tx, r, &r->plan.tasks[i]);
		if (rc)
			return rc;
	}
	return 0;
}

/* Tasks that wait for a person and that the plan does not have (any more). */
struct absent {
	struct run *r;
	struct map planned;
	int64_t *ids;
	size_t count, capacity;
};

static void absent_release(struct absent *x)
{
	map_release(&x->planned);
	rf_free(x->ids);
}

static const char *task_key(struct run *r, struct span service, struct span environment, struct span model, struct span target)
{
	return arena_printf(&r->a, "%.*s\n%.*s\n%.*s\n%.*s", SPAN_ARG(service), SPAN_ARG(environment), SPAN_ARG(model),
			    SPAN_ARG(target));
}

static int visit_stuck(const struct task *t, void *data)
{
	struct absent *x = data;
	const char *key = task_key(x->r, t->service, t->environment, t->model, t->target);
	if (!key)
		return out_of_memory(x->r);
	if (map_get(&x->planned, span_of(key)))
		return 0;
	if (x->count == x->capacity) {
		size_t capacity = x->capacity ? x->capacity * 2 : 64;
		int64_t *grown = rf_realloc_array(x->ids, capacity, sizeof *grown);
		if (!grown)
			return out_of_memory(x->r);
		x->ids = grown;
		x->capacity = capacity;
	}
	x->ids[x->count++] = t->id;
	return 0;
}

static int retire_absent(struct transaction *tx, struct run *r)
{
	RF_AUTO(absent) x = { .r = r, .planned = MAP_INIT };
	int64_t answered = 0;
	int rc = TX_I64(tx, &answered, "SELECT COUNT(*) FROM incident_advisory WHERE incident = $1", DB_I(r->id));
	/* another process added an advisory since: its engines are in its plan, not in ours */
	if (rc || answered != (int64_t)r->plan.advisory_count)
		return rc;
	for (size_t i = 0; !rc && i < r->plan.task_count; i++) {
		struct plan_task *t = &r->plan.tasks[i];
		const char *key = task_key(r, span_of(t->service), span_of(t->environment), span_of(t->model), span_of(t->target));
		rc = key ? map_set(&x.planned, span_of(key), t) : out_of_memory(r);
	}
	if (!rc)
		rc = task_each_stuck(tx, r->id, PLAN_MAX_TASKS, visit_stuck, &x);
	for (size_t i = 0; !rc && i < x.count; i++)
		rc = task_retire(tx, x.ids[i], r->context->actor);
	r->changed |= x.count > 0;
	return rc;
}

static int write_complete(struct transaction *tx, void *data)
{
	struct run *r = data;
	int rc = retire_absent(tx, r);
	if (!rc)
		rc = task_plan_complete(tx, r->id, r->context->actor);
	if (rc || !r->changed)
		return rc;
	char subject[64], body[192];
	snprintf(subject, sizeof subject, "incident/%lld", (long long)r->id);
	snprintf(body, sizeof body, "{\"tasks\":%zu,\"planned\":%zu,\"blocked\":%zu,\"runtimes\":%zu}",
		 r->plan.task_count, r->plan.planned, r->plan.blocked, r->plan.rest_count);
	return ledger_append(tx,
			     &(struct ledger_entry){ "incident.planned", subject, r->context->actor, span_of(body) });
}

static void report_progress(struct run *r, enum response_step step, int64_t n, int64_t m)
{
	if (!r->options->progress)
		return;
	r->counts.step = step;
	r->counts.done[step] = n;
	r->counts.total[step] = m;
	r->counts.elapsed_usec = mono_usec() - r->started;
	r->counts.left_usec = -1;
	if (!r->counts.what)
		r->counts.what = "";
	r->options->progress(&r->counts, r->options->data);
}

static int store_plan(struct run *r)
{
	size_t n = r->plan.task_count;
	for (size_t i = 0; i < n; i += PLAN_BATCH) {
		if (thread_stop_wanted())
			return 0;
		r->batch_from = i;
		r->batch_to = RF_MIN(i + PLAN_BATCH, n);
		int rc = database_transact(r->context->db, DB_WRITE, write_batch, r, r->err);
		if (rc)
			return rc;
		report_progress(r, RESPONSE_PLAN, (int64_t)r->batch_to, (int64_t)n);
	}
	return database_transact(r->context->db, DB_WRITE, write_complete, r, r->err);
}

/* ── the end ── */

struct refusals {
	struct run *r;
	int64_t held;
};

static int count_held(struct transaction *tx, void *data)
{
	struct refusals *h = data;
	return TX_I64(tx, &h->held, "SELECT COUNT(*) FROM release_plan WHERE incident = $1 AND held_reason <> ''",
		      DB_I(h->r->id));
}

static int conclude(struct run *r, struct response_outcome *ret)
{
	struct refusals h = { r, 0 };
	int rc = database_transact(r->context->db, DB_READ, count_held, &h, r->err);
	if (!rc && r->options->until == RESPONSE_PUBLISH)
		rc = channel_project(r->context->depot, r->context->db, NULL, r->err);
	if (!rc)
		rc = run_seal(r);
	if (rc)
		return rc;
	*ret = (struct response_outcome){ .incident = r->id,
					  .is_drill = r->incident.is_drill,
					  .opened = r->opened,
					  .nothing_exposed = r->plan.task_count == 0 && r->plan.rest_count == 0,
					  .counts = r->counts,
					  .elapsed_usec = mono_usec() - r->started,
					  .cancelled = thread_stop_wanted() };
	snprintf(ret->name, sizeof ret->name, "%.*s", SPAN_ARG(r->incident.name));
	ret->counts.what = "";
	ret->counts.elapsed_usec = ret->elapsed_usec;
	ret->exit_status = ret->cancelled ? 2 : r->counts.failed || h.held ? 1 : r->counts.blocked ? 3 : 0;
	return 0;
}

static int work(struct run *r)
{
	int rc = work_release_dead(r->context->db, NULL, r->err);
	if (!rc)
		rc = run_begin(r);
	if (!rc)
		rc = run_supervise(r);
	return run_end(r, rc);
}

static int run(struct run *r, struct response_outcome *ret)
{
	report_progress(r, RESPONSE_CONFIRM, 0, 1);
	int rc = tools_new(r->context, &r->tools, r->err);
	if (!rc)
		rc = confirm(r);
	if (rc)
		return rc;
	if (!r->id) {
		*ret = (struct response_outcome){ .nothing_exposed = true,
						  .is_drill = r->plan.is_drill,
						  .elapsed_usec = mono_usec() - r->started };
		ret->counts.what = "";
		return 0;
	}
	report_progress(r, RESPONSE_CONFIRM, 1, 1);
	if (r->options->until >= RESPONSE_PLAN)
		rc = store_plan(r);
	if (!rc)
		rc = r->options->until >= RESPONSE_BUILD ? work(r) : run_count(r);
	return rc ? rc : conclude(r, ret);
}

int response_run(const struct response_context *context, const struct response_options *options,
		 struct response_outcome *ret, struct err *err)
{
	struct run r = { .context = context,
			 .options = options,
			 .a = ARENA_INIT(RUN_ARENA_BYTES),
			 .err = err,
			 .started = mono_usec() };
	int rc = run(&r, ret);
	tools_freep(&r.tools);
	arena_release(&r.a);
	return rc;
}
