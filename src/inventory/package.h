/*
 * package - what package managers, manifests and bills of materials name, as components: one identity of a product,
 * whatever the package that it comes in.
 *
 * Pure. May use base/, version/. libnvinfer10 10.13.3.9-1+cuda12.9 of a Debian archive, tensorrt-cu12 10.13.3.9 of PyPI
 * and an SBOM's pkg:rpm/redhat/libnvinfer10@10.13.3.9-1.cuda12.9 are pkg:generic/nvidia/tensorrt at 10.13.3.9; what
 * version/products.tsv does not name keeps its own package URL and its version to the letter.
 */
#ifndef REFORGE_INVENTORY_PACKAGE_H
#define REFORGE_INVENTORY_PACKAGE_H

#include "version/product.h"

/* Longer names and versions are no packages of anybody: such a component is left out, and that is said. */
#define PACKAGE_TEXT_MAX 512

struct package_component {
	const struct product *product; /* NULL: no row names it */
	struct span purl;              /* canonical, without version; in the arena or static */
	struct span version;           /* of the product's own numbering; as given when there is no product, or when its
					* scheme reads no part of it; empty: unknown */
};

/* @package's version is as its source writes it; empty: unknown. RF_ENOMEM; RF_ETOOBIG (PACKAGE_TEXT_MAX), RF_EINVALID
 * (no name). */
RF_MUST_CHECK int package_component(const struct purl *package, struct arena *a, struct package_component *ret,
				    struct err *err);

/*
 * The maker's version within a package's: without the epoch and revision of deb and rpm ("1:10.13.3.9-1+cuda12.9"), apk's
 * "-r2", and what repackagers add ("+dfsg", "+ds", a local version "+cu128"). Only what @product's scheme then reads is
 * cut; else @version comes back whole, for a person to look at.
 */
struct span package_upstream(const struct product *product, struct span type, struct span version);

#endif
