/* The rules of models, in words. See model.h; docs/inventory-models.md has where each comes from. */
#include "inventory/model.h"

#define HOSTILE ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HOSTILE_MODEL
#define NOTED ARTIFACT_CLEAR, ""

#define FROM_SOURCE "get the model again from who made it, and ask how it came to be like this"
#define EXPORT "have it exported again"

const struct model_rule model_rules[MODEL_RULE_COUNT] = {
	[MODEL_EXTERNAL_DATA_ESCAPES] = { "external_data_escapes", HOSTILE,
					  "external data lies below the model's own folder, under a relative name",
					  FROM_SOURCE,
					  "CVE-2022-25882 (onnx before 1.13.0), CVE-2024-27318 (onnx up to 1.15.0), "
					  "CVE-2025-51480 (onnx 1.17.0, when it is saved)" },
	[MODEL_EXTERNAL_DATA_ADDRESS] = { "external_data_address", HOSTILE,
					  "external data is in a file, not at an address of the reader's memory",
					  FROM_SOURCE, NULL },
	[MODEL_EXTERNAL_DATA_LINK] = { "external_data_link", HOSTILE,
				       "external data is a regular file, not reached through a symbolic link",
				       "put the file itself beside the model", "CVE-2026-27489 (onnx before 1.21.0)" },
	[MODEL_EXTERNAL_DATA_BOUNDS] = { "external_data_bounds", HOSTILE,
					 "external data's offset and length lie in its file", EXPORT, NULL },
	[MODEL_EXTERNAL_DATA_KEY] = { "external_data_key", HOSTILE,
				      "external data is told by location, offset, length and checksum, each once",
				      FROM_SOURCE, "CVE-2026-34445 (onnx before 1.21.0)" },
	[MODEL_EXTERNAL_DATA_MISSING] = { "external_data_missing", ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_CONTENT_ABSENT,
					  "external data is there", "put the file beside the model", NULL },
	[MODEL_TENSOR_SIZE_MISMATCH] = { "tensor_size_mismatch", HOSTILE,
					 "a tensor holds as much data as its dimensions and type ask for", EXPORT,
					 NULL },
	[MODEL_TENSOR_SIZE_OVERFLOW] = { "tensor_size_overflow", HOSTILE, "a tensor's size in bytes is below 2^63",
					 FROM_SOURCE, NULL },
	[MODEL_TENSOR_DATA_AMBIGUOUS] = { "tensor_data_ambiguous", HOSTILE,
					  "a tensor holds its data once, in a field of its type", EXPORT, NULL },
	[MODEL_ATTRIBUTE_AMBIGUOUS] = { "attribute_ambiguous", HOSTILE,
					"an attribute has one value, of the type that it states", EXPORT, NULL },
	[MODEL_NEGATIVE_DIMENSION] = { "negative_dimension", HOSTILE, "a tensor with data has no negative dimension",
				       FROM_SOURCE, NULL },
	[MODEL_UNKNOWN_DATA_TYPE] = { "unknown_data_type", HOSTILE, "a tensor's type is one of ONNX's", EXPORT, NULL },
	[MODEL_SPARSE_INDEX] = { "sparse_index_out_of_range", HOSTILE, "a sparse tensor's indices lie in its shape",
				 FROM_SOURCE, NULL },
	[MODEL_SPARSE_SHAPE] = { "sparse_shape_mismatch", HOSTILE,
				 "a sparse tensor has one index, or one row of them, for each value", EXPORT, NULL },
	[MODEL_DUPLICATE_NAME] = { "duplicate_name", HOSTILE,
				   "a graph defines each value once (static single assignment)", EXPORT, NULL },
	[MODEL_DUPLICATE_FUNCTION] = { "duplicate_function", HOSTILE, "a local function is defined once", EXPORT,
				       NULL },
	[MODEL_UNDEFINED_INPUT] = { "undefined_input", HOSTILE,
				    "what a node takes is defined in its graph or one around it", EXPORT, NULL },
	[MODEL_UNDEFINED_OUTPUT] = { "undefined_output", HOSTILE, "what a graph gives is defined in it or around it",
				     EXPORT, NULL },
	[MODEL_CYCLE] = { "cycle", HOSTILE, "no node depends on itself", FROM_SOURCE, NULL },
	[MODEL_FUNCTION_RECURSION] = { "function_recursion", HOSTILE, "no local function calls itself", FROM_SOURCE,
				       NULL },
	[MODEL_FUNCTION_EXPANSION] = { "function_expansion", HOSTILE,
				       "with its functions expanded the model has at most 16,777,216 nodes",
				       FROM_SOURCE, NULL },
	[MODEL_NESTED_TOO_DEEP] = { "nested_too_deep", HOSTILE,
				    "at most 16 graphs and 100 messages lie within each other", FROM_SOURCE, NULL },
	[MODEL_OVER_LIMIT] = { "over_limit", ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE,
			       "the model is within what is looked at here: nodes, names, memory, pieces read",
			       "it was not looked at whole: simplify it, or say why it must be like this", NULL },
	[MODEL_MISSING_GRAPH] = { "missing_graph", HOSTILE, "a model has a graph", EXPORT, NULL },
	[MODEL_REPEATED_FIELD] = { "repeated_field", HOSTILE,
				   "a message that may stand once stands once: readers merge or choose otherwise",
				   FROM_SOURCE, NULL },
	[MODEL_MALFORMED] = { "malformed", HOSTILE, "every length, count and number is one that its format allows",
			      FROM_SOURCE, NULL },
	[MODEL_TRUNCATED] = { "truncated", ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "the file is whole",
			      "copy it again", NULL },
	[MODEL_NOT_UTF8] = { "not_utf8", HOSTILE, "names, operators, domains, keys and metadata are UTF-8", FROM_SOURCE, NULL },
	[MODEL_IR_VERSION] = { "ir_version", HOSTILE, "the IR version is one that can be", FROM_SOURCE, NULL },
	[MODEL_OPSET_VERSION] = { "opset_version", HOSTILE, "an operator set's version is one that can be", FROM_SOURCE,
				  NULL },
	[MODEL_NOT_SORTED] = { "not_sorted", NOTED, "nodes stand behind those that they depend on",
			       "some readers want it so: onnx.checker, not ONNX Runtime", NULL },
	[MODEL_UNKNOWN_DOMAIN] = { "unknown_domain", NOTED, "operators are of a domain that toolchains bring along",
				   "the model needs a library of custom operators: native code that is trusted by "
				   "itself",
				   NULL },
	[MODEL_NATIVE_LIBRARY] = { "native_library", NOTED, "no attribute or property names a native library",
				   "see which library it asks for, and where that comes from", NULL },
	[MODEL_SHADOWED_NAME] = { "shadowed_name", NOTED, "an inner graph does not define a value of an outer one anew",
				  "readers may disagree about which is meant", NULL },
	[MODEL_MISSING_OPSET] = { "missing_opset", NOTED, "a model of IR version 3 or later states its operator sets",
				  "ONNX Runtime and onnx.checker refuse it", NULL },
	[MODEL_NEWER_VERSION] = { "newer_version", NOTED, "the model is of a version known here",
				  "what is new in it was not looked at", NULL },
	[MODEL_EXTERNAL_DATA_HARDLINK] = { "external_data_hardlink", NOTED,
					   "external data has one name in its file system",
					   "see what else has that name; onnx from 1.21.0 on refuses it",
					   "CVE-2026-34446 (onnx before 1.21.0)" },
	[MODEL_EXTERNAL_DATA_UNSEEN] = { "external_data_unseen", NOTED, "external data could be looked at",
					 "scan it where it lies on a disk", NULL },
};

const struct model_rule *model_rule_find(const char *name)
{
	for (size_t i = 0; i < MODEL_RULE_COUNT; i++)
		if (strcmp(model_rules[i].name, name) == 0)
			return &model_rules[i];
	return NULL;
}

bool model_kind(const char *kind)
{
	return strcmp(kind, ARTIFACT_ONNX) == 0 || strcmp(kind, ARTIFACT_ONNXRUNTIME_OPTIMISED) == 0 ||
	       strcmp(kind, ARTIFACT_ONNXRUNTIME_ORT) == 0;
}

/* Causes under which a rule that is not of this table keeps a model back. */
static bool is_kept_back(const struct artifact_facts *f)
{
	return f->finding == ARTIFACT_CONFLICT || strcmp(f->cause, ARTIFACT_CAUSE_UNREADABLE) == 0 ||
	       strcmp(f->cause, ARTIFACT_CAUSE_INCOMPLETE) == 0 || strcmp(f->cause, ARTIFACT_CAUSE_CONTENT_ABSENT) == 0;
}

const char *model_quarantine(const struct artifact_facts *f)
{
	const struct model_rule *found = NULL;
	const char *other = NULL;
	for (size_t i = 0; i < f->rule_count && model_kind(f->kind); i++) {
		const struct model_rule *rule = model_rule_find(f->rules[i]);
		/* what is hostile is said before what is merely unknown */
		if (rule && rule->finding > ARTIFACT_CLEAR && (!found || rule->finding > found->finding))
			found = rule;
		else if (!rule && !other)
			other = f->rules[i];
	}
	return found ? found->name : is_kept_back(f) ? other : NULL;
}
