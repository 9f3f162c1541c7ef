/* machine - device files, NVML through dlopen, the device tree of Jetson boards. */
#include "machine.h"

#include "base/fs.h"

#include <dlfcn.h>
#include <stdarg.h>

#if defined(__x86_64__)
#define PLATFORM "linux-x86_64"
#elif defined(__aarch64__)
#define PLATFORM "linux-aarch64"
#else
#define PLATFORM "linux"
#endif

RF_PRINTF(2, 3)
static void miss(struct machine *m, const char *format, ...)
{
	if (m->missing_count == MACHINE_MAX_MISSING)
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(m->missing[m->missing_count++], sizeof m->missing[0], format, args);
	va_end(args);
}

/* Tegra chips by the device tree's `compatible` (NVIDIA's Jetson module table). */
static const struct {
	const char *chip;
	unsigned sm;
} tegra[] = { { "nvidia,tegra210", 53 }, { "nvidia,tegra186", 62 }, { "nvidia,tegra194", 72 }, { "nvidia,tegra234", 87 },
	      { "nvidia,tegra264", 110 } };

static bool look_at_device_tree(struct machine *m)
{
	FILE *f = fopen("/proc/device-tree/compatible", "re");
	if (!f)
		return false;
	char names[512];
	size_t n = fread(names, 1, sizeof names, f);
	fclose(f);
	struct span rest = span_bytes(names, n), name;
	while (span_split(&rest, '\0', &name))
		for (size_t i = 0; i < RF_COUNT(tegra); i++)
			if (span_eq_text(name, tegra[i].chip)) {
				snprintf(m->target, sizeof m->target, PLATFORM "/sm_%u", tegra[i].sm);
				snprintf(m->info, sizeof m->info, "%s", tegra[i].chip);
				return true;
			}
	return false;
}

/* nvml.h; every function returns 0 for success. */
struct nvml {
	int (*init)(void);
	int (*shutdown)(void);
	int (*handle)(unsigned index, void **device);
	int (*compute_capability)(void *device, int *major, int *minor);
	int (*driver_version)(char *text, unsigned length);
};

static bool take(void *library, const char *name, void *function)
{
	void *symbol = dlsym(library, name);
	memcpy(function, &symbol, sizeof symbol);
	return symbol != NULL;
}

static void look_at_nvml(struct machine *m)
{
	void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		const char *why = dlerror();
		miss(m, "NVML (libnvidia-ml.so.1, of the NVIDIA driver) does not load: %s", why ? why : "no reason given");
		return;
	}
	struct nvml n;
	if (!take(library, "nvmlInit_v2", &n.init) || !take(library, "nvmlShutdown", &n.shutdown) ||
	    !take(library, "nvmlDeviceGetHandleByIndex_v2", &n.handle) ||
	    !take(library, "nvmlDeviceGetCudaComputeCapability", &n.compute_capability) ||
	    !take(library, "nvmlSystemGetDriverVersion", &n.driver_version)) {
		miss(m, "NVML lacks a function that its header names");
		return;
	}
	void *device = NULL;
	int major = 0, minor = 0, rc = n.init();
	if (rc != 0) {
		miss(m, "NVML does not start (nvmlReturn %d): the NVIDIA kernel driver does not answer", rc);
		return;
	}
	char driver[96] = "";
	if (n.handle(0, &device) != 0 || n.compute_capability(device, &major, &minor) != 0)
		miss(m, "NVML finds no GPU");
	else
		snprintf(m->target, sizeof m->target, PLATFORM "/sm_%d%d", major, minor);
	if (n.driver_version(driver, sizeof driver) == 0)
		snprintf(m->info, sizeof m->info, "driver %s", driver);
	(void)n.shutdown();
}

void machine_look(struct machine *ret)
{
	*ret = (struct machine){ 0 };
	if (look_at_device_tree(ret)) {
		if (!fs_exists("/dev/nvhost-ctrl") && !fs_exists("/dev/nvmap") && !fs_exists("/dev/nvidiactl"))
			miss(ret, "no device files of the GPU: /dev/nvmap, /dev/nvhost-ctrl, /dev/nvidiactl");
		return;
	}
	if (!fs_exists("/dev/nvidiactl") || !fs_exists("/dev/nvidia0"))
		miss(ret, "no NVIDIA GPU: /dev/nvidiactl and /dev/nvidia0 are not there");
	look_at_nvml(ret);
}
