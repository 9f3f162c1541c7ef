/*
 * message - the lines that cross between reforge and a toolchain driver (docs/toolchain-driver.md): made here, read here.
 *
 * Pure. May use base, format. A driver's line is hostile: every reader checks kinds, counts and ranges, and copies what it
 * keeps into the arena, since the JSON document is reused for the next line.
 */
#ifndef REFORGE_BUILD_MESSAGE_H
#define REFORGE_BUILD_MESSAGE_H

#include "base/str.h"
#include "build/toolchain.h"
#include "format/json.h"

/* Requests: one line each, without newline, appended to @to (str_check afterwards). */
void message_hello(const struct toolchain *t, struct str *to);
void message_plain(const char *op, struct str *to);                          /* probe, run-close */
void message_build(const struct toolchain_build *request, struct str *to);
void message_inspect(const char *engine, struct str *to);
void message_open(const struct toolchain_session_options *options, struct str *to);
/* @inspection tells the index of each input name. RF_EINVALID: no such input, or iterations out of range. */
RF_MUST_CHECK int message_iterate(const struct toolchain_iterate *request, const struct toolchain_inspection *inspection,
                                  struct str *to, struct err *err);

/* Parses one line. 0: `ok` is true, *ret is the object. When the driver reports an error: its code, if it is one of ours,
 * else RF_EPROCESS, with text, file, field and offset. RF_EFORMAT: no message of the protocol.
 * @ret_log (may be NULL) gets the log in either case, in @a; "" when there is none. */
RF_MUST_CHECK int message_read(struct json_doc *doc, struct span line, struct arena *a, struct json *ret, const char **ret_log,
                               struct err *err);

struct message_greeting {
	const char *driver, *driver_version;
	bool sessions;
};
/* Each RF_EFORMAT with the field, RF_ETOOMANY, RF_ENOMEM. What they fill besides belongs to the caller. */
RF_MUST_CHECK int message_read_hello(struct json m, struct arena *a, struct message_greeting *ret, struct err *err);
RF_MUST_CHECK int message_read_probe(struct json m, struct arena *a, struct toolchain_probe *ret, struct err *err);
RF_MUST_CHECK int message_read_build(struct json m, struct arena *a, struct toolchain_built *ret, struct err *err);
RF_MUST_CHECK int message_read_inspection(struct json m, struct arena *a, struct toolchain_inspection *ret, struct err *err);
RF_MUST_CHECK int message_read_load(struct json m, int64_t *ret_usec, struct err *err);
RF_MUST_CHECK int message_read_iteration(struct json m, const struct toolchain_iterate *request, struct arena *a,
                                         struct toolchain_iteration *ret, struct err *err);

#endif
