/* build - read, stamp, let ONNX Runtime write, read back. */
#include "build.h"

#include "cpu.h"
#include "engine.h"
#include "stamp.h"

#include "base/fs.h"
#include "base/time.h"
#include "crypto/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MAX_STAMPS 32

struct plan {
	char source[FS_PATH_MAX], engine[FS_PATH_MAX], part[FS_PATH_MAX];
	struct span target;
	int level;
	const char *format;               /* "ONNX", "ORT": ONNX Runtime's words */
	struct stamp stamps[MAX_STAMPS];
	size_t stamp_count;
};

static const struct {
	const char *name;
	int level;
} levels[] = { { "none", ORT_LEVEL_NONE }, { "basic", ORT_LEVEL_BASIC }, { "extended", ORT_LEVEL_EXTENDED }, { "all", ORT_LEVEL_ALL } };

static int read_arg(struct span arg, size_t index, struct plan *p, struct err *err)
{
	if (span_starts(arg, "--optimization=")) {
		struct span name = span_from(arg, strlen("--optimization="));
		for (size_t i = 0; i < RF_COUNT(levels); i++)
			if (span_eq_text(name, levels[i].name)) {
				p->level = levels[i].level;
				return 0;
			}
	}
	if (span_eq_text(arg, "--format=onnx") || span_eq_text(arg, "--format=ort")) {
		p->format = span_ends(arg, "onnx") ? "ONNX" : "ORT";
		return 0;
	}
	err_set(err, RF_EINVALID, "\"%.*s\": known are --optimization=none|basic|extended|all and --format=onnx|ort",
		SPAN_ARG(span_sub(arg, 0, 200)));
	return err_in_field(err, "args[%zu]", index);
}

static int read_args(struct json args, struct plan *p, struct err *err)
{
	p->level = ORT_LEVEL_ALL;
	p->format = "ONNX";
	size_t i = 0;
	for (struct json_each it = json_each(args); json_next(&it); i++) {
		if (json_kind(it.value) != JSON_STRING) {
			err_set(err, RF_EINVALID, "a string is required");
			return err_in_field(err, "args[%zu]", i);
		}
		int rc = read_arg(json_string(it.value), i, p, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int read_stamps(const struct ort *ort, struct json stamps, struct plan *p, struct err *err)
{
	/* What only this process knows; the caller cannot say otherwise. */
	p->stamps[p->stamp_count++] = (struct stamp){ SPAN("reforge.toolchain"), SPAN("onnxruntime") };
	p->stamps[p->stamp_count++] = (struct stamp){ SPAN("reforge.toolchain.version"), span_of(ort->version) };
	p->stamps[p->stamp_count++] = (struct stamp){ SPAN("reforge.target"), span_of(cpu_target()) };
	for (struct json_each it = json_each(stamps); json_next(&it);) {
		bool ours = false;
		for (size_t i = 0; i < p->stamp_count; i++)
			ours = ours || span_eq(it.key, p->stamps[i].key);
		if (json_kind(it.value) != JSON_STRING || ours || p->stamp_count == MAX_STAMPS) {
			err_set(err, RF_EINVALID, "a stamp is a string, given once, not one of the driver's own, at most %d in all",
				MAX_STAMPS);
			return err_in_field(err, "stamps.%.*s", SPAN_ARG(span_sub(it.key, 0, 64)));
		}
		p->stamps[p->stamp_count++] = (struct stamp){ it.key, json_string(it.value) };
	}
	return 0;
}

static int read_plan(const struct ort *ort, struct json request, struct plan *p, struct err *err)
{
	int rc = driver_path(request, "source", p->source, err);
	if (rc == 0)
		rc = driver_path(request, "engine", p->engine, err);
	if (rc == 0)
		rc = driver_text(request, "target", &p->target, err);
	if (rc == 0)
		rc = read_args(json_get(request, "args"), p, err);
	if (rc == 0)
		rc = read_stamps(ort, json_get(request, "stamps"), p, err);
	if (rc != 0)
		return rc;
	if (!span_eq_text(p->target, cpu_target()))
		return err_set(err, RF_ECONFLICT, "this machine builds for %s, asked was %.*s", cpu_target(),
			       SPAN_ARG(span_sub(p->target, 0, 200)));
	if (fs_exists(p->engine)) {
		err_set(err, RF_EEXISTS, "an engine is never overwritten");
		return err_in_file(err, p->engine);
	}
	int n = snprintf(p->part, sizeof p->part, "%s.part", p->engine);
	if (n < 0 || (size_t)n >= sizeof p->part)
		return err_set(err, RF_EINVALID, "the engine's path is too long");
	return 0;
}

/* ONNX Runtime's message for a full disk is "Protobuf serialization failed" or none at all: the disk itself is asked. */
static int explain_failure(const struct plan *p, size_t model_bytes, int rc, struct err *err)
{
	char folder[FS_PATH_MAX];
	snprintf(folder, sizeof folder, "%s", p->engine);
	char *slash = strrchr(folder, '/');
	slash[slash == folder ? 1 : 0] = '\0';
	struct statvfs fs;
	if (access(folder, W_OK) != 0) {
		err_set_errno(err, errno, "the engine's folder cannot be written");
		return err_in_file(err, folder);
	}
	if (statvfs(folder, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= model_bytes + model_bytes / 8 + 64 * KIB)
		return rc;
	char was[sizeof err->text];
	snprintf(was, sizeof was, "%s", err->text);
	char left[32], need[32];
	unlink(p->part);
	err_set(err, RF_EFULL, "no space left for the engine: %s of about %s (%s)",
		text_bytes((uint64_t)fs.f_bavail * fs.f_frsize, left), text_bytes(model_bytes, need), was);
	return err_in_file(err, folder);
}

static int write_engine(const struct ort *ort, const struct plan *p, struct span model, struct err *err)
{
	const struct ort_functions *call = &ort->call;
	struct ort_session_options *o = NULL;
	struct ort_session *session = NULL;
	int rc = engine_session_options(ort, &(struct engine_options){ .threads = 1, .level = p->level }, &o, err);
	if (rc == 0)
		rc = ort_check(ort, call->SetOptimizedModelFilePath(o, p->part), err);
	if (rc == 0)
		rc = ort_check(ort, call->AddSessionConfigEntry(o, "session.save_model_format", p->format), err);
	if (rc == 0)
		rc = ort_check(ort, call->AddSessionConfigEntry(o, "session.load_model_format", "ONNX"), err);
	if (rc == 0)
		rc = ort_check(ort, call->CreateSessionFromArray(ort->env, model.p, model.n, o, &session), err);
	if (session)
		call->ReleaseSession(session);
	if (o)
		call->ReleaseSessionOptions(o);
	return rc;
}

/* The result must open with the library that wrote it and carry every stamp. */
static int read_back(const struct ort *ort, const struct plan *p, struct err *err)
{
	struct engine *e = rf_alloc(sizeof *e);
	if (!e)
		return err_set(err, RF_ENOMEM, "reading the engine back");
	int rc = engine_open(ort, p->part, &(struct engine_options){ .threads = 1, .level = ORT_LEVEL_NONE }, e, err);
	for (size_t i = 0; i < p->stamp_count && rc == 0; i++) {
		char key[STAMP_MAX_TEXT + 1], *found = NULL;
		snprintf(key, sizeof key, "%.*s", SPAN_ARG(p->stamps[i].key));
		rc = engine_stamp(e, key, &found, err);
		if (rc == 0 && (!found || !span_eq_text(p->stamps[i].value, found)))
			rc = err_set(err, RF_EVERIFY, "the stamp %s did not survive the build", key);
		ort_free(ort, found);
	}
	engine_release(e);
	rf_free(e);
	return rc;
}

static int publish(const struct plan *p, struct digest *ret_digest, uint64_t *ret_bytes, struct err *err)
{
	int fd = open(p->part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set_errno(err, errno, "the engine written cannot be opened");
	int rc = digest_fd(fd, 0, ret_digest, ret_bytes, err);
	if (rc == 0 && fsync(fd) != 0)
		rc = err_set_errno(err, errno, "fsync");
	close(fd);
	if (rc == 0 && rename(p->part, p->engine) != 0)
		rc = err_set_errno(err, errno, "rename");
	return rc == 0 ? 0 : err_in_file(err, p->engine);
}

static int build(const struct ort *ort, const struct plan *p, struct json_out *reply, struct err *err)
{
	RF_AUTO(str) source = STR_INIT(BUILD_MAX_MODEL);
	RF_AUTO(str) model = STR_INIT(BUILD_MAX_MODEL);
	int rc = fs_read(p->source, &source, err);
	if (rc == 0 && stamp_model(str_span(&source), p->stamps, p->stamp_count, &model, err) != 0) {
		rc = err->code;
		(void)err_in_file(err, p->source);
	}
	str_release(&source);
	if (rc != 0)
		return rc;
	mono_t start = mono_usec();
	rc = write_engine(ort, p, str_span(&model), err);
	int64_t build_usec = mono_usec() - start;
	if (rc == 0)
		rc = read_back(ort, p, err);
	struct digest digest;
	uint64_t bytes;
	if (rc == 0)
		rc = publish(p, &digest, &bytes, err);
	if (rc != 0)
		return explain_failure(p, model.n, rc, err);
	char hex[DIGEST_HEX];
	json_member(reply, "engine", p->engine);
	json_member(reply, "sha256", digest_hex(&digest, hex));
	json_member_u64(reply, "bytes", bytes);
	json_member_i64(reply, "build_usec", build_usec);
	json_member(reply, "version", ort->version);
	json_member(reply, "target", cpu_target());
	return 0;
}

int build_operation(const struct ort *ort, struct json request, struct json_out *reply, struct err *err)
{
	struct plan *p = rf_alloc(sizeof *p);
	if (!p)
		return err_set(err, RF_ENOMEM, "build");
	int rc = read_plan(ort, request, p, err);
	if (rc == 0) {
		unlink(p->part);
		rc = build(ort, p, reply, err);
		if (rc != 0)
			unlink(p->part);
	}
	rf_free(p);
	return rc;
}
