/*
 * advisory_write - giving back: what was understood of an advisory as OSV 1.7 and OpenVEX 0.2.0, so that other scanners
 * see what no source of theirs tells them ("TensorRT 10.16.1.11 is affected").
 *
 * Pure. May use base, format, version, merged.h. The text is valid by the formats' own schemas, and read back by our
 * parsers it holds the same versions of the same products.
 *
 * Which statements count for a product: the operator's range, else those of the product's own vendor, else all. A
 * statement above the mark that may leave the house is as if it were not there, and so are its texts (design, law 9);
 * an advisory of which nothing is left is RF_EDENIED. What could not be read is no range: OSV names it under
 * database_specific, OpenVEX says under_investigation. A rejected or withdrawn advisory is written as withdrawn in OSV
 * and not at all in OpenVEX.
 */
#ifndef REFORGE_ADVISORY_ADVISORY_WRITE_H
#define REFORGE_ADVISORY_ADVISORY_WRITE_H

#include "advisory/merged.h"
#include "format/json.h"

struct advisory_writing {
	enum tlp highest;   /* nothing marked stricter leaves: TLP_CLEAR for the public */
	const char *author; /* who says so: "Example Ltd. (reforge)"; never NULL */
	const char *id;     /* OpenVEX: the document's IRI, "https://example.org/vex/2026-07-15"; never NULL there */
	usec_t now;         /* of the writing; also the date of what has none */
};

/* One OSV record, appended to @to. Work is in @a. RF_EDENIED; RF_ETOOBIG, RF_ENOMEM. */
RF_MUST_CHECK int advisory_write_osv(struct arena *a, const struct stored_advisory *v,
				     const struct advisory_writing *how, struct str *to, struct err *err);

/* An OpenVEX document over several advisories, one after the other: begin, add ..., end. */
struct openvex_writer {
	struct json_out out;
	const struct advisory_writing *how; /* must live until the end */
	size_t statements;
};
void advisory_openvex_begin(struct openvex_writer *w, const struct advisory_writing *how, struct str *to);
/* RF_EDENIED: nothing of it may leave, nothing was written; RF_ENOMEM. An advisory that says nothing about a product of
 * ours, and one that is no vulnerability, adds nothing. */
RF_MUST_CHECK int advisory_openvex_add(struct openvex_writer *w, struct arena *a, const struct stored_advisory *v,
				       struct err *err);
/* RF_ENOTFOUND: no statement was added, and a document without one is not valid; RF_ETOOBIG, RF_ENOMEM of the buffer.
 */
RF_MUST_CHECK int advisory_openvex_end(struct openvex_writer *w, struct err *err);

#endif
