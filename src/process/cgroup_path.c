/* Where the memory group of this process is mounted: cgroups(7), proc(5).
 *
 * /proc/self/cgroup      "4:memory:/a/b" (v1), "0::/a/b" (v2)
 * /proc/self/mountinfo   "35 31 0:32 /root /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
 *
 * In a container the mount may show a part of the hierarchy only (its root field), and the path in /proc/self/cgroup
 * may be of the whole: what the root has in common is cut off. */
#include "process_int.h"

/* True when @list ("rw,memory,cpu") has @word. */
static bool list_has(struct span list, const char *word)
{
	struct span part;

	while (span_split(&list, ',', &part))
		if (span_eq_text(part, word))
			return true;
	return false;
}

/* Path of this process in the memory hierarchy: @version 1 or 2. */
static bool own_group(struct span cgroup, int version, struct span *ret)
{
	struct span line;

	while (span_line(&cgroup, &line)) {
		struct span id, controllers;

		if (!span_split(&line, ':', &id) || !span_split(&line, ':', &controllers))
			continue;
		if (version == 1 ? list_has(controllers, "memory") : controllers.n == 0 && span_eq_text(id, "0")) {
			*ret = line;
			return line.n > 0 && line.p[0] == '/';
		}
	}
	return false;
}

/* Mount point and root of the hierarchy. A path with blanks is written with octal escapes; cgroup mounts have none, and
 * one that has is not used. */
static bool hierarchy(struct span mountinfo, int version, struct span *ret_root, struct span *ret_point)
{
	struct span line, part;

	while (span_line(&mountinfo, &line)) {
		struct span fields[5], type = SPAN_NONE, options = SPAN_NONE;
		size_t n = 0, after = 0;
		bool behind = false;

		while (span_split(&line, ' ', &part)) {
			if (n < RF_COUNT(fields))
				fields[n] = part;
			n++;
			if (behind && ++after == 1)
				type = part;
			else if (behind && after == 3)
				options = part;
			behind = behind || (n > 6 && span_eq_text(part, "-"));
		}
		if (n < 10 || span_find_byte(fields[4], '\\') != SIZE_MAX)
			continue;
		if (version == 1 ? span_eq_text(type, "cgroup") && list_has(options, "memory")
				 : span_eq_text(type, "cgroup2")) {
			*ret_root = fields[3];
			*ret_point = fields[4];
			return true;
		}
	}
	return false;
}

int cgroup_own_path(struct span cgroup, struct span mountinfo, char *ret, size_t size)
{
	for (int version = 1; version <= 2; version++) {
		struct span group, root, point;

		if (!own_group(cgroup, version, &group) || !hierarchy(mountinfo, version, &root, &point))
			continue;
		if (!span_eq_text(root, "/")) {
			struct span head = span_sub(group, 0, root.n);

			/* outside of what is mounted here: the mount's root is all that can be reached */
			group = span_eq(head, root) && (group.n == root.n || group.p[root.n] == '/')
					? span_from(group, root.n)
					: SPAN_NONE;
		}
		if (span_eq_text(group, "/"))
			group = SPAN_NONE;
		if ((size_t)snprintf(ret, size, "%.*s%.*s", SPAN_ARG(point), SPAN_ARG(group)) < size)
			return version;
	}
	return 0;
}
