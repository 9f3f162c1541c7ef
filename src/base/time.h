/*
 * time - moments and spans of time.
 *
 * A moment is int64 microseconds since 1970-01-01T00:00:00 UTC (usec_t); the database holds the same. A
 * monotonic reading (mono_t) measures durations only. No local time zone anywhere: rendering for people adds Z.
 */
#ifndef REFORGE_BASE_TIME_H
#define REFORGE_BASE_TIME_H

#include "base/err.h"
#include "base/span.h"

typedef int64_t usec_t;
typedef int64_t mono_t;      /* microseconds */
#define USEC_PER_MS ((usec_t)1000)
#define USEC_PER_SEC ((usec_t)1000000)
#define USEC_PER_MIN (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MIN)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)
#define USEC_NONE INT64_MIN  /* "no such moment"; NULL in the database */

usec_t now_usec(void);
mono_t mono_usec(void);

#define TIME_TEXT_BYTES 96   /* gcc counts what int64 could be, not what a year is */
/* "2026-07-14T09:30:00Z" (seconds), or with six decimals; "-" for USEC_NONE. Returns @buffer. */
const char *time_text(usec_t t, char buffer[TIME_TEXT_BYTES]);
const char *time_text_usec(usec_t t, char buffer[TIME_TEXT_BYTES]);
/* "2026-07-14" */
const char *time_text_date(usec_t t, char buffer[TIME_TEXT_BYTES]);
/* RFC 3339 date-time with Z or an offset, 0 to 9 decimals; "YYYY-MM-DDThh:mm:ss" without zone is UTC (NVD);
 * "YYYY-MM-DD" is that day's start and sets *ret_date_only. @ret_date_only may be NULL. RF_EFORMAT. */
RF_MUST_CHECK int time_read(struct span text, usec_t *ret, bool *ret_date_only, struct err *err);
/* For people: "12.3 s", "4 min 10 s", "3 h 05 min", "2 d 04 h", "850 ms". Returns @buffer. */
const char *duration_text(int64_t usec, char buffer[TIME_TEXT_BYTES]);
/* "30m", "4h", "90s", "250ms", "2d", "1h30m". RF_EFORMAT; RF_ETOOBIG past 10 years. */
RF_MUST_CHECK int duration_read(struct span text, int64_t *ret_usec, struct err *err);
/* "4GiB", "512MiB", "64K", "1000": binary units. */
RF_MUST_CHECK int bytes_read(struct span text, uint64_t *ret, struct err *err);

#endif
