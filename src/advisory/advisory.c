/* The table of formats, and what all parsers share. */
#include "advisory/advisory.h"

#include "advisory/advisory_int.h"
#include "advisory/cvss.h"
#include "version/cpe.h"

#include <stdarg.h>

const struct advisory_format ADVISORY_FORMATS[] = {
	{ "osv", "OSV 1.x records, https://ossf.github.io/osv-schema", advisory_osv_sniff, advisory_osv_parse, NULL,
	  NULL },
	{ "csaf", "CSAF 2.0 advisories, NVIDIA's prose ranges included", advisory_csaf_sniff, advisory_csaf_parse, NULL,
	  NULL },
	{ "cve", "CVE JSON 5.0 to 5.2 with ADP containers (SSVC, KEV)", advisory_cve5_sniff, advisory_cve5_parse, NULL,
	  NULL },
	{ "nvd", "NVD API 2.0: pages, single records, overrides", advisory_nvd_sniff, advisory_nvd_parse, NULL, NULL },
	{ "openvex", "OpenVEX 0.2.0 statements", advisory_openvex_sniff, advisory_openvex_parse, NULL, NULL },
	{ "kev", "CISA KEV, JSON", advisory_kev_sniff, advisory_kev_parse, NULL, NULL },
	{ "kev-csv", "CISA KEV, CSV", NULL, NULL, advisory_kev_csv_sniff, advisory_kev_csv_parse },
	{ "epss", "EPSS scores of FIRST, CSV", NULL, NULL, advisory_epss_sniff, advisory_epss_parse },
	{ "osv-yaml", "OSV records as YAML (PyPA)", NULL, NULL, advisory_osv_yaml_sniff, advisory_osv_yaml_parse },
	{ "table", "CSV with a mapping of its columns", NULL, NULL, advisory_table_sniff, advisory_table_parse },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};

const struct advisory_format *advisory_format_find(struct span name)
{
	for (const struct advisory_format *f = ADVISORY_FORMATS; f->name; f++)
		if (span_eq_text(name, f->name))
			return f;
	return NULL;
}

static const char *const state_names[] = { "published", "withdrawn", "rejected" };

const char *advisory_state_name(enum advisory_state s)
{
	return (size_t)s < RF_COUNT(state_names) ? state_names[s] : "published";
}

bool advisory_state_read(struct span name, enum advisory_state *ret)
{
	for (size_t i = 0; i < RF_COUNT(state_names); i++)
		if (span_eq_text(name, state_names[i])) {
			*ret = (enum advisory_state)i;
			return true;
		}
	return false;
}

static const char *const tlp_names[] = { "TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED" };

const char *tlp_name(enum tlp t)
{
	return (size_t)t < RF_COUNT(tlp_names) ? tlp_names[t] : "TLP:RED";
}

bool tlp_read(struct span text, enum tlp *ret)
{
	text = span_trim(text);
	if (span_starts_nocase(text, "TLP:"))
		text = span_from(text, 4);
	if (span_eq_nocase(text, SPAN("WHITE")))
		text = SPAN("CLEAR");
	for (size_t i = 0; i < RF_COUNT(tlp_names); i++)
		if (span_eq_nocase(text, span_of(tlp_names[i] + 4))) {
			*ret = (enum tlp)i;
			return true;
		}
	return false;
}

bool advisory_is_cve(struct span id)
{
	if (!span_starts(id, "CVE-") || id.n < 13 || id.n > 4 + 4 + 1 + 19 || id.p[8] != '-')
		return false;
	return span_is_digits(span_sub(id, 4, 4)) && span_is_digits(span_from(id, 9));
}

double advisory_severity_score(const struct advisory_severity *s)
{
	return s->computed >= 0 ? s->computed : s->score;
}

bool advisory_severity_disagrees(const struct advisory_severity *s)
{
	return s->computed >= 0 && s->score >= 0 && (s->computed - s->score > 0.05 || s->score - s->computed > 0.05);
}

const char *advisory_signal_name(enum advisory_signal_kind k)
{
	static const char *const names[] = { "kev", "epss", "ssvc" };
	return (size_t)k < RF_COUNT(names) ? names[k] : "?";
}

const char *ssvc_exploitation_name(enum ssvc_exploitation e)
{
	static const char *const names[] = { "unknown", "none", "poc", "active" };
	return (size_t)e < RF_COUNT(names) ? names[e] : names[0];
}

const char *ssvc_automatable_name(enum ssvc_automatable a)
{
	static const char *const names[] = { "unknown", "no", "yes" };
	return (size_t)a < RF_COUNT(names) ? names[a] : names[0];
}

const char *ssvc_impact_name(enum ssvc_impact i)
{
	static const char *const names[] = { "unknown", "partial", "total" };
	return (size_t)i < RF_COUNT(names) ? names[i] : names[0];
}

static bool looks_like_json(struct span bytes)
{
	if (span_starts(bytes, "\xef\xbb\xbf"))
		bytes = span_from(bytes, 3);
	bytes = span_trim(bytes);
	return bytes.n && (bytes.p[0] == '{' || bytes.p[0] == '[');
}

static const struct advisory_format *surest(struct json root, struct span bytes, bool is_json)
{
	const struct advisory_format *found = NULL;
	int best = 0;
	for (const struct advisory_format *f = ADVISORY_FORMATS; f->name; f++) {
		if ((f->sniff != NULL) != is_json)
			continue;
		int sure = is_json ? f->sniff(root) : f->sniff_bytes(bytes);
		if (sure > best) {
			best = sure;
			found = f;
		}
	}
	return found;
}

/* The feed's mark holds for what says less. */
static void tighten(struct advisory_document *d, enum tlp tlp)
{
	for (size_t i = 0; i < d->count; i++)
		d->advisories[i].tlp = RF_MAX(d->advisories[i].tlp, tlp);
}

static int read_json(struct arena *a, const struct advisory_reading *how, struct json_doc *doc, struct span bytes,
		     struct advisory_document *ret, struct err *err)
{
	struct json root;
	int rc = json_parse(doc, bytes, &root, err);
	if (rc)
		return rc;
	ret->format = how->format ? how->format : surest(root, bytes, true);
	if (!ret->format)
		return err_set(err, RF_EUNSUPPORTED,
			       "JSON, but in no advisory format known here (CSAF, CVE, NVD, OSV, OpenVEX, KEV)");
	return ret->format->parse(a, root, ret, err);
}

static int read_bytes(struct arena *a, const struct advisory_reading *how, struct span bytes,
		      struct advisory_document *ret, struct err *err)
{
	ret->format = how->format ? how->format : surest((struct json){ 0 }, bytes, false);
	if (!ret->format)
		return err_set(err, RF_EUNSUPPORTED,
			       "neither JSON nor a table nor YAML in an advisory format known here");
	return ret->format->parse_bytes(a, how, bytes, ret, err);
}

int advisory_read(struct arena *a, const struct advisory_reading *how, struct span bytes, struct advisory_document *ret,
		  struct err *err)
{
	static const struct advisory_reading plain = { 0 };
	__attribute__((cleanup(json_doc_freep))) struct json_doc *own = NULL;
	struct advisory_document document = { .modified = USEC_NONE, .page = { .timestamp = USEC_NONE } };
	if (!how)
		how = &plain;
	if (bytes.n > ADVISORY_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "an advisory has at most %zu MiB, this has %zu",
			       (size_t)ADVISORY_MAX_BYTES / MIB, bytes.n / MIB);
	bool is_json = how->format ? how->format->sniff != NULL : looks_like_json(bytes);
	if (is_json && !how->json) {
		own = json_doc_new();
		if (!own)
			return err_set(err, RF_ENOMEM, "JSON parser");
	}
	int rc = is_json ? read_json(a, how, how->json ? how->json : own, bytes, &document, err)
			 : read_bytes(a, how, bytes, &document, err);
	if (rc)
		return rc;
	tighten(&document, how->tlp);
	*ret = document;
	return 0;
}

int advisory_parse(struct arena *a, const struct advisory_format *format, struct span bytes,
		   struct advisory_document *ret, struct err *err)
{
	return advisory_read(a, &(struct advisory_reading){ .format = format }, bytes, ret, err);
}

int advisory_grow(struct arena *a, void **items, size_t *count, size_t *capacity, size_t size, size_t limit,
		  const char *what, void **ret, struct err *err)
{
	if (*count == limit)
		return err_set(err, RF_ETOOMANY, "more than %zu %s", limit, what);
	if (*count >= *capacity) {
		size_t more = RF_MAX((size_t)8, 2 * *count);
		char *to = arena_array(a, more, size);
		if (!to)
			return err_set(err, RF_ENOMEM, "%zu %s", more, what);
		if (*count)
			memcpy(to, *items, *count * size);
		*items = to;
		*capacity = more;
	}
	*ret = (char *)*items + (*count)++ * size;
	memset(*ret, 0, size);
	return 0;
}

static struct span check_copy(struct advisory_reader *r, struct span s)
{
	if (!s.p && !r->failed)
		r->failed = err_set(r->err, RF_ENOMEM, "text of an advisory");
	return s;
}

/* JSON may hold \u0000 in a string, which neither a terminal nor a database takes as text: a blank in its place. */
struct span advisory_copy(struct advisory_reader *r, struct span s)
{
	if (!s.n)
		return SPAN_NONE;
	char *to = arena_text(r->a, s);
	for (size_t i = 0; to && i < s.n; i++)
		if (!to[i])
			to[i] = ' ';
	return check_copy(r, (struct span){ to, to ? s.n : 0 });
}

struct span advisory_text(struct advisory_reader *r, struct json v, const char *key)
{
	return advisory_copy(r, span_trim(json_string(json_get(v, key))));
}

struct span advisory_cut(struct span s, size_t max)
{
	s = span_sub(s, 0, max);
	/* what a cut elsewhere (an error's text) left of a character goes too */
	for (int i = 0; i < 3 && s.n && !span_is_utf8(s); i++)
		s.n--;
	return s;
}

struct span advisory_printf(struct advisory_reader *r, const char *format, ...)
{
	struct str text = STR_INIT(64 * KIB);
	va_list args;
	va_start(args, format);
	str_vaddf(&text, format, args);
	va_end(args);
	return advisory_take(r, &text);
}

struct span advisory_take(struct advisory_reader *r, struct str *text)
{
	if (text->failed && !r->failed)
		r->failed = text->failed;
	struct span s = text->n ? check_copy(r, arena_span(r->a, str_span(text))) : SPAN_NONE;
	str_release(text);
	return s;
}

void advisory_no_product(struct advisory_statement *s)
{
	s->review = product_resembling(s->product_name) != NULL;
	s->rule = s->review ? SPAN("no product row has this name, but one resembles it")
			    : SPAN("no product row has this name");
}

struct str *advisory_scratch(struct advisory_reader *r)
{
	r->scratch.limit = 256 * KIB;
	str_reset(&r->scratch);
	return &r->scratch;
}

struct span advisory_scratch_copy(struct advisory_reader *r)
{
	if (r->scratch.failed && !r->failed)
		r->failed = r->scratch.failed;
	return advisory_copy(r, str_span(&r->scratch));
}

struct span advisory_join(struct advisory_reader *r, struct span a, struct span b, struct span c)
{
	char *to = arena_alloc(r->a, a.n + b.n + c.n + 1);
	if (!to)
		return check_copy(r, SPAN_NONE);
	if (a.n)
		memcpy(to, a.p, a.n);
	if (b.n)
		memcpy(to + a.n, b.p, b.n);
	if (c.n)
		memcpy(to + a.n + b.n, c.p, c.n);
	for (size_t i = 0; i < a.n + b.n + c.n; i++)
		if (!to[i])
			to[i] = ' ';
	return (struct span){ to, a.n + b.n + c.n };
}

int advisory_finish(struct advisory_reader *r, int rc)
{
	str_release(&r->scratch);
	return r->failed ? err_set(r->err, r->failed, "a document's texts: %s", rf_error_text(r->failed)) : rc;
}

/* Entities seen in NVIDIA's bulletins; others stay as they are. */
static const struct {
	const char *entity;
	const char *text;
} entities[] = {
	{ "&nbsp;", " " },  { "&amp;", "&" },  { "&lt;", "<" },  { "&gt;", ">" },
	{ "&quot;", "\"" }, { "&apos;", "'" }, { "&#39;", "'" },
};

/* "<a href=...>", "</div>", "<br>": how many bytes; 0 for a "<" that begins no tag ("versions < 2.0"). */
static size_t tag_at(struct span s)
{
	if (s.n < 3 || s.p[0] != '<')
		return 0;
	char c = s.p[1] == '/' ? s.p[2] : s.p[1];
	if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
		return 0;
	size_t end = span_find_byte(s, '>');
	return end == SIZE_MAX ? 0 : end + 1;
}

static size_t entity_at(struct span s, const char **ret)
{
	for (size_t i = 0; i < RF_COUNT(entities); i++)
		if (span_starts(s, entities[i].entity)) {
			*ret = entities[i].text;
			return strlen(entities[i].entity);
		}
	return 0;
}

struct span advisory_prose(struct advisory_reader *r, struct span s)
{
	char *to = arena_alloc(r->a, s.n + 1);
	if (!to)
		return check_copy(r, SPAN_NONE);
	size_t n = 0, i = 0;
	while (i < s.n) {
		struct span at = span_from(s, i);
		const char *text = " ";
		/* most bytes begin none of these */
		size_t used = s.p[i] == '<' ? tag_at(at) : s.p[i] == '&' ? entity_at(at, &text) : 0;
		if (s.p[i] == '\xC2' && span_starts(at, "\xC2\xA0"))
			used = 2;
		if (!used) {
			used = 1;
			text = (unsigned char)at.p[0] <= ' ' ? " " : NULL;
		}
		char c = text ? text[0] : at.p[0];
		if (c != ' ' || (n && to[n - 1] != ' '))
			to[n++] = c;
		i += used;
	}
	return span_trim((struct span){ to, n });
}

usec_t advisory_time(struct advisory_reader *r, struct json v, const char *key, bool *ret_has_time)
{
	struct span text = json_string(json_get(v, key));
	usec_t t = USEC_NONE;
	bool date_only = false;
	if (!text.n)
		return USEC_NONE;
	if (time_read(text, &t, &date_only, NULL)) {
		(void)advisory_warn(r, "%s \"%.*s\" is no RFC 3339 date: ignoring it", key,
				    SPAN_ARG(span_sub(text, 0, 60)));
		return USEC_NONE;
	}
	if (t < 20 * 365 * USEC_PER_DAY)
		return USEC_NONE;
	if (ret_has_time)
		*ret_has_time = !date_only && t % USEC_PER_DAY != 0;
	return t;
}

/* More warnings than a person reads are counted nowhere: the document's first irregularities tell what is wrong. */
#define ADVISORY_MAX_WARNINGS 64

int advisory_warn(struct advisory_reader *r, const char *format, ...)
{
	struct advisory_document *d = r->document;
	struct str text = STR_INIT(2 * KIB);
	if (d->warning_count >= ADVISORY_MAX_WARNINGS)
		return 0;
	va_list args;
	va_start(args, format);
	str_vaddf(&text, format, args);
	va_end(args);
	void *items = d->warnings, *slot;
	int rc = advisory_grow(r->a, &items, &d->warning_count, &r->warnings_capacity, sizeof *d->warnings,
			       ADVISORY_MAX_WARNINGS, "warnings", &slot, r->err);
	d->warnings = items;
	if (!rc)
		*(struct span *)slot = check_copy(r, arena_span(r->a, str_span(&text)));
	else if (!r->failed)
		r->failed = rc;
	str_release(&text);
	return rc;
}

int advisory_add(struct advisory_reader *r, struct advisory **ret)
{
	void *items = r->document->advisories, *slot;
	int rc = advisory_grow(r->a, &items, &r->document->count, &r->advisories_capacity, sizeof(struct advisory),
			       ADVISORY_MAX_RECORDS, "vulnerabilities in one document", &slot, r->err);
	r->document->advisories = items;
	if (rc)
		return rc;
	*ret = slot;
	**ret = (struct advisory){ .published = USEC_NONE, .modified = USEC_NONE };
	return 0;
}

int advisory_add_statement(struct advisory_reader *r, struct advisory *to, size_t *capacity,
			   struct advisory_statement **ret)
{
	void *items = to->statements, *slot;
	int rc = advisory_grow(r->a, &items, &to->statement_count, capacity, sizeof *to->statements,
			       ADVISORY_MAX_STATEMENTS, "products of one vulnerability", &slot, r->err);
	to->statements = items;
	if (!rc)
		*ret = slot;
	return rc;
}

int advisory_add_signal(struct advisory_reader *r, struct span cve, struct span source, enum advisory_signal_kind kind,
			struct advisory_signal **ret)
{
	struct advisory_document *d = r->document;
	void *items = d->signals, *slot;
	int rc = advisory_grow(r->a, &items, &d->signal_count, &r->signals_capacity, sizeof *d->signals,
			       ADVISORY_MAX_SIGNALS, "signals", &slot, r->err);
	d->signals = items;
	if (rc)
		return rc;
	*ret = slot;
	**ret = (struct advisory_signal){ .cve = cve, .source = source, .kind = kind, .date = USEC_NONE };
	return 0;
}

/* Equal but for case and blanks. */
static bool same_words(struct span a, const char *b)
{
	size_t k = 0;
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] == ' ')
			continue;
		if (!b[k] || (a.p[i] | 32) != (b[k] | 32))
			return false;
		k++;
	}
	return !b[k];
}

static int place_of(struct span value, const char *const *names, int count)
{
	for (int i = 1; i < count; i++)
		if (same_words(value, names[i]))
			return i;
	return 0;
}

bool advisory_ssvc_option(struct advisory_signal *s, struct span name, struct span value)
{
	static const char *const exploitation[] = { "", "none", "poc", "active" }, *const automatable[] = { "", "no",
													    "yes" };
	static const char *const impact[] = { "", "partial", "total" };
	if (same_words(name, "exploitation"))
		s->ssvc.exploitation = (enum ssvc_exploitation)place_of(value, exploitation, RF_COUNT(exploitation));
	else if (same_words(name, "automatable"))
		s->ssvc.automatable = (enum ssvc_automatable)place_of(value, automatable, RF_COUNT(automatable));
	else if (same_words(name, "technicalimpact"))
		s->ssvc.impact = (enum ssvc_impact)place_of(value, impact, RF_COUNT(impact));
	else
		return false;
	return true;
}

/* The rule with what else was done: "A to B; the fix v11.0 stands for the bound v10.16.1". */
struct span advisory_explain(struct advisory_reader *r, const struct range *range)
{
	range_explain(range, advisory_scratch(r));
	return advisory_scratch_copy(r);
}

int advisory_read_words(struct advisory_reader *r, struct advisory_statement *s, bool listed)
{
	const struct scheme *scheme = product_scheme(s->product);
	struct range_words_of row = { s->product_name, s->platform, s->affected_text, s->fixed_text, listed };
	if (range_read_fixed(r->a, scheme, s->fixed_text, &s->fixed, &s->fixed_count))
		return err_set(r->err, RF_ENOMEM, "fixed versions");
	struct err why = ERR_INIT;
	int rc = range_read_row(r->a, scheme, &row, &s->range, &why);
	if (rc && rc != RF_EUNREADABLE) {
		if (r->err)
			*r->err = why;
		return rc;
	}
	s->rule =
		rc ? advisory_copy(r, advisory_cut(span_of(why.text), sizeof why.text)) : advisory_explain(r, s->range);
	if (!rc && s->range->conflict)
		s->contradiction = s->range->note.n ? s->range->note : s->rule;
	s->review |= rc || s->range->conservative || s->range->conflict || (s->fixed_text.n && !s->fixed_count);
	return 0;
}

const struct product *advisory_cpe_product(struct span text)
{
	struct cpe cpe;
	return cpe_read(text, &cpe, NULL) ? NULL : cpe_product(&cpe);
}

bool advisory_is_own_vendor(const struct product *product, struct span short_name)
{
	struct span purl = span_of(product->purl), vendor = SPAN_NONE;
	for (int i = 0; i < 2; i++)
		if (!span_split(&purl, '/', &vendor))
			return false;
	return vendor.n && span_eq_nocase(vendor, short_name);
}

void advisory_settle_score(struct advisory_severity *s)
{
	struct cvss cvss;
	s->computed = -1;
	if (cvss_read(s->vector, &cvss, NULL))
		return;
	bool whole = cvss.score - s->score < 0.05 && s->score - cvss.score < 0.05;
	s->computed = whole ? cvss.score : cvss.base;
}

void advisory_stated_score(struct advisory_severity *s, struct json stated)
{
	if (json_double(stated, &s->score))
		advisory_settle_score(s);
}

int advisory_add_severity(struct advisory_reader *r, struct advisory *to, size_t *capacity, struct span source,
			  const char *type, struct span vector, struct advisory_severity **ret)
{
	void *items = to->severities, *slot;
	int rc = advisory_grow(r->a, &items, &to->severity_count, capacity, sizeof *to->severities,
			       ADVISORY_MAX_SEVERITIES, "scores", &slot, r->err);
	to->severities = items;
	if (rc)
		return rc;
	struct advisory_severity *v = slot;
	*v = (struct advisory_severity){
		.source = source, .type = span_of(type), .vector = advisory_copy(r, vector), .score = -1
	};
	advisory_settle_score(v);
	if (ret)
		*ret = slot;
	return 0;
}

bool advisory_text_rejects(struct span text, struct span *ret_reason)
{
	static const char *const marks[] = { "** REJECT **", "Rejected reason:", "** REJECTED **" };
	text = span_trim(text);
	for (size_t i = 0; i < RF_COUNT(marks); i++)
		if (span_starts_nocase(text, marks[i])) {
			*ret_reason = span_trim(span_from(text, strlen(marks[i])));
			return true;
		}
	return false;
}
