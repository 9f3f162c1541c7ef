/* feed_status - how the feeds stand; whether their silence proves anything. */
#include "advisory/feed_int.h"

#define MAX_FEEDS 1024

static int read_alarms(struct transaction *tx, struct arena *a, struct feed_standing *s)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT kind, text, raised FROM feed_alarm WHERE feed = $1 AND ended IS NULL ORDER BY id", DB_S(s->feed));
	while (!rc && (rc = rows_next(rows)) == 1) {
		rc = 0;
		for (int k = 0; k < FEED_ALARM_KINDS && s->alarm_count < FEED_ALARM_KINDS; k++) {
			if (!span_eq_text(rows_text(rows, 0), feed_alarm_name((enum feed_alarm_kind)k)))
				continue;
			s->alarms[s->alarm_count++] = (struct feed_alarm){ (enum feed_alarm_kind)k, arena_span(a, rows_text(rows, 1)), rows_time(rows, 2) };
			s->stale |= feed_alarm_taints((enum feed_alarm_kind)k);
		}
	}
	return rc;
}

static int read_standing(struct transaction *tx, struct arena *a, struct feed_standing *s)
{
	struct db_rows *rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT kind, source, max_age, attempted, succeeded, changed, records, records_before, failures, error"
	                  " FROM feed WHERE name = $1", DB_S(s->feed));
	if (!rc)
		rc = rows_next(rows);
	if (rc == 1) {
		if (!s->configured) {
			s->kind = arena_span(a, rows_text(rows, 0));
			s->source = arena_span(a, rows_text(rows, 1));
			s->max_age_usec = rows_i64(rows, 2);
		}
		s->attempted = rows_time(rows, 3);
		s->succeeded = rows_time(rows, 4);
		s->changed = rows_time(rows, 5);
		s->records = rows_i64(rows, 6);
		s->records_before = rows_i64(rows, 7);
		s->failures = rows_i64(rows, 8);
		s->error = arena_span(a, rows_text(rows, 9));
		rc = 0;
	}
	rows_close(rows);
	if (!rc)
		rc = TX_I64(tx, &s->wrong_hashes, "SELECT count(*) FROM feed_item WHERE feed = $1 AND actual <> ''", DB_S(s->feed));
	if (!rc)
		rc = TX_I64(tx, &s->missing, "SELECT count(DISTINCT name) FROM feed_item WHERE feed = $1 AND missing = 1", DB_S(s->feed));
	if (rc)
		return rc;
	s->age_usec = s->succeeded == USEC_NONE ? -1 : RF_MAX(tx_now(tx) - s->succeeded, (int64_t)0);
	s->stale = s->age_usec < 0 || s->age_usec > s->max_age_usec;
	return read_alarms(tx, a, s);
}

static struct feed_standing blank(struct span feed)
{
	return (struct feed_standing){ .feed = feed, .attempted = USEC_NONE, .succeeded = USEC_NONE, .changed = USEC_NONE, .age_usec = -1,
		.records = -1, .records_before = -1 };
}

/* Names of the feeds in the database that are not in @list yet. */
static int add_remembered(struct transaction *tx, struct arena *a, struct feed_standing *list, size_t *count)
{
	RF_AUTO_ROWS rows = NULL;
	size_t configured = *count;
	int rc = tx_query(tx, "SELECT name FROM feed ORDER BY name", NULL, 0, &rows);
	while (!rc && (rc = rows_next(rows)) == 1) {
		bool there = false;
		rc = 0;
		for (size_t i = 0; i < configured && !there; i++)
			there = span_eq(list[i].feed, rows_text(rows, 0));
		if (!there && *count < MAX_FEEDS)
			list[(*count)++] = blank(arena_span(a, rows_text(rows, 0)));
	}
	return rc;
}

int feed_list(struct transaction *tx, struct arena *a, const struct workspace *w, struct feed_standing **ret, size_t *ret_count)
{
	struct feed_standing *list = arena_array(a, MAX_FEEDS, sizeof *list);
	size_t count = 0;
	if (!list)
		return err_set(tx_err(tx), RF_ENOMEM, "feeds");
	for (size_t i = 0; w && i < w->feeds_n && count < MAX_FEEDS; i++) {
		char source[512];
		const struct workspace_feed *f = &w->feeds[i];
		struct feed_standing *s = &list[count++];
		*s = blank(span_of(f->name));
		s->configured = true;
		s->kind = span_of(workspace_feed_kind_name(f->kind));
		s->source = arena_span(a, span_of(feed_source(f, source, sizeof source)));
		s->max_age_usec = f->max_age_usec;
	}
	int rc = add_remembered(tx, a, list, &count);
	for (size_t i = 0; i < count && !rc; i++)
		rc = read_standing(tx, a, &list[i]);
	if (rc)
		return rc;
	*ret = list;
	*ret_count = count;
	return 0;
}

static void put_words(struct feed_staleness *s, const struct feed_standing *f)
{
	char age[TIME_TEXT_BYTES], limit[TIME_TEXT_BYTES];
	RF_AUTO(str) words = STR_INIT(16 * KIB);
	str_addf(&words, "stale: ");
	if (f->attempted == USEC_NONE)
		str_addf(&words, "never synced (reforge feed sync %.*s)", SPAN_ARG(f->feed));
	else if (s->age_usec < 0)
		str_addf(&words, "never complete (reforge feed status %.*s)", SPAN_ARG(f->feed));
	else
		str_addf(&words, "as of %s ago, limit %s", duration_text(s->age_usec, age), duration_text(f->max_age_usec, limit));
	for (size_t i = 0; i < f->alarm_count; i++)
		if (feed_alarm_taints(f->alarms[i].kind) && f->alarms[i].kind != FEED_ALARM_STALLED)
			str_addf(&words, "; %s: %.*s", feed_alarm_name(f->alarms[i].kind), SPAN_ARG(f->alarms[i].text));
	(void)snprintf(s->words, sizeof s->words, "%s", str_text(&words));
}

void feed_staleness_of(const struct feed_standing *f, struct feed_staleness *ret)
{
	*ret = (struct feed_staleness){ .stale = f->stale, .as_of = f->succeeded, .age_usec = f->age_usec };
	if (f->stale)
		put_words(ret, f);
}

int feed_staleness(struct transaction *tx, struct span feed, struct feed_staleness *ret)
{
	struct arena a = ARENA_INIT(1 * MIB);
	struct feed_standing s = blank(feed);
	int rc = read_standing(tx, &a, &s);
	if (!rc && s.attempted == USEC_NONE)
		*ret = (struct feed_staleness){ .as_of = USEC_NONE, .age_usec = -1 };
	else if (!rc)
		feed_staleness_of(&s, ret);
	arena_release(&a);
	return rc;
}

int feed_staleness_all(struct transaction *tx, struct feed_staleness *ret)
{
	struct arena a = ARENA_INIT(16 * MIB);
	struct feed_standing *list = NULL;
	size_t count = 0;
	int rc = feed_list(tx, &a, NULL, &list, &count);
	*ret = (struct feed_staleness){ .as_of = USEC_NONE, .age_usec = -1 };
	for (size_t i = 0; i < count && !rc; i++) {
		const struct feed_standing *f = &list[i];
		bool older = i == 0 || (ret->age_usec >= 0 && (f->age_usec < 0 || f->age_usec > ret->age_usec));
		if ((f->stale && !ret->stale) || (f->stale == ret->stale && older))
			feed_staleness_of(f, ret);
	}
	arena_release(&a);
	return rc;
}

int feed_wrong_hashes(struct transaction *tx, struct span feed,
                      int (*visit)(struct span name, struct span published, struct span actual, void *data), void *data)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT name, published, actual FROM feed_item WHERE feed = $1 AND actual <> '' ORDER BY name LIMIT 10000",
	                  DB_S(feed));
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = visit(rows_text(rows, 0), rows_text(rows, 1), rows_text(rows, 2), data);
	return rc;
}

int feed_hosts(struct transaction *tx, int (*visit)(struct span feed, struct span origin, usec_t last, void *data), void *data)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(tx, "SELECT feed, origin, last FROM feed_host ORDER BY feed, origin", NULL, 0, &rows);
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = visit(rows_text(rows, 0), rows_text(rows, 1), rows_time(rows, 2), data);
	return rc;
}
