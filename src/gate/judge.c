/* Subjects of every kind to facts; facts to the answer. */
#include "gate/judge_int.h"

#include "format/image_reference.h"

static const char *const kind_names[] = { "content", "image", "purl", "release", "model" };

const char *gate_subject_kind_name(enum gate_subject_kind k)
{
	return (size_t)k < RF_COUNT(kind_names) ? kind_names[k] : "content";
}

/* ── a content that the snapshot knows ──────────────────────────────────────────────────────────────────────────── */

static struct gate_content content_of_row(const struct gate_judging *j, const struct gate_artifact *row, bool in_image)
{
	struct gate_content c = { .row = row,
				  .kind = gate_snapshot_text_at(j->s, j->s->kinds[row->kind]).p,
				  .is_engine = row->flags & GATE_ARTIFACT_IS_ENGINE,
				  .finding = row->finding,
				  .carrier = row->flags & GATE_ARTIFACT_IS_IMAGE ? CARRIER_IMAGE : CARRIER_BUILDER,
				  .target = gate_snapshot_text_at(j->s, row->target),
				  .built_at = row->built_at ? (usec_t)row->built_at * USEC_PER_SEC : USEC_NONE,
				  .signatures = row->signatures };
	if (c.kind && strcmp(c.kind, ARTIFACT_RUNTIME_LIBRARY) == 0)
		c.carrier = in_image ? CARRIER_IMAGE : CARRIER_RUNTIME;
	if (row->main != GATE_NONE)
		c.main = j->s->components[row->main].component;
	return c;
}

static enum finding_claim claim_of(enum artifact_finding f, struct span cause)
{
	return f == ARTIFACT_CLEAR || !artifact_cause_doubts_builder(cause) ? CLAIM_CLEAR : f == ARTIFACT_CONFLICT ? CLAIM_CONFLICT : CLAIM_UNKNOWN;
}

/* What @holder says of its own main component goes with what is wrong with the holder. */
static struct gate_asked asked_part(const struct gate_judging *j, uint32_t component, const struct gate_artifact *holder)
{
	const struct gate_component *c = &j->s->components[component];
	struct gate_asked asked = { .component = c->component, .carrier = c->carrier, .index = component };
	if (holder->main == component) {
		asked.claim_cause = gate_snapshot_text_at(j->s, holder->cause);
		asked.claim = claim_of(holder->finding, asked.claim_cause);
	}
	return asked;
}

static bool wants_more(const struct gate_judging *j)
{
	return j->policy.signatures || j->policy.minimum_count || j->policy.engine_max_age_usec;
}

/* What is inside under one name: its own finding, and what the policy wants of engines, once. */
static int judge_inside(struct gate_judging *j, const struct gate_artifact *inner)
{
	struct gate_content c = content_of_row(j, inner, true);
	int rc = gate_judge_own(j, &c);
	if (!rc && c.is_engine)
		rc = gate_judge_claims(j, &c, NULL);
	return !rc && c.is_engine ? gate_judge_policy(j, &c) : rc;
}

static int judge_part(struct gate_judging *j, const struct gate_artifact *row, const struct gate_part *p, bool is_first)
{
	const struct gate_artifact *holder = row;
	int rc = 0;
	if (p->where) /* else where the whole of it is: the place, the row */
		j->where = gate_snapshot_text_at(j->s, p->where);
	if (p->artifact != GATE_NONE) {
		holder = &j->s->artifacts[p->artifact];
		j->artifact = holder->digest;
		j->outer = row->digest;
		if (is_first)
			rc = judge_inside(j, holder);
	}
	if (!rc && p->component != GATE_NONE) {
		const struct gate_asked asked = asked_part(j, p->component, holder);
		rc = gate_judge_component(j, &asked);
		/* a toolchain that made a part of it: the kernels', a model's inside */
		if (!rc && asked.carrier == CARRIER_BUILDER && p->component != holder->main && j->policy.minimum_count) {
			struct gate_content part = { .main = asked.component, .carrier = CARRIER_BUILDER };
			rc = gate_judge_minimum(j, &asked.component, &part);
		}
	}
	return rc;
}

static int judge_set(struct gate_judging *j, const struct gate_artifact *row)
{
	if (row->set == GATE_NONE)
		return 0;
	const struct gate_set *set = &j->s->sets[row->set];
	const struct gate_part *parts = j->s->parts + set->from;
	const struct digest artifact = j->artifact, outer = j->outer;
	const struct span where = j->where;
	/* the others have nothing to say, unless the policy wants something of every engine, or someone wants to see them */
	size_t n = j->q->explain || wants_more(j) || j->line != PLATFORM_ANY ? set->count : set->hot;
	int rc = 0;
	j->by_advisories = true;
	for (size_t i = 0; i < n && !rc; i++) {
		bool is_first = i == 0 || parts[i].artifact != parts[i - 1].artifact || parts[i].where != parts[i - 1].where;
		rc = judge_part(j, row, &parts[i], is_first);
		j->artifact = artifact;
		j->outer = outer;
		j->where = where;
	}
	return rc;
}

/* By what the snapshot knows of it. */
static int judge_known(struct gate_judging *j, const struct gate_artifact *row, const struct gate_subject *s)
{
	struct gate_content c = content_of_row(j, row, false);
	j->artifact = row->digest;
	int rc = gate_judge_own(j, &c);
	if (!rc)
		rc = gate_judge_claims(j, &c, s);
	if (!rc && c.is_engine)
		rc = gate_judge_policy(j, &c);
	return rc ? rc : judge_set(j, row);
}

/* ── a file at hand ─────────────────────────────────────────────────────────────────────────────────────────────── */

/* As exposures see it: what a toolchain built reaches a service by its builder, a library is what runs. */
static bool is_built(const struct artifact_facts *f)
{
	return artifact_kind_is_engine(span_of(f->kind)) || strcmp(f->kind, ARTIFACT_LFS_POINTER) == 0 ||
	       (strcmp(f->kind, ARTIFACT_OTHER) == 0 && f->finding != ARTIFACT_CLEAR);
}

static bool is_image(const struct artifact_facts *f)
{
	return strcmp(f->kind, ARTIFACT_CONTAINER_IMAGE) == 0;
}

static int content_of_facts(const struct gate_judging *j, const struct gate_subject *s, struct gate_content *ret)
{
	const struct artifact_facts *f = s->facts;
	struct gate_content c = { .facts = f,
				  .kind = f->kind,
				  .is_engine = artifact_kind_is_engine(span_of(f->kind)),
				  .finding = f->finding,
				  .carrier = CARRIER_BUILDER,
				  .target = span_of(f->target),
				  .built_at = USEC_NONE };
	int rc = 0;
	if (f->product) {
		c.main = (struct component){ .purl = span_of(f->product), .version = span_of(f->version) };
		rc = product_find(c.main.purl, &c.main.product, j->err);
	}
	if (strcmp(f->kind, ARTIFACT_RUNTIME_LIBRARY) == 0)
		c.carrier = CARRIER_RUNTIME;
	else if (is_image(f) || strcmp(f->kind, ARTIFACT_DOCKERFILE) == 0) /* it tells of images */
		c.carrier = CARRIER_IMAGE;
	c.row = digest_is_zero(&s->digest) ? NULL : gate_snapshot_find(j->s, &s->digest);
	if (c.row) {
		c.signatures = c.row->signatures;
		if (c.row->built_at)
			c.built_at = (usec_t)c.row->built_at * USEC_PER_SEC;
	}
	*ret = c;
	return rc;
}

static bool is_main(const struct artifact_facts *f, const struct artifact_component *part, enum carrier carrier)
{
	enum carrier own = is_built(f) ? CARRIER_BUILDER : CARRIER_RUNTIME;
	return carrier == own && f->product && span_eq_text(part->product, f->product) &&
	       span_eq_text(part->version, f->version);
}

/* Sources often tell the same of one file. */
static bool is_repeated(const struct artifact_facts *f, size_t at)
{
	const struct artifact_component *b = &f->components[at];
	bool builds = strcmp(b->role, ARTIFACT_ROLE_BUILDER) == 0;
	for (size_t i = 0; i < at; i++) {
		const struct artifact_component *a = &f->components[i];
		if (span_eq(a->product, b->product) && span_eq(a->version, b->version) &&
		    (strcmp(a->role, ARTIFACT_ROLE_BUILDER) == 0) == builds)
			return true;
	}
	return false;
}

static int judge_held(struct gate_judging *j, const struct artifact_facts *f, size_t at)
{
	const struct artifact_component *part = &f->components[at];
	enum carrier carrier = strcmp(part->role, ARTIFACT_ROLE_BUILDER) == 0 ? CARRIER_BUILDER
			       : is_image(f)                                  ? CARRIER_IMAGE
									      : CARRIER_RUNTIME;
	const struct product *product;
	int rc = product_find(part->product, &product, j->err);
	/* of tens of thousands of packages few are products of ours: only those are looked for among the others */
	if (rc || !product || is_main(f, part, carrier) || is_repeated(f, at))
		return rc;
	const struct gate_asked asked = { .component = { .product = product, .purl = part->product, .version = part->version },
					  .carrier = carrier,
					  .index = GATE_NONE };
	rc = gate_judge_component(j, &asked);
	if (rc || carrier != CARRIER_BUILDER)
		return rc;
	struct gate_content c = { .main = asked.component, .carrier = CARRIER_BUILDER };
	return gate_judge_minimum(j, &asked.component, &c);
}

static int judge_facts(struct gate_judging *j, const struct gate_subject *s)
{
	const struct artifact_facts *f = s->facts;
	struct gate_content c;
	int rc = content_of_facts(j, s, &c);
	if (!rc && j->line == PLATFORM_ANY && c.row && c.row->main != GATE_NONE)
		j->line = j->s->components[c.row->main].component.line;
	if (!rc)
		rc = gate_judge_own(j, &c);
	if (!rc)
		rc = gate_judge_claims(j, &c, s);
	if (!rc && c.is_engine)
		rc = gate_judge_policy(j, &c);
	bool carries = is_built(f) || strcmp(f->kind, ARTIFACT_RUNTIME_LIBRARY) == 0;
	if (!rc && carries && c.main.product) {
		const struct gate_asked asked = { .component = c.main,
						  .carrier = c.carrier,
						  .index = GATE_NONE,
						  .claim = claim_of(f->finding, span_of(f->cause)),
						  .claim_cause = span_of(f->cause) };
		rc = gate_judge_component(j, &asked);
	}
	for (size_t i = 0; i < f->component_count && !rc; i++)
		rc = judge_held(j, f, i);
	return rc;
}

/* ── subjects ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int unknown(struct gate_judging *j, const char *format, struct span name)
{
	const struct gate_head *h = &j->s->head;
	const char *words = arena_printf(j->a, "%.*s %s", SPAN_ARG(name), format);
	if (words && h->only_count) /* what lies beside a part was never looked for */
		words = arena_printf(j->a, "%s: this bundle covers only %.*s%s", words, SPAN_ARG(h->only[0]),
				     h->only_count > 1 ? " and what else it was made for" : "");
	return words ? gate_fact_own(j, GATE_CAUSE_UNKNOWN_SUBJECT, words) : err_set(j->err, RF_ENOMEM, "facts about a subject");
}

static int judge_runtime(struct gate_judging *j, const struct component *runtime)
{
	const struct gate_asked asked = { .component = *runtime, .carrier = CARRIER_RUNTIME, .index = GATE_NONE };
	return runtime->product ? gate_judge_component(j, &asked) : 0;
}

static int judge_content(struct gate_judging *j, const struct gate_subject *s)
{
	const struct gate_artifact *row = digest_is_zero(&s->digest) ? NULL : gate_snapshot_find(j->s, &s->digest);
	j->artifact = s->digest;
	int rc = s->facts ? judge_facts(j, s) :
		 row	  ? judge_known(j, row, s) :
			    unknown(j, "was never seen here: neither its file nor a record of its digest is at hand", s->name);
	return !rc && s->runtime ? judge_runtime(j, s->runtime) : rc;
}

static bool is_allowed(const struct gate_policy *p, const struct image_reference *ref)
{
	char text[IMAGE_REFERENCE_MAX];
	struct span place = SPAN_NONE;
	if (p->registry_count == 0)
		return true;
	if (ref) {
		struct image_reference bare = *ref;
		bare.tag = bare.digest = SPAN_NONE;
		place = span_of(image_reference_text(&bare, text));
	}
	for (size_t i = 0; i < p->registry_count; i++)
		if (gate_registry_holds(p->registries[i], place))
			return true;
	return false;
}

/* @ref NULL: @name cannot be read, so that nobody knows where a runtime would have it from. */
static int judge_registry(struct gate_judging *j, const struct image_reference *ref, struct span name)
{
	const char *words;
	if (is_allowed(&j->policy, ref))
		return 0;
	if (ref)
		words = arena_printf(j->a, "policy %.*s allows no image of %.*s/%.*s%s%.*s", SPAN_ARG(j->policy.name),
				     SPAN_ARG(ref->registry), SPAN_ARG(ref->folder), ref->folder.n ? "/" : "",
				     SPAN_ARG(ref->repository));
	else
		words = arena_printf(j->a, "policy %.*s allows images of its registries, and %.*s names none that is read here",
				     SPAN_ARG(j->policy.name), SPAN_ARG(name));
	return words ? gate_fact_own(j, GATE_CAUSE_REGISTRY_NOT_ALLOWED, words) :
		       err_set(j->err, RF_ENOMEM, "facts about an image");
}

/* What its tag alone proves, where somebody looked that up. */
static int unseen_image(struct gate_judging *j, const struct gate_subject *s, const char *words)
{
	return s->facts ? judge_facts(j, s) : unknown(j, words, s->name);
}

static int judge_image(struct gate_judging *j, const struct gate_subject *s)
{
	char text[IMAGE_REFERENCE_MAX];
	struct image_reference ref;
	struct digest digest;
	if (image_reference_read(s->name, &ref, NULL)) {
		int denied = judge_registry(j, NULL, s->name);
		return denied ? denied : unknown(j, "is no image reference that is read here", s->name);
	}
	int rc = judge_registry(j, &ref, s->name);
	if (rc)
		return rc;
	/* read just now: what its tag held at another time says nothing about it */
	if (s->facts && !digest_is_zero(&s->digest)) {
		j->artifact = s->digest;
		return judge_facts(j, s);
	}
	/* what runs, where somebody saw that: a tag moves on, and what it left goes on running */
	const struct gate_artifact *running = digest_is_zero(&s->digest) ? NULL : gate_snapshot_find(j->s, &s->digest);
	if (running)
		return judge_known(j, running, NULL);
	if (ref.digest.n) {
		const struct gate_artifact *row =
			digest_read(ref.digest, &digest, NULL) == 0 ? gate_snapshot_find(j->s, &digest) : NULL;
		return row ? judge_known(j, row, NULL) : unseen_image(j, s, "was never scanned");
	}
	struct gate_run run = gate_snapshot_images(j->s, span_of(image_reference_text(&ref, text)));
	for (size_t i = 0; i < run.count && !rc; i++)
		rc = judge_known(j, &j->s->artifacts[run.first[i].artifact], NULL);
	return run.count || rc ? rc : unseen_image(j, s, "was never scanned under this tag");
}

/* Which version it is nobody said: where no advisory says so, too, it is no pass all the same. */
static int judge_versionless(struct gate_judging *j)
{
	for (size_t i = 0; i < j->count; i++)
		if (j->facts[i].kind != FINDING_NOT_AFFECTED)
			return 0;
	const struct gate_fact fact = { .kind = FINDING_UNKNOWN,
					.cause = finding_cause_name(CAUSE_UNKNOWN_VERSION),
					.severity = -1,
					.published = USEC_NONE,
					.kev = USEC_NONE,
					.reason = SPAN("no version is named, so that it is not known which one runs") };
	return gate_fact_add(j, &fact);
}

static int judge_purl(struct gate_judging *j, const struct gate_subject *s)
{
	struct gate_asked asked = { .index = GATE_NONE };
	int rc = component_read(j->a, s->name, &asked.component, j->err);
	if (rc)
		return rc;
	j->by_advisories = true;
	if (!asked.component.product)
		return gate_fact_own(j, GATE_CAUSE_UNKNOWN_PRODUCT, NULL);
	for (int carrier = CARRIER_BUILDER; carrier <= CARRIER_RUNTIME && !rc; carrier++) {
		asked.carrier = (enum carrier)carrier;
		rc = gate_judge_component(j, &asked);
	}
	struct gate_content c = { .main = asked.component, .carrier = CARRIER_BUILDER };
	if (!rc && !asked.component.version.n)
		rc = judge_versionless(j);
	return rc ? rc : gate_judge_minimum(j, &asked.component, &c);
}

static int judge_row(struct gate_judging *j, const struct gate_row *row)
{
	const char *where = arena_printf(j->a, "row %.*s on %.*s", SPAN_ARG(gate_snapshot_text_at(j->s, row->model)),
					 SPAN_ARG(gate_snapshot_text_at(j->s, row->target)));
	if (!where)
		return err_set(j->err, RF_ENOMEM, "rows of a release");
	j->where = span_of(where);
	int rc = judge_known(j, &j->s->artifacts[row->artifact], NULL);
	if (rc || row->runtime == GATE_NONE)
		return rc;
	const struct gate_component *runtime = &j->s->components[row->runtime];
	const struct gate_asked asked = { .component = runtime->component, .carrier = runtime->carrier, .index = row->runtime };
	return gate_judge_component(j, &asked);
}

static const struct gate_release *release_of(const struct gate_judging *j, const struct gate_subject *s)
{
	size_t slash = span_find_byte(s->name, '/');
	return slash == SIZE_MAX ? NULL :
				   gate_snapshot_release_find(j->s, span_sub(s->name, 0, slash), span_from(s->name, slash + 1));
}

static int judge_release(struct gate_judging *j, const struct gate_subject *s)
{
	const struct gate_release *r = release_of(j, s);
	if (!r || !gate_snapshot_covers(j->s, s->name))
		return unknown(j, r ? "is known in part" : "is no release that is known here", s->name);
	j->release = arena_printf(j->a, "an advisory has hit release %.*s: ", SPAN_ARG(s->name));
	if (!j->release)
		return err_set(j->err, RF_ENOMEM, "rows of a release");
	int rc = 0;
	for (uint32_t i = 0; i < r->row_count && !rc; i++)
		rc = judge_row(j, &j->s->rows[r->row_from + i]);
	j->where = SPAN_NONE;
	return rc;
}

/* "gpu-01" and "gpu-01.site.example" are one machine. */
static bool is_host(struct span a, struct span b)
{
	struct span shorter = a.n < b.n ? a : b, longer = a.n < b.n ? b : a;
	return span_eq(shorter, longer) ||
	       (shorter.n && longer.p[shorter.n] == '.' && memcmp(shorter.p, longer.p, shorter.n) == 0);
}

/* What is known of @r is about the subject's own place, and no other of that name. */
static bool is_about(const struct gate_question *q, const struct gate_subject *subject, bool by_node, const struct gate_reference *r)
{
	struct span holder = gate_snapshot_text_at(q->snapshot, r->holder);
	if (!holder.n)
		return true;
	if (by_node && span_starts(subject->name, "/"))
		return is_host(holder, subject->node);
	if (!q->namespace_.n || !span_starts(subject->name, "pvc://") || !span_starts(holder, GATE_CLUSTER_HOST))
		return true;
	size_t slash = span_rfind_byte(holder, '/');
	struct span cluster = span_sub(holder, sizeof GATE_CLUSTER_HOST - 1, slash - (sizeof GATE_CLUSTER_HOST - 1));
	return span_eq(span_from(holder, slash + 1), q->namespace_) && (!q->cluster.n || span_eq(cluster, q->cluster));
}

static struct gate_run places_of(const struct gate_snapshot *s, const struct gate_subject *subject, struct span *ret_name)
{
	*ret_name = subject->name;
	while (ret_name->n > 1 && ret_name->p[ret_name->n - 1] == '/')
		ret_name->n--;
	return gate_snapshot_models(s, *ret_name, true);
}

static bool is_by_node(const struct gate_snapshot *s, const struct gate_subject *subject)
{
	return subject->node.n && gate_snapshot_has_host(s, subject->node);
}

bool gate_model_is_known(const struct gate_question *q, const struct gate_subject *subject)
{
	struct span name;
	struct gate_run run = places_of(q->snapshot, subject, &name);
	bool by_node = is_by_node(q->snapshot, subject);
	for (size_t i = 0; i < run.count; i++)
		if (is_about(q, subject, by_node, &run.first[i]))
			return true;
	return false;
}

/* One content at one place, which @n entries tell of, each with its host. */
static int judge_place(struct gate_judging *j, struct span name, const struct gate_reference *r, size_t n)
{
	struct span place = gate_snapshot_text_at(j->s, r->text), holder = gate_snapshot_text_at(j->s, r->holder);
	bool is_same = span_eq(place, name);
	j->where = is_same ? SPAN_NONE : place; /* the subject is the place itself */
	if (holder.n) {
		const char *words = arena_printf(j->a, "%.*s%s %.*s", SPAN_ARG(is_same ? SPAN("its place") : place),
						 span_starts(holder, GATE_CLUSTER_HOST) ? " in" : " on", SPAN_ARG(holder));
		if (words && n > 1)
			words = arena_printf(j->a, "%s and %zu other hosts", words, n - 1);
		if (!words)
			return err_set(j->err, RF_ENOMEM, "facts about a model");
		j->where = span_of(words);
	}
	int rc = judge_known(j, &j->s->artifacts[r->artifact], NULL);
	j->where = SPAN_NONE;
	return rc;
}

#define RELEASE_PLACE "release " /* in front of SERVICE/NAME */

static int judge_model(struct gate_judging *j, const struct gate_subject *s)
{
	struct span name;
	struct gate_run run = places_of(j->s, s, &name);
	bool by_node = is_by_node(j->s, s);
	size_t known = 0;
	struct span release = span_starts(name, RELEASE_PLACE) ? span_from(name, sizeof RELEASE_PLACE - 1) : name;
	bool is_part = !gate_snapshot_covers(j->s, release);
	int rc = run.count && is_part ? unknown(j, "is known in part", s->name) : 0;
	for (size_t i = 0, n; i < run.count && !rc; i += n) {
		const struct gate_reference *first = NULL;
		size_t about = 0;
		for (n = 0; i + n < run.count && run.first[i + n].text == run.first[i].text &&
			    run.first[i + n].artifact == run.first[i].artifact; n++)
			if (is_about(j->q, s, by_node, &run.first[i + n]) && about++ == 0)
				first = &run.first[i + n];
		known += about;
		rc = first ? judge_place(j, name, first, about) : 0;
	}
	if (rc)
		return rc;
	if (known && (!s->node.n || by_node || !span_starts(name, "/")))
		return 0;
	if (known)
		return unknown(j, "is on a node that was never scanned; it is judged by the hosts that have it", s->name);
	return run.count ? unknown(j, "is known elsewhere, and not in the namespace or on the node that this is about", s->name) :
			   unknown(j, "is no place of models that is known here", s->name);
}

static int (*const judges[])(struct gate_judging *, const struct gate_subject *) = {
	[GATE_CONTENT] = judge_content, [GATE_IMAGE] = judge_image, [GATE_PURL] = judge_purl,
	[GATE_RELEASE] = judge_release, [GATE_MODEL] = judge_model,
};

/* ── the snapshot itself ────────────────────────────────────────────────────────────────────────────────────────── */

/* Clocks of two machines differ by seconds; an hour is another day, or a hand on the clock. */
#define CLOCK_SLACK USEC_PER_HOUR

static int judge_knowledge(struct gate_judging *j)
{
	const struct gate_head *h = &j->s->head;
	int rc = 0;
	j->artifact = j->outer = (struct digest){ { 0 } };
	if (h->expires != USEC_NONE && j->q->now >= h->expires)
		rc = gate_fact_own(j, GATE_CAUSE_BUNDLE_EXPIRED, NULL);
	if (!rc && h->created != USEC_NONE && j->q->now < h->created - CLOCK_SLACK)
		rc = gate_fact_own(j, GATE_CAUSE_CLOCK_BEHIND, NULL);
	if (!rc && j->by_advisories && !j->s->published_count)
		rc = gate_fact_own(j, GATE_CAUSE_NO_DATA, NULL);
	for (size_t i = 0; j->by_advisories && i < j->s->stale_count && !rc; i++) {
		const struct gate_stale *f = &j->s->stale[i];
		if (j->q->now < f->from)
			continue;
		const char *words = arena_printf(j->a, "feed %.*s is %.*s", SPAN_ARG(f->feed), SPAN_ARG(f->words));
		rc = words ? gate_fact_own(j, GATE_CAUSE_STALE_FEED, words) : err_set(j->err, RF_ENOMEM, "stale feeds");
	}
	return rc;
}

/* ── whose policy ───────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_at_home(const struct gate_homes *homes, struct span service)
{
	for (size_t i = 0; i < homes->count; i++)
		if (span_eq(homes->services[i], service))
			return true;
	return false;
}

static int policy_add(struct gate_judging *j, struct span service)
{
	struct gate_policy other;
	gate_policy_of(&j->s->rules, service, j->environment, &other);
	return gate_policy_stricter(j->a, &j->policy, &other) ? err_set(j->err, RF_ENOMEM, "the strictest of policies") : 0;
}

/*
 * Who may write a workload may write its labels. A service that is not at home there is a claim: taken for what makes the
 * judgement stricter, never for what makes it laxer. To name none is no way out either.
 */
static int choose_policy(struct gate_judging *j, const char **ret_not_at_home)
{
	const struct gate_question *q = j->q;
	struct span claimed = j->service;
	struct gate_homes homes = { 0 };
	int rc = 0;
	*ret_not_at_home = NULL;
	if (q->namespace_.n && !j->s->head.trusts_labels)
		homes = gate_snapshot_homes(j->s, q->cluster, q->namespace_);
	if (!q->namespace_.n || j->s->head.trusts_labels || is_at_home(&homes, claimed)) {
		gate_policy_of(&j->s->rules, claimed, j->environment, &j->policy);
		return 0;
	}
	j->service = SPAN_NONE;
	gate_policy_of(&j->s->rules, SPAN_NONE, j->environment, &j->policy);
	if (claimed.n)
		rc = policy_add(j, claimed);
	for (size_t i = 0; i < homes.ruled && !rc; i++)
		rc = policy_add(j, homes.services[i]);
	/* where it makes no difference whose it is, nobody need be told */
	if (rc || !claimed.n || (!homes.ruled && !gate_snapshot_is_bound(j->s, claimed)))
		return rc;
	*ret_not_at_home = arena_printf(j->a, "service %.*s is not known in namespace %.*s: judged by the strictest policy, without "
					"waivers and debts of the service; if it belongs there, name the namespace at the service",
					SPAN_ARG(claimed), SPAN_ARG(q->namespace_));
	return *ret_not_at_home ? 0 : err_set(j->err, RF_ENOMEM, "whose policy holds");
}

int gate_judge(struct arena *a, const struct gate_question *q, const struct gate_subject *s, struct gate_answer *ret,
	       struct err *err)
{
	struct gate_judging j = { .a = a, .q = q, .s = q->snapshot, .service = q->service, .environment = q->environment,
				  .line = s->line, .err = err };
	const struct gate_release *r = s->kind == GATE_RELEASE ? release_of(&j, s) : NULL;
	/* a release is of one service and environment, whoever asks */
	if (r && !j.service.n)
		j.service = gate_snapshot_text_at(j.s, r->service);
	if (r && !j.environment.n)
		j.environment = gate_snapshot_text_at(j.s, r->environment);
	const char *not_at_home;
	int rc = choose_policy(&j, &not_at_home);
	if (!rc)
		rc = judges[s->kind <= GATE_MODEL ? s->kind : GATE_CONTENT](&j, s);
	if (!rc)
		rc = judge_knowledge(&j);
	if (rc)
		return rc;
	const struct gate_deciding d = { .policy = &j.policy,
					 .fail_on = q->fail_on,
					 .covers = &j.s->covers,
					 .service = j.service,
					 .environment = j.environment,
					 .now = q->now };
	rc = gate_decide(a, &d, j.facts, j.count, ret, err);
	if (!rc)
		ret->not_at_home = not_at_home;
	return rc;
}
