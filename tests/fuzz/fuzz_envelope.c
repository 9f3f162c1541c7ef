/* DSSE envelopes of others, against a fixed public key (RFC 8032's first): never a crash, never verified but by a
 * forger; and the statements inside, as if one had been. */
#include "depot/statement.h"

static const char PEM[] = "-----BEGIN PUBLIC KEY-----\n"
			  "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
			  "-----END PUBLIC KEY-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct verify_key *key;
	const char *const predicates[] = { PREDICATE_PROVENANCE, PREDICATE_PROOF };
	struct str payload = STR_INIT(1 * MIB);
	struct arena a = ARENA_INIT(4 * MIB);
	struct statement_facts facts;
	struct err err = ERR_INIT;

	if (!key && verify_key_read(span_of(PEM), &key, NULL) != 0)
		abort();
	(void)!envelope_open(key, STATEMENT_MEDIA_TYPE, (struct span){ (const char *)data, size }, &payload, &err);
	for (size_t i = 0; i < RF_COUNT(predicates); i++)
		(void)!statement_read(&a, (struct span){ (const char *)data, size }, predicates[i], &facts, &err);
	arena_release(&a);
	str_release(&payload);
	return 0;
}
