/* A small snapshot with one of everything, for those who write, read and carry it. */
#ifndef REFORGE_TEST_GATE_WHOLE_H
#define REFORGE_TEST_GATE_WHOLE_H

#include "gate/snapshot.h"

static inline struct digest digest_no(uint32_t n)
{
	struct digest d;
	digest_of(span_bytes(&n, sizeof n), &d);
	return d;
}

/* CVE-2026-1: TensorRT before 11.0, exploited. */
static inline void whole_advisory(struct gate_snapshot *s, const struct product *trt)
{
	struct arena *a = gate_snapshot_arena(s);
	struct err err = ERR_INIT;
	struct stored_advisory *v = arena_alloc(a, sizeof *v);
	struct advisory_statement *t = arena_alloc(a, sizeof *t);
	struct advisory_origin *from = arena_alloc(a, sizeof *from);
	struct advisory_severity *score = arena_alloc(a, sizeof *score);
	struct advisory_signal *kev = arena_alloc(a, sizeof *kev);
	struct span *fixed = arena_alloc(a, sizeof *fixed);
	assert_true(v && t && from && score && kev && fixed);
	*fixed = SPAN("11.0");
	*t = (struct advisory_statement){ .source = SPAN("NVIDIA"), .authoritative = true, .product = trt,
					  .product_name = SPAN("NVIDIA TensorRT"), .fixed = fixed, .fixed_count = 1,
					  .affected_text = SPAN("All versions prior to 11.0"), .rule = SPAN("prior to V") };
	*from = (struct advisory_origin){ .document_digest = SPAN("00ff"), .document_id = SPAN("5855"), .format = SPAN("csaf") };
	*score = (struct advisory_severity){ .type = SPAN("CVSS_V3"), .score = 8.8, .computed = 8.8 };
	*kev = (struct advisory_signal){ .kind = SIGNAL_KEV, .cve = SPAN("CVE-2026-1"), .date = 1000000, .kev = { .due = 5 } };
	assert_ok(range_read(a, product_scheme(trt), t->affected_text, SPAN("v11.0"), &t->range, &err), &err);
	*v = (struct stored_advisory){ .advisory = { .id = SPAN("CVE-2026-1"), .title = SPAN("a flaw"), .severities = score,
						     .severity_count = 1, .statements = t, .statement_count = 1,
						     .published = 2000000 },
				       .origins = from, .signals = kev, .signal_count = 1 };
	assert_ok(gate_snapshot_advisory(s, v, &err), &err);
}

static inline void whole_policies(struct gate_snapshot *s)
{
	static const char *const services[] = { "voice" }, *const environments[] = { "production" },
				 *const registries[] = { "registry.example" };
	static const struct workspace_minimum minimum[] = { { "tensorrt", "10.8" } };
	static const enum workspace_signature signatures[] = { WORKSPACE_SIGNATURE_RELEASE };
	const struct workspace_policy all = { .name = "all", .mode = WORKSPACE_MODE_AUDIT, .grace = { true, 0 } };
	const struct workspace_policy strict = { .name = "strict", .services = services, .services_n = 1,
						 .environments = environments, .environments_n = 1,
						 .mode = WORKSPACE_MODE_ENFORCE, .unknown = WORKSPACE_ACTION_DENY,
						 .stale = WORKSPACE_ACTION_ALLOW, .deny_from = { true, 70 },
						 .warn_from = { true, WORKSPACE_SCORE_NEVER }, .grace = { true, USEC_PER_DAY },
						 .engine_max_age = { true, 90 * USEC_PER_DAY }, .minimum = minimum,
						 .minimum_n = 1, .signatures = signatures, .signatures_n = 1,
						 .registries = registries, .registries_n = 1 };
	struct err err = ERR_INIT;
	assert_ok(gate_snapshot_policy(s, &all, &err), &err);
	assert_ok(gate_snapshot_policy(s, &strict, &err), &err);
}

static inline void whole_covers(struct gate_snapshot *s)
{
	struct span ids[] = { SPAN("CVE-2026-1"), SPAN("CVE-2026-2") };
	const struct waiver w = { .id = 7, .advisories = ids, .advisory_count = 2, .scope = { .service = SPAN("voice") },
				  .owner = SPAN("vision-team"), .reason = SPAN("delivery"), .created_by = SPAN("user:a@b"),
				  .created = 1, .expires = 2, .revoked = USEC_NONE };
	const struct vex_trusted trusted[] = { { SPAN("ACME"), SPAN("acme") } };
	struct baseline_item items[] = { { SPAN("CVE-2026-1"), SPAN("in_range"), FINDING_AFFECTED, 88, true },
					 { SPAN_NONE, SPAN("unknown_builder"), FINDING_UNKNOWN, -1, false } };
	struct baseline_set sets[] = { { items, 2 } };
	struct baseline_holder holders[] = { { .service = SPAN("voice"), .environment = SPAN("production"),
					       .carrier = CARRIER_BUILDER, .digest = SPAN("0011"), .owner = SPAN("team") } };
	const struct baseline b = { 10, 20, sets, 1, holders, 1 };
	struct err err = ERR_INIT;
	assert_ok(gate_snapshot_waiver(s, &w, &err), &err);
	assert_ok(gate_snapshot_vex_policy(s, &(struct vex_policy){ trusted, 1, USEC_PER_DAY }, &err), &err);
	assert_ok(gate_snapshot_baseline(s, &b, &err), &err);
}

/* An engine of TensorRT 10.8 in an image and on a disk, in a release; a second one that nobody knows. */
static inline void whole_contents(struct gate_snapshot *s, const struct product *trt)
{
	const struct component c = { .product = trt, .purl = span_of(trt->purl), .version = SPAN("10.8.0.43") };
	uint32_t component, runtime, engine, image, unknown, where, set;
	struct gate_artifact a = { .digest = digest_no(1), .set = GATE_NONE, .main = 0, .built_at = 5, .first_seen = 6,
				   .signatures = 3, .flags = GATE_ARTIFACT_IS_ENGINE };
	struct err err = ERR_INIT;
	assert_ok(gate_snapshot_component(s, &c, CARRIER_BUILDER, &component, &err), &err);
	assert_ok(gate_snapshot_component(s, &c, CARRIER_RUNTIME, &runtime, &err), &err);
	assert_ok(gate_snapshot_text(s, SPAN("opt/models/a.plan"), &where, &err), &err);
	assert_ok(gate_snapshot_text(s, SPAN("sm_86"), &a.target, &err), &err);
	assert_ok(gate_snapshot_artifact(s, &a, SPAN(ARTIFACT_TENSORRT_PLAN), &engine, &err), &err);
	const struct gate_part parts[] = { { runtime, GATE_NONE, where }, { component, engine, where } };
	assert_ok(gate_snapshot_set(s, parts, 2, &set, &err), &err);
	a = (struct gate_artifact){ .digest = digest_no(2), .set = set, .main = GATE_NONE, .flags = GATE_ARTIFACT_IS_IMAGE };
	assert_ok(gate_snapshot_artifact(s, &a, SPAN(ARTIFACT_CONTAINER_IMAGE), &image, &err), &err);
	a = (struct gate_artifact){ .digest = digest_no(3), .set = GATE_NONE, .main = GATE_NONE, .finding = ARTIFACT_UNKNOWN };
	assert_ok(gate_snapshot_text(s, SPAN(ARTIFACT_CAUSE_UNKNOWN_BUILDER), &a.cause, &err), &err);
	assert_ok(gate_snapshot_text(s, SPAN("section_past_end,crc"), &a.rules, &err), &err);
	assert_ok(gate_snapshot_artifact(s, &a, SPAN(ARTIFACT_OTHER), &unknown, &err), &err);
	assert_ok(gate_snapshot_image(s, SPAN("registry.example/site/app:1.2"), image, &err), &err);
	assert_ok(gate_snapshot_model_of(s, SPAN("/srv/models/a/1/model.plan"), SPAN("gpu-01.example"), engine, &err), &err);
	assert_ok(gate_snapshot_model(s, SPAN("/srv/models/b/1/model.plan"), unknown, &err), &err);
	struct gate_release r = { .is_signed = true };
	uint32_t release;
	assert_ok(gate_snapshot_text(s, SPAN("voice"), &r.service, &err), &err);
	assert_ok(gate_snapshot_text(s, SPAN("production"), &r.environment, &err), &err);
	assert_ok(gate_snapshot_text(s, SPAN("2026-07-15-a"), &r.name, &err), &err);
	assert_ok(gate_snapshot_release(s, &r, &release, &err), &err);
	struct gate_row row = { .release = release, .artifact = engine, .builder = component, .runtime = runtime,
				.target = where };
	assert_ok(gate_snapshot_text(s, SPAN("asr"), &row.model, &err), &err);
	assert_ok(gate_snapshot_row(s, &row, &err), &err);
}

/* Ready; the caller frees it. */
static inline struct gate_snapshot *whole_snapshot(usec_t created, usec_t expires)
{
	const struct product *trt = product_by_purl(SPAN(ARTIFACT_PRODUCT_TENSORRT));
	struct gate_snapshot *s = gate_snapshot_new(16 * MIB);
	struct err err = ERR_INIT;
	static const struct span only[] = { SPAN("registry.example/site/app:1.2"), SPAN("/srv/models"), SPAN("voice/2026-07-15-a") };
	const struct gate_head head = { .site = SPAN("shenzhen"), .created = created, .as_of = created, .expires = expires,
					.release_key = SPAN("-----BEGIN PUBLIC KEY-----"), .service_label = SPAN("site/service"),
					.trusts_labels = true, .only = only, .only_count = RF_COUNT(only) };
	const struct gate_home home = { SPAN("voice"), SPAN("east"), SPAN("speech") };
	const struct gate_stale stale = { SPAN("nvidia"), SPAN("stale: as of 3 d ago, limit 24 h"), 7 };
	const struct gate_service service = { SPAN("voice"), SPAN("voice-team"), SPAN("#voice"), SPAN("ops") };
	assert_non_null(s);
	assert_ok(gate_snapshot_head(s, &head, &err), &err);
	assert_ok(gate_snapshot_stale(s, &stale, &err), &err);
	assert_ok(gate_snapshot_service(s, &service, &err), &err);
	assert_ok(gate_snapshot_home(s, &home, &err), &err);
	whole_policies(s);
	whole_advisory(s, trt);
	whole_contents(s, trt);
	whole_covers(s);
	assert_ok(gate_snapshot_ready(s, &err), &err);
	return s;
}

#endif
