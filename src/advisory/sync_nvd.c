/*
 * sync_nvd - NVD's API 2.0: everything once, then what changed, in windows of at most 120 days.
 *
 *   (new) ──► fill ──► window* ──► count ──equal──► done
 *              ▲                    └──different──► window, three times at most, then fill anew
 *
 * The server is not trusted to be consistent: pages are cut short, totals are wrong, records come and go between two pages.
 *
 * - A page is asked for one record early. Its first record must be one that this pass has seen, so that nothing slipped away
 *   between the two: records that went shift those behind them to the left. If it is not, the walk steps back by a page.
 * - A page whose figures disagree with themselves or with the page before is asked for again, until two answers agree.
 * - A pass of several pages is followed by a window from its beginning on: what changed meanwhile.
 * - In the end one more request without a window says how many records there are. It must be as many as we hold.
 *
 * Where a walk stands is written behind every page, with the records of that page taken in before: a killed sync goes on there.
 */
#include "advisory/sync_nvd.h"

#include "advisory/feed_int.h"

#define PAGE_MAX_BYTES (96 * MIB)
#define WINDOW_USEC (120 * USEC_PER_DAY)
/* Windows overlap: a record shows its change a little after the time that it bears. */
#define OVERLAP_USEC (15 * USEC_PER_MIN)
/* A page that never agrees with itself, a walk that never ends, counts that never meet. */
#define MAX_ASKS 8
#define MAX_STEPS_BACK 16
#define MAX_FILLS 4
#define WINDOWS_BEFORE_FILL 3

enum phase { PHASE_NEW, PHASE_FILL, PHASE_WINDOW, PHASE_DONE };
static const char *const phase_names[] = { "new", "fill", "window", "done" };

/* Where the walk over one query stands: feed_cursor. */
struct cursor {
	enum phase phase;
	int64_t pass;              /* counts up; items bear it as seen */
	int64_t position;          /* records of this pass behind us */
	int64_t pages;             /* of this pass */
	usec_t stamp;              /* the server's clock at the first page of the pass */
	usec_t window_from, window_to;
	usec_t through;            /* all changes up to here are in */
};

struct nvd {
	struct feed_run *r;
	char query[2048];          /* "keywordSearch=tensorrt", "" everything; names the cursor */
	struct cursor cursor;
	char api_key[256];
	struct json_doc *doc;
	struct str body, one;      /* a page; a record */
	int64_t asked;             /* records a page */
	usec_t started;            /* changes up to here at least are to be in */
};

/* ---------------------------------------------------------------- the cursor */

static int load_cursor(struct transaction *tx, void *data)
{
	struct nvd *n = data;
	RF_AUTO_ROWS rows = NULL;
	n->cursor = (struct cursor){ .stamp = USEC_NONE, .window_from = USEC_NONE, .window_to = USEC_NONE, .through = USEC_NONE };
	int rc = TX_QUERY(tx, &rows, "SELECT phase, pass, position, pages, stamp, window_from, window_to, through FROM feed_cursor"
	                  " WHERE feed = $1 AND part = $2", DB_T(n->r->feed->name), DB_T(n->query));
	if (!rc)
		rc = rows_next(rows);
	if (rc != 1)
		return rc;
	for (size_t i = 0; i < RF_COUNT(phase_names); i++)
		if (span_eq_text(rows_text(rows, 0), phase_names[i]))
			n->cursor.phase = (enum phase)i;
	n->cursor.pass = rows_i64(rows, 1);
	n->cursor.position = rows_i64(rows, 2);
	n->cursor.pages = rows_i64(rows, 3);
	n->cursor.stamp = rows_time(rows, 4);
	n->cursor.window_from = rows_time(rows, 5);
	n->cursor.window_to = rows_time(rows, 6);
	n->cursor.through = rows_time(rows, 7);
	return 0;
}

static int store_cursor(struct transaction *tx, void *data)
{
	const struct nvd *n = data;
	const struct cursor *c = &n->cursor;
	return TX_RUN(tx, "INSERT INTO feed_cursor (feed, part, phase, pass, position, pages, stamp, window_from, window_to, through)"
	              " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (feed, part) DO UPDATE SET phase = excluded.phase,"
	              " pass = excluded.pass, position = excluded.position, pages = excluded.pages, stamp = excluded.stamp,"
	              " window_from = excluded.window_from, window_to = excluded.window_to, through = excluded.through",
	              DB_T(n->r->feed->name), DB_T(n->query), DB_T(phase_names[c->phase]), DB_I(c->pass), DB_I(c->position),
	              DB_I(c->pages), DB_TIME(c->stamp), DB_TIME(c->window_from), DB_TIME(c->window_to), DB_TIME(c->through));
}

static int save(struct nvd *n, struct err *err)
{
	return database_transact(n->r->db, DB_WRITE, store_cursor, n, err);
}

static int begin_pass(struct nvd *n, enum phase phase, usec_t from, usec_t to, struct err *err)
{
	struct cursor *c = &n->cursor;
	c->phase = phase;
	c->pass++;
	c->position = c->pages = 0;
	c->stamp = USEC_NONE;
	c->window_from = from;
	c->window_to = to;
	n->r->seen = c->pass;
	return save(n, err);
}

/* ---------------------------------------------------------------- asking */

/* "2026-07-14T09:30:00.000", UTC, as NVD itself writes times. */
static void add_time(struct str *to, const char *key, usec_t t)
{
	char text[TIME_TEXT_BYTES];
	time_text(t, text);
	str_addf(to, "&%s=%.19s.000", key, text);
}

static int build_url(const struct nvd *n, int64_t start, int64_t asked, bool window, char *ret, size_t size, struct err *err)
{
	const char *base = n->r->feed->url ? n->r->feed->url : NVD_API;
	RF_AUTO(str) url = STR_INIT(size - 1);
	str_addf(&url, "%s%cstartIndex=%lld&resultsPerPage=%lld", base, strchr(base, '?') ? '&' : '?', (long long)start, (long long)asked);
	if (n->query[0])
		str_addf(&url, "&%s", n->query);
	if (window) {
		add_time(&url, "lastModStartDate", n->cursor.window_from);
		add_time(&url, "lastModEndDate", n->cursor.window_to);
	}
	if (url.failed)
		return err_set(err, RF_ETOOBIG, "query of more than %zu bytes", size - 1);
	memcpy(ret, str_text(&url), url.n + 1);
	return 0;
}

/* One answer that agrees with itself; a record is {"cve": {...}}. Cut and crooked ones are asked for again. */
static int ask_once(struct nvd *n, int64_t start, int64_t asked, bool window, struct nvd_page *ret, struct err *err)
{
	char url[HTTP_MAX_URL];
	const struct http_header key = { "apiKey", n->api_key, true };
	struct http_response *response = rf_alloc(sizeof *response);
	struct http_request q = { .url = url, .max_bytes = PAGE_MAX_BYTES, .body = &n->body, .headers = &key,
		.header_count = n->api_key[0] ? 1 : 0 };
	struct json root;
	int rc = response ? build_url(n, start, asked, window, url, sizeof url, err) : err_set(err, RF_ENOMEM, "page");
	if (!rc)
		rc = feed_get(n->r, &q, response, err);
	rf_free(response);
	if (rc)
		return rc;
	rc = json_parse(n->doc, str_span(&n->body), &root, err);
	if (!rc)
		rc = nvd_page_read(root, ret, err);
	return rc ? rc : nvd_page_check(ret, start, asked, err);
}

/* What a server may have said in a bad moment. */
static bool ask_again(int rc)
{
	return rc == RF_EFORMAT || rc == RF_ETRUNCATED || rc == RF_ECONFLICT;
}

/* @expected: the total that is known, -1: none is. An answer with another counts when the next one says the same. */
static int ask(struct nvd *n, int64_t start, int64_t asked, bool window, int64_t expected, struct nvd_page *ret, struct err *err)
{
	int64_t wait = n->r->feed->retry_wait_usec, before = expected;
	int rc = 0;
	for (int i = 0; i < MAX_ASKS; i++) {
		rc = ask_once(n, start, asked, window, ret, err);
		if (!rc && (before < 0 || ret->total == before))
			return 0;
		if (rc && !ask_again(rc))
			return rc;
		if (!rc) {
			before = ret->total;
			rc = err_set(err, RF_ECONFLICT, "totalResults changes with every answer, last %lld", (long long)ret->total);
			continue; /* asked again at once */
		}
		int stopped = http_wait(wait, err);
		if (stopped)
			return stopped;
		wait = RF_MIN(2 * wait, 2 * USEC_PER_MIN);
	}
	return err_prefix(err, "asked %d times: ", MAX_ASKS);
}

/* ---------------------------------------------------------------- a walk over pages */

static int take_page(struct nvd *n, const struct nvd_page *page, struct err *err)
{
	int rc = 0;
	for (struct json_each e = json_each(page->records); !rc && json_next(&e);) {
		struct span id = nvd_record_id(e.value), modified = nvd_record_modified(e.value);
		str_reset(&n->one);
		struct json_out o = json_out(&n->one, false);
		json_put_value(&o, e.value);
		char name[ADVISORY_MAX_ID + 8];
		(void)snprintf(name, sizeof name, "nvd/%.*s", SPAN_ARG(id));
		const struct feed_item item = { .part = span_of(n->query), .name = id, .version = modified, .published = SPAN(""),
			.actual = SPAN("") };
		drift_look_nvd(&n->r->drift, json_get(e.value, "cve"));
		rc = str_check(&n->one, "record", err);
		if (!rc)
			rc = feed_take(n->r, str_span(&n->one), name, &item, err);
	}
	return rc ? rc : feed_flush(n->r, err);
}

/* The first record of a page stands behind one that this pass has seen, or is itself one. */
static int joins(struct nvd *n, const struct nvd_page *page, bool *ret, struct err *err)
{
	struct json_each e = json_each(page->records);
	struct feed_known known;
	*ret = page->start == 0;
	if (*ret || !json_next(&e))
		return 0;
	int rc = feed_known(n->r, span_of(n->query), nvd_record_id(e.value), &known, err);
	*ret = !rc && known.known && known.seen == n->cursor.pass;
	return rc;
}

/* One page at the cursor. *ret_done: it was the last. */
static int step(struct nvd *n, int64_t *total, int *steps_back, bool *ret_done, struct err *err)
{
	struct cursor *c = &n->cursor;
	struct nvd_page page;
	bool joined = false;
	int64_t start = RF_MAX(c->position - 1, (int64_t)0);
	usec_t asked_at = now_usec();
	int rc = ask(n, start, n->asked, c->phase == PHASE_WINDOW, *total, &page, err);
	if (!rc)
		rc = joins(n, &page, &joined, err);
	if (rc)
		return rc;
	*total = page.total;
	*ret_done = false;
	if (!joined || (page.count == 0 && start > 0)) {
		if (++*steps_back > MAX_STEPS_BACK)
			return err_set(err, RF_ECONFLICT, "records keep moving between pages: no walk of %d steps back meets its beginning",
			               MAX_STEPS_BACK);
		c->position = RF_MAX(start - n->asked + 1, (int64_t)0);
		return save(n, err);
	}
	if (c->stamp == USEC_NONE)
		c->stamp = page.stamp == USEC_NONE ? asked_at - OVERLAP_USEC : page.stamp;
	rc = take_page(n, &page, err);
	if (rc)
		return rc;
	c->position = start + page.count;
	c->pages++;
	*ret_done = c->position >= page.total;
	feed_progress(n->r, c->position, page.total, n->query[0] ? n->query : "all records");
	return save(n, err);
}

static int walk(struct nvd *n, struct err *err)
{
	int64_t total = -1;
	int steps_back = 0;
	bool done = false;
	int rc = 0;
	n->r->seen = n->cursor.pass;
	while (!rc && !done)
		rc = step(n, &total, &steps_back, &done, err);
	return rc;
}

/* ---------------------------------------------------------------- fill, windows, count */

static int end_fill(struct nvd *n, bool *ret_several, struct err *err)
{
	struct cursor *c = &n->cursor;
	*ret_several = c->pages > 1;
	int rc = feed_listed(n->r, span_of(n->query), err);
	c->phase = PHASE_DONE;
	c->through = RF_MIN(c->stamp, now_usec());
	return rc ? rc : save(n, err);
}

/* The window at the cursor, then the next ones up to now. */
static int catch_up(struct nvd *n, struct err *err)
{
	struct cursor *c = &n->cursor;
	for (;;) {
		int rc = 0;
		if (c->phase != PHASE_WINDOW) {
			usec_t from = c->through - OVERLAP_USEC;
			rc = begin_pass(n, PHASE_WINDOW, from, RF_MIN(now_usec(), from + WINDOW_USEC), err);
		}
		if (!rc)
			rc = walk(n, err);
		if (rc)
			return rc;
		bool last = c->window_to >= n->started; /* one that was killed may end before */
		/* a server whose clock is behind ours has not seen the end of the window yet */
		c->through = last ? RF_MIN(c->window_to, c->stamp) : c->window_to;
		c->phase = PHASE_DONE;
		rc = save(n, err);
		if (rc || last)
			return rc;
	}
}

/* As many as the server has? Records that left since stay, and are told: the count of those listed is what must agree. */
static int counts_agree(struct nvd *n, bool *ret, int64_t *ret_total, int64_t *ret_listed, struct err *err)
{
	struct nvd_page page;
	int64_t missing;
	int rc = feed_totals(n->r, span_of(n->query), ret_listed, &missing, err);
	if (!rc)
		rc = ask(n, 0, 1, false, *ret_listed, &page, err);
	if (rc)
		return rc;
	*ret_total = page.total;
	*ret = page.total == *ret_listed;
	return 0;
}

static int sync_query(struct nvd *n, struct err *err)
{
	struct cursor *c = &n->cursor;
	int fills = 0, windows = 0;
	int64_t total = 0, listed = 0;
	int rc = database_transact(n->r->db, DB_READ, load_cursor, n, err);
	bool agree = false, window = c->phase == PHASE_DONE || c->phase == PHASE_WINDOW;
	if (!rc && c->phase == PHASE_NEW)
		rc = begin_pass(n, PHASE_FILL, USEC_NONE, USEC_NONE, err);
	while (!rc && !agree) {
		if (c->phase == PHASE_FILL) {
			rc = walk(n, err);
			if (!rc)
				rc = end_fill(n, &window, err);
			fills++;
			windows = 0;
		}
		if (!rc && window)
			rc = catch_up(n, err);
		if (!rc)
			rc = counts_agree(n, &agree, &total, &listed, err);
		if (rc || agree)
			break;
		window = true;
		if (++windows < WINDOWS_BEFORE_FILL)
			continue;
		if (fills == MAX_FILLS)
			rc = err_set(err, RF_ECONFLICT, "totalResults is %lld, but %lld distinct records come of %d walks over all pages", (long long)total,
			             (long long)listed, fills);
		else
			rc = begin_pass(n, PHASE_FILL, USEC_NONE, USEC_NONE, err);
	}
	return rc;
}

/* ---------------------------------------------------------------- queries */

static int load_key(struct nvd *n, struct err *err)
{
	const char *path = n->r->feed->api_key_file;
	RF_AUTO(str) text = STR_INIT(4 * KIB);
	if (!path)
		return 0;
	int rc = fs_read(path, &text, err);
	struct span key = span_trim(str_span(&text));
	if (!rc && (!key.n || key.n >= sizeof n->api_key || span_find_byte(key, '\n') != SIZE_MAX))
		rc = err_set(err, RF_EFORMAT, "%s is to hold the key alone, on one line", path);
	if (!rc)
		(void)snprintf(n->api_key, sizeof n->api_key, "%.*s", SPAN_ARG(key));
	return rc;
}

static int one_query(struct nvd *n, const char *parameter, const char *value, struct err *err)
{
	RF_AUTO(str) query = STR_INIT(sizeof n->query - 1);
	if (parameter) {
		str_addf(&query, "%s=", parameter);
		http_query_add(&query, span_of(value));
	}
	if (query.failed)
		return err_set(err, RF_ETOOBIG, "a query of NVD of more than %zu bytes", sizeof n->query);
	(void)snprintf(n->query, sizeof n->query, "%s", str_text(&query));
	return sync_query(n, err);
}

/* A query that fails does not keep the others from being asked; the first failure is the run's. */
static int all_queries(struct nvd *n, struct err *err)
{
	const struct workspace_feed *f = n->r->feed;
	struct err first = ERR_INIT;
	size_t count = f->keywords_n + f->cpe_n;
	for (size_t i = 0; i < RF_MAX(count, (size_t)1); i++) {
		struct err own = ERR_INIT;
		int rc = !count ? one_query(n, NULL, NULL, &own)
		         : i < f->keywords_n ? one_query(n, "keywordSearch", f->keywords[i], &own)
		                             : one_query(n, "virtualMatchString", f->cpe[i - f->keywords_n], &own);
		if (rc == RF_ECANCELLED || rc == RF_ENOMEM || rc == RF_EDATABASE || rc == RF_EFULL) {
			*err = own;
			return rc;
		}
		if (rc && !first.code)
			first = own;
	}
	if (first.code)
		*err = first;
	return first.code;
}

int sync_nvd(struct feed_run *r, struct err *err)
{
	struct nvd *n = rf_alloc(sizeof *n);
	int64_t missing;
	if (!n)
		return err_set(err, RF_ENOMEM, "NVD");
	n->r = r;
	n->started = now_usec();
	n->body = STR_INIT(PAGE_MAX_BYTES);
	n->one = STR_INIT(ADVISORY_MAX_BYTES);
	n->doc = json_doc_new();
	n->asked = RF_MIN((int64_t)r->feed->page, (int64_t)NVD_MAX_PAGE);
	int rc = n->doc ? load_key(n, err) : err_set(err, RF_ENOMEM, "NVD");
	r->rate_limit = r->feed->requests_per_30s ? r->feed->requests_per_30s : n->api_key[0] ? NVD_REQUESTS_WITH_KEY : NVD_REQUESTS;
	if (!rc)
		rc = all_queries(n, err);
	if (!rc)
		rc = feed_totals(r, SPAN_NONE, &r->report->records, &missing, err);
	json_doc_free(n->doc);
	str_release(&n->body);
	str_release(&n->one);
	rf_free(n);
	return rc;
}
