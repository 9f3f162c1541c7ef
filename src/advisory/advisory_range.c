/* Ranges, lists of texts and severities between structures and stored JSON. */
#include "advisory/advisory_range.h"

#include "advisory/advisory.h"
#include "advisory/advisory_int.h"

static void write_interval(const struct range_interval *v, struct json_out *o)
{
	json_object(o);
	if (v->low.n)
		json_member_span(o, "low", v->low);
	if (v->high.n)
		json_member_span(o, "high", v->high);
	if (v->low_exclusive)
		json_member_bool(o, "low_exclusive", true);
	if (v->high_inclusive)
		json_member_bool(o, "high_inclusive", true);
	if (v->exact)
		json_member_bool(o, "exact", true);
	json_object_end(o);
}

void advisory_range_write(const struct range *r, struct str *to)
{
	struct json_out o = json_out(to, false);
	if (!r) {
		json_put_null(&o);
		return;
	}
	json_object(&o);
	json_member_bool(&o, "readable", r->readable);
	json_member_bool(&o, "conservative", r->conservative);
	json_member(&o, "rule", r->rule);
	json_member(&o, "scheme", r->scheme->name);
	if (r->scope.platform.n)
		json_member_span(&o, "platform", r->scope.platform);
	if (r->scope.branch.n)
		json_member_span(&o, "branch", r->scope.branch);
	if (r->note.n)
		json_member_span(&o, "note", r->note);
	if (r->conflict)
		json_member_bool(&o, "conflict", true);
	json_key(&o, "intervals");
	json_array(&o);
	for (size_t i = 0; i < r->count; i++)
		write_interval(&r->intervals[i], &o);
	json_array_end(&o);
	json_object_end(&o);
}

static bool flag(struct json v, const char *key)
{
	bool b = false;
	return json_bool(json_get(v, key), &b) && b;
}

static int copy_text(struct arena *a, struct json v, struct span *ret, struct err *err)
{
	struct span s = json_string(v);
	*ret = s.n ? arena_span(a, s) : SPAN_NONE;
	return s.n && !ret->p ? err_set(err, RF_ENOMEM, "stored advisory") : 0;
}

int advisory_range_read(struct arena *a, struct json_doc *doc, const struct scheme *scheme, struct span text,
			struct range **ret, struct err *err)
{
	struct json root;
	struct span rule;
	int rc = json_parse(doc, text, &root, err);
	if (rc)
		return rc;
	if (json_kind(root) == JSON_NULL) {
		*ret = NULL;
		return 0;
	}
	/* commits and driver branches are of other schemes than the product's */
	const struct scheme *own = scheme_find(json_string(json_get(root, "scheme")));
	struct range *r = range_new(a, own ? own : scheme, "");
	if (!r)
		return err_set(err, RF_ENOMEM, "version range");
	rc = copy_text(a, json_get(root, "rule"), &rule, err);
	if (!rc)
		rc = copy_text(a, json_get(root, "platform"), &r->scope.platform, err);
	if (!rc)
		rc = copy_text(a, json_get(root, "branch"), &r->scope.branch, err);
	if (!rc)
		rc = copy_text(a, json_get(root, "note"), &r->note, err);
	r->conflict = flag(root, "conflict");
	for (struct json_each it = json_each(json_get(root, "intervals")); !rc && json_next(&it);) {
		struct range_interval v = { .low_exclusive = flag(it.value, "low_exclusive"),
					    .high_inclusive = flag(it.value, "high_inclusive"),
					    .exact = flag(it.value, "exact") };
		rc = copy_text(a, json_get(it.value, "low"), &v.low, err);
		if (!rc)
			rc = copy_text(a, json_get(it.value, "high"), &v.high, err);
		if (!rc)
			rc = range_add(a, r, &v, err);
	}
	/* range_add() has looked at the bounds; what was unread when stored stays unread */
	r->readable &= flag(root, "readable");
	r->conservative = flag(root, "conservative");
	r->rule = !rc && rule.n ? rule.p : "";
	if (!rc)
		*ret = r;
	return rc;
}

void advisory_texts_write(const struct span *texts, size_t n, struct str *to)
{
	struct json_out o = json_out(to, false);
	json_array(&o);
	for (size_t i = 0; i < n; i++)
		json_put_span(&o, texts[i]);
	json_array_end(&o);
}

int advisory_texts_read(struct arena *a, struct json_doc *doc, struct span text, struct span **ret, size_t *ret_count,
			struct err *err)
{
	struct json root;
	int rc = json_parse(doc, text, &root, err);
	if (rc)
		return rc;
	size_t n = json_count(root), i = 0;
	struct span *list = arena_array(a, n + 1, sizeof *list);
	if (!list)
		return err_set(err, RF_ENOMEM, "list of texts");
	for (struct json_each it = json_each(root); !rc && i < n && json_next(&it);)
		rc = copy_text(a, it.value, &list[i++], err);
	if (!rc) {
		*ret = list;
		*ret_count = i;
	}
	return rc;
}

void advisory_severities_write(const struct advisory_severity *s, size_t n, struct str *to)
{
	struct json_out o = json_out(to, false);
	json_array(&o);
	for (size_t i = 0; i < n; i++) {
		json_object(&o);
		json_member_span(&o, "source", s[i].source);
		json_member_span(&o, "type", s[i].type);
		json_member_span(&o, "vector", s[i].vector);
		json_member_double(&o, "score", s[i].score);
		json_member_span(&o, "rating", s[i].rating);
		json_object_end(&o);
	}
	json_array_end(&o);
}

int advisory_severities_read(struct arena *a, struct json_doc *doc, struct span text, struct advisory_severity **ret,
			     size_t *ret_count, struct err *err)
{
	struct json root;
	int rc = json_parse(doc, text, &root, err);
	if (rc)
		return rc;
	size_t n = json_count(root), i = 0;
	struct advisory_severity *list = arena_array(a, n + 1, sizeof *list);
	if (!list)
		return err_set(err, RF_ENOMEM, "severities");
	for (struct json_each it = json_each(root); !rc && i < n && json_next(&it); i++) {
		struct advisory_severity *s = &list[i];
		s->score = -1;
		(void)json_double(json_get(it.value, "score"), &s->score);
		rc = copy_text(a, json_get(it.value, "source"), &s->source, err);
		if (!rc)
			rc = copy_text(a, json_get(it.value, "type"), &s->type, err);
		if (!rc)
			rc = copy_text(a, json_get(it.value, "vector"), &s->vector, err);
		if (!rc)
			rc = copy_text(a, json_get(it.value, "rating"), &s->rating, err);
		if (!rc)
			advisory_settle_score(s);
	}
	if (!rc) {
		*ret = list;
		*ret_count = i;
	}
	return rc;
}
