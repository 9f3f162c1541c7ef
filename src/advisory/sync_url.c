/* sync_url - one document over HTTP(S): KEV, EPSS, an ecosystem of OSV as a zip. Fetched again only when the server says that
 * it changed (ETag, Last-Modified), streamed to the feed's folder, then imported from there. */
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
		rc = sync_tree(r, d.path, err);
		if (!rc && r->report->changed)
			r->report->records = RF_MAX(r->report->advisories, r->report->records);
		else if (!rc && before >= 0)
			r->report->records = before;
	}
	if (!rc && response->status != 304) {
		memcpy(r->etag, response->etag, sizeof r->etag);
		memcpy(r->last_modified, response->last_modified, sizeof r->last_modified);
	}
	rf_free(response);
	return rc;
}
