/* Files that are images: names in archives, blobs of layouts. See scan_image_form.h. */
#include "inventory/scan_image_form.h"

#include "format/archive.h"

#include <unistd.h>

#define HEX_DIGITS 64
/* As many members as an archive of images may have (scan_image_archive.c). */
#define MAX_MEMBERS 100000

/* 64 hex digits in front of @s, which then is what follows them. */
static bool hex_take(struct span *s)
{
	if (s->n < HEX_DIGITS)
		return false;
	for (size_t i = 0; i < HEX_DIGITS; i++)
		if (!((s->p[i] >= '0' && s->p[i] <= '9') || (s->p[i] >= 'a' && s->p[i] <= 'f')))
			return false;
	*s = span_from(*s, HEX_DIGITS);
	return true;
}

static bool is_one_of(struct span s, const char *const *list)
{
	for (; *list; list++)
		if (span_eq_text(s, *list))
			return true;
	return false;
}

struct holding {
	bool manifest, layout, index;
};

/* False: an image holds no member of this name. */
static bool name_take(struct holding *h, struct span name)
{
	static const char *const folders[] = { "", ".", "blobs", "blobs/", "blobs/sha256", "blobs/sha256/", "repositories", NULL };
	static const char *const behind[] = { "", "/", "/json", "/VERSION", "/layer.tar", ".json", ".tar", ".tar.gz", NULL };
	if (span_starts(name, "./"))
		name = span_from(name, 2);
	h->manifest |= span_eq_text(name, "manifest.json");
	h->layout |= span_eq_text(name, "oci-layout");
	h->index |= span_eq_text(name, "index.json");
	if (span_eq_text(name, "manifest.json") || span_eq_text(name, "oci-layout") || span_eq_text(name, "index.json") ||
	    is_one_of(name, folders))
		return true;
	if (span_starts(name, "blobs/sha256/"))
		name = span_from(name, strlen("blobs/sha256/"));
	else if (span_starts(name, "sha256:"))
		name = span_from(name, strlen("sha256:"));
	return hex_take(&name) && is_one_of(name, behind);
}

static bool is_tar(struct span head)
{
	const char *format = archive_sniff_format(head);
	return format && strcmp(format, "zip") != 0 && strcmp(format, "cpio") != 0;
}

const char *scan_image_archive_form(int fd, struct span head)
{
	RF_AUTO_PTR(archive_reader) r = NULL;
	struct archive_item item;
	struct holding h = { 0 };
	if (!is_tar(head) || lseek(fd, 0, SEEK_SET) != 0 || archive_reader_open_fd(fd, &r, NULL) != 0)
		return NULL;
	for (size_t i = 0; i < MAX_MEMBERS && archive_reader_next(r, &item, NULL) == 1; i++)
		if (!item.name.n || !name_take(&h, item.name))
			return NULL;
	return h.manifest ? "docker-archive:" : h.layout && h.index ? "oci-archive:" : NULL;
}

size_t scan_image_layout_length(struct span path)
{
	static const char blobs[] = "/blobs/sha256/";
	const size_t behind = sizeof blobs - 1 + HEX_DIGITS;
	if (path.n <= behind)
		return 0;
	struct span end = span_from(path, path.n - behind);
	if (!span_starts(end, blobs))
		return 0;
	end = span_from(end, sizeof blobs - 1);
	return hex_take(&end) ? path.n - behind : 0;
}
