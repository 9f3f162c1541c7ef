/* feed bundle - what this site knows as one signed file, for sites without internet. */
#include "cli/command.h"
#include "cli/feed.h"
#include "cli/output.h"
#include "cli/site.h"

#include "advisory/bundle.h"

static int print_written(const struct bundle_written *b, const char *path, enum tlp tlp, bool json, struct err *err)
{
	char as_of[TIME_TEXT_BYTES], expires[TIME_TEXT_BYTES];
	if (!json) {
		out("%lld documents written to ", (long long)b->documents);
		out_visible(span_of(path));
		out(" (%llu bytes), %lld withheld: marked stricter than %s\nas of %s, expires %s\n",
		    (unsigned long long)b->bytes, (long long)b->withheld, tlp_name(tlp), time_text(b->as_of, as_of),
		    time_text(b->expires, expires));
		return 0;
	}
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member(&o, "output", path);
	json_member(&o, "tlp", tlp_name(tlp));
	json_member_i64(&o, "documents", b->documents);
	json_member_i64(&o, "withheld", b->withheld);
	json_member_u64(&o, "bytes", b->bytes);
	json_member_time(&o, "created_at", b->created);
	json_member_time(&o, "expires_at", b->expires);
	json_member_time(&o, "as_of", b->as_of);
	json_object_end(&o);
	return out_json(&text, err);
}

int run_feed_bundle(const struct invocation *in, struct err *err)
{
	struct site site = { 0 };
	struct bundle_writing how = { 0 };
	struct bundle_written written;
	int rc = duration_read(span_of(option_text(in, "valid", "7d")), &how.valid_usec, err);
	if (rc)
		return rc;
	if (how.valid_usec <= 0)
		return err_set(err, RF_EUSAGE, "--valid must be longer than nothing");
	if (!tlp_read(span_of(option_text(in, "tlp", "clear")), &how.highest))
		return err_set(err, RF_EUSAGE, "--tlp \"%s\": clear, green, amber, amber+strict, red", option_text(in, "tlp", ""));
	rc = site_open(in, SITE_DATABASE | SITE_RELEASE_KEY, &site, err);
	if (rc == 0) {
		how.workspace = site.workspace;
		how.key = site.release_key;
		rc = bundle_write(site.db, in->arguments[0], &how, &written, err);
	}
	if (rc == 0)
		rc = print_written(&written, in->arguments[0], how.highest, in->json, err);
	site_release(&site);
	return rc;
}

const struct option_row feed_bundle_options[] = {
	{ "tlp", 0, OPTION_TEXT, "MARK", "the strictest mark that may leave (default: clear)",
	  "clear green amber amber+strict red" },
	{ "valid", 0, OPTION_TEXT, "TIME", "how long it is to be relied on (default: 7d)", NULL },
	{ 0 }
};
