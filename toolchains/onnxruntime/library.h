/*
 * library - one libonnxruntime.so, opened: its version, its functions, its environment.
 *
 * A library is never closed again: ONNX Runtime keeps threads and thread-local destructors that outlive dlclose().
 */
#ifndef REFORGE_ORT_LIBRARY_H
#define REFORGE_ORT_LIBRARY_H

#include "base/err.h"
#include "driver.h"
#include "ort_api.h"

struct ort {
	struct ort_functions call;      /* later slots are NULL where the library is older */
	struct ort_env *env;
	struct ort_allocator *allocator;
	struct ort_memory_info *memory;
	struct driver *driver;          /* its log gets ONNX Runtime's warnings */
	char version[32];               /* "1.20.1" */
	uint32_t api;                   /* 20 */
};

/* RF_ENOTFOUND: no file there; RF_EINVALID: it does not load, or is no ONNX Runtime; RF_EUNSUPPORTED: older than API 12;
 * RF_EPROCESS: the library refuses to start. */
RF_MUST_CHECK int ort_open(const char *path, struct driver *driver, struct ort *ret, struct err *err);
void ort_close(struct ort *o);

/* 0 for NULL; else releases @status and returns an error with ONNX Runtime's own words: "ONNX Runtime 1.18.0: …". */
RF_MUST_CHECK int ort_check(const struct ort *o, struct ort_status *status, struct err *err);
/* Frees what ONNX Runtime allocated for us; NULL is fine. */
void ort_free(const struct ort *o, void *p);

#endif
