/*
 * cpe - Common Platform Enumeration names: the 2.3 formatted string (NISTIR 7695, 6.2) and the 2.2 URI, as input only:
 * no product of ours is identified by one (design: purl).
 *
 * Pure. May use base/ only. Never allocates: attributes are parts of the text, still escaped.
 */
#ifndef REFORGE_VERSION_CPE_H
#define REFORGE_VERSION_CPE_H

#include "base/err.h"
#include "base/span.h"
#include "version/product.h"

/* The longest in 97,775 criteria has 160 bytes. */
#define CPE_MAX_BYTES 1024

enum cpe_attribute {
	CPE_PART,
	CPE_VENDOR,
	CPE_PRODUCT,
	CPE_VERSION,
	CPE_UPDATE,
	CPE_EDITION,
	CPE_LANGUAGE,
	CPE_SW_EDITION,
	CPE_TARGET_SW,
	CPE_TARGET_HW,
	CPE_OTHER,
	CPE_ATTRIBUTES
};

/* An attribute is "*" (ANY: also what a URI leaves out), "-" (NA), or a value, escaped with backslashes. */
struct cpe {
	struct span at[CPE_ATTRIBUTES];
};

/* "cpe:2.3:a:nvidia:tensorrt:10.16.1:*:*:*:*:*:*:*" or "cpe:/a:nvidia:tensorrt:10.16.1". RF_EFORMAT: other prefix, not
 * eleven attributes, an empty one, a part that is not a, h, o, * or -; RF_ETOOBIG. */
RF_MUST_CHECK int cpe_read(struct span text, struct cpe *ret, struct err *err);
bool cpe_is_any(struct span value);
bool cpe_is_na(struct span value);
/* The value without backslashes, at most @size - 1 bytes into @buffer, terminated; the part that fits. */
struct span cpe_plain(struct span value, char *buffer, size_t size);

/* True when @pattern's attribute covers @value: ANY covers all, wildcards * and ? at the ends cover runs and single
 * characters, letters know no case (NISTIR 7696, 6.3). */
bool cpe_covers(struct span pattern, struct span value);
/* Name match: every attribute of @pattern covers that of @name. */
bool cpe_matches(const struct cpe *pattern, const struct cpe *name);

/* The product that a CPE name means, its version aside; NULL for none, and for text that is no CPE. */
const struct product *cpe_product(const struct cpe *cpe);

#endif
