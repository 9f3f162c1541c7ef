/*
 * Exposures in memory: every use with its components and their findings is brought in once, and sums over it take no
 * time. It is as large as there are different things in the fleet, whatever the number of placements.
 *
 *   services ◄── uses (placements) ── links ──► subjects ──► findings (advisory, scope)
 */
#include "exposure/exposure_view.h"

#define VIEW_ARENA_BYTES (512 * MIB)
/* A fleet of a million placements has some ten thousand uses with a few links each. */
#define VIEW_MAX_ROWS 4000000

void exposure_view_release(struct exposure_view *v)
{
	arena_release(&v->a);
	map_release(&v->service_by_id);
	map_release(&v->subject_by_id);
	map_release(&v->advisory_by_id);
	map_release(&v->scopes);
	rf_free(v->services);
	rf_free(v->subjects);
	rf_free(v->advisories);
	rf_free(v->findings);
	rf_free(v->links);
}

static int out_of_memory(struct exposure_view *v)
{
	return err_set(tx_err(v->tx), RF_ENOMEM, "exposures in memory");
}

/* Room for one more in a heap array. */
static int grow(struct exposure_view *v, void *list_pointer, size_t count, size_t *capacity, size_t size)
{
	void **list = list_pointer;
	if (count < *capacity)
		return 0;
	if (count >= VIEW_MAX_ROWS)
		return err_set(tx_err(v->tx), RF_ETOOMANY, "more than %d components of uses", VIEW_MAX_ROWS);
	size_t more = *capacity ? 2 * *capacity : 256;
	void *to = rf_realloc_array(*list, more, size);
	if (!to)
		return out_of_memory(v);
	*list = to;
	*capacity = more;
	return 0;
}

static struct span keep(struct exposure_view *v, struct span s)
{
	return s.n ? arena_span(&v->a, s) : SPAN_NONE;
}

static int index_set(struct exposure_view *v, struct map *m, struct span key, size_t index)
{
	struct span own = arena_span(&v->a, key);
	return own.p && !map_set(m, own, (void *)(uintptr_t)(index + 1)) ? 0 : out_of_memory(v);
}

/* SIZE_MAX: not there. */
static size_t index_of(const struct map *m, struct span key)
{
	return (size_t)(uintptr_t)map_get(m, key) - 1;
}

/* ── Questions ───────────────────────────────────────────────────────────────────────────────────────────────────── */

void exposure_condition(struct exposure_question *q, const char *text, struct db_value value)
{
	q->values[q->n++] = value;
	str_addf(&q->sql, " AND %s $%zu", text, q->n);
}

void exposure_condition_text(struct exposure_question *q, const char *text, struct span value)
{
	if (value.n)
		exposure_condition(q, text, DB_S(value));
}

/* @name: of rows that are valid from-to. */
static void condition_time(struct exposure_question *q, const char *name, usec_t at)
{
	if (!at) {
		str_addf(&q->sql, " AND %s.valid_to IS NULL", name);
		return;
	}
	q->values[q->n++] = DB_TIME(at);
	str_addf(&q->sql, " AND %s.valid_from <= $%zu AND (%s.valid_to IS NULL OR %s.valid_to > $%zu)", name, q->n,
		 name, name, q->n);
}

static int each(struct exposure_view *v, struct exposure_question *q,
		int (*take)(struct exposure_view *, const struct db_rows *))
{
	RF_AUTO_ROWS rows = NULL;
	int rc = str_check(&q->sql, "question for exposures", tx_err(v->tx));
	if (!rc)
		rc = tx_query(v->tx, str_text(&q->sql), q->values, q->n, &rows);
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = take(v, rows);
	str_release(&q->sql);
	return rc;
}

/* ── Findings ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int subject_of(struct exposure_view *v, const struct db_rows *rows, size_t *ret)
{
	int64_t id = rows_i64(rows, 0);
	*ret = index_of(&v->subject_by_id, span_bytes(&id, sizeof id));
	if (*ret != SIZE_MAX)
		return 0;
	int rc = grow(v, &v->subjects, v->subject_count, &v->subject_room, sizeof *v->subjects);
	if (rc)
		return rc;
	v->subjects[v->subject_count] = (struct view_subject){ .id = id,
							       .purl = keep(v, rows_text(rows, 1)),
							       .version = keep(v, rows_text(rows, 2)),
							       .line = (enum platform_line)rows_i64(rows, 12),
							       .carrier = (enum carrier)rows_i64(rows, 3),
							       .first = v->finding_count };
	*ret = v->subject_count++;
	return index_set(v, &v->subject_by_id, span_bytes(&id, sizeof id), *ret);
}

static int advisory_of(struct exposure_view *v, const struct db_rows *rows, size_t *ret)
{
	struct span id = rows_text(rows, 4), title = exposure_title(rows_text(rows, 8));
	*ret = index_of(&v->advisory_by_id, id);
	if (*ret != SIZE_MAX)
		return 0;
	int rc = grow(v, &v->advisories, v->advisory_count, &v->advisory_room, sizeof *v->advisories);
	if (rc)
		return rc;
	v->advisories[v->advisory_count] =
		(struct view_advisory){ .id = keep(v, id), .title = keep(v, title), .is_drill = rows_i64(rows, 9) };
	*ret = v->advisory_count++;
	return index_set(v, &v->advisory_by_id, id, *ret);
}

static int take_finding(struct exposure_view *v, const struct db_rows *rows)
{
	struct view_finding f = { .service = keep(v, rows_text(rows, 5)),
				  .kind = (enum finding_kind)rows_i64(rows, 6),
				  .cause = CAUSE_UNKNOWN_VERSION,
				  .since = rows_time(rows, 10),
				  .id = rows_i64(rows, 11) };
	(void)finding_cause_read(rows_text(rows, 7), &f.cause);
	int rc = subject_of(v, rows, &f.subject);
	if (!rc)
		rc = advisory_of(v, rows, &f.advisory);
	if (!rc)
		rc = grow(v, &v->findings, v->finding_count, &v->finding_room, sizeof *v->findings);
	if (rc)
		return rc;
	v->findings[v->finding_count++] = f;
	v->subjects[f.subject].count++;
	return 0;
}

static int findings_load(struct exposure_view *v, const struct exposure_filter *f)
{
	struct exposure_question q = { .sql = STR_INIT(16 * KIB) };
	str_add_text(
		&q.sql,
		"SELECT k.id, k.purl, k.version, k.carrier, f.advisory, f.service, f.kind, f.cause,"
		" COALESCE(v.title, ''), COALESCE(v.is_drill, 0), f.since, f.id, k.line FROM exposure_finding f"
		" JOIN exposure_subject k ON k.id = f.subject LEFT JOIN advisory v ON v.id = f.advisory WHERE 1 = 1");
	condition_time(&q, "f", f->at);
	if (f->without_drills)
		str_add_text(&q.sql, " AND COALESCE(v.is_drill, 0) = 0");
	exposure_condition_text(&q, "f.advisory =", f->advisory);
	exposure_condition_text(&q, "k.purl =", f->product);
	if (f->by_carrier)
		exposure_condition(&q, "k.carrier =", DB_I(f->carrier));
	if (f->at_least != FINDING_NOT_AFFECTED)
		exposure_condition(&q, "f.kind >=", DB_I(f->at_least));
	str_add_text(&q.sql, " ORDER BY k.id, f.advisory, f.service");
	return each(v, &q, take_finding);
}

/* ── Scopes, services, links ─────────────────────────────────────────────────────────────────────────────────────── */

static struct span scope_key(struct arena *a, struct span advisory, struct span service)
{
	const char *key = arena_printf(a, "%.*s %.*s", SPAN_ARG(advisory), SPAN_ARG(service));
	return key ? span_of(key) : SPAN_NONE;
}

static int take_scope(struct exposure_view *v, const struct db_rows *rows)
{
	size_t advisory = index_of(&v->advisory_by_id, rows_text(rows, 0));
	if (advisory == SIZE_MAX)
		return 0;
	struct span key = scope_key(&v->a, rows_text(rows, 0), rows_text(rows, 1));
	v->advisories[advisory].scoped = true;
	return key.p && !map_set(&v->scopes, key, v) ? 0 : out_of_memory(v);
}

static int scopes_load(struct exposure_view *v, const struct exposure_filter *f)
{
	struct exposure_question q = { .sql = STR_INIT(16 * KIB) };
	str_add_text(&q.sql, "SELECT advisory, service FROM exposure_scope WHERE 1 = 1");
	if (f->at)
		exposure_condition(&q, "since <=", DB_TIME(f->at));
	return each(v, &q, take_scope);
}

bool exposure_view_applies(const struct exposure_view *v, const struct view_finding *f, const struct view_service *s)
{
	char key[512];
	const struct view_advisory *a = &v->advisories[f->advisory];
	if (!a->scoped || !s->service.n)
		return !f->service.n;
	int n = snprintf(key, sizeof key, "%.*s %.*s", SPAN_ARG(a->id), SPAN_ARG(s->service));
	bool own = n > 0 && (size_t)n < sizeof key && map_get(&v->scopes, span_bytes(key, (size_t)n));
	return own ? span_eq(f->service, s->service) : !f->service.n;
}

static int take_service(struct exposure_view *v, const struct db_rows *rows)
{
	int64_t id = rows_i64(rows, 0);
	int rc = grow(v, &v->services, v->service_count, &v->service_room, sizeof *v->services);
	if (rc)
		return rc;
	v->services[v->service_count] = (struct view_service){ .id = id,
							       .service = keep(v, rows_text(rows, 1)),
							       .environment = keep(v, rows_text(rows, 2)) };
	return index_set(v, &v->service_by_id, span_bytes(&id, sizeof id), v->service_count++);
}

static int services_load(struct exposure_view *v, const struct exposure_filter *f)
{
	struct exposure_question q = { .sql = STR_INIT(16 * KIB) };
	str_add_text(&q.sql, "SELECT id, service, environment FROM inventory_service WHERE 1 = 1");
	exposure_condition_text(&q, "service =", f->service);
	exposure_condition_text(&q, "environment =", f->environment);
	str_add_text(&q.sql, " ORDER BY service, environment");
	return each(v, &q, take_service);
}

static int take_link(struct exposure_view *v, const struct db_rows *rows)
{
	int64_t service = rows_i64(rows, 1), subject = rows_i64(rows, 3);
	struct view_link l = { .use = rows_i64(rows, 0),
			       .placements = rows_i64(rows, 2),
			       .service = index_of(&v->service_by_id, span_bytes(&service, sizeof service)),
			       .subject = index_of(&v->subject_by_id, span_bytes(&subject, sizeof subject)) };
	if (l.service == SIZE_MAX || l.subject == SIZE_MAX)
		return 0;
	if (v->for_list) {
		l.id = rows_i64(rows, 4);
		l.artifact = rows_i64(rows, 5);
		l.valid_from = rows_time(rows, 6);
		l.model = keep(v, rows_text(rows, 7));
		l.inside = keep(v, rows_blob(rows, 8));
		l.outer = rows_i64(rows, 9);
	}
	int rc = grow(v, &v->links, v->link_count, &v->link_room, sizeof *v->links);
	if (!rc)
		v->links[v->link_count++] = l;
	return rc;
}

/* How many placements a use has is known of now; of a moment they are counted. */
static void uses_of(struct exposure_question *q, usec_t at)
{
	if (!at) {
		str_add_text(&q->sql, "inventory_use u");
		return;
	}
	q->values[q->n++] = DB_TIME(at);
	str_addf(&q->sql,
		 "(SELECT w.id AS id, w.service_id AS service_id, w.artifact_id AS artifact_id, w.model AS model, COUNT(*) AS "
		 "placements FROM "
		 "inventory_placement p"
		 " JOIN inventory_use w ON w.id = p.use_id WHERE p.seen_from <= $%zu AND (p.gone_at IS NULL OR "
		 "p.gone_at > "
		 "$%zu) GROUP BY w.id, w.service_id, w.artifact_id, w.model) u",
		 q->n, q->n);
}

static void conditions_of_uses(struct exposure_question *q, const struct exposure_filter *f)
{
	exposure_condition_text(q, "u.model =", f->model);
	if (f->placement_id) {
		exposure_condition(q, "u.id IN (SELECT use_id FROM inventory_placement WHERE id =", DB_I(f->placement_id));
		str_add_text(&q->sql, ")");
	}
	if (f->path.n) {
		q->values[q->n++] = DB_B(f->path);
		q->values[q->n++] = DB_B(exposure_outer(f->path));
		str_addf(&q->sql,
			 " AND u.id IN (SELECT y.use_id FROM inventory_path x JOIN inventory_placement y ON y.path_id "
			 "= x.id"
			 " WHERE x.path IN ($%zu, $%zu))",
			 q->n - 1, q->n);
	}
}

static int links_load(struct exposure_view *v, const struct exposure_filter *f)
{
	struct exposure_question q = { .sql = STR_INIT(16 * KIB) };
	str_add_text(&q.sql, "SELECT u.id, u.service_id, u.placements, l.subject");
	if (v->for_list)
		str_add_text(&q.sql, ", l.id, l.artifact_id, l.valid_from, u.model, l.inside, u.artifact_id");
	str_add_text(&q.sql, " FROM exposure_link l JOIN ");
	uses_of(&q, f->at);
	str_add_text(&q.sql, " ON u.id = l.use_id WHERE u.placements > 0");
	condition_time(&q, "l", f->at);
	if (f->advisory.n)
		exposure_condition(&q, "l.subject IN (SELECT subject FROM exposure_finding WHERE advisory =", DB_S(f->advisory));
	if (f->advisory.n)
		str_add_text(&q.sql, ")");
	if (f->product.n)
		exposure_condition(&q, "l.subject IN (SELECT id FROM exposure_subject WHERE purl =", DB_S(f->product));
	if (f->product.n)
		str_add_text(&q.sql, ")");
	if (v->for_list)
		conditions_of_uses(&q, f);
	str_add_text(&q.sql, " ORDER BY u.id, l.id");
	return each(v, &q, take_link);
}

int exposure_view_load(struct transaction *tx, const struct exposure_filter *f, bool for_list,
		       struct exposure_view *ret)
{
	*ret = (struct exposure_view){ .tx = tx, .a = ARENA_INIT(VIEW_ARENA_BYTES), .for_list = for_list };
	int rc = findings_load(ret, f);
	if (!rc)
		rc = scopes_load(ret, f);
	if (!rc)
		rc = services_load(ret, f);
	return rc ? rc : links_load(ret, f);
}
