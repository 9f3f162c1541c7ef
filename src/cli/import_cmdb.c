/* inventory import --mapping - whose the hosts are, by a CMDB's CSV or JSON. */
#include "cli/inventory.h"
#include "cli/output.h"

#include "inventory/cmdb_record.h"

/* Rows and their texts. */
#define ARENA_BYTES (2 * GIB)

static int mapping_read(const char *path, struct arena *a, struct cmdb_mapping *ret, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(CMDB_MAX_MAPPING_BYTES);
	int rc = fs_read(path, &bytes, err);
	return rc ? rc : cmdb_mapping_read(str_span(&bytes), path, a, ret, err);
}

int inventory_import_cmdb(struct importing *i, const char *path, struct span bytes, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(ARENA_BYTES);
	struct cmdb_mapping m;
	struct cmdb_row *rows;
	struct cmdb_result r;
	size_t n, left_out;
	int rc = mapping_read(option_text(i->in, "mapping", NULL), &a, &m, err);
	if (rc == 0)
		rc = cmdb_read(&m, bytes, path, &a, &rows, &n, &left_out, err);
	if (rc == 0)
		rc = cmdb_record(i->site->db, i->site->workspace, option_text(i->in, "cmdb", "cmdb"), path, rows, n, &r, err);
	if (rc)
		return rc;
	i->changes.added += r.moved.added;
	i->changes.vanished += r.moved.vanished;
	if (!i->in->json && !i->in->quiet)
		out("%zu hosts, %zu services; %zu hosts with another service, %zu told of no more, %zu rows left out\n", r.hosts,
		    r.services, r.changed, r.removed, left_out);
	return 0;
}
