/* Which statements of a merged advisory count, and the OSV record of it (https://ossf.github.io/osv-schema). */
#include "advisory/advisory_write_int.h"

#include "advisory/cvss.h"

#define OSV_SCHEMA_VERSION "1.7.0"

/* ── What counts ─────────────────────────────────────────────────────────────────────────────────────────────────────
 */

static enum tlp statement_tlp(const struct stored_advisory *v, size_t statement)
{
	struct span digest = v->origins ? v->origins[statement].document_digest : SPAN_NONE;
	for (size_t i = 0; i < v->source_count; i++)
		if (span_eq(v->sources[i].origin.document_digest, digest))
			return v->sources[i].record.tlp;
	return v->advisory.tlp;
}

const struct advisory *written_record(const struct stored_advisory *v, enum tlp highest)
{
	bool all = v->advisory.tlp <= highest;
	for (size_t i = 0; i < v->source_count; i++)
		all &= v->sources[i].record.tlp <= highest;
	if (all)
		return &v->advisory;
	for (size_t i = 0; i < v->source_count; i++)
		if (v->sources[i].record.tlp <= highest)
			return &v->sources[i].record;
	return NULL;
}

struct span written_version(struct arena *a, const struct scheme *scheme, struct span version)
{
	char text[VERSION_MAX_BYTES];
	size_t n = 0;
	struct span s = span_trim(version);
	if (s.n > 1 && (s.p[0] == 'v' || s.p[0] == 'V' || s.p[0] == 'r') && s.p[1] >= '0' && s.p[1] <= '9')
		s = span_from(s, 1);
	for (size_t i = 0; i < s.n && n < sizeof text; i++)
		if (s.p[i] != ' ')
			text[n++] = s.p[i];
	struct span shorter = { text, n };
	if (version_compare(scheme, shorter, version) != VERSION_EQUAL)
		return version;
	shorter = arena_span(a, shorter);
	return shorter.p ? shorter : version;
}

/* The vendor's statements count alone where there are any. */
static bool vendor_speaks(const struct stored_advisory *v, const struct product *product, enum tlp highest)
{
	for (size_t i = 0; i < v->advisory.statement_count; i++) {
		const struct advisory_statement *s = &v->advisory.statements[i];
		if (s->product == product && s->authoritative && statement_tlp(v, i) <= highest)
			return true;
	}
	return false;
}

static int add_fixed(struct arena *a, struct written_product *p, const struct advisory_statement *s)
{
	for (size_t i = 0; i < s->fixed_count; i++) {
		struct span version = s->range ? written_version(a, s->range->scheme, s->fixed[i]) : s->fixed[i];
		if (span_find(p->fixed, version) != SIZE_MAX)
			continue;
		const char *text = p->fixed.n ? arena_printf(a, "%.*s, %.*s", SPAN_ARG(p->fixed), SPAN_ARG(version))
					      : arena_text(a, version);
		if (!text)
			return RF_ENOMEM;
		p->fixed = span_of(text);
	}
	return 0;
}

static int add_range(struct arena *a, struct written_product *p, const struct range *range, struct err *err)
{
	/* commits: OSV takes whole hashes with their repository only, a purl's vers none at all */
	if (!range || !range->readable || !strcmp(range->scheme->name, "git")) {
		p->unread = true;
		return 0;
	}
	if (!p->affected) {
		p->affected = range_new(a, range->scheme, "export");
		if (!p->affected)
			return err_set(err, RF_ENOMEM, "export of an advisory");
	}
	if (p->affected->scheme != range->scheme) {
		p->unread = true; /* commits beside versions: one of them has to be looked at */
		return 0;
	}
	return range_join(a, p->affected, range, err);
}

static int gather(struct arena *a, const struct stored_advisory *v, struct written_product *p, enum tlp highest,
		  struct err *err)
{
	const struct advisory_decision *applies = advisory_applies_decision(&v->policy, p->product, SPAN_NONE);
	const struct advisory_decision *decided = advisory_range_decision(&v->policy, p->product);
	bool vendor = vendor_speaks(v, p->product, highest);
	size_t affected = 0;
	int rc = 0;
	for (size_t i = 0; i < v->advisory.statement_count && !rc; i++) {
		const struct advisory_statement *s = &v->advisory.statements[i];
		if (s->product != p->product || statement_tlp(v, i) > highest || (vendor && !s->authoritative))
			continue;
		if (s->status == STATEMENT_NOT_AFFECTED) {
			if (!p->why.n)
				p->why = s->justification.n ? s->justification : s->rule;
			continue;
		}
		affected++;
		rc = add_fixed(a, p, s);
		if (!rc && !(decided && decided->range))
			rc = add_range(a, p, s->range, err);
		if (!p->remedy.n)
			p->remedy = s->remedy;
	}
	if (!rc && decided && decided->range)
		rc = add_range(a, p, decided->range, err);
	if (!rc && applies && !applies->applies) {
		p->not_affected = true;
		p->why = applies->why;
	}
	p->not_affected |= !affected && !(decided && decided->range);
	return rc == RF_ENOMEM ? err_set(err, rc, "export of an advisory") : rc;
}

int written_products(struct arena *a, const struct stored_advisory *v, enum tlp highest, struct written_product **ret,
		     size_t *ret_count, struct err *err)
{
	size_t n = 0;
	struct written_product *list = arena_array(a, v->advisory.statement_count + 1, sizeof *list);
	if (!list)
		return err_set(err, RF_ENOMEM, "export of an advisory");
	for (size_t i = 0; i < v->advisory.statement_count; i++) {
		const struct product *product = v->advisory.statements[i].product;
		size_t k = 0;
		if (!product || statement_tlp(v, i) > highest)
			continue;
		while (k < n && list[k].product != product)
			k++;
		if (k == n)
			list[n++].product = product;
	}
	for (size_t i = 0; i < n; i++) {
		int rc = gather(a, v, &list[i], highest, err);
		if (rc)
			return rc;
	}
	*ret = list;
	*ret_count = n;
	return 0;
}

/* ── OSV ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
 */

/* Ids of databases that the schema knows stay; others carry "x_", as it wants for private ones. */
static void write_id(struct json_out *o, const char *key, struct span id)
{
	json_key(o, key);
	if (advisory_is_cve(id) || span_starts(id, "GHSA-") || span_starts(id, "PYSEC-") || span_starts(id, "GO-") ||
	    span_starts(id, "OSV-"))
		json_put_span(o, id);
	else
		json_putf(o, "x_%.*s", SPAN_ARG(id));
}

/* The schema's time: with Z and whole seconds at least. */
static void write_time(struct json_out *o, const char *key, usec_t t)
{
	char text[TIME_TEXT_BYTES];
	json_member(o, key, time_text(t, text));
}

static void write_aliases(struct json_out *o, const struct advisory *v)
{
	if (!v->alias_count)
		return;
	json_key(o, "aliases");
	json_array(o);
	for (size_t i = 0; i < v->alias_count; i++)
		json_put_span(o, v->aliases[i]);
	json_array_end(o);
}

/* Vectors that a score can be made of, each once. */
static void write_severities(struct json_out *o, const struct advisory *v)
{
	static const char *const types[] = {
		[CVSS_V2] = "CVSS_V2", [CVSS_V3_0] = "CVSS_V3", [CVSS_V3_1] = "CVSS_V3", [CVSS_V4_0] = "CVSS_V4"
	};
	bool open = false;
	for (size_t i = 0; i < v->severity_count; i++) {
		struct cvss cvss;
		struct span vector = v->severities[i].vector;
		bool again = false;
		for (size_t k = 0; k < i && !again; k++)
			again = span_eq(v->severities[k].vector, vector);
		/* the schema's pattern has no parentheses, which 2.0 may stand in */
		if (again || span_starts(vector, "(") || cvss_read(vector, &cvss, NULL))
			continue;
		if (!open) {
			json_key(o, "severity");
			json_array(o);
			open = true;
		}
		json_object(o);
		json_member(o, "type", types[cvss.version]);
		json_member_span(o, "score", vector);
		json_object_end(o);
	}
	if (open)
		json_array_end(o);
}

static void write_event(struct json_out *o, const char *kind, struct span version)
{
	json_object(o);
	json_member_span(o, kind, version);
	json_object_end(o);
}

static bool is_exact(const struct range_bounds *b)
{
	return b->low.n && b->low_inclusive && b->high_inclusive && span_eq(b->low, b->high);
}

/* The intervals that a "fixed" closes, or those that a "last_affected" does: one range may not have both (osv-schema,
 * events). Events know no exclusive lower bound: the version itself is counted in, and said to be. */
static void write_range(struct json_out *o, struct arena *a, const struct range *range, const struct range_bounds *b,
			size_t n, const char *type, bool inclusive)
{
	bool open = false;
	for (size_t i = 0; i < n; i++) {
		if (is_exact(&b[i]) || b[i].high_inclusive != inclusive)
			continue;
		if (!open) {
			json_object(o);
			json_member(o, "type", type);
			json_key(o, "events");
			json_array(o);
			open = true;
		}
		write_event(o, "introduced", b[i].low.n ? written_version(a, range->scheme, b[i].low) : SPAN("0"));
		if (b[i].high.n)
			write_event(o, inclusive ? "last_affected" : "fixed",
				    written_version(a, range->scheme, b[i].high));
	}
	if (open) {
		json_array_end(o);
		json_object_end(o);
	}
}

static void write_events(struct json_out *o, struct arena *a, const struct range *range, const struct range_bounds *b,
			 size_t n, const char *type)
{
	size_t exact = 0;
	for (size_t i = 0; i < n; i++)
		exact += is_exact(&b[i]);
	if (exact == n)
		return;
	json_key(o, "ranges");
	json_array(o);
	write_range(o, a, range, b, n, type, false);
	write_range(o, a, range, b, n, type, true);
	json_array_end(o);
}

static void write_versions(struct json_out *o, struct arena *a, const struct range *range, const struct range_bounds *b,
			   size_t n)
{
	bool open = false;
	for (size_t i = 0; i < n; i++) {
		if (!is_exact(&b[i]))
			continue;
		if (!open) {
			json_key(o, "versions");
			json_array(o);
			open = true;
		}
		json_put_span(o, written_version(a, range->scheme, b[i].low));
	}
	if (open)
		json_array_end(o);
}

/* "PyPI/tensorrt-cu12": a package of OSV's; without one the product goes by its purl under GIT, which the schema leaves
 * open. */
static void write_package(struct json_out *o, const struct product *p, struct span alias)
{
	size_t slash = span_find_byte(alias, '/');
	json_key(o, "package");
	json_object(o);
	if (alias.n && slash != SIZE_MAX) {
		struct span ecosystem = span_sub(alias, 0, slash), name = span_from(alias, slash + 1);
		json_member_span(o, "ecosystem", ecosystem);
		json_member_span(o, "name", name);
		if (span_eq_text(ecosystem, "PyPI")) {
			json_key(o, "purl");
			json_putf(o, "pkg:pypi/%.*s", SPAN_ARG(name));
		}
	} else {
		json_member(o, "ecosystem", "GIT");
		json_member(o, "name", p->purl);
		json_member(o, "purl", p->purl);
	}
	json_object_end(o);
}

static bool has_exclusive_low(const struct range_bounds *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b[i].low.n && !b[i].low_inclusive)
			return true;
	return false;
}

static void write_affected(struct json_out *o, struct arena *a, const struct written_product *p, struct span alias,
			   const struct range_bounds *b, size_t n)
{
	bool semver = span_starts(alias, "Go/") || span_starts(alias, "npm/") || span_starts(alias, "crates.io/");
	json_object(o);
	write_package(o, p->product, alias);
	write_events(o, a, p->affected, b, n, semver ? "SEMVER" : "ECOSYSTEM");
	write_versions(o, a, p->affected, b, n);
	json_key(o, "database_specific");
	json_object(o);
	json_member(o, "product", p->product->purl);
	if (p->unread)
		json_member(o, "review", "another statement on this product could not be read");
	if (has_exclusive_low(b, n))
		json_member_bool(o, "lower_bound_counted_in", true);
	json_object_end(o);
	json_object_end(o);
}

static int write_product(struct json_out *o, struct arena *a, const struct written_product *p, struct err *err)
{
	struct range_bounds *b;
	size_t n, written = 0;
	if (p->not_affected || !p->affected)
		return 0;
	int rc = range_disjoint(a, p->affected, &b, &n, err);
	if (rc == RF_EUNREADABLE || (!rc && !n))
		return 0;
	if (rc)
		return rc;
	for (size_t at = 0;;) {
		struct span alias = product_alias_next(p->product, PRODUCT_ALIAS_OSV, &at);
		if (!alias.n)
			break;
		write_affected(o, a, p, alias, b, n);
		written++;
	}
	if (!written)
		write_affected(o, a, p, SPAN_NONE, b, n);
	return 0;
}

/* Products of which nothing could be written: a reader must know that silence is not safety. */
static void write_unread(struct json_out *o, const struct written_product *list, size_t n)
{
	bool open = false;
	for (size_t i = 0; i < n; i++) {
		if (!list[i].unread || list[i].affected || list[i].not_affected)
			continue;
		if (!open) {
			json_key(o, "review");
			json_array(o);
			open = true;
		}
		json_put_text(o, list[i].product->purl);
	}
	if (open)
		json_array_end(o);
}

static void write_specific(struct json_out *o, const struct stored_advisory *v, const struct advisory *record,
			   const struct advisory_writing *how, const struct written_product *list, size_t n)
{
	json_key(o, "database_specific");
	json_object(o);
	json_member(o, "author", how->author);
	json_member(o, "tlp", tlp_name(record->tlp));
	if (record->assigner.n)
		json_member_span(o, "assigner", record->assigner);
	if (record->cwe.n)
		json_member_span(o, "cwe", record->cwe);
	if (v->advisory.state == ADVISORY_REJECTED)
		json_member(o, "state", "REJECTED");
	if (v->advisory.state != ADVISORY_PUBLISHED && record->state_reason.n)
		json_member_span(o, "reason", record->state_reason);
	write_unread(o, list, n);
	json_object_end(o);
}

int advisory_write_osv(struct arena *a, const struct stored_advisory *v, const struct advisory_writing *how,
		       struct str *to, struct err *err)
{
	const struct advisory *record = written_record(v, how->highest);
	struct json_out o = json_out(to, true);
	struct written_product *list;
	size_t n;
	if (!record)
		return err_set(err, RF_EDENIED, "%.*s is marked above %s: it does not leave the house",
			       SPAN_ARG(v->advisory.id), tlp_name(how->highest));
	int rc = written_products(a, v, how->highest, &list, &n, err);
	if (rc)
		return rc;
	usec_t modified = record->modified != USEC_NONE ? record->modified : how->now;
	json_object(&o);
	json_member(&o, "schema_version", OSV_SCHEMA_VERSION);
	write_id(&o, "id", v->advisory.id);
	write_time(&o, "modified", modified);
	if (record->published != USEC_NONE)
		write_time(&o, "published", record->published);
	if (v->advisory.state != ADVISORY_PUBLISHED)
		write_time(&o, "withdrawn", modified);
	write_aliases(&o, record);
	if (record->title.n)
		json_member_span(&o, "summary", record->title);
	if (record->summary.n)
		json_member_span(&o, "details", record->summary);
	write_severities(&o, record);
	json_key(&o, "affected");
	json_array(&o);
	for (size_t i = 0; i < n && !rc && v->advisory.state == ADVISORY_PUBLISHED; i++)
		rc = write_product(&o, a, &list[i], err);
	json_array_end(&o);
	if (record->url.n) {
		json_key(&o, "references");
		json_array(&o);
		json_object(&o);
		json_member(&o, "type", "ADVISORY");
		json_member_span(&o, "url", record->url);
		json_object_end(&o);
		json_array_end(&o);
	}
	write_specific(&o, v, record, how, list, n);
	json_object_end(&o);
	return rc ? rc : str_check(to, "OSV record", err);
}
