/* reforge's own stamp in metadata_props: what ONNX Runtime's files do not record by themselves (design 6.4). */
#include "inventory/artifact_int.h"

static const struct {
	const char *key;
	size_t at; /* of the span in struct artifact_stamp */
} keys[] = {
	{ ARTIFACT_STAMP_TOOLCHAIN, offsetof(struct artifact_stamp, toolchain) },
	{ ARTIFACT_STAMP_VERSION, offsetof(struct artifact_stamp, version) },
	{ ARTIFACT_STAMP_TARGET, offsetof(struct artifact_stamp, target) },
	{ ARTIFACT_STAMP_RECIPE, offsetof(struct artifact_stamp, recipe) },
	{ ARTIFACT_STAMP_BUILD, offsetof(struct artifact_stamp, build) },
	{ ARTIFACT_STAMP_SOURCE, offsetof(struct artifact_stamp, source) },
};

/* A stamp's values are names, versions, digests: anything else in one is not ours. */
static bool is_stamp_value(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] >= 0x7f)
			return false;
	return s.n > 0 && s.n <= ARTIFACT_STAMP_VALUE_BYTES;
}

void artifact_stamp_add(struct artifact_reading *r, struct span key, struct span value, uint64_t offset)
{
	for (size_t i = 0; i < RF_COUNT(keys); i++) {
		if (!span_eq_text(key, keys[i].key))
			continue;
		struct span *slot = (struct span *)(void *)((char *)&r->facts->stamp + keys[i].at);
		if (!is_stamp_value(value)) {
			artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "stamp_malformed",
					"the stamp's %s has a value that reforge never writes", keys[i].key);
			return;
		}
		if (slot->n && !span_eq(*slot, value)) {
			artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "stamp_stated_twice",
					"%s is stated twice: %.*s and %.*s", keys[i].key, SPAN_ARG(*slot),
					SPAN_ARG(value));
			return;
		}
		if (slot->n)
			return;
		*slot = arena_span(r->a, value);
		if (!slot->p)
			r->failed = RF_ENOMEM;
		artifact_evidence(r, keys[i].key, offset, value.p, value.n, "%.*s", SPAN_ARG(value));
		return;
	}
}

static bool toolchain_known(struct artifact_facts *f)
{
	if (span_eq_text(f->stamp.toolchain, "onnxruntime"))
		f->product = ARTIFACT_PRODUCT_ONNXRUNTIME;
	else if (span_eq_text(f->stamp.toolchain, "tensorrt"))
		f->product = ARTIFACT_PRODUCT_TENSORRT;
	else
		return false;
	return true;
}

void artifact_stamp_apply(struct artifact_reading *r)
{
	struct artifact_facts *f = r->facts;
	const struct artifact_stamp *s = &f->stamp;
	if (!s->toolchain.n && !s->version.n)
		return;
	if (s->target.n && s->target.n < sizeof f->target)
		memcpy(f->target, s->target.p, s->target.n);
	if (!s->toolchain.n || !toolchain_known(f)) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNKNOWN_BUILDER, "stamp_unknown_toolchain",
				"stamped with a toolchain that is not known here: %.*s", SPAN_ARG(s->toolchain));
	} else if (s->version.n && s->version.n < sizeof f->version) {
		memcpy(f->version, s->version.p, s->version.n);
		f->version_source = ARTIFACT_VERSION_PROVENANCE;
	}
}
