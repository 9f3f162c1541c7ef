/* NVIDIA's container images: YY.MM, with a patch at times: 25.07, r26.03, 24.04.1; a tag's flavour (25.07-py3) is not
 * version. */
#include "version/scheme_int.h"

bool scheme_container_read(struct span text, struct version_key *ret)
{
	struct span rest = scheme_skip_prefix(text, true);
	if (!scheme_read_numbers(&rest, 4, ret) || ret->part_count < 2 || ret->parts[0] < 16 || ret->parts[0] > 99 ||
	    ret->parts[1] < 1 || ret->parts[1] > 12)
		return false;
	return !rest.n || span_starts(rest, "-py3") || span_starts(rest, "-min") || scheme_read_tags(rest, ret);
}
