/*
 * feed_int - what the files of the feeds share. Private to advisory/.
 */
#ifndef REFORGE_ADVISORY_FEED_INT_H
#define REFORGE_ADVISORY_FEED_INT_H

#include "advisory/feed.h"
#include "base/fs.h"
#include "network/http_client.h"

#define NVD_API "https://services.nvd.nist.gov/rest/json/cves/2.0"
/* The window of NVD's limits, and how many requests fit into it. */
#define NVD_RATE_WINDOW_USEC (30 * USEC_PER_SEC)
#define NVD_REQUESTS 5
#define NVD_REQUESTS_WITH_KEY 50

/* One document or record of a source, as its listing names it. */
struct feed_item {
	struct span part;          /* "" or the query it belongs to */
	struct span name;
	struct span version;       /* what the listing says of its state: a date, an ETag */
	struct span published;     /* digest it should have, hex; empty: none published */
	struct span actual;        /* digest it has, when they differ */
	bool refused;              /* could not be had or read: looked at again next time */
	bool kept;                 /* stands as it did; only part and name are looked at */
};
/* Items waiting to be written with their batch. */
#define FEED_BATCH 256

/* Keys that a format does not name, collected over a run. */
#define DRIFT_MAX_KEYS 16
struct drift {
	char keys[DRIFT_MAX_KEYS][64];
	size_t count;
};
/* Compares the members of @root with what the format has; @format as in ADVISORY_FORMATS, others are not looked at. */
void drift_look(struct drift *d, const char *format, struct json root);
/* The same for a document in the format that it looks most like; what is no JSON is not looked at. */
void drift_look_bytes(struct drift *d, struct json_doc *doc, struct span bytes);
/* The members of one CVE of NVD. */
void drift_look_nvd(struct drift *d, struct json cve);

struct feed_run {
	struct database *db;
	const struct workspace *workspace;
	const struct workspace_feed *feed;
	const struct feed_options *options;
	struct feed_report *report;
	int64_t id;                /* feed_run.id */
	int64_t seen;              /* items that are listed bear it: the run's id, or the pass over a query */
	char folder[FS_PATH_MAX];  /* work/feeds/NAME, made */
	struct http_client *client;
	char origin[512];          /* remembered last in feed_host */
	struct advisory_import import;         /* options for the store */
	struct advisory_mapping mapping;
	struct advisory_importer *importer;
	int64_t refused;           /* by feed_take() in this run */
	struct drift drift;
	struct json_doc *doc;      /* for looks at documents besides the import; made with the run */
	/* pending items, texts in @texts */
	struct feed_item items[FEED_BATCH];
	size_t item_count;
	struct arena texts;
	int64_t rate_limit;        /* most requests in the window; 0: no limit */
	/* written with the feed's row at the end of a complete run */
	char etag[256], last_modified[64];
	bool has_age;              /* what came is as of @as_of (USEC_NONE: never complete), not of now: bundles */
	usec_t as_of;
};

struct feed_kind {
	enum workspace_feed_kind kind;
	/* Fetches, calls feed_take() and friends, sets report->records. Errors of the source end the run; what was taken stays. */
	int (*sync)(struct feed_run *r, struct err *err);
};
int sync_folder(struct feed_run *r, struct err *err);
int sync_url(struct feed_run *r, struct err *err);
int sync_git(struct feed_run *r, struct err *err);
int sync_provider(struct feed_run *r, struct err *err);
int sync_nvd(struct feed_run *r, struct err *err);
int sync_bundle(struct feed_run *r, struct err *err);

/* A client with the feed's proxy and authorities. */
RF_MUST_CHECK int feed_client(const struct feed_run *r, struct http_client **ret, struct err *err);
/* http_get() with the feed's retries and deadline filled in, counted, its origin remembered. @client NULL: the run's own. */
RF_MUST_CHECK int feed_get(struct feed_run *r, struct http_request *request, struct http_response *ret, struct err *err);
/* The same for a client of another thread: nothing is counted or remembered; feed_count() does so later. */
RF_MUST_CHECK int feed_get_with(const struct feed_run *r, struct http_client *client, struct http_request *request,
                                struct http_response *ret, struct err *err);
RF_MUST_CHECK int feed_count(struct feed_run *r, const struct http_response *response, struct err *err);

/* Hands one document to the store and remembers @item (copied; NULL: none) in the transaction behind it. A refused document is
 * told, counted and no error. */
RF_MUST_CHECK int feed_take(struct feed_run *r, struct span bytes, const char *name, const struct feed_item *item, struct err *err);
/* Remembers an item without a document; with @item->kept only that it was listed. */
RF_MUST_CHECK int feed_note(struct feed_run *r, const struct feed_item *item, struct err *err);
/* All that was taken so far is durable. */
RF_MUST_CHECK int feed_flush(struct feed_run *r, struct err *err);
void feed_problem(const struct feed_run *r, const char *name, const struct err *err);
void feed_progress(const struct feed_run *r, int64_t done, int64_t total, const char *what);

/* What is remembered of an item. */
struct feed_known {
	bool known, refused;
	char version[128];
	int64_t seen;
};
RF_MUST_CHECK int feed_known(struct feed_run *r, struct span part, struct span name, struct feed_known *ret, struct err *err);
/* A listing of @part was walked whole: what of it does not bear r->seen is missing from now on. */
RF_MUST_CHECK int feed_listed(struct feed_run *r, struct span part, struct err *err);
/* Of all parts: items that are listed, and those that are missing. Of one part with @part.p not NULL. */
RF_MUST_CHECK int feed_totals(struct feed_run *r, struct span part, int64_t *ret_listed, int64_t *ret_missing, struct err *err);

/* Items of another run than this are no more: for sources whose items are their troubles only. */
RF_MUST_CHECK int feed_forget_unseen(struct feed_run *r, struct err *err);

/* Compares a published digest (hex, SHA-256 or SHA-512 by its length) with the bytes'; false: they differ. @ret_actual of
 * 136 bytes gets the bytes' own. Texts of other lengths differ from everything. */
bool feed_hash_matches(struct span published, struct span bytes, char ret_actual[136]);

/* feed_store.c: rows at the beginning and the end of a run. */
RF_MUST_CHECK int feed_begin(struct feed_run *r, struct err *err);
RF_MUST_CHECK int feed_end(struct feed_run *r, struct err *err);
/* Items of the pending batch, in their own transaction. */
RF_MUST_CHECK int feed_write_items(struct feed_run *r, struct err *err);
/* Waits until one more request fits into the last 30 seconds, and counts it; over restarts and processes. */
RF_MUST_CHECK int feed_rate_wait(struct feed_run *r, const char *url, struct err *err);

/* What a run led to; pure. */
struct feed_verdict {
	bool raised[FEED_ALARM_KINDS];
	char text[FEED_ALARM_KINDS][160];
};
/* @expected: what later counts are held against; -1: nothing yet. @age_usec since the last complete run, -1: never. */
void feed_judge(const struct feed_report *report, const struct drift *drift, int64_t expected, int64_t age_usec, int64_t max_age_usec,
                struct feed_verdict *ret);

#endif
