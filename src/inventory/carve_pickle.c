/* Pickles: the opcodes are stepped over, never executed. See carve.h; opcodes by Lib/pickletools.py. */
#include "inventory/carve.h"

/* Names of modules and classes, numbers in decimal. */
#define LINE_MAX_BYTES (64 * KIB)

/* What follows an opcode. */
enum argument {
	BAD = 0, /* no such opcode */
	NONE,
	ONE, /* that many bytes */
	TWO,
	FOUR,
	EIGHT,
	LINE,  /* up to a newline */
	TEXT,  /* the same, of any length, in escapes */
	LINES, /* two of them */
	LONG1, /* a length of one byte, then bytes that are a number */
	LONG4,
	BYTES1, /* the same, then bytes */
	BYTES4,
	BYTES8,
	TEXT1, /* the same, then a text in UTF-8 */
	TEXT4,
	TEXT8,
};

/* clang-format off */
static const unsigned char arguments[256] = {
	/* protocol 0 */
	['('] = NONE, ['.'] = NONE, ['0'] = NONE, ['1'] = NONE, ['2'] = NONE, ['F'] = LINE, ['I'] = LINE, ['L'] = LINE,
	['N'] = NONE, ['P'] = LINE, ['R'] = NONE, ['S'] = TEXT, ['V'] = TEXT, ['a'] = NONE, ['b'] = NONE, ['c'] = LINES,
	['d'] = NONE, ['g'] = LINE, ['i'] = LINES, ['l'] = NONE, ['p'] = LINE, ['s'] = NONE, ['t'] = NONE,
	/* protocol 1 */
	[')'] = NONE, ['G'] = EIGHT, ['J'] = FOUR, ['K'] = ONE, ['M'] = TWO, ['Q'] = NONE, ['T'] = BYTES4,
	['U'] = BYTES1, ['X'] = TEXT4, [']'] = NONE, ['e'] = NONE, ['h'] = ONE, ['j'] = FOUR, ['o'] = NONE, ['q'] = ONE,
	['r'] = FOUR, ['u'] = NONE, ['}'] = NONE,
	/* protocol 2 */
	[0x80] = ONE, [0x81] = NONE, [0x82] = ONE, [0x83] = TWO, [0x84] = FOUR, [0x85] = NONE, [0x86] = NONE,
	[0x87] = NONE, [0x88] = NONE, [0x89] = NONE, [0x8a] = LONG1, [0x8b] = LONG4,
	/* protocol 3 */
	['B'] = BYTES4, ['C'] = BYTES1,
	/* protocol 4 */
	[0x8c] = TEXT1, [0x8d] = TEXT8, [0x8e] = BYTES8, [0x8f] = NONE, [0x90] = NONE, [0x91] = NONE, [0x92] = NONE,
	[0x93] = NONE, [0x94] = NONE, [0x95] = EIGHT,
	/* protocol 5 */
	[0x96] = BYTES8, [0x97] = NONE, [0x98] = NONE,
};
/* clang-format on */

static int ends_inside(struct carve_cursor *k, uint64_t at)
{
	if (k->failed)
		return k->failed;
	(void)err_set(k->err, RF_ETRUNCATED, "the pickle ends inside of an opcode");
	return k->err ? err_at_offset(k->err, RF_MIN(at, k->src->size)) : RF_ETRUNCATED;
}

/* Behind the newline. */
static int line_skip(struct carve_cursor *k, uint64_t most, uint64_t *at)
{
	uint64_t start = *at;
	for (;;) {
		size_t n;
		const unsigned char *p = carve_peek(k, *at, 256, &n);
		const unsigned char *end = p ? memchr(p, '\n', n) : NULL;
		if (end) {
			*at += (uint64_t)(end - p) + 1;
			return 0;
		}
		if (!p || !n)
			return ends_inside(k, *at);
		*at += n;
		if (*at - start > most) {
			(void)err_set(k->err, RF_EFORMAT, "a line of more than %llu bytes in a pickle",
				      (unsigned long long)most);
			return k->err ? err_at_offset(k->err, start) : RF_EFORMAT;
		}
	}
}

/* Protocol 0 writes texts as lines, with escapes: \\u0000, \\x00 and \\0. An engine there is not taken out, and that is
 * said: where it ends is told by no length. */
static int text_skip(struct carve_cursor *k, uint64_t *at)
{
	unsigned char head[32];
	size_t n, got = 0, i = 0;
	const unsigned char *p = carve_peek(k, *at, 6 * sizeof head + 1, &n);
	i += p && n && (p[0] == '\'' || p[0] == '"'); /* of Python 2's str */
	for (; p && i < n && got < sizeof head && p[i] != '\n'; got++) {
		size_t digits = p[i] == '\\' && i + 1 < n ? p[i + 1] == 'u' ? 4 : p[i + 1] == 'x' ? 2 : 0 : 0;
		unsigned char value = p[i++];
		for (size_t d = 0; d < digits && i + 1 + d < n; d++)
			value = (unsigned char)(value << 4 | ((p[i + 1 + d] & 15) + (p[i + 1 + d] >= 'A' ? 9 : 0)));
		head[got] = value;
		i += digits ? digits + 1 : 0;
	}
	if (carve_begins_engine(head, got, k->src->size)) {
		(void)err_set(k->err, RF_EUNSUPPORTED, "an engine as a text of protocol 0, which is not taken out");
		return k->err ? err_at_offset(k->err, *at) : RF_EUNSUPPORTED;
	}
	return line_skip(k, UINT64_MAX, at);
}

/* A length of @width bytes at *at, and what it counts. */
static int counted_skip(struct carve_cursor *k, enum argument kind, unsigned width, uint64_t *at)
{
	size_t n;
	const unsigned char *p = carve_peek(k, *at, width, &n);
	if (!p || n < width)
		return ends_inside(k, *at);
	uint64_t bytes = width == 1 ? p[0] : width == 4 ? le32(p) : le64(p);
	*at += width;
	uint64_t there = k->src->size > *at ? RF_MIN(bytes, k->src->size - *at) : 0;
	if (kind >= BYTES1) {
		int rc = carve_value(k, *at, there, kind >= TEXT1, "bytes", NULL);
		if (rc)
			return rc;
	}
	*at += there;
	return there < bytes ? ends_inside(k, *at) : 0;
}

static int argument_skip(struct carve_cursor *k, enum argument kind, uint64_t *at)
{
	switch (kind) {
	case LINE:
		return line_skip(k, LINE_MAX_BYTES, at);
	case LINES: {
		int rc = line_skip(k, LINE_MAX_BYTES, at);
		return rc ? rc : line_skip(k, LINE_MAX_BYTES, at);
	}
	case TEXT:
		return text_skip(k, at);
	case LONG1:
	case BYTES1:
	case TEXT1:
		return counted_skip(k, kind, 1, at);
	case LONG4:
	case BYTES4:
	case TEXT4:
		return counted_skip(k, kind, 4, at);
	case BYTES8:
	case TEXT8:
		return counted_skip(k, kind, 8, at);
	case EIGHT:
		*at += 8;
		return 0;
	case FOUR:
		*at += 4;
		return 0;
	case TWO:
		*at += 2;
		return 0;
	case ONE:
		*at += 1;
		return 0;
	default:
		return 0;
	}
}

/* One pickle, to behind its STOP. */
static int pickle_walk(struct carve_cursor *k, uint64_t *at)
{
	for (;;) {
		size_t n;
		const unsigned char *p = carve_peek(k, *at, 1, &n);
		if (!p || !n)
			return ends_inside(k, *at);
		unsigned char op = p[0];
		enum argument kind = (enum argument)arguments[op];
		if (kind == BAD) {
			(void)err_set(k->err, RF_EFORMAT, "0x%02x is no opcode of a pickle", op);
			return k->err ? err_at_offset(k->err, *at) : RF_EFORMAT;
		}
		++*at;
		if (op == '.')
			return 0;
		int rc = argument_skip(k, kind, at);
		if (rc)
			return rc;
	}
}

int carve_pickle(const struct artifact_source *src, const struct carve *c, struct err *err)
{
	RF_AUTO_FREE struct carve_cursor *k = rf_alloc(sizeof *k);
	if (!k)
		return err_set(err, RF_ENOMEM, "no memory to read a pickle");
	k->src = src;
	k->c = c;
	k->err = err;
	for (uint64_t at = 0;;) {
		size_t n;
		int rc = pickle_walk(k, &at);
		if (rc)
			return rc;
		/* torch.save() of old wrote several, and raw tensors behind them */
		const unsigned char *p = carve_peek(k, at, 2, &n);
		if (!p || n < 2 || p[0] != 0x80 || p[1] > 5)
			return k->failed;
	}
}
