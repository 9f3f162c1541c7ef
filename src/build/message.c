/* message - JSON lines of the driver protocol. */
#include "build/message.h"

/* ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────── */

void message_hello(const struct toolchain *t, struct str *to)
{
	struct json_out o = json_out(to, false);
	json_object(&o);
	json_member_i64(&o, "protocol", TOOLCHAIN_PROTOCOL);
	if (t->library && t->library[0])
		json_member(&o, "library", t->library);
	json_object_end(&o);
}

static struct json_out request_begin(const char *op, struct str *to)
{
	struct json_out o = json_out(to, false);
	json_object(&o);
	json_member(&o, "op", op);
	return o;
}

void message_plain(const char *op, struct str *to)
{
	struct json_out o = request_begin(op, to);
	json_object_end(&o);
}

void message_build(const struct toolchain_build *request, struct str *to)
{
	struct json_out o = request_begin("build", to);
	json_member(&o, "source", request->source);
	json_member(&o, "engine", request->engine);
	json_member(&o, "target", request->target);
	json_key(&o, "args");
	json_array(&o);
	for (size_t i = 0; i < request->arg_count; i++)
		json_put_text(&o, request->args[i]);
	json_array_end(&o);
	json_key(&o, "stamps");
	json_object(&o);
	for (size_t i = 0; i < request->stamp_count; i++)
		json_member(&o, request->stamps[i].key, request->stamps[i].value);
	json_object_end(&o);
	if (request->memory_bytes)
		json_member_u64(&o, "memory_bytes", request->memory_bytes);
	json_object_end(&o);
}

void message_inspect(const char *engine, struct str *to)
{
	struct json_out o = request_begin("inspect", to);
	json_member(&o, "engine", engine);
	json_object_end(&o);
}

void message_open(const struct toolchain_session_options *options, struct str *to)
{
	struct json_out o = request_begin("run-open", to);
	json_member(&o, "engine", options->engine);
	json_member_u64(&o, "threads", options->threads ? options->threads : 1);
	json_member_bool(&o, "deterministic", options->deterministic);
	json_object_end(&o);
}

int message_iterate(const struct toolchain_iterate *request, const struct toolchain_inspection *inspection, struct str *to,
		    struct err *err)
{
	if (request->iterations == 0 || request->iterations > TOOLCHAIN_MAX_ITERATIONS ||
	    request->warmup > TOOLCHAIN_MAX_ITERATIONS)
		return err_set(err, RF_EINVALID, "1 to %d iterations, warm-up to %d", TOOLCHAIN_MAX_ITERATIONS,
			       TOOLCHAIN_MAX_ITERATIONS);
	struct json_out o = request_begin("run", to);
	json_key(&o, "inputs");
	json_array(&o);
	for (size_t i = 0; i < request->input_count; i++) {
		size_t index = 0;
		while (index < inspection->input_count && !span_eq(inspection->inputs[index].name, request->inputs[i].name))
			index++;
		if (index == inspection->input_count)
			return err_set(err, RF_EINVALID, "the engine has no input \"%.*s\"",
				       SPAN_ARG(span_sub(request->inputs[i].name, 0, 200)));
		json_object(&o);
		json_member_u64(&o, "index", index);
		json_member(&o, "path", request->inputs[i].path);
		json_object_end(&o);
	}
	json_array_end(&o);
	json_member_u64(&o, "warmup", request->warmup);
	json_member_u64(&o, "iterations", request->iterations);
	if (request->output_prefix)
		json_member(&o, "output_prefix", request->output_prefix);
	json_object_end(&o);
	return str_check(to, "request", err);
}

/* ── replies ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int bad(struct err *err, const char *field, const char *rule)
{
	err_set(err, RF_EFORMAT, "the driver's message breaks the protocol: %s", rule);
	return err_in_field(err, "%s", field);
}

/* A terminated copy; NUL bytes inside end it. Absent: @otherwise, or an error when that is NULL. */
static int take_text(struct json m, const char *key, const char *otherwise, struct arena *a, const char **ret, struct err *err)
{
	struct json v = json_get(m, key);
	if (json_kind(v) == JSON_ABSENT && otherwise) {
		*ret = otherwise;
		return 0;
	}
	if (json_kind(v) != JSON_STRING)
		return bad(err, key, "a string is required");
	*ret = arena_text(a, json_string(v));
	return *ret ? 0 : err_set(err, RF_ENOMEM, "driver message");
}

static int take_bool(struct json m, const char *key, bool *ret, struct err *err)
{
	return json_bool(json_get(m, key), ret) ? 0 : bad(err, key, "true or false is required");
}

static int code_of(struct span name)
{
	static const int codes[] = {
#define X(code, number, text, status) code,
		RF_ERRORS(X)
#undef X
	};
	for (size_t i = 0; i < RF_COUNT(codes); i++)
		if (span_eq_text(name, rf_error_name(codes[i])))
			return codes[i];
	return RF_EPROCESS;
}

static int read_error(struct json e, struct err *err)
{
	struct span text = json_string(json_get(e, "text"));
	if (json_kind(e) != JSON_OBJECT || text.n == 0)
		return bad(err, "error", "an object with code and text is required");
	struct span file = json_string(json_get(e, "file")), field = json_string(json_get(e, "field"));
	int64_t offset;
	RF_AUTO(str) words = STR_INIT(2 * KIB);
	str_add_visible(&words, span_sub(text, 0, 500));
	err_set(err, code_of(json_string(json_get(e, "code"))), "%s", str_text(&words));
	if (file.n > 0 && file.n < 4096) {
		char path[4096];
		snprintf(path, sizeof path, "%.*s", SPAN_ARG(file));
		(void)err_in_file(err, path);
	}
	if (field.n > 0)
		(void)err_in_field(err, "%.*s", SPAN_ARG(field));
	if (json_i64(json_get(e, "offset"), &offset) && offset >= 0)
		(void)err_at_offset(err, (uint64_t)offset);
	return err ? err->code : RF_EPROCESS;
}

int message_read(struct json_doc *doc, struct span line, struct arena *a, struct json *ret, const char **ret_log, struct err *err)
{
	struct json m;
	bool ok;
	if (ret_log)
		*ret_log = "";
	int rc = json_parse(doc, line, &m, err);
	if (rc != 0) {
		RF_AUTO(str) head = STR_INIT(1 * KIB);
		str_add_visible(&head, span_sub(line, 0, 80));
		return err_prefix(err, "the driver's message is no JSON (\"%s\"): ", str_text(&head));
	}
	if (!json_bool(json_get(m, "ok"), &ok))
		return bad(err, "ok", "true or false is required");
	if (ret_log) {
		rc = take_text(m, "log", "", a, ret_log, err);
		if (rc != 0)
			return rc;
	}
	if (!ok)
		return read_error(json_get(m, "error"), err);
	*ret = m;
	return 0;
}

int message_read_hello(struct json m, struct arena *a, struct message_greeting *ret, struct err *err)
{
	int64_t protocol;
	if (!json_i64(json_get(m, "protocol"), &protocol))
		return bad(err, "protocol", "a number is required");
	if (protocol != TOOLCHAIN_PROTOCOL)
		return err_set(err, RF_EUNSUPPORTED, "the driver speaks protocol %lld, this program %d", (long long)protocol,
			       TOOLCHAIN_PROTOCOL);
	int rc = take_text(m, "driver", NULL, a, &ret->driver, err);
	if (rc == 0)
		rc = take_text(m, "driver_version", "", a, &ret->driver_version, err);
	if (rc == 0)
		rc = take_bool(m, "sessions", &ret->sessions, err);
	return rc;
}

int message_read_probe(struct json m, struct arena *a, struct toolchain_probe *ret, struct err *err)
{
	int rc = take_text(m, "version", NULL, a, &ret->version, err);
	if (rc == 0)
		rc = take_text(m, "target", NULL, a, &ret->target, err);
	if (rc == 0)
		rc = take_text(m, "build_info", "", a, &ret->build_info, err);
	if (rc == 0)
		rc = take_bool(m, "usable", &ret->usable, err);
	if (rc == 0)
		rc = take_bool(m, "sessions", &ret->sessions, err);
	if (rc != 0)
		return rc;
	struct json missing = json_get(m, "missing");
	size_t n = json_count(missing), i = 0;
	if (json_kind(missing) != JSON_ARRAY || n > 64)
		return bad(err, "missing", "a list of at most 64 texts is required");
	const char **list = arena_array(a, n + 1, sizeof *list);
	if (!list)
		return err_set(err, RF_ENOMEM, "driver message");
	for (struct json_each it = json_each(missing); json_next(&it); i++) {
		if (json_kind(it.value) != JSON_STRING)
			return bad(err, "missing", "a list of at most 64 texts is required");
		list[i] = arena_text(a, json_string(it.value));
		if (!list[i])
			return err_set(err, RF_ENOMEM, "driver message");
	}
	ret->missing = list;
	ret->missing_count = n;
	return 0;
}

int message_read_build(struct json m, struct arena *a, struct toolchain_built *ret, struct err *err)
{
	if (digest_read(json_string(json_get(m, "sha256")), &ret->engine_digest, err) != 0)
		return bad(err, "sha256", "64 hex digits are required");
	if (!json_u64(json_get(m, "bytes"), &ret->engine_bytes))
		return bad(err, "bytes", "a number is required");
	if (!json_i64(json_get(m, "build_usec"), &ret->build_usec) || ret->build_usec < 0)
		return bad(err, "build_usec", "a number of microseconds is required");
	return take_text(m, "version", NULL, a, &ret->version, err);
}

static int read_shape(struct json shape, int64_t least, unsigned *ret_rank, int64_t *ret, struct err *err)
{
	if (json_kind(shape) != JSON_ARRAY || json_count(shape) > NPY_MAX_DIMS)
		return bad(err, "shape", "a list of at most 16 numbers is required");
	unsigned i = 0;
	for (struct json_each it = json_each(shape); json_next(&it); i++)
		if (!json_i64(it.value, &ret[i]) || ret[i] < least)
			return bad(err, "shape", least < 0 ? "numbers from -1 are required" : "numbers from 0 are required");
	*ret_rank = i;
	return 0;
}

/* Name and type, as inputs, outputs and results all have them. */
static int read_tensor_head(struct json v, struct arena *a, struct span *ret_name, enum npy_type *ret_type, const char **ret_text,
			    struct err *err)
{
	struct json name = json_get(v, "name");
	if (json_kind(name) != JSON_STRING)
		return bad(err, "name", "a string is required");
	*ret_name = arena_span(a, json_string(name));
	if (!ret_name->p)
		return err_set(err, RF_ENOMEM, "driver message");
	int rc = take_text(v, "type", NULL, a, ret_text, err);
	if (rc == 0)
		*ret_type = npy_type_of(span_of(*ret_text));
	return rc;
}

static int read_tensors(struct json m, const char *key, struct arena *a, const struct tensor_info **ret, size_t *ret_count,
			struct err *err)
{
	struct json list = json_get(m, key);
	size_t n = json_count(list), i = 0;
	if (json_kind(list) != JSON_ARRAY)
		return bad(err, key, "a list is required");
	if (n > TOOLCHAIN_MAX_TENSORS)
		return err_set(err, RF_ETOOMANY, "%zu %s; %d are the most", n, key, TOOLCHAIN_MAX_TENSORS);
	struct tensor_info *tensors = arena_array(a, n + 1, sizeof *tensors);
	if (!tensors)
		return err_set(err, RF_ENOMEM, "driver message");
	for (struct json_each it = json_each(list); json_next(&it); i++) {
		struct tensor_info *t = &tensors[i];
		int rc = read_tensor_head(it.value, a, &t->name, &t->type, &t->type_text, err);
		if (rc == 0)
			rc = read_shape(json_get(it.value, "shape"), -1, &t->rank, t->shape, err);
		if (rc != 0)
			return rc;
	}
	*ret = tensors;
	*ret_count = n;
	return 0;
}

static int read_stamps(struct json stamps, struct arena *a, struct toolchain_inspection *ret, struct err *err)
{
	size_t n = json_count(stamps), i = 0;
	if (json_kind(stamps) != JSON_ABSENT && (json_kind(stamps) != JSON_OBJECT || n > 64))
		return bad(err, "stamps", "an object of at most 64 texts is required");
	struct toolchain_stamp *list = arena_array(a, n + 1, sizeof *list);
	if (!list)
		return err_set(err, RF_ENOMEM, "driver message");
	for (struct json_each it = json_each(stamps); json_next(&it); i++) {
		if (json_kind(it.value) != JSON_STRING)
			return bad(err, "stamps", "an object of at most 64 texts is required");
		list[i].key = arena_text(a, it.key);
		list[i].value = arena_text(a, json_string(it.value));
		if (!list[i].key || !list[i].value)
			return err_set(err, RF_ENOMEM, "driver message");
	}
	ret->stamps = list;
	ret->stamp_count = n;
	return 0;
}

int message_read_inspection(struct json m, struct arena *a, struct toolchain_inspection *ret, struct err *err)
{
	int rc = take_text(m, "version", NULL, a, &ret->version, err);
	if (rc == 0)
		rc = take_text(m, "producer", "", a, &ret->producer, err);
	if (rc == 0)
		rc = read_tensors(m, "inputs", a, &ret->inputs, &ret->input_count, err);
	if (rc == 0)
		rc = read_tensors(m, "outputs", a, &ret->outputs, &ret->output_count, err);
	if (rc == 0)
		rc = read_stamps(json_get(m, "stamps"), a, ret, err);
	return rc;
}

int message_read_load(struct json m, int64_t *ret_usec, struct err *err)
{
	if (!json_i64(json_get(m, "load_usec"), ret_usec) || *ret_usec < 0)
		return bad(err, "load_usec", "a number of microseconds is required");
	return 0;
}

static int read_latencies(struct json list, const struct toolchain_iterate *request, struct arena *a,
			  struct toolchain_iteration *ret, struct err *err)
{
	size_t i = 0;
	if (json_kind(list) != JSON_ARRAY || json_count(list) != request->iterations)
		return bad(err, "latency_ns", "one number per iteration is required");
	uint64_t *ns = arena_array(a, request->iterations, sizeof *ns);
	if (!ns)
		return err_set(err, RF_ENOMEM, "driver message");
	for (struct json_each it = json_each(list); json_next(&it); i++)
		if (!json_u64(it.value, &ns[i]))
			return bad(err, "latency_ns", "one number per iteration is required");
	ret->latency_ns = ns;
	ret->latency_count = request->iterations;
	return 0;
}

/* A driver may write only where it was asked to: a path is ours, made from the prefix and the index. */
static int check_path(const struct toolchain_iterate *request, size_t index, const char *path, struct err *err)
{
	char expected[4200];
	int n = snprintf(expected, sizeof expected, "%s%zu.npy", request->output_prefix ? request->output_prefix : "", index);
	if (!request->output_prefix || n < 0 || (size_t)n >= sizeof expected || strcmp(expected, path) != 0)
		return bad(err, "outputs.path", "output_prefix, the index and \".npy\" are required");
	return 0;
}

int message_read_iteration(struct json m, const struct toolchain_iterate *request, struct arena *a,
			   struct toolchain_iteration *ret, struct err *err)
{
	int rc = read_latencies(json_get(m, "latency_ns"), request, a, ret, err);
	if (rc != 0)
		return rc;
	struct json list = json_get(m, "outputs");
	size_t n = json_count(list), i = 0;
	if (json_kind(list) != JSON_ARRAY || n > TOOLCHAIN_MAX_TENSORS)
		return bad(err, "outputs", "a list of at most 256 is required");
	struct toolchain_output *outputs = arena_array(a, n + 1, sizeof *outputs);
	if (!outputs)
		return err_set(err, RF_ENOMEM, "driver message");
	for (struct json_each it = json_each(list); json_next(&it); i++) {
		struct toolchain_output *o = &outputs[i];
		rc = read_tensor_head(it.value, a, &o->name, &o->type, &o->type_text, err);
		if (rc == 0)
			rc = read_shape(json_get(it.value, "shape"), 0, &o->rank, o->shape, err);
		if (rc == 0 && json_kind(json_get(it.value, "path")) != JSON_ABSENT) {
			rc = take_text(it.value, "path", NULL, a, &o->path, err);
			if (rc == 0)
				rc = check_path(request, i, o->path, err);
		}
		if (rc != 0)
			return rc;
	}
	ret->outputs = outputs;
	ret->output_count = n;
	return 0;
}
