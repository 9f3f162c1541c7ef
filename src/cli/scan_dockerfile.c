/* scan DOCKERFILE - the images that it builds on, and what their tags prove. Those in a folder are met by scan_path.c. */
#include "cli/scan.h"

#include "base/fs.h"
#include "crypto/digest.h"
#include "inventory/dockerfile.h"

static bool is_dockerfile(const char *arg)
{
	struct span path = span_of(arg);
	size_t slash = span_rfind_byte(path, '/');
	return dockerfile_named(slash == SIZE_MAX ? path : span_from(path, slash + 1)) && !fs_is_dir(arg) && fs_exists(arg);
}

int scanning_images(const struct invocation *in, struct arena *a, struct image_map *ret, struct err *err)
{
	const char *path = option_text(in, "image-map", NULL);
	RF_AUTO(str) bytes = STR_INIT(IMAGE_MAP_MAX_BYTES);
	int rc = image_map_builtin(ret, a, err);
	if (rc < 0 || !path)
		return rc;
	rc = fs_read(path, &bytes, err);
	if (rc == 0)
		rc = image_map_read(ret, str_span(&bytes), a, err);
	return rc < 0 ? err_in_file(err, path) : 0;
}

static int dockerfile_take(const char *path, struct span bytes, const struct image_map *images, struct scanning *s,
			   struct scan_totals *totals, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct artifact_facts facts;
	int rc = dockerfile_facts(bytes, images, &a, &facts, err);
	if (rc < 0)
		return err_in_file(err, path);
	struct scan_file f = { .path = path, .root = path, .has_digest = true, .facts = &facts };
	digest_of(bytes, &f.digest);
	f.identity.size = bytes.n;
	struct scan_totals more = { .files = 1,
				    .bytes_hashed = bytes.n,
				    .conflicts = facts.finding == ARTIFACT_CONFLICT,
				    .unknowns = facts.finding == ARTIFACT_UNKNOWN };
	scan_totals_add(totals, &more);
	return scanning_take(&f, s);
}

static int run_dockerfile(const struct invocation *in, const char *const *args, size_t n, struct scanning *s,
			  struct scan_totals *totals, struct err *err)
{
	RF_AUTO(arena) maps = ARENA_INIT(SCANNING_MAP_BYTES);
	struct image_map images = { 0 };
	int rc = scanning_images(in, &maps, &images, err);
	for (size_t i = 0; i < n && rc == 0; i++) {
		RF_AUTO(str) bytes = STR_INIT(DOCKERFILE_MAX_BYTES + 1);
		rc = fs_read(args[i], &bytes, err);
		if (rc == 0)
			rc = dockerfile_take(args[i], str_span(&bytes), &images, s, totals, err);
	}
	return rc;
}

const struct scan_source scan_source_dockerfile = { "dockerfile", is_dockerfile, run_dockerfile };
