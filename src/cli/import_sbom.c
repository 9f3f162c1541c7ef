/* inventory import BILL - CycloneDX and SPDX into the database. */
#include "cli/inventory.h"
#include "cli/scan.h"

#include "inventory/sbom.h"

static bool is_sbom(struct span bytes)
{
	return sbom_sniff(bytes);
}

static void changes_add(struct inventory_changes *to, const struct inventory_changes *more)
{
	to->added += more->added;
	to->unchanged += more->unchanged;
	to->replaced += more->replaced;
	to->vanished += more->vanished;
	to->artifacts += more->artifacts;
}

static int run_sbom(struct importing *i, const char *path, struct span bytes, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(SBOM_ARENA_BYTES);
	struct image_map images = { 0 };
	struct sbom sbom;
	struct digest digest;
	struct inventory_changes changes = { 0 };
	char host[SBOM_HOST_BYTES];
	int rc = scanning_images(i->in, &a, &images, err);
	if (rc == 0)
		rc = sbom_read(bytes, &images, &a, &sbom, err);
	if (rc < 0)
		return rc;
	digest_of(bytes, &digest);
	const char *slash = strrchr(path, '/');
	struct inventory_place place = { .host = sbom_host(&sbom, path, host),
					 .service = i->service,
					 .environment = i->environment,
					 .model = "" };
	rc = sbom_record(i->site->db, &sbom, &digest, slash ? slash + 1 : path, &place, &changes, err);
	if (rc < 0)
		return rc;
	changes_add(&i->changes, &changes);
	i->components += sbom.facts.component_count;
	i->findings += sbom.facts.finding != ARTIFACT_CLEAR;
	return 0;
}

const struct inventory_import inventory_import_sbom = { "sbom", is_sbom, run_sbom };
