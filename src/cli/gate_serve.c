/* gate_serve - the admission server's options, and the loop that brings it snapshots and takes its decisions away. */
#include "cli/gate_serve.h"
#include "cli/output.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"

#include <sys/resource.h>

#define STEP_USEC (200 * USEC_PER_MS)
#define RECORD_EVERY_USEC USEC_PER_SEC
#define MAX_BATCH 256
/* Where Kubernetes tells a pod its own namespace. */
#define OWN_NAMESPACE_FILE "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

struct serving {
	const struct invocation *in;
	struct serve_site site;
	const struct admission_server *serves;
	struct admission *server; /* of it */
	char address[64];
	uint16_t port;
	const char *exempt[OPTION_LIST_MAX + 1];
	size_t exempt_n;
	struct str own_namespace;
	int64_t every_usec;
	struct admission_record batch[MAX_BATCH];
	size_t batch_n;
	mono_t recorded_at;
	bool cannot_record;
	struct err *err;
};

static void tell(bool trouble, const char *text)
{
	log_at(trouble ? LOG_ERROR : LOG_INFO, "%s", text);
}

/* ── Options ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "127.0.0.1:8443", "[::]:8443" */
static int listen_read(struct serving *s, struct err *err)
{
	struct span text = span_of(option_text(s->in, "listen", "[::]:8443"));
	size_t colon = span_rfind_byte(text, ':');
	struct span host = span_sub(text, 0, colon == SIZE_MAX ? 0 : colon);
	uint64_t port = 0;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = span_sub(host, 1, host.n - 2);
	if (!host.n || host.n >= sizeof s->address || !span_u64(span_from(text, colon + 1), &port) || port > 65535)
		return err_set(err, RF_EUSAGE, "--listen \"%.*s\": ADDRESS:PORT, such as 0.0.0.0:8443 or [::]:8443",
			       SPAN_ARG(text));
	(void)snprintf(s->address, sizeof s->address, "%.*s", SPAN_ARG(host));
	s->port = (uint16_t)port;
	return 0;
}

/* The gate's own namespace: a gate that denies its own pods cannot be mended. */
static int exempt_read(struct serving *s, struct err *err)
{
	const struct option_value *given = option(s->in, "exempt");
	for (size_t i = 0; i < given->count; i++)
		s->exempt[s->exempt_n++] = given->list[i];
	s->own_namespace = STR_INIT(4 * KIB);
	if (!fs_exists(OWN_NAMESPACE_FILE))
		return 0;
	int rc = fs_read(OWN_NAMESPACE_FILE, &s->own_namespace, err);
	if (rc == 0 && str_span(&s->own_namespace).n)
		s->exempt[s->exempt_n++] = str_text(&s->own_namespace);
	return rc;
}

static int number_read(const struct invocation *in, const char *name, unsigned *ret, struct err *err)
{
	const struct option_value *v = option(in, name);
	if (v->given && (v->number < 1 || v->number > HTTP_SERVER_MAX_CONNECTIONS))
		return err_set(err, RF_EUSAGE, "--%s: 1 to %d", name, HTTP_SERVER_MAX_CONNECTIONS);
	*ret = v->given ? (unsigned)v->number : 0;
	return 0;
}

static int server_begin(struct serving *s, struct err *err)
{
	const struct option_value *names = option(s->in, "client-name");
	struct admission_settings settings = { .audit = option_flag(s->in, "audit"), .notice = tell };
	int rc = serve_site_open(&s->site, s->in, err);
	if (rc == 0)
		rc = listen_read(s, err);
	if (rc == 0)
		rc = exempt_read(s, err);
	settings.http.address = s->address;
	settings.http.port = s->port;
	settings.http.certificate_file = option_text(s->in, "certificate", NULL);
	settings.http.key_file = option_text(s->in, "certificate-key", NULL);
	settings.http.client_ca_file = option_text(s->in, "client-ca", NULL);
	settings.http.client_names = names->list;
	settings.http.client_names_n = names->count;
	settings.rules = (struct review_rules){ .exempt = s->exempt, .exempt_n = s->exempt_n };
	settings.cluster = option_text(s->in, "cluster", "");
	settings.environment = s->site.environment;
	settings.namespaces = s->site.namespaces;
	settings.namespaces_n = s->site.namespaces_n;
	if (rc == 0 && (!settings.http.certificate_file || !settings.http.key_file))
		rc = err_set(err, RF_EUSAGE,
			     "--certificate and --certificate-key are needed: API servers ask over TLS only");
	if (rc == 0 && names->count && !settings.http.client_ca_file)
		rc = err_set(err, RF_EUSAGE,
			     "--client-name needs --client-ca: a name counts for what its authority is worth");
	if (rc == 0)
		rc = number_read(s->in, "connections", &settings.http.max_connections, err);
	if (rc == 0)
		rc = number_read(s->in, "threads", &settings.http.threads, err);
	return rc ? rc : s->serves->begin(&settings, &s->server, err);
}

static int announce(const struct serving *s, struct err *err)
{
	bool v6 = strchr(s->address, ':') != NULL;
	if (s->in->json) {
		RF_AUTO(str) text = STR_INIT(4 * KIB);
		struct json_out o = json_out(&text, false);
		json_object(&o);
		json_member(&o, "address", s->address);
		json_member_u64(&o, "port", s->serves->port(s->server));
		json_member(&o, "path", ADMISSION_PATH);
		json_member_bool(&o, "audit", option_flag(s->in, "audit"));
		json_object_end(&o);
		int rc = out_json(&text, err);
		return rc ? rc : out_end(err);
	}
	out("reviews are answered at https://%s%s%s:%u" ADMISSION_PATH "%s\n", v6 ? "[" : "", s->address, v6 ? "]" : "",
	    s->serves->port(s->server), option_flag(s->in, "audit") ? ", in audit mode: nothing is denied" : "");
	return out_end(err);
}

/* ── The loop ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What cannot be loaded is said, and the one in force stays; the first must be there. */
static int load(struct serving *s, bool first, struct err *err)
{
	struct gate_snapshot *fresh = NULL;
	struct err why = ERR_INIT;
	char line[2048];
	int rc = serve_site_load(&s->site, first, &fresh, &why);
	if (rc == 0) {
		size_t contents = fresh->artifact_count, advisories = fresh->advisory_count, stale = fresh->stale_count;
		s->serves->snapshot_set(s->server, fresh);
		log_info("snapshot in force: %zu contents, %zu advisories, %zu stale feeds", contents, advisories,
			 stale);
		return 0;
	}
	if (first) {
		*err = why;
		return rc;
	}
	s->serves->load_failed(s->server);
	log_error("the snapshot in force stays: %s", err_render(&why, line, sizeof line));
	return 0;
}

/* Decisions go to the log as they come, and to the ledger once a second; what the ledger does not take stays here, and
 * the queue behind it fills up and counts what it drops. */
static void record(struct serving *s, bool now)
{
	struct err err = ERR_INIT;
	char line[2048];
	while (s->batch_n < MAX_BATCH && s->serves->take(s->server, &s->batch[s->batch_n])) {
		const struct admission_record *r = &s->batch[s->batch_n++];
		log_info("%s%s: %s %s %s/%s by %s: %s", gate_decision_name(r->decision), r->dry_run ? " (dry run)" : "",
			 review_operation_name(r->operation), r->kind, r->namespace_, r->name, r->user, r->message);
	}
	if (s->batch_n == 0 || (!now && mono_usec() - s->recorded_at < RECORD_EVERY_USEC))
		return;
	s->recorded_at = mono_usec();
	if (serve_site_record(&s->site, s->batch, s->batch_n, &err) == 0) {
		s->batch_n = 0;
		s->cannot_record = false;
		return;
	}
	if (!s->cannot_record)
		log_error("decisions wait for the ledger: %s", err_render(&err, line, sizeof line));
	s->cannot_record = true;
}

static void pause_for(int64_t usec)
{
	(void)nanosleep(&(struct timespec){ .tv_sec = usec / USEC_PER_SEC, .tv_nsec = usec % USEC_PER_SEC * 1000 },
			NULL);
}

static void serve(struct serving *s)
{
	mono_t loaded = mono_usec();
	while (!thread_stop_wanted()) {
		bool asked = thread_hangup_taken();
		if (asked)
			s->serves->reload_certificate(s->server);
		if (asked || serve_site_changed(&s->site) || mono_usec() - loaded >= s->every_usec) {
			(void)load(s, false, NULL);
			loaded = mono_usec();
		}
		record(s, false);
		pause_for(STEP_USEC);
	}
}

/* /readyz says no first, so that what still comes is served until everybody has seen it. */
static void leave(struct serving *s)
{
	int64_t drain = option(s->in, "drain")->given ? option(s->in, "drain")->number : 5 * USEC_PER_SEC;
	mono_t from = mono_usec();
	s->serves->unready(s->server);
	while (mono_usec() - from < drain) {
		record(s, false);
		pause_for(RF_MIN(STEP_USEC, drain));
	}
}

int gate_serve_run(const struct invocation *in, struct err *err)
{
	struct serving *s = rf_alloc(sizeof *s);
	if (!s)
		return err_set(err, RF_ENOMEM, "no memory for a server");
	s->in = in;
	s->serves = in->wiring->admission;
	s->every_usec = option(in, "every")->given ? option(in, "every")->number : USEC_PER_MIN;
	if (!getenv("REFORGE_LOG"))
		log_set_level(LOG_INFO);
	thread_catch_signals();
	thread_catch_hangup();
	int rc = s->every_usec < USEC_PER_SEC ? err_set(err, RF_EUSAGE, "--every: 1s or more") : server_begin(s, err);
	/* this thread alone: reading snapshots must not take processors from answers */
	(void)setpriority(PRIO_PROCESS, 0, 10);
	if (rc == 0)
		rc = load(s, true, err);
	if (rc == 0)
		rc = announce(s, err);
	if (rc == 0) {
		serve(s);
		leave(s);
		record(s, true);
	}
	s->serves->free(s->server);
	serve_site_release(&s->site);
	str_release(&s->own_namespace);
	rf_free(s);
	return rc;
}

const struct option_row gate_serve_options[] = {
	{ "listen", 0, OPTION_TEXT, "ADDRESS:PORT", "where (default: [::]:8443)", NULL },
	{ "certificate", 0, OPTION_TEXT, "FILE", "the server's certificate chain, PEM; read again when it changes",
	  NULL },
	{ "certificate-key", 0, OPTION_TEXT, "FILE", "its private key", NULL },
	{ "client-ca", 0, OPTION_TEXT, "FILE",
	  "reviews only from clients with a certificate by one of these authorities", NULL },
	{ "client-name", 0, OPTION_LIST, "NAME", "and with this common name or DNS name; several: one of them", NULL },
	{ "bundle", 0, OPTION_TEXT, "FILE", "judge by a signed bundle (default: the workspace's database)", NULL },
	{ "key", 0, OPTION_TEXT, "FILE", "the public key that the bundle must be signed with", NULL },
	{ "every", 0, OPTION_DURATION, "TIME",
	  "read the database or bundle again (default: 60s); a changed bundle at once", NULL },
	{ "environment", 0, OPTION_LIST, "[NAMESPACE=]NAME", "the environment of a namespace, or of all others", NULL },
	{ "cluster", 0, OPTION_TEXT, "NAME", "whose namespaces of reforge.yaml hold (default: those without a cluster)",
	  NULL },
	{ "exempt", 0, OPTION_LIST, "NAMESPACE", "never judge there; kube-system and the gate's own never are", NULL },
	{ "audit", 0, OPTION_FLAG, NULL, "deny nothing: what would be denied is a warning", NULL },
	{ "connections", 0, OPTION_NUMBER, "N", "at once (default: 1024)", NULL },
	{ "threads", 0, OPTION_NUMBER, "N", "that answer (default: one a processor)", NULL },
	{ "drain", 0, OPTION_DURATION, "TIME", "go on serving after SIGTERM, while /readyz says no (default: 5s)",
	  NULL },
	{ 0 }
};

const char gate_serve_details[] =
	"POST " ADMISSION_PATH " takes AdmissionReview of admission.k8s.io/v1; GET /healthz, /readyz and /metrics take no\n"
	"certificate. SIGHUP reads certificate and snapshot again; both are also read when their files change. Until the first\n"
	"snapshot is loaded /readyz says no. Answers that warn or deny are logged and, with a workspace, written to the ledger\n"
	"afterwards. docs/gate-admission.md has the limits, deploy/kubernetes the webhook's configuration.";
