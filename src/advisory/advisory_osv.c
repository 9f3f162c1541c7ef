/*
 * OSV 1.x, https://ossf.github.io/osv-schema: one record a document.
 *
 * Ranges become intervals by the schema's own evaluation ("affected[].ranges[].events", "Evaluation"): events are
 * sorted, an "introduced" opens, a "fixed" (exclusive) or "last_affected" (inclusive) closes. A GIT range names
 * commits, which no version of ours is: alone it is unread, beside others it adds nothing.
 *
 * Read from database_specific, for records that sites write themselves: state ("REJECTED"), reason, assigner, tlp,
 * severity.
 */
#include "advisory/advisory_int.h"

/* Events of one range; the longest in 7,444 records has 40. */
#define OSV_MAX_EVENTS 512
/* A list of versions is shown up to here; the range holds all. */
#define OSV_SHOWN_VERSIONS 20

enum event_kind { EVENT_FIXED, EVENT_INTRODUCED, EVENT_LAST_AFFECTED, EVENT_LIMIT };
static const char *const event_names[] = { "fixed", "introduced", "last_affected", "limit" };

struct event {
	enum event_kind kind;
	struct span version; /* empty: "0", from the start; or "*", no limit */
};

int advisory_osv_sniff(struct json root)
{
	static const char *const marks[] = {
		"affected", "summary", "details", "aliases", "withdrawn", "schema_version"
	};
	if (!json_string(json_get(root, "id")).n || !json_string(json_get(root, "modified")).n)
		return 0;
	/* NVD's records have an id too */
	if (json_kind(json_get(root, "sourceIdentifier")) || json_kind(json_get(root, "document")))
		return 0;
	for (size_t i = 0; i < RF_COUNT(marks); i++)
		if (json_kind(json_get(root, marks[i])) != JSON_ABSENT)
			return json_string(json_get(root, "schema_version")).n ? 95 : 80;
	return 0;
}

/* "0" stands before every version, whatever the scheme says (schema: "introduced"). */
static struct span event_version(struct advisory_reader *r, enum event_kind kind, struct span s)
{
	if ((kind == EVENT_INTRODUCED && span_eq_text(s, "0")) || (kind == EVENT_LIMIT && span_eq_text(s, "*")))
		return SPAN_NONE;
	return advisory_copy(r, span_trim(s));
}

static int read_events(struct advisory_reader *r, struct json list, struct event *events, size_t *ret_count)
{
	size_t n = 0;
	for (struct json_each it = json_each(list); json_next(&it);) {
		if (n == OSV_MAX_EVENTS)
			return err_set(r->err, RF_ETOOMANY, "more than %d events in one range", OSV_MAX_EVENTS);
		size_t kinds = 0;
		for (size_t k = 0; k < RF_COUNT(event_names); k++) {
			struct json v = json_get(it.value, event_names[k]);
			if (json_kind(v) == JSON_ABSENT)
				continue;
			if (json_kind(v) != JSON_STRING || kinds++)
				return err_set(r->err, RF_EFORMAT,
					       "an event is an object with one string (osv-schema: events[] object)");
			events[n] = (struct event){ (enum event_kind)k,
						    event_version(r, (enum event_kind)k, json_string(v)) };
		}
		if (!kinds)
			return err_set(r->err, RF_EFORMAT, "an event is introduced, fixed, last_affected or limit");
		n++;
	}
	*ret_count = n;
	return 0;
}

/* Order of the evaluation; of the same version a fix comes first, so that "introduced" there keeps it affected. */
static int event_compare(const void *left, const void *right, void *scheme)
{
	const struct event *a = left, *b = right;
	enum version_order o = VERSION_EQUAL;
	if (!a->version.n || !b->version.n)
		o = a->version.n ? VERSION_GREATER : b->version.n ? VERSION_LESS : VERSION_EQUAL;
	else
		o = version_compare(scheme, a->version, b->version);
	if (o != VERSION_EQUAL && o != VERSION_INCOMPARABLE)
		return o == VERSION_LESS ? -1 : 1;
	return (int)a->kind - (int)b->kind;
}

static bool all_comparable(const struct scheme *s, const struct event *events, size_t n)
{
	struct span first = SPAN_NONE;
	for (size_t i = 0; i < n; i++) {
		if (!events[i].version.n)
			continue;
		if (!first.n)
			first = events[i].version;
		/* one that compares with itself and with the first compares with all */
		if (version_compare(s, events[i].version, first) == VERSION_INCOMPARABLE)
			return false;
	}
	return true;
}

/* The largest limit: a version below any limit counts (schema: BeforeLimits). *ret_any: there is a limit other than
 * "*". */
static struct span highest_limit(const struct scheme *s, const struct event *events, size_t n, bool *ret_any)
{
	struct span best = SPAN_NONE;
	bool unlimited = false, any = false;
	for (size_t i = 0; i < n; i++) {
		if (events[i].kind != EVENT_LIMIT)
			continue;
		any = true;
		unlimited |= !events[i].version.n;
		if (!best.n || version_compare(s, events[i].version, best) == VERSION_GREATER)
			best = events[i].version;
	}
	*ret_any = any && !unlimited;
	return best;
}

struct osv_package {
	struct advisory_reader *r;
	struct advisory_statement *to;
	struct str words; /* events rendered */
	size_t fixed_capacity;
	bool git_only, any_range;
};

static int add_fixed(struct osv_package *p, struct span version)
{
	void *items = p->to->fixed, *slot;
	int rc = advisory_grow(p->r->a, &items, &p->to->fixed_count, &p->fixed_capacity, sizeof(struct span),
			       OSV_MAX_EVENTS, "fixed versions", &slot, p->r->err);
	p->to->fixed = items;
	if (!rc)
		*(struct span *)slot = version;
	return rc;
}

static int close_interval(struct osv_package *p, struct range_interval *v, struct span limit, bool limited)
{
	struct range *range = p->to->range;
	if (limited && (!v->high.n || version_compare(range->scheme, limit, v->high) == VERSION_LESS)) {
		v->high = limit;
		v->high_inclusive = false;
	}
	if (v->low.n && v->high.n && version_compare(range->scheme, v->low, v->high) == VERSION_GREATER)
		return 0; /* wholly behind the limit */
	return range_add(p->r->a, range, v, p->r->err);
}

static int add_intervals(struct osv_package *p, struct event *events, size_t n)
{
	const struct scheme *s = p->to->range->scheme;
	if (!all_comparable(s, events, n)) {
		p->to->range->readable = false;
		return 0;
	}
	bool limited;
	struct span limit = highest_limit(s, events, n, &limited);
	qsort_r(events, n, sizeof *events, event_compare, (void *)(uintptr_t)s);
	struct range_interval v = { 0 };
	bool introduced = false, open = false;
	for (size_t i = 0; i < n; i++)
		introduced |= events[i].kind == EVENT_INTRODUCED;
	open = !introduced && n; /* against the schema, but not therefore harmless: from the start */
	for (size_t i = 0; i < n; i++) {
		const struct event *e = &events[i];
		int rc = 0;
		if (e->kind == EVENT_INTRODUCED && !open) {
			v = (struct range_interval){ .low = e->version };
			open = true;
		} else if (open && (e->kind == EVENT_FIXED || e->kind == EVENT_LAST_AFFECTED)) {
			v.high = e->version;
			v.high_inclusive = e->kind == EVENT_LAST_AFFECTED;
			open = false;
			rc = close_interval(p, &v, limit, limited);
		}
		if (rc)
			return rc;
	}
	return open ? close_interval(p, &v, limit, limited) : 0;
}

static int read_range(struct osv_package *p, struct json range)
{
	struct span type = json_string(json_get(range, "type"));
	struct event events[OSV_MAX_EVENTS];
	size_t n = 0;
	int rc = read_events(p->r, json_get(range, "events"), events, &n);
	if (rc)
		return rc;
	bool git = span_eq_text(type, "GIT");
	p->any_range = true;
	if (!git)
		p->git_only = false;
	str_addf(&p->words, "%s%.*s:", p->words.n ? "; " : "", SPAN_ARG(type));
	for (size_t i = 0; i < n && !rc; i++) {
		struct span version = events[i].version;
		str_addf(&p->words, "%s %s %.*s", i ? "," : "", event_names[events[i].kind],
			 SPAN_ARG(version.n                       ? version
				  : events[i].kind == EVENT_LIMIT ? SPAN("*")
								  : SPAN("0")));
		if (events[i].kind == EVENT_FIXED && !git)
			rc = add_fixed(p, version);
	}
	if (rc || git || !p->to->range)
		return rc;
	return add_intervals(p, events, n);
}

static int read_versions(struct osv_package *p, struct json versions)
{
	size_t n = 0, unread = 0;
	for (struct json_each it = json_each(versions); json_next(&it); n++) {
		struct span version = span_trim(json_string(it.value));
		if (!version.n)
			return err_set(p->r->err, RF_EFORMAT, "a version is a string that is not empty");
		if (n < OSV_SHOWN_VERSIONS)
			str_addf(&p->words, "%s%.*s",
				 n            ? ", "
				 : p->words.n ? "; versions "
					      : "versions ",
				 SPAN_ARG(version));
		if (!p->to->range)
			continue;
		if (!version_is_readable(p->to->range->scheme, version)) {
			unread++;
			continue;
		}
		version = advisory_copy(p->r, version);
		int rc = range_add(p->r->a, p->to->range,
				   &(struct range_interval){
					   .low = version, .high = version, .high_inclusive = true, .exact = true },
				   p->r->err);
		if (rc)
			return rc;
	}
	if (n > OSV_SHOWN_VERSIONS)
		str_addf(&p->words, " and %zu more", n - OSV_SHOWN_VERSIONS);
	if (n)
		p->git_only = false;
	if (unread) {
		p->to->review = true;
		return advisory_warn(p->r, "%zu of %zu versions of %.*s are not of its scheme: review", unread, n,
				     SPAN_ARG(p->to->product_name));
	}
	return 0;
}

static void judge_statement(struct osv_package *p)
{
	struct advisory_statement *s = p->to;
	s->rule = SPAN("OSV events");
	if (!s->product) {
		advisory_no_product(s);
	} else if (p->git_only && p->any_range) {
		s->rule = SPAN("only commits are named");
		s->range->readable = false;
	} else if (!s->range->count && s->range->readable) {
		/* affected without versions: the schema says nothing about which, so all may be */
		s->rule = SPAN("no version is named");
		s->range->readable = false;
	} else if (!s->range->readable) {
		s->rule = SPAN("an event's version is not of the product's scheme");
	}
	if (s->range && !s->range->readable)
		s->review = true;
	if (s->range)
		s->range->rule = s->rule.p;
}

static int read_package(struct advisory_reader *r, struct json affected, struct advisory_statement *to)
{
	struct json package = json_get(affected, "package");
	struct span ecosystem = json_string(json_get(package, "ecosystem")),
		    name = json_string(json_get(package, "name"));
	struct span purl = json_string(json_get(package, "purl"));
	to->product = purl.n ? product_by_purl(purl) : NULL;
	if (!to->product && span_starts(name, "pkg:"))
		to->product = product_by_purl(name);
	if (!to->product)
		to->product = product_by_osv(ecosystem, name);
	to->product_name = ecosystem.n ? advisory_printf(r, "%.*s/%.*s", SPAN_ARG(ecosystem), SPAN_ARG(name))
				       : advisory_copy(r, name.n ? name : purl);
	if (to->product)
		to->range = range_new(r->a, product_scheme(to->product), "OSV events");
	struct osv_package p = { .r = r, .to = to, .words = STR_INIT(256 * KIB), .git_only = true };
	int rc = to->product && !to->range ? err_set(r->err, RF_ENOMEM, "version range") : 0;
	for (struct json_each it = json_each(json_get(affected, "ranges")); !rc && json_next(&it);)
		rc = read_range(&p, it.value);
	if (!rc)
		rc = read_versions(&p, json_get(affected, "versions"));
	if (!rc)
		rc = str_check(&p.words, "events of a range", r->err);
	if (!rc) {
		to->affected_text = advisory_copy(r, str_span(&p.words));
		str_reset(&p.words);
		for (size_t i = 0; i < to->fixed_count; i++)
			str_addf(&p.words, "%s%.*s", i ? ", " : "", SPAN_ARG(to->fixed[i]));
		to->fixed_text = advisory_copy(r, str_span(&p.words));
		judge_statement(&p);
	}
	str_release(&p.words);
	return rc;
}

static int read_severities(struct advisory_reader *r, struct json list, struct span source, struct advisory *to,
			   size_t *capacity)
{
	for (struct json_each it = json_each(list); json_next(&it);) {
		struct advisory_severity *s;
		struct span type = json_string(json_get(it.value, "type"));
		int rc = advisory_add_severity(r, to, capacity, source, "",
					       span_trim(json_string(json_get(it.value, "score"))), &s);
		if (rc)
			return rc;
		s->type = advisory_copy(r, type);
	}
	return 0;
}

static int read_affected(struct advisory_reader *r, struct json root, struct advisory *to, bool authoritative)
{
	size_t capacity = 0, severities = 0;
	int rc = read_severities(r, json_get(root, "severity"), r->document->publisher, to, &severities);
	for (struct json_each it = json_each(json_get(root, "affected")); !rc && json_next(&it);) {
		void *items = to->statements, *slot;
		rc = advisory_grow(r->a, &items, &to->statement_count, &capacity, sizeof *to->statements,
				   ADVISORY_MAX_STATEMENTS, "affected packages", &slot, r->err);
		to->statements = items;
		if (rc)
			break;
		struct advisory_statement *s = slot;
		s->source = r->document->publisher;
		s->authoritative = authoritative;
		rc = read_package(r, it.value, s);
		if (!rc && !to->severity_count)
			rc = read_severities(r, json_get(it.value, "severity"), r->document->publisher, to,
					     &severities);
	}
	return rc;
}

static void read_state(struct advisory_reader *r, struct json root, struct advisory *to)
{
	struct json specific = json_get(root, "database_specific");
	struct span state = json_string(json_get(specific, "state")),
		    withdrawn = json_string(json_get(root, "withdrawn")), reason;
	to->assigner = advisory_text(r, specific, "assigner");
	to->state_reason = advisory_text(r, specific, "reason");
	if (span_eq_nocase(state, SPAN("REJECTED"))) {
		to->state = ADVISORY_REJECTED;
	} else if (advisory_text_rejects(to->summary, &reason)) {
		to->state = ADVISORY_REJECTED;
		to->state_reason = reason;
	} else if (withdrawn.n) {
		to->state = ADVISORY_WITHDRAWN;
		if (!to->state_reason.n)
			to->state_reason =
				advisory_printf(r, "withdrawn at %.*s", SPAN_ARG(advisory_cut(withdrawn, 40)));
	}
}

static struct span first_url(struct advisory_reader *r, struct json references)
{
	struct span url = SPAN_NONE;
	for (struct json_each it = json_each(references); json_next(&it);) {
		bool advisory = span_eq_text(json_string(json_get(it.value, "type")), "ADVISORY");
		if (!url.n || advisory)
			url = json_string(json_get(it.value, "url"));
		if (advisory)
			break;
	}
	return advisory_copy(r, url);
}

static int read_aliases(struct advisory_reader *r, struct json root, struct advisory *to)
{
	size_t capacity = 0;
	to->aliases = NULL;
	for (struct json_each it = json_each(json_get(root, "aliases")); json_next(&it);) {
		struct span alias = span_trim(json_string(it.value));
		if (!alias.n || alias.n > ADVISORY_MAX_ID)
			return err_set(r->err, RF_EFORMAT, "an alias is an id of 1 to %d bytes", ADVISORY_MAX_ID);
		void *items = to->aliases, *slot;
		int rc = advisory_grow(r->a, &items, &to->alias_count, &capacity, sizeof(struct span),
				       ADVISORY_MAX_ALIASES, "aliases", &slot, r->err);
		to->aliases = items;
		if (rc)
			return rc;
		*(struct span *)slot = advisory_copy(r, alias);
	}
	return 0;
}

/* "GHSA-...": OSV/GHSA. The site's own drills carry the site's word. */
static struct span publisher(struct advisory_reader *r, struct span id)
{
	if (span_starts(id, "DRILL-"))
		return SPAN("this site (drill)");
	return advisory_printf(r, "OSV/%.*s", SPAN_ARG(span_sub(id, 0, span_find_byte(id, '-'))));
}

static int read_record(struct advisory_reader *r, struct json root, struct advisory *to)
{
	to->record_id = r->document->id;
	to->is_drill = span_starts(to->record_id, "DRILL-");
	to->title = advisory_prose(r, json_string(json_get(root, "summary")));
	to->summary = advisory_prose(r, json_string(json_get(root, "details")));
	if (!to->summary.n)
		to->summary = to->title;
	if (!to->title.n)
		to->title = advisory_cut(to->summary, 200);
	to->url = first_url(r, json_get(root, "references"));
	to->published = advisory_time(r, root, "published", &to->published_has_time);
	to->modified = advisory_time(r, root, "modified", NULL);
	struct json specific = json_get(root, "database_specific");
	(void)tlp_read(json_string(json_get(specific, "tlp")), &to->tlp);
	to->cwe = advisory_copy(r, json_string(json_get(specific, "cwe")));
	read_state(r, root, to);
	int rc = read_aliases(r, root, to);
	return rc ? rc : read_affected(r, root, to, to->is_drill);
}

/* The id a record counts under: CVE ids are shared by all sources; a record with several CVE aliases counts for each.
 */
static int give_ids(struct advisory_reader *r, const struct advisory *record)
{
	bool own = advisory_is_cve(record->record_id) || record->is_drill;
	size_t given = 0;
	for (size_t i = 0; i < record->alias_count + 1; i++) {
		struct span id = i ? record->aliases[i - 1] : record->record_id;
		bool counts = i ? !own && advisory_is_cve(id) : own;
		if (!counts && !(i == record->alias_count && !given))
			continue;
		struct advisory *to;
		int rc = advisory_add(r, &to);
		if (rc)
			return rc;
		*to = *record;
		to->id = counts ? id : record->record_id;
		to->aliases = arena_array(r->a, record->alias_count + 1, sizeof(struct span));
		if (!to->aliases)
			return err_set(r->err, RF_ENOMEM, "aliases");
		to->alias_count = 0;
		for (size_t k = 0; k < record->alias_count + 1; k++) {
			struct span other = k ? record->aliases[k - 1] : record->record_id;
			if (!span_eq(other, to->id))
				to->aliases[to->alias_count++] = other;
		}
		given++;
	}
	return 0;
}

int advisory_osv_parse(struct arena *a, struct json root, struct advisory_document *ret, struct err *err)
{
	struct advisory_reader r = { .a = a, .err = err, .document = ret };
	ret->id = advisory_text(&r, root, "id");
	/* exported drills carry the schema's prefix of private ids: they stay drills */
	if (span_starts(ret->id, "x_DRILL-"))
		ret->id = span_from(ret->id, 2);
	if (!ret->id.n || ret->id.n > ADVISORY_MAX_ID) {
		(void)err_set(err, RF_EFORMAT, "a record has an id of 1 to %d bytes", ADVISORY_MAX_ID);
		return err ? err_in_field(err, "id") : RF_EFORMAT;
	}
	ret->publisher = publisher(&r, ret->id);
	struct advisory record = { .published = USEC_NONE, .modified = USEC_NONE };
	int rc = read_record(&r, root, &record);
	ret->title = record.title;
	if (!rc)
		rc = give_ids(&r, &record);
	return advisory_finish(&r, rc);
}
