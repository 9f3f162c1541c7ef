/*
 * TensorRT: major.minor.patch.build. Plans and wheels carry four parts, bulletins two or three (10.16.1), GitHub tags
 * two (v11.0). Debian packages add a revision and the CUDA they were built for: 10.16.1.11-1+cuda13.0; neither counts.
 */
#include "version/scheme_int.h"

/* "-1+cuda13.0" at the front: a revision counts as one only with its CUDA, so that "8.0-9" stays unread. */
static bool is_debian_revision(struct span s)
{
	if (!span_starts(s, "-"))
		return false;
	size_t plus = span_find_byte(s, '+');
	return plus != SIZE_MAX && span_is_digits(span_sub(s, 1, plus - 1)) && span_starts(span_from(s, plus), "+cuda");
}

bool scheme_tensorrt_read(struct span text, struct version_key *ret)
{
	struct span rest = scheme_skip_prefix(text, false);
	if (!scheme_read_numbers(&rest, 4, ret))
		return false;
	if (is_debian_revision(rest))
		rest = span_from(rest, span_find_byte(rest, '+'));
	return scheme_read_tags(rest, ret);
}
