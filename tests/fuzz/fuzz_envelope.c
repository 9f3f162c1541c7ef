/* DSSE envelopes of others, against a fixed public key (RFC 8032's first): never a crash, never verified but by a
 * forger. */
#include "depot/statement.h"

#include <unistd.h>

static const char PEM[] = "-----BEGIN PUBLIC KEY-----\n"
			  "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
			  "-----END PUBLIC KEY-----\n";

static struct verify_key *load(void)
{
	char path[] = "/tmp/fuzz-envelope-XXXXXX";
	struct verify_key *key = NULL;
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, PEM, sizeof PEM - 1) != (ssize_t)sizeof PEM - 1 ||
	    verify_key_load(path, &key, NULL) != 0)
		abort();
	(void)close(fd);
	(void)unlink(path);
	return key;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct verify_key *key;
	struct str payload = STR_INIT(1 * MIB);
	struct err err = ERR_INIT;

	if (!key)
		key = load();
	(void)!envelope_open(key, STATEMENT_MEDIA_TYPE, (struct span){ (const char *)data, size }, &payload, &err);
	str_release(&payload);
	return 0;
}
