/* What a release must hold before it is written: names that are safe as file names, rows that are complete and unique.
 */
#include "depot_int.h"

bool release_name_ok(struct span name)
{
	if (name.n == 0 || name.n > RELEASE_NAME_MAX || name.p[0] == '.')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!letter && c != '.' && c != '_' && c != '+' && c != '-')
			return false;
	}
	return true;
}

static int check_name(const char *name, const char *what, struct err *err)
{
	if (release_name_ok(span_of(name)))
		return 0;
	(void)err_set(err, RF_EINVALID, "'%.140s' is no name: 1 to %d of [A-Za-z0-9._+-], no dot first",
		      name ? name : "", RELEASE_NAME_MAX);
	(void)err_in_field(err, "%s", what);
	return RF_EINVALID;
}

bool release_target_ok(struct span target)
{
	size_t slash = span_find_byte(target, '/');

	return slash != SIZE_MAX && release_name_ok(span_sub(target, 0, slash)) &&
	       release_name_ok(span_from(target, slash + 1));
}

static int row_error(struct err *err, const struct release_row *row, const char *member, const char *text)
{
	(void)err_set(err, RF_EINVALID, "%s", text);
	(void)err_in_field(err, "engines[%s on %s].%s", row->model ? row->model : "?", row->target ? row->target : "?",
			   member);
	return RF_EINVALID;
}

static int check_toolchain(const struct release_row *row, const struct release_toolchain *t, const char *member,
			   struct err *err)
{
	bool named = t->name && t->name[0];

	if (!named && ((t->version && t->version[0]) || !digest_is_zero(&t->library)))
		return row_error(err, row, member, "a version or a library without the toolchain's name");
	if (named && !release_name_ok(span_of(t->name)))
		return row_error(err, row, member, "the toolchain is no name");
	if (named && !release_name_ok(span_of(t->version)))
		return row_error(err, row, member, "the toolchain's version is missing or no name");
	return 0;
}

static int check_as_found(const struct release_row *row, struct err *err)
{
	if (!row->carried_over)
		return row_error(err, row, "carried_over", "an as-found release holds nothing that was built for it");
	if (!digest_is_zero(&row->provenance) || !digest_is_zero(&row->proof_statement))
		return row_error(err, row, "attestations", "engines as found have none");
	return 0;
}

static int check_row(const struct release_row *row, struct err *err)
{
	struct span model = span_of(row->model);
	int rc;

	if (!release_name_ok(model))
		return row_error(err, row, "model", "no name: 1 to 128 of [A-Za-z0-9._+-], no dot first");
	/* such a folder would stand where another model's attestation goes */
	if (span_ends(model, RELEASE_PROVENANCE_SUFFIX) || span_ends(model, RELEASE_PROOF_SUFFIX))
		return row_error(err, row, "model", "the name ends like an attestation's file");
	if (!release_target_ok(span_of(row->target)))
		return row_error(err, row, "target", "a target is os-arch/accelerator, both names");
	if (!release_name_ok(span_of(row->file)))
		return row_error(err, row, "file", "no file name");
	if (row->version == 0)
		return row_error(err, row, "version", "versions count from 1");
	if (digest_is_zero(&row->engine))
		return row_error(err, row, "engine", "the digest is missing");
	if (!row->carried_over && digest_is_zero(&row->provenance))
		return row_error(err, row, "attestations.provenance",
				 "only engines carried over may lack a provenance");
	rc = check_toolchain(row, &row->builder, "builder", err);
	return rc != 0 ? rc : check_toolchain(row, &row->runtime, "runtime", err);
}

static int compare_rows(const void *a, const void *b)
{
	const struct release_row *x = *(const struct release_row *const *)a, *y = *(const struct release_row *const *)b;
	int by_target = strcmp(x->target, y->target);

	return by_target != 0 ? by_target : strcmp(x->model, y->model);
}

int release_sort_rows(const struct release *r, const struct release_row ***ret, struct err *err)
{
	const struct release_row **rows = rf_realloc_array(NULL, r->row_count + 1, sizeof(*rows));

	if (!rows)
		return err_set(err, RF_ENOMEM, "no memory for %zu rows", r->row_count);
	for (size_t i = 0; i < r->row_count; i++)
		rows[i] = &r->rows[i];
	qsort(rows, r->row_count, sizeof(*rows), compare_rows);
	*ret = rows;
	return 0;
}

static int check_unique(const struct release *r, struct err *err)
{
	RF_AUTO_FREE const struct release_row **rows = NULL;
	int rc = release_sort_rows(r, &rows, err);

	for (size_t i = 1; rc == 0 && i < r->row_count; i++)
		if (compare_rows(&rows[i - 1], &rows[i]) == 0)
			rc = row_error(err, rows[i], "model", "this model is there twice for this target");
	return rc;
}

static int check_head(const struct release *r, struct err *err)
{
	int rc = check_name(r->service, "service", err);

	if (rc == 0)
		rc = check_name(r->environment, "environment", err);
	if (rc == 0)
		rc = check_name(r->name, "name", err);
	if (rc == 0 && r->parent && r->parent[0])
		rc = check_name(r->parent, "parent", err);
	if (rc == 0 && r->advisory_count > RELEASE_MAX_ADVISORIES)
		rc = err_set(err, RF_ETOOMANY, "%zu advisories, at most %d", r->advisory_count, RELEASE_MAX_ADVISORIES);
	for (size_t i = 0; rc == 0 && i < r->advisory_count; i++)
		rc = check_name(r->advisories[i], "advisories", err);
	if (rc == 0 && (!r->created_by || !r->created_by[0] || !span_is_utf8(span_of(r->created_by)) ||
			r->created_at == USEC_NONE))
		rc = err_set(err, RF_EINVALID, "who made the release and when is missing");
	if (rc == 0 && (r->ledger_size < 0 || (r->ledger_size == 0) != digest_is_zero(&r->ledger_head)))
		rc = err_set(err, RF_EINVALID, "a ledger head has a size and a hash, or neither");
	return rc;
}

int release_check(const struct release *r, struct err *err)
{
	int rc = check_head(r, err);

	if (rc == 0 && r->row_count == 0)
		rc = err_set(err, RF_EINVALID, "a release without engines");
	if (rc == 0 && r->row_count > RELEASE_MAX_ROWS)
		rc = err_set(err, RF_ETOOMANY, "%zu engines in a release, at most %d", r->row_count, RELEASE_MAX_ROWS);
	for (size_t i = 0; rc == 0 && i < r->row_count; i++)
		rc = check_row(&r->rows[i], err);
	for (size_t i = 0; rc == 0 && r->as_found && i < r->row_count; i++)
		rc = check_as_found(&r->rows[i], err);
	if (rc == 0 && r->as_found && r->advisory_count)
		rc = err_set(err, RF_EINVALID, "an as-found release answers no advisory");
	return rc != 0 ? rc : check_unique(r, err);
}

int release_row_path(const struct release *r, const struct release_row *row, char *ret, size_t size, struct err *err)
{
	int n = snprintf(ret, size, "releases/%s/%s/%s/%s/%u/%s", r->service, r->name, row->target, row->model,
			 (unsigned)row->version, row->file);

	if (n < 0 || (size_t)n >= size)
		return err_set(err, RF_ETOOBIG, "the path of '%s' in its release is too long", row->model);
	return 0;
}
