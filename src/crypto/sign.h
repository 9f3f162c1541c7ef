/*
 * sign - Ed25519 keys (RFC 8032) and DSSE envelopes (secure-systems-lab/dsse v1.0), over OpenSSL 3.
 *
 * May use base/ and, for envelopes, format/json through its caller: this header takes and gives bytes.
 * Private keys are PKCS#8 PEM, mode 0600, in a folder of mode 0700; never logged. Public keys are SubjectPublicKeyInfo
 * PEM: `openssl pkeyutl -verify -pubin -inkey keys/release.pub.pem -rawin -in FILE -sigfile SIG` checks what we sign.
 */
#ifndef REFORGE_CRYPTO_SIGN_H
#define REFORGE_CRYPTO_SIGN_H

#include "base/err.h"
#include "base/str.h"
#include "crypto/digest.h"

#define SIGNATURE_BYTES 64
#define KEY_ID_BYTES 65 /* hex SHA-256 of the DER SubjectPublicKeyInfo, with the NUL */

struct signing_key; /* private */
struct verify_key;  /* public */

/* Makes a key pair: @private_path (0600) and @public_path (0644), both durable. Never overwrites: RF_EEXISTS, and
 * nothing is left of the pair. The folder must exist. */
RF_MUST_CHECK int key_generate(const char *private_path, const char *public_path, struct err *err);
/* Refuses a private key that group or others can read (RF_EPERM), one with a pass phrase or no PEM (RF_EFORMAT), one of
 * another type (RF_EUNSUPPORTED). A key may be used by several threads. */
RF_MUST_CHECK int signing_key_load(const char *path, struct signing_key **ret, struct err *err);
void signing_key_freep(struct signing_key **key);
const char *signing_key_id(const struct signing_key *key);
RF_MUST_CHECK int verify_key_load(const char *path, struct verify_key **ret, struct err *err);
/* The same from the bytes of a PEM. */
RF_MUST_CHECK int verify_key_read(struct span pem, struct verify_key **ret, struct err *err);
void verify_key_freep(struct verify_key **key);
const char *verify_key_id(const struct verify_key *key);

RF_MUST_CHECK int sign_bytes(const struct signing_key *key, struct span bytes, unsigned char ret[SIGNATURE_BYTES],
			     struct err *err);
/* 0 or RF_EVERIFY. */
RF_MUST_CHECK int verify_bytes(const struct verify_key *key, struct span bytes,
			       const unsigned char signature[SIGNATURE_BYTES], struct err *err);

/* DSSE's pre-authentication encoding, the bytes that are signed: "DSSEv1 LEN(type) type LEN(payload) payload". */
void dsse_pae(struct span payload_type, struct span payload, struct str *ret);
/* {"payloadType", "payload" base64, "signatures": [{"keyid", "sig" base64}]}, one line with its newline, appended to
 * @ret.
 * @payload_type: printable ASCII without blanks, quotes and backslashes, at most 255 bytes; RF_EINVALID else. */
RF_MUST_CHECK int dsse_sign(const struct signing_key *key, const char *payload_type, struct span payload,
			    struct str *ret, struct err *err);
/* Parts of an envelope already read from JSON (base64 texts): verifies PAE(payloadType, payload) against @key and puts
 * the payload bytes into @ret. RF_EVERIFY, RF_EFORMAT (base64). */
RF_MUST_CHECK int dsse_verify(const struct verify_key *key, struct span payload_type, struct span payload_base64,
			      struct span signature_base64, struct str *ret, struct err *err);

/* RFC 4648, section 4: padded, no line breaks; both append to @ret, reading refuses anything a writer would not have
 * written (RF_EFORMAT with the offset). */
void base64_write(struct span bytes, struct str *ret);
RF_MUST_CHECK int base64_read(struct span text, struct str *ret, struct err *err);

#endif
