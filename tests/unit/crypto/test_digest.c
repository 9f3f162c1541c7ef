/* Digests against the vectors of FIPS 180-4 (NIST's SHA256ShortMsg, and the two classic examples) and RFC 6962. */
#include "testing.h"

#include "base/fs.h"
#include "crypto/digest.h"

#include <fcntl.h>
#include <unistd.h>

static const struct {
	const char *hex_message;
	const char *digest;
} VECTORS[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "d3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1" },
	{ "11af", "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98" },
	{ "616263", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "6162636462636465636465666465666765666768666768696768696a68696a6b696a6b6c6a6b6c6d6b6c6d6e6c6d6e6f6d6e6f706e6f"
	  "7071",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void known_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(VECTORS); i++) {
		char message[64], hex[DIGEST_HEX];
		size_t n = strlen(VECTORS[i].hex_message) / 2;
		struct digest d;

		assert_true(hex_read(span_of(VECTORS[i].hex_message), message, n));
		digest_of((struct span){ message, n }, &d);
		assert_string_equal(digest_hex(&d, hex), VECTORS[i].digest);
	}
}

static void a_million_a_in_pieces(void **state)
{
	(void)state;
	struct digest_stream *s = digest_stream_new();
	char piece[997], hex[DIGEST_HEX];
	struct digest d, again;

	assert_non_null(s);
	memset(piece, 'a', sizeof piece);
	for (int round = 0; round < 2; round++) {
		for (size_t left = 1000000; left > 0;) {
			size_t n = RF_MIN(left, sizeof piece);

			digest_stream_add(s, piece, n);
			left -= n;
		}
		digest_stream_end(s, round ? &again : &d);
	}
	assert_string_equal(digest_hex(&d, hex), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_true(digest_eq(&d, &again)); /* the stream starts anew */
	digest_stream_freep(&s);
	digest_stream_freep(&s);
	digest_stream_free(NULL);
}

static void reads_hex(void **state)
{
	(void)state;
	static const char good[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015AD";
	static const char *const bad[] = { "",
					   "sha256:",
					   "ba78",
					   "sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
					   "xa7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
					   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a ",
					   " ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" };
	struct digest d, e, abc;
	struct err err = ERR_INIT;
	char prefixed[128];

	digest_of(SPAN("abc"), &abc);
	assert_ok(digest_read(span_of(good), &d, &err), &err);
	snprintf(prefixed, sizeof prefixed, "sha256:%s", good);
	assert_ok(digest_read(span_of(prefixed), &e, &err), &err);
	assert_true(digest_eq(&d, &abc) && digest_eq(&e, &abc));
	for (size_t i = 0; i < RF_COUNT(bad); i++)
		assert_int_equal(digest_read(span_of(bad[i]), &d, &err), RF_EFORMAT);
	assert_true(digest_eq(&d, &abc));
	assert_false(digest_is_zero(&d));
	assert_true(digest_is_zero(&(struct digest){ 0 }));
}

static void files(void **state)
{
	(void)state;
	char dir[FS_PATH_MAX], path[FS_PATH_MAX + 16], bytes[5000];
	struct err err = ERR_INIT;
	struct digest whole, rest, expected;
	uint64_t n = 0;
	int fd;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 31);
	assert_ok(fs_temporary_dir("digest", dir, sizeof dir, &err), &err);
	snprintf(path, sizeof path, "%s/file", dir);
	assert_ok(fs_write_new(path, (struct span){ bytes, sizeof bytes }, 0600, &err), &err);
	assert_ok(digest_file(path, &whole, &n, &err), &err);
	assert_int_equal(n, sizeof bytes);
	digest_of((struct span){ bytes, sizeof bytes }, &expected);
	assert_true(digest_eq(&whole, &expected));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_ok(digest_fd(fd, 4000, &rest, &n, &err), &err);
	assert_int_equal(n, 1000);
	digest_of((struct span){ bytes + 4000, 1000 }, &expected);
	assert_true(digest_eq(&rest, &expected));
	assert_ok(digest_fd(fd, 9000, &rest, &n, &err), &err);
	assert_int_equal(n, 0);
	close(fd);
	assert_int_equal(digest_file(dir, &whole, NULL, &err), RF_EINVALID);
	assert_string_equal(err.file, dir);
	snprintf(path, sizeof path, "%s/none", dir);
	assert_int_equal(digest_file(path, &whole, NULL, &err), RF_ENOTFOUND);
	assert_ok(fs_remove_tree(dir, &err), &err);
}

/* RFC 6962's definition written down again, as a recursion, to compare the loop with. */
static struct digest reference_merkle(const struct digest *leaves, size_t n)
{
	char bytes[65];
	struct digest ret, left, right;
	size_t k = 1;

	if (n == 0) {
		digest_of(SPAN_NONE, &ret);
	} else if (n == 1) {
		bytes[0] = 0;
		memcpy(bytes + 1, leaves[0].bytes, 32);
		digest_of((struct span){ bytes, 33 }, &ret);
	} else {
		while (2 * k < n)
			k *= 2;
		left = reference_merkle(leaves, k);
		right = reference_merkle(leaves + k, n - k);
		bytes[0] = 1;
		memcpy(bytes + 1, left.bytes, 32);
		memcpy(bytes + 33, right.bytes, 32);
		digest_of((struct span){ bytes, 65 }, &ret);
	}
	return ret;
}

static void merkle(void **state)
{
	(void)state;
	struct digest leaves[70], got;

	for (size_t i = 0; i < RF_COUNT(leaves); i++)
		digest_of((struct span){ (const char *)&i, sizeof i }, &leaves[i]);
	for (size_t n = 0; n <= RF_COUNT(leaves); n++) {
		struct digest want = reference_merkle(leaves, n);

		digest_merkle(leaves, n, &got);
		assert_true(digest_eq(&got, &want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_vectors), cmocka_unit_test(a_million_a_in_pieces),
		cmocka_unit_test(reads_hex),     cmocka_unit_test(files),
		cmocka_unit_test(merkle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
