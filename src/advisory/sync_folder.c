/*
 * sync_folder - a file or a folder of this machine, and what git checked out: documents with their published hashes beside
 * them ("5855.json.sha256", "x.json.sha512").
 */
#include "advisory/sync_folder.h"

#include "base/thread.h"

/* A hash file holds the digest, blanks, perhaps the name; CSAF 2.0, 7.1.18. */
#define HASH_FILE_BYTES (4 * KIB)

/* One document of so many is looked at for members that its format does not have: all of them change together. */
#define LOOK_AT_EVERY 64

struct tree {
	struct feed_run *r;
	bool single;               /* the root is a file */
	uint64_t looks;
	int64_t documents;         /* files that may be documents: the source's count, whatever the import makes of them */
	size_t prefix;             /* length of the root's path: names are what stands behind it */
	struct err *err;
};

struct span sync_hash_of(struct span text)
{
	size_t n = 0;
	text = span_trim(text);
	while (n < text.n && ((text.p[n] >= '0' && text.p[n] <= '9') || ((text.p[n] | 32) >= 'a' && (text.p[n] | 32) <= 'f')))
		n++;
	bool ends = n == text.n || text.p[n] == ' ' || text.p[n] == '\t' || text.p[n] == '\n' || text.p[n] == '\r';
	return (n == 64 || n == 128) && ends ? span_sub(text, 0, n) : SPAN_NONE;
}

void sync_hash_problem(const struct feed_run *r, const char *name, struct span published, const char *actual)
{
	struct err why = ERR_INIT;
	(void)err_set(&why, RF_EVERIFY, "is not what its published hash says (%.16s..., it has %.16s...); kept, and marked",
	              published.n ? published.p : "unreadable", actual);
	(void)err_in_file(&why, name);
	feed_problem(r, name, &why);
}

/* @path is a hash file; the document it is about stands beside it. */
static int check_hash(struct tree *t, const char *path, size_t suffix)
{
	char document[FS_PATH_MAX], actual[136];
	RF_AUTO(str) hash = STR_INIT(HASH_FILE_BYTES);
	RF_AUTO(str) bytes = STR_INIT(ADVISORY_MAX_BYTES);
	struct err ignored = ERR_INIT;
	(void)snprintf(document, sizeof document, "%.*s", (int)(strlen(path) - suffix), path);
	struct span name = span_of(document + RF_MIN(t->prefix, strlen(document)));
	/* hashes of what is no advisory (pages for people) are not ours to judge */
	if (!span_ends(name, ".json") || fs_read(document, &bytes, &ignored))
		return 0;
	if (fs_read(path, &hash, &ignored))
		str_reset(&hash);
	struct span published = sync_hash_of(str_span(&hash));
	if (feed_hash_matches(published, str_span(&bytes), actual))
		return 0;
	sync_hash_problem(t->r, document + t->prefix, published, actual);
	const struct feed_item item = { .part = SPAN(""), .name = name, .published = published.n ? published : SPAN(""),
		.actual = span_of(actual) };
	return feed_note(t->r, &item, t->err);
}

static void look_for_drift(struct tree *t, const char *path)
{
	RF_AUTO(str) bytes = STR_INIT(ADVISORY_MAX_BYTES);
	struct err ignored = ERR_INIT;
	if (t->looks++ % LOOK_AT_EVERY == 0 && !fs_read(path, &bytes, &ignored))
		drift_look_bytes(&t->r->drift, t->r->doc, str_span(&bytes));
}

/* What advisory_import_path() looks at in a folder; of a single file, that file. */
static bool is_document(const struct tree *t, const struct fs_entry *e, struct span name)
{
	return e->kind == FS_FILE && (t->single || span_ends(name, ".json") || span_ends(name, ".yaml") || span_ends(name, ".yml") ||
	                              span_ends(name, ".csv")) &&
	       strncmp(e->path + RF_MIN(t->prefix, strlen(e->path)), ".git/", 5) != 0;
}

static int take_entry(const struct fs_entry *e, void *data)
{
	struct tree *t = data;
	struct span name = span_of(e->name);
	if (thread_stop_wanted())
		return err_set(t->err, RF_ECANCELLED, "stopped");
	if (e->kind == FS_FILE && (span_ends(name, ".sha256") || span_ends(name, ".sha512")))
		return check_hash(t, e->path, 7);
	t->documents += is_document(t, e, name);
	if (e->kind == FS_FILE && span_ends(name, ".json"))
		look_for_drift(t, e->path);
	return 0;
}

int sync_tree(struct feed_run *r, const char *path, struct err *err)
{
	struct tree t = { .r = r, .prefix = strlen(path) + 1, .single = !fs_is_dir(path), .err = err };
	struct advisory_import options = r->import;
	if (!fs_is_dir(path)) /* a folder may hold several: NVIDIA's has CSAF and CVE drafts side by side */
		options.format = r->feed->format;
	struct advisory_import_result result = { 0 };
	if (!fs_exists(path))
		return err_set(err, RF_ENOTFOUND, "%s is not there", path);
	int rc = fs_walk(path, take_entry, &t, err);
	if (!rc)
		rc = feed_flush(r, err);
	if (!rc) /* the wrong hashes of now: what was wrong before is right again or gone */
		rc = feed_forget_unseen(r, err);
	feed_progress(r, -1, -1, path);
	if (!rc)
		rc = advisory_import_path(r->db, path, &options, &result, err);
	if (rc)
		return rc;
	r->report->looked_at = result.files;
	r->report->changed = result.documents;
	r->report->unchanged = result.unchanged;
	r->report->refused = result.problems;
	r->report->advisories = result.advisories;
	r->report->review = result.review;
	r->report->records = t.documents;
	return 0;
}

int sync_folder(struct feed_run *r, struct err *err)
{
	return sync_tree(r, r->feed->path, err);
}
