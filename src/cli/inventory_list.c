/* inventory list and show: what is known to run where, at any moment, and what happened to it. */
#include "cli/command.h"
#include "cli/inventory.h"
#include "cli/moment.h"
#include "cli/output.h"

#include "inventory/fleet_store.h"

struct listing {
	struct inventory_filter filter;
	struct table table;
	struct str line;
	struct err *err;
	bool json;
};

static void put_placement(struct json_out *o, const struct inventory_placement *p)
{
	json_member_i64(o, "id", p->id);
	json_member_span(o, "host", p->host);
	json_member(o, "platform", p->line == PLATFORM_ANY ? NULL : platform_line_name(p->line));
	json_member_span(o, "path", p->path);
	json_member_span(o, "service", p->service);
	json_member_span(o, "environment", p->environment);
	json_member_span(o, "model", p->model);
	json_member(o, "sha256", p->artifact.digest);
	json_member_u64(o, "size", p->artifact.size);
	json_member_span(o, "kind", p->artifact.kind);
	json_member_span(o, "product", p->artifact.product);
	json_member_span(o, "version", p->artifact.version);
	json_member_span(o, "target", p->artifact.target);
	json_member_span(o, "finding", p->artifact.finding);
	json_member_span(o, "runtime_product", p->runtime_product);
	json_member_span(o, "runtime_version", p->runtime_version);
	json_member_time(o, "seen_from", p->seen_from);
	json_member_time(o, "seen_last", p->seen_last);
	json_member_time(o, "gone_at", p->gone_at);
}

/* ── list ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int take_placement(const struct inventory_placement *p, void *data)
{
	struct listing *l = data;
	if (l->json) {
		str_reset(&l->line);
		struct json_out o = json_out(&l->line, false);
		json_object(&o);
		put_placement(&o, p);
		json_object_end(&o);
		return out_json(&l->line, l->err);
	}
	char since[TIME_TEXT_BYTES];
	table_cell(&l->table, COLOUR_NONE, p->service);
	table_cell(&l->table, COLOUR_NONE, p->environment);
	table_cell(&l->table, COLOUR_NONE, p->model);
	table_cell(&l->table, COLOUR_NONE, p->artifact.kind);
	table_cell(&l->table, COLOUR_NONE, p->artifact.version);
	table_cell(&l->table, COLOUR_NONE, p->runtime_version);
	table_text(&l->table, time_text(l->filter.with_gone && p->gone_at != USEC_NONE ? p->gone_at : p->seen_from, since));
	table_cell(&l->table, l->filter.with_gone && p->gone_at != USEC_NONE ? COLOUR_DIM : COLOUR_NONE, p->path);
	return 0;
}

static void put_before(struct json_out *o, const struct inventory_placement *p)
{
	json_key(o, "before");
	if (!p) {
		json_put_null(o);
		return;
	}
	json_object(o);
	put_placement(o, p);
	json_object_end(o);
}

/* "was 10.1.0.27" of what was replaced, "h1:/r/a" of what moved. */
static void cell_before(struct table *t, const struct inventory_change *c)
{
	const struct inventory_placement *b = c->before;
	if (!b)
		table_text(t, "");
	else if (c->event == INVENTORY_MOVED)
		table_f(t, COLOUR_NONE, "%.*s:%.*s", SPAN_ARG(b->host), SPAN_ARG(b->path));
	else
		table_f(t, COLOUR_NONE, "was %.*s %.12s", SPAN_ARG(b->artifact.version), b->artifact.digest);
}

static int take_change(const struct inventory_change *c, void *data)
{
	static const enum colour colours[] = { COLOUR_GREEN, COLOUR_YELLOW, COLOUR_BLUE, COLOUR_DIM };
	struct listing *l = data;
	const struct inventory_placement *p = c->placement;
	if (l->json) {
		str_reset(&l->line);
		struct json_out o = json_out(&l->line, false);
		json_object(&o);
		json_member_time(&o, "at", c->at);
		json_member(&o, "event", inventory_event_name(c->event));
		put_placement(&o, p);
		put_before(&o, c->before);
		json_object_end(&o);
		return out_json(&l->line, l->err);
	}
	char at[TIME_TEXT_BYTES];
	table_text(&l->table, time_text(c->at, at));
	table_cell(&l->table, colours[c->event], span_of(inventory_event_name(c->event)));
	table_cell(&l->table, COLOUR_NONE, p->service);
	table_cell(&l->table, COLOUR_NONE, p->environment);
	table_cell(&l->table, COLOUR_NONE, p->artifact.kind);
	table_cell(&l->table, COLOUR_NONE, p->artifact.version);
	table_cell(&l->table, COLOUR_NONE, p->host);
	table_cell(&l->table, COLOUR_NONE, p->path);
	cell_before(&l->table, c);
	return 0;
}

static int list_placements(struct transaction *tx, void *data)
{
	struct listing *l = data;
	table_clear(&l->table);
	return inventory_each_placement(tx, &l->filter, take_placement, l);
}

static int list_changes(struct transaction *tx, void *data)
{
	struct listing *l = data;
	table_clear(&l->table);
	return inventory_each_change(tx, &l->filter, take_change, l);
}

int inventory_list(const struct invocation *in, struct err *err)
{
	struct site site;
	bool history = option_flag(in, "history");
	struct listing l = { .line = STR_INIT(1 * MIB), .err = err, .json = in->json };
	l.filter.service = span_of(option_text(in, "service", NULL));
	l.filter.environment = span_of(option_text(in, "environment", NULL));
	l.filter.host = span_of(option_text(in, "host", NULL));
	l.filter.product = span_of(option_text(in, "product", NULL));
	l.filter.engines_only = !option_flag(in, "all") && !l.filter.product.n;
	l.filter.with_gone = option_flag(in, "gone");
	int rc = moment_option(in, &l.filter.at, err);
	if (rc != 0)
		return rc;
	if (history && l.filter.at)
		return err_set(err, RF_EUSAGE, "--history shows all moments: leave out --at");
	if (history)
		table_init(&l.table, "at", "what", "service", "environment", "kind", "built by", "host", "path", "before", NULL);
	else
		table_init(&l.table, "service", "environment", "model", "kind", "built by", "runtime",
		           l.filter.with_gone ? "since / gone" : "since", "path", NULL);
	rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, history ? list_changes : list_placements, &l, err);
	if (rc == 0 && !in->json)
		rc = table_print(&l.table, err);
	table_release(&l.table);
	str_release(&l.line);
	site_release(&site);
	return rc;
}

const struct option_row inventory_list_options[] = {
	{ "service", 's', OPTION_TEXT, "NAME", "of this service only", NULL },
	{ "environment", 'e', OPTION_TEXT, "NAME", "of this environment only", NULL },
	{ "host", 0, OPTION_TEXT, "NAME", "on this host only", NULL },
	{ "product", 0, OPTION_TEXT, "PURL", "that are, were built by or hold this product, images too", NULL },
	{ "all", 'a', OPTION_FLAG, NULL, "models, timing caches, pointers as well", NULL },
	{ "gone", 0, OPTION_FLAG, NULL, "placements that are no more, too", NULL },
	{ "history", 0, OPTION_FLAG, NULL, "when they came, were replaced, moved, went", NULL },
	MOMENT_OPTION,
	{ 0 } };

/* ── show ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct showing {
	struct arena a;
	const char *subject;
	usec_t at;
	bool json;
	struct str text;
	struct json_out o;
	const char *word; /* before the next line of a list */
};

static void say(struct showing *s, struct span text)
{
	str_add_visible(&s->text, text);
}

static int take_held(const struct inventory_held *h, void *data)
{
	struct showing *s = data;
	if (s->json) {
		json_object(&s->o);
		json_member_span(&s->o, "product", h->product);
		json_member_span(&s->o, "version", h->version);
		json_member_span(&s->o, "role", h->role);
		json_member_span(&s->o, "source", h->source);
		json_member_span(&s->o, "where", h->where);
		json_member_span(&s->o, "inside", h->path);
		json_object_end(&s->o);
		return 0;
	}
	str_addf(&s->text, "%-10s", s->word);
	s->word = "";
	say(s, h->product);
	str_add_byte(&s->text, '@');
	say(s, h->version.n ? h->version : SPAN("?"));
	str_addf(&s->text, "  %.*s  %.*s  ", SPAN_ARG(h->role), SPAN_ARG(h->source));
	say(s, h->path.n ? h->path : h->where);
	str_add_byte(&s->text, '\n');
	return 0;
}

static int take_inside(const struct inventory_inside *i, void *data)
{
	struct showing *s = data;
	if (s->json) {
		json_object(&s->o);
		json_member_span(&s->o, "path", i->path);
		json_member(&s->o, "sha256", i->artifact.digest);
		json_member_span(&s->o, "kind", i->artifact.kind);
		json_member_span(&s->o, "product", i->artifact.product);
		json_member_span(&s->o, "version", i->artifact.version);
		json_member_span(&s->o, "finding", i->artifact.finding);
		json_object_end(&s->o);
		return 0;
	}
	str_addf(&s->text, "%-10s", s->word);
	s->word = "";
	say(s, i->path);
	str_addf(&s->text, "  %.*s  ", SPAN_ARG(i->artifact.kind));
	say(s, i->artifact.version);
	str_add_byte(&s->text, '\n');
	return 0;
}

static int take_event(const struct inventory_change *c, void *data)
{
	struct showing *s = data;
	char at[TIME_TEXT_BYTES];
	if (s->json) {
		json_object(&s->o);
		json_member_time(&s->o, "at", c->at);
		json_member(&s->o, "event", inventory_event_name(c->event));
		json_member(&s->o, "sha256", c->placement->artifact.digest);
		json_member_span(&s->o, "version", c->placement->artifact.version);
		json_object_end(&s->o);
		return 0;
	}
	str_addf(&s->text, "%-10s%s  %s  %.12s  ", s->word, time_text(c->at, at), inventory_event_name(c->event),
	         c->placement->artifact.digest);
	s->word = "";
	say(s, c->placement->artifact.version);
	str_add_byte(&s->text, '\n');
	return 0;
}

/* A list of the object that is open, or lines behind a word. */
static void list_begin(struct showing *s, const char *key, const char *word)
{
	s->word = word;
	if (!s->json)
		return;
	json_key(&s->o, key);
	json_array(&s->o);
}

static void list_end(struct showing *s)
{
	if (s->json)
		json_array_end(&s->o);
}

static void show_head(struct showing *s, const struct inventory_placement *p)
{
	char from[TIME_TEXT_BYTES], last[TIME_TEXT_BYTES];
	if (s->json) {
		json_object(&s->o);
		put_placement(&s->o, p);
		return;
	}
	say(s, p->path);
	str_addf(&s->text, "\n%-10s", "host");
	say(s, p->host);
	str_addf(&s->text, "\n%-10s%.*s %.*s %.*s", "service", SPAN_ARG(p->service), SPAN_ARG(p->environment), SPAN_ARG(p->model));
	str_addf(&s->text, "\n%-10s%.*s, %llu bytes, sha256 %s\n%-10s", "content", SPAN_ARG(p->artifact.kind),
	         (unsigned long long)p->artifact.size, p->artifact.digest, "built by");
	say(s, p->artifact.product.n ? p->artifact.product : SPAN("-"));
	str_add_byte(&s->text, ' ');
	say(s, p->artifact.version);
	str_addf(&s->text, "\n%-10s", "runtime");
	say(s, p->runtime_product.n ? p->runtime_product : SPAN("-"));
	str_add_byte(&s->text, ' ');
	say(s, p->runtime_version);
	str_addf(&s->text, "\n%-10s%s to %s\n", "seen", time_text(p->seen_from, from), time_text(p->seen_last, last));
}

/* What else is known of a placement (fleet_store.h), in words. */
static void detail_say(struct showing *s, struct json detail)
{
	struct json triton = json_get(detail, "triton"), image = json_get(detail, "image");
	int64_t n;
	if (json_kind(triton) == JSON_OBJECT) {
		str_addf(&s->text, "%-10s", "triton");
		say(s, json_string(json_get(triton, "load")));
		str_add_text(&s->text, ": ");
		say(s, json_string(json_get(triton, "why")));
		str_add_byte(&s->text, '\n');
	}
	if (json_kind(image) == JSON_STRING) {
		str_addf(&s->text, "%-10s", "image");
		say(s, json_string(image));
		if (json_i64(json_get(detail, "replicas"), &n))
			str_addf(&s->text, " x%lld", (long long)n);
		str_add_byte(&s->text, '\n');
	}
	if (json_i64(json_get(detail, "process_count"), &n))
		str_addf(&s->text, "%-10s%lld that use it\n", "programs", (long long)n);
}

/* Of now only: it is not kept for other moments. */
static int detail_show(struct transaction *tx, struct showing *s, const struct inventory_placement *p)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = s->json ? NULL : json_doc_new();
	struct span detail = SPAN_NONE;
	struct json root;
	int rc = s->at || p->gone_at != USEC_NONE ? RF_ENOTFOUND : fleet_detail_get(tx, p->host, p->path, &s->a, &detail);
	if (rc && rc != RF_ENOTFOUND)
		return rc;
	if (s->json) {
		json_key(&s->o, "detail");
		if (detail.n)
			json_put_raw(&s->o, detail);
		else
			json_put_null(&s->o);
	} else if (detail.n && doc && json_parse(doc, detail, &root, NULL) == 0) {
		detail_say(s, root);
	}
	return 0;
}

static int show_one(struct transaction *tx, struct showing *s, const struct inventory_placement *p)
{
	struct inventory_filter place = { .host = p->host, .service = p->service, .environment = p->environment, .path = p->path };
	show_head(s, p);
	int rc = detail_show(tx, s, p);
	list_begin(s, "components", "holds");
	if (rc == 0)
		rc = inventory_each_held(tx, span_of(p->artifact.digest), take_held, s);
	list_end(s);
	list_begin(s, "inside", "inside");
	if (rc == 0)
		rc = inventory_each_inside(tx, span_of(p->artifact.digest), take_inside, s);
	list_end(s);
	list_begin(s, "history", "history");
	if (rc == 0)
		rc = inventory_each_change(tx, &place, take_event, s);
	list_end(s);
	if (s->json)
		json_object_end(&s->o);
	else
		str_add_byte(&s->text, '\n');
	return rc;
}

static int show(struct transaction *tx, void *data)
{
	struct showing *s = data;
	struct inventory_placement *list;
	size_t n;
	arena_reset(&s->a);
	str_reset(&s->text);
	s->o = json_out(&s->text, out_is_terminal());
	int rc = inventory_placements_of(tx, s->subject, s->at, &s->a, &list, &n);
	if (rc == 0 && s->json)
		json_array(&s->o);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = show_one(tx, s, &list[i]);
	if (rc == 0 && s->json)
		json_array_end(&s->o);
	return rc;
}

int inventory_show(const struct invocation *in, struct err *err)
{
	struct site site;
	struct showing s = { .a = ARENA_INIT(512 * MIB), .subject = in->arguments[0], .json = in->json, .text = STR_INIT(256 * MIB) };
	int rc = moment_option(in, &s.at, err);
	if (rc != 0)
		return rc;
	rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, show, &s, err);
	if (rc == 0 && in->json)
		rc = out_json(&s.text, err);
	else if (rc == 0)
		rc = str_check(&s.text, "what is known of a placement", err);
	if (rc == 0 && !in->json)
		out_str(&s.text);
	arena_release(&s.a);
	str_release(&s.text);
	site_release(&site);
	return rc;
}

const struct option_row inventory_show_options[] = { MOMENT_OPTION, { 0 } };
