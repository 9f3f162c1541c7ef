/*
 * CVE JSON 5.0, 5.1 and 5.2, https://github.com/CVEProject/cve-schema: one record, of the CNA that gave the id and of
 * those who add to it (ADP containers; CISA's holds SSVC, kev, CVSS and affected).
 *
 * NVIDIA's drafts (CVE-*.json beside its bulletins) are read too: no datePublished, words for versions.
 */
#include "advisory/advisory_int.h"

struct cve5 {
	struct advisory_reader r;
	struct advisory *to;
	size_t statements, severities;
	struct span assigner;
};

int advisory_cve5_sniff(struct json root)
{
	struct json type = json_get(root, "dataType");
	if (json_kind(type) && !span_eq_text(json_string(type), "CVE_RECORD"))
		return 0;
	if (json_kind(json_get(root, "containers")) != JSON_OBJECT ||
	    json_kind(json_get(root, "cveMetadata")) != JSON_OBJECT)
		return 0;
	return json_kind(type) ? 100 : 70;
}

/* The English text of a list of {lang, value}; the first one when there is none. */
static struct span english(struct json list, const char *key)
{
	struct span best = SPAN_NONE;
	for (struct json_each it = json_each(list); json_next(&it);) {
		struct span value = json_string(json_get(it.value, key));
		if (!value.n)
			continue;
		if (span_starts_nocase(json_string(json_get(it.value, "lang")), "en"))
			return value;
		if (!best.n)
			best = value;
	}
	return best;
}

/* ── Scores and signals ──────────────────────────────────────────────────────────────────────────────────────────────
 */

static int read_ssvc(struct cve5 *c, struct json content, struct span source)
{
	struct advisory_signal *s;
	int rc = advisory_add_signal(&c->r, c->to->id, source, SIGNAL_SSVC, &s);
	if (rc)
		return rc;
	s->date = advisory_time(&c->r, content, "timestamp", NULL);
	for (struct json_each it = json_each(json_get(content, "options")); json_next(&it);)
		for (struct json_each option = json_each(it.value); json_next(&option);)
			(void)advisory_ssvc_option(s, option.key, json_string(option.value));
	return 0;
}

static int read_kev(struct cve5 *c, struct json content, struct span source)
{
	struct advisory_signal *s;
	int rc = advisory_add_signal(&c->r, c->to->id, source, SIGNAL_KEV, &s);
	if (rc)
		return rc;
	s->date = advisory_time(&c->r, content, "dateAdded", NULL);
	s->kev.due = USEC_NONE;
	return 0;
}

static int read_score(struct cve5 *c, struct json score, const char *type, struct span source)
{
	struct advisory_severity *s;
	int rc = advisory_add_severity(&c->r, c->to, &c->severities, source, type,
				       json_string(json_get(score, "vectorString")), &s);
	if (rc)
		return rc;
	s->rating = advisory_text(&c->r, score, "baseSeverity");
	advisory_stated_score(s, json_get(score, "baseScore"));
	return 0;
}

static int read_metric(struct cve5 *c, struct json metric, struct span source)
{
	static const struct {
		const char *key, *type;
	} scores[] = { { "cvssV4_0", "CVSS_V4" },
		       { "cvssV3_1", "CVSS_V3" },
		       { "cvssV3_0", "CVSS_V3" },
		       { "cvssV2_0", "CVSS_V2" } };
	for (struct json_each it = json_each(metric); json_next(&it);) {
		int rc = 0;
		for (size_t i = 0; i < RF_COUNT(scores) && !rc; i++)
			if (span_eq_text(it.key, scores[i].key))
				rc = read_score(c, it.value, scores[i].type, source);
		if (!rc && span_eq_text(it.key, "other")) {
			struct span type = json_string(json_get(it.value, "type"));
			struct json content = json_get(it.value, "content");
			if (span_eq_nocase(type, SPAN("ssvc")) || span_starts_nocase(type, "ssvcv"))
				rc = read_ssvc(c, content, source);
			else if (span_eq_nocase(type, SPAN("kev")))
				rc = read_kev(c, content, source);
		}
		if (rc)
			return rc;
	}
	return 0;
}

/* ── Containers ──────────────────────────────────────────────────────────────────────────────────────────────────────
 */

static int read_affected(struct cve5 *c, struct json container, struct span source, struct span short_name)
{
	for (struct json_each it = json_each(json_get(container, "affected")); json_next(&it);) {
		int rc = advisory_read_affected(&c->r, it.value, source, c->to, &c->statements);
		if (rc)
			return rc;
		struct advisory_statement *s = &c->to->statements[c->to->statement_count - 1];
		s->authoritative = s->product && advisory_is_own_vendor(s->product, short_name);
	}
	return 0;
}

static struct span weakness(struct cve5 *c, struct json container)
{
	for (struct json_each it = json_each(json_get(container, "problemTypes")); json_next(&it);)
		for (struct json_each d = json_each(json_get(it.value, "descriptions")); json_next(&d);) {
			struct span id = json_string(json_get(d.value, "cweId"));
			if (id.n)
				return advisory_copy(&c->r, span_trim(id));
		}
	return SPAN_NONE;
}

/* The same list of affected products twice (CISA's container often repeats the CNA's) is two statements: each with its
 * source. */
static int read_container(struct cve5 *c, struct json container, bool cna)
{
	struct span name = json_string(json_path(container, "providerMetadata", "shortName", NULL));
	struct span source = cna ? SPAN("CVE/") : SPAN("CVE/ADP/");
	if (!name.n)
		name = c->assigner;
	source = advisory_join(&c->r, source, name, SPAN_NONE);
	int rc = read_affected(c, container, source, cna ? name : SPAN_NONE);
	for (struct json_each it = json_each(json_get(container, "metrics")); !rc && json_next(&it);)
		rc = read_metric(c, it.value, source);
	if (!c->to->cwe.n)
		c->to->cwe = weakness(c, container);
	return rc;
}

static void read_state(struct cve5 *c, struct json metadata, struct json cna)
{
	struct advisory *to = c->to;
	struct span reason;
	if (span_eq_nocase(json_string(json_get(metadata, "state")), SPAN("REJECTED"))) {
		to->state = ADVISORY_REJECTED;
		to->state_reason = advisory_prose(&c->r, english(json_get(cna, "rejectedReasons"), "value"));
	} else if (advisory_text_rejects(to->summary, &reason)) {
		to->state = ADVISORY_REJECTED;
		to->state_reason = reason;
	}
}

static void read_texts(struct cve5 *c, struct json metadata, struct json cna)
{
	struct advisory *to = c->to;
	to->summary = advisory_prose(&c->r, english(json_get(cna, "descriptions"), "value"));
	to->title = advisory_prose(&c->r, json_string(json_get(cna, "title")));
	if (!to->title.n)
		to->title = advisory_cut(to->summary, 200);
	for (struct json_each it = json_each(json_get(cna, "references")); !to->url.n && json_next(&it);)
		to->url = advisory_text(&c->r, it.value, "url");
	to->published = advisory_time(&c->r, metadata, "datePublished", &to->published_has_time);
	to->modified = advisory_time(&c->r, metadata, "dateUpdated", NULL);
	to->assigner = c->assigner;
}

/* NVIDIA and Microsoft give the ids of their own products: another's id on one is a mistake in one of the two places
 * (CVE-2023-46721 was Fortinet's). */
static void warn_of_assigner(struct cve5 *c)
{
	for (size_t i = 0; i < c->to->statement_count; i++) {
		const struct product *p = c->to->statements[i].product;
		if (!p || advisory_is_own_vendor(p, c->assigner) ||
		    (!advisory_is_own_vendor(p, SPAN("nvidia")) && !advisory_is_own_vendor(p, SPAN("microsoft"))))
			continue;
		(void)advisory_warn(&c->r, "the id was given by \"%.*s\", the product is %s", SPAN_ARG(c->assigner),
				    p->name);
		return;
	}
}

static int read_record(struct cve5 *c, struct json root)
{
	struct json metadata = json_get(root, "cveMetadata"), containers = json_get(root, "containers");
	struct json cna = json_get(containers, "cna");
	struct span version = json_string(json_get(root, "dataVersion"));
	int rc = advisory_add(&c->r, &c->to);
	if (rc)
		return rc;
	if (version.n && !span_starts(version, "5."))
		(void)advisory_warn(&c->r, "dataVersion %.*s is read as 5.x", SPAN_ARG(advisory_cut(version, 20)));
	c->to->id = c->to->record_id = c->r.document->id;
	c->assigner = advisory_text(&c->r, metadata, "assignerShortName");
	read_texts(c, metadata, cna);
	read_state(c, metadata, cna);
	if (c->to->state == ADVISORY_REJECTED)
		return 0; /* what it once said of products is no statement any more */
	rc = read_container(c, cna, true);
	for (struct json_each it = json_each(json_get(containers, "adp")); !rc && json_next(&it);)
		rc = read_container(c, it.value, false);
	if (!rc)
		warn_of_assigner(c);
	return rc;
}

int advisory_cve5_parse(struct arena *a, struct json root, struct advisory_document *ret, struct err *err)
{
	struct cve5 c = { .r = { .a = a, .err = err, .document = ret } };
	struct span id = span_trim(json_string(json_path(root, "cveMetadata", "cveId", NULL)));
	if (!advisory_is_cve(id)) {
		(void)err_set(err, RF_EFORMAT, "a CVE record has an id, CVE-YYYY-NNNN (CVE record format: cveId)");
		return err ? err_in_field(err, "cveMetadata.cveId") : RF_EFORMAT;
	}
	ret->id = advisory_copy(&c.r, id);
	ret->publisher = SPAN("CVE Program");
	int rc = read_record(&c, root);
	if (!rc)
		ret->title = c.to->title;
	return advisory_finish(&c.r, rc);
}
