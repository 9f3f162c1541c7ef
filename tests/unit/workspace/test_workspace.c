/* workspace: reforge.yaml, whose a path is, making a workspace, recipes by name, the published schemas. */
#include "testing.h"

#include "base/fs.h"
#include "workspace/workspace.h"

static const char yaml_text[] =
	"site: plant-7\n"
	"toolchains:\n"
	"  onnxruntime:\n"
	"    versions:\n"
	"      1.20.1: {library: ort/1.20.1/lib.so, released: 2024-11-21}\n"
	"      1.21.1: {library: /opt/ort/lib.so, sha256: "
	"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}\n"
	"  tensorrt:\n"
	"environments:\n"
	"  production: {}\n"
	"  test: {clocks: {confirm: 10m, fleet: 48h}}\n"
	"feeds:\n"
	"  ours: {format: csaf, path: feeds/csaf, tlp: amber+strict}\n"
	"  nvd: {kind: nvd, keywords: [tensorrt, triton inference server], api_key_file: keys/nvd}\n"
	"  bulletin: {path: b.csv, format: table, columns: {id: No., affected: 受影响版本}}\n"
	"registries: {\"registry.example:5000\": {ca_file: keys/ca.pem, credentials: keys/docker.json}, docker.io: {scheme: http}}\n"
	"policies:\n"
	"  fleet: {unknown: allow, severity: {warn: 4, deny: 7.5}, grace: 7d, registries: [registry.example/site, \"*\"]}\n"
	"  strict: {services: [voice], environments: [production, test], mode: audit, grace: none, severity: {deny: never},\n"
	"    signatures: [provenance, proof], minimum_toolchain: {tensorrt: 10.16.1.11}, engine_max_age: 180d}\n"
	"waivers: {longest: 30d}\n"
	"vex: {trusted: [{author: ACME PSIRT, feed: ours}, {author: us}]}\n"
	"services:\n"
	"  voice:\n"
	"    owner: {name: voice-team, contact: \"#voice\", deputy: bob}\n"
	"    reach: public\n"
	"    criticality: critical\n"
	"    environments: [production, test]\n"
	"    runtime: onnxruntime@1.20.1\n"
	"    roots: [fleet/voice, /srv/voice/./x/..//engines/]\n"
	"    engines: [{path: /opt/legacy/wake.bin, recipe: wake}, {path: fleet/voice/odd/place, recipe: odd}]\n"
	"  inner:\n"
	"    owner: {name: a, contact: b}\n"
	"    environments: [production]\n"
	"    roots: [fleet/voice/inner]\n";

static struct workspace *parsed(const char *yaml)
{
	struct workspace *w = NULL;
	struct err err = ERR_INIT;
	assert_ok(workspace_read(span_of(yaml), "/w/reforge.yaml", "/w", &w, &err), &err);
	return w;
}

static void reads_the_fleet(void **state)
{
	(void)state;
	RF_AUTO_PTR(workspace) w = parsed(yaml_text);
	assert_string_equal(w->site, "plant-7");
	assert_string_equal(w->database, "/w/reforge.db");
	assert_string_equal(w->depot, "/w/depot");
	assert_string_equal(w->keys, "/w/keys");
	const struct workspace_toolchain_version *v =
		workspace_toolchain_version(w, SPAN("onnxruntime"), SPAN("1.20.1"));
	assert_string_equal(v->library, "/w/ort/1.20.1/lib.so");
	assert_null(v->sha256);
	char date[TIME_TEXT_BYTES];
	assert_string_equal(time_text_date(v->released, date), "2024-11-21");
	v = workspace_toolchain_version(w, SPAN("onnxruntime"), SPAN("1.21.1"));
	assert_string_equal(v->library, "/opt/ort/lib.so");
	assert_true(v->released == USEC_NONE && v->sha256);
	assert_int_equal(workspace_toolchain(w, SPAN("tensorrt"))->versions_n, 0);
	assert_null(workspace_toolchain_version(w, SPAN("tensorrt"), SPAN("10.0")));
	assert_null(workspace_toolchain(w, SPAN("command")));
	const struct workspace_clocks *c = &workspace_environment(w, SPAN("production"))->clocks;
	assert_true(c->confirm_usec == 30 * USEC_PER_MIN && c->environment_usec == USEC_PER_HOUR &&
		    c->rebuild_usec == 4 * USEC_PER_HOUR && c->canary_usec == 8 * USEC_PER_HOUR &&
		    c->fleet_usec == 24 * USEC_PER_HOUR);
	assert_true(workspace_environment(w, SPAN("test"))->clocks.fleet_usec == 48 * USEC_PER_HOUR);
	const struct workspace_feed *f = workspace_feed(w, SPAN("ours"));
	assert_true(f->kind == WORKSPACE_FEED_FOLDER && f->max_age_usec == USEC_PER_DAY);
	assert_string_equal(f->format, "csaf");
	assert_string_equal(f->path, "/w/feeds/csaf");
	assert_string_equal(f->tlp, "amber+strict");
	f = workspace_feed(w, SPAN("nvd"));
	assert_true(f->kind == WORKSPACE_FEED_NVD && f->keywords_n == 2 && !f->url && f->page == 2000 && f->attempts == 8);
	assert_string_equal(f->keywords[1], "triton inference server");
	assert_string_equal(f->api_key_file, "/w/keys/nvd");
	f = workspace_feed(w, SPAN("bulletin"));
	assert_int_equal(f->columns_n, 2);
	assert_string_equal(f->columns[1].field, "affected");
	assert_string_equal(f->columns[1].column, "受影响版本");
	const struct workspace_registry *g = workspace_registry(w, SPAN("registry.example:5000"));
	assert_string_equal(g->scheme, "https");
	assert_string_equal(g->ca_file, "/w/keys/ca.pem");
	assert_string_equal(g->credentials, "/w/keys/docker.json");
	assert_string_equal(workspace_registry(w, SPAN("docker.io"))->scheme, "http");
	assert_null(workspace_registry(w, SPAN("registry.example")));
	const struct workspace_service *s = workspace_service(w, SPAN("voice"));
	assert_true(s->reach == WORKSPACE_REACH_PUBLIC && s->criticality == WORKSPACE_CRITICAL && s->line == 23);
	assert_int_equal(s->environments_n, 2);
	assert_string_equal(s->environments[1]->name, "test");
	assert_string_equal(s->runtime_toolchain, "onnxruntime");
	assert_string_equal(s->runtime_version, "1.20.1");
	assert_string_equal(s->roots[1], "/srv/voice/engines");
	s = workspace_service(w, SPAN("inner"));
	assert_true(s->reach == WORKSPACE_REACH_INTERNAL && s->criticality == WORKSPACE_NORMAL &&
		    !s->runtime_toolchain);
	assert_string_equal(workspace_reach_name(s->reach), "internal");
	assert_string_equal(workspace_criticality_name(s->criticality), "normal");
	assert_null(workspace_service(w, SPAN("none")));
}

static void reads_policies(void **state)
{
	(void)state;
	RF_AUTO_PTR(workspace) w = parsed(yaml_text);
	assert_int_equal(w->policies_n, 2);
	const struct workspace_policy *p = &w->policies[0];
	assert_string_equal(p->name, "fleet");
	assert_true(p->unknown == WORKSPACE_ACTION_ALLOW && p->conflict == WORKSPACE_ACTION_UNSET && !p->services_n);
	assert_true(p->warn_from.is_set && p->warn_from.tenths == 40 && p->deny_from.tenths == 75);
	assert_true(p->grace.is_set && p->grace.usec == 7 * USEC_PER_DAY && !p->engine_max_age.is_set);
	assert_string_equal(p->registries[1], "*");
	p = &w->policies[1];
	assert_true(p->mode == WORKSPACE_MODE_AUDIT && p->services_n == 1 && p->environments_n == 2);
	assert_string_equal(p->environments[1], "test");
	assert_true(p->grace.is_set && p->grace.usec == 0 && p->engine_max_age.usec == 180 * USEC_PER_DAY);
	assert_true(!p->warn_from.is_set && p->deny_from.tenths == WORKSPACE_SCORE_NEVER);
	assert_true(p->signatures_n == 2 && p->signatures[0] == WORKSPACE_SIGNATURE_PROVENANCE);
	assert_int_equal(workspace_signature_bit(p->signatures[1]), 4);
	assert_string_equal(workspace_signature_name(p->signatures[1]), "proof");
	assert_string_equal(p->minimum[0].product, "tensorrt");
	assert_string_equal(p->minimum[0].version, "10.16.1.11");
	assert_true(w->waiver_longest_usec == 30 * USEC_PER_DAY && w->vex.max_age_usec == 180 * USEC_PER_DAY);
	assert_string_equal(w->vex.trusted[0].feed, "ours");
	assert_null(w->vex.trusted[1].feed);
}

static void tells_whose_a_path_is(void **state)
{
	(void)state;
	RF_AUTO_PTR(workspace) w = parsed(yaml_text);
	static const struct {
		const char *path, *service, *root, *recipe;
	} cases[] = {
		{ "fleet/voice/melspec/1/model.onnx", "voice", "/w/fleet/voice", "melspec" },
		{ "/w/fleet/voice/./melspec/12/model.plan", "voice", "/w/fleet/voice", "melspec" },
		{ "fleet/voice/timer_v0.1.onnx", "voice", "/w/fleet/voice", "timer_v0.1" },
		{ "/srv/voice/engines/a.plan", "voice", "/srv/voice/engines", "a" },
		{ "fleet/voice/inner/x/1/m.ort", "inner", "/w/fleet/voice/inner", "x" },
		{ "fleet/voice/melspec/config.pbtxt", "voice", "/w/fleet/voice", "" },
		{ "fleet/voice/melspec/one/model.onnx", "voice", "/w/fleet/voice", "" },
		{ "fleet/voice/a/1/b/c", "voice", "/w/fleet/voice", "" },
		{ "fleet/voice/noextension", "voice", "/w/fleet/voice", "" },
		{ "fleet/voice/.hidden", "voice", "/w/fleet/voice", "" },
		{ "fleet/voice/bad name.onnx", "voice", "/w/fleet/voice", "" },
		{ "fleet/voice/odd/place", "voice", "/w/fleet/voice", "odd" },
		{ "/opt/legacy/wake.bin", "voice", NULL, "wake" },
		{ "/opt/legacy/other.bin", NULL, NULL, "" },
		{ "fleet/voice", NULL, NULL, "" },
		{ "fleet/voice2/a.onnx", NULL, NULL, "" },
		{ "fleet/voice/../x/a.onnx", NULL, NULL, "" },
		{ "/", NULL, NULL, "" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct workspace_place p;
		struct err err = ERR_INIT;
		assert_ok(workspace_locate(w, cases[i].path, &p, &err), &err);
		const char *service = p.service ? p.service->name : NULL;
		if ((service == NULL) != (cases[i].service == NULL) ||
		    (service && strcmp(service, cases[i].service) != 0) ||
		    (p.root == NULL) != (cases[i].root == NULL) || (p.root && strcmp(p.root, cases[i].root) != 0) ||
		    strcmp(p.recipe, cases[i].recipe) != 0)
			fail_msg("%s: service %s, root %s, recipe %s", cases[i].path, service ? service : "-",
				 p.root ? p.root : "-", p.recipe);
	}
}

static void refuses_with_advice(void **state)
{
	(void)state;
#define HEAD "site: s\nenvironments: {production: {}}\n"
#define OWN "owner: {name: a, contact: b}"
	static const struct {
		const char *yaml;
		int64_t line;
		const char *field, *words;
	} cases[] = {
		{ "", 1, "", "\"site\" is missing" },
		{ "site: a b\n", 1, "site", "not a name" },
		{ HEAD "service: {}\n", 3, "", "did you mean \"services\"?" },
		{ HEAD "services:\n  v: {" OWN ", reech: public, environments: [production]}\n", 4, "services.v",
		  "did you mean \"reach\"?" },
		{ HEAD "services:\n  v: {" OWN ", reach: internet, environments: [production]}\n", 4,
		  "services.v.reach", "accepted: isolated, internal, partner, public" },
		{ HEAD "services:\n  v: {environments: [production]}\n", 4, "services.v", "\"owner\" is missing" },
		{ HEAD "services:\n  v:\n", 4, "services.v", "\"owner\" is missing" },
		{ HEAD "services:\n  v: {" OWN ", environments: [staging]}\n", 4, "services.v.environments[0]",
		  "no environment \"staging\"" },
		{ HEAD "services:\n  v: {" OWN ", environments: []}\n", 4, "services.v.environments", "at least one" },
		{ HEAD "services:\n  v: {" OWN ", environments: [production], runtime: ort}\n", 4, "services.v.runtime",
		  "TOOLCHAIN@VERSION" },
		{ HEAD "services:\n  a: {" OWN ", environments: [production], roots: [x]}\n  b: {" OWN
		       ", environments: [production], roots: [./x/]}\n",
		  5, "services.b.roots[0]", "twice" },
		{ HEAD "services:\n  \"a b\": {" OWN "}\n", 4, "services", "not a name" },
		{ HEAD "services: []\n", 3, "services", "a list stands here, a mapping" },
		{ HEAD "toolchains: {onnxruntim: {}}\n", 3, "toolchains", "did you mean \"onnxruntime\"?" },
		{ HEAD "toolchains: {onnxruntime: {versions: {1.2.3: {}}}}\n", 3,
		  "toolchains.onnxruntime.versions.1.2.3", "\"library\" is missing" },
		{ HEAD "toolchains: {onnxruntime: {versions: {1.2.3: {library: x, released: yesterday}}}}\n", 3,
		  "toolchains.onnxruntime.versions.1.2.3.released", "a date" },
		{ HEAD "registries: {\"https://registry.example\": {}}\n", 3, "registries", "as references name it" },
		{ HEAD "registries: {app: {}}\n", 3, "registries", "as references name it" },
		{ HEAD "registries: {registry.example: {scheme: ftp}}\n", 3, "registries.registry.example.scheme", "accepted: https, http" },
		{ HEAD "feeds: {x: {format: cvrf, path: y}}\n", 3, "feeds.x.format", "accepted: osv, csaf" },
		{ HEAD "feeds:\n  x: {kind: url}\n", 4, "feeds.x", "needs url" },
		{ HEAD "feeds:\n  x: {kind: folder}\n", 4, "feeds.x", "needs path" },
		{ HEAD "feeds:\n  x: {kind: url, url: \"ftp://h/x\"}\n", 4, "feeds.x", "not an address of http" },
		{ HEAD "feeds:\n  x: {kind: git, url: \"ext::sh\"}\n", 4, "feeds.x", "not one of a repository" },
		{ HEAD "feeds:\n  x: {kind: git, url: \"--upload-pack=x\"}\n", 4, "feeds.x", "not one of a repository" },
		{ HEAD "feeds:\n  x: {kind: url, url: \"https://h/x\", cpe: [y]}\n", 4, "feeds.x", "kind nvd" },
		{ HEAD "feeds:\n  x: {kind: nvd, page: 5000}\n", 4, "feeds.x.page", "2 to 2000" },
		{ "site: s\nenvironments:\n  production:\n    clocks: {confirm: 2h}\n", 3,
		  "environments.production.clocks", "at least the one before" },
		{ HEAD "policies:\n  p: {unknown: block}\n", 4, "policies.p.unknown", "accepted: inherit, allow, warn, deny" },
		{ HEAD "policies:\n  p: {severity: {deny: 11}}\n", 4, "policies.p.severity.deny", "0.0 to 10.0, or never" },
		{ HEAD "policies:\n  p: {severity: {deny: 7.55}}\n", 4, "policies.p.severity.deny", "0.0 to 10.0, or never" },
		{ HEAD "policies:\n  p: {severity: {warn: 7, deny: 4}}\n", 4, "policies.p.severity", "never be reached" },
		{ HEAD "policies:\n  p: {grace: a week}\n", 4, "policies.p.grace", "a duration (7d, 12h), or none" },
		{ HEAD "policies:\n  p: {environments: [staging]}\n", 4, "policies.p.environments", "no environment \"staging\"" },
		{ HEAD "policies:\n  p: {registries: [app]}\n", 4, "policies.p.registries", "no place of images" },
		{ HEAD "policies:\n  p: {signatures: [sbom]}\n", 4, "policies.p.signatures[0]", "accepted: none, release" },
		{ HEAD "vex: {trusted: [{author: a, feed: f}]}\n", 3, "vex.trusted[0].feed", "no feed \"f\"" },
		{ HEAD "build: {jobs: many}\n", 3, "build.jobs", "from 0 to 1024" },
		{ HEAD "depot: &a x\n", 3, "", "anchors" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct workspace *w = NULL;
		struct err err = ERR_INIT;
		int rc = workspace_read(span_of(cases[i].yaml), "reforge.yaml", "/w", &w, &err);
		if (rc != RF_EFORMAT || err.line != cases[i].line || strcmp(err.field, cases[i].field) != 0 ||
		    !strstr(err.text, cases[i].words))
			fail_msg("case %zu: %d %s:%lld: %s: %s", i, rc, err.file, (long long)err.line, err.field,
				 err.text);
		assert_null(w);
	}
}

static void write_text(const char *folder, const char *name, const char *text)
{
	char path[FS_PATH_MAX];
	struct err err = ERR_INIT;
	assert_ok(fs_join(path, sizeof path, folder, name, &err), &err);
	assert_ok(fs_write_atomic(path, span_of(text), 0644, &err), &err);
}

static const char recipe_text[] =
	"model: alexa\nowner: {name: a, contact: b}\nsource: {path: m.onnx, sha256: "
	"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}\ntoolchain: onnxruntime\n"
	"targets: [linux-x86_64/cpu-avx512]\nprove: {inputs: g, outputs: {y: {atol: 1}}}\n";

static void makes_and_opens(void **state)
{
	(void)state;
	char folder[FS_PATH_MAX], sub[FS_PATH_MAX], found[FS_PATH_MAX];
	struct err err = ERR_INIT;
	assert_ok(fs_temporary_dir("workspace", folder, sizeof folder, &err), &err);
	struct workspace *none = NULL;
	assert_int_equal(workspace_open(folder, &none, &err), RF_ENOTFOUND);
	assert_non_null(strstr(err.text, "reforge init"));
	assert_int_equal(workspace_init(folder, "a b", &err), RF_EINVALID);
	assert_ok(workspace_init(folder, "plant-7", &err), &err);
	assert_int_equal(workspace_init(folder, "plant-7", &err), RF_EEXISTS);
	RF_AUTO_PTR(workspace) w = NULL;
	assert_ok(workspace_open(folder, &w, &err), &err);
	assert_string_equal(w->site, "plant-7");
	struct stat st;
	assert_int_equal(stat(w->keys, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_true(fs_is_dir(w->recipes) && fs_is_dir(w->reports) && fs_is_dir(w->work) && fs_is_dir(w->ledger) &&
		    fs_is_dir(w->depot));
	assert_ok(workspace_find(w->recipes, found, sizeof found, &err), &err);
	assert_string_equal(found, w->folder);
	assert_ok(fs_join(sub, sizeof sub, w->recipes, "alexa.yaml", &err), &err);

	struct arena a = ARENA_INIT(MIB);
	const char *const *names;
	size_t n;
	const struct recipe *r = NULL, *again = NULL;
	write_text(w->recipes, "alexa.yaml", recipe_text);
	write_text(w->recipes, "wrong.yaml", recipe_text);
	write_text(w->recipes, "notes.txt", "x");
	write_text(w->recipes, "bad name.yaml", "x");
	assert_ok(workspace_recipe_names(w, &a, &names, &n, &err), &err);
	assert_int_equal(n, 2);
	assert_string_equal(names[0], "alexa");
	assert_ok(workspace_recipe(w, "alexa", &r, &err), &err);
	assert_string_equal(r->file, sub);
	assert_ok(workspace_recipe(w, "alexa", &again, &err), &err);
	assert_ptr_equal(r, again);
	assert_int_equal(workspace_recipe(w, "wrong", &r, &err), RF_EFORMAT);
	assert_int_equal(workspace_recipe(w, "absent", &r, &err), RF_ENOTFOUND);
	assert_int_equal(workspace_recipe(w, "../alexa", &r, &err), RF_EINVALID);
	arena_release(&a);
	assert_ok(fs_remove_tree(folder, &err), &err);
}

/* Regenerate with: REFORGE_UPDATE=1 tests/unit/test_workspace_workspace */
#define FLEET                                                                                                             \
	"site: test\nenvironments: {production: {}, staging: {}}\nservices:\n  voice:\n    owner: {name: voice, contact: "  \
	"\"#voice\"}\n    environments: [production]\n"

static void namespaces_have_environments(void **state)
{
	struct err err = ERR_INIT;
	RF_AUTO_PTR(workspace) w = NULL;
	static const char yaml[] = FLEET "kubernetes:\n  owner_label: team\n  namespaces: {voice: production, 'eu/voice': staging, "
					 "'arn:aws:eks:x/y/other': staging}\n";
	(void)state;
	assert_ok(workspace_read(SPAN(yaml), "reforge.yaml", "/w", &w, &err), &err);
	assert_string_equal(workspace_namespace(w, SPAN("us"), SPAN("voice"))->name, "production");
	assert_string_equal(workspace_namespace(w, SPAN("eu"), SPAN("voice"))->name, "staging");
	assert_string_equal(workspace_namespace(w, SPAN("arn:aws:eks:x/y"), SPAN("other"))->name, "staging");
	assert_null(workspace_namespace(w, SPAN("eu"), SPAN("other")));
	assert_string_equal(w->kubernetes.service_label, "app.kubernetes.io/name");
	assert_string_equal(w->kubernetes.owner_label, "team");
	assert_string_equal(w->kubernetes.contact_label, "");
	assert_true(w->kubernetes.label_holds == WORKSPACE_LABEL_AT_HOME && w->services[0].namespaces_n == 0);
	RF_AUTO_PTR(workspace) other = NULL;
	static const char homes[] = FLEET "    namespaces: [speech, eu/talk]\nkubernetes: {service_label_holds: anywhere}\n";
	assert_ok(workspace_read(SPAN(homes), "reforge.yaml", "/w", &other, &err), &err);
	assert_true(other->kubernetes.label_holds == WORKSPACE_LABEL_ANYWHERE && other->services[0].namespaces_n == 2);
	assert_string_equal(other->services[0].namespaces[1], "eu/talk");
	struct workspace *bad = NULL;
	static const char wrong[] = FLEET "kubernetes: {namespaces: {voice: prod}}\n";
	assert_int_equal(workspace_read(SPAN(wrong), "reforge.yaml", "/w", &bad, &err), RF_EFORMAT);
	assert_string_equal(err.field, "kubernetes.namespaces.voice");
}

/* What a program wrote stands beside reforge.yaml, which wins; what it must not write is refused and nothing changes. */
static void services_of_programs(void **state)
{
	char folder[FS_PATH_MAX], path[FS_PATH_MAX];
	struct err err = ERR_INIT;
	(void)state;
	assert_ok(fs_temporary_dir("services", folder, sizeof folder, &err), &err);
	assert_ok(fs_join(path, sizeof path, folder, WORKSPACE_FILE, &err), &err);
	assert_ok(fs_write_atomic(path, SPAN(FLEET), 0644, &err), &err);
	struct workspace *w = NULL;
	assert_ok(workspace_open(folder, &w, &err), &err);
	static const char good[] =
		"{\"voice\":{\"owner\":{\"name\":\"x\",\"contact\":\"x\"},\"environments\":[\"staging\"]},"
		"\"reading\":{\"owner\":{\"name\":\"r \\\"q\\\"\",\"contact\":\"#r\"},\"environments\":[\"staging\"],"
		"\"criticality\":\"high\"}}";
	assert_ok(workspace_services_write(w, "cmdb", SPAN(good), &err), &err);
	assert_int_equal(workspace_services_write(w, "cmdb", SPAN("{\"z\":{\"environments\":[\"production\"]}}"), &err), RF_EFORMAT);
	assert_int_equal(workspace_services_write(w, "cmdb", SPAN("{\"z\":{\"owner\":{\"name\":\"a\",\"contact\":\"b\"},"
								   "\"environments\":[\"moon\"]}}"),
						  &err),
			 RF_EFORMAT);
	assert_int_equal(workspace_services_write(w, "../x", SPAN(good), &err), RF_EINVALID);
	workspace_freep(&w);
	assert_ok(workspace_open(folder, &w, &err), &err);
	assert_int_equal(w->services_n, 2);
	assert_string_equal(workspace_service(w, SPAN("voice"))->owner.name, "voice");
	assert_string_equal(workspace_service(w, SPAN("reading"))->owner.name, "r \"q\"");
	assert_int_equal(workspace_service(w, SPAN("reading"))->criticality, WORKSPACE_HIGH);
	assert_ptr_equal(workspace_service(w, SPAN("reading")), &w->services[1]);
	assert_ok(workspace_services_write(w, "cmdb", SPAN("{}"), &err), &err);
	workspace_freep(&w);
	assert_ok(workspace_open(folder, &w, &err), &err);
	assert_int_equal(w->services_n, 1);
	workspace_freep(&w);
	assert_ok(fs_remove_tree(folder, &err), &err);
}

static void published_schemas_are_the_tables(void **state)
{
	(void)state;
	static const char *const names[] = { "reforge", "recipe" };
	for (size_t i = 0; i < RF_COUNT(names); i++) {
		char path[64];
		struct err err = ERR_INIT;
		RF_AUTO(str) made = STR_INIT(MIB);
		RF_AUTO(str) there = STR_INIT(MIB);
		(void)snprintf(path, sizeof path, "docs/schema/%s.schema.json", names[i]);
		assert_ok(workspace_schema(names[i], &made, &err), &err);
		if (getenv("REFORGE_UPDATE"))
			assert_ok(fs_write_atomic(path, str_span(&made), 0644, &err), &err);
		assert_ok(fs_read(path, &there, &err), &err);
		assert_string_equal(str_text(&made), str_text(&there));
	}
	RF_AUTO(str) none = STR_INIT(MIB);
	assert_int_equal(workspace_schema("other", &none, NULL), RF_ENOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_fleet),
		cmocka_unit_test(reads_policies),
		cmocka_unit_test(tells_whose_a_path_is),
		cmocka_unit_test(refuses_with_advice),
		cmocka_unit_test(makes_and_opens),
		cmocka_unit_test(namespaces_have_environments),
		cmocka_unit_test(services_of_programs),
		cmocka_unit_test(published_schemas_are_the_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
