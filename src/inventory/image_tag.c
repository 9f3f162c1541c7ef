/* The map from tags of images to what they hold. See image_tag.h. */
#include "inventory/image_tag.h"

#include "format/csv.h"
#include "inventory/images.inc"

/* In the map: the tag begins with the product's own release. */
#define FROM_TAG "{}"

/* ── The map ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "tensorrt" is the product whose purl ends so; "cuda" is what people call the toolkit. */
static const struct product *column_product(struct span name)
{
	if (span_starts(name, "pkg:"))
		return product_by_purl(name);
	if (span_eq_text(name, "cuda"))
		name = SPAN("cuda-toolkit");
	if (span_eq_text(name, "triton"))
		name = SPAN("triton-inference-server");
	for (size_t i = 0; i < product_count(); i++) {
		struct span purl = span_of(product_at(i)->purl);
		if (span_eq(span_from(purl, span_rfind_byte(purl, '/') + 1), name))
			return product_at(i);
	}
	return NULL;
}

/* Registry, folder and repository: the same for all ways to write them. */
static struct span name_of(const struct image_reference *r, char buffer[IMAGE_REFERENCE_MAX])
{
	int n = snprintf(buffer, IMAGE_REFERENCE_MAX, "%.*s/%.*s%s%.*s", SPAN_ARG(r->registry), SPAN_ARG(r->folder),
			 r->folder.n ? "/" : "", SPAN_ARG(r->repository));
	return (struct span){ buffer, RF_MIN((size_t)n, (size_t)IMAGE_REFERENCE_MAX - 1) };
}

struct columns {
	size_t count;
	size_t image, tag, source;                      /* SIZE_MAX: none */
	const struct product *products[CSV_MAX_FIELDS]; /* NULL: one of the above */
};

static int header_read(const struct csv *csv, struct columns *c, struct err *err)
{
	*c = (struct columns){ .count = csv->count, .image = SIZE_MAX, .tag = SIZE_MAX, .source = SIZE_MAX };
	for (size_t i = 0; i < csv->count; i++) {
		struct span name = span_trim(csv->fields[i]);
		if (span_eq_text(name, "image"))
			c->image = i;
		else if (span_eq_text(name, "tag"))
			c->tag = i;
		else if (span_eq_text(name, "source"))
			c->source = i;
		else if (!(c->products[i] = column_product(name)))
			return err_set(err, RF_EFORMAT,
				       "column \"%.*s\": image, tag, source, or a product of this program",
				       SPAN_ARG(span_sub(name, 0, 80)));
	}
	if (c->image == SIZE_MAX || c->tag == SIZE_MAX)
		return err_set(err, RF_EFORMAT, "a map of images has the columns image and tag, and one a product");
	return 0;
}

static int fact_add(struct image_map *m, struct arena *a, const struct image_fact *from, struct err *err)
{
	if (m->count == IMAGE_MAP_MAX_FACTS)
		return err_set(err, RF_ETOOMANY, "a map of images has at most %d facts", IMAGE_MAP_MAX_FACTS);
	struct image_fact *f = arena_alloc(a, sizeof *f);
	if (!f)
		return err_set(err, RF_ENOMEM, "map of images");
	*f = *from;
	f->image = arena_span(a, from->image);
	f->tag = arena_span(a, from->tag);
	f->version = arena_span(a, from->version);
	f->source = arena_span(a, from->source);
	if (!f->image.p || !f->tag.p || !f->version.p || !f->source.p)
		return err_set(err, RF_ENOMEM, "map of images");
	if (m->last)
		*m->last = f;
	else
		m->first = f;
	m->last = &f->next;
	m->count++;
	return 0;
}

static int row_read(struct image_map *m, const struct csv *csv, const struct columns *c, struct arena *a,
		    struct err *err)
{
	if (csv->count != c->count)
		return err_set(err, RF_EFORMAT, "%zu fields where the header has %zu", csv->count, c->count);
	struct image_fact f = { .image = span_trim(csv->fields[c->image]), .tag = span_trim(csv->fields[c->tag]) };
	struct image_reference ref;
	char name[IMAGE_REFERENCE_MAX];
	if (c->source != SIZE_MAX)
		f.source = span_trim(csv->fields[c->source]);
	int rc = image_reference_read(f.image, &ref, err);
	if (rc == 0)
		f.image = name_of(&ref, name);
	for (size_t i = 0; i < c->count && rc == 0; i++) {
		f.product = c->products[i];
		f.version = span_trim(csv->fields[i]);
		if (f.product && f.version.n)
			rc = fact_add(m, a, &f, err);
	}
	return rc;
}

int image_map_read(struct image_map *m, struct span text, struct arena *a, struct err *err)
{
	if (text.n > IMAGE_MAP_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "a map of images has at most %zu MiB", IMAGE_MAP_MAX_BYTES / MIB);
	struct csv csv = csv_begin(text, ',');
	struct columns columns = { 0 };
	int rc;
	while ((rc = csv_next(&csv, err)) == 1) {
		if (csv.count && span_starts(csv.fields[0], "#"))
			continue;
		rc = columns.count ? row_read(m, &csv, &columns, a, err) : header_read(&csv, &columns, err);
		if (rc < 0) {
			(void)err_at_line(err, csv.line);
			break;
		}
	}
	csv_end(&csv);
	return rc;
}

int image_map_builtin(struct image_map *m, struct arena *a, struct err *err)
{
	return image_map_read(m, span_bytes(images_csv, sizeof images_csv), a, err);
}

/* ── Looking up ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct span release_of(struct span tag)
{
	return span_sub(tag, 0, span_find_byte(tag, '-'));
}

static void tell(struct image_contents *c, const struct image_fact *f, struct span version)
{
	if (c->fact_count == IMAGE_MAX_FACTS)
		return;
	c->versions[c->fact_count] = version;
	c->facts[c->fact_count++] = f;
}

static void candidate(struct image_contents *c, const struct image_fact *f)
{
	for (size_t i = 0; i < c->fact_count; i++)
		if (c->facts[i]->product == f->product)
			return;
	for (size_t i = 0; i < c->candidate_count; i++)
		if (c->candidates[i]->product == f->product && span_eq(c->candidates[i]->version, f->version))
			return;
	if (c->candidate_count < IMAGE_MAX_FACTS)
		c->candidates[c->candidate_count++] = f;
}

/* What is there under @name: NVIDIA's images of one month are made of one another. */
static bool is_related(struct span a, struct span b)
{
	return span_eq(a, b) || (span_starts(a, "nvcr.io/nvidia/") && span_starts(b, "nvcr.io/nvidia/"));
}

void image_contents(const struct image_map *m, const struct image_reference *ref, struct image_contents *ret)
{
	char buffer[IMAGE_REFERENCE_MAX];
	struct span name = name_of(ref, buffer);
	*ret = (struct image_contents){ 0 };
	for (const struct image_fact *f = m->first; f && !ref->digest.n; f = f->next) {
		if (!span_eq(f->image, name))
			continue;
		if (span_eq(f->tag, ref->tag)) {
			ret->proven = true;
			tell(ret, f, f->version);
		} else if (span_eq_text(f->tag, FROM_TAG) &&
			   version_is_readable(product_scheme(f->product), release_of(ref->tag))) {
			tell(ret, f, release_of(ref->tag));
		}
	}
	if (ret->proven || !ref->tag.n)
		return;
	for (const struct image_fact *f = m->first; f; f = f->next)
		if (!span_eq_text(f->tag, FROM_TAG) && is_related(f->image, name) &&
		    span_eq(release_of(f->tag), release_of(ref->tag)))
			candidate(ret, f);
}
