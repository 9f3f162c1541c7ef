/* Watches over the workers of one response (run.h). */
#include "response/run.h"

#include "base/fs.h"
#include "base/thread.h"
#include "ledger/ledger.h"
#include "response/task_int.h"

#define SUPERVISE_USEC (100 * USEC_PER_MS)
#define SEAL_USEC (5 * USEC_PER_SEC)
/* How soon the items of a process killed beside this one go on. */
#define RELEASE_DEAD_USEC (1 * USEC_PER_SEC)

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

/* ── counts ── */

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
		int rc = TX_QUERY(
			tx, &rows,
			"SELECT COALESCE(SUM(tasks), 0), COALESCE(SUM(planned), 0), COALESCE(SUM(building), 0), "
			"COALESCE(SUM(built), 0), COALESCE(SUM(proven), 0), COALESCE(SUM(failed), 0), "
			"COALESCE(SUM(blocked), 0), "
			"COALESCE(SUM(releases), 0), COALESCE(SUM(published), 0) FROM incident_environment WHERE "
			"incident = $1",
			DB_I(c->r->id));
		if (rc)
			return rc;
		rc = rows_next(rows);
		if (rc <= 0)
			return rc;
		int64_t *const counts[] = { &p->tasks,  &p->planned, &p->building, &p->built,    &p->proven,
					    &p->failed, &p->blocked, &p->releases, &p->published };
		for (size_t i = 0; i < RF_COUNT(counts); i++)
			*counts[i] = rows_i64(rows, (int)i);
	}
	c->to_publish = 0;
	bool working = p->planned + p->building + p->built > 0;
	int rc = 0;
	if (!working)
		rc = TX_I64(tx, &c->to_publish,
			    "SELECT COUNT(*) FROM release_plan WHERE incident = $1 AND tasks > 0 AND proven = tasks "
			    "AND published_at IS NULL "
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
	int64_t to_build = p->planned + p->building,
		to_prove = r->options->until == RESPONSE_BUILD ? 0 : to_build + p->built;
	pthread_mutex_lock(&e->lock);
	int64_t built = e->built, build_usec = e->build_usec, proven = e->proven, prove_usec = e->prove_usec;
	static _Thread_local char what[256];
	memcpy(what, e->what, sizeof what);
	pthread_mutex_unlock(&e->lock);
	p->what = what;
	p->left_usec = -1;
	if ((to_build && !built) || (to_prove && !proven))
		return;
	int64_t left =
		(to_build ? to_build * (build_usec / built) : 0) + (to_prove ? to_prove * (prove_usec / proven) : 0);
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
	p->total[RESPONSE_PUBLISH] = p->published + c->to_publish +
				     (p->planned + p->building + p->built > 0 ? p->releases - p->published : 0);
	p->done[RESPONSE_PUBLISH] = p->published;
	p->step = p->planned + p->building > 0 ? RESPONSE_BUILD : p->built > 0 ? RESPONSE_PROVE : RESPONSE_PUBLISH;
	p->step = RF_MIN(p->step, r->options->until);
	p->elapsed_usec = mono_usec() - r->started;
}

/* Items that workers hold, so that long builds stay theirs. An item that another took is left to its worker to find
 * out. */
static int renew_leases(struct run *r)
{
	struct engine *e = r->engine;
	for (unsigned i = 0; i < e->threads; i++) {
		pthread_mutex_lock(&e->lock);
		bool busy = e->workers[i].busy;
		struct work_item item = e->workers[i].leased;
		char key[WORK_MAX_KEY + 1];
		memcpy(key, e->workers[i].leased_key, sizeof key);
		pthread_mutex_unlock(&e->lock);
		item.key = key;
		item.kind = NULL;
		item.payload = SPAN_NONE;
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

int run_seal(struct run *r)
{
	if (!r->context->ledger_key)
		return 0;
	char path[FS_PATH_MAX];
	int rc = fs_join(path, sizeof path, r->context->workspace->ledger, "checkpoints.jsonl", r->err);
	if (rc)
		return rc;
	rc = ledger_seal(r->context->db, r->context->workspace->site, r->context->ledger_key, path, false, NULL,
			 r->err);
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
	return err_set(r->err, RF_EINTERNAL, "incident %lld has unfinished tasks and the queue no work for them",
		       (long long)r->id);
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

int run_supervise(struct run *r)
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
			rc = run_seal(r);
			sealed = now;
		}
		if (rc)
			return rc;
		wait_a_little(r->engine);
	}
	return 0;
}

int run_begin(struct run *r)
{
	struct engine *e = rf_alloc(sizeof *e);
	if (!e)
		return err_set(r->err, RF_ENOMEM, "no memory for the workers");
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
int run_end(struct run *r, int rc)
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

int run_count(struct run *r)
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
