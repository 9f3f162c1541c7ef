/*
 * check - one run of the gate's question: from arguments to subjects, from subjects to reports. Private to cli/.
 *
 *   argument ──check_sources[]──► check_ask(): subjects ──► in hundreds: knowledge (check_knowledge.c), gate_judge() ──► reports
 *
 * Subjects are collected in hundreds, so that the workspace's database is asked once for many; a bundle is asked one by one.
 * Memory does not grow with what a container or an image holds.
 */
#ifndef REFORGE_CLI_CHECK_H
#define REFORGE_CLI_CHECK_H

#include "cli/check_held.h"
#include "cli/check_report.h"
#include "cli/site.h"
#include "gate/pod.h"
#include "inventory/image_tag.h"

/* Subjects judged at once, and the memory of their facts. */
#define CHECK_HUNDRED 100
#define CHECK_FACTS_BYTES (1 * GIB)

/* One subject, and what is shown of it beside the answer. */
struct check_question {
	struct gate_subject subject; /* its name is what is found by */
	const char *name;            /* what is shown */
	const char *path;            /* as in struct check_subject */
	uint64_t line;
	const char *quarantine;
	bool if_known; /* asked only when something is known of its digest: an entry of a bill */
};

struct check_run {
	const struct invocation *in;
	struct check_reports reports;
	struct check_held held;
	struct span service, environment;
	usec_t now;
	bool has_fail_on;
	struct gate_fail_on fail_on;
	struct gate_snapshot *bundle; /* --bundle; NULL: the workspace, where there is one */
	struct verify_key *release_key; /* of the bundle's or the workspace's site; NULL: nothing that is signed can be opened */
	struct gate_papers *papers;     /* beside files */
	struct site site;
	bool has_site;
	bool has_said_unasked;
	struct arena a; /* of the subjects that wait */
	struct check_question waiting[CHECK_HUNDRED];
	size_t count;
	struct arena maps; /* of images */
	struct image_map images;
	enum platform_line line; /* of this machine, on which files are judged */
	int status; /* worst so far */
	struct err *err;
};

/* Takes @q to be judged; copies all of it. Errors of judging and of writing. */
RF_MUST_CHECK int check_ask(struct check_run *r, const struct check_question *q);
/* Judges and reports what waits. */
RF_MUST_CHECK int check_flush(struct check_run *r);
/* A file's or a member's facts as a question: what the report shows of it, its rule of quarantine. */
struct check_question check_content(const char *name, const char *path, const struct artifact_facts *facts, const struct digest *digest);
/* Of an archive or an image that holds nothing that is read here: @facts become unknown by the rule nothing_inside. No data is
 * no pass. */
void check_say_empty(struct artifact_facts *facts);

/* ── Sources of subjects: one row each (check_source.c) ─────────────────────────────────────────────────────────── */

struct check_source {
	const char *name; /* "image" */
	bool (*is)(const char *arg);
	int (*run)(struct check_run *r, const char *arg);
};
extern const struct check_source check_source_purl, check_source_digest, check_source_release, check_source_sbom,
	check_source_dockerfile, check_source_image, check_source_path;
extern const struct check_source *const check_sources[]; /* the last row takes every argument; NULL at the end */

/* Asks about the image that scan_files() found: scan_options.image of a check, with this as data. */
struct scan_images;
struct check_found {
	struct check_run *run;
	struct scan_images *images;
	size_t asked; /* images that were read */
};
RF_MUST_CHECK int check_found_image(const char *argument, void *data, struct err *err);

/* ── What is known (check_knowledge.c) ──────────────────────────────────────────────────────────────────────────── */

/* Opens the bundle of --bundle, or the workspace; neither: what needs no knowledge can be judged all the same. Says so when
 * --service or --environment is none. */
RF_MUST_CHECK int check_knowledge_open(struct check_run *r);
/* A model can be asked about anywhere, and so can what a rule of inspection refuses: no advisory makes it better. What is known
 * of components is in a workspace. */
bool check_needs_knowledge(const struct check_question *q);
/* The snapshot by which the waiting subjects are judged, ready; of the workspace what it knows of them. @explain: what
 * `explain` finds each by, in r->a. To be freed unless it is r->bundle. Where one is needed and is not there: an error, and
 * in @ret (NULL: none) one by which those that do not need it can be judged. */
RF_MUST_CHECK int check_knowledge(struct check_run *r, const char *explain[CHECK_HUNDRED], struct gate_snapshot **ret);
void check_knowledge_release(struct check_run *r);

#endif
