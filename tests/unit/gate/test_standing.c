/* The standing report: what runs in a small fleet, judged, grouped, with what may take its place. */
#include "testing.h"

#include "base/str.h"
#include "gate/standing.h"
#include "version/product.h"
#include "whole.h"

#define NOW (100 * USEC_PER_DAY)
enum { OLD = 1, NEW, IMAGE_OLD, IMAGE_NEW, IMAGE_ALONE };

static uint32_t content_of(struct gate_snapshot *s, uint32_t number, const char *kind, uint32_t component, uint32_t inside)
{
	const struct gate_part part = { component, inside, 0 };
	bool is_image = inside != GATE_NONE;
	struct gate_artifact a = { .digest = digest_no(number), .main = is_image ? GATE_NONE : component, .signatures = 3,
				   .flags = is_image ? GATE_ARTIFACT_IS_IMAGE : GATE_ARTIFACT_IS_ENGINE };
	struct err err = ERR_INIT;
	uint32_t index;
	assert_ok(gate_snapshot_set(s, &part, 1, &a.set, &err), &err);
	assert_ok(gate_snapshot_artifact(s, &a, span_of(kind), &index, &err), &err);
	return index;
}

/* TensorRT before 11.0 is denied. An old and a new engine; images with them; a release with the new one. */
static struct gate_snapshot *world(bool with_release)
{
	const struct product *trt = product_by_purl(SPAN(ARTIFACT_PRODUCT_TENSORRT));
	struct gate_snapshot *s = gate_snapshot_new(16 * MIB);
	struct err err = ERR_INIT;
	const struct component versions[] = { { .product = trt, .purl = span_of(trt->purl), .version = SPAN("10.8.0.43") },
					      { .product = trt, .purl = span_of(trt->purl), .version = SPAN("11.1.0.1") } };
	const struct gate_head head = { .site = SPAN("test"), .created = NOW, .as_of = NOW, .expires = USEC_NONE };
	const struct gate_service service = { SPAN("voice"), SPAN("voice-team"), SPAN("#voice"), SPAN("ops") };
	uint32_t builder[2], old, new, release;
	assert_non_null(s);
	assert_ok(gate_snapshot_head(s, &head, &err), &err);
	assert_ok(gate_snapshot_service(s, &service, &err), &err);
	whole_advisory(s, trt);
	for (size_t i = 0; i < 2; i++)
		assert_ok(gate_snapshot_component(s, &versions[i], CARRIER_BUILDER, &builder[i], &err), &err);
	old = content_of(s, OLD, ARTIFACT_TENSORRT_PLAN, builder[0], GATE_NONE);
	new = content_of(s, NEW, ARTIFACT_TENSORRT_PLAN, builder[1], GATE_NONE);
	assert_ok(gate_snapshot_image(s, SPAN("r.example/app:1"), content_of(s, IMAGE_OLD, ARTIFACT_CONTAINER_IMAGE, builder[0], old), &err), &err);
	assert_ok(gate_snapshot_image(s, SPAN("r.example/app:2"), content_of(s, IMAGE_NEW, ARTIFACT_CONTAINER_IMAGE, builder[1], new), &err), &err);
	assert_ok(gate_snapshot_image(s, SPAN("r.example/alone:1"), content_of(s, IMAGE_ALONE, ARTIFACT_CONTAINER_IMAGE, builder[0], old), &err),
		  &err);
	assert_ok(gate_snapshot_model(s, SPAN("pvc://models/asr"), old, &err), &err);
	if (with_release) {
		struct gate_release r = { .is_signed = true };
		assert_ok(gate_snapshot_text(s, SPAN("voice"), &r.service, &err), &err);
		assert_ok(gate_snapshot_text(s, SPAN("production"), &r.environment, &err), &err);
		assert_ok(gate_snapshot_text(s, SPAN("2026-08-01-CVE-2026-1"), &r.name, &err), &err);
		assert_ok(gate_snapshot_release(s, &r, &release, &err), &err);
		struct gate_row row = { .release = release, .artifact = new, .builder = builder[1], .runtime = GATE_NONE };
		assert_ok(gate_snapshot_row(s, &row, &err), &err);
	}
	assert_ok(gate_snapshot_ready(s, &err), &err);
	return s;
}

static void deployment_of(struct standing *s, const char *name, const char *image, int64_t replicas, bool on_volume,
			  const struct digest *digest)
{
	struct kube_image i = { .reference = image, .digest = "", .source = "" };
	struct kube_container c = { .name = "server", .images = &i, .images_n = 1 };
	struct kube_volume v = { .name = "models", .kind = "persistentVolumeClaim", .identity = "persistentVolumeClaim:models", .sub_path = "",
				 .mounted_at = "/models" };
	struct kube_workload w = { .kind = "Deployment", .name = name, .namespace_ = "", .service = "", .runtime = "", .replicas = replicas,
				   .containers = &c, .containers_n = 1, .volumes = &v, .volumes_n = on_volume };
	struct err err = ERR_INIT;
	assert_ok(standing_workload(s, SPAN("k8s:eu/speech"), SPAN("voice"), SPAN("production"), &w, digest, &err), &err);
}

static void deployment(struct standing *s, const char *name, const char *image, int64_t replicas, bool on_volume)
{
	deployment_of(s, name, image, replicas, on_volume, NULL);
}

static void host(struct standing *s, const char *name, uint32_t engine)
{
	struct err err = ERR_INIT;
	struct digest d = digest_no(engine);
	assert_ok(standing_content(s, span_of(name), SPAN("voice"), SPAN("production"), SPAN("/srv/a.plan"), &d, NULL, &err), &err);
}

/* "Deployment/a x3 denied[container server r.example/app:1] -> image r.example/app:2; ..." and the steps behind */
static void show(const struct standing_report *r, struct str *to)
{
	for (size_t i = 0; i < r->groups_n; i++) {
		const struct standing_group *g = &r->groups[i];
		str_addf(to, "%.*s x%lld", SPAN_ARG(g->drain.name), (long long)g->drain.replicas);
		for (size_t k = 0; k < g->subjects_n; k++)
			str_addf(to, " %s %.*s %.*s", gate_decision_name(g->subjects[k].verdict->judged), SPAN_ARG(g->subjects[k].where),
				 SPAN_ARG(g->subjects[k].name));
		str_addf(to, "%s%s\n", g->replacement ? " -> " : "", g->replacement ? g->replacement : "");
	}
	for (size_t i = 0; i < r->steps_n; i++)
		str_addf(to, "%s %.*s %lld\n", drain_action_name(r->steps[i].action), SPAN_ARG(r->groups[r->steps[i].group].drain.name),
			 (long long)r->steps[i].replicas);
}

static void expect(struct standing *s, const char *want, uint64_t denied)
{
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	struct standing_report r;
	struct err err = ERR_INIT;
	assert_ok(standing_report(s, &r, &err), &err);
	show(&r, &text);
	assert_string_equal(str_text(&text), want);
	assert_int_equal(r.denied, denied);
}

static struct standing *begin(struct gate_snapshot *w, int64_t keep)
{
	struct standing *s;
	struct err err = ERR_INIT;
	assert_ok(standing_new(&(struct standing_settings){ .snapshot = w, .now = NOW, .keep = keep }, &s, &err), &err);
	return s;
}

static void test_cluster(void **state)
{
	(void)state;
	struct gate_snapshot *w = world(false);
	struct standing *s = begin(w, 2);
	deployment(s, "good", "r.example/app:2", 1, false);
	deployment(s, "bad", "r.example/app:1", 3, false);
	deployment(s, "lost", "r.example/alone:1", 2, false);
	expect(s,
	       "Deployment/bad x3 deny container server r.example/app:1 -> image r.example/app:2\n"
	       "Deployment/lost x2 deny container server r.example/alone:1\n"
	       "Deployment/good x1\n"
	       "replace Deployment/bad 3\n"
	       "remove Deployment/lost 2\n",
	       2);
	standing_free(s);
	gate_snapshot_free(w);
}

/* The tag was scanned again, with something clean in it; what it held before still runs. */
static void test_what_runs_counts(void **state)
{
	RF_AUTO_PTR(gate_snapshot) w = world(false);
	struct standing *s = begin(w, 0);
	struct digest old = digest_no(IMAGE_OLD), new = digest_no(IMAGE_NEW), other = digest_no(99);
	(void)state;
	deployment_of(s, "a", "r.example/app:2", 1, false, &old);
	deployment_of(s, "b", "r.example/app:1", 1, false, &new);
	deployment_of(s, "c", "r.example/app:1", 1, false, &other); /* never seen: its tag */
	expect(s,
	       "Deployment/a x1 deny container server r.example/app:2 -> image r.example/app:2\n"
	       "Deployment/c x1 deny container server r.example/app:1 -> image r.example/app:2\n"
	       "Deployment/b x1\n"
	       "replace Deployment/a 1\n"
	       "replace Deployment/c 1\n",
	       2);
	standing_free(s);
}

static void test_model_on_a_volume(void **state)
{
	(void)state;
	for (int with_release = 0; with_release < 2; with_release++) {
		struct gate_snapshot *w = world(with_release);
		struct standing *s = begin(w, 2);
		deployment(s, "a", "r.example/app:2", 2, true);
		expect(s, with_release ? "Deployment/a x2 deny volume models pvc://models -> release voice/2026-08-01-CVE-2026-1\n"
					 "replace Deployment/a 2\n" :
					 "Deployment/a x2 deny volume models pvc://models\nhold Deployment/a 2\n", 1);
		standing_free(s);
		gate_snapshot_free(w);
	}
}

static void test_hosts(void **state)
{
	(void)state;
	struct gate_snapshot *w = world(true);
	struct standing *s = begin(w, 2);
	host(s, "gpu-1", OLD);
	host(s, "gpu-2", NEW);
	host(s, "gpu-3", OLD);
	expect(s,
	       "gpu-1 x1 deny  /srv/a.plan -> release voice/2026-08-01-CVE-2026-1\n"
	       "gpu-3 x1 deny  /srv/a.plan -> release voice/2026-08-01-CVE-2026-1\n"
	       "gpu-2 x1\n"
	       "replace gpu-1 1\n"
	       "replace gpu-3 1\n",
	       2);
	standing_free(s);
	gate_snapshot_free(w);
}

/* What loads an engine counts: the same file under an old and a new runtime. */
static void test_runtime(void **state)
{
	(void)state;
	struct gate_snapshot *w = world(false);
	struct standing *s = begin(w, 1);
	const struct product *trt = product_by_purl(SPAN(ARTIFACT_PRODUCT_TENSORRT));
	struct err err = ERR_INIT;
	struct digest d = digest_no(NEW);
	for (int i = 0; i < 2; i++) {
		const struct component runtime = { .product = trt, .purl = span_of(trt->purl), .version = i ? SPAN("11.1.0.1") : SPAN("10.8.0.43") };
		assert_ok(standing_content(s, i ? SPAN("gpu-new") : SPAN("gpu-old"), SPAN("voice"), SPAN("production"), SPAN("/srv/a.plan"), &d,
					   &runtime, &err), &err);
	}
	expect(s, "gpu-old x1 deny  /srv/a.plan\ngpu-new x1\nremove gpu-old 1\n", 1);
	standing_free(s);
	gate_snapshot_free(w);
}

/* The same content on many hosts is one question; what nobody knows is no pass, and takes nobody's place. */
static void test_asked_once(void **state)
{
	(void)state;
	struct gate_snapshot *w = world(false);
	struct standing *s = begin(w, 1);
	struct standing_report r;
	struct err err = ERR_INIT;
	char name[16];
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof name, "gpu-%d", i);
		host(s, name, i == 999 ? 4711 : OLD);
	}
	assert_ok(standing_report(s, &r, &err), &err);
	assert_int_equal(r.subjects, 1000);
	assert_int_equal(r.judged, 2);
	assert_int_equal(r.denied, 999);
	assert_int_equal(r.uncertain, 1);
	assert_int_equal(r.groups_n, 1000);
	standing_free(s);
	gate_snapshot_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cluster),
		cmocka_unit_test(test_model_on_a_volume),
		cmocka_unit_test(test_what_runs_counts),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_runtime),
		cmocka_unit_test(test_asked_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
