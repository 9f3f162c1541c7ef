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
	struct refresh_subject *subject;
	int64_t subject_id, artifact_id;
	struct span inside;
	bool kept;
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

/* ── What opens and closes with them ─────────────────────────────────────────────────────────────────────────────── */

/* Current findings of what a use has, by advisory: counted once for each of @placements. */
static int count_rows(struct refreshing *r, struct db_rows *rows, int64_t placements)
{
	int rc;
	while ((rc = rows_next(rows)) == 1) {
		int64_t n = rows_i64(rows, 1) * (placements < 0 ? -placements : placements);
		rc = exposure_refresh_count(r, rows_text(rows, 0), placements > 0 ? n : 0, placements < 0 ? n : 0);
		if (rc)
			return rc;
	}
	return rc;
}

#define IN_SERVICE                                                                                        \
	" AND f.service = CASE WHEN EXISTS (SELECT 1 FROM exposure_scope c WHERE c.advisory = f.advisory" \
	" AND c.service = $2) THEN $2 ELSE '' END GROUP BY f.advisory"

/* @placements of the use came (or went, when negative) since it was last counted. */
static int count_use(struct refreshing *r, int64_t use, struct span service, int64_t placements)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(r->tx, &rows,
			  "SELECT f.advisory, count(*) FROM exposure_link l JOIN exposure_finding f ON f.subject = "
			  "l.subject AND f.valid_to IS NULL WHERE l.use_id = $1 AND l.valid_to IS NULL" IN_SERVICE,
			  DB_I(use), DB_S(service.n ? service : SPAN("")));
	return rc ? rc : count_rows(r, rows, placements);
}

static int count_link(struct refreshing *r, int64_t subject, struct span service, int64_t placements)
{
	RF_AUTO_ROWS rows = NULL;
	if (!placements)
		return 0;
	int rc = TX_QUERY(r->tx, &rows,
			  "SELECT f.advisory, count(*) FROM exposure_finding f WHERE f.subject = $1 AND f.valid_to IS "
			  "NULL" IN_SERVICE,
			  DB_I(subject), DB_S(service.n ? service : SPAN("")));
	return rc ? rc : count_rows(r, rows, placements);
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
				       .subject_id = rows_i64(rows, 1),
				       .artifact_id = rows_i64(rows, 2),
				       .inside = inside.n ? arena_span(&r->one, inside) : SPAN_NONE };
	}
	return rc;
}

static int links_wanted(struct linking *l)
{
	struct refreshing *r = l->r;
	struct exposure_carries c = { .a = &r->one };
	const struct inventory_use *u = &l->use;
	int rc = exposure_carried_by(r->tx, &u->artifact, &c);
	if (!rc)
		rc = exposure_carried_runtime(r->tx, &u->artifact, u->service, u->runtime_product, u->runtime_version,
					      &c);
	if (rc)
		return rc;
	l->wanted = arena_array(&r->one, c.count + 1, sizeof *l->wanted);
	if (!l->wanted)
		return out_of_memory(r);
	for (size_t i = 0; !rc && i < c.count; i++) {
		struct link *to = &l->wanted[l->wanted_count++];
		*to = (struct link){ .artifact_id = c.list[i].artifact->id, .inside = c.list[i].inside };
		rc = exposure_refresh_subject(r, &c.list[i].subject, &to->subject);
		to->subject_id = rc ? 0 : to->subject->id;
	}
	return rc;
}

static bool same_link(const struct link *a, const struct link *b)
{
	return a->subject_id == b->subject_id && a->artifact_id == b->artifact_id && span_eq(a->inside, b->inside);
}

static int link_end(struct linking *l, const struct link *k)
{
	struct refreshing *r = l->r;
	int rc = TX_RUN(r->tx, "UPDATE exposure_link SET valid_to = $1 WHERE id = $2", DB_TIME(tx_now(r->tx)),
			DB_I(k->id));
	return rc ? rc : count_link(r, k->subject_id, l->use.service, -l->row->counted);
}

static int link_add(struct linking *l, const struct link *k)
{
	struct refreshing *r = l->r;
	int rc = TX_RUN(r->tx,
			"INSERT INTO exposure_link (use_id, subject, artifact_id, inside, valid_from)"
			" VALUES ($1, $2, $3, $4, $5)",
			DB_I(l->use.id), DB_I(k->subject_id), DB_I(k->artifact_id),
			DB_B(k->inside.n ? k->inside : SPAN("")), l->row->known ? DB_TIME(tx_now(r->tx)) : DB_I(0));
	if (!rc && k->subject->is_new)
		return 0; /* nothing is judged about it yet */
	return rc ? rc
		  : count_link(r, k->subject_id, l->use.service, l->row->known ? l->row->counted : l->use.placements);
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

static int use_refresh(struct refreshing *r, const struct use_row *row)
{
	struct linking l = { .r = r, .row = row };
	arena_reset(&r->one);
	int rc = inventory_use_get(r->tx, row->id, &r->one, &l.use);
	if (!rc && row->derive)
		rc = links_stored(&l);
	if (!rc && row->derive)
		rc = links_wanted(&l);
	if (!rc && row->derive)
		rc = links_write(&l);
	/* those that came and went, by the links as they are now: a new use's were counted with its links */
	if (!rc && row->known && l.use.placements != row->counted)
		rc = count_use(r, row->id, l.use.service, l.use.placements - row->counted);
	return rc ? rc
		  : TX_RUN(r->tx,
			   "INSERT INTO exposure_use (use_id, revision, counted) VALUES ($1, $2, $3)"
			   " ON CONFLICT (use_id) DO UPDATE SET revision = excluded.revision, counted = "
			   "excluded.counted",
			   DB_I(row->id), DB_I(l.use.revision), DB_I(l.use.placements));
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
	for (size_t i = 0; !rc && i < count; i++)
		rc = use_refresh(r, &uses[i]);
	rf_free(uses);
	return rc;
}
