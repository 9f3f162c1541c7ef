/*
 * scan_image_layer - one layer of an image: unpacked, verified, looked into, while its blob comes in.
 *
 * May use base/, crypto/, format/, scan_member.h, scan_image_tree.h.
 *
 *   blob ─► pipe ─► [gzip, zstd] ─► pipe ─► diff_id, tar ─► scan_members() ─► image_layer
 *           the source's thread     a thread of its own     another           the caller's
 *
 * Each arrow is a thread, so that unpacking, hashing what was unpacked, and hashing the members overlap. Which of gzip, zstd or
 * none it is the blob's first bytes say: media types are words, and the digests hold either way.
 */
#ifndef REFORGE_INVENTORY_SCAN_IMAGE_LAYER_H
#define REFORGE_INVENTORY_SCAN_IMAGE_LAYER_H

#include "format/image.h"
#include "inventory/scan_image_pipe.h"
#include "inventory/scan_image_tree.h"

/* What is wrong with a layer; the image's finding. In the order of their weight. */
enum layer_trouble {
	LAYER_WHOLE = 0,
	LAYER_INCOMPLETE, /* over a limit of ours: unknown, incomplete */
	LAYER_ABSENT,     /* not kept here (foreign), or gone: unknown, content_absent */
	LAYER_UNREADABLE, /* damaged, cut off, encrypted, a path out of the image: unknown, unreadable */
	LAYER_FORGED,     /* another content than its digest, diff_id or size says: conflict, header_mismatch */
};

struct image_wanted {
	struct span digest;  /* "sha256:…" of the blob; empty: not known (docker-archive) */
	struct span diff_id; /* of what is unpacked; empty: not known */
	uint64_t size;       /* of the blob; with a digest only */
	struct span name;    /* docker-archive: the member's; an artifact's blob: what it is called inside of the image */
	enum image_layer_kind kind;
	bool foreign;
	const struct image_wanted *same_as; /* the same blob under another title: read once; NULL */
	/* result */
	struct image_layer *layer; /* NULL until it was read */
	enum layer_trouble trouble;
	char problem[1400]; /* "" when whole */
	bool read;          /* was looked into, whole or not */
	struct digest blob; /* as read; set by the source before its stream ends */
	struct scan_totals totals;
};
/* Notes what is wrong; a heavier trouble replaces a lighter one. */
void image_wanted_problem(struct image_wanted *w, enum layer_trouble trouble, const char *format, ...) RF_PRINTF(3, 4);
/* The trouble that an error of reading is. */
enum layer_trouble image_trouble_of(int rc);

/*
 * Reads one layer out of @in, to the end of its stream, and fills @w's result. @image: in front of paths that are shown while
 * it is read. What is wrong with the layer is a result, too; fails with RF_ENOMEM, RF_ECANCELLED, RF_EIO (no thread).
 */
RF_MUST_CHECK int image_layer_read(struct image_wanted *w, struct scan_pipe *in, const char *image,
				   const struct scan_options *o, struct err *err);

/* A folder that holds a root file system, as one layer: files are read, links are kept, nothing outside is followed. */
RF_MUST_CHECK int image_folder_read(struct image_wanted *w, const char *folder, const char *image,
				    const struct scan_options *o, struct err *err);

#endif
