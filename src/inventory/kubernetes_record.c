/* kubernetes_record - see the header. */
#include "inventory/kubernetes_record.h"

#include "format/image_reference.h"
#include "inventory/fleet_store.h"

#define IMAGE_KIND "container-image"
#define MODEL_KIND "model-reference"
#define DETAIL_BYTES (1 * MIB)

struct recording {
	const struct kube_set *set;
	const struct kube_record *o;
	struct transaction *tx;
	struct arena arena;
	struct map scanned; /* reference -> struct kube_scanned, of what was looked up */
	struct kube_result result;
};

/* One namespace on its way into the database. */
struct namespace_ {
	const char *name, *host;
	const struct workspace_environment *environment;
	struct fleet_join join; /* of the CMDB; service "" none */
	struct inventory_batch *batch;
	struct fleet_detail *details;
	size_t details_n, details_room;
	struct map groups; /* "service\nenvironment" that the batch holds */
};

static int no_memory(struct recording *r)
{
	return err_set(tx_err(r->tx), RF_ENOMEM, "no memory for the workloads of a cluster");
}

const char *kube_host(const char *cluster, const char *ns, struct arena *a)
{
	return arena_printf(a, "k8s:%s/%s", cluster, ns);
}

const char *kube_path(const struct kube_workload *w, const struct kube_container *c, size_t i, struct arena *a)
{
	if (i == 0)
		return arena_printf(a, "%s/%s/%s/%s", w->kind, w->name, kube_role_text(c->role), c->name);
	return arena_printf(a, "%s/%s/%s/%s@%.12s", w->kind, w->name, kube_role_text(c->role), c->name,
			    c->images[i].digest);
}

void kube_reference_identity(struct span reference, struct digest *ret)
{
	digest_of(reference, ret);
}

/* ── What is said of a placement ─────────────────────────────────────────────────────────────────────────────────── */

static int detail_add(struct recording *r, struct namespace_ *n, const char *path, const struct kube_workload *w,
		      const struct kube_container *c, size_t image, const struct kube_scanned *scanned)
{
	RF_AUTO(str) text = STR_INIT(DETAIL_BYTES);
	struct json_out o = json_out(&text, false);
	kube_detail_json(&o, w, c, image, scanned);
	if (n->details_n == n->details_room) {
		size_t room = n->details_room ? 2 * n->details_room : 64;
		struct fleet_detail *more = rf_realloc_array(n->details, room, sizeof *more);
		if (!more)
			return no_memory(r);
		n->details = more;
		n->details_room = room;
	}
	int rc = str_check(&text, "what is known of a workload", tx_err(r->tx));
	struct fleet_detail *d = &n->details[n->details_n++];
	*d = (struct fleet_detail){ .path = span_of(path), .json = arena_span(&r->arena, str_span(&text)) };
	return rc ? rc : d->json.p ? 0 : no_memory(r);
}

/* ── Placements ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What is named after the model that it serves. */
static bool is_of_models(const char *kind)
{
	return strcmp(kind, "InferenceService") == 0 || strcmp(kind, "LLMInferenceService") == 0 || strcmp(kind, "TrainedModel") == 0;
}

static struct inventory_place place_of(const struct recording *r, const struct namespace_ *n, const struct kube_workload *w)
{
	struct inventory_place p = { .host = n->host, .service = w->service, .environment = "", .model = "" };
	if (!p.service[0] || !recipe_name_is_valid(span_of(p.service)))
		p.service = n->join.service;
	if (n->environment)
		p.environment = n->environment->name;
	else if (n->join.environment[0])
		p.environment = n->join.environment;
	if (is_of_models(w->kind) && recipe_name_is_valid(span_of(w->name)))
		p.model = w->name;
	(void)r;
	return p;
}

/* What the account may not list is not gone: placements of those kinds stay, in every group. */
static int unseen_add(struct recording *r, struct namespace_ *n, const struct inventory_place *p)
{
	const struct kube_listing *l = r->o->listing;
	int rc = 0;
	for (size_t i = 0; rc == 0 && l && i < l->unseen_n; i++) {
		struct artifact_facts facts = { .kind = ARTIFACT_OTHER, .layout = "", .cause = "", .cc_major = -1, .cc_minor = -1,
						.notes = { l->unseen[i].reason }, .note_count = 1 };
		struct scan_file f = { .path = l->unseen[i].kind, .root = "", .error = true, .folder = true, .facts = &facts };
		rc = inventory_batch_add(n->batch, &f, p, tx_err(r->tx));
	}
	return rc;
}

static int group_of(struct recording *r, struct namespace_ *n, const struct inventory_place *p)
{
	char *key = arena_printf(&r->arena, "%s\n%s", p->service, p->environment);
	if (!key)
		return no_memory(r);
	if (map_get(&n->groups, span_of(key)))
		return 0;
	if (map_set(&n->groups, span_of(key), n))
		return no_memory(r);
	/* what lies below no root stays, met or not */
	int rc = r->o->some ? 0 : inventory_batch_root(n->batch, "", p, tx_err(r->tx));
	return rc ? rc : unseen_add(r, n, p);
}

static int take_image(const struct inventory_placement *p, void *data)
{
	struct kube_scanned *f = data;
	memcpy(f->digest, p->artifact.digest, sizeof f->digest);
	f->at = p->seen_last;
	return 0;
}

/* What a scan of the reference found; digest "" when there was none. Scans are recorded under the one spelling that all
 * spellings of a reference have. */
static int scanned_image(struct recording *r, const char *reference, struct kube_scanned **ret)
{
	char text[IMAGE_REFERENCE_MAX];
	struct image_reference ref;
	*ret = map_get(&r->scanned, span_of(reference));
	if (*ret)
		return 0;
	bool read = image_reference_read(span_of(reference), &ref, NULL) == 0;
	char *host = arena_printf(&r->arena, "image:%s", read ? image_reference_text(&ref, text) : reference);
	struct kube_scanned *f = arena_alloc(&r->arena, sizeof *f);
	if (!host || !f || map_set(&r->scanned, span_of(reference), f))
		return no_memory(r);
	struct inventory_filter filter = { .host = span_of(host), .kind = SPAN(IMAGE_KIND) };
	*ret = f;
	return inventory_each_placement(r->tx, &filter, take_image, f);
}

/* The image's digest: told, else of a fresh scan of the reference, else of the reference's text. */
static int image_digest(struct recording *r, const struct kube_image *i, struct digest *ret, const struct kube_scanned **ret_scanned)
{
	struct kube_scanned *found = NULL;
	if (i->digest[0])
		return digest_read(span_of(i->digest), ret, tx_err(r->tx));
	int rc = scanned_image(r, i->reference, &found);
	if (rc == 0)
		found->is_fresh = tx_now(r->tx) - found->at <= KUBE_SCANNED_USEC;
	*ret_scanned = found;
	if (rc == 0 && found->digest[0] && found->is_fresh)
		return digest_read(span_of(found->digest), ret, tx_err(r->tx));
	kube_reference_identity(span_of(i->reference), ret);
	r->result.unknown_images++;
	return rc;
}

static int image_place(struct recording *r, struct namespace_ *n, const struct kube_workload *w,
		       const struct kube_container *c, size_t i)
{
	struct inventory_place place = place_of(r, n, w);
	const char *path = kube_path(w, c, i, &r->arena);
	const struct kube_scanned *scanned = NULL;
	struct digest digest;
	int rc = path ? image_digest(r, &c->images[i], &digest, &scanned) : no_memory(r);
	if (rc == 0)
		rc = group_of(r, n, &place);
	if (rc == 0)
		rc = inventory_batch_place(n->batch, path, &digest, IMAGE_KIND, &place, tx_err(r->tx));
	return rc ? rc : detail_add(r, n, path, w, c, i, scanned);
}

/* A model that KServe fetches: content elsewhere. */
static int model_place(struct recording *r, struct namespace_ *n, const struct kube_workload *w)
{
	struct inventory_place place = place_of(r, n, w);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < w->models_n; i++) {
		if (strcmp(w->models[i].where, "storageUri") != 0)
			continue;
		char *path = arena_printf(&r->arena, "%s/%s/model/%zu", w->kind, w->name, i);
		struct digest digest;
		kube_reference_identity(span_of(w->models[i].uri), &digest);
		rc = path ? group_of(r, n, &place) : no_memory(r);
		if (rc == 0)
			rc = inventory_batch_place(n->batch, path, &digest, MODEL_KIND, &place, tx_err(r->tx));
		if (rc == 0)
			rc = detail_add(r, n, path, w, NULL, 0, NULL);
	}
	return rc;
}

static int workload_place(struct recording *r, struct namespace_ *n, const struct kube_workload *w)
{
	int rc = 0;
	r->result.workloads++;
	r->result.replicas += w->replicas;
	for (size_t c = 0; rc == 0 && c < w->containers_n; c++)
		for (size_t i = 0; rc == 0 && i < w->containers[c].images_n; i++) {
			r->result.containers++;
			rc = image_place(r, n, w, &w->containers[c], i);
		}
	return rc ? rc : model_place(r, n, w);
}

/* ── A namespace ─────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What the account may not list keeps its placements: "Deployment/..." */
static bool is_unseen(const struct kube_listing *l, const char *path)
{
	for (size_t i = 0; l && i < l->unseen_n; i++) {
		size_t n = strlen(l->unseen[i].kind);
		if (strncmp(path, l->unseen[i].kind, n) == 0 && path[n] == '/')
			return true;
	}
	return false;
}

struct named {
	const struct namespace_ *n;
	const struct kube_listing *listing;
};

static bool is_named(const char *path, struct span service, struct span environment, void *data)
{
	const struct named *d = data;
	RF_AUTO(str) key = STR_INIT(64 * KIB);
	str_addf(&key, "%.*s\n%.*s", SPAN_ARG(service), SPAN_ARG(environment));
	return map_get(&d->n->groups, str_span(&key)) || is_unseen(d->listing, path);
}

static int findings_write(struct recording *r, const struct namespace_ *n)
{
	size_t count = 0;
	RF_AUTO_FREE struct fleet_finding *list = rf_realloc_array(NULL, r->set->findings_n + 1, sizeof *list);
	if (!list)
		return no_memory(r);
	for (size_t i = 0; i < r->set->findings_n; i++) {
		const struct kube_finding *f = &r->set->findings[i];
		if (strcmp(f->namespace_, n->name) == 0)
			list[count++] = (struct fleet_finding){ .rule = span_of(f->rule), .subject = span_of(f->subject),
								.text = span_of(f->text) };
	}
	r->result.findings += count;
	return r->o->some ? fleet_findings_add(r->tx, n->host, list, count) : fleet_findings_put(r->tx, n->host, list, count);
}

static int namespace_begin(struct recording *r, const char *name, struct namespace_ *n)
{
	*n = (struct namespace_){ .name = name, .host = kube_host(r->o->cluster, name, &r->arena) };
	n->join = (struct fleet_join){ .service = "", .environment = "" };
	n->batch = inventory_batch_new();
	if (!n->host || !n->batch)
		return no_memory(r);
	n->environment = workspace_namespace(r->o->workspace, span_of(r->o->cluster), span_of(name));
	int rc = fleet_join_get(r->tx, span_of(n->host), &r->arena, &n->join);
	return rc == RF_ENOTFOUND ? 0 : rc;
}

static void add_changes(struct inventory_changes *to, const struct inventory_changes *more)
{
	to->added += more->added;
	to->unchanged += more->unchanged;
	to->replaced += more->replaced;
	to->vanished += more->vanished;
	to->artifacts += more->artifacts;
}

static int namespace_write(struct recording *r, struct namespace_ *n)
{
	struct named named = { n, r->o->listing };
	struct inventory_changes changes;
	struct inventory_place none = { .host = n->host, .service = n->join.service, .environment = "", .model = "" };
	int rc = r->o->listing && r->o->listing->unseen_n ? group_of(r, n, &none) : 0;
	if (rc == 0 && !r->o->some)
		rc = inventory_batch_whole_host(n->batch, n->host, is_named, &named, tx_err(r->tx));
	if (rc == 0)
		rc = inventory_record_tx(r->tx, n->batch, &changes);
	if (rc == 0)
		rc = r->o->some ? fleet_details_add(r->tx, n->host, n->details, n->details_n) :
				  fleet_details_put(r->tx, n->host, n->details, n->details_n);
	if (rc == 0)
		rc = findings_write(r, n);
	if (rc == 0)
		rc = fleet_host_put(r->tx, &(struct fleet_host){ .host = n->host, .source = FLEET_SOURCE_KUBERNETES, .machine = "",
								 .key_id = "", .digest = "", .taken = tx_now(r->tx) });
	if (rc == 0)
		add_changes(&r->result.changes, &changes);
	return rc;
}

/* Workloads @list[0..n), all of the namespace @name; none: it is empty now, or gone. */
static int namespace_record(struct recording *r, const char *name, const struct kube_workload *const *list, size_t count)
{
	struct namespace_ n;
	int rc = namespace_begin(r, name, &n);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = workload_place(r, &n, list[i]);
	if (rc == 0)
		rc = namespace_write(r, &n);
	inventory_batch_free(n.batch);
	rf_free(n.details);
	map_release(&n.groups);
	return rc;
}

/* ── All of them ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static int by_namespace(const void *a, const void *b)
{
	const struct kube_workload *x = *(const struct kube_workload *const *)a, *y = *(const struct kube_workload *const *)b;
	int c = strcmp(x->namespace_, y->namespace_);
	c = c ? c : strcmp(x->kind, y->kind);
	return c ? c : strcmp(x->name, y->name);
}

struct gone {
	struct recording *r;
	struct map *seen;
	const char **hosts;
	size_t n, room;
};

static int take_gone(const struct fleet_host *h, void *data)
{
	struct gone *g = data;
	if (map_get(g->seen, span_of(h->host)))
		return 0;
	if (g->n == g->room) {
		size_t room = g->room ? 2 * g->room : 64;
		const char **more = rf_realloc_array(g->hosts, room, sizeof *more);
		if (!more)
			return no_memory(g->r);
		g->hosts = more;
		g->room = room;
	}
	g->hosts[g->n] = arena_text(&g->r->arena, span_of(h->host));
	return g->hosts[g->n++] ? 0 : no_memory(g->r);
}

/* Namespaces that were there and are not: their placements are closed, unless a kind could not be seen. */
static int gone_record(struct recording *r, struct map *seen)
{
	struct gone g = { .r = r, .seen = seen };
	const char *prefix = kube_host(r->o->cluster, "", &r->arena);
	int rc = prefix ? fleet_each_host(r->tx, FLEET_SOURCE_KUBERNETES, prefix, take_gone, &g) : no_memory(r);
	for (size_t i = 0; rc == 0 && i < g.n; i++) {
		rc = namespace_record(r, g.hosts[i] + strlen(prefix), NULL, 0);
		if (rc == 0 && !(r->o->listing && r->o->listing->unseen_n))
			rc = fleet_host_remove(r->tx, g.hosts[i]);
	}
	rf_free(g.hosts);
	return rc;
}

static int all_record(struct recording *r, const struct kube_workload **list, size_t n, struct map *seen)
{
	int rc = 0;
	for (size_t from = 0, to; rc == 0 && from < n; from = to) {
		const char *name = list[from]->namespace_;
		for (to = from + 1; to < n && strcmp(list[to]->namespace_, name) == 0;)
			to++;
		r->result.namespaces++;
		rc = namespace_record(r, name, list + from, to - from);
		const char *host = kube_host(r->o->cluster, name, &r->arena);
		if (rc == 0 && (!host || map_set(seen, span_of(host), r)))
			rc = no_memory(r);
	}
	return rc == 0 && r->o->whole_cluster ? gone_record(r, seen) : rc;
}

struct call {
	const struct kube_set *set;
	const struct kube_record *o;
	struct kube_result result;
};

static int run(struct transaction *tx, void *data)
{
	struct call *c = data;
	struct recording r = { .set = c->set, .o = c->o, .tx = tx, .arena = ARENA_INIT(1 * GIB) };
	RF_AUTO(map) seen = MAP_INIT;
	RF_AUTO_FREE const struct kube_workload **list = rf_realloc_array(NULL, c->set->count + 1, sizeof *list);
	size_t n = 0;
	for (size_t i = 0; list && i < c->set->count; i++)
		if (!c->set->workloads[i].owned)
			list[n++] = &c->set->workloads[i];
	if (n)
		qsort(list, n, sizeof *list, by_namespace);
	int rc = list ? all_record(&r, list, n, &seen) : no_memory(&r);
	map_release(&r.scanned);
	arena_release(&r.arena);
	c->result = r.result;
	return rc;
}

int kube_record(struct database *db, const struct kube_set *set, const struct kube_record *o, struct kube_result *ret,
		struct err *err)
{
	struct call c = { .set = set, .o = o };
	int rc = database_transact(db, DB_WRITE, run, &c, err);
	if (rc == 0 && ret)
		*ret = c.result;
	return rc;
}

/* ── Services by label ───────────────────────────────────────────────────────────────────────────────────────────── */

/* Names that reforge.yaml itself gives are a person's. */
static bool is_persons(const struct workspace *w, const char *name)
{
	const struct workspace_service *s = workspace_service(w, span_of(name));
	return s && strcmp(s->file, w->file) == 0;
}

struct labelled {
	const char *name, *owner, *contact;
	const struct workspace_environment *environments[64]; /* as many as a workspace may have */
	size_t environments_n;
	struct labelled *next;
};

static int labelled_add(struct map *by_name, struct labelled ***end, struct arena *a, const struct kube_workload *w,
			const struct workspace_environment *e)
{
	struct labelled *l = map_get(by_name, span_of(w->service));
	if (!l) {
		l = arena_alloc(a, sizeof *l);
		if (!l || map_set(by_name, span_of(w->service), l))
			return RF_ENOMEM;
		l->name = w->service;
		l->owner = w->service_owner;
		l->contact = w->contact[0] ? w->contact : w->service_owner;
		**end = l;
		*end = &l->next;
	}
	for (size_t i = 0; i < l->environments_n; i++)
		if (l->environments[i] == e)
			return 0;
	if (l->environments_n < RF_COUNT(l->environments))
		l->environments[l->environments_n++] = e;
	return 0;
}

static void labelled_json(struct json_out *o, const struct labelled *l)
{
	json_key(o, l->name);
	json_object(o);
	json_key(o, "owner");
	json_object(o);
	json_member(o, "name", l->owner);
	json_member(o, "contact", l->contact);
	json_object_end(o);
	json_key(o, "environments");
	json_array(o);
	for (size_t i = 0; i < l->environments_n; i++)
		json_put_text(o, l->environments[i]->name);
	json_array_end(o);
	json_object_end(o);
}

int kube_services_json(const struct kube_set *set, const struct kube_record *o, struct str *ret, struct err *err)
{
	RF_AUTO(map) by_name = MAP_INIT;
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	struct labelled *list = NULL, **end = &list;
	for (size_t i = 0; i < set->count; i++) {
		const struct kube_workload *w = &set->workloads[i];
		const struct workspace_environment *e =
			workspace_namespace(o->workspace, span_of(o->cluster), span_of(w->namespace_));
		if (w->owned || !e || !w->service_owner[0] || !recipe_name_is_valid(span_of(w->service)) ||
		    is_persons(o->workspace, w->service))
			continue;
		if (labelled_add(&by_name, &end, &a, w, e))
			return err_set(err, RF_ENOMEM, "no memory for the services of a cluster");
	}
	struct json_out out = json_out(ret, false);
	json_object(&out);
	for (const struct labelled *l = list; l; l = l->next)
		labelled_json(&out, l);
	json_object_end(&out);
	return str_check(ret, "services of a cluster", err);
}
