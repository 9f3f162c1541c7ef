/*
 * NVD API 2.0, https://nvd.nist.gov/developers/vulnerabilities: a page, a single record as mirrors keep them, and the
 * overrides of nvd-overrides (configurations for records that NIST has not analysed).
 *
 * Configurations: each is nodes joined by AND or OR (OR when it does not say), each node cpeMatch criteria likewise.
 * What is vulnerable is a statement, one per product and configuration; what it runs on or with (vulnerable: false, or
 * the other nodes of an AND) is the statement's platform. A negated node that holds a product is not read, but for
 * review. NVD's metrics, and since 2026 affected[] in the form of CVE 5 (advisory_affected.c) and ssvcV203, are read
 * when they are there.
 */
#include "advisory/advisory_nvd.h"

#include "advisory/advisory_int.h"
#include "version/cpe.h"

/* cpeMatch of one record; the kernel's have 8,000. */
#define NVD_MAX_MATCHES 65536
#define NVD_SHOWN 20
#define NVD_SHOWN_PLATFORMS 8

struct nvd_match {
	struct json json;
	struct cpe cpe;
	struct span key; /* "a:nvidia:tensorrt:*": part, vendor, product as written */
	uint32_t next;   /* index + 1 of the next of the same key; 0: none */
	uint32_t node;
	bool first, negated;
};

struct nvd {
	struct advisory_reader r;
	struct advisory *to;
	size_t statements, severities;
	struct nvd_match *matches;
	size_t match_count;
};

int advisory_nvd_sniff(struct json root)
{
	if (span_eq_text(json_string(json_get(root, "format")), "NVD_CVE") &&
	    json_kind(json_get(root, "vulnerabilities")) == JSON_ARRAY)
		return 100;
	struct json cve = json_get(root, "cve");
	if (json_kind(json_get(root, "_annotation")) == JSON_OBJECT && json_kind(cve) == JSON_OBJECT)
		return 90;
	if (json_kind(cve) == JSON_OBJECT)
		root = cve;
	if (json_string(json_get(root, "id")).n && json_string(json_get(root, "sourceIdentifier")).n)
		return json_kind(json_get(root, "vulnStatus")) ? 95 : 60;
	return 0;
}

/* ── Configurations ──────────────────────────────────────────────────────────────────────────────────────────────────
 */

/* Part, vendor, product and target software as they stand in the text: neighbours, so one span but for the target. */
static struct span match_key(const struct cpe *c)
{
	const char *from = c->at[CPE_PART].p, *end = c->at[CPE_PRODUCT].p + c->at[CPE_PRODUCT].n;
	return from < end ? (struct span){ from, (size_t)(end - from) } : SPAN_NONE;
}

static bool same_product(const struct nvd_match *a, const struct nvd_match *b)
{
	return a->negated == b->negated && span_eq_nocase(a->key, b->key) &&
	       span_eq(a->cpe.at[CPE_TARGET_SW], b->cpe.at[CPE_TARGET_SW]);
}

static bool is_vulnerable(struct json match)
{
	bool b = true; /* the schema wants it; what leaves it out lists vulnerable software */
	return !json_bool(json_get(match, "vulnerable"), &b) || b;
}

static bool is_negated(struct json v)
{
	bool b;
	return json_bool(json_get(v, "negate"), &b) && b;
}

static int read_node(struct nvd *n, struct json node, uint32_t number, bool negated)
{
	for (struct json_each it = json_each(json_get(node, "cpeMatch")); json_next(&it);) {
		struct span criteria = json_string(json_get(it.value, "criteria"));
		if (!criteria.n)
			criteria = json_string(json_get(it.value, "cpe23Uri"));
		struct nvd_match *m = &n->matches[n->match_count];
		*m = (struct nvd_match){ .json = it.value, .node = number, .negated = negated };
		if (cpe_read(criteria, &m->cpe, NULL)) {
			(void)advisory_warn(&n->r, "\"%.*s\" is no CPE name: ignoring it",
					    SPAN_ARG(advisory_cut(criteria, 100)));
			continue;
		}
		m->key = match_key(&m->cpe);
		n->match_count++;
	}
	return 0;
}

/* Links the matches of one product; most lists hold one product, so the last group comes first. */
static void link_groups(struct nvd *n)
{
	size_t heads = 0;
	uint32_t *head = arena_array(n->r.a, n->match_count + 1, sizeof *head),
		 *tail = arena_array(n->r.a, n->match_count + 1, sizeof *tail);
	if (!head || !tail) {
		n->r.failed = RF_ENOMEM;
		return;
	}
	for (size_t i = 0; i < n->match_count; i++) {
		struct nvd_match *m = &n->matches[i];
		if (!is_vulnerable(m->json))
			continue;
		size_t g = heads;
		while (g > 0 && !same_product(&n->matches[head[g - 1]], m))
			g--;
		if (!g) {
			m->first = true;
			head[heads] = tail[heads] = (uint32_t)i;
			heads++;
		} else {
			n->matches[tail[g - 1]].next = (uint32_t)i + 1;
			tail[g - 1] = (uint32_t)i;
		}
	}
}

static void add_cpe_words(struct str *words, const struct cpe *c)
{
	char vendor[128], product[128], version[128];
	struct span v = cpe_plain(c->at[CPE_VERSION], version, sizeof version);
	str_addf(words, "%s %s", cpe_plain(c->at[CPE_VENDOR], vendor, sizeof vendor).p,
		 cpe_plain(c->at[CPE_PRODUCT], product, sizeof product).p);
	if (!cpe_is_any(c->at[CPE_VERSION]) && !cpe_is_na(c->at[CPE_VERSION]))
		str_addf(words, " %.*s", SPAN_ARG(v));
}

/* "linux; on nvidia tesla t4, ...": target software, and the other nodes of an AND. */
static struct span platform_words(struct nvd *n, const struct nvd_match *of, bool all_nodes)
{
	struct str *words = advisory_scratch(&n->r);
	char target[128];
	size_t shown = 0;
	if (!cpe_is_any(of->cpe.at[CPE_TARGET_SW]) && !cpe_is_na(of->cpe.at[CPE_TARGET_SW]))
		str_add_text(words, cpe_plain(of->cpe.at[CPE_TARGET_SW], target, sizeof target).p);
	for (size_t i = 0; all_nodes && i < n->match_count; i++) {
		const struct nvd_match *m = &n->matches[i];
		if (m->node == of->node || (is_vulnerable(m->json) && same_product(m, of)))
			continue;
		if (shown++ == NVD_SHOWN_PLATFORMS) {
			str_add_text(words, ", ...");
			break;
		}
		str_add_text(words, shown > 1 ? ", " : words->n ? "; with " : "with ");
		if (m->negated)
			str_add_text(words, "anything but ");
		add_cpe_words(words, &m->cpe);
	}
	return advisory_scratch_copy(&n->r);
}

struct nvd_bounds {
	struct span low, high, exact;
	bool low_exclusive, high_inclusive;
	bool any, nothing; /* "*" without bounds; "-" */
};

/* A version with its update: "1.3.0" and "rc14" are "1.3.0 rc14" where the scheme reads that. */
static struct span exact_version(struct nvd *n, const struct cpe *c, const struct scheme *scheme, bool *ret_cut)
{
	static const char *const joints[] = { " ", "", "-" };
	char version[128], update[128];
	struct span v = cpe_plain(c->at[CPE_VERSION], version, sizeof version), u = c->at[CPE_UPDATE];
	*ret_cut = false;
	if (cpe_is_any(u) || cpe_is_na(u))
		return advisory_copy(&n->r, v);
	u = cpe_plain(u, update, sizeof update);
	for (size_t i = 0; i < RF_COUNT(joints) && scheme; i++) {
		char both[300];
		int length = snprintf(both, sizeof both, "%s%s%s", v.p, joints[i], u.p);
		if (version_is_readable(scheme, (struct span){ both, (size_t)length }))
			return advisory_copy(&n->r, (struct span){ both, (size_t)length });
	}
	*ret_cut = scheme != NULL;
	return scheme ? advisory_copy(&n->r, v) : advisory_join(&n->r, v, SPAN(" "), u);
}

static struct nvd_bounds read_bounds(struct nvd *n, const struct nvd_match *m, const struct scheme *scheme,
				     bool *ret_cut)
{
	struct nvd_bounds b = { .low = advisory_text(&n->r, m->json, "versionStartIncluding"),
				.high = advisory_text(&n->r, m->json, "versionEndExcluding") };
	*ret_cut = false;
	if (!b.low.n) {
		b.low = advisory_text(&n->r, m->json, "versionStartExcluding");
		b.low_exclusive = b.low.n > 0;
	}
	if (!b.high.n) {
		b.high = advisory_text(&n->r, m->json, "versionEndIncluding");
		b.high_inclusive = b.high.n > 0;
	}
	if (b.low.n || b.high.n)
		return b;
	b.any = cpe_is_any(m->cpe.at[CPE_VERSION]);
	b.nothing = cpe_is_na(m->cpe.at[CPE_VERSION]);
	if (!b.any && !b.nothing)
		b.exact = exact_version(n, &m->cpe, scheme, ret_cut);
	return b;
}

static void write_bounds(const struct nvd_bounds *b, struct str *to)
{
	if (b->exact.n)
		str_add(to, b->exact);
	else if (b->nothing)
		str_add_text(to, "no version (-)");
	else if (b->any)
		str_add_text(to, "*");
	if (b->low.n)
		str_addf(to, "%s %.*s", b->low_exclusive ? ">" : ">=", SPAN_ARG(b->low));
	if (b->high.n)
		str_addf(to, "%s%s %.*s", b->low.n ? ", " : "", b->high_inclusive ? "<=" : "<", SPAN_ARG(b->high));
}

static int add_fixed(struct nvd *n, struct advisory_statement *s, struct span version, size_t *capacity)
{
	void *items = s->fixed, *slot;
	int rc = advisory_grow(n->r.a, &items, &s->fixed_count, capacity, sizeof(struct span), RANGE_MAX_INTERVALS,
			       "fixed versions", &slot, n->r.err);
	s->fixed = items;
	if (!rc)
		*(struct span *)slot = version;
	return rc;
}

static int add_bounds(struct nvd *n, struct advisory_statement *s, const struct nvd_bounds *b)
{
	struct range_interval v = {
		.low = b->low, .high = b->high, .low_exclusive = b->low_exclusive, .high_inclusive = b->high_inclusive
	};
	if (b->exact.n) {
		v.low = v.high = b->exact;
		v.high_inclusive = v.exact = true;
	}
	if (b->nothing) {
		s->range->readable = false;
		return 0;
	}
	return range_add(n->r.a, s->range, &v, n->r.err);
}

/* The group's intervals and words; the words of a long list are cut, the range holds all. */
static int read_group(struct nvd *n, struct advisory_statement *s, const struct nvd_match *first)
{
	size_t count = 0, capacity = 0;
	struct str *words = advisory_scratch(&n->r);
	for (const struct nvd_match *m = first; m; m = m->next ? &n->matches[m->next - 1] : NULL) {
		bool cut;
		struct nvd_bounds b = read_bounds(n, m, s->range ? s->range->scheme : NULL, &cut);
		int rc = 0;
		if (count++ < NVD_SHOWN) {
			if (count > 1)
				str_add_text(words, "; ");
			write_bounds(&b, words);
		}
		s->review |= cut;
		if (b.high.n && !b.high_inclusive)
			rc = add_fixed(n, s, b.high, &capacity);
		if (!rc && s->range)
			rc = add_bounds(n, s, &b);
		if (rc)
			return rc;
	}
	if (count > NVD_SHOWN)
		str_addf(words, "; and %zu more", count - NVD_SHOWN);
	s->affected_text = advisory_scratch_copy(&n->r);
	for (size_t i = 0; i < s->fixed_count; i++)
		s->fixed_text = i ? advisory_join(&n->r, s->fixed_text, SPAN(", "), s->fixed[i]) : s->fixed[i];
	return 0;
}

static int add_group(struct nvd *n, const struct nvd_match *first, bool all_nodes)
{
	struct advisory_statement *s;
	char vendor[128], product[128];
	int rc = advisory_add_statement(&n->r, n->to, &n->statements, &s);
	if (rc)
		return rc;
	s->source = SPAN("NVD");
	s->product = cpe_product(&first->cpe);
	s->product_name = advisory_join(&n->r, cpe_plain(first->cpe.at[CPE_VENDOR], vendor, sizeof vendor), SPAN(" "),
					cpe_plain(first->cpe.at[CPE_PRODUCT], product, sizeof product));
	s->platform = platform_words(n, first, all_nodes);
	if (s->product) {
		s->range = range_new(n->r.a, product_scheme(s->product), "NVD configuration");
		if (!s->range)
			return err_set(n->r.err, RF_ENOMEM, "version range");
	}
	rc = read_group(n, s, first);
	s->rule = SPAN("NVD configuration");
	if (!s->product) {
		advisory_no_product(s);
	} else if (first->negated) {
		s->range->readable = false;
		s->rule = SPAN("a negated configuration names the product");
	} else if (!s->range->readable) {
		s->rule = SPAN("a bound is not of the product's scheme, or no version is named");
	}
	s->review |= s->range && !s->range->readable;
	return rc;
}

static size_t count_matches(struct json configuration)
{
	size_t count = 0;
	for (struct json_each it = json_each(json_get(configuration, "nodes")); json_next(&it);)
		count += json_count(json_get(it.value, "cpeMatch"));
	return count;
}

static int read_configuration(struct nvd *n, struct json configuration)
{
	size_t count = count_matches(configuration);
	bool negated = is_negated(configuration),
	     all_nodes = span_eq_text(json_string(json_get(configuration, "operator")), "AND");
	uint32_t number = 0;
	int rc = 0;
	if (count > NVD_MAX_MATCHES)
		return err_set(n->r.err, RF_ETOOMANY, "more than %d cpeMatch in one configuration", NVD_MAX_MATCHES);
	n->match_count = 0;
	n->matches = arena_array(n->r.a, count + 1, sizeof *n->matches);
	if (!n->matches)
		return err_set(n->r.err, RF_ENOMEM, "%zu cpeMatch", count);
	for (struct json_each it = json_each(json_get(configuration, "nodes")); !rc && json_next(&it); number++)
		rc = read_node(n, it.value, number, negated != is_negated(it.value));
	link_groups(n);
	for (size_t i = 0; i < n->match_count && !rc && !n->r.failed; i++)
		if (n->matches[i].first)
			rc = add_group(n, &n->matches[i], all_nodes);
	return rc;
}

static int read_configurations(struct nvd *n, struct json list)
{
	if (json_kind(list) == JSON_OBJECT)
		return read_configuration(n, list); /* feeds of 1.1 had one, not a list */
	for (struct json_each it = json_each(list); json_next(&it);) {
		int rc = read_configuration(n, it.value);
		if (rc)
			return rc;
	}
	return 0;
}

/* ── The record ──────────────────────────────────────────────────────────────────────────────────────────────────────
 */

static int read_ssvc(struct nvd *n, struct json metric)
{
	struct advisory_signal *s;
	struct json data = json_get(metric, "ssvcData");
	int rc = advisory_add_signal(&n->r, n->to->id, SPAN("NVD/CISA-ADP"), SIGNAL_SSVC, &s);
	if (rc)
		return rc;
	s->date = advisory_time(&n->r, data, "timestamp", NULL);
	for (struct json_each it = json_each(json_get(data, "options")); json_next(&it);)
		for (struct json_each option = json_each(it.value); json_next(&option);)
			(void)advisory_ssvc_option(s, option.key, json_string(option.value));
	return 0;
}

static int read_score(struct nvd *n, struct json metric, const char *type)
{
	struct json data = json_get(metric, "cvssData");
	struct advisory_severity *s;
	struct span who = json_string(json_get(metric, "source"));
	struct span source = advisory_join(&n->r, SPAN("NVD/"), who.n ? who : SPAN("nvd@nist.gov"), SPAN_NONE);
	int rc = advisory_add_severity(&n->r, n->to, &n->severities, source, type,
				       json_string(json_get(data, "vectorString")), &s);
	if (rc)
		return rc;
	s->rating = advisory_text(&n->r, data, "baseSeverity");
	if (!s->rating.n)
		s->rating = advisory_text(&n->r, metric, "baseSeverity"); /* 2.0 has it outside */
	advisory_stated_score(s, json_get(data, "baseScore"));
	return 0;
}

static int read_metrics(struct nvd *n, struct json metrics)
{
	static const struct {
		const char *key, *type;
	} kinds[] = { { "cvssMetricV40", "CVSS_V4" },
		      { "cvssMetricV31", "CVSS_V3" },
		      { "cvssMetricV30", "CVSS_V3" },
		      { "cvssMetricV2", "CVSS_V2" } };
	int rc = 0;
	for (size_t i = 0; i < RF_COUNT(kinds); i++)
		for (struct json_each it = json_each(json_get(metrics, kinds[i].key)); !rc && json_next(&it);)
			rc = read_score(n, it.value, kinds[i].type);
	for (struct json_each it = json_each(json_get(metrics, "ssvcV203")); !rc && json_next(&it);)
		rc = read_ssvc(n, it.value);
	return rc;
}

/* affected[].affectedData[]: what the CNA says, carried on. Carried, so never the vendor's own voice: four TensorRT
 * records of July 2026 have bounds there that the vendor's bulletin does not. */
static int read_affected(struct nvd *n, struct json list)
{
	for (struct json_each it = json_each(list); json_next(&it);) {
		struct span source =
			advisory_join(&n->r, SPAN("NVD/"), json_string(json_get(it.value, "source")), SPAN_NONE);
		for (struct json_each data = json_each(json_get(it.value, "affectedData")); json_next(&data);) {
			int rc = advisory_read_affected(&n->r, data.value, source, n->to, &n->statements);
			if (rc)
				return rc;
		}
	}
	return 0;
}

static struct span english(struct json list)
{
	struct span best = SPAN_NONE;
	for (struct json_each it = json_each(list); json_next(&it);) {
		struct span value = json_string(json_get(it.value, "value"));
		if (span_starts(json_string(json_get(it.value, "lang")), "en"))
			return value;
		if (!best.n)
			best = value;
	}
	return best;
}

static struct span weakness(struct nvd *n, struct json list)
{
	for (struct json_each it = json_each(list); json_next(&it);) {
		struct span cwe = english(json_get(it.value, "description"));
		if (span_starts(cwe, "CWE-"))
			return advisory_copy(&n->r, cwe);
	}
	return SPAN_NONE;
}

static void read_state(struct nvd *n, struct json cve)
{
	struct advisory *to = n->to;
	struct span status = json_string(json_get(cve, "vulnStatus")), reason = SPAN_NONE;
	bool says = advisory_text_rejects(to->summary, &reason);
	if (span_eq_nocase(status, SPAN("Rejected")) || span_eq_nocase(status, SPAN("Reject")) || says) {
		to->state = ADVISORY_REJECTED;
		to->state_reason = says ? reason : to->summary;
	}
}

/* KEV's dates stand in NVD's records of known exploited ones. */
static int read_kev(struct nvd *n, struct json cve)
{
	struct advisory_signal *s;
	if (!json_string(json_get(cve, "cisaExploitAdd")).n)
		return 0;
	int rc = advisory_add_signal(&n->r, n->to->id, SPAN("NVD/CISA KEV"), SIGNAL_KEV, &s);
	if (rc)
		return rc;
	s->date = advisory_time(&n->r, cve, "cisaExploitAdd", NULL);
	s->kev.due = advisory_time(&n->r, cve, "cisaActionDue", NULL);
	s->kev.name = advisory_text(&n->r, cve, "cisaVulnerabilityName");
	s->kev.action = advisory_text(&n->r, cve, "cisaRequiredAction");
	return 0;
}

static int read_record(struct nvd *n, struct json cve, struct span id)
{
	int rc = advisory_add(&n->r, &n->to);
	if (rc)
		return rc;
	struct advisory *to = n->to;
	n->statements = n->severities = 0;
	to->id = to->record_id = advisory_copy(&n->r, id);
	to->summary = advisory_prose(&n->r, english(json_get(cve, "descriptions")));
	to->title = advisory_cut(to->summary, 200);
	to->assigner = advisory_text(&n->r, cve, "sourceIdentifier");
	to->published = advisory_time(&n->r, cve, "published", &to->published_has_time);
	to->modified = advisory_time(&n->r, cve, "lastModified", NULL);
	for (struct json_each it = json_each(json_get(cve, "references")); !to->url.n && json_next(&it);)
		to->url = advisory_text(&n->r, it.value, "url");
	read_state(n, cve);
	if (to->state == ADVISORY_REJECTED)
		return 0;
	to->cwe = weakness(n, json_get(cve, "weaknesses"));
	rc = read_metrics(n, json_get(cve, "metrics"));
	if (!rc)
		rc = read_kev(n, cve);
	if (!rc)
		rc = read_affected(n, json_get(cve, "affected"));
	return rc ? rc : read_configurations(n, json_get(cve, "configurations"));
}

static int refuse_id(struct nvd *n, size_t number)
{
	(void)err_set(n->r.err, RF_EFORMAT, "a record of NVD has an id, CVE-YYYY-NNNN");
	return n->r.err ? err_in_field(n->r.err, "vulnerabilities[%zu].cve.id", number) : RF_EFORMAT;
}

/* ── Pages, records, overrides ───────────────────────────────────────────────────────────────────────────────────────
 */

static int read_page(struct nvd *n, struct json root)
{
	struct advisory_document *d = n->r.document;
	size_t number = 0;
	d->page.present = json_u64(json_get(root, "totalResults"), &d->page.total_results) &&
			  json_u64(json_get(root, "startIndex"), &d->page.start_index) &&
			  json_u64(json_get(root, "resultsPerPage"), &d->page.results_per_page);
	d->page.timestamp = advisory_time(&n->r, root, "timestamp", NULL);
	d->id = advisory_printf(&n->r, "page %llu of %.*s", (unsigned long long)d->page.start_index,
				SPAN_ARG(advisory_cut(json_string(json_get(root, "timestamp")), 40)));
	for (struct json_each it = json_each(json_get(root, "vulnerabilities")); json_next(&it); number++) {
		struct json cve = json_get(it.value, "cve");
		struct span id = span_trim(json_string(json_get(cve, "id")));
		int rc = advisory_is_cve(id) ? read_record(n, cve, id) : refuse_id(n, number);
		if (rc)
			return rc;
	}
	if (d->page.present && d->page.results_per_page != number)
		return advisory_warn(&n->r, "resultsPerPage says %llu, the page has %zu records",
				     (unsigned long long)d->page.results_per_page, number);
	return 0;
}

static int read_override(struct nvd *n, struct json root, struct json annotation)
{
	struct advisory_document *d = n->r.document;
	struct json cve = json_get(root, "cve");
	struct span id = span_trim(json_string(json_get(annotation, "cve_id")));
	if (!advisory_is_cve(id))
		return refuse_id(n, 0);
	int rc = read_record(n, cve, id);
	if (rc)
		return rc;
	d->publisher = SPAN("NVD overrides");
	d->id = n->to->id;
	n->to->summary = advisory_prose(&n->r, json_string(json_get(annotation, "description")));
	n->to->title = d->title = advisory_cut(n->to->summary, 200);
	n->to->published = advisory_time(&n->r, annotation, "published", &n->to->published_has_time);
	n->to->modified = advisory_time(&n->r, annotation, "modified", NULL);
	n->to->assigner = advisory_text(&n->r, annotation, "cna");
	for (size_t i = 0; i < n->to->statement_count; i++)
		n->to->statements[i].source = d->publisher;
	return 0;
}

static int read_single(struct nvd *n, struct json root)
{
	struct json inner = json_get(root, "cve");
	struct json cve = json_kind(inner) == JSON_OBJECT ? inner : root;
	struct span id = span_trim(json_string(json_get(cve, "id")));
	int rc = advisory_is_cve(id) ? read_record(n, cve, id) : refuse_id(n, 0);
	if (rc)
		return rc;
	n->r.document->id = n->to->id;
	n->r.document->title = n->to->title;
	return 0;
}

int advisory_nvd_parse(struct arena *a, struct json root, struct advisory_document *ret, struct err *err)
{
	struct nvd n = { .r = { .a = a, .err = err, .document = ret } };
	struct json annotation = json_get(root, "_annotation");
	int rc;
	ret->publisher = SPAN("NVD");
	ret->page.timestamp = USEC_NONE;
	if (json_kind(json_get(root, "vulnerabilities")) == JSON_ARRAY)
		rc = read_page(&n, root);
	else
		rc = json_kind(annotation) == JSON_OBJECT ? read_override(&n, root, annotation) : read_single(&n, root);
	return advisory_finish(&n.r, rc);
}

int advisory_nvd_each(struct json root, struct str *buffer,
		      int (*visit)(struct span id, struct span record, void *data), void *data, struct err *err)
{
	size_t number = 0;
	for (struct json_each it = json_each(json_get(root, "vulnerabilities")); json_next(&it); number++) {
		struct json cve = json_get(it.value, "cve");
		struct span id = span_trim(json_string(json_get(cve, "id")));
		if (!advisory_is_cve(id)) {
			(void)err_set(err, RF_EFORMAT, "a record of NVD has an id, CVE-YYYY-NNNN");
			return err ? err_in_field(err, "vulnerabilities[%zu].cve.id", number) : RF_EFORMAT;
		}
		str_reset(buffer);
		struct json_out o = json_out(buffer, false);
		json_put_value(&o, cve);
		int rc = str_check(buffer, "record of a page", err);
		if (!rc)
			rc = visit(id, str_span(buffer), data);
		if (rc)
			return rc;
	}
	return 0;
}
