/* http_libmicrohttpd - see the header. */
#include "network/http_libmicrohttpd.h"

#include "base/macros.h"

#include <dlfcn.h>
#include <pthread.h>

struct libmicrohttpd libmicrohttpd;
static bool loaded;

static bool find(void *library, const char *name, void *ret_function, size_t size)
{
	void *symbol = library ? dlsym(library, name) : NULL;
	memcpy(ret_function, &symbol, size);
	return symbol != NULL;
}

static void load(void)
{
	void *server = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
	void *tls = dlopen("libgnutls.so.30", RTLD_NOW | RTLD_LOCAL);
	bool all = true;
#define X(name) all &= find(server, #name, &libmicrohttpd.name, sizeof libmicrohttpd.name);
	LIBMICROHTTPD_FUNCTIONS(X)
#undef X
#define X(name) all &= find(tls, #name, &libmicrohttpd.name, sizeof libmicrohttpd.name);
	LIBGNUTLS_FUNCTIONS(X)
#undef X
	loaded = all;
}

bool libmicrohttpd_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, load);
	return loaded;
}
