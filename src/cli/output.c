/* output - see output.h */
#include "cli/output.h"

#include "base/arena.h"
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const codes[] = { "", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[34m" };

static bool colours_for(int fd)
{
	const char *term = getenv("TERM"), *none = getenv("NO_COLOR");
	return isatty(fd) && !(none && none[0]) && term && strcmp(term, "dumb") != 0;
}

bool out_is_coloured(void)
{
	static int known = -1;
	if (known < 0)
		known = colours_for(1);
	return known;
}

bool out_is_terminal(void)
{
	return isatty(1);
}

void out(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

void out_colour(enum colour colour, const char *format, ...)
{
	bool on = colour != COLOUR_NONE && out_is_coloured();
	if (on)
		fputs(codes[colour], stdout);
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	if (on)
		fputs("\x1b[0m", stdout);
}

void str_add_colour(struct str *to, bool on, enum colour colour, const char *format, ...)
{
	on = on && colour != COLOUR_NONE;
	if (on)
		str_add_text(to, codes[colour]);
	va_list args;
	va_start(args, format);
	str_vaddf(to, format, args);
	va_end(args);
	if (on)
		str_add_text(to, "\x1b[0m");
}

void out_visible(struct span text)
{
	RF_AUTO(str) s = STR_INIT(16 * MIB);
	str_add_visible(&s, text);
	fwrite(str_text(&s), 1, s.n, stdout);
}

void out_str(const struct str *text)
{
	fwrite(str_text(text), 1, text->n, stdout);
}

enum colour colour_of(const char *word)
{
	static const struct { const char *word; enum colour colour; } words[] = {
		{ "affected", COLOUR_RED },      { "deny", COLOUR_RED },        { "fail", COLOUR_RED },         { "failed", COLOUR_RED },
		{ "missed", COLOUR_RED },        { "conflict", COLOUR_YELLOW }, { "unknown", COLOUR_YELLOW },   { "warn", COLOUR_YELLOW },
		{ "inconclusive", COLOUR_YELLOW }, { "blocked", COLOUR_YELLOW },  { "not_affected", COLOUR_GREEN }, { "allow", COLOUR_GREEN },
		{ "pass", COLOUR_GREEN },        { "proven", COLOUR_GREEN },    { "published", COLOUR_GREEN },  { "met", COLOUR_GREEN },
		{ "clean", COLOUR_GREEN },
	};
	for (size_t i = 0; i < RF_COUNT(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].colour;
	return COLOUR_NONE;
}

int out_end(struct err *err)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_set_errno(err, errno ? errno : EIO, "cannot write to standard output");
	return 0;
}

int out_json(const struct str *text, struct err *err)
{
	int rc = str_check(text, "JSON output", err);
	if (rc != 0)
		return rc;
	out_str(text);
	putchar('\n');
	return out_end(err);
}

int out_members(struct err *err, ...)
{
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	struct json_out o = json_out(&text, false);
	va_list args;
	json_object(&o);
	va_start(args, err);
	for (const char *key; (key = va_arg(args, const char *));)
		json_member(&o, key, va_arg(args, const char *));
	va_end(args);
	json_object_end(&o);
	return out_json(&text, err);
}

void table_init(struct table *t, ...)
{
	*t = (struct table){ 0 };
	va_list args;
	va_start(args, t);
	for (const char *h; (h = va_arg(args, const char *)) && t->columns < TABLE_MAX_COLUMNS;)
		t->headers[t->columns++] = h;
	va_end(args);
}

void table_cell(struct table *t, enum colour colour, struct span text)
{
	if (t->failed)
		return;
	if (t->count == t->capacity) {
		size_t capacity = t->capacity ? t->capacity * 2 : 64;
		char **cells = rf_realloc_array(t->cells, capacity, sizeof *cells);
		if (cells)
			t->cells = cells;
		unsigned char *colours = cells ? rf_realloc_array(t->colours, capacity, 1) : NULL;
		if (!colours) {
			t->failed = true;
			return;
		}
		t->colours = colours;
		t->capacity = capacity;
	}
	RF_AUTO(str) s = STR_INIT(64 * KIB);
	str_add_visible(&s, text);
	t->cells[t->count] = str_take(&s);
	t->colours[t->count] = (unsigned char)colour;
	t->failed = !t->cells[t->count];
	t->count += !t->failed;
}

void table_text(struct table *t, const char *text)
{
	table_cell(t, COLOUR_NONE, span_of(text ? text : ""));
}

void table_f(struct table *t, enum colour colour, const char *format, ...)
{
	RF_AUTO(str) s = STR_INIT(64 * KIB);
	va_list args;
	va_start(args, format);
	str_vaddf(&s, format, args);
	va_end(args);
	table_cell(t, colour, str_span(&s));
}

/* Columns a terminal uses: East Asian wide characters take two (Unicode UAX #11, the blocks that matter here). */
static size_t width_of(const char *text)
{
	size_t width = 0;
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if ((*p & 0xc0) == 0x80)
			continue;
		width++;
		if (*p >= 0xe3 && *p <= 0xed && !(*p == 0xed && p[1] >= 0xa0))
			width++;
		else if (*p == 0xef && (p[1] == 0xbc || (p[1] == 0xbd && p[2] <= 0xa0)))
			width++;
		else if (*p == 0xf0 && p[1] == 0x9f)
			width++;
	}
	return width;
}

int table_print(struct table *t, struct err *err)
{
	if (t->failed)
		return err_set(err, RF_ENOMEM, "out of memory for a table");
	size_t widths[TABLE_MAX_COLUMNS] = { 0 };
	for (size_t c = 0; c < t->columns; c++)
		widths[c] = width_of(t->headers[c]);
	for (size_t i = 0; i < t->count; i++)
		widths[i % t->columns] = RF_MAX(widths[i % t->columns], width_of(t->cells[i]));
	for (size_t c = 0; c < t->columns; c++) {
		out_colour(COLOUR_BOLD, "%s", t->headers[c]);
		if (c + 1 < t->columns)
			out("%*s", (int)(widths[c] - width_of(t->headers[c]) + 2), "");
	}
	out("\n");
	for (size_t i = 0; i < t->count; i++) {
		size_t c = i % t->columns;
		out_colour((enum colour)t->colours[i], "%s", t->cells[i]);
		if (c + 1 < t->columns)
			out("%*s", (int)(widths[c] - width_of(t->cells[i]) + 2), "");
		else
			out("\n");
	}
	return 0;
}

void table_clear(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		rf_free(t->cells[i]);
	t->count = 0;
}

void table_release(struct table *t)
{
	table_clear(t);
	rf_free(t->cells);
	rf_free(t->colours);
	*t = (struct table){ 0 };
}

/* The bar on the screen, so that a log line does not land in it. */
static struct progress *shown;

static void hide(void)
{
	if (shown && shown->drawn) {
		fputs("\r\x1b[K", stderr);
		fflush(stderr);
		shown->drawn = false;
	}
}

void progress_begin(struct progress *p, const struct invocation *in)
{
	const char *term = getenv("TERM");
	*p = (struct progress){ .started = mono_usec() };
	p->enabled = !in->quiet && isatty(2) && term && strcmp(term, "dumb") != 0;
	if (p->enabled) {
		shown = p;
		log_set_hooks(hide, NULL);
	}
}

static void draw(struct progress *p, const char *step, int64_t done, int64_t total, int64_t left_usec, const char *what)
{
	struct winsize size = { 0 };
	size_t columns = ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
	const int cells = 24;
	int filled = total > 0 ? (int)(done * cells / total) : 0;
	char time[TIME_TEXT_BYTES];
	RF_AUTO(str) line = STR_INIT(8 * KIB);
	str_addf(&line, "%-8s [", step);
	for (int i = 0; i < cells; i++)
		str_add_text(&line, i < filled ? "#" : ".");
	str_addf(&line, "] %lld/%lld", (long long)done, (long long)total);
	if (total > 0)
		str_addf(&line, "  %lld %%", (long long)(done * 100 / total));
	str_addf(&line, "  %s", duration_text(mono_usec() - p->started, time));
	if (left_usec >= 0)
		str_addf(&line, ", about %s left", duration_text(left_usec, time));
	if (what && what[0]) {
		str_add_text(&line, "  ");
		str_add_visible(&line, span_of(what));
	}
	/* cut at the edge: a wrapped line could not be redrawn */
	struct span visible = span_cut(str_span(&line), columns - 1);
	fprintf(stderr, "\r%.*s\x1b[K", SPAN_ARG(visible));
	fflush(stderr);
	p->drawn = true;
}

void progress_show(struct progress *p, const char *step, int64_t done, int64_t total, int64_t left_usec, const char *what)
{
	mono_t now = mono_usec();
	bool other = strcmp(p->step, step) != 0;
	if (p->enabled) {
		if (other || done == total || now - p->last_drawn >= 100000) {
			draw(p, step, done, total, left_usec, what);
			p->last_drawn = now;
		}
	}
	if (other)
		snprintf(p->step, sizeof p->step, "%s", step);
}

void progress_end(struct progress *p)
{
	if (p->enabled) {
		hide();
		log_set_hooks(NULL, NULL);
		shown = NULL;
	}
	p->enabled = false;
}

bool ask_yes(const struct invocation *in, const char *question)
{
	if (in->yes)
		return true;
	if (!isatty(0) || !isatty(2))
		return false;
	fprintf(stderr, "%s [y/N] ", question);
	char answer[16];
	return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}
