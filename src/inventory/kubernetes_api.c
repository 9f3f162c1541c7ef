/* kubernetes_api - see the header. Paging: kubernetes.io/docs/reference/using-api/api-concepts, "chunks". */
#include "inventory/kubernetes_api.h"

#include "inventory/kubernetes_int.h"
#include "network/http_client.h"

#define REQUEST_USEC (60 * USEC_PER_SEC)

/* A kind and the paths it is served at, newest first: the first that the server has is read. */
static const struct resource {
	const char *kind;
	const char *prefix[2]; /* before "/namespaces/NS" */
	const char *name;
	bool cluster_wide;
} resources[] = {
	{ "Deployment", { "/apis/apps/v1", NULL }, "deployments", false },
	{ "StatefulSet", { "/apis/apps/v1", NULL }, "statefulsets", false },
	{ "DaemonSet", { "/apis/apps/v1", NULL }, "daemonsets", false },
	{ "ReplicaSet", { "/apis/apps/v1", NULL }, "replicasets", false },
	{ "ReplicationController", { "/api/v1", NULL }, "replicationcontrollers", false },
	{ "Job", { "/apis/batch/v1", NULL }, "jobs", false },
	{ "CronJob", { "/apis/batch/v1", "/apis/batch/v1beta1" }, "cronjobs", false },
	{ "InferenceService", { "/apis/serving.kserve.io/v1beta1", NULL }, "inferenceservices", false },
	{ "LLMInferenceService", { "/apis/serving.kserve.io/v1alpha2", "/apis/serving.kserve.io/v1alpha1" }, "llminferenceservices", false },
	{ "TrainedModel", { "/apis/serving.kserve.io/v1alpha1", NULL }, "trainedmodels", false },
	{ "ServingRuntime", { "/apis/serving.kserve.io/v1alpha1", NULL }, "servingruntimes", false },
	{ "ClusterServingRuntime", { "/apis/serving.kserve.io/v1alpha1", NULL }, "clusterservingruntimes", true },
	/* last: whoever they belong to is known by then */
	{ "Pod", { "/api/v1", NULL }, "pods", false },
};

struct listing {
	const struct kube_access *access;
	const char *namespace_;
	struct kube_set *set;
	struct kube_listing *ret;
	struct http_client *client;
	struct str body, url;
	char bearer[16 * KIB];
	struct http_header headers[2];
	size_t headers_n;
	struct err *err;
};

static int get(struct listing *l, int *ret_status)
{
	struct http_response response;
	struct http_request request = { .url = str_text(&l->url),
					.headers = l->headers,
					.header_count = l->headers_n,
					.deadline_usec = REQUEST_USEC,
					.max_bytes = KUBE_PAGE_BYTES,
					.body = &l->body,
					.retry = { .attempts = 4, .first_usec = 500 * USEC_PER_MS, .most_usec = 30 * USEC_PER_SEC } };
	int rc = str_check(&l->url, "address", l->err);
	if (rc == 0)
		rc = http_get(l->client, &request, &response, l->err);
	*ret_status = rc && l->url.failed ? 0 : response.status;
	l->ret->requests += l->url.failed ? 0 : response.requests;
	l->ret->bytes += rc ? 0 : response.body_bytes;
	return rc;
}

static void page_url(struct listing *l, const struct resource *r, size_t version, struct span token)
{
	str_reset(&l->url);
	str_addf(&l->url, "%s%s", l->access->server, r->prefix[version]);
	if (l->namespace_ && !r->cluster_wide) {
		str_add_text(&l->url, "/namespaces/");
		http_query_add(&l->url, span_of(l->namespace_));
	}
	str_addf(&l->url, "/%s?limit=%d", r->name, KUBE_PAGE);
	if (token.n) {
		str_add_text(&l->url, "&continue=");
		http_query_add(&l->url, token);
	}
}

/* One page into the set; @token is where the next begins, empty at the end. */
static int page_take(struct listing *l, struct str *token)
{
	struct json root;
	int rc = kube_parse(l->set, str_span(&l->body), &root, l->err);
	if (rc == 0)
		rc = kube_add(l->set, root, l->err);
	str_reset(token);
	if (rc == 0)
		str_add(token, json_string(json_path(root, "metadata", "continue", NULL)));
	return rc ? rc : str_check(token, "the token of the next page", l->err);
}

static int unseen(struct listing *l, const struct resource *r)
{
	char line[2048];
	const char *reason = arena_text(&l->set->arena, span_of(err_render(l->err, line, sizeof line)));
	if (!reason)
		return err_set(l->err, RF_ENOMEM, "no memory for a cluster");
	l->ret->unseen[l->ret->unseen_n++] = (struct kube_unseen){ r->kind, reason };
	return 0;
}

/* All pages of one kind. *ret_status is that of the last answer. */
static int pages(struct listing *l, const struct resource *r, size_t version, int *ret_status)
{
	RF_AUTO(str) token = STR_INIT(64 * KIB);
	size_t count = l->set->count, skipped = l->set->skipped;
	bool again = false;
	for (unsigned n = 0; n < KUBE_MAX_PAGES; n++) {
		page_url(l, r, version, str_span(&token));
		int rc = get(l, ret_status);
		if (rc && *ret_status == 410 && !again) {
			/* the snapshot behind the token has expired: from the start, once */
			again = true;
			l->set->count = count;
			l->set->skipped = skipped;
			str_reset(&token);
			continue;
		}
		if (rc == 0)
			rc = page_take(l, &token);
		if (rc || !token.n)
			return rc;
	}
	return err_set(l->err, RF_ETOOMANY, "more than %d pages of %s", KUBE_MAX_PAGES, r->name);
}

static int resource_read(struct listing *l, const struct resource *r)
{
	_Static_assert(RF_COUNT(resources) <= KUBE_MAX_UNSEEN, "each kind may be unseen");
	for (size_t i = 0; i < RF_COUNT(r->prefix) && r->prefix[i]; i++) {
		int status = 0, rc = pages(l, r, i, &status);
		if (rc && status == 403)
			return unseen(l, r);
		if (rc == 0 || status != 404)
			return rc;
	}
	return 0; /* the server does not have it */
}

static int version_read(struct listing *l)
{
	struct json root;
	int status = 0;
	str_reset(&l->url);
	str_addf(&l->url, "%s/version", l->access->server);
	int rc = get(l, &status);
	if (rc && (status == 403 || status == 404))
		return 0;
	if (rc == 0 && kube_parse(l->set, str_span(&l->body), &root, NULL) == 0)
		(void)snprintf(l->ret->version, sizeof l->ret->version, "%.*s",
			       SPAN_ARG(json_string(json_get(root, "gitVersion"))));
	return rc;
}

static int client_open(struct listing *l)
{
	const struct kube_access *a = l->access;
	struct http_settings settings = { .proxy = a->proxy,
					  .ca_pem = a->ca,
					  .certificate_pem = a->certificate,
					  .key_pem = a->key,
					  .connect_usec = 10 * USEC_PER_SEC };
	l->headers[l->headers_n++] = (struct http_header){ "Accept", "application/json", false };
	if (a->token) {
		int n = snprintf(l->bearer, sizeof l->bearer, "Bearer %s", a->token);
		if (n < 0 || (size_t)n >= sizeof l->bearer)
			return err_set(l->err, RF_ETOOBIG, "the token is longer than 16 KiB");
		l->headers[l->headers_n++] = (struct http_header){ "Authorization", l->bearer, true };
	}
	return http_client_new(&settings, &l->client, l->err);
}

int kube_list(const struct kube_access *access, const char *namespace_, struct kube_set *set, struct kube_listing *ret,
	      struct err *err)
{
	struct err own = ERR_INIT;
	struct listing *l = rf_alloc(sizeof *l);
	*ret = (struct kube_listing){ 0 };
	if (!l)
		return err_set(err, RF_ENOMEM, "no memory for a cluster");
	*l = (struct listing){ .access = access,
			       .namespace_ = namespace_,
			       .set = set,
			       .ret = ret,
			       .body = STR_INIT(KUBE_PAGE_BYTES),
			       .url = STR_INIT(HTTP_MAX_URL),
			       .err = err ? err : &own };
	int rc = client_open(l);
	if (rc == 0)
		rc = version_read(l);
	for (size_t i = 0; rc == 0 && i < RF_COUNT(resources); i++)
		rc = resource_read(l, &resources[i]);
	if (rc == 0 && ret->unseen_n == RF_COUNT(resources))
		rc = err_set(l->err, RF_EPERM, "the account of context %s may list nothing; %s", access->context,
			     namespace_ ? "it needs get and list on workloads and pods" : "name one namespace with --namespace");
	http_client_free(l->client);
	str_release(&l->body);
	str_release(&l->url);
	explicit_bzero(l->bearer, sizeof l->bearer);
	rf_free(l);
	return rc;
}
