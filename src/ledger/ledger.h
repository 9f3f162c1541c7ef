/*
 * ledger - the append-only, hash-chained record of every decision and action (design 6.9).
 *
 * May use base, format, database, crypto. Tables: ledger_waiting, ledger_record, ledger_chain, ledger_checkpoint.
 *
 *   ledger_append(tx, …)      inside the transaction it records: committed together or not at all; no sequence yet
 *   ledger_seal(db, …)        gives waiting records sequence and hash, in the order of their ids, in batches, and signs a
 *                             checkpoint (size, head); one sealer at a time (the row with the chain's head is the lock)
 *   ledger_verify(db, …)      walks the chain
 *
 * An append writes one row into ledger_waiting; sealing moves rows to ledger_record, which nothing ever updates.
 *
 * hash(n) = SHA-256("reforge-ledger-1\n" || hash(n-1), 32 bytes || canonical JSON of record n); hash(0) = SHA-256 of the
 * site name. The canonical JSON of a record (members sorted by bytes, no blanks: json_canonical()) is
 *   {"actor":…,"at":"2026-07-14T09:30:00.000000Z","body":{…},"kind":…,"sequence":n,"subject":…}
 * A checkpoint is a DSSE envelope over {"at","head","site","size"} (LEDGER_CHECKPOINT_TYPE): copies stand in the workspace
 * folder (ledger/checkpoints.jsonl), in releases and in reports, so that a tail cut in the database is found.
 */
#ifndef REFORGE_LEDGER_LEDGER_H
#define REFORGE_LEDGER_LEDGER_H

#include "crypto/sign.h"
#include "database/database.h"

extern const struct migration_set LEDGER_MIGRATIONS;

struct ledger_entry {
	const char *kind;          /* "incident.opened", "task.proven", "release.published": room.verb, lower case */
	const char *subject;       /* what it is about: "incident/3", "release/voice/2026-07-15-…" */
	const char *actor;         /* "user:root@host", "reforge:respond"; never NULL */
	struct span body;          /* JSON object with the evidence: digests, versions, figures. At most 64 KiB */
};
#define LEDGER_MAX_BODY (64 * KIB)
#define LEDGER_CHECKPOINT_TYPE "application/vnd.reforge.ledger-checkpoint+json"

/* An empty body is {}. RF_EINVALID for a body that is no object or texts that are not UTF-8, RF_ETOOBIG. The body is
 * stored in its canonical form. */
RF_MUST_CHECK int ledger_append(struct transaction *tx, const struct ledger_entry *entry);

struct ledger_head {
	int64_t size;              /* records sealed */
	struct digest head;        /* hash of the last one */
	usec_t at;                 /* when it was sealed; USEC_NONE when size is 0 */
};
/* Seals all that waits (batches of 1,000) and, when the chain has grown past the last checkpoint (by this call or by one
 * that was killed) or @always, signs a checkpoint, appends it to @checkpoint_file (NULL: not; made with its folder when
 * absent) durably and stores it. @ret may be NULL. Not inside a transaction. */
RF_MUST_CHECK int ledger_seal(struct database *db, const char *site, const struct signing_key *key, const char *checkpoint_file,
                              bool always, struct ledger_head *ret, struct err *err);

/* Last sealed head without sealing. size 0 when nothing is sealed. */
RF_MUST_CHECK int ledger_head(struct transaction *tx, struct ledger_head *ret);

struct ledger_fault {
	int64_t sequence;          /* 0: not about one record */
	char what[256];            /* "record 12: body does not hash to what was sealed: changed" */
};
struct ledger_report {
	int64_t records;           /* sealed */
	int64_t waiting;           /* appended, not yet sealed */
	int64_t checkpoints;       /* stored and in the file, signature and head in order */
	int64_t covered;           /* records that the largest good checkpoint was signed over. Below @records: the chain of those
	                            * behind it agrees with itself, but anyone who can write the database could have made it */
	struct ledger_fault faults[32];
	size_t fault_count;        /* all faults found, may exceed 32 */
};
/* Recomputes every hash, checks numbering without gaps, every stored checkpoint and, when given, every line of
 * @checkpoint_file against the chain: finds a changed, dropped, reordered record and a tail cut before a checkpoint. A
 * checkpoint file that is absent or empty although checkpoints are stored is a fault; a last line without its end (a write that was
 * killed) is not.
 * 0 with fault_count > 0 when it found faults: the caller turns that into exit status 1. */
RF_MUST_CHECK int ledger_verify(struct database *db, const char *site, const struct verify_key *key, const char *checkpoint_file,
                                struct ledger_report *ret, struct err *err);

/* Reads sealed, then waiting records in order, oldest first, at most @limit (<= 0: all). @after: sequence to start behind
 * (0: all). @subject: NULL or an exact subject or a prefix ending in '/'. A non-zero from @visit ends it and is returned.
 * Spans live until @visit returns. @visit must not change the ledger. */
struct ledger_record {
	int64_t id, sequence;      /* sequence 0: waiting */
	usec_t at;
	struct span kind, subject, actor, body;
	char hash[DIGEST_HEX];     /* "" while waiting */
};
RF_MUST_CHECK int ledger_each(struct transaction *tx, int64_t after, const char *subject, int64_t limit,
                              int (*visit)(const struct ledger_record *, void *), void *data);

#endif
