/* Base64 (RFC 4648, section 4): the standard alphabet, padded, without line breaks; reading is strict, so that one
 * byte string has one text. */
#include "crypto/sign.h"

void base64_write(struct span bytes, struct str *ret)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)bytes.p;
	char out[4 * 256];
	size_t filled = 0;

	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t left = bytes.n - i;
		uint32_t v =
			(uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);

		out[filled++] = alphabet[v >> 18];
		out[filled++] = alphabet[v >> 12 & 63];
		out[filled++] = left > 1 ? alphabet[v >> 6 & 63] : '=';
		out[filled++] = left > 2 ? alphabet[v & 63] : '=';
		if (filled == sizeof out || left <= 3) {
			str_add(ret, (struct span){ out, filled });
			filled = 0;
		}
	}
}

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four characters, @padding of them '='. -1 for a foreign character or bits set behind the end
 * (RFC 4648, section 3.5). */
static int read_group(const char *p, size_t padding, char bytes[3])
{
	uint32_t v = 0;

	for (size_t k = 0; k < 4; k++) {
		int bits = k >= 4 - padding ? 0 : sextet(p[k]);

		if (bits < 0)
			return -1;
		v = v << 6 | (uint32_t)bits;
	}
	if ((padding == 1 && (v & 0xff) != 0) || (padding == 2 && (v & 0xffff) != 0))
		return -1;
	bytes[0] = (char)(v >> 16);
	bytes[1] = (char)(v >> 8 & 0xff);
	bytes[2] = (char)(v & 0xff);
	return 0;
}

int base64_read(struct span text, struct str *ret, struct err *err)
{
	char out[3 * 256];
	size_t filled = 0;

	if (text.n % 4 != 0)
		return err_set(err, RF_EFORMAT,
			       "base64 comes in groups of four characters (RFC 4648, section 4), these are %zu",
			       text.n);
	for (size_t i = 0; i < text.n; i += 4) {
		bool last = i + 4 == text.n;
		size_t padding = !last || text.p[i + 3] != '=' ? 0 : text.p[i + 2] != '=' ? 1 : 2;

		if (read_group(text.p + i, padding, out + filled) != 0) {
			(void)err_set(err, RF_EFORMAT, "not base64 (RFC 4648, sections 3.5 and 4)");
			(void)err_at_offset(err, i);
			return RF_EFORMAT;
		}
		filled += 3 - padding;
		if (filled + 3 > sizeof out || last) {
			str_add(ret, (struct span){ out, filled });
			filled = 0;
		}
	}
	return str_check(ret, "decoded base64", err);
}
