/*
 * Values and their order. A graph's definitions may stand behind their uses in the file (initialisers come after
 * nodes), and an inner graph takes what the graphs around it define: so all is collected first, then judged graph by
 * graph, the outer ones first. Source: onnx IR.md, "Graphs", "Names within a graph".
 */
#include "inventory/model_int.h"

uint32_t model_graph_add(struct model *m, uint32_t parent, uint32_t parent_node, uint64_t at)
{
	unsigned depth = parent ? m->graphs[parent].depth + 1 : 1;
	if (depth > MODEL_MAX_SUBGRAPH_DEPTH) {
		model_object(m, MODEL_NESTED_TOO_DEEP, at, "more than %d graphs within each other",
			     MODEL_MAX_SUBGRAPH_DEPTH);
		return 0;
	}
	if (!model_grow(m, &m->graphs, m->graph_count, &m->graph_room, sizeof *m->graphs))
		return 0;
	uint32_t id = (uint32_t)++m->graph_count;
	m->graphs[id] = (struct model_graph){ .parent = parent, .parent_node = parent_node, .depth = depth, .at = at };
	if (parent) {
		struct model_graph *p = &m->graphs[parent];
		if (p->last_child)
			m->graphs[p->last_child].next_sibling = id;
		else
			p->first_child = id;
		p->last_child = id;
	}
	return id;
}

bool model_node_add(struct model *m, uint32_t graph, uint32_t owner, uint64_t at, uint32_t *ret)
{
	if (m->full || !graph)
		return false;
	if (m->nodes == MODEL_MAX_NODES) {
		m->full = true;
		model_object(m, MODEL_OVER_LIMIT, at, "more than %u nodes", MODEL_MAX_NODES);
		return false;
	}
	m->nodes++;
	if (owner)
		m->functions[owner].nodes++;
	*ret = m->graphs[graph].nodes++;
	return true;
}

void model_define(struct model *m, uint32_t graph, enum model_def_kind kind, uint32_t name, uint32_t node, uint64_t at)
{
	if (!name || !graph || !model_grow(m, &m->defs, m->def_count, &m->def_room, sizeof *m->defs))
		return;
	uint32_t id = (uint32_t)++m->def_count;
	struct model_graph *g = &m->graphs[graph];
	m->defs[id] = (struct model_def){ .name = name, .graph = graph, .node = node, .kind = kind, .at = at };
	if (g->last_def)
		m->defs[g->last_def].next = id;
	else
		g->first_def = id;
	g->last_def = id;
}

void model_use(struct model *m, uint32_t graph, uint32_t name, uint32_t node, uint64_t at)
{
	if (!name || !graph || !model_grow(m, &m->uses, m->use_count, &m->use_room, sizeof *m->uses))
		return;
	uint32_t id = (uint32_t)++m->use_count;
	struct model_graph *g = &m->graphs[graph];
	m->uses[id] = (struct model_use){ .name = name, .node = node, .at = at };
	if (g->last_use)
		m->uses[g->last_use].next = id;
	else
		g->first_use = id;
	g->last_use = id;
}

/* ── Definitions ─────────────────────────────────────────────────────────────────────────────────────────────────── */

/* An initialiser of an input's name is its default value. */
static bool may_stand_together(const struct model_def *a, const struct model_def *b)
{
	return (a->kind == MODEL_DEF_INPUT && b->kind == MODEL_DEF_INITIALIZER) ||
	       (a->kind == MODEL_DEF_INITIALIZER && b->kind == MODEL_DEF_INPUT);
}

/* Makes a graph's definitions visible. */
static void definitions_bind(struct model *m, uint32_t graph)
{
	for (uint32_t id = m->graphs[graph].first_def; id; id = m->defs[id].next) {
		struct model_def *d = &m->defs[id];
		struct model_name *n = &m->names.list[d->name];
		const struct model_def *before = n->bound ? &m->defs[n->bound] : NULL;
		if (before && before->graph == graph) {
			if (!may_stand_together(before, d))
				model_object(m, MODEL_DUPLICATE_NAME, d->at, "%s was defined at byte %llu already",
					     model_show_name(m, d->name), (unsigned long long)before->at);
			continue;
		}
		if (before)
			model_object(m, MODEL_SHADOWED_NAME, d->at, "%s is defined in a graph around it too",
				     model_show_name(m, d->name));
		d->hidden = n->bound;
		n->bound = id;
	}
}

static void definitions_unbind(struct model *m, uint32_t graph)
{
	for (uint32_t id = m->graphs[graph].first_def; id; id = m->defs[id].next) {
		struct model_name *n = &m->names.list[m->defs[id].name];
		if (n->bound == id)
			n->bound = m->defs[id].hidden;
	}
}

/* ── Uses ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The node of @outer that a use in @graph, inside of it, belongs to. */
static uint32_t node_around(const struct model *m, uint32_t graph, uint32_t outer, uint32_t node)
{
	for (; graph != outer; graph = m->graphs[graph].parent)
		node = m->graphs[graph].parent_node;
	return node;
}

static void use_judge(struct model *m, uint32_t graph, uint32_t id)
{
	struct model_use *u = &m->uses[id];
	uint32_t bound = m->names.list[u->name].bound;
	if (!bound) {
		bool output = u->node == MODEL_GRAPH_OUTPUT;
		model_object(m, output ? MODEL_UNDEFINED_OUTPUT : MODEL_UNDEFINED_INPUT, u->at,
			     "%s is defined nowhere %s", model_show_name(m, u->name),
			     output ? "that the graph could give it from" : "that the node could take it from");
		return;
	}
	const struct model_def *d = &m->defs[bound];
	struct model_graph *g = &m->graphs[d->graph];
	if (d->kind != MODEL_DEF_NODE || (u->node == MODEL_GRAPH_OUTPUT && d->graph == graph))
		return;
	uint32_t node = node_around(m, graph, d->graph, u->node);
	if (node == MODEL_GRAPH_OUTPUT) /* training, behind all nodes of the model */
		return;
	/* from here on it is an edge of the graph that defines the value */
	u->node = node;
	u->from = d->node;
	u->next = g->first_edge;
	g->first_edge = id;
	if (d->node >= u->node) {
		g->unsorted = true;
		if (d->node > u->node && !m->any_order)
			model_object(m, MODEL_NOT_SORTED, u->at, "%s is defined behind its use",
				     model_show_name(m, u->name));
	}
}

static void uses_judge(struct model *m, uint32_t graph)
{
	for (uint32_t id = m->graphs[graph].first_use, next; id; id = next) {
		next = m->uses[id].next; /* the use becomes another list's */
		use_judge(m, graph, id);
	}
}

/* ── Cycles ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Kahn's order: nodes that wait for nothing leave, and take their edges with them; who stays waits for itself. */
struct order {
	uint32_t *waits;   /* per node: edges into it */
	uint32_t *first;   /* per node: where its edges out begin in @targets; one more at the end */
	uint32_t *targets; /* per edge */
	uint32_t *ready;   /* nodes that wait for nothing */
	size_t edges;
};

static bool order_fill(const struct model *m, const struct model_graph *g, struct order *o)
{
	o->waits = rf_alloc(g->nodes * sizeof *o->waits);
	o->first = rf_alloc((g->nodes + (size_t)2) * sizeof *o->first);
	o->ready = rf_alloc(g->nodes * sizeof *o->ready);
	for (uint32_t id = g->first_edge; id; id = m->uses[id].next)
		o->edges++;
	o->targets = rf_alloc(o->edges * sizeof *o->targets);
	if (!o->waits || !o->first || !o->ready || !o->targets)
		return false;
	for (uint32_t id = g->first_edge; id; id = m->uses[id].next) {
		o->first[m->uses[id].from + 2]++;
		o->waits[m->uses[id].node]++;
	}
	for (size_t i = 2; i < g->nodes + (size_t)2; i++)
		o->first[i] += o->first[i - 1];
	for (uint32_t id = g->first_edge; id; id = m->uses[id].next)
		o->targets[o->first[m->uses[id].from + 1]++] = m->uses[id].node;
	return true;
}

/* Nodes that could leave. */
static size_t order_run(const struct model_graph *g, struct order *o)
{
	size_t ready = 0;
	for (uint32_t i = 0; i < g->nodes; i++)
		if (!o->waits[i])
			o->ready[ready++] = i;
	for (size_t at = 0; at < ready; at++)
		for (uint32_t e = o->first[o->ready[at]]; e < o->first[o->ready[at] + 1]; e++)
			if (--o->waits[o->targets[e]] == 0)
				o->ready[ready++] = o->targets[e];
	return ready;
}

static void cycle_tell(struct model *m, const struct model_graph *g, const struct order *o)
{
	for (uint32_t id = g->first_edge; id; id = m->uses[id].next) {
		const struct model_use *u = &m->uses[id];
		if (!o->waits[u->node] || !o->waits[u->from])
			continue;
		model_object(m, MODEL_CYCLE, u->at, "node %u takes %s, and what it gives leads there", u->node,
			     model_show_name(m, u->name));
		return;
	}
}

static void cycle_judge(struct model *m, uint32_t graph)
{
	const struct model_graph *g = &m->graphs[graph];
	struct order o = { 0 };
	if (!order_fill(m, g, &o))
		m->r->failed = RF_ENOMEM;
	else if (order_run(g, &o) < g->nodes)
		cycle_tell(m, g, &o);
	rf_free(o.waits);
	rf_free(o.first);
	rf_free(o.ready);
	rf_free(o.targets);
}

/* At most MODEL_MAX_SUBGRAPH_DEPTH deep. */
static void graph_judge(struct model *m, uint32_t graph)
{
	definitions_bind(m, graph);
	uses_judge(m, graph);
	for (uint32_t child = m->graphs[graph].first_child; child; child = m->graphs[child].next_sibling)
		graph_judge(m, child);
	definitions_unbind(m, graph);
	if (m->graphs[graph].unsorted)
		cycle_judge(m, graph);
}

void model_graphs_judge(struct model *m)
{
	if (m->full) /* what was not taken in would be missed */
		return;
	for (uint32_t id = 1; id <= m->graph_count && !m->r->failed; id++)
		if (!m->graphs[id].parent)
			graph_judge(m, id);
}
