/* admission_metrics - see the header. Format: Prometheus' text exposition format 0.0.4. */
#include "server/admission_metrics.h"

const int64_t metrics_bucket_usec[METRICS_BUCKETS] = { 25, 50, 100, 250, 500, 1000, 2500, 5000, 20000, 100000 };

static void add(_Atomic uint64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

void metrics_review(struct metrics *m, const struct review *r, const struct review_verdict *v, int64_t usec)
{
	size_t bucket = 0;
	while (bucket < METRICS_BUCKETS && usec > metrics_bucket_usec[bucket])
		bucket++;
	add(&m->buckets[bucket], 1);
	add(&m->usec, (uint64_t)usec);
	if (r->passed) {
		add(&m->passed, 1);
		return;
	}
	add(&m->decisions[v->decision], 1);
	if (v->allowed && v->judged == GATE_DENY)
		add(&m->would_deny, 1);
}

static void head(struct str *to, const char *name, const char *type, const char *help)
{
	str_addf(to, "# HELP reforge_gate_%s %s\n# TYPE reforge_gate_%s %s\n", name, help, name, type);
}

static void one(struct str *to, const char *name, const char *type, const char *help, uint64_t value)
{
	head(to, name, type, help);
	str_addf(to, "reforge_gate_%s %llu\n", name, (unsigned long long)value);
}

static void write_reviews(struct metrics *m, struct str *to)
{
	head(to, "reviews_total", "counter", "Reviews by what was answered.");
	for (int d = GATE_ALLOW; d <= GATE_DENY; d++)
		str_addf(to, "reforge_gate_reviews_total{decision=\"%s\"} %llu\n",
			 gate_decision_name((enum gate_decision)d), (unsigned long long)m->decisions[d]);
	str_addf(to, "reforge_gate_reviews_total{decision=\"passed\"} %llu\n", (unsigned long long)m->passed);
	one(to, "would_deny_total", "counter",
	    "Reviews allowed although a new object would be denied (audit mode, or it ran already).", m->would_deny);
	head(to, "review_errors_total", "counter", "Requests that were no review, or could not be answered.");
	str_addf(to,
		 "reforge_gate_review_errors_total{code=\"400\"} %llu\nreforge_gate_review_errors_total{code=\"500\"} "
		 "%llu\n",
		 (unsigned long long)m->malformed, (unsigned long long)m->failed);
	head(to, "review_duration_seconds", "histogram", "From a whole request to its answer.");
	uint64_t sum = 0;
	for (size_t i = 0; i < METRICS_BUCKETS; i++) {
		sum += m->buckets[i];
		str_addf(to, "reforge_gate_review_duration_seconds_bucket{le=\"%g\"} %llu\n",
			 (double)metrics_bucket_usec[i] / 1e6, (unsigned long long)sum);
	}
	sum += m->buckets[METRICS_BUCKETS];
	str_addf(to,
		 "reforge_gate_review_duration_seconds_bucket{le=\"+Inf\"} "
		 "%llu\nreforge_gate_review_duration_seconds_sum %.6f\n"
		 "reforge_gate_review_duration_seconds_count %llu\n",
		 (unsigned long long)sum, (double)m->usec / 1e6, (unsigned long long)sum);
}

static void write_snapshot(struct metrics *m, const struct gate_snapshot *s, usec_t now, struct str *to)
{
	int64_t loaded = m->loaded_at;
	one(to, "snapshot_loads_total", "counter", "Snapshots that came into force.", m->loads);
	one(to, "snapshot_load_failures_total", "counter",
	    "Snapshots that could not be loaded; the one in force stays.", m->load_failures);
	one(to, "snapshot_ready", "gauge", "1 when there is a snapshot.", s != NULL);
	if (!s)
		return;
	one(to, "snapshot_loaded_seconds_ago", "gauge", "Since the snapshot came into force.",
	    (uint64_t)RF_MAX((now - loaded) / USEC_PER_SEC, (int64_t)0));
	one(to, "snapshot_age_seconds", "gauge", "Since the snapshot was made.",
	    (uint64_t)RF_MAX((now - s->head.created) / USEC_PER_SEC, (int64_t)0));
	if (s->head.expires != USEC_NONE) {
		head(to, "snapshot_expires_seconds", "gauge", "Until the bundle ends; below 0 it has ended.");
		str_addf(to, "reforge_gate_snapshot_expires_seconds %lld\n",
			 (long long)((s->head.expires - now) / USEC_PER_SEC));
	}
	one(to, "snapshot_artifacts", "gauge", "Contents that are known.", s->artifact_count);
	one(to, "snapshot_advisories", "gauge", "Advisories that are known.", s->advisory_count);
	one(to, "snapshot_stale_feeds", "gauge", "Feeds that are stale.", s->stale_count);
}

static void write_http(const struct http_server_counts *h, usec_t now, struct str *to)
{
	one(to, "connections", "gauge", "Connections that are open.", h->open);
	one(to, "connections_total", "counter", "Connections that were accepted.", h->accepted);
	head(to, "connections_closed_total", "counter", "Connections that were closed for a reason.");
	str_addf(to,
		 "reforge_gate_connections_closed_total{reason=\"idle\"} %llu\n"
		 "reforge_gate_connections_closed_total{reason=\"slow\"} %llu\n"
		 "reforge_gate_connections_closed_total{reason=\"displaced\"} %llu\n",
		 (unsigned long long)h->idle_closed, (unsigned long long)h->slow_closed,
		 (unsigned long long)h->displaced);
	one(to, "requests_total", "counter", "Requests of every kind.", h->requests);
	one(to, "requests_refused_total", "counter",
	    "Requests that were answered before they were looked at (403, 404, 405, 413, 503).", h->refused);
	one(to, "client_certificates_refused_total", "counter",
	    "Handshakes with a client's certificate that does not hold.", h->certificates_refused);
	one(to, "certificate_reloads_total", "counter", "Certificates that came into force while serving.", h->reloads);
	one(to, "certificate_reload_failures_total", "counter", "Changed certificate files that could not be used.",
	    h->reload_failures);
	if (h->certificate_expires != USEC_NONE) {
		head(to, "certificate_expires_seconds", "gauge", "Until the server's certificate ends.");
		str_addf(to, "reforge_gate_certificate_expires_seconds %lld\n",
			 (long long)((h->certificate_expires - now) / USEC_PER_SEC));
	}
}

void metrics_write(struct metrics *m, const struct http_server_counts *http, const struct gate_snapshot *snapshot,
		   uint64_t dropped, usec_t now, struct str *to)
{
	write_reviews(m, to);
	one(to, "records_dropped_total", "counter", "Decisions that found the queue to the ledger full.", dropped);
	write_snapshot(m, snapshot, now, to);
	write_http(http, now, to);
}
