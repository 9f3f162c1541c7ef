/* One archive through libarchive, forward, in pieces. See archive.h. */
#include "format/archive.h"

#include "base/arena.h"
#include "format/archive_libarchive.h"

#include <errno.h>

#define BLOCK_BYTES (256 * KIB)
/* Sparse files have gaps, which are zeros. */
#define ZEROS_BYTES (64 * KIB)

#define F libarchive_functions

struct archive_reader {
	struct archive *a;
	archive_pull *pull;
	void *pull_data;
	int pull_failed;  /* what the puller said */
	uint64_t at;      /* of the item's content handed out */
	struct span next; /* the piece behind a gap */
	uint64_t next_at;
};

void archive_reader_free(struct archive_reader *r)
{
	if (!r)
		return;
	if (r->a)
		(void)F.archive_read_free(r->a);
	rf_free(r);
}

void archive_reader_freep(struct archive_reader **r)
{
	archive_reader_free(*r);
	*r = NULL;
}

uint64_t archive_reader_consumed(const struct archive_reader *r)
{
	int64_t n = F.archive_filter_bytes(r->a, -1);
	return n > 0 ? (uint64_t)n : 0;
}

/* libarchive's own words may hold names: bytes that err_render() makes harmless. */
static int fail(const struct archive_reader *r, int code, struct err *err)
{
	const char *words = F.archive_error_string(r->a);
	int64_t at = F.archive_read_header_position(r->a);
	if (r->pull_failed)
		return err && err->code ? r->pull_failed
					: err_set(err, r->pull_failed, "archive: its bytes could not be read");
	if (F.archive_errno(r->a) == ENOMEM)
		return err_set(err, RF_ENOMEM, "archive");
	(void)err_set(err, code, "archive: %s, after %llu bytes of the file", words ? words : "damaged",
		      (unsigned long long)archive_reader_consumed(r));
	if (at > 0 && err)
		(void)err_at_offset(err, (uint64_t)at);
	return code;
}

static int reader_new(bool packed_only, struct archive_reader **ret, struct err *err)
{
	if (!libarchive_load())
		return err_set(err, RF_EUNSUPPORTED,
			       "archives need libarchive.so.13, which is not installed (package libarchive13)");
	struct archive_reader *r = rf_alloc(sizeof *r);
	if (r)
		r->a = F.archive_read_new();
	if (!r || !r->a) {
		rf_free(r);
		return err_set(err, RF_ENOMEM, "archive");
	}
	/* what is wanted, and no more: each reader is a surface. A filter that the library runs as a program says
	 * ARCHIVE_WARN */
	(void)F.archive_read_support_filter_gzip(r->a);
	(void)F.archive_read_support_filter_bzip2(r->a);
	(void)F.archive_read_support_filter_xz(r->a);
	(void)F.archive_read_support_filter_zstd(r->a);
	if (!packed_only) {
		(void)F.archive_read_support_format_zip(r->a);
		(void)F.archive_read_support_format_tar(r->a);
		(void)F.archive_read_support_format_cpio(r->a);
	}
	(void)F.archive_read_support_format_raw(r->a);
	*ret = r;
	return 0;
}

/* Hands the reader over when it could be opened. */
static int opened(struct archive_reader *r, int rc, struct archive_reader **ret, struct err *err)
{
	if (rc != ARCHIVE_OK) {
		rc = fail(r, RF_EFORMAT, err);
		archive_reader_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

int archive_reader_open_fd(int fd, struct archive_reader **ret, struct err *err)
{
	struct archive_reader *r;
	int rc = reader_new(false, &r, err);
	return rc ? rc : opened(r, F.archive_read_open_fd(r->a, fd, BLOCK_BYTES), ret, err);
}

int archive_reader_open_bytes(struct span bytes, struct archive_reader **ret, struct err *err)
{
	struct archive_reader *r;
	int rc = reader_new(false, &r, err);
	return rc ? rc : opened(r, F.archive_read_open_memory(r->a, bytes.p ? bytes.p : "", bytes.n), ret, err);
}

static la_ssize_t on_read(struct archive *a, void *data, const void **ret)
{
	struct archive_reader *r = data;
	(void)a;
	int64_t n = r->pull(r->pull_data, ret);
	if (n < 0)
		r->pull_failed = (int)n;
	return n < 0 ? ARCHIVE_FATAL : (la_ssize_t)n;
}

static int open_pull(bool packed_only, archive_pull *pull, void *data, struct archive_reader **ret, struct err *err)
{
	struct archive_reader *r;
	int rc = reader_new(packed_only, &r, err);
	if (rc)
		return rc;
	r->pull = pull;
	r->pull_data = data;
	return opened(r, F.archive_read_open(r->a, r, NULL, on_read, NULL), ret, err);
}

int archive_reader_open_pull(archive_pull *pull, void *data, struct archive_reader **ret, struct err *err)
{
	return open_pull(false, pull, data, ret, err);
}

int archive_reader_open_packed(archive_pull *pull, void *data, struct archive_reader **ret, struct err *err)
{
	return open_pull(true, pull, data, ret, err);
}

static enum archive_item_kind kind_of(struct archive_entry *entry)
{
	if (F.archive_entry_hardlink(entry))
		return ARCHIVE_ITEM_HARDLINK;
	switch (F.archive_entry_filetype(entry)) {
	case AE_IFLNK:
		return ARCHIVE_ITEM_SYMLINK;
	case AE_IFDIR:
		return ARCHIVE_ITEM_FOLDER;
	case AE_IFREG:
	case 0: /* a zip that is read forward does not say */
		return ARCHIVE_ITEM_FILE;
	default:
		return ARCHIVE_ITEM_SPECIAL;
	}
}

int archive_reader_next(struct archive_reader *r, struct archive_item *ret, struct err *err)
{
	struct archive_entry *entry;
	int got;
	do
		got = F.archive_read_next_header(r->a, &entry);
	while (got == ARCHIVE_RETRY);
	if (got == ARCHIVE_EOF)
		return 0;
	if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
		return fail(r, RF_EFORMAT, err);
	/* a compressed file on its own is called "data" by libarchive */
	const char *name = F.archive_format(r->a) == ARCHIVE_FORMAT_RAW ? "" : F.archive_entry_pathname(entry);
	int64_t at = F.archive_read_header_position(r->a);
	*ret = (struct archive_item){
		.kind = kind_of(entry),
		.name = span_of(name),
		.size = F.archive_entry_size_is_set(entry) ? (uint64_t)F.archive_entry_size(entry)
							   : ARCHIVE_SIZE_UNKNOWN,
		.offset = at > 0 ? (uint64_t)at : 0,
		.encrypted = F.archive_entry_is_encrypted(entry) != 0,
	};
	if (ret->kind == ARCHIVE_ITEM_SYMLINK)
		ret->target = span_of(F.archive_entry_symlink(entry));
	else if (ret->kind == ARCHIVE_ITEM_HARDLINK)
		ret->target = span_of(F.archive_entry_hardlink(entry));
	r->at = r->next_at = 0;
	r->next = SPAN_NONE;
	return 1;
}

static int block_read(struct archive_reader *r, struct err *err)
{
	const void *p = NULL;
	size_t n = 0;
	la_int64_t at = 0;
	int got;
	do
		got = F.archive_read_data_block(r->a, &p, &n, &at);
	while (got == ARCHIVE_RETRY || (got == ARCHIVE_OK && n == 0 && at >= 0 && (uint64_t)at <= r->at));
	if (got == ARCHIVE_EOF) {
		/* a sparse file may end in a gap: the last "block" is empty and lies at the end */
		r->next = SPAN_NONE;
		r->next_at = at > 0 ? RF_MAX(r->at, (uint64_t)at) : r->at;
		return 0;
	}
	if (got != ARCHIVE_OK)
		return fail(r, got == ARCHIVE_FATAL ? RF_EFORMAT : RF_EUNREADABLE, err);
	if (at < 0 || (uint64_t)at < r->at)
		return err_set(err, RF_EFORMAT, "archive: pieces of a sparse file overlap");
	r->next = span_bytes(p, n);
	r->next_at = (uint64_t)at;
	return 1;
}

int archive_reader_read(struct archive_reader *r, struct span *ret, struct err *err)
{
	static const char zeros[ZEROS_BYTES];
	if (!r->next.n && r->at == r->next_at) {
		int rc = block_read(r, err);
		if (rc < 0)
			return rc;
	}
	if (r->at < r->next_at) {
		*ret = span_bytes(zeros, (size_t)RF_MIN((uint64_t)sizeof zeros, r->next_at - r->at));
	} else if (r->next.n) {
		*ret = r->next;
		r->next = SPAN_NONE;
		r->next_at += ret->n;
	} else {
		return 0;
	}
	r->at += ret->n;
	return 1;
}
