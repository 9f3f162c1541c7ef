/*
 * CycloneDX 1.4 to 1.6, JSON (ECMA-424; cyclonedx.org/docs/1.6/json): components with those inside of them, wherever they
 * are nested, and the component that the bill is of.
 */
#include "inventory/sbom_int.h"

static const char *const layouts[] = { "CycloneDX 1.4", "CycloneDX 1.5", "CycloneDX 1.6" };

struct cyclonedx {
	struct sbom_reading *r;
	bool is_bom, seen_format, seen_version, seen_components, seen_metadata;
};

static struct span sha256_of(struct json component)
{
	for (struct json_each it = json_each(json_get(component, "hashes")); json_next(&it);)
		if (span_eq_text(json_string(json_get(it.value, "alg")), "SHA-256"))
			return json_string(json_get(it.value, "content"));
	return SPAN_NONE;
}

/* 1.6 says manufacturer where 1.5 said author and publisher. */
static struct span maker_of(struct json c)
{
	struct span s = json_string(json_path(c, "supplier", "name", NULL));
	if (!s.n)
		s = json_string(json_path(c, "manufacturer", "name", NULL));
	return s.n ? s : json_string(json_get(c, "publisher"));
}

/* What is read of a component. */
static const char *const members[] = { "bom-ref", "type",     "group",	     "name",	  "version",  "purl",
				       "cpe",	  "supplier", "manufacturer", "publisher", "hashes", "components" };

static int component_visit(struct json c, void *data)
{
	struct sbom_reading *r = data;
	if (json_kind(c) != JSON_OBJECT)
		return err_set(r->err, RF_EFORMAT, "a component of CycloneDX is an object");
	int rc = sbom_members_once(r, c, members, RF_COUNT(members), "a component");
	if (rc)
		return rc;
	struct sbom_entry e = {
		.ref = json_string(json_get(c, "bom-ref")),
		.type = json_string(json_get(c, "type")),
		.group = json_string(json_get(c, "group")),
		.name = json_string(json_get(c, "name")),
		.version = json_string(json_get(c, "version")),
		.purl = json_string(json_get(c, "purl")),
		.cpe = json_string(json_get(c, "cpe")),
		.supplier = maker_of(c),
		.sha256 = sha256_of(c),
	};
	rc = sbom_entry_add(r, &e);
	for (struct json_each it = json_each(json_get(c, "components")); rc == 0 && json_next(&it);)
		rc = component_visit(it.value, r);
	return rc;
}

static int metadata_read(struct cyclonedx *c, struct span raw)
{
	struct sbom_reading *r = c->r;
	struct json root;
	static const char *const component[] = { "component" };
	int rc = sbom_once(r, &c->seen_metadata, "metadata");
	if (rc == 0)
		rc = json_parse(r->doc, raw, &root, r->err);
	if (rc == 0)
		rc = sbom_members_once(r, root, component, 1, "metadata");
	if (rc < 0)
		return rc;
	struct json subject = json_get(root, "component");
	rc = sbom_members_once(r, subject, members, RF_COUNT(members), "the component of metadata");
	if (rc < 0)
		return rc;
	rc = sbom_subject_set(r, json_string(json_get(subject, "name")), json_string(json_get(subject, "version")),
			      sha256_of(subject));
	/* the whole is what its parts are; it is a component itself when it says which package it is */
	if (rc == 0 && (json_string(json_get(subject, "purl")).n || json_string(json_get(subject, "cpe")).n))
		return component_visit(subject, r);
	for (struct json_each it = json_each(json_get(subject, "components")); rc == 0 && json_next(&it);)
		rc = component_visit(it.value, r);
	return rc;
}

static int version_take(struct cyclonedx *c, struct span raw)
{
	struct span version = sbom_raw_string(raw);
	int rc = sbom_once(c->r, &c->seen_version, "specVersion");
	if (rc)
		return rc;
	for (size_t i = 0; i < RF_COUNT(layouts); i++)
		if (span_eq_text(version, layouts[i] + strlen("CycloneDX "))) {
			c->r->sbom->facts.layout = layouts[i];
			return 0;
		}
	return err_set(c->r->err, RF_EUNSUPPORTED, "specVersion %.*s: CycloneDX 1.4, 1.5 and 1.6 are read",
		       SPAN_ARG(span_sub(raw, 0, 40)));
}

static int components_read(struct cyclonedx *c, struct span raw)
{
	int rc = sbom_once(c->r, &c->seen_components, "components");
	return rc ? rc : json_raw_elements(raw, c->r->doc, component_visit, c->r, c->r->err);
}

static int format_take(struct cyclonedx *c, struct span raw)
{
	c->is_bom = span_eq_text(sbom_raw_string(raw), "CycloneDX");
	return sbom_once(c->r, &c->seen_format, "bomFormat");
}

static int member_visit(struct span key, struct span value, void *data)
{
	struct cyclonedx *c = data;
	if (span_eq_text(key, "bomFormat"))
		return format_take(c, value);
	else if (span_eq_text(key, "specVersion"))
		return version_take(c, value);
	else if (span_eq_text(key, "metadata"))
		return metadata_read(c, value);
	else if (span_eq_text(key, "components"))
		return components_read(c, value);
	return 0;
}

int sbom_read_cyclonedx(struct sbom_reading *r, struct span text)
{
	struct cyclonedx c = { .r = r };
	int rc = json_raw_members(text, member_visit, &c, r->err);
	if (rc)
		return rc;
	if (!c.is_bom || !r->sbom->facts.layout[0])
		return err_set(r->err, RF_EFORMAT,
			       "no bill of materials: bomFormat \"CycloneDX\" with a specVersion, or spdxVersion, is missing");
	return 0;
}
