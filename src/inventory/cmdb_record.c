/* cmdb_record - see the header. */
#include "inventory/cmdb_record.h"

#include "base/hash.h"
#include "format/json.h"
#include "inventory/fleet_store.h"

#define ARENA_BYTES (1 * GIB)

struct service {
	const struct cmdb_row *row;   /* that told of it first */
	const char *environments[64]; /* as many as a workspace may have */
	size_t environments_n;
	struct service *next;
};

struct recording {
	const struct workspace *workspace;
	const char *source, *file;
	const struct cmdb_row *rows;
	size_t n;
	struct arena arena;
	struct map hosts;    /* -> struct cmdb_row */
	struct map services; /* -> struct service */
	struct service *list, **end;
	struct cmdb_result result;
	struct err *err;
};

static int refuse(struct recording *r, int code, const struct cmdb_row *row, enum cmdb_field field, const char *format, ...)
	RF_PRINTF(5, 6);
static int refuse(struct recording *r, int code, const struct cmdb_row *row, enum cmdb_field field, const char *format, ...)
{
	char text[768];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)err_set(r->err, code, "%s", text);
	(void)err_in_file(r->err, r->file);
	(void)err_in_field(r->err, "%s", cmdb_field_name(field));
	(void)err_at_line(r->err, row->line);
	return code;
}

static int no_memory(struct recording *r)
{
	return err_set(r->err, RF_ENOMEM, "no memory for the rows of a CMDB");
}

/* ── Rows that agree ─────────────────────────────────────────────────────────────────────────────────────────────── */

static int agree(struct recording *r, const struct cmdb_row *row, const struct cmdb_row *other, const enum cmdb_field *fields,
		 size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(row->fields[fields[i]], other->fields[fields[i]]) != 0)
			return refuse(r, RF_ECONFLICT, row, fields[i], "\"%.200s\" here, \"%.200s\" in line %llu",
				      row->fields[fields[i]], other->fields[fields[i]], (unsigned long long)other->line);
	return 0;
}

static int host_take(struct recording *r, const struct cmdb_row *row)
{
	static const enum cmdb_field fields[] = { CMDB_SERVICE, CMDB_ENVIRONMENT };
	const struct cmdb_row *known = map_get(&r->hosts, span_of(row->fields[CMDB_HOST]));
	if (known)
		return agree(r, row, known, fields, RF_COUNT(fields));
	return map_set(&r->hosts, span_of(row->fields[CMDB_HOST]), (void *)(uintptr_t)row) ? no_memory(r) : 0;
}

static int environment_add(struct recording *r, struct service *s, const struct cmdb_row *row)
{
	const char *name = row->fields[CMDB_ENVIRONMENT];
	if (!name[0])
		return 0;
	if (!workspace_environment(r->workspace, span_of(name)))
		return refuse(r, RF_EFORMAT, row, CMDB_ENVIRONMENT,
			      "reforge.yaml has no environment \"%.100s\"; give the mapping a value for it", name);
	for (size_t i = 0; i < s->environments_n; i++)
		if (strcmp(s->environments[i], name) == 0)
			return 0;
	if (s->environments_n < RF_COUNT(s->environments))
		s->environments[s->environments_n++] = name;
	return 0;
}

static int service_take(struct recording *r, const struct cmdb_row *row)
{
	static const enum cmdb_field fields[] = { CMDB_OWNER, CMDB_CONTACT, CMDB_DEPUTY, CMDB_REACH, CMDB_CRITICALITY };
	const char *name = row->fields[CMDB_SERVICE];
	if (!name[0])
		return 0;
	if (!recipe_name_is_valid(span_of(name)))
		return refuse(r, RF_EFORMAT, row, CMDB_SERVICE,
			      "\"%.100s\" is no name of a service: letters, digits, dots, dashes, underscores; give the mapping a value "
			      "for it",
			      name);
	struct service *s = map_get(&r->services, span_of(name));
	if (s) {
		int rc = agree(r, row, s->row, fields, RF_COUNT(fields));
		return rc ? rc : environment_add(r, s, row);
	}
	s = arena_alloc(&r->arena, sizeof *s);
	if (!s || map_set(&r->services, span_of(name), s))
		return no_memory(r);
	s->row = row;
	*r->end = s;
	r->end = &s->next;
	return environment_add(r, s, row);
}

/* ── Services ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void member(struct json_out *o, const char *key, const char *text)
{
	if (text[0])
		json_member(o, key, text);
}

static int service_json(struct recording *r, const struct service *s, struct json_out *o)
{
	const char *const *f = s->row->fields;
	const struct workspace_service *own = workspace_service(r->workspace, span_of(f[CMDB_SERVICE]));
	/* reforge.yaml's own need nothing of the CMDB */
	if (own && strcmp(own->file, r->workspace->file) == 0)
		return 0;
	if (!f[CMDB_OWNER][0])
		return refuse(r, RF_EFORMAT, s->row, CMDB_OWNER, "service %.100s has no owner: somebody must act", f[CMDB_SERVICE]);
	if (!s->environments_n)
		return refuse(r, RF_EFORMAT, s->row, CMDB_ENVIRONMENT, "service %.100s is in no environment", f[CMDB_SERVICE]);
	json_key(o, f[CMDB_SERVICE]);
	json_object(o);
	json_key(o, "owner");
	json_object(o);
	json_member(o, "name", f[CMDB_OWNER]);
	json_member(o, "contact", f[CMDB_CONTACT][0] ? f[CMDB_CONTACT] : f[CMDB_OWNER]);
	member(o, "deputy", f[CMDB_DEPUTY]);
	json_object_end(o);
	member(o, "reach", f[CMDB_REACH]);
	member(o, "criticality", f[CMDB_CRITICALITY]);
	json_key(o, "environments");
	json_array(o);
	for (size_t i = 0; i < s->environments_n; i++)
		json_put_text(o, s->environments[i]);
	json_array_end(o);
	json_object_end(o);
	return 0;
}

static int services_write(struct recording *r)
{
	RF_AUTO(str) text = STR_INIT(WORKSPACE_MAX_BYTES);
	struct json_out o = json_out(&text, false);
	int rc = 0;
	json_object(&o);
	for (const struct service *s = r->list; rc == 0 && s; s = s->next, r->result.services++)
		rc = service_json(r, s, &o);
	json_object_end(&o);
	if (rc == 0)
		rc = str_check(&text, "services", r->err);
	return rc ? rc : workspace_services_write(r->workspace, r->source, str_span(&text), r->err);
}

/* ── Placements that move ────────────────────────────────────────────────────────────────────────────────────────── */

struct moving {
	struct transaction *tx;
	const char *host;
	struct fleet_join from, to;
	struct inventory_batch *batch;
	struct arena arena;
	struct map groups; /* "service\nenvironment" -> struct moved_group */
	struct moved_group *group_list;
	struct inventory_placement *list;
	size_t n, room;
	struct moved_unseen *unseen;
};

struct moved_group {
	const char *service, *environment;
	usec_t seen_last; /* the last that any of its placements was */
	struct moved_group *next;
};

struct moved_unseen {
	struct inventory_unseen row;
	struct moved_unseen *next;
};

static int take_placement(const struct inventory_placement *p, void *data)
{
	struct moving *m = data;
	if (m->n == m->room) {
		size_t room = m->room ? 2 * m->room : 256;
		struct inventory_placement *more = rf_realloc_array(m->list, room, sizeof *more);
		if (!more)
			return RF_ENOMEM;
		m->list = more;
		m->room = room;
	}
	return inventory_placement_copy(p, &m->arena, &m->list[m->n++]);
}

/* What the join gave before, it gives anew; what a label or reforge.yaml gave, stays. */
static const char *joined(struct moving *m, struct span now, const char *from, const char *to)
{
	return now.n == 0 || span_eq_text(now, from) ? to : arena_text(&m->arena, now);
}

static int take_unseen(const struct inventory_unseen *u, void *data)
{
	struct moving *m = data;
	if (!span_eq_text(u->host, m->host))
		return 0;
	struct moved_unseen *kept = arena_alloc(&m->arena, sizeof *kept);
	const char *service = joined(m, u->service, m->from.service, m->to.service);
	const char *environment = joined(m, u->environment, m->from.environment, m->to.environment);
	if (!kept || !service || !environment)
		return RF_ENOMEM;
	kept->row = (struct inventory_unseen){ .host = span_of(m->host), .service = span_of(service),
					       .environment = span_of(environment), .since = u->since };
	kept->row.path = arena_span(&m->arena, u->path);
	kept->row.reason = arena_span(&m->arena, u->reason);
	kept->next = m->unseen;
	m->unseen = kept;
	return kept->row.path.p && kept->row.reason.p ? 0 : RF_ENOMEM;
}

/* The service's placements on the host, the first time with its root: all of the host. */
static int group_take(struct moving *m, const struct inventory_place *place, usec_t seen_last)
{
	char *key = arena_printf(&m->arena, "%s\n%s", place->service, place->environment);
	struct moved_group *g = key ? map_get(&m->groups, span_of(key)) : NULL;
	if (g) {
		g->seen_last = RF_MAX(g->seen_last, seen_last);
		return 0;
	}
	g = key ? arena_alloc(&m->arena, sizeof *g) : NULL;
	if (!g || map_set(&m->groups, span_of(key), g))
		return RF_ENOMEM;
	*g = (struct moved_group){ place->service, place->environment, seen_last, m->group_list };
	m->group_list = g;
	return inventory_batch_root(m->batch, "", place, tx_err(m->tx));
}

static int place_again(struct moving *m, const struct inventory_placement *p)
{
	struct digest digest;
	struct inventory_place place = {
		.host = m->host,
		.service = joined(m, p->service, m->from.service, m->to.service),
		.environment = joined(m, p->environment, m->from.environment, m->to.environment),
		.model = arena_text(&m->arena, p->model),
		.runtime_product = p->runtime_product.n ? arena_text(&m->arena, p->runtime_product) : NULL,
		.runtime_version = p->runtime_product.n ? arena_text(&m->arena, p->runtime_version) : NULL,
	};
	const char *path = arena_text(&m->arena, p->path), *kind = arena_text(&m->arena, p->artifact.kind);
	if (!path || !kind || !place.service || !place.environment || !place.model)
		return err_set(tx_err(m->tx), RF_ENOMEM, "no memory for the placements of %s", m->host);
	int rc = digest_read(span_of(p->artifact.digest), &digest, tx_err(m->tx));
	if (rc == 0)
		rc = group_take(m, &place, p->seen_last);
	return rc ? rc : inventory_batch_place(m->batch, path, &digest, kind, &place, tx_err(m->tx));
}

static bool is_named(const char *path, struct span service, struct span environment, void *data)
{
	const struct moving *m = data;
	RF_AUTO(str) key = STR_INIT(64 * KIB);
	(void)path;
	str_addf(&key, "%.*s\n%.*s", SPAN_ARG(service), SPAN_ARG(environment));
	return map_get(&m->groups, str_span(&key)) != NULL;
}

/* The report at hand no longer tells how the host's placements lie: the next one is taken in whole. */
static int report_forget(struct moving *m)
{
	struct fleet_host h;
	int rc = fleet_host_get(m->tx, m->host, &m->arena, &h);
	if (rc)
		return rc == RF_ENOTFOUND ? 0 : rc;
	h.digest = "";
	return fleet_host_put(m->tx, &h);
}

/* Nobody has looked at the host: what was not read is still not read, what was seen was seen when it was. */
static int looks_keep(struct moving *m)
{
	int rc = 0;
	for (const struct moved_unseen *u = m->unseen; rc == 0 && u; u = u->next)
		rc = inventory_unseen_keep(m->tx, &u->row);
	for (const struct moved_group *g = m->group_list; rc == 0 && g; g = g->next)
		rc = inventory_seen_keep(m->tx, span_of(m->host), span_of(g->service), span_of(g->environment), g->seen_last);
	return rc;
}

static int host_move(struct recording *r, struct transaction *tx, const char *host, const struct fleet_join *from,
		     const struct fleet_join *to)
{
	struct moving m = { .tx = tx, .host = host, .from = *from, .to = *to, .arena = ARENA_INIT(512 * MIB) };
	struct inventory_changes changes = { 0 };
	struct inventory_filter filter = { .host = span_of(host) };
	m.batch = inventory_batch_new();
	int rc = m.batch ? inventory_each_placement(tx, &filter, take_placement, &m) : RF_ENOMEM;
	if (rc == 0)
		rc = inventory_each_unseen(tx, take_unseen, &m);
	for (size_t i = 0; rc == 0 && i < m.n; i++)
		rc = place_again(&m, &m.list[i]);
	if (rc == 0 && (m.n || m.unseen))
		rc = inventory_batch_whole_host(m.batch, host, is_named, &m, tx_err(tx));
	if (rc == 0 && (m.n || m.unseen))
		rc = inventory_record_tx(tx, m.batch, &changes);
	if (rc == 0)
		rc = looks_keep(&m);
	if (rc == 0 && (m.n || m.unseen))
		rc = report_forget(&m);
	r->result.moved.added += changes.added;
	r->result.moved.vanished += changes.vanished;
	inventory_batch_free(m.batch);
	map_release(&m.groups);
	rf_free(m.list);
	arena_release(&m.arena);
	return rc == RF_ENOMEM ? err_set(tx_err(tx), rc, "no memory for the placements of %s", host) : rc;
}

/* ── Joins ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int join_put(struct recording *r, struct transaction *tx, const struct cmdb_row *row, const char *source)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * KIB);
	struct fleet_join old = { .service = "", .environment = "" };
	struct fleet_join now = { .host = row->fields[CMDB_HOST],
				  .service = row->fields[CMDB_SERVICE],
				  .environment = row->fields[CMDB_ENVIRONMENT],
				  .ci = row->fields[CMDB_CI],
				  .source = source };
	bool changed;
	int rc = fleet_join_get(tx, span_of(now.host), &a, &old);
	rc = rc == RF_ENOTFOUND ? 0 : rc;
	if (rc == 0)
		rc = fleet_join_put(tx, &now, &changed);
	if (rc || !changed)
		return rc;
	r->result.changed++;
	return host_move(r, tx, now.host, &old, &now);
}

struct gone {
	struct recording *r;
	struct fleet_join *list;
	size_t n, room;
};

static int take_gone(const struct fleet_join *j, void *data)
{
	struct gone *g = data;
	struct arena *a = &g->r->arena;
	if (map_get(&g->r->hosts, span_of(j->host)))
		return 0;
	if (g->n == g->room) {
		size_t room = g->room ? 2 * g->room : 64;
		struct fleet_join *more = rf_realloc_array(g->list, room, sizeof *more);
		if (!more)
			return RF_ENOMEM;
		g->list = more;
		g->room = room;
	}
	struct fleet_join *to = &g->list[g->n++];
	*to = (struct fleet_join){ .host = arena_text(a, span_of(j->host)),
				   .service = arena_text(a, span_of(j->service)),
				   .environment = arena_text(a, span_of(j->environment)) };
	return to->host && to->service && to->environment ? 0 : RF_ENOMEM;
}

static int gone_remove(struct recording *r, struct transaction *tx, const char *source)
{
	struct gone g = { .r = r };
	struct fleet_join none = { .service = "", .environment = "" };
	int rc = fleet_each_join(tx, source, take_gone, &g);
	for (size_t i = 0; rc == 0 && i < g.n; i++) {
		r->result.removed++;
		rc = fleet_join_remove(tx, g.list[i].host);
		if (rc == 0)
			rc = host_move(r, tx, g.list[i].host, &g.list[i], &none);
	}
	rf_free(g.list);
	return rc == RF_ENOMEM ? err_set(tx_err(tx), rc, "no memory for the hosts of a CMDB") : rc;
}

static int run(struct transaction *tx, void *data)
{
	struct recording *r = data;
	char source[RECIPE_NAME_MAX + 16];
	struct span host;
	void *row;
	(void)snprintf(source, sizeof source, "cmdb:%s", r->source);
	r->result.changed = r->result.removed = r->result.hosts = 0;
	r->result.moved = (struct inventory_changes){ 0 };
	int rc = 0;
	for (size_t i = 0; rc == 0 && map_next(&r->hosts, &i, &host, &row);) {
		r->result.hosts++;
		rc = join_put(r, tx, row, source);
	}
	return rc ? rc : gone_remove(r, tx, source);
}

int cmdb_record(struct database *db, const struct workspace *w, const char *source, const char *file,
		const struct cmdb_row *rows, size_t n, struct cmdb_result *ret, struct err *err)
{
	struct recording r = { .workspace = w, .source = source, .file = file, .rows = rows, .n = n, .err = err,
			       .arena = ARENA_INIT(ARENA_BYTES) };
	int rc = recipe_name_is_valid(span_of(source)) ? 0 : err_set(err, RF_EINVALID, "\"%s\" is no name for a CMDB", source);
	r.end = &r.list;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = host_take(&r, &rows[i]);
		if (rc == 0)
			rc = service_take(&r, &rows[i]);
	}
	if (rc == 0)
		rc = services_write(&r);
	if (rc == 0)
		rc = database_transact(db, DB_WRITE, run, &r, err);
	if (rc == 0 && ret)
		*ret = r.result;
	map_release(&r.hosts);
	map_release(&r.services);
	arena_release(&r.arena);
	return rc;
}
