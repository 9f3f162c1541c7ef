/*
 * product - the one identity of a thing that has versions, and the names that others give it.
 *
 * Pure. May use base/ only. The rows come from products.tsv, the one data file, compiled in as a const table. A name is
 * matched whole, never by a fragment: "TensorRT-LLM" is not TensorRT. No match is NULL, and callers keep the raw name.
 */
#ifndef REFORGE_VERSION_PRODUCT_H
#define REFORGE_VERSION_PRODUCT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/str.h"
#include "version/platform.h"
#include "version/scheme.h"

/* Does a flaw in the product live on in what the product compiled (design, law 1)? */
enum engine_affecting { ENGINE_AFFECTING_UNKNOWN = 0, ENGINE_AFFECTING_YES, ENGINE_AFFECTING_NO };
const char *engine_affecting_name(enum engine_affecting e); /* "yes", "no", "unknown"; static */
bool engine_affecting_read(struct span text, enum engine_affecting *ret);

struct product {
	const char *purl; /* "pkg:generic/nvidia/tensorrt", canonical, without version */
	const char *name; /* for people: "NVIDIA TensorRT" */
	const char *scheme_name;
	enum engine_affecting engine_affecting; /* the default; operators decide per CVE */
	unsigned lines; /* bits 1 << enum platform_line: where its versions are numbered apart */
};

/* Alias kinds of products.tsv */
enum product_alias_kind {
	PRODUCT_ALIAS_PURL, /* "pkg:pypi/tensorrt-cu12" */
	PRODUCT_ALIAS_OSV,  /* "PyPI/tensorrt" */
	PRODUCT_ALIAS_CSAF, /* a vendor's product name: "NVIDIA TensorRT" */
	PRODUCT_ALIAS_CPE,  /* vendor and product of a CPE name: "nvidia:tensorrt" */
};

size_t product_count(void);
const struct product *product_at(size_t i);                   /* order of the data file */
const struct scheme *product_scheme(const struct product *p); /* never NULL for a product of the table */
/* @purl canonical or an alias, with or without "@version"; qualifiers and subpath do not count, nor does the namespace
 * of deb, rpm and apk (the distribution that packs). NULL: no such product. */
const struct product *product_by_purl(struct span purl);
/* The same for those who must not take want of memory for "no such product": NULL in @ret is an answer. RF_ENOMEM. */
RF_MUST_CHECK int product_find(struct span purl, const struct product **ret, struct err *err);
/* A vendor's product name; case, blanks at the ends and repeated blanks do not matter, everything else does. */
const struct product *product_by_csaf_name(struct span name);
/* OSV's ecosystem ("PyPI", "npm", "NuGet"; a suffix ":10" is ignored) and package name. */
const struct product *product_by_osv(struct span ecosystem, struct span name);
/* Vendor and product attributes of a CPE 2.3 name, escapes undone; case does not matter. */
const struct product *product_by_cpe(struct span vendor, struct span name);
/* A name as a vendor writes it (CVE JSON, CSAF), counted only with that vendor: the namespace of the product's purl,
 * alone or as the first word ("NVIDIA", "nvidia corporation"); "" and "n/a" are any vendor. NULL: no such product of
 * that vendor. */
const struct product *product_by_vendor_name(struct span vendor, struct span name);
/* The first alias of @kind in canonical form; SPAN_NONE when the product has none. Static storage. */
struct span product_alias(const struct product *p, enum product_alias_kind kind);
/* The next of them from *position on (0 at the start), which moves behind it; SPAN_NONE at the end. */
struct span product_alias_next(const struct product *p, enum product_alias_kind kind, size_t *position);
/* A product one of whose vendor names occurs in @name ("TensorRT OSS", "libnvinfer for TensorRT"): never an identity,
 * only a reason to have a person look at a name that no row has. NULL: none. */
const struct product *product_resembling(struct span name);
/* purl, an exact display name or a vendor's name: for what people type. */
const struct product *product_by_any(struct span text);

/* A package URL (purl-spec), parts decoded. */
struct purl {
	struct span type;       /* lower case */
	struct span namespace_; /* empty when none; parts joined by '/' */
	struct span name;
	struct span version;    /* empty when none */
	struct span qualifiers; /* raw, behind '?' */
	struct span subpath;    /* raw, behind '#' */
};
#define PURL_MAX_BYTES 1024
/* "pkg:type/ns/name@version?q#s". Spans live in @a. RF_EFORMAT with the offset and the rule; RF_ETOOBIG; RF_ENOMEM. */
RF_MUST_CHECK int purl_read(struct arena *a, struct span text, struct purl *ret, struct err *err);

/* The same for a URL in parts. */
const struct product *product_by_package(const struct purl *p);
/* Appends "pkg:type/namespace/name", parts percent-encoded as the specification's "How to build" says (npm's "@scope"
 * is %40scope), without version, qualifiers and subpath. @p's type is lower case, its name not empty. */
void purl_write(struct str *to, const struct purl *p);
/* Appends "@version", encoded; nothing for an empty one. */
void purl_write_version(struct str *to, struct span version);

/* product@version: what is judged once per advisory. */
struct component {
	const struct product *product; /* NULL: no row for it */
	struct span purl;              /* canonical when there is a product, as given (without version) else */
	struct span version;           /* empty: not known */
	enum platform_line line;       /* where it runs, if the product is numbered apart there; ANY: elsewhere, not known */
};
/* @c runs on @line. Of a product that is not numbered apart there, and of none, that makes no difference. */
void component_on(struct component *c, enum platform_line line);
/* The line is what the qualifiers platform, distro or os say. Reads "pkg:pypi/tensorrt@10.13.3.9", "pkg:generic/nvidia/tensorrt@10.14.2?platform=driveos". As purl_read(). */
RF_MUST_CHECK int component_read(struct arena *a, struct span text, struct component *ret, struct err *err);

#endif
