/*
 * A worker: claims an item, does its work with no transaction open, writes the outcome in a second one that must still hold
 * the item's lease. What can be repeated safely is repeated after a kill: the task's folder is wiped before a build, blobs are
 * put under their digest, a proof is simply made again.
 */
#include "response/engine.h"

#include "base/fs.h"
#include "base/thread.h"
#include "build/engine.h"
#include "format/json.h"
#include "prove/prove.h"
#include "response/incident.h"
#include "response/task_int.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define ACTOR "reforge:response"
/* Of a toolchain's log kept with the task; the rest is in the task's folder when the build failed. */
#define LOG_KEPT_BYTES (8 * KIB)

/* One task at work. */
struct job {
	struct worker *w;
	struct task task;
	bool incident_open;
	const struct recipe *recipe;
	const struct toolchain_kind *kind;
	char folder[FS_PATH_MAX];
	/* the outcome */
	enum task_state to;
	bool done_only;                    /* the task moved on without this item */
	bool retry;                        /* a failure of the passing kind */
	usec_t retry_at;
	const char *reason, *owner;
	const char *new_digest;
	int64_t new_bytes, duration_usec;
	struct span build_result, proof_result, evidence;
};

/* ── outcome ── */

static int write_outcome(struct transaction *tx, void *data)
{
	struct job *j = data;
	int rc;
	if (j->retry) {
		bool failed = false;
		rc = work_retry(tx, &j->w->item, j->retry_at, j->reason, &failed);
		if (rc || !failed)
			return rc;
	} else {
		rc = work_done(tx, &j->w->item);
	}
	if (rc || j->done_only)
		return rc;
	return task_set_state(tx, &(struct task_change){
		.task = j->task.id, .to = j->to, .actor = ACTOR, .reason = j->reason, .owner = j->owner, .evidence = j->evidence,
		.new_digest = j->new_digest, .new_bytes = j->new_bytes, .duration_usec = j->duration_usec,
		.build_result = j->build_result, .proof_result = j->proof_result });
}

static void set_failed(struct job *j, const char *reason)
{
	j->to = TASK_FAILED;
	j->reason = reason && *reason ? reason : "failed without a word";
	j->owner = engine_owner(j->w->engine, j->recipe, j->task.service, &j->w->a);
}

static void set_blocked(struct job *j, const char *reason)
{
	j->to = TASK_BLOCKED;
	j->reason = reason && *reason ? reason : "blocked without a word";
	j->owner = engine_owner(j->w->engine, j->recipe, j->task.service, &j->w->a);
}

/* What an error of a step means for the task. RF_EFULL and RF_ECANCELLED end the run and leave the task where it is. */
static int judge_error(struct job *j, int rc, struct err *err)
{
	char text[2048];
	const char *words = arena_text(&j->w->a, span_of(err_render(err, text, sizeof text)));
	switch (rc) {
	case RF_ENOMEM:
	case RF_EFULL:
	case RF_EDATABASE:
	case RF_ECANCELLED:
		return rc;
	case RF_EIO:
	case RF_EBUSY:
	case RF_ETIMEOUT:
		set_failed(j, words);
		j->retry = true;
		j->retry_at = now_usec() + (USEC_PER_SEC << RF_MIN(j->w->item.attempt, 6));
		return 0;
	case RF_ENOTFOUND:
	case RF_EPERM:
	case RF_EUNSUPPORTED:
		set_blocked(j, words);
		return 0;
	default:
		set_failed(j, words);
		return 0;
	}
}

/* ── preparing ── */

struct load {
	struct job *j;
	int64_t id;
};

static int load_task(struct transaction *tx, void *data)
{
	struct load *l = data;
	int rc = task_get(tx, l->id, &l->j->w->a, &l->j->task);
	if (rc)
		return rc;
	int64_t open;
	rc = TX_I64(tx, &open, "SELECT COUNT(*) FROM incident WHERE id = $1 AND state IN ('open', 'reopened')", DB_I(l->j->task.incident));
	l->j->incident_open = open == 1;
	return rc;
}

static int item_task(const struct work_item *item, int64_t *ret, struct err *err)
{
	struct json_doc *doc = json_doc_new();
	struct json root;
	int rc = doc ? json_parse(doc, item->payload, &root, err) : err_set(err, RF_ENOMEM, "no memory");
	if (!rc && !json_i64(json_get(root, "task"), ret))
		rc = err_set(err, RF_EINTERNAL, "work item %s names no task", item->key);
	json_doc_free(doc);
	return rc;
}

static const char *text_of(struct worker *w, struct span s)
{
	const char *t = arena_text(&w->a, s);
	return t ? t : "";
}

/* Recipe, toolchain kind, folder. False: the outcome is set. */
static bool prepare(struct job *j, bool proving)
{
	struct worker *w = j->w;
	const struct workspace *ws = w->engine->context->workspace;
	struct err err = ERR_INIT;
	char text[2048];
	int rc = workspace_recipe(ws, text_of(w, j->task.model), &j->recipe, &err);
	if (rc) {
		j->recipe = NULL;
		set_blocked(j, arena_text(&w->a, span_of(err_render(&err, text, sizeof text))));
		return false;
	}
	if (!span_eq_text(j->task.build_digest, j->recipe->build_digest) ||
	    (proving && !span_eq_text(j->task.proof_digest, j->recipe->proof_digest))) {
		set_blocked(j, arena_printf(&w->a, "recipe %s changed after the plan: run respond again", j->recipe->model));
		return false;
	}
	j->kind = toolchain_kind_find(span_of(j->recipe->toolchain));
	if (!j->kind) {
		set_blocked(j, arena_printf(&w->a, "no toolchain is called %s", j->recipe->toolchain));
		return false;
	}
	snprintf(j->folder, sizeof j->folder, "%s/task-%lld", ws->work, (long long)j->task.id);
	return true;
}

/* ── build ── */

static int set_building(struct transaction *tx, void *data)
{
	struct job *j = data;
	return task_set_state(tx, &(struct task_change){ .task = j->task.id, .to = TASK_BUILDING, .actor = ACTOR });
}

static int put_log(struct json_out *o, const char *path, struct err *err)
{
	int fd = -1;
	struct stat st;
	char tail[LOG_KEPT_BYTES];
	size_t n = 0;
	if (!path || fs_open_regular(path, true, &fd, &st, err))
		return 0;
	uint64_t size = (uint64_t)st.st_size, from = size > sizeof tail ? size - sizeof tail : 0;
	int rc = fs_pread(fd, tail, sizeof tail, from, &n, err);
	close(fd);
	if (!rc)
		json_member_span(o, "log_tail", span_bytes(tail, n));
	return rc;
}

/* {"engine_file": …, "evidence": …, "recipe": …, "log_tail": …}: what provenance and report are made of, whatever becomes of the recipe. */
static int make_build_result(struct job *j, const struct build_evidence *e, struct err *err)
{
	RF_AUTO(str) evidence = STR_INIT((48 * KIB));
	RF_AUTO(str) recipe = STR_INIT(RECIPE_MAX_BYTES * 2);
	RF_AUTO(str) text = STR_INIT(4 * MIB);
	int rc = build_evidence_json(e, &evidence, err);
	if (rc)
		return rc;
	recipe_build_json(j->recipe, &recipe);
	rc = str_check(&recipe, "recipe", err);
	if (rc)
		return rc;
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member(&o, "engine_file", toolchain_kind_engine_file(j->kind, j->recipe->build_args, j->recipe->build_args_n));
	json_key(&o, "evidence");
	json_put_raw(&o, str_span(&evidence));
	json_key(&o, "recipe");
	json_put_raw(&o, str_span(&recipe));
	rc = put_log(&o, e->log_path, err);
	json_object_end(&o);
	if (!rc)
		rc = str_check(&text, "build result", err);
	j->build_result = arena_span(&j->w->a, str_span(&text));
	j->evidence = arena_span(&j->w->a, str_span(&evidence));
	if (!rc && (!j->build_result.p || !j->evidence.p))
		rc = err_set(err, RF_ENOMEM, "no memory for a build's evidence");
	return rc;
}

static int keep_engine(struct job *j, const struct build_evidence *e, struct err *err)
{
	struct worker *w = j->w;
	struct digest digest;
	uint64_t bytes;
	int rc = depot_put_file(w->engine->context->depot, e->engine_path, &e->engine_digest, &digest, &bytes, err);
	if (rc)
		return rc;
	char *hex = arena_alloc(&w->a, DIGEST_HEX);
	if (!hex)
		return err_set(err, RF_ENOMEM, "no memory for a digest");
	j->new_digest = digest_hex(&digest, hex);
	j->new_bytes = (int64_t)bytes;
	j->duration_usec = e->process_usec;
	j->to = TASK_BUILT;
	rc = make_build_result(j, e, err);
	if (!rc)
		rc = fs_remove_tree(j->folder, err);
	return rc;
}

static int build(struct job *j, struct err *err)
{
	struct worker *w = j->w;
	const struct response_context *c = w->engine->context;
	const char *version = text_of(w, j->task.to_version), *why = NULL;
	struct build_spec spec;
	int rc = build_spec_make(j->recipe, version, text_of(w, j->task.target), &w->a, &spec, err);
	if (rc)
		return rc;
	const struct toolchain *t = tools_get(w->engine->tools, j->kind, version, &why);
	if (!t)
		return err_set(err, RF_ENOTFOUND, "%s %s: %s", j->kind->name, version, why ? why : "not at hand");
	char source[FS_PATH_MAX];
	rc = workspace_path(c->workspace, j->recipe->source.path, source, sizeof source, err);
	struct build_job job = { .spec = &spec, .toolchain = t, .source_path = source, .folder = j->folder,
		                 .isolation = tools_isolation(c) };
	struct build_evidence e = { 0 };
	if (!rc)
		rc = build_engine(&job, &w->a, &e, err);
	return rc ? rc : keep_engine(j, &e, err);
}

static int run_build(struct job *j, struct err *err)
{
	struct engine *e = j->w->engine;
	if (j->task.state != TASK_PLANNED && j->task.state != TASK_BUILDING) {
		j->done_only = true;
		return 0;
	}
	if (j->task.state == TASK_PLANNED) {
		int rc = database_transact(e->context->db, DB_WRITE, set_building, j, err);
		if (rc)
			return rc == RF_ESTATE ? (j->done_only = true, 0) : rc;
	}
	if (!prepare(j, false))
		return 0;
	budget_take(&e->budget, j->recipe->build_memory_bytes);
	mono_t start = mono_usec();
	int rc = build(j, err);
	budget_give(&e->budget, j->recipe->build_memory_bytes);
	if (rc)
		return judge_error(j, rc, err);
	pthread_mutex_lock(&e->lock);
	e->built++;
	e->build_usec += mono_usec() - start;
	pthread_mutex_unlock(&e->lock);
	return 0;
}

/* ── prove ── */

/* The proof tells where it is; its latency part gets the machine for itself where the recipe judges by it. */
struct quiet {
	struct budget *budget;
	bool judged, measuring;
};

static void on_progress(const struct prove_progress *p, void *data)
{
	struct quiet *q = data;
	bool latency = q->judged && !strcmp(p->step, "latency");
	if (latency && !q->measuring)
		budget_measure(q->budget);
	else if (!latency && q->measuring)
		budget_measured(q->budget);
	q->measuring = latency;
}

static int copy_bytes(int from, int to, char *piece, size_t size, struct err *err)
{
	uint64_t at = 0;
	for (;;) {
		size_t n;
		int rc = fs_pread(from, piece, size, at, &n, err);
		if (rc || n == 0)
			return rc;
		rc = fs_write_all(to, piece, n, err);
		if (rc)
			return rc;
		at += n;
	}
}

static int copy_blob(struct job *j, const struct digest *digest, const char *path, struct err *err)
{
	int from = -1;
	uint64_t bytes;
	int rc = depot_open_blob(j->w->engine->context->depot, digest, &from, &bytes, err);
	if (rc)
		return rc;
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	char *piece = rf_alloc(MIB);
	if (to < 0)
		rc = err_set_errno(err, errno, "%s could not be made", path);
	else if (!piece)
		rc = err_set(err, RF_ENOMEM, "no memory to copy an engine");
	else
		rc = copy_bytes(from, to, piece, MIB, err);
	rf_free(piece);
	close(from);
	if (to >= 0)
		close(to);
	return rc;
}

/* The engine under the name its toolchain knows it by: a blob has no extension. */
static int place_engine(struct job *j, const struct digest *digest, char *path, size_t size, struct err *err)
{
	char blob[FS_PATH_MAX], folder[FS_PATH_MAX + 8];
	snprintf(folder, sizeof folder, "%s/new", j->folder);
	int rc = depot_path(j->w->engine->context->depot, digest, blob, sizeof blob, err);
	if (!rc)
		rc = fs_remove_tree(j->folder, err);
	if (!rc)
		rc = fs_make_dirs(folder, 0700, err);
	if (!rc)
		rc = fs_join(path, size, folder,
		             toolchain_kind_engine_file(j->kind, j->recipe->build_args, j->recipe->build_args_n), err);
	if (rc)
		return rc;
	if (link(blob, path) == 0)
		return 0;
	return copy_blob(j, digest, path, err);     /* another file system */
}

/* What loads the old engine: the service's runtime when it is of the same toolchain, else its builder. NULL: not at hand. */
static const struct toolchain *old_toolchain(struct job *j)
{
	struct worker *w = j->w;
	const struct workspace_service *s = workspace_service(w->engine->context->workspace, j->task.service);
	const char *version = text_of(w, j->task.from_version);
	if (s && s->runtime_toolchain && s->runtime_version && !strcmp(s->runtime_toolchain, j->kind->name))
		version = s->runtime_version;
	return *version ? tools_get(w->engine->tools, j->kind, version, NULL) : NULL;
}

static int read_proof(struct job *j, const struct prove_result *r, struct err *err)
{
	RF_AUTO(str) proof = STR_INIT(PROVE_MAX_PROOF_BYTES);
	int rc = fs_read(r->proof_path, &proof, err);
	if (rc)
		return rc;
	j->proof_result = arena_span(&j->w->a, str_span(&proof));
	char hex[DIGEST_HEX];
	RF_AUTO(str) text = STR_INIT(16 * KIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member(&o, "numeric", judgement_name(r->numeric));
	json_member(&o, "performance", judgement_name(r->performance));
	json_member(&o, "reason", r->reason);
	json_member(&o, "performance_text", r->performance_text);
	json_member_u64(&o, "cases", r->cases);
	json_member(&o, "proof", digest_hex(&r->proof, hex));
	json_member(&o, "inputs", digest_hex(&r->inputs_digest, hex));
	json_member(&o, "isolation", r->isolation);
	json_object_end(&o);
	rc = str_check(&text, "proof evidence", err);
	j->evidence = arena_span(&j->w->a, str_span(&text));
	if (!rc && (!j->proof_result.p || !j->evidence.p))
		rc = err_set(err, RF_ENOMEM, "no memory for a proof");
	return rc;
}

static void judge_proof(struct job *j, const struct prove_result *r)
{
	bool failed = r->numeric == JUDGEMENT_FAIL || (r->hold && r->performance == JUDGEMENT_FAIL);
	if (!r->hold && !failed && r->numeric == JUDGEMENT_PASS) {
		j->to = TASK_PROVEN;
	} else if (failed) {
		set_failed(j, r->numeric == JUDGEMENT_FAIL ? r->reason : r->performance_text);
	} else if (r->numeric == JUDGEMENT_PASS && j->w->item.attempt < j->w->item.max_attempts) {
		/* only the speed could not be told: measured again before a person is asked */
		set_blocked(j, arena_printf(&j->w->a, "cannot tell: %s", r->performance_text));
		j->retry = true;
		j->retry_at = USEC_NONE;
	} else {
		set_blocked(j, arena_printf(&j->w->a, "cannot tell: %s",
		                            r->numeric == JUDGEMENT_PASS ? r->performance_text : r->reason));
	}
}

static int prove(struct job *j, struct err *err)
{
	struct worker *w = j->w;
	struct engine *e = w->engine;
	const char *version = text_of(w, j->task.to_version), *why = NULL;
	char path[FS_PATH_MAX], inputs[FS_PATH_MAX];
	struct prove_job job = { .recipe = j->recipe, .task_folder = j->folder, .target = text_of(w, j->task.target),
		                 .seed = (uint64_t)j->task.id, .isolation = tools_isolation(e->context),
		                 .memory_bytes = j->recipe->build_memory_bytes, .progress = on_progress };
	int rc = digest_read(j->task.new_digest, &job.new_side.engine_digest, err);
	if (!rc)
		rc = digest_read(j->task.engine_digest, &job.old_side.engine_digest, err);
	if (!rc)
		rc = place_engine(j, &job.new_side.engine_digest, path, sizeof path, err);
	if (!rc)
		rc = workspace_path(e->context->workspace, j->recipe->inputs, inputs, sizeof inputs, err);
	if (rc)
		return rc;
	job.inputs = inputs;
	job.new_side.engine = path;
	job.new_side.toolchain = tools_get(e->tools, j->kind, version, &why);
	if (!job.new_side.toolchain)
		return err_set(err, RF_ENOTFOUND, "%s %s: %s", j->kind->name, version, why ? why : "not at hand");
	job.old_side.engine = text_of(w, j->task.engine_path);
	job.old_side.toolchain = old_toolchain(j);
	if (!job.old_side.toolchain)
		job.old_side.engine = NULL;
	struct quiet quiet = { .budget = &e->budget, .judged = j->recipe->performance.given };
	job.data = &quiet;
	struct prove_result r = { 0 };
	mono_t start = mono_usec();
	rc = prove_engine(&job, &w->a, &r, err);
	if (quiet.measuring)
		budget_measured(&e->budget);
	j->duration_usec = mono_usec() - start;
	if (!rc)
		rc = read_proof(j, &r, err);
	if (rc)
		return rc;
	judge_proof(j, &r);
	return j->to == TASK_PROVEN || j->retry ? fs_remove_tree(j->folder, err) : 0;
}

static int run_prove(struct job *j, struct err *err)
{
	struct engine *e = j->w->engine;
	if (j->task.state != TASK_BUILT) {
		j->done_only = true;
		return 0;
	}
	if (!prepare(j, true))
		return 0;
	budget_take(&e->budget, j->recipe->build_memory_bytes);
	mono_t start = mono_usec();
	int rc = prove(j, err);
	budget_give(&e->budget, j->recipe->build_memory_bytes);
	if (rc)
		return judge_error(j, rc, err);
	pthread_mutex_lock(&e->lock);
	e->proven++;
	e->prove_usec += mono_usec() - start;
	pthread_mutex_unlock(&e->lock);
	return 0;
}

/* ── items ── */

/* Leaves an item that the end of the run interrupted: due again at once. */
static int put_back(struct transaction *tx, void *data)
{
	struct job *j = data;
	return work_retry(tx, &j->w->item, j->retry_at, "interrupted", NULL);
}

static int task_item(struct worker *w, struct err *err)
{
	struct engine *e = w->engine;
	struct job j = { .w = w };
	struct load l = { .j = &j };
	bool is_build = !strcmp(w->item.kind, WORK_BUILD);
	int rc = item_task(&w->item, &l.id, err);
	if (!rc)
		rc = database_transact(e->context->db, DB_READ, load_task, &l, err);
	if (rc)
		return rc;
	if (!j.incident_open) {
		/* dismissed or closed meanwhile: kept for the case that it is reopened */
		j.retry_at = now_usec() + USEC_PER_HOUR;
		return database_transact(e->context->db, DB_WRITE, put_back, &j, err);
	}
	if (w->item.lost > ENGINE_MAX_LOST)
		set_failed(&j, arena_printf(&w->a, "its worker died %d times", w->item.lost));
	else
		rc = is_build ? run_build(&j, err) : run_prove(&j, err);
	if (rc)
		return rc;
	rc = database_transact(e->context->db, DB_WRITE, write_outcome, &j, err);
	if (rc == RF_EFENCED) {
		*err = ERR_INIT;
		return 0;
	}
	if (!rc && !j.done_only && !j.retry)
		engine_note(e, "%.*s/%.*s %s", SPAN_ARG(j.task.service), SPAN_ARG(j.task.model), task_state_name(j.to));
	return rc;
}

static void set_busy(struct worker *w, bool busy)
{
	pthread_mutex_lock(&w->engine->lock);
	w->busy = busy;
	pthread_cond_broadcast(&w->engine->wake);
	pthread_mutex_unlock(&w->engine->lock);
}

/* Until an item ended (it may have enqueued another) or a moment passed (a retry may be due). */
static void idle(struct engine *e)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 200 * 1000 * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&e->lock);
	if (!e->stop)
		pthread_cond_timedwait(&e->wake, &e->lock, &until);
	pthread_mutex_unlock(&e->lock);
}

void *worker_main(void *data)
{
	struct worker *w = data;
	struct engine *e = w->engine;
	while (!engine_stopping(e)) {
		struct err err = ERR_INIT;
		struct work_item item;
		arena_reset(&w->a);
		int rc = work_claim(e->context->db, work_owner(), e->kinds, e->kind_count, ENGINE_LEASE_USEC, &w->a, &item, &err);
		if (rc == 0) {
			idle(e);
			continue;
		}
		if (rc > 0) {
			w->item = item;
			set_busy(w, true);
			rc = !strcmp(item.kind, WORK_PUBLISH) ? publish_item(w, &err) : task_item(w, &err);
			set_busy(w, false);
		}
		if (rc < 0 && rc != RF_EFENCED && rc != RF_EBUSY)
			engine_fail(e, &err);
	}
	return NULL;
}
