/* What an archive begins like. */
#include "format/archive.h"

/* A tar header's checksum: the sum of its 512 bytes with its own eight as blanks, in octal. POSIX.1-1988 and UNIX v7.
 */
static bool is_tar(struct span s)
{
	if (s.n < 512 || s.p[0] == '\0')
		return false;
	unsigned sum = 0, says = 0;
	for (size_t i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)s.p[i];
	size_t digits = 0;
	for (size_t i = 148; i < 156; i++) {
		if (s.p[i] >= '0' && s.p[i] <= '7') {
			says = says * 8 + (unsigned)(s.p[i] - '0');
			digits++;
		} else if (digits || s.p[i] != ' ') {
			break;
		}
	}
	return digits >= 3 && says == sum;
}

const char *archive_sniff_format(struct span s)
{
	static const struct {
		const char *format, *bytes;
		size_t n, at;
	} marks[] = { { "zip", "PK\x03\x04", 4, 0 },
		      { "zip", "PK\x05\x06", 4, 0 },
		      { "gzip", "\x1f\x8b", 2, 0 },
		      { "bzip2", "BZh", 3, 0 },
		      { "xz",
			"\xfd"
			"7zXZ",
			6, 0 },
		      { "zstd", "\x28\xb5\x2f\xfd", 4, 0 },
		      { "cpio", "070701", 6, 0 },
		      { "cpio", "070702", 6, 0 },
		      { "cpio", "070707", 6, 0 },
		      { "tar", "ustar", 5, 257 } };
	for (size_t i = 0; i < RF_COUNT(marks); i++)
		if (s.n >= marks[i].at + marks[i].n && !memcmp(s.p + marks[i].at, marks[i].bytes, marks[i].n))
			return marks[i].format;
	return is_tar(s) ? "tar" : NULL;
}

bool archive_sniff(struct span s)
{
	return archive_sniff_format(s) != NULL;
}
