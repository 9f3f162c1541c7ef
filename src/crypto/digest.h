/*
 * digest - SHA-256, and SHA-512 to check by, over OpenSSL 3 (FIPS 180-4; the CPU's SHA instructions where present).
 *
 * May use base/ only. Thread-safe; one stream, one thread. Where nothing is returned nothing can fail but OpenSSL
 * itself (no SHA-256 in its set-up): that aborts, since a wrong digest would be worse than none.
 */
#ifndef REFORGE_CRYPTO_DIGEST_H
#define REFORGE_CRYPTO_DIGEST_H

#include "base/err.h"
#include "base/span.h"

#define DIGEST_BYTES 32
#define DIGEST_HEX 65 /* with the NUL */
struct digest {
	unsigned char bytes[DIGEST_BYTES];
};

void digest_of(struct span bytes, struct digest *ret);
bool digest_eq(const struct digest *a, const struct digest *b); /* constant time */
const char *digest_hex(const struct digest *d, char buffer[DIGEST_HEX]);
bool digest_is_zero(const struct digest *d); /* all bytes 0: rooms use that for "not known" */
/* 64 hex digits, with or without "sha256:". RF_EFORMAT. */
RF_MUST_CHECK int digest_read(struct span text, struct digest *ret, struct err *err);

/* SHA-512, for the hash files of others (CSAF providers publish them); nothing of ours is named by it. */
#define DIGEST512_BYTES 64
void digest512_of(struct span bytes, unsigned char ret[DIGEST512_BYTES]);

/* HMAC-SHA256 (RFC 2104), for messages to those who share a key. */
void hmac_sha256(struct span key, struct span bytes, struct digest *ret);

struct digest_stream;                          /* many pieces */
struct digest_stream *digest_stream_new(void); /* NULL: out of memory */
void digest_stream_add(struct digest_stream *s, const void *bytes, size_t n);
void digest_stream_end(struct digest_stream *s, struct digest *ret); /* the stream starts anew after */
void digest_stream_free(struct digest_stream *s);
void digest_stream_freep(struct digest_stream **s);
/* Rest of an open file from @offset to its end, in pieces of 1 MiB. @ret_bytes (may be NULL): how many. */
RF_MUST_CHECK int digest_fd(int fd, uint64_t offset, struct digest *ret, uint64_t *ret_bytes, struct err *err);
RF_MUST_CHECK int digest_file(const char *path, struct digest *ret, uint64_t *ret_bytes, struct err *err);
/* Merkle root of a set (RFC 6962 hashing: 0x00 leaf, 0x01 node) in the order given. @n of 0: digest of nothing. */
void digest_merkle(const struct digest *leaves, size_t n, struct digest *ret);

#endif
