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

int exposure_stale_feeds(struct transaction *tx, struct arena *a, const struct workspace *w,
			 struct exposure_stale **ret, size_t *ret_count)
{
	struct feed_standing *feeds = NULL;
	size_t count = 0, n = 0;
	int rc = feed_list(tx, a, w, &feeds, &count);
	struct exposure_stale *list = rc ? NULL : arena_array(a, count + 1, sizeof *list);
	if (!rc && !list)
		rc = err_set(tx_err(tx), RF_ENOMEM, "stale feeds");
	for (size_t i = 0; !rc && i < count; i++) {
		struct feed_staleness s;
		bool signals = false;
		if (w && !feeds[i].configured) /* the operator took it out: what it said stays, nothing more is expected */
			continue;
		feed_staleness_of(&feeds[i], &s);
		if (s.stale)
			rc = gives_signals_only(tx, feeds[i].feed, &signals);
		if (rc || !s.stale || signals)
			continue;
		const char *words = arena_text(a, span_of(s.words));
		if (!words)
			rc = err_set(tx_err(tx), RF_ENOMEM, "stale feeds");
		else
			list[n++] = (struct exposure_stale){ feeds[i].feed, span_of(words), s.as_of };
	}
	if (rc)
		return rc;
	*ret = list;
	*ret_count = n;
	return 0;
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
