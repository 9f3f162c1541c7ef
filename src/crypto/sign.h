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
#define KEY_ID_BYTES 65     /* hex SHA-256 of the DER SubjectPublicKeyInfo, with the NUL */

struct signing_key;         /* private */
struct verify_key;          /* public */

/* Makes a key pair: @private_path (0600, never overwritten: RF_EEXISTS) and @public_path (0644). */
RF_MUST_CHECK int key_generate(const char *private_path, const char *public_path, struct err *err);
/* Refuses a private key that group or others can read (RF_EPERM). */
RF_MUST_CHECK int signing_key_load(const char *path, struct signing_key **ret, struct err *err);
void signing_key_freep(struct signing_key **key);
const char *signing_key_id(const struct signing_key *key);
RF_MUST_CHECK int verify_key_load(const char *path, struct verify_key **ret, struct err *err);
void verify_key_freep(struct verify_key **key);
const char *verify_key_id(const struct verify_key *key);

RF_MUST_CHECK int sign_bytes(const struct signing_key *key, struct span bytes, unsigned char ret[SIGNATURE_BYTES], struct err *err);
/* 0 or RF_EVERIFY. */
RF_MUST_CHECK int verify_bytes(const struct verify_key *key, struct span bytes, const unsigned char signature[SIGNATURE_BYTES],
                               struct err *err);

/* {"payloadType", "payload" base64, "signatures": [{"keyid", "sig" base64}]}, one line, into @ret. */
RF_MUST_CHECK int dsse_sign(const struct signing_key *key, const char *payload_type, struct span payload, struct str *ret,
                            struct err *err);
/* Parts of an envelope already read from JSON (base64 texts): verifies PAE(payloadType, payload) against @key and puts the
 * payload bytes into @ret. RF_EVERIFY, RF_EFORMAT (base64). */
RF_MUST_CHECK int dsse_verify(const struct verify_key *key, struct span payload_type, struct span payload_base64,
                              struct span signature_base64, struct str *ret, struct err *err);

void base64_write(struct span bytes, struct str *ret);
RF_MUST_CHECK int base64_read(struct span text, struct str *ret, struct err *err);   /* strict, padded */

#endif
