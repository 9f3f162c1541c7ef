/*
 * stamp - the toolchain's name written into a model before it is built.
 *
 * Pure. ONNX Runtime files do not record what built them; metadata_props of the source model survive into both the
 * optimised .onnx and the .ort file (measured, 1.12 to 1.30), so the stamp goes there. ModelProto field 14 is a repeated
 * StringStringEntryProto {key = 1, value = 2}; protobuf concatenates, so a stamp is bytes behind the model.
 * Source: onnx.proto (ONNX 1.12), protobuf encoding (protobuf.dev/programming-guides/encoding).
 */
#ifndef REFORGE_ORT_STAMP_H
#define REFORGE_ORT_STAMP_H

#include "base/err.h"
#include "base/str.h"

#define STAMP_PREFIX "reforge."
#define STAMP_MAX_TEXT 1024

struct stamp { struct span key, value; };

/*
 * Appends to @ret the model without stamps of an earlier build (keys that begin with "reforge.", which would otherwise stand
 * beside ours), then @stamps. Walks the fields of the top level: a model cut short or with bytes that are no field is found
 * here, with its offset, and not by what the toolchain makes of it.
 *
 * RF_ETRUNCATED (empty), RF_EFORMAT with the offset (cut short, a field no ModelProto has, no graph), RF_EINVALID (a key without the prefix, a text past
 * STAMP_MAX_TEXT), RF_ETOOBIG, RF_ENOMEM (of @ret).
 */
RF_MUST_CHECK int stamp_model(struct span model, const struct stamp *stamps, size_t count, struct str *ret, struct err *err);

#endif
