/* inventory import - reports of hosts. One that is refused is told, the others still come in. */
#include "cli/inventory.h"
#include "cli/output.h"

#include "base/log.h"
#include "inventory/host_import.h"

static bool is_host_report(struct span bytes)
{
	return span_starts(bytes, "{\"type\":\"reforge.host-report\"");
}

/* A failure that is this machine's and not the report's ends the import. */
static bool is_ours(int rc)
{
	return rc == RF_ENOMEM || rc == RF_EDATABASE || rc == RF_EBUSY || rc == RF_EFULL || rc == RF_ECANCELLED;
}

static void changes_add(struct inventory_changes *to, const struct inventory_changes *more)
{
	to->added += more->added;
	to->replaced += more->replaced;
	to->vanished += more->vanished;
	to->unchanged += more->unchanged;
	to->artifacts += more->artifacts;
}

static void tell(struct importing *i, const struct host_imported *r)
{
	char taken[TIME_TEXT_BYTES];
	if (i->in->json || i->in->quiet)
		return;
	out("%s: %s, report of %s%s", r->header.host, r->unchanged ? "unchanged" : "imported", time_text(r->header.taken, taken),
	    r->verified ? ", signature verified" : "");
	if (r->findings)
		out_colour(COLOUR_YELLOW, ", %zu findings", r->findings);
	out("\n");
}

static int run_host_report(struct importing *i, const char *path, struct span bytes, struct err *err)
{
	const struct option_value *files = option(i->in, "key");
	struct verify_key *keys[OPTION_LIST_MAX] = { NULL };
	struct host_import o = { .keys = (const struct verify_key *const *)keys, .keys_n = files->count,
				 .replace = option_flag(i->in, "replace") };
	struct host_imported r = { 0 };
	struct err why = ERR_INIT;
	char text[2048];
	int rc = 0;
	for (size_t k = 0; rc == 0 && k < files->count; k++)
		rc = verify_key_load(files->list[k], &keys[k], err);
	int refused = rc ? rc : host_import(i->site->db, bytes, &o, &r, &why);
	for (size_t k = 0; k < RF_COUNT(keys); k++)
		verify_key_freep(&keys[k]);
	if (rc)
		return rc;
	if (refused && is_ours(refused)) {
		*err = why;
		return refused;
	}
	if (refused) {
		i->refused++;
		log_warn("%s is refused: %s", path, err_render(&why, text, sizeof text));
		return 0;
	}
	changes_add(&i->changes, &r.changes);
	i->findings += r.findings > 0;
	tell(i, &r);
	return 0;
}

const struct inventory_import inventory_import_host = { "host-report", is_host_report, run_host_report };
