/*
 * Local functions (ModelProto.functions) and operators' domains. A reader that expands functions, as ONNX Runtime does
 * before anything else, must find an end: no function calls itself, and what their expansion comes to is bounded.
 */
#include "inventory/model_int.h"

#define FIRST_SLOTS 64

/* Domains whose operators a toolchain brings along: ONNX's, and those of ONNX Runtime's own builds and optimiser. */
static const char *const known_domains[] = {
	"ai.onnx",
	"ai.onnx.ml",
	"ai.onnx.training",
	"ai.onnx.preview",
	"ai.onnx.preview.training",
	"com.microsoft",
	"com.microsoft.nchwc",
	"com.microsoft.experimental",
	"com.microsoft.dml",
	"com.ms.internal.nhwc",
	"com.xilinx",
	"org.pytorch.aten",
};

/* ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static size_t call_hash(uint32_t owner, uint32_t domain, uint32_t op, uint32_t overload)
{
	const uint32_t key[] = { owner, domain, op, overload };
	return (size_t)hash_bytes(key, sizeof key);
}

static bool call_slots_grow(struct model *m)
{
	size_t wanted = m->call_slot_count ? 2 * m->call_slot_count : FIRST_SLOTS;
	uint32_t *slots = rf_alloc(wanted * sizeof *slots);
	if (!slots) {
		m->r->failed = RF_ENOMEM;
		return false;
	}
	for (size_t i = 1; i <= m->call_count; i++) {
		const struct model_call *c = &m->calls[i];
		size_t at = call_hash(c->owner, c->domain, c->op, c->overload) & (wanted - 1);
		while (slots[at])
			at = (at + 1) & (wanted - 1);
		slots[at] = (uint32_t)i;
	}
	rf_free(m->call_slots);
	m->call_slots = slots;
	m->call_slot_count = wanted;
	return true;
}

static uint32_t domain_plain(const struct model *m, uint32_t domain)
{
	return model_name_is(m, domain, "ai.onnx") ? 0 : domain;
}

void model_call_add(struct model *m, uint32_t owner, uint32_t domain, uint32_t op, uint32_t overload, uint64_t at)
{
	domain = domain_plain(m, domain);
	if (m->full || (m->call_count + 1 >= m->call_slot_count / 2 && !call_slots_grow(m)))
		return;
	size_t slot = call_hash(owner, domain, op, overload) & (m->call_slot_count - 1);
	for (; m->call_slots[slot]; slot = (slot + 1) & (m->call_slot_count - 1)) {
		struct model_call *c = &m->calls[m->call_slots[slot]];
		if (c->owner == owner && c->domain == domain && c->op == op && c->overload == overload) {
			c->count++;
			return;
		}
	}
	if (!model_grow(m, &m->calls, m->call_count, &m->call_room, sizeof *m->calls))
		return;
	uint32_t id = (uint32_t)++m->call_count;
	uint32_t *first = owner ? &m->functions[owner].first_call : &m->first_call;
	m->calls[id] = (struct model_call){ owner, domain, op, overload, 1, *first, at };
	*first = id;
	m->call_slots[slot] = id;
}

uint32_t model_function_add(struct model *m, uint64_t at)
{
	if (m->function_count == MODEL_MAX_FUNCTIONS) {
		model_object(m, MODEL_OVER_LIMIT, at, "more than %u local functions", MODEL_MAX_FUNCTIONS);
		return 0;
	}
	if (!model_grow(m, &m->functions, m->function_count, &m->function_room, sizeof *m->functions))
		return 0;
	m->functions[++m->function_count].at = at;
	return (uint32_t)m->function_count;
}

/* ── Which function a call means ─────────────────────────────────────────────────────────────────────────────────── */

struct functions {
	uint32_t *slots;
	size_t count;
	bool *domains; /* per name: a local function is of this domain */
};

static uint32_t *function_slot(const struct model *m, const struct functions *f, uint32_t domain, uint32_t name,
			       uint32_t overload)
{
	size_t slot = call_hash(0, domain, name, overload) & (f->count - 1);
	for (; f->slots[slot]; slot = (slot + 1) & (f->count - 1)) {
		const struct model_function *x = &m->functions[f->slots[slot]];
		if (x->domain == domain && x->name == name && x->overload == overload)
			break;
	}
	return &f->slots[slot];
}

static bool functions_open(struct model *m, struct functions *f)
{
	for (f->count = FIRST_SLOTS; f->count / 2 <= m->function_count;)
		f->count *= 2;
	f->slots = rf_alloc(f->count * sizeof *f->slots);
	f->domains = rf_alloc(m->names.count + 1);
	if (!f->slots || !f->domains)
		return false;
	for (uint32_t i = 1; i <= m->function_count; i++) {
		struct model_function *x = &m->functions[i];
		x->domain = domain_plain(m, x->domain);
		uint32_t *slot = function_slot(m, f, x->domain, x->name, x->overload);
		if (*slot)
			model_object(m, MODEL_DUPLICATE_FUNCTION, x->at, "%s of the domain %s",
				     model_show_name(m, x->name), model_show_name(m, x->domain));
		else
			*slot = i;
		f->domains[x->domain] = true;
	}
	return true;
}

/* ── Recursion and expansion ─────────────────────────────────────────────────────────────────────────────────────── */

/* The function that @call calls; 0: an operator of a toolchain. */
static uint32_t callee(const struct model *m, const struct functions *f, const struct model_call *call)
{
	return *function_slot(m, f, call->domain, call->op, call->overload);
}

static uint64_t add_times(uint64_t sum, uint64_t count, uint64_t each)
{
	uint64_t product;
	if (__builtin_mul_overflow(count, each, &product) || __builtin_add_overflow(sum, product, &sum))
		return UINT64_MAX;
	return sum;
}

struct visit {
	uint32_t function, call; /* call: next to look at */
};

/* Depth first without the machine's stack: a chain of functions may be as long as the list of them. */
static void function_visit(struct model *m, const struct functions *f, struct visit *stack, uint32_t start)
{
	size_t depth = 0;
	stack[depth++] = (struct visit){ start, m->functions[start].first_call };
	m->functions[start].mark = 1;
	m->functions[start].expanded = m->functions[start].nodes;
	while (depth) {
		struct visit *v = &stack[depth - 1];
		struct model_function *x = &m->functions[v->function];
		const struct model_call *c = v->call ? &m->calls[v->call] : NULL;
		uint32_t called = c ? callee(m, f, c) : 0;
		struct model_function *y = called ? &m->functions[called] : NULL;
		if (!c) {
			x->mark = 2;
			depth--;
		} else if (y && y->mark == 0) {
			y->mark = 1;
			y->expanded = y->nodes;
			stack[depth++] = (struct visit){ called, y->first_call };
		} else {
			if (y && y->mark == 1)
				model_object(m, MODEL_FUNCTION_RECURSION, c->at, "%s calls %s, which leads back to it",
					     model_show_name(m, x->name), model_show_name(m, y->name));
			else if (y)
				x->expanded = add_times(x->expanded, c->count, y->expanded);
			v->call = c->next;
		}
	}
}

static void expansion_judge(struct model *m, const struct functions *f)
{
	RF_AUTO_FREE struct visit *stack = rf_alloc((m->function_count + 1) * sizeof *stack);
	if (!stack) {
		m->r->failed = RF_ENOMEM;
		return;
	}
	for (uint32_t i = 1; i <= m->function_count; i++)
		if (m->functions[i].mark == 0)
			function_visit(m, f, stack, i);
	uint64_t all = m->nodes;
	for (uint32_t id = m->first_call; id; id = m->calls[id].next) {
		uint32_t called = callee(m, f, &m->calls[id]);
		if (called)
			all = add_times(all, m->calls[id].count, m->functions[called].expanded);
	}
	if (all > MODEL_MAX_EXPANDED_NODES)
		model_object(m, MODEL_FUNCTION_EXPANSION, 0,
			     all == UINT64_MAX ? "more nodes than can be counted" : "%llu nodes",
			     (unsigned long long)all);
}

/* ── Domains ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_known_domain(const struct model *m, uint32_t domain)
{
	for (size_t i = 0; i < RF_COUNT(known_domains); i++)
		if (model_name_is(m, domain, known_domains[i]))
			return true;
	return domain == 0;
}

/* Each once: a call's domain is marked as a function's would be. */
static void domains_judge(struct model *m, struct functions *f)
{
	for (size_t i = 1; i <= m->call_count; i++) {
		const struct model_call *c = &m->calls[i];
		if (f->domains[c->domain] || is_known_domain(m, c->domain))
			continue;
		f->domains[c->domain] = true;
		model_object(m, MODEL_UNKNOWN_DOMAIN, c->at, "%s of the domain %s: a library of custom operators",
			     model_show_name(m, c->op), model_show_name(m, c->domain));
	}
}

void model_functions_judge(struct model *m)
{
	struct functions f = { 0 };
	if (m->full)
		return;
	if (!functions_open(m, &f)) {
		m->r->failed = RF_ENOMEM;
	} else {
		if (m->function_count)
			expansion_judge(m, &f);
		domains_judge(m, &f);
	}
	rf_free(f.slots);
	rf_free(f.domains);
}
