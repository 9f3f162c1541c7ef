/* check_held: what was judged must be what the command finds */
#include "testing.h"

#include "cli/check_held.h"

#include "base/fs.h"

#include <fcntl.h>
#include <unistd.h>

static char folder[FS_PATH_MAX];

static const char *at(const char *name)
{
	static char paths[4][FS_PATH_MAX];
	static unsigned turn;
	struct err err = ERR_INIT;
	char *path = paths[turn++ % 4];
	assert_ok(fs_join(path, FS_PATH_MAX, folder, name, &err), &err);
	return path;
}

static void put(const char *name, const char *text)
{
	struct err err = ERR_INIT;
	assert_ok(fs_write_atomic(at(name), span_of(text), 0644, &err), &err);
}

static int keep(const struct scan_file *f, void *data)
{
	struct err err = ERR_INIT;
	assert_ok(check_held_add(data, f, &err), &err);
	return 0;
}

static void nothing(void)
{
}

static void written_in_place(void)
{
	int fd = open(at("models/a/1/model.plan"), O_WRONLY);
	assert_int_equal(write(fd, "X", 1), 1);
	close(fd);
}

static void written_and_dated_back(void)
{
	struct stat st;
	assert_int_equal(stat(at("models/a/1/model.plan"), &st), 0);
	written_in_place();
	struct timespec times[] = { st.st_atim, st.st_mtim };
	assert_int_equal(utimensat(AT_FDCWD, at("models/a/1/model.plan"), times, 0), 0);
}

static void another_in_its_place(void)
{
	put("models/a/1/model.plan", "evil");
}

static void taken_away(void)
{
	assert_int_equal(unlink(at("models/a/1/model.plan")), 0);
}

static void another_beside_it(void)
{
	put("models/a/2/model.plan", "evil");
}

static void folder_swapped(void)
{
	assert_int_equal(rename(at("models"), at("old")), 0);
	assert_int_equal(rename(at("evil"), at("models")), 0);
}

static void changes(void **state)
{
	static const struct {
		const char *name;
		void (*change)(void);
		int rc;
	} rows[] = {
		{ "nothing", nothing, 0 },
		{ "written in place", written_in_place, RF_EDENIED },
		{ "written in place, mtime set back", written_and_dated_back, RF_EDENIED },
		{ "renamed over", another_in_its_place, RF_EDENIED },
		{ "taken away", taken_away, RF_EDENIED },
		{ "another came", another_beside_it, RF_EDENIED },
		{ "the folder is another", folder_swapped, RF_EDENIED },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct err err = ERR_INIT;
		struct check_held held = CHECK_HELD_INIT;
		assert_ok(fs_temporary_dir("reforge-held", folder, sizeof folder, &err), &err);
		assert_ok(fs_make_dirs(at("models/a/1"), 0755, &err), &err);
		assert_ok(fs_make_dirs(at("models/a/2"), 0755, &err), &err);
		assert_ok(fs_make_dirs(at("evil/a/1"), 0755, &err), &err);
		put("models/a/1/model.plan", "good");
		put("evil/a/1/model.plan", "evil");
		struct scan_options o = { .threads = 1 };
		char root[FS_PATH_MAX];
		snprintf(root, sizeof root, "%s", at("models"));
		const char *const roots[] = { root };
		assert_ok(scan_files(roots, 1, &o, keep, &held, NULL, &err), &err);
		assert_int_equal(held.files.count, 1);
		usleep(20000); /* a clock's tick: ctime moves in jiffies */
		rows[i].change();
		int rc = check_held_verify(&held, &err);
		if (rc != rows[i].rc)
			fail_msg("%s: %d %s", rows[i].name, rc, err.text);
		check_held_release(&held);
		assert_ok(fs_remove_tree(folder, &err), &err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(changes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
