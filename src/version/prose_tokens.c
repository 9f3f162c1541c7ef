/* Statements cut into words, versions and signs. */
#include "version/prose_int.h"

#include "version/range.h"
#include "version/scheme_int.h"

/* ── What stands for a blank, a sign ────────────────────────────────────────────────────────────────────────────── */

static const struct {
	const char *bytes, *sign; /* sign "" is a blank */
	bool word;                /* @sign is a word */
} spellings[] = {
	{ " ", "" },
	{ "\t", "" },
	{ "\\t", "" }, /* escaped once too often, as exports of tables do */
	{ "\\n", ";" },
	{ "\r", "" },
	{ "\n", ";" },
	{ "\"", "" },
	{ "`", "" },
	{ "\xC2\xA0", "" },     /* no-break space */
	{ "\xC2\xAE", "" },     /* registered */
	{ "\xE2\x84\xA2", "" }, /* trade mark */
	{ "\xE2\x80\x8B", "" }, /* zero width space */
	{ "\xE2\x80\x89", "" }, /* thin space */
	{ "\xE2\x80\xAF", "" }, /* narrow no-break space */
	{ "\xEF\xBB\xBF", "" }, /* byte order mark */
	{ "\xE2\x80\x9C", "" }, /* quotes */
	{ "\xE2\x80\x9D", "" },
	{ "\xE2\x80\x90", "-" }, /* hyphens and dashes */
	{ "\xE2\x80\x91", "-" },
	{ "\xE2\x80\x92", "-" },
	{ "\xE2\x80\x93", "-" },
	{ "\xE2\x80\x94", "-" },
	{ "\xE2\x88\x92", "-" },
	{ "\xE2\x89\xA4", "<=" },
	{ "\xE2\x89\xA5", ">=" },
	{ "\xE2\x89\xA6", "<=" },
	{ "\xE2\x89\xA7", ">=" },
	{ "\xC2\xAD", "" },     /* soft hyphen */
	{ "\xE2\x80\x82", "" }, /* en and em space, figure, punctuation and hair space, joiners */
	{ "\xE2\x80\x83", "" },
	{ "\xE2\x80\x87", "" },
	{ "\xE2\x80\x88", "" },
	{ "\xE2\x80\x8A", "" },
	{ "\xE2\x80\x8C", "" },
	{ "\xE2\x80\x8D", "" },
	{ "\xE2\x81\xA0", "" },
	{ "\xE2\x80\x98", "" }, /* quotes */
	{ "\xE2\x80\x99", "" },
	/* full-width signs, as input methods for Chinese write them */
	{ "\xE3\x80\x80", "" },
	{ "＜＝", "<=" },
	{ "＜=", "<=" },
	{ "＞＝", ">=" },
	{ "＞=", ">=" },
	{ "＜", "<" },
	{ "＞", ">" },
	{ "＝", "=" },
	{ "（", "(" },
	{ "）", ")" },
	{ "【", "[" },
	{ "】", "]" },
	{ "，", "," },
	{ "、", "," },
	{ "；", ";" },
	{ "：", ":" },
	{ "。", ";" },
	{ "～", "-" },
	{ "〜", "-" },
	{ "－", "-" },
	{ "＋", "+" },
	{ "＆", "&" },
	/* Chinese, for national databases: words of the grammar; longer ones first where one begins another */
	{ "小于等于", "<=" },
	{ "小于或等于", "<=" },
	{ "不高于", "<=" },
	{ "不大于", "<=" },
	{ "大于等于", ">=" },
	{ "大于或等于", ">=" },
	{ "不低于", ">=" },
	{ "不小于", ">=" },
	{ "小于", "<" },
	{ "低于", "<" },
	{ "早于", "<" },
	{ "大于", ">" },
	{ "高于", ">" },
	{ "晚于", ">" },
	{ "之前", "zh-before", true },
	{ "以前", "zh-before", true },
	{ "以下", "zh-below", true },
	{ "更早", "earlier", true },
	{ "更低", "earlier", true },
	{ "以上", "onwards", true },
	{ "之后", "onwards", true },
	{ "以后", "onwards", true },
	{ "更高", "onwards", true },
	{ "更新", "onwards", true },
	{ "所有", "all", true },
	{ "全部", "all", true },
	{ "任何", "all", true },
	{ "版本", "versions", true },
	{ "版", "versions", true },
	{ "和", "and", true },
	{ "与", "and", true },
	{ "及", "and", true },
	{ "或", "and", true },
	{ "从", "from", true },
	{ "自", "from", true },
	{ "起", "", false },
	{ "的", "", false },
	{ "至", "-" },
	{ "到", "-" },
	{ "&nbsp;", "" },
	{ "&#160;", "" },
	{ "&#xA0;", "" },
	{ "&reg;", "" },
	{ "&trade;", "" },
	{ "&quot;", "" },
	{ "&#34;", "" },
	{ "&lt;=", "<=" },
	{ "&gt;=", ">=" },
	{ "&lt;", "<" },
	{ "&gt;", ">" },
	{ "&le;", "<=" },
	{ "&ge;", ">=" },
	{ "&#60;", "<" },
	{ "&#62;", ">" },
	{ "&amp;", "&" },
	{ "&ndash;", "-" },
	{ "&mdash;", "-" },
	{ "&#8211;", "-" },
	{ "<=", "<=" },
	{ "=<", "<=" },
	{ ">=", ">=" },
	{ "=>", ">=" },
	{ "==", "=" },
	{ "&&", "&" },
	{ "<", "<" },
	{ ">", ">" },
	{ "=", "=" },
	{ "(", "(" },
	{ ")", ")" },
	{ "[", "[" },
	{ "]", "]" },
	{ ",", "," },
	{ ";", ";" },
	{ "|", "|" },
};

/* Tags that bulletins have in their texts; those that begin a line part statements. */
static const struct {
	const char *name;
	bool line;
} tags[] = {
	{ "a", false },   { "b", false },    { "i", false },      { "u", false },    { "em", false }, { "sup", false },
	{ "sub", false }, { "span", false }, { "strong", false }, { "font", false }, { "br", true },  { "p", true },
	{ "div", true },  { "li", true },    { "ul", true },      { "ol", true },    { "td", true },  { "tr", true },
};

/* "<a href=...>", "</div>", "<br/>" at the front; its bytes, 0 for none. */
static size_t tag_at(struct span s, const char **ret_sign)
{
	if (s.n < 3 || s.p[0] != '<')
		return 0;
	size_t i = s.p[1] == '/' ? 2 : 1, from = i, end = span_find_byte(s, '>');
	while (i < s.n && scheme_is_letter(s.p[i]))
		i++;
	for (size_t t = 0; end != SIZE_MAX && t < RF_COUNT(tags); t++)
		if (span_eq_nocase(span_sub(s, from, i - from), span_of(tags[t].name)) &&
		    (s.p[i] == '>' || s.p[i] == '/' || s.p[i] == ' ')) {
			*ret_sign = tags[t].line ? ";" : "";
			return end + 1;
		}
	return 0;
}

static size_t spelling_at(struct span s, const char **ret_sign, bool *ret_word)
{
	*ret_word = false;
	if (scheme_is_digit(s.p[0]) || scheme_is_letter(s.p[0]) || s.p[0] == '.')
		return 0;
	size_t tag = tag_at(s, ret_sign);
	for (size_t i = 0; !tag && i < RF_COUNT(spellings); i++)
		if (span_starts_nocase(s, spellings[i].bytes)) {
			*ret_sign = spellings[i].sign;
			*ret_word = spellings[i].word;
			return strlen(spellings[i].bytes);
		}
	return tag;
}

static void push(struct prose *p, enum token_kind kind, struct span text, size_t offset, size_t bytes)
{
	if (p->count == PROSE_MAX_TOKENS)
		p->too_many = true;
	else
		p->tokens[p->count++] = (struct token){ kind, text, offset, bytes };
}

static void push_sign(struct prose *p, const char *sign, size_t offset, size_t bytes)
{
	enum token_kind kind = *sign == '(' || *sign == '['   ? TOKEN_OPEN
			       : *sign == ')' || *sign == ']' ? TOKEN_CLOSE
							      : TOKEN_SIGN;
	push(p, kind, span_of(sign), offset, bytes);
}

/* ── Words ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

bool prose_is_zero(struct span s)
{
	if (s.n > 1 && (s.p[0] == 'v' || s.p[0] == 'V'))
		s = span_from(s, 1);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != (i % 2 ? '.' : '0'))
			return false;
	return s.n % 2 == 1;
}

static bool is_version(const struct prose *p, struct span s)
{
	return prose_is_zero(s) || version_is_readable(p->scheme, s) || range_is_family(p->scheme, s);
}

/*
 * "0.0-26.05", "9.0-9.2" and "1.5-2.1.0" are two versions, "1.3.0-rc1", "2.8.2-46" and OFED's "5.8-7.0.6.1" are one.
 * Where the scheme reads the whole, it is two if they ascend and have about as many parts, several each, or if the first
 * is zero: as one version a range would hold next to nothing.
 */
static bool is_two(const struct prose *p, struct span left, struct span right)
{
	if (!is_version(p, left) || !is_version(p, right))
		return false;
	struct version_key a, b, whole;
	struct span both = { left.p, (size_t)(right.p - left.p) + right.n };
	if (!version_read(p->scheme, both, &whole) || prose_is_zero(left))
		return true;
	return version_read(p->scheme, left, &a) && version_read(p->scheme, right, &b) &&
	       a.part_count > 1 && b.part_count > 1 && b.part_count <= a.part_count + 1 && !b.tag_count &&
	       version_key_compare(p->scheme, &a, &b) == VERSION_LESS;
}

static void push_word(struct prose *p, struct span word);

static bool push_split(struct prose *p, struct span word, size_t i, const char *sign)
{
	size_t offset = (size_t)(word.p - p->text.p);
	push_word(p, span_sub(word, 0, i));
	push_sign(p, sign, offset + i, 1);
	push_word(p, span_from(word, i + 1));
	return true;
}

/* "1.0-1.4", "1.0~1.4", "1.3.0/1.3.1", "JP5.x:", "LTS:2.8.2", "1.5+" */
static bool split_word(struct prose *p, struct span word)
{
	for (size_t i = 0; i < word.n; i++) {
		struct span left = span_sub(word, 0, i), right = span_from(word, i + 1);
		char c = word.p[i];
		if ((c == '-' || c == '~') && left.n && right.n && is_two(p, left, right))
			return push_split(p, word, i, "-");
		if (c == '/' && left.n && right.n && is_version(p, left) && is_version(p, right))
			return push_split(p, word, i, ",");
		if (c == ':' && !span_is_digits(left))
			return push_split(p, word, i, ":");
		if (c == '+' && !right.n && left.n && is_version(p, left))
			return push_split(p, word, i, "+");
	}
	return false;
}

/* "version", "ver.", "v." right in front of a number: its bytes. */
static size_t glued_prefix(struct span word)
{
	static const char *const prefixes[] = { "version", "ver.", "ver", "v." };
	for (size_t i = 0; i < RF_COUNT(prefixes); i++) {
		size_t n = strlen(prefixes[i]);
		if (span_starts_nocase(word, prefixes[i]) && word.n > n && scheme_is_digit(word.p[n]))
			return n;
	}
	return 0;
}

static void push_word(struct prose *p, struct span word)
{
	size_t offset = (size_t)(word.p - p->text.p);
	if (!word.n)
		return;
	if (word.n == 1 && (word.p[0] == '-' || word.p[0] == '~' || word.p[0] == ':' || word.p[0] == '+')) {
		push_sign(p, word.p[0] == ':' ? ":" : word.p[0] == '+' ? "+" : "-", offset, 1);
		return;
	}
	if (word.n == 1 && word.p[0] == '\'')
		return;
	if (word.n > 1 && (span_ends(word, ".") || span_ends(word, "'"))) { /* the end of a sentence */
		push_word(p, span_sub(word, 0, word.n - 1));
		return;
	}
	size_t prefix = glued_prefix(word);
	if (prefix) { /* "Ver.2.30", "Version3.0.10" */
		push_word(p, span_from(word, prefix));
		return;
	}
	if (!split_word(p, word))
		push(p, TOKEN_WORD, word, offset, word.n);
}

void prose_tokenise(struct prose *p)
{
	struct span s = p->text;
	size_t i = 0, start = 0;
	while (i < s.n) {
		const char *sign = "";
		bool word;
		size_t bytes = spelling_at(span_from(s, i), &sign, &word);
		if (!bytes) {
			i++;
			continue;
		}
		push_word(p, span_sub(s, start, i - start));
		if (word)
			push(p, TOKEN_WORD, span_of(sign), i, bytes);
		else if (*sign)
			push_sign(p, sign, i, bytes);
		i += bytes;
		start = i;
	}
	push_word(p, span_sub(s, start, i - start));
}

bool token_is(const struct token *t, const char *word)
{
	return span_eq_nocase(t->text, span_of(word));
}

bool token_is_among(const struct token *t, struct span words)
{
	struct span one;
	while (span_split(&words, '/', &one))
		if (one.n == t->text.n && span_eq_nocase(t->text, one))
			return true;
	return false;
}

bool token_is_one_of(const struct token *t, const char *words)
{
	return token_is_among(t, span_of(words));
}

/* ── Words that say nothing ─────────────────────────────────────────────────────────────────────────────────────── */

static const char *const noise[] = {
	"all",        "any",          "every",         "each",     "the",       "of",         "version",
	"versions",   "release",      "releases",      "driver",   "drivers",   "firmware",   "software",
	"library",    "libraries",    "package",       "packages", "build",     "builds",     "branch",
	"branches",   "container",    "containers",    "image",    "images",    "tag",        "tags",
	"ngc",        "sbios",      "bmc",          "vbios",         "bios",     "main",      "code",       "supported",
	"affected",   "following",    "nvidia",        "v",        "ver",       "vers",       "product",
	"products",   "installation", "installations", "lts",      "ga",        "stable",     "component",
	"components", "these",        "those",         "series",   "candidate", "candidates", "are",
};

/* The stack's names, for statements that come without their product. */
static const char *const PROSE_PRODUCTS[] = {
	"cuda",    "toolkit", "tensorrt",   "tensorrt-llm", "triton", "inference", "server", "onnx",
	"runtime", "nvjpeg",  "nvjpeg2000", "nvtiff",       "dali",   "dcgm",      "vgpu",
};

/* Words that a product's name may have, but that mean something in a statement. */
static bool is_grammar_word(struct span word)
{
	static const char *const words[] = { "and",   "or",        "to",      "for",    "in",     "on",    "with",
					     "from",  "including", "prior",   "before", "up",     "until", "not",
					     "after", "later",     "earlier", "than",   "between" };
	for (size_t i = 0; i < RF_COUNT(words); i++)
		if (span_eq_nocase(word, span_of(words[i])))
			return true;
	return false;
}

static bool is_product_word(struct span product, struct span word)
{
	if (is_grammar_word(word))
		return false;
	while (product.n) {
		size_t n = 0;
		while (n < product.n && product.p[n] != ' ' && product.p[n] != ',' && product.p[n] != '/' &&
		       product.p[n] != '(' && product.p[n] != ')' && product.p[n] != '\t')
			n++;
		if (n && span_eq_nocase(span_sub(product, 0, n), word))
			return true;
		product = span_from(product, n + 1);
	}
	return false;
}

static bool word_is_noise(const struct prose *p, struct span word)
{
	for (size_t i = 0; i < RF_COUNT(noise); i++)
		if (span_eq_nocase(word, span_of(noise[i])))
			return true;
	if (p->product.n)
		return is_product_word(p->product, word);
	for (size_t i = 0; i < RF_COUNT(PROSE_PRODUCTS); i++)
		if (span_eq_nocase(word, span_of(PROSE_PRODUCTS[i])))
			return true;
	return false;
}

/* "nvidia-container-toolkit": every part says nothing. "TensorRT-LLM" in TensorRT's row does not pass. */
static bool parts_are_noise(const struct prose *p, struct span word)
{
	struct span part;
	size_t parts = 0;
	while (span_split(&word, '-', &part)) {
		if (!part.n || !word_is_noise(p, part))
			return false;
		parts++;
	}
	return parts > 1;
}

/* "TensorRT LLM" where the product is "TensorRT-LLM": the halves count together only. */
static bool is_half(const struct prose *p, size_t first)
{
	if (first + 1 >= p->count || p->tokens[first].kind != TOKEN_WORD || p->tokens[first + 1].kind != TOKEN_WORD)
		return false;
	struct span a = p->tokens[first].text, b = p->tokens[first + 1].text;
	char both[128];
	if (a.n + b.n + 1 > sizeof both)
		return false;
	memcpy(both, a.p, a.n);
	both[a.n] = '-';
	memcpy(both + a.n + 1, b.p, b.n);
	return is_product_word(p->product, (struct span){ both, a.n + b.n + 1 });
}

bool token_is_noise(const struct prose *p, size_t at)
{
	const struct token *t = &p->tokens[at];
	if (t->kind != TOKEN_WORD)
		return false;
	return word_is_noise(p, t->text) || parts_are_noise(p, t->text) || is_half(p, at) ||
	       (at > 0 && is_half(p, at - 1));
}

/* ── Versions ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Most words of one version: "3.40 R5 build 571848". */
#define VERSION_MAX_WORDS 4

static struct span fill_digits(const struct prose *p, struct span head, size_t open, char digit)
{
	char text[VERSION_MAX_BYTES];
	memcpy(text, head.p, head.n);
	memset(text + head.n, digit, open);
	return arena_span(p->a, (struct span){ text, head.n + open });
}

/* "25.02.3xxx": digits left open at the end. False when it is not that, or when memory is out. */
static bool read_open_digits(const struct prose *p, struct span word, struct bound_text *ret)
{
	size_t n = word.n;
	while (n > 0 && (word.p[n - 1] | 0x20) == 'x')
		n--;
	if (n == word.n || n < 3 || word.n >= VERSION_MAX_BYTES || !scheme_is_digit(word.p[n - 1]) ||
	    !version_is_readable(p->scheme, span_sub(word, 0, n)))
		return false;
	ret->text = fill_digits(p, span_sub(word, 0, n), word.n - n, '0');
	ret->last = fill_digits(p, span_sub(word, 0, n), word.n - n, '9');
	return ret->text.p && ret->last.p;
}

/* "13.2 (Update 2)", "1.3.0 (rc14)", "1.3.0 release candidate 14": words behind the version that belong to it, though
 * they stand apart. The tokens they take, 0 when they do not; *ret is then one text. */
static size_t read_apart(const struct prose *p, struct span version, size_t at, struct bound_text *ret)
{
	struct str text = STR_INIT(4 * VERSION_MAX_BYTES);
	size_t end = at;
	str_add(&text, version);
	if (at + 2 < p->count && token_is(&p->tokens[at], "release") && token_is(&p->tokens[at + 1], "candidate")) {
		end = at + 3;
		str_addf(&text, " rc%.*s", SPAN_ARG(p->tokens[at + 2].text));
	} else if (at < p->count && p->tokens[at].kind == TOKEN_OPEN) {
		for (end = at + 1; end < p->count && p->tokens[end].kind == TOKEN_WORD; end++)
			str_addf(&text, " %.*s", SPAN_ARG(p->tokens[end].text));
		end = end < p->count && p->tokens[end].kind == TOKEN_CLOSE ? end + 1 : at;
	}
	bool read = end > at && !text.failed && version_is_readable(p->scheme, str_span(&text));
	if (read)
		ret->text = arena_span(p->a, str_span(&text));
	str_release(&text);
	return read && ret->text.p ? end - at : 0;
}

static size_t plain_version_at(const struct prose *p, size_t at, struct bound_text *ret)
{
	struct span first = p->tokens[at].text;
	size_t most = p->scheme->equality_only ? 1 : VERSION_MAX_WORDS; /* any words at all are readable there */
	for (size_t n = RF_MIN(p->count - at, most); n > 0; n--) {
		const struct token *last = &p->tokens[at + n - 1];
		bool words = true;
		for (size_t i = 1; i < n; i++)
			words &= p->tokens[at + i].kind == TOKEN_WORD;
		if (!words)
			continue;
		struct span text =
			span_sub(p->text, p->tokens[at].offset, last->offset + last->bytes - p->tokens[at].offset);
		if (version_is_readable(p->scheme, text)) {
			ret->text = text;
			return n;
		}
	}
	if (prose_is_zero(first) || range_is_family(p->scheme, first)) {
		ret->text = first;
		return 1;
	}
	return read_open_digits(p, first, ret) ? 1 : 0;
}

size_t prose_version_at(const struct prose *p, size_t at, struct bound_text *ret)
{
	*ret = (struct bound_text){ 0 };
	if (at >= p->count || p->tokens[at].kind != TOKEN_WORD)
		return 0;
	size_t n = plain_version_at(p, at, ret);
	return n && !p->scheme->equality_only && !ret->last.n ? n + read_apart(p, ret->text, at + n, ret) : n;
}
