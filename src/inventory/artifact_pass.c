/*
 * The look over every byte of a file that is hashed anyway: checksums, native host code inside plans, and what the
 * kernels inside were compiled for and by. See artifact.h.
 */
#include "inventory/artifact_int.h"

#include "base/hash.h"

/* From the first byte of a header to the last that is asked for: an ELF header, plain (64) or as LZ4 leaves it, or the
 * words of a note. What straddles two pieces is looked at together; one byte in front is LZ4's token. */
#define BEHIND ARTIFACT_PASS_BEHIND

#define TOOLS "Cuda compilation tools, release "
/* Beyond this many the toolkits of a plan are known. */
#define MAX_TOOLS_SEARCHES 256

bool artifact_pass_wanted(const struct artifact_facts *facts)
{
	return facts->has_crc || facts->look_for_code;
}

void artifact_pass_begin(struct artifact_pass *p, const struct artifact_facts *facts)
{
	*p = (struct artifact_pass){ .facts = facts, .tail_bytes = 1 /* no token in front of the first byte */ };
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

/* ── What was found ──────────────────────────────────────────────────────────────────────────────────────────────── */

/* An ELF file that the first look has read and named already. */
static bool seen_before(const struct artifact_pass *p, uint64_t at)
{
	for (size_t i = 0; i < p->facts->code_seen_count; i++) {
		const struct artifact_range *r = &p->facts->code_seen[i];
		if (at >= r->from && at - r->from < r->bytes)
			return true;
	}
	return false;
}

static void code_found(struct artifact_pass *p, uint64_t at, const char *what)
{
	if (seen_before(p, at))
		return;
	if (p->code_count < RF_COUNT(p->code_at)) {
		p->code_at[p->code_count] = at;
		p->code_what[p->code_count] = what;
	}
	p->code_count++;
}

/* Adds to a short ascending list of different numbers; what does not fit is the largest or the new one. */
static void number_add(uint16_t *list, size_t room, size_t *n, uint16_t v)
{
	size_t i = 0;
	while (i < *n && list[i] < v)
		i++;
	if (i == room || (i < *n && list[i] == v))
		return;
	size_t keep = RF_MIN(*n, room - 1);
	memmove(list + i + 1, list + i, (keep - i) * sizeof *list);
	list[i] = v;
	*n = keep + 1;
}

static void cubin_found(struct artifact_pass *p, uint64_t at, const struct artifact_cubin *c)
{
	if (seen_before(p, at))
		return;
	p->cubins++;
	number_add(p->sm, RF_COUNT(p->sm), &p->sm_count, c->sm);
	if (c->toolkit)
		number_add(p->toolkits, RF_COUNT(p->toolkits), &p->toolkit_count, (uint16_t)c->toolkit);
	if (c->toolkit_in_note && p->tools_searches < MAX_TOOLS_SEARCHES) {
		uint64_t end = c->bytes > UINT64_MAX - at ? UINT64_MAX : at + c->bytes;
		p->tools_until = RF_MAX(p->tools_until, end);
		p->tools_searches++;
	}
}

/* "12.8, V12.8.93" behind the words: the release, times ten. */
static void tools_found(struct artifact_pass *p, const unsigned char *text, size_t n)
{
	unsigned major = 0, minor = 0;
	size_t i = 0, digits;
	for (digits = 0; i < n && text[i] >= '0' && text[i] <= '9' && digits < 2; i++, digits++)
		major = 10 * major + (unsigned)(text[i] - '0');
	if (digits == 0 || i + 2 >= n || text[i] != '.' || text[i + 1] < '0' || text[i + 1] > '9' || text[i + 2] != ',')
		return;
	minor = (unsigned)(text[i + 1] - '0');
	number_add(p->toolkits, RF_COUNT(p->toolkits), &p->toolkit_count, (uint16_t)(10 * major + minor));
}

/* ── PE ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "MZ" is two common bytes: what it points to (e_lfanew) decides, and that may be a long way on. Of a GiB of random
 * bytes 16,384 begin like it, and four of those point into the next MiB. */
#define MAX_PE_DISTANCE (1 * MIB)

static void pe_candidate(struct artifact_pass *p, uint64_t at, const unsigned char *bytes, size_t n)
{
	uint32_t signature = n >= 64 ? le32(bytes + 0x3c) : 0;
	if (signature < 4 || signature > MAX_PE_DISTANCE)
		return;
	if (p->pe_count == RF_COUNT(p->pe)) {
		p->pe_lost = true;
		return;
	}
	p->pe[p->pe_count].at = at;
	p->pe[p->pe_count++].signature = at + signature;
}

static bool pe_is(const unsigned char *p)
{
	unsigned machine = le16(p + 4);
	return memcmp(p, "PE\0\0", 4) == 0 &&
	       (machine == 0x8664 || machine == 0x14c || machine == 0xaa64 || machine == 0x1c0 || machine == 0x1c4);
}

/* Candidates whose signature lies within [from, to) of the @n bytes that stand at @at. */
static void pe_check(struct artifact_pass *p, const unsigned char *bytes, size_t n, size_t from, size_t to, uint64_t at)
{
	for (size_t i = 0; i < p->pe_count;) {
		uint64_t place = p->pe[i].signature - at;
		if (p->pe[i].signature < at + from || place >= to) {
			i++;
			continue;
		}
		if (n - (size_t)place >= 6 && pe_is(bytes + place))
			code_found(p, p->pe[i].at, "PE (Windows)");
		p->pe[i] = p->pe[--p->pe_count];
	}
}

/* ── The search ──────────────────────────────────────────────────────────────────────────────────────────────────── */

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

static void start_look(struct artifact_pass *p, const unsigned char *bytes, size_t i, size_t n, uint64_t at)
{
	if (n - i < 4)
		return;
	if (bytes[i] == 'M' && bytes[i + 1] == 'Z')
		pe_candidate(p, at + i, bytes + i, n - i);
	if (bytes[i] != 0x7f || memcmp(bytes + i + 1, "ELF", 3) != 0)
		return;
	const char *host = artifact_host_elf(bytes + i, n - i);
	struct artifact_cubin cubin;
	if (host)
		code_found(p, at + i, host);
	else if (artifact_cubin_read(bytes + i, n - i, i > 0, &cubin))
		cubin_found(p, at + i, &cubin);
}

static void tools_look(struct artifact_pass *p, const unsigned char *bytes, size_t n, size_t from, size_t to,
		       uint64_t at)
{
	while (from < to && at + from < p->tools_until) {
		const unsigned char *c = memchr(bytes + from, 'C', to - from);
		if (!c)
			return;
		from = (size_t)(c - bytes) + 1;
		size_t left = n - (from - 1);
		if (left > sizeof TOOLS && memcmp(c, TOOLS, sizeof TOOLS - 1) == 0)
			tools_found(p, c + sizeof TOOLS - 1, left - (sizeof TOOLS - 1));
	}
}

/* Headers that start in [from, to) of @n bytes; bytes[0] stands at @at of the file. */
static void code_search(struct artifact_pass *p, const unsigned char *bytes, size_t n, size_t from, size_t to,
			uint64_t at)
{
	for (size_t i = from; i < to;) {
		if (i + BLOCK < n && i + BLOCK <= to && !block_hit(bytes + i)) {
			i += BLOCK;
			continue;
		}
		for (size_t end = RF_MIN(i + BLOCK, to); i < end; i++)
			if (bytes[i] == 0x7f || bytes[i] == 'M')
				start_look(p, bytes, i, n, at);
	}
	if (p->pe_count)
		pe_check(p, bytes, n, from, to, at);
	if (p->tools_until > at + from)
		tools_look(p, bytes, n, from, to, at);
}

/* The tail holds the last byte that was looked at and all behind it. It is filled up from the piece and searched, then
 * the rest of the piece is searched where it lies. */
static void code_add(struct artifact_pass *p, const unsigned char *bytes, size_t n)
{
	uint64_t at = p->position - p->tail_bytes;
	size_t take = RF_MIN(n, sizeof p->tail - p->tail_bytes), joint = p->tail_bytes + take;
	memcpy(p->tail + p->tail_bytes, bytes, take);
	size_t to = joint > BEHIND ? joint - BEHIND : 1;
	code_search(p, p->tail, joint, 1, to, at);
	if (take == n) {
		size_t drop = to - 1;
		p->tail_bytes = joint - drop;
		memmove(p->tail, p->tail + drop, p->tail_bytes);
		return;
	}
	size_t from = take - BEHIND; /* where the joint search ended: the tail holds twice what is behind a start */
	code_search(p, bytes, n, from, RF_MAX(from, n - BEHIND), p->position);
	size_t keep = RF_MIN(n, (size_t)BEHIND + 1);
	memcpy(p->tail, bytes + n - keep, keep);
	p->tail_bytes = keep;
}

void artifact_pass_add(struct artifact_pass *p, const void *data, size_t n)
{
	crc_add(p, data, n);
	if (p->facts->look_for_code && n > 0)
		code_add(p, data, n);
	p->position += n;
}

/* ── The result ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static void code_report(struct artifact_reading *r, const struct artifact_pass *p)
{
	for (unsigned i = 0; i < p->code_count && i < RF_COUNT(p->code_at); i++)
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HOST_CODE,
				p->code_what[i][0] == 'P' ? "host_code_pe" : "host_code_elf",
				"native host code inside: %s at offset %llu; it can run when the plan is loaded",
				p->code_what[i], (unsigned long long)p->code_at[i]);
	if (p->code_count > RF_COUNT(p->code_at))
		artifact_note(r, "native host code inside: %u places in all", p->code_count);
	if (p->pe_lost)
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE, "too_many_pe_candidates",
				"more places begin like a PE file than are followed: whether one is, cannot be told");
}

static void cubin_report(struct artifact_reading *r, const struct artifact_pass *p)
{
	struct artifact_facts *f = r->facts;
	f->cubin_count = p->cubins;
	f->cubin_sm_count = p->sm_count;
	memcpy(f->cubin_sm, p->sm, sizeof p->sm);
	for (size_t i = 0; i < p->toolkit_count; i++) {
		char version[16];
		int n = snprintf(version, sizeof version, "%u.%u", p->toolkits[i] / 10U, p->toolkits[i] % 10U);
		struct artifact_component c = { .product = SPAN(ARTIFACT_PRODUCT_CUDA),
						.version = { version, (size_t)n },
						.role = ARTIFACT_ROLE_BUILDER,
						.source = "cubin" };
		if (artifact_component_add(f, r->a, &c) < 0)
			r->failed = RF_ENOMEM;
	}
}

int artifact_pass_end(struct artifact_pass *p, struct arena *a, struct artifact_facts *facts, struct err *err)
{
	struct artifact_source none = artifact_source_bytes(SPAN_NONE);
	struct artifact_reading r = { .src = &none, .a = a, .facts = facts, .err = err };
	const struct artifact_facts *f = p->facts;
	facts->second_look_from = facts->note_count;
	facts->second_rules_from = facts->rule_count;
	facts->second_components_from = facts->component_count;
	/* what is left in the tail: a whole header may be the file's last bytes */
	if (f->look_for_code)
		code_search(p, p->tail, p->tail_bytes, 1, p->tail_bytes, p->position - p->tail_bytes);
	if (f->has_crc && f->crc_bytes <= p->position && f->crc_from <= p->position - f->crc_bytes && p->crc != f->crc)
		artifact_object(&r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "checksum_mismatch",
				"the header's CRC-32 is %08x, the body's is %08x: the content was changed or damaged",
				f->crc, p->crc);
	code_report(&r, p);
	cubin_report(&r, p);
	return r.failed ? err_set(err, r.failed, "no memory for the findings of one file") : 0;
}
