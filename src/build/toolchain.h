/*
 * toolchain - the client of a toolchain driver (design 6.4; docs/toolchain-driver.md is the protocol).
 *
 * May use base, format, process, crypto, version, quarantine.h. Starts programs and reads files; no database.
 *
 * A driver is a program of its own, one process for one version of one toolchain, that speaks JSON lines. Here each call
 * is one process life (probe, inspect, build) or one session (open, iterate, close). Nothing a driver says is trusted: its
 * messages are bounded and checked, and after a build the file is scanned by build_engine(). Nothing is shown to a driver
 * either that has not passed quarantine_check(): RF_EDENIED from build, inspect and session_open, before it is started.
 *
 *   toolchain_load ──► toolchain_probe | toolchain_build | toolchain_inspect
 *                  └─► toolchain_session_open ──► _iterate (n times) ──► _close
 *
 * Isolation (process/): the system read-only, the driver's and the library's folders read-only, the paths of the request;
 * no network; a memory limit. The words for what was really used come back as evidence.
 */
#ifndef REFORGE_BUILD_TOOLCHAIN_H
#define REFORGE_BUILD_TOOLCHAIN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/time.h"
#include "build/kind.h"
#include "crypto/digest.h"
#include "format/npy.h"

#define TOOLCHAIN_PROTOCOL 1
/* One message. The longest met is a trtexec log tail of 256 KiB, escaped; latencies of 10,000 iterations are 120 KB. */
#define TOOLCHAIN_MAX_MESSAGE (4 * MIB)
#define TOOLCHAIN_MAX_TENSORS 256         /* inputs or outputs of one engine; PP-OCR and silero have up to 4 */
#define TOOLCHAIN_MAX_ITERATIONS 100000   /* of one iterate message */

/* One version of one toolchain on this machine, made by toolchain_load(). Strings live in the arena given there. */
struct toolchain {
	const struct toolchain_kind *kind;
	const char *version;            /* as asked for: "1.21.1"; a driver that finds another is RF_ECONFLICT */
	const char *library;            /* real path of libonnxruntime.so, trtexec; "" where kind allows it */
	const char *driver;             /* real path of the driver program */
	struct digest library_digest;   /* evidence: what really ran; zero without a library */
	uint64_t library_bytes;
};

/*
 * Fills @ret and digests the library once (20-45 MB: keep the result for a whole run).
 * @driver   path from reforge.yaml or NULL: beside this program (toolchain_driver_path()).
 * @expected sha256 the workspace demands of the library, NULL: none.
 * RF_ENOTFOUND (library or driver missing; the text says which and what to do), RF_EVERIFY (another digest).
 */
RF_MUST_CHECK int toolchain_load(const struct toolchain_kind *kind, const char *version, const char *library, const char *driver,
                                 const struct digest *expected, struct arena *a, struct toolchain *ret, struct err *err);

/* toolchains/<name>/<driver> in the folder of /proc/self/exe or one of the two above it (tests of the build tree), then
 * ../libexec/reforge/<driver>. RF_ENOTFOUND names the places looked at. */
RF_MUST_CHECK int toolchain_driver_path(const struct toolchain_kind *kind, char *ret_path, size_t size, struct err *err);

/* True when @claimed is @asked, or of its family where the scheme takes short versions for families: 10.16.1.11 is a 10.16.1. */
bool toolchain_version_matches(const struct toolchain_kind *kind, const char *asked, const char *claimed);

enum toolchain_isolation {
	TOOLCHAIN_ISOLATION_REQUIRED = 0,   /* no bubblewrap: RF_ENOTFOUND */
	TOOLCHAIN_ISOLATION_BEST,           /* what the machine has; "none" is said in the evidence */
	TOOLCHAIN_ISOLATION_NONE,           /* own tests */
};
struct toolchain_limits {
	int64_t deadline_usec;          /* whole life of the driver process; 0: 10 minutes */
	uint64_t memory_bytes;          /* 0: no limit */
	enum toolchain_isolation isolation;
};

/* What a process life left behind. */
struct toolchain_run {
	char isolation[96];             /* "bubblewrap, memory cgroup v1 4.0 GiB", "none" */
	int64_t duration_usec;
	uint64_t peak_memory_bytes;     /* 0: not known */
	const char *stderr_tail;        /* in the arena; what the toolchain itself printed, at most 64 KiB */
	bool out_of_memory;             /* killed at limits.memory_bytes */
	const char *driver_version;     /* in the arena; "" before the handshake */
};

struct toolchain_probe {
	const char *version;            /* of the toolchain found; "" when none was */
	const char *target;             /* of this machine: "linux-x86_64/cpu-avx512"; "" when the driver cannot tell */
	const char *build_info;         /* the toolchain's own words about itself, may be "" */
	bool usable;                    /* can build here */
	bool sessions;
	const char *const *missing;     /* what is missing, in words; missing_count of them */
	size_t missing_count;
	struct toolchain_run run;
};
/* A toolchain that is not usable is an answer, not an error. @t->version "" accepts any version. Strings in @a. */
RF_MUST_CHECK int toolchain_probe(const struct toolchain *t, const struct toolchain_limits *limits, struct arena *a,
                                  struct toolchain_probe *ret, struct err *err);

struct toolchain_stamp { const char *key, *value; };
struct toolchain_build {
	const char *source;             /* absolute; visible read-only */
	const char *engine;             /* absolute; its folder is writable inside, the file must not exist */
	const char *target;             /* refused by the driver when this machine is another */
	const char *const *args;        /* the recipe's build.args */
	size_t arg_count;
	const struct toolchain_stamp *stamps;   /* reforge.recipe, .build, .source; the driver adds what it is itself */
	size_t stamp_count;
	uint64_t memory_bytes;          /* told to the toolchain where it has an option for it; 0: nothing */
};
struct toolchain_built {
	struct digest engine_digest;    /* the driver's claim; build_engine() digests again */
	uint64_t engine_bytes;
	int64_t build_usec;             /* the toolchain's own time, without process start */
	const char *version;            /* of the toolchain that built */
	const char *log;                /* the toolchain's log, in the arena, may be "" */
	struct toolchain_run run;
};
/* RF_EPROCESS: the driver answered with an error (its code and text are in @err) or died; RF_EUNSUPPORTED: an arg that this
 * version no longer has ("transform needed"); RF_ETIMEOUT; RF_EFULL; RF_ECONFLICT: another version or target than asked.
 * @ret->run and @ret->log are filled on failure too, as far as known: zero @ret beforehand. */
RF_MUST_CHECK int toolchain_build(const struct toolchain *t, const struct toolchain_build *request,
                                  const struct toolchain_limits *limits, struct arena *a, struct toolchain_built *ret,
                                  struct err *err);

struct tensor_info {
	struct span name;               /* hostile: any bytes; never part of a path */
	enum npy_type type;             /* NPY_NONE: a kind that .npy cannot hold; type_text says which */
	const char *type_text;          /* "float32", "bfloat16", "string", "sequence" */
	unsigned rank;
	int64_t shape[NPY_MAX_DIMS];    /* -1: free */
};
struct toolchain_inspection {
	const struct tensor_info *inputs, *outputs;
	size_t input_count, output_count;
	const char *producer;           /* what the file says made the source model, may be "" */
	const char *version;            /* of the toolchain that opened it */
	const struct toolchain_stamp *stamps;   /* reforge.* found in the file */
	size_t stamp_count;
	struct toolchain_run run;
};
RF_MUST_CHECK int toolchain_inspect(const struct toolchain *t, const char *engine, const struct toolchain_limits *limits,
                                    struct arena *a, struct toolchain_inspection *ret, struct err *err);

/* A session: the engine stays loaded in the driver's process; two of them are interleaved by asking in turn. */
struct toolchain_session;
struct toolchain_session_options {
	const char *engine;             /* absolute */
	const char *const *read_folders;     /* absolute; input files lie below them; NULL-ended, may be NULL */
	const char *write_folder;       /* absolute; outputs are written below it; NULL: none can be written */
	unsigned threads;               /* 0: 1 */
	bool deterministic;             /* ask the toolchain for it, where it has the switch */
	struct toolchain_limits limits;
};
/* RF_EUNSUPPORTED: a driver without sessions (trtexec); RF_EPROCESS: the engine does not load: the toolchain's text. */
RF_MUST_CHECK int toolchain_session_open(const struct toolchain *t, const struct toolchain_session_options *options,
                                         struct toolchain_session **ret, struct err *err);
/* What the engine takes and gives; lives as long as the session. */
const struct toolchain_inspection *toolchain_session_inspection(const struct toolchain_session *s);
int64_t toolchain_session_load_usec(const struct toolchain_session *s);

struct toolchain_tensor_file { struct span name; const char *path; };   /* .npy, NumPy format 1.0, little-endian, C order */
struct toolchain_iterate {
	const struct toolchain_tensor_file *inputs;
	size_t input_count;
	unsigned warmup;                /* runs before, not measured */
	unsigned iterations;            /* at least 1 */
	const char *output_prefix;      /* "/…/case3-": outputs of the last iteration go to case3-0.npy, case3-1.npy; NULL: not kept */
};
struct toolchain_output {
	struct span name;
	enum npy_type type;             /* as in tensor_info */
	const char *type_text;
	unsigned rank;
	int64_t shape[NPY_MAX_DIMS];    /* what it really had */
	const char *path;               /* NULL when not kept or when .npy cannot hold it */
};
struct toolchain_iteration {
	const uint64_t *latency_ns;     /* one per iteration: the toolchain's call alone, without files and messages */
	size_t latency_count;
	const struct toolchain_output *outputs;
	size_t output_count;
};
/* Input tensors given in the last call with the same path are not read again by the driver as long as size and time of the
 * file are the same. Results live in @a. RF_EPROCESS also when the process died; the session must still be closed. */
RF_MUST_CHECK int toolchain_session_iterate(struct toolchain_session *s, const struct toolchain_iterate *request,
                                            struct arena *a, struct toolchain_iteration *ret, struct err *err);
/* Ends the process and frees @s (NULL is fine); @ret (may be NULL) gets what the process left, its text in @a. */
void toolchain_session_close(struct toolchain_session *s, struct arena *a, struct toolchain_run *ret);
void toolchain_session_freep(struct toolchain_session **s);

#endif
