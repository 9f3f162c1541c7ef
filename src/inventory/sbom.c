/* Bills of materials: which format, and entries to components. See sbom.h. */
#include "inventory/sbom_int.h"

#include "inventory/package.h"
#include "version/cpe.h"

#define SCRATCH_BYTES (64 * KIB)

/* The namespaces of an XML document stand in its first element. */
#define XML_NAMES_BYTES (64 * KIB)
/* SPDX 3 is a graph in JSON-LD; its context names the version. */
#define SPDX3_CONTEXT "spdx.org/rdf/3"

static struct span without_mark(struct span text)
{
	return span_starts(text, "\xef\xbb\xbf") ? span_from(text, 3) : text;
}

struct span sbom_raw_string(struct span raw)
{
	if (raw.n < 2 || raw.p[0] != '"' || span_find_byte(raw, '\\') != SIZE_MAX)
		return SPAN_NONE;
	return span_sub(raw, 1, raw.n - 2);
}

/* Behind the comments and blank lines that tag-value may begin with: *ret_lines of them. */
static struct span without_comments(struct span text, uint64_t *ret_lines)
{
	struct span rest = text, line;
	*ret_lines = 0;
	while (span_line(&rest, &line) && (!span_trim(line).n || span_starts(line, "#"))) {
		text = rest;
		++*ret_lines;
	}
	return text;
}

#define IS_BILL 1

static int name_visit(struct span key, struct span value, void *data)
{
	(void)data;
	if (span_eq_text(key, "bomFormat") || span_eq_text(key, "spdxVersion"))
		return IS_BILL;
	return span_eq_text(key, "@context") && span_find(value, SPAN(SPDX3_CONTEXT)) != SIZE_MAX ? IS_BILL : 0;
}

static bool is_xml_bill(struct span text)
{
	struct span head = span_sub(text, 0, XML_NAMES_BYTES);
	return span_starts(span_trim(head), "<") && (span_find(head, SPAN("cyclonedx.org/schema/bom")) != SIZE_MAX ||
						     span_find(head, SPAN("spdx.org/rdf/terms")) != SIZE_MAX);
}

bool sbom_sniff(struct span text)
{
	uint64_t lines;
	struct span bare = without_mark(text);
	if (span_starts(without_comments(bare, &lines), "SPDXVersion:") || is_xml_bill(bare))
		return true;
	int rc = json_raw_members(bare, name_visit, NULL, NULL);
	/* what is cut off or damaged may say it further on */
	return rc == IS_BILL || (rc < 0 && (span_find(bare, SPAN("\"bomFormat\"")) != SIZE_MAX ||
					    span_find(bare, SPAN("\"spdxVersion\"")) != SIZE_MAX));
}

int sbom_members_once(struct sbom_reading *r, struct json v, const char *const *names, size_t n, const char *what)
{
	const char *twice = json_twice(v, names, n);
	return twice ? err_set(r->err, RF_EFORMAT, "%s: %s given twice", what, twice) : 0;
}

int sbom_once(struct sbom_reading *r, bool *seen, const char *what)
{
	if (*seen)
		return err_set(r->err, RF_EFORMAT, "%s given twice", what);
	*seen = true;
	return 0;
}

/* ── One entry ───────────────────────────────────────────────────────────────────────────────────────────────────── */

struct identity {
	const struct product *product;
	struct span purl, version;
	const char *source;
	struct span words; /* of the bill; kept for products */
};

static void object(struct sbom_reading *r, enum artifact_finding f, const char *cause, const char *rule,
		   const struct sbom_entry *e, const char *what)
{
	artifact_object(&r->objections, f, cause, rule, "%.*s: %s", SPAN_ARG(span_sub(e->ref.n ? e->ref : e->name, 0, 100)),
			what);
}

/* A product's version by the entry's own field and by its package URL: both are claims. */
static void versions_compare(struct sbom_reading *r, const struct sbom_entry *e, const struct purl *p,
			     const struct product *product)
{
	if (!product || !e->version.n || !p->version.n || span_eq(e->version, p->version))
		return;
	struct span a = package_upstream(product, p->type, e->version), b = package_upstream(product, p->type, p->version);
	const struct scheme *scheme = product_scheme(product);
	if (!span_eq(a, b) && version_compare(scheme, a, b) != VERSION_EQUAL)
		object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "version_mismatch", e,
		       "its version and the one in its package URL differ");
}

static bool is_image(const struct purl *p)
{
	return span_eq_text(p->type, "oci") || span_eq_text(p->type, "docker");
}

static int by_purl(struct sbom_reading *r, const struct sbom_entry *e, struct identity *ret)
{
	struct purl p;
	struct package_component c;
	struct err err = ERR_INIT;
	int rc = purl_read(&r->scratch, e->purl, &p, &err);
	if (rc == RF_ENOMEM)
		return rc;
	if (rc < 0) {
		object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "purl_malformed", e, err.text);
		return 0;
	}
	struct purl versioned = p;
	if (!p.version.n)
		versioned.version = e->version;
	if (is_image(&p) && span_find_byte(versioned.version, ':') != SIZE_MAX) /* a digest, not a version */
		versioned.version = SPAN_NONE;
	rc = package_component(&versioned, &r->scratch, &c, &err);
	if (rc == RF_ENOMEM)
		return rc;
	if (rc < 0) {
		object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "package_text_too_long", e, err.text);
		return 0;
	}
	if (!is_image(&p))
		versions_compare(r, e, &p, c.product);
	*ret = (struct identity){ c.product, c.purl, c.version, "sbom-purl", e->purl };
	return 0;
}

static void by_cpe(struct sbom_reading *r, const struct sbom_entry *e, struct identity *ret)
{
	struct cpe cpe;
	if (cpe_read(e->cpe, &cpe, NULL) < 0)
		return;
	const struct product *product = cpe_product(&cpe);
	if (!product)
		return;
	struct span version = e->version;
	if (!version.n && !cpe_is_any(cpe.at[CPE_VERSION]) && !cpe_is_na(cpe.at[CPE_VERSION])) {
		char *buffer = arena_alloc(&r->scratch, VERSION_MAX_BYTES);
		version = buffer ? cpe_plain(cpe.at[CPE_VERSION], buffer, VERSION_MAX_BYTES) : SPAN_NONE;
	}
	*ret = (struct identity){ product, span_of(product->purl), package_upstream(product, SPAN("generic"), version),
				  "sbom-cpe", e->cpe };
}

static int by_name(struct sbom_reading *r, const struct sbom_entry *e, struct identity *ret)
{
	struct span vendor = e->supplier.n ? e->supplier : e->group;
	const struct product *product = product_by_vendor_name(vendor, e->name);
	if (product) {
		*ret = (struct identity){ product, span_of(product->purl),
					  package_upstream(product, SPAN("generic"), e->version), "sbom-name", e->name };
		return 0;
	}
	struct purl own = { .type = SPAN("generic"), .namespace_ = e->group, .name = e->name, .version = e->version };
	struct package_component c;
	struct err err = ERR_INIT;
	int rc = package_component(&own, &r->scratch, &c, &err);
	if (rc == RF_ENOMEM)
		return rc;
	if (rc < 0) {
		object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE,
		       rc == RF_EINVALID ? "package_without_name" : "package_text_too_long", e, err.text);
		return 0;
	}
	*ret = (struct identity){ c.product, c.purl, c.version, "sbom-name", e->name };
	return 0;
}

static int components_grow(struct sbom_reading *r)
{
	struct artifact_facts *f = &r->sbom->facts;
	if (f->component_count == SBOM_MAX_COMPONENTS)
		return err_set(r->err, RF_ETOOMANY, "a bill of materials has at most %d components", SBOM_MAX_COMPONENTS);
	if (f->component_count < f->component_room)
		return 0;
	size_t room = f->component_room ? 2 * f->component_room : 1024;
	struct artifact_component *grown = arena_array(r->a, room, sizeof *grown);
	if (!grown)
		return RF_ENOMEM;
	if (f->component_count)
		memcpy(grown, f->components, f->component_count * sizeof *grown);
	f->components = grown;
	f->component_room = room;
	return 0;
}

/* The limit of artifact_component_add() is one of files that are met; here somebody asked for a bill. */
static int component_add(struct sbom_reading *r, const struct identity *i)
{
	struct artifact_facts *f = &r->sbom->facts;
	int rc = components_grow(r);
	if (rc < 0)
		return rc;
	struct artifact_component c = { .role = ARTIFACT_ROLE_PACKAGE, .source = i->source };
	c.product = i->product ? span_of(i->product->purl) : arena_span(r->a, i->purl);
	c.version = i->version.n ? arena_span(r->a, i->version) : SPAN("");
	c.where = i->product ? arena_span(r->a, span_sub(i->words, 0, PACKAGE_TEXT_MAX)) : SPAN("");
	if (!c.product.p || !c.version.p || !c.where.p)
		return RF_ENOMEM;
	f->components[f->component_count++] = c;
	r->sbom->versionless += !c.version.n;
	return 0;
}

static struct span qualifier(struct span qualifiers, const char *name)
{
	struct span part;
	size_t n = strlen(name);
	while (span_split(&qualifiers, '&', &part))
		if (span_starts(part, name) && part.n > n && part.p[n] == '=')
			return span_from(part, n + 1);
	return SPAN_NONE;
}

/* What the tag of an image proves. "pkg:oci/tritonserver?repository_url=nvcr.io/nvidia/tritonserver&tag=25.08-py3",
 * "pkg:docker/nvcr.io/nvidia/tritonserver@25.08-py3". */
static int image_add(struct sbom_reading *r, const struct sbom_entry *e)
{
	struct purl p;
	struct image_reference ref;
	struct image_contents told;
	if (!r->images || !e->purl.n || purl_read(&r->scratch, e->purl, &p, NULL) < 0 || !is_image(&p))
		return 0;
	bool oci = span_eq_text(p.type, "oci");
	struct span place = qualifier(p.qualifiers, "repository_url"), tag = oci ? qualifier(p.qualifiers, "tag") : p.version;
	char *text = oci && place.n ? arena_printf(&r->scratch, "%.*s:%.*s", SPAN_ARG(place), SPAN_ARG(tag))
				    : arena_printf(&r->scratch, "%.*s%s%.*s:%.*s", SPAN_ARG(p.namespace_),
						   p.namespace_.n ? "/" : "", SPAN_ARG(p.name), SPAN_ARG(tag));
	if (!text)
		return RF_ENOMEM;
	if (!tag.n || image_reference_read(span_of(text), &ref, NULL) < 0)
		return 0;
	image_contents(r->images, &ref, &told);
	int rc = 0;
	for (size_t i = 0; i < told.fact_count && rc == 0; i++)
		rc = component_add(r, &(struct identity){ told.facts[i]->product, SPAN_NONE, told.versions[i], "image-tag",
							  span_of(text) });
	return rc;
}

static int content_add(struct sbom_reading *r, const struct sbom_entry *e, size_t component)
{
	struct sbom *s = r->sbom;
	struct sbom_content c = { .component = component };
	if (!e->sha256.n)
		return 0;
	if (digest_read(e->sha256, &c.digest, NULL) < 0) {
		object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "digest_malformed", e,
		       "its SHA-256 is not 64 hexadecimal digits");
		return 0;
	}
	if (s->content_count == s->content_room) {
		size_t room = s->content_room ? 2 * s->content_room : 64;
		struct sbom_content *grown = arena_array(r->a, room, sizeof *grown);
		if (!grown)
			return RF_ENOMEM;
		if (s->content_count)
			memcpy(grown, s->contents, s->content_count * sizeof *grown);
		s->contents = grown;
		s->content_room = room;
	}
	c.ref = arena_span(r->a, span_sub(e->ref.n ? e->ref : e->name, 0, PACKAGE_TEXT_MAX));
	c.name = arena_span(r->a, span_sub(e->name, 0, PACKAGE_TEXT_MAX));
	c.type = arena_span(r->a, span_sub(e->type, 0, 64));
	if (!c.ref.p || !c.name.p || !c.type.p)
		return RF_ENOMEM;
	s->contents[s->content_count++] = c;
	return 0;
}

int sbom_entry_add(struct sbom_reading *r, const struct sbom_entry *e)
{
	struct identity i = { 0 };
	int rc = e->purl.n ? by_purl(r, e, &i) : 0;
	if (rc == 0 && !i.purl.n && e->cpe.n)
		by_cpe(r, e, &i);
	bool bare_file = span_eq_text(e->type, "file") && !e->purl.n && !e->cpe.n && !e->version.n;
	if (rc == 0 && !i.purl.n && !bare_file)
		rc = by_name(r, e, &i);
	size_t index = r->sbom->facts.component_count;
	if (rc == 0 && i.purl.n)
		rc = component_add(r, &i);
	if (rc == 0)
		rc = content_add(r, e, i.purl.n ? index : SIZE_MAX);
	if (rc == 0)
		rc = image_add(r, e);
	if (rc == 0)
		rc = r->objections.failed;
	arena_reset(&r->scratch);
	return rc == RF_ENOMEM ? err_set(r->err, rc, "no memory for the components of a bill of materials") : rc;
}

int sbom_subject_set(struct sbom_reading *r, struct span name, struct span version, struct span sha256)
{
	struct span plain = span_sub(name, 0, PACKAGE_TEXT_MAX);
	r->sbom->subject = version.n ? span_of(arena_printf(r->a, "%.*s@%.*s", SPAN_ARG(plain), SPAN_ARG(version)))
				     : arena_span(r->a, plain);
	r->sbom->subject_digest = arena_span(r->a, sha256);
	return r->sbom->subject.p && r->sbom->subject_digest.p ? 0 : err_set(r->err, RF_ENOMEM, "a bill of materials");
}

/* ── The document ────────────────────────────────────────────────────────────────────────────────────────────────── */

static int format_read(struct sbom_reading *r, struct span text)
{
	struct span bare = without_mark(text);
	uint64_t lines;
	struct span tags = without_comments(bare, &lines);
	if (span_starts(tags, "SPDXVersion:"))
		return sbom_read_spdx_tags(r, tags, lines + 1);
	if (span_starts(span_trim(span_sub(bare, 0, 256)), "<"))
		return err_set(r->err, RF_EUNSUPPORTED,
			       "XML is not read: CycloneDX is read as JSON, SPDX as JSON and tag-value; convert it first");
	r->doc = json_doc_new();
	if (!r->doc)
		return err_set(r->err, RF_ENOMEM, "a bill of materials");
	bool spdx = span_find(bare, SPAN("\"spdxVersion\"")) != SIZE_MAX, cyclonedx = span_find(bare, SPAN("\"bomFormat\"")) != SIZE_MAX;
	if (!spdx && !cyclonedx && span_find(bare, SPAN(SPDX3_CONTEXT)) != SIZE_MAX)
		return err_set(r->err, RF_EUNSUPPORTED, "SPDX 3: SPDX 2.3 is read; have the bill written as that");
	return spdx && !cyclonedx ? sbom_read_spdx(r, text) : sbom_read_cyclonedx(r, text);
}

static void summary(struct sbom_reading *r)
{
	const struct sbom *s = r->sbom;
	artifact_note(&r->objections, "%zu components%s%.*s; %zu of unknown version, %zu with a SHA-256",
		      s->facts.component_count, s->subject.n ? " of " : "", SPAN_ARG(s->subject), s->versionless,
		      s->content_count);
}

int sbom_read(struct span text, const struct image_map *m, struct arena *a, struct sbom *ret, struct err *err)
{
	if (text.n > SBOM_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "a bill of materials has at most %zu GiB", SBOM_MAX_BYTES / GIB);
	*ret = (struct sbom){ .facts = { .kind = ARTIFACT_BILL_OF_MATERIALS,
					 .layout = "",
					 .cause = "",
					 .cc_major = -1,
					 .cc_minor = -1,
					 .size = text.n } };
	struct sbom_reading r = { .sbom = ret, .images = m, .a = a, .scratch = ARENA_INIT(SCRATCH_BYTES), .err = err };
	r.objections = (struct artifact_reading){ .a = a, .facts = &ret->facts, .err = err };
	int rc = format_read(&r, text);
	if (rc == 0)
		summary(&r);
	json_doc_free(r.doc);
	arena_release(&r.scratch);
	ret->facts.second_look_from = ret->facts.note_count;
	return rc ? rc : r.objections.failed;
}
