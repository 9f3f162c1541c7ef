/* site - see site.h */
#include "cli/site.h"

#include "advisory/feed.h"
#include "exposure/exposure.h"
#include "inventory/fleet_store.h"
#include "inventory/inventory.h"
#include "ledger/ledger.h"
#include "response/incident.h"
#include "rollout/rollout.h"
#include "work/work.h"

#include <pwd.h>
#include <unistd.h>

int site_migrate(struct database *db, struct err *err)
{
	static const struct migration_set *const sets[] = {
		&LEDGER_MIGRATIONS,    &WORK_MIGRATIONS,     &DEPOT_MIGRATIONS,   &ADVISORY_MIGRATIONS, &FEED_MIGRATIONS,
		&INVENTORY_MIGRATIONS, &FLEET_MIGRATIONS,    &EXPOSURE_MIGRATIONS, &ROLLOUT_MIGRATIONS, &RESPONSE_MIGRATIONS,
	};
	return database_migrate(db, sets, RF_COUNT(sets), err);
}

static void name_actor(char *actor, size_t size)
{
	char host[65] = "localhost";
	(void)gethostname(host, sizeof host - 1);
	struct passwd entry, *found = NULL;
	char buffer[1024];
	if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found)
		snprintf(actor, size, "user:%s@%s", found->pw_name, host);
	else
		snprintf(actor, size, "user:%u@%s", (unsigned)getuid(), host);
}

static int load_key(const struct workspace *w, const char *name, struct signing_key **ret, struct err *err)
{
	char path[FS_PATH_MAX], file[64];
	snprintf(file, sizeof file, "%s.pem", name);
	int rc = fs_join(path, sizeof path, w->keys, file, err);
	if (rc == 0)
		rc = signing_key_load(path, ret, err);
	if (rc == RF_ENOTFOUND)
		return err_prefix(err, "the %s key is missing; 'reforge key create' makes the keys that are: ", name);
	return rc;
}

static int public_key_path(const struct workspace *w, const char *name, char path[FS_PATH_MAX], struct err *err)
{
	char file[64];
	snprintf(file, sizeof file, "%s.pub.pem", name);
	return fs_join(path, FS_PATH_MAX, w->keys, file, err);
}

bool site_has_public_key(const struct workspace *w, const char *name)
{
	char path[FS_PATH_MAX];
	return public_key_path(w, name, path, NULL) == 0 && fs_exists(path);
}

int site_public_key(const struct workspace *w, const char *name, struct verify_key **ret, struct err *err)
{
	char path[FS_PATH_MAX];
	int rc = public_key_path(w, name, path, err);
	return rc != 0 ? rc : verify_key_load(path, ret, err);
}

int site_open(const struct invocation *in, unsigned needs, struct site *ret, struct err *err)
{
	char folder[FS_PATH_MAX];
	*ret = (struct site){ 0 };
	name_actor(ret->actor, sizeof ret->actor);
	int rc = in->workspace ? fs_join(folder, sizeof folder, ".", in->workspace, err) : workspace_find(".", folder, sizeof folder, err);
	if (rc == 0)
		rc = workspace_open(folder, &ret->workspace, err);
	if (rc == 0)
		rc = fs_join(ret->checkpoints, sizeof ret->checkpoints, ret->workspace->ledger, "checkpoints.jsonl", err);
	if (rc == 0 && (needs & SITE_DATABASE)) {
		rc = database_open(ret->workspace->database, ret->workspace->folder, &ret->db, err);
		if (rc == 0)
			rc = site_migrate(ret->db, err);
	}
	if (rc == 0 && (needs & SITE_DEPOT))
		rc = depot_open(ret->workspace->depot, &ret->depot, err);
	if (rc == 0 && (needs & SITE_RELEASE_KEY))
		rc = load_key(ret->workspace, "release", &ret->release_key, err);
	if (rc == 0 && (needs & SITE_LEDGER_KEY))
		rc = load_key(ret->workspace, "ledger", &ret->ledger_key, err);
	return rc;
}

void site_release(struct site *s)
{
	signing_key_freep(&s->release_key);
	signing_key_freep(&s->ledger_key);
	depot_freep(&s->depot);
	database_freep(&s->db);
	workspace_freep(&s->workspace);
}

struct response_context site_context(const struct site *s, bool isolate)
{
	return (struct response_context){
		.db = s->db, .workspace = s->workspace, .depot = s->depot, .release_key = s->release_key, .ledger_key = s->ledger_key,
		.actor = s->actor, .isolate = isolate,
	};
}

int site_seal(struct site *s, struct err *err)
{
	if (!s->ledger_key)
		return 0;
	return ledger_seal(s->db, s->workspace->site, s->ledger_key, s->checkpoints, false, NULL, err);
}
