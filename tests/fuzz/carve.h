/* Shared by the carving targets: reads every part that is told, as a scan does. */
#ifndef REFORGE_FUZZ_CARVE_H
#define REFORGE_FUZZ_CARVE_H

#include "inventory/carve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_carve {
	size_t size;
	unsigned parts;
};

static inline int fuzz_part(const struct artifact_source *src, const struct carve_part *part, void *data)
{
	struct fuzz_carve *f = data;
	struct carve_decoder d;
	char buffer[512];
	uint64_t all = 0;
	size_t n = 1;
	if (part->offset > f->size || part->bytes > f->size - part->offset)
		abort(); /* a part lies in its file */
	carve_decoder_init(&d, src, part);
	while (n && carve_decoder_read(&d, buffer, sizeof buffer, &n, NULL) == 0)
		all += n;
	if (all > part->bytes)
		abort(); /* no encoding makes more bytes than it has */
	return ++f->parts > 64;
}

static inline int fuzz_reference(struct span name, void *data)
{
	(void)data;
	return name.n == 0;
}

static inline void fuzz_carve(const uint8_t *data, size_t size,
			      int (*walk)(const struct artifact_source *, const struct carve *, struct err *))
{
	struct fuzz_carve f = { size, 0 };
	struct carve c = { fuzz_part, fuzz_reference, &f };
	struct artifact_source src = artifact_source_bytes(span_bytes(data, size));
	struct err err = ERR_INIT;
	int rc = walk(&src, &c, &err);
	if (rc < 0 && (err.code != rc || err.offset > (int64_t)size))
		abort(); /* what is wrong is said, with a place inside */
}

#endif
