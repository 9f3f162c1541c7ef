/* packed - archives and compressed files by hand, member by member. */
#include "advisory/packed.h"

#include "base/fs.h"
#include "base/thread.h"
#include "format/archive.h"

#include <unistd.h>

struct unpacking {
	const struct advisory_import *options;
	struct advisory_importer *importer;
	const char *path;
	struct err *err;
};

bool advisory_is_packed(const char *path)
{
	char head[512];
	size_t n = 0;
	int fd = -1;
	struct err ignored = ERR_INIT;
	if (fs_is_dir(path) || fs_open_regular(path, false, &fd, NULL, &ignored))
		return false;
	int rc = fs_pread(fd, head, sizeof head, 0, &n, &ignored);
	(void)close(fd);
	return !rc && archive_sniff(span_bytes(head, n));
}

static bool is_wanted(struct span name, void *data)
{
	(void)data;
	return !name.n || span_ends(name, ".json") || span_ends(name, ".yaml") || span_ends(name, ".yml") ||
	       span_ends(name, ".csv");
}

static int take_member(const struct archive_member *m, void *data)
{
	const struct unpacking *u = data;
	RF_AUTO(str) name = STR_INIT(64 * KIB);
	struct err why = ERR_INIT;
	int refused = 0;
	if (thread_stop_wanted())
		return err_set(u->err, RF_ECANCELLED, "import stopped; what was written stays");
	str_add_text(&name, u->path);
	if (m->name.n) {
		str_add_byte(&name, '/');
		str_add_visible(&name, m->name);
	}
	int rc = str_check(&name, "name of a member", u->err);
	if (rc)
		return rc;
	rc = advisory_importer_add(u->importer, m->bytes, str_text(&name), &refused, &why);
	if (rc || (refused && !m->name.n)) {
		*u->err = why;
		return rc ? rc : refused;
	}
	if (refused && u->options->problem) {
		(void)err_in_file(&why, str_text(&name));
		u->options->problem(str_text(&name), &why, u->options->data);
	}
	return 0;
}

int advisory_import_packed(struct database *db, const char *path, const struct advisory_import *options,
			   struct advisory_import_result *ret, struct err *err)
{
	struct err own = ERR_INIT;
	struct unpacking u = { .options = options, .path = path, .err = err ? err : &own };
	const struct archive_walk walk = {
		.limits = { .member_bytes = ADVISORY_MAX_BYTES, .total_bytes = 64 * GIB, .members = 4000000 },
		.want = is_wanted,
		.visit = take_member,
		.data = &u
	};
	int rc = advisory_importer_new(db, options, &u.importer, u.err);
	if (rc)
		return rc;
	rc = archive_walk_file(path, &walk, u.err);
	int flushed = advisory_importer_flush(u.importer, rc ? NULL : u.err);
	if (ret)
		advisory_importer_result(u.importer, ret);
	advisory_importer_free(u.importer);
	return rc ? rc : flushed;
}
