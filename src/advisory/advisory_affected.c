/*
 * The "affected" entries of CVE JSON 5.0 to 5.2, which NVD's records carry too since 2026 (affected[].affectedData[]).
 *
 * Versions become intervals by the schema's own algorithm ("product status determination", CVE record format,
 * versions.md): the first entry that holds a version gives its status, its changes[] alter it from their "at" on, and
 * no entry means defaultStatus. Where entries differ from each other, all their bounds are sorted and each piece
 * between two is judged so; then neighbours of one status are joined.
 *
 * Prose stands in "version" where a version should ("v0 - v10.16.1"): it is read by the prose rules, and it wins over
 * lessThan and lessThanOrEqual beside it, which are seen to be pasted from elsewhere; then the statement says so
 * (contradiction). versionType is not believed: "custom", "PI", "2024.3" and "rpm, exe" stand there; only "git" counts,
 * since a commit is no version of ours.
 */
#include "advisory/advisory_int.h"

/* Entries that are judged piece by piece; more (the longest list has 2,434 versions, all of one status) are read only
 * when they have one status. Pieces times entries bounds the work. */
#define AFFECTED_MAX_PIECEWISE 256
#define AFFECTED_MAX_CHANGES 16
#define AFFECTED_SHOWN 20

enum version_status { VERSION_UNAFFECTED = 0, VERSION_AFFECTED, VERSION_UNKNOWN };

struct affected_entry {
	struct span version, bound; /* as written */
	bool bounded, inclusive;    /* bound: lessThanOrEqual, not lessThan */
	bool git;
	enum version_status status;
	struct json changes;
};

struct affected {
	struct advisory_reader *r;
	struct advisory_statement *to;
	struct json element;
	enum version_status fallback;
	bool has_fallback; /* defaultStatus says affected or unaffected */
	size_t entries, affected_entries;
	size_t fixed_capacity;
	bool mixed, unread;
	const struct range *explained; /* the prose that was read last; its rule is the statement's */
	const char *why;
};

static enum version_status read_status(struct span s)
{
	if (span_eq_nocase(s, SPAN("affected")))
		return VERSION_AFFECTED;
	return span_eq_nocase(s, SPAN("unaffected")) ? VERSION_UNAFFECTED : VERSION_UNKNOWN;
}

static struct affected_entry read_entry(struct json v)
{
	struct affected_entry e = { .version = span_trim(json_string(json_get(v, "version"))),
				    .status = read_status(json_string(json_get(v, "status"))),
				    .changes = json_get(v, "changes") };
	struct span type = json_string(json_get(v, "versionType"));
	struct json below = json_get(v, "lessThan"), through = json_get(v, "lessThanOrEqual");
	e.inclusive = json_kind(below) != JSON_STRING && json_kind(through) == JSON_STRING;
	e.bounded = e.inclusive || json_kind(below) == JSON_STRING;
	e.bound = span_trim(json_string(e.inclusive ? through : below));
	e.git = span_eq_text(type, "git") || span_eq_text(type, "original_commit_for_fix");
	return e;
}

/* "0", "*", "": from the beginning. */
static bool is_start(struct span s)
{
	return !s.n || span_eq_text(s, "0") || span_eq_text(s, "*") || span_eq_nocase(s, SPAN("v0")) ||
	       span_eq_text(s, "0.0") || span_eq_text(s, "0.0.0");
}

/* Words for "nothing was filled in". */
static bool is_blank(struct span s)
{
	static const char *const words[] = {
		"n/a", "na", "unspecified", "-", "unknown", "not specified", "none", "tbd"
	};
	for (size_t i = 0; i < RF_COUNT(words); i++)
		if (span_eq_nocase(s, span_of(words[i])))
			return true;
	return !s.n;
}

static bool is_endless(struct span bound)
{
	return span_eq_text(bound, "*") || is_blank(bound);
}

/* ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────────
 */

static void write_entry(const struct affected_entry *e, struct str *to)
{
	const char *sign = e->inclusive ? "<=" : "<";
	if (e->status != VERSION_AFFECTED)
		str_add_text(to, e->status == VERSION_UNAFFECTED ? "unaffected " : "unknown ");
	if (!e->bounded)
		str_add(to, e->version);
	else if (is_start(e->version) || is_blank(e->version))
		str_addf(to, "%s %.*s", sign, SPAN_ARG(e->bound));
	else if (span_find_byte(e->version, ' ') != SIZE_MAX)
		str_addf(to, "%.*s (%s %.*s)", SPAN_ARG(e->version), e->inclusive ? "lessThanOrEqual" : "lessThan",
			 SPAN_ARG(e->bound));
	else
		str_addf(to, ">= %.*s, %s %.*s", SPAN_ARG(e->version), sign, SPAN_ARG(e->bound));
	for (struct json_each it = json_each(e->changes); json_next(&it);)
		str_addf(to, ", from %.*s %.*s", SPAN_ARG(json_string(json_get(it.value, "at"))),
			 SPAN_ARG(json_string(json_get(it.value, "status"))));
}

static struct span write_words(struct affected *f)
{
	struct str *words = advisory_scratch(f->r);
	size_t n = 0;
	if (f->has_fallback && f->fallback == VERSION_AFFECTED)
		str_add_text(words, !f->entries                         ? "all versions"
				    : f->affected_entries == f->entries ? "all versions, of them "
									: "all versions but: ");
	for (struct json_each it = json_each(json_get(f->element, "versions")); n < AFFECTED_SHOWN && json_next(&it);
	     n++) {
		struct affected_entry e = read_entry(it.value);
		if (n)
			str_add_text(words, "; ");
		write_entry(&e, words);
	}
	if (f->entries > n)
		str_addf(words, "; and %zu more", f->entries - n);
	return advisory_scratch_copy(f->r);
}

/* ── One status: interval by interval ────────────────────────────────────────────────────────────────────────────────
 */

static int add_fixed(struct affected *f, struct span version)
{
	struct advisory_statement *s = f->to;
	for (size_t i = 0; i < s->fixed_count; i++)
		if (span_eq(s->fixed[i], version))
			return 0;
	void *items = s->fixed, *slot;
	int rc = advisory_grow(f->r->a, &items, &s->fixed_count, &f->fixed_capacity, sizeof(struct span),
			       RANGE_MAX_INTERVALS, "fixed versions", &slot, f->r->err);
	s->fixed = items;
	if (!rc)
		*(struct span *)slot = version;
	return rc;
}

static void give_up(struct affected *f, const char *why)
{
	f->unread = true;
	if (!f->why)
		f->why = why;
}

/* "5.15.*" as an upper bound is below 5.16: the last number and one. False when no number stands before the star. */
static bool raise_wildcard(struct affected *f, struct span bound, struct span *ret)
{
	struct span head = span_sub(bound, 0, bound.n - 2), number = span_from(head, 0);
	size_t dot = span_rfind_byte(head, '.');
	uint64_t last;
	if (dot != SIZE_MAX)
		number = span_from(head, dot + 1);
	if (!span_u64(number, &last) || last == UINT64_MAX)
		return false;
	*ret = advisory_printf(f->r, "%.*s%llu", SPAN_ARG(span_sub(head, 0, dot == SIZE_MAX ? 0 : dot + 1)),
			       (unsigned long long)(last + 1));
	return true;
}

/* Bounds of an entry without prose. False: the scheme does not read them. */
static bool entry_interval(struct affected *f, const struct affected_entry *e, struct range_interval *ret)
{
	const struct scheme *scheme = f->to->range->scheme;
	struct range_interval v = { 0 };
	if (e->git)
		return false;
	if (!e->bounded) {
		/* "0" alone: written for "all" by many, and as one version it would mean that nothing is affected */
		if (is_start(e->version) && e->version.n) {
			*ret = v;
			f->to->range->conservative |= !span_eq_text(e->version, "*");
			return true;
		}
		if (!version_is_readable(scheme, e->version))
			return false;
		v.low = v.high = advisory_copy(f->r, e->version);
		v.high_inclusive = v.exact = true;
		*ret = v;
		return true;
	}
	if (!is_start(e->version) && !is_blank(e->version)) {
		if (!version_is_readable(scheme, e->version))
			return false;
		v.low = advisory_copy(f->r, e->version);
	}
	if (is_endless(e->bound)) {
		*ret = v;
		return true;
	}
	v.high_inclusive = e->inclusive;
	if (span_ends(e->bound, ".*")) {
		if (!raise_wildcard(f, e->bound, &v.high))
			return false;
		v.high_inclusive = false;
	} else {
		v.high = advisory_copy(f->r, e->bound);
	}
	*ret = v;
	return version_is_readable(scheme, v.high);
}

/* The contradiction between prose in "version" and a bound beside it: the bound is not one that the words name. */
static void compare_with_bound(struct affected *f, const struct affected_entry *e, const struct range *prose)
{
	if (!e->bounded || is_endless(e->bound))
		return;
	for (size_t i = 0; i < prose->count; i++) {
		const struct range_interval *v = &prose->intervals[i];
		enum version_order o = version_compare(prose->scheme, v->high, e->bound);
		if (v->high.n && o == VERSION_EQUAL)
			return;
	}
	f->to->contradiction =
		advisory_printf(f->r, "version says \"%.*s\", %s says \"%.*s\": the words count", SPAN_ARG(e->version),
				e->inclusive ? "lessThanOrEqual" : "lessThan", SPAN_ARG(e->bound));
}

/* Fixed versions that stand beside prose: entries of status unaffected. */
static struct span first_unaffected(struct affected *f)
{
	for (struct json_each it = json_each(json_get(f->element, "versions")); json_next(&it);) {
		struct affected_entry e = read_entry(it.value);
		if (e.status == VERSION_UNAFFECTED && !e.git && !is_start(e.version) && !is_blank(e.version))
			return advisory_copy(f->r, e.version);
	}
	return SPAN_NONE;
}

static int add_prose(struct affected *f, const struct affected_entry *e)
{
	struct range *to = f->to->range, *prose = NULL;
	struct range_words_of row = { f->to->product_name, f->to->platform, advisory_copy(f->r, e->version),
				      first_unaffected(f) };
	int rc = range_read_row(f->r->a, to->scheme, &row, &prose, NULL);
	if (rc == RF_EUNREADABLE) {
		give_up(f, "the words in \"version\" are not read");
		return 0;
	}
	if (rc)
		return err_set(f->r->err, rc, "version words of a CVE record: %s", rf_error_text(rc));
	compare_with_bound(f, e, prose);
	f->explained = prose;
	if (prose->scheme != to->scheme) {
		if (to->count) {
			give_up(f, "the words in \"version\" are of another scheme than the bounds beside them");
			return 0;
		}
		to->scheme = prose->scheme;
	}
	rc = range_join(f->r->a, to, prose, f->r->err);
	to->conservative |= prose->conservative;
	to->conflict |= prose->conflict;
	to->rule = prose->rule;
	to->scope = prose->scope;
	to->note = prose->note;
	return rc;
}

static int add_entry(struct affected *f, const struct affected_entry *e)
{
	struct range_interval v;
	if (!e->bounded && is_blank(e->version)) {
		give_up(f, "no version is named");
		return 0;
	}
	if (e->git) {
		give_up(f, "only commits are named");
		return 0;
	}
	if (!entry_interval(f, e, &v)) {
		if (f->to->range->scheme && !is_start(e->version) &&
		    !version_is_readable(f->to->range->scheme, e->version))
			return add_prose(f, e);
		give_up(f, "a bound is not of the product's scheme");
		return 0;
	}
	if (v.high.n && !v.high_inclusive && e->status == VERSION_AFFECTED) {
		int rc = add_fixed(f, v.high);
		if (rc)
			return rc;
	}
	return range_add(f->r->a, f->to->range, &v, f->r->err);
}

/* ── Several statuses: piece by piece ────────────────────────────────────────────────────────────────────────────────
 */

struct piece_change {
	int at;
	enum version_status status;
};

struct piece_entry {
	int low, high; /* indexes of bounds; -1 from the beginning, INT_MAX without end */
	bool inclusive, exact;
	enum version_status status;
	struct piece_change changes[AFFECTED_MAX_CHANGES];
	size_t change_count;
};

struct pieces {
	struct span *bounds;
	size_t count;
	struct piece_entry *entries;
	size_t entry_count;
};

static int compare_bounds(const void *left, const void *right, void *scheme)
{
	return (int)version_compare(scheme, *(const struct span *)left, *(const struct span *)right);
}

static int bound_index(const struct pieces *p, const struct scheme *scheme, struct span text)
{
	size_t low = 0, high = p->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		enum version_order o = version_compare(scheme, p->bounds[middle], text);
		if (o == VERSION_EQUAL)
			return (int)middle;
		if (o == VERSION_LESS)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

/* Collects every bound; false when one is not comparable with the others. */
static bool sort_bounds(struct affected *f, struct pieces *p, const struct range_interval *intervals,
			const struct affected_entry *entries, size_t n)
{
	const struct scheme *scheme = f->to->range->scheme;
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		if (intervals[i].low.n)
			p->bounds[count++] = intervals[i].low;
		if (intervals[i].high.n && !intervals[i].exact)
			p->bounds[count++] = intervals[i].high;
		for (struct json_each it = json_each(entries[i].changes); json_next(&it);)
			p->bounds[count++] = advisory_copy(f->r, span_trim(json_string(json_get(it.value, "at"))));
	}
	for (size_t i = 0; i < count; i++)
		if (version_compare(scheme, p->bounds[i], p->bounds[0]) == VERSION_INCOMPARABLE)
			return false;
	qsort_r(p->bounds, count, sizeof *p->bounds, compare_bounds, (void *)(uintptr_t)scheme);
	for (size_t i = 0; i < count; i++)
		if (!p->count || version_compare(scheme, p->bounds[p->count - 1], p->bounds[i]) != VERSION_EQUAL)
			p->bounds[p->count++] = p->bounds[i];
	return true;
}

static void place_entry(struct affected *f, struct pieces *p, const struct range_interval *v,
			const struct affected_entry *e)
{
	const struct scheme *scheme = f->to->range->scheme;
	struct piece_entry *to = &p->entries[p->entry_count++];
	*to = (struct piece_entry){ .low = v->low.n ? bound_index(p, scheme, v->low) : -1,
				    .high = v->high.n ? bound_index(p, scheme, v->high) : INT32_MAX,
				    .inclusive = v->high_inclusive,
				    .exact = v->exact,
				    .status = e->status };
	for (struct json_each it = json_each(e->changes); to->change_count < AFFECTED_MAX_CHANGES && json_next(&it);)
		to->changes[to->change_count++] =
			(struct piece_change){ .at = bound_index(p, scheme,
								 span_trim(json_string(json_get(it.value, "at")))),
					       .status = read_status(json_string(json_get(it.value, "status"))) };
}

/* Piece 2i + 1 is bound i, piece 2i what lies before it; the last is behind all. */
static bool piece_is_in(const struct piece_entry *e, int piece)
{
	if (e->exact)
		return piece == 2 * e->low + 1;
	if (e->low >= 0 && piece < 2 * e->low + 1)
		return false;
	return e->high == INT32_MAX || piece < 2 * e->high + 1 || (e->inclusive && piece == 2 * e->high + 1);
}

static enum version_status piece_status(const struct affected *f, const struct pieces *p, int piece)
{
	for (size_t i = 0; i < p->entry_count; i++) {
		const struct piece_entry *e = &p->entries[i];
		if (!piece_is_in(e, piece))
			continue;
		enum version_status status = e->status;
		int last = -1;
		for (size_t k = 0; k < e->change_count; k++)
			if (e->changes[k].at >= last && piece >= 2 * e->changes[k].at + 1) {
				status = e->changes[k].status;
				last = e->changes[k].at;
			}
		return status;
	}
	/* a default that is not given is "unknown" by the schema; beside entries that are, it means "not listed" */
	return f->has_fallback ? f->fallback : VERSION_UNAFFECTED;
}

static int add_run(struct affected *f, const struct pieces *p, int first, int last)
{
	struct range_interval v = { 0 };
	int end = 2 * (int)p->count;
	if (first > 0) {
		v.low = p->bounds[first % 2 ? (first - 1) / 2 : first / 2 - 1];
		v.low_exclusive = first % 2 == 0;
	}
	if (last < end) {
		v.high = p->bounds[last % 2 ? (last - 1) / 2 : last / 2];
		v.high_inclusive = last % 2 == 1;
	}
	v.exact = first == last && first % 2;
	if (v.high.n && !v.high_inclusive) {
		int rc = add_fixed(f, v.high);
		if (rc)
			return rc;
	}
	return range_add(f->r->a, f->to->range, &v, f->r->err);
}

static int add_runs(struct affected *f, const struct pieces *p)
{
	int end = 2 * (int)p->count, first = -1, rc = 0;
	for (int piece = 0; piece <= end + 1 && !rc; piece++) {
		enum version_status s = piece <= end ? piece_status(f, p, piece) : VERSION_UNAFFECTED;
		f->to->range->conservative |= s == VERSION_UNKNOWN;
		if (s != VERSION_UNAFFECTED && first < 0)
			first = piece;
		if (s == VERSION_UNAFFECTED && first >= 0) {
			rc = add_run(f, p, first, piece - 1);
			first = -1;
		}
	}
	return rc;
}

static int read_piecewise(struct affected *f)
{
	struct affected_entry entries[AFFECTED_MAX_PIECEWISE];
	struct range_interval intervals[AFFECTED_MAX_PIECEWISE];
	size_t n = 0, bounds = 0;
	if (f->entries > AFFECTED_MAX_PIECEWISE) {
		give_up(f, "too many entries of several statuses");
		return 0;
	}
	for (struct json_each it = json_each(json_get(f->element, "versions")); json_next(&it); n++) {
		entries[n] = read_entry(it.value);
		size_t changes = json_count(entries[n].changes);
		bounds += 2 + changes;
		if (changes > AFFECTED_MAX_CHANGES || !entry_interval(f, &entries[n], &intervals[n])) {
			give_up(f, "an entry beside others of another status is not read");
			return 0;
		}
	}
	struct pieces p = { .bounds = arena_array(f->r->a, bounds + 1, sizeof *p.bounds),
			    .entries = arena_array(f->r->a, n + 1, sizeof *p.entries) };
	if (!p.bounds || !p.entries)
		return err_set(f->r->err, RF_ENOMEM, "versions of a CVE record");
	if (!sort_bounds(f, &p, intervals, entries, n)) {
		give_up(f, "a bound is not of the product's scheme");
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		place_entry(f, &p, &intervals[i], &entries[i]);
	return add_runs(f, &p);
}

/* ── The statement ───────────────────────────────────────────────────────────────────────────────────────────────────
 */

static void count_entries(struct affected *f)
{
	struct span fallback = json_string(json_get(f->element, "defaultStatus"));
	f->fallback = read_status(fallback);
	f->has_fallback = f->fallback != VERSION_UNKNOWN;
	f->mixed = f->has_fallback && f->fallback == VERSION_AFFECTED;
	for (struct json_each it = json_each(json_get(f->element, "versions")); json_next(&it);) {
		bool affected = read_status(json_string(json_get(it.value, "status"))) == VERSION_AFFECTED;
		f->entries++;
		f->affected_entries += affected;
		f->mixed |= !affected || json_kind(json_get(it.value, "changes")) == JSON_ARRAY;
	}
}

/* True when a "version" is prose: then entries of other statuses are the fix beside it, not pieces. */
static bool has_prose(const struct affected *f)
{
	for (struct json_each it = json_each(json_get(f->element, "versions")); json_next(&it);) {
		struct affected_entry e = read_entry(it.value);
		if (!e.git && !is_start(e.version) && !is_blank(e.version) &&
		    !version_is_readable(f->to->range->scheme, e.version))
			return true;
	}
	return false;
}

static int read_versions(struct affected *f)
{
	/* a default of "affected" beside nothing but affected entries lists examples: all versions are meant */
	if (!f->entries || (f->affected_entries == f->entries && f->has_fallback && f->fallback == VERSION_AFFECTED)) {
		/* which the one who wrote it may not have meant: shown as more than the words */
		f->to->range->conservative = f->entries > 0;
		if (f->has_fallback)
			return range_add(f->r->a, f->to->range, &(struct range_interval){ 0 }, f->r->err);
		give_up(f, "no version is named");
		return 0;
	}
	if (f->mixed && !has_prose(f))
		return read_piecewise(f);
	if (f->mixed && f->has_fallback && f->fallback == VERSION_AFFECTED) {
		give_up(f, "all versions are affected but those that words name");
		return 0;
	}
	for (struct json_each it = json_each(json_get(f->element, "versions")); json_next(&it);) {
		struct affected_entry e = read_entry(it.value);
		int rc = e.status == VERSION_UNAFFECTED ? 0 : add_entry(f, &e);
		if (rc)
			return rc;
		f->to->range->conservative |= e.status == VERSION_UNKNOWN;
	}
	return 0;
}

/* Nothing is said to be affected: the entries say what is not. */
static int read_not_affected(struct affected *f)
{
	f->to->status = STATEMENT_NOT_AFFECTED;
	if (!f->entries)
		return range_add(f->r->a, f->to->range, &(struct range_interval){ 0 }, f->r->err);
	for (struct json_each it = json_each(json_get(f->element, "versions")); json_next(&it);) {
		struct affected_entry e = read_entry(it.value);
		int rc = e.status == VERSION_UNAFFECTED ? add_entry(f, &e) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

static bool says_unaffected_only(const struct affected *f)
{
	if (f->affected_entries || (f->has_fallback && f->fallback == VERSION_AFFECTED))
		return false;
	for (struct json_each it = json_each(json_get(f->element, "versions")); json_next(&it);)
		if (read_status(json_string(json_get(it.value, "status"))) == VERSION_UNKNOWN ||
		    json_count(json_get(it.value, "changes")))
			return false;
	return f->entries || f->has_fallback;
}

static const struct product *find_by_cpes(struct json cpes)
{
	const struct product *found = NULL;
	for (struct json_each it = json_each(cpes); !found && json_next(&it);)
		found = advisory_cpe_product(json_string(it.value));
	return found;
}

/* Package collections as CVE records name them, and OSV's ecosystem of each. */
static const struct {
	const char *host, *ecosystem;
} collections[] = { { "pypi.", "PyPI" },   { "npmjs.", "npm" },    { "crates.io", "crates.io" }, { "nuget.", "NuGet" },
		    { "maven.", "Maven" }, { "pkg.go.dev", "Go" }, { "proxy.golang.org", "Go" } };

static const struct product *find_by_collection(struct span url, struct span package)
{
	for (size_t i = 0; url.n && package.n && i < RF_COUNT(collections); i++)
		if (span_find(url, span_of(collections[i].host)) != SIZE_MAX)
			return product_by_osv(span_of(collections[i].ecosystem), package);
	return NULL;
}

static const struct product *find_product(struct json element, struct span vendor, struct span product)
{
	struct span purl = json_string(json_get(element, "packageURL")),
		    package = json_string(json_get(element, "packageName"));
	const struct product *p = purl.n ? product_by_purl(purl) : NULL;
	if (!p)
		p = product_by_vendor_name(vendor, product);
	if (!p && package.n)
		p = find_by_collection(json_string(json_get(element, "collectionURL")), package);
	return p ? p : find_by_cpes(json_get(element, "cpes"));
}

/* "NVIDIA TensorRT": the vendor is not said twice. */
static struct span product_name(struct advisory_reader *r, struct span vendor, struct span product)
{
	vendor = span_trim(vendor);
	product = span_trim(product);
	if (is_blank(vendor) || (vendor.n <= product.n && span_eq_nocase(span_sub(product, 0, vendor.n), vendor)))
		return advisory_copy(r, product);
	return is_blank(product) ? advisory_copy(r, vendor) : advisory_join(r, vendor, SPAN(" "), product);
}

static struct span join_platforms(struct advisory_reader *r, struct json list)
{
	size_t n = 0;
	struct span only = SPAN_NONE;
	struct str *words = advisory_scratch(r);
	for (struct json_each it = json_each(list); json_next(&it); n++) {
		only = span_trim(json_string(it.value));
		if (n)
			str_add_text(words, ", ");
		str_add(words, only);
	}
	/* "All" and "N/A" are no scope */
	if (n == 1 && (span_eq_nocase(only, SPAN("All")) || is_blank(only)))
		return SPAN_NONE;
	return advisory_scratch_copy(r);
}

static void conclude(struct affected *f)
{
	struct advisory_statement *s = f->to;
	struct range *range = s->range;
	if (f->unread || (!range->count && !f->mixed))
		range->readable = false;
	if (!range->readable) {
		s->rule = span_of(f->why ? f->why : "a bound is not of the product's scheme");
		s->contradiction = SPAN_NONE;
	} else {
		s->rule = f->explained ? advisory_explain(f->r, f->explained) : span_of(range->rule);
		if (s->contradiction.n)
			s->rule = advisory_join(f->r, s->rule, SPAN("; "), s->contradiction);
		else if (range->conflict)
			s->contradiction = range->note.n ? range->note : s->rule;
	}
	s->review |= !range->readable || range->conservative || range->conflict || s->contradiction.n;
}

int advisory_read_affected(struct advisory_reader *r, struct json element, struct span source, struct advisory *to,
			   size_t *capacity)
{
	struct span vendor = json_string(json_get(element, "vendor")),
		    product = json_string(json_get(element, "product"));
	struct advisory_statement *s;
	int rc = advisory_add_statement(r, to, capacity, &s);
	if (rc)
		return rc;
	struct affected f = { .r = r, .to = s, .element = element };
	if (!product.n)
		product = json_string(json_get(element, "packageName"));
	s->source = source;
	s->product = find_product(element, vendor, product);
	s->product_name = product_name(r, vendor, product);
	s->purl = advisory_text(r, element, "packageURL");
	s->platform = join_platforms(r, json_get(element, "platforms"));
	count_entries(&f);
	s->affected_text = write_words(&f);
	if (!s->product) {
		s->status = says_unaffected_only(&f) ? STATEMENT_NOT_AFFECTED : STATEMENT_AFFECTED;
		advisory_no_product(s);
		return 0;
	}
	s->range = range_new(r->a, product_scheme(s->product), "CVE versions");
	if (!s->range)
		return err_set(r->err, RF_ENOMEM, "version range");
	rc = says_unaffected_only(&f) ? read_not_affected(&f) : read_versions(&f);
	if (!rc)
		conclude(&f);
	for (size_t i = 0; i < s->fixed_count && !rc; i++)
		s->fixed_text = i ? advisory_join(r, s->fixed_text, SPAN(", "), s->fixed[i]) : s->fixed[i];
	return rc;
}
