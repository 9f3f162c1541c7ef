/*
 * docker-archive:FILE, oci-archive:FILE - images in a tar, as `docker save`, podman and skopeo write it; compressed or not.
 *
 * The archive is read forward twice: first its small documents (what images there are), then the blobs that are wanted, in the
 * order they stand in it. A plain tar is sought in, so the first time costs little.
 */
#include "inventory/scan_image_layout.h"

#include "base/fs.h"
#include "base/hash.h"
#include "format/archive.h"

#include <unistd.h>

/* Of documents in one archive: they start with '{' or '['. */
#define DOCUMENTS_BYTES (128 * MIB)
#define MAX_MEMBERS 100000

struct archive_document {
	struct span bytes;
};

struct image_archive {
	struct layout_name name;
	int fd;
	struct arena arena;
	struct map documents; /* name -> struct archive_document */
	struct map links;     /* name -> struct span: what an older `docker save` writes for a layer that is there already */
	struct map members;   /* name -> this: it is there */
	size_t count;
};

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "documents of an archive of images");
}

/* ── Once through: documents ─────────────────────────────────────────────────────────────────────────────────────── */

static struct span normal(struct image_archive *a, struct span name)
{
	char path[FS_PATH_MAX];
	if (image_path_normal(name, path, sizeof path, NULL) < 0)
		return SPAN_NONE;
	return arena_span(&a->arena, span_of(path));
}

/* A link's target is relative to its own folder: "../<hex>/layer.tar". */
static struct span link_target(struct image_archive *a, struct span name, const struct archive_item *item)
{
	char path[FS_PATH_MAX];
	size_t slash = span_rfind_byte(name, '/');
	if (item->kind == ARCHIVE_ITEM_HARDLINK || slash == SIZE_MAX)
		return normal(a, item->target);
	int n = snprintf(path, sizeof path, "%.*s/%.*s", (int)slash, name.p, SPAN_ARG(item->target));
	return n < (int)sizeof path ? normal(a, span_bytes(path, (size_t)n)) : SPAN_NONE;
}

static bool may_be_document(const struct archive_item *item)
{
	return item->size > 0 && item->size != ARCHIVE_SIZE_UNKNOWN && item->size <= IMAGE_MAX_DOCUMENT_BYTES;
}

static int document_take(struct image_archive *a, struct archive_reader *r, struct span name, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(IMAGE_MAX_DOCUMENT_BYTES);
	struct span piece;
	int rc;
	while ((rc = archive_reader_read(r, &piece, err)) == 1) {
		if (bytes.n == 0 && piece.p[0] != '{' && piece.p[0] != '[')
			return 0;
		str_add(&bytes, piece);
	}
	if (rc < 0)
		return rc;
	struct archive_document *d = arena_alloc(&a->arena, sizeof *d);
	if (!d || bytes.failed || !(d->bytes = arena_span(&a->arena, str_span(&bytes))).p || map_set(&a->documents, name, d) < 0)
		return no_memory(err);
	return 0;
}

static int item_take(struct image_archive *a, struct archive_reader *r, const struct archive_item *item, struct err *err)
{
	struct span name = normal(a, item->name);
	if (!name.n)
		return 0;
	if (a->count++ == MAX_MEMBERS)
		return err_set(err, RF_ETOOMANY, "more than %d members: no archive of images", MAX_MEMBERS);
	if (item->kind == ARCHIVE_ITEM_SYMLINK || item->kind == ARCHIVE_ITEM_HARDLINK) {
		struct span *to = arena_alloc(&a->arena, sizeof *to);
		if (!to || map_set(&a->links, name, to) < 0)
			return no_memory(err);
		*to = link_target(a, name, item);
		return 0;
	}
	if (item->kind != ARCHIVE_ITEM_FILE)
		return 0;
	if (map_set(&a->members, name, a) < 0)
		return no_memory(err);
	return may_be_document(item) ? document_take(a, r, name, err) : 0;
}

/* A reader from the archive's start. */
static int reader_open(struct image_archive *a, struct archive_reader **ret, struct err *err)
{
	if (lseek(a->fd, 0, SEEK_SET) != 0)
		return err_set(err, RF_EIO, "cannot be read from its start");
	return archive_reader_open_fd(a->fd, ret, err);
}

static int documents_read(struct image_archive *a, struct err *err)
{
	RF_AUTO_PTR(archive_reader) r = NULL;
	struct archive_item item;
	int rc = reader_open(a, &r, err);
	if (rc)
		return rc;
	while ((rc = archive_reader_next(r, &item, err)) == 1) {
		rc = item_take(a, r, &item, err);
		if (rc)
			return rc;
	}
	/* cut off behind what is needed, its layers will tell */
	return rc == RF_EFORMAT && map_get(&a->documents, SPAN("manifest.json")) ? 0 : rc;
}

static const struct archive_document *document_at(const struct image_archive *a, struct span name)
{
	return map_get(&a->documents, name);
}

/* What a name leads to, links followed; at most a few. */
static struct span member_of(const struct image_archive *a, struct span name)
{
	for (int i = 0; i < 8; i++) {
		const struct span *to = map_get(&a->links, name);
		if (!to)
			break;
		name = *to;
	}
	return name;
}

/* ── Which images ────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool saved_is_meant(const struct image_saved *s, const struct layout_name *name)
{
	for (size_t i = 0; i < s->tag_count; i++) {
		size_t colon = span_rfind_byte(s->tags[i], ':');
		if (span_eq(s->tags[i], name->tag) ||
		    (colon != SIZE_MAX && span_eq(span_from(s->tags[i], colon + 1), name->tag)))
			return true;
	}
	return name->tag.n == 0;
}

static int saved_take(struct image_run *run, struct image_archive *a, struct span list, struct err *err)
{
	struct image_saved *saved;
	size_t n, taken = 0;
	int rc = image_saved_read(&run->arena, list, &saved, &n, err);
	if (rc)
		return err_in_file(err, "manifest.json");
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (!saved_is_meant(&saved[i], &a->name))
			continue;
		struct span config = normal(a, saved[i].config);
		const struct archive_document *d = config.n ? document_at(a, member_of(a, config)) : NULL;
		for (size_t k = 0; k < saved[i].layer_count; k++)
			saved[i].layers[k] = member_of(a, normal(a, saved[i].layers[k]));
		rc = d ? image_run_saved(run, &saved[i], d->bytes, err)
		       : err_set(err, RF_EFORMAT, "manifest.json names the config %.*s, which is not in the archive",
				 SPAN_ARG(saved[i].config));
		taken++;
	}
	if (rc == 0 && taken == 0)
		return err_set(err, RF_ENOTFOUND, "no image %.*s in manifest.json, which lists %zu", SPAN_ARG(a->name.tag), n);
	return rc;
}

static int images_take(struct image_run *run, struct image_archive *a, struct err *err)
{
	const struct archive_document *layout = document_at(a, SPAN("oci-layout")), *index = document_at(a, SPAN("index.json"));
	const struct archive_document *saved = document_at(a, SPAN("manifest.json"));
	int rc = layout && index ? image_layout_check(layout->bytes, err) : 0;
	if (rc)
		return rc;
	if (layout && index) /* has what manifest.json has, and the manifests */
		return layout_take(run, index->bytes, &a->name, err);
	if (saved)
		return saved_take(run, a, saved->bytes, err);
	return err_set(err, RF_EFORMAT, "no archive of images: it holds neither manifest.json nor oci-layout and index.json");
}

static int archive_open(struct image_run *run, const char *rest, void **ret, struct err *err)
{
	struct image_archive *a = rf_alloc(sizeof *a);
	if (!a)
		return no_memory(err);
	a->fd = -1;
	a->arena = ARENA_INIT(DOCUMENTS_BYTES);
	*ret = a;
	int rc = layout_name_read(rest, &a->name, err);
	if (rc == 0)
		rc = fs_open_regular(a->name.place, false, &a->fd, NULL, err);
	run->prefix = arena_printf(&run->arena, "%s%s", run->source->scheme, a->name.place);
	if (rc == 0 && !run->prefix)
		rc = no_memory(err);
	if (rc == 0)
		rc = documents_read(a, err);
	if (rc == 0)
		rc = images_take(run, a, err);
	return rc && err ? err_prefix(err, "%s: ", a->name.place) : rc;
}

static void archive_close(void *data)
{
	struct image_archive *a = data;
	if (a->fd >= 0)
		close(a->fd);
	map_release(&a->documents);
	map_release(&a->links);
	map_release(&a->members);
	arena_release(&a->arena);
	rf_free(a);
}

static struct span blob_name(struct span digest, char *buffer, size_t size)
{
	int n = snprintf(buffer, size, "blobs/sha256/%.*s", SPAN_ARG(span_from(digest, 7)));
	return span_bytes(buffer, (size_t)n);
}

static int archive_document(void *data, const struct image_descriptor *d, struct str *ret, struct err *err)
{
	char buffer[96];
	const struct archive_document *found = document_at(data, member_of(data, blob_name(d->digest, buffer, sizeof buffer)));
	if (!found)
		return err_set(err, RF_ENOTFOUND, "%s is not in the archive", buffer);
	str_add(ret, found->bytes);
	return 0;
}

/* ── Once more: blobs ────────────────────────────────────────────────────────────────────────────────────────────── */

/* The blob that a member is; SIZE_MAX: none that is still wanted. */
static size_t blob_of(struct image_archive *a, const struct image_feed *feed, const bool *given, struct span name)
{
	char buffer[96];
	for (size_t i = 0; i < image_feed_count(feed); i++) {
		const struct image_wanted *w = image_feed_wanted(feed, i);
		struct span is = w->digest.n ? member_of(a, blob_name(w->digest, buffer, sizeof buffer)) : w->name;
		if (!given[i] && span_eq(is, name))
			return i;
	}
	return SIZE_MAX;
}

static int blob_give(struct image_feed *feed, struct archive_reader *r, struct err *err)
{
	struct span piece;
	int rc;
	while ((rc = archive_reader_read(r, &piece, err)) == 1) {
		rc = image_feed_add(feed, piece);
		if (rc)
			return rc;
	}
	return rc;
}

static int blobs_give(struct image_archive *a, struct image_feed *feed, bool *given, struct err *err)
{
	RF_AUTO_PTR(archive_reader) r = NULL;
	struct archive_item item;
	char path[FS_PATH_MAX];
	int rc = reader_open(a, &r, err);
	if (rc)
		return rc;
	while ((rc = archive_reader_next(r, &item, err)) == 1) {
		if (item.kind != ARCHIVE_ITEM_FILE || image_path_normal(item.name, path, sizeof path, NULL) < 0)
			continue;
		size_t i = blob_of(a, feed, given, span_of(path));
		if (i == SIZE_MAX)
			continue;
		given[i] = true;
		rc = image_feed_begin(feed, i);
		if (rc)
			return rc;
		struct err own = ERR_INIT;
		rc = image_feed_end(feed, blob_give(feed, r, &own), &own);
		if (rc)
			return rc;
	}
	return rc;
}

static int archive_feed(void *data, struct image_feed *feed, struct err *err)
{
	struct image_archive *a = data;
	size_t n = image_feed_count(feed);
	RF_AUTO_FREE bool *given = rf_alloc(n + 1);
	if (!given)
		return no_memory(err);
	struct err own = ERR_INIT;
	int rc = blobs_give(a, feed, given, &own);
	if (rc == RF_ENOMEM || rc == RF_ECANCELLED) {
		*err = own;
		return rc;
	}
	for (size_t i = 0; i < n; i++) {
		if (given[i])
			continue;
		if (rc == 0)
			(void)err_set(&own, RF_ENOTFOUND, "is not in the archive");
		image_feed_absent(feed, i, rc ? rc : RF_ENOTFOUND, &own);
	}
	return 0;
}

const struct image_source image_source_docker_archive = { "docker-archive:", archive_open, archive_document, archive_feed,
							  archive_close };
const struct image_source image_source_oci_archive = { "oci-archive:", archive_open, archive_document, archive_feed, archive_close };
