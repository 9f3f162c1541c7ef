/* Statements, signed and stored. */
#include "depot_int.h"

int attestation_put(struct depot *d, const struct signing_key *key, struct span statement, struct digest *ret,
		    struct err *err)
{
	RF_AUTO(str) envelope = STR_INIT(ATTESTATION_MAX_BYTES);
	int rc;

	if (statement.n > STATEMENT_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "a statement of %zu bytes, at most %zu", statement.n,
			       STATEMENT_MAX_BYTES);
	rc = dsse_sign(key, STATEMENT_MEDIA_TYPE, statement, &envelope, err);
	return rc != 0 ? rc : depot_put_bytes_unsynced(d, str_span(&envelope), ret, err);
}
