/* The bare cost of reading a folder of JSON: every file read and parsed, nothing kept. What bench_advisory.py measures an
 * import against. Usage: bench_parse FOLDER */
#include "base/arena.h"
#include "base/fs.h"
#include "base/thread.h"
#include "format/json.h"

#include <stdio.h>

#define MAX_FILES 1000000

static struct arena names = ARENA_INIT(512 * MIB);
static char **files;
static size_t count;

static int take(const struct fs_entry *e, void *data)
{
	(void)data;
	if (e->kind != FS_FILE || !span_ends(span_of(e->name), ".json") || count == MAX_FILES)
		return 0;
	files[count] = arena_text(&names, span_of(e->path));
	return files[count++] ? 0 : RF_ENOMEM;
}

/* One share a thread: a parser and a buffer are made once. */
static int read_share(size_t share, void *data)
{
	size_t shares = *(size_t *)data;
	struct json_doc *doc = json_doc_new();
	struct str bytes = STR_INIT(JSON_MAX_BYTES);
	struct json root;
	int rc = doc ? 0 : RF_ENOMEM;
	for (size_t i = share; !rc && i < count; i += shares) {
		str_reset(&bytes);
		rc = fs_read(files[i], &bytes, NULL);
		if (!rc)
			rc = json_parse(doc, str_span(&bytes), &root, NULL);
	}
	json_doc_free(doc);
	str_release(&bytes);
	return rc;
}

int main(int argc, char **argv)
{
	size_t shares = thread_cpus();
	files = rf_realloc_array(NULL, MAX_FILES, sizeof *files);
	if (argc != 2 || !files || fs_walk(argv[1], take, NULL, NULL) || thread_each(shares, (unsigned)shares, read_share, &shares)) {
		fprintf(stderr, "usage: bench_parse FOLDER\n");
		return 2;
	}
	printf("%zu files\n", count);
	rf_free(files);
	arena_release(&names);
	return 0;
}
