/* Archives and compressed files: only that they are. What lies inside is scan_member.h's. */
#include "inventory/artifact.h"

#include "format/archive.h"

static bool archive_sniff_row(const struct artifact_reading *r)
{
	return archive_sniff(r->head);
}

static int archive_read_row(struct artifact_reading *r)
{
	const char *format = archive_sniff_format(r->head);
	if (!format)
		return RF_EUNREADABLE;
	r->facts->kind = ARTIFACT_ARCHIVE;
	r->facts->layout = format;
	artifact_evidence(r, "archive", 0, r->head.p, RF_MIN(r->head.n, (size_t)8), "%s", format);
	return 0;
}

const struct artifact_format artifact_format_archive = {
	.name = "archive",
	.sniff = archive_sniff_row,
	.read = archive_read_row,
};
