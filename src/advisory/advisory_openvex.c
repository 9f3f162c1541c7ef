/*
 * OpenVEX 0.0.x to 0.2.0, https://github.com/openvex/spec: an author's statements on vulnerabilities of products.
 *
 * A product is a package URL: with a version that version, with a "vers" qualifier that range (purl-spec), without
 * either every version. Of two statements on the same product and vulnerability the newer counts (spec: "Updating
 * statements"). A subcomponent narrows a statement to the flaw in that part of the product: it is the statement's
 * platform.
 */
#include "advisory/advisory_int.h"

#include "base/hash.h"

#define OPENVEX_MAX_PRODUCTS 4096

struct vex {
	struct advisory_reader r;
	struct json root;
	struct map advisories; /* id -> index of the advisory + 1 */
	struct map statements; /* id, product and part -> struct vex_place */
	size_t *capacities;    /* of each advisory's statements */
	size_t capacity;
	usec_t issued;
};

/* A statement that a newer one may replace. */
struct vex_place {
	size_t advisory, statement;
	usec_t time;
};

int advisory_openvex_sniff(struct json root)
{
	struct json context = json_get(root, "@context");
	struct span text = json_string(context);
	if (json_kind(json_get(root, "statements")) != JSON_ARRAY)
		return 0;
	for (struct json_each it = json_each(context); !text.n && json_next(&it);)
		text = json_string(it.value);
	return span_find(text, SPAN("openvex.dev/ns")) != SIZE_MAX ? 100 : 0;
}

struct vex_statement {
	struct json json;
	struct span status, justification, impact, action;
	usec_t time;
};

static struct span purl_qualifier(struct span purl, const char *name)
{
	size_t mark = span_find_byte(purl, '?');
	struct span rest = mark == SIZE_MAX ? SPAN_NONE : span_from(purl, mark + 1), part;
	rest = span_sub(rest, 0, span_find_byte(rest, '#'));
	while (span_split(&rest, '&', &part)) {
		size_t sign = span_find_byte(part, '=');
		if (sign != SIZE_MAX && span_eq_text(span_sub(part, 0, sign), name))
			return span_from(part, sign + 1);
	}
	return SPAN_NONE;
}

static struct span percent_decoded(struct vex *v, struct span s)
{
	char *to = arena_alloc(v->r.a, s.n + 1);
	size_t n = 0;
	if (!to) {
		v->r.failed = RF_ENOMEM;
		return SPAN_NONE;
	}
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '%' && i + 2 < s.n && hex_read(span_sub(s, i + 1, 2), &c, 1))
			i += 2;
		to[n++] = c ? (char)c : ' ';
	}
	return (struct span){ to, n };
}

static int read_range(struct vex *v, struct advisory_statement *s, struct span version)
{
	const struct scheme *scheme = product_scheme(s->product);
	struct span vers = percent_decoded(v, purl_qualifier(s->purl, "vers"));
	struct range_interval all = { 0 };
	if (vers.n) {
		s->affected_text = vers;
		return advisory_read_words(&v->r, s, true);
	}
	s->range = range_new(v->r.a, scheme, version.n ? "VEX product version" : "VEX product, every version");
	if (!s->range)
		return err_set(v->r.err, RF_ENOMEM, "version range");
	s->affected_text = version.n ? version : SPAN("every version");
	if (version.n)
		all = (struct range_interval){ .low = version, .high = version, .high_inclusive = true, .exact = true };
	int rc = range_add(v->r.a, s->range, &all, v->r.err);
	s->rule =
		s->range->readable ? span_of(range_rule(s->range)) : SPAN("the version is not of the product's scheme");
	s->review = !s->range->readable;
	return rc;
}

static void judge(struct vex *v, struct advisory_statement *s, const struct vex_statement *of, struct span version)
{
	bool fixed = span_eq_text(of->status, "fixed"), not_affected = span_eq_text(of->status, "not_affected");
	s->status = fixed || not_affected ? STATEMENT_NOT_AFFECTED : STATEMENT_AFFECTED;
	s->justification = of->justification.n ? of->justification : of->impact;
	s->remedy = of->action;
	s->stated = of->time == USEC_NONE ? 0 : of->time;
	if (fixed && version.n) {
		s->fixed = arena_array(v->r.a, 1, sizeof *s->fixed);
		if (s->fixed) {
			s->fixed[0] = s->fixed_text = version;
			s->fixed_count = 1;
		}
	}
	if (not_affected && !s->justification.n) {
		s->review = true;
		s->rule = SPAN(
			"not_affected without a justification or an impact statement (OpenVEX: status justifications)");
	}
	if (!not_affected && !fixed && !span_eq_text(of->status, "affected")) {
		s->review = true;
		s->rule = span_eq_text(of->status, "under_investigation") ? SPAN("under investigation by the author")
									  : SPAN("a status that OpenVEX does not have");
		if (s->range)
			s->range->readable = false;
	}
	if (s->range && !s->range->readable)
		s->review = true;
}

/* "@id", or identifiers.purl where "@id" is another kind of name; older documents have the text alone. */
static struct span product_id(struct json product)
{
	struct span text =
		json_kind(product) == JSON_STRING ? json_string(product) : json_string(json_get(product, "@id"));
	struct span purl = json_string(json_path(product, "identifiers", "purl", NULL));
	return span_trim(!span_starts(text, "pkg:") && purl.n ? purl : text);
}

static int fill(struct vex *v, struct advisory_statement *s, const struct vex_statement *of, struct span id,
		struct span part)
{
	struct component c = { 0 };
	*s = (struct advisory_statement){ .source = v->r.document->publisher,
					  .product_name = advisory_copy(&v->r, id) };
	if (span_starts(id, "pkg:")) {
		s->purl = s->product_name;
		if (!component_read(v->r.a, s->purl, &c, NULL))
			s->product = c.product;
	}
	if (part.n)
		s->platform = advisory_join(&v->r, SPAN("part "), part, SPAN_NONE);
	if (s->product) {
		struct span author = v->r.document->publisher;
		s->authoritative = advisory_is_own_vendor(s->product, span_sub(author, 0, span_find_byte(author, ' ')));
		int rc = read_range(v, s, c.version);
		if (rc)
			return rc;
	} else {
		s->affected_text = c.version;
		advisory_no_product(s);
	}
	judge(v, s, of, c.version);
	return 0;
}

static int place_statement(struct vex *v, size_t advisory, const struct vex_statement *of, struct span id,
			   struct span part)
{
	struct advisory *to = &v->r.document->advisories[advisory];
	struct span key = advisory_printf(&v->r, "%zu%c%.*s%c%.*s", advisory, 0x1f, SPAN_ARG(id), 0x1f, SPAN_ARG(part));
	struct vex_place *known = map_get(&v->statements, key);
	struct advisory_statement *s;
	if (known && known->time > of->time)
		return 0;
	if (known) {
		known->time = of->time;
		return fill(v, &to->statements[known->statement], of, id, part);
	}
	int rc = advisory_add_statement(&v->r, to, &v->capacities[advisory], &s);
	struct vex_place *place = arena_alloc(v->r.a, sizeof *place);
	if (rc || !place)
		return rc ? rc : err_set(v->r.err, RF_ENOMEM, "statements");
	*place = (struct vex_place){ advisory, to->statement_count - 1, of->time };
	rc = map_set(&v->statements, key, place);
	return rc ? rc : fill(v, s, of, id, part);
}

static int read_products(struct vex *v, size_t advisory, const struct vex_statement *of)
{
	size_t count = 0;
	for (struct json_each it = json_each(json_get(of->json, "products")); json_next(&it);) {
		struct span id = product_id(it.value);
		bool parts = false;
		if (++count > OPENVEX_MAX_PRODUCTS)
			return err_set(v->r.err, RF_ETOOMANY, "more than %d products in one statement",
				       OPENVEX_MAX_PRODUCTS);
		for (struct json_each part = json_each(json_get(it.value, "subcomponents")); json_next(&part);
		     parts = true) {
			int rc = place_statement(v, advisory, of, id, product_id(part.value));
			if (rc)
				return rc;
		}
		int rc = parts ? 0 : place_statement(v, advisory, of, id, SPAN_NONE);
		if (rc)
			return rc;
	}
	return 0;
}

/* ── Vulnerabilities ─────────────────────────────────────────────────────────────────────────────────────────────────
 */

/* The CVE id where one is named, else the name that is given. */
static struct span vulnerability_id(struct json vulnerability)
{
	struct span name = json_kind(vulnerability) == JSON_STRING ? json_string(vulnerability)
								   : json_string(json_get(vulnerability, "name"));
	if (!name.n)
		name = json_string(json_get(vulnerability, "@id"));
	name = span_trim(name);
	for (struct json_each it = json_each(json_get(vulnerability, "aliases"));
	     !advisory_is_cve(name) && json_next(&it);)
		if (advisory_is_cve(span_trim(json_string(it.value))))
			return span_trim(json_string(it.value));
	return name;
}

static int add_aliases(struct vex *v, struct advisory *to, struct json vulnerability)
{
	struct json aliases = json_get(vulnerability, "aliases");
	struct span name = span_trim(json_string(json_get(vulnerability, "name")));
	size_t n = json_count(aliases) + 1;
	if (n > ADVISORY_MAX_ALIASES)
		return err_set(v->r.err, RF_ETOOMANY, "more than %d aliases", ADVISORY_MAX_ALIASES);
	to->aliases = arena_array(v->r.a, n, sizeof *to->aliases);
	if (!to->aliases)
		return err_set(v->r.err, RF_ENOMEM, "aliases");
	if (name.n && name.n <= ADVISORY_MAX_ID && !span_eq(name, to->id))
		to->aliases[to->alias_count++] = advisory_copy(&v->r, name);
	for (struct json_each it = json_each(aliases); json_next(&it);) {
		struct span alias = span_trim(json_string(it.value));
		if (alias.n && alias.n <= ADVISORY_MAX_ID && !span_eq(alias, to->id) && !span_eq(alias, name))
			to->aliases[to->alias_count++] = advisory_copy(&v->r, alias);
	}
	return 0;
}

static int grow_capacities(struct vex *v)
{
	if (v->r.document->count <= v->capacity)
		return 0;
	size_t more = RF_MAX((size_t)16, 2 * v->capacity);
	size_t *to = arena_array(v->r.a, more, sizeof *to);
	if (!to)
		return err_set(v->r.err, RF_ENOMEM, "vulnerabilities");
	if (v->capacity)
		memcpy(to, v->capacities, v->capacity * sizeof *to);
	v->capacities = to;
	v->capacity = more;
	return 0;
}

static int find_advisory(struct vex *v, struct json vulnerability, size_t *ret)
{
	struct span id = vulnerability_id(vulnerability);
	void *known = map_get(&v->advisories, id);
	struct advisory *to;
	if (known) {
		*ret = (size_t)(uintptr_t)known - 1;
		return 0;
	}
	if (!id.n || id.n > ADVISORY_MAX_ID)
		return err_set(v->r.err, RF_EFORMAT,
			       "a statement names its vulnerability (OpenVEX: vulnerability.name)");
	int rc = advisory_add(&v->r, &to);
	if (rc)
		return rc;
	to->id = advisory_copy(&v->r, id);
	to->record_id = v->r.document->id;
	to->is_drill = span_starts(to->id, "DRILL-");
	to->summary = advisory_prose(&v->r, json_string(json_get(vulnerability, "description")));
	to->title = to->summary.n ? advisory_cut(to->summary, 200) : to->id;
	to->published = v->issued;
	to->published_has_time = v->issued != USEC_NONE;
	to->modified = v->issued;
	*ret = v->r.document->count - 1;
	rc = grow_capacities(v);
	if (!rc)
		rc = map_set(&v->advisories, to->id, (void *)(uintptr_t)v->r.document->count);
	return rc ? rc : add_aliases(v, to, vulnerability);
}

static int read_statement(struct vex *v, struct json json)
{
	struct vex_statement s = { .json = json,
				   .status = json_string(json_get(json, "status")),
				   .justification = advisory_text(&v->r, json, "justification"),
				   .impact = advisory_text(&v->r, json, "impact_statement"),
				   .action = advisory_text(&v->r, json, "action_statement") };
	struct json last = json_get(json, "last_updated");
	size_t advisory = 0;
	s.time = advisory_time(&v->r, json, json_kind(last) ? "last_updated" : "timestamp", NULL);
	if (s.time == USEC_NONE)
		s.time = v->issued;
	int rc = find_advisory(v, json_get(json, "vulnerability"), &advisory);
	if (rc)
		return rc;
	v->r.document->advisories[advisory].modified = RF_MAX(v->r.document->advisories[advisory].modified, s.time);
	return read_products(v, advisory, &s);
}

static int read_all(struct vex *v)
{
	struct advisory_document *d = v->r.document;
	size_t number = 0;
	d->id = advisory_text(&v->r, v->root, "@id");
	d->publisher = advisory_text(&v->r, v->root, "author");
	if (!d->id.n || d->id.n > 1024 || !d->publisher.n) {
		(void)err_set(v->r.err, RF_EFORMAT, "an OpenVEX document has an @id and an author");
		return v->r.err ? err_in_field(v->r.err, d->publisher.n ? "@id" : "author") : RF_EFORMAT;
	}
	d->title = d->id;
	v->issued = advisory_time(&v->r, v->root,
				  json_kind(json_get(v->root, "last_updated")) ? "last_updated" : "timestamp", NULL);
	d->modified = v->issued;
	for (struct json_each it = json_each(json_get(v->root, "statements")); json_next(&it); number++) {
		int rc = read_statement(v, it.value);
		if (rc)
			return v->r.err ? err_in_field(v->r.err, "statements[%zu]", number) : rc;
	}
	return 0;
}

int advisory_openvex_parse(struct arena *a, struct json root, struct advisory_document *ret, struct err *err)
{
	struct vex v = { .r = { .a = a, .err = err, .document = ret }, .root = root };
	int rc = read_all(&v);
	map_release(&v.advisories);
	map_release(&v.statements);
	return advisory_finish(&v.r, rc);
}
