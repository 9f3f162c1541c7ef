/* library - dlopen and the function table. */
#include "library.h"

#include "base/fs.h"

#include <dlfcn.h>

static void ort_log(void *data, int severity, const char *category, const char *log_id, const char *location, const char *message)
{
	(void)log_id;
	(void)location;
	if (severity < ORT_LOG_WARNING || !message)
		return;
	struct driver *d = data;
	RF_AUTO(str) line = STR_INIT(64 * KIB);
	str_addf(&line, "%s: %s: ", severity >= ORT_LOG_ERROR ? "error" : "warning", category ? category : "");
	str_add_visible(&line, span_of(message));
	if (line.failed)
		return;
	driver_log(d, str_span(&line));
	if (severity >= ORT_LOG_ERROR)
		fprintf(stderr, "%s\n", str_text(&line));
}

/* "1.20.1" -> 20: since 1.0 the API number is the minor version. */
static bool api_number(const char *version, uint32_t *ret)
{
	struct span rest = span_of(version), part;
	uint64_t n;
	if (!span_split(&rest, '.', &part) || !span_eq_text(part, "1") || !span_split(&rest, '.', &part) || !span_u64(part, &n) ||
	    n > 10000)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static void take_functions(const void *table, uint32_t api, struct ort_functions *ret)
{
	/* The table holds function pointers of many types behind one another; each is copied as bytes into a pointer of its
	 * own type, which is what the C API's struct is. */
	const char *slots = table;
#define X(slot, name, result, parameters) memcpy(&ret->name, slots + (size_t)(slot) * sizeof(void *), sizeof(void *));
	ORT_SLOTS(X)
#undef X
	ret->GetBuildInfoString = NULL;
	ret->SetDeterministicCompute = NULL;
	if (api >= ORT_API_BUILD_INFO)
		memcpy(&ret->GetBuildInfoString, slots + 254 * sizeof(void *), sizeof(void *));
	if (api >= ORT_API_DETERMINISTIC)
		memcpy(&ret->SetDeterministicCompute, slots + 273 * sizeof(void *), sizeof(void *));
}

int ort_check(const struct ort *o, struct ort_status *status, struct err *err)
{
	if (!status)
		return 0;
	int code;
	switch (o->call.GetErrorCode(status)) {
	case ORT_NO_SUCHFILE: code = RF_ENOTFOUND; break;
	case ORT_INVALID_PROTOBUF: code = RF_EFORMAT; break;
	case ORT_NOT_IMPLEMENTED: code = RF_EUNSUPPORTED; break;
	default: code = RF_EPROCESS; break;
	}
	const char *text = o->call.GetErrorMessage(status);
	err_set(err, code, "ONNX Runtime %s: %s", o->version, text ? text : "no message");
	o->call.ReleaseStatus(status);
	return code;
}

void ort_free(const struct ort *o, void *p)
{
	if (!p)
		return;
	struct ort_status *status = o->call.AllocatorFree(o->allocator, p);
	if (status)
		o->call.ReleaseStatus(status);
}

static int ort_start(struct ort *o, struct err *err)
{
	int rc = ort_check(o, o->call.CreateEnvWithCustomLogger(ort_log, o->driver, ORT_LOG_WARNING, "reforge", &o->env), err);
	if (rc == 0)
		rc = ort_check(o, o->call.DisableTelemetryEvents(o->env), err);
	if (rc == 0)
		rc = ort_check(o, o->call.GetAllocatorWithDefaultOptions(&o->allocator), err);
	if (rc == 0)
		rc = ort_check(o, o->call.CreateCpuMemoryInfo(1 /* arena */, 0 /* default */, &o->memory), err);
	return rc;
}

int ort_open(const char *path, struct driver *driver, struct ort *ret, struct err *err)
{
	if (!fs_exists(path)) {
		err_set(err, RF_ENOTFOUND, "no such library");
		return err_in_file(err, path);
	}
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		const char *why = dlerror();
		err_set(err, RF_EINVALID, "does not load: %s", why ? why : "no reason given");
		return err_in_file(err, path);
	}
	const struct ort_api_base *(*get_base)(void) = NULL;
	void *symbol = dlsym(library, "OrtGetApiBase");
	memcpy(&get_base, &symbol, sizeof symbol);   /* POSIX's way from an object pointer to a function pointer */
	const struct ort_api_base *base = get_base ? get_base() : NULL;
	if (!base) {
		err_set(err, RF_EINVALID, "is no ONNX Runtime: no OrtGetApiBase");
		dlclose(library);
		return err_in_file(err, path);
	}
	struct ort o = { .driver = driver };
	const char *version = base->get_version_string();
	snprintf(o.version, sizeof o.version, "%s", version ? version : "");
	if (!api_number(o.version, &o.api) || o.api < ORT_MIN_API) {
		err_set(err, RF_EUNSUPPORTED, "version \"%s\": this driver serves 1.%d and later", o.version, ORT_MIN_API);
		return err_in_file(err, path);
	}
	const void *table = base->get_api(o.api);
	if (!table) {
		err_set(err, RF_EINVALID, "version %s does not offer API %u", o.version, o.api);
		return err_in_file(err, path);
	}
	take_functions(table, o.api, &o.call);
	int rc = ort_start(&o, err);
	if (rc != 0) {
		ort_close(&o);
		return err_in_file(err, path);
	}
	*ret = o;
	return 0;
}

void ort_close(struct ort *o)
{
	if (o->memory)
		o->call.ReleaseMemoryInfo(o->memory);
	if (o->env)
		o->call.ReleaseEnv(o->env);
	o->memory = NULL;
	o->env = NULL;
}
