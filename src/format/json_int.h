/* Inside of json: what the C++ reader asks of the C part. */
#ifndef REFORGE_FORMAT_JSON_INT_H
#define REFORGE_FORMAT_JSON_INT_H

#include "base/err.h"
#include "base/span.h"

/* Sets RF_EFORMAT for JSON that simdjson refused with @words, and finds the place, which simdjson's DOM does not tell:
 * offset and line of the first byte that RFC 8259 does not allow there. Never 0. */
RF_MUST_CHECK int json_fail(struct span bytes, const char *words, struct err *err);

#endif
