/*
 * store_int - what the store's files share. Private to advisory/.
 *
 *   bytes ──advisory_read()──► store_prepare() ──► batch ──store_write()──► rows ──► store_merge()
 *          (any thread)       (same thread)              (the one that writes)
 */
#ifndef REFORGE_ADVISORY_STORE_INT_H
#define REFORGE_ADVISORY_STORE_INT_H

#include "advisory/store.h"
#include "base/hash.h"
#include "crypto/digest.h"

/* Raised whenever a parser, the grammar or products.tsv makes a document read differently: known documents are then
 * read again. */
#define ADVISORY_READER_VERSION 4

/* A document about products of ours is kept whole up to this size; of the rest digest and name are kept. */
#define STORE_MAX_CONTENT (8 * MIB)

/* What the rows of one record are made of; in the document's arena. */
struct store_record {
	struct span severities, aliases; /* JSON */
	struct span foreign;             /* JSON: statements about products without a row */
	size_t *kept;                    /* statements that get rows of their own: indexes */
	struct span *ranges, *fixed;     /* JSON of those */
	size_t kept_count;
	int64_t review; /* statements for review, foreign ones too */
	double score;   /* highest, recomputed where a vector allows; -1 none */
	enum advisory_authority authority;
	bool merge; /* the advisory has other records: work of store_merge() */
};

/* One document to be written. */
struct store_document {
	struct advisory_document parsed;
	struct span bytes; /* empty: not kept */
	char digest[DIGEST_HEX];
	const char *name; /* path, made visible: valid UTF-8 */
	const char *feed;
	struct span identity; /* what a newer document of the same must share */
	struct span warnings; /* JSON */
	struct span *signals; /* JSON values */
	usec_t modified;      /* the newest of its records; 0 when none is dated */
	int64_t review;       /* statements for review */
	struct store_record *records;
	const char *change; /* out: "new", "changed", "older", "read again", "back again"; NULL: known and current,
			       nothing written */
	/* while it is written */
	int64_t id; /* 0: not known */
	bool known, current, read;
	int64_t other; /* the current document of the same identity; 0 none */
	usec_t other_modified;
	bool counts;
	bool has_other_signals;
};

/* Works out the rows of @d, whose parsed, name and feed are set, in @a. @bytes are copied when they are to be kept.
 * RF_ENOMEM, RF_ETOOBIG. */
RF_MUST_CHECK int store_prepare(struct arena *a, struct store_document *d, struct span bytes, struct err *err);

/* Writes documents in their order: records, statements, signals, merged advisories. Sets each one's change. */
RF_MUST_CHECK int store_write(struct transaction *tx, struct store_document *documents, size_t count);

/* Fills the advisory's row from all its current records (merged.h says how). */
RF_MUST_CHECK int store_merge(struct transaction *tx, struct span id);

/* NOT NULL columns hold "" for what a source does not say. */
struct db_value store_text(struct span s);

/* Rows of one table on their way: written STORE_ROWS at a time. */
#define STORE_ROWS 400
#define STORE_COLUMNS 24
struct store_rows {
	struct transaction *tx;
	const char *head, *tail;
	size_t columns, count;
	struct db_value values[STORE_ROWS * STORE_COLUMNS];
};
/* The values of the next row, to be filled; NULL when what was there could not be written (*ret_rc). */
struct db_value *store_rows_next(struct store_rows *w, int *ret_rc);
RF_MUST_CHECK int store_rows_flush(struct store_rows *w);

/* A signal's value as JSON, and back; cve, source and date are columns of their own. */
void store_signal_write(const struct advisory_signal *s, struct str *to);
RF_MUST_CHECK int store_signal_read(struct arena *a, struct json_doc *doc, enum advisory_signal_kind kind,
				    struct span value, struct advisory_signal *ret, struct err *err);

/* The advisory that @id names: itself, or what carries it as an alias (the first by id). RF_ENOTFOUND. */
RF_MUST_CHECK int store_find_id(struct transaction *tx, struct arena *a, struct span id, struct span *ret);

/* A range as the operator types it, for @product: vers, or words as vendors write them. Into @a, with its own copy of
 * the text. RF_EUNREADABLE (the range is set, and answers UNSURE), RF_ENOMEM. */
RF_MUST_CHECK int store_read_range(struct arena *a, const struct product *product, struct span text, struct range **ret,
				   struct err *err);

#endif
