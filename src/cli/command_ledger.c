/* ledger - who did what, when, for which CVE; and whether anybody changed that afterwards. */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/site.h"

#include "ledger/ledger.h"

struct reading {
	struct str line;
	bool json;
	int64_t after, limit;
	const char *subject;
	struct err *err;
};

static int take_record(const struct ledger_record *r, void *data)
{
	struct reading *q = data;
	char at[TIME_TEXT_BYTES];
	if (q->json) {
		str_reset(&q->line);
		struct json_out o = json_out(&q->line, false);
		json_object(&o);
		json_key(&o, "sequence");
		if (r->sequence)
			json_put_i64(&o, r->sequence);
		else
			json_put_null(&o);
		json_member_time(&o, "at", r->at);
		json_member_span(&o, "kind", r->kind);
		json_member_span(&o, "subject", r->subject);
		json_member_span(&o, "actor", r->actor);
		json_key(&o, "body");
		json_put_raw(&o, r->body);
		json_member(&o, "hash", r->hash[0] ? r->hash : NULL);
		json_object_end(&o);
		return out_json(&q->line, q->err);
	}
	if (r->sequence)
		out("%6lld  ", (long long)r->sequence);
	else
		out_colour(COLOUR_DIM, "waits   ");
	out("%s  %.12s  ", time_text(r->at, at), r->hash[0] ? r->hash : "-           ");
	out_visible(r->kind);
	out("  ");
	out_visible(r->subject);
	out("  ");
	out_visible(r->actor);
	out("\n");
	return 0;
}

static int read_records(struct transaction *tx, void *data)
{
	struct reading *q = data;
	return ledger_each(tx, q->after, q->subject, q->limit, take_record, q);
}

static int run_show(const struct invocation *in, struct err *err)
{
	struct site site;
	struct reading q = { .line = STR_INIT(1 * MIB), .json = in->json, .err = err, .limit = INT64_MAX };
	q.subject = in->argument_count ? in->arguments[0] : NULL;
	q.after = option(in, "after")->number;
	if (option(in, "limit")->given)
		q.limit = option(in, "limit")->number;
	int rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, read_records, &q, err);
	str_release(&q.line);
	site_release(&site);
	return rc;
}

static void print_report(const struct ledger_report *r)
{
	out("%lld records sealed, %lld waiting, %lld checkpoints verified\n", (long long)r->records, (long long)r->waiting, (long long)r->checkpoints);
	for (size_t i = 0; i < r->fault_count && i < RF_COUNT(r->faults); i++) {
		out_colour(COLOUR_RED, "fault: ");
		out_visible(span_of(r->faults[i].what));
		out("\n");
	}
	if (r->fault_count == 0 && r->covered == r->records)
		out_colour(COLOUR_GREEN, "The ledger is whole.\n");
	else if (r->fault_count == 0)
		out_colour(COLOUR_YELLOW,
		           "Nothing contradicts itself, but no signed checkpoint covers the last %lld records: give --checkpoints FILE, "
		           "kept elsewhere.\n", (long long)(r->records - r->covered));
	else
		out("%zu faults: somebody or something changed the ledger after it was sealed.\n", r->fault_count);
}

static int report_json(const struct ledger_report *r, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member_i64(&o, "records", r->records);
	json_member_i64(&o, "waiting", r->waiting);
	json_member_i64(&o, "checkpoints", r->checkpoints);
	json_member_i64(&o, "covered", r->covered);
	json_member_u64(&o, "fault_count", r->fault_count);
	json_key(&o, "faults");
	json_array(&o);
	for (size_t i = 0; i < r->fault_count && i < RF_COUNT(r->faults); i++) {
		json_object(&o);
		json_member_i64(&o, "sequence", r->faults[i].sequence);
		json_member(&o, "what", r->faults[i].what);
		json_object_end(&o);
	}
	json_array_end(&o);
	json_object_end(&o);
	return out_json(&text, err);
}

static int run_verify(const struct invocation *in, struct err *err)
{
	struct site site;
	RF_AUTO_PTR(verify_key) key = NULL;
	static struct ledger_report report;
	int rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = site_public_key(site.workspace, "ledger", &key, err);
	if (rc == 0) {
		const char *file = option_text(in, "checkpoints", site.checkpoints);
		if (option(in, "checkpoints")->given && !fs_exists(file)) {
			(void)err_set(err, RF_ENOTFOUND, "there is no such checkpoint file");
			rc = err_in_file(err, file);
		} else {
			rc = ledger_verify(site.db, site.workspace->site, key, file, &report, err);
		}
	}
	if (rc == 0 && in->json)
		rc = report_json(&report, err);
	else if (rc == 0)
		print_report(&report);
	site_release(&site);
	return rc != 0 ? rc : report.fault_count ? 1 : report.covered < report.records ? 3 : 0;
}

static const struct option_row show_options[] = {
	{ "after", 0, OPTION_NUMBER, "N", "records behind this sequence", NULL },
	{ "limit", 'n', OPTION_NUMBER, "N", "at most so many", NULL },
	{ 0 } };
static const struct option_row verify_options[] = {
	{ "checkpoints", 0, OPTION_TEXT, "FILE", "checkpoints kept elsewhere (default: ledger/checkpoints.jsonl)", NULL }, { 0 } };
const struct command command_ledger = {
	"ledger", "the hash-chained record of every decision and action",
	(const struct verb[]){
		{ "show", "[SUBJECT]", "records, oldest first; SUBJECT: incident/3, or a prefix that ends in /", 0, 1, show_options, run_show, NULL },
		{ "verify", "", "recompute the chain: changed, dropped, reordered records and a cut tail are found", 0, 0, verify_options, run_verify, NULL },
		{ 0 } },
};
