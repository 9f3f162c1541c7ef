/* gate_front - see gate.h */
#include "cli/gate.h"

#include "build/quarantine.h"
#include "cli/moment.h"
#include "gate/bundle.h"

/* ── Options ────────────────────────────────────────────────────────────────────────────────────────────────────── */

int gate_fail_on_read(const char *text, struct gate_fail_on *ret, struct err *err)
{
	struct span rest = span_of(text), word;
	enum finding_kind kind;
	*ret = (struct gate_fail_on){ 0 };
	if (strcmp(text, "none") == 0)
		return 0;
	while (span_split(&rest, ',', &word)) {
		if (!finding_kind_read(word, &kind) || kind == FINDING_NOT_AFFECTED)
			return err_set(err, RF_EUSAGE, "--fail-on \"%.*s\": affected, conflict, unknown, separated by commas, or none",
				       SPAN_ARG(word));
		ret->deny[kind] = true;
	}
	return 0;
}

static int question_read(struct gate_front *f, bool single, struct err *err)
{
	const struct invocation *in = f->in;
	const char *fail_on = option_text(in, "fail-on", NULL), *at = option_text(in, "at", NULL);
	const struct option_value *formats = option(in, "format");
	f->question = (struct gate_question){ .service = span_of(option_text(in, "service", NULL)), .now = now_usec(), .explain = option_flag(in, "all"),
					      .environment = span_of(option_text(in, "environment", NULL)) };
	int rc = at ? moment_judged(span_of(at), f->question.now, &f->question.now, err) : 0;
	if (rc == 0 && fail_on) {
		rc = gate_fail_on_read(fail_on, &f->fail_on, err);
		f->question.fail_on = &f->fail_on;
	}
	struct check_report_options o = { .formats = formats->list, .format_count = formats->count, .json = in->json,
					  .all = option_flag(in, "all"), .single = single, .at = f->question.now };
	return rc ? rc : check_reports_open(&f->reports, &o, err);
}

/* ── The bundle ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static int release_key_read(struct gate_front *f, struct err *err)
{
	struct span pem = f->snapshot->head.release_key;
	int rc = pem.n ? verify_key_read(pem, &f->release_key, err) : 0;
	return rc ? err_prefix(err, "the release key in the bundle: ") : 0;
}

/* By what is judged: whoever reads a pod's log must be able to tell. */
static void told(const struct gate_front *f)
{
	const struct gate_head *h = &f->snapshot->head;
	char made[TIME_TEXT_BYTES], as_of[TIME_TEXT_BYTES], ends[TIME_TEXT_BYTES];
	if (f->in->quiet)
		return;
	fprintf(stderr, "%s: bundle of %.*s, made %s, feeds as of %s, ends %s\n", cli_program.name, SPAN_ARG(h->site),
		time_text(h->created, made), h->as_of == USEC_NONE ? "-" : time_text(h->as_of, as_of),
		h->expires == USEC_NONE ? "-" : time_text(h->expires, ends));
}

static int names_check(const struct gate_front *f, struct err *err)
{
	struct gate_names names;
	gate_names_init(&names, f->question.service, f->question.environment);
	gate_names_of_snapshot(&names, f->snapshot);
	gate_stand_back(f->in, f->question.now, f->snapshot);
	return gate_names_end(&names, err);
}

int gate_front_open(struct gate_front *f, const struct invocation *in, bool single, struct err *err)
{
	const char *bundle = option_text(in, "bundle", NULL), *key_file = option_text(in, "key", NULL);
	RF_AUTO_PTR(verify_key) key = NULL;
	*f = (struct gate_front){ .in = in, .err = err };
	int rc = question_read(f, single, err);
	if (rc == 0 && (!bundle || !key_file))
		rc = err_set(err, RF_EUSAGE, "--bundle FILE and --key FILE are needed: what is judged by, and who must have signed it");
	if (rc == 0)
		rc = verify_key_load(key_file, &key, err);
	if (rc == 0)
		rc = gate_bundle_read(bundle, key, &f->snapshot, NULL, err);
	if (rc == 0)
		rc = names_check(f, err);
	if (rc == 0)
		rc = release_key_read(f, err);
	if (rc == 0)
		told(f);
	f->question.snapshot = f->snapshot;
	return rc;
}

/* ── Answers ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What the subject is: what built a file or what a library is; the component of a package URL. */
static int component_of(const struct gate_subject *subject, struct arena *a, struct check_subject *c, struct err *err)
{
	const struct artifact_facts *facts = subject->facts;
	struct component component;
	if (subject->kind == GATE_PURL) {
		int rc = component_read(a, subject->name, &component, err);
		if (rc)
			return rc;
		c->has_component = true;
		c->product = component.purl;
		c->version = component.version;
	}
	if (facts && facts->product && facts->version[0]) {
		c->has_component = true;
		c->product = span_of(facts->product);
		c->version = span_of(facts->version);
	}
	return 0;
}

int gate_front_answer(struct gate_front *f, const char *name, const char *path, const struct gate_subject *subject,
		      const struct gate_answer *answer)
{
	char hex[DIGEST_HEX];
	struct arena a = ARENA_INIT(1 * MIB);
	struct check_subject c = { .name = name, .path = path, .facts = subject->facts, .answer = answer };
	if (subject->facts) {
		c.kind = subject->facts->kind;
		c.quarantine = quarantine_rule(NULL, subject->facts);
	}
	c.sha256 = digest_is_zero(&subject->digest) ? NULL : digest_hex(&subject->digest, hex);
	f->status = gate_worse_status(f->status, gate_answer_exit_status(answer));
	int rc = component_of(subject, &a, &c, f->err);
	if (rc == 0)
		rc = check_reports_subject(&f->reports, &c, f->err);
	arena_release(&a);
	return rc;
}

int gate_front_end(struct gate_front *f, int rc)
{
	char text[2048];
	struct err second = ERR_INIT;
	int written = check_reports_end(&f->reports, rc ? err_render(f->err, text, sizeof text) : NULL, rc ? &second : f->err);
	if (rc || written)
		return rc ? rc : written;
	return f->status == 3 && option_flag(f->in, "allow-warnings") ? 0 : f->status;
}

void gate_front_release(struct gate_front *f)
{
	check_reports_release(&f->reports);
	verify_key_freep(&f->release_key);
	gate_snapshot_free(f->snapshot);
}
