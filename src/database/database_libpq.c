/* database_libpq - see the header. */
#include "database/database_libpq.h"

#include "base/macros.h"

#include <dlfcn.h>
#include <pthread.h>

static struct libpq table;
static const struct libpq *loaded;

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
#define X(name) all &= find(library, #name, &table.name, sizeof table.name);
	LIBPQ_FUNCTIONS(X)
#undef X
	if (all)
		loaded = &table;
}

const struct libpq *libpq_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, load);
	return loaded;
}
