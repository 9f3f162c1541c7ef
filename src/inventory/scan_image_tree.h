/*
 * scan_image_tree - the file system that an image's layers give when they lie over each other.
 *
 * Pure. May use base/, crypto/ (digests as values), artifact.h, scan.h.
 *
 *   layer_mark(), layer_link()   while a layer is read: what it sets, replaces and takes away
 *   layer_report()               ... and what in it is worth to be known: engines, runtimes, package databases, findings
 *   layer_text(), layer_numbers() ... and what those are judged by: configurations of Triton's models, their version folders
 *   image_tree_lay(layer)        lowest first: whiteouts, opaque folders, replaced files (OCI image-spec, "layer.md")
 *   image_tree_each()            what is there in the end, links to it included
 *
 * Of a path that only stands in the way of others nothing is kept but a keyed hash, 16 bytes: a layer of 300,000 files
 * costs 5 MiB. A layer is independent of the image it is part of, so one that several images share is read once.
 *
 * Paths are normal: no '/' at either end, no empty part, no ".", no "..". A path through a symbolic link of a lower layer
 * is not followed to the folder behind it, since runtimes differ in that; so nothing is taken for deleted that may be there.
 */
#ifndef REFORGE_INVENTORY_SCAN_IMAGE_TREE_H
#define REFORGE_INVENTORY_SCAN_IMAGE_TREE_H

#include "inventory/scan.h"

/* Of one layer: what is kept of its members, and the paths of links. */
#define IMAGE_LAYER_ARENA_BYTES (512 * MIB)
#define IMAGE_TREE_ARENA_BYTES (256 * MIB)
/* In a chain, as Linux allows. */
#define IMAGE_TREE_MAX_LINKS 40

/* @name as stored in an archive, made normal into @buffer of @size. RF_EINVALID with the rule: it leads out of the image
 * ("../x"), names nothing but its root is 0 with ""; RF_ETOOBIG. */
RF_MUST_CHECK int image_path_normal(struct span name, char *buffer, size_t size, struct err *err);

enum layer_mark {
	LAYER_FOLDER = 1,    /* a folder: what lower layers have in it stays */
	LAYER_FILE = 2,      /* anything else: replaces what was there, folders with all in them */
	LAYER_WHITEOUT = 4,  /* of lower layers nothing is left there */
	LAYER_OPAQUE = 8,    /* of lower layers nothing is left in that folder */
};

/* Two threads may fill a layer at once: one calls layer_mark() and layer_link(), the other layer_report(). */
struct image_layer;
struct image_layer *image_layer_new(void); /* NULL: out of memory */
void image_layer_free(struct image_layer *l);
RF_MUST_CHECK int layer_mark(struct image_layer *l, struct span path, enum layer_mark what);
/* A symbolic (to @target as stored) or hard link (to the normal path @target); marks its own path too. */
RF_MUST_CHECK int layer_link(struct image_layer *l, struct span path, struct span target, bool hard);
/* A small file whose text is asked for later: the configuration of a model. @text SPAN_NONE: it cannot be had, @problem says
 * why; static. By the thread that calls layer_mark(). RF_ENOMEM. */
RF_MUST_CHECK int layer_text(struct image_layer *l, struct span path, struct span text, const char *problem);
bool layer_is_config(struct span path); /* "M/config.pbtxt" */
/* Folders on the way to the member at @path whose names are numbers: versions of models. @is_folder: it is one itself. RF_ENOMEM. */
RF_MUST_CHECK int layer_numbers(struct image_layer *l, struct span path, bool is_folder);
/* Of one layer; with more, which there are is not told. */
#define IMAGE_LAYER_MAX_NUMBERS 100000
/* A member was reported. @path: within the layer; its first @place bytes are a place in the layer, the rest, "!/…", leads
 * into an archive there, whose own report comes behind those of its members. @f: what is kept, copied; NULL: it is not
 * worth that. A second member at one place, which replaces the first when it is unpacked, does so here. */
RF_MUST_CHECK int layer_report(struct image_layer *l, struct span path, size_t place, const struct scan_file *f);
/* A layer like @from, which holds one file, under another name. RF_ENOMEM. */
RF_MUST_CHECK int image_layer_renamed(const struct image_layer *from, struct span name, struct image_layer **ret);
/* All was given: sorts the marks. RF_ENOMEM. */
RF_MUST_CHECK int image_layer_close(struct image_layer *l);

struct image_tree;
struct image_tree *image_tree_new(void); /* NULL: out of memory */
void image_tree_free(struct image_tree *t);
/* The next layer upwards; @l must outlive the tree. RF_ENOMEM. */
RF_MUST_CHECK int image_tree_lay(struct image_tree *t, const struct image_layer *l);
/* The text at @path as the layers leave it. 0; RF_ENOTFOUND; RF_EUNREADABLE with @problem. */
RF_MUST_CHECK int image_tree_text(const struct image_tree *t, struct span path, struct span *ret, const char **problem);
/* Names each folder of layer_numbers() that is left in @folder. What @visit returns other than 0 ends it and is returned;
 * RF_ETOOMANY: not all are known. */
RF_MUST_CHECK int image_tree_folders(const struct image_tree *t, struct span folder, int (*visit)(struct span name, void *data),
				     void *data);
/* How much was kept of lower layers and is not there any more: deleted, replaced. */
uint64_t image_tree_hidden(const struct image_tree *t);
/* Every kept report that is there, by path in byte order, each link to one of them as well: then @link is what the
 * symbolic link leads to, else NULL. @f has the path within the image. Non-zero from @visit ends it and is returned;
 * RF_ENOMEM. */
RF_MUST_CHECK int image_tree_each(struct image_tree *t, int (*visit)(const struct scan_file *f, const char *link, void *data),
				  void *data);

#endif
