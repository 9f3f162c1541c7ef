/* Documents of container images: OCI image-spec 1.1, Docker image manifest version 2 schema 2, docker-archive. */
#include "format/image.h"

#include "format/json.h"

#include <stdarg.h>
#include <sys/utsname.h>

/* ── Digests and platforms ───────────────────────────────────────────────────────────────────────────────────────── */

bool image_digest_is_valid(struct span s)
{
	if (s.n != 71 || !span_starts(s, "sha256:"))
		return false;
	for (size_t i = 7; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}

const char *image_platform_text(const struct image_platform *p, char *buffer, size_t size)
{
	(void)snprintf(buffer, size, "%.*s%s%.*s%s%.*s", SPAN_ARG(p->os), p->os.n && p->architecture.n ? "/" : "",
		       SPAN_ARG(p->architecture), p->variant.n ? "/" : "", SPAN_ARG(p->variant));
	return buffer;
}

static bool is_platform_word(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '.' && s.p[i] != '_')
			return false;
	return s.n > 0 && s.n <= 32;
}

int image_platform_read(struct span text, struct image_platform *ret, struct err *err)
{
	struct span parts[3] = { SPAN_NONE }, rest = text, part;
	size_t n = 0;
	while (span_split(&rest, '/', &part)) {
		if (n == RF_COUNT(parts) || !is_platform_word(part))
			return err_set(err, RF_EINVALID,
				       "\"%.*s\" is no platform: os/architecture or os/architecture/variant, as linux/amd64 or "
				       "linux/arm64/v8",
				       SPAN_ARG(text));
		parts[n++] = part;
	}
	if (n == 0)
		return err_set(err, RF_EINVALID, "a platform is os/architecture, as linux/arm64");
	*ret = n == 1 ? (struct image_platform){ SPAN("linux"), parts[0], SPAN_NONE }
		      : (struct image_platform){ parts[0], parts[1], parts[2] };
	return 0;
}

struct image_platform image_platform_here(void)
{
	static const struct {
		const char *machine, *architecture, *variant;
	} names[] = { { "x86_64", "amd64", NULL },   { "aarch64", "arm64", NULL }, { "armv7l", "arm", "v7" },
		      { "riscv64", "riscv64", NULL }, { "ppc64le", "ppc64le", NULL }, { "s390x", "s390x", NULL } };
	struct utsname u;
	if (uname(&u) == 0)
		for (size_t i = 0; i < RF_COUNT(names); i++)
			if (strcmp(u.machine, names[i].machine) == 0)
				return (struct image_platform){ SPAN("linux"), span_of(names[i].architecture),
								span_of(names[i].variant) };
	return (struct image_platform){ SPAN("linux"), SPAN("amd64"), SPAN_NONE };
}

static struct span variant_of(const struct image_platform *p)
{
	bool v8 = span_eq_text(p->architecture, "arm64") && !p->variant.n;
	return v8 ? SPAN("v8") : p->variant;
}

static bool part_fits(struct span a, struct span b)
{
	return !a.n || !b.n || span_eq(a, b);
}

bool image_platform_fits(const struct image_platform *a, const struct image_platform *b)
{
	return part_fits(a->os, b->os) && part_fits(a->architecture, b->architecture) &&
	       part_fits(variant_of(a), variant_of(b));
}

/* ── Values ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct reading {
	struct arena *a;
	struct err *err;
};

/* The field of @err lies below the one named here: "layers[3].digest". Returns @rc. */
static int RF_PRINTF(3, 4) below(struct err *err, int rc, const char *format, ...)
{
	char inner[sizeof err->field], outer[64];
	va_list args;
	if (!err)
		return rc;
	va_start(args, format);
	vsnprintf(outer, sizeof outer, format, args);
	va_end(args);
	memcpy(inner, err->field, sizeof inner);
	err->field[0] = '\0';
	(void)err_in_field(err, "%s%s%.100s", outer, inner[0] ? "." : "", inner);
	return rc;
}

/* What is kept outlives the JSON document. */
static int keep(struct reading *r, struct span s, struct span *ret)
{
	*ret = s.n ? arena_span(r->a, s) : SPAN_NONE;
	return s.n && !ret->p ? err_set(r->err, RF_ENOMEM, "documents of an image") : 0;
}

static int document_open(struct json_doc *doc, struct span bytes, const char *what, struct json *ret, struct err *err)
{
	char size[32];
	if (bytes.n > IMAGE_MAX_DOCUMENT_BYTES)
		return err_set(err, RF_ETOOBIG, "%s of %s; at most 8 MiB are read", what, text_bytes(bytes.n, size));
	if (!doc)
		return err_set(err, RF_ENOMEM, "documents of an image");
	int rc = json_parse(doc, bytes, ret, err);
	return rc ? err_prefix(err, "%s: ", what) : 0;
}

static int digest_of_field(struct reading *r, struct json v, struct span *ret)
{
	struct span s = json_string(v);
	if (image_digest_is_valid(s))
		return keep(r, s, ret);
	if (span_starts(s, "sha512:"))
		return err_set(r->err, RF_EUNSUPPORTED, "a SHA-512 digest: only sha256 is read here");
	if (json_kind(v) == JSON_ABSENT)
		return err_set(r->err, RF_EFORMAT, "is missing");
	return err_set(r->err, RF_EFORMAT, "is no digest: \"sha256:\" and 64 lower case hex digits (OCI descriptor)");
}

/* ── Descriptors ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_layer_type(struct span type)
{
	return span_starts(type, "application/vnd.oci.image.layer.") ||
	       span_starts(type, "application/vnd.docker.image.rootfs.");
}

static enum image_layer_kind layer_kind(struct span type)
{
	if (span_ends(type, "+encrypted"))
		return IMAGE_LAYER_ENCRYPTED;
	return is_layer_type(type) ? IMAGE_LAYER_TAR : IMAGE_LAYER_OTHER;
}

static int platform_of(struct reading *r, struct json v, struct image_platform *ret)
{
	int rc = keep(r, json_string(json_get(v, "os")), &ret->os);
	if (rc == 0)
		rc = keep(r, json_string(json_get(v, "architecture")), &ret->architecture);
	return rc ? rc : keep(r, json_string(json_get(v, "variant")), &ret->variant);
}

static int annotations_of(struct reading *r, struct json v, struct image_descriptor *ret)
{
	struct span name = json_string(json_get(v, "org.opencontainers.image.ref.name"));
	struct span full = json_string(json_get(v, "io.containerd.image.name"));
	int rc = keep(r, full.n ? full : name, &ret->name);
	if (json_kind(json_get(v, "vnd.docker.reference.type")) != JSON_ABSENT)
		ret->attestation = true;
	return rc ? rc : keep(r, json_string(json_get(v, "org.opencontainers.image.title")), &ret->title);
}

static int descriptor_read(struct reading *r, struct json v, struct image_descriptor *ret)
{
	struct image_descriptor d = { 0 };
	int rc = json_kind(v) == JSON_OBJECT ? 0 : err_set(r->err, RF_EFORMAT, "is no descriptor (an object)");
	if (rc)
		return rc;
	rc = digest_of_field(r, json_get(v, "digest"), &d.digest);
	if (rc)
		return below(r->err, rc, "digest");
	if (!json_u64(json_get(v, "size"), &d.size) || d.size > INT64_MAX)
		return below(r->err, err_set(r->err, RF_EFORMAT, "is no size: a whole number of bytes (OCI descriptor)"), "size");
	rc = keep(r, json_string(json_get(v, "mediaType")), &d.media_type);
	if (rc == 0)
		rc = platform_of(r, json_get(v, "platform"), &d.platform);
	if (rc == 0)
		rc = annotations_of(r, json_get(v, "annotations"), &d);
	if (span_eq_text(d.platform.os, "unknown") && span_eq_text(d.platform.architecture, "unknown"))
		d.attestation = true;
	d.layer = layer_kind(d.media_type);
	d.foreign = span_find(d.media_type, SPAN(".foreign.")) != SIZE_MAX ||
		    span_find(d.media_type, SPAN(".nondistributable.")) != SIZE_MAX;
	if (rc == 0)
		*ret = d;
	return rc;
}

static int descriptors_read(struct reading *r, struct json list, const char *name, size_t most, struct image_document *d)
{
	size_t n = json_count(list);
	if (json_kind(list) != JSON_ARRAY)
		return below(r->err, err_set(r->err, RF_EFORMAT, "is no list"), "%s", name);
	if (n > most)
		return below(r->err, err_set(r->err, RF_ETOOMANY, "has %zu entries; at most %zu are read", n, most), "%s", name);
	d->entries = arena_array(r->a, n ? n : 1, sizeof *d->entries);
	if (!d->entries)
		return err_set(r->err, RF_ENOMEM, "documents of an image");
	for (struct json_each it = json_each(list); json_next(&it); d->count++) {
		int rc = descriptor_read(r, it.value, &d->entries[d->count]);
		if (rc)
			return below(r->err, rc, "%s[%zu]", name, d->count);
	}
	return 0;
}

/* ── Index and manifest ──────────────────────────────────────────────────────────────────────────────────────────── */

#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"

/* 0: a type that says nothing (empty, application/json, one of somebody's own). */
static int kind_of_type(struct span type)
{
	type = span_trim(span_sub(type, 0, span_find_byte(type, ';')));
	if (span_eq_text(type, OCI_INDEX) || span_eq_text(type, DOCKER_LIST))
		return IMAGE_INDEX;
	return span_eq_text(type, OCI_MANIFEST) || span_eq_text(type, DOCKER_MANIFEST) ? IMAGE_MANIFEST : 0;
}

static int schema_check(struct reading *r, struct json root)
{
	uint64_t version = 0;
	if (json_kind(root) != JSON_OBJECT)
		return err_set(r->err, RF_EFORMAT, "an image's index or manifest is an object");
	if (json_u64(json_get(root, "schemaVersion"), &version) && version == 2)
		return 0;
	if (version == 1)
		return err_set(r->err, RF_EUNSUPPORTED,
			       "a manifest of Docker schema 1, withdrawn in 2015: push the image anew with a current tool");
	return below(r->err, err_set(r->err, RF_EFORMAT, "must be 2 (OCI image-spec, Docker schema 2)"), "schemaVersion");
}

static int kind_of_members(struct reading *r, struct json root, struct span media_type, struct image_document *d)
{
	bool index = json_kind(json_get(root, "manifests")) != JSON_ABSENT;
	bool manifest = json_kind(json_get(root, "layers")) != JSON_ABSENT || json_kind(json_get(root, "config")) != JSON_ABSENT;
	if (index == manifest)
		return err_set(r->err, RF_EFORMAT,
			       index ? "holds both manifests and layers: what it is would depend on who reads it (OCI image-spec "
				       "1.0.2)"
				     : "neither an index (manifests) nor a manifest (config, layers)");
	d->kind = index ? IMAGE_INDEX : IMAGE_MANIFEST;
	int own = kind_of_type(d->media_type), told = kind_of_type(media_type);
	if ((own && own != (int)d->kind) || (told && told != (int)d->kind))
		return err_set(r->err, RF_EFORMAT, "holds %s, but is called %.*s", index ? "manifests" : "layers",
			       SPAN_ARG(own && own != (int)d->kind ? d->media_type : media_type));
	return 0;
}

static int manifest_read(struct reading *r, struct json root, struct image_document *d)
{
	int rc = descriptor_read(r, json_get(root, "config"), &d->config);
	if (rc)
		return below(r->err, rc, "config");
	return descriptors_read(r, json_get(root, "layers"), "layers", IMAGE_MAX_LAYERS, d);
}

int image_document_read(struct arena *a, struct span bytes, struct span media_type, struct image_document *ret,
			struct err *err)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct reading r = { a, err };
	struct image_document d = { 0 };
	struct json root;
	int rc = document_open(doc, bytes, "manifest", &root, err);
	if (rc == 0)
		rc = schema_check(&r, root);
	if (rc == 0)
		rc = keep(&r, json_string(json_get(root, "mediaType")), &d.media_type);
	if (rc == 0)
		rc = kind_of_members(&r, root, media_type, &d);
	if (rc == 0)
		rc = d.kind == IMAGE_INDEX
			     ? descriptors_read(&r, json_get(root, "manifests"), "manifests", IMAGE_MAX_MANIFESTS, &d)
			     : manifest_read(&r, root, &d);
	if (rc == 0)
		*ret = d;
	return rc;
}

/* ── Choosing ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_candidate(const struct image_descriptor *d)
{
	return !d->attestation && kind_of_type(d->media_type) != IMAGE_INDEX;
}

static int nothing_fits(const struct image_document *index, const struct image_platform *wanted, struct err *err)
{
	RF_AUTO(str) there = STR_INIT(512);
	char text[112];
	for (size_t i = 0; i < index->count; i++)
		if (is_candidate(&index->entries[i]))
			str_addf(&there, "%s%s", there.n ? ", " : "",
				 image_platform_text(&index->entries[i].platform, text, sizeof text));
	return err_set(err, RF_ENOTFOUND, "no image for %s; there are: %s", image_platform_text(wanted, text, sizeof text),
		       there.n ? str_text(&there) : "none");
}

/* How well an entry fits: the variant itself, none said, another. */
static int fit_of(const struct image_descriptor *d, const struct image_platform *wanted)
{
	const struct image_platform *p = &d->platform;
	if (!is_candidate(d))
		return 0;
	if (!p->os.n && !p->architecture.n)
		return 1;
	if (!span_eq(p->os, wanted->os) || !span_eq(p->architecture, wanted->architecture))
		return 0;
	if (span_eq(variant_of(p), variant_of(wanted)))
		return 4;
	return wanted->variant.n && p->variant.n ? 0 : p->variant.n ? 2 : 3;
}

int image_platform_choose(const struct image_document *index, const struct image_platform *wanted, size_t *ret,
			  struct err *err)
{
	int best = 0;
	for (size_t i = 0; i < index->count; i++) {
		int fit = fit_of(&index->entries[i], wanted);
		if (fit > best) {
			best = fit;
			*ret = i;
		}
	}
	return best ? 0 : nothing_fits(index, wanted, err);
}

/* ── Config, docker-archive, layout ──────────────────────────────────────────────────────────────────────────────── */

int image_config_read(struct arena *a, struct span bytes, struct image_config *ret, struct err *err)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct reading r = { a, err };
	struct image_config c = { 0 };
	struct json root;
	int rc = document_open(doc, bytes, "config", &root, err);
	if (rc == 0)
		rc = platform_of(&r, root, &c.platform);
	if (rc)
		return rc;
	struct json list = json_path(root, "rootfs", "diff_ids", NULL);
	size_t n = json_count(list);
	if (json_kind(list) != JSON_ARRAY || n > IMAGE_MAX_LAYERS) {
		rc = json_kind(list) != JSON_ARRAY
			     ? err_set(err, RF_EFORMAT, "is no list of the layers' digests (OCI config)")
			     : err_set(err, RF_ETOOMANY, "has %zu entries; at most %d are read", n, IMAGE_MAX_LAYERS);
		return below(err, rc, "rootfs.diff_ids");
	}
	c.diff_ids = arena_array(a, n ? n : 1, sizeof *c.diff_ids);
	if (!c.diff_ids)
		return err_set(err, RF_ENOMEM, "documents of an image");
	for (struct json_each it = json_each(list); json_next(&it); c.count++) {
		rc = digest_of_field(&r, it.value, &c.diff_ids[c.count]);
		if (rc)
			return below(err, rc, "rootfs.diff_ids[%zu]", c.count);
	}
	*ret = c;
	return 0;
}

static int texts_read(struct reading *r, struct json list, const char *name, size_t most, struct span **ret, size_t *ret_n)
{
	size_t n = json_count(list), i = 0;
	enum json_kind kind = json_kind(list);
	int rc = kind == JSON_ARRAY || kind == JSON_NULL || kind == JSON_ABSENT ? 0 : err_set(r->err, RF_EFORMAT, "is no list");
	if (rc == 0 && n > most)
		rc = err_set(r->err, RF_ETOOMANY, "has %zu entries; at most %zu are read", n, most);
	struct span *texts = rc ? NULL : arena_array(r->a, n ? n : 1, sizeof *texts);
	if (rc == 0 && !texts)
		rc = err_set(r->err, RF_ENOMEM, "documents of an image");
	for (struct json_each it = json_each(list); rc == 0 && json_next(&it); i++)
		rc = json_kind(it.value) == JSON_STRING ? keep(r, json_string(it.value), &texts[i])
							: err_set(r->err, RF_EFORMAT, "entry %zu is no text", i);
	if (rc)
		return below(r->err, rc, "%s", name);
	*ret = texts;
	*ret_n = i;
	return 0;
}

static int saved_read(struct reading *r, struct json v, struct image_saved *ret)
{
	int rc = keep(r, json_string(json_get(v, "Config")), &ret->config);
	if (rc == 0 && !ret->config.n)
		rc = below(r->err, err_set(r->err, RF_EFORMAT, "names no member of the archive"), "Config");
	if (rc == 0)
		rc = texts_read(r, json_get(v, "RepoTags"), "RepoTags", IMAGE_MAX_SAVED, &ret->tags, &ret->tag_count);
	return rc ? rc : texts_read(r, json_get(v, "Layers"), "Layers", IMAGE_MAX_LAYERS, &ret->layers, &ret->layer_count);
}

int image_saved_read(struct arena *a, struct span bytes, struct image_saved **ret, size_t *ret_n, struct err *err)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct reading r = { a, err };
	struct json root;
	size_t n = 0;
	int rc = document_open(doc, bytes, "manifest.json", &root, err);
	if (rc)
		return rc;
	size_t count = json_count(root);
	if (json_kind(root) != JSON_ARRAY)
		return err_set(err, RF_EFORMAT, "manifest.json of a docker-archive is a list of images");
	if (count > IMAGE_MAX_SAVED)
		return err_set(err, RF_ETOOMANY, "manifest.json lists %zu images; at most %d are read", count, IMAGE_MAX_SAVED);
	struct image_saved *list = arena_array(a, count ? count : 1, sizeof *list);
	if (!list)
		return err_set(err, RF_ENOMEM, "documents of an image");
	for (struct json_each it = json_each(root); json_next(&it); n++) {
		rc = saved_read(&r, it.value, &list[n]);
		if (rc)
			return below(err, rc, "[%zu]", n);
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

int image_layout_check(struct span bytes, struct err *err)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct json root;
	int rc = document_open(doc, bytes, "oci-layout", &root, err);
	if (rc)
		return rc;
	struct span version = json_string(json_get(root, "imageLayoutVersion"));
	if (span_starts(version, "1."))
		return 0;
	return err_set(err, version.n ? RF_EUNSUPPORTED : RF_EFORMAT, "oci-layout: imageLayoutVersion \"%.*s\"; 1.x is read",
		       SPAN_ARG(version));
}
