/* The scan cache in memory. See inventory.h. */
#include "inventory/inventory_int.h"

struct known_row {
	struct scan_identity identity;
	struct scan_known known;
};

struct inventory_known {
	struct arena arena;
	struct map by_identity; /* device and inode */
};

#define KEY_BYTES (offsetof(struct scan_identity, inode) + sizeof(uint64_t))
_Static_assert(offsetof(struct scan_identity, inode) == 8, "device and inode are a key of 16 bytes");

static struct span key_of(const struct scan_identity *id)
{
	return span_bytes(id, KEY_BYTES);
}

void inventory_known_free(struct inventory_known *k)
{
	if (!k)
		return;
	map_release(&k->by_identity);
	arena_release(&k->arena);
	rf_free(k);
}

void inventory_known_freep(struct inventory_known **k)
{
	inventory_known_free(*k);
	*k = NULL;
}

static int row_take(struct inventory_known *k, struct db_rows *rows, struct err *err)
{
	struct known_row *row = arena_alloc(&k->arena, sizeof *row);
	if (!row)
		return err_set(err, RF_ENOMEM, "no memory for the scan cache");
	row->identity = (struct scan_identity){
		.device = (uint64_t)rows_i64(rows, 0),
		.inode = (uint64_t)rows_i64(rows, 1),
		.size = (uint64_t)rows_i64(rows, 2),
		.mtime_ns = rows_i64(rows, 3),
		.ctime_ns = rows_i64(rows, 4),
	};
	int rc = digest_read(rows_text(rows, 5), &row->known.digest, err);
	struct span look = rows_text(rows, 6);
	if (rc == 0 && look.n) {
		row->known.second_look = arena_span(&k->arena, look);
		if (!row->known.second_look.p)
			rc = RF_ENOMEM;
	}
	struct span members = rows_blob(rows, 7);
	if (rc == 0 && members.n) {
		row->known.members = arena_span(&k->arena, members);
		if (!row->known.members.p)
			rc = RF_ENOMEM;
	}
	if (rc == 0)
		rc = map_set(&k->by_identity, key_of(&row->identity), row);
	return rc == RF_ENOMEM ? err_set(err, rc, "no memory for the scan cache") : rc;
}

struct load {
	struct inventory_known *k;
};

static int load(struct transaction *tx, void *data)
{
	struct inventory_known *k = ((struct load *)data)->k;
	char machine[65];
	RF_AUTO_ROWS rows = NULL;
	map_release(&k->by_identity);
	arena_reset(&k->arena);
	int rc = TX_QUERY(tx, &rows,
			  "SELECT device, inode, size, mtime_ns, ctime_ns, digest, second_look, members FROM inventory_known"
			  " WHERE machine = $1 AND reader = $2 AND hashed_at >= $3 LIMIT $4",
			  DB_T(inventory_machine(machine)), DB_I(inventory_reader()),
			  DB_TIME(tx_now(tx) - INVENTORY_KNOWN_KEEP_USEC), DB_I(INVENTORY_MAX_FILES));
	if (rc)
		return rc;
	while ((rc = rows_next(rows)) == 1) {
		rc = row_take(k, rows, tx_err(tx));
		if (rc)
			return rc;
	}
	return rc;
}

int inventory_known_load(struct database *db, struct inventory_known **ret, struct err *err)
{
	RF_AUTO_PTR(inventory_known) k = rf_alloc(sizeof *k);
	if (!k)
		return err_set(err, RF_ENOMEM, "no memory for the scan cache");
	k->arena = ARENA_INIT(512 * MIB);
	struct load l = { k };
	int rc = database_transact(db, DB_READ, load, &l, err);
	if (rc)
		return rc;
	*ret = k;
	k = NULL;
	return 0;
}

bool inventory_known_find(const struct scan_identity *id, struct scan_known *ret, void *known)
{
	const struct inventory_known *k = known;
	const struct known_row *row = k ? map_get(&k->by_identity, key_of(id)) : NULL;
	if (!row || memcmp(&row->identity, id, sizeof *id) != 0)
		return false;
	*ret = row->known;
	return true;
}
