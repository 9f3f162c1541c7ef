/* Names of packages to products, versions of packages to the maker's. See package.h. */
#include "inventory/package.h"

/* "1:" in front, as dpkg and rpm write epochs. */
static struct span without_epoch(struct span v)
{
	size_t colon = span_find_byte(v, ':');
	return colon != SIZE_MAX && span_is_digits(span_sub(v, 0, colon)) ? span_from(v, colon + 1) : v;
}

/* Debian policy 5.6.12, rpm's EVR: the revision stands behind the last hyphen. */
static struct span without_revision(struct span v)
{
	size_t hyphen = span_rfind_byte(v, '-');
	return hyphen != SIZE_MAX && hyphen > 0 ? span_sub(v, 0, hyphen) : v;
}

/* apk: "-r" and digits. */
static struct span without_apk_revision(struct span v)
{
	size_t hyphen = span_rfind_byte(v, '-');
	if (hyphen == SIZE_MAX || !span_starts(span_from(v, hyphen), "-r") || !span_is_digits(span_from(v, hyphen + 2)))
		return v;
	return span_sub(v, 0, hyphen);
}

/* A "~" is never cut off: what stands behind it comes before the version (10.0.0~rc1). */
static struct span without_repackaging(struct span v)
{
	return span_find_byte(v, '~') == SIZE_MAX ? span_sub(v, 0, span_find_byte(v, '+')) : v;
}

struct span package_upstream(const struct product *product, struct span type, struct span version)
{
	struct span v = version;
	if (span_eq_text(type, "deb") || span_eq_text(type, "rpm"))
		v = without_revision(without_epoch(v));
	else if (span_eq_text(type, "apk"))
		v = without_apk_revision(v);
	const struct scheme *scheme = product_scheme(product);
	struct span bare = without_repackaging(v);
	if (version_is_readable(scheme, bare))
		return bare;
	return version_is_readable(scheme, v) ? v : version;
}

/* PEP 503: what a name in a package URL of PyPI looks like. */
static struct span pypi_name(struct span name, char buffer[PACKAGE_TEXT_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool dash = c == '-' || c == '_' || c == '.';
		if (!dash || !n || buffer[n - 1] != '-')
			buffer[n++] = dash ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	return (struct span){ buffer, n };
}

static int own_purl(const struct purl *package, struct arena *a, struct span *ret)
{
	RF_AUTO(str) s = STR_INIT(8 * KIB);
	char buffer[PACKAGE_TEXT_MAX];
	struct purl p = *package;
	if (span_eq_text(p.type, "pypi"))
		p.name = pypi_name(p.name, buffer);
	purl_write(&s, &p);
	if (s.failed)
		return s.failed;
	*ret = arena_span(a, str_span(&s));
	return ret->p ? 0 : RF_ENOMEM;
}

int package_component(const struct purl *package, struct arena *a, struct package_component *ret, struct err *err)
{
	if (!package->name.n)
		return err_set(err, RF_EINVALID, "a package has a name");
	if (package->name.n > PACKAGE_TEXT_MAX || package->namespace_.n > PACKAGE_TEXT_MAX ||
	    package->version.n > PACKAGE_TEXT_MAX)
		return err_set(err, RF_ETOOBIG, "names and versions of packages have at most %d bytes",
			       PACKAGE_TEXT_MAX);
	struct package_component c = { .product = product_by_package(package), .version = package->version };
	int rc = 0;
	if (c.product) {
		c.purl = span_of(c.product->purl);
		c.version = package_upstream(c.product, package->type, package->version);
	} else {
		rc = own_purl(package, a, &c.purl);
	}
	if (rc < 0)
		return err_set(err, rc, "package URL");
	*ret = c;
	return 0;
}
