/* Archives and compressed files through libarchive, member by member. */
#include "format/archive.h"

#include "base/arena.h"
#include "format/archive_libarchive.h"

#include <errno.h>

#define BLOCK_BYTES (64 * KIB)

#define F libarchive_functions

static void archive_freep(struct archive **a)
{
	if (*a)
		(void)F.archive_read_free(*a);
}

bool archive_sniff(struct span s)
{
	static const struct {
		const char *bytes;
		size_t n, at;
	} marks[] = { { "PK\x03\x04", 4, 0 },
		      { "PK\x05\x06", 4, 0 },
		      { "\x1f\x8b", 2, 0 },
		      { "BZh", 3, 0 },
		      { "\xfd"
			"7zXZ",
			6, 0 },
		      { "\x28\xb5\x2f\xfd", 4, 0 },
		      { "ustar", 5, 257 } };
	for (size_t i = 0; i < RF_COUNT(marks); i++)
		if (s.n >= marks[i].at + marks[i].n && !memcmp(s.p + marks[i].at, marks[i].bytes, marks[i].n))
			return true;
	return false;
}

/* libarchive's own words may hold names: bytes that err_render() makes harmless. */
static int fail(struct archive *a, struct err *err)
{
	const char *words = F.archive_error_string(a);
	int code = F.archive_errno(a);
	if (code == ENOMEM)
		return err_set(err, RF_ENOMEM, "archive");
	return err_set(err, RF_EFORMAT, "archive: %s", words ? words : "damaged");
}

static int open_reader(struct archive **ret, struct err *err)
{
	if (!libarchive_load())
		return err_set(err, RF_EUNSUPPORTED,
			       "archives need libarchive.so.13, which is not installed (package libarchive13)");
	struct archive *a = F.archive_read_new();
	if (!a)
		return err_set(err, RF_ENOMEM, "archive");
	/* what is wanted, and no more: each reader is a surface. A filter that the library runs as a program says
	 * ARCHIVE_WARN */
	(void)F.archive_read_support_filter_gzip(a);
	(void)F.archive_read_support_filter_bzip2(a);
	(void)F.archive_read_support_filter_xz(a);
	(void)F.archive_read_support_filter_zstd(a);
	(void)F.archive_read_support_format_zip(a);
	(void)F.archive_read_support_format_tar(a);
	(void)F.archive_read_support_format_cpio(a);
	(void)F.archive_read_support_format_raw(a);
	*ret = a;
	return 0;
}

struct walking {
	struct archive *a;
	const struct archive_walk *walk;
	struct str bytes;
	uint64_t total, members;
	struct err *err;
};

static int read_member(struct walking *w, struct span name)
{
	char block[BLOCK_BYTES];
	str_reset(&w->bytes);
	for (;;) {
		la_ssize_t n = F.archive_read_data(w->a, block, sizeof block);
		if (n < 0)
			return fail(w->a, w->err);
		if (!n)
			return 0;
		w->total += (uint64_t)n;
		if (w->bytes.n + (size_t)n > w->walk->limits.member_bytes || w->total > w->walk->limits.total_bytes)
			return err_set(w->err, RF_ETOOBIG, "archive: more than %zu bytes in \"%.*s\", or %llu in all",
				       w->walk->limits.member_bytes, SPAN_ARG(name),
				       (unsigned long long)w->walk->limits.total_bytes);
		str_add(&w->bytes, span_bytes(block, (size_t)n));
		if (w->bytes.failed)
			return err_set(w->err, w->bytes.failed, "member of an archive");
	}
}

static int take_member(struct walking *w, struct archive_entry *entry)
{
	/* a compressed file on its own is called "data" by libarchive */
	const char *path = F.archive_format(w->a) == ARCHIVE_FORMAT_RAW ? "" : F.archive_entry_pathname(entry);
	struct span name = span_of(path);
	if (F.archive_entry_filetype(entry) != AE_IFREG && F.archive_entry_filetype(entry) != 0)
		return 0;
	if (w->walk->want && !w->walk->want(name, w->walk->data))
		return 0;
	if (w->members++ == w->walk->limits.members)
		return err_set(w->err, RF_ETOOMANY, "archive: more than %llu files",
			       (unsigned long long)w->walk->limits.members);
	if (F.archive_entry_is_encrypted(entry))
		return err_set(w->err, RF_EUNSUPPORTED, "archive: \"%.*s\" is encrypted", SPAN_ARG(name));
	char *kept = rf_text_span(name); /* the entry's name may move while its data is read */
	int rc = kept ? read_member(w, span_of(kept)) : err_set(w->err, RF_ENOMEM, "archive");
	if (!rc) {
		struct archive_member m = { span_of(kept), str_span(&w->bytes) };
		rc = w->walk->visit(&m, w->walk->data);
	}
	rf_free(kept);
	return rc;
}

static int walk_members(struct archive *a, const struct archive_walk *walk, struct err *err)
{
	struct walking w = { .a = a, .walk = walk, .bytes = STR_INIT(walk->limits.member_bytes), .err = err };
	struct archive_entry *entry;
	int rc = 0, read;
	while (!rc && (read = F.archive_read_next_header(a, &entry)) != ARCHIVE_EOF)
		rc = read == ARCHIVE_OK || read == ARCHIVE_WARN ? take_member(&w, entry) : fail(a, err);
	str_release(&w.bytes);
	return rc;
}

int archive_walk_bytes(struct span bytes, const struct archive_walk *walk, struct err *err)
{
	__attribute__((cleanup(archive_freep))) struct archive *a = NULL;
	int rc = open_reader(&a, err);
	if (rc)
		return rc;
	if (F.archive_read_open_memory(a, bytes.p ? bytes.p : "", bytes.n) != ARCHIVE_OK)
		return fail(a, err);
	return walk_members(a, walk, err);
}

int archive_walk_file(const char *path, const struct archive_walk *walk, struct err *err)
{
	__attribute__((cleanup(archive_freep))) struct archive *a = NULL;
	int rc = open_reader(&a, err);
	if (rc)
		return rc;
	rc = F.archive_read_open_filename(a, path, BLOCK_BYTES) == ARCHIVE_OK ? walk_members(a, walk, err)
									      : fail(a, err);
	if (rc && err)
		(void)err_in_file(err, path);
	return rc;
}

/* The first member is the answer. */
#define ENOUGH 1

static int take_first(const struct archive_member *m, void *data)
{
	str_add(data, m->bytes);
	return ENOUGH;
}

int archive_inflate(struct span bytes, struct str *ret, struct err *err)
{
	struct archive_walk walk = { .limits = { ret->limit, ret->limit, 1 }, .visit = take_first, .data = ret };
	int rc = archive_walk_bytes(bytes, &walk, err);
	if (!rc)
		return err_set(err, RF_EFORMAT, "archive: nothing is in it");
	return rc == ENOUGH ? str_check(ret, "unpacked file", err) : rc;
}
