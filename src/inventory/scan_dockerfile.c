/* A Dockerfile among the files of a folder: told by name and content, read whole out of the open file. See scan.h. */
#include "inventory/scan_int.h"

#include "base/fs.h"
#include "inventory/dockerfile.h"

/* All of it, or one byte more than any Dockerfile may have, which its reader refuses. */
static int text_read(struct scan_slot *s, struct span head, struct str *whole, struct span *ret, struct err *err)
{
	char piece[16 * KIB];
	size_t wanted = (size_t)RF_MIN(s->file.identity.size, (uint64_t)DOCKERFILE_MAX_BYTES + 1), n = 1;
	*ret = head;
	if (head.n >= wanted)
		return 0;
	str_add(whole, head);
	while (whole->n < wanted && n) {
		int rc = fs_pread(s->fd, piece, RF_MIN(sizeof piece, wanted - whole->n), whole->n, &n, err);
		if (rc)
			return rc;
		str_add(whole, span_bytes(piece, n));
	}
	*ret = str_span(whole);
	return str_check(whole, "a Dockerfile", err);
}

int scan_slot_dockerfile(struct scan_slot *s, size_t head_n, struct err *err)
{
	struct span name = span_of(s->path + s->name_at), head = span_bytes(s->head, head_n), text;
	RF_AUTO(str) whole = STR_INIT(DOCKERFILE_MAX_BYTES + 2);
	if (!s->images || strcmp(s->facts.kind, ARTIFACT_OTHER) != 0 || !dockerfile_named(name))
		return 0;
	int rc = text_read(s, head, &whole, &text, err);
	if (rc || !dockerfile_is(name, text))
		return rc;
	rc = dockerfile_facts(text, s->images, &s->arena, &s->facts, err);
	s->facts.size = s->file.identity.size;
	return rc;
}
