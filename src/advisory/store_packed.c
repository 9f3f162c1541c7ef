/* Archives are imported document by document, in batches of their own: an ecosystem's hundred thousand records are
 * never in memory at once. */
#include "advisory/store_packed.h"

struct packed_import {
	struct advisory_importer *m;
	const struct advisory_import *options;
	int64_t problems;
	bool fatal; /* the import is over, not only this document */
	struct err *err;
};

static int take(const struct packed_document *d, void *data)
{
	struct packed_import *w = data;
	int refused = 0;
	int rc = advisory_importer_add(w->m, d->bytes, d->name, &refused, w->err);
	w->fatal = rc != 0;
	if (rc || !refused)
		return rc;
	if (d->alone)
		return refused; /* it is the file that was named */
	if (refused != RF_EUNSUPPORTED) {
		w->problems++;
		(void)err_in_file(w->err, d->name);
		if (w->options->problem)
			w->options->problem(d->name, w->err, w->options->data);
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

int store_packed_import(struct database *db, const struct advisory_import *options, const char *path,
			struct advisory_import_result *result, int64_t *ret_problems, struct err *err)
{
	struct packed_import w = { .options = options, .err = err };
	int rc = advisory_importer_new(db, options, &w.m, err);
	if (rc)
		return rc;
	rc = packed_each(path, take, &w, err);
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
