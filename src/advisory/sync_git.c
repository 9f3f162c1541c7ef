/*
 * sync_git - a repository of advisories, fetched shallow by the git program into WORK/feeds/NAME/tree.
 *
 * What it holds is others': no hook, no filter, no submodule, no link of it is followed; git gets a home and a configuration of
 * its own, asks nobody, and speaks https, http, ssh and files only.
 */
#include "advisory/sync_folder.h"

#include "process/process.h"

#define GIT_OUTPUT_BYTES (1 * MIB)
#define GIT_MAX_ENVIRONMENT 40

struct git {
	struct feed_run *r;
	char tree[FS_PATH_MAX + 16];
	struct arena a;
	const char *environment[GIT_MAX_ENVIRONMENT];
	size_t environment_count;
	unsigned configured;
};

static bool add(struct git *g, const char *text)
{
	if (!text || g->environment_count + 1 >= GIT_MAX_ENVIRONMENT)
		return false;
	g->environment[g->environment_count++] = text;
	return true;
}

/* Through the environment: arguments are visible to every user of the machine, and a proxy's address may hold a password. */
static bool configure(struct git *g, const char *key, const char *value)
{
	unsigned n = g->configured++;
	return add(g, arena_printf(&g->a, "GIT_CONFIG_KEY_%u=%s", n, key)) && add(g, arena_printf(&g->a, "GIT_CONFIG_VALUE_%u=%s", n, value));
}

static int prepare(struct git *g, struct err *err)
{
	static const char *const settings[][2] = {
		{ "core.hooksPath", "/dev/null" }, { "core.symlinks", "false" }, { "core.fsmonitor", "false" }, { "core.autocrlf", "false" },
		{ "core.attributesFile", "/dev/null" }, { "fetch.recurseSubmodules", "false" }, { "submodule.recurse", "false" },
		{ "gc.auto", "0" }, { "transfer.fsckObjects", "true" }, { "credential.helper", "" }, { "advice.detachedHead", "false" },
	};
	const struct feed_run *r = g->r;
	const char *proxy = r->feed->proxy ? r->feed->proxy : r->workspace->proxy;
	const char *ca_file = r->feed->ca_file ? r->feed->ca_file : r->workspace->ca_file;
	const char *path = getenv("PATH");
	bool good = add(g, arena_printf(&g->a, "PATH=%s", path ? path : "/usr/local/bin:/usr/bin:/bin")) && add(g, "LANG=C.UTF-8") &&
	            add(g, arena_printf(&g->a, "HOME=%s", r->folder)) && add(g, "GIT_CONFIG_NOSYSTEM=1") && add(g, "GIT_CONFIG_GLOBAL=/dev/null") &&
	            add(g, "GIT_TERMINAL_PROMPT=0") && add(g, "GIT_ASKPASS=/bin/false") && add(g, "SSH_ASKPASS=/bin/false") &&
	            add(g, "GIT_SSH_COMMAND=ssh -oBatchMode=yes") && add(g, "GIT_ALLOW_PROTOCOL=https:http:ssh:file") &&
	            add(g, "GIT_ATTR_NOSYSTEM=1") && add(g, "GIT_LFS_SKIP_SMUDGE=1");
	for (size_t i = 0; i < RF_COUNT(settings) && good; i++)
		good = configure(g, settings[i][0], settings[i][1]);
	good = good && configure(g, "http.proxy", proxy && strcmp(proxy, "none") != 0 ? proxy : "");
	if (good && ca_file)
		good = configure(g, "http.sslCAInfo", ca_file);
	good = good && add(g, arena_printf(&g->a, "GIT_CONFIG_COUNT=%u", g->configured));
	return good ? 0 : err_set(err, RF_ENOMEM, "environment of git");
}

/* git's own words, without the address, which may hold a password. */
static void tail_words(const struct git *g, struct span words, char *ret, size_t size)
{
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	struct span url = span_of(g->r->feed->url), rest = span_trim(words);
	size_t line = span_rfind_byte(rest, '\n');
	rest = line == SIZE_MAX ? rest : span_from(rest, line + 1);
	for (size_t at; (at = span_find(rest, url)) != SIZE_MAX; rest = span_from(rest, at + url.n)) {
		str_add_visible(&text, span_sub(rest, 0, at));
		str_add_text(&text, "(the repository)");
	}
	str_add_visible(&text, rest);
	(void)snprintf(ret, size, "%s", str_text(&text));
}

static int run(struct git *g, const char *const *arguments, struct err *err)
{
	struct process_result result = { 0 };
	const char *argv[24] = { "git", "-C", g->tree };
	size_t n = 3;
	for (; arguments[n - 3] && n < RF_COUNT(argv) - 1; n++)
		argv[n] = arguments[n - 3];
	int rc = process_run(&(struct process_options){ .argv = argv, .environment = g->environment, .folder = g->r->folder,
	                                                .deadline_usec = g->r->feed->timeout_usec, .output_limit_bytes = GIT_OUTPUT_BYTES },
	                     &result, err);
	if (rc == RF_ENOTFOUND)
		(void)err_prefix(err, "feeds of kind git need the git program: ");
	if (!rc && result.exit_status != 0) {
		char words[600];
		tail_words(g, str_span(&result.error_output), words, sizeof words);
		rc = err_set(err, RF_EPROCESS, "git %s: %s", arguments[0], words[0] ? words : "failed without a word");
	}
	process_result_release(&result);
	return rc;
}

/* A git that was killed leaves its locks; nobody else works here while we hold the feed's. */
static int remove_locks(const struct git *g, struct err *err)
{
	static const char *const locks[] = { "index.lock", "shallow.lock", "HEAD.lock", "config.lock", "FETCH_HEAD.lock" };
	int rc = 0;
	for (size_t i = 0; i < RF_COUNT(locks) && !rc; i++) {
		char path[FS_PATH_MAX + 64];
		(void)snprintf(path, sizeof path, "%s/.git/%s", g->tree, locks[i]);
		rc = fs_remove_tree(path, err);
	}
	return rc;
}

static int fetch(struct git *g, struct err *err)
{
	const struct workspace_feed *f = g->r->feed;
	char head[FS_PATH_MAX + 64];
	(void)snprintf(head, sizeof head, "%s/.git/HEAD", g->tree);
	int rc = fs_make_dirs(g->tree, 0700, err);
	if (!rc)
		rc = remove_locks(g, err);
	if (!rc && !fs_exists(head))
		rc = run(g, (const char *const[]){ "init", "--quiet", "--template=", NULL }, err);
	if (!rc)
		rc = run(g, (const char *const[]){ "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--force", "--",
		                                   f->url, f->branch ? f->branch : "HEAD", NULL }, err);
	if (!rc)
		rc = run(g, (const char *const[]){ "checkout", "--quiet", "--force", "--detach", "FETCH_HEAD", NULL }, err);
	return rc ? rc : run(g, (const char *const[]){ "clean", "-ffdxq", NULL }, err);
}

/* Tried as often as requests are; before the last time the tree is made anew, since it may be what git stumbles over. */
static int fetch_again(struct git *g, struct err *err)
{
	const struct workspace_feed *f = g->r->feed;
	int64_t wait = f->retry_wait_usec;
	int rc = fetch(g, err);
	for (unsigned n = 1; rc == RF_EPROCESS && n < f->attempts; n++, wait = RF_MIN(2 * wait, 2 * USEC_PER_MIN)) {
		int stopped = http_wait(wait, err);
		if (!stopped && n == f->attempts - 1)
			stopped = fs_remove_tree(g->tree, err);
		rc = stopped ? stopped : fetch(g, err);
	}
	return rc;
}

int sync_git(struct feed_run *r, struct err *err)
{
	struct git *g = rf_alloc(sizeof *g);
	char folder[FS_PATH_MAX];
	if (!g)
		return err_set(err, RF_ENOMEM, "git");
	*g = (struct git){ .r = r, .a = ARENA_INIT(1 * MIB) };
	(void)snprintf(g->tree, sizeof g->tree, "%s/tree", r->folder);
	feed_progress(r, -1, -1, "git fetch");
	int rc = prepare(g, err);
	if (!rc)
		rc = fetch_again(g, err);
	if (!rc && r->feed->folder && !fs_is_plain_relative(span_of(r->feed->folder)))
		rc = err_set(err, RF_EINVALID, "folder \"%s\" is not one within the repository", r->feed->folder);
	if (!rc && r->feed->folder)
		rc = fs_join(folder, sizeof folder, g->tree, r->feed->folder, err);
	if (!rc)
		rc = sync_tree(r, r->feed->folder ? folder : g->tree, err);
	arena_release(&g->a);
	rf_free(g);
	return rc;
}
