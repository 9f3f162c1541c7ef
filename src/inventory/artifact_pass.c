/* The look over every byte of a file that is hashed anyway: checksums, and native host code inside plans. See
 * artifact.h. */
#include "inventory/artifact_int.h"

#include "base/hash.h"

/* An ELF header needs 20 bytes; a PE's second signature lies within 1 KiB, but the first 64 bytes find those that
 * linkers write (e_lfanew 0x40 to 0x3c0): what straddles two pieces is looked at from the tail of the first. */
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

#define BLOCK 64

/* Could a header start in these BLOCK bytes (the one behind them is looked at too)? Written so that compilers make
 * vector instructions of it: every byte of every plan passes here, and the hash must not wait for it. */
static bool block_hit(const unsigned char *p)
{
	unsigned char hit = 0;
	for (size_t i = 0; i < BLOCK; i++)
		hit |= (unsigned char)(((p[i] == 0x7f) & (p[i + 1] == 'E')) | ((p[i] == 'M') & (p[i + 1] == 'Z')));
	return hit != 0;
}

/* Headers that start within the first @starts of @n bytes. */
static void code_search(struct artifact_pass *p, const unsigned char *bytes, size_t n, size_t starts, uint64_t at)
{
	for (size_t i = 0; i < starts;) {
		if (i + BLOCK < n && i + BLOCK <= starts && !block_hit(bytes + i)) {
			i += BLOCK;
			continue;
		}
		size_t end = RF_MIN(i + BLOCK, starts);
		for (; i < end; i++) {
			const char *what =
				bytes[i] == 0x7f || bytes[i] == 'M' ? artifact_host_code(bytes + i, n - i) : NULL;
			if (what)
				code_found(p, at + i, what);
		}
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
	facts->second_look_from = facts->note_count;
	/* what is left in the tail: a whole header may be the file's last bytes */
	if (f->look_for_code && p->tail_bytes)
		code_search(p, p->tail, p->tail_bytes, p->tail_bytes, p->position - p->tail_bytes);
	if (f->has_crc && f->crc_bytes <= p->position && f->crc_from <= p->position - f->crc_bytes && p->crc != f->crc)
		artifact_object(&r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "checksum_mismatch",
				"the header's CRC-32 is %08x, the body's is %08x: the content was changed or damaged",
				f->crc, p->crc);
	for (unsigned i = 0; i < p->code_count && i < RF_COUNT(p->code_at); i++)
		artifact_note(&r, "native host code inside: %s at offset %llu; a plan may run it when it is loaded",
			      p->code_what[i], (unsigned long long)p->code_at[i]);
	if (p->code_count > RF_COUNT(p->code_at))
		artifact_note(&r, "native host code inside: %u places in all", p->code_count);
	return r.failed ? err_set(err, r.failed, "no memory for the findings of one file") : 0;
}

int artifact_second_look(const struct artifact_facts *facts, struct arena *a, struct span *ret)
{
	*ret = SPAN_NONE;
	if (facts->second_look_from >= facts->note_count)
		return 0;
	const char *text = facts->finding == ARTIFACT_CONFLICT ? "conflict" : "";
	for (size_t i = facts->second_look_from; i < facts->note_count && text; i++)
		text = arena_printf(a, "%s\n%s", text, facts->notes[i]);
	*ret = span_of(text);
	return text ? 0 : RF_ENOMEM;
}

int artifact_second_look_apply(struct artifact_facts *facts, struct span text, struct arena *a)
{
	struct span line;
	if (!span_line(&text, &line))
		return 0;
	if (span_eq_text(line, "conflict") && facts->finding != ARTIFACT_CONFLICT) {
		facts->finding = ARTIFACT_CONFLICT;
		facts->cause = ARTIFACT_CAUSE_HEADER_MISMATCH;
	}
	while (span_line(&text, &line) && facts->note_count < ARTIFACT_MAX_NOTES) {
		const char *note = arena_text(a, line);
		if (!note)
			return RF_ENOMEM;
		facts->notes[facts->note_count++] = note;
	}
	return 0;
}
