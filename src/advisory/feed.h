/*
 * feed - the sources of advisories: fetched, taken in, watched.
 *
 * May use base, format, process, network, database, crypto, workspace, ledger and store.h. A kind of source is a file
 * sync_NAME.c and a row of FEED_KINDS (feed_sync.c).
 *
 *   reforge.yaml feeds: ──feed_sync()──► documents ──► store.h          records before and after, hashes, keys
 *                                                                         └──► alarms ──► feed_staleness(), feed_list()
 *
 * What a feed once said stays: a record that its source no longer gives, a document whose hash is wrong, a run that broke
 * off take nothing away. They raise an alarm, which stands in the ledger, and alarms that put the feed's silence in doubt
 * make it stale: what it does not say proves nothing then.
 *
 * Killed anywhere, the next run goes on: what was taken in is remembered in the transaction behind it, document by document,
 * and for NVD page by page.
 *
 * Tables: feed, feed_run, feed_item, feed_cursor, feed_alarm, feed_request, feed_host.
 */
#ifndef REFORGE_ADVISORY_FEED_H
#define REFORGE_ADVISORY_FEED_H

#include "advisory/store.h"
#include "workspace/workspace.h"

extern const struct migration_set FEED_MIGRATIONS;

/* Alarms. The first four make the feed stale until it recovers or someone accepts what happened (feed_accept()). */
enum feed_alarm_kind {
	FEED_ALARM_STALLED = 0,    /* no complete run within max_age; a bundle that is older or has expired */
	FEED_ALARM_EMPTY,          /* it gave nothing where something was, or never anything */
	FEED_ALARM_SHRUNK,         /* it gives fewer records than before */
	FEED_ALARM_UNREADABLE,     /* a larger share of its documents cannot be read than a fiftieth */
	FEED_ALARM_FAILED,         /* the last run broke off */
	FEED_ALARM_HASH,           /* documents whose published digest is not theirs */
	FEED_ALARM_KEYS,           /* members that its format does not name: the format moves on */
};
#define FEED_ALARM_KINDS 7
const char *feed_alarm_name(enum feed_alarm_kind kind);        /* "shrunk"; static */
bool feed_alarm_taints(enum feed_alarm_kind kind);

struct feed_options {
	const char *actor;         /* for the ledger; never NULL */
	/* A document that was refused, or whose hash is wrong; NULL: ignored. */
	void (*problem)(const char *name, const struct err *err, void *data);
	/* Now and then; @total -1: not known. NULL: nobody watches. */
	void (*progress)(const char *feed, int64_t done, int64_t total, const char *what, void *data);
	void *data;
};

/* One run of one feed. */
struct feed_report {
	const char *feed;
	int failed;                /* 0: complete; else RF_E* and @err says why it broke off */
	struct err err;
	int64_t records_before;    /* what the last complete run counted; -1: none */
	int64_t records;           /* documents or records the source lists now; -1 when the run broke off before it knew */
	int64_t looked_at;         /* documents handed to the store */
	int64_t changed, unchanged, refused, advisories, review;
	int64_t wrong_hashes;      /* all that are known to be wrong now */
	int64_t missing;           /* known before, no longer listed */
	int64_t requests, bytes;   /* over the network, decompressed */
	int64_t duration_usec;
	bool expired;              /* a bundle past its expires_at */
	int64_t source_age_usec;   /* of what a bundle holds; INT64_MAX: never complete there; 0 for other kinds */
	unsigned alarms;           /* open ones, bit 1 << kind */
};

/*
 * Fetches one feed and takes in what is new. One run of a feed at a time (RF_EBUSY: another runs on this machine).
 * 0 too when the source failed (ret->failed): the feed's row, its alarms and the ledger then say so. Negative only when
 * reforge itself could not go on: database, memory, RF_ECANCELLED.
 */
RF_MUST_CHECK int feed_sync(struct database *db, const struct workspace *w, const struct workspace_feed *feed,
                            const struct feed_options *options, struct feed_report *ret, struct err *err);

struct feed_alarm {
	enum feed_alarm_kind kind;
	struct span text;
	usec_t raised;
};
/* How a feed stands. All spans live in the arena given. */
struct feed_standing {
	struct span feed, kind, source;    /* source: the path, or the address without secrets */
	bool configured;                   /* false: reforge.yaml names it no more */
	usec_t attempted, succeeded;       /* USEC_NONE: never */
	usec_t changed;                    /* when it last brought something new */
	int64_t max_age_usec;
	int64_t age_usec;                  /* since @succeeded; -1: never */
	int64_t records, records_before;   /* -1: not known */
	int64_t wrong_hashes, missing, failures; /* failures: runs in a row */
	struct span error;                 /* what the last run broke off with; empty: it did not */
	bool stale;                        /* its silence proves nothing */
	struct feed_alarm alarms[FEED_ALARM_KINDS];
	size_t alarm_count;
};
/* Feeds of reforge.yaml in its order, then those that the database remembers besides. @w may be NULL: only the latter. */
RF_MUST_CHECK int feed_list(struct transaction *tx, struct arena *a, const struct workspace *w, struct feed_standing **ret,
                            size_t *ret_count);

/* Whether what @feed (a name as documents bear it) does not say may be relied on, at the database's now. Files given by hand
 * ("file") and feeds that were never synced are no feeds: not stale, as_of USEC_NONE. */
struct feed_staleness {
	bool stale;
	usec_t as_of;              /* the last complete run */
	int64_t age_usec;          /* -1: never */
	char words[192];           /* "stale: as of 3 d 02 h ago, limit 24 h; shrunk: 12 of 14 records"; "" when not stale */
};
RF_MUST_CHECK int feed_staleness(struct transaction *tx, struct span feed, struct feed_staleness *ret);
/* The same of a standing: by the limit that reforge.yaml has now, and a configured feed that was never synced is stale. */
void feed_staleness_of(const struct feed_standing *f, struct feed_staleness *ret);
/* The worst of all feeds: stale when any is, as of the oldest. */
RF_MUST_CHECK int feed_staleness_all(struct transaction *tx, struct feed_staleness *ret);

/* Someone looked and says that it is right so: the open alarms of @feed end, today's count is what later ones are held
 * against. Ledger record; @why must not be empty. RF_ENOTFOUND when @feed has no open alarm. */
RF_MUST_CHECK int feed_accept(struct transaction *tx, struct span feed, const char *who, const char *why);

/* Documents whose published digest is not theirs, by name. Spans live until @visit returns; non-zero ends and is returned. */
RF_MUST_CHECK int feed_wrong_hashes(struct transaction *tx, struct span feed,
                                    int (*visit)(struct span name, struct span published, struct span actual, void *data),
                                    void *data);
/* Every origin ("https://host:port") that feeds were served from, redirects and distributions included: what
 * reforge.yaml does not name itself is listable too. */
RF_MUST_CHECK int feed_hosts(struct transaction *tx, int (*visit)(struct span feed, struct span origin, usec_t last, void *data),
                             void *data);
/* Where a kind starts, as configured: its address without secrets, or its path. Static or in @feed. */
const char *feed_source(const struct workspace_feed *feed, char *buffer, size_t size);

#endif
