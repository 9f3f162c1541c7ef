/* standing - see the header. */
#include "gate/standing.h"

#include "base/str.h"
#include "format/image_reference.h"
#include "gate/review_int.h"

#include <stdlib.h>

#define ARENA_BYTES (4 * GIB)
#define SCRATCH_BYTES (256 * MIB)
#define KEY_BYTES (1 * MIB)
#define CANDIDATES 32 /* tags of a repository that are judged for a replacement */

struct group {
	struct standing_group out;
	size_t room, number;   /* in the order of what was put in */
	bool is_cluster, images, others; /* of what is denied: images, anything else */
	const char **repositories; /* of the denied images */
	size_t repositories_n;
};

struct standing {
	struct standing_settings settings;
	struct arena a, scratch;
	struct str key;          /* of what is looked up; copied when it is new */
	struct map verdicts;     /* "kind\nname or digest\nservice\nenvironment\nhost\nruntime" -> struct standing_verdict */
	struct map by_key;       /* "host\nname\nservice\nenvironment" -> struct group */
	struct map replacements; /* what was looked for -> text, "" none */
	struct group **groups;
	size_t groups_n, groups_room;
	struct standing_report report;
};

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "no memory for the standing report");
}

int standing_new(const struct standing_settings *settings, struct standing **ret, struct err *err)
{
	struct standing *s = rf_alloc(sizeof *s);
	if (!s)
		return no_memory(err);
	*s = (struct standing){ .settings = *settings, .a = ARENA_INIT(ARENA_BYTES), .scratch = ARENA_INIT(SCRATCH_BYTES),
				.key = STR_INIT(KEY_BYTES) };
	*ret = s;
	return 0;
}

void standing_free(struct standing *s)
{
	if (!s)
		return;
	map_release(&s->verdicts);
	map_release(&s->by_key);
	map_release(&s->replacements);
	arena_release(&s->a);
	arena_release(&s->scratch);
	str_release(&s->key);
	rf_free(s->groups);
	rf_free(s);
}

/* A new value of the map, zeroed, under the key at hand. NULL: out of memory. */
static void *key_add(struct standing *s, struct map *to, size_t bytes)
{
	struct span key = s->key.failed ? SPAN_NONE : arena_span(&s->a, str_span(&s->key));
	void *value = key.p ? arena_alloc(&s->a, bytes) : NULL;
	return value && map_set(to, key, value) == 0 ? value : NULL;
}

/* ── Judging, each different subject once ────────────────────────────────────────────────────────────────────────── */

/* The advisories that a person will look up. */
static const char *advisories_of(struct arena *a, const struct gate_answer *answer)
{
	char text[512];
	size_t n = 0;
	for (size_t i = 0; i < answer->count; i++) {
		const struct gate_finding *f = &answer->findings[i];
		struct span id = f->fact.advisory, so_far = { text, n };
		if (f->decision == GATE_ALLOW || !id.n || n + id.n + 1 >= sizeof text || span_find(so_far, id) != SIZE_MAX)
			continue;
		if (n)
			text[n++] = ',';
		memcpy(text + n, id.p, id.n);
		n += id.n;
	}
	return arena_text(a, (struct span){ text, n });
}

/* Of a cluster's workload, "k8s:CLUSTER/NAMESPACE": where it says itself whose it is. */
static void where_of(struct span host, struct gate_question *q)
{
	size_t slash = span_rfind_byte(host, '/');
	if (!span_starts(host, GATE_CLUSTER_HOST) || slash == SIZE_MAX)
		return;
	q->cluster = span_sub(host, sizeof GATE_CLUSTER_HOST - 1, slash - (sizeof GATE_CLUSTER_HOST - 1));
	q->namespace_ = span_from(host, slash + 1);
}

static int ask(struct standing *s, const struct gate_subject *subject, const struct drain_group *of, struct span host,
	       struct standing_verdict *ret, struct err *err)
{
	struct gate_question q = { .snapshot = s->settings.snapshot, .service = of->service, .environment = of->environment,
				   .now = s->settings.now };
	struct gate_answer answer;
	where_of(host, &q);
	arena_reset(&s->scratch);
	int rc = gate_judge(&s->scratch, &q, subject, &answer, err);
	if (rc == RF_EFORMAT) { /* a reference that is none: a front denies it by name */
		char line[1024];
		*ret = (struct standing_verdict){ .decision = GATE_DENY, .judged = GATE_DENY, .advisories = "", .until = USEC_NONE,
						  .next = SPAN("correct the reference"),
						  .why = arena_span(&s->a, span_of(err_render(err, line, sizeof line))) };
		return ret->why.p ? 0 : no_memory(err);
	}
	if (rc)
		return rc;
	*ret = (struct standing_verdict){ .decision = answer.decision, .judged = answer.judged, .uncertain = answer.uncertain,
					  .policy = arena_span(&s->a, answer.policy), .why = arena_span(&s->a, answer.why),
					  .next = arena_span(&s->a, answer.next), .advisories = advisories_of(&s->a, &answer),
					  .until = answer.until };
	return ret->policy.p && ret->why.p && ret->next.p && ret->advisories ? 0 : no_memory(err);
}

static int judge(struct standing *s, const struct gate_subject *subject, const struct drain_group *of, struct span host,
		 const struct standing_verdict **ret, struct err *err)
{
	/* a host that is no namespace is not asked by */
	struct span place = span_starts(host, GATE_CLUSTER_HOST) ? host : SPAN("");
	char hex[DIGEST_HEX] = "";
	if (!digest_is_zero(&subject->digest))
		(void)digest_hex(&subject->digest, hex);
	struct span name = subject->kind == GATE_CONTENT && hex[0] ? SPAN("") : subject->name;
	str_reset(&s->key);
	str_addf(&s->key, "%d\n%s\n%.*s\n%.*s\n%.*s\n%.*s", subject->kind, hex, SPAN_ARG(name), SPAN_ARG(of->service),
		 SPAN_ARG(of->environment), SPAN_ARG(place));
	if (subject->node.n)
		str_addf(&s->key, "\nnode %.*s", SPAN_ARG(subject->node));
	if (subject->runtime)
		str_addf(&s->key, "\n%.*s@%.*s", SPAN_ARG(subject->runtime->purl), SPAN_ARG(subject->runtime->version));
	struct standing_verdict *v = map_get(&s->verdicts, str_span(&s->key));
	*ret = v;
	if (v)
		return 0;
	v = key_add(s, &s->verdicts, sizeof *v);
	if (!v)
		return no_memory(err);
	*ret = v;
	return ask(s, subject, of, place, v, err);
}

/* ── Groups ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int group_of(struct standing *s, struct span host, struct span name, struct span service, struct span environment,
		    struct group **ret, struct err *err)
{
	str_reset(&s->key);
	str_addf(&s->key, "%.*s\n%.*s\n%.*s\n%.*s", SPAN_ARG(host), SPAN_ARG(name), SPAN_ARG(service), SPAN_ARG(environment));
	struct group *g = map_get(&s->by_key, str_span(&s->key));
	*ret = g;
	if (g)
		return 0;
	if (s->groups_n == STANDING_MAX_GROUPS)
		return err_set(err, RF_ETOOMANY, "more than %d workloads and services of hosts", STANDING_MAX_GROUPS);
	if (s->groups_n == s->groups_room) {
		size_t room = s->groups_room ? 2 * s->groups_room : 64;
		struct group **more = rf_realloc_array(s->groups, room, sizeof(struct group *));
		if (!more)
			return no_memory(err);
		s->groups = more;
		s->groups_room = room;
	}
	g = key_add(s, &s->by_key, sizeof *g);
	if (!g)
		return no_memory(err);
	g->number = s->groups_n;
	g->out.host = arena_span(&s->a, host);
	g->out.drain = (struct drain_group){ .service = arena_span(&s->a, service), .environment = arena_span(&s->a, environment),
					     .name = arena_span(&s->a, name.n ? name : host) };
	s->groups[s->groups_n++] = *ret = g;
	return g->out.host.p && g->out.drain.service.p && g->out.drain.environment.p && g->out.drain.name.p ? 0 : no_memory(err);
}

/* The repository of a denied image, to look for another tag of it. */
static int repository_add(struct standing *s, struct group *g, struct span reference, struct err *err)
{
	char text[IMAGE_REFERENCE_MAX];
	struct image_reference ref;
	if (image_reference_read(reference, &ref, NULL))
		ref = (struct image_reference){ .repository = reference };
	ref.tag = ref.digest = SPAN_NONE;
	const char *repository = arena_text(&s->a, span_of(image_reference_text(&ref, text)));
	const char **list = arena_array(&s->a, g->repositories_n + 1, sizeof *list);
	if (!repository || !list)
		return no_memory(err);
	if (g->repositories_n)
		memcpy(list, g->repositories, g->repositories_n * sizeof *list);
	list[g->repositories_n++] = repository;
	g->repositories = list;
	return 0;
}

static int subject_add(struct standing *s, struct group *g, const struct gate_subject *subject, struct span where,
		       const struct standing_verdict *v, struct err *err)
{
	struct standing_group *out = &g->out;
	bool denied = v->judged == GATE_DENY;
	if (denied && subject->kind == GATE_IMAGE) {
		int rc = repository_add(s, g, subject->name, err);
		if (rc)
			return rc;
	}
	g->images |= denied && subject->kind == GATE_IMAGE;
	g->others |= denied && subject->kind != GATE_IMAGE;
	out->drain.denied |= denied;
	if (out->subjects_n == STANDING_MAX_SUBJECTS) {
		out->left_out++;
		return 0;
	}
	if (out->subjects_n == g->room) {
		size_t room = g->room ? 2 * g->room : 2;
		struct standing_subject *more = arena_array(&s->a, room, sizeof *more);
		if (!more)
			return no_memory(err);
		if (g->room)
			memcpy(more, out->subjects, g->room * sizeof *more);
		out->subjects = more;
		g->room = room;
	}
	struct standing_subject one = { .kind = subject->kind, .name = arena_span(&s->a, subject->name),
					.where = arena_span(&s->a, where), .verdict = v };
	/* denied ones stand first */
	size_t at = out->subjects_n;
	while (denied && at > 0 && out->subjects[at - 1].verdict->judged != GATE_DENY)
		at--;
	memmove(out->subjects + at + 1, out->subjects + at, (out->subjects_n - at) * sizeof one);
	out->subjects[at] = one;
	out->subjects_n++;
	return one.name.p && one.where.p ? 0 : no_memory(err);
}

static int put(struct standing *s, struct group *g, const struct gate_subject *subject, struct span where, struct err *err)
{
	const struct standing_verdict *v;
	int rc = judge(s, subject, &g->out.drain, g->out.host, &v, err);
	if (rc)
		return rc;
	s->report.subjects++;
	s->report.denied += v->judged == GATE_DENY;
	s->report.warned += v->judged == GATE_WARN;
	s->report.uncertain += v->uncertain;
	return v->judged == GATE_ALLOW ? 0 : subject_add(s, g, subject, where, v, err);
}

int standing_content(struct standing *s, struct span host, struct span service, struct span environment, struct span path,
		     const struct digest *digest, const struct component *runtime, struct err *err)
{
	struct gate_subject subject = { .kind = GATE_CONTENT, .name = path, .digest = *digest, .runtime = runtime };
	struct group *g;
	int rc = group_of(s, host, SPAN(""), service, environment, &g, err);
	if (rc)
		return rc;
	g->out.drain.replicas = 1;
	return put(s, g, &subject, SPAN(""), err);
}

/* A controller that can run one replica more for a while. */
static bool can_surge(const char *kind)
{
	static const char *const kinds[] = { "Deployment", "ReplicaSet", "ReplicationController", "InferenceService",
					     "LLMInferenceService" };
	for (size_t i = 0; i < RF_COUNT(kinds); i++)
		if (strcmp(kinds[i], kind) == 0)
			return true;
	return false;
}

int standing_workload(struct standing *s, struct span host, struct span service, struct span environment,
		      const struct kube_workload *w, const struct digest *digest, struct err *err)
{
	struct review_subject list[REVIEW_MAX_SUBJECTS];
	struct gate_question here = { .snapshot = s->settings.snapshot };
	struct group *g = NULL;
	size_t n = 0;
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	char *name = arena_printf(&a, "%s/%s", w->kind, w->name);
	int rc = name ? group_of(s, host, span_of(name), service, environment, &g, err) : no_memory(err);
	if (rc == 0)
		rc = review_subjects(&a, w, list, &n, err);
	if (rc)
		return rc;
	where_of(host, &here);
	bool first = !g->is_cluster; /* the models of a workload stand with each of its containers */
	g->is_cluster = true;
	g->out.drain.can_surge = can_surge(w->kind);
	g->out.drain.replicas = kube_serves(w->kind) ? w->replicas : 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct gate_subject subject = { .kind = list[i].kind, .name = span_of(list[i].name), .node = span_of(list[i].node) };
		bool own = w->containers_n && list[i].kind == GATE_IMAGE && strcmp(list[i].name, w->containers[0].images[0].reference) == 0;
		if ((!own && !first) ||
		    (list[i].only_if_known && !gate_model_is_known(&here, &subject)))
			continue;
		if (own && digest)
			subject.digest = *digest;
		rc = put(s, g, &subject, span_of(list[i].where), err);
	}
	return rc;
}

/* ── What may run in its place ───────────────────────────────────────────────────────────────────────────────────── */

static int may_run(struct standing *s, const struct group *g, enum gate_subject_kind kind, struct span name, bool *ret,
		   struct err *err)
{
	struct gate_subject subject = { .kind = kind, .name = name };
	const struct standing_verdict *v;
	int rc = judge(s, &subject, &g->out.drain, g->out.host, &v, err);
	/* what nobody is sure about is no way out */
	*ret = rc == 0 && v->judged != GATE_DENY && !v->uncertain;
	return rc;
}

/* The last tag of the repository, by its text, that may run. */
static int image_for(struct standing *s, const struct group *g, const char *repository, const char **ret, struct err *err)
{
	const struct gate_snapshot *k = s->settings.snapshot;
	struct span tags[CANDIDATES], last = SPAN_NONE;
	size_t n = 0, length = strlen(repository);
	for (size_t i = 0; i < k->image_count; i++) {
		struct span text = gate_snapshot_text_at(k, k->images[i].text);
		if (!span_starts(text, repository) || text.n <= length || text.p[length] != ':' || span_eq(text, last))
			continue;
		last = text;
		/* the newest are kept, as far as their names tell */
		if (n == CANDIDATES)
			memmove(tags, tags + 1, --n * sizeof *tags);
		tags[n++] = text;
	}
	*ret = "";
	while (n-- > 0 && !**ret) {
		bool good = false;
		int rc = may_run(s, g, GATE_IMAGE, tags[n], &good, err);
		if (rc)
			return rc;
		if (good)
			*ret = arena_printf(&s->a, "image %.*s", SPAN_ARG(tags[n]));
		if (!*ret)
			return no_memory(err);
	}
	return 0;
}

/* The last signed release of the service there, by its name, that may run: names begin with the date. */
static int release_for(struct standing *s, const struct group *g, const char **ret, struct err *err)
{
	const struct gate_snapshot *k = s->settings.snapshot;
	struct span best = SPAN_NONE;
	for (size_t i = 0; i < k->release_count; i++) {
		const struct gate_release *r = &k->releases[i];
		struct span name = gate_snapshot_text_at(k, r->name);
		bool good = false;
		if (!r->is_signed || r->as_found || !span_eq(gate_snapshot_text_at(k, r->service), g->out.drain.service) ||
		    !span_eq(gate_snapshot_text_at(k, r->environment), g->out.drain.environment) ||
		    (best.p && span_compare(name, best) <= 0))
			continue;
		char *subject = arena_printf(&s->a, "%.*s/%.*s", SPAN_ARG(g->out.drain.service), SPAN_ARG(name));
		int rc = subject ? may_run(s, g, GATE_RELEASE, span_of(subject), &good, err) : no_memory(err);
		if (rc)
			return rc;
		if (good)
			best = name;
	}
	*ret = best.p ? arena_printf(&s->a, "release %.*s/%.*s", SPAN_ARG(g->out.drain.service), SPAN_ARG(best)) : "";
	return *ret ? 0 : no_memory(err);
}

/* The same question again has the same answer. @repository NULL: a release. */
static int look_for(struct standing *s, const struct group *g, const char *repository, const char **ret, struct err *err)
{
	char *key = arena_printf(&s->a, "%s\n%.*s\n%.*s\n%.*s", repository ? repository : "", SPAN_ARG(g->out.drain.service),
				 SPAN_ARG(g->out.drain.environment), SPAN_ARG(g->out.host));
	const char *known = key ? map_get(&s->replacements, span_of(key)) : NULL;
	if (known) {
		*ret = known;
		return 0;
	}
	int rc = !key ? no_memory(err) : repository ? image_for(s, g, repository, ret, err) : release_for(s, g, ret, err);
	if (rc == 0 && map_set(&s->replacements, span_of(key), (void *)(uintptr_t)*ret))
		rc = no_memory(err);
	return rc;
}

static int replacement_find(struct standing *s, struct group *g, struct err *err)
{
	const char *found = "", *all = "";
	int rc = 0;
	bool missing = false;
	for (size_t i = 0; rc == 0 && i < g->repositories_n + (g->others ? 1 : 0); i++) {
		rc = look_for(s, g, i < g->repositories_n ? g->repositories[i] : NULL, &found, err);
		missing |= rc == 0 && !found[0];
		if (rc == 0 && found[0] && span_find(span_of(all), span_of(found)) == SIZE_MAX) {
			all = all[0] ? arena_printf(&s->a, "%s, %s", all, found) : found;
			rc = all ? 0 : no_memory(err);
		}
	}
	if (rc == 0 && !missing && all[0])
		g->out.replacement = all;
	g->out.drain.has_replacement = g->out.replacement != NULL;
	return rc;
}

/* ── The report ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int by_service(const void *a, const void *b)
{
	const struct group *x = *(const struct group *const *)a, *y = *(const struct group *const *)b;
	int c = span_compare(x->out.drain.service, y->out.drain.service);
	if (c == 0)
		c = span_compare(x->out.drain.environment, y->out.drain.environment);
	if (c == 0)
		c = (int)y->out.drain.denied - (int)x->out.drain.denied;
	return c ? c : (x->number > y->number) - (x->number < y->number);
}

int standing_report(struct standing *s, struct standing_report *ret, struct err *err)
{
	struct standing_group *groups = arena_array(&s->a, s->groups_n + 1, sizeof *groups);
	struct drain_group *drains = arena_array(&s->a, s->groups_n + 1, sizeof *drains);
	struct drain_step *steps = NULL;
	size_t steps_n = 0;
	int rc = groups && drains ? 0 : no_memory(err);
	if (s->groups_n)
		qsort(s->groups, s->groups_n, sizeof(struct group *), by_service);
	for (size_t i = 0; rc == 0 && i < s->groups_n; i++) {
		if (s->groups[i]->out.drain.denied)
			rc = replacement_find(s, s->groups[i], err);
		groups[i] = s->groups[i]->out;
		drains[i] = groups[i].drain;
	}
	if (rc == 0)
		rc = drain_plan(&s->a, drains, s->groups_n, s->settings.keep, &steps, &steps_n, err);
	if (rc)
		return rc;
	s->report.groups = groups;
	s->report.groups_n = s->groups_n;
	s->report.steps = steps;
	s->report.steps_n = steps_n;
	s->report.judged = s->verdicts.count;
	*ret = s->report;
	return 0;
}
