/* DSSE envelopes (secure-systems-lab/dsse, envelope.md and protocol.md, v1.0).
 *
 *   SIGNATURE = Sign(PAE(type, body)),  PAE = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body
 *
 * The lengths in front make the two fields impossible to shift into one another. */
#include "crypto/sign.h"

void dsse_pae(struct span payload_type, struct span payload, struct str *ret)
{
	str_addf(ret, "DSSEv1 %zu ", payload_type.n);
	str_add(ret, payload_type);
	str_addf(ret, " %zu ", payload.n);
	str_add(ret, payload);
}

/* Types are media types or URIs: nothing that JSON would have to escape. */
static bool is_plain_type(struct span type)
{
	for (size_t i = 0; i < type.n; i++)
		if (type.p[i] <= ' ' || type.p[i] > '~' || type.p[i] == '"' || type.p[i] == '\\')
			return false;
	return type.n > 0 && type.n <= 255;
}

int dsse_sign(const struct signing_key *key, const char *payload_type, struct span payload, struct str *ret,
	      struct err *err)
{
	RF_AUTO(str) pae = STR_INIT(payload.n + 512);
	unsigned char signature[SIGNATURE_BYTES];
	int rc;

	if (!is_plain_type(span_of(payload_type)))
		return err_set(err, RF_EINVALID,
			       "payloadType is 1 to 255 printable characters without blanks and quotes");
	dsse_pae(span_of(payload_type), payload, &pae);
	rc = str_check(&pae, "the bytes to sign", err);
	if (rc == 0)
		rc = sign_bytes(key, str_span(&pae), signature, err);
	if (rc != 0)
		return rc;
	str_addf(ret, "{\"payloadType\":\"%s\",\"payload\":\"", payload_type);
	base64_write(payload, ret);
	str_addf(ret, "\",\"signatures\":[{\"keyid\":\"%s\",\"sig\":\"", signing_key_id(key));
	base64_write((struct span){ (const char *)signature, sizeof signature }, ret);
	str_add_text(ret, "\"}]}\n");
	return str_check(ret, "the envelope", err);
}

int dsse_verify(const struct verify_key *key, struct span payload_type, struct span payload_base64,
		struct span signature_base64, struct str *ret, struct err *err)
{
	RF_AUTO(str) payload = STR_INIT(payload_base64.n + 1);
	RF_AUTO(str) signature = STR_INIT(2 * SIGNATURE_BYTES);
	RF_AUTO(str) pae = STR_INIT(payload_type.n + payload_base64.n + 64);
	int rc = base64_read(payload_base64, &payload, err);

	if (rc != 0) {
		(void)err_in_field(err, "payload");
		return rc;
	}
	if (base64_read(signature_base64, &signature, err) != 0 || signature.n != SIGNATURE_BYTES) {
		(void)err_set(err, RF_EFORMAT, "an Ed25519 signature is %d bytes in base64 (RFC 8032)",
			      SIGNATURE_BYTES);
		(void)err_in_field(err, "signatures[0].sig");
		return RF_EFORMAT;
	}
	dsse_pae(payload_type, str_span(&payload), &pae);
	rc = str_check(&pae, "the signed bytes", err);
	if (rc == 0)
		rc = verify_bytes(key, str_span(&pae), (const unsigned char *)signature.p, err);
	if (rc != 0)
		return rc;
	str_add(ret, str_span(&payload));
	return str_check(ret, "the payload", err);
}
