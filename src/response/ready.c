/* The emergency lanes of all recipes, before any advisory; ready.h is the manual. */
#include "response/ready.h"

#include "response/plan_int.h"
#include "response/response.h"
#include "version/scheme.h"

#define READY_MAX_LANES 100000

/* The newest version of a toolchain that reforge.yaml has; NULL: none. */
static const char *newest(const struct workspace *w, const struct toolchain_kind *kind)
{
	const struct workspace_toolchain *t = workspace_toolchain(w, span_of(kind->name));
	const struct scheme *scheme = scheme_find(span_of(kind->scheme));
	const char *best = NULL;
	for (size_t i = 0; t && scheme && i < t->versions_n; i++) {
		const char *v = t->versions[i].version;
		if (!best || version_compare(scheme, span_of(v), span_of(best)) == VERSION_GREATER)
			best = v;
	}
	return best;
}

/* A recipe that cannot be read is a lane with one closed item. */
static int unreadable(const char *name, struct arena *a, struct lane *ret, const struct err *recipe_err,
		      struct err *err)
{
	struct lane_question q = { .model = name, .target = "" };
	int rc = lane_check(&q, a, ret, err);
	char text[2048];
	if (!rc && ret->item_count) {
		ret->items[0].reason = arena_text(a, span_of(err_render(recipe_err, text, sizeof text)));
		if (!ret->items[0].reason)
			rc = err_set(err, RF_ENOMEM, "no memory for the lanes");
	}
	return rc;
}

struct making {
	const struct response_context *context;
	struct tools *tools;
	struct arena *a;
	struct err *err;
	struct ready *ready;
	size_t capacity;
};

static int next_lane(struct making *m, struct lane **ret)
{
	struct ready *r = m->ready;
	if (r->lane_count >= READY_MAX_LANES)
		return err_set(m->err, RF_ETOOMANY, "more than %d lanes", READY_MAX_LANES);
	if (r->lane_count == m->capacity) {
		size_t wanted = m->capacity ? m->capacity * 2 : 64;
		struct lane *grown = arena_array(m->a, wanted, sizeof *grown);
		if (!grown)
			return err_set(m->err, RF_ENOMEM, "no memory for the lanes");
		if (r->lane_count)
			memcpy(grown, r->lanes, r->lane_count * sizeof *grown);
		r->lanes = grown;
		m->capacity = wanted;
	}
	*ret = &r->lanes[r->lane_count];
	return 0;
}

static int add_recipe(struct making *m, const char *name)
{
	const struct recipe *recipe;
	struct err recipe_err = ERR_INIT;
	struct lane *lane;
	int rc = workspace_recipe(m->context->workspace, name, &recipe, &recipe_err);
	if (rc) {
		rc = next_lane(m, &lane);
		if (!rc)
			rc = unreadable(name, m->a, lane, &recipe_err, m->err);
		if (!rc)
			m->ready->lane_count++;
		return rc;
	}
	const struct toolchain_kind *kind = toolchain_kind_find(span_of(recipe->toolchain));
	for (size_t i = 0; i < recipe->targets_n; i++) {
		rc = next_lane(m, &lane);
		if (!rc)
			rc = plan_check_lane(m->context, m->tools, kind, recipe, recipe->targets[i],
					     kind ? newest(m->context->workspace, kind) : NULL, NULL, m->a, lane,
					     m->err);
		if (rc)
			return rc;
		m->ready->lane_count++;
		m->ready->open += lane->open;
	}
	return 0;
}

/* What lanes say of toolchains must outlive the tools. */
static int keep_texts(struct making *m)
{
	for (size_t i = 0; i < m->ready->lane_count; i++) {
		struct lane *l = &m->ready->lanes[i];
		if (l->version && !(l->version = arena_text(m->a, span_of(l->version))))
			return err_set(m->err, RF_ENOMEM, "no memory for the lanes");
	}
	return 0;
}

int ready_make(const struct response_context *context, struct arena *a, struct ready *ret, struct err *err)
{
	struct ready ready = { 0 };
	RF_AUTO_PTR(tools) tools = NULL;
	int rc = tools_new(context, &tools, err);
	const char *const *names = NULL;
	size_t n = 0;
	if (!rc)
		rc = workspace_recipe_names(context->workspace, a, &names, &n, err);
	struct making m = { .context = context, .tools = tools, .a = a, .err = err, .ready = &ready };
	for (size_t i = 0; !rc && i < n; i++)
		rc = add_recipe(&m, names[i]);
	if (!rc)
		rc = keep_texts(&m);
	if (!rc)
		*ret = ready;
	return rc;
}

void ready_json(struct json_out *o, const struct ready *r)
{
	json_object(o);
	json_member_u64(o, "lanes", r->lane_count);
	json_member_u64(o, "open", r->open);
	json_key(o, "items");
	json_array(o);
	for (size_t i = 0; i < r->lane_count; i++) {
		const struct lane *l = &r->lanes[i];
		json_object(o);
		json_member(o, "model", l->model);
		json_member(o, "target", l->target);
		json_member(o, "version", l->version);
		json_member_bool(o, "open", l->open);
		json_key(o, "parts");
		json_array(o);
		for (size_t k = 0; k < l->item_count; k++) {
			json_object(o);
			json_member(o, "part", lane_part_name(l->items[k].part));
			json_member_bool(o, "ok", l->items[k].ok);
			json_member(o, "reason", l->items[k].reason);
			json_member(o, "owner", l->items[k].owner);
			json_object_end(o);
		}
		json_array_end(o);
		json_object_end(o);
	}
	json_array_end(o);
	json_object_end(o);
}
