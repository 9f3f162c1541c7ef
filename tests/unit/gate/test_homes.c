/*
 * Who may write a workload may write its labels: where a service is at home, whose policy and excuses count elsewhere, and
 * what a change of the label brings.
 */
#include "testing.h"

#include "whole.h"

#include "gate/review.h"

#define MODEL "/srv/models/a/1/model.plan" /* hit by CVE-2026-1, which a waiver excuses for the service voice */
#define URI "s3://m" /* the same */
#define UNKNOWN "/elsewhere"

static void policy(struct gate_snapshot *s, const char *name, const char *service, const char *environment,
		   enum workspace_action unknown_subject)
{
	const struct workspace_policy p = { .name = name, .services = &service, .services_n = service ? 1 : 0,
					    .environments = &environment, .environments_n = environment ? 1 : 0,
					    .unknown_subject = unknown_subject };
	struct err err = ERR_INIT;
	assert_ok(gate_snapshot_policy(s, &p, &err), &err);
}

static void home(struct gate_snapshot *s, const char *service, const char *cluster, const char *namespace_)
{
	const struct gate_home h = { span_of(service), span_of(cluster), span_of(namespace_) };
	struct err err = ERR_INIT;
	assert_ok(gate_snapshot_home(s, &h, &err), &err);
}

static void engine(struct gate_snapshot *s, const struct product *trt)
{
	const struct component c = { .product = trt, .purl = span_of(trt->purl), .version = SPAN("10.8.0.43") };
	struct gate_artifact a = { .digest = digest_no(1), .flags = GATE_ARTIFACT_IS_ENGINE };
	uint32_t number;
	struct err err = ERR_INIT;
	assert_ok(gate_snapshot_component(s, &c, CARRIER_BUILDER, &a.main, &err), &err);
	assert_ok(gate_snapshot_set(s, &(struct gate_part){ a.main, GATE_NONE, 0 }, 1, &a.set, &err), &err);
	assert_ok(gate_snapshot_artifact(s, &a, SPAN(ARTIFACT_TENSORRT_PLAN), &number, &err), &err);
	assert_ok(gate_snapshot_model(s, SPAN(MODEL), number, &err), &err);
	assert_ok(gate_snapshot_model(s, SPAN(URI), number, &err), &err);
	a = (struct gate_artifact){ .digest = digest_no(2), .set = GATE_NONE, .main = GATE_NONE, .flags = GATE_ARTIFACT_IS_IMAGE };
	assert_ok(gate_snapshot_artifact(s, &a, SPAN(ARTIFACT_CONTAINER_IMAGE), &number, &err), &err);
	assert_ok(gate_snapshot_image(s, SPAN("registry.example/site/plain:1"), number, &err), &err);
}

/* Production warns; voice allows, vision denies what was never seen. voice lives in speech, vision in vision and, in one
 * cluster, in shared, where plain does too: no policy names it. */
static struct gate_snapshot *knowledge(bool trusts_labels)
{
	struct gate_snapshot *s = gate_snapshot_new(16 * MIB);
	struct err err = ERR_INIT;
	const struct gate_head head = { .site = SPAN("shenzhen"), .created = 1, .as_of = 1, .expires = USEC_NONE,
					.trusts_labels = trusts_labels };
	struct span id[] = { SPAN("CVE-2026-1") };
	const struct waiver w = { .id = 7, .advisories = id, .advisory_count = 1, .scope = { .service = SPAN("voice") },
				  .owner = SPAN("team"), .reason = SPAN("delivery"), .created_by = SPAN("user:a@b"),
				  .created = 1, .expires = 1000 * USEC_PER_DAY, .revoked = USEC_NONE };
	const struct product *trt = product_by_purl(SPAN(ARTIFACT_PRODUCT_TENSORRT));
	assert_non_null(s);
	assert_ok(gate_snapshot_head(s, &head, &err), &err);
	policy(s, "site", NULL, "production", WORKSPACE_ACTION_WARN);
	policy(s, "voice", "voice", NULL, WORKSPACE_ACTION_ALLOW);
	policy(s, "vision", "vision", NULL, WORKSPACE_ACTION_DENY);
	home(s, "voice", "", "speech");
	home(s, "vision", "east", "vision");
	home(s, "plain", "east", "shared");
	home(s, "vision", "east", "shared");
	whole_advisory(s, trt);
	engine(s, trt);
	assert_ok(gate_snapshot_waiver(s, &w, &err), &err);
	assert_ok(gate_snapshot_ready(s, &err), &err);
	return s;
}

static void whose_policy(void **state)
{
	static const struct {
		const char *cluster, *namespace_, *service, *unknown, *model, *policy;
		bool is_told;
	} rows[] = {
		/* whoever asks has named the service: a command's --service */
		{ "", "", "voice", "allow", "allow", "voice", false },
		{ "", "", "vision", "deny", "deny", "vision", false },
		{ "", "", "", "warn", "deny", "site", false },
		/* at home */
		{ "east", "speech", "voice", "allow", "allow", "voice", false },
		{ "", "speech", "voice", "allow", "allow", "voice", false },
		{ "east", "vision", "vision", "deny", "deny", "vision", false },
		{ "", "vision", "vision", "deny", "deny", "vision", false },
		{ "east", "shared", "plain", "warn", "deny", "site", false },
		/* elsewhere: neither the laxer policy nor the waiver; a stricter one all the same */
		{ "east", "other", "voice", "warn", "deny", "site, voice", true },
		{ "", "other", "voice", "warn", "deny", "site, voice", true },
		{ "east", "vision", "voice", "deny", "deny", "site, voice, vision", true },
		{ "west", "vision", "vision", "deny", "deny", "site, vision", true },
		{ "east", "other", "vision", "deny", "deny", "site, vision", true },
		{ "east", "other", "nobody", "warn", "deny", "site", false }, /* it makes no difference */
		/* to name none, or one that nobody knows, is no way out of what lives there */
		{ "east", "vision", "", "deny", "deny", "site, vision", false },
		{ "east", "shared", "", "deny", "deny", "site, vision", false },
		{ "east", "vision", "nobody", "deny", "deny", "site, vision", true },
		{ "east", "speech", "", "warn", "deny", "site, voice", false },
		{ "east", "other", "", "warn", "deny", "site", false },
	};
	(void)state;
	RF_AUTO_PTR(gate_snapshot) s = knowledge(false);
	RF_AUTO_PTR(gate_snapshot) trusting = knowledge(true);
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct gate_question q = { .snapshot = s, .service = span_of(rows[i].service), .environment = SPAN("production"),
					   .cluster = span_of(rows[i].cluster), .namespace_ = span_of(rows[i].namespace_),
					   .now = USEC_PER_DAY };
		const struct gate_subject unknown = { .kind = GATE_MODEL, .name = SPAN(UNKNOWN) },
					  model = { .kind = GATE_MODEL, .name = SPAN(MODEL) };
		struct gate_answer u, m, t;
		struct err err = ERR_INIT;
		assert_ok(gate_judge(&a, &q, &unknown, &u, &err), &err);
		assert_ok(gate_judge(&a, &q, &model, &m, &err), &err);
		if (strcmp(gate_decision_name(u.decision), rows[i].unknown) || strcmp(gate_decision_name(m.decision), rows[i].model) ||
		    !span_eq_text(u.policy, rows[i].policy) || (u.not_at_home != NULL) != rows[i].is_told)
			fail_msg("row %zu: unknown %s, model %s, policy %.*s, %s", i, gate_decision_name(u.decision),
				 gate_decision_name(m.decision), SPAN_ARG(u.policy), u.not_at_home ? u.not_at_home : "-");
		/* labels that are trusted count wherever they are */
		struct gate_question plain = q;
		q.snapshot = plain.snapshot = trusting;
		plain.namespace_ = SPAN_NONE;
		assert_ok(gate_judge(&a, &q, &unknown, &u, &err), &err);
		assert_ok(gate_judge(&a, &plain, &unknown, &t, &err), &err);
		assert_true(u.decision == t.decision && !u.not_at_home && span_eq(u.policy, t.policy));
	}
}

/* ── the stricter of two ────────────────────────────────────────────────────────────────────────────────────────── */

static void stricter(void **state)
{
	static const char *const site[] = { "registry.example", "mirror.example/a" },
				 *const team[] = { "REGISTRY.example/team", "elsewhere.example" }, *const other[] = { "third.example" },
				 *const any[] = { "*" };
	const struct product *trt = product_by_purl(SPAN(ARTIFACT_PRODUCT_TENSORRT)),
			     *ort = product_by_purl(SPAN(ARTIFACT_PRODUCT_ONNXRUNTIME));
	const struct gate_minimum low[] = { { trt, SPAN("10.3") }, { ort, SPAN("1.20.0") } }, high[] = { { trt, SPAN("10.16") } };
	const struct gate_policy lax = { .name = SPAN("lax"), .audit = true, .unknown = GATE_WARN, .deny_from = WORKSPACE_SCORE_NEVER,
					 .warn_from = 40, .grace_usec = 7, .minimum = low, .minimum_count = 2, .registries = site,
					 .registry_count = 2, .engine_max_age_usec = 90, .signatures = 1 };
	const struct gate_policy hard = { .name = SPAN("hard"), .conflict = GATE_DENY, .unknown = GATE_ALLOW, .deny_from = 70,
					  .warn_from = 50, .minimum = high, .minimum_count = 1, .registries = team,
					  .registry_count = 2, .signatures = 2 };
	static const struct {
		const char *const *registries;
		size_t count;
		const char *place;
		bool allowed;
	} rows[] = { { team, 2, "registry.example/team/app", true },   { team, 2, "registry.example/app", false },
		     { team, 2, "elsewhere.example/app", false },      { other, 1, "registry.example/team/app", false },
		     { other, 1, "third.example/app", false },	       { any, 1, "mirror.example/a/app", true },
		     { any, 1, "third.example/app", false },	       { NULL, 0, "mirror.example/a/app", true },
		     { NULL, 0, "third.example/app", false } };
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	for (int turn = 0; turn < 2; turn++) {
		struct gate_policy p = turn ? hard : lax;
		assert_int_equal(gate_policy_stricter(&a, &p, turn ? &lax : &hard), 0);
		assert_true(!p.audit && p.unknown == GATE_WARN && p.conflict == GATE_DENY && p.deny_from == 70 && p.warn_from == 40);
		assert_true(p.grace_usec == 0 && p.engine_max_age_usec == 90 && p.signatures == 3 && p.minimum_count == 2);
		for (size_t i = 0; i < 2; i++)
			assert_true(span_eq_text(p.minimum[i].version, p.minimum[i].product == trt ? "10.16" : "1.20.0"));
	}
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		for (int turn = 0; turn < 2; turn++) {
			struct gate_policy b = { .name = SPAN("b"), .registries = rows[i].registries, .registry_count = rows[i].count };
			struct gate_policy p = turn ? b : lax;
			bool allowed = false;
			assert_int_equal(gate_policy_stricter(&a, &p, turn ? &lax : &b), 0);
			for (size_t k = 0; k < p.registry_count; k++)
				allowed |= gate_registry_holds(p.registries[k], span_of(rows[i].place));
			if (allowed != rows[i].allowed || p.registry_count == 0)
				fail_msg("row %zu, turn %d: %s", i, turn, rows[i].place);
		}
}

/* ── reviews ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *pod(struct arena *a, const char *label, const char *model)
{
	return arena_printf(a,
			    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"labels\":{%s%s%s}},\"spec\":{"
			    "\"containers\":[{\"name\":\"c\",\"image\":\"registry.example/site/plain:1\",\"env\":[{\"name\":"
			    "\"MODEL_URI\",\"value\":\"%s\"}]}]}}",
			    label[0] ? "\"app.kubernetes.io/name\":\"" : "", label, label[0] ? "\"" : "", model);
}

static void relabelled(void **state)
{
	static const struct {
		const char *namespace_, *before, *label; /* before NULL: it is created */
		bool allowed;
		const char *says;
	} rows[] = {
		{ "speech", NULL, "voice", true, "" },
		{ "speech", NULL, "", false, "CVE-2026-1" },
		{ "other", NULL, "voice", false, "service voice is not known in namespace other" },
		/* scaling, finalizers: what runs goes on */
		{ "speech", "", "", true, "runs already" },
		{ "other", "voice", "voice", true, "runs already" },
		{ "other", "voice", "voice", true, "service voice is not known in namespace other" },
		/* let in as one service, and then another: as if it were new */
		{ "speech", "voice", "vision", false, "CVE-2026-1" },
		{ "speech", "voice", "", false, "CVE-2026-1" },
		/* what its old label did not let run either runs in spite of the gate: to relabel it changes nothing */
		{ "speech", "", "vision", true, "runs already" },
		{ "speech", "", "voice", true, "" },
	};
	(void)state;
	RF_AUTO_PTR(gate_snapshot) s = knowledge(false);
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	RF_AUTO(str) body = STR_INIT(MIB);
	RF_AUTO(str) out = STR_INIT(MIB);
	struct review_reader *reader;
	struct err err = ERR_INIT;
	assert_ok(review_reader_new(&reader, &err), &err);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct review r;
		struct review_verdict v;
		const struct review_context context = { .snapshot = s, .environment = SPAN("staging"), .cluster = SPAN("east"),
							.now = USEC_PER_DAY };
		str_reset(&body);
		str_reset(&out);
		str_addf(&body,
			 "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"u\",\"operation\":"
			 "\"%s\",\"kind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"},\"namespace\":\"%s\",\"object\":%s",
			 rows[i].before ? "UPDATE" : "CREATE", rows[i].namespace_, pod(&a, rows[i].label, URI));
		if (rows[i].before)
			str_addf(&body, ",\"oldObject\":%s", pod(&a, rows[i].before, URI));
		str_add_text(&body, "}}");
		assert_ok(review_read(reader, &(struct review_rules){ 0 }, str_span(&body), &r, &err), &err);
		assert_ok(review_judge(reader, &r, &context, &v, &err), &err);
		review_write(&r, &v, &out);
		if (v.allowed != rows[i].allowed || span_find(str_span(&out), span_of(rows[i].says)) == SIZE_MAX)
			fail_msg("row %zu: %s", i, str_text(&out));
	}
	review_reader_free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whose_policy), cmocka_unit_test(stricter),
					    cmocka_unit_test(relabelled) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
