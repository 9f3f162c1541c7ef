/* waive - a recorded acceptance of advisories within a scope, by an owner, until a day. */
#include "cli/command.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/site.h"

#include "exposure/waiver_store.h"
#include "version/product.h"

struct waiving {
	struct arena a;
	const struct site *site;
	struct waiver waiver; /* to be made; the one that was made, revoked or is shown */
	int64_t id;
	const char *why;
	bool all;
	struct waiver *list;
	size_t count;
	usec_t now;
};

/* ── Output ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int one_json(const struct waiving *w, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	struct json_out o = json_out(&text, out_is_terminal());
	waiver_json(&w->waiver, w->now, &o);
	return out_json(&text, err);
}

static void line(const char *name, struct span text)
{
	if (!text.n)
		return;
	out("  %-12s", name);
	out_visible(text);
	out("\n");
}

static void print_one(const struct waiving *w)
{
	const struct waiver *v = &w->waiver;
	char created[TIME_TEXT_BYTES], expires[TIME_TEXT_BYTES], revoked[TIME_TEXT_BYTES];
	enum waiver_state state = waiver_state_at(v, w->now);
	RF_AUTO(str) scope = STR_INIT(16 * KIB);
	waiver_scope_words(&v->scope, &scope);
	out_colour(COLOUR_BOLD, "%s %lld  ", waiver_kind_name(v->kind), (long long)v->id);
	out_colour(state == WAIVER_IN_FORCE ? COLOUR_YELLOW : COLOUR_DIM, "%s\n", waiver_state_name(state));
	for (size_t i = 0; i < v->advisory_count; i++)
		line(i ? "" : "advisories", v->advisories[i]);
	out("  %-12s%s\n", "for", str_text(&scope));
	line("owner", v->owner);
	line("reason", v->reason);
	line("made by", v->created_by);
	out("  %-12s%s\n  %-12s%s\n", "from", time_text(v->created, created), "until", time_text(v->expires, expires));
	if (v->revoked == USEC_NONE)
		return;
	out("  %-12s%s\n", "revoked", time_text(v->revoked, revoked));
	line("by", v->revoked_by);
	line("because", v->revoked_why);
}

static int print_list(const struct waiving *w, bool json, struct err *err)
{
	if (json) {
		RF_AUTO(str) text = STR_INIT(512 * MIB);
		struct json_out o = json_out(&text, out_is_terminal());
		json_array(&o);
		for (size_t i = 0; i < w->count; i++)
			waiver_json(&w->list[i], w->now, &o);
		json_array_end(&o);
		return out_json(&text, err);
	}
	struct table t;
	table_init(&t, "id", "kind", "state", "until", "advisories", "for", "owner", "reason", NULL);
	for (size_t i = 0; i < w->count; i++) {
		const struct waiver *v = &w->list[i];
		char until[TIME_TEXT_BYTES];
		RF_AUTO(str) scope = STR_INIT(16 * KIB);
		waiver_scope_words(&v->scope, &scope);
		table_f(&t, COLOUR_NONE, "%lld", (long long)v->id);
		table_text(&t, waiver_kind_name(v->kind));
		table_text(&t, waiver_state_name(waiver_state_at(v, w->now)));
		table_text(&t, time_text_date(v->expires, until));
		if (v->advisory_count > 1)
			table_f(&t, COLOUR_NONE, "%.*s and %zu more", SPAN_ARG(v->advisories[0]), v->advisory_count - 1);
		else
			table_cell(&t, COLOUR_NONE, v->advisories[0]);
		table_text(&t, str_text(&scope));
		table_cell(&t, COLOUR_NONE, v->owner);
		table_cell(&t, COLOUR_NONE, span_sub(v->reason, 0, 60));
	}
	int rc = table_print(&t, err);
	table_release(&t);
	return rc;
}

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int read_list(struct transaction *tx, void *data)
{
	struct waiving *w = data;
	arena_reset(&w->a);
	w->now = tx_now(tx);
	return waiver_list(tx, &w->a, 0, w->all, &w->list, &w->count);
}

static int read_one(struct transaction *tx, void *data)
{
	struct waiving *w = data;
	arena_reset(&w->a);
	w->now = tx_now(tx);
	return waiver_get(tx, &w->a, w->id, &w->waiver);
}

static int read_id(const struct invocation *in, int64_t *ret, struct err *err)
{
	struct span text = span_of(in->arguments[0]);
	return span_i64(text, ret) && *ret > 0
		       ? 0
		       : err_set(err, RF_EUSAGE, "'%.*s' is no waiver's number: reforge waive list", SPAN_ARG(span_sub(text, 0, 100)));
}

static int run_list(const struct invocation *in, struct err *err)
{
	struct site site;
	struct waiving w = { .a = ARENA_INIT(512 * MIB), .all = option_flag(in, "all") };
	int rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, read_list, &w, err);
	if (rc == 0)
		rc = print_list(&w, in->json, err);
	arena_release(&w.a);
	site_release(&site);
	return rc;
}

static int print_or_json(const struct invocation *in, const struct waiving *w, struct err *err)
{
	if (in->json)
		return one_json(w, err);
	print_one(w);
	return 0;
}

static int run_show(const struct invocation *in, struct err *err)
{
	struct site site = { 0 };
	struct waiving w = { .a = ARENA_INIT(1 * MIB) };
	int rc = read_id(in, &w.id, err);
	if (rc == 0)
		rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, read_one, &w, err);
	if (rc == 0)
		rc = print_or_json(in, &w, err);
	arena_release(&w.a);
	site_release(&site);
	return rc;
}

/* ── Making and revoking ─────────────────────────────────────────────────────────────────────────────────────────── */

static int make(struct transaction *tx, void *data)
{
	struct waiving *w = data;
	return waiver_make(tx, &w->waiver, w->site->workspace->waiver_longest_usec, &w->id);
}

static int revoke(struct transaction *tx, void *data)
{
	struct waiving *w = data;
	return waiver_revoke(tx, w->id, w->site->actor, w->why);
}

/* Writes, seals, and shows what is there then. */
static int write_and_show(const struct invocation *in, struct site *site, struct waiving *w,
			  int (*write)(struct transaction *, void *), struct err *err)
{
	int rc = database_transact(site->db, DB_WRITE, write, w, err);
	if (rc == 0)
		rc = site_seal(site, err);
	if (rc == 0)
		rc = database_transact(site->db, DB_READ, read_one, w, err);
	return rc == 0 ? print_or_json(in, w, err) : rc;
}

static struct span given(const struct invocation *in, const char *name)
{
	return span_of(option_text(in, name, NULL));
}

/* A name, a purl, or a purl with its version. */
static int read_product(const struct invocation *in, struct waiving *w, struct err *err)
{
	struct span text = given(in, "product");
	struct waiver_scope *s = &w->waiver.scope;
	struct component c;
	const struct product *p = NULL;
	s->version = given(in, "version");
	if (!text.n)
		return 0;
	if (!span_starts(text, "pkg:")) {
		p = product_by_any(text);
	} else {
		int rc = component_read(&w->a, text, &c, err);
		if (rc)
			return rc;
		p = c.product;
		s->version = s->version.n ? s->version : c.version;
	}
	if (!p)
		return err_set(err, RF_EUSAGE, "'%.*s' is no product that is known here: a purl or a name of the product table",
		               SPAN_ARG(span_sub(text, 0, 200)));
	s->product = span_of(p->purl);
	return 0;
}

static int check_names(const struct site *site, const struct waiver_scope *s, struct err *err)
{
	if (s->service.n && !workspace_service(site->workspace, s->service))
		return err_set(err, RF_EUSAGE, "reforge.yaml has no service '%.*s'", SPAN_ARG(span_sub(s->service, 0, 200)));
	if (s->environment.n && !workspace_environment(site->workspace, s->environment))
		return err_set(err, RF_EUSAGE, "reforge.yaml has no environment '%.*s'", SPAN_ARG(span_sub(s->environment, 0, 200)));
	return 0;
}

static int read_waiver(const struct invocation *in, const struct site *site, struct waiving *w, struct err *err)
{
	struct span *ids = arena_array(&w->a, in->argument_count, sizeof *ids), digest = given(in, "digest");
	if (!ids)
		return err_set(err, RF_ENOMEM, "waiver");
	for (size_t i = 0; i < in->argument_count; i++)
		ids[i] = span_of(in->arguments[i]);
	w->waiver = (struct waiver){
		.kind = option_flag(in, "defer") ? WAIVER_DEFERRAL : WAIVER_ACCEPTANCE,
		.advisories = ids,
		.advisory_count = in->argument_count,
		.scope = { .service = given(in, "service"),
		           .environment = given(in, "environment"),
		           .digest = span_starts(digest, "sha256:") ? span_from(digest, 7) : digest },
		.owner = given(in, "owner"),
		.reason = given(in, "reason"),
		.created_by = span_of(site->actor),
		.expires = USEC_NONE,
	};
	int rc = given(in, "until").n ? moment_ahead(given(in, "until"), now_usec(), &w->waiver.expires, err) : 0;
	if (rc == 0)
		rc = read_product(in, w, err);
	return rc ? rc : check_names(site, &w->waiver.scope, err);
}

static int run_make(const struct invocation *in, struct err *err)
{
	struct site site;
	/* what the options say lives beside what is read back */
	struct waiving w = { .a = ARENA_INIT(1 * MIB), .site = &site }, made = { .a = ARENA_INIT(1 * MIB), .site = &site };
	int rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	if (rc == 0)
		rc = read_waiver(in, &site, &w, err);
	made.waiver = w.waiver;
	if (rc == 0)
		rc = write_and_show(in, &site, &made, make, err);
	arena_release(&w.a);
	arena_release(&made.a);
	site_release(&site);
	return rc;
}

static int run_revoke(const struct invocation *in, struct err *err)
{
	struct site site = { 0 };
	struct waiving w = { .a = ARENA_INIT(1 * MIB), .site = &site, .why = option_text(in, "reason", "") };
	int rc = read_id(in, &w.id, err);
	if (rc == 0)
		rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	if (rc == 0)
		rc = write_and_show(in, &site, &w, revoke, err);
	arena_release(&w.a);
	site_release(&site);
	return rc;
}

static const struct option_row make_options[] = {
	{ "service", 0, OPTION_TEXT, "NAME", "for this service only", NULL },
	{ "environment", 0, OPTION_TEXT, "NAME", "in this environment only", NULL },
	{ "product", 0, OPTION_TEXT, "PURL|NAME", "of this product only; pkg:...@VERSION names the version too", NULL },
	{ "version", 0, OPTION_TEXT, "VERSION", "of this version of it only", NULL },
	{ "digest", 0, OPTION_TEXT, "SHA256", "of this engine, file or image only", NULL },
	{ "until", 0, OPTION_TEXT, "TIME", "when it ends: 2026-12-01 (its start, UTC), 2026-12-01T09:30:00Z, 30d (from now)", NULL },
	{ "owner", 0, OPTION_TEXT, "NAME", "who answers for it", NULL },
	{ "reason", 0, OPTION_TEXT, "TEXT", "why", NULL },
	{ "defer", 0, OPTION_FLAG, NULL, "a deferral: it will be done, not before that day", NULL },
	{ 0 },
};
static const struct option_row list_options[] = { { "all", 'a', OPTION_FLAG, NULL, "expired and revoked ones too", NULL }, { 0 } };
static const struct option_row revoke_options[] = { { "reason", 0, OPTION_TEXT, "TEXT", "why; recorded with your name", NULL }, { 0 } };
const struct command command_waive = {
	"waive", "accept advisories for a scope, by an owner, until a day",
	(const struct verb[]){
		{ "", "CVE...", "accept these advisories until a day", 1, SIZE_MAX, make_options, run_make,
		  "Needs --until, --owner, --reason and one of --service, --environment, --product, --digest: a waiver is for something and ends. "
		  "How far away the day may be is `waivers: longest` of reforge.yaml. It is recorded in the ledger, shown wherever its exposures "
		  "are, honoured by the gate, and ends by itself." },
		{ "list", "", "those in force", 0, 0, list_options, run_list, NULL },
		{ "show", "ID", "one of them", 1, 1, NULL, run_show, NULL },
		{ "revoke", "ID", "end one now; needs --reason", 1, 1, revoke_options, run_revoke, NULL },
		{ 0 } },
};
