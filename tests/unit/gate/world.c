/* Reading the world of decisions.txt. See world.h. */
#include "world.h"

#include "base/fs.h"
#include "specimen.h"
#include "specimen_elf.h"
#include "workspace/workspace.h"

#define WORLD_OK(w, call)                                                 \
	do {                                                              \
		struct err e_ = ERR_INIT;                                 \
		struct err *err RF_UNUSED = &e_;                          \
		if (call)                                                 \
			world_wrong((w), e_.text[0] ? e_.text : #call);   \
	} while (0)
#define WORLD_TRUE(w, test)                      \
	do {                                     \
		if (!(test))                     \
			world_wrong((w), #test); \
	} while (0)

void world_wrong(const struct world *w, const char *what)
{
	(void)fprintf(stderr, "decisions.txt line %u: %s\n", w->line, what);
	exit(1);
}

/* ── words ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct span field(struct span *line)
{
	size_t at = span_find(*line, SPAN(" | "));
	struct span f = span_trim(span_sub(*line, 0, at));
	*line = at == SIZE_MAX ? SPAN_NONE : span_from(*line, at + 3);
	return f;
}

struct span world_word(struct span *text, char separator)
{
	struct span part = SPAN_NONE;
	*text = span_trim(*text);
	if (!text->n || !span_split(text, separator, &part))
		return SPAN_NONE;
	return part;
}

/* "-5d", "+10d", "0": from now. */
static usec_t days(struct world *w, struct span text)
{
	int64_t usec = 0;
	bool back = span_starts(text, "-");
	if (!span_eq_text(text, "0"))
		WORLD_OK(w, duration_read(span_from(text, 1), &usec, err));
	return back ? w->now - usec : w->now + usec;
}

static const struct product *product_of(struct world *w, struct span name)
{
	const struct product *p = product_by_any(span_eq_text(name, "ort") ? SPAN(ARTIFACT_PRODUCT_ONNXRUNTIME)
					      : span_eq_text(name, "trt") ? SPAN(ARTIFACT_PRODUCT_TENSORRT)
									  : name);
	WORLD_TRUE(w, p != NULL);
	return p;
}

struct content *world_content(struct world *w, struct span name)
{
	for (size_t i = 0; i < w->content_count; i++)
		if (span_eq(w->contents[i].name, name))
			return &w->contents[i];
	world_wrong(w, arena_printf(&w->a, "no content %.*s", SPAN_ARG(name)));
}

struct span world_pair(struct world *w, struct span policy, struct span excuse)
{
	return span_of(arena_printf(&w->a, "%.*s.%.*s", SPAN_ARG(policy), SPAN_ARG(excuse)));
}

static struct span named_text(struct world *w, const struct named *list, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq(list[i].name, name))
			return list[i].text;
	world_wrong(w, arena_printf(&w->a, "nothing is named %.*s", SPAN_ARG(name)));
}

/* ── advisories ─────────────────────────────────────────────────────────────────────────────────────────────────── */

#define MAX_STATEMENTS 4

static void statement(struct world *w, struct stored_advisory *v, const struct product *product, struct span range,
		      struct span fixed, const char *source, const char *format)
{
	size_t i = v->advisory.statement_count++;
	struct advisory_statement *s = &v->advisory.statements[i];
	WORLD_TRUE(w, i < MAX_STATEMENTS);
	s->source = span_of(source);
	s->product = product;
	s->product_name = span_of(product->name);
	s->affected_text = range;
	s->authoritative = strcmp(source, "vendor") == 0;
	if (span_eq_text(range, "unread")) {
		struct range *unread = arena_alloc(&w->a, sizeof *unread);
		unread->scheme = product_scheme(product);
		s->range = unread;
	} else
		WORLD_OK(w, range_read_vers(&w->a, product_scheme(product),
					    span_of(arena_printf(&w->a, "vers:generic/%.*s", SPAN_ARG(range))), &s->range, err));
	if (fixed.n)
		WORLD_OK(w, range_read_fixed(&w->a, product_scheme(product), fixed, &s->fixed, &s->fixed_count));
	v->origins[i] = (struct advisory_origin){ .document_digest = SPAN("0123456789abcdef"),
						  .document_id = SPAN("9001"),
						  .format = span_of(format),
						  .record_state = v->advisory.state,
						  .record_modified = w->now - 100 * USEC_PER_DAY };
	v->sources[i] = (struct advisory_source){ .record = { .id = v->advisory.id, .state = v->advisory.state },
						  .origin = v->origins[i],
						  .publisher = s->source };
	v->source_count++;
}

static void decide(struct world *w, struct stored_advisory *v, struct span text)
{
	struct advisory_decision *d = arena_array(&w->a, 4, sizeof *d);
	struct span service = world_word(&text, '=');
	*d = (struct advisory_decision){ .kind = DECISION_APPLIES,
					 .service = span_eq_text(service, "*") ? SPAN_NONE : service,
					 .applies = span_eq_text(text, "yes"),
					 .owner = SPAN("team"), .who = SPAN("someone"), .why = SPAN("because"), .at = w->now };
	if (v->policy.decision_count) {
		v->policy.decisions[v->policy.decision_count++] = *d;
		return;
	}
	v->policy.decisions = d;
	v->policy.decision_count = 1;
}

/* vex:not_affected:-10d[:AUTHOR] */
static void vex(struct world *w, struct stored_advisory *v, const struct product *product, struct span range, struct span text)
{
	struct span status = world_word(&text, ':'), at = world_word(&text, ':');
	const char *author = text.n ? arena_text(&w->a, text) : "ACME";
	size_t i = v->advisory.statement_count;
	statement(w, v, product, range, SPAN_NONE, author, "openvex");
	struct advisory_statement *s = &v->advisory.statements[i];
	s->stated = days(w, at);
	if (span_eq_text(status, "not_affected")) {
		s->status = STATEMENT_NOT_AFFECTED;
		s->justification = SPAN("vulnerable_code_not_in_execute_path");
	}
}

static void flag(struct world *w, struct stored_advisory *v, const struct product *product, struct span range, struct span f)
{
	struct span key = world_word(&f, ':');
	struct advisory *a = &v->advisory;
	if (span_eq_text(key, "cvss")) {
		a->severities = arena_alloc(&w->a, sizeof *a->severities);
		a->severity_count = 1;
		a->severities[0] = (struct advisory_severity){ .source = SPAN("vendor"), .type = SPAN("CVSS_V3"), .computed = -1 };
		WORLD_TRUE(w, span_double(f, &a->severities[0].score));
	} else if (span_eq_text(key, "published")) {
		a->published = days(w, f);
	} else if (span_eq_text(key, "first")) {
		v->first_seen = days(w, f);
	} else if (span_eq_text(key, "kev")) {
		v->signals = arena_alloc(&w->a, sizeof *v->signals);
		v->signal_count = 1;
		v->signals[0] = (struct advisory_signal){ .kind = SIGNAL_KEV, .cve = a->id, .date = days(w, f) };
		v->signals[0].kev.due = USEC_NONE;
	} else if (span_eq_text(key, "engine")) {
		v->policy.decided = true;
		WORLD_TRUE(w, engine_affecting_read(f, &v->policy.engine_affecting));
	} else if (span_eq_text(key, "decide")) {
		decide(w, v, f);
	} else if (span_eq_text(key, "against")) {
		/* another source, which is no vendor, says that range */
		statement(w, v, product, f, SPAN_NONE, "database", "osv");
	} else if (span_eq_text(key, "vex")) {
		vex(w, v, product, range, f);
	} else {
		WORLD_TRUE(w, span_eq_text(key, "rejected"));
	}
}

/* ID | PRODUCT | RANGE | FIXED | FLAG... */
static void read_advisory(struct world *w, struct span line)
{
	struct stored_advisory *v = arena_alloc(&w->a, sizeof *v);
	v->origins = arena_array(&w->a, MAX_STATEMENTS, sizeof *v->origins);
	v->sources = arena_array(&w->a, MAX_STATEMENTS, sizeof *v->sources);
	v->advisory.statements = arena_array(&w->a, MAX_STATEMENTS, sizeof *v->advisory.statements);
	v->advisory.id = field(&line);
	v->advisory.title = SPAN("a flaw");
	v->advisory.is_drill = span_starts(v->advisory.id, "DRILL-");
	v->advisory.published = USEC_NONE;
	const struct product *product = product_of(w, field(&line));
	struct span range = field(&line), fixed = field(&line), flags = field(&line);
	if (span_find(flags, SPAN("rejected")) != SIZE_MAX)
		v->advisory.state = ADVISORY_REJECTED;
	statement(w, v, product, range, fixed, span_find(flags, SPAN("against:")) != SIZE_MAX ? "first" : "vendor", "csaf");
	if (span_find(flags, SPAN("vendor-against:")) != SIZE_MAX)
		v->advisory.statements[0].authoritative = true;
	for (struct span f; (f = world_word(&flags, ' ')).n;)
		flag(w, v, product, range, span_starts(f, "vendor-") ? span_from(f, 7) : f);
	WORLD_OK(w, gate_snapshot_advisory(w->s, v, err));
}

/* ── contents ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct component component_of(struct world *w, struct span product, struct span version)
{
	const struct product *p = product_of(w, product);
	return (struct component){ .product = p, .purl = span_of(p->purl), .version = version };
}

/* att:provenance:own[:PRODUCT=VERSION|:target=T|:built=-5d], att:proof:foreign, att:provenance:bad */
static void attest(struct world *w, struct content *c, struct span text)
{
	struct gate_attestation *t = &c->attestations[c->attestation_count++];
	struct span kind = world_word(&text, ':'), whose = world_word(&text, ':');
	*t = (struct gate_attestation){ .kind = span_eq_text(kind, "proof")     ? WORKSPACE_SIGNATURE_PROOF
						: span_eq_text(kind, "release") ? WORKSPACE_SIGNATURE_RELEASE
										: WORKSPACE_SIGNATURE_PROVENANCE,
					.is_verified = !span_eq_text(whose, "bad"),
					.name = SPAN("model.dsse"),
					.subject = c->digest,
					.built_at = USEC_NONE };
	if (span_eq_text(whose, "foreign"))
		digest_of(SPAN("another file"), &t->subject);
	if (span_eq_text(whose, "nobody"))
		t->subject = (struct digest){ { 0 } };
	for (struct span f; (f = world_word(&text, ':')).n;) {
		struct span key = world_word(&f, '=');
		if (span_eq_text(key, "target"))
			t->target = f;
		else if (span_eq_text(key, "built"))
			t->built_at = days(w, f);
		else {
			t->product = span_of(product_of(w, key)->purl);
			t->version = f;
		}
	}
}

static unsigned signatures_of(struct world *w, struct span text)
{
	unsigned bits = 0;
	for (struct span s; (s = world_word(&text, ',')).n;)
		for (enum workspace_signature k = WORKSPACE_SIGNATURE_NONE; k <= WORKSPACE_SIGNATURE_PROOF; k++)
			if (span_eq_text(s, workspace_signature_name(k)))
				bits |= workspace_signature_bit(k);
	WORLD_TRUE(w, bits != 0);
	return bits;
}

struct filling {
	struct gate_artifact row;
	struct gate_part parts[16];
	size_t part_count;
	struct span recorded;
};

static void hold(struct world *w, struct filling *to, struct span text, enum carrier carrier)
{
	/* PRODUCT=VERSION[@PATH] or CONTENT@PATH of an image */
	struct gate_part *part = &to->parts[to->part_count++];
	size_t at = span_find_byte(text, '@');
	struct span where = at == SIZE_MAX ? SPAN_NONE : span_from(text, at + 1);
	text = span_sub(text, 0, at);
	*part = (struct gate_part){ GATE_NONE, GATE_NONE, 0 };
	WORLD_OK(w, gate_snapshot_text(w->s, where, &part->where, err));
	if (span_find_byte(text, '=') == SIZE_MAX) {
		part->artifact = world_content(w, text)->row;
		part->component = w->s->artifacts[part->artifact].main;
		return;
	}
	struct span product = world_word(&text, '=');
	struct component c = component_of(w, product, text);
	WORLD_OK(w, gate_snapshot_component(w->s, &c, carrier, &part->component, err));
}

static void content_flag(struct world *w, struct content *c, struct filling *to, struct span f)
{
	struct artifact_facts *facts = c->facts;
	struct span key = world_word(&f, ':');
	if (span_eq_text(key, "finding")) {
		struct span kind = world_word(&f, ':');
		facts->finding = artifact_finding_of(kind);
		facts->cause = arena_text(&w->a, f);
		to->row.finding = (uint8_t)facts->finding;
		WORLD_OK(w, gate_snapshot_text(w->s, f, &to->row.cause, err));
	} else if (span_eq_text(key, "rule")) {
		facts->rules[facts->rule_count++] = arena_text(&w->a, f);
		WORLD_OK(w, gate_snapshot_text(w->s, f, &to->row.rules, err));
	} else if (span_eq_text(key, "built")) {
		to->row.built_at = (uint32_t)(days(w, f) / USEC_PER_SEC);
	} else if (span_eq_text(key, "seen")) {
		to->row.first_seen = (uint32_t)(days(w, f) / USEC_PER_SEC);
	} else if (span_eq_text(key, "signed")) {
		to->row.signatures = signatures_of(w, f) & 15;
	} else if (span_eq_text(key, "recorded")) {
		to->recorded = f;
		c->is_file_only = true;
	} else if (span_eq_text(key, "att")) {
		attest(w, c, f);
	} else if (span_eq_text(key, "builder")) {
		hold(w, to, f, CARRIER_BUILDER);
	} else if (span_eq_text(key, "inner")) {
		hold(w, to, span_of(arena_printf(&w->a, "trt=%.*s", SPAN_ARG(f))), CARRIER_BUILDER);
	} else if (span_eq_text(key, "runtime")) {
		hold(w, to, f, CARRIER_RUNTIME);
	} else if (span_eq_text(key, "holds")) {
		hold(w, to, f, CARRIER_IMAGE);
	} else if (span_eq_text(key, "unseen")) {
		c->is_unseen = true;
	} else {
		WORLD_TRUE(w, span_eq_text(key, "row-only"));
		c->is_row_only = true;
	}
}

/* What the file holds beside its main component, as its reader tells it. */
static void add_parts(struct world *w, struct content *c, const struct filling *f)
{
	for (size_t i = 0; i < f->part_count; i++) {
		if (f->parts[i].artifact != GATE_NONE)
			continue;
		const struct gate_component *k = &w->s->components[f->parts[i].component];
		const struct artifact_component part = { .product = k->component.purl,
							 .version = k->component.version,
							 .role = k->carrier == CARRIER_BUILDER ? ARTIFACT_ROLE_BUILDER
											       : ARTIFACT_ROLE_RUNTIME,
							 .source = "test" };
		WORLD_OK(w, artifact_component_add(c->facts, &w->a, &part));
	}
}

static bool has(struct span flags, const char *flag)
{
	return span_find(flags, span_of(flag)) != SIZE_MAX;
}

/* Code for a CPU in the middle of a plan. */
static void write_code(struct world *w, const char *path)
{
	unsigned char code[SPECIMEN_ELF_BYTES];
	struct specimen_elf elf = { .soname = "libplugin.so" };
	size_t n;
	FILE *f = fopen(path, "r+b");
	WORLD_OK(w, specimen_elf_make(&elf, code, sizeof code, &n, err));
	WORLD_TRUE(w, f && fseek(f, 16384, SEEK_SET) == 0 && fwrite(code, 1, n, f) == n && fclose(f) == 0);
}

/* More bytes than its header declares. */
static void write_more(struct world *w, const char *path)
{
	FILE *f = fopen(path, "a");
	WORLD_TRUE(w, f && fputs("more", f) >= 0 && fclose(f) == 0);
}

/* inner:VERSION, the version that stands in the plan's archive. */
static void inner_version(struct world *w, struct span flags, unsigned ret[4])
{
	size_t at = span_find(flags, SPAN("inner:"));
	struct span rest = at == SIZE_MAX ? SPAN_NONE : span_from(flags, at + 6);
	if (rest.n)
		WORLD_OK(w, specimen_version_read(arena_text(&w->a, world_word(&rest, ' ')), ret, err));
}

/* The files that can be made: plans of a version that hold nothing else, ones whose inner header says another, ones whose
 * size is not what they declare, one with code inside, and one of no format. Each has bytes of its own. */
static void write_content(struct world *w, struct content *c, struct span kind, struct span main, struct span flags)
{
	bool plan = span_eq_text(kind, ARTIFACT_TENSORRT_PLAN) && main.n, forged = has(flags, "header_mismatch");
	bool code = has(flags, "host_code");
	const char *path = arena_printf(&w->a, "%s/%.*s%s", w->folder, SPAN_ARG(c->name), plan ? ".plan" : ".txt");
	struct specimen s = { .cc_major = 8, .cc_minor = 6, .size_bytes = 65536 + 64 * w->content_count };
	if (has(flags, "row-only") || has(flags, "builder:") || has(flags, "runtime:") || (has(flags, "finding:") && !forged && !code) ||
	    (!plan && !span_eq_text(kind, ARTIFACT_OTHER)))
		return;
	if (plan) {
		(void)world_word(&main, ' ');
		WORLD_OK(w, specimen_version_read(arena_text(&w->a, main), s.version, err));
		inner_version(w, flags, s.inner_version);
		WORLD_OK(w, specimen_write(&s, path, err));
		if (forged && !has(flags, "inner:"))
			write_more(w, path);
		if (code)
			write_code(w, path);
	} else {
		WORLD_OK(w, fs_write_atomic(path, c->name, 0644, err));
	}
	WORLD_OK(w, digest_file(path, &c->digest, NULL, err));
}

/* NAME | KIND | PRODUCT VERSION | TARGET | FLAG... */
static void read_content(struct world *w, struct span line)
{
	struct content *c = &w->contents[w->content_count++];
	WORLD_TRUE(w, w->content_count < WORLD_MAX_CONTENTS);
	struct filling f = { .row = { .set = GATE_NONE, .main = GATE_NONE } };
	c->name = field(&line);
	digest_of(c->name, &c->digest);
	c->facts = arena_alloc(&w->a, sizeof *c->facts);
	struct span kind = field(&line), main = field(&line), target = field(&line), flags = field(&line);
	if (w->folder)
		write_content(w, c, kind, main, flags);
	f.row.digest = c->digest;
	c->facts->kind = arena_text(&w->a, kind);
	c->facts->cause = "";
	(void)snprintf(c->facts->target, sizeof c->facts->target, "%.*s", SPAN_ARG(target));
	WORLD_OK(w, gate_snapshot_text(w->s, target, &f.row.target, err));
	bool is_library = span_eq_text(kind, ARTIFACT_RUNTIME_LIBRARY), is_image = span_eq_text(kind, ARTIFACT_CONTAINER_IMAGE);
	struct component component = { 0 };
	if (main.n) {
		struct span product = world_word(&main, ' ');
		component = component_of(w, product, main);
		c->facts->product = component.product->purl;
		(void)snprintf(c->facts->version, sizeof c->facts->version, "%.*s", SPAN_ARG(main));
	}
	for (struct span flags_rest = flags, one; (one = world_word(&flags_rest, ' ')).n;)
		content_flag(w, c, &f, one);
	add_parts(w, c, &f);
	if (f.recorded.n)
		component.version = f.recorded;
	if (component.product) {
		WORLD_OK(w, gate_snapshot_component(w->s, &component, is_library ? CARRIER_RUNTIME : CARRIER_BUILDER,
						    &f.row.main, err));
		f.parts[f.part_count++] = (struct gate_part){ f.row.main, GATE_NONE, 0 };
	}
	c->is_row_only |= is_image;
	WORLD_OK(w, gate_snapshot_set(w->s, f.parts, f.part_count, &f.row.set, err));
	c->row = GATE_NONE;
	if (c->is_unseen)
		return;
	WORLD_OK(w, gate_snapshot_artifact(w->s, &f.row, kind, &c->row, err));
	/* a place of its own, so that fronts which know places can ask for it */
	WORLD_OK(w, gate_snapshot_model(w->s, span_of(arena_printf(&w->a, "s3://gate/%.*s", SPAN_ARG(c->name))), c->row, err));
}

/* ── the rest of the world ──────────────────────────────────────────────────────────────────────────────────────── */

/* REFERENCE | CONTENT... */
static void read_references(struct world *w, struct span line,
			    int (*add)(struct gate_snapshot *, struct span, uint32_t, struct err *))
{
	struct span reference = field(&line), names = field(&line);
	for (struct span name; (name = world_word(&names, ' ')).n;)
		WORLD_OK(w, add(w->s, reference, world_content(w, name)->row, err));
}

/* SERVICE/NAME | ENVIRONMENT | signed or as-found | MODEL TARGET CONTENT PRODUCT=VERSION [PRODUCT=VERSION]; ... */
static void read_release(struct world *w, struct span line)
{
	struct span service = field(&line), name, environment = field(&line), how = field(&line), rows = field(&line);
	struct gate_release r = { .is_signed = span_eq_text(how, "signed"), .as_found = span_eq_text(how, "as-found") };
	uint32_t release;
	name = span_from(service, span_find_byte(service, '/') + 1);
	service.n = (size_t)(name.p - service.p) - 1;
	WORLD_OK(w, gate_snapshot_text(w->s, service, &r.service, err));
	WORLD_OK(w, gate_snapshot_text(w->s, name, &r.name, err));
	WORLD_OK(w, gate_snapshot_text(w->s, environment, &r.environment, err));
	WORLD_OK(w, gate_snapshot_release(w->s, &r, &release, err));
	for (struct span one; (one = world_word(&rows, ';')).n;) {
		struct gate_row row = { .release = release, .builder = GATE_NONE, .runtime = GATE_NONE };
		struct span model = world_word(&one, ' '), target = world_word(&one, ' '), content = world_word(&one, ' ');
		row.artifact = world_content(w, content)->row;
		WORLD_OK(w, gate_snapshot_text(w->s, model, &row.model, err));
		WORLD_OK(w, gate_snapshot_text(w->s, target, &row.target, err));
		struct span builder = world_word(&one, ' '), runtime = world_word(&one, ' '), product = world_word(&builder, '=');
		struct component c = component_of(w, product, builder);
		WORLD_OK(w, gate_snapshot_component(w->s, &c, CARRIER_BUILDER, &row.builder, err));
		if (runtime.n) {
			product = world_word(&runtime, '=');
			c = component_of(w, product, runtime);
			WORLD_OK(w, gate_snapshot_component(w->s, &c, CARRIER_RUNTIME, &row.runtime, err));
		}
		WORLD_OK(w, gate_snapshot_row(w->s, &row, err));
	}
}

/* NAME | SUBJECT | POLICY | EXCUSE | ENVIRONMENT | NOW | DECISION | CAUSE | BY [| FAIL-ON] */
static void read_row(struct world *w, struct span line)
{
	struct row *r = &w->rows[w->row_count++];
	WORLD_TRUE(w, w->row_count < WORLD_MAX_ROWS);
	r->line = w->line;
	struct span *const fields[] = { &r->name, &r->subject, &r->policy, &r->excuse, &r->environment };
	for (size_t i = 0; i < RF_COUNT(fields); i++)
		*fields[i] = field(&line);
	r->now = days(w, field(&line));
	r->decision = field(&line);
	r->cause = field(&line);
	r->by = field(&line);
	r->fail_on = field(&line);
	struct span pair = world_pair(w, r->policy, r->excuse);
	for (size_t i = 0; i < w->pair_count; i++)
		if (span_eq(w->pairs[i], pair))
			return;
	w->pairs[w->pair_count++] = pair;
}

static void read_line(struct world *w, struct span line)
{
	struct span keyword = world_word(&line, ' ');
	if (span_eq_text(keyword, "advisory"))
		read_advisory(w, line);
	else if (span_eq_text(keyword, "content"))
		read_content(w, line);
	else if (span_eq_text(keyword, "image"))
		read_references(w, line, gate_snapshot_image);
	else if (span_eq_text(keyword, "model"))
		read_references(w, line, gate_snapshot_model);
	else if (span_eq_text(keyword, "release"))
		read_release(w, line);
	else if (span_eq_text(keyword, "policy"))
		w->policies[w->policy_count++] = (struct named){ field(&line), line };
	else if (span_eq_text(keyword, "excuse"))
		w->excuses[w->excuse_count++] = (struct named){ field(&line), line };
	else {
		WORLD_TRUE(w, span_eq_text(keyword, "row"));
		read_row(w, line);
	}
}

/* ── what hangs on services: each pair of policy and excuse is one ──────────────────────────────────────────────── */

static void write_policy(struct world *w, struct str *yaml, size_t pair)
{
	struct span rest = w->pairs[pair], name = world_word(&rest, '.');
	struct span text = named_text(w, w->policies, w->policy_count, name);
	/* in one environment it may say something else: "{...} staging {...}" */
	size_t at = span_find(text, SPAN("} staging {"));
	str_addf(yaml, "  p%zu: {services: [%.*s]%s%.*s\n", pair, SPAN_ARG(w->pairs[pair]), text.n > 2 ? ", " : "",
		 SPAN_ARG(span_sub(text, 1, at == SIZE_MAX ? SIZE_MAX : at)));
	if (at != SIZE_MAX)
		str_addf(yaml, "  s%zu: {services: [%.*s], environments: [staging], %.*s\n", pair, SPAN_ARG(w->pairs[pair]),
			 SPAN_ARG(span_from(text, at + 11)));
}

static void add_policies(struct world *w)
{
	RF_AUTO(str) yaml = STR_INIT(4 * MIB);
	RF_AUTO_PTR(workspace) site = NULL;
	str_add_text(&yaml, "site: here\nenvironments: {production: {}, staging: {}}\n"
			    "vex: {trusted: [{author: ACME}], max_age: 180d}\npolicies:\n");
	for (size_t i = 0; i < w->pair_count; i++)
		write_policy(w, &yaml, i);
	WORLD_OK(w, workspace_read(str_span(&yaml), "reforge.yaml", "/w", &site, err));
	for (size_t i = 0; i < site->policies_n; i++)
		WORLD_OK(w, gate_snapshot_policy(w->s, &site->policies[i], err));
	const struct vex_trusted trusted = { span_of(site->vex.trusted[0].author), SPAN_NONE };
	WORLD_OK(w, gate_snapshot_vex_policy(w->s, &(struct vex_policy){ &trusted, 1, site->vex.max_age_usec }, err));
}

/* waiver ADVISORY FROM UNTIL [digest=CONTENT] [product=trt] [version=V] [environment=E] [revoked=-1d] */
static void add_waiver(struct world *w, struct span service, struct span text)
{
	static int64_t number;
	struct span advisory = world_word(&text, ' '), from = world_word(&text, ' '), until = world_word(&text, ' ');
	char hex[DIGEST_HEX];
	struct waiver v = { .id = ++number,
			    .advisories = &advisory,
			    .advisory_count = 1,
			    .scope = { .service = service },
			    .owner = SPAN("team"),
			    .reason = SPAN("in the lab only"),
			    .created = days(w, from),
			    .expires = days(w, until),
			    .revoked = USEC_NONE };
	for (struct span f; (f = world_word(&text, ' ')).n;) {
		struct span key = world_word(&f, '=');
		if (span_eq_text(key, "digest"))
			v.scope.digest = span_of(digest_hex(&world_content(w, f)->digest, hex));
		else if (span_eq_text(key, "product"))
			v.scope.product = span_of(product_of(w, f)->purl);
		else if (span_eq_text(key, "version"))
			v.scope.version = f;
		else if (span_eq_text(key, "environment"))
			v.scope.environment = f;
		else if (span_eq_text(key, "revoked"))
			v.revoked = days(w, f);
		else
			WORLD_TRUE(w, !"a scope of waivers");
	}
	WORLD_OK(w, gate_snapshot_waiver(w->s, &v, err));
}

/* debt CARRIER CONTENT-OR-PRODUCT=VERSION ADVISORY-OR-CAUSE KIND SEVERITY [kev] */
static void add_debt(struct world *w, struct span service, struct span text)
{
	struct baseline *b = &w->baseline;
	struct baseline_holder *h = &b->holders[b->holder_count++];
	struct baseline_set *set = &b->sets[b->set_count];
	struct baseline_item *item = set->items = arena_alloc(&w->a, sizeof *item);
	struct span carrier = world_word(&text, ' '), whose = world_word(&text, ' '), what = world_word(&text, ' '), kind = world_word(&text, ' '),
		    severity = world_word(&text, ' ');
	double score = 0;
	*h = (struct baseline_holder){ .service = service, .environment = SPAN("production"), .owner = SPAN("team"),
				       .set = (uint32_t)b->set_count++ };
	set->count = 1;
	WORLD_TRUE(w, carrier_read(carrier, &h->carrier));
	if (h->carrier == CARRIER_BUILDER) {
		char *hex = arena_alloc(&w->a, DIGEST_HEX);
		h->digest = span_of(digest_hex(&world_content(w, whose)->digest, hex));
	} else {
		struct span product = world_word(&whose, '=');
		h->purl = span_of(product_of(w, product)->purl);
		h->version = whose;
	}
	*item = (struct baseline_item){ .severity = -1, .kev = span_eq_text(text, "kev") };
	*(span_find_byte(what, '-') == SIZE_MAX ? &item->cause : &item->advisory) = what;
	WORLD_TRUE(w, finding_kind_read(kind, &item->kind));
	if (span_double(severity, &score))
		item->severity = (int)(score * 10 + 0.5);
}

static void add_excuses(struct world *w)
{
	w->baseline = (struct baseline){ .since = w->now - 30 * USEC_PER_DAY, .due = w->now + 60 * USEC_PER_DAY };
	w->baseline.sets = arena_array(&w->a, WORLD_MAX_ROWS, sizeof *w->baseline.sets);
	w->baseline.holders = arena_array(&w->a, WORLD_MAX_ROWS, sizeof *w->baseline.holders);
	for (size_t i = 0; i < w->pair_count; i++) {
		struct span rest = w->pairs[i];
		WORLD_OK(w, gate_snapshot_service(w->s, &(struct gate_service){ .name = w->pairs[i], .owner = SPAN("team") }, err));
		(void)world_word(&rest, '.');
		struct span text = named_text(w, w->excuses, w->excuse_count, rest);
		for (struct span one; (one = world_word(&text, ';')).n;) {
			one = span_trim(one);
			struct span how = world_word(&one, ' ');
			if (span_eq_text(how, "waiver"))
				add_waiver(w, w->pairs[i], one);
			else if (span_eq_text(how, "debt"))
				add_debt(w, w->pairs[i], one);
			else
				WORLD_TRUE(w, span_eq_text(how, "none"));
		}
	}
	WORLD_OK(w, gate_snapshot_baseline(w->s, &w->baseline, err));
}

struct world *world_new(const char *path, usec_t now, const char *folder, struct span release_key)
{
	struct world *w = rf_alloc(sizeof *w);
	RF_AUTO(str) text = STR_INIT(4 * MIB);
	w->a = ARENA_INIT(GIB);
	w->s = gate_snapshot_new(GIB);
	w->now = now;
	w->folder = folder;
	w->release_key = release_key;
	WORLD_OK(w, fs_read(path, &text, err));
	struct span rest = arena_span(&w->a, str_span(&text)), line;
	while (span_line(&rest, &line)) {
		w->line++;
		line = span_trim(line);
		if (line.n && line.p[0] != '#')
			read_line(w, line);
	}
	add_policies(w);
	add_excuses(w);
	const struct gate_head head = { .site = SPAN("here"),
					.release_key = w->release_key,
					.created = w->now - 90 * USEC_PER_DAY,
					.as_of = USEC_NONE,
					.trusts_labels = true, /* a pair is a label where a review asks */
					.expires = w->now + 300 * USEC_PER_DAY };
	WORLD_OK(w, gate_snapshot_head(w->s, &head, err));
	const struct gate_stale stale = { .feed = SPAN("nvidia"), .words = SPAN("stale: as of then"), .as_of = w->now,
					  .from = w->now + 200 * USEC_PER_DAY };
	WORLD_OK(w, gate_snapshot_stale(w->s, &stale, err));
	WORLD_OK(w, gate_snapshot_ready(w->s, err));
	return w;
}

void world_free(struct world *w)
{
	gate_snapshot_free(w->s);
	arena_release(&w->a);
	rf_free(w);
}

