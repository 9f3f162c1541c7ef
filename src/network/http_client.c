/*
 * http_client - see the header. Redirects are followed here, not by libcurl: each is judged, and what is secret stays with
 * the first origin.
 */
#include "network/http_client.h"
#include "network/http_int.h"
#include "network/http_libcurl.h"

#include "base/arena.h"
#include "base/random.h"
#include "base/thread.h"

#define CONNECT_USEC (20 * USEC_PER_SEC)
#define FIRST_WAIT_USEC USEC_PER_SEC
#define MOST_WAIT_USEC (2 * USEC_PER_MIN)

struct http_client {
	CURL *curl;
	char *proxy, *ca_file;
	struct span ca_pem, certificate_pem, key_pem; /* owned; p NULL: none */
	int64_t connect_usec;
};

/* One request under way. */
struct exchange {
	struct http_client *c;
	const struct http_request *request;
	struct http_response *response;
	bool post;
	struct curl_slist *headers;
	char url[HTTP_MAX_URL];
	char location[HTTP_MAX_URL];  /* of a redirect; "" none */
	char problem[CURL_ERROR_SIZE];
	size_t header_bytes;
	mono_t deadline;
	int stopped;                  /* RF_E*: why we ended the transfer, 0: we did not */
};

static bool keep_pem(struct span pem, struct span *ret)
{
	*ret = pem.n ? span_bytes(rf_text_span(pem), pem.n) : SPAN_NONE;
	return ret->p || !pem.n;
}

static void forget_pem(struct span *pem)
{
	if (pem->n) /* perhaps a private key */
		explicit_bzero((void *)(uintptr_t)pem->p, pem->n);
	rf_free((void *)(uintptr_t)pem->p);
	*pem = SPAN_NONE;
}

int http_client_new(const struct http_settings *settings, struct http_client **ret, struct err *err)
{
	if (!libcurl_load())
		return err_set(err, RF_EUNSUPPORTED, "libcurl is not installed (Debian and Ubuntu: libcurl4); feeds in folders need none");
	struct http_client *c = rf_alloc(sizeof *c);
	if (!c)
		return err_set(err, RF_ENOMEM, "HTTP client");
	c->curl = libcurl.curl_easy_init();
	c->proxy = settings->proxy ? rf_text(settings->proxy) : NULL;
	c->ca_file = settings->ca_file ? rf_text(settings->ca_file) : NULL;
	c->connect_usec = settings->connect_usec ? settings->connect_usec : CONNECT_USEC;
	bool kept = keep_pem(settings->ca_pem, &c->ca_pem) && keep_pem(settings->certificate_pem, &c->certificate_pem) &&
	            keep_pem(settings->key_pem, &c->key_pem);
	if (!kept || !c->curl || (settings->proxy && !c->proxy) || (settings->ca_file && !c->ca_file)) {
		http_client_free(c);
		return err_set(err, RF_ENOMEM, "HTTP client");
	}
	*ret = c;
	return 0;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	if (c->curl)
		libcurl.curl_easy_cleanup(c->curl);
	rf_free(c->proxy);
	rf_free(c->ca_file);
	forget_pem(&c->ca_pem);
	forget_pem(&c->certificate_pem);
	forget_pem(&c->key_pem);
	rf_free(c);
}

void http_client_freep(struct http_client **c)
{
	http_client_free(*c);
	*c = NULL;
}

int http_wait(int64_t usec, struct err *err)
{
	mono_t until = mono_usec() + usec;
	for (;;) {
		int64_t left = until - mono_usec();
		if (thread_stop_wanted())
			return err_set(err, RF_ECANCELLED, "stopped while waiting");
		if (left <= 0)
			return 0;
		left = RF_MIN(left, 50 * USEC_PER_MS);
		struct timespec t = { .tv_sec = 0, .tv_nsec = (long)left * 1000 };
		(void)nanosleep(&t, NULL);
	}
}

static void copy_visible(char *to, size_t size, struct span text)
{
	RF_AUTO(str) visible = STR_INIT(HTTP_MAX_HEADER_BYTES * 10);
	str_add_visible(&visible, text);
	(void)snprintf(to, size, "%s", str_text(&visible));
}

/* Values that are sent back as they came: too long or odd ones are not kept at all. */
static void copy_token(char *to, size_t size, struct span value)
{
	to[0] = 0;
	if (value.n >= size)
		return;
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < ' ' || (unsigned char)value.p[i] > 126)
			return;
	if (value.n)
		memcpy(to, value.p, value.n);
	to[value.n] = 0;
}

/* A list may be one header or several (RFC 9110, 5.3). */
static void add_challenge(char *to, size_t size, struct span value)
{
	char one[2048];
	copy_token(one, sizeof one, value);
	size_t n = strlen(to);
	if (one[0] && n + strlen(one) + 3 < size)
		(void)snprintf(to + n, size - n, "%s%s", n ? ", " : "", one);
}

/* RFC 9110, 10.2.3: seconds or an HTTP-date ("Fri, 31 Dec 1999 23:59:59 GMT"). -1: neither. */
static int64_t read_retry_after(struct span value)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	uint64_t seconds;
	if (span_u64(value, &seconds))
		return (int64_t)RF_MIN(seconds, (uint64_t)(365 * 24 * 3600)) * USEC_PER_SEC;
	if (value.n != 29)
		return -1;
	size_t month = span_find(span_sub(SPAN(months), 0, SIZE_MAX), span_sub(value, 8, 3));
	if (month == SIZE_MAX || month % 3)
		return -1;
	char text[64];
	usec_t at;
	(void)snprintf(text, sizeof text, "%.4s-%02zu-%.2sT%.8sZ", value.p + 12, month / 3 + 1, value.p + 5, value.p + 17);
	if (time_read(span_of(text), &at, NULL, NULL))
		return -1;
	return RF_MAX(at - now_usec(), (int64_t)0);
}

static size_t on_header(char *p, size_t size, size_t n, void *data)
{
	struct exchange *x = data;
	struct span line = span_trim(span_bytes(p, size * n));
	x->header_bytes += size * n;
	if (x->header_bytes > HTTP_MAX_HEADER_BYTES) {
		x->stopped = RF_ETOOBIG;
		return 0;
	}
	size_t colon = span_find_byte(line, ':');
	if (colon == SIZE_MAX)
		return size * n;
	struct span name = span_sub(line, 0, colon), value = span_trim(span_from(line, colon + 1));
	struct http_response *r = x->response;
	if (span_eq_nocase(name, SPAN("etag")))
		copy_token(r->etag, sizeof r->etag, value);
	else if (span_eq_nocase(name, SPAN("last-modified")))
		copy_token(r->last_modified, sizeof r->last_modified, value);
	else if (span_eq_nocase(name, SPAN("content-type")))
		copy_visible(r->content_type, sizeof r->content_type, value);
	else if (span_eq_nocase(name, SPAN("message")))
		copy_visible(r->message, sizeof r->message, value);
	else if (span_eq_nocase(name, SPAN("www-authenticate")))
		add_challenge(r->authenticate, sizeof r->authenticate, value);
	else if (span_eq_nocase(name, SPAN("retry-after")))
		r->retry_after_usec = read_retry_after(value);
	else if (span_eq_nocase(name, SPAN("location")) && value.n < sizeof x->location)
		(void)snprintf(x->location, sizeof x->location, "%.*s", SPAN_ARG(value));
	return size * n;
}

static size_t on_body(char *p, size_t size, size_t n, void *data)
{
	struct exchange *x = data;
	long status = 0;
	size *= n;
	(void)libcurl.curl_easy_getinfo(x->c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299)
		return size; /* error pages are not read */
	x->response->body_bytes += size;
	if (x->response->body_bytes > x->request->max_bytes) {
		x->stopped = RF_ETOOBIG;
		return 0;
	}
	if (x->request->body) {
		str_add(x->request->body, span_bytes(p, size));
		x->stopped = x->request->body->failed;
	} else {
		x->stopped = x->request->sink(span_bytes(p, size), x->request->data);
	}
	return x->stopped ? 0 : size;
}

static int on_progress(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct exchange *x = data;
	(void)a, (void)b, (void)c, (void)d;
	if (!x->stopped && thread_stop_wanted())
		x->stopped = RF_ECANCELLED;
	return x->stopped != 0;
}

static bool add_header(struct exchange *x, const char *name, const char *value)
{
	RF_AUTO(str) line = STR_INIT(HTTP_MAX_HEADER_BYTES);
	str_addf(&line, "%s: %s", name, value);
	struct curl_slist *more = line.failed ? NULL : libcurl.curl_slist_append(x->headers, str_text(&line));
	if (more)
		x->headers = more;
	return more != NULL;
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return true;
	return false;
}

static int add_headers(struct exchange *x, struct err *err)
{
	const struct http_request *q = x->request;
	bool added = true, own = http_same_origin(q->url, x->url);
	if (q->header_count > HTTP_MAX_REQUEST_HEADERS)
		return err_set(err, RF_ETOOMANY, "more than %d headers", HTTP_MAX_REQUEST_HEADERS);
	for (size_t i = 0; i < q->header_count && added; i++) {
		if (has_control(q->headers[i].name) || has_control(q->headers[i].value))
			return err_set(err, RF_EINVALID, "header %zu holds control characters", i + 1);
		if (own || !q->headers[i].secret)
			added = add_header(x, q->headers[i].name, q->headers[i].value);
	}
	if (added && q->etag && q->etag[0])
		added = add_header(x, "If-None-Match", q->etag);
	if (added && q->last_modified && q->last_modified[0])
		added = add_header(x, "If-Modified-Since", q->last_modified);
	return added ? 0 : err_set(err, RF_ENOMEM, "headers");
}

static bool set_pem(CURL *h, CURLoption option, struct span pem)
{
	struct curl_blob blob = { .data = (void *)(uintptr_t)pem.p, .len = pem.n, .flags = CURL_BLOB_NOCOPY };
	return !pem.n || libcurl.curl_easy_setopt(h, option, &blob) == CURLE_OK;
}

/* What holds for every request; the connections of the handle stay. */
static bool set_options(struct exchange *x)
{
	CURL *h = x->c->curl;
	long left_ms = (long)((x->deadline - mono_usec()) / USEC_PER_MS);
	bool good = true;
	libcurl.curl_easy_reset(h);
#define SET(option, value) good &= libcurl.curl_easy_setopt(h, (option), (value)) == CURLE_OK
	SET(CURLOPT_URL, x->url); /* http or https: http_url_split() has looked */
	SET(CURLOPT_NOSIGNAL, 1L);
	if (x->post) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDS, x->request->content.n ? x->request->content.p : "");
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->request->content.n);
	} else {
		SET(CURLOPT_HTTPGET, 1L);
	}
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_PROXY, x->c->proxy ? x->c->proxy : "");
	SET(CURLOPT_NOPROXY, "");
	if (x->c->ca_file)
		SET(CURLOPT_CAINFO, x->c->ca_file);
	good &= set_pem(h, CURLOPT_CAINFO_BLOB, x->c->ca_pem) && set_pem(h, CURLOPT_SSLCERT_BLOB, x->c->certificate_pem) &&
	        set_pem(h, CURLOPT_SSLKEY_BLOB, x->c->key_pem);
	SET(CURLOPT_ACCEPT_ENCODING, x->request->as_stored ? NULL : "gzip, deflate");
	SET(CURLOPT_USERAGENT, "reforge/" REFORGE_VERSION);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(x->c->connect_usec / USEC_PER_MS));
	SET(CURLOPT_TIMEOUT_MS, RF_MAX(left_ms, 1L));
	SET(CURLOPT_HTTPHEADER, x->headers);
	SET(CURLOPT_ERRORBUFFER, x->problem);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, x);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, x);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, x);
#undef SET
	return good;
}

static int code_of_failure(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return RF_ETIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return RF_EVERIFY;
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_WEIRD_SERVER_REPLY:
		return RF_ETRUNCATED;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return RF_EINVALID;
	case CURLE_OUT_OF_MEMORY:
		return RF_ENOMEM;
	default:
		return RF_EIO;
	}
}

static int explain_failure(const struct exchange *x, CURLcode code, struct err *err)
{
	char where[512], size[32];
	http_url_visible(x->url, where, sizeof where);
	if (x->stopped == RF_ETOOBIG)
		return err_set(err, RF_ETOOBIG, "%s gives more than %s", where, text_bytes(x->request->max_bytes, size));
	if (x->stopped == RF_ECANCELLED)
		return err_set(err, RF_ECANCELLED, "stopped while reading %s", where);
	if (x->stopped)
		return err && err->code == x->stopped ? x->stopped : err_set(err, x->stopped, "while reading %s", where);
	int rc = code_of_failure(code);
	char problem[2 * CURL_ERROR_SIZE];
	const char *words = x->problem[0] ? x->problem : libcurl.curl_easy_strerror(code);
	copy_visible(problem, sizeof problem, span_of(words));
	return err_set(err, rc, "%s: %s%s", where, problem,
	               rc == RF_EVERIFY ? "; name the authority that signed it with ca_file" : "");
}

static int explain_status(const struct exchange *x, struct err *err)
{
	char where[512];
	const struct http_response *r = x->response;
	int code = r->status == 404 || r->status == 410                         ? RF_ENOTFOUND
	           : r->status == 401 || r->status == 403 || r->status == 407   ? RF_EPERM
	           : r->status == 429 || r->status == 503 || r->status == 425   ? RF_EBUSY
	                                                                        : RF_EIO;
	return err_set(err, code, "%s answers %d%s%s", http_url_visible(x->url, where, sizeof where), r->status,
	               r->message[0] ? ": " : "", r->message);
}

static int one_request(struct exchange *x, struct err *err)
{
	struct http_response *r = x->response;
	unsigned requests = r->requests + 1;
	*r = (struct http_response){ .retry_after_usec = -1, .requests = requests };
	x->location[0] = x->problem[0] = 0;
	x->header_bytes = 0;
	x->stopped = 0;
	int rc = add_headers(x, err);
	if (rc == 0 && !set_options(x))
		rc = err_set(err, RF_EINVALID, "libcurl does not accept the proxy, the address or another setting");
	CURLcode code = rc ? CURLE_OK : libcurl.curl_easy_perform(x->c->curl);
	libcurl.curl_slist_free_all(x->headers);
	x->headers = NULL;
	if (rc)
		return rc;
	long status = 0;
	(void)libcurl.curl_easy_getinfo(x->c->curl, CURLINFO_RESPONSE_CODE, &status);
	r->status = (int)status;
	struct http_url u;
	if (http_url_split(span_of(x->url), &u))
		(void)snprintf(r->url, sizeof r->url, "http%s://%.*s%.*s%.*s", u.https ? "s" : "", SPAN_ARG(u.host), SPAN_ARG(u.path),
		               SPAN_ARG(u.query));
	return code == CURLE_OK ? 0 : explain_failure(x, code, err);
}

/* Where a redirect leads, into x->url. */
static int follow(struct exchange *x, struct err *err)
{
	char next[HTTP_MAX_URL], where[512];
	struct http_url from, to;
	http_url_visible(x->url, where, sizeof where);
	int rc = http_url_join(x->url, span_of(x->location), next, sizeof next, err);
	if (rc)
		return err_prefix(err, "%s redirects: ", where);
	if (http_url_split(span_of(x->url), &from) && http_url_split(span_of(next), &to) && from.https && !to.https)
		return err_set(err, RF_EINVALID, "%s redirects to plain http: refused", where);
	memcpy(x->url, next, sizeof next);
	return 0;
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int attempt(struct exchange *x, struct err *err)
{
	const struct http_request *q = x->request;
	(void)snprintf(x->url, sizeof x->url, "%s", q->url);
	if (q->body)
		str_reset(q->body);
	int rc = q->start ? q->start(q->data, err) : 0;
	for (unsigned redirects = 0;; redirects++) {
		if (rc == 0 && q->before)
			rc = q->before(q->before_data, err);
		if (redirects == 0)
			x->deadline = mono_usec() + q->deadline_usec; /* waiting for a rate limit does not count */
		if (rc == 0)
			rc = one_request(x, err);
		if (rc)
			return rc;
		int status = x->response->status;
		if ((status >= 200 && status < 300) || status == 304)
			return 0;
		if (!is_redirect(status) || !x->location[0] || x->post)
			return explain_status(x, err);
		if (redirects == HTTP_MAX_REDIRECTS)
			return err_set(err, RF_ETOOMANY, "more than %d redirects", HTTP_MAX_REDIRECTS);
		rc = follow(x, err);
		if (rc)
			return rc;
	}
}

static bool worth_another(const struct http_request *q, const struct http_response *r, int rc)
{
	if (rc == RF_ETRUNCATED || rc == RF_ETIMEOUT)
		return true;
	if (rc == RF_EIO && r->status == 0) /* no connection */
		return true;
	int s = r->status;
	return (rc == RF_EBUSY || rc == RF_EIO || rc == RF_EPERM) &&
	       (s == 408 || s == 425 || s == 429 || s == 500 || s == 502 || s == 503 || s == 504 || (s == 403 && q->retry.forbidden_too));
}

/* How long to wait before attempt @n (from 1): doubling, with up to a quarter more so that sites do not come in step. */
static int64_t wait_before(const struct http_retry *retry, unsigned n)
{
	int64_t wait = retry->first_usec ? retry->first_usec : FIRST_WAIT_USEC;
	int64_t most = retry->most_usec ? retry->most_usec : MOST_WAIT_USEC;
	for (unsigned i = 1; i < n && wait < most; i++)
		wait *= 2;
	wait = RF_MIN(wait, most);
	struct random_stream jitter = { .state = (uint64_t)mono_usec() };
	return wait + (int64_t)random_below(&jitter, (uint64_t)wait / 4 + 1);
}

static int request_send(struct http_client *c, const struct http_request *request, bool post, struct http_response *ret,
                        struct err *err)
{
	struct err own = ERR_INIT;
	char where[512];
	if (!err)
		err = &own;
	*ret = (struct http_response){ .retry_after_usec = -1 };
	if (!http_url_is_valid(request->url))
		return err_set(err, RF_EINVALID, "\"%s\" is no address of http or https", http_url_visible(request->url, where, sizeof where));
	struct exchange *x = rf_alloc(sizeof *x);
	if (!x)
		return err_set(err, RF_ENOMEM, "HTTP request");
	*x = (struct exchange){ .c = c, .request = request, .response = ret, .post = post };
	unsigned attempts = RF_MAX(request->retry.attempts, 1u);
	int64_t most = request->retry.most_usec ? request->retry.most_usec : MOST_WAIT_USEC;
	int rc = attempt(x, err);
	unsigned n = 1;
	for (; rc && n < attempts && worth_another(request, ret, rc) && ret->retry_after_usec <= most; n++) {
		int stopped = http_wait(RF_MAX(wait_before(&request->retry, n), ret->retry_after_usec), err);
		rc = stopped ? stopped : attempt(x, err);
	}
	rf_free(x);
	if (rc && n > 1 && rc != RF_ECANCELLED)
		return err_prefix(err, "tried %u times: ", n);
	return rc;
}

int http_get(struct http_client *c, const struct http_request *request, struct http_response *ret, struct err *err)
{
	return request_send(c, request, false, ret, err);
}

int http_post(struct http_client *c, const struct http_request *request, struct http_response *ret, struct err *err)
{
	return request_send(c, request, true, ret, err);
}
