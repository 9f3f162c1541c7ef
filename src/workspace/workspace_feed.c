/* feeds: and network: of reforge.yaml - where advisories come from, and what may be asked for them. */
#include "workspace/workspace.h"

#include "network/http_client.h"
#include "workspace/tables.h"

static const char *const kinds[] = { [WORKSPACE_FEED_FOLDER] = "folder",
				     [WORKSPACE_FEED_URL] = "url",
				     [WORKSPACE_FEED_GIT] = "git",
				     [WORKSPACE_FEED_PROVIDER] = "csaf-provider",
				     [WORKSPACE_FEED_NVD] = "nvd",
				     [WORKSPACE_FEED_BUNDLE] = "bundle",
				     NULL };
static const char *const formats[] = { "osv", "csaf", "cve", "nvd", "kev", "epss", "openvex", "table", NULL };
static const char *const tlp_marks[] = { "clear", "green", "amber", "amber+strict", "red", NULL };

static const char *const column_fields[] = { "id", "aliases", "title", "summary", "url", "severity", "vector", "cwe", "vendor",
					     "product", "purl", "platform", "affected", "fixed", "published", "modified",
					     "state", "tlp", NULL };

static const struct option text_item = { .key = "", .kind = OPTION_TEXT };
static const struct option_items filter_items = { .bytes = sizeof(char *), .max = 256, .scalar = &text_item };
static const struct option column_item = { .key = "",
					   .kind = OPTION_TEXT,
					   .at = offsetof(struct workspace_column, column) };
static const struct option_items column_items = { .bytes = sizeof(struct workspace_column),
						  .max = 64,
						  .key_at = offsetof(struct workspace_column, field),
						  .key_choices = column_fields,
						  .scalar = &column_item };

static const struct option feed_rows[] = {
	{ "kind", OPTION_ENUM, offsetof(struct workspace_feed, kind), .choices = kinds, .otherwise = "folder",
	  .help = "how it is fetched" },
	{ "format", OPTION_CHOICE, offsetof(struct workspace_feed, format), .choices = formats,
	  .help = "how its advisories are written; left out: told from each document" },
	{ "path", OPTION_PATH, offsetof(struct workspace_feed, path), .help = "file or folder (kind folder), or the bundle" },
	{ "key", OPTION_PATH, offsetof(struct workspace_feed, key),
	  .help = "kind bundle: public key (PEM) of the site that made it" },
	{ "url", OPTION_TEXT, offsetof(struct workspace_feed, url),
	  .help = "address: of the document, the repository, the provider-metadata.json, or another NVD API 2.0" },
	{ "branch", OPTION_TEXT, offsetof(struct workspace_feed, branch),
	  .help = "branch of the repository; left out: its default" },
	{ "folder", OPTION_TEXT, offsetof(struct workspace_feed, folder),
	  .help = "folder within the repository; left out: all of it" },
	{ "keywords", OPTION_LIST, offsetof(struct workspace_feed, keywords), .items = &filter_items,
	  .count_at = offsetof(struct workspace_feed, keywords_n),
	  .help = "NVD: one query per entry, all of whose words a record must hold" },
	{ "cpe", OPTION_LIST, offsetof(struct workspace_feed, cpe), .items = &filter_items,
	  .count_at = offsetof(struct workspace_feed, cpe_n),
	  .help = "NVD: one query per CPE pattern (virtualMatchString), for example cpe:2.3:a:nvidia:tensorrt" },
	{ "api_key_file", OPTION_PATH, offsetof(struct workspace_feed, api_key_file),
	  .help = "file that holds the key alone; NVD then answers ten times as often" },
	{ "requests_per_30s", OPTION_COUNT, offsetof(struct workspace_feed, requests_per_30s), .low = 0, .high = 100000,
	  .otherwise = "0", .help = "rate limit, rolling; 0: NVD's own, 5 without a key and 50 with one" },
	{ "page", OPTION_COUNT, offsetof(struct workspace_feed, page), .low = 2, .high = 2000, .otherwise = "2000",
	  .help = "NVD: records a page" },
	{ "attempts", OPTION_COUNT, offsetof(struct workspace_feed, attempts), .low = 1, .high = 100, .otherwise = "8",
	  .help = "how often a request is tried" },
	{ "retry_wait", OPTION_DURATION, offsetof(struct workspace_feed, retry_wait_usec), .otherwise = "6s",
	  .help = "before the second attempt; doubles up to 2 minutes" },
	{ "timeout", OPTION_DURATION, offsetof(struct workspace_feed, timeout_usec), .otherwise = "10m",
	  .help = "longest time one request, or the fetch of a repository, may take" },
	{ "proxy", OPTION_TEXT, offsetof(struct workspace_feed, proxy),
	  .help = "instead of the network's; none: no proxy" },
	{ "ca_file", OPTION_PATH, offsetof(struct workspace_feed, ca_file),
	  .help = "instead of the network's: authorities (PEM) that may sign for its server" },
	{ "columns", OPTION_MAP, offsetof(struct workspace_feed, columns), .items = &column_items,
	  .count_at = offsetof(struct workspace_feed, columns_n),
	  .help = "format table: which column of the file holds which field" },
	{ "publisher", OPTION_TEXT, offsetof(struct workspace_feed, publisher),
	  .help = "format table: who wrote it" },
	{ "tlp", OPTION_CHOICE, offsetof(struct workspace_feed, tlp), .choices = tlp_marks, .otherwise = "clear",
	  .help = "how far its texts may go (Traffic Light Protocol 2.0)" },
	{ "interval", OPTION_DURATION, offsetof(struct workspace_feed, interval_usec), .otherwise = "2h",
	  .help = "how often it is fetched by a running server" },
	{ "max_age", OPTION_DURATION, offsetof(struct workspace_feed, max_age_usec), .otherwise = "24h",
	  .help = "older than this it is stale, and its silence proves nothing" },
};
static const struct options feed_options = OPTIONS(feed_rows, "a source of advisories");
const struct option_items feed_items = { .bytes = sizeof(struct workspace_feed),
					 .max = 64,
					 .key_at = offsetof(struct workspace_feed, name),
					 .key_is_name = true,
					 .group = &feed_options };

static const struct option network_rows[] = {
	{ "proxy", OPTION_TEXT, offsetof(struct workspace, proxy),
	  .help = "for every request that leaves, for example http://proxy:3128; the environment's are not used" },
	{ "ca_file", OPTION_PATH, offsetof(struct workspace, ca_file),
	  .help = "authorities (PEM) instead of the system's" },
};
const struct options network_options = OPTIONS(network_rows, "what requests to other machines use");

const char *workspace_feed_kind_name(enum workspace_feed_kind kind)
{
	return kinds[kind];
}

/* git takes more than http: ssh://, user@host:path, a folder. Never an option, never a helper ("ext::sh -c ..."). */
static bool is_repository(const char *url)
{
	return url[0] != '-' && !strstr(url, "::");
}

static const char *lacks(const struct workspace_feed *f)
{
	bool is_file = f->kind == WORKSPACE_FEED_FOLDER || f->kind == WORKSPACE_FEED_BUNDLE;
	if (f->kind == WORKSPACE_FEED_BUNDLE && (!f->path || !f->key))
		return "kind bundle needs path and key";
	if (f->kind != WORKSPACE_FEED_BUNDLE && f->key)
		return "key goes with kind bundle";
	if (is_file && !f->path)
		return "kind folder needs path";
	if (!is_file && f->path)
		return "path goes with kinds folder and bundle; this kind is fetched from url";
	if (!is_file && f->kind != WORKSPACE_FEED_NVD && !f->url)
		return "this kind needs url";
	if (is_file && f->url)
		return "url goes with the kinds url, git, csaf-provider and nvd";
	if (f->kind == WORKSPACE_FEED_GIT ? !is_repository(f->url) : f->url && !http_url_is_valid(f->url))
		return f->kind == WORKSPACE_FEED_GIT ? "url is not one of a repository" :
						       "url is not an address of http or https";
	if (f->kind != WORKSPACE_FEED_NVD && (f->keywords_n || f->cpe_n))
		return "keywords and cpe go with kind nvd";
	return NULL;
}

int check_feeds(struct options_reader *r, const struct workspace *w, const struct yaml_node *root)
{
	for (size_t i = 0; i < w->feeds_n; i++) {
		const char *wrong = lacks(&w->feeds[i]);
		if (!wrong)
			continue;
		r->line = yaml_line(yaml_key_at(yaml_get(root, "feeds"), i));
		(void)snprintf(r->path, sizeof r->path, "feeds.%.128s", w->feeds[i].name);
		return options_refuse(r, RF_EFORMAT, "%s", wrong);
	}
	return 0;
}
