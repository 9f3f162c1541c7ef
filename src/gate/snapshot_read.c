/* What gate_snapshot_write() wrote, or a refusal that says where and why. */
#include "gate/snapshot_bytes.h"

#include "advisory/carried.h"
#include "format/wire.h"
#include "gate/snapshot_bytes_int.h"

struct reading {
	struct wire_in in;
	struct gate_snapshot *s;
	struct arena one; /* of a row */
	struct span *texts;
	uint32_t *numbers; /* of texts, in the snapshot + 1; 0: not asked for yet */
	size_t counts[SNAPSHOT_FIELDS];
	uint32_t *sets; /* where each is kept: two that differed in order alone are one */
	size_t set_count;
	struct gate_part *parts;
	size_t part_room;
	uint64_t artifacts; /* that the head promises */
	struct digest last; /* of them */
	struct vex_trusted *trusted;
	size_t trusted_count;
	int64_t vex_age;
	struct baseline baseline;
	size_t holder_room;
};

/* @rc of a call that set the error. */
static void failed(struct reading *r, int rc)
{
	if (rc && !r->in.failed)
		r->in.failed = rc;
}

static void *room(struct reading *r, size_t n, size_t bytes)
{
	void *p = r->in.failed ? NULL : arena_array(&r->one, n + 1, bytes);
	if (!p && !r->in.failed)
		r->in.failed = err_set(r->in.err, RF_ENOMEM, "snapshot of the gate");
	return p;
}

/* A text of the snapshot's, by number. */
static uint32_t text(struct reading *r, const char *what)
{
	uint64_t n = wire_number(&r->in, r->in.text_count, what);
	if (!n)
		return 0;
	if (!r->numbers[n - 1]) {
		uint32_t number = 0;
		failed(r, gate_snapshot_text(r->s, r->texts[n - 1], &number, r->in.err));
		r->numbers[n - 1] = number + 1;
	}
	return r->numbers[n - 1] - 1;
}

/* One of @count, or none. */
static uint32_t index_of(struct reading *r, uint64_t count, const char *what)
{
	uint64_t n = wire_number(&r->in, count, what);
	return n ? (uint32_t)(n - 1) : GATE_NONE;
}

/* One that must be. */
static uint32_t index_must(struct reading *r, uint64_t count, const char *what)
{
	uint32_t n = index_of(r, count, what);
	if (n == GATE_NONE)
		wire_refuse(&r->in, what, "names none");
	return n;
}

/* A terminated text: one with a NUL inside would be another one. */
static const char *words(struct reading *r, const char *what)
{
	struct span s = wire_text(&r->in, what);
	if (s.n && memchr(s.p, 0, s.n))
		wire_refuse(&r->in, what, "holds a NUL");
	char *copy = room(r, s.n, 1);
	if (copy && s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}

static const char *const *words_list(struct reading *r, size_t most, size_t *ret_n, const char *what)
{
	*ret_n = (size_t)wire_number(&r->in, most, what);
	const char **list = room(r, *ret_n, sizeof *list);
	for (size_t i = 0; list && i < *ret_n; i++)
		list[i] = words(r, what);
	return list;
}

/* ── head, policies, owners ─────────────────────────────────────────────────────────────────────────────────────── */

static void read_head(struct reading *r)
{
	struct gate_head h = { .site = wire_text(&r->in, "site") };
	h.created = wire_moment(&r->in, "created");
	h.as_of = wire_moment(&r->in, "as of");
	h.expires = wire_moment(&r->in, "expires");
	h.release_key = wire_text(&r->in, "release key");
	h.service_label = wire_text(&r->in, "label of services");
	h.trusts_labels = wire_flag(&r->in, "trust in labels");
	h.only_count = (size_t)wire_number(&r->in, GATE_MAX_ONLY, "names of a part");
	struct span *only = room(r, h.only_count, sizeof *only);
	for (size_t i = 0; only && i < h.only_count; i++)
		only[i] = wire_text(&r->in, "name of a part");
	h.only = only;
	r->artifacts = wire_number(&r->in, GATE_MAX_ARTIFACTS, "number of contents");
	if (!r->in.failed)
		failed(r, gate_snapshot_head(r->s, &h, r->in.err));
}

static void read_home(struct reading *r)
{
	struct gate_home h = { .service = wire_text(&r->in, "service at home") };
	h.cluster = wire_text(&r->in, "cluster of a service");
	h.namespace_ = wire_text(&r->in, "namespace of a service");
	if (!r->in.failed)
		failed(r, gate_snapshot_home(r->s, &h, r->in.err));
}

static struct workspace_period read_period(struct reading *r, const char *what)
{
	struct workspace_period p = { .is_set = wire_flag(&r->in, what) };
	p.usec = wire_moment(&r->in, what);
	if (p.usec < 0)
		wire_refuse(&r->in, what, "is negative");
	return p;
}

static struct workspace_score read_score(struct reading *r, const char *what)
{
	uint64_t n = wire_number(&r->in, WORKSPACE_SCORE_NEVER + 1, what);
	return n ? (struct workspace_score){ true, (int)(n - 1) } : (struct workspace_score){ false, 0 };
}

static enum workspace_action read_action(struct reading *r, const char *what)
{
	return (enum workspace_action)wire_number(&r->in, WORKSPACE_ACTION_DENY, what);
}

static void read_minimum(struct reading *r, struct workspace_policy *p)
{
	p->minimum_n = (size_t)wire_number(&r->in, WORKSPACE_POLICY_MAX_NAMES, "minimum");
	struct workspace_minimum *list = room(r, p->minimum_n, sizeof *list);
	for (size_t i = 0; list && i < p->minimum_n; i++) {
		list[i].product = words(r, "product of a minimum");
		list[i].version = words(r, "version of a minimum");
	}
	p->minimum = list;
}

static void read_signatures(struct reading *r, struct workspace_policy *p)
{
	p->signatures_n = (size_t)wire_number(&r->in, WORKSPACE_POLICY_MAX_NAMES, "signatures");
	enum workspace_signature *list = room(r, p->signatures_n, sizeof *list);
	for (size_t i = 0; list && i < p->signatures_n; i++)
		list[i] = (enum workspace_signature)wire_number(&r->in, WORKSPACE_SIGNATURE_PROOF, "signature");
	p->signatures = list;
}

static void read_policy(struct reading *r)
{
	struct workspace_policy p = { .name = words(r, "name of a policy") };
	p.services = words_list(r, WORKSPACE_POLICY_MAX_NAMES, &p.services_n, "service of a policy");
	p.environments = words_list(r, WORKSPACE_POLICY_MAX_NAMES, &p.environments_n, "environment of a policy");
	p.mode = (enum workspace_mode)wire_number(&r->in, WORKSPACE_MODE_AUDIT, "mode");
	p.unknown = read_action(r, "unknown");
	p.conflict = read_action(r, "conflict");
	p.unknown_subject = read_action(r, "unknown subject");
	p.stale = read_action(r, "stale");
	p.expired = read_action(r, "expired");
	p.unsigned_ = read_action(r, "unsigned");
	p.warn_from = read_score(r, "warn from");
	p.deny_from = read_score(r, "deny from");
	p.grace = read_period(r, "grace");
	p.engine_max_age = read_period(r, "maximum age");
	read_minimum(r, &p);
	read_signatures(r, &p);
	p.registries = words_list(r, WORKSPACE_POLICY_MAX_NAMES, &p.registries_n, "registry of a policy");
	if (!r->in.failed)
		failed(r, gate_snapshot_policy(r->s, &p, r->in.err));
}

static void read_stale(struct reading *r)
{
	struct gate_stale t = { .feed = wire_text(&r->in, "feed") };
	t.words = wire_text(&r->in, "words about a feed");
	t.as_of = wire_moment(&r->in, "as of");
	t.from = wire_moment(&r->in, "stale from");
	if (!r->in.failed)
		failed(r, gate_snapshot_stale(r->s, &t, r->in.err));
}

static void read_service(struct reading *r)
{
	struct gate_service v = { .name = wire_text(&r->in, "name of a service") };
	v.owner = wire_text(&r->in, "owner");
	v.contact = wire_text(&r->in, "contact");
	v.deputy = wire_text(&r->in, "deputy");
	if (!r->in.failed)
		failed(r, gate_snapshot_service(r->s, &v, r->in.err));
}

/* ── advisories, contents ───────────────────────────────────────────────────────────────────────────────────────── */

static void read_advisory(struct reading *r)
{
	struct arena *a = gate_snapshot_arena(r->s);
	struct span bytes = arena_span(a, r->in.row.message);
	struct stored_advisory *v = arena_alloc(a, sizeof *v);
	if (!bytes.p || !v) {
		failed(r, err_set(r->in.err, RF_ENOMEM, "snapshot of the gate"));
		return;
	}
	failed(r, carried_read(a, bytes, v, r->in.err));
	if (!r->in.failed)
		failed(r, gate_snapshot_advisory(r->s, v, r->in.err));
	r->in.row.at = r->in.row.message.n;
}

static void read_component(struct reading *r)
{
	struct component c = { .purl = wire_text(&r->in, "purl") };
	uint32_t number, expected = (uint32_t)r->s->component_count;
	c.product = c.purl.n ? product_by_purl(c.purl) : NULL;
	c.version = wire_text(&r->in, "version");
	c.line = (enum platform_line)wire_number(&r->in, PLATFORM_JETPACK, "line of a component");
	enum carrier carrier = (enum carrier)wire_number(&r->in, CARRIER_COUNT - 1, "carrier");
	if (r->in.failed)
		return;
	failed(r, gate_snapshot_component(r->s, &c, carrier, &number, r->in.err));
	if (!r->in.failed && number != expected)
		wire_refuse(&r->in, "a component", "is there twice");
}

/* Parts of one set, into r->parts, which grows with the largest. */
static size_t read_parts(struct reading *r)
{
	size_t n = 0;
	for (; wire_more(&r->in); n++) {
		if (n == r->part_room) {
			size_t more = n ? 2 * n : 256;
			struct gate_part *list = rf_realloc_array(r->parts, more, sizeof *list);
			if (!list) {
				failed(r, err_set(r->in.err, RF_ENOMEM, "snapshot of the gate"));
				return 0;
			}
			r->parts = list;
			r->part_room = more;
		}
		r->parts[n].component = index_of(r, r->s->component_count, "component of a part");
		r->parts[n].artifact = index_of(r, r->artifacts, "content of a part");
		r->parts[n].where = text(r, "where a part is");
	}
	return n;
}

static void read_set(struct reading *r)
{
	size_t n = read_parts(r);
	if (!r->in.failed && !n)
		wire_refuse(&r->in, "a set", "is empty");
	if (r->in.failed)
		return;
	failed(r, gate_snapshot_set(r->s, r->parts, n, &r->sets[r->set_count++], r->in.err));
}

static void read_artifact(struct reading *r)
{
	struct gate_artifact a = { 0 };
	uint32_t number;
	struct span digest = wire_bytes(&r->in, DIGEST_BYTES, "digest");
	a.set = index_of(r, r->set_count, "set of a content");
	if (a.set != GATE_NONE)
		a.set = r->sets[a.set];
	a.main = index_of(r, r->s->component_count, "component of a content");
	a.target = text(r, "target");
	a.cause = text(r, "cause");
	a.rules = text(r, "rules");
	a.built_at = (uint32_t)wire_number(&r->in, UINT32_MAX, "built at");
	a.first_seen = (uint32_t)wire_number(&r->in, UINT32_MAX, "first seen");
	struct span kind = wire_text(&r->in, "kind");
	a.finding = (uint8_t)wire_number(&r->in, ARTIFACT_CONFLICT, "finding");
	a.signatures = (unsigned)wire_number(&r->in, 15, "signatures") & 15u;
	a.flags = (unsigned)wire_number(&r->in, GATE_ARTIFACT_IS_IMAGE | GATE_ARTIFACT_IS_ENGINE, "flags") & 15u;
	if (r->in.failed)
		return;
	memcpy(a.digest.bytes, digest.p, DIGEST_BYTES);
	if (r->s->artifact_count && memcmp(r->last.bytes, a.digest.bytes, DIGEST_BYTES) >= 0)
		wire_refuse(&r->in, "a digest", "is not above the one before it");
	if (r->s->artifact_count == r->artifacts)
		wire_refuse(&r->in, "contents", "are more than the head says");
	r->last = a.digest;
	if (!r->in.failed)
		failed(r, gate_snapshot_artifact(r->s, &a, kind, &number, r->in.err));
}

static void read_image(struct reading *r)
{
	struct span reference = wire_text(&r->in, "reference");
	uint32_t artifact = index_must(r, r->artifacts, "content of a reference");
	if (!r->in.failed)
		failed(r, gate_snapshot_image(r->s, reference, artifact, r->in.err));
}

static void read_model(struct reading *r)
{
	struct span reference = wire_text(&r->in, "reference");
	uint32_t artifact = index_must(r, r->artifacts, "content of a reference");
	struct span holder = wire_text(&r->in, "host of a reference");
	if (!r->in.failed)
		failed(r, gate_snapshot_model_of(r->s, reference, holder, artifact, r->in.err));
}

static void read_release(struct reading *r)
{
	struct gate_release v = { .service = text(r, "service of a release") };
	uint32_t number;
	v.environment = text(r, "environment of a release");
	v.name = text(r, "name of a release");
	uint64_t flags = wire_number(&r->in, SNAPSHOT_SIGNED | SNAPSHOT_AS_FOUND, "flags of a release");
	v.is_signed = flags & SNAPSHOT_SIGNED;
	v.as_found = flags & SNAPSHOT_AS_FOUND;
	if (!r->in.failed)
		failed(r, gate_snapshot_release(r->s, &v, &number, r->in.err));
}

static void read_release_row(struct reading *r)
{
	struct gate_row v = { .release = index_must(r, r->s->release_count, "release of a row") };
	v.artifact = index_must(r, r->artifacts, "content of a row");
	v.model = text(r, "model of a row");
	v.target = text(r, "target of a row");
	v.builder = index_of(r, r->s->component_count, "builder of a row");
	v.runtime = index_of(r, r->s->component_count, "runtime of a row");
	if (!r->in.failed)
		failed(r, gate_snapshot_row(r->s, &v, r->in.err));
}

/* ── what excuses ───────────────────────────────────────────────────────────────────────────────────────────────── */

static void read_waiver(struct reading *r)
{
	struct waiver v = { .id = wire_moment(&r->in, "id of a waiver") };
	v.kind = (enum waiver_kind)wire_number(&r->in, WAIVER_DEFERRAL, "kind of a waiver");
	v.advisory_count = (size_t)wire_number(&r->in, WAIVER_MAX_ADVISORIES, "advisories of a waiver");
	struct span *ids = room(r, v.advisory_count, sizeof *ids);
	for (size_t i = 0; ids && i < v.advisory_count; i++)
		ids[i] = wire_text(&r->in, "advisory of a waiver");
	v.advisories = ids;
	v.scope.service = wire_text(&r->in, "service of a waiver");
	v.scope.environment = wire_text(&r->in, "environment of a waiver");
	v.scope.product = wire_text(&r->in, "product of a waiver");
	v.scope.version = wire_text(&r->in, "version of a waiver");
	v.scope.digest = wire_text(&r->in, "digest of a waiver");
	v.owner = wire_text(&r->in, "owner of a waiver");
	v.reason = wire_text(&r->in, "reason of a waiver");
	v.created_by = wire_text(&r->in, "who made a waiver");
	v.created = wire_moment(&r->in, "when a waiver was made");
	v.expires = wire_moment(&r->in, "when a waiver expires");
	v.revoked = wire_moment(&r->in, "when a waiver was revoked");
	v.revoked_by = wire_text(&r->in, "who revoked a waiver");
	v.revoked_why = wire_text(&r->in, "why a waiver was revoked");
	if (!r->in.failed)
		failed(r, gate_snapshot_waiver(r->s, &v, r->in.err));
}

static void read_vex(struct reading *r)
{
	r->vex_age = wire_moment(&r->in, "age of VEX statements");
	if (r->vex_age < 0)
		wire_refuse(&r->in, "age of VEX statements", "is negative");
}

static void read_trusted(struct reading *r)
{
	struct vex_trusted *t = &r->trusted[r->trusted_count++];
	t->author = wire_text(&r->in, "author of VEX statements");
	t->feed = wire_text(&r->in, "feed of VEX statements");
}

static void read_items(struct reading *r)
{
	struct arena *a = gate_snapshot_arena(r->s);
	struct baseline_set *set = &r->baseline.sets[r->baseline.set_count++];
	size_t n = 0;
	/* an item takes five bytes at least */
	set->items = arena_array(a, r->in.row.message.n / 5 + 1, sizeof *set->items);
	if (!set->items)
		failed(r, err_set(r->in.err, RF_ENOMEM, "snapshot of the gate"));
	for (; wire_more(&r->in); n++) {
		struct baseline_item item = { .advisory = wire_text(&r->in, "advisory of a debt") };
		item.cause = wire_text(&r->in, "cause of a debt");
		item.kind = (enum finding_kind)wire_number(&r->in, FINDING_AFFECTED, "finding of a debt");
		item.severity = (int)wire_number(&r->in, 101, "severity of a debt") - 1;
		item.kev = wire_flag(&r->in, "exploitation of a debt");
		if (n == BASELINE_MAX_ITEMS)
			wire_refuse(&r->in, "a set of debts", "has too many");
		if (!r->in.failed)
			set->items[n] = item;
	}
	set->count = n;
}

static void read_holder(struct reading *r)
{
	struct baseline *b = &r->baseline;
	if (b->holder_count == r->holder_room) {
		size_t more = r->holder_room ? 2 * r->holder_room : 256;
		struct baseline_holder *list = rf_realloc_array(b->holders, more, sizeof *list);
		if (!list) {
			failed(r, err_set(r->in.err, RF_ENOMEM, "snapshot of the gate"));
			return;
		}
		b->holders = list;
		r->holder_room = more;
	}
	struct baseline_holder *h = &b->holders[b->holder_count++];
	h->service = wire_text(&r->in, "service of a debt");
	h->environment = wire_text(&r->in, "environment of a debt");
	h->carrier = (enum carrier)wire_number(&r->in, CARRIER_COUNT - 1, "carrier of a debt");
	h->digest = wire_text(&r->in, "digest of a debt");
	h->purl = wire_text(&r->in, "purl of a debt");
	h->version = wire_text(&r->in, "version of a debt");
	h->owner = wire_text(&r->in, "owner of a debt");
	h->set = (uint32_t)wire_number(&r->in, UINT32_MAX, "set of a debt");
	if (!r->in.failed && h->set >= b->set_count)
		wire_refuse(&r->in, "set of a debt", "is none that is there");
	if (b->holder_count > BASELINE_MAX_HOLDERS)
		wire_refuse(&r->in, "debts", "are too many");
}

static void read_baseline(struct reading *r)
{
	r->baseline.since = wire_moment(&r->in, "begin of the baseline");
	r->baseline.due = wire_moment(&r->in, "end of the baseline");
	if (r->baseline.since == USEC_NONE)
		wire_refuse(&r->in, "begin of the baseline", "is no moment");
}

/* ── the message ────────────────────────────────────────────────────────────────────────────────────────────────── */

#define ANY GATE_SNAPSHOT_MAX_BYTES /* each takes bytes: their own maxima are the snapshot's */
static const struct wire_field fields[SNAPSHOT_FIELDS] = {
	[WIRE_FORMAT] = { "format", 1, PROTOBUF_VARINT },
	[WIRE_TEXT] = { "text", ANY, PROTOBUF_LEN },
	[SNAPSHOT_HEAD] = { "head", 1, PROTOBUF_LEN },
	[SNAPSHOT_POLICY] = { "policy", WORKSPACE_MAX_POLICIES, PROTOBUF_LEN },
	[SNAPSHOT_STALE] = { "stale feed", ANY, PROTOBUF_LEN },
	[SNAPSHOT_SERVICE] = { "service", ANY, PROTOBUF_LEN },
	[SNAPSHOT_ADVISORY] = { "advisory", GATE_MAX_ADVISORIES, PROTOBUF_LEN },
	[SNAPSHOT_COMPONENT] = { "components", ANY, PROTOBUF_LEN },
	[SNAPSHOT_SET] = { "set", ANY, PROTOBUF_LEN },
	[SNAPSHOT_ARTIFACT] = { "contents", ANY, PROTOBUF_LEN },
	[SNAPSHOT_IMAGE] = { "images", ANY, PROTOBUF_LEN },
	[SNAPSHOT_MODEL] = { "models", ANY, PROTOBUF_LEN },
	[SNAPSHOT_RELEASE] = { "release", ANY, PROTOBUF_LEN },
	[SNAPSHOT_ROW] = { "rows of releases", ANY, PROTOBUF_LEN },
	[SNAPSHOT_WAIVER] = { "waiver", ANY, PROTOBUF_LEN },
	[SNAPSHOT_VEX] = { "VEX policy", 1, PROTOBUF_LEN },
	[SNAPSHOT_VEX_TRUSTED] = { "VEX author", WORKSPACE_VEX_MAX_TRUSTED, PROTOBUF_LEN },
	[SNAPSHOT_BASELINE] = { "baseline", 1, PROTOBUF_LEN },
	[SNAPSHOT_BASELINE_SET] = { "set of debts", BASELINE_MAX_HOLDERS, PROTOBUF_LEN },
	[SNAPSHOT_BASELINE_HOLDER] = { "holders of debts", ANY, PROTOBUF_LEN },
	[SNAPSHOT_HOME] = { "homes of services", ANY, PROTOBUF_LEN },
};

static void read_row(struct reading *r, uint32_t field)
{
	switch ((enum snapshot_field)field) {
	case SNAPSHOT_HEAD:
		read_head(r);
		break;
	case SNAPSHOT_POLICY:
		read_policy(r);
		break;
	case SNAPSHOT_STALE:
		read_stale(r);
		break;
	case SNAPSHOT_SERVICE:
		read_service(r);
		break;
	case SNAPSHOT_ADVISORY:
		read_advisory(r);
		break;
	case SNAPSHOT_COMPONENT:
		read_component(r);
		break;
	case SNAPSHOT_SET:
		read_set(r);
		break;
	case SNAPSHOT_ARTIFACT:
		read_artifact(r);
		break;
	case SNAPSHOT_IMAGE:
		read_image(r);
		break;
	case SNAPSHOT_MODEL:
		read_model(r);
		break;
	case SNAPSHOT_RELEASE:
		read_release(r);
		break;
	case SNAPSHOT_ROW:
		read_release_row(r);
		break;
	case SNAPSHOT_WAIVER:
		read_waiver(r);
		break;
	case SNAPSHOT_VEX:
		read_vex(r);
		break;
	case SNAPSHOT_VEX_TRUSTED:
		read_trusted(r);
		break;
	case SNAPSHOT_BASELINE:
		read_baseline(r);
		break;
	case SNAPSHOT_BASELINE_SET:
		read_items(r);
		break;
	case SNAPSHOT_BASELINE_HOLDER:
		read_holder(r);
		break;
	case SNAPSHOT_HOME:
		read_home(r);
		break;
	case SNAPSHOT_FIELDS:
		break;
	}
}

/* Several rows in one field. */
static bool is_table(uint32_t field)
{
	return field == SNAPSHOT_COMPONENT || field == SNAPSHOT_ARTIFACT || field == SNAPSHOT_IMAGE ||
	       field == SNAPSHOT_MODEL || field == SNAPSHOT_ROW || field == SNAPSHOT_BASELINE_HOLDER || field == SNAPSHOT_HOME;
}

static int read_field(struct reading *r, const struct protobuf_field *f, size_t i)
{
	if (f->number == WIRE_TEXT)
		r->texts[i] = f->bytes;
	if (f->number <= WIRE_TEXT)
		return 0;
	r->in.row = protobuf_enter(f);
	arena_reset(&r->one);
	do
		read_row(r, f->number);
	while (is_table(f->number) && wire_more(&r->in));
	wire_end(&r->in);
	return r->in.failed ? err_in_field(r->in.err, "%s[%zu]", fields[f->number].name, i) : 0;
}

static int make_room(struct reading *r)
{
	struct arena *a = gate_snapshot_arena(r->s);
	size_t n = r->counts[WIRE_TEXT];
	r->texts = rf_realloc_array(NULL, n + 1, sizeof *r->texts);
	r->numbers = rf_realloc_array(NULL, n + 1, sizeof *r->numbers);
	r->sets = rf_realloc_array(NULL, r->counts[SNAPSHOT_SET] + 1, sizeof *r->sets);
	r->trusted = arena_array(a, r->counts[SNAPSHOT_VEX_TRUSTED] + 1, sizeof *r->trusted);
	r->baseline.sets = arena_array(a, r->counts[SNAPSHOT_BASELINE_SET] + 1, sizeof *r->baseline.sets);
	if (!r->texts || !r->numbers || !r->sets || !r->trusted || !r->baseline.sets)
		return err_set(r->in.err, RF_ENOMEM, "snapshot of the gate");
	memset(r->numbers, 0, (n + 1) * sizeof *r->numbers);
	r->in.texts = r->texts;
	r->in.text_count = n;
	return 0;
}

static int read_fields(struct reading *r, struct span bytes)
{
	struct protobuf_reader message = protobuf_reader(bytes, 0);
	struct protobuf_field f;
	size_t seen[SNAPSHOT_FIELDS] = { 0 };
	int rc;
	while ((rc = protobuf_next(&message, &f, r->in.err)) == 1) {
		rc = read_field(r, &f, seen[f.number]++);
		if (rc)
			return rc;
	}
	return rc;
}

static int finish(struct reading *r)
{
	const struct vex_policy vex = { r->trusted, r->trusted_count, r->vex_age };
	int rc = 0;
	if (r->s->artifact_count != r->artifacts)
		return err_set(r->in.err, RF_EFORMAT, "%zu contents, but the head says %llu", r->s->artifact_count,
			       (unsigned long long)r->artifacts);
	if (r->counts[SNAPSHOT_VEX])
		rc = gate_snapshot_vex_policy(r->s, &vex, r->in.err);
	if (!rc && r->counts[SNAPSHOT_BASELINE])
		rc = gate_snapshot_baseline(r->s, &r->baseline, r->in.err);
	return rc ? rc : gate_snapshot_ready(r->s, r->in.err);
}

static int read_all(struct reading *r, struct span bytes)
{
	if (bytes.n > GATE_SNAPSHOT_MAX_BYTES)
		return err_set(r->in.err, RF_ETOOBIG, "a snapshot of %zu bytes, at most %llu", bytes.n,
			       (unsigned long long)GATE_SNAPSHOT_MAX_BYTES);
	int rc = wire_count(bytes, fields, SNAPSHOT_FIELDS, GATE_SNAPSHOT_FORMAT, r->counts, r->in.err);
	if (!rc && !r->counts[SNAPSHOT_HEAD])
		rc = err_set(r->in.err, RF_EFORMAT, "no head of a snapshot in it");
	if (!rc)
		rc = make_room(r);
	if (!rc)
		rc = read_fields(r, bytes);
	return rc ? rc : finish(r);
}

int gate_snapshot_read(struct span bytes, struct gate_snapshot **ret, struct err *err)
{
	struct err own = ERR_INIT;
	struct reading r = { .in = { .err = err ? err : &own },
			     .s = gate_snapshot_new(GATE_SNAPSHOT_ARENA_BYTES),
			     .one = ARENA_INIT(64 * MIB),
			     .baseline = { .since = USEC_NONE } };
	int rc = r.s ? read_all(&r, bytes) : err_set(r.in.err, RF_ENOMEM, "snapshot of the gate");
	rf_free(r.texts);
	rf_free(r.numbers);
	rf_free(r.sets);
	rf_free(r.parts);
	rf_free(r.baseline.holders);
	arena_release(&r.one);
	if (rc)
		gate_snapshot_free(r.s);
	else
		*ret = r.s;
	return rc;
}
