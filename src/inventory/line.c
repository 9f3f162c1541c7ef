/* Which line a system is of, by its own release files and packages. See line.h. */
#include "inventory/line.h"

#include "base/fs.h"
#include "inventory/scan.h"

#define JETSON_LINUX "pkg:generic/nvidia/jetson-linux"
#define ROOT_ARENA_BYTES (64 * MIB) /* of a package database's components */

static const struct {
	const char *path, *product;
	enum platform_line line;
} rows[] = {
	{ "etc/nvidia/version-ubuntu-rootfs.txt", "pkg:generic/nvidia/drive-os", PLATFORM_DRIVEOS },
	{ "etc/nv_tegra_release", JETSON_LINUX, PLATFORM_JETPACK },
	/* nvidia-l4t-core */
	{ "var/lib/dpkg/status", JETSON_LINUX, PLATFORM_JETPACK },
	{ "var/lib/dpkg/status", "pkg:generic/nvidia/jetpack", PLATFORM_JETPACK },
};

enum platform_line line_told_by(struct span path, struct span product)
{
	if (path.n && path.p[0] == '/')
		path = span_from(path, 1);
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		if (span_eq_text(path, rows[i].path) && span_eq_text(product, rows[i].product))
			return rows[i].line;
	return PLATFORM_ANY;
}

enum platform_line line_join(enum platform_line a, enum platform_line b)
{
	if (a == PLATFORM_DRIVEOS || b == PLATFORM_DRIVEOS)
		return PLATFORM_DRIVEOS;
	return a != PLATFORM_ANY ? a : b;
}

enum platform_line line_told_by_facts(struct span path, const struct artifact_facts *f)
{
	enum platform_line line = f->product ? line_told_by(path, span_of(f->product)) : PLATFORM_ANY;
	for (size_t i = 0; i < f->component_count; i++)
		line = line_join(line, line_told_by(path, f->components[i].product));
	return line;
}

static int file_ask(const char *root, const char *path, enum platform_line *ret, struct err *err)
{
	static const struct scan_options headers = { .no_digest = true };
	RF_AUTO(arena) a = ARENA_INIT(ROOT_ARENA_BYTES);
	struct artifact_facts facts;
	struct err why = ERR_INIT;
	char file[FS_PATH_MAX];
	int rc = fs_join(file, sizeof file, root, path, &why);
	if (rc == 0 && !fs_exists(file))
		return 0;
	if (rc == 0)
		rc = scan_one(file, &headers, &a, &facts, NULL, &why);
	if (rc == RF_ENOMEM || rc == RF_ECANCELLED) {
		*err = why;
		return rc;
	}
	if (rc == 0)
		*ret = line_join(*ret, line_told_by_facts(span_of(path), &facts));
	return 0;
}

int line_of_root(const char *root, enum platform_line *ret, struct err *err)
{
	int rc = 0;
	*ret = PLATFORM_ANY;
	for (size_t i = 0; rc == 0 && i < RF_COUNT(rows) && *ret == PLATFORM_ANY; i++)
		if (i == 0 || strcmp(rows[i].path, rows[i - 1].path) != 0)
			rc = file_ask(root, rows[i].path, ret, err);
	return rc;
}
