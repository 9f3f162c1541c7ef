/*
 * network - every address that the configuration can reach, why, and the line of reforge.yaml that says so.
 *
 * Opens no connection itself. doors[] names every file that opens one: tests/e2e/test_network.py looks for others.
 */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/site.h"

#include "advisory/feed.h"
#include "format/yaml.h"
#include "inventory/kubernetes_config.h"
#include "network/http_client.h"

#include <stdarg.h>

/* How an address comes to be reached. */
enum reached { REACHED_CONFIGURED = 0, REACHED_SEEN, REACHED_NAMED };
static const char *const reached_names[] = {
	[REACHED_CONFIGURED] = "configured", /* reforge.yaml says it */
	[REACHED_SEEN] = "seen",             /* something configured led there: a redirect, a listing */
	[REACHED_NAMED] = "named",           /* only a command that names it goes there */
};

struct door;
struct listing {
	const struct workspace *w;
	const struct yaml_node *root; /* of reforge.yaml */
	struct arena a;
	struct str json;
	struct json_out o;
	bool as_json;
	struct table table;
	size_t count;
	const struct door *door;
	struct err *err;
};

/* One way out. */
struct door {
	const char *file;  /* that opens it */
	const char *opens; /* for people */
	int (*list)(struct listing *l);
};

struct address {
	const char *address; /* NULL: whatever the command names */
	const char *why;
	const char *proxy;   /* NULL: none */
	enum reached how;
	const char *key;     /* "feeds.nvidia.url" */
	uint64_t line;       /* of reforge.yaml; 0: it is not there */
	const char *from;    /* where else it comes from; NULL */
};

static void put_address(struct listing *l, const struct address *a)
{
	char where[192];
	l->count++;
	if (l->as_json) {
		json_object(&l->o);
		json_member(&l->o, "address", a->address);
		json_member(&l->o, "why", a->why);
		json_member(&l->o, "reached", reached_names[a->how]);
		json_member(&l->o, "proxy", a->proxy);
		json_member(&l->o, "key", a->key);
		json_key(&l->o, "line");
		if (a->line)
			json_put_u64(&l->o, a->line);
		else
			json_put_null(&l->o);
		json_member(&l->o, "from", a->from);
		json_member(&l->o, "door", l->door->file);
		json_object_end(&l->o);
		return;
	}
	table_text(&l->table, a->address ? a->address : "(what it names)");
	table_text(&l->table, a->why);
	table_text(&l->table, a->proxy ? a->proxy : "-");
	if (a->line)
		snprintf(where, sizeof where, "%s:%llu %s", WORKSPACE_FILE, (unsigned long long)a->line, a->key);
	table_text(&l->table, a->line ? where : a->from);
}

/* The line of a key, or of the nearest group above that is written; 0: none of it is. */
static uint64_t line_of(const struct listing *l, const char *group, const char *name, const char *key)
{
	const struct yaml_node *at = yaml_get(l->root, group);
	const struct yaml_node *named = name ? yaml_get(at, name) : at;
	const struct yaml_node *last = key ? yaml_get(named, key) : named;
	const struct yaml_node *best = last ? last : named ? named : at;
	return best ? yaml_line(best) : 0;
}

static const char *text(struct listing *l, const char *format, ...) RF_PRINTF(2, 3);
static const char *text(struct listing *l, const char *format, ...)
{
	char buffer[HTTP_MAX_URL];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(buffer, sizeof buffer, format, args);
	va_end(args);
	const char *copy = arena_text(&l->a, span_of(buffer));
	return copy ? copy : "";
}

static const char *visible(struct listing *l, const char *url)
{
	char buffer[HTTP_MAX_URL];
	return text(l, "%s", http_url_visible(url, buffer, sizeof buffer));
}

/* The proxy that a request really takes; the word "none" takes the network's away. */
static const char *proxy_of(struct listing *l, const char *own)
{
	const char *proxy = own ? own : l->w->proxy;
	return proxy && strcmp(proxy, "none") != 0 ? visible(l, proxy) : NULL;
}

/* A proxy is an address that is reached, too. */
static void put_proxy(struct listing *l, const char *own, const char *group, const char *name)
{
	if (own && strcmp(own, "none") != 0)
		put_address(l, &(struct address){ .address = visible(l, own), .why = text(l, "proxy of %s", name ? name : "every request"),
						  .key = name ? text(l, "%s.%s.proxy", group, name) : text(l, "%s.proxy", group),
						  .line = line_of(l, group, name, "proxy") });
}

/* ── Feeds ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_http_feed(const struct workspace_feed *f)
{
	return f->kind == WORKSPACE_FEED_URL || f->kind == WORKSPACE_FEED_PROVIDER || f->kind == WORKSPACE_FEED_NVD;
}

static const char *feed_why(const struct workspace_feed *f)
{
	switch (f->kind) {
	case WORKSPACE_FEED_PROVIDER:
		return "a CSAF provider's metadata; its listings may name further addresses (seen)";
	case WORKSPACE_FEED_NVD:
		return "NVD's API";
	default:
		return "one document";
	}
}

static void put_feed(struct listing *l, const struct workspace_feed *f, const char *address, const char *why)
{
	put_address(l, &(struct address){ .address = address, .why = text(l, "feed %s: %s", f->name, why), .proxy = proxy_of(l, f->proxy),
					  .key = text(l, "feeds.%s.url", f->name), .line = line_of(l, "feeds", f->name, "url") });
}

/* CSAF 2.0, 7.3.1: a provider that is named by its host alone may keep its metadata at two more places. */
static void put_provider(struct listing *l, const struct workspace_feed *f)
{
	const char *host = strstr(f->url, "://");
	const char *path = host ? strchr(host + 3, '/') : NULL;
	if (host && (!path || !path[1]))
		put_feed(l, f, text(l, "https://csaf.data.security.%.*s", (int)strcspn(host + 3, "/:"), host + 3),
			 "where its metadata may be instead");
}

static int list_http_feeds(struct listing *l)
{
	char buffer[HTTP_MAX_URL];
	for (size_t i = 0; i < l->w->feeds_n; i++) {
		const struct workspace_feed *f = &l->w->feeds[i];
		if (!is_http_feed(f))
			continue;
		put_feed(l, f, text(l, "%s", feed_source(f, buffer, sizeof buffer)), feed_why(f));
		if (f->kind == WORKSPACE_FEED_PROVIDER)
			put_provider(l, f);
	}
	return 0;
}

/* A repository on this machine's disk is no address. */
static bool is_remote(const char *url)
{
	return url[0] != '/' && url[0] != '.' && strncmp(url, "file:", 5) != 0 && strchr(url, ':');
}

static int list_git_feeds(struct listing *l)
{
	char buffer[HTTP_MAX_URL];
	for (size_t i = 0; i < l->w->feeds_n; i++) {
		const struct workspace_feed *f = &l->w->feeds[i];
		if (f->kind == WORKSPACE_FEED_GIT && is_remote(f->url))
			put_feed(l, f, text(l, "%s", feed_source(f, buffer, sizeof buffer)), "a repository, fetched by the git program");
	}
	return 0;
}

/* ── What reads the database ────────────────────────────────────────────────────────────────────────────────────── */

struct seen {
	struct span feed, origin;
	usec_t last;
};
struct seeing {
	struct arena *a;
	struct seen *list;
	size_t count, room;
};

static int take_host(struct span feed, struct span origin, usec_t last, void *data)
{
	struct seeing *s = data;
	if (s->count == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		struct seen *list = arena_array(s->a, room, sizeof *list);
		if (!list)
			return RF_ENOMEM;
		if (s->count)
			memcpy(list, s->list, s->count * sizeof *list);
		s->list = list;
		s->room = room;
	}
	struct seen one = { arena_span(s->a, feed), arena_span(s->a, origin), last };
	if (!one.feed.p || !one.origin.p)
		return RF_ENOMEM;
	s->list[s->count++] = one;
	return 0;
}

static int read_hosts(struct transaction *tx, void *data)
{
	struct seeing *s = data;
	s->count = 0; /* a transaction may run again */
	return feed_hosts(tx, take_host, s);
}

/* Where a feed was led, beside its own address. */
static void put_seen(struct listing *l, const struct seen *s)
{
	char at[TIME_TEXT_BYTES], buffer[HTTP_MAX_URL];
	const struct workspace_feed *f = workspace_feed(l->w, s->feed);
	if (!f || span_starts(span_of(feed_source(f, buffer, sizeof buffer)), s->origin.p))
		return;
	put_address(l, &(struct address){ .address = s->origin.p, .how = REACHED_SEEN,
					  .why = text(l, "feed %s was led there, last %s", f->name, time_text(s->last, at)),
					  .proxy = proxy_of(l, f->proxy), .key = text(l, "feeds.%s.url", f->name),
					  .line = line_of(l, "feeds", f->name, "url") });
}

/* Never of a database behind a network: this command opens no connection. */
static int list_seen(struct listing *l)
{
	RF_AUTO_PTR(database) db = NULL;
	struct seeing seeing = { .a = &l->a };
	if (strstr(l->w->database, "://") || !fs_exists(l->w->database))
		return 0;
	int rc = database_open(l->w->database, l->w->folder, &db, l->err);
	if (rc == 0)
		rc = site_migrate(db, l->err);
	if (rc == 0)
		rc = database_transact(db, DB_READ, read_hosts, &seeing, l->err);
	for (size_t i = 0; rc == 0 && i < seeing.count; i++)
		put_seen(l, &seeing.list[i]);
	return rc;
}

static int list_feeds(struct listing *l)
{
	list_http_feeds(l);
	for (size_t i = 0; i < l->w->feeds_n; i++)
		put_proxy(l, l->w->feeds[i].proxy, "feeds", l->w->feeds[i].name);
	put_proxy(l, l->w->proxy, "network", NULL);
	return list_seen(l);
}

/* ── The others ─────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The value of a parameter of the URL, as it is written there; empty: it has none. */
static struct span parameter_of(const char *url, const char *name)
{
	struct span rest = span_of(strchr(url, '?')), one;
	rest = span_from(rest, 1);
	while (rest.n && span_split(&rest, '&', &one))
		if (span_starts(one, name) && one.n > strlen(name) && one.p[strlen(name)] == '=')
			return span_from(one, strlen(name) + 1);
	return SPAN_NONE;
}

/* Where libpq connects, first to last: a parameter of the URL before the host in front of its path, the environment where the
 * URL has neither, then the machine's own socket. Several hosts may be named; a password and other parameters are not shown. */
static int list_database(struct listing *l)
{
	const char *at = strstr(l->w->database, "://"), *from = NULL;
	if (!at)
		return 0;
	size_t n = strcspn(at + 3, "/?");
	const char *user = memchr(at + 3, '@', n);
	struct span host = span_from(span_bytes(at + 3, n), user ? (size_t)(user + 1 - (at + 3)) : 0);
	static const char *const parameters[] = { "host", "hostaddr" }, *const variables[] = { "PGHOST", "PGHOSTADDR" };
	for (size_t i = 0; i < RF_COUNT(parameters); i++)
		if (parameter_of(at, parameters[i]).n)
			host = parameter_of(at, parameters[i]);
	for (size_t i = 0; i < RF_COUNT(variables) && (!host.n || from); i++)
		if (getenv(variables[i]) && getenv(variables[i])[0]) {
			host = span_of(getenv(variables[i]));
			from = variables[i];
		}
	put_address(l, &(struct address){ .address = host.n ? text(l, "postgresql://%.*s", SPAN_ARG(host)) :
								"postgresql:// (this machine's socket)",
					  .why = from ? text(l, "the database, by %s of the environment", from) : "the database",
					  .key = "database", .line = line_of(l, "database", NULL, NULL), .from = from });
	return 0;
}

static int list_registries(struct listing *l)
{
	for (size_t i = 0; i < l->w->registries_n; i++) {
		const struct workspace_registry *r = &l->w->registries[i];
		const char *host = strcmp(r->host, "docker.io") == 0 ? "registry-1.docker.io" : r->host;
		put_address(l, &(struct address){ .address = text(l, "%s://%s", r->scheme, host),
						  .why = "images that are scanned; its token server, where it names one",
						  .proxy = proxy_of(l, r->proxy), .key = text(l, "registries.%s", r->host),
						  .line = line_of(l, "registries", r->host, NULL) });
		put_proxy(l, r->proxy, "registries", r->host);
	}
	put_address(l, &(struct address){ .why = "any registry whose image `scan` or `check` is given, over https", .how = REACHED_NAMED,
					  .proxy = proxy_of(l, NULL), .from = "scan IMAGE, check IMAGE" });
	return 0;
}

static int list_clusters(struct listing *l)
{
	struct kube_access access;
	struct err none = ERR_INIT;
	if (kube_config_open(NULL, &l->a, &access, &none) == 0)
		put_address(l, &(struct address){ .address = access.server, .how = REACHED_NAMED,
						  .why = text(l, "workloads of the cluster %s", access.cluster), .proxy = access.proxy,
						  .from = text(l, "kubeconfig, current context %s", access.context) });
	put_address(l, &(struct address){ .why = "any cluster whose context `scan` or `adopt` is given", .how = REACHED_NAMED,
					  .from = "scan k8s:CONTEXT" });
	return 0;
}

static int list_webhooks(struct listing *l)
{
	put_address(l, &(struct address){ .why = "the receiver that a write-back names", .how = REACHED_NAMED, .proxy = proxy_of(l, NULL),
					  .from = "inventory export --webhook URL" });
	return 0;
}

static const struct door doors[] = {
	{ "src/advisory/feed_sync.c", "feeds over HTTP and HTTPS", list_feeds },
	{ "src/advisory/sync_git.c", "feeds of kind git, by the git program", list_git_feeds },
	{ "src/inventory/registry.c", "images of registries", list_registries },
	{ "src/inventory/kubernetes_api.c", "the API of clusters", list_clusters },
	{ "src/notify/webhook.c", "signed webhooks", list_webhooks },
	{ "src/database/database_postgresql.c", "PostgreSQL", list_database },
};

static int list_all(struct listing *l)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < RF_COUNT(doors); i++) {
		l->door = &doors[i];
		rc = doors[i].list(l);
	}
	return rc;
}

static int print_json(struct listing *l)
{
	l->json = STR_INIT(16 * MIB);
	l->o = json_out(&l->json, out_is_terminal());
	json_object(&l->o);
	json_key(&l->o, "addresses");
	json_array(&l->o);
	int rc = list_all(l);
	json_array_end(&l->o);
	json_key(&l->o, "doors");
	json_array(&l->o);
	for (size_t i = 0; i < RF_COUNT(doors); i++) {
		json_object(&l->o);
		json_member(&l->o, "file", doors[i].file);
		json_member(&l->o, "opens", doors[i].opens);
		json_object_end(&l->o);
	}
	json_array_end(&l->o);
	json_object_end(&l->o);
	if (rc == 0)
		rc = out_json(&l->json, l->err);
	str_release(&l->json);
	return rc;
}

static int print_words(struct listing *l)
{
	table_init(&l->table, "address", "why", "proxy", "from", NULL);
	int rc = list_all(l);
	if (rc == 0)
		rc = table_print(&l->table, l->err);
	table_release(&l->table);
	if (rc == 0)
		out("\nNothing else is reached: no telemetry, no update check. Names are resolved by the machine's resolver.\n");
	return rc;
}

static int run_network(const struct invocation *in, struct err *err)
{
	__attribute__((cleanup(site_release))) struct site site;
	RF_AUTO_PTR(yaml_doc) doc = NULL;
	RF_AUTO(str) yaml = STR_INIT(WORKSPACE_MAX_BYTES);
	struct listing l = { .a = ARENA_INIT(64 * MIB), .as_json = in->json, .err = err };
	int rc = site_open(in, 0, &site, err);
	if (rc == 0)
		rc = fs_read(site.workspace->file, &yaml, err);
	if (rc == 0)
		rc = yaml_parse(str_span(&yaml), site.workspace->file, &doc, err);
	if (rc == 0) {
		l.w = site.workspace;
		l.root = yaml_root(doc);
		rc = in->json ? print_json(&l) : print_words(&l);
	}
	arena_release(&l.a);
	return rc;
}

const struct command command_network = {
	"network", "every address that the configuration can reach",
	(const struct verb[]){
		{ "", "", "every address that the configuration can reach, why, and from which line", 0, 0, NULL, run_network,
		  "Lists feeds, registries, clusters, webhooks, proxies and the database, each with the line of reforge.yaml that\n"
		  "says so, and the addresses that feeds were led to (redirects, listings). What only a command line can name is\n"
		  "listed as such. Opens no connection; of a PostgreSQL database it does not ask what feeds were led to.", false },
		{ 0 } },
};
