/*
 * machine - is there a GPU, and of which kind.
 */
#ifndef REFORGE_TRT_MACHINE_H
#define REFORGE_TRT_MACHINE_H

#include "base/str.h"

#define MACHINE_MAX_MISSING 8

struct machine {
	char target[64];                          /* "linux-x86_64/sm_86"; "" when it cannot be told */
	char info[256];                           /* "driver 570.86.15", "tegra234"; "" */
	char missing[MACHINE_MAX_MISSING][384];   /* sentences: what was looked for and where */
	unsigned missing_count;
};

/* Looks at the device files, at NVML (of the first GPU) and, on Jetson boards, at the device tree. Starts no program. */
void machine_look(struct machine *ret);

#endif
