/*
 * EPSS of FIRST, https://www.first.org/epss/data_stats: a comment with model and date, a header, a row for every CVE
 * there is. Written for speed, since it is all of them every day: ids point into one copy of the text.
 */
#include "advisory/advisory_int.h"

int advisory_epss_sniff(struct span bytes)
{
	if (span_starts(bytes, "#model_version:"))
		return 100;
	return span_starts(bytes, "cve,epss") ? 95 : 0;
}

/* "2024-10-25T00:00:00+0000": an offset without its colon. */
static usec_t score_date(struct span text)
{
	usec_t t;
	char iso[40];
	if (text.n > 5 && text.n < sizeof iso - 1 && (text.p[text.n - 5] == '+' || text.p[text.n - 5] == '-')) {
		int n = snprintf(iso, sizeof iso, "%.*s:%.*s", SPAN_ARG(span_sub(text, 0, text.n - 2)),
				 SPAN_ARG(span_from(text, text.n - 2)));
		text = (struct span){ iso, (size_t)n };
	}
	return time_read(text, &t, NULL, NULL) ? USEC_NONE : t;
}

static void read_comment(struct advisory_reader *r, struct span line)
{
	struct span rest = span_from(line, 1), part;
	while (span_split(&rest, ',', &part))
		if (span_starts(part, "score_date:"))
			r->document->modified = score_date(span_trim(span_from(part, strlen("score_date:"))));
		else if (span_starts(part, "model_version:"))
			r->document->title = advisory_join(
				r, SPAN("EPSS "), span_trim(span_from(part, strlen("model_version:"))), SPAN_NONE);
}

static bool probability(struct span s, double *ret)
{
	return span_double(span_trim(s), ret) && *ret >= 0 && *ret <= 1;
}

static int read_row(struct advisory_reader *r, struct span line)
{
	struct span cve, score, percentile = SPAN_NONE;
	struct advisory_signal *s;
	double value, place = -1;
	bool whole = span_split(&line, ',', &cve) && span_split(&line, ',', &score);
	cve = span_trim(cve);
	if (whole)
		(void)span_split(&line, ',', &percentile);
	if (!whole || !advisory_is_cve(cve) || !probability(score, &value) ||
	    (percentile.n && !probability(percentile, &place)))
		return err_set(r->err, RF_EFORMAT, "a row is cve, epss, percentile; the last two from 0 to 1");
	int rc = advisory_add_signal(r, cve, SPAN("FIRST EPSS"), SIGNAL_EPSS, &s);
	if (rc)
		return rc;
	s->date = r->document->modified;
	s->epss.score = value;
	s->epss.percentile = place;
	return 0;
}

static int read_lines(struct advisory_reader *r, struct span rest)
{
	struct span line;
	bool header = false;
	for (uint64_t number = 1; span_line(&rest, &line); number++) {
		int rc = 0;
		if (!line.n)
			continue;
		if (line.p[0] == '#')
			read_comment(r, line);
		else if (!header && span_starts(line, "cve,"))
			header = true;
		else
			rc = read_row(r, line);
		if (rc)
			return r->err ? err_at_line(r->err, number) : rc;
	}
	return header || r->document->signal_count
		       ? 0
		       : err_set(r->err, RF_EFORMAT, "an EPSS table has a header: cve,epss,percentile");
}

static size_t count_lines(struct span s)
{
	size_t n = 1;
	for (const char *p = s.p, *end = s.p + s.n; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		n++;
	return n;
}

int advisory_epss_parse(struct arena *a, const struct advisory_reading *how, struct span bytes,
			struct advisory_document *ret, struct err *err)
{
	(void)how;
	struct advisory_reader r = { .a = a, .err = err, .document = ret };
	ret->id = SPAN("EPSS");
	ret->publisher = SPAN("FIRST");
	struct span kept = arena_span(a, bytes);
	if (!kept.p)
		return err_set(err, RF_ENOMEM, "EPSS of %zu bytes", bytes.n);
	/* one array of the right size: a growing one would leave its halves in the arena */
	r.signals_capacity = RF_MIN(count_lines(kept), (size_t)ADVISORY_MAX_SIGNALS);
	ret->signals = arena_array(a, r.signals_capacity + 1, sizeof *ret->signals);
	if (!ret->signals)
		return err_set(err, RF_ENOMEM, "EPSS of %zu rows", r.signals_capacity);
	return advisory_finish(&r, read_lines(&r, kept));
}
