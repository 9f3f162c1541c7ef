/*
 * err - errors: one list of negative ints, and the details in a caller-owned struct.
 *
 * A function that can fail in more than one way returns int: 0, or one of RF_E*. Details are written to the
 * caller's struct err, on failure only. A function's ret_ arguments are written on success only.
 * Libraries never log and never exit; the boundary (cli, worker) prints once with err_render().
 */
#ifndef REFORGE_BASE_ERR_H
#define REFORGE_BASE_ERR_H

#include "base/macros.h"

/* name, code, words for people, exit status of the program (design 6.1: 2 could not run, 1 failed judgement,
 * 3 cannot tell) */
#define RF_ERRORS(X)                                                    \
	X(RF_ENOMEM, -1, "out of memory", 2)                            \
	X(RF_EIO, -2, "input/output error", 2)                          \
	X(RF_ENOTFOUND, -3, "not found", 2)                             \
	X(RF_EEXISTS, -4, "exists already", 2)                          \
	X(RF_EINVALID, -5, "invalid", 2)                                \
	X(RF_EFORMAT, -6, "malformed", 2)                               \
	X(RF_ETRUNCATED, -7, "truncated", 2)                            \
	X(RF_EUNREADABLE, -8, "no rule reads this", 3)                  \
	X(RF_ETOOBIG, -9, "over the size limit", 2)                     \
	X(RF_ETOOMANY, -10, "over the count limit", 2)                  \
	X(RF_ETIMEOUT, -11, "out of time", 2)                           \
	X(RF_ECANCELLED, -12, "cancelled", 2)                           \
	X(RF_ECONFLICT, -13, "evidence disagrees", 3)                   \
	X(RF_EDENIED, -14, "denied", 1)                                 \
	X(RF_EUNSUPPORTED, -15, "not supported", 2)                     \
	X(RF_EBUSY, -16, "busy, try again", 2)                          \
	X(RF_EPROCESS, -17, "a program failed", 2)                      \
	X(RF_ESTATE, -18, "not allowed in this state", 2)               \
	X(RF_EVERIFY, -19, "verification failed", 1)                    \
	X(RF_EDATABASE, -20, "database error", 2)                       \
	X(RF_EFULL, -21, "no space left", 2)                            \
	X(RF_EPERM, -22, "permission denied", 2)                        \
	X(RF_EUSAGE, -23, "usage", 2)                                   \
	X(RF_EFENCED, -24, "the lease was lost to another worker", 2)   \
	X(RF_EINTERNAL, -25, "a defect in reforge", 2)

enum rf_error {
	RF_OK = 0,
#define X(name, code, text, status) name = (code),
	RF_ERRORS(X)
#undef X
};

struct err {
	int code;          /* RF_E*, 0 when nothing is set */
	int64_t offset;    /* byte offset in the file or text, -1 when it has no meaning */
	int64_t line;      /* line, from 1; 0 when it has no meaning */
	char file[512];    /* file or resource, "" when none; cut with "..." in the middle when longer */
	char field[192];   /* field or key path, "" when none */
	char text[1024];   /* what was found, which rule it breaks, what to do next */
};
#define ERR_INIT ((struct err){ .offset = -1 })

/* Sets @err (may be NULL) and returns @code. The text says what was found and the rule; no trailing newline.
 * Overwrites what was there: file, field, offset and line are cleared. */
int err_set(struct err *err, int code, const char *format, ...) RF_PRINTF(3, 4);
/* The same, with errno's words behind the text; ENOSPC and EDQUOT give RF_EFULL, EACCES and EPERM RF_EPERM,
 * ENOENT and ENOTDIR RF_ENOTFOUND, EEXIST RF_EEXISTS, anything else RF_EIO. */
int err_set_errno(struct err *err, int saved_errno, const char *format, ...) RF_PRINTF(3, 4);
/* Adds where it happened; each returns err->code (or RF_EINTERNAL when @err is NULL), so that
 * `return err_in_file(err, path);` reads well. An already set file or field is kept: the innermost caller knows best. */
int err_in_file(struct err *err, const char *file);
int err_in_field(struct err *err, const char *format, ...) RF_PRINTF(2, 3);
int err_at_offset(struct err *err, uint64_t offset);
int err_at_line(struct err *err, uint64_t line);
/* Puts words in front of the text: "recipe alexa: " ... Returns err->code. */
int err_prefix(struct err *err, const char *format, ...) RF_PRINTF(2, 3);

/* "file:line: field: text (offset 44)", one line, control characters escaped; always terminated.
 * Returns @buffer. 2 KiB hold any. */
const char *err_render(const struct err *err, char *buffer, size_t size);

const char *rf_error_name(int code);   /* "RF_EIO"; "RF_E?" for others. Static. */
const char *rf_error_text(int code);   /* "input/output error" */
int rf_error_exit_status(int code);    /* 0 for 0; 2 for unknown codes */

#endif
