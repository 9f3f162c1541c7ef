/* explain - the reason chain: which file, which header bytes, which source text, which comparison. */
#include "cli/command.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/site.h"

#include "base/arena.h"
#include "exposure/exposure.h"

struct question {
	struct arena arena;
	const struct workspace *w;
	const char *subject;
	struct span advisory;
	usec_t at; /* 0: now */
	bool is_story;
	struct exposure_story story;
	struct exposure_explanation *list;
	size_t count;
	struct exposure_stale *stale; /* where nothing else carries it */
	size_t stale_count;
};

/* What was asked about: a purl, an advisory, else a file or digest. */
static int answer(struct transaction *tx, void *data)
{
	struct question *q = data;
	arena_reset(&q->arena);
	q->is_story = false;
	if (q->at)
		return exposure_explain_path(tx, &q->arena, q->w, q->subject, q->advisory, q->at, &q->list, &q->count);
	int asked = exposure_stale_feeds(tx, &q->arena, q->w, &q->stale, &q->stale_count);
	if (asked)
		return asked;
	if (span_starts(span_of(q->subject), "pkg:"))
		return exposure_explain_purl(tx, &q->arena, q->w, span_of(q->subject), q->advisory, &q->list, &q->count);
	int rc = exposure_explain_advisory(tx, &q->arena, q->w, span_of(q->subject), &q->story);
	q->is_story = rc == 0;
	if (rc != RF_ENOTFOUND)
		return rc;
	if (span_starts_nocase(span_of(q->subject), "CVE-") && !fs_exists(q->subject))
		return err_prefix(tx_err(tx), "no feed has it ('reforge feed import FILE', 'reforge advisory list'): ");
	return exposure_explain_path(tx, &q->arena, q->w, q->subject, q->advisory, 0, &q->list, &q->count);
}

static int print_answer(const struct question *q, bool json, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(256 * MIB);
	if (json) {
		struct json_out o = json_out(&text, out_is_terminal());
		if (q->is_story)
			exposure_story_json(&q->story, &o);
		if (!q->is_story)
			json_array(&o);
		for (size_t i = 0; !q->is_story && i < q->count; i++)
			exposure_explanation_json(&q->list[i], &o);
		if (!q->is_story)
			json_array_end(&o);
		return out_json(&text, err);
	}
	if (q->is_story)
		exposure_story_words(&q->story, &text);
	for (size_t i = 0; !q->is_story && i < q->count; i++) {
		exposure_explanation_words(&q->list[i], &text);
		str_add_byte(&text, '\n');
	}
	if (q->at && q->count == 0)
		str_add_text(&text, "Nothing was known to be exposed there at that moment.\n");
	else if (!q->is_story && q->count == 0) {
		str_add_text(&text, "No advisory at hand speaks of this product.\n");
		exposure_stale_words(q->stale, q->stale_count, "  ", &text);
	}
	int rc = str_check(&text, "explanation", err);
	if (rc == 0)
		out_str(&text);
	return rc;
}

/* 1 when affected, 3 when that cannot be told; a story is only told. */
static int status_of(const struct question *q)
{
	enum finding_kind worst = FINDING_NOT_AFFECTED;
	for (size_t i = 0; !q->is_story && i < q->count; i++)
		worst = RF_MAX(worst, q->list[i].finding.kind);
	return worst == FINDING_AFFECTED ? 1 : worst == FINDING_NOT_AFFECTED ? 0 : 3;
}

static int run_explain(const struct invocation *in, struct err *err)
{
	struct site site;
	struct question q = { .arena = ARENA_INIT(512 * MIB), .subject = in->arguments[0], .advisory = span_of(option_text(in, "advisory", NULL)) };
	int rc = moment_option(in, &q.at, err);
	if (rc != 0)
		return rc;
	rc = site_open(in, SITE_DATABASE, &site, err);
	q.w = site.workspace;
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, answer, &q, err);
	if (rc == 0)
		rc = print_answer(&q, in->json, err);
	if (rc == 0)
		rc = status_of(&q);
	arena_release(&q.arena);
	site_release(&site);
	return rc;
}

static const struct option_row explain_options[] = { { "advisory", 0, OPTION_TEXT, "ID", "only this advisory", NULL }, MOMENT_OPTION, { 0 } };
const struct command command_explain = {
	"explain", "why: the reason chain of a finding",
	(const struct verb[]){ { "", "PATH|DIGEST|PURL|CVE", "why: the reason chain of a finding", 1, 1, explain_options, run_explain,
	                         "PATH or DIGEST: a placed engine: which header bytes, which source text, which comparison.\n"
	                         "With --at: what it was exposed to at that moment, as it was judged then.\n"
	                         "PURL: pkg:pypi/tensorrt@10.13.3.9, any product and version.\n"
	                         "CVE: the story of one advisory; also of one that is none (explain CVE-2023-46721)." }, { 0 } },
};
