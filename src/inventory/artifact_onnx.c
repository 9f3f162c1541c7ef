/*
 * ONNX models, and the ones that ONNX Runtime wrote. Source: onnx.proto3 (ModelProto); reference/components, section 1.
 *
 * The top level of ModelProto is walked here; graphs and functions are walked on the way, by model_onnx.c, which skips
 * weights. A file is ONNX when it has an ir_version and a graph, and nothing in front of them that no model has; named
 * .onnx, it is one with less, and told what is missing.
 *
 * ONNX Runtime keeps producer_name and producer_version of the model that it optimised: "tf2onnx 1.12.1" is no ONNX
 * Runtime version, and is never taken for one.
 */
#include "inventory/model_int.h"

/* Opsets are per domain, functions and metadata a handful; a model of 20,000 functions has not been met. */
#define MAX_FIELDS 50000
/* An opset and a metadata pair have two fields each. */
#define MAX_ENTRY_FIELDS 32
#define PRODUCER_BYTES 128

/* Domains of operators that only ONNX Runtime's optimiser puts into a graph: blocked and channels-last layouts. */
static const char *const optimiser_domains[] = { "com.microsoft.nchwc", "com.ms.internal.nhwc" };

static bool is_model_field(uint32_t number, uint32_t wire)
{
	switch (number) {
	case ONNX_IR_VERSION:
	case ONNX_VERSION:
		return wire == WIRE_VARINT;
	case ONNX_PRODUCER_NAME:
	case ONNX_PRODUCER_VERSION:
	case ONNX_DOMAIN:
	case ONNX_DOC:
	case ONNX_GRAPH:
	case ONNX_OPSET:
	case ONNX_METADATA:
	case ONNX_TRAINING:
	case ONNX_FUNCTIONS:
	case ONNX_CONFIGURATION:
		return wire == WIRE_BYTES;
	default:
		return false;
	}
}

/* At most @max bytes of a field, until the next read: a model may have any number of fields, so only what is kept in
 * the end goes to the arena. */
static struct span text_of(struct artifact_reading *r, const struct onnx_field *f, size_t max)
{
	size_t n;
	const unsigned char *p = artifact_upto(r, f->at, (size_t)RF_MIN(f->value, (uint64_t)max), &n);
	return p ? span_bytes(p, n) : SPAN_NONE;
}

struct text {
	char bytes[ARTIFACT_STAMP_VALUE_BYTES + 1];
	size_t n;
};

/* The same, kept. Of a field that comes twice the last counts, as for every reader of protobuf. */
static void text_take(struct artifact_reading *r, const struct onnx_field *f, size_t max, struct text *ret)
{
	struct span s = text_of(r, f, RF_MIN(max, sizeof ret->bytes));
	ret->n = s.n;
	if (s.n)
		memcpy(ret->bytes, s.p, s.n);
}

static struct span text_keep(struct artifact_reading *r, const struct text *t)
{
	struct span copy = t->n ? arena_span(r->a, span_bytes(t->bytes, t->n)) : SPAN_NONE;
	if (t->n && !copy.p)
		r->failed = RF_ENOMEM;
	return copy;
}

struct head {
	struct model *model;
	bool has_ir, has_graph, truncated, strange;
	const char *optimised_by; /* the domain that gives it away */
	unsigned opsets;
	struct text producer_name, producer_version;
};

/* The next field of an entry; false at its end. */
static bool entry_next(struct head *h, const struct onnx_field *entry, unsigned *count, struct onnx_field *f)
{
	struct artifact_reading *r = h->model->r;
	uint64_t at = *count ? f->next : entry->at;
	if (at >= entry->next)
		return false;
	if (onnx_field_read(r, at, entry->next, f) != 1) {
		if (!r->failed)
			model_object(h->model, MODEL_MALFORMED, at, "an entry of the model's head cannot be read on");
		return false;
	}
	if (++*count <= MAX_ENTRY_FIELDS)
		return true;
	artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "too_many_fields",
			"an entry of the model's head has more than %d fields: they were not all looked at",
			MAX_ENTRY_FIELDS);
	return false;
}

/* OperatorSetIdProto: 1 domain, 2 version */
static void opset_read(struct artifact_reading *r, const struct onnx_field *opset, struct head *h)
{
	struct onnx_field f;
	unsigned count = 0;
	struct text name = { .n = 0 };
	int64_t version = 0;
	while (entry_next(h, opset, &count, &f)) {
		if (f.number == 2 && f.wire == WIRE_VARINT)
			version = (int64_t)f.value;
		if (f.number != 1 || f.wire != WIRE_BYTES)
			continue;
		text_take(r, &f, 64, &name);
		struct span domain = span_bytes(name.bytes, name.n);
		for (size_t i = 0; i < RF_COUNT(optimiser_domains); i++)
			if (span_eq_text(domain, optimiser_domains[i]) && !h->optimised_by) {
				h->optimised_by = optimiser_domains[i];
				artifact_evidence(r, "opset import of an optimiser's domain", f.at, domain.p, domain.n,
						  "%s", h->optimised_by);
			}
	}
	model_opset_judge(h->model, span_bytes(name.bytes, name.n), version, opset->at);
}

/* A text of any size, by pieces that end with a character. */
static void utf8_judge(struct head *h, const struct onnx_field *f)
{
	struct artifact_reading *r = h->model->r;
	for (uint64_t at = f->at; at < f->next;) {
		size_t n;
		const unsigned char *p =
			artifact_upto(r, at, (size_t)RF_MIN(f->next - at, (uint64_t)ARTIFACT_PIECE_BYTES), &n);
		if (!p || !n)
			return;
		size_t cut = n;
		if (at + n < f->next) {
			while (cut > 1 && n - cut < 3 && (p[cut - 1] & 0xc0) == 0x80)
				cut--;
			cut -= cut > 1 && p[cut - 1] >= 0xc0;
		}
		if (!span_is_utf8(span_bytes(p, cut))) {
			model_object(h->model, MODEL_NOT_UTF8, at, "a key or a value of the model's metadata");
			return;
		}
		at += cut;
	}
}

/* StringStringEntryProto: 1 key, 2 value */
static void metadata_read(struct artifact_reading *r, const struct onnx_field *entry, struct head *h)
{
	struct onnx_field f;
	struct text key = { .n = 0 }, value = { .n = 0 };
	uint64_t value_at = entry->at;
	unsigned count = 0;
	while (entry_next(h, entry, &count, &f)) {
		if (f.wire != WIRE_BYTES)
			continue;
		if (f.number == 1) {
			text_take(r, &f, 64, &key);
		} else if (f.number == 2) {
			text_take(r, &f, ARTIFACT_STAMP_VALUE_BYTES + 1, &value);
			value_at = f.at;
		}
		if (f.number == 1 || f.number == 2)
			utf8_judge(h, &f);
	}
	struct span name = span_bytes(key.bytes, key.n);
	if (span_starts(name, "reforge."))
		artifact_stamp_add(r, name, span_bytes(value.bytes, value.n), value_at);
}

static void model_field(struct artifact_reading *r, const struct onnx_field *f, struct head *h)
{
	struct artifact_facts *facts = r->facts;
	switch (f->number) {
	case ONNX_IR_VERSION:
		h->has_ir = true;
		facts->ir_version = (int64_t)f->value;
		artifact_evidence(r, "ir_version (ModelProto field 1)", f->at, artifact_at(r, f->at, 1), 1, "%lld",
				  (long long)facts->ir_version);
		break;
	case ONNX_PRODUCER_NAME:
		text_take(r, f, PRODUCER_BYTES, &h->producer_name);
		break;
	case ONNX_PRODUCER_VERSION:
		text_take(r, f, PRODUCER_BYTES, &h->producer_version);
		break;
	case ONNX_GRAPH:
		h->has_graph = true;
		onnx_main_graph(h->model, f);
		break;
	case ONNX_TRAINING:
		onnx_training(h->model, f);
		break;
	case ONNX_FUNCTIONS:
		onnx_function(h->model, f);
		break;
	case ONNX_OPSET:
		h->opsets++;
		opset_read(r, f, h);
		break;
	case ONNX_METADATA:
		metadata_read(r, f, h);
		break;
	default:
		break;
	}
}

static bool is_plausible(const struct artifact_reading *r, const struct head *h)
{
	return h->has_ir && r->facts->ir_version >= 1 && r->facts->ir_version <= MODEL_MAX_IR_VERSION && h->has_graph;
}

/* Called a model, with a model's fields and no others to its very end, and not all that makes one. */
static bool is_named_so(const struct artifact_reading *r, const struct head *h)
{
	return span_ends(r->name, ".onnx") && !h->strange && !h->truncated &&
	       (h->has_graph || (h->has_ir && h->opsets));
}

/* What is no field of a model, behind a version and a graph: other readers of protobuf may step over it (a group) and
 * load the file, so it is no reason to call it something else, and none to be silent about what follows. */
static int damaged(struct artifact_reading *r, const struct head *h, uint64_t at)
{
	if (r->failed || !is_plausible(r, h))
		return RF_EUNREADABLE;
	artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "metadata_not_reached",
			"a model up to byte %llu; what follows is not read here: whether ONNX Runtime built it cannot "
			"be told",
			(unsigned long long)at);
	return 0;
}

/* RF_EUNREADABLE: not ONNX. */
static int model_walk(struct artifact_reading *r, struct head *h)
{
	uint64_t end = r->src->size;
	struct onnx_field f = { 0 };
	unsigned fields = 0;
	for (uint64_t at = 0; at < end; at = f.next) {
		int got = onnx_field_read(r, at, end, &f);
		if (r->failed || got < 0 || ++fields > MAX_FIELDS)
			return damaged(r, h, at);
		if (got == 0) {
			/* Only a field that ModelProto has may be the one that was cut. */
			if (f.next == UINT64_MAX && !is_model_field(f.number, f.wire))
				return damaged(r, h, at);
			h->truncated = true;
			h->has_graph = h->has_graph || (f.next == UINT64_MAX && f.number == ONNX_GRAPH);
			break;
		}
		if (!is_model_field(f.number, f.wire) && fields < 4)
			return RF_EUNREADABLE; /* unknown later fields may come with a newer onnx.proto */
		h->strange |= !is_model_field(f.number, f.wire);
		model_field(r, &f, h);
	}
	return is_plausible(r, h) || is_named_so(r, h) ? 0 : RF_EUNREADABLE;
}

static void builder_judge(struct artifact_reading *r, const struct head *h)
{
	struct artifact_facts *f = r->facts;
	artifact_stamp_apply(r);
	bool stamped = f->stamp.toolchain.n || f->stamp.version.n;
	if (!stamped && !h->optimised_by) {
		f->kind = ARTIFACT_ONNX;
		if (f->truncated)
			artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "cut_before_metadata",
					"cut before its metadata: whether ONNX Runtime built it cannot be told");
		return;
	}
	f->kind = ARTIFACT_ONNXRUNTIME_OPTIMISED;
	if (!f->product && h->optimised_by)
		f->product = ARTIFACT_PRODUCT_ONNXRUNTIME;
	if (!f->version[0])
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNKNOWN_BUILDER, "version_not_stated",
				h->optimised_by ? "written by ONNX Runtime's optimiser (it imports the domain %s), and "
						  "no stamp states the version"
						: "stamped, but without a version%s",
				h->optimised_by ? h->optimised_by : "");
}

static bool onnx_sniff(const struct artifact_reading *r)
{
	const unsigned char *p = (const unsigned char *)r->head.p;
	/* Every writer met puts ir_version first (proto order); others only with the name. */
	if (r->head.n < 4)
		return false;
	if (p[0] == 0x08 && p[1] > 0 && p[1] < 0x80)
		return is_model_field(p[2] >> 3, p[2] & 7) || p[2] & 0x80;
	return span_ends(r->name, ".onnx") && is_model_field(p[0] >> 3, p[0] & 7);
}

static void model_judge(struct artifact_reading *r, const struct head *h)
{
	struct model *m = h->model;
	if (h->truncated) {
		r->facts->truncated = true;
		model_object(m, MODEL_TRUNCATED, r->src->size, "a field of the model ends behind the end of the file");
		return;
	}
	model_version_judge(m, h->has_ir ? r->facts->ir_version : 0);
	if (!h->has_graph)
		model_object(m, MODEL_MISSING_GRAPH, 0, "version and operator sets, and nothing to run");
	if (!h->opsets && r->facts->ir_version >= 3)
		model_object(m, MODEL_MISSING_OPSET, 0, "IR version %lld, and no operator set",
			     (long long)r->facts->ir_version);
	model_end(m);
}

static int onnx_read(struct artifact_reading *r)
{
	struct artifact_facts *f = r->facts;
	struct model m;
	struct head h = { .model = &m };
	model_begin(&m, r);
	int rc = model_walk(r, &h);
	if (rc == 0) {
		f->layout = "ModelProto";
		f->producer_name = text_keep(r, &h.producer_name);
		f->producer_version = text_keep(r, &h.producer_version);
		model_judge(r, &h);
		builder_judge(r, &h);
	}
	model_release(&m);
	return rc;
}

const struct artifact_format artifact_format_onnx = {
	.name = "onnx",
	.sniff = onnx_sniff,
	.read = onnx_read,
};
