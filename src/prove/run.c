/* run - one engine in its driver: a session that stays open, or for drivers without sessions one that is opened for each
 * block and closed after it, so that never two of them hold the device. */
#include "base/thread.h"
#include "prove/prove_int.h"

bool runner_error_is_theirs(int code)
{
	return code == RF_EPROCESS || code == RF_EUNSUPPORTED || code == RF_ECONFLICT || code == RF_EFORMAT || code == RF_ETRUNCATED ||
	       code == RF_EDENIED;
}

static int open_session(struct runner *r, struct err *err)
{
	int64_t left = r->until - mono_usec();
	if (left <= 0)
		return err_set(err, RF_ETIMEOUT, "the proof is out of time");
	const char *const folders[] = { r->golden->folder, NULL };
	struct toolchain_session_options o = {
		.engine = r->side->engine, .read_folders = folders, .write_folder = r->folder, .threads = r->job->threads, .deterministic = true,
		.limits = { .deadline_usec = left, .memory_bytes = r->job->memory_bytes, .isolation = r->job->isolation },
	};
	int rc = toolchain_session_open(r->side->toolchain, &o, &r->session, err);
	if (!rc && !r->load_usec)
		r->load_usec = toolchain_session_load_usec(r->session);
	return rc;
}

int runner_start(struct runner *r, struct arena *a, struct err *err)
{
	(void)a;
	r->blocks = !r->side->toolchain->kind->sessions;
	int rc = fs_join(r->folder, sizeof r->folder, r->job->task_folder, r->label[0] == 'o' ? "outputs/old" : "outputs/new", err);
	if (!rc)
		rc = fs_make_dirs(r->folder, 0700, err);
	if (!rc && !r->blocks)
		rc = open_session(r, err);
	return rc;
}

void runner_stop(struct runner *r, struct arena *a)
{
	struct toolchain_run run = { 0 };
	if (!r->session)
		return;
	toolchain_session_close(r->session, a, &run);
	r->session = NULL;
	if (run.isolation[0])
		memcpy(r->isolation, run.isolation, sizeof r->isolation);
}

static int iterate(struct runner *r, const struct golden_case *c, unsigned warmup, unsigned iterations, bool keep, struct arena *a,
                   struct toolchain_iteration *ret, struct err *err)
{
	size_t n = r->golden->names.inputs_n;
	struct toolchain_tensor_file *inputs = arena_array(a, n + 1, sizeof *inputs);
	char *prefix = arena_printf(a, "%s/%s-", r->folder, c->name);
	if (!inputs || !prefix)
		return err_set(err, RF_ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		inputs[i] = (struct toolchain_tensor_file){ span_of(r->golden->names.inputs[i]), c->paths[i] };
	struct toolchain_iterate request = { .inputs = inputs, .input_count = n, .warmup = warmup, .iterations = iterations,
		                             .output_prefix = keep ? prefix : NULL };
	return toolchain_session_iterate(r->session, &request, a, ret, err);
}

int runner_run(struct runner *r, const struct golden_case *c, unsigned warmup, unsigned iterations, bool keep, struct arena *a,
               struct toolchain_iteration *ret, struct err *err)
{
	if (thread_stop_wanted())
		return err_set(err, RF_ECANCELLED, "stopped");
	int rc = r->session ? 0 : open_session(r, err);
	if (!rc)
		rc = iterate(r, c, warmup, iterations, keep, a, ret, err);
	if (r->blocks)
		runner_stop(r, a);
	return rc;
}
