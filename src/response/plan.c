/* What is planned and what is blocked, and why. Pure; plan.h is the manual. */
#include "response/plan.h"

#include "format/json.h"

static int block(struct arena *a, struct plan_answer *ret, const char *owner, const char *reason)
{
	*ret = (struct plan_answer){ .planned = false, .reason = reason, .owner = arena_text(a, span_of(owner)) };
	return ret->reason && ret->owner ? 0 : RF_ENOMEM;
}

/* "name (contact)" of the recipe's owner when there is a recipe, else the service's. */
static const char *nearest_owner(const struct plan_question *q, struct arena *a)
{
	if (q->recipe)
		return arena_printf(a, "%s (%s)", q->recipe->owner.name, q->recipe->owner.contact);
	return q->service_owner;
}

static const char *lane_owner(const struct lane *lane, const char *otherwise)
{
	for (size_t i = 0; i < lane->item_count; i++)
		if (!lane->items[i].ok && lane->items[i].owner && *lane->items[i].owner)
			return lane->items[i].owner;
	return otherwise;
}

int plan_decide(const struct plan_question *q, struct arena *a, struct plan_answer *ret)
{
	const char *owner = nearest_owner(q, a);
	if (!owner)
		return RF_ENOMEM;
	if (!q->has_service)
		return block(a, ret, q->service_owner,
			     arena_printf(a, "%s belongs to no service: name one for it in reforge.yaml", q->path));
	if (q->image)
		return block(a, ret, q->service_owner,
			     arena_printf(a, "%s is inside of the image %s: an image is not rebuilt in place; build a new image "
					     "with a rebuilt engine and roll it out",
					  q->path, q->image));
	if (!q->recipe && q->recipe_error)
		return block(a, ret, q->service_owner, arena_printf(a, "no usable recipe: %s", q->recipe_error));
	if (!q->recipe)
		return block(a, ret, q->service_owner,
			     arena_printf(a, "no recipe: the place of %s names none, and reforge.yaml gives it none",
					  q->path));
	if (q->doubt)
		return block(a, ret, owner, arena_printf(a, "what this file is must be settled first: %s", q->doubt));
	if (q->other_product)
		return block(a, ret, owner,
			     arena_printf(a, "recipe %s builds with %s, but %s built the engine", q->recipe->model,
					  q->recipe->toolchain, q->other_product));
	if (!q->fix || !q->fix->to)
		return block(
			a, ret, owner,
			arena_printf(a, "no version cures: %s", q->fix && q->fix->why ? q->fix->why : "none is known"));
	if (!q->lane)
		return block(a, ret, owner, arena_text(a, SPAN("the emergency lane was not looked at")));
	if (!q->lane->open) {
		char text[1024];
		return block(a, ret, lane_owner(q->lane, owner),
			     arena_text(a, span_of(lane_text(q->lane, text, sizeof text))));
	}
	*ret = (struct plan_answer){ .planned = true };
	return 0;
}

int plan_task_evidence(const struct plan_task *t, struct str *ret, struct err *err)
{
	struct json_out o = json_out(ret, false);
	json_object(&o);
	json_member(&o, "product", t->product);
	json_member(&o, "kind", t->engine_kind);
	json_member(&o, "from", t->from_version);
	json_member(&o, "to", t->to_version);
	json_member(&o, "engine", t->engine_digest);
	json_member(&o, "why", t->fix_why);
	json_member_i64(&o, "placements", t->placements);
	json_key(&o, "changes");
	json_array(&o);
	for (size_t i = 0; i < t->change_count; i++)
		json_put_text(&o, t->changes[i]);
	json_array_end(&o);
	json_object_end(&o);
	return str_check(ret, "plan of a task", err);
}
