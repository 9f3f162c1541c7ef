/* workspace_schema(): the schemas of both files, from the tables that read them. */
#include "workspace/tables.h"
#include "workspace/workspace.h"

int workspace_schema(const char *name, struct str *to, struct err *err)
{
	static const struct {
		const char *name, *title;
		const struct options *options;
	} schemas[] = {
		{ "reforge", "reforge.yaml", &workspace_options },
		{ "recipe", "recipes/NAME.yaml", &recipe_options },
	};
	for (size_t i = 0; i < RF_COUNT(schemas); i++) {
		char id[64];
		if (strcmp(name, schemas[i].name) != 0)
			continue;
		(void)snprintf(id, sizeof id, "urn:reforge:schema:%s", name);
		options_schema(schemas[i].options, id, schemas[i].title, to);
		return str_check(to, "schema", err);
	}
	return err_set(err, RF_ENOTFOUND, "no schema \"%s\"; there are reforge and recipe", name);
}
