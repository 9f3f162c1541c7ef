/* Which line a system is of: by its own files at their own places, and by nothing else. */
#include "testing.h"

#include "base/fs.h"
#include "inventory/line.h"

#define L4T "pkg:generic/nvidia/jetson-linux"
#define DRIVE "pkg:generic/nvidia/drive-os"

static void told(void **state)
{
	static const struct {
		const char *path, *product;
		enum platform_line line;
	} rows[] = {
		{ "/etc/nv_tegra_release", L4T, PLATFORM_JETPACK },
		{ "etc/nv_tegra_release", L4T, PLATFORM_JETPACK },
		{ "/etc/nvidia/version-ubuntu-rootfs.txt", DRIVE, PLATFORM_DRIVEOS },
		{ "/var/lib/dpkg/status", L4T, PLATFORM_JETPACK },
		{ "var/lib/dpkg/status", "pkg:generic/nvidia/jetpack", PLATFORM_JETPACK },
		{ "/var/lib/dpkg/status", "pkg:generic/nvidia/tensorrt", PLATFORM_ANY },
		{ "/etc/nv_tegra_release", DRIVE, PLATFORM_ANY },
		/* what a workstation keeps for a device */
		{ "/home/u/nvidia/Linux_for_Tegra/rootfs/etc/nv_tegra_release", L4T, PLATFORM_ANY },
		{ "/srv/drive.tar!/etc/nvidia/version-ubuntu-rootfs.txt", DRIVE, PLATFORM_ANY },
		{ "container:0123456789ab!/etc/nv_tegra_release", L4T, PLATFORM_ANY },
		{ "", L4T, PLATFORM_ANY },
		{ "/etc/nv_tegra_release", "", PLATFORM_ANY },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		if (line_told_by(span_of(rows[i].path), span_of(rows[i].product)) != rows[i].line)
			fail_msg("%s says %s", rows[i].path, rows[i].product);
	assert_int_equal(line_join(PLATFORM_JETPACK, PLATFORM_DRIVEOS), PLATFORM_DRIVEOS);
	assert_int_equal(line_join(PLATFORM_DRIVEOS, PLATFORM_JETPACK), PLATFORM_DRIVEOS);
	assert_int_equal(line_join(PLATFORM_ANY, PLATFORM_JETPACK), PLATFORM_JETPACK);
	assert_int_equal(line_join(PLATFORM_ANY, PLATFORM_ANY), PLATFORM_ANY);
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[FS_PATH_MAX];
	struct err err = ERR_INIT;
	assert_ok(fs_join(path, sizeof path, folder, name, &err), &err);
	*strrchr(path, '/') = '\0';
	assert_ok(fs_make_dirs(path, 0755, &err), &err);
	assert_ok(fs_join(path, sizeof path, folder, name, &err), &err);
	assert_ok(fs_write_atomic(path, span_of(text), 0644, &err), &err);
}

static void roots(void **state)
{
	static const char package[] = "Package: %s\nStatus: install ok installed\nVersion: %s\n\n";
	char folder[FS_PATH_MAX], packages[256];
	struct err err = ERR_INIT;
	enum platform_line line;
	(void)state;
	assert_ok(fs_temporary_dir("line", folder, sizeof folder, &err), &err);
	assert_ok(line_of_root(folder, &line, &err), &err);
	assert_int_equal(line, PLATFORM_ANY);
	snprintf(packages, sizeof packages, package, "libnvinfer10", "10.3.0.30-1+cuda12.5");
	put(folder, "var/lib/dpkg/status", packages);
	assert_ok(line_of_root(folder, &line, &err), &err);
	assert_int_equal(line, PLATFORM_ANY);
	snprintf(packages, sizeof packages, package, "nvidia-l4t-core", "36.4.4-20250616085344");
	put(folder, "var/lib/dpkg/status", packages);
	assert_ok(line_of_root(folder, &line, &err), &err);
	assert_int_equal(line, PLATFORM_JETPACK);
	put(folder, "etc/nvidia/version-ubuntu-rootfs.txt", "7.0.5.0-43328940\n");
	assert_ok(line_of_root(folder, &line, &err), &err);
	assert_int_equal(line, PLATFORM_DRIVEOS);
	assert_ok(fs_remove_tree(folder, &err), &err);
	assert_ok(line_of_root("/not/there", &line, &err), &err);
	assert_int_equal(line, PLATFORM_ANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(told), cmocka_unit_test(roots) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
