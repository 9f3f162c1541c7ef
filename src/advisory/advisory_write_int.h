/* Inside of advisory_write: what of a merged advisory counts for a product, and what of it may leave the house. */
#ifndef REFORGE_ADVISORY_ADVISORY_WRITE_INT_H
#define REFORGE_ADVISORY_ADVISORY_WRITE_INT_H

#include "advisory/advisory_write.h"

/* One product of an advisory. */
struct written_product {
	const struct product *product;
	struct range *affected; /* of the statements that count; NULL: none of them could be read */
	bool not_affected;      /* the operator says that it does not apply, or every statement says so */
	bool unread;            /* a statement that counts could not be read */
	struct span why;        /* not affected: in whose words */
	struct span fixed;      /* "11.0, 10.16.2": versions named as fixed; empty when none */
	struct span remedy;     /* the source's advice; may be empty */
};

/* Products in the order in which the sources name them; *ret in @a. Statements above @highest are left out. RF_ENOMEM.
 */
RF_MUST_CHECK int written_products(struct arena *a, const struct stored_advisory *v, enum tlp highest,
				   struct written_product **ret, size_t *ret_count, struct err *err);
/* The record whose texts may be shown: the merged one, or the first source's within @highest; NULL: none may leave. */
const struct advisory *written_record(const struct stored_advisory *v, enum tlp highest);
/* The version as other programs spell it: "11.0" for "v11.0", "1.3.0rc15" for "1.3.0 rc15"; the text itself where that
 * would mean something else. */
struct span written_version(struct arena *a, const struct scheme *scheme, struct span version);

#endif
