/* What every unit test needs: cmocka, and the place of the data that belongs to others. */
#ifndef REFORGE_TESTING_H
#define REFORGE_TESTING_H

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* rc must be 0; else prints the error and fails */
#define assert_ok(rc, err)                                                        \
	do {                                                                      \
		int rc_ = (rc);                                                   \
		if (rc_ != 0) {                                                   \
			char text_[2048];                                         \
			fail_msg("%s: %s", rf_error_name(rc_), err_render((err), text_, sizeof text_)); \
		}                                                                 \
	} while (0)

/* Folder of the real data (../shared beside the clone, or $REFORGE_DATA); NULL when absent: the test says skip(). */
static inline const char *testing_shared_data(void)
{
	const char *given = getenv("REFORGE_DATA");
	if (given)
		return given;
	static const char *const candidates[] = { "../shared/data", "../../shared/data" };
	for (size_t i = 0; i < 2; i++) {
		FILE *f = fopen(i ? "../../shared/data/engines/expected.csv" : "../shared/data/engines/expected.csv", "r");
		if (f) {
			fclose(f);
			return candidates[i];
		}
	}
	return NULL;
}

#endif
