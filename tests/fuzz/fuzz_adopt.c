/* Logs, tables of owners, and a reforge.yaml to be added to: whatever the text, a draft of it is YAML that reads. */
#include "inventory/adopt.h"

#include <stdlib.h>

#include "workspace/recipe.h"
#include "libfyaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An engine with the log's names: its draft must be taken by the reader of recipes, or ask. */
static void draft(struct arena *a, const struct adopt_commands *commands)
{
	const struct adopt_command *c = &commands->list[0];
	struct adopt_engine e = { .path = c->engine[0] ? c->engine : "/x.plan", .service = "s", .model = c->model[0] ? c->model : "m",
				  .kind = "tensorrt-plan", .product = "pkg:generic/nvidia/tensorrt", .version = c->version, .target = "sm_86",
				  .compute_capability = "8.6", .digest = "", .source_digest = "", .folder = "", .config = "",
				  .config_target = "", .config_backend = "", .shapes = "" };
	struct adopt_model model = { .path = e.model, .digest = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	struct adopt_service service = { "s", "owner", "contact", "", "linux-x86_64" };
	struct adopt_facts facts = { .engines = &e, .engines_n = 1, .models = &model, .models_n = 1, .commands = commands->list,
				     .commands_n = commands->count, .services = &service, .services_n = 1 };
	RF_AUTO(str) yaml = STR_INIT(1 * MIB);
	struct adopt_draft *drafts;
	size_t count;
	const struct recipe *r;
	if (adopt_draft(a, &facts, &drafts, &count, NULL) != 0)
		return;
	adopt_recipe_yaml(&drafts[0], &yaml);
	/* an option may be longer than a recipe takes, never something else than text */
	if (drafts[0].state == ADOPT_READY && !yaml.failed && recipe_read(a, str_span(&yaml), "x.yaml", drafts[0].name, &r, NULL) == 0 &&
	    r->build_args_n != drafts[0].args_n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	RF_AUTO(str) to = STR_INIT(16 * MIB);
	struct span bytes = span_bytes(data, size);
	struct adopt_commands commands = { .a = &a };
	struct adopt_assignment *list;
	size_t n;
	struct adopt_found none = { .logs = 0 };
	if (adopt_log_read(&commands, bytes, "fuzz.log", NULL) == 0 && commands.count)
		draft(&a, &commands);
	(void)!adopt_assignments_read(&a, bytes, "fuzz.csv", "/srv", &list, &n, NULL);
	if (adopt_services_yaml(&none, NULL, 0, bytes, &to, NULL) == 0 && !span_eq(str_span(&to), bytes))
		abort();
	return 0;
}
