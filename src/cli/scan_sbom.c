/* scan BILL - what a bill of materials lists, as components of ours. */
#include "cli/scan.h"

#include "base/fs.h"
#include "inventory/sbom.h"

#include <sys/stat.h>
#include <unistd.h>

/* Where bomFormat or spdxVersion stand, for most tools. */
#define SNIFF_BYTES (64 * KIB)

static bool names_bill(struct span name)
{
	static const char *const ends[] = { ".json", ".spdx", ".cdx", ".bom", ".cyclonedx", ".xml" };
	for (size_t i = 0; i < RF_COUNT(ends); i++)
		if (span_ends(name, ends[i]))
			return true;
	return false;
}

/* Other members, or comments, of any length may stand in front of what says what it is. */
static bool may_say_later(struct span head)
{
	head = span_trim(span_starts(head, "\xef\xbb\xbf") ? span_from(head, 3) : head);
	return head.n && (head.p[0] == '{' || head.p[0] == '#');
}

static bool is_sbom(const char *arg)
{
	char head[SNIFF_BYTES];
	size_t n = 0;
	int fd;
	struct stat st;
	if (!names_bill(span_of(arg)) || fs_open_regular(arg, false, &fd, &st, NULL) < 0)
		return false;
	int rc = fs_pread(fd, head, sizeof head, 0, &n, NULL);
	close(fd);
	if (rc < 0 || sbom_sniff((struct span){ head, n }))
		return rc == 0;
	RF_AUTO(str) all = STR_INIT(SBOM_MAX_BYTES);
	return (uint64_t)st.st_size > n && may_say_later((struct span){ head, n }) && fs_read(arg, &all, NULL) == 0 &&
	       sbom_sniff(str_span(&all));
}

/* For people: the components that are products of ours, or all of them. */
static void rows_take(const char *path, const struct artifact_facts *bill, struct scanning *s)
{
	for (size_t i = 0; i < bill->component_count; i++)
		if (bill->components[i].where.n || s->all)
			scanning_component(s, path, &bill->components[i]);
}

static int sbom_take(const char *path, struct span bytes, const struct image_map *images, struct scanning *s,
		     struct scan_totals *totals, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(SBOM_ARENA_BYTES);
	struct sbom sbom;
	int rc = sbom_read(bytes, images, &a, &sbom, err);
	if (rc < 0)
		return err_in_file(err, path);
	struct scan_file f = { .path = path, .root = path, .has_digest = true, .facts = &sbom.facts };
	digest_of(bytes, &f.digest);
	f.identity.size = bytes.n;
	struct scan_totals more = { .files = 1,
				    .bytes_hashed = bytes.n,
				    .conflicts = sbom.facts.finding == ARTIFACT_CONFLICT,
				    .unknowns = sbom.facts.finding == ARTIFACT_UNKNOWN };
	scan_totals_add(totals, &more);
	rc = scanning_take(&f, s);
	if (rc == 0 && !s->json)
		rows_take(path, &sbom.facts, s);
	return rc;
}

static int run_sbom(const struct invocation *in, const char *const *args, size_t n, struct scanning *s, struct scan_totals *totals,
		    struct err *err)
{
	RF_AUTO(arena) maps = ARENA_INIT(SCANNING_MAP_BYTES);
	struct image_map images = { 0 };
	int rc = scanning_images(in, &maps, &images, err);
	for (size_t i = 0; i < n && rc == 0; i++) {
		RF_AUTO(str) bytes = STR_INIT(SBOM_MAX_BYTES);
		rc = fs_read(args[i], &bytes, err);
		if (rc == 0)
			rc = sbom_take(args[i], str_span(&bytes), &images, s, totals, err);
	}
	return rc;
}

const struct scan_source scan_source_sbom = { "sbom", is_sbom, run_sbom };
