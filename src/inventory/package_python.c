/*
 * Installed Python distributions: NAME.dist-info/METADATA, NAME.egg-info/PKG-INFO, and distutils' NAME.egg-info files
 * (packaging.python.org, "Recording installed projects", "Core metadata": header fields as in mail, up to a blank line).
 * The folder's name carries name and version, too: both are statements, and must agree.
 */
#include "inventory/package_int.h"

static bool is_metadata_path(const struct artifact_reading *r)
{
	struct span folder = package_folder(r->path);
	return (span_eq_text(r->name, "METADATA") && span_ends(folder, ".dist-info")) ||
	       (span_eq_text(r->name, "PKG-INFO") &&
		(span_ends(folder, ".egg-info") || span_eq_text(folder, "EGG-INFO"))) ||
	       span_ends(r->name, ".egg-info");
}

/* The path decides: an installer reads what lies there, however it begins. */
static bool python_sniff(const struct artifact_reading *r)
{
	return is_metadata_path(r) && r->src->size;
}

static void field_keep(struct artifact_reading *r, char **to, struct span value, const char *name)
{
	if (*to && !span_eq_text(value, *to))
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "field_stated_twice",
				"%s is stated twice, differently: \"%.60s\" and \"%.*s\"", name, *to,
				SPAN_ARG(span_sub(value, 0, 60)));
	if (!*to && !(*to = arena_text(r->a, value)))
		r->failed = RF_ENOMEM;
}

/* "tensorrt_cu12-10.13.3.9.dist-info": only this form is exact; an .egg-info's folder may carry more (-py3.10). */
static void folder_compare(struct artifact_reading *r, const char *version)
{
	struct span folder = package_folder(r->path);
	size_t hyphen = span_rfind_byte(folder, '-');
	if (!version || !span_ends(folder, ".dist-info") || span_find_byte(folder, '-') == SIZE_MAX)
		return;
	folder.n -= strlen(".dist-info");
	hyphen = span_rfind_byte(folder, '-');
	if (hyphen == SIZE_MAX)
		return;
	const struct scheme *pep440 = scheme_find(SPAN("pep440"));
	struct span named = span_from(folder, hyphen + 1);
	if (version_compare(pep440, named, span_of(version)) == VERSION_EQUAL || span_eq_text(named, version))
		return;
	artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "folder_mismatch",
			"the folder says version %.*s, the metadata in it %.60s", SPAN_ARG(span_sub(named, 0, 60)),
			version);
}

static int python_read(struct artifact_reading *r)
{
	struct package_lines lines = package_lines(r);
	struct span line, value;
	char *name = NULL, *version = NULL;
	r->facts->kind = ARTIFACT_PYTHON_PACKAGE;
	r->facts->layout = span_eq_text(r->name, "METADATA") ? "dist-info" : "egg-info";
	bool any = false;
	while (package_line(&lines, &line) && (line.n || !any)) {
		if (!any && span_starts(line, "\xef\xbb\xbf"))
			line = span_from(line, 3);
		if (!line.n || line.p[0] == ' ' || line.p[0] == '\t' || line.p[0] == '#')
			continue;
		any = true;
		if (package_field(line, "Name", &value))
			field_keep(r, &name, value, "Name");
		else if (package_field(line, "Version", &value))
			field_keep(r, &version, value, "Version");
	}
	if (r->failed)
		return r->failed;
	folder_compare(r, version);
	return package_is(r, &(struct purl){ .type = SPAN("pypi"), .name = span_of(name), .version = span_of(version) },
			  r->facts->layout);
}

const struct artifact_format artifact_format_python = {
	.name = "python", .sniff = python_sniff, .read = python_read
};
