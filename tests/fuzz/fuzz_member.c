/* A member of a container, whatever it is: recognised, and looked into as deep as it goes. */
#include "inventory/scan_member.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int push(struct scan_members *m, void *data, struct err *err)
{
	const struct span *s = data;
	int rc = scan_member_begin(m, SPAN("x"), s->n % 2 ? s->n : SCAN_MEMBER_SIZE_UNKNOWN, err);
	if (rc == 0)
		rc = scan_member_add(m, s->p, s->n / 3, err);
	if (rc == 0)
		rc = scan_member_add(m, s->p + s->n / 3, s->n - s->n / 3, err);
	return rc ? rc : scan_member_end(m, err);
}

static int on_file(const struct scan_file *f, void *data)
{
	(void)data;
	/* a finding has a cause and a sentence; a path says where it lies */
	if ((f->facts->finding == ARTIFACT_CLEAR) != (f->facts->cause[0] == '\0') ||
	    (f->facts->finding != ARTIFACT_CLEAR && f->facts->note_count == 0) || strncmp(f->path, "o!/x", 4) != 0)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_bytes(data, size);
	struct scan_container c = { .path = "o", .root = "o", .read = push, .data = &s };
	struct scan_options o = { .evidence = true };
	struct scan_inside i;
	struct err err = ERR_INIT;
	if (scan_members(&c, &o, on_file, NULL, &i, &err) != 0 || i.rc != 0)
		abort();
	return 0;
}
