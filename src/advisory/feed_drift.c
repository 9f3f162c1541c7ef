/* feed_drift - members that a format does not name: the first sign that a source moves on. Pure. */
#include "advisory/feed_int.h"

/* CSAF 2.0, 3.2; OSV 1.x, schema.md; KEV's and OpenVEX's schemas; CVE 5.1. */
static const char *const csaf_keys[] = { "$schema", "document", "product_tree", "vulnerabilities", NULL };
static const char *const osv_keys[] = { "schema_version", "id", "modified", "published", "withdrawn", "aliases", "related", "upstream",
	"summary", "details", "severity", "affected", "references", "credits", "database_specific", NULL };
static const char *const kev_keys[] = { "$schema", "title", "catalogVersion", "dateReleased", "count", "vulnerabilities", NULL };
static const char *const openvex_keys[] = { "@context", "@id", "author", "role", "timestamp", "last_updated", "version", "tooling",
	"statements", NULL };
static const char *const cve_keys[] = { "dataType", "dataVersion", "cveMetadata", "containers", NULL };
/* the API's schema 2.0 of NVD, with what was added in June 2026 */
static const char *const nvd_keys[] = { "id", "sourceIdentifier", "vulnStatus", "published", "lastModified", "evaluatorComment",
	"evaluatorImpact", "evaluatorSolution", "cisaExploitAdd", "cisaActionDue", "cisaRequiredAction", "cisaVulnerabilityName", "cveTags",
	"descriptions", "vendorComments", "metrics", "weaknesses", "configurations", "references", "affected", NULL };

static const struct {
	const char *format;
	const char *const *keys;
} FORMATS[] = {
	{ "csaf", csaf_keys }, { "osv", osv_keys }, { "kev", kev_keys }, { "openvex", openvex_keys }, { "cve", cve_keys },
};

static bool listed(const char *const *keys, struct span key)
{
	for (; *keys; keys++)
		if (span_eq_text(key, *keys))
			return true;
	return false;
}

static void note(struct drift *d, struct span key)
{
	RF_AUTO(str) text = STR_INIT(4 * KIB);
	str_add_visible(&text, span_sub(key, 0, 40));
	for (size_t i = 0; i < d->count; i++)
		if (!strncmp(d->keys[i], str_text(&text), sizeof d->keys[i] - 1))
			return;
	if (d->count < DRIFT_MAX_KEYS)
		(void)snprintf(d->keys[d->count++], sizeof d->keys[0], "%s", str_text(&text));
}

static void look(struct drift *d, const char *const *keys, struct json object)
{
	if (json_kind(object) != JSON_OBJECT)
		return;
	for (struct json_each e = json_each(object); json_next(&e);)
		if (!listed(keys, e.key))
			note(d, e.key);
}

void drift_look(struct drift *d, const char *format, struct json root)
{
	for (size_t i = 0; i < RF_COUNT(FORMATS); i++)
		if (!strcmp(format, FORMATS[i].format))
			look(d, FORMATS[i].keys, root);
}

void drift_look_bytes(struct drift *d, struct json_doc *doc, struct span bytes)
{
	struct json root;
	const char *format = NULL;
	int surest = 0;
	if (json_parse(doc, bytes, &root, NULL))
		return;
	for (const struct advisory_format *f = ADVISORY_FORMATS; f->name; f++) {
		int sure = f->sniff ? f->sniff(root) : 0;
		if (sure > surest) {
			surest = sure;
			format = f->name;
		}
	}
	if (format && surest >= 50)
		drift_look(d, format, root);
}

void drift_look_nvd(struct drift *d, struct json cve)
{
	look(d, nvd_keys, cve);
}
