/* The inventory and the depot's provenance into a bill. See bom.h. */
#include "inventory/bom.h"

#include "crypto/sign.h"
#include "depot/release.h"
#include "depot/statement.h"
#include "format/json.h"
#include "version/product.h"

/* Contents inside contents: an image, an archive in it. */
#define INSIDE_DEPTH 4

void bom_release(struct bom *b)
{
	for (size_t i = 0; i < b->service_count; i++)
		map_release(&b->services[i]->seen);
	map_release(&b->builds);
	map_release(&b->by_digest);
	map_release(&b->by_ref);
	map_release(&b->by_service);
}

/* Grows a list in the arena; false: no memory. */
static bool room_for(struct arena *a, void *list, size_t count, size_t *room, size_t element)
{
	void *old;
	memcpy(&old, list, sizeof old);
	if (count < *room)
		return true;
	size_t more = *room ? 2 * *room : 8;
	void *grown = arena_array(a, more, element);
	if (!grown)
		return false;
	if (count)
		memcpy(grown, old, count * element);
	memcpy(list, &grown, sizeof grown);
	*room = more;
	return true;
}

#define ADD(b, list, count, room, value) \
	(room_for((b)->arena, &(list), (count), &(room), sizeof *(list)) ? ((list)[(count)++] = (value), true) : false)

static const char *text(struct bom *b, struct span s)
{
	return s.n ? arena_text(b->arena, s) : "";
}

/* ── Builds ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct releases {
	struct bom *b;
	const struct depot *depot;
	const struct verify_key *key;
	struct json_doc *doc;
	struct span *names; /* service, release */
	size_t count, room;
};

static int materials_read(struct bom *b, struct json list, struct bom_build *build)
{
	build->materials = arena_array(b->arena, json_count(list) + 1, sizeof *build->materials);
	if (!build->materials)
		return RF_ENOMEM;
	for (struct json_each it = json_each(list); json_next(&it);) {
		struct bom_material *m = &build->materials[build->material_count];
		m->name = text(b, json_string(json_get(it.value, "name")));
		if (!m->name)
			return RF_ENOMEM;
		if (digest_read(json_string(json_path(it.value, "digest", "sha256", NULL)), &m->digest, NULL) == 0)
			build->material_count++;
	}
	return 0;
}

static bool is_about(struct json statement, const struct digest *engine)
{
	struct digest d;
	for (struct json_each it = json_each(json_get(statement, "subject")); json_next(&it);)
		if (digest_read(json_string(json_path(it.value, "digest", "sha256", NULL)), &d, NULL) == 0 &&
		    digest_eq(&d, engine))
			return true;
	return false;
}

/* What a signed provenance says; one that is not signed by the key, or is about something else, says nothing. */
static int provenance_read(struct releases *r, const struct release_row *row, struct bom_build *build)
{
	RF_AUTO(str) envelope = STR_INIT(STATEMENT_MAX_BYTES * 2);
	RF_AUTO(str) payload = STR_INIT(STATEMENT_MAX_BYTES);
	struct json root;
	if (!r->key || digest_is_zero(&row->provenance) ||
	    depot_read_blob(r->depot, &row->provenance, &envelope, NULL) < 0 ||
	    envelope_open(r->key, STATEMENT_MEDIA_TYPE, str_span(&envelope), &payload, NULL) < 0 ||
	    json_parse(r->doc, str_span(&payload), &root, NULL) < 0 || !is_about(root, &row->engine))
		return 0;
	struct json details = json_path(root, "predicate", "runDetails", NULL);
	build->verified = true;
	build->builder_id = text(r->b, json_string(json_path(details, "builder", "id", NULL)));
	build->invocation = text(r->b, json_string(json_path(details, "metadata", "invocationId", NULL)));
	build->started = text(r->b, json_string(json_path(details, "metadata", "startedOn", NULL)));
	build->finished = text(r->b, json_string(json_path(details, "metadata", "finishedOn", NULL)));
	if (!build->builder_id || !build->invocation || !build->started || !build->finished)
		return RF_ENOMEM;
	return materials_read(r->b, json_path(root, "predicate", "buildDefinition", "resolvedDependencies", NULL), build);
}

static int row_take(struct releases *r, const struct release_row *row)
{
	struct bom *b = r->b;
	const struct bom_build *known = map_get(&b->builds, span_bytes(&row->engine, sizeof row->engine));
	if (known && (known->verified || digest_is_zero(&row->provenance)))
		return 0;
	struct bom_build *build = arena_alloc(b->arena, sizeof *build);
	struct digest *key = arena_alloc(b->arena, sizeof *key);
	if (!build || !key)
		return RF_ENOMEM;
	*key = row->engine;
	*build = (struct bom_build){ .model = row->model,
				     .target = row->target,
				     .build = row->build,
				     .proof = row->proof,
				     .library = row->builder.library,
				     .provenance = row->provenance,
				     .toolchain = row->builder.name ? row->builder.name : "",
				     .toolchain_version = row->builder.version ? row->builder.version : "",
				     .builder_id = "",
				     .invocation = "",
				     .started = "",
				     .finished = "" };
	int rc = provenance_read(r, row, build);
	return rc ? rc : map_set(&b->builds, span_bytes(key, sizeof *key), build);
}

static int release_name(struct span service, struct span name, void *data)
{
	struct releases *r = data;
	struct span pair[] = { arena_span(r->b->arena, service), arena_span(r->b->arena, name) };
	if (!pair[0].p || !pair[1].p)
		return RF_ENOMEM;
	return ADD(r->b, r->names, r->count, r->room, pair[0]) && ADD(r->b, r->names, r->count, r->room, pair[1]) ? 0
														: RF_ENOMEM;
}

static int names_read(struct transaction *tx, void *data)
{
	struct releases *r = data;
	r->count = 0;
	return release_each(tx, release_name, r);
}

static int builds_read(struct releases *r, struct err *err)
{
	for (size_t i = 0; i < r->count; i += 2) {
		struct release release;
		int rc = release_read(r->depot, r->b->arena, r->names[i].p, r->names[i + 1].p, &release, NULL);
		for (size_t k = 0; rc == 0 && k < release.row_count; k++)
			rc = row_take(r, &release.rows[k]);
		if (rc == RF_ENOMEM)
			return err_set(err, rc, "no memory for the provenance of engines");
	}
	return 0;
}

int bom_builds_read(struct bom *b, struct database *db, const struct depot *depot, const struct verify_key *key,
		    struct err *err)
{
	struct releases r = { .b = b, .depot = depot, .key = key, .doc = json_doc_new() };
	if (!r.doc)
		return err_set(err, RF_ENOMEM, "no memory for the provenance of engines");
	int rc = database_transact(db, DB_READ, names_read, &r, err);
	if (rc == 0)
		rc = builds_read(&r, err);
	json_doc_free(r.doc);
	return rc;
}

/* ── Components ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* SIZE_MAX: no memory. */
static size_t component_of(struct bom *b, struct span purl, struct span version)
{
	RF_AUTO(str) ref = STR_INIT(4 * KIB);
	str_add(&ref, purl);
	purl_write_version(&ref, version);
	if (ref.failed)
		return SIZE_MAX;
	const size_t *known = map_get(&b->by_ref, str_span(&ref));
	if (known)
		return *known;
	struct bom_component *c = arena_alloc(b->arena, sizeof *c);
	size_t *index = arena_alloc(b->arena, sizeof *index);
	const struct product *product = product_by_purl(purl);
	size_t slash = span_rfind_byte(purl, '/');
	if (!c || !index)
		return SIZE_MAX;
	*c = (struct bom_component){ .ref = arena_text(b->arena, str_span(&ref)),
				     .purl = arena_text(b->arena, purl),
				     .name = product ? product->name
						     : arena_text(b->arena, slash == SIZE_MAX ? purl : span_from(purl, slash + 1)),
				     .version = text(b, version) };
	*index = b->component_count;
	if (!c->ref || !c->purl || !c->name || !c->version || !ADD(b, b->components, b->component_count, b->component_room, c) ||
	    map_set(&b->by_ref, span_of(c->ref), index) < 0)
		return SIZE_MAX;
	return *index;
}

struct holding {
	struct bom *b;
	struct bom_artifact *a;
};

static int held_take(const struct inventory_held *h, void *data)
{
	struct holding *o = data;
	if (h->path.n) /* the inside has its own entry */
		return 0;
	size_t c = component_of(o->b, h->product, h->version);
	struct bom_held held = { c, text(o->b, h->role) };
	if (c == SIZE_MAX || !held.role)
		return RF_ENOMEM;
	return ADD(o->b, o->a->held, o->a->held_count, o->a->held_room, held) ? 0 : RF_ENOMEM;
}

/* ── Artifacts ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool artifact_copy(struct bom *b, const struct inventory_artifact *from, struct inventory_artifact *to)
{
	*to = *from;
	struct span *texts[] = { &to->kind,   &to->layout,	       &to->product, &to->version, &to->version_source,
				 &to->target, &to->compute_capability, &to->finding, &to->cause };
	for (size_t i = 0; i < RF_COUNT(texts); i++) {
		*texts[i] = arena_span(b->arena, *texts[i]);
		if (!texts[i]->p)
			return false;
	}
	to->notes_json = to->evidence_json = SPAN_NONE;
	return true;
}

/* The index, and whether it is new; SIZE_MAX: no memory. */
static size_t artifact_of(struct bom *b, const struct inventory_artifact *from, struct span name)
{
	const size_t *known = map_get(&b->by_digest, span_of(from->digest));
	if (known)
		return *known;
	struct bom_artifact *a = arena_alloc(b->arena, sizeof *a);
	size_t *index = arena_alloc(b->arena, sizeof *index);
	struct digest digest;
	if (!a || !index || !artifact_copy(b, from, &a->a) || !(a->name = arena_text(b->arena, name)))
		return SIZE_MAX;
	if (digest_read(span_of(from->digest), &digest, NULL) == 0)
		a->build = map_get(&b->builds, span_bytes(&digest, sizeof digest));
	*index = b->artifact_count;
	if (!ADD(b, b->artifacts, b->artifact_count, b->artifact_room, a) ||
	    map_set(&b->by_digest, span_of(a->a.digest), index) < 0)
		return SIZE_MAX;
	return *index;
}

static struct span last_part(struct span path)
{
	size_t slash = span_rfind_byte(path, '/');
	return slash == SIZE_MAX ? path : span_from(path, slash + 1);
}

struct service_key {
	char text[512];
};

static struct bom_service *service_of(struct bom *b, const struct inventory_placement *p)
{
	struct service_key key;
	snprintf(key.text, sizeof key.text, "%.*s/%.*s", SPAN_ARG(p->service), SPAN_ARG(p->environment));
	struct bom_service *s = map_get(&b->by_service, span_of(key.text));
	if (s)
		return s;
	s = arena_alloc(b->arena, sizeof *s);
	char *kept = arena_text(b->arena, span_of(key.text));
	if (!s || !kept)
		return NULL;
	s->name = text(b, p->service);
	s->environment = text(b, p->environment);
	if (!s->name || !s->environment || !ADD(b, b->services, b->service_count, b->service_room, s) ||
	    map_set(&b->by_service, span_of(kept), s) < 0)
		return NULL;
	return s;
}

/* Notes that the service uses artifact or component @index, once. */
static int service_add(struct bom *b, struct bom_service *s, size_t index, bool runtime)
{
	char *key = arena_printf(b->arena, "%c%zu", runtime ? 'r' : 'a', index);
	if (!key)
		return RF_ENOMEM;
	if (map_get(&s->seen, span_of(key)))
		return 0;
	if (map_set(&s->seen, span_of(key), s) < 0)
		return RF_ENOMEM;
	bool good = runtime ? ADD(b, s->runtimes, s->runtime_count, s->runtime_room, index)
			    : ADD(b, s->uses, s->use_count, s->use_room, index);
	return good ? 0 : RF_ENOMEM;
}

static int service_take(struct bom *b, const struct inventory_placement *p, size_t artifact)
{
	if (!p->service.n)
		return 0;
	struct bom_service *s = service_of(b, p);
	b->artifacts[artifact]->in_service = true;
	int rc = s ? service_add(b, s, artifact, false) : RF_ENOMEM;
	if (rc || !p->runtime_product.n)
		return rc;
	size_t c = component_of(b, p->runtime_product, p->runtime_version);
	return c == SIZE_MAX ? RF_ENOMEM : service_add(b, s, c, true);
}

static int placement_take(const struct inventory_placement *p, void *data)
{
	struct bom *b = data;
	size_t i = artifact_of(b, &p->artifact, p->model.n ? p->model : last_part(p->path));
	if (i == SIZE_MAX)
		return RF_ENOMEM;
	struct bom_artifact *a = b->artifacts[i];
	if (a->place_count < BOM_MAX_PLACES) {
		a->places[a->place_count] = arena_printf(b->arena, "%.*s:%.*s", SPAN_ARG(p->host), SPAN_ARG(p->path));
		if (!a->places[a->place_count])
			return RF_ENOMEM;
	}
	a->place_count++;
	return service_take(b, p, i);
}

static int inside_take(const struct inventory_inside *i, void *data)
{
	struct holding *o = data;
	size_t index = artifact_of(o->b, &i->artifact, last_part(i->path));
	if (index == SIZE_MAX)
		return RF_ENOMEM;
	return ADD(o->b, o->a->inside, o->a->inside_count, o->a->inside_room, index) ? 0 : RF_ENOMEM;
}

/* What those in [from, to) hold and have inside; what is inside comes behind them. */
static int contents_take(struct transaction *tx, struct bom *b, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		struct holding o = { b, b->artifacts[i] };
		struct span digest = span_of(o.a->a.digest);
		int rc = inventory_each_held(tx, digest, held_take, &o);
		if (rc == 0)
			rc = inventory_each_inside(tx, digest, inside_take, &o);
		if (rc)
			return rc;
	}
	return 0;
}

int bom_collect(struct transaction *tx, const struct inventory_filter *f, struct bom *b)
{
	int rc = inventory_each_placement(tx, f, placement_take, b);
	size_t from = 0;
	for (int depth = 0; rc == 0 && depth < INSIDE_DEPTH && from < b->artifact_count; depth++) {
		size_t to = b->artifact_count;
		rc = contents_take(tx, b, from, to);
		from = to;
	}
	return rc == RF_ENOMEM ? err_set(tx_err(tx), rc, "no memory for a bill of materials") : rc;
}
