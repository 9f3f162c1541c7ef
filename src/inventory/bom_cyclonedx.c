/*
 * A bill as CycloneDX 1.6 JSON (cyclonedx.org/docs/1.6/json): toolchains, runtimes and packages as libraries, engines and
 * models as machine-learning-model with their source as pedigree, how each was built as a workflow under formulation,
 * services, dependencies. See bom.h.
 */
#include "inventory/bom.h"

#include "format/json.h"

struct writing {
	const struct bom *b;
	struct json_out o;
};

static void property(struct json_out *o, const char *name, struct span value)
{
	if (!value.n)
		return;
	json_object(o);
	json_member(o, "name", name);
	json_member_span(o, "value", value);
	json_object_end(o);
}

static void property_digest(struct json_out *o, const char *name, const struct digest *d)
{
	char hex[DIGEST_HEX];
	if (!digest_is_zero(d))
		property(o, name, span_of(digest_hex(d, hex)));
}

static void hashes(struct json_out *o, const char *hex)
{
	json_key(o, "hashes");
	json_array(o);
	json_object(o);
	json_member(o, "alg", "SHA-256");
	json_member(o, "content", hex);
	json_object_end(o);
	json_array_end(o);
}

static void ref_list(struct json_out *o, const char *key)
{
	json_key(o, key);
	json_array(o);
}

/* ── Components ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static void component_put(struct json_out *o, const struct bom_component *c)
{
	json_object(o);
	json_member(o, "type", "library");
	json_member(o, "bom-ref", c->ref);
	json_member(o, "name", c->name);
	if (c->version[0])
		json_member(o, "version", c->version);
	json_member(o, "purl", c->ref);
	json_object_end(o);
}

static bool is_model(const struct bom_artifact *a)
{
	return artifact_kind_is_engine(a->a.kind) || span_eq_text(a->a.kind, ARTIFACT_ONNX);
}

static const char *type_of(const struct bom_artifact *a)
{
	if (is_model(a))
		return "machine-learning-model";
	if (span_eq_text(a->a.kind, ARTIFACT_CONTAINER_IMAGE))
		return "container";
	return "file";
}

static void artifact_ref(const struct bom_artifact *a, char ref[DIGEST_HEX + 8])
{
	snprintf(ref, DIGEST_HEX + 8, "sha256:%s", a->a.digest);
}

/* The models that it was made of. */
static void pedigree(struct json_out *o, const struct bom_build *b)
{
	char hex[DIGEST_HEX];
	json_key(o, "pedigree");
	json_object(o);
	ref_list(o, "ancestors");
	for (size_t i = 0; i < b->material_count; i++) {
		if (strcmp(b->materials[i].name, "source model") != 0)
			continue;
		json_object(o);
		json_member(o, "type", "machine-learning-model");
		json_member(o, "name", b->model);
		hashes(o, digest_hex(&b->materials[i].digest, hex));
		json_object_end(o);
	}
	json_array_end(o);
	json_object_end(o);
}

static void occurrences(struct json_out *o, const struct bom_artifact *a)
{
	if (!a->place_count)
		return;
	json_key(o, "evidence");
	json_object(o);
	ref_list(o, "occurrences");
	for (size_t i = 0; i < a->place_count && i < BOM_MAX_PLACES; i++) {
		json_object(o);
		json_member(o, "location", a->places[i]);
		json_object_end(o);
	}
	json_array_end(o);
	json_object_end(o);
}

static void build_properties(struct json_out *o, const struct bom_build *b)
{
	property(o, "reforge:recipe", span_of(b->model));
	property_digest(o, "reforge:build", &b->build);
	property_digest(o, "reforge:proof", &b->proof);
	property_digest(o, "reforge:provenance", &b->provenance);
	property(o, "reforge:provenance_status", b->verified ? SPAN("verified") : SPAN("unknown"));
}

static void artifact_properties(struct json_out *o, const struct bom_artifact *a)
{
	char count[32];
	snprintf(count, sizeof count, "%zu", a->place_count);
	ref_list(o, "properties");
	property(o, "reforge:kind", a->a.kind);
	property(o, "reforge:layout", a->a.layout);
	property(o, "reforge:builder", a->a.product);
	property(o, "reforge:builder_version", a->a.product.n && !a->a.version.n ? SPAN("unknown") : a->a.version);
	property(o, "reforge:version_source", a->a.product.n ? a->a.version_source : SPAN_NONE);
	property(o, "reforge:target", a->a.target);
	property(o, "reforge:compute_capability", a->a.compute_capability);
	property(o, "reforge:finding", a->a.finding);
	property(o, "reforge:cause", a->a.cause);
	property(o, "reforge:placements", span_of(count));
	if (a->build)
		build_properties(o, a->build);
	else if (artifact_kind_is_engine(a->a.kind))
		property(o, "reforge:provenance_status", SPAN("unknown"));
	json_array_end(o);
}

/* Facts about a model as such: what it runs on, and that it was proven. */
static void model_card(struct json_out *o, const struct bom_artifact *a)
{
	const struct bom_build *b = a->build;
	if (!b && !a->a.target.n)
		return;
	json_key(o, "modelCard");
	json_object(o);
	ref_list(o, "properties");
	property(o, "reforge:target", b ? span_of(b->target) : a->a.target);
	if (b)
		property_digest(o, "reforge:proof", &b->proof);
	json_array_end(o);
	json_object_end(o);
}

static void artifact_put(struct json_out *o, const struct bom_artifact *a)
{
	char ref[DIGEST_HEX + 8];
	artifact_ref(a, ref);
	json_object(o);
	json_member(o, "type", type_of(a));
	json_member(o, "bom-ref", ref);
	json_member(o, "name", a->name[0] ? a->name : "unnamed");
	hashes(o, a->a.digest);
	if (a->build && a->build->material_count)
		pedigree(o, a->build);
	occurrences(o, a);
	if (is_model(a))
		model_card(o, a);
	artifact_properties(o, a);
	json_object_end(o);
}

/* ── How it was built ────────────────────────────────────────────────────────────────────────────────────────────── */

static void workflow_inputs(struct json_out *o, const struct bom_build *b)
{
	char hex[DIGEST_HEX], text[DIGEST_HEX + 128];
	if (!b->material_count)
		return;
	ref_list(o, "inputs");
	for (size_t i = 0; i < b->material_count; i++) {
		json_object(o);
		json_key(o, "parameters");
		json_array(o);
		json_object(o);
		json_member(o, "name", b->materials[i].name);
		snprintf(text, sizeof text, "sha256:%s", digest_hex(&b->materials[i].digest, hex));
		json_member(o, "value", text);
		json_object_end(o);
		json_array_end(o);
		json_object_end(o);
	}
	json_array_end(o);
}

static void workflow_put(struct json_out *o, const struct bom_artifact *a, size_t index)
{
	const struct bom_build *b = a->build;
	char ref[DIGEST_HEX + 8];
	artifact_ref(a, ref);
	json_object(o);
	json_key(o, "bom-ref");
	json_putf(o, "build-%zu", index);
	json_key(o, "uid");
	json_putf(o, "%s", b->invocation[0] ? b->invocation : ref);
	json_key(o, "name");
	json_putf(o, "%s for %s", b->model, b->target);
	ref_list(o, "taskTypes");
	json_put_text(o, "build");
	json_array_end(o);
	workflow_inputs(o, b);
	ref_list(o, "outputs");
	json_object(o);
	json_member(o, "type", "artifact");
	json_key(o, "resource");
	json_object(o);
	json_member(o, "ref", ref);
	json_object_end(o);
	json_object_end(o);
	json_array_end(o);
	if (b->started[0])
		json_member(o, "timeStart", b->started);
	if (b->finished[0])
		json_member(o, "timeEnd", b->finished);
	ref_list(o, "properties");
	property(o, "reforge:toolchain", span_of(b->toolchain));
	property(o, "reforge:toolchain_version", span_of(b->toolchain_version));
	property_digest(o, "reforge:toolchain_library", &b->library);
	property(o, "reforge:target", span_of(b->target));
	property(o, "reforge:builder", span_of(b->builder_id));
	build_properties(o, b);
	json_array_end(o);
	json_object_end(o);
}

static void formulation_put(struct writing *w)
{
	size_t n = 0;
	for (size_t i = 0; i < w->b->artifact_count; i++)
		n += w->b->artifacts[i]->build != NULL;
	if (!n)
		return;
	struct json_out *o = &w->o;
	ref_list(o, "formulation");
	json_object(o);
	json_member(o, "bom-ref", "builds");
	ref_list(o, "workflows");
	for (size_t i = 0; i < w->b->artifact_count; i++)
		if (w->b->artifacts[i]->build)
			workflow_put(o, w->b->artifacts[i], i);
	json_array_end(o);
	json_object_end(o);
	json_array_end(o);
}

/* ── Services, dependencies ──────────────────────────────────────────────────────────────────────────────────────── */

static void service_ref(const struct bom_service *s, char ref[600])
{
	snprintf(ref, 600, "service:%s/%s", s->name, s->environment);
}

static void services_put(struct writing *w)
{
	struct json_out *o = &w->o;
	char ref[600];
	if (!w->b->service_count)
		return;
	ref_list(o, "services");
	for (size_t i = 0; i < w->b->service_count; i++) {
		const struct bom_service *s = w->b->services[i];
		service_ref(s, ref);
		json_object(o);
		json_member(o, "bom-ref", ref);
		json_member(o, "name", s->name);
		ref_list(o, "properties");
		property(o, "reforge:environment", span_of(s->environment));
		json_array_end(o);
		json_object_end(o);
	}
	json_array_end(o);
}

/* dependsOn holds each reference once: an artifact may be told of a component by two sources. */
static bool held_before(const struct bom_artifact *a, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (a->held[k].component == a->held[i].component)
			return true;
	return false;
}

static bool inside_before(const struct bom_artifact *a, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (a->inside[k] == a->inside[i])
			return true;
	return false;
}

/* Told twice is rare and only of small ones: for thousands of packages the list has no doubles (their source makes
 * none), and looking would cost their square. */
#define LOOK_FOR_DOUBLES 512

static void artifact_depends(struct writing *w, const struct bom_artifact *a)
{
	struct json_out *o = &w->o;
	char ref[DIGEST_HEX + 8];
	artifact_ref(a, ref);
	json_object(o);
	json_member(o, "ref", ref);
	ref_list(o, "dependsOn");
	for (size_t i = 0; i < a->held_count; i++)
		if (a->held_count > LOOK_FOR_DOUBLES || !held_before(a, i))
			json_put_text(o, w->b->components[a->held[i].component]->ref);
	for (size_t i = 0; i < a->inside_count; i++) {
		if (a->inside_count <= LOOK_FOR_DOUBLES && inside_before(a, i))
			continue;
		artifact_ref(w->b->artifacts[a->inside[i]], ref);
		json_put_text(o, ref);
	}
	json_array_end(o);
	json_object_end(o);
}

static void service_depends(struct writing *w, const struct bom_service *s)
{
	struct json_out *o = &w->o;
	char ref[600];
	service_ref(s, ref);
	json_object(o);
	json_member(o, "ref", ref);
	ref_list(o, "dependsOn");
	for (size_t i = 0; i < s->use_count; i++) {
		char used[DIGEST_HEX + 8];
		artifact_ref(w->b->artifacts[s->uses[i]], used);
		json_put_text(o, used);
	}
	for (size_t i = 0; i < s->runtime_count; i++)
		json_put_text(o, w->b->components[s->runtimes[i]]->ref);
	json_array_end(o);
	json_object_end(o);
}

/* The whole: its services, and what is somewhere without one. */
static void fleet_depends(struct writing *w)
{
	struct json_out *o = &w->o;
	char ref[600], placed[DIGEST_HEX + 8];
	json_object(o);
	json_member(o, "ref", "fleet");
	ref_list(o, "dependsOn");
	for (size_t i = 0; i < w->b->service_count; i++) {
		service_ref(w->b->services[i], ref);
		json_put_text(o, ref);
	}
	for (size_t i = 0; i < w->b->artifact_count; i++) {
		const struct bom_artifact *a = w->b->artifacts[i];
		if (!a->place_count || a->in_service)
			continue;
		artifact_ref(a, placed);
		json_put_text(o, placed);
	}
	json_array_end(o);
	json_object_end(o);
}

static void dependencies_put(struct writing *w)
{
	ref_list(&w->o, "dependencies");
	fleet_depends(w);
	for (size_t i = 0; i < w->b->artifact_count; i++)
		if (w->b->artifacts[i]->held_count || w->b->artifacts[i]->inside_count)
			artifact_depends(w, w->b->artifacts[i]);
	for (size_t i = 0; i < w->b->service_count; i++)
		service_depends(w, w->b->services[i]);
	json_array_end(&w->o);
}

static void metadata_put(struct writing *w, const struct bom_head *head)
{
	struct json_out *o = &w->o;
	json_key(o, "metadata");
	json_object(o);
	json_member(o, "timestamp", head->timestamp);
	ref_list(o, "lifecycles");
	json_object(o);
	json_member(o, "phase", "operations");
	json_object_end(o);
	json_array_end(o);
	json_key(o, "tools");
	json_object(o);
	ref_list(o, "components");
	json_object(o);
	json_member(o, "type", "application");
	json_member(o, "name", "reforge");
	json_member(o, "version", head->version);
	json_object_end(o);
	json_array_end(o);
	json_object_end(o);
	json_key(o, "component");
	json_object(o);
	json_member(o, "type", "application");
	json_member(o, "bom-ref", "fleet");
	json_member(o, "name", w->b->site);
	json_object_end(o);
	json_object_end(o);
}

int bom_write_cyclonedx(const struct bom *b, const struct bom_head *head, struct str *to, struct err *err)
{
	struct writing w = { .b = b, .o = json_out(to, false) };
	struct json_out *o = &w.o;
	json_object(o);
	json_member(o, "$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json");
	json_member(o, "bomFormat", "CycloneDX");
	json_member(o, "specVersion", "1.6");
	json_member(o, "serialNumber", head->serial);
	json_member_i64(o, "version", 1);
	metadata_put(&w, head);
	ref_list(o, "components");
	for (size_t i = 0; i < b->component_count; i++)
		component_put(o, b->components[i]);
	for (size_t i = 0; i < b->artifact_count; i++)
		artifact_put(o, b->artifacts[i]);
	json_array_end(o);
	services_put(&w);
	dependencies_put(&w);
	formulation_put(&w);
	json_object_end(o);
	return str_check(to, "bill of materials", err);
}
