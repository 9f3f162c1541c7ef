/* oci:DIR - an OCI image layout in a folder; and its index.json, wherever that is. */
#include "inventory/scan_image_layout.h"

#include "base/fs.h"

#include <fcntl.h>
#include <unistd.h>

int layout_name_read(const char *rest, struct layout_name *ret, struct err *err)
{
	struct span s = span_of(rest);
	*ret = (struct layout_name){ .place = "" };
	size_t at = fs_exists(rest) ? SIZE_MAX : span_find(s, SPAN("@sha256:"));
	if (at != SIZE_MAX) {
		ret->digest = span_from(s, at + 1);
		s = span_sub(s, 0, at);
		if (!image_digest_is_valid(ret->digest))
			return err_set(err, RF_EINVALID, "%s: a digest is sha256: and 64 lower case hex digits", rest);
	}
	size_t colon = s.n == strlen(rest) && fs_exists(rest) ? SIZE_MAX : span_rfind_byte(s, ':');
	if (colon != SIZE_MAX && span_find_byte(span_from(s, colon), '/') == SIZE_MAX) {
		ret->tag = span_from(s, colon + 1);
		s = span_sub(s, 0, colon);
	}
	if (s.n >= sizeof ret->place)
		return err_set(err, RF_ETOOBIG, "a path of more than %zu bytes", sizeof ret->place - 1);
	memcpy(ret->place, s.p, s.n);
	ret->place[s.n] = '\0';
	return 0;
}

/* Names are written with and without what stands before the tag: "1.2", "site/app:1.2". */
static bool is_meant(const struct image_descriptor *d, const struct layout_name *name)
{
	if (name->digest.n && !span_eq(d->digest, name->digest))
		return false;
	if (!name->tag.n || span_eq(d->name, name->tag))
		return true;
	size_t colon = span_rfind_byte(d->name, ':');
	return colon != SIZE_MAX && span_eq(span_from(d->name, colon + 1), name->tag);
}

static int nothing_meant(const struct image_document *index, const struct layout_name *name, struct err *err)
{
	RF_AUTO(str) there = STR_INIT(600);
	for (size_t i = 0; i < index->count; i++)
		str_addf(&there, "%s%.*s", there.n ? ", " : "", SPAN_ARG(index->entries[i].name.n ? index->entries[i].name
												   : index->entries[i].digest));
	return err_set(err, RF_ENOTFOUND, "no image %.*s%.*s in index.json; there are: %s", SPAN_ARG(name->tag), SPAN_ARG(name->digest),
		       there.n ? str_text(&there) : "none");
}

int layout_take(struct image_run *run, struct span bytes, const struct layout_name *name, struct err *err)
{
	struct image_document index;
	size_t taken = 0;
	int rc = image_document_read(&run->arena, bytes, SPAN_NONE, &index, err);
	if (rc == 0 && index.kind != IMAGE_INDEX)
		rc = err_set(err, RF_EFORMAT, "is no index: it lists no manifests");
	for (size_t i = 0; rc == 0 && i < index.count; i++) {
		const struct image_descriptor *d = &index.entries[i];
		if (d->attestation || !is_meant(d, name))
			continue;
		/* several of one name (a second push keeps the first): the digest tells them apart */
		bool twice = false;
		for (size_t k = 0; k < index.count; k++)
			twice = twice || (k != i && span_eq(index.entries[k].name, d->name) && is_meant(&index.entries[k], name));
		char *text = arena_printf(&run->arena, "%s%.*s%s%.*s", d->name.n ? ":" : "", SPAN_ARG(d->name),
					  d->name.n && !twice ? "" : "@", SPAN_ARG(d->name.n && !twice ? SPAN_NONE : d->digest));
		rc = text ? image_run_descriptor(run, d, text, err) : err_set(err, RF_ENOMEM, "names of images");
		taken++;
	}
	if (rc)
		return err_in_file(err, "index.json");
	return taken ? 0 : nothing_meant(&index, name, err);
}

/* ── A folder ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct folder {
	struct layout_name name;
};

bool image_layout_is(const char *argument)
{
	char path[FS_PATH_MAX];
	return fs_is_dir(argument) && fs_join(path, sizeof path, argument, "oci-layout", NULL) == 0 && fs_exists(path);
}

static int file_read(const struct folder *f, const char *name, struct str *ret, struct err *err)
{
	char path[FS_PATH_MAX];
	int rc = fs_join(path, sizeof path, f->name.place, name, err);
	str_reset(ret);
	return rc ? rc : fs_read(path, ret, err);
}

static int folder_open(struct image_run *run, const char *rest, void **ret, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(IMAGE_MAX_DOCUMENT_BYTES);
	struct folder *f = rf_alloc(sizeof *f);
	if (!f)
		return err_set(err, RF_ENOMEM, "an image layout");
	*ret = f;
	int rc = layout_name_read(rest, &f->name, err);
	if (rc == 0)
		rc = file_read(f, "oci-layout", &bytes, err);
	if (rc == RF_ENOTFOUND)
		return err_set(err, rc, "%s is no OCI image layout: it holds no file oci-layout", f->name.place);
	if (rc == 0)
		rc = image_layout_check(str_span(&bytes), err);
	if (rc == 0)
		rc = file_read(f, "index.json", &bytes, err);
	run->prefix = arena_printf(&run->arena, "oci:%s", f->name.place);
	if (rc == 0 && !run->prefix)
		rc = err_set(err, RF_ENOMEM, "an image layout");
	return rc ? rc : layout_take(run, str_span(&bytes), &f->name, err);
}

static int blob_path(const struct folder *f, struct span digest, char *path, size_t size, struct err *err)
{
	char name[96]; /* the digest was checked: 64 hex digits */
	(void)snprintf(name, sizeof name, "blobs/sha256/%.*s", SPAN_ARG(span_from(digest, 7)));
	return fs_join(path, size, f->name.place, name, err);
}

static int folder_document(void *data, const struct image_descriptor *d, struct str *ret, struct err *err)
{
	char path[FS_PATH_MAX];
	int rc = blob_path(data, d->digest, path, sizeof path, err);
	return rc ? rc : fs_read(path, ret, err);
}

static int blob_give(struct image_feed *feed, int fd, struct err *err)
{
	unsigned char *room;
	uint64_t at = 0;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	for (;;) {
		size_t n = 0;
		int rc = image_feed_room(feed, &room);
		if (rc == 0)
			rc = fs_pread(fd, room, SCAN_PIPE_PIECE_BYTES, at, &n, err);
		if (rc || n == 0)
			return rc;
		rc = image_feed_wrote(feed, room, n);
		if (rc)
			return rc;
		at += n;
	}
}

static int folder_feed(void *data, struct image_feed *feed, struct err *err)
{
	char path[FS_PATH_MAX];
	for (size_t i = 0; i < image_feed_count(feed); i++) {
		int fd = -1;
		struct err own = ERR_INIT;
		int rc = blob_path(data, image_feed_wanted(feed, i)->digest, path, sizeof path, err);
		if (rc == 0)
			rc = fs_open_regular(path, false, &fd, NULL, &own);
		if (rc) {
			image_feed_absent(feed, i, rc, &own);
			continue;
		}
		rc = image_feed_begin(feed, i);
		if (rc == 0)
			rc = image_feed_end(feed, blob_give(feed, fd, &own), &own);
		close(fd);
		if (rc)
			return rc;
	}
	return 0;
}

const struct image_source image_source_oci = { "oci:", folder_open, folder_document, folder_feed, rf_free };
