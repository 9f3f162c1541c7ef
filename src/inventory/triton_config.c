/* triton_config - see the header. */
#include "inventory/triton_config.h"

#include "format/textproto.h"

struct reading {
	struct arena *a;
	const char *file;
	struct err *err;
	struct triton_config *to;
};

static int refuse(struct reading *r, int code, const struct textproto *f, const char *rule)
{
	(void)err_set(r->err, code, "%s", rule);
	if (r->file)
		(void)err_in_file(r->err, r->file);
	(void)err_in_field(r->err, "%.*s", SPAN_ARG(f->name));
	(void)err_at_line(r->err, f->line);
	return code;
}

static int no_memory(struct reading *r)
{
	return err_set(r->err, RF_ENOMEM, "no memory for a model's configuration");
}

/* ── Values ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int text(struct reading *r, const struct textproto *f, const char **ret)
{
	if (f->kind != TEXTPROTO_STRING || !span_is_utf8(f->text) || span_find_byte(f->text, '\0') != SIZE_MAX)
		return refuse(r, RF_EFORMAT, f, "must be a string, UTF-8 without NUL");
	*ret = arena_text(r->a, f->text);
	return *ret ? 0 : no_memory(r);
}

static int word(struct reading *r, const struct textproto *f, const char **ret)
{
	if (f->kind != TEXTPROTO_TOKEN)
		return refuse(r, RF_EFORMAT, f, "must be a word such as KIND_GPU");
	*ret = arena_text(r->a, f->text);
	return *ret ? 0 : no_memory(r);
}

static int number(struct reading *r, const struct textproto *f, int64_t *ret)
{
	return textproto_i64(f, ret) ? 0 : refuse(r, RF_EFORMAT, f, "must be a whole number of 64 bits");
}

static int fields_of(struct reading *r, const struct textproto *f, const struct textproto **ret)
{
	if (f->kind != TEXTPROTO_MESSAGE)
		return refuse(r, RF_EFORMAT, f, "must be a message: { ... }");
	*ret = f->fields;
	return 0;
}

static size_t count_of(const struct textproto *list, const char *name)
{
	size_t n = 0;
	for (list = textproto_get(list, name); list; list = textproto_get(list->next, name))
		n++;
	return n;
}

/* All fields @name of @list as numbers. */
static int numbers(struct reading *r, const struct textproto *list, const char *name, const int64_t **ret, size_t *ret_n)
{
	size_t n = count_of(list, name), i = 0;
	int64_t *values = arena_array(r->a, n, sizeof *values);
	if (n && !values)
		return no_memory(r);
	for (list = textproto_get(list, name); list; list = textproto_get(list->next, name)) {
		int rc = number(r, list, &values[i++]);
		if (rc)
			return rc;
	}
	*ret = values;
	*ret_n = n;
	return 0;
}

/* A table of what a message's fields are read to, at offsets of @target. */
struct row {
	const char *name;
	enum { ROW_TEXT, ROW_WORD, ROW_NUMBER, ROW_NUMBERS } kind;
	size_t at, count_at;
};

static int read_row(struct reading *r, const struct row *row, const struct textproto *list, void *target)
{
	char *at = (char *)target + row->at;
	const struct textproto *f = textproto_get(list, row->name);
	if (!f)
		return 0;
	if (row->kind == ROW_NUMBERS)
		return numbers(r, list, row->name, (const int64_t **)(void *)at,
			       (size_t *)(void *)((char *)target + row->count_at));
	if (textproto_get(f->next, row->name))
		return refuse(r, RF_EFORMAT, f, "given twice");
	if (row->kind == ROW_NUMBER)
		return number(r, f, (int64_t *)(void *)at);
	return (row->kind == ROW_TEXT ? text : word)(r, f, (const char **)(void *)at);
}

static int read_rows(struct reading *r, const struct row *rows, size_t n, const struct textproto *list, void *target)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = read_row(r, &rows[i], list, target);
	return rc;
}

/* ── Repeated messages ───────────────────────────────────────────────────────────────────────────────────────────── */

static const struct row pair_rows[] = { { "key", ROW_TEXT, offsetof(struct triton_pair, key), 0 },
					{ "value", ROW_TEXT, offsetof(struct triton_pair, value), 0 } };

static int read_pair(struct reading *r, const struct textproto *fields, void *target)
{
	struct triton_pair *p = target;
	p->key = p->value = "";
	return read_rows(r, pair_rows, RF_COUNT(pair_rows), fields, p);
}

static int read_parameter(struct reading *r, const struct textproto *fields, void *target)
{
	static const struct row value_rows[] = { { "string_value", ROW_TEXT, offsetof(struct triton_pair, value), 0 } };
	struct triton_pair *p = target;
	const struct textproto *value = textproto_get(fields, "value");
	p->key = p->value = "";
	int rc = read_rows(r, pair_rows, 1, fields, p);
	if (rc == 0 && value)
		rc = fields_of(r, value, &fields);
	return rc || !value ? rc : read_rows(r, value_rows, 1, fields, p);
}

static int read_tensor(struct reading *r, const struct textproto *fields, void *target)
{
	static const struct row rows[] = {
		{ "name", ROW_TEXT, offsetof(struct triton_tensor, name), 0 },
		{ "data_type", ROW_WORD, offsetof(struct triton_tensor, data_type), 0 },
		{ "dims", ROW_NUMBERS, offsetof(struct triton_tensor, dims), offsetof(struct triton_tensor, dims_n) },
	};
	struct triton_tensor *t = target;
	t->name = t->data_type = "";
	return read_rows(r, rows, RF_COUNT(rows), fields, t);
}

static int read_instances(struct reading *r, const struct textproto *fields, void *target)
{
	static const struct row rows[] = {
		{ "kind", ROW_WORD, offsetof(struct triton_instances, kind), 0 },
		{ "count", ROW_NUMBER, offsetof(struct triton_instances, count), 0 },
		{ "gpus", ROW_NUMBERS, offsetof(struct triton_instances, gpus), offsetof(struct triton_instances, gpus_n) },
	};
	struct triton_instances *i = target;
	i->kind = "";
	return read_rows(r, rows, RF_COUNT(rows), fields, i);
}

static int read_step(struct reading *r, const struct textproto *fields, void *target)
{
	static const struct row rows[] = { { "model_name", ROW_TEXT, offsetof(struct triton_step, model), 0 },
					   { "model_version", ROW_NUMBER, offsetof(struct triton_step, version), 0 } };
	struct triton_step *s = target;
	s->model = "";
	s->version = -1;
	return read_rows(r, rows, RF_COUNT(rows), fields, s);
}

/* Every message @name of @list into an array. */
static int repeated(struct reading *r, const struct textproto *list, const char *name, size_t bytes,
		    int (*read)(struct reading *, const struct textproto *, void *), void *ret, size_t *ret_n)
{
	size_t n = count_of(list, name), i = 0;
	char *items = arena_array(r->a, n, bytes);
	if (n && !items)
		return no_memory(r);
	for (list = textproto_get(list, name); list; list = textproto_get(list->next, name), i++) {
		const struct textproto *fields;
		int rc = fields_of(r, list, &fields);
		if (rc == 0)
			rc = read(r, fields, items + i * bytes);
		if (rc)
			return rc;
	}
	*(void **)ret = items;
	*ret_n = n;
	return 0;
}

/* ── The parts that are nested ───────────────────────────────────────────────────────────────────────────────────── */

static int read_policy(struct reading *r, const struct textproto *list)
{
	const struct textproto *policy = textproto_get(list, "version_policy"), *fields, *inner;
	if (!policy)
		return 0;
	int rc = fields_of(r, policy, &fields);
	if (rc || !fields)
		return rc;
	if (fields->next || textproto_get(policy->next, "version_policy"))
		return refuse(r, RF_EFORMAT, policy, "holds one of latest, all, specific");
	rc = fields_of(r, fields, &inner);
	if (rc)
		return rc;
	if (span_eq_text(fields->name, "all")) {
		r->to->policy = TRITON_ALL;
		return 0;
	}
	if (span_eq_text(fields->name, "specific")) {
		r->to->policy = TRITON_SPECIFIC;
		return numbers(r, inner, "versions", &r->to->versions, &r->to->versions_n);
	}
	const struct textproto *n = textproto_get(inner, "num_versions");
	if (!span_eq_text(fields->name, "latest"))
		return refuse(r, RF_EFORMAT, fields, "is no version policy; there are latest, all, specific");
	return n ? number(r, n, &r->to->latest_n) : 0;
}

/* A chain of messages by name; NULL when one is absent. RF_EFORMAT when one is no message. */
static int nested(struct reading *r, const struct textproto *list, const char *const *names,
		  const struct textproto **ret)
{
	int rc = 0;
	*ret = list;
	for (; rc == 0 && *names && *ret; names++) {
		const struct textproto *f = textproto_get(*ret, *names);
		*ret = NULL;
		if (f)
			rc = fields_of(r, f, ret);
	}
	return rc;
}

static int read_steps(struct reading *r, const struct textproto *list)
{
	const struct textproto *fields;
	int rc = nested(r, list, (const char *const[]){ "ensemble_scheduling", NULL }, &fields);
	return rc ? rc : repeated(r, fields, "step", sizeof(struct triton_step), read_step, &r->to->steps, &r->to->steps_n);
}

static int read_operations(struct reading *r, const struct textproto *list)
{
	const struct textproto *fields;
	int rc = nested(r, list, (const char *const[]){ "model_operations", NULL }, &fields);
	size_t n = rc ? 0 : count_of(fields, "op_library_filename"), i = 0;
	const char **names = arena_array(r->a, n, sizeof *names);
	if (n && !names)
		return no_memory(r);
	for (fields = n ? textproto_get(fields, "op_library_filename") : NULL; rc == 0 && fields;
	     fields = textproto_get(fields->next, "op_library_filename"))
		rc = text(r, fields, &names[i++]);
	r->to->op_libraries = names;
	r->to->op_libraries_n = n;
	return rc;
}

static int read_optimization(struct reading *r, const struct textproto *list)
{
	const struct textproto *fields;
	int rc = nested(r, list,
			(const char *const[]){ "optimization", "execution_accelerators", "gpu_execution_accelerator", NULL },
			&fields);
	const struct textproto *name = rc ? NULL : textproto_get(fields, "name");
	return name ? text(r, name, &r->to->optimization) : rc;
}

/* ── The whole ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct row config_rows[] = {
	{ "name", ROW_TEXT, offsetof(struct triton_config, name), 0 },
	{ "platform", ROW_TEXT, offsetof(struct triton_config, platform), 0 },
	{ "backend", ROW_TEXT, offsetof(struct triton_config, backend), 0 },
	{ "default_model_filename", ROW_TEXT, offsetof(struct triton_config, default_model_filename), 0 },
	{ "max_batch_size", ROW_NUMBER, offsetof(struct triton_config, max_batch_size), 0 },
};
static const struct {
	const char *name;
	size_t bytes, at, count_at;
	int (*read)(struct reading *, const struct textproto *, void *);
} repeated_rows[] = {
#define ROW(field, member, type, reader)                                                            \
	{ field, sizeof(struct type), offsetof(struct triton_config, member),                       \
	  offsetof(struct triton_config, member##_n), reader }
	ROW("cc_model_filenames", cc_files, triton_pair, read_pair),
	ROW("parameters", parameters, triton_pair, read_parameter),
	ROW("input", inputs, triton_tensor, read_tensor),
	ROW("output", outputs, triton_tensor, read_tensor),
	ROW("instance_group", instances, triton_instances, read_instances),
#undef ROW
};

static size_t others(const struct textproto *list)
{
	static const char *const nested_names[] = { "version_policy", "ensemble_scheduling", "model_operations",
						    "optimization" };
	size_t n = 0;
	for (; list; list = list->next) {
		bool known = false;
		for (size_t i = 0; i < RF_COUNT(config_rows); i++)
			known |= span_eq_text(list->name, config_rows[i].name);
		for (size_t i = 0; i < RF_COUNT(repeated_rows); i++)
			known |= span_eq_text(list->name, repeated_rows[i].name);
		for (size_t i = 0; i < RF_COUNT(nested_names); i++)
			known |= span_eq_text(list->name, nested_names[i]);
		n += !known;
	}
	return n;
}

struct triton_config triton_config_default(void)
{
	return (struct triton_config){ .name = "",
				       .platform = "",
				       .backend = "",
				       .default_model_filename = "",
				       .optimization = "",
				       .latest_n = 1 };
}

int triton_config_read(struct span bytes, const char *file, struct arena *a, struct triton_config *ret, struct err *err)
{
	struct triton_config c = triton_config_default();
	struct reading r = { .a = a, .file = file, .err = err, .to = &c };
	const struct textproto *list = NULL;
	if (bytes.n > TRITON_CONFIG_MAX_BYTES)
		return file ? (err_set(err, RF_ETOOBIG, "a configuration larger than 1 MiB"), err_in_file(err, file)) :
			      err_set(err, RF_ETOOBIG, "a configuration larger than 1 MiB");
	int rc = textproto_parse(bytes, file, a, &list, err);
	if (rc == 0)
		rc = read_rows(&r, config_rows, RF_COUNT(config_rows), list, &c);
	for (size_t i = 0; rc == 0 && i < RF_COUNT(repeated_rows); i++)
		rc = repeated(&r, list, repeated_rows[i].name, repeated_rows[i].bytes, repeated_rows[i].read,
			      (char *)&c + repeated_rows[i].at, (size_t *)(void *)((char *)&c + repeated_rows[i].count_at));
	if (rc == 0)
		rc = read_policy(&r, list);
	if (rc == 0)
		rc = read_steps(&r, list);
	if (rc == 0)
		rc = read_operations(&r, list);
	if (rc == 0)
		rc = read_optimization(&r, list);
	c.others = others(list);
	if (rc == 0)
		*ret = c;
	return rc;
}

/* ── What it means ───────────────────────────────────────────────────────────────────────────────────────────────── */

/* Backends, the platforms that are older names of them, and what they load by default (triton-inference-server/core,
 * src/constants.h, and each backend's). */
static const struct {
	const char *backend, *platform, *file;
} backends[] = {
	{ "tensorrt", "tensorrt_plan", "model.plan" },
	{ "onnxruntime", "onnxruntime_onnx", "model.onnx" },
	{ "pytorch", "pytorch_libtorch", "model.pt" },
	{ "tensorflow", "tensorflow_savedmodel", "model.savedmodel" },
	{ "tensorflow", "tensorflow_graphdef", "model.graphdef" },
	{ "openvino", "", "model.xml" },
	{ "python", "", "model.py" },
	{ "dali", "", "model.dali" },
	{ "ensemble", "ensemble", NULL },
};

const char *triton_backend(const struct triton_config *c)
{
	if (c->backend[0])
		return c->backend;
	for (size_t i = 0; c->platform[0] && i < RF_COUNT(backends); i++)
		if (strcmp(c->platform, backends[i].platform) == 0)
			return backends[i].backend;
	const char *by_file = triton_backend_of_file(span_of(c->default_model_filename));
	return by_file ? by_file : "";
}

const char *triton_default_file(const char *backend)
{
	for (size_t i = 0; i < RF_COUNT(backends); i++)
		if (strcmp(backend, backends[i].backend) == 0)
			return backends[i].file;
	return NULL;
}

const char *triton_backend_of_file(struct span name)
{
	for (size_t i = 0; i < RF_COUNT(backends); i++)
		if (backends[i].file && span_eq_text(name, backends[i].file))
			return backends[i].backend;
	return NULL;
}

bool triton_serves(const struct triton_config *c, int64_t version, const int64_t *versions, size_t n)
{
	size_t newer = 0;
	if (c->policy == TRITON_ALL)
		return true;
	for (size_t i = 0; c->policy == TRITON_SPECIFIC && i < c->versions_n; i++)
		if (c->versions[i] == version)
			return true;
	for (size_t i = 0; i < n; i++)
		newer += versions[i] > version;
	return c->policy == TRITON_LATEST && (int64_t)newer < c->latest_n;
}

/* ── Verdicts ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *const load_texts[] = { "", "loaded", "not_served", "never_loaded", "untold" };

const char *triton_load_text(enum triton_load l)
{
	return load_texts[l];
}

enum triton_load triton_load_of(struct span text)
{
	for (size_t i = 1; i < RF_COUNT(load_texts); i++)
		if (span_eq_text(text, load_texts[i]))
			return (enum triton_load)i;
	return TRITON_OUTSIDE;
}

void triton_verdict_json(struct json_out *o, const struct triton_verdict *v)
{
	if (!v || v->load == TRITON_OUTSIDE)
		return;
	json_key(o, "triton");
	json_object(o);
	json_member(o, "load", triton_load_text(v->load));
	json_member(o, "model", v->model);
	if (v->version >= 0)
		json_member_i64(o, "version", v->version);
	json_member(o, "why", v->words);
	json_object_end(o);
}
