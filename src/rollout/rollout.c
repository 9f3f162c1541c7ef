/* Rollout rows and the one door of their machine (rollout.h). */
#include "rollout/rollout.h"

#include "format/json.h"
#include "ledger/ledger.h"

static const char *const STEPS[] = {
	"CREATE TABLE rollout (\n"
	"  id {id},\n"
	"  service {text} NOT NULL,\n"
	"  environment {text} NOT NULL,\n"
	"  release {text} NOT NULL,\n"
	"  incident {int64} NOT NULL,\n"
	"  state {text} NOT NULL,\n"
	"  step {int64} NOT NULL,\n"
	"  is_drill {bool} NOT NULL,\n"
	"  created_at {int64} NOT NULL,\n"
	"  changed_at {int64} NOT NULL,\n"
	"  UNIQUE (service, environment, release)\n"
	");\n"
	"CREATE INDEX rollout_by_incident ON rollout (incident);\n",
};
const struct migration_set ROLLOUT_MIGRATIONS = { "rollout", STEPS, RF_COUNT(STEPS) };

#define ROLLOUT_MAX 100000

struct record {
	int64_t id;
	const char *service, *environment, *release;
	enum rollout_state from, to;
	bool birth, is_drill;
	int step;
	const char *actor;
	struct span evidence;
};

/* The ledger record of a birth or of a transition. */
static int record_change(struct transaction *tx, const struct record *r)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member_i64(&o, "rollout", r->id);
	json_member(&o, "service", r->service);
	json_member(&o, "environment", r->environment);
	json_member(&o, "release", r->release);
	if (!r->birth)
		json_member(&o, "from", rollout_state_name(r->from));
	if (r->step)
		json_member_i64(&o, "step", r->step);
	if (r->is_drill)
		json_member_bool(&o, "drill", true);
	json_key(&o, "evidence");
	json_put_raw(&o, r->evidence.n ? r->evidence : SPAN("{}"));
	json_object_end(&o);
	int rc = str_check(&body, "rollout record", tx_err(tx));
	if (rc)
		return rc;
	char kind[64], subject[64];
	snprintf(kind, sizeof kind, "rollout.%s", rollout_state_name(r->to));
	snprintf(subject, sizeof subject, "rollout/%lld", (long long)r->id);
	return ledger_append(tx, &(struct ledger_entry){ kind, subject, r->actor, str_span(&body) });
}

int rollout_create(struct transaction *tx, const struct rollout_birth *b, int64_t *ret_id, bool *ret_new)
{
	int64_t id;
	usec_t now = tx_now(tx);
	int rc = TX_I64(tx, &id,
			"INSERT INTO rollout (service, environment, release, incident, state, step, is_drill, "
			"created_at, changed_at) "
			"VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $7) ON CONFLICT DO NOTHING RETURNING id",
			DB_T(b->service), DB_T(b->environment), DB_T(b->release), DB_I(b->incident),
			DB_T(rollout_state_name(ROLLOUT_PUBLISHED)), DB_I(b->is_drill), DB_TIME(now));
	bool is_new = rc == 0;
	if (rc == RF_ENOTFOUND)
		rc = TX_I64(tx, &id, "SELECT id FROM rollout WHERE service = $1 AND environment = $2 AND release = $3",
			    DB_T(b->service), DB_T(b->environment), DB_T(b->release));
	if (rc)
		return rc;
	if (is_new) {
		rc = record_change(tx, &(struct record){ .id = id,
							 .service = b->service,
							 .environment = b->environment,
							 .release = b->release,
							 .to = ROLLOUT_PUBLISHED,
							 .birth = true,
							 .is_drill = b->is_drill,
							 .actor = b->actor,
							 .evidence = b->evidence });
		if (rc)
			return rc;
	}
	*ret_id = id;
	if (ret_new)
		*ret_new = is_new;
	return 0;
}

static int read_row(struct db_rows *rows, struct arena *a, struct rollout *ret, struct err *err)
{
	struct rollout r = { .id = rows_i64(rows, 0),
			     .incident = rows_i64(rows, 1),
			     .step = (int)rows_i64(rows, 6),
			     .is_drill = rows_i64(rows, 7) != 0,
			     .created_at = rows_time(rows, 8),
			     .changed_at = rows_time(rows, 9) };
	r.service = arena_span(a, rows_text(rows, 2));
	r.environment = arena_span(a, rows_text(rows, 3));
	r.release = arena_span(a, rows_text(rows, 4));
	if (!r.service.p || !r.environment.p || !r.release.p)
		return err_set(err, RF_ENOMEM, "no memory for the list of rollouts");
	if (!rollout_state_read(rows_text(rows, 5), &r.state))
		return err_set(err, RF_EINTERNAL, "rollout %lld has the unknown state \"%.*s\"", (long long)r.id,
			       SPAN_ARG(rows_text(rows, 5)));
	*ret = r;
	return 0;
}
#define COLUMNS "id, incident, service, environment, release, state, step, is_drill, created_at, changed_at"

static int get_row(struct transaction *tx, int64_t id, struct arena *a, struct rollout *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT " COLUMNS " FROM rollout WHERE id = $1", DB_I(id));
	if (rc)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(tx_err(tx), RF_ENOTFOUND, "there is no rollout %lld", (long long)id);
	return read_row(rows, a, ret, tx_err(tx));
}

int rollout_set_state(struct transaction *tx, const struct rollout_change *c)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * KIB);
	struct rollout r;
	int rc = get_row(tx, c->rollout, &a, &r);
	if (rc)
		return rc;
	if (!rollout_may(r.state, c->to))
		return err_set(tx_err(tx), RF_ESTATE, "rollout %lld is %s and cannot become %s", (long long)r.id,
			       rollout_state_name(r.state), rollout_state_name(c->to));
	if ((c->to == ROLLOUT_CANARY) != (c->step >= 1 && c->step <= 10000))
		return err_set(tx_err(tx), RF_EINVALID,
			       "a canary has a step of 1 to 10000 hundredths of a percent, nothing else has "
			       "one; %d was given for %s",
			       c->step, rollout_state_name(c->to));
	rc = TX_RUN(tx, "UPDATE rollout SET state = $2, step = $3, changed_at = $4 WHERE id = $1", DB_I(r.id),
		    DB_T(rollout_state_name(c->to)), DB_I(c->step), DB_TIME(tx_now(tx)));
	if (rc)
		return rc;
	return record_change(tx, &(struct record){ .id = r.id,
						   .service = r.service.p,
						   .environment = r.environment.p,
						   .release = r.release.p,
						   .from = r.state,
						   .to = c->to,
						   .is_drill = r.is_drill,
						   .step = c->step,
						   .actor = c->actor,
						   .evidence = c->evidence });
}

int rollout_list(struct transaction *tx, int64_t incident, struct arena *a, struct rollout **ret, size_t *ret_count)
{
	int64_t count;
	int rc = TX_I64(tx, &count, "SELECT COUNT(*) FROM rollout WHERE $1 = 0 OR incident = $1", DB_I(incident));
	if (rc)
		return rc;
	if (count > ROLLOUT_MAX)
		return err_set(tx_err(tx), RF_ETOOMANY, "%lld rollouts; a list holds %d", (long long)count,
			       ROLLOUT_MAX);
	struct rollout *list = arena_array(a, (size_t)count + 1, sizeof *list);
	if (!list)
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for %lld rollouts", (long long)count);
	RF_AUTO_ROWS rows = NULL;
	rc = TX_QUERY(tx, &rows, "SELECT " COLUMNS " FROM rollout WHERE $1 = 0 OR incident = $1 ORDER BY id",
		      DB_I(incident));
	if (rc)
		return rc;
	size_t n = 0;
	while ((rc = rows_next(rows)) > 0 && n < (size_t)count) {
		rc = read_row(rows, a, &list[n], tx_err(tx));
		if (rc)
			return rc;
		n++;
	}
	if (rc < 0)
		return rc;
	*ret = list;
	*ret_count = n;
	return 0;
}
