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

static bool has_scheme(struct span value, const char *const *schemes)
{
	/* most texts are no address */
	if (span_find_byte(span_sub(value, 0, 16), ':') == SIZE_MAX)
		return false;
	for (; *schemes; schemes++) {
		size_t n = strlen(*schemes);
		if (value.n > n + 3 && span_starts_nocase(value, *schemes) && span_starts(span_from(value, n), "://"))
			return true;
	}
	return false;
}

bool kube_stores_models(struct span value)
{
	/* Triton, KServe, Hadoop and the clouds name their stores so. What ordinary services name, too (http, file, git),
	 * is a model by what holds it only. */
	static const char *const schemes[] = { "s3",   "s3a",   "s3n", "gs",   "gcs",     "as",  "az",          "azure",  "wasb",       "wasbs",
					       "abfs", "abfss", "adl", "hdfs", "webhdfs", "hf",  "huggingface", "pvc",    "nfs",        "oss",
					       "cos",  "cosn",  "obs", "bos",  "tos",     "ks3", "b2",          "r2",     "swift",      "minio",
					       "ceph", "dbfs",  "ngc", "mlflow", "modelscope", NULL };
	return has_scheme(value, schemes);
}

/* A word of @holder ends in front of @at: "MODEL_PATH", "modelPath", "--model-path" have one in front of "path". */
static bool is_parted(struct span holder, size_t at)
{
	char before = at ? holder.p[at - 1] : '-', c = holder.p[at];
	bool letter = (before | 32) >= 'a' && (before | 32) <= 'z';
	return !letter || (before >= 'a' && c <= 'Z');
}

bool kube_names_place(struct span holder)
{
	static const char *const last[] = { "model", "models", "path", "dir",      "directory", "folder", "repository", "repo",
					    "uri",   "url",    "file", "root",     "location",  "source", "store",      "storage",
					    "bucket", "plan",  "weights", "checkpoint", "artifact" };
	static const char *const engines[] = { "engine", "loadengine", "trt_engine", "trt-engine", "tensorrt_engine", "tensorrt-engine" };
	while (holder.n && holder.p[0] == '-')
		holder = span_from(holder, 1);
	for (size_t i = 0; i < RF_COUNT(engines); i++)
		if (span_eq_nocase(holder, span_of(engines[i])))
			return true;
	if (!kube_names_model(holder, SPAN("/x")))
		return false;
	for (size_t i = 0; i < RF_COUNT(last); i++) {
		size_t n = strlen(last[i]);
		if (holder.n >= n && span_starts_nocase(span_from(holder, holder.n - n), last[i]) && is_parted(holder, holder.n - n))
			return true;
	}
	return false;
}

bool kube_names_model(struct span holder, struct span value)
{
	static const char *const others[] = { "file", "http", "https", "oci", "oci+native", "docker", "ftp", "git", "ssh", NULL };
	static const char *const holders[] = { "model", "engine", "storage_uri", "storage-uri" };
	static const char *const ends[] = { ".onnx", ".pt", ".pth", ".ts", ".safetensors", ".gguf" };
	struct span name = value;
	size_t query = span_find_byte(value, '?'), slash = span_rfind_byte(value, '/');
	bool located = value.n > 1 && value.p[0] == '/', named = false;
	/* most values are neither; an admission review looks at all of them */
	bool addressed = span_starts(span_from(value, span_find_byte(value, ':')), "://");
	if (!located && !addressed && span_find_byte(value, '.') == SIZE_MAX)
		return false;
	if (addressed && kube_stores_models(value))
		return true;
	located |= addressed && has_scheme(value, others);
	name = span_sub(value, 0, query);
	name = slash == SIZE_MAX || slash > name.n ? name : span_from(name, slash + 1);
	named = artifact_named_like_engine(name);
	for (size_t i = 0; i < RF_COUNT(ends); i++)
		named |= span_ends(name, ends[i]) && name.n > strlen(ends[i]);
	for (size_t i = 0; located && !named && i < RF_COUNT(holders); i++)
		named = contains_nocase(span_sub(holder, 0, 256), holders[i]);
	return named;
}
