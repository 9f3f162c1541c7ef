/*
 * build - one ONNX model into an optimised .onnx or an .ort file, stamped.
 */
#ifndef REFORGE_ORT_BUILD_H
#define REFORGE_ORT_BUILD_H

#include "library.h"

/* protobuf's own limit for one message. */
#define BUILD_MAX_MODEL ((size_t)0x7fffffff)

/* The operation `build` of docs/toolchain-driver.md. RF_EEXISTS: the engine's path is taken; RF_ECONFLICT: this machine is
 * not the target; RF_EINVALID: an arg that is unknown; RF_EFULL; RF_EVERIFY: the stamp is not in the result; errors of
 * stamp.h and of ONNX Runtime. On failure no file is left at the engine's path. */
RF_MUST_CHECK int build_operation(const struct ort *ort, struct json request, struct json_out *reply, struct err *err);

#endif
