/* CVSS: vectors with scores of FIRST's own examples; the published lists where they are at hand. */
#include "testing.h"

#include "corpus.h"

#include "advisory/cvss.h"
#include "base/arena.h"
#include "base/fs.h"

#include <math.h>

static void known_scores(void **state)
{
	(void)state;
	static const struct {
		const char *vector;
		double base, score;
	} cases[] = {
		{ "AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8, 7.8 },
		{ "(AV:N/AC:L/Au:N/C:C/I:C/A:C)", 10, 10 },
		{ "AV:L/AC:H/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C", 6.2, 4.9 },
		{ "AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:H", 7.8, 9.2 },
		{ "AV:N/AC:L/Au:N/C:N/I:N/A:N", 0, 0 },
		{ "CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1, 6.1 },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, 9.8 },
		{ "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 7.8, 7.8 },
		{ "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9, 9.9 },
		{ "CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0, 0 },
		/* 3.x vectors may come in any order (3.1, section 6) */
		{ "CVSS:3.1/S:U/AV:N/AC:L/PR:H/UI:N/C:L/I:L/A:N/E:F/RL:X", 3.8, 3.7 },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10, 10 },
		{ "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3, 7.3 },
		{ "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U", 7.7, 5.2 },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0, 0 },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct cvss v;
		struct err err = ERR_INIT;
		assert_ok(cvss_read(span_of(cases[i].vector), &v, &err), &err);
		if (fabs(v.base - cases[i].base) > 1e-9 || fabs(v.score - cases[i].score) > 1e-9)
			fail_msg("%s: base %.1f, score %.1f", cases[i].vector, v.base, v.score);
	}
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *vector;
		int rc;
	} cases[] = {
		{ "", RF_EFORMAT },
		{ "CVSS:3.1", RF_EUNSUPPORTED },
		{ "CVSS:3.3/AV:N", RF_EUNSUPPORTED },
		{ "CVSS:2.0/AV:N/AC:L/Au:N/C:N/I:N/A:C", RF_EUNSUPPORTED },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", RF_EFORMAT },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/", RF_EFORMAT },
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/AV:N", RF_EFORMAT },
		{ "CVSS:3.1/AV:Q/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", RF_EFORMAT },
		{ "CVSS:3.1/av:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", RF_EFORMAT },
		{ "CVSS:4.0///////", RF_EFORMAT },
		{ "CVSS:4.0/AC:L/AV:N/AT:N/PR:H/UI:N/VC:L/VI:L/VA:N/SC:N/SI:N/SA:N", RF_EFORMAT },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:H/UI:N/VC:L/VI:L/VA:N/SC:N/SI:S/SA:N", RF_EFORMAT },
		{ "AV:A/AC:L/Au:N/A:C/I:C/C:C", RF_EFORMAT },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct cvss v;
		struct err err = ERR_INIT;
		if (cvss_read(span_of(cases[i].vector), &v, &err) != cases[i].rc)
			fail_msg("%s: %s", cases[i].vector, rf_error_name(err.code));
		assert_true(err.text[0] != '\0');
	}
}

/* Every 3.1 vector of the base group has a score between 0 and 10, on a tenth, that agrees with its neighbours' order.
 */
static void all_of_v31(void **state)
{
	(void)state;
	static const char *const cia[] = { "H", "L", "N" };
	for (int i = 0; i < 4 * 2 * 3 * 2 * 2 * 27; i++) {
		char text[64];
		struct cvss v;
		int k = i / 96;
		snprintf(text, sizeof text, "CVSS:3.1/AV:%c/AC:%c/PR:%c/UI:%c/S:%c/C:%s/I:%s/A:%s", "NALP"[i % 4],
			 "LH"[i / 4 % 2], "NLH"[i / 8 % 3], "NR"[i / 24 % 2], "UC"[i / 48 % 2], cia[k % 3],
			 cia[k / 3 % 3], cia[k / 9]);
		assert_int_equal(cvss_read(span_of(text), &v, NULL), 0);
		assert_true(v.base >= 0 && v.base <= 10);
		assert_true(fabs(v.base * 10 - round(v.base * 10)) < 1e-9);
		assert_true(k != 26 || v.base == 0);
	}
}

static char folder[256];

static void read_list(const char *name, bool errors, size_t *count)
{
	char path[512];
	struct err err = ERR_INIT;
	RF_AUTO(str) bytes = STR_INIT(MIB);
	snprintf(path, sizeof path, "%s/format-samples/cvss/toolkit/types/cvss/testdata/%s", folder, name);
	assert_ok(fs_read(path, &bytes, &err), &err);
	struct span rest = str_span(&bytes), line;
	while (span_line(&rest, &line)) {
		bool ok = !errors || span_ends(span_trim(line), "#OK");
		size_t comment = span_find_byte(line, '#');
		line = span_trim(span_sub(line, 0, comment));
		if (!line.n)
			continue;
		size_t blank = span_find_byte(line, ' ');
		struct span vector = span_sub(line, 0, blank);
		struct cvss v;
		int rc = cvss_read(vector, &v, NULL);
		/* a list of errors is of one version: another's vector is one */
		if (!rc && errors &&
		    (name[1] == '2' ? v.version != CVSS_V2 : (name[1] == '4') != (v.version == CVSS_V4_0)))
			rc = RF_EUNSUPPORTED;
		if (ok != !rc)
			fail_msg("%s: %.*s: %s", name, SPAN_ARG(vector), rf_error_name(rc));
		double score;
		if (!errors && blank != SIZE_MAX) {
			assert_true(span_double(span_trim(span_from(line, blank)), &score));
			if (fabs(v.score - score) > 1e-9)
				fail_msg("%s: %.*s: %.1f, not %.1f", name, SPAN_ARG(vector), v.score, score);
		}
		(*count)++;
	}
}

static void published_lists(void **state)
{
	(void)state;
	static const char *const lists[] = { "v2_score.list",    "v30_score.list",    "v31_score.list",
					     "v4_score.list",    "v2_roundtrip.list", "v3_roundtrip.list",
					     "v4_roundtrip.list" };
	static const char *const errors[] = { "v2_error.list", "v3_error.list", "v4_error.list" };
	size_t count = 0;
	if (!testing_shared_data())
		skip();
	char command[1024];
	struct err err = ERR_INIT;
	assert_ok(fs_temporary_dir("reforge-cvss", folder, sizeof folder, &err), &err);
	snprintf(command, sizeof command, "%s/advisories/format-samples.tar.xz", testing_shared_data());
	assert_int_equal(testing_unpack(command, folder), 0);
	for (size_t i = 0; i < RF_COUNT(lists); i++)
		read_list(lists[i], false, &count);
	for (size_t i = 0; i < RF_COUNT(errors); i++)
		read_list(errors[i], true, &count);
	print_message("%zu vectors\n", count);
	assert_true(count > 150);
	assert_ok(fs_remove_tree(folder, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_scores),
		cmocka_unit_test(refused),
		cmocka_unit_test(all_of_v31),
		cmocka_unit_test(published_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
