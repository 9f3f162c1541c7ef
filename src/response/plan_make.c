/*
 * The facts behind a plan: exposures from the database, recipes and versions from the workspace, fix paths and lanes.
 * plan.h is the manual; plan_decide() (plan.c) judges.
 *
 * Work is shared over engines: a fix path is found once per builder version, a lane once per recipe × target × version.
 */
#include "response/plan_int.h"

#include "base/hash.h"
#include "exposure/exposure.h"
#include "response/response.h"

/* One placement of an exposed engine. */
struct candidate {
	struct inventory_placement at;      /* of an engine inside an image: its path and artifact are the engine's */
	struct span key;
	const char *image;                  /* "host image path" that it is inside of; NULL: it is a file of its own */
	enum finding_kind worst;
	enum finding_cause cause;
	const char *model, *target; /* of the task it belongs to */
	const struct workspace_service *service;
	const struct recipe *recipe;
	const char *recipe_error;
};

struct making {
	const struct response_context *context;
	struct tools *tools;
	struct arena *a;
	struct err *err;
	const char *const *advisories;
	size_t advisory_count;
	struct plan *plan;
	/* exposures collected */
	struct map by_placement; /* "placement inside" -> struct candidate * */
	struct candidate **found;
	size_t found_count, found_capacity;
	/* one row per placement × target */
	struct candidate *rows;
	size_t row_count, row_capacity;
	/* caches */
	struct plan_cures cures;
	struct map lanes; /* "model target version" -> struct lane * */
};

static int out_of_memory(struct making *m)
{
	return err_set(m->err, RF_ENOMEM, "no memory for the plan");
}

/* ── advisories ── */

static int check_advisory(struct making *m, const struct stored_advisory *s)
{
	const struct advisory *v = &s->advisory;
	if (v->state != ADVISORY_PUBLISHED)
		return err_set(m->err, RF_EINVALID,
			       "%.*s is %s: no vulnerability, nothing to respond to (reforge explain %.*s)",
			       SPAN_ARG(v->id), advisory_state_name(v->state), SPAN_ARG(v->id));
	return 0;
}

static int read_advisories(struct transaction *tx, struct making *m)
{
	const char **ids = arena_array(m->a, m->advisory_count + 1, sizeof *ids);
	if (!ids)
		return out_of_memory(m);
	size_t n = 0, drills = 0;
	for (size_t i = 0; i < m->advisory_count; i++) {
		struct stored_advisory s;
		int rc = advisory_get(tx, m->a, span_of(m->advisories[i]), &s);
		if (rc)
			return rc;
		rc = check_advisory(m, &s);
		if (rc)
			return rc;
		const char *id = arena_text(m->a, s.advisory.id);
		if (!id)
			return out_of_memory(m);
		bool known = false;
		for (size_t j = 0; j < n && !known; j++)
			known = !strcmp(ids[j], id);
		if (known)
			continue;
		ids[n++] = id;
		drills += s.advisory.is_drill;
	}
	if (drills && drills != n)
		return err_set(m->err, RF_EINVALID,
			       "a drill is answered apart from real advisories: %zu of %zu are drills", drills, n);
	m->advisories = ids;
	m->advisory_count = n;
	m->plan->advisories = ids;
	m->plan->advisory_count = n;
	m->plan->is_drill = drills > 0;
	return 0;
}

/* ── exposures ── */

/* An engine is a placement, or a place inside of one: an image holds several. */
static struct span candidate_key(struct making *m, const struct exposure_row *row)
{
	const char *key = arena_printf(m->a, "%lld %.*s", (long long)row->placement_id, SPAN_ARG(row->inside));
	return key ? span_of(key) : SPAN_NONE;
}

static bool keep_inside(struct making *m, struct candidate *c, const struct exposure_row *row)
{
	if (!row->inside.n)
		return true;
	c->at.path = arena_span(m->a, row->path);
	c->image = arena_printf(m->a, "%.*s %.*s", SPAN_ARG(row->host),
				SPAN_ARG(span_sub(row->path, 0, row->path.n - row->inside.n - 2)));
	snprintf(c->at.artifact.digest, sizeof c->at.artifact.digest, "%.*s", SPAN_ARG(row->artifact_digest));
	return c->at.path.p && c->image;
}

static struct candidate *candidate_of(struct making *m, const struct exposure_row *row)
{
	struct span key = candidate_key(m, row);
	struct candidate *c = key.p ? map_get(&m->by_placement, key) : NULL;
	if (c || !key.p)
		return c;
	if (m->found_count == m->found_capacity) {
		size_t capacity = m->found_capacity ? m->found_capacity * 2 : 256;
		struct candidate **grown = rf_realloc_array(m->found, capacity, sizeof(struct candidate *));
		if (!grown)
			return NULL;
		m->found = grown;
		m->found_capacity = capacity;
	}
	c = arena_alloc(m->a, sizeof *c);
	if (!c)
		return NULL;
	c->at.id = row->placement_id;
	c->key = key;
	if (!keep_inside(m, c, row) || map_set(&m->by_placement, c->key, c))
		return NULL;
	return m->found[m->found_count++] = c;
}

static int visit_builder(const struct exposure_row *row, void *data)
{
	struct making *m = data;
	if (m->found_count >= PLAN_MAX_TASKS)
		return err_set(m->err, RF_ETOOMANY, "more than %d exposed engines: a plan holds no more",
			       PLAN_MAX_TASKS);
	struct candidate *c = candidate_of(m, row);
	if (!c)
		return out_of_memory(m);
	if (row->kind > c->worst) {
		c->worst = row->kind;
		c->cause = row->cause;
	}
	return 0;
}

static int load_placement(struct transaction *tx, struct making *m, struct candidate *c)
{
	struct inventory_placement at;
	int rc = inventory_placement_get(tx, c->at.id, m->a, &at);
	if (!rc && c->image) {
		rc = inventory_artifact_get(tx, span_of(c->at.artifact.digest), m->a, &at.artifact);
		at.path = c->at.path;
	}
	if (!rc)
		c->at = at;
	return rc;
}

static const char *owner_of(struct making *m, struct span service)
{
	return plan_service_owner(m->context->workspace, service, m->a);
}

static int collect(struct transaction *tx, void *data)
{
	struct making *m = data;
	m->found_count = 0;
	map_release(&m->by_placement);
	int rc = read_advisories(tx, m);
	for (size_t i = 0; !rc && i < m->advisory_count; i++) {
		struct exposure_filter f = { .advisory = span_of(m->advisories[i]),
					     .by_carrier = true,
					     .carrier = CARRIER_BUILDER,
					     .at_least = FINDING_UNKNOWN };
		rc = exposure_list(tx, &f, visit_builder, m);
	}
	if (!rc)
		rc = plan_rests(tx, m->context->workspace, m->advisories, m->advisory_count, m->a, &m->plan->rests,
				&m->plan->rest_count);
	usec_t since = USEC_NONE;
	for (size_t i = 0; !rc && i < m->found_count; i++) {
		struct candidate *c = m->found[i];
		rc = load_placement(tx, m, c);
		if (!rc && (since == USEC_NONE || c->at.content_from < since))
			since = c->at.content_from;
	}
	if (!rc && m->found_count == 0 && m->plan->rest_count > 0) {
		/* only runtimes are exposed: their placements start the clock */
		int64_t first;
		rc = TX_I64(tx, &first, "SELECT MIN(seen_from) FROM inventory_placement WHERE gone_at IS NULL");
		since = rc ? USEC_NONE : first;
	}
	m->plan->placement_since = since;
	return rc;
}

/* ── rows: placement × target ── */

/* "sm_86" of a plan file stands for the recipe's "linux-x86_64/sm_86". */
static bool target_matches(const char *recipe_target, struct span of_file)
{
	if (of_file.n == 0 || span_eq_text(of_file, recipe_target))
		return true;
	const char *slash = strchr(recipe_target, '/');
	return slash && span_find_byte(of_file, '/') == SIZE_MAX && span_eq_text(of_file, slash + 1);
}

static int add_row(struct making *m, const struct candidate *c, const char *target)
{
	if (m->row_count >= PLAN_MAX_TASKS)
		return err_set(m->err, RF_ETOOMANY, "more than %d engines × targets: a plan holds no more",
			       PLAN_MAX_TASKS);
	if (m->row_count == m->row_capacity) {
		size_t capacity = m->row_capacity ? m->row_capacity * 2 : 256;
		struct candidate *grown = rf_realloc_array(m->rows, capacity, sizeof *grown);
		if (!grown)
			return out_of_memory(m);
		m->rows = grown;
		m->row_capacity = capacity;
	}
	struct candidate *row = &m->rows[m->row_count++];
	*row = *c;
	row->target = target;
	return 0;
}

static int expand(struct making *m, struct candidate *c)
{
	c->service = workspace_service(m->context->workspace, c->at.service);
	c->model = arena_text(m->a, c->at.model);
	if (!c->model)
		return out_of_memory(m);
	if (*c->model && !c->image) {
		struct err err = ERR_INIT;
		char text[2048];
		if (workspace_recipe(m->context->workspace, c->model, &c->recipe, &err)) {
			c->recipe = NULL;
			c->recipe_error = arena_text(m->a, span_of(err_render(&err, text, sizeof text)));
		}
	} else {
		/* goes by its path; the end tells engines apart */
		struct span path = c->at.path;
		c->model = arena_text(m->a, path.n > 200 ? span_from(path, path.n - 200) : path);
	}
	if (!c->model)
		return out_of_memory(m);
	size_t matched = 0;
	int rc = 0;
	for (size_t i = 0; !rc && c->recipe && i < c->recipe->targets_n; i++) {
		if (!target_matches(c->recipe->targets[i], c->at.artifact.target))
			continue;
		rc = add_row(m, c, c->recipe->targets[i]);
		matched++;
	}
	if (!rc && !matched) {
		const char *target =
			c->at.artifact.target.n ? arena_text(m->a, span_sub(c->at.artifact.target, 0, 200)) : "unknown";
		if (c->recipe)
			c->recipe_error =
				arena_printf(m->a, "recipe %s has no target for %s", c->model, target ? target : "");
		c->recipe = NULL;
		rc = target ? add_row(m, c, target) : out_of_memory(m);
	}
	return rc;
}

static int compare_rows(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int c = span_compare(x->at.service, y->at.service);
	if (!c)
		c = span_compare(x->at.environment, y->at.environment);
	if (!c)
		c = strcmp(x->model, y->model);
	if (!c)
		c = strcmp(x->target, y->target);
	if (!c)
		c = (y->worst > x->worst) - (y->worst < x->worst);
	return c ? c : span_compare(x->at.path, y->at.path);
}

static bool same_task(const struct candidate *x, const struct candidate *y)
{
	return span_eq(x->at.service, y->at.service) && span_eq(x->at.environment, y->at.environment) &&
	       !strcmp(x->model, y->model) && !strcmp(x->target, y->target);
}

static int make_rows(struct making *m)
{
	for (size_t i = 0; i < m->found_count; i++) {
		int rc = expand(m, m->found[i]);
		if (rc)
			return rc;
	}
	if (m->row_count)
		qsort(m->rows, m->row_count, sizeof *m->rows, compare_rows);
	return 0;
}

/* ── lanes ── */

static int lane_of(struct making *m, const struct toolchain_kind *kind, const struct recipe *recipe, const char *target,
		   const char *version, const struct fix_judgement *judgement, const struct lane **ret)
{
	const char *key =
		arena_printf(m->a, "%s %s %s %s", recipe->model, target, version, fix_mark_name(judgement->mark));
	if (!key)
		return out_of_memory(m);
	struct lane *lane = map_get(&m->lanes, span_of(key));
	if (!lane) {
		lane = arena_alloc(m->a, sizeof *lane);
		if (!lane)
			return out_of_memory(m);
		int rc = plan_check_lane(m->context, m->tools, kind, recipe, target, version, judgement, m->a, lane,
					 m->err);
		if (!rc)
			rc = map_set(&m->lanes, span_of(key), lane);
		if (rc)
			return rc;
	}
	*ret = lane;
	return 0;
}

int plan_check_lane(const struct response_context *context, struct tools *tools, const struct toolchain_kind *kind,
		    const struct recipe *recipe, const char *target, const char *version,
		    const struct fix_judgement *judgement, struct arena *a, struct lane *ret, struct err *err)
{
	struct lane_question q = { .model = recipe->model,
				   .recipe = recipe,
				   .target = target,
				   .version = version,
				   .workspace = context->workspace->folder };
	if (kind && version) {
		q.toolchain = tools_get(tools, kind, version, &q.toolchain_error);
		if (q.toolchain)
			q.probe = tools_probe(tools, kind, version);
	}
	if (kind && !q.probe)
		q.probe = tools_machine(tools, kind);
	if (judgement && judgement->mark != FIX_AS_IS) {
		q.fix_mark = fix_mark_name(judgement->mark);
		q.fix_reason = judgement->reason_count ? judgement->reasons[0] : NULL;
	}
	return lane_check(&q, a, ret, err);
}

/* ── tasks ── */

struct facts {
	const struct toolchain_kind *kind;
	const struct plan_cure *cure;
	struct fix_judgement judgement;
	const struct lane *lane;
	const char *doubt, *other_product;
};

static int gather(struct making *m, const struct candidate *c, const char *purl, struct facts *f)
{
	f->kind = c->recipe ? toolchain_kind_find(span_of(c->recipe->toolchain))
			    : toolchain_kind_of_product(span_of(purl));
	if (c->worst != FINDING_AFFECTED)
		f->doubt = arena_printf(m->a, "%s (%s)", finding_cause_words(c->cause), finding_kind_name(c->worst));
	if (c->recipe && f->kind && f->kind->product && *purl && strcmp(f->kind->product, purl))
		f->other_product = purl;
	if (!f->kind || !*purl || !c->at.artifact.version.n || f->other_product)
		return 0;
	int rc = plan_cure(&m->cures, f->kind, purl, c->at.artifact.version, &f->cure);
	if (rc || !c->recipe || !f->cure->fix.to)
		return rc;
	struct fix_recipe r = { .args = c->recipe->build_args,
				.arg_count = c->recipe->build_args_n,
				.target = span_of(c->target) };
	struct err err = ERR_INIT;
	rc = fix_path_judge(f->kind, c->at.artifact.version, span_of(f->cure->fix.to), &r, m->a, &f->judgement, &err);
	if (rc == RF_ENOMEM)
		return out_of_memory(m);
	if (rc)
		return 0;
	return lane_of(m, f->kind, c->recipe, c->target, f->cure->fix.to, &f->judgement, &f->lane);
}

static int add_change(struct making *m, const char **list, size_t *n, const char *text)
{
	if (!text)
		return out_of_memory(m);
	list[(*n)++] = text;
	return 0;
}

/* What else changes on the way. */
static int list_changes(struct making *m, const struct candidate *c, const struct facts *f, struct plan_task *t)
{
	const char **list = arena_array(m->a, FIX_MAX_REASONS + 4, sizeof *list);
	size_t n = 0;
	if (!list)
		return out_of_memory(m);
	int rc = 0;
	const struct fix_version *fix = f->cure ? &f->cure->fix : NULL;
	if (fix && fix->to && fix->major_jump)
		rc = add_change(m, list, &n,
				arena_printf(m->a, "a major version of %s lies between %s and %s", f->kind->name,
					     fix->from, fix->to));
	const struct workspace_service *s = c->service;
	if (!rc && fix && fix->to && s && s->runtime_toolchain && f->kind &&
	    !strcmp(s->runtime_toolchain, f->kind->name) && s->runtime_version && strcmp(s->runtime_version, fix->to))
		rc = add_change(m, list, &n,
				arena_printf(m->a,
					     "the runtime of %s moves from %s %s to %s together with the engine: newer "
					     "engines do not load "
					     "in older runtimes",
					     s->name, s->runtime_toolchain, s->runtime_version, fix->to));
	for (size_t i = 0; !rc && i < f->judgement.reason_count; i++)
		rc = add_change(m, list, &n, f->judgement.reasons[i]);
	t->changes = list;
	t->change_count = n;
	return rc;
}

static const char *text_or_empty(struct making *m, struct span s)
{
	return s.n ? arena_text(m->a, s) : "";
}

static int fill_task(struct making *m, const struct candidate *c, struct plan_task *t)
{
	*t = (struct plan_task){
		.service = c->at.service.n ? arena_text(m->a, c->at.service) : PLAN_UNASSIGNED,
		.environment = c->at.environment.n ? arena_text(m->a, c->at.environment) : PLAN_UNASSIGNED,
		.model = c->model,
		.target = c->target,
		.product = text_or_empty(m, c->at.artifact.product),
		.from_version = text_or_empty(m, c->at.artifact.version),
		.engine_path = arena_text(m->a, c->at.path),
		.engine_digest = arena_text(m->a, span_of(c->at.artifact.digest)),
		.engine_kind = text_or_empty(m, c->at.artifact.kind),
		.engine_bytes = (int64_t)c->at.artifact.size,
		.seen_from = c->at.seen_from,
		.recipe = c->recipe,
		.placements = 1,
	};
	if (!t->service || !t->environment || !t->product || !t->from_version || !t->engine_path || !t->engine_digest ||
	    !t->engine_kind)
		return out_of_memory(m);
	struct facts f = { 0 };
	int rc = gather(m, c, t->product, &f);
	if (rc)
		return rc;
	struct plan_question q = { .service_owner = owner_of(m, c->at.service),
				   .model = *text_or_empty(m, c->at.model) && !c->image ? c->model : "",
				   .path = t->engine_path,
				   .recipe = c->recipe,
				   .recipe_error = c->recipe_error,
				   .fix = f.cure ? &f.cure->fix : NULL,
				   .judgement = &f.judgement,
				   .lane = f.lane,
				   .has_service = c->service != NULL,
				   .image = c->image,
				   .doubt = f.doubt,
				   .other_product = f.other_product };
	struct plan_answer answer;
	if (plan_decide(&q, m->a, &answer))
		return out_of_memory(m);
	t->planned = answer.planned;
	t->reason = answer.reason;
	t->owner = answer.owner;
	t->toolchain = f.kind ? f.kind->name : "";
	t->to_version = f.cure && f.cure->fix.to ? f.cure->fix.to : "";
	t->fix_why = f.cure ? (f.cure->fix.why ? f.cure->fix.why : f.cure->error) : "";
	return list_changes(m, c, &f, t);
}

static int make_tasks(struct making *m)
{
	struct plan *p = m->plan;
	p->tasks = arena_array(m->a, m->row_count + 1, sizeof *p->tasks);
	if (!p->tasks)
		return out_of_memory(m);
	for (size_t i = 0; i < m->row_count; i++) {
		if (thread_stop_wanted())
			return err_set(m->err, RF_ECANCELLED, "stopped while planning");
		struct plan_task *last = p->task_count ? &p->tasks[p->task_count - 1] : NULL;
		if (i > 0 && last && same_task(&m->rows[i - 1], &m->rows[i])) {
			last->placements++;
			last->seen_from = RF_MIN(last->seen_from, m->rows[i].at.seen_from);
			continue;
		}
		struct plan_task *t = &p->tasks[p->task_count];
		int rc = fill_task(m, &m->rows[i], t);
		if (rc)
			return rc;
		p->task_count++;
		if (t->planned)
			p->planned++;
		else
			p->blocked++;
	}
	return 0;
}

static void making_release(struct making *m)
{
	map_release(&m->by_placement);
	plan_cures_release(&m->cures);
	map_release(&m->lanes);
	rf_free(m->found);
	rf_free(m->rows);
}

static int run(struct making *m)
{
	int rc = exposure_refresh(m->context->db, "reforge:response", NULL, m->err);
	if (!rc)
		rc = database_transact(m->context->db, DB_READ, collect, m, m->err);
	if (!rc)
		rc = make_rows(m);
	m->cures = (struct plan_cures){ .context = m->context,
					.a = m->a,
					.err = m->err,
					.advisories = m->advisories,
					.advisory_count = m->advisory_count };
	if (!rc)
		rc = make_tasks(m);
	return rc;
}

int plan_make_with(const struct response_context *context, struct tools *tools, const char *const *advisories, size_t n,
		   struct arena *a, struct plan *ret, struct err *err)
{
	struct plan plan = { .placement_since = USEC_NONE };
	RF_AUTO(making)
	m = { .context = context,
	      .tools = tools,
	      .a = a,
	      .err = err,
	      .advisories = advisories,
	      .advisory_count = n,
	      .plan = &plan };
	int rc = run(&m);
	if (!rc)
		*ret = plan;
	return rc;
}

int plan_make(const struct response_context *context, const char *const *advisories, size_t n, struct arena *a,
	      struct plan *ret, struct err *err)
{
	/* texts in the plan point into the tools' arena only through lanes and fixes, which are copied to @a */
	RF_AUTO_PTR(tools) tools = NULL;
	int rc = tools_new(context, &tools, err);
	return rc ? rc : plan_make_with(context, tools, advisories, n, a, ret, err);
}
