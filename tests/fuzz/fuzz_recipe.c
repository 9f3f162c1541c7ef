/* Recipes: what is accepted is whole, and both canonical forms are JSON in canonical form. */
#include "format/json.h"
#include "libfyaml.h"
#include "workspace/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_form(void (*form)(const struct recipe *, struct str *), const struct recipe *r)
{
	RF_AUTO(str) made = STR_INIT(8 * MIB);
	RF_AUTO(str) canonical = STR_INIT(8 * MIB);
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct json v;
	form(r, &made);
	if (!doc || json_parse(doc, str_span(&made), &v, NULL) || json_canonical(v, &canonical, NULL) ||
	    !span_eq(str_span(&made), str_span(&canonical)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(64 * MIB);
	const struct recipe *r = NULL;
	struct err err = ERR_INIT;
	if (recipe_read(&a, span_bytes(data, size), "fuzz.yaml", NULL, &r, &err) == 0) {
		if (!r->owner.name[0] || !r->owner.contact[0] || r->targets_n == 0 || r->outputs_n == 0 ||
		    strlen(r->build_digest) != 64)
			abort();
		check_form(recipe_build_json, r);
		check_form(recipe_proof_json, r);
	} else if (err.code >= 0 || !err.file[0]) {
		abort();
	}
	arena_release(&a);
	return 0;
}
