/*
 * Where services live: the namespaces that reforge.yaml gives them; of those that it gives none, where the first scan
 * that met them met them. Who may write a workload later cannot move a service to where he may write.
 */
#include "gate/snapshot_build_int.h"

#define HOST "k8s:"

static int declared(struct gate_builder *b, const struct workspace_service *v)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < v->namespaces_n; i++) {
		struct span name = span_of(v->namespaces[i]);
		size_t slash = span_rfind_byte(name, '/');
		const struct gate_home home = { .service = span_of(v->name),
						.cluster = slash == SIZE_MAX ? SPAN_NONE : span_sub(name, 0, slash),
						.namespace_ = slash == SIZE_MAX ? name : span_from(name, slash + 1) };
		rc = gate_snapshot_home(b->s, &home, tx_err(b->tx));
	}
	return rc;
}

static bool is_declared(const struct gate_builder *b, struct span service)
{
	const struct workspace_service *v = workspace_service(b->how->workspace, service);
	return v && v->namespaces_n;
}

/* Rows come the earliest first. */
struct seen {
	struct gate_builder *b;
	struct map first; /* "service\ncluster" -> usec_t, when it was met first */
};

static int first_seen(struct seen *s, struct span service, struct span cluster, usec_t at, usec_t *ret)
{
	const char *key = arena_printf(&s->b->a, "%.*s\n%.*s", SPAN_ARG(service), SPAN_ARG(cluster));
	usec_t *first = key ? map_get(&s->first, span_of(key)) : NULL;
	if (!first) {
		first = arena_alloc(&s->b->a, sizeof *first);
		if (!key || !first || map_set(&s->first, span_of(key), first))
			return gate_build_no_memory(s->b);
		*first = at;
	}
	*ret = *first;
	return 0;
}

static int take_seen(struct seen *s, const struct db_rows *row)
{
	struct span host = span_from(rows_text(row, 0), sizeof HOST - 1), service = rows_text(row, 1);
	size_t slash = span_rfind_byte(host, '/');
	usec_t at = rows_time(row, 2), first = USEC_NONE;
	if (slash == SIZE_MAX || is_declared(s->b, service))
		return 0;
	const struct gate_home home = { .service = service,
					.cluster = span_sub(host, 0, slash),
					.namespace_ = span_from(host, slash + 1) };
	int rc = first_seen(s, service, home.cluster, at, &first);
	return rc || at != first ? rc : gate_snapshot_home(s->b->s, &home, tx_err(s->b->tx));
}

static int observed(struct gate_builder *b)
{
	struct seen s = { .b = b, .first = MAP_INIT };
	RF_AUTO_ROWS rows = NULL;
	/* what is gone counts too: another that comes where the first has left is no reason to move the service there */
	int rc = TX_QUERY(b->tx, &rows,
			  "SELECT h.name, v.service, MIN(p.seen_from) FROM inventory_host h JOIN inventory_group g ON g.host_id ="
			  " h.id JOIN inventory_service v ON v.id = g.service_id JOIN inventory_placement p ON p.group_id = g.id"
			  " WHERE h.name >= 'k8s:' AND h.name < 'k8s;' AND v.service <> '' GROUP BY h.name, v.service"
			  " ORDER BY 3, h.name, v.service");
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = take_seen(&s, rows);
	map_release(&s.first);
	return rc;
}

int gate_build_homes(struct gate_builder *b)
{
	const struct workspace *w = b->how->workspace;
	int rc = 0;
	for (size_t i = 0; !rc && i < w->services_n; i++)
		rc = declared(b, &w->services[i]);
	return rc ? rc : observed(b);
}
