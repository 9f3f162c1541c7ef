/* run - the measuring loop and its files. */
#include "run.h"

#include "base/fs.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

struct run_input {
	char path[FS_PATH_MAX];
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
	void *memory;             /* what is freed */
	struct npy tensor;        /* its data lie in memory at a multiple of 64: what vector loads like */
};

static void input_free(struct run_input *in)
{
	if (in)
		rf_free(in->memory);
	rf_free(in);
}

static void cache_clear(struct run *r)
{
	for (size_t i = 0; i < r->cached; i++)
		input_free(r->cache[i]);
	r->cached = 0;
	r->cached_bytes = 0;
}

static bool same_file(const struct run_input *in, const struct stat *st)
{
	return in->device == st->st_dev && in->inode == st->st_ino && in->size == st->st_size &&
	       in->changed.tv_sec == st->st_mtim.tv_sec && in->changed.tv_nsec == st->st_mtim.tv_nsec;
}

static int input_load(struct run_input *in, struct err *err)
{
	RF_AUTO(str) file = STR_INIT(RUN_MAX_INPUT_BYTES);
	int rc = fs_read(in->path, &file, err);
	if (rc == 0)
		rc = npy_read(str_span(&file), &in->tensor, err);
	if (rc != 0)
		return err_in_file(err, in->path);
	size_t n = in->tensor.data.n;
	in->memory = rf_alloc(n + 64);
	if (!in->memory)
		return err_set(err, RF_ENOMEM, "an input of %zu bytes", n);
	char *aligned = (char *)in->memory + (64 - (uintptr_t)in->memory % 64) % 64;
	if (n > 0)
		memcpy(aligned, in->tensor.data.p, n);
	in->tensor.data.p = aligned;
	return 0;
}

static int input_get(struct run *r, const char *path, const struct run_input **ret, struct err *err)
{
	struct stat st;
	if (stat(path, &st) != 0) {
		err_set_errno(err, errno, "input");
		return err_in_file(err, path);
	}
	for (size_t i = 0; i < r->cached; i++) {
		if (strcmp(r->cache[i]->path, path) != 0)
			continue;
		if (same_file(r->cache[i], &st)) {
			*ret = r->cache[i];
			return 0;
		}
		r->cached_bytes -= r->cache[i]->tensor.data.n;
		input_free(r->cache[i]);
		r->cache[i] = r->cache[--r->cached];
		break;
	}
	struct run_input *in = rf_alloc(sizeof *in);
	if (!in)
		return err_set(err, RF_ENOMEM, "input");
	snprintf(in->path, sizeof in->path, "%s", path);
	in->device = st.st_dev;
	in->inode = st.st_ino;
	in->size = st.st_size;
	in->changed = st.st_mtim;
	int rc = input_load(in, err);
	if (rc != 0) {
		input_free(in);
		return rc;
	}
	r->cache[r->cached++] = in;
	r->cached_bytes += in->tensor.data.n;
	*ret = in;
	return 0;
}

int run_open(struct run *r, const struct ort *ort, struct json request, struct json_out *reply, struct err *err)
{
	if (r->open)
		return err_set(err, RF_ESTATE, "a session is open; one process has one");
	char path[FS_PATH_MAX];
	uint64_t threads;
	bool deterministic = false;
	int rc = driver_path(request, "engine", path, err);
	if (rc == 0)
		rc = driver_number(request, "threads", 1, 1024, &threads, err);
	if (rc != 0)
		return rc;
	(void)json_bool(json_get(request, "deterministic"), &deterministic);
	/* Services load engines with the default level: what is measured here is what they get. */
	struct engine_options options = { threads ? (unsigned)threads : 1, deterministic, ORT_LEVEL_ALL };
	mono_t start = mono_usec();
	rc = engine_open(ort, path, &options, &r->engine, err);
	int64_t load_usec = mono_usec() - start;
	if (rc == 0)
		rc = engine_describe(&r->engine, reply, err);
	if (rc != 0) {
		engine_release(&r->engine);
		return rc;
	}
	json_member_i64(reply, "load_usec", load_usec);
	r->ort = ort;
	r->open = true;
	return 0;
}

int run_close(struct run *r, struct err *err)
{
	if (!r->open)
		return err_set(err, RF_ESTATE, "no session is open");
	run_release(r);
	return 0;
}

void run_release(struct run *r)
{
	cache_clear(r);
	engine_release(&r->engine);
	r->open = false;
}

struct call {
	const char *input_names[ENGINE_MAX_TENSORS];
	struct ort_value *inputs[ENGINE_MAX_TENSORS];
	size_t input_count;
	const char *output_names[ENGINE_MAX_TENSORS];
	struct ort_value *outputs[ENGINE_MAX_TENSORS];
	uint64_t iterations, warmup;
	uint64_t *latency_ns;
	char prefix[FS_PATH_MAX];       /* "": outputs are not kept */
};

static void release_values(const struct ort *ort, struct ort_value **values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (values[i])
			ort->call.ReleaseValue(values[i]);
		values[i] = NULL;
	}
}

/* By index, or by name where the name is plain text. */
static int find_input(const struct engine *e, struct json v, size_t *ret, struct err *err)
{
	uint64_t index;
	if (json_u64(json_get(v, "index"), &index)) {
		if (index >= e->input_count)
			return err_set(err, RF_EINVALID, "input %llu; the engine has %zu", (unsigned long long)index, e->input_count);
		*ret = index;
		return 0;
	}
	struct span name;
	int rc = driver_text(v, "name", &name, err);
	for (size_t i = 0; i < e->input_count && rc == 0; i++)
		if (span_eq_text(name, e->inputs[i].name)) {
			*ret = i;
			return 0;
		}
	return rc != 0 ? rc : err_set(err, RF_EINVALID, "the engine has no input \"%.*s\"", SPAN_ARG(span_sub(name, 0, 200)));
}

static int bind_input(struct run *r, struct call *c, struct json v, struct err *err)
{
	size_t index = 0;
	char path[FS_PATH_MAX];
	const struct run_input *in = NULL;
	int rc = find_input(&r->engine, v, &index, err);
	if (rc == 0)
		rc = driver_path(v, "path", path, err);
	if (rc == 0)
		rc = input_get(r, path, &in, err);
	if (rc != 0)
		return rc;
	int64_t shape[NPY_MAX_DIMS];
	for (unsigned d = 0; d < in->tensor.ndim; d++)
		shape[d] = (int64_t)in->tensor.shape[d];
	char *data = (char *)(uintptr_t)in->tensor.data.p;   /* ONNX Runtime takes it non-const and does not write */
	rc = ort_check(r->ort, r->ort->call.CreateTensorWithDataAsOrtValue(r->ort->memory, data, in->tensor.data.n, shape,
				in->tensor.ndim, engine_onnx_type(in->tensor.type), &c->inputs[c->input_count]), err);
	if (rc != 0)
		return err_in_file(err, path);
	c->input_names[c->input_count++] = r->engine.inputs[index].name;
	return 0;
}

static int bind_inputs(struct run *r, struct call *c, struct json inputs, struct err *err)
{
	/* Never while a call holds pointers into the cache. */
	if (r->cached + ENGINE_MAX_TENSORS > RUN_MAX_CACHED && r->cached + json_count(inputs) > RUN_MAX_CACHED)
		cache_clear(r);
	if (r->cached_bytes > RUN_MAX_CACHED_BYTES)
		cache_clear(r);
	for (struct json_each it = json_each(inputs); json_next(&it);) {
		if (c->input_count == r->engine.input_count) {
			err_set(err, RF_EINVALID, "more inputs than the %zu of the engine", r->engine.input_count);
			return err_in_field(err, "inputs");
		}
		int rc = bind_input(r, c, it.value, err);
		if (rc != 0)
			return err_in_field(err, "inputs[%zu]", c->input_count);
	}
	for (size_t i = 0; i < r->engine.output_count; i++)
		c->output_names[i] = r->engine.outputs[i].name;
	return 0;
}

static uint64_t monotonic_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int measure(const struct run *r, struct call *c, struct err *err)
{
	const struct ort_functions *call = &r->ort->call;
	const struct ort_value *const *inputs = (const struct ort_value *const *)c->inputs;
	for (uint64_t i = 0; i < c->warmup + c->iterations; i++) {
		release_values(r->ort, c->outputs, r->engine.output_count);
		uint64_t start = monotonic_ns();
		struct ort_status *status = call->Run(r->engine.session, NULL, c->input_names, inputs, c->input_count,
						      c->output_names, r->engine.output_count, c->outputs);
		uint64_t end = monotonic_ns();
		int rc = ort_check(r->ort, status, err);
		if (rc != 0)
			return rc;
		if (i >= c->warmup)
			c->latency_ns[i - c->warmup] = end - start;
	}
	return 0;
}

static int write_tensor(const char *path, const struct npy *t, struct err *err)
{
	RF_AUTO(str) header = STR_INIT(64 * KIB);
	struct npy head = *t;
	head.data = SPAN_NONE;
	int rc = npy_write(&header, &head, err);
	if (rc != 0)
		return rc;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		err_set_errno(err, errno, "output");
		return err_in_file(err, path);
	}
	rc = fs_write_all(fd, header.p, header.n, err);
	if (rc == 0 && t->data.n > 0)
		rc = fs_write_all(fd, t->data.p, t->data.n, err);
	if (close(fd) != 0 && rc == 0)
		rc = err_set_errno(err, errno, "output");
	return rc == 0 ? 0 : err_in_file(err, path);
}

/* Type and shape of a value as it came out; *ret_text says what .npy cannot hold. */
static int value_tensor(const struct ort *ort, struct ort_value *value, struct npy *ret, const char **ret_text, struct err *err)
{
	const struct ort_functions *call = &ort->call;
	*ret = (struct npy){ 0 };
	int is_tensor = 0, type = 0;
	int rc = value ? ort_check(ort, call->IsTensor(value, &is_tensor), err) : 0;
	*ret_text = value ? "sequence or map" : "absent";
	if (rc != 0 || !is_tensor)
		return rc;
	struct ort_tensor_info *info = NULL;
	int64_t shape[NPY_MAX_DIMS];
	size_t rank = 0;
	void *data = NULL;
	rc = ort_check(ort, call->GetTensorTypeAndShape(value, &info), err);
	if (rc == 0)
		rc = ort_check(ort, call->GetTensorElementType(info, &type), err);
	if (rc == 0)
		rc = ort_check(ort, call->GetDimensionsCount(info, &rank), err);
	if (rc == 0 && rank > NPY_MAX_DIMS)
		rc = err_set(err, RF_ETOOMANY, "an output of %zu dimensions", rank);
	if (rc == 0)
		rc = ort_check(ort, call->GetDimensions(info, shape, rank), err);
	if (info)
		call->ReleaseTensorTypeAndShapeInfo(info);
	if (rc != 0)
		return rc;
	ret->type = engine_type(type, ret_text);
	ret->ndim = (unsigned)rank;
	for (size_t d = 0; d < rank; d++)
		ret->shape[d] = (uint64_t)shape[d];
	if (ret->type == NPY_NONE)
		return 0;
	rc = ort_check(ort, call->GetTensorMutableData(value, &data), err);
	ret->data = span_bytes(data, npy_bytes(ret));
	return rc;
}

static int describe_output(const struct run *r, const struct call *c, size_t i, struct json_out *o, struct err *err)
{
	struct npy t;
	const char *text;
	int rc = value_tensor(r->ort, c->outputs[i], &t, &text, err);
	if (rc != 0)
		return rc;
	json_object(o);
	json_member(o, "name", r->engine.outputs[i].name);
	json_member(o, "type", text);
	json_key(o, "shape");
	json_array(o);
	for (unsigned d = 0; d < t.ndim; d++)
		json_put_u64(o, t.shape[d]);
	json_array_end(o);
	if (c->prefix[0] && t.type != NPY_NONE) {
		char path[FS_PATH_MAX];
		int n = snprintf(path, sizeof path, "%s%zu.npy", c->prefix, i);
		if (n < 0 || (size_t)n >= sizeof path)
			return err_set(err, RF_EINVALID, "output_prefix is too long");
		rc = write_tensor(path, &t, err);
		json_member(o, "path", path);
	}
	json_object_end(o);
	return rc;
}

static int run_call(struct run *r, struct call *c, struct json request, struct json_out *reply, struct err *err)
{
	int rc = bind_inputs(r, c, json_get(request, "inputs"), err);
	if (rc == 0)
		rc = measure(r, c, err);
	if (rc == 0) {
		json_key(reply, "latency_ns");
		json_array(reply);
		for (uint64_t i = 0; i < c->iterations; i++)
			json_put_u64(reply, c->latency_ns[i]);
		json_array_end(reply);
		json_key(reply, "outputs");
		json_array(reply);
		for (size_t i = 0; i < r->engine.output_count && rc == 0; i++)
			rc = describe_output(r, c, i, reply, err);
		if (rc == 0)
			json_array_end(reply);
	}
	release_values(r->ort, c->inputs, c->input_count);
	release_values(r->ort, c->outputs, r->engine.output_count);
	return rc;
}

int run_iterate(struct run *r, struct json request, struct json_out *reply, struct err *err)
{
	if (!r->open)
		return err_set(err, RF_ESTATE, "no session is open");
	struct call *c = rf_alloc(sizeof *c);
	if (!c)
		return err_set(err, RF_ENOMEM, "run");
	int rc = driver_number(request, "iterations", 1, RUN_MAX_ITERATIONS, &c->iterations, err);
	if (rc == 0 && c->iterations == 0)
		rc = err_set(err, RF_EINVALID, "iterations: at least 1");
	if (rc == 0)
		rc = driver_number(request, "warmup", 0, RUN_MAX_ITERATIONS, &c->warmup, err);
	if (rc == 0 && json_kind(json_get(request, "output_prefix")) != JSON_ABSENT)
		rc = driver_path(request, "output_prefix", c->prefix, err);
	if (rc == 0) {
		c->latency_ns = rf_alloc(c->iterations * sizeof *c->latency_ns);
		rc = c->latency_ns ? run_call(r, c, request, reply, err) : err_set(err, RF_ENOMEM, "latencies");
	}
	rf_free(c->latency_ns);
	rf_free(c);
	return rc;
}
