/*
 * json - reading JSON (RFC 8259) through simdjson, and writing it.
 *
 * Pure. May use base/ only. The one C++ file of the project stands behind this header (json_simdjson.cpp).
 * A value is a handle into its document (16 bytes, passed by value); it and every span taken from it live as
 * long as the document is neither parsed again nor released. Not thread-safe: one document, one thread.
 *
 * Input is hostile: at most JSON_MAX_BYTES, JSON_MAX_DEPTH; bytes behind the value are RF_EFORMAT; strings are valid
 * UTF-8 or RF_EFORMAT. A UTF-8 byte order mark is skipped (CISA writes one).
 */
#ifndef REFORGE_FORMAT_JSON_H
#define REFORGE_FORMAT_JSON_H

#include "base/err.h"
#include "base/span.h"
#include "base/str.h"

/* simdjson's own limit is 4 GiB; the largest single document met is a 60 MB OSV archive member. */
#define JSON_MAX_BYTES (512 * MIB)
#define JSON_MAX_DEPTH 64

struct json_doc;
struct json {
	const struct json_doc *doc;
	size_t at; /* simdjson's tape index; 0 with doc NULL: absent */
};
enum json_kind {
	JSON_ABSENT = 0,
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,
	JSON_UINT,
	JSON_DOUBLE,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json_doc *json_doc_new(void); /* NULL: out of memory. Reusable, keeps its buffers */
void json_doc_free(struct json_doc *doc);
void json_doc_freep(struct json_doc **doc);
/* @bytes may be freed after. RF_EFORMAT with offset and line of the first byte that RFC 8259 does not allow there (no
 * offset for an empty text and for integers past 64 bits, which are refused); RF_ETOOBIG; RF_ENOMEM. After a failure no
 * value of
 * @doc may be used. Memory: about ten times the text, kept for the next. */
RF_MUST_CHECK int json_parse(struct json_doc *doc, struct span bytes, struct json *ret_root, struct err *err);

enum json_kind json_kind(struct json v); /* JSON_ABSENT for {NULL, 0} */
/* Member of an object; absent when @v is no object or has none of that name. The first of duplicates. */
struct json json_get(struct json v, const char *key);
/* json_path(v, "a", "b", NULL): nested members. */
struct json json_path(struct json v, ...) __attribute__((sentinel));
/* Which of @names (at most 64) the object @v has more than once: one reader takes the first, another the last. NULL:
 * none, or no object. */
const char *json_twice(struct json v, const char *const *names, size_t n);
size_t json_count(struct json v); /* elements or members; 0 for others. Counts by walking. */
/* The span of a string; SPAN_NONE for every other kind. An empty string has p != NULL. */
struct span json_string(struct json v);
bool json_i64(struct json v, int64_t *ret); /* integers that fit; false else */
bool json_u64(struct json v, uint64_t *ret);
bool json_double(struct json v, double *ret); /* any number */
bool json_bool(struct json v, bool *ret);

/* for (struct json_each it = json_each(v); json_next(&it);) uses it.key (objects) and it.value. Works on arrays and
 * objects; ends at once on others. */
struct json_each {
	struct span key;
	struct json value;
	struct json container;
	size_t position;
	size_t end;
	bool object;
};
struct json_each json_each(struct json v);
bool json_next(struct json_each *it);

/*
 * Documents that are one long list (a bill of materials of 100 MB): cut into members and elements first, which looks at
 * strings and brackets only, then parsed piece by piece, so that memory does not grow with the text.
 */
/* Visits the members of the object that @text is, in order: @key as written, @value its raw text. What is not parsed
 * afterwards is not checked for more than quotes and brackets. RF_EFORMAT with the offset, also for names with escapes
 * (they could hide a member), JSON_RAW_MAX_DEPTH and bytes behind the object; a non-zero answer of @visit ends the walk
 * and is returned. */
RF_MUST_CHECK int json_raw_members(struct span text, int (*visit)(struct span key, struct span value, void *data),
				   void *data, struct err *err);
/* Visits the elements of the array that @array is, parsed some hundred KiB at a time by @doc: an element lives until the
 * visitor returns. Errors as json_parse(), offsets from the start of @array. */
RF_MUST_CHECK int json_raw_elements(struct span array, struct json_doc *doc,
				    int (*visit)(struct json element, void *data), void *data, struct err *err);
#define JSON_RAW_MAX_DEPTH 256

/*
 * Writing: straight into a str, no tree. Commas, colons, quotes and escapes are the writer's. Misuse (a key in an
 * array) is caught by assert. Numbers: finite doubles are written so that they read back the same (shortest of
 * %.15g..%.17g; whole ones below 2^53 without exponent); NaN and infinities as null. Strings that are not UTF-8: bad
 * bytes become U+FFFD. Deeper than JSON_MAX_DEPTH: RF_ETOOBIG at str_check(), as for a full str.
 */
struct json_out {
	struct str *to;
	unsigned depth;
	bool pretty; /* two blanks a level, one member a line */
	unsigned char state[JSON_MAX_DEPTH + 1];
};
struct json_out json_out(struct str *to, bool pretty);
void json_object(struct json_out *o);
void json_object_end(struct json_out *o);
void json_array(struct json_out *o);
void json_array_end(struct json_out *o);
void json_key(struct json_out *o, const char *key);
void json_key_span(struct json_out *o, struct span key);
void json_put_span(struct json_out *o, struct span s);                       /* a string */
void json_put_text(struct json_out *o, const char *s);                       /* NULL gives null */
void json_putf(struct json_out *o, const char *format, ...) RF_PRINTF(2, 3); /* a string */
void json_put_i64(struct json_out *o, int64_t v);
void json_put_u64(struct json_out *o, uint64_t v);
void json_put_double(struct json_out *o, double v);
void json_put_bool(struct json_out *o, bool v);
void json_put_null(struct json_out *o);
void json_put_time(struct json_out *o, int64_t usec);    /* RFC 3339 string with microseconds; null for USEC_NONE */
void json_put_raw(struct json_out *o, struct span json); /* a finished JSON value */
void json_put_value(struct json_out *o, struct json v);  /* copies a parsed value */
/* Key and value in one line. */
void json_member(struct json_out *o, const char *key, const char *text);
void json_member_span(struct json_out *o, const char *key, struct span s);
void json_member_i64(struct json_out *o, const char *key, int64_t v);
void json_member_u64(struct json_out *o, const char *key, uint64_t v);
void json_member_double(struct json_out *o, const char *key, double v);
void json_member_bool(struct json_out *o, const char *key, bool v);
void json_member_time(struct json_out *o, const char *key, int64_t usec);

/* RFC 8785-like canonical form of a parsed value: members sorted by bytes, no blanks, 1.0 as 1. What digests are taken
 * over. Appends to @ret. RF_EFORMAT with the field for a member given twice; RF_ETOOBIG; RF_ENOMEM. */
RF_MUST_CHECK int json_canonical(struct json v, struct str *ret, struct err *err);

#endif
