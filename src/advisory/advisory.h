/*
 * advisory - one published vulnerability record, as one document of one source states it.
 *
 * Pure. May use base, format, version. Parsers turn bytes into struct advisory_document and nobody past them sees JSON.
 * Everything lives in the arena given; spans do too (the bytes may be freed).
 *
 *   bytes ──advisory_read()──► document ──┬─► advisories[] ──► statements[] {source words, range, rule}
 *                                         └─► signals[] (KEV, EPSS, SSVC): what is known about a CVE's use, no
 * statement
 *
 * A feed format is a file advisory_NAME.c and a row of ADVISORY_FORMATS: JSON, or bytes of its own (CSV, YAML).
 * Archives and compressed files are unpacked first (format/archive.h). What a parser cannot read becomes a statement to
 * review, with its words; it is never dropped and never "not affected" (design, law 2).
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
/* CVEs in one document: a page of NVD has 2,000, a CISA bulletin 900, a national database's table tens of thousands. */
#define ADVISORY_MAX_RECORDS 65536
/* Signals of one document: EPSS scores every CVE there is, 300,000 in 2026. */
#define ADVISORY_MAX_SIGNALS 1000000
/* Statements of one advisory in one document; products x platforms. */
#define ADVISORY_MAX_STATEMENTS 8192
#define ADVISORY_MAX_ALIASES 64
/* Scores of one record: versions x publishers; 12 is the most in 44,130 CVE records. */
#define ADVISORY_MAX_SEVERITIES 64
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
	struct span source; /* who scored: "NVIDIA", "nvd@nist.gov", "OSV/GHSA" */
	struct span type;   /* "CVSS_V2", "CVSS_V3", "CVSS_V4", as OSV names them; else the source's word */
	struct span vector; /* "CVSS:3.1/AV:L/..." as given */
	double score;       /* as stated; -1 when not */
	double computed;    /* what the vector gives (cvss.h): its base score, or the whole vector's where that is
			     * what is stated; -1 when there is none or it is no vector */
	struct span rating; /* "HIGH"; empty when not */
};
/* The score to go by: what the vector gives, else what is stated; -1 for none. */
double advisory_severity_score(const struct advisory_severity *s);
/* True when the stated score is not the one that the vector gives: one of NVIDIA's 658 does that. */
bool advisory_severity_disagrees(const struct advisory_severity *s);

enum statement_status { STATEMENT_AFFECTED = 0, STATEMENT_NOT_AFFECTED };

/* What one source says about one product on one platform. */
struct advisory_statement {
	struct span source; /* publisher: "NVIDIA Product Security", "OSV" */
	bool authoritative; /* the product's own vendor, or the site's own record */
	enum statement_status status;
	const struct product *product; /* NULL: no row; then @product_name alone */
	struct span product_name;      /* as the source writes it */
	struct span purl;     /* package URL as the source gives it, perhaps with a version; empty when it gives none */
	struct span platform; /* scope as the source writes it; empty: all. "Linux(R535)", "DALI Backend" */
	struct span affected_text; /* the source's words or its events rendered: "introduced 0, fixed 1.21.0" */
	struct span fixed_text;
	struct range *range; /* NULL when there is no product to give a scheme */
	struct span *fixed;  /* versions named as fixed */
	size_t fixed_count;
	struct span rule;          /* which rule read it; or why it was not read */
	struct span contradiction; /* not empty: the source contradicts itself here ("version says up to v10.16.1,
				    * lessThanOrEqual says v1.3.0 rc14"); the range is the one that is safe to believe,
				    * and review is set */
	struct span justification; /* why not affected, VEX: "vulnerable_code_not_present"; the flag's or the threat's
				      words */
	usec_t stated;             /* when it was said, of formats that date each statement (OpenVEX); else 0 */
	struct span remedy;        /* what the source advises: "vendor_fix: Update to V3.1"; empty when nothing */
	bool review; /* a person must look: a range that was not read or read cautiously, or a name that no
		      * row has and that resembles one */
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
	bool published_has_time; /* a time of day, not only a date (midnight UTC sharp is a date: NVIDIA writes it so)
				  */
	usec_t modified;
	struct advisory_severity *severities;
	size_t severity_count;
	struct span cwe; /* "CWE-122", first one */
	struct advisory_statement *statements;
	size_t statement_count;
};

/* What is known about how a CVE is used. Says nothing about products. */
enum advisory_signal_kind { SIGNAL_KEV = 0, SIGNAL_EPSS, SIGNAL_SSVC };
const char *advisory_signal_name(enum advisory_signal_kind k); /* "kev", "epss", "ssvc"; static */

/* SSVC's decision points as CISA's coordinators give them (SSVC 2.0.3). UNKNOWN: not given. */
enum ssvc_exploitation {
	SSVC_EXPLOITATION_UNKNOWN = 0,
	SSVC_EXPLOITATION_NONE,
	SSVC_EXPLOITATION_POC,
	SSVC_EXPLOITATION_ACTIVE
};
enum ssvc_automatable { SSVC_AUTOMATABLE_UNKNOWN = 0, SSVC_AUTOMATABLE_NO, SSVC_AUTOMATABLE_YES };
enum ssvc_impact { SSVC_IMPACT_UNKNOWN = 0, SSVC_IMPACT_PARTIAL, SSVC_IMPACT_TOTAL };
const char *ssvc_exploitation_name(enum ssvc_exploitation e); /* "none", "poc", "active"; "unknown" */
const char *ssvc_automatable_name(enum ssvc_automatable a);   /* "no", "yes"; "unknown" */
const char *ssvc_impact_name(enum ssvc_impact i);             /* "partial", "total"; "unknown" */

struct advisory_signal {
	struct span cve;
	struct span source; /* "CISA KEV", "FIRST EPSS", "CISA-ADP" */
	enum advisory_signal_kind kind;
	usec_t date; /* KEV: added; EPSS: of the scores; SSVC: of the judgement. USEC_NONE when not given */
	union {
		struct {
			usec_t due;         /* USEC_NONE when not given */
			bool ransomware;    /* known to be used by it */
			struct span name;   /* "Git Link Following Vulnerability"; may be empty */
			struct span action; /* what the list requires; may be empty */
		} kev;
		struct {
			double score;      /* probability of exploitation within 30 days, 0..1 */
			double percentile; /* 0..1; -1 when not given */
		} epss;
		struct {
			enum ssvc_exploitation exploitation;
			enum ssvc_automatable automatable;
			enum ssvc_impact impact;
		} ssvc;
	};
};

/* Where a page stands in its whole (NVD API 2.0). */
struct advisory_page {
	bool present;
	uint64_t start_index, results_per_page, total_results;
	usec_t timestamp;
};

struct advisory_document {
	const struct advisory_format *format;
	struct span id; /* unique within its publisher: "5855" */
	struct span publisher;
	struct span title;
	struct advisory *advisories;
	size_t count;
	usec_t modified; /* the document's own date (KEV, EPSS, OpenVEX); USEC_NONE when it has none of its own */
	struct advisory_signal *signals;
	size_t signal_count;
	struct advisory_page page;
	struct span *warnings; /* irregularities that were read around, for people */
	size_t warning_count;
};

/* Which column of a table says what (advisory_table.c): header words; NULL: the table has no such column, or one of our
 * own name ("id", "title", ...). Compared without case and blanks at the ends. */
struct advisory_mapping {
	const char *id;      /* the only one that must be there: CVE, CNVD, CNNVD, the bulletin's number */
	const char *aliases; /* other ids, separated by blanks, commas or semicolons */
	const char *title, *summary, *url, *severity, *vector, *cwe;
	const char *vendor, *product, *purl, *platform;
	const char *affected; /* vendor's words, read as prose */
	const char *fixed;
	const char *published, *modified;
	const char *state;     /* "published", "withdrawn", "rejected" */
	const char *tlp;       /* a column; the mark of rows that leave it empty is the strictest given otherwise */
	char delimiter;        /* 0: the one of , ; tab | that the header has most of */
	const char *publisher; /* who wrote the table; NULL: "table" */
	bool authoritative;    /* the site's own record, or the product's vendor */
};

/* How to read one document; zeroed: everything from the content. */
struct advisory_reading {
	struct json_doc *json; /* reused from call to call, saves its buffers; NULL: one is made for the call */
	const struct advisory_format *format;   /* NULL: the row that is surest */
	const struct advisory_mapping *mapping; /* of a table; NULL: its columns have our names */
	enum tlp tlp;                           /* of the feed: no record leaves with a looser mark than this */
};

struct advisory_format {
	const char *name; /* "osv", "csaf" */
	const char *help;
	/* A JSON format has these two. 0..100: how sure the row is that the document is its format. */
	int (*sniff)(struct json root);
	/* Copies what it keeps into @a: the JSON is gone after. */
	int (*parse)(struct arena *a, struct json root, struct advisory_document *ret, struct err *err);
	/* Any other format has these two; @bytes may be gone after too. */
	int (*sniff_bytes)(struct span bytes);
	int (*parse_bytes)(struct arena *a, const struct advisory_reading *how, struct span bytes,
			   struct advisory_document *ret, struct err *err);
};
/* Ends with a row whose name is NULL. */
extern const struct advisory_format ADVISORY_FORMATS[];
const struct advisory_format *advisory_format_find(struct span name);

/* Reads one document. RF_EFORMAT with field or line; RF_EUNSUPPORTED when no row knows it; RF_ETOOBIG, RF_ETOOMANY,
 * RF_ENOMEM. Never partial: one bad record refuses the document. @how may be NULL. */
RF_MUST_CHECK int advisory_read(struct arena *a, const struct advisory_reading *how, struct span bytes,
				struct advisory_document *ret, struct err *err);
/* The same with nothing but a format (NULL: told from the content). */
RF_MUST_CHECK int advisory_parse(struct arena *a, const struct advisory_format *format, struct span bytes,
				 struct advisory_document *ret, struct err *err);

/* "CVE-2026-24268": CVE-, year, 4 to 19 digits, upper case. */
bool advisory_is_cve(struct span id);

#endif
