/* sync_url - one document over HTTP(S): KEV, EPSS, an ecosystem of OSV as a zip. Fetched again only when the server says that
 * it changed (ETag, Last-Modified), streamed to the feed's folder, then imported from there. */
#include "advisory/sync_folder.h"

#include "format/archive.h"

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
	const char *path;
	struct err *err;
};

static bool is_wanted(struct span name, void *data)
{
	(void)data;
	return !name.n || span_ends(name, ".json") || span_ends(name, ".yaml") || span_ends(name, ".yml") || span_ends(name, ".csv");
}

static int take_member(const struct archive_member *m, void *data)
{
	const struct unpacking *u = data;
	RF_AUTO(str) name = STR_INIT(64 * KIB);
	str_add_text(&name, u->path);
	if (m->name.n) {
		str_add_byte(&name, '/');
		str_add_visible(&name, m->name);
	}
	int rc = str_check(&name, "name of a member", u->err);
	if (!rc)
		rc = feed_take(u->r, m->bytes, str_text(&name), NULL, u->err);
	if (!rc)
		u->r->report->records += m->name.n ? 1 : count_records(u->r, m->bytes);
	feed_progress(u->r, u->r->report->records, -1, "documents");
	return rc;
}

/* An ecosystem of OSV as zip (PyPI's holds 20,000 records), EPSS as one gzip. */
static int take_archive(struct feed_run *r, const char *path, struct err *err)
{
	struct unpacking u = { r, path, err };
	const struct archive_walk walk = { .limits = { .member_bytes = ADVISORY_MAX_BYTES, .total_bytes = 64 * GIB, .members = 4000000 },
		.want = is_wanted, .visit = take_member, .data = &u };
	r->report->records = 0;
	return archive_walk_file(path, &walk, err);
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

static int take_download(struct feed_run *r, const char *path, struct err *err)
{
	char head[512];
	size_t n = 0;
	int fd = -1;
	int rc = fs_open_regular(path, true, &fd, NULL, err);
	if (!rc)
		rc = fs_pread(fd, head, sizeof head, 0, &n, err);
	if (fd >= 0)
		(void)close(fd);
	if (rc)
		return rc;
	return archive_sniff(span_bytes(head, n)) ? take_archive(r, path, err) : take_file(r, path, err);
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
		rc = take_download(r, d.path, err);
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
