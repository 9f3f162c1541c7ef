/*
 * store - the advisories in the database: import, merge over sources, policy per CVE.
 *
 * May use base, format, database, crypto, ledger, version and advisory.h. Each record of a document is kept beside
 * those of other sources, nothing is merged away. A document whose bytes are known is skipped; of several of one
 * publisher and id the one modified last counts, the others stay beside it. What is kept of a document: its digest,
 * name and records; its statements, those about products of ours as rows; its bytes when one of its records is about a
 * product of ours or is for a person to look at, and it has at most 8 MiB. (All of NVD is 340,000 documents, a few
 * hundred are about ours.)
 *
 * Tables: advisory_document, advisory_file, advisory_record, advisory_statement, advisory_signal, advisory,
 * advisory_alias, advisory_policy, advisory_decision.
 */
#ifndef REFORGE_ADVISORY_STORE_H
#define REFORGE_ADVISORY_STORE_H

#include "advisory/merged.h"
#include "base/str.h"
#include "database/database.h"

extern const struct migration_set ADVISORY_MIGRATIONS;

struct advisory_import {
	const char *feed;   /* name of the feed in reforge.yaml; "file" for a file given by hand. Never NULL */
	const char *actor;  /* for the ledger; never NULL */
	const char *format; /* NULL: told from the content */
	const struct advisory_mapping *mapping; /* of tables; NULL: their columns have our names */
	enum tlp tlp;                           /* of the feed: no record comes in with a looser mark */
	/* Called for each file that could not be read as an advisory; NULL: ignored. The import goes on. */
	void (*problem)(const char *path, const struct err *err, void *data);
	void *data;
};
struct advisory_import_result {
	int64_t files;     /* looked at */
	int64_t documents; /* new or changed */
	int64_t unchanged;
	int64_t advisories; /* records in the new or changed ones */
	int64_t review;     /* statements a person must look at, in the new or changed ones */
	int64_t problems;   /* files refused */
};
/* @path is a file, or a folder: every .json, .yaml, .yml and .csv below it, also inside of .zip, .gz, .tgz, .tar, .xz,
 * .zst and .bz2 files. Read on thread_cpus() threads; files that
 * have not changed since they were read are not opened. A file that is named and refused is the error returned; in a
 * folder refused files are reported and counted. Files that are JSON of no known format are problems too, except
 * indexes named in no format's way (RF_EUNSUPPORTED), which are passed over silently in a folder. */
RF_MUST_CHECK int advisory_import_path(struct database *db, const char *path, const struct advisory_import *options,
				       struct advisory_import_result *ret, struct err *err);
/* One document from memory; @name is what the source is called. *ret_changed may be NULL. */
RF_MUST_CHECK int advisory_import_bytes(struct database *db, struct span bytes, const char *name,
					const struct advisory_import *options, bool *ret_changed, struct err *err);

/* Many documents from memory: what feeds use. Written in batches; what was added is durable after _flush(). One thread.
 */
struct advisory_importer;
RF_MUST_CHECK int advisory_importer_new(struct database *db, const struct advisory_import *options,
					struct advisory_importer **ret, struct err *err);
/* A document that is refused is no failure of the import: 0, with *ret_refused its RF_E* (RF_EUNSUPPORTED: of no known
 * format) and @err saying why; it is counted in problems. Negative: the import is over (database, memory). */
RF_MUST_CHECK int advisory_importer_add(struct advisory_importer *m, struct span bytes, const char *name,
					int *ret_refused, struct err *err);
RF_MUST_CHECK int advisory_importer_flush(struct advisory_importer *m, struct err *err);
void advisory_importer_result(const struct advisory_importer *m, struct advisory_import_result *ret);
void advisory_importer_free(struct advisory_importer *m); /* drops what is not flushed; NULL is fine */
void advisory_importer_freep(struct advisory_importer **m);

/* By id or alias (case does not matter). All in @a. RF_ENOTFOUND. */
RF_MUST_CHECK int advisory_get(struct transaction *tx, struct arena *a, struct span id, struct stored_advisory *ret);

struct advisory_row {
	struct span id, title;
	enum advisory_state state;
	bool is_drill, published_has_time;
	enum tlp tlp;
	usec_t published, first_seen, modified;
	double score;               /* by authority, recomputed; -1 none */
	int64_t statements, review; /* current ones */
};
struct advisory_filter {
	struct span purl;      /* canonical product; empty: all */
	struct span text;      /* part of id or title; empty: all */
	bool with_unpublished; /* withdrawn and rejected ones too */
	bool drills_only;
	bool for_review; /* with a statement that a person must look at */
	int64_t limit;     /* 0: 1,000 */
	struct span after; /* id to go on behind; empty: from the start */
};
/* By id, ascending. Spans live until @visit returns. A non-zero from it ends and is returned. */
RF_MUST_CHECK int advisory_list(struct transaction *tx, const struct advisory_filter *filter,
				int (*visit)(const struct advisory_row *, void *), void *data);

/* Whether a published advisory about a product of ours is known, drills left out; by @at, 0: now. Where none is, nothing can
 * be said to be not affected (law 2). */
RF_MUST_CHECK int advisory_any_known(struct transaction *tx, usec_t at, bool *ret);

/* The operator's answer for one CVE; appended, the newest counts; a ledger record goes with it. @why must not be empty
 * (RF_EINVALID). Above all sources (merged.h). */
RF_MUST_CHECK int advisory_decide(struct transaction *tx, struct span id, enum engine_affecting value, const char *who,
				  const char *why);
/* Whether an advisory applies to a product or a service, or which versions of a product it affects. */
struct advisory_decision_made {
	enum decision_kind kind;
	const struct product *product; /* NULL with DECISION_APPLIES: every product */
	const char *service;           /* NULL or "": every service; always with DECISION_RANGE */
	bool applies;
	struct span range; /* "vers:generic/<11.0", "prior to 11.0"; empty: the sources' ranges count again */
	const char *owner; /* who answers for it; NULL or "": @who */
};
/* As advisory_decide(); of one kind and scope the newest counts. RF_EUNREADABLE for a range that no rule reads;
 * RF_EINVALID for a range without a product; RF_ETOOMANY. */
RF_MUST_CHECK int advisory_decide_scope(struct transaction *tx, struct span id, const struct advisory_decision_made *d,
					const char *who, const char *why);
/* Every service that a decision names. */
RF_MUST_CHECK int advisory_decided_services(struct transaction *tx, int (*visit)(struct span service, void *),
					    void *data);
/* The bytes of a document by digest (hex), appended to @ret. RF_ENOTFOUND also where they were not kept. */
RF_MUST_CHECK int advisory_document_bytes(struct transaction *tx, struct span digest, struct str *ret);

#endif
