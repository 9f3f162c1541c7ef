/* Blobs: put, found, refused, repaired; a full disk and a read-only one. */
#include "depot_fixture.h"

#include "base/thread.h"

#include <sys/mount.h>
#include <sys/wait.h>

static size_t temporary_files(void)
{
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	const char **names;
	size_t n = 0;

	assert_ok(depot_names(in_dir("depot/temporary"), &a, &names, &n, &err), &err);
	return n;
}

static void put_and_get(void **state)
{
	(void)state;
	RF_AUTO(str) bytes = STR_INIT(1 * MIB);
	struct digest d, e, abc;
	char path[FS_PATH_MAX];
	uint64_t n = 0;
	struct stat st;
	int fd = -1;

	digest_of(SPAN("abc"), &abc);
	assert_false(depot_has(depot, &abc));
	assert_int_equal(depot_open_blob(depot, &abc, &fd, NULL, &err), RF_ENOTFOUND);
	assert_ok(fs_write_new(in_dir("file"), SPAN("abc"), 0600, &err), &err);
	assert_ok(depot_put_file(depot, in_dir("file"), &abc, &d, &n, &err), &err);
	assert_int_equal(n, 3);
	assert_ok(depot_put_bytes(depot, SPAN("abc"), &abc, &e, &err), &err);
	assert_true(digest_eq(&d, &e) && digest_eq(&d, &abc) && depot_has(depot, &abc));
	assert_ok(depot_path(depot, &abc, path, sizeof path, &err), &err);
	assert_true(span_ends(span_of(path),
			      "/blobs/sha256/ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0444);
	assert_ok(depot_read_blob(depot, &abc, &bytes, &err), &err);
	assert_string_equal(str_text(&bytes), "abc");
	assert_ok(depot_open_blob(depot, &abc, &fd, &n, &err), &err);
	assert_int_equal(n, 3);
	close(fd);
	assert_int_equal(temporary_files(), 0);
	assert_ok(depot_put_bytes(depot, SPAN_NONE, NULL, &d, &err), &err); /* nothing is content too */
	assert_true(depot_has(depot, &d));
}

static void not_what_was_expected(void **state)
{
	(void)state;
	struct digest other, ret = { { 0 } };

	digest_of(SPAN("other"), &other);
	assert_ok(fs_write_atomic(in_dir("file"), SPAN("changed"), 0600, &err), &err);
	assert_int_equal(depot_put_file(depot, in_dir("file"), &other, &ret, NULL, &err), RF_EVERIFY);
	assert_string_equal(err.file, in_dir("file"));
	assert_int_equal(depot_put_bytes(depot, SPAN("changed"), &other, &ret, &err), RF_EVERIFY);
	assert_true(digest_is_zero(&ret));
	assert_int_equal(temporary_files(), 0);
	assert_int_equal(depot_put_file(depot, in_dir("none"), NULL, &ret, NULL, &err), RF_ENOTFOUND);
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(depot_put_file(depot, in_dir("fifo"), NULL, &ret, NULL, &err), RF_EINVALID);
	assert_int_equal(depot_put_file(depot, dir, NULL, &ret, NULL, &err), RF_EINVALID);
}

static void a_damaged_blob_is_replaced(void **state)
{
	(void)state;
	RF_AUTO(str) bytes = STR_INIT(1 * MIB);
	char path[FS_PATH_MAX];
	struct digest d;
	int fd;

	assert_ok(depot_put_bytes(depot, SPAN("precious"), NULL, &d, &err), &err);
	assert_ok(depot_path(depot, &d, path, sizeof path, &err), &err);
	assert_int_equal(chmod(path, 0644), 0);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, 0), 1);
	close(fd);
	assert_int_equal(depot_read_blob(depot, &d, &bytes, &err), RF_EVERIFY);
	assert_ok(depot_put_bytes(depot, SPAN("precious"), NULL, &d, &err), &err);
	assert_ok(depot_read_blob(depot, &d, &bytes, &err), &err);
}

static void large_files(void **state)
{
	(void)state;
	size_t n = 5 * MIB + 17;
	char *big = rf_alloc(n);
	struct digest want, got;
	uint64_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		big[i] = (char)(i * 7 + i / 4099);
	digest_of((struct span){ big, n }, &want);
	assert_ok(fs_write_new(in_dir("big"), (struct span){ big, n }, 0600, &err), &err);
	rf_free(big);
	assert_ok(depot_put_file(depot, in_dir("big"), NULL, &got, &bytes, &err), &err);
	assert_true(digest_eq(&want, &got) && bytes == n);
}

static int put_one(size_t index, void *data)
{
	struct err e = ERR_INIT;
	struct digest d;
	char text[32];

	(void)data;
	snprintf(text, sizeof text, "content %zu", index % 10); /* each by ten threads at once */
	return depot_put_bytes(depot, span_of(text), NULL, &d, &e);
}

static void many_writers(void **state)
{
	(void)state;
	struct depot_verify_report report;

	assert_int_equal(thread_each(100, 8, put_one, NULL), 0);
	assert_int_equal(temporary_files(), 0);
	assert_ok(depot_verify(depot, NULL, NULL, NULL, NULL, &report, &err), &err);
	assert_int_equal(report.faults, 0);
}

static void limits_of_paths(void **state)
{
	(void)state;
	char name[FS_PATH_MAX];
	struct depot *d = NULL;

	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(depot_open(name, &d, &err), RF_ETOOBIG);
	assert_ok(fs_write_new(in_dir("plain"), SPAN("x"), 0600, &err), &err);
	assert_int_not_equal(depot_open(in_dir("plain"), &d, &err), 0);
	assert_null(d);
}

/* Needs the right to mount. */
static bool mount_small(const char *at, const char *options)
{
	return mkdir(at, 0755) == 0 && mount("none", at, "tmpfs", 0, options) == 0;
}

static void a_full_disk(void **state)
{
	(void)state;
	struct depot *small = NULL;
	struct digest d = { { 0 } };
	struct depot_verify_report report;
	const char *at = in_dir("small");
	size_t n = 3 * MIB;

	if (!mount_small(at, "size=2m"))
		skip();
	assert_ok(depot_open(in_dir("small/depot"), &small, &err), &err);
	char *big = rf_alloc(n);
	assert_ok(fs_write_new(in_dir("toobig"), (struct span){ big, n }, 0600, &err), &err);
	int by_file = depot_put_file(small, in_dir("toobig"), NULL, &d, NULL, &err);
	int by_bytes = depot_put_bytes(small, (struct span){ big, n }, NULL, &d, &err);
	rf_free(big);
	int after = depot_put_bytes(small, SPAN("still room for this"), NULL, &d, &err);
	int verified = depot_verify(small, NULL, NULL, NULL, NULL, &report, &err);
	depot_freep(&small);
	umount2(in_dir("small"), MNT_DETACH);
	assert_int_equal(by_file, RF_EFULL);
	assert_int_equal(by_bytes, RF_EFULL);
	assert_int_equal(after, 0);
	assert_int_equal(verified, 0);
	assert_int_equal(report.blobs, 1);
	assert_int_equal(report.faults, 0);
}

static void a_read_only_disk(void **state)
{
	(void)state;
	struct depot *d = NULL;
	struct digest digest;
	int rc, opened;

	if (!mount_small(in_dir("fixed"), "size=2m"))
		skip();
	assert_ok(depot_open(in_dir("fixed/depot"), &d, &err), &err);
	assert_int_equal(mount("none", in_dir("fixed"), NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	rc = depot_put_bytes(d, SPAN("x"), NULL, &digest, &err);
	depot_freep(&d);
	opened = depot_open(in_dir("fixed/depot"), &d, &err); /* what is there can be read */
	depot_freep(&d);
	umount2(in_dir("fixed"), MNT_DETACH);
	assert_int_equal(rc, RF_EPERM);
	assert_non_null(strstr(err.text, "Read-only"));
	assert_int_equal(opened, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_and_get),
		cmocka_unit_test(not_what_was_expected),
		cmocka_unit_test(a_damaged_blob_is_replaced),
		cmocka_unit_test(large_files),
		cmocka_unit_test(many_writers),
		cmocka_unit_test(limits_of_paths),
		cmocka_unit_test(a_full_disk),
		cmocka_unit_test(a_read_only_disk),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
