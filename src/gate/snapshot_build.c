/* Head, policies, owners, freshness, excuses; and the order in which everything else is read. */
#include "gate/snapshot_build_int.h"

#include "advisory/feed.h"
#include "exposure/baseline_store.h"
#include "exposure/exposure.h"
#include "exposure/waiver_store.h"
#include "gate/snapshot_bytes.h"

#define SCRATCH_BYTES (2 * GIB)

int gate_build_no_memory(struct gate_builder *b)
{
	return err_set(tx_err(b->tx), RF_ENOMEM, "out of memory for the gate's snapshot");
}

int gate_build_room(struct gate_builder *b, void **table, size_t count, size_t *room, size_t bytes)
{
	if (count < *room)
		return 0;
	size_t more = *room ? 2 * *room : 256;
	void *p = rf_realloc_array(*table, more, bytes);
	if (!p)
		return gate_build_no_memory(b);
	*table = p;
	*room = more;
	return 0;
}

static int run(struct gate_builder *b, const char *sql, const struct db_value *values, size_t n,
	       int (*take)(struct gate_builder *b, const struct db_rows *row))
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(b->tx, sql, values, n, &rows);
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = take(b, rows);
	return rc;
}

int gate_build_each(struct gate_builder *b, const char *sql, const char *condition, const char *order,
		    int (*take)(struct gate_builder *b, const struct db_rows *row))
{
	RF_AUTO(str) text = STR_INIT(16 * KIB);
	str_addf(&text, "%s%s%s %s", sql, b->how->part ? " AND " : "", b->how->part ? condition : "", order);
	int rc = str_check(&text, "a question about the fleet", tx_err(b->tx));
	if (rc)
		return rc;
	if (!b->how->part)
		return run(b, str_text(&text), NULL, 0, take);
	for (size_t i = 0; !rc && i < b->id_count; i++) {
		const struct db_value id = DB_I(b->ids[i]);
		rc = run(b, str_text(&text), &id, 1, take);
	}
	return rc;
}

/* ── head, policies, owners ─────────────────────────────────────────────────────────────────────────────────────── */

/* What a part was asked for, as it was written. */
static int only_of(struct gate_builder *b, struct gate_head *head)
{
	const struct gate_building_part *part = b->how->part;
	size_t n = part && part->tells ? part->digest_count + part->purl_count + part->reference_count : 0;
	struct span *only = arena_array(&b->a, n + 1, sizeof *only);
	char hex[DIGEST_HEX];
	if (!only)
		return gate_build_no_memory(b);
	if (!n)
		return 0;
	n = 0;
	for (size_t i = 0; i < part->digest_count; i++) {
		const char *text = arena_printf(&b->a, "sha256:%s", digest_hex(&part->digests[i], hex));
		if (!text)
			return gate_build_no_memory(b);
		only[n++] = span_of(text);
	}
	for (size_t i = 0; i < part->purl_count; i++)
		only[n++] = part->purls[i];
	for (size_t i = 0; i < part->reference_count; i++)
		only[n++] = part->references[i];
	head->only = only;
	head->only_count = n;
	return 0;
}

static int build_head(struct gate_builder *b)
{
	const struct workspace *w = b->how->workspace;
	struct feed_staleness all;
	int rc = feed_staleness_all(b->tx, &all);
	struct gate_head head = { .site = span_of(w->site),
				  .created = tx_now(b->tx),
				  .as_of = rc ? USEC_NONE : all.as_of,
				  .expires = b->how->expires,
				  .release_key = b->how->release_key,
				  .service_label = span_of(w->kubernetes.service_label),
				  .trusts_labels = w->kubernetes.label_holds == WORKSPACE_LABEL_ANYWHERE };
	if (!rc)
		rc = only_of(b, &head);
	if (!rc)
		rc = gate_snapshot_head(b->s, &head, tx_err(b->tx));
	for (size_t i = 0; !rc && i < w->policies_n; i++)
		rc = gate_snapshot_policy(b->s, &w->policies[i], tx_err(b->tx));
	for (size_t i = 0; !rc && i < w->services_n; i++) {
		const struct workspace_service *v = &w->services[i];
		rc = gate_snapshot_service(b->s,
					   &(struct gate_service){ span_of(v->name), span_of(v->owner.name),
								   span_of(v->owner.contact), span_of(v->owner.deputy) },
					   tx_err(b->tx));
	}
	return rc;
}

/* What is left out of a bundle that leaves proves as little as a feed that is silent. */
static int build_withheld(struct gate_builder *b)
{
	char words[128];
	if (!b->withheld)
		return 0;
	(void)snprintf(words, sizeof words, "not in here: %llu advisories are marked stricter than %s",
		       (unsigned long long)b->withheld, tlp_name(b->how->highest));
	const struct gate_stale stale = { .feed = SPAN("withheld"), .words = span_of(words), .as_of = USEC_NONE };
	return gate_snapshot_stale(b->s, &stale, tx_err(b->tx));
}

static int build_stale(struct gate_builder *b)
{
	struct exposure_stale *list;
	size_t n;
	int rc = exposure_feed_limits(b->tx, &b->a, b->how->workspace, &list, &n);
	for (size_t i = 0; !rc && i < n; i++)
		rc = gate_snapshot_stale(b->s,
					 &(struct gate_stale){ .feed = list[i].feed, .words = list[i].words,
							       .as_of = list[i].as_of, .from = list[i].from },
					 tx_err(b->tx));
	return rc ? rc : build_withheld(b);
}

static int build_covers(struct gate_builder *b)
{
	struct waiver *waivers;
	struct vex_policy vex;
	struct baseline baseline;
	size_t n;
	int rc = waiver_list(b->tx, &b->a, 0, false, &waivers, &n);
	for (size_t i = 0; !rc && i < n; i++)
		rc = gate_snapshot_waiver(b->s, &waivers[i], tx_err(b->tx));
	if (!rc)
		rc = vex_policy_of(&b->a, &b->how->workspace->vex, &vex, tx_err(b->tx));
	if (!rc)
		rc = gate_snapshot_vex_policy(b->s, &vex, tx_err(b->tx));
	if (!rc)
		rc = baseline_load(b->tx, &b->a, &baseline);
	return rc || baseline.since == USEC_NONE ? rc : gate_snapshot_baseline(b->s, &baseline, tx_err(b->tx));
}

/* ── all of it ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int build_all(struct gate_builder *b)
{
	static int (*const steps[])(struct gate_builder *) = { build_head,	  gate_build_choose,
							       gate_build_contents, gate_build_places,
							       gate_build_releases, gate_build_advisories,
							       gate_build_homes,    build_stale,
							       build_covers };
	int rc = 0;
	for (size_t i = 0; !rc && i < RF_COUNT(steps); i++)
		rc = steps[i](b);
	return rc ? rc : gate_snapshot_ready(b->s, tx_err(b->tx));
}

struct asking {
	const struct gate_building *how;
	void (*problem)(const struct err *err, void *data);
	void *data;
	struct gate_snapshot *s;
	uint64_t withheld;
};

/* May run again from the start. */
static int build(struct transaction *tx, void *data)
{
	struct asking *q = data;
	struct gate_builder b = { .tx = tx,
				  .how = q->how,
				  .problem = q->problem,
				  .data = q->data,
				  .a = ARENA_INIT(SCRATCH_BYTES),
				  .by_digest = MAP_INIT,
				  .scanned = MAP_INIT };
	gate_snapshot_free(q->s);
	q->s = b.s = gate_snapshot_new(GATE_SNAPSHOT_ARENA_BYTES);
	int rc = b.s ? build_all(&b) : gate_build_no_memory(&b);
	q->withheld = b.withheld;
	rf_free(b.ids);
	rf_free(b.contents);
	rf_free(b.held);
	json_doc_free(b.doc);
	map_release(&b.scanned);
	map_release(&b.by_digest);
	arena_release(&b.a);
	return rc;
}

int gate_snapshot_build(struct database *db, const struct gate_building *how,
			void (*problem)(const struct err *err, void *data), void *data, struct gate_snapshot **ret,
			uint64_t *ret_withheld, struct err *err)
{
	struct asking q = { .how = how, .problem = problem, .data = data };
	int rc = database_transact(db, DB_READ, build, &q, err);
	if (rc) {
		gate_snapshot_free(q.s);
		return rc;
	}
	*ret = q.s;
	if (ret_withheld)
		*ret_withheld = q.withheld;
	return 0;
}
