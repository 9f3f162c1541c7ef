/* Subjects of a run: kept until there are a hundred, judged together, reported in their order. See check.h. */
#include "cli/check.h"

#include "base/thread.h"
#include "build/quarantine.h"
#include "gate/decision.h"

/* What one answer takes: GATE_MAX_FINDINGS chains of reasons. */
#define ANSWER_BYTES (1 * GIB)

const struct check_source *const check_sources[] = {
	&check_source_purl,	  &check_source_digest, &check_source_release, &check_source_sbom,
	&check_source_dockerfile, &check_source_image,	&check_source_path, /* last: anything may be a path */
	NULL,
};

struct check_question check_content(const char *name, const char *path, const struct artifact_facts *facts, const struct digest *digest)
{
	struct check_question q = { .name = name, .path = path, .quarantine = quarantine_rule(NULL, facts) };
	q.subject = (struct gate_subject){ .kind = GATE_CONTENT, .name = span_of(name), .facts = facts };
	if (digest)
		q.subject.digest = *digest;
	return q;
}

void check_say_empty(struct artifact_facts *facts)
{
	facts->finding = ARTIFACT_UNKNOWN;
	facts->cause = gate_cause_name(GATE_CAUSE_UNKNOWN_FORMAT);
	facts->rules[0] = "nothing_inside";
	facts->rule_count = 1;
	facts->notes[0] = "nothing_inside: nothing inside is a model, engine, library or package in a format that is read here";
	facts->note_count = RF_MAX(facts->note_count, 1);
}

/* ── Waiting ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int keep_facts(struct check_run *r, const struct artifact_facts **facts)
{
	if (!*facts)
		return 0;
	struct artifact_facts *copy = arena_alloc(&r->a, sizeof *copy);
	int rc = copy ? artifact_facts_copy(*facts, &r->a, copy) : RF_ENOMEM;
	*facts = copy;
	return rc;
}

int check_ask(struct check_run *r, const struct check_question *q)
{
	struct check_question *k = &r->waiting[r->count];
	*k = *q;
	k->name = arena_text(&r->a, span_of(q->name));
	k->path = q->path ? arena_text(&r->a, span_of(q->path)) : NULL;
	k->subject.name = arena_span(&r->a, q->subject.name);
	if (!k->name || (q->path && !k->path) || !k->subject.name.p || keep_facts(r, &k->subject.facts) != 0)
		return err_set(r->err, RF_ENOMEM, "no memory for the facts of %d subjects", CHECK_HUNDRED);
	r->count++;
	if (thread_stop_wanted())
		return err_set(r->err, RF_ECANCELLED, "stopped");
	return r->count == CHECK_HUNDRED || r->a.used_bytes > CHECK_FACTS_BYTES / 2 ? check_flush(r) : 0;
}

/* ── Judging ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What the subject is: the component of a package URL, what built a file or what a library is. */
static int component_of(const struct check_question *q, struct arena *a, struct component *ret, bool *ret_has, struct err *err)
{
	const struct artifact_facts *f = q->subject.facts;
	*ret_has = true;
	if (q->subject.kind == GATE_PURL)
		return component_read(a, q->subject.name, ret, err);
	*ret_has = f && f->product && f->version[0];
	if (*ret_has)
		*ret = (struct component){ .purl = span_of(f->product), .version = span_of(f->version) };
	return 0;
}

static int report(struct check_run *r, const struct check_question *q, const char *explain, const struct gate_answer *answer, struct arena *a)
{
	char hex[DIGEST_HEX];
	const struct artifact_facts *f = q->subject.facts;
	struct component component = { 0 };
	struct check_subject c = { .name = q->name, .path = q->path, .line = q->line, .facts = f, .explain = explain, .answer = answer,
				   .quarantine = q->quarantine };
	int rc = component_of(q, a, &component, &c.has_component, r->err);
	if (rc)
		return rc;
	c.product = component.purl;
	c.version = component.version;
	c.kind = f ? f->kind : NULL;
	c.sha256 = digest_is_zero(&q->subject.digest) ? NULL : digest_hex(&q->subject.digest, hex);
	r->status = gate_worse_status(r->status, gate_answer_exit_status(answer));
	return check_reports_subject(&r->reports, &c, r->err);
}

static int judge(struct check_run *r, const struct gate_snapshot *snapshot, const struct check_question *q, const char *explain)
{
	RF_AUTO(arena) a = ARENA_INIT(ANSWER_BYTES);
	struct gate_answer answer;
	struct gate_question question = { .snapshot = snapshot, .service = r->service, .environment = r->environment, .now = r->now,
					  .fail_on = r->has_fail_on ? &r->fail_on : NULL, .explain = true };
	if (q->if_known && !gate_snapshot_find(snapshot, &q->subject.digest))
		return 0;
	int rc = gate_judge(&a, &question, &q->subject, &answer, r->err);
	return rc ? rc : report(r, q, explain, &answer, &a);
}

int check_flush(struct check_run *r)
{
	const char *explain[CHECK_HUNDRED] = { NULL };
	struct gate_snapshot *snapshot = NULL;
	int known = r->count ? check_knowledge(r, explain, &snapshot) : 0, rc = known;
	for (size_t i = 0; rc == known && snapshot && i < r->count; i++) {
		if (known && check_needs_knowledge(&r->waiting[i]))
			continue;
		int judged = judge(r, snapshot, &r->waiting[i], explain[i]);
		rc = judged ? judged : known;
	}
	if (snapshot != r->bundle)
		gate_snapshot_free(snapshot);
	r->count = 0;
	arena_reset(&r->a);
	return rc;
}
