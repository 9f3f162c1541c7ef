/*
 * line - which of a vendor's lines a machine, a root filesystem or an image is of (version/platform.h).
 *
 * Pure, but for line_of_root(), which reads files. May use version/, artifact.h, scan.h. What names a line is a system's own release
 * file or package database, at its own place: a workstation that keeps a Jetson's filesystem somewhere below /home is no
 * Jetson.
 */
#ifndef REFORGE_INVENTORY_LINE_H
#define REFORGE_INVENTORY_LINE_H

#include "base/err.h"
#include "base/span.h"
#include "inventory/artifact.h"
#include "version/platform.h"

/* What @product (purl), told by the file at @path of a system, says of that system. @path: from its root, with '/' in front
 * or not. PLATFORM_ANY: nothing. */
enum platform_line line_told_by(struct span path, struct span product);
/* The same of all that a reading of the file found. */
enum platform_line line_told_by_facts(struct span path, const struct artifact_facts *f);
/* Of two answers about one system: DriveOS is a Linux for Tegra as well, and the more particular. */
enum platform_line line_join(enum platform_line a, enum platform_line b);

/* Of the system whose root is the folder @root ("/": of this machine). PLATFORM_ANY in *ret when it is of none, and when
 * its files cannot be read. RF_ENOMEM, RF_ECANCELLED. */
RF_MUST_CHECK int line_of_root(const char *root, enum platform_line *ret, struct err *err);

#endif
