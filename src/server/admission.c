/* admission - see the header. */
#include "server/admission_metrics.h"
#include "server/admission_queue.h"
#include "server/admission_swap.h"

#include <malloc.h>

#define MAX_ANSWER_BYTES (64 * KIB)
#define MAX_METRICS_BYTES (64 * KIB)

struct admission {
	struct admission_settings settings;
	struct http_server *http;
	struct swap swap;
	struct queue queue;
	struct metrics metrics;
	atomic_bool unready;
};

/* What a serving thread keeps. */
struct worker {
	struct review_reader *reader;
	struct swap_slot *slot;
	struct str answer;
	char error[1200];
};

static void worker_free(void *p)
{
	struct worker *w = p;
	swap_leave(w->slot);
	review_reader_free(w->reader);
	str_release(&w->answer);
	rf_free(w);
}

static void *worker_new(void *data)
{
	struct admission *a = data;
	struct worker *w = rf_alloc(sizeof *w);
	if (!w)
		return NULL;
	w->answer = STR_INIT(MAX_ANSWER_BYTES);
	w->slot = swap_join(&a->swap);
	if (!w->slot || review_reader_new(&w->reader, NULL) != 0) {
		worker_free(w);
		return NULL;
	}
	return w;
}

/* ── Reviews ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct span environment_of(const struct admission_settings *s, struct span namespace_)
{
	for (size_t i = 0; i < s->namespaces_n; i++)
		if (span_eq_text(namespace_, s->namespaces[i].name))
			return span_of(s->namespaces[i].environment);
	return span_of(s->environment);
}

static void text_take(char *to, size_t room, struct span text)
{
	text = span_cut(text, room - 1);
	if (text.n)
		memcpy(to, text.p, text.n);
	to[text.n] = '\0';
}

static void record(struct admission *a, const struct review *r, const struct review_verdict *v, usec_t now)
{
	if (r->passed || (v->decision == GATE_ALLOW && v->judged == GATE_ALLOW))
		return;
	struct queue_cell *cell = queue_take_cell(&a->queue);
	if (!cell)
		return;
	struct admission_record *to = &cell->record;
	to->at = now;
	to->decision = v->decision;
	to->judged = v->judged;
	to->operation = r->operation;
	to->dry_run = r->dry_run;
	text_take(to->uid, sizeof to->uid, r->uid);
	text_take(to->kind, sizeof to->kind, r->kind);
	text_take(to->namespace_, sizeof to->namespace_, r->namespace_);
	text_take(to->name, sizeof to->name, r->name);
	text_take(to->user, sizeof to->user, r->user);
	text_take(to->policy, sizeof to->policy, v->policy);
	text_take(to->service, sizeof to->service, span_of(r->service));
	text_take(to->advisories, sizeof to->advisories, span_of(v->advisories));
	text_take(to->message, sizeof to->message, span_of(v->allowed && v->warnings_n ? v->warnings[0] : v->message));
	queue_put(cell);
}

static void answer_error(struct worker *w, struct http_answer *answer, int status, const struct err *err)
{
	char line[1024];
	(void)snprintf(w->error, sizeof w->error, "%s\n", err_render(err, line, sizeof line));
	answer->status = status;
	answer->body = span_of(w->error);
}

static void judge(struct admission *a, struct worker *w, const struct gate_snapshot *snapshot, const struct review *r,
		  struct http_answer *answer, struct review_verdict *v, usec_t now)
{
	struct err err = ERR_INIT;
	const struct review_context context = { .snapshot = snapshot,
						/* the slot's: behind swap_begin() */
						.turn = swap_turn(w->slot),
						.cluster = span_of(a->settings.cluster),
						.environment = environment_of(&a->settings, r->namespace_),
						/* all that ends, ends with a second; so what this one is asked again is known */
						.now = now - now % USEC_PER_SEC,
						.audit = a->settings.audit };
	int rc = review_judge(w->reader, r, &context, v, &err);
	if (rc == 0) {
		str_reset(&w->answer);
		review_write(r, v, &w->answer);
		rc = str_check(&w->answer, "answer", &err);
	}
	if (rc == 0)
		record(a, r, v, now);
	if (rc) {
		atomic_fetch_add_explicit(&a->metrics.failed, 1, memory_order_relaxed);
		answer_error(w, answer, 500, &err);
		return;
	}
	answer->content_type = "application/json";
	answer->body = str_span(&w->answer);
}

static void handle_review(const struct http_call *call, struct http_answer *answer, void *data)
{
	struct admission *a = data;
	struct worker *w = call->worker;
	struct review r;
	struct review_verdict v;
	struct err err = ERR_INIT;
	mono_t from = mono_usec();
	struct review_rules rules = a->settings.rules;
	const struct gate_snapshot *snapshot = swap_begin(&a->swap, w->slot);
	if (snapshot)
		rules.service_label = snapshot->head.service_label;
	int rc = span_starts_nocase(call->content_type, "application/json")
			 ? review_read(w->reader, &rules, call->body, &r, &err)
			 : err_set(&err, RF_EINVALID, "Content-Type must be application/json");
	if (rc) {
		bool ours = rc == RF_ENOMEM;
		atomic_fetch_add_explicit(ours ? &a->metrics.failed : &a->metrics.malformed, 1, memory_order_relaxed);
		answer_error(w, answer, ours ? 500 : rc == RF_EINVALID ? 415 : rc == RF_ETOOBIG ? 413 : 400, &err);
	} else {
		judge(a, w, snapshot, &r, answer, &v, now_usec());
		if (answer->status == 200)
			metrics_review(&a->metrics, &r, &v, mono_usec() - from);
	}
	/* behind this nothing may look at the verdict: its texts are the snapshot's */
	swap_end(w->slot);
	review_reader_rest(w->reader);
}

/* ── The other paths ─────────────────────────────────────────────────────────────────────────────────────────────── */

static void handle_health(const struct http_call *call, struct http_answer *answer, void *data)
{
	(void)call;
	(void)data;
	answer->body = SPAN("ok\n");
}

static void handle_ready(const struct http_call *call, struct http_answer *answer, void *data)
{
	struct admission *a = data;
	(void)call;
	bool loaded = atomic_load(&a->swap.current) != NULL, leaving = atomic_load(&a->unready);
	answer->status = loaded && !leaving ? 200 : 503;
	answer->body = leaving ? SPAN("stopping\n") : loaded ? SPAN("ok\n") : SPAN("no snapshot yet\n");
}

static void handle_metrics(const struct http_call *call, struct http_answer *answer, void *data)
{
	struct admission *a = data;
	struct worker *w = call->worker;
	struct http_server_counts counts;
	http_server_count(call->server, &counts);
	str_reset(&w->answer);
	metrics_write(&a->metrics, &counts, swap_begin(&a->swap, w->slot), admission_dropped(a), now_usec(),
		      &w->answer);
	swap_end(w->slot);
	answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
	answer->body = str_span(&w->answer);
}

static const struct http_route routes[] = {
	{ "POST", ADMISSION_PATH, REVIEW_MAX_BYTES, true, handle_review },
	{ "GET", "/healthz", 0, false, handle_health },
	{ "GET", "/readyz", 0, false, handle_ready },
	{ "GET", "/metrics", 0, false, handle_metrics },
};

/* ── The whole ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static void notice(bool trouble, const char *text, void *data)
{
	struct admission *a = data;
	if (a->settings.notice)
		a->settings.notice(trouble, text);
}

int admission_new(const struct admission_settings *settings, struct admission **ret, struct err *err)
{
	void *memory = NULL;
	/* slots of readers have cache lines of their own */
	if (posix_memalign(&memory, _Alignof(struct admission), sizeof(struct admission)) != 0)
		return err_set(err, RF_ENOMEM, "no memory for the admission server");
	struct admission *a = memset(memory, 0, sizeof *a);
	a->settings = *settings;
	swap_init(&a->swap);
	int rc = queue_init(&a->queue, err);
	if (rc == 0) {
		struct http_server_settings http = settings->http;
		http.routes = routes;
		http.routes_n = RF_COUNT(routes);
		http.worker_new = worker_new;
		http.worker_free = worker_free;
		http.notice = notice;
		http.data = a;
		rc = http_server_new(&http, &a->http, err);
	}
	if (rc)
		admission_free(a);
	else
		*ret = a;
	return rc;
}

void admission_unready(struct admission *a)
{
	atomic_store(&a->unready, true);
}

void admission_free(struct admission *a)
{
	if (!a)
		return;
	http_server_free(a->http);
	gate_snapshot_free(atomic_load(&a->swap.current));
	queue_release(&a->queue);
	free(a);
}

void admission_snapshot_set(struct admission *a, struct gate_snapshot *s)
{
	atomic_store(&a->metrics.loaded_at, now_usec());
	atomic_fetch_add(&a->metrics.loads, 1);
	swap_set(&a->swap, s);
	/* the one before has gone back to the allocator only */
	(void)malloc_trim(0);
}

void admission_load_failed(struct admission *a)
{
	atomic_fetch_add(&a->metrics.load_failures, 1);
}

uint16_t admission_port(const struct admission *a)
{
	return http_server_port(a->http);
}

void admission_reload_certificate(struct admission *a)
{
	http_server_reload(a->http);
}

bool admission_take(struct admission *a, struct admission_record *ret)
{
	return queue_get(&a->queue, ret);
}

uint64_t admission_dropped(const struct admission *a)
{
	return atomic_load_explicit(&a->queue.dropped, memory_order_relaxed);
}
