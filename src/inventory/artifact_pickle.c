/* Python pickles of protocol 2 and later. There is no magic: a file is one when its first bytes are opcodes all
 * through. */
#include "inventory/carve.h"

static bool pickle_sniff(const struct artifact_reading *r)
{
	const unsigned char *p = (const unsigned char *)r->head.p;
	return r->head.n >= 4 && p[0] == 0x80 && p[1] >= 2 && p[1] <= 5;
}

static int pickle_read(struct artifact_reading *r)
{
	struct artifact_source head = artifact_source_bytes(r->head);
	struct carve nobody = { 0 };
	struct err err = ERR_INIT;
	int rc = carve_pickle(&head, &nobody, &err);
	if (rc == RF_ENOMEM)
		r->failed = rc;
	/* cut short is still one; what is missing is said by whoever looks inside */
	if (rc && rc != RF_ETRUNCATED)
		return RF_EUNREADABLE;
	r->facts->kind = ARTIFACT_PICKLE;
	r->facts->layout = "pickle";
	artifact_evidence(r, "protocol of the pickle", 0, r->head.p, 2, "%u", (unsigned char)r->head.p[1]);
	return 0;
}

const struct artifact_format artifact_format_pickle = {
	.name = "pickle",
	.sniff = pickle_sniff,
	.read = pickle_read,
};
