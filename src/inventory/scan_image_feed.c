/* Images: blobs from a source to the layers that want them. See scan_image_source.h. */
#include "inventory/scan_image_int.h"

#include "base/fs.h"
#include "base/thread.h"

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "no memory for the documents of an image");
}

/* ── Feeding: the source's thread and ours ───────────────────────────────────────────────────────────────────────── */

struct image_feed {
	struct image_run *run;
	size_t *wanted; /* positions in run->wanted */
	size_t count;
	struct scan_pipe pipe;
	struct digest_stream *stream;
	uint64_t bytes;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t offered; /* position that the source wants to give; SIZE_MAX: none */
	bool taken;     /* ... and we are ready for it */
	bool stop, done;
	int rc; /* of the source, when done */
	struct err err;
};

size_t image_feed_count(const struct image_feed *f)
{
	return f->count;
}

const struct image_wanted *image_feed_wanted(const struct image_feed *f, size_t i)
{
	return f->run->wanted[f->wanted[i]];
}

int image_feed_begin(struct image_feed *f, size_t i)
{
	pthread_mutex_lock(&f->lock);
	f->offered = i;
	f->taken = false;
	pthread_cond_broadcast(&f->changed);
	while (!f->taken && !f->stop)
		pthread_cond_wait(&f->changed, &f->lock);
	int rc = f->stop || thread_stop_wanted() ? RF_ECANCELLED : 0;
	if (rc)
		f->offered = SIZE_MAX;
	pthread_mutex_unlock(&f->lock);
	f->bytes = 0;
	return rc;
}

int image_feed_add(struct image_feed *f, struct span bytes)
{
	if (thread_stop_wanted())
		return RF_ECANCELLED;
	digest_stream_add(f->stream, bytes.p, bytes.n);
	f->bytes += bytes.n;
	return scan_pipe_add(&f->pipe, bytes);
}

int image_feed_room(struct image_feed *f, unsigned char **ret)
{
	return thread_stop_wanted() ? RF_ECANCELLED : scan_pipe_room(&f->pipe, ret);
}

int image_feed_wrote(struct image_feed *f, unsigned char *room, size_t n)
{
	digest_stream_add(f->stream, room, n);
	f->bytes += n;
	scan_pipe_wrote(&f->pipe, n);
	return 0;
}

static int blob_check(const struct image_wanted *w, uint64_t bytes, struct err *err)
{
	char hex[DIGEST_HEX];
	if (w->digest.n && bytes != w->size)
		return err_set(err, bytes < w->size ? RF_ETRUNCATED : RF_EVERIFY, "the blob has %llu bytes, the manifest says %llu",
			       (unsigned long long)bytes, (unsigned long long)w->size);
	if (w->digest.n && !span_eq_text(span_from(w->digest, 7), digest_hex(&w->blob, hex)))
		return err_set(err, RF_EVERIFY, "the blob is sha256:%s: it is not what the manifest names", hex);
	return 0;
}

int image_feed_end(struct image_feed *f, int rc, const struct err *err)
{
	struct image_wanted *w = f->run->wanted[f->wanted[f->offered]];
	struct err own = ERR_INIT;
	digest_stream_end(f->stream, &w->blob);
	if (rc == 0) {
		rc = blob_check(w, f->bytes, &own);
		err = &own;
	}
	pthread_mutex_lock(&f->lock);
	f->offered = SIZE_MAX;
	pthread_mutex_unlock(&f->lock);
	scan_pipe_end(&f->pipe, rc, err);
	return rc == RF_ECANCELLED ? rc : 0;
}

void image_feed_absent(struct image_feed *f, size_t i, int rc, const struct err *err)
{
	char text[1400];
	struct image_wanted *w = f->run->wanted[f->wanted[i]];
	image_wanted_problem(w, w->foreign && rc == RF_ENOTFOUND ? LAYER_ABSENT : image_trouble_of(rc), "%s",
			     err && err->code ? err_render(err, text, sizeof text) : rf_error_text(rc));
}

static void *feeder(void *data)
{
	struct image_feed *f = data;
	struct err err = ERR_INIT;
	int rc = f->run->source->feed(f->run->source_data, f, &err);
	pthread_mutex_lock(&f->lock);
	f->done = true;
	f->rc = rc;
	f->err = err;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* The next blob that the source offers; false: no more come. */
static bool offer_wait(struct image_feed *f, size_t *ret)
{
	pthread_mutex_lock(&f->lock);
	while (!f->done && (f->offered == SIZE_MAX || f->taken))
		pthread_cond_wait(&f->changed, &f->lock);
	bool got = !f->done;
	*ret = f->offered;
	if (got) {
		scan_pipe_reset(&f->pipe);
		f->taken = true;
		pthread_cond_broadcast(&f->changed);
	}
	pthread_mutex_unlock(&f->lock);
	return got;
}

static int blobs_take(struct image_run *run, struct image_feed *f, struct err *err)
{
	int rc = 0;
	size_t i;
	while (rc == 0 && offer_wait(f, &i))
		rc = image_layer_read(run->wanted[f->wanted[i]], &f->pipe, run->prefix, run->o->scan, err);
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	if (rc)
		scan_pipe_close(&f->pipe);
	return rc;
}

static int feed_list(struct image_run *run, struct image_feed *f)
{
	f->wanted = arena_array(&run->arena, run->wanted_count - run->wanted_from + 1, sizeof *f->wanted);
	if (!f->wanted)
		return RF_ENOMEM;
	for (size_t i = run->wanted_from; i < run->wanted_count; i++) {
		struct image_wanted *w = run->wanted[i];
		if (w->kind == IMAGE_LAYER_ENCRYPTED)
			image_wanted_problem(w, LAYER_UNREADABLE, "is encrypted (%.*s): it cannot be looked into", SPAN_ARG(w->digest));
		else if (!w->read && !w->same_as)
			f->wanted[f->count++] = i;
	}
	return 0;
}

/* What was read once, under its other titles. */
static int titles_read(struct image_run *run, struct err *err)
{
	for (size_t i = run->wanted_from; i < run->wanted_count; i++) {
		struct image_wanted *w = run->wanted[i];
		char path[FS_PATH_MAX];
		struct err own = ERR_INIT;
		if (!w->same_as || w->read)
			continue;
		if (w->same_as->trouble)
			image_wanted_problem(w, w->same_as->trouble, "%s", w->same_as->problem);
		w->read = w->same_as->read;
		int rc = image_path_normal(w->name, path, sizeof path, &own);
		if (rc < 0 || !path[0])
			image_wanted_problem(w, LAYER_UNREADABLE, "the blob's title \"%.*s\" is no name of a file", SPAN_ARG(w->name));
		else if (w->same_as->layer && image_layer_renamed(w->same_as->layer, span_of(path), &w->layer) < 0)
			return no_memory(err);
	}
	return 0;
}

static int blobs_read(struct image_run *run, struct err *err)
{
	struct image_feed f = { .run = run, .offered = SIZE_MAX };
	pthread_t thread;
	int rc = feed_list(run, &f);
	if (rc || f.count == 0)
		return rc ? no_memory(err) : 0;
	f.stream = digest_stream_new();
	rc = f.stream ? scan_pipe_init(&f.pipe, err) : no_memory(err);
	if (rc) {
		digest_stream_free(f.stream);
		return rc;
	}
	pthread_mutex_init(&f.lock, NULL);
	pthread_cond_init(&f.changed, NULL);
	if (pthread_create(&thread, NULL, feeder, &f) != 0) {
		rc = err_set(err, RF_EIO, "no thread to read an image");
	} else {
		rc = blobs_take(run, &f, err);
		pthread_join(thread, NULL);
		if (rc == 0 && f.rc) {
			*err = f.err;
			rc = f.rc;
		}
	}
	pthread_cond_destroy(&f.changed);
	pthread_mutex_destroy(&f.lock);
	scan_pipe_release(&f.pipe);
	digest_stream_free(f.stream);
	return rc;
}

int image_run_read(struct image_run *run, struct err *err)
{
	int rc = blobs_read(run, err);
	return rc ? rc : titles_read(run, err);
}
