/* What the tests of build/ share: a folder of their own, the programs of the build tree, a model that is one in form only. */
#ifndef REFORGE_TESTS_BUILD_HELPER_H
#define REFORGE_TESTS_BUILD_HELPER_H

#include "testing.h"

#include "base/fs.h"
#include "build/engine.h"
#include "format/protobuf.h"
#include "process/process.h"

#include <limits.h>
#include <unistd.h>

static char folder[FS_PATH_MAX];
static struct arena arena;

static inline int folder_setup(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	arena = ARENA_INIT(64 * MIB);
	return fs_temporary_dir("reforge-test-build-", folder, sizeof folder, &e);
}

static inline int folder_teardown(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	arena_release(&arena);
	return fs_remove_tree(folder, &e);
}

static inline const char *in_folder(const char *name)
{
	return arena_printf(&arena, "%s/%s", folder, name);
}

static inline const char *put_file(const char *name, struct span bytes, mode_t mode)
{
	struct err e = ERR_INIT;
	const char *path = in_folder(name);
	assert_ok(fs_write_atomic(path, bytes, mode, &e), &e);
	return path;
}

/* A program of the build tree, by its path below it. */
static inline const char *built_program(const char *name)
{
	char exe[FS_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	assert_true(n > 0);
	exe[n] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(exe, '/') = '\0';
	return arena_printf(&arena, "%s/%s", exe, name);
}

/* ModelProto with an IR version and an empty graph. */
static inline const char *put_model(const char *name)
{
	RF_AUTO(str) model = STR_INIT(4 * KIB);
	protobuf_put_varint(&model, 1, 8);
	protobuf_put_bytes(&model, 7, SPAN("\x12\x01g"));
	RF_AUTO(str) opset = STR_INIT(64);
	protobuf_put_varint(&opset, 2, 13);
	protobuf_put_bytes(&model, 8, str_span(&opset));
	return put_file(name, str_span(&model), 0644);
}

/* The stand-in that copies (tests/bench/copy_driver.c), whose "library" is @text. */
static inline struct toolchain stand_in(const char *version, const char *text)
{
	struct err e = ERR_INIT;
	struct toolchain t = { 0 };
	const char *library = put_file("stand-in-library", span_of(text), 0644);
	assert_ok(toolchain_load(toolchain_kind_find(SPAN("onnxruntime")), version, library,
				 built_program("tests/bench/reforge-stand-in-copy-driver"), NULL, &arena, &t, &e), &e);
	return t;
}

/* The real library of a version, NULL when set-up has not fetched it. */
static inline const char *onnxruntime_library(const char *version)
{
	for (size_t i = 0; i < 2; i++) {
		char *path = arena_printf(&arena, i ? "third_party/onnxruntime/%s/libonnxruntime.so.%s" :
						     "third_party/onnxruntime/%s/libonnxruntime.so.1%.0s", version, version);
		if (fs_exists(path))
			return path;
	}
	return NULL;
}

#define LIMITS ((struct toolchain_limits){ .deadline_usec = 120 * USEC_PER_SEC, .isolation = TOOLCHAIN_ISOLATION_BEST })

#endif
