/*
 * feed - the verbs of `reforge feed` that fetch and watch (command_feed_sync.c); command_feed.c has the table.
 */
#ifndef REFORGE_CLI_FEED_H
#define REFORGE_CLI_FEED_H

#include "cli/cli.h"

extern const struct option_row feed_accept_options[];
int run_feed_sync(const struct invocation *in, struct err *err);
int run_feed_status(const struct invocation *in, struct err *err);
int run_feed_accept(const struct invocation *in, struct err *err);
/* command_feed_export.c */
extern const struct option_row feed_export_options[];
int run_feed_export(const struct invocation *in, struct err *err);
/* command_feed_bundle.c */
extern const struct option_row feed_bundle_options[];
int run_feed_bundle(const struct invocation *in, struct err *err);

#endif
