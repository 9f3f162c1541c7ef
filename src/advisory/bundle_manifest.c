/* bundle_manifest - a bundle's list of documents. Pure. */
#include "advisory/bundle.h"

const char *bundle_entry_name(const struct bundle_entry *e, char ret[BUNDLE_NAME_BYTES])
{
	char hex[DIGEST_HEX];
	(void)snprintf(ret, BUNDLE_NAME_BYTES, "documents/%s", digest_hex(&e->digest, hex));
	return ret;
}

void bundle_manifest_write(const struct bundle_manifest *m, enum tlp highest, struct str *to)
{
	char name[BUNDLE_NAME_BYTES], hex[DIGEST_HEX];
	struct json_out o = json_out(to, true);
	json_object(&o);
	json_member_i64(&o, "reforge_bundle", 1);
	json_member_span(&o, "site", m->site);
	json_member_time(&o, "created_at", m->created);
	json_member_time(&o, "expires_at", m->expires);
	json_member_time(&o, "as_of", m->as_of);
	json_member(&o, "tlp", tlp_name(highest));
	json_key(&o, "documents");
	json_array(&o);
	for (size_t i = 0; i < m->count; i++) {
		const struct bundle_entry *e = &m->entries[i];
		json_object(&o);
		json_member(&o, "name", bundle_entry_name(e, name));
		json_member(&o, "sha256", digest_hex(&e->digest, hex));
		json_member_u64(&o, "bytes", e->bytes);
		json_member_span(&o, "feed", e->feed);
		json_member_span(&o, "source", e->source);
		json_member(&o, "tlp", tlp_name(e->tlp));
		json_member_time(&o, "imported_at", e->imported);
		json_object_end(&o);
	}
	json_array_end(&o);
	json_object_end(&o);
	str_add_byte(to, '\n');
}

static int read_entry(struct arena *a, struct json v, struct bundle_entry *e, struct err *err)
{
	char name[BUNDLE_NAME_BYTES];
	*e = (struct bundle_entry){ .imported = USEC_NONE };
	int rc = digest_read(json_string(json_get(v, "sha256")), &e->digest, err);
	if (rc)
		return rc;
	if (!span_eq_text(json_string(json_get(v, "name")), bundle_entry_name(e, name)))
		return err_set(err, RF_EFORMAT, "the name is not documents/ and the digest");
	if (!json_u64(json_get(v, "bytes"), &e->bytes) || !e->bytes)
		return err_set(err, RF_EFORMAT, "no size");
	if (e->bytes > ADVISORY_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "a document of %llu bytes, at most %llu", (unsigned long long)e->bytes,
			       (unsigned long long)ADVISORY_MAX_BYTES);
	if (!tlp_read(json_string(json_get(v, "tlp")), &e->tlp))
		return err_set(err, RF_EFORMAT, "no TLP mark");
	rc = bundle_manifest_text(a, v, "feed", &e->feed, err);
	if (!rc)
		rc = bundle_manifest_text(a, v, "source", &e->source, err);
	return rc ? rc : bundle_manifest_time(v, "imported_at", true, &e->imported, err);
}

static int read_entries(struct arena *a, struct json list, struct bundle_manifest *m, struct err *err)
{
	size_t n = json_kind(list) == JSON_ARRAY ? json_count(list) : 0;
	if (json_kind(list) != JSON_ARRAY)
		return err_set(err, RF_EFORMAT, "\"documents\" is no list");
	if (n > BUNDLE_MAX_DOCUMENTS)
		return err_set(err, RF_ETOOMANY, "%zu documents, at most %d", n, BUNDLE_MAX_DOCUMENTS);
	m->entries = arena_array(a, n + 1, sizeof *m->entries);
	if (!m->entries)
		return err_set(err, RF_ENOMEM, "manifest of a bundle");
	for (struct json_each it = json_each(list); json_next(&it); m->count++) {
		struct bundle_entry *e = &m->entries[m->count];
		int rc = read_entry(a, it.value, e, err);
		if (!rc && m->count && memcmp(e[-1].digest.bytes, e->digest.bytes, DIGEST_BYTES) >= 0)
			rc = err_set(err, RF_EFORMAT, "not in ascending order, or twice");
		if (rc)
			return err ? err_in_field(err, "documents[%zu]", m->count) : rc;
	}
	return 0;
}

int bundle_manifest_read(struct arena *a, struct json root, struct bundle_manifest *ret, struct err *err)
{
	int64_t format;
	*ret = (struct bundle_manifest){ 0 };
	if (!json_i64(json_get(root, "reforge_bundle"), &format))
		return err_set(err, RF_EFORMAT, "no manifest of a bundle: \"reforge_bundle\" is missing");
	if (format != 1)
		return err_set(err, RF_EUNSUPPORTED, "a bundle of format %lld, this program reads 1", (long long)format);
	int rc = bundle_manifest_text(a, root, "site", &ret->site, err);
	if (!rc)
		rc = bundle_manifest_time(root, "created_at", false, &ret->created, err);
	if (!rc)
		rc = bundle_manifest_time(root, "expires_at", false, &ret->expires, err);
	if (!rc)
		rc = bundle_manifest_time(root, "as_of", true, &ret->as_of, err);
	return rc ? rc : read_entries(a, json_get(root, "documents"), ret, err);
}
