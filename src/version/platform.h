/*
 * platform - lines of versions that a vendor numbers apart from its others.
 *
 * Pure. May use base/ only. TensorRT on DriveOS is a fork of its own, JetPack stays on the version it brought: a
 * backported fix may carry a number below everybody else's, so a row about one line says nothing of the others, and a
 * number alone does not say that the fork has what the main line fixed.
 */
#ifndef REFORGE_VERSION_PLATFORM_H
#define REFORGE_VERSION_PLATFORM_H

#include "base/span.h"

enum platform_line { PLATFORM_ANY = 0 /* not known, or several */, PLATFORM_DRIVEOS, PLATFORM_JETPACK };

/* The one line that the words speak of: "DriveOS 7.0", "Jetson Linux(36)", "JetPack 6, L4T". PLATFORM_ANY for "Linux",
 * for "Linux, DriveOS" and for nothing at all. */
enum platform_line platform_line_of(struct span words);
/* The words mean every platform: "All", "All platforms", "all supported platforms". Not those that say nothing. */
bool platform_is_every(struct span words);
const char *platform_line_name(enum platform_line line); /* "DriveOS", "JetPack", "any platform"; static */

#endif
