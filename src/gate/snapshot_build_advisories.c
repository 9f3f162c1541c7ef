/* The advisories that contents are judged by: all about products of ours, or about those that a part asks for. */
#include "gate/snapshot_build_int.h"

#include "advisory/store.h"

struct chosen {
	struct gate_builder *b;
	struct map seen; /* ids */
	struct span *ids;
	size_t count, room;
};

static int take_id(const struct advisory_row *row, void *data)
{
	struct chosen *c = data;
	if (map_get(&c->seen, row->id))
		return 0;
	/* never a silent gap: what is left out is counted, and makes the snapshot's silence prove nothing */
	if (row->tlp > c->b->how->highest) {
		c->b->withheld++;
		struct span key = arena_span(&c->b->a, row->id);
		return key.p && !map_set(&c->seen, key, c) ? 0 : gate_build_no_memory(c->b);
	}
	int rc = gate_build_room(c->b, (void **)&c->ids, c->count, &c->room, sizeof *c->ids);
	if (rc)
		return rc;
	struct span id = c->ids[c->count] = arena_span(&c->b->a, row->id);
	c->count++;
	return id.p && !map_set(&c->seen, id, c) ? 0 : gate_build_no_memory(c->b);
}

static bool names_product(const struct gate_building_part *part, const struct product *product)
{
	for (size_t i = 0; i < part->purl_count; i++)
		if (product_by_purl(part->purls[i]) == product)
			return true;
	return false;
}

static bool is_wanted(const struct gate_builder *b, const struct product *product)
{
	if (!b->how->part || product->engine_affecting == ENGINE_AFFECTING_YES || names_product(b->how->part, product))
		return true;
	for (size_t i = 0; i < b->s->component_count; i++)
		if (b->s->components[i].component.product == product)
			return true;
	return false;
}

static int choose(struct chosen *c)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < product_count(); i++) {
		const struct advisory_filter filter = { .purl = span_of(product_at(i)->purl),
							.with_unpublished = true,
							.limit = GATE_MAX_ADVISORIES + 1 };
		if (is_wanted(c->b, product_at(i)))
			rc = advisory_list(c->b->tx, &filter, take_id, c);
	}
	return rc;
}

static int add(struct gate_builder *b, struct span id)
{
	struct arena *a = gate_snapshot_arena(b->s);
	struct stored_advisory *v = arena_alloc(a, sizeof *v);
	int rc = v ? advisory_get(b->tx, a, id, v) : gate_build_no_memory(b);
	return rc ? rc : gate_snapshot_advisory(b->s, v, tx_err(b->tx));
}

int gate_build_advisories(struct gate_builder *b)
{
	struct chosen c = { .b = b, .seen = MAP_INIT };
	int rc = choose(&c);
	for (size_t i = 0; !rc && i < c.count; i++)
		rc = add(b, c.ids[i]);
	map_release(&c.seen);
	rf_free(c.ids);
	return rc;
}
