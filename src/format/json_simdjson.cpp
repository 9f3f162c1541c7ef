// json.h's reader: simdjson's DOM parser, walked on its tape, so that a value is document + index and nothing is
// copied.
//
// The one C++ file of the project. The tape is simdjson's documented format (doc/tape.md of simdjson 3): one 64-bit
// word a value, the tag in the top byte; 'l', 'u' and 'd' are followed by a word with the number; '{' and '[' hold in
// their low 32 bits the index behind their closing word; '"' the offset of a 32-bit length and the bytes.

#include <simdjson.h>

#include <cstdarg>
#include <cstring>
#include <new>

extern "C" {
#include "format/json.h"
#include "format/json_int.h"
}

struct json_doc {
	simdjson::dom::parser parser{};
	const uint64_t *tape = nullptr;
	const uint8_t *strings = nullptr;
};

namespace
{

constexpr uint64_t payload_mask = (uint64_t(1) << 56) - 1;
constexpr size_t first_value = 1; // word 0 is the root's

char tag_at(const json_doc *doc, size_t at)
{
	return char(doc->tape[at] >> 56);
}

// Index behind the value at @at.
size_t behind(const json_doc *doc, size_t at)
{
	switch (tag_at(doc, at)) {
	case '{':
	case '[':
		return size_t(doc->tape[at] & 0xffffffff);
	case 'l':
	case 'u':
	case 'd':
		return at + 2;
	default:
		return at + 1;
	}
}

span string_at(const json_doc *doc, size_t at)
{
	const uint8_t *p = doc->strings + (doc->tape[at] & payload_mask);
	uint32_t n;
	memcpy(&n, p, sizeof n);
	return span{ reinterpret_cast<const char *>(p + sizeof n), n };
}

char tag_of(json v)
{
	return v.doc ? tag_at(v.doc, v.at) : '\0';
}

template <typename number> number number_of(json v)
{
	number n;
	static_assert(sizeof n == sizeof v.doc->tape[0], "a number is one word");
	memcpy(&n, &v.doc->tape[v.at + 1], sizeof n);
	return n;
}

int fail(simdjson::error_code code, span bytes, err *err)
{
	switch (code) {
	case simdjson::MEMALLOC:
		return err_set(err, RF_ENOMEM, "out of memory for %zu bytes of JSON", bytes.n);
	case simdjson::CAPACITY:
		return err_set(err, RF_ETOOBIG, "JSON of %zu bytes is over the limit of %zu", bytes.n,
			       size_t(JSON_MAX_BYTES));
	default:
		return json_fail(bytes, simdjson::error_message(code), err);
	}
}

} // namespace

extern "C" {

struct json_doc *json_doc_new(void)
{
	json_doc *doc = new (std::nothrow) json_doc;
	// A small first allocation sets the depth; later ones keep it.
	if (doc && doc->parser.allocate(1024, JSON_MAX_DEPTH) != simdjson::SUCCESS) {
		delete doc;
		return nullptr;
	}
	return doc;
}

void json_doc_free(struct json_doc *doc)
{
	delete doc;
}

void json_doc_freep(struct json_doc **doc)
{
	delete *doc;
	*doc = nullptr;
}

int json_parse(struct json_doc *doc, struct span bytes, struct json *ret_root, struct err *err)
{
	doc->tape = nullptr;
	if (bytes.n > JSON_MAX_BYTES)
		return fail(simdjson::CAPACITY, bytes, err);
	const size_t mark = span_starts(bytes, "\xef\xbb\xbf") ? 3 : 0;
	simdjson::dom::element root;
	// simdjson wants readable bytes behind the text: it copies into a buffer that it keeps.
	const simdjson::error_code code =
		doc->parser.parse(bytes.p ? bytes.p + mark : "", bytes.n - mark, true).get(root);
	if (code != simdjson::SUCCESS)
		return fail(code, bytes, err);
	doc->tape = doc->parser.doc.tape.get();
	doc->strings = doc->parser.doc.string_buf.get();
	*ret_root = json{ doc, first_value };
	return 0;
}

enum json_kind json_kind(struct json v)
{
	switch (tag_of(v)) {
	case 'n':
		return JSON_NULL;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'l':
		return JSON_INT;
	case 'u':
		return JSON_UINT;
	case 'd':
		return JSON_DOUBLE;
	case '"':
		return JSON_STRING;
	case '[':
		return JSON_ARRAY;
	case '{':
		return JSON_OBJECT;
	default:
		return JSON_ABSENT;
	}
}

struct json json_get(struct json v, const char *key)
{
	if (tag_of(v) != '{')
		return json{};
	// by hand, not by json_each(): readers of large objects spend their time here
	const size_t n = strlen(key), end = behind(v.doc, v.at) - 1;
	for (size_t at = v.at + 1; at < end; at = behind(v.doc, at + 1)) {
		const span name = string_at(v.doc, at);
		if (name.n == n && memcmp(name.p, key, n) == 0)
			return json{ v.doc, at + 1 };
	}
	return json{};
}

struct json json_path(struct json v, ...)
{
	va_list keys;
	va_start(keys, v);
	for (const char *key = va_arg(keys, const char *); key && v.doc; key = va_arg(keys, const char *))
		v = json_get(v, key);
	va_end(keys);
	return v;
}

const char *json_twice(struct json v, const char *const *names, size_t n)
{
	uint64_t seen = 0;
	if (tag_of(v) != '{')
		return nullptr;
	for (struct json_each it = json_each(v); json_next(&it);)
		for (size_t i = 0; i < n && i < 64; i++) {
			if (it.key.n != strlen(names[i]) || memcmp(it.key.p, names[i], it.key.n) != 0)
				continue;
			if (seen >> i & 1)
				return names[i];
			seen |= uint64_t{ 1 } << i;
		}
	return nullptr;
}

size_t json_count(struct json v)
{
	size_t n = 0;
	for (struct json_each it = json_each(v); json_next(&it);)
		n++;
	return n;
}

struct span json_string(struct json v)
{
	return tag_of(v) == '"' ? string_at(v.doc, v.at) : span{};
}

bool json_i64(struct json v, int64_t *ret)
{
	// simdjson writes 'u' only for what an int64 does not hold
	if (tag_of(v) != 'l')
		return false;
	*ret = number_of<int64_t>(v);
	return true;
}

bool json_u64(struct json v, uint64_t *ret)
{
	const char tag = tag_of(v);
	if (tag != 'u' && !(tag == 'l' && number_of<int64_t>(v) >= 0))
		return false;
	*ret = number_of<uint64_t>(v);
	return true;
}

bool json_double(struct json v, double *ret)
{
	switch (tag_of(v)) {
	case 'l':
		*ret = double(number_of<int64_t>(v));
		return true;
	case 'u':
		*ret = double(number_of<uint64_t>(v));
		return true;
	case 'd':
		*ret = number_of<double>(v);
		return true;
	default:
		return false;
	}
}

bool json_bool(struct json v, bool *ret)
{
	const char tag = tag_of(v);
	if (tag != 't' && tag != 'f')
		return false;
	*ret = tag == 't';
	return true;
}

struct json_each json_each(struct json v)
{
	struct json_each it {
	};
	const char tag = tag_of(v);
	if (tag != '{' && tag != '[')
		return it;
	it.container = v;
	it.object = tag == '{';
	it.position = v.at + 1;
	it.end = behind(v.doc, v.at) - 1; // the closing word
	return it;
}

bool json_next(struct json_each *it)
{
	if (it->position >= it->end)
		return false;
	const json_doc *doc = it->container.doc;
	if (it->object)
		it->key = string_at(doc, it->position++);
	it->value = json{ doc, it->position };
	it->position = behind(doc, it->position);
	return true;
}

} // extern "C"
