/* Python pickles. There is no magic: a file is one when its first bytes are opcodes all through. Protocols 0 and 1 do not
 * even begin in one way, and 0 is text: they are looked for under a pickle's name only. */
#include "inventory/carve.h"

/* Named like one, and an opcode that a pickler of old begins with. */
static bool is_old(const struct artifact_reading *r)
{
	if ((unsigned char)r->head.p[0] == 0x80)
		return false;
	static const char *const suffixes[] = { ".pkl", ".pickle", ".pth", ".pt" };
	for (size_t i = 0; i < RF_COUNT(suffixes); i++) {
		size_t n = strlen(suffixes[i]);
		if (r->name.n > n && span_eq_nocase(span_from(r->name, r->name.n - n), span_of(suffixes[i])))
			return span_find_byte(SPAN("(])}cNIFLSVKMJGXUT"), r->head.p[0]) != SIZE_MAX;
	}
	return false;
}

static bool pickle_sniff(const struct artifact_reading *r)
{
	const unsigned char *p = (const unsigned char *)r->head.p;
	return r->head.n >= 4 && ((p[0] == 0x80 && p[1] >= 2 && p[1] <= 5) || is_old(r));
}

static int pickle_read(struct artifact_reading *r)
{
	struct artifact_source head = artifact_source_bytes(r->head);
	struct carve nobody = { 0 };
	struct err err = ERR_INIT;
	int rc = carve_pickle(&head, &nobody, &err);
	if (rc == RF_ENOMEM)
		r->failed = rc;
	/* cut short is still one, unless it may as well be any text; what is missing, or not taken out, is said by whoever
	 * looks inside */
	bool text = rc == RF_ETRUNCATED && is_old(r) && r->head.n == r->src->size;
	if (text || (rc && rc != RF_ETRUNCATED && rc != RF_EUNSUPPORTED))
		return RF_EUNREADABLE;
	r->facts->kind = ARTIFACT_PICKLE;
	r->facts->layout = "pickle";
	if ((unsigned char)r->head.p[0] == 0x80)
		artifact_evidence(r, "protocol of the pickle", 0, r->head.p, 2, "%u", (unsigned char)r->head.p[1]);
	else
		artifact_evidence(r, "protocol of the pickle", 0, r->head.p, 1, "0 or 1");
	return 0;
}

const struct artifact_format artifact_format_pickle = {
	.name = "pickle",
	.sniff = pickle_sniff,
	.read = pickle_read,
};
