/* Incident rows and the one door of their machine (incident.h). */
#include "response/incident.h"

#include "format/json.h"
#include "ledger/ledger.h"
#include "response/incident_int.h"
#include "response/task_int.h"
#include "work/work.h"

/* ── the ledger ── */

static int record(struct transaction *tx, int64_t id, const char *verb, const char *actor, const struct str *body)
{
	char kind[64], subject[64];
	snprintf(kind, sizeof kind, "incident.%s", verb);
	snprintf(subject, sizeof subject, "incident/%lld", (long long)id);
	int rc = str_check(body, "incident record", tx_err(tx));
	return rc ? rc : ledger_append(tx, &(struct ledger_entry){ kind, subject, actor, str_span(body) });
}

/* ── birth ── */

/* The open incident of any of the advisories; 0: none. RF_ECONFLICT: two different ones. */
static int find_open(struct transaction *tx, const struct incident_birth *b, int64_t *ret)
{
	int64_t found = 0;
	for (size_t i = 0; i < b->advisory_count; i++) {
		int64_t id;
		int rc = TX_I64(tx, &id, "SELECT incident FROM incident_advisory WHERE advisory = $1 AND active = 1",
				DB_T(b->advisories[i]));
		if (rc == RF_ENOTFOUND)
			continue;
		if (rc)
			return rc;
		if (found && id != found)
			return err_set(tx_err(tx), RF_ECONFLICT,
				       "%s belongs to incident %lld and %s to incident %lld, both open: respond to "
				       "each, or close one",
				       b->advisories[i], (long long)id, b->advisories[0], (long long)found);
		found = id;
	}
	*ret = found;
	return 0;
}

/* "<id>" or "<id>+<n-1>", bytes that file names cannot hold made '-'; "#n" for the n-th incident of that name. */
static int choose_name(struct transaction *tx, const struct incident_birth *b, char *ret, size_t size)
{
	char base[160];
	int n = b->advisory_count > 1
			? snprintf(base, sizeof base, "%.128s+%zu", b->advisories[0], b->advisory_count - 1)
			: snprintf(base, sizeof base, "%.128s", b->advisories[0]);
	for (int i = 0; i < n; i++) {
		unsigned char c = (unsigned char)base[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
			     c == '+' || c == '-' || (c == '.' && i > 0);
		if (!plain)
			base[i] = '-';
	}
	/* bytes of a name that LIKE takes for more than themselves: only '_' is left of those */
	char pattern[2 * sizeof base + 4];
	size_t length = 0;
	for (int i = 0; i < n; i++) {
		if (base[i] == '_')
			pattern[length++] = '!';
		pattern[length++] = base[i];
	}
	snprintf(pattern + length, sizeof pattern - length, "#%%");
	int64_t same;
	int rc = TX_I64(tx, &same, "SELECT COUNT(*) FROM incident WHERE name = $1 OR name LIKE $2 ESCAPE '!'",
			DB_T(base), DB_T(pattern));
	if (rc)
		return rc;
	if (same)
		snprintf(ret, size, "%s#%lld", base, (long long)same + 1);
	else
		snprintf(ret, size, "%s", base);
	return 0;
}

static int add_advisory(struct transaction *tx, int64_t id, size_t position, const char *advisory, int64_t *ret_added)
{
	return tx_exec(tx,
		       "INSERT INTO incident_advisory (incident, advisory, position, active) VALUES ($1, $2, $3, 1) "
		       "ON CONFLICT (incident, advisory) DO NOTHING",
		       (const struct db_value[]){ DB_I(id), DB_T(advisory), DB_I(position) }, 3, ret_added);
}

static int record_opened(struct transaction *tx, int64_t id, const char *name, const struct incident_birth *b)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member(&o, "name", name);
	json_key(&o, "advisories");
	json_array(&o);
	for (size_t i = 0; i < b->advisory_count; i++)
		json_put_text(&o, b->advisories[i]);
	json_array_end(&o);
	json_member_bool(&o, "drill", b->is_drill);
	json_member_bool(&o, "backlog", b->is_backlog);
	json_member_time(&o, "t0", b->t0);
	json_member(&o, "t0_source", b->t0_source);
	json_member_time(&o, "published_at", b->published_at);
	json_key(&o, "evidence");
	json_put_raw(&o, b->evidence.n ? b->evidence : SPAN("{}"));
	json_object_end(&o);
	return record(tx, id, "opened", b->actor, &body);
}

static int insert_incident(struct transaction *tx, const struct incident_birth *b, int64_t *ret_id)
{
	char name[192];
	int rc = choose_name(tx, b, name, sizeof name);
	if (rc)
		return rc;
	int64_t id;
	rc = TX_I64(tx, &id,
		    "INSERT INTO incident (name, state, is_drill, is_backlog, t0, t0_source, published_at, opened_at, "
		    "opened_by, "
		    "changed_at, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8, '') RETURNING id",
		    DB_T(name), DB_T(incident_state_name(INCIDENT_OPEN)), DB_I(b->is_drill), DB_I(b->is_backlog),
		    DB_TIME(b->t0), DB_T(b->t0_source), DB_TIME(b->published_at), DB_TIME(tx_now(tx)), DB_T(b->actor));
	for (size_t i = 0; !rc && i < b->advisory_count; i++)
		rc = add_advisory(tx, id, i, b->advisories[i], NULL);
	if (!rc)
		rc = record_opened(tx, id, name, b);
	if (!rc)
		*ret_id = id;
	return rc;
}

static int add_to_existing(struct transaction *tx, int64_t id, const struct incident_birth *b)
{
	int64_t position;
	int rc = TX_I64(tx, &position, "SELECT COUNT(*) FROM incident_advisory WHERE incident = $1", DB_I(id));
	for (size_t i = 0; !rc && i < b->advisory_count; i++) {
		int64_t added = 0;
		rc = add_advisory(tx, id, (size_t)position, b->advisories[i], &added);
		if (rc || !added)
			continue;
		if (++position > INCIDENT_MAX_ADVISORIES)
			return err_set(tx_err(tx), RF_ETOOMANY, "incident %lld would answer more than %d advisories",
				       (long long)id, INCIDENT_MAX_ADVISORIES);
		RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
		struct json_out o = json_out(&body, false);
		json_object(&o);
		json_member(&o, "advisory", b->advisories[i]);
		json_object_end(&o);
		rc = record(tx, id, "advisory_added", b->actor, &body);
	}
	return rc;
}

int incident_open(struct transaction *tx, const struct incident_birth *b, int64_t *ret_id, bool *ret_new)
{
	if (b->advisory_count == 0 || b->advisory_count > INCIDENT_MAX_ADVISORIES)
		return err_set(tx_err(tx), RF_EINVALID, "an incident answers 1 to %d advisories, not %zu",
			       INCIDENT_MAX_ADVISORIES, b->advisory_count);
	int64_t id = 0;
	int rc = find_open(tx, b, &id);
	if (rc)
		return rc;
	bool is_new = id == 0;
	rc = is_new ? insert_incident(tx, b, &id) : add_to_existing(tx, id, b);
	if (rc)
		return rc;
	*ret_id = id;
	if (ret_new)
		*ret_new = is_new;
	return 0;
}

/* ── the door ── */

static int get_state(struct transaction *tx, int64_t id, enum incident_state *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT state FROM incident WHERE id = $1", DB_I(id));
	if (rc)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(tx_err(tx), RF_ENOTFOUND, "there is no incident %lld", (long long)id);
	if (!incident_state_read(rows_text(rows, 0), ret))
		return err_set(tx_err(tx), RF_EINTERNAL, "incident %lld has an unknown state", (long long)id);
	return 0;
}

/* Reopening must not put an advisory into two open incidents. */
static int check_reopen(struct transaction *tx, int64_t id)
{
	int64_t taken;
	int rc = TX_I64(tx, &taken,
			"SELECT COUNT(*) FROM incident_advisory a JOIN incident_advisory b ON a.advisory = b.advisory "
			"WHERE a.incident = $1 AND b.active = 1 AND b.incident <> $1",
			DB_I(id));
	if (!rc && taken)
		rc = err_set(tx_err(tx), RF_ESTATE,
			     "incident %lld cannot be reopened: another open incident answers %lld of its "
			     "advisories",
			     (long long)id, (long long)taken);
	return rc;
}

/* Closing says "done". What is not needs a person's words. */
static int check_close(struct transaction *tx, int64_t id)
{
	int64_t engines, releases;
	int rc = TX_I64(tx, &engines,
			"SELECT COALESCE(SUM(tasks - proven), 0) FROM incident_environment WHERE incident = $1",
			DB_I(id));
	if (!rc)
		rc = TX_I64(tx, &releases,
			    "SELECT COALESCE(SUM(releases - published), 0) FROM "
			    "incident_environment WHERE incident = $1",
			    DB_I(id));
	if (!rc && (engines > 0 || releases > 0))
		rc = err_set(tx_err(tx), RF_EINVALID,
			     "incident %lld is not done: %lld engine%s not proven, %lld service%s not published; go on "
			     "with `reforge respond %lld`, or close it with --reason",
			     (long long)id, (long long)engines, engines == 1 ? "" : "s", (long long)releases,
			     releases == 1 ? "" : "s", (long long)id);
	return rc;
}

int incident_set_state(struct transaction *tx, const struct incident_change *c)
{
	enum incident_state from;
	int rc = get_state(tx, c->incident, &from);
	if (rc)
		return rc;
	if (!incident_may(from, c->to))
		return err_set(tx_err(tx), RF_ESTATE, "incident %lld is %s and cannot become %s",
			       (long long)c->incident, incident_state_name(from), incident_state_name(c->to));
	if (c->to != INCIDENT_CLOSED && (!c->reason || !*c->reason))
		return err_set(tx_err(tx), RF_EINVALID, "an incident is %s for a reason; none was given",
			       incident_state_name(c->to));
	if (c->to == INCIDENT_REOPENED && (rc = check_reopen(tx, c->incident)))
		return rc;
	if (c->to == INCIDENT_CLOSED && (!c->reason || !*c->reason) && (rc = check_close(tx, c->incident)))
		return rc;
	rc = TX_RUN(tx, "UPDATE incident SET state = $2, reason = $3, changed_at = $4 WHERE id = $1", DB_I(c->incident),
		    DB_T(incident_state_name(c->to)), DB_T(c->reason ? c->reason : ""), DB_TIME(tx_now(tx)));
	if (!rc)
		rc = TX_RUN(tx, "UPDATE incident_advisory SET active = $2 WHERE incident = $1", DB_I(c->incident),
			    DB_I(c->to == INCIDENT_REOPENED));
	char why[INCIDENT_RESTS_BYTES];
	if (!rc && c->to == INCIDENT_REOPENED)
		rc = work_wake(tx, incident_rests(c->incident, why));
	if (rc)
		return rc;
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member(&o, "from", incident_state_name(from));
	if (c->reason && *c->reason)
		json_member(&o, "reason", c->reason);
	json_key(&o, "evidence");
	json_put_raw(&o, c->evidence.n ? c->evidence : SPAN("{}"));
	json_object_end(&o);
	return record(tx, c->incident, incident_state_name(c->to), c->actor, &body);
}

/* ── stages ── */

static const char *const REACHED_COLUMN[CLOCK_STAGES] = {
	"reached_confirm", "reached_environment", "reached_rebuild", "reached_canary", "reached_fleet",
};

int incident_environment_make(struct transaction *tx, int64_t incident, const char *environment)
{
	return TX_RUN(tx,
		      "INSERT INTO incident_environment (incident, environment, plan_complete, tasks, planned, "
		      "building, built, proven, "
		      "failed, blocked, releases, published, canary, promoted) VALUES ($1, $2, 0, 0, 0, 0, 0, 0, 0, 0, "
		      "0, 0, 0, 0) "
		      "ON CONFLICT (incident, environment) DO NOTHING",
		      DB_I(incident), DB_T(environment));
}

/* Notes that @stage is reached, once, with its record. */
static int reach(struct transaction *tx, int64_t incident, const char *environment, enum clock_stage stage,
		 const char *actor)
{
	char sql[160];
	snprintf(sql, sizeof sql,
		 "UPDATE incident_environment SET %s = $3 WHERE incident = $1 AND environment = $2 AND %s IS NULL",
		 REACHED_COLUMN[stage], REACHED_COLUMN[stage]);
	int64_t changed = 0;
	int rc = tx_exec(tx, sql, (const struct db_value[]){ DB_I(incident), DB_T(environment), DB_TIME(tx_now(tx)) },
			 3, &changed);
	if (rc || !changed)
		return rc;
	RF_AUTO(str) body = STR_INIT(4 * KIB);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member(&o, "environment", environment);
	json_member(&o, "stage", clock_stage_name(stage));
	json_member_time(&o, "at", tx_now(tx));
	json_object_end(&o);
	return record(tx, incident, "stage_reached", actor, &body);
}

int incident_confirm(struct transaction *tx, int64_t incident, const char *environment, const char *actor)
{
	int rc = incident_environment_make(tx, incident, environment);
	return rc ? rc : reach(tx, incident, environment, CLOCK_CONFIRM, actor);
}

#define ENVIRONMENT_COLUMNS                                                                                    \
	"environment, tasks, planned, building, built, proven, failed, blocked, releases, published, canary, " \
	"promoted, "                                                                                           \
	"reached_confirm, reached_environment, reached_rebuild, reached_canary, reached_fleet, plan_complete"

static void read_environment(struct db_rows *rows, struct incident_environment *e)
{
	int64_t *const counts[] = { &e->tasks,   &e->planned,  &e->building,  &e->built,  &e->proven,  &e->failed,
				    &e->blocked, &e->releases, &e->published, &e->canary, &e->promoted };
	for (size_t i = 0; i < RF_COUNT(counts); i++)
		*counts[i] = rows_i64(rows, (int)i + 1);
	for (int s = 0; s < CLOCK_STAGES; s++)
		e->reached[s] = rows_time(rows, 12 + s);
}

int incident_evaluate_stages(struct transaction *tx, int64_t incident, const char *environment, const char *actor)
{
	struct incident_environment e = { 0 };
	{
		RF_AUTO_ROWS rows = NULL;
		int rc = TX_QUERY(tx, &rows,
				  "SELECT " ENVIRONMENT_COLUMNS " FROM incident_environment "
				  "WHERE incident = $1 AND environment = $2",
				  DB_I(incident), DB_T(environment));
		if (rc)
			return rc;
		rc = rows_next(rows);
		if (rc <= 0)
			return rc;
		read_environment(rows, &e);
		if (!rows_i64(rows, 17))
			return 0;
	}
	for (int s = CLOCK_ENVIRONMENT; s < CLOCK_STAGES; s++) {
		int64_t n, m;
		incident_stage_counts(&e, (enum clock_stage)s, &n, &m);
		if (e.reached[s] != USEC_NONE || m == 0 || n < m)
			continue;
		int rc = reach(tx, incident, environment, (enum clock_stage)s, actor);
		if (rc)
			return rc;
	}
	return 0;
}

/* ── reading ── */

static int read_advisories(struct transaction *tx, struct arena *a, struct incident *ret)
{
	struct span list[INCIDENT_MAX_ADVISORIES];
	size_t n = 0;
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows,
			  "SELECT advisory FROM incident_advisory WHERE incident = $1 ORDER BY position, advisory",
			  DB_I(ret->id));
	if (rc)
		return rc;
	while ((rc = rows_next(rows)) > 0 && n < INCIDENT_MAX_ADVISORIES) {
		list[n] = arena_span(a, rows_text(rows, 0));
		if (!list[n++].p)
			return err_set(tx_err(tx), RF_ENOMEM, "no memory for an incident");
	}
	if (rc < 0)
		return rc;
	ret->advisories = arena_array(a, n + 1, sizeof *list);
	if (!ret->advisories)
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for an incident");
	memcpy(ret->advisories, list, n * sizeof *list);
	ret->advisory_count = n;
	return 0;
}

static int read_environments(struct transaction *tx, struct arena *a, struct incident *ret)
{
	int64_t count;
	int rc = TX_I64(tx, &count, "SELECT COUNT(*) FROM incident_environment WHERE incident = $1", DB_I(ret->id));
	if (rc)
		return rc;
	struct incident_environment *list = arena_array(a, (size_t)count + 1, sizeof *list);
	if (!list)
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for an incident");
	RF_AUTO_ROWS rows = NULL;
	rc = TX_QUERY(tx, &rows,
		      "SELECT " ENVIRONMENT_COLUMNS
		      " FROM incident_environment WHERE incident = $1 ORDER BY environment",
		      DB_I(ret->id));
	if (rc)
		return rc;
	size_t n = 0;
	while ((rc = rows_next(rows)) > 0 && n < (size_t)count) {
		list[n].environment = arena_span(a, rows_text(rows, 0));
		if (!list[n].environment.p)
			return err_set(tx_err(tx), RF_ENOMEM, "no memory for an incident");
		read_environment(rows, &list[n++]);
	}
	ret->environments = list;
	ret->environment_count = n;
	return rc < 0 ? rc : 0;
}

static int read_incident(struct transaction *tx, int64_t id, struct arena *a, struct incident *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows,
			  "SELECT id, name, state, is_drill, is_backlog, t0, published_at, opened_at, changed_at, "
			  "t0_source, opened_by, "
			  "reason FROM incident WHERE id = $1",
			  DB_I(id));
	if (rc)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(tx_err(tx), RF_ENOTFOUND, "there is no incident %lld", (long long)id);
	*ret = (struct incident){
		.id = id,
		.is_drill = rows_i64(rows, 3) != 0,
		.is_backlog = rows_i64(rows, 4) != 0,
		.t0 = rows_time(rows, 5),
		.published_at = rows_time(rows, 6),
		.opened_at = rows_time(rows, 7),
		.changed_at = rows_time(rows, 8),
		.name = arena_span(a, rows_text(rows, 1)),
		.t0_source = arena_span(a, rows_text(rows, 9)),
		.opened_by = arena_span(a, rows_text(rows, 10)),
		.reason = arena_span(a, rows_text(rows, 11)),
	};
	if (!ret->name.p || !ret->t0_source.p || !ret->opened_by.p)
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for an incident");
	if (!incident_state_read(rows_text(rows, 2), &ret->state))
		return err_set(tx_err(tx), RF_EINTERNAL, "incident %lld has an unknown state", (long long)id);
	return 0;
}

int incident_get(struct transaction *tx, int64_t id, struct arena *a, struct incident *ret)
{
	struct incident incident;
	int rc = read_incident(tx, id, a, &incident);
	if (!rc)
		rc = read_advisories(tx, a, &incident);
	if (!rc)
		rc = read_environments(tx, a, &incident);
	if (!rc)
		*ret = incident;
	return rc;
}

int incident_find(struct transaction *tx, struct span what, int64_t *ret_id)
{
	int64_t id;
	int rc = RF_ENOTFOUND;
	if (span_i64(what, &id))
		rc = TX_I64(tx, &id, "SELECT id FROM incident WHERE id = $1", DB_I(id));
	if (rc == RF_ENOTFOUND)
		rc = TX_I64(tx, &id, "SELECT id FROM incident WHERE name = $1", DB_S(what));
	if (rc == RF_ENOTFOUND)
		rc = TX_I64(tx, &id,
			    "SELECT incident FROM incident_advisory WHERE advisory = $1 ORDER BY incident DESC LIMIT 1",
			    DB_S(what));
	if (rc == RF_ENOTFOUND)
		return err_set(tx_err(tx), RF_ENOTFOUND,
			       "no incident has the number, the name or the advisory \"%.*s\" (reforge incident list "
			       "shows them)",
			       SPAN_ARG(what));
	if (!rc)
		*ret_id = id;
	return rc;
}

int incident_list(struct transaction *tx, bool open_only, int64_t limit, struct arena *a, struct incident **ret,
		  size_t *ret_count)
{
	int64_t count;
	int rc = TX_I64(tx, &count, "SELECT COUNT(*) FROM incident WHERE $1 = 0 OR state IN ('open', 'reopened')",
			DB_I(open_only));
	if (rc)
		return rc;
	count = RF_MIN(count, limit);
	struct incident *list = arena_array(a, (size_t)count + 1, sizeof *list);
	int64_t *ids = arena_array(a, (size_t)count + 1, sizeof *ids);
	if (!list || !ids)
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for %lld incidents", (long long)count);
	size_t n = 0;
	{
		RF_AUTO_ROWS rows = NULL;
		rc = TX_QUERY(tx, &rows,
			      "SELECT id FROM incident WHERE $1 = 0 OR state IN ('open', 'reopened') ORDER BY id DESC",
			      DB_I(open_only));
		while (!rc && n < (size_t)count && (rc = rows_next(rows)) > 0) {
			ids[n++] = rows_i64(rows, 0);
			rc = 0;
		}
		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < n; i++) {
		rc = incident_get(tx, ids[i], a, &list[i]);
		if (rc)
			return rc;
	}
	*ret = list;
	*ret_count = n;
	return 0;
}
