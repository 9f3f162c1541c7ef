/* The rules of waivers. See waiver.h. */
#include "exposure/waiver.h"

/* ── Names ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

const char *waiver_kind_name(enum waiver_kind k)
{
	return k == WAIVER_DEFERRAL ? "deferral" : "acceptance";
}

const char *waiver_state_name(enum waiver_state s)
{
	static const char *const names[] = { "in force", "expired", "revoked" };
	return (size_t)s < RF_COUNT(names) ? names[s] : "expired";
}

/* ── Making ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int refuse(struct err *err, const char *field, const char *rule)
{
	(void)err_set(err, RF_EINVALID, "%s", rule);
	return err ? err_in_field(err, "%s", field) : RF_EINVALID;
}

static int check_texts(const struct waiver *w, struct err *err)
{
	const struct {
		const char *name;
		struct span text;
	} fields[] = {
		{ "owner", w->owner },           { "reason", w->reason },
		{ "service", w->scope.service }, { "environment", w->scope.environment },
		{ "product", w->scope.product }, { "version", w->scope.version },
	};
	for (size_t i = 0; i < RF_COUNT(fields); i++) {
		if (fields[i].text.n > WAIVER_MAX_TEXT)
			return refuse(err, fields[i].name, "longer than 2,000 bytes");
		if (!span_is_utf8(fields[i].text))
			return refuse(err, fields[i].name, "not UTF-8");
	}
	if (!span_trim(w->owner).n)
		return refuse(err, "owner", "a waiver has an owner: a person or a team who answers for it");
	return span_trim(w->reason).n ? 0 : refuse(err, "reason", "a waiver has a reason");
}

static int check_scope(const struct waiver_scope *s, struct err *err)
{
	unsigned char digest[32];
	if (!s->service.n && !s->environment.n && !s->product.n && !s->digest.n)
		return refuse(
			err, "scope",
			"a waiver is for something: narrow it to a service, an environment, a product or a digest");
	if (s->version.n && !s->product.n)
		return refuse(err, "version", "a version is of a product: name that too");
	if (s->digest.n && !hex_read(s->digest, digest, sizeof digest))
		return refuse(err, "digest", "64 hex digits of a SHA-256");
	return 0;
}

int waiver_check(const struct waiver *w, int64_t longest, struct err *err)
{
	char most[TIME_TEXT_BYTES], text[160];
	if (!w->advisory_count)
		return refuse(err, "advisory", "a waiver names its advisories");
	if (w->advisory_count > WAIVER_MAX_ADVISORIES)
		return refuse(err, "advisory", "more than 64 advisories: freeze a baseline, or make several waivers");
	for (size_t i = 0; i < w->advisory_count; i++)
		if (!w->advisories[i].n || w->advisories[i].n > ADVISORY_MAX_ID)
			return refuse(err, "advisory", "an id has 1 to 128 bytes");
	int rc = check_scope(&w->scope, err);
	if (!rc)
		rc = check_texts(w, err);
	if (rc)
		return rc;
	if (w->expires == USEC_NONE || w->expires <= w->created)
		return refuse(err, "until", "a waiver ends, on a day that is still to come");
	if (w->expires - w->created <= longest)
		return 0;
	snprintf(text, sizeof text, "further away than the policy allows (%s)", duration_text(longest, most));
	return refuse(err, "until", text);
}

/* ── Asking ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

enum waiver_state waiver_state_at(const struct waiver *w, usec_t now)
{
	if (w->revoked != USEC_NONE && w->revoked <= now)
		return WAIVER_REVOKED;
	return w->expires <= now ? WAIVER_EXPIRED : WAIVER_IN_FORCE;
}

/* What is not known is not what a scope names. */
static bool within(struct span scope, struct span value)
{
	return !scope.n || span_eq(scope, value);
}

static bool scope_holds(const struct waiver_scope *s, const struct found *f)
{
	return within(s->service, f->service) && within(s->environment, f->environment) &&
	       within(s->product, f->purl) && within(s->version, f->version) &&
	       (within(s->digest, f->digest) || within(s->digest, f->outer));
}

bool waiver_covers(const struct waiver *w, const struct found *f, usec_t now)
{
	if (!f->advisory.n || now < w->created || waiver_state_at(w, now) != WAIVER_IN_FORCE ||
	    !scope_holds(&w->scope, f))
		return false;
	for (size_t i = 0; i < w->advisory_count; i++)
		if (span_eq(w->advisories[i], f->advisory))
			return true;
	return false;
}

const struct waiver *waiver_find(const struct waiver *list, size_t count, const struct found *f, usec_t now)
{
	const struct waiver *best = NULL;
	for (size_t i = 0; i < count; i++)
		if ((!best || list[i].expires > best->expires) && waiver_covers(&list[i], f, now))
			best = &list[i];
	return best;
}

/* ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

void waiver_words(const struct waiver *w, struct str *to)
{
	char until[TIME_TEXT_BYTES];
	str_addf(to, "%s %lld until %s by ", w->kind == WAIVER_DEFERRAL ? "deferral" : "waiver", (long long)w->id,
		 time_text_date(w->expires, until));
	str_add_visible(to, w->owner);
	str_add_text(to, ": ");
	str_add_visible(to, w->reason);
}

void waiver_scope_words(const struct waiver_scope *s, struct str *to)
{
	const struct {
		const char *name;
		struct span text;
	} fields[] = {
		{ "service", s->service }, { "environment", s->environment },        { "product", s->product },
		{ "version", s->version }, { "sha256", span_sub(s->digest, 0, 12) },
	};
	const char *between = "";
	for (size_t i = 0; i < RF_COUNT(fields); i++) {
		if (!fields[i].text.n)
			continue;
		str_addf(to, "%s%s ", between, fields[i].name);
		str_add_visible(to, fields[i].text);
		between = ", ";
	}
}

static void member(struct json_out *o, const char *key, struct span text)
{
	if (text.n)
		json_member_span(o, key, text);
}

void waiver_json(const struct waiver *w, usec_t now, struct json_out *o)
{
	json_object(o);
	json_member_i64(o, "id", w->id);
	json_member(o, "kind", waiver_kind_name(w->kind));
	json_member(o, "state", waiver_state_name(waiver_state_at(w, now)));
	json_key(o, "advisories");
	json_array(o);
	for (size_t i = 0; i < w->advisory_count; i++)
		json_put_span(o, w->advisories[i]);
	json_array_end(o);
	member(o, "service", w->scope.service);
	member(o, "environment", w->scope.environment);
	member(o, "product", w->scope.product);
	member(o, "version", w->scope.version);
	member(o, "digest", w->scope.digest);
	json_member_span(o, "owner", w->owner);
	json_member_span(o, "reason", w->reason);
	json_member_span(o, "created_by", w->created_by);
	json_member_time(o, "created", w->created);
	json_member_time(o, "expires", w->expires);
	if (w->revoked != USEC_NONE) {
		json_member_time(o, "revoked", w->revoked);
		member(o, "revoked_by", w->revoked_by);
		member(o, "revoked_why", w->revoked_why);
	}
	json_object_end(o);
}
