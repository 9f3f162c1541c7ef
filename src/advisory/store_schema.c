/*
 * The tables. Only ever append steps.
 *
 * Records, statements and signals are derived from documents and are written anew when the reader learned something;
 * documents, decisions and the moment an advisory was first seen are never changed or removed.
 */
#include "advisory/store_int.h"

static const char *const steps[] = {
	"CREATE TABLE advisory_document (id {id}, feed {text} NOT NULL, format {text} NOT NULL, name {text} NOT NULL,"
	" publisher {text} NOT NULL, document_id {text} NOT NULL, title {text} NOT NULL, digest {text} NOT NULL UNIQUE,"
	" content {blob} NOT NULL, warnings {text} NOT NULL, reader {int64} NOT NULL, modified {int64} NOT NULL,"
	" imported_at {int64} NOT NULL, current {bool} NOT NULL);\n"
	"CREATE INDEX advisory_document_identity ON advisory_document (publisher, document_id);\n"
	"CREATE TABLE advisory (id {text} PRIMARY KEY, title {text} NOT NULL, state {text} NOT NULL, is_drill {bool} "
	"NOT NULL,"
	" tlp {int64} NOT NULL, published {int64}, published_has_time {bool} NOT NULL, modified {int64}, score {real} "
	"NOT NULL,"
	" first_seen {int64} NOT NULL);\n"
	"CREATE TABLE advisory_record (id {id}, document {int64} NOT NULL REFERENCES advisory_document (id),"
	" advisory {text} NOT NULL REFERENCES advisory (id), record_id {text} NOT NULL, title {text} NOT NULL, summary "
	"{text} NOT NULL,"
	" url {text} NOT NULL, state {text} NOT NULL, state_reason {text} NOT NULL, assigner {text} NOT NULL, tlp "
	"{int64} NOT NULL,"
	" published {int64}, published_has_time {bool} NOT NULL, modified {int64}, cwe {text} NOT NULL, severities "
	"{text} NOT NULL,"
	" aliases {text} NOT NULL, score {real} NOT NULL);\n"
	"CREATE INDEX advisory_record_advisory ON advisory_record (advisory);\n"
	"CREATE INDEX advisory_record_document ON advisory_record (document);\n"
	"CREATE TABLE advisory_statement (record {int64} NOT NULL REFERENCES advisory_record (id), position {int64} "
	"NOT NULL,"
	" status {int64} NOT NULL, purl {text} NOT NULL, product_name {text} NOT NULL, platform {text} NOT NULL,"
	" affected_text {text} NOT NULL, fixed_text {text} NOT NULL, affected_range {text} NOT NULL, fixed {text} NOT "
	"NULL,"
	" rule {text} NOT NULL, review {bool} NOT NULL, authoritative {bool} NOT NULL, PRIMARY KEY (record, "
	"position));\n"
	"CREATE INDEX advisory_statement_purl ON advisory_statement (purl);\n"
	"CREATE TABLE advisory_alias (alias {text} NOT NULL, advisory {text} NOT NULL REFERENCES advisory (id),"
	" PRIMARY KEY (alias, advisory));\n"
	"CREATE TABLE advisory_policy (id {id}, advisory {text} NOT NULL REFERENCES advisory (id), engine_affecting "
	"{text} NOT NULL,"
	" who {text} NOT NULL, why {text} NOT NULL, at {int64} NOT NULL);\n"
	"CREATE INDEX advisory_policy_advisory ON advisory_policy (advisory);\n",
	/* Bulk: what lists and merges need stands in the rows themselves; what one source says about products that no
	 * row has stands in its record (foreign_statements), since nothing ever asks for those by product; bytes are
	 * kept only of documents about products of ours. An empty identity is one of a row from before this step. */
	"ALTER TABLE advisory_document ADD COLUMN identity {text} NOT NULL DEFAULT '';\n"
	"ALTER TABLE advisory_document ADD COLUMN signals {int64} NOT NULL DEFAULT 0;\n"
	"UPDATE advisory_document SET identity = document_id || ' ' || publisher;\n"
	"DROP INDEX advisory_document_identity;\n"
	"CREATE INDEX advisory_document_identity ON advisory_document (identity);\n"
	"ALTER TABLE advisory_record ADD COLUMN authority {int64} NOT NULL DEFAULT 0;\n"
	"ALTER TABLE advisory_record ADD COLUMN statements {int64} NOT NULL DEFAULT 0;\n"
	"ALTER TABLE advisory_record ADD COLUMN review {int64} NOT NULL DEFAULT 0;\n"
	"ALTER TABLE advisory_record ADD COLUMN foreign_statements {text} NOT NULL DEFAULT '[]';\n"
	"ALTER TABLE advisory_statement ADD COLUMN source {text} NOT NULL DEFAULT '';\n"
	"ALTER TABLE advisory_statement ADD COLUMN given_purl {text} NOT NULL DEFAULT '';\n"
	"ALTER TABLE advisory_statement ADD COLUMN contradiction {text} NOT NULL DEFAULT '';\n"
	"ALTER TABLE advisory_statement ADD COLUMN justification {text} NOT NULL DEFAULT '';\n"
	"ALTER TABLE advisory_statement ADD COLUMN remedy {text} NOT NULL DEFAULT '';\n"
	"ALTER TABLE advisory ADD COLUMN statements {int64} NOT NULL DEFAULT 0;\n"
	"ALTER TABLE advisory ADD COLUMN review {int64} NOT NULL DEFAULT 0;\n"
	"CREATE TABLE advisory_signal (cve {text} NOT NULL, kind {text} NOT NULL, source {text} NOT NULL,"
	" document {int64} NOT NULL REFERENCES advisory_document (id), date {int64}, value {text} NOT NULL,"
	" PRIMARY KEY (cve, kind, source));\n"
	"CREATE INDEX advisory_signal_document ON advisory_signal (document);\n"
	/* a file that has not changed since it was read is not opened again */
	"CREATE TABLE advisory_file (path {blob} NOT NULL, reading {text} NOT NULL, size {int64} NOT NULL,"
	" modified_nsec {int64} NOT NULL, changed_nsec {int64} NOT NULL, inode {int64} NOT NULL, PRIMARY KEY (path, "
	"reading));\n"
	/* kind: applies, range; product and service empty: all. The newest of one kind, product and service counts. */
	"CREATE TABLE advisory_decision (id {id}, advisory {text} NOT NULL REFERENCES advisory (id), kind {text} NOT "
	"NULL,"
	" purl {text} NOT NULL, service {text} NOT NULL, value {text} NOT NULL, owner {text} NOT NULL, who {text} NOT "
	"NULL,"
	" why {text} NOT NULL, at {int64} NOT NULL);\n"
	"CREATE INDEX advisory_decision_advisory ON advisory_decision (advisory);\n",
	/* when it was said, where the format dates each statement */
	"ALTER TABLE advisory_statement ADD COLUMN stated {int64} NOT NULL DEFAULT 0;\n",
};
const struct migration_set ADVISORY_MIGRATIONS = { "advisory", steps, RF_COUNT(steps) };
