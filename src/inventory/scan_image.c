/* Images: documents to layers, layers to reports. See scan_image.h; sources are in scan_image_*.c. */
#include "inventory/scan_image.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/thread.h"
#include "inventory/scan_image_source.h"
#include "inventory/scan_member.h"
#include "inventory/scan_set.h"

#include <stdarg.h>

/* What is kept of layers between arguments; beyond that they are read again. */
#define KEEP_LAYERS 4096

static const struct image_source *const image_sources[] = { &image_source_oci, &image_source_oci_archive,
							    &image_source_docker_archive, &image_source_registry, NULL };
#define ROOTFS "rootfs:"

/* ── What is wanted ──────────────────────────────────────────────────────────────────────────────────────────────── */

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "no memory for the documents of an image");
}

/* The same bytes, which are read once. */
static bool same_blob(const struct image_wanted *a, const struct image_wanted *b)
{
	if (a->kind != b->kind || !span_eq(a->diff_id, b->diff_id))
		return false;
	if (a->digest.n || b->digest.n)
		return span_eq(a->digest, b->digest) && a->size == b->size;
	return span_eq(a->name, b->name); /* a diff_id is a claim, until the content was seen */
}

/* A blob that is no layer is a file of the name that its title gives it: two titles are two files. */
static bool same_name(const struct image_wanted *a, const struct image_wanted *b)
{
	return a->kind != IMAGE_LAYER_OTHER || span_eq(a->name, b->name);
}

/* Position of @w among what is wanted; an earlier argument's layer stands for it when its digest names it and it was
 * whole: a name alone means something else in every archive. */
static int want(struct image_run *run, const struct image_wanted *w, size_t *ret, struct err *err)
{
	const struct image_wanted *same_as = NULL;
	for (size_t i = 0; i < run->wanted_count; i++) {
		const struct image_wanted *have = run->wanted[i];
		bool stands = i >= run->wanted_from || (w->digest.n && have->read && have->trouble == LAYER_WHOLE);
		if (!stands || !same_blob(have, w))
			continue;
		if (same_name(have, w)) {
			*ret = i;
			return 0;
		}
		same_as = have->same_as ? have->same_as : have;
	}
	if (run->wanted_count == run->wanted_room) {
		size_t room = run->wanted_room ? 2 * run->wanted_room : 64;
		struct image_wanted **more = rf_realloc_array(run->wanted, room, sizeof(struct image_wanted *));
		if (!more)
			return no_memory(err);
		run->wanted = more;
		run->wanted_room = room;
	}
	struct image_wanted *copy = rf_alloc(sizeof *copy);
	if (!copy)
		return no_memory(err);
	*copy = *w;
	copy->same_as = same_as;
	*ret = run->wanted_count;
	run->wanted[run->wanted_count++] = copy;
	return 0;
}

static struct image_found *found_new(struct image_run *run, const char *name, struct err *err)
{
	if (run->image_count == IMAGE_RUN_MAX_IMAGES) {
		(void)err_set(err, RF_ETOOMANY, "more than %d images: name one with :TAG", IMAGE_RUN_MAX_IMAGES);
		return NULL;
	}
	struct image_found *f = arena_alloc(&run->arena, sizeof *f);
	if (f)
		f->image.reference = arena_printf(&run->arena, "%s%s", run->prefix, name);
	if (!f || !f->image.reference) {
		(void)no_memory(err);
		return NULL;
	}
	f->problem = "";
	*run->images_end = f;
	run->images_end = &f->next;
	run->image_count++;
	return f;
}

static void RF_PRINTF(4, 5) found_problem(struct image_run *run, struct image_found *f, enum layer_trouble trouble,
					  const char *format, ...)
{
	char text[512];
	va_list args;
	if (trouble <= f->trouble)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	const char *kept = arena_text(&run->arena, span_of(text));
	f->problem = kept ? kept : "";
	f->trouble = trouble;
}

/* ── Documents ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Fetches what @d names and verifies it. */
static int fetch(struct image_run *run, const struct image_descriptor *d, struct str *ret, struct err *err)
{
	struct digest is;
	char hex[DIGEST_HEX];
	str_reset(ret);
	int rc = run->source->document(run->source_data, d, ret, err);
	if (rc == 0)
		rc = str_check(ret, "a document of an image", err);
	if (rc)
		return rc;
	digest_of(str_span(ret), &is);
	if (!span_eq_text(span_from(d->digest, 7), digest_hex(&is, hex)))
		return err_set(err, RF_EVERIFY, "the document %.*s is sha256:%s: it was changed or damaged", SPAN_ARG(d->digest), hex);
	if (ret->n != d->size)
		return err_set(err, RF_EVERIFY, "the document %.*s has %zu bytes, its descriptor says %llu", SPAN_ARG(d->digest),
			       ret->n, (unsigned long long)d->size);
	return 0;
}

static bool is_image_config(struct span type)
{
	return type.n == 0 || span_eq_text(type, "application/vnd.oci.image.config.v1+json") ||
	       span_eq_text(type, "application/vnd.docker.container.image.v1+json");
}

static int config_read(struct image_run *run, const struct image_document *m, struct image_found *f, struct image_config *ret,
		       struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(IMAGE_MAX_DOCUMENT_BYTES);
	*ret = (struct image_config){ 0 };
	if (!is_image_config(m->config.media_type))
		return 0; /* an artifact: its blobs speak for themselves */
	int rc = fetch(run, &m->config, &bytes, err);
	if (rc == 0)
		rc = image_config_read(&run->arena, str_span(&bytes), ret, err);
	if (rc == RF_ENOMEM || rc == RF_ECANCELLED)
		return rc;
	if (rc) { /* the layers can be read without it */
		char text[480];
		found_problem(run, f, image_trouble_of(rc), "config: %s", err_render(err, text, sizeof text));
		if (err)
			*err = ERR_INIT;
	}
	return 0;
}

static void platform_check(struct image_run *run, struct image_found *f, const struct image_platform *listed,
			   const struct image_platform *config)
{
	char a[112], b[112];
	(void)image_platform_text(config->architecture.n ? config : listed, f->image.platform, sizeof f->image.platform);
	if (!image_platform_fits(listed, config))
		found_problem(run, f, LAYER_FORGED, "the list says it is for %s, its config for %s",
			      image_platform_text(listed, a, sizeof a), image_platform_text(config, b, sizeof b));
}

static int layers_want(struct image_run *run, const struct image_document *m, const struct image_config *config,
		       struct image_found *f, struct err *err)
{
	size_t tars = 0;
	f->layers = arena_array(&run->arena, m->count ? m->count : 1, sizeof *f->layers);
	if (!f->layers)
		return no_memory(err);
	for (size_t i = 0; i < m->count; i++)
		tars += m->entries[i].layer != IMAGE_LAYER_OTHER;
	bool paired = config->count == tars; /* else which diff_id is whose cannot be told */
	if (!paired && config->count)
		found_problem(run, f, LAYER_FORGED, "the manifest has %zu layers, the config %zu diff_ids", tars, config->count);
	tars = 0;
	for (size_t i = 0; i < m->count; i++) {
		const struct image_descriptor *d = &m->entries[i];
		struct image_wanted w = { .digest = d->digest, .size = d->size, .kind = d->layer, .foreign = d->foreign,
					  .name = d->title.n ? d->title : span_from(d->digest, 7) };
		if (d->layer != IMAGE_LAYER_OTHER && paired)
			w.diff_id = config->diff_ids[tars++];
		int rc = want(run, &w, &f->layers[f->layer_count++], err);
		if (rc)
			return rc;
		f->bytes += d->size;
	}
	return 0;
}

struct way {
	const struct image_platform *listed; /* by the list that names it */
	const struct digest *index;
	unsigned depth;
	bool named_by_digest; /* one of several: the reference alone does not tell which */
};

static int take_manifest(struct image_run *run, const struct image_document *m, struct span bytes, const char *name,
			 const struct way *way, struct err *err)
{
	struct digest digest;
	struct image_config config;
	char hex[DIGEST_HEX], full[512];
	static const struct image_platform none = { 0 };
	digest_of(bytes, &digest);
	if (way->named_by_digest) {
		struct span plain = span_sub(span_of(name), 0, span_find_byte(span_of(name), '@'));
		(void)snprintf(full, sizeof full, "%.*s@sha256:%s", SPAN_ARG(plain), digest_hex(&digest, hex));
		name = full;
	}
	struct image_found *f = found_new(run, name, err);
	if (!f)
		return err ? err->code : RF_ENOMEM;
	f->image.digest = digest;
	f->image.has_index = way->index != NULL;
	if (way->index)
		f->image.index = *way->index;
	f->layout = span_find(m->media_type, SPAN("vnd.docker.")) != SIZE_MAX ? "docker" : "oci";
	int rc = config_read(run, m, f, &config, err);
	if (rc)
		return rc;
	platform_check(run, f, way->listed ? way->listed : &none, &config.platform);
	return layers_want(run, m, &config, f, err);
}

static int take_document(struct image_run *run, struct span bytes, struct span media_type, const char *name,
			 const struct way *way, struct err *err);

static int take_descriptor(struct image_run *run, const struct image_descriptor *d, const char *name, const struct way *way,
			   struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(IMAGE_MAX_DOCUMENT_BYTES);
	int rc = fetch(run, d, &bytes, err);
	return rc ? rc : take_document(run, str_span(&bytes), d->media_type, name, way, err);
}

/* The only image that an index holds, whatever its platform; SIZE_MAX when there are several. */
static size_t only_entry(const struct image_document *index)
{
	size_t found = SIZE_MAX;
	for (size_t i = 0; i < index->count; i++) {
		if (index->entries[i].attestation)
			continue;
		if (found != SIZE_MAX)
			return SIZE_MAX;
		found = i;
	}
	return found;
}

/* Says of the images from @first on what else their list @digest names. An entry that gave no image of the list's own, a list
 * within it, counts as not looked at. */
static int index_unseen(struct image_run *run, const struct image_document *index, const struct digest *digest, size_t chosen,
			struct image_found *first, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(16 * KIB);
	size_t images = 0, entries = 0, more = 0;
	for (const struct image_found *f = first; f; f = f->next)
		images += f->image.has_index && digest_eq(&f->image.index, digest);
	for (size_t i = 0; i < index->count; i++) {
		char platform[112];
		const struct image_descriptor *d = &index->entries[i];
		entries += !d->attestation;
		if (d->attestation || run->o->all_platforms || i == chosen)
			continue;
		(void)image_platform_text(&d->platform, platform, sizeof platform);
		if (text.n < 400)
			str_addf(&text, "%s%s", text.n ? ", " : "", platform[0] ? platform : "an image without a platform");
		else if (!more++)
			str_add(&text, SPAN(" and more"));
	}
	if (images == entries)
		return 0;
	const char *unseen = !text.n ? arena_text(&run->arena, SPAN("a list within the list of platforms is known by itself only"))
				     : arena_printf(&run->arena, "not looked at: %s (`--platform all` looks at all)", str_text(&text));
	if (!unseen || text.failed)
		return no_memory(err);
	for (struct image_found *f = first; f; f = f->next)
		if (f->image.has_index && digest_eq(&f->image.index, digest))
			f->image.index_unseen = unseen;
	return 0;
}

static int take_index(struct image_run *run, const struct image_document *index, struct span bytes, const char *name,
		      const struct way *way, struct err *err)
{
	struct image_found **first = run->images_end;
	struct digest digest;
	struct image_platform wanted = run->o->platform.architecture.n ? run->o->platform : image_platform_here();
	size_t chosen = run->o->platform.architecture.n ? SIZE_MAX : only_entry(index);
	digest_of(bytes, &digest);
	int rc = chosen == SIZE_MAX && !run->o->all_platforms ? image_platform_choose(index, &wanted, &chosen, err) : 0;
	for (size_t i = 0; i < index->count && rc == 0; i++) {
		const struct image_descriptor *d = &index->entries[i];
		if (d->attestation || (!run->o->all_platforms && i != chosen))
			continue;
		struct way next = { .listed = &d->platform, .index = &digest, .depth = way->depth + 1,
				    .named_by_digest = way->named_by_digest || (run->o->all_platforms && only_entry(index) == SIZE_MAX) };
		rc = take_descriptor(run, d, name, &next, err);
	}
	return rc ? rc : index_unseen(run, index, &digest, chosen, *first, err);
}

static int take_document(struct image_run *run, struct span bytes, struct span media_type, const char *name,
			 const struct way *way, struct err *err)
{
	struct image_document d;
	int rc = image_document_read(&run->arena, bytes, media_type, &d, err);
	if (rc)
		return rc;
	if (d.kind == IMAGE_MANIFEST)
		return take_manifest(run, &d, bytes, name, way, err);
	if (way->depth >= IMAGE_MAX_INDEX_DEPTH)
		return err_set(err, RF_ETOOMANY, "indexes within indexes, more than %d deep", IMAGE_MAX_INDEX_DEPTH);
	return take_index(run, &d, bytes, name, way, err);
}

int image_run_document(struct image_run *run, struct span bytes, struct span media_type, const char *name, struct err *err)
{
	return take_document(run, bytes, media_type, name, &(struct way){ 0 }, err);
}

int image_run_descriptor(struct image_run *run, const struct image_descriptor *d, const char *name, struct err *err)
{
	return take_descriptor(run, d, name, &(struct way){ .listed = &d->platform }, err);
}

/* The 64 hex digits in a docker-archive's name of a config: "<hex>.json", "blobs/sha256/<hex>". */
static bool digest_in_name(struct span name, struct digest *ret)
{
	size_t slash = span_rfind_byte(name, '/');
	struct span base = slash == SIZE_MAX ? name : span_from(name, slash + 1);
	if (span_ends(base, ".json"))
		base.n -= 5;
	return digest_read(base, ret, NULL) == 0;
}

int image_run_saved(struct image_run *run, const struct image_saved *saved, struct span bytes, struct err *err)
{
	struct digest named;
	struct image_config config;
	char name[512], hex[DIGEST_HEX];
	struct digest digest;
	digest_of(bytes, &digest);
	if (saved->tag_count)
		(void)snprintf(name, sizeof name, ":%.*s", SPAN_ARG(saved->tags[0]));
	else
		(void)snprintf(name, sizeof name, "@sha256:%s", digest_hex(&digest, hex));
	struct image_found *f = found_new(run, name, err);
	if (!f)
		return err ? err->code : RF_ENOMEM;
	f->image.digest = digest;
	f->layout = "docker-archive";
	int rc = image_config_read(&run->arena, bytes, &config, err);
	if (rc)
		return err_prefix(err, "%.*s: ", SPAN_ARG(saved->config));
	(void)image_platform_text(&config.platform, f->image.platform, sizeof f->image.platform);
	if (digest_in_name(saved->config, &named) && !digest_eq(&named, &digest))
		found_problem(run, f, LAYER_FORGED, "the config %.*s is sha256:%s", SPAN_ARG(saved->config), digest_hex(&digest, hex));
	if (config.count != saved->layer_count)
		found_problem(run, f, LAYER_FORGED, "manifest.json has %zu layers, the config %zu diff_ids", saved->layer_count,
			      config.count);
	f->layers = arena_array(&run->arena, saved->layer_count ? saved->layer_count : 1, sizeof *f->layers);
	if (!f->layers)
		return no_memory(err);
	for (size_t i = 0; i < saved->layer_count && rc == 0; i++) {
		/* the archive is closed when the layers are reported */
		struct image_wanted w = { .name = arena_span(&run->arena, saved->layers[i]), .kind = IMAGE_LAYER_TAR };
		if (!w.name.p)
			return no_memory(err);
		if (config.count == saved->layer_count)
			w.diff_id = config.diff_ids[i];
		rc = want(run, &w, &f->layers[f->layer_count++], err);
	}
	return rc;
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

/* ── Reports ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct reporting {
	struct image_run *run;
	const struct image_found *found;
	scan_image_report *report;
	void *data;
	struct arena arena; /* of one report */
	struct scan_totals *totals;
	struct scan_sets sets; /* of the image at hand, over what is there in the end */
	uint64_t files;
	struct err *err;
};

static void count(struct scan_totals *t, const struct scan_file *f)
{
	t->engines += artifact_kind_is_engine(span_of(f->facts->kind));
	t->conflicts += f->facts->finding == ARTIFACT_CONFLICT;
	t->unknowns += f->facts->finding == ARTIFACT_UNKNOWN;
	t->errors += f->error;
}

static int on_inside(const struct scan_file *file, const char *link, void *data)
{
	struct reporting *r = data;
	struct scan_file f = *file;
	struct artifact_facts facts = *file->facts;
	arena_reset(&r->arena);
	f.path = arena_printf(&r->arena, "%s!/%s", r->found->image.reference, file->path);
	f.root = f.outer = r->found->image.reference;
	f.outer_digest = &r->found->image.digest;
	if (link && facts.note_count < ARTIFACT_MAX_NOTES) {
		facts.notes[facts.note_count] = arena_printf(&r->arena, "reached through a symbolic link to %s", link);
		if (!facts.notes[facts.note_count++])
			return no_memory(r->err);
	}
	f.facts = &facts;
	if (!f.path)
		return no_memory(r->err);
	f.inner = f.path + strlen(f.outer) + strlen(SCAN_MEMBER_MARK);
	r->files++;
	count(r->totals, &f);
	if (scan_sets_add(&r->sets, &f) < 0)
		return no_memory(r->err);
	return r->report(&r->found->image, &f, f.inner, r->data);
}

static int on_set(const struct scan_file *f, void *data)
{
	struct reporting *r = data;
	return r->report(&r->found->image, f, f->inner, r->data);
}

/* Engines, configurations and libraries may come from different layers: what belongs together is told of the whole. */
static int sets_report(struct reporting *r)
{
	const struct scan_image *image = &r->found->image;
	struct scan_container c = { .path = image->reference, .digest = &image->digest };
	int rc = scan_sets_report(&r->sets, image->reference, &c, on_set, r, r->totals);
	return rc == RF_ENOMEM ? no_memory(r->err) : rc;
}

static const struct {
	enum artifact_finding finding;
	const char *cause, *rule;
} troubles[] = {
	[LAYER_WHOLE] = { ARTIFACT_CLEAR, "", NULL },
	[LAYER_INCOMPLETE] = { ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE, "image_layer_incomplete" },
	[LAYER_ABSENT] = { ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_CONTENT_ABSENT, "image_layer_absent" },
	[LAYER_UNREADABLE] = { ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "image_layer_unreadable" },
	[LAYER_FORGED] = { ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "image_layer_digest" },
};

static void RF_PRINTF(3, 4) note(struct reporting *r, struct artifact_facts *f, const char *format, ...)
{
	char text[1600];
	va_list args;
	if (f->note_count == ARTIFACT_MAX_NOTES) {
		f->notes[ARTIFACT_MAX_NOTES - 1] = "more was found than is noted here";
		f->notes_dropped++;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	const char *kept = arena_text(&r->arena, span_of(text));
	if (kept)
		f->notes[f->note_count++] = kept;
}

static void trouble_take(struct artifact_facts *f, enum layer_trouble t, const char *rule)
{
	if (troubles[t].finding > f->finding) {
		f->finding = troubles[t].finding;
		f->cause = troubles[t].cause;
	}
	for (size_t i = 0; i < f->rule_count; i++)
		if (strcmp(f->rules[i], rule) == 0)
			return;
	if (f->rule_count < ARTIFACT_MAX_RULES)
		f->rules[f->rule_count++] = rule;
}

/* "linux-x86_64", as targets are written. */
static void target_of(const char *platform, char *ret, size_t size)
{
	struct span s = span_of(platform), os, architecture;
	if (!span_split(&s, '/', &os) || !span_split(&s, '/', &architecture))
		return;
	const char *name = span_eq_text(architecture, "amd64") ? "x86_64" : span_eq_text(architecture, "arm64") ? "aarch64" : NULL;
	if (name)
		(void)snprintf(ret, size, "%.*s-%s", SPAN_ARG(os), name);
	else
		(void)snprintf(ret, size, "%.*s-%.*s", SPAN_ARG(os), SPAN_ARG(architecture));
}

static void layers_judge(struct reporting *r, struct artifact_facts *f)
{
	const struct image_found *found = r->found;
	for (size_t i = 0; i < found->layer_count; i++) {
		const struct image_wanted *w = r->run->wanted[found->layers[i]];
		struct span name = w->digest.n ? span_sub(w->digest, 0, 19) : w->name;
		if (w->trouble == LAYER_WHOLE)
			continue;
		note(r, f, "layer %zu of %zu (%.*s): %s", i + 1, found->layer_count, SPAN_ARG(name), w->problem);
		trouble_take(f, w->trouble, troubles[w->trouble].rule);
	}
	if (found->trouble) {
		note(r, f, "%s", found->problem);
		trouble_take(f, found->trouble, found->trouble == LAYER_FORGED ? "image_config_mismatch" : "image_config_unreadable");
	}
}

static int image_report(struct reporting *r, uint64_t hidden)
{
	const struct image_found *found = r->found;
	struct artifact_facts facts = { .kind = ARTIFACT_CONTAINER_IMAGE, .layout = found->layout, .cause = "", .cc_major = -1, .cc_minor = -1,
					.size = found->bytes };
	arena_reset(&r->arena);
	target_of(found->image.platform, facts.target, sizeof facts.target);
	note(r, &facts, "%zu layers, %llu files of interest in the end", found->layer_count, (unsigned long long)r->files);
	if (hidden)
		note(r, &facts, "deleted or replaced by layers above, so not in the image's file system: %llu",
		     (unsigned long long)hidden);
	if (strcmp(found->layout, "docker-archive") == 0)
		note(r, &facts, "a docker-archive without a manifest: known by its config's digest, the image's ID");
	layers_judge(r, &facts);
	facts.second_look_from = facts.note_count;
	struct scan_file f = { .path = found->image.reference, .root = found->image.reference, .has_digest = true,
			       .digest = found->image.digest, .facts = &facts };
	count(r->totals, &f);
	return r->report(&found->image, &f, NULL, r->data);
}

static int tree_report(struct reporting *r)
{
	struct image_tree *t = image_tree_new();
	int rc = t ? 0 : RF_ENOMEM;
	for (size_t i = 0; i < r->found->layer_count && rc == 0; i++) {
		const struct image_layer *l = r->run->wanted[r->found->layers[i]]->layer;
		rc = l ? image_tree_lay(t, l) : 0;
	}
	if (rc == 0)
		rc = image_tree_each(t, on_inside, r);
	if (rc == 0)
		rc = sets_report(r);
	if (rc == 0)
		rc = image_report(r, image_tree_hidden(t));
	image_tree_free(t);
	return rc == RF_ENOMEM && !r->err->code ? no_memory(r->err) : rc;
}

static bool is_whole(const struct image_run *run, const struct image_found *f)
{
	for (size_t i = 0; i < f->layer_count; i++)
		if (run->wanted[f->layers[i]]->trouble != LAYER_WHOLE)
			return false;
	return f->trouble == LAYER_WHOLE;
}

/* A list of platforms is known whole when each of its images is. */
static void indexes_judge(struct image_run *run)
{
	for (const struct image_found *f = run->images; f; f = f->next) {
		if (!f->image.has_index || is_whole(run, f))
			continue;
		for (struct image_found *other = run->images; other; other = other->next)
			if (other != f && other->image.has_index && digest_eq(&other->image.index, &f->image.index) &&
			    !other->image.index_unseen)
				other->image.index_unseen = "the image for another platform could not be read whole";
	}
}

static int images_report(struct image_run *run, scan_image_report *report, void *data, struct scan_totals *totals, struct err *err)
{
	int rc = 0;
	struct reporting r = { .run = run, .report = report, .data = data, .totals = totals, .err = err,
			       .arena = ARENA_INIT(4 * MIB) };
	indexes_judge(run);
	for (const struct image_found *f = run->images; f && rc == 0; f = f->next) {
		r.found = f;
		r.files = 0;
		scan_sets_init(&r.sets);
		rc = tree_report(&r);
		scan_sets_release(&r.sets);
	}
	arena_release(&r.arena);
	for (size_t i = run->wanted_from; i < run->wanted_count; i++) {
		totals->files += run->wanted[i]->totals.files;
		totals->bytes_hashed += run->wanted[i]->totals.bytes_hashed;
	}
	return rc;
}

/* ── A root file system ──────────────────────────────────────────────────────────────────────────────────────────── */

/* The digest of what was found: a Merkle root over path and content, in the order of the paths. */
struct leaves {
	struct digest *list;
	size_t count, room;
};

static int on_leaf(const struct scan_file *f, const char *link, void *data)
{
	struct leaves *l = data;
	char hex[DIGEST_HEX];
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	(void)link;
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct digest *more = rf_realloc_array(l->list, room, sizeof *more);
		if (!more)
			return RF_ENOMEM;
		l->list = more;
		l->room = room;
	}
	str_addf(&text, "%s%c%s", f->path, '\0', f->has_digest ? digest_hex(&f->digest, hex) : "");
	digest_of(str_span(&text), &l->list[l->count++]);
	return text.failed;
}

static int rootfs_digest(const struct image_layer *layer, struct digest *ret)
{
	struct leaves leaves = { 0 };
	struct image_tree *t = image_tree_new();
	int rc = t ? image_tree_lay(t, layer) : RF_ENOMEM;
	if (rc == 0)
		rc = image_tree_each(t, on_leaf, &leaves);
	if (rc == 0)
		digest_merkle(leaves.list, leaves.count, ret);
	image_tree_free(t);
	rf_free(leaves.list);
	return rc;
}

static int rootfs_read(struct image_run *run, const char *folder, struct err *err)
{
	if (!fs_is_dir(folder))
		return err_set(err, RF_ENOTFOUND, "%s: no folder", folder);
	struct image_found *f = found_new(run, "", err);
	if (!f)
		return err->code;
	struct image_wanted w = { .name = span_of(folder), .kind = IMAGE_LAYER_TAR };
	f->layout = "rootfs";
	f->layers = arena_array(&run->arena, 1, sizeof *f->layers);
	int rc = f->layers ? want(run, &w, &f->layers[f->layer_count++], err) : no_memory(err);
	if (rc)
		return rc;
	struct image_wanted *kept = run->wanted[f->layers[0]];
	if (!kept->read)
		rc = image_folder_read(kept, folder, run->prefix, run->o->scan, err);
	if (rc == 0 && rootfs_digest(kept->layer, &f->image.digest) < 0)
		rc = no_memory(err);
	f->bytes = kept->totals.bytes_hashed;
	return rc;
}

/* ── A run ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct scan_images {
	struct scan_image_options o;
	struct image_run run;
};

struct scan_images *scan_images_new(const struct scan_image_options *o)
{
	struct scan_images *s = rf_alloc(sizeof *s);
	if (!s)
		return NULL;
	s->o = *o;
	s->run.o = &s->o;
	s->run.arena = ARENA_INIT(IMAGE_RUN_ARENA_BYTES);
	return s;
}

static void layers_forget(struct image_run *run)
{
	for (size_t i = 0; i < run->wanted_count; i++) {
		image_layer_free(run->wanted[i]->layer);
		rf_free(run->wanted[i]);
	}
	run->wanted_count = 0;
}

void scan_images_free(struct scan_images *s)
{
	if (!s)
		return;
	layers_forget(&s->run);
	rf_free(s->run.wanted);
	arena_release(&s->run.arena);
	rf_free(s);
}

void scan_images_freep(struct scan_images **s)
{
	scan_images_free(*s);
	*s = NULL;
}

static const struct image_source *source_of(const char *argument)
{
	for (size_t i = 0; image_sources[i]; i++)
		if (span_starts(span_of(argument), image_sources[i]->scheme))
			return image_sources[i];
	return NULL;
}

bool scan_image_is(const char *argument)
{
	return source_of(argument) || span_starts(span_of(argument), ROOTFS) || image_layout_is(argument) ||
	       image_reference_is(argument);
}

static int source_scan(struct image_run *run, const struct image_source *source, const char *rest, struct err *err)
{
	run->source = source;
	run->source_data = NULL;
	int rc = source->open(run, rest, &run->source_data, err);
	if (rc == 0)
		rc = blobs_read(run, err);
	if (rc == 0)
		rc = titles_read(run, err);
	if (run->source_data)
		source->close(run->source_data);
	return rc;
}

static int argument_scan(struct image_run *run, const char *argument, struct err *err)
{
	const struct image_source *source = source_of(argument);
	run->images = NULL;
	run->images_end = &run->images;
	run->image_count = 0;
	run->prefix = argument;
	if (run->wanted_count > KEEP_LAYERS || run->arena.used_bytes > IMAGE_RUN_ARENA_BYTES / 2) {
		layers_forget(run);
		arena_reset(&run->arena);
	}
	run->wanted_from = run->wanted_count;
	if (span_starts(span_of(argument), ROOTFS))
		return rootfs_read(run, argument + sizeof ROOTFS - 1, err);
	if (source)
		return source_scan(run, source, argument + strlen(source->scheme), err);
	if (image_layout_is(argument))
		return source_scan(run, &image_source_oci, argument, err);
	return source_scan(run, &image_source_registry, argument, err);
}

int scan_image(struct scan_images *s, const char *argument, scan_image_report *report, void *data,
	       struct scan_totals *ret_totals, struct err *err)
{
	struct err none = ERR_INIT;
	struct scan_totals totals = { 0 };
	if (!err)
		err = &none;
	if (s->o.scan && s->o.scan->no_digest)
		return err_set(err, RF_EINVALID, "an image's content is known by its digests: it cannot be scanned without them");
	int rc = argument_scan(&s->run, argument, err);
	if (rc == 0)
		rc = images_report(&s->run, report, data, &totals, err);
	if (rc == 0 && ret_totals)
		*ret_totals = totals;
	return rc;
}
