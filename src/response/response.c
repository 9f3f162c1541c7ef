/* The run of one response: confirm, plan, then the supervisor of its workers. response.h is the manual. */
#include "response/response.h"

#include "advisory/store.h"
#include "base/fs.h"
#include "base/thread.h"
#include "depot/channel.h"
#include "format/json.h"
#include "ledger/ledger.h"
#include "response/engine.h"
#include "response/incident_int.h"
#include "response/plan_int.h"
#include "response/task_int.h"

/* A plan of 20,000 engines is about 40 MB. */
#define RUN_ARENA_BYTES ((size_t)2 * GIB)
/* Tasks written in one transaction: others on the database wait for 30 ms at most. */
#define PLAN_BATCH 200
/* A record published this long before any feed of ours had it was imported as history. */
#define BACKLOG_USEC (7 * USEC_PER_DAY)
#define SUPERVISE_USEC (100 * USEC_PER_MS)
#define SEAL_USEC (5 * USEC_PER_SEC)
/* How soon the items of a process killed beside this one go on. */
#define RELEASE_DEAD_USEC (1 * USEC_PER_SEC)

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

struct run {
	const struct response_context *context;
	const struct response_options *options;
	struct arena a;
	struct err *err;
	struct tools *tools;
	struct engine *engine;
	struct plan plan;
	struct incident incident;
	int64_t id;
	bool opened, changed;
	size_t batch_from, batch_to;
	struct response_progress counts;
	mono_t started;
};

static int out_of_memory(struct run *r)
{
	return err_set(r->err, RF_ENOMEM, "no memory for the response");
}

/* ── shared with the workers ── */

bool engine_stopping(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	bool stop = e->stop;
	pthread_mutex_unlock(&e->lock);
	return stop || thread_stop_wanted();
}

void engine_fail(struct engine *e, const struct err *err)
{
	pthread_mutex_lock(&e->lock);
	if (!e->fatal) {
		e->fatal = err->code ? err->code : RF_EINTERNAL;
		e->fatal_err = *err;
	}
	e->stop = true;
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
}

void engine_note(struct engine *e, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	pthread_mutex_lock(&e->lock);
	vsnprintf(e->what, sizeof e->what, format, args);
	pthread_mutex_unlock(&e->lock);
	va_end(args);
}

const char *engine_owner(const struct engine *e, const struct recipe *recipe, struct span service, struct arena *a)
{
	const struct workspace_service *s = workspace_service(e->context->workspace, service);
	const struct owner *owner = recipe ? &recipe->owner : s ? &s->owner : NULL;
	const char *text = owner ? arena_printf(a, "%s (%s)", owner->name, owner->contact) : NULL;
	return text ? text : "the keeper of reforge.yaml";
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
			                                        .first_seen_at = s.first_seen, .is_backlog = backlog,
			                                        .imported_at = s.first_seen };
		b->all_backlog &= backlog;
		if (s.advisory.published != USEC_NONE && (b->published_at == USEC_NONE || s.advisory.published < b->published_at))
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
	snprintf(evidence, sizeof evidence, "{\"engines_planned\":%zu,\"engines_blocked\":%zu,\"runtimes\":%zu}", r->plan.planned,
	         r->plan.blocked, r->plan.rest_count);
	rc = incident_open(tx,
	                   &(struct incident_birth){ .advisories = r->plan.advisories, .advisory_count = r->plan.advisory_count,
	                                             .is_drill = r->plan.is_drill, .is_backlog = b->all_backlog, .t0 = t0,
	                                             .t0_source = source, .published_at = b->published_at,
	                                             .actor = r->context->actor, .evidence = span_of(evidence) },
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
	return err_set(r->err, RF_ESTATE, "incident %lld (%.*s) is %s: reopen it first (reforge incident reopen)", (long long)r->id,
	               SPAN_ARG(r->incident.name), incident_state_name(s));
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
		return err_set(r->err, RF_EINVALID, "a response answers 1 to %d advisories, not %zu", INCIDENT_MAX_ADVISORIES, n);
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
	               &(struct task_birth){
			       .incident = r->id, .service = t->service, .environment = t->environment, .model = t->model,
			       .target = t->target, .toolchain = t->toolchain, .from_version = t->from_version,
			       .to_version = t->to_version, .engine_path = t->engine_path, .engine_digest = t->engine_digest,
			       .engine_bytes = t->engine_bytes, .build_digest = t->recipe ? t->recipe->build_digest : "",
			       .proof_digest = t->recipe ? t->recipe->proof_digest : "",
			       .memory_bytes = t->recipe ? (int64_t)t->recipe->build_memory_bytes : 0,
			       .blocked_reason = t->planned ? NULL : t->reason, .blocked_owner = t->planned ? NULL : t->owner,
			       .actor = r->context->actor, .plan = str_span(&evidence), .is_drill = r->incident.is_drill,
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

static int write_complete(struct transaction *tx, void *data)
{
	struct run *r = data;
	int rc = task_plan_complete(tx, r->id, r->context->actor);
	if (rc || !r->changed)
		return rc;
	char subject[64], body[192];
	snprintf(subject, sizeof subject, "incident/%lld", (long long)r->id);
	snprintf(body, sizeof body, "{\"tasks\":%zu,\"planned\":%zu,\"blocked\":%zu,\"runtimes\":%zu}", r->plan.task_count, r->plan.planned,
	         r->plan.blocked, r->plan.rest_count);
	return ledger_append(tx, &(struct ledger_entry){ "incident.planned", subject, r->context->actor, span_of(body) });
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

/* ── the supervisor ── */

struct counting {
	struct run *r;
	bool unfinished;
	int64_t to_publish;
	usec_t next_due;
};

/* Counts over environments: a few rows, whatever the number of tasks. */
static int count_all(struct transaction *tx, void *data)
{
	struct counting *c = data;
	struct response_progress *p = &c->r->counts;
	{
		RF_AUTO_ROWS rows = NULL;
		int rc = TX_QUERY(tx, &rows,
		                  "SELECT COALESCE(SUM(tasks), 0), COALESCE(SUM(planned), 0), COALESCE(SUM(building), 0), "
		                  "COALESCE(SUM(built), 0), COALESCE(SUM(proven), 0), COALESCE(SUM(failed), 0), COALESCE(SUM(blocked), 0), "
		                  "COALESCE(SUM(releases), 0), COALESCE(SUM(published), 0) FROM incident_environment WHERE incident = $1",
		                  DB_I(c->r->id));
		if (rc)
			return rc;
		rc = rows_next(rows);
		if (rc <= 0)
			return rc;
		int64_t *const counts[] = { &p->tasks, &p->planned, &p->building, &p->built, &p->proven, &p->failed, &p->blocked,
			                    &p->releases, &p->published };
		for (size_t i = 0; i < RF_COUNT(counts); i++)
			*counts[i] = rows_i64(rows, (int)i);
	}
	c->to_publish = 0;
	bool working = p->planned + p->building + p->built > 0;
	int rc = 0;
	if (!working)
		rc = TX_I64(tx, &c->to_publish,
		            "SELECT COUNT(*) FROM release_plan WHERE incident = $1 AND tasks > 0 AND proven = tasks AND published_at IS NULL "
		            "AND held_reason = ''",
		            DB_I(c->r->id));
	if (!rc && c->r->engine->kind_count)
		rc = work_next_due(tx, c->r->engine->kinds, c->r->engine->kind_count, &c->next_due);
	return rc;
}

static bool finished(const struct run *r, const struct counting *c)
{
	const struct response_progress *p = &r->counts;
	if (p->planned + p->building > 0)
		return false;
	if (r->options->until == RESPONSE_BUILD)
		return true;
	if (p->built > 0)
		return false;
	return r->options->until == RESPONSE_PROVE || c->to_publish == 0;
}

static void estimate(struct run *r)
{
	struct engine *e = r->engine;
	struct response_progress *p = &r->counts;
	int64_t to_build = p->planned + p->building, to_prove = r->options->until == RESPONSE_BUILD ? 0 : to_build + p->built;
	pthread_mutex_lock(&e->lock);
	int64_t built = e->built, build_usec = e->build_usec, proven = e->proven, prove_usec = e->prove_usec;
	static _Thread_local char what[256];
	memcpy(what, e->what, sizeof what);
	pthread_mutex_unlock(&e->lock);
	p->what = what;
	p->left_usec = -1;
	if ((to_build && !built) || (to_prove && !proven))
		return;
	int64_t left = (to_build ? to_build * (build_usec / built) : 0) + (to_prove ? to_prove * (prove_usec / proven) : 0);
	p->left_usec = left / (int64_t)RF_MAX(e->threads, 1U);
}

static void fill_steps(struct run *r, const struct counting *c)
{
	struct response_progress *p = &r->counts;
	int64_t work = p->tasks - p->blocked;
	p->done[RESPONSE_CONFIRM] = p->total[RESPONSE_CONFIRM] = 1;
	p->done[RESPONSE_PLAN] = p->total[RESPONSE_PLAN] = p->tasks;
	p->total[RESPONSE_BUILD] = p->total[RESPONSE_PROVE] = work;
	p->done[RESPONSE_BUILD] = p->built + p->proven + p->failed;
	p->done[RESPONSE_PROVE] = p->proven + p->failed;
	p->total[RESPONSE_PUBLISH] = p->published + c->to_publish + (p->planned + p->building + p->built > 0 ? p->releases - p->published : 0);
	p->done[RESPONSE_PUBLISH] = p->published;
	p->step = p->planned + p->building > 0 ? RESPONSE_BUILD : p->built > 0 ? RESPONSE_PROVE : RESPONSE_PUBLISH;
	p->step = RF_MIN(p->step, r->options->until);
	p->elapsed_usec = mono_usec() - r->started;
}

/* Items that workers hold, so that long builds stay theirs. An item that another took is left to its worker to find out. */
static int renew_leases(struct run *r)
{
	struct engine *e = r->engine;
	for (unsigned i = 0; i < e->threads; i++) {
		pthread_mutex_lock(&e->lock);
		bool busy = e->workers[i].busy;
		struct work_item item = e->workers[i].item;
		pthread_mutex_unlock(&e->lock);
		if (!busy)
			continue;
		struct err err = ERR_INIT;
		int rc = work_renew(r->context->db, &item, ENGINE_LEASE_USEC, &err);
		if (rc && rc != RF_EFENCED && rc != RF_EBUSY) {
			*r->err = err;
			return rc;
		}
	}
	return 0;
}

static int seal(struct run *r)
{
	if (!r->context->ledger_key)
		return 0;
	char path[FS_PATH_MAX];
	int rc = fs_join(path, sizeof path, r->context->workspace->ledger, "checkpoints.jsonl", r->err);
	if (rc)
		return rc;
	rc = ledger_seal(r->context->db, r->context->workspace->site, r->context->ledger_key, path, false, NULL, r->err);
	if (rc == RF_EBUSY) {
		*r->err = ERR_INIT;
		return 0;
	}
	return rc;
}

/* Unfinished tasks without any item that could bring them on would be waited for for ever. */
static int check_stuck(struct run *r, const struct counting *c, mono_t *since)
{
	if (c->next_due != USEC_NONE || !c->unfinished) {
		*since = 0;
		return 0;
	}
	mono_t now = mono_usec();
	if (!*since)
		*since = now;
	if (now - *since < 10 * USEC_PER_SEC)
		return 0;
	return err_set(r->err, RF_EINTERNAL, "incident %lld has unfinished tasks and the queue no work for them", (long long)r->id);
}

static void wait_a_little(struct engine *e)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += SUPERVISE_USEC * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&e->lock);
	if (!e->stop)
		pthread_cond_timedwait(&e->wake, &e->lock, &until);
	pthread_mutex_unlock(&e->lock);
}

static int supervise(struct run *r)
{
	mono_t renewed = mono_usec(), sealed = renewed, released = renewed, shown = 0, stuck = 0;
	while (!engine_stopping(r->engine)) {
		mono_t now = mono_usec();
		int rc = 0;
		if (now - shown >= SUPERVISE_USEC) {
			struct counting c = { .r = r };
			rc = database_transact(r->context->db, DB_READ, count_all, &c, r->err);
			if (rc)
				return rc;
			fill_steps(r, &c);
			estimate(r);
			if (r->options->progress)
				r->options->progress(&r->counts, r->options->data);
			if (finished(r, &c))
				return 0;
			c.unfinished = true;
			rc = check_stuck(r, &c, &stuck);
			shown = now;
		}
		if (!rc && now - renewed >= ENGINE_RENEW_USEC) {
			rc = renew_leases(r);
			renewed = now;
		}
		if (!rc && now - released >= RELEASE_DEAD_USEC) {
			rc = work_release_dead(r->context->db, NULL, r->err);
			released = now;
		}
		if (!rc && now - sealed >= SEAL_USEC) {
			rc = seal(r);
			sealed = now;
		}
		if (rc)
			return rc;
		wait_a_little(r->engine);
	}
	return 0;
}

static int engine_begin(struct run *r)
{
	struct engine *e = rf_alloc(sizeof *e);
	if (!e)
		return out_of_memory(r);
	r->engine = e;
	const struct workspace *ws = r->context->workspace;
	e->context = r->context;
	e->tools = r->tools;
	budget_init(&e->budget, ws->build_memory_bytes ? ws->build_memory_bytes : budget_machine_bytes());
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->wake, NULL);
	static const char *const kinds[] = { WORK_BUILD, WORK_PROVE, WORK_PUBLISH };
	e->kind_count = (size_t)r->options->until - RESPONSE_BUILD + 1;
	memcpy(e->kinds, kinds, sizeof kinds);
	unsigned threads = r->options->threads ? r->options->threads : ws->build_jobs ? ws->build_jobs : thread_cpus();
	threads = RF_MIN(threads, (unsigned)ENGINE_MAX_THREADS);
	int rc = fs_make_dirs(ws->work, 0700, r->err);
	for (unsigned i = 0; !rc && i < threads; i++) {
		struct worker *w = &e->workers[i];
		w->engine = e;
		w->a = ARENA_INIT(512 * MIB);
		if (pthread_create(&w->thread, NULL, worker_main, w)) {
			if (i == 0)
				rc = err_set(r->err, RF_EIO, "no thread could be started");
			break;
		}
		w->started = true;
		e->threads++;
	}
	return rc;
}

/* Workers end the item they have; what is left stays in the queue. */
static int engine_end(struct run *r, int rc)
{
	struct engine *e = r->engine;
	if (!e)
		return rc;
	pthread_mutex_lock(&e->lock);
	e->stop = true;
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
	for (unsigned i = 0; i < e->threads; i++) {
		pthread_join(e->workers[i].thread, NULL);
		arena_release(&e->workers[i].a);
	}
	if (!rc && e->fatal && !(e->fatal == RF_ECANCELLED && thread_stop_wanted())) {
		*r->err = e->fatal_err;
		rc = e->fatal;
	}
	struct counting c = { .r = r };
	if (!rc)
		rc = database_transact(r->context->db, DB_READ, count_all, &c, r->err);
	if (!rc)
		fill_steps(r, &c);
	budget_release(&e->budget);
	pthread_mutex_destroy(&e->lock);
	pthread_cond_destroy(&e->wake);
	rf_free(e);
	r->engine = NULL;
	return rc;
}

/* ── the end ── */

struct refusals {
	struct run *r;
	int64_t held;
};

static int count_held(struct transaction *tx, void *data)
{
	struct refusals *h = data;
	return TX_I64(tx, &h->held, "SELECT COUNT(*) FROM release_plan WHERE incident = $1 AND held_reason <> ''", DB_I(h->r->id));
}

static int conclude(struct run *r, struct response_outcome *ret)
{
	struct refusals h = { r, 0 };
	int rc = database_transact(r->context->db, DB_READ, count_held, &h, r->err);
	if (!rc && r->options->until == RESPONSE_PUBLISH)
		rc = channel_project(r->context->depot, r->context->db, NULL, r->err);
	if (!rc)
		rc = seal(r);
	if (rc)
		return rc;
	*ret = (struct response_outcome){ .incident = r->id, .is_drill = r->incident.is_drill, .opened = r->opened,
		                          .nothing_exposed = r->plan.task_count == 0 && r->plan.rest_count == 0,
		                          .counts = r->counts, .elapsed_usec = mono_usec() - r->started,
		                          .cancelled = thread_stop_wanted() };
	snprintf(ret->name, sizeof ret->name, "%.*s", SPAN_ARG(r->incident.name));
	ret->counts.what = "";
	ret->counts.elapsed_usec = ret->elapsed_usec;
	ret->exit_status = ret->cancelled                   ? 2
	                   : r->counts.failed || h.held     ? 1
	                   : r->counts.blocked              ? 3
	                                                    : 0;
	return 0;
}

static int work(struct run *r)
{
	int rc = work_release_dead(r->context->db, NULL, r->err);
	if (!rc)
		rc = engine_begin(r);
	if (!rc)
		rc = supervise(r);
	return engine_end(r, rc);
}

/* Counts without workers: `--until confirm` and `--until plan`. */
static int count_only(struct run *r)
{
	struct engine none = { 0 };
	r->engine = &none;
	struct counting c = { .r = r };
	int rc = database_transact(r->context->db, DB_READ, count_all, &c, r->err);
	r->engine = NULL;
	if (!rc)
		fill_steps(r, &c);
	return rc;
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
		*ret = (struct response_outcome){ .nothing_exposed = true, .is_drill = r->plan.is_drill,
			                          .elapsed_usec = mono_usec() - r->started };
		ret->counts.what = "";
		return 0;
	}
	report_progress(r, RESPONSE_CONFIRM, 1, 1);
	if (r->options->until >= RESPONSE_PLAN)
		rc = store_plan(r);
	if (!rc)
		rc = r->options->until >= RESPONSE_BUILD ? work(r) : count_only(r);
	return rc ? rc : conclude(r, ret);
}

int response_run(const struct response_context *context, const struct response_options *options, struct response_outcome *ret,
                 struct err *err)
{
	struct run r = { .context = context, .options = options, .a = ARENA_INIT(RUN_ARENA_BYTES), .err = err, .started = mono_usec() };
	int rc = run(&r, ret);
	tools_freep(&r.tools);
	arena_release(&r.a);
	return rc;
}
