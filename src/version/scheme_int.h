/*
 * scheme_int - what the scheme files share: reading numbers and the words behind them. Private to version/.
 */
#ifndef REFORGE_VERSION_SCHEME_INT_H
#define REFORGE_VERSION_SCHEME_INT_H

#include "version/scheme.h"

/* Ranks of struct version_tag; 0 stands for "nothing more". */
enum {
	TAG_DEV = -50,
	TAG_ALPHA = -40,
	TAG_BETA = -30,
	TAG_EARLY = -25, /* NVIDIA's EA and DP: early access, developer preview */
	TAG_CANDIDATE = -20,
	TAG_POST = 10,
};

/* Cuts "v" or "V" (and "r", "R" when @with_r) off the front when a digit follows. */
struct span scheme_skip_prefix(struct span text, bool with_r);
/* Reads NUMBER(.NUMBER)* from the front of *rest, 1 to @max_parts; more parts, and a number above 2^63, are false. */
bool scheme_read_numbers(struct span *rest, size_t max_parts, struct version_key *key);
/* Reads pre- and post-release words to the end of @rest, and a local part "+cu118", which does not count; false when
 * anything else is left. */
bool scheme_read_tags(struct span rest, struct version_key *key);

bool scheme_tensorrt_read(struct span text, struct version_key *ret);
bool scheme_release_read(struct span text, struct version_key *ret);
bool scheme_semver_read(struct span text, struct version_key *ret);
bool scheme_cuda_read(struct span text, struct version_key *ret);
bool scheme_triton_read(struct span text, struct version_key *ret);
bool scheme_dotted_read(struct span text, struct version_key *ret);
bool scheme_plain_read(struct span text, struct version_key *ret);

#endif
