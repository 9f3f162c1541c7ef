/*
 * Installed npm packages: node_modules/NAME/package.json and node_modules/@SCOPE/NAME/package.json (docs.npmjs.com,
 * "package.json", "folders"). Those deeper inside a package are its own affair. An alias (npm:onnxruntime-node@1.20.1
 * installed as "ort") is told by what the file says, not by the folder.
 */
#include "format/json.h"
#include "inventory/package_int.h"

#define NPM_MAX_BYTES (1 * MIB)

static bool npm_sniff(const struct artifact_reading *r)
{
	if (!span_eq_text(r->name, "package.json"))
		return false;
	struct span above = package_parent(r->path); /* .../node_modules/NAME */
	struct span holder = package_folder(above);
	if (span_starts(holder, "@"))
		holder = package_folder(package_parent(above));
	return span_eq_text(holder, "node_modules");
}

/* The text of a member. Node takes the last of those given twice, other readers the first. */
static struct span member_text(struct artifact_reading *r, struct json root, const char *key)
{
	struct span first = json_string(json_get(root, key));
	for (struct json_each it = json_each(root); json_next(&it);) {
		struct span text = json_string(it.value);
		if (span_eq_text(it.key, key) && !span_eq(text, first)) {
			artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "field_stated_twice",
					"%s is stated twice, differently: \"%.*s\" and \"%.*s\"", key,
					SPAN_ARG(span_sub(first, 0, 60)), SPAN_ARG(span_sub(text, 0, 60)));
			break;
		}
	}
	return first;
}

static int package_read(struct artifact_reading *r, struct json root)
{
	struct span name = member_text(r, root, "name"), version = member_text(r, root, "version");
	struct purl p = { .type = SPAN("npm"), .name = name, .version = version };
	size_t slash = span_find_byte(name, '/');
	if (span_starts(name, "@") && slash != SIZE_MAX) {
		p.namespace_ = span_sub(name, 0, slash);
		p.name = span_from(name, slash + 1);
	}
	return package_is(r, &p, "npm");
}

static int npm_read(struct artifact_reading *r)
{
	struct err err = ERR_INIT;
	struct json root;
	r->facts->kind = ARTIFACT_NPM_PACKAGE;
	r->facts->layout = "package.json";
	struct span text = package_whole(r, NPM_MAX_BYTES);
	if (!text.p)
		return r->failed;
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	int rc = doc ? json_parse(doc, text, &root, &err) : RF_ENOMEM;
	if (rc == RF_ENOMEM)
		return r->failed = rc;
	if (rc < 0) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "json_malformed", "package.json: %s",
				err.text);
		return 0;
	}
	return package_read(r, root);
}

const struct artifact_format artifact_format_npm = { .name = "npm", .sniff = npm_sniff, .read = npm_read };
