/* depot - the store of engines and releases: verify, clean up. database - where the state is. */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/site.h"

#include "base/arena.h"

static void print_fault(const struct depot_fault *fault, void *data)
{
	(void)data;
	out_colour(COLOUR_RED, "%s", depot_fault_kind_name(fault->kind));
	out("  ");
	out_visible(span_of(fault->path));
	out("  ");
	out_visible(span_of(fault->text));
	out("\n");
}

/* One JSON object a fault; the list is cut at its 1,000th, the count is not. */
#define FAULTS_LISTED 1000
struct fault_list {
	struct json_out *o;
	size_t count;
};

static void list_fault(const struct depot_fault *fault, void *data)
{
	struct fault_list *l = data;
	if (l->count++ >= FAULTS_LISTED)
		return;
	json_object(l->o);
	json_member(l->o, "kind", depot_fault_kind_name(fault->kind));
	json_member(l->o, "path", fault->path);
	json_member(l->o, "what", fault->text);
	json_object_end(l->o);
}

static int verify_json(const struct site *site, const struct verify_key *key, struct depot_verify_report *ret, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(16 * MIB);
	struct json_out o = json_out(&text, false);
	struct fault_list list = { &o, 0 };
	json_object(&o);
	json_key(&o, "faults");
	json_array(&o);
	int rc = depot_verify(site->depot, key, site->db, list_fault, &list, ret, err);
	json_array_end(&o);
	json_member_u64(&o, "fault_count", ret->faults);
	json_member_u64(&o, "blobs", ret->blobs);
	json_member_u64(&o, "blob_bytes", ret->blob_bytes);
	json_member_u64(&o, "releases", ret->releases);
	json_member_u64(&o, "release_rows", ret->release_rows);
	json_object_end(&o);
	return rc != 0 ? rc : out_json(&text, err);
}

static int run_verify(const struct invocation *in, struct err *err)
{
	struct site site;
	struct depot_verify_report r = { 0 };
	RF_AUTO_PTR(verify_key) key = NULL;
	int rc = site_open(in, SITE_DATABASE | SITE_DEPOT, &site, err);
	if (rc == 0)
		rc = site_public_key(site.workspace, "release", &key, err);
	if (rc == 0 && in->json)
		rc = verify_json(&site, key, &r, err);
	else if (rc == 0)
		rc = depot_verify(site.depot, key, site.db, print_fault, NULL, &r, err);
	if (rc == 0 && !in->json) {
		char size[32];
		out("%llu blobs (%s) and %llu releases of %llu engines: ", (unsigned long long)r.blobs, text_bytes(r.blob_bytes, size),
		    (unsigned long long)r.releases, (unsigned long long)r.release_rows);
		out_colour(r.faults ? COLOUR_RED : COLOUR_GREEN, r.faults == 1 ? "%llu fault\n" : r.faults ? "%llu faults\n" : "all good\n", (unsigned long long)r.faults);
	}
	site_release(&site);
	return rc != 0 ? rc : r.faults ? 1 : 0;
}

/* Digests that rows name: engines of tasks and of placements. A blob that none of them and no release names may go. */
struct keeping {
	struct digest *list;
	size_t count, capacity;
};

static int keep_column(struct transaction *tx, struct keeping *k, const char *sql)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(tx, sql, NULL, 0, &rows);
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		rc = 0;
		if (k->count == k->capacity) {
			size_t capacity = k->capacity ? k->capacity * 2 : 256;
			struct digest *list = rf_realloc_array(k->list, capacity, sizeof *list);
			if (!list)
				return err_set(tx_err(tx), RF_ENOMEM, "out of memory");
			k->list = list;
			k->capacity = capacity;
		}
		if (digest_read(rows_text(rows, 0), &k->list[k->count], NULL) == 0)
			k->count++;
	}
	return rc;
}

static int collect_kept(struct transaction *tx, void *data)
{
	struct keeping *k = data;
	k->count = 0;
	int rc = keep_column(tx, k, "SELECT DISTINCT new_digest FROM task WHERE new_digest IS NOT NULL AND new_digest <> ''");
	if (rc == 0)
		rc = keep_column(tx, k, "SELECT DISTINCT engine_digest FROM task WHERE engine_digest IS NOT NULL AND engine_digest <> ''");
	return rc;
}

static void print_removed(const char *path, uint64_t bytes, void *data)
{
	char size[32];
	(void)data;
	out_visible(span_of(path));
	out("  %s\n", text_bytes(bytes, size));
}

static int gc_json(const struct depot_gc_report *r, bool done, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(4 * KIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member_bool(&o, "removed", done);
	json_member_u64(&o, "blobs", r->blobs_removed);
	json_member_u64(&o, "bytes", r->bytes_removed);
	json_member_u64(&o, "temporary", r->temporary_removed);
	json_member_u64(&o, "releases", r->releases_removed);
	json_member_u64(&o, "blobs_kept", r->blobs_kept);
	json_object_end(&o);
	return out_json(&text, err);
}

static int run_gc(const struct invocation *in, struct err *err)
{
	struct site site;
	struct keeping keep = { 0 };
	struct depot_gc_report r = { 0 };
	int rc = site_open(in, SITE_DATABASE | SITE_DEPOT, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, collect_kept, &keep, err);
	if (rc == 0) {
		struct depot_gc_options options = { .keep = keep.list, .keep_count = keep.count, .min_age_usec = -1, .database = site.db,
			                            .dry_run = !in->yes, .visit = in->json ? NULL : print_removed };
		rc = depot_gc(site.depot, &options, &r, err);
	}
	if (rc == 0 && in->json) {
		rc = gc_json(&r, in->yes, err);
	} else if (rc == 0) {
		char size[32];
		out("%s: %llu blobs (%s), %llu temporary files, %llu unrecorded releases; %llu blobs kept%s\n", in->yes ? "removed" : "would remove",
		    (unsigned long long)r.blobs_removed, text_bytes(r.bytes_removed, size), (unsigned long long)r.temporary_removed,
		    (unsigned long long)r.releases_removed, (unsigned long long)r.blobs_kept, in->yes ? "" : "; --yes does it");
	}
	rf_free(keep.list);
	site_release(&site);
	return rc;
}

const struct command command_depot = {
	"depot", "the store of engines and releases",
	(const struct verb[]){
		{ "verify", "", "hash everything again, check every signature, miss no release", 0, 0, NULL, run_verify, NULL },
		{ "gc", "", "remove what no release, task or placement names; without --yes only tells", 0, 0, NULL, run_gc, NULL },
		{ 0 } },
};

static int run_database(const struct invocation *in, struct err *err)
{
	struct site site;
	int rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0 && in->json)
		rc = out_members(err, "database", database_kind(site.db), NULL);
	else if (rc == 0)
		out("%s, migrated\n", database_kind(site.db));
	site_release(&site);
	return rc;
}

const struct command command_database = {
	"database", "where the state is kept",
	(const struct verb[]){ { "migrate", "", "bring the tables up to this program's version (every command does)", 0, 0, NULL, run_database, NULL }, { 0 } },
};
