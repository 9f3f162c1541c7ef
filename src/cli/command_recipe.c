/* recipe - the instructions that rebuild engines: list, show, compare, their digests. schema - what reforge.yaml and recipes may hold. */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/site.h"

static int list_one(const struct workspace *w, const char *name, struct table *t, struct json_out *o, bool *bad)
{
	const struct recipe *r;
	struct err problem = ERR_INIT;
	int rc = workspace_recipe(w, name, &r, &problem);
	char text[2048];
	*bad |= rc != 0;
	if (o) {
		json_object(o);
		json_member(o, "model", name);
		json_member(o, "toolchain", rc == 0 ? r->toolchain : NULL);
		json_member(o, "owner", rc == 0 ? r->owner.name : NULL);
		json_member(o, "build_digest", rc == 0 ? r->build_digest : NULL);
		json_member(o, "proof_digest", rc == 0 ? r->proof_digest : NULL);
		json_member(o, "error", rc == 0 ? NULL : err_render(&problem, text, sizeof text));
		json_object_end(o);
		return 0;
	}
	table_text(t, name);
	table_text(t, rc == 0 ? r->toolchain : "-");
	table_f(t, COLOUR_NONE, "%.12s", rc == 0 ? r->build_digest : "-");
	table_f(t, COLOUR_NONE, "%.12s", rc == 0 ? r->proof_digest : "-");
	table_text(t, rc == 0 ? r->owner.name : "-");
	table_cell(t, rc == 0 ? COLOUR_NONE : COLOUR_RED, span_of(rc == 0 ? "" : err_render(&problem, text, sizeof text)));
	return 0;
}

static int run_list(const struct invocation *in, struct err *err)
{
	struct site site;
	struct arena arena = ARENA_INIT(256 * MIB);
	struct table t;
	RF_AUTO(str) text = STR_INIT(64 * MIB);
	struct json_out o = json_out(&text, out_is_terminal());
	const char *const *names = NULL;
	size_t n = 0;
	bool bad = false;
	table_init(&t, "recipe", "toolchain", "build", "proof", "owner", "problem", NULL);
	json_array(&o);
	int rc = site_open(in, 0, &site, err);
	if (rc == 0)
		rc = workspace_recipe_names(site.workspace, &arena, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = list_one(site.workspace, names[i], &t, in->json ? &o : NULL, &bad);
	json_array_end(&o);
	if (rc == 0)
		rc = in->json ? out_json(&text, err) : table_print(&t, err);
	table_release(&t);
	arena_release(&arena);
	site_release(&site);
	return rc != 0 ? rc : bad ? 1 : 0;
}

static int add_json(const struct recipe *r, bool proof, struct str *to)
{
	if (proof)
		recipe_proof_json(r, to);
	else
		recipe_build_json(r, to);
	return to->failed;
}

static int run_show(const struct invocation *in, struct err *err)
{
	struct site site;
	const struct recipe *r;
	RF_AUTO(str) text = STR_INIT(4 * MIB);
	int rc = site_open(in, 0, &site, err);
	if (rc == 0)
		rc = workspace_recipe(site.workspace, in->arguments[0], &r, err);
	if (rc == 0) {
		RF_AUTO(str) build = STR_INIT(2 * MIB);
		RF_AUTO(str) proof = STR_INIT(2 * MIB);
		(void)add_json(r, false, &build);
		(void)add_json(r, true, &proof);
		struct json_out o = json_out(&text, false);
		json_object(&o);
		json_member(&o, "model", r->model);
		json_member(&o, "owner", r->owner.name);
		json_member(&o, "contact", r->owner.contact);
		json_member(&o, "build_digest", r->build_digest);
		json_key(&o, "build");
		json_put_raw(&o, str_span(&build));
		json_member(&o, "proof_digest", r->proof_digest);
		json_key(&o, "proof");
		json_put_raw(&o, str_span(&proof));
		json_object_end(&o);
		rc = out_json(&text, err);
	}
	site_release(&site);
	return rc;
}

/* @o NULL: words. */
static bool show_difference(const struct recipe *a, const struct recipe *b, bool proof, struct json_out *o)
{
	const char *name = proof ? "proof" : "build";
	RF_AUTO(str) left = STR_INIT(2 * MIB);
	RF_AUTO(str) right = STR_INIT(2 * MIB);
	(void)add_json(a, proof, &left);
	(void)add_json(b, proof, &right);
	bool same = span_eq(str_span(&left), str_span(&right));
	if (o) {
		json_key(o, name);
		json_object(o);
		json_member_bool(o, "same", same);
		json_key(o, "left");
		json_put_raw(o, str_span(&left));
		json_key(o, "right");
		json_put_raw(o, str_span(&right));
		json_object_end(o);
		return same;
	}
	out("%s digest: %s\n", name, same ? "the same" : "differs");
	if (!same) {
		out("- ");
		out_visible(str_span(&left));
		out("\n+ ");
		out_visible(str_span(&right));
		out("\n");
	}
	return same;
}

static int run_diff(const struct invocation *in, struct err *err)
{
	struct site site;
	const struct recipe *a, *b;
	RF_AUTO(str) text = STR_INIT(16 * MIB);
	struct json_out o = json_out(&text, false);
	bool same = true;
	int rc = site_open(in, 0, &site, err);
	if (rc == 0)
		rc = workspace_recipe(site.workspace, in->arguments[0], &a, err);
	if (rc == 0)
		rc = workspace_recipe(site.workspace, in->arguments[1], &b, err);
	if (rc == 0) {
		json_object(&o);
		same = show_difference(a, b, false, in->json ? &o : NULL);
		same = show_difference(a, b, true, in->json ? &o : NULL) && same;
		json_object_end(&o);
	}
	if (rc == 0 && in->json)
		rc = out_json(&text, err);
	site_release(&site);
	return rc != 0 ? rc : same ? 0 : 1;
}

const struct command command_recipe = {
	"recipe", "the instructions that rebuild engines",
	(const struct verb[]){
		{ "list", "", "recipes, their digests and owners", 0, 0, NULL, run_list, NULL },
		{ "show", "NAME", "one recipe as JSON, with what each digest is taken over", 1, 1, NULL, run_show, NULL },
		{ "diff", "NAME NAME", "what differs between two recipes, as their digests see it", 2, 2, NULL, run_diff, NULL },
		{ 0 } },
};

static int run_schema(const struct invocation *in, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(4 * MIB);
	int rc = workspace_schema(in->arguments[0], &text, err);
	if (rc == RF_ENOTFOUND)
		return err_set(err, RF_EUSAGE, "'%s' is none of: reforge recipe", in->arguments[0]);
	if (rc == 0)
		out_str(&text);
	return rc;
}

const struct command command_schema = {
	"schema", "JSON Schema of reforge.yaml or of a recipe",
	(const struct verb[]){ { "", "reforge|recipe", "JSON Schema of reforge.yaml or of a recipe", 1, 1, NULL, run_schema, NULL }, { 0 } },
};
