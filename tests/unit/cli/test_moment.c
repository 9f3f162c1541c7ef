/* moment: past moments as people say them */
#include "testing.h"

#include "cli/moment.h"

#define NOW ((usec_t)1784000000 * USEC_PER_SEC) /* 2026-07-14T03:33:20Z */

static void moments(void **state)
{
	static const struct {
		const char *text;
		int rc;
		int64_t seconds; /* since 1970 */
	} rows[] = {
		{ "2026-07-14", 0, 1783987200 },
		{ "2026-07-13T12:00:00Z", 0, 1783944000 },
		{ "2026-07-13T14:00:00+02:00", 0, 1783944000 },
		{ "3d", 0, 1784000000 - 3 * 86400 },
		{ "1h30m", 0, 1784000000 - 5400 },
		{ "0s", 0, 1784000000 },
		{ "2026-07-15", RF_EUSAGE, 0 },
		{ "2027-01-01T00:00:00Z", RF_EUSAGE, 0 },
		{ "1969-12-31", RF_EUSAGE, 0 },
		{ "yesterday", RF_EUSAGE, 0 },
		{ "3", RF_EUSAGE, 0 },
		{ "", RF_EUSAGE, 0 },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct err err = ERR_INIT;
		usec_t at = 0;
		int rc = moment_read(span_of(rows[i].text), NOW, &at, &err);
		if (rc != rows[i].rc || (rc == 0 && at != rows[i].seconds * USEC_PER_SEC))
			fail_msg("%s: %d, %lld", rows[i].text, rc, (long long)(at / USEC_PER_SEC));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(moments) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
