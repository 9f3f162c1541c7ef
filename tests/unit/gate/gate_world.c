/*
 * gate-world TABLE FOLDER NOW - the world of the table as fronts meet it: FOLDER/bundle, signed; its key, and
 * FOLDER/files/ with every content that can be made. NOW: seconds since 1970, from which the table's days are counted.
 * For tests/e2e/test_gate_fronts.py.
 */
#include "world.h"

#include "base/fs.h"
#include "crypto/sign.h"
#include "gate/bundle.h"

static int write_bundle(const struct world *w, const char *folder, struct err *err)
{
	__attribute__((cleanup(signing_key_freep))) struct signing_key *key = NULL;
	char path[FS_PATH_MAX];
	struct gate_bundle bundle = gate_bundle_of(w->s, TLP_CLEAR, 0);
	(void)snprintf(path, sizeof path, "%s/release.pem", folder);
	int rc = signing_key_load(path, &key, err);
	(void)snprintf(path, sizeof path, "%s/bundle", folder);
	uint64_t bytes;
	return rc ? rc : gate_bundle_write(w->s, path, key, &bundle, &bytes, err);
}

static int make(const char *table, const char *folder, usec_t now, struct err *err)
{
	char private_path[FS_PATH_MAX], public_path[FS_PATH_MAX], files[FS_PATH_MAX];
	RF_AUTO(str) pem = STR_INIT(16 * KIB);
	(void)snprintf(private_path, sizeof private_path, "%s/release.pem", folder);
	(void)snprintf(public_path, sizeof public_path, "%s/release.pub.pem", folder);
	(void)snprintf(files, sizeof files, "%s/files", folder);
	int rc = fs_make_dirs(files, 0755, err);
	if (rc == 0)
		rc = key_generate(private_path, public_path, err);
	if (rc == 0)
		rc = fs_read(public_path, &pem, err);
	if (rc)
		return rc;
	struct world *w = world_new(table, now, files, str_span(&pem));
	rc = write_bundle(w, folder, err);
	world_free(w);
	return rc;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	char text[2048];
	int64_t now;
	if (argc != 4 || !span_i64(span_of(argv[3]), &now)) {
		(void)fprintf(stderr, "usage: gate-world TABLE FOLDER NOW\n");
		return 2;
	}
	if (make(argv[1], argv[2], now * USEC_PER_SEC, &err) == 0)
		return 0;
	(void)fprintf(stderr, "gate-world: %s\n", err_render(&err, text, sizeof text));
	return 1;
}
