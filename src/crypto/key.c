/* Ed25519 keys in PEM files, and signatures with them (RFC 8032; RFC 8410 for the containers).
 *
 * PEM is read and written by OpenSSL from memory, never from a file name: who may read the file is checked on the
 * descriptor whose bytes are used, and the text of a private key is wiped after. */
/* OpenSSL first: its declarations use words that base/macros.h poisons. */
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "crypto/sign.h"

#include "base/arena.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* An Ed25519 PEM is 119 bytes; RSA keys, which are refused by name, reach a few KiB. */
#define PEM_MAX_BYTES (16 * KIB)

struct signing_key {
	EVP_PKEY *pkey;
	char id[KEY_ID_BYTES];
};

struct verify_key {
	EVP_PKEY *pkey;
	char id[KEY_ID_BYTES];
};

static void closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static void biop(BIO **bio)
{
	BIO_free(*bio);
}

static void pkeyp(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static void contextp(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}
#define AUTO_FD __attribute__((cleanup(closep))) int
#define AUTO_BIO __attribute__((cleanup(biop))) BIO *
#define AUTO_PKEY __attribute__((cleanup(pkeyp))) EVP_PKEY *
#define AUTO_CONTEXT __attribute__((cleanup(contextp))) EVP_MD_CTX *

/* Also empties OpenSSL's error queue of this thread, so that an old entry is not shown for a new failure. */
static int openssl_failed(struct err *err, int code, const char *what)
{
	char words[256] = "no reason given";
	unsigned long number = ERR_peek_last_error();

	if (number != 0)
		ERR_error_string_n(number, words, sizeof words);
	ERR_clear_error();
	return err_set(err, code, "%s: %s", what, words);
}

/* hex SHA-256 of the DER SubjectPublicKeyInfo: what `openssl pkey -pubin -outform DER | sha256sum` prints. */
static int key_id(EVP_PKEY *pkey, char ret[KEY_ID_BYTES], struct err *err)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(pkey, &der);
	struct digest digest;

	if (n <= 0)
		return openssl_failed(err, RF_EINTERNAL, "encoding a public key");
	digest_of((struct span){ (const char *)der, (size_t)n }, &digest);
	OPENSSL_free(der);
	(void)digest_hex(&digest, ret);
	return 0;
}

static int require_ed25519(EVP_PKEY *pkey, struct err *err)
{
	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return 0;
	return err_set(err, RF_EUNSUPPORTED, "this is a key of type %s; keys are Ed25519 (RFC 8410)",
		       EVP_PKEY_get0_type_name(pkey) ? EVP_PKEY_get0_type_name(pkey) : "unknown");
}

/* A private PEM made readable by no one else from its first byte on: O_EXCL with 0600, fsynced. */
static int write_private(const char *path, const char *pem, size_t n, struct err *err)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0) {
		(void)err_set_errno(err, errno, "cannot make a private key file");
		return err_in_file(err, path);
	}
	/* the umask may have taken bits away, never added; ask for exactly 0600 all the same */
	if (fchmod(fd, 0600) != 0) {
		(void)err_set_errno(err, errno, "chmod 0600");
		rc = err_in_file(err, path);
	} else {
		rc = fs_write_all(fd, pem, n, err);
		if (rc == 0 && fsync(fd) != 0)
			rc = err_set_errno(err, errno, "fsync");
		if (rc != 0)
			(void)err_in_file(err, path);
	}
	if (rc != 0)
		(void)unlink(path);
	return rc;
}

static int write_public(const char *path, EVP_PKEY *pkey, struct err *err)
{
	AUTO_BIO bio = BIO_new(BIO_s_mem());
	char *pem = NULL;
	long n;

	if (!bio || PEM_write_bio_PUBKEY(bio, pkey) != 1)
		return openssl_failed(err, RF_EINTERNAL, "writing a public key");
	n = BIO_get_mem_data(bio, &pem);
	return fs_write_new(path, (struct span){ pem, (size_t)n }, 0644, err);
}

int key_generate(const char *private_path, const char *public_path, struct err *err)
{
	AUTO_PKEY pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	AUTO_BIO bio = BIO_new(BIO_s_secmem());
	char *pem = NULL;
	long n;
	int rc;

	if (!pkey || !bio || PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1)
		return openssl_failed(err, RF_EINTERNAL, "making an Ed25519 key");
	if (fs_exists(public_path)) {
		(void)err_set(err, RF_EEXISTS, "a key stands here; keys are never overwritten");
		return err_in_file(err, public_path);
	}
	n = BIO_get_mem_data(bio, &pem);
	rc = write_private(private_path, pem, (size_t)n, err);
	if (rc != 0)
		return rc;
	rc = write_public(public_path, pkey, err);
	if (rc != 0)
		(void)unlink(private_path); /* half a pair is of no use, and would be in the way of the next try */
	return rc;
}

/* @secret: refuses what others may read. The bytes are wiped by the caller. */
static int read_pem(const char *path, bool secret, char *pem, size_t size, size_t *ret_n, struct err *err)
{
	AUTO_FD fd = -1;
	struct stat st;
	int rc = fs_open_regular(path, false, &fd, &st, err);

	if (rc != 0)
		return rc;
	if (secret && (st.st_mode & 077) != 0) {
		(void)err_set(err, RF_EPERM, "mode %04o lets others read this private key; it must be 0600 (chmod 600)",
			      (unsigned)(st.st_mode & 07777));
		return err_in_file(err, path);
	}
	rc = fs_pread(fd, pem, size, 0, ret_n, err);
	if (rc == 0 && *ret_n == size)
		rc = err_set(err, RF_ETOOBIG, "a PEM key is at most %zu bytes", size);
	if (rc != 0)
		(void)err_in_file(err, path);
	return rc;
}

/* An encrypted key would make OpenSSL ask on the terminal: no pass phrase is ever given. */
static int no_pass_phrase(char *buffer, int size, int writing, void *data)
{
	(void)buffer, (void)size, (void)writing, (void)data;
	return -1;
}

static int parse(char *pem, size_t n, bool secret, EVP_PKEY **ret, char ret_id[KEY_ID_BYTES], struct err *err)
{
	AUTO_BIO bio = BIO_new_mem_buf(pem, (int)n);
	AUTO_PKEY pkey = NULL;
	int rc;

	if (bio)
		pkey = secret ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL)
			      : PEM_read_bio_PUBKEY(bio, NULL, no_pass_phrase, NULL);
	if (!pkey)
		rc = openssl_failed(err, RF_EFORMAT,
				    secret ? "not a PKCS#8 PEM without a pass phrase" : "not a public key in PEM");
	else
		rc = require_ed25519(pkey, err);
	if (rc == 0)
		rc = key_id(pkey, ret_id, err);
	if (rc != 0)
		return rc;
	*ret = pkey;
	pkey = NULL;
	return 0;
}

static int load(const char *path, bool secret, EVP_PKEY **ret, char ret_id[KEY_ID_BYTES], struct err *err)
{
	char pem[PEM_MAX_BYTES];
	size_t n = 0;
	int rc = read_pem(path, secret, pem, sizeof pem, &n, err);

	if (rc != 0)
		return rc;
	rc = parse(pem, n, secret, ret, ret_id, err);
	OPENSSL_cleanse(pem, sizeof pem);
	return rc == 0 ? 0 : err_in_file(err, path);
}

int signing_key_load(const char *path, struct signing_key **ret, struct err *err)
{
	struct signing_key *key = rf_alloc(sizeof *key);
	int rc = key ? load(path, true, &key->pkey, key->id, err) : err_set(err, RF_ENOMEM, "no memory for a key");

	if (rc != 0)
		rf_free(key);
	else
		*ret = key;
	return rc;
}

void signing_key_freep(struct signing_key **key)
{
	if (!*key)
		return;
	EVP_PKEY_free((*key)->pkey);
	rf_free(*key);
	*key = NULL;
}

const char *signing_key_id(const struct signing_key *key)
{
	return key->id;
}

int verify_key_load(const char *path, struct verify_key **ret, struct err *err)
{
	struct verify_key *key = rf_alloc(sizeof *key);
	int rc = key ? load(path, false, &key->pkey, key->id, err) : err_set(err, RF_ENOMEM, "no memory for a key");

	if (rc != 0)
		rf_free(key);
	else
		*ret = key;
	return rc;
}

int verify_key_read(struct span pem, struct verify_key **ret, struct err *err)
{
	char copy[PEM_MAX_BYTES];
	struct verify_key *key;
	int rc;

	if (pem.n >= sizeof copy)
		return err_set(err, RF_ETOOBIG, "a PEM key is at most %zu bytes", sizeof copy);
	if (pem.n)
		memcpy(copy, pem.p, pem.n);
	key = rf_alloc(sizeof *key);
	rc = key ? parse(copy, pem.n, false, &key->pkey, key->id, err) : err_set(err, RF_ENOMEM, "no memory for a key");
	if (rc != 0)
		rf_free(key);
	else
		*ret = key;
	return rc;
}

void verify_key_freep(struct verify_key **key)
{
	if (!*key)
		return;
	EVP_PKEY_free((*key)->pkey);
	rf_free(*key);
	*key = NULL;
}

const char *verify_key_id(const struct verify_key *key)
{
	return key->id;
}

int sign_bytes(const struct signing_key *key, struct span bytes, unsigned char ret[SIGNATURE_BYTES], struct err *err)
{
	AUTO_CONTEXT context = EVP_MD_CTX_new();
	size_t n = SIGNATURE_BYTES;

	if (!context || EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) != 1 ||
	    EVP_DigestSign(context, ret, &n, (const unsigned char *)(bytes.n ? bytes.p : ""), bytes.n) != 1 ||
	    n != SIGNATURE_BYTES)
		return openssl_failed(err, RF_EINTERNAL, "signing");
	return 0;
}

int verify_bytes(const struct verify_key *key, struct span bytes, const unsigned char signature[SIGNATURE_BYTES],
		 struct err *err)
{
	AUTO_CONTEXT context = EVP_MD_CTX_new();

	if (!context || EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->pkey) != 1)
		return openssl_failed(err, RF_EINTERNAL, "verifying");
	if (EVP_DigestVerify(context, signature, SIGNATURE_BYTES, (const unsigned char *)(bytes.n ? bytes.p : ""),
			     bytes.n) != 1) {
		ERR_clear_error();
		return err_set(err, RF_EVERIFY, "the signature is not one by key %.16s… over these bytes", key->id);
	}
	return 0;
}
