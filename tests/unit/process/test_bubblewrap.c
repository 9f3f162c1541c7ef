/* bwrap's argument list, and its status documents. */
#include "testing.h"

#include "process/process_int.h"

static void join(const struct bubblewrap_arguments *a, struct str *ret)
{
	for (size_t i = 0; i < a->n; i++)
		str_addf(ret, "%s%s", i ? " " : "", a->list[i]);
}

static const struct system_path SYSTEM[SYSTEM_PATHS] = {
	{ .path = "/usr", .present = true },
	{ .path = "/bin", .present = true, .link = "usr/bin" },
	{ .path = "/lib64", .present = false },
};

#define START \
	"bwrap --unshare-all --new-session --die-with-parent --cap-drop ALL --hostname sandbox --json-status-fd 3 "

static void arguments(void **state)
{
	(void)state;
	static const struct process_bind binds[] = {
		{ .host_path = "/data/model", .inside_path = "/in" },
		{ .host_path = "/data/out", .writable = true },
		{ .host_path = "/dev/nvidia0", .device = true },
	};
	struct process_isolation isolation = { .system_files = true, .binds = binds, .bind_count = 3 };
	struct bubblewrap_arguments a;
	RF_AUTO(str) text = STR_INIT(4 * KIB);

	bubblewrap_build(&isolation, "/data/out", SYSTEM, &a);
	bubblewrap_add(&a, "true");
	join(&a, &text);
	assert_string_equal(str_text(&text), START
			    "--ro-bind /usr /usr --symlink usr/bin /bin --proc /proc --dev /dev --tmpfs /tmp "
			    "--ro-bind /data/model /in --bind /data/out /data/out --dev-bind /dev/nvidia0 /dev/nvidia0 "
			    "--chdir /data/out -- true");
	assert_null(a.list[a.n]);
}

static void nothing_but_the_program(void **state)
{
	(void)state;
	struct process_isolation isolation = { .network = false };
	struct bubblewrap_arguments a;
	RF_AUTO(str) text = STR_INIT(4 * KIB);

	bubblewrap_build(&isolation, NULL, SYSTEM, &a);
	join(&a, &text);
	assert_string_equal(str_text(&text), START "--proc /proc --dev /dev --tmpfs /tmp --chdir / --");
	isolation.network = true;
	bubblewrap_build(&isolation, NULL, SYSTEM, &a);
	assert_string_equal(a.list[2], "--share-net");
}

static void full(void **state)
{
	(void)state;
	struct bubblewrap_arguments a = { .n = 0 };

	for (size_t i = 0; i < BUBBLEWRAP_MAX_ARGUMENTS; i++)
		bubblewrap_add(&a, "x");
	assert_false(a.full);
	bubblewrap_add(&a, "x");
	assert_true(a.full);
	assert_null(a.list[BUBBLEWRAP_MAX_ARGUMENTS]);
}

static const struct {
	const char *documents;
	int child, exit;
} STATUS[] = {
	{ "", 0, -1 },
	{ "{ \"child-pid\": 4711, \"net-namespace\": 4026532, \"pid-namespace\": 4026533 }\n", 4711, -1 },
	{ "{ \"child-pid\": 4711 }\n{ \"exit-code\": 0 }\n", 4711, 0 },
	{ "{ \"child-pid\": 4711 }\n{ \"exit-code\": 137 }\n", 4711, 137 },
	{ "{ \"child-pid\": 99999999999999999999 }\n", 0, -1 },
	{ "{ \"child-pid\": }\n", 0, -1 },
	{ "{ \"child-pid\": 1 }\n", 0, -1 },
};

static void status_documents(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(STATUS); i++) {
		pid_t child;
		int code;

		bubblewrap_status(span_of(STATUS[i].documents), &child, &code);
		assert_int_equal(child, STATUS[i].child);
		assert_int_equal(code, STATUS[i].exit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(arguments), cmocka_unit_test(nothing_but_the_program),
					    cmocka_unit_test(full), cmocka_unit_test(status_documents) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
