/* Filling a snapshot: texts, components and sets are kept once each; everything else is appended. */
#include "gate/snapshot_int.h"

struct gate_snapshot *gate_snapshot_new(size_t limit_bytes)
{
	struct gate_snapshot *s = rf_alloc(sizeof *s);
	if (!s)
		return NULL;
	s->arena = ARENA_INIT(limit_bytes);
	s->head = (struct gate_head){ .created = USEC_NONE, .as_of = USEC_NONE, .expires = USEC_NONE };
	s->baseline.since = USEC_NONE;
	s->text_end = GATE_TEXT_BLOCK; /* the first text opens a block */
	s->lists = rf_alloc(sizeof *s->lists);
	if (!s->lists) {
		rf_free(s);
		return NULL;
	}
	return s;
}

void gate_snapshot_free(struct gate_snapshot *s)
{
	if (!s)
		return;
	struct gate_lists *l = s->lists;
	for (size_t i = 0; i < s->text_block_count; i++)
		rf_free(s->text_blocks[i]);
	void *tables[] = { s->text_blocks, s->policies, s->stale,     s->services, s->homes, s->advisories,   s->components,
			   s->hits,	   s->parts,	s->sets,      s->artifacts, s->images,	     s->models,
			   s->releases,	   s->rows,	s->waivers,   l->starts,    l->rows_by_artifact, l->images.slots, l->texts.slots,
			   l->components.slots, l->sets.slots };
	for (size_t i = 0; i < RF_COUNT(tables); i++)
		rf_free(tables[i]);
	map_release(&l->about);
	map_release(&l->releases);
	map_release(&l->services);
	map_release(&l->homes);
	map_release(&l->bound);
	map_release(&l->hosts);
	gate_policies_release(&s->rules);
	arena_release(&s->arena);
	rf_free(l);
	rf_free(s);
}

void gate_snapshot_freep(struct gate_snapshot **s)
{
	gate_snapshot_free(*s);
	*s = NULL;
}

struct arena *gate_snapshot_arena(struct gate_snapshot *s)
{
	return &s->arena;
}

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "out of memory for the gate's snapshot");
}

/* Room for one more in a table of @count elements. */
static int room_for(void **table, size_t count, size_t *room, size_t bytes, size_t max, const char *what,
		    struct err *err)
{
	if (count >= max)
		return err_set(err, RF_ETOOMANY, "more than %zu %s in one snapshot of the gate", max, what);
	if (count < *room)
		return 0;
	size_t more = *room ? *room + *room / 2 : 64;
	void *p = rf_realloc_array(*table, more, bytes);
	if (!p)
		return no_memory(err);
	*table = p;
	*room = more;
	return 0;
}
#define ROOM_FOR(s, table, number, room, max, what, err) \
	room_for((void **)&(s)->table, (s)->number, &(s)->room, sizeof *(s)->table, (max), (what), (err))

/* ── kept once ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The slot of what @is_same says yes to, or the empty one where it belongs. */
static uint32_t *slot_of(const struct gate_numbers *n, uint64_t hash, bool (*is_same)(uint32_t, const void *),
			 const void *key)
{
	size_t at = hash & (n->capacity - 1);
	while (n->slots[at] && !is_same(n->slots[at] - 1, key))
		at = (at + 1) & (n->capacity - 1);
	return &n->slots[at];
}

/* Keeps the table at most half full. */
static int numbers_grow(struct gate_numbers *n, uint64_t (*hash_of)(uint32_t, const void *), const void *context)
{
	if (2 * (n->count + 1) <= n->capacity)
		return 0;
	struct gate_numbers more = { .capacity = n->capacity ? 2 * n->capacity : 1024, .count = n->count };
	more.slots = rf_realloc_array(NULL, more.capacity, sizeof *more.slots);
	if (!more.slots)
		return RF_ENOMEM;
	memset(more.slots, 0, more.capacity * sizeof *more.slots);
	for (size_t i = 0; i < n->capacity; i++) {
		if (!n->slots[i])
			continue;
		size_t at = hash_of(n->slots[i] - 1, context) & (more.capacity - 1);
		while (more.slots[at])
			at = (at + 1) & (more.capacity - 1);
		more.slots[at] = n->slots[i];
	}
	rf_free(n->slots);
	*n = more;
	return 0;
}

struct text_key {
	const struct gate_snapshot *s;
	struct span text;
};

static bool same_text(uint32_t number, const void *key)
{
	const struct text_key *k = key;
	return span_eq(gate_snapshot_text_at(k->s, number), k->text);
}

static uint64_t text_hash(uint32_t number, const void *s)
{
	struct span text = gate_snapshot_text_at(s, number);
	return hash_bytes(text.p, text.n);
}

/* A text is its length and its bytes; none straddles two blocks. */
static int text_add(struct gate_snapshot *s, struct span text, uint32_t *ret, struct err *err)
{
	uint32_t bytes = (uint32_t)(4 + text.n + 1);
	if (s->text_end % GATE_TEXT_BLOCK + bytes > GATE_TEXT_BLOCK || s->text_end % GATE_TEXT_BLOCK == 0) {
		int rc = ROOM_FOR(s, text_blocks, text_block_count, text_block_room, (size_t)4095, "MiB of texts", err);
		char *block = rc ? NULL : rf_alloc(GATE_TEXT_BLOCK);
		if (!block)
			return rc ? rc : no_memory(err);
		s->text_blocks[s->text_block_count++] = block;
		/* the first bytes of all are nobody's: 0 is the empty text */
		s->text_end = (uint32_t)(s->text_block_count - 1) * GATE_TEXT_BLOCK + 4;
	}
	char *to = s->text_blocks[s->text_end / GATE_TEXT_BLOCK] + s->text_end % GATE_TEXT_BLOCK;
	put_le32(to, (uint32_t)text.n);
	memcpy(to + 4, text.p, text.n);
	*ret = s->text_end;
	s->text_end += bytes;
	return 0;
}

int gate_snapshot_text(struct gate_snapshot *s, struct span text, uint32_t *ret, struct err *err)
{
	struct gate_numbers *n = &s->lists->texts;
	if (!text.n) {
		*ret = 0;
		return 0;
	}
	if (text.n > GATE_MAX_TEXT)
		return err_set(err, RF_ETOOBIG, "a text of %zu bytes in a snapshot of the gate: %zu at most", text.n,
			       GATE_MAX_TEXT);
	if (numbers_grow(n, text_hash, s))
		return no_memory(err);
	struct text_key key = { s, text };
	uint32_t *slot = slot_of(n, hash_bytes(text.p, text.n), same_text, &key);
	if (!*slot) {
		uint32_t number = 0;
		int rc = text_add(s, text, &number, err);
		if (rc)
			return rc;
		*slot = number + 1;
		n->count++;
	}
	*ret = *slot - 1;
	return 0;
}

struct span gate_snapshot_text_at(const struct gate_snapshot *s, uint32_t text)
{
	if (!text)
		return SPAN_NONE;
	const char *at = s->text_blocks[text / GATE_TEXT_BLOCK] + text % GATE_TEXT_BLOCK;
	return (struct span){ at + 4, le32(at) };
}

/* A copy that stays. */
static int keep(struct gate_snapshot *s, struct span text, struct span *ret, struct err *err)
{
	uint32_t number;
	int rc = gate_snapshot_text(s, text, &number, err);
	if (!rc)
		*ret = gate_snapshot_text_at(s, number);
	return rc;
}

struct component_key {
	const struct gate_snapshot *s;
	struct gate_component c;
};

static uint64_t hash_component(const struct gate_component *c)
{
	/* texts are interned: their places tell them */
	const void *parts[] = { c->component.purl.p, c->component.version.p, (void *)(uintptr_t)c->component.line,
				(void *)(uintptr_t)c->carrier };
	return hash_bytes(parts, sizeof parts);
}

static bool same_component(uint32_t number, const void *key)
{
	const struct component_key *k = key;
	const struct gate_component *a = &k->s->components[number], *b = &k->c;
	return a->component.purl.p == b->component.purl.p && a->component.version.p == b->component.version.p &&
	       a->component.line == b->component.line && a->carrier == b->carrier;
}

static uint64_t component_hash(uint32_t number, const void *s)
{
	return hash_component(&((const struct gate_snapshot *)s)->components[number]);
}

int gate_snapshot_component(struct gate_snapshot *s, const struct component *c, enum carrier carrier, uint32_t *ret,
			    struct err *err)
{
	struct component_key key = { s, { .component = *c, .carrier = carrier } };
	int rc = keep(s, c->purl, &key.c.component.purl, err);
	if (!rc)
		rc = keep(s, c->version, &key.c.component.version, err);
	if (rc)
		return rc;
	if (numbers_grow(&s->lists->components, component_hash, s))
		return no_memory(err);
	uint32_t *slot = slot_of(&s->lists->components, hash_component(&key.c), same_component, &key);
	if (!*slot) {
		rc = ROOM_FOR(s, components, component_count, component_room, (size_t)GATE_MAX_COMPONENTS, "components",
			      err);
		if (rc)
			return rc;
		s->components[s->component_count++] = key.c;
		*slot = (uint32_t)s->component_count;
		s->lists->components.count++;
	}
	*ret = *slot - 1;
	return 0;
}

struct set_key {
	const struct gate_snapshot *s;
	const struct gate_part *parts;
	size_t count;
};

static bool same_set(uint32_t number, const void *key)
{
	const struct set_key *k = key;
	const struct gate_set *set = &k->s->sets[number];
	return set->count == k->count && memcmp(k->s->parts + set->from, k->parts, k->count * sizeof *k->parts) == 0;
}

static uint64_t set_hash(uint32_t number, const void *context)
{
	const struct gate_snapshot *s = context;
	const struct gate_set *set = &s->sets[number];
	return hash_bytes(s->parts + set->from, set->count * sizeof *s->parts);
}

static int set_add(struct gate_snapshot *s, const struct gate_part *parts, size_t n, struct err *err)
{
	int rc = ROOM_FOR(s, sets, set_count, set_room, (size_t)GATE_MAX_ARTIFACTS, "sets of components", err);
	struct gate_set set = { .from = (uint32_t)s->part_count, .count = (uint32_t)n };
	for (size_t i = 0; i < n && !rc; i++) {
		rc = ROOM_FOR(s, parts, part_count, part_room, (size_t)GATE_MAX_PARTS, "parts of contents", err);
		if (!rc)
			s->parts[s->part_count++] = parts[i];
	}
	if (rc)
		s->part_count = set.from;
	else
		s->sets[s->set_count++] = set;
	return rc;
}

int gate_snapshot_set(struct gate_snapshot *s, const struct gate_part *parts, size_t n, uint32_t *ret, struct err *err)
{
	struct set_key key = { s, parts, n };
	if (!n) {
		*ret = GATE_NONE;
		return 0;
	}
	if (numbers_grow(&s->lists->sets, set_hash, s))
		return no_memory(err);
	uint32_t *slot = slot_of(&s->lists->sets, hash_bytes(parts, n * sizeof *parts), same_set, &key);
	if (!*slot) {
		int rc = set_add(s, parts, n, err);
		if (rc)
			return rc;
		*slot = (uint32_t)s->set_count;
		s->lists->sets.count++;
	}
	*ret = *slot - 1;
	return 0;
}

/* ── one after the other ────────────────────────────────────────────────────────────────────────────────────────── */

int gate_snapshot_head(struct gate_snapshot *s, const struct gate_head *head, struct err *err)
{
	struct gate_head h = *head;
	int rc = keep(s, head->site, &h.site, err);
	if (!rc)
		rc = keep(s, head->release_key, &h.release_key, err);
	if (!rc)
		rc = keep(s, head->service_label, &h.service_label, err);
	struct span *only = rc ? NULL : arena_array(&s->arena, head->only_count + 1, sizeof *only);
	if (!rc && !only)
		rc = no_memory(err);
	for (size_t i = 0; !rc && i < head->only_count; i++)
		rc = keep(s, head->only[i], &only[i], err);
	h.only = only;
	if (!rc)
		s->head = h;
	return rc;
}

int gate_snapshot_stale(struct gate_snapshot *s, const struct gate_stale *stale, struct err *err)
{
	struct gate_stale t = *stale;
	int rc = keep(s, stale->feed, &t.feed, err);
	if (!rc)
		rc = keep(s, stale->words, &t.words, err);
	if (!rc)
		rc = ROOM_FOR(s, stale, stale_count, stale_room, (size_t)10000, "stale feeds", err);
	if (!rc)
		s->stale[s->stale_count++] = t;
	return rc;
}

int gate_snapshot_service(struct gate_snapshot *s, const struct gate_service *service, struct err *err)
{
	struct gate_service t = { 0 };
	int rc = keep(s, service->name, &t.name, err);
	if (!rc)
		rc = keep(s, service->owner, &t.owner, err);
	if (!rc)
		rc = keep(s, service->contact, &t.contact, err);
	if (!rc)
		rc = keep(s, service->deputy, &t.deputy, err);
	if (!rc)
		rc = ROOM_FOR(s, services, service_count, service_room, (size_t)1000000, "services", err);
	if (!rc)
		s->services[s->service_count++] = t;
	return rc;
}

int gate_snapshot_home(struct gate_snapshot *s, const struct gate_home *home, struct err *err)
{
	struct gate_home t = { 0 };
	int rc = keep(s, home->service, &t.service, err);
	if (!rc)
		rc = keep(s, home->cluster, &t.cluster, err);
	if (!rc)
		rc = keep(s, home->namespace_, &t.namespace_, err);
	if (!rc)
		rc = ROOM_FOR(s, homes, home_count, home_room, (size_t)GATE_MAX_HOMES, "homes of services", err);
	if (!rc)
		s->homes[s->home_count++] = t;
	return rc;
}

int gate_snapshot_advisory(struct gate_snapshot *s, const struct stored_advisory *v, struct err *err)
{
	int rc = ROOM_FOR(s, advisories, advisory_count, advisory_room, (size_t)GATE_MAX_ADVISORIES, "advisories", err);
	if (!rc)
		s->advisories[s->advisory_count++] = (struct gate_advisory){ .stored = v };
	return rc;
}

static int kind_number(struct gate_snapshot *s, struct span kind, uint16_t *ret, struct err *err)
{
	uint32_t text;
	int rc = gate_snapshot_text(s, kind, &text, err);
	if (rc)
		return rc;
	size_t i = 0;
	while (i < s->kind_count && s->kinds[i] != text)
		i++;
	if (i == RF_COUNT(s->kinds))
		return err_set(err, RF_ETOOMANY, "more than %zu kinds of content", RF_COUNT(s->kinds));
	if (i == s->kind_count)
		s->kinds[s->kind_count++] = text;
	*ret = (uint16_t)i;
	return 0;
}

int gate_snapshot_artifact(struct gate_snapshot *s, const struct gate_artifact *artifact, struct span kind,
			   uint32_t *ret, struct err *err)
{
	struct gate_artifact a = *artifact;
	int rc = kind_number(s, kind, &a.kind, err);
	if (!rc)
		rc = ROOM_FOR(s, artifacts, artifact_count, artifact_room, (size_t)GATE_MAX_ARTIFACTS, "contents", err);
	if (rc)
		return rc;
	*ret = (uint32_t)s->artifact_count;
	s->artifacts[s->artifact_count++] = a;
	return 0;
}

int gate_snapshot_image(struct gate_snapshot *s, struct span reference, uint32_t artifact, struct err *err)
{
	struct gate_reference r = { .artifact = artifact };
	int rc = gate_snapshot_text(s, reference, &r.text, err);
	if (!rc)
		rc = ROOM_FOR(s, images, image_count, image_room, (size_t)GATE_MAX_REFERENCES, "images", err);
	if (!rc)
		s->images[s->image_count++] = r;
	return rc;
}

int gate_snapshot_model(struct gate_snapshot *s, struct span reference, uint32_t artifact, struct err *err)
{
	return gate_snapshot_model_of(s, reference, SPAN(""), artifact, err);
}

int gate_snapshot_model_of(struct gate_snapshot *s, struct span reference, struct span holder, uint32_t artifact,
			   struct err *err)
{
	struct gate_reference r = { .artifact = artifact };
	int rc = gate_snapshot_text(s, reference, &r.text, err);
	if (!rc)
		rc = gate_snapshot_text(s, holder, &r.holder, err);
	if (!rc)
		rc = ROOM_FOR(s, models, model_count, model_room, (size_t)GATE_MAX_REFERENCES, "models", err);
	if (!rc)
		s->models[s->model_count++] = r;
	return rc;
}

int gate_snapshot_release(struct gate_snapshot *s, const struct gate_release *r, uint32_t *ret, struct err *err)
{
	int rc = ROOM_FOR(s, releases, release_count, release_room, (size_t)GATE_MAX_ROWS, "releases", err);
	if (rc)
		return rc;
	*ret = (uint32_t)s->release_count;
	s->releases[s->release_count] = *r;
	s->releases[s->release_count].row_from = s->releases[s->release_count].row_count = 0;
	s->release_count++;
	return 0;
}

int gate_snapshot_row(struct gate_snapshot *s, const struct gate_row *row, struct err *err)
{
	int rc = ROOM_FOR(s, rows, row_count, row_room, (size_t)GATE_MAX_ROWS, "rows of releases", err);
	if (!rc)
		s->rows[s->row_count++] = *row;
	return rc;
}

/* ── policies and excuses ───────────────────────────────────────────────────────────────────────────────────────── */

static int keep_text(struct gate_snapshot *s, const char *text, const char **ret, struct err *err)
{
	*ret = text ? arena_text(&s->arena, span_of(text)) : NULL;
	return text && !*ret ? no_memory(err) : 0;
}

static int keep_texts(struct gate_snapshot *s, const char *const *from, size_t n, const char *const **ret,
		      struct err *err)
{
	const char **list = arena_array(&s->arena, n + 1, sizeof *list);
	int rc = list ? 0 : no_memory(err);
	for (size_t i = 0; i < n && !rc; i++)
		rc = keep_text(s, from[i], &list[i], err);
	*ret = list;
	return rc;
}

static int keep_minimum(struct gate_snapshot *s, struct workspace_policy *p, struct err *err)
{
	struct workspace_minimum *list = arena_array(&s->arena, p->minimum_n + 1, sizeof *list);
	int rc = list ? 0 : no_memory(err);
	for (size_t i = 0; i < p->minimum_n && !rc; i++) {
		rc = keep_text(s, p->minimum[i].product, &list[i].product, err);
		if (!rc)
			rc = keep_text(s, p->minimum[i].version, &list[i].version, err);
	}
	p->minimum = list;
	return rc;
}

int gate_snapshot_policy(struct gate_snapshot *s, const struct workspace_policy *policy, struct err *err)
{
	struct workspace_policy p = *policy;
	int rc = keep_text(s, policy->name, &p.name, err);
	if (!rc)
		rc = keep_texts(s, policy->services, policy->services_n, &p.services, err);
	if (!rc)
		rc = keep_texts(s, policy->environments, policy->environments_n, &p.environments, err);
	if (!rc)
		rc = keep_texts(s, policy->registries, policy->registries_n, &p.registries, err);
	if (!rc)
		rc = keep_minimum(s, &p, err);
	enum workspace_signature *signatures = arena_array(&s->arena, p.signatures_n + 1, sizeof *signatures);
	if (!rc && !signatures)
		rc = no_memory(err);
	if (!rc)
		rc = ROOM_FOR(s, policies, policy_count, policy_room, (size_t)WORKSPACE_MAX_POLICIES, "policies", err);
	if (rc)
		return rc;
	if (p.signatures_n)
		memcpy(signatures, policy->signatures, p.signatures_n * sizeof *signatures);
	p.signatures = signatures;
	s->policies[s->policy_count++] = p;
	return 0;
}

static int keep_all(struct gate_snapshot *s, struct span *const *texts, size_t n, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; i < n && !rc; i++)
		rc = keep(s, *texts[i], texts[i], err);
	return rc;
}

int gate_snapshot_waiver(struct gate_snapshot *s, const struct waiver *waiver, struct err *err)
{
	struct waiver w = *waiver;
	struct span *const texts[] = { &w.scope.service, &w.scope.environment, &w.scope.product, &w.scope.version,
				       &w.scope.digest,	 &w.owner,	       &w.reason,	 &w.created_by,
				       &w.revoked_by,	 &w.revoked_why };
	int rc = keep_all(s, texts, RF_COUNT(texts), err);
	struct span *ids = arena_array(&s->arena, w.advisory_count + 1, sizeof *ids);
	if (!rc && !ids)
		rc = no_memory(err);
	for (size_t i = 0; i < w.advisory_count && !rc; i++)
		rc = keep(s, waiver->advisories[i], &ids[i], err);
	if (!rc)
		rc = ROOM_FOR(s, waivers, waiver_count, waiver_room, (size_t)GATE_MAX_WAIVERS, "waivers", err);
	if (rc)
		return rc;
	w.advisories = ids;
	s->waivers[s->waiver_count++] = w;
	return 0;
}

int gate_snapshot_vex_policy(struct gate_snapshot *s, const struct vex_policy *p, struct err *err)
{
	struct vex_trusted *list = arena_array(&s->arena, p->trusted_count + 1, sizeof *list);
	int rc = list ? 0 : no_memory(err);
	for (size_t i = 0; i < p->trusted_count && !rc; i++) {
		rc = keep(s, p->trusted[i].author, &list[i].author, err);
		if (!rc)
			rc = keep(s, p->trusted[i].feed, &list[i].feed, err);
	}
	if (!rc)
		s->covers.vex_policy = (struct vex_policy){ list, p->trusted_count, p->max_age_usec };
	return rc;
}

static int keep_set(struct gate_snapshot *s, const struct baseline_set *from, struct baseline_set *to, struct err *err)
{
	int rc = 0;
	to->items = arena_array(&s->arena, from->count + 1, sizeof *to->items);
	if (!to->items)
		return no_memory(err);
	for (; to->count < from->count && !rc; to->count++) {
		struct baseline_item *item = &to->items[to->count];
		*item = from->items[to->count];
		rc = keep(s, item->advisory, &item->advisory, err);
		if (!rc)
			rc = keep(s, item->cause, &item->cause, err);
	}
	return rc;
}

static int keep_holder(struct gate_snapshot *s, const struct baseline *b, struct baseline_holder *h, struct err *err)
{
	struct span *const texts[] = { &h->service, &h->environment, &h->digest, &h->purl, &h->version, &h->owner };
	if (h->set >= b->set_count)
		return err_set(err, RF_EINVALID, "baseline: a holder has set %u of %zu", h->set, b->set_count);
	return keep_all(s, texts, RF_COUNT(texts), err);
}

int gate_snapshot_baseline(struct gate_snapshot *s, const struct baseline *b, struct err *err)
{
	struct baseline to = { .since = b->since, .due = b->due };
	to.sets = arena_array(&s->arena, b->set_count + 1, sizeof *to.sets);
	to.holders = arena_array(&s->arena, b->holder_count + 1, sizeof *to.holders);
	int rc = to.sets && to.holders ? 0 : no_memory(err);
	for (; to.set_count < b->set_count && !rc; to.set_count++)
		rc = keep_set(s, &b->sets[to.set_count], &to.sets[to.set_count], err);
	for (; to.holder_count < b->holder_count && !rc; to.holder_count++) {
		to.holders[to.holder_count] = b->holders[to.holder_count];
		rc = keep_holder(s, b, &to.holders[to.holder_count], err);
	}
	if (!rc)
		s->baseline = to;
	return rc;
}
