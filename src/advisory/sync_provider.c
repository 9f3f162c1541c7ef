/*
 * sync_provider - a CSAF provider: provider-metadata.json, then its ROLIE feeds or, without them, index.txt and changes.csv; each
 * document with its SHA-512 or SHA-256 (CSAF 2.0, section 7.1). Only what the listing says has changed is fetched again.
 *
 * Signatures (.asc) are not looked at: the providers' keys are not ours to trust yet, and TLS says whose server it is.
 */
#include "advisory/sync_folder.h"
#include "advisory/sync_index.h"

#include "base/hash.h"
#include "base/thread.h"

#include <pthread.h>

#define LISTING_MAX_BYTES (64 * MIB)
/* Fetched side by side; a batch is taken in before the next. */
#define FETCHES 6
#define BATCH 48
/* So many documents that cannot be had end the run: it is the server, not the document. */
#define MAX_FAILURES 20

/* A document to be fetched. */
struct job {
	char url[HTTP_MAX_URL];
	char hash_url[HTTP_MAX_URL];   /* "" none said: .sha512, then .sha256 behind the document's */
	struct feed_item item;
	struct str body;
	char published_text[136];
	struct http_response response;
	unsigned hash_requests;
	struct err err;
	int rc;
};

struct provider {
	struct feed_run *r;
	struct arena a;                /* listings */
	struct map names;              /* documents of this run; several distributions may list one */
	struct http_client *clients[FETCHES];
	size_t free_clients;
	pthread_mutex_t lock;
	struct job *jobs;
	size_t job_count;
	int64_t done, total, failures;
	struct err first;              /* of the documents that could not be had */
};

/* ---------------------------------------------------------------- metadata and listings */

static int get_text(struct provider *p, const char *url, struct str *to, struct http_response *response, struct err *err)
{
	struct http_request q = { .url = url, .max_bytes = LISTING_MAX_BYTES, .body = to };
	return feed_get(p->r, &q, response, err);
}

static int get_json(struct provider *p, const char *url, struct json_doc *doc, struct json *ret, struct http_response *response,
                    struct err *err)
{
	char where[512];
	RF_AUTO(str) text = STR_INIT(LISTING_MAX_BYTES);
	int rc = get_text(p, url, &text, response, err);
	if (!rc)
		rc = json_parse(doc, str_span(&text), ret, err);
	return rc ? err_in_file(err, http_url_visible(url, where, sizeof where)) : 0;
}

/* CSAF 2.0, 7.3.1: the well-known place, security.txt, then the host csaf.data.security.DOMAIN. */
static int find_metadata(struct provider *p, const char *origin, struct json_doc *doc, struct json *ret, struct http_response *response,
                         struct err *err)
{
	char url[HTTP_MAX_URL];
	struct err first = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	int rc = http_url_join(origin, SPAN("/.well-known/csaf/provider-metadata.json"), url, sizeof url, &first);
	if (!rc)
		rc = get_json(p, url, doc, ret, response, &first);
	if (rc != RF_ENOTFOUND) {
		*err = first;
		return rc;
	}
	rc = http_url_join(origin, SPAN("/.well-known/security.txt"), url, sizeof url, err);
	if (!rc && !get_text(p, url, &text, response, err) && csaf_security_txt(str_span(&text)).n) {
		(void)snprintf(url, sizeof url, "%.*s", SPAN_ARG(csaf_security_txt(str_span(&text))));
		return get_json(p, url, doc, ret, response, err);
	}
	const char *host = strstr(origin, "://");
	(void)snprintf(url, sizeof url, "https://csaf.data.security.%.*s", (int)strcspn(host + 3, "/:"), host + 3);
	rc = get_json(p, url, doc, ret, response, err);
	if (rc)
		*err = first;
	return rc;
}

static int get_metadata(struct provider *p, struct csaf_provider *ret, char base[HTTP_MAX_URL], struct err *err)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct json root = { 0 };
	struct http_response *response = arena_alloc(&p->a, sizeof *response);
	const char *url = p->r->feed->url, *path = strchr(strstr(url, "://") + 3, '/');
	if (!doc || !response)
		return err_set(err, RF_ENOMEM, "provider");
	int rc = path && path[1] ? get_json(p, url, doc, &root, response, err) : find_metadata(p, url, doc, &root, response, err);
	if (!rc)
		rc = csaf_provider_read(&p->a, root, ret, err);
	if (!rc && !ret->count)
		rc = err_set(err, RF_EFORMAT, "the provider names no distribution: no ROLIE feed, no directory_url");
	if (!rc)
		(void)snprintf(base, HTTP_MAX_URL, "%s", response->url);
	return rc;
}

/* A copy of a feed elsewhere still bears the addresses of its origin. What stands below the folder that the feed says it is in is
 * taken from the folder it was found in: a mirror is served from the mirror. */
static struct span mirrored(struct span self, struct span url)
{
	size_t folder = span_rfind_byte(self, '/');
	if (folder == SIZE_MAX || url.n <= folder + 1 || !span_eq(span_sub(self, 0, folder + 1), span_sub(url, 0, folder + 1)))
		return url;
	return span_from(url, folder + 1);
}

static int get_rolie(struct provider *p, const char *url, struct csaf_listing *ret, struct err *err)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct json root;
	struct http_response *response = arena_alloc(&p->a, sizeof *response);
	if (!doc || !response)
		return err_set(err, RF_ENOMEM, "feed");
	int rc = get_json(p, url, doc, &root, response, err);
	if (!rc)
		rc = csaf_rolie_read(&p->a, root, ret, err);
	for (size_t i = 0; !rc && i < ret->count; i++) {
		ret->entries[i].path = mirrored(ret->self, ret->entries[i].path);
		ret->entries[i].hash = mirrored(ret->self, ret->entries[i].hash);
	}
	return rc;
}

static int get_index(struct provider *p, const char *folder, struct csaf_listing *ret, struct err *err)
{
	char url[HTTP_MAX_URL], where[512];
	RF_AUTO(str) text = STR_INIT(LISTING_MAX_BYTES);
	struct http_response *response = arena_alloc(&p->a, sizeof *response);
	int rc = response ? http_url_join(folder, SPAN("index.txt"), url, sizeof url, err) : err_set(err, RF_ENOMEM, "index");
	if (!rc)
		rc = get_text(p, url, &text, response, err);
	if (!rc)
		rc = csaf_index_read(&p->a, str_span(&text), ret, err);
	if (rc)
		return err_in_file(err, http_url_visible(url, where, sizeof where));
	rc = http_url_join(folder, SPAN("changes.csv"), url, sizeof url, err);
	if (!rc)
		rc = get_text(p, url, &text, response, err);
	if (rc == RF_ENOTFOUND) /* then every document is asked for, with its ETag */
		return 0;
	struct span kept = rc ? SPAN_NONE : arena_span(&p->a, str_span(&text));
	if (!rc && !kept.p)
		rc = err_set(err, RF_ENOMEM, "changes.csv");
	return rc ? rc : csaf_changes_read(kept, ret, err);
}

/* ---------------------------------------------------------------- documents */

static struct http_client *borrow_client(struct provider *p)
{
	(void)pthread_mutex_lock(&p->lock);
	struct http_client *c = p->clients[--p->free_clients];
	(void)pthread_mutex_unlock(&p->lock);
	return c;
}

static void return_client(struct provider *p, struct http_client *c)
{
	(void)pthread_mutex_lock(&p->lock);
	p->clients[p->free_clients++] = c;
	(void)pthread_mutex_unlock(&p->lock);
}

/* Absent is fine: hashes are for the trusted roles only (7.1.18). */
static int get_hash(struct provider *p, struct http_client *client, struct job *j)
{
	static const char *const suffixes[] = { "", ".sha512", ".sha256" };
	struct http_response *response = rf_alloc(sizeof *response);
	struct err err = ERR_INIT;
	int rc = response ? RF_ENOTFOUND : RF_ENOMEM;
	j->published_text[0] = 0;
	for (size_t i = j->hash_url[0] ? 0 : 1; rc == RF_ENOTFOUND && i < (j->hash_url[0] ? 1 : RF_COUNT(suffixes)); i++) {
		char url[HTTP_MAX_URL + 16];
		RF_AUTO(str) text = STR_INIT(4 * KIB);
		(void)snprintf(url, sizeof url, "%s%s", j->hash_url[0] ? j->hash_url : j->url, suffixes[i]);
		struct http_request q = { .url = url, .max_bytes = 4 * KIB, .body = &text };
		rc = feed_get_with(p->r, client, &q, response, &err);
		j->hash_requests += response->requests;
		struct span hash = sync_hash_of(str_span(&text));
		if (!rc)
			(void)snprintf(j->published_text, sizeof j->published_text, "%.*s", SPAN_ARG(hash.n ? hash : SPAN("unreadable")));
	}
	rf_free(response);
	if (rc && rc != RF_ENOTFOUND)
		j->err = err;
	return rc == RF_ENOTFOUND ? 0 : rc;
}

static int fetch_document(struct provider *p, struct http_client *client, struct job *j)
{
	struct http_request q = { .url = j->url, .max_bytes = ADVISORY_MAX_BYTES, .body = &j->body };
	if (j->item.version.n && j->item.version.p[0] == '"') /* no date in the listing: what we have is the ETag of last time */
		q.etag = j->item.version.p;
	int rc = feed_get_with(p->r, client, &q, &j->response, &j->err);
	return rc || j->response.status == 304 ? rc : get_hash(p, client, j);
}

static int run_job(size_t index, void *data)
{
	struct provider *p = data;
	struct job *j = &p->jobs[index];
	struct http_client *client = borrow_client(p);
	char actual[136];
	j->rc = fetch_document(p, client, j);
	/* a document that was replaced between the two requests agrees the second time */
	if (!j->rc && j->published_text[0] && !feed_hash_matches(span_of(j->published_text), str_span(&j->body), actual))
		j->rc = fetch_document(p, client, j);
	return_client(p, client);
	return j->rc == RF_ECANCELLED || j->rc == RF_ENOMEM ? j->rc : 0;
}

/* A document that cannot be had: told, tried again next time, and the run is not complete unless the server says it is gone. */
static int miss(struct provider *p, struct job *j, struct err *err)
{
	struct feed_item item = j->item;
	item.refused = true;
	feed_problem(p->r, item.name.p, &j->err);
	p->r->report->refused++;
	p->r->report->looked_at++;
	if (j->rc != RF_ENOTFOUND && p->failures++ == 0)
		p->first = j->err;
	return feed_note(p->r, &item, err);
}

static int take_job(struct provider *p, struct job *j, struct err *err)
{
	char actual[136];
	j->response.requests += j->hash_requests;
	int rc = feed_count(p->r, &j->response, err);
	if (rc)
		return rc;
	if (j->rc)
		return miss(p, j, err);
	if (j->response.status == 304)
		return feed_note(p->r, &(struct feed_item){ .part = SPAN(""), .name = j->item.name, .kept = true }, err);
	j->item.published = j->published_text[0] ? span_of(j->published_text) : SPAN("");
	j->item.actual = SPAN("");
	if (!j->item.version.n || j->item.version.p[0] == '"')
		j->item.version = span_of(j->response.etag);
	if (j->published_text[0] && !feed_hash_matches(j->item.published, str_span(&j->body), actual)) {
		j->item.actual = span_of(actual);
		sync_hash_problem(p->r, j->item.name.p, j->item.published, actual);
	}
	drift_look_bytes(&p->r->drift, p->r->doc, str_span(&j->body));
	return feed_take(p->r, str_span(&j->body), j->url, &j->item, err);
}

static int run_jobs(struct provider *p, struct err *err)
{
	size_t count = p->job_count;
	p->job_count = 0;
	if (!count)
		return 0;
	int rc = thread_each(count, FETCHES, run_job, p);
	if (rc)
		(void)err_set(err, rc, "fetching documents");
	for (size_t i = 0; i < count; i++) {
		if (!rc)
			rc = take_job(p, &p->jobs[i], err);
		str_release(&p->jobs[i].body);
	}
	p->done += (int64_t)count;
	feed_progress(p->r, p->done, p->total, "documents");
	if (!rc)
		rc = feed_flush(p->r, err);
	if (!rc && p->failures > MAX_FAILURES) {
		*err = p->first;
		return err->code;
	}
	return rc;
}

/* "/2024/x.json" of the address: the same on a mirror. */
static struct span name_of(const char *url)
{
	const char *host = strstr(url, "://");
	const char *path = host ? strchr(host + 3, '/') : NULL;
	return path ? span_of(path) : span_of(url);
}

static int add_job(struct provider *p, const char *folder, const struct csaf_entry *e, struct err *err)
{
	char url[HTTP_MAX_URL];
	struct feed_known known;
	int rc = http_url_join(folder, e->path, url, sizeof url, err);
	if (!rc && folder[4] == 's' && url[4] != 's')
		rc = err_set(err, RF_EINVALID, "a listing over https names a document over plain http: refused");
	struct span name = rc ? SPAN_NONE : arena_span(&p->a, name_of(url));
	if (!rc && !name.p)
		rc = err_set(err, RF_ENOMEM, "documents");
	if (rc || map_get(&p->names, name))
		return rc;
	rc = map_set(&p->names, name, p) ? err_set(err, RF_ENOMEM, "documents") : feed_known(p->r, SPAN(""), name, &known, err);
	if (rc)
		return rc;
	if (known.known && !known.refused && e->version.n && span_eq_text(span_sub(e->version, 0, 120), known.version)) {
		p->done++;
		p->r->report->unchanged++;
		return feed_note(p->r, &(struct feed_item){ .part = SPAN(""), .name = name, .kept = true }, err);
	}
	struct job *j = &p->jobs[p->job_count++];
	*j = (struct job){ .body = STR_INIT(ADVISORY_MAX_BYTES), .err = ERR_INIT,
		.item = { .part = SPAN(""), .name = name, .version = e->version } };
	memcpy(j->url, url, sizeof url);
	if (!e->version.n && known.known && !known.refused && known.version[0] == '"')
		j->item.version = arena_span(&p->a, span_of(known.version));
	if (e->hash.n)
		rc = http_url_join(folder, e->hash, j->hash_url, sizeof j->hash_url, err);
	if (!rc && p->job_count == BATCH)
		rc = run_jobs(p, err);
	return rc;
}

/* CISA's index gives paths from the root of its repository, not from the index's folder: how many leading parts to drop is tried
 * on the first document, if the whole path is not there. */
static int parts_to_drop(struct provider *p, const char *folder, struct span path, size_t *ret_bytes, struct err *err)
{
	struct http_response *response = arena_alloc(&p->a, sizeof *response);
	struct err first = ERR_INIT;
	*ret_bytes = 0;
	if (!response)
		return err_set(err, RF_ENOMEM, "index");
	for (size_t from = 0;;) {
		char url[HTTP_MAX_URL];
		struct feed_known known;
		RF_AUTO(str) body = STR_INIT(ADVISORY_MAX_BYTES);
		struct http_request q = { .url = url, .max_bytes = ADVISORY_MAX_BYTES, .body = &body };
		int rc = http_url_join(folder, span_from(path, from), url, sizeof url, err);
		if (!rc)
			rc = feed_known(p->r, SPAN(""), name_of(url), &known, err);
		if (!rc && (!known.known || known.refused))
			rc = feed_get(p->r, &q, response, err);
		if (!rc)
			*ret_bytes = from;
		if (rc != RF_ENOTFOUND)
			return rc;
		if (from == 0)
			first = *err;
		size_t slash = span_find_byte(span_from(path, from), '/');
		if (slash == SIZE_MAX) { /* then this one is gone, and the paths are what they should be */
			*err = first;
			return 0;
		}
		from += slash + 1;
	}
}

static int walk(struct provider *p, const char *folder, struct csaf_listing *listing, bool index, struct err *err)
{
	size_t drop = 0;
	int rc = index && listing->count ? parts_to_drop(p, folder, listing->entries[0].path, &drop, err) : 0;
	struct span prefix = listing->count ? span_sub(listing->entries[0].path, 0, drop) : SPAN_NONE;
	p->total += (int64_t)listing->count;
	for (size_t i = 0; !rc && i < listing->count; i++) {
		struct csaf_entry e = listing->entries[i];
		if (drop && e.path.n > drop && span_eq(span_sub(e.path, 0, drop), prefix))
			e.path = span_from(e.path, drop);
		rc = add_job(p, folder, &e, err);
	}
	return rc ? rc : run_jobs(p, err);
}

static int read_distribution(struct provider *p, const char *base, const struct csaf_distribution *d, struct err *err)
{
	char url[HTTP_MAX_URL];
	struct csaf_listing listing;
	RF_AUTO(str) address = STR_INIT(HTTP_MAX_URL);
	str_add(&address, d->url);
	if (!d->rolie && !span_ends(d->url, "/"))
		str_add_byte(&address, '/');
	int rc = http_url_join(base, str_span(&address), url, sizeof url, err);
	if (!rc)
		rc = d->rolie ? get_rolie(p, url, &listing, err) : get_index(p, url, &listing, err);
	return rc ? rc : walk(p, url, &listing, !d->rolie, err);
}

/* All ROLIE feeds, or all folders where there is none or one of them cannot be read. */
static int read_distributions(struct provider *p, const char *base, const struct csaf_provider *metadata, struct err *err)
{
	bool rolie = metadata->distributions[0].rolie, folders = !metadata->distributions[metadata->count - 1].rolie;
	int rc = 0;
	for (size_t i = 0; i < metadata->count && !rc; i++)
		if (metadata->distributions[i].rolie == rolie)
			rc = read_distribution(p, base, &metadata->distributions[i], err);
	if (!rc || !rolie || !folders || rc == RF_ECANCELLED || rc == RF_ENOMEM || rc == RF_EDATABASE)
		return rc;
	rc = 0;
	p->failures = 0;
	for (size_t i = 0; i < metadata->count && !rc; i++)
		if (!metadata->distributions[i].rolie)
			rc = read_distribution(p, base, &metadata->distributions[i], err);
	return rc;
}

static int make_clients(struct provider *p, struct err *err)
{
	int rc = 0;
	p->jobs = rf_realloc_array(NULL, BATCH, sizeof *p->jobs);
	if (!p->jobs)
		return err_set(err, RF_ENOMEM, "provider");
	while (p->free_clients < FETCHES && !rc) {
		rc = feed_client(p->r, &p->clients[p->free_clients], err);
		p->free_clients += !rc;
	}
	return rc;
}

static void provider_release(struct provider *p)
{
	for (size_t i = 0; i < p->job_count; i++)
		str_release(&p->jobs[i].body);
	while (p->free_clients)
		http_client_free(p->clients[--p->free_clients]);
	rf_free(p->jobs);
	map_release(&p->names);
	arena_release(&p->a);
	(void)pthread_mutex_destroy(&p->lock);
	rf_free(p);
}

int sync_provider(struct feed_run *r, struct err *err)
{
	char base[HTTP_MAX_URL] = "";
	struct csaf_provider metadata = { 0 };
	int64_t missing;
	struct provider *p = rf_alloc(sizeof *p);
	if (!p || pthread_mutex_init(&p->lock, NULL)) {
		rf_free(p);
		return err_set(err, RF_ENOMEM, "provider");
	}
	p->r = r;
	p->a = ARENA_INIT(1 * GIB);
	int rc = make_clients(p, err);
	if (!rc)
		rc = get_metadata(p, &metadata, base, err);
	if (!rc)
		rc = read_distributions(p, base, &metadata, err);
	if (!rc && p->failures) {
		*err = p->first;
		rc = err->code;
	}
	if (!rc)
		rc = feed_flush(r, err);
	if (!rc)
		rc = feed_listed(r, SPAN(""), err);
	if (!rc)
		rc = feed_totals(r, SPAN_NONE, &r->report->records, &missing, err);
	provider_release(p);
	return rc;
}
