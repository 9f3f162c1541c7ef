/*
 * check as SARIF 2.1.0 (OASIS standard, errata 01): what code scanning of GitHub, Azure DevOps, IDEs read.
 *
 *   runs[0].results      one for each finding that counts: level error for what is denied, warning, note for a drill
 *          .artifacts    files that were given, with their SHA-256
 *          .tool.driver  rules: one for each advisory, or cause of what has none, as they were met
 *          .invocations  whether everything could be judged
 *
 * Members of a JSON object have no order, so that results are written as they come and the rest behind them. What a waiver,
 * a VEX statement or the baseline excuses is a result with a suppression. GitHub shows no result without a file and a line:
 * engines have line 1; a subject that is no file stands with its name for a URI.
 */
#include "cli/check_report.h"

#include "base/hash.h"

#define SCHEMA "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
/* More advisories than are published about all products together. */
#define RULES_MAX 100000

struct sarif {
	struct json_out out, rules_out, artifacts_out;
	struct str rules, artifacts;
	struct arena a;
	struct map by_id; /* rule's id -> its place */
	size_t rule_count, artifact_count;
};

static void begin(struct check_sink *s)
{
	struct sarif *f = rf_alloc(sizeof *f);
	s->state = f;
	if (!f) {
		s->text.failed = RF_ENOMEM;
		return;
	}
	*f = (struct sarif){ .a = ARENA_INIT(256 * MIB), .rules = STR_INIT(CHECK_REPORT_MAX_BYTES), .artifacts = STR_INIT(CHECK_REPORT_MAX_BYTES) };
	f->out = json_out(&s->text, false);
	f->rules_out = json_out(&f->rules, false);
	f->artifacts_out = json_out(&f->artifacts, false);
	json_array(&f->rules_out);
	json_array(&f->artifacts_out);
	json_object(&f->out);
	json_member(&f->out, "$schema", SCHEMA);
	json_member(&f->out, "version", "2.1.0");
	json_key(&f->out, "runs");
	json_array(&f->out);
	json_object(&f->out);
	json_key(&f->out, "results");
	json_array(&f->out);
}

static void message(struct json_out *o, const char *key, struct span text)
{
	json_key(o, key);
	json_object(o);
	json_member_span(o, "text", text);
	json_object_end(o);
}

/* ── Rules ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void help_uri(struct json_out *o, struct span id)
{
	if (span_starts(id, "CVE-")) {
		json_key(o, "helpUri");
		json_putf(o, "https://www.cve.org/CVERecord?id=%.*s", SPAN_ARG(id));
	} else if (span_starts(id, "GHSA-")) {
		json_key(o, "helpUri");
		json_putf(o, "https://github.com/advisories/%.*s", SPAN_ARG(id));
	}
}

/* The cause in words; the title of an advisory says more. */
static struct span description(const struct gate_fact *t)
{
	enum finding_cause cause;
	if (t->title.n)
		return t->title;
	for (int i = 0; i < GATE_CAUSE_COUNT; i++)
		if (strcmp(gate_cause_name((enum gate_cause)i), t->cause) == 0)
			return span_of(gate_cause_words((enum gate_cause)i));
	if (finding_cause_read(span_of(t->cause), &cause))
		return span_of(finding_cause_words(cause));
	return span_of(t->cause);
}

static void rule_write(struct json_out *o, const struct gate_finding *f, struct span id)
{
	const struct gate_fact *t = &f->fact;
	json_object(o);
	json_member_span(o, "id", id);
	message(o, "shortDescription", description(t));
	help_uri(o, id);
	json_key(o, "properties");
	json_object(o);
	json_key(o, "tags");
	json_array(o);
	json_put_text(o, "security");
	if (t->is_drill)
		json_put_text(o, "drill");
	json_array_end(o);
	if (t->severity >= 0) { /* GitHub wants a text */
		json_key(o, "security-severity");
		json_putf(o, "%d.%d", t->severity / 10, t->severity % 10);
	}
	json_object_end(o);
	json_object_end(o);
}

/* The rule's place in the list; it is written when it is met first. */
static size_t rule_of(struct check_sink *s, const struct gate_finding *f, struct span id)
{
	struct sarif *state = s->state;
	size_t *known = map_get(&state->by_id, id);
	if (known)
		return *known;
	size_t *place = arena_alloc(&state->a, sizeof *place);
	struct span key = arena_span(&state->a, id);
	if (state->rule_count == RULES_MAX || !place || !key.p || map_set(&state->by_id, key, place) != 0) {
		s->text.failed = state->rule_count == RULES_MAX ? RF_ETOOBIG : RF_ENOMEM;
		return 0;
	}
	*place = state->rule_count++;
	rule_write(&state->rules_out, f, id);
	return *place;
}

/* ── Places ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~/!$&'()*+,;=@", c));
}

/* RFC 3986: a path of any bytes as a reference. A ":" would make a scheme of what stands before it. */
static void uri_add(struct str *to, struct span path, const char *also)
{
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];
		if (is_plain(c) || (c && strchr(also, c)))
			str_add_byte(to, path.p[i]);
		else
			str_addf(to, "%%%02X", c);
	}
}

/* A file below the working folder is relative to what was checked out. */
static void location_members(struct json_out *o, const struct check_subject *c)
{
	RF_AUTO(str) path = STR_INIT(64 * KIB);
	RF_AUTO(str) uri = STR_INIT(256 * KIB);
	if (c->path)
		check_path(c->path, &path);
	bool absolute = span_starts(str_span(&path), "/");
	if (!c->path)
		uri_add(&uri, span_of(c->name), span_starts(span_of(c->name), "pkg:") ? ":%?#" : "");
	else if (absolute)
		str_add_text(&uri, "file://");
	uri_add(&uri, str_span(&path), "");
	json_member_span(o, "uri", str_span(&uri));
	if (c->path && !absolute)
		json_member(o, "uriBaseId", "%SRCROOT%");
}

static void location(struct json_out *o, const struct check_subject *c, const struct gate_finding *f, size_t artifact)
{
	json_object(o);
	json_key(o, "physicalLocation");
	json_object(o);
	json_key(o, "artifactLocation");
	json_object(o);
	location_members(o, c);
	if (artifact != SIZE_MAX)
		json_member_u64(o, "index", artifact);
	json_object_end(o);
	json_key(o, "region");
	json_object(o);
	json_member_u64(o, "startLine", c->line ? c->line : 1);
	json_object_end(o);
	json_object_end(o);
	json_key(o, "logicalLocations");
	json_array(o);
	json_object(o);
	json_key(o, "fullyQualifiedName");
	json_putf(o, "%s%s%.*s", c->name, f->fact.where.n ? "!/" : "", SPAN_ARG(f->fact.where));
	json_member(o, "kind", span_starts(span_of(c->name), "pkg:") ? "package" : "resource");
	json_object_end(o);
	json_array_end(o);
	json_object_end(o);
}

/* The file that was given, once; what lies inside of it has no bytes of its own on the disk. */
static size_t artifact_of(struct sarif *state, const struct check_subject *c)
{
	struct json_out *o = &state->artifacts_out;
	if (!c->path || !c->sha256 || strcmp(c->path, c->name) != 0)
		return SIZE_MAX;
	json_object(o);
	json_key(o, "location");
	json_object(o);
	location_members(o, c);
	json_object_end(o);
	json_key(o, "roles");
	json_array(o);
	json_put_text(o, "analysisTarget");
	json_array_end(o);
	json_key(o, "hashes");
	json_object(o);
	json_member(o, "sha-256", c->sha256);
	json_object_end(o);
	json_object_end(o);
	return state->artifact_count++;
}

/* ── Results ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Of what is excused: what it would be. */
static const char *level(const struct gate_finding *f)
{
	struct check_cover cover;
	char id[24];
	if (f->fact.is_drill)
		return "note";
	if (check_finding_cover(f, id, &cover))
		return f->fact.kind == FINDING_AFFECTED ? "error" : "warning";
	return f->decision == GATE_DENY ? "error" : f->decision == GATE_WARN ? "warning" : "note";
}

/* All results of a run have the member, or none has (3.27.23). */
static void suppressions(struct json_out *o, const struct gate_finding *f)
{
	struct check_cover c;
	char id[24], until[TIME_TEXT_BYTES];
	json_key(o, "suppressions");
	json_array(o);
	if (check_finding_cover(f, id, &c)) {
		json_object(o);
		json_member(o, "kind", "external");
		json_member(o, "status", "accepted");
		json_key(o, "justification");
		json_putf(o, "%s%s%s%s%.*s until %s: %.*s", c.kind, c.id ? " " : "", c.id ? c.id : "", c.owner.n ? " by " : "",
			  SPAN_ARG(c.owner), c.until == USEC_NONE ? "further notice" : time_text(c.until, until), SPAN_ARG(c.reason));
		json_object_end(o);
	}
	json_array_end(o);
}

static void properties(struct json_out *o, const struct gate_finding *f)
{
	json_key(o, "properties");
	json_object(o);
	json_member(o, "decision", gate_decision_name(f->decision));
	json_member(o, "decidedBy", gate_use_name(f->by));
	json_member(o, "finding", finding_kind_name(f->fact.kind));
	json_member(o, "cause", f->fact.cause);
	if (f->fact.purl.n) {
		json_member_span(o, "product", f->fact.purl);
		json_member_span(o, "version", f->fact.version);
	}
	json_object_end(o);
}

static void result(struct check_sink *s, const struct check_subject *c, const struct gate_finding *f, size_t artifact)
{
	struct sarif *state = s->state;
	struct json_out *o = &state->out;
	RF_AUTO(str) words = STR_INIT(1 * MIB);
	struct digest d;
	char hex[DIGEST_HEX];
	struct span id = check_finding_id(f);
	size_t rule = rule_of(s, f, id);
	check_finding_words(f, &words);
	check_finding_fingerprint(c, f, &d);
	(void)digest_hex(&d, hex);
	json_object(o);
	json_member_span(o, "ruleId", id);
	json_member_u64(o, "ruleIndex", rule);
	json_member(o, "kind", "fail");
	json_member(o, "level", level(f));
	message(o, "message", str_span(&words));
	json_key(o, "locations");
	json_array(o);
	location(o, c, f, artifact);
	json_array_end(o);
	json_key(o, "partialFingerprints");
	json_object(o);
	json_member(o, "subjectAndCause/v1", hex);
	json_key(o, "primaryLocationLineHash");
	json_putf(o, "%.16s:1", hex);
	json_object_end(o);
	suppressions(o, f);
	properties(o, f);
	json_object_end(o);
}

static void subject(struct check_sink *s, const struct check_subject *c)
{
	struct sarif *state = s->state;
	if (!state)
		return;
	size_t artifact = artifact_of(state, c);
	for (size_t i = 0; i < c->answer->count && !s->text.failed; i++)
		if (check_finding_counts(&c->answer->findings[i]))
			result(s, c, &c->answer->findings[i], artifact);
}

/* ── The rest of the run ────────────────────────────────────────────────────────────────────────────────────────── */

static void tool(struct sarif *state)
{
	struct json_out *o = &state->out;
	json_key(o, "tool");
	json_object(o);
	json_key(o, "driver");
	json_object(o);
	json_member(o, "name", "reforge");
	json_member(o, "version", REFORGE_VERSION);
	json_array_end(&state->rules_out);
	json_key(o, "rules");
	json_put_raw(o, str_span(&state->rules));
	json_object_end(o);
	json_object_end(o);
}

static void invocation(struct json_out *o, const struct check_outcome *outcome)
{
	json_key(o, "invocations");
	json_array(o);
	json_object(o);
	json_member_bool(o, "executionSuccessful", !outcome->failed);
	json_member_time(o, "endTimeUtc", outcome->at);
	if (outcome->failed) {
		json_key(o, "toolExecutionNotifications");
		json_array(o);
		json_object(o);
		json_member(o, "level", "error");
		message(o, "message", span_of(outcome->failed));
		json_object_end(o);
		json_array_end(o);
	}
	json_object_end(o);
	json_array_end(o);
}

static void end(struct check_sink *s, const struct check_outcome *outcome)
{
	struct sarif *state = s->state;
	if (!state)
		return;
	struct json_out *o = &state->out;
	json_array_end(o);
	json_array_end(&state->artifacts_out);
	json_key(o, "artifacts");
	json_put_raw(o, str_span(&state->artifacts));
	tool(state);
	invocation(o, outcome);
	json_key(o, "automationDetails");
	json_object(o);
	json_member(o, "id", "reforge-check/");
	json_object_end(o);
	json_member(o, "columnKind", "utf16CodeUnits");
	json_object_end(o);
	json_array_end(o);
	json_object_end(o);
	str_add_byte(&s->text, '\n');
	if (state->rules.failed || state->artifacts.failed)
		s->text.failed = RF_ETOOBIG;
}

static void release(struct check_sink *s)
{
	struct sarif *state = s->state;
	if (!state)
		return;
	map_release(&state->by_id);
	str_release(&state->rules);
	str_release(&state->artifacts);
	arena_release(&state->a);
	rf_free(state);
}

const struct check_format check_format_sarif = { "sarif", "SARIF 2.1.0, for code scanning", begin, subject, end, release };
