/* Feeds whose silence proves nothing: what they taint. Feeds of signals only (EPSS, KEV) say nothing about products. */
#include "exposure/exposure_int.h"

#include "advisory/feed.h"

/* True when the feed has documents and none of them holds a record. */
static int gives_signals_only(struct transaction *tx, struct span feed, bool *ret)
{
	int64_t documents = 0, records = 0;
	int rc = TX_I64(tx, &documents,
			"SELECT count(*) FROM (SELECT id FROM advisory_document WHERE feed = $1 LIMIT 1) AS x",
			DB_S(feed));
	if (!rc && documents)
		rc = TX_I64(tx, &records,
			    "SELECT count(*) FROM (SELECT r.id FROM advisory_record r JOIN advisory_document d ON d.id "
			    "= r.document"
			    " WHERE d.feed = $1 LIMIT 1) AS x",
			    DB_S(feed));
	*ret = documents && !records;
	return rc;
}

/* One that is not stale: from when on it will be, when nothing comes by it. */
static int becomes_stale(struct transaction *tx, struct arena *a, const struct feed_standing *f, struct exposure_stale *ret)
{
	char as_of[TIME_TEXT_BYTES], limit[TIME_TEXT_BYTES];
	const char *words = arena_printf(a, "stale: as of %s, limit %s", time_text(f->succeeded, as_of),
					 duration_text(f->max_age_usec, limit));
	*ret = (struct exposure_stale){ f->feed, span_of(words), f->succeeded, f->succeeded + f->max_age_usec };
	return words ? 0 : err_set(tx_err(tx), RF_ENOMEM, "stale feeds");
}

static int freshness_of(struct transaction *tx, struct arena *a, const struct feed_standing *f, struct exposure_stale *ret)
{
	struct feed_staleness s;
	feed_staleness_of(f, &s);
	if (!s.stale)
		return becomes_stale(tx, a, f, ret);
	const char *words = arena_text(a, span_of(s.words));
	*ret = (struct exposure_stale){ f->feed, span_of(words), s.as_of, 0 };
	return words ? 0 : err_set(tx_err(tx), RF_ENOMEM, "stale feeds");
}

int exposure_feed_limits(struct transaction *tx, struct arena *a, const struct workspace *w, struct exposure_stale **ret,
			 size_t *ret_count)
{
	struct feed_standing *feeds = NULL;
	size_t count = 0, n = 0;
	int rc = feed_list(tx, a, w, &feeds, &count);
	struct exposure_stale *list = rc ? NULL : arena_array(a, count + 1, sizeof *list);
	if (!rc && !list)
		rc = err_set(tx_err(tx), RF_ENOMEM, "stale feeds");
	for (size_t i = 0; !rc && i < count; i++) {
		bool signals = false;
		if (w && !feeds[i].configured) /* the operator took it out: what it said stays, nothing more is expected */
			continue;
		rc = gives_signals_only(tx, feeds[i].feed, &signals);
		if (!rc && !signals)
			rc = freshness_of(tx, a, &feeds[i], &list[n++]);
	}
	if (rc)
		return rc;
	*ret = list;
	*ret_count = n;
	return 0;
}

int exposure_stale_feeds(struct transaction *tx, struct arena *a, const struct workspace *w,
			 struct exposure_stale **ret, size_t *ret_count)
{
	size_t n = 0;
	int rc = exposure_feed_limits(tx, a, w, ret, ret_count);
	for (size_t i = 0; !rc && i < *ret_count; i++)
		if (!(*ret)[i].from)
			(*ret)[n++] = (*ret)[i];
	if (!rc)
		*ret_count = n;
	return rc;
}

void exposure_stale_words(const struct exposure_stale *stale, size_t count, const char *indent, struct str *to)
{
	for (size_t i = 0; i < count; i++) {
		str_addf(to, "%sfeed ", indent);
		str_add_visible(to, stale[i].feed);
		str_add_text(to, " is ");
		str_add_visible(to, stale[i].words);
		str_add_byte(to, '\n');
	}
}

void exposure_stale_json(const struct exposure_stale *stale, size_t count, struct json_out *o)
{
	json_key(o, "stale_feeds");
	json_array(o);
	for (size_t i = 0; i < count; i++) {
		json_object(o);
		json_member_span(o, "feed", stale[i].feed);
		json_member_time(o, "as_of", stale[i].as_of);
		json_member_span(o, "text", stale[i].words);
		json_object_end(o);
	}
	json_array_end(o);
}
