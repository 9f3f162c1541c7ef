/* kubernetes_detail - see the header. */
#include "inventory/kubernetes_detail.h"

/* ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void volumes_json(struct json_out *o, const struct kube_workload *w)
{
	json_key(o, "volumes");
	json_array(o);
	for (size_t i = 0; i < w->volumes_n; i++) {
		const struct kube_volume *v = &w->volumes[i];
		json_object(o);
		json_member(o, "name", v->name);
		json_member(o, "kind", v->kind);
		json_member(o, "volume", v->identity[0] ? v->identity : NULL);
		json_member(o, "mounted_at", v->mounted_at);
		if (v->sub_path[0])
			json_member(o, "sub_path", v->sub_path);
		if (v->container[0])
			json_member(o, "container", v->container);
		if (v->pod > 1)
			json_member_u64(o, "pod", v->pod);
		if (v->node[0])
			json_member(o, "node", v->node);
		json_member_bool(o, "writable", v->writable);
		json_member_bool(o, "own", v->is_own);
		if (v->is_open)
			json_member_bool(o, "open", true);
		json_object_end(o);
	}
	json_array_end(o);
}

static void models_json(struct json_out *o, const struct kube_workload *w)
{
	json_key(o, "models");
	json_array(o);
	for (size_t i = 0; i < w->models_n; i++) {
		json_object(o);
		json_member(o, "where", w->models[i].where);
		json_member(o, "uri", w->models[i].uri);
		if (w->models[i].container[0])
			json_member(o, "container", w->models[i].container);
		if (w->models[i].pod > 1)
			json_member_u64(o, "pod", w->models[i].pod);
		if (w->models[i].is_open)
			json_member_bool(o, "open", true);
		json_object_end(o);
	}
	json_array_end(o);
	if (w->models_left_out)
		json_member_u64(o, "models_left_out", w->models_left_out);
}

static void image_json(struct json_out *o, const struct kube_image *i, const struct kube_scanned *scanned)
{
	bool told = i->digest[0], asked = !told && scanned && scanned->digest[0];
	json_member(o, "image", i->reference);
	json_member(o, "digest_source", told ? i->source : asked && scanned->is_fresh ? "scan" : NULL);
	if (asked) {
		char at[TIME_TEXT_BYTES];
		json_member(o, "scanned_digest", scanned->digest);
		json_member(o, "scanned_at", time_text(scanned->at, at));
	}
	if (i->pods)
		json_member_i64(o, "pods", i->pods);
}

void kube_detail_json(struct json_out *o, const struct kube_workload *w, const struct kube_container *c, size_t image,
		      const struct kube_scanned *scanned)
{
	json_object(o);
	json_member(o, "source", "kubernetes");
	json_member(o, "kind", w->kind);
	json_member(o, "name", w->name);
	json_member_i64(o, "replicas", w->replicas);
	if (c) {
		json_member(o, "container", c->name);
		json_member(o, "role", kube_role_text(c->role));
		image_json(o, &c->images[image], scanned);
	}
	json_member(o, "owner", w->service_owner[0] ? w->service_owner : NULL);
	json_member(o, "contact", w->contact[0] ? w->contact : NULL);
	if (w->runtime[0])
		json_member(o, "serving_runtime", w->runtime);
	volumes_json(o, w);
	models_json(o, w);
	json_object_end(o);
}

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct reading {
	struct arena *a;
	bool failed; /* out of memory */
};

/* "" for what is absent or null. */
static const char *text_of(struct reading *r, struct json object, const char *key)
{
	const char *text = arena_text(r->a, json_string(json_get(object, key)));
	r->failed |= !text;
	return text ? text : "";
}

static void *list_of(struct reading *r, struct json list, size_t element, size_t *ret_n)
{
	size_t n = json_count(list);
	void *p = arena_array(r->a, n + 1, element);
	r->failed |= !p;
	*ret_n = p ? n : 0;
	return p;
}

/* Which of a service's pods a mount or a model is of. */
static unsigned pod_of(struct json one)
{
	uint64_t n = 1;
	return json_u64(json_get(one, "pod"), &n) && n <= UINT32_MAX ? (unsigned)n : 1;
}

static void volumes_read(struct reading *r, struct json list, struct kube_workload *w)
{
	size_t i = 0;
	w->volumes = list_of(r, list, sizeof *w->volumes, &w->volumes_n);
	for (struct json_each it = json_each(list); i < w->volumes_n && json_next(&it); i++) {
		struct kube_volume *v = &w->volumes[i];
		*v = (struct kube_volume){ .name = text_of(r, it.value, "name"), .kind = text_of(r, it.value, "kind"),
					   .identity = text_of(r, it.value, "volume"), .sub_path = text_of(r, it.value, "sub_path"),
					   .mounted_at = text_of(r, it.value, "mounted_at"), .node = text_of(r, it.value, "node"),
					   .container = text_of(r, it.value, "container"), .pod = pod_of(it.value) };
		(void)json_bool(json_get(it.value, "writable"), &v->writable);
		(void)json_bool(json_get(it.value, "own"), &v->is_own);
		(void)json_bool(json_get(it.value, "open"), &v->is_open);
	}
}

static void models_read(struct reading *r, struct json list, struct kube_workload *w)
{
	size_t i = 0;
	w->models = list_of(r, list, sizeof *w->models, &w->models_n);
	for (struct json_each it = json_each(list); i < w->models_n && json_next(&it); i++) {
		w->models[i] = (struct kube_model){ .where = text_of(r, it.value, "where"), .uri = text_of(r, it.value, "uri"),
						    .container = text_of(r, it.value, "container"), .pod = pod_of(it.value) };
		(void)json_bool(json_get(it.value, "open"), &w->models[i].is_open);
	}
}

static enum kube_role role_of(struct json detail)
{
	struct span text = json_string(json_get(detail, "role"));
	for (enum kube_role role = KUBE_CONTAINER; role <= KUBE_VOLUME; role++)
		if (span_eq_text(text, kube_role_text(role)))
			return role;
	return KUBE_CONTAINER;
}

static void container_read(struct reading *r, struct json detail, struct kube_workload *w)
{
	if (json_kind(json_get(detail, "container")) != JSON_STRING)
		return;
	w->containers = arena_alloc(r->a, sizeof *w->containers);
	struct kube_image *image = arena_alloc(r->a, sizeof *image);
	r->failed |= !w->containers || !image;
	if (r->failed)
		return;
	*image = (struct kube_image){ .reference = text_of(r, detail, "image"), .digest = "",
				      .source = text_of(r, detail, "digest_source") };
	(void)json_i64(json_get(detail, "pods"), &image->pods);
	*w->containers = (struct kube_container){ .name = text_of(r, detail, "container"), .role = role_of(detail), .images = image,
						  .images_n = 1 };
	w->containers_n = 1;
}

int kube_detail_read(struct json detail, struct arena *a, struct kube_workload *ret, struct err *err)
{
	struct reading r = { .a = a };
	uint64_t left_out = 0;
	if (!span_eq_text(json_string(json_get(detail, "source")), "kubernetes"))
		return err_set(err, RF_EFORMAT, "what is known of a placement is not about a workload of a cluster");
	*ret = (struct kube_workload){ .kind = text_of(&r, detail, "kind"), .name = text_of(&r, detail, "name"), .namespace_ = "", .uid = "",
				       .owner_kind = "", .owner_name = "", .owner_uid = "", .service = "",
				       .service_owner = text_of(&r, detail, "owner"), .contact = text_of(&r, detail, "contact"),
				       .runtime = text_of(&r, detail, "serving_runtime") };
	(void)json_i64(json_get(detail, "replicas"), &ret->replicas);
	(void)json_u64(json_get(detail, "models_left_out"), &left_out);
	ret->models_left_out = (size_t)left_out;
	container_read(&r, detail, ret);
	volumes_read(&r, json_get(detail, "volumes"), ret);
	models_read(&r, json_get(detail, "models"), ret);
	return r.failed ? err_set(err, RF_ENOMEM, "no memory for a workload") : 0;
}
