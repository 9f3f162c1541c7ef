/*
 * Writes a batch: one transaction, so that readers see the inventory before a scan or after it, never between.
 *
 *   for each (host, service, environment), a group:
 *     reported just as the last time                                               -> the group's seen_last, and no
 * more open placements there      path seen with the same content, model, runtime   -> nothing path seen with another
 * -> closed, a new one opened not seen, below a root of the scan, and readable  -> closed not seen, elsewhere ->
 * seen_last becomes its own paths not there yet                                                          -> opened
 *
 * A host's line stands in its row and in the uses of what is placed there: when it is another, all of the host's is placed
 * anew. inventory_use.placements counts the open ones; its changes are written at the end, in the order of ids, so that two
 * reports written at once on PostgreSQL cannot wait for each other.
 */
#include "inventory/inventory_int.h"

struct open_row {
	int64_t id, use_id, artifact_id, runtime_id, line;
	usec_t content_from;
	const char *model, *path;
	bool has_own_last; /* was not seen by the group's last report */
	bool seen;
	struct open_row *next;
};

static int no_memory(struct record *r)
{
	return inventory_record_no_memory(r);
}

/* A runtime library is what it is, whatever its service says; its component is sure once all its names were met. */
static struct batch_component *runtime_of(const struct batch_item *item)
{
	const struct batch_artifact *a = item->artifact;
	return a->role && strcmp(a->role, INVENTORY_ROLE_RUNTIME) == 0 ? a->component : item->runtime;
}

/* ── Is it as it was reported the last time? ─────────────────────────────────────────────────────────────────────── */

struct sorted_item {
	const struct batch_item *item;
	size_t at;
};

static int by_path(const void *left, const void *right)
{
	const struct sorted_item *a = left, *b = right;
	int c = strcmp(a->item->path, b->item->path);
	return c ? c : a->at < b->at ? -1 : a->at > b->at;
}

static int text_compare(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void add_text(struct digest_stream *s, const char *text)
{
	digest_stream_add(s, text, strlen(text) + 1);
}

static void add_item(struct digest_stream *s, const struct batch_item *item)
{
	const struct batch_artifact *a = item->artifact;
	const struct batch_component *runtime = runtime_of(item);
	add_text(s, item->path);
	add_text(s, item->model);
	digest_stream_add(s, a->digest.bytes, sizeof a->digest.bytes);
	add_text(s, a->kind);
	add_text(s, a->version);
	add_text(s, runtime ? runtime->product : "");
	add_text(s, runtime ? runtime->version : "");
}

/* A digest of the whole report, whatever the order it came in: roots, and each placement with what decides it. */
static int report_digest(struct record *r, struct batch_group *g)
{
	__attribute__((cleanup(digest_stream_freep))) struct digest_stream *s = digest_stream_new();
	struct sorted_item *items = arena_array(&r->arena, g->item_count + 1, sizeof *items);
	const char **roots = arena_array(&r->arena, g->root_count + 1, sizeof *roots);
	size_t n = 0, roots_n = 0;
	if (!s || !items || !roots)
		return no_memory(r);
	for (const struct batch_item *i = g->items; i; i = i->next, n++)
		items[n] = (struct sorted_item){ i, n };
	for (const struct batch_path *p = g->roots; p; p = p->next)
		roots[roots_n++] = p->path;
	qsort(items, n, sizeof *items, by_path);
	qsort(roots, roots_n, sizeof *roots, text_compare);
	const int64_t fixed[] = { inventory_reader(), g->line };
	digest_stream_add(s, fixed, sizeof fixed);
	for (size_t i = 0; i < roots_n; i++)
		add_text(s, roots[i]);
	add_text(s, "");
	for (size_t i = 0; i < n; i++)
		add_item(s, items[i].item);
	struct digest digest;
	digest_stream_end(s, &digest);
	digest_hex(&digest, g->report);
	return 0;
}

/* The line of the host as the batch has it, else as it was. */
static void line_look(const struct record *r, struct batch_group *g, enum platform_line before)
{
	const struct batch_line *l = r->batch->lines;
	while (l && strcmp(l->host, g->host) != 0)
		l = l->next;
	g->line = l ? l->line : before;
	g->line_changes = g->line != before;
}

/* The ids of the group and of what it is made of, made where they are new; and what was reported the last time. */
static int group_look(struct record *r, struct batch_group *g)
{
	RF_AUTO_ROWS rows = NULL;
	arena_reset(&r->arena);
	int rc = TX_QUERY(r->tx, &rows,
			  "SELECT h.id, h.line, g.id, g.service_id, g.seen_last, g.report FROM inventory_host h"
			  " LEFT JOIN inventory_service s ON s.service = $2 AND s.environment = $3"
			  " LEFT JOIN inventory_group g ON g.host_id = h.id AND g.service_id = s.id WHERE h.name = $1",
			  DB_T(g->host), DB_T(g->service), DB_T(g->environment));
	if (rc == 0)
		rc = rows_next(rows);
	if (rc < 0)
		return rc;
	bool known = rc == 1 && !rows_is_null(rows, 2);
	g->host_id = rc == 1 ? rows_i64(rows, 0) : 0;
	line_look(r, g, rc == 1 ? (enum platform_line)rows_i64(rows, 1) : PLATFORM_ANY);
	g->id = known ? rows_i64(rows, 2) : 0;
	g->service_id = known ? rows_i64(rows, 3) : 0;
	g->seen_before = known ? rows_time(rows, 4) : USEC_NONE;
	rc = report_digest(r, g);
	/* what could not be read has rows of its own to be looked after */
	g->is_as_before = rc == 0 && known && !g->unseen && span_eq_text(rows_text(rows, 5), g->report);
	return rc;
}

static int interned(struct record *r, const char *find, const char *add, const struct db_value *values, size_t n,
		    int64_t *ret)
{
	int rc = tx_one_i64(r->tx, ret, find, values, n);
	return rc == RF_ENOTFOUND ? tx_one_i64(r->tx, ret, add, values, n) : rc;
}

static int group_make(struct record *r, struct batch_group *g)
{
	int rc = 0;
	int64_t others = 0;
	if (!g->host_id)
		rc = interned(r, "SELECT id FROM inventory_host WHERE name = $1",
			      "INSERT INTO inventory_host(name) VALUES($1) RETURNING id",
			      (const struct db_value[]){ DB_T(g->host) }, 1, &g->host_id);
	if (rc == 0 && g->line_changes)
		rc = TX_RUN(r->tx, "UPDATE inventory_host SET line = $1 WHERE id = $2", DB_I(g->line), DB_I(g->host_id));
	if (rc == 0 && !g->service_id)
		rc = interned(r, "SELECT id FROM inventory_service WHERE service = $1 AND environment = $2",
			      "INSERT INTO inventory_service(service, environment) VALUES($1, $2) RETURNING id",
			      (const struct db_value[]){ DB_T(g->service), DB_T(g->environment) }, 2, &g->service_id);
	if (rc == 0 && !g->id)
		rc = TX_I64(r->tx, &g->id,
			    "INSERT INTO inventory_group(host_id, service_id, seen_last, report) VALUES($1, $2, $3, '')"
			    " RETURNING id",
			    DB_I(g->host_id), DB_I(g->service_id), DB_TIME(r->now));
	if (rc == 0)
		rc = TX_I64(r->tx, &others,
			    "SELECT COUNT(*) FROM inventory_group g WHERE g.host_id = $1 AND g.id <> $2 AND EXISTS"
			    " (SELECT 1 FROM inventory_placement p WHERE p.group_id = g.id AND p.seen_from < $3)",
			    DB_I(g->host_id), DB_I(g->id), DB_TIME(r->now));
	g->is_alone = !others;
	return rc;
}

static int group_reported(struct record *r, const struct batch_group *g)
{
	return TX_RUN(r->tx, "UPDATE inventory_group SET seen_last = $1, report = $2 WHERE id = $3", DB_TIME(r->now),
		      DB_T(g->unseen ? "" : g->report), DB_I(g->id));
}

/* ── Uses ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int use_changed(struct record *r, int64_t id, int change)
{
	struct use_change *u = map_get(&r->use_changes, span_bytes(&id, sizeof id));
	if (!u) {
		u = arena_alloc(&r->whole, sizeof *u);
		if (!u)
			return no_memory(r);
		u->id = id;
		if (map_set(&r->use_changes, span_bytes(&u->id, sizeof u->id), u))
			return no_memory(r);
		u->next = r->use_list;
		r->use_list = u;
	}
	u->change += change;
	return 0;
}

static int id_keep(struct record *r, struct map *m, struct span key, int64_t id)
{
	struct span own = arena_span(&r->whole, key);
	int64_t *value = arena_alloc(&r->whole, sizeof *value);
	if (!own.p || !value)
		return no_memory(r);
	*value = id;
	return map_set(m, own, value) ? no_memory(r) : 0;
}

static int use_of(struct record *r, const struct batch_group *g, const struct batch_item *item, int64_t *ret)
{
	const struct batch_component *runtime = runtime_of(item);
	const struct db_value values[] = { DB_I(item->artifact->id), DB_I(g->service_id), DB_T(item->model),
					   DB_I(runtime ? runtime->id : 0), DB_I(g->line) };
	const char *text = arena_printf(&r->arena, "%lld %lld %lld %d %s", (long long)values[0].i, (long long)values[1].i,
					(long long)values[3].i, (int)g->line, item->model);
	if (!text)
		return no_memory(r);
	const int64_t *known = map_get(&r->use_ids, span_of(text));
	if (known) {
		*ret = *known;
		return 0;
	}
	int rc = interned(r,
			  "SELECT id FROM inventory_use WHERE artifact_id = $1 AND service_id = $2 AND model = $3"
			  " AND runtime_id = $4 AND line = $5",
			  "INSERT INTO inventory_use(artifact_id, service_id, model, runtime_id, line, placements)"
			  " VALUES($1, $2, $3, $4, $5, 0) RETURNING id",
			  values, RF_COUNT(values), ret);
	return rc ? rc : id_keep(r, &r->use_ids, span_of(text), *ret);
}

static int path_of(struct record *r, const char *path, int64_t *ret)
{
	const int64_t *known = map_get(&r->path_ids, span_of(path));
	if (known) {
		*ret = *known;
		return 0;
	}
	int rc = interned(r, "SELECT id FROM inventory_path WHERE path = $1",
			  "INSERT INTO inventory_path(path) VALUES($1) RETURNING id",
			  (const struct db_value[]){ DB_B(span_of(path)) }, 1, ret);
	return rc ? rc : id_keep(r, &r->path_ids, span_of(path), *ret);
}

static int use_compare(const void *left, const void *right)
{
	const struct use_change *a = *(struct use_change *const *)left, *b = *(struct use_change *const *)right;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int use_changes_write(struct record *r)
{
	size_t n = 0;
	struct use_change **list = arena_array(&r->whole, r->use_changes.count + 1, sizeof(struct use_change *));
	if (!list)
		return no_memory(r);
	for (struct use_change *u = r->use_list; u; u = u->next)
		if (u->change)
			list[n++] = u;
	qsort(list, n, sizeof *list, use_compare);
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = TX_RUN(r->tx, "UPDATE inventory_use SET placements = placements + $1 WHERE id = $2",
			    DB_I(list[i]->change), DB_I(list[i]->id));
	return rc;
}

/* ── Placements ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int open_row_take(struct record *r, struct db_rows *rows, struct map *paths, struct open_row **list)
{
	struct open_row *o = arena_alloc(&r->arena, sizeof *o);
	if (!o)
		return no_memory(r);
	o->id = rows_i64(rows, 0);
	o->path = arena_text(&r->arena, rows_blob(rows, 1));
	o->use_id = rows_i64(rows, 2);
	o->artifact_id = rows_i64(rows, 3);
	o->model = arena_text(&r->arena, rows_text(rows, 4));
	o->runtime_id = rows_i64(rows, 5);
	o->has_own_last = !rows_is_null(rows, 6);
	o->content_from = rows_time(rows, 7);
	o->line = rows_i64(rows, 8);
	if (!o->path || !o->model || map_set(paths, span_of(o->path), o) < 0)
		return no_memory(r);
	o->next = *list;
	*list = o;
	return 0;
}

static int open_rows_load(struct record *r, const struct batch_group *g, struct map *paths, struct open_row **ret_list)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(r->tx, &rows,
			  "SELECT p.id, x.path, p.use_id, u.artifact_id, u.model, u.runtime_id, p.seen_last, p.content_from,"
			  " u.line FROM inventory_placement p JOIN inventory_path x ON x.id = p.path_id"
			  " JOIN inventory_use u ON u.id = p.use_id WHERE p.group_id = $1 AND p.gone_at IS NULL",
			  DB_I(g->id));
	while (rc == 0 && (rc = rows_next(rows)) == 1)
		rc = open_row_take(r, rows, paths, ret_list);
	return rc;
}

/* @seen_last: when its group was reported before this; what has a moment of its own keeps it. */
static int placement_close(struct record *r, int64_t id, int64_t use_id, usec_t seen_last)
{
	int rc = TX_RUN(
		r->tx, "UPDATE inventory_placement SET gone_at = $1, seen_last = COALESCE(seen_last, $2) WHERE id = $3",
		DB_TIME(r->now), DB_TIME(seen_last), DB_I(id));
	return rc ? rc : use_changed(r, use_id, -1);
}

static int placements_flush(struct record *r)
{
	size_t n = r->waiting_count;
	r->waiting_count = 0;
	return n ? tx_insert_many(r->tx, "INSERT INTO inventory_placement(group_id, path_id, use_id, seen_from,"
				  " content_from) VALUES",
				  "", r->waiting, RECORD_PLACEMENT_COLUMNS, n)
		 : 0;
}

/* Since when the content is there, in another service of the host: what a CMDB moved was there before. */
static int content_elsewhere(struct record *r, const struct batch_group *g, const struct batch_item *item, int64_t path_id,
			     usec_t *ret)
{
	RF_AUTO_ROWS rows = NULL;
	if (g->is_alone)
		return 0;
	/* CROSS JOIN: from the host's other groups and the content's uses there, never over all that have the path */
	int rc = TX_QUERY(r->tx, &rows,
			  "SELECT MIN(p.content_from) FROM inventory_group g CROSS JOIN inventory_use u CROSS JOIN"
			  " inventory_placement p WHERE g.host_id = $1 AND g.id <> $5 AND u.artifact_id = $2 AND"
			  " u.service_id = g.service_id AND p.use_id = u.id AND"
			  " (p.gone_at IS NULL OR p.gone_at = $3) AND p.group_id = g.id AND p.path_id = $4",
			  DB_I(g->host_id), DB_I(item->artifact->id), DB_TIME(r->now), DB_I(path_id), DB_I(g->id));
	if (rc == 0)
		rc = rows_next(rows);
	if (rc == 1 && !rows_is_null(rows, 0))
		*ret = rows_time(rows, 0);
	return rc < 0 ? rc : 0;
}

/* @before: what was there until now; NULL: nothing of that service. */
static int placement_open(struct record *r, const struct batch_group *g, const struct batch_item *item,
			  const struct open_row *before)
{
	int64_t path_id, use_id;
	usec_t content_from = r->now;
	int rc = use_of(r, g, item, &use_id);
	if (rc == 0)
		rc = path_of(r, item->path, &path_id);
	if (rc == 0 && before && before->artifact_id == item->artifact->id)
		content_from = before->content_from;
	else if (rc == 0)
		rc = content_elsewhere(r, g, item, path_id, &content_from);
	if (rc)
		return rc;
	struct db_value *to = r->waiting + r->waiting_count++ * RECORD_PLACEMENT_COLUMNS;
	to[0] = DB_I(g->id);
	to[1] = DB_I(path_id);
	to[2] = DB_I(use_id);
	to[3] = DB_TIME(r->now);
	to[4] = DB_TIME(content_from);
	rc = r->waiting_count == RECORD_PLACEMENTS ? placements_flush(r) : 0;
	return rc ? rc : use_changed(r, use_id, 1);
}

static int seen_again(struct record *r, const struct open_row *o)
{
	r->changes.unchanged++;
	return o->has_own_last
		       ? TX_RUN(r->tx, "UPDATE inventory_placement SET seen_last = NULL WHERE id = $1", DB_I(o->id))
		       : 0;
}

static int item_write(struct record *r, const struct batch_group *g, const struct batch_item *item,
		      const struct map *paths)
{
	struct open_row *o = map_get(paths, span_of(item->path));
	const struct batch_component *runtime = runtime_of(item);
	if (o && o->seen)
		return 0; /* reached twice: overlapping roots */
	if (o)
		o->seen = true;
	if (o && o->artifact_id == item->artifact->id && strcmp(o->model, item->model) == 0 &&
	    o->runtime_id == (runtime ? runtime->id : 0) && o->line == (int64_t)g->line)
		return seen_again(r, o);
	int rc = o ? placement_close(r, o->id, o->use_id, g->seen_before) : 0;
	if (rc)
		return rc;
	if (o)
		r->changes.replaced++;
	else
		r->changes.added++;
	return placement_open(r, g, item, o);
}

/* @path is @folder or lies below it, or inside of it when it is a container. */
static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);
	if (n == 0)
		return true;
	while (n > 1 && folder[n - 1] == '/')
		n--;
	if (strncmp(path, folder, n) != 0)
		return false;
	return path[n] == '\0' || path[n] == '/' || (path[n] == '!' && path[n + 1] == '/') ||
	       (n == 1 && folder[0] == '/');
}

static bool is_below_any(const char *path, const struct batch_path *list)
{
	for (; list; list = list->next)
		if (is_below(path, list->path))
			return true;
	return false;
}

/* What was not met: gone, or not looked at, in which case it was seen by the report before this. */
static int unmet_write(struct record *r, const struct batch_group *g, const struct open_row *list)
{
	int rc = 0;
	for (const struct open_row *o = list; o && rc == 0; o = o->next) {
		if (o->seen)
			continue;
		if (is_below_any(o->path, g->roots) && !is_below_any(o->path, g->unseen)) {
			rc = placement_close(r, o->id, o->use_id, g->seen_before);
			r->changes.vanished++;
		} else if (!o->has_own_last) {
			rc = TX_RUN(r->tx, "UPDATE inventory_placement SET seen_last = $1 WHERE id = $2",
				    DB_TIME(g->seen_before), DB_I(o->id));
		}
	}
	return rc;
}

/* A path that is met a second time in one batch (overlapping roots) must not be opened twice. */
static int group_items_write(struct record *r, const struct batch_group *g, struct map *paths)
{
	for (const struct batch_item *item = g->items; item; item = item->next) {
		bool is_new = !map_get(paths, span_of(item->path));
		int rc = item_write(r, g, item, paths);
		if (rc)
			return rc;
		if (!is_new)
			continue;
		struct open_row *o = arena_alloc(&r->arena, sizeof *o);
		if (!o || map_set(paths, span_of(item->path), o) < 0)
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

static int group_write(struct record *r, struct batch_group *g)
{
	RF_AUTO(map) paths = MAP_INIT;
	struct open_row *list = NULL;
	arena_reset(&r->arena);
	int rc = group_make(r, g);
	if (rc == 0)
		rc = open_rows_load(r, g, &paths, &list);
	if (rc == 0)
		rc = group_items_write(r, g, &paths);
	if (rc == 0)
		rc = unmet_write(r, g, list);
	if (rc == 0)
		rc = unseen_write(r, g);
	return rc ? rc : group_reported(r, g);
}

static int group_record(struct record *r, struct batch_group *g)
{
	if (!g->is_as_before)
		return group_write(r, g);
	r->changes.unchanged += g->item_count;
	return TX_RUN(r->tx, "UPDATE inventory_group SET seen_last = $1 WHERE id = $2", DB_TIME(r->now), DB_I(g->id));
}

/* ── What is named no more ───────────────────────────────────────────────────────────────────────────────────────── */

struct unnamed {
	int64_t id, use_id, group_id; /* of a placement; 0 */
	usec_t seen_last;
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
	u->use_id = rows_i64(rows, 4);
	u->group_id = rows_i64(rows, 5);
	u->seen_last = rows_time(rows, 6);
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

/* Rows of @sql (id, path, service, environment, use, group, seen last; $1: host) that nothing names any more. */
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

/* The next report of the group is not as the one that stands there any more. */
static int unnamed_close_one(struct record *r, const struct unnamed *u)
{
	int rc = placement_close(r, u->id, u->use_id, u->seen_last);
	return rc ? rc : TX_RUN(r->tx, "UPDATE inventory_group SET report = '' WHERE id = $1", DB_I(u->group_id));
}

static int unnamed_close(struct record *r)
{
	struct unnamed *u;
	if (!r->batch->whole_host)
		return 0;
	int rc = unnamed_find(
		r,
		"SELECT p.id, x.path, s.service, s.environment, p.use_id, p.group_id, g.seen_last"
		" FROM inventory_host h JOIN inventory_group g ON g.host_id = h.id"
		" JOIN inventory_service s ON s.id = g.service_id"
		" JOIN inventory_placement p ON p.group_id = g.id JOIN inventory_path x ON x.id = p.path_id"
		" WHERE h.name = $1 AND p.gone_at IS NULL",
		&u);
	for (; rc == 0 && u; u = u->next, r->changes.vanished++)
		rc = unnamed_close_one(r, u);
	if (rc == 0)
		rc = unnamed_find(
			r, "SELECT 0, path, service, environment, 0, 0, NULL FROM inventory_unseen WHERE host = $1",
			&u);
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
			" reader, hashed_at, members) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
			" ON CONFLICT(machine, device, inode) DO UPDATE SET size = excluded.size, mtime_ns = "
			"excluded.mtime_ns,"
			" ctime_ns = excluded.ctime_ns, digest = excluded.digest, second_look = excluded.second_look,"
			" reader = excluded.reader, hashed_at = excluded.hashed_at, members = excluded.members",
			DB_T(machine), DB_I(id->device), DB_I(id->inode), DB_I(id->size), DB_I(id->mtime_ns),
			DB_I(id->ctime_ns), DB_T(hex), DB_S(k->second_look.n ? k->second_look : SPAN("")),
			DB_I(inventory_reader()), DB_TIME(r->now), k->members.n ? DB_B(k->members) : DB_NONE);
		if (rc)
			return rc;
	}
	/* the table is as long as this machine has files: not gone through for a report that brings none */
	return !r->batch->known ? 0
				: TX_RUN(r->tx, "DELETE FROM inventory_known WHERE hashed_at < $1",
					 DB_TIME(r->now - INVENTORY_KNOWN_KEEP_USEC));
}

/* ── All of it ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Which contents and components this transaction needs: of groups that are as before, none. */
static void want(const struct inventory_batch *b)
{
	for (size_t i = 0; i < b->component_count; i++)
		b->component_list[i]->wanted = false;
	for (size_t i = 0; i < b->artifact_count; i++)
		b->artifact_list[i]->wanted = b->artifact_list[i]->alone;
	for (const struct batch_group *g = b->group_list; g; g = g->next)
		for (const struct batch_item *i = g->is_as_before ? NULL : g->items; i; i = i->next) {
			struct batch_component *runtime = runtime_of(i);
			i->artifact->wanted = true;
			if (runtime)
				runtime->wanted = true;
		}
}

static int record(struct record *r)
{
	int rc = 0;
	for (struct batch_group *g = r->batch->group_list; g && rc == 0; g = g->next)
		rc = group_look(r, g);
	if (rc)
		return rc;
	want(r->batch);
	rc = inventory_contents_write(r);
	for (struct batch_group *g = r->batch->group_list; g && rc == 0; g = g->next)
		rc = group_record(r, g);
	if (rc == 0)
		rc = placements_flush(r);
	if (rc == 0)
		rc = unnamed_close(r);
	if (rc == 0)
		rc = use_changes_write(r);
	return rc ? rc : known_write(r);
}

int inventory_record_tx(struct transaction *tx, const struct inventory_batch *b, struct inventory_changes *ret)
{
	struct record r = { .batch = b,
			    .tx = tx,
			    .arena = ARENA_INIT(BATCH_ARENA_BYTES),
			    .whole = ARENA_INIT(BATCH_ARENA_BYTES),
			    .now = tx_now(tx) };
	r.waiting = rf_realloc_array(NULL, (size_t)RECORD_PLACEMENTS * RECORD_PLACEMENT_COLUMNS, sizeof *r.waiting);
	int rc = r.waiting ? record(&r) : no_memory(&r);
	arena_release(&r.arena);
	arena_release(&r.whole);
	map_release(&r.use_changes);
	map_release(&r.path_ids);
	map_release(&r.use_ids);
	rf_free(r.waiting);
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
