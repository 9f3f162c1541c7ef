/* options.h: the kinds of one value. A kind is a row of the table at the end. */
#include "workspace/options.h"

#include "base/fs.h"
#include "base/time.h"
#include "workspace/recipe.h"

#include <inttypes.h>
#include <math.h>

static int keep(struct options_reader *r, struct span text, void *target)
{
	char *copy = arena_text(r->arena, text);
	if (!copy)
		return options_refuse(r, RF_ENOMEM, "out of memory");
	*(const char **)target = copy;
	return 0;
}

/* The common refusal: what stands there, what may stand there. */
static int refuse_value(struct options_reader *r, const struct option *o, struct span text)
{
	const char *accepts = o->accepts ? o->accepts : options_scalar(o->kind)->accepts;
	return options_refuse(r, RF_EFORMAT, "\"%.*s\" is not %s", (int)RF_MIN(text.n, (size_t)80), text.p, accepts);
}

static bool printable(struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return false;
	return text.n > 0;
}

static int read_text(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	return printable(text) ? keep(r, text, target) : refuse_value(r, o, text);
}

static int read_name(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	return recipe_name_is_valid(text) ? keep(r, text, target) : refuse_value(r, o, text);
}

bool path_normal(const char *folder, struct span path, char *buffer, size_t size)
{
	struct span rest[2] = { span_of(folder), path };
	size_t n = 0;
	for (int i = path.n > 0 && path.p[0] == '/' ? 1 : 0; i < 2; i++) {
		struct span part;
		while (span_split(&rest[i], '/', &part)) {
			if (part.n == 0 || span_eq_text(part, "."))
				continue;
			if (span_eq_text(part, "..")) {
				while (n > 0 && buffer[--n] != '/')
					;
				continue;
			}
			if (n + 1 + part.n + 1 > size)
				return false;
			buffer[n++] = '/';
			memcpy(buffer + n, part.p, part.n);
			n += part.n;
		}
	}
	if (n == 0)
		buffer[n++] = '/';
	buffer[n] = '\0';
	return true;
}

static int read_path(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	char buffer[FS_PATH_MAX];
	if (!printable(text) || text.n >= sizeof buffer)
		return refuse_value(r, o, text);
	if (!r->folder)
		return keep(r, text, target);
	if (!path_normal(r->folder, text, buffer, sizeof buffer))
		return options_refuse(r, RF_ETOOBIG, "a path longer than %d bytes", FS_PATH_MAX - 1);
	return keep(r, span_of(buffer), target);
}

static int read_sha256(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	unsigned char digest[32];
	if (text.n != 64 || !hex_read(text, digest, sizeof digest))
		return refuse_value(r, o, text);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 'A' && text.p[i] <= 'F')
			return refuse_value(r, o, text);
	return keep(r, text, target);
}

static bool word_of(struct span s, const char *marks)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || strchr(marks, s.p[i])))
			return false;
	return s.n > 0;
}

static int read_target(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	struct span rest = text, os, arch, accelerator;
	bool good = printable(text) && span_split(&rest, '-', &os) && span_split(&rest, '/', &arch) &&
		    span_split(&rest, '/', &accelerator) && word_of(os, "_") && word_of(arch, "_") &&
		    word_of(accelerator, "_+.-") && rest.p == NULL;
	return good ? keep(r, text, target) : refuse_value(r, o, text);
}

/* The place of @text in the row's choices, or -1 with the error set. */
static int choice(struct options_reader *r, const struct option *o, struct span text)
{
	char all[512] = "";
	size_t n = 0;
	for (int i = 0; o->choices[i]; i++) {
		if (span_eq_text(text, o->choices[i]))
			return i;
		n += (size_t)snprintf(all + RF_MIN(n, sizeof all - 1), sizeof all - RF_MIN(n, sizeof all - 1), "%s%s",
				      i ? ", " : "", o->choices[i]);
	}
	(void)options_refuse(r, RF_EFORMAT, "\"%.*s\" is not accepted; %saccepted: %s", (int)RF_MIN(text.n, (size_t)80),
			     text.p, options_nearest(text, o->choices), all);
	return -1;
}

static int read_choice(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	return choice(r, o, text) < 0 ? RF_EFORMAT : keep(r, text, target);
}

static int read_enum(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	int i = choice(r, o, text);
	if (i < 0)
		return RF_EFORMAT;
	*(int *)target = i;
	return 0;
}

static int read_duration(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	int64_t usec;
	if (duration_read(text, &usec, NULL) != 0 || usec <= 0)
		return refuse_value(r, o, text);
	*(int64_t *)target = usec;
	return 0;
}

static int read_bytes(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	uint64_t bytes;
	if (bytes_read(text, &bytes, NULL) != 0 || bytes == 0)
		return refuse_value(r, o, text);
	*(uint64_t *)target = bytes;
	return 0;
}

static int refuse_range(struct options_reader *r, const struct option *o, struct span text)
{
	return options_refuse(r, RF_EFORMAT, "\"%.*s\" is not a number from %g to %g", (int)RF_MIN(text.n, (size_t)80),
			      text.p, o->low, o->high);
}

static int read_count(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	uint64_t v;
	if (!span_u64(text, &v) || (double)v < o->low || (double)v > o->high)
		return refuse_range(r, o, text);
	*(uint32_t *)target = (uint32_t)v;
	return 0;
}

static int read_number(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	double v;
	if (!span_double(text, &v) || !(v >= o->low && v <= o->high))
		return refuse_range(r, o, text);
	*(double *)target = v == 0 ? 0 : v; /* "-0" is no other number: two digests of one recipe */
	return 0;
}

/* "+5%" with the sign wanted. The largest share that makes sense to allow is a hundredfold. */
static bool percent(struct span text, char sign, double *ret)
{
	double v;
	if (text.n < 3 || text.p[0] != sign || text.p[text.n - 1] != '%' || text.p[1] < '0' || text.p[1] > '9' ||
	    !span_double(span_sub(text, 1, text.n - 2), &v) || v > 10000)
		return false;
	*ret = v / 100;
	return true;
}

static int read_growth(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	return percent(text, '+', target) ? 0 : refuse_value(r, o, text);
}

static int read_loss(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	double v;
	if (!percent(text, '-', &v) || v > 1)
		return refuse_value(r, o, text);
	*(double *)target = v;
	return 0;
}

static int read_samples(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	uint64_t low, high;
	size_t dots = span_find(text, SPAN(".."));
	if (dots == SIZE_MAX || !span_u64(span_sub(text, 0, dots), &low) ||
	    !span_u64(span_from(text, dots + 2), &high) || low < 1 || low > high || high > 1000000)
		return refuse_value(r, o, text);
	((uint32_t *)target)[0] = (uint32_t)low;
	((uint32_t *)target)[1] = (uint32_t)high;
	return 0;
}

static int read_date(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	bool date_only = false;
	usec_t t;
	if (time_read(text, &t, &date_only, NULL) != 0 || !date_only)
		return refuse_value(r, o, text);
	*(usec_t *)target = t;
	return 0;
}

static int read_custom(struct options_reader *r, const struct option *o, struct span text, void *target)
{
	return printable(text) ? o->custom(r, text, target) : refuse_value(r, o, text);
}

const struct option_scalar *options_scalar(enum option_kind kind)
{
	static const struct option_scalar table[] = {
		[OPTION_TEXT] = { read_text, "a text (not empty, on one line)", "^[^\\u0000-\\u001f]+$", "string" },
		[OPTION_NAME] = { read_name, "a name (1 to 128 of A-Z a-z 0-9 . _ -, not beginning with . or -)",
				  "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", "string" },
		[OPTION_PATH] = { read_path, "a path", "^[^\\u0000-\\u001f]+$", "string" },
		[OPTION_SHA256] = { read_sha256, "a SHA-256 (64 lower-case hex digits)", "^[0-9a-f]{64}$", "string" },
		[OPTION_TARGET] = { read_target,
				    "a target (os-arch/accelerator, for example linux-x86_64/cpu-avx512 or "
				    "linux-aarch64/sm_87)",
				    "^[a-z0-9_]+-[a-z0-9_]+/[a-z0-9_+.-]+$", "string" },
		[OPTION_CHOICE] = { read_choice, "", NULL, "string" },
		[OPTION_ENUM] = { read_enum, "", NULL, "string" },
		[OPTION_DURATION] = { read_duration, "a duration (for example 90s, 30m, 4h, 1h30m, 2d)",
				      "^([0-9]+(ms|s|m|h|d))+$", "string" },
		[OPTION_BYTES] = { read_bytes, "a size (for example 512MiB, 4GiB)",
				   "^[0-9]+ *(B|K|KiB|M|MiB|G|GiB|T|TiB)?$", "string" },
		[OPTION_COUNT] = { read_count, "a whole number", NULL, "integer" },
		[OPTION_NUMBER] = { read_number, "a number", NULL, "number" },
		[OPTION_GROWTH] = { read_growth, "a growth allowed (for example +5%)", "^\\+[0-9]+(\\.[0-9]+)?%$",
				    "string" },
		[OPTION_LOSS] = { read_loss, "a loss allowed (for example -5%)", "^-[0-9]+(\\.[0-9]+)?%$", "string" },
		[OPTION_SAMPLES] = { read_samples, "a range of samples (LOW..HIGH, for example 500..5000)",
				     "^[0-9]+\\.\\.[0-9]+$", "string" },
		[OPTION_DATE] = { read_date, "a date (for example 2024-11-21)", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
				  "string" },
		[OPTION_CUSTOM] = { read_custom, "", NULL, "string" },
	};
	return (size_t)kind < RF_COUNT(table) ? &table[kind] : NULL;
}
