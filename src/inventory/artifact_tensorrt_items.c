/*
 * The body of a "ptrt" archive, walked from its first item to its last: every length that stands in it must lead to a
 * place inside of it. Source of the format: tensorrt-plan-format, section 2b, and what all plans at hand agree on:
 *
 *   item     u16 type, u16 1, value          a number; its bytes by its type
 *   marker   u16 type, u16 1                 a struct begins, or one inside of it (which has no end of its own)
 *   end      u16                             the complement of the marker's type (P2 to P4)
 *   array    u16 1, u16 element, u16 1, u64 count, the elements without types of their own
 *   text     marker, u64 length, an array of characters of the same length
 *
 * Bit 15 is set in all types of P3 and P4, in P2 in those of structs. Three things are told by their place or by what
 * stands behind them: the weights (a struct of a u64 length and that many bytes, behind the device properties), a
 * struct of two such runs of bytes behind them, and arrays of small structs that are written as they are.
 *
 * Where something has no form that is known here the walk ends, and says so: no later version is accused of anything.
 */
#include "inventory/artifact_int.h"

/* Plans of some hundred layers have some ten thousand items. */
#define MAX_ITEMS ((uint64_t)1 << 24)
#define ARRAY_BYTES 14
#define TYPE_BITS 0x7fff
#define TYPE_OF_SERIALISER 0x8000 /* bit 15 */
/* Structs have types of up to 0x120 in all that was seen; a number that is no type at all ends the walk. */
#define MAX_STRUCT_TYPE 0x400

struct walk {
	struct artifact_reading *r;
	uint64_t at, end;         /* in the file; end: the archive's own, whatever of it is there */
	uint16_t text, character; /* types */
	uint16_t bit;             /* of numbers and arrays */
	bool has_ends;
	bool in_head;       /* no text has come yet */
	bool ended;         /* a struct has ended: the device properties are the first to do so */
	bool quiet;         /* nothing is objected to: would it go on like this? */
	bool lied;          /* a length did */
	uint64_t number_at; /* where the last number ended */
	uint64_t number;    /* and what it was, up to eight bytes */
};

size_t tensorrt_item_bytes(uint16_t type)
{
	switch (type & TYPE_BITS) {
	case TENSORRT_ITEM_U8:
	case TENSORRT_ITEM_BYTE:
	case TENSORRT_ITEM_BOOL:
		return 1;
	case TENSORRT_ITEM_U32:
	case TENSORRT_ITEM_I32:
	case TENSORRT_ITEM_F32:
		return 4;
	case TENSORRT_ITEM_U64:
	case TENSORRT_ITEM_U64_TOO:
		return 8;
	default:
		return 0;
	}
}

/* Bytes of the archive at @at; NULL: it ends before, or the file does. */
static const unsigned char *bytes_at(const struct walk *w, uint64_t at, size_t n)
{
	return at <= w->end && n <= w->end - at ? artifact_at(w->r, at, n) : NULL;
}

/* The bytes of a number of this type, 0: it is none. In P1 and P2 the types of structs may have its other bits. */
static size_t number_bytes(const struct walk *w, uint16_t type)
{
	return (type & TYPE_OF_SERIALISER) == w->bit ? tensorrt_item_bytes(type) : 0;
}

static bool is_array(const struct walk *w, const unsigned char *p)
{
	return le16(p) == (w->bit | TENSORRT_ITEM_ARRAY);
}

static bool is_struct_type(const struct walk *w, uint16_t type)
{
	unsigned plain = type & TYPE_BITS;
	if (w->bit && !(type & TYPE_OF_SERIALISER))
		return false;
	return plain > 1 && plain < MAX_STRUCT_TYPE;
}

static bool is_end(const struct walk *w, const unsigned char *p)
{
	uint16_t type = (uint16_t)~le16(p);
	return w->has_ends && ((type & TYPE_OF_SERIALISER) || !w->bit) && (type & TYPE_BITS) > TENSORRT_ITEM_F32 &&
	       (type & TYPE_BITS) < MAX_STRUCT_TYPE;
}

/* An item, an array or an end may stand here. */
static bool is_form(const struct walk *w, const unsigned char *p)
{
	if (is_array(w, p) || is_end(w, p))
		return true;
	return le16(p + 2) == 1 && (number_bytes(w, le16(p)) || is_struct_type(w, le16(p)));
}

static bool form_at(const struct walk *w, uint64_t at)
{
	const unsigned char *p = bytes_at(w, at, 4);
	return p ? is_form(w, p) : at == w->end;
}

/* A length of elements of @each bytes that follow at @at. What a cut file lacks has been said: the archive's own end
 * counts.
 */
static bool length_fits(struct walk *w, uint64_t length, uint64_t each, uint64_t length_at, uint64_t at,
			const char *what)
{
	uint64_t room = w->end - RF_MIN(w->end, at);
	if (length <= room / each || w->quiet)
		return length <= room / each;
	w->lied = true;
	artifact_object(w->r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "length_past_end",
			"%s at offset %llu has a length of %llu, the archive ends after %llu bytes", what,
			(unsigned long long)length_at, (unsigned long long)length, (unsigned long long)room);
	return false;
}

/* Structs that are written as they are, 4 or 8 bytes each: what comes behind them shows it. */
static bool elements_plain(struct walk *w, uint64_t count)
{
	for (unsigned each = 4; each <= 8; each += 4)
		if (count <= (w->end - w->at) / each && form_at(w, w->at + each * count)) {
			w->at += each * count;
			return true;
		}
	return false;
}

/* False: the walk ends here. */
static bool array_pass(struct walk *w)
{
	const unsigned char *p = bytes_at(w, w->at, ARRAY_BYTES);
	if (!p || le16(p + 4) != 1)
		return false;
	uint16_t element = le16(p + 2);
	uint64_t count_at = w->at + 6, count = le64(p + 6);
	bool characters = element == w->character;
	size_t each = characters ? 1 : number_bytes(w, element);
	if (!each && is_struct_type(w, element) && le16(p + 8) == 1 && number_bytes(w, le16(p + 6))) {
		/* an enumeration: the type of its numbers stands in between */
		each = number_bytes(w, le16(p + 6));
		count_at += 4;
		if (!(p = bytes_at(w, count_at, 8)))
			return false;
		count = le64(p);
	}
	p = bytes_at(w, count_at + 8, 4);
	if (each && p && w->has_ends && !w->bit && le16(p) == element && le16(p + 2) == 1)
		each += 4; /* P2 gives the numbers of some arrays a type each */
	if (!length_fits(w, count, each ? each : 1, count_at, count_at + 8, characters ? "a text" : "an array"))
		return false;
	w->at = count_at + 8;
	if (each) {
		w->at += each * count;
		return true;
	}
	/* arrays and structs: their items follow */
	if (count == 0 || element == (w->bit | TENSORRT_ITEM_ARRAY) || form_at(w, w->at))
		return element != w->text || count == 0;
	return is_struct_type(w, element) && elements_plain(w, count);
}

static bool text_pass(struct walk *w)
{
	const unsigned char *p = bytes_at(w, w->at, 12 + ARRAY_BYTES);
	w->in_head = false;
	if (!p || !is_array(w, p + 12) || le16(p + 14) != w->character)
		return false;
	uint64_t length = le64(p + 4), again = le64(p + 18);
	if (!length_fits(w, length, 1, w->at + 4, w->at + 12 + ARRAY_BYTES, "a text"))
		return false;
	if (length != again && again <= w->end - w->at && !w->quiet)
		artifact_object(w->r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "length_mismatch",
				"a text at offset %llu has a length of %llu, its characters one of %llu",
				(unsigned long long)(w->at + 4), (unsigned long long)length, (unsigned long long)again);
	w->at += 12;
	return array_pass(w);
}

/* Behind the first run of bytes: a u64 length, the second run, an i32, two u64. Where that ends; 0: something else. */
static bool second_run(struct walk *w, uint64_t at, uint64_t *ret)
{
	const unsigned char *p = bytes_at(w, at, 12);
	if (!p || tensorrt_item_bytes(le16(p)) != 8 || le16(p + 2) != 1)
		return false;
	uint64_t length = le64(p + 4);
	*ret = UINT64_MAX; /* the walk is over */
	if (!length_fits(w, length, 1, at + 4, at + 12, "a run of bytes"))
		return true;
	*ret = at + 12 + length;
	p = bytes_at(w, *ret, 4);
	return p && number_bytes(w, le16(p)) == 4 && le16(p + 2) == 1;
}

/* A struct behind the device properties that begins with a u64: a length, and so many bytes. */
static bool bytes_pass(struct walk *w, uint16_t type)
{
	const unsigned char *p = bytes_at(w, w->at, 12);
	if (!w->ended || !w->in_head || !p || number_bytes(w, le16(p)) != 8 || le16(p + 2) != 1)
		return true;
	uint64_t length = le64(p + 4), next = w->at + 12, past;
	if (!length_fits(w, length, 1, w->at + 4, next, "the weights"))
		return false;
	next += length;
	if ((p = bytes_at(w, next, 2)) && le16(p) == (~(unsigned)type & 0xffff))
		w->at = next;
	else if (second_run(w, next, &past))
		w->at = past;
	return w->at != UINT64_MAX;
}

static bool number_pass(struct walk *w, size_t bytes)
{
	const unsigned char *p = bytes_at(w, w->at, 4 + bytes);
	if (!p)
		return false;
	w->number = bytes == 8 ? le64(p + 4) : bytes == 4 ? le32(p + 4) : p[4];
	w->number_at = w->at += 4 + bytes;
	return true;
}

static bool item_pass(struct walk *w)
{
	const unsigned char *p = bytes_at(w, w->at, 2);
	if (p && is_end(w, p)) {
		w->ended = true;
		w->at += 2;
		return true;
	}
	p = bytes_at(w, w->at, 4);
	if (p && is_array(w, p))
		return array_pass(w);
	if (!p || !is_form(w, p))
		return false;
	uint16_t type = le16(p);
	size_t bytes = number_bytes(w, type);
	if (bytes)
		return number_pass(w, bytes);
	if (type == w->text)
		return text_pass(w);
	w->at += 4;
	return bytes_pass(w, type);
}

/* Up to the end, or to what has no form. */
static void items_pass(struct walk *w)
{
	for (uint64_t n = 0; w->at < w->end && w->at < w->r->src->size && !w->r->failed; n++) {
		if (n == MAX_ITEMS) {
			if (!w->quiet)
				artifact_object(w->r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE, "too_many_items",
						"more than %llu items: those behind offset %llu were not looked at",
						(unsigned long long)MAX_ITEMS, (unsigned long long)w->at);
			return;
		}
		if (!item_pass(w))
			return;
	}
}

/*
 * What has no form may be one of a later version. But where the last thing was a number, and all behind the next 5, 8
 * or 12 bytes has its form again up to the archive's very end, these bytes were a number's, too, and its type was
 * changed. A number that counts the bytes behind it would look the same, and is left alone.
 */
static void malformed_check(const struct walk *stopped)
{
	static const unsigned bytes[] = { 5, 8, 12 };
	if (stopped->number_at != stopped->at || stopped->end > stopped->r->src->size)
		return;
	for (size_t i = 0; i < RF_COUNT(bytes); i++) {
		struct walk w = *stopped;
		w.quiet = true;
		w.at += bytes[i];
		if (w.number == bytes[i] || w.at >= w.end)
			continue;
		items_pass(&w);
		if (w.at != w.end)
			continue;
		artifact_object(w.r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "item_malformed",
				"at offset %llu stands no item, and items on either side of it",
				(unsigned long long)stopped->at);
		return;
	}
}

void tensorrt_items_walk(struct artifact_reading *r, const struct tensorrt_archive *archive, uint64_t at, uint64_t end)
{
	struct walk w = {
		.r = r, .at = at, .end = end, .text = 0x8018, .character = 0x800c, .bit = TYPE_OF_SERIALISER
	};
	w.in_head = !archive->cache; /* caches have no weights */
	w.has_ends = true;
	if (archive->layout[1] == '1') {
		w.text = 0x0e;
		w.character = 0x0d;
		w.bit = 0;
		w.has_ends = false;
	} else if (archive->layout[1] == '2') {
		w.text = 0x8002;
		w.character = 0x0c;
		w.bit = 0;
	}
	items_pass(&w);
	if (w.at < w.end && !w.lied && !r->failed)
		malformed_check(&w);
	artifact_evidence(r, "items of the archive", at, NULL, 0, "read up to offset %llu of %llu",
			  (unsigned long long)w.at, (unsigned long long)w.end);
}
