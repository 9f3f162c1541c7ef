/*
 * span - a borrowed run of bytes: pointer and length, not terminated, never owned.
 *
 * A span with n == 0 is empty whatever its pointer. Nothing here allocates, fails or depends on a locale.
 */
#ifndef REFORGE_BASE_SPAN_H
#define REFORGE_BASE_SPAN_H

#include "base/macros.h"

struct span {
	const char *p;
	size_t n;
};
#define SPAN(literal) ((struct span){ (literal), sizeof(literal) - 1 })
#define SPAN_NONE ((struct span){ NULL, 0 })
/* printf("%.*s", SPAN_ARG(s)): cut at INT_MAX bytes */
#define SPAN_ARG(s) ((int)RF_MIN((s).n, (size_t)2147483647)), ((s).p ? (s).p : "")

struct span span_of(const char *text);                       /* NULL gives the empty span */
struct span span_bytes(const void *p, size_t n);
bool span_eq(struct span a, struct span b);
bool span_eq_text(struct span a, const char *text);
bool span_eq_nocase(struct span a, struct span b);           /* ASCII only */
int span_compare(struct span a, struct span b);              /* by bytes, shorter first; <0, 0, >0 */
bool span_starts(struct span s, const char *prefix);
bool span_ends(struct span s, const char *suffix);
bool span_starts_nocase(struct span s, const char *prefix);
/* Index of the first occurrence, or SIZE_MAX. */
size_t span_find(struct span s, struct span needle);
size_t span_find_byte(struct span s, char c);
size_t span_rfind_byte(struct span s, char c);
struct span span_trim(struct span s);                        /* blanks, tabs, CR, LF at both ends */
struct span span_sub(struct span s, size_t from, size_t n);  /* clamped to @s */
struct span span_from(struct span s, size_t from);
struct span span_cut(struct span s, size_t most); /* at most @most bytes from its begin, never a part of a UTF-8 character */
/* Cuts the part before @separator off *rest; false when *rest was empty (p == NULL) and nothing is left.
 * "a,,b" gives a, "", b. A last separator is followed by one empty part. */
bool span_split(struct span *rest, char separator, struct span *ret_part);
/* The next line without LF or CRLF; false at the end. A last line without a newline counts. */
bool span_line(struct span *rest, struct span *ret_line);
/* Whole span, base 10, no sign for u64, no blanks; false when it is empty, overflows or has other bytes. */
bool span_u64(struct span s, uint64_t *ret);
bool span_i64(struct span s, int64_t *ret);
bool span_double(struct span s, double *ret);                /* "1e-4", "0.5"; no inf, nan, hex */
bool span_is_utf8(struct span s);
bool span_is_digits(struct span s);                          /* one at least */

/* Little-endian reads; the caller has checked the bounds. */
uint16_t le16(const void *p);
uint32_t le32(const void *p);
uint64_t le64(const void *p);
void put_le16(void *p, uint16_t v);
void put_le32(void *p, uint32_t v);
void put_le64(void *p, uint64_t v);

#endif
