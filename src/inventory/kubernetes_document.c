/* Manifests: one JSON value, or YAML documents, each brought into the JSON that the API would give. */
#include "inventory/kubernetes_int.h"

#include "format/yaml.h"

/* ── YAML to JSON ────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A plain scalar has the type that the core schema of YAML 1.2 gives it; what a quote holds is a string. */
static void scalar(struct json_out *o, const struct yaml_node *n)
{
	struct span text = yaml_scalar(n);
	int64_t whole;
	double number;
	if (yaml_is_quoted(n))
		json_put_span(o, text);
	else if (yaml_is_null(n))
		json_put_null(o);
	else if (span_eq_text(text, "true") || span_eq_text(text, "false"))
		json_put_bool(o, text.p[0] == 't');
	else if (span_i64(text, &whole))
		json_put_i64(o, whole);
	else if (span_double(text, &number))
		json_put_double(o, number);
	else
		json_put_span(o, text);
}

/* Never deeper than YAML_MAX_DEPTH, which yaml_parse() holds. */
static void node(struct json_out *o, const struct yaml_node *n)
{
	size_t count = yaml_count(n);
	if (yaml_kind(n) == YAML_MAPPING) {
		json_object(o);
		for (size_t i = 0; i < count; i++) {
			json_key_span(o, yaml_scalar(yaml_key_at(n, i)));
			node(o, yaml_at(n, i));
		}
		json_object_end(o);
	} else if (yaml_kind(n) == YAML_SEQUENCE) {
		json_array(o);
		for (size_t i = 0; i < count; i++)
			node(o, yaml_at(n, i));
		json_array_end(o);
	} else {
		scalar(o, n);
	}
}

static int add_yaml(struct kube_set *s, struct span text, const char *file, struct err *err)
{
	RF_AUTO_PTR(yaml_doc) doc = NULL;
	RF_AUTO(str) json = STR_INIT(4 * KUBE_MAX_FILE_BYTES);
	struct json root;
	int rc = yaml_parse(text, file, &doc, err);
	if (rc || !yaml_root(doc) || yaml_is_null(yaml_root(doc)))
		return rc;
	struct json_out o = json_out(&json, false);
	node(&o, yaml_root(doc));
	rc = str_check(&json, file, err);
	if (rc == 0)
		rc = kube_parse(s, str_span(&json), &root, err);
	return rc ? rc : kube_add(s, root, err);
}

/* ── Documents ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "---" or "..." at the start of a line parts documents wherever it stands, block texts included (YAML 1.2, 9.1.2). */
static bool is_mark(struct span line)
{
	return (span_starts(line, "---") || span_starts(line, "...")) &&
	       (line.n == 3 || line.p[3] == ' ' || line.p[3] == '\t' || line.p[3] == '\r');
}

/* The text up to the next mark; *ret_line is the line it starts on. What stands behind a mark belongs to the document. */
static bool next_document(struct span *rest, uint64_t *line, struct span *ret, uint64_t *ret_line)
{
	const char *from = rest->p;
	struct span one;
	if (!rest->n)
		return false;
	*ret_line = *line;
	bool first = true;
	for (struct span at = *rest; span_line(&at, &one); first = false) {
		if (is_mark(one) && !first) {
			*ret = span_bytes(from, (size_t)(one.p - from));
			*rest = span_from(*rest, ret->n);
			return true;
		}
		++*line;
	}
	*ret = *rest;
	*rest = span_from(*rest, rest->n);
	return true;
}

/* A comment or nothing. */
static bool is_blank(struct span text)
{
	struct span line;
	while (span_line(&text, &line)) {
		line = span_trim(line);
		if (line.n && line.p[0] != '#' && !span_eq_text(line, "---") && !span_eq_text(line, "..."))
			return false;
	}
	return true;
}

static int read_yaml(struct kube_set *s, struct span bytes, const char *file, struct err *err)
{
	struct span rest = bytes, one;
	uint64_t line = 1, from = 1;
	size_t n = 0;
	int rc = 0;
	while (rc == 0 && next_document(&rest, &line, &one, &from)) {
		if (++n > KUBE_MAX_DOCUMENTS)
			return err_set(err, RF_ETOOMANY, "more than %d documents in one file", KUBE_MAX_DOCUMENTS);
		if (is_blank(one))
			continue;
		rc = add_yaml(s, one, file, err);
		if (rc && err && err->line > 0)
			err->line += (int64_t)from - 1;
		else if (rc)
			(void)err_at_line(err, from);
	}
	return rc;
}

/* One JSON value. Where lines part documents it is YAML, of which JSON is a part: no JSON text has such a line. */
static bool is_json(struct span bytes)
{
	struct span rest = bytes, line;
	if (!span_starts(span_trim(bytes), "{"))
		return false;
	while (span_line(&rest, &line))
		if (is_mark(line))
			return false;
	return true;
}

int kube_read(struct kube_set *s, struct span bytes, const char *file, struct err *err)
{
	size_t count = s->count, skipped = s->skipped;
	struct json root;
	int rc;
	if (bytes.n > KUBE_MAX_FILE_BYTES)
		rc = err_set(err, RF_ETOOBIG, "more than 64 MiB of manifests in one file");
	else if (is_json(bytes)) {
		rc = kube_parse(s, bytes, &root, err);
		if (rc == 0)
			rc = kube_add(s, root, err);
	} else {
		rc = read_yaml(s, bytes, file, err);
	}
	if (rc == 0)
		return 0;
	s->count = count;
	s->skipped = skipped;
	(void)err_in_file(err, file);
	return rc;
}
