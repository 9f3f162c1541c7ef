/* Archives are walked member by member, in batches of their own: an ecosystem's hundred thousand records are never in
 * memory at once. */
#include "advisory/store_archive.h"

#include "base/arena.h"
#include "base/fs.h"
#include "format/archive.h"

/* OSV's largest archive, all ecosystems, has 600,000 members and 6 GiB unpacked. */
#define ARCHIVE_MAX_MEMBERS 2000000
#define ARCHIVE_MAX_BYTES (32ull * 1024 * MIB)

static bool ends_with_any(struct span name, const char *const *suffixes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_ends(name, suffixes[i]))
			return true;
	return false;
}

bool store_archive_is_candidate(struct span name)
{
	static const char *const suffixes[] = { ".zip", ".gz", ".tgz", ".tar", ".xz", ".zst", ".bz2" };
	return ends_with_any(name, suffixes, RF_COUNT(suffixes));
}

bool store_document_is_candidate(struct span name)
{
	static const char *const suffixes[] = { ".json", ".yaml", ".yml", ".csv" };
	return ends_with_any(name, suffixes, RF_COUNT(suffixes));
}

struct walking {
	struct advisory_importer *m;
	const struct advisory_import *options;
	const char *path;
	int64_t problems;
	bool fatal;
	struct err *err;
};

static bool want(struct span name, void *data)
{
	(void)data;
	return !name.n || store_document_is_candidate(name);
}

static int take(const struct archive_member *member, void *data)
{
	struct walking *w = data;
	RF_AUTO(str) name = STR_INIT(64 * KIB);
	int refused = 0;
	str_add_text(&name, w->path);
	if (member->name.n)
		str_addf(&name, "!%.*s", SPAN_ARG(member->name));
	int rc = str_check(&name, "name of a member", w->err);
	if (!rc)
		rc = advisory_importer_add(w->m, member->bytes, str_text(&name), &refused, w->err);
	w->fatal = rc != 0;
	if (rc || !refused)
		return rc;
	if (!member->name.n)
		return refused; /* a single compressed file is the file that was named */
	if (refused != RF_EUNSUPPORTED) {
		w->problems++;
		if (w->options->problem)
			w->options->problem(str_text(&name), w->err, w->options->data);
	}
	*w->err = ERR_INIT;
	return 0;
}

static void add_result(struct advisory_import_result *to, const struct advisory_importer *m, int64_t problems)
{
	struct advisory_import_result r;
	advisory_importer_result(m, &r);
	to->files += r.files;
	to->documents += r.documents;
	to->unchanged += r.unchanged;
	to->advisories += r.advisories;
	to->review += r.review;
	to->problems += problems; /* not the importer's: to it what is of no known format is one too */
}

int store_archive_import(struct database *db, const struct advisory_import *options, const char *path,
			 struct advisory_import_result *result, int64_t *ret_problems, struct err *err)
{
	struct walking w = { .options = options, .path = path, .err = err };
	struct archive_walk walk = { .limits = { ADVISORY_MAX_BYTES, ARCHIVE_MAX_BYTES, ARCHIVE_MAX_MEMBERS },
				     .want = want,
				     .visit = take,
				     .data = &w };
	int rc = advisory_importer_new(db, options, &w.m, err);
	if (rc)
		return rc;
	rc = archive_walk_file(path, &walk, err);
	if (!w.fatal) {
		/* a damaged end takes nothing away from what came before it */
		struct err own = ERR_INIT;
		int flushed = advisory_importer_flush(w.m, rc ? &own : err);
		rc = rc ? rc : flushed;
	}
	if (rc)
		(void)err_in_file(err, path);
	add_result(result, w.m, w.problems);
	*ret_problems = w.problems;
	advisory_importer_free(w.m);
	return rc;
}
