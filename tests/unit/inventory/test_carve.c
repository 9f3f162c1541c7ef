/* Engines inside of other formats' values: encodings, places, what is cut, what is no such format. */
#include "testing.h"

#include "base/str.h"
#include "inventory/carve.h"
#include "inventory/model.h"

struct seen {
	struct str text;
};

/* "what@offset encoding decoded-bytes first-four" a line */
static int on_part(const struct artifact_source *src, const struct carve_part *part, void *data)
{
	static const char *const encodings[] = { "raw", "latin1", "base64" };
	struct seen *s = data;
	struct carve_decoder d;
	char buffer[7]; /* odd pieces */
	char first[4] = { 0 };
	size_t n = 1, all = 0;
	struct err err = ERR_INIT;
	int rc = 0;
	carve_decoder_init(&d, src, part);
	while (rc == 0 && n) {
		rc = carve_decoder_read(&d, buffer, sizeof buffer, &n, &err);
		if (all == 0 && n >= 4)
			memcpy(first, buffer, 4);
		all += rc == 0 ? n : 0;
	}
	str_addf(&s->text, "%s@%llu %s %zu %.4s%s\n", part->what, (unsigned long long)part->offset,
		 encodings[part->encoding], all, first, rc ? " damaged" : "");
	return 0;
}

static int on_reference(struct span name, void *data)
{
	struct seen *s = data;
	str_addf(&s->text, "beside %.*s\n", SPAN_ARG(name));
	return 0;
}

typedef int walker(const struct artifact_source *, const struct carve *, struct err *);

static void expect(walker *walk, struct span bytes, int rc, int64_t offset, const char *expected)
{
	struct seen seen = { .text = STR_INIT(64 * KIB) };
	struct carve c = { on_part, on_reference, &seen };
	struct err err = ERR_INIT;
	/* the last byte is the last of its allocation */
	char *copy = malloc(bytes.n ? bytes.n : 1);
	assert_non_null(copy);
	memcpy(copy, bytes.p, bytes.n);
	struct artifact_source src = artifact_source_bytes(span_bytes(copy, bytes.n));
	assert_int_equal(walk(&src, &c, &err), rc);
	assert_string_equal(str_text(&seen.text), expected);
	if (rc)
		assert_int_equal(err.offset, offset);
	str_release(&seen.text);
	free(copy);
}

/* What begins like a plan: the magic, then every byte that a text cannot hold as it is. */
static void engine(char ret[256])
{
	for (size_t i = 0; i < 256; i++)
		ret[i] = (char)i;
	memcpy(ret, "ftrt\0\0\0\0", 8);
}

static void add_u32(struct str *s, uint32_t v)
{
	char bytes[4];
	put_le32(bytes, v);
	str_add(s, span_bytes(bytes, 4));
}

static void add_latin1(struct str *to, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= 0x80)
			str_add_byte(to, (char)(0xc0 | c >> 6));
		str_add_byte(to, (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c));
	}
}

static void encodings(void **state)
{
	(void)state;
	char plan[256];
	RF_AUTO(str) text = STR_INIT(64 * KIB), pickle = STR_INIT(64 * KIB);
	engine(plan);
	add_latin1(&text, span_bytes(plan, sizeof plan));
	str_add(&pickle, SPAN("\x80\x02]("));
	str_add(&pickle, SPAN("X")); /* a script's: bytes that are called a text */
	add_u32(&pickle, sizeof plan);
	str_add(&pickle, span_bytes(plan, sizeof plan));
	str_add(&pickle, SPAN("X")); /* Python's, of protocols without bytes */
	add_u32(&pickle, (uint32_t)text.n);
	str_add(&pickle, str_span(&text));
	str_add(&pickle, SPAN("B"));
	add_u32(&pickle, sizeof plan);
	str_add(&pickle, span_bytes(plan, sizeof plan));
	str_add(&pickle, SPAN("C\x04"
			      "ftrt")); /* too short to be one */
	str_add(&pickle, SPAN("e."));
	expect(carve_pickle, str_span(&pickle), 0, 0,
	       "bytes@9 raw 256 ftrt\nbytes@270 latin1 256 ftrt\nbytes@659 raw 256 ftrt\n");
	static const char base64[] = "\x80\x02X\x58\0\0\0"
				     "ZnRydAAAAAAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMk"
				     "JSYnKCkqKywtLi8wMTIzNDU2Nw==.";
	char pickled[sizeof base64];
	memcpy(pickled, base64, sizeof base64);
	expect(carve_pickle, span_bytes(pickled, sizeof pickled - 1), 0, 0, "bytes@7 base64 64 ftrt\n");
	pickled[2] = 'B'; /* b64encode() gives bytes */
	expect(carve_pickle, span_bytes(pickled, sizeof pickled - 1), 0, 0, "bytes@7 base64 64 ftrt\n");
}

static void pickles(void **state)
{
	(void)state;
	static const struct {
		struct span bytes;
		int rc;
		int64_t offset;
	} rows[] = {
		{ SPAN("\x80\x02}."), 0, 0 },
		{ SPAN("\x80\x02K\x01.\x80\x04K\x02.tensors follow"), 0, 0 },
		{ SPAN("\x80\x05\x95\x02\0\0\0\0\0\0\0K\x01."), 0, 0 },
		{ SPAN("\x80\x02"
		       "cbuiltins\nbytearray\n."),
		  0, 0 },
		{ SPAN(""), RF_ETRUNCATED, 0 },
		{ SPAN("\x80\x02}"), RF_ETRUNCATED, 3 },
		{ SPAN("\x80\x02X\x10\0\0\0abc"), RF_ETRUNCATED, 10 },
		{ SPAN("\x80\x02X\x10"), RF_ETRUNCATED, 3 },
		{ SPAN("\x80\x05\x8e\xff\xff\xff\xff\xff\xff\xff\xff"), RF_ETRUNCATED, 11 },
		{ SPAN("\x80\x02"
		       "cno newline"),
		  RF_ETRUNCATED, 13 },
		{ SPAN("\x80\x02\xff"), RF_EFORMAT, 2 },
		/* protocol 0 */
		{ SPAN("(lp0\nI1\naVftrt\\u0000\\u0041 and no more\np1\na."), RF_EUNSUPPORTED, 10 },
		{ SPAN("(lp0\nI1\naS'ftrt\\x00\\x00 and no more'\np1\na."), RF_EUNSUPPORTED, 10 },
		{ SPAN("(lp0\nVZnRydAAAAAAICQoLDA0ODxAREhMUFRYX\np1\na."), RF_EUNSUPPORTED, 6 },
		{ SPAN("(lp0\nI1\naVftr\\u0074\np1\na."), 0, 0 }, /* too short */
		{ SPAN("(lp0\nI1\naVwords \\u\np1\na."), 0, 0 },
		{ SPAN("(lp0\nI1\naV"), RF_ETRUNCATED, 10 },
	};
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		expect(carve_pickle, rows[i].bytes, rows[i].rc, rows[i].offset, "");
}

/* A field of bytes; lengths below 16,384. */
static void add_field(struct str *s, unsigned number, struct span bytes)
{
	str_add_byte(s, (char)(number << 3 | 2));
	str_add_byte(s, (char)((bytes.n & 127) | 128));
	str_add_byte(s, (char)(bytes.n >> 7));
	str_add(s, bytes);
}

static void context_node(struct str *to, struct span value, bool embedded, bool name_last)
{
	RF_AUTO(str) mode = STR_INIT(1 * KIB), context = STR_INIT(4 * KIB), node = STR_INIT(4 * KIB);
	add_field(&mode, 1, SPAN("embed_mode"));
	str_add_byte(&mode, 3 << 3);
	str_add_byte(&mode, embedded);
	if (!name_last)
		add_field(&context, 1, SPAN("ep_cache_context"));
	add_field(&context, 4, value);
	if (name_last)
		add_field(&context, 1, SPAN("ep_cache_context"));
	add_field(&node, 5, str_span(&context));
	add_field(&node, 5, str_span(&mode));
	add_field(&node, 4, SPAN("EPContext"));
	add_field(to, 1, str_span(&node));
}

static void models(void **state)
{
	(void)state;
	char plan[256];
	engine(plan);
	RF_AUTO(str) graph = STR_INIT(16 * KIB), model = STR_INIT(16 * KIB);
	context_node(&graph, span_bytes(plan, sizeof plan), true, false);
	context_node(&graph, SPAN("sub/ctx.engine"), false, true); /* protobuf allows any order */
	str_add(&model, SPAN("\x08\x08"));
	add_field(&model, 7, str_span(&graph));
	static const char both[] = "ep_cache_context@33 raw 256 ftrt\nbeside sub/ctx.engine\n";
	expect(carve_onnx, str_span(&model), 0, 0, both);
	/* cut inside of the engine: what is there is told */
	expect(carve_onnx, span_sub(str_span(&model), 0, 200), RF_ETRUNCATED, 2, "ep_cache_context@33 raw 167 ftrt\n");
	expect(carve_onnx, SPAN("\x08"), RF_ETRUNCATED, 0, "");
	expect(carve_onnx, SPAN("\x0b\x01"), RF_EFORMAT, 0, "");
}

/* Graphs in graphs end at a limit, not at the end of the stack. */
static void deep(void **state)
{
	(void)state;
	RF_AUTO(str) graph = STR_INIT(64 * KIB);
	for (unsigned i = 0; i < MODEL_MAX_SUBGRAPH_DEPTH + 2; i++) {
		RF_AUTO(str) attribute = STR_INIT(64 * KIB), node = STR_INIT(64 * KIB);
		add_field(&attribute, 6, str_span(&graph));
		add_field(&node, 5, str_span(&attribute));
		str_reset(&graph);
		add_field(&graph, 1, str_span(&node));
	}
	RF_AUTO(str) model = STR_INIT(64 * KIB);
	add_field(&model, 7, str_span(&graph));
	struct carve c = { NULL, NULL, NULL };
	struct artifact_source src = artifact_source_bytes(str_span(&model));
	struct err err = ERR_INIT;
	assert_int_equal(carve_onnx(&src, &c, &err), RF_ETOOMANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(encodings), cmocka_unit_test(pickles), cmocka_unit_test(models),
					    cmocka_unit_test(deep) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
