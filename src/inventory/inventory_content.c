/* Writes what a batch knows of contents: components, artifacts with what they hold, insides of images. Each is written
 * once, whatever holds it; what the database knows already is only looked up. See inventory.h. */
#include "inventory/inventory_int.h"

/* From so many new names on, the table of components is read whole instead of asked for each. */
#define COMPONENTS_AT_ONCE 256

int inventory_record_no_memory(struct record *r)
{
	return err_set(tx_err(r->tx), RF_ENOMEM, "no memory to record a scan");
}

/* ── Components ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int component_write(struct record *r, struct batch_component *c)
{
	int rc = TX_I64(r->tx, &c->id, "SELECT id FROM inventory_component WHERE product = $1 AND version = $2",
			DB_T(c->product), DB_T(c->version));
	if (rc != RF_ENOTFOUND)
		return rc;
	return TX_I64(r->tx, &c->id, "INSERT INTO inventory_component(product, version) VALUES($1, $2) RETURNING id",
		      DB_T(c->product), DB_T(c->version));
}

static int component_ids_read(struct record *r)
{
	RF_AUTO(str) key = STR_INIT(64 * KIB);
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(r->tx, "SELECT id, product, version FROM inventory_component", NULL, 0, &rows);
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		struct span product = rows_text(rows, 1), version = rows_text(rows, 2);
		str_reset(&key);
		str_addf(&key, "%.*s@%.*s", SPAN_ARG(product), SPAN_ARG(version));
		rc = str_check(&key, "component", tx_err(r->tx));
		struct batch_component *c = rc ? NULL : map_get(&r->batch->components, str_span(&key));
		if (c)
			c->id = rows_i64(rows, 0);
	}
	return rc;
}

static int components_write_many(struct record *r, size_t wanted)
{
	struct db_value *values = rf_realloc_array(NULL, 2 * wanted, sizeof *values);
	size_t n = 0;
	if (!values)
		return inventory_record_no_memory(r);
	for (size_t i = 0; i < r->batch->component_count; i++) {
		const struct batch_component *c = r->batch->component_list[i];
		if (!c->wanted)
			continue;
		values[n++] = DB_T(c->product);
		values[n++] = DB_T(c->version);
	}
	int rc = tx_insert_many(r->tx, "INSERT INTO inventory_component(product, version) VALUES",
				"ON CONFLICT DO NOTHING", values, 2, wanted);
	rf_free(values);
	return rc ? rc : component_ids_read(r);
}

static int components_write(struct record *r)
{
	size_t wanted = 0;
	for (size_t i = 0; i < r->batch->component_count; i++)
		wanted += r->batch->component_list[i]->wanted;
	if (wanted >= COMPONENTS_AT_ONCE)
		return components_write_many(r, wanted);
	for (size_t i = 0; i < r->batch->component_count; i++) {
		struct batch_component *c = r->batch->component_list[i];
		int rc = c->wanted ? component_write(r, c) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

/* ── Artifacts ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The same digest is the same content: a reading that saw all of it stands, whatever others could not see. */
static bool is_whole(struct span finding)
{
	return finding.n == 0;
}

/* Whose the facts are: nobody's, others' word, these readers'. */
static int64_t author(const struct batch_artifact *a)
{
	return a->placed_only ? 0 : a->claimed ? INVENTORY_CLAIM : inventory_reader();
}

/* Is @a's finding, a claim, worse than the one that stands, another claim of the same content? Names differ from place to
 * place, and with them what is found; a bill has looked at nothing. */
static bool finds_worse(const struct batch_artifact *a, struct span finding, struct span kind)
{
	if (strcmp(a->kind, ARTIFACT_BILL_ENTRY) == 0 || span_eq_text(kind, ARTIFACT_BILL_ENTRY))
		return false;
	return artifact_finding_of(span_of(a->finding)) > artifact_finding_of(finding);
}

static bool claim_replaces(const struct batch_artifact *a, struct span version, struct span finding, struct span kind)
{
	bool conflict = span_eq_text(finding, artifact_finding_text(ARTIFACT_CONFLICT));
	if (a->corrects || conflict)
		return a->corrects;
	if (strcmp(a->finding, artifact_finding_text(ARTIFACT_CONFLICT)) == 0)
		return true;
	return (version.n != 0) == (a->version[0] != '\0') && finds_worse(a, finding, kind);
}

/* Whether these facts are to stand in place of those in the database. A reading: of whatever was not read by these very
 * readers, when a name says more, when it is of an image that was not read whole and now is. A claim: of nothing that was
 * read; when a name says more, or it finds worse. */
static bool replaces(const struct batch_artifact *a, int64_t reader, struct span version, struct span finding,
		     struct span kind)
{
	if (a->placed_only || (a->claimed && reader > INVENTORY_CLAIM))
		return false;
	if (reader != author(a) || (a->claimed && claim_replaces(a, version, finding, kind)))
		return true;
	if (a->claimed && span_eq_text(finding, artifact_finding_text(ARTIFACT_CONFLICT)))
		return false;
	bool completes = !a->claimed && !is_whole(finding) && is_whole(span_of(a->finding)) &&
			 strcmp(a->kind, ARTIFACT_CONTAINER_IMAGE) == 0;
	bool recognised = span_eq_text(kind, ARTIFACT_OTHER) && strcmp(a->kind, ARTIFACT_OTHER) != 0;
	return completes || (version.n == 0 && (a->version[0] || recognised));
}

static int artifact_look(struct record *r, struct batch_artifact *a)
{
	char hex[DIGEST_HEX];
	RF_AUTO_ROWS rows = NULL;
	a->id = 0;
	int rc = TX_QUERY(r->tx, &rows, "SELECT id, reader, version, finding, kind FROM inventory_artifact WHERE digest = $1",
			  DB_T(digest_hex(&a->digest, hex)));
	if (rc == 0)
		rc = rows_next(rows);
	if (rc < 0)
		return rc;
	bool known = rc == 1;
	if (known)
		a->id = rows_i64(rows, 0);
	a->fresh = !known || replaces(a, rows_i64(rows, 1), rows_text(rows, 2), rows_text(rows, 3), rows_text(rows, 4));
	a->known_whole = known && is_whole(rows_text(rows, 3)) && !a->fresh;
	if (!known && a->placed_only && strcmp(a->kind, ARTIFACT_OTHER) == 0)
		return err_set(tx_err(r->tx), RF_EINVALID,
			       "content %.12s... is inside of something, and nothing is known of it", hex);
	if (!a->fresh)
		return 0;
	if (a->component)
		a->component->wanted = true;
	for (struct batch_held *h = a->held; h; h = h->next)
		h->component->wanted = true;
	return 0;
}

static int artifact_insert(struct record *r, struct batch_artifact *a)
{
	char hex[DIGEST_HEX];
	r->changes.artifacts += a->id == 0;
	return TX_I64(
		r->tx, &a->id,
		"INSERT INTO inventory_artifact(digest, size, kind, layout, product, version, version_source, target,"
		" compute_capability, finding, cause, notes, evidence, reader, first_seen, component_id, role, rules)"
		" VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
		" ON CONFLICT(digest) DO UPDATE SET size = excluded.size, kind = excluded.kind, layout = "
		"excluded.layout,"
		" product = excluded.product, version = excluded.version, version_source = excluded.version_source,"
		" target = excluded.target, compute_capability = excluded.compute_capability,"
		" finding = excluded.finding, cause = excluded.cause, notes = excluded.notes,"
		" evidence = excluded.evidence, reader = excluded.reader, component_id = excluded.component_id,"
		" role = excluded.role, rules = excluded.rules, revision = inventory_artifact.revision + 1 RETURNING id",
		DB_T(digest_hex(&a->digest, hex)), DB_I(a->size), DB_T(a->kind), DB_T(a->layout), DB_T(a->product),
		DB_T(a->version), DB_T(a->version_source), DB_T(a->target), DB_T(a->compute_capability),
		DB_T(a->finding), DB_T(a->cause), DB_T(a->notes), DB_T(a->evidence),
		DB_I(author(a)), DB_TIME(r->now),
		a->component ? DB_I(a->component->id) : DB_NONE, DB_T(a->role ? a->role : ""), DB_T(a->rules));
}

enum { HELD_COLUMNS = 5 };

static void held_value(struct db_value *to, const struct batch_artifact *a, const struct batch_component *c,
		       const char *role, const char *source, const char *location)
{
	to[0] = DB_I(a->id);
	to[1] = DB_I(c->id);
	to[2] = DB_T(role);
	to[3] = DB_T(source);
	to[4] = DB_T(location);
}

static int artifact_held_write(struct record *r, const struct batch_artifact *a)
{
	size_t n = a->component != NULL;
	for (const struct batch_held *h = a->held; h; h = h->next)
		n++;
	int rc = TX_RUN(r->tx, "DELETE FROM inventory_artifact_component WHERE artifact_id = $1", DB_I(a->id));
	if (rc || !n)
		return rc;
	struct db_value *values = rf_realloc_array(NULL, n * HELD_COLUMNS, sizeof *values), *to = values;
	if (!values)
		return inventory_record_no_memory(r);
	if (a->component) {
		held_value(to, a, a->component, a->role, a->version_source, "");
		to += HELD_COLUMNS;
	}
	for (const struct batch_held *h = a->held; h; h = h->next, to += HELD_COLUMNS)
		held_value(to, a, h->component, h->role, h->source, h->location);
	rc = tx_insert_many(
		r->tx,
		"INSERT INTO inventory_artifact_component(artifact_id, component_id, role, source, location) VALUES",
		"ON CONFLICT DO NOTHING", values, HELD_COLUMNS, n);
	rf_free(values);
	return rc;
}

/* What is derived from it is derived again, and from what it is inside of. */
static int artifact_revised(struct record *r, const struct batch_artifact *a)
{
	return TX_RUN(r->tx,
		      "UPDATE inventory_artifact SET revision = revision + 1 WHERE id IN (SELECT outer_id FROM "
		      "inventory_inside WHERE inner_id = $1)",
		      DB_I(a->id));
}

/* ── Insides ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* True when the database has these, and when they are @all that there is, just these. */
static int insides_same(struct record *r, const struct batch_artifact *a, bool all, bool *ret)
{
	RF_AUTO(map) stored = MAP_INIT;
	RF_AUTO_ROWS rows = NULL;
	size_t matched = 0, n = 0;
	arena_reset(&r->arena);
	int rc = TX_QUERY(r->tx, &rows, "SELECT path, inner_id FROM inventory_inside WHERE outer_id = $1", DB_I(a->id));
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		int64_t *inner = arena_alloc(&r->arena, sizeof *inner);
		struct span path = arena_span(&r->arena, rows_blob(rows, 0));
		if (!inner || !path.p)
			return inventory_record_no_memory(r);
		*inner = rows_i64(rows, 1);
		rc = map_set(&stored, path, inner) ? inventory_record_no_memory(r) : 0;
	}
	for (const struct batch_inside *i = a->insides; i; i = i->next, n++) {
		const int64_t *inner = map_get(&stored, span_of(i->path));
		matched += inner && *inner == i->artifact->id;
	}
	*ret = matched == n && (!all || stored.count == n);
	return rc;
}

/* What was read whole says what is inside, and what is not. Any other reading takes nothing away, and of what is known
 * whole it can tell nothing: a file that a layer deletes is seen in it when that layer is missing. */
static int insides_write(struct record *r, struct batch_artifact *a)
{
	bool same = false, whole = is_whole(span_of(a->finding));
	bool emptied = whole && a->fresh && strcmp(a->kind, ARTIFACT_CONTAINER_IMAGE) == 0;
	if ((!a->insides && !emptied) || (!whole && a->known_whole))
		return 0;
	int rc = insides_same(r, a, whole, &same);
	if (rc || same)
		return rc;
	if (whole)
		rc = TX_RUN(r->tx, "DELETE FROM inventory_inside WHERE outer_id = $1", DB_I(a->id));
	for (const struct batch_inside *i = a->insides; i && rc == 0; i = i->next)
		rc = TX_RUN(r->tx,
			    "INSERT INTO inventory_inside(outer_id, path, inner_id) VALUES($1, $2, $3)"
			    " ON CONFLICT(outer_id, path) DO UPDATE SET inner_id = excluded.inner_id",
			    DB_I(a->id), DB_B(span_of(i->path)), DB_I(i->artifact->id));
	return rc ? rc
		  : TX_RUN(r->tx, "UPDATE inventory_artifact SET revision = revision + 1 WHERE id = $1", DB_I(a->id));
}

/* ── All of it ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int each_wanted(struct record *r, int (*act)(struct record *, struct batch_artifact *))
{
	for (size_t i = 0; i < r->batch->artifact_count; i++) {
		struct batch_artifact *a = r->batch->artifact_list[i];
		int rc = a->wanted ? act(r, a) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

static int artifact_write(struct record *r, struct batch_artifact *a)
{
	if (!a->fresh)
		return 0;
	int rc = artifact_insert(r, a);
	if (rc == 0)
		rc = artifact_held_write(r, a);
	return rc ? rc : artifact_revised(r, a);
}

int inventory_contents_write(struct record *r)
{
	int rc = each_wanted(r, artifact_look);
	if (rc == 0)
		rc = components_write(r);
	if (rc == 0)
		rc = each_wanted(r, artifact_write);
	return rc ? rc : each_wanted(r, insides_write);
}

int inventory_artifact_is_read(struct transaction *tx, struct span digest_hex_, bool *ret)
{
	int64_t reader = 0;
	int rc = TX_I64(tx, &reader, "SELECT reader FROM inventory_artifact WHERE digest = $1", DB_S(digest_hex_));
	*ret = rc == 0 && reader > INVENTORY_CLAIM;
	return rc;
}
