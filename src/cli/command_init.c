/* init - a new workspace: reforge.yaml, folders, keys, database. key - its keys. */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/site.h"

static int make_key(const struct workspace *w, const char *name, bool *ret_made, struct err *err)
{
	char private_path[FS_PATH_MAX], public_path[FS_PATH_MAX], file_private[64], file[64];
	snprintf(file_private, sizeof file_private, "%s.pem", name);
	int rc = fs_join(private_path, sizeof private_path, w->keys, file_private, err);
	snprintf(file, sizeof file, "%s.pub.pem", name);
	if (rc == 0)
		rc = fs_join(public_path, sizeof public_path, w->keys, file, err);
	*ret_made = false;
	if (rc != 0 || fs_exists(private_path))
		return rc;
	/* what it signed verifies with the public key only: that one is not thrown away by a new pair */
	if (fs_exists(public_path)) {
		(void)err_set(err, RF_EEXISTS, "the public key is here and its private key is not: restore %s from where it is kept, or move this "
		              "file away (what it verifies stays signed by it) and run this again", file_private);
		return err_in_file(err, public_path);
	}
	*ret_made = true;
	return key_generate(private_path, public_path, err);
}

#define KEYS 2
static const char *const key_names[KEYS] = { "release", "ledger" };

static int make_keys(const struct workspace *w, bool made[KEYS], struct err *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < KEYS; i++)
		rc = make_key(w, key_names[i], &made[i], err);
	return rc;
}

/* @o NULL: words. @made NULL: the keys were only looked at. */
static int show_key(const struct workspace *w, size_t i, const bool *made, struct json_out *o, struct err *err)
{
	RF_AUTO_PTR(verify_key) key = NULL;
	int rc = site_public_key(w, key_names[i], &key, err);
	if (rc != 0)
		return rc;
	if (o) {
		json_object(o);
		json_member(o, "name", key_names[i]);
		json_member(o, "algorithm", "Ed25519");
		json_member(o, "keyid", verify_key_id(key));
		if (made)
			json_member_bool(o, "made", made[i]);
		json_object_end(o);
	} else if (made) {
		out("%s key: %s\n", key_names[i], made[i] ? "made (Ed25519, keys/, mode 0600)" : "there already");
	} else {
		out("%-8s Ed25519  %s\n", key_names[i], verify_key_id(key));
	}
	return 0;
}

static int show_keys(const struct workspace *w, const bool *made, struct json_out *o, struct err *err)
{
	int rc = 0;
	if (o)
		json_array(o);
	for (size_t i = 0; rc == 0 && i < KEYS; i++)
		rc = show_key(w, i, made, o, err);
	if (o)
		json_array_end(o);
	return rc;
}

static int print_workspace(const struct workspace *w, const bool *made, bool json, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	struct json_out o = json_out(&text, false);
	if (json) {
		json_object(&o);
		json_member(&o, "workspace", w->folder);
		json_member(&o, "site", w->site);
		json_key(&o, "keys");
		int rc = show_keys(w, made, &o, err);
		json_object_end(&o);
		return rc != 0 ? rc : out_json(&text, err);
	}
	int rc = show_keys(w, made, NULL, err);
	if (rc == 0) {
		out("workspace: ");
		out_visible(span_of(w->folder));
		out("\nNext: name your services and owners in reforge.yaml, then 'reforge scan'.\n");
	}
	return rc;
}

static int run_init(const struct invocation *in, struct err *err)
{
	const char *folder = in->argument_count ? in->arguments[0] : in->workspace ? in->workspace : ".";
	int rc = workspace_init(folder, option_text(in, "site", "site"), err);
	if (rc != 0)
		return rc;
	struct invocation inner = *in;
	inner.workspace = folder;
	struct site site;
	bool made[KEYS];
	rc = site_open(&inner, SITE_DATABASE | SITE_DEPOT, &site, err);
	if (rc == 0)
		rc = make_keys(site.workspace, made, err);
	if (rc == 0)
		rc = print_workspace(site.workspace, made, in->json, err);
	site_release(&site);
	return rc;
}

static const struct option_row init_options[] = {
	{ "site", 0, OPTION_TEXT, "NAME", "name of this site, written into its ledger (default: site)", NULL }, { 0 } };
const struct command command_init = {
	"init", "a new workspace: reforge.yaml, keys, database, depot",
	(const struct verb[]){ { "", "[DIR]", "a new workspace: reforge.yaml, keys, database, depot", 0, 1, init_options, run_init,
	                         "Makes DIR (default: the working folder) a workspace. Never touches one that is there." }, { 0 } },
};

static int print_keys(const struct workspace *w, const bool *made, bool json, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(16 * KIB);
	struct json_out o = json_out(&text, false);
	int rc = show_keys(w, made, json ? &o : NULL, err);
	return rc != 0 || !json ? rc : out_json(&text, err);
}

static int run_key_create(const struct invocation *in, struct err *err)
{
	struct site site;
	bool made[KEYS];
	int rc = site_open(in, 0, &site, err);
	if (rc == 0)
		rc = make_keys(site.workspace, made, err);
	if (rc == 0)
		rc = print_keys(site.workspace, made, in->json, err);
	site_release(&site);
	return rc;
}

static int run_key_list(const struct invocation *in, struct err *err)
{
	struct site site;
	int rc = site_open(in, 0, &site, err);
	if (rc == 0)
		rc = print_keys(site.workspace, NULL, in->json, err);
	site_release(&site);
	return rc;
}

const struct command command_key = {
	"key", "the keys that sign releases and the ledger",
	(const struct verb[]){
		{ "list", "", "public keys and their ids", 0, 0, NULL, run_key_list, NULL },
		{ "create", "", "make the keys that are missing; never replaces one", 0, 0, NULL, run_key_create, NULL },
		{ 0 } },
};
