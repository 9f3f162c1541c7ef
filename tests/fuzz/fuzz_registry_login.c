/* Logins in a Docker config.json: what is taken fits its place and holds no control characters. */
#include "inventory/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registry_login login;
	if (registry_login_read(span_bytes(data, size), SPAN("registry.example:5000"), SPAN("site/app"), &login, NULL) < 0)
		return 0;
	for (const char *p = login.password; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			abort();
	if (!login.user[0] || strlen(login.user) >= sizeof login.user || strlen(login.password) >= sizeof login.password)
		abort();
	return 0;
}
