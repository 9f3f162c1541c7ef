/*
 * Advisories that were carried: the same judgement for every advisory at hand over many versions, alone and merged from
 * several sources; hostile bytes are refused with place and rule.
 */
#include "testing.h"

#include "../advisory/corpus.h"
#include "carry.h"
#include "store.h"

#include "exposure/vex.h"
#include "format/protobuf.h"

static const char *const versions[] = { "",	   "1.0",    "8.6.1.6", "10.13.3.9", "10.14.2",	 "11.0",   "1.20.1",
					"535.288", "2.40.0", "25.07",	"12.6U1",    "12.4.99",	 "garbage", "10.x" };

struct tally {
	size_t advisories, judgements, bytes, largest;
	struct arena a;
	struct str carried;
};

/* One product in one version, everything else varied with @turn. */
static void ask(struct tally *t, const struct stored_advisory *v, const struct stored_advisory *carried,
		const struct product *product, struct span version)
{
	size_t turn = t->judgements++;
	struct finding_subject s = { .component = { .product = product, .purl = span_of(product->purl), .version = version },
				     .carrier = (enum carrier)(turn % CARRIER_COUNT),
				     .service = turn % 5 ? SPAN_NONE : SPAN("voice") };
	if (turn % 7 == 0)
		s.component.line = PLATFORM_DRIVEOS;
	if (turn % 11 == 0) {
		s.claim = turn % 2 ? CLAIM_UNKNOWN : CLAIM_CONFLICT;
		s.claim_cause = turn % 2 ? SPAN("content_absent") : SPAN("header_mismatch");
	}
	assert_judged_alike(&s, v, carried, turn % 9 == 0);
}

/* What VEX statements are honoured by. */
static void assert_same_vex(struct arena *a, const struct stored_advisory *v, const struct stored_advisory *carried)
{
	struct vex_statement *here, *there;
	size_t n, m;
	struct err err = ERR_INIT;
	assert_ok(vex_of(a, v, &here, &n, &err), &err);
	assert_ok(vex_of(a, carried, &there, &m, &err), &err);
	assert_int_equal(n, m);
	for (size_t i = 0; i < n; i++)
		assert_true(span_eq(here[i].author, there[i].author) && span_eq(here[i].feed, there[i].feed) &&
			    span_eq(here[i].justification, there[i].justification) &&
			    here[i].status == there[i].status && here[i].timestamp == there[i].timestamp);
}

static void ask_all(struct tally *t, const struct stored_advisory *v)
{
	struct stored_advisory carried = carry(&t->a, v, &t->carried);
	size_t before = t->judgements;
	for (size_t i = 0; i < v->advisory.statement_count; i++) {
		const struct advisory_statement *s = &v->advisory.statements[i];
		for (size_t k = 0; s->product && k < RF_COUNT(versions); k++)
			ask(t, v, &carried, s->product, span_of(versions[k]));
		for (size_t k = 0; s->range && k < s->range->count && k < 32; k++) {
			ask(t, v, &carried, s->product, s->range->intervals[k].low);
			ask(t, v, &carried, s->product, s->range->intervals[k].high);
		}
		for (size_t k = 0; s->product && k < s->fixed_count && k < 32; k++)
			ask(t, v, &carried, s->product, s->fixed[k]);
	}
	assert_same_vex(&t->a, v, &carried);
	if (t->judgements == before)
		return;
	t->advisories++;
	t->bytes += t->carried.n;
	t->largest = RF_MAX(t->largest, t->carried.n);
	/* what people are told is there too */
	assert_true(span_eq(v->advisory.id, carried.advisory.id) && span_eq(v->advisory.title, carried.advisory.title));
	assert_true(v->advisory.published == carried.advisory.published && v->advisory.tlp == carried.advisory.tlp);
	assert_int_equal(v->advisory.severity_count, carried.advisory.severity_count);
	assert_int_equal(v->advisory.alias_count, carried.advisory.alias_count);
	for (size_t i = 0; i < v->advisory.severity_count; i++)
		assert_true(v->advisory.severities[i].score == carried.advisory.severities[i].score);
}

static void print_tally(const struct tally *t, const char *of)
{
	print_message("%s: %zu advisories about products of ours, %zu judgements alike, %zu bytes carried, the largest %zu\n",
		      of, t->advisories, t->judgements, t->bytes, t->largest);
}

/* ---------------------------------------------------------------- one document at a time */

/* A document's advisory as the only source of a merged one. */
static void ask_alone(struct tally *t, const struct advisory_document *d, const struct advisory *v)
{
	struct stored_advisory s = { .advisory = *v, .source_count = 1, .first_seen = 1 };
	struct advisory_origin from = { .document_digest = SPAN("0123456789abcdef"),
					.document_id = d->id,
					.format = span_of(d->format->name),
					.record_state = v->state,
					.authority = advisory_authority_of(v, d->format->name) };
	struct advisory_source source = { .record = *v, .origin = from, .publisher = d->publisher };
	s.sources = &source;
	s.origins = arena_array(&t->a, v->statement_count + 1, sizeof *s.origins);
	assert_non_null(s.origins);
	for (size_t i = 0; i < v->statement_count; i++)
		s.origins[i] = from;
	ask_all(t, &s);
}

static int visit(const struct fs_entry *e, void *data)
{
	struct tally *t = data;
	if (e->kind != FS_FILE || !span_ends(span_of(e->name), ".json"))
		return 0;
	RF_AUTO(str) bytes = STR_INIT(ADVISORY_MAX_BYTES);
	struct err err = ERR_INIT;
	struct advisory_document d;
	assert_ok(fs_read(e->path, &bytes, &err), &err);
	if (!advisory_read(&t->a, NULL, str_span(&bytes), &d, &err))
		for (size_t i = 0; i < d.count; i++)
			ask_alone(t, &d, &d.advisories[i]);
	arena_reset(&t->a);
	return 0;
}

/* The others at hand (Bitnami's, CISA's, KEV and OpenVEX) hold nothing about a product of ours. */
static const char *const corpora[] = { "advisories/nvidia-csaf.tar.xz", "advisories/format-samples.tar.xz",
				       "corpora/nvd-overrides.tar.xz", "corpora/vulnrichment.tar.xz" };

static void every_document(void **state)
{
	(void)state;
	size_t all = 0;
	for (size_t i = 0; i < RF_COUNT(corpora); i++) {
		char folder[256];
		struct tally t = { .a = ARENA_INIT(ADVISORY_ARENA_BYTES), .carried = STR_INIT(CARRIED_MAX_BYTES) };
		struct err err = ERR_INIT;
		if (!testing_unpack_shared(corpora[i], folder, sizeof folder))
			skip();
		assert_ok(fs_walk(folder, visit, &t, &err), &err);
		assert_ok(fs_remove_tree(folder, &err), &err);
		print_tally(&t, corpora[i]);
		all += t.judgements;
		str_release(&t.carried);
		arena_release(&t.a);
	}
	assert_true(all > 10000);
}

/* ---------------------------------------------------------------- merged, with what the operator decided */

struct ids {
	struct arena a;
	struct span id[4096];
	size_t count;
};

static int take_id(const struct advisory_row *row, void *data)
{
	struct ids *ids = data;
	if (row->statements && ids->count < RF_COUNT(ids->id))
		ids->id[ids->count++] = arena_span(&ids->a, row->id);
	return 0;
}

static int decide(struct transaction *tx, struct span id, size_t turn)
{
	const struct product *trt = product_by_any(SPAN(TRT));
	const struct advisory_decision_made made[] = {
		{ .kind = DECISION_APPLIES, .product = trt, .service = "voice" },
		{ .kind = DECISION_RANGE, .product = trt, .range = SPAN("vers:generic/<11.0"), .owner = "team" },
		{ .kind = DECISION_APPLIES, .service = "voice", .applies = true },
	};
	if (turn % 4 == 3)
		return advisory_decide(tx, id, ENGINE_AFFECTING_NO, "user:test@host", "tried");
	return advisory_decide_scope(tx, id, &made[turn % 4], "user:test@host", "tried");
}

static int decide_some(struct transaction *tx, void *data)
{
	struct ids *ids = data;
	int rc = 0;
	for (size_t i = 0; !rc && i < ids->count; i += 3)
		rc = decide(tx, ids->id[i], i / 3);
	return rc;
}

static int collect_ids(struct transaction *tx, void *data)
{
	return advisory_list(tx, &(struct advisory_filter){ .with_unpublished = true, .limit = 100000 }, take_id, data);
}

struct merged {
	struct ids *ids;
	struct tally *t;
};

static int ask_merged(struct transaction *tx, void *data)
{
	struct merged *m = data;
	for (size_t i = 0; i < m->ids->count; i++) {
		struct stored_advisory v;
		int rc = advisory_get(tx, &m->t->a, m->ids->id[i], &v);
		if (rc)
			return rc;
		ask_all(m->t, &v);
		arena_reset(&m->t->a);
	}
	return 0;
}

static void every_merged_one(void **state)
{
	struct fixture *f = begin(state);
	char folder[256];
	struct err err = ERR_INIT;
	struct advisory_import_result result;
	struct ids *ids = calloc(1, sizeof *ids);
	struct tally t = { .a = ARENA_INIT(ADVISORY_ARENA_BYTES), .carried = STR_INIT(CARRIED_MAX_BYTES) };
	for (size_t i = 0; i < 3; i++) {
		if (!testing_unpack_shared(corpora[i], folder, sizeof folder)) {
			free(ids);
			skip();
		}
		assert_ok(advisory_import_path(f->db, folder, &options, &result, &err), &err);
		assert_ok(fs_remove_tree(folder, &err), &err);
	}
	ids->a = ARENA_INIT(MIB);
	assert_ok(database_transact(f->db, DB_READ, collect_ids, ids, &err), &err);
	assert_ok(database_transact(f->db, DB_WRITE, decide_some, ids, &err), &err);
	assert_ok(database_transact(f->db, DB_READ, ask_merged, &(struct merged){ ids, &t }, &err), &err);
	print_tally(&t, "merged");
	assert_true(t.advisories > 100);
	arena_release(&ids->a);
	free(ids);
	str_release(&t.carried);
	arena_release(&t.a);
}

/* ---------------------------------------------------------------- hostile bytes */

/* A small advisory with one of everything. */
static void make_small(struct arena *a, struct str *bytes)
{
	const struct product *trt = product_by_any(SPAN(TRT));
	struct span fixed[] = { SPAN("11.0") }, aliases[] = { SPAN("GHSA-0000-0000-0000") };
	struct advisory_statement s = { .source = SPAN("NVIDIA"),
					.authoritative = true,
					.product = trt,
					.product_name = SPAN("NVIDIA TensorRT"),
					.affected_text = SPAN("All versions prior to 11.0"),
					.fixed = fixed,
					.fixed_count = 1,
					.rule = SPAN("prior to V") };
	struct advisory_origin from = { .document_digest = SPAN("00ff"), .document_id = SPAN("5855") };
	struct advisory_source source = { .origin = from, .publisher = SPAN("NVIDIA") };
	struct advisory_severity score = { .source = SPAN("NVIDIA"), .type = SPAN("CVSS_V3"), .score = 7.8, .computed = 7.8 };
	struct advisory_signal signals[] = { { .kind = SIGNAL_KEV, .cve = SPAN("CVE-2026-1"), .kev = { .due = 5 } },
					     { .kind = SIGNAL_EPSS, .epss = { 0.5, 0.9 } },
					     { .kind = SIGNAL_SSVC, .ssvc = { SSVC_EXPLOITATION_POC } } };
	struct advisory_decision decided = { .kind = DECISION_RANGE, .product = trt, .text = SPAN("prior to 11.0") };
	struct stored_advisory v = { .origins = &from,
				     .sources = &source,
				     .source_count = 1,
				     .signals = signals,
				     .signal_count = RF_COUNT(signals),
				     .policy = { .decided = true, .decisions = &decided, .decision_count = 1 } };
	struct err err = ERR_INIT;
	assert_ok(range_read(a, product_scheme(trt), s.affected_text, SPAN("v11.0"), &s.range, &err), &err);
	decided.range = s.range;
	v.advisory = (struct advisory){ .id = SPAN("CVE-2026-1"), .aliases = aliases, .alias_count = 1, .severities = &score,
					.severity_count = 1, .statements = &s, .statement_count = 1 };
	assert_ok(carried_write(&v, bytes, &err), &err);
}

static void damaged(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(16 * MIB);
	RF_AUTO(str) whole = STR_INIT(64 * KIB);
	make_small(&a, &whole);
	struct stored_advisory v;
	size_t refused = 0;
	/* in memory of its own, so that a read behind its end is seen */
	for (size_t n = 0; n < whole.n; n++) {
		char *cut = malloc(n + 1);
		memcpy(cut, whole.p, n);
		cut = realloc(cut, n ? n : 1);
		struct err err = ERR_INIT;
		int rc = carried_read(&a, span_bytes(cut, n), &v, &err);
		assert_true(rc == 0 || (rc == RF_EFORMAT && err.text[0]));
		refused += rc != 0;
		free(cut);
	}
	/* a cut between two rows is for the signature around it to tell */
	assert_true(refused > whole.n * 9 / 10);
	for (size_t n = 0; n < whole.n; n++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct err err = ERR_INIT;
			whole.p[n] = (char)((unsigned char)whole.p[n] ^ (1u << bit));
			int rc = carried_read(&a, str_span(&whole), &v, &err);
			assert_true(rc == 0 || err.text[0]);
			whole.p[n] = (char)((unsigned char)whole.p[n] ^ (1u << bit));
			arena_reset(&a);
		}
	arena_release(&a);
}

static void rules(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct span bytes;
		int code;
		const char *words;
	} cases[] = {
		{ "nothing", { "", 0 }, RF_EFORMAT, "no advisory" },
		{ "a later format", { "\x08\x02", 2 }, RF_EUNSUPPORTED, "format 2" },
		{ "no format", { "\x12\x01x", 3 }, RF_EFORMAT, "out of order" },
		{ "twice the format", { "\x08\x01\x08\x01", 4 }, RF_ETOOMANY, "more than 1 of format" },
		{ "an unknown field", { "\x08\x01\x62\x01x", 5 }, RF_EFORMAT, "field 12" },
		{ "another type", { "\x08\x01\x10\x01", 4 }, RF_EFORMAT, "another type" },
		{ "a text behind the advisory",
		  { "\x08\x01\x12\x01x\x1a\x0a\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x12\x01y", 20 },
		  RF_EFORMAT,
		  "text is out of order" },
		{ "a short row", { "\x08\x01\x12\x01x\x1a\x01\x01", 8 }, RF_EFORMAT, "is missing" },
		{ "a long row",
		  { "\x08\x01\x12\x01x\x1a\x0b\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 18 },
		  RF_EFORMAT,
		  "goes on" },
		{ "a text that is not there",
		  { "\x08\x01\x12\x01x\x1a\x0a\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00", 17 },
		  RF_EFORMAT,
		  "larger than" },
		{ "no id", { "\x08\x01\x1a\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 14 }, RF_EFORMAT, "id is empty" },
		{ "no such state",
		  { "\x08\x01\x12\x01x\x1a\x0a\x01\x00\x00\x00\x03\x00\x00\x00\x00\x00", 17 },
		  RF_EFORMAT,
		  "state is larger" },
		{ "marked as a drill",
		  { "\x08\x01\x12\x01x\x1a\x0a\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00", 17 },
		  RF_EFORMAT,
		  "mark of a drill" },
		{ "an origin of none",
		  { "\x08\x01\x12\x01x\x1a\x0a\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x3a\x01\x00", 20 },
		  RF_EFORMAT,
		  "names one of none" },
	};
	struct arena a = ARENA_INIT(16 * MIB);
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct stored_advisory v;
		struct err err = ERR_INIT;
		int rc = carried_read(&a, cases[i].bytes, &v, &err);
		if (rc != cases[i].code || !strstr(err.text, cases[i].words))
			fail_msg("%s: %s, %s", cases[i].what, rf_error_name(rc), err.text);
	}
	arena_release(&a);
}

/* What a later program may write: a scheme and products that this one has no row for. */
static void from_a_later_program(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(16 * MIB);
	RF_AUTO(str) bytes = STR_INIT(64 * KIB);
	struct err err = ERR_INIT;
	struct stored_advisory v;
	make_small(&a, &bytes);
	size_t at = span_find(str_span(&bytes), SPAN("\x12\x08tensorrt"));
	assert_true(at != SIZE_MAX);
	bytes.p[at + 2] = 'T';
	assert_ok(carried_read(&a, str_span(&bytes), &v, &err), &err);
	assert_false(v.advisory.statements[0].range->readable);
	assert_int_equal(range_contains(v.advisory.statements[0].range, SPAN("10.0")), RANGE_UNSURE);
	at = span_find(str_span(&bytes), SPAN("pkg:generic/nvidia/tensorrt"));
	assert_true(at != SIZE_MAX);
	bytes.p[at + 12] = 'X';
	assert_ok(carried_read(&a, str_span(&bytes), &v, &err), &err);
	assert_null(v.advisory.statements[0].product);
	assert_int_equal(v.policy.decision_count, 0); /* it would be one for all products */
	arena_release(&a);
}

static void limits(void **state)
{
	(void)state;
	struct arena small = ARENA_INIT(2 * KIB), a = ARENA_INIT(16 * MIB);
	RF_AUTO(str) bytes = STR_INIT(64 * KIB);
	RF_AUTO(str) short_of_room = STR_INIT(64);
	struct err err = ERR_INIT;
	struct stored_advisory v;
	make_small(&a, &bytes);
	assert_int_equal(carried_read(&small, str_span(&bytes), &v, &err), RF_ENOMEM);
	assert_ok(carried_read(&a, str_span(&bytes), &v, &err), &err);
	assert_int_equal(carried_write(&v, &short_of_room, &err), RF_ETOOBIG);
	str_reset(&bytes);
	protobuf_put_varint(&bytes, 1, 1);
	for (size_t i = 0; i < 1025; i++)
		protobuf_put_bytes(&bytes, 11, SPAN_NONE);
	assert_int_equal(carried_read(&a, str_span(&bytes), &v, &err), RF_ETOOMANY);
	arena_release(&small);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest plain[] = { cmocka_unit_test(every_document), cmocka_unit_test(damaged),
					    cmocka_unit_test(rules), cmocka_unit_test(from_a_later_program),
					    cmocka_unit_test(limits) };
	const struct CMUnitTest stored[] = { cmocka_unit_test_setup_teardown(every_merged_one, setup, teardown) };
	return cmocka_run_group_tests_name("carried", plain, NULL, NULL) +
	       cmocka_run_group_tests_name("sqlite", stored, engine_setup_sqlite, engine_teardown);
}
