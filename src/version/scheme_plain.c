/* A text that is only ever equal to itself: commits, builds, names. */
#include "version/scheme_int.h"

bool scheme_plain_read(struct span text, struct version_key *ret)
{
	ret->part_count = 1;
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20)
			return false;
	return true;
}
