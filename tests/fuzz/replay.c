/* replay - main() for a fuzz target without libFuzzer: gives every file of the folders named to it, and reports as TAP.
 * Each seed is also given cut off at several lengths and with single bytes changed, so that the ordinary test run
 * already walks the error paths; coverage-guided fuzzing is `make fuzz`. */
#include "base/fs.h"
#include "base/random.h"
#include "base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUTATIONS 200

static void mutate(const struct str *seed)
{
	struct random_stream random = { seed->n };
	uint8_t *copy = rf_alloc(seed->n + 1);
	if (!copy || seed->n == 0) {
		rf_free(copy);
		return;
	}
	for (int i = 0; i < MUTATIONS; i++) {
		memcpy(copy, seed->p, seed->n);
		size_t n = i % 4 == 0 ? (size_t)random_below(&random, seed->n) : seed->n;
		/* most structure stands at the front: half of the changes go there */
		size_t span = i % 2 ? seed->n : RF_MIN(seed->n, (size_t)256);
		for (uint64_t k = random_below(&random, 4); k > 0; k--)
			copy[random_below(&random, span)] = (uint8_t)(i % 3 ? random_next(&random) & 0xff : 0xff);
		/* an exact allocation, so that one byte past the end is caught */
		uint8_t *exact = rf_alloc(n);
		if (exact) {
			memcpy(exact, copy, n);
			(void)LLVMFuzzerTestOneInput(exact, n);
		}
		rf_free(exact);
	}
	rf_free(copy);
}

static int give(const struct fs_entry *entry, void *data)
{
	if (entry->kind != FS_FILE)
		return 0;
	RF_AUTO(str) seed = STR_INIT(16 * MIB);
	struct err err = ERR_INIT;
	int rc = fs_read(entry->path, &seed, &err);
	if (rc != 0)
		return rc;
	(void)LLVMFuzzerTestOneInput((const uint8_t *)str_text(&seed), seed.n);
	mutate(&seed);
	++*(size_t *)data;
	return 0;
}

int main(int argc, char **argv)
{
	size_t seeds = 0;
	int rc = argc > 1 ? 0 : RF_EUSAGE;
	for (int i = 1; rc == 0 && i < argc; i++)
		rc = fs_walk(argv[i], give, &seeds, NULL);
	printf("1..1\n%sok 1 - %zu seeds and %zu changed copies\n", rc == 0 && seeds > 0 ? "" : "not ", seeds, seeds * MUTATIONS);
	return rc == 0 && seeds > 0 ? 0 : 1;
}
