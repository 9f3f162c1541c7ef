/* The model of a report, read from database and depot; report.h is the manual. */
#include "response/report.h"

#include "advisory/store.h"
#include "base/fs.h"
#include "depot/release.h"
#include "exposure/waiver_store.h"
#include "format/json.h"
#include "response/plan_int.h"
#include "response/response.h"
#include "response/status.h"

#define REPORT_ARENA_BYTES ((size_t)4 * GIB)
#define REPORT_MAX_ENGINES 100000

struct making {
	const struct response_context *context;
	struct arena *a;
	struct err *err;
	int64_t id;
	struct report *report;
	size_t engine_capacity, event_capacity;
	struct json_doc *doc;
	const char *key_id;
};

static void making_release(struct making *m)
{
	json_doc_free(m->doc);
}

static int out_of_memory(struct making *m)
{
	return err_set(m->err, RF_ENOMEM, "no memory for the report");
}

static const char *text_of(struct making *m, struct span s)
{
	const char *t = s.n ? arena_text(m->a, s) : "";
	return t ? t : "";
}

/* ── advisories ── */

static const char *severity_of(struct making *m, const struct advisory *v)
{
	const struct advisory_severity *best = NULL;
	for (size_t i = 0; i < v->severity_count; i++)
		if (!best || v->severities[i].score > best->score)
			best = &v->severities[i];
	if (!best)
		return "";
	const char *text = best->score >= 0
				   ? arena_printf(m->a, "%.1f %.*s %.*s", best->score, SPAN_ARG(best->rating),
						  SPAN_ARG(best->vector))
				   : arena_printf(m->a, "%.*s %.*s", SPAN_ARG(best->rating), SPAN_ARG(best->vector));
	return text ? text : "";
}

static int read_advisory(struct transaction *tx, struct making *m, struct span id, struct report_advisory *ret)
{
	struct stored_advisory s;
	int rc = advisory_get(tx, m->a, id, &s);
	if (rc)
		return rc;
	const struct advisory *v = &s.advisory;
	const struct advisory_statement *said = NULL;
	for (size_t i = 0; i < v->statement_count; i++)
		if (v->statements[i].status == STATEMENT_AFFECTED &&
		    (!said || (v->statements[i].authoritative && !said->authoritative)))
			said = &v->statements[i];
	*ret = (struct report_advisory){ .id = text_of(m, v->id),
					 .title = text_of(m, v->title.n ? v->title : v->summary),
					 .severity = severity_of(m, v),
					 .source = said ? text_of(m, said->source) : "",
					 .url = text_of(m, v->url),
					 .published_at = v->published,
					 .is_drill = v->is_drill,
					 .affected_text = said ? text_of(m, said->affected_text) : "",
					 .fixed_text = said ? text_of(m, said->fixed_text) : "" };
	return 0;
}

static int read_advisories(struct transaction *tx, struct making *m)
{
	struct report *r = m->report;
	r->advisories = arena_array(m->a, r->incident.advisory_count + 1, sizeof *r->advisories);
	const char **ids = arena_array(m->a, r->incident.advisory_count + 1, sizeof *ids);
	if (!r->advisories || !ids)
		return out_of_memory(m);
	int rc = 0;
	for (size_t i = 0; !rc && i < r->incident.advisory_count; i++) {
		ids[i] = r->incident.advisories[i].p;
		rc = read_advisory(tx, m, r->incident.advisories[i], &r->advisories[i]);
		r->advisory_count += !rc;
	}
	return rc ? rc : plan_rests(tx, m->context->workspace, ids, r->advisory_count, m->a, &r->rests, &r->rest_count);
}

/* ── engines ── */

static int add_engine(const struct task *t, void *data)
{
	struct making *m = data;
	struct report *r = m->report;
	if (r->engine_count >= REPORT_MAX_ENGINES)
		return err_set(m->err, RF_ETOOMANY, "more than %d engines: a report holds no more", REPORT_MAX_ENGINES);
	if (r->engine_count == m->engine_capacity) {
		size_t capacity = m->engine_capacity ? m->engine_capacity * 2 : 64;
		struct report_engine *grown = arena_array(m->a, capacity, sizeof *grown);
		if (!grown)
			return out_of_memory(m);
		if (r->engine_count)
			memcpy(grown, r->engines, r->engine_count * sizeof *grown);
		r->engines = grown;
		m->engine_capacity = capacity;
	}
	struct report_engine *e = &r->engines[r->engine_count++];
	*e = (struct report_engine){
		.build_isolation = "", .library_digest = "", .log_digest = "", .release_path = ""
	};
	return task_copy(t, m->a, &e->task) ? out_of_memory(m) : 0;
}

static int read_build(struct making *m, struct report_engine *e, const char **ret_file)
{
	struct json root;
	*ret_file = NULL;
	if (!e->task.build_result.n)
		return 0;
	int rc = json_parse(m->doc, e->task.build_result, &root, m->err);
	if (rc)
		return err_prefix(m->err, "the stored build of task %lld: ", (long long)e->task.id);
	struct json evidence = json_get(root, "evidence");
	e->build_isolation = text_of(m, json_string(json_get(evidence, "isolation")));
	e->library_digest = text_of(m, json_string(json_get(evidence, "library_sha256")));
	e->log_digest = text_of(m, json_string(json_get(evidence, "log_sha256")));
	*ret_file = text_of(m, json_string(json_get(root, "engine_file")));
	return 0;
}

/* Where the engine stands below the depot once its release is published. */
static void find_release_path(struct making *m, struct report_engine *e, const char *file)
{
	const struct report *r = m->report;
	for (size_t i = 0; file && i < r->release_count; i++) {
		const struct release_plan *p = &r->releases[i];
		if (p->published_at == USEC_NONE || e->task.state != TASK_PROVEN ||
		    !span_eq(p->service, e->task.service) || !span_eq(p->environment, e->task.environment))
			continue;
		struct release release = { .service = p->service.p,
					   .environment = p->environment.p,
					   .name = p->release.p };
		struct release_row row = {
			.model = e->task.model.p, .target = e->task.target.p, .version = 1, .file = file
		};
		char path[FS_PATH_MAX];
		struct err err = ERR_INIT;
		if (release_row_path(&release, &row, path, sizeof path, &err) == 0)
			e->release_path = text_of(m, span_of(path));
		return;
	}
}

static int complete_engine(struct making *m, struct report_engine *e)
{
	const char *file;
	int rc = read_build(m, e, &file);
	if (rc)
		return rc;
	find_release_path(m, e, file);
	if (e->task.proof_result.n) {
		struct err err = ERR_INIT;
		rc = prove_read(m->a, e->task.proof_result, NULL, &e->proof, &err);
		if (rc == RF_ENOMEM)
			return out_of_memory(m);
		e->has_proof = rc == 0;
		digest_of(e->task.proof_result, &e->proof.proof);
	}
	return 0;
}

/* ── events ── */

static int add_event(struct making *m, const struct report_event *event)
{
	struct report *r = m->report;
	if (r->event_count >= REPORT_MAX_EVENTS) {
		r->events_cut = true;
		return 0;
	}
	if (!r->events) {
		r->events = arena_array(m->a, REPORT_MAX_EVENTS, sizeof *r->events);
		if (!r->events)
			return out_of_memory(m);
	}
	r->events[r->event_count++] = *event;
	return 0;
}

/* The members of a record's body that people want to read, in one line. */
static const char *body_words(struct making *m, struct span body)
{
	static const char *const keys[] = {
		"name", "advisory", "environment", "stage", "service", "release", "reason"
	};
	static const char *const numbers[] = { "tasks", "planned", "blocked", "runtimes" };
	struct json root;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(8 * KIB);
	if (json_parse(m->doc, body, &root, &err))
		return "";
	for (size_t i = 0; i < RF_COUNT(keys); i++) {
		struct span v = json_string(json_get(root, keys[i]));
		if (v.n)
			str_addf(&text, "%s%s: %.*s", text.n ? ", " : "", keys[i], SPAN_ARG(v));
	}
	for (size_t i = 0; i < RF_COUNT(numbers); i++) {
		int64_t v;
		if (json_i64(json_get(root, numbers[i]), &v))
			str_addf(&text, "%s%s: %lld", text.n ? ", " : "", numbers[i], (long long)v);
	}
	return text_of(m, str_span(&text));
}

static int visit_record(const struct ledger_record *rec, void *data)
{
	struct making *m = data;
	return add_event(m, &(struct report_event){ .at = rec->at,
						    .kind = text_of(m, rec->kind),
						    .subject = text_of(m, rec->subject),
						    .actor = text_of(m, rec->actor),
						    .text = body_words(m, rec->body) });
}

static int compare_events(const void *a, const void *b)
{
	const struct report_event *x = a, *y = b;
	if (x->at != y->at)
		return (x->at > y->at) - (x->at < y->at);
	return x < y ? -1 : 1;
}

static int add_derived_events(struct making *m)
{
	struct report *r = m->report;
	int rc = 0;
	for (size_t i = 0; !rc && i < r->release_count; i++) {
		const struct release_plan *p = &r->releases[i];
		if (p->published_at == USEC_NONE)
			continue;
		const char *text = arena_printf(m->a, "service: %.*s, environment: %.*s, release: %.*s",
						SPAN_ARG(p->service), SPAN_ARG(p->environment), SPAN_ARG(p->release));
		rc = text ? add_event(m, &(struct report_event){ .at = p->published_at,
								 .kind = "release.published",
								 .subject = "release",
								 .actor = "reforge:response",
								 .text = text })
			  : out_of_memory(m);
	}
	for (size_t i = 0; !rc && i < r->engine_count; i++) {
		const struct task *t = &r->engines[i].task;
		if (t->state != TASK_FAILED && t->state != TASK_BLOCKED)
			continue;
		const char *text = arena_printf(m->a, "%.*s/%.*s: %.*s", SPAN_ARG(t->service), SPAN_ARG(t->model),
						SPAN_ARG(t->reason));
		const char *kind = t->state == TASK_FAILED ? "task.failed" : "task.blocked";
		rc = text ? add_event(m, &(struct report_event){ .at = t->changed_at,
								 .kind = kind,
								 .subject = "task",
								 .actor = "reforge:response",
								 .text = text })
			  : out_of_memory(m);
	}
	if (!rc && r->event_count)
		qsort(r->events, r->event_count, sizeof *r->events, compare_events);
	return rc;
}

/* ── waivers ── */

static bool is_about(const struct waiver *w, const struct incident *i)
{
	for (size_t k = 0; k < w->advisory_count; k++)
		for (size_t n = 0; n < i->advisory_count; n++)
			if (span_eq(w->advisories[k], i->advisories[n]))
				return true;
	return false;
}

static int take_waiver(struct making *m, const struct waiver *w)
{
	struct report *r = m->report;
	RF_AUTO(str) text = STR_INIT(32 * KIB);
	waiver_words(w, &text);
	str_add_text(&text, " (");
	waiver_scope_words(&w->scope, &text);
	str_addf(&text, "; %s)", waiver_state_name(waiver_state_at(w, r->generated_at)));
	r->waivers[r->waiver_count] = *w;
	r->waiver_texts[r->waiver_count] = text.failed ? NULL : arena_text(m->a, str_span(&text));
	return r->waiver_texts[r->waiver_count++] ? 0 : out_of_memory(m);
}

static int read_waivers(struct transaction *tx, struct making *m)
{
	struct report *r = m->report;
	struct waiver *list = NULL;
	size_t count = 0;
	int rc = waiver_list(tx, m->a, 0, true, &list, &count);
	if (rc)
		return rc;
	r->waivers = arena_array(m->a, count + 1, sizeof *r->waivers);
	r->waiver_texts = arena_array(m->a, count + 1, sizeof *r->waiver_texts);
	if (!r->waivers || !r->waiver_texts)
		return out_of_memory(m);
	for (size_t i = 0; !rc && i < count; i++)
		rc = is_about(&list[i], &r->incident) ? take_waiver(m, &list[i]) : 0;
	return rc;
}

/* ── all ── */

static int read_all(struct transaction *tx, void *data)
{
	struct making *m = data;
	struct report *r = m->report;
	*r = (struct report){ .site = m->context->workspace->site,
			      .generated_by = m->context->actor,
			      .generated_at = tx_now(tx),
			      .key_id = m->key_id };
	m->engine_capacity = m->event_capacity = 0;
	int rc = incident_get(tx, m->id, m->a, &r->incident);
	if (!rc)
		rc = read_advisories(tx, m);
	if (!rc)
		rc = exposure_stale_feeds(tx, m->a, m->context->workspace, &r->stale, &r->stale_count);
	if (!rc)
		rc = read_waivers(tx, m);
	if (!rc)
		rc = release_plan_list(tx, m->id, m->a, &r->releases, &r->release_count);
	if (!rc)
		rc = task_each(tx, &(struct task_filter){ .incident = m->id }, add_engine, m);
	char subject[64];
	snprintf(subject, sizeof subject, "incident/%lld", (long long)m->id);
	if (!rc)
		rc = ledger_each(tx, 0, subject, REPORT_MAX_EVENTS, visit_record, m);
	if (!rc)
		rc = ledger_head(tx, &r->ledger);
	return rc;
}

/* Reading needs no private key: the public one beside it has the same id. Without either the report says none. */
static const char *key_id(const struct response_context *context, struct arena *a)
{
	char path[FS_PATH_MAX];
	RF_AUTO_PTR(verify_key) key = NULL;
	if (context->release_key)
		return signing_key_id(context->release_key);
	if (fs_join(path, sizeof path, context->workspace->keys, "release.pub.pem", NULL) != 0 ||
	    verify_key_load(path, &key, NULL) != 0)
		return "";
	const char *id = arena_text(a, span_of(verify_key_id(key)));
	return id ? id : "";
}

int report_make(const struct response_context *context, int64_t incident, struct arena *a, struct report *ret,
		struct err *err)
{
	struct report report;
	RF_AUTO(making)
	m = { .context = context, .a = a, .err = err, .id = incident, .report = &report, .doc = json_doc_new(), .key_id = key_id(context, a) };
	if (!m.doc)
		return out_of_memory(&m);
	int rc = database_transact(context->db, DB_READ, read_all, &m, err);
	if (!rc && status_incident_clocks(context->workspace, &report.incident, report.generated_at, a, &report.clocks))
		rc = out_of_memory(&m);
	for (size_t i = 0; !rc && i < report.engine_count; i++)
		rc = complete_engine(&m, &report.engines[i]);
	if (!rc)
		rc = add_derived_events(&m);
	if (rc)
		return rc;
	report.stage = incident_stage(&report.incident);
	*ret = report;
	return 0;
}

int report_save(const struct response_context *context, const struct report *report, enum report_format format,
		enum report_language language, char *ret_path, size_t size, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(REPORT_MAX_BYTES);
	char name[256];
	int rc = report_render(report, format, language, &text, err);
	if (rc)
		return rc;
	snprintf(name, sizeof name, "%.*s%s.%s", SPAN_ARG(report->incident.name),
		 language == REPORT_ZH_CN ? ".zh-CN" : "", report_format_extension(format));
	rc = fs_make_dirs(context->workspace->reports, 0755, err);
	if (!rc)
		rc = fs_join(ret_path, size, context->workspace->reports, name, err);
	return rc ? rc : fs_write_atomic(ret_path, str_span(&text), 0644, err);
}

int report_write(const struct response_context *context, int64_t incident, enum report_format format,
		 enum report_language language, char *ret_path, size_t size, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(REPORT_ARENA_BYTES);
	struct report report;
	int rc = report_make(context, incident, &a, &report, err);
	return rc ? rc : report_save(context, &report, format, language, ret_path, size, err);
}
