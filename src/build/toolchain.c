/* toolchain - conversations with driver processes. */
#include "build/toolchain.h"

#include "base/fs.h"
#include "build/message.h"
#include "build/quarantine.h"
#include "process/process.h"
#include "version/scheme.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#define DEFAULT_DEADLINE_USEC (10 * USEC_PER_MIN)
/* A driver that has been told to end gets this long before it is killed. */
#define CLOSE_WAIT_USEC (5 * USEC_PER_SEC)
#define MAX_BINDS 32

/* ── where things are ────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Cuts the last part off; false at the root. */
static bool parent_folder(char *path)
{
	char *slash = strrchr(path, '/');
	if (!slash || slash == path)
		return false;
	*slash = '\0';
	return true;
}

int toolchain_driver_path(const struct toolchain_kind *kind, char *ret_path, size_t size, struct err *err)
{
	if (!kind->driver)
		return err_set(err, RF_ENOTFOUND, "toolchain %s has no driver of its own: name one in reforge.yaml "
			       "(toolchains: %s: driver)", kind->name, kind->name);
	char folder[FS_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
	if (n <= 0)
		return err_set_errno(err, errno, "/proc/self/exe");
	folder[n] = '\0';
	char program_folder[FS_PATH_MAX];
	for (unsigned level = 0; level < 3 && parent_folder(folder); level++) {
		if (level == 0)
			snprintf(program_folder, sizeof program_folder, "%s", folder);
		int m = snprintf(ret_path, size, "%s/toolchains/%s/%s", folder, kind->name, kind->driver);
		if (m > 0 && (size_t)m < size && is_program(ret_path))
			return 0;
	}
	int m = snprintf(ret_path, size, "%s/../libexec/reforge/%s", program_folder, kind->driver);
	if (m > 0 && (size_t)m < size && is_program(ret_path))
		return 0;
	return err_set(err, RF_ENOTFOUND, "no driver %s: looked in toolchains/%s/ at %s and the two folders above it, and in "
		       "../libexec/reforge/", kind->driver, kind->name, program_folder);
}

/* The real path: what is digested is what is bound into the sandbox and run. */
static int real_file(const char *path, const char *what, struct arena *a, const char **ret, struct err *err)
{
	char real[PATH_MAX];
	struct stat st;
	if (!realpath(path, real) || stat(real, &st) != 0) {
		err_set_errno(err, errno, "%s", what);
		return err_in_file(err, path);
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(err, RF_EINVALID, "%s: not a regular file", what);
		return err_in_file(err, path);
	}
	*ret = arena_text(a, span_of(real));
	return *ret ? 0 : err_set(err, RF_ENOMEM, "%s", what);
}

static int load_library(const char *library, const struct digest *expected, struct arena *a, struct toolchain *t, struct err *err)
{
	int rc = real_file(library, "the toolchain's library", a, &t->library, err);
	if (rc == 0)
		rc = digest_file(t->library, &t->library_digest, &t->library_bytes, err);
	if (rc != 0 || !expected || digest_eq(expected, &t->library_digest))
		return rc;
	char is[DIGEST_HEX], wanted[DIGEST_HEX];
	err_set(err, RF_EVERIFY, "sha256 is %s, reforge.yaml says %s", digest_hex(&t->library_digest, is),
		digest_hex(expected, wanted));
	return err_in_file(err, t->library);
}

int toolchain_load(const struct toolchain_kind *kind, const char *version, const char *library, const char *driver,
		   const struct digest *expected, struct arena *a, struct toolchain *ret, struct err *err)
{
	struct toolchain t = { .kind = kind, .version = arena_text(a, span_of(version)), .library = "" };
	char found[FS_PATH_MAX];
	int rc = t.version ? 0 : err_set(err, RF_ENOMEM, "toolchain");
	if (rc == 0 && !driver) {
		rc = toolchain_driver_path(kind, found, sizeof found, err);
		driver = found;
	}
	if (rc == 0)
		rc = real_file(driver, "the toolchain's driver", a, &t.driver, err);
	if (rc == 0 && access(t.driver, X_OK) != 0) {
		err_set_errno(err, errno, "the toolchain's driver cannot be run");
		rc = err_in_file(err, t.driver);
	}
	if (rc != 0)
		return rc;
	if (library && library[0])
		rc = load_library(library, expected, a, &t, err);
	else if (kind->needs_library)
		rc = err_set(err, RF_ENOTFOUND, "toolchain %s %s: no library is named in reforge.yaml", kind->name, version);
	if (rc == 0)
		*ret = t;
	return rc;
}

/* ── one process ─────────────────────────────────────────────────────────────────────────────────────────────────── */

struct sandbox {
	struct process_bind binds[MAX_BINDS];
	size_t count;
	char folders[2][FS_PATH_MAX];      /* of the library and of what is written */
};

static void bind_path(struct sandbox *s, const char *path, bool writable, bool device)
{
	if (path && path[0] && s->count < MAX_BINDS)
		s->binds[s->count++] = (struct process_bind){ .host_path = path, .writable = writable, .device = device };
}

static void bind_folder_of(struct sandbox *s, size_t slot, const char *path, bool writable)
{
	if (!path || !path[0])
		return;
	snprintf(s->folders[slot], sizeof s->folders[slot], "%s", path);
	if (parent_folder(s->folders[slot]))
		bind_path(s, s->folders[slot], writable, false);
}

/* What an NVIDIA toolchain needs to see; bound where it exists. */
static const char *const gpu_devices[] = { "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia0", "/dev/nvidia1", "/dev/nvidia2",
					   "/dev/nvidia3", "/dev/nvidia4", "/dev/nvidia5", "/dev/nvidia6", "/dev/nvidia7",
					   "/dev/nvhost-ctrl", "/dev/nvmap" };

static bool uses_gpu(const struct toolchain *t)
{
	return strcmp(t->kind->name, "tensorrt") == 0;
}

static void bind_toolchain(struct sandbox *s, const struct toolchain *t)
{
	bind_path(s, t->driver, false, false);
	bind_folder_of(s, 0, t->library, false);
	if (uses_gpu(t))
		bind_path(s, "/sys", false, false);   /* CUDA's view of the bus; the device tree of Jetson boards */
	for (size_t i = 0; uses_gpu(t) && i < RF_COUNT(gpu_devices); i++)
		if (fs_exists(gpu_devices[i]))
			bind_path(s, gpu_devices[i], true, true);
}

struct connection {
	struct process *process;
	struct json_doc *doc;
	struct str line;
	int64_t deadline_usec;
	mono_t end;
	uint64_t memory_bytes;
	const char *driver_version;        /* in the arena of connection_open() */
};

static int connection_ask(struct connection *c, struct arena *a, struct json *ret, const char **ret_log, struct err *err)
{
	struct span reply;
	int rc = str_check(&c->line, "request", err);
	if (rc == 0 && c->line.n > TOOLCHAIN_MAX_MESSAGE)
		rc = err_set(err, RF_ETOOBIG, "a message has at most %zu bytes", TOOLCHAIN_MAX_MESSAGE);
	if (rc == 0)
		rc = process_write_line(c->process, str_span(&c->line), err);
	int64_t left = RF_MAX(c->end - mono_usec(), 1);
	if (rc == 0)
		rc = process_read_line(c->process, left, &reply, err);
	str_reset(&c->line);
	return rc != 0 ? rc : message_read(c->doc, reply, a, ret, ret_log, err);
}

/* Ends the process whatever state it is in, and says what it left. */
static void connection_close(struct connection *c, struct arena *a, struct toolchain_run *ret)
{
	struct process_result result = { 0 };
	struct err ignored = ERR_INIT;
	if (c->process)
		(void)process_close(c->process, CLOSE_WAIT_USEC, &result, &ignored);
	if (ret) {
		*ret = (struct toolchain_run){ .duration_usec = result.duration_usec, .peak_memory_bytes = result.peak_memory_bytes,
					       .out_of_memory = result.out_of_memory, .stderr_tail = "" };
		snprintf(ret->isolation, sizeof ret->isolation, "%s", result.isolation);
		ret->driver_version = c->driver_version ? c->driver_version : "";
		char *tail = a && result.error_output.n ? arena_text(a, str_span(&result.error_output)) : NULL;
		if (tail)
			ret->stderr_tail = tail;
	}
	process_result_release(&result);
	json_doc_free(c->doc);
	str_release(&c->line);
	*c = (struct connection){ 0 };
}

static int connection_start(const struct toolchain *t, const struct toolchain_limits *limits, const struct sandbox *s,
			    struct connection *c, struct err *err)
{
	char why[256];
	bool isolated = limits->isolation == TOOLCHAIN_ISOLATION_REQUIRED ||
			(limits->isolation == TOOLCHAIN_ISOLATION_BEST && process_isolation_available(why, sizeof why));
	struct process_isolation isolation = { .binds = s->binds, .bind_count = s->count, .system_files = true,
					       .memory_bytes = limits->memory_bytes, .no_address_limit = uses_gpu(t) };
	const char *argv[] = { t->driver, NULL };
	struct process_options options = { .argv = argv, .deadline_usec = c->deadline_usec,
					   .output_limit_bytes = TOOLCHAIN_MAX_MESSAGE,
					   .isolation = isolated ? &isolation : NULL };
	return process_start(&options, &c->process, err);
}

static int connection_open(const struct toolchain *t, const struct toolchain_limits *limits, const struct sandbox *s,
			   struct arena *a, struct connection *ret, struct message_greeting *ret_greeting, struct err *err)
{
	static const struct toolchain_limits defaults = { 0 };
	limits = limits ? limits : &defaults;
	*ret = (struct connection){ .doc = json_doc_new(), .line = STR_INIT(TOOLCHAIN_MAX_MESSAGE + 1),
				    .memory_bytes = limits->memory_bytes };
	ret->deadline_usec = limits->deadline_usec > 0 ? limits->deadline_usec : DEFAULT_DEADLINE_USEC;
	ret->end = mono_usec() + ret->deadline_usec;
	if (!ret->doc)
		return err_set(err, RF_ENOMEM, "driver");
	int rc = connection_start(t, limits, s, ret, err);
	if (rc != 0)
		return rc;
	struct json m;
	message_hello(t, &ret->line);
	rc = connection_ask(ret, a, &m, NULL, err);
	if (rc == 0)
		rc = message_read_hello(m, a, ret_greeting, err);
	if (rc == 0)
		ret->driver_version = ret_greeting->driver_version;
	return rc != 0 ? err_prefix(err, "driver of %s %s: ", t->kind->name, t->version) : 0;
}

/* Ends a conversation: @rc so far comes back, made clearer when memory was the reason. */
static int connection_finish(struct connection *c, const struct toolchain *t, int rc, struct arena *a, struct toolchain_run *ret,
			     struct err *err)
{
	struct toolchain_run run;
	uint64_t limit = c->memory_bytes;
	if (rc == RF_ETIMEOUT && c->process)
		process_kill(c->process);   /* it had its time: no grace on top */
	connection_close(c, a, &run);
	if (rc != 0 && run.out_of_memory) {
		char text[32];
		rc = err_set(err, RF_EPROCESS, "%s %s needed more memory than the limit of %s", t->kind->name, t->version,
			     text_bytes(limit, text));
	}
	*ret = run;
	return rc;
}

/* ── the calls ───────────────────────────────────────────────────────────────────────────────────────────────────── */

bool toolchain_version_matches(const struct toolchain_kind *kind, const char *asked, const char *claimed)
{
	if (strcmp(asked, claimed) == 0)
		return true;
	const struct scheme *scheme = scheme_find(span_of(kind->scheme));
	struct version_key a, c;
	if (!scheme || !version_read(scheme, span_of(asked), &a) || !version_read(scheme, span_of(claimed), &c))
		return false;
	return version_key_compare(scheme, &a, &c) == VERSION_EQUAL || version_key_in_family(scheme, &a, &c);
}

static int check_version(const struct toolchain *t, const char *found, struct err *err)
{
	if (t->version[0] == '\0' || toolchain_version_matches(t->kind, t->version, found))
		return 0;
	return err_set(err, RF_ECONFLICT, "%s is version \"%s\", not %s as asked", t->library[0] ? t->library : t->kind->name, found,
		       t->version);
}

int toolchain_probe(const struct toolchain *t, const struct toolchain_limits *limits, struct arena *a, struct toolchain_probe *ret,
		    struct err *err)
{
	struct sandbox s = { .count = 0 };
	struct connection c;
	struct message_greeting greeting;
	struct toolchain_probe p = { 0 };
	struct json m;
	bind_toolchain(&s, t);
	int rc = connection_open(t, limits, &s, a, &c, &greeting, err);
	if (rc == 0) {
		message_plain("probe", &c.line);
		rc = connection_ask(&c, a, &m, NULL, err);
	}
	if (rc == 0)
		rc = message_read_probe(m, a, &p, err);
	if (rc == 0 && p.usable)
		rc = check_version(t, p.version, err);
	rc = connection_finish(&c, t, rc, a, &p.run, err);
	if (rc == 0)
		*ret = p;
	return rc;
}

int toolchain_build(const struct toolchain *t, const struct toolchain_build *request, const struct toolchain_limits *limits,
		    struct arena *a, struct toolchain_built *ret, struct err *err)
{
	struct sandbox s = { .count = 0 };
	struct connection c;
	struct message_greeting greeting;
	struct json m;
	ret->log = "";
	bind_toolchain(&s, t);
	bind_path(&s, request->source, false, false);
	bind_folder_of(&s, 1, request->engine, true);
	int rc = quarantine_check(t->kind, request->source, err);
	if (rc != 0)
		return rc;
	rc = connection_open(t, limits, &s, a, &c, &greeting, err);
	if (rc == 0) {
		message_build(request, &c.line);
		rc = connection_ask(&c, a, &m, &ret->log, err);
	}
	if (rc == 0)
		rc = message_read_build(m, a, ret, err);
	if (rc == 0)
		rc = check_version(t, ret->version, err);
	return connection_finish(&c, t, rc, a, &ret->run, err);
}

int toolchain_inspect(const struct toolchain *t, const char *engine, const struct toolchain_limits *limits, struct arena *a,
		      struct toolchain_inspection *ret, struct err *err)
{
	struct sandbox s = { .count = 0 };
	struct connection c;
	struct message_greeting greeting;
	struct toolchain_inspection i = { 0 };
	struct json m;
	bind_toolchain(&s, t);
	bind_path(&s, engine, false, false);
	int rc = quarantine_check(t->kind, engine, err);
	if (rc != 0)
		return rc;
	rc = connection_open(t, limits, &s, a, &c, &greeting, err);
	if (rc == 0) {
		message_inspect(engine, &c.line);
		rc = connection_ask(&c, a, &m, NULL, err);
	}
	if (rc == 0)
		rc = message_read_inspection(m, a, &i, err);
	rc = connection_finish(&c, t, rc, a, &i.run, err);
	if (rc == 0)
		*ret = i;
	return rc;
}

/* ── sessions ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct toolchain_session {
	const struct toolchain *toolchain;
	struct connection connection;
	struct arena arena;                     /* of the inspection */
	struct toolchain_inspection inspection;
	int64_t load_usec;
};
#define SESSION_ARENA_BYTES (8 * MIB)

static int session_start(struct toolchain_session *s, const struct toolchain_session_options *options, struct err *err)
{
	struct sandbox box = { .count = 0 };
	bind_toolchain(&box, s->toolchain);
	bind_path(&box, options->engine, false, false);
	for (size_t i = 0; options->read_folders && options->read_folders[i]; i++)
		bind_path(&box, options->read_folders[i], false, false);
	bind_path(&box, options->write_folder, true, false);
	if (box.count == MAX_BINDS)
		return err_set(err, RF_ETOOMANY, "more than %d folders for one session", MAX_BINDS);
	int rc = quarantine_check(s->toolchain->kind, options->engine, err);
	if (rc != 0)
		return rc;
	struct message_greeting greeting;
	struct json m;
	rc = connection_open(s->toolchain, &options->limits, &box, &s->arena, &s->connection, &greeting, err);
	if (rc == 0 && !greeting.sessions)
		rc = err_set(err, RF_EUNSUPPORTED, "the driver of %s keeps no engine open: no sessions", s->toolchain->kind->name);
	if (rc == 0) {
		message_open(options, &s->connection.line);
		rc = connection_ask(&s->connection, &s->arena, &m, NULL, err);
	}
	if (rc == 0)
		rc = message_read_inspection(m, &s->arena, &s->inspection, err);
	if (rc == 0)
		rc = message_read_load(m, &s->load_usec, err);
	return rc != 0 ? rc : check_version(s->toolchain, s->inspection.version, err);
}

int toolchain_session_open(const struct toolchain *t, const struct toolchain_session_options *options,
			   struct toolchain_session **ret, struct err *err)
{
	struct toolchain_session *s = rf_alloc(sizeof *s);
	if (!s)
		return err_set(err, RF_ENOMEM, "session");
	s->toolchain = t;
	s->arena = ARENA_INIT(SESSION_ARENA_BYTES);
	int rc = session_start(s, options, err);
	if (rc != 0) {
		struct toolchain_run run;
		rc = connection_finish(&s->connection, t, rc, NULL, &run, err);
		arena_release(&s->arena);
		rf_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

const struct toolchain_inspection *toolchain_session_inspection(const struct toolchain_session *s)
{
	return &s->inspection;
}

int64_t toolchain_session_load_usec(const struct toolchain_session *s)
{
	return s->load_usec;
}

int toolchain_session_iterate(struct toolchain_session *s, const struct toolchain_iterate *request, struct arena *a,
			      struct toolchain_iteration *ret, struct err *err)
{
	struct connection *c = &s->connection;
	struct json m;
	int rc = message_iterate(request, &s->inspection, &c->line, err);
	if (rc != 0) {
		str_reset(&c->line);
		return rc;
	}
	rc = connection_ask(c, a, &m, NULL, err);
	return rc != 0 ? rc : message_read_iteration(m, request, a, ret, err);
}

void toolchain_session_close(struct toolchain_session *s, struct arena *a, struct toolchain_run *ret)
{
	if (!s)
		return;
	struct toolchain_run run;
	connection_close(&s->connection, a, &run);
	if (ret) {
		*ret = run;
		/* The session's own arena goes. */
		const char *version = a ? arena_text(a, span_of(run.driver_version)) : NULL;
		ret->driver_version = version ? version : "";
	}
	arena_release(&s->arena);
	rf_free(s);
}

void toolchain_session_freep(struct toolchain_session **s)
{
	toolchain_session_close(*s, NULL, NULL);
	*s = NULL;
}
