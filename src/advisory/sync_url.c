/* sync_url - one document over HTTP(S): KEV, EPSS, an ecosystem of OSV as a zip. Fetched again only when the server says that
 * it changed (ETag, Last-Modified), streamed to the feed's folder, then imported from there. */
#include "advisory/packed.h"
#include "advisory/sync_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* OSV's zip of PyPI has 60 MB, all of OSV 1 GB. */
#define DOWNLOAD_MAX_BYTES (2 * GIB)

struct download {
	char path[FS_PATH_MAX + 160];
	int fd;
	struct err *err;
};

static int start(void *data, struct err *err)
{
	struct download *d = data;
	if (ftruncate(d->fd, 0) || lseek(d->fd, 0, SEEK_SET) < 0)
		return err_set_errno(err, errno, "%s", d->path);
	return 0;
}

static int add_piece(struct span piece, void *data)
{
	struct download *d = data;
	return fs_write_all(d->fd, piece.p, piece.n, d->err);
}

/* The last part of the address's path, so that the format can be told by the name too; "document" when it is odd. */
static void name_of(const char *url, char *to, size_t size)
{
	struct span s = span_of(url);
	s = span_sub(s, 0, RF_MIN(span_find_byte(s, '?'), span_find_byte(s, '#')));
	size_t slash = span_rfind_byte(s, '/');
	s = slash == SIZE_MAX ? s : span_from(s, slash + 1);
	bool plain = s.n > 0 && s.n < size && s.p[0] != '.';
	for (size_t i = 0; i < s.n && plain; i++)
		plain = (s.p[i] >= '0' && s.p[i] <= '9') || ((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z') || s.p[i] == '.' ||
		        s.p[i] == '-' || s.p[i] == '_';
	(void)snprintf(to, size, "%.*s", SPAN_ARG(plain ? s : SPAN("document")));
}

static int download(struct feed_run *r, struct download *d, struct http_response *response, struct err *err)
{
	char name[128];
	name_of(r->feed->url, name, sizeof name);
	(void)snprintf(d->path, sizeof d->path, "%s/%s", r->folder, name);
	d->fd = open(d->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->fd < 0)
		return err_set_errno(err, errno, "%s", d->path);
	struct http_request request = { .url = r->feed->url, .etag = r->etag, .last_modified = r->last_modified,
		.max_bytes = DOWNLOAD_MAX_BYTES, .start = start, .sink = add_piece, .data = d };
	int rc = feed_get(r, &request, response, err);
	if (close(d->fd) && !rc)
		rc = err_set_errno(err, errno, "%s", d->path);
	return rc;
}

/* ---------------------------------------------------------------- what came */

/* Records that a document lists, so that one that shrinks is noticed: KEV's and OpenVEX's array, a table's lines. */
static int64_t count_records(struct feed_run *r, struct span bytes)
{
	struct json root;
	struct span line;
	int64_t lines = 0;
	if (!json_parse(r->doc, bytes, &root, NULL)) {
		size_t n = RF_MAX(json_count(json_get(root, "vulnerabilities")), json_count(json_get(root, "statements")));
		return RF_MAX((int64_t)n, (int64_t)1);
	}
	while (span_line(&bytes, &line))
		lines += span_trim(line).n > 0 && line.p[0] != '#';
	return RF_MAX(lines - 1, (int64_t)1);
}

struct unpacking {
	struct feed_run *r;
	struct err *err;
};

static int take_document(const struct packed_document *d, void *data)
{
	const struct unpacking *u = data;
	int rc = feed_take(u->r, d->bytes, d->name, NULL, u->err);
	if (!rc)
		u->r->report->records += d->alone ? count_records(u->r, d->bytes) : 1;
	feed_progress(u->r, u->r->report->records, -1, "documents");
	return rc;
}

/* An ecosystem of OSV as zip (PyPI's holds 20,000 records), EPSS as one gzip. */
static int take_packed(struct feed_run *r, const char *path, struct err *err)
{
	struct unpacking u = { r, err };
	r->report->records = 0;
	return packed_each(path, take_document, &u, err);
}

static int take_file(struct feed_run *r, const char *path, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(ADVISORY_MAX_BYTES);
	int rc = sync_tree(r, path, err);
	if (!rc)
		rc = fs_read(path, &bytes, err);
	if (!rc)
		r->report->records = count_records(r, str_span(&bytes));
	return rc;
}

int sync_url(struct feed_run *r, struct err *err)
{
	struct http_response *response = rf_alloc(sizeof *response);
	struct download d = { .err = err };
	if (!response)
		return err_set(err, RF_ENOMEM, "download");
	int64_t before = r->report->records_before;
	if (before < 0) /* never taken in whole: the server is to send it */
		r->etag[0] = r->last_modified[0] = 0;
	int rc = download(r, &d, response, err);
	if (!rc && response->status == 304) {
		r->report->records = before;
	} else if (!rc && response->body_bytes == 0) {
		r->report->records = 0;
	} else if (!rc) {
		rc = packed_is(d.path) ? take_packed(r, d.path, err) : take_file(r, d.path, err);
	}
	if (!rc && r->refused) { /* looked at again next time, changed or not */
		r->etag[0] = r->last_modified[0] = 0;
	} else if (!rc && response->status != 304) {
		memcpy(r->etag, response->etag, sizeof r->etag);
		memcpy(r->last_modified, response->last_modified, sizeof r->last_modified);
	}
	rf_free(response);
	return rc;
}
