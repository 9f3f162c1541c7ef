/*
 * reforge-stand-in-copy-driver - a STAND-IN for the bench and for tests of the client: a driver that only copies.
 *
 * It speaks the whole protocol (docs/toolchain-driver.md) and builds nothing: the "engine" is the source model with the stamps
 * that a real driver would write, so that the scan after the build finds what the plan asked for; a "run" copies inputs to
 * outputs. What a response over thousands of engines then costs is reforge's own work and the isolation, not a compiler's.
 *
 * The "library" is a text file whose first line is the version to claim. Further lines make it misbehave, for tests:
 *   target TEXT     claim this target          lie-version TEXT   stamp another version than is told
 *   hang            never answer a build       die                exit in the middle of a build
 *   slow-first N    say that the first N runs took five times as long
 *   garbage         answer a build with no JSON
 *   engine-link     the engine is a symbolic link to a file beside it
 *   output-link P   outputs are symbolic links to P
 *   skew NAME       engines of the recipe NAME answer 1000.0 in their last element
 */
#include "../../toolchains/onnxruntime/cpu.h"
#include "../../toolchains/onnxruntime/stamp.h"
#include "driver.h"

#include "base/fs.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "format/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MAX_MODEL (64 * MIB)
#define MAX_STAMPS 16

struct state {
	struct driver *driver;
	char library[FS_PATH_MAX];
	char version[64], target[128], lie_version[64];
	char skew[128], output_link[FS_PATH_MAX];
	uint64_t slow_first, ran;
	bool engine_link, hang, die, garbage, open, skewed;
};

static void take_line(struct state *s, struct span line)
{
	if (s->version[0] == '\0')
		snprintf(s->version, sizeof s->version, "%.*s", SPAN_ARG(line));
	else if (span_starts(line, "target "))
		snprintf(s->target, sizeof s->target, "%.*s", SPAN_ARG(span_from(line, 7)));
	else if (span_starts(line, "lie-version "))
		snprintf(s->lie_version, sizeof s->lie_version, "%.*s", SPAN_ARG(span_from(line, 12)));
	else if (span_starts(line, "slow-first "))
		(void)span_u64(span_from(line, 11), &s->slow_first);
	else if (span_starts(line, "skew "))
		snprintf(s->skew, sizeof s->skew, "%.*s", SPAN_ARG(span_from(line, 5)));
	else if (span_starts(line, "output-link "))
		snprintf(s->output_link, sizeof s->output_link, "%.*s", SPAN_ARG(span_from(line, 12)));
	s->engine_link = s->engine_link || span_eq_text(line, "engine-link");
	s->hang = s->hang || span_eq_text(line, "hang");
	s->die = s->die || span_eq_text(line, "die");
	s->garbage = s->garbage || span_eq_text(line, "garbage");
}

static int op_hello(void *state, struct json request, struct err *err)
{
	struct state *s = state;
	int rc = driver_path(request, "library", s->library, err);
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	if (rc == 0)
		rc = fs_read(s->library, &text, err);
	struct span rest = str_span(&text), line;
	snprintf(s->target, sizeof s->target, "%s", cpu_target());
	while (rc == 0 && span_line(&rest, &line))
		take_line(s, line);
	return rc;
}

static int op_probe(void *state, struct json request, struct json_out *o, struct err *err)
{
	struct state *s = state;
	(void)request;
	(void)err;
	json_member(o, "toolchain", "stand-in");
	json_member(o, "version", s->version);
	json_member(o, "target", s->target);
	json_member_bool(o, "usable", s->version[0] != '\0');
	json_member_bool(o, "sessions", true);
	json_member(o, "build_info", "stand-in: copies");
	json_key(o, "missing");
	json_array(o);
	json_array_end(o);
	return 0;
}

static int stamp(const struct state *s, struct json request, struct span source, struct str *ret, struct err *err)
{
	struct stamp stamps[MAX_STAMPS] = { { SPAN("reforge.toolchain"), SPAN("onnxruntime") },
					    { SPAN("reforge.toolchain.version"), span_of(s->lie_version[0] ? s->lie_version : s->version) },
					    { SPAN("reforge.target"), span_of(s->target) } };
	size_t n = 3;
	for (struct json_each it = json_each(json_get(request, "stamps")); json_next(&it) && n < MAX_STAMPS;)
		stamps[n++] = (struct stamp){ it.key, json_string(it.value) };
	return stamp_model(source, stamps, n, ret, err);
}

static int op_build(void *state, struct json request, struct json_out *o, struct err *err)
{
	struct state *s = state;
	char source[FS_PATH_MAX], engine[FS_PATH_MAX], hex[DIGEST_HEX];
	mono_t start = mono_usec();
	while (s->hang)
		sleep(1);
	if (s->die)
		_exit(7);
	if (s->garbage)
		dprintf(s->driver->out_fd, "this is no JSON\n");
	int rc = driver_path(request, "source", source, err);
	if (rc == 0)
		rc = driver_path(request, "engine", engine, err);
	RF_AUTO(str) model = STR_INIT(MAX_MODEL);
	RF_AUTO(str) stamped = STR_INIT(MAX_MODEL);
	if (rc == 0)
		rc = fs_read(source, &model, err);
	if (rc == 0)
		rc = stamp(s, request, str_span(&model), &stamped, err);
	if (rc != 0)
		return rc;
	if (s->engine_link) {
		char real[FS_PATH_MAX + 8];
		snprintf(real, sizeof real, "%s.real", engine);
		if (symlink(real, engine) != 0)
			return err_set_errno(err, errno, "engine");
		snprintf(engine, sizeof engine, "%.*s", FS_PATH_MAX - 1, real);
	}
	int fd = open(engine, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_set_errno(err, errno, "engine");
	rc = fs_write_all(fd, stamped.p, stamped.n, err);
	close(fd);
	if (rc != 0)
		return rc;
	struct digest digest;
	digest_of(str_span(&stamped), &digest);
	driver_log(s->driver, SPAN("stand-in: copied"));
	json_member(o, "engine", engine);
	json_member(o, "sha256", digest_hex(&digest, hex));
	json_member_u64(o, "bytes", stamped.n);
	json_member_i64(o, "build_usec", mono_usec() - start);
	json_member(o, "version", s->version);
	return 0;
}

static void describe_tensor(struct json_out *o, const char *key, const char *name)
{
	json_key(o, key);
	json_array(o);
	json_object(o);
	json_member(o, "name", name);
	json_member(o, "type", "float32");
	json_key(o, "shape");
	json_array(o);
	json_put_i64(o, -1);
	json_array_end(o);
	json_object_end(o);
	json_array_end(o);
}

static int op_inspect(void *state, struct json request, struct json_out *o, struct err *err)
{
	char engine[FS_PATH_MAX];
	int rc = driver_path(request, "engine", engine, err);
	if (rc == 0 && !fs_exists(engine))
		rc = err_set(err, RF_ENOTFOUND, "no engine");
	if (rc != 0)
		return rc;
	json_member(o, "version", ((struct state *)state)->version);
	json_member(o, "producer", "stand-in");
	describe_tensor(o, "inputs", "x");
	describe_tensor(o, "outputs", "y");
	return 0;
}

/* The recipe's name stands in the engine's stamp. */
static int look_for_skew(struct state *s, struct json request, struct err *err)
{
	char engine[FS_PATH_MAX];
	RF_AUTO(str) bytes = STR_INIT(MAX_MODEL);
	s->skewed = false;
	if (s->skew[0] == '\0')
		return 0;
	int rc = driver_path(request, "engine", engine, err);
	if (rc == 0)
		rc = fs_read(engine, &bytes, err);
	s->skewed = rc == 0 && span_find(str_span(&bytes), span_of(s->skew)) != SIZE_MAX;
	return rc;
}

static int op_run_open(void *state, struct json request, struct json_out *o, struct err *err)
{
	struct state *s = state;
	int rc = op_inspect(state, request, o, err);
	if (rc == 0)
		rc = look_for_skew(s, request, err);
	if (rc == 0)
		json_member_i64(o, "load_usec", 1);
	s->open = rc == 0;
	return rc;
}

static int copy_tensor(const struct state *s, struct json input, struct json request, struct json_out *o, struct err *err)
{
	char path[FS_PATH_MAX], prefix[FS_PATH_MAX], to[FS_PATH_MAX + 8];
	RF_AUTO(str) tensor = STR_INIT(MAX_MODEL);
	struct npy t;
	int rc = driver_path(input, "path", path, err);
	if (rc == 0)
		rc = fs_read(path, &tensor, err);
	if (rc == 0)
		rc = npy_read(str_span(&tensor), &t, err);
	if (rc != 0)
		return rc;
	json_member(o, "name", "y");
	json_member(o, "type", npy_type_name(t.type));
	json_key(o, "shape");
	json_array(o);
	for (unsigned d = 0; d < t.ndim; d++)
		json_put_u64(o, t.shape[d]);
	json_array_end(o);
	if (json_kind(json_get(request, "output_prefix")) == JSON_ABSENT)
		return 0;
	rc = driver_path(request, "output_prefix", prefix, err);
	if (rc != 0)
		return rc;
	snprintf(to, sizeof to, "%s0.npy", prefix);
	if (s->output_link[0] && symlink(s->output_link, to) == 0) {
		json_member(o, "path", to);
		return 0;
	}
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_set_errno(err, errno, "output");
	static const float wrong = 1000;
	if (s->skewed && t.type == NPY_F32 && tensor.n >= sizeof wrong)
		memcpy(tensor.p + tensor.n - sizeof wrong, &wrong, sizeof wrong);
	rc = fs_write_all(fd, tensor.p, tensor.n, err);
	close(fd);
	json_member(o, "path", to);
	return rc;
}

static int op_run(void *state, struct json request, struct json_out *o, struct err *err)
{
	struct state *s = state;
	uint64_t iterations;
	if (!s->open)
		return err_set(err, RF_ESTATE, "no session is open");
	int rc = driver_number(request, "iterations", 1, 100000, &iterations, err);
	if (rc != 0)
		return rc;
	json_key(o, "latency_ns");
	json_array(o);
	for (uint64_t i = 0; i < iterations; i++) {
		mono_t start = mono_usec();
		uint64_t own = s->ran++ < s->slow_first ? 5000000 : 1000000;
		json_put_u64(o, own + (uint64_t)(mono_usec() - start));
	}
	json_array_end(o);
	json_key(o, "outputs");
	json_array(o);
	for (struct json_each it = json_each(json_get(request, "inputs")); json_next(&it) && rc == 0;) {
		json_object(o);
		rc = copy_tensor(s, it.value, request, o, err);
		json_object_end(o);
		break;   /* one input, one output */
	}
	if (rc == 0)
		json_array_end(o);
	return rc;
}

static int op_run_close(void *state, struct json request, struct json_out *o, struct err *err)
{
	(void)request;
	(void)o;
	(void)err;
	((struct state *)state)->open = false;
	return 0;
}

static const struct driver_row rows[] = {
	{ "probe", op_probe },       { "build", op_build }, { "inspect", op_inspect },
	{ "run-open", op_run_open }, { "run", op_run },     { "run-close", op_run_close },
};

int main(void)
{
	static struct state s;
	struct driver d = { .name = "stand-in", .sessions = true, .rows = rows, .row_count = RF_COUNT(rows), .state = &s,
			    .hello = op_hello };
	s.driver = &d;
	return driver_serve(&d);
}
