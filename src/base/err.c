/* err - see err.h */
#include "base/err.h"

#include "base/span.h"
#include "base/str.h"

#include <errno.h>
#include <stdarg.h>

/* Copies text; one that does not fit keeps its head and its tail, which tell more than the middle. */
static void keep(char *to, size_t size, const char *text)
{
	size_t n = strlen(text);
	if (n < size) {
		memcpy(to, text, n + 1);
		return;
	}
	size_t head = (size - 4) / 2, tail = size - 4 - head;
	memcpy(to, text, head);
	memcpy(to + head, "...", 3);
	memcpy(to + head + 3, text + n - tail, tail);
	to[size - 1] = '\0';
}

static void start(struct err *err, int code)
{
	err->code = code;
	err->offset = -1;
	err->line = 0;
	err->file[0] = err->field[0] = err->text[0] = '\0';
}

int err_set(struct err *err, int code, const char *format, ...)
{
	if (!err)
		return code;
	/* arguments may point into @err itself: format first, then clear */
	char text[sizeof err->text];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	start(err, code);
	keep(err->text, sizeof err->text, text);
	return code;
}

static int code_of_errno(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
		return RF_EFULL;
	case EACCES:
	case EPERM:
	case EROFS:
		return RF_EPERM;
	case ENOENT:
	case ENOTDIR:
		return RF_ENOTFOUND;
	case EEXIST:
		return RF_EEXISTS;
	case ENOMEM:
		return RF_ENOMEM;
	default:
		return RF_EIO;
	}
}

int err_set_errno(struct err *err, int saved_errno, const char *format, ...)
{
	int code = code_of_errno(saved_errno);
	if (!err)
		return code;
	char text[sizeof err->text];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	char words[128];
	return err_set(err, code, "%s: %s", text, strerror_r(saved_errno, words, sizeof words));
}

int err_in_file(struct err *err, const char *file)
{
	if (!err)
		return RF_EINTERNAL;
	if (!err->file[0] && file)
		keep(err->file, sizeof err->file, file);
	return err->code;
}

int err_in_field(struct err *err, const char *format, ...)
{
	if (!err)
		return RF_EINTERNAL;
	if (!err->field[0]) {
		char field[1024];
		va_list args;
		va_start(args, format);
		vsnprintf(field, sizeof field, format, args);
		va_end(args);
		keep(err->field, sizeof err->field, field);
	}
	return err->code;
}

int err_at_offset(struct err *err, uint64_t offset)
{
	if (!err)
		return RF_EINTERNAL;
	err->offset = (int64_t)offset;
	return err->code;
}

int err_at_line(struct err *err, uint64_t line)
{
	if (!err)
		return RF_EINTERNAL;
	err->line = (int64_t)line;
	return err->code;
}

int err_prefix(struct err *err, const char *format, ...)
{
	if (!err)
		return RF_EINTERNAL;
	char text[2 * sizeof err->text];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof err->text, format, args);
	va_end(args);
	size_t used = n < 0 ? 0 : RF_MIN((size_t)n, sizeof err->text - 1);
	memcpy(text + used, err->text, strlen(err->text) + 1);
	keep(err->text, sizeof err->text, text);
	return err->code;
}

const char *err_render(const struct err *err, char *buffer, size_t size)
{
	RF_AUTO(str) s = STR_INIT(8 * KIB);
	if (err->file[0]) {
		str_add_visible(&s, span_of(err->file));
		if (err->line > 0)
			str_addf(&s, ":%lld", (long long)err->line);
		str_add_text(&s, ": ");
	} else if (err->line > 0) {
		str_addf(&s, "line %lld: ", (long long)err->line);
	}
	if (err->field[0]) {
		str_add_visible(&s, span_of(err->field));
		str_add_text(&s, ": ");
	}
	str_add_visible(&s, span_of(err->text[0] ? err->text : rf_error_text(err->code)));
	if (err->offset >= 0)
		str_addf(&s, " (offset %lld)", (long long)err->offset);
	if (size > 0)
		keep(buffer, RF_MAX(size, (size_t)8), str_text(&s));
	return buffer;
}

static const struct {
	int code;
	const char *name, *text;
	int status;
} errors[] = {
#define X(name, code, text, status) { code, #name, text, status },
	RF_ERRORS(X)
#undef X
};

const char *rf_error_name(int code)
{
	for (size_t i = 0; i < RF_COUNT(errors); i++)
		if (errors[i].code == code)
			return errors[i].name;
	return code == 0 ? "RF_OK" : "RF_E?";
}

const char *rf_error_text(int code)
{
	for (size_t i = 0; i < RF_COUNT(errors); i++)
		if (errors[i].code == code)
			return errors[i].text;
	return code == 0 ? "no error" : "unknown error";
}

int rf_error_exit_status(int code)
{
	if (code == 0)
		return 0;
	for (size_t i = 0; i < RF_COUNT(errors); i++)
		if (errors[i].code == code)
			return errors[i].status;
	return 2;
}
