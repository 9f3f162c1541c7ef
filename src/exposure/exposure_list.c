/* Lists of exposures, and the state of services with their carriers apart. */
#include "exposure/exposure_int.h"

#define MAX_CONDITIONS 10

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

static void conditions(struct question *q, const struct exposure_filter *f)
{
	str_add_text(&q->sql, " WHERE 1 = 1");
	if (!f->with_cleared)
		str_add_text(&q->sql, " AND cleared_at IS NULL");
	if (f->without_drills)
		str_add_text(&q->sql, " AND is_drill = 0");
	condition_text(q, "advisory =", f->advisory);
	condition_text(q, "service =", f->service);
	condition_text(q, "environment =", f->environment);
	condition_text(q, "model =", f->model);
	if (f->path.n)
		condition(q, "path =", DB_B(f->path));
	if (f->placement_id)
		condition(q, "placement =", DB_I(f->placement_id));
	if (f->by_carrier)
		condition(q, "carrier =", DB_I(f->carrier));
	if (f->at_least != FINDING_NOT_AFFECTED)
		condition(q, "kind >=", DB_I(f->at_least));
}

static void take_row(const struct db_rows *rows, struct exposure_row *to)
{
	*to = (struct exposure_row){ .id = rows_i64(rows, 0),
				     .placement_id = rows_i64(rows, 1),
				     .finding_id = rows_i64(rows, 2),
				     .advisory = rows_text(rows, 3),
				     .advisory_title = rows_text(rows, 4),
				     .is_drill = rows_i64(rows, 5),
				     .carrier = (enum carrier)rows_i64(rows, 6),
				     .kind = (enum finding_kind)rows_i64(rows, 7),
				     .cause = CAUSE_UNKNOWN_VERSION,
				     .purl = rows_text(rows, 9),
				     .version = rows_text(rows, 10),
				     .path = rows_blob(rows, 11),
				     .service = rows_text(rows, 12),
				     .environment = rows_text(rows, 13),
				     .model = rows_text(rows, 14),
				     .host = rows_text(rows, 15),
				     .artifact_digest = rows_text(rows, 16),
				     .artifact_kind = rows_text(rows, 17),
				     .artifact_target = rows_text(rows, 18),
				     .opened_at = rows_time(rows, 19),
				     .cleared_at = rows_time(rows, 20),
				     .cleared_reason = rows_text(rows, 21) };
	(void)finding_cause_read(rows_text(rows, 8), &to->cause);
}

int exposure_list(struct transaction *tx, const struct exposure_filter *filter,
		  int (*visit)(const struct exposure_row *, void *), void *data)
{
	struct question q = { .sql = STR_INIT(8 * KIB) };
	struct db_rows *rows = NULL;
	str_add_text(&q.sql, "SELECT id, placement, finding, advisory, title, is_drill, carrier, kind, cause, purl, "
			     "version, path, service,"
			     " environment, model, host, digest, artifact_kind, target, opened_at, cleared_at, "
			     "cleared_reason FROM exposure");
	conditions(&q, filter);
	str_add_text(&q.sql,
		     " ORDER BY advisory, service, environment, model, path, placement, carrier, opened_at, id");
	if (filter->limit > 0)
		str_addf(&q.sql, " LIMIT %lld", (long long)filter->limit);
	int rc = str_check(&q.sql, "question for exposures", tx_err(tx));
	if (!rc)
		rc = tx_query(tx, str_text(&q.sql), q.values, q.n, &rows);
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct exposure_row row;
		take_row(rows, &row);
		rc = visit(&row, data);
	}
	rows_close(rows);
	str_release(&q.sql);
	return rc;
}

/* ── Services ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The workspace's limit of services times a handful of environments. */
#define MAX_SERVICES 100000

struct services {
	struct transaction *tx;
	struct arena a;
	struct exposure_service *list;
	size_t count, capacity;
};

/* Placements come by service and environment, so the last one is the one or it is new. */
static int count_placement(const struct inventory_placement *p, void *data)
{
	struct services *s = data;
	struct exposure_service *last = s->count ? &s->list[s->count - 1] : NULL;
	if (last && span_eq(last->service, p->service) && span_eq(last->environment, p->environment)) {
		last->placements++;
		return 0;
	}
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
	*to = (struct exposure_service){ .placements = 1 };
	to->service = p->service.n ? arena_span(&s->a, p->service) : SPAN_NONE;
	to->environment = p->environment.n ? arena_span(&s->a, p->environment) : SPAN_NONE;
	return 0;
}

static struct exposure_service *find_service(struct services *s, struct span service, struct span environment)
{
	size_t low = 0, high = s->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct span a = s->list[middle].service, b = s->list[middle].environment;
		int c = memcmp(a.n ? a.p : "", service.n ? service.p : "", RF_MIN(a.n, service.n));
		c = c ? c : a.n < service.n ? -1 : a.n > service.n;
		if (!c) {
			c = memcmp(b.n ? b.p : "", environment.n ? environment.p : "", RF_MIN(b.n, environment.n));
			c = c ? c : b.n < environment.n ? -1 : b.n > environment.n;
		}
		if (!c)
			return &s->list[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int count_exposures(struct services *s, struct span advisory)
{
	/* drills count only when asked for by name: an exercise must not colour the real state */
	static const char sql[] = "SELECT service, environment, carrier, worst, count(*) FROM"
				  " (SELECT service, environment, placement, carrier, max(kind) AS worst FROM exposure "
				  "WHERE cleared_at IS NULL"
				  "  AND (($1 = '' AND is_drill = 0) OR advisory = $1) GROUP BY service, environment, "
				  "placement, carrier) AS x"
				  " GROUP BY service, environment, carrier, worst";
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(s->tx, &rows, sql, DB_S(advisory.n ? advisory : SPAN("")));
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct exposure_service *to = find_service(s, rows_text(rows, 0), rows_text(rows, 1));
		size_t carrier = (size_t)rows_i64(rows, 2), kind = (size_t)rows_i64(rows, 3);
		rc = 0;
		if (!to || carrier > CARRIER_RUNTIME || kind > FINDING_AFFECTED)
			continue;
		to->counts[carrier][kind] = rows_i64(rows, 4);
		to->worst[carrier] = RF_MAX(to->worst[carrier], (enum finding_kind)kind);
	}
	return rc;
}

int exposure_services(struct transaction *tx, struct span advisory,
		      int (*visit)(const struct exposure_service *, void *), void *data)
{
	struct services s = { .tx = tx, .a = ARENA_INIT(64 * MIB) };
	int rc = inventory_each_placement(tx, &(struct inventory_filter){ .engines_only = true }, count_placement, &s);
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
