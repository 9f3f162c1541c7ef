/* Which VEX statements count. The rules stand in vex.h. */
#include "exposure/vex.h"

const char *vex_status_name(enum vex_status s)
{
	static const char *const names[] = { "not_affected", "fixed", "under_investigation", "affected" };
	return (size_t)s < RF_COUNT(names) ? names[s] : "affected";
}

int vex_policy_of(struct arena *a, const struct workspace_vex *w, struct vex_policy *ret, struct err *err)
{
	struct vex_trusted *list = arena_array(a, w->trusted_n + 1, sizeof *list);
	if (!list)
		return err_set(err, RF_ENOMEM, "trusted authors of VEX");
	for (size_t i = 0; i < w->trusted_n; i++)
		list[i] = (struct vex_trusted){ span_of(w->trusted[i].author), span_of(w->trusted[i].feed) };
	*ret = (struct vex_policy){ list, w->trusted_n, w->max_age_usec };
	return 0;
}

/* ── From the merged advisory ────────────────────────────────────────────────────────────────────────────────────── */

/* OpenVEX's four, as advisory_openvex.c keeps them: an author who is still looking gives a range that holds nothing for
 * sure, "fixed" needs no justification. */
static enum vex_status status_of(const struct advisory_statement *s)
{
	if (s->status == STATEMENT_AFFECTED)
		return s->range && s->range->readable ? VEX_AFFECTED : VEX_UNDER_INVESTIGATION;
	return s->fixed_count || (!s->justification.n && !s->review) ? VEX_FIXED : VEX_NOT_AFFECTED;
}

static bool is_vex(const struct stored_advisory *v, size_t i)
{
	const struct advisory_origin *o = &v->origins[i];
	return v->advisory.statements[i].product && span_eq_text(o->format, "openvex") &&
	       o->record_state == ADVISORY_PUBLISHED;
}

int vex_of(struct arena *a, const struct stored_advisory *v, struct vex_statement **ret, size_t *ret_count,
	   struct err *err)
{
	size_t n = 0;
	for (size_t i = 0; i < v->advisory.statement_count; i++)
		n += is_vex(v, i);
	if (n > VEX_MAX_STATEMENTS)
		return err_set(err, RF_ETOOMANY, "more than %d VEX statements on %.*s", VEX_MAX_STATEMENTS,
			       SPAN_ARG(v->advisory.id));
	struct vex_statement *list = arena_array(a, n + 1, sizeof *list);
	if (!list)
		return err_set(err, RF_ENOMEM, "VEX statements");
	n = 0;
	for (size_t i = 0; i < v->advisory.statement_count; i++) {
		const struct advisory_statement *s = &v->advisory.statements[i];
		const struct advisory_origin *o = &v->origins[i];
		if (!is_vex(v, i))
			continue;
		list[n++] = (struct vex_statement){ .advisory = v->advisory.id,
						    .status = status_of(s),
						    .author = s->source,
						    .feed = o->feed,
						    .product = span_of(s->product->purl),
						    .range = s->range,
						    .narrowed = s->platform.n != 0,
						    .justification = s->justification,
						    .timestamp = s->stated ? s->stated : o->record_modified,
						    .document = o->document_id,
						    .document_digest = o->document_digest };
	}
	*ret = list;
	*ret_count = n;
	return 0;
}

/* ── Asking ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

usec_t vex_expires(const struct vex_policy *policy, const struct vex_statement *s)
{
	return s->timestamp == USEC_NONE ? USEC_NONE : s->timestamp + policy->max_age_usec;
}

static bool is_trusted(const struct vex_policy *policy, const struct vex_statement *s)
{
	for (size_t i = 0; i < policy->trusted_count; i++)
		if (span_eq(policy->trusted[i].author, s->author) &&
		    (!policy->trusted[i].feed.n || span_eq(policy->trusted[i].feed, s->feed)))
			return true;
	return false;
}

static bool excuses(const struct vex_statement *s)
{
	return s->status == VEX_NOT_AFFECTED || s->status == VEX_FIXED;
}

/* What excuses must hold the version for sure; what takes back may. */
static bool is_about(const struct vex_statement *s, const struct found *f)
{
	if (!f->purl.n || !span_eq(s->advisory, f->advisory) || !span_eq(s->product, f->purl))
		return false;
	enum range_answer answer =
		s->range && s->range->readable && f->version.n ? range_contains(s->range, f->version) : RANGE_UNSURE;
	return excuses(s) ? answer == RANGE_IN && !s->narrowed : answer != RANGE_OUT;
}

static bool newer(const struct vex_statement *s, const struct vex_statement *than)
{
	return s->timestamp != than->timestamp ? s->timestamp > than->timestamp : s->status > than->status;
}

const struct vex_statement *vex_find(const struct vex_policy *policy, const struct vex_statement *list, size_t count,
				     const struct found *f, usec_t now)
{
	const struct vex_statement *best = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct vex_statement *s = &list[i];
		if (s->timestamp == USEC_NONE || s->timestamp > now || !is_about(s, f) || !is_trusted(policy, s))
			continue;
		if (!best || newer(s, best))
			best = s;
	}
	if (!best || !excuses(best) || vex_expires(policy, best) <= now)
		return NULL;
	return best->status == VEX_NOT_AFFECTED && !span_trim(best->justification).n ? NULL : best;
}

/* ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

void vex_words(const struct vex_policy *policy, const struct vex_statement *s, struct str *to)
{
	char said[TIME_TEXT_BYTES], until[TIME_TEXT_BYTES];
	str_add_text(to, "VEX of ");
	str_add_visible(to, s->author);
	str_addf(to, ": %s", vex_status_name(s->status));
	if (s->justification.n) {
		str_add_text(to, ", ");
		str_add_visible(to, span_sub(s->justification, 0, 300));
	}
	str_addf(to, ", %s, until %s", time_text_date(s->timestamp, said),
		 time_text_date(vex_expires(policy, s), until));
}

void vex_json(const struct vex_policy *policy, const struct vex_statement *s, struct json_out *o)
{
	json_object(o);
	json_member_span(o, "author", s->author);
	json_member(o, "status", vex_status_name(s->status));
	json_member_span(o, "justification", s->justification);
	json_member_time(o, "timestamp", s->timestamp);
	json_member_time(o, "expires", vex_expires(policy, s));
	json_member_span(o, "document", s->document);
	json_object_end(o);
}
