/* fs: bounded reads, atomic writes, walks through hostile trees */
#include "testing.h"

#include "base/fs.h"

#include <fcntl.h>
#include <unistd.h>

static char folder[256];

static int set_up(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	return fs_temporary_dir("reforge-fs", folder, sizeof folder, &err);
}

static int tear_down(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	return fs_remove_tree(folder, &err);
}

static const char *in(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *p = paths[next++ % 4];
	snprintf(p, 512, "%s/%s", folder, name);
	return p;
}

static void writes_whole_files_with_their_mode(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	assert_ok(fs_write_atomic(in("key"), SPAN("secret"), 0600, &err), &err);
	struct stat st;
	assert_int_equal(stat(in("key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_ok(fs_write_atomic(in("key"), SPAN("other"), 0644, &err), &err);
	assert_int_equal(fs_write_new(in("key"), SPAN("third"), 0600, &err), RF_EEXISTS);
	RF_AUTO(str) text = STR_INIT(100);
	assert_ok(fs_read(in("key"), &text, &err), &err);
	assert_string_equal(str_text(&text), "other");
	RF_AUTO(str) small = STR_INIT(3);
	assert_int_equal(fs_read(in("key"), &small, &err), RF_ETOOBIG);
	assert_non_null(strstr(err.file, "key"));
}

static void never_waits_for_what_is_no_file(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(100);
	assert_int_equal(mkfifo(in("fifo"), 0600), 0);
	assert_int_equal(fs_read(in("fifo"), &text, &err), RF_EINVALID);
	assert_int_equal(fs_read(folder, &text, &err), RF_EINVALID);
	assert_int_equal(fs_read("/dev/zero", &text, &err), RF_EINVALID);
	assert_int_equal(fs_read(in("absent"), &text, &err), RF_ENOTFOUND);
	assert_int_equal(symlink("key", in("link")), 0);
	int fd;
	assert_int_not_equal(fs_open_regular(in("link"), true, &fd, NULL, &err), 0);
}

struct seen { size_t files, links, other, unreadable; bool newline; };

static int note(const struct fs_entry *e, void *data)
{
	struct seen *s = data;
	s->files += e->kind == FS_FILE;
	s->links += e->kind == FS_LINK;
	s->other += e->kind == FS_OTHER;
	s->unreadable += e->kind == FS_UNREADABLE;
	s->newline |= strchr(e->name, '\n') != NULL;
	assert_true(strncmp(e->path, folder, strlen(folder)) == 0);
	return 0;
}

static void walks_hostile_trees(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	assert_ok(fs_make_dirs(in("tree/a/b"), 0755, &err), &err);
	assert_int_equal(symlink("..", in("tree/a/loop")), 0);
	assert_int_equal(mkfifo(in("tree/a/fifo"), 0600), 0);
	assert_ok(fs_write_new(in("tree/a/b/new\nline \"quoted\".plan"), SPAN("x"), 0644, &err), &err);
	assert_ok(fs_write_new(in("tree/z"), SPAN("x"), 0644, &err), &err);
	struct seen seen = { 0 };
	assert_ok(fs_walk(in("tree"), note, &seen, &err), &err);
	assert_int_equal(seen.files, 2);
	assert_int_equal(seen.links, 1);
	assert_int_equal(seen.other, 1);
	assert_true(seen.newline);
	assert_int_equal(fs_walk(in("absent"), note, &seen, &err), RF_ENOTFOUND);
	seen = (struct seen){ 0 };
	assert_ok(fs_walk(in("tree/z"), note, &seen, &err), &err);
	assert_int_equal(seen.files, 1);
}

static int note_pseudo(const struct fs_entry *e, void *data)
{
	assert_int_equal(e->kind, FS_PSEUDO);
	assert_int_equal(e->dir_fd, -1);
	assert_string_equal(e->error_text, data);
	return 5;
}

/* The kernel's own file systems have no end: they are named and not entered. */
static void leaves_out_the_kernels(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	char proc[] = "proc";
	assert_int_equal(fs_walk("/proc", note_pseudo, proc, &err), 5);
	assert_int_equal(fs_walk("/proc/self", note_pseudo, proc, &err), 5);
}

static void a_tree_too_deep_is_said_not_followed(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	char path[1200];
	int n = snprintf(path, sizeof path, "%s/deep", folder);
	for (int i = 0; i < 200; i++)
		n += snprintf(path + n, sizeof path - (size_t)n, "/d");
	assert_ok(fs_make_dirs(path, 0755, &err), &err);
	struct seen seen = { 0 };
	assert_ok(fs_walk(in("deep"), note, &seen, &err), &err);
	assert_int_equal(seen.unreadable, 1);
	/* the remover refuses as well, so take it away from inside */
	for (int i = 0; i < 200; i++) {
		assert_int_equal(rmdir(path), 0);
		*strrchr(path, '/') = '\0';
	}
}

static void plain_relative_paths(void **state)
{
	(void)state;
	static const struct { const char *path; bool good; } cases[] = {
		{ "model.onnx", true }, { "a/b/c", true }, { "", false }, { "/etc/passwd", false }, { "../x", false }, { "a/../b", false }, { "a//b", false },
		{ "./a", false }, { "a/", false }, { "a\nb", false }, { "..a", true },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++)
		assert_int_equal(fs_is_plain_relative(span_of(cases[i].path)), cases[i].good);
}

static void a_full_disk_is_named(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		skip();
	assert_int_equal(fs_write_all(fd, "x", 1, &err), RF_EFULL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_whole_files_with_their_mode), cmocka_unit_test(never_waits_for_what_is_no_file), cmocka_unit_test(walks_hostile_trees),
		cmocka_unit_test(leaves_out_the_kernels),
		cmocka_unit_test(a_tree_too_deep_is_said_not_followed), cmocka_unit_test(plain_relative_paths), cmocka_unit_test(a_full_disk_is_named),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
