/*
 * kind - the toolchains this program knows: name, product, driver program, engine file.
 *
 * Pure. May use base/ only. Adding a toolchain is one row in kind.c and one folder below toolchains/.
 */
#ifndef REFORGE_BUILD_KIND_H
#define REFORGE_BUILD_KIND_H

#include "base/err.h"
#include "base/span.h"

struct toolchain_kind {
	const char *name;            /* "onnxruntime": the word in recipes and in reforge.yaml */
	const char *product;         /* purl of what compiles; NULL for `command`, whose recipes name theirs */
	const char *driver;          /* file name of the driver program; NULL: must be given in reforge.yaml */
	const char *engine_file;     /* name of an engine in a release unless the recipe's args choose another */
	const char *scheme;          /* version scheme of the product (version/) */
	bool sessions;               /* the driver keeps an engine open between iterations */
	bool reads_models;           /* opens ONNX, .ort and plans, and nothing else */
	bool needs_library;          /* reforge.yaml must name a library; else the driver may look in PATH */
};

/* NULL for a name no row has. */
const struct toolchain_kind *toolchain_kind_find(struct span name);
/* For whom the product matters (an exposure's builder): NULL for a purl no row has. */
const struct toolchain_kind *toolchain_kind_of_product(struct span purl);
/* Row @i, NULL past the last: for help texts and completions. */
const struct toolchain_kind *toolchain_kind_at(size_t i);

/* File name of an engine inside a release for a recipe's build args: "model.onnx", "model.ort", "model.plan". Static. */
const char *toolchain_kind_engine_file(const struct toolchain_kind *kind, const char *const *args, size_t arg_count);

#endif
