/*
 * TensorRT 5.x: u64 file size, then a flatbuffer without an identifier. Root field 1: version table (major, minor,
 * patch, build; zeros are left out), field 2: device table (0 name, 1 and 2 compute capability, 3 and 4 clocks, 8 SM
 * count). Source:
 * tensorrt-plan-format, section 2c. No magic, so every table must be in place before it is believed.
 */
#include "inventory/artifact_int.h"

#define ROOT_VERSION 1
#define ROOT_DEVICE 2
#define DEVICE_NAME 0
#define DEVICE_CC_MAJOR 1
#define DEVICE_CC_MINOR 2
#define DEVICE_CLOCK 3
#define DEVICE_MEMORY_CLOCK 4
#define DEVICE_MULTIPROCESSORS 8

static bool version_table(struct artifact_reading *r, const struct flat_table *root, uint32_t v[4], uint64_t *ret_at)
{
	struct flat_table t;
	if (!flat_child(r, root, ROOT_VERSION, &t))
		return false;
	for (unsigned i = 0; i < 4; i++)
		if (!flat_u32(r, &t, i, 0, &v[i]) || v[i] > 99999)
			return false;
	*ret_at = t.at;
	return v[0] >= 1 && v[0] <= 9;
}

int tensorrt_flatbuffer_read(struct artifact_reading *r, uint64_t base, uint64_t room)
{
	struct flat_table root, device;
	uint32_t v[4], major, minor;
	uint64_t version_at;
	const unsigned char *p = artifact_at(r, base, 8);
	if (!p)
		return RF_EUNREADABLE;
	uint64_t says = le64(p);
	if (!flat_root(r, base + 8, &root) || !version_table(r, &root, v, &version_at) ||
	    !flat_child(r, &root, ROOT_DEVICE, &device) || !flat_u32(r, &device, DEVICE_CC_MAJOR, 0, &major) ||
	    !flat_u32(r, &device, DEVICE_CC_MINOR, 0, &minor) || major < 1 || major > 32 || minor > 9)
		return RF_EUNREADABLE;
	struct artifact_facts *f = r->facts;
	f->kind = ARTIFACT_TENSORRT_PLAN;
	f->product = ARTIFACT_PRODUCT_TENSORRT;
	f->layout = "flatbuffer 5.x";
	f->look_for_code = true;
	f->declared_size = base + says;
	if (says > room)
		tensorrt_truncated(r, "the size in front", says, room);
	snprintf(f->version, sizeof f->version, "%u.%u.%u.%u", v[0], v[1], v[2], v[3]);
	f->version_source = ARTIFACT_VERSION_HEADER;
	artifact_evidence(r, "size in front of the flatbuffer", base, artifact_at(r, base, 8), 8, "%llu bytes",
			  (unsigned long long)says);
	artifact_evidence(r, "version table (root field 1)", version_at, artifact_at(r, version_at, 4), 4, "%s",
			  f->version);
	f->cc_major = (int)major;
	f->cc_minor = (int)minor;
	snprintf(f->target, sizeof f->target, "sm_%u%u", major, minor);
	(void)flat_u32(r, &device, DEVICE_CLOCK, 0, &f->clock_khz);
	(void)flat_u32(r, &device, DEVICE_MEMORY_CLOCK, 0, &f->memory_clock_khz);
	(void)flat_u32(r, &device, DEVICE_MULTIPROCESSORS, 0, &f->multiprocessors);
	struct span name = flat_string(r, &device, DEVICE_NAME, sizeof f->device - 1);
	if (name.n)
		memcpy(f->device, name.p, name.n);
	artifact_evidence(r, "device table (root field 2)", device.at, artifact_at(r, device.at, 4), 4,
			  "compute capability %u.%u, %s", major, minor, f->device);
	artifact_note(r, "layout without a magic, of TensorRT 5.x: recognised by its tables");
	return 0;
}
