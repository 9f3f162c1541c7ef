/*
 * csv - tables of text, RFC 4180: quoted fields with doubled quotes, line ends inside them, any one-byte delimiter.
 *
 * Pure. May use base/ only. LF and CRLF end a record; a UTF-8 byte order mark is skipped; a blank line is no record.
 * Fields point into the input, those with doubled quotes into the reader's buffer: both live until the next record.
 */
#ifndef REFORGE_FORMAT_CSV_H
#define REFORGE_FORMAT_CSV_H

#include "base/err.h"
#include "base/span.h"
#include "base/str.h"

#define CSV_MAX_FIELDS 256
/* Doubled quotes of one record, undone; the longest text of a bulletin met has 40 KB. */
#define CSV_MAX_RECORD (1 * MIB)

struct csv {
	struct span rest;
	char delimiter;
	uint64_t line, next_line; /* of the record at hand, from 1 */
	struct span fields[CSV_MAX_FIELDS];
	size_t count;
	struct str buffer;
};

struct csv csv_begin(struct span bytes, char delimiter);
/* 1: the next record is in fields[]; 0: the end. RF_EFORMAT with the line: a quote that never closes, bytes behind a
 * closing quote (RFC 4180, 2.5 to 2.7); RF_ETOOMANY; RF_ETOOBIG; RF_ENOMEM. */
RF_MUST_CHECK int csv_next(struct csv *c, struct err *err);
void csv_end(struct csv *c);
/* Appends a field, always quoted; one that a spreadsheet would take for a formula gets an apostrophe in front. */
void csv_put(struct str *to, struct span field);
/* Of , ; tab | the one that the first line has most of outside quotes; a comma when it has none. */
char csv_guess_delimiter(struct span bytes);

#endif
