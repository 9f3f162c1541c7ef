/* kubeconfig: whatever the bytes, an access or a refusal. Files that it names are looked for in a folder without any. */
#include "inventory/kubernetes_config.h"
#include "libfyaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(64 * MIB);
	struct kube_access access;
	size_t sum = 0;
	/* a path out of the folder would let the fuzzer read the machine's files */
	if (!memchr(data, '/', size) || memmem(data, size, "https:", 6))
		sum = kube_config_read(span_bytes(data, size), "config", "/proc/self/fdinfo", NULL, &a, &access, NULL) == 0 ?
			      strlen(access.server) :
			      0;
	arena_release(&a);
	return sum == SIZE_MAX;
}
