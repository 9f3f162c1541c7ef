/* Numbers with dots and nothing else: drivers (535.288.01), DCGM (4.5.2), operators (v25.3.1). */
#include "version/scheme_int.h"

bool scheme_dotted_read(struct span text, struct version_key *ret)
{
	struct span rest = scheme_skip_prefix(text, true);
	return scheme_read_numbers(&rest, VERSION_MAX_PARTS, ret) && !rest.n;
}
