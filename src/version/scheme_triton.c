/*
 * Triton has two numberings: the server's (2.40.0) and the container's (23.11, r26.03), and bulletins use either. Which
 * server is in which container is not regular (2.59.1 is 25.07), so triton.tsv says it. Both columns ascend, so a
 * version between two rows compares with everything outside of them; what lies between the same two rows, or beyond the
 * last, is not comparable: the numbers alone would be wrong both ways (22.12 holds 2.29, below 2.40; 2.70 is in 26.06).
 */
#include "version/scheme_int.h"

enum { TRITON_SERVER = 1, TRITON_CONTAINER = 2 };

struct triton_row {
	uint64_t server[3], container[2];
};

#include "version/triton.inc"

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

static struct version_key row_key(const uint64_t *parts, size_t count)
{
	struct version_key key = { .part_count = count };
	memcpy(key.parts, parts, count * sizeof *parts);
	return key;
}

static enum version_order against(const struct version_key *key, const uint64_t *parts, size_t count)
{
	struct version_key row = row_key(parts, count), own = *key;
	own.line = 0;
	return scheme_numbers_compare(&own, &row);
}

/* @container falls on a row, or between two. */
static enum version_order server_with_container(const struct version_key *server, const struct version_key *container)
{
	const struct triton_row *below = NULL, *above = NULL;
	for (size_t i = 0; i < RF_COUNT(triton_rows) && !above; i++) {
		const struct triton_row *row = &triton_rows[i];
		enum version_order o = against(container, row->container, 2);
		if (o == VERSION_EQUAL)
			return against(server, row->server, 3);
		if (o == VERSION_GREATER)
			below = row;
		else
			above = row;
	}
	if (below && against(server, below->server, 3) != VERSION_GREATER)
		return VERSION_LESS;
	if (above && against(server, above->server, 3) != VERSION_LESS)
		return VERSION_GREATER;
	return VERSION_INCOMPARABLE;
}

enum version_order scheme_triton_compare(const struct version_key *a, const struct version_key *b)
{
	if (a->line == b->line)
		return scheme_numbers_compare(a, b);
	if (a->line == TRITON_SERVER)
		return server_with_container(a, b);
	enum version_order o = server_with_container(b, a);
	return o == VERSION_INCOMPARABLE ? o : (enum version_order) - (int)o;
}
