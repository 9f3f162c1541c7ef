/*
 * check for GitHub Actions: workflow commands, which become annotations of the run and of the pull request's files.
 *
 * docs.github.com, "Workflow commands for GitHub Actions": ::error file=…,line=…,title=…::message. Of one step ten errors
 * and ten warnings are shown: one annotation a subject therefore, with a line for each finding. In a message %, CR and LF
 * are written %25, %0D and %0A; in a property ":" and "," too, so that no name can end one and begin a command of its own.
 * What people read has nothing in it that would change how it looks (str_add_visible()); a path is told byte for byte,
 * those that are not ASCII as %NN where it is not UTF-8, which a log must be.
 */
#include "cli/check_report.h"

/* Longer ones are cut off by GitHub, which says so nowhere. */
#define MESSAGE_FINDINGS 20

static void escaped(struct str *to, struct span text, bool property)
{
	bool is_text = span_is_utf8(text);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == '%' || c < 0x20 || c == 0x7f || (c > 0x7f && !is_text) || (property && (c == ':' || c == ',')))
			str_addf(to, "%%%02X", c);
		else
			str_add_byte(to, text.p[i]);
	}
}

static void escaped_words(struct str *to, struct span words, bool property)
{
	RF_AUTO(str) visible = STR_INIT(4 * MIB);
	str_add_visible(&visible, words);
	escaped(to, str_span(&visible), property);
}

static void place(struct check_sink *s, const struct check_subject *c)
{
	RF_AUTO(str) path = STR_INIT(64 * KIB);
	if (!c->path)
		return;
	check_path(c->path, &path);
	str_add_text(&s->text, "file=");
	escaped(&s->text, str_span(&path), true);
	str_addf(&s->text, ",line=%llu,", (unsigned long long)(c->line ? c->line : 1));
}

static void findings(struct check_sink *s, const struct gate_answer *a)
{
	size_t told = 0, more = 0;
	for (size_t i = 0; i < a->count; i++) {
		const struct gate_finding *f = &a->findings[i];
		if (f->decision == GATE_ALLOW)
			continue;
		if (told == MESSAGE_FINDINGS) {
			more++;
			continue;
		}
		RF_AUTO(str) words = STR_INIT(1 * MIB);
		check_finding_words(f, &words);
		str_add_text(&s->text, told++ ? "%0A" : "");
		escaped_words(&s->text, str_span(&words), false);
	}
	if (more + a->left_out)
		str_addf(&s->text, "%%0Aand %zu more", more + a->left_out);
	if (!told)
		escaped_words(&s->text, a->why, false);
}

static void subject(struct check_sink *s, const struct check_subject *c)
{
	const struct gate_answer *a = c->answer;
	if (a->decision == GATE_ALLOW)
		return;
	str_add_text(&s->text, a->decision == GATE_DENY ? "::error " : "::warning ");
	place(s, c);
	str_addf(&s->text, "title=reforge check%%3A %s ", a->decision == GATE_DENY ? "denied" : "warning about");
	escaped_words(&s->text, span_of(c->name), true);
	str_add_text(&s->text, "::");
	findings(s, a);
	str_add_byte(&s->text, '\n');
}

static void end(struct check_sink *s, const struct check_outcome *o)
{
	if (o->failed) {
		str_add_text(&s->text, "::error title=reforge check could not run::");
		escaped_words(&s->text, span_of(o->failed), false);
		str_add_byte(&s->text, '\n');
	} else {
		str_addf(&s->text, "::notice title=reforge check::%zu checked, %zu denied, %zu with a warning\n", o->subjects, o->denied,
			 o->warned);
	}
}

const struct check_format check_format_github = { "github", "annotations of GitHub Actions", NULL, subject, end, NULL };
