/*
 * Links: which components a use has, each from-to. Only uses that are new, whose artifact was told anew, or whose
 * number of open placements changed are looked at.
 *
 *   inventory_use ──► what its artifact carries, what loads it ──► links wanted ─┬─► opened, ended
 *                                                  links that there are ─────────┘
 *
 * A new use's links have no beginning of their own (0): its placements and the findings have.
 */
#include "exposure/exposure_int.h"

struct use_row {
	int64_t id, counted;
	bool known;  /* its links were made before */
	bool derive; /* its links are to be made (again) */
};

struct link {
	int64_t id; /* of a stored one */
	int64_t subject, artifact_id;
	struct span inside;
	bool is_new; /* a component that nothing is judged about yet */
	bool kept;
};

/* What an artifact carries, in all the uses it is in. */
struct carried_links {
	int64_t key[2]; /* of the artifact, and of the line where it is */
	size_t count;
	struct link *list;
};

/* Current findings of a component in a service. */
struct hit {
	struct span advisory;
	struct hit *next;
};
struct hits {
	struct hit *first;
};

#define WAITING_ROWS 200
#define LINK_COLUMNS 5
#define USE_COLUMNS 3
struct exposure_waiting {
	struct db_value links[WAITING_ROWS * LINK_COLUMNS], uses[WAITING_ROWS * USE_COLUMNS];
	size_t link_count, use_count;
};

struct linking {
	struct refreshing *r;
	struct inventory_use use;
	const struct use_row *row;
	struct link *stored, *wanted;
	size_t stored_count, wanted_count;
};

static int out_of_memory(struct refreshing *r)
{
	return err_set(tx_err(r->tx), RF_ENOMEM, "links of a use to its components");
}

/* ── Rows that wait ──────────────────────────────────────────────────────────────────────────────────────────────── */

static int links_flush(struct refreshing *r)
{
	size_t n = r->waiting->link_count;
	r->waiting->link_count = 0;
	return n ? tx_insert_many(r->tx,
				  "INSERT INTO exposure_link (use_id, subject, artifact_id, inside, valid_from) VALUES",
				  "", r->waiting->links, LINK_COLUMNS, n)
		 : 0;
}

static int uses_flush(struct refreshing *r)
{
	size_t n = r->waiting->use_count;
	r->waiting->use_count = 0;
	return n ? tx_insert_many(r->tx, "INSERT INTO exposure_use (use_id, revision, counted) VALUES",
				  "ON CONFLICT (use_id) DO UPDATE SET revision = excluded.revision, counted = "
				  "excluded.counted",
				  r->waiting->uses, USE_COLUMNS, n)
		 : 0;
}

/* ── What opens and closes with them ─────────────────────────────────────────────────────────────────────────────── */

static int hits_read(struct refreshing *r, int64_t subject, struct span service, struct hits *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(
		r->tx, &rows,
		"SELECT f.advisory FROM exposure_finding f WHERE f.subject = $1 AND f.valid_to IS NULL"
		" AND f.service = CASE WHEN EXISTS (SELECT 1 FROM exposure_scope c WHERE c.advisory = f.advisory"
		" AND c.service = $2) THEN $2 ELSE '' END",
		DB_I(subject), DB_S(service.n ? service : SPAN("")));
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		struct hit *h = arena_alloc(&r->a, sizeof *h);
		rc = 0;
		if (!h || !(h->advisory = arena_span(&r->a, rows_text(rows, 0))).p)
			return out_of_memory(r);
		h->next = ret->first;
		ret->first = h;
	}
	return rc;
}

/* Asked for once: findings change only after all links are made. */
static int hits_of(struct refreshing *r, int64_t subject, struct span service, const struct hits **ret)
{
	const char *key = arena_printf(&r->one, "%lld %.*s", (long long)subject, SPAN_ARG(service));
	struct hits *h = key ? map_get(&r->hits, span_of(key)) : NULL;
	*ret = h;
	if (h)
		return 0;
	struct span own = key ? arena_span(&r->a, span_of(key)) : SPAN_NONE;
	h = arena_alloc(&r->a, sizeof *h);
	if (!own.p || !h)
		return out_of_memory(r);
	*ret = h;
	int rc = hits_read(r, subject, service, h);
	return rc ? rc : map_set(&r->hits, own, h) ? out_of_memory(r) : 0;
}

/* @placements with the link came, or went when negative. */
static int count_link(struct linking *l, const struct link *k, int64_t placements)
{
	const struct hits *hits;
	if (!placements || k->is_new)
		return 0;
	int rc = hits_of(l->r, k->subject, l->use.service, &hits);
	for (const struct hit *h = rc ? NULL : hits->first; h && !rc; h = h->next)
		rc = exposure_refresh_count(l->r, h->advisory, RF_MAX(placements, 0), RF_MAX(-placements, 0));
	return rc;
}

/* Placements of a known use came or went since it was last counted: by the links as they are now. */
static int count_use(struct linking *l)
{
	const struct link *list = l->row->derive ? l->wanted : l->stored;
	size_t n = l->row->derive ? l->wanted_count : l->stored_count;
	int rc = 0;
	for (size_t i = 0; i < n && !rc; i++)
		rc = count_link(l, &list[i], l->use.placements - l->row->counted);
	return rc;
}

/* ── Links ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int links_stored(struct linking *l)
{
	struct refreshing *r = l->r;
	RF_AUTO_ROWS rows = NULL;
	size_t room = 0;
	if (!l->row->known)
		return 0;
	int rc = TX_QUERY(
		r->tx, &rows,
		"SELECT id, subject, artifact_id, inside FROM exposure_link WHERE use_id = $1 AND valid_to IS NULL",
		DB_I(l->use.id));
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		rc = 0;
		if (l->stored_count == room) {
			room = room ? 2 * room : 16;
			struct link *more = arena_array(&r->one, room, sizeof *more);
			if (!more)
				return out_of_memory(r);
			if (l->stored_count)
				memcpy(more, l->stored, l->stored_count * sizeof *more);
			l->stored = more;
		}
		struct span inside = rows_blob(rows, 3);
		l->stored[l->stored_count++] =
			(struct link){ .id = rows_i64(rows, 0),
				       .subject = rows_i64(rows, 1),
				       .artifact_id = rows_i64(rows, 2),
				       .inside = inside.n ? arena_span(&r->one, inside) : SPAN_NONE };
	}
	return rc;
}

static int links_of(struct refreshing *r, const struct exposure_carries *c, struct link *list)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < c->count; i++) {
		struct refresh_subject *subject;
		struct span inside = c->list[i].inside;
		rc = exposure_refresh_subject(r, &c->list[i].subject, &subject);
		if (rc)
			return rc;
		list[i] = (struct link){ .subject = subject->id,
					 .is_new = subject->is_new,
					 .artifact_id = c->list[i].artifact->id,
					 .inside = inside.n ? arena_span(&r->a, inside) : SPAN_NONE };
		if (inside.n && !list[i].inside.p)
			return out_of_memory(r);
	}
	return rc;
}

static int carried_links(struct refreshing *r, const struct inventory_artifact *artifact, enum platform_line host,
			 struct carried_links **ret)
{
	struct exposure_carries c = { .a = &r->one };
	const int64_t key[2] = { artifact->id, host };
	*ret = map_get(&r->artifacts, span_bytes(key, sizeof key));
	if (*ret)
		return 0;
	int rc = exposure_carried_by(r->tx, artifact, host, &c);
	if (rc)
		return rc;
	struct carried_links *k = *ret = arena_alloc(&r->a, sizeof *k);
	if (!k || !(k->list = arena_array(&r->a, c.count + 1, sizeof *k->list)))
		return out_of_memory(r);
	memcpy(k->key, key, sizeof key);
	k->count = c.count;
	rc = links_of(r, &c, k->list);
	return rc ? rc : map_set(&r->artifacts, span_bytes(k->key, sizeof k->key), k) ? out_of_memory(r) : 0;
}

static int links_wanted(struct linking *l)
{
	struct refreshing *r = l->r;
	struct exposure_carries c = { .a = &r->one };
	const struct inventory_use *u = &l->use;
	struct carried_links *own;
	int rc = carried_links(r, &u->artifact, u->line, &own);
	if (!rc)
		rc = exposure_carried_runtime(r->tx, &u->artifact, u->service, u->runtime_product, u->runtime_version,
					      u->line, &c);
	if (rc)
		return rc;
	l->wanted_count = own->count + c.count;
	l->wanted = arena_array(&r->one, l->wanted_count + 1, sizeof *l->wanted);
	if (!l->wanted)
		return out_of_memory(r);
	if (own->count)
		memcpy(l->wanted, own->list, own->count * sizeof *l->wanted);
	return links_of(r, &c, l->wanted + own->count);
}

static bool same_link(const struct link *a, const struct link *b)
{
	return a->subject == b->subject && a->artifact_id == b->artifact_id && span_eq(a->inside, b->inside);
}

static int link_end(struct linking *l, const struct link *k)
{
	struct refreshing *r = l->r;
	int rc = TX_RUN(r->tx, "UPDATE exposure_link SET valid_to = $1 WHERE id = $2", DB_TIME(tx_now(r->tx)),
			DB_I(k->id));
	return rc ? rc : count_link(l, k, -l->row->counted);
}

static int link_add(struct linking *l, const struct link *k)
{
	struct refreshing *r = l->r;
	struct db_value *to = r->waiting->links + r->waiting->link_count++ * LINK_COLUMNS;
	to[0] = DB_I(l->use.id);
	to[1] = DB_I(k->subject);
	to[2] = DB_I(k->artifact_id);
	to[3] = DB_B(k->inside.n ? k->inside : SPAN(""));
	to[4] = l->row->known ? DB_TIME(tx_now(r->tx)) : DB_I(0);
	int rc = r->waiting->link_count == WAITING_ROWS ? links_flush(r) : 0;
	return rc ? rc : count_link(l, k, l->row->known ? l->row->counted : l->use.placements);
}

static int links_write(struct linking *l)
{
	int rc = 0;
	for (size_t i = 0; i < l->wanted_count; i++)
		for (size_t k = 0; k < l->stored_count && !l->wanted[i].kept; k++)
			if (!l->stored[k].kept && same_link(&l->wanted[i], &l->stored[k]))
				l->wanted[i].kept = l->stored[k].kept = true;
	for (size_t i = 0; !rc && i < l->stored_count; i++)
		rc = l->stored[i].kept ? 0 : link_end(l, &l->stored[i]);
	for (size_t i = 0; !rc && i < l->wanted_count; i++)
		rc = l->wanted[i].kept ? 0 : link_add(l, &l->wanted[i]);
	return rc;
}

/* ── Uses ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int use_counted(struct linking *l)
{
	struct refreshing *r = l->r;
	struct db_value *to = r->waiting->uses + r->waiting->use_count++ * USE_COLUMNS;
	to[0] = DB_I(l->row->id);
	to[1] = DB_I(l->use.revision);
	to[2] = DB_I(l->use.placements);
	return r->waiting->use_count == WAITING_ROWS ? uses_flush(r) : 0;
}

static int use_refresh(struct refreshing *r, const struct use_row *row)
{
	struct linking l = { .r = r, .row = row };
	arena_reset(&r->one);
	int rc = inventory_use_get(r->tx, row->id, &r->one, &l.use);
	if (!rc)
		rc = links_stored(&l);
	r->emptied = r->emptied || (!rc && row->counted && !l.use.placements);
	if (!rc && row->derive)
		rc = links_wanted(&l);
	if (!rc && row->derive)
		rc = links_write(&l);
	/* a new use's placements were counted with its links */
	if (!rc && row->known)
		rc = count_use(&l);
	return rc ? rc : use_counted(&l);
}

static int uses_changed(struct refreshing *r, struct use_row **ret, size_t *ret_count)
{
	RF_AUTO_ROWS rows = NULL;
	size_t room = 0;
	int rc = TX_QUERY(
		r->tx, &rows,
		"SELECT u.id, e.counted, CASE WHEN e.use_id IS NULL OR e.revision <> a.revision OR $1 = 1 THEN 1 "
		"ELSE 0 END"
		" FROM inventory_use u JOIN inventory_artifact a ON a.id = u.artifact_id"
		" LEFT JOIN exposure_use e ON e.use_id = u.id WHERE e.use_id IS NULL OR e.revision <> a.revision"
		" OR e.counted <> u.placements OR $1 = 1 ORDER BY u.id",
		DB_I(r->everything));
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		rc = 0;
		if (*ret_count == room) {
			room = room ? 2 * room : 256;
			struct use_row *more = rf_realloc_array(*ret, room, sizeof *more);
			if (!more)
				return out_of_memory(r);
			*ret = more;
		}
		(*ret)[(*ret_count)++] = (struct use_row){ .id = rows_i64(rows, 0),
							   .counted = rows_i64(rows, 1),
							   .known = !rows_is_null(rows, 1),
							   .derive = rows_i64(rows, 2) };
	}
	return rc;
}

int exposure_refresh_links(struct refreshing *r)
{
	struct use_row *uses = NULL;
	size_t count = 0;
	int rc = uses_changed(r, &uses, &count);
	if (!rc && !(r->waiting = rf_alloc(sizeof *r->waiting)))
		rc = out_of_memory(r);
	for (size_t i = 0; !rc && i < count; i++)
		rc = use_refresh(r, &uses[i]);
	if (!rc)
		rc = links_flush(r);
	if (!rc)
		rc = uses_flush(r);
	rf_free(r->waiting);
	r->waiting = NULL;
	rf_free(uses);
	return rc;
}
