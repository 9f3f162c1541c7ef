/* http_libcurl - see the header. */
#include "network/http_libcurl.h"

#include "base/macros.h"

#include <dlfcn.h>
#include <pthread.h>

struct libcurl libcurl;
static bool loaded;

static bool find(void *library, const char *name, void *ret_function, size_t size)
{
	void *symbol = dlsym(library, name);
	memcpy(ret_function, &symbol, size);
	return symbol != NULL;
}

static void load(void)
{
	void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!library) /* the same library over GnuTLS: git brings it along */
		library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return;
	bool all = true;
#define X(name) all &= find(library, #name, &libcurl.name, sizeof libcurl.name);
	LIBCURL_FUNCTIONS(X)
#undef X
	loaded = all && libcurl.curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK;
}

bool libcurl_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, load);
	return loaded;
}
