/* SHA-256 (FIPS 180-4) and Merkle roots (RFC 6962, section 2.1) over OpenSSL's EVP.
 *
 * EVP_MD_fetch() walks OpenSSL's provider tables and takes a lock: it is done once for the process. */
/* OpenSSL first: its declarations use words that base/macros.h poisons. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/digest.h"

#include "base/arena.h"

#include <limits.h>
#include <pthread.h>

struct digest_stream {
	EVP_MD_CTX *context;
};

static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	/* Only a broken OpenSSL set-up lacks SHA-256; then no digest can be right, and going on would be wrong. */
	if (!sha256)
		abort();
}

static const EVP_MD *sha256_algorithm(void)
{
	(void)pthread_once(&sha256_once, fetch_sha256);
	return sha256;
}

void hmac_sha256(struct span key, struct span bytes, struct digest *ret)
{
	unsigned int n = sizeof ret->bytes;
	const unsigned char *text = (const unsigned char *)(bytes.n ? bytes.p : "");
	if (key.n > INT_MAX || !HMAC(sha256_algorithm(), key.n ? key.p : "", (int)key.n, text, bytes.n, ret->bytes, &n))
		abort();
}

void digest_of(struct span bytes, struct digest *ret)
{
	unsigned int n = sizeof ret->bytes;

	if (!EVP_Digest(bytes.n ? bytes.p : "", bytes.n, ret->bytes, &n, sha256_algorithm(), NULL))
		abort();
}

void digest512_of(struct span bytes, unsigned char ret[DIGEST512_BYTES])
{
	unsigned int n = DIGEST512_BYTES;

	if (!EVP_Digest(bytes.n ? bytes.p : "", bytes.n, ret, &n, EVP_sha512(), NULL))
		abort();
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
	return CRYPTO_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool digest_is_zero(const struct digest *d)
{
	static const struct digest zero;

	return digest_eq(d, &zero);
}

const char *digest_hex(const struct digest *d, char buffer[DIGEST_HEX])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		buffer[2 * i] = digits[d->bytes[i] >> 4];
		buffer[2 * i + 1] = digits[d->bytes[i] & 15];
	}
	buffer[DIGEST_HEX - 1] = '\0';
	return buffer;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int digest_read(struct span text, struct digest *ret, struct err *err)
{
	struct span hex = span_starts(text, "sha256:") ? span_from(text, 7) : text;
	struct digest digest;

	if (hex.n != 2 * DIGEST_BYTES)
		return err_set(err, RF_EFORMAT, "a SHA-256 digest is 64 hex digits, these are %zu bytes", hex.n);
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		int high = hex_value(hex.p[2 * i]), low = hex_value(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return err_set(err, RF_EFORMAT, "a SHA-256 digest is 64 hex digits, digit %zu is none",
				       high < 0 ? 2 * i + 1 : 2 * i + 2);
		digest.bytes[i] = (unsigned char)(high << 4 | low);
	}
	*ret = digest;
	return 0;
}

struct digest_stream *digest_stream_new(void)
{
	struct digest_stream *s = rf_alloc(sizeof *s);

	if (!s)
		return NULL;
	s->context = EVP_MD_CTX_new();
	if (!s->context || !EVP_DigestInit_ex2(s->context, sha256_algorithm(), NULL)) {
		digest_stream_free(s);
		return NULL;
	}
	return s;
}

void digest_stream_add(struct digest_stream *s, const void *bytes, size_t n)
{
	if (n > 0 && !EVP_DigestUpdate(s->context, bytes, n))
		abort();
}

void digest_stream_end(struct digest_stream *s, struct digest *ret)
{
	unsigned int n = sizeof ret->bytes;

	if (!EVP_DigestFinal_ex(s->context, ret->bytes, &n) ||
	    !EVP_DigestInit_ex2(s->context, sha256_algorithm(), NULL))
		abort();
}

void digest_stream_free(struct digest_stream *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->context);
	rf_free(s);
}

void digest_stream_freep(struct digest_stream **s)
{
	digest_stream_free(*s);
	*s = NULL;
}

static void merkle_node(const struct digest *left, const struct digest *right, struct digest *ret)
{
	char bytes[1 + 2 * DIGEST_BYTES] = { 1 };

	memcpy(bytes + 1, left->bytes, DIGEST_BYTES);
	memcpy(bytes + 1 + DIGEST_BYTES, right->bytes, DIGEST_BYTES);
	digest_of((struct span){ bytes, sizeof bytes }, ret);
}

/* The stack holds roots of full subtrees, larger ones first, as RFC 6962 splits at the largest power of two below
 * n: leaf i completes as many of them as i + 1 has trailing zero bits. 64 entries are enough for any size_t. */
void digest_merkle(const struct digest *leaves, size_t n, struct digest *ret)
{
	struct digest stack[64];
	size_t top = 0;

	if (n == 0) {
		digest_of(SPAN_NONE, ret);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char leaf[1 + DIGEST_BYTES] = { 0 };

		memcpy(leaf + 1, leaves[i].bytes, DIGEST_BYTES);
		digest_of((struct span){ leaf, sizeof leaf }, &stack[top++]);
		for (size_t k = i + 1; (k & 1) == 0; k >>= 1, top--)
			merkle_node(&stack[top - 2], &stack[top - 1], &stack[top - 2]);
	}
	for (; top > 1; top--)
		merkle_node(&stack[top - 2], &stack[top - 1], &stack[top - 2]);
	*ret = stack[0];
}
