/* registry:REF - images at a registry. */
#include "inventory/scan_image_source.h"

#include "base/fs.h"
#include "inventory/registry.h"

struct remote {
	struct registry *registry;
	char prefix[IMAGE_REFERENCE_MAX];
};

bool image_reference_is(const char *argument)
{
	struct image_reference r;
	return !fs_exists(argument) && image_reference_read(span_of(argument), &r, NULL) == 0 && r.has_host && r.has_version;
}

/* An answer to a digest is that document or none. */
static int answer_check(const struct image_reference *ref, struct span bytes, struct err *err)
{
	struct digest is;
	char hex[DIGEST_HEX];
	digest_of(bytes, &is);
	if (!ref->digest.n || span_eq_text(span_from(ref->digest, 7), digest_hex(&is, hex)))
		return 0;
	return err_set(err, RF_EVERIFY, "%.*s answers with sha256:%s for %.*s", SPAN_ARG(ref->registry), hex, SPAN_ARG(ref->digest));
}

static int remote_open(struct image_run *run, const char *rest, void **ret, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(IMAGE_MAX_DOCUMENT_BYTES);
	char media_type[REGISTRY_MEDIA_TYPE] = "";
	struct image_reference ref;
	struct remote *r = rf_alloc(sizeof *r);
	if (!r)
		return err_set(err, RF_ENOMEM, "a registry's client");
	*ret = r;
	int rc = image_reference_read(span_of(rest), &ref, err);
	if (rc == 0)
		rc = registry_open(&ref, run->o->registry ? run->o->registry(ref.registry, run->o->registry_data) : NULL, &r->registry, err);
	if (rc)
		return rc;
	run->prefix = arena_text(&run->arena, span_of(image_reference_text(&ref, r->prefix)));
	if (!run->prefix)
		return err_set(err, RF_ENOMEM, "a reference");
	if (ref.digest.n && !span_starts(ref.digest, "sha256:"))
		return err_set(err, RF_EUNSUPPORTED, "%s: a manifest is held against its SHA-256 here: name the image by its tag or sha256:", r->prefix);
	rc = registry_manifest(r->registry, ref.digest.n ? ref.digest : ref.tag, &bytes, media_type, err);
	if (rc == 0)
		rc = answer_check(&ref, str_span(&bytes), err);
	if (rc == 0)
		rc = image_run_document(run, str_span(&bytes), span_of(media_type), "", err);
	return rc && err ? err_prefix(err, "%s: ", r->prefix) : rc;
}

static int add_document(struct span piece, void *data)
{
	struct str *to = data;
	str_add(to, piece);
	return to->failed;
}

static bool is_manifest(const struct image_descriptor *d)
{
	return span_find(d->media_type, SPAN(".manifest.")) != SIZE_MAX || span_find(d->media_type, SPAN(".index.")) != SIZE_MAX;
}

static int remote_document(void *data, const struct image_descriptor *d, struct str *ret, struct err *err)
{
	struct remote *r = data;
	char media_type[REGISTRY_MEDIA_TYPE];
	if (is_manifest(d))
		return registry_manifest(r->registry, d->digest, ret, media_type, err);
	return registry_blob(r->registry, d->digest, IMAGE_MAX_DOCUMENT_BYTES, add_document, ret, err);
}

static int give(struct span piece, void *data)
{
	return image_feed_add(data, piece);
}

static int remote_feed(void *data, struct image_feed *feed, struct err *err)
{
	struct remote *r = data;
	(void)err;
	for (size_t i = 0; i < image_feed_count(feed); i++) {
		struct err own = ERR_INIT;
		const struct image_wanted *w = image_feed_wanted(feed, i);
		int rc = image_feed_begin(feed, i);
		if (rc)
			return rc;
		rc = registry_blob(r->registry, w->digest, w->size, give, feed, &own);
		if (rc == RF_ETOOBIG)
			rc = err_set(&own, RF_EVERIFY, "the blob has more than the %llu bytes that the manifest says",
				     (unsigned long long)w->size);
		rc = image_feed_end(feed, rc, &own);
		if (rc)
			return rc;
	}
	return 0;
}

static void remote_close(void *data)
{
	struct remote *r = data;
	registry_close(r->registry);
	rf_free(r);
}

const struct image_source image_source_registry = { "registry:", remote_open, remote_document, remote_feed, remote_close };
