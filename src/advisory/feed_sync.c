/* feed_sync - one run of one feed: the kinds, taking in documents, asking servers. */
#include "advisory/feed_int.h"

#include "base/thread.h"
#include "crypto/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static const struct feed_kind FEED_KINDS[] = {
	{ WORKSPACE_FEED_FOLDER, sync_folder }, { WORKSPACE_FEED_URL, sync_url }, { WORKSPACE_FEED_GIT, sync_git },
	{ WORKSPACE_FEED_PROVIDER, sync_provider }, { WORKSPACE_FEED_NVD, sync_nvd },
	{ WORKSPACE_FEED_BUNDLE, sync_bundle },
};

void feed_problem(const struct feed_run *r, const char *name, const struct err *err)
{
	if (r->options->problem)
		r->options->problem(name, err, r->options->data);
}

void feed_progress(const struct feed_run *r, int64_t done, int64_t total, const char *what)
{
	if (r->options->progress)
		r->options->progress(r->feed->name, done, total, what, r->options->data);
}

/* ---------------------------------------------------------------- servers */

int feed_client(const struct feed_run *r, struct http_client **ret, struct err *err)
{
	const char *proxy = r->feed->proxy ? r->feed->proxy : r->workspace->proxy;
	if (proxy && !strcmp(proxy, "none"))
		proxy = NULL;
	const struct http_settings settings = { .proxy = proxy, .ca_file = r->feed->ca_file ? r->feed->ca_file : r->workspace->ca_file };
	return http_client_new(&settings, ret, err);
}

struct rate {
	struct feed_run *r;
	const char *url;
};

static int wait_for_rate(void *data, struct err *err)
{
	const struct rate *rate = data;
	return feed_rate_wait(rate->r, rate->url, err);
}

int feed_get_with(const struct feed_run *r, struct http_client *client, struct http_request *request, struct http_response *ret,
                  struct err *err)
{
	request->deadline_usec = r->feed->timeout_usec;
	request->retry = (struct http_retry){ .attempts = r->feed->attempts, .first_usec = r->feed->retry_wait_usec,
		.forbidden_too = r->feed->kind == WORKSPACE_FEED_NVD };
	return http_get(client, request, ret, err);
}

int feed_get(struct feed_run *r, struct http_request *request, struct http_response *ret, struct err *err)
{
	struct rate rate = { r, request->url };
	int rc = r->client ? 0 : feed_client(r, &r->client, err);
	if (rc)
		return rc;
	if (r->rate_limit) {
		request->before = wait_for_rate;
		request->before_data = &rate;
	}
	rc = feed_get_with(r, r->client, request, ret, err);
	int counted = feed_count(r, ret, rc ? NULL : err);
	return rc ? rc : counted;
}

bool feed_hash_matches(struct span published, struct span bytes, char ret_actual[136])
{
	struct digest short_one;
	if (published.n == 2 * DIGEST512_BYTES) {
		unsigned char long_one[DIGEST512_BYTES];
		digest512_of(bytes, long_one);
		hex_write(long_one, sizeof long_one, ret_actual);
	} else {
		digest_of(bytes, &short_one);
		digest_hex(&short_one, ret_actual);
	}
	return span_eq_nocase(published, span_of(ret_actual));
}

/* ---------------------------------------------------------------- documents */

static const struct {
	const char *field;
	size_t at;
} COLUMNS[] = {
#define COLUMN(name) { #name, offsetof(struct advisory_mapping, name) }
	COLUMN(id), COLUMN(aliases), COLUMN(title), COLUMN(summary), COLUMN(url), COLUMN(severity), COLUMN(vector), COLUMN(cwe),
	COLUMN(vendor), COLUMN(product), COLUMN(purl), COLUMN(platform), COLUMN(affected), COLUMN(fixed), COLUMN(published),
	COLUMN(modified), COLUMN(state), COLUMN(tlp),
#undef COLUMN
};

static void tell_problem(const char *path, const struct err *err, void *data)
{
	feed_problem(data, path, err);
}

/* What the store is to know of the feed; reforge.yaml has been checked. */
static void prepare_import(struct feed_run *r)
{
	const struct workspace_feed *f = r->feed;
	r->import = (struct advisory_import){ .feed = f->name, .actor = r->options->actor, .problem = tell_problem, .data = r };
	(void)tlp_read(span_of(f->tlp), &r->import.tlp);
	for (size_t i = 0; i < f->columns_n; i++)
		for (size_t k = 0; k < RF_COUNT(COLUMNS); k++)
			if (!strcmp(f->columns[i].field, COLUMNS[k].field))
				*(const char **)((char *)&r->mapping + COLUMNS[k].at) = f->columns[i].column;
	r->mapping.publisher = f->publisher;
	if (f->columns_n || f->publisher)
		r->import.mapping = &r->mapping;
}

static int importer(struct feed_run *r, struct err *err)
{
	return r->importer ? 0 : advisory_importer_new(r->db, &r->import, &r->importer, err);
}

static struct span visible(struct arena *a, struct span text, bool *failed)
{
	RF_AUTO(str) to = STR_INIT(64 * KIB);
	str_add_visible(&to, text);
	struct span copy = arena_span(a, str_span(&to));
	*failed |= to.failed || !copy.p;
	return copy;
}

/* A batch names an item once: PostgreSQL does not update a row twice in a statement. */
static struct feed_item *place_of(struct feed_run *r, const struct feed_item *item)
{
	for (size_t i = 0; i < r->item_count; i++)
		if (span_eq(r->items[i].name, item->name) && span_eq(r->items[i].part, item->part))
			return &r->items[i];
	return &r->items[r->item_count++];
}

int feed_note(struct feed_run *r, const struct feed_item *item, struct err *err)
{
	bool failed = false;
	struct feed_item copy = { .part = visible(&r->texts, item->part, &failed), .name = visible(&r->texts, item->name, &failed),
		.version = visible(&r->texts, span_sub(item->version, 0, 120), &failed),
		.published = visible(&r->texts, span_sub(item->published, 0, 135), &failed),
		.actual = visible(&r->texts, item->actual, &failed), .refused = item->refused, .kept = item->kept };
	if (failed)
		return err_set(err, RF_ENOMEM, "items of a feed");
	*place_of(r, &copy) = copy;
	return r->item_count == FEED_BATCH ? feed_flush(r, err) : 0;
}

int feed_take(struct feed_run *r, struct span bytes, const char *name, const struct feed_item *item, struct err *err)
{
	struct err why = ERR_INIT;
	int refused = 0;
	int rc = importer(r, err);
	if (!rc)
		rc = advisory_importer_add(r->importer, bytes, name, &refused, &why);
	if (rc && err)
		*err = why;
	if (rc)
		return rc;
	if (refused) {
		r->refused++;
		feed_problem(r, name, &why);
	}
	if (!item)
		return 0;
	struct feed_item taken = *item;
	taken.refused = refused != 0;
	return feed_note(r, &taken, err);
}

/* Documents first: an item that is remembered is one that was taken in. */
int feed_flush(struct feed_run *r, struct err *err)
{
	int rc = r->importer ? advisory_importer_flush(r->importer, err) : 0;
	return rc ? rc : feed_write_items(r, err);
}

static void sum_up(struct feed_run *r)
{
	struct advisory_import_result result;
	if (!r->importer)
		return;
	advisory_importer_result(r->importer, &result);
	r->report->looked_at += result.files;
	r->report->changed += result.documents;
	r->report->unchanged += result.unchanged;
	r->report->refused += result.problems;
	r->report->advisories += result.advisories;
	r->report->review += result.review;
}

/* ---------------------------------------------------------------- the run */

/* Folders of feeds: WORK/feeds/NAME, and NAME.lock beside it. */
static int make_folder(struct feed_run *r, int *ret_lock, struct err *err)
{
	char path[FS_PATH_MAX + 16];
	int n = snprintf(r->folder, sizeof r->folder, "%s/feeds/%s", r->workspace->work, r->feed->name);
	if (n < 0 || (size_t)n >= sizeof r->folder)
		return err_set(err, RF_ETOOBIG, "the path of the feed's folder");
	int rc = fs_make_dirs(r->folder, 0700, err);
	if (rc)
		return rc;
	(void)snprintf(path, sizeof path, "%s.lock", r->folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		(void)close(fd);
		return err_set(err, RF_EBUSY, "feed %s is being synced by another reforge", r->feed->name);
	}
	*ret_lock = fd;
	return 0;
}

/* The database, memory, a stop: not the feed's fault. */
static bool is_ours(int rc)
{
	return rc == RF_EDATABASE || rc == RF_ENOMEM || rc == RF_ECANCELLED || rc == RF_EFULL || rc == RF_EINTERNAL;
}

static int fetch(struct feed_run *r, struct err *err)
{
	int rc = RF_EINTERNAL;
	struct feed_report *p = r->report;
	for (size_t i = 0; i < RF_COUNT(FEED_KINDS); i++)
		if (FEED_KINDS[i].kind == r->feed->kind)
			rc = FEED_KINDS[i].sync(r, &p->err);
	if (is_ours(rc)) {
		*err = p->err;
		return rc;
	}
	p->failed = rc;
	rc = feed_flush(r, err); /* what was taken before it broke off stays */
	sum_up(r);
	return rc;
}

int feed_sync(struct database *db, const struct workspace *w, const struct workspace_feed *feed, const struct feed_options *options,
              struct feed_report *ret, struct err *err)
{
	struct err own = ERR_INIT;
	mono_t started = mono_usec();
	int lock = -1;
	err = err ? err : &own;
	*ret = (struct feed_report){ .feed = feed->name, .err = ERR_INIT, .records_before = -1, .records = -1 };
	struct feed_run *r = rf_alloc(sizeof *r);
	if (!r)
		return err_set(err, RF_ENOMEM, "feed %s", feed->name);
	*r = (struct feed_run){ .db = db, .workspace = w, .feed = feed, .options = options, .report = ret, .texts = ARENA_INIT(64 * MIB) };
	prepare_import(r);
	r->doc = json_doc_new();
	int rc = r->doc ? make_folder(r, &lock, err) : err_set(err, RF_ENOMEM, "feed %s", feed->name);
	if (!rc)
		rc = feed_begin(r, err);
	if (!rc)
		rc = fetch(r, err);
	ret->duration_usec = mono_usec() - started;
	if (!rc)
		rc = feed_end(r, err);
	advisory_importer_free(r->importer);
	http_client_free(r->client);
	json_doc_free(r->doc);
	arena_release(&r->texts);
	rf_free(r);
	if (lock >= 0)
		(void)close(lock);
	return rc;
}
