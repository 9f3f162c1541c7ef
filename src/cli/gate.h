/*
 * gate - what the fronts that judge by a signed bundle share: `gate pod`, and reforge-gate's own check. Private to cli/.
 *
 *   --bundle, --key ─► snapshot, the site's release key ─► question ─► answers ─► check's reports, exit status
 *
 * Part of cli's pure archive: no database, no network, no workspace.
 */
#ifndef REFORGE_CLI_GATE_H
#define REFORGE_CLI_GATE_H

#include "cli/check_report.h"
#include "crypto/sign.h"
#include "gate/judge.h"

/* Rows that every such command has; the command's own stand behind them. */
#define GATE_OPTIONS                                                                                                           \
	{ "bundle", 0, OPTION_TEXT, "FILE", "what is judged by: a signed bundle (reforge gate bundle)", NULL },               \
	{ "key", 0, OPTION_TEXT, "FILE", "the public key that the bundle must be signed with", NULL },                        \
	{ "service", 0, OPTION_TEXT, "NAME", "by the policy of this service", NULL },                                         \
	{ "environment", 0, OPTION_TEXT, "NAME", "by the policy of this environment", NULL },                                 \
	{ "fail-on", 0, OPTION_TEXT, "KINDS",                                                                                  \
	  "findings that are denied, whatever the policy says: affected,conflict,unknown; none", NULL },                       \
	{ "format", 0, OPTION_LIST, "NAME[=FILE]", "people, json, sarif, junit, github, gitlab; several times (default: people)", NULL }, \
	{ "at", 0, OPTION_TEXT, "TIME", "as of a moment, for waivers, grace and the bundle's end (default: now)", NULL },      \
	{ "all", 'a', OPTION_FLAG, NULL, "show what is not affected too", NULL },                                              \
	{ "allow-warnings", 0, OPTION_FLAG, NULL, "exit 0 where nothing is denied: 3 would keep a pod from starting", NULL }

struct gate_front {
	const struct invocation *in;
	struct gate_snapshot *snapshot;
	struct verify_key *release_key; /* NULL: the bundle has none */
	struct gate_question question;
	struct gate_fail_on fail_on;
	struct check_reports reports;
	int status; /* design 6.1, of all so far */
	struct err *err;
};
/* Reads the options above, opens and verifies the bundle, opens the reports; says on stderr by what is judged (not with
 * --quiet). @single: one subject. RF_EVERIFY, RF_EFORMAT, RF_EUSAGE, RF_ENOTFOUND. Release always. */
RF_MUST_CHECK int gate_front_open(struct gate_front *f, const struct invocation *in, bool single, struct err *err);
/* Reports one answer, and counts it. @path as in struct check_subject; NULL: no file. */
RF_MUST_CHECK int gate_front_answer(struct gate_front *f, const char *name, const char *path, const struct gate_subject *subject,
				    const struct gate_answer *answer);
/* Ends the reports (@rc: how it went so far). Returns @rc when negative, else the exit status. */
RF_MUST_CHECK int gate_front_end(struct gate_front *f, int rc);
void gate_front_release(struct gate_front *f);

/* --service and --environment among those that are known: a typing mistake would be judged by the default policy, a silent gap
 * in the gate. Init, add what is known, end: RF_EUSAGE with those that are. */
struct gate_name {
	const char *option;
	struct span wanted; /* empty: found */
	bool found;
	struct str known;   /* for people */
};
struct gate_names {
	struct gate_name service, environment;
};
void gate_names_init(struct gate_names *n, struct span service, struct span environment);
void gate_name_add(struct gate_name *n, struct span name);
/* A snapshot lists its services; environments are those that its policies and releases name. */
void gate_names_of_snapshot(struct gate_names *n, const struct gate_snapshot *s);
RF_MUST_CHECK int gate_names_end(struct gate_names *n, struct err *err);

/* With --at: asked of a past moment, what is known now stands for what was, and no clock is behind. */
void gate_stand_back(const struct invocation *in, usec_t now, struct gate_snapshot *s);

/* --fail-on: kinds by commas, or "none". RF_EUSAGE. */
RF_MUST_CHECK int gate_fail_on_read(const char *text, struct gate_fail_on *ret, struct err *err);

/* `gate pod`: the verb's parts, for the tables of both programs. */
extern const struct option_row gate_pod_options[];
extern const char gate_pod_details[];
int gate_pod_run(const struct invocation *in, struct err *err);
#define GATE_POD_SUMMARY "may this pod's engines run here? an init container, offline"
#define GATE_POD_ARGUMENTS "FOLDER|FILE..."

#endif
