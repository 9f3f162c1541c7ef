/*
 * store_batch - documents read and prepared, to be written in one transaction. Private to advisory/.
 */
#ifndef REFORGE_ADVISORY_STORE_BATCH_H
#define REFORGE_ADVISORY_STORE_BATCH_H

#include "advisory/advisory_int.h"
#include "advisory/store_int.h"

/* How an import reads; borrows from the options. */
struct store_reading {
	const char *feed, *actor;
	const struct advisory_format *format; /* NULL: told from the content */
	const struct advisory_mapping *mapping;
	enum tlp tlp;
};
/* RF_EINVALID with the names there are. */
RF_MUST_CHECK int reading_init(struct store_reading *r, const struct advisory_import *options, struct err *err);

struct store_batch {
	struct arena a;
	struct store_document *documents; /* heap */
	size_t count, capacity;
};
/* A thread's parsers: a page is open in one while its records are read by the other. Buffers are kept. */
struct store_json {
	struct json_doc *first, *second;
};
RF_MUST_CHECK int store_json_init(struct store_json *j, struct err *err);
void store_json_release(struct store_json *j);

/* Reads and prepares one document, or the records of a page of NVD, each as a document; any thread, one at a time for
 * one batch. A refused document leaves the batch as it was (its arena apart): RF_EFORMAT, RF_EUNSUPPORTED, ...;
 * RF_ENOMEM. */
RF_MUST_CHECK int batch_take(struct store_batch *b, const struct store_reading *how, struct store_json *json,
			     struct span bytes, const struct digest *digest, const char *name, struct err *err);
/* Rows and one ledger record, when anything changed. */
RF_MUST_CHECK int batch_write(struct transaction *tx, struct store_batch *b, const struct store_reading *how);
/* Adds what batch_write() did. */
void batch_count(const struct store_batch *b, struct advisory_import_result *to);
void batch_reset(struct store_batch *b);
void batch_release(struct store_batch *b);

#endif
