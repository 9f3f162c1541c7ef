/* ledger_int - the form of a record and the chain's arithmetic, shared by sealing and verifying. Private to this room. */
#ifndef REFORGE_LEDGER_INT_H
#define REFORGE_LEDGER_INT_H

#include "ledger/ledger.h"

#include "base/str.h"

/* What one record's canonical JSON may take: the body, three texts of at most LEDGER_MAX_TEXT, all escaped six-fold. */
#define LEDGER_MAX_TEXT 1024
#define LEDGER_MAX_RECORD (LEDGER_MAX_BODY + (size_t)6 * 3 * LEDGER_MAX_TEXT + 512)

/* hash(0) */
void ledger_hash_site(const char *site, struct digest *ret);
/* hash(n) from hash(n-1) and the record, whose `sequence` is n. @scratch is used over and over; its limit is
 * LEDGER_MAX_RECORD or more. RF_ETOOBIG for a record that no append would have taken. */
RF_MUST_CHECK int ledger_hash_record(const struct digest *previous, const struct ledger_record *record, struct str *scratch,
                                     struct digest *ret, struct err *err);

/* The payload of a checkpoint. */
void ledger_checkpoint_payload(const char *site, const struct ledger_head *head, struct str *ret);

#endif
