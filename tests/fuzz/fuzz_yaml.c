/* YAML: every node of what parses can be reached, has a line inside the text, and each key finds its value. */
#include "format/yaml.h"
#include "libfyaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct yaml_node *n, uint64_t lines, unsigned depth)
{
	if (depth > YAML_MAX_DEPTH || yaml_line(n) < 1 || yaml_line(n) > lines)
		abort();
	for (size_t i = 0; i < yaml_count(n); i++) {
		const struct yaml_node *value = yaml_at(n, i), *key = yaml_key_at(n, i);
		if (!value)
			abort();
		walk(value, lines, depth + 1);
		if (key && span_find_byte(yaml_scalar(key), '\0') == SIZE_MAX &&
		    yaml_get(n, yaml_scalar(key).p) != value)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RF_AUTO_PTR(yaml_doc) doc = NULL;
	struct err err = ERR_INIT;
	if (yaml_parse(span_bytes(data, size), "fuzz", &doc, &err)) {
		if (err.code >= 0 || err.text[0] == '\0')
			abort();
		return 0;
	}
	/* CR, LS, PS and NEL break lines too: every byte may */
	if (yaml_root(doc))
		walk(yaml_root(doc), size + 1, 0);
	return 0;
}
