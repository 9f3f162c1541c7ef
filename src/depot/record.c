/* Rows of releases: what makes a folder in the depot a release that counts. */
#include "depot_int.h"

#include "format/json.h"
#include "ledger/ledger.h"

static const char *const STEPS[] = {
	"CREATE TABLE depot_release (\n"
	"  id {id},\n"
	"  service {text} NOT NULL,\n"
	"  environment {text} NOT NULL,\n"
	"  name {text} NOT NULL,\n"
	"  parent {text},\n"
	"  digest {text} NOT NULL,\n"  /* SHA-256 of release.json, hex */
	"  content {text} NOT NULL,\n" /* release_content_digest(), hex */
	"  drill {bool} NOT NULL,\n"
	"  engines {int64} NOT NULL,\n"
	"  created_at {int64} NOT NULL,\n"
	"  created_by {text} NOT NULL,\n"
	"  UNIQUE (service, name)\n"
	");\n"
	"CREATE TABLE depot_channel (\n"
	"  service {text} NOT NULL,\n"
	"  environment {text} NOT NULL,\n"
	"  channel {text} NOT NULL,\n"
	"  release {text} NOT NULL,\n"
	"  generation {int64} NOT NULL,\n"
	"  at {int64} NOT NULL,\n"
	"  actor {text} NOT NULL,\n"
	"  PRIMARY KEY (service, environment, channel)\n"
	");\n",
};

const struct migration_set DEPOT_MIGRATIONS = { .room = "depot", .steps = STEPS, .step_count = RF_COUNT(STEPS) };

int release_check_parent(struct transaction *tx, const char *service, const char *environment, const char *parent)
{
	const char *given = parent ? parent : "";
	struct channel stable;
	int rc = channel_get(tx, service, environment, "stable", &stable);

	if (rc != 0 || strcmp(stable.release, given) == 0)
		return rc;
	return err_set(tx_err(tx), RF_ESTATE, "release of %s/%s: its parent is %s, but stable is %s by now; plan again",
		       service, environment, given[0] ? given : "none", stable.release[0] ? stable.release : "none");
}

/* *ret_there false: no such row. RF_ECONFLICT: one with other content. */
static int look_for(struct transaction *tx, const struct release *r, const char *content, bool *ret_there)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT environment, content FROM depot_release WHERE service = $1 AND name = $2",
			  DB_T(r->service), DB_T(r->name));

	if (rc != 0)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	*ret_there = rc == 1;
	if (rc == 1 &&
	    (!span_eq_text(rows_text(rows, 0), r->environment) || !span_eq_text(rows_text(rows, 1), content)))
		return err_set(tx_err(tx), RF_ECONFLICT, "release %s of %s is recorded with other content", r->name,
			       r->service);
	return 0;
}

static int write_ledger(struct transaction *tx, const struct release *r, const char *digest, const char *actor)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	RF_AUTO(str) subject = STR_INIT(1024);
	struct json_out o = json_out(&body, false);
	int rc;

	json_object(&o);
	json_member(&o, "environment", r->environment);
	json_member(&o, "parent", r->parent && r->parent[0] ? r->parent : NULL);
	json_member(&o, "release_json_sha256", digest);
	json_member_bool(&o, "drill", r->drill);
	json_member_u64(&o, "engines", r->row_count);
	json_key(&o, "advisories");
	json_array(&o);
	/* all that fit one record; the rest stands in release.json, whose digest is here */
	for (size_t i = 0; i < RF_MIN(r->advisory_count, (size_t)100); i++)
		json_put_text(&o, r->advisories[i]);
	json_array_end(&o);
	json_object_end(&o);
	str_addf(&subject, "release/%s/%s", r->service, r->name);
	rc = str_check(&body, "a ledger record", tx_err(tx));
	if (rc != 0)
		return rc;
	return ledger_append(tx, &(struct ledger_entry){ .kind = "release.published",
							 .subject = str_text(&subject),
							 .actor = actor,
							 .body = str_span(&body) });
}

int release_record(struct transaction *tx, const struct release *r, const struct release_published *published,
		   const char *actor)
{
	char digest[DIGEST_HEX], content[DIGEST_HEX];
	bool there = false;
	int rc;

	(void)digest_hex(&published->digest, digest);
	(void)digest_hex(&published->content, content);
	rc = look_for(tx, r, content, &there);
	if (rc != 0 || there)
		return rc;
	rc = release_check_parent(tx, r->service, r->environment, r->parent);
	if (rc == 0)
		rc = TX_RUN(tx,
			    "INSERT INTO depot_release (service, environment, name, parent, digest, content, drill, "
			    "engines, created_at,"
			    " created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
			    DB_T(r->service), DB_T(r->environment), DB_T(r->name),
			    DB_T(r->parent && r->parent[0] ? r->parent : NULL), DB_T(digest), DB_T(content),
			    DB_I(r->drill), DB_I(r->row_count), DB_TIME(r->created_at), DB_T(r->created_by));
	return rc != 0 ? rc : write_ledger(tx, r, digest, actor);
}

static int is_taken(struct transaction *tx, const char *service, const char *name, bool *ret)
{
	int64_t n = 0;
	int rc = TX_I64(tx, &n, "SELECT count(*) FROM depot_release WHERE service = $1 AND name = $2", DB_T(service),
			DB_T(name));

	*ret = n > 0;
	return rc;
}

int release_name_free(struct transaction *tx, const char *service, usec_t at, const char *cause,
		      char ret[RELEASE_NAME_MAX + 1])
{
	char date[TIME_TEXT_BYTES], base[RELEASE_NAME_MAX + 1 - sizeof "-1000"];
	bool taken = true;
	int rc = 0;

	(void)snprintf(base, sizeof base, "%s-%s", time_text_date(at, date), cause);
	for (char *p = base; *p; p++)
		if (!release_name_ok((struct span){ p, 1 }) && *p != '.')
			*p = '-';
	for (int i = 1; rc == 0 && taken && i <= 1000; i++) {
		if (i == 1)
			(void)snprintf(ret, RELEASE_NAME_MAX + 1, "%s", base);
		else
			(void)snprintf(ret, RELEASE_NAME_MAX + 1, "%s-%d", base, i);
		rc = is_taken(tx, service, ret, &taken);
	}
	if (rc == 0 && taken)
		rc = err_set(tx_err(tx), RF_ETOOMANY, "1,000 releases of %s are named %s", service, base);
	return rc;
}

int release_each(struct transaction *tx, int (*visit)(struct span service, struct span name, void *data), void *data)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(tx, "SELECT service, name FROM depot_release ORDER BY service, name", NULL, 0, &rows);

	while (rc == 0 && (rc = rows_next(rows)) == 1)
		rc = visit(rows_text(rows, 0), rows_text(rows, 1), data);
	return rc;
}
