/* pod_attest - what lies beside an engine in the depot's layout, and says what it is. See pod.h
 *
 *   RELEASE/release.json, release.dsse                        rows
 *   RELEASE/<os-arch>/<accelerator>/<model>/<version>/<file>  an engine
 *   RELEASE/<os-arch>/<accelerator>/<model>.provenance.dsse   statements about it
 *   <folder>/<file>                                           an engine elsewhere: statements are beside it, named
 *   <folder>/<file>.provenance.dsse                           as the file, or as what stands before its last dot
 */
#include "build/kind.h"
#include "depot/statement.h"
#include "gate/pod_int.h"

#include <limits.h>

static struct pod_release pod_no_release; /* a folder without one */

/* The folder that holds @path's last part; false: it has none above. */
static bool parent_of(struct span path, struct span *ret)
{
	size_t n = path.n;
	while (n > 0 && path.p[n - 1] != '/')
		n--;
	while (n > 1 && path.p[n - 1] == '/')
		n--;
	*ret = span_sub(path, 0, n);
	return n > 0 && n < path.n;
}

static struct span base_of(struct span path)
{
	size_t n = path.n;
	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return span_from(path, n);
}

/* ── Releases ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int read_beside(const char *folder, const char *name, struct str *to, struct err *err)
{
	char path[FS_PATH_MAX];
	int rc = fs_join(path, sizeof path, folder, name, err);
	return rc ? rc : fs_read(path, to, err);
}

static bool is_signed(const char *folder, const struct verify_key *key, struct span json)
{
	RF_AUTO(str) envelope = STR_INIT(2 * RELEASE_MAX_BYTES);
	RF_AUTO(str) payload = STR_INIT(2 * RELEASE_MAX_BYTES);
	struct err err = ERR_INIT;
	return read_beside(folder, RELEASE_SIGNATURE_FILE, &envelope, &err) == 0 &&
	       envelope_open(key, RELEASE_MEDIA_TYPE, str_span(&envelope), &payload, &err) == 0 &&
	       span_eq(str_span(&payload), json);
}

static int rows_index(struct pod_found *f, struct pod_release *r)
{
	for (size_t i = 0; i < r->release.row_count; i++) {
		const struct release_row *row = &r->release.rows[i];
		char *path = arena_printf(f->arena, "%s/%s/%u/%s", row->target, row->model, (unsigned)row->version, row->file);
		if (!path || map_set(&r->rows, span_of(path), (void *)(uintptr_t)row) != 0)
			return RF_ENOMEM;
	}
	return 0;
}

/* One whose release.json cannot be read, or whose signature is missing or another's, is kept as such. An as-found one
 * attests nothing. */
static int release_load(struct pod_found *f, const char *folder, struct pod_release **ret, struct err *err)
{
	RF_AUTO(str) json = STR_INIT(RELEASE_MAX_BYTES);
	struct err why = ERR_INIT;
	int rc = read_beside(folder, RELEASE_FILE, &json, &why);
	*ret = &pod_no_release;
	if (rc == RF_ENOTFOUND)
		return 0;
	struct pod_release *r = arena_alloc(f->arena, sizeof *r);
	if (!r)
		return err_set(err, RF_ENOMEM, "no memory for a release");
	r->folder = folder;
	if (rc == 0)
		rc = release_read_json(f->arena, str_span(&json), &r->release, &why);
	r->is_readable = rc == 0;
	if (rc == RF_ENOMEM || (r->is_readable && rows_index(f, r) != 0))
		return err_set(err, RF_ENOMEM, "no memory for a release");
	r->is_verified = r->is_readable && f->o->key && is_signed(folder, f->o->key, str_span(&json));
	f->release_count++;
	f->verified_count += r->is_verified;
	*ret = r;
	return 0;
}

int pod_release_of(struct pod_found *f, struct pod_file *file, struct err *err)
{
	struct span folder = span_of(file->path);
	for (int i = 0; i < 5; i++)
		if (!parent_of(folder, &folder))
			return 0;
	struct pod_release *r = map_get(&f->releases, folder);
	if (!r) {
		char *name = arena_text(f->arena, folder);
		int rc = name ? release_load(f, name, &r, err) : RF_ENOMEM;
		if (rc == 0)
			rc = map_set(&f->releases, span_of(name), r);
		if (rc)
			return rc == RF_ENOMEM ? err_set(err, rc, "no memory for a release") : rc;
	}
	if (r != &pod_no_release)
		file->release = r;
	return 0;
}

static const struct release_row *row_of(const struct pod_file *file)
{
	const struct pod_release *r = file->release;
	return r && r->is_readable ? map_get(&r->rows, span_of(file->path + strlen(r->folder) + 1)) : NULL;
}

/* ── Attestations ───────────────────────────────────────────────────────────────────────────────────────────────── */

#define MAX_ATTESTATIONS 8
struct attesting {
	struct arena *a;
	const struct verify_key *key;
	struct gate_attestation list[MAX_ATTESTATIONS];
	size_t count;
	struct err *err;
};

static int keep(struct attesting *t, const struct gate_attestation *what)
{
	if (t->count < MAX_ATTESTATIONS)
		t->list[t->count++] = *what;
	return 0;
}

/* `command` builds with whatever its recipe names: then the product is not said. */
static struct span product_of(struct span toolchain)
{
	const struct toolchain_kind *kind = toolchain_kind_find(toolchain);
	return kind && kind->product ? span_of(kind->product) : SPAN_NONE;
}

/* Whoever has no release.dsse has not signed, and as found is what nobody built here: such a row vouches for nothing, but
 * the file it names must be the one that lies there. A release.dsse that says something else, or that another key signed,
 * is bad, whatever the release says of itself. */
static int row_attests(struct attesting *t, const struct pod_file *file)
{
	const struct pod_release *r = file->release;
	const struct release_row *row = row_of(file);
	char path[FS_PATH_MAX];
	bool has_signature = r && fs_join(path, sizeof path, r->folder, RELEASE_SIGNATURE_FILE, NULL) == 0 && fs_exists(path);
	bool is_claim = r && (!has_signature || (r->is_verified && r->release.as_found));
	if (!r || ((is_claim || r->is_verified) && !row))
		return 0;
	struct gate_attestation what = { .kind = WORKSPACE_SIGNATURE_RELEASE,
					 .is_verified = r->is_verified && !is_claim,
					 .is_claim = is_claim,
					 .name = SPAN(RELEASE_FILE),
					 .built_at = USEC_NONE };
	if (row) {
		what.subject = row->engine;
		what.product = row->builder.name ? product_of(span_of(row->builder.name)) : SPAN_NONE;
		what.version = row->builder.version ? span_of(row->builder.version) : SPAN_NONE;
		what.target = span_of(row->target);
	}
	return keep(t, &what);
}

struct paper {
	const char *suffix, *predicate;
	enum workspace_signature kind;
};
static const struct paper papers[] = {
	{ RELEASE_PROVENANCE_SUFFIX, PREDICATE_PROVENANCE, WORKSPACE_SIGNATURE_PROVENANCE },
	{ RELEASE_PROOF_SUFFIX, PREDICATE_PROOF, WORKSPACE_SIGNATURE_PROOF },
};

/* @stem with the paper's suffix, when it is there. */
static int paper_read(struct attesting *t, struct span stem, const struct paper *paper)
{
	RF_AUTO(str) envelope = STR_INIT(ATTESTATION_MAX_BYTES);
	RF_AUTO(str) statement = STR_INIT(ATTESTATION_MAX_BYTES);
	struct gate_attestation what = { .kind = paper->kind, .built_at = USEC_NONE };
	struct statement_facts said = { .finished_at = USEC_NONE };
	struct err why = ERR_INIT;
	if (base_of(stem).n + strlen(paper->suffix) > NAME_MAX)
		return 0; /* no file has such a name */
	char *path = arena_printf(t->a, "%.*s%s", SPAN_ARG(stem), paper->suffix);
	if (!path)
		return err_set(t->err, RF_ENOMEM, "no memory for an attestation");
	int rc = fs_read(path, &envelope, &why);
	if (rc == RF_ENOTFOUND)
		return 0;
	what.name = base_of(span_of(path));
	if (rc == 0)
		rc = envelope_open(t->key, STATEMENT_MEDIA_TYPE, str_span(&envelope), &statement, &why);
	if (rc == 0)
		rc = statement_read(t->a, str_span(&statement), paper->predicate, &said, &why);
	if (rc == RF_ENOMEM)
		return err_set(t->err, RF_ENOMEM, "no memory for an attestation");
	what.is_verified = rc == 0;
	what.subject = said.engine;
	what.product = product_of(said.toolchain);
	what.version = said.toolchain_version;
	what.target = said.target;
	what.built_at = said.finished_at;
	return keep(t, &what);
}

static bool is_digits(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* By each name that a statement about the file may have. */
static int papers_attest(struct attesting *t, struct span path)
{
	struct span name = base_of(path), version, model, stems[3] = { path };
	size_t n = 1, dot = name.n;
	while (dot > 0 && name.p[dot - 1] != '.')
		dot--;
	if (dot > 1)
		stems[n++] = span_sub(path, 0, path.n - name.n + dot - 1);
	if (parent_of(path, &version) && is_digits(base_of(version)) && parent_of(version, &model))
		stems[n++] = span_sub(path, 0, (size_t)(base_of(version).p - path.p) - 1);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < RF_COUNT(papers); k++) {
			int rc = paper_read(t, stems[i], &papers[k]);
			if (rc)
				return rc;
		}
	return 0;
}

int pod_attestations(const struct pod_file *file, const struct verify_key *key, struct arena *a,
		     const struct gate_attestation **ret, size_t *ret_n, struct err *err)
{
	struct attesting t = { .a = a, .key = key, .err = err };
	*ret = NULL;
	*ret_n = 0;
	if (!key)
		return 0;
	int rc = row_attests(&t, file);
	if (rc == 0)
		rc = papers_attest(&t, span_of(file->path));
	if (rc || t.count == 0)
		return rc;
	struct gate_attestation *list = arena_array(a, t.count, sizeof *list);
	if (!list)
		return err_set(err, RF_ENOMEM, "no memory for attestations");
	memcpy(list, t.list, t.count * sizeof *list);
	*ret = list;
	*ret_n = t.count;
	return 0;
}

int pod_runtime(const struct pod_file *file, struct arena *a, const struct component **ret, struct err *err)
{
	const struct release_row *row = row_of(file);
	*ret = NULL;
	struct span product = row && row->runtime.name ? product_of(span_of(row->runtime.name)) : SPAN_NONE;
	if (!product.n)
		return 0;
	struct component *c = arena_alloc(a, sizeof *c);
	if (!c)
		return err_set(err, RF_ENOMEM, "no memory for a runtime");
	c->product = product_by_purl(product);
	c->purl = product;
	c->version = row->runtime.version ? span_of(row->runtime.version) : SPAN_NONE;
	*ret = c;
	return 0;
}

/* ── Other fronts ───────────────────────────────────────────────────────────────────────────────────────────────── */

struct gate_papers {
	struct gate_pod_options o;
	struct arena arena;
	struct pod_found found; /* of it the releases */
};

int gate_papers_new(const struct verify_key *key, struct gate_papers **ret, struct err *err)
{
	struct gate_papers *p = rf_alloc(sizeof *p);
	if (!p)
		return err_set(err, RF_ENOMEM, "no memory for attestations");
	*p = (struct gate_papers){ .o = { .key = key }, .arena = ARENA_INIT(GATE_POD_ARENA_BYTES) };
	p->found = (struct pod_found){ .o = &p->o, .arena = &p->arena };
	*ret = p;
	return 0;
}

void gate_papers_free(struct gate_papers *p)
{
	if (!p)
		return;
	pod_found_release(&p->found);
	arena_release(&p->arena);
	rf_free(p);
}

int gate_papers_of(struct gate_papers *p, const char *path, struct arena *a, struct gate_subject *s, struct err *err)
{
	struct pod_file file = { .path = path };
	int rc = pod_release_of(&p->found, &file, err);
	if (rc == 0)
		rc = pod_attestations(&file, p->o.key, a, &s->attestations, &s->attestation_count, err);
	return rc ? rc : pod_runtime(&file, a, &s->runtime, err);
}
