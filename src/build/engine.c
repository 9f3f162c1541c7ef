/* engine - one rebuild, with nothing taken on trust: the source's digest before, the file's own claims after. */
#include "build/engine.h"

#include "base/fs.h"
#include "format/json.h"
#include "inventory/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ── the spec ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int bad_recipe(const struct recipe *recipe, int code, struct err *err, const char *field)
{
	err->code = code;
	(void)err_in_field(err, "%s", field);
	return err_in_file(err, recipe->file);
}

int build_spec_make(const struct recipe *recipe, const char *version, const char *target, struct arena *a, struct build_spec *ret,
		    struct err *err)
{
	struct err local = ERR_INIT;
	err = err ? err : &local;
	const struct toolchain_kind *kind = toolchain_kind_find(span_of(recipe->toolchain));
	if (!kind) {
		err_set(err, RF_EINVALID, "no toolchain \"%s\"", recipe->toolchain);
		return bad_recipe(recipe, RF_EINVALID, err, "toolchain");
	}
	if (!recipe_has_target(recipe, target)) {
		err_set(err, RF_EINVALID, "%s is none of the recipe's targets", target);
		return bad_recipe(recipe, RF_EINVALID, err, "targets");
	}
	if (recipe->transform_n > 0) {
		err_set(err, RF_EUNSUPPORTED, "the step \"%s\" has no executor in this version of reforge", recipe->transform[0].run);
		return bad_recipe(recipe, RF_EUNSUPPORTED, err, "transform");
	}
	struct build_spec s = {
		.model = recipe->model, .kind = kind, .version = arena_text(a, span_of(version)),
		.target = arena_text(a, span_of(target)), .source = recipe->source.path, .args = recipe->build_args,
		.arg_count = recipe->build_args_n, .timeout_usec = recipe->build_timeout_usec,
		.memory_bytes = recipe->build_memory_bytes,
		.engine_file = toolchain_kind_engine_file(kind, recipe->build_args, recipe->build_args_n),
	};
	if (!s.version || !s.target)
		return err_set(err, RF_ENOMEM, "build");
	if (digest_read(span_of(recipe->source.sha256), &s.source_digest, err) != 0)
		return bad_recipe(recipe, RF_EINVALID, err, "source.sha256");
	if (digest_read(span_of(recipe->build_digest), &s.build_digest, err) != 0)
		return bad_recipe(recipe, RF_EINVALID, err, "build digest");
	*ret = s;
	return 0;
}

int build_spec_json(const struct build_spec *spec, struct str *ret, struct err *err)
{
	char hex[DIGEST_HEX];
	struct json_out o = json_out(ret, false);
	json_object(&o);
	json_member(&o, "model", spec->model);
	json_member(&o, "toolchain", spec->kind->name);
	json_member(&o, "version", spec->version);
	json_member(&o, "target", spec->target);
	json_member(&o, "source", spec->source);
	json_member(&o, "source_sha256", digest_hex(&spec->source_digest, hex));
	json_member(&o, "build_digest", digest_hex(&spec->build_digest, hex));
	json_key(&o, "args");
	json_array(&o);
	for (size_t i = 0; i < spec->arg_count; i++)
		json_put_text(&o, spec->args[i]);
	json_array_end(&o);
	json_member(&o, "engine_file", spec->engine_file);
	json_member_i64(&o, "timeout_usec", spec->timeout_usec);
	json_member_u64(&o, "memory_bytes", spec->memory_bytes);
	json_object_end(&o);
	return str_check(ret, "build request", err);
}

/* ── the build ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int prepare_folder(const char *folder, char *out, size_t size, struct err *err)
{
	int rc = fs_remove_tree(folder, err);
	if (rc == 0)
		rc = fs_join(out, size, folder, "out", err);
	return rc == 0 ? fs_make_dirs(out, 0700, err) : rc;
}

static int verify_source(const struct build_job *job, struct digest *ret, struct err *err)
{
	struct digest found;
	int rc = digest_file(job->source_path, &found, NULL, err);
	if (rc != 0)
		return rc;
	if (!digest_eq(&found, &job->spec->source_digest)) {
		char is[DIGEST_HEX], wanted[DIGEST_HEX];
		err_set(err, RF_EVERIFY, "the source model's sha256 is %s, the recipe of %s says %s", digest_hex(&found, is),
			job->spec->model, digest_hex(&job->spec->source_digest, wanted));
		return err_in_file(err, job->source_path);
	}
	*ret = found;
	return 0;
}

/* Not synced: whoever keeps it puts it into the depot, which is durable. */
static int write_log(const char *path, const struct toolchain_built *built, struct digest *ret, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	if (built->log)
		str_add_text(&text, built->log);
	if (built->run.stderr_tail && built->run.stderr_tail[0]) {
		str_add_text(&text, "[stderr]\n");
		str_add_text(&text, built->run.stderr_tail);
	}
	int rc = str_check(&text, "build log", err);
	if (rc != 0)
		return rc;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err_set_errno(err, errno, "build log");
		return err_in_file(err, path);
	}
	rc = text.n ? fs_write_all(fd, text.p, text.n, err) : 0;
	if (close(fd) != 0 && rc == 0)
		rc = err_set_errno(err, errno, "build log");
	digest_of(str_span(&text), ret);
	return rc == 0 ? 0 : err_in_file(err, path);
}

/* A plan names its accelerator only ("sm_86"): the system in front of the slash cannot be compared. */
static bool is_target_asked(const char *asked, const char *claimed)
{
	const char *slash = strrchr(asked, '/');
	if (!strchr(claimed, '/') && slash)
		asked = slash + 1;
	return strcmp(asked, claimed) == 0;
}

static int check_claims(const struct build_spec *spec, const struct artifact_facts *facts, struct err *err)
{
	if (!artifact_kind_is_engine(span_of(facts->kind)))
		return err_set(err, RF_ECONFLICT, "what was built is %s, no engine", facts->kind);
	if (facts->finding == ARTIFACT_CONFLICT)
		return err_set(err, RF_ECONFLICT, "what was built contradicts itself: %s", facts->note_count ? facts->notes[0] : facts->cause);
	const char *product = facts->product ? facts->product : "no product";
	if (spec->kind->product && strcmp(product, spec->kind->product) != 0)
		return err_set(err, RF_ECONFLICT, "the file claims %s, asked was %s", product, spec->kind->product);
	if (!toolchain_version_matches(spec->kind, spec->version, facts->version))
		return err_set(err, RF_ECONFLICT, "the file claims version \"%s\", asked was \"%s\"", facts->version, spec->version);
	if (!is_target_asked(spec->target, facts->target))
		return err_set(err, RF_ECONFLICT, "the file claims target \"%s\", asked was \"%s\"", facts->target, spec->target);
	return 0;
}

static int scan_result(const struct build_job *job, const struct toolchain_built *built, struct arena *a, struct build_evidence *e,
		       struct err *err)
{
	struct artifact_facts *facts = arena_alloc(a, sizeof *facts);
	if (!facts)
		return err_set(err, RF_ENOMEM, "scan");
	struct scan_options options = { .threads = 1 };
	struct stat st;
	/* a link's end would be looked up out here, where the driver cannot reach */
	if (lstat(e->engine_path, &st) == 0 && !S_ISREG(st.st_mode)) {
		(void)err_set(err, RF_ECONFLICT, "what was built is no regular file");
		return err_in_file(err, e->engine_path);
	}
	int rc = scan_one(e->engine_path, &options, a, facts, &e->engine_digest, err);
	if (rc != 0)
		return rc;
	e->engine_bytes = facts->size;
	e->kind = facts->kind;
	e->claimed_version = facts->version;
	e->claimed_target = facts->target;
	if (!digest_eq(&e->engine_digest, &built->engine_digest)) {
		char is[DIGEST_HEX], said[DIGEST_HEX];
		err_set(err, RF_EVERIFY, "the engine's sha256 is %s, its driver said %s", digest_hex(&e->engine_digest, is),
			digest_hex(&built->engine_digest, said));
		return err_in_file(err, e->engine_path);
	}
	rc = check_claims(job->spec, facts, err);
	return rc == 0 ? 0 : err_in_file(err, e->engine_path);
}

static int run_driver(const struct build_job *job, struct arena *a, const struct build_evidence *e, struct toolchain_built *built,
		      struct err *err)
{
	const struct build_spec *spec = job->spec;
	char source[DIGEST_HEX], build[DIGEST_HEX];
	const struct toolchain_stamp stamps[] = { { ARTIFACT_STAMP_RECIPE, spec->model },
						  { ARTIFACT_STAMP_BUILD, digest_hex(&spec->build_digest, build) },
						  { ARTIFACT_STAMP_SOURCE, digest_hex(&spec->source_digest, source) } };
	struct toolchain_build request = { .source = job->source_path, .engine = e->engine_path, .target = spec->target,
					   .args = spec->args, .arg_count = spec->arg_count, .stamps = stamps,
					   .stamp_count = RF_COUNT(stamps), .memory_bytes = spec->memory_bytes };
	struct toolchain_limits limits = { spec->timeout_usec, spec->memory_bytes, job->isolation };
	return toolchain_build(job->toolchain, &request, &limits, a, built, err);
}

static void take_run(const struct toolchain_built *built, struct build_evidence *e)
{
	snprintf(e->isolation, sizeof e->isolation, "%s", built->run.isolation);
	e->build_usec = built->build_usec;
	e->process_usec = built->run.duration_usec;
	e->peak_memory_bytes = built->run.peak_memory_bytes;
	e->driver_version = built->run.driver_version ? built->run.driver_version : "";
}

int build_engine(const struct build_job *job, struct arena *a, struct build_evidence *ret, struct err *err)
{
	char out[FS_PATH_MAX];
	struct build_evidence e = { .library_digest = job->toolchain->library_digest };
	int rc = prepare_folder(job->folder, out, sizeof out, err);
	if (rc != 0)
		return rc;
	e.engine_path = arena_printf(a, "%s/%s", out, job->spec->engine_file);
	const char *log_path = arena_printf(a, "%s/build.log", job->folder);
	if (!e.engine_path || !log_path)
		return err_set(err, RF_ENOMEM, "build");
	rc = verify_source(job, &e.source_digest, err);
	if (rc != 0)
		return rc;
	struct toolchain_built built = { 0 };
	rc = run_driver(job, a, &e, &built, err);
	take_run(&built, &e);
	struct err log_error = ERR_INIT;
	int log_rc = write_log(log_path, &built, &e.log_digest, &log_error);
	if (log_rc == 0)
		e.log_path = log_path;
	else if (rc == 0) {
		rc = log_rc;
		if (err)
			*err = log_error;
	}
	if (rc == 0)
		rc = scan_result(job, &built, a, &e, err);
	if (rc != 0)
		(void)unlink(e.engine_path);
	*ret = e;
	return rc;
}

int build_evidence_json(const struct build_evidence *e, struct str *ret, struct err *err)
{
	char hex[DIGEST_HEX];
	struct json_out o = json_out(ret, false);
	json_object(&o);
	json_member(&o, "engine_sha256", digest_hex(&e->engine_digest, hex));
	json_member_u64(&o, "engine_bytes", e->engine_bytes);
	json_member(&o, "kind", e->kind);
	json_member(&o, "version", e->claimed_version);
	json_member(&o, "target", e->claimed_target);
	json_member(&o, "source_sha256", digest_hex(&e->source_digest, hex));
	json_member(&o, "library_sha256", digest_hex(&e->library_digest, hex));
	json_member(&o, "log_sha256", digest_hex(&e->log_digest, hex));
	json_member(&o, "isolation", e->isolation);
	json_member_i64(&o, "build_usec", e->build_usec);
	json_member_i64(&o, "process_usec", e->process_usec);
	json_member_u64(&o, "peak_memory_bytes", e->peak_memory_bytes);
	json_member(&o, "driver_version", e->driver_version);
	json_object_end(&o);
	return str_check(ret, "build evidence", err);
}
