/*
 * Releases with pre-releases: PEP 440's order (dev < a < b < rc < final < post), in the spellings of PyPI (1.3.0rc14),
 * of NVIDIA's bulletins (v1.3.0 rc14), of npm and NuGet (1.21.0-rc.1, 1.19.0-dev.20240510). A local part (+cu118) names
 * another build of the same version. Epochs (1!2.0) are not read: no product of the table uses them.
 */
#include "version/scheme_int.h"

bool scheme_release_read(struct span text, struct version_key *ret)
{
	struct span rest = scheme_skip_prefix(text, false);
	return scheme_read_numbers(&rest, VERSION_MAX_PARTS, ret) && scheme_read_tags(rest, ret);
}
