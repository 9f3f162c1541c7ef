/* What is told of each engine, put together into drafts of recipes and questions. adopt.h is the manual. Pure. */
#include "inventory/adopt_int.h"

#include "base/hash.h"
#include "inventory/artifact.h"
#include "workspace/recipe.h"

static const char *const STATES[ADOPT_STATES] = {
	[ADOPT_READY] = "ready",
	[ADOPT_ASKS] = "asks",
	[ADOPT_NOT_REBUILDABLE] = "not rebuildable",
};

const char *adopt_state_name(enum adopt_state s)
{
	return (unsigned)s < ADOPT_STATES ? STATES[s] : "?";
}

/* ── looking up ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Things of one key, in the order given. */
struct link {
	const void *thing;
	struct link *next;
};
struct chain {
	struct link *first, *last;
};

struct making {
	struct arena *a;
	const struct adopt_facts *facts;
	struct map models_by_digest, models_by_name, commands_by_name, golden, services, names, drafts_of;
	struct adopt_draft *drafts;
	size_t count;
};

static struct span base_name(const char *path)
{
	struct span s = span_of(path);
	size_t slash = span_rfind_byte(s, '/'), back = span_rfind_byte(s, '\\');
	size_t from = slash == SIZE_MAX ? 0 : slash + 1;
	if (back != SIZE_MAX && back + 1 > from)
		from = back + 1;
	return span_from(s, from);
}

static int chain_add(struct making *m, struct map *map, struct span key, const void *thing)
{
	struct chain *c = map_get(map, key);
	struct link *l = arena_alloc(m->a, sizeof *l);
	if (!l)
		return RF_ENOMEM;
	l->thing = thing;
	if (c) {
		c->last->next = l;
		c->last = l;
		return 0;
	}
	c = arena_alloc(m->a, sizeof *c);
	if (!c)
		return RF_ENOMEM;
	*c = (struct chain){ l, l };
	return map_set(map, key, c);
}

static const struct link *chain_of(const struct map *map, struct span key)
{
	const struct chain *c = map_get(map, key);
	return c ? c->first : NULL;
}

static int index_facts(struct making *m)
{
	const struct adopt_facts *f = m->facts;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < f->models_n; i++) {
		rc = chain_add(m, &m->models_by_digest, span_of(f->models[i].digest), &f->models[i]);
		if (rc == 0)
			rc = chain_add(m, &m->models_by_name, base_name(f->models[i].path), &f->models[i]);
	}
	for (size_t i = 0; rc == 0 && i < f->commands_n; i++)
		if (f->commands[i].engine[0])
			rc = chain_add(m, &m->commands_by_name, base_name(f->commands[i].engine), &f->commands[i]);
	for (size_t i = 0; rc == 0 && i < f->golden_n; i++)
		rc = chain_add(m, &m->golden, span_of(f->golden[i].model), &f->golden[i]);
	for (size_t i = 0; rc == 0 && i < f->services_n; i++)
		rc = chain_add(m, &m->services, span_of(f->services[i].name), &f->services[i]);
	for (size_t i = 0; rc == 0 && i < f->taken_n; i++)
		rc = chain_add(m, &m->names, span_of(f->taken[i]), f->taken[i]);
	return rc;
}

/* How many parts of two paths are the same, from the end on. */
static size_t common_tail(const char *a, const char *b)
{
	size_t i = strlen(a), j = strlen(b), parts = 0;
	while (i && j && a[i - 1] == b[j - 1]) {
		i--;
		j--;
		parts += a[i] == '/' || i == 0 || j == 0;
	}
	return parts;
}

/* ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct adopt_question *ask(struct making *m, struct adopt_draft *d, const char *what, bool blocks,
				  const char *format, ...) RF_PRINTF(5, 6);
static struct adopt_question *ask(struct making *m, struct adopt_draft *d, const char *what, bool blocks,
				  const char *format, ...)
{
	RF_AUTO(str) text = STR_INIT(4 * KIB);
	va_list args;
	if (d->questions_n == ADOPT_MAX_QUESTIONS)
		return NULL;
	va_start(args, format);
	str_vaddf(&text, format, args);
	va_end(args);
	struct adopt_question *q = &d->questions[d->questions_n++];
	*q = (struct adopt_question){ .what = what, .blocks = blocks, .text = arena_text(m->a, str_span(&text)) };
	if (!q->text)
		q->text = "";
	return q;
}

static void offer(struct adopt_question *q, const char *candidate)
{
	if (!q || !candidate)
		return;
	for (size_t i = 0; i < q->candidates_n; i++)
		if (strcmp(q->candidates[i], candidate) == 0)
			return;
	if (q->candidates_n < ADOPT_MAX_CANDIDATES)
		q->candidates[q->candidates_n++] = candidate;
}

static const char *place(struct making *m, const struct adopt_command *c)
{
	const char *text = arena_printf(m->a, "%s, line %llu", c->file, (unsigned long long)c->line);
	return text ? text : c->file;
}

/* ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool same_args(const struct adopt_command *a, const struct adopt_command *b)
{
	if (a->args_n != b->args_n || strcmp(a->model, b->model) != 0)
		return false;
	for (size_t i = 0; i < a->args_n; i++)
		if (strcmp(a->args[i], b->args[i]) != 0)
			return false;
	return true;
}

/* "8.6.1" speaks of 8.6.1.6. */
static bool version_fits(const char *log, const char *engine)
{
	size_t n = strlen(log);
	return !log[0] || !engine[0] || (strncmp(log, engine, n) == 0 && (engine[n] == '.' || engine[n] == 0));
}

/* 0: another build. Higher: nearer to the engine, better witnessed. */
static size_t command_fits(const struct adopt_engine *e, const struct adopt_command *c)
{
	if (c->failed || !version_fits(c->version, e->version) ||
	    (c->compute_capability[0] && e->compute_capability[0] && strcmp(c->compute_capability, e->compute_capability) != 0))
		return 0;
	return 1 + 8 * common_tail(e->path, c->engine) + 4U * c->passed + 2U * c->from_log + (c->version[0] != 0);
}

static void find_command(struct making *m, const struct adopt_engine *e, struct adopt_draft *d)
{
	const struct adopt_command *best = NULL, *rival = NULL;
	size_t most = 0;
	for (const struct link *l = chain_of(&m->commands_by_name, base_name(e->path)); l; l = l->next) {
		const struct adopt_command *c = l->thing;
		size_t fit = command_fits(e, c);
		if (fit > most) {
			rival = NULL;
			best = c;
			most = fit;
		} else if (fit && fit == most && !same_args(best, c)) {
			rival = c;
		}
	}
	if (best && rival) {
		struct adopt_question *q = ask(m, d, "arguments", true, "Two builds of %.*s are in the logs and differ: which one made it?",
					       SPAN_ARG(base_name(e->path)));
		offer(q, place(m, best));
		offer(q, place(m, rival));
		return;
	}
	d->command = best;
}

/* ── the model ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static void take_model(struct making *m, struct adopt_draft *d, const struct adopt_model *model, const char *source)
{
	d->source_path = (struct adopt_field){ .value = model->path, .source = source };
	d->source_digest = (struct adopt_field){ .value = model->digest, .source = "hashed just now" };
	if (model->refused)
		ask(m, d, "source", true, "%s is refused by inspection (`reforge scan` names the rule): where is a sound copy?",
		    model->path);
}

/* "det.onnx_b1_gpu0_fp16.engine" (DeepStream), "ssd.onnx.1.1.8201.GPU.FP16.engine" (jetson-inference). */
static struct span model_in_name(struct span name)
{
	size_t at = span_find(name, SPAN(".onnx"));
	bool inside = at != SIZE_MAX && at + 5 < name.n && (name.p[at + 5] == '_' || name.p[at + 5] == '.');
	return inside ? span_sub(name, 0, at + 5) : SPAN_NONE;
}

/* Of the models called @name: the one nearest to @near when it is the only one of its content there. */
static const struct adopt_model *pick_model(struct making *m, struct span name, const char *near, bool *ret_several)
{
	const struct adopt_model *best = NULL;
	size_t most = 0;
	*ret_several = false;
	for (const struct link *l = chain_of(&m->models_by_name, name); l; l = l->next) {
		const struct adopt_model *c = l->thing;
		size_t fit = 1 + common_tail(c->path, near);
		if (fit > most) {
			*ret_several = false;
			best = c;
			most = fit;
		} else if (fit == most && strcmp(best->digest, c->digest) != 0) {
			*ret_several = true;
		}
	}
	return best;
}

static void offer_models(struct making *m, struct adopt_question *q, struct span name)
{
	for (const struct link *l = chain_of(&m->models_by_name, name); l; l = l->next)
		offer(q, ((const struct adopt_model *)l->thing)->path);
}

/* A model whose name is like the engine's is a guess: it is offered, never taken. False: there is none. */
static void guess_in_folder(struct making *m, const struct adopt_engine *e, struct adopt_draft *d, struct adopt_question **q)
{
	size_t n = strlen(e->folder);
	for (size_t i = 0; n && i < m->facts->models_n; i++) {
		const struct adopt_model *model = &m->facts->models[i];
		if (strncmp(model->path, e->folder, n) != 0 || model->path[n] != '/')
			continue;
		if (!*q)
			*q = ask(m, d, "source", true, "Is %.*s built from the model that lies in its folder? Nothing but the place says so.",
				 SPAN_ARG(base_name(e->path)));
		offer(*q, model->path);
	}
}

static bool guess_model(struct making *m, const struct adopt_engine *e, struct adopt_draft *d)
{
	struct span name = base_name(e->path);
	size_t dot = span_find_byte(name, '.');
	const struct span stems[] = { span_of(e->model), dot == SIZE_MAX ? name : span_sub(name, 0, dot) };
	struct adopt_question *q = NULL;
	for (size_t i = 0; i < RF_COUNT(stems); i++) {
		char file[512];
		int n = snprintf(file, sizeof file, "%.*s.onnx", SPAN_ARG(span_sub(stems[i], 0, 400)));
		struct span key = { file, (size_t)n };
		if (!chain_of(&m->models_by_name, key))
			continue;
		if (!q)
			q = ask(m, d, "source", true, "Is %.*s built from the model of like name? Nothing but the name says so.",
				SPAN_ARG(name));
		offer_models(m, q, key);
	}
	guess_in_folder(m, e, d, &q);
	return q != NULL;
}

static bool find_by_stamp(struct making *m, const struct adopt_engine *e, struct adopt_draft *d)
{
	if (e->conflict || !e->source_digest[0])
		return false;
	const struct link *l = chain_of(&m->models_by_digest, span_of(e->source_digest));
	if (l)
		take_model(m, d, l->thing, "the engine's own stamp names its digest");
	else
		ask(m, d, "source", true, "The engine was built from the model with SHA-256 %s, which is not here: who has it?",
		    e->source_digest);
	d->state = l ? d->state : ADOPT_NOT_REBUILDABLE;
	return true;
}

/* By the name that a log, or the engine's own name, gives. */
static bool find_by_name(struct making *m, struct adopt_draft *d, struct span name, const char *near, const char *source)
{
	bool several;
	const struct adopt_model *model = name.n ? pick_model(m, name, near, &several) : NULL;
	if (!model)
		return false;
	if (!several) {
		take_model(m, d, model, source);
		return true;
	}
	offer_models(m, ask(m, d, "source", true, "Several different models are called %.*s: which one?", SPAN_ARG(name)), name);
	return true;
}

static void find_source(struct making *m, const struct adopt_engine *e, struct adopt_draft *d)
{
	const struct adopt_command *c = d->command;
	struct span named = model_in_name(base_name(e->path));
	if (find_by_stamp(m, e, d) ||
	    (c && c->model[0] && !strpbrk(c->model, "$`") && find_by_name(m, d, base_name(c->model), c->model, place(m, c))) ||
	    find_by_name(m, d, named, e->path, "the engine's file name") || guess_model(m, e, d))
		return;
	d->state = ADOPT_NOT_REBUILDABLE;
	if (c && c->model[0])
		ask(m, d, "source", true, "%s says that it was built from %s, which is not here: who has it?", place(m, c), c->model);
	else
		ask(m, d, "source", true, "Nothing says which model %s was built from: who has it?", e->path);
}

/* ── target, options, inputs ─────────────────────────────────────────────────────────────────────────────────────── */

/* Compute capabilities of GPUs that exist on ARM boards only (developer.nvidia.com/cuda-gpus): TX1, TX2, Xavier, Orin,
 * Thor. */
static bool is_jetson(const char *gpu)
{
	static const char *const ONLY[] = { "sm_53", "sm_62", "sm_72", "sm_87" };
	for (size_t i = 0; i < RF_COUNT(ONLY); i++)
		if (strcmp(gpu, ONLY[i]) == 0)
			return true;
	return false;
}

static struct adopt_field find_target(struct making *m, const struct adopt_engine *e, struct adopt_draft *d)
{
	const char *platform = d->service && d->service->platform[0] ? d->service->platform : NULL;
	const char *own = e->conflict ? "" : e->target;
	const char *gpu = own[0] ? own : e->config_target, *from = own[0] ? "the engine's header" : e->config;
	if (strchr(own, '/'))
		return (struct adopt_field){ .value = own, .source = "the engine's own stamp" };
	if (gpu[0] && is_jetson(gpu))
		return (struct adopt_field){ .value = arena_printf(m->a, "linux-aarch64/%s", gpu),
					     .source = arena_printf(m->a, "%s; a GPU of Jetson boards only", from) };
	if (gpu[0] && platform)
		return (struct adopt_field){ .value = arena_printf(m->a, "%s/%s", platform, gpu),
					     .source = arena_printf(m->a, "%s, and the platform given to adopt", from) };
	if (d->toolchain.value[0] && strcmp(d->toolchain.value, "onnxruntime") == 0 && platform)
		return (struct adopt_field){ .value = arena_printf(m->a, "%s/cpu", platform), .source = "the platform given to adopt",
					     .proposed = true };
	struct adopt_question *q = ask(m, d, "target", true, "Which machine runs %s: operating system, processor%s?", e->path,
				       gpu[0] ? "" : ", GPU");
	if (gpu[0]) {
		offer(q, arena_printf(m->a, "linux-x86_64/%s", gpu));
		offer(q, arena_printf(m->a, "linux-aarch64/%s", gpu));
	}
	return (struct adopt_field){ .value = "", .source = "" };
}

/* What is wrong with the file, by which rule, and what to do next. */
static void ask_of_conflict(struct making *m, const struct adopt_engine *e, struct adopt_draft *d)
{
	const char *rule = e->rule[0] ? e->rule : e->cause;
	if (strcmp(e->cause, ARTIFACT_CAUSE_HOST_CODE) == 0)
		ask(m, d, "toolchain", true,
		    "%s holds native code (%s), which runs in whatever loads it: who put it there? Take it out of service, and build it "
		    "anew from its model unless its owner can vouch for that code.",
		    e->path, rule);
	else
		ask(m, d, "toolchain", true,
		    "%s contradicts itself (%s; `reforge explain` shows where): is it the file that was built? If not, put the right one there.",
		    e->path, rule);
}

static void find_toolchain(struct making *m, const struct adopt_engine *e, struct adopt_draft *d)
{
	const char *name = !e->product                                            ? ""
			   : strcmp(e->product, ARTIFACT_PRODUCT_TENSORRT) == 0    ? "tensorrt"
			   : strcmp(e->product, ARTIFACT_PRODUCT_ONNXRUNTIME) == 0 ? "onnxruntime"
										   : "";
	d->toolchain = (struct adopt_field){ .value = name, .source = name[0] ? e->kind : "" };
	if (!name[0] && e->config_backend[0])
		d->toolchain = (struct adopt_field){ .value = name = e->config_backend, .source = e->config };
	if (!name[0])
		ask(m, d, "toolchain", true, "What built %s? Its content does not say.", e->path);
	if (e->conflict)
		ask_of_conflict(m, e, d);
}

/* A precision that the file's name speaks of. */
static const char *precision_in_name(struct span name)
{
	static const char *const WORDS[][2] = { { "fp16", "--fp16" }, { "FP16", "--fp16" }, { "int8", "--int8" }, { "INT8", "--int8" },
						{ "bf16", "--bf16" }, { "fp8", "--fp8" } };
	for (size_t i = 0; i < RF_COUNT(WORDS); i++)
		if (span_find(name, span_of(WORDS[i][0])) != SIZE_MAX)
			return WORDS[i][1];
	return NULL;
}

static void find_arguments(struct making *m, const struct adopt_engine *e, struct adopt_draft *d)
{
	const struct adopt_command *c = d->command;
	if (c) {
		d->args = c->args;
		d->args_n = c->args_n;
		d->arguments = (struct adopt_field){ .value = "told", .source = place(m, c) };
		if (c->unresolved)
			ask(m, d, "arguments", true, "%s builds with %s: what was it?", d->arguments.source, c->unresolved);
		if (c->plugins[0])
			ask(m, d, "plugins", true, "It was built with the plugin library %s: who has its source, for the new TensorRT?", c->plugins);
		if (c->int8)
			ask(m, d, "calibration", true, "It is INT8%s%s: who has the calibration data? A calibration cache does not serve TensorRT 11.",
			    c->calibration[0] ? ", calibrated with the cache " : "", c->calibration);
		return;
	}
	d->arguments = (struct adopt_field){ .value = "", .source = "" };
	if (strcmp(d->toolchain.value, "onnxruntime") == 0) {
		static const char *usual[] = { "--optimization=all" };
		d->args = usual;
		d->args_n = 1;
		d->arguments = (struct adopt_field){ .value = "told", .source = "usual", .proposed = true };
		return;
	}
	for (size_t i = 0; i < d->questions_n; i++)
		if (strcmp(d->questions[i].what, "arguments") == 0)
			return;
	struct adopt_question *q = ask(m, d, "arguments", true, "No log or script shows how %.*s was built: with which options?",
				       SPAN_ARG(base_name(e->path)));
	offer(q, precision_in_name(base_name(e->path)));
	if (e->shapes[0])
		offer(q, e->shapes);
}

static void find_inputs(struct making *m, const struct adopt_engine *e, struct adopt_draft *d)
{
	const struct link *l = chain_of(&m->golden, span_of(e->model));
	const struct adopt_command *c = d->command;
	if (l)
		d->inputs = (struct adopt_field){ .value = ((const struct adopt_golden *)l->thing)->path, .source = "a folder of that name" };
	else
		ask(m, d, "inputs", false, "Which inputs is %s proven with? A few real requests as .npy files, one folder.", e->model);
	d->tolerance = (struct adopt_field){
		.value = c && c->int8	? "{min_cosine: 0.99}"
			 : c && c->half ? "{atol: 1e-2, rtol: 1e-2, min_cosine: 0.999}"
					: "{atol: 1e-4, rtol: 1e-3, min_cosine: 0.9999}",
		.source = c ? "usual for its precision" : "usual",
		.proposed = true,
	};
}

/* ── drafts ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool same_field(const struct adopt_field *a, const struct adopt_field *b)
{
	return strcmp(a->value, b->value) == 0;
}

/* One recipe for both: they differ in nothing but target and place. */
static bool may_share(const struct adopt_draft *a, const struct adopt_draft *b)
{
	if (!same_field(&a->toolchain, &b->toolchain) || !same_field(&a->source_digest, &b->source_digest) ||
	    !same_field(&a->arguments, &b->arguments) || a->args_n != b->args_n || a->state != b->state)
		return false;
	for (size_t i = 0; i < a->args_n; i++)
		if (strcmp(a->args[i], b->args[i]) != 0)
			return false;
	/* what breaks a rule is asked about by itself */
	if (a->source_digest.value[0] && !a->engines[0]->conflict && !b->engines[0]->conflict)
		return true;
	/* nothing is known of either's model: the same file is the same engine, others are others */
	return strcmp(a->engines[0]->digest, b->engines[0]->digest) == 0;
}

static int share(struct making *m, struct adopt_draft *d, const struct adopt_draft *more)
{
	const struct adopt_engine **engines = arena_array(m->a, d->engines_n + 1, sizeof *engines);
	struct adopt_field *targets = arena_array(m->a, d->targets_n + 1, sizeof *targets);
	if (!engines || !targets)
		return RF_ENOMEM;
	memcpy(engines, d->engines, d->engines_n * sizeof *engines);
	engines[d->engines_n++] = more->engines[0];
	d->engines = engines;
	for (size_t i = 0; i < d->targets_n; i++)
		if (!more->targets_n || same_field(&d->targets[i], &more->targets[0]))
			return 0;
	if (more->targets_n) {
		if (d->targets_n)
			memcpy(targets, d->targets, d->targets_n * sizeof *targets);
		targets[d->targets_n++] = more->targets[0];
		d->targets = targets;
	}
	return 0;
}

char *adopt_plain_name(struct arena *a, struct span text)
{
	char *name = arena_text(a, span_sub(text, 0, RECIPE_NAME_MAX - 8));
	for (char *p = name; p && *p; p++)
		if (!recipe_name_is_valid((struct span){ p, 1 }) && !(p > name && (*p == '.' || *p == '-')))
			*p = '_';
	return name;
}

static const char *choose_name(struct making *m, const struct adopt_engine *e)
{
	const char *name = adopt_plain_name(m->a, span_of(e->model));
	if (name && chain_of(&m->names, span_of(name)))
		name = adopt_plain_name(m->a, span_of(arena_printf(m->a, "%.60s-%.58s", e->service, e->model)));
	const char *base = name;
	for (int i = 2; name && chain_of(&m->names, span_of(name)); i++)
		name = arena_printf(m->a, "%s-%d", base, i);
	return name && chain_add(m, &m->names, span_of(name), name) == 0 ? name : NULL;
}

static int make_draft(struct making *m, const struct adopt_engine *e, struct adopt_draft *d)
{
	static const struct adopt_field nothing = { .value = "", .source = "" };
	const struct link *service = chain_of(&m->services, span_of(e->service));
	*d = (struct adopt_draft){ .engines = arena_array(m->a, 1, sizeof *d->engines),
				   .engines_n = 1,
				   .service = service ? service->thing : NULL,
				   .targets = arena_array(m->a, 1, sizeof *d->targets),
				   .source_path = nothing,
				   .source_digest = nothing,
				   .arguments = nothing,
				   .inputs = nothing };
	if (!d->engines || !d->targets)
		return RF_ENOMEM;
	d->engines[0] = e;
	find_toolchain(m, e, d);
	find_command(m, e, d);
	find_source(m, e, d);
	struct adopt_field target = find_target(m, e, d);
	if (!target.value)
		return RF_ENOMEM;
	if (target.value[0])
		d->targets[d->targets_n++] = target;
	find_arguments(m, e, d);
	find_inputs(m, e, d);
	if (!d->service || !d->service->owner[0])
		ask(m, d, "owner", true, "Who answers for the service %s?", e->service);
	for (size_t i = 0; i < d->questions_n && d->state == ADOPT_READY; i++)
		d->state = d->questions[i].blocks ? ADOPT_ASKS : ADOPT_READY;
	return 0;
}

static int add_engine(struct making *m, const struct adopt_engine *e)
{
	struct adopt_draft d;
	int rc = make_draft(m, e, &d);
	const char *key = rc == 0 ? arena_printf(m->a, "%s\n%s", e->service, e->model) : NULL;
	if (!key)
		return RF_ENOMEM;
	for (const struct link *l = chain_of(&m->drafts_of, span_of(key)); l; l = l->next) {
		struct adopt_draft *there = &m->drafts[*(const size_t *)l->thing];
		if (may_share(there, &d))
			return share(m, there, &d);
	}
	d.name = choose_name(m, e);
	size_t *index = arena_alloc(m->a, sizeof *index);
	if (!d.name || !index)
		return RF_ENOMEM;
	*index = m->count;
	m->drafts[m->count++] = d;
	return chain_add(m, &m->drafts_of, span_of(key), index);
}

static int by_service_and_name(const void *a, const void *b)
{
	const struct adopt_draft *x = a, *y = b;
	int c = strcmp(x->engines[0]->service, y->engines[0]->service);
	return c ? c : strcmp(x->name, y->name);
}

int adopt_draft(struct arena *a, const struct adopt_facts *facts, struct adopt_draft **ret, size_t *ret_count, struct err *err)
{
	struct making m = { .a = a, .facts = facts, .drafts = arena_array(a, facts->engines_n + 1, sizeof *m.drafts) };
	int rc = m.drafts ? index_facts(&m) : RF_ENOMEM;
	for (size_t i = 0; rc == 0 && i < facts->engines_n; i++)
		rc = add_engine(&m, &facts->engines[i]);
	struct map *const maps[] = { &m.models_by_digest, &m.models_by_name, &m.commands_by_name, &m.golden, &m.services, &m.names, &m.drafts_of };
	for (size_t i = 0; i < RF_COUNT(maps); i++)
		map_release(maps[i]);
	if (rc != 0)
		return err_set(err, rc, "no memory for drafts of %zu engines", facts->engines_n);
	qsort(m.drafts, m.count, sizeof *m.drafts, by_service_and_name);
	*ret = m.drafts;
	*ret_count = m.count;
	return 0;
}
