/*
 * OpenVEX 0.2.0: a statement for each product of an advisory. A range is the "vers" qualifier of the product's purl
 * (purl-spec), since OpenVEX has no ranges of its own.
 */
#include "advisory/advisory_write_int.h"

void advisory_openvex_begin(struct openvex_writer *w, const struct advisory_writing *how, struct str *to)
{
	*w = (struct openvex_writer){ .out = json_out(to, true), .how = how };
	struct json_out *o = &w->out;
	char now[TIME_TEXT_BYTES];
	json_object(o);
	json_member(o, "@context", "https://openvex.dev/ns/v0.2.0");
	json_member(o, "@id", how->id);
	json_member(o, "author", how->author);
	json_member(o, "timestamp", time_text(how->now, now));
	json_member_i64(o, "version", 1);
	json_member(o, "tooling", "reforge/" REFORGE_VERSION);
	json_key(o, "statements");
	json_array(o);
}

/* A qualifier's value: everything but unreserved characters and ':' in percent form (purl-spec, "character encoding").
 */
static void add_encoded(struct str *to, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
			     c == '.' || c == '_' || c == '~' || c == ':';
		if (plain)
			str_add_byte(to, (char)c);
		else
			str_addf(to, "%%%02X", c);
	}
}

/* "pkg:generic/nvidia/tensorrt?vers=vers:generic%2F%3C11.0"; the purl alone where every version is meant. */
static int product_id(struct arena *a, const struct written_product *p, struct str *to, struct err *err)
{
	RF_AUTO(str) vers = STR_INIT(1 * MIB);
	str_add_text(to, p->product->purl);
	if (!p->affected || p->not_affected)
		return 0;
	int rc = range_write_vers(a, p->affected, &vers, err);
	if (rc)
		return rc;
	str_add_text(to, "?vers=");
	add_encoded(to, str_span(&vers));
	return str_check(&vers, "version range", err);
}

static void write_vulnerability(struct json_out *o, const struct advisory *v)
{
	json_key(o, "vulnerability");
	json_object(o);
	json_member_span(o, "name", v->id);
	if (v->title.n)
		json_member_span(o, "description", v->title);
	if (v->alias_count) {
		json_key(o, "aliases");
		json_array(o);
		for (size_t i = 0; i < v->alias_count; i++)
			json_put_span(o, v->aliases[i]);
		json_array_end(o);
	}
	json_object_end(o);
}

static void write_action(struct json_out *o, const struct written_product *p)
{
	json_key(o, "action_statement");
	if (p->fixed.n)
		json_putf(o, "Update to a version that is fixed: %.*s%s%.*s", SPAN_ARG(p->fixed),
			  p->remedy.n ? ". " : "", SPAN_ARG(p->remedy));
	else if (p->remedy.n)
		json_put_span(o, p->remedy);
	else
		json_put_text(o, "No fixed version is named by any source");
}

static void write_statement(struct openvex_writer *w, const struct advisory *v, const struct written_product *p,
			    const char *status, struct span id)
{
	struct json_out *o = &w->out;
	char now[TIME_TEXT_BYTES];
	json_object(o);
	write_vulnerability(o, v);
	json_member(o, "timestamp", time_text(w->how->now, now));
	json_key(o, "products");
	json_array(o);
	json_object(o);
	json_member_span(o, "@id", id);
	json_object_end(o);
	json_array_end(o);
	json_member(o, "status", status);
	if (p->not_affected)
		json_member_span(o, "impact_statement", p->why.n ? p->why : SPAN("No source says that it is affected"));
	else if (p->affected)
		write_action(o, p);
	json_object_end(o);
	w->statements++;
}

int advisory_openvex_add(struct openvex_writer *w, struct arena *a, const struct stored_advisory *v, struct err *err)
{
	const struct advisory *record = written_record(v, w->how->highest);
	struct written_product *list;
	size_t n;
	if (!record)
		return err_set(err, RF_EDENIED, "%.*s is marked above %s: it does not leave the house",
			       SPAN_ARG(v->advisory.id), tlp_name(w->how->highest));
	if (v->advisory.state != ADVISORY_PUBLISHED)
		return 0;
	struct advisory shown = *record;
	shown.id = v->advisory.id;
	int rc = written_products(a, v, w->how->highest, &list, &n, err);
	for (size_t i = 0; i < n && !rc; i++) {
		struct written_product *p = &list[i];
		RF_AUTO(str) id = STR_INIT(4 * MIB);
		if (p->affected && !p->affected->count && !p->unread)
			continue; /* a range that holds nothing is no statement */
		rc = product_id(a, p, &id, err);
		if (rc == RF_EUNREADABLE) {
			p->affected = NULL;
			p->unread = true;
			str_reset(&id);
			rc = product_id(a, p, &id, err);
		}
		if (!rc)
			rc = str_check(&id, "product of a statement", err);
		if (!rc && (p->not_affected || p->affected))
			write_statement(w, &shown, p, p->not_affected ? "not_affected" : "affected", str_span(&id));
		else if (!rc)
			write_statement(w, &shown, p, "under_investigation", str_span(&id));
	}
	return rc;
}

int advisory_openvex_end(struct openvex_writer *w, struct err *err)
{
	json_array_end(&w->out);
	json_object_end(&w->out);
	int rc = str_check(w->out.to, "OpenVEX document", err);
	if (!rc && !w->statements)
		return err_set(err, RF_ENOTFOUND,
			       "nothing to state: no advisory says anything about a product that may leave");
	return rc;
}
