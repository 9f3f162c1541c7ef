/*
 * External data: weights in a file beside the model, named by the model. Source: onnx docs, ExternalData.md ("location
 * (required) - file path relative to the filesystem directory where the ONNX protobuf model was stored. Up-directory
 * path components such as .. are disallowed"); security.md (links).
 */
#include "inventory/model_int.h"

#include "base/fs.h"

/* ONNX Runtime's mark for weights that a caller left in memory: the offset is then an address
 * (kTensorProtoMemoryAddressTag in framework/tensorprotoutils.h). Of a file it would be the reader's own memory. */
#define MEMORY_MARK "*/_ORT_MEM_ADDR_"

static bool is_separator(char c)
{
	return c == '/' || c == '\\';
}

/* Absolute on any system that may read it, a URL, up out of the folder, or a folder itself ("." and what ends with "/"). */
static bool escapes(struct span s)
{
	if (s.n == 0 || is_separator(s.p[0]) || (s.n > 1 && s.p[1] == ':') || span_find_byte(s, '\0') != SIZE_MAX ||
	    span_find(s, SPAN("://")) != SIZE_MAX)
		return true;
	for (size_t from = 0, i = 0; i <= s.n; i++) {
		if (i < s.n && !is_separator(s.p[i]))
			continue;
		if (i - from == 2 && s.p[from] == '.' && s.p[from + 1] == '.')
			return true;
		if (i == s.n && (i == from || (i - from == 1 && s.p[from] == '.')))
			return true;
		from = i + 1;
	}
	return false;
}

/* What lies there; each location is looked at once. NULL: cannot be told. */
static const struct artifact_beside *look(struct model *m, struct span location, uint64_t at)
{
	const struct artifact_source *src = m->r->src;
	struct artifact_beside *seen = map_get(&m->files, location);
	if (seen)
		return seen;
	if (!src->beside) {
		model_object(m, MODEL_EXTERNAL_DATA_UNSEEN, at, "%s", model_show(location));
		return NULL;
	}
	if (m->files.count == MODEL_MAX_EXTERNAL_FILES) {
		model_object(m, MODEL_OVER_LIMIT, at, "more than %d files with external data",
			     MODEL_MAX_EXTERNAL_FILES);
		return NULL;
	}
	const char *name = arena_text(&m->texts, location);
	seen = arena_alloc(&m->texts, sizeof *seen);
	if (!name || !seen || map_set(&m->files, location, seen) < 0) {
		m->r->failed = RF_ENOMEM;
		return NULL;
	}
	*seen = src->beside(src->data, name);
	return seen;
}

static void bounds_judge(struct model *m, const struct model_external *e, struct span location, uint64_t size,
			 uint64_t bytes, uint64_t at)
{
	uint64_t offset = e->has_offset ? e->offset : 0;
	uint64_t length = e->has_length ? e->length : bytes;
	if (bytes != UINT64_MAX && e->has_length && e->length != bytes)
		model_object(m, MODEL_TENSOR_SIZE_MISMATCH, at, "%s: %llu bytes of external data, the tensor has %llu",
			     model_show(location), (unsigned long long)e->length, (unsigned long long)bytes);
	else if (offset > size || (length != UINT64_MAX && length > size - offset))
		model_object(m, MODEL_EXTERNAL_DATA_BOUNDS, at, "%s: bytes %llu to %llu of a file of %llu",
			     model_show(location), (unsigned long long)offset,
			     (unsigned long long)(length > UINT64_MAX - offset ? UINT64_MAX : offset + length),
			     (unsigned long long)size);
}

static void file_judge(struct model *m, const struct model_external *e, struct span location, uint64_t bytes,
		       uint64_t at)
{
	const struct artifact_beside *b = look(m, location, at);
	if (!b)
		return;
	switch (b->kind) {
	case ARTIFACT_BESIDE_LINK:
		model_object(m, MODEL_EXTERNAL_DATA_LINK, at, "%s is reached through a symbolic link",
			     model_show(location));
		break;
	case ARTIFACT_BESIDE_ABSENT:
		model_object(m, MODEL_EXTERNAL_DATA_MISSING, at, "%s is not there", model_show(location));
		break;
	case ARTIFACT_BESIDE_OTHER:
		model_object(m, MODEL_EXTERNAL_DATA_MISSING, at, "%s is no regular file, or cannot be looked at",
			     model_show(location));
		break;
	case ARTIFACT_BESIDE_FILE:
		if (b->hardlinks > 1)
			model_object(m, MODEL_EXTERNAL_DATA_HARDLINK, at, "%s has %llu names in its file system",
				     model_show(location), (unsigned long long)b->hardlinks);
		bounds_judge(m, e, location, b->size, bytes, at);
		break;
	}
}

void model_external_judge(struct model *m, const struct model_external *e, uint64_t bytes, uint64_t at)
{
	const struct model_name *n = e->location ? &m->names.list[e->location] : NULL;
	struct span location = n ? span_bytes(n->p, n->n) : SPAN_NONE;
	if (m->full)
		return;
	if (span_starts(location, MEMORY_MARK))
		model_object(m, MODEL_EXTERNAL_DATA_ADDRESS, at, "%s names an address, %llu", model_show(location),
			     (unsigned long long)(e->has_offset ? e->offset : 0));
	else if (escapes(location))
		model_object(m, MODEL_EXTERNAL_DATA_ESCAPES, at, "%s",
			     location.n ? model_show(location) : "no location is given");
	else
		file_judge(m, e, location, bytes, at);
}
