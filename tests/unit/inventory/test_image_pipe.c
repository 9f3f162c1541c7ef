/* A pipe between two threads: all bytes in order whatever the pieces, ends and errors, either side giving up. */
#include "testing.h"

#include "base/random.h"
#include "inventory/scan_image_pipe.h"

struct writing {
	struct scan_pipe *pipe;
	uint64_t bytes, seed;
	size_t most; /* of one piece; 0: whole pieces of the pipe's own */
	int rc;      /* to end with */
	int result;
};

static int write_some(struct writing *w, struct random_stream *r, uint64_t *at)
{
	unsigned char small[4096], *piece = small;
	size_t n = (size_t)RF_MIN(w->bytes - *at, w->most ? 1 + random_below(r, w->most) : random_below(r, SCAN_PIPE_PIECE_BYTES) + 1);
	int rc = w->most ? 0 : scan_pipe_room(w->pipe, &piece);
	for (size_t i = 0; i < n && rc == 0; i++)
		piece[i] = (unsigned char)((*at + i) * 131 >> 3);
	if (rc == 0 && w->most)
		rc = scan_pipe_add(w->pipe, span_bytes(small, n));
	else if (rc == 0)
		scan_pipe_wrote(w->pipe, n);
	*at += n;
	return rc;
}

static void *writer(void *data)
{
	struct writing *w = data;
	struct random_stream r = { w->seed };
	struct err err = ERR_INIT;
	uint64_t at = 0;
	w->result = 0;
	while (at < w->bytes && w->result == 0)
		w->result = write_some(w, &r, &at);
	if (w->rc)
		(void)err_set(&err, w->rc, "on purpose");
	scan_pipe_end(w->pipe, w->result ? w->result : w->rc, &err);
	return NULL;
}

/* Reads up to @stop bytes, then closes. */
static void carry(struct scan_pipe *p, struct writing *w, uint64_t stop)
{
	pthread_t thread;
	struct span piece;
	struct err err = ERR_INIT;
	uint64_t at = 0;
	int rc = 1;
	w->pipe = p;
	scan_pipe_reset(p);
	assert_int_equal(pthread_create(&thread, NULL, writer, w), 0);
	while (at < stop && (rc = scan_pipe_next(p, &piece, &err)) == 1) {
		for (size_t i = 0; i < piece.n; i++)
			if ((unsigned char)piece.p[i] != (unsigned char)((at + i) * 131 >> 3))
				fail_msg("byte %llu", (unsigned long long)(at + i));
		at += piece.n;
	}
	if (at >= stop)
		scan_pipe_close(p);
	pthread_join(thread, NULL);
	if (rc != 1) {
		assert_int_equal(rc, w->rc);
		assert_int_equal(at, w->bytes);
		assert_true(rc == 0 || strcmp(err.text, "on purpose") == 0);
	}
}

static void carries(void **state)
{
	(void)state;
	static const struct {
		uint64_t bytes;
		size_t most;
		int rc;
		uint64_t stop;
	} rows[] = { { 0, 100, 0, UINT64_MAX },
		     { 1, 100, 0, UINT64_MAX },
		     { 3 * MIB, 100, 0, UINT64_MAX },
		     { 40 * MIB, 4096, 0, UINT64_MAX },
		     { 40 * MIB, 0, 0, UINT64_MAX },
		     { SCAN_PIPE_PIECES * SCAN_PIPE_PIECE_BYTES, 4096, 0, UINT64_MAX },
		     { 0, 100, RF_EIO, UINT64_MAX },
		     { 5 * MIB, 4096, RF_EVERIFY, UINT64_MAX },
		     { 64 * MIB, 4096, 0, 1 },
		     { 64 * MIB, 0, 0, 20 * MIB },
		     { 64 * MIB, 0, 0, 0 } };
	struct scan_pipe p;
	struct err err = ERR_INIT;
	assert_ok(scan_pipe_init(&p, &err), &err);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct writing w = { .bytes = rows[i].bytes, .most = rows[i].most, .rc = rows[i].rc, .seed = i };
		carry(&p, &w, rows[i].stop);
		assert_int_equal(w.result, rows[i].stop < rows[i].bytes ? RF_ECANCELLED : 0);
	}
	scan_pipe_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(carries) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
