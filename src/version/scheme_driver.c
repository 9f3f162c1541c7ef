/*
 * GPU drivers: 570.211.01 (Linux), 573.48 (Windows), R535 (a branch). A branch's numbers run on until the next one
 * begins, so 573.48 is R570's and 474.82 is R470's: a bulletin's row speaks of one branch only.
 */
#include "version/scheme_int.h"

bool scheme_driver_read(struct span text, struct version_key *ret)
{
	struct span rest = scheme_skip_prefix(text, true);
	return scheme_read_numbers(&rest, 4, ret) && !rest.n;
}

/* First numbers of the branches that had a bulletin or a release page; beyond the table they begin at every multiple of
 * five. */
static const uint16_t branches[] = { 304, 340, 352, 361, 367, 375, 384, 390, 396, 410, 418, 430,
				     435, 440, 450, 455, 460, 465, 470, 495, 510, 515, 520, 525,
				     530, 535, 545, 550, 555, 560, 565, 570, 575, 580 };

uint64_t scheme_driver_branch(const struct version_key *key)
{
	uint64_t first = key->parts[0];
	if (first >= 585)
		return first - first % 5;
	uint64_t branch = first;
	for (size_t i = 0; i < RF_COUNT(branches) && branches[i] <= first; i++)
		branch = branches[i];
	return branch;
}
