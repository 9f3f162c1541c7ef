/*
 * A table (RFC 4180) with a mapping of its columns: national databases' exports, bulletins under embargo, a site's own
 * list. A row is one statement on one product; rows of one id are one advisory. Words for versions go to the prose
 * reader, and what it does not read goes to a person.
 */
#include "advisory/advisory_table.h"

#include "advisory/advisory_int.h"
#include "base/hash.h"
#include "format/csv.h"

#include <stddef.h>

enum column {
	ID,
	ALIASES,
	TITLE,
	SUMMARY,
	URL,
	SEVERITY,
	VECTOR,
	CWE,
	VENDOR,
	PRODUCT,
	PURL,
	PLATFORM,
	AFFECTED,
	FIXED,
	PUBLISHED,
	MODIFIED,
	STATE,
	TLP,
	COLUMNS
};

static const struct {
	const char *name;
	size_t place; /* in struct advisory_mapping */
} columns[] = {
	[ID] = { "id", offsetof(struct advisory_mapping, id) },
	[ALIASES] = { "aliases", offsetof(struct advisory_mapping, aliases) },
	[TITLE] = { "title", offsetof(struct advisory_mapping, title) },
	[SUMMARY] = { "summary", offsetof(struct advisory_mapping, summary) },
	[URL] = { "url", offsetof(struct advisory_mapping, url) },
	[SEVERITY] = { "severity", offsetof(struct advisory_mapping, severity) },
	[VECTOR] = { "vector", offsetof(struct advisory_mapping, vector) },
	[CWE] = { "cwe", offsetof(struct advisory_mapping, cwe) },
	[VENDOR] = { "vendor", offsetof(struct advisory_mapping, vendor) },
	[PRODUCT] = { "product", offsetof(struct advisory_mapping, product) },
	[PURL] = { "purl", offsetof(struct advisory_mapping, purl) },
	[PLATFORM] = { "platform", offsetof(struct advisory_mapping, platform) },
	[AFFECTED] = { "affected", offsetof(struct advisory_mapping, affected) },
	[FIXED] = { "fixed", offsetof(struct advisory_mapping, fixed) },
	[PUBLISHED] = { "published", offsetof(struct advisory_mapping, published) },
	[MODIFIED] = { "modified", offsetof(struct advisory_mapping, modified) },
	[STATE] = { "state", offsetof(struct advisory_mapping, state) },
	[TLP] = { "tlp", offsetof(struct advisory_mapping, tlp) },
};

static const char *mapped(const struct advisory_mapping *m, enum column c)
{
	const char *name;
	memcpy(&name, (const char *)m + columns[c].place, sizeof name);
	return name;
}

/* ── Mapping ─────────────────────────────────────────────────────────────────────────────────────────────────────────
 */

static int refuse(struct err *err, const struct yaml_node *n, struct span key)
{
	(void)err_set(err, RF_EFORMAT,
		      "\"%.*s\": a table's mapping has id, aliases, title, summary, url, severity, vector, cwe, "
		      "vendor, product, purl, "
		      "platform, affected, fixed, published, modified, state, tlp, each a column's name; delimiter "
		      "(one byte), publisher, "
		      "authoritative (true, false)",
		      SPAN_ARG(advisory_cut(key, 60)));
	return err ? err_at_line(err, yaml_line(n)) : RF_EFORMAT;
}

static int read_member(struct arena *a, struct span key, const struct yaml_node *n, struct advisory_mapping *to,
		       struct err *err)
{
	struct span value = yaml_scalar(n);
	if (yaml_kind(n) != YAML_SCALAR || !value.n)
		return refuse(err, n, key);
	if (span_eq_text(key, "authoritative")) {
		to->authoritative = span_eq_text(value, "true");
		return to->authoritative || span_eq_text(value, "false") ? 0 : refuse(err, n, key);
	}
	if (span_eq_text(key, "delimiter")) {
		to->delimiter = span_eq_text(value, "tab") || span_eq_text(value, "\\t") ? '\t' : value.p[0];
		return to->delimiter == '\t' || value.n == 1 ? 0 : refuse(err, n, key);
	}
	char *text = arena_text(a, value);
	if (!text)
		return err_set(err, RF_ENOMEM, "mapping of a table");
	if (span_eq_text(key, "publisher")) {
		to->publisher = text;
		return 0;
	}
	for (size_t i = 0; i < RF_COUNT(columns); i++)
		if (span_eq_text(key, columns[i].name)) {
			memcpy((char *)to + columns[i].place, &text, sizeof text);
			return 0;
		}
	return refuse(err, n, key);
}

int advisory_mapping_read(struct arena *a, const struct yaml_node *node, struct advisory_mapping *ret, struct err *err)
{
	struct advisory_mapping m = { 0 };
	if (yaml_kind(node) != YAML_MAPPING)
		return refuse(err, node, SPAN("mapping"));
	for (size_t i = 0; i < yaml_count(node); i++) {
		int rc = read_member(a, yaml_scalar(yaml_key_at(node, i)), yaml_at(node, i), &m, err);
		if (rc)
			return rc;
	}
	*ret = m;
	return 0;
}

int advisory_mapping_parse(struct arena *a, struct span yaml, const char *file, struct advisory_mapping *ret,
			   struct err *err)
{
	__attribute__((cleanup(yaml_doc_freep))) struct yaml_doc *doc = NULL;
	int rc = yaml_parse(yaml, file, &doc, err);
	if (rc)
		return rc;
	const struct yaml_node *inner = yaml_get(yaml_root(doc), "mapping");
	return advisory_mapping_read(a, inner ? inner : yaml_root(doc), ret, err);
}

/* ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────
 */

struct table {
	struct advisory_reader r;
	struct advisory_mapping mapping;
	struct csv csv;
	size_t places[COLUMNS]; /* SIZE_MAX: the table has no such column */
	struct map by_id;       /* id -> index + 1 */
	size_t *capacities;     /* statements of each advisory */
	size_t capacity;
};

static size_t find_column(const struct csv *c, const char *name)
{
	for (size_t i = 0; name && i < c->count; i++)
		if (span_eq_nocase(span_trim(c->fields[i]), span_of(name)))
			return i;
	return SIZE_MAX;
}

static bool find_columns(const struct csv *c, const struct advisory_mapping *m, size_t *places)
{
	for (int i = 0; i < COLUMNS; i++) {
		const char *name = mapped(m, (enum column)i);
		places[i] = find_column(c, name ? name : columns[i].name);
	}
	return places[ID] != SIZE_MAX;
}

int advisory_table_sniff(struct span bytes)
{
	static const struct advisory_mapping plain = { 0 };
	struct csv c = csv_begin(span_sub(bytes, 0, 64 * KIB), csv_guess_delimiter(bytes));
	size_t places[COLUMNS];
	/* our own column names, or none that could be told from any other table */
	bool ours = csv_next(&c, NULL) == 1 && c.count > 1 && find_columns(&c, &plain, places) &&
		    (places[AFFECTED] != SIZE_MAX || places[PRODUCT] != SIZE_MAX || places[PURL] != SIZE_MAX);
	csv_end(&c);
	return ours ? 50 : 0;
}

static struct span cell(const struct table *t, enum column c)
{
	return t->places[c] < t->csv.count ? span_trim(t->csv.fields[t->places[c]]) : SPAN_NONE;
}

static usec_t cell_time(struct table *t, enum column c, bool *ret_has_time)
{
	usec_t at;
	bool date_only = false;
	char iso[48];
	struct span s = cell(t, c);
	if (!s.n)
		return USEC_NONE;
	/* 2026/07/14 and "2026-07-14 09:30:00" are how tables write it */
	int n = snprintf(iso, sizeof iso, "%.*s", SPAN_ARG(span_sub(s, 0, 40)));
	for (int i = 0; i < n; i++)
		iso[i] = iso[i] == '/' ? '-' : i == 10 && iso[i] == ' ' ? 'T' : iso[i];
	if (time_read((struct span){ iso, (size_t)n }, &at, &date_only, NULL)) {
		(void)advisory_warn(&t->r, "line %llu: \"%.*s\" is no date: ignoring it",
				    (unsigned long long)t->csv.line, SPAN_ARG(advisory_cut(s, 40)));
		return USEC_NONE;
	}
	if (ret_has_time)
		*ret_has_time = !date_only;
	return at;
}

static bool is_separator(char c)
{
	return c == ' ' || c == ',' || c == ';' || c == '\n' || c == '\r' || c == '\t';
}

static int read_aliases(struct table *t, struct advisory *to)
{
	struct span s = cell(t, ALIASES);
	to->aliases = arena_array(t->r.a, ADVISORY_MAX_ALIASES, sizeof *to->aliases);
	if (!to->aliases)
		return err_set(t->r.err, RF_ENOMEM, "aliases");
	for (size_t i = 0, n; i < s.n; i += n + 1) {
		for (n = 0; i + n < s.n && !is_separator(s.p[i + n]);)
			n++;
		if (!n || n > ADVISORY_MAX_ID)
			continue;
		if (to->alias_count == ADVISORY_MAX_ALIASES)
			return err_set(t->r.err, RF_ETOOMANY, "more than %d aliases", ADVISORY_MAX_ALIASES);
		to->aliases[to->alias_count++] = advisory_copy(&t->r, span_sub(s, i, n));
	}
	return 0;
}

/* A database's own number gives way to the CVE that it stands for, so that sources meet; several CVEs are one row's
 * fault. */
static void prefer_cve(struct table *t, struct advisory *to)
{
	size_t cves = 0;
	for (size_t i = 0; i < to->alias_count; i++)
		cves += advisory_is_cve(to->aliases[i]);
	for (size_t i = 0; i < to->alias_count && !advisory_is_cve(to->id); i++)
		if (advisory_is_cve(to->aliases[i])) {
			to->id = to->aliases[i];
			to->aliases[i] = to->record_id;
		}
	if (cves > 1)
		(void)advisory_warn(&t->r, "line %llu: %.*s stands for %zu CVEs: it counts for %.*s",
				    (unsigned long long)t->csv.line, SPAN_ARG(to->record_id), cves, SPAN_ARG(to->id));
}

static const char *vector_type(struct span vector)
{
	if (!vector.n)
		return "rating";
	return span_starts(vector, "CVSS:4") ? "CVSS_V4" : span_starts(vector, "CVSS:3") ? "CVSS_V3" : "CVSS_V2";
}

static void read_marks(struct table *t, struct advisory *to)
{
	struct span mark = cell(t, TLP), state = cell(t, STATE), reason;
	char lower[32];
	size_t n = RF_MIN(state.n, sizeof lower);
	for (size_t i = 0; i < n; i++)
		lower[i] = state.p[i] >= 'A' && state.p[i] <= 'Z' ? (char)(state.p[i] | 32) : state.p[i];
	if (state.n && !advisory_state_read((struct span){ lower, n }, &to->state))
		(void)advisory_warn(
			&t->r, "line %llu: \"%.*s\" is no state (published, withdrawn, rejected): taken as published",
			(unsigned long long)t->csv.line, SPAN_ARG(advisory_cut(state, 40)));
	if (to->state == ADVISORY_PUBLISHED && advisory_text_rejects(to->summary, &reason)) {
		to->state = ADVISORY_REJECTED;
		to->state_reason = reason;
	}
	enum tlp tlp = TLP_CLEAR;
	if (mark.n && !tlp_read(mark, &tlp)) {
		tlp = TLP_RED;
		(void)advisory_warn(&t->r, "line %llu: TLP mark \"%.*s\" is not known: treated as RED",
				    (unsigned long long)t->csv.line, SPAN_ARG(advisory_cut(mark, 40)));
	}
	to->tlp = RF_MAX(to->tlp, tlp);
}

static int read_head(struct table *t, struct advisory *to)
{
	size_t severities = 0;
	struct span vector = cell(t, VECTOR), rating = cell(t, SEVERITY);
	to->is_drill = span_starts(to->id, "DRILL-");
	to->summary = advisory_prose(&t->r, cell(t, SUMMARY));
	to->title = advisory_prose(&t->r, cell(t, TITLE));
	if (!to->title.n)
		to->title = to->summary.n ? advisory_cut(to->summary, 200) : to->id;
	to->url = advisory_copy(&t->r, cell(t, URL));
	to->cwe = advisory_copy(&t->r, cell(t, CWE));
	to->published = cell_time(t, PUBLISHED, &to->published_has_time);
	to->modified = cell_time(t, MODIFIED, NULL);
	int rc = read_aliases(t, to);
	prefer_cve(t, to);
	if (!rc && (vector.n || rating.n)) {
		struct advisory_severity *s;
		rc = advisory_add_severity(&t->r, to, &severities, t->r.document->publisher, vector_type(vector),
					   vector, &s);
		if (!rc)
			s->rating = advisory_copy(&t->r, rating);
		if (!rc && span_double(rating, &s->score)) {
			s->rating = SPAN_NONE;
			advisory_settle_score(s);
		}
	}
	return rc;
}

static const struct product *cell_product(const struct table *t)
{
	struct span purl = cell(t, PURL), name = cell(t, PRODUCT);
	const struct product *p = purl.n ? product_by_purl(purl) : NULL;
	if (!p && span_starts(name, "pkg:"))
		p = product_by_purl(name);
	return p ? p : product_by_vendor_name(cell(t, VENDOR), name);
}

static int read_statement(struct table *t, struct advisory *to, size_t *capacity)
{
	struct advisory_statement *s;
	struct span name = cell(t, PRODUCT);
	if (!name.n && !cell(t, PURL).n)
		return 0; /* an advisory of no product: a notice */
	int rc = advisory_add_statement(&t->r, to, capacity, &s);
	if (rc)
		return rc;
	s->source = t->r.document->publisher;
	s->authoritative = t->mapping.authoritative;
	s->product = cell_product(t);
	s->product_name = advisory_copy(&t->r, name.n ? name : cell(t, PURL));
	s->purl = advisory_copy(&t->r, cell(t, PURL));
	s->platform = advisory_copy(&t->r, cell(t, PLATFORM));
	s->affected_text = advisory_prose(&t->r, cell(t, AFFECTED));
	s->fixed_text = advisory_prose(&t->r, cell(t, FIXED));
	if (s->product)
		return advisory_read_words(&t->r, s, false);
	advisory_no_product(s);
	return 0;
}

static int grow_capacities(struct table *t)
{
	if (t->r.document->count <= t->capacity)
		return 0;
	size_t more = RF_MAX((size_t)64, 2 * t->capacity);
	size_t *to = arena_array(t->r.a, more, sizeof *to);
	if (!to)
		return err_set(t->r.err, RF_ENOMEM, "rows of a table");
	if (t->capacity)
		memcpy(to, t->capacities, t->capacity * sizeof *to);
	t->capacities = to;
	t->capacity = more;
	return 0;
}

static int read_row(struct table *t)
{
	struct span id = cell(t, ID);
	struct advisory *to;
	int rc = 0;
	if (!id.n || id.n > ADVISORY_MAX_ID) {
		(void)err_set(t->r.err, RF_EFORMAT, "a row has an id of 1 to %d bytes", ADVISORY_MAX_ID);
		return t->r.err ? err_at_line(t->r.err, t->csv.line) : RF_EFORMAT;
	}
	size_t known = (size_t)(uintptr_t)map_get(&t->by_id, id);
	if (!known) {
		rc = advisory_add(&t->r, &to);
		if (rc)
			return rc;
		to->id = to->record_id = advisory_copy(&t->r, id);
		known = t->r.document->count;
		rc = read_head(t, to);
		if (!rc)
			rc = grow_capacities(t);
		if (!rc)
			rc = map_set(&t->by_id, to->record_id, (void *)(uintptr_t)known);
	}
	if (rc)
		return rc;
	to = &t->r.document->advisories[known - 1];
	read_marks(t, to);
	return read_statement(t, to, &t->capacities[known - 1]);
}

static int read_rows(struct table *t)
{
	int rc = csv_next(&t->csv, t->r.err);
	if (rc == 1 && !find_columns(&t->csv, &t->mapping, t->places)) {
		(void)err_set(t->r.err, RF_EFORMAT, "the table has no column \"%s\", which holds the ids",
			      t->mapping.id ? t->mapping.id : columns[ID].name);
		return t->r.err ? err_at_line(t->r.err, 1) : RF_EFORMAT;
	}
	while (rc == 1 && (rc = csv_next(&t->csv, t->r.err)) == 1) {
		int row = read_row(t);
		if (row)
			return row;
	}
	return rc;
}

int advisory_table_parse(struct arena *a, const struct advisory_reading *how, struct span bytes,
			 struct advisory_document *ret, struct err *err)
{
	struct table t = { .r = { .a = a, .err = err, .document = ret } };
	if (how->mapping)
		t.mapping = *how->mapping;
	ret->publisher = advisory_copy(&t.r, span_of(t.mapping.publisher ? t.mapping.publisher : "table"));
	ret->id = SPAN("table");
	ret->title = ret->publisher;
	if (!span_is_utf8(bytes))
		return err_set(err, RF_EFORMAT, "a table is UTF-8 text: convert it first (iconv -f GB18030 -t UTF-8)");
	t.csv = csv_begin(bytes, t.mapping.delimiter ? t.mapping.delimiter : csv_guess_delimiter(bytes));
	int rc = read_rows(&t);
	csv_end(&t.csv);
	map_release(&t.by_id);
	return advisory_finish(&t.r, rc);
}
