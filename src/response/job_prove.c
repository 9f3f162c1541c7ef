/* Proving the engine of one task against the one in service (job.h). */
#include "response/job.h"

#include "base/fs.h"
#include "format/json.h"
#include "prove/prove.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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
	return copy_blob(j, digest, path, err); /* another file system */
}

/* What loads the old engine: the service's runtime when it is of the same toolchain, else its builder. NULL: not at
 * hand. */
static const struct toolchain *old_toolchain(struct job *j)
{
	struct worker *w = j->w;
	const struct workspace_service *s = workspace_service(w->engine->context->workspace, j->task.service);
	const char *version = job_text(w, j->task.from_version);
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
		job_failed(j, r->numeric == JUDGEMENT_FAIL ? r->reason : r->performance_text);
	} else if (r->numeric == JUDGEMENT_PASS && j->w->item.attempt < j->w->item.max_attempts) {
		/* only the speed could not be told: measured again before a person is asked */
		job_blocked(j, arena_printf(&j->w->a, "cannot tell: %s", r->performance_text));
		j->retry = true;
		j->retry_at = USEC_NONE;
	} else {
		job_blocked(j, arena_printf(&j->w->a, "cannot tell: %s",
					    r->numeric == JUDGEMENT_PASS ? r->performance_text : r->reason));
	}
}

static int prove(struct job *j, struct err *err)
{
	struct worker *w = j->w;
	struct engine *e = w->engine;
	const char *version = job_text(w, j->task.to_version), *why = NULL;
	char path[FS_PATH_MAX], inputs[FS_PATH_MAX];
	struct prove_job job = { .recipe = j->recipe,
				 .task_folder = j->folder,
				 .target = job_text(w, j->task.target),
				 .seed = (uint64_t)j->task.id,
				 .isolation = tools_isolation(e->context),
				 .memory_bytes = j->recipe->build_memory_bytes,
				 .progress = on_progress };
	int rc = job_folder(e->context->workspace->work, j->task.id, &w->item, j->folder, err);
	if (!rc)
		rc = digest_read(j->task.new_digest, &job.new_side.engine_digest, err);
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
	job.old_side.engine = job_text(w, j->task.engine_path);
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
	return j->to == TASK_PROVEN || j->retry ? job_folder_remove(j->folder, err) : 0;
}

int job_prove(struct job *j, struct err *err)
{
	struct engine *e = j->w->engine;
	if (j->task.state != TASK_BUILT) {
		j->done_only = true;
		return 0;
	}
	if (!job_prepare(j, true))
		return 0;
	budget_take(&e->budget, j->recipe->build_memory_bytes);
	mono_t start = mono_usec();
	int rc = prove(j, err);
	budget_give(&e->budget, j->recipe->build_memory_bytes);
	if (rc)
		return job_judge_error(j, rc, err);
	pthread_mutex_lock(&e->lock);
	e->proven++;
	e->prove_usec += mono_usec() - start;
	pthread_mutex_unlock(&e->lock);
	return 0;
}
