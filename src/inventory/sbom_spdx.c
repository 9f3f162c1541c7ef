/*
 * SPDX 2.3 in JSON (spdx.github.io/spdx-spec/v2.3): packages by their external references, files by their checksums.
 */
#include "inventory/sbom_int.h"

struct spdx {
	struct sbom_reading *r;
	bool is_spdx, seen_version, seen_name, seen_packages, seen_files;
};

/* "NOASSERTION", "NONE": nothing is said. */
static struct span said(struct span s)
{
	return span_eq_text(s, "NOASSERTION") || span_eq_text(s, "NONE") ? SPAN_NONE : s;
}

/* "Organization: NVIDIA Corporation (x@y)" */
static struct span organisation(struct span s)
{
	s = said(s);
	size_t colon = span_find_byte(s, ':');
	s = colon == SIZE_MAX ? s : span_trim(span_from(s, colon + 1));
	return span_trim(span_sub(s, 0, span_find_byte(s, '(')));
}

static struct span sha256_of(struct json v)
{
	for (struct json_each it = json_each(json_get(v, "checksums")); json_next(&it);)
		if (span_eq_text(json_string(json_get(it.value, "algorithm")), "SHA256"))
			return json_string(json_get(it.value, "checksumValue"));
	return SPAN_NONE;
}

static void references_read(struct json package, struct sbom_entry *e)
{
	for (struct json_each it = json_each(json_get(package, "externalRefs")); json_next(&it);) {
		struct span type = json_string(json_get(it.value, "referenceType"));
		struct span locator = json_string(json_get(it.value, "referenceLocator"));
		if (span_eq_text(type, "purl") && !e->purl.n)
			e->purl = locator;
		else if ((span_eq_text(type, "cpe23Type") || span_eq_text(type, "cpe22Type")) && !e->cpe.n)
			e->cpe = locator;
	}
}

static int package_visit(struct json p, void *data)
{
	struct sbom_reading *r = data;
	static const char *const members[] = { "SPDXID", "name", "versionInfo", "supplier", "checksums", "externalRefs" };
	if (json_kind(p) != JSON_OBJECT)
		return err_set(r->err, RF_EFORMAT, "a package of SPDX is an object");
	int rc = sbom_members_once(r, p, members, RF_COUNT(members), "a package");
	if (rc)
		return rc;
	struct sbom_entry e = {
		.ref = json_string(json_get(p, "SPDXID")),
		.type = SPAN("package"),
		.name = json_string(json_get(p, "name")),
		.version = said(json_string(json_get(p, "versionInfo"))),
		.supplier = organisation(json_string(json_get(p, "supplier"))),
		.sha256 = sha256_of(p),
	};
	references_read(p, &e);
	return sbom_entry_add(r, &e);
}

static int file_visit(struct json f, void *data)
{
	struct sbom_reading *r = data;
	static const char *const members[] = { "SPDXID", "fileName", "checksums" };
	if (json_kind(f) != JSON_OBJECT)
		return err_set(r->err, RF_EFORMAT, "a file of SPDX is an object");
	int rc = sbom_members_once(r, f, members, RF_COUNT(members), "a file");
	if (rc)
		return rc;
	struct sbom_entry e = {
		.ref = json_string(json_get(f, "SPDXID")),
		.type = SPAN("file"),
		.name = json_string(json_get(f, "fileName")),
		.sha256 = sha256_of(f),
	};
	return sbom_entry_add(r, &e);
}

static int list_read(struct spdx *s, bool *seen, const char *what, struct span value,
		     int (*visit)(struct json element, void *data))
{
	int rc = sbom_once(s->r, seen, what);
	return rc ? rc : json_raw_elements(value, s->r->doc, visit, s->r, s->r->err);
}

static int version_take(struct spdx *s, struct span raw)
{
	if (!span_eq_text(sbom_raw_string(raw), "SPDX-2.3"))
		return err_set(s->r->err, RF_EUNSUPPORTED, "spdxVersion %.*s: SPDX-2.3 is read",
			       SPAN_ARG(span_sub(raw, 0, 40)));
	s->is_spdx = true;
	return sbom_once(s->r, &s->seen_version, "spdxVersion");
}

static int name_take(struct spdx *s, struct span raw)
{
	int rc = sbom_once(s->r, &s->seen_name, "name");
	return rc ? rc : sbom_subject_set(s->r, sbom_raw_string(raw), SPAN_NONE, SPAN_NONE);
}

static int member_visit(struct span key, struct span value, void *data)
{
	struct spdx *s = data;
	if (span_eq_text(key, "spdxVersion"))
		return version_take(s, value);
	if (span_eq_text(key, "name"))
		return name_take(s, value);
	if (span_eq_text(key, "packages"))
		return list_read(s, &s->seen_packages, "packages", value, package_visit);
	if (span_eq_text(key, "files"))
		return list_read(s, &s->seen_files, "files", value, file_visit);
	return 0;
}

int sbom_read_spdx(struct sbom_reading *r, struct span text)
{
	struct spdx s = { .r = r };
	r->sbom->facts.layout = "SPDX 2.3";
	int rc = json_raw_members(text, member_visit, &s, r->err);
	if (rc)
		return rc;
	return s.is_spdx ? 0 : err_set(r->err, RF_EFORMAT, "no spdxVersion: no document of SPDX");
}

/* ── Tag-value ───────────────────────────────────────────────────────────────────────────────────────────────────── */

struct tags {
	struct sbom_reading *r;
	struct sbom_entry at;
	bool open;         /* a package or file was begun */
	uint64_t begun;    /* its line */
	uint64_t in_text;  /* the line that begins the <text> at hand; 0: none */
	uint64_t line;     /* at hand */
	uint64_t at_fault; /* the line of what failed, when it is not the one at hand; 0 */
};

/* A value without the marks of a text; of several lines the first counts. */
static struct span unmarked(struct span value)
{
	if (!span_starts(value, "<text>"))
		return value;
	value = span_from(value, strlen("<text>"));
	return span_trim(span_sub(value, 0, span_find(value, SPAN("</text>"))));
}

/* Does @line begin a text that goes on behind it? */
static bool text_begins(struct span line)
{
	size_t colon = span_find_byte(line, ':');
	struct span value = colon == SIZE_MAX ? SPAN_NONE : span_trim(span_from(line, colon + 1));
	return span_starts(value, "<text>") && span_find(value, SPAN("</text>")) == SIZE_MAX;
}

static bool tag(struct span line, const char *name, struct span *ret)
{
	size_t n = strlen(name);
	if (!span_starts(line, name) || line.n <= n || line.p[n] != ':')
		return false;
	*ret = unmarked(span_trim(span_from(line, n + 1)));
	return true;
}

static int entry_end(struct tags *t)
{
	int rc = t->open ? sbom_entry_add(t->r, &t->at) : 0;
	t->at_fault = rc ? t->begun : 0;
	t->at = (struct sbom_entry){ 0 };
	t->open = false;
	return rc;
}

static int entry_begin(struct tags *t, const char *type, struct span name)
{
	int rc = entry_end(t);
	t->at.type = span_of(type);
	t->at.name = name;
	t->open = true;
	t->begun = t->line;
	return rc;
}

/* "PACKAGE-MANAGER purl pkg:…", "SECURITY cpe23Type cpe:2.3:…" */
static void reference_read(struct tags *t, struct span value)
{
	struct span category, type;
	if (!span_split(&value, ' ', &category) || !span_split(&value, ' ', &type))
		return;
	if (span_eq_text(type, "purl") && !t->at.purl.n)
		t->at.purl = span_trim(value);
	else if (span_starts(type, "cpe2") && !t->at.cpe.n)
		t->at.cpe = span_trim(value);
}

static int line_read(struct tags *t, struct span line)
{
	struct span v;
	if (t->in_text) {
		t->in_text = span_find(line, SPAN("</text>")) == SIZE_MAX ? t->in_text : 0;
		return 0;
	}
	t->in_text = text_begins(line) ? t->line : 0;
	if (tag(line, "PackageName", &v))
		return entry_begin(t, "package", v);
	if (tag(line, "FileName", &v))
		return entry_begin(t, "file", v);
	if (tag(line, "SnippetSPDXID", &v) || tag(line, "LicenseID", &v))
		return entry_end(t);
	if (tag(line, "DocumentName", &v))
		return sbom_subject_set(t->r, v, SPAN_NONE, SPAN_NONE);
	if (!t->open)
		return 0;
	if (tag(line, "SPDXID", &v))
		t->at.ref = v;
	else if (tag(line, "PackageVersion", &v))
		t->at.version = said(v);
	else if (tag(line, "PackageSupplier", &v))
		t->at.supplier = organisation(v);
	else if (tag(line, "ExternalRef", &v))
		reference_read(t, v);
	else if ((tag(line, "PackageChecksum", &v) || tag(line, "FileChecksum", &v)) && span_starts(v, "SHA256:"))
		t->at.sha256 = span_trim(span_from(v, strlen("SHA256:")));
	return 0;
}

int sbom_read_spdx_tags(struct sbom_reading *r, struct span text, uint64_t first)
{
	struct tags t = { .r = r, .line = first };
	struct span line, version;
	int rc = 0;
	if (!span_line(&text, &line) || !tag(line, "SPDXVersion", &version) || !span_eq_text(version, "SPDX-2.3"))
		rc = err_set(r->err, RF_EUNSUPPORTED, "%.*s: SPDX-2.3 is read", SPAN_ARG(span_sub(line, 0, 60)));
	r->sbom->facts.layout = "SPDX 2.3 tag-value";
	while (rc == 0 && span_line(&text, &line)) {
		t.line++;
		rc = line_read(&t, line);
	}
	if (rc == 0 && t.in_text) {
		t.at_fault = t.in_text;
		rc = err_set(r->err, RF_ETRUNCATED, "a <text> that does not end");
	}
	if (rc == 0)
		rc = entry_end(&t);
	return rc < 0 && r->err ? err_at_line(r->err, t.at_fault ? t.at_fault : t.line) : rc;
}
