/* The state of everything, derived at the moment of asking; status.h is the manual. */
#include "response/status.h"

#include "build/kind.h"
#include "depot/channel.h"
#include "depot/depot.h"
#include "exposure/exposure.h"
#include "response/response.h"

#define STATUS_MAX_INCIDENTS 100
#define STATUS_MAX_SERVICES 100000

struct making {
	const struct response_context *context;
	struct arena *a;
	struct err *err;
	struct status *status;
	usec_t at; /* a past moment; 0: now */
	size_t service_capacity;
	/* advisories of one service, sorted by the list */
	struct status_service *last;
	size_t advisory_capacity;
	struct status_incident *incident;
	size_t blocked_capacity;
};

static int out_of_memory(struct making *m)
{
	return err_set(m->err, RF_ENOMEM, "no memory for the status");
}

/* Doubles an array in the arena when it is full. */
static int grow(struct making *m, void *list_pointer, size_t count, size_t *capacity, size_t element)
{
	void **list = list_pointer;
	if (count < *capacity)
		return 0;
	size_t wanted = *capacity ? *capacity * 2 : 32;
	void *grown = arena_array(m->a, wanted, element);
	if (!grown)
		return out_of_memory(m);
	if (count)
		memcpy(grown, *list, count * element);
	*list = grown;
	*capacity = wanted;
	return 0;
}

/* ── services ── */

static void fill_carrier(struct status_carrier *c, const int64_t counts[4], int64_t placements)
{
	/* what is inside of images is exposed without being a placement of its own */
	placements = RF_MAX(placements, counts[FINDING_AFFECTED] + counts[FINDING_CONFLICT] + counts[FINDING_UNKNOWN]);
	*c = (struct status_carrier){ .placements = placements,
				      .affected = counts[FINDING_AFFECTED],
				      .conflict = counts[FINDING_CONFLICT],
				      .unknown = counts[FINDING_UNKNOWN] };
	c->not_affected = placements - c->affected - c->conflict - c->unknown;
}

static int visit_service(const struct exposure_service *s, void *data)
{
	struct making *m = data;
	struct status *st = m->status;
	if (st->service_count >= STATUS_MAX_SERVICES)
		return err_set(m->err, RF_ETOOMANY, "more than %d services", STATUS_MAX_SERVICES);
	int rc = grow(m, &st->services, st->service_count, &m->service_capacity, sizeof *st->services);
	if (rc)
		return rc;
	struct status_service *v = &st->services[st->service_count++];
	*v = (struct status_service){ .service = arena_text(m->a, s->service),
				      .environment = arena_text(m->a, s->environment),
				      .owner = "",
				      .stable = "",
				      .candidate = "" };
	const struct workspace_service *w = workspace_service(m->context->workspace, s->service);
	if (w)
		v->owner = arena_printf(m->a, "%s (%s)", w->owner.name, w->owner.contact);
	if (!v->service || !v->environment || !v->owner)
		return out_of_memory(m);
	fill_carrier(&v->builder, s->counts[CARRIER_BUILDER], s->placements);
	fill_carrier(&v->runtime, s->counts[CARRIER_RUNTIME], s->placements);
	fill_carrier(&v->image, s->counts[CARRIER_IMAGE], s->images);
	v->runtime_clean_engine_vulnerable =
		s->worst[CARRIER_RUNTIME] == FINDING_NOT_AFFECTED && v->builder.affected > 0;
	return 0;
}

static struct status_service *find_service(struct making *m, struct span service, struct span environment)
{
	for (size_t i = 0; i < m->status->service_count; i++) {
		struct status_service *v = &m->status->services[i];
		if (span_eq_text(service, v->service) && span_eq_text(environment, v->environment))
			return v;
	}
	return NULL;
}

/* Sums of one service and advisory come one after the other: counted as a run, the longest run stays. */
struct drill_run {
	struct span advisory;
	const struct status_service *service;
	int64_t counts[CARRIER_COUNT];
};

struct exposed {
	struct making *m;
	struct drill_run drill;
	struct span service, environment; /* of the last sum's service: they come in runs of one */
	struct status_service *at;
};

static int64_t *drill_of(struct status_service *v, enum carrier carrier)
{
	return carrier == CARRIER_RUNTIME ? &v->runtime_drill : carrier == CARRIER_IMAGE ? &v->image_drill : &v->builder_drill;
}

static int count_drill(struct exposed *x, struct status_service *v, const struct exposure_sum *sum)
{
	struct drill_run *run = &x->drill;
	if (run->service != v || !span_eq(run->advisory, sum->advisory)) {
		*run = (struct drill_run){ .service = v, .advisory = arena_span(x->m->a, sum->advisory) };
		if (!run->advisory.p)
			return out_of_memory(x->m);
	}
	int64_t *most = drill_of(v, sum->carrier);
	run->counts[sum->carrier] += sum->exposures;
	*most = RF_MAX(*most, run->counts[sum->carrier]);
	return 0;
}

/* Sums come by advisory: a service gets its ids in sorted order, each once. Drills are counted in no total. */
static int visit_exposure(const struct exposure_sum *sum, void *data)
{
	struct exposed *x = data;
	struct making *m = x->m;
	struct status *st = m->status;
	if (!sum->is_drill) {
		st->exposures_affected += sum->kind == FINDING_AFFECTED ? sum->exposures : 0;
		st->exposures_conflict += sum->kind == FINDING_CONFLICT ? sum->exposures : 0;
		st->exposures_unknown += sum->kind == FINDING_UNKNOWN ? sum->exposures : 0;
	}
	struct status_service *v = x->at;
	if (!v || !span_eq_text(sum->service, v->service) || !span_eq_text(sum->environment, v->environment))
		x->at = v = find_service(m, sum->service, sum->environment);
	if (!v)
		return 0;
	int rc = sum->is_drill ? count_drill(x, v, sum) : 0;
	if (rc)
		return rc;
	if (v->advisory_count && span_eq_text(sum->advisory, v->advisories[v->advisory_count - 1]))
		return 0;
	/* few ids a service: an exact copy for each one more */
	const char **list = arena_array(m->a, v->advisory_count + 1, sizeof *list);
	if (!list)
		return out_of_memory(m);
	if (v->advisory_count)
		memcpy(list, v->advisories, v->advisory_count * sizeof *list);
	list[v->advisory_count] = arena_text(m->a, sum->advisory);
	if (!list[v->advisory_count])
		return out_of_memory(m);
	v->advisories = list;
	v->advisory_count++;
	return 0;
}

static int read_services(struct transaction *tx, struct making *m)
{
	int rc = exposure_services(tx, SPAN_NONE, m->at, visit_service, m);
	struct exposed x = { .m = m };
	if (!rc)
		rc = exposure_sums(tx, &(struct exposure_filter){ .at = m->at, .at_least = FINDING_UNKNOWN }, visit_exposure,
				   &x);
	bool known = false;
	if (!rc)
		rc = advisory_any_known(tx, m->at, &known);
	m->status->no_data = !known;
	if (!rc && !m->at)
		rc = excuse_count(tx, m->context->workspace, &m->status->excused);
	return rc;
}

/* ── releases ── */

static int judge_row(struct transaction *tx, struct making *m, const struct release_row *row,
		     struct status_release_row *ret)
{
	char hex[DIGEST_HEX];
	*ret = (struct status_release_row){ .model = row->model,
					    .target = row->target,
					    .toolchain = row->builder.name ? row->builder.name : "",
					    .version = row->builder.version ? row->builder.version : "",
					    .digest = arena_text(m->a, span_of(digest_hex(&row->engine, hex))),
					    .carried_over = row->carried_over };
	const struct toolchain_kind *kind = toolchain_kind_find(span_of(ret->toolchain));
	if (!ret->digest)
		return out_of_memory(m);
	if (!kind || !kind->product || !*ret->version) {
		ret->finding = finding_kind_name(FINDING_UNKNOWN);
		return 0;
	}
	const char *purl = arena_printf(m->a, "%s@%s", kind->product, ret->version);
	struct exposure_explanation *list = NULL;
	size_t n = 0;
	int rc = purl ? exposure_explain_purl(tx, m->a, m->context->workspace, span_of(purl), SPAN_NONE, &list, &n)
		      : out_of_memory(m);
	if (rc)
		return rc;
	enum finding_kind worst = m->status->no_data ? FINDING_UNKNOWN : FINDING_NOT_AFFECTED;
	const char **ids = arena_array(m->a, n + 1, sizeof *ids);
	if (!ids)
		return out_of_memory(m);
	for (size_t i = 0; i < n; i++) {
		const struct exposure_explanation *e = &list[i];
		if (e->subject.carrier != CARRIER_BUILDER || e->finding.kind == FINDING_NOT_AFFECTED)
			continue;
		worst = RF_MAX(worst, e->finding.kind);
		ids[ret->advisory_count++] = arena_text(m->a, e->advisory.advisory.id);
	}
	ret->advisories = ids;
	ret->finding = finding_kind_name(worst);
	return 0;
}

/* What the engine's content says of itself: no version makes it sound. */
static int judge_content(struct transaction *tx, struct status_release_row *row)
{
	RF_AUTO_ROWS rows = NULL;
	enum finding_kind kind;
	int rc = TX_QUERY(tx, &rows, "SELECT finding FROM inventory_artifact WHERE digest = $1", DB_T(row->digest));
	if (!rc)
		rc = rows_next(rows);
	if (rc <= 0)
		return rc;
	enum artifact_finding f = artifact_finding_of(rows_text(rows, 0));
	if (f != ARTIFACT_CLEAR && finding_kind_read(span_of(row->finding), &kind))
		row->finding = finding_kind_name(RF_MAX(kind, f == ARTIFACT_CONFLICT ? FINDING_CONFLICT : FINDING_UNKNOWN));
	return 0;
}

/* Rows of one builder version share their judgement. */
static int judge_release(struct transaction *tx, struct making *m, const struct release *release,
			 struct status_release *ret)
{
	ret->rows = arena_array(m->a, release->row_count + 1, sizeof *ret->rows);
	if (!ret->rows)
		return out_of_memory(m);
	ret->secure = true;
	ret->is_drill = release->drill;
	for (size_t i = 0; i < release->row_count; i++) {
		const struct release_row *row = &release->rows[i];
		struct status_release_row *out = &ret->rows[i];
		const struct status_release_row *same = NULL;
		for (size_t k = 0; k < i && k < 16 && !same; k++) {
			const struct release_row *o = &release->rows[k];
			if (o->builder.name && row->builder.name && o->builder.version && row->builder.version &&
			    !strcmp(o->builder.name, row->builder.name) &&
			    !strcmp(o->builder.version, row->builder.version))
				same = &ret->rows[k];
		}
		if (same) {
			char hex[DIGEST_HEX];
			*out = *same;
			out->model = row->model;
			out->target = row->target;
			out->carried_over = row->carried_over;
			out->digest = arena_text(m->a, span_of(digest_hex(&row->engine, hex)));
		} else {
			int rc = judge_row(tx, m, row, out);
			if (rc)
				return rc;
		}
	}
	for (size_t i = 0; i < release->row_count; i++) {
		int rc = judge_content(tx, &ret->rows[i]);
		if (rc)
			return rc;
		ret->secure &= !strcmp(ret->rows[i].finding, finding_kind_name(FINDING_NOT_AFFECTED));
	}
	ret->row_count = release->row_count;
	return 0;
}

static int add_release(struct transaction *tx, struct making *m, const struct status_service *v, const char *name,
		       size_t *capacity)
{
	struct release release;
	struct status *st = m->status;
	int rc = grow(m, &st->releases, st->release_count, capacity, sizeof *st->releases);
	if (rc)
		return rc;
	struct status_release *r = &st->releases[st->release_count];
	*r = (struct status_release){
		.service = v->service, .environment = v->environment, .name = name, .rollout_state = ""
	};
	struct err err = ERR_INIT;
	if (release_read(m->context->depot, m->a, v->service, name, &release, &err)) {
		/* a release that cannot be read is not secure; depot verify says what is wrong */
		st->release_count++;
		return 0;
	}
	RF_AUTO_ROWS rows = NULL;
	rc = TX_QUERY(tx, &rows, "SELECT state FROM rollout WHERE service = $1 AND environment = $2 AND release = $3",
		      DB_T(v->service), DB_T(v->environment), DB_T(name));
	if (rc)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	enum rollout_state state;
	if (rc > 0 && rollout_state_read(rows_text(rows, 0), &state))
		r->rollout_state = rollout_state_name(state);
	rows_freep(&rows);
	rc = judge_release(tx, m, &release, r);
	st->release_count++;
	return rc;
}

static int read_releases(struct transaction *tx, struct making *m)
{
	size_t capacity = 0;
	for (size_t i = 0; i < m->status->service_count; i++) {
		struct status_service *v = &m->status->services[i];
		struct channel stable, candidate;
		if (!release_name_ok(span_of(v->service)) || !release_name_ok(span_of(v->environment)))
			continue;
		int rc = channel_get(tx, v->service, v->environment, "stable", &stable);
		if (!rc)
			rc = channel_get(tx, v->service, v->environment, "candidate", &candidate);
		if (rc)
			return rc;
		v->stable = arena_text(m->a, span_of(stable.release));
		v->candidate = arena_text(m->a, span_of(candidate.release));
		if (!v->stable || !v->candidate)
			return out_of_memory(m);
		if (*v->stable)
			rc = add_release(tx, m, v, v->stable, &capacity);
		if (!rc && *v->candidate && strcmp(v->stable, v->candidate))
			rc = add_release(tx, m, v, v->candidate, &capacity);
		if (rc)
			return rc;
	}
	return 0;
}

/* ── incidents ── */

static struct clock_limits limits_of(const struct workspace *w, struct span environment)
{
	const struct workspace_environment *e = workspace_environment(w, environment);
	if (!e)
		return CLOCK_DEFAULT_LIMITS;
	return (struct clock_limits){ { e->clocks.confirm_usec, e->clocks.environment_usec, e->clocks.rebuild_usec,
					e->clocks.canary_usec, e->clocks.fleet_usec } };
}

int status_incident_clocks(const struct workspace *w, const struct incident *incident, usec_t now, struct arena *a,
			   struct clock_row (**ret)[CLOCK_STAGES])
{
	struct clock_row(*rows)[CLOCK_STAGES] = arena_array(a, incident->environment_count + 1, sizeof *rows);
	if (!rows)
		return RF_ENOMEM;
	for (size_t i = 0; i < incident->environment_count; i++) {
		const struct incident_environment *e = &incident->environments[i];
		struct clock_limits limits = limits_of(w, e->environment);
		int64_t n[CLOCK_STAGES], m[CLOCK_STAGES];
		for (int s = 0; s < CLOCK_STAGES; s++)
			incident_stage_counts(e, (enum clock_stage)s, &n[s], &m[s]);
		clock_evaluate(incident->t0, &limits, e->reached, n, m, now, rows[i]);
	}
	*ret = rows;
	return 0;
}

static int visit_stuck(const struct task *t, void *data)
{
	struct making *m = data;
	struct status_incident *i = m->incident;
	int rc = grow(m, &i->blocked, i->blocked_count, &m->blocked_capacity, sizeof *i->blocked);
	if (rc)
		return rc;
	return task_copy(t, m->a, &i->blocked[i->blocked_count++]) ? out_of_memory(m) : 0;
}

static int read_incidents(struct transaction *tx, struct making *m)
{
	struct incident *list;
	size_t n;
	int rc = incident_list(tx, true, STATUS_MAX_INCIDENTS, m->a, &list, &n);
	if (rc)
		return rc;
	struct status *st = m->status;
	st->incidents = arena_array(m->a, n + 1, sizeof *st->incidents);
	if (!st->incidents)
		return out_of_memory(m);
	for (size_t i = 0; i < n; i++) {
		struct status_incident *s = &st->incidents[i];
		s->incident = list[i];
		m->incident = s;
		m->blocked_capacity = 0;
		rc = status_incident_clocks(m->context->workspace, &s->incident, st->at, m->a, &s->clocks)
			     ? out_of_memory(m)
			     : 0;
		if (!rc)
			rc = release_plan_list(tx, s->incident.id, m->a, &s->releases, &s->release_count);
		if (!rc)
			rc = task_each_stuck(tx, s->incident.id, STATUS_MAX_BLOCKED, visit_stuck, m);
		if (rc)
			return rc;
	}
	st->incident_count = n;
	return 0;
}

static int read_all(struct transaction *tx, void *data)
{
	struct making *m = data;
	*m->status = (struct status){ .site = m->context->workspace->site, .at = m->at ? m->at : tx_now(tx), .is_past = m->at != 0 };
	m->service_capacity = 0;
	struct status *s = m->status;
	int rc = read_services(tx, m);
	if (m->at)
		return rc;
	if (!rc)
		rc = exposure_stale_feeds(tx, m->a, m->context->workspace, &s->stale, &s->stale_count);
	if (!rc)
		rc = exposure_order_work(tx, m->a, m->context->workspace, &(struct exposure_work_filter){ .with_drills = false },
					 &s->work, &s->work_count);
	if (!rc)
		rc = read_releases(tx, m);
	return rc ? rc : read_incidents(tx, m);
}

int status_make(const struct response_context *context, usec_t at, struct arena *a, struct status *ret, struct err *err)
{
	struct status status = { 0 };
	struct making m = { .context = context, .a = a, .err = err, .at = at, .status = &status };
	int rc = at ? 0 : exposure_refresh(context->db, "reforge:response", NULL, err);
	if (!rc)
		rc = database_transact(context->db, DB_READ, read_all, &m, err);
	if (!rc)
		*ret = status;
	return rc;
}

int status_exit_status(const struct status *s)
{
	bool unsure = s->no_data || s->exposures_conflict > 0 || s->exposures_unknown > 0;
	for (size_t i = 0; i < s->service_count && !unsure; i++) {
		const struct status_service *v = &s->services[i];
		unsure = v->builder.conflict + v->builder.unknown + v->runtime.conflict + v->runtime.unknown + v->image.conflict +
				 v->image.unknown > 0;
	}
	for (size_t i = 0; i < s->incident_count; i++) {
		const struct incident *incident = &s->incidents[i].incident;
		for (size_t k = 0; k < incident->environment_count; k++) {
			if (incident->environments[k].failed)
				return 1;
			unsure |= incident->environments[k].blocked > 0;
		}
	}
	return s->exposures_affected ? 1 : unsure ? 3 : 0;
}
