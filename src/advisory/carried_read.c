/* carried_read - what carried_write() wrote, or a refusal that says where and why. */
#include "advisory/carried.h"

#include "advisory/carried_int.h"
#include "format/wire.h"

/* Aliases, scores, documents, signals of one advisory: a row is 2 bytes and takes up to 400 in memory. */
#define MAX_ROWS 65536

struct reading {
	struct wire_in in;
	struct arena *a;
	size_t counts[CARRIED_FIELDS];
	struct span *texts;
	struct advisory_origin *origins;
	struct stored_advisory v;
};

static const struct product *product(struct reading *in, const char *what)
{
	struct span purl = wire_text(&in->in, what);
	return purl.n ? product_by_purl(purl) : NULL;
}

/* ---------------------------------------------------------------- rows */

static void read_advisory(struct reading *in)
{
	struct advisory *a = &in->v.advisory;
	a->id = wire_text(&in->in, "id");
	a->title = wire_text(&in->in, "title");
	a->url = wire_text(&in->in, "url");
	a->cwe = wire_text(&in->in, "cwe");
	a->state = (enum advisory_state)wire_number(&in->in, ADVISORY_REJECTED, "state");
	uint64_t flags = wire_number(&in->in, CARRIED_DRILL | CARRIED_HAS_TIME, "flags of the advisory");
	a->is_drill = flags & CARRIED_DRILL;
	a->published_has_time = flags & CARRIED_HAS_TIME;
	a->tlp = (enum tlp)wire_number(&in->in, TLP_RED, "TLP mark");
	a->published = wire_moment(&in->in, "published");
	a->modified = wire_moment(&in->in, "modified");
	in->v.first_seen = wire_moment(&in->in, "first seen");
	if (!in->in.failed && (!a->id.n || a->id.n > ADVISORY_MAX_ID))
		wire_refuse(&in->in, "id", "is empty or too long");
	if (!in->in.failed && a->is_drill != span_starts(a->id, "DRILL-"))
		wire_refuse(&in->in, "the mark of a drill", "and the id disagree"); /* a drill never decides: no other may be one */
}

static void read_severity(struct reading *in, struct advisory_severity *s)
{
	s->source = wire_text(&in->in, "source of a score");
	s->type = wire_text(&in->in, "type of a score");
	s->vector = wire_text(&in->in, "vector");
	s->rating = wire_text(&in->in, "rating");
	s->score = wire_real(&in->in, "score");
	s->computed = wire_real(&in->in, "computed score");
}

static void read_origin(struct reading *in, struct advisory_origin *o)
{
	o->document_digest = wire_text(&in->in, "digest of a document");
	o->document_id = wire_text(&in->in, "id of a document");
	o->feed = wire_text(&in->in, "feed");
	o->format = wire_text(&in->in, "format of a document");
	o->record_state = (enum advisory_state)wire_number(&in->in, ADVISORY_REJECTED, "state of a record");
	o->authority = (enum advisory_authority)wire_number(&in->in, AUTHORITY_VENDOR, "authority");
	o->record_modified = wire_moment(&in->in, "modified");
	o->imported_at = wire_moment(&in->in, "imported");
}

static struct advisory_origin origin(struct reading *in)
{
	size_t n = in->counts[CARRIED_ORIGIN];
	uint64_t i = wire_number(&in->in, n ? n - 1 : 0, "origin");
	if (!n)
		wire_refuse(&in->in, "origin", "names one of none");
	return in->in.failed ? (struct advisory_origin){ 0 } : in->origins[i];
}

static void read_source(struct reading *in, struct advisory_source *s)
{
	s->origin = origin(in);
	s->publisher = wire_text(&in->in, "publisher");
	s->record.id = wire_text(&in->in, "id of a record");
	s->record.state = (enum advisory_state)wire_number(&in->in, ADVISORY_REJECTED, "state of a record");
	s->record.state_reason = wire_text(&in->in, "reason of a state");
	s->record.assigner = wire_text(&in->in, "assigner");
}

static void read_intervals(struct reading *in, struct range *r)
{
	const uint64_t flags = CARRIED_LOW_EXCLUSIVE | CARRIED_HIGH_INCLUSIVE | CARRIED_EXACT;
	r->count = r->capacity = (size_t)wire_number(&in->in, RANGE_MAX_INTERVALS, "count of intervals");
	r->intervals = arena_array(in->a, r->count + 1, sizeof *r->intervals);
	if (!r->intervals) {
		in->in.failed = err_set(in->in.err, RF_ENOMEM, "carried advisory");
		return;
	}
	for (size_t i = 0; !in->in.failed && i < r->count; i++) {
		struct range_interval *v = &r->intervals[i];
		v->low = wire_text(&in->in, "lower bound");
		v->high = wire_text(&in->in, "upper bound");
		uint64_t set = wire_number(&in->in, flags, "flags of an interval");
		v->low_exclusive = set & CARRIED_LOW_EXCLUSIVE;
		v->high_inclusive = set & CARRIED_HIGH_INCLUSIVE;
		v->exact = set & CARRIED_EXACT;
	}
}

/* A bound that the scheme cannot read would be compared as nothing: range_add() makes such a range unreadable too. */
static bool can_compare(const struct range *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct range_interval *v = &r->intervals[i];
		if ((v->low.n && !range_is_family(r->scheme, v->low) && !version_is_readable(r->scheme, v->low)) ||
		    (v->high.n && !range_is_family(r->scheme, v->high) && !version_is_readable(r->scheme, v->high)))
			return false;
	}
	return true;
}

static struct range *read_range(struct reading *in)
{
	struct span scheme = wire_text(&in->in, "scheme");
	struct range *r = in->in.failed ? NULL : range_new(in->a, scheme_find(scheme), "");
	if (!r) {
		in->in.failed = in->in.failed ? in->in.failed : err_set(in->in.err, RF_ENOMEM, "carried advisory");
		return NULL;
	}
	uint64_t flags = wire_number(&in->in, CARRIED_READABLE | CARRIED_CONSERVATIVE | CARRIED_CONFLICT, "flags of a range");
	r->readable = flags & CARRIED_READABLE;
	r->conservative = flags & CARRIED_CONSERVATIVE;
	r->conflict = flags & CARRIED_CONFLICT;
	r->rule = arena_text(in->a, wire_text(&in->in, "rule of a range"));
	r->scope.platform = wire_text(&in->in, "platform of a range");
	r->scope.branch = wire_text(&in->in, "branch of a range");
	r->note = wire_text(&in->in, "note of a range");
	read_intervals(in, r);
	if (!in->in.failed && !r->scheme) {
		r->scheme = scheme_find(SPAN("plain"));
		r->readable = false;
		r->rule = arena_printf(in->a, "the scheme \"%.*s\" is not known to this program",
				       SPAN_ARG(span_sub(scheme, 0, 64)));
	} else if (!in->in.failed && r->readable && !can_compare(r)) {
		r->readable = false;
	}
	if (!r->rule)
		in->in.failed = err_set(in->in.err, RF_ENOMEM, "carried advisory");
	return r;
}

static void read_statement(struct reading *in, struct advisory_statement *s, struct advisory_origin *from)
{
	const uint64_t all = CARRIED_NOT_AFFECTED | CARRIED_AUTHORITATIVE | CARRIED_REVIEW | CARRIED_HAS_RANGE;
	*from = origin(in);
	uint64_t flags = wire_number(&in->in, all, "flags of a statement");
	s->status = flags & CARRIED_NOT_AFFECTED ? STATEMENT_NOT_AFFECTED : STATEMENT_AFFECTED;
	s->authoritative = flags & CARRIED_AUTHORITATIVE;
	s->review = flags & CARRIED_REVIEW;
	s->source = wire_text(&in->in, "source of a statement");
	s->product = product(in, "product of a statement");
	s->product_name = wire_text(&in->in, "name of a product");
	s->platform = wire_text(&in->in, "platform");
	s->affected_text = wire_text(&in->in, "affected versions");
	s->fixed_text = wire_text(&in->in, "fix");
	s->rule = wire_text(&in->in, "rule of a statement");
	s->contradiction = wire_text(&in->in, "contradiction");
	s->justification = wire_text(&in->in, "justification");
	s->stated = wire_moment(&in->in, "when it was said");
	s->fixed_count = (size_t)wire_number(&in->in, RANGE_MAX_INTERVALS, "count of fixed versions");
	s->fixed = arena_array(in->a, s->fixed_count + 1, sizeof *s->fixed);
	if (!s->fixed) {
		in->in.failed = err_set(in->in.err, RF_ENOMEM, "carried advisory");
		return;
	}
	for (size_t i = 0; !in->in.failed && i < s->fixed_count; i++)
		s->fixed[i] = wire_text(&in->in, "fixed version");
	if (flags & CARRIED_HAS_RANGE)
		s->range = read_range(in);
}

static void read_signal(struct reading *in, struct advisory_signal *s)
{
	s->kind = (enum advisory_signal_kind)wire_number(&in->in, SIGNAL_SSVC, "kind of a signal");
	s->cve = wire_text(&in->in, "CVE of a signal");
	s->source = wire_text(&in->in, "source of a signal");
	s->date = wire_moment(&in->in, "date of a signal");
	if (s->kind == SIGNAL_KEV) {
		s->kev.due = wire_moment(&in->in, "due date");
		s->kev.ransomware = wire_flag(&in->in, "ransomware");
		s->kev.name = wire_text(&in->in, "name of a signal");
		s->kev.action = wire_text(&in->in, "action of a signal");
	} else if (s->kind == SIGNAL_EPSS) {
		s->epss.score = wire_real(&in->in, "EPSS score");
		s->epss.percentile = wire_real(&in->in, "EPSS percentile");
	} else {
		s->ssvc.exploitation =
			(enum ssvc_exploitation)wire_number(&in->in, SSVC_EXPLOITATION_ACTIVE, "SSVC exploitation");
		s->ssvc.automatable = (enum ssvc_automatable)wire_number(&in->in, SSVC_AUTOMATABLE_YES, "SSVC automatable");
		s->ssvc.impact = (enum ssvc_impact)wire_number(&in->in, SSVC_IMPACT_TOTAL, "SSVC impact");
	}
}

static void read_policy(struct reading *in)
{
	struct advisory_policy *p = &in->v.policy;
	p->decided = true;
	p->engine_affecting = (enum engine_affecting)wire_number(&in->in, ENGINE_AFFECTING_NO, "engine_affecting");
	p->who = wire_text(&in->in, "who decided");
	p->why = wire_text(&in->in, "why it was decided");
	p->at = wire_moment(&in->in, "when it was decided");
}

/* A decision for a product that is not known here is for no product of ours; NULL would make it one for all. */
static bool read_decision(struct reading *in, struct advisory_decision *d)
{
	d->kind = (enum decision_kind)wire_number(&in->in, DECISION_RANGE, "kind of a decision");
	uint64_t flags = wire_number(&in->in, CARRIED_APPLIES | CARRIED_DECISION_RANGE, "flags of a decision");
	d->applies = flags & CARRIED_APPLIES;
	struct span purl = wire_text(&in->in, "product of a decision");
	d->product = purl.n ? product_by_purl(purl) : NULL;
	d->service = wire_text(&in->in, "service of a decision");
	d->text = wire_text(&in->in, "range of a decision");
	d->owner = wire_text(&in->in, "owner of a decision");
	d->who = wire_text(&in->in, "who decided");
	d->why = wire_text(&in->in, "why it was decided");
	d->at = wire_moment(&in->in, "when it was decided");
	if (flags & CARRIED_DECISION_RANGE)
		d->range = read_range(in);
	return d->product || !purl.n;
}

/* ---------------------------------------------------------------- the message */

static const struct wire_field fields[CARRIED_FIELDS] = {
	[WIRE_FORMAT] = { "format", 1, PROTOBUF_VARINT },
	[WIRE_TEXT] = { "text", CARRIED_MAX_BYTES, PROTOBUF_LEN },
	[CARRIED_ADVISORY] = { "advisory", 1, PROTOBUF_LEN },
	[CARRIED_ALIAS] = { "alias", MAX_ROWS, PROTOBUF_LEN },
	[CARRIED_SEVERITY] = { "severity", MAX_ROWS, PROTOBUF_LEN },
	[CARRIED_ORIGIN] = { "origin", MAX_ROWS, PROTOBUF_LEN },
	[CARRIED_SOURCE] = { "source", MAX_ROWS, PROTOBUF_LEN },
	[CARRIED_STATEMENT] = { "statement", CARRIED_MAX_STATEMENTS, PROTOBUF_LEN },
	[CARRIED_SIGNAL] = { "signal", MAX_ROWS, PROTOBUF_LEN },
	[CARRIED_POLICY] = { "policy", 1, PROTOBUF_LEN },
	[CARRIED_DECISION] = { "decision", ADVISORY_MAX_DECISIONS, PROTOBUF_LEN },
};

static int make_room(struct reading *in)
{
	struct stored_advisory *v = &in->v;
	const size_t *n = in->counts;
	in->texts = arena_array(in->a, n[WIRE_TEXT] + 1, sizeof *in->texts);
	in->origins = arena_array(in->a, n[CARRIED_ORIGIN] + 1, sizeof *in->origins);
	v->origins = arena_array(in->a, n[CARRIED_STATEMENT] + 1, sizeof *v->origins);
	v->sources = arena_array(in->a, n[CARRIED_SOURCE] + 1, sizeof *v->sources);
	v->signals = arena_array(in->a, n[CARRIED_SIGNAL] + 1, sizeof *v->signals);
	v->policy.decisions = arena_array(in->a, n[CARRIED_DECISION] + 1, sizeof *v->policy.decisions);
	v->advisory.aliases = arena_array(in->a, n[CARRIED_ALIAS] + 1, sizeof *v->advisory.aliases);
	v->advisory.severities = arena_array(in->a, n[CARRIED_SEVERITY] + 1, sizeof *v->advisory.severities);
	v->advisory.statements = arena_array(in->a, n[CARRIED_STATEMENT] + 1, sizeof *v->advisory.statements);
	if (!in->texts || !in->origins || !v->origins || !v->sources || !v->signals || !v->policy.decisions ||
	    !v->advisory.aliases || !v->advisory.severities || !v->advisory.statements)
		return err_set(in->in.err, RF_ENOMEM, "carried advisory");
	return 0;
}

static void read_row(struct reading *in, uint32_t field, size_t i)
{
	struct stored_advisory *v = &in->v;
	switch ((enum carried_field)field) {
	case CARRIED_ADVISORY:
		read_advisory(in);
		break;
	case CARRIED_ALIAS:
		v->advisory.aliases[v->advisory.alias_count++] = wire_text(&in->in, "alias");
		break;
	case CARRIED_SEVERITY:
		read_severity(in, &v->advisory.severities[v->advisory.severity_count++]);
		break;
	case CARRIED_ORIGIN:
		read_origin(in, &in->origins[i]);
		break;
	case CARRIED_SOURCE:
		read_source(in, &v->sources[v->source_count++]);
		break;
	case CARRIED_STATEMENT:
		read_statement(in, &v->advisory.statements[i], &v->origins[i]);
		v->advisory.statement_count++;
		break;
	case CARRIED_SIGNAL:
		read_signal(in, &v->signals[v->signal_count++]);
		break;
	case CARRIED_POLICY:
		read_policy(in);
		break;
	case CARRIED_DECISION:
		v->policy.decisions[v->policy.decision_count] = (struct advisory_decision){ 0 };
		v->policy.decision_count += read_decision(in, &v->policy.decisions[v->policy.decision_count]);
		break;
	case CARRIED_FIELDS:
		break;
	}
	wire_end(&in->in);
}

static int read_field(struct reading *in, const struct protobuf_field *f, size_t i)
{
	if (f->number == WIRE_TEXT)
		in->texts[i] = f->bytes;
	if (f->number <= WIRE_TEXT)
		return 0;
	in->in.row = protobuf_enter(f);
	in->in.texts = in->texts;
	in->in.text_count = in->counts[WIRE_TEXT];
	read_row(in, f->number, i);
	return in->in.failed ? err_in_field(in->in.err, "%s[%zu]", fields[f->number].name, i) : 0;
}

int carried_read(struct arena *a, struct span bytes, struct stored_advisory *ret, struct err *err)
{
	struct err own = ERR_INIT;
	struct reading in = { .a = a, .in = { .err = err ? err : &own } };
	struct protobuf_reader r = protobuf_reader(bytes, 0);
	struct protobuf_field f;
	if (bytes.n > CARRIED_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "an advisory of %zu bytes, at most %llu", bytes.n,
			       (unsigned long long)CARRIED_MAX_BYTES);
	int rc = wire_count(bytes, fields, CARRIED_FIELDS, CARRIED_FORMAT, in.counts, in.in.err);
	if (!rc && !in.counts[CARRIED_ADVISORY])
		rc = err_set(in.in.err, RF_EFORMAT, "no advisory in it");
	if (!rc)
		rc = make_room(&in);
	size_t seen[CARRIED_FIELDS] = { 0 };
	while (!rc && (rc = protobuf_next(&r, &f, in.in.err)) == 1)
		rc = read_field(&in, &f, seen[f.number]++);
	if (!rc)
		*ret = in.v;
	return rc;
}
