/*
 * advisory_range - ranges and lists of texts as JSON, the form they are stored in. Private to advisory/.
 *
 * {"readable":true,"conservative":false,"rule":"A to B","intervals":[{"low":"1.0","high":"11.0","low_exclusive":true,
 *  "high_inclusive":true,"exact":true}],"scheme":"tensorrt","platform","branch","note","conflict"}; members that are
 * false or empty are left out, but the first two.
 */
#ifndef REFORGE_ADVISORY_ADVISORY_RANGE_H
#define REFORGE_ADVISORY_ADVISORY_RANGE_H

#include "base/str.h"
#include "format/json.h"
#include "version/range.h"

/* @r may be NULL: "null". */
void advisory_range_write(const struct range *r, struct str *to);
/* What advisory_range_write() wrote; everything is copied into @a. *ret is NULL for "null". RF_EFORMAT, RF_ENOMEM. */
RF_MUST_CHECK int advisory_range_read(struct arena *a, struct json_doc *doc, const struct scheme *scheme,
				      struct span text, struct range **ret, struct err *err);
/* ["11.0","1.2.3"] */
void advisory_texts_write(const struct span *texts, size_t n, struct str *to);
RF_MUST_CHECK int advisory_texts_read(struct arena *a, struct json_doc *doc, struct span text, struct span **ret,
				      size_t *ret_count, struct err *err);
/* [{"source","type","vector","score","rating"}] */
struct advisory_severity;
void advisory_severities_write(const struct advisory_severity *s, size_t n, struct str *to);
RF_MUST_CHECK int advisory_severities_read(struct arena *a, struct json_doc *doc, struct span text,
					   struct advisory_severity **ret, size_t *ret_count, struct err *err);

#endif
