/* review_answer - from the judge's answers about each subject to one that an operator can act on. */
#include "gate/review_int.h"

#define MAX_TOLD 5 /* findings in a message; the rest is counted */
#define MAX_KEPT 256
#define MAX_NAME 200
#define MAX_SENTENCE 480 /* why and what next: a path, and behind it what decides */

/* ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What was made in @r->words, at most @most bytes with "..." at the end of what was cut. NULL: out of memory. */
static const char *cut(struct review_reader *r, size_t most)
{
	static const char dots[] = "...";
	struct span whole = str_span(&r->words), kept = whole.n > most ? span_cut(whole, most - 3) : whole;
	char *text = r->words.failed == RF_ENOMEM ? NULL : arena_alloc(&r->arena, kept.n + sizeof dots);
	if (text && kept.n)
		memcpy(text, kept.p, kept.n);
	if (text && kept.n < whole.n)
		memcpy(text + kept.n, dots, sizeof dots);
	return text;
}

static void add_upto(struct str *to, struct span text, size_t most)
{
	str_add_visible(to, span_sub(text, 0, most));
	if (text.n > most)
		str_add_text(to, "...");
}

static void add_visible(struct str *to, struct span text)
{
	add_upto(to, text, MAX_NAME);
}

/* "built by tensorrt 10.16.0", "with python3 3.11.2": what is at fault. */
static void add_component(struct str *to, const char *before, const struct gate_fact *f)
{
	size_t slash = span_rfind_byte(f->purl, '/');
	struct span name = slash == SIZE_MAX ? f->purl : span_from(f->purl, slash + 1);
	name = span_sub(name, 0, span_find_byte(name, '@'));
	if (!name.n)
		return;
	str_addf(to, "%s%s ", before,
		 !f->has_carrier                 ? "with"
		 : f->carrier == CARRIER_BUILDER ? "built by"
		 : f->carrier == CARRIER_RUNTIME ? "loaded by"
						 : "image holds");
	add_visible(to, name);
	if (f->version.n) {
		str_add_byte(to, ' ');
		add_visible(to, f->version);
	}
}

/* "- container server (registry.example/asr:1.2), opt/models/a.plan: WHY; built by tensorrt 10.16.0. Next: NEXT" */
static void add_told(struct str *to, const struct review_finding *f)
{
	const struct gate_fact *fact = &f->finding->fact;
	str_add_text(to, "\n- ");
	add_visible(to, span_of(f->subject->where));
	str_add_text(to, " (");
	add_visible(to, span_of(f->subject->name));
	str_add_text(to, "): ");
	add_upto(to, f->finding->why, MAX_SENTENCE); /* says where, and of an advisory which component */
	if (!fact->advisory.n)
		add_component(to, "; ", fact);
	if (f->finding->next.n) {
		str_add_text(to, ". Next: ");
		add_upto(to, f->finding->next, MAX_SENTENCE);
	}
}

static const char *message(struct review_reader *reader, const struct review *r, const struct review_verdict *v)
{
	struct str *text = &reader->words;
	size_t told = 0;
	str_reset(text);
	str_add_text(text, "reforge: ");
	add_visible(text, r->kind);
	str_add_byte(text, ' ');
	if (r->namespace_.n) {
		add_visible(text, r->namespace_);
		str_add_byte(text, '/');
	}
	add_visible(text, r->name);
	str_add_text(text, " must not run");
	if (v->policy.n) {
		str_add_text(text, " by policy ");
		add_visible(text, v->policy);
	}
	if (v->not_at_home) {
		str_add_text(text, "\n- ");
		str_add_visible(text, span_of(v->not_at_home));
	}
	for (size_t i = 0; i < v->findings_n && told < MAX_TOLD; i++)
		if (!v->findings[i].subject->carried && v->findings[i].finding->decision == GATE_DENY) {
			add_told(text, &v->findings[i]);
			told++;
		}
	size_t more = 0;
	for (size_t i = 0; i < v->findings_n; i++)
		more += !v->findings[i].subject->carried && v->findings[i].finding->decision == GATE_DENY;
	if (more > told)
		str_addf(text, "\n- and %zu more: reforge check shows all", more - told);
	return cut(reader, REVIEW_MAX_MESSAGE);
}

/* "reforge: container server: CVE-2026-24268 affected, built by tensorrt 10.16.0 (denied from 2026-12-01)" */
static const char *warning(struct review_reader *reader, const struct review_finding *f, bool audit)
{
	const struct gate_fact *fact = &f->finding->fact;
	struct str *text = &reader->words;
	char until[TIME_TEXT_BYTES];
	bool denied = f->finding->decision == GATE_DENY;
	str_reset(text);
	str_addf(text, "reforge%s: ", !denied ? "" : f->subject->carried && !audit ? ", runs already" : ", audit");
	add_visible(text, span_of(f->subject->where));
	str_add_text(text, ": ");
	if (fact->advisory.n) {
		add_visible(text, fact->advisory);
		str_addf(text, " %s", finding_kind_name(fact->kind));
	} else {
		str_add_text(text, fact->cause ? fact->cause : "finding");
	}
	add_component(text, ", ", fact);
	if (f->finding->until != USEC_NONE && !denied)
		str_addf(text, " (until %s)", time_text_date(f->finding->until, until));
	return cut(reader, REVIEW_MAX_WARNING);
}

static const char *home_warning(struct review_reader *reader, const char *why)
{
	struct str *text = &reader->words;
	str_reset(text);
	str_add_text(text, "reforge: ");
	str_add_visible(text, span_of(why));
	return cut(reader, REVIEW_MAX_WARNING);
}

/* ── Verdicts ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct judging {
	struct review_reader *reader;
	const struct review *review;
	const struct review_context *context;
	struct review_verdict *to;
	bool audit;
	enum gate_decision policy_of; /* of the subject whose policy is named */
};

static void take_findings(struct judging *j, const struct review_subject *s, const struct gate_answer *answer)
{
	struct review_verdict *v = j->to;
	for (size_t i = 0; i < answer->count && answer->findings[i].decision != GATE_ALLOW; i++) {
		const struct gate_finding *f = &answer->findings[i];
		size_t at = v->findings_n;
		/* worst first, in the order of subjects among equals */
		while (at > 0 && v->findings[at - 1].finding->decision < f->decision)
			at--;
		if (at == MAX_KEPT)
			return;
		v->findings_n = RF_MIN(v->findings_n + 1, (size_t)MAX_KEPT);
		memmove(&v->findings[at + 1], &v->findings[at], (v->findings_n - at - 1) * sizeof *v->findings);
		v->findings[at] = (struct review_finding){ s, f };
	}
}

/* What cannot be judged is denied, as a finding of the same form. */
static int refuse(struct judging *j, const struct review_subject *s, const char *why, const char *next, struct err *err)
{
	struct gate_finding *f = arena_alloc(&j->reader->arena, sizeof *f);
	struct gate_answer answer = { .decision = GATE_DENY, .judged = GATE_DENY, .findings = f, .count = 1 };
	if (!f)
		return err_set(err, RF_ENOMEM, "no memory for a verdict");
	*f = (struct gate_finding){
		.decision = GATE_DENY, .until = USEC_NONE, .why = span_of(why), .next = span_of(next)
	};
	f->fact = (struct gate_fact){ .cause = "unreadable", .kind = FINDING_UNKNOWN };
	j->to->judged = GATE_DENY;
	j->to->decision = RF_MAX(j->to->decision, s->carried ? GATE_WARN : GATE_DENY);
	take_findings(j, s, &answer);
	return 0;
}

/* Relabelled: what its old label did not let run either runs in spite of the gate, and goes on; what it did let run comes
 * with the new label as if it were new. */
static int relabelled(struct judging *j, struct review_subject *s, const struct gate_subject *subject, struct gate_question q,
		      struct err *why)
{
	struct gate_answer before;
	q.service = span_of(j->review->service_before);
	int rc = gate_judge(&j->reader->arena, &q, subject, &before, why);
	s->carried = rc == 0 && before.judged == GATE_DENY;
	return rc == RF_ENOMEM ? rc : 0;
}

static int judge_one(struct judging *j, struct review_subject *s, struct err *err)
{
	const struct gate_question q = { .snapshot = j->context->snapshot,
					 .service = span_of(j->review->service),
					 .environment = j->context->environment,
					 .cluster = j->context->cluster,
					 .namespace_ = j->review->namespace_,
					 .now = j->context->now };
	const struct gate_subject subject = { .kind = s->kind, .name = span_of(s->name), .node = span_of(s->node) };
	const struct gate_answer *answer;
	struct err why = ERR_INIT;
	char line[2048];
	int rc = gate_memo_judge(j->reader->memo, &j->reader->arena, &q, &subject, s->only_if_known, &answer, &why);
	if (rc == 0 && s->carried && j->review->service_before && answer && answer->judged == GATE_DENY)
		rc = relabelled(j, s, &subject, q, &why);
	if (rc && rc != RF_ENOMEM) {
		const char *text = arena_text(&j->reader->arena, span_of(err_render(&why, line, sizeof line)));
		return text ? refuse(j, s, text, "write the reference as the registry has it", err)
			    : err_set(err, RF_ENOMEM, "no memory for a verdict");
	}
	if (rc)
		return err_set(err, rc, "no memory for a verdict");
	if (!answer)
		return 0;
	enum gate_decision decision = s->carried ? RF_MIN(answer->decision, GATE_WARN) : answer->decision;
	if (!j->to->policy.n || decision > j->policy_of) {
		j->to->policy = answer->policy;
		j->policy_of = decision;
	}
	j->to->decision = RF_MAX(j->to->decision, decision);
	j->to->judged = RF_MAX(j->to->judged, answer->judged);
	j->audit |= answer->audit;
	if (answer->not_at_home && decision > GATE_ALLOW)
		j->to->not_at_home = answer->not_at_home;
	take_findings(j, s, answer);
	return 0;
}

/* Each advisory once. */
static const char *advisories(struct review_reader *reader, const struct review_verdict *v)
{
	struct str *text = &reader->words;
	str_reset(text);
	for (size_t i = 0; i < v->findings_n; i++) {
		struct span id = v->findings[i].finding->fact.advisory;
		bool again = id.n == 0;
		for (size_t k = 0; k < i && !again; k++)
			again = span_eq(id, v->findings[k].finding->fact.advisory);
		if (again)
			continue;
		if (text->n)
			str_add_byte(text, ',');
		add_visible(text, id);
	}
	return cut(reader, REVIEW_MAX_ANNOTATION);
}

static bool words(struct judging *j)
{
	struct arena *a = &j->reader->arena;
	struct review_verdict *v = j->to;
	v->message = v->allowed ? "" : message(j->reader, j->review, v);
	v->advisories = advisories(j->reader, v);
	size_t left = 0;
	if (v->not_at_home && v->allowed)
		v->warnings[v->warnings_n++] = home_warning(j->reader, v->not_at_home);
	for (size_t i = 0; i < v->findings_n; i++) {
		const struct review_finding *f = &v->findings[i];
		if (f->finding->decision == GATE_DENY && !v->allowed && !f->subject->carried)
			continue; /* it stands in the message */
		if (v->warnings_n == REVIEW_MAX_WARNINGS - 1) {
			left++;
			continue;
		}
		v->warnings[v->warnings_n++] = warning(j->reader, f, j->audit);
	}
	if (left)
		v->warnings[v->warnings_n++] = arena_printf(a, "reforge: and %zu more findings", left);
	bool all = v->message && v->advisories;
	for (size_t i = 0; i < v->warnings_n; i++)
		all &= v->warnings[i] != NULL;
	return all;
}

static int judged(struct review_reader *r, const struct review *review, const struct review_context *context,
		  struct review_verdict *ret, struct err *err)
{
	static const struct review_subject whole = { .name = "", .where = "object" };
	*ret = (struct review_verdict){ .allowed = true, .message = "", .advisories = "" };
	struct judging j = { .reader = r, .review = review, .context = context, .to = ret, .audit = context->audit };
	int rc = 0;
	gate_memo_begin(r->memo, context->snapshot, context->turn, context->now);
	ret->findings = arena_array(&r->arena, MAX_KEPT + 1, sizeof *ret->findings);
	if (!ret->findings)
		return err_set(err, RF_ENOMEM, "no memory for a verdict");
	if (review->unreadable)
		rc = refuse(&j, &whole, review->unreadable,
			    "bring the object within the limits of docs/gate-admission.md", err);
	else if (!context->snapshot && review->subjects_n)
		rc = refuse(&j, &whole, "the gate has no snapshot yet", "wait for it to be ready, or see its log", err);
	for (size_t i = 0; rc == 0 && context->snapshot && i < review->subjects_n; i++)
		rc = judge_one(&j, &review->subjects[i], err);
	if (rc)
		return rc;
	if (context->audit)
		ret->decision = RF_MIN(ret->decision, GATE_WARN);
	ret->allowed = ret->decision != GATE_DENY;
	return words(&j) ? 0 : err_set(err, RF_ENOMEM, "no memory for a verdict");
}

int review_judge(struct review_reader *r, const struct review *review, const struct review_context *context,
		 struct review_verdict *ret, struct err *err)
{
	*ret = (struct review_verdict){ .allowed = true, .message = "", .advisories = "" };
	if (review->passed)
		return 0;
	int rc = judged(r, review, context, ret, err);
	if (rc != RF_ENOMEM || !r->arena.full)
		return rc;
	/* what it takes to judge all that the object names is the object's doing: denied by name, as any other limit */
	struct review whole = *review;
	whole.unreadable = REVIEW_FULL;
	whole.subjects_n = 0;
	arena_reset(&r->arena);
	return judged(r, &whole, context, ret, err);
}

/* ── The answer ──────────────────────────────────────────────────────────────────────────────────────────────────── */

void review_write(const struct review *review, const struct review_verdict *v, struct str *to)
{
	struct json_out o = json_out(to, false);
	json_object(&o);
	json_member(&o, "apiVersion", "admission.k8s.io/v1");
	json_member(&o, "kind", "AdmissionReview");
	json_key(&o, "response");
	json_object(&o);
	json_member_span(&o, "uid", review->uid);
	json_member_bool(&o, "allowed", v->allowed);
	if (!v->allowed) {
		json_key(&o, "status");
		json_object(&o);
		json_member_i64(&o, "code", 403);
		json_member(&o, "reason", "Forbidden");
		json_member(&o, "message", v->message);
		json_object_end(&o);
	}
	if (v->warnings_n) {
		json_key(&o, "warnings");
		json_array(&o);
		for (size_t i = 0; i < v->warnings_n; i++)
			json_put_text(&o, v->warnings[i]);
		json_array_end(&o);
	}
	if (!review->passed) {
		json_key(&o, "auditAnnotations");
		json_object(&o);
		json_member(&o, "decision", gate_decision_name(v->decision));
		if (v->judged != v->decision)
			json_member(&o, "judged", gate_decision_name(v->judged));
		if (v->policy.n)
			json_member_span(&o, "policy", span_sub(v->policy, 0, MAX_NAME));
		if (v->advisories[0])
			json_member(&o, "advisories", v->advisories);
		json_object_end(&o);
	}
	json_object_end(&o);
	json_object_end(&o);
}
