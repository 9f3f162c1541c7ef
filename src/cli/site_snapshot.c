/* What the gate knows of a site: database, depot and release key put together for gate/snapshot_build.h. */
#include "cli/site.h"

#define MAX_KEY (64 * KIB)

static void told(const struct err *err, void *data)
{
	char text[2048];
	(void)data;
	fprintf(stderr, "reforge: a release is left out: %s\n", err_render(err, text, sizeof text));
}

/* Without a public key nothing counts as signed: that is for the policy to judge, not a reason to know nothing. */
static int key_take(const struct site *s, struct verify_key **key, struct str *pem, struct err *err)
{
	char path[FS_PATH_MAX];
	int rc = fs_join(path, sizeof path, s->workspace->keys, "release.pub.pem", err);
	if (rc || !fs_exists(path))
		return rc;
	rc = fs_read(path, pem, err);
	if (!rc)
		rc = verify_key_read(str_span(pem), key, err);
	return rc ? err_in_file(err, path) : 0;
}

int site_snapshot(const struct site *s, const struct site_snapshot *how, struct gate_snapshot **ret, uint64_t *ret_withheld,
		  struct err *err)
{
	RF_AUTO_PTR(verify_key) key = NULL;
	RF_AUTO(str) pem = STR_INIT(MAX_KEY);
	int rc = key_take(s, &key, &pem, err);
	const struct gate_building building = { .workspace = s->workspace,
						.depot = s->depot,
						.key = key,
						.release_key = str_span(&pem),
						.expires = how->expires,
						.highest = how->highest,
						.part = how->part };
	return rc ? rc : gate_snapshot_build(s->db, &building, how->told ? how->told : told, NULL, ret, ret_withheld, err);
}
