/*
 * artifact - what a file says about itself: its kind, the toolchain that made it, the target it was made for.
 *
 * Pure: bytes in, facts out; no I/O but through the caller's artifact_source, no clock, no globals. May use base/ and
 * format/.
 * One file and one row of artifact_formats[] per kind (artifact_tensorrt.c, artifact_onnx.c, ...).
 *
 *   source ──artifact_read()──► struct artifact_facts ──(full read only)── artifact_pass_add() ... artifact_pass_end()
 *
 * A file's content never makes artifact_read() fail: whatever is wrong with it is a fact (law 2: unknown is not safe;
 * law 3: a version in a header is a claim). Headers, section tables, trailers are read by pieces: a few KiB of a 4 GiB
 * file.
 */
#ifndef REFORGE_INVENTORY_ARTIFACT_H
#define REFORGE_INVENTORY_ARTIFACT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/* Kinds, as `scan --json` prints them. A kind is its text: adding one touches only the file that reads it. */
#define ARTIFACT_OTHER "other" /* no format of ours */
#define ARTIFACT_TENSORRT_PLAN "tensorrt-plan"
#define ARTIFACT_TENSORRT_TIMING_CACHE \
	"tensorrt-timing-cache" /* an input of builds, not an engine; states no version */
#define ARTIFACT_ONNX "onnx"    /* a model: not built by anything that we judge */
#define ARTIFACT_ONNXRUNTIME_OPTIMISED "onnxruntime-optimised" /* .onnx that ONNX Runtime wrote */
#define ARTIFACT_ONNXRUNTIME_ORT "onnxruntime-ort"
#define ARTIFACT_LFS_POINTER "git-lfs-pointer"             /* the engine itself is elsewhere */
#define ARTIFACT_RUNTIME_LIBRARY "runtime-library"         /* libonnxruntime.so*, libnvinfer.so* */
#define ARTIFACT_TENSORRT_PLUGIN "tensorrt-plugin-library" /* links TensorRT, or hands it plugin creators */
#define ARTIFACT_CONTAINER_IMAGE "container-image"         /* its digest is its manifest's */
#define ARTIFACT_PACKAGE_DATABASE "package-database"       /* of dpkg, apk, rpm: what is installed */
#define ARTIFACT_PYTHON_PACKAGE "python-package"           /* metadata of one installed distribution */
#define ARTIFACT_NPM_PACKAGE "npm-package"                 /* package.json of one installed package */
#define ARTIFACT_DOCKERFILE "dockerfile"                   /* what an image is built on */
#define ARTIFACT_BILL_OF_MATERIALS "bill-of-materials"     /* CycloneDX, SPDX; scanned by name only */
#define ARTIFACT_BILL_ENTRY "bill-entry"                   /* content that a bill names by its digest; not seen */
#define ARTIFACT_RELEASE_FILE "release-file"               /* a product's own statement: NvInferVersion.h, nv_tegra_release */
#define ARTIFACT_ARCHIVE "archive"                   /* zip, tar, or compressed; what is inside is reported apart */
#define ARTIFACT_UNREAD_CONTAINER "unread-container" /* .deb, .rpm, .7z, ...: named, not looked into */
#define ARTIFACT_PICKLE "python-pickle"              /* torch2trt and others keep engines in them */
#define ARTIFACT_TENSORRT_LLM_CONFIG "tensorrt-llm-config" /* config.json of an engine folder */
#define ARTIFACT_TENSORRT_LLM "tensorrt-llm-engine"  /* such a folder: config and the engine of each rank */
#define ARTIFACT_ENGINE_SET "engine-set"             /* engines and what they are loaded with, or by */

/* Products (purl). The whole list with aliases is version/products.tsv; these are what files can be built by. */
#define ARTIFACT_PRODUCT_TENSORRT "pkg:generic/nvidia/tensorrt"
#define ARTIFACT_PRODUCT_ONNXRUNTIME "pkg:generic/microsoft/onnxruntime"
#define ARTIFACT_PRODUCT_CUDA "pkg:generic/nvidia/cuda-toolkit"
#define ARTIFACT_PRODUCT_TENSORRT_LLM "pkg:generic/nvidia/tensorrt-llm"

/* Where the version was taken from, strongest claim first met; design 6.1. */
enum artifact_version_source {
	ARTIFACT_VERSION_UNKNOWN = 0, /* version is "" */
	ARTIFACT_VERSION_HEADER, /* outer ftrt header; archive head of a bare ptrt; flatbuffer version table of 5.x */
	ARTIFACT_VERSION_INNER,  /* outer header unusable, the archive inside was readable */
	ARTIFACT_VERSION_PROVENANCE, /* our stamp in the model's metadata_props */
	ARTIFACT_VERSION_NAME,       /* file name (jetson-inference writes it there) */
	ARTIFACT_VERSION_PACKAGE,    /* a runtime library's own version string */
};
const char *artifact_version_source_text(enum artifact_version_source s);  /* "header", ...; "unknown" */
enum artifact_version_source artifact_version_source_of(struct span text); /* UNKNOWN for other texts */

/* The file's own part of a finding: no advisory is judged here, so never affected or not_affected. */
enum artifact_finding {
	ARTIFACT_CLEAR = 0, /* nothing to object to */
	ARTIFACT_UNKNOWN,   /* an engine, or named like one, and what built it cannot be told */
	ARTIFACT_CONFLICT,  /* two statements in the file disagree */
};
const char *artifact_finding_text(enum artifact_finding f); /* "", "unknown", "conflict" */
enum artifact_finding artifact_finding_of(struct span text);

/* Causes (static texts; design section 1). */
#define ARTIFACT_CAUSE_HEADER_MISMATCH "header_mismatch" /* versions, sizes, bounds or checksums disagree */
#define ARTIFACT_CAUSE_UNKNOWN_BUILDER "unknown_builder" /* nothing states the toolchain's version */
#define ARTIFACT_CAUSE_UNREADABLE "unreadable"           /* layout that no rule reads, damaged, empty, I/O error */
#define ARTIFACT_CAUSE_CONTENT_ABSENT "content_absent"   /* a pointer; the content is not in this file */
#define ARTIFACT_CAUSE_HOST_CODE "host_code"         /* native code for a CPU inside a plan: runs when it is loaded */
#define ARTIFACT_CAUSE_LEAN_RUNTIME "lean_runtime"   /* host code that says it is a lean runtime: nothing proves it */
#define ARTIFACT_CAUSE_HOSTILE_MODEL "hostile_model" /* a model that breaks a rule of inspection: in quarantine */
#define ARTIFACT_CAUSE_UNSAFE_NAME "unsafe_name"     /* a container's member whose name leads out of it */
#define ARTIFACT_CAUSE_SOURCE_CONFLICT "source_conflict" /* others claim different things of it, and it was not read here */
#define ARTIFACT_CAUSE_INCOMPLETE "incomplete"       /* a limit of ours: a part of the content was not looked at */

/* Whether an objection of this cause leaves open what built the file: all do but lean_runtime, which is about code that
 * stands beside the engine. */
bool artifact_cause_doubts_builder(struct span cause);

/* What an artifact's content holds beside its main product: the CUDA toolkit that compiled a plan's kernels, the
 * packages of a package database, the TensorRT that a plugin library links. */
#define ARTIFACT_ROLE_BUILDER "builder" /* it made the artifact, or a part of it */
#define ARTIFACT_ROLE_RUNTIME "runtime" /* it is, holds or loads what runs */
#define ARTIFACT_ROLE_PACKAGE "package" /* an entry of a package database or bill of materials */
struct artifact_component {
	struct span product; /* purl without version; never empty */
	struct span version; /* empty: unknown, to be judged as unknown */
	const char *role;    /* ARTIFACT_ROLE_*; static */
	const char *source;  /* how it was told: "dpkg", "soname", "elf-note", "cubin", "lean-runtime", ...; static */
	struct span where;   /* where in the content: "section LEAN", "var/lib/dpkg/status"; may be empty */
};
/* The packages of a large image are some thousands. */
#define ARTIFACT_MAX_COMPONENTS 16384
#define ARTIFACT_MAX_RULES 16
#define ARTIFACT_MAX_SM 32
#define ARTIFACT_MAX_CODE_SEEN 8
struct artifact_range {
	uint64_t from, bytes;
};

/* One line of `explain`: which bytes say what. */
#define ARTIFACT_EVIDENCE_BYTES 24
struct artifact_evidence {
	const char *what; /* "ftrt version", "section ENGN offset"; static or in the arena */
	uint64_t offset;  /* in the file */
	unsigned char bytes[ARTIFACT_EVIDENCE_BYTES]; /* the first byte_count of the field */
	size_t byte_count;
	const char *value; /* what they were read as: "10.13.3.9"; in the arena */
};

/* Keys of metadata_props that reforge's ONNX Runtime driver writes (design 6.4): files do not record their toolchain.
 */
#define ARTIFACT_STAMP_TOOLCHAIN "reforge.toolchain"
#define ARTIFACT_STAMP_VERSION "reforge.toolchain.version"
#define ARTIFACT_STAMP_TARGET "reforge.target"
#define ARTIFACT_STAMP_RECIPE "reforge.recipe"
#define ARTIFACT_STAMP_BUILD "reforge.build"
#define ARTIFACT_STAMP_SOURCE "reforge.source"
struct artifact_stamp { /* empty spans: key absent. Values are claims of the file, cut at 256 bytes */
	struct span toolchain, version, target, recipe, build, source;
};

#define ARTIFACT_MAX_NOTES 24
#define ARTIFACT_MAX_EVIDENCE 48

struct artifact_format;
struct artifact_facts {
	const char *kind;    /* ARTIFACT_*; static */
	const char *layout;  /* "ftrt/P4", "P1", "flatbuffer 5.x", "ORTM"; static; "" when none */
	const char *product; /* purl; static, or in the arena; NULL when no toolchain is behind it */
	char version[64];    /* "10.13.3.9"; "" unknown */
	enum artifact_version_source version_source;
	char inner_version[64]; /* TensorRT: what the archive inside says; "" when there is none */
	int cc_major, cc_minor; /* compute capability of the build device; -1 unknown */
	char target[96];        /* "sm_86" (a plan states no operating system); from a stamp
				 * "linux-x86_64/cpu-avx512"; "" unknown */
	char device[96];        /* GPU name where the file has it (5.x); "" */
	uint64_t size;          /* real */
	uint64_t declared_size; /* what the header says, prefix included; 0: it says nothing */
	uint64_t prefix_bytes;  /* Ultralytics JSON in front */
	enum artifact_finding finding;
	const char *cause;                     /* ARTIFACT_CAUSE_*; "" when CLEAR */
	unsigned ranks;                        /* TensorRT-LLM's config: engines that belong to it; 0 unknown */
	bool truncated;                        /* declared or section end lies behind the real end */
	const char *rules[ARTIFACT_MAX_RULES]; /* names of the rules that objected, each once ("section_past_end"): they
						* stay the same while the notes' wording may change; static */
	size_t rule_count;
	struct artifact_component *components; /* in the arena, filled by artifact_component_add() */
	size_t component_count, component_room;
	size_t components_dropped;             /* more than ARTIFACT_MAX_COMPONENTS */
	const char *notes[ARTIFACT_MAX_NOTES]; /* sentences for people; in the arena */
	size_t note_count;
	size_t notes_dropped;    /* more than fit: the last note says so */
	size_t second_look_from; /* notes from here on came from the second look; note_count: none */
	size_t second_rules_from, second_components_from; /* the same of rules and components */
	struct artifact_evidence *evidence;               /* in the arena; only with ARTIFACT_WITH_EVIDENCE */
	size_t evidence_count;
	struct artifact_stamp stamp;                 /* ONNX and .ort */
	struct span producer_name, producer_version; /* ONNX: the exporter's words, copied through by ONNX Runtime:
						      * never the toolchain's version */
	int64_t ir_version;                          /* ONNX; 0 unknown */
	const struct artifact_format *format;        /* row that read it; NULL for other */
	/* For the full read: a checksum over [crc_from, crc_from + crc_bytes), where the format has one. */
	bool has_crc;
	uint32_t crc;
	uint64_t crc_from, crc_bytes;
	bool look_for_code; /* search the content for kernels, and for host ELF and PE files */
	/* ELF files inside that the first look has named: the search passes over them. */
	struct artifact_range code_seen[ARTIFACT_MAX_CODE_SEEN];
	size_t code_seen_count;
	/* The device that the engine was built on, beside cc: 0 where the plan does not tell. */
	uint32_t clock_khz, memory_clock_khz, multiprocessors;
	uint64_t memory_bytes;
	/* Second look: cubins, plain or in fatbins, and the SMs that they were compiled for (86 is sm_86), ascending.
	 * The CUDA toolkits that compiled them are components. */
	uint64_t cubin_count;
	uint16_t cubin_sm[ARTIFACT_MAX_SM];
	size_t cubin_sm_count;
};

/* What is found beside an artifact under a relative name: the weights of a model that keeps them outside. */
enum artifact_beside_kind {
	ARTIFACT_BESIDE_ABSENT = 0,
	ARTIFACT_BESIDE_FILE, /* a regular file, every part of its path a real folder */
	ARTIFACT_BESIDE_LINK, /* it, or a folder on the way, is a symbolic link: not followed */
	ARTIFACT_BESIDE_OTHER /* a folder, a device; or it could not be looked at */
};
struct artifact_beside {
	enum artifact_beside_kind kind;
	uint64_t size;      /* of a file */
	uint64_t hardlinks; /* names that the file has; 1 for most */
};

/* Bytes of a file by position. */
struct artifact_source {
	/* Up to @n bytes from @offset; fewer only at the end. 0 or RF_EIO. */
	int (*pread)(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n);
	void *data;
	uint64_t size;
	/* What is at hand already from offset 0 (one read of the caller); may be empty. At least the first
	 * ARTIFACT_HEAD_BYTES (or the whole file) spares most files any further read. */
	struct span head;
	/* What lies beside the file under @name: relative, without ".." (the caller has checked both). NULL: nothing
	 * can be seen there (bytes in memory, a member of an archive). */
	struct artifact_beside (*beside)(void *data, const char *name);
};
#define ARTIFACT_HEAD_BYTES 4096

/* A source over bytes in memory; @s must outlive it. */
struct artifact_source artifact_source_bytes(struct span s);

/*
 * Adds one component to @f; its spans are copied into @a, @a must be the facts' arena. Told twice is kept twice, so
 * that both sources can be shown. Beyond ARTIFACT_MAX_COMPONENTS it is counted in components_dropped, and f is
 * `unknown` with the cause `incomplete`, since what was left out cannot be judged. RF_ENOMEM.
 */
RF_MUST_CHECK int artifact_component_add(struct artifact_facts *f, struct arena *a, const struct artifact_component *c);

/* A copy whose notes, evidence, components and spans lie in @a. RF_ENOMEM. */
RF_MUST_CHECK int artifact_facts_copy(const struct artifact_facts *f, struct arena *a, struct artifact_facts *ret);

enum { ARTIFACT_WITH_EVIDENCE = 1 };

/*
 * Reads the facts.
 *
 * @path   as far as it is known, or a name alone. A hint ("looks like an engine by name"): it never makes an engine of
 *         something, but package databases are told by where they lie
 * @flags  ARTIFACT_WITH_EVIDENCE or 0 (a fast scan)
 * @a      holds notes, evidence, texts; a few KiB
 *
 * Returns 0 with @ret complete; RF_EIO from the source; RF_ENOMEM.
 */
RF_MUST_CHECK int artifact_read(const struct artifact_source *src, struct span path, unsigned flags, struct arena *a,
				struct artifact_facts *ret, struct err *err);

/* Does any row take the file for one of its own by head, size and path? False: its kind is other, whatever comes behind. @src:
 * with a head of ARTIFACT_HEAD_BYTES, or all of it. */
bool artifact_may_be_read(const struct artifact_source *src, struct span path);

/* The second look, over every byte, for those who read the whole file anyway (to hash it): checksums, what the kernels
 * inside were compiled for and by, and native host code in plans (a plugin or lean runtime inside is code that runs at
 * load time: tensorrt-lifecycle "a plan is executable"). */
#define ARTIFACT_PASS_BEHIND 96 /* bytes that a header needs */
struct artifact_pass {
	const struct artifact_facts *facts;
	uint64_t position;
	uint32_t crc;
	unsigned char tail[3 * ARTIFACT_PASS_BEHIND]; /* end of the last piece: a header may straddle two */
	size_t tail_bytes;
	uint64_t code_at[4];      /* offsets of the first host ELF or PE files found */
	const char *code_what[4]; /* "ELF x86-64", "PE (Windows)" */
	unsigned code_count;      /* all of them */
	struct {
		uint64_t at, signature;
	} pe[64]; /* places that begin like a PE, until its signature is reached */
	size_t pe_count;
	bool pe_lost;
	uint64_t cubins;
	uint16_t sm[ARTIFACT_MAX_SM], toolkits[16]; /* 129: CUDA 12.9 */
	size_t sm_count, toolkit_count;
	uint64_t tools_until; /* a cubin up to here names its toolkit in a note */
	unsigned tools_searches;
};
void artifact_pass_begin(struct artifact_pass *p, const struct artifact_facts *facts);
bool artifact_pass_wanted(const struct artifact_facts *facts); /* false: skip the calls, nothing would be found */
void artifact_pass_add(struct artifact_pass *p, const void *bytes, size_t n);
/* Adds notes and findings to @facts (the one given at begin, or a copy). RF_ENOMEM. */
RF_MUST_CHECK int artifact_pass_end(struct artifact_pass *p, struct arena *a, struct artifact_facts *facts,
				    struct err *err);
/* What the second look found, as one text (lines; empty when nothing), to be kept for a file that is not read again;
 * and putting it back. A text that is no such thing adds nothing. RF_ENOMEM. */
RF_MUST_CHECK int artifact_second_look(const struct artifact_facts *facts, struct arena *a, struct span *ret);
RF_MUST_CHECK int artifact_second_look_apply(struct artifact_facts *facts, struct span text, struct arena *a);

/* Looks like an engine by its name alone: .plan .engine .trt .ort .rankN.engine ... */
bool artifact_named_like_engine(struct span name);
/* Databases of rpm, told by their names: their readers jump about in the whole of it. */
bool artifact_is_read_at_random(struct span name);
/* The kind is one that a toolchain built: plan, optimised, .ort. Timing caches, models, pointers are not. */
bool artifact_kind_is_engine(struct span kind);
/* It is nothing itself: only what lies inside says anything (an archive, a pickle; a model is a model). */
bool artifact_kind_only_holds(struct span kind);

/* ── For the files that read formats ────────────────────────────────────────────────────────────────────────────── */

struct artifact_reading;
struct artifact_format {
	const char *name; /* "tensorrt" */
	/* Could the file be this? Looks at the head (its first ARTIFACT_HEAD_BYTES), size and path only; cheap. */
	bool (*sniff)(const struct artifact_reading *r);
	/* Fills r->facts. May find that it is not one after all: RF_EUNREADABLE, and the next row is asked. */
	int (*read)(struct artifact_reading *r);
};
/* Asked in this order; NULL at the end. */
extern const struct artifact_format *const artifact_formats[];

/* A model is read forward; a flatbuffer jumps between tables, strings and the few vtables that they share: the window
 * that was not used for the longest time makes room. */
#define ARTIFACT_WINDOWS 8
struct artifact_window {
	uint64_t used; /* when, in the reading's own count */
	unsigned char *bytes; /* heap; freed when the reading ends */
	size_t room;
	uint64_t at;
	size_t n;
};

struct artifact_reading {
	const struct artifact_source *src;
	struct span head; /* the first min(size, ARTIFACT_HEAD_BYTES) bytes at least */
	struct span path; /* as artifact_read() was given it */
	struct span name; /* its last part */
	unsigned flags;
	struct arena *a;
	struct artifact_facts *facts;
	struct err *err;
	int failed;                                       /* RF_EIO or RF_ENOMEM met by a helper: reading stops */
	unsigned reads;                                   /* of the source; at most ARTIFACT_MAX_READS */
	struct artifact_window windows[ARTIFACT_WINDOWS]; /* the last pieces read beside the head */
	unsigned recent;                                  /* the one used last */
	uint64_t clock;
	unsigned char *held; /* the whole file, by artifact_hold() */
	bool backward; /* the format is written from its end, as flatbuffers are: who reads on comes nearer to its start */
};
/* A hostile file may not make us read on and on: 4 GiB of large pieces. */
#define ARTIFACT_MAX_READS 65536

/* A header takes a few small pieces; who goes on reads larger ones. */
#define ARTIFACT_SMALL_READS 16
#define ARTIFACT_PIECE_BYTES 4096
#define ARTIFACT_LARGE_PIECE_BYTES 65536
/* @n bytes (at most ARTIFACT_LARGE_PIECE_BYTES) at @offset; NULL when they lie behind the end, the reads are used up (a
 * note says so) or on a failure (r->failed). Lives until the next call. */
const unsigned char *artifact_at(struct artifact_reading *r, uint64_t offset, size_t n);
/* Reads the whole file when it has at most ARTIFACT_HOLD_BYTES: for formats whose parts point at each other all over.
 * Called before any piece is read. Larger ones are read by pieces as ever. */
void artifact_hold(struct artifact_reading *r);
#define ARTIFACT_HOLD_BYTES (64 * MIB)
/* The same for as many of @n bytes as there are; *ret_n may be 0. */
const unsigned char *artifact_upto(struct artifact_reading *r, uint64_t offset, size_t n, size_t *ret_n);

/* These three only fail for want of memory, kept in r->failed: readers need not look after each. */

/* A sentence for people. The last place of notes[] says how many more there were. */
void artifact_note(struct artifact_reading *r, const char *format, ...) RF_PRINTF(2, 3);
/* Raises the finding (CONFLICT over UNKNOWN over CLEAR; the first cause of the highest stays) and says why in a note.
 * @rule  its stable name, lower case with underscores; static */
void artifact_object(struct artifact_reading *r, enum artifact_finding f, const char *cause, const char *rule,
		     const char *format, ...) RF_PRINTF(5, 6);
/* Records evidence when wanted. @bytes may be NULL with 0. */
void artifact_evidence(struct artifact_reading *r, const char *what, uint64_t offset, const void *bytes, size_t n,
		       const char *format, ...) RF_PRINTF(6, 7);

extern const struct artifact_format artifact_format_tensorrt;
extern const struct artifact_format artifact_format_ort;
extern const struct artifact_format artifact_format_lfs;
extern const struct artifact_format artifact_format_archive;
extern const struct artifact_format artifact_format_unread;
extern const struct artifact_format artifact_format_pickle;
extern const struct artifact_format artifact_format_llm;
extern const struct artifact_format artifact_format_runtime;
extern const struct artifact_format artifact_format_onnx;
extern const struct artifact_format artifact_format_dpkg;
extern const struct artifact_format artifact_format_apk;
extern const struct artifact_format artifact_format_rpm_sqlite;
extern const struct artifact_format artifact_format_rpm_ndb;
extern const struct artifact_format artifact_format_rpm_bdb;
extern const struct artifact_format artifact_format_python;
extern const struct artifact_format artifact_format_npm;
extern const struct artifact_format artifact_format_release;

#endif
