/* Images: documents to the layers that are wanted. See scan_image.h. */
#include "inventory/scan_image_int.h"

#include <stdarg.h>

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "no memory for the documents of an image");
}

/* ── What is wanted ──────────────────────────────────────────────────────────────────────────────────────────────── */

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
int image_want(struct image_run *run, const struct image_wanted *w, size_t *ret, struct err *err)
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

struct image_found *image_found_new(struct image_run *run, const char *name, struct err *err)
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
		int rc = image_want(run, &w, &f->layers[f->layer_count++], err);
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
	struct image_found *f = image_found_new(run, name, err);
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
	struct image_found *f = image_found_new(run, name, err);
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
		rc = image_want(run, &w, &f->layers[f->layer_count++], err);
	}
	return rc;
}
