/* feed - bring advisories in. */
#include "cli/command.h"
#include "cli/feed.h"
#include "cli/output.h"
#include "cli/site.h"

#include "advisory/bundle.h"
#include "advisory/store.h"
#include "exposure/exposure.h"

struct importing {
	struct advisory_import_result sum;
	bool json, expired;
};

static void show_problem(const char *path, const struct err *problem, void *data)
{
	char text[4096];
	(void)data;
	fprintf(stderr, "reforge feed: not imported: %s\n", err_render(problem, text, sizeof text));
	(void)path;
}

/* An expired one is taken in, and told: what it says is still so, what it does not say proves nothing. */
static int import_bundle(struct site *site, const char *path, const char *key_path, const struct advisory_import *options,
			 struct importing *i, struct advisory_import_result *ret, struct err *err)
{
	RF_AUTO_PTR(verify_key) key = NULL;
	struct arena a = ARENA_INIT(1024 * MIB);
	struct bundle_manifest m;
	char expires[TIME_TEXT_BYTES];
	if (!key_path)
		return err_set(err, RF_EUSAGE, "%s is a signed bundle: --key FILE, the public key of the site that made it", path);
	int rc = verify_key_load(key_path, &key, err);
	if (!rc)
		rc = bundle_import(site->db, path, key, options, &a, &m, ret, err);
	if (!rc && m.expired) {
		fprintf(stderr, "reforge feed: %s expired %s: imported, but its silence proves nothing\n", path,
			time_text(m.expires, expires));
		i->expired = true;
	}
	arena_release(&a);
	return rc;
}

static int import_one(struct site *site, const char *path, const char *feed, const char *format, const char *key,
		      struct importing *i, struct err *err)
{
	struct advisory_import_result r = { 0 };
	struct advisory_import options = { .feed = feed, .actor = site->actor, .format = format, .problem = show_problem };
	int rc = key || bundle_sniff(path) ? import_bundle(site, path, key, &options, i, &r, err)
					   : advisory_import_path(site->db, path, &options, &r, err);
	i->sum.files += r.files;
	i->sum.documents += r.documents;
	i->sum.unchanged += r.unchanged;
	i->sum.advisories += r.advisories;
	i->sum.review += r.review;
	i->sum.problems += r.problems;
	return rc;
}

static int print_import(const struct importing *i, const struct exposure_changes *e, struct err *err)
{
	const struct advisory_import_result *s = &i->sum;
	if (!i->json) {
		out("%lld files: %lld new or changed, %lld unchanged, %lld refused; %lld advisories", (long long)s->files, (long long)s->documents,
		    (long long)s->unchanged, (long long)s->problems, (long long)s->advisories);
		if (s->review)
			out_colour(COLOUR_YELLOW, "; %lld statements are for a person to read: reforge advisory list --review",
				   (long long)s->review);
		out("\nexposures: %lld open, %lld new, %lld cleared\n", (long long)e->open, (long long)e->opened, (long long)e->cleared);
		return 0;
	}
	RF_AUTO(str) text = STR_INIT(16 * KIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member_i64(&o, "files", s->files);
	json_member_i64(&o, "documents", s->documents);
	json_member_i64(&o, "unchanged", s->unchanged);
	json_member_i64(&o, "advisories", s->advisories);
	json_member_i64(&o, "review", s->review);
	json_member_i64(&o, "problems", s->problems);
	json_member_i64(&o, "exposures_open", e->open);
	json_member_i64(&o, "exposures_opened", e->opened);
	json_member_i64(&o, "exposures_cleared", e->cleared);
	json_object_end(&o);
	return out_json(&text, err);
}

static int finish_import(struct site *site, struct importing *i, struct err *err)
{
	struct exposure_changes changes = { 0 };
	int rc = exposure_refresh(site->db, site->actor, &changes, err);
	if (rc == 0)
		rc = site_seal(site, err);
	if (rc == 0)
		rc = print_import(i, &changes, err);
	return rc != 0 ? rc : i->sum.problems || i->expired ? 3 : 0;
}

static int run_import(const struct invocation *in, struct err *err)
{
	struct site site;
	struct importing i = { .json = in->json };
	int rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	for (size_t k = 0; rc == 0 && k < in->argument_count; k++)
		rc = import_one(&site, in->arguments[k], option_text(in, "feed", "file"), option_text(in, "format", NULL),
				option_text(in, "key", NULL), &i, err);
	if (rc == 0)
		rc = finish_import(&site, &i, err);
	site_release(&site);
	return rc;
}

static const struct option_row import_options[] = {
	{ "feed", 0, OPTION_TEXT, "NAME", "name of the feed they belong to (default: file)", NULL },
	{ "format", 0, OPTION_TEXT, "FORMAT", "default: told from the content", "osv csaf cve nvd openvex kev epss table" },
	{ "key", 0, OPTION_TEXT, "FILE", "the files are signed bundles: public key (PEM) of the site that made them", NULL },
	{ 0 } };
const struct command command_feed = {
	"feed", "bring security advisories in",
	(const struct verb[]){
		{ "import", "FILE...", "import advisories from files, folders, archives; the format is told from the content", 1, 10000, import_options, run_import, NULL },
		{ "sync", "[NAME...]", "fetch the feeds of reforge.yaml and take in what is new", 0, 64, NULL, run_feed_sync, NULL },
		{ "status", "[NAME...]", "how the feeds stand: age against limit, records, alarms, wrong hashes", 0, 64, NULL, run_feed_status, NULL },
		{ "accept", "NAME", "the open alarms of a feed are right so", 1, 1, feed_accept_options, run_feed_accept, NULL },
		{ "export", "", "write what was understood as OSV or OpenVEX, for other scanners", 0, 0, feed_export_options, run_feed_export, NULL },
		{ "bundle", "FILE", "write what this site knows as one signed file, for sites without internet", 1, 1, feed_bundle_options, run_feed_bundle, NULL },
		{ 0 } },
};
