/* sync_bundle - another site's signed bundle, as it lies there. Its age is that of what it holds, not of its arrival. */
#include "advisory/bundle.h"
#include "advisory/feed_int.h"

int sync_bundle(struct feed_run *r, struct err *err)
{
	RF_AUTO_PTR(verify_key) key = NULL;
	struct arena a = ARENA_INIT(1024 * MIB);
	struct bundle_manifest manifest;
	struct advisory_import_result result;
	int rc = verify_key_load(r->feed->key, &key, err);
	if (!rc)
		rc = bundle_import(r->db, r->feed->path, key, &r->import, &a, &manifest, &result, err);
	if (!rc) {
		r->report->looked_at = result.files;
		r->report->changed = result.documents;
		r->report->unchanged = result.unchanged;
		r->report->refused = result.problems;
		r->report->advisories = result.advisories;
		r->report->review = result.review;
		r->report->records = (int64_t)manifest.count;
		r->report->expired = manifest.expired;
		r->has_age = true;
		r->as_of = RF_MIN(manifest.as_of, now_usec());
		r->report->source_age_usec = r->as_of == USEC_NONE ? INT64_MAX : now_usec() - r->as_of;
	}
	arena_release(&a);
	return rc;
}
