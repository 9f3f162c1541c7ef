/*
 * check as JUnit XML: one test case a subject; denied is a failure, could not run an error, a warning a test that passed
 * and has its words in system-out. As Jenkins' schema (junit-10.xsd) and GitLab's artifacts:reports:junit read it.
 *
 * Counts stand in front of the cases, so that these are kept until the end.
 */
#include "cli/check_report.h"

struct junit {
	struct str cases;
};

static void begin(struct check_sink *s)
{
	struct junit *j = rf_alloc(sizeof *j);
	s->state = j;
	if (!j)
		s->text.failed = RF_ENOMEM;
	else
		j->cases = STR_INIT(CHECK_REPORT_MAX_BYTES);
}

/* XML 1.0 has no U+FFFE, U+FFFF, in UTF-8 EF BF BE, EF BF BF; everything else that it has not str_add_html() replaces. */
static void xml(struct str *to, struct span text)
{
	size_t from = 0;
	for (size_t i = 0; i + 2 < text.n; i++)
		if (memcmp(text.p + i, "\xef\xbf", 2) == 0 && (unsigned char)text.p[i + 2] >= 0xbe) {
			str_add_html(to, span_sub(text, from, i - from));
			str_add_text(to, "\xef\xbf\xbd");
			from = i + 3;
			i += 2;
		}
	str_add_html(to, span_from(text, from));
}

/* A name is read by people, and in an attribute a line break would become a blank: two names would be one. */
static void xml_name(struct str *to, const char *name)
{
	RF_AUTO(str) visible = STR_INIT(1 * MIB);
	str_add_visible(&visible, span_of(name));
	xml(to, str_span(&visible));
}

static void findings(struct str *to, const struct gate_answer *a, enum gate_decision decision)
{
	for (size_t i = 0; i < a->count; i++) {
		RF_AUTO(str) words = STR_INIT(1 * MIB);
		if (a->findings[i].decision != decision)
			continue;
		check_finding_words(&a->findings[i], &words);
		xml(to, str_span(&words));
		str_add_byte(to, '\n');
	}
	if (a->left_out)
		str_addf(to, "%zu more findings are left out\n", a->left_out);
}

static void subject(struct check_sink *s, const struct check_subject *c)
{
	struct junit *j = s->state;
	const struct gate_answer *a = c->answer;
	if (!j)
		return;
	str_add_text(&j->cases, "    <testcase classname=\"reforge.check\" name=\"");
	xml_name(&j->cases, c->name);
	str_add_text(&j->cases, "\"");
	if (a->decision == GATE_ALLOW) {
		str_add_text(&j->cases, "/>\n");
		return;
	}
	str_add_text(&j->cases, ">\n");
	if (a->decision == GATE_DENY) {
		str_add_text(&j->cases, "      <failure type=\"");
		xml(&j->cases, a->count ? check_finding_id(&a->findings[0]) : SPAN("deny"));
		str_add_text(&j->cases, "\" message=\"");
		xml(&j->cases, a->why);
		str_add_text(&j->cases, "\">");
		findings(&j->cases, a, GATE_DENY);
		str_add_text(&j->cases, "</failure>\n");
	}
	str_add_text(&j->cases, "      <system-out>");
	findings(&j->cases, a, a->audit && a->decision == GATE_WARN ? GATE_DENY : GATE_WARN);
	str_add_text(&j->cases, "</system-out>\n    </testcase>\n");
	if (j->cases.failed)
		s->text.failed = j->cases.failed;
}

static void end(struct check_sink *s, const struct check_outcome *o)
{
	struct junit *j = s->state;
	char at[TIME_TEXT_BYTES], counts[128];
	if (!j)
		return;
	if (o->failed) {
		str_add_text(&j->cases, "    <testcase classname=\"reforge.check\" name=\"reforge check\">\n      <error type=\"could not run\" "
					"message=\"");
		xml(&j->cases, span_of(o->failed));
		str_add_text(&j->cases, "\"/>\n    </testcase>\n");
	}
	/* "2026-07-14T09:30:00": the schema's time has no zone */
	struct span time = span_sub(span_of(time_text(o->at, at)), 0, 19);
	int errors = o->failed != NULL;
	snprintf(counts, sizeof counts, "tests=\"%zu\" failures=\"%zu\" errors=\"%d\"", o->subjects + (size_t)errors, o->denied, errors);
	str_addf(&s->text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"reforge check\" %s>\n", counts);
	str_addf(&s->text, "  <testsuite name=\"reforge check\" %s timestamp=\"%.*s\">\n", counts, SPAN_ARG(time));
	str_add(&s->text, str_span(&j->cases));
	str_add_text(&s->text, "  </testsuite>\n</testsuites>\n");
}

static void release(struct check_sink *s)
{
	struct junit *j = s->state;
	if (j)
		str_release(&j->cases);
	rf_free(j);
}

const struct check_format check_format_junit = { "junit", "JUnit XML, a test case a subject", begin, subject, end, release };
