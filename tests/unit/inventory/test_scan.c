/* Scans of real folders: everything that a file system can hold, in stable order, without blocking. */
#include "reading.h"

#include "base/fs.h"
#include "inventory/scan.h"

#include <fcntl.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct seen {
	struct str lines;
	uint64_t files;
};

#define MARKED "a specimen: headers made by code, not an engine"

/* "path kind version finding notes" a line, the root cut off */
static int on_file(const struct scan_file *f, void *data)
{
	struct seen *s = data;
	const struct artifact_facts *facts = f->facts;
	size_t root = strlen(f->root);
	str_add_visible(&s->lines, span_of(f->path + (strncmp(f->path, f->root, root) == 0 ? root : 0)));
	str_addf(&s->lines, " %s %s %s %s|", facts->kind, facts->version, artifact_finding_text(facts->finding),
		 f->has_digest ? "hashed" : "-");
	for (size_t i = 0; i < facts->note_count; i++)
		str_addf(&s->lines, "%s%s", i ? ";" : "", facts->notes[i]);
	str_add_byte(&s->lines, '\n');
	s->files++;
	return 0;
}

static char folder[FS_PATH_MAX];

static const char *below(const char *name)
{
	static char path[FS_PATH_MAX];
	struct err err = ERR_INIT;
	assert_ok(fs_join(path, sizeof path, folder, name, &err), &err);
	return path;
}

static void put_specimen(const char *name, unsigned major, unsigned minor, uint64_t size)
{
	struct err err = ERR_INIT;
	struct specimen s = { .version = { major, minor, 1, 2 }, .cc_major = 8, .cc_minor = 6, .size_bytes = size };
	assert_ok(specimen_write(&s, below(name), &err), &err);
}

static void put_text(const char *name, const char *text)
{
	struct err err = ERR_INIT;
	assert_ok(fs_write_atomic(below(name), span_of(text), 0644, &err), &err);
}

static int make_folder(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	assert_ok(fs_temporary_dir("scan", folder, sizeof folder, &err), &err);
	assert_ok(fs_make_dirs(below("a/b"), 0755, &err), &err);
	put_specimen("a/one.plan", 10, 13, 0);
	put_specimen("a/b/big.plan", 8, 6, 40 * MIB);
	put_specimen("new\nline \"quoted\".engine", 7, 1, 9000);
	put_text("empty.plan", "");
	put_text("sqitch.plan", "%project=x\n");
	put_text("z.txt", "hello");
	put_text("pointer.engine", "version https://git-lfs.github.com/spec/v1\noid sha256:"
				   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nsize 12345\n");
	assert_int_equal(mkfifo(below("fifo.plan"), 0644), 0);
	assert_int_equal(symlink("one.plan", below("a/link.plan")), 0);
	assert_int_equal(symlink("loop", below("loop")), 0);
	assert_int_equal(symlink("..", below("a/up")), 0);
	assert_int_equal(symlink("/", below("outside")), 0);
	assert_int_equal(symlink("nowhere", below("dangling.plan")), 0);
	return 0;
}

static int drop_folder(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	return fs_remove_tree(folder, &err);
}

static void scan_to(struct seen *s, const struct scan_options *o, struct scan_totals *totals)
{
	struct err err = ERR_INIT;
	const char *root = folder;
	*s = (struct seen){ .lines = STR_INIT(MIB) };
	assert_ok(scan_files(&root, 1, o, on_file, s, totals, &err), &err);
}

static void test_everything(void **state)
{
	(void)state;
	static const char expected[] =
		"/a/b/big.plan tensorrt-plan 8.6.1.2  hashed|" MARKED "\n"
		"/a/link.plan tensorrt-plan 10.13.1.2  hashed|" MARKED ";reached through a symbolic link\n"
		"/a/one.plan tensorrt-plan 10.13.1.2  hashed|" MARKED "\n"
		"/dangling.plan other  unknown -|symbolic link to something that is not there\n"
		"/empty.plan other  unknown hashed|named like an engine, but empty\n"
		"/fifo.plan other  unknown -|no regular file (FIFO, socket or device): not opened\n"
		"/loop other   -|symbolic links in a circle\n"
		"/new\\nline \"quoted\".engine tensorrt-plan 7.1.1.2  hashed|" MARKED "\n"
		"/outside other  unknown -|symbolic link to a folder outside of what is scanned: not followed; name "
		"that folder to scan it\n"
		"/pointer.engine git-lfs-pointer  unknown hashed|Git LFS pointer to sha256:"
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, 12345 bytes: the content is not "
		"here (git lfs pull);what the content would say cannot be told\n"
		"/sqitch.plan other   hashed|named like an engine, but text: the name is used by other tools too\n"
		"/z.txt other   hashed|\n";
	for (unsigned threads = 1; threads <= 4; threads++) {
		struct seen s;
		struct scan_totals totals;
		struct scan_options o = { .threads = threads };
		scan_to(&s, &o, &totals);
		assert_string_equal(str_text(&s.lines), expected);
		assert_int_equal(totals.engines, 4);
		assert_int_equal(totals.conflicts, 0);
		str_release(&s.lines);
	}
}

/* Nothing is unreadable to root: as root, look as somebody else. */
static void test_unreadable(void **state)
{
	(void)state;
	uid_t was = geteuid();
	struct stat st;
	/* in a system unpacked into a private folder somebody else cannot even pass "/" */
	if (was == 0 && (stat("/", &st) != 0 || !(st.st_mode & S_IXOTH)))
		skip();
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(chmod(below("a/b"), 0), 0);
	if (was == 0)
		assert_int_equal(seteuid(65534), 0);
	struct seen s;
	struct scan_options o = { 0 };
	struct scan_totals totals;
	scan_to(&s, &o, &totals);
	if (was == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(below("a/b"), 0755), 0);
	assert_int_equal(totals.errors, 2); /* the links in a circle are the other one */
	assert_non_null(strstr(str_text(&s.lines), "/a/b other  unknown -|Permission denied"));
	str_release(&s.lines);
}

/* The digest of the walk, of one file alone, and of the known answer are one. */
static void test_digest(void **state)
{
	(void)state;
	static const char *const names[] = { "a/one.plan", "a/b/big.plan", "z.txt", "empty.plan" };
	for (size_t i = 0; i < RF_COUNT(names); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct err err = ERR_INIT;
		struct artifact_facts f;
		struct digest one, whole;
		assert_ok(digest_file(below(names[i]), &whole, NULL, &err), &err);
		assert_ok(scan_one(below(names[i]), NULL, &a, &f, &one, &err), &err);
		assert_true(digest_eq(&one, &whole));
	}
}

/* A terabyte that nobody stored is told, and the rest of the folder is read as ever. */
static void test_hollow(void **state)
{
	(void)state;
	struct seen s;
	struct scan_options o = { 0 };
	put_specimen("hollow.plan", 10, 13, 0);
	put_text("hollow.onnx", "");
	if (truncate(below("hollow.plan"), (off_t)1 << 40) != 0 || truncate(below("hollow.onnx"), (off_t)1 << 40) != 0) {
		assert_int_equal(unlink(below("hollow.plan")), 0);
		assert_int_equal(unlink(below("hollow.onnx")), 0);
		skip(); /* a file system without such files */
	}
	scan_to(&s, &o, NULL);
	assert_int_equal(unlink(below("hollow.plan")), 0);
	assert_int_equal(unlink(below("hollow.onnx")), 0);
	assert_non_null(strstr(str_text(&s.lines), "/hollow.plan other  unknown -|1024 GiB, nearly all of them holes: not read\n"));
	assert_non_null(strstr(str_text(&s.lines), "/hollow.onnx other  unknown -|1024 GiB, nearly all of them holes: not read\n"));
	assert_non_null(strstr(str_text(&s.lines), "/a/one.plan tensorrt-plan 10.13.1.2  hashed|"));
	str_release(&s.lines);
}

static void test_one_refuses(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct err err = ERR_INIT;
	struct artifact_facts f;
	assert_int_equal(scan_one(below("fifo.plan"), NULL, &a, &f, NULL, &err), RF_EINVALID);
	assert_int_equal(scan_one(below("nothing"), NULL, &a, &f, NULL, &err), RF_ENOTFOUND);
	const char *roots[] = { folder, "/nonexistent/x" };
	struct scan_options o = { 0 };
	struct seen s = { .lines = STR_INIT(MIB) };
	assert_int_equal(scan_files(roots, 2, &o, on_file, &s, NULL, &err), RF_ENOTFOUND);
	assert_int_equal(s.files, 0);
}

/* An unchanged file keeps what the second look found, without being read again. */
static bool known(const struct scan_identity *id, struct scan_known *ret, void *data)
{
	(void)id;
	*ret = *(const struct scan_known *)data;
	return true;
}

static void test_known(void **state)
{
	(void)state;
	struct scan_known k = { .digest = { { 1 } },
				.second_look = SPAN("finding conflict\ncause header_mismatch\nnote kept note\n") };
	struct scan_options o = { .known = known, .known_data = &k };
	struct seen s;
	struct scan_totals totals;
	scan_to(&s, &o, &totals);
	assert_int_equal(totals.bytes_hashed, 0);
	assert_non_null(
		strstr(str_text(&s.lines), "/a/one.plan tensorrt-plan 10.13.1.2 conflict hashed|" MARKED ";kept note"));
	str_release(&s.lines);
}

static void replace(struct str *s, const char *what, const char *by)
{
	size_t at = span_find(str_span(s), span_of(what));
	assert_int_not_equal(at, SIZE_MAX);
	assert_true(strlen(by) <= strlen(what));
	memset(s->p + at, 0, strlen(what));
	memcpy(s->p + at, by, strlen(by));
}

/* libnvinfer.so -> libnvinfer.so.10 -> libnvinfer.so.10.3.0: the version is in the last name alone. */
static void test_library_behind_links(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(MIB);
	struct err err = ERR_INIT;
	assert_ok(fs_read("tests/fuzz/seeds/artifact_runtime/libonnxruntime.so.1", &s, &err), &err);
	replace(&s, "libonnxruntime.so.1", "libnvinfer.so.10");
	replace(&s, "VERS_1.20.1", "other");
	assert_ok(fs_write_atomic(below("libnvinfer.so.10.3.0"), str_span(&s), 0644, &err), &err);
	assert_int_equal(symlink("libnvinfer.so.10.3.0", below("libnvinfer.so.10")), 0);
	assert_int_equal(symlink("libnvinfer.so.10", below("libnvinfer.so")), 0);
	static const char *const names[] = { "libnvinfer.so", "libnvinfer.so.10", "libnvinfer.so.10.3.0" };
	for (size_t i = 0; i < RF_COUNT(names); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct artifact_facts f;
		assert_ok(scan_one(below(names[i]), NULL, &a, &f, NULL, &err), &err);
		assert_string_equal(f.kind, ARTIFACT_RUNTIME_LIBRARY);
		assert_string_equal(f.version, "10.3.0");
		assert_int_equal(f.finding, ARTIFACT_CLEAR);
		assert_int_equal(unlink(below(names[i])), 0);
	}
}

/* Each allocation fails in turn: an error or a result, never a crash, nothing left open. */
static void test_no_memory(void **state)
{
	(void)state;
	static const char *const names[] = { "a/b/big.plan", "pointer.engine", "z.txt" };
	for (size_t i = 0; i < RF_COUNT(names); i++) {
		int rc = RF_ENOMEM, last = open("/dev/null", O_RDONLY | O_CLOEXEC), now;
		close(last);
		for (long n = 1; n < 300 && rc < 0; n++) {
			RF_AUTO(arena) a = ARENA_INIT(MIB);
			struct artifact_facts f;
			struct digest d;
			struct err err = ERR_INIT;
			struct scan_options o = { .evidence = true };
			rf_alloc_fail_after(n);
			rc = scan_one(below(names[i]), &o, &a, &f, &d, &err);
			rf_alloc_fail_after(0);
			assert_true(rc == 0 || rc == RF_ENOMEM);
		}
		assert_int_equal(rc, 0);
		now = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_int_equal(now, last);
		close(now);
	}
}

static int on_json(const struct scan_file *f, void *data)
{
	struct json_doc *doc = json_doc_new();
	struct str s = STR_INIT(MIB);
	struct err err = ERR_INIT;
	struct json root;
	struct json_out o = json_out(&s, false);
	scan_file_json(&o, f);
	assert_ok(json_parse(doc, str_span(&s), &root, &err), &err);
	static const char *const keys[] = { "path",    "sha256",         "size",   "kind",    "product",
					    "version", "version_source", "target", "finding", "notes" };
	for (size_t i = 0; i < RF_COUNT(keys); i++)
		assert_int_not_equal(json_kind(json_get(root, keys[i])), JSON_ABSENT);
	if (strcmp(f->facts->kind, ARTIFACT_TENSORRT_PLAN) == 0)
		assert_true(span_eq_text(json_string(json_get(root, "compute_capability")), "8.6"));
	if (span_is_utf8(span_of(f->path)))
		assert_true(span_eq_text(json_string(json_get(root, "path")), f->path));
	++*(size_t *)data;
	str_release(&s);
	json_doc_free(doc);
	return 0;
}

static void test_json(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	const char *root = folder;
	size_t n = 0;
	struct scan_options o = { .evidence = true };
	assert_ok(scan_files(&root, 1, &o, on_json, &n, NULL, &err), &err);
	assert_int_equal(n, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_hollow),
		cmocka_unit_test(test_one_refuses),
		cmocka_unit_test(test_library_behind_links),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_json),
	};
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
