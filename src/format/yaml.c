/*
 * yaml.h over libfyaml's events: the tree is built here, without recursion, from nodes of our own in one arena, so that
 * what is refused is refused while reading and nothing of libfyaml outlives yaml_parse().
 */
#include "format/yaml.h"

#include "base/arena.h"

#include <libfyaml.h>

struct yaml_node {
	enum yaml_kind kind;
	bool plain;
	uint32_t line;
	uint32_t count; /* elements or pairs */
	struct span text;
	/* While building: a list of children, keys and values in turn. After: items, and for mappings the pairs in the
	 * order of their keys. */
	struct yaml_node *first, *last, *next;
	struct yaml_node **items;
	struct yaml_node ***by_key; /* places in items */
};

struct yaml_doc {
	struct arena arena;
	struct yaml_node *root;
	size_t nodes;
};

/* What one node costs, with its place in two arrays; the text is counted by the file's own size. */
#define NODE_BYTES (sizeof(struct yaml_node) + 2 * sizeof(void *) + 48)

struct builder {
	struct yaml_doc *doc;
	struct yaml_node *open[YAML_MAX_DEPTH];
	unsigned depth;
	unsigned documents;
	uint32_t line; /* of the event at hand */
	const char *file;
	struct err *err;
};

static int refuse(struct builder *b, int code, const char *rule)
{
	(void)err_set(b->err, code, "YAML: %s", rule);
	(void)err_at_line(b->err, b->line);
	(void)err_in_file(b->err, b->file);
	return code;
}

static int add_node(struct builder *b, struct yaml_node **ret, enum yaml_kind kind)
{
	struct yaml_node *parent = b->depth ? b->open[b->depth - 1] : NULL;
	if (++b->doc->nodes > YAML_MAX_NODES)
		return refuse(b, RF_ETOOMANY, "more than 4 million nodes");
	struct yaml_node *n = arena_alloc(&b->doc->arena, sizeof *n);
	if (!n)
		return refuse(b, RF_ENOMEM, "out of memory");
	n->kind = kind;
	n->line = b->line;
	if (!parent) {
		b->doc->root = n;
	} else {
		bool is_key = parent->kind == YAML_MAPPING && parent->count % 2 == 0;
		if (is_key && kind != YAML_SCALAR)
			return refuse(b, RF_EFORMAT, "a key is a mapping or a list; keys are texts here");
		if (parent->last)
			parent->last->next = n;
		else
			parent->first = n;
		parent->last = n;
		parent->count++;
	}
	*ret = n;
	return 0;
}

static int open_node(struct builder *b, enum yaml_kind kind)
{
	struct yaml_node *n = NULL;
	if (b->depth == YAML_MAX_DEPTH)
		return refuse(b, RF_EFORMAT, "nested deeper than 32 levels");
	int rc = add_node(b, &n, kind);
	if (rc == 0)
		b->open[b->depth++] = n;
	return rc;
}

static int by_key(const void *a, const void *b)
{
	return span_compare((**(struct yaml_node * *const *)a)->text, (**(struct yaml_node * *const *)b)->text);
}

/* Turns the list of children into arrays. */
static int close_node(struct builder *b)
{
	struct yaml_node *n = b->open[--b->depth];
	if (n->count == 0)
		return 0;
	n->items = arena_array(&b->doc->arena, n->count, sizeof *n->items);
	if (!n->items)
		return refuse(b, RF_ENOMEM, "out of memory");
	size_t at = 0;
	for (struct yaml_node *child = n->first; child; child = child->next)
		n->items[at++] = child;
	if (n->kind != YAML_MAPPING)
		return 0;
	n->count /= 2;
	n->by_key = arena_array(&b->doc->arena, n->count, sizeof *n->by_key);
	if (!n->by_key)
		return refuse(b, RF_ENOMEM, "out of memory");
	for (size_t i = 0; i < n->count; i++)
		n->by_key[i] = &n->items[2 * i];
	qsort(n->by_key, n->count, sizeof *n->by_key, by_key);
	for (size_t i = 1; i < n->count; i++) {
		const struct yaml_node *one = *n->by_key[i - 1], *two = *n->by_key[i];
		if (span_eq(one->text, two->text)) {
			b->line = RF_MAX(one->line, two->line);
			(void)refuse(b, RF_EFORMAT, "a key given twice in one mapping");
			return err_in_field(b->err, "%.*s", SPAN_ARG(two->text));
		}
	}
	return 0;
}

static int add_scalar(struct builder *b, const struct fy_event *e)
{
	struct yaml_node *n = NULL;
	int rc = add_node(b, &n, YAML_SCALAR);
	if (rc)
		return rc;
	size_t length = 0;
	const char *text = e->scalar.value ? fy_token_get_text(e->scalar.value, &length) : "";
	if (!text)
		return refuse(b, RF_ENOMEM, "out of memory");
	n->plain = fy_token_scalar_style(e->scalar.value) == FYSS_PLAIN;
	n->text = arena_span(&b->doc->arena, span_bytes(text, length));
	return n->text.p ? 0 : refuse(b, RF_ENOMEM, "out of memory");
}

static int event(struct builder *b, struct fy_event *e)
{
	const struct fy_mark *mark = fy_event_start_mark(e);
	if (mark && mark->line >= 0)
		b->line = (uint32_t)mark->line + 1;
	if (e->type == FYET_ALIAS || fy_event_get_anchor_token(e))
		return refuse(b, RF_EFORMAT, "anchors and aliases (&, *) are not accepted");
	if (fy_event_get_tag_token(e))
		return refuse(b, RF_EFORMAT, "tags (!) are not accepted");
	switch (e->type) {
	case FYET_DOCUMENT_START:
		return ++b->documents > 1 ? refuse(b, RF_EFORMAT, "a second document (---); one is accepted") : 0;
	case FYET_SCALAR:
		return add_scalar(b, e);
	case FYET_SEQUENCE_START:
		return open_node(b, YAML_SEQUENCE);
	case FYET_MAPPING_START:
		return open_node(b, YAML_MAPPING);
	case FYET_SEQUENCE_END:
	case FYET_MAPPING_END:
		return close_node(b);
	default:
		return 0;
	}
}

/* The first thing libfyaml had to say. */
static int syntax_error(struct builder *b, struct fy_diag *diag)
{
	void *previous = NULL;
	const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &previous);
	if (!e)
		return refuse(b, RF_EFORMAT, "cannot be read");
	if (e->line > 0)
		b->line = (uint32_t)e->line;
	return refuse(b, RF_EFORMAT, e->msg);
}

static int read_events(struct builder *b, struct span bytes, struct fy_diag *diag)
{
	struct fy_parse_cfg cfg = {
		.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE, .diag = diag
	};
	struct fy_parser *parser = fy_parser_create(&cfg);
	if (!parser)
		return refuse(b, RF_ENOMEM, "out of memory");
	int rc = fy_parser_set_string(parser, bytes.p, bytes.n) ? refuse(b, RF_ENOMEM, "out of memory") : 0;
	struct fy_event *e = NULL;
	while (rc == 0 && (e = fy_parser_parse(parser)) != NULL) {
		rc = event(b, e);
		fy_parser_event_free(parser, e);
	}
	if (rc == 0 && fy_parser_get_stream_error(parser))
		rc = syntax_error(b, diag);
	fy_parser_destroy(parser);
	return rc;
}

/* What libfyaml need not see: bytes that are no text. */
static int check_text(struct builder *b, struct span bytes)
{
	struct span rest = bytes, line;
	for (b->line = 1; span_line(&rest, &line); b->line++)
		if (!span_is_utf8(line) || span_find_byte(line, '\0') != SIZE_MAX)
			return refuse(b, RF_EFORMAT, "not text in UTF-8");
	b->line = 1;
	return 0;
}

static int parse(struct builder *b, struct span bytes)
{
	if (bytes.n > YAML_MAX_BYTES)
		return refuse(b, RF_ETOOBIG, "larger than 64 MiB");
	int rc = check_text(b, bytes);
	if (rc)
		return rc;
	if (span_starts(bytes, "\xef\xbb\xbf"))
		bytes = span_from(bytes, 3);
	if (span_trim(bytes).n == 0)
		return 0;
	struct fy_diag_cfg cfg;
	fy_diag_cfg_default(&cfg);
	cfg.fp = NULL;
	cfg.colorize = false;
	struct fy_diag *diag = fy_diag_create(&cfg);
	if (!diag)
		return refuse(b, RF_ENOMEM, "out of memory");
	fy_diag_set_collect_errors(diag, true);
	rc = read_events(b, bytes, diag);
	fy_diag_destroy(diag);
	return rc;
}

int yaml_parse(struct span bytes, const char *file, struct yaml_doc **ret, struct err *err)
{
	struct yaml_doc *doc = rf_alloc(sizeof *doc);
	if (!doc)
		return err_set(err, RF_ENOMEM, "out of memory");
	doc->arena = ARENA_INIT(YAML_MAX_NODES * NODE_BYTES + 2 * YAML_MAX_BYTES);
	struct builder b = { .doc = doc, .file = file, .err = err };
	int rc = parse(&b, bytes);
	if (rc)
		yaml_doc_free(doc);
	else
		*ret = doc;
	return rc;
}

void yaml_doc_free(struct yaml_doc *doc)
{
	if (doc)
		arena_release(&doc->arena);
	rf_free(doc);
}

void yaml_doc_freep(struct yaml_doc **doc)
{
	yaml_doc_free(*doc);
	*doc = NULL;
}

const struct yaml_node *yaml_root(const struct yaml_doc *doc)
{
	return doc->root;
}

enum yaml_kind yaml_kind(const struct yaml_node *n)
{
	return n ? n->kind : YAML_ABSENT;
}

uint64_t yaml_line(const struct yaml_node *n)
{
	return n ? n->line : 0;
}

struct span yaml_scalar(const struct yaml_node *n)
{
	return n && n->kind == YAML_SCALAR ? n->text : SPAN_NONE;
}

bool yaml_is_null(const struct yaml_node *n)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	if (!n)
		return true;
	for (size_t i = 0; n->kind == YAML_SCALAR && n->plain && i < RF_COUNT(nulls); i++)
		if (span_eq_text(n->text, nulls[i]))
			return true;
	return false;
}

bool yaml_is_quoted(const struct yaml_node *n)
{
	return n && n->kind == YAML_SCALAR && !n->plain;
}

size_t yaml_count(const struct yaml_node *n)
{
	return n ? n->count : 0;
}

const struct yaml_node *yaml_at(const struct yaml_node *n, size_t i)
{
	if (i >= yaml_count(n))
		return NULL;
	return n->kind == YAML_MAPPING ? n->items[2 * i + 1] : n->items[i];
}

const struct yaml_node *yaml_key_at(const struct yaml_node *n, size_t i)
{
	return n && n->kind == YAML_MAPPING && i < n->count ? n->items[2 * i] : NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *n, const char *key)
{
	if (!n || n->kind != YAML_MAPPING)
		return NULL;
	struct span wanted = span_of(key);
	size_t low = 0, high = n->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = span_compare(wanted, (*n->by_key[middle])->text);
		if (order == 0)
			return n->by_key[middle][1];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
