/* policies:, waivers: and vex: of reforge.yaml - what the gate does about what it finds (policy.h). */
#include "workspace/workspace.h"

#include "format/image_reference.h"
#include "workspace/tables.h"

static const char *const actions[] = { "inherit", "allow", "warn", "deny", NULL };
static const char *const modes[] = { "inherit", "enforce", "audit", NULL };
static const char *const signatures[] = { "none", "release", "provenance", "proof", NULL };

const char *workspace_signature_name(enum workspace_signature s)
{
	return (size_t)s + 1 < RF_COUNT(signatures) ? signatures[s] : "none";
}

unsigned workspace_signature_bit(enum workspace_signature s)
{
	return s == WORKSPACE_SIGNATURE_NONE ? 0 : 1U << ((unsigned)s - 1);
}

#define PERIOD_ACCEPTS "a duration (7d, 12h), or none"
#define SCORE_ACCEPTS "a CVSS score from 0.0 to 10.0, or never"

static int read_period(struct options_reader *r, struct span text, void *target)
{
	struct workspace_period *to = target;
	if (!span_eq_text(text, "none") && duration_read(text, &to->usec, NULL))
		return options_refuse(r, RF_EFORMAT, "\"%.*s\" is not %s", (int)RF_MIN(text.n, (size_t)80), text.p,
				      PERIOD_ACCEPTS);
	to->is_set = true;
	return 0;
}

/* Scores have one decimal: 7, 7.0, 10.0. */
static bool read_tenths(struct span text, int *ret)
{
	size_t dot = span_find_byte(text, '.');
	struct span whole = span_sub(text, 0, dot), part = dot == SIZE_MAX ? SPAN("0") : span_from(text, dot + 1);
	uint64_t units, tenths;
	if (part.n != 1 || whole.n > 2 || !span_u64(whole, &units) || !span_u64(part, &tenths) || 10 * units + tenths > 100)
		return false;
	*ret = (int)(10 * units + tenths);
	return true;
}

static int read_score(struct options_reader *r, struct span text, void *target)
{
	struct workspace_score *to = target;
	if (span_eq_text(text, "never"))
		to->tenths = WORKSPACE_SCORE_NEVER;
	else if (!read_tenths(text, &to->tenths))
		return options_refuse(r, RF_EFORMAT, "\"%.*s\" is not %s", (int)RF_MIN(text.n, (size_t)80), text.p,
				      SCORE_ACCEPTS);
	to->is_set = true;
	return 0;
}

#define PERIOD(key, member, words)                                                                       \
	{                                                                                                \
		key, OPTION_CUSTOM, offsetof(struct workspace_policy, member), .custom = read_period,    \
			.accepts = PERIOD_ACCEPTS, .pattern = "^(none|([0-9]+(ms|[smhdw]))+)$", .help = (words) \
	}
#define SCORE(key, member, words)                                                                       \
	{                                                                                               \
		key, OPTION_CUSTOM, offsetof(struct workspace_policy, member), .custom = read_score,    \
			.accepts = SCORE_ACCEPTS, .pattern = "^(never|10(\\.0)?|[0-9](\\.[0-9])?)$", .help = (words) \
	}
#define ACTION(key, member, words) \
	{ key, OPTION_ENUM, offsetof(struct workspace_policy, member), .choices = actions, .help = (words) }

static const struct option severity_rows[] = {
	SCORE("warn", warn_from, "affected from this CVSS score on warns; below both it is allowed; built in: 0.0"),
	SCORE("deny", deny_from, "affected from this CVSS score on is denied; without a score it counts as 10.0; built in: 0.0"),
};
static const struct options severity_options =
	OPTIONS(severity_rows, "from which CVSS score on an advisory counts; what KEV lists is denied whatever its score");

static const struct option minimum_row = { .key = "",
					   .kind = OPTION_TEXT,
					   .at = offsetof(struct workspace_minimum, version) };
static const struct option_items minimum_items = { .bytes = sizeof(struct workspace_minimum),
						   .max = 64,
						   .key_at = offsetof(struct workspace_minimum, product),
						   .scalar = &minimum_row };

static const struct option name_item = { .key = "", .kind = OPTION_NAME };
static const struct option_items name_items = { .bytes = sizeof(char *),
						.max = WORKSPACE_POLICY_MAX_NAMES,
						.scalar = &name_item };
static const struct option registry_item = { .key = "", .kind = OPTION_TEXT };
static const struct option_items place_items = { .bytes = sizeof(char *), .max = 1000, .scalar = &registry_item };
static const struct option signature_item = { .key = "", .kind = OPTION_ENUM, .choices = signatures };
static const struct option_items signature_items = { .bytes = sizeof(enum workspace_signature),
						     .max = 8,
						     .scalar = &signature_item };

static const struct option policy_rows[] = {
	{ "services", OPTION_LIST, offsetof(struct workspace_policy, services), .items = &name_items,
	  .count_at = offsetof(struct workspace_policy, services_n), .help = "it holds for; left out: every service" },
	{ "environments", OPTION_LIST, offsetof(struct workspace_policy, environments), .items = &name_items,
	  .count_at = offsetof(struct workspace_policy, environments_n),
	  .help = "it holds in; left out: every environment" },
	{ "mode", OPTION_ENUM, offsetof(struct workspace_policy, mode), .choices = modes,
	  .help = "audit: what would be denied is let through with a warning; built in: enforce" },
	ACTION("unknown", unknown, "findings that cannot be told; built in: warn"),
	ACTION("conflict", conflict, "evidence that disagrees; built in: deny"),
	ACTION("unknown_subject", unknown_subject, "images and files that were never seen; built in: warn"),
	ACTION("stale_feeds", stale, "a feed of advisories is stale, so that its silence proves nothing; built in: warn"),
	ACTION("expired_bundle", expired,
	       "the bundle that is judged by has ended, or the clock is before it was made; built in: deny"),
	ACTION("unsigned", unsigned_, "a signature that is required is missing; built in: deny"),
	{ "severity", OPTION_GROUP, 0, .group = &severity_options },
	PERIOD("grace", grace,
	       "after its publication an advisory warns where it would be denied, unless KEV lists it; built in: none"),
	PERIOD("engine_max_age", engine_max_age, "engines that were built longer ago are denied; built in: none"),
	{ "minimum_toolchain", OPTION_MAP, offsetof(struct workspace_policy, minimum), .items = &minimum_items,
	  .count_at = offsetof(struct workspace_policy, minimum_n),
	  .help = "oldest version that may have built an engine, by toolchain or purl" },
	{ "signatures", OPTION_LIST, offsetof(struct workspace_policy, signatures), .items = &signature_items,
	  .count_at = offsetof(struct workspace_policy, signatures_n),
	  .help = "what an engine must have, signed with the release key: release, provenance, proof" },
	{ "registries", OPTION_LIST, offsetof(struct workspace_policy, registries), .items = &place_items,
	  .count_at = offsetof(struct workspace_policy, registries_n),
	  .help = "HOST or HOST/FOLDER that images may come from; \"*\": any; built in: any" },
};
static const struct options policy_options = OPTIONS(policy_rows, "a policy of the gate");
const struct option_items policy_items = { .bytes = sizeof(struct workspace_policy),
					   .max = WORKSPACE_MAX_POLICIES,
					   .key_at = offsetof(struct workspace_policy, name),
					   .key_is_name = true,
					   .group = &policy_options };

static const struct option waivers_rows[] = {
	{ "longest", OPTION_DURATION, offsetof(struct workspace, waiver_longest_usec), .otherwise = "90d",
	  .help = "no waiver is made for longer" },
};
const struct options waivers_options = OPTIONS(waivers_rows, "rules of waivers");

static const struct option author_rows[] = {
	{ "author", OPTION_TEXT, offsetof(struct workspace_vex_author, author), .required = true,
	  .help = "the whole name, as the documents have it" },
	{ "feed", OPTION_NAME, offsetof(struct workspace_vex_author, feed),
	  .help = "only when the document came by this feed; left out: however it came" },
};
static const struct options author_options = OPTIONS(author_rows, "an author who is trusted");
static const struct option_items author_items = { .bytes = sizeof(struct workspace_vex_author),
						  .max = WORKSPACE_VEX_MAX_TRUSTED,
						  .group = &author_options };
static const struct option vex_rows[] = {
	{ "trusted", OPTION_LIST, offsetof(struct workspace_vex, trusted), .items = &author_items,
	  .count_at = offsetof(struct workspace_vex, trusted_n), .help = "authors whose statements count; none: nobody's" },
	{ "max_age", OPTION_DURATION, offsetof(struct workspace_vex, max_age_usec), .otherwise = "180d",
	  .help = "older statements excuse nothing" },
};
const struct options vex_options = OPTIONS(vex_rows, "whose OpenVEX statements excuse a finding of the gate");

/* A word that no reference could begin with would allow nothing in silence. */
static bool is_place(const char *place)
{
	char text[IMAGE_REFERENCE_MAX];
	struct image_reference ref;
	if (strcmp(place, "*") == 0)
		return true;
	(void)snprintf(text, sizeof text, "%.300s/x", place);
	return image_reference_read(span_of(text), &ref, NULL) == 0 && ref.has_host;
}

static int refuse_in(struct options_reader *r, const struct yaml_node *root, size_t i, const char *name, const char *key)
{
	r->line = yaml_line(yaml_key_at(yaml_get(root, "policies"), i));
	(void)snprintf(r->path, sizeof r->path, "policies.%.100s.%s", name, key);
	return RF_EFORMAT;
}

static int check_policy(struct options_reader *r, const struct workspace *w, const struct yaml_node *root, size_t i)
{
	const struct workspace_policy *p = &w->policies[i];
	for (size_t k = 0; k < p->environments_n; k++)
		if (!workspace_environment(w, span_of(p->environments[k])))
			return options_refuse(r, refuse_in(r, root, i, p->name, "environments"),
					      "no environment \"%.80s\" in this file; write it under environments:",
					      p->environments[k]);
	for (size_t k = 0; k < p->registries_n; k++)
		if (!is_place(p->registries[k]))
			return options_refuse(r, refuse_in(r, root, i, p->name, "registries"),
					      "\"%.100s\" is no place of images: registry.example, registry.example:5000/site, "
					      "docker.io/library, or \"*\"",
					      p->registries[k]);
	if (p->warn_from.is_set && p->deny_from.is_set && p->warn_from.tenths > p->deny_from.tenths)
		return options_refuse(r, refuse_in(r, root, i, p->name, "severity"),
				      "warn is higher than deny, so that it would never be reached");
	return 0;
}

int check_policies(struct options_reader *r, const struct workspace *w, const struct yaml_node *root)
{
	int rc = 0;
	for (size_t i = 0; i < w->policies_n && rc == 0; i++)
		rc = check_policy(r, w, root, i);
	for (size_t i = 0; i < w->vex.trusted_n && rc == 0; i++) {
		const char *feed = w->vex.trusted[i].feed;
		if (!feed || workspace_feed(w, span_of(feed)))
			continue;
		r->line = yaml_line(yaml_get(root, "vex"));
		(void)snprintf(r->path, sizeof r->path, "vex.trusted[%zu].feed", i);
		rc = options_refuse(r, RF_EFORMAT, "no feed \"%.80s\" in this file; write it under feeds:", feed);
	}
	return rc;
}
