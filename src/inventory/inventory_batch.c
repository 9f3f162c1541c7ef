/* Collects a scan's reports: contents once, components once, placements by host, service and environment. See
 * inventory.h. */
#include "inventory/inventory_int.h"

/* Facts of one file as JSON: notes and evidence have their own limits, these texts stay far below. */
#define FACTS_JSON_BYTES (256 * KIB)
#define RULE_NAME_BYTES 63
#define RULES_BYTES (ARTIFACT_MAX_RULES * (RULE_NAME_BYTES + 1) + 1)

struct inventory_batch *inventory_batch_new(void)
{
	struct inventory_batch *b = rf_alloc(sizeof *b);
	if (b)
		b->arena = ARENA_INIT(BATCH_ARENA_BYTES);
	return b;
}

void inventory_batch_free(struct inventory_batch *b)
{
	if (!b)
		return;
	map_release(&b->artifacts);
	map_release(&b->components);
	map_release(&b->groups);
	rf_free(b->component_list);
	rf_free(b->artifact_list);
	arena_release(&b->arena);
	rf_free(b);
}

void inventory_batch_freep(struct inventory_batch **b)
{
	inventory_batch_free(*b);
	*b = NULL;
}

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "no memory for the files of a scan");
}

/* A text of the batch; NULL is "". */
static const char *text(struct inventory_batch *b, const char *s)
{
	return s && s[0] ? arena_text(&b->arena, span_of(s)) : "";
}

/* A text that others wrote, as the database takes it: what is no UTF-8, or holds a NUL, has its bytes written out. */
static const char *foreign_text(struct inventory_batch *b, struct span s)
{
	if (!s.n)
		return "";
	if (span_is_utf8(s) && span_find_byte(s, '\0') == SIZE_MAX)
		return arena_text(&b->arena, s);
	RF_AUTO(str) safe = STR_INIT(16 * KIB);
	for (size_t i = 0; i < s.n && i < 4000; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= ' ' && c < 0x7f)
			str_add_byte(&safe, s.p[i]);
		else
			str_addf(&safe, "\\x%02x", c);
	}
	return safe.failed ? NULL : arena_text(&b->arena, str_span(&safe));
}

/* Grows a list of pointers. */
static int list_add(void *list, size_t *count, size_t *room, void *value)
{
	void ***items = list;
	if (*count == *room) {
		size_t more = *room ? 2 * *room : 64;
		void **grown = rf_realloc_array(*items, more, sizeof *grown);
		if (!grown)
			return RF_ENOMEM;
		*items = grown;
		*room = more;
	}
	(*items)[(*count)++] = value;
	return 0;
}

static struct batch_component *component_of(struct inventory_batch *b, const char *product, const char *version)
{
	char *key = arena_printf(&b->arena, "%s@%s", product, version ? version : "");
	struct batch_component *c = key ? map_get(&b->components, span_of(key)) : NULL;
	if (c || !key)
		return c;
	c = arena_alloc(&b->arena, sizeof *c);
	if (!c)
		return NULL;
	c->product = text(b, product);
	c->version = text(b, version);
	if (!c->product || !c->version || map_set(&b->components, span_of(key), c) < 0 ||
	    list_add(&b->component_list, &b->component_count, &b->component_room, c) < 0)
		return NULL;
	return c;
}

static struct batch_group *group_of(struct inventory_batch *b, const struct inventory_place *place)
{
	struct span parts[3] = { span_of(place->host), span_of(place->service), span_of(place->environment) };
	char *key =
		arena_printf(&b->arena, "%.*s\n%.*s\n%.*s", SPAN_ARG(parts[0]), SPAN_ARG(parts[1]), SPAN_ARG(parts[2]));
	struct batch_group *g = key ? map_get(&b->groups, span_of(key)) : NULL;
	if (g || !key)
		return g;
	g = arena_alloc(&b->arena, sizeof *g);
	if (!g)
		return NULL;
	g->host = text(b, place->host);
	g->service = text(b, place->service);
	g->environment = text(b, place->environment);
	g->items_end = &g->items;
	if (!g->host || !g->service || !g->environment || map_set(&b->groups, span_of(key), g) < 0)
		return NULL;
	g->next = b->group_list;
	b->group_list = g;
	return g;
}

static int path_add(struct inventory_batch *b, struct batch_path **list, const char *path, const char *reason)
{
	struct batch_path *p = arena_alloc(&b->arena, sizeof *p);
	if (!p || !(p->path = arena_text(&b->arena, span_of(path))))
		return RF_ENOMEM;
	if (reason && !(p->reason = arena_text(&b->arena, span_of(reason))))
		return RF_ENOMEM;
	p->next = *list;
	*list = p;
	return 0;
}

int inventory_batch_root(struct inventory_batch *b, const char *root, const struct inventory_place *place,
			 struct err *err)
{
	struct batch_group *g = group_of(b, place);
	if (!g || path_add(b, &g->roots, root, NULL) != 0)
		return no_memory(err);
	g->root_count++;
	return 0;
}

int inventory_batch_whole_host(struct inventory_batch *b, const char *host,
			       bool (*named)(const char *path, struct span service, struct span environment,
					     void *data),
			       void *data, struct err *err)
{
	b->whole_host = text(b, host);
	b->named = named;
	b->named_data = data;
	return b->whole_host ? 0 : no_memory(err);
}

int inventory_batch_line(struct inventory_batch *b, const char *host, enum platform_line line, struct err *err)
{
	struct batch_line *l = arena_alloc(&b->arena, sizeof *l);
	if (!l || !(l->host = text(b, host)))
		return no_memory(err);
	l->line = line;
	l->next = b->lines;
	b->lines = l;
	return 0;
}

/* ── Contents ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *json_of(struct inventory_batch *b, const struct artifact_facts *f,
			   void (*write)(struct json_out *, const struct artifact_facts *))
{
	RF_AUTO(str) s = STR_INIT(FACTS_JSON_BYTES);
	struct json_out o = json_out(&s, false);
	write(&o, f);
	return s.failed ? NULL : arena_text(&b->arena, str_span(&s));
}

/* Said of a place, not of the content: of a member's name, of the folder around it, of the size that a container states.
 * Elsewhere the same content has another. */
static bool only_its_place(const struct artifact_facts *f)
{
	static const char *const rules[] = { "member_name_leaves", "link_leaves", "folder_mismatch", "member_size_mismatch" };
	size_t of_place = 0;
	for (size_t i = 0; i < f->rule_count; i++)
		for (size_t k = 0; k < RF_COUNT(rules); k++)
			of_place += strcmp(f->rules[i], rules[k]) == 0;
	return f->finding != ARTIFACT_CLEAR && f->rule_count && of_place == f->rule_count;
}

/* What a report calls a rule and is no name, is none. NULL: no memory. */
static const char *rules_of(struct inventory_batch *b, const struct artifact_facts *f)
{
	RF_AUTO(str) s = STR_INIT(RULES_BYTES);
	for (size_t i = 0; i < f->rule_count; i++)
		if (strlen(f->rules[i]) <= RULE_NAME_BYTES && !strpbrk(f->rules[i], ", \t\r\n"))
			str_addf(&s, "%s%s", s.n ? "," : "", f->rules[i]);
	return s.failed ? NULL : arena_text(&b->arena, str_span(&s));
}

static bool artifact_texts(struct inventory_batch *b, const struct artifact_facts *f, struct batch_artifact *a)
{
	char cc[32] = "";
	if (f->cc_major >= 0)
		snprintf(cc, sizeof cc, "%d.%d", f->cc_major, f->cc_minor);
	a->size = f->size;
	a->kind = f->kind;
	a->layout = f->layout;
	a->version_source = artifact_version_source_text(f->version_source);
	a->finding = artifact_finding_text(only_its_place(f) ? ARTIFACT_CLEAR : f->finding);
	a->cause = only_its_place(f) ? "" : f->cause;
	a->product = f->product ? text(b, f->product) : NULL;
	a->version = text(b, f->version);
	a->target = text(b, f->target);
	a->compute_capability = text(b, cc);
	a->notes = json_of(b, f, artifact_notes_json);
	a->evidence = json_of(b, f, artifact_evidence_json);
	a->rules = only_its_place(f) ? "" : rules_of(b, f);
	if (f->product && !a->product)
		return false;
	return a->version && a->target && a->compute_capability && a->notes && a->evidence && a->rules;
}

/* What a file is, decides how it holds its product: an engine was built by it, a runtime library is it. A timing cache
 * holds nothing that runs. */
static const char *role_of(const struct artifact_facts *f)
{
	if (artifact_kind_is_engine(span_of(f->kind)))
		return INVENTORY_ROLE_BUILDER;
	return strcmp(f->kind, ARTIFACT_RUNTIME_LIBRARY) == 0 ? INVENTORY_ROLE_RUNTIME : NULL;
}

static struct batch_held *held_of(struct inventory_batch *b, const struct artifact_component *c)
{
	struct batch_held *h = arena_alloc(&b->arena, sizeof *h);
	const char *product = foreign_text(b, c->product), *version = foreign_text(b, c->version);
	if (!h || !product || !version)
		return NULL;
	h->component = component_of(b, product, version);
	h->role = c->role;
	h->source = c->source ? c->source : "";
	h->location = foreign_text(b, c->where);
	return h->component && h->location ? h : NULL;
}

static bool held_fill(struct inventory_batch *b, const struct artifact_facts *f, struct batch_artifact *a)
{
	a->held = NULL;
	for (size_t i = f->component_count; i-- > 0;) {
		struct batch_held *h = held_of(b, &f->components[i]);
		if (!h)
			return false;
		h->next = a->held;
		a->held = h;
	}
	return true;
}

static bool artifact_fill(struct inventory_batch *b, const struct artifact_facts *f, struct batch_artifact *a)
{
	if (!artifact_texts(b, f, a) || !held_fill(b, f, a))
		return false;
	a->placed_only = false;
	a->component = NULL;
	a->role = role_of(f);
	if (a->role && f->product)
		a->component = component_of(b, f->product, f->version);
	return a->component || !a->role || !f->product;
}

/* Nothing is known of it but where it is. */
static void artifact_fill_unknown(struct batch_artifact *a, const char *kind)
{
	a->kind = kind;
	a->layout = a->version = a->target = a->compute_capability = "";
	a->version_source = artifact_version_source_text(ARTIFACT_VERSION_UNKNOWN);
	a->finding = artifact_finding_text(ARTIFACT_UNKNOWN);
	a->cause = ARTIFACT_CAUSE_CONTENT_ABSENT;
	a->notes = a->evidence = "[]";
	a->rules = "";
	a->placed_only = true;
}

static struct batch_artifact *artifact_find(const struct inventory_batch *b, const struct digest *digest)
{
	return map_get(&b->artifacts, span_bytes(digest, sizeof *digest));
}

static struct batch_artifact *artifact_new(struct inventory_batch *b, const struct digest *digest)
{
	struct batch_artifact *a = arena_alloc(&b->arena, sizeof *a);
	if (!a)
		return NULL;
	a->digest = *digest;
	artifact_fill_unknown(a, ARTIFACT_OTHER);
	if (map_set(&b->artifacts, span_bytes(&a->digest, sizeof a->digest), a) < 0 ||
	    list_add(&b->artifact_list, &b->artifact_count, &b->artifact_room, a) < 0)
		return NULL;
	return a;
}

/* One content under several names: some facts are only in a name (libnvinfer.so.10.3.0, var/lib/dpkg/status), so the
 * one that knows wins; of an image's readings the one that is whole. What was read wins over what is claimed. */
static bool knows_more(const struct artifact_facts *facts, const struct batch_artifact *a)
{
	if (!a->version[0] && facts->version[0])
		return true;
	if (strcmp(a->kind, ARTIFACT_OTHER) == 0 && strcmp(facts->kind, ARTIFACT_OTHER) != 0)
		return true;
	if (a->claimed && facts->finding == ARTIFACT_CONFLICT)
		return true;
	return a->finding[0] && facts->finding == ARTIFACT_CLEAR && strcmp(facts->kind, ARTIFACT_CONTAINER_IMAGE) == 0;
}

static struct batch_artifact *artifact_of(struct inventory_batch *b, const struct digest *digest,
					  const struct artifact_facts *facts, bool claimed)
{
	struct batch_artifact *a = artifact_find(b, digest);
	if (a && !a->placed_only && (a->claimed == claimed ? !knows_more(facts, a) : claimed))
		return a;
	if (!a)
		a = artifact_new(b, digest);
	if (!a || !artifact_fill(b, facts, a))
		return NULL;
	a->claimed = claimed;
	return a;
}

/* ── Reports ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int known_add(struct inventory_batch *b, const struct scan_file *f)
{
	if (f->digest_cached || !f->settled)
		return 0;
	struct batch_known *k = arena_alloc(&b->arena, sizeof *k);
	if (!k)
		return RF_ENOMEM;
	k->identity = f->identity;
	k->digest = f->digest;
	if (f->second_look.n) {
		k->second_look = arena_span(&b->arena, f->second_look);
		if (!k->second_look.p)
			return RF_ENOMEM;
	}
	if (f->members.n) {
		k->members = arena_span(&b->arena, f->members);
		if (!k->members.p)
			return RF_ENOMEM;
	}
	k->next = b->known;
	b->known = k;
	return 0;
}

static bool worth_keeping(const struct artifact_facts *f)
{
	return strcmp(f->kind, ARTIFACT_OTHER) != 0 || f->finding != ARTIFACT_CLEAR;
}

static int item_add(struct inventory_batch *b, struct batch_group *g, const char *path, struct batch_artifact *artifact,
		    const struct inventory_place *place)
{
	struct batch_item *item = arena_alloc(&b->arena, sizeof *item);
	if (!item)
		return RF_ENOMEM;
	item->path = arena_text(&b->arena, span_of(path));
	item->model = text(b, place->model);
	item->artifact = artifact; /* NULL: memory ran out */
	if (!item->path || !item->model || !item->artifact)
		return RF_ENOMEM;
	if (place->runtime_product) {
		item->runtime = component_of(b, place->runtime_product, place->runtime_version);
		if (!item->runtime)
			return RF_ENOMEM;
	}
	*g->items_end = item;
	g->items_end = &item->next;
	g->item_count++;
	b->items++;
	return 0;
}

static int room_for_item(const struct inventory_batch *b, struct err *err)
{
	if (b->items < INVENTORY_MAX_FILES)
		return 0;
	return err_set(err, RF_ETOOMANY, "more than %d engines and models in one scan: scan fewer roots at a time",
		       INVENTORY_MAX_FILES);
}

static int unseen_add(struct inventory_batch *b, struct batch_group *g, const struct scan_file *f)
{
	const struct artifact_facts *facts = f->facts;
	return path_add(b, &g->unseen, f->path,
			facts->note_count ? facts->notes[facts->note_count - 1] : "could not be read");
}

/* What is wrong with a place is kept with the place: on the list of what somebody has to look at. */
static int place_object(struct inventory_batch *b, struct batch_group *g, const struct scan_file *f)
{
	return only_its_place(f->facts) ? unseen_add(b, g, f) : 0;
}

/* What lies inside of a container that was not read again is where it was; its facts are in the database. */
static int members_add(struct inventory_batch *b, struct batch_group *g, const struct scan_file *f,
		       const struct inventory_place *place, struct err *err)
{
	struct span rest = f->members;
	int rc = 0;
	for (struct scan_kept kept; rc == 0 && scan_member_next(&rest, &kept);) {
		char *path = arena_printf(&b->arena, "%s%s%.*s", f->path, SCAN_MEMBER_MARK, SPAN_ARG(kept.inner));
		struct batch_artifact *a = artifact_find(b, &kept.digest);
		if (!a)
			a = artifact_new(b, &kept.digest);
		rc = room_for_item(b, err);
		if (rc == 0 && (!path || !a || item_add(b, g, path, a, place) < 0))
			rc = no_memory(err);
	}
	return rc;
}

int inventory_batch_add(struct inventory_batch *b, const struct scan_file *f, const struct inventory_place *place,
			struct err *err)
{
	struct batch_group *g = group_of(b, place);
	if (!g)
		return no_memory(err);
	if (f->error || f->folder)
		return unseen_add(b, g, f) == 0 ? 0 : no_memory(err);
	if (!f->has_digest && f->facts->size == 0 && !worth_keeping(f->facts))
		return 0; /* FIFOs, links to nothing */
	if (!f->has_digest) {
		if (!worth_keeping(f->facts))
			return 0;
		if (f->identity.inode == 0) /* not opened: a FIFO named like an engine; what was there before stays */
			return unseen_add(b, g, f) == 0 ? 0 : no_memory(err);
		return err_set(err, RF_EINVALID, "a scan without digests is a report: nothing of it can be recorded");
	}
	if (known_add(b, f) < 0 || (f->inside_partly ? unseen_add(b, g, f) : place_object(b, g, f)) < 0)
		return no_memory(err);
	if (!worth_keeping(f->facts))
		return 0;
	int rc = f->digest_cached ? members_add(b, g, f, place, err) : 0;
	if (rc == 0)
		rc = room_for_item(b, err);
	return rc ? rc : item_add(b, g, f->path, artifact_of(b, &f->digest, f->facts, false), place) == 0 ? 0 : no_memory(err);
}

/* ── Contents without files ──────────────────────────────────────────────────────────────────────────────────────── */

static int content_add(struct inventory_batch *b, const struct digest *digest, const struct artifact_facts *facts,
		       bool claimed, struct err *err)
{
	struct batch_artifact *a = artifact_of(b, digest, facts, claimed);
	if (!a)
		return no_memory(err);
	a->alone = true;
	return 0;
}

int inventory_batch_content(struct inventory_batch *b, const struct digest *digest, const struct artifact_facts *facts,
			    struct err *err)
{
	return content_add(b, digest, facts, false, err);
}

int inventory_batch_claim(struct inventory_batch *b, const struct digest *digest, const struct artifact_facts *facts,
			  struct err *err)
{
	return content_add(b, digest, facts, true, err);
}

int inventory_batch_correct(struct inventory_batch *b, const struct digest *digest, struct err *err)
{
	struct batch_artifact *a = artifact_find(b, digest);
	if (!a)
		a = artifact_new(b, digest);
	if (!a)
		return no_memory(err);
	a->corrects = true;
	return 0;
}

int inventory_batch_inside(struct inventory_batch *b, const struct digest *outer, const char *path,
			   const struct digest *inner, struct err *err)
{
	struct batch_artifact *out = artifact_find(b, outer), *in = artifact_find(b, inner);
	struct batch_inside *inside = arena_alloc(&b->arena, sizeof *inside);
	if (!out)
		out = artifact_new(b, outer);
	if (!in)
		in = artifact_new(b, inner);
	if (!out || !in || !inside || !(inside->path = arena_text(&b->arena, span_of(path))))
		return no_memory(err);
	inside->artifact = in;
	inside->next = out->insides;
	out->insides = inside;
	out->alone = in->alone = true;
	return 0;
}

int inventory_batch_place(struct inventory_batch *b, const char *path, const struct digest *digest, const char *kind,
			  const struct inventory_place *place, struct err *err)
{
	struct batch_group *g = group_of(b, place);
	struct batch_artifact *a = artifact_find(b, digest);
	int rc = room_for_item(b, err);
	if (rc)
		return rc;
	if (!a)
		a = artifact_new(b, digest);
	if (a && a->placed_only)
		artifact_fill_unknown(a, kind);
	return g && a && item_add(b, g, path, a, place) == 0 ? 0 : no_memory(err);
}
