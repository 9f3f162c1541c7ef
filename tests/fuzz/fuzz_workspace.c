/* reforge.yaml: what is accepted is whole, and its roots lead back to their services. */
#include "libfyaml.h"
#include "workspace/workspace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_service(const struct workspace *w, const struct workspace_service *s)
{
	if (!s->owner.name[0] || !s->owner.contact[0] || s->environments_n == 0 ||
	    workspace_service(w, span_of(s->name)) != s)
		abort();
	for (size_t i = 0; i < s->roots_n; i++) {
		RF_AUTO(str) path = STR_INIT(8192);
		struct workspace_place place;
		str_addf(&path, "%s/m/1/model.plan", s->roots[i]);
		if (s->roots[i][0] != '/' || workspace_locate(w, str_text(&path), &place, NULL))
			continue; /* too long a path */
		if (!place.service && s->roots[i][1] != '\0')
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RF_AUTO_PTR(workspace) w = NULL;
	struct err err = ERR_INIT;
	if (workspace_read(span_bytes(data, size), "reforge.yaml", "/w", &w, &err)) {
		if (err.code >= 0 || !err.file[0])
			abort();
		return 0;
	}
	for (size_t i = 0; i < w->services_n; i++)
		check_service(w, &w->services[i]);
	return 0;
}
