/*
 * advisory - one published vulnerability record, as one document of one source states it.
 *
 * Pure. May use base, format, version. Parsers turn bytes into struct advisory_document and nobody past them sees JSON.
 * Everything lives in the arena given; spans do too (the bytes may be freed).
 *
 *   bytes ──advisory_parse()──► document ──► advisories[] ──► statements[] {source words, range, rule}
 *
 * A feed format is a file advisory_NAME.c and a row of ADVISORY_FORMATS. What a parser cannot read becomes a statement
 * to review, with its words; it is never dropped and never "not affected" (design, law 2).
 */
#ifndef REFORGE_ADVISORY_ADVISORY_H
#define REFORGE_ADVISORY_ADVISORY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/time.h"
#include "format/json.h"
#include "version/product.h"
#include "version/range.h"

/* Largest document: a CISA bulletin has 4.3 MB, OSV's largest record 9 MB. */
#define ADVISORY_MAX_BYTES (32 * MIB)
/* CVEs in one document: the January 2024 kernel-sized bulletins of CISA name 900. */
#define ADVISORY_MAX_RECORDS 2048
/* Statements of one advisory in one document; products x platforms. */
#define ADVISORY_MAX_STATEMENTS 8192
#define ADVISORY_MAX_ALIASES 64
#define ADVISORY_MAX_SEVERITIES 16
#define ADVISORY_MAX_ID 128
/* Arena that holds any document within the limits above. */
#define ADVISORY_ARENA_BYTES (256 * MIB)

/* REJECTED: the numbering authority says the id describes nothing. WITHDRAWN: its publisher took it back. Neither is a
 * vulnerability (design, law 7). */
enum advisory_state { ADVISORY_PUBLISHED = 0, ADVISORY_WITHDRAWN, ADVISORY_REJECTED };
const char *advisory_state_name(enum advisory_state s); /* "published", ...; static */
bool advisory_state_read(struct span name, enum advisory_state *ret);

/* Traffic light protocol, ascending; documents without a mark are TLP_CLEAR when public feeds carry them. */
enum tlp { TLP_CLEAR = 0, TLP_GREEN, TLP_AMBER, TLP_AMBER_STRICT, TLP_RED };
const char *tlp_name(enum tlp t);               /* "TLP:CLEAR" */
bool tlp_read(struct span text, enum tlp *ret); /* with or without "TLP:"; WHITE is CLEAR */

struct advisory_severity {
	struct span source; /* "nvidia", "osv" */
	struct span type;   /* "CVSS_V3" */
	struct span vector; /* "CVSS:3.1/AV:L/..." as given */
	double score;       /* as stated; -1 when not */
	struct span rating; /* "HIGH"; empty when not */
};

enum statement_status { STATEMENT_AFFECTED = 0, STATEMENT_NOT_AFFECTED };

/* What one source says about one product on one platform. */
struct advisory_statement {
	struct span source; /* publisher: "NVIDIA Product Security", "OSV" */
	bool authoritative; /* the product's own vendor, or the site's own record */
	enum statement_status status;
	const struct product *product; /* NULL: no row; then @product_name alone */
	struct span product_name;      /* as the source writes it */
	struct span platform;          /* scope as the source writes it; empty: all. "Linux(R535)", "DALI Backend" */
	struct span affected_text;     /* the source's words or its events rendered: "introduced 0, fixed 1.21.0" */
	struct span fixed_text;
	struct range *range; /* NULL when there is no product to give a scheme */
	struct span *fixed;  /* versions named as fixed */
	size_t fixed_count;
	struct span rule; /* which rule read it; or why it was not read */
	bool review;      /* a person must look: unread range, no product row, a qualifier in the words */
};

struct advisory {
	struct span id;        /* "CVE-2026-24268", "DRILL-2026-001" */
	struct span record_id; /* the source's own: "5855", "GO-2024-3239" */
	struct span *aliases;  /* without id */
	size_t alias_count;
	struct span title, summary; /* plain text: HTML of vendors is stripped */
	struct span url;            /* a page for people, may be empty */
	enum advisory_state state;
	struct span state_reason; /* "Not used" */
	struct span assigner;     /* who gave the id: "fortinet"; empty when the source does not say */
	bool is_drill;            /* id begins with DRILL- */
	enum tlp tlp;
	usec_t published;        /* USEC_NONE when not given */
	bool published_has_time; /* a time of day; midnight UTC sharp is a date: NVIDIA writes it so */
	usec_t modified;
	struct advisory_severity *severities;
	size_t severity_count;
	struct span cwe; /* "CWE-122", first one */
	struct advisory_statement *statements;
	size_t statement_count;
};

struct advisory_document {
	const struct advisory_format *format;
	struct span id; /* unique within its publisher: "5855" */
	struct span publisher;
	struct span title;
	struct advisory *advisories;
	size_t count;
	struct span *warnings; /* irregularities that were read around, for people */
	size_t warning_count;
};

struct advisory_format {
	const char *name; /* "osv", "csaf" */
	const char *help;
	/* 0..100: how sure the row is that the document is its format. */
	int (*sniff)(struct json root);
	/* Copies what it keeps into @a: the JSON is gone after. */
	int (*parse)(struct arena *a, struct json root, struct advisory_document *ret, struct err *err);
};
/* Ends with a row whose name is NULL. */
extern const struct advisory_format ADVISORY_FORMATS[];
const struct advisory_format *advisory_format_find(struct span name);

/* Reads one document; @format NULL: the row that is surest. RF_EFORMAT with field; RF_EUNSUPPORTED when no row knows
 * it; RF_ETOOBIG, RF_ETOOMANY, RF_ENOMEM. Never partial: one bad record refuses the document. */
RF_MUST_CHECK int advisory_parse(struct arena *a, const struct advisory_format *format, struct span bytes,
				 struct advisory_document *ret, struct err *err);

/* "CVE-2026-24268": CVE-, year, 4 to 19 digits, upper case. */
bool advisory_is_cve(struct span id);

#endif
