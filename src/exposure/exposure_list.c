/*
 * Lists of exposures, derived where they are asked for: placement x link x finding.
 *
 * Of now, or of a moment: what is hit is put in order in memory (exposure_view.h), then the placements of each use are
 * read, so that the first rows of a large fleet come at once. Of all time: one question for every overlap there ever
 * was, from the last beginning to the first end.
 */
#include "exposure/exposure_view.h"

/* Placements of one model in one service, with what is hit of each. */
#define RUN_ARENA_BYTES (512 * MIB)

/* UTF-8 is cut between characters. */
struct span exposure_title(struct span title)
{
	size_t n = RF_MIN(title.n, (size_t)300);
	while (n < title.n && n > 0 && ((unsigned char)title.p[n] & 0xC0) == 0x80)
		n--;
	return span_sub(title, 0, n);
}

static size_t cut_at(struct span path)
{
	for (size_t i = 0; i + 1 < path.n; i++)
		if (path.p[i] == '!' && path.p[i + 1] == '/')
			return i;
	return path.n;
}

struct span exposure_outer(struct span path)
{
	return span_sub(path, 0, cut_at(path));
}

struct span exposure_inner(struct span path)
{
	size_t at = cut_at(path);
	return at < path.n ? span_from(path, at + 2) : SPAN_NONE;
}

/* A placement's own path may have a "!/" as well: then it is that, whole. */
static bool is_path(struct span wanted, struct span path, struct span inside)
{
	if (!wanted.n || span_eq(wanted, path))
		return true;
	return inside.n && span_eq(exposure_inner(wanted), inside) && span_eq(exposure_outer(wanted), path);
}

/* What built an engine, or is inside an image, is there since the content is: another runtime, model or service changes
 * nothing about that. */
static usec_t begins_with(enum carrier carrier, usec_t seen_from, usec_t content_from)
{
	return carrier == CARRIER_RUNTIME ? seen_from : content_from;
}

/* ── Of now and of a moment ──────────────────────────────────────────────────────────────────────────────────────── */

struct pair {
	const struct view_link *link;
	const struct view_finding *finding;
};

struct place {
	int64_t id;
	struct span path, host;
	usec_t seen_from, content_from;
	enum carrier carrier;
	const struct pair *pair;
};

struct path {
	int64_t id;
	struct span path;
};

struct artifact {
	struct span digest, kind, target;
};

struct listing {
	struct exposure_view v;
	const struct exposure_filter *filter;
	const struct view_finding **findings; /* by advisory */
	const struct view_link **links;       /* by subject */
	size_t *first_link;                   /* of each subject; the last one's end */
	struct pair *pairs;                   /* of one advisory */
	size_t pair_count, pair_room;
	struct arena run; /* of one advisory, service and model */
	struct place *places;
	size_t place_count, place_room;
	struct map artifacts, paths; /* id -> struct artifact, struct path */
	struct str path;
	int64_t left;
	int (*visit)(const struct exposure_row *, void *);
	void *data;
};

static int out_of_memory(struct listing *l)
{
	return err_set(tx_err(l->v.tx), RF_ENOMEM, "exposures");
}

static int grow(struct listing *l, void *list_pointer, size_t count, size_t *capacity, size_t size)
{
	void **list = list_pointer;
	if (count < *capacity)
		return 0;
	size_t more = *capacity ? 2 * *capacity : 256;
	void *to = rf_realloc_array(*list, more, size);
	if (!to)
		return out_of_memory(l);
	*list = to;
	*capacity = more;
	return 0;
}

/* Findings by advisory and links by subject: an advisory's pairs are made when its turn comes. */
static int finding_compare(const void *left, const void *right, void *data)
{
	const struct exposure_view *v = data;
	const struct view_finding *a = *(struct view_finding *const *)left, *b = *(struct view_finding *const *)right;
	int c = a->advisory == b->advisory ? 0
					   : span_compare(v->advisories[a->advisory].id, v->advisories[b->advisory].id);
	return c ? c : (a > b) - (a < b);
}

static int link_compare(const void *left, const void *right)
{
	const struct view_link *a = *(struct view_link *const *)left, *b = *(struct view_link *const *)right;
	if (a->subject != b->subject)
		return a->subject < b->subject ? -1 : 1;
	return (a > b) - (a < b);
}

static int orders_make(struct listing *l)
{
	struct exposure_view *v = &l->v;
	l->findings = arena_array(&v->a, v->finding_count + 1, sizeof(struct view_finding *));
	l->links = arena_array(&v->a, v->link_count + 1, sizeof(struct view_link *));
	l->first_link = arena_array(&v->a, v->subject_count + 2, sizeof *l->first_link);
	if (!l->findings || !l->links || !l->first_link)
		return out_of_memory(l);
	for (size_t i = 0; i < v->finding_count; i++)
		l->findings[i] = &v->findings[i];
	for (size_t i = 0; i < v->link_count; i++) {
		l->links[i] = &v->links[i];
		l->first_link[v->links[i].subject + 1]++;
	}
	for (size_t i = 0; i < v->subject_count; i++)
		l->first_link[i + 1] += l->first_link[i];
	qsort_r(l->findings, v->finding_count, sizeof(struct view_finding *), finding_compare, v);
	qsort(l->links, v->link_count, sizeof(struct view_link *), link_compare);
	return 0;
}

/* Of the findings of one advisory. */
static int pairs_make(struct listing *l, size_t from, size_t to)
{
	const struct exposure_view *v = &l->v;
	l->pair_count = 0;
	for (size_t i = from; i < to; i++) {
		const struct view_finding *f = l->findings[i];
		for (size_t k = l->first_link[f->subject]; k < l->first_link[f->subject + 1]; k++) {
			const struct view_link *link = l->links[k];
			if (!exposure_view_applies(v, f, &v->services[link->service]))
				continue;
			int rc = grow(l, &l->pairs, l->pair_count, &l->pair_room, sizeof *l->pairs);
			if (rc)
				return rc;
			l->pairs[l->pair_count++] = (struct pair){ link, f };
		}
	}
	return 0;
}

/* Services stand in the order of their names. */
static int run_compare(const struct pair *a, const struct pair *b)
{
	if (a->link->service != b->link->service)
		return a->link->service < b->link->service ? -1 : 1;
	return span_compare(a->link->model, b->link->model);
}

static int pair_compare(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;
	int c = run_compare(a, b);
	if (!c)
		c = (a->link->use > b->link->use) - (a->link->use < b->link->use);
	return c ? c : (a->link->id > b->link->id) - (a->link->id < b->link->id);
}

static int place_compare(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	int c = a->path.p == b->path.p ? 0 : span_compare(a->path, b->path); /* a path is read once */
	if (!c)
		c = (a->id > b->id) - (a->id < b->id);
	if (!c)
		c = (int)a->carrier - (int)b->carrier;
	if (!c)
		c = (a->pair->finding->since > b->pair->finding->since) -
		    (a->pair->finding->since < b->pair->finding->since);
	return c ? c : (a->pair->link->id > b->pair->link->id) - (a->pair->link->id < b->pair->link->id);
}

/* A path by its id, asked for once: a fleet has the same paths on every host. */
static int path_of(struct listing *l, int64_t id, struct span *ret)
{
	RF_AUTO_ROWS rows = NULL;
	struct path *p = map_get(&l->paths, span_bytes(&id, sizeof id));
	if (p) {
		*ret = p->path;
		return 0;
	}
	int rc = TX_QUERY(l->v.tx, &rows, "SELECT path FROM inventory_path WHERE id = $1", DB_I(id));
	if (!rc)
		rc = rows_next(rows);
	if (rc < 0)
		return rc;
	p = arena_alloc(&l->v.a, sizeof *p);
	if (!p || rc == 0)
		return out_of_memory(l);
	p->id = id;
	*ret = p->path = arena_span(&l->v.a, rows_blob(rows, 0));
	return p->path.p && !map_set(&l->paths, span_bytes(&p->id, sizeof p->id), p) ? 0 : out_of_memory(l);
}

#define SELECT_PLACES                                                            \
	"SELECT p.id, p.path_id, h.name, p.seen_from, p.content_from FROM inventory_placement p" \
	" JOIN inventory_group g ON g.id = p.group_id JOIN inventory_host h ON h.id = g.host_id WHERE p.use_id = $1"
static const char select_now[] = SELECT_PLACES " AND p.gone_at IS NULL";
static const char select_at[] = SELECT_PLACES " AND p.seen_from <= $2 AND (p.gone_at IS NULL OR p.gone_at > $2)";

/* One placement with each of the pairs of its use. */
static int place_add(struct listing *l, const struct db_rows *rows, const struct pair *from, const struct pair *to)
{
	struct place place = { .id = rows_i64(rows, 0), .seen_from = rows_time(rows, 3), .content_from = rows_time(rows, 4) };
	if (l->filter->placement_id && l->filter->placement_id != place.id)
		return 0;
	int rc = path_of(l, rows_i64(rows, 1), &place.path);
	if (!rc && !(place.host = arena_span(&l->run, rows_text(rows, 2))).p)
		rc = out_of_memory(l);
	for (const struct pair *p = from; p < to && !rc; p++) {
		if (!is_path(l->filter->path, place.path, p->link->inside))
			continue;
		rc = grow(l, &l->places, l->place_count, &l->place_room, sizeof *l->places);
		if (rc)
			return rc;
		place.carrier = l->v.subjects[p->link->subject].carrier;
		place.pair = p;
		l->places[l->place_count++] = place;
	}
	return rc;
}

static int use_places(struct listing *l, const struct pair *from, const struct pair *to)
{
	const struct db_value values[2] = { DB_I(from->link->use), DB_TIME(l->filter->at) };
	RF_AUTO_ROWS rows = NULL;
	int rc = l->filter->at ? tx_query(l->v.tx, select_at, values, 2, &rows)
			       : tx_query(l->v.tx, select_now, values, 1, &rows);
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = place_add(l, rows, from, to);
	return rc;
}

static int artifact_of(struct listing *l, const struct view_link *link, const struct artifact **ret)
{
	RF_AUTO_ROWS rows = NULL;
	struct artifact *a = map_get(&l->artifacts, span_bytes(&link->artifact, sizeof link->artifact));
	*ret = a;
	if (a)
		return 0;
	int rc = TX_QUERY(l->v.tx, &rows, "SELECT digest, kind, target FROM inventory_artifact WHERE id = $1",
			  DB_I(link->artifact));
	if (!rc)
		rc = rows_next(rows);
	if (rc < 0)
		return rc;
	a = arena_alloc(&l->v.a, sizeof *a);
	if (!a)
		return out_of_memory(l);
	if (rc == 1)
		*a = (struct artifact){ arena_span(&l->v.a, rows_text(rows, 0)),
					arena_span(&l->v.a, rows_text(rows, 1)),
					rows_text(rows, 2).n ? arena_span(&l->v.a, rows_text(rows, 2)) : SPAN_NONE };
	*ret = a;
	return map_set(&l->artifacts, span_bytes(&link->artifact, sizeof link->artifact), a) ? out_of_memory(l) : 0;
}

/* "placement!/inside" in @buffer where there is an inside. */
static struct span whole_path(struct str *buffer, struct span path, struct span inside)
{
	if (!inside.n)
		return path;
	str_reset(buffer);
	str_add(buffer, path);
	str_add_text(buffer, "!/");
	str_add(buffer, inside);
	return str_span(buffer);
}

static int row_visit(struct listing *l, const struct place *p)
{
	const struct view_link *link = p->pair->link;
	const struct view_finding *f = p->pair->finding;
	const struct view_advisory *advisory = &l->v.advisories[f->advisory];
	const struct view_subject *subject = &l->v.subjects[link->subject];
	const struct view_service *service = &l->v.services[link->service];
	const struct artifact *artifact;
	int rc = artifact_of(l, link, &artifact);
	if (rc)
		return rc;
	struct exposure_row row = { .placement_id = p->id,
				    .finding_id = f->id,
				    .advisory = advisory->id,
				    .advisory_title = advisory->title,
				    .is_drill = advisory->is_drill,
				    .carrier = subject->carrier,
				    .kind = f->kind,
				    .cause = f->cause,
				    .purl = subject->purl,
				    .version = subject->version,
				    .line = subject->line,
				    .path = whole_path(&l->path, p->path, link->inside),
				    .inside = link->inside,
				    .service = service->service,
				    .environment = service->environment,
				    .model = link->model,
				    .host = p->host,
				    .artifact_digest = artifact->digest,
				    .artifact_kind = artifact->kind,
				    .artifact_target = artifact->target,
				    .opened_at = RF_MAX(begins_with(subject->carrier, p->seen_from, p->content_from),
							RF_MAX(f->since, link->valid_from)),
				    .cleared_at = USEC_NONE };
	rc = str_check(&l->path, "path of an exposure", tx_err(l->v.tx));
	return rc ? rc : l->visit(&row, l->data);
}

/* All of one advisory, service and model. */
static int run_visit(struct listing *l, size_t from, size_t to)
{
	int rc = 0;
	l->place_count = 0;
	arena_reset(&l->run);
	for (size_t i = from, next; !rc && i < to; i = next) {
		for (next = i + 1; next < to && l->pairs[next].link->use == l->pairs[i].link->use;)
			next++;
		rc = use_places(l, &l->pairs[i], &l->pairs[next]);
	}
	if (!rc && l->place_count)
		qsort(l->places, l->place_count, sizeof *l->places, place_compare);
	for (size_t i = 0; !rc && i < l->place_count && l->left > 0; i++, l->left--)
		rc = row_visit(l, &l->places[i]);
	return rc;
}

static int advisory_visit(struct listing *l, size_t from, size_t to)
{
	int rc = pairs_make(l, from, to);
	if (!rc && l->pair_count)
		qsort(l->pairs, l->pair_count, sizeof *l->pairs, pair_compare);
	for (size_t i = 0, next; !rc && i < l->pair_count && l->left > 0; i = next) {
		for (next = i + 1; next < l->pair_count && run_compare(&l->pairs[next], &l->pairs[i]) == 0;)
			next++;
		rc = run_visit(l, i, next);
	}
	return rc;
}

static int list_moment(struct listing *l)
{
	const struct exposure_view *v = &l->v;
	int rc = exposure_view_load(v->tx, l->filter, true, &l->v);
	if (!rc)
		rc = orders_make(l);
	for (size_t i = 0, next; !rc && i < v->finding_count && l->left > 0; i = next) {
		for (next = i + 1; next < v->finding_count && l->findings[next]->advisory == l->findings[i]->advisory;)
			next++;
		rc = advisory_visit(l, i, next);
	}
	return rc;
}

static void listing_release(struct listing *l)
{
	exposure_view_release(&l->v);
	arena_release(&l->run);
	map_release(&l->artifacts);
	map_release(&l->paths);
	str_release(&l->path);
	rf_free(l->pairs);
	rf_free(l->places);
}

/* ── Of all time ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static void conditions(struct exposure_question *q, const struct exposure_filter *f)
{
	if (f->without_drills)
		str_add_text(&q->sql, " AND COALESCE(v.is_drill, 0) = 0");
	exposure_condition_text(q, "f.advisory =", f->advisory);
	exposure_condition_text(q, "k.purl =", f->product);
	exposure_condition_text(q, "s.service =", f->service);
	exposure_condition_text(q, "s.environment =", f->environment);
	exposure_condition_text(q, "u.model =", f->model);
	if (f->path.n) {
		q->values[q->n++] = DB_B(f->path);
		q->values[q->n++] = DB_B(exposure_outer(f->path));
		str_addf(&q->sql, " AND x.path IN ($%zu, $%zu)", q->n - 1, q->n);
	}
	if (f->placement_id)
		exposure_condition(q, "p.id =", DB_I(f->placement_id));
	if (f->by_carrier)
		exposure_condition(q, "k.carrier =", DB_I(f->carrier));
	if (f->at_least != FINDING_NOT_AFFECTED)
		exposure_condition(q, "f.kind >=", DB_I(f->at_least));
}

static const char select_all[] =
	"SELECT p.id, f.advisory, v.title, v.is_drill, k.carrier, f.kind, f.cause, k.purl, k.version, x.path,"
	" l.inside, s.service, s.environment, u.model, h.name, a.digest, a.kind, a.target, p.seen_from,"
	" p.gone_at, f.since, f.valid_to, f.ended, l.valid_from, l.valid_to, f.service, c.since, g.kind, g.cause, f.id,"
	" k.line, p.content_from, CASE WHEN p.gone_at IS NOT NULL AND EXISTS (SELECT 1 FROM inventory_group z JOIN inventory_placement n"
	" ON n.group_id = z.id WHERE z.host_id = o.host_id AND n.path_id = p.path_id AND n.content_from = p.content_from AND"
	" n.id <> p.id AND n.seen_from <= p.gone_at AND (n.gone_at IS NULL OR n.gone_at > p.gone_at)) THEN 1 ELSE 0 END"
	" FROM exposure_finding f JOIN exposure_subject k ON k.id = f.subject JOIN exposure_link l ON l.subject = "
	"f.subject"
	" JOIN inventory_use u ON u.id = l.use_id JOIN inventory_service s ON s.id = u.service_id"
	" LEFT JOIN advisory v ON v.id = f.advisory JOIN inventory_placement p ON p.use_id = u.id"
	" JOIN inventory_path x ON x.id = p.path_id JOIN inventory_group o ON o.id = p.group_id"
	" JOIN inventory_host h ON h.id = o.host_id JOIN inventory_artifact a ON a.id = l.artifact_id"
	" LEFT JOIN exposure_scope c ON c.advisory = f.advisory AND c.service = s.service"
	" LEFT JOIN exposure_finding g ON g.advisory = f.advisory AND g.subject = f.subject"
	" AND g.service = c.service AND g.valid_from = c.since"
	" WHERE f.ended <> 'continued' AND (f.service = '' OR f.service = s.service)";

static void take_row(const struct db_rows *rows, struct str *path, struct exposure_row *to)
{
	*to = (struct exposure_row){ .placement_id = rows_i64(rows, 0),
				     .finding_id = rows_i64(rows, 29),
				     .advisory = rows_text(rows, 1),
				     .advisory_title = exposure_title(rows_text(rows, 2)),
				     .is_drill = rows_i64(rows, 3),
				     .carrier = (enum carrier)rows_i64(rows, 4),
				     .kind = (enum finding_kind)rows_i64(rows, 5),
				     .cause = CAUSE_UNKNOWN_VERSION,
				     .purl = rows_text(rows, 7),
				     .version = rows_text(rows, 8),
				     .line = (enum platform_line)rows_i64(rows, 30),
				     .path = whole_path(path, rows_blob(rows, 9), rows_blob(rows, 10)),
				     .inside = rows_blob(rows, 10),
				     .service = rows_text(rows, 11),
				     .environment = rows_text(rows, 12),
				     .model = rows_text(rows, 13),
				     .host = rows_text(rows, 14),
				     .artifact_digest = rows_text(rows, 15),
				     .artifact_kind = rows_text(rows, 16),
				     .artifact_target = rows_text(rows, 17),
				     .cleared_at = USEC_NONE };
	to->opened_at = RF_MAX(begins_with(to->carrier, rows_time(rows, 18), rows_time(rows, 31)),
			       RF_MAX(rows_time(rows, 20), rows_time(rows, 23)));
	(void)finding_cause_read(rows_text(rows, 6), &to->cause);
}

static void end_at(struct exposure_row *row, usec_t end, struct span reason)
{
	if (end == USEC_NONE || (row->cleared_at != USEC_NONE && row->cleared_at <= end))
		return;
	row->cleared_at = end;
	row->cleared_reason = reason;
}

/* Everybody's finding ends for a service when that has its own. False: the service's own goes on with it. */
static bool end_at_scope(const struct db_rows *rows, struct exposure_row *row)
{
	usec_t scope = rows_time(rows, 26), finding_end = rows_time(rows, 21);
	if (rows_text(rows, 25).n || scope == USEC_NONE || (finding_end != USEC_NONE && finding_end <= scope))
		return true;
	if (scope <= rows_time(rows, 20))
		return false;
	bool own = !rows_is_null(rows, 27);
	if (own && rows_i64(rows, 27) == rows_i64(rows, 5) && span_eq(rows_text(rows, 28), rows_text(rows, 6)))
		return false;
	end_at(row, scope, own ? SPAN("finding_changed") : SPAN("not_affected"));
	return true;
}

/* The end of the row's overlap; false when there is none. */
static bool take_end(const struct db_rows *rows, struct exposure_row *row)
{
	bool stays = row->carrier != CARRIER_RUNTIME && rows_i64(rows, 32);
	end_at(row, rows_time(rows, 19), stays ? SPAN("moved") : SPAN("gone"));
	end_at(row, rows_time(rows, 21), rows_text(rows, 22));
	end_at(row, rows_time(rows, 24), SPAN("finding_changed"));
	if (!end_at_scope(rows, row))
		return false;
	return row->cleared_at == USEC_NONE || RF_MAX(row->opened_at, rows_time(rows, 18)) < row->cleared_at;
}

static int list_all(struct listing *l)
{
	struct exposure_question q = { .sql = STR_INIT(16 * KIB) };
	struct db_rows *rows = NULL;
	str_add_text(&q.sql, select_all);
	conditions(&q, l->filter);
	str_add_text(&q.sql,
		     " ORDER BY f.advisory, s.service, s.environment, u.model, x.path, p.id, k.carrier, f.since,"
		     " l.id, f.id");
	int rc = str_check(&q.sql, "question for exposures", tx_err(l->v.tx));
	if (!rc)
		rc = tx_query(l->v.tx, str_text(&q.sql), q.values, q.n, &rows);
	while (!rc && l->left > 0 && (rc = rows_next(rows)) == 1) {
		struct exposure_row row;
		take_row(rows, &l->path, &row);
		rc = str_check(&l->path, "path of an exposure", tx_err(l->v.tx));
		if (rc || !take_end(rows, &row) || !is_path(l->filter->path, rows_blob(rows, 9), row.inside))
			continue;
		rc = l->visit(&row, l->data);
		l->left--;
	}
	rows_close(rows);
	str_release(&q.sql);
	return rc;
}

int exposure_list(struct transaction *tx, const struct exposure_filter *filter,
		  int (*visit)(const struct exposure_row *, void *), void *data)
{
	struct listing l = { .v = { .tx = tx },
			     .filter = filter,
			     .run = ARENA_INIT(RUN_ARENA_BYTES),
			     .path = STR_INIT(1 * MIB),
			     .left = filter->limit > 0 ? filter->limit : INT64_MAX,
			     .visit = visit,
			     .data = data };
	int rc = filter->with_cleared && !filter->at ? list_all(&l) : list_moment(&l);
	listing_release(&l);
	return rc;
}
