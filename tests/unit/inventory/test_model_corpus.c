/*
 * Real models: none of them may be refused, and changed copies of them must not get the better of the reader. ONNX's own
 * conformance models (Debian's libonnx-testdata) and those of the demonstration.
 */
#include "reading.h"

#include "base/fs.h"
#include "base/random.h"
#include "inventory/model.h"

#include <unistd.h>

static const char *const folders[] = { "/usr/share/libonnx-testdata/data", "third_party/models" };

/* Of a large model only its beginning and end are changed: between them lie weights, which are stepped over. */
#define EDGE_BYTES 4096
/* In all. */
enum { MUTATIONS = 40000 };

struct corpus {
	size_t models, refused, mutated, told;
	unsigned each; /* copies of each model */
	struct random_stream random;
};

static struct artifact_facts read_model(const char *p, size_t n, struct arena *a)
{
	struct err err = ERR_INIT;
	struct artifact_facts f;
	struct artifact_source src = artifact_source_bytes(span_bytes(p, n));
	assert_ok(artifact_read(&src, SPAN("model.onnx"), 0, a, &f, &err), &err);
	return f;
}

static void count_model(struct corpus *c, const char *path, const struct str *s)
{
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct artifact_facts f = read_model(s->p, s->n, &a);
	c->models++;
	if (!model_kind(f.kind) || model_quarantine(&f)) {
		print_error("%s: %s, %s\n", path, f.kind, f.note_count ? f.notes[0] : "not read");
		c->refused++;
	}
}

static size_t place(struct corpus *c, size_t n)
{
	if (n <= 2 * EDGE_BYTES)
		return (size_t)random_below(&c->random, n);
	size_t at = (size_t)random_below(&c->random, 2 * EDGE_BYTES);
	return at < EDGE_BYTES ? at : n - 2 * EDGE_BYTES + at;
}

/* Bits and bytes set, lengths made to lie, pieces moved, the end cut. */
static size_t mutate(struct corpus *c, char *p, size_t n)
{
	static const char bad[] = { 0, 1, 0x7f, (char)0x80, (char)0xfe, (char)0xff };
	for (uint64_t k = random_below(&c->random, 4) + 1; k > 0; k--) {
		size_t at = place(c, n), other = place(c, n);
		switch (random_below(&c->random, 5)) {
		case 0:
			p[at] = (char)(p[at] ^ (1 << random_below(&c->random, 8)));
			break;
		case 1:
			p[at] = bad[random_below(&c->random, sizeof bad)];
			break;
		case 2:
			p[at]++;
			break;
		case 3:
			memmove(p + at, p + other, RF_MIN((size_t)16, n - RF_MAX(at, other)));
			break;
		default:
			if (random_below(&c->random, 4) == 0)
				n = at + 1;
			break;
		}
	}
	return n;
}

static void change_model(struct corpus *c, const struct str *s)
{
	for (unsigned i = 0; i < c->each; i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		char *copy = malloc(s->n);
		assert_non_null(copy);
		memcpy(copy, s->p, s->n);
		size_t n = mutate(c, copy, s->n);
		char *exact = realloc(copy, n); /* the sanitizer sees a read behind its end */
		struct artifact_facts f = read_model(exact, n, &a);
		/* a finding has a cause and a sentence; what is refused has a rule */
		assert_int_equal(f.finding == ARTIFACT_CLEAR, f.cause[0] == '\0');
		assert_true(f.finding == ARTIFACT_CLEAR || (f.note_count && f.rule_count));
		c->told += f.finding != ARTIFACT_CLEAR;
		c->mutated++;
		free(exact);
	}
}

static int on_file(const struct fs_entry *e, void *data)
{
	struct corpus *c = data;
	struct err err = ERR_INIT;
	RF_AUTO(str) s = STR_INIT(64 * MIB);
	if (e->kind != FS_FILE || !span_ends(span_of(e->name), ".onnx"))
		return 0;
	assert_ok(fs_read(e->path, &s, &err), &err);
	count_model(c, e->path, &s);
	/* of a large one fewer copies: copying it is what takes the time */
	unsigned each = c->each;
	c->each = s.n > MIB ? RF_MIN(each, 8U) : each;
	change_model(c, &s);
	c->each = each;
	return 0;
}

static void test_corpus(void **state)
{
	const char *folder = *state;
	struct err err = ERR_INIT;
	struct corpus c = { .random = { 20260715 } };
	if (!fs_is_dir(folder))
		skip();
	c.each = strstr(folder, "testdata") ? MUTATIONS / 1072 : 200;
	assert_ok(fs_walk(folder, on_file, &c, &err), &err);
	print_message("# %s: %zu models, %zu refused; %zu changed copies, %zu of them told\n", folder, c.models, c.refused,
		      c.mutated, c.told);
	assert_true(c.models > 0);
	assert_int_equal(c.refused, 0);
	assert_true(c.told > c.mutated / 10); /* or the changes are of nothing that is looked at */
	if (strstr(folder, "testdata"))
		assert_int_equal(c.models, 1072);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_corpus, (void *)(uintptr_t)folders[0]),
		cmocka_unit_test_prestate(test_corpus, (void *)(uintptr_t)folders[1]),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
