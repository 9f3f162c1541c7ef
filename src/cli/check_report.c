/* The forms that `check` was asked for: where each goes, and what several of them say alike. See check_report.h. */
#include "cli/check_report.h"

#include "base/fs.h"

#include <unistd.h>

const struct check_format *const check_formats[] = {
	&check_format_people, &check_format_json,   &check_format_sarif, &check_format_junit,
	&check_format_github, &check_format_gitlab, NULL,
};

/* ── Which ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct check_format *format_named(struct span name)
{
	for (size_t i = 0; check_formats[i]; i++)
		if (span_eq_text(name, check_formats[i]->name))
			return check_formats[i];
	return NULL;
}

static int unknown_format(struct span name, struct err *err)
{
	RF_AUTO(str) names = STR_INIT(1 * KIB);
	for (size_t i = 0; check_formats[i]; i++)
		str_addf(&names, "%s%s", i ? ", " : "", check_formats[i]->name);
	return err_set(err, RF_EUSAGE, "--format \"%.*s\": %s, each with =FILE or for standard output", SPAN_ARG(name),
		       str_text(&names));
}

static int sink_add(struct check_reports *r, const struct check_format *format, const char *path, struct err *err)
{
	if (r->count == CHECK_MAX_REPORTS)
		return err_set(err, RF_EUSAGE, "--format: more than %d reports", CHECK_MAX_REPORTS);
	for (size_t i = 0; i < r->count; i++) {
		const char *other = r->sinks[i].path;
		if (!path && !other)
			return err_set(err, RF_EUSAGE, "--format: %s and %s cannot both go to standard output; give one a =FILE",
				       r->sinks[i].format->name, format->name);
		if (path && other && strcmp(path, other) == 0)
			return err_set(err, RF_EUSAGE, "--format: two reports for the file %s", path);
	}
	r->sinks[r->count++] = (struct check_sink){ .format = format, .path = path, .text = STR_INIT(CHECK_REPORT_MAX_BYTES) };
	return 0;
}

static int sink_read(struct check_reports *r, const char *text, struct err *err)
{
	struct span name = span_of(text);
	size_t equals = span_find_byte(name, '=');
	const char *path = equals == SIZE_MAX ? NULL : text + equals + 1;
	name = span_sub(name, 0, equals);
	const struct check_format *format = format_named(name);
	if (!format)
		return unknown_format(name, err);
	if (path && !path[0])
		return err_set(err, RF_EUSAGE, "--format %s: a file's name is missing behind \"=\"", text);
	return sink_add(r, format, path, err);
}

static bool takes_output(const struct check_reports *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (!r->sinks[i].path)
			return true;
	return false;
}

int check_reports_open(struct check_reports *r, const struct check_report_options *o, struct err *err)
{
	int rc = 0;
	*r = (struct check_reports){ .beside = o->beside, .outcome.at = o->at };
	if (o->json)
		rc = sink_add(r, &check_format_json, NULL, err);
	for (size_t i = 0; rc == 0 && i < o->format_count; i++)
		rc = sink_read(r, o->formats[i], err);
	if (rc == 0 && !takes_output(r))
		rc = sink_add(r, &check_format_people, NULL, err);
	for (size_t i = 0; rc == 0 && i < r->count; i++) {
		struct check_sink *s = &r->sinks[i];
		s->all = o->all;
		s->coloured = !s->path && !o->beside && out_is_coloured();
		s->pretty = !s->path && !o->beside && o->single && out_is_terminal();
		if (s->format->begin)
			s->format->begin(s);
	}
	return rc;
}

/* ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What goes to a terminal or a pipe goes at once; a file is put in place whole. */
static int hand_over(const struct check_reports *r, struct check_sink *s, struct err *err)
{
	int rc = str_check(&s->text, s->format->name, err);
	if (rc != 0 || s->path || !s->text.n)
		return rc;
	if (r->beside)
		rc = fs_write_all(STDERR_FILENO, s->text.p, s->text.n, err);
	else
		out_str(&s->text);
	str_reset(&s->text);
	return rc ? rc : r->beside ? 0 : out_end(err);
}

int check_reports_subject(struct check_reports *r, const struct check_subject *c, struct err *err)
{
	struct check_outcome *o = &r->outcome;
	int rc = 0;
	o->subjects++;
	o->denied += c->answer->decision == GATE_DENY;
	o->warned += c->answer->decision == GATE_WARN;
	o->worst = RF_MAX(o->worst, c->answer->decision);
	for (size_t i = 0; rc == 0 && i < r->count; i++) {
		if (r->sinks[i].format->subject)
			r->sinks[i].format->subject(&r->sinks[i], c);
		rc = hand_over(r, &r->sinks[i], err);
	}
	return rc;
}

int check_reports_end(struct check_reports *r, const char *failed, struct err *err)
{
	int first = 0;
	r->outcome.failed = failed;
	for (size_t i = 0; i < r->count; i++) {
		struct check_sink *s = &r->sinks[i];
		struct err *e = first ? NULL : err;
		if (s->format->end)
			s->format->end(s, &r->outcome);
		int rc = hand_over(r, s, e);
		if (rc == 0 && s->path)
			rc = fs_write_atomic(s->path, str_span(&s->text), 0644, e);
		first = first ? first : rc;
	}
	return first;
}

void check_reports_release(struct check_reports *r)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->sinks[i].format->release)
			r->sinks[i].format->release(&r->sinks[i]);
		str_release(&r->sinks[i].text);
	}
	r->count = 0;
}

/* ── Alike ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

bool check_finding_cover(const struct gate_finding *f, char id[24], struct check_cover *ret)
{
	*ret = (struct check_cover){ .kind = gate_use_name(f->by), .until = f->until };
	switch (f->by) {
	case GATE_BY_WAIVER:
		snprintf(id, 24, "%lld", (long long)f->waiver->id);
		ret->id = id;
		ret->owner = f->waiver->owner;
		ret->reason = f->waiver->reason;
		return true;
	case GATE_BY_VEX:
		ret->owner = f->vex->author;
		ret->reason = f->vex->justification;
		return true;
	case GATE_BY_BASELINE:
		ret->owner = f->debt.owner;
		ret->reason = SPAN("there on the day of adoption");
		return true;
	case GATE_BY_POLICY:
	case GATE_BY_FAIL_ON:
	case GATE_BY_GRACE:
	case GATE_BY_DRILL:
		return false;
	}
	return false;
}

struct span check_finding_id(const struct gate_finding *f)
{
	return f->fact.advisory.n ? f->fact.advisory : span_of(f->fact.cause);
}

bool check_finding_counts(const struct gate_finding *f)
{
	return f->decision != GATE_ALLOW || f->fact.kind != FINDING_NOT_AFFECTED;
}

/* "a", "a b" (both), … with what separates them only where something stands in front. */
static void joined(struct str *to, const char *before, struct span text, const char *behind)
{
	if (!text.n)
		return;
	str_add_text(to, before);
	str_add(to, text);
	str_add_text(to, behind);
}

void check_finding_words(const struct gate_finding *f, struct str *to)
{
	const struct gate_fact *t = &f->fact;
	str_add(to, check_finding_id(f));
	joined(to, ", ", t->purl, "");
	joined(to, " ", t->purl.n ? t->version : SPAN_NONE, "");
	if (t->has_carrier)
		str_addf(to, " (%s)", carrier_name(t->carrier));
	joined(to, ", ", t->where, "");
	joined(to, ": ", f->why.n ? f->why : t->reason, "");
	for (size_t i = 0; i < t->fixed_count; i++)
		joined(to, i ? ", " : "; fixed in ", t->fixed[i], "");
	joined(to, ". Next: ", f->next, "");
}

void check_finding_fingerprint(const struct check_subject *c, const struct gate_finding *f, struct digest *ret)
{
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	RF_AUTO(str) path = STR_INIT(64 * KIB);
	if (c->path)
		check_path(c->path, &path);
	/* NUL between, so that no two lists of parts are one text */
	struct span parts[] = { str_span(&path), span_of(c->name), check_finding_id(f), span_of(f->fact.cause),
				span_of(f->fact.has_carrier ? carrier_name(f->fact.carrier) : ""), f->fact.purl, f->fact.where };
	for (size_t i = 0; i < RF_COUNT(parts); i++) {
		str_add(&text, parts[i]);
		str_add_byte(&text, '\0');
	}
	digest_of(str_span(&text), ret);
}

void check_path(const char *path, struct str *to)
{
	char here[FS_PATH_MAX];
	struct span rest = span_of(path);
	if (rest.n && rest.p[0] == '/' && getcwd(here, sizeof here)) {
		size_t n = strlen(here);
		if (span_starts(rest, here) && rest.n > n && rest.p[n] == '/')
			rest = span_from(rest, n + 1);
	}
	while (span_starts(rest, "./"))
		rest = span_from(rest, 2);
	str_add(to, rest);
}
