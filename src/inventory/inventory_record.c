/*
 * Writes a batch: one transaction, so that readers see the inventory before a scan or after it, never between.
 *
 *   for each (host, service, environment):
 *     open placements there      path seen with the same content, model, runtime   -> seen_last
 *                                path seen with another                            -> closed, a new one opened
 *                                not seen, below a root of the scan, and readable  -> closed
 *     paths not there yet                                                          -> opened
 */
#include "inventory/inventory_int.h"

#define KNOWN_KEEP_USEC (90 * USEC_PER_DAY)

struct open_row {
	int64_t id, runtime_id;
	const char *digest, *model, *path;
	bool seen;
	struct open_row *next;
};

struct record {
	const struct inventory_batch *batch;
	struct transaction *tx;
	struct arena arena; /* of one group at a time */
	struct inventory_changes changes;
	usec_t now;
};

static int no_memory(struct record *r)
{
	return err_set(tx_err(r->tx), RF_ENOMEM, "no memory to record a scan");
}

/* ── Components and contents ─────────────────────────────────────────────────────────────────────────────────────── */

static int components_write(struct record *r)
{
	for (size_t i = 0; i < r->batch->component_count; i++) {
		struct batch_component *c = r->batch->component_list[i];
		int rc = TX_RUN(
			r->tx,
			"INSERT INTO inventory_component(product, version) VALUES($1, $2) ON CONFLICT DO NOTHING",
			DB_T(c->product), DB_T(c->version));
		if (rc == 0)
			rc = TX_I64(r->tx, &c->id,
				    "SELECT id FROM inventory_component WHERE product = $1 AND version = $2",
				    DB_T(c->product), DB_T(c->version));
		if (rc)
			return rc;
	}
	return 0;
}

static int artifact_link(struct record *r, const struct batch_artifact *a, const char *hex)
{
	int rc = TX_RUN(r->tx, "DELETE FROM inventory_artifact_component WHERE digest = $1", DB_T(hex));
	if (rc || !a->component)
		return rc;
	return TX_RUN(r->tx, "INSERT INTO inventory_artifact_component(digest, component_id, role) VALUES($1, $2, $3)",
		      DB_T(hex), DB_I(a->component->id), DB_T(a->role));
}

static int artifact_write(struct record *r, const struct batch_artifact *a)
{
	char hex[DIGEST_HEX];
	int64_t reader = 0;
	digest_hex(&a->digest, hex);
	/* facts that an older reader, or a name that said less, gave are replaced */
	int rc = TX_I64(r->tx, &reader,
			"SELECT CASE WHEN version = '' AND $2 <> '' THEN 0 ELSE reader END FROM inventory_artifact "
			"WHERE digest = $1",
			DB_T(hex), DB_T(a->version));
	if (rc == 0 && reader >= INVENTORY_READER)
		return 0;
	if (rc && rc != RF_ENOTFOUND)
		return rc;
	r->changes.artifacts += rc == RF_ENOTFOUND;
	rc = TX_RUN(
		r->tx,
		"INSERT INTO inventory_artifact(digest, size, kind, layout, product, version, version_source, target,"
		" compute_capability, finding, cause, notes, evidence, reader, first_seen)"
		" VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
		" ON CONFLICT(digest) DO UPDATE SET kind = excluded.kind, layout = excluded.layout, product = "
		"excluded.product,"
		" version = excluded.version, version_source = excluded.version_source, target = excluded.target,"
		" compute_capability = excluded.compute_capability, finding = excluded.finding, cause = excluded.cause,"
		" notes = excluded.notes, evidence = excluded.evidence, reader = excluded.reader",
		DB_T(hex), DB_I(a->size), DB_T(a->kind), DB_T(a->layout), DB_T(a->product), DB_T(a->version),
		DB_T(a->version_source), DB_T(a->target), DB_T(a->compute_capability), DB_T(a->finding), DB_T(a->cause),
		DB_T(a->notes), DB_T(a->evidence), DB_I(INVENTORY_READER), DB_TIME(r->now));
	return rc ? rc : artifact_link(r, a, hex);
}

static int artifacts_write(struct record *r)
{
	for (size_t i = 0; i < r->batch->artifact_count; i++) {
		int rc = artifact_write(r, r->batch->artifact_list[i]);
		if (rc)
			return rc;
	}
	return 0;
}

/* ── Placements ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int open_rows_load(struct record *r, const struct batch_group *g, struct map *by_path,
			  struct open_row **ret_list)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(r->tx, &rows,
			  "SELECT id, path, digest, model, runtime_id FROM inventory_placement"
			  " WHERE host = $1 AND service = $2 AND environment = $3 AND gone_at IS NULL",
			  DB_T(g->host), DB_T(g->service), DB_T(g->environment));
	if (rc)
		return rc;
	while ((rc = rows_next(rows)) == 1) {
		struct open_row *o = arena_alloc(&r->arena, sizeof *o);
		if (!o)
			return no_memory(r);
		o->id = rows_i64(rows, 0);
		o->path = arena_text(&r->arena, rows_blob(rows, 1));
		o->digest = arena_text(&r->arena, rows_text(rows, 2));
		o->model = arena_text(&r->arena, rows_text(rows, 3));
		o->runtime_id = rows_i64(rows, 4);
		if (!o->path || !o->digest || !o->model || map_set(by_path, span_of(o->path), o) < 0)
			return no_memory(r);
		o->next = *ret_list;
		*ret_list = o;
	}
	return rc;
}

static int placement_close(struct record *r, int64_t id)
{
	return TX_RUN(r->tx, "UPDATE inventory_placement SET gone_at = $1 WHERE id = $2", DB_TIME(r->now), DB_I(id));
}

/* A runtime library is what it is, whatever its service says; its component is sure once all its names were met. */
static const struct batch_component *runtime_of(const struct batch_item *item)
{
	const struct batch_artifact *a = item->artifact;
	return a->role && strcmp(a->role, INVENTORY_ROLE_RUNTIME) == 0 ? a->component : item->runtime;
}

static int placement_open(struct record *r, const struct batch_group *g, const struct batch_item *item, const char *hex)
{
	const struct batch_component *runtime = runtime_of(item);
	return TX_RUN(r->tx,
		      "INSERT INTO inventory_placement(host, path, service, environment, model, digest, runtime_id, "
		      "seen_from,"
		      " seen_last) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		      DB_T(g->host), DB_B(span_of(item->path)), DB_T(g->service), DB_T(g->environment),
		      DB_T(item->model), DB_T(hex), runtime ? DB_I(runtime->id) : DB_NONE, DB_TIME(r->now),
		      DB_TIME(r->now));
}

static int item_write(struct record *r, const struct batch_group *g, const struct batch_item *item,
		      const struct map *by_path)
{
	char hex[DIGEST_HEX];
	struct open_row *o = map_get(by_path, span_of(item->path));
	const struct batch_component *runtime = runtime_of(item);
	int64_t runtime_id = runtime ? runtime->id : 0;
	digest_hex(&item->artifact->digest, hex);
	if (o && o->seen)
		return 0; /* reached twice: overlapping roots */
	if (o)
		o->seen = true;
	if (o && strcmp(o->digest, hex) == 0 && strcmp(o->model, item->model) == 0 && o->runtime_id == runtime_id) {
		r->changes.unchanged++;
		return TX_RUN(r->tx, "UPDATE inventory_placement SET seen_last = $1 WHERE id = $2", DB_TIME(r->now),
			      DB_I(o->id));
	}
	int rc = o ? placement_close(r, o->id) : 0;
	if (rc)
		return rc;
	if (o)
		r->changes.replaced++;
	else
		r->changes.added++;
	return placement_open(r, g, item, hex);
}

/* @path is @folder or lies below it. */
static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);
	while (n > 1 && folder[n - 1] == '/')
		n--;
	if (strncmp(path, folder, n) != 0)
		return false;
	return path[n] == '\0' || path[n] == '/' || (n == 1 && folder[0] == '/');
}

static bool is_below_any(const char *path, const struct batch_path *list)
{
	for (; list; list = list->next)
		if (is_below(path, list->path))
			return true;
	return false;
}

static int vanished_close(struct record *r, const struct batch_group *g, const struct open_row *list)
{
	for (const struct open_row *o = list; o; o = o->next) {
		if (o->seen || !is_below_any(o->path, g->roots) || is_below_any(o->path, g->unseen))
			continue;
		int rc = placement_close(r, o->id);
		if (rc)
			return rc;
		r->changes.vanished++;
	}
	return 0;
}

/* A path that is met a second time in one batch (overlapping roots) must not be opened twice. */
static int group_items_write(struct record *r, const struct batch_group *g, struct map *by_path)
{
	for (const struct batch_item *item = g->items; item; item = item->next) {
		bool is_new = !map_get(by_path, span_of(item->path));
		int rc = item_write(r, g, item, by_path);
		if (rc)
			return rc;
		if (!is_new)
			continue;
		struct open_row *o = arena_alloc(&r->arena, sizeof *o);
		if (!o || map_set(by_path, span_of(item->path), o) < 0)
			return no_memory(r);
		o->seen = true;
	}
	return 0;
}

/* What could not be read this time; what is below the scanned roots and was not met again is readable now, or gone. */
static int unseen_write(struct record *r, const struct batch_group *g)
{
	for (const struct batch_path *u = g->unseen; u; u = u->next) {
		int rc = TX_RUN(r->tx,
				"INSERT INTO inventory_unseen(host, service, environment, path, reason, since, last)"
				" VALUES($1, $2, $3, $4, $5, $6, $7) ON CONFLICT(host, service, environment, path) DO "
				"UPDATE SET"
				" reason = excluded.reason, last = excluded.last",
				DB_T(g->host), DB_T(g->service), DB_T(g->environment), DB_B(span_of(u->path)),
				DB_T(u->reason), DB_TIME(r->now), DB_TIME(r->now));
		if (rc)
			return rc;
	}
	struct batch_path *old = NULL;
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(
		r->tx, &rows,
		"SELECT path FROM inventory_unseen WHERE host = $1 AND service = $2 AND environment = $3 AND last < $4",
		DB_T(g->host), DB_T(g->service), DB_T(g->environment), DB_TIME(r->now));
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		struct batch_path *p = arena_alloc(&r->arena, sizeof *p);
		if (!p || !(p->path = arena_text(&r->arena, rows_blob(rows, 0))))
			return no_memory(r);
		p->next = old;
		old = p;
		rc = 0;
	}
	for (; rc == 0 && old; old = old->next)
		if (is_below_any(old->path, g->roots))
			rc = TX_RUN(r->tx,
				    "DELETE FROM inventory_unseen WHERE host = $1 AND service = $2 AND environment = "
				    "$3 AND path = $4",
				    DB_T(g->host), DB_T(g->service), DB_T(g->environment), DB_B(span_of(old->path)));
	return rc;
}

static int group_write(struct record *r, const struct batch_group *g)
{
	RF_AUTO(map) by_path = MAP_INIT;
	struct open_row *list = NULL;
	arena_reset(&r->arena);
	int rc = open_rows_load(r, g, &by_path, &list);
	if (rc == 0)
		rc = group_items_write(r, g, &by_path);
	if (rc == 0)
		rc = vanished_close(r, g, list);
	return rc ? rc : unseen_write(r, g);
}

/* ── What is named no more ───────────────────────────────────────────────────────────────────────────────────────── */

struct unnamed {
	int64_t id; /* of a placement; 0 */
	const char *path, *service, *environment;
	struct unnamed *next;
};

static int unnamed_take(struct record *r, struct db_rows *rows, struct unnamed **list)
{
	const struct inventory_batch *b = r->batch;
	struct unnamed *u = arena_alloc(&r->arena, sizeof *u);
	if (!u)
		return no_memory(r);
	u->id = rows_i64(rows, 0);
	u->path = arena_text(&r->arena, rows_blob(rows, 1));
	u->service = arena_text(&r->arena, rows_text(rows, 2));
	u->environment = arena_text(&r->arena, rows_text(rows, 3));
	if (!u->path || !u->service || !u->environment)
		return no_memory(r);
	if (b->named(u->path, span_of(u->service), span_of(u->environment), b->named_data))
		return 0;
	u->next = *list;
	*list = u;
	return 0;
}

/* Rows of @sql (id, path, service, environment; $1: host) that nothing names any more. */
static int unnamed_find(struct record *r, const char *sql, struct unnamed **ret)
{
	RF_AUTO_ROWS rows = NULL;
	*ret = NULL;
	arena_reset(&r->arena);
	int rc = TX_QUERY(r->tx, &rows, sql, DB_T(r->batch->whole_host));
	while (rc == 0 && (rc = rows_next(rows)) == 1)
		rc = unnamed_take(r, rows, ret);
	return rc;
}

static int unnamed_close(struct record *r)
{
	struct unnamed *u;
	if (!r->batch->whole_host)
		return 0;
	int rc = unnamed_find(r,
			      "SELECT id, path, service, environment FROM inventory_placement"
			      " WHERE host = $1 AND gone_at IS NULL",
			      &u);
	for (; rc == 0 && u; u = u->next, r->changes.vanished++)
		rc = placement_close(r, u->id);
	if (rc == 0)
		rc = unnamed_find(r, "SELECT 0, path, service, environment FROM inventory_unseen WHERE host = $1", &u);
	for (; rc == 0 && u; u = u->next)
		rc = TX_RUN(r->tx,
			    "DELETE FROM inventory_unseen WHERE host = $1 AND service = $2 AND environment = $3 AND "
			    "path = $4",
			    DB_T(r->batch->whole_host), DB_T(u->service), DB_T(u->environment), DB_B(span_of(u->path)));
	return rc;
}

/* ── The scan cache ──────────────────────────────────────────────────────────────────────────────────────────────── */

static int known_write(struct record *r)
{
	char machine[65], hex[DIGEST_HEX];
	inventory_machine(machine);
	for (const struct batch_known *k = r->batch->known; k; k = k->next) {
		const struct scan_identity *id = &k->identity;
		digest_hex(&k->digest, hex);
		int rc = TX_RUN(
			r->tx,
			"INSERT INTO inventory_known(machine, device, inode, size, mtime_ns, ctime_ns, digest, "
			"second_look,"
			" reader, hashed_at) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
			" ON CONFLICT(machine, device, inode) DO UPDATE SET size = excluded.size, mtime_ns = "
			"excluded.mtime_ns,"
			" ctime_ns = excluded.ctime_ns, digest = excluded.digest, second_look = excluded.second_look,"
			" reader = excluded.reader, hashed_at = excluded.hashed_at",
			DB_T(machine), DB_I(id->device), DB_I(id->inode), DB_I(id->size), DB_I(id->mtime_ns),
			DB_I(id->ctime_ns), DB_T(hex), DB_S(k->second_look.n ? k->second_look : SPAN("")),
			DB_I(INVENTORY_READER), DB_TIME(r->now));
		if (rc)
			return rc;
	}
	return TX_RUN(r->tx, "DELETE FROM inventory_known WHERE hashed_at < $1", DB_TIME(r->now - KNOWN_KEEP_USEC));
}

/* ── All of it ───────────────────────────────────────────────────────────────────────────────────────────────────── */

int inventory_record_tx(struct transaction *tx, const struct inventory_batch *b, struct inventory_changes *ret)
{
	struct record r = { .batch = b, .tx = tx, .arena = ARENA_INIT(BATCH_ARENA_BYTES), .now = tx_now(tx) };
	int rc = components_write(&r);
	if (rc == 0)
		rc = artifacts_write(&r);
	for (const struct batch_group *g = b->group_list; g && rc == 0; g = g->next)
		rc = group_write(&r, g);
	if (rc == 0)
		rc = unnamed_close(&r);
	if (rc == 0)
		rc = known_write(&r);
	arena_release(&r.arena);
	if (rc == 0 && ret)
		*ret = r.changes;
	return rc;
}

struct call {
	const struct inventory_batch *batch;
	struct inventory_changes changes;
};

static int run(struct transaction *tx, void *data)
{
	struct call *c = data;
	return inventory_record_tx(tx, c->batch, &c->changes);
}

int inventory_record(struct database *db, const struct inventory_batch *b, struct inventory_changes *ret,
		     struct err *err)
{
	struct call c = { .batch = b };
	int rc = database_transact(db, DB_WRITE, run, &c, err);
	if (rc == 0 && ret)
		*ret = c.changes;
	return rc;
}
