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
	TAG_LOCAL_WORD = 1, /* PEP 440: 1.0 < 1.0+abc < 1.0+5 < 1.0.post1; words without case */
	TAG_LOCAL_NUMBER = 2,
	TAG_POST = 10,
	TAG_LETTER = 11, /* 10.24.09a comes behind 10.24.09 */
};

/* Cuts "v" or "V" (and "r", "R" when @with_r) off the front when a digit follows. */
struct span scheme_skip_prefix(struct span text, bool with_r);
/* Reads NUMBER(.NUMBER)* from the front of *rest, 1 to @max_parts; more parts, and a number above 2^63, are false. */
bool scheme_read_numbers(struct span *rest, size_t max_parts, struct version_key *key);
/* Reads pre- and post-release words to the end of @rest, and a local part "+cu118", which does not count; false when
 * anything else is left. */
bool scheme_read_tags(struct span rest, struct version_key *key);

/* scheme_read_tags() without the local part: what is left is in *rest. */
bool scheme_read_tag_run(struct span *rest, struct version_key *key);

bool scheme_is_digit(char c);
bool scheme_is_letter(char c);
/* A blank at the front of @s, of one or more bytes (U+00A0 too): how many bytes, 0 for none. */
size_t scheme_blank_at(struct span s);
/* Cuts digits off the front; false when there are none or they exceed 2^63 - 1. */
bool scheme_read_number(struct span *rest, uint64_t *ret);

bool scheme_tensorrt_read(struct span text, struct version_key *ret);
bool scheme_release_read(struct span text, struct version_key *ret);
bool scheme_semver_read(struct span text, struct version_key *ret);
bool scheme_cuda_read(struct span text, struct version_key *ret);
bool scheme_triton_read(struct span text, struct version_key *ret);
bool scheme_dotted_read(struct span text, struct version_key *ret);
bool scheme_plain_read(struct span text, struct version_key *ret);
bool scheme_pep440_read(struct span text, struct version_key *ret);
bool scheme_deb_read(struct span text, struct version_key *ret);
bool scheme_rpm_read(struct span text, struct version_key *ret);
bool scheme_driver_read(struct span text, struct version_key *ret);
bool scheme_container_read(struct span text, struct version_key *ret);
bool scheme_generic_read(struct span text, struct version_key *ret);
bool scheme_git_read(struct span text, struct version_key *ret);

enum version_order scheme_deb_compare(const struct version_key *a, const struct version_key *b);
enum version_order scheme_rpm_compare(const struct version_key *a, const struct version_key *b);
enum version_order scheme_git_compare(const struct version_key *a, const struct version_key *b);
enum version_order scheme_triton_compare(const struct version_key *a, const struct version_key *b);
uint64_t scheme_driver_branch(const struct version_key *key);
/* The comparison by parts and tags, which most schemes use. */
enum version_order scheme_numbers_compare(const struct version_key *a, const struct version_key *b);

#endif
