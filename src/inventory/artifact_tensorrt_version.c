/*
 * Does the format of an archive fit the TensorRT version that it states? Who edits a version edits every statement of
 * it; the serialization tag, the header's layout and the container stay those of the version that wrote the plan.
 * Source: tensorrt-plan-format, sections 2 and 3, as measured on real plans and timing caches.
 *
 * Only what was measured for other versions objects. A tag that no row has, and what is newer than every row, is of a
 * version that did not exist when this was written: nothing is said of it.
 */
#include "inventory/artifact_int.h"

#define V(major, minor, patch, build) \
	((uint32_t)(major) << 24 | (uint32_t)(minor) << 16 | (uint32_t)(patch) << 8 | (uint32_t)(build))
#define NEWEST_MEASURED V(11, 2, 255, 255)
#define CONTAINER_FROM V(8, 6, 1, 6)
#define BARE_UP_TO V(8, 5, 2, 2)

/* By version. Tags are not monotonic, and of 9.x only some are known: its row reaches from those to the next version. */
static const struct tag_row {
	uint32_t from, to, low, high;
} tags_first[] = {
	{ V(6, 0, 1, 10), V(6, 0, 1, 10), 170, 170 },
	{ V(7, 0, 0, 11), V(7, 0, 0, 11), 194, 194 },
	{ V(7, 1, 0, 16), V(7, 1, 0, 16), 209, 209 },
	{ V(7, 1, 3, 0), V(7, 1, 3, 4), 211, 211 },
}, tags[] = {
	{ V(8, 2, 1, 8), V(8, 2, 3, 0), 205, 205 },
	{ V(8, 4, 1, 5), V(8, 4, 1, 5), 213, 213 },
	{ V(8, 5, 0, 0), V(8, 5, 0, 255), 237, 237 }, /* early access */
	{ V(8, 5, 1, 7), V(8, 5, 2, 2), 232, 232 },
	{ V(8, 6, 1, 6), V(8, 6, 1, 6), 236, 236 },
	{ V(9, 0, 0, 0), V(9, 255, 255, 255), 226, 237 },
	{ V(10, 0, 1, 6), V(10, 0, 1, 6), 237, 237 },
	{ V(10, 3, 0, 26), V(10, 9, 0, 34), 239, 239 },
	{ V(10, 15, 1, 29), V(10, 15, 1, 29), 240, 240 },
	{ V(11, 0, 0, 114), NEWEST_MEASURED, 243, 243 },
};

/* Between the last version that was seen with another layout before, and the first with another one after. */
static const struct layout_row {
	const char *layout;
	uint32_t after, before;
} layouts[] = {
	{ "P1", 0, V(8, 0, 1, 6) },
	{ "P2", V(7, 1, 3, 4), V(8, 2, 1, 8) },
	{ "P3", V(8, 0, 1, 6), V(10, 6, 0, 26) },
	{ "P4", V(10, 5, 0, 18), UINT32_MAX },
};

/* Which tags @version may have: those of its row, or what lies between the rows before and behind it. */
static bool tag_fits(const struct tag_row *rows, size_t n, uint32_t version, uint32_t tag)
{
	uint32_t low = 0, high = UINT32_MAX;
	bool known = false;
	for (size_t i = 0; i < n; i++)
		known = known || rows[i].low == tag || rows[i].high == tag;
	if (!known)
		return true;
	for (size_t i = 0; i < n; i++) {
		if (version >= rows[i].from && version <= rows[i].to)
			return tag >= rows[i].low && tag <= rows[i].high;
		if (version > rows[i].to) {
			low = rows[i].low;
			high = i + 1 < n ? RF_MAX(rows[i].high, rows[i + 1].high) : UINT32_MAX;
			low = i + 1 < n ? RF_MIN(low, rows[i + 1].low) : low;
		} else if (i == 0) {
			high = rows[0].high;
		}
	}
	return tag >= low && tag <= high;
}

/* NULL: it fits. */
static const char *misfit(const struct tensorrt_archive *archive, uint32_t version, bool contained)
{
	bool first = strcmp(archive->layout, "P1") == 0, second = strcmp(archive->layout, "P2") == 0;
	if (first ? !tag_fits(tags_first, RF_COUNT(tags_first), version, archive->tag) :
		    !second && !tag_fits(tags, RF_COUNT(tags), version, archive->tag))
		return "its format's tag is one of other versions";
	if (version > NEWEST_MEASURED)
		return NULL;
	for (size_t i = 0; i < RF_COUNT(layouts); i++)
		if (strcmp(layouts[i].layout, archive->layout) == 0 &&
		    (version <= layouts[i].after || version >= layouts[i].before))
			return "its header has the layout of other versions";
	if (contained && version <= BARE_UP_TO)
		return "that version has no container";
	return !contained && version >= CONTAINER_FROM ? "that version has a container, and there is none" : NULL;
}

void tensorrt_version_check(struct artifact_reading *r, const struct tensorrt_archive *archive, bool contained)
{
	const unsigned char *v = archive->version;
	uint32_t version = V(v[0], v[1], v[2], v[3]);
	if (!archive->layout || !archive->has_version || version == 0)
		return;
	const char *why = misfit(archive, version, contained);
	if (!why)
		return;
	char text[TENSORRT_VERSION_BYTES];
	tensorrt_version_text(v, text);
	artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "version_mismatch",
			"version_mismatch: the archive says TensorRT %s, and was written by another: %s (layout %s, tag %u)", text,
			why, archive->layout, archive->tag);
}
