/* From an artifact and its use to the components that are judged, and to the advisories they are judged by. */
#include "exposure/exposure_int.h"

#include "inventory/line.h"

static enum finding_claim claim_of(struct span finding, struct span cause)
{
	if (!artifact_cause_doubts_builder(cause))
		return CLAIM_CLEAR;
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

static int carry(struct transaction *tx, struct exposure_carries *to, const struct exposure_carried *c)
{
	if (to->count == EXPOSURE_MAX_CARRIED)
		return err_set(tx_err(tx), RF_ETOOMANY,
			       "more than %d components of products that we know in one artifact",
			       EXPOSURE_MAX_CARRIED);
	if (to->count == to->capacity) {
		size_t capacity = to->capacity ? 2 * to->capacity : 8;
		struct exposure_carried *more = arena_array(to->a, capacity, sizeof *more);
		if (!more)
			return err_set(tx_err(tx), RF_ENOMEM, "components of an artifact");
		if (to->count)
			memcpy(more, to->list, to->count * sizeof *more);
		to->list = more;
		to->capacity = capacity;
	}
	to->list[to->count++] = *c;
	return 0;
}

static bool is_image(const struct inventory_artifact *f)
{
	return span_eq_text(f->kind, ARTIFACT_CONTAINER_IMAGE);
}

/* Models and caches are inputs; what is neither them nor an engine counts only when it claims to be one and cannot be
 * read. */
static bool is_built(const struct inventory_artifact *f)
{
	return artifact_kind_is_engine(f->kind) || span_eq_text(f->kind, ARTIFACT_LFS_POINTER) ||
	       (span_eq_text(f->kind, ARTIFACT_OTHER) && claim_of(f->finding, f->cause) != CLAIM_CLEAR);
}

bool exposure_carries_own(const struct inventory_artifact *f, bool in_image, struct finding_subject *ret)
{
	*ret = (struct finding_subject){ .component = component_of(f->product, f->version),
					 .claim = claim_of(f->finding, f->cause),
					 .claim_cause = artifact_cause_doubts_builder(f->cause) ? f->cause : SPAN_NONE };
	if (is_built(f)) {
		ret->carrier = CARRIER_BUILDER;
		return true;
	}
	if (span_eq_text(f->kind, ARTIFACT_RUNTIME_LIBRARY) && f->product.n) {
		ret->carrier = in_image ? CARRIER_IMAGE : CARRIER_RUNTIME;
		return true;
	}
	/* nobody has looked into it: what it holds is not known */
	ret->carrier = CARRIER_IMAGE;
	return is_image(f) && claim_of(f->finding, f->cause) != CLAIM_CLEAR;
}

static int carry_own(struct transaction *tx, const struct inventory_artifact *f, struct span inside, bool in_image,
		     struct exposure_carries *to)
{
	struct exposure_carried c = { .artifact = f, .inside = inside };
	return exposure_carries_own(f, in_image, &c.subject) ? carry(tx, to, &c) : 0;
}

struct holding {
	struct transaction *tx;
	const struct inventory_artifact *artifact;
	struct inventory_inside *insides;
	size_t count, capacity;
	enum platform_line line; /* that the artifact names */
	struct exposure_carries *to;
};

static int take_inside(const struct inventory_inside *i, void *data)
{
	struct holding *h = data;
	struct arena *a = h->to->a;
	if (h->count == EXPOSURE_MAX_CARRIED)
		return RF_ETOOMANY;
	if (h->count == h->capacity) {
		size_t capacity = h->capacity ? 2 * h->capacity : 16;
		struct inventory_inside *more = arena_array(a, capacity, sizeof *more);
		if (!more)
			return RF_ENOMEM;
		if (h->count)
			memcpy(more, h->insides, h->count * sizeof *more);
		h->insides = more;
		h->capacity = capacity;
	}
	struct inventory_placement whole = { .path = i->path, .artifact = i->artifact }, copy;
	if (inventory_placement_copy(&whole, a, &copy))
		return RF_ENOMEM;
	h->insides[h->count++] = (struct inventory_inside){ .path = copy.path, .artifact = copy.artifact };
	return 0;
}

static const struct inventory_inside *inside_at(const struct holding *h, struct span path)
{
	size_t low = 0, high = h->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = span_compare(h->insides[middle].path, path);
		if (c == 0)
			return &h->insides[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool is_main(const struct inventory_artifact *f, const struct inventory_held *held)
{
	bool built = span_eq_text(held->role, INVENTORY_ROLE_BUILDER) && is_built(f);
	bool is = span_eq_text(held->role, INVENTORY_ROLE_RUNTIME) && span_eq_text(f->kind, ARTIFACT_RUNTIME_LIBRARY);
	return (built || is) && span_eq(held->product, f->product) && span_eq(held->version, f->version);
}

bool exposure_carries_held(const struct inventory_artifact *f, const struct inventory_held *held, bool in_image,
			   struct finding_subject *ret)
{
	*ret = (struct finding_subject){ .component = component_of(held->product, held->version) };
	if (!ret->component.product || is_main(f, held))
		return false;
	ret->carrier = span_eq_text(held->role, INVENTORY_ROLE_BUILDER) ? CARRIER_BUILDER
		       : in_image || is_image(f)                        ? CARRIER_IMAGE
									: CARRIER_RUNTIME;
	return true;
}

static int take_held(const struct inventory_held *held, void *data)
{
	struct holding *h = data;
	const struct inventory_inside *inside = held->path.n ? inside_at(h, held->path) : NULL;
	const struct inventory_artifact *f = inside ? &inside->artifact : h->artifact;
	struct finding_subject subject;
	h->line = line_join(h->line, line_told_by(held->path, held->product));
	if (!exposure_carries_held(f, held, held->path.n > 0, &subject))
		return 0;
	enum carrier carrier = subject.carrier;
	struct exposure_carried c = {
		.subject = { .component =
				     component_of(arena_span(h->to->a, held->product),
						  held->version.n ? arena_span(h->to->a, held->version) : SPAN_NONE),
			     .carrier = carrier },
		.artifact = f,
		.inside = inside ? inside->path : SPAN_NONE,
	};
	if (!c.subject.component.purl.p)
		return RF_ENOMEM;
	/* several sources often tell the same; they stand behind each other */
	for (size_t i = h->to->count; i-- > 0 && span_eq(h->to->list[i].inside, c.inside);) {
		const struct exposure_carried *k = &h->to->list[i];
		if (k->artifact != c.artifact || !span_eq(k->subject.component.purl, c.subject.component.purl))
			break;
		if (k->subject.carrier == carrier && k->subject.claim == CLAIM_CLEAR &&
		    span_eq(k->subject.component.version, c.subject.component.version))
			return 0;
	}
	return carry(h->tx, h->to, &c);
}

int exposure_carried_by(struct transaction *tx, const struct inventory_artifact *artifact, enum platform_line host,
			struct exposure_carries *ret)
{
	struct holding h = { .tx = tx, .artifact = artifact, .to = ret };
	size_t first = ret->count;
	int rc = carry_own(tx, artifact, SPAN_NONE, false, ret);
	if (!rc)
		rc = inventory_each_inside(tx, span_of(artifact->digest), take_inside, &h);
	for (size_t i = 0; !rc && i < h.count; i++)
		rc = carry_own(tx, &h.insides[i].artifact, h.insides[i].path, true, ret);
	if (!rc)
		rc = inventory_each_held(tx, span_of(artifact->digest), take_held, &h);
	if (rc == RF_ENOMEM || rc == RF_ETOOMANY)
		return err_set(tx_err(tx), rc, "what is inside of artifact %.12s...", artifact->digest);
	for (size_t i = first; i < ret->count; i++)
		component_on(&ret->list[i].subject.component, h.line != PLATFORM_ANY ? h.line : host);
	return rc;
}

int exposure_carried_runtime(struct transaction *tx, const struct inventory_artifact *artifact, struct span service,
			     struct span runtime_product, struct span runtime_version, enum platform_line host,
			     struct exposure_carries *ret)
{
	struct exposure_carried c = { .artifact = artifact };
	if (!is_built(artifact) && !span_eq_text(artifact->kind, ARTIFACT_ONNX))
		return 0;
	if (runtime_product.n) {
		c.subject = (struct finding_subject){ .component = component_of(runtime_product, runtime_version),
						      .carrier = CARRIER_RUNTIME };
		component_on(&c.subject.component, host);
		return carry(tx, ret, &c);
	}
	c.subject = (struct finding_subject){ .component = component_of(artifact->product, SPAN_NONE),
					      .carrier = CARRIER_RUNTIME,
					      .claim = CLAIM_UNKNOWN,
					      .claim_cause = SPAN("unknown_runtime") };
	component_on(&c.subject.component, host);
	/* a file outside of every service has no runtime to speak of */
	return service.n && c.subject.component.product ? carry(tx, ret, &c) : 0;
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
	if (s->carrier == CARRIER_RUNTIME)
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
	/* a component that the file holds is not what the service declares */
	bool declared = s->carrier == CARRIER_RUNTIME && !span_eq_text(f->kind, ARTIFACT_RUNTIME_LIBRARY) &&
			(s->claim != CLAIM_CLEAR || span_eq(s->component.purl, p->runtime_product));
	if (declared) {
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
	if (s->component.line != PLATFORM_ANY)
		(void)reason_add(r, REASON_CLAIM, "%s of %s: that line's versions of %s are numbered apart",
				 s->component.line == p->line ? "its host is" : "the image is",
				 platform_line_name(s->component.line), s->component.product->name);
	if (f->version.n)
		(void)reason_add(r, REASON_CLAIM, "version %.*s was taken from the file's %.*s", SPAN_ARG(f->version),
				 SPAN_ARG(f->version_source));
}
