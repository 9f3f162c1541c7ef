/*
 * advisory_int - what the parsers share: bounded lists in the arena, copies of texts, HTML out of prose. Private.
 */
#ifndef REFORGE_ADVISORY_ADVISORY_INT_H
#define REFORGE_ADVISORY_ADVISORY_INT_H

#include "advisory/advisory.h"
#include "format/json.h"

/* One more element of @size behind *items (count *count, capacity *capacity), zeroed, into *ret; the array moves as it
 * grows. RF_ETOOMANY past @limit with @what in the text, RF_ENOMEM. */
RF_MUST_CHECK int advisory_grow(struct arena *a, void **items, size_t *count, size_t *capacity, size_t size,
				size_t limit, const char *what, void **ret, struct err *err);

/* A parser's work: where copies go, and the first failure to copy (RF_ENOMEM), looked at once at the end. */
struct advisory_reader {
	struct arena *a;
	struct err *err;
	struct advisory_document *document;
	size_t advisories_capacity, warnings_capacity, signals_capacity;
	struct str scratch; /* for texts that are put together: advisory_scratch(), advisory_scratch_copy() */
	int failed;
};
/* The reader's buffer, emptied: one at a time. advisory_finish() releases it. */
struct str *advisory_scratch(struct advisory_reader *r);
/* What was put together, copied; a full buffer is the reader's failure. */
struct span advisory_scratch_copy(struct advisory_reader *r);
/* a, b and c in a row, copied. */
struct span advisory_join(struct advisory_reader *r, struct span a, struct span b, struct span c);
struct span advisory_copy(struct advisory_reader *r, struct span s);
/* The string member @key of @v, trimmed, copied; SPAN_NONE when it is absent or no string. */
struct span advisory_text(struct advisory_reader *r, struct json v, const char *key);
/* The same without HTML: tags and entities of vendors' prose become blanks and characters; runs of blanks become one.
 */
struct span advisory_prose(struct advisory_reader *r, struct span s);
/* At most @max bytes of UTF-8, cut between characters: half a character is no text for a database. */
struct span advisory_cut(struct span s, size_t max);
struct span advisory_printf(struct advisory_reader *r, const char *format, ...) RF_PRINTF(2, 3);
/* USEC_NONE when absent, unreadable (with a warning) or before 1990 (Go's zero time). @ret_has_time may be NULL. */
usec_t advisory_time(struct advisory_reader *r, struct json v, const char *key, bool *ret_has_time);
int advisory_warn(struct advisory_reader *r, const char *format, ...) RF_PRINTF(2, 3);
RF_MUST_CHECK int advisory_add(struct advisory_reader *r, struct advisory **ret);
RF_MUST_CHECK int advisory_add_statement(struct advisory_reader *r, struct advisory *to, size_t *capacity,
					 struct advisory_statement **ret);
/* A signal about @cve (kept as it is) with @source (likewise) and no date. */
RF_MUST_CHECK int advisory_add_signal(struct advisory_reader *r, struct span cve, struct span source,
				      enum advisory_signal_kind kind, struct advisory_signal **ret);
/* SSVC's words; case and blanks in names do not matter ("Technical Impact", "technicalImpact"). False: no decision
 * point of ours. */
bool advisory_ssvc_option(struct advisory_signal *signal, struct span name, struct span value);

/* One more score with the one its vector gives; @source is kept as it is (copied or static), @type static. *ret may be
 * NULL and is the new row: its stated score and rating are the caller's to set. */
RF_MUST_CHECK int advisory_add_severity(struct advisory_reader *r, struct advisory *to, size_t *capacity,
					struct span source, const char *type, struct span vector,
					struct advisory_severity **ret);

/* A statement about a product that no row has: kept with its words, for review when the name resembles one of ours. */
void advisory_no_product(struct advisory_statement *s);
/* Sets the stated score. One that is the whole vector's (temporal metrics and all) is no disagreement with the base:
 * then computed is that one. */
void advisory_stated_score(struct advisory_severity *s, struct json stated);
void advisory_settle_score(struct advisory_severity *s);

/* What a parser returns: a failed copy comes before what it led to. */
int advisory_finish(struct advisory_reader *r, int rc);
/* Copies a built text; one that hit its limit or memory's end is the reader's failure. Releases @text. */
struct span advisory_take(struct advisory_reader *r, struct str *text);

/* A published record whose own text says that it was rejected: "** REJECT **", "Rejected reason: Not used". */
bool advisory_text_rejects(struct span text, struct span *ret_reason);

struct span advisory_explain(struct advisory_reader *r, const struct range *range);
/* Reads affected_text and fixed_text of a statement with a product through the prose rules: range, fixed, rule, review.
 * @listed as in range.h. */
RF_MUST_CHECK int advisory_read_words(struct advisory_reader *r, struct advisory_statement *s, bool listed);
/* The product that a CPE name means; NULL for none, and for text that is no CPE. */
const struct product *advisory_cpe_product(struct span cpe);
/* One element of affected[] of a CVE record as a statement of @source (kept as it is). authoritative is left false. */
RF_MUST_CHECK int advisory_read_affected(struct advisory_reader *r, struct json element, struct span source,
					 struct advisory *to, size_t *capacity);
/* True when @short_name, an assigner's, is the vendor of @product: "nvidia" of pkg:generic/nvidia/tensorrt. */
bool advisory_is_own_vendor(const struct product *product, struct span short_name);

int advisory_osv_sniff(struct json root);
int advisory_osv_parse(struct arena *a, struct json root, struct advisory_document *ret, struct err *err);
int advisory_csaf_sniff(struct json root);
int advisory_csaf_parse(struct arena *a, struct json root, struct advisory_document *ret, struct err *err);
int advisory_cve5_sniff(struct json root);
int advisory_cve5_parse(struct arena *a, struct json root, struct advisory_document *ret, struct err *err);
int advisory_openvex_sniff(struct json root);
int advisory_openvex_parse(struct arena *a, struct json root, struct advisory_document *ret, struct err *err);
int advisory_kev_sniff(struct json root);
int advisory_kev_parse(struct arena *a, struct json root, struct advisory_document *ret, struct err *err);
int advisory_kev_csv_sniff(struct span bytes);
int advisory_kev_csv_parse(struct arena *a, const struct advisory_reading *how, struct span bytes,
			   struct advisory_document *ret, struct err *err);
int advisory_epss_sniff(struct span bytes);
int advisory_epss_parse(struct arena *a, const struct advisory_reading *how, struct span bytes,
			struct advisory_document *ret, struct err *err);
int advisory_osv_yaml_sniff(struct span bytes);
int advisory_osv_yaml_parse(struct arena *a, const struct advisory_reading *how, struct span bytes,
			    struct advisory_document *ret, struct err *err);
int advisory_table_sniff(struct span bytes);
int advisory_table_parse(struct arena *a, const struct advisory_reading *how, struct span bytes,
			 struct advisory_document *ret, struct err *err);
int advisory_nvd_sniff(struct json root);
int advisory_nvd_parse(struct arena *a, struct json root, struct advisory_document *ret, struct err *err);

#endif
