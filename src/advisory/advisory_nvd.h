/*
 * advisory_nvd - a page of NVD's API cut into its records, so that each can be kept as the document of one CVE.
 *
 * Pure. A page is how the API answers, not what it says: the next fill has other pages with the same records.
 */
#ifndef REFORGE_ADVISORY_ADVISORY_NVD_H
#define REFORGE_ADVISORY_ADVISORY_NVD_H

#include "base/str.h"
#include "format/json.h"

/* Calls @visit with each record of the page as JSON that the "nvd" format reads by itself, in @buffer until the next; a
 * non-zero answer ends and is returned. RF_EFORMAT with the field for a record without an id; RF_ETOOBIG when one
 * exceeds @buffer. */
RF_MUST_CHECK int advisory_nvd_each(struct json root, struct str *buffer,
				    int (*visit)(struct span id, struct span record, void *data), void *data,
				    struct err *err);

#endif
