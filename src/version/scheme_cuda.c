/*
 * CUDA Toolkit: updates are the third part: 12.9 Update 1 = 12.9U1 = 12.9.1 (nvcc and the packages write it so).
 */
#include "version/scheme_int.h"

bool scheme_cuda_read(struct span text, struct version_key *ret)
{
	struct span rest = scheme_skip_prefix(text, false);
	if (!scheme_read_numbers(&rest, 3, ret))
		return false;
	if (!rest.n)
		return true;
	if (rest.p[0] == '-' || rest.p[0] == '_') /* "13.2-Update2" */
		rest = span_from(rest, 1);
	rest = span_trim(rest);
	size_t word = span_starts_nocase(rest, "update") ? 6 : span_starts_nocase(rest, "u") ? 1 : 0;
	struct span number = span_trim(span_from(rest, word));
	if (!word || ret->part_count != 2 || !span_is_digits(number) || !span_u64(number, &ret->parts[2]))
		return false;
	ret->part_count = 3;
	return ret->parts[2] <= INT64_MAX;
}
