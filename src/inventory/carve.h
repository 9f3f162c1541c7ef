/*
 * carve - engines inside of other formats' values: byte strings of pickles (torch2trt, torch-tensorrt), attributes of
 * ONNX nodes (EPContext models of ONNX Runtime).
 *
 * Pure: bytes in by an artifact_source, places of engines out by a callback; nothing is unpickled, no object is built.
 * May use base/ only. Every reader goes forward only, keeps 64 KiB, and takes time in proportion to the bytes read.
 *
 * Layouts: Python's Lib/pickletools.py (protocols 0 to 5); onnx.proto3; onnxruntime
 * core/providers/tensorrt/onnx_ctx_model_helper.h; pytorch/TensorRT core/runtime/register_jit_hooks.cpp (engines as raw
 * or, later, base64 strings); NVIDIA-AI-IOT/torch2trt torch2trt/trt_module.py (a bytearray).
 */
#ifndef REFORGE_INVENTORY_CARVE_H
#define REFORGE_INVENTORY_CARVE_H

#include "inventory/artifact.h"

enum carve_encoding {
	CARVE_RAW,
	/* Each byte is a code point below 256, written as UTF-8: Python's protocols 0 to 2 have no bytes, so bytes and
	 * bytearrays are pickled as such a text. */
	CARVE_LATIN1,
	CARVE_BASE64,
};

/* A value that begins like an engine. */
struct carve_part {
	uint64_t offset, bytes; /* in the source, encoded */
	enum carve_encoding encoding;
	const char *what; /* "bytes", "ep_cache_context"; static */
};

struct carve {
	/* May read the part with carve_decoder_read() while it runs. A non-zero answer ends the walk and is returned.
	 * NULL: nobody is told. */
	int (*part)(const struct artifact_source *src, const struct carve_part *part, void *data);
	/* An EPContext node that names a file beside the model (embed_mode 0). NULL: nobody is told. */
	int (*reference)(struct span file_name, void *data);
	void *data;
};

/* Walks pickles, one behind the other. 0; RF_EFORMAT with offset: an opcode that no protocol has; RF_ETRUNCATED with
 * offset: the source ends inside; RF_EUNSUPPORTED with offset: an engine in a text of protocol 0; RF_EIO and others of the
 * source; what a callback returned. */
RF_MUST_CHECK int carve_pickle(const struct artifact_source *src, const struct carve *c, struct err *err);
/* Walks the nodes of a model's graphs, subgraphs and functions. As above; RF_ETOOMANY: graphs nested deeper than
 * MODEL_MAX_SUBGRAPH_DEPTH. */
RF_MUST_CHECK int carve_onnx(const struct artifact_source *src, const struct carve *c, struct err *err);

/* A part's own bytes, in order. */
struct carve_decoder {
	const struct artifact_source *src;
	struct carve_part part;
	uint64_t at; /* in the source */
	unsigned char in[32 * KIB];
	size_t in_at, in_n;
	unsigned char carry[3];
	size_t carry_n;
	bool end;
};
void carve_decoder_init(struct carve_decoder *d, const struct artifact_source *src, const struct carve_part *part);
/* Up to @n bytes; *ret_n of 0 at the end. RF_EFORMAT: not in that encoding; RF_ETRUNCATED; errors of the source. */
RF_MUST_CHECK int carve_decoder_read(struct carve_decoder *d, void *buffer, size_t n, size_t *ret_n, struct err *err);

/* ── For the readers ────────────────────────────────────────────────────────────────────────────────────────────── */

#define CARVE_WINDOW_BYTES (64 * KIB)
struct carve_cursor {
	const struct artifact_source *src;
	const struct carve *c;
	struct err *err;
	uint64_t window_at;
	size_t window_n;
	int failed; /* of the source; later reads give nothing */
	bool cut;   /* a value went on behind the end of what holds it */
	uint64_t cut_at;
	unsigned char window[CARVE_WINDOW_BYTES];
};
/* *ret_n: how many of @n (at most CARVE_WINDOW_BYTES) bytes at @at there are. Goes forward only: @at never lies before
 * that of an earlier call by more than the window. */
const unsigned char *carve_peek(struct carve_cursor *k, uint64_t at, size_t n, size_t *ret_n);
/* Is that how an engine of at most @most bytes begins, as it is or in base64? */
bool carve_begins_engine(const unsigned char *p, size_t n, uint64_t most);
/* Tells the callback about a value when it begins like an engine, as it is or in base64. @text: it is a text, which may be
 * one in Latin-1 too. *ret_told (may be NULL): it did. */
RF_MUST_CHECK int carve_value(struct carve_cursor *k, uint64_t at, uint64_t bytes, bool text, const char *what,
			      bool *ret_told);

#endif
