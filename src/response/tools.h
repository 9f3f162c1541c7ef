/*
 * tools - the toolchains of one workspace, each loaded and probed once for a whole run (a library has 20-45 MB to digest).
 * Thread-safe. Not for other rooms.
 */
#ifndef REFORGE_RESPONSE_TOOLS_H
#define REFORGE_RESPONSE_TOOLS_H

#include "build/toolchain.h"
#include "workspace/workspace.h"

struct response_context;
struct tools;
/* A workspace names at most this many versions over all toolchains. */
#define TOOLS_MAX 256

RF_MUST_CHECK int tools_new(const struct response_context *context, struct tools **ret, struct err *err);
void tools_freep(struct tools **tools);

/* NULL, with the words why in *ret_why, when reforge.yaml has no such version or it does not load. Lives as long as @tools. */
const struct toolchain *tools_get(struct tools *tools, const struct toolchain_kind *kind, const char *version,
                                  const char **ret_why);
/* What a probe of it found on this machine; NULL: it could not be probed. */
const struct toolchain_probe *tools_probe(struct tools *tools, const struct toolchain_kind *kind, const char *version);

/* What the driver finds on this machine whatever the version: for a toolchain that reforge.yaml has in no version, its words
 * for what is missing (GPU, trtexec). NULL for kinds whose driver needs a library to say anything. */
const struct toolchain_probe *tools_machine(struct tools *tools, const struct toolchain_kind *kind);

/* TOOLCHAIN_ISOLATION_*, as the context asks. */
enum toolchain_isolation tools_isolation(const struct response_context *context);

#endif
