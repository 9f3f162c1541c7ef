/*
 * apk's database, lib/apk/db/installed (usr/lib/apk/db/installed): one letter, a colon, the value; a blank line ends a package
 * (Alpine's wiki, "Apk spec"). P name, V version; everything in it is installed.
 */
#include "inventory/package_int.h"

/* The package that lays out a distribution's file system. */
static const struct {
	const char *package, *distribution;
} layouts[] = {
	{ "alpine-baselayout", "alpine" },
	{ "wolfi-baselayout", "wolfi" },
	{ "chainguard-baselayout", "chainguard" },
};

static bool apk_sniff(const struct artifact_reading *r)
{
	struct span h = r->head;
	if (package_path_ends(r->path, "lib/apk/db/installed") && r->src->size)
		return true;
	return span_eq_text(r->name, "installed") && (span_starts(h, "C:") || span_starts(h, "P:"));
}

static int apk_read(struct artifact_reading *r)
{
	struct package_list list = package_list(r, "apk");
	struct package_lines lines = package_lines(r);
	struct span line, value;
	struct package_text name = { 0 }, version = { 0 };
	bool any = false;
	r->facts->kind = ARTIFACT_PACKAGE_DATABASE;
	r->facts->layout = "apk";
	for (bool more = true; more && !r->failed;) {
		more = package_line(&lines, &line);
		if (more && line.n) {
			any = true;
			if (package_field(line, "P", &value) && line.p[0] == 'P' && !name.there)
				package_text_set(&name, value);
			else if (package_field(line, "V", &value) && line.p[0] == 'V' && !version.there)
				package_text_set(&version, value);
			continue;
		}
		if (any)
			package_list_add(&list, &(struct purl){ .type = SPAN("apk"),
								.name = package_text_span(&name),
								.version = package_text_span(&version) });
		name = version = (struct package_text){ 0 };
		any = false;
	}
	struct span distribution = SPAN_NONE;
	for (size_t i = 0; i < RF_COUNT(layouts) && !distribution.n; i++)
		if (package_list_has(&list, layouts[i].package))
			distribution = span_of(layouts[i].distribution);
	return r->failed ? r->failed : package_list_end(&list, distribution);
}

const struct artifact_format artifact_format_apk = { .name = "apk", .sniff = apk_sniff, .read = apk_read };
