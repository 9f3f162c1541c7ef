/*
 * check_report - what `check` answers about its subjects, and the forms in which that is written. Private to cli/.
 *
 *   gate's answer ──► struct check_subject ──► every sink: people, json, sarif, junit, github, gitlab
 *
 * A form is a file (check_NAME.c) and a row of check_formats[]. Forms only write: nothing is decided here, and nothing in
 * a struct below is a form's own. Subjects are handed over one by one and live until check_reports_subject() returns, so
 * that a container of a million files takes no more memory than one of ten; forms that need a sum in front keep what they
 * wrote until the end.
 */
#ifndef REFORGE_CLI_CHECK_REPORT_H
#define REFORGE_CLI_CHECK_REPORT_H

#include "base/arena.h"
#include "base/time.h"
#include "cli/output.h"
#include "crypto/digest.h"
#include "gate/decision.h"
#include "inventory/artifact.h"

struct check_subject {
	const char *name; /* as given; "OUTER!/inside"; of a Dockerfile's image its reference */
	const char *path; /* the file on the disk that it is, or lies in; NULL: none */
	uint64_t line;    /* of a Dockerfile; 0: none */
	bool has_component;
	struct span product, version; /* of a package URL, or of what built a file; version empty: unknown */
	const char *kind;             /* of content: ARTIFACT_*; NULL: none was read */
	const char *sha256;           /* NULL: not known */
	const char *quarantine;       /* the rule that keeps the file from every toolchain; NULL */
	const struct artifact_facts *facts; /* NULL: none were read */
	const char *explain;                /* what `reforge explain` finds it by; NULL: it does not */
	const struct gate_answer *answer;
};

/* How it went, for those that say so at their end. */
struct check_outcome {
	size_t subjects, denied, warned;
	enum gate_decision worst;
	usec_t at;          /* the moment it was judged as of */
	const char *failed; /* it could not be finished: why; NULL */
};

/* ── Forms ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* One file; hitting it is RF_ETOOBIG. */
#define CHECK_REPORT_MAX_BYTES (1 * GIB)

struct check_sink {
	const struct check_format *format;
	const char *path; /* NULL: standard output, or standard error beside a command */
	struct str text;  /* written, not handed over yet */
	bool coloured;    /* people, on a terminal */
	bool pretty;      /* json, one subject on a terminal */
	bool all;         /* what is not affected, and every step, too */
	void *state;      /* the form's */
};

/* Each may be NULL. Failures are s->text.failed. */
struct check_format {
	const char *name; /* "sarif" */
	const char *what; /* for the help */
	void (*begin)(struct check_sink *s);
	void (*subject)(struct check_sink *s, const struct check_subject *c);
	void (*end)(struct check_sink *s, const struct check_outcome *o);
	void (*release)(struct check_sink *s); /* its state, also after a failure */
};
extern const struct check_format check_format_people, check_format_json, check_format_sarif, check_format_junit, check_format_github,
	check_format_gitlab;
extern const struct check_format *const check_formats[]; /* NULL-ended */

/* ── All that were asked for ────────────────────────────────────────────────────────────────────────────────────── */

#define CHECK_MAX_REPORTS 8
struct check_reports {
	struct check_sink sinks[CHECK_MAX_REPORTS];
	size_t count;
	bool beside; /* a command follows: its standard output is its own */
	struct check_outcome outcome;
};

struct check_report_options {
	const char *const *formats; /* "sarif=FILE", "json" */
	size_t format_count;
	bool json;   /* --json */
	bool all;    /* --all */
	bool beside; /* in front of a command: standard error instead of standard output */
	bool single; /* one subject was given */
	usec_t at;
};
/* Reads NAME[=FILE] of each; people read standard output unless a form without FILE takes it. RF_EUSAGE: no such form,
 * two for standard output, two for one file, more than CHECK_MAX_REPORTS. Release always. */
RF_MUST_CHECK int check_reports_open(struct check_reports *r, const struct check_report_options *o, struct err *err);
/* Counts and writes one. Errors of the writing. */
RF_MUST_CHECK int check_reports_subject(struct check_reports *r, const struct check_subject *c, struct err *err);
/* Ends every form and puts the files in place, each whole. @failed: why not all could be judged, said in the reports; NULL:
 * all were. The first error of writing, after all were tried. */
RF_MUST_CHECK int check_reports_end(struct check_reports *r, const char *failed, struct err *err);
void check_reports_release(struct check_reports *r);

/* ── What several forms say alike ───────────────────────────────────────────────────────────────────────────────── */

/* What lets something pass that was found: a waiver, a VEX statement, a debt of the baseline. */
struct check_cover {
	const char *kind; /* gate_use_name() */
	const char *id;   /* "3"; NULL: it has none (a debt) */
	struct span owner, reason;
	usec_t until; /* USEC_NONE: without an end */
};
/* @id of 24 bytes holds ret->id. False: nothing covers @f. */
bool check_finding_cover(const struct gate_finding *f, char id[24], struct check_cover *ret);
/* The advisory, else the cause: what a finding is told apart by. */
struct span check_finding_id(const struct gate_finding *f);
/* Is it told by forms that list problems? Not what is clear, unless it is warned about or denied all the same. */
bool check_finding_counts(const struct gate_finding *f);
/* "CVE-2026-24268, pkg:generic/nvidia/tensorrt 10.13.3.9 (builder): WHY. Next: ...", as it is: forms escape it. */
void check_finding_words(const struct gate_finding *f, struct str *to);
/* The same from run to run for the same problem at the same place, whatever its version is now. */
void check_finding_fingerprint(const struct check_subject *c, const struct gate_finding *f, struct digest *ret);
/* Relative to the working folder where @path lies below it, "." and ".." taken out; else as it is. Into @to. */
void check_path(const char *path, struct str *to);

#endif
