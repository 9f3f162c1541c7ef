/*
 * sync_nvd - pages of NVD's API 2.0. The page is pure; private to advisory/.
 */
#ifndef REFORGE_ADVISORY_SYNC_NVD_H
#define REFORGE_ADVISORY_SYNC_NVD_H

#include "base/err.h"
#include "base/time.h"
#include "format/json.h"

/* NVD gives at most 2,000; another server may give fewer than asked, never more. */
#define NVD_MAX_PAGE 2000

struct nvd_page {
	int64_t start, per_page, total;    /* as stated */
	int64_t count;                     /* records that are there */
	usec_t stamp;                      /* the server's clock; USEC_NONE: not said */
	struct json records;               /* the array */
};
/* RF_EFORMAT: no page of the API (cut short, an error page, another format); a record without an id. */
RF_MUST_CHECK int nvd_page_read(struct json root, struct nvd_page *ret, struct err *err);
/* Id and lastModified of one record of the array; spans live as the document does. */
struct span nvd_record_id(struct json record);
struct span nvd_record_modified(struct json record);

/* Whether the page is what was asked for: at @start, @asked records or as many as it says. RF_ETRUNCATED: fewer or more records than
 * its own figures say; RF_ECONFLICT: another page. */
RF_MUST_CHECK int nvd_page_check(const struct nvd_page *p, int64_t start, int64_t asked, struct err *err);

#endif
