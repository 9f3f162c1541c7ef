/* The map from tags of images to what they hold. See image_tag.h. */
#include "inventory/image_tag.h"

#include "format/csv.h"
#include "inventory/images.inc"

#include <limits.h>

/* In the map: there the product's own version stands in the tag. */
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

/* ── Tags ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "22.05" of "22.05-py3". */
static struct span release_of(struct span tag)
{
	return span_sub(tag, 0, span_find_byte(tag, '-'));
}

/* "-py3" of it. */
static struct span variant_of(struct span tag)
{
	return span_from(tag, release_of(tag).n);
}

/* Of no tag but of a release: "22.05-*". */
static bool is_of_release(const struct image_fact *f)
{
	return span_eq_text(variant_of(f->tag), "-*");
}

static bool is_pattern(const struct image_fact *f)
{
	return span_ends(f->tag, FROM_TAG);
}

/* The product's own version, where the tag begins with it. SPAN_NONE: it does not. */
static struct span version_in_tag(const struct image_fact *f, struct span tag)
{
	struct span prefix = span_sub(f->tag, 0, f->tag.n - strlen(FROM_TAG));
	struct span version = release_of(span_from(tag, prefix.n));
	bool is = tag.n > prefix.n && span_eq(span_sub(tag, 0, prefix.n), prefix) &&
		  version_is_readable(product_scheme(f->product), version);
	return is ? version : SPAN_NONE;
}

/* NVIDIA's releases are YY.MM: the number of the month. -1: none of them. */
static int month_of(struct span tag)
{
	uint64_t year, month;
	struct span release = release_of(tag);
	if (release.n < 5 || release.p[2] != '.' || (release.n > 5 && release.p[5] != '.') ||
	    !span_u64(span_sub(release, 0, 2), &year) || !span_u64(span_sub(release, 3, 2), &month) || month < 1 || month > 12)
		return -1;
	return (int)(year * 12 + month);
}

/* ── Looking up ──────────────────────────────────────────────────────────────────────────────────────────────────── */

struct looking {
	const struct image_map *m;
	struct span name, tag;
	struct image_contents *c;
	const struct product *judged[IMAGE_MAX_FACTS]; /* by the rows of this tag */
	size_t judged_count;
	const struct product *missing[IMAGE_MAX_FACTS];
	size_t missing_count;
};

static void tell(struct image_contents *c, const struct image_fact *f, struct span version)
{
	if (c->fact_count == IMAGE_MAX_FACTS)
		return;
	c->versions[c->fact_count] = version;
	c->facts[c->fact_count++] = f;
}

static bool is_told(const struct image_contents *c, const struct product *p)
{
	for (size_t i = 0; i < c->fact_count; i++)
		if (c->facts[i]->product == p)
			return true;
	return false;
}

static void candidate(struct image_contents *c, const struct image_fact *f)
{
	if (is_told(c, f->product))
		return;
	for (size_t i = 0; i < c->candidate_count; i++)
		if (c->candidates[i]->product == f->product && span_eq(c->candidates[i]->version, f->version))
			return;
	if (c->candidate_count < IMAGE_MAX_FACTS)
		c->candidates[c->candidate_count++] = f;
}

/* "8.2.5" and "8.2.5.1" are one statement, of which one has more of it. */
static bool agree(struct span a, struct span b)
{
	struct span less = a.n < b.n ? a : b, more = a.n < b.n ? b : a;
	return span_eq(span_sub(more, 0, less.n), less) && (more.n == less.n || more.p[less.n] == '.');
}

/* Rows of this very tag, one product: the one that says most; NULL when two contradict each other. */
static const struct image_fact *of_tag(const struct looking *l, const struct product *p)
{
	const struct image_fact *best = NULL;
	for (const struct image_fact *f = l->m->first; f; f = f->next) {
		if (f->product != p || !span_eq(f->image, l->name) || !span_eq(f->tag, l->tag))
			continue;
		if (best && !agree(best->version, f->version))
			return NULL;
		best = best && best->version.n >= f->version.n ? best : f;
	}
	return best;
}

/* Once for each product. */
static void tag_judge(struct looking *l, const struct product *p)
{
	for (size_t i = 0; i < l->judged_count; i++)
		if (l->judged[i] == p)
			return;
	if (l->judged_count == RF_COUNT(l->judged))
		return;
	l->judged[l->judged_count++] = p;
	const struct image_fact *best = of_tag(l, p);
	if (best)
		tell(l->c, best, best->version);
}

static void facts_find(struct looking *l)
{
	for (const struct image_fact *f = l->m->first; f; f = f->next) {
		if (!span_eq(f->image, l->name) || is_told(l->c, f->product))
			continue;
		if (span_eq(f->tag, l->tag)) {
			l->c->proven = true;
			tag_judge(l, f->product);
		} else if (is_pattern(f)) {
			struct span version = version_in_tag(f, l->tag);
			if (version.n)
				tell(l->c, f, version);
		}
	}
}

/* Rows of this image tell of such a product under other tags of the same variant: it is there, whatever its version. */
static bool is_expected(const struct looking *l, const struct image_fact *f)
{
	return span_eq(f->image, l->name) && !is_pattern(f) &&
	       (is_of_release(f) || span_eq(variant_of(f->tag), variant_of(l->tag)));
}

static bool compiles_engines(const struct image_fact *f)
{
	return f->product->engine_affecting == ENGINE_AFFECTING_YES;
}

/* A tag that is named proves nothing while what compiles engines in it is not told. */
static bool lacks(const struct looking *l)
{
	for (const struct image_fact *f = l->m->first; f; f = f->next)
		if (compiles_engines(f) && is_expected(l, f) && !is_told(l->c, f->product))
			return true;
	return false;
}

/* What is there under @name: NVIDIA's images of one month are made of one another. */
static bool is_related(struct span a, struct span b)
{
	return span_eq(a, b) || (span_starts(a, "nvcr.io/nvidia/") && span_starts(b, "nvcr.io/nvidia/"));
}

static bool is_of_the_release(const struct looking *l, const struct image_fact *f)
{
	return !is_pattern(f) && is_related(f->image, l->name) && span_eq(release_of(f->tag), release_of(l->tag));
}

/* The products to look for: what such an image has and is not told; where nothing is known of it, what is told of its release. */
static void missing_find(struct looking *l)
{
	bool any = false;
	for (const struct image_fact *f = l->m->first; f && !any; f = f->next)
		any = is_expected(l, f);
	for (const struct image_fact *f = l->m->first; f && l->missing_count < RF_COUNT(l->missing); f = f->next) {
		bool wanted = any ? is_expected(l, f) : is_of_the_release(l, f);
		for (size_t i = 0; i < l->missing_count && wanted; i++)
			wanted = l->missing[i] != f->product;
		if (wanted && !is_told(l->c, f->product))
			l->missing[l->missing_count++] = f->product;
	}
}

/* @engines: those that compile engines, or the others. */
static void candidates_find(struct looking *l, bool engines)
{
	for (size_t i = 0; i < l->missing_count; i++)
		for (const struct image_fact *f = l->m->first; f; f = f->next)
			if (f->product == l->missing[i] && compiles_engines(f) == engines && is_of_the_release(l, f))
				candidate(l->c, f);
}

/* ── The months around ───────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_candidate(const struct image_contents *c, size_t n, const struct product *p)
{
	for (size_t i = 0; i < n; i++)
		if (c->candidates[i]->product == p)
			return true;
	return false;
}

/* How many months @f lies from the tag, forth or back; -1: it says nothing about it. */
static int distance(const struct looking *l, const struct image_fact *f, const struct product *p, bool forth)
{
	int here = month_of(l->tag), there = f->product == p && !is_pattern(f) ? month_of(f->tag) : -1;
	bool same = is_of_release(f) || span_eq(variant_of(f->tag), variant_of(l->tag));
	if (there < 0 || !same || !is_related(f->image, l->name) || (forth ? there <= here : there > here))
		return -1;
	int months = forth ? there - here : here - there;
	return months <= IMAGE_MONTHS_AROUND ? months : -1;
}

/* All that is told of the nearest month in one direction. */
static void around(struct looking *l, const struct product *p, bool forth)
{
	int nearest = INT_MAX;
	for (const struct image_fact *f = l->m->first; f; f = f->next) {
		int months = distance(l, f, p, forth);
		nearest = months >= 0 && months < nearest ? months : nearest;
	}
	for (const struct image_fact *f = l->m->first; f && nearest != INT_MAX; f = f->next)
		if (distance(l, f, p, forth) == nearest)
			candidate(l->c, f);
}

static void around_find(struct looking *l)
{
	size_t from = l->c->around_from = l->c->candidate_count;
	for (size_t i = 0; i < l->missing_count && month_of(l->tag) >= 0; i++)
		if (!is_candidate(l->c, from, l->missing[i])) {
			around(l, l->missing[i], false);
			around(l, l->missing[i], true);
		}
}

void image_contents(const struct image_map *m, const struct image_reference *ref, struct image_contents *ret)
{
	char buffer[IMAGE_REFERENCE_MAX];
	struct looking l = { .m = m, .name = name_of(ref, buffer), .tag = ref->tag, .c = ret };
	*ret = (struct image_contents){ 0 };
	if (!ref->digest.n)
		facts_find(&l);
	ret->proven = ret->proven && !lacks(&l);
	if (ret->proven || !ref->tag.n)
		return;
	missing_find(&l);
	candidates_find(&l, true);
	candidates_find(&l, false);
	around_find(&l);
}
