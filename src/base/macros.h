/*
 * macros - compiler attributes and the list of functions that do not compile here.
 *
 * Included by every header of base/. Knows nothing of the field.
 */
#ifndef REFORGE_BASE_MACROS_H
#define REFORGE_BASE_MACROS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RF_MUST_CHECK __attribute__((warn_unused_result))
#define RF_PRINTF(string, first) __attribute__((format(printf, string, first)))
#define RF_UNUSED __attribute__((unused))

/* Releases a local when it goes out of scope: RF_AUTO(str) s = STR_INIT(64 * 1024);
 * Calls NAME_release(struct NAME *), which takes a zeroed or half-built object. Never together with goto. */
#define RF_AUTO(name) __attribute__((cleanup(name##_release))) struct name
/* The same for a pointer to an opaque object: RF_AUTO_PTR(database) db = NULL; calls NAME_freep(struct NAME **). */
#define RF_AUTO_PTR(name) __attribute__((cleanup(name##_freep))) struct name *

#define RF_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RF_MIN(a, b) ((a) < (b) ? (a) : (b))
#define RF_MAX(a, b) ((a) > (b) ? (a) : (b))

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* Functions that have hurt others: unbounded copies, locale- or time-zone-dependent or not re-entrant, a shell.
 * base/ offers a replacement for each (str.h, span.h, time.h, ../process). C only. atol is missing: it is the name of a
 * tolerance in every recipe. */
#ifndef __cplusplus
/* clang with fortified headers has these two as macros */
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok strtok_r atoi atoll atof gmtime \
	localtime ctime asctime system popen rand srand tmpnam mktemp gets
#endif

#endif
