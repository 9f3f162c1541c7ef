/* options.h: the tables as a JSON Schema, draft 2020-12. */
#include "workspace/options.h"

#include "format/json.h"

static void put_group(struct json_out *o, const struct options *group);
static void put_row(struct json_out *o, const struct option *row);

/* A key without a value ("feeds:") is an empty mapping or list; one that needs something in it is told what is missing. */
static void put_type(struct json_out *o, const char *type, bool may_be_empty)
{
	if (!may_be_empty) {
		json_member(o, "type", type);
		return;
	}
	json_key(o, "type");
	json_array(o);
	json_put_text(o, type);
	json_put_text(o, "null");
	json_array_end(o);
}

static void put_choices(struct json_out *o, const char *const *choices)
{
	json_key(o, "enum");
	json_array(o);
	for (; *choices; choices++)
		json_put_text(o, *choices);
	json_array_end(o);
}

static void put_scalar(struct json_out *o, const struct option *row)
{
	const struct option_scalar *kind = options_scalar(row->kind);
	bool count = row->kind == OPTION_COUNT;
	json_member(o, "type", kind->json_type);
	if (row->choices)
		put_choices(o, row->choices);
	if (row->pattern || kind->pattern)
		json_member(o, "pattern", row->pattern ? row->pattern : kind->pattern);
	if (count || row->kind == OPTION_NUMBER) {
		json_member_double(o, "minimum", row->low);
		json_member_double(o, "maximum", row->high);
	}
	if (row->otherwise) {
		json_key(o, "default");
		if (count || row->kind == OPTION_NUMBER)
			json_put_raw(o, span_of(row->otherwise));
		else
			json_put_text(o, row->otherwise);
	}
}

static void put_items(struct json_out *o, const struct option_items *items)
{
	json_object(o);
	if (items->group)
		put_group(o, items->group);
	else
		put_row(o, items->scalar);
	json_object_end(o);
}

static void put_map(struct json_out *o, const struct option *row)
{
	const struct option_items *items = row->items;
	put_type(o, "object", !row->required);
	json_key(o, "propertyNames");
	json_object(o);
	if (items->key_choices)
		put_choices(o, items->key_choices);
	else
		json_member(o, "pattern", options_scalar(items->key_is_name ? OPTION_NAME : OPTION_TEXT)->pattern);
	json_object_end(o);
	if (row->required)
		json_member_i64(o, "minProperties", 1);
	json_member_u64(o, "maxProperties", items->max);
	json_key(o, "additionalProperties");
	put_items(o, items);
}

static void put_list(struct json_out *o, const struct option *row)
{
	put_type(o, "array", !row->required);
	if (row->required)
		json_member_i64(o, "minItems", 1);
	json_member_u64(o, "maxItems", row->items->max);
	json_key(o, "items");
	put_items(o, row->items);
}

/* The members of a row's schema; the object around them is the caller's. */
static void put_row(struct json_out *o, const struct option *row)
{
	const char *help = row->help || row->kind != OPTION_GROUP ? row->help : row->group->help;
	if (help)
		json_member(o, "description", help);
	switch (row->kind) {
	case OPTION_GROUP:
		put_group(o, row->group);
		break;
	case OPTION_LIST:
		put_list(o, row);
		break;
	case OPTION_MAP:
		put_map(o, row);
		break;
	default:
		put_scalar(o, row);
	}
}

static void put_group(struct json_out *o, const struct options *group)
{
	bool required = false;
	for (size_t i = 0; i < group->n; i++)
		required |= group->rows[i].required;
	put_type(o, "object", !required);
	json_member_bool(o, "additionalProperties", false);
	json_key(o, "properties");
	json_object(o);
	for (size_t i = 0; i < group->n; i++) {
		json_key(o, group->rows[i].key);
		json_object(o);
		put_row(o, &group->rows[i]);
		json_object_end(o);
	}
	json_object_end(o);
	if (!required)
		return;
	json_key(o, "required");
	json_array(o);
	for (size_t i = 0; i < group->n; i++)
		if (group->rows[i].required)
			json_put_text(o, group->rows[i].key);
	json_array_end(o);
}

void options_schema(const struct options *group, const char *id, const char *title, struct str *to)
{
	struct json_out o = json_out(to, true);
	json_object(&o);
	json_member(&o, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_member(&o, "$id", id);
	json_member(&o, "title", title);
	json_member(&o, "description", group->help);
	put_group(&o, group);
	json_object_end(&o);
	str_add_byte(to, '\n');
}
