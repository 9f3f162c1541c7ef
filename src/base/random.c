/* random - see random.h */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

int random_bytes(void *bytes, size_t n, struct err *err)
{
	ssize_t got = getrandom(bytes, n, 0);
	if (got < 0 || (size_t)got != n)
		return err_set_errno(err, got < 0 ? errno : EIO, "getrandom");
	return 0;
}

uint64_t random_next(struct random_stream *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t random_below(struct random_stream *r, uint64_t bound)
{
	/* values past the last whole multiple would favour small results: draw again */
	uint64_t past = (0 - bound) % bound;
	for (;;) {
		uint64_t v = random_next(r);
		if (v >= past)
			return v % bound;
	}
}

double random_unit(struct random_stream *r)
{
	return (double)(random_next(r) >> 11) * 0x1.0p-53;
}
