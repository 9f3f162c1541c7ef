/* inventory export --cmdb, --webhook - what is open on the hosts, written back to a CMDB: as a file, or sent and signed. */
#include "cli/inventory.h"
#include "cli/output.h"
#include "cli/site.h"

#include "notify/cmdb_findings.h"
#include "notify/webhook.h"

#define MAX_BYTES (512 * MIB)
/* A message stays below WEBHOOK_MAX_BODY with its frame. */
#define MESSAGE_BYTES (WEBHOOK_MAX_BODY - 4 * KIB)

struct writing {
	const struct invocation *in;
	struct site site;
	struct cmdb_findings_filter filter;
	bool json;
	struct str text;     /* the file, or the rows of the message at hand */
	struct json_out out; /* over text, of a file */
	uint64_t rows, withheld;
	size_t messages;
	struct transaction *tx;
	struct err *err;
};

/* ── As a file ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int take_row(const struct cmdb_finding *f, void *data)
{
	struct writing *w = data;
	w->rows++;
	if (w->json)
		cmdb_finding_json(f, &w->out);
	else
		cmdb_finding_csv(f, &w->text);
	return w->text.failed ? str_check(&w->text, "findings", tx_err(w->tx)) : 0;
}

static int collect_file(struct transaction *tx, void *data)
{
	struct writing *w = data;
	w->tx = tx;
	w->rows = 0;
	str_reset(&w->text);
	w->out = json_out(&w->text, false);
	if (w->json)
		json_array(&w->out);
	else
		cmdb_finding_csv_head(&w->text);
	int rc = cmdb_findings_each(tx, &w->filter, take_row, w, &w->withheld);
	if (w->json)
		json_array_end(&w->out);
	return rc ? rc : str_check(&w->text, "findings", tx_err(tx));
}

static int file_write(struct writing *w, const char *file)
{
	w->json = span_ends(span_of(file), ".json");
	int rc = database_transact(w->site.db, DB_READ, collect_file, w, w->err);
	return rc ? rc : fs_write_atomic(file, str_span(&w->text), 0644, w->err);
}

/* ── As messages ─────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The rows at hand into the queue, as one message. */
static int message_put(struct writing *w)
{
	RF_AUTO(str) body = STR_INIT(WEBHOOK_MAX_BODY);
	if (!w->text.n)
		return 0;
	char now[TIME_TEXT_BYTES];
	/* the moment makes each export a message of its own: what was so before may be so again */
	str_addf(&body, "{\"type\":\"reforge.findings\",\"version\":1,\"site\":\"%s\",\"generated\":\"%s\",\"findings\":[",
		 w->site.workspace->site, time_text_usec(tx_now(w->tx), now));
	str_add(&body, str_span(&w->text));
	str_add_text(&body, "]}");
	str_reset(&w->text);
	w->messages++;
	int rc = str_check(&body, "message", tx_err(w->tx));
	return rc ? rc :
		    webhook_enqueue(w->tx, option_text(w->in, "webhook", NULL), option_text(w->in, "webhook-key", NULL),
				    str_span(&body), NULL);
}

/* Rows are collected first: the queue is written when none is read any more. */
struct pieces {
	struct writing *w;
	struct arena arena;
	struct span *list;
	size_t n, room;
};

static int take_piece(const struct cmdb_finding *f, void *data)
{
	struct pieces *p = data;
	RF_AUTO(str) row = STR_INIT(MESSAGE_BYTES);
	struct json_out o = json_out(&row, false);
	cmdb_finding_json(f, &o);
	int rc = str_check(&row, "finding", tx_err(p->w->tx));
	if (rc)
		return rc;
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 256;
		struct span *more = rf_realloc_array(p->list, room, sizeof *more);
		if (!more)
			return err_set(tx_err(p->w->tx), RF_ENOMEM, "no memory for findings");
		p->list = more;
		p->room = room;
	}
	p->list[p->n] = arena_span(&p->arena, str_span(&row));
	return p->list[p->n++].p ? 0 : err_set(tx_err(p->w->tx), RF_ENOMEM, "no memory for findings");
}

static int collect_messages(struct transaction *tx, void *data)
{
	struct writing *w = data;
	struct pieces p = { .w = w, .arena = ARENA_INIT(MAX_BYTES) };
	w->tx = tx;
	w->messages = 0;
	str_reset(&w->text);
	int rc = cmdb_findings_each(tx, &w->filter, take_piece, &p, &w->withheld);
	for (size_t i = 0; rc == 0 && i < p.n; i++) {
		if (w->text.n + p.list[i].n + 1 > MESSAGE_BYTES)
			rc = message_put(w);
		if (w->text.n)
			str_add_byte(&w->text, ',');
		str_add(&w->text, p.list[i]);
	}
	w->rows = p.n;
	if (rc == 0)
		rc = message_put(w);
	rf_free(p.list);
	arena_release(&p.arena);
	return rc;
}

static int messages_send(struct writing *w)
{
	struct http_settings settings = { .proxy = w->site.workspace->proxy, .ca_file = w->site.workspace->ca_file };
	struct webhook_counts counts = { 0 };
	struct err why = ERR_INIT;
	if (!option_text(w->in, "webhook-key", NULL))
		return err_set(w->err, RF_EUSAGE, "--webhook needs --webhook-key FILE: messages are signed");
	int rc = database_transact(w->site.db, DB_WRITE, collect_messages, w, w->err);
	if (rc == 0)
		rc = webhook_deliver(w->site.db, &settings, &counts, &why);
	if (rc) {
		if (why.code)
			*w->err = why;
		return rc;
	}
	if (counts.failed || counts.waiting) {
		*w->err = why;
		(void)err_prefix(w->err, "%zu of %zu messages were not taken%s: ", counts.failed + counts.waiting,
				 counts.failed + counts.waiting + counts.sent,
				 counts.waiting ? "; the next export tries those that may be again" : "");
		return why.code ? why.code : RF_EIO;
	}
	return 0;
}

/* ── Both ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int tell(const struct writing *w)
{
	if (!w->in->json) {
		out("%llu findings written back, %llu withheld: marked stricter than %s\n", (unsigned long long)w->rows,
		    (unsigned long long)w->withheld, tlp_name(w->filter.highest));
		return 0;
	}
	RF_AUTO(str) s = STR_INIT(4 * KIB);
	struct json_out o = json_out(&s, false);
	json_object(&o);
	json_member_u64(&o, "findings", w->rows);
	json_member_u64(&o, "withheld", w->withheld);
	json_member_u64(&o, "messages", w->messages);
	json_object_end(&o);
	return out_json(&s, w->err);
}

int inventory_writeback(const struct invocation *in, struct err *err)
{
	struct writing w = { .in = in, .text = STR_INIT(MAX_BYTES), .err = err };
	const char *file = option_text(in, "cmdb", NULL);
	if (!tlp_read(span_of(option_text(in, "tlp", "clear")), &w.filter.highest))
		return err_set(err, RF_EUSAGE, "--tlp \"%s\": clear, green, amber, amber+strict, red", option_text(in, "tlp", ""));
	int rc = site_open(in, SITE_DATABASE, &w.site, err);
	w.filter.workspace = w.site.workspace;
	if (rc == 0 && file)
		rc = file_write(&w, file);
	str_reset(&w.text);
	if (rc == 0 && option_text(in, "webhook", NULL))
		rc = messages_send(&w);
	if (rc == 0)
		rc = tell(&w);
	str_release(&w.text);
	site_release(&w.site);
	return rc;
}
