/* database_libpq - see the header. */
#include "database/database_libpq.h"

#include "base/macros.h"

#include <dlfcn.h>
#include <pthread.h>

struct libpq libpq_functions;
static bool loaded;

static bool find(void *library, const char *name, void *ret_function, size_t size)
{
	void *symbol = dlsym(library, name);
	memcpy(ret_function, &symbol, size);
	return symbol != NULL;
}

static void load(void)
{
	void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return;
	bool all = true;
#define X(name) all &= find(library, #name, &libpq_functions.name, sizeof libpq_functions.name);
	LIBPQ_FUNCTIONS(X)
#undef X
	loaded = all;
}

bool libpq_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, load);
	return loaded;
}
