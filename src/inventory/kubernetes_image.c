/* Image references, image ids, and what looks like a model: texts only. */
#include "inventory/kubernetes.h"

#include "inventory/artifact.h"

/* The hex behind the last "@sha256:"; 64 lower-case digits and nothing else. */
static struct span digest_behind(struct span text)
{
	size_t at = span_rfind_byte(text, '@');
	struct span digest = at == SIZE_MAX ? SPAN_NONE : span_from(text, at + 1);
	unsigned char bytes[DIGEST_BYTES];
	if (!span_starts(digest, "sha256:"))
		return SPAN_NONE;
	digest = span_from(digest, 7);
	for (size_t i = 0; i < digest.n; i++)
		if (digest.p[i] >= 'A' && digest.p[i] <= 'F')
			return SPAN_NONE;
	return digest.n == 2 * DIGEST_BYTES && hex_read(digest, bytes, sizeof bytes) ? digest : SPAN_NONE;
}

struct span kube_reference_digest(struct span reference)
{
	return digest_behind(reference);
}

struct span kube_image_id_digest(struct span image_id)
{
	return digest_behind(image_id);
}

static bool contains_nocase(struct span s, const char *word)
{
	for (size_t i = 0; i < s.n; i++)
		if (span_starts_nocase(span_from(s, i), word))
			return true;
	return false;
}

bool kube_names_model(struct span holder, struct span value)
{
	static const char *const schemes[] = { "s3://", "gs://", "gcs://", "hdfs://", "webhdfs://", "pvc://", "hf://", "oci://",
					       "abfs://", "abfss://", "file://", "http://", "https://", "nfs://" };
	static const char *const holders[] = { "model", "engine", "storage_uri", "storage-uri" };
	static const char *const ends[] = { ".onnx", ".pt", ".pth", ".ts", ".safetensors", ".gguf" };
	struct span name = value;
	size_t query = span_find_byte(value, '?'), slash = span_rfind_byte(value, '/');
	bool located = value.n > 1 && value.p[0] == '/', named = false;
	/* most values are neither; an admission review looks at all of them */
	bool has_scheme = span_starts(span_from(value, span_find_byte(value, ':')), "://");
	if (!located && !has_scheme && span_find_byte(value, '.') == SIZE_MAX)
		return false;
	for (size_t i = 0; has_scheme && i < RF_COUNT(schemes); i++)
		located |= span_starts_nocase(value, schemes[i]) && value.n > strlen(schemes[i]);
	name = span_sub(value, 0, query);
	name = slash == SIZE_MAX || slash > name.n ? name : span_from(name, slash + 1);
	named = artifact_named_like_engine(name);
	for (size_t i = 0; i < RF_COUNT(ends); i++)
		named |= span_ends(name, ends[i]) && name.n > strlen(ends[i]);
	for (size_t i = 0; located && !named && i < RF_COUNT(holders); i++)
		named = contains_nocase(span_sub(holder, 0, 256), holders[i]);
	return named;
}
