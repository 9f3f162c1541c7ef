/* Publishing: once, again, killed at any moment, against another's, onto a full disk. */
#include "depot_fixture.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

static size_t faults_of(const char *name, struct faults *all)
{
	uint64_t n = 0;

	*all = (struct faults){ .n = 0 };
	assert_ok(release_verify(depot, "voice", name, public_key, note_fault, all, &n, &err), &err);
	assert_int_equal(n, all->n);
	return all->n;
}

static void once_and_again(void **state)
{
	(void)state;
	struct release_row rows[] = { make_row("silero", "engine one"), make_row("alexa", "engine two") };
	struct release r = make_release("2026-07-15-DRILL", rows, 2);
	struct release_published first, second;
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	RF_AUTO(str) bytes = STR_INIT(1 * MIB);
	struct release back;
	struct faults faults;
	struct stat link, blob;
	char path[FS_PATH_MAX];

	assert_ok(release_publish(depot, key, &r, &first, &err), &err);
	assert_false(first.existed);
	assert_int_equal(faults_of(r.name, &faults), 0);
	assert_ok(fs_read(in_dir("depot/releases/voice/2026-07-15-DRILL/linux-x86_64/cpu-avx512/alexa/1/model.onnx"),
			  &bytes, &err),
		  &err);
	assert_string_equal(str_text(&bytes), "engine two");
	assert_int_equal(
		stat(in_dir("depot/releases/voice/2026-07-15-DRILL/linux-x86_64/cpu-avx512/alexa/1/model.onnx"), &link),
		0);
	assert_ok(depot_path(depot, &rows[1].engine, path, sizeof path, &err), &err);
	assert_int_equal(stat(path, &blob), 0);
	assert_true(link.st_ino == blob.st_ino);
	assert_true(fs_exists(
		in_dir("depot/releases/voice/2026-07-15-DRILL/linux-x86_64/cpu-avx512/alexa.provenance.dsse")));

	r.created_at += 5; /* a second run knows no better */
	assert_ok(release_publish(depot, key, &r, &second, &err), &err);
	assert_true(second.existed);
	assert_true(digest_eq(&first.digest, &second.digest) && digest_eq(&first.content, &second.content));
	assert_ok(release_read(depot, &a, "voice", r.name, &back, &err), &err);
	assert_int_equal(back.created_at, r.created_at - 5);

	rows[0].runtime.version = "1.30.0";
	assert_int_equal(release_publish(depot, key, &r, &second, &err), RF_ECONFLICT);
	assert_non_null(strstr(err.file, "2026-07-15-DRILL"));
	assert_int_equal(faults_of(r.name, &faults), 0);
}

static void refused(void **state)
{
	(void)state;
	struct release_row row = make_row("alexa", "engine"), good = row;
	struct release r = make_release("refused", &row, 1);
	struct release_published p;
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	const char **names;
	size_t n;

	digest_of(SPAN("a blob that nobody put"), &row.engine);
	assert_int_equal(release_publish(depot, key, &r, &p, &err), RF_ENOTFOUND);
	assert_non_null(strstr(err.text, "alexa"));
	row = good;
	digest_of(SPAN("a blob that nobody put"), &row.proof_statement);
	assert_int_equal(release_publish(depot, key, &r, &p, &err), RF_ENOTFOUND);
	row = good;
	row.engine_bytes++;
	assert_int_equal(release_publish(depot, key, &r, &p, &err), RF_ECONFLICT);
	row = good;
	row.model = "../../../etc";
	assert_int_equal(release_publish(depot, key, &r, &p, &err), RF_EINVALID);
	assert_false(fs_exists(in_dir("depot/releases/voice/refused")));
	assert_ok(depot_names(in_dir("depot/releases/voice"), &a, &names, &n, &err), &err);
	for (size_t i = 0; i < n; i++)
		assert_false(span_starts(span_of(names[i]), PUBLISHING_PREFIX));
}

/* Carried over: the rows of the parent, its statements with them. */
static void carried_over(void **state)
{
	(void)state;
	struct release_row rows[] = { make_row("silero", "engine one"), make_row("alexa", "engine three") };
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	struct release parent, r;
	struct release_published p;
	struct faults faults;

	assert_ok(release_read(depot, &a, "voice", "2026-07-15-DRILL", &parent, &err), &err);
	rows[0] = parent.rows[1];
	assert_string_equal(rows[0].model, "silero");
	rows[0].carried_over = true;
	r = make_release("2026-07-16-DRILL", rows, 2);
	r.parent = parent.name;
	assert_ok(release_publish(depot, key, &r, &p, &err), &err);
	assert_int_equal(faults_of(r.name, &faults), 0);
	struct release_row found_in_service = { .model = "old",
						.target = "linux-x86_64/sm_86",
						.version = 1,
						.file = "model.plan",
						.engine = rows[1].engine,
						.engine_bytes = rows[1].engine_bytes,
						.carried_over = true };
	r = make_release("2026-07-17-DRILL", &found_in_service, 1);
	assert_ok(release_publish(depot, key, &r, &p, &err), &err);
	assert_int_equal(faults_of(r.name, &faults), 0);
}

/* SIGKILL after a time drawn anew each round; then the same call again. */
static void killed_anywhere(void **state)
{
	(void)state;
	struct release_row *rows = rf_alloc(60 * sizeof *rows);
	char(*models)[16] = rf_alloc(60 * 16);
	size_t finished = 0;

	for (size_t i = 0; i < 60; i++) {
		char bytes[32];

		snprintf(models[i], 16, "model%zu", i);
		snprintf(bytes, sizeof bytes, "engine %zu", i);
		rows[i] = make_row(models[i], bytes);
	}
	for (int round = 0; round < 40; round++) {
		char name[32];
		struct release r;
		struct release_published p;
		struct faults faults;
		bool few = round % 2;

		snprintf(name, sizeof name, "killed-%d", round);
		r = make_release(name, rows, few ? 5 : 60); /* both ways of making durable */
		pid_t child = fork();
		if (child == 0)
			_exit(release_publish(depot, key, &r, &p, NULL) ? 1 : 0);
		usleep((useconds_t)(round * round * 60));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		finished += fs_exists(in_dir("depot/releases/voice/%s", name));
		assert_ok(release_publish(depot, key, &r, &p, &err), &err);
		assert_int_equal(faults_of(name, &faults), 0);
	}
	print_message("%zu of 40 had finished before the kill\n", finished);
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	const char **names;
	size_t n;
	assert_ok(depot_names(in_dir("depot/releases/voice"), &a, &names, &n, &err), &err);
	for (size_t i = 0; i < n; i++)
		assert_false(span_starts(span_of(names[i]), PUBLISHING_PREFIX));
	rf_free(rows);
	rf_free(models);
}

static void a_name_that_begins_alike_keeps_its_leftovers(void **state)
{
	(void)state;
	struct release_row row = make_row("alexa", "engine");
	struct release r = make_release("alike", &row, 1);
	struct release_published p;
	const char *ours = in_dir("depot/releases/voice/" PUBLISHING_PREFIX "alike-0123456789ab");
	const char *other = in_dir("depot/releases/voice/" PUBLISHING_PREFIX "alike-2-0123456789ab");

	assert_int_equal(mkdir(ours, 0755), 0);
	assert_int_equal(mkdir(other, 0755), 0);
	assert_ok(release_publish(depot, key, &r, &p, &err), &err);
	assert_false(fs_exists(ours));
	assert_true(fs_exists(other));
	assert_int_equal(rmdir(other), 0);
}

static void onto_a_full_disk(void **state)
{
	(void)state;
	struct depot *big = depot, *small = NULL;
	struct release_published p;
	char *filler = NULL;
	int rc, again;

	if (mkdir(in_dir("small"), 0755) != 0 || mount("none", in_dir("small"), "tmpfs", 0, "size=1m") != 0)
		skip();
	assert_ok(depot_open(in_dir("small/depot"), &small, &err), &err);
	depot = small;
	struct release_row row = make_row("alexa", "engine");
	depot = big;
	struct release r = make_release("full", &row, 1);
	filler = rf_alloc(1 * MIB);
	int fd = open(in_dir("small/filler"), O_WRONLY | O_CREAT, 0600);
	while (write(fd, filler, 4096) == 4096)
		;
	close(fd);
	rf_free(filler);
	rc = release_publish(small, key, &r, &p, &err);
	bool half = fs_exists(in_dir("small/depot/releases/voice/full"));
	unlink(in_dir("small/filler"));
	struct err second = ERR_INIT;
	again = release_publish(small, key, &r, &p, &second);
	depot_freep(&small);
	umount2(in_dir("small"), MNT_DETACH);
	assert_int_equal(rc, RF_EFULL);
	assert_false(half);
	assert_int_equal(again, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_and_again),
		cmocka_unit_test(refused),
		cmocka_unit_test(carried_over),
		cmocka_unit_test(killed_anywhere),
		cmocka_unit_test(a_name_that_begins_alike_keeps_its_leftovers),
		cmocka_unit_test(onto_a_full_disk),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
