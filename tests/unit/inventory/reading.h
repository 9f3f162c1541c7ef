/* Shared by the reader tests: a file in memory, read with evidence and the second pass, as a full scan does. */
#ifndef REFORGE_TEST_READING_H
#define REFORGE_TEST_READING_H

#include "testing.h"

#include "inventory/artifact.h"
#include "specimen.h"

#define IMAGE_MAX (64 * KIB)

struct image {
	unsigned char bytes[IMAGE_MAX];
	size_t n;
};

/* A whole specimen in memory. */
static inline void image_make(const struct specimen *s, struct image *ret)
{
	static struct specimen_image ends;
	struct err err = ERR_INIT;
	assert_ok(specimen_make(s, &ends, &err), &err);
	assert_true(ends.size_bytes <= IMAGE_MAX);
	memset(ret->bytes, 0, IMAGE_MAX);
	memcpy(ret->bytes, ends.head, ends.head_bytes);
	memcpy(ret->bytes + ends.size_bytes - ends.tail_bytes, ends.tail, ends.tail_bytes);
	ret->n = (size_t)ends.size_bytes;
}

/* Reads a copy whose last byte is the last of its allocation, so that the sanitizer sees a read behind the end. */
static inline struct artifact_facts facts_of(const void *bytes, size_t n, const char *name, struct arena *a)
{
	struct err err = ERR_INIT;
	struct artifact_facts f;
	char *copy = malloc(n ? n : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, n);
	struct artifact_source src = artifact_source_bytes(span_bytes(copy, n));
	assert_ok(artifact_read(&src, span_of(name), ARTIFACT_WITH_EVIDENCE, a, &f, &err), &err);
	if (artifact_pass_wanted(&f)) {
		struct artifact_pass pass;
		artifact_pass_begin(&pass, &f);
		for (size_t at = 0; at < n; at += 1000) /* odd pieces: headers straddle them */
			artifact_pass_add(&pass, copy + at, RF_MIN((size_t)1000, n - at));
		assert_ok(artifact_pass_end(&pass, a, &f, &err), &err);
	}
	free(copy);
	return f;
}

static inline bool has_note(const struct artifact_facts *f, const char *part)
{
	for (size_t i = 0; i < f->note_count; i++)
		if (strstr(f->notes[i], part))
			return true;
	return false;
}

static inline bool has_rule(const struct artifact_facts *f, const char *rule)
{
	for (size_t i = 0; i < f->rule_count; i++)
		if (strcmp(f->rules[i], rule) == 0)
			return true;
	return false;
}

#endif
