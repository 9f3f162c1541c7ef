/* What `check` judges by: a signed bundle, the workspace's database, or the file alone. See check.h. */
#include "cli/check.h"
#include "cli/gate.h"

#include "build/quarantine.h"
#include "gate/bundle.h"
#include "gate/snapshot_build.h"
#include "inventory/inventory.h"
#include "version/product.h"

#define SNAPSHOT_BYTES (1 * GIB)
/* Purls that one subject is asked about: products of ours among its components. */
#define MAX_PURLS 4096

/* ── Names of services and environments ─────────────────────────────────────────────────────────────────────────── */

static int names_check(struct check_run *r)
{
	struct gate_names names;
	const struct workspace *w = r->site.workspace;
	gate_names_init(&names, r->service, r->environment);
	if (r->bundle)
		gate_names_of_snapshot(&names, r->bundle);
	for (size_t i = 0; !r->bundle && w && i < w->services_n; i++)
		gate_name_add(&names.service, span_of(w->services[i].name));
	for (size_t i = 0; !r->bundle && w && i < w->environments_n; i++)
		gate_name_add(&names.environment, span_of(w->environments[i].name));
	return gate_names_end(&names, r->err);
}

/* ── Opening ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A depot that is not there yet is not made: a check writes nothing. */
static int site_take(struct check_run *r)
{
	int rc = site_open(r->in, SITE_DATABASE, &r->site, r->err);
	r->has_site = true; /* half-opened: to be released all the same */
	if (rc == 0 && fs_is_dir(r->site.workspace->depot))
		rc = depot_open(r->site.workspace->depot, &r->site.depot, r->err);
	/* without a public key nothing that is signed can be opened: for the policy to judge */
	if (rc == 0 && site_has_public_key(r->site.workspace, "release"))
		rc = site_public_key(r->site.workspace, "release", &r->release_key, r->err);
	return rc;
}

static int bundle_take(struct check_run *r, const char *path, const char *key_path)
{
	RF_AUTO_PTR(verify_key) key = NULL;
	if (!path || !key_path)
		return err_set(r->err, RF_EUSAGE, "--bundle and --key go together: the bundle, and the public key it is signed with");
	int rc = verify_key_load(key_path, &key, r->err);
	if (rc == 0)
		rc = gate_bundle_read(path, key, &r->bundle, NULL, r->err);
	if (rc == 0)
		gate_stand_back(r->in, r->now, r->bundle);
	if (rc == 0 && r->bundle->head.release_key.n) {
		rc = verify_key_read(r->bundle->head.release_key, &r->release_key, r->err);
		rc = rc ? err_prefix(r->err, "the release key in the bundle: ") : 0;
	}
	return rc;
}

int check_knowledge_open(struct check_run *r)
{
	char folder[FS_PATH_MAX];
	const char *bundle = option_text(r->in, "bundle", NULL), *key = option_text(r->in, "key", NULL);
	int rc = 0;
	if (bundle || key)
		rc = bundle_take(r, bundle, key);
	else if (r->in->workspace || workspace_find(".", folder, sizeof folder, NULL) == 0 || r->service.n || r->environment.n)
		rc = site_take(r);
	if (rc == 0)
		rc = gate_papers_new(r->release_key, &r->papers, r->err);
	return rc ? rc : names_check(r);
}

/* ── What a hundred subjects are judged by ──────────────────────────────────────────────────────────────────────── */

bool check_needs_knowledge(const struct check_question *q)
{
	const struct artifact_facts *f = q->subject.facts;
	if (f && q->subject.kind == GATE_CONTENT && quarantine_rule(NULL, f))
		return false;
	return !f || q->subject.kind != GATE_CONTENT || f->product || f->component_count;
}

static int nothing_known(struct gate_snapshot **ret, struct err *err)
{
	const struct gate_head head = { .created = USEC_NONE, .as_of = USEC_NONE, .expires = USEC_NONE };
	struct gate_snapshot *s = gate_snapshot_new(SNAPSHOT_BYTES);
	int rc = s ? gate_snapshot_head(s, &head, err) : err_set(err, RF_ENOMEM, "no memory to judge by");
	if (rc == 0)
		rc = gate_snapshot_ready(s, err);
	if (rc == 0)
		*ret = s;
	else
		gate_snapshot_free(s);
	return rc;
}

/* What the waiting subjects name. */
struct part {
	struct check_run *run;
	struct digest digests[CHECK_HUNDRED];
	struct span references[CHECK_HUNDRED], purls[MAX_PURLS];
	struct gate_building_part part;
};

static int purl_add(struct part *p, struct span purl)
{
	for (size_t i = 0; i < p->part.purl_count; i++)
		if (span_eq(p->purls[i], purl))
			return 0;
	if (p->part.purl_count == MAX_PURLS)
		return err_set(p->run->err, RF_ETOOMANY, "more than %d products in %d subjects", MAX_PURLS, CHECK_HUNDRED);
	p->purls[p->part.purl_count++] = purl;
	return 0;
}

static int purls_of(struct part *p, const struct artifact_facts *f)
{
	int rc = f->product ? purl_add(p, span_of(f->product)) : 0;
	for (size_t i = 0; rc == 0 && i < f->component_count; i++)
		if (product_by_purl(f->components[i].product))
			rc = purl_add(p, f->components[i].product);
	return rc;
}

static int part_read(struct part *p)
{
	struct check_run *r = p->run;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < r->count; i++) {
		const struct gate_subject *s = &r->waiting[i].subject;
		if (!digest_is_zero(&s->digest))
			p->digests[p->part.digest_count++] = s->digest;
		if (s->kind == GATE_PURL)
			rc = purl_add(p, s->name);
		else if (s->kind != GATE_CONTENT)
			p->references[p->part.reference_count++] = s->name;
		if (rc == 0 && s->facts)
			rc = purls_of(p, s->facts);
	}
	p->part.digests = p->digests;
	p->part.purls = p->purls;
	p->part.references = p->references;
	return rc;
}

/* What the database knows of them. */
static int known_to_site(struct check_run *r, struct gate_snapshot **ret)
{
	RF_AUTO_FREE struct part *p = rf_alloc(sizeof *p);
	if (!p)
		return err_set(r->err, RF_ENOMEM, "no memory to judge by");
	p->run = r;
	int rc = part_read(p);
	if (rc == 0)
		rc = site_snapshot(&r->site, &(struct site_snapshot){ .expires = USEC_NONE, .highest = TLP_RED, .part = &p->part }, ret,
				   NULL, r->err);
	if (rc == 0)
		gate_stand_back(r->in, r->now, *ret);
	return rc;
}

/* ── What `explain` finds ───────────────────────────────────────────────────────────────────────────────────────── */

struct explaining {
	struct check_run *run;
	const char **explain;
};

static int find_placements(struct transaction *tx, void *data)
{
	struct explaining *e = data;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < e->run->count; i++) {
		const struct check_question *q = &e->run->waiting[i];
		struct inventory_placement *places;
		size_t n;
		bool is_placed = q->subject.kind == GATE_CONTENT && (!q->path || strcmp(q->path, q->name) == 0);
		e->explain[i] = q->subject.kind == GATE_PURL ? q->name : NULL;
		if (!is_placed || span_find(span_of(q->name), SPAN("!/")) != SIZE_MAX)
			continue;
		rc = inventory_placements_of(tx, q->name, 0, &e->run->a, &places, &n);
		if (rc == 0)
			e->explain[i] = q->name;
		rc = rc == RF_ENOTFOUND ? 0 : rc;
	}
	return rc;
}

/* Once: an answer by a rule alone must not read as if advisories had been asked. */
static void say_unasked(struct check_run *r)
{
	for (size_t i = 0; i < r->count && !r->has_said_unasked; i++) {
		const struct artifact_facts *f = r->waiting[i].subject.facts;
		if (check_needs_knowledge(&r->waiting[i]) || !f->product)
			continue;
		fprintf(stderr, "reforge check: no workspace: what the rules of inspection refuse is denied, advisories were not asked\n");
		r->has_said_unasked = true;
	}
}

int check_knowledge(struct check_run *r, const char *explain[CHECK_HUNDRED], struct gate_snapshot **ret)
{
	bool needed = false;
	struct explaining e = { r, explain };
	if (r->bundle) {
		*ret = r->bundle;
		return 0;
	}
	for (size_t i = 0; i < r->count; i++)
		needed |= check_needs_knowledge(&r->waiting[i]);
	int rc = needed && !r->has_site ? site_take(r) : 0;
	if (rc || !r->has_site) {
		struct err unsaid = ERR_INIT;
		say_unasked(r);
		int made = nothing_known(ret, rc ? &unsaid : r->err);
		return rc ? rc : made;
	}
	rc = database_transact(r->site.db, DB_READ, find_placements, &e, r->err);
	return rc ? rc : known_to_site(r, ret);
}

void check_knowledge_release(struct check_run *r)
{
	gate_papers_free(r->papers);
	verify_key_freep(&r->release_key);
	gate_snapshot_free(r->bundle);
	r->papers = NULL;
	r->bundle = NULL;
	if (r->has_site)
		site_release(&r->site);
	r->has_site = false;
}
