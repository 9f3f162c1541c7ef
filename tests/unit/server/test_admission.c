/*
 * The admission server: snapshots exchanged under readers, decisions queued by many, and its paths over loopback.
 */
#include "testing.h"

#include "server/admission_queue.h"
#include "server/admission_swap.h"

#include "base/arena.h"
#include "base/thread.h"
#include "network/http_client.h"

#include <pthread.h>

/* ── Exchange ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct gate_snapshot *numbered(usec_t n)
{
	struct err err = ERR_INIT;
	struct gate_snapshot *s = gate_snapshot_new(MIB);
	assert_non_null(s);
	assert_ok(gate_snapshot_head(
			  s,
			  &(struct gate_head){ .site = SPAN("test"), .created = n, .as_of = n, .expires = USEC_NONE },
			  &err),
		  &err);
	assert_ok(gate_snapshot_ready(s, &err), &err);
	return s;
}

enum { READERS = 3, EXCHANGES = 300 };
static struct swap swap;
static atomic_bool over;

/* What is read never goes back, and is whole. */
static void *read_on(void *p)
{
	struct swap_slot *slot = swap_join(&swap);
	usec_t last = 0;
	size_t *reads = p;
	while (slot && !atomic_load(&over)) {
		const struct gate_snapshot *s = swap_begin(&swap, slot);
		if (s->head.created < last || !span_eq_text(s->head.site, "test"))
			abort();
		last = s->head.created;
		swap_end(slot);
		++*reads;
	}
	swap_leave(slot);
	return NULL;
}

static void test_exchange(void **state)
{
	pthread_t threads[READERS];
	size_t reads[READERS] = { 0 };
	(void)state;
	swap_init(&swap);
	swap_set(&swap, numbered(1));
	for (size_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &reads[i]), 0);
	for (usec_t n = 2; n < EXCHANGES; n++)
		swap_set(&swap, numbered(n));
	atomic_store(&over, true);
	for (size_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	swap_set(&swap, NULL);
	for (size_t i = 0; i < SWAP_SLOTS; i++)
		assert_non_null(swap_join(&swap));
	assert_null(swap_join(&swap)); /* all are taken */
}

/* ── The queue ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct queue queue;
enum { WRITERS = 3, EACH = 5000 };

static void *write_on(void *p)
{
	for (int i = 0; i < EACH; i++) {
		struct queue_cell *cell = queue_take_cell(&queue);
		if (!cell)
			continue;
		cell->record = (struct admission_record){ .at = i };
		cell->record.uid[0] = *(char *)p;
		queue_put(cell);
	}
	return NULL;
}

/* Nothing is lost but what is counted, and each writer's come in its order. */
static void test_queue(void **state)
{
	pthread_t threads[WRITERS];
	char names[WRITERS] = { 'a', 'b', 'c' };
	usec_t last[WRITERS] = { -1, -1, -1 };
	struct admission_record r;
	struct err err = ERR_INIT;
	uint64_t got = 0;
	(void)state;
	assert_ok(queue_init(&queue, &err), &err);
	assert_false(queue_get(&queue, &r));
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_on, &names[i]), 0);
	for (bool ended = false; !ended;) {
		ended = got + atomic_load(&queue.dropped) >= WRITERS * EACH;
		while (queue_get(&queue, &r)) {
			size_t i = (size_t)(r.uid[0] - 'a');
			assert_true(i < WRITERS && r.at > last[i]);
			last[i] = r.at;
			got++;
		}
	}
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(got + atomic_load(&queue.dropped), WRITERS * EACH);
	/* full: the next is dropped and counted, the ones before stay */
	uint64_t dropped = atomic_load(&queue.dropped);
	for (size_t i = 0; i < ADMISSION_QUEUE; i++)
		queue_put(queue_take_cell(&queue));
	assert_null(queue_take_cell(&queue));
	assert_int_equal(atomic_load(&queue.dropped), dropped + 1);
	assert_true(queue_get(&queue, &r));
	assert_non_null(queue_take_cell(&queue));
	queue_release(&queue);
}

/* ── Paths ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct admission *server;
static struct http_client *client;

/* The status of GET, or of POST with @content. */
static int ask(const char *path, const char *type, const char *content, struct str *body)
{
	char url[128];
	struct http_response r = { 0 };
	struct err err = ERR_INIT;
	const struct http_header headers[] = { { "Content-Type", type, false } };
	struct http_request q = {
		.url = url, .headers = headers, .deadline_usec = 5 * USEC_PER_SEC, .max_bytes = MIB, .body = body
	};
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", admission_port(server), path);
	q.content = span_of(content);
	q.header_count = content ? 1 : 0;
	str_reset(body);
	(void)!(content ? http_post : http_get)(client, &q, &r, &err);
	return r.status;
}

#define REVIEW(image, namespace)                                                                                      \
	"{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/"                                            \
	"v1\",\"request\":{\"uid\":\"u\",\"operation\":\"CREATE\","                                                   \
	"\"kind\":{\"kind\":\"Pod\"},\"namespace\":\"" namespace "\",\"name\":\"p\",\"userInfo\":{\"username\":"      \
								 "\"me\"},\"object\":{"                               \
								 "\"apiVersion\":\"v1\",\"kind\":\"Pod\","            \
								 "\"metadata\":{\"name\":\"p\"},\"spec\":{"           \
								 "\"containers\":[{\"name\":\"c\",\"image\":\"" image \
								 "\"}]}}}}"

static void test_paths(void **state)
{
	static const char *const exempt[] = { "mine" };
	static const struct admission_namespace namespaces[] = { { "prod", "production" } };
	const struct admission_settings settings = { .http = { .address = "127.0.0.1", .threads = 2 },
						     .environment = "",
						     .rules = { .exempt = exempt, .exempt_n = 1 },
						     .namespaces = namespaces,
						     .namespaces_n = 1 };
	struct err err = ERR_INIT;
	struct admission_record r;
	RF_AUTO(str) body = STR_INIT(MIB);
	(void)state;
	assert_ok(admission_new(&settings, &server, &err), &err);
	assert_ok(http_client_new(&(struct http_settings){ 0 }, &client, &err), &err);
	assert_int_equal(ask("/healthz", NULL, NULL, &body), 200);
	assert_int_equal(ask("/readyz", NULL, NULL, &body), 503);
	assert_int_equal(ask("/admission", "application/json", REVIEW("a:1", "prod"), &body), 200);
	assert_non_null(strstr(str_text(&body), "no snapshot yet"));
	assert_true(admission_take(server, &r));
	assert_int_equal(r.decision, GATE_DENY);
	assert_string_equal(r.name, "p");
	assert_string_equal(r.user, "me");
	assert_false(admission_take(server, &r));
	admission_snapshot_set(server, numbered(1));
	assert_int_equal(ask("/readyz", NULL, NULL, &body), 200);
	assert_int_equal(ask("/admission", "application/json", REVIEW("a:1", "prod"), &body), 200);
	assert_non_null(strstr(str_text(&body), "unknown_subject"));
	assert_true(admission_take(server, &r)); /* a warning is recorded too */
	assert_int_equal(ask("/admission", "application/json; charset=utf-8", REVIEW("a:1", "mine"), &body), 200);
	assert_non_null(strstr(str_text(&body), "\"allowed\":true"));
	assert_false(admission_take(server, &r));
	assert_int_equal(ask("/admission", "text/plain", REVIEW("a:1", "prod"), &body), 415);
	assert_int_equal(ask("/admission", "application/json", "{", &body), 400);
	assert_int_equal(ask("/admission", NULL, NULL, &body), 405);
	assert_int_equal(ask("/metrics", NULL, NULL, &body), 200);
	static const char *const lines[] = { "reforge_gate_reviews_total{decision=\"warn\"} 1\n",
					     "reforge_gate_reviews_total{decision=\"deny\"} 1\n",
					     "reforge_gate_reviews_total{decision=\"passed\"} 1\n",
					     "_errors_total{code=\"400\"} 2\n",
					     "reforge_gate_review_duration_seconds_count 3\n",
					     "reforge_gate_snapshot_ready 1\n",
					     "reforge_gate_snapshot_loads_total 1\n",
					     "reforge_gate_records_dropped_total 0\n" };
	for (size_t i = 0; i < RF_COUNT(lines); i++)
		if (!strstr(str_text(&body), lines[i]))
			fail_msg("%s is not in\n%s", lines[i], str_text(&body));
	admission_unready(server);
	assert_int_equal(ask("/readyz", NULL, NULL, &body), 503);
	assert_int_equal(ask("/healthz", NULL, NULL, &body), 200);
	http_client_freep(&client);
	admission_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_exchange), cmocka_unit_test(test_queue),
					    cmocka_unit_test(test_paths) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
