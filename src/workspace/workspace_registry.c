/* registries: of reforge.yaml - where images are had, and how each is spoken to. */
#include "workspace/workspace.h"

#include "format/image_reference.h"
#include "workspace/tables.h"

static const char *const schemes[] = { "https", "http", NULL };

static const struct option registry_rows[] = {
	{ "scheme", OPTION_CHOICE, offsetof(struct workspace_registry, scheme), .choices = schemes, .otherwise = "https",
	  .help = "http: in the clear, logins and images alike" },
	{ "proxy", OPTION_TEXT, offsetof(struct workspace_registry, proxy),
	  .help = "instead of the network's; none: no proxy" },
	{ "ca_file", OPTION_PATH, offsetof(struct workspace_registry, ca_file),
	  .help = "instead of the network's: authorities (PEM) that may sign for its server" },
	{ "credentials", OPTION_PATH, offsetof(struct workspace_registry, credentials),
	  .help = "a Docker config.json with its login; left out: REFORGE_REGISTRY_USER and _PASSWORD, $REGISTRY_AUTH_FILE, "
		  "$DOCKER_CONFIG, ~/.docker" },
};
static const struct options registry_options = OPTIONS(registry_rows, "a registry of images");
const struct option_items registry_items = { .bytes = sizeof(struct workspace_registry),
					     .max = 256,
					     .key_at = offsetof(struct workspace_registry, host),
					     .group = &registry_options };

/* A key that no reference could hold would be passed over in silence. */
int check_registries(struct options_reader *r, const struct workspace *w, const struct yaml_node *root)
{
	for (size_t i = 0; i < w->registries_n; i++) {
		char text[IMAGE_REFERENCE_MAX];
		struct image_reference ref;
		const char *host = w->registries[i].host;
		(void)snprintf(text, sizeof text, "%.300s/x", host);
		if (image_reference_read(span_of(text), &ref, NULL) == 0 && ref.has_host && span_eq_text(ref.registry, host))
			continue;
		r->line = yaml_line(yaml_key_at(yaml_get(root, "registries"), i));
		(void)snprintf(r->path, sizeof r->path, "registries");
		return options_refuse(r, RF_EFORMAT,
				      "\"%.100s\" is no registry as references name it: registry.example, registry.example:5000, docker.io", host);
	}
	return 0;
}

const struct workspace_registry *workspace_registry(const struct workspace *w, struct span host)
{
	for (size_t i = 0; i < w->registries_n; i++)
		if (span_eq_nocase(host, span_of(w->registries[i].host)))
			return &w->registries[i];
	return NULL;
}
