/* prove - both engines over the same inputs, judged; prove.h is the manual. */
#include "prove/prove_int.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#define DEFAULT_DEADLINE_USEC (3600 * (int64_t)1000000)

static int verify_engine(const struct prove_side *side, struct err *err)
{
	struct digest found;
	int rc = digest_file(side->engine, &found, NULL, err);
	if (rc || digest_eq(&found, &side->engine_digest))
		return rc;
	char have[DIGEST_HEX], want[DIGEST_HEX];
	(void)err_set(err, RF_EVERIFY, "sha256 is %s, the task says %s", digest_hex(&found, have), digest_hex(&side->engine_digest, want));
	return err_in_file(err, side->engine);
}

/* Everything of an earlier, killed call goes. */
static int clean(const struct prove_job *job, struct err *err)
{
	char path[FS_PATH_MAX];
	int rc = fs_join(path, sizeof path, job->task_folder, "outputs", err);
	if (!rc)
		rc = fs_remove_tree(path, err);
	if (!rc)
		rc = fs_join(path, sizeof path, job->task_folder, PROVE_FILE, err);
	if (!rc)
		rc = fs_remove_tree(path, err);
	return rc;
}

/* NULL in *ret_missing: the old engine is there and open. */
static int start_old(struct runner *r, struct arena *a, const char **ret_missing, struct err *err)
{
	*ret_missing = NULL;
	if (!r->side->engine) {
		*ret_missing = "the old engine is not at hand";
		return 0;
	}
	if (!r->side->toolchain) {
		*ret_missing = "the old toolchain is not at hand";
		return 0;
	}
	struct err why = ERR_INIT;
	int rc = verify_engine(r->side, err);
	if (!rc)
		rc = runner_start(r, a, &why);
	else
		return rc;
	if (!rc)
		return 0;
	if (!runner_error_is_theirs(rc))
		return *err = why, rc;
	char text[2048];
	*ret_missing = arena_printf(a, "the old engine does not load: %s", err_render(&why, text, sizeof text));
	return *ret_missing ? 0 : err_set(err, RF_ENOMEM, "out of memory");
}

/* A new engine that does not load is a result: *ret_reason and *ret are set. A driver that cannot run engines says nothing
 * about this one. */
static int start_new(struct runner *r, struct arena *a, const char **ret_reason, enum judgement *ret, struct err *err)
{
	*ret_reason = NULL;
	int rc = verify_engine(r->side, err);
	if (rc)
		return rc;
	struct err why = ERR_INIT;
	rc = runner_start(r, a, &why);
	if (!rc)
		return 0;
	if (!runner_error_is_theirs(rc))
		return *err = why, rc;
	char text[2048];
	*ret = rc == RF_EUNSUPPORTED ? JUDGEMENT_INCONCLUSIVE : JUDGEMENT_FAIL;
	*ret_reason = arena_printf(a, "the new engine does not load: %s", err_render(&why, text, sizeof text));
	return *ret_reason ? 0 : err_set(err, RF_ENOMEM, "out of memory");
}

static int judge_latency(const struct prove_job *job, const struct golden *g, struct runner *old_runner, const char *old_missing,
                         struct runner *new_runner, struct arena *a, struct prove_result *r, struct err *err)
{
	r->performance = r->performance_asked ? JUDGEMENT_INCONCLUSIVE : JUDGEMENT_PASS;
	if (r->numeric != JUDGEMENT_PASS) {
		r->performance_text = "not measured: the answers decide";
		return 0;
	}
	if (old_missing || r->baseline_stored) {
		r->performance_text = "not measured: there is no old engine to measure beside the new one";
		return 0;
	}
	return latency_judge(job, g, old_runner, new_runner, a, r, err);
}

static int reason_with_latency(struct arena *a, const struct prove_job *job, struct prove_result *r, struct err *err)
{
	struct performance_rule rule = prove_performance_rule(&job->recipe->performance);
	r->hold = prove_holds(r->numeric, r->performance, rule.doubt);
	if (r->numeric != JUDGEMENT_PASS || r->performance == JUDGEMENT_PASS)
		return 0;
	if (r->performance == JUDGEMENT_FAIL)
		r->reason = arena_printf(a, "slower than allowed: %s", r->performance_text);
	else
		r->reason = arena_printf(a, "%s; latency: cannot tell, %s", r->reason, r->hold ? "held as the recipe asks" : "accepted with this warning");
	return r->reason ? 0 : err_set(err, RF_ENOMEM, "out of memory");
}

static int judge_both(const struct prove_job *job, const struct golden *g, struct runner *old_runner, struct runner *new_runner,
                      struct arena *a, struct prove_result *r, struct err *err)
{
	const char *old_missing, *new_broken;
	int rc = start_old(old_runner, a, &old_missing, err);
	if (!rc)
		rc = start_new(new_runner, a, &new_broken, &r->numeric, err);
	if (rc)
		return rc;
	if (new_broken)
		r->reason = new_broken;
	else
		rc = answers_judge(job, g, old_runner, old_missing, new_runner, a, r, err);
	if (!rc)
		rc = judge_latency(job, g, old_runner, old_missing, new_runner, a, r, err);
	return rc;
}

/* In one step, but not durable: the caller keeps proof.json in the transaction that records the outcome, and makes the
 * proof again when that did not happen. Two fsyncs an engine would be a third of the time of a small one. */
static int write_file(const char *path, struct span bytes, struct err *err)
{
	char part[FS_PATH_MAX];
	int n = snprintf(part, sizeof part, "%s.part", path);
	if (n < 0 || (size_t)n >= sizeof part)
		return err_set(err, RF_ETOOBIG, "the path of proof.json is too long");
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int rc = fd < 0 ? err_set_errno(err, errno, "proof.json cannot be written") : fs_write_all(fd, bytes.p, bytes.n, err);
	if (fd >= 0 && close(fd) && !rc)
		rc = err_set_errno(err, errno, "proof.json cannot be written");
	if (!rc && rename(part, path))
		rc = err_set_errno(err, errno, "proof.json cannot be put in its place");
	if (rc)
		(void)err_in_file(err, path);
	return rc;
}

/* Writes proof.json last, in one step. */
static int leave_proof(const struct prove_job *job, const struct golden *g, const struct runner *old_runner, const struct runner *new_runner,
                       struct arena *a, struct prove_result *r, struct err *err)
{
	RF_AUTO(str) json = STR_INIT(PROVE_MAX_PROOF_BYTES);
	int rc = proof_write(job, g, old_runner, new_runner, r, &json, err);
	char *path = arena_printf(a, "%s/%s", job->task_folder, PROVE_FILE);
	if (!rc && !path)
		rc = err_set(err, RF_ENOMEM, "out of memory");
	if (!rc)
		rc = write_file(path, str_span(&json), err);
	if (!rc) {
		digest_of(str_span(&json), &r->proof);
		r->proof_path = path;
	}
	return rc;
}

static const char *isolation_text(struct arena *a, const struct runner *old_runner, const struct runner *new_runner)
{
	if (!old_runner->isolation[0] || strcmp(old_runner->isolation, new_runner->isolation) == 0)
		return arena_text(a, span_of(new_runner->isolation));
	return arena_printf(a, "old: %s; new: %s", old_runner->isolation, new_runner->isolation);
}

int prove_engine(const struct prove_job *job, struct arena *a, struct prove_result *ret, struct err *err)
{
	static const struct performance_interval not_measured = { (double)NAN, (double)NAN, (double)NAN, (double)NAN, JUDGEMENT_PASS, false };
	struct prove_result r = { .performance_asked = job->recipe->performance.given };
	r.timing = (struct performance_result){ .p50 = not_measured, .p99 = not_measured, .throughput = not_measured, .worst = "none" };
	struct golden g = { 0 };
	prove_tell(job, "inputs", 0, 0);
	int rc = clean(job, err);
	if (!rc)
		rc = golden_open(a, job->inputs, &g, err);
	if (rc)
		return rc;
	if (!job->new_side.engine || !job->new_side.toolchain)
		return err_set(err, RF_ENOTFOUND, "the new engine and its toolchain must be at hand");
	mono_t until = mono_usec() + (job->deadline_usec > 0 ? job->deadline_usec : DEFAULT_DEADLINE_USEC);
	struct runner old_runner = { .job = job, .side = &job->old_side, .golden = &g, .label = "old", .until = until };
	struct runner new_runner = { .job = job, .side = &job->new_side, .golden = &g, .label = "new", .until = until };
	rc = judge_both(job, &g, &old_runner, &new_runner, a, &r, err);
	runner_stop(&old_runner, a);
	runner_stop(&new_runner, a);
	if (rc)
		return rc;
	r.inputs_digest = g.digest;
	r.isolation = isolation_text(a, &old_runner, &new_runner);
	rc = r.isolation ? reason_with_latency(a, job, &r, err) : err_set(err, RF_ENOMEM, "out of memory");
	if (!rc)
		rc = leave_proof(job, &g, &old_runner, &new_runner, a, &r, err);
	if (!rc)
		*ret = r;
	return rc;
}
