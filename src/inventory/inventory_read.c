/* Questions to the inventory. See inventory.h. */
#include "inventory/inventory_int.h"

#include "base/fs.h"

#include <unistd.h>

#define MAX_CONDITIONS 12
/* Placements that one path or digest names: the same engine on every machine of a fleet. */
#define MAX_NAMED 100000

/* ── Placements ──────────────────────────────────────────────────────────────────────────────────────────────────── */

#define ARTIFACT_COLUMNS                                                                                              \
	"a.digest, a.size, a.kind, a.layout, a.product, a.version, a.version_source, a.target, a.compute_capability," \
	" a.finding, a.cause, a.notes, a.evidence, CASE WHEN a.role = 'builder' THEN a.component_id END, a.id, a.rules"

static const char select_placement[] =
	"SELECT p.id, h.name, x.path, s.service, s.environment, u.model, u.runtime_id, p.seen_from,"
	" COALESCE(p.seen_last, g.seen_last), p.gone_at, r.product, r.version, p.use_id, p.content_from, u.line, " ARTIFACT_COLUMNS
	" FROM inventory_placement p JOIN inventory_use u ON u.id = p.use_id JOIN inventory_artifact a ON a.id = "
	"u.artifact_id"
	" JOIN inventory_service s ON s.id = u.service_id JOIN inventory_group g ON g.id = p.group_id"
	" JOIN inventory_host h ON h.id = g.host_id JOIN inventory_path x ON x.id = p.path_id"
	" LEFT JOIN inventory_component r ON r.id = u.runtime_id";

enum { COLUMN_ARTIFACT = 15 };

static void artifact_of_row(const struct db_rows *rows, int at, struct inventory_artifact *ret)
{
	struct span digest = rows_text(rows, at);
	*ret = (struct inventory_artifact){
		.size = (uint64_t)rows_i64(rows, at + 1),
		.kind = rows_text(rows, at + 2),
		.layout = rows_text(rows, at + 3),
		.product = rows_text(rows, at + 4),
		.version = rows_text(rows, at + 5),
		.version_source = rows_text(rows, at + 6),
		.target = rows_text(rows, at + 7),
		.compute_capability = rows_text(rows, at + 8),
		.finding = rows_text(rows, at + 9),
		.cause = rows_text(rows, at + 10),
		.notes_json = rows_text(rows, at + 11),
		.evidence_json = rows_text(rows, at + 12),
		.builder_id = rows_i64(rows, at + 13),
		.id = rows_i64(rows, at + 14),
		.rules = rows_text(rows, at + 15),
	};
	if (digest.n < sizeof ret->digest)
		memcpy(ret->digest, digest.p, digest.n);
}

static void placement_of_row(const struct db_rows *rows, struct inventory_placement *ret)
{
	*ret = (struct inventory_placement){
		.id = rows_i64(rows, 0),
		.host = rows_text(rows, 1),
		.path = rows_blob(rows, 2),
		.service = rows_text(rows, 3),
		.environment = rows_text(rows, 4),
		.model = rows_text(rows, 5),
		.runtime_id = rows_i64(rows, 6),
		.seen_from = rows_time(rows, 7),
		.seen_last = rows_time(rows, 8),
		.gone_at = rows_time(rows, 9),
		.runtime_product = rows_text(rows, 10),
		.runtime_version = rows_text(rows, 11),
		.use_id = rows_i64(rows, 12),
		.content_from = rows_time(rows, 13),
		.line = (enum platform_line)rows_i64(rows, 14),
	};
	artifact_of_row(rows, COLUMN_ARTIFACT, &ret->artifact);
}

struct question {
	struct str sql;
	struct db_value values[MAX_CONDITIONS];
	size_t n;
};

static void condition(struct question *q, const char *column, struct db_value value)
{
	q->values[q->n++] = value;
	str_addf(&q->sql, " AND %s = $%zu", column, q->n);
}

static void condition_text(struct question *q, const char *column, struct span value)
{
	if (value.n)
		condition(q, column, DB_S(value));
}

/* Of a moment, or of now. */
static void condition_time(struct question *q, usec_t at)
{
	if (!at) {
		str_add_text(&q->sql, " AND p.gone_at IS NULL");
		return;
	}
	q->values[q->n++] = DB_TIME(at);
	str_addf(&q->sql, " AND p.seen_from <= $%zu AND (p.gone_at IS NULL OR p.gone_at > $%zu)", q->n, q->n);
}

/* Of the artifact itself, of what it holds, or of what is inside of it. */
static void condition_component(struct question *q, const struct inventory_filter *f)
{
	char product[64] = "", version[64] = "", own[160];
	if (f->product.n) {
		q->values[q->n++] = DB_S(f->product);
		snprintf(product, sizeof product, " AND c.product = $%zu", q->n);
	}
	if (f->version.n) {
		q->values[q->n++] = DB_S(f->version);
		snprintf(version, sizeof version, " AND c.version = $%zu", q->n);
	}
	if (!product[0] && !version[0])
		return;
	snprintf(own, sizeof own, "%s%s", product, version);
	for (char *c = own; (c = strstr(c, " c.")) != NULL; c++)
		c[1] = 'a';
	str_addf(&q->sql,
		 " AND ((1 = 1%s) OR u.artifact_id IN (SELECT l.artifact_id FROM inventory_component c"
		 " JOIN inventory_artifact_component l ON l.component_id = c.id WHERE 1 = 1%s%s"
		 " UNION SELECT i.outer_id FROM inventory_component c"
		 " JOIN inventory_artifact_component l ON l.component_id = c.id"
		 " JOIN inventory_inside i ON i.inner_id = l.artifact_id WHERE 1 = 1%s%s))",
		 own, product, version, product, version);
}

static void conditions(struct question *q, const struct inventory_filter *f)
{
	str_add_text(&q->sql, " WHERE 1 = 1");
	if (f->at || !f->with_gone)
		condition_time(q, f->at);
	condition_text(q, "s.service", f->service);
	condition_text(q, "s.environment", f->environment);
	condition_text(q, "u.model", f->model);
	condition_text(q, "h.name", f->host);
	if (f->path.n)
		condition(q, "x.path", DB_B(f->path));
	condition_text(q, "a.digest", f->digest);
	condition_text(q, "a.kind", f->kind);
	condition_component(q, f);
	if (f->component_id) {
		q->values[q->n++] = DB_I(f->component_id);
		str_addf(&q->sql,
			 " AND (u.runtime_id = $%zu OR u.artifact_id IN (SELECT l.artifact_id FROM "
			 "inventory_artifact_component l"
			 " WHERE l.component_id = $%zu UNION SELECT i.outer_id FROM inventory_artifact_component l"
			 " JOIN inventory_inside i ON i.inner_id = l.artifact_id WHERE l.component_id = $%zu))",
			 q->n, q->n, q->n);
	}
	if (f->engines_only)
		str_add_text(&q->sql, " AND a.kind IN ('" ARTIFACT_TENSORRT_PLAN "', '" ARTIFACT_ONNXRUNTIME_OPTIMISED
				      "', '" ARTIFACT_ONNXRUNTIME_ORT "')");
	str_add_text(&q->sql, " ORDER BY s.service, s.environment, u.model, x.path, p.seen_from, p.id");
}

static int each_row(struct transaction *tx, const struct question *q,
		    int (*visit)(const struct inventory_placement *, void *), void *data)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = str_check(&q->sql, "a question to the inventory", tx_err(tx));
	if (rc == 0)
		rc = tx_query(tx, str_text(&q->sql), q->values, q->n, &rows);
	if (rc)
		return rc;
	while ((rc = rows_next(rows)) == 1) {
		struct inventory_placement p;
		placement_of_row(rows, &p);
		rc = visit(&p, data);
		if (rc)
			return rc;
	}
	return rc;
}

int inventory_each_placement(struct transaction *tx, const struct inventory_filter *f,
			     int (*visit)(const struct inventory_placement *, void *), void *data)
{
	struct question q = { .sql = STR_INIT(8 * KIB) };
	str_add_text(&q.sql, select_placement);
	conditions(&q, f);
	int rc = each_row(tx, &q, visit, data);
	str_release(&q.sql);
	return rc;
}

/* ── Copies ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool keep(struct arena *a, struct span *s)
{
	if (s->n == 0) {
		*s = SPAN_NONE;
		return true;
	}
	*s = arena_span(a, *s);
	return s->p != NULL;
}

static bool artifact_keep(struct arena *a, struct inventory_artifact *f)
{
	return keep(a, &f->kind) && keep(a, &f->layout) && keep(a, &f->product) && keep(a, &f->version) &&
	       keep(a, &f->version_source) && keep(a, &f->target) && keep(a, &f->compute_capability) &&
	       keep(a, &f->finding) && keep(a, &f->cause) && keep(a, &f->rules) && keep(a, &f->notes_json) && keep(a, &f->evidence_json);
}

int inventory_placement_copy(const struct inventory_placement *p, struct arena *a, struct inventory_placement *ret)
{
	*ret = *p;
	bool ok = keep(a, &ret->host) && keep(a, &ret->path) && keep(a, &ret->service) && keep(a, &ret->environment) &&
		  keep(a, &ret->model) && keep(a, &ret->runtime_product) && keep(a, &ret->runtime_version) &&
		  artifact_keep(a, &ret->artifact);
	return ok ? 0 : RF_ENOMEM;
}

struct collected {
	struct arena *arena;
	struct inventory_placement *list;
	size_t n, room;
};

static int collect(const struct inventory_placement *p, void *data)
{
	struct collected *c = data;
	if (c->n == MAX_NAMED)
		return RF_ETOOMANY;
	if (c->n == c->room) {
		size_t more = c->room ? 2 * c->room : 16;
		struct inventory_placement *grown = arena_array(c->arena, more, sizeof *grown);
		if (!grown)
			return RF_ENOMEM;
		if (c->n)
			memcpy(grown, c->list, c->n * sizeof *grown);
		c->list = grown;
		c->room = more;
	}
	int rc = inventory_placement_copy(p, c->arena, &c->list[c->n]);
	c->n += rc == 0;
	return rc;
}

static int collected_error(struct transaction *tx, int rc)
{
	if (rc == RF_ENOMEM)
		return err_set(tx_err(tx), rc, "no memory for placements");
	if (rc == RF_ETOOMANY)
		return err_set(tx_err(tx), rc, "more than %d placements", MAX_NAMED);
	return rc;
}

int inventory_placement_get(struct transaction *tx, int64_t id, struct arena *a, struct inventory_placement *ret)
{
	struct question q = { .sql = STR_INIT(8 * KIB), .values = { DB_I(id) }, .n = 1 };
	struct collected c = { .arena = a };
	str_add_text(&q.sql, select_placement);
	str_add_text(&q.sql, " WHERE p.id = $1");
	int rc = collected_error(tx, each_row(tx, &q, collect, &c));
	str_release(&q.sql);
	if (rc)
		return rc;
	if (c.n == 0)
		return err_set(tx_err(tx), RF_ENOTFOUND, "no placement %lld", (long long)id);
	*ret = c.list[0];
	return 0;
}

/* ── Uses ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

int inventory_use_get(struct transaction *tx, int64_t id, struct arena *a, struct inventory_use *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc =
		TX_QUERY(tx, &rows,
			 "SELECT u.placements, a.revision, s.service, s.environment, u.model, u.runtime_id, r.product, "
			 "r.version, u.line, " ARTIFACT_COLUMNS " FROM inventory_use u"
			 " JOIN inventory_artifact a ON a.id = u.artifact_id JOIN inventory_service s ON s.id = "
			 "u.service_id"
			 " LEFT JOIN inventory_component r ON r.id = u.runtime_id WHERE u.id = $1",
			 DB_I(id));
	if (rc == 0)
		rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(tx_err(tx), RF_ENOTFOUND, "no use %lld", (long long)id);
	struct inventory_use u = { .id = id,
				   .placements = rows_i64(rows, 0),
				   .revision = rows_i64(rows, 1),
				   .service = rows_text(rows, 2),
				   .environment = rows_text(rows, 3),
				   .model = rows_text(rows, 4),
				   .runtime_id = rows_i64(rows, 5),
				   .runtime_product = rows_text(rows, 6),
				   .runtime_version = rows_text(rows, 7),
				   .line = (enum platform_line)rows_i64(rows, 8) };
	artifact_of_row(rows, 9, &u.artifact);
	if (!keep(a, &u.service) || !keep(a, &u.environment) || !keep(a, &u.model) || !keep(a, &u.runtime_product) ||
	    !keep(a, &u.runtime_version) || !artifact_keep(a, &u.artifact))
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for a use");
	*ret = u;
	return 0;
}

/* ── Subjects ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int by_filter(struct transaction *tx, const struct inventory_filter *f, struct collected *c)
{
	return collected_error(tx, inventory_each_placement(tx, f, collect, c));
}

/* 8 to 64 hex digits, lower case in @ret. */
static bool digest_prefix(struct span subject, char ret[DIGEST_HEX], size_t *ret_n)
{
	if (span_starts(subject, "sha256:"))
		subject = span_from(subject, 7);
	if (subject.n < 8 || subject.n >= DIGEST_HEX)
		return false;
	for (size_t i = 0; i < subject.n; i++) {
		char c = subject.p[i];
		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		ret[i] = c;
	}
	ret[subject.n] = '\0';
	*ret_n = subject.n;
	return true;
}

static int by_digest(struct transaction *tx, const char *prefix, size_t n, usec_t at, struct collected *c)
{
	struct inventory_filter whole = { .at = at, .digest = { prefix, n } };
	if (n == DIGEST_HEX - 1)
		return by_filter(tx, &whole, c);
	/* digits only: 'g' stands behind them all */
	char end[DIGEST_HEX + 1];
	snprintf(end, sizeof end, "%sg", prefix);
	struct question q = { .sql = STR_INIT(8 * KIB), .values = { DB_T(prefix), DB_T(end) }, .n = 2 };
	str_add_text(&q.sql, select_placement);
	str_add_text(&q.sql, " WHERE a.digest >= $1 AND a.digest < $2");
	condition_time(&q, at);
	str_add_text(&q.sql, " ORDER BY s.service, s.environment, u.model, x.path, p.id");
	int rc = collected_error(tx, each_row(tx, &q, collect, c));
	str_release(&q.sql);
	return rc;
}

static int by_path(struct transaction *tx, const char *subject, usec_t at, struct collected *c)
{
	struct inventory_filter f = { .at = at, .path = span_of(subject) };
	int rc = by_filter(tx, &f, c);
	if (rc || c->n || subject[0] == '\0')
		return rc;
	RF_AUTO_FREE char *real = rf_alloc(FS_PATH_MAX);
	if (!real)
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for a path");
	if (!realpath(subject, real))
		return 0;
	f.path = span_of(real);
	return by_filter(tx, &f, c);
}

int inventory_placements_of(struct transaction *tx, const char *subject, usec_t at, struct arena *a,
			    struct inventory_placement **ret, size_t *ret_n)
{
	char prefix[DIGEST_HEX];
	size_t n;
	struct collected c = { .arena = a };
	int rc = by_path(tx, subject, at, &c);
	if (rc == 0 && c.n == 0 && digest_prefix(span_of(subject), prefix, &n))
		rc = by_digest(tx, prefix, n, at, &c);
	if (rc)
		return rc;
	if (c.n == 0)
		return err_set(tx_err(tx), RF_ENOTFOUND, "nothing in the inventory %s at %s, or %s that digest",
			       at ? "was" : "is", subject, at ? "had" : "has");
	*ret = c.list;
	*ret_n = c.n;
	return 0;
}

/* ── Artifacts and components ────────────────────────────────────────────────────────────────────────────────────── */

int inventory_artifact_get(struct transaction *tx, struct span digest_hex_, struct arena *a,
			   struct inventory_artifact *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT " ARTIFACT_COLUMNS " FROM inventory_artifact a WHERE a.digest = $1",
			  DB_S(digest_hex_));
	if (rc)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(tx_err(tx), RF_ENOTFOUND, "no artifact %.*s", SPAN_ARG(digest_hex_));
	struct inventory_artifact found;
	artifact_of_row(rows, 0, &found);
	if (!artifact_keep(a, &found))
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for an artifact");
	*ret = found;
	return 0;
}

/* A placement whose engine was built by what also loads it counts once. Counted in uses, of which there are few. */
static const char select_components[] =
	"SELECT c.id, c.product, c.version, CAST(SUM(n.placements) AS BIGINT) FROM inventory_component c JOIN ("
	" SELECT l.component_id AS component_id, u.id AS use_id, u.placements FROM inventory_use u"
	"  JOIN inventory_artifact_component l ON l.artifact_id = u.artifact_id WHERE u.placements > 0"
	" UNION SELECT l.component_id, u.id, u.placements FROM inventory_use u"
	"  JOIN inventory_inside i ON i.outer_id = u.artifact_id"
	"  JOIN inventory_artifact_component l ON l.artifact_id = i.inner_id WHERE u.placements > 0"
	" UNION SELECT u.runtime_id, u.id, u.placements FROM inventory_use u WHERE u.placements > 0 AND u.runtime_id > "
	"0"
	") n ON n.component_id = c.id GROUP BY c.id, c.product, c.version ORDER BY c.product, c.version";

int inventory_each_component(struct transaction *tx, int (*visit)(const struct inventory_component *, void *),
			     void *data)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(tx, select_components, NULL, 0, &rows);
	if (rc)
		return rc;
	while ((rc = rows_next(rows)) == 1) {
		struct inventory_component c = { .id = rows_i64(rows, 0),
						 .product = rows_text(rows, 1),
						 .version = rows_text(rows, 2),
						 .placements = rows_i64(rows, 3) };
		rc = visit(&c, data);
		if (rc)
			return rc;
	}
	return rc;
}

int inventory_each_held(struct transaction *tx, struct span digest_hex_,
			int (*visit)(const struct inventory_held *, void *), void *data)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(
		tx, &rows,
		"SELECT l.component_id, c.product, c.version, l.role, l.source, l.location, n.path, n.digest FROM ("
		" SELECT a.id AS id, a.digest AS digest, NULL AS path, 0 AS depth FROM inventory_artifact a"
		"  WHERE a.digest = $1"
		" UNION ALL SELECT a.id, a.digest, i.path, 1 FROM inventory_artifact o"
		"  JOIN inventory_inside i ON i.outer_id = o.id JOIN inventory_artifact a ON a.id = i.inner_id"
		"  WHERE o.digest = $1) n JOIN inventory_artifact_component l ON l.artifact_id = n.id"
		" JOIN inventory_component c ON c.id = l.component_id"
		" ORDER BY n.depth, n.path, c.product, c.version, l.role, l.source, l.location",
		DB_S(digest_hex_));
	if (rc)
		return rc;
	while ((rc = rows_next(rows)) == 1) {
		struct inventory_held h = { .component_id = rows_i64(rows, 0),
					    .product = rows_text(rows, 1),
					    .version = rows_text(rows, 2),
					    .role = rows_text(rows, 3),
					    .source = rows_text(rows, 4),
					    .where = rows_text(rows, 5),
					    .path = rows_blob(rows, 6),
					    .digest = rows_text(rows, 7) };
		rc = visit(&h, data);
		if (rc)
			return rc;
	}
	return rc;
}

int inventory_each_inside(struct transaction *tx, struct span digest_hex_,
			  int (*visit)(const struct inventory_inside *, void *), void *data)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows,
			  "SELECT i.path, " ARTIFACT_COLUMNS " FROM inventory_artifact o"
			  " JOIN inventory_inside i ON i.outer_id = o.id JOIN inventory_artifact a ON a.id = i.inner_id"
			  " WHERE o.digest = $1 ORDER BY i.path",
			  DB_S(digest_hex_));
	if (rc)
		return rc;
	while ((rc = rows_next(rows)) == 1) {
		struct inventory_inside i = { .path = rows_blob(rows, 0) };
		artifact_of_row(rows, 1, &i.artifact);
		rc = visit(&i, data);
		if (rc)
			return rc;
	}
	return rc;
}

int inventory_each_unseen(struct transaction *tx, int (*visit)(const struct inventory_unseen *, void *), void *data)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(tx,
			  "SELECT host, service, environment, path, reason, since FROM inventory_unseen"
			  " ORDER BY service, environment, path, host",
			  NULL, 0, &rows);
	if (rc)
		return rc;
	while ((rc = rows_next(rows)) == 1) {
		struct inventory_unseen u = {
			.host = rows_text(rows, 0),
			.service = rows_text(rows, 1),
			.environment = rows_text(rows, 2),
			.path = rows_blob(rows, 3),
			.reason = rows_text(rows, 4),
			.since = rows_time(rows, 5),
		};
		rc = visit(&u, data);
		if (rc)
			return rc;
	}
	return rc;
}
