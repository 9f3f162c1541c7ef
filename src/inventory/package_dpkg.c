/*
 * dpkg's database: var/lib/dpkg/status, and the files of var/lib/dpkg/status.d of images that are put together without
 * dpkg. Paragraphs of fields, deb-control(5); the third word of Status is the state, dpkg-query(1).
 * Lines that begin with # are comments, which dpkg itself does not write.
 * A package that was removed and left its configuration behind (deinstall ok config-files) is not installed.
 */
#include "inventory/package_int.h"

struct dpkg_paragraph {
	struct package_text name, version, state, maintainer;
	bool any;
};

struct dpkg {
	struct artifact_reading *r;
	struct package_list list;
	struct dpkg_paragraph at;
	bool in_status_d;     /* no states there: what is listed is installed */
	char distribution[8]; /* "ubuntu", "debian": who maintains base-files */
};

static bool is_status_d(const struct artifact_reading *r)
{
	return span_eq_text(package_folder(r->path), "status.d");
}

/* Where dpkg itself reads it, it is its database, however it begins; sums lie beside the files of status.d. */
static bool is_in_place(const struct artifact_reading *r)
{
	if (is_status_d(r))
		return span_eq_text(package_folder(package_parent(r->path)), "dpkg") && !span_ends(r->name, ".md5sums");
	return package_path_ends(r->path, "lib/dpkg/status");
}

/* status-old and the copies of /var/backups say what was installed once: they are not read. */
static bool dpkg_sniff(const struct artifact_reading *r)
{
	if (is_in_place(r) && r->src->size)
		return true;
	return span_starts_nocase(r->head, "Package:") && (span_eq_text(r->name, "status") || is_status_d(r));
}

static void field_keep(struct dpkg *d, struct package_text *to, struct span value, const char *name)
{
	if (!to->there)
		package_text_set(to, value);
	else if (!span_eq(package_text_span(to), value))
		artifact_object(d->r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "field_stated_twice",
				"a paragraph states %s twice, differently: \"%.60s\" and \"%.*s\"", name, to->bytes,
				SPAN_ARG(span_sub(value, 0, 60)));
}

static void line_take(struct dpkg *d, struct span line)
{
	struct span value;
	d->at.any = true;
	if (package_field(line, "Package", &value))
		field_keep(d, &d->at.name, value, "Package");
	else if (package_field(line, "Version", &value))
		field_keep(d, &d->at.version, value, "Version");
	else if (package_field(line, "Status", &value))
		field_keep(d, &d->at.state, value, "Status");
	else if (package_field(line, "Maintainer", &value))
		field_keep(d, &d->at.maintainer, value, "Maintainer");
	else if (span_find_byte(line, ':') == SIZE_MAX)
		artifact_object(d->r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "field_malformed",
				"a line that is no field (deb-control: \"Name: value\"): \"%.*s\"",
				SPAN_ARG(span_sub(line, 0, 60)));
}

/* "install ok installed": is its content on the disk? Half installed is there in part, so it counts. */
static bool is_installed(struct dpkg *d)
{
	static const char *const absent[] = { "not-installed", "config-files" };
	if (!d->at.state.there)
		return d->in_status_d;
	struct span state = package_text_span(&d->at.state);
	size_t blank = span_rfind_byte(state, ' ');
	state = blank == SIZE_MAX ? state : span_from(state, blank + 1);
	for (size_t i = 0; i < RF_COUNT(absent); i++)
		if (span_eq_text(state, absent[i]))
			return false;
	return true;
}

static void distribution_of(struct dpkg *d)
{
	if (strcmp(d->at.name.bytes, "base-files") != 0)
		return;
	static const char *const known[] = { "ubuntu", "debian" };
	for (size_t i = 0; i < RF_COUNT(known) && !d->distribution[0]; i++)
		if (strcasestr(d->at.maintainer.bytes, known[i]))
			memcpy(d->distribution, known[i], strlen(known[i]) + 1);
}

static void paragraph_end(struct dpkg *d)
{
	if (!d->at.any)
		return;
	bool untold = !d->at.state.there && !d->in_status_d && d->at.name.there;
	if (untold)
		artifact_object(d->r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "package_without_status",
				"package %.60s has no Status: whether it is installed cannot be told",
				d->at.name.bytes);
	distribution_of(d);
	if (is_installed(d) || untold)
		package_list_add(&d->list, &(struct purl){ .type = SPAN("deb"),
							   .name = package_text_span(&d->at.name),
							   .version = package_text_span(&d->at.version) });
	d->at = (struct dpkg_paragraph){ 0 };
}

static int dpkg_read(struct artifact_reading *r)
{
	struct dpkg d = { .r = r, .list = package_list(r, "dpkg"), .in_status_d = is_status_d(r) };
	struct package_lines lines = package_lines(r);
	struct span line;
	r->facts->kind = ARTIFACT_PACKAGE_DATABASE;
	r->facts->layout = "dpkg";
	while (package_line(&lines, &line)) {
		if (!line.n)
			paragraph_end(&d);
		else if (line.p[0] != ' ' && line.p[0] != '\t' && line.p[0] != '#') /* else it goes on with the field before */
			line_take(&d, line);
	}
	paragraph_end(&d);
	return r->failed ? r->failed : package_list_end(&d.list, span_of(d.distribution));
}

const struct artifact_format artifact_format_dpkg = { .name = "dpkg", .sniff = dpkg_sniff, .read = dpkg_read };
