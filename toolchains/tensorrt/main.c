/*
 * reforge-toolchain-tensorrt [--library TRTEXEC] - the driver of TensorRT over trtexec (docs/toolchain-driver.md).
 *
 * trtexec is a program of NVIDIA's that is never shipped with reforge. It measures whole blocks in a process of its own, so
 * there are no sessions; a plan's tensors can only be told by TensorRT itself, so there is no inspection.
 */
#include "driver.h"
#include "machine.h"
#include "options.h"

#include "base/fs.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The client kills us at its own deadline; this one only keeps a forgotten trtexec from living for ever. */
#define BUILD_DEADLINE_USEC (24 * USEC_PER_HOUR)
#define BANNER_DEADLINE_USEC (60 * USEC_PER_SEC)
/* A verbose build of a large network prints tens of megabytes. */
#define OUTPUT_LIMIT (256 * MIB)

struct state {
	struct driver *driver;
	char trtexec[FS_PATH_MAX];       /* "": not found yet */
	bool found;
	struct trtexec_version version;
	bool version_known;
	char why[1536];                  /* not found, or no version: the words for it */
	bool looked;
};

/* ── trtexec ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool find_in_folder(struct state *s, struct span folder)
{
	int n = snprintf(s->trtexec, sizeof s->trtexec, "%.*s/trtexec", SPAN_ARG(folder));
	return n > 0 && (size_t)n < sizeof s->trtexec && folder.n > 0 && is_program(s->trtexec);
}

/* Where NVIDIA's packages put it; they do not add it to PATH. */
static const char *const usual_folders[] = { "/usr/src/tensorrt/bin", "/opt/tensorrt/bin", "/usr/local/tensorrt/bin" };

static void find_trtexec(struct state *s)
{
	if (s->trtexec[0]) {
		s->found = is_program(s->trtexec);
		if (!s->found)
			snprintf(s->why, sizeof s->why, "trtexec: no program at %.1000s", s->trtexec);
		return;
	}
	struct span rest = span_of(getenv("PATH")), folder;
	while (!s->found && span_split(&rest, ':', &folder))
		s->found = find_in_folder(s, folder);
	for (size_t i = 0; !s->found && i < RF_COUNT(usual_folders); i++)
		s->found = find_in_folder(s, span_of(usual_folders[i]));
	if (!s->found) {
		s->trtexec[0] = '\0';
		snprintf(s->why, sizeof s->why, "trtexec: not in PATH, nor in /usr/src/tensorrt/bin, /opt/tensorrt/bin, "
			 "/usr/local/tensorrt/bin; name it as library in reforge.yaml");
	}
}

/* The banner comes with any call; --help does nothing else. Its exit status has differed over versions and is not asked. */
static void read_version(struct state *s)
{
	const char *argv[] = { s->trtexec, "--help", NULL };
	struct process_options o = { .argv = argv, .deadline_usec = BANNER_DEADLINE_USEC, .output_limit_bytes = 4 * MIB };
	struct process_result r = { 0 };
	struct err e = ERR_INIT;
	char text[1024];
	int rc = process_run(&o, &r, &e);
	if (rc != 0)
		snprintf(s->why, sizeof s->why, "trtexec does not run: %.1000s", err_render(&e, text, sizeof text));
	else if (trtexec_version_read(str_span(&r.output), &s->version))
		s->version_known = true;
	else
		snprintf(s->why, sizeof s->why, "%.500s prints no TensorRT version (exit status %d): %.500s", s->trtexec, r.exit_status,
			 r.error_output.n ? str_text(&r.error_output) : "no message");
	process_result_release(&r);
	if (s->version_known && !trtexec_version_is_served(&s->version)) {
		char version[32];
		snprintf(s->why, sizeof s->why, "TensorRT %s: this driver knows the options of 8, 10 and 11",
			 trtexec_version_text(&s->version, version));
	}
}

static bool look(struct state *s)
{
	if (!s->looked) {
		s->looked = true;
		find_trtexec(s);
		if (s->found)
			read_version(s);
	}
	return s->why[0] == '\0';
}

/* ── operations ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int op_hello(void *state, struct json request, struct err *err)
{
	struct state *s = state;
	if (json_kind(json_get(request, "library")) == JSON_ABSENT)
		return 0;
	return driver_path(request, "library", s->trtexec, err);
}

static int op_probe(void *state, struct json request, struct json_out *o, struct err *err)
{
	(void)request;
	(void)err;
	struct state *s = state;
	struct machine m;
	char version[32];
	bool program = look(s);
	machine_look(&m);
	json_member(o, "toolchain", "tensorrt");
	json_member(o, "version", s->version_known ? trtexec_version_text(&s->version, version) : "");
	json_member(o, "target", m.target);
	json_member_bool(o, "usable", program && m.target[0] && m.missing_count == 0);
	json_member_bool(o, "sessions", false);
	json_member(o, "build_info", m.info);
	json_key(o, "missing");
	json_array(o);
	/* the machine first: without a GPU the rest does not matter */
	for (unsigned i = 0; i < m.missing_count; i++)
		json_put_text(o, m.missing[i]);
	if (!program)
		json_put_text(o, s->why);
	json_array_end(o);
	return 0;
}

static int op_inspect(void *state, struct json request, struct json_out *o, struct err *err)
{
	(void)state;
	(void)request;
	(void)o;
	return err_set(err, RF_EUNSUPPORTED, "only TensorRT itself can tell the tensors of a plan, and loading one runs its code; "
		       "`reforge scan` reads its header");
}

static int op_run(void *state, struct json request, struct json_out *o, struct err *err)
{
	(void)state;
	(void)request;
	(void)o;
	return err_set(err, RF_EUNSUPPORTED, "trtexec keeps no engine open: no sessions; it measures whole blocks");
}

struct job {
	char source[FS_PATH_MAX], engine[FS_PATH_MAX], part[FS_PATH_MAX + 8];
	struct span args[OPTIONS_MAX];
	size_t arg_count;
};

static int read_job(struct json request, struct job *j, struct err *err)
{
	struct span target;
	int rc = driver_path(request, "source", j->source, err);
	if (rc == 0)
		rc = driver_path(request, "engine", j->engine, err);
	if (rc == 0)
		rc = driver_text(request, "target", &target, err);
	if (rc != 0)
		return rc;
	for (struct json_each it = json_each(json_get(request, "args")); json_next(&it);) {
		if (json_kind(it.value) != JSON_STRING || j->arg_count == OPTIONS_MAX) {
			err_set(err, RF_EINVALID, "at most %d strings are required", OPTIONS_MAX);
			return err_in_field(err, "args");
		}
		j->args[j->arg_count++] = json_string(it.value);
	}
	snprintf(j->part, sizeof j->part, "%s.part", j->engine);
	/* Where the machine cannot be told, trtexec itself and the scan after the build decide. */
	struct machine m;
	machine_look(&m);
	if (m.target[0] && !span_eq_text(target, m.target))
		return err_set(err, RF_ECONFLICT, "this machine builds for %s, asked was %.*s", m.target, SPAN_ARG(span_sub(target, 0, 200)));
	if (fs_exists(j->engine)) {
		err_set(err, RF_EEXISTS, "an engine is never overwritten");
		return err_in_file(err, j->engine);
	}
	return 0;
}

static void log_output(struct driver *d, struct span text)
{
	struct span line;
	/* The tail is what tells a failure; lines far in front of it would be dropped by driver_log() anyway. */
	if (text.n > DRIVER_MAX_LOG)
		text = span_from(text, text.n - DRIVER_MAX_LOG);
	while (span_line(&text, &line))
		driver_log(d, line);
}

static int run_trtexec(struct state *s, const struct job *j, struct arena *a, int64_t *ret_usec, struct err *err)
{
	const char *options[OPTIONS_MAX + 1] = { NULL }, *argv[OPTIONS_MAX + 2] = { s->trtexec };
	RF_AUTO(str) translated = STR_INIT(64 * KIB);
	int rc = options_make(&s->version, j->source, j->part, j->args, j->arg_count, a, options, &translated, err);
	log_output(s->driver, str_span(&translated));
	if (rc != 0)
		return rc;
	for (size_t i = 0; options[i]; i++)
		argv[i + 1] = options[i];
	struct process_options o = { .argv = argv, .deadline_usec = BUILD_DEADLINE_USEC, .output_limit_bytes = OUTPUT_LIMIT };
	struct process_result r = { 0 };
	rc = process_run(&o, &r, err);
	log_output(s->driver, str_span(&r.output));
	log_output(s->driver, str_span(&r.error_output));
	*ret_usec = r.duration_usec;
	struct trtexec_version built;
	if (rc == 0 && r.exit_status != 0)
		rc = r.signal ? err_set(err, RF_EPROCESS, "trtexec was ended by signal %d", r.signal) :
				err_set(err, RF_EPROCESS, "trtexec failed with exit status %d; its log says why", r.exit_status);
	else if (rc == 0 && trtexec_version_read(str_span(&r.output), &built))
		s->version = built;
	process_result_release(&r);
	return rc;
}

static int publish(const struct job *j, struct digest *ret_digest, uint64_t *ret_bytes, struct err *err)
{
	int fd = -1;
	struct stat st;
	int rc = fs_open_regular(j->part, true, &fd, &st, err);
	if (rc != 0)
		return err_prefix(err, "trtexec said success but wrote no engine: ");
	if (st.st_size == 0)
		rc = err_set(err, RF_ETRUNCATED, "trtexec said success but wrote an empty engine");
	if (rc == 0)
		rc = digest_fd(fd, 0, ret_digest, ret_bytes, err);
	if (rc == 0 && fsync(fd) != 0)
		rc = err_set_errno(err, errno, "fsync");
	close(fd);
	if (rc == 0 && rename(j->part, j->engine) != 0)
		rc = err_set_errno(err, errno, "rename");
	return rc == 0 ? 0 : err_in_file(err, j->engine);
}

static int build(struct state *s, const struct job *j, struct arena *a, struct json_out *o, struct err *err)
{
	int64_t usec = 0;
	struct digest digest;
	uint64_t bytes = 0;
	(void)unlink(j->part);
	int rc = run_trtexec(s, j, a, &usec, err);
	if (rc == 0)
		rc = publish(j, &digest, &bytes, err);
	if (rc != 0) {
		(void)unlink(j->part);
		return rc;
	}
	char hex[DIGEST_HEX], version[32];
	json_member(o, "engine", j->engine);
	json_member(o, "sha256", digest_hex(&digest, hex));
	json_member_u64(o, "bytes", bytes);
	json_member_i64(o, "build_usec", usec);
	json_member(o, "version", trtexec_version_text(&s->version, version));
	return 0;
}

static int op_build(void *state, struct json request, struct json_out *o, struct err *err)
{
	struct state *s = state;
	if (!look(s))
		return err_set(err, s->found ? RF_EUNSUPPORTED : RF_ENOTFOUND, "%s", s->why);
	struct job *j = rf_alloc(sizeof *j);
	if (!j)
		return err_set(err, RF_ENOMEM, "build");
	struct arena a = ARENA_INIT(4 * MIB);
	int rc = read_job(request, j, err);
	if (rc == 0)
		rc = build(s, j, &a, o, err);
	arena_release(&a);
	rf_free(j);
	return rc;
}

static const struct driver_row rows[] = {
	{ "probe", op_probe },  { "build", op_build }, { "inspect", op_inspect },
	{ "run-open", op_run }, { "run", op_run },     { "run-close", op_run },
};

int main(int argc, char **argv)
{
	static struct state s;
	struct driver d = { .name = "tensorrt", .sessions = false, .rows = rows, .row_count = RF_COUNT(rows), .state = &s,
			    .hello = op_hello };
	s.driver = &d;
	if (argc == 3 && strcmp(argv[1], "--library") == 0 && strlen(argv[2]) < sizeof s.trtexec)
		snprintf(s.trtexec, sizeof s.trtexec, "%s", argv[2]);
	else if (argc != 1) {
		fprintf(stderr, "usage: reforge-toolchain-tensorrt [--library TRTEXEC]  (JSON lines on stdin, see docs/toolchain-driver.md)\n");
		return 2;
	}
	return driver_serve(&d);
}
