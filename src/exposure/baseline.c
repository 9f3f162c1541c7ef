/* Debts in memory: found by key, compared with what was frozen. See baseline.h. */
#include "exposure/baseline.h"

/* ── Order ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int compare_items(const void *left, const void *right)
{
	const struct baseline_item *a = left, *b = right;
	int c = span_compare(a->advisory, b->advisory);
	return c || a->advisory.n ? c : span_compare(a->cause, b->cause);
}

/* By what tells whose debt it is (baseline.h); the component of a builder is only for people. */
static int compare_holders(const void *left, const void *right)
{
	const struct baseline_holder *a = left, *b = right;
	int c = (int)a->carrier - (int)b->carrier;
	if (!c)
		c = span_compare(a->digest, b->digest);
	if (!c && a->carrier != CARRIER_BUILDER)
		c = span_compare(a->purl, b->purl);
	if (!c && a->carrier != CARRIER_BUILDER)
		c = span_compare(a->version, b->version);
	if (!c)
		c = span_compare(a->service, b->service);
	return c ? c : span_compare(a->environment, b->environment);
}

void baseline_sort(struct baseline *b)
{
	if (b->holder_count)
		qsort(b->holders, b->holder_count, sizeof *b->holders, compare_holders);
	for (size_t i = 0; i < b->set_count; i++)
		if (b->sets[i].count)
			qsort(b->sets[i].items, b->sets[i].count, sizeof *b->sets[i].items, compare_items);
}

/* ── Asking ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct baseline_holder *find_holder(const struct baseline *b, const struct found *f)
{
	bool built = f->carrier == CARRIER_BUILDER;
	const struct baseline_holder key = { .service = f->service,
					     .environment = f->environment,
					     .carrier = f->carrier,
					     .digest = built ? f->digest : SPAN_NONE,
					     .purl = built ? SPAN_NONE : f->purl,
					     .version = built ? SPAN_NONE : f->version };
	if (!b->holder_count || (built ? !f->digest.n : !f->purl.n))
		return NULL;
	return bsearch(&key, b->holders, b->holder_count, sizeof key, compare_holders);
}

static const struct baseline_item *find_item(const struct baseline_set *set, const struct found *f)
{
	const struct baseline_item key = { .advisory = f->advisory, .cause = f->cause };
	return set->count ? bsearch(&key, set->items, set->count, sizeof key, compare_items) : NULL;
}

bool baseline_find(const struct baseline *b, const struct found *f, struct baseline_debt *ret)
{
	const struct baseline_holder *h = b->since == USEC_NONE ? NULL : find_holder(b, f);
	const struct baseline_item *item = h ? find_item(&b->sets[h->set], f) : NULL;
	if (!item)
		return false;
	*ret = (struct baseline_debt){ .advisory = item->advisory,
				       .carrier = h->carrier,
				       .service = h->service,
				       .environment = h->environment,
				       .digest = h->digest,
				       .purl = h->purl,
				       .version = h->version,
				       .owner = h->owner,
				       .since = b->since,
				       .due = b->due,
				       .item = item };
	return true;
}

bool baseline_worse(const struct baseline_item *item, const struct found *f, struct str *to)
{
	struct str none = STR_INIT(0);
	enum severity_rating then = severity_rating_of(item->severity), now = severity_rating_of(f->severity);
	to = to ? to : &none;
	if (f->kind == FINDING_AFFECTED && item->kind != FINDING_AFFECTED) {
		str_addf(to, "was %s and is affected", finding_kind_name(item->kind));
		return true;
	}
	if (f->kev && !item->kev) {
		str_add_text(to, "is known to be exploited now");
		return true;
	}
	if (now < SEVERITY_HIGH || now <= then)
		return false;
	if (item->severity < 0)
		str_add_text(to, "was not scored");
	else
		str_addf(to, "was scored %d.%d (%s)", item->severity / 10, item->severity % 10,
			 severity_rating_name(then));
	str_addf(to, " and is scored %d.%d (%s)", f->severity / 10, f->severity % 10, severity_rating_name(now));
	return true;
}

const char *baseline_answer_name(enum baseline_answer a)
{
	static const char *const names[] = { "new", "covered", "worse", "due" };
	return (size_t)a < RF_COUNT(names) ? names[a] : "new";
}

enum baseline_answer baseline_judge(const struct baseline *b, const struct found *f, usec_t now,
				    struct baseline_debt *ret)
{
	if (!baseline_find(b, f, ret))
		return BASELINE_NEW;
	if (b->due <= now)
		return BASELINE_DUE;
	return baseline_worse(ret->item, f, NULL) ? BASELINE_WORSE : BASELINE_COVERED;
}

/* ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

void baseline_words(const struct baseline_debt *d, struct str *to)
{
	char since[TIME_TEXT_BYTES], due[TIME_TEXT_BYTES];
	str_addf(to, "frozen on %s, due %s, owner ", time_text_date(d->since, since), time_text_date(d->due, due));
	str_add_visible(to, d->owner.n ? d->owner : SPAN("nobody yet"));
}

void baseline_json(const struct baseline_debt *d, struct json_out *o)
{
	json_object(o);
	json_member_time(o, "since", d->since);
	json_member_time(o, "due", d->due);
	json_member_span(o, "owner", d->owner);
	json_object_end(o);
}
