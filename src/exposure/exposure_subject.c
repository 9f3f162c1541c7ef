/* From a placement to what is judged, and to the advisories it is judged by. */
#include "exposure/exposure_int.h"

static enum finding_claim claim_of(struct span finding)
{
	switch (artifact_finding_of(finding)) {
	case ARTIFACT_CLEAR:
		return CLAIM_CLEAR;
	case ARTIFACT_UNKNOWN:
		return CLAIM_UNKNOWN;
	case ARTIFACT_CONFLICT:
		return CLAIM_CONFLICT;
	}
	return CLAIM_UNKNOWN;
}

static struct component component_of(struct span purl, struct span version)
{
	return (struct component){ .product = purl.n ? product_by_purl(purl) : NULL, .purl = purl, .version = version };
}

static bool builder_of(const struct inventory_artifact *f, struct finding_subject *to)
{
	enum finding_claim claim = claim_of(f->finding);
	/* models and caches are inputs; what is neither them nor an engine counts only when it claims to be one and
	 * cannot be read */
	bool engine = artifact_kind_is_engine(f->kind) || span_eq_text(f->kind, ARTIFACT_LFS_POINTER) ||
		      (span_eq_text(f->kind, ARTIFACT_OTHER) && claim != CLAIM_CLEAR);
	if (!engine)
		return false;
	*to = (struct finding_subject){ .component = component_of(f->product, f->version),
					.carrier = CARRIER_BUILDER,
					.claim = claim,
					.claim_cause = f->cause };
	return true;
}

static bool runtime_of(const struct inventory_placement *p, bool engine, struct finding_subject *to)
{
	const struct inventory_artifact *f = &p->artifact;
	if (span_eq_text(f->kind, ARTIFACT_RUNTIME_LIBRARY)) {
		*to = (struct finding_subject){ .component = component_of(f->product, f->version),
						.carrier = CARRIER_RUNTIME,
						.claim = claim_of(f->finding),
						.claim_cause = f->cause };
		return f->product.n > 0;
	}
	if (!engine && !span_eq_text(f->kind, ARTIFACT_ONNX))
		return false;
	if (p->runtime_product.n) {
		*to = (struct finding_subject){ .component = component_of(p->runtime_product, p->runtime_version),
						.carrier = CARRIER_RUNTIME };
		return true;
	}
	*to = (struct finding_subject){ .component = component_of(f->product, SPAN_NONE),
					.carrier = CARRIER_RUNTIME,
					.claim = CLAIM_UNKNOWN,
					.claim_cause = SPAN("unknown_runtime") };
	/* a file outside of every service has no runtime to speak of */
	return p->service.n && to->component.product;
}

size_t exposure_subjects(const struct inventory_placement *p, struct finding_subject subjects[2])
{
	size_t n = 0;
	bool engine = builder_of(&p->artifact, &subjects[n]);
	n += engine;
	n += runtime_of(p, engine, &subjects[n]);
	for (size_t i = 0; i < n; i++)
		subjects[i].service = p->service;
	return n;
}

static int take_id(const struct advisory_row *row, void *data)
{
	struct exposure_ids *to = data;
	for (size_t i = 0; i < to->count; i++)
		if (span_eq(to->ids[i], row->id))
			return 0;
	if (to->count == EXPOSURE_MAX_ADVISORIES)
		return RF_ETOOMANY;
	if (to->count == to->capacity) {
		size_t capacity = to->capacity ? 2 * to->capacity : 64;
		struct span *more = arena_array(to->a, capacity, sizeof *more);
		if (!more)
			return RF_ENOMEM;
		if (to->count)
			memcpy(more, to->ids, to->count * sizeof *more);
		to->ids = more;
		to->capacity = capacity;
	}
	to->ids[to->count] = arena_span(to->a, row->id);
	return to->ids[to->count++].p ? 0 : RF_ENOMEM;
}

static int list_ids(struct transaction *tx, const char *purl, bool with_unpublished, struct exposure_ids *ret)
{
	struct advisory_filter filter = { .purl = span_of(purl),
					  .with_unpublished = with_unpublished,
					  .limit = EXPOSURE_MAX_ADVISORIES + 1 };
	int rc = advisory_list(tx, &filter, take_id, ret);
	if (rc == RF_ETOOMANY || rc == RF_ENOMEM)
		return err_set(tx_err(tx), rc, "advisories about %s", purl);
	return rc;
}

int exposure_advisories_of(struct transaction *tx, const struct finding_subject *s, struct exposure_ids *ret)
{
	if (s->component.product)
		return list_ids(tx, s->component.product->purl, true, ret);
	if (s->carrier != CARRIER_BUILDER)
		return 0;
	int rc = 0;
	for (size_t i = 0; !rc && i < product_count(); i++)
		if (product_at(i)->engine_affecting == ENGINE_AFFECTING_YES)
			rc = list_ids(tx, product_at(i)->purl, false, ret);
	return rc;
}

/* One step a header field: offset, bytes, and what they were read as. */
static void say_headers(struct reason *r, struct span evidence_json)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct json root;
	if (!doc || !evidence_json.n || json_parse(doc, evidence_json, &root, NULL))
		return;
	for (struct json_each it = json_each(root); json_next(&it);) {
		struct span what = json_string(json_get(it.value, "what")),
			    bytes = json_string(json_get(it.value, "bytes"));
		struct span value = json_string(json_get(it.value, "value"));
		uint64_t offset = 0;
		bool placed = json_u64(json_get(it.value, "offset"), &offset);
		struct reason_step *step =
			reason_add(r, REASON_HEADER, "%.*s: bytes %.*s at offset %llu = %.*s", SPAN_ARG(what),
				   SPAN_ARG(bytes), (unsigned long long)offset, SPAN_ARG(value));
		/* the facts outlive the JSON */
		reason_fact(step, "what", arena_span(r->a, what));
		if (placed)
			reason_fact_u64(r, step, "offset", offset);
		reason_fact(step, "bytes", arena_span(r->a, bytes));
		reason_fact(step, "value", arena_span(r->a, value));
	}
}

static void say_notes(struct reason *r, struct span notes_json)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct json root;
	if (!doc || !notes_json.n || json_parse(doc, notes_json, &root, NULL))
		return;
	for (struct json_each it = json_each(root); json_next(&it);)
		(void)reason_add(r, REASON_CLAIM, "noted on the file: %.*s", SPAN_ARG(json_string(it.value)));
}

void exposure_say_placement(struct reason *r, const struct inventory_placement *p, const struct finding_subject *s)
{
	const struct inventory_artifact *f = &p->artifact;
	/* the digest lies inside the struct, which callers copy and move: the chain needs its own */
	struct span digest = arena_span(r->a, span_of(f->digest));
	struct reason_step *step =
		reason_add(r, REASON_FILE, "%.*s: %.*s, %llu bytes, sha256 %.*s...%s%.*s%s%.*s", SPAN_ARG(p->path),
			   SPAN_ARG(f->kind), (unsigned long long)f->size, SPAN_ARG(span_sub(digest, 0, 12)),
			   p->service.n ? ", of service " : "", SPAN_ARG(p->service), p->environment.n ? " in " : "",
			   SPAN_ARG(p->environment));
	reason_fact(step, "path", p->path);
	reason_fact(step, "sha256", digest);
	reason_fact_u64(r, step, "size", f->size);
	reason_fact(step, "kind", f->kind);
	reason_fact(step, "service", p->service);
	reason_fact(step, "environment", p->environment);
	if (s->carrier == CARRIER_RUNTIME && !span_eq_text(f->kind, ARTIFACT_RUNTIME_LIBRARY)) {
		if (!p->runtime_product.n) {
			(void)reason_add(r, REASON_CLAIM, "the service does not declare what loads its engines");
			return;
		}
		step = reason_add(r, REASON_CLAIM, "service %.*s declares that it loads its engines with %.*s %.*s",
				  SPAN_ARG(p->service), SPAN_ARG(p->runtime_product), SPAN_ARG(p->runtime_version));
		reason_fact(step, "runtime", p->runtime_product);
		reason_fact(step, "runtime_version", p->runtime_version);
		return;
	}
	say_headers(r, f->evidence_json);
	say_notes(r, f->notes_json);
	if (f->version.n)
		(void)reason_add(r, REASON_CLAIM, "version %.*s was taken from the file's %.*s", SPAN_ARG(f->version),
				 SPAN_ARG(f->version_source));
}
