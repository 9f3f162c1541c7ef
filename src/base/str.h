/*
 * str - a growing byte buffer with a stated maximum.
 *
 * Appending past the limit fails and marks the buffer: later appends do nothing, str_ok() says false, so a
 * writer checks once at the end. Always terminated with a NUL behind its bytes.
 */
#ifndef REFORGE_BASE_STR_H
#define REFORGE_BASE_STR_H

#include "base/err.h"
#include "base/span.h"

#include <stdarg.h>

struct str {
	char *p;          /* NULL while empty */
	size_t n;
	size_t capacity;
	size_t limit;     /* most bytes it may hold */
	int failed;       /* 0, RF_ETOOBIG or RF_ENOMEM */
};
#define STR_INIT(limit_bytes) ((struct str){ .limit = (limit_bytes) })

void str_add(struct str *s, struct span bytes);
void str_add_text(struct str *s, const char *text);
void str_add_byte(struct str *s, char c);
void str_addf(struct str *s, const char *format, ...) RF_PRINTF(2, 3);
void str_vaddf(struct str *s, const char *format, va_list args) RF_PRINTF(2, 0);
void str_add_hex(struct str *s, const void *bytes, size_t n);             /* lower case */
/* For terminals and logs: printable UTF-8 as it is; control characters, bidi controls (U+061C, U+202A-202E,
 * U+2066-2069) and invalid bytes as \n, \t, \xNN, \u{NNNN}. A hostile file name cannot move the cursor, nor be a command
 * to the CI whose log it stands in: GitHub takes "::name" at a line's beginning and "##[" anywhere for one, Azure
 * "##vso[", TeamCity "##teamcity["; the ':' or second '#' of what looks like one is written \x3a, \x23. */
void str_add_visible(struct str *s, struct span bytes);
/* & < > " ' as entities; control characters and invalid UTF-8 as U+FFFD. For HTML text and quoted attributes. */
void str_add_html(struct str *s, struct span bytes);
void str_reset(struct str *s);                                            /* empty, keeps memory, clears failed */
void str_release(struct str *s);
const char *str_text(const struct str *s);                                /* "" when empty; lives until the next append */
struct span str_span(const struct str *s);
/* 0, or err_set() with what failed and @what ("report"). */
RF_MUST_CHECK int str_check(const struct str *s, const char *what, struct err *err);
/* Hands the bytes over (rf_free); NULL when failed or out of memory. @s is empty after. */
char *str_take(struct str *s);

/* "1.5 MiB", "512 B"; @buffer of 32 bytes. Returns @buffer. */
const char *text_bytes(uint64_t bytes, char buffer[32]);
/* Upper or lower case hex of exactly 2*n digits into bytes; false on anything else. */
bool hex_read(struct span hex, void *bytes, size_t n);
void hex_write(const void *bytes, size_t n, char *ret /* 2n+1 */);

#endif
