/* carried_read - what carried_write() wrote, or a refusal that says where and why. */
#include "advisory/carried.h"

#include "advisory/carried_int.h"
#include "format/protobuf.h"

/* Aliases, scores, documents, signals of one advisory: a row is 2 bytes and takes up to 400 in memory. */
#define MAX_ROWS 65536

struct reading {
	struct arena *a;
	struct err *err;
	int failed;                 /* of the row at hand and all before: later reads give zeros */
	struct protobuf_reader row; /* packed varints */
	size_t counts[CARRIED_FIELDS];
	struct span *texts;
	struct advisory_origin *origins;
	struct stored_advisory v;
};

static void fail(struct reading *in, const char *what, const char *rule)
{
	if (in->failed)
		return;
	in->failed = err_set(in->err, RF_EFORMAT, "%s %s", what, rule);
	(void)err_at_offset(in->err, in->row.base + in->row.at);
}

static uint64_t number(struct reading *in, uint64_t highest, const char *what)
{
	uint64_t value = 0;
	if (in->failed)
		return 0;
	int rc = protobuf_next_varint(&in->row, &value, in->err);
	if (rc < 0)
		in->failed = rc;
	else if (!rc)
		fail(in, what, "is missing: the row ends before it");
	else if (value > highest)
		fail(in, what, "is larger than anything it can be");
	return in->failed ? 0 : value;
}

static bool flag(struct reading *in, const char *what)
{
	return number(in, 1, what) == 1;
}

static usec_t moment(struct reading *in, const char *what)
{
	return protobuf_sint(number(in, UINT64_MAX, what));
}

static double real(struct reading *in, const char *what)
{
	uint64_t bits = number(in, UINT64_MAX, what);
	double value;
	memcpy(&value, &bits, sizeof value);
	if (!(value > -1e300 && value < 1e300)) {
		fail(in, what, "is no finite number");
		return 0;
	}
	return value;
}

static struct span text(struct reading *in, const char *what)
{
	uint64_t n = number(in, in->counts[CARRIED_TEXT], what);
	return n ? in->texts[n - 1] : SPAN_NONE;
}

static const struct product *product(struct reading *in, const char *what)
{
	struct span purl = text(in, what);
	return purl.n ? product_by_purl(purl) : NULL;
}

static void end_row(struct reading *in)
{
	if (!in->failed && in->row.at != in->row.message.n)
		fail(in, "the row", "goes on behind its last number");
}

/* ---------------------------------------------------------------- rows */

static void read_advisory(struct reading *in)
{
	struct advisory *a = &in->v.advisory;
	a->id = text(in, "id");
	a->title = text(in, "title");
	a->url = text(in, "url");
	a->cwe = text(in, "cwe");
	a->state = (enum advisory_state)number(in, ADVISORY_REJECTED, "state");
	uint64_t flags = number(in, CARRIED_DRILL | CARRIED_HAS_TIME, "flags of the advisory");
	a->is_drill = flags & CARRIED_DRILL;
	a->published_has_time = flags & CARRIED_HAS_TIME;
	a->tlp = (enum tlp)number(in, TLP_RED, "TLP mark");
	a->published = moment(in, "published");
	a->modified = moment(in, "modified");
	in->v.first_seen = moment(in, "first seen");
	if (!in->failed && (!a->id.n || a->id.n > ADVISORY_MAX_ID))
		fail(in, "id", "is empty or too long");
	if (!in->failed && a->is_drill != span_starts(a->id, "DRILL-"))
		fail(in, "the mark of a drill", "and the id disagree"); /* a drill never decides: no other may be one */
}

static void read_severity(struct reading *in, struct advisory_severity *s)
{
	s->source = text(in, "source of a score");
	s->type = text(in, "type of a score");
	s->vector = text(in, "vector");
	s->rating = text(in, "rating");
	s->score = real(in, "score");
	s->computed = real(in, "computed score");
}

static void read_origin(struct reading *in, struct advisory_origin *o)
{
	o->document_digest = text(in, "digest of a document");
	o->document_id = text(in, "id of a document");
	o->feed = text(in, "feed");
	o->format = text(in, "format of a document");
	o->record_state = (enum advisory_state)number(in, ADVISORY_REJECTED, "state of a record");
	o->authority = (enum advisory_authority)number(in, AUTHORITY_VENDOR, "authority");
	o->record_modified = moment(in, "modified");
	o->imported_at = moment(in, "imported");
}

static struct advisory_origin origin(struct reading *in)
{
	size_t n = in->counts[CARRIED_ORIGIN];
	uint64_t i = number(in, n ? n - 1 : 0, "origin");
	if (!n)
		fail(in, "origin", "names one of none");
	return in->failed ? (struct advisory_origin){ 0 } : in->origins[i];
}

static void read_source(struct reading *in, struct advisory_source *s)
{
	s->origin = origin(in);
	s->publisher = text(in, "publisher");
	s->record.id = text(in, "id of a record");
	s->record.state = (enum advisory_state)number(in, ADVISORY_REJECTED, "state of a record");
	s->record.state_reason = text(in, "reason of a state");
	s->record.assigner = text(in, "assigner");
}

static void read_intervals(struct reading *in, struct range *r)
{
	const uint64_t flags = CARRIED_LOW_EXCLUSIVE | CARRIED_HIGH_INCLUSIVE | CARRIED_EXACT;
	r->count = r->capacity = (size_t)number(in, RANGE_MAX_INTERVALS, "count of intervals");
	r->intervals = arena_array(in->a, r->count + 1, sizeof *r->intervals);
	if (!r->intervals) {
		in->failed = err_set(in->err, RF_ENOMEM, "carried advisory");
		return;
	}
	for (size_t i = 0; !in->failed && i < r->count; i++) {
		struct range_interval *v = &r->intervals[i];
		v->low = text(in, "lower bound");
		v->high = text(in, "upper bound");
		uint64_t set = number(in, flags, "flags of an interval");
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
	struct span scheme = text(in, "scheme");
	struct range *r = in->failed ? NULL : range_new(in->a, scheme_find(scheme), "");
	if (!r) {
		in->failed = in->failed ? in->failed : err_set(in->err, RF_ENOMEM, "carried advisory");
		return NULL;
	}
	uint64_t flags = number(in, CARRIED_READABLE | CARRIED_CONSERVATIVE | CARRIED_CONFLICT, "flags of a range");
	r->readable = flags & CARRIED_READABLE;
	r->conservative = flags & CARRIED_CONSERVATIVE;
	r->conflict = flags & CARRIED_CONFLICT;
	r->rule = arena_text(in->a, text(in, "rule of a range"));
	r->scope.platform = text(in, "platform of a range");
	r->scope.branch = text(in, "branch of a range");
	r->note = text(in, "note of a range");
	read_intervals(in, r);
	if (!in->failed && !r->scheme) {
		r->scheme = scheme_find(SPAN("plain"));
		r->readable = false;
		r->rule = arena_printf(in->a, "the scheme \"%.*s\" is not known to this program",
				       SPAN_ARG(span_sub(scheme, 0, 64)));
	} else if (!in->failed && r->readable && !can_compare(r)) {
		r->readable = false;
	}
	if (!r->rule)
		in->failed = err_set(in->err, RF_ENOMEM, "carried advisory");
	return r;
}

static void read_statement(struct reading *in, struct advisory_statement *s, struct advisory_origin *from)
{
	const uint64_t all = CARRIED_NOT_AFFECTED | CARRIED_AUTHORITATIVE | CARRIED_REVIEW | CARRIED_HAS_RANGE;
	*from = origin(in);
	uint64_t flags = number(in, all, "flags of a statement");
	s->status = flags & CARRIED_NOT_AFFECTED ? STATEMENT_NOT_AFFECTED : STATEMENT_AFFECTED;
	s->authoritative = flags & CARRIED_AUTHORITATIVE;
	s->review = flags & CARRIED_REVIEW;
	s->source = text(in, "source of a statement");
	s->product = product(in, "product of a statement");
	s->product_name = text(in, "name of a product");
	s->platform = text(in, "platform");
	s->affected_text = text(in, "affected versions");
	s->fixed_text = text(in, "fix");
	s->rule = text(in, "rule of a statement");
	s->contradiction = text(in, "contradiction");
	s->justification = text(in, "justification");
	s->stated = moment(in, "when it was said");
	s->fixed_count = (size_t)number(in, RANGE_MAX_INTERVALS, "count of fixed versions");
	s->fixed = arena_array(in->a, s->fixed_count + 1, sizeof *s->fixed);
	if (!s->fixed) {
		in->failed = err_set(in->err, RF_ENOMEM, "carried advisory");
		return;
	}
	for (size_t i = 0; !in->failed && i < s->fixed_count; i++)
		s->fixed[i] = text(in, "fixed version");
	if (flags & CARRIED_HAS_RANGE)
		s->range = read_range(in);
}

static void read_signal(struct reading *in, struct advisory_signal *s)
{
	s->kind = (enum advisory_signal_kind)number(in, SIGNAL_SSVC, "kind of a signal");
	s->cve = text(in, "CVE of a signal");
	s->source = text(in, "source of a signal");
	s->date = moment(in, "date of a signal");
	if (s->kind == SIGNAL_KEV) {
		s->kev.due = moment(in, "due date");
		s->kev.ransomware = flag(in, "ransomware");
		s->kev.name = text(in, "name of a signal");
		s->kev.action = text(in, "action of a signal");
	} else if (s->kind == SIGNAL_EPSS) {
		s->epss.score = real(in, "EPSS score");
		s->epss.percentile = real(in, "EPSS percentile");
	} else {
		s->ssvc.exploitation =
			(enum ssvc_exploitation)number(in, SSVC_EXPLOITATION_ACTIVE, "SSVC exploitation");
		s->ssvc.automatable = (enum ssvc_automatable)number(in, SSVC_AUTOMATABLE_YES, "SSVC automatable");
		s->ssvc.impact = (enum ssvc_impact)number(in, SSVC_IMPACT_TOTAL, "SSVC impact");
	}
}

static void read_policy(struct reading *in)
{
	struct advisory_policy *p = &in->v.policy;
	p->decided = true;
	p->engine_affecting = (enum engine_affecting)number(in, ENGINE_AFFECTING_NO, "engine_affecting");
	p->who = text(in, "who decided");
	p->why = text(in, "why it was decided");
	p->at = moment(in, "when it was decided");
}

/* A decision for a product that is not known here is for no product of ours; NULL would make it one for all. */
static bool read_decision(struct reading *in, struct advisory_decision *d)
{
	d->kind = (enum decision_kind)number(in, DECISION_RANGE, "kind of a decision");
	uint64_t flags = number(in, CARRIED_APPLIES | CARRIED_DECISION_RANGE, "flags of a decision");
	d->applies = flags & CARRIED_APPLIES;
	struct span purl = text(in, "product of a decision");
	d->product = purl.n ? product_by_purl(purl) : NULL;
	d->service = text(in, "service of a decision");
	d->text = text(in, "range of a decision");
	d->owner = text(in, "owner of a decision");
	d->who = text(in, "who decided");
	d->why = text(in, "why it was decided");
	d->at = moment(in, "when it was decided");
	if (flags & CARRIED_DECISION_RANGE)
		d->range = read_range(in);
	return d->product || !purl.n;
}

/* ---------------------------------------------------------------- the message */

static const struct {
	const char *name;
	size_t most;
	enum protobuf_type type;
} fields[CARRIED_FIELDS] = {
	[CARRIED_FORMAT_FIELD] = { "format", 1, PROTOBUF_VARINT },
	[CARRIED_TEXT] = { "text", CARRIED_MAX_BYTES, PROTOBUF_LEN },
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

/* Counts every field, in order and of its type, before anything is allocated. */
static int count_fields(struct reading *in, struct span bytes)
{
	struct protobuf_reader r = protobuf_reader(bytes, 0);
	struct protobuf_field f;
	uint32_t last = 0;
	int rc;
	while ((rc = protobuf_next(&r, &f, in->err)) == 1) {
		if (f.number == CARRIED_FORMAT_FIELD && f.type == PROTOBUF_VARINT && f.value != CARRIED_FORMAT)
			rc = err_set(in->err, RF_EUNSUPPORTED, "an advisory of format %llu, this program reads %d",
				     (unsigned long long)f.value, CARRIED_FORMAT);
		else if (f.number >= CARRIED_FIELDS || f.type != fields[f.number].type)
			rc = err_set(in->err, RF_EFORMAT, "field %u is not one of an advisory, or of another type",
				     f.number);
		else if (f.number < last || (!last && f.number != CARRIED_FORMAT_FIELD))
			rc = err_set(in->err, RF_EFORMAT, "%s is out of order", fields[f.number].name);
		else if (++in->counts[f.number] > fields[f.number].most)
			rc = err_set(in->err, RF_ETOOMANY, "more than %zu of %s", fields[f.number].most,
				     fields[f.number].name);
		if (rc < 0) {
			(void)err_at_offset(in->err, f.start);
			return rc;
		}
		last = f.number;
	}
	if (!rc && !in->counts[CARRIED_ADVISORY])
		return err_set(in->err, RF_EFORMAT, "no advisory in it");
	return rc;
}

static int make_room(struct reading *in)
{
	struct stored_advisory *v = &in->v;
	const size_t *n = in->counts;
	in->texts = arena_array(in->a, n[CARRIED_TEXT] + 1, sizeof *in->texts);
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
		return err_set(in->err, RF_ENOMEM, "carried advisory");
	return 0;
}

static int read_field(struct reading *in, const struct protobuf_field *f, size_t i)
{
	struct stored_advisory *v = &in->v;
	in->row = protobuf_enter(f);
	switch ((enum carried_field)f->number) {
	case CARRIED_TEXT:
		in->texts[i] = f->bytes;
		return 0;
	case CARRIED_ADVISORY:
		read_advisory(in);
		break;
	case CARRIED_ALIAS:
		v->advisory.aliases[v->advisory.alias_count++] = text(in, "alias");
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
	case CARRIED_FORMAT_FIELD:
	case CARRIED_FIELDS:
		return 0;
	}
	end_row(in);
	return in->failed ? err_in_field(in->err, "%s[%zu]", fields[f->number].name, i) : 0;
}

int carried_read(struct arena *a, struct span bytes, struct stored_advisory *ret, struct err *err)
{
	struct err own = ERR_INIT;
	struct reading in = { .a = a, .err = err ? err : &own };
	struct protobuf_reader r = protobuf_reader(bytes, 0);
	struct protobuf_field f;
	if (bytes.n > CARRIED_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "an advisory of %zu bytes, at most %llu", bytes.n,
			       (unsigned long long)CARRIED_MAX_BYTES);
	int rc = count_fields(&in, bytes);
	if (!rc)
		rc = make_room(&in);
	size_t seen[CARRIED_FIELDS] = { 0 };
	while (!rc && (rc = protobuf_next(&r, &f, in.err)) == 1)
		rc = read_field(&in, &f, seen[f.number]++);
	if (!rc)
		*ret = in.v;
	return rc;
}
