/*
 * OSV as YAML, as PyPA's advisory database keeps it: the same records, so they become JSON and go the way of all OSV.
 * Scalars become strings whatever they look like: 1.10 is a version, not a number.
 */
#include "advisory/advisory_int.h"
#include "format/yaml.h"

int advisory_osv_yaml_sniff(struct span bytes)
{
	static const char *const keys[] = { "id:",      "modified:", "affected:",      "aliases:",
					    "details:", "summary:",  "schema_version:" };
	struct span rest = span_starts(bytes, "\xef\xbb\xbf") ? span_from(bytes, 3) : bytes, line;
	unsigned seen = 0;
	while (span_line(&rest, &line))
		for (size_t i = 0; i < RF_COUNT(keys); i++)
			if (span_starts(line, keys[i]))
				seen |= 1u << i;
	/* id, and what else a record must have: modified, or what is affected */
	return (seen & 1) && (seen & 6) ? ((seen & 7) == 7 ? 90 : 60) : 0;
}

/* yaml.h bounds the depth */
static void write_node(const struct yaml_node *n, struct json_out *o)
{
	switch (yaml_kind(n)) {
	case YAML_MAPPING:
		json_object(o);
		for (size_t i = 0; i < yaml_count(n); i++) {
			json_key_span(o, yaml_scalar(yaml_key_at(n, i)));
			write_node(yaml_at(n, i), o);
		}
		json_object_end(o);
		break;
	case YAML_SEQUENCE:
		json_array(o);
		for (size_t i = 0; i < yaml_count(n); i++)
			write_node(yaml_at(n, i), o);
		json_array_end(o);
		break;
	case YAML_SCALAR:
		if (yaml_is_null(n))
			json_put_null(o);
		else
			json_put_span(o, yaml_scalar(n));
		break;
	case YAML_ABSENT:
		json_put_null(o);
		break;
	}
}

static int to_json(struct span bytes, struct str *to, struct err *err)
{
	__attribute__((cleanup(yaml_doc_freep))) struct yaml_doc *doc = NULL;
	struct json_out o = json_out(to, false);
	int rc = yaml_parse(bytes, NULL, &doc, err);
	if (rc)
		return rc;
	if (yaml_kind(yaml_root(doc)) != YAML_MAPPING)
		return err_set(err, RF_EFORMAT, "an OSV record is a mapping");
	write_node(yaml_root(doc), &o);
	return str_check(to, "OSV record of YAML", err);
}

int advisory_osv_yaml_parse(struct arena *a, const struct advisory_reading *how, struct span bytes,
			    struct advisory_document *ret, struct err *err)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *own = how->json ? NULL : json_doc_new();
	RF_AUTO(str) text = STR_INIT(2 * ADVISORY_MAX_BYTES);
	struct json root;
	int rc = how->json || own ? to_json(bytes, &text, err) : err_set(err, RF_ENOMEM, "JSON parser");
	if (!rc)
		rc = json_parse(how->json ? how->json : own, str_span(&text), &root, err);
	return rc ? rc : advisory_osv_parse(a, root, ret, err);
}
