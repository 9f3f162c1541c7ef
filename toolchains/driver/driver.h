/*
 * driver - what every toolchain driver shares: the JSON-lines loop of docs/toolchain-driver.md.
 *
 * May use src/base and src/format. A driver is a table of operations and a state; this file reads lines, answers the
 * handshake, finds the operation, and turns a failure into an error message. Bad input never ends the process: only the
 * end of input does, or a first message that is no handshake.
 */
#ifndef REFORGE_DRIVER_H
#define REFORGE_DRIVER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "format/json.h"

#define DRIVER_PROTOCOL 1
/* One message each way; the client's limit too (build/toolchain.h). */
#define DRIVER_MAX_MESSAGE (4 * MIB)
/* Of a build's log in a reply: a verbose trtexec prints more; the tail tells the failure. */
#define DRIVER_MAX_LOG (256 * KIB)

/* Carries out one request: writes members into @reply (an open object) and returns 0, or returns RF_E* with @err. What was
 * written before a failure is thrown away, except `log`, which driver_log() keeps. */
typedef int (*driver_operation)(void *state, struct json request, struct json_out *reply, struct err *err);
struct driver_row {
	const char *op;
	driver_operation run;
};

struct driver {
	const char *name;               /* "onnxruntime" */
	bool sessions;
	const struct driver_row *rows;
	size_t row_count;
	void *state;
	/* The handshake's members other than `protocol` ("library"); may be NULL. */
	int (*hello)(void *state, struct json request, struct err *err);
	struct str log;                 /* of the operation at hand; goes into the reply, on failure too */
	int out_fd;                     /* private: where replies go */
};

/* Serves stdin to stdout until the end of input. What a library prints on stdout goes to stderr, so that it cannot break
 * the protocol. Returns the exit status: 0, 2 for a broken handshake, 1 when replies cannot be written. */
int driver_serve(struct driver *d);

/* Adds a line to the log of the operation at hand; past DRIVER_MAX_LOG the beginning goes. */
void driver_log(struct driver *d, struct span line);

/* Members of a request. A missing or ill-typed one is RF_EINVALID with the field. */
RF_MUST_CHECK int driver_text(struct json request, const char *key, struct span *ret, struct err *err);
/* A path: absolute, no NUL, below 4,096 bytes; a terminated copy into @buffer of FS_PATH_MAX bytes. */
RF_MUST_CHECK int driver_path(struct json request, const char *key, char *buffer, struct err *err);
/* An unsigned number up to @most; @otherwise when absent. */
RF_MUST_CHECK int driver_number(struct json request, const char *key, uint64_t otherwise, uint64_t most, uint64_t *ret,
                                struct err *err);

#endif
