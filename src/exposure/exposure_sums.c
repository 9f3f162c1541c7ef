/* Sums over exposures: by component and service, and the state of services with their carriers apart. */
#include "exposure/exposure_view.h"

/* ── Sums ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A service's placements of one subject. */
struct cell {
	size_t service, subject;
	int64_t placements;
};

struct summing {
	struct exposure_view v;
	struct map cells; /* service and subject -> struct cell */
	struct exposure_sum *list;
	size_t count, capacity;
};

static int out_of_memory(struct summing *s)
{
	return err_set(tx_err(s->v.tx), RF_ENOMEM, "sums of exposures");
}

static int cells_make(struct summing *s)
{
	for (size_t i = 0; i < s->v.link_count; i++) {
		const struct view_link *l = &s->v.links[i];
		size_t key[2] = { l->service, l->subject };
		struct cell *c = map_get(&s->cells, span_bytes(key, sizeof key));
		if (!c) {
			c = arena_alloc(&s->v.a, sizeof *c);
			if (!c)
				return out_of_memory(s);
			*c = (struct cell){ .service = l->service, .subject = l->subject };
			_Static_assert(offsetof(struct cell, placements) == sizeof key, "the key is the cell's head");
			if (map_set(&s->cells, span_bytes(c, sizeof key), c))
				return out_of_memory(s);
		}
		c->placements += l->placements;
	}
	return 0;
}

static int sum_add(struct summing *s, const struct cell *c, const struct view_finding *f)
{
	const struct view_service *service = &s->v.services[c->service];
	const struct view_subject *subject = &s->v.subjects[c->subject];
	const struct view_advisory *advisory = &s->v.advisories[f->advisory];
	if (s->count == s->capacity) {
		size_t capacity = s->capacity ? 2 * s->capacity : 1024;
		struct exposure_sum *more = rf_realloc_array(s->list, capacity, sizeof *more);
		if (!more)
			return out_of_memory(s);
		s->list = more;
		s->capacity = capacity;
	}
	s->list[s->count++] = (struct exposure_sum){ .advisory = advisory->id,
						     .is_drill = advisory->is_drill,
						     .service = service->service,
						     .environment = service->environment,
						     .carrier = subject->carrier,
						     .kind = f->kind,
						     .cause = f->cause,
						     .purl = subject->purl,
						     .version = subject->version,
						     .line = subject->line,
						     .exposures = c->placements };
	return 0;
}

static int sums_make(struct summing *s)
{
	struct span key;
	void *value;
	for (size_t at = 0; map_next(&s->cells, &at, &key, &value);) {
		const struct cell *c = value;
		const struct view_subject *subject = &s->v.subjects[c->subject];
		for (size_t i = subject->first; i < subject->first + subject->count; i++) {
			const struct view_finding *f = &s->v.findings[i];
			if (!exposure_view_applies(&s->v, f, &s->v.services[c->service]))
				continue;
			int rc = sum_add(s, c, f);
			if (rc)
				return rc;
		}
	}
	return 0;
}

static int by_contract(const void *left, const void *right)
{
	const struct exposure_sum *a = left, *b = right;
	int c = span_compare(a->advisory, b->advisory);
	if (!c)
		c = span_compare(a->service, b->service);
	if (!c)
		c = span_compare(a->environment, b->environment);
	if (!c)
		c = (int)a->carrier - (int)b->carrier;
	if (!c)
		c = span_compare(a->purl, b->purl);
	if (!c)
		c = span_compare(a->version, b->version);
	if (!c)
		c = (int)a->line - (int)b->line;
	if (!c)
		c = (int)a->kind - (int)b->kind;
	return c ? c : (int)a->cause - (int)b->cause;
}

/* One component under several claims is one to whoever reads sums. */
static size_t join_equals(struct exposure_sum *list, size_t n)
{
	size_t to = 0;
	for (size_t i = 1; i < n; i++) {
		if (by_contract(&list[to], &list[i]) == 0)
			list[to].exposures += list[i].exposures;
		else
			list[++to] = list[i];
	}
	return n ? to + 1 : 0;
}

int exposure_sums(struct transaction *tx, const struct exposure_filter *filter,
		  int (*visit)(const struct exposure_sum *, void *), void *data)
{
	struct summing s = { .list = NULL };
	int rc = exposure_view_load(tx, filter, false, &s.v);
	if (!rc)
		rc = cells_make(&s);
	if (!rc)
		rc = sums_make(&s);
	if (!rc && s.count)
		qsort(s.list, s.count, sizeof *s.list, by_contract);
	size_t n = join_equals(s.list, s.count);
	for (size_t i = 0; !rc && i < n && (filter->limit <= 0 || i < (size_t)filter->limit); i++)
		rc = visit(&s.list[i], data);
	map_release(&s.cells);
	rf_free(s.list);
	exposure_view_release(&s.v);
	return rc;
}

/* ── Services ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The workspace's limit of services times a handful of environments. */
#define MAX_SERVICES 100000

struct services {
	struct transaction *tx;
	usec_t at;
	struct arena a;
	struct exposure_service *list;
	size_t count, capacity;
};

static int service_add(struct services *s, const struct db_rows *rows)
{
	if (s->count == MAX_SERVICES)
		return err_set(tx_err(s->tx), RF_ETOOMANY, "more than %d services and environments", MAX_SERVICES);
	if (s->count == s->capacity) {
		size_t capacity = s->capacity ? 2 * s->capacity : 64;
		struct exposure_service *more = rf_realloc_array(s->list, capacity, sizeof *more);
		if (!more)
			return err_set(tx_err(s->tx), RF_ENOMEM, "services");
		s->list = more;
		s->capacity = capacity;
	}
	struct exposure_service *to = &s->list[s->count++];
	*to = (struct exposure_service){ .placements = rows_i64(rows, 2), .images = rows_i64(rows, 3) };
	to->service = rows_text(rows, 0).n ? arena_span(&s->a, rows_text(rows, 0)) : SPAN_NONE;
	to->environment = rows_text(rows, 1).n ? arena_span(&s->a, rows_text(rows, 1)) : SPAN_NONE;
	return 0;
}

/* What a service can be exposed by beside its engines. */
#define BESIDE                                                                                           \
	"a.kind IN ('" ARTIFACT_CONTAINER_IMAGE "', '" ARTIFACT_RUNTIME_LIBRARY "', '"                   \
	ARTIFACT_TENSORRT_PLUGIN "', '" ARTIFACT_PACKAGE_DATABASE "', '" ARTIFACT_PYTHON_PACKAGE "', '"  \
	ARTIFACT_NPM_PACKAGE "', '" ARTIFACT_RELEASE_FILE "', '" ARTIFACT_BILL_ENTRY "', '"              \
	ARTIFACT_TENSORRT_LLM_CONFIG "')"
/* Engines, and what else has a finding of its own (it cannot be read or is not there, it breaks a rule of inspection):
 * nobody else would count it. */
#define ENGINES                                                                                   \
	"(a.kind IN ('" ARTIFACT_TENSORRT_PLAN "', '" ARTIFACT_ONNXRUNTIME_OPTIMISED              \
	"', '" ARTIFACT_ONNXRUNTIME_ORT "', '" ARTIFACT_LFS_POINTER "') OR (a.finding <> '' AND " \
	"NOT " BESIDE "))"
#define LISTED "(" ENGINES " OR " BESIDE ")"
/* Uses with their placements: of now, of the moment $1. */
#define USES_NOW "inventory_use u"
#define USES_AT                                                                                                   \
	"(SELECT w.id AS id, w.service_id AS service_id, w.artifact_id AS artifact_id, COUNT(*) AS placements"    \
	" FROM inventory_placement p JOIN inventory_use w ON w.id = p.use_id WHERE p.seen_from <= $1"             \
	" AND (p.gone_at IS NULL OR p.gone_at > $1) GROUP BY w.id, w.service_id, w.artifact_id) u"
#define SELECT_SERVICES                                                                                      \
	"SELECT s.service, s.environment,"                                                                   \
	" CAST(SUM(CASE WHEN " ENGINES " THEN u.placements ELSE 0 END) AS BIGINT),"                          \
	" CAST(SUM(CASE WHEN a.kind = '" ARTIFACT_CONTAINER_IMAGE "' THEN u.placements ELSE 0 END) AS BIGINT) FROM "
#define GROUP_SERVICES " GROUP BY s.service, s.environment ORDER BY s.service, s.environment"

#define OF_SERVICES                                   \
	" JOIN inventory_service s ON s.id = u.service_id" \
	" JOIN inventory_artifact a ON a.id = u.artifact_id WHERE u.placements > 0 AND " LISTED GROUP_SERVICES

static const char select_services_now[] = SELECT_SERVICES USES_NOW OF_SERVICES;
static const char select_services_at[] = SELECT_SERVICES USES_AT OF_SERVICES;

/* What has a finding of its own: placed, or inside of what is placed; of which carrier. By use. */
#define SELECT_OWN "SELECT u.id, s.service, s.environment, u.placements, a.finding, CASE WHEN a.kind = '" ARTIFACT_CONTAINER_IMAGE "'"
#define OWN(USES)                                                                                                        \
	SELECT_OWN " THEN 2 WHEN " BESIDE " THEN 1 ELSE 0 END FROM " USES                                                \
		   " JOIN inventory_service s ON s.id = u.service_id JOIN inventory_artifact a ON a.id = u.artifact_id"  \
		   " WHERE u.placements > 0 AND a.finding <> '' UNION " SELECT_OWN " OR " BESIDE " THEN 2 ELSE 0 END FROM " USES \
		   " JOIN inventory_service s ON s.id = u.service_id JOIN inventory_inside i ON i.outer_id = u.artifact_id" \
		   " JOIN inventory_artifact a ON a.id = i.inner_id WHERE u.placements > 0 AND a.finding <> '' ORDER BY 1"

static const char select_own_now[] = OWN(USES_NOW);
static const char select_own_at[] = OWN(USES_AT);

static int services_load(struct services *s)
{
	const struct db_value at = DB_TIME(s->at);
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(s->tx, s->at ? select_services_at : select_services_now, &at, s->at != 0, &rows);
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = service_add(s, rows);
	return rc;
}

static struct exposure_service *find_service(struct services *s, const struct view_service *wanted)
{
	size_t low = 0, high = s->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = span_compare(s->list[middle].service, wanted->service);
		if (!c)
			c = span_compare(s->list[middle].environment, wanted->environment);
		if (!c)
			return &s->list[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static enum finding_kind worst_of(const struct exposure_view *v, const struct view_link *l)
{
	const struct view_subject *subject = &v->subjects[l->subject];
	enum finding_kind worst = FINDING_NOT_AFFECTED;
	for (size_t i = subject->first; i < subject->first + subject->count && worst != FINDING_AFFECTED; i++)
		if (exposure_view_applies(v, &v->findings[i], &v->services[l->service]))
			worst = RF_MAX(worst, v->findings[i].kind);
	return worst;
}

/* A use's placements count once for each carrier, at the worst of its findings. */
static void count_worst(struct exposure_service *to, const enum finding_kind worst[CARRIER_COUNT], int64_t placements)
{
	for (size_t c = 0; to && c < CARRIER_COUNT; c++) {
		to->counts[c][worst[c]] += worst[c] == FINDING_NOT_AFFECTED ? 0 : placements;
		to->worst[c] = RF_MAX(to->worst[c], worst[c]);
	}
}

/* A use whose content has findings of its own. */
struct own {
	int64_t use, placements;
	struct exposure_service *service;
	enum finding_kind worst[CARRIER_COUNT];
};

static void count_use(struct services *s, const struct exposure_view *v, size_t from, size_t to, const struct own *own)
{
	enum finding_kind worst[CARRIER_COUNT] = { FINDING_NOT_AFFECTED };
	if (own)
		memcpy(worst, own->worst, sizeof worst);
	for (size_t i = from; i < to; i++) {
		enum carrier c = v->subjects[v->links[i].subject].carrier;
		worst[c] = RF_MAX(worst[c], worst_of(v, &v->links[i]));
	}
	count_worst(find_service(s, &v->services[v->links[from].service]), worst, v->links[from].placements);
}

struct owns {
	struct own *list;
	size_t count, capacity;
};

static int own_add(struct services *s, struct owns *to, const struct db_rows *rows)
{
	static const enum carrier carriers[] = { CARRIER_BUILDER, CARRIER_RUNTIME, CARRIER_IMAGE };
	int64_t use = rows_i64(rows, 0), which = rows_i64(rows, 5);
	if (!to->count || to->list[to->count - 1].use != use) {
		if (to->count == to->capacity) {
			size_t capacity = to->capacity ? 2 * to->capacity : 64;
			struct own *more = rf_realloc_array(to->list, capacity, sizeof *more);
			if (!more)
				return err_set(tx_err(s->tx), RF_ENOMEM, "findings of contents");
			to->list = more;
			to->capacity = capacity;
		}
		const struct view_service at = { .service = rows_text(rows, 1), .environment = rows_text(rows, 2) };
		to->list[to->count++] =
			(struct own){ .use = use, .placements = rows_i64(rows, 3), .service = find_service(s, &at) };
	}
	enum finding_kind kind = artifact_finding_of(rows_text(rows, 4)) == ARTIFACT_CONFLICT ? FINDING_CONFLICT : FINDING_UNKNOWN;
	enum finding_kind *worst = &to->list[to->count - 1].worst[carriers[which]];
	*worst = RF_MAX(*worst, kind);
	return 0;
}

static int owns_load(struct services *s, struct owns *to)
{
	const struct db_value at = DB_TIME(s->at);
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(s->tx, s->at ? select_own_at : select_own_now, &at, s->at != 0, &rows);
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = own_add(s, to, rows);
	return rc;
}

/* Both in the order of uses. */
static void count_uses(struct services *s, const struct exposure_view *v, const struct owns *owns)
{
	size_t k = 0;
	for (size_t i = 0, to; i < v->link_count; i = to) {
		int64_t use = v->links[i].use;
		for (to = i + 1; to < v->link_count && v->links[to].use == use;)
			to++;
		for (; k < owns->count && owns->list[k].use < use; k++)
			count_worst(owns->list[k].service, owns->list[k].worst, owns->list[k].placements);
		count_use(s, v, i, to, k < owns->count && owns->list[k].use == use ? &owns->list[k++] : NULL);
	}
	for (; k < owns->count; k++)
		count_worst(owns->list[k].service, owns->list[k].worst, owns->list[k].placements);
}

/* Drills count only when asked for by name: an exercise must not colour the real state. */
static int count_exposures(struct services *s, struct span advisory)
{
	const struct exposure_filter f = { .at = s->at, .advisory = advisory, .without_drills = !advisory.n };
	struct exposure_view v;
	struct owns owns = { .list = NULL };
	int rc = exposure_view_load(s->tx, &f, false, &v);
	if (!rc && !advisory.n)
		rc = owns_load(s, &owns);
	if (!rc)
		count_uses(s, &v, &owns);
	rf_free(owns.list);
	exposure_view_release(&v);
	return rc;
}

/* No data is no pass. */
static void count_unjudged(struct exposure_service *s)
{
	for (size_t c = 0; c < CARRIER_COUNT; c++) {
		int64_t *counts = s->counts[c], placements = c == CARRIER_IMAGE ? s->images : s->placements;
		int64_t told = counts[FINDING_AFFECTED] + counts[FINDING_CONFLICT] + counts[FINDING_UNKNOWN];
		counts[FINDING_UNKNOWN] += RF_MAX(placements - told, 0);
		if (placements || c == CARRIER_RUNTIME)
			s->worst[c] = RF_MAX(s->worst[c], FINDING_UNKNOWN);
	}
}

int exposure_services(struct transaction *tx, struct span advisory, usec_t at,
		      int (*visit)(const struct exposure_service *, void *), void *data)
{
	struct services s = { .tx = tx, .at = at, .a = ARENA_INIT(64 * MIB) };
	int rc = services_load(&s);
	bool known = true;
	if (!rc)
		rc = count_exposures(&s, advisory);
	if (!rc && !advisory.n)
		rc = advisory_any_known(tx, at, &known);
	for (size_t i = 0; !rc && !known && i < s.count; i++)
		count_unjudged(&s.list[i]);
	for (size_t i = 0; !rc && i < s.count; i++)
		rc = visit(&s.list[i], data);
	rf_free(s.list);
	arena_release(&s.a);
	return rc;
}

const char *exposure_service_words(const struct exposure_service *s, char *buffer, size_t size)
{
	static const char *const words[] = { "clean", "not known", "contradictory", "vulnerable" };
	enum finding_kind runtime = s->worst[CARRIER_RUNTIME], engine = s->worst[CARRIER_BUILDER],
			  image = s->worst[CARRIER_IMAGE];
	char images[64] = "";
	if (s->images || image != FINDING_NOT_AFFECTED)
		snprintf(images, sizeof images, ", image %s", words[image]);
	if (RF_MAX(runtime, RF_MAX(engine, image)) == FINDING_NOT_AFFECTED)
		snprintf(buffer, size, "clean");
	else if (images[0] && !s->placements && runtime == FINDING_NOT_AFFECTED)
		snprintf(buffer, size, "%s%s%s", images + 2, engine == FINDING_NOT_AFFECTED ? "" : ", engine inside ",
			 engine == FINDING_NOT_AFFECTED ? "" : words[engine]);
	else if (runtime == engine)
		snprintf(buffer, size, "runtime and engine %s%s", words[engine], images);
	else
		snprintf(buffer, size, "runtime %s, engine %s%s%s", words[runtime],
			 runtime == FINDING_NOT_AFFECTED && engine == FINDING_AFFECTED ? "still " : "", words[engine], images);
	return buffer;
}
