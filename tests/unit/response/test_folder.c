/* Folders of tasks at work: one a claim, so that a worker that lost its lease cannot touch its successor's. */
#include "response/job.h"

#include "testing.h"

#include <stdlib.h>

/* The queue numbers items, and claims of each item. */
static const struct work_item build = { .id = 9, .fence = 1 }, again = { .id = 9, .fence = 2 }, prove = { .id = 12, .fence = 1 };

static void each_claim_has_its_own(void **state)
{
	char work[] = "/tmp/reforge-test-folder-XXXXXX", first[FS_PATH_MAX], second[FS_PATH_MAX], third[FS_PATH_MAX], inside[FS_PATH_MAX + 8];
	struct err err = ERR_INIT;
	(void)state;
	assert_non_null(mkdtemp(work));
	assert_ok(job_folder(work, 7, &build, first, &err), &err);
	assert_ok(fs_make_dirs(first, 0700, &err), &err);
	assert_ok(job_folder(work, 7, &again, second, &err), &err);
	assert_string_not_equal(first, second);
	assert_false(fs_exists(first)); /* left by who is dead or overran */
	assert_ok(fs_make_dirs(second, 0700, &err), &err);

	/* the first one wakes up: it makes, wipes and removes its own */
	assert_ok(job_folder(work, 7, &build, first, &err), &err);
	assert_true(fs_is_dir(second));
	assert_ok(fs_make_dirs(first, 0700, &err), &err);
	assert_ok(job_folder_remove(first, &err), &err);
	assert_true(fs_is_dir(second));

	/* the item behind it has fences of its own, which are no older for being smaller */
	assert_ok(job_folder(work, 7, &prove, third, &err), &err);
	assert_false(fs_exists(second));
	assert_ok(fs_make_dirs(third, 0700, &err), &err);
	assert_ok(job_folder(work, 7, &again, second, &err), &err);
	assert_true(fs_is_dir(third));

	assert_ok(job_folder_remove(third, &err), &err);
	snprintf(inside, sizeof inside, "%s/task-7", work);
	assert_false(fs_exists(inside));
	assert_ok(fs_remove_tree(work, &err), &err);
}

/* "task-7" as earlier versions left it: files where folders of claims stand now. */
static void what_earlier_versions_left_goes(void **state)
{
	char work[] = "/tmp/reforge-test-folder-XXXXXX", folder[FS_PATH_MAX], old[FS_PATH_MAX];
	struct err err = ERR_INIT;
	(void)state;
	assert_non_null(mkdtemp(work));
	snprintf(old, sizeof old, "%s/task-7/out", work);
	assert_ok(fs_make_dirs(old, 0700, &err), &err);
	assert_ok(job_folder(work, 7, &build, folder, &err), &err);
	assert_false(fs_exists(old));
	assert_ok(fs_remove_tree(work, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_claim_has_its_own),
		cmocka_unit_test(what_earlier_versions_left_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
