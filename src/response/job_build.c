/* Building the engine of one task, and what is kept of it as evidence (job.h). */
#include "response/job.h"

#include "base/fs.h"
#include "build/engine.h"
#include "format/json.h"

#include <unistd.h>

/* Of a toolchain's log kept with the task; the rest is in the task's folder when the build failed. */
#define LOG_KEPT_BYTES (8 * KIB)

/* From now on planning leaves the task alone; what is built is what the task says at this moment, not when it was read. */
static int set_building(struct transaction *tx, void *data)
{
	struct job *j = data;
	int rc = task_set_state(tx, &(struct task_change){ .task = j->task.id, .to = TASK_BUILDING, .actor = JOB_ACTOR });
	return rc ? rc : task_get(tx, j->task.id, &j->w->a, &j->task);
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

/* {"engine_file": …, "evidence": …, "recipe": …, "log_tail": …}: what provenance and report are made of, whatever
 * becomes of the recipe. */
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
	json_member(&o, "engine_file",
		    toolchain_kind_engine_file(j->kind, j->recipe->build_args, j->recipe->build_args_n));
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
		rc = job_folder_remove(j->folder, err);
	return rc;
}

static int build(struct job *j, struct err *err)
{
	struct worker *w = j->w;
	const struct response_context *c = w->engine->context;
	const char *version = job_text(w, j->task.to_version), *why = NULL;
	struct build_spec spec;
	int rc = build_spec_make(j->recipe, version, job_text(w, j->task.target), &w->a, &spec, err);
	if (!rc)
		rc = job_folder(c->workspace->work, j->task.id, &w->item, j->folder, err);
	if (rc)
		return rc;
	const struct toolchain *t = tools_get(w->engine->tools, j->kind, version, &why);
	if (!t)
		return err_set(err, RF_ENOTFOUND, "%s %s: %s", j->kind->name, version, why ? why : "not at hand");
	char source[FS_PATH_MAX];
	rc = workspace_path(c->workspace, j->recipe->source.path, source, sizeof source, err);
	struct build_job job = { .spec = &spec,
				 .toolchain = t,
				 .source_path = source,
				 .folder = j->folder,
				 .isolation = tools_isolation(c) };
	struct build_evidence e = { 0 };
	if (!rc)
		rc = build_engine(&job, &w->a, &e, err);
	return rc ? rc : keep_engine(j, &e, err);
}

int job_build(struct job *j, struct err *err)
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
	if (!job_prepare(j, false))
		return 0;
	budget_take(&e->budget, j->recipe->build_memory_bytes);
	mono_t start = mono_usec();
	int rc = build(j, err);
	budget_give(&e->budget, j->recipe->build_memory_bytes);
	if (rc)
		return job_judge_error(j, rc, err);
	pthread_mutex_lock(&e->lock);
	e->built++;
	e->build_usec += mono_usec() - start;
	pthread_mutex_unlock(&e->lock);
	return 0;
}
