/* Sessions: lines both ways, children that stall, stream, vanish. */
#include "testing.h"

#include "base/arena.h"
#include "process/process.h"

#include <signal.h>
#include <unistd.h>

static struct process *start(const char *script, size_t limit)
{
	struct err err = ERR_INIT;
	struct process *p = NULL;
	struct process_options o = { .argv = (const char *const[]){ "sh", "-c", script, NULL },
				     .deadline_usec = 20 * USEC_PER_SEC,
				     .output_limit_bytes = limit };

	assert_ok(process_start(&o, &p, &err), &err);
	return p;
}

static void question_and_answer(void **state)
{
	(void)state;
	RF_AUTO_PTR(process) p = start("while read -r line; do echo \"<$line>\"; done; exit 5", 1 * MIB);
	RF_AUTO(process_result) r;
	struct err err = ERR_INIT;
	struct span line;

	for (int i = 0; i < 500; i++) {
		char text[32], want[40];

		snprintf(text, sizeof text, "line %d", i);
		snprintf(want, sizeof want, "<line %d>", i);
		assert_ok(process_write_line(p, span_of(text), &err), &err);
		assert_ok(process_read_line(p, 5 * USEC_PER_SEC, &line, &err), &err);
		assert_true(span_eq_text(line, want));
	}
	assert_int_equal(process_write_line(p, SPAN("two\nlines"), &err), RF_EINVALID);
	assert_ok(process_close(p, 5 * USEC_PER_SEC, &r, &err), &err);
	p = NULL;
	assert_int_equal(r.exit_status, 5);
}

/* More in the pipe than one line may be long: nothing is lost. */
static void many_lines_at_once(void **state)
{
	(void)state;
	RF_AUTO_PTR(process) p = start("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done", 64);
	struct err err = ERR_INIT;
	struct span line;
	char want[32];

	for (int i = 0; i < 20000; i++) {
		assert_ok(process_read_line(p, 5 * USEC_PER_SEC, &line, &err), &err);
		snprintf(want, sizeof want, "line %d", i);
		if (!span_eq_text(line, want))
			fail_msg("line %d is '%.*s'", i, SPAN_ARG(line));
	}
	assert_int_equal(process_read_line(p, 5 * USEC_PER_SEC, &line, &err), RF_EPROCESS);
	assert_non_null(strstr(err.text, "exit status 0"));
}

static void a_line_too_long(void **state)
{
	(void)state;
	RF_AUTO_PTR(process) p = start("echo short; head -c 1000000 /dev/zero | tr '\\0' x; sleep 100", 1000);
	struct err err = ERR_INIT;
	struct span line;

	assert_ok(process_read_line(p, 5 * USEC_PER_SEC, &line, &err), &err);
	assert_int_equal(process_read_line(p, 5 * USEC_PER_SEC, &line, &err), RF_ETOOBIG);
}

static void a_child_that_ends(void **state)
{
	(void)state;
	RF_AUTO_PTR(process) p = start("read x; echo half-a-li; printf cut; echo 'the reason' >&2; exit 9", 1000);
	struct err err = ERR_INIT;
	struct span line;

	assert_ok(process_write_line(p, SPAN("go"), &err), &err);
	assert_ok(process_read_line(p, 5 * USEC_PER_SEC, &line, &err), &err);
	assert_int_equal(process_read_line(p, 5 * USEC_PER_SEC, &line, &err), RF_EPROCESS);
	assert_non_null(strstr(err.text, "exit status 9"));
	assert_non_null(strstr(err.text, "the reason"));
	assert_int_equal(process_write_line(p, SPAN("more"), &err), RF_EPROCESS);
	assert_true(span_eq_text(process_error_output(p), "the reason\n"));
}

static void a_child_that_waits(void **state)
{
	(void)state;
	RF_AUTO_PTR(process) p = start("read x; sleep 0.3; echo late; sleep 1000", 1000);
	struct err err = ERR_INIT;
	struct span line;

	assert_ok(process_write_line(p, SPAN("go"), &err), &err);
	assert_int_equal(process_read_line(p, 50 * USEC_PER_MS, &line, &err), RF_ETIMEOUT);
	assert_ok(process_read_line(p, 5 * USEC_PER_SEC, &line, &err), &err); /* tried again */
	assert_true(span_eq_text(line, "late"));
	RF_AUTO(process_result) r;
	assert_int_equal(process_close(p, 50 * USEC_PER_MS, &r, &err), RF_ETIMEOUT);
	p = NULL;
	assert_int_equal(r.signal, SIGKILL);
	assert_true(r.timed_out);
}

/* Both pipes fill up when each side only writes: we read while we write. */
static void both_write_much(void **state)
{
	(void)state;
	RF_AUTO_PTR(process) p = start("head -c 3000000 /dev/zero | tr '\\0' y; echo; read -r x; echo ${#x}", 4 * MIB);
	struct err err = ERR_INIT;
	struct span line;
	char *big = rf_alloc(2 * MIB);

	memset(big, 'z', 2 * MIB);
	assert_ok(process_write_line(p, (struct span){ big, 2 * MIB }, &err), &err);
	assert_ok(process_read_line(p, 10 * USEC_PER_SEC, &line, &err), &err);
	assert_int_equal(line.n, 3000000);
	assert_ok(process_read_line(p, 10 * USEC_PER_SEC, &line, &err), &err);
	assert_true(span_eq_text(line, "2097152"));
	rf_free(big);
}

static void deadline_of_a_session(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct process *p = NULL;
	struct span line;
	struct process_options o = { .argv = (const char *const[]){ "sleep", "1000", NULL },
				     .deadline_usec = 100 * USEC_PER_MS,
				     .output_limit_bytes = 100 };

	assert_ok(process_start(&o, &p, &err), &err);
	assert_int_equal(process_read_line(p, 100 * USEC_PER_SEC, &line, &err), RF_ETIMEOUT);
	assert_int_equal(process_write_line(p, SPAN("x"), &err), RF_ETIMEOUT);
	process_freep(&p);
	process_freep(&p);
	assert_ok(process_close(NULL, 0, NULL, &err), &err);
}

static void killed(void **state)
{
	(void)state;
	RF_AUTO_PTR(process) p = start("sleep 1000", 1000);
	struct err err = ERR_INIT;
	struct span line;

	process_kill(p);
	process_kill(p);
	assert_int_equal(process_read_line(p, USEC_PER_SEC, &line, &err), RF_EPROCESS);
	assert_non_null(strstr(err.text, "signal 9"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(question_and_answer),   cmocka_unit_test(many_lines_at_once),
		cmocka_unit_test(a_line_too_long),       cmocka_unit_test(a_child_that_ends),
		cmocka_unit_test(a_child_that_waits),    cmocka_unit_test(both_write_much),
		cmocka_unit_test(deadline_of_a_session), cmocka_unit_test(killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
