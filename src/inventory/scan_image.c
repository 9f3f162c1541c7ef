/* Images: arguments to sources, and a run over them. See scan_image.h; sources are in scan_image_*.c. */
#include "inventory/scan_image_int.h"

#include "base/fs.h"

/* What is kept of layers between arguments; beyond that they are read again. */
#define KEEP_LAYERS 4096

static const struct image_source *const image_sources[] = { &image_source_oci, &image_source_oci_archive,
							    &image_source_docker_archive, &image_source_registry, NULL };
#define ROOTFS "rootfs:"

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "no memory for the documents of an image");
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
	struct image_found *f = image_found_new(run, "", err);
	if (!f)
		return err->code;
	struct image_wanted w = { .name = span_of(folder), .kind = IMAGE_LAYER_TAR };
	f->layout = "rootfs";
	f->layers = arena_array(&run->arena, 1, sizeof *f->layers);
	int rc = f->layers ? image_want(run, &w, &f->layers[f->layer_count++], err) : no_memory(err);
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
		rc = image_run_read(run, err);
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

/* @is_found: what cannot be read is RF_EUNREADABLE. */
static int images_scan(struct scan_images *s, const char *argument, bool is_found, scan_image_report *report, void *data,
		       struct scan_totals *ret_totals, struct err *err)
{
	struct err none = ERR_INIT;
	struct scan_totals totals = { 0 };
	if (!err)
		err = &none;
	if (s->o.scan && s->o.scan->no_digest)
		return err_set(err, RF_EINVALID, "an image's content is known by its digests: it cannot be scanned without them");
	int rc = argument_scan(&s->run, argument, err);
	if (rc && is_found && rc != RF_ENOMEM && rc != RF_ECANCELLED)
		return err->code = RF_EUNREADABLE;
	if (rc == 0)
		rc = image_run_report(&s->run, report, data, &totals, err);
	if (rc == 0 && ret_totals)
		*ret_totals = totals;
	return rc;
}

int scan_image(struct scan_images *s, const char *argument, scan_image_report *report, void *data,
	       struct scan_totals *ret_totals, struct err *err)
{
	return images_scan(s, argument, false, report, data, ret_totals, err);
}

int scan_image_found(struct scan_images *s, const char *argument, scan_image_report *report, void *data,
		     struct scan_totals *ret_totals, struct err *err)
{
	return images_scan(s, argument, true, report, data, ret_totals, err);
}
