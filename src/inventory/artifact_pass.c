/* The look over every byte of a file that is hashed anyway: checksums, and native host code inside plans. See artifact.h. */
#include "inventory/artifact_int.h"

#include "base/hash.h"

/* An ELF header needs 20 bytes; a PE's second signature lies within 1 KiB, but the first 64 bytes find those that linkers
 * write (e_lfanew 0x40 to 0x3c0): what straddles two pieces is looked at from the tail of the first. */
#define STRADDLE 64

bool artifact_pass_wanted(const struct artifact_facts *facts)
{
	return facts->has_crc || facts->look_for_code;
}

void artifact_pass_begin(struct artifact_pass *p, const struct artifact_facts *facts)
{
	*p = (struct artifact_pass){ .facts = facts };
}

static void crc_add(struct artifact_pass *p, const unsigned char *bytes, size_t n)
{
	uint64_t from = p->facts->crc_from, bytes_left = p->facts->crc_bytes;
	uint64_t end = bytes_left > UINT64_MAX - from ? UINT64_MAX : from + bytes_left;
	if (!p->facts->has_crc || p->position + n <= from || p->position >= end)
		return;
	size_t skip = p->position < from ? (size_t)(from - p->position) : 0;
	size_t take = (size_t)RF_MIN((uint64_t)(n - skip), end - (p->position + skip));
	p->crc = crc32_add(p->crc, bytes + skip, take);
}

static void code_found(struct artifact_pass *p, uint64_t at, const char *what)
{
	if (p->code_count < RF_COUNT(p->code_at)) {
		p->code_at[p->code_count] = at;
		p->code_what[p->code_count] = what;
	}
	p->code_count++;
}

/* Every 0x7f and every 'M' that could start a header within the first @starts of @n bytes; memchr() is far faster than the hash. */
static void code_search(struct artifact_pass *p, const unsigned char *bytes, size_t n, size_t starts, uint64_t at)
{
	for (const unsigned char *q = bytes; (q = memchr(q, 0x7f, starts - (size_t)(q - bytes))); q++) {
		const char *what = artifact_host_code(q, n - (size_t)(q - bytes));
		if (what)
			code_found(p, at + (uint64_t)(q - bytes), what);
		if ((size_t)(q + 1 - bytes) >= starts)
			break;
	}
	size_t both = RF_MIN(n, starts + 1);      /* the Z may stand behind the last start */
	for (const unsigned char *q = bytes; (q = memmem(q, both - (size_t)(q - bytes), "MZ", 2)); q++) {
		const char *what = artifact_host_code(q, n - (size_t)(q - bytes));
		if (what)
			code_found(p, at + (uint64_t)(q - bytes), what);
		if ((size_t)(q + 1 - bytes) >= starts)
			break;
	}
}

void artifact_pass_add(struct artifact_pass *p, const void *data, size_t n)
{
	const unsigned char *bytes = data;
	crc_add(p, bytes, n);
	if (p->facts->look_for_code && n > 0) {
		/* the tail of the last piece with the head of this one, then this one but for its own tail */
		unsigned char joint[2 * STRADDLE];
		size_t head = RF_MIN(n, (size_t)STRADDLE);
		memcpy(joint, p->tail, p->tail_bytes);
		memcpy(joint + p->tail_bytes, bytes, head);
		if (p->tail_bytes)
			code_search(p, joint, p->tail_bytes + head, p->tail_bytes, p->position - p->tail_bytes);
		size_t keep = head;
		if (n > keep)
			code_search(p, bytes, n, n - keep, p->position);
		memcpy(p->tail, bytes + n - keep, keep);
		p->tail_bytes = keep;
	}
	p->position += n;
}

int artifact_pass_end(struct artifact_pass *p, struct arena *a, struct artifact_facts *facts, struct err *err)
{
	struct artifact_source none = artifact_source_bytes(SPAN_NONE);
	struct artifact_reading r = { .src = &none, .a = a, .facts = facts, .err = err };
	const struct artifact_facts *f = p->facts;
	/* what is left in the tail: a whole header may be the file's last bytes */
	if (f->look_for_code && p->tail_bytes)
		code_search(p, p->tail, p->tail_bytes, p->tail_bytes, p->position - p->tail_bytes);
	if (f->has_crc && f->crc_bytes <= p->position && f->crc_from <= p->position - f->crc_bytes && p->crc != f->crc)
		artifact_object(&r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH,
		                "the header's CRC-32 is %08x, the body's is %08x: the content was changed or damaged", f->crc, p->crc);
	for (unsigned i = 0; i < p->code_count && i < RF_COUNT(p->code_at); i++)
		artifact_note(&r, "native host code inside: %s at offset %llu; a plan may run it when it is loaded", p->code_what[i],
		              (unsigned long long)p->code_at[i]);
	if (p->code_count > RF_COUNT(p->code_at))
		artifact_note(&r, "native host code inside: %u places in all", p->code_count);
	return r.failed ? err_set(err, r.failed, "no memory for the findings of one file") : 0;
}
