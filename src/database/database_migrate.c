/* database_migrate - the tables of all rooms, brought to what this program knows. */
#include "database/database_int.h"

static const char *const type_words[] = DATABASE_TYPE_WORDS;
#define MIGRATION_MAX_BYTES (256 * KIB)

/* "{int64}" at the start of @s: its index, or -1. Other braces are left alone: '{}' is a fine default value. */
static int type_word(struct span s, size_t *ret_bytes)
{
	for (size_t i = 0; i < RF_COUNT(type_words); i++) {
		size_t n = strlen(type_words[i]);
		if (s.n >= n + 2 && memcmp(s.p + 1, type_words[i], n) == 0 && s.p[n + 1] == '}') {
			*ret_bytes = n + 2;
			return (int)i;
		}
	}
	return -1;
}

/* "{ids TABLE}" at the start of @s: the driver's statement. False: it is none. */
static bool write_ids(const struct database_driver *driver, struct span s, struct str *sql, size_t *ret_bytes)
{
	size_t end = span_find_byte(s, '}');
	if (!span_starts(s, "{ids ") || end == SIZE_MAX)
		return false;
	struct span table = span_sub(s, 5, end - 5);
	for (const char *c = driver->ids; *c; c++)
		if (*c == '@')
			str_add(sql, table);
		else
			str_add_byte(sql, *c);
	*ret_bytes = end + 1;
	return true;
}

static void write_step(const struct database_driver *driver, const char *step, struct str *sql)
{
	struct span rest = span_of(step);
	while (rest.n) {
		size_t plain = span_find_byte(rest, '{');
		str_add(sql, span_sub(rest, 0, plain));
		rest = span_from(rest, plain);
		if (!rest.n)
			break;
		size_t bytes = 1;
		int type = type_word(rest, &bytes);
		if (type >= 0)
			str_add_text(sql, driver->types[type]);
		else if (!write_ids(driver, rest, sql, &bytes))
			str_add_byte(sql, '{');
		rest = span_from(rest, bytes);
	}
}

static int apply_step(struct transaction *tx, const struct migration_set *set, size_t number)
{
	RF_AUTO(str) sql = STR_INIT(MIGRATION_MAX_BYTES);
	write_step(tx->db->driver, set->steps[number - 1], &sql);
	int rc = str_check(&sql, "migration", &tx->err);
	if (rc == 0)
		rc = tx->db->driver->script(tx, str_text(&sql));
	if (rc == 0)
		rc = TX_RUN(tx, "INSERT INTO database_migration(room, number, applied_at) VALUES ($1, $2, $3)",
		            DB_T(set->room), DB_I(number), DB_TIME(tx_now(tx)));
	if (rc != 0)
		(void)err_prefix(&tx->err, "migration %s %zu: ", set->room, number);
	return rc;
}

static int apply_set(struct transaction *tx, const struct migration_set *set)
{
	int64_t have = 0;
	int rc = TX_I64(tx, &have, "SELECT COALESCE(MAX(number), 0) FROM database_migration WHERE room = $1", DB_T(set->room));
	if (rc != 0)
		return rc;
	if (have > (int64_t)set->step_count)
		return tx_fail(tx, RF_ESTATE, NULL,
		               "the tables of %s are at step %lld, this program knows %zu: a newer reforge made them; use that one",
		               set->room, (long long)have, set->step_count);
	for (size_t number = (size_t)have + 1; rc == 0 && number <= set->step_count; number++)
		rc = apply_step(tx, set, number);
	return rc;
}

struct migration {
	const struct migration_set *const *sets;
	size_t n;
};

static int migrate(struct transaction *tx, void *data)
{
	const struct migration *m = data;
	RF_AUTO(str) sql = STR_INIT(4 * KIB);
	write_step(tx->db->driver,
	           "CREATE TABLE IF NOT EXISTS database_migration("
	           "room {text} NOT NULL, number {int64} NOT NULL, applied_at {int64} NOT NULL, PRIMARY KEY(room, number))",
	           &sql);
	int rc = tx->db->driver->lock_schema(tx);
	if (rc == 0)
		rc = tx->db->driver->script(tx, str_text(&sql));
	for (size_t i = 0; rc == 0 && i < m->n; i++)
		rc = apply_set(tx, m->sets[i]);
	return rc;
}

/* DB_CLAIM, because it must see what the holder of the lock before it committed, not the moment it began itself. */
int database_migrate(struct database *db, const struct migration_set *const *sets, size_t n, struct err *err)
{
	struct migration m = { sets, n };
	return database_transact(db, DB_CLAIM, migrate, &m, err);
}
