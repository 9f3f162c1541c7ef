/* arena - see arena.h */
#include "base/arena.h"

#include <stdarg.h>

#define BLOCK_BYTES (64 * KIB)
#define ALIGN 16

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	/* bytes follow */
};
#define HEADER ((sizeof(struct arena_block) + ALIGN - 1) / ALIGN * ALIGN)

static long fail_countdown;

void rf_alloc_fail_after(long n)
{
	__atomic_store_n(&fail_countdown, n, __ATOMIC_RELAXED);
}

static bool must_fail(void)
{
	long n = __atomic_load_n(&fail_countdown, __ATOMIC_RELAXED);
	return n > 0 && __atomic_sub_fetch(&fail_countdown, 1, __ATOMIC_RELAXED) == 0;
}

void *rf_alloc(size_t bytes)
{
	return must_fail() ? NULL : calloc(1, bytes ? bytes : 1);
}

void *rf_realloc_array(void *p, size_t count, size_t element)
{
	size_t bytes;
	if (must_fail() || __builtin_mul_overflow(count, element, &bytes))
		return NULL;
	return realloc(p, bytes ? bytes : 1);
}

char *rf_text(const char *s)
{
	return rf_text_span(span_of(s));
}

char *rf_text_span(struct span s)
{
	char *copy = rf_alloc(s.n + 1);
	if (copy && s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}

void rf_free(void *p)
{
	free(p);
}

void rf_freep(void *pp)
{
	void *p;
	memcpy(&p, pp, sizeof p);
	free(p);
	memset(pp, 0, sizeof p);
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	if (bytes > a->limit_bytes || a->used_bytes > a->limit_bytes - bytes) {
		a->full = true;
		return NULL;
	}
	if (must_fail())
		return NULL;
	size_t rounded = (RF_MAX(bytes, (size_t)1) + ALIGN - 1) / ALIGN * ALIGN;
	struct arena_block *b = a->blocks;
	if (!b || b->size - b->used < rounded) {
		/* blocks double up to 1 MiB, so that a large document costs few of them */
		size_t size = b ? RF_MIN(b->size * 2, (size_t)MIB) : RF_MIN((size_t)BLOCK_BYTES, RF_MAX(a->limit_bytes, (size_t)1024));
		size = RF_MAX(size, rounded);
		b = malloc(HEADER + size);
		if (!b)
			return NULL;
		*b = (struct arena_block){ .next = a->blocks, .size = size };
		a->blocks = b;
	}
	unsigned char *p = (unsigned char *)b + HEADER + b->used;
	b->used += rounded;
	a->used_bytes += bytes;
	return memset(p, 0, rounded);
}

void *arena_array(struct arena *a, size_t count, size_t element)
{
	size_t bytes;
	return __builtin_mul_overflow(count, element, &bytes) ? NULL : arena_alloc(a, bytes);
}

char *arena_text(struct arena *a, struct span s)
{
	char *copy = s.n == SIZE_MAX ? NULL : arena_alloc(a, s.n + 1);
	if (copy && s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}

struct span arena_span(struct arena *a, struct span s)
{
	char *copy = arena_text(a, s);
	return (struct span){ copy, copy ? s.n : 0 };
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	/* most texts fit here and are formatted once */
	char line[512];
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	char *text = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (text && (size_t)n < sizeof line)
		memcpy(text, line, (size_t)n + 1);
	else if (text)
		vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = a->blocks;
	a->full = false;
	if (!keep)
		return;
	while (keep->next) {
		struct arena_block *next = keep->next->next;
		free(keep->next);
		keep->next = next;
	}
	keep->used = 0;
	a->used_bytes = 0;
}

void arena_release(struct arena *a)
{
	a->full = false;
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;
		free(a->blocks);
		a->blocks = next;
	}
	a->used_bytes = 0;
}
