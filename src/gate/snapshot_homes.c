/* Which services are at home in a namespace, and what a part was asked for. */
#include "gate/snapshot_int.h"

#define ANY_CLUSTER "*"
#define KEY_BYTES 640

static struct span key_of(char buffer[KEY_BYTES], struct span cluster, struct span namespace_)
{
	if (cluster.n + 1 + namespace_.n > KEY_BYTES)
		return SPAN_NONE;
	if (cluster.n)
		memcpy(buffer, cluster.p, cluster.n);
	buffer[cluster.n] = '\n';
	if (namespace_.n)
		memcpy(buffer + cluster.n + 1, namespace_.p, namespace_.n);
	return (struct span){ buffer, cluster.n + 1 + namespace_.n };
}

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "no memory for the homes of services");
}

static int bind(struct gate_snapshot *s, struct span service, struct err *err)
{
	if (!service.n || map_get(&s->lists->bound, service))
		return 0;
	return map_set(&s->lists->bound, service, s) ? no_memory(err) : 0;
}

static int bind_all(struct gate_snapshot *s, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; i < s->policy_count && !rc; i++)
		for (size_t k = 0; k < s->policies[i].services_n && !rc; k++)
			rc = bind(s, span_of(s->policies[i].services[k]), err);
	for (size_t i = 0; i < s->waiver_count && !rc; i++)
		rc = bind(s, s->waivers[i].scope.service, err);
	for (size_t i = 0; s->baseline.since != USEC_NONE && i < s->baseline.holder_count && !rc; i++)
		rc = bind(s, s->baseline.holders[i].service, err);
	return rc;
}

bool gate_snapshot_is_bound(const struct gate_snapshot *s, struct span service)
{
	return map_get(&s->lists->bound, service) != NULL;
}

static bool is_ruled(const struct gate_snapshot *s, struct span service)
{
	for (size_t i = 0; i < s->policy_count; i++)
		for (size_t k = 0; k < s->policies[i].services_n; k++)
			if (span_eq_text(service, s->policies[i].services[k]))
				return true;
	return false;
}

static int list_add(struct gate_snapshot *s, struct gate_home_list *l, struct span service, struct err *err)
{
	for (size_t i = 0; i < l->count; i++)
		if (span_eq(l->services[i], service))
			return 0;
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 2;
		struct span *more = arena_array(&s->arena, room, sizeof *more);
		if (!more)
			return no_memory(err);
		if (l->count)
			memcpy(more, l->services, l->count * sizeof *more);
		l->services = more;
		l->room = room;
	}
	size_t at = l->count++;
	if (is_ruled(s, service)) {
		l->services[at] = l->services[l->ruled];
		at = l->ruled++;
	}
	l->services[at] = service;
	return 0;
}

static int home_add(struct gate_snapshot *s, struct span cluster, const struct gate_home *h, struct err *err)
{
	char buffer[KEY_BYTES];
	struct span key = key_of(buffer, cluster, h->namespace_);
	struct gate_home_list *l = key.p ? map_get(&s->lists->homes, key) : NULL;
	if (!key.p)
		return err_set(err, RF_ETOOBIG, "the names of a cluster and a namespace of more than %d bytes", KEY_BYTES);
	if (!l) {
		l = arena_alloc(&s->arena, sizeof *l);
		key = arena_span(&s->arena, key);
		if (!l || !key.p || map_set(&s->lists->homes, key, l))
			return no_memory(err);
	}
	return list_add(s, l, h->service, err);
}

int gate_homes_index(struct gate_snapshot *s, struct err *err)
{
	struct map *m = &s->lists->homes;
	int rc = bind_all(s, err);
	for (size_t i = 0; i < s->home_count && !rc; i++) {
		rc = home_add(s, s->homes[i].cluster, &s->homes[i], err);
		if (!rc)
			rc = home_add(s, SPAN(ANY_CLUSTER), &s->homes[i], err);
	}
	/* what holds in every cluster holds in each that is named */
	for (size_t i = 0; i < s->home_count && !rc; i++) {
		char buffer[KEY_BYTES];
		const struct gate_home *h = &s->homes[i];
		struct gate_home_list *all = map_get(m, key_of(buffer, SPAN_NONE, h->namespace_));
		for (size_t k = 0; all && h->cluster.n && k < all->count && !rc; k++)
			rc = home_add(s, h->cluster, &(struct gate_home){ all->services[k], h->cluster, h->namespace_ }, err);
	}
	return rc;
}

struct gate_homes gate_snapshot_homes(const struct gate_snapshot *s, struct span cluster, struct span namespace_)
{
	char buffer[KEY_BYTES];
	const struct map *m = &s->lists->homes;
	struct span key = key_of(buffer, cluster.n ? cluster : SPAN(ANY_CLUSTER), namespace_);
	const struct gate_home_list *l = key.p ? map_get(m, key) : NULL;
	if (!l && cluster.n && key.p)
		l = map_get(m, key_of(buffer, SPAN_NONE, namespace_));
	return l ? (struct gate_homes){ l->services, l->count, l->ruled } : (struct gate_homes){ 0 };
}

bool gate_snapshot_covers(const struct gate_snapshot *s, struct span reference)
{
	for (size_t i = 0; i < s->head.only_count; i++) {
		struct span only = s->head.only[i];
		while (only.n > 1 && only.p[only.n - 1] == '/')
			only.n--;
		if (span_eq(only, reference) ||
		    (reference.n > only.n && span_eq(span_sub(reference, 0, only.n), only) && reference.p[only.n] == '/'))
			return true;
	}
	return s->head.only_count == 0;
}
