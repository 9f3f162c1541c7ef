/* bundle_archive - see the header. */
#include "advisory/bundle_archive.h"

#include "depot/statement.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void bundle_header(const char *name, uint64_t bytes, unsigned char ret[BUNDLE_BLOCK])
{
	char *h = (char *)ret;
	unsigned sum = 0;
	memset(h, 0, BUNDLE_BLOCK);
	(void)snprintf(h, 100, "%s", name);
	memcpy(h + 100, "0000644", 8);
	memcpy(h + 108, "0000000", 8);
	memcpy(h + 116, "0000000", 8);
	(void)snprintf(h + 124, 12, "%011llo", (unsigned long long)bytes);
	memcpy(h + 136, "00000000000", 12);
	memset(h + 148, ' ', 8); /* the sum is taken with blanks in its place */
	h[156] = '0';
	memcpy(h + 257, "ustar", 6);
	memcpy(h + 263, "00", 2);
	for (size_t i = 0; i < BUNDLE_BLOCK; i++)
		sum += ret[i];
	(void)snprintf(h + 148, 7, "%06o", sum);
}

bool bundle_sniff(const char *path)
{
	static const char first[] = "manifest.json"; /* with the NUL behind it */
	char head[265];
	size_t n = 0;
	return fs_head(path, head, sizeof head, &n) && n == sizeof head && !memcmp(head, first, sizeof first) && !memcmp(head + 257, "ustar", 5);
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────── */

int bundle_reader_open(const char *path, uint64_t limit, struct bundle_reader *ret, struct err *err)
{
	struct stat st;
	*ret = (struct bundle_reader){ .fd = -1, .bytes = STR_INIT(RF_MAX(limit, 2 * BUNDLE_MAX_MANIFEST)), .err = err };
	int rc = fs_open_regular(path, false, &ret->fd, &st, err);
	if (!rc)
		ret->size = (uint64_t)st.st_size;
	return rc;
}

void bundle_reader_release(struct bundle_reader *r)
{
	if (r->fd >= 0)
		(void)close(r->fd);
	r->fd = -1;
	str_release(&r->bytes);
}

static int read_exactly(struct bundle_reader *r, void *to, size_t n)
{
	size_t got = 0;
	int rc = r->at > r->size || n > r->size - r->at ? err_set(r->err, RF_ETRUNCATED, "the bundle is cut off")
							 : fs_pread(r->fd, to, n, r->at, &got, r->err);
	if (!rc && got != n)
		rc = err_set(r->err, RF_ETRUNCATED, "the bundle is cut off");
	r->at += n;
	return rc;
}

static int expect_zeros(struct bundle_reader *r, size_t n)
{
	char bytes[2 * BUNDLE_BLOCK];
	int rc = read_exactly(r, bytes, n);
	for (size_t i = 0; !rc && i < n; i++)
		if (bytes[i])
			rc = err_set(r->err, RF_EFORMAT, "the bundle holds bytes between its members");
	return rc;
}

int bundle_read_member(struct bundle_reader *r, const char *name, uint64_t bytes, uint64_t limit)
{
	unsigned char block[BUNDLE_BLOCK], wanted[BUNDLE_BLOCK];
	char piece[64 * KIB];
	int rc = read_exactly(r, block, sizeof block);
	if (rc)
		return rc;
	if (!bytes)
		for (size_t i = 124; i < 135; i++)
			bytes = bytes * 8 + (uint64_t)((block[i] - '0') & 7);
	bundle_header(name, bytes, wanted);
	if (memcmp(block, wanted, sizeof block) != 0)
		return err_set(r->err, RF_EFORMAT, "the bundle has another member than %s here, or it has another size",
			       name);
	if (bytes > limit)
		return err_set(r->err, RF_ETOOBIG, "%s has %llu bytes, at most %llu", name, (unsigned long long)bytes,
			       (unsigned long long)limit);
	str_reset(&r->bytes);
	for (uint64_t left = bytes; !rc && left;) {
		size_t n = (size_t)RF_MIN(left, (uint64_t)sizeof piece);
		rc = read_exactly(r, piece, n);
		if (!rc)
			str_add(&r->bytes, span_bytes(piece, n));
		left -= n;
	}
	if (!rc)
		rc = str_check(&r->bytes, name, r->err);
	return rc ? rc : expect_zeros(r, (size_t)((BUNDLE_BLOCK - bytes % BUNDLE_BLOCK) % BUNDLE_BLOCK));
}

int bundle_read_manifest(struct bundle_reader *r, const struct verify_key *key, const char *payload_type, struct str *ret)
{
	RF_AUTO(str) signed_ = STR_INIT(BUNDLE_MAX_MANIFEST);
	int rc = bundle_read_member(r, "manifest.json", 0, BUNDLE_MAX_MANIFEST);
	size_t before = ret->n;
	if (!rc) {
		str_add(ret, str_span(&r->bytes));
		rc = str_check(ret, "manifest of a bundle", r->err);
	}
	if (!rc)
		rc = bundle_read_member(r, "manifest.dsse", 0, 2 * BUNDLE_MAX_MANIFEST);
	if (!rc) {
		rc = envelope_open(key, payload_type, str_span(&r->bytes), &signed_, r->err);
		if (rc)
			(void)err_prefix(r->err, "manifest.dsse, to be signed with key %.12s...: ", verify_key_id(key));
	}
	if (!rc && !span_eq(str_span(&signed_), span_from(str_span(ret), before)))
		rc = err_set(r->err, RF_EVERIFY, "manifest.json is not what was signed");
	return rc;
}

int bundle_read_end(struct bundle_reader *r)
{
	int rc = expect_zeros(r, 2 * BUNDLE_BLOCK);
	return rc || r->at == r->size ? rc : err_set(r->err, RF_EFORMAT, "the bundle goes on behind its end");
}

int bundle_manifest_time(struct json root, const char *key, bool optional, usec_t *ret, struct err *err)
{
	struct json v = json_get(root, key);
	*ret = USEC_NONE;
	if (optional && json_kind(v) == JSON_NULL)
		return 0;
	int rc = time_read(json_string(v), ret, NULL, err);
	return rc && err ? err_in_field(err, "%s", key) : rc;
}

int bundle_manifest_text(struct arena *a, struct json root, const char *key, struct span *ret, struct err *err)
{
	struct span s = json_string(json_get(root, key));
	if (!s.p || s.n > 4096)
		return err_set(err, RF_EFORMAT, "\"%s\" is missing, no text or too long", key);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
			return err_set(err, RF_EFORMAT, "\"%s\" holds a control byte", key);
	*ret = arena_span(a, s);
	return ret->p ? 0 : err_set(err, RF_ENOMEM, "manifest of a bundle");
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────── */

int bundle_file_begin(const char *path, struct bundle_file *ret, struct err *err)
{
	*ret = (struct bundle_file){ .path = path, .fd = -1 };
	int n = snprintf(ret->temporary, sizeof ret->temporary, "%s.%ld.part", path, (long)getpid());
	if (n < 0 || (size_t)n >= sizeof ret->temporary)
		return err_set(err, RF_ETOOBIG, "the path of the bundle");
	ret->fd = open(ret->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	return ret->fd < 0 ? err_set_errno(err, errno, "%s", ret->temporary) : 0;
}

int bundle_file_again(struct bundle_file *f, struct err *err)
{
	if (ftruncate(f->fd, 0) || lseek(f->fd, 0, SEEK_SET) < 0)
		return err_set_errno(err, errno, "%s", f->temporary);
	return 0;
}

int bundle_file_end(struct bundle_file *f, int rc, uint64_t *ret_bytes, struct err *err)
{
	off_t size = lseek(f->fd, 0, SEEK_END);
	if (!rc && fsync(f->fd))
		rc = err_set_errno(err, errno, "%s", f->temporary);
	if (close(f->fd) && !rc)
		rc = err_set_errno(err, errno, "%s", f->temporary);
	if (!rc && rename(f->temporary, f->path))
		rc = err_set_errno(err, errno, "%s", f->path);
	if (rc)
		(void)unlink(f->temporary);
	*ret_bytes = (uint64_t)RF_MAX(size, (off_t)0);
	return rc;
}

int bundle_put(struct bundle_file *f, const char *name, struct span bytes, struct err *err)
{
	static const char zeros[BUNDLE_BLOCK] = { 0 };
	unsigned char header[BUNDLE_BLOCK];
	bundle_header(name, bytes.n, header);
	int rc = fs_write_all(f->fd, header, sizeof header, err);
	if (!rc)
		rc = fs_write_all(f->fd, bytes.p, bytes.n, err);
	if (!rc)
		rc = fs_write_all(f->fd, zeros, (BUNDLE_BLOCK - bytes.n % BUNDLE_BLOCK) % BUNDLE_BLOCK, err);
	return rc;
}

int bundle_put_manifest(struct bundle_file *f, const struct signing_key *key, const char *payload_type,
			struct span manifest, struct err *err)
{
	RF_AUTO(str) envelope = STR_INIT(2 * BUNDLE_MAX_MANIFEST);
	int rc = dsse_sign(key, payload_type, manifest, &envelope, err);
	if (!rc)
		rc = str_check(&envelope, "signature of the bundle", err);
	if (!rc)
		rc = bundle_put(f, "manifest.json", manifest, err);
	return rc ? rc : bundle_put(f, "manifest.dsse", str_span(&envelope), err);
}

int bundle_put_end(struct bundle_file *f, struct err *err)
{
	static const char end[2 * BUNDLE_BLOCK] = { 0 };
	return fs_write_all(f->fd, end, sizeof end, err);
}
