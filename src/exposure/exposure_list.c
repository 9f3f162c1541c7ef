/*
 * Lists of exposures, derived where they are asked for: placement x link x finding.
 *
 * Three questions with one text: of now (nothing ended), of a moment (begun by then, not ended by then), of all time
 * (their overlap, from the last beginning to the first end; worked out here, since the two dialects name it
 * differently).
 */
#include "exposure/exposure_int.h"

#define MAX_CONDITIONS 16

struct question {
	struct str sql;
	struct db_value values[MAX_CONDITIONS];
	size_t n;
};

static void condition(struct question *q, const char *text, struct db_value value)
{
	q->values[q->n++] = value;
	str_addf(&q->sql, " AND %s $%zu", text, q->n);
}

static void condition_text(struct question *q, const char *text, struct span value)
{
	if (value.n)
		condition(q, text, DB_S(value));
}

/* Findings and links that hold now, or held at a moment; a service's own findings where it has them. */
static void conditions_of_time(struct question *q, usec_t at)
{
	if (!at) {
		str_add_text(&q->sql,
			     " f.valid_to IS NULL AND l.valid_to IS NULL"
			     " AND f.service = CASE WHEN EXISTS (SELECT 1 FROM exposure_scope c WHERE c.advisory = "
			     "f.advisory AND c.service = s.service) THEN s.service ELSE '' END");
		return;
	}
	q->values[q->n++] = DB_TIME(at);
	str_addf(&q->sql,
		 " f.valid_from <= $%zu AND (f.valid_to IS NULL OR f.valid_to > $%zu)"
		 " AND l.valid_from <= $%zu AND (l.valid_to IS NULL OR l.valid_to > $%zu)"
		 " AND f.service = CASE WHEN EXISTS (SELECT 1 FROM exposure_scope c WHERE c.advisory = f.advisory"
		 " AND c.service = s.service AND c.since <= $%zu) THEN s.service ELSE '' END",
		 q->n, q->n, q->n, q->n, q->n);
}

static void conditions_of_what(struct question *q, const struct exposure_filter *f)
{
	if (f->without_drills)
		str_add_text(&q->sql, " AND COALESCE(v.is_drill, 0) = 0");
	condition_text(q, "f.advisory =", f->advisory);
	condition_text(q, "k.purl =", f->product);
	condition_text(q, "s.service =", f->service);
	condition_text(q, "s.environment =", f->environment);
	if (f->by_carrier)
		condition(q, "k.carrier =", DB_I(f->carrier));
	if (f->at_least != FINDING_NOT_AFFECTED)
		condition(q, "f.kind >=", DB_I(f->at_least));
}

/* "placement" or "placement!/inside"; a placement's own path may have a "!/" as well. */
static void condition_path(struct question *q, struct span path)
{
	size_t at = 0;
	condition(q, "(x.path =", DB_B(path));
	while (at + 1 < path.n && !(path.p[at] == '!' && path.p[at + 1] == '/'))
		at++;
	if (at + 1 < path.n) {
		q->values[q->n++] = DB_B(span_sub(path, 0, at));
		q->values[q->n++] = DB_B(span_from(path, at + 2));
		str_addf(&q->sql, " OR (x.path = $%zu AND l.inside = $%zu)", q->n - 1, q->n);
	}
	str_add_text(&q->sql, ")");
}

static void conditions_of_placement(struct question *q, const struct exposure_filter *f)
{
	condition_text(q, "u.model =", f->model);
	if (f->path.n)
		condition_path(q, f->path);
	if (f->placement_id)
		condition(q, "p.id =", DB_I(f->placement_id));
	if (f->at) {
		q->values[q->n++] = DB_TIME(f->at);
		str_addf(&q->sql, " AND p.seen_from <= $%zu AND (p.gone_at IS NULL OR p.gone_at > $%zu)", q->n, q->n);
	} else if (!f->with_cleared) {
		str_add_text(&q->sql, " AND p.gone_at IS NULL");
	}
}

static void ask(struct question *q, const struct exposure_filter *f)
{
	bool history = f->with_cleared && !f->at;
	str_add_text(
		&q->sql,
		"SELECT p.id, f.advisory, v.title, v.is_drill, k.carrier, f.kind, f.cause, k.purl, k.version, x.path,"
		" l.inside, s.service, s.environment, u.model, h.name, a.digest, a.kind, a.target, p.seen_from,"
		" p.gone_at, f.since, f.valid_to, f.ended, l.valid_from, l.valid_to");
	if (history)
		str_add_text(&q->sql, ", f.service, c.since, g.kind, g.cause");
	str_add_text(&q->sql, " FROM exposure_finding f JOIN exposure_subject k ON k.id = f.subject"
			      " JOIN exposure_link l ON l.subject = f.subject"
			      " JOIN inventory_use u ON u.id = l.use_id"
			      " JOIN inventory_service s ON s.id = u.service_id"
			      " LEFT JOIN advisory v ON v.id = f.advisory"
			      " JOIN inventory_placement p ON p.use_id = u.id"
			      " JOIN inventory_path x ON x.id = p.path_id"
			      " JOIN inventory_group o ON o.id = p.group_id"
			      " JOIN inventory_host h ON h.id = o.host_id"
			      " JOIN inventory_artifact a ON a.id = l.artifact_id");
	if (history)
		str_add_text(&q->sql,
			     " LEFT JOIN exposure_scope c ON c.advisory = f.advisory AND c.service = s.service"
			     " LEFT JOIN exposure_finding g ON g.advisory = f.advisory AND g.subject = f.subject"
			     " AND g.service = c.service AND g.valid_from = c.since");
	str_add_text(&q->sql, " WHERE");
	if (history)
		str_add_text(&q->sql, " f.ended <> 'continued' AND (f.service = '' OR f.service = s.service)");
	else
		conditions_of_time(q, f->at);
	conditions_of_what(q, f);
	conditions_of_placement(q, f);
	str_add_text(&q->sql,
		     " ORDER BY f.advisory, s.service, s.environment, u.model, x.path, p.id, k.carrier, f.since,"
		     " l.id, f.id");
	if (f->limit > 0 && !history)
		str_addf(&q->sql, " LIMIT %lld", (long long)f->limit);
}

/* A title for lists; UTF-8 is cut between characters. */
static struct span title_cut(struct span title)
{
	size_t n = RF_MIN(title.n, (size_t)300);
	while (n < title.n && n > 0 && ((unsigned char)title.p[n] & 0xC0) == 0x80)
		n--;
	return span_sub(title, 0, n);
}

static void take_row(const struct db_rows *rows, struct str *path, struct exposure_row *to)
{
	*to = (struct exposure_row){ .placement_id = rows_i64(rows, 0),
				     .advisory = rows_text(rows, 1),
				     .advisory_title = title_cut(rows_text(rows, 2)),
				     .is_drill = rows_i64(rows, 3),
				     .carrier = (enum carrier)rows_i64(rows, 4),
				     .kind = (enum finding_kind)rows_i64(rows, 5),
				     .cause = CAUSE_UNKNOWN_VERSION,
				     .purl = rows_text(rows, 7),
				     .version = rows_text(rows, 8),
				     .path = rows_blob(rows, 9),
				     .inside = rows_blob(rows, 10),
				     .service = rows_text(rows, 11),
				     .environment = rows_text(rows, 12),
				     .model = rows_text(rows, 13),
				     .host = rows_text(rows, 14),
				     .artifact_digest = rows_text(rows, 15),
				     .artifact_kind = rows_text(rows, 16),
				     .artifact_target = rows_text(rows, 17),
				     .opened_at = RF_MAX(rows_time(rows, 18),
							 RF_MAX(rows_time(rows, 20), rows_time(rows, 23))),
				     .cleared_at = USEC_NONE };
	(void)finding_cause_read(rows_text(rows, 6), &to->cause);
	if (!to->inside.n)
		return;
	str_reset(path);
	str_add(path, to->path);
	str_add_text(path, "!/");
	str_add(path, to->inside);
	to->path = str_span(path);
}

/* ── Of all time ─────────────────────────────────────────────────────────────────────────────────────────────────── */

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
	end_at(row, rows_time(rows, 19), SPAN("gone"));
	end_at(row, rows_time(rows, 21), rows_text(rows, 22));
	end_at(row, rows_time(rows, 24), SPAN("finding_changed"));
	if (!end_at_scope(rows, row))
		return false;
	return row->cleared_at == USEC_NONE || row->opened_at < row->cleared_at;
}

int exposure_list(struct transaction *tx, const struct exposure_filter *filter,
		  int (*visit)(const struct exposure_row *, void *), void *data)
{
	struct question q = { .sql = STR_INIT(16 * KIB) };
	RF_AUTO(str) path = STR_INIT(1 * MIB);
	struct db_rows *rows = NULL;
	int64_t left = filter->limit > 0 ? filter->limit : INT64_MAX;
	bool history = filter->with_cleared && !filter->at;
	ask(&q, filter);
	int rc = str_check(&q.sql, "question for exposures", tx_err(tx));
	if (!rc)
		rc = tx_query(tx, str_text(&q.sql), q.values, q.n, &rows);
	while (!rc && left > 0 && (rc = rows_next(rows)) == 1) {
		struct exposure_row row;
		take_row(rows, &path, &row);
		rc = str_check(&path, "path of an exposure", tx_err(tx));
		if (rc || (history && !take_end(rows, &row)))
			continue;
		rc = visit(&row, data);
		left--;
	}
	rows_close(rows);
	str_release(&q.sql);
	return rc;
}

/* ── Sums ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Uses with the number of placements that were there at a moment: then they are counted, now they are known. */
static void uses_at(struct question *q, usec_t at)
{
	if (!at) {
		str_add_text(&q->sql, "inventory_use");
		return;
	}
	q->values[q->n++] = DB_TIME(at);
	str_addf(&q->sql,
		 "(SELECT w.id, w.artifact_id, w.service_id, w.model, COUNT(*) AS placements FROM inventory_placement p"
		 " JOIN inventory_use w ON w.id = p.use_id WHERE p.seen_from <= $%zu AND (p.gone_at IS NULL OR "
		 "p.gone_at > "
		 "$%zu) GROUP BY w.id, w.artifact_id, w.service_id, w.model)",
		 q->n, q->n);
}

static void findings_at(struct question *q, usec_t at)
{
	str_add_text(&q->sql, " FROM exposure_finding f JOIN exposure_subject k ON k.id = f.subject"
			      " JOIN exposure_link l ON l.subject = f.subject JOIN ");
	uses_at(q, at);
	str_add_text(&q->sql, " u ON u.id = l.use_id JOIN inventory_service s ON s.id = u.service_id"
			      " LEFT JOIN advisory v ON v.id = f.advisory WHERE");
	conditions_of_time(q, at);
	str_add_text(&q->sql, " AND u.placements > 0");
}

static void take_sum(const struct db_rows *rows, struct exposure_sum *to)
{
	*to = (struct exposure_sum){ .advisory = rows_text(rows, 0),
				     .is_drill = rows_i64(rows, 1),
				     .service = rows_text(rows, 2),
				     .environment = rows_text(rows, 3),
				     .carrier = (enum carrier)rows_i64(rows, 4),
				     .purl = rows_text(rows, 5),
				     .version = rows_text(rows, 6),
				     .kind = (enum finding_kind)rows_i64(rows, 7),
				     .cause = CAUSE_UNKNOWN_VERSION,
				     .exposures = rows_i64(rows, 9) };
	(void)finding_cause_read(rows_text(rows, 8), &to->cause);
}

int exposure_sums(struct transaction *tx, const struct exposure_filter *filter,
		  int (*visit)(const struct exposure_sum *, void *), void *data)
{
	struct question q = { .sql = STR_INIT(16 * KIB) };
	struct db_rows *rows = NULL;
	str_add_text(&q.sql, "SELECT f.advisory, COALESCE(v.is_drill, 0), s.service, s.environment, k.carrier, k.purl, "
			     "k.version, f.kind, f.cause, CAST(SUM(u.placements) AS BIGINT)");
	findings_at(&q, filter->at);
	conditions_of_what(&q, filter);
	str_add_text(&q.sql,
		     " GROUP BY f.advisory, COALESCE(v.is_drill, 0), s.service, s.environment, k.carrier, k.purl,"
		     " k.version, f.kind, f.cause"
		     " ORDER BY f.advisory, s.service, s.environment, k.carrier, k.purl, k.version, f.kind, f.cause");
	if (filter->limit > 0)
		str_addf(&q.sql, " LIMIT %lld", (long long)filter->limit);
	int rc = str_check(&q.sql, "question for exposures", tx_err(tx));
	if (!rc)
		rc = tx_query(tx, str_text(&q.sql), q.values, q.n, &rows);
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct exposure_sum sum;
		take_sum(rows, &sum);
		rc = visit(&sum, data);
	}
	rows_close(rows);
	str_release(&q.sql);
	return rc;
}

/* ── Services ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The workspace's limit of services times a handful of environments. */
#define MAX_SERVICES 100000

struct services {
	struct transaction *tx;
	usec_t at;
	struct arena a;
	struct exposure_service *list;
	size_t count, capacity;
};

static int service_add(struct services *s, const struct db_rows *rows)
{
	if (s->count == MAX_SERVICES)
		return err_set(tx_err(s->tx), RF_ETOOMANY, "more than %d services and environments", MAX_SERVICES);
	if (s->count == s->capacity) {
		size_t capacity = s->capacity ? 2 * s->capacity : 64;
		struct exposure_service *more = rf_realloc_array(s->list, capacity, sizeof *more);
		if (!more)
			return err_set(tx_err(s->tx), RF_ENOMEM, "services");
		s->list = more;
		s->capacity = capacity;
	}
	struct exposure_service *to = &s->list[s->count++];
	*to = (struct exposure_service){ .placements = rows_i64(rows, 2), .images = rows_i64(rows, 3) };
	to->service = rows_text(rows, 0).n ? arena_span(&s->a, rows_text(rows, 0)) : SPAN_NONE;
	to->environment = rows_text(rows, 1).n ? arena_span(&s->a, rows_text(rows, 1)) : SPAN_NONE;
	return 0;
}

static int count_placements(struct services *s)
{
	struct question q = { .sql = STR_INIT(16 * KIB) };
	struct db_rows *rows = NULL;
	str_add_text(&q.sql,
		     "SELECT s.service, s.environment,"
		     " CAST(SUM(CASE WHEN a.kind = 'container-image' THEN 0 ELSE u.placements END) AS BIGINT),"
		     " CAST(SUM(CASE WHEN a.kind = 'container-image' THEN u.placements ELSE 0 END) AS BIGINT) FROM ");
	uses_at(&q, s->at);
	str_add_text(
		&q.sql,
		" u JOIN inventory_service s ON s.id = u.service_id JOIN inventory_artifact a ON a.id = u.artifact_id"
		" WHERE u.placements > 0 AND a.kind IN ('container-image', '" ARTIFACT_TENSORRT_PLAN
		"', '" ARTIFACT_ONNXRUNTIME_OPTIMISED "', '" ARTIFACT_ONNXRUNTIME_ORT
		"') GROUP BY s.service, s.environment ORDER BY s.service, s.environment");
	int rc = str_check(&q.sql, "question for services", tx_err(s->tx));
	if (!rc)
		rc = tx_query(s->tx, str_text(&q.sql), q.values, q.n, &rows);
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = service_add(s, rows);
	rows_close(rows);
	str_release(&q.sql);
	return rc;
}

static struct exposure_service *find_service(struct services *s, struct span service, struct span environment)
{
	size_t low = 0, high = s->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = span_compare(s->list[middle].service, service);
		if (!c)
			c = span_compare(s->list[middle].environment, environment);
		if (!c)
			return &s->list[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int take_counts(struct services *s, struct db_rows *rows)
{
	int rc;
	while ((rc = rows_next(rows)) == 1) {
		struct exposure_service *to = find_service(s, rows_text(rows, 0), rows_text(rows, 1));
		size_t carrier = (size_t)rows_i64(rows, 2), kind = (size_t)rows_i64(rows, 3);
		if (!to || carrier >= CARRIER_COUNT || kind > FINDING_AFFECTED)
			continue;
		to->counts[carrier][kind] = rows_i64(rows, 4);
		to->worst[carrier] = RF_MAX(to->worst[carrier], (enum finding_kind)kind);
	}
	return rc;
}

/* A use's placements count once for each carrier, at the worst of its findings. Drills count only when asked for by
 * name: an exercise must not colour the real state. */
static int count_exposures(struct services *s, struct span advisory)
{
	struct question q = { .sql = STR_INIT(16 * KIB) };
	struct db_rows *rows = NULL;
	str_add_text(&q.sql,
		     "SELECT w.service, w.environment, w.carrier, w.worst, CAST(SUM(w.placements) AS BIGINT) FROM ("
		     "SELECT s.service AS service, s.environment AS environment, u.id, u.placements AS placements,"
		     " k.carrier AS carrier, MAX(f.kind) AS worst");
	findings_at(&q, s->at);
	if (advisory.n)
		condition(&q, "f.advisory =", DB_S(advisory));
	else
		str_add_text(&q.sql, " AND COALESCE(v.is_drill, 0) = 0");
	str_add_text(&q.sql, " GROUP BY s.service, s.environment, u.id, u.placements, k.carrier) w"
			     " GROUP BY w.service, w.environment, w.carrier, w.worst");
	int rc = str_check(&q.sql, "question for services", tx_err(s->tx));
	if (!rc)
		rc = tx_query(s->tx, str_text(&q.sql), q.values, q.n, &rows);
	if (!rc)
		rc = take_counts(s, rows);
	rows_close(rows);
	str_release(&q.sql);
	return rc;
}

int exposure_services(struct transaction *tx, struct span advisory, usec_t at,
		      int (*visit)(const struct exposure_service *, void *), void *data)
{
	struct services s = { .tx = tx, .at = at, .a = ARENA_INIT(64 * MIB) };
	int rc = count_placements(&s);
	if (!rc)
		rc = count_exposures(&s, advisory);
	for (size_t i = 0; !rc && i < s.count; i++)
		rc = visit(&s.list[i], data);
	rf_free(s.list);
	arena_release(&s.a);
	return rc;
}

const char *exposure_service_words(const struct exposure_service *s, char *buffer, size_t size)
{
	static const char *const words[] = { "clean", "not known", "contradictory", "vulnerable" };
	enum finding_kind runtime = s->worst[CARRIER_RUNTIME], engine = s->worst[CARRIER_BUILDER];
	if (runtime == FINDING_NOT_AFFECTED && engine == FINDING_NOT_AFFECTED)
		snprintf(buffer, size, "clean");
	else if (runtime == engine)
		snprintf(buffer, size, "runtime and engine %s", words[engine]);
	else
		snprintf(buffer, size, "runtime %s, engine %s%s", words[runtime],
			 runtime == FINDING_NOT_AFFECTED && engine == FINDING_AFFECTED ? "still " : "", words[engine]);
	return buffer;
}
