/* The product table and its look-ups: whole names in their canonical form, by binary search. */
#include "version/product.h"

struct alias {
	enum product_alias_kind kind;
	const char *text;
	size_t product;
};

#include "version/products.inc"

/* The longest name looked up; a purl with its namespace may take this much. */
#define NAME_MAX_BYTES 512

const char *engine_affecting_name(enum engine_affecting e)
{
	return e == ENGINE_AFFECTING_YES ? "yes" : e == ENGINE_AFFECTING_NO ? "no" : "unknown";
}

bool engine_affecting_read(struct span text, enum engine_affecting *ret)
{
	for (enum engine_affecting e = ENGINE_AFFECTING_UNKNOWN; e <= ENGINE_AFFECTING_NO; e++)
		if (span_eq_text(text, engine_affecting_name(e))) {
			*ret = e;
			return true;
		}
	return false;
}

size_t product_count(void)
{
	return RF_COUNT(products);
}

const struct product *product_at(size_t i)
{
	return &products[i];
}

const struct scheme *product_scheme(const struct product *p)
{
	const struct scheme *s = scheme_find(span_of(p->scheme_name));
	return s ? s : scheme_find(SPAN("plain"));
}

static int alias_compare(const struct alias *a, enum product_alias_kind kind, struct span text)
{
	if (a->kind != kind)
		return a->kind < kind ? -1 : 1;
	struct span s = span_of(a->text);
	int c = memcmp(s.p, text.p, RF_MIN(s.n, text.n));
	return c ? c : s.n < text.n ? -1 : s.n > text.n;
}

static const struct product *find(enum product_alias_kind kind, struct span text)
{
	size_t low = 0, high = RF_COUNT(aliases);
	while (text.n && low < high) {
		size_t middle = low + (high - low) / 2;
		int c = alias_compare(&aliases[middle], kind, text);
		if (!c)
			return &products[aliases[middle].product];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Python's rule (PEP 503): runs of - _ . are one dash, case does not matter. */
static size_t normal_pypi(struct span name, char *to)
{
	size_t n = 0;
	for (size_t i = 0; i < name.n; i++) {
		bool dash = name.p[i] == '-' || name.p[i] == '_' || name.p[i] == '.';
		if (dash && n && to[n - 1] == '-')
			continue;
		to[n++] = dash ? '-' : lower(name.p[i]);
	}
	return n;
}

/* Types whose names know no case (purl-spec, PURL-TYPES). */
static bool type_is_caseless(struct span type)
{
	static const char *const types[] = { "github", "deb", "golang", "bitbucket" };
	for (size_t i = 0; i < RF_COUNT(types); i++)
		if (span_eq_text(type, types[i]))
			return true;
	return false;
}

/* Types whose namespace is the distribution that packs, not the maker: one libnvinfer10, whoever packs it. */
static bool type_is_of_distributions(struct span type)
{
	return span_eq_text(type, "deb") || span_eq_text(type, "rpm") || span_eq_text(type, "apk");
}

/* "pkg:type/ns/name" with its name made canonical; NULL when it is too long. */
static const struct product *find_purl(const struct purl *p)
{
	char text[NAME_MAX_BYTES], name[NAME_MAX_BYTES];
	if (p->type.n + p->namespace_.n + p->name.n + 8 > NAME_MAX_BYTES)
		return NULL;
	int n = snprintf(name, sizeof name, "%.*s%s%.*s", SPAN_ARG(p->namespace_), p->namespace_.n ? "/" : "",
			 SPAN_ARG(p->name));
	struct span whole = { name, (size_t)n };
	if (span_eq_text(p->type, "pypi"))
		whole.n = normal_pypi(whole, name);
	else if (type_is_caseless(p->type))
		for (size_t i = 0; i < whole.n; i++)
			name[i] = lower(name[i]);
	n = snprintf(text, sizeof text, "pkg:%.*s/%.*s", SPAN_ARG(p->type), SPAN_ARG(whole));
	const struct product *found = find(PRODUCT_ALIAS_PURL, (struct span){ text, (size_t)n });
	if (found || !p->namespace_.n || !type_is_of_distributions(p->type))
		return found;
	struct purl unpacked = *p;
	unpacked.namespace_ = SPAN_NONE;
	return find_purl(&unpacked);
}

int product_find(struct span purl, const struct product **ret, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(16 * KIB);
	struct purl p;
	int rc = purl_read(&a, purl, &p, NULL);
	if (rc == RF_ENOMEM)
		return err_set(err, rc, "no memory to read a package URL");
	*ret = rc ? NULL : find_purl(&p);
	return 0;
}

const struct product *product_by_purl(struct span purl)
{
	const struct product *product = NULL;
	return product_find(purl, &product, NULL) ? NULL : product;
}

const struct product *product_by_package(const struct purl *p)
{
	return find_purl(p);
}

const struct product *product_by_csaf_name(struct span name)
{
	char text[NAME_MAX_BYTES];
	size_t n = 0;
	name = span_trim(name);
	if (name.n > sizeof text)
		return NULL;
	for (size_t i = 0; i < name.n; i++) {
		bool blank = name.p[i] == ' ' || name.p[i] == '\t';
		if (blank && text[n - 1] == ' ')
			continue;
		text[n++] = blank ? ' ' : lower(name.p[i]);
	}
	return find(PRODUCT_ALIAS_CSAF, (struct span){ text, n });
}

const struct product *product_by_osv(struct span ecosystem, struct span name)
{
	char text[NAME_MAX_BYTES], normal[NAME_MAX_BYTES];
	ecosystem = span_sub(ecosystem, 0, span_find_byte(ecosystem, ':'));
	if (ecosystem.n + name.n + 2 > sizeof text)
		return NULL;
	if (span_eq_text(ecosystem, "PyPI"))
		name = (struct span){ normal, normal_pypi(name, normal) };
	int n = snprintf(text, sizeof text, "%.*s/%.*s", SPAN_ARG(ecosystem), SPAN_ARG(name));
	return find(PRODUCT_ALIAS_OSV, (struct span){ text, (size_t)n });
}

const struct product *product_by_cpe(struct span vendor, struct span name)
{
	char text[NAME_MAX_BYTES];
	if (vendor.n + name.n + 2 > sizeof text)
		return NULL;
	size_t n = (size_t)snprintf(text, sizeof text, "%.*s:%.*s", SPAN_ARG(vendor), SPAN_ARG(name));
	for (size_t i = 0; i < n; i++)
		text[i] = lower(text[i]);
	return find(PRODUCT_ALIAS_CPE, (struct span){ text, n });
}

/* "pkg:generic/nvidia/tensorrt": nvidia */
static struct span purl_vendor(const struct product *p)
{
	struct span rest = span_of(p->purl), part = SPAN_NONE;
	for (int i = 0; i < 2; i++)
		if (!span_split(&rest, '/', &part))
			return SPAN_NONE;
	return part;
}

const struct product *product_by_vendor_name(struct span vendor, struct span name)
{
	vendor = span_trim(vendor);
	const struct product *p = product_by_csaf_name(name);
	if (!p || !vendor.n || span_eq_nocase(vendor, SPAN("n/a")))
		return p;
	struct span own = purl_vendor(p), first = span_sub(vendor, 0, span_find_byte(vendor, ' '));
	return span_eq_nocase(first, own) ? p : NULL;
}

struct span product_alias_next(const struct product *p, enum product_alias_kind kind, size_t *position)
{
	for (size_t i = *position; i < RF_COUNT(aliases); i++)
		if (aliases[i].kind == kind && &products[aliases[i].product] == p) {
			*position = i + 1;
			return span_of(aliases[i].text);
		}
	*position = RF_COUNT(aliases);
	return SPAN_NONE;
}

struct span product_alias(const struct product *p, enum product_alias_kind kind)
{
	size_t position = 0;
	return product_alias_next(p, kind, &position);
}

/* Shorter names occur in too many words. */
#define RESEMBLING_MIN 4

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The first alias of CSAF's kind that does not stand before @text. */
static size_t first_not_before(struct span text)
{
	size_t low = 0, high = RF_COUNT(aliases);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (alias_compare(&aliases[middle], PRODUCT_ALIAS_CSAF, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first alias, in the table's order, that @text begins with, whole words; SIZE_MAX for none. The table is sorted,
 * so they are those from the first four bytes on: a hundred thousand foreign names of a feed are looked at in no time.
 */
static size_t alias_at(struct span text)
{
	struct span head = span_sub(text, 0, RESEMBLING_MIN);
	if (head.n < RESEMBLING_MIN)
		return SIZE_MAX;
	for (size_t i = first_not_before(head); i < RF_COUNT(aliases); i++) {
		struct span alias = span_of(aliases[i].text);
		if (aliases[i].kind != PRODUCT_ALIAS_CSAF || alias.n < head.n || memcmp(alias.p, head.p, head.n) != 0)
			break;
		if (alias.n <= text.n && !memcmp(alias.p, text.p, alias.n) &&
		    (alias.n == text.n || !is_word_byte(text.p[alias.n])))
			return i;
	}
	return SIZE_MAX;
}

/* "nemo" is in "nemo 2 framework", not in "anemometer". */
const struct product *product_resembling(struct span name)
{
	char text[NAME_MAX_BYTES];
	size_t n = RF_MIN(name.n, sizeof text), first = SIZE_MAX;
	for (size_t i = 0; i < n; i++)
		text[i] = lower(name.p[i]);
	for (size_t i = 0; i < n; i++)
		if (!i || !is_word_byte(text[i - 1]))
			first = RF_MIN(first, alias_at((struct span){ text + i, n - i }));
	return first == SIZE_MAX ? NULL : &products[aliases[first].product];
}

const struct product *product_by_any(struct span text)
{
	if (span_starts(text, "pkg:"))
		return product_by_purl(text);
	for (size_t i = 0; i < RF_COUNT(products); i++)
		if (span_eq_nocase(span_trim(text), span_of(products[i].name)))
			return &products[i];
	return product_by_csaf_name(text);
}

/* "arch=arm64&platform=driveos" */
static enum platform_line line_of_qualifiers(struct span qualifiers)
{
	static const char *const keys[] = { "platform=", "distro=", "os=" };
	struct span one;
	while (qualifiers.n && span_split(&qualifiers, '&', &one))
		for (size_t i = 0; i < RF_COUNT(keys); i++)
			if (span_starts_nocase(one, keys[i]))
				return platform_line_of(span_from(one, strlen(keys[i])));
	return PLATFORM_ANY;
}

void component_on(struct component *c, enum platform_line line)
{
	bool apart = line != PLATFORM_ANY && c->product && (c->product->lines & 1u << line);
	c->line = apart ? line : PLATFORM_ANY;
}

int component_read(struct arena *a, struct span text, struct component *ret, struct err *err)
{
	struct purl p;
	int rc = purl_read(a, text, &p, err);
	if (rc)
		return rc;
	struct component c = { .product = find_purl(&p), .version = p.version };
	component_on(&c, line_of_qualifiers(p.qualifiers));
	if (c.product)
		c.purl = span_of(c.product->purl);
	else
		c.purl = span_of(arena_printf(a, "pkg:%.*s/%.*s%s%.*s", SPAN_ARG(p.type), SPAN_ARG(p.namespace_),
					      p.namespace_.n ? "/" : "", SPAN_ARG(p.name)));
	if (!c.purl.p)
		return err_set(err, RF_ENOMEM, "package URL");
	*ret = c;
	return 0;
}
