/* gate bundle - what the gate knows as one signed file, and what is in one. */
#include "cli/command.h"
#include "cli/gate_bundle.h"
#include "cli/output.h"
#include "cli/site.h"

#include "gate/bundle.h"

static void members(const struct gate_bundle *b, struct json_out *o)
{
	char hex[DIGEST_HEX];
	json_member_span(o, "site", b->site);
	json_member_time(o, "created_at", b->created);
	json_member_time(o, "expires_at", b->expires);
	json_member_time(o, "as_of", b->as_of);
	json_member(o, "tlp", tlp_name(b->tlp));
	json_member_u64(o, "withheld", b->withheld);
	json_key(o, "only");
	json_array(o);
	for (size_t i = 0; i < b->only_count; i++)
		json_put_span(o, b->only[i]);
	json_array_end(o);
	json_member(o, "sha256", digest_hex(&b->snapshot, hex));
	json_member_u64(o, "contents", b->contents);
	json_member_u64(o, "images", b->images);
	json_member_u64(o, "models", b->models);
	json_member_u64(o, "components", b->components);
	json_member_u64(o, "advisories", b->advisories);
	json_member_u64(o, "releases", b->releases);
	json_member_u64(o, "policies", b->policies);
	json_member_u64(o, "waivers", b->waivers);
	json_member_u64(o, "debts", b->debts);
}

static void words(const struct gate_bundle *b)
{
	char as_of[TIME_TEXT_BYTES], created[TIME_TEXT_BYTES], expires[TIME_TEXT_BYTES];
	out("%llu contents, %llu images, %llu places of models, %llu releases, %llu components\n", (unsigned long long)b->contents,
	    (unsigned long long)b->images, (unsigned long long)b->models, (unsigned long long)b->releases,
	    (unsigned long long)b->components);
	for (size_t i = 0; i < b->only_count; i++) {
		out(i ? ", " : "covers only ");
		out_visible(b->only[i]);
	}
	if (b->only_count)
		out("\n");
	out("%llu advisories, %llu withheld: marked stricter than %s; %llu policies, %llu waivers, %llu debts\n",
	    (unsigned long long)b->advisories, (unsigned long long)b->withheld, tlp_name(b->tlp), (unsigned long long)b->policies,
	    (unsigned long long)b->waivers, (unsigned long long)b->debts);
	out("made %s, as of %s, expires %s\n", time_text(b->created, created), time_text(b->as_of, as_of),
	    time_text(b->expires, expires));
}

/* ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int print_written(const struct gate_bundle *b, const char *path, uint64_t bytes, bool json, struct err *err)
{
	if (!json) {
		char size[32];
		out("written to ");
		out_visible(span_of(path));
		out(", %s\n", text_bytes(bytes, size));
		words(b);
		return 0;
	}
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member(&o, "output", path);
	json_member_u64(&o, "bytes", bytes);
	members(b, &o);
	json_object_end(&o);
	return out_json(&text, err);
}

/* --only: a digest, a purl, or a name of something. */
static void part_add(struct gate_building_part *part, struct digest *digests, struct span *purls, struct span *references,
		     const char *name)
{
	struct span text = span_of(name);
	if (!digest_read(text, &digests[part->digest_count], NULL))
		part->digest_count++;
	else if (span_starts(text, "pkg:"))
		purls[part->purl_count++] = text;
	else
		references[part->reference_count++] = text;
}

static int write_bundle(const struct invocation *in, const struct site *site, enum tlp highest, int64_t valid, struct err *err)
{
	struct digest digests[GATE_MAX_ONLY];
	struct span purls[GATE_MAX_ONLY], references[GATE_MAX_ONLY];
	struct gate_building_part part = { .digests = digests, .purls = purls, .references = references, .tells = true };
	const struct option_value *only = option(in, "only");
	RF_AUTO_PTR(gate_snapshot) snapshot = NULL;
	uint64_t withheld, bytes;
	for (size_t i = 0; i < only->count && i < GATE_MAX_ONLY; i++)
		part_add(&part, digests, purls, references, only->list[i]);
	const struct site_snapshot how = { .part = only->count ? &part : NULL, .expires = now_usec() + valid, .highest = highest };
	int rc = site_snapshot(site, &how, &snapshot, &withheld, err);
	if (rc)
		return rc;
	struct gate_bundle b = gate_bundle_of(snapshot, highest, withheld);
	rc = gate_bundle_write(snapshot, in->arguments[0], site->release_key, &b, &bytes, err);
	return rc ? rc : print_written(&b, in->arguments[0], bytes, in->json, err);
}

static int run_write(const struct invocation *in, struct err *err)
{
	enum tlp highest;
	int64_t valid;
	struct site site = { 0 };
	int rc = duration_read(span_of(option_text(in, "valid", "7d")), &valid, err);
	if (rc)
		return rc;
	if (valid <= 0)
		return err_set(err, RF_EUSAGE, "--valid must be longer than nothing");
	if (!tlp_read(span_of(option_text(in, "tlp", "amber+strict")), &highest))
		return err_set(err, RF_EUSAGE, "--tlp \"%s\": clear, green, amber, amber+strict, red", option_text(in, "tlp", ""));
	rc = site_open(in, SITE_DATABASE | SITE_DEPOT | SITE_RELEASE_KEY, &site, err);
	if (!rc)
		rc = write_bundle(in, &site, highest, valid, err);
	site_release(&site);
	return rc;
}

/* ── showing ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int print_shown(const struct gate_bundle *b, const struct gate_snapshot *s, const char *path, const char *key_id, bool json,
		       struct err *err)
{
	usec_t now = now_usec();
	bool expired = now >= b->expires;
	if (!json) {
		out_visible(span_of(path));
		out(": of site ");
		out_visible(b->site);
		out(", signed with key %.12s...\n", key_id);
		words(b);
		if (expired)
			out_colour(COLOUR_YELLOW, "expired: bring a new one\n");
		for (size_t i = 0; i < s->stale_count; i++)
			if (now >= s->stale[i].from) {
				out("feed ");
				out_visible(s->stale[i].feed);
				out(" is ");
				out_visible(s->stale[i].words);
				out("\n");
			}
		return 0;
	}
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member(&o, "bundle", path);
	json_member(&o, "key", key_id);
	json_member_bool(&o, "expired", expired);
	members(b, &o);
	json_key(&o, "stale_feeds");
	json_array(&o);
	for (size_t i = 0; i < s->stale_count; i++) {
		if (now < s->stale[i].from)
			continue;
		json_object(&o);
		json_member_span(&o, "feed", s->stale[i].feed);
		json_member_time(&o, "as_of", s->stale[i].as_of);
		json_member_span(&o, "text", s->stale[i].words);
		json_object_end(&o);
	}
	json_array_end(&o);
	json_object_end(&o);
	return out_json(&text, err);
}

static int key_of(const struct invocation *in, struct verify_key **ret, struct err *err)
{
	const char *path = option_text(in, "key", NULL);
	struct site site = { 0 };
	if (path)
		return verify_key_load(path, ret, err);
	int rc = site_open(in, 0, &site, err);
	if (!rc)
		rc = site_public_key(site.workspace, "release", ret, err);
	site_release(&site);
	return rc;
}

static int run_show(const struct invocation *in, struct err *err)
{
	RF_AUTO_PTR(verify_key) key = NULL;
	RF_AUTO_PTR(gate_snapshot) snapshot = NULL;
	struct gate_bundle b;
	int rc = key_of(in, &key, err);
	if (!rc)
		rc = gate_bundle_read(in->arguments[0], key, &snapshot, &b, err);
	if (!rc)
		rc = print_shown(&b, snapshot, in->arguments[0], verify_key_id(key), in->json, err);
	return rc ? rc : now_usec() >= b.expires ? 3 : 0;
}

int run_gate_bundle(const struct invocation *in, struct err *err)
{
	bool show = option(in, "show")->given;
	if (!show && option(in, "key")->given)
		return err_set(err, RF_EUSAGE, "--key goes with --show: a bundle is signed with the site's own release key");
	if (show && (option(in, "valid")->given || option(in, "tlp")->given || option(in, "only")->count))
		return err_set(err, RF_EUSAGE, "--show goes with --key alone: the others are for writing");
	return show ? run_show(in, err) : run_write(in, err);
}

const struct option_row gate_bundle_options[] = {
	{ "valid", 0, OPTION_TEXT, "TIME", "how long it is to be relied on (default: 7d)", NULL },
	{ "tlp", 0, OPTION_TEXT, "MARK", "the strictest mark of advisories that may leave (default: amber+strict)",
	  "clear green amber amber+strict red" },
	{ "only", 0, OPTION_LIST, "NAME", "only what this names and what is in it: an image, file, folder, release SERVICE/NAME, sha256:..., pkg:...; several times", NULL },
	{ "show", 0, OPTION_FLAG, NULL, "verify the bundle and say what is in it", NULL },
	{ "key", 0, OPTION_TEXT, "FILE", "with --show: the public key it must be signed with (default: the site's)", NULL },
	{ 0 }
};
const char gate_bundle_details[] =
	"The bundle holds all that the gate judges by: contents, images, places of models, releases, advisories, policies, waivers, "
	"and how fresh the feeds are. It is signed with the site's release key and has an end; `gate pod`, `gate serve`, `check --bundle` "
	"and reforge-gate judge by it without a network. What was withheld by its mark is told to whoever judges by it, as a feed that "
	"is stale.";
