/*
 * CISA's Known Exploited Vulnerabilities, JSON (known_exploited_vulnerabilities_schema.json) and CSV: signals, no
 * statements, since vendor and product stand there without versions.
 */
#include "advisory/advisory_int.h"
#include "format/csv.h"

static int add(struct advisory_reader *r, struct span cve, struct advisory_signal **ret)
{
	cve = span_trim(cve);
	if (!advisory_is_cve(cve))
		return err_set(r->err, RF_EFORMAT, "\"%.*s\" is no CVE id (KEV schema: cveID)",
			       SPAN_ARG(advisory_cut(cve, 40)));
	int rc = advisory_add_signal(r, advisory_copy(r, cve), SPAN("CISA KEV"), SIGNAL_KEV, ret);
	if (!rc)
		(*ret)->kev.due = USEC_NONE;
	return rc;
}

static bool is_known(struct span s)
{
	return span_eq_nocase(span_trim(s), SPAN("Known"));
}

int advisory_kev_sniff(struct json root)
{
	struct json list = json_get(root, "vulnerabilities");
	if (json_kind(list) != JSON_ARRAY)
		return 0;
	if (json_string(json_get(root, "catalogVersion")).n)
		return 100;
	struct json_each it = json_each(list);
	return json_next(&it) && json_string(json_get(it.value, "cveID")).n ? 80 : 0;
}

static int read_json(struct advisory_reader *r, struct json root)
{
	size_t number = 0;
	int64_t count;
	r->document->modified = advisory_time(r, root, "dateReleased", NULL);
	r->document->title = advisory_text(r, root, "title");
	for (struct json_each it = json_each(json_get(root, "vulnerabilities")); json_next(&it); number++) {
		struct advisory_signal *s;
		int rc = add(r, json_string(json_get(it.value, "cveID")), &s);
		if (rc)
			return r->err ? err_in_field(r->err, "vulnerabilities[%zu].cveID", number) : rc;
		s->date = advisory_time(r, it.value, "dateAdded", NULL);
		s->kev.due = advisory_time(r, it.value, "dueDate", NULL);
		s->kev.ransomware = is_known(json_string(json_get(it.value, "knownRansomwareCampaignUse")));
		s->kev.name = advisory_text(r, it.value, "vulnerabilityName");
		s->kev.action = advisory_text(r, it.value, "requiredAction");
	}
	if (json_i64(json_get(root, "count"), &count) && count != (int64_t)number)
		return advisory_warn(r, "count says %lld, the list has %zu: cut off, or written badly",
				     (long long)count, number);
	return 0;
}

static void describe(struct advisory_document *d)
{
	d->id = SPAN("KEV");
	d->publisher = SPAN("CISA");
}

int advisory_kev_parse(struct arena *a, struct json root, struct advisory_document *ret, struct err *err)
{
	struct advisory_reader r = { .a = a, .err = err, .document = ret };
	describe(ret);
	return advisory_finish(&r, read_json(&r, root));
}

int advisory_kev_csv_sniff(struct span bytes)
{
	if (span_starts(bytes, "\xef\xbb\xbf"))
		bytes = span_from(bytes, 3);
	return span_starts_nocase(bytes, "cveID,") || span_starts_nocase(bytes, "\"cveID\",") ? 100 : 0;
}

enum { CVE, NAME, ADDED, DUE, ACTION, RANSOMWARE, COLUMNS };

static int read_header(const struct csv *c, size_t *columns)
{
	static const char *const names[] = { "cveID",   "vulnerabilityName", "dateAdded",
					     "dueDate", "requiredAction",    "knownRansomwareCampaignUse" };
	for (size_t i = 0; i < COLUMNS; i++) {
		columns[i] = SIZE_MAX;
		for (size_t k = 0; k < c->count; k++)
			if (span_eq_nocase(span_trim(c->fields[k]), span_of(names[i])))
				columns[i] = k;
	}
	return columns[CVE] == SIZE_MAX ? RF_EFORMAT : 0;
}

static struct span field(const struct csv *c, size_t column)
{
	return column < c->count ? c->fields[column] : SPAN_NONE;
}

static usec_t date(struct span text)
{
	usec_t t;
	return time_read(span_trim(text), &t, NULL, NULL) ? USEC_NONE : t;
}

static int read_rows(struct advisory_reader *r, struct csv *c)
{
	size_t columns[COLUMNS];
	int rc = csv_next(c, r->err);
	if (rc == 1 && read_header(c, columns))
		return err_set(r->err, RF_EFORMAT, "KEV's table has a column cveID");
	while (rc == 1 && (rc = csv_next(c, r->err)) == 1) {
		struct advisory_signal *s;
		if (add(r, field(c, columns[CVE]), &s))
			return r->err ? err_at_line(r->err, c->line) : RF_EFORMAT;
		s->date = date(field(c, columns[ADDED]));
		s->kev.due = date(field(c, columns[DUE]));
		s->kev.ransomware = is_known(field(c, columns[RANSOMWARE]));
		s->kev.name = advisory_copy(r, span_trim(field(c, columns[NAME])));
		s->kev.action = advisory_copy(r, span_trim(field(c, columns[ACTION])));
		r->document->modified = RF_MAX(r->document->modified, s->date);
	}
	return rc;
}

int advisory_kev_csv_parse(struct arena *a, const struct advisory_reading *how, struct span bytes,
			   struct advisory_document *ret, struct err *err)
{
	(void)how;
	struct advisory_reader r = { .a = a, .err = err, .document = ret };
	struct csv c = csv_begin(bytes, ',');
	describe(ret);
	int rc = read_rows(&r, &c);
	csv_end(&c);
	return advisory_finish(&r, rc);
}
