/*
 * check for GitLab: a Code Quality report (docs.gitlab.com, "Code Quality", artifacts:reports:codequality): an array of
 * {description, check_name, fingerprint, severity, location {path, lines {begin}}}, whose fingerprints are unique: GitLab
 * shows one of equal ones only.
 */
#include "cli/check_report.h"

#include "base/hash.h"

struct gitlab {
	struct json_out out;
	struct arena a;
	struct map seen; /* fingerprints written */
};

static void begin(struct check_sink *s)
{
	struct gitlab *g = rf_alloc(sizeof *g);
	s->state = g;
	if (!g) {
		s->text.failed = RF_ENOMEM;
		return;
	}
	*g = (struct gitlab){ .out = json_out(&s->text, false), .a = ARENA_INIT(1 * GIB) };
	json_array(&g->out);
}

/* @ret of DIGEST_HEX. Of two that are alike in all that lasts, the second has its number in it. */
static void unique(struct check_sink *s, const struct check_subject *c, const struct gate_finding *f, char *ret)
{
	struct gitlab *g = s->state;
	struct digest d;
	check_finding_fingerprint(c, f, &d);
	for (;;) {
		char *key = arena_text(&g->a, span_of(digest_hex(&d, ret)));
		if (!key) {
			s->text.failed = RF_ENOMEM;
			return;
		}
		if (!map_get(&g->seen, span_of(key))) {
			if (map_set(&g->seen, span_of(key), key) != 0)
				s->text.failed = RF_ENOMEM;
			return;
		}
		digest_of(span_bytes(d.bytes, sizeof d.bytes), &d);
	}
}

static const char *severity(const struct gate_finding *f)
{
	if (f->decision == GATE_DENY)
		return f->fact.kev != USEC_NONE || f->fact.severity >= 90 ? "blocker" : "critical";
	return f->decision == GATE_WARN ? f->fact.kind == FINDING_AFFECTED ? "major" : "minor" : "info";
}

static void location(struct json_out *o, struct span path, uint64_t line)
{
	json_key(o, "location");
	json_object(o);
	json_member_span(o, "path", path);
	json_key(o, "lines");
	json_object(o);
	json_member_u64(o, "begin", line);
	json_object_end(o);
	json_object_end(o);
}

static void subject(struct check_sink *s, const struct check_subject *c)
{
	struct gitlab *g = s->state;
	RF_AUTO(str) path = STR_INIT(64 * KIB);
	check_path(c->path ? c->path : c->name, &path);
	for (size_t i = 0; i < c->answer->count && !s->text.failed; i++) {
		const struct gate_finding *f = &c->answer->findings[i];
		RF_AUTO(str) words = STR_INIT(1 * MIB);
		char hex[DIGEST_HEX];
		if (!check_finding_counts(f))
			continue;
		str_add_visible(&words, span_of(c->name));
		str_add_text(&words, ": ");
		check_finding_words(f, &words);
		unique(s, c, f, hex);
		json_object(&g->out);
		json_member_span(&g->out, "description", str_span(&words));
		json_member_span(&g->out, "check_name", check_finding_id(f));
		json_member(&g->out, "fingerprint", hex);
		json_member(&g->out, "severity", severity(f));
		location(&g->out, str_span(&path), c->line ? c->line : 1);
		json_object_end(&g->out);
	}
}

static void failed(struct json_out *o, const char *why)
{
	struct digest d;
	char hex[DIGEST_HEX];
	digest_of(span_of(why), &d);
	json_object(o);
	json_member(o, "description", why);
	json_member(o, "check_name", "reforge-check-could-not-run");
	json_member(o, "fingerprint", digest_hex(&d, hex));
	json_member(o, "severity", "blocker");
	location(o, SPAN("reforge.yaml"), 1);
	json_object_end(o);
}

static void end(struct check_sink *s, const struct check_outcome *o)
{
	struct gitlab *g = s->state;
	if (!g)
		return;
	if (o->failed)
		failed(&g->out, o->failed);
	json_array_end(&g->out);
	str_add_byte(&s->text, '\n');
}

static void release(struct check_sink *s)
{
	struct gitlab *g = s->state;
	if (!g)
		return;
	map_release(&g->seen);
	arena_release(&g->a);
	rf_free(g);
}

const struct check_format check_format_gitlab = { "gitlab", "a Code Quality report of GitLab", begin, subject, end, release };
