/*
 * Triton has two numberings: the server's (2.40.0) and the container's (23.11, r26.03). Bulletins use either, and which
 * server is in which container is not regular, so versions of different numberings are not comparable here: the answer
 * is unknown, where a comparison of the numbers would be wrong both ways (22.12 holds 2.29, which is below 2.40; 2.70
 * is in 26.06).
 */
#include "version/scheme_int.h"

enum { TRITON_SERVER = 1, TRITON_CONTAINER = 2 };

bool scheme_triton_read(struct span text, struct version_key *ret)
{
	struct span rest = scheme_skip_prefix(text, true);
	if (!scheme_read_numbers(&rest, 3, ret) || ret->part_count < 2)
		return false;
	/* the first container was 18.09; months run from 1 to 12 */
	if (ret->parts[0] >= 18 && ret->parts[0] < 100 && ret->parts[1] >= 1 && ret->parts[1] <= 12) {
		ret->line = TRITON_CONTAINER;
		if (span_starts(rest, "-py3") || span_starts(rest, "-min")) /* an image's tag: flavour, not version */
			return true;
	} else if (ret->parts[0] <= 9) {
		ret->line = TRITON_SERVER;
	} else {
		return false;
	}
	return scheme_read_tags(rest, ret);
}
