/* What cures one builder version (plan_int.h): found once per version, not once per engine. */
#include "response/plan_int.h"

#include "advisory/store.h"
#include "response/response.h"

static int out_of_memory(struct plan_cures *m)
{
	return err_set(m->err, RF_ENOMEM, "no memory for the plan");
}

void plan_cures_release(struct plan_cures *m)
{
	map_release(&m->by_product);
	map_release(&m->by_version);
}

/* Ranges of all published advisories about one product: a fix that another known advisory affects is none. */
struct known {
	struct fix_advisory list[FIX_PATH_MAX_ADVISORIES];
	size_t count;
};

struct known_search {
	struct plan_cures *m;
	struct span purl;
	struct known *known;
	struct span ids[FIX_PATH_MAX_ADVISORIES];
	size_t id_count;
};

static bool in_plan(const struct plan_cures *m, struct span id)
{
	for (size_t i = 0; i < m->advisory_count; i++)
		if (span_eq_text(id, m->advisories[i]))
			return true;
	return false;
}

static int visit_known(const struct advisory_row *row, void *data)
{
	struct known_search *s = data;
	if (row->is_drill && !in_plan(s->m, row->id))
		return 0;
	if (s->id_count == FIX_PATH_MAX_ADVISORIES)
		return err_set(s->m->err, RF_ETOOMANY, "more than %d advisories about %.*s", FIX_PATH_MAX_ADVISORIES,
			       SPAN_ARG(s->purl));
	s->ids[s->id_count] = arena_span(s->m->a, row->id);
	return s->ids[s->id_count++].p ? 0 : out_of_memory(s->m);
}

/* The authoritative sources' statements, or everybody's when there is none. */
static int add_statements(struct known_search *s, const struct stored_advisory *stored)
{
	const struct advisory *v = &stored->advisory;
	bool authoritative = false;
	for (size_t i = 0; i < v->statement_count; i++) {
		const struct advisory_statement *t = &v->statements[i];
		authoritative |= t->authoritative && t->product && span_eq_text(s->purl, t->product->purl);
	}
	for (size_t i = 0; i < v->statement_count; i++) {
		const struct advisory_statement *t = &v->statements[i];
		if (!t->product || !span_eq_text(s->purl, t->product->purl) || t->status != STATEMENT_AFFECTED ||
		    !t->range || t->authoritative != authoritative)
			continue;
		if (s->known->count == FIX_PATH_MAX_ADVISORIES)
			return err_set(s->m->err, RF_ETOOMANY, "more than %d statements about %.*s",
				       FIX_PATH_MAX_ADVISORIES, SPAN_ARG(s->purl));
		s->known->list[s->known->count++] = (struct fix_advisory){ .id = arena_text(s->m->a, v->id),
									   .affected = t->range,
									   .fixed = t->fixed,
									   .fixed_count = t->fixed_count };
	}
	return 0;
}

static int search_known(struct transaction *tx, void *data)
{
	struct known_search *s = data;
	s->id_count = 0;
	s->known->count = 0;
	int rc = advisory_list(tx, &(struct advisory_filter){ .purl = s->purl, .limit = FIX_PATH_MAX_ADVISORIES + 1 },
			       visit_known, s);
	const struct product *product = product_by_purl(s->purl);
	for (size_t i = 0; !rc && i < s->id_count; i++) {
		struct stored_advisory stored;
		rc = advisory_get(tx, s->m->a, s->ids[i], &stored);
		if (rc)
			return rc;
		if (advisory_engine_affecting(&stored.policy, product) == ENGINE_AFFECTING_NO &&
		    !in_plan(s->m, s->ids[i]))
			continue;
		rc = add_statements(s, &stored);
	}
	return rc;
}

static int known_of(struct plan_cures *m, const char *purl, const struct known **ret)
{
	struct known *k = map_get(&m->by_product, span_of(purl));
	if (!k) {
		struct known_search *s = arena_alloc(m->a, sizeof *s);
		k = arena_alloc(m->a, sizeof *k);
		if (!s || !k)
			return out_of_memory(m);
		*s = (struct known_search){ .m = m, .purl = span_of(purl), .known = k };
		int rc = database_transact(m->context->db, DB_READ, search_known, s, m->err);
		if (!rc)
			rc = map_set(&m->by_product, span_of(purl), k);
		if (rc)
			return rc;
	}
	*ret = k;
	return 0;
}

static int find_cure(struct plan_cures *m, const struct toolchain_kind *kind, const char *purl, struct span from,
		     struct plan_cure *c)
{
	const struct known *k = NULL;
	int rc = known_of(m, purl, &k);
	if (rc)
		return rc;
	const struct workspace_toolchain *t = workspace_toolchain(m->context->workspace, span_of(kind->name));
	struct span at_hand[FIX_PATH_MAX_VERSIONS];
	size_t n = 0;
	for (size_t i = 0; t && i < t->versions_n && n < FIX_PATH_MAX_VERSIONS; i++)
		at_hand[n++] = span_of(t->versions[i].version);
	struct err err = ERR_INIT;
	c->kind = kind;
	rc = fix_path_version(kind, from, at_hand, n, k->list, k->count, m->a, &c->fix, &err);
	if (rc == RF_ENOMEM)
		return out_of_memory(m);
	char text[2048];
	if (rc)
		c->error = arena_text(m->a, span_of(err_render(&err, text, sizeof text)));
	return 0;
}

int plan_cure(struct plan_cures *m, const struct toolchain_kind *kind, const char *purl, struct span from,
	      const struct plan_cure **ret)
{
	const char *key = arena_printf(m->a, "%s %s %.*s", kind->name, purl, SPAN_ARG(from));
	if (!key)
		return out_of_memory(m);
	struct plan_cure *c = map_get(&m->by_version, span_of(key));
	if (!c) {
		c = arena_alloc(m->a, sizeof *c);
		if (!c)
			return out_of_memory(m);
		int rc = find_cure(m, kind, purl, from, c);
		if (!rc)
			rc = map_set(&m->by_version, span_of(key), c);
		if (rc)
			return rc;
	}
	*ret = c;
	return 0;
}
