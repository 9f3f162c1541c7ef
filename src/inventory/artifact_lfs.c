/*
 * Git LFS pointers: a few lines of text in place of the engine. Source: github.com/git-lfs/git-lfs docs/spec.md:
 * "version https://git-lfs.github.com/spec/v1", then keys in order, among them "oid sha256:<64 hex>" and "size
 * <bytes>"; under 1 KiB.
 */
#include "base/str.h"
#include "inventory/artifact_int.h"

#define POINTER_MAX_BYTES 1024

static bool lfs_sniff(const struct artifact_reading *r)
{
	return r->src->size < POINTER_MAX_BYTES && (span_starts(r->head, "version https://git-lfs.github.com/spec/v") ||
						    span_starts(r->head, "version https://hawser.github.com/spec/v"));
}

static bool is_oid(struct span s)
{
	unsigned char bytes[32];
	return span_starts(s, "sha256:") && s.n == 71 && hex_read(span_from(s, 7), bytes, sizeof bytes);
}

static int lfs_read(struct artifact_reading *r)
{
	struct artifact_facts *f = r->facts;
	struct span rest = r->head, line, oid = SPAN_NONE;
	bool has_size = false;
	while (span_line(&rest, &line)) {
		if (span_starts(line, "oid ") && is_oid(span_from(line, 4)))
			oid = span_from(line, 4);
		else if (span_starts(line, "size "))
			has_size = span_u64(span_from(line, 5), &f->declared_size);
	}
	f->kind = ARTIFACT_LFS_POINTER;
	f->layout = "git-lfs v1";
	artifact_evidence(r, "pointer text", 0, r->head.p, r->head.n, "%.*s", SPAN_ARG(oid));
	if (oid.n && has_size)
		artifact_note(r, "Git LFS pointer to %.*s, %llu bytes: the content is not here (git lfs pull)",
			      SPAN_ARG(oid), (unsigned long long)f->declared_size);
	else
		artifact_note(r, "Git LFS pointer without a valid oid and size: truncated or damaged");
	if (!oid.n || !has_size || artifact_named_like_engine(r->name))
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_CONTENT_ABSENT, "content_elsewhere",
				"what the content would say cannot be told");
	return 0;
}

const struct artifact_format artifact_format_lfs = {
	.name = "git-lfs",
	.sniff = lfs_sniff,
	.read = lfs_read,
};
