/* Releases with their rows. What is signed is verified here: a request only looks at the answer. */
#include "gate/snapshot_build_int.h"

#include "build/kind.h"
#include "depot/statement.h"
#include "inventory/artifact.h"

static void tell(struct gate_builder *b, const struct err *err)
{
	if (b->problem)
		b->problem(err, b->data);
}

/* ── reading them ───────────────────────────────────────────────────────────────────────────────────────────────── */

struct names {
	struct gate_builder *b;
	struct span *list; /* service, name, service, name, ... */
	size_t count, room;
};

static int take_name(struct span service, struct span name, void *data)
{
	struct names *n = data;
	int rc = gate_build_room(n->b, (void **)&n->list, n->count + 1, &n->room, sizeof *n->list);
	if (rc)
		return rc;
	n->list[n->count] = arena_span(&n->b->a, service);
	n->list[n->count + 1] = arena_span(&n->b->a, name);
	n->count += 2;
	return n->list[n->count - 1].p && n->list[n->count - 2].p ? 0 : gate_build_no_memory(n->b);
}

/* What was signed, where the signature is good: it is read instead of the file beside it. */
static bool read_signed(struct gate_builder *b, struct arena *a, const char *service, const char *name, struct release *ret)
{
	RF_AUTO(str) envelope = STR_INIT(2 * RELEASE_MAX_BYTES);
	RF_AUTO(str) payload = STR_INIT(RELEASE_MAX_BYTES);
	char path[FS_PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/releases/%s/%s/release.dsse", depot_folder(b->how->depot), service, name);
	if (!b->how->key || n < 0 || (size_t)n >= sizeof path || fs_read(path, &envelope, NULL))
		return false;
	return !envelope_open(b->how->key, RELEASE_MEDIA_TYPE, str_span(&envelope), &payload, NULL) &&
	       !release_read_json(a, str_span(&payload), ret, NULL) && !strcmp(ret->service, service) &&
	       !strcmp(ret->name, name);
}

static int visit_release(struct gate_builder *b, struct arena *a, const struct span *names,
			 int (*visit)(struct gate_builder *b, const struct release *r, bool is_signed))
{
	struct release r;
	struct err err = ERR_INIT;
	const char *service = arena_text(a, names[0]), *name = arena_text(a, names[1]);
	if (!service || !name)
		return gate_build_no_memory(b);
	if (read_signed(b, a, service, name, &r))
		return visit(b, &r, true);
	if (!release_read(b->how->depot, a, service, name, &r, &err))
		return visit(b, &r, false);
	tell(b, &err);
	return 0;
}

int gate_build_each_release(struct gate_builder *b,
			    int (*visit)(struct gate_builder *b, const struct release *r, bool is_signed))
{
	struct names names = { .b = b };
	struct arena a = ARENA_INIT(4 * RELEASE_MAX_BYTES);
	int rc = b->how->depot ? release_each(b->tx, take_name, &names) : 0;
	for (size_t i = 0; !rc && i < names.count; i += 2) {
		arena_reset(&a);
		rc = visit_release(b, &a, names.list + i, visit);
	}
	arena_release(&a);
	rf_free(names.list);
	return rc;
}

bool gate_build_names_release(const struct gate_builder *b, struct span service, struct span name)
{
	const struct gate_building_part *part = b->how->part;
	for (size_t i = 0; part && i < part->reference_count; i++) {
		struct span r = part->references[i];
		if (r.n == service.n + 1 + name.n && span_eq(span_sub(r, 0, service.n), service) && r.p[service.n] == '/' &&
		    span_eq(span_from(r, service.n + 1), name))
			return true;
	}
	return false;
}

/* ── their rows ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static int toolchain_component(struct gate_builder *b, const struct release_toolchain *t, enum carrier carrier, uint32_t *ret)
{
	const struct toolchain_kind *kind = t->name ? toolchain_kind_find(span_of(t->name)) : NULL;
	*ret = GATE_NONE;
	if (!kind || !kind->product)
		return 0;
	const struct component c = { .product = product_by_purl(span_of(kind->product)),
				     .purl = span_of(kind->product),
				     .version = span_of(t->version) };
	return gate_snapshot_component(b->s, &c, carrier, ret, tx_err(b->tx));
}

/* What a file of that name is that the toolchain has built. */
static const char *kind_of(const struct release_row *row)
{
	struct span file = span_of(row->file);
	if (span_ends(file, ".ort"))
		return ARTIFACT_ONNXRUNTIME_ORT;
	if (span_ends(file, ".onnx"))
		return ARTIFACT_ONNXRUNTIME_OPTIMISED;
	return span_ends(file, ".plan") || span_ends(file, ".engine") ? ARTIFACT_TENSORRT_PLAN : ARTIFACT_OTHER;
}

/* An engine of the depot that no scan has seen: what its row says is all that is known. */
static int add_engine(struct gate_builder *b, const struct release_row *row, uint32_t builder, uint32_t *ret)
{
	const struct gate_part part = { builder, GATE_NONE, 0 };
	struct gate_artifact a = { .digest = row->engine, .set = GATE_NONE, .main = builder };
	int rc = gate_snapshot_set(b->s, &part, builder == GATE_NONE ? 0 : 1, &a.set, tx_err(b->tx));
	if (builder == GATE_NONE) {
		a.finding = ARTIFACT_UNKNOWN;
		rc = rc ? rc : gate_snapshot_text(b->s, SPAN(ARTIFACT_CAUSE_UNKNOWN_BUILDER), &a.cause, tx_err(b->tx));
	}
	if (!rc)
		rc = gate_snapshot_text(b->s, span_of(row->target), &a.target, tx_err(b->tx));
	if (!rc)
		rc = gate_snapshot_artifact(b->s, &a, span_of(kind_of(row)), ret, tx_err(b->tx));
	return rc;
}

/* Keys of the map lie in the arena: the table of artifacts moves while it grows. */
static int index_digest(struct gate_builder *b, const struct digest *digest, uint32_t artifact)
{
	struct span key = arena_span(&b->a, span_bytes(digest->bytes, DIGEST_BYTES));
	if (!key.p || map_set(&b->by_digest, key, (void *)((uintptr_t)artifact + 1)))
		return gate_build_no_memory(b);
	return 0;
}

static int index_contents(struct gate_builder *b)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < b->s->artifact_count; i++)
		rc = index_digest(b, &b->s->artifacts[i].digest, (uint32_t)i);
	return rc;
}

/* The artifact of a row. *ret GATE_NONE: the part asks about others. */
static int artifact_of(struct gate_builder *b, const struct release_row *row, uint32_t builder, bool is_named, uint32_t *ret)
{
	uintptr_t known = (uintptr_t)map_get(&b->by_digest, span_bytes(row->engine.bytes, DIGEST_BYTES));
	*ret = known ? (uint32_t)(known - 1) : GATE_NONE;
	if (known)
		return 0;
	bool wanted = !b->how->part || is_named;
	for (size_t i = 0; b->how->part && !wanted && i < b->how->part->digest_count; i++)
		wanted = digest_eq(&b->how->part->digests[i], &row->engine);
	int rc = wanted ? add_engine(b, row, builder, ret) : 0;
	return rc || !wanted ? rc : index_digest(b, &row->engine, *ret);
}

/* An attestation that the site signed and that is about this very engine. */
static bool attested(struct gate_builder *b, const struct release_row *row, const struct digest *blob, const char *predicate,
		     struct arena *a, struct statement_facts *ret)
{
	RF_AUTO(str) envelope = STR_INIT(ATTESTATION_MAX_BYTES);
	RF_AUTO(str) statement = STR_INIT(STATEMENT_MAX_BYTES);
	if (digest_is_zero(blob) || !b->how->key || depot_read_blob(b->how->depot, blob, &envelope, NULL))
		return false;
	return !envelope_open(b->how->key, STATEMENT_MEDIA_TYPE, str_span(&envelope), &statement, NULL) &&
	       !statement_read(a, str_span(&statement), predicate, ret, NULL) && digest_eq(&ret->engine, &row->engine);
}

static void attest(struct gate_builder *b, const struct release_row *row, bool is_signed, uint32_t artifact)
{
	struct gate_artifact *to = &b->s->artifacts[artifact];
	struct arena a = ARENA_INIT(4 * MIB);
	struct statement_facts f;
	unsigned signatures = to->signatures;
	if (is_signed)
		signatures |= workspace_signature_bit(WORKSPACE_SIGNATURE_RELEASE);
	if (attested(b, row, &row->provenance, PREDICATE_PROVENANCE, &a, &f)) {
		signatures |= workspace_signature_bit(WORKSPACE_SIGNATURE_PROVENANCE);
		if (f.finished_at > 0 && f.finished_at / USEC_PER_SEC <= UINT32_MAX)
			to->built_at = (uint32_t)(f.finished_at / USEC_PER_SEC);
	}
	if (attested(b, row, &row->proof_statement, PREDICATE_PROOF, &a, &f))
		signatures |= workspace_signature_bit(WORKSPACE_SIGNATURE_PROOF);
	to->signatures = signatures & 15u;
	arena_release(&a);
}

static int add_places(struct gate_builder *b, const struct release *r, const struct release_row *row, bool is_named,
		      uint32_t artifact)
{
	char below[FS_PATH_MAX], path[FS_PATH_MAX], name[2 * RELEASE_NAME_MAX + 16];
	int rc = release_row_path(r, row, below, sizeof below, tx_err(b->tx));
	if (!rc)
		rc = fs_join(path, sizeof path, depot_folder(b->how->depot), below, tx_err(b->tx));
	if (!rc && gate_build_names(b, span_of(path)))
		rc = gate_snapshot_model(b->s, span_of(path), artifact, tx_err(b->tx));
	if (b->how->part && !is_named)
		return rc;
	(void)snprintf(name, sizeof name, "release %s/%s", r->service, r->name);
	return rc ? rc : gate_snapshot_model(b->s, span_of(name), artifact, tx_err(b->tx));
}

static int add_row(struct gate_builder *b, const struct release *r, const struct release_row *row, bool is_signed,
		   uint32_t *release)
{
	struct gate_row to;
	bool is_named = gate_build_names_release(b, span_of(r->service), span_of(r->name));
	int rc = toolchain_component(b, &row->builder, CARRIER_BUILDER, &to.builder);
	if (!rc)
		rc = toolchain_component(b, &row->runtime, CARRIER_RUNTIME, &to.runtime);
	if (!rc)
		rc = artifact_of(b, row, to.builder, is_named, &to.artifact);
	if (rc || to.artifact == GATE_NONE)
		return rc;
	if (*release == GATE_NONE) {
		struct gate_release g = { .is_signed = is_signed, .as_found = r->as_found };
		rc = gate_snapshot_text(b->s, span_of(r->service), &g.service, tx_err(b->tx));
		if (!rc)
			rc = gate_snapshot_text(b->s, span_of(r->environment), &g.environment, tx_err(b->tx));
		if (!rc)
			rc = gate_snapshot_text(b->s, span_of(r->name), &g.name, tx_err(b->tx));
		if (!rc)
			rc = gate_snapshot_release(b->s, &g, release, tx_err(b->tx));
	}
	to.release = *release;
	if (!rc)
		rc = gate_snapshot_text(b->s, span_of(row->model), &to.model, tx_err(b->tx));
	if (!rc)
		rc = gate_snapshot_text(b->s, span_of(row->target), &to.target, tx_err(b->tx));
	if (!rc)
		rc = gate_snapshot_row(b->s, &to, tx_err(b->tx));
	if (!rc)
		attest(b, row, is_signed, to.artifact);
	return rc ? rc : add_places(b, r, row, is_named, to.artifact);
}

/* Of a part: rows of what it asks about; all rows of a release that it names. */
static int add_release(struct gate_builder *b, const struct release *r, bool is_signed)
{
	uint32_t release = GATE_NONE;
	int rc = 0;
	for (size_t i = 0; !rc && i < r->row_count; i++)
		rc = add_row(b, r, &r->rows[i], is_signed, &release);
	return rc;
}

int gate_build_releases(struct gate_builder *b)
{
	int rc = index_contents(b);
	return rc ? rc : gate_build_each_release(b, add_release);
}
