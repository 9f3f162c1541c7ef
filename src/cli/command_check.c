/*
 * check - may it run? The gate's question for CI and hosts (design 6.1, docs/gate-check.md).
 *
 * Nothing is decided here: arguments become subjects (check_source_*.c), gate_judge() answers, reports show it
 * (check_report.c); with "-- CMD" the command takes this program's place when nothing is denied.
 */
#include "cli/check.h"
#include "cli/check_wrap.h"
#include "cli/command.h"
#include "cli/gate.h"
#include "cli/moment.h"

#include "inventory/line.h"

/* ── Options ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int options_read(struct check_run *r, struct err *err)
{
	const struct invocation *in = r->in;
	const char *fail_on = option_text(in, "fail-on", NULL), *at = option_text(in, "at", NULL);
	const struct option_value *formats = option(in, "format");
	r->service = span_of(option_text(in, "service", NULL));
	r->environment = span_of(option_text(in, "environment", NULL));
	r->now = now_usec();
	int rc = at ? moment_judged(span_of(at), r->now, &r->now, err) : 0;
	r->has_fail_on = fail_on != NULL;
	if (rc == 0 && fail_on)
		rc = gate_fail_on_read(fail_on, &r->fail_on, err);
	struct check_report_options o = { .formats = formats->list, .format_count = formats->count, .json = in->json,
					  .all = option_flag(in, "all"), .beside = in->wrapped != NULL,
					  .single = in->argument_count == 1, .at = r->now };
	return rc ? rc : check_reports_open(&r->reports, &o, err);
}

/* ── The run ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int check_one(struct check_run *r, const char *arg)
{
	size_t i = 0;
	while (check_sources[i + 1] && !check_sources[i]->is(arg))
		i++;
	return check_sources[i]->run(r, arg);
}

static int check_all(struct check_run *r)
{
	int rc = image_map_builtin(&r->images, &r->maps, r->err);
	if (rc == 0)
		rc = line_of_root("/", &r->line, r->err);
	if (rc == 0)
		rc = check_knowledge_open(r);
	for (size_t i = 0; rc == 0 && i < r->in->argument_count; i++)
		rc = check_one(r, r->in->arguments[i]);
	if (rc == 0)
		return check_flush(r);
	/* what stands in front of the one that could not be read is answered all the same */
	struct err second = ERR_INIT, *first = r->err;
	r->err = &second;
	(void)!check_flush(r);
	r->err = first;
	return rc;
}

/* Reports are written whole even when not everything could be judged: they say so. The first error is the one to tell. */
static int check_report(struct check_run *r, int rc)
{
	char text[2048];
	struct err second = ERR_INIT;
	int written = check_reports_end(&r->reports, rc ? err_render(r->err, text, sizeof text) : NULL, rc ? &second : r->err);
	return rc ? rc : written;
}

static void run_release(struct check_run *r)
{
	check_reports_release(&r->reports);
	check_knowledge_release(r);
	check_held_release(&r->held);
	arena_release(&r->a);
	arena_release(&r->maps);
}

static int run_subjects(struct check_run *r)
{
	int rc = options_read(r, r->err);
	return rc ? rc : check_report(r, check_all(r));
}

/* Everything of ours is closed before the command starts; nothing of it is left but the answer. */
static int run_wrapped(struct check_run *r)
{
	RF_AUTO_FREE struct check_wrap *wrap = rf_alloc(sizeof *wrap);
	if (!wrap)
		return err_set(r->err, RF_ENOMEM, "no memory");
	if (!r->in->wrapped[0])
		return err_set(r->err, RF_EUSAGE, "which command? reforge check SUBJECT... -- CMD ARGS");
	int rc = check_wrap_begin(wrap, r->err);
	if (rc == 0)
		rc = run_subjects(r);
	if (rc == 0 && r->reports.outcome.worst == GATE_DENY)
		rc = err_set(r->err, RF_EDENIED, "%s is not started", r->in->wrapped[0]);
	if (rc == 0)
		rc = check_held_verify(&r->held, r->err);
	run_release(r);
	return rc ? rc : check_wrap_exec(wrap, r->in->wrapped, r->err);
}

static int run_check(const struct invocation *in, struct err *err)
{
	RF_AUTO_FREE struct check_run *r = rf_alloc(sizeof *r);
	if (!r)
		return err_set(err, RF_ENOMEM, "no memory");
	*r = (struct check_run){ .in = in, .err = err, .held = CHECK_HELD_INIT, .a = ARENA_INIT(CHECK_FACTS_BYTES), .maps = ARENA_INIT(64 * MIB) };
	if (in->wrapped)
		return run_wrapped(r);
	int rc = run_subjects(r);
	run_release(r);
	return rc ? rc : r->status;
}

static const struct option_row check_options[] = {
	{ "service", 0, OPTION_TEXT, "NAME", "by the policy of this service", NULL },
	{ "environment", 0, OPTION_TEXT, "NAME", "by the policy of this environment", NULL },
	{ "fail-on", 0, OPTION_TEXT, "KINDS", "findings that are denied, whatever the policy says: affected,conflict,unknown; none", NULL },
	{ "format", 0, OPTION_LIST, "NAME[=FILE]", "people, json, sarif, junit, github, gitlab; several times (default: people)", NULL },
	{ "bundle", 0, OPTION_TEXT, "FILE", "offline, by a signed bundle (reforge gate bundle) instead of the workspace", NULL },
	{ "key", 0, OPTION_TEXT, "FILE", "with --bundle: the public key that it must be signed with", NULL },
	{ "at", 0, OPTION_TEXT, "TIME", "as of a moment, for waivers, grace and debts: 2026-07-14, 2026-07-14T09:30:00Z, 3d (ago)", NULL },
	{ "all", 'a', OPTION_FLAG, NULL, "show what is not affected too", NULL },
	{ 0 }
};
const struct command command_check = {
	"check",
	"may it run? the gate for CI and hosts",
	(const struct verb[]){
		{ "", "SUBJECT... [-- CMD ARGS]", "may it run? the gate for CI and hosts", 1, 10000, check_options, run_check,
		  "SUBJECT: a file or folder (engines, models, libraries, what lies inside of containers); an image (oci:DIR,\n"
		  "docker-archive:FILE, registry:REF, as scan takes them); a Dockerfile; a bill of materials; a package URL\n"
		  "(pkg:generic/nvidia/tensorrt@10.16.1.11); sha256:DIGEST; release:SERVICE/NAME.\n"
		  "Exit: 1 denied, 3 something is in conflict or unknown, 0 allowed, 2 could not run. --json: one object a subject, a\n"
		  "line each. With -- CMD: CMD takes this program's place unless something is denied (126); 125 could not run, else\n"
		  "CMD's own status.",
		  true },
		{ 0 } },
};
