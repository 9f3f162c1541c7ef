/* baseline - the exposures of the day of adoption as dated debt: frozen once, shown, burnt down. */
#include "cli/command.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/site.h"

#include "exposure/baseline_store.h"
#include "format/csv.h"

struct asking {
	struct arena a;
	struct baseline_freezing freezing;
	struct baseline_head head;
	struct baseline baseline;
	struct baseline_burndown burndown;
	bool by_owner;
};

static struct span or_nobody(struct span owner)
{
	return owner.n ? owner : SPAN("nobody yet");
}

static int64_t debts_of(const struct baseline *b)
{
	int64_t n = 0;
	for (size_t i = 0; i < b->holder_count; i++)
		n += (int64_t)b->sets[b->holders[i].set].count;
	return n;
}

/* ── freeze ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int freeze(struct transaction *tx, void *data)
{
	struct asking *q = data;
	return baseline_freeze(tx, &q->freezing, &q->head);
}

static int freeze_json(const struct baseline_head *h, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(4 * KIB);
	struct json_out o = json_out(&text, out_is_terminal());
	json_object(&o);
	json_member_time(&o, "since", h->since);
	json_member_time(&o, "due", h->due);
	json_member_i64(&o, "holders", h->holders);
	json_member_i64(&o, "debts", h->debts);
	json_member_i64(&o, "unowned", h->unowned);
	json_object_end(&o);
	return out_json(&text, err);
}

static void freeze_words(const struct baseline_head *h)
{
	char due[TIME_TEXT_BYTES];
	out("%lld debts of %lld engines and components, due %s\n", (long long)h->debts, (long long)h->holders,
	    time_text_date(h->due, due));
	if (h->unowned)
		out_colour(COLOUR_YELLOW, "%lld of them have no owner: reforge baseline burndown shows which; --owner would have named one\n",
		           (long long)h->unowned);
	out("What is there does not block until then; what is new or gets worse does.\n");
}

static int run_freeze(const struct invocation *in, struct err *err)
{
	struct site site = { 0 };
	struct asking q = { .freezing = { .due = USEC_NONE, .otherwise = option_text(in, "owner", NULL) } };
	const char *until = option_text(in, "until", NULL);
	int rc = until ? moment_ahead(span_of(until), now_usec(), &q.freezing.due, err) : 0;
	if (rc == 0)
		rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	q.freezing.actor = site.actor;
	q.freezing.owners = strcmp(option_text(in, "owner-from", "services"), "services") == 0 ? site.workspace : NULL;
	if (rc == 0)
		rc = database_transact(site.db, DB_WRITE, freeze, &q, err);
	if (rc == 0)
		rc = site_seal(&site, err);
	if (rc == 0 && in->json)
		rc = freeze_json(&q.head, err);
	else if (rc == 0)
		freeze_words(&q.head);
	site_release(&site);
	return rc;
}

/* ── show ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int read_all(struct transaction *tx, void *data)
{
	struct asking *q = data;
	arena_reset(&q->a);
	int rc = baseline_head(tx, &q->a, &q->head);
	if (rc == 0)
		rc = baseline_load(tx, &q->a, &q->baseline);
	return rc ? rc : baseline_burndown(tx, &q->a, q->by_owner, &q->burndown);
}

struct tally {
	int64_t carriers[CARRIER_COUNT], kinds[4];
};

static struct tally tally(const struct baseline *b)
{
	struct tally t = { .kinds = { 0 } };
	for (size_t i = 0; i < b->holder_count; i++) {
		const struct baseline_set *set = &b->sets[b->holders[i].set];
		t.carriers[b->holders[i].carrier] += (int64_t)set->count;
		for (size_t k = 0; k < set->count; k++)
			t.kinds[set->items[k].kind]++;
	}
	return t;
}

static int show_json(const struct asking *q, struct err *err)
{
	const struct tally t = tally(&q->baseline);
	RF_AUTO(str) text = STR_INIT(16 * KIB);
	struct json_out o = json_out(&text, out_is_terminal());
	json_object(&o);
	json_member_time(&o, "since", q->head.since);
	json_member_time(&o, "due", q->head.due);
	json_member_bool(&o, "is_due", q->head.due <= q->burndown.now);
	json_member_span(&o, "frozen_by", q->head.actor);
	json_member_i64(&o, "frozen", q->head.debts);
	json_member_i64(&o, "open", q->burndown.all.open);
	json_member_i64(&o, "gone", q->head.debts - q->burndown.all.open);
	json_member_i64(&o, "holders", (int64_t)q->baseline.holder_count);
	for (size_t c = 0; c < CARRIER_COUNT; c++)
		json_member_i64(&o, carrier_name((enum carrier)c), t.carriers[c]);
	for (int k = FINDING_UNKNOWN; k <= FINDING_AFFECTED; k++)
		json_member_i64(&o, finding_kind_name((enum finding_kind)k), t.kinds[k]);
	json_object_end(&o);
	return out_json(&text, err);
}

static void show_words(const struct asking *q)
{
	const struct tally t = tally(&q->baseline);
	char since[TIME_TEXT_BYTES], due[TIME_TEXT_BYTES], left[TIME_TEXT_BYTES];
	int64_t left_usec = q->head.due - q->burndown.now;
	out_colour(COLOUR_BOLD, "baseline of %s, ", time_text_date(q->head.since, since));
	out_colour(left_usec > 0 ? COLOUR_BOLD : COLOUR_RED, "due %s", time_text_date(q->head.due, due));
	out(" (%s)  frozen by ", left_usec > 0 ? duration_text(left_usec, left) : "over: nothing is excused by it");
	out_visible(q->head.actor);
	out("\n%lld of %lld debts open, %lld gone; %zu engines and components\n", (long long)q->burndown.all.open,
	    (long long)q->head.debts, (long long)(q->head.debts - q->burndown.all.open), q->baseline.holder_count);
	out("builder %lld, runtime %lld, image %lld; frozen as affected %lld, conflict %lld, unknown %lld\n",
	    (long long)t.carriers[CARRIER_BUILDER], (long long)t.carriers[CARRIER_RUNTIME], (long long)t.carriers[CARRIER_IMAGE],
	    (long long)t.kinds[FINDING_AFFECTED], (long long)t.kinds[FINDING_CONFLICT], (long long)t.kinds[FINDING_UNKNOWN]);
}

static int run_read(const struct invocation *in, struct asking *q, int (*show)(const struct invocation *, struct asking *, struct err *),
                    struct err *err)
{
	struct site site;
	q->a = ARENA_INIT(2048 * MIB);
	int rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, read_all, q, err);
	if (rc == 0)
		rc = show(in, q, err);
	arena_release(&q->a);
	site_release(&site);
	return rc;
}

static int show(const struct invocation *in, struct asking *q, struct err *err)
{
	if (in->json)
		return show_json(q, err);
	show_words(q);
	return 0;
}

static int run_show(const struct invocation *in, struct err *err)
{
	struct asking q = { 0 };
	return run_read(in, &q, show, err);
}

/* ── list ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void item_json(const struct baseline_item *item, struct json_out *o)
{
	json_object(o);
	if (item->advisory.n)
		json_member_span(o, "advisory", item->advisory);
	else
		json_member_span(o, "cause", item->cause);
	json_member(o, "finding", finding_kind_name(item->kind));
	if (item->severity >= 0)
		json_member_double(o, "cvss", item->severity / 10.0);
	json_member_bool(o, "kev", item->kev);
	json_object_end(o);
}

static int holder_json(const struct baseline *b, const struct baseline_holder *h, struct str *text, struct err *err)
{
	str_reset(text);
	struct json_out o = json_out(text, false);
	json_object(&o);
	json_member_span(&o, "service", h->service);
	json_member_span(&o, "environment", h->environment);
	json_member_span(&o, "owner", h->owner);
	json_member(&o, "carrier", carrier_name(h->carrier));
	if (h->digest.n)
		json_member_span(&o, "sha256", h->digest);
	json_member_span(&o, "product", h->purl);
	json_member_span(&o, "version", h->version);
	json_member_time(&o, "due", b->due);
	json_key(&o, "debts");
	json_array(&o);
	for (size_t i = 0; i < b->sets[h->set].count; i++)
		item_json(&b->sets[h->set].items[i], &o);
	json_array_end(&o);
	json_object_end(&o);
	return out_json(text, err);
}

static bool holder_wanted(const struct invocation *in, const struct baseline *b, const struct baseline_holder *h)
{
	const char *service = option_text(in, "service", NULL), *owner = option_text(in, "owner", NULL),
		   *advisory = option_text(in, "advisory", NULL);
	bool has = !advisory;
	for (size_t i = 0; !has && i < b->sets[h->set].count; i++)
		has = span_eq_text(b->sets[h->set].items[i].advisory, advisory);
	return has && (!service || span_eq_text(h->service, service)) && (!owner || span_eq_text(h->owner, owner));
}

static void holder_row(struct table *t, const struct baseline *b, const struct baseline_holder *h)
{
	const struct baseline_set *set = &b->sets[h->set];
	RF_AUTO(str) ids = STR_INIT(4 * KIB);
	for (size_t i = 0; i < set->count && i < 3; i++)
		str_addf(&ids, "%s%.*s", i ? " " : "", SPAN_ARG(set->items[i].advisory.n ? set->items[i].advisory : set->items[i].cause));
	if (set->count > 3)
		str_addf(&ids, " and %zu more", set->count - 3);
	table_cell(t, COLOUR_NONE, h->service);
	table_cell(t, COLOUR_NONE, h->environment);
	table_text(t, carrier_name(h->carrier));
	table_cell(t, COLOUR_NONE, h->digest.n ? span_sub(h->digest, 0, 12) : SPAN("-"));
	table_f(t, COLOUR_NONE, "%.*s@%.*s", SPAN_ARG(h->purl.n ? h->purl : SPAN("?")), SPAN_ARG(h->version.n ? h->version : SPAN("?")));
	table_cell(t, COLOUR_NONE, str_span(&ids));
	table_cell(t, h->owner.n ? COLOUR_NONE : COLOUR_YELLOW, or_nobody(h->owner));
}

static int list(const struct invocation *in, struct asking *q, struct err *err)
{
	const struct baseline *b = &q->baseline;
	RF_AUTO(str) text = STR_INIT(64 * MIB);
	struct table t;
	int rc = 0;
	table_init(&t, "service", "environment", "carrier", "sha256", "component", "debts", "owner", NULL);
	for (size_t i = 0; rc == 0 && i < b->holder_count; i++) {
		if (!holder_wanted(in, b, &b->holders[i]))
			continue;
		if (in->json)
			rc = holder_json(b, &b->holders[i], &text, err);
		else
			holder_row(&t, b, &b->holders[i]);
	}
	if (rc == 0 && !in->json)
		rc = table_print(&t, err);
	if (rc == 0 && !in->json)
		out("\n%lld debts\n", (long long)debts_of(b));
	table_release(&t);
	return rc;
}

static int run_list(const struct invocation *in, struct err *err)
{
	struct asking q = { 0 };
	return run_read(in, &q, list, err);
}

/* ── burndown ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void group_json(const struct baseline_burndown *b, const struct baseline_group *g, bool by_owner, struct json_out *o)
{
	json_object(o);
	json_member_span(o, "owner", g->owner);
	if (!by_owner) {
		json_member_span(o, "service", g->service);
		json_member_span(o, "environment", g->environment);
	}
	json_member_i64(o, "frozen", g->frozen);
	json_member_i64(o, "open", g->open);
	json_key(o, "points");
	json_array(o);
	for (size_t i = 0; i < b->time_count; i++)
		json_put_i64(o, g->points[i]);
	json_array_end(o);
	json_object_end(o);
}

static int burndown_json(const struct baseline_burndown *b, bool by_owner, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(256 * MIB);
	struct json_out o = json_out(&text, out_is_terminal());
	json_object(&o);
	json_member_time(&o, "since", b->since);
	json_member_time(&o, "due", b->due);
	json_member_i64(&o, "frozen", b->all.frozen);
	json_member_i64(&o, "open", b->all.open);
	json_key(&o, "times");
	json_array(&o);
	for (size_t i = 0; i < b->time_count; i++)
		json_put_time(&o, b->times[i]);
	json_array_end(&o);
	json_key(&o, "points");
	json_array(&o);
	for (size_t i = 0; i < b->time_count; i++)
		json_put_i64(&o, b->all.points[i]);
	json_array_end(&o);
	json_key(&o, "groups");
	json_array(&o);
	for (size_t i = 0; i < b->group_count; i++)
		group_json(b, &b->groups[i], by_owner, &o);
	json_array_end(&o);
	json_object_end(&o);
	return out_json(&text, err);
}

/* A row a moment and group, for spreadsheets. */
static void burndown_csv(const struct baseline_burndown *b)
{
	out("time,owner,service,environment,frozen,open\n");
	for (size_t t = 0; t < b->time_count; t++)
		for (size_t i = 0; i < b->group_count; i++) {
			const struct baseline_group *g = &b->groups[i];
			char time[TIME_TEXT_BYTES];
			RF_AUTO(str) line = STR_INIT(64 * KIB);
			str_addf(&line, "%s,", time_text(b->times[t], time));
			csv_put(&line, g->owner);
			str_add_byte(&line, ',');
			csv_put(&line, g->service);
			str_add_byte(&line, ',');
			csv_put(&line, g->environment);
			str_addf(&line, ",%lld,%lld\n", (long long)g->frozen, (long long)g->points[t]);
			out_str(&line);
		}
}

#define BAR_CELLS 30
/* "#####.....": what is open of what was frozen. */
static void bar(int64_t open, int64_t frozen, char to[BAR_CELLS + 1])
{
	int64_t cells = frozen ? (open * BAR_CELLS + frozen - 1) / frozen : 0;
	for (int64_t i = 0; i < BAR_CELLS; i++)
		to[i] = i < cells ? '#' : '.';
	to[BAR_CELLS] = '\0';
}

static int burndown_words(const struct baseline_burndown *b, bool by_owner, struct err *err)
{
	char since[TIME_TEXT_BYTES], due[TIME_TEXT_BYTES];
	struct table t;
	out("frozen %s, due %s: %lld of %lld debts open\n\n", time_text_date(b->since, since), time_text_date(b->due, due),
	    (long long)b->all.open, (long long)b->all.frozen);
	for (size_t i = 0; i < b->time_count; i++) {
		char time[TIME_TEXT_BYTES], cells[BAR_CELLS + 1];
		bar(b->all.points[i], b->all.frozen, cells);
		out("%s  %s  %lld\n", time_text_date(b->times[i], time), cells, (long long)b->all.points[i]);
	}
	out("\n");
	if (by_owner)
		table_init(&t, "owner", "frozen", "open", "gone", NULL);
	else
		table_init(&t, "owner", "service", "environment", "frozen", "open", "gone", NULL);
	for (size_t i = 0; i < b->group_count; i++) {
		const struct baseline_group *g = &b->groups[i];
		table_cell(&t, g->owner.n ? COLOUR_NONE : COLOUR_YELLOW, or_nobody(g->owner));
		if (!by_owner) {
			table_cell(&t, COLOUR_NONE, g->service);
			table_cell(&t, COLOUR_NONE, g->environment);
		}
		table_f(&t, COLOUR_NONE, "%lld", (long long)g->frozen);
		table_f(&t, COLOUR_NONE, "%lld", (long long)g->open);
		table_f(&t, COLOUR_NONE, "%lld", (long long)(g->frozen - g->open));
	}
	int rc = table_print(&t, err);
	table_release(&t);
	return rc;
}

static int burndown(const struct invocation *in, struct asking *q, struct err *err)
{
	if (in->json)
		return burndown_json(&q->burndown, q->by_owner, err);
	if (!option_flag(in, "csv"))
		return burndown_words(&q->burndown, q->by_owner, err);
	burndown_csv(&q->burndown);
	return 0;
}

static int run_burndown(const struct invocation *in, struct err *err)
{
	struct asking q = { .by_owner = strcmp(option_text(in, "by", "service"), "owner") == 0 };
	return run_read(in, &q, burndown, err);
}

static const struct option_row freeze_options[] = {
	{ "until", 0, OPTION_TEXT, "TIME", "when it is due, within a year; default in 90 days", NULL },
	{ "owner-from", 0, OPTION_TEXT, "WHERE", "services: each debt is its service's owner's (default); nowhere", "services nowhere" },
	{ "owner", 0, OPTION_TEXT, "NAME", "who owns what is of no service or of one without an owner", NULL },
	{ 0 },
};
static const struct option_row list_options[] = {
	{ "service", 0, OPTION_TEXT, "NAME", "of this service only", NULL },
	{ "owner", 0, OPTION_TEXT, "NAME", "of this owner only; \"\" what nobody owns", NULL },
	{ "advisory", 0, OPTION_TEXT, "CVE", "with this debt only", NULL },
	{ 0 },
};
static const struct option_row burndown_options[] = {
	{ "by", 0, OPTION_TEXT, "WHAT", "a row an owner, or (default) an owner and service", "owner service" },
	{ "csv", 0, OPTION_FLAG, NULL, "a row a moment and group, for spreadsheets", NULL },
	{ 0 },
};
const struct command command_baseline = {
	"baseline", "the exposures of the day of adoption as dated debt: freeze, show, list, burndown",
	(const struct verb[]){
		{ "freeze", "", "make debts of all exposures open now", 0, 0, freeze_options, run_freeze,
		  "Once: a second freeze is refused, since a debt neither grows nor lasts longer. Debts do not block until they are due or get "
		  "worse; what is new does; what is gone does not come back. An engine's debt is that of its content, a runtime's or package's "
		  "that of the component in its service." },
		{ "show", "", "how much is owed, and until when", 0, 0, NULL, run_show, NULL },
		{ "list", "", "what is still owed", 0, 0, list_options, run_list, "--json gives one object an engine or component and line." },
		{ "burndown", "", "how it shrank, by owner and service", 0, 0, burndown_options, run_burndown, NULL },
		{ 0 } },
};
