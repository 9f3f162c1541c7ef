/* tar archives, pushed. Rules: POSIX.1-2001 (pax, "pax Interchange Format", "ustar Interchange Format"), GNU tar manual
 * ("Basic Tar Format"), and where they leave room, Go's archive/tar (reader.go). */
#include "format/tar.h"

#include "base/arena.h"
#include "base/str.h"

#include <stdarg.h>

#define BLOCK 512

enum state {
	AT_HEADER,  /* collecting a block */
	IN_DATA,    /* of a member */
	IN_SPECIAL, /* pax records, a GNU long name: collected */
	IN_SPARSE,  /* GNU's extension blocks, between header and data */
	IN_PADDING, /* up to the next block */
	BEHIND_END,
};

struct tar {
	struct tar_visitor visitor;
	uint64_t members_left;
	enum state state;
	uint64_t position;  /* of the archive */
	uint64_t header_at; /* of the block at hand */
	uint64_t left;      /* of data or special */
	unsigned padding;
	char special; /* type of what is collected */
	bool zero_block;    /* one was met: the next must be one too */
	unsigned char block[BLOCK];
	size_t block_bytes;
	struct str text; /* special data */
	/* what the extension headers in front of a member said */
	struct str name, link;
	bool has_name, has_link, has_size, sparse, pax_sparse_name;
	uint64_t size;
	bool pending; /* extension headers were met: a member has to follow */
	struct err *err;
};

struct tar *tar_new(const struct tar_visitor *visitor, uint64_t members)
{
	struct tar *t = rf_alloc(sizeof *t);
	if (!t)
		return NULL;
	t->visitor = *visitor;
	t->members_left = members;
	t->text = STR_INIT(TAR_MAX_SPECIAL_BYTES);
	t->name = t->link = STR_INIT(TAR_MAX_SPECIAL_BYTES);
	return t;
}

void tar_free(struct tar *t)
{
	if (!t)
		return;
	str_release(&t->text);
	str_release(&t->name);
	str_release(&t->link);
	rf_free(t);
}

void tar_freep(struct tar **t)
{
	tar_free(*t);
	*t = NULL;
}

static int RF_PRINTF(2, 3) malformed(struct tar *t, const char *format, ...)
{
	char text[256];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	int rc = err_set(t->err, RF_EFORMAT, "tar: %s", text);
	(void)err_at_offset(t->err, t->header_at);
	return rc;
}

/* ── Fields ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct span field(const unsigned char *block, size_t at, size_t n)
{
	struct span s = span_bytes(block + at, n);
	return span_sub(s, 0, span_find_byte(s, '\0'));
}

/* Octal with blanks and NULs around it, or base-256 when the first bit is set (two's complement, big-endian). */
static bool number(const unsigned char *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	if (p[0] & 0x80) {
		if (p[0] & 0x40)
			return false; /* negative */
		for (size_t i = 0; i < n; i++) {
			if (v >> 55)
				return false;
			v = v << 8 | (i ? p[i] : p[i] & 0x7fu);
		}
		*ret = v;
		return true;
	}
	size_t from = 0, end = n;
	while (from < end && (p[from] == ' ' || p[from] == '\0'))
		from++;
	while (end > from && (p[end - 1] == ' ' || p[end - 1] == '\0'))
		end--;
	for (size_t i = from; i < end && p[i] != '\0'; i++) {
		if (p[i] < '0' || p[i] > '7' || v >> 60)
			return false;
		v = v << 3 | (uint64_t)(p[i] - '0');
	}
	*ret = v;
	return true;
}

/* The sum over the block with the field itself as blanks; old writers took the bytes as signed. */
static bool checksum_holds(const unsigned char *b)
{
	uint64_t told;
	int64_t as_unsigned = 0, as_signed = 0;
	if (!number(b + 148, 8, &told) || told > INT64_MAX)
		return false;
	for (size_t i = 0; i < BLOCK; i++) {
		unsigned char c = i >= 148 && i < 156 ? ' ' : b[i];
		as_unsigned += c;
		as_signed += (signed char)c;
	}
	return (int64_t)told == as_unsigned || (int64_t)told == as_signed;
}

static bool is_zero(const unsigned char *b)
{
	for (size_t i = 0; i < BLOCK; i++)
		if (b[i])
			return false;
	return true;
}

/* ── Extension headers ───────────────────────────────────────────────────────────────────────────────────────────── */

static int take_text(struct tar *t, struct str *to, bool *has, struct span value, const char *what)
{
	if (span_find_byte(value, '\0') != SIZE_MAX)
		return malformed(t, "a %s with a NUL in it", what);
	str_reset(to);
	str_add(to, value);
	*has = value.n > 0; /* an empty value takes the record back (POSIX, pax) */
	return to->failed ? err_set(t->err, to->failed, "tar: a name") : 0;
}

static int take_record(struct tar *t, struct span key, struct span value)
{
	if (span_starts(key, "GNU.sparse.")) {
		t->sparse = true;
		if (!span_eq_text(key, "GNU.sparse.name"))
			return 0;
		t->pax_sparse_name = true; /* stands above `path`, whichever comes first */
		return take_text(t, &t->name, &t->has_name, value, "name");
	}
	if (span_eq_text(key, "path"))
		return t->pax_sparse_name ? 0 : take_text(t, &t->name, &t->has_name, value, "name");
	if (span_eq_text(key, "linkpath"))
		return take_text(t, &t->link, &t->has_link, value, "link");
	if (!span_eq_text(key, "size"))
		return 0;
	t->has_size = value.n > 0;
	if (t->has_size && (!span_u64(value, &t->size) || t->size > INT64_MAX))
		return malformed(t, "the pax record size is no size");
	return 0;
}

/* "27 path=opt/models/a.plan\n": the length counts itself and the newline. */
static int take_records(struct tar *t, struct span s)
{
	while (s.n) {
		uint64_t length;
		size_t blank = span_find_byte(s, ' ');
		if (blank == SIZE_MAX || blank == 0 || blank > 20 || !span_u64(span_sub(s, 0, blank), &length) ||
		    length <= blank + 1 || length > s.n || s.p[length - 1] != '\n')
			return malformed(t, "a pax record's length does not fit");
		struct span record = span_sub(s, blank + 1, (size_t)length - blank - 2);
		size_t equals = span_find_byte(record, '=');
		if (equals == SIZE_MAX || equals == 0)
			return malformed(t, "a pax record without a key");
		int rc = take_record(t, span_sub(record, 0, equals), span_from(record, equals + 1));
		if (rc)
			return rc;
		s = span_from(s, (size_t)length);
	}
	return 0;
}

static int special_end(struct tar *t)
{
	struct span s = str_span(&t->text);
	int rc = 0;
	if (t->text.failed)
		return err_set(t->err, t->text.failed, "tar: an extension header");
	if (t->special == 'x')
		rc = take_records(t, s);
	else if (t->special == 'L')
		rc = take_text(t, &t->name, &t->has_name, span_sub(s, 0, span_find_byte(s, '\0')), "name");
	else if (t->special == 'K')
		rc = take_text(t, &t->link, &t->has_link, span_sub(s, 0, span_find_byte(s, '\0')), "link");
	t->pending = t->pending || t->special != 'g';
	return rc;
}

static int special_begin(struct tar *t, char type, uint64_t size)
{
	if (size > TAR_MAX_SPECIAL_BYTES) {
		int rc = err_set(t->err, RF_ETOOBIG, "tar: an extension header of %llu bytes; at most 1 MiB are read",
				 (unsigned long long)size);
		(void)err_at_offset(t->err, t->header_at);
		return rc;
	}
	t->special = type;
	t->left = size;
	t->padding = (unsigned)(-size % BLOCK);
	str_reset(&t->text);
	t->state = size ? IN_SPECIAL : t->padding ? IN_PADDING : AT_HEADER;
	return size ? 0 : special_end(t);
}

/* ── Members ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static enum tar_type type_of(char flag, struct span name)
{
	switch (flag) {
	case '0':
	case '\0':
	case '7':
	case 'S':
		return flag != 'S' && flag != '7' && span_ends(name, "/") ? TAR_FOLDER : TAR_FILE;
	case '1':
		return TAR_HARD_LINK;
	case '2':
		return TAR_SYMLINK;
	case '5':
		return TAR_FOLDER;
	default:
		return TAR_OTHER;
	}
}

static bool has_no_data(char flag)
{
	return flag >= '1' && flag <= '6';
}

/* A name that is split over two fields: prefix, '/', name. Only where the magic says so. */
static int plain_name(struct tar *t)
{
	const unsigned char *b = t->block;
	struct span prefix = SPAN_NONE;
	if (memcmp(b + 257, "ustar\0", 6) == 0 && memcmp(b + 508, "tar\0", 4) != 0)
		prefix = field(b, 345, 155);
	else if (memcmp(b + 257, "ustar\0", 6) == 0)
		prefix = field(b, 345, 131); /* star */
	str_reset(&t->name);
	str_add(&t->name, prefix);
	if (prefix.n)
		str_add_byte(&t->name, '/');
	str_add(&t->name, field(b, 0, 100));
	return t->name.failed ? err_set(t->err, t->name.failed, "tar: a name") : 0;
}

static void forget_extensions(struct tar *t)
{
	t->has_name = t->has_link = t->has_size = t->sparse = t->pax_sparse_name = t->pending = false;
}

static int member_names(struct tar *t)
{
	int rc = t->has_name ? 0 : plain_name(t);
	if (rc == 0 && !t->has_link) {
		str_reset(&t->link);
		str_add(&t->link, field(t->block, 157, 100));
		rc = t->link.failed ? err_set(t->err, t->link.failed, "tar: a link") : 0;
	}
	if (rc == 0 && t->name.n == 0)
		rc = malformed(t, "a member without a name");
	if (rc == 0 && (t->name.n > TAR_MAX_NAME_BYTES || t->link.n > TAR_MAX_NAME_BYTES)) {
		rc = err_set(t->err, RF_ETOOBIG, "tar: a name of %zu bytes; at most %d are read", RF_MAX(t->name.n, t->link.n),
			     TAR_MAX_NAME_BYTES);
		(void)err_at_offset(t->err, t->header_at);
	}
	return rc;
}

static int member_end(struct tar *t)
{
	t->state = t->padding ? IN_PADDING : AT_HEADER;
	return t->visitor.end(t->visitor.data);
}

static int member_begin(struct tar *t, char flag, uint64_t size)
{
	int rc = member_names(t);
	if (rc)
		return rc;
	if (t->members_left-- == 0)
		return err_set(t->err, RF_ETOOMANY, "tar: more members than are read");
	if (t->has_size)
		size = t->size;
	if (has_no_data(flag))
		size = 0;
	struct tar_member m = { .name = str_span(&t->name),
				.type = type_of(flag, str_span(&t->name)),
				.size = size,
				.sparse = t->sparse || flag == 'S',
				.offset = t->header_at };
	if (m.type == TAR_HARD_LINK || m.type == TAR_SYMLINK)
		m.link = str_span(&t->link);
	t->left = size;
	t->padding = (unsigned)(-size % BLOCK);
	forget_extensions(t);
	rc = t->visitor.begin(&m, t->visitor.data);
	if (rc)
		return rc;
	if (flag == 'S' && t->block[482])
		t->state = IN_SPARSE;
	else if (size)
		t->state = IN_DATA;
	else
		return member_end(t);
	return 0;
}

/* ── Blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int header_take(struct tar *t)
{
	const unsigned char *b = t->block;
	uint64_t size;
	if (is_zero(b)) {
		if (t->zero_block)
			t->state = BEHIND_END;
		t->zero_block = true;
		return t->zero_block && t->pending ? malformed(t, "extension headers without a member") : 0;
	}
	if (t->zero_block)
		return malformed(t, "a block of zeros that ends nothing: what stands behind it would be read by some and not by "
				    "others");
	if (!checksum_holds(b))
		return malformed(t, t->header_at ? "a header whose checksum does not hold" : "no tar archive (the first "
												"header's checksum does not "
												"hold)");
	if (!number(b + 124, 12, &size) || size > INT64_MAX)
		return malformed(t, "a header whose size is no number");
	char flag = (char)b[156];
	if (flag == 'x' || flag == 'g' || flag == 'L' || flag == 'K')
		return special_begin(t, flag, size);
	return member_begin(t, flag, size);
}

/* Of a block that may come in two pieces; false: more is needed. */
static bool block_collect(struct tar *t, struct span *rest)
{
	size_t take = RF_MIN(BLOCK - t->block_bytes, rest->n);
	if (t->block_bytes == 0)
		t->header_at = t->position;
	memcpy(t->block + t->block_bytes, rest->p, take);
	t->block_bytes += take;
	t->position += take;
	*rest = span_from(*rest, take);
	if (t->block_bytes < BLOCK)
		return false;
	t->block_bytes = 0;
	return true;
}

static struct span take(struct tar *t, struct span *rest, uint64_t most)
{
	struct span piece = span_sub(*rest, 0, (size_t)RF_MIN((uint64_t)rest->n, most));
	t->position += piece.n;
	*rest = span_from(*rest, piece.n);
	return piece;
}

static int data_take(struct tar *t, struct span *rest)
{
	struct span piece = take(t, rest, t->left);
	t->left -= piece.n;
	int rc = t->visitor.bytes(piece, t->visitor.data);
	return rc == 0 && t->left == 0 ? member_end(t) : rc;
}

static int special_take(struct tar *t, struct span *rest)
{
	struct span piece = take(t, rest, t->left);
	t->left -= piece.n;
	str_add(&t->text, piece);
	if (t->left)
		return 0;
	t->state = t->padding ? IN_PADDING : AT_HEADER;
	return special_end(t);
}

static int step(struct tar *t, struct span *rest)
{
	switch (t->state) {
	case AT_HEADER:
		return block_collect(t, rest) ? header_take(t) : 0;
	case IN_DATA:
		return data_take(t, rest);
	case IN_SPECIAL:
		return special_take(t, rest);
	case IN_SPARSE: /* 21 entries a block, then "one more follows" */
		if (!block_collect(t, rest) || t->block[504])
			return 0;
		t->state = IN_DATA;
		return t->left ? 0 : member_end(t);
	case IN_PADDING:
		t->padding -= (unsigned)take(t, rest, t->padding).n;
		if (t->padding == 0)
			t->state = AT_HEADER;
		return 0;
	case BEHIND_END:
		(void)take(t, rest, UINT64_MAX);
		return 0;
	}
	return 0;
}

int tar_add(struct tar *t, struct span bytes, struct err *err)
{
	int rc = 0;
	t->err = err;
	while (rc == 0 && bytes.n)
		rc = step(t, &bytes);
	t->err = NULL;
	return rc;
}

int tar_finish(struct tar *t, struct err *err)
{
	/* the last member's padding is missing in what some write */
	bool whole = t->state == BEHIND_END || t->state == IN_PADDING || (t->state == AT_HEADER && t->block_bytes == 0);
	if (whole && !t->pending)
		return 0;
	int rc = err_set(err, RF_ETRUNCATED, "tar: ends inside of a %s",
			 t->state == IN_DATA || t->state == IN_SPARSE ? "member" : "header");
	(void)err_at_offset(err, t->position);
	return rc;
}
