/*
 * CSAF 2.0, https://docs.oasis-open.org/csaf/csaf/v2.0, in two dialects:
 *
 *   standard   vendor > product_name > product_version: the leaf's branch name is the version; product_version_range:
 * it is "vers:..." (CISA's "vers:all/<V7.0.3" too) or words (" <1.000", "All versions < V4.33"), which range.h reads
 *   NVIDIA     vendor > architecture (platform prose) > product_version: the leaf's branch name is the PRODUCT and its
 *              product.name the VERSION TEXT ("v0 - v10.16.1"); no version ranges, no remediations
 *
 * Which one a leaf is written in shows in its ancestors: only the standard has a product_name above it.
 * A relationship ("A installed on B") is A's version on B. Remediations, and what flags and threats say of products
 * that are not affected, go with the statement.
 *
 * Affected and fixed are joined by (product, platform) and never by position: bulletin 5850 lists them in different
 * orders. CPEs are not used: NVIDIA's are mangled ("v11_0").
 */
#include "advisory/advisory_int.h"

#include "base/hash.h"

/* Products of one document; the largest of 2,383 CISA bulletins has 5,200. */
#define CSAF_MAX_PRODUCTS 65536
/* Groups (product, platform) at most as many as products. NVIDIA's tree is five deep. */
#define CSAF_MAX_DEPTH 32

struct leaf {
	struct span id, product_name, platform, version, purl;
	bool listed; /* in the standard's dialect: a version of its own */
	size_t group;
};

struct advice;

struct csaf {
	struct advisory_reader r;
	struct json root;
	struct leaf *leaves;
	size_t leaf_count, leaf_capacity;
	struct map by_id;  /* product_id -> leaf index + 1 */
	struct map groups; /* "product\0platform" -> group number + 1 */
	size_t group_count;
	bool vendor;
	struct advice *advice; /* of each leaf, for the vulnerability at hand */
	struct span tracking_id;
	usec_t released, modified;
	bool released_has_time;
	enum tlp tlp;
	struct span url;
};

int advisory_csaf_sniff(struct json root)
{
	struct json document = json_get(root, "document");
	if (json_string(json_get(document, "csaf_version")).n)
		return 100;
	return span_starts(json_string(json_get(document, "category")), "csaf_") ? 90 : 0;
}

/* ── Product tree ───────────────────────────────────────────────────────────────────────────────────────────────────
 */

static void *tagged(size_t i)
{
	return (void *)(uintptr_t)(i + 1);
}

static int give_group(struct csaf *c, struct leaf *leaf)
{
	struct span key =
		advisory_printf(&c->r, "%.*s%c%.*s", SPAN_ARG(leaf->product_name), 0x1f, SPAN_ARG(leaf->platform));
	void *known = map_get(&c->groups, key);
	if (known) {
		leaf->group = (size_t)(uintptr_t)known - 1;
		return 0;
	}
	leaf->group = c->group_count++;
	return map_set(&c->groups, key, tagged(leaf->group));
}

/* Keeps what arrives first: product_id is unique (6.1.1), and a second one cannot be told apart. */
static int add_leaf(struct csaf *c, const struct leaf *leaf)
{
	if (!leaf->id.n)
		return err_set(c->r.err, RF_EFORMAT, "a product has no product_id (CSAF 3.1.3.3.2)");
	if (map_get(&c->by_id, leaf->id))
		return advisory_warn(&c->r, "product_id %.*s twice (CSAF 6.1.1): the first counts", SPAN_ARG(leaf->id));
	void *items = c->leaves, *slot;
	int rc = advisory_grow(c->r.a, &items, &c->leaf_count, &c->leaf_capacity, sizeof *leaf, CSAF_MAX_PRODUCTS,
			       "products", &slot, c->r.err);
	c->leaves = items;
	if (rc)
		return rc;
	struct leaf *to = slot;
	*to = *leaf;
	rc = give_group(c, to);
	return rc ? rc : map_set(&c->by_id, to->id, tagged(c->leaf_count - 1));
}

struct branch_path {
	struct span product_name, platform; /* nearest ancestors of these categories */
};

static int read_leaf(struct csaf *c, struct json branch, const struct branch_path *path)
{
	struct json product = json_get(branch, "product");
	struct span category = json_string(json_get(branch, "category"));
	struct leaf leaf = { .id = advisory_text(&c->r, product, "product_id"), .platform = path->platform };
	struct span branch_name = advisory_text(&c->r, branch, "name"), name = advisory_text(&c->r, product, "name");
	bool version = span_eq_text(category, "product_version") || span_eq_text(category, "product_version_range");
	leaf.purl = advisory_text(&c->r, json_get(product, "product_identification_helper"), "purl");
	if (version && path->product_name.n) {
		leaf.product_name = path->product_name;
		leaf.version = branch_name;
		leaf.listed = true;
	} else if (version) {
		leaf.product_name = branch_name;
		leaf.version = name;
	} else {
		leaf.product_name = span_eq_text(category, "product_name") ? branch_name : name;
	}
	return add_leaf(c, &leaf);
}

static int read_branches(struct csaf *c, struct json branches, struct branch_path path, unsigned depth)
{
	if (depth > CSAF_MAX_DEPTH)
		return err_set(c->r.err, RF_ETOOMANY, "branches are more than %d deep", CSAF_MAX_DEPTH);
	for (struct json_each it = json_each(branches); json_next(&it);) {
		int rc = 0;
		if (json_kind(json_get(it.value, "product")) == JSON_OBJECT)
			rc = read_leaf(c, it.value, &path);
		struct branch_path below = path;
		struct span category = json_string(json_get(it.value, "category"));
		if (span_eq_text(category, "product_name"))
			below.product_name = advisory_text(&c->r, it.value, "name");
		else if (span_eq_text(category, "architecture") || span_eq_text(category, "host_name"))
			below.platform = advisory_text(&c->r, it.value, "name");
		if (!rc)
			rc = read_branches(c, json_get(it.value, "branches"), below, depth + 1);
		if (rc)
			return rc;
	}
	return 0;
}

static const struct leaf *find_leaf(const struct csaf *c, struct span id, size_t *ret_index)
{
	void *known = map_get(&c->by_id, span_trim(id));
	if (!known)
		return NULL;
	*ret_index = (size_t)(uintptr_t)known - 1;
	return &c->leaves[*ret_index];
}

/* "installed_on B 2.0": a leaf of its own with A's product and version. References to what is not there yet keep the
 * name only. */
static int read_relationship(struct csaf *c, struct json relationship)
{
	struct json name = json_get(relationship, "full_product_name");
	size_t i;
	const struct leaf *what = find_leaf(c, json_string(json_get(relationship, "product_reference")), &i);
	const struct leaf *on = find_leaf(c, json_string(json_get(relationship, "relates_to_product_reference")), &i);
	struct leaf leaf = { .product_name = advisory_text(&c->r, name, "name") };
	if (what)
		leaf = *what;
	if (what && on) {
		struct span category = json_string(json_get(relationship, "category"));
		struct str *words = advisory_scratch(&c->r);
		str_addf(words, "%.*s%s", SPAN_ARG(what->platform), what->platform.n ? "; " : "");
		if (!span_starts(category, "installed_")) {
			size_t from = words->n;
			str_addf(words, "%.*s ", SPAN_ARG(category));
			for (size_t k = from; k < words->n; k++)
				words->p[k] = words->p[k] == '_' ? ' ' : words->p[k];
		}
		str_addf(words, "%.*s%s%.*s", SPAN_ARG(on->product_name), on->version.n ? " " : "",
			 SPAN_ARG(on->version));
		leaf.platform = advisory_scratch_copy(&c->r);
	}
	leaf.id = advisory_text(&c->r, name, "product_id");
	return add_leaf(c, &leaf);
}

static int read_products(struct csaf *c)
{
	struct json tree = json_get(c->root, "product_tree");
	int rc = read_branches(c, json_get(tree, "branches"), (struct branch_path){ 0 }, 0);
	for (struct json_each it = json_each(json_get(tree, "full_product_names")); !rc && json_next(&it);) {
		struct json helper = json_get(it.value, "product_identification_helper");
		rc = add_leaf(c, &(struct leaf){ .id = advisory_text(&c->r, it.value, "product_id"),
						 .product_name = advisory_text(&c->r, it.value, "name"),
						 .purl = advisory_text(&c->r, helper, "purl") });
	}
	for (struct json_each it = json_each(json_get(tree, "relationships")); !rc && json_next(&it);)
		rc = read_relationship(c, it.value);
	return rc;
}

/* ── Statements ─────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The fixed leaves of one vulnerability, by group: head[group] and next[] are leaf indexes + 1. */
struct fixes {
	uint32_t *head;
	uint32_t *next;
};

static void link_fixes(const struct csaf *c, struct json list, struct fixes *f)
{
	for (struct json_each it = json_each(list); json_next(&it);) {
		size_t i;
		const struct leaf *leaf = find_leaf(c, json_string(it.value), &i);
		if (!leaf || f->next[i])
			continue;
		/* UINT32_MAX ends a chain, so that a linked leaf is never 0 */
		f->next[i] = f->head[leaf->group] ? f->head[leaf->group] : UINT32_MAX;
		f->head[leaf->group] = (uint32_t)i + 1;
	}
}

static void unlink_fixes(const struct csaf *c, struct json list, struct fixes *f)
{
	for (struct json_each it = json_each(list); json_next(&it);) {
		size_t i;
		const struct leaf *leaf = find_leaf(c, json_string(it.value), &i);
		if (leaf)
			f->head[leaf->group] = f->next[i] = 0;
	}
}

/* "v11.0", or all of the group's joined by commas in the order of the document. Chains are short: 4 at most, measured.
 */
#define CSAF_MAX_FIXES_SHOWN 64

static struct span fixed_words(struct csaf *c, const struct fixes *f, size_t group)
{
	size_t chain[CSAF_MAX_FIXES_SHOWN], n = 0;
	for (uint32_t i = f->head[group]; i && i != UINT32_MAX && n < CSAF_MAX_FIXES_SHOWN; i = f->next[i - 1])
		chain[n++] = i - 1;
	if (n == 1)
		return c->leaves[chain[0]].version;
	struct str words = STR_INIT(4 * KIB);
	while (n > 0) {
		struct span version = c->leaves[chain[--n]].version;
		str_addf(&words, "%s%.*s", words.n ? ", " : "", SPAN_ARG(version));
	}
	return advisory_take(&c->r, &words);
}

static int add_statement(struct csaf *c, struct advisory *to, size_t *capacity, struct advisory_statement **ret)
{
	void *items = to->statements, *slot;
	int rc = advisory_grow(c->r.a, &items, &to->statement_count, capacity, sizeof *to->statements,
			       ADVISORY_MAX_STATEMENTS, "products of one vulnerability", &slot, c->r.err);
	to->statements = items;
	if (rc)
		return rc;
	*ret = slot;
	**ret = (struct advisory_statement){ .source = c->r.document->publisher, .authoritative = c->vendor };
	return 0;
}

static const struct product *leaf_product(const struct leaf *leaf)
{
	const struct product *p = leaf->purl.n ? product_by_purl(leaf->purl) : NULL;
	/* of a branch that names no vendor of ours too: a name that is ours is looked at rather than passed over */
	return p ? p : product_by_csaf_name(leaf->product_name);
}

/* ── What goes with a product: remedies, and why it is not affected ─────────────────────────────────────────────────
 */

/* In the order in which they help; the best one is shown. */
static const char *const remedies[] = { "vendor_fix", "mitigation", "workaround", "none_available", "no_fix_planned" };

struct advice {
	struct json remedy; /* absent: none */
	size_t rank;
	struct span justification; /* in the document's own memory until it is copied */
};

static size_t remedy_rank(struct span category)
{
	size_t i = 0;
	while (i < RF_COUNT(remedies) && !span_eq_text(category, remedies[i]))
		i++;
	return i;
}

/* Calls for each product that an item names, by product_ids and by group_ids. */
static void each_product(struct csaf *c, struct json item, void (*visit)(struct advice *, struct json item))
{
	size_t i;
	for (struct json_each it = json_each(json_get(item, "product_ids")); json_next(&it);)
		if (find_leaf(c, json_string(it.value), &i))
			visit(&c->advice[i], item);
	for (struct json_each it = json_each(json_get(item, "group_ids")); json_next(&it);)
		for (struct json_each g = json_each(json_path(c->root, "product_tree", "product_groups", NULL));
		     json_next(&g);)
			if (span_eq(json_string(json_get(g.value, "group_id")), json_string(it.value)))
				for (struct json_each p = json_each(json_get(g.value, "product_ids")); json_next(&p);)
					if (find_leaf(c, json_string(p.value), &i))
						visit(&c->advice[i], item);
}

static void take_remedy(struct advice *a, struct json item)
{
	size_t rank = remedy_rank(json_string(json_get(item, "category")));
	if (json_kind(a->remedy) != JSON_ABSENT && rank >= a->rank)
		return;
	a->remedy = item;
	a->rank = rank;
}

static void take_flag(struct advice *a, struct json item)
{
	a->justification = json_string(json_get(item, "label"));
}

static void take_impact(struct advice *a, struct json item)
{
	if (!a->justification.n && span_eq_text(json_string(json_get(item, "category")), "impact"))
		a->justification = json_string(json_get(item, "details"));
}

static void forget(struct advice *a, struct json item)
{
	(void)item;
	*a = (struct advice){ 0 };
}

static void each_advice(struct csaf *c, struct json vulnerability, bool forgetting)
{
	static const struct {
		const char *key;
		void (*take)(struct advice *, struct json);
	} lists[] = { { "remediations", take_remedy }, { "flags", take_flag }, { "threats", take_impact } };
	for (size_t i = 0; i < RF_COUNT(lists); i++)
		for (struct json_each it = json_each(json_get(vulnerability, lists[i].key)); json_next(&it);)
			each_product(c, it.value, forgetting ? forget : lists[i].take);
}

static void add_advice(struct csaf *c, struct advisory_statement *s, const struct advice *a)
{
	if (json_kind(a->remedy) == JSON_OBJECT) {
		struct span category = json_string(json_get(a->remedy, "category"));
		struct span details = advisory_cut(json_string(json_get(a->remedy, "details")), 600);
		s->remedy = advisory_prose(&c->r, advisory_join(&c->r, category, SPAN(": "), details));
	}
	if (s->status == STATEMENT_NOT_AFFECTED)
		s->justification = advisory_prose(&c->r, a->justification);
}

enum listed { LISTED_AFFECTED, LISTED_FIRST, LISTED_LAST, LISTED_NOT_AFFECTED, LISTED_INVESTIGATED, LISTED_FIXED };

/* CSAF 2.0, 3.2.3.9: "first_affected" and "last_affected" are ends, and a version there is not the only one. Words that
 * are no version say for themselves what they mean. */
static struct span listed_words(struct csaf *c, const struct leaf *leaf, const struct product *product, enum listed how)
{
	bool end = how == LISTED_FIRST || how == LISTED_LAST;
	if (!end || !product || !version_is_readable(product_scheme(product), leaf->version))
		return leaf->version;
	return advisory_join(&c->r, how == LISTED_FIRST ? SPAN(">= ") : SPAN("<= "), leaf->version, SPAN_NONE);
}

static int fill_statement(struct csaf *c, struct advisory_statement *s, const struct leaf *leaf, const struct fixes *f,
			  enum listed how)
{
	s->product = leaf_product(leaf);
	s->purl = leaf->purl;
	s->product_name = leaf->product_name;
	s->platform = leaf->platform;
	s->status = how == LISTED_NOT_AFFECTED ? STATEMENT_NOT_AFFECTED : STATEMENT_AFFECTED;
	if (how != LISTED_FIXED)
		s->affected_text = listed_words(c, leaf, s->product, how);
	if (how == LISTED_AFFECTED || how == LISTED_FIRST || how == LISTED_LAST)
		s->fixed_text = fixed_words(c, f, leaf->group);
	if (how == LISTED_FIXED)
		s->fixed_text = leaf->version;
	if (!s->product) {
		advisory_no_product(s);
		return 0;
	}
	int rc = advisory_read_words(&c->r, s, leaf->listed);
	if (rc)
		return rc;
	if (how == LISTED_INVESTIGATED) {
		s->rule = SPAN("under investigation by the vendor");
		s->range->readable = false;
		s->review = true;
	}
	return 0;
}

static int read_list(struct csaf *c, struct json list, enum listed how, const struct fixes *f, struct advisory *to,
		     size_t *capacity)
{
	for (struct json_each it = json_each(list); json_next(&it);) {
		size_t i;
		struct advisory_statement *s;
		const struct leaf *leaf = find_leaf(c, json_string(it.value), &i);
		int rc = add_statement(c, to, capacity, &s);
		if (rc)
			return rc;
		if (leaf) {
			rc = fill_statement(c, s, leaf, f, how);
			add_advice(c, s, &c->advice[i]);
		} else {
			s->product_name = advisory_copy(&c->r, json_string(it.value));
			s->rule = SPAN("the product id is not in the product tree (CSAF 6.1.1)");
			s->review = true;
			rc = advisory_warn(&c->r, "product id %.*s is not in the product tree (CSAF 6.1.1)",
					   SPAN_ARG(s->product_name));
		}
		if (rc)
			return rc;
	}
	return 0;
}

/* Fixes of groups that no affected product is in: what was affected is not said, so a person must look. */
static int read_lone_fixes(struct csaf *c, struct json list, struct fixes *f, struct json affected, struct advisory *to,
			   size_t *capacity)
{
	for (struct json_each it = json_each(affected); json_next(&it);) {
		size_t i;
		const struct leaf *leaf = find_leaf(c, json_string(it.value), &i);
		if (leaf)
			f->head[leaf->group] = 0;
	}
	for (struct json_each it = json_each(list); json_next(&it);) {
		size_t i;
		const struct leaf *leaf = find_leaf(c, json_string(it.value), &i);
		if (!leaf || !f->head[leaf->group])
			continue;
		struct advisory_statement *s;
		int rc = add_statement(c, to, capacity, &s);
		if (!rc)
			rc = fill_statement(c, s, leaf, f, LISTED_FIXED);
		if (rc)
			return rc;
	}
	return 0;
}

static int read_status(struct csaf *c, struct json vulnerability, struct fixes *f, struct advisory *to)
{
	static const struct {
		const char *name;
		enum listed how;
	} lists[] = { { "known_affected", LISTED_AFFECTED },
		      { "first_affected", LISTED_FIRST },
		      { "last_affected", LISTED_LAST },
		      { "under_investigation", LISTED_INVESTIGATED },
		      { "known_not_affected", LISTED_NOT_AFFECTED } };
	struct json status = json_get(vulnerability, "product_status");
	struct json fixed = json_get(status, "fixed"), first_fixed = json_get(status, "first_fixed");
	struct json recommended = json_get(status, "recommended");
	size_t capacity = 0;
	int rc = 0;
	each_advice(c, vulnerability, false);
	link_fixes(c, fixed, f);
	link_fixes(c, first_fixed, f);
	link_fixes(c, recommended, f);
	for (size_t i = 0; i < RF_COUNT(lists) && !rc; i++)
		rc = read_list(c, json_get(status, lists[i].name), lists[i].how, f, to, &capacity);
	if (!rc)
		rc = read_lone_fixes(c, fixed, f, json_get(status, "known_affected"), to, &capacity);
	each_advice(c, vulnerability, true);
	unlink_fixes(c, fixed, f);
	unlink_fixes(c, first_fixed, f);
	unlink_fixes(c, recommended, f);
	return rc;
}

/* ── Vulnerabilities ────────────────────────────────────────────────────────────────────────────────────────────── */

static int add_score(struct csaf *c, struct json score, const char *type, struct advisory *to, size_t *capacity)
{
	if (json_kind(score) != JSON_OBJECT)
		return 0;
	struct span vector = json_string(json_get(score, "vectorString"));
	for (size_t i = 0; i < to->severity_count; i++)
		if (span_eq(to->severities[i].vector, vector))
			return 0;
	struct advisory_severity *s;
	int rc = advisory_add_severity(&c->r, to, capacity, c->r.document->publisher, type, vector, &s);
	if (rc)
		return rc;
	s->rating = advisory_text(&c->r, score, "baseSeverity");
	advisory_stated_score(s, json_get(score, "baseScore"));
	return 0;
}

static int read_scores(struct csaf *c, struct json list, struct advisory *to)
{
	size_t capacity = 0;
	int rc = 0;
	for (struct json_each it = json_each(list); !rc && json_next(&it);) {
		/* 2.1 calls the list metrics and has the scores one deeper */
		struct json content = json_get(it.value, "content"),
			    score = json_kind(content) == JSON_OBJECT ? content : it.value;
		rc = add_score(c, json_get(score, "cvss_v3"), "CVSS_V3", to, &capacity);
		if (!rc)
			rc = add_score(c, json_get(score, "cvss_v2"), "CVSS_V2", to, &capacity);
		if (!rc)
			rc = add_score(c, json_get(score, "cvss_v4"), "CVSS_V4", to, &capacity);
	}
	return rc;
}

static struct span note(struct csaf *c, struct json notes)
{
	struct span best = SPAN_NONE;
	for (struct json_each it = json_each(notes); json_next(&it);) {
		struct span category = json_string(json_get(it.value, "category"));
		if (span_eq_text(category, "summary") || span_eq_text(category, "description")) {
			best = json_string(json_get(it.value, "text"));
			break;
		}
		if (!best.n)
			best = json_string(json_get(it.value, "text"));
	}
	return advisory_prose(&c->r, best);
}

static struct span vulnerability_id(struct csaf *c, struct json v, size_t number)
{
	struct span id = json_string(json_get(v, "cve"));
	for (struct json_each it = json_each(json_get(v, "ids")); !id.n && json_next(&it);)
		id = json_string(json_get(it.value, "text"));
	id = span_trim(id);
	if (!id.n || id.n > ADVISORY_MAX_ID)
		return advisory_printf(&c->r, "%.*s#%zu", SPAN_ARG(advisory_cut(c->tracking_id, 100)), number + 1);
	return advisory_copy(&c->r, id);
}

/* NVIDIA titles bulletins, not vulnerabilities: what kind of flaw it is tells them apart in a list. */
static struct span given_title(struct csaf *c, struct json v)
{
	struct span weakness = json_string(json_path(v, "cwe", "name", NULL));
	if (!weakness.n)
		return c->r.document->title;
	return advisory_prose(&c->r, advisory_printf(&c->r, "%.*s (%.*s)", SPAN_ARG(advisory_cut(weakness, 300)),
						     SPAN_ARG(advisory_cut(c->r.document->title, 300))));
}

static int read_vulnerability(struct csaf *c, struct json v, size_t number, struct fixes *f)
{
	struct advisory *to;
	int rc = advisory_add(&c->r, &to);
	if (rc)
		return rc;
	struct span reason;
	to->id = vulnerability_id(c, v, number);
	to->record_id = c->tracking_id;
	to->is_drill = span_starts(to->id, "DRILL-");
	to->tlp = c->tlp;
	to->title = advisory_prose(&c->r, json_string(json_get(v, "title")));
	if (!to->title.n)
		to->title = given_title(c, v);
	to->summary = note(c, json_get(v, "notes"));
	if (advisory_text_rejects(to->summary, &reason)) {
		to->state = ADVISORY_REJECTED;
		to->state_reason = reason;
	}
	to->cwe = advisory_text(&c->r, json_get(v, "cwe"), "id");
	for (struct json_each it = json_each(json_get(v, "references")); !to->url.n && json_next(&it);)
		to->url = advisory_text(&c->r, it.value, "url");
	to->published = advisory_time(&c->r, v, "release_date", &to->published_has_time);
	if (to->published == USEC_NONE) {
		to->published = c->released;
		to->published_has_time = c->released_has_time;
	}
	to->modified = c->modified;
	rc = read_scores(c, json_get(v, json_kind(json_get(v, "metrics")) ? "metrics" : "scores"), to);
	return rc ? rc : read_status(c, v, f, to);
}

static int read_document(struct csaf *c)
{
	struct advisory_document *d = c->r.document;
	struct json document = json_get(c->root, "document"), tracking = json_get(document, "tracking");
	struct json publisher = json_get(document, "publisher");
	d->id = c->tracking_id = advisory_text(&c->r, tracking, "id");
	if (!d->id.n || d->id.n > ADVISORY_MAX_ID) {
		(void)err_set(c->r.err, RF_EFORMAT, "a document has a tracking id of 1 to %d bytes (CSAF 3.2.1.12.4)",
			      ADVISORY_MAX_ID);
		return c->r.err ? err_in_field(c->r.err, "document.tracking.id") : RF_EFORMAT;
	}
	d->title = advisory_prose(&c->r, json_string(json_get(document, "title")));
	d->publisher = advisory_text(&c->r, publisher, "name");
	if (!d->publisher.n) {
		(void)err_set(c->r.err, RF_EFORMAT, "a document names its publisher (CSAF 3.2.1.8)");
		return c->r.err ? err_in_field(c->r.err, "document.publisher.name") : RF_EFORMAT;
	}
	c->vendor = span_eq_text(json_string(json_get(publisher, "category")), "vendor");
	c->released = advisory_time(&c->r, tracking, "initial_release_date", &c->released_has_time);
	c->modified = advisory_time(&c->r, tracking, "current_release_date", NULL);
	struct span label = json_string(json_path(document, "distribution", "tlp", "label", NULL));
	if (label.n && !tlp_read(label, &c->tlp)) {
		c->tlp = TLP_RED; /* a mark that is not understood keeps the text in the house */
		return advisory_warn(&c->r, "TLP label \"%.*s\" is not known: treated as RED",
				     SPAN_ARG(advisory_cut(label, 40)));
	}
	return 0;
}

static int read_all(struct csaf *c)
{
	int rc = read_document(c);
	if (!rc)
		rc = read_products(c);
	if (rc)
		return rc;
	struct fixes f = { arena_array(c->r.a, c->group_count + 1, sizeof(uint32_t)),
			   arena_array(c->r.a, c->leaf_count + 1, sizeof(uint32_t)) };
	c->advice = arena_array(c->r.a, c->leaf_count + 1, sizeof *c->advice);
	if (!f.head || !f.next || !c->advice)
		return err_set(c->r.err, RF_ENOMEM, "products of a document");
	size_t number = 0;
	for (struct json_each it = json_each(json_get(c->root, "vulnerabilities")); !rc && json_next(&it); number++) {
		rc = read_vulnerability(c, it.value, number, &f);
		if (rc && c->r.err)
			(void)err_in_field(c->r.err, "vulnerabilities[%zu]", number);
	}
	return rc;
}

int advisory_csaf_parse(struct arena *a, struct json root, struct advisory_document *ret, struct err *err)
{
	struct csaf c = {
		.r = { .a = a, .err = err, .document = ret }, .root = root, .released = USEC_NONE, .modified = USEC_NONE
	};
	int rc = read_all(&c);
	map_release(&c.by_id);
	map_release(&c.groups);
	return advisory_finish(&c.r, rc);
}
