/*
 * Contents of the inventory and what they carry, in three walks over its tables: contents by id, what each holds, what
 * lies inside of each. A million of them are three sorted lists and no question per content.
 */
#include "gate/snapshot_build_int.h"

#include "exposure/exposure.h"
#include "inventory/line.h"

/* ── contents ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int component_of(struct gate_builder *b, const struct finding_subject *s, uint32_t *ret)
{
	*ret = GATE_NONE;
	if (!s->component.purl.n)
		return 0;
	return gate_snapshot_component(b->s, &s->component, s->carrier, ret, tx_err(b->tx));
}

static int own_component(struct gate_builder *b, const struct inventory_artifact *f, bool in_image, uint32_t *ret)
{
	struct finding_subject own;
	*ret = GATE_NONE;
	return exposure_carries_own(f, in_image, &own) ? component_of(b, &own, ret) : 0;
}

#define CONTENT_COLUMNS "a.kind, a.product, a.version, a.finding, a.cause, a.rules"
static struct inventory_artifact content_of(const struct db_rows *row, int at)
{
	return (struct inventory_artifact){ .kind = rows_text(row, at),
					    .product = rows_text(row, at + 1),
					    .version = rows_text(row, at + 2),
					    .finding = rows_text(row, at + 3),
					    .cause = rows_text(row, at + 4),
					    .rules = rows_text(row, at + 5) };
}

static int add_content(struct gate_builder *b, const struct inventory_artifact *f, struct gate_artifact *to, int64_t id)
{
	int rc = GATE_BUILD_ROOM(b, contents, content_count, content_room);
	struct gate_built *c = rc ? NULL : &b->contents[b->content_count];
	if (!rc)
		*c = (struct gate_built){ .id = id };
	if (!rc)
		rc = own_component(b, f, false, &c->own);
	if (!rc)
		rc = own_component(b, f, true, &c->own_inside);
	if (rc)
		return rc;
	to->finding = (uint8_t)artifact_finding_of(f->finding);
	to->main = c->own;
	to->set = GATE_NONE;
	c->speaks = to->finding != ARTIFACT_CLEAR || artifact_kind_is_engine(f->kind);
	rc = gate_snapshot_text(b->s, f->cause, &to->cause, tx_err(b->tx));
	if (!rc)
		rc = gate_snapshot_text(b->s, f->rules, &to->rules, tx_err(b->tx));
	if (!rc)
		rc = gate_snapshot_artifact(b->s, to, f->kind, &c->artifact, tx_err(b->tx));
	b->content_count += !rc;
	return rc;
}

static int take_content(struct gate_builder *b, const struct db_rows *row)
{
	struct inventory_artifact f = content_of(row, 2);
	struct gate_artifact to = { 0 };
	int rc = digest_read(rows_text(row, 1), &to.digest, tx_err(b->tx));
	usec_t seen = rows_time(row, 9);
	if (seen != USEC_NONE && seen > 0)
		to.first_seen = (uint32_t)RF_MIN(seen / USEC_PER_SEC, (usec_t)UINT32_MAX);
	if (!rc)
		rc = gate_snapshot_text(b->s, rows_text(row, 8), &to.target, tx_err(b->tx));
	return rc ? rc : add_content(b, &f, &to, rows_i64(row, 0));
}

struct gate_built *gate_build_content(const struct gate_builder *b, int64_t id)
{
	size_t low = 0, high = b->content_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (b->contents[middle].id == id)
			return &b->contents[middle];
		if (b->contents[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ── what each holds ────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_told(const struct gate_builder *b, const struct gate_built *c, const struct gate_held *h)
{
	for (size_t i = c->held_from; i < c->held_from + c->held_count; i++)
		if (b->held[i].alone == h->alone && b->held[i].inside == h->inside)
			return true;
	return false;
}

static int take_held(struct gate_builder *b, const struct db_rows *row)
{
	struct gate_built *c = gate_build_content(b, rows_i64(row, 0));
	struct inventory_artifact f = content_of(row, 4);
	const struct inventory_held held = { .product = rows_text(row, 1), .version = rows_text(row, 2), .role = rows_text(row, 3) };
	struct finding_subject alone, inside;
	struct gate_held h;
	/* a content that came after the list of them was read is of the next snapshot */
	if (!c || !exposure_carries_held(&f, &held, false, &alone) || !exposure_carries_held(&f, &held, true, &inside))
		return 0;
	int rc = component_of(b, &alone, &h.alone);
	if (!rc)
		rc = component_of(b, &inside, &h.inside);
	if (!c->held_count)
		c->held_from = b->held_count;
	if (rc || is_told(b, c, &h))
		return rc;
	rc = GATE_BUILD_ROOM(b, held, held_count, held_room);
	if (rc)
		return rc;
	b->held[b->held_count++] = h;
	c->held_count++;
	return 0;
}

/* ── what lies inside ───────────────────────────────────────────────────────────────────────────────────────────── */

/* Parts of one content at a time: the insides come sorted by what holds them. */
struct parts {
	struct gate_part *list;
	size_t count, room;
	struct gate_built *outer;
	enum platform_line line; /* that the content names as a system; ANY: that of its hosts holds */
};

static int part_add(struct gate_builder *b, struct parts *p, uint32_t component, uint32_t artifact, uint32_t where)
{
	int rc = gate_build_room(b, (void **)&p->list, p->count, &p->room, sizeof *p->list);
	if (!rc)
		p->list[p->count++] = (struct gate_part){ component, artifact, where };
	return rc;
}

static int parts_own(struct gate_builder *b, struct parts *p, const struct gate_built *c)
{
	int rc = c->own == GATE_NONE ? 0 : part_add(b, p, c->own, GATE_NONE, 0);
	for (size_t i = 0; !rc && i < c->held_count; i++)
		rc = part_add(b, p, b->held[c->held_from + i].alone, GATE_NONE, 0);
	return rc;
}

/* The same component on @line. */
static int component_there(struct gate_builder *b, enum platform_line line, uint32_t *component)
{
	if (*component == GATE_NONE || line == PLATFORM_ANY)
		return 0;
	struct gate_component there = b->s->components[*component];
	component_on(&there.component, line);
	return gate_snapshot_component(b->s, &there.component, there.carrier, component, tx_err(b->tx));
}

/* What it holds is judged on the line that it names, else on that of its hosts; what it is itself, on the latter. */
static int parts_end(struct gate_builder *b, struct parts *p)
{
	if (!p->outer)
		return 0;
	struct gate_artifact *to = &b->s->artifacts[p->outer->artifact];
	enum platform_line line = p->line != PLATFORM_ANY ? p->line : p->outer->line;
	int rc = component_there(b, p->outer->line, &to->main);
	for (size_t i = 0; !rc && i < p->count; i++)
		rc = component_there(b, line, &p->list[i].component);
	if (!rc)
		rc = gate_snapshot_set(b->s, p->list, p->count, &to->set, tx_err(b->tx));
	p->count = 0;
	p->outer = NULL;
	p->line = PLATFORM_ANY;
	return rc;
}

/* What @inner says of the system that it is a file of. */
static void line_hear(const struct gate_builder *b, struct parts *p, const struct gate_built *inner, struct span path)
{
	if (inner->own_inside != GATE_NONE)
		p->line = line_join(p->line, line_told_by(path, b->s->components[inner->own_inside].component.purl));
	for (size_t i = 0; i < inner->held_count; i++) {
		const struct gate_held *h = &b->held[inner->held_from + i];
		p->line = line_join(p->line, line_told_by(path, b->s->components[h->inside].component.purl));
	}
}

static int parts_inside(struct gate_builder *b, struct parts *p, const struct gate_built *inner, uint32_t where)
{
	int rc = 0;
	if (inner->own_inside != GATE_NONE || inner->speaks)
		rc = part_add(b, p, inner->own_inside, inner->artifact, where);
	for (size_t i = 0; !rc && i < inner->held_count; i++)
		rc = part_add(b, p, b->held[inner->held_from + i].inside, inner->artifact, where);
	return rc;
}

static int take_insides(struct gate_builder *b, struct db_rows *rows, struct parts *p)
{
	int rc;
	while ((rc = rows_next(rows)) == 1) {
		struct gate_built *outer = gate_build_content(b, rows_i64(rows, 0));
		const struct gate_built *inner = gate_build_content(b, rows_i64(rows, 2));
		uint32_t where;
		if (!outer || !inner)
			continue;
		rc = outer == p->outer ? 0 : parts_end(b, p);
		if (!rc && !p->outer) {
			p->outer = outer;
			rc = parts_own(b, p, outer);
		}
		if (!rc)
			rc = gate_snapshot_text(b->s, rows_blob(rows, 1), &where, tx_err(b->tx));
		if (!rc)
			rc = parts_inside(b, p, inner, where);
		line_hear(b, p, inner, rows_blob(rows, 1));
		if (rc)
			return rc;
	}
	return rc ? rc : parts_end(b, p);
}

static int all_insides(struct gate_builder *b, struct parts *p)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(b->tx, &rows, "SELECT outer_id, path, inner_id FROM inventory_inside ORDER BY outer_id, path");
	return rc ? rc : take_insides(b, rows, p);
}

static int some_insides(struct gate_builder *b, struct parts *p)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < b->id_count; i++) {
		RF_AUTO_ROWS rows = NULL;
		rc = TX_QUERY(b->tx, &rows,
			      "SELECT outer_id, path, inner_id FROM inventory_inside WHERE outer_id = $1 ORDER BY path",
			      DB_I(b->ids[i]));
		if (!rc)
			rc = take_insides(b, rows, p);
	}
	return rc;
}

static int take_line(struct gate_builder *b, const struct db_rows *row)
{
	struct gate_built *c = gate_build_content(b, rows_i64(row, 0));
	if (c && rows_i64(row, 1) == rows_i64(row, 2))
		c->line = (enum platform_line)rows_i64(row, 1);
	return 0;
}

/* Contents without anything inside carry what they are and hold. */
static int build_sets(struct gate_builder *b)
{
	struct parts p = { 0 };
	int rc = b->how->part ? some_insides(b, &p) : all_insides(b, &p);
	for (size_t i = 0; !rc && i < b->content_count; i++) {
		struct gate_built *c = &b->contents[i];
		if (b->s->artifacts[c->artifact].set != GATE_NONE)
			continue;
		p.outer = c;
		rc = parts_own(b, &p, c);
		if (!rc)
			rc = parts_end(b, &p);
	}
	rf_free(p.list);
	return rc;
}

int gate_build_contents(struct gate_builder *b)
{
	int rc = gate_build_each(b,
				 "SELECT a.id, a.digest, " CONTENT_COLUMNS
				 ", a.target, a.first_seen FROM inventory_artifact a WHERE 1 = 1",
				 "a.id = $1", "ORDER BY a.id", take_content);
	if (!rc)
		rc = gate_build_each(b,
				     "SELECT l.artifact_id, c.product, c.version, l.role, " CONTENT_COLUMNS
				     " FROM inventory_artifact_component l JOIN inventory_component c ON c.id ="
				     " l.component_id JOIN inventory_artifact a ON a.id = l.artifact_id WHERE 1 = 1",
				     "l.artifact_id = $1", "ORDER BY l.artifact_id, c.id", take_held);
	if (!rc)
		rc = gate_build_each(b,
				     "SELECT artifact_id, MIN(line), MAX(line) FROM inventory_use WHERE placements > 0",
				     "artifact_id = $1", "GROUP BY artifact_id HAVING MAX(line) > 0", take_line);
	return rc ? rc : build_sets(b);
}
