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

static void link_to(const char *target, const char *name)
{
	assert_int_equal(symlink(target, at(name)), 0);
}

static void link_again(const char *target, const char *name)
{
	assert_int_equal(unlink(at(name)), 0);
	link_to(target, name);
}

static void link_to_judged(void)
{
	link_to("model.plan", "models/a/1/other.plan");
}

static void link_to_elsewhere(void)
{
	link_to("../../../evil/a/1/model.plan", "models/a/2/model.plan");
}

static void link_to_folder_elsewhere(void)
{
	link_to("../evil", "models/b");
}

static void link_to_folder_within(void)
{
	link_to("a", "models/b");
}

static void link_to_nothing(void)
{
	link_to("nothing", "models/b");
}

static void pipe_came(void)
{
	assert_int_equal(mkfifo(at("models/b"), 0644), 0);
}

static void pipe_became_file(void)
{
	assert_int_equal(unlink(at("models/pipe")), 0);
	put("models/pipe", "evil");
}

static void nothing_became_something(void)
{
	put("later/x", "evil");
}

static void nothing_became_folder(void)
{
	struct err err = ERR_INIT;
	assert_ok(fs_make_dirs(at("later/x"), 0755, &err), &err);
}

static void link_leads_elsewhere(void)
{
	link_again("../later/y", "models/gone");
}

static void folder_link_leads_elsewhere(void)
{
	link_again("../evil/a", "models/out");
}

static void folder_link_leads_out(void)
{
	link_again("../evil", "models/current");
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
		{ "a link to a judged file came", link_to_judged, RF_EDENIED },
		{ "a link to a file elsewhere came", link_to_elsewhere, RF_EDENIED },
		{ "a link to a folder elsewhere came", link_to_folder_elsewhere, RF_EDENIED },
		{ "a link to a folder that was judged came", link_to_folder_within, 0 },
		{ "a link to nothing came", link_to_nothing, RF_EDENIED },
		{ "a FIFO came", pipe_came, RF_EDENIED },
		{ "a FIFO became a file", pipe_became_file, RF_EDENIED },
		{ "what a link led to came, a file", nothing_became_something, RF_EDENIED },
		{ "what a link led to came, a folder", nothing_became_folder, RF_EDENIED },
		{ "a link to nothing leads to another", link_leads_elsewhere, RF_EDENIED },
		{ "a link to a folder elsewhere leads to another", folder_link_leads_elsewhere, RF_EDENIED },
		{ "a link to a folder that was judged leads out", folder_link_leads_out, RF_EDENIED },
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
		assert_ok(fs_make_dirs(at("later"), 0755, &err), &err);
		link_to("../later/x", "models/gone");
		link_to("../evil", "models/out");
		link_to("a", "models/current");
		assert_int_equal(mkfifo(at("models/pipe"), 0644), 0);
		struct scan_options o = { .threads = 1 };
		char root[FS_PATH_MAX];
		snprintf(root, sizeof root, "%s", at("models"));
		const char *const roots[] = { root };
		assert_ok(scan_files(roots, 1, &o, keep, &held, NULL, &err), &err);
		assert_int_equal(held.files.count, 1);
		assert_int_equal(held.unread.count, 3);
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
