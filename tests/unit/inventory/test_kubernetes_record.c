/* Workloads into the inventory: digests, labels, namespaces that go, kinds that may not be listed. */
#include "testing.h"

#include "base/fs.h"
#include "inventory/fleet_store.h"
#include "inventory/kubernetes_record.h"

#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const char yaml[] = "site: test\nenvironments: {production: {}, staging: {}}\nservices:\n  voice:\n"
			   "    owner: {name: voice, contact: \"#voice\"}\n    environments: [production]\n"
			   "kubernetes: {owner_label: team, namespaces: {speech: production, lab: staging}}\n";

struct fixture {
	char folder[FS_PATH_MAX];
	struct database *db;
	struct workspace *workspace;
	struct err err;
};

static int begin(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);
	const struct migration_set *sets[] = { &INVENTORY_MIGRATIONS, &FLEET_MIGRATIONS };
	x->err = ERR_INIT;
	assert_ok(fs_temporary_dir("kube", x->folder, sizeof x->folder, &x->err), &x->err);
	assert_ok(workspace_read(SPAN(yaml), "reforge.yaml", x->folder, &x->workspace, &x->err), &x->err);
	assert_ok(database_open("reforge.db", x->folder, &x->db, &x->err), &x->err);
	assert_ok(database_migrate(x->db, sets, 2, &x->err), &x->err);
	*state = x;
	return 0;
}

static int end(void **state)
{
	struct fixture *x = *state;
	database_close(x->db);
	workspace_free(x->workspace);
	assert_ok(fs_remove_tree(x->folder, &x->err), &x->err);
	free(x);
	return 0;
}

static void record_as(struct fixture *x, const char *text, const struct kube_listing *listing, bool some,
		      struct kube_result *ret)
{
	struct kube_set s;
	struct kube_labels labels = { x->workspace->kubernetes.service_label, x->workspace->kubernetes.owner_label, "" };
	struct kube_record o = { .cluster = "eu", .workspace = x->workspace, .listing = listing, .whole_cluster = !some,
				 .some = some };
	assert_ok(kube_set_init(&s, &labels, "default", &x->err), &x->err);
	if (text[0])
		assert_ok(kube_read(&s, span_of(text), "m.yaml", &x->err), &x->err);
	assert_ok(kube_set_join(&s, &x->err), &x->err);
	assert_ok(kube_record(x->db, &s, &o, ret, &x->err), &x->err);
	kube_set_release(&s);
}

static void record(struct fixture *x, const char *text, const struct kube_listing *listing, struct kube_result *ret)
{
	record_as(x, text, listing, false, ret);
}

struct shown {
	struct str text;
};

static int show_placement(const struct inventory_placement *p, void *data)
{
	struct shown *s = data;
	str_addf(&s->text, "%.*s %.*s [%.*s/%.*s] %.*s %.8s %.*s\n", SPAN_ARG(p->host), SPAN_ARG(p->path), SPAN_ARG(p->service),
		 SPAN_ARG(p->environment), SPAN_ARG(p->artifact.kind), p->artifact.digest, SPAN_ARG(p->artifact.finding));
	return 0;
}

static int show_finding(const struct fleet_finding *f, void *data)
{
	struct shown *s = data;
	str_addf(&s->text, "%.*s: %.*s %.*s\n", SPAN_ARG(f->host), SPAN_ARG(f->rule), SPAN_ARG(f->subject));
	return 0;
}

static int show_all(struct transaction *tx, void *data)
{
	struct shown *s = data;
	str_reset(&s->text);
	int rc = inventory_each_placement(tx, &(struct inventory_filter){ 0 }, show_placement, s);
	return rc ? rc : fleet_each_finding(tx, SPAN_NONE, false, show_finding, s);
}

static void expect(struct fixture *x, const char *want)
{
	struct shown s = { .text = STR_INIT(64 * KIB) };
	assert_ok(database_transact(x->db, DB_READ, show_all, &s, &x->err), &x->err);
	assert_string_equal(str_text(&s.text), want);
	str_release(&s.text);
}

#define DEPLOYMENT(name, ns, image, label)                                                                                   \
	"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " name ", namespace: " ns ", labels: {app.kubernetes.io/name: " label \
	", team: speech}}\nspec: {replicas: 2, template: {spec: {containers: [{name: c, image: '" image "'}]}}}\n---\n"

static void records(void **state)
{
	struct fixture *x = *state;
	struct kube_result r;
	static const char text[] = DEPLOYMENT("asr", "speech", "r/a@sha256:" DIGEST_A, "voice")
		DEPLOYMENT("tts", "lab", "r/b@sha256:" DIGEST_B, "talk");
	record(x, text, NULL, &r);
	assert_int_equal(r.namespaces, 2);
	assert_int_equal(r.workloads, 2);
	assert_int_equal(r.replicas, 4);
	assert_int_equal(r.changes.added, 2);
	assert_int_equal(r.unknown_images, 0);
	expect(x, "k8s:eu/lab Deployment/tts/container/c [talk/staging] container-image bbbbbbbb unknown\n"
		  "k8s:eu/speech Deployment/asr/container/c [voice/production] container-image aaaaaaaa unknown\n");
	record(x, text, NULL, &r);
	assert_int_equal(r.changes.unchanged, 2);
	assert_int_equal(r.changes.added, 0);
	/* another image, another label, a namespace that is gone */
	record(x, DEPLOYMENT("asr", "speech", "r/a@sha256:" DIGEST_B, "listen"), NULL, &r);
	expect(x, "k8s:eu/speech Deployment/asr/container/c [listen/production] container-image bbbbbbbb unknown\n");
	record(x, "", NULL, &r);
	expect(x, "");
}

/* A tag: the digest that a scan of the reference found, or content of its own that nobody has looked into. */
static int place_image(struct transaction *tx, void *data)
{
	struct digest d;
	struct inventory_place place = { .host = "image:docker.io/r/a:1", .service = "", .environment = "", .model = "" };
	struct inventory_batch *b = data;
	int rc = digest_read(SPAN(DIGEST_A), &d, tx_err(tx));
	if (rc == 0)
		rc = inventory_batch_place(b, "/", &d, "container-image", &place, tx_err(tx));
	return rc ? rc : inventory_record_tx(tx, b, NULL);
}

/* As if nobody had scanned the image for a day. */
static int make_old(struct transaction *tx, void *data)
{
	(void)data;
	return tx_exec(tx, "UPDATE inventory_group SET seen_last = seen_last - 86400000001 WHERE host_id = (SELECT id FROM inventory_host "
			   "WHERE name = 'image:docker.io/r/a:1')", NULL, 0, NULL);
}

static void expect_detail(struct fixture *x, const char *text);

static void tags(void **state)
{
	struct fixture *x = *state;
	struct kube_result r;
	char want[512], hex[DIGEST_HEX];
	struct digest d;
	record(x, DEPLOYMENT("asr", "speech", "r/a:1", "voice"), NULL, &r);
	assert_int_equal(r.unknown_images, 1);
	kube_reference_identity(SPAN("r/a:1"), &d);
	(void)snprintf(want, sizeof want,
		       "k8s:eu/speech Deployment/asr/container/c [voice/production] container-image %.8s unknown\n",
		       digest_hex(&d, hex));
	expect(x, want);
	struct inventory_batch *b = inventory_batch_new();
	assert_ok(database_transact(x->db, DB_WRITE, place_image, b, &x->err), &x->err);
	inventory_batch_free(b);
	record(x, DEPLOYMENT("asr", "speech", "r/a:1", "voice"), NULL, &r);
	assert_int_equal(r.unknown_images, 0);
	assert_int_equal(r.changes.replaced, 1);
	expect_detail(x, "\"digest_source\":\"scan\",\"scanned_digest\":\"" DIGEST_A "\",\"scanned_at\":\"");
	/* a tag may have moved since: what was found is a candidate */
	assert_ok(database_transact(x->db, DB_WRITE, make_old, NULL, &x->err), &x->err);
	record(x, DEPLOYMENT("asr", "speech", "r/a:1", "voice"), NULL, &r);
	assert_int_equal(r.unknown_images, 1);
	assert_int_equal(r.changes.replaced, 1);
	expect_detail(x, "\"digest_source\":null,\"scanned_digest\":\"" DIGEST_A "\",\"scanned_at\":\"");
}

static int detail_of_asr(struct transaction *tx, void *data)
{
	struct shown *s = data;
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	struct span json;
	int rc = fleet_detail_get(tx, SPAN("k8s:eu/speech"), SPAN("Deployment/asr/container/c"), &a, &json);
	str_reset(&s->text);
	if (rc == 0)
		str_add(&s->text, json);
	return rc;
}

static void expect_detail(struct fixture *x, const char *text)
{
	struct shown s = { .text = STR_INIT(64 * KIB) };
	assert_ok(database_transact(x->db, DB_READ, detail_of_asr, &s, &x->err), &x->err);
	if (!strstr(str_text(&s.text), text))
		fail_msg("%s is not in %s", text, str_text(&s.text));
	str_release(&s.text);
}

/* What the account may not list stays as it was. */
static void unseen(void **state)
{
	struct fixture *x = *state;
	struct kube_result r;
	struct kube_listing l = { .unseen = { { "Deployment", "forbidden" } }, .unseen_n = 1 };
	record(x, DEPLOYMENT("asr", "speech", "r/a@sha256:" DIGEST_A, "voice"), NULL, &r);
	record(x, "", &l, &r);
	assert_int_equal(r.changes.vanished, 0);
	record(x,
	       "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: speech, labels: {app.kubernetes.io/name: voice}}\n"
	       "spec: {containers: [{name: c, image: 'r/p@sha256:" DIGEST_B "'}]}\n",
	       &l, &r);
	assert_int_equal(r.changes.vanished, 0);
	expect(x, "k8s:eu/speech Deployment/asr/container/c [voice/production] container-image aaaaaaaa unknown\n"
		  "k8s:eu/speech Pod/p/container/c [voice/production] container-image bbbbbbbb unknown\n");
	record(x, "", NULL, &r);
	expect(x, "");
}

static void findings_and_details(void **state)
{
	struct fixture *x = *state;
	struct kube_result r;
#define ON_VOLUME(name, image)                                                                                                   \
	"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " name ", namespace: lab}\nspec: {template: {spec: {containers: [{name: "  \
	"c, image: 'r/a@sha256:" image "', volumeMounts: [{name: m, mountPath: /models}]}], volumes: [{name: m, persistentVolumeClaim: " \
	"{claimName: models}}]}}}\n---\n"
	record(x, ON_VOLUME("canary", DIGEST_A) ON_VOLUME("stable", DIGEST_B), NULL, &r);
	assert_int_equal(r.findings, 1);
	expect(x, "k8s:eu/lab Deployment/canary/container/c [/staging] container-image aaaaaaaa unknown\n"
		  "k8s:eu/lab Deployment/stable/container/c [/staging] container-image bbbbbbbb unknown\n"
		  "k8s:eu/lab: shared_writable_volume persistentVolumeClaim:models\n");
	record(x, ON_VOLUME("stable", DIGEST_B), NULL, &r);
	expect(x, "k8s:eu/lab Deployment/stable/container/c [/staging] container-image bbbbbbbb unknown\n");
}

static int count_details(struct transaction *tx, void *data)
{
	return TX_I64(tx, data, "SELECT count(*) FROM fleet_detail");
}

/* Manifests that are some of a cluster's: what they do not tell of stays, in their namespaces too. */
static void some_of_a_cluster(void **state)
{
	struct fixture *x = *state;
	struct kube_result r;
	int64_t details;
	static const char all[] = "k8s:eu/lab Deployment/canary/container/c [/staging] container-image aaaaaaaa unknown\n"
				  "k8s:eu/lab Deployment/stable/container/c [/staging] container-image bbbbbbbb unknown\n"
				  "k8s:eu/speech Deployment/asr/container/c [voice/production] container-image aaaaaaaa unknown\n"
				  "k8s:eu/lab: shared_writable_volume persistentVolumeClaim:models\n";
	record_as(x, ON_VOLUME("canary", DIGEST_A) ON_VOLUME("stable", DIGEST_B), NULL, true, &r);
	record_as(x, DEPLOYMENT("asr", "speech", "r/a@sha256:" DIGEST_A, "voice"), NULL, true, &r);
	assert_int_equal(r.changes.vanished, 0);
	expect(x, all);
	record_as(x, ON_VOLUME("stable", DIGEST_B), NULL, true, &r);
	assert_int_equal(r.changes.vanished, 0);
	assert_int_equal(r.changes.unchanged, 1);
	expect(x, all);
	record_as(x, "", NULL, true, &r);
	expect(x, all);
	assert_ok(database_transact(x->db, DB_READ, count_details, &details, &x->err), &x->err);
	assert_int_equal(details, 3);
	/* another image of what it does tell of; then all of the cluster, told just as before */
	record_as(x, ON_VOLUME("stable", DIGEST_A), NULL, true, &r);
	assert_int_equal(r.changes.replaced, 1);
	record(x, ON_VOLUME("stable", DIGEST_A), NULL, &r);
	expect(x, "k8s:eu/lab Deployment/stable/container/c [/staging] container-image aaaaaaaa unknown\n");
}

static void services_by_label(void **state)
{
	struct fixture *x = *state;
	struct kube_set s;
	struct kube_labels labels = { "app.kubernetes.io/name", "team", "" };
	struct kube_record o = { .cluster = "eu", .workspace = x->workspace };
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	static const char many[] = DEPLOYMENT("asr", "speech", "a", "voice") DEPLOYMENT("t", "lab", "a", "talk")
		DEPLOYMENT("t", "speech", "a", "talk") DEPLOYMENT("u", "elsewhere", "a", "other");
	assert_ok(kube_set_init(&s, &labels, "default", &x->err), &x->err);
	assert_ok(kube_read(&s, SPAN(many), "m.yaml", &x->err), &x->err);
	assert_ok(kube_set_join(&s, &x->err), &x->err);
	assert_ok(kube_services_json(&s, &o, &text, &x->err), &x->err);
	assert_string_equal(str_text(&text), "{\"talk\":{\"owner\":{\"name\":\"speech\",\"contact\":\"speech\"},\"environments\":["
					     "\"staging\",\"production\"]}}");
	kube_set_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records, begin, end), cmocka_unit_test_setup_teardown(tags, begin, end),
		cmocka_unit_test_setup_teardown(unseen, begin, end),
		cmocka_unit_test_setup_teardown(findings_and_details, begin, end),
		cmocka_unit_test_setup_teardown(some_of_a_cluster, begin, end),
		cmocka_unit_test_setup_teardown(services_by_label, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
