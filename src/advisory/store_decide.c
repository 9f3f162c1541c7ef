/* The operator's decisions: appended, the newest of a kind and scope counts, each with a ledger record. */
#include "advisory/store_int.h"

#include "format/json.h"
#include "ledger/ledger.h"

int store_read_range(struct arena *a, const struct product *product, struct span text, struct range **ret,
		     struct err *err)
{
	struct span own = arena_span(a, span_trim(text));
	if (!own.p)
		return err_set(err, RF_ENOMEM, "version range");
	if (span_starts(own, "vers:"))
		return range_read_vers(a, product_scheme(product), own, ret, err);
	return range_read(a, product_scheme(product), own, SPAN_NONE, ret, err);
}

/* The ledger's record of a decision: members of both kinds, those that are empty left out. */
struct decided {
	const char *engine_affecting;
	const struct advisory_decision_made *made;
	const char *who, *why;
};

static void member(struct json_out *o, const char *key, const char *text)
{
	if (text && text[0])
		json_member(o, key, text);
}

static int record_decision(struct transaction *tx, struct span id, const struct decided *d)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	member(&o, "engine_affecting", d->engine_affecting);
	if (d->made) {
		if (d->made->kind == DECISION_APPLIES)
			json_member_bool(&o, "applies", d->made->applies);
		else
			json_member_span(&o, "range", d->made->range);
		member(&o, "product", d->made->product ? d->made->product->purl : NULL);
		member(&o, "service", d->made->service);
		member(&o, "owner", d->made->owner);
	}
	json_member(&o, "why", d->why);
	json_object_end(&o);
	int rc = str_check(&body, "why", tx_err(tx));
	if (rc)
		return rc;
	char subject[ADVISORY_MAX_ID + 16];
	snprintf(subject, sizeof subject, "advisory/%.*s", SPAN_ARG(id));
	rc = ledger_append(tx, &(struct ledger_entry){ "advisory.decided", subject, d->who, str_span(&body) });
	return rc ? rc : tx_notify(tx, "advisory");
}

static int check_reason(struct transaction *tx, const char *why)
{
	if (why && span_trim(span_of(why)).n)
		return 0;
	return err_set(tx_err(tx), RF_EINVALID, "a decision names its reason");
}

int advisory_decide(struct transaction *tx, struct span id, enum engine_affecting value, const char *who,
		    const char *why)
{
	struct arena a = ARENA_INIT(64 * KIB);
	struct span own;
	int rc = check_reason(tx, why);
	if (!rc)
		rc = store_find_id(tx, &a, id, &own);
	if (!rc)
		rc = TX_RUN(tx,
			    "INSERT INTO advisory_policy (advisory, engine_affecting, who, why, at) VALUES ($1, $2, "
			    "$3, $4, $5)",
			    DB_S(own), DB_T(engine_affecting_name(value)), DB_T(who), DB_T(why), DB_TIME(tx_now(tx)));
	if (!rc)
		rc = record_decision(
			tx, own,
			&(struct decided){ .engine_affecting = engine_affecting_name(value), .who = who, .why = why });
	arena_release(&a);
	return rc;
}

/* A range is refused when it could not be read: the operator is at hand to say it otherwise. */
static int check_made(struct transaction *tx, struct arena *a, struct span id, const struct advisory_decision_made *d)
{
	int64_t n = 0;
	if (d->kind == DECISION_APPLIES)
		return 0;
	if (!d->product)
		return err_set(tx_err(tx), RF_EINVALID, "a range is of one product: name it");
	if (d->service && d->service[0])
		return err_set(tx_err(tx), RF_EINVALID,
			       "a range is of a product, not of a service: versions are the same everywhere");
	if (span_trim(d->range).n) {
		struct range *range = NULL;
		int rc = store_read_range(a, d->product, d->range, &range, tx_err(tx));
		if (rc)
			return err_prefix(tx_err(tx), "no rule reads this range: ");
		if (!range->readable)
			return err_set(tx_err(tx), RF_EUNREADABLE,
				       "no rule reads this range: write vers:generic/<11.0, or \"prior to 11.0\"");
	}
	int rc = TX_I64(tx, &n, "SELECT count(*) FROM advisory_decision WHERE advisory = $1", DB_S(id));
	if (!rc && n >= ADVISORY_MAX_DECISIONS)
		return err_set(tx_err(tx), RF_ETOOMANY, "%d decisions about one advisory", ADVISORY_MAX_DECISIONS);
	return rc;
}

int advisory_decide_scope(struct transaction *tx, struct span id, const struct advisory_decision_made *d,
			  const char *who, const char *why)
{
	struct arena a = ARENA_INIT(4 * MIB);
	struct span own;
	int rc = check_reason(tx, why);
	if (!rc)
		rc = store_find_id(tx, &a, id, &own);
	if (!rc)
		rc = check_made(tx, &a, own, d);
	struct span value = d->kind == DECISION_RANGE ? span_trim(d->range) : d->applies ? SPAN("yes") : SPAN("no");
	if (!rc)
		rc = TX_RUN(tx,
			    "INSERT INTO advisory_decision (advisory, kind, purl, service, value, owner, who, why, at)"
			    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
			    DB_S(own), DB_T(decision_kind_name(d->kind)), DB_T(d->product ? d->product->purl : ""),
			    DB_T(d->service ? d->service : ""), store_text(value),
			    DB_T(d->owner && d->owner[0] ? d->owner : who), DB_T(who), DB_T(why), DB_TIME(tx_now(tx)));
	if (!rc)
		rc = record_decision(tx, own, &(struct decided){ .made = d, .who = who, .why = why });
	arena_release(&a);
	return rc;
}

int advisory_decided_services(struct transaction *tx, int (*visit)(struct span service, void *), void *data)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT DISTINCT service FROM advisory_decision WHERE service <> $1 ORDER BY 1",
			  DB_T(""));
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = visit(rows_text(rows, 0), data);
	return rc < 0 ? rc : 0;
}
