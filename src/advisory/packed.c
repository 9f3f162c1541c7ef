/* Archives and compressed files, document by document. */
#include "advisory/packed.h"

#include "advisory/advisory.h"
#include "base/fs.h"
#include "base/thread.h"
#include "format/archive.h"

#include <unistd.h>

/* OSV's largest archive, all ecosystems, has 600,000 members and 6 GiB unpacked. */
#define PACKED_MAX_MEMBERS 4000000
#define PACKED_MAX_BYTES (64 * GIB)

bool packed_is(const char *path)
{
	char head[512];
	size_t n = 0;
	return fs_head(path, head, sizeof head, &n) && archive_sniff(span_bytes(head, n));
}

static bool ends_with_any(struct span name, const char *const *suffixes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_ends(name, suffixes[i]))
			return true;
	return false;
}

bool packed_is_candidate(struct span name)
{
	static const char *const suffixes[] = { ".zip", ".gz", ".tgz", ".tar", ".xz", ".zst", ".bz2" };
	return ends_with_any(name, suffixes, RF_COUNT(suffixes));
}

bool packed_is_document(struct span name)
{
	static const char *const suffixes[] = { ".json", ".yaml", ".yml", ".csv" };
	return ends_with_any(name, suffixes, RF_COUNT(suffixes));
}

struct walking {
	const char *path;
	int (*take)(const struct packed_document *d, void *data);
	void *data;
	struct err *err;
};

static bool is_wanted(struct span name, void *data)
{
	(void)data;
	return !name.n || packed_is_document(name);
}

static int visit(const struct archive_member *m, void *data)
{
	const struct walking *w = data;
	RF_AUTO(str) name = STR_INIT(64 * KIB);
	if (thread_stop_wanted())
		return err_set(w->err, RF_ECANCELLED, "stopped; what was taken in stays");
	str_add_text(&name, w->path);
	if (m->name.n) {
		str_add_text(&name, "!/");
		str_add_visible(&name, m->name);
	}
	int rc = str_check(&name, "name of a member", w->err);
	return rc ? rc : w->take(&(struct packed_document){ m->bytes, str_text(&name), !m->name.n }, w->data);
}

int packed_each(const char *path, int (*take)(const struct packed_document *d, void *data), void *data, struct err *err)
{
	struct err own = ERR_INIT;
	struct walking w = { path, take, data, err ? err : &own };
	const struct archive_walk walk = { .limits = { ADVISORY_MAX_BYTES, PACKED_MAX_BYTES, PACKED_MAX_MEMBERS },
					   .want = is_wanted,
					   .visit = visit,
					   .data = &w };
	return archive_walk_file(path, &walk, w.err);
}
