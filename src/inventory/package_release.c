/*
 * Files by which an installation states its own release: what was unpacked from a tarball is in no package database.
 * One row a file; adding one is a row and its reader.
 *
 *   NvInferVersion.h            TensorRT's headers (tarballs, -dev packages): NV_TENSORRT_MAJOR ... BUILD, or from 10.8 on
 *                               the TRT_..._ENTERPRISE that they stand for. A folder TensorRT-10.13.3.9/ above must agree.
 *   cudnn_version.h             cuDNN's: CUDNN_MAJOR, MINOR, PATCHLEVEL
 *   version.json, version.txt   of a cuda folder: the toolkit, and the libraries in it
 *   nv_tegra_release            Jetson Linux: "# R36 (release), REVISION: 4.4, ..."
 *   version-ubuntu-rootfs.txt   DriveOS, /etc/nvidia: "7.0.5.0-43328940"
 *   VERSION_NUMBER              ONNX Runtime's tarballs: onnxruntime-linux-x64-1.20.1/VERSION_NUMBER
 *   TRITON_VERSION              Triton's images: /opt/tritonserver/TRITON_VERSION, "2.48.0"; its libraries say nothing
 */
#include "format/json.h"
#include "inventory/package_int.h"

#define RELEASE_MAX_BYTES (256 * KIB)

struct release_file {
	const char *name;
	const char *begins; /* of the folder above, "" any */
	const char *holds;  /* somewhere in the head, "" nothing */
	const char *source; /* artifact_component.source */
	int (*read)(struct artifact_reading *r, struct span text, const struct release_file *row);
};

static int product_is(struct artifact_reading *r, const char *product, struct span version,
		      const struct release_file *row)
{
	struct span rest = span_from(span_of(product), strlen("pkg:generic/")), maker = SPAN_NONE;
	(void)span_split(&rest, '/', &maker);
	struct purl p = { .type = SPAN("generic"), .namespace_ = maker, .name = rest, .version = version };
	return package_is(r, &p, row->source);
}

/* ── C headers ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "#define NAME VALUE": the first word of the value; SPAN_NONE when there is none. */
static struct span define_of(struct span text, const char *name)
{
	struct span line;
	while (span_line(&text, &line)) {
		line = span_trim(line);
		if (!span_starts(line, "#"))
			continue;
		line = span_trim(span_from(line, 1));
		if (!span_starts(line, "define"))
			continue;
		line = span_trim(span_from(line, strlen("define")));
		size_t n = strlen(name);
		if (!span_starts(line, name) || line.n == n || (line.p[n] != ' ' && line.p[n] != '\t'))
			continue;
		line = span_trim(span_from(line, n));
		for (size_t i = 0; i < line.n; i++)
			if (line.p[i] == ' ' || line.p[i] == '\t' || line.p[i] == '/')
				return span_sub(line, 0, i);
		return line;
	}
	return SPAN_NONE;
}

/* A number, or the name of another definition that is one. */
static bool define_number(struct span text, const char *name, uint64_t *ret)
{
	struct span value = define_of(text, name);
	if (span_u64(value, ret))
		return true;
	char other[64];
	if (!value.n || value.n >= sizeof other)
		return false;
	memcpy(other, value.p, value.n);
	other[value.n] = '\0';
	return span_u64(define_of(text, other), ret);
}

/* "8.6.1.6" of as many of @names as are defined, @least of them at least; false else. */
static bool version_of_defines(struct span text, const char *const *names, size_t n, size_t least, char ret[64])
{
	size_t used = 0, i;
	ret[0] = '\0';
	for (i = 0; i < n; i++) {
		uint64_t v;
		if (!define_number(text, names[i], &v) || v > 999999)
			break;
		used += (size_t)snprintf(ret + used, 64 - used, "%s%llu", i ? "." : "", (unsigned long long)v);
	}
	if (i < least)
		ret[0] = '\0';
	return i >= least;
}

/* The nearest folder above that is named @prefix and a version. */
static struct span version_above(struct span path, const char *prefix)
{
	for (struct span at = package_parent(path); at.n; at = package_parent(at)) {
		size_t slash = span_rfind_byte(at, '/');
		struct span folder = slash == SIZE_MAX ? at : span_from(at, slash + 1);
		if (span_starts(folder, prefix))
			return span_from(folder, strlen(prefix));
	}
	return SPAN_NONE;
}

static int tensorrt_read(struct artifact_reading *r, struct span text, const struct release_file *row)
{
	static const char *const names[] = { "NV_TENSORRT_MAJOR", "NV_TENSORRT_MINOR", "NV_TENSORRT_PATCH",
					     "NV_TENSORRT_BUILD" };
	char version[64];
	bool told = version_of_defines(text, names, RF_COUNT(names), 3, version);
	struct span above = version_above(r->path, "TensorRT-");
	if (!told && !above.n)
		return product_is(r, ARTIFACT_PRODUCT_TENSORRT, SPAN_NONE, row);
	int rc = product_is(r, ARTIFACT_PRODUCT_TENSORRT, told ? span_of(version) : above, row);
	const struct scheme *scheme = scheme_find(SPAN("tensorrt"));
	if (told && above.n && version_is_readable(scheme, above) &&
	    version_compare(scheme, above, span_of(version)) != VERSION_EQUAL)
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "folder_mismatch",
				"the header says TensorRT %s, the folder above it TensorRT-%.*s", version,
				SPAN_ARG(span_sub(above, 0, 60)));
	return rc;
}

static int cudnn_read(struct artifact_reading *r, struct span text, const struct release_file *row)
{
	static const char *const names[] = { "CUDNN_MAJOR", "CUDNN_MINOR", "CUDNN_PATCHLEVEL" };
	char version[64];
	(void)version_of_defines(text, names, RF_COUNT(names), RF_COUNT(names), version);
	return product_is(r, "pkg:generic/nvidia/cudnn", span_of(version), row);
}

/* ── CUDA ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

#define CUDA_TOOLKIT "pkg:generic/nvidia/cuda-toolkit"

/* Members of version.json that are products of their own. */
static const struct {
	const char *member, *product;
} cuda_parts[] = {
	{ "libcublas", "pkg:generic/nvidia/cublas" },
	{ "libnvjpeg", "pkg:generic/nvidia/nvjpeg" },
};

static int cuda_parts_add(struct artifact_reading *r, struct json root, const struct release_file *row)
{
	for (size_t i = 0; i < RF_COUNT(cuda_parts); i++) {
		struct json part = json_get(root, cuda_parts[i].member);
		if (json_kind(part) != JSON_OBJECT)
			continue;
		struct artifact_component c = { .product = span_of(cuda_parts[i].product),
						.version = json_string(json_get(part, "version")),
						.role = ARTIFACT_ROLE_PACKAGE,
						.source = row->source,
						.where = span_of(cuda_parts[i].member) };
		int rc = artifact_component_add(r->facts, r->a, &c);
		if (rc < 0)
			return r->failed = rc;
	}
	return 0;
}

static int cuda_json_read(struct artifact_reading *r, struct span text, const struct release_file *row)
{
	struct json root;
	struct err err = ERR_INIT;
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	int rc = doc ? json_parse(doc, text, &root, &err) : RF_ENOMEM;
	if (rc == RF_ENOMEM)
		return r->failed = rc;
	if (rc < 0) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "json_malformed", "version.json: %s",
				err.text);
		return 0;
	}
	rc = product_is(r, CUDA_TOOLKIT, json_string(json_path(root, "cuda", "version", NULL)), row);
	return rc < 0 ? rc : cuda_parts_add(r, root, row);
}

static int cuda_text_read(struct artifact_reading *r, struct span text, const struct release_file *row)
{
	struct span line = SPAN_NONE, version = SPAN_NONE;
	while (!version.n && span_line(&text, &line))
		if (span_starts(line, "CUDA Version "))
			version = span_trim(span_from(line, strlen("CUDA Version ")));
	return product_is(r, CUDA_TOOLKIT, version, row);
}

/* ── Devices, tarballs ───────────────────────────────────────────────────────────────────────────────────────────── */

/* "# R36 (release), REVISION: 4.4, GCID: 41062509, ..." is 36.4.4. */
static int tegra_read(struct artifact_reading *r, struct span text, const struct release_file *row)
{
	struct span line = SPAN_NONE;
	(void)span_line(&text, &line);
	char version[64] = "";
	size_t revision = span_find(line, SPAN("REVISION:"));
	struct span major = span_sub(line, 3, span_find_byte(span_from(line, 3), ' ')), minor = SPAN_NONE;
	if (revision != SIZE_MAX) {
		struct span rest = span_trim(span_from(line, revision + strlen("REVISION:")));
		minor = span_trim(span_sub(rest, 0, span_find_byte(rest, ',')));
	}
	if (span_starts(line, "# R") && span_is_digits(major) && minor.n && major.n + minor.n < 32)
		snprintf(version, sizeof version, "%.*s.%.*s", SPAN_ARG(major), SPAN_ARG(minor));
	return product_is(r, "pkg:generic/nvidia/jetson-linux", span_of(version), row);
}

/* "7.0.5.0-43328940": the release, a hyphen, the number of the build. */
static int drive_read(struct artifact_reading *r, struct span text, const struct release_file *row)
{
	struct span line = SPAN_NONE;
	(void)span_line(&text, &line);
	line = span_trim(line);
	return product_is(r, "pkg:generic/nvidia/drive-os", span_sub(line, 0, span_find_byte(line, '-')), row);
}

static int onnxruntime_read(struct artifact_reading *r, struct span text, const struct release_file *row)
{
	return product_is(r, ARTIFACT_PRODUCT_ONNXRUNTIME, span_trim(text), row);
}

static int triton_read(struct artifact_reading *r, struct span text, const struct release_file *row)
{
	return product_is(r, "pkg:generic/nvidia/triton-inference-server", span_trim(text), row);
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct release_file files[] = {
	{ "NvInferVersion.h", "", "NV_TENSORRT_MAJOR", "header", tensorrt_read },
	{ "cudnn_version.h", "", "CUDNN_MAJOR", "header", cudnn_read },
	{ "version.json", "cuda", "\"cuda\"", "version.json", cuda_json_read },
	{ "version.txt", "cuda", "CUDA Version ", "version.txt", cuda_text_read },
	{ "nv_tegra_release", "", "REVISION:", "nv_tegra_release", tegra_read },
	{ "version-ubuntu-rootfs.txt", "nvidia", "", "version-ubuntu-rootfs.txt", drive_read },
	{ "VERSION_NUMBER", "onnxruntime-", "", "VERSION_NUMBER", onnxruntime_read },
	{ "TRITON_VERSION", "tritonserver", "", "TRITON_VERSION", triton_read },
};

static const struct release_file *row_of(const struct artifact_reading *r)
{
	for (size_t i = 0; i < RF_COUNT(files); i++)
		if (span_eq_text(r->name, files[i].name) && span_starts(package_folder(r->path), files[i].begins) &&
		    (!files[i].holds[0] || span_find(r->head, span_of(files[i].holds)) != SIZE_MAX))
			return &files[i];
	return NULL;
}

static bool release_sniff(const struct artifact_reading *r)
{
	return row_of(r) != NULL;
}

static int release_read(struct artifact_reading *r)
{
	const struct release_file *row = row_of(r);
	r->facts->kind = ARTIFACT_RELEASE_FILE;
	r->facts->layout = row->name;
	struct span text = package_whole(r, RELEASE_MAX_BYTES);
	return text.p ? row->read(r, text, row) : r->failed;
}

const struct artifact_format artifact_format_release = {
	.name = "release", .sniff = release_sniff, .read = release_read
};
