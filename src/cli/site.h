/*
 * site - an opened workspace: reforge.yaml, database (migrated), depot, keys. What most commands start with.
 */
#ifndef REFORGE_CLI_SITE_H
#define REFORGE_CLI_SITE_H

#include "cli/cli.h"
#include "base/fs.h"
#include "crypto/sign.h"
#include "database/database.h"
#include "depot/depot.h"
#include "gate/snapshot_build.h"
#include "response/response.h"
#include "workspace/workspace.h"

enum site_need {
	SITE_DATABASE = 1,      /* opened and migrated */
	SITE_DEPOT = 2,
	SITE_RELEASE_KEY = 4,   /* private: signs releases and attestations */
	SITE_LEDGER_KEY = 8,    /* private: signs checkpoints */
	SITE_ALL = 15,
};
struct site {
	struct workspace *workspace;
	struct database *db;
	struct depot *depot;
	struct signing_key *release_key, *ledger_key;
	char actor[192];                      /* "user:root@host" */
	char checkpoints[4096];               /* ledger/checkpoints.jsonl */
};
/* Opens what @needs names. Errors say what to do ("reforge init"). Release always, also after a failure. */
RF_MUST_CHECK int site_open(const struct invocation *in, unsigned needs, struct site *ret, struct err *err);
void site_release(struct site *s);

/* What response/ works on; borrows from @s. isolate: bubblewrap wanted, see command_respond. */
struct response_context site_context(const struct site *s, bool isolate);
/* Seals what the command appended to the ledger; commands that wrote call it at their end. */
RF_MUST_CHECK int site_seal(struct site *s, struct err *err);
/* A public key of the workspace's keys folder: "release" or "ledger". */
RF_MUST_CHECK int site_public_key(const struct workspace *w, const char *name, struct verify_key **ret, struct err *err);
bool site_has_public_key(const struct workspace *w, const char *name); /* its file is there */
/* What the gate knows, of the whole site or of a part (NULL: all), with the site's release key; releases only with
 * SITE_DEPOT. A release that cannot be read is told on stderr and left out. The caller frees *ret; *ret_withheld may be
 * NULL. */
struct site_snapshot {
	const struct gate_building_part *part;
	usec_t expires;   /* USEC_NONE: does not end */
	enum tlp highest; /* TLP_RED: nothing leaves the site */
	void (*told)(const struct err *err, void *data); /* of a release that is left out; NULL: a line on stderr */
};
RF_MUST_CHECK int site_snapshot(const struct site *s, const struct site_snapshot *how, struct gate_snapshot **ret,
				uint64_t *ret_withheld, struct err *err);
/* Every room's tables, in order. */
RF_MUST_CHECK int site_migrate(struct database *db, struct err *err);

#endif
