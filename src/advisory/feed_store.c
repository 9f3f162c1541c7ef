/* feed_store - the rows of a run: the feed's own, items, hosts, requests. */
#include "advisory/feed_int.h"

#include "format/json.h"
#include "ledger/ledger.h"

static const char *const steps[] = {
	"CREATE TABLE feed (name {text} PRIMARY KEY, kind {text} NOT NULL, source {text} NOT NULL, max_age {int64} NOT NULL,"
	" attempted {int64}, succeeded {int64}, changed {int64}, expected {int64} NOT NULL, records {int64} NOT NULL,"
	" records_before {int64} NOT NULL, etag {text} NOT NULL, last_modified {text} NOT NULL, failures {int64} NOT NULL,"
	" error {text} NOT NULL);\n"
	"CREATE TABLE feed_run (id {id}, feed {text} NOT NULL REFERENCES feed (name), started {int64} NOT NULL, ended {int64},"
	" figures {text} NOT NULL);\n"
	"CREATE INDEX feed_run_feed ON feed_run (feed);\n"
	"CREATE TABLE feed_item (feed {text} NOT NULL REFERENCES feed (name), part {text} NOT NULL, name {text} NOT NULL,"
	" version {text} NOT NULL, published {text} NOT NULL, actual {text} NOT NULL, refused {bool} NOT NULL,"
	" missing {bool} NOT NULL, seen {int64} NOT NULL, PRIMARY KEY (feed, part, name));\n"
	"CREATE TABLE feed_cursor (feed {text} NOT NULL REFERENCES feed (name), part {text} NOT NULL, phase {text} NOT NULL,"
	" pass {int64} NOT NULL, position {int64} NOT NULL, pages {int64} NOT NULL, stamp {int64}, window_from {int64}, window_to {int64},"
	" through {int64}, PRIMARY KEY (feed, part));\n"
	"CREATE TABLE feed_alarm (id {id}, feed {text} NOT NULL REFERENCES feed (name), kind {text} NOT NULL, text {text} NOT NULL,"
	" raised {int64} NOT NULL, ended {int64});\n"
	"CREATE INDEX feed_alarm_feed ON feed_alarm (feed, kind);\n"
	"CREATE TABLE feed_request (id {id}, origin {text} NOT NULL, at {int64} NOT NULL);\n"
	"CREATE TABLE feed_host (feed {text} NOT NULL REFERENCES feed (name), origin {text} NOT NULL, last {int64} NOT NULL,"
	" PRIMARY KEY (feed, origin));\n",
};
const struct migration_set FEED_MIGRATIONS = { "feed", steps, RF_COUNT(steps) };

const char *feed_source(const struct workspace_feed *feed, char *buffer, size_t size)
{
	const char *url = feed->url ? feed->url : NVD_API;
	if (feed->kind == WORKSPACE_FEED_FOLDER || feed->kind == WORKSPACE_FEED_BUNDLE)
		return feed->path;
	if (http_url_is_valid(url))
		return http_url_visible(url, buffer, size);
	/* ssh and folders: "user@host:path", "user:secret@host" */
	const char *at = strrchr(url, '@');
	(void)snprintf(buffer, size, "%s", at ? at + 1 : url);
	return buffer;
}

/* ---------------------------------------------------------------- beginning and end */

static int begin(struct transaction *tx, void *data)
{
	struct feed_run *r = data;
	char source[512];
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_RUN(tx, "INSERT INTO feed (name, kind, source, max_age, attempted, expected, records, records_before, etag,"
	                " last_modified, failures, error) VALUES ($1, $2, $3, $4, $5, -1, -1, -1, '', '', 0, '')"
	                " ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, source = excluded.source, max_age = excluded.max_age,"
	                " attempted = excluded.attempted",
	                DB_T(r->feed->name), DB_T(workspace_feed_kind_name(r->feed->kind)), DB_T(feed_source(r->feed, source, sizeof source)),
	                DB_I(r->feed->max_age_usec), DB_TIME(tx_now(tx)));
	if (!rc)
		rc = TX_I64(tx, &r->id, "INSERT INTO feed_run (feed, started, figures) VALUES ($1, $2, '{}') RETURNING id",
		            DB_T(r->feed->name), DB_TIME(tx_now(tx)));
	if (!rc) /* a year of two-hourly runs; they are for people to look back */
		rc = TX_RUN(tx, "DELETE FROM feed_run WHERE feed = $1 AND id <= $2 - 5000", DB_T(r->feed->name), DB_I(r->id));
	if (!rc)
		rc = TX_QUERY(tx, &rows, "SELECT records, etag, last_modified FROM feed WHERE name = $1", DB_T(r->feed->name));
	if (!rc)
		rc = rows_next(rows);
	if (rc != 1)
		return rc;
	r->seen = r->id;
	r->report->records_before = rows_i64(rows, 0);
	(void)snprintf(r->etag, sizeof r->etag, "%.*s", SPAN_ARG(rows_text(rows, 1)));
	(void)snprintf(r->last_modified, sizeof r->last_modified, "%.*s", SPAN_ARG(rows_text(rows, 2)));
	return 0;
}

int feed_begin(struct feed_run *r, struct err *err)
{
	return database_transact(r->db, DB_WRITE, begin, r, err);
}

static void write_figures(const struct feed_report *p, struct str *to)
{
	struct json_out o = json_out(to, false);
	json_object(&o);
	json_member_i64(&o, "records_before", p->records_before);
	json_member_i64(&o, "records", p->records);
	json_member_i64(&o, "looked_at", p->looked_at);
	json_member_i64(&o, "changed", p->changed);
	json_member_i64(&o, "unchanged", p->unchanged);
	json_member_i64(&o, "refused", p->refused);
	json_member_i64(&o, "advisories", p->advisories);
	json_member_i64(&o, "wrong_hashes", p->wrong_hashes);
	json_member_i64(&o, "missing", p->missing);
	json_member_i64(&o, "requests", p->requests);
	json_member_i64(&o, "bytes", p->bytes);
	json_member_i64(&o, "duration_usec", p->duration_usec);
	if (p->failed)
		json_member(&o, "failed", rf_error_name(p->failed));
	json_object_end(&o);
}

static int alarm_ledger(struct transaction *tx, const char *kind, struct span feed, const char *alarm, const char *text,
                        const char *actor)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	char subject[160];
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member(&o, "alarm", alarm);
	json_member(&o, "text", text);
	json_object_end(&o);
	int rc = str_check(&body, "ledger record of an alarm", tx_err(tx));
	(void)snprintf(subject, sizeof subject, "feed/%.*s", (int)RF_MIN(feed.n, (size_t)128), feed.p);
	return rc ? rc : ledger_append(tx, &(struct ledger_entry){ kind, subject, actor, str_span(&body) });
}

/* An alarm that goes on keeps its beginning; its words are today's. */
static int write_alarm(struct transaction *tx, const struct feed_run *r, enum feed_alarm_kind kind, bool raised, const char *text)
{
	int64_t open = 0;
	const char *name = feed_alarm_name(kind);
	int rc = TX_I64(tx, &open, "SELECT count(*) FROM feed_alarm WHERE feed = $1 AND kind = $2 AND ended IS NULL", DB_T(r->feed->name),
	                DB_T(name));
	if (rc || (!raised && !open))
		return rc;
	if (raised && open)
		return TX_RUN(tx, "UPDATE feed_alarm SET text = $1 WHERE feed = $2 AND kind = $3 AND ended IS NULL", DB_T(text),
		              DB_T(r->feed->name), DB_T(name));
	if (raised)
		rc = TX_RUN(tx, "INSERT INTO feed_alarm (feed, kind, text, raised) VALUES ($1, $2, $3, $4)", DB_T(r->feed->name), DB_T(name),
		            DB_T(text), DB_TIME(tx_now(tx)));
	else
		rc = TX_RUN(tx, "UPDATE feed_alarm SET ended = $1 WHERE feed = $2 AND kind = $3 AND ended IS NULL", DB_TIME(tx_now(tx)),
		            DB_T(r->feed->name), DB_T(name));
	return rc ? rc
	          : alarm_ledger(tx, raised ? "feed.alarm" : "feed.recovered", span_of(r->feed->name), name, raised ? text : "",
	                         r->options->actor);
}

static int read_past(struct transaction *tx, const struct feed_run *r, int64_t *ret_expected, int64_t *ret_age)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT expected, succeeded FROM feed WHERE name = $1", DB_T(r->feed->name));
	if (!rc)
		rc = rows_next(rows);
	if (rc != 1)
		return rc < 0 ? rc : err_set(tx_err(tx), RF_EINTERNAL, "feed %s has no row", r->feed->name);
	*ret_expected = rows_i64(rows, 0);
	*ret_age = rows_is_null(rows, 1) ? -1 : tx_now(tx) - rows_time(rows, 1);
	return 0;
}

/* What later counts are held against never falls by itself. A shrunken or empty run is no success: the feed is as of before. */
static int write_feed(struct transaction *tx, const struct feed_run *r, const struct feed_verdict *v, int64_t expected)
{
	const struct feed_report *p = r->report;
	RF_AUTO(str) error = STR_INIT(16 * KIB);
	char text[2048];
	if (p->failed)
		str_add_visible(&error, span_of(err_render(&p->err, text, sizeof text)));
	bool good = !p->failed && !v->raised[FEED_ALARM_EMPTY] && !v->raised[FEED_ALARM_SHRUNK];
	int rc = TX_RUN(tx, "UPDATE feed SET failures = CASE WHEN $1 = 0 THEN 0 ELSE failures + 1 END, error = $2 WHERE name = $3",
	                DB_I(p->failed != 0), DB_S(str_span(&error)), DB_T(r->feed->name));
	if (!rc && p->changed > 0)
		rc = TX_RUN(tx, "UPDATE feed SET changed = $1 WHERE name = $2", DB_TIME(tx_now(tx)), DB_T(r->feed->name));
	if (!rc && !p->failed)
		rc = TX_RUN(tx, "UPDATE feed SET records_before = $1, records = $2, etag = $3, last_modified = $4 WHERE name = $5",
		            DB_I(p->records_before), DB_I(p->records), DB_T(r->etag), DB_T(r->last_modified), DB_T(r->feed->name));
	if (!rc && good)
		rc = TX_RUN(tx, "UPDATE feed SET succeeded = $1, expected = $2 WHERE name = $3", DB_TIME(r->has_age ? r->as_of : tx_now(tx)),
		            DB_I(RF_MAX(expected, p->records)), DB_T(r->feed->name));
	return rc;
}

static int count_items(struct transaction *tx, const struct feed_run *r)
{
	struct feed_report *p = r->report;
	int rc = TX_I64(tx, &p->wrong_hashes, "SELECT count(*) FROM feed_item WHERE feed = $1 AND actual <> ''", DB_T(r->feed->name));
	return rc ? rc
	          : TX_I64(tx, &p->missing, "SELECT count(DISTINCT name) FROM feed_item WHERE feed = $1 AND missing = 1",
	                   DB_T(r->feed->name));
}

static int end(struct transaction *tx, void *data)
{
	const struct feed_run *r = data;
	struct feed_report *p = r->report;
	struct feed_verdict v;
	int64_t expected = -1, age = -1;
	RF_AUTO(str) figures = STR_INIT(16 * KIB);
	int rc = count_items(tx, r);
	if (!rc)
		rc = read_past(tx, r, &expected, &age);
	if (rc)
		return rc;
	feed_judge(p, &r->drift, expected, age, r->feed->max_age_usec, &v);
	p->alarms = 0;
	for (int k = 0; k < FEED_ALARM_KINDS && !rc; k++) {
		p->alarms |= v.raised[k] ? 1u << k : 0;
		if (p->failed && !v.raised[k]) /* a run that broke off ends no alarm */
			continue;
		rc = write_alarm(tx, r, (enum feed_alarm_kind)k, v.raised[k], v.text[k]);
	}
	if (!rc)
		rc = write_feed(tx, r, &v, expected);
	write_figures(p, &figures);
	if (!rc)
		rc = TX_RUN(tx, "UPDATE feed_run SET ended = $1, figures = $2 WHERE id = $3", DB_TIME(tx_now(tx)), DB_S(str_span(&figures)),
		            DB_I(r->id));
	return rc ? rc : tx_notify(tx, "feed");
}

int feed_end(struct feed_run *r, struct err *err)
{
	return database_transact(r->db, DB_WRITE, end, r, err);
}


int feed_accept(struct transaction *tx, struct span feed, const char *who, const char *why)
{
	RF_AUTO(str) names = STR_INIT(4 * KIB);
	struct db_rows *rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT kind FROM feed_alarm WHERE feed = $1 AND ended IS NULL ORDER BY id", DB_S(feed));
	while (!rc && (rc = rows_next(rows)) == 1) {
		str_addf(&names, "%s%.*s", names.n ? ", " : "", SPAN_ARG(rows_text(rows, 0)));
		rc = 0;
	}
	rows_close(rows);
	if (!rc && !names.n)
		return err_set(tx_err(tx), RF_ENOTFOUND, "feed %.*s has no open alarm", SPAN_ARG(feed));
	if (!rc)
		rc = TX_RUN(tx, "UPDATE feed_alarm SET ended = $1 WHERE feed = $2 AND ended IS NULL", DB_TIME(tx_now(tx)), DB_S(feed));
	if (!rc)
		rc = TX_RUN(tx, "UPDATE feed SET expected = records, succeeded = CASE WHEN failures = 0 THEN attempted ELSE succeeded END"
		            " WHERE name = $1", DB_S(feed));
	if (!rc) /* what is no longer listed is expected no more; what it said stays in the store */
		rc = TX_RUN(tx, "DELETE FROM feed_item WHERE feed = $1 AND missing = 1", DB_S(feed));
	return rc ? rc : alarm_ledger(tx, "feed.accepted", feed, str_text(&names), why, who);
}

/* ---------------------------------------------------------------- items */

#define ITEM_COLUMNS 9

static int write_items(struct transaction *tx, void *data)
{
	const struct feed_run *r = data;
	struct db_value values[FEED_BATCH * ITEM_COLUMNS];
	size_t n = 0;
	int rc = 0;
	for (size_t i = 0; i < r->item_count && !rc; i++) {
		const struct feed_item *t = &r->items[i];
		const struct db_value row[ITEM_COLUMNS] = { DB_T(r->feed->name), DB_S(t->part), DB_S(t->name), DB_S(t->version),
			DB_S(t->published), DB_S(t->actual), DB_I(t->refused), DB_I(0), DB_I(r->seen) };
		if (t->kept)
			rc = TX_RUN(tx, "UPDATE feed_item SET missing = 0, seen = $1 WHERE feed = $2 AND part = $3 AND name = $4", DB_I(r->seen),
			            DB_T(r->feed->name), DB_S(t->part), DB_S(t->name));
		else
			memcpy(values + n++ * ITEM_COLUMNS, row, sizeof row);
	}
	if (rc || !n)
		return rc;
	return tx_insert_many(tx, "INSERT INTO feed_item (feed, part, name, version, published, actual, refused, missing, seen) VALUES",
	                      "ON CONFLICT (feed, part, name) DO UPDATE SET version = excluded.version, published = excluded.published,"
	                      " actual = excluded.actual, refused = excluded.refused, missing = 0, seen = excluded.seen",
	                      values, ITEM_COLUMNS, n);
}

int feed_write_items(struct feed_run *r, struct err *err)
{
	int rc = r->item_count ? database_transact(r->db, DB_WRITE, write_items, r, err) : 0;
	if (!rc) {
		r->item_count = 0;
		arena_reset(&r->texts);
	}
	return rc;
}

struct item_query {
	const struct feed_run *r;
	struct span part, name;
	struct feed_known *known;
	int64_t listed, missing;
};

static int read_known(struct transaction *tx, void *data)
{
	struct item_query *q = data;
	RF_AUTO_ROWS rows = NULL;
	*q->known = (struct feed_known){ 0 };
	int rc = TX_QUERY(tx, &rows, "SELECT version, refused, seen FROM feed_item WHERE feed = $1 AND part = $2 AND name = $3",
	                  DB_T(q->r->feed->name), DB_S(q->part), DB_S(q->name));
	if (!rc)
		rc = rows_next(rows);
	if (rc != 1)
		return rc;
	q->known->known = true;
	(void)snprintf(q->known->version, sizeof q->known->version, "%.*s", SPAN_ARG(rows_text(rows, 0)));
	q->known->refused = rows_i64(rows, 1);
	q->known->seen = rows_i64(rows, 2);
	return 0;
}

int feed_known(struct feed_run *r, struct span part, struct span name, struct feed_known *ret, struct err *err)
{
	struct item_query q = { .r = r, .part = part, .name = name, .known = ret };
	return database_transact(r->db, DB_READ, read_known, &q, err);
}

static int mark_listed(struct transaction *tx, void *data)
{
	const struct item_query *q = data;
	return TX_RUN(tx, "UPDATE feed_item SET missing = 1 WHERE feed = $1 AND part = $2 AND seen <> $3 AND missing = 0",
	              DB_T(q->r->feed->name), DB_S(q->part), DB_I(q->r->seen));
}

int feed_listed(struct feed_run *r, struct span part, struct err *err)
{
	struct item_query q = { .r = r, .part = part };
	return database_transact(r->db, DB_WRITE, mark_listed, &q, err);
}

static int forget_unseen(struct transaction *tx, void *data)
{
	const struct feed_run *r = data;
	return TX_RUN(tx, "DELETE FROM feed_item WHERE feed = $1 AND seen <> $2", DB_T(r->feed->name), DB_I(r->seen));
}

int feed_forget_unseen(struct feed_run *r, struct err *err)
{
	return database_transact(r->db, DB_WRITE, forget_unseen, r, err);
}

static int read_totals(struct transaction *tx, void *data)
{
	struct item_query *q = data;
	if (!q->part.p) {
		int rc = TX_I64(tx, &q->listed, "SELECT count(DISTINCT name) FROM feed_item WHERE feed = $1 AND missing = 0",
		                DB_T(q->r->feed->name));
		return rc ? rc
		          : TX_I64(tx, &q->missing, "SELECT count(DISTINCT name) FROM feed_item WHERE feed = $1 AND missing = 1",
		                   DB_T(q->r->feed->name));
	}
	int rc = TX_I64(tx, &q->listed, "SELECT count(*) FROM feed_item WHERE feed = $1 AND part = $2 AND missing = 0",
	                DB_T(q->r->feed->name), DB_S(q->part));
	return rc ? rc
	          : TX_I64(tx, &q->missing, "SELECT count(*) FROM feed_item WHERE feed = $1 AND part = $2 AND missing = 1",
	                   DB_T(q->r->feed->name), DB_S(q->part));
}

int feed_totals(struct feed_run *r, struct span part, int64_t *ret_listed, int64_t *ret_missing, struct err *err)
{
	struct item_query q = { .r = r, .part = part };
	int rc = database_transact(r->db, DB_READ, read_totals, &q, err);
	if (!rc) {
		*ret_listed = q.listed;
		*ret_missing = q.missing;
	}
	return rc;
}

/* ---------------------------------------------------------------- hosts and rates */

/* "https://host:port" of an address. */
static struct span origin_of(const char *url)
{
	struct span s = span_of(url);
	const char *host = strstr(url, "://");
	if (!host)
		return SPAN_NONE;
	size_t start = (size_t)(host + 3 - url), path = span_find_byte(span_from(s, start), '/');
	return path == SIZE_MAX ? s : span_sub(s, 0, start + path);
}

struct request_row {
	const struct feed_run *r;
	struct span origin;
	int64_t wait_usec;
};

static int write_host(struct transaction *tx, void *data)
{
	const struct request_row *q = data;
	return TX_RUN(tx, "INSERT INTO feed_host (feed, origin, last) VALUES ($1, $2, $3)"
	              " ON CONFLICT (feed, origin) DO UPDATE SET last = excluded.last",
	              DB_T(q->r->feed->name), DB_S(q->origin), DB_TIME(tx_now(tx)));
}

int feed_count(struct feed_run *r, const struct http_response *response, struct err *err)
{
	struct request_row q = { .r = r, .origin = origin_of(response->url) };
	r->report->requests += response->requests;
	r->report->bytes += (int64_t)response->body_bytes;
	/* once a run for each origin is enough: the last one is remembered */
	if (!q.origin.n || !span_is_utf8(q.origin) || span_eq_text(q.origin, r->origin) || q.origin.n >= sizeof r->origin)
		return 0;
	(void)snprintf(r->origin, sizeof r->origin, "%.*s", SPAN_ARG(q.origin));
	return database_transact(r->db, DB_WRITE, write_host, &q, err);
}

static int claim_request(struct transaction *tx, void *data)
{
	struct request_row *q = data;
	int64_t count = 0, oldest = 0;
	usec_t since = tx_now(tx) - NVD_RATE_WINDOW_USEC;
	int rc = TX_RUN(tx, "DELETE FROM feed_request WHERE at < $1", DB_TIME(since));
	if (!rc)
		rc = TX_I64(tx, &count, "SELECT count(*) FROM feed_request WHERE origin = $1", DB_S(q->origin));
	if (!rc)
		rc = TX_I64(tx, &oldest, "SELECT COALESCE(min(at), 0) FROM feed_request WHERE origin = $1", DB_S(q->origin));
	q->wait_usec = count < q->r->rate_limit ? 0 : RF_MAX(oldest - since, USEC_PER_MS);
	return rc || q->wait_usec ? rc
	                          : TX_RUN(tx, "INSERT INTO feed_request (origin, at) VALUES ($1, $2)", DB_S(q->origin), DB_TIME(tx_now(tx)));
}

int feed_rate_wait(struct feed_run *r, const char *url, struct err *err)
{
	struct request_row q = { .r = r, .origin = origin_of(url) };
	for (;;) {
		int rc = database_transact(r->db, DB_WRITE, claim_request, &q, err);
		if (!rc && q.wait_usec) {
			feed_progress(r, -1, -1, "waiting for the rate limit");
			rc = http_wait(RF_MIN(q.wait_usec, NVD_RATE_WINDOW_USEC), err);
		} else {
			return rc;
		}
		if (rc)
			return rc;
	}
}
