/* options.h: groups, lists and maps. Recursion follows the tables, which are finite, not the input. */
#include "workspace/options.h"

#include "base/time.h"
#include "workspace/recipe.h"

#include <math.h>
#include <stdarg.h>

#define WORDS_MAX 32

int options_refuse(struct options_reader *r, int code, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)err_set(r->err, code, "%s", text);
	(void)err_at_line(r->err, r->line);
	if (r->path[0])
		(void)err_in_field(r->err, "%s", r->path);
	if (r->file)
		(void)err_in_file(r->err, r->file);
	return code;
}

/* Adds a part to the key path; returns the length to cut it back to. */
RF_PRINTF(2, 3) static size_t enter(struct options_reader *r, const char *format, ...)
{
	size_t n = strlen(r->path);
	va_list args;
	va_start(args, format);
	(void)vsnprintf(r->path + n, sizeof r->path - n, format, args);
	va_end(args);
	return n;
}

static size_t enter_key(struct options_reader *r, struct span key)
{
	return enter(r, "%s%.*s", r->path[0] ? "." : "", SPAN_ARG(key));
}

static void leave(struct options_reader *r, size_t n)
{
	r->path[n] = '\0';
}

/* Levenshtein's distance, words of at most WORDS_MAX bytes; longer ones are far. */
static size_t distance(struct span a, struct span b)
{
	size_t row[WORDS_MAX + 1];
	if (a.n > WORDS_MAX || b.n > WORDS_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t above = row[j], replaced = diagonal + (a.p[i - 1] != b.p[j - 1]);
			row[j] = RF_MIN(replaced, RF_MIN(above, row[j - 1]) + 1);
			diagonal = above;
		}
	}
	return row[b.n];
}

const char *options_nearest(struct span word, const char *const *words)
{
	static _Thread_local char text[WORDS_MAX + 32];
	size_t best = SIZE_MAX;
	text[0] = '\0';
	for (; *words; words++) {
		size_t d = distance(word, span_of(*words));
		if (d < best && d <= (word.n < 4 ? 1 : RF_MAX(word.n / 3, (size_t)2))) {
			best = d;
			(void)snprintf(text, sizeof text, "did you mean \"%s\"? ", *words);
		}
	}
	return text;
}

static int refuse_key(struct options_reader *r, struct span key, const char *const *known)
{
	char all[512] = "";
	size_t n = 0;
	for (size_t i = 0; known[i] && n < sizeof all; i++)
		n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", i ? ", " : "", known[i]);
	return options_refuse(r, RF_EFORMAT, "unknown key \"%.*s\"; %saccepted: %s", (int)RF_MIN(key.n, (size_t)80),
			      key.p, options_nearest(key, known), all);
}

static const char *kind_words(const struct yaml_node *node)
{
	switch (yaml_kind(node)) {
	case YAML_SEQUENCE:
		return "a list";
	case YAML_MAPPING:
		return "a mapping";
	default:
		return yaml_is_null(node) ? "nothing" : "a single value";
	}
}

static int want(struct options_reader *r, const struct yaml_node *node, enum yaml_kind kind, const char *words)
{
	if (yaml_kind(node) == kind)
		return 0;
	return options_refuse(r, RF_EFORMAT, "%s stands here, %s is wanted", kind_words(node), words);
}

/* One value: absent ones get their default, which is written as the user would. */
static int read_scalar(struct options_reader *r, const struct option *o, const struct yaml_node *node, void *target)
{
	const struct option_scalar *kind = options_scalar(o->kind);
	if (!node) {
		if (o->otherwise)
			return kind->read(r, o, span_of(o->otherwise), target);
		if (o->kind == OPTION_NUMBER || o->kind == OPTION_GROWTH || o->kind == OPTION_LOSS)
			*(double *)target = (double)NAN;
		if (o->kind == OPTION_DATE)
			*(usec_t *)target = USEC_NONE;
		return 0;
	}
	const char *accepts = o->accepts ? o->accepts : kind->accepts;
	if (yaml_kind(node) != YAML_SCALAR || yaml_is_null(node))
		return want(r, yaml_is_null(node) ? NULL : node, YAML_SCALAR, accepts[0] ? accepts : "a text");
	if (yaml_is_quoted(node) && (o->kind == OPTION_COUNT || o->kind == OPTION_NUMBER))
		return options_refuse(r, RF_EFORMAT, "a quoted text stands here, %s is wanted", accepts);
	return kind->read(r, o, yaml_scalar(node), target);
}

static int read_row(struct options_reader *r, const struct option *o, const struct yaml_node *node, char *target);
static int read_group(struct options_reader *r, const struct options *o, const struct yaml_node *node, void *target,
		      bool asked);

/* Fills the element @i of a list or map. */
static int read_item(struct options_reader *r, const struct option_items *items, const struct yaml_node *node,
		     char *element)
{
	r->line = yaml_line(node);
	return items->scalar ? read_row(r, items->scalar, node, element) : options_read(r, items->group, node, element);
}

static int check_map_key(struct options_reader *r, const struct option_items *items, struct span key)
{
	if (items->key_choices) {
		for (size_t i = 0; items->key_choices[i]; i++)
			if (span_eq_text(key, items->key_choices[i]))
				return 0;
		return refuse_key(r, key, items->key_choices);
	}
	if (items->key_is_name ? !recipe_name_is_valid(key) : key.n == 0)
		return options_refuse(r, RF_EFORMAT, "\"%.*s\" is not %s", (int)RF_MIN(key.n, (size_t)80), key.p,
				      options_scalar(items->key_is_name ? OPTION_NAME : OPTION_TEXT)->accepts);
	return 0;
}

static int read_map_item(struct options_reader *r, const struct option_items *items, const struct yaml_node *node,
			 size_t i, char *element)
{
	const struct yaml_node *key_node = yaml_key_at(node, i);
	struct span key = yaml_scalar(key_node);
	r->line = yaml_line(key_node);
	int rc = check_map_key(r, items, key);
	if (rc)
		return rc;
	char *name = arena_text(r->arena, key);
	if (!name)
		return options_refuse(r, RF_ENOMEM, "out of memory");
	memcpy(element + items->key_at, &name, sizeof name);
	size_t path = enter_key(r, key);
	rc = read_item(r, items, yaml_at(node, i), element);
	leave(r, path);
	return rc;
}

static int read_many(struct options_reader *r, const struct option *o, const struct yaml_node *node, char *target)
{
	bool map = o->kind == OPTION_MAP;
	size_t n = yaml_count(node);
	if (!yaml_is_null(node)) {
		int rc = want(r, node, map ? YAML_MAPPING : YAML_SEQUENCE, map ? "a mapping" : "a list");
		if (rc)
			return rc;
	} else {
		n = 0;
	}
	if (o->required && n == 0)
		return options_refuse(r, RF_EFORMAT, "empty; at least one is wanted: %s", o->help);
	if (n > o->items->max)
		return options_refuse(r, RF_ETOOMANY, "%zu entries; at most %zu are accepted", n, o->items->max);
	char *elements = n ? arena_array(r->arena, n, o->items->bytes) : NULL;
	if (n && !elements)
		return options_refuse(r, RF_ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		size_t path = map ? strlen(r->path) : enter(r, "[%zu]", i);
		int rc = map ? read_map_item(r, o->items, node, i, elements + i * o->items->bytes)
			     : read_item(r, o->items, yaml_at(node, i), elements + i * o->items->bytes);
		if (rc)
			return rc;
		leave(r, path);
	}
	memcpy(target + o->at, &elements, sizeof elements);
	memcpy(target + o->count_at, &n, sizeof n);
	return 0;
}

static int read_row(struct options_reader *r, const struct option *o, const struct yaml_node *node, char *target)
{
	switch (o->kind) {
	case OPTION_LIST:
	case OPTION_MAP:
		/* left out is empty; what must not be empty was asked for as a key */
		return node ? read_many(r, o, node, target) : 0;
	case OPTION_GROUP:
		return node ? options_read(r, o->group, node, target + o->at)
			    : read_group(r, o->group, NULL, target + o->at, false);
	default:
		return read_scalar(r, o, node, target + o->at);
	}
}

static int check_keys(struct options_reader *r, const struct options *o, const struct yaml_node *node)
{
	const char *known[WORDS_MAX + 1] = { NULL };
	for (size_t i = 0; i < RF_MIN(o->n, (size_t)WORDS_MAX); i++)
		known[i] = o->rows[i].key;
	for (size_t i = 0; i < yaml_count(node); i++) {
		struct span key = yaml_scalar(yaml_key_at(node, i));
		size_t row = 0;
		while (row < o->n && !span_eq_text(key, o->rows[row].key))
			row++;
		if (row == o->n) {
			r->line = yaml_line(yaml_key_at(node, i));
			return refuse_key(r, key, known);
		}
	}
	return 0;
}

/* @asked: a group that is left out asks for nothing inside it, only its defaults are set. */
static int read_group(struct options_reader *r, const struct options *o, const struct yaml_node *node, void *target,
		      bool asked)
{
	uint64_t line = node ? yaml_line(node) : r->line;
	int rc = check_keys(r, o, node);
	for (size_t i = 0; rc == 0 && i < o->n; i++) {
		const struct option *row = &o->rows[i];
		const struct yaml_node *value = yaml_get(node, row->key);
		r->line = value ? yaml_line(value) : line;
		if (asked && row->required && !value)
			return options_refuse(r, RF_EFORMAT, "the key \"%s\" is missing: %s", row->key, row->help);
		size_t path = enter_key(r, span_of(row->key));
		rc = read_row(r, row, value, target);
		if (rc == 0)
			leave(r, path);
	}
	return rc;
}

int options_read(struct options_reader *r, const struct options *o, const struct yaml_node *node, void *target)
{
	if (!yaml_is_null(node)) {
		int rc = want(r, node, YAML_MAPPING, "a mapping");
		if (rc)
			return rc;
	}
	return read_group(r, o, yaml_is_null(node) ? NULL : node, target, true);
}
