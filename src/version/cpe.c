/* CPE names, 2.3 and 2.2. */
#include "version/cpe.h"

bool cpe_is_any(struct span value)
{
	return value.n == 1 && value.p[0] == '*';
}

bool cpe_is_na(struct span value)
{
	return value.n == 1 && value.p[0] == '-';
}

/* The next attribute: up to a colon that no backslash stands before. */
static bool next_attribute(struct span *rest, struct span *ret)
{
	if (!rest->p)
		return false;
	size_t i = 0;
	while (i < rest->n && rest->p[i] != ':')
		i += rest->p[i] == '\\' && i + 1 < rest->n ? 2 : 1;
	*ret = span_sub(*rest, 0, i);
	*rest = i < rest->n ? span_from(*rest, i + 1) : SPAN_NONE;
	return true;
}

static bool is_part(struct span s)
{
	return s.n == 1 && (s.p[0] == 'a' || s.p[0] == 'h' || s.p[0] == 'o' || s.p[0] == '*' || s.p[0] == '-');
}

int cpe_read(struct span text, struct cpe *ret, struct err *err)
{
	struct cpe c;
	bool uri = span_starts_nocase(text, "cpe:/");
	if (text.n > CPE_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "a CPE name has at most %d bytes", CPE_MAX_BYTES);
	if (!uri && !span_starts_nocase(text, "cpe:2.3:"))
		return err_set(err, RF_EFORMAT, "a CPE name begins with cpe:2.3: or cpe:/");
	struct span rest = span_from(text, uri ? 5 : 8);
	for (size_t i = 0; i < CPE_ATTRIBUTES; i++) {
		bool there = next_attribute(&rest, &c.at[i]);
		if (!there && !uri)
			return err_set(err, RF_EFORMAT,
				       "a CPE 2.3 name has 11 attributes, this has %zu (NISTIR 7695, 6.2.1)", i);
		if (there && !c.at[i].n && !uri)
			return err_set(err, RF_EFORMAT, "attribute %zu of a CPE 2.3 name is empty (NISTIR 7695, 6.2.1)",
				       i + 1);
		if (!there || !c.at[i].n)
			c.at[i] = SPAN("*");
	}
	if (rest.p)
		return err_set(err, RF_EFORMAT, "a CPE 2.3 name has 11 attributes, this has more (NISTIR 7695, 6.2.1)");
	if (!is_part(c.at[CPE_PART]))
		return err_set(err, RF_EFORMAT, "the part of a CPE name is a, o or h (NISTIR 7695, 5.3.3.1)");
	*ret = c;
	return 0;
}

struct span cpe_plain(struct span value, char *buffer, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < value.n && n + 1 < size; i++) {
		if (value.p[i] == '\\' && i + 1 < value.n)
			i++;
		buffer[n++] = value.p[i];
	}
	buffer[n] = '\0';
	return (struct span){ buffer, n };
}

static bool same_letter(char a, char b)
{
	return span_eq_nocase((struct span){ &a, 1 }, (struct span){ &b, 1 });
}

/* One character, perhaps escaped, at the front: its bytes. */
static size_t unit(struct span s)
{
	return s.n > 1 && s.p[0] == '\\' ? 2 : s.n ? 1 : 0;
}

/* Both without wildcards at the front of @pattern: equal up to where @pattern's tail may be "*" or "?"s. */
static bool covers_from(struct span pattern, struct span value)
{
	while (pattern.n) {
		size_t p = unit(pattern), v = unit(value);
		if (p == 1 && pattern.p[0] == '*' && pattern.n == 1)
			return true;
		if (p == 1 && pattern.p[0] == '?') {
			value = span_from(value, v); /* a "?" stands for one character or none at the end (7696, 6.3) */
		} else if (!v || !same_letter(pattern.p[p - 1], value.p[v - 1])) {
			return false;
		} else {
			value = span_from(value, v);
		}
		pattern = span_from(pattern, p);
	}
	return !value.n;
}

bool cpe_covers(struct span pattern, struct span value)
{
	if (cpe_is_any(pattern))
		return true;
	if (cpe_is_any(value) || cpe_is_na(pattern) || cpe_is_na(value))
		return cpe_is_na(pattern) && cpe_is_na(value);
	if (pattern.p[0] != '*')
		return covers_from(pattern, value);
	struct span rest = span_from(pattern, 1);
	for (size_t i = 0; i <= value.n; i += RF_MAX(unit(span_from(value, i)), (size_t)1))
		if (covers_from(rest, span_from(value, i)))
			return true;
	return false;
}

bool cpe_matches(const struct cpe *pattern, const struct cpe *name)
{
	for (size_t i = 0; i < CPE_ATTRIBUTES; i++)
		if (!cpe_covers(pattern->at[i], name->at[i]))
			return false;
	return true;
}

const struct product *cpe_product(const struct cpe *cpe)
{
	char vendor[128], product[128];
	return product_by_cpe(cpe_plain(cpe->at[CPE_VENDOR], vendor, sizeof vendor),
			      cpe_plain(cpe->at[CPE_PRODUCT], product, sizeof product));
}
