/* bundle - see the header. */
#include "gate/bundle.h"

#include "advisory/bundle_archive.h"
#include "gate/snapshot_bytes.h"

#define MEMBER "snapshot"

/* How much is in it: key and member of the struct. */
#define COUNTS(X)                  \
	X("contents", contents)     \
	X("images", images)         \
	X("models", models)         \
	X("components", components) \
	X("advisories", advisories) \
	X("releases", releases)     \
	X("policies", policies)     \
	X("waivers", waivers)       \
	X("debts", debts)

struct gate_bundle gate_bundle_of(const struct gate_snapshot *s, enum tlp tlp, uint64_t withheld)
{
	return (struct gate_bundle){ .site = s->head.site,
				     .created = s->head.created,
				     .expires = s->head.expires,
				     .as_of = s->head.as_of,
				     .tlp = tlp,
				     .withheld = withheld,
				     .only = s->head.only,
				     .only_count = s->head.only_count,
				     .contents = s->artifact_count,
				     .images = s->image_count,
				     .models = s->model_count,
				     .components = s->component_count,
				     .advisories = s->advisory_count,
				     .releases = s->release_count,
				     .policies = s->policy_count,
				     .waivers = s->waiver_count,
				     .debts = s->baseline.holder_count };
}

void gate_bundle_manifest_write(const struct gate_bundle *b, struct str *to)
{
	char hex[DIGEST_HEX];
	struct json_out o = json_out(to, true);
	json_object(&o);
	json_member_i64(&o, "reforge_gate_bundle", 1);
	json_member_span(&o, "site", b->site);
	json_member_time(&o, "created_at", b->created);
	json_member_time(&o, "expires_at", b->expires);
	json_member_time(&o, "as_of", b->as_of);
	json_member(&o, "tlp", tlp_name(b->tlp));
	json_member_u64(&o, "withheld", b->withheld);
	json_key(&o, "only");
	json_array(&o);
	for (size_t i = 0; i < b->only_count; i++)
		json_put_span(&o, b->only[i]);
	json_array_end(&o);
	json_key(&o, "snapshot");
	json_object(&o);
	json_member(&o, "sha256", digest_hex(&b->snapshot, hex));
	json_member_u64(&o, "bytes", b->bytes);
	json_object_end(&o);
#define X(key, member) json_member_u64(&o, key, b->member);
	COUNTS(X)
#undef X
	json_object_end(&o);
	str_add_byte(to, '\n');
}

static int read_count(struct json root, const char *key, uint64_t *ret, struct err *err)
{
	return json_u64(json_get(root, key), ret) ? 0 : err_set(err, RF_EFORMAT, "\"%s\" is missing or no number", key);
}

static int read_counts(struct json root, struct gate_bundle *b, struct err *err)
{
	int rc = read_count(root, "withheld", &b->withheld, err);
#define X(key, member) rc = rc ? rc : read_count(root, key, &b->member, err);
	COUNTS(X)
#undef X
	return rc;
}

static int read_snapshot(struct json v, struct gate_bundle *b, struct err *err)
{
	int rc = digest_read(json_string(json_get(v, "sha256")), &b->snapshot, err);
	if (rc)
		return rc;
	if (!json_u64(json_get(v, "bytes"), &b->bytes) || !b->bytes)
		return err_set(err, RF_EFORMAT, "no size");
	if (b->bytes > GATE_SNAPSHOT_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "a snapshot of %llu bytes, at most %llu", (unsigned long long)b->bytes,
			       (unsigned long long)GATE_SNAPSHOT_MAX_BYTES);
	return 0;
}

int gate_bundle_manifest_read(struct arena *a, struct json root, struct gate_bundle *ret, struct err *err)
{
	int64_t format;
	struct gate_bundle b = { .as_of = USEC_NONE };
	if (!json_i64(json_get(root, "reforge_gate_bundle"), &format))
		return err_set(err, RF_EFORMAT, "no manifest of a bundle of the gate: \"reforge_gate_bundle\" is missing");
	if (format != 1)
		return err_set(err, RF_EUNSUPPORTED, "a bundle of format %lld, this program reads 1", (long long)format);
	int rc = bundle_manifest_text(a, root, "site", &b.site, err);
	if (!rc)
		rc = bundle_manifest_time(root, "created_at", false, &b.created, err);
	if (!rc)
		rc = bundle_manifest_time(root, "expires_at", false, &b.expires, err);
	if (!rc)
		rc = bundle_manifest_time(root, "as_of", true, &b.as_of, err);
	if (!rc && !tlp_read(json_string(json_get(root, "tlp")), &b.tlp))
		rc = err_set(err, RF_EFORMAT, "\"tlp\" is no TLP mark");
	if (!rc)
		rc = read_counts(root, &b, err);
	if (!rc && (rc = read_snapshot(json_get(root, "snapshot"), &b, err)) != 0 && err)
		(void)err_in_field(err, "snapshot");
	if (!rc)
		*ret = b;
	return rc;
}

int gate_bundle_write(const struct gate_snapshot *s, const char *path, const struct signing_key *key,
		      struct gate_bundle *b, uint64_t *ret_bytes, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(GATE_SNAPSHOT_MAX_BYTES);
	RF_AUTO(str) manifest = STR_INIT(BUNDLE_MAX_MANIFEST);
	struct bundle_file file;
	if (s->head.expires == USEC_NONE)
		return err_set(err, RF_EINVALID, "a bundle of the gate must have an end");
	int rc = gate_snapshot_write(s, &bytes, err);
	if (rc)
		return rc;
	digest_of(str_span(&bytes), &b->snapshot);
	b->bytes = bytes.n;
	gate_bundle_manifest_write(b, &manifest);
	rc = str_check(&manifest, "manifest of the bundle", err);
	if (!rc)
		rc = bundle_file_begin(path, &file, err);
	if (rc)
		return rc;
	rc = bundle_put_manifest(&file, key, GATE_BUNDLE_TYPE, str_span(&manifest), err);
	if (!rc)
		rc = bundle_put(&file, MEMBER, str_span(&bytes), err);
	if (!rc)
		rc = bundle_put_end(&file, err);
	return bundle_file_end(&file, rc, ret_bytes, err);
}

static int read_manifest(struct bundle_reader *r, const struct verify_key *key, struct arena *a, struct gate_bundle *b)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) text = STR_INIT(BUNDLE_MAX_MANIFEST);
	struct json root;
	int rc = doc ? bundle_read_manifest(r, key, GATE_BUNDLE_TYPE, &text) :
		       err_set(r->err, RF_ENOMEM, "bundle of the gate");
	if (!rc)
		rc = json_parse(doc, str_span(&text), &root, r->err);
	return rc ? rc : gate_bundle_manifest_read(a, root, b, r->err);
}

static int check_head(const struct gate_head *h, const struct gate_bundle *b, struct err *err)
{
	if (span_eq(h->site, b->site) && h->created == b->created &&
	    h->expires == b->expires && h->as_of == b->as_of)
		return 0;
	return err_set(err, RF_EFORMAT, "snapshot and manifest do not name the same site and moments");
}

static int read_all(struct bundle_reader *r, const struct verify_key *key, struct arena *a, struct gate_bundle *b,
		    struct gate_snapshot **ret)
{
	struct digest digest;
	int rc = read_manifest(r, key, a, b);
	if (!rc)
		rc = bundle_read_member(r, MEMBER, b->bytes, GATE_SNAPSHOT_MAX_BYTES);
	if (!rc)
		rc = bundle_read_end(r);
	if (rc)
		return rc;
	digest_of(str_span(&r->bytes), &digest);
	if (!digest_eq(&digest, &b->snapshot))
		return err_set(r->err, RF_EVERIFY, "the snapshot is not what its digest says");
	rc = gate_snapshot_read(str_span(&r->bytes), ret, r->err);
	if (rc)
		return rc;
	rc = check_head(&(*ret)->head, b, r->err);
	if (rc) {
		gate_snapshot_free(*ret);
		return rc;
	}
	b->site = (*ret)->head.site;
	b->only = (*ret)->head.only;
	b->only_count = (*ret)->head.only_count;
	return 0;
}

int gate_bundle_read(const char *path, const struct verify_key *key, struct gate_snapshot **ret,
		     struct gate_bundle *ret_bundle, struct err *err)
{
	struct err own = ERR_INIT;
	struct arena a = ARENA_INIT(MIB);
	struct bundle_reader r;
	struct gate_snapshot *s = NULL;
	struct gate_bundle b;
	int rc = bundle_reader_open(path, GATE_SNAPSHOT_MAX_BYTES, &r, err ? err : &own);
	if (!rc)
		rc = read_all(&r, key, &a, &b, &s);
	if (rc)
		(void)err_in_file(r.err, path);
	bundle_reader_release(&r);
	arena_release(&a);
	if (rc)
		return rc;
	*ret = s;
	if (ret_bundle)
		*ret_bundle = b;
	return 0;
}
