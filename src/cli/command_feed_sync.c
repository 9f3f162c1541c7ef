/* feed sync, status, accept - fetch the feeds of reforge.yaml, see how they stand, say that a change of theirs is right. */
#include "cli/feed.h"

#include "cli/output.h"
#include "cli/site.h"

#include "advisory/feed.h"
#include "base/thread.h"
#include "exposure/exposure.h"

struct syncing {
	struct feed_report *reports;
	size_t count;
	struct progress progress;
	bool json;
};

/* Two hundred lines tell as much as two thousand; the counts tell the rest. */
#define MAX_PROBLEMS 200
static int problems;

static void show_problem(const char *name, const struct err *problem, void *data)
{
	char text[4096];
	(void)name, (void)data;
	if (problems++ < MAX_PROBLEMS)
		fprintf(stderr, "reforge feed: %s\n", err_render(problem, text, sizeof text));
}

static void show_progress(const char *feed, int64_t done, int64_t total, const char *what, void *data)
{
	struct syncing *s = data;
	progress_show(&s->progress, feed, RF_MAX(done, (int64_t)0), RF_MAX(total, (int64_t)0), -1, what);
}

static bool is_wanted(const struct invocation *in, const char *feed)
{
	for (size_t i = 0; i < in->argument_count; i++)
		if (!strcmp(in->arguments[i], feed))
			return true;
	return in->argument_count == 0;
}

static int check_names(const struct invocation *in, const struct workspace *w, struct err *err)
{
	for (size_t i = 0; i < in->argument_count; i++)
		if (!workspace_feed(w, span_of(in->arguments[i])))
			return err_set(err, RF_EUSAGE, "no feed is called \"%s\" in %s", in->arguments[i], w->file);
	return 0;
}

static int sync_feeds(struct site *site, const struct invocation *in, struct syncing *s, struct err *err)
{
	const struct workspace *w = site->workspace;
	const struct feed_options options = { .actor = site->actor, .problem = show_problem, .progress = show_progress, .data = s };
	int rc = 0;
	s->reports = rf_realloc_array(NULL, RF_MAX(w->feeds_n, (size_t)1), sizeof *s->reports);
	if (!s->reports)
		return err_set(err, RF_ENOMEM, "feeds");
	for (size_t k = 0; rc == 0 && k < w->feeds_n; k++) {
		struct feed_report *r = &s->reports[s->count];
		if (!is_wanted(in, w->feeds[k].name))
			continue;
		rc = feed_sync(site->db, w, &w->feeds[k], &options, r, err);
		if (rc == RF_EBUSY) { /* another reforge is at it: this one's answer is unknown, the others' go on */
			r->failed = rc;
			r->err = *err;
			rc = 0;
		}
		s->count += rc == 0;
	}
	return rc;
}

/* ---------------------------------------------------------------- what it led to */

static void put_alarms(struct json_out *o, unsigned alarms)
{
	json_array(o);
	for (int k = 0; k < FEED_ALARM_KINDS; k++)
		if (alarms & (1u << k))
			json_put_text(o, feed_alarm_name((enum feed_alarm_kind)k));
	json_array_end(o);
}

static void put_report(struct json_out *o, const struct feed_report *r)
{
	char text[2048];
	json_object(o);
	json_member(o, "feed", r->feed);
	json_member_bool(o, "complete", !r->failed);
	if (r->failed)
		json_member(o, "error", err_render(&r->err, text, sizeof text));
	json_member_i64(o, "records_before", r->records_before);
	json_member_i64(o, "records", r->records);
	json_member_i64(o, "changed", r->changed);
	json_member_i64(o, "unchanged", r->unchanged);
	json_member_i64(o, "refused", r->refused);
	json_member_i64(o, "wrong_hashes", r->wrong_hashes);
	json_member_i64(o, "missing", r->missing);
	json_member_i64(o, "requests", r->requests);
	json_member_i64(o, "bytes", r->bytes);
	json_member_double(o, "seconds", (double)r->duration_usec / 1e6);
	json_key(o, "alarms");
	put_alarms(o, r->alarms);
	json_object_end(o);
}

static void print_report(const struct feed_report *r)
{
	char text[2048], seconds[TIME_TEXT_BYTES];
	out_colour(COLOUR_BOLD, "%s", r->feed);
	if (r->failed) {
		out_colour(COLOUR_RED, "  not complete: ");
		out("%s; what was known stays\n", err_render(&r->err, text, sizeof text));
	} else {
		out("  %lld records", (long long)r->records);
		if (r->records_before >= 0 && r->records_before != r->records)
			out(" (%lld before)", (long long)r->records_before);
		out(", %s\n", duration_text(r->duration_usec, seconds));
	}
	for (int k = 0; k < FEED_ALARM_KINDS; k++)
		if ((r->alarms & (1u << k)) && k != FEED_ALARM_FAILED)
			out_colour(COLOUR_YELLOW, "  alarm: %s (reforge feed status %s)\n", feed_alarm_name((enum feed_alarm_kind)k), r->feed);
}

struct sum {
	int64_t files, documents, unchanged, advisories, review, problems;
	bool doubt; /* something failed, or its silence proves nothing */
};

static struct sum sum_of(const struct syncing *s)
{
	struct sum t = { 0 };
	for (size_t i = 0; i < s->count; i++) {
		const struct feed_report *r = &s->reports[i];
		t.files += r->looked_at;
		t.documents += r->changed;
		t.unchanged += r->unchanged;
		t.advisories += r->advisories;
		t.review += r->review;
		t.problems += r->refused;
		t.doubt |= r->failed != 0 || r->refused > 0;
		for (int k = 0; k < FEED_ALARM_KINDS; k++)
			t.doubt |= (r->alarms & (1u << k)) && feed_alarm_taints((enum feed_alarm_kind)k);
	}
	return t;
}

static int print_sync(const struct syncing *s, const struct sum *t, const struct exposure_changes *e, struct err *err)
{
	if (!s->json) {
		for (size_t i = 0; i < s->count; i++)
			print_report(&s->reports[i]);
		out("%lld documents: %lld new or changed, %lld unchanged, %lld refused; %lld advisories", (long long)t->files,
		    (long long)t->documents, (long long)t->unchanged, (long long)t->problems, (long long)t->advisories);
		if (t->review)
			out_colour(COLOUR_YELLOW, "; %lld statements are for a person to read: reforge advisory list --review",
			           (long long)t->review);
		out("\nexposures: %lld open, %lld new, %lld cleared\n", (long long)e->open, (long long)e->opened, (long long)e->cleared);
		return 0;
	}
	RF_AUTO(str) text = STR_INIT(4 * MIB);
	struct json_out o = json_out(&text, out_is_terminal());
	json_object(&o);
	json_member_i64(&o, "files", t->files);
	json_member_i64(&o, "documents", t->documents);
	json_member_i64(&o, "unchanged", t->unchanged);
	json_member_i64(&o, "advisories", t->advisories);
	json_member_i64(&o, "review", t->review);
	json_member_i64(&o, "problems", t->problems);
	json_member_i64(&o, "exposures_open", e->open);
	json_member_i64(&o, "exposures_opened", e->opened);
	json_member_i64(&o, "exposures_cleared", e->cleared);
	json_key(&o, "feeds");
	json_array(&o);
	for (size_t i = 0; i < s->count; i++)
		put_report(&o, &s->reports[i]);
	json_array_end(&o);
	json_object_end(&o);
	return out_json(&text, err);
}

int run_feed_sync(const struct invocation *in, struct err *err)
{
	struct site site;
	struct syncing s = { .json = in->json };
	struct exposure_changes changes = { 0 };
	int rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	if (rc == 0)
		rc = check_names(in, site.workspace, err);
	thread_catch_signals();
	progress_begin(&s.progress, in);
	if (rc == 0)
		rc = sync_feeds(&site, in, &s, err);
	progress_end(&s.progress);
	if (rc == 0)
		rc = exposure_refresh(site.db, site.actor, &changes, err);
	if (rc == 0)
		rc = site_seal(&site, err);
	struct sum t = sum_of(&s);
	if (rc == 0)
		rc = print_sync(&s, &t, &changes, err);
	rf_free(s.reports);
	site_release(&site);
	return rc != 0 ? rc : t.doubt ? 3 : 0;
}

/* ---------------------------------------------------------------- status */

struct status {
	const struct invocation *in;
	const struct workspace *workspace;
	struct arena arena;
	struct feed_standing *list;
	size_t count;
	struct json_out *o;
};

static int read_list(struct transaction *tx, void *data)
{
	struct status *s = data;
	arena_reset(&s->arena);
	return feed_list(tx, &s->arena, s->workspace, &s->list, &s->count);
}

static void put_count(struct json_out *o, const char *key, int64_t n)
{
	json_key(o, key);
	if (n >= 0)
		json_put_i64(o, n);
	else
		json_put_null(o);
}

static int put_hash(struct span name, struct span published, struct span actual, void *data)
{
	struct status *s = data;
	if (!s->o) {
		out("  wrong hash: ");
		out_visible(name);
		out("  published %.*s…, it has %.*s…\n", (int)RF_MIN(published.n, (size_t)16), published.n ? published.p : "",
		    (int)RF_MIN(actual.n, (size_t)16), actual.p);
		return 0;
	}
	json_object(s->o);
	json_member_span(s->o, "name", name);
	json_member_span(s->o, "published", published);
	json_member_span(s->o, "actual", actual);
	json_object_end(s->o);
	return 0;
}

static int put_standing(struct transaction *tx, struct status *s, const struct feed_standing *f)
{
	struct json_out *o = s->o;
	json_object(o);
	json_member_span(o, "feed", f->feed);
	json_member_span(o, "kind", f->kind);
	json_member_span(o, "source", f->source);
	json_member_bool(o, "configured", f->configured);
	json_member_bool(o, "stale", f->stale);
	json_member_time(o, "last_success", f->succeeded);
	json_member_time(o, "last_attempt", f->attempted);
	json_member_time(o, "last_change", f->changed);
	put_count(o, "age_usec", f->age_usec);
	json_member_i64(o, "max_age_usec", f->max_age_usec);
	put_count(o, "records", f->records);
	put_count(o, "records_before", f->records_before);
	json_member_i64(o, "missing", f->missing);
	json_member_i64(o, "failures", f->failures);
	json_member_span(o, "error", f->error);
	json_key(o, "alarms");
	json_array(o);
	for (size_t i = 0; i < f->alarm_count; i++) {
		json_object(o);
		json_member(o, "alarm", feed_alarm_name(f->alarms[i].kind));
		json_member_span(o, "text", f->alarms[i].text);
		json_member_time(o, "since", f->alarms[i].raised);
		json_member_bool(o, "stale", feed_alarm_taints(f->alarms[i].kind));
		json_object_end(o);
	}
	json_array_end(o);
	json_key(o, "wrong_hashes");
	json_array(o);
	int rc = feed_wrong_hashes(tx, f->feed, put_hash, s);
	json_array_end(o);
	json_object_end(o);
	return rc;
}

static int put_list(struct transaction *tx, void *data)
{
	struct status *s = data;
	str_reset(s->o->to);
	*s->o = json_out(s->o->to, out_is_terminal());
	json_object(s->o);
	json_key(s->o, "feeds");
	json_array(s->o);
	int rc = 0;
	for (size_t i = 0; i < s->count && rc == 0; i++)
		if (is_wanted(s->in, s->list[i].feed.p))
			rc = put_standing(tx, s, &s->list[i]);
	json_array_end(s->o);
	json_object_end(s->o);
	return rc;
}

static void print_details(const struct feed_standing *f)
{
	char time[TIME_TEXT_BYTES];
	if (!f->alarm_count && !f->error.n)
		return;
	out_colour(COLOUR_BOLD, "%s\n", f->feed.p);
	for (size_t i = 0; i < f->alarm_count; i++) {
		const struct feed_alarm *a = &f->alarms[i];
		out_colour(feed_alarm_taints(a->kind) ? COLOUR_RED : COLOUR_YELLOW, "  %s", feed_alarm_name(a->kind));
		out(" since %s: ", time_text(a->raised, time));
		out_visible(a->text);
		out("\n");
	}
	if (f->error.n) {
		out("  last run: ");
		out_visible(f->error);
		out("\n");
	}
}

static int print_hashes(struct transaction *tx, void *data)
{
	struct status *s = data;
	int rc = 0;
	for (size_t i = 0; i < s->count && rc == 0; i++)
		if (s->in->argument_count && is_wanted(s->in, s->list[i].feed.p))
			rc = feed_wrong_hashes(tx, s->list[i].feed, put_hash, s);
	return rc;
}

static int print_list(struct status *s, struct err *err)
{
	struct table t;
	char age[TIME_TEXT_BYTES], limit[TIME_TEXT_BYTES];
	table_init(&t, "feed", "kind", "as of", "limit", "records", "state", "source", NULL);
	for (size_t i = 0; i < s->count; i++) {
		const struct feed_standing *f = &s->list[i];
		if (!is_wanted(s->in, f->feed.p))
			continue;
		table_cell(&t, COLOUR_BOLD, f->feed);
		table_cell(&t, COLOUR_NONE, f->kind);
		if (f->age_usec < 0)
			table_text(&t, "never");
		else
			table_f(&t, COLOUR_NONE, "%s ago", duration_text(f->age_usec, age));
		table_text(&t, duration_text(f->max_age_usec, limit));
		if (f->records < 0)
			table_text(&t, "-");
		else
			table_f(&t, COLOUR_NONE, "%lld", (long long)f->records);
		const char *state = !f->configured ? "not in reforge.yaml" : f->stale ? "stale" : f->alarm_count ? "fresh, see below" : "fresh";
		table_cell(&t, f->stale ? COLOUR_RED : f->alarm_count ? COLOUR_YELLOW : COLOUR_GREEN, span_of(state));
		table_cell(&t, COLOUR_DIM, f->source);
	}
	int rc = table_print(&t, err);
	table_release(&t);
	for (size_t i = 0; i < s->count && rc == 0; i++)
		if (is_wanted(s->in, s->list[i].feed.p))
			print_details(&s->list[i]);
	return rc;
}

int run_feed_status(const struct invocation *in, struct err *err)
{
	struct site site;
	struct status s = { .in = in, .arena = ARENA_INIT(64 * MIB) };
	RF_AUTO(str) text = STR_INIT(64 * MIB);
	struct json_out o = json_out(&text, false);
	bool stale = false;
	int rc = site_open(in, SITE_DATABASE, &site, err);
	s.workspace = site.workspace;
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, read_list, &s, err);
	for (size_t i = 0; rc == 0 && i < s.count; i++)
		stale |= is_wanted(in, s.list[i].feed.p) && s.list[i].stale && s.list[i].configured;
	if (rc == 0 && in->json) {
		s.o = &o;
		rc = database_transact(site.db, DB_READ, put_list, &s, err);
		if (rc == 0)
			rc = out_json(&text, err);
	} else if (rc == 0) {
		rc = print_list(&s, err);
		if (rc == 0)
			rc = database_transact(site.db, DB_READ, print_hashes, &s, err);
	}
	arena_release(&s.arena);
	site_release(&site);
	return rc != 0 ? rc : stale ? 3 : 0;
}

/* ---------------------------------------------------------------- accept */

struct accepting {
	const char *feed, *who, *why;
};

static int accept_feed(struct transaction *tx, void *data)
{
	const struct accepting *a = data;
	return feed_accept(tx, span_of(a->feed), a->who, a->why);
}

int run_feed_accept(const struct invocation *in, struct err *err)
{
	struct site site;
	struct accepting a = { .feed = in->arguments[0], .why = option_text(in, "reason", "") };
	if (!a.why[0])
		return err_set(err, RF_EUSAGE, "accepting an alarm needs --reason TEXT: it stands in the ledger");
	int rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	a.who = site.actor;
	if (rc == 0)
		rc = database_transact(site.db, DB_WRITE, accept_feed, &a, err);
	if (rc == 0)
		rc = site_seal(&site, err);
	if (rc == 0 && in->json)
		rc = out_members(err, "feed", a.feed, "reason", a.why, "who", a.who, NULL);
	else if (rc == 0)
		out("accepted\n");
	site_release(&site);
	return rc;
}

const struct option_row feed_accept_options[] = {
	{ "reason", 0, OPTION_TEXT, "TEXT", "why it is right so; recorded with your name", NULL },
	{ 0 } };
