/*
 * gate_serve - `gate serve`: the verb's row (command_gate.c), and what its two files share: the server's options and
 * loop (gate_serve.c), where snapshots come from and decisions go (gate_serve_site.c).
 */
#ifndef REFORGE_CLI_GATE_SERVE_H
#define REFORGE_CLI_GATE_SERVE_H

#include "cli/cli.h"
#include "crypto/sign.h"
#include "gate/admission.h"

#include <sys/stat.h>

extern const struct option_row gate_serve_options[];
extern const char gate_serve_details[];
#define GATE_SERVE_SUMMARY "answer a cluster's admission reviews over TLS, by what the workspace or a bundle knows"
int gate_serve_run(const struct invocation *in, struct err *err);

/* Where snapshots come from. Zeroed, then filled by serve_site_open(). */
struct serve_site {
	const struct invocation *in;
	const char *bundle;     /* file; NULL: the workspace's database */
	struct verify_key *key; /* that the bundle must be signed with */
	struct stat seen;       /* the bundle as it was read last, or failed to be */
	struct arena arena;     /* namespaces below */
	const char *environment; /* of namespaces that are not listed; "" none */
	struct admission_namespace *namespaces;
	size_t namespaces_n;
};
/* Reads --bundle and --key, or the workspace's namespaces; --environment. RF_EUSAGE; errors of the workspace. Release
 * always. */
RF_MUST_CHECK int serve_site_open(struct serve_site *s, const struct invocation *in, struct err *err);
void serve_site_release(struct serve_site *s);
/* The bundle's file is another than the one that was read. False for databases: those are read every so often. */
bool serve_site_changed(const struct serve_site *s);
/* A snapshot, ready. An environment that it, or reforge.yaml, does not know: with @first RF_EUSAGE, later it is logged. */
RF_MUST_CHECK int serve_site_load(struct serve_site *s, bool first, struct gate_snapshot **ret, struct err *err);
/* Into the ledger, and sealed; nothing without a workspace. All of it or nothing. */
RF_MUST_CHECK int serve_site_record(struct serve_site *s, const struct admission_record *records, size_t n,
				    struct err *err);

#endif
