/* host_report - see the header: the frame, and the content read. */
#include "inventory/host_report.h"

#include "format/json.h"

/* What a text of a report may hold at most; paths are bounded by the system. */
#define MAX_TEXT 4096
#define MAX_PATH 16384
#define MAX_PROCESSES 65536
#define MAX_HEADER (16 * KIB)

/* ── The frame ───────────────────────────────────────────────────────────────────────────────────────────────────── */

bool host_name_is_valid(struct span name)
{
	if (name.n == 0 || name.n > HOST_NAME_MAX_BYTES || name.p[0] == '.' || name.p[0] == '-')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
		      c == '_'))
			return false;
	}
	return true;
}

static int refuse(struct err *err, int code, const char *field, const char *rule)
{
	(void)err_set(err, code, "%s", rule);
	(void)err_in_field(err, "%s", field);
	return code;
}

static int header_read(struct json root, struct host_header *h, struct err *err)
{
	int64_t version;
	struct span host = json_string(json_get(root, "host")), machine = json_string(json_get(root, "machine"));
	unsigned char bytes[DIGEST_BYTES];
	if (!span_eq_text(json_string(json_get(root, "type")), "reforge.host-report"))
		return refuse(err, RF_EFORMAT, "type", "is not \"reforge.host-report\": no report of a host");
	if (!json_i64(json_get(root, "version"), &version) || version < 1)
		return refuse(err, RF_EFORMAT, "version", "must be a whole number from 1");
	if (version > HOST_REPORT_VERSION)
		return refuse(err, RF_EUNSUPPORTED, "version", "made by a later reforge than this one: update this one");
	if (!host_name_is_valid(host))
		return refuse(err, RF_EFORMAT, "host", "must be a host's name: letters, digits, dots, dashes, 253 at most");
	if (machine.n != 2 * sizeof bytes || !hex_read(machine, bytes, sizeof bytes))
		return refuse(err, RF_EFORMAT, "machine", "must be 64 hexadecimal digits");
	if (time_read(json_string(json_get(root, "taken")), &h->taken, NULL, NULL))
		return refuse(err, RF_EFORMAT, "taken", "must be a moment as RFC 3339 writes it");
	if (!json_u64(json_get(root, "content_bytes"), &h->content_bytes))
		return refuse(err, RF_EFORMAT, "content_bytes", "must be a whole number");
	if (digest_read(json_string(json_get(root, "content_sha256")), &h->content, NULL))
		return refuse(err, RF_EFORMAT, "content_sha256", "must be 64 hexadecimal digits");
	(void)snprintf(h->host, sizeof h->host, "%.*s", SPAN_ARG(host));
	(void)snprintf(h->machine, sizeof h->machine, "%.*s", SPAN_ARG(machine));
	(void)snprintf(h->program, sizeof h->program, "%.*s", SPAN_ARG(span_sub(json_string(json_get(root, "program")), 0, 40)));
	return 0;
}

static int signature_read(struct json_doc *doc, struct span line, struct arena *a, struct host_report *r, struct err *err)
{
	struct json root;
	int rc = json_parse(doc, line, &root, err);
	if (rc) {
		(void)err_at_line(err, 3);
		return rc;
	}
	r->keyid = arena_span(a, json_string(json_get(root, "keyid")));
	r->signature = arena_span(a, json_string(json_get(root, "sig")));
	if (!r->keyid.p || !r->signature.p)
		return err_set(err, RF_ENOMEM, "no memory for a report");
	return r->keyid.n && r->signature.n ? 0 : refuse(err, RF_EFORMAT, "sig", "a signature has keyid and sig");
}

static int content_check(const struct host_report *r, struct err *err)
{
	struct digest d;
	if (r->content.n != r->header.content_bytes)
		return err_set(err, r->content.n < r->header.content_bytes ? RF_ETRUNCATED : RF_EVERIFY,
			       "the content has %zu bytes, the header says %llu", r->content.n,
			       (unsigned long long)r->header.content_bytes);
	digest_of(r->content, &d);
	return digest_eq(&d, &r->header.content) ? 0 :
						   err_set(err, RF_EVERIFY,
							   "the content is not what the header's digest was taken over: the report was changed");
}

int host_report_open(struct span bytes, struct arena *a, struct host_report *ret, struct err *err)
{
	struct host_report r = { 0 };
	struct span rest = bytes, signature, more;
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct json root;
	if (!doc)
		return err_set(err, RF_ENOMEM, "no memory for a report");
	if (bytes.n > HOST_REPORT_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "a report larger than 256 MiB");
	if (!span_line(&rest, &r.header_line) || r.header_line.n > MAX_HEADER)
		return err_set(err, RF_EFORMAT, "the first line is no header of a host's report");
	int rc = json_parse(doc, r.header_line, &root, err);
	if (rc == 0)
		rc = header_read(root, &r.header, err);
	if (rc) {
		(void)err_at_line(err, 1);
		return rc;
	}
	if (!span_line(&rest, &r.content))
		return err_set(err, RF_ETRUNCATED, "the report ends behind its header");
	rc = content_check(&r, err);
	if (rc == 0 && span_line(&rest, &signature))
		rc = signature_read(doc, signature, a, &r, err);
	if (rc == 0 && span_line(&rest, &more))
		return err_set(err, RF_EFORMAT, "more than three lines: one report a file");
	if (rc == 0)
		*ret = r;
	return rc;
}

int host_report_verify(const struct host_report *r, const struct verify_key *key, struct err *err)
{
	RF_AUTO(str) pae = STR_INIT(64 * KIB), raw = STR_INIT(1 * KIB);
	if (!r->signature.n)
		return err_set(err, RF_EVERIFY, "the report of %s is not signed", r->header.host);
	if (!span_eq_text(r->keyid, verify_key_id(key)))
		return err_set(err, RF_EVERIFY, "the report of %s is signed by key %.16s..., not by this one", r->header.host,
			       r->keyid.p);
	int rc = base64_read(r->signature, &raw, err);
	if (rc || raw.n != SIGNATURE_BYTES)
		return err_set(err, RF_EVERIFY, "the signature of %s's report is none of Ed25519", r->header.host);
	dsse_pae(SPAN(HOST_REPORT_TYPE), r->header_line, &pae);
	rc = str_check(&pae, "header", err);
	if (rc == 0)
		rc = verify_bytes(key, str_span(&pae), (const unsigned char *)raw.p, err);
	return rc == RF_EVERIFY ? err_prefix(err, "the report of %s: ", r->header.host) : rc;
}


static void header_write(const struct host_header *h, struct str *to)
{
	char hex[DIGEST_HEX];
	struct json_out o = json_out(to, false);
	json_object(&o);
	json_member(&o, "type", "reforge.host-report");
	json_member_i64(&o, "version", HOST_REPORT_VERSION);
	json_member(&o, "host", h->host);
	json_member(&o, "machine", h->machine);
	json_member_time(&o, "taken", h->taken);
	json_member(&o, "program", h->program);
	json_member_u64(&o, "content_bytes", h->content_bytes);
	json_member(&o, "content_sha256", digest_hex(&h->content, hex));
	json_object_end(&o);
}

static int sign(const struct signing_key *key, struct span header, struct str *ret, struct err *err)
{
	RF_AUTO(str) pae = STR_INIT(64 * KIB), text = STR_INIT(1 * KIB);
	unsigned char signature[SIGNATURE_BYTES];
	dsse_pae(SPAN(HOST_REPORT_TYPE), header, &pae);
	int rc = str_check(&pae, "header", err);
	if (rc == 0)
		rc = sign_bytes(key, str_span(&pae), signature, err);
	if (rc)
		return rc;
	base64_write(span_bytes(signature, sizeof signature), &text);
	struct json_out o = json_out(ret, false);
	json_object(&o);
	json_member(&o, "keyid", signing_key_id(key));
	json_member_span(&o, "sig", str_span(&text));
	json_object_end(&o);
	str_add_byte(ret, '\n');
	return 0;
}

int host_report_write(struct host_header *h, struct span content, const struct signing_key *key, struct str *ret,
		      struct err *err)
{
	RF_AUTO(str) header = STR_INIT(MAX_HEADER);
	if (!host_name_is_valid(span_of(h->host)))
		return err_set(err, RF_EINVALID, "\"%s\" is no name of a host", h->host);
	h->content_bytes = content.n;
	digest_of(content, &h->content);
	header_write(h, &header);
	int rc = str_check(&header, "header", err);
	if (rc)
		return rc;
	str_add(ret, str_span(&header));
	str_add_byte(ret, '\n');
	str_add(ret, content);
	str_add_byte(ret, '\n');
	rc = key ? sign(key, str_span(&header), ret, err) : 0;
	return rc ? rc : str_check(ret, "report", err);
}
