/*
 * What happened to placements: they are opened and closed, never edited, so that it can be read out of them.
 *
 *   closed and opened at one place at one moment                                  -> replaced
 *   closed here, the same content opened elsewhere within INVENTORY_MOVE_USEC     -> moved
 *   opened, closed otherwise                                                      -> came, went
 */
#include "inventory/inventory_int.h"

#define MAX_PLACEMENTS 100000
/* Texts of the placements, without notes and evidence. */
#define HISTORY_ARENA_BYTES (256 * MIB)

const char *inventory_event_name(enum inventory_event e)
{
	static const char *const names[] = { "came", "replaced", "moved", "went" };
	return (size_t)e < RF_COUNT(names) ? names[e] : "came";
}

struct history {
	struct transaction *tx;
	struct arena a;
	struct inventory_placement **list;
	size_t n, room;
	const struct inventory_placement **came_from; /* of each: what it replaced, or where it moved from */
	bool *came_to;                                /* of each: its going is told by what came */
	struct map by_key;                            /* place or content -> the indices that have it */
	struct inventory_change *changes;
	size_t change_count;
};

/* Indices with one key, in the order of their coming. */
struct chain {
	size_t index;
	struct chain *next;
};
struct chains {
	struct chain *first, *last;
};

static int out_of_memory(struct history *h)
{
	return err_set(tx_err(h->tx), RF_ENOMEM, "no memory for the history of placements");
}

static int take(const struct inventory_placement *p, void *data)
{
	struct history *h = data;
	if (h->n == MAX_PLACEMENTS)
		return err_set(tx_err(h->tx), RF_ETOOMANY,
			       "more than %d placements: name a service, a host or a path for their history",
			       MAX_PLACEMENTS);
	if (h->n == h->room) {
		size_t more = h->room ? 2 * h->room : 256;
		struct inventory_placement **grown =
			rf_realloc_array(h->list, more, sizeof(struct inventory_placement *));
		if (!grown)
			return out_of_memory(h);
		h->list = grown;
		h->room = more;
	}
	struct inventory_placement *own = arena_alloc(&h->a, sizeof *own), bare = *p;
	bare.artifact.notes_json = bare.artifact.evidence_json = SPAN_NONE;
	if (!own || inventory_placement_copy(&bare, &h->a, own))
		return out_of_memory(h);
	h->list[h->n++] = own;
	return 0;
}

static int by_coming(const void *left, const void *right)
{
	const struct inventory_placement *a = *(struct inventory_placement *const *)left,
					 *b = *(struct inventory_placement *const *)right;
	if (a->seen_from != b->seen_from)
		return a->seen_from < b->seen_from ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static struct span place_key(struct arena *a, const struct inventory_placement *p)
{
	const char *key = arena_printf(a, "p%.*s\n%.*s\n%.*s\n%.*s", SPAN_ARG(p->host), SPAN_ARG(p->service),
				       SPAN_ARG(p->environment), SPAN_ARG(p->path));
	return key ? span_of(key) : SPAN_NONE;
}

static struct span content_key(struct arena *a, const struct inventory_placement *p)
{
	const char *key = arena_printf(a, "d%s", p->artifact.digest);
	return key ? span_of(key) : SPAN_NONE;
}

static int chain_add(struct history *h, struct span key, size_t index)
{
	struct chains *c = key.p ? map_get(&h->by_key, key) : NULL;
	struct chain *link = arena_alloc(&h->a, sizeof *link);
	if (!key.p || !link)
		return out_of_memory(h);
	if (!c) {
		c = arena_alloc(&h->a, sizeof *c);
		if (!c || map_set(&h->by_key, key, c))
			return out_of_memory(h);
	}
	link->index = index;
	*(c->last ? &c->last->next : &c->first) = link;
	c->last = link;
	return 0;
}

static const struct chain *chain_of(const struct history *h, struct span key)
{
	const struct chains *c = key.p ? map_get(&h->by_key, key) : NULL;
	return c ? c->first : NULL;
}

static bool is_elsewhere(const struct inventory_placement *a, const struct inventory_placement *b)
{
	return !span_eq(a->path, b->path) || !span_eq(a->host, b->host);
}

/* What came when and where it went; of a move the nearest in time that nothing else is the going of. */
static bool follows(const struct history *h, const struct inventory_placement *gone, size_t index, bool is_move)
{
	const struct inventory_placement *c = h->list[index];
	if (c == gone || h->came_from[index])
		return false;
	if (!is_move)
		return c->seen_from == gone->gone_at;
	return is_elsewhere(c, gone) && c->seen_from > gone->seen_last &&
	       c->seen_from <= gone->gone_at + INVENTORY_MOVE_USEC;
}

static void pair(struct history *h, size_t gone, struct span key, bool is_move)
{
	if (h->came_to[gone] || h->list[gone]->gone_at == USEC_NONE)
		return;
	for (const struct chain *c = chain_of(h, key); c; c = c->next)
		if (follows(h, h->list[gone], c->index, is_move)) {
			h->came_from[c->index] = h->list[gone];
			h->came_to[gone] = true;
			return;
		}
}

static int pair_all(struct history *h)
{
	int rc = 0;
	for (size_t i = 0; i < h->n && !rc; i++) {
		rc = chain_add(h, place_key(&h->a, h->list[i]), i);
		if (!rc)
			rc = chain_add(h, content_key(&h->a, h->list[i]), i);
	}
	/* first what was replaced where it was, then what moved */
	for (size_t i = 0; i < h->n && !rc; i++)
		pair(h, i, place_key(&h->a, h->list[i]), false);
	for (size_t i = 0; i < h->n && !rc; i++)
		pair(h, i, content_key(&h->a, h->list[i]), true);
	return rc;
}

static void change_add(struct history *h, enum inventory_event e, usec_t at, const struct inventory_placement *p,
		       const struct inventory_placement *before)
{
	h->changes[h->change_count++] = (struct inventory_change){ e, at, p, before };
}

static int by_time(const void *left, const void *right)
{
	const struct inventory_change *a = left, *b = right;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	int c = span_compare(a->placement->host, b->placement->host);
	if (!c)
		c = span_compare(a->placement->path, b->placement->path);
	return c ? c : (a->placement->id > b->placement->id) - (a->placement->id < b->placement->id);
}

static int changes_make(struct history *h)
{
	h->came_from = arena_array(&h->a, h->n + 1, sizeof(struct inventory_placement *));
	h->came_to = arena_array(&h->a, h->n + 1, sizeof *h->came_to);
	h->changes = arena_array(&h->a, 2 * h->n + 1, sizeof *h->changes);
	int rc = h->came_from && h->came_to && h->changes ? pair_all(h) : out_of_memory(h);
	for (size_t i = 0; i < h->n && !rc; i++) {
		const struct inventory_placement *p = h->list[i], *before = h->came_from[i];
		enum inventory_event e = !before                   ? INVENTORY_CAME
					 : is_elsewhere(before, p) ? INVENTORY_MOVED
								   : INVENTORY_REPLACED;
		change_add(h, e, p->seen_from, p, before);
		if (p->gone_at != USEC_NONE && !h->came_to[i])
			change_add(h, INVENTORY_WENT, p->gone_at, p, NULL);
	}
	if (!rc)
		qsort(h->changes, h->change_count, sizeof *h->changes, by_time);
	return rc;
}

int inventory_each_change(struct transaction *tx, const struct inventory_filter *f,
			  int (*visit)(const struct inventory_change *, void *), void *data)
{
	struct history h = { .tx = tx, .a = ARENA_INIT(HISTORY_ARENA_BYTES) };
	struct inventory_filter all = *f;
	all.at = 0;
	all.with_gone = true;
	int rc = inventory_each_placement(tx, &all, take, &h);
	if (!rc && h.n)
		qsort(h.list, h.n, sizeof(struct inventory_placement *), by_coming);
	if (!rc)
		rc = changes_make(&h);
	for (size_t i = 0; i < h.change_count && !rc; i++)
		rc = visit(&h.changes[i], data);
	map_release(&h.by_key);
	arena_release(&h.a);
	rf_free(h.list);
	return rc;
}
