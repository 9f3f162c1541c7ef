/* What the carving readers share: the window, what an engine begins like, the encodings. See carve.h. */
#include "inventory/carve.h"

/* Smaller than any engine: a TensorRT 5.x plan of one layer has some 2,000 bytes. */
#define LEAST_BYTES 64
#define HEAD_BYTES 64
#define PREFIX_MAX_BYTES (1 * MIB)

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int source_read(const struct artifact_source *src, void *buffer, size_t n, uint64_t at, size_t *ret_n)
{
	if (src->pread)
		return src->pread(src->data, buffer, n, at, ret_n);
	size_t from = at < src->head.n ? (size_t)at : src->head.n;
	*ret_n = RF_MIN(n, src->head.n - from);
	if (*ret_n)
		memcpy(buffer, src->head.p + from, *ret_n);
	return 0;
}

const unsigned char *carve_peek(struct carve_cursor *k, uint64_t at, size_t n, size_t *ret_n)
{
	*ret_n = 0;
	if (at < k->window_at || at - k->window_at > k->window_n || n > k->window_n - (size_t)(at - k->window_at)) {
		/* what is at hand already is kept: a source that only goes forward need not have it any more */
		size_t keep = 0;
		if (at >= k->window_at && at - k->window_at < k->window_n) {
			keep = k->window_n - (size_t)(at - k->window_at);
			memmove(k->window, k->window + (at - k->window_at), keep);
		}
		size_t got = 0;
		k->window_at = at;
		k->window_n = keep;
		if (!k->failed)
			k->failed = source_read(k->src, k->window + keep, sizeof k->window - keep, at + keep, &got);
		if (k->failed)
			return NULL;
		k->window_n += got;
	}
	size_t from = (size_t)(at - k->window_at);
	*ret_n = RF_MIN(n, k->window_n - from);
	return k->window + from;
}

/* ── Encodings ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Value of a base64 digit (RFC 4648, section 4), 64 for '=', -1 for others. */
static int digit_of(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : c == '=' ? 64 : -1;
}

/* Four digits to up to three bytes. 0: malformed. */
static size_t base64_group(const unsigned char *p, unsigned char *ret)
{
	int v[4];
	for (size_t i = 0; i < 4; i++)
		v[i] = digit_of(p[i]);
	if (v[0] < 0 || v[0] > 63 || v[1] < 0 || v[1] > 63 || v[2] < 0 || v[3] < 0 || (v[2] == 64 && v[3] != 64))
		return 0;
	uint32_t bits =
		(uint32_t)v[0] << 18 | (uint32_t)v[1] << 12 | (uint32_t)(v[2] & 63) << 6 | (uint32_t)(v[3] & 63);
	ret[0] = (unsigned char)(bits >> 16);
	ret[1] = (unsigned char)(bits >> 8);
	ret[2] = (unsigned char)bits;
	return v[2] == 64 ? 1 : v[3] == 64 ? 2 : 3;
}

/* One code point below 256 at @p. Bytes used; 0: cut; -1: none. */
static int latin1_at(const unsigned char *p, size_t n, unsigned char *ret)
{
	if (n == 0)
		return 0;
	if (p[0] < 0x80) {
		*ret = p[0];
		return 1;
	}
	if (p[0] != 0xc2 && p[0] != 0xc3)
		return -1;
	if (n < 2)
		return 0;
	if ((p[1] & 0xc0) != 0x80)
		return -1;
	*ret = (unsigned char)((p[0] & 3) << 6 | (p[1] & 0x3f));
	return 2;
}

void carve_decoder_init(struct carve_decoder *d, const struct artifact_source *src, const struct carve_part *part)
{
	memset(d, 0, offsetof(struct carve_decoder, in));
	d->in_at = d->in_n = d->carry_n = 0;
	d->end = false;
	d->src = src;
	d->part = *part;
	d->at = part->offset;
}

/* More encoded bytes behind those that are left. */
static int decoder_fill(struct carve_decoder *d, struct err *err)
{
	size_t left = d->in_n - d->in_at, got = 0;
	uint64_t behind = d->part.offset + d->part.bytes - d->at;
	memmove(d->in, d->in + d->in_at, left);
	d->in_at = 0;
	d->in_n = left;
	if (!behind)
		return 0;
	size_t want = (size_t)RF_MIN((uint64_t)(sizeof d->in - left), behind);
	int rc = source_read(d->src, d->in + left, want, d->at, &got);
	if (rc)
		return err && err->code ? rc : err_set(err, rc, "an embedded engine cannot be read");
	if (!got) {
		(void)err_set(err, RF_ETRUNCATED, "a value of %llu bytes ends behind the end of its file",
			      (unsigned long long)d->part.bytes);
		return err ? err_at_offset(err, d->part.offset) : RF_ETRUNCATED;
	}
	d->at += got;
	d->in_n += got;
	return 0;
}

static int not_encoded(const struct carve_decoder *d, const char *how, struct err *err)
{
	(void)err_set(err, RF_EFORMAT, "an embedded engine begins as %s and does not go on so", how);
	return err ? err_at_offset(err, d->at - (d->in_n - d->in_at)) : RF_EFORMAT;
}

static size_t take_raw(struct carve_decoder *d, unsigned char *to, size_t n)
{
	size_t take = RF_MIN(n, d->in_n - d->in_at);
	memcpy(to, d->in + d->in_at, take);
	d->in_at += take;
	return take;
}

static int take_latin1(struct carve_decoder *d, unsigned char *to, size_t n, size_t *ret_n, struct err *err)
{
	while (*ret_n < n) {
		int used = latin1_at(d->in + d->in_at, d->in_n - d->in_at, to + *ret_n);
		if (used < 0)
			return not_encoded(d, "Latin-1 in UTF-8", err);
		if (used == 0)
			return 0;
		d->in_at += (size_t)used;
		++*ret_n;
	}
	return 0;
}

static int take_base64(struct carve_decoder *d, unsigned char *to, size_t n, size_t *ret_n, struct err *err)
{
	while (*ret_n < n && !d->end) {
		if (!d->carry_n) {
			unsigned char group[3];
			if (d->in_n - d->in_at < 4)
				return 0;
			size_t got = base64_group(d->in + d->in_at, group);
			if (!got)
				return not_encoded(d, "base64", err);
			d->in_at += 4;
			/* last byte first, so that taking is counting down */
			for (size_t i = 0; i < got; i++)
				d->carry[i] = group[got - 1 - i];
			d->carry_n = got;
		}
		while (d->carry_n && *ret_n < n)
			to[(*ret_n)++] = d->carry[--d->carry_n];
	}
	return 0;
}

int carve_decoder_read(struct carve_decoder *d, void *buffer, size_t n, size_t *ret_n, struct err *err)
{
	unsigned char *to = buffer;
	*ret_n = 0;
	while (*ret_n < n) {
		size_t left = d->in_n - d->in_at, before = *ret_n;
		int rc = 0;
		if (d->part.encoding == CARVE_RAW)
			*ret_n += take_raw(d, to + *ret_n, n - *ret_n);
		else if (d->part.encoding == CARVE_LATIN1)
			rc = take_latin1(d, to, n, ret_n, err);
		else
			rc = take_base64(d, to, n, ret_n, err);
		if (rc || *ret_n == n)
			return rc;
		if (*ret_n > before)
			left = d->in_n - d->in_at;
		if (d->at == d->part.offset + d->part.bytes) /* all was read */
			return left ? not_encoded(d, "whole characters", err) : 0;
		rc = decoder_fill(d, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* ── What an engine begins like ──────────────────────────────────────────────────────────────────────────────────── */

/* @least..@most: how many bytes the value has when it is decoded. */
static bool is_engine(const unsigned char *p, size_t n, uint64_t least, uint64_t most)
{
	if (n < 16)
		return false;
	if (memcmp(p, "ftrt", 4) == 0 || memcmp(p, "ptrt", 4) == 0 || memcmp(p, "PK\3\4", 4) == 0 ||
	    memcmp(p + 4, "ORTM", 4) == 0)
		return true;
	/* TensorRT 5.x: its own size; Ultralytics: a length and JSON */
	return (le64(p) >= least && le64(p) <= most) ||
	       (p[4] == '{' && p[5] == '"' && le32(p) < most && le32(p) < PREFIX_MAX_BYTES);
}

static bool is_base64_engine(const unsigned char *p, size_t n, uint64_t bytes)
{
	unsigned char head[HEAD_BYTES];
	size_t at = 0;
	for (size_t i = 0; i + 4 <= n && at + 3 <= sizeof head; i += 4) {
		size_t got = base64_group(p + i, head + at);
		if (got != 3)
			return false;
		at += got;
	}
	return bytes % 4 == 0 && is_engine(head, at, bytes / 4 * 3 - 2, bytes / 4 * 3);
}

static bool is_latin1_engine(const unsigned char *p, size_t n, uint64_t bytes)
{
	unsigned char head[HEAD_BYTES], rest;
	size_t at = 0, i = 0;
	int used = 1;
	while (i < n && used > 0) {
		used = latin1_at(p + i, n - i, at < sizeof head ? head + at : &rest);
		i += used > 0 ? (size_t)used : 0;
		at += used > 0 && at < sizeof head;
	}
	/* 0: the window ends inside a character */
	return used >= 0 && is_engine(head, at, bytes / 2, bytes);
}

bool carve_begins_engine(const unsigned char *p, size_t n, uint64_t most)
{
	return is_engine(p, n, LEAST_BYTES, most) || is_base64_engine(p, n, most / 4 * 4);
}

int carve_value(struct carve_cursor *k, uint64_t at, uint64_t bytes, bool text, const char *what, bool *ret_told)
{
	size_t n;
	struct carve_part part = { .offset = at, .bytes = bytes, .what = what };
	if (ret_told)
		*ret_told = false;
	if (bytes < LEAST_BYTES)
		return 0;
	const unsigned char *p = carve_peek(k, at, HEAD_BYTES, &n);
	if (!p)
		return k->failed;
	if (is_base64_engine(p, n, bytes))
		part.encoding = CARVE_BASE64;
	else if (text && (p = carve_peek(k, at, (size_t)RF_MIN(bytes, (uint64_t)CARVE_WINDOW_BYTES), &n)) != NULL &&
		 is_latin1_engine(p, n, bytes))
		part.encoding = CARVE_LATIN1;
	else if (!p || !is_engine(p, n, bytes, bytes))
		return k->failed;
	if (ret_told)
		*ret_told = true;
	return k->c->part ? k->c->part(k->src, &part, k->c->data) : 0;
}
