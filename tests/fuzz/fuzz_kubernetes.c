/* Manifests: whatever the bytes, workloads that can be joined or a refusal that leaves nothing behind. */
#include "inventory/kubernetes.h"
#include "libfyaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kube_labels labels = { "app.kubernetes.io/name", "team", "contact" };
	struct kube_set s;
	size_t sum = 0;
	if (kube_set_init(&s, &labels, "default", NULL) == 0 && kube_read(&s, span_bytes(data, size), "manifest", NULL) == 0 &&
	    kube_set_join(&s, NULL) == 0)
		for (size_t i = 0; i < s.count; i++) {
			const struct kube_workload *w = &s.workloads[i];
			sum += strlen(w->name) + strlen(w->kind) + w->containers_n + w->volumes_n;
			for (size_t m = 0; m < w->models_n; m++)
				sum += strlen(w->models[m].uri);
		}
	kube_set_release(&s);
	return sum == SIZE_MAX;
}
