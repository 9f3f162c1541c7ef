/* libarchive's functions out of the shared library. */
#include "format/archive_libarchive.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

struct libarchive libarchive_functions;
static bool loaded;

static void load(void)
{
	void *library = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
	struct libarchive f = { 0 };
	bool all = library != NULL;
#define X(name)                                  \
	if (all) {                               \
		void *p = dlsym(library, #name); \
		memcpy(&f.name, &p, sizeof p);   \
		all = p != NULL;                 \
	}
	LIBARCHIVE_FUNCTIONS(X)
#undef X
	if (all)
		libarchive_functions = f;
	loaded = all;
}

bool libarchive_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
	return loaded;
}
