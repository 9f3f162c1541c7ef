/* The table of schemes, and the one comparison that serves them all. */
#include "version/scheme.h"

#include "version/scheme_int.h"

const struct scheme SCHEMES[] = {
	{ "tensorrt", "four parts: 10.16.1.11, v11.0, 8.6.0 EA", scheme_tensorrt_read, .short_is_family = true },
	{ "release", "PEP 440 and its spellings: 1.20.1, 1.3.0rc14, 1.3.0 rc14", scheme_release_read, .vers = "pypi" },
	{ "semver", "SemVer 2.0.0: 1.16.2, 1.2.0-rc.1", scheme_semver_read, .vers = "semver" },
	{ "pep440", "PEP 440: 1!2.0, 1.0rc1, 1.0.post1, 1.0+cu118", scheme_pep440_read, .epoch_first = true,
	  .vers = "pypi" },
	{ "deb", "Debian: 1:2.3-1ubuntu2, 1.0~rc1-1", scheme_deb_read, .opaque = true, .compare = scheme_deb_compare,
	  .vers = "deb" },
	{ "rpm", "RPM: 1:2.3-1.el9, 1.0~rc1, 1.0^git1", scheme_rpm_read, .opaque = true, .compare = scheme_rpm_compare,
	  .vers = "rpm" },
	{ "cuda", "12.6, 12.6U1, 12.9 Update 1", scheme_cuda_read },
	{ "driver", "570.211.01, R535", scheme_driver_read, .branch = scheme_driver_branch, .vers = "intdot" },
	{ "container", "25.07, r26.03, 24.04.1", scheme_container_read, .vers = "intdot" },
	{ "triton", "server 2.40.0 or container 25.07", scheme_triton_read, .compare = scheme_triton_compare },
	{ "dotted", "numbers with dots: 1.17.8", scheme_dotted_read, .vers = "intdot" },
	{ "generic", "2.8.2-46, 10.24.09a, 4.1 SP2", scheme_generic_read },
	{ "git", "commits, equal or not comparable", scheme_git_read, .equality_only = true, .opaque = true,
	  .compare = scheme_git_compare },
	{ "plain", "any text, equal or not comparable", scheme_plain_read, .equality_only = true, .opaque = true },
	{ NULL, NULL, NULL },
};

const struct scheme *scheme_find(struct span name)
{
	for (const struct scheme *s = SCHEMES; s->name; s++)
		if (span_eq_text(name, s->name))
			return s;
	return NULL;
}

/* Registered vers types (package-url/vers-spec), purl types and what CVE records write into versionType. */
static const struct {
	const char *type, *scheme;
} types[] = {
	{ "pypi", "pep440" },   { "python", "pep440" },     { "pep440", "pep440" },
	{ "deb", "deb" },       { "dpkg", "deb" },          { "debian", "deb" },
	{ "rpm", "rpm" },       { "semver", "semver" },     { "npm", "semver" },
	{ "golang", "semver" }, { "cargo", "semver" },      { "git", "git" },
	{ "commit", "git" },    { "intdot", "dotted" },     { "original_commit_for_fix", "git" },
	{ "cuda", "cuda" },     { "tensorrt", "tensorrt" },
};

const struct scheme *scheme_of_type(struct span type)
{
	for (size_t i = 0; i < RF_COUNT(types); i++)
		if (span_eq_nocase(span_trim(type), span_of(types[i].type)))
			return scheme_find(span_of(types[i].scheme));
	return NULL;
}

bool version_read(const struct scheme *scheme, struct span text, struct version_key *ret)
{
	text = span_trim(text);
	if (!text.n || text.n > VERSION_MAX_BYTES)
		return false;
	struct version_key key = { .text = text };
	if (!scheme->read(text, &key))
		return false;
	*ret = key;
	return true;
}

bool version_is_readable(const struct scheme *scheme, struct span text)
{
	struct version_key key;
	return version_read(scheme, text, &key);
}

static int number_compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Words in byte order, as SemVer 11.4.2 asks: "alpha" < "alpha2", "Z" < "a". */
static int word_compare(struct span a, struct span b)
{
	size_t n = RF_MIN(a.n, b.n);
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : number_compare(a.n, b.n);
}

/* PEP 440: local versions know no case. */
static int folded_compare(struct span a, struct span b)
{
	for (size_t i = 0; i < RF_MIN(a.n, b.n); i++) {
		int c = (a.p[i] | 0x20) - (b.p[i] | 0x20);
		if (c)
			return c < 0 ? -1 : 1;
	}
	return number_compare(a.n, b.n);
}

static int tag_compare(const struct version_tag *a, const struct version_tag *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	int c = number_compare(a->number, b->number);
	if (c)
		return c;
	return a->rank == TAG_LOCAL_WORD || a->rank == TAG_LETTER ? folded_compare(a->word, b->word)
								  : word_compare(a->word, b->word);
}

enum version_order scheme_numbers_compare(const struct version_key *a, const struct version_key *b)
{
	if (a->line != b->line)
		return VERSION_INCOMPARABLE;
	int c = 0;
	for (size_t i = 0; i < RF_MAX(a->part_count, b->part_count) && !c; i++)
		c = number_compare(i < a->part_count ? a->parts[i] : 0, i < b->part_count ? b->parts[i] : 0);
	static const struct version_tag nothing;
	for (size_t i = 0; i < RF_MAX(a->tag_count, b->tag_count) && !c; i++)
		c = tag_compare(i < a->tag_count ? &a->tags[i] : &nothing, i < b->tag_count ? &b->tags[i] : &nothing);
	return c < 0 ? VERSION_LESS : c > 0 ? VERSION_GREATER : VERSION_EQUAL;
}

enum version_order version_key_compare(const struct scheme *scheme, const struct version_key *a,
				       const struct version_key *b)
{
	if (scheme->compare)
		return scheme->compare(a, b);
	if (scheme->equality_only)
		return span_eq(a->text, b->text) ? VERSION_EQUAL : VERSION_INCOMPARABLE;
	return scheme_numbers_compare(a, b);
}

enum version_order version_compare(const struct scheme *scheme, struct span a, struct span b)
{
	struct version_key ka, kb;
	if (!version_read(scheme, a, &ka) || !version_read(scheme, b, &kb))
		return VERSION_INCOMPARABLE;
	return version_key_compare(scheme, &ka, &kb);
}

bool version_key_in_family(const struct scheme *scheme, const struct version_key *family,
			   const struct version_key *longer)
{
	if (version_key_compare(scheme, family, longer) == VERSION_EQUAL)
		return true;
	if (!scheme->short_is_family || family->line != longer->line || longer->part_count <= family->part_count ||
	    family->tag_count || longer->tag_count)
		return false;
	return !memcmp(family->parts, longer->parts, family->part_count * sizeof family->parts[0]);
}

bool version_on_branch(const struct scheme *scheme, const struct version_key *branch, const struct version_key *version)
{
	if (scheme->opaque)
		return false;
	if (scheme->branch)
		return branch->part_count == 1
			       ? scheme->branch(branch) == scheme->branch(version) &&
					 branch->parts[0] <= version->parts[0]
			       : !memcmp(branch->parts, version->parts, branch->part_count * sizeof branch->parts[0]);
	return branch->line == version->line && branch->part_count <= version->part_count &&
	       !memcmp(branch->parts, version->parts, branch->part_count * sizeof branch->parts[0]);
}

const char *version_order_sign(enum version_order o)
{
	switch (o) {
	case VERSION_LESS:
		return "<";
	case VERSION_EQUAL:
		return "=";
	case VERSION_GREATER:
		return ">";
	case VERSION_INCOMPARABLE:
		break;
	}
	return "?";
}
