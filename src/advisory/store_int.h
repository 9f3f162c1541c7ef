/*
 * store_int - what the store's files share. Private to advisory/.
 */
#ifndef REFORGE_ADVISORY_STORE_INT_H
#define REFORGE_ADVISORY_STORE_INT_H

#include "advisory/store.h"
#include "crypto/digest.h"

/* Raised whenever a parser or the grammar reads a document differently: known documents are then read again. */
#define ADVISORY_READER_VERSION 1

/* One document to be written. */
struct store_document {
	struct advisory_document parsed;
	struct span bytes;
	char digest[DIGEST_HEX];
	const char *name; /* path, made visible: valid UTF-8 */
	const char *feed;
	int64_t review;     /* statements for review */
	const char *change; /* out: "new", "changed", "older", "read again", "back again"; NULL: known and current,
			       nothing written */
};

/* Writes one document: records, statements, merged advisories. Sets d->change. */
RF_MUST_CHECK int store_document_write(struct transaction *tx, struct store_document *d);

#endif
