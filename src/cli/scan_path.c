/* scan PATH - files and folders. */
#include "cli/scan.h"

#include "inventory/image_tag.h"

static bool is_path(const char *arg)
{
	return arg[0] != '\0';
}

static int run_path(const struct invocation *in, const char *const *args, size_t n, struct scanning *s, struct scan_totals *totals,
                    struct err *err)
{
	RF_AUTO(arena) maps = ARENA_INIT(SCANNING_MAP_BYTES);
	struct scan_options options = scanning_options(in, s);
	struct image_map images = { 0 };
	struct scan_totals more;
	options.images = &images;
	int rc = scanning_images(in, &maps, &images, err);
	if (rc == 0)
		rc = scan_files(args, n, &options, scanning_take, s, &more, err);
	if (rc == 0)
		scan_totals_add(totals, &more);
	return rc;
}

const struct scan_source scan_source_path = { "path", is_path, run_path };
