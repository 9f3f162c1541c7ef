/*
 * reforge-toolchain-onnxruntime [--library PATH] - the driver of ONNX Runtime (docs/toolchain-driver.md).
 *
 * One process serves one library, opened on first use, so that the handshake and the reasons of a probe come even when the
 * library is missing or wrong.
 */
#include "build.h"
#include "cpu.h"
#include "run.h"

#include "base/fs.h"

struct state {
	struct driver *driver;
	char library[FS_PATH_MAX];
	struct ort ort;
	bool loaded;
	struct run run;
};

static int need_library(struct state *s, struct err *err)
{
	if (s->loaded)
		return 0;
	if (s->library[0] == '\0')
		return err_set(err, RF_EINVALID, "no library: name one with --library or in the first message");
	int rc = ort_open(s->library, s->driver, &s->ort, err);
	s->loaded = rc == 0;
	return rc;
}

static int op_hello(void *state, struct json request, struct err *err)
{
	struct state *s = state;
	if (json_kind(json_get(request, "library")) == JSON_ABSENT)
		return 0;
	return driver_path(request, "library", s->library, err);
}

static int op_probe(void *state, struct json request, struct json_out *o, struct err *err)
{
	(void)request;
	(void)err;
	struct state *s = state;
	struct err why = ERR_INIT;
	bool usable = need_library(s, &why) == 0;
	json_member(o, "toolchain", "onnxruntime");
	json_member(o, "version", usable ? s->ort.version : "");
	json_member(o, "target", cpu_target());
	json_member_bool(o, "usable", usable && cpu_target()[0] != '\0');
	json_member_bool(o, "sessions", true);
	const char *info = usable && s->ort.call.GetBuildInfoString ? s->ort.call.GetBuildInfoString() : NULL;
	json_member(o, "build_info", info ? info : "");
	json_key(o, "missing");
	json_array(o);
	char text[2048];
	if (!usable)
		json_put_text(o, err_render(&why, text, sizeof text));
	json_array_end(o);
	return 0;
}

static int op_build(void *state, struct json request, struct json_out *o, struct err *err)
{
	struct state *s = state;
	int rc = need_library(s, err);
	return rc != 0 ? rc : build_operation(&s->ort, request, o, err);
}

static int op_inspect(void *state, struct json request, struct json_out *o, struct err *err)
{
	struct state *s = state;
	char path[FS_PATH_MAX];
	int rc = need_library(s, err);
	if (rc == 0)
		rc = driver_path(request, "engine", path, err);
	if (rc != 0)
		return rc;
	struct engine *e = rf_alloc(sizeof *e);
	if (!e)
		return err_set(err, RF_ENOMEM, "inspect");
	rc = engine_open(&s->ort, path, &(struct engine_options){ .threads = 1, .level = ORT_LEVEL_NONE }, e, err);
	if (rc == 0)
		rc = engine_describe(e, o, err);
	engine_release(e);
	rf_free(e);
	return rc;
}

static int op_run_open(void *state, struct json request, struct json_out *o, struct err *err)
{
	struct state *s = state;
	int rc = need_library(s, err);
	return rc != 0 ? rc : run_open(&s->run, &s->ort, request, o, err);
}

static int op_run(void *state, struct json request, struct json_out *o, struct err *err)
{
	return run_iterate(&((struct state *)state)->run, request, o, err);
}

static int op_run_close(void *state, struct json request, struct json_out *o, struct err *err)
{
	(void)request;
	(void)o;
	return run_close(&((struct state *)state)->run, err);
}

#if defined(__SANITIZE_ADDRESS__)
/* ONNX Runtime 1.30 leaves a few bytes of its own at exit; they are not ours to free. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libonnxruntime.so\n";
}
#endif

static const struct driver_row rows[] = {
	{ "probe", op_probe },       { "build", op_build }, { "inspect", op_inspect },
	{ "run-open", op_run_open }, { "run", op_run },     { "run-close", op_run_close },
};

int main(int argc, char **argv)
{
	static struct state s;
	struct driver d = { .name = "onnxruntime", .sessions = true, .rows = rows, .row_count = RF_COUNT(rows), .state = &s,
			    .hello = op_hello };
	s.driver = &d;
	if (argc == 3 && strcmp(argv[1], "--library") == 0 && strlen(argv[2]) < sizeof s.library)
		snprintf(s.library, sizeof s.library, "%s", argv[2]);
	else if (argc != 1) {
		fprintf(stderr, "usage: reforge-toolchain-onnxruntime [--library PATH]  (JSON lines on stdin, see docs/toolchain-driver.md)\n");
		return 2;
	}
	int status = driver_serve(&d);
	run_release(&s.run);
	if (s.loaded)
		ort_close(&s.ort);
	return status;
}
