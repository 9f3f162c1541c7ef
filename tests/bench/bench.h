/* What the benches written in C share: the error of the run, and figures as tests/bench/bench.py reads them. */
#ifndef REFORGE_BENCH_H
#define REFORGE_BENCH_H

#include "base/err.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

static struct err err = ERR_INIT;

/* Ends the bench with @err's words when @rc is an error. */
static inline void must(int rc, const char *what)
{
	char text[2048];
	if (rc >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, err_render(&err, text, sizeof text));
	exit(2);
}

static inline void figure(const char *name, double value, const char *unit)
{
	printf("%s %.3f %s\n", name, value, unit);
	(void)fflush(stdout);
}

static inline double ms_since(mono_t begin)
{
	return (double)(mono_usec() - begin) / 1e3;
}

#endif
