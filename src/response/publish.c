/*
 * Publishing the release of one service × environment: rows of the proven engines, the unaffected ones carried over,
 * two signed statements per new engine, the folder, the rows, the channel. Killed anywhere and run again it ends the
 * same: the name was chosen once, blobs and folder are content-addressed, the rows are idempotent.
 */
#include "response/engine.h"

#include "base/hash.h"
#include "depot/channel.h"
#include "depot/statement.h"
#include "format/json.h"
#include "inventory/inventory.h"
#include "ledger/ledger.h"
#include "response/incident.h"
#include "response/task_int.h"
#include "rollout/rollout.h"

#include <unistd.h>

#define ACTOR "reforge:response"
/* 20,000 engines with their evidence of about 10 KiB each. */
#define PUBLISH_ARENA_BYTES ((size_t)2 * GIB)

struct publishing {
	struct worker *w;
	const struct response_context *context;
	struct arena a;
	struct err *err;
	int64_t incident_id, generation;
	const char *service, *environment;
	struct incident incident;
	struct release_plan plan;
	struct task *tasks;
	size_t task_count, task_capacity;
	int64_t newest_task;
	struct inventory_placement *placements; /* engines of the service, for what is carried over */
	size_t placement_count, placement_capacity;
	bool withdrawn; /* not to be published (any more) */
	bool rests;     /* its incident is not open */
	struct release_row *rows;
	size_t row_count;
	struct release release;
	struct release_published published;
	struct ledger_head head;
	const char *held;
};

static int out_of_memory(struct publishing *p)
{
	return err_set(p->err, RF_ENOMEM, "no memory for the release of %s", p->service);
}

/* ── reading ── */

static int read_item(struct publishing *p)
{
	struct json_doc *doc = json_doc_new();
	struct json root;
	int rc = doc ? json_parse(doc, p->w->item.payload, &root, p->err) : out_of_memory(p);
	if (!rc) {
		p->service = arena_text(&p->a, json_string(json_get(root, "service")));
		p->environment = arena_text(&p->a, json_string(json_get(root, "environment")));
		if (!json_i64(json_get(root, "incident"), &p->incident_id) || !p->service || !p->environment)
			rc = err_set(p->err, RF_EINTERNAL, "work item %s names no release", p->w->item.key);
	}
	json_doc_free(doc);
	return rc;
}

static int grow(struct publishing *p, void **list, size_t count, size_t *capacity, size_t element)
{
	if (count < *capacity)
		return 0;
	size_t wanted = *capacity ? *capacity * 2 : 256;
	void *grown = arena_array(&p->a, wanted, element);
	if (!grown)
		return out_of_memory(p);
	if (count)
		memcpy(grown, *list, count * element);
	*list = grown;
	*capacity = wanted;
	return 0;
}

static int keep_task(const struct task *t, void *data)
{
	struct publishing *p = data;
	void *list = p->tasks;
	int rc = grow(p, &list, p->task_count, &p->task_capacity, sizeof *p->tasks);
	p->tasks = list;
	if (rc)
		return rc;
	if (t->state != TASK_PROVEN)
		return err_set(p->err, RF_EINTERNAL, "task %lld is %s, the counts of its release say proven",
			       (long long)t->id, task_state_name(t->state));
	p->newest_task = RF_MAX(p->newest_task, t->id);
	return task_copy(t, &p->a, &p->tasks[p->task_count++]) ? out_of_memory(p) : 0;
}

static int keep_placement(const struct inventory_placement *at, void *data)
{
	struct publishing *p = data;
	void *list = p->placements;
	int rc = grow(p, &list, p->placement_count, &p->placement_capacity, sizeof *p->placements);
	p->placements = list;
	if (rc)
		return rc;
	return inventory_placement_copy(at, &p->a, &p->placements[p->placement_count++]) ? out_of_memory(p) : 0;
}

static int choose_name(struct transaction *tx, struct publishing *p)
{
	struct channel stable;
	int rc = channel_get(tx, p->service, p->environment, "stable", &stable);
	char name[RELEASE_NAME_MAX + 1];
	const char *cause = arena_text(&p->a, p->incident.name);
	const struct workspace_service *s = workspace_service(p->context->workspace, span_of(p->service));
	/* a folder of releases is the service's: its environments must not take each other's names */
	if (cause && s && s->environments_n > 1)
		cause = arena_printf(&p->a, "%s-%s", cause, p->environment);
	if (cause && p->generation > 1)
		cause = arena_printf(&p->a, "%s-r%lld", cause, (long long)p->generation);
	if (!cause)
		return out_of_memory(p);
	if (!rc)
		rc = release_name_free(tx, p->service, tx_now(tx), cause, name);
	if (!rc)
		rc = release_plan_name(tx, p->incident_id, span_of(p->service), span_of(p->environment), name,
				       stable.release, &p->a, &p->plan);
	return rc;
}

/* Everything that the release is made of, and its name: chosen in the first run, read in the others. */
static int read_all(struct transaction *tx, void *data)
{
	struct publishing *p = data;
	p->task_count = p->placement_count = 0;
	p->newest_task = 0;
	p->withdrawn = p->rests = false;
	int rc = incident_get(tx, p->incident_id, &p->a, &p->incident);
	if (!rc)
		rc = release_plan_get(tx, p->incident_id, span_of(p->service), span_of(p->environment), &p->a,
				      &p->plan);
	if (!rc)
		rc = release_plan_generation(tx, p->incident_id, span_of(p->service), span_of(p->environment),
					     &p->generation);
	if (rc)
		return rc;
	p->rests = p->incident.state != INCIDENT_OPEN && p->incident.state != INCIDENT_REOPENED;
	if (p->rests) {
		char why[INCIDENT_RESTS_BYTES];
		return work_rest(tx, &p->w->item, incident_rests(p->incident_id, why), tx_now(tx) + INCIDENT_RESTS_USEC);
	}
	if (p->plan.published_at != USEC_NONE || p->plan.proven != p->plan.tasks || p->plan.tasks == 0) {
		p->withdrawn = true;
		return 0;
	}
	struct task_filter f = { .incident = p->incident_id, .service = p->service, .environment = p->environment };
	rc = task_each(tx, &f, keep_task, p);
	if (!rc && (int64_t)p->task_count != p->plan.tasks)
		rc = err_set(p->err, RF_EINTERNAL, "%s has %zu engines in the incident, the counts of its release say %lld",
			     p->service, p->task_count, (long long)p->plan.tasks);
	struct inventory_filter engines = { .service = span_of(p->service),
					    .environment = span_of(p->environment),
					    .engines_only = true };
	if (!rc)
		rc = inventory_each_placement(tx, &engines, keep_placement, p);
	if (!rc)
		rc = ledger_head(tx, &p->head);
	if (!rc && p->plan.release.n == 0)
		rc = choose_name(tx, p);
	return rc;
}

/* ── rows ── */

static void read_digest(struct span hex, struct digest *ret)
{
	struct err ignored = ERR_INIT;
	if (digest_read(hex, ret, &ignored))
		memset(ret, 0, sizeof *ret);
}

/* What a task's stored evidence says. */
struct evidence {
	struct json_doc *doc;
	struct json root, evidence;
};

static void evidence_release(struct evidence *e)
{
	json_doc_free(e->doc);
}

static int evidence_read(struct publishing *p, struct span build_result, struct evidence *ret)
{
	ret->doc = json_doc_new();
	if (!ret->doc)
		return out_of_memory(p);
	int rc = json_parse(ret->doc, build_result, &ret->root, p->err);
	if (rc)
		return err_prefix(p->err, "the stored build result: ");
	ret->evidence = json_get(ret->root, "evidence");
	return 0;
}

static int put_provenance(struct publishing *p, const struct task *t, struct release_row *row, const struct evidence *e)
{
	RF_AUTO(str) recipe = STR_INIT(2 * MIB);
	RF_AUTO(str) internal = STR_INIT(64 * KIB);
	RF_AUTO(str) statement = STR_INIT(STATEMENT_MAX_BYTES);
	int rc = json_canonical(json_get(e->root, "recipe"), &recipe, p->err);
	if (!rc)
		rc = json_canonical(e->evidence, &internal, p->err);
	if (rc)
		return rc;
	struct statement_material materials[2] = { { .name = "source model" }, { .name = "toolchain library" } };
	read_digest(json_string(json_get(e->evidence, "source_sha256")), &materials[0].digest);
	materials[0].uri = arena_text(&p->a, json_string(json_path(e->root, "recipe", "source", "path", NULL)));
	materials[1].digest = row->builder.library;
	materials[1].uri = arena_printf(&p->a, "pkg:generic/%s@%s", row->builder.name, row->builder.version);
	char host[128] = "localhost";
	gethostname(host, sizeof host - 1);
	struct provenance v = {
		.subject = { row->model, row->target, row->file, row->engine },
		.recipe = str_span(&recipe),
		.internal = str_span(&internal),
		.build = row->build,
		.toolchain = row->builder.name,
		.toolchain_version = row->builder.version,
		.materials = materials,
		.material_count = RF_COUNT(materials),
		.builder_id = arena_printf(&p->a, "reforge://%s/%s", p->context->workspace->site, host),
		.invocation_id = arena_printf(&p->a, "incident/%lld/task/%lld/attempt/%d", (long long)t->incident,
					      (long long)t->id, t->attempt),
		.started_at = t->built_at - t->build_usec,
		.finished_at = t->built_at,
	};
	if (!v.builder_id || !v.invocation_id || !materials[1].uri)
		return out_of_memory(p);
	rc = statement_provenance(&v, &statement, p->err);
	return rc ? rc
		  : attestation_put(p->context->depot, p->context->release_key, str_span(&statement), &row->provenance,
				    p->err);
}

static int put_proof(struct publishing *p, const struct task *t, struct release_row *row)
{
	RF_AUTO(str) statement = STR_INIT(STATEMENT_MAX_BYTES);
	struct proof_statement s = {
		.subject = { row->model, row->target, row->file, row->engine },
		.proof = row->proof,
		.verdict = "pass",
		.evidence = t->proof_result,
		.prover_id = arena_printf(&p->a, "reforge://%s", p->context->workspace->site),
		.invocation_id = arena_printf(&p->a, "incident/%lld/task/%lld/attempt/%d", (long long)t->incident,
					      (long long)t->id, t->attempt),
		.started_at = t->proven_at - t->prove_usec,
		.finished_at = t->proven_at,
	};
	read_digest(t->engine_digest, &s.baseline);
	if (!s.prover_id || !s.invocation_id)
		return out_of_memory(p);
	int rc = statement_proof(&s, &statement, p->err);
	return rc ? rc
		  : attestation_put(p->context->depot, p->context->release_key, str_span(&statement),
				    &row->proof_statement, p->err);
}

static int new_row(struct publishing *p, const struct task *t, struct release_row *row)
{
	RF_AUTO(evidence) e = { 0 };
	int rc = evidence_read(p, t->build_result, &e);
	if (rc)
		return rc;
	const struct toolchain_kind *kind = toolchain_kind_find(t->toolchain);
	struct span file = json_string(json_get(e.root, "engine_file"));
	*row = (struct release_row){
		.model = t->model.p, .target = t->target.p, .version = 1, .engine_bytes = (uint64_t)t->new_bytes
	};
	row->file = file.n ? arena_text(&p->a, file) : kind ? kind->engine_file : "model.bin";
	row->builder.name = row->runtime.name = t->toolchain.p;
	row->builder.version = row->runtime.version = t->to_version.p;
	read_digest(json_string(json_get(e.evidence, "library_sha256")), &row->builder.library);
	row->runtime.library = row->builder.library;
	read_digest(t->new_digest, &row->engine);
	read_digest(t->build_digest, &row->build);
	read_digest(t->proof_digest, &row->proof);
	rc = put_provenance(p, t, row, &e);
	return rc ? rc : put_proof(p, t, row);
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* A name of the fleet as a name in a release (release_name_ok): other bytes become '-', so that a blank in a file's name does not
 * hold a service's release. Two that meet by that are told apart by two_engines(). */
static const char *release_word(struct publishing *p, struct span name)
{
	char *word = arena_text(&p->a, span_sub(name, 0, RELEASE_NAME_MAX));
	for (char *c = word; c && *c; c++)
		if (!release_name_ok((struct span){ c, 1 }) && (c == word || *c != '.'))
			*c = '-';
	return word;
}

/* An engine of the service that the incident does not touch goes on as it is. Its target in the release's form: a plan
 * states no operating system. */
static int carried_row(struct publishing *p, const struct inventory_placement *at, struct release_row *row)
{
	struct span target = at->artifact.target;
	const char *path = arena_text(&p->a, at->path);
	struct span base = path ? span_of(file_name(path)) : SPAN_NONE;
	size_t dot = span_rfind_byte(base, '.');
	struct span stem = dot == SIZE_MAX || dot == 0 ? base : span_sub(base, 0, dot);
	*row = (struct release_row){ .version = 1, .carried_over = true, .engine_bytes = at->artifact.size };
	row->model = release_word(p, at->model.n ? at->model : stem);
	row->target = !target.n ? "unknown/unknown"
		      : span_find_byte(target, '/') == SIZE_MAX
			      ? arena_printf(&p->a, "unknown/%.*s", SPAN_ARG(target))
			      : arena_text(&p->a, target);
	row->file = base.n ? release_word(p, base) : NULL;
	const struct toolchain_kind *kind = toolchain_kind_of_product(at->artifact.product);
	row->builder.name = kind ? kind->name : NULL;
	row->builder.version = arena_text(&p->a, at->artifact.version);
	const struct toolchain_kind *runtime = toolchain_kind_of_product(at->runtime_product);
	row->runtime.name = runtime ? runtime->name : NULL;
	row->runtime.version = arena_text(&p->a, at->runtime_version);
	if (!row->model || !row->target || !row->file || !row->builder.version || !row->runtime.version)
		return out_of_memory(p);
	struct digest expected;
	int rc = digest_read(span_of(at->artifact.digest), &expected, p->err);
	if (rc)
		return rc;
	return depot_put_file(p->context->depot, path, &expected, &row->engine, NULL, p->err);
}

static int row_key(struct publishing *p, const char *model, const char *target, const char **ret)
{
	*ret = arena_printf(&p->a, "%s\n%s", target, model);
	return *ret ? 0 : out_of_memory(p);
}

/* A release holds one engine of a name and target: which of two goes on is not ours to choose, and none may be lost. */
static int two_engines(struct publishing *p, const struct inventory_placement *at, const struct release_row *row)
{
	return err_set(p->err, RF_ECONFLICT, "two different engines of %s are both \"%s\" for %s, one of them %.*s: name their recipes apart "
	               "under services.%s.engines in reforge.yaml", p->service, row->model, row->target, SPAN_ARG(at->path), p->service);
}

static int make_rows(struct publishing *p)
{
	RF_AUTO(map) taken = MAP_INIT;
	p->rows = arena_array(&p->a, p->task_count + p->placement_count + 1, sizeof *p->rows);
	if (!p->rows)
		return out_of_memory(p);
	int rc = 0;
	for (size_t i = 0; !rc && i < p->task_count; i++) {
		const char *key;
		rc = new_row(p, &p->tasks[i], &p->rows[p->row_count]);
		if (!rc)
			rc = row_key(p, p->rows[p->row_count].model, p->rows[p->row_count].target, &key);
		if (!rc)
			rc = map_set(&taken, span_of(key), &p->rows[p->row_count++]);
		/* every placement of a rebuilt engine is replaced by it */
		if (!rc)
			rc = map_set(&taken, p->tasks[i].engine_digest, &p->tasks[i]);
	}
	for (size_t i = 0; !rc && i < p->placement_count; i++) {
		const struct inventory_placement *at = &p->placements[i];
		const char *key;
		struct release_row *row = &p->rows[p->row_count];
		if (map_get(&taken, span_of(at->artifact.digest)))
			continue;
		const char *model = arena_text(&p->a, at->model), *target = arena_text(&p->a, at->artifact.target);
		if (!model || !target)
			return out_of_memory(p);
		rc = row_key(p, model, target, &key);
		const struct release_row *other = rc ? NULL : map_get(&taken, span_of(key));
		if (rc || (other && !other->carried_over))
			continue;
		rc = carried_row(p, at, row);
		if (!rc)
			rc = row_key(p, row->model, row->target, &key);
		other = rc ? NULL : map_get(&taken, span_of(key));
		if (other && other->carried_over && !digest_eq(&other->engine, &row->engine))
			rc = two_engines(p, at, row);
		if (rc || other)
			continue;
		rc = map_set(&taken, span_of(key), row);
		p->row_count++;
	}
	return rc;
}

/* ── the release ── */

static int make_release(struct publishing *p)
{
	const char **ids = arena_array(&p->a, p->incident.advisory_count + 1, sizeof *ids);
	if (!ids)
		return out_of_memory(p);
	for (size_t i = 0; i < p->incident.advisory_count; i++)
		ids[i] = p->incident.advisories[i].p;
	p->release = (struct release){ .service = p->service,
				       .environment = p->environment,
				       .name = p->plan.release.p,
				       .parent = p->plan.parent.p,
				       .drill = p->plan.is_drill,
				       .advisories = ids,
				       .advisory_count = p->incident.advisory_count,
				       .created_at = now_usec(),
				       .created_by = p->context->actor,
				       .ledger_size = p->head.size,
				       .ledger_head = p->head.head,
				       .rows = p->rows,
				       .row_count = p->row_count };
	return 0;
}

static int check_parent(struct transaction *tx, void *data)
{
	struct publishing *p = data;
	return release_check_parent(tx, p->service, p->environment, p->release.parent);
}

static int put_files(struct publishing *p)
{
	if (!p->context->release_key)
		return err_set(p->err, RF_EINVALID,
			       "no release key: nothing can be published (reforge init makes one)");
	int rc = make_rows(p);
	if (!rc)
		rc = make_release(p);
	if (!rc)
		rc = database_transact(p->context->db, DB_READ, check_parent, p, p->err);
	if (!rc)
		rc = release_publish(p->context->depot, p->context->release_key, &p->release, &p->published, p->err);
	return rc;
}

static int write_withdrawn(struct transaction *tx, void *data)
{
	struct publishing *p = data;
	int rc = work_done(tx, &p->w->item);
	return rc ? rc : release_plan_withdrawn(tx, p->incident_id, p->service, p->environment);
}

/* Files took their time: whether all is as it was read is asked in the transaction that makes the release count. */
static int write_rows(struct transaction *tx, void *data)
{
	struct publishing *p = data;
	bool whole;
	int rc = release_plan_is_whole(tx, p->incident_id, p->service, p->environment, p->release.name,
				       (int64_t)p->task_count, p->newest_task, &whole);
	p->withdrawn = !rc && !whole;
	if (rc || p->withdrawn)
		return rc ? rc : write_withdrawn(tx, p);
	rc = work_done(tx, &p->w->item);
	if (!rc)
		rc = release_record(tx, &p->release, &p->published, ACTOR);
	if (!rc)
		rc = channel_set(tx, p->service, p->environment, "candidate", p->release.name, CHANNEL_ANY_GENERATION,
				 ACTOR, NULL);
	char hex[DIGEST_HEX], evidence[256];
	snprintf(evidence, sizeof evidence, "{\"release_sha256\":\"%s\",\"rows\":%zu}",
		 digest_hex(&p->published.digest, hex), p->row_count);
	int64_t rollout;
	if (!rc)
		rc = rollout_create(tx,
				    &(struct rollout_birth){ .service = p->service,
							     .environment = p->environment,
							     .release = p->release.name,
							     .incident = p->incident_id,
							     .actor = ACTOR,
							     .is_drill = p->release.drill,
							     .evidence = span_of(evidence) },
				    &rollout, NULL);
	if (!rc)
		rc = release_plan_published(tx, p->incident_id, span_of(p->service), span_of(p->environment));
	return rc;
}

/* Refused for good: the reason stays with the release's row until the next response. */
static int write_held(struct transaction *tx, void *data)
{
	struct publishing *p = data;
	int rc = work_give_up(tx, &p->w->item, p->held);
	if (!rc)
		rc = release_plan_held(tx, p->incident_id, span_of(p->service), span_of(p->environment), p->held);
	RF_AUTO(str) body = STR_INIT(8 * KIB);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member_i64(&o, "incident", p->incident_id);
	json_member(&o, "service", p->service);
	json_member(&o, "environment", p->environment);
	json_member(&o, "reason", p->held);
	json_object_end(&o);
	if (!rc)
		rc = str_check(&body, "release record", tx_err(tx));
	char subject[64];
	snprintf(subject, sizeof subject, "incident/%lld", (long long)p->incident_id);
	return rc ? rc : ledger_append(tx, &(struct ledger_entry){ "release.held", subject, ACTOR, str_span(&body) });
}

struct again {
	struct publishing *p;
	bool failed;
};

static int write_again(struct transaction *tx, void *data)
{
	struct again *g = data;
	return work_retry(tx, &g->p->w->item, now_usec() + 2 * USEC_PER_SEC, g->p->held, &g->failed);
}

static int hold(struct publishing *p, int rc)
{
	char text[2048];
	p->held = arena_text(&p->a, span_of(err_render(p->err, text, sizeof text)));
	if (!p->held)
		p->held = rf_error_text(rc);
	*p->err = ERR_INIT;
	if (rc == RF_EIO || rc == RF_EBUSY) {
		struct again g = { p, false };
		if (p->w->item.attempt < p->w->item.max_attempts)
			return database_transact(p->context->db, DB_WRITE, write_again, &g, p->err);
	}
	engine_note(p->w->engine, "%s not published: %.120s", p->service, p->held);
	return database_transact(p->context->db, DB_WRITE, write_held, p, p->err);
}

static int publish(struct publishing *p)
{
	struct database *db = p->context->db;
	int rc = read_item(p);
	if (!rc)
		rc = database_transact(db, DB_WRITE, read_all, p, p->err);
	if (rc || p->rests)
		return rc;
	if (p->withdrawn)
		return database_transact(db, DB_WRITE, write_withdrawn, p, p->err);
	rc = put_files(p);
	if (!rc)
		rc = database_transact(db, DB_WRITE, write_rows, p, p->err);
	if (!rc && p->withdrawn)
		return 0;
	if (!rc) {
		engine_note(p->w->engine, "%s published %s", p->service, p->release.name);
		return channel_project(p->context->depot, db, NULL, p->err);
	}
	if (rc == RF_EFENCED || rc == RF_ENOMEM || rc == RF_EFULL || rc == RF_EDATABASE || rc == RF_ECANCELLED)
		return rc;
	return hold(p, rc);
}

int publish_item(struct worker *w, struct err *err)
{
	struct publishing p = {
		.w = w, .context = w->engine->context, .a = ARENA_INIT(PUBLISH_ARENA_BYTES), .err = err
	};
	budget_take(&w->engine->budget, 0);
	int rc = publish(&p);
	budget_give(&w->engine->budget, 0);
	arena_release(&p.a);
	return rc;
}
