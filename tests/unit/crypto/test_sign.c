/* Ed25519 with the keys of RFC 8032, section 7.1, DSSE with the vector of its protocol page; and the openssl program as
 * the other party that reads what we write. */
#include "testing.h"

#include "base/fs.h"
#include "crypto/sign.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[FS_PATH_MAX];

static const char *in_dir(const char *name)
{
	static char paths[8][FS_PATH_MAX + 64];
	static unsigned turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", dir, name);
	return path;
}

static int make_dir(void **state)
{
	(void)state;
	struct err err = ERR_INIT;

	assert_ok(fs_temporary_dir("sign", dir, sizeof dir, &err), &err);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	struct err err = ERR_INIT;

	return fs_remove_tree(dir, &err);
}

static void write_file(const char *name, struct span bytes, mode_t mode)
{
	struct err err = ERR_INIT;

	assert_ok(fs_write_atomic(in_dir(name), bytes, mode, &err), &err);
}

/* Runs a program, output thrown away; its exit status. */
static int run(const char *const *argv)
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status = -1;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

/* RFC 8410, section 7: the container around a 32-byte seed. */
static void write_seed(const char *name, const char *seed_hex)
{
	unsigned char der[48];
	RF_AUTO(str) pem = STR_INIT(1024);

	assert_true(hex_read(SPAN("302e020100300506032b657004220420"), der, 16));
	assert_true(hex_read(span_of(seed_hex), der + 16, 32));
	str_add_text(&pem, "-----BEGIN PRIVATE KEY-----\n");
	base64_write((struct span){ (const char *)der, sizeof der }, &pem);
	str_add_text(&pem, "\n-----END PRIVATE KEY-----\n");
	write_file(name, str_span(&pem), 0600);
}

static void write_point(const char *name, const char *public_hex)
{
	unsigned char der[44];
	RF_AUTO(str) pem = STR_INIT(1024);

	assert_true(hex_read(SPAN("302a300506032b6570032100"), der, 12));
	assert_true(hex_read(span_of(public_hex), der + 12, 32));
	str_add_text(&pem, "-----BEGIN PUBLIC KEY-----\n");
	base64_write((struct span){ (const char *)der, sizeof der }, &pem);
	str_add_text(&pem, "\n-----END PUBLIC KEY-----\n");
	write_file(name, str_span(&pem), 0644);
}

static const struct {
	const char *seed, *public_key, *message, *signature;
} RFC8032[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595b"
	  "be246"
	  "55141438e7a100b" },
	{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb430"
	  "2aeeb0"
	  "0d291612bb0c00" },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716e"
	  "d28dc0"
	  "27beceea1ec40a" },
};

static void rfc_8032(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(RFC8032); i++) {
		RF_AUTO_PTR(signing_key) key = NULL;
		RF_AUTO_PTR(verify_key) public_key = NULL;
		struct err err = ERR_INIT;
		unsigned char signature[SIGNATURE_BYTES], message[8];
		char hex[2 * SIGNATURE_BYTES + 1];
		struct span bytes = { (const char *)message, strlen(RFC8032[i].message) / 2 };

		assert_true(hex_read(span_of(RFC8032[i].message), message, bytes.n));
		write_seed("rfc.pem", RFC8032[i].seed);
		write_point("rfc.pub.pem", RFC8032[i].public_key);
		assert_ok(signing_key_load(in_dir("rfc.pem"), &key, &err), &err);
		assert_ok(verify_key_load(in_dir("rfc.pub.pem"), &public_key, &err), &err);
		assert_string_equal(signing_key_id(key), verify_key_id(public_key));
		assert_ok(sign_bytes(key, bytes, signature, &err), &err);
		hex_write(signature, sizeof signature, hex);
		assert_string_equal(hex, RFC8032[i].signature);
		assert_ok(verify_bytes(public_key, bytes, signature, &err), &err);
		signature[i * 9] ^= 1;
		assert_int_equal(verify_bytes(public_key, bytes, signature, &err), RF_EVERIFY);
		signature[i * 9] ^= 1;
		assert_int_equal(verify_bytes(public_key, SPAN("other"), signature, &err), RF_EVERIFY);
	}
}

/* protocol.md, "Test Vectors": type http://example.com/HelloWorld, body "hello world". */
static void dsse_pae_vector(void **state)
{
	(void)state;
	RF_AUTO(str) pae = STR_INIT(256);

	dsse_pae(SPAN("http://example.com/HelloWorld"), SPAN("hello world"), &pae);
	assert_string_equal(str_text(&pae), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

/* A member's text out of an envelope of ours, without a JSON reader: this room has none below it. */
static struct span member(const struct str *envelope, const char *key)
{
	struct span all = str_span(envelope);
	char quoted[32];
	size_t at;

	snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
	at = span_find(all, span_of(quoted));
	assert_true(at != SIZE_MAX);
	all = span_from(all, at + strlen(quoted));
	return span_sub(all, 0, span_find_byte(all, '"'));
}

static void envelopes(void **state)
{
	(void)state;
	RF_AUTO_PTR(signing_key) key = NULL;
	RF_AUTO_PTR(verify_key) good = NULL;
	RF_AUTO_PTR(verify_key) other = NULL;
	RF_AUTO(str) envelope = STR_INIT(64 * KIB);
	RF_AUTO(str) payload = STR_INIT(64 * KIB);
	RF_AUTO(str) changed = STR_INIT(64 * KIB);
	struct err err = ERR_INIT;

	assert_ok(key_generate(in_dir("a.pem"), in_dir("a.pub.pem"), &err), &err);
	assert_ok(key_generate(in_dir("b.pem"), in_dir("b.pub.pem"), &err), &err);
	assert_ok(signing_key_load(in_dir("a.pem"), &key, &err), &err);
	assert_ok(verify_key_load(in_dir("a.pub.pem"), &good, &err), &err);
	assert_ok(verify_key_load(in_dir("b.pub.pem"), &other, &err), &err);
	assert_ok(dsse_sign(key, "application/vnd.in-toto+json", SPAN("{\"x\":1}"), &envelope, &err), &err);
	struct span type = member(&envelope, "payloadType"), body = member(&envelope, "payload"),
		    sig = member(&envelope, "sig");
	assert_ok(dsse_verify(good, type, body, sig, &payload, &err), &err);
	assert_string_equal(str_text(&payload), "{\"x\":1}");
	assert_int_equal(dsse_verify(other, type, body, sig, &payload, &err), RF_EVERIFY);
	assert_int_equal(dsse_verify(good, SPAN("text/plain"), body, sig, &payload, &err), RF_EVERIFY);
	base64_write(SPAN("{\"x\":2}"), &changed);
	assert_int_equal(dsse_verify(good, type, str_span(&changed), sig, &payload, &err), RF_EVERIFY);
	assert_int_equal(dsse_verify(good, type, SPAN("e30"), sig, &payload, &err), RF_EFORMAT);
	assert_int_equal(dsse_verify(good, type, body, SPAN("e30="), &payload, &err), RF_EFORMAT);
	assert_int_equal(dsse_verify(good, type, body, SPAN(""), &payload, &err), RF_EFORMAT);
	assert_string_equal(str_text(&payload), "{\"x\":1}"); /* written on success only */
	assert_int_equal(dsse_sign(key, "a\"b", SPAN("x"), &payload, &err), RF_EINVALID);
}

static void key_files(void **state)
{
	(void)state;
	RF_AUTO_PTR(signing_key) key = NULL;
	struct err err = ERR_INIT;
	struct stat st;

	assert_ok(key_generate(in_dir("k.pem"), in_dir("k.pub.pem"), &err), &err);
	assert_int_equal(stat(in_dir("k.pem"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(key_generate(in_dir("k.pem"), in_dir("new.pub.pem"), &err), RF_EEXISTS);
	assert_false(fs_exists(in_dir("new.pub.pem")));
	assert_int_equal(key_generate(in_dir("new.pem"), in_dir("k.pub.pem"), &err), RF_EEXISTS);
	assert_false(fs_exists(in_dir("new.pem")));

	for (mode_t bit = 1; bit <= 040; bit <<= 1) {
		assert_int_equal(chmod(in_dir("k.pem"), 0600 | bit), 0);
		assert_int_equal(signing_key_load(in_dir("k.pem"), &key, &err), RF_EPERM);
		assert_non_null(strstr(err.text, "0600"));
		assert_string_equal(err.file, in_dir("k.pem"));
	}
	assert_int_equal(signing_key_load(in_dir("absent.pem"), &key, &err), RF_ENOTFOUND);
	write_file("junk.pem", SPAN("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0600);
	assert_int_equal(signing_key_load(in_dir("junk.pem"), &key, &err), RF_EFORMAT);
	write_file("empty.pem", SPAN(""), 0600);
	assert_int_equal(signing_key_load(in_dir("empty.pem"), &key, &err), RF_EFORMAT);
	assert_null(key);
}

static void openssl_reads_what_we_write(void **state)
{
	(void)state;
	RF_AUTO_PTR(signing_key) key = NULL;
	struct err err = ERR_INIT;
	unsigned char signature[SIGNATURE_BYTES];

	if (RUN("openssl", "version") != 0)
		skip();
	assert_ok(key_generate(in_dir("o.pem"), in_dir("o.pub.pem"), &err), &err);
	assert_ok(signing_key_load(in_dir("o.pem"), &key, &err), &err);
	assert_ok(sign_bytes(key, SPAN("what was signed"), signature, &err), &err);
	write_file("message", SPAN("what was signed"), 0644);
	write_file("signature", (struct span){ (const char *)signature, sizeof signature }, 0644);
	assert_int_equal(RUN("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", in_dir("o.pub.pem"), "-rawin", "-in",
			     in_dir("message"), "-sigfile", in_dir("signature")),
			 0);
	write_file("message", SPAN("what was changed"), 0644);
	assert_int_not_equal(RUN("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", in_dir("o.pub.pem"), "-rawin",
				 "-in", in_dir("message"), "-sigfile", in_dir("signature")),
			     0);
}

static void keys_from_bytes(void **state)
{
	(void)state;
	static const char *const not_keys[] = { "", "no PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n" };
	RF_AUTO_PTR(verify_key) loaded = NULL;
	RF_AUTO_PTR(verify_key) read = NULL;
	RF_AUTO_PTR(verify_key) none = NULL;
	RF_AUTO(str) pem = STR_INIT(64 * KIB);
	struct err err = ERR_INIT;

	assert_ok(key_generate(in_dir("bytes.pem"), in_dir("bytes.pub.pem"), &err), &err);
	assert_ok(verify_key_load(in_dir("bytes.pub.pem"), &loaded, &err), &err);
	assert_ok(fs_read(in_dir("bytes.pub.pem"), &pem, &err), &err);
	assert_ok(verify_key_read(str_span(&pem), &read, &err), &err);
	assert_string_equal(verify_key_id(read), verify_key_id(loaded));
	for (size_t i = 0; i < RF_COUNT(not_keys); i++)
		assert_int_equal(verify_key_read(span_of(not_keys[i]), &none, &err), RF_EFORMAT);
	while (pem.n < 16 * KIB)
		str_add_byte(&pem, '\n');
	assert_int_equal(verify_key_read(str_span(&pem), &none, &err), RF_ETOOBIG);
	assert_null(none);
}

static void keys_of_others(void **state)
{
	(void)state;
	RF_AUTO_PTR(signing_key) key = NULL;
	struct err err = ERR_INIT;

	if (RUN("openssl", "version") != 0)
		skip();
	assert_int_equal(RUN("openssl", "genpkey", "-algorithm", "ED25519", "-out", in_dir("theirs.pem")), 0);
	assert_int_equal(chmod(in_dir("theirs.pem"), 0600), 0);
	assert_ok(signing_key_load(in_dir("theirs.pem"), &key, &err), &err);
	signing_key_freep(&key);
	assert_int_equal(RUN("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
			     in_dir("ec.pem")),
			 0);
	assert_int_equal(chmod(in_dir("ec.pem"), 0600), 0);
	assert_int_equal(signing_key_load(in_dir("ec.pem"), &key, &err), RF_EUNSUPPORTED);
	assert_int_equal(RUN("openssl", "genpkey", "-algorithm", "ED25519", "-aes-256-cbc", "-pass", "pass:x", "-out",
			     in_dir("locked.pem")),
			 0);
	assert_int_equal(chmod(in_dir("locked.pem"), 0600), 0);
	assert_int_equal(signing_key_load(in_dir("locked.pem"), &key, &err), RF_EFORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_8032),
		cmocka_unit_test(dsse_pae_vector),
		cmocka_unit_test(envelopes),
		cmocka_unit_test(key_files),
		cmocka_unit_test(openssl_reads_what_we_write),
		cmocka_unit_test(keys_from_bytes),
		cmocka_unit_test(keys_of_others),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
