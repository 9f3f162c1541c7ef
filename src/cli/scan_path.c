/* scan PATH - files and folders, and the images among them. */
#include "cli/scan.h"

#include "inventory/image_tag.h"
#include "inventory/scan_image.h"

static bool is_path(const char *arg)
{
	return arg[0] != '\0';
}

struct path_scanning {
	struct scanning *scanning;
	struct scan_images *images;
	struct scan_totals totals; /* of images */
};

static int inside_take(const struct scan_image *image, const struct scan_file *f, const char *inside, void *data)
{
	(void)image;
	(void)inside;
	return scanning_take(f, data);
}

static int image_take(const char *argument, void *data, struct err *err)
{
	struct path_scanning *p = data;
	struct scan_totals more = { 0 };
	int rc = scan_image_found(p->images, argument, inside_take, p->scanning, &more, err);
	scan_totals_add(&p->totals, &more);
	return rc;
}

static int run_path(const struct invocation *in, const char *const *args, size_t n, struct scanning *s, struct scan_totals *totals,
                    struct err *err)
{
	RF_AUTO(arena) maps = ARENA_INIT(SCANNING_MAP_BYTES);
	struct scan_options options = scanning_options(in, s);
	struct image_map images = { 0 };
	struct scan_totals more;
	const char *platform = option_text(in, "platform", "all");
	struct scan_options apart = options;
	struct scan_image_options o = { .scan = &apart, .all_platforms = strcmp(platform, "all") == 0 };
	options.images = &images;
	int rc = o.all_platforms ? 0 : image_platform_read(span_of(platform), &o.platform, err);
	RF_AUTO_PTR(scan_images) found = scan_images_new(&o);
	struct path_scanning p = { s, found, { 0 } };
	if (rc == 0 && !found)
		rc = err_set(err, RF_ENOMEM, "no memory to scan images");
	if (!options.no_digest) { /* an image is known by digests */
		options.image = image_take;
		options.image_data = &p;
	}
	if (rc == 0)
		rc = scanning_images(in, &maps, &images, err);
	if (rc == 0)
		rc = scan_files(args, n, &options, scanning_take, s, &more, err);
	if (rc == 0) {
		scan_totals_add(totals, &more);
		scan_totals_add(totals, &p.totals);
	}
	return rc;
}

const struct scan_source scan_source_path = { "path", is_path, run_path };
