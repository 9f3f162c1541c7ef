/* tar: the same members whatever the pieces; begin, bytes and end in order, and as many bytes as the member's size. */
#include "format/tar.h"

#include "base/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t left, sum;
	bool open;
};

static void add(struct seen *s, struct span bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		s->sum = s->sum * 31 + (unsigned char)bytes.p[i];
}

static int on_begin(const struct tar_member *m, void *d)
{
	struct seen *s = d;
	if (s->open || m->name.n == 0 || m->name.n > TAR_MAX_NAME_BYTES || memchr(m->name.p, 0, m->name.n))
		abort();
	*s = (struct seen){ .left = m->size, .sum = s->sum * 31 + m->size, .open = true };
	add(s, m->name);
	add(s, m->link);
	return 0;
}

static int on_bytes(struct span piece, void *d)
{
	struct seen *s = d;
	if (!s->open || piece.n == 0 || piece.n > s->left)
		abort();
	s->left -= piece.n;
	add(s, piece);
	return 0;
}

static int on_end(void *d)
{
	struct seen *s = d;
	if (!s->open || s->left)
		abort();
	s->open = false;
	return 0;
}

static int read_in(struct span bytes, size_t piece, struct seen *s)
{
	struct tar_visitor v = { on_begin, on_bytes, on_end, s };
	RF_AUTO_PTR(tar) t = tar_new(&v, 1000);
	int rc = 0;
	if (!t)
		return RF_ENOMEM;
	for (size_t at = 0; at < bytes.n && rc == 0; at += piece)
		rc = tar_add(t, span_sub(bytes, at, piece), NULL);
	return rc ? rc : tar_finish(t, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = { 0 }, parts = { 0 };
	struct span bytes = span_bytes(data, size);
	int a = read_in(bytes, size ? size : 1, &whole), b = read_in(bytes, 100, &parts);
	if (a != b || whole.sum != parts.sum)
		abort();
	return 0;
}
