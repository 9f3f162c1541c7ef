/*
 * quarantine - no toolchain opens a model or an engine that has not passed inspection (docs/inventory-models.md).
 *
 * May use base, inventory, kind.h. Reads the file; no database, starts nothing.
 *
 * The parsers of toolchains are where the advisories about models are, so the question is asked at the one door that all
 * of them are behind: toolchain_build(), toolchain_inspect() and toolchain_session_open() ask it before a driver is
 * started, and lane_check() asks it when a plan is made.
 */
#ifndef REFORGE_BUILD_QUARANTINE_H
#define REFORGE_BUILD_QUARANTINE_H

#include "base/err.h"
#include "build/kind.h"
#include "inventory/artifact.h"

/* The rule that keeps a file with these facts from toolchains of @kind (NULL: that open anything); NULL: none. */
const char *quarantine_rule(const struct toolchain_kind *kind, const struct artifact_facts *f);
/* What was found under @rule: its note without the rule's name. */
const char *quarantine_found(const struct artifact_facts *f, const char *rule);

/*
 * 0: @path passes. RF_EDENIED: it breaks a rule, or is nothing that a toolchain of @kind should open; @err names the rule,
 * what was found and what to do next, and the file. Else what reading it met (RF_ENOTFOUND, RF_EINVALID, RF_EPERM, RF_EIO,
 * RF_ENOMEM): then it has not passed either. @kind NULL: as for toolchains that open anything.
 *
 * A plan or timing cache is read whole, since code for a CPU may stand anywhere in it; a model costs what its nodes do.
 */
RF_MUST_CHECK int quarantine_check(const struct toolchain_kind *kind, const char *path, struct err *err);

#endif
