/*
 * Containers that are not looked into: by their first bytes, so that what may lie inside is unknown, and said to be.
 * Signatures: ar(5) with deb(5)'s first member; rpm's lead (rpm.org, "RPM v4 package format"); 7-Zip's 7zFormat.txt; RAR 1.5
 * and 5.0 (rarlab.com/technote.htm); MS-CAB; squashfs 4.0 superblock; LZ4 frame 1.6.
 */
#include "inventory/artifact.h"

static const struct {
	const char *layout, *bytes;
	size_t n;
	const char *how; /* to have it looked into all the same */
} containers[] = {
	{ "deb", "!<arch>\ndebian-binary", 21, "unpack it (dpkg-deb -x), or scan where it is installed" },
	{ "rpm", "\xed\xab\xee\xdb", 4, "unpack it (rpm2cpio), or scan where it is installed" },
	{ "7z", "7z\xbc\xaf\x27\x1c", 6, "unpack it" },
	{ "rar", "Rar!\x1a\x07", 6, "unpack it" },
	{ "cab", "MSCF\0\0\0\0", 8, "unpack it" },
	{ "squashfs", "hsqs", 4, "mount it, and scan the folder" },
	{ "lz4", "\x04\x22\x4d\x18", 4, "unpack it (lz4 -d)" },
};

static size_t find(const struct artifact_reading *r)
{
	for (size_t i = 0; i < RF_COUNT(containers); i++)
		if (r->head.n >= containers[i].n && memcmp(r->head.p, containers[i].bytes, containers[i].n) == 0)
			return i;
	return SIZE_MAX;
}

static bool unread_sniff(const struct artifact_reading *r)
{
	return find(r) != SIZE_MAX;
}

static int unread_read(struct artifact_reading *r)
{
	size_t i = find(r);
	if (i == SIZE_MAX)
		return RF_EUNREADABLE;
	r->facts->kind = ARTIFACT_UNREAD_CONTAINER;
	r->facts->layout = containers[i].layout;
	artifact_evidence(r, "container", 0, r->head.p, containers[i].n, "%s", containers[i].layout);
	artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE, "container_not_read",
			"%s: what lies inside is not looked at; %s", containers[i].layout, containers[i].how);
	return 0;
}

const struct artifact_format artifact_format_unread = {
	.name = "unread",
	.sniff = unread_sniff,
	.read = unread_read,
};
