/* What the images of a Dockerfile are known to hold, as facts. See dockerfile.h. */
#include "inventory/dockerfile.h"

static void prove(struct artifact_reading *r, const struct dockerfile_image *i, const struct image_contents *c)
{
	for (size_t k = 0; k < c->fact_count && !r->failed; k++) {
		struct artifact_component component = {
			.product = span_of(c->facts[k]->product->purl),
			.version = c->versions[k],
			.role = ARTIFACT_ROLE_PACKAGE,
			.source = "image-tag",
			.where = span_of(arena_printf(r->a, "line %llu, stage %.*s: %.*s", (unsigned long long)i->line,
						      SPAN_ARG(i->stage), SPAN_ARG(i->reference))),
		};
		if (!component.where.p || artifact_component_add(r->facts, r->a, &component) < 0)
			r->failed = RF_ENOMEM;
	}
}

/* Each product once, with what it may be: "NVIDIA TensorRT 8.0.1 (tensorrt:21.07-*) or 8.0.1.6 (tritonserver:21.07-py3)". */
static void candidates_add(struct str *s, const char *in_front, const struct image_contents *c, size_t from, size_t to)
{
	for (size_t k = from; k < to; k++) {
		const struct image_fact *f = c->candidates[k];
		struct span repository = span_from(f->image, span_rfind_byte(f->image, '/') + 1);
		bool again = k > from && c->candidates[k - 1]->product == f->product;
		str_addf(s, "%s%s%s%.*s (%.*s:%.*s)", k == from ? in_front : again ? " or " : ", ", again ? "" : f->product->name,
			 again ? "" : " ", SPAN_ARG(f->version), SPAN_ARG(repository), SPAN_ARG(f->tag));
	}
}

static const char *candidates_text(struct artifact_reading *r, const struct image_contents *c)
{
	RF_AUTO(str) s = STR_INIT(8 * KIB);
	candidates_add(&s, "; candidates: ", c, 0, c->around_from);
	candidates_add(&s, "; in the months around it: ", c, c->around_from, c->candidate_count);
	const char *text = arena_text(r->a, str_span(&s));
	if (!text || s.failed)
		r->failed = RF_ENOMEM;
	return text ? text : "";
}

static void unproven(struct artifact_reading *r, const struct dockerfile_image *i, const struct image_reference *ref,
		     const struct image_contents *c)
{
	const char *candidates = candidates_text(r, c);
	artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_CONTENT_ABSENT, "image_unproven",
			"line %llu: %s %.*s holds is %s by %s: scan the image%s", (unsigned long long)i->line,
			c->fact_count ? "not all that" : "what", SPAN_ARG(i->reference), c->fact_count ? "told" : "not told",
			ref->digest.n ? "a digest" : "its tag", candidates);
}

static void image_judge(struct artifact_reading *r, const struct dockerfile_image *i, const struct image_map *m)
{
	struct image_reference ref;
	struct image_contents contents;
	struct err err = ERR_INIT;
	if (i->scratch || i->of_stage)
		return;
	if (i->missing.n) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_CONTENT_ABSENT, "image_argument_missing",
				"line %llu: %.*s: the value of %.*s is given at build time",
				(unsigned long long)i->line, SPAN_ARG(i->reference), SPAN_ARG(i->missing));
		return;
	}
	int rc = image_reference_read(i->reference, &ref, &err);
	if (rc < 0) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "image_reference_malformed",
				"line %llu: %s", (unsigned long long)i->line, err.text);
	} else {
		image_contents(m, &ref, &contents);
		prove(r, i, &contents);
		if (!contents.proven)
			unproven(r, i, &ref, &contents);
	}
}

/* Each image has its note: those that no place is left for share the last. */
static void note_join(struct artifact_reading *r, struct str *rest)
{
	struct artifact_facts *f = r->facts;
	if (f->note_count < ARTIFACT_MAX_NOTES)
		return;
	str_addf(rest, "%s%s", rest->n ? "; " : "", f->notes[--f->note_count]);
}

static void notes_end(struct artifact_reading *r, const struct str *rest)
{
	if (!rest->n)
		return;
	const char *text = rest->failed ? NULL : arena_text(r->a, str_span(rest));
	if (text)
		r->facts->notes[r->facts->note_count++] = text;
	else
		r->failed = RF_ENOMEM;
}

static struct artifact_facts no_facts(uint64_t size)
{
	return (struct artifact_facts){
		.kind = ARTIFACT_DOCKERFILE, .layout = "", .cause = "", .cc_major = -1, .cc_minor = -1, .size = size
	};
}

static int finish(struct artifact_reading *r)
{
	r->facts->second_look_from = r->facts->note_count;
	return r->failed ? err_set(r->err, r->failed, "no memory for the facts of a Dockerfile") : 0;
}

int dockerfile_image_facts(const struct dockerfile_image *image, const struct image_map *m, struct arena *a,
			   struct artifact_facts *ret, struct err *err)
{
	*ret = no_facts(0);
	struct artifact_reading r = { .a = a, .facts = ret, .err = err };
	image_judge(&r, image, m);
	return finish(&r);
}

int dockerfile_facts(struct span text, const struct image_map *m, struct arena *a, struct artifact_facts *ret,
		     struct err *err)
{
	struct err why = ERR_INIT;
	struct dockerfile file = { 0 };
	*ret = no_facts(text.n);
	struct artifact_reading r = { .a = a, .facts = ret, .err = err };
	int rc = dockerfile_read(text, a, &file, &why);
	if (rc == RF_ENOMEM)
		return err_set(err, rc, "%s", why.text);
	if (rc < 0)
		artifact_object(&r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, DOCKERFILE_MALFORMED, "line %lld: %s",
				(long long)RF_MAX(why.line, 1), why.text);
	RF_AUTO(str) rest = STR_INIT(DOCKERFILE_MAX_IMAGES * 1 * KIB);
	for (size_t i = 0; i < file.count && !r.failed; i++) {
		image_judge(&r, &file.images[i], m);
		note_join(&r, &rest);
	}
	notes_end(&r, &rest);
	return finish(&r);
}
