/*
 * files - what the demonstration's programs write: golden inputs in the layout of src/prove/prove.h.
 *
 * May use base, format.
 */
#ifndef REFORGE_DEMO_FILES_H
#define REFORGE_DEMO_FILES_H

#include "base/err.h"
#include "format/npy.h"

/* FOLDER/<case>/<index>.npy; folders are made. @t->data may be of any alignment. */
RF_MUST_CHECK int files_put_tensor(const char *folder, const char *name, size_t index, const struct npy *t, struct err *err);
/* Writes @t to @path; not made durable: a set-up that was cut is done again. */
RF_MUST_CHECK int files_put_npy(const char *path, const struct npy *t, struct err *err);
/* FOLDER/inputs.json with the model's input names. */
RF_MUST_CHECK int files_put_inputs(const char *folder, const char *model, const struct span *names, size_t n, const char *note,
                                   struct err *err);
/* A tensor of float32 over @values, which stay the caller's. */
struct npy files_floats(const float *values, unsigned rank, const uint64_t *shape);
/* Prints an error of a program and gives its exit status. */
int files_fail(const char *program, int rc, const struct err *err);

#endif
