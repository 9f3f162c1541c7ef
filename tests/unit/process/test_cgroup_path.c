/* Where memory groups are, from the texts of machines of each kind. */
#include "testing.h"

#include "process/process_int.h"

#define V1_MOUNT "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
#define V2_MOUNT "25 20 0:22 / /sys/fs/cgroup rw,nosuid,nodev shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

static const struct {
	const char *what, *cgroup, *mountinfo, *path;
	int version;
} CASES[] = {
	{ "v1 beside an empty v2", "9:name=systemd:/\n4:memory:/a/b\n0::/\n",
	  "20 1 254:0 / / rw - ext4 /dev/vda rw\n" V1_MOUNT
	  "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
	  "/sys/fs/cgroup/memory/a/b", 1 },
	{ "v1 at the root", "4:memory:/\n", V1_MOUNT, "/sys/fs/cgroup/memory", 1 },
	{ "v1 with two controllers in one mount", "4:cpu,memory:/x\n",
	  "35 31 0:32 / /sys/fs/cgroup/cpu,memory rw - cgroup cgroup rw,cpu,memory\n", "/sys/fs/cgroup/cpu,memory/x",
	  1 },
	{ "v1 in a container that sees its part only", "4:memory:/docker/1234\n",
	  "35 31 0:32 /docker/1234 /sys/fs/cgroup/memory ro master:9 - cgroup cgroup rw,memory\n",
	  "/sys/fs/cgroup/memory", 1 },
	{ "v1 below the mounted part", "4:memory:/docker/1234/job\n",
	  "35 31 0:32 /docker/1234 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", "/sys/fs/cgroup/memory/job",
	  1 },
	{ "a root that is only a prefix of the name", "4:memory:/docker/12345\n",
	  "35 31 0:32 /docker/1234 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", "/sys/fs/cgroup/memory", 1 },
	{ "v2 of systemd", "0::/user.slice/user-0.slice/session-1.scope\n", V2_MOUNT,
	  "/sys/fs/cgroup/user.slice/user-0.slice/session-1.scope", 2 },
	{ "v2 in a cgroup namespace", "0::/\n", V2_MOUNT, "/sys/fs/cgroup", 2 },
	{ "a v1 name without its mount, v2 mounted", "4:memory:/a\n0::/b\n", V2_MOUNT, "/sys/fs/cgroup/b", 2 },
	{ "another controller's name has memory in it", "4:memory_pressure:/a\n", V1_MOUNT, "", 0 },
	{ "no mounts", "4:memory:/a\n", "20 1 254:0 / / rw - ext4 /dev/vda rw\n", "", 0 },
	{ "nothing", "", "", "", 0 },
	{ "a mount with a blank in its path is not used", "4:memory:/a\n",
	  "35 31 0:32 / /sys/fs/cgroup\\040x rw - cgroup cgroup rw,memory\n", "", 0 },
	{ "lines cut short", "4:memory\n4\n:::\n", "35 31\n- - - - - - - -\n", "", 0 },
};

static void own_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(CASES); i++) {
		char path[FS_PATH_MAX] = "";
		int version = cgroup_own_path(span_of(CASES[i].cgroup), span_of(CASES[i].mountinfo), path, sizeof path);

		if (version != CASES[i].version || (version && strcmp(path, CASES[i].path) != 0))
			fail_msg("%s: version %d, %s", CASES[i].what, version, path);
	}
}

static void too_long(void **state)
{
	(void)state;
	char path[16];

	assert_int_equal(cgroup_own_path(SPAN("4:memory:/a/b/c\n"), SPAN(V1_MOUNT), path, sizeof path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(own_paths), cmocka_unit_test(too_long) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
