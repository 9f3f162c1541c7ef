/*
 * host_report - what one machine says of itself: files with facts, package databases, processes with what they have
 * mapped. Made by `scan --host` where no reforge workspace is, read by `inventory import`. docs/schema/host-report.schema.json
 *
 *   line 1  header   {"type":"reforge.host-report","version":1,"host":…,"machine":…,"taken":…,"content_bytes":…,
 *                     "content_sha256":…}
 *   line 2  content  {"system":{…},"roots":[…],"files":[…],"unread":[…],"processes":[…]}
 *   line 3  signature, when signed  {"keyid":…,"sig":…} over DSSE's PAE of line 1
 *
 * The content holds no clock, no process id and no order that changes from run to run: a machine on which nothing changed
 * gives the same bytes, and the reader need not open them. The header's digest covers the content, the signature the
 * header.
 *
 * Pure. May use base/, format/, crypto/. Input is hostile: what a report says is its machine's claim.
 */
#ifndef REFORGE_INVENTORY_HOST_REPORT_H
#define REFORGE_INVENTORY_HOST_REPORT_H

#include "base/time.h"
#include "crypto/sign.h"
#include "inventory/artifact.h"
#include "inventory/triton_repository.h"

#define HOST_REPORT_VERSION 1
#define HOST_REPORT_TYPE "application/vnd.reforge.host-report+json" /* what is signed, for DSSE */
#define HOST_REPORT_MAX_BYTES (256 * MIB) /* of 250,000 files, evidence included */
#define HOST_REPORT_MAX_FILES 250000
#define HOST_NAME_MAX_BYTES 253

struct host_header {
	char host[HOST_NAME_MAX_BYTES + 1]; /* letters, digits, '.', '-', '_' */
	char machine[DIGEST_HEX];           /* SHA-256 of the machine's id, which itself stays at home */
	usec_t taken;
	char program[64];                   /* version of the reforge that made it */
	uint64_t content_bytes;
	struct digest content;
};

struct host_report {
	struct host_header header;
	struct span header_line, content, keyid, signature; /* of the bytes read; the last two empty: unsigned */
};
/* Cuts a report into its lines, reads the header, checks size and digest of the content; the content is not looked into.
 * Spans point into @bytes or, the signature's, into @a. RF_EFORMAT with line and field; RF_EUNSUPPORTED (a later version),
 * RF_EVERIFY (the digest), RF_ETRUNCATED, RF_ETOOBIG, RF_ENOMEM. */
RF_MUST_CHECK int host_report_open(struct span bytes, struct arena *a, struct host_report *ret, struct err *err);
/* 0, or RF_EVERIFY: unsigned, by another key, or the signature does not hold. */
RF_MUST_CHECK int host_report_verify(const struct host_report *r, const struct verify_key *key, struct err *err);
bool host_name_is_valid(struct span name);

struct host_file {
	const char *path; /* bytes; "container:ID!/path" inside of one; "/path (deleted)" when only processes still have it */
	struct digest digest;
	struct artifact_facts facts; /* format, head, evidence of a full read are not set */
	enum triton_load load;
	const char *model, *load_words; /* NULL: none */
	int64_t model_version;          /* -1: none */
};
struct host_unread {
	const char *path, *reason;
};
struct host_running {
	const char *exe, *container;
	const char *const *arguments;
	size_t arguments_n;
	const char *const *mapped; /* paths of files[] */
	size_t mapped_n;
};
struct host_content {
	const char *os, *kernel, *architecture; /* "" unknown */
	const char *const *roots;
	size_t roots_n;
	struct host_file *files;
	size_t files_n;
	const struct host_unread *unread;
	size_t unread_n;
	const struct host_running *processes;
	size_t processes_n;
};
/* The content, whole or not at all; everything in @a. RF_EFORMAT with the field ("files[17].sha256") and the rule,
 * RF_ETOOMANY, RF_ETOOBIG, RF_ENOMEM. */
RF_MUST_CHECK int host_content_read(struct span content, struct arena *a, struct host_content *ret, struct err *err);

/* Header, content and, with @key, signature, as one text. @h: content_bytes and content are set here. RF_ETOOBIG, RF_ENOMEM,
 * RF_EINVALID (the host's name). */
RF_MUST_CHECK int host_report_write(struct host_header *h, struct span content, const struct signing_key *key,
				    struct str *ret, struct err *err);

#endif
