/* Archives and compressed files, member by member, each whole in memory. */
#include "format/archive.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct walking {
	struct archive_reader *r;
	const struct archive_walk *walk;
	struct str bytes;
	uint64_t total, members;
	struct err *err;
};

static int read_member(struct walking *w, struct span name)
{
	struct span piece;
	int rc;
	str_reset(&w->bytes);
	while ((rc = archive_reader_read(w->r, &piece, w->err)) == 1) {
		w->total += piece.n;
		if (w->bytes.n + piece.n > w->walk->limits.member_bytes || w->total > w->walk->limits.total_bytes)
			return err_set(w->err, RF_ETOOBIG, "archive: more than %zu bytes in \"%.*s\", or %llu in all",
				       w->walk->limits.member_bytes, SPAN_ARG(name),
				       (unsigned long long)w->walk->limits.total_bytes);
		str_add(&w->bytes, piece);
		if (w->bytes.failed)
			return err_set(w->err, w->bytes.failed, "member of an archive");
	}
	return rc == RF_EUNREADABLE ? err_set(w->err, RF_EFORMAT, "archive: \"%.*s\" is damaged", SPAN_ARG(name)) : rc;
}

static int take_member(struct walking *w, const struct archive_item *item)
{
	struct span name = item->name;
	if (item->kind != ARCHIVE_ITEM_FILE)
		return 0;
	if (w->walk->want && !w->walk->want(name, w->walk->data))
		return 0;
	if (w->members++ == w->walk->limits.members)
		return err_set(w->err, RF_ETOOMANY, "archive: more than %llu files",
			       (unsigned long long)w->walk->limits.members);
	if (item->encrypted)
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

static int walk_members(struct archive_reader *r, const struct archive_walk *walk, struct err *err)
{
	struct walking w = { .r = r, .walk = walk, .bytes = STR_INIT(walk->limits.member_bytes), .err = err };
	struct archive_item item;
	int rc;
	while ((rc = archive_reader_next(r, &item, err)) == 1) {
		rc = take_member(&w, &item);
		if (rc)
			break;
	}
	str_release(&w.bytes);
	return rc;
}

int archive_walk_bytes(struct span bytes, const struct archive_walk *walk, struct err *err)
{
	RF_AUTO_PTR(archive_reader) r = NULL;
	int rc = archive_reader_open_bytes(bytes, &r, err);
	return rc ? rc : walk_members(r, walk, err);
}

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

int archive_walk_file(const char *path, const struct archive_walk *walk, struct err *err)
{
	__attribute__((cleanup(close_fd))) int fd = open(path, O_RDONLY | O_CLOEXEC);
	RF_AUTO_PTR(archive_reader) r = NULL;
	int rc = fd < 0 ? err_set_errno(err, errno, "cannot be opened") : archive_reader_open_fd(fd, &r, err);
	if (!rc)
		rc = walk_members(r, walk, err);
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
