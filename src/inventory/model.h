/*
 * model - rules that a model must keep before any toolchain opens it.
 *
 * Pure. May use base/ only. A model comes from outside, and the programs that parse it (ONNX Runtime, TensorRT's
 * parser, the onnx package) are where the advisories are: it is looked through here first, by a reader that trusts
 * nothing, and is in quarantine until it passes (docs/inventory-models.md has every rule with its reason).
 *
 *   artifact_read() ──► facts.rules, notes ──model_quarantine()──► NULL: passes, or the rule that keeps it
 *
 * The reader follows the file once, forward, by pieces, and skips weights: what it costs grows with the nodes, not with
 * the gigabytes. Nothing is copied but names, each once. Every limit below is a rule when it is met.
 */
#ifndef REFORGE_INVENTORY_MODEL_H
#define REFORGE_INVENTORY_MODEL_H

#include "inventory/artifact.h"

/* Messages within each other: protobuf's own readers stop at 100 (CodedInputStream::GetDefaultRecursionLimit). */
#define MODEL_MAX_NESTING 100
/* Graphs within each other. ONNX Runtime's work at loading doubles with each: twenty levels in 3.6 KB take a minute. */
#define MODEL_MAX_SUBGRAPH_DEPTH 16
#define MODEL_MAX_NODES (UINT32_C(1) << 24)
/* A name is an identifier or a path of module names; some tools write a scope of some hundred bytes. */
#define MODEL_MAX_NAME_BYTES (16 * KIB)
/* What looking through one model may take: a million nodes with the names of their values take 149 MiB. */
#define MODEL_MAX_MEMORY_BYTES (256 * MIB)
#define MODEL_MAX_RANK 64
#define MODEL_MAX_FUNCTIONS (UINT32_C(1) << 16)
/* Nodes once every call of a local function stands for its body: functions of functions double without growing. */
#define MODEL_MAX_EXPANDED_NODES (UINT64_C(1) << 24)
#define MODEL_MAX_EXTERNAL_FILES 65536
/* Newest versions known here: onnx 1.20. A newer one is noted, what cannot be one is refused. */
#define MODEL_NEWEST_IR_VERSION 13
#define MODEL_NEWEST_DATA_TYPE 26
#define MODEL_MAX_IR_VERSION 1000
#define MODEL_MAX_OPSET 10000

/* Each rule is a row of model_rules[] under its identifier; see there for names and words. */
enum model_rule_id {
	MODEL_EXTERNAL_DATA_ESCAPES,
	MODEL_EXTERNAL_DATA_ADDRESS,
	MODEL_EXTERNAL_DATA_LINK,
	MODEL_EXTERNAL_DATA_BOUNDS,
	MODEL_EXTERNAL_DATA_KEY,
	MODEL_EXTERNAL_DATA_MISSING,
	MODEL_TENSOR_SIZE_MISMATCH,
	MODEL_TENSOR_SIZE_OVERFLOW,
	MODEL_TENSOR_DATA_AMBIGUOUS,
	MODEL_ATTRIBUTE_AMBIGUOUS,
	MODEL_NEGATIVE_DIMENSION,
	MODEL_UNKNOWN_DATA_TYPE,
	MODEL_SPARSE_INDEX,
	MODEL_SPARSE_SHAPE,
	MODEL_DUPLICATE_NAME,
	MODEL_DUPLICATE_FUNCTION,
	MODEL_UNDEFINED_INPUT,
	MODEL_UNDEFINED_OUTPUT,
	MODEL_CYCLE,
	MODEL_FUNCTION_RECURSION,
	MODEL_FUNCTION_EXPANSION,
	MODEL_NESTED_TOO_DEEP,
	MODEL_OVER_LIMIT,
	MODEL_MISSING_GRAPH,
	MODEL_REPEATED_FIELD,
	MODEL_MALFORMED,
	MODEL_TRUNCATED,
	MODEL_NOT_UTF8,
	MODEL_IR_VERSION,
	MODEL_OPSET_VERSION,
	/* noted only: they keep no model from being built */
	MODEL_NOT_SORTED,
	MODEL_UNKNOWN_DOMAIN,
	MODEL_NATIVE_LIBRARY,
	MODEL_SHADOWED_NAME,
	MODEL_MISSING_OPSET,
	MODEL_NEWER_VERSION,
	MODEL_EXTERNAL_DATA_HARDLINK,
	MODEL_EXTERNAL_DATA_UNSEEN,
	MODEL_RULE_COUNT,
};

struct model_rule {
	const char *name; /* "external_data_escapes": as in facts.rules; stays the same */
	/* CONFLICT, UNKNOWN: in quarantine; CLEAR: noted only */
	enum artifact_finding finding;
	const char *cause; /* ARTIFACT_CAUSE_*; "" for CLEAR */
	const char *what;  /* what it asks, in a sentence */
	const char *next;  /* what to do about it */
	const char
		*provokes; /* advisories of parsers that such a file leads into, with the versions; NULL: none known */
};
extern const struct model_rule model_rules[MODEL_RULE_COUNT];
const struct model_rule *model_rule_find(const char *name); /* NULL: no rule of models */

/* A kind that is a model's or an engine in a model's format: onnx, onnxruntime-optimised, onnxruntime-ort. */
bool model_kind(const char *kind);
/* The name of the rule that keeps a model from every toolchain; NULL: none does, or @f is of no model's kind. Besides
 * the rules above it may be one of a format's own, when it says that the file could not be read or contradicts itself.
 * That nothing states an engine's version is no reason. */
const char *model_quarantine(const struct artifact_facts *f);

#endif
