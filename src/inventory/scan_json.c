/* Facts as JSON (design 6.1): a documented, stable shape. See scan.h. */
#include "inventory/scan.h"
#include "inventory/triton_config.h"

static void member_or_null(struct json_out *o, const char *key, const char *text)
{
	json_member(o, key, text && text[0] ? text : NULL);
}

static void rules_json(struct json_out *o, const struct artifact_facts *f)
{
	json_key(o, "rules");
	json_array(o);
	for (size_t i = 0; i < f->rule_count; i++)
		json_put_text(o, f->rules[i]);
	json_array_end(o);
}

void artifact_components_json(struct json_out *o, const struct artifact_facts *f)
{
	json_array(o);
	for (size_t i = 0; i < f->component_count; i++) {
		const struct artifact_component *c = &f->components[i];
		json_object(o);
		json_member_span(o, "product", c->product);
		json_key(o, "version");
		if (c->version.n)
			json_put_span(o, c->version);
		else
			json_put_null(o);
		json_member(o, "role", c->role);
		json_member(o, "source", c->source);
		if (c->where.n)
			json_member_span(o, "where", c->where);
		json_object_end(o);
	}
	json_array_end(o);
}

void artifact_notes_json(struct json_out *o, const struct artifact_facts *f)
{
	json_array(o);
	for (size_t i = 0; i < f->note_count; i++)
		json_put_text(o, f->notes[i]);
	json_array_end(o);
}

void artifact_evidence_json(struct json_out *o, const struct artifact_facts *f)
{
	char hex[2 * ARTIFACT_EVIDENCE_BYTES + 1];
	json_array(o);
	for (size_t i = 0; i < f->evidence_count; i++) {
		const struct artifact_evidence *e = &f->evidence[i];
		hex_write(e->bytes, e->byte_count, hex);
		json_object(o);
		json_member(o, "what", e->what);
		json_member_u64(o, "offset", e->offset);
		json_member(o, "bytes", hex);
		json_member(o, "value", e->value);
		json_object_end(o);
	}
	json_array_end(o);
}

static void stamp_json(struct json_out *o, const struct artifact_stamp *s)
{
	if (!s->recipe.n && !s->build.n && !s->source.n)
		return;
	json_key(o, "stamp");
	json_object(o);
	if (s->recipe.n)
		json_member_span(o, "recipe", s->recipe);
	if (s->build.n)
		json_member_span(o, "build", s->build);
	if (s->source.n)
		json_member_span(o, "source", s->source);
	json_object_end(o);
}

static void figure_json(struct json_out *o, const char *key, uint64_t v)
{
	if (v)
		json_member_u64(o, key, v);
}

/* The device that a plan was built on, and what its kernels were compiled for. */
static void device_json(struct json_out *o, const struct artifact_facts *f)
{
	if (f->clock_khz || f->memory_clock_khz || f->multiprocessors || f->memory_bytes) {
		json_key(o, "build_device");
		json_object(o);
		figure_json(o, "clock_khz", f->clock_khz);
		figure_json(o, "memory_clock_khz", f->memory_clock_khz);
		figure_json(o, "multiprocessors", f->multiprocessors);
		figure_json(o, "memory_bytes", f->memory_bytes);
		json_object_end(o);
	}
	if (!f->cubin_count)
		return;
	json_key(o, "cubins");
	json_object(o);
	json_member_u64(o, "count", f->cubin_count);
	json_key(o, "sm");
	json_array(o);
	for (size_t i = 0; i < f->cubin_sm_count; i++)
		json_putf(o, "sm_%u", f->cubin_sm[i]);
	json_array_end(o);
	json_object_end(o);
}

static void extras_json(struct json_out *o, const struct artifact_facts *f)
{
	char text[32];
	if (f->cc_major >= 0)
		snprintf(text, sizeof text, "%d.%d", f->cc_major, f->cc_minor);
	json_member(o, "compute_capability", f->cc_major >= 0 ? text : NULL);
	if (f->device[0])
		json_member(o, "device", f->device);
	if (f->layout[0])
		json_member(o, "layout", f->layout);
	if (f->inner_version[0])
		json_member(o, "inner_version", f->inner_version);
	if (f->declared_size)
		json_member_u64(o, "declared_size", f->declared_size);
	if (f->producer_name.n) {
		json_key(o, "producer");
		json_putf(o, "%.*s %.*s", SPAN_ARG(f->producer_name), SPAN_ARG(f->producer_version));
	}
	device_json(o, f);
	stamp_json(o, &f->stamp);
}

void artifact_facts_json(struct json_out *o, const struct artifact_facts *f)
{
	json_member_u64(o, "size", f->size);
	json_member(o, "kind", f->kind);
	json_member(o, "product", f->product);
	member_or_null(o, "version", f->version);
	json_member(o, "version_source", artifact_version_source_text(f->version_source));
	member_or_null(o, "target", f->target);
	member_or_null(o, "finding", artifact_finding_text(f->finding));
	member_or_null(o, "cause", f->cause);
	rules_json(o, f);
	extras_json(o, f);
	if (f->component_count) {
		json_key(o, "components");
		artifact_components_json(o, f);
	}
	if (f->components_dropped)
		json_member_u64(o, "components_dropped", f->components_dropped);
	json_key(o, "notes");
	artifact_notes_json(o, f);
	if (f->evidence_count) {
		json_key(o, "evidence");
		artifact_evidence_json(o, f);
	}
}

void scan_file_json(struct json_out *o, const struct scan_file *f)
{
	char hex[DIGEST_HEX];
	struct span path = span_of(f->path);
	json_object(o);
	json_member_span(o, "path", path);
	if (!span_is_utf8(path)) {
		json_key(o, "path_hex");
		char *text = rf_alloc(2 * path.n + 1);
		if (text)
			hex_write(path.p, path.n, text);
		json_put_text(o, text);
		rf_free(text);
	}
	json_member(o, "sha256", f->has_digest ? digest_hex(&f->digest, hex) : NULL);
	artifact_facts_json(o, f->facts);
	triton_verdict_json(o, f->triton);
	json_object_end(o);
}
