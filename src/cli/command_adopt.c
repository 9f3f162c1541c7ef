/* adopt - engines that are in service without recipes: drafts, questions by owner, an as-found release. */
#include "cli/command.h"
#include "cli/kubernetes.h"
#include "cli/output.h"
#include "cli/site.h"

#include "base/log.h"
#include "exposure/exposure.h"
#include "inventory/adopt.h"
#include "inventory/artifact.h"
#include "inventory/fleet.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define ADOPT_ARENA_BYTES (2 * GIB)

struct adopting {
	const struct invocation *in;
	struct arena a;
	struct progress progress;
	struct site site;
	struct adopt_options options;
	const char *cluster_name;       /* behind "k8s:"; NULL: no cluster */
	struct kubernetes_taken cluster;
	struct adopt_elsewhere *elsewhere;
	size_t elsewhere_n, unread_manifests;
	struct adopt_found found;
	struct adopt_draft *drafts;
	size_t count;
	struct adopt_written written;
	bool dry_run;
};

static void show_progress(uint64_t files, uint64_t bytes, const char *path, void *data)
{
	struct adopting *c = data;
	char size[32], text[64];
	(void)path;
	snprintf(text, sizeof text, "%s read", text_bytes(bytes, size));
	progress_show(&c->progress, "adopt", (int64_t)files, 0, -1, text);
}

/* ── what was asked ──────────────────────────────────────────────────────────────────────────────────────────────── */

/* @path absolute and normal, in the arena. */
static int whole_path(struct adopting *c, const char *path, const char **ret, struct err *err)
{
	char whole[PATH_MAX];
	if (!realpath(path, whole)) {
		int rc = err_set_errno(err, errno, "cannot be adopted");
		(void)err_in_file(err, path);
		return rc;
	}
	*ret = arena_text(&c->a, span_of(whole));
	return *ret ? 0 : err_set(err, RF_ENOMEM, "out of memory");
}

static int take_paths(struct adopting *c, struct err *err)
{
	const char **paths = arena_array(&c->a, c->in->argument_count, sizeof *paths);
	int rc = paths ? 0 : err_set(err, RF_ENOMEM, "out of memory");
	c->options.paths = paths;
	for (size_t i = 0; rc == 0 && i < c->in->argument_count; i++) {
		const char *given = c->in->arguments[i];
		if (!span_starts(span_of(given), KUBERNETES_PREFIX))
			rc = whole_path(c, given, &paths[c->options.paths_n++], err);
		else if (c->cluster_name)
			rc = err_set(err, RF_EUSAGE, "one cluster at a time: k8s:%s and %s", c->cluster_name, given);
		else
			c->cluster_name = given + strlen(KUBERNETES_PREFIX);
	}
	return rc;
}

/* Without a table: what the options say goes for every path. */
static int assign_by_options(struct adopting *c, struct err *err)
{
	static const char *const NAMES[] = { "service", "owner", "contact", "deputy", "platform", "runtime" };
	bool any = false;
	for (size_t i = 0; i < RF_COUNT(NAMES); i++)
		any |= option(c->in, NAMES[i])->given;
	if (!any)
		return 0;
	struct adopt_assignment *list = arena_array(&c->a, c->options.paths_n, sizeof *list);
	if (!list)
		return err_set(err, RF_ENOMEM, "out of memory");
	for (size_t i = 0; i < c->options.paths_n; i++)
		list[i] = (struct adopt_assignment){
			.folder = c->options.paths[i], .environment = "", .service = option_text(c->in, "service", ""),
			.owner = option_text(c->in, "owner", ""), .contact = option_text(c->in, "contact", ""),
			.deputy = option_text(c->in, "deputy", ""), .platform = option_text(c->in, "platform", ""),
			.runtime = option_text(c->in, "runtime", ""),
		};
	c->options.assignments = list;
	c->options.assignments_n = c->options.paths_n;
	return 0;
}

static int assign(struct adopting *c, struct err *err)
{
	const char *file = option_text(c->in, "services", NULL);
	RF_AUTO(str) text = STR_INIT(64 * MIB);
	struct adopt_assignment *list;
	if (!file)
		return assign_by_options(c, err);
	int rc = fs_read(file, &text, err);
	/* relative folders are meant from the first path on: a table travels with its tree */
	if (rc == 0)
		rc = adopt_assignments_read(&c->a, str_span(&text), file, c->options.paths_n ? c->options.paths[0] : c->site.workspace->folder,
					    &list, &c->options.assignments_n, err);
	if (rc == 0)
		c->options.assignments = list;
	return rc;
}

/* ── a cluster ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int tell_unread(const char *path, const struct err *why, void *data)
{
	struct adopting *c = data;
	char line[2048];
	log_warn("%s is no manifest: %s", path, err_render(why, line, sizeof line));
	c->unread_manifests++;
	return 0;
}

/* --volume VOLUME=FOLDER */
static int volumes_read(struct adopting *c, struct adopt_volume **ret, struct err *err)
{
	const struct option_value *given = option(c->in, "volume");
	struct adopt_volume *list = arena_array(&c->a, given->count + 1, sizeof *list);
	int rc = list ? 0 : err_set(err, RF_ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < given->count; i++) {
		struct span text = span_of(given->list[i]);
		size_t equals = span_rfind_byte(text, '=');
		if (equals == SIZE_MAX || equals == 0 || equals + 1 == text.n)
			return err_set(err, RF_EUSAGE, "--volume \"%.*s\": VOLUME=FOLDER, such as speech/models=/mnt/models", SPAN_ARG(text));
		list[i].volume = arena_text(&c->a, span_sub(text, 0, equals));
		rc = list[i].volume ? whole_path(c, given->list[i] + equals + 1, &list[i].folder, err) : err_set(err, RF_ENOMEM, "out of memory");
	}
	*ret = list;
	return rc;
}

/* What the command line says of a folder stands before what the cluster says. */
static int assignments_join(struct adopting *c, struct adopt_assignment *more, size_t n, struct err *err)
{
	size_t had = c->options.assignments_n, had_paths = c->options.paths_n;
	struct adopt_assignment *list = arena_array(&c->a, had + n + 1, sizeof *list);
	const char **paths = arena_array(&c->a, had_paths + n + 1, sizeof *paths);
	if (!list || !paths)
		return err_set(err, RF_ENOMEM, "out of memory");
	if (had)
		memcpy(list, c->options.assignments, had * sizeof *list);
	if (had_paths)
		memcpy(paths, c->options.paths, had_paths * sizeof *paths);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = whole_path(c, more[i].folder, &more[i].folder, err);
		list[had + i] = more[i];
		paths[had_paths + i] = more[i].folder;
	}
	c->options.assignments = list;
	c->options.assignments_n = had + n;
	c->options.paths = paths;
	c->options.paths_n = had_paths + n;
	return rc;
}

static int take_cluster(struct adopting *c, struct err *err)
{
	const struct kubernetes_source source = { .in = c->in, .name = c->cluster_name, .workspace = c->site.workspace, .unread = tell_unread,
						  .data = c };
	struct adopt_volume *volumes = NULL;
	struct adopt_assignment *list;
	size_t n;
	if (!c->cluster_name)
		return option(c->in, "volume")->given ? err_set(err, RF_EUSAGE, "--volume is about a cluster: k8s:CONTEXT or k8s:FILE is missing") : 0;
	int rc = volumes_read(c, &volumes, err);
	if (rc == 0)
		rc = kubernetes_take(&source, &c->cluster, err);
	if (rc == 0)
		rc = adopt_cluster(&c->a, &c->cluster.set, c->site.workspace, c->cluster.cluster, volumes, option(c->in, "volume")->count, &list,
				   &n, &c->elsewhere, &c->elsewhere_n, err);
	return rc ? rc : assignments_join(c, list, n, err);
}

static int choose_environment(struct adopting *c, struct err *err)
{
	const struct workspace *w = c->site.workspace;
	const char *name = option_text(c->in, "environment", NULL);
	if (!w->environments_n)
		return err_set(err, RF_EUSAGE, "%s names no environment: write `environments: {production: {}}`", w->file);
	if (!name)
		name = workspace_environment(w, SPAN("production")) ? "production" : w->environments[0].name;
	if (!workspace_environment(w, span_of(name)))
		return err_set(err, RF_EUSAGE, "%s has no environment '%s'", w->file, name);
	c->options.environment = name;
	return 0;
}

/* ── the work ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int look(struct adopting *c, struct err *err)
{
	int rc = take_paths(c, err);
	if (rc == 0)
		rc = assign(c, err);
	if (rc == 0)
		rc = take_cluster(c, err);
	if (rc == 0)
		rc = choose_environment(c, err);
	if (rc == 0)
		rc = adopt_find(c->site.workspace, &c->options, &c->a, &c->found, err);
	return rc ? rc : adopt_draft(&c->a, &c->found.facts, &c->drafts, &c->count, err);
}

/* reforge.yaml is another one now. */
static int record(struct adopting *c, struct err *err)
{
	struct workspace *again = NULL;
	struct fleet_scan options = { .progress = show_progress, .data = c };
	int rc = workspace_open(c->site.workspace->folder, &again, err);
	if (rc == 0)
		rc = adopt_release(again, c->site.db, c->site.depot, c->drafts, c->count, c->site.actor, now_usec(), &c->written, err);
	if (rc == 0)
		rc = fleet_scan(c->site.db, again, &options, NULL, err);
	if (rc == 0)
		rc = exposure_refresh(c->site.db, c->site.actor, NULL, err);
	workspace_free(again);
	return rc ? rc : site_seal(&c->site, err);
}

/* ── what is said ────────────────────────────────────────────────────────────────────────────────────────────────── */

struct tally {
	size_t drafts[ADOPT_STATES], engines, questions;
};

static struct tally tally_of(const struct adopting *c, const char *service)
{
	struct tally t = { .engines = 0 };
	for (size_t i = 0; i < c->count; i++) {
		const struct adopt_draft *d = &c->drafts[i];
		if (service && strcmp(service, d->engines[0]->service) != 0)
			continue;
		t.drafts[d->state]++;
		t.engines += d->engines_n;
		t.questions += d->questions_n;
	}
	return t;
}

static int print_services(const struct adopting *c, struct err *err)
{
	struct table t;
	table_init(&t, "service", "owner", "engines", "ready", "asks", "not rebuildable", "questions", NULL);
	for (size_t i = 0; i < c->found.facts.services_n; i++) {
		const struct adopt_service *s = &c->found.facts.services[i];
		struct tally n = tally_of(c, s->name);
		table_text(&t, s->name);
		table_cell(&t, s->owner[0] ? COLOUR_NONE : COLOUR_YELLOW, span_of(s->owner[0] ? s->owner : "nobody yet"));
		table_f(&t, COLOUR_NONE, "%zu", n.engines);
		table_f(&t, n.drafts[ADOPT_READY] ? COLOUR_GREEN : COLOUR_NONE, "%zu", n.drafts[ADOPT_READY]);
		table_f(&t, n.drafts[ADOPT_ASKS] ? COLOUR_YELLOW : COLOUR_NONE, "%zu", n.drafts[ADOPT_ASKS]);
		table_f(&t, n.drafts[ADOPT_NOT_REBUILDABLE] ? COLOUR_RED : COLOUR_NONE, "%zu", n.drafts[ADOPT_NOT_REBUILDABLE]);
		table_f(&t, COLOUR_NONE, "%zu", n.questions);
	}
	int rc = table_print(&t, err);
	table_release(&t);
	return rc;
}

/* What a cluster loads and is not here, by owner. */
static int print_elsewhere(const struct adopting *c, struct err *err)
{
	struct table t;
	table_init(&t, "workload", "owner", "loads", "question", NULL);
	for (size_t i = 0; i < c->elsewhere_n; i++) {
		const struct adopt_elsewhere *e = &c->elsewhere[i];
		table_f(&t, COLOUR_NONE, "%s/%s", e->namespace_, e->workload);
		table_text(&t, e->owner[0] ? e->owner : "nobody yet");
		table_text(&t, e->what);
		table_text(&t, e->text);
	}
	int rc = c->elsewhere_n ? table_print(&t, err) : 0;
	table_release(&t);
	if (rc == 0 && c->elsewhere_n)
		out("\n");
	return rc;
}

/* Of those that break a rule, shown by name; questions.md has all. */
#define ADOPT_MAX_SHOWN 20

/* What runs is taken in as found, whatever it is: it must not go unsaid. */
static void print_conflicts(const struct adopting *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->count; i++)
		for (size_t k = 0; k < c->drafts[i].engines_n; k++) {
			const struct adopt_engine *e = c->drafts[i].engines[k];
			if (!e->conflict)
				continue;
			if (n++ == 0)
				out_colour(COLOUR_RED, "engines that break a rule, as found since they are what runs; no recipe is made of them:\n");
			if (n > ADOPT_MAX_SHOWN)
				continue;
			out("  ");
			out_visible(span_of(e->path));
			out_colour(COLOUR_RED, "  %s", e->rule[0] ? e->rule : e->cause);
			out("  %s\n", strcmp(e->cause, ARTIFACT_CAUSE_HOST_CODE) == 0 ? "native code inside: runs in whatever loads it" : "it contradicts itself");
		}
	if (n > ADOPT_MAX_SHOWN)
		out("  ... and %zu more: adopt/questions.md\n", n - ADOPT_MAX_SHOWN);
}

static int print_words(const struct adopting *c, struct err *err)
{
	struct tally t = tally_of(c, NULL);
	char size[32];
	int rc = print_elsewhere(c, err);
	if (rc == 0)
		rc = print_services(c, err);
	if (rc != 0)
		return rc;
	out("\n%zu engines, %zu models, %zu logs and scripts that speak of builds; %zu engines have recipes already", t.engines,
	    c->found.facts.models_n, c->found.logs, c->found.recorded);
	if (c->found.unread)
		out_colour(COLOUR_RED, "; %zu files could not be read", c->found.unread);
	if (c->found.packed)
		out_colour(COLOUR_YELLOW, "; %zu engines inside of archives: unpack them to adopt them", c->found.packed);
	out("\n");
	print_conflicts(c);
	if (c->dry_run) {
		out("nothing was written (--dry-run)\n");
		return 0;
	}
	out("written: %zu recipes, %zu drafts (recipes/drafts/), %zu services new in reforge.yaml, %zu as-found releases of %zu engines (%s)\n",
	    c->written.recipes, c->written.drafts, c->found.new_services_n, c->written.releases, c->written.engines,
	    text_bytes(c->written.bytes, size));
	if (t.questions)
		out("%zu questions, by owner, in adopt/questions.md; answer them in the drafts, move these to recipes/, or run adopt again with what was missing\n",
		    t.questions);
	out("next: reforge status, reforge ready\n");
	return 0;
}

static int print_json(const struct adopting *c, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(512 * MIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member_bool(&o, "dry_run", c->dry_run);
	json_member_u64(&o, "models", c->found.facts.models_n);
	json_member_u64(&o, "logs", c->found.logs);
	json_member_u64(&o, "recorded", c->found.recorded);
	json_member_u64(&o, "unread", c->found.unread);
	json_member_u64(&o, "packed", c->found.packed);
	json_member_u64(&o, "new_services", c->found.new_services_n);
	json_member_u64(&o, "recipes", c->written.recipes);
	json_member_u64(&o, "drafts_written", c->written.drafts);
	json_member_u64(&o, "releases", c->written.releases);
	json_member_u64(&o, "released_engines", c->written.engines);
	json_key(&o, "elsewhere");
	json_array(&o);
	for (size_t i = 0; i < c->elsewhere_n; i++) {
		const struct adopt_elsewhere *e = &c->elsewhere[i];
		json_object(&o);
		json_member(&o, "namespace", e->namespace_);
		json_member(&o, "workload", e->workload);
		json_member(&o, "service", e->service);
		json_member(&o, "owner", e->owner);
		json_member(&o, "contact", e->contact);
		json_member(&o, "loads", e->what);
		json_member(&o, "text", e->text);
		json_object_end(&o);
	}
	json_array_end(&o);
	json_key(&o, "drafts");
	json_array(&o);
	for (size_t i = 0; i < c->count; i++)
		adopt_draft_json(&c->drafts[i], &o);
	json_array_end(&o);
	json_object_end(&o);
	return out_json(&text, err);
}

static int run_adopt(const struct invocation *in, struct err *err)
{
	struct adopting c = { .in = in, .a = ARENA_INIT(ADOPT_ARENA_BYTES), .dry_run = option_flag(in, "dry-run") };
	c.options.progress = show_progress;
	c.options.data = &c;
	progress_begin(&c.progress, in);
	int rc = site_open(in, SITE_DATABASE | SITE_DEPOT | SITE_LEDGER_KEY, &c.site, err);
	if (rc == 0)
		rc = look(&c, err);
	if (rc == 0 && !c.dry_run)
		rc = adopt_write(c.site.workspace, &c.found, c.drafts, c.count, &c.written, err);
	if (rc == 0 && !c.dry_run)
		rc = record(&c, err);
	progress_end(&c.progress);
	if (rc == 0)
		rc = in->json ? print_json(&c, err) : print_words(&c, err);
	struct tally t = tally_of(&c, NULL);
	/* what nobody knows yet is no pass */
	if (rc == 0 && (t.questions || c.found.unread || c.found.packed || c.elsewhere_n || c.unread_manifests || c.cluster.listing.unseen_n))
		rc = 3;
	kubernetes_release(&c.cluster);
	site_release(&c.site);
	arena_release(&c.a);
	return rc;
}

static const struct option_row adopt_options_[] = {
	{ "services", 0, OPTION_TEXT, "FILE", "CSV that says whose each folder is: folder,service,environment,owner,contact,deputy,platform,runtime", NULL },
	{ "service", 's', OPTION_TEXT, "NAME", "without --services: all engines found are this service's", NULL },
	{ "environment", 'e', OPTION_TEXT, "NAME", "where --services does not say (default: production, else the first of reforge.yaml)", NULL },
	{ "owner", 0, OPTION_TEXT, "NAME", "who answers for the service", NULL },
	{ "contact", 0, OPTION_TEXT, "TEXT", "how to reach the owner", NULL },
	{ "deputy", 0, OPTION_TEXT, "NAME", "who answers when the owner does not", NULL },
	{ "platform", 0, OPTION_TEXT, "OS-ARCH", "where the engines run: linux-x86_64, linux-aarch64", NULL },
	{ "runtime", 0, OPTION_TEXT, "NAME@VERSION", "what loads them: tensorrt@10.3.0", NULL },
	{ "volume", 0, OPTION_LIST, "VOLUME=FOLDER", "k8s: where a volume can be read here: NAMESPACE/CLAIM, nfs:SERVER:/EXPORT, hostPath:/PATH", NULL },
	{ "cluster", 0, OPTION_TEXT, "NAME", "k8s: name of the cluster (default: the context's; of manifests: manifests)", NULL },
	{ "namespace", 0, OPTION_TEXT, "NAME", "k8s: this namespace only", NULL },
	{ "dry-run", 0, OPTION_FLAG, NULL, "only tell what would be written", NULL },
	{ 0 } };
const struct command command_adopt = {
	"adopt", "take in engines that have no recipes: drafts, questions by owner, an as-found release",
	(const struct verb[]){ { "", "PATH|k8s:CONTEXT|k8s:FILE...", "take in engines that have no recipes: drafts, questions by owner, an as-found release", 1, 64, adopt_options_, run_adopt,
	                         "Looks below every PATH for engines, models, build logs and scripts (trtexec), golden inputs, and puts together how each engine "
	                         "was built. What is known becomes recipes/NAME.yaml, the rest recipes/drafts/NAME.yaml with each value's source; what nobody "
	                         "wrote down becomes a question to the service's owner in adopt/questions.md. A guess is never written as a fact.\n"
	                         "Services that reforge.yaml does not name are added to it. The engines as they are become a release `DATE-as-found`, not signed, "
	                         "provenance unknown, which `stable` points at.\n"
	                         "k8s:CONTEXT or k8s:FILE tells whose the engines are that lie on a cluster's volumes: services and owners by label, environments by "
	                         "namespace. --volume says where a volume can be read here; what lies elsewhere becomes a question. Run again after answers came: recipes are never overwritten, drafts are.",
	                         false },
	                       { 0 } },
};
