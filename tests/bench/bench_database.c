/*
 * What durable steps cost: bench_database DISK MEMORY      (two folders; the second on a tmpfs, or the same)
 *
 * Prints "name value unit" a line. Commits are measured in turn with the disk's own speed (append 4 KiB, fdatasync), since
 * it is what bounds them. Claims and appends are measured in turn on a short and a long history, since they must not grow
 * with it; in memory, where the disk's moods do not hide the difference.
 */
#include "base/arena.h"
#include "base/fs.h"
#include "base/time.h"
#include "database/database.h"
#include "ledger/ledger.h"
#include "work/work.h"

#include "bench.h"

#include <fcntl.h>
#include <unistd.h>

#define TURNS 10
#define COMMITS 2000
#define CLAIMS 500
#define STEPS 500
#define SHORT_QUEUE 1000
#define LONG_QUEUE 200000
#define RECORDS_PER_STEP 8
#define LONG_LEDGER 160000

static double per_second(int64_t n, mono_t usec)
{
	return (double)n * 1e6 / (double)usec;
}

/* ---------------------------------------------------------------- commits */

static int one_row(struct transaction *tx, void *data)
{
	return TX_RUN(tx, "INSERT INTO bench(a, b) VALUES ($1, $2)", DB_I(*(int *)data), DB_T("a state and its evidence"));
}

static mono_t sync_some(int fd, int n)
{
	static char block[4096];
	mono_t begin = mono_usec();
	for (int i = 0; i < n; i++) {
		must(fs_write_all(fd, block, sizeof block, &err), "write");
		if (fdatasync(fd) != 0)
			exit(2);
	}
	return mono_usec() - begin;
}

static mono_t commit_some(struct database *db, int n)
{
	mono_t begin = mono_usec();
	for (int i = 0; i < n; i++)
		must(database_transact(db, DB_WRITE, one_row, &i, &err), "commit");
	return mono_usec() - begin;
}

static void bench_commits(struct database *db, const char *folder)
{
	char path[FS_PATH_MAX];
	must(fs_join(path, sizeof path, folder, "syncs", &err), "path");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	mono_t syncs = 0, commits = 0;
	(void)commit_some(db, 100);
	for (int turn = 0; turn < TURNS; turn++) {
		syncs += sync_some(fd, COMMITS / TURNS);
		commits += commit_some(db, COMMITS / TURNS);
	}
	(void)close(fd);
	figure("disk_syncs", per_second(COMMITS, syncs), "1/s");
	figure("sqlite_commits", per_second(COMMITS, commits), "1/s");
}

/* ---------------------------------------------------------------- claims */

struct fill {
	int from, to;
};

static int enqueue_some(struct transaction *tx, void *data)
{
	const struct fill *f = data;
	int rc = 0;
	for (int i = f->from; rc == 0 && i < f->to; i++) {
		char key[64];
		(void)snprintf(key, sizeof key, "build/engine-%d/linux-x86_64", i);
		struct work_request r = { .kind = i % 4 ? "build" : "prove", .key = key, .priority = i % 3, .not_before = USEC_NONE,
			                  .payload = SPAN("{\"task\":1,\"recipe\":\"reading-det\",\"target\":\"linux-x86_64/sm_86\"}") };
		rc = work_enqueue(tx, &r, NULL, NULL);
	}
	return rc;
}

static void fill_queue(struct database *db, int from, int to)
{
	for (struct fill f = { from, 0 }; f.from < to; f.from = f.to) {
		f.to = RF_MIN(f.from + 5000, to);
		must(database_transact(db, DB_WRITE, enqueue_some, &f, &err), "enqueue");
	}
}

static int done(struct transaction *tx, void *data)
{
	return work_done(tx, data);
}

static void claim_some(struct database *db, int n, mono_t *claims, mono_t *outcomes)
{
	static const char *const kinds[] = { "build", "prove", "publish" };
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	for (int i = 0; i < n; i++) {
		struct work_item item;
		mono_t begin = mono_usec();
		must(work_claim(db, work_owner(), kinds, RF_COUNT(kinds), USEC_PER_MIN, &a, &item, &err), "claim");
		mono_t claimed = mono_usec();
		must(database_transact(db, DB_WRITE, done, &item, &err), "done");
		*claims += claimed - begin;
		*outcomes += mono_usec() - claimed;
	}
}

static void bench_claims(struct database *shorter, struct database *longer)
{
	mono_t claims[2] = { 0 }, outcomes[2] = { 0 };
	fill_queue(shorter, 0, SHORT_QUEUE);
	fill_queue(longer, 0, LONG_QUEUE);
	for (int turn = 0; turn < TURNS; turn++) {
		claim_some(shorter, CLAIMS / TURNS, &claims[0], &outcomes[0]);
		claim_some(longer, CLAIMS / TURNS, &claims[1], &outcomes[1]);
	}
	figure("claim_at_1k", (double)claims[0] / CLAIMS, "us");
	figure("claim_at_200k", (double)claims[1] / CLAIMS, "us");
	figure("outcome_at_1k", (double)outcomes[0] / CLAIMS, "us");
	figure("outcome_at_200k", (double)outcomes[1] / CLAIMS, "us");
}

/* ---------------------------------------------------------------- the ledger */

static int steps_done;

static int append_some(struct transaction *tx, void *data)
{
	int rc = 0;
	for (int i = 0; rc == 0 && i < RECORDS_PER_STEP; i++) {
		char subject[64], body[256];
		(void)snprintf(subject, sizeof subject, "task/%d", *(int *)data);
		(void)snprintf(body, sizeof body,
		               "{\"engine\":\"sha256:%064d\",\"toolchain\":\"onnxruntime 1.21.1\",\"usec\":%d,\"isolated\":true}",
		               *(int *)data, i);
		rc = ledger_append(tx, &(struct ledger_entry){ "task.built", subject, "reforge:respond", span_of(body) });
	}
	return rc;
}

static mono_t append_steps(struct database *db, int n)
{
	mono_t begin = mono_usec();
	for (int i = 0; i < n; i++) {
		int task = ++steps_done;
		must(database_transact(db, DB_WRITE, append_some, &task, &err), "append");
	}
	return mono_usec() - begin;
}

/* Appends in turn to both; the short one holds at most 8,000 records. */
static void compare_appends(struct database *shorter, struct database *longer, const char *name)
{
	mono_t usec[2] = { 0 };
	char text[64];
	for (int turn = 0; turn < TURNS; turn++) {
		usec[0] += append_steps(shorter, STEPS / TURNS);
		usec[1] += append_steps(longer, STEPS / TURNS);
	}
	(void)snprintf(text, sizeof text, "step_%s_short", name);
	figure(text, (double)usec[0] / STEPS, "us");
	(void)snprintf(text, sizeof text, "step_%s_long", name);
	figure(text, (double)usec[1] / STEPS, "us");
}

static void seal(struct database *db, const struct signing_key *key)
{
	must(ledger_seal(db, "bench", key, NULL, false, NULL, &err), "seal");
}

static void bench_ledger(struct database *shorter, struct database *longer, const struct signing_key *key,
                         const struct verify_key *verify)
{
	(void)append_steps(longer, LONG_LEDGER / RECORDS_PER_STEP);
	compare_appends(shorter, longer, "waiting");
	seal(shorter, key);
	mono_t begin = mono_usec();
	seal(longer, key);
	figure("seal", per_second(LONG_LEDGER, mono_usec() - begin), "records/s");
	compare_appends(shorter, longer, "sealed");
	begin = mono_usec();
	seal(shorter, key);
	figure("seal_step_short", (double)(mono_usec() - begin), "us");
	begin = mono_usec();
	seal(longer, key);
	figure("seal_step_long", (double)(mono_usec() - begin), "us");
	static struct ledger_report report;
	begin = mono_usec();
	must(ledger_verify(longer, "bench", verify, NULL, &report, &err), "verify");
	figure("verify", per_second(report.records, mono_usec() - begin), "records/s");
	if (report.fault_count) {
		fprintf(stderr, "verify: %s\n", report.faults[0].what);
		exit(1);
	}
}

static struct database *open_one(const char *name, const char *folder)
{
	static const char *const steps[] = { "CREATE TABLE bench(id {id}, a {int64}, b {text})" };
	static const struct migration_set own = { "bench", steps, 1 };
	const struct migration_set *const sets[] = { &own, &LEDGER_MIGRATIONS, &WORK_MIGRATIONS };
	struct database *db = NULL;
	must(database_open(name, folder, &db, &err), "open");
	must(database_migrate(db, sets, RF_COUNT(sets), &err), "migrate");
	return db;
}

int main(int argc, char **argv)
{
	char private_path[FS_PATH_MAX], public_path[FS_PATH_MAX];
	struct signing_key *key = NULL;
	struct verify_key *verify = NULL;
	if (argc != 3) {
		fprintf(stderr, "usage: bench_database DISK MEMORY\n");
		return 2;
	}
	must(fs_join(private_path, sizeof private_path, argv[1], "bench.pem", &err), "path");
	must(fs_join(public_path, sizeof public_path, argv[1], "bench.pub.pem", &err), "path");
	must(key_generate(private_path, public_path, &err), "key");
	must(signing_key_load(private_path, &key, &err), "key");
	must(verify_key_load(public_path, &verify, &err), "key");
	struct database *disk = open_one("disk.db", argv[1]);
	struct database *shorter = open_one("short.db", argv[2]), *longer = open_one("long.db", argv[2]);
	bench_commits(disk, argv[1]);
	bench_claims(shorter, longer);
	bench_ledger(shorter, longer, key, verify);
	signing_key_freep(&key);
	verify_key_freep(&verify);
	database_close(disk);
	database_close(shorter);
	database_close(longer);
	return 0;
}
