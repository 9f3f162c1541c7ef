/* Dockerfiles: lines to instructions, arguments, the images. See dockerfile.h. */
#include "inventory/dockerfile.h"

#include "base/hash.h"

struct reading {
	struct span rest;
	uint64_t line;   /* of the last line taken */
	uint64_t starts; /* of the instruction at hand */
	char escape;     /* backslash or backtick */
	struct arena *a;
	struct err *err;
	struct dockerfile *file;
	size_t room;
	struct map args; /* names to values; a value of declared_only: no default */
	size_t arg_count;
	struct span stage;
	size_t stages;
	size_t open; /* here-documents that did not end */
};

static struct span declared_only = { "", 0 };

static int refuse(struct reading *r, const char *rule)
{
	(void)err_set(r->err, RF_EFORMAT, "%s", rule);
	return r->err ? err_at_line(r->err, r->starts) : RF_EFORMAT;
}

static int no_memory(struct reading *r)
{
	return err_set(r->err, RF_ENOMEM, "no memory for a Dockerfile");
}

static bool take_line(struct reading *r, struct span *ret)
{
	if (!span_line(&r->rest, ret))
		return false;
	r->line++;
	return true;
}

/* ── Instructions ────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "# escape=`" on the first lines, before anything else. */
static void directives_read(struct reading *r)
{
	struct span at = r->rest, line;
	while (span_line(&at, &line)) {
		line = span_trim(line);
		if (!span_starts(line, "#"))
			return;
		line = span_trim(span_from(line, 1));
		size_t equals = span_find_byte(line, '=');
		if (equals == SIZE_MAX)
			return;
		struct span value = span_trim(span_from(line, equals + 1));
		if (span_eq_nocase(span_trim(span_sub(line, 0, equals)), SPAN("escape")) && value.n == 1)
			r->escape = value.p[0] == '`' ? '`' : '\\';
	}
}

static bool continues(const struct reading *r, struct span line)
{
	return line.n && line.p[line.n - 1] == r->escape;
}

/* The next instruction with its continued lines joined. 1, 0 at the end, or an error. */
static int instruction_take(struct reading *r, struct span *ret)
{
	RF_AUTO(str) joined = STR_INIT(DOCKERFILE_MAX_BYTES);
	struct span line;
	bool more = true;
	while (more && take_line(r, &line)) {
		struct span plain = span_trim(line);
		if (!plain.n || plain.p[0] == '#') /* blank lines and comments do not end a continued one */
			continue;
		if (!joined.n)
			r->starts = r->line;
		more = continues(r, plain);
		str_add(&joined, more ? span_sub(plain, 0, plain.n - 1) : plain);
		str_add_byte(&joined, ' ');
	}
	if (joined.failed)
		return no_memory(r);
	if (!joined.n)
		return 0;
	*ret = arena_span(r->a, span_trim(str_span(&joined)));
	return ret->p ? 1 : no_memory(r);
}

static struct span word_take(struct span *rest)
{
	*rest = span_trim(*rest);
	size_t n = 0;
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
		n++;
	struct span word = span_sub(*rest, 0, n);
	*rest = span_trim(span_from(*rest, n));
	return word;
}

/* Passes over the lines up to @end. Where none is it, "<<" began no here-document (a shift, a text for grep): nothing is
 * passed over. */
static int heredoc_skip(struct reading *r, struct span end)
{
	struct span rest = r->rest, line;
	uint64_t at = r->line;
	while (take_line(r, &line))
		if (span_eq(span_trim(line), end))
			return 0;
	r->rest = rest;
	r->line = at;
	return ++r->open > DOCKERFILE_MAX_OPEN ? refuse(r, "more than 256 here-documents that do not end") : 0;
}

/* "<<EOF", "<<-'EOF'": the lines up to that word are no instructions. */
static int heredocs_skip(struct reading *r, struct span body)
{
	for (size_t i = 0; i + 2 < body.n; i++) {
		if (body.p[i] != '<' || body.p[i + 1] != '<' || body.p[i + 2] == '<')
			continue;
		struct span rest = span_from(body, i + 2);
		if (span_starts(rest, "-"))
			rest = span_from(rest, 1);
		char quote = rest.n && (rest.p[0] == '"' || rest.p[0] == '\'') ? rest.p[0] : 0;
		size_t n = 0;
		rest = span_from(rest, quote != 0);
		while (n < rest.n && ((rest.p[n] >= 'a' && rest.p[n] <= 'z') || (rest.p[n] >= 'A' && rest.p[n] <= 'Z') ||
				      (rest.p[n] >= '0' && rest.p[n] <= '9') || rest.p[n] == '_'))
			n++;
		int rc = n ? heredoc_skip(r, span_sub(rest, 0, n)) : 0;
		if (rc < 0)
			return rc;
		i += 2 + n;
	}
	return 0;
}

/* ── Arguments ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static size_t name_length(struct span s)
{
	size_t n = 0;
	while (n < s.n && ((s.p[n] >= 'a' && s.p[n] <= 'z') || (s.p[n] >= 'A' && s.p[n] <= 'Z') || s.p[n] == '_' ||
			   (n && s.p[n] >= '0' && s.p[n] <= '9')))
		n++;
	return n;
}

/* NULL: not known. */
static const struct span *value_of(const struct reading *r, struct span name)
{
	const struct span *v = map_get(&r->args, name);
	return v == &declared_only ? NULL : v;
}

static void missing_set(struct span *missing, struct span name)
{
	if (!missing->n)
		*missing = name;
}

static int expand(struct reading *r, struct span text, unsigned depth, struct str *to, struct span *missing);

/* "NAME}", "NAME:-word}" behind "${"; *used: bytes up to the brace, inclusive. */
static int expand_braces(struct reading *r, struct span at, unsigned depth, struct str *to, struct span *missing,
			 size_t *used)
{
	size_t n = name_length(at), end = n, open = 1;
	for (end = n; end < at.n && open; end++)
		open += (size_t)(at.p[end] == '{') - (size_t)(at.p[end] == '}');
	if (open || !n)
		return refuse(r, "an expansion is ${NAME}, ${NAME:-word} or ${NAME:+word}");
	*used = end;
	struct span name = span_sub(at, 0, n), how = span_sub(at, n, end - 1 - n);
	const struct span *value = value_of(r, name);
	bool colon = span_starts(how, ":");
	char sign = how.n > colon ? how.p[colon] : 0;
	struct span word = span_from(how, (size_t)colon + 1);
	bool set = value && (!colon || value->n);
	if (!how.n && value)
		str_add(to, *value);
	else if (!how.n)
		missing_set(missing, name);
	else if (sign == '-' && set)
		str_add(to, *value);
	else if (sign == '-' || (sign == '+' && set))
		return expand(r, word, depth + 1, to, missing);
	else if (sign != '+')
		return refuse(r, "an expansion is ${NAME}, ${NAME:-word} or ${NAME:+word}");
	return 0;
}

static int expand(struct reading *r, struct span text, unsigned depth, struct str *to, struct span *missing)
{
	if (depth > 8)
		return refuse(r, "expansions within expansions, more than eight deep");
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == r->escape && i + 1 < text.n) {
			str_add_byte(to, text.p[++i]);
		} else if (c == '"' || c == '\'') {
			continue;
		} else if (c != '$') {
			str_add_byte(to, c);
		} else if (i + 1 < text.n && text.p[i + 1] == '{') {
			size_t used = 0;
			int rc = expand_braces(r, span_from(text, i + 2), depth, to, missing, &used);
			if (rc < 0)
				return rc;
			i += 1 + used;
		} else {
			struct span name = span_sub(text, i + 1, name_length(span_from(text, i + 1)));
			const struct span *value = name.n ? value_of(r, name) : NULL;
			if (value)
				str_add(to, *value);
			else
				missing_set(missing, name.n ? name : SPAN("$"));
			i += name.n;
		}
		if (to->n > DOCKERFILE_MAX_VALUE)
			return refuse(r, "a value of more than 4,096 bytes");
	}
	return to->failed;
}

/* @ret: the value with what is known put in; when a name is missing, as it was written. */
static int substitute(struct reading *r, struct span text, struct span *ret, struct span *missing)
{
	RF_AUTO(str) s = STR_INIT(2 * DOCKERFILE_MAX_VALUE);
	*missing = SPAN_NONE;
	int rc = expand(r, text, 0, &s, missing);
	if (rc < 0)
		return rc == RF_ENOMEM || rc == RF_ETOOBIG ? no_memory(r) : rc;
	*ret = missing->n ? text : arena_span(r->a, str_span(&s));
	return ret->p || !ret->n ? 0 : no_memory(r);
}

static int arg_set(struct reading *r, struct span name, struct span *value)
{
	if (++r->arg_count > DOCKERFILE_MAX_ARGS)
		return err_set(r->err, RF_ETOOMANY, "a Dockerfile has at most %d ARG", DOCKERFILE_MAX_ARGS);
	return map_set(&r->args, name, value) < 0 ? no_memory(r) : 0;
}

/* A word in which quotes keep blanks. */
static struct span quoted_word_take(struct span *rest)
{
	*rest = span_trim(*rest);
	size_t n = 0;
	for (char quote = 0; n < rest->n && (quote || (rest->p[n] != ' ' && rest->p[n] != '\t')); n++) {
		char c = rest->p[n];
		if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? 0 : c;
	}
	struct span word = span_sub(*rest, 0, n);
	*rest = span_trim(span_from(*rest, n));
	return word;
}

/* Those before the first FROM: what a FROM may name. */
static int arg_read(struct reading *r, struct span rest)
{
	while (rest.n) {
		struct span word = quoted_word_take(&rest), missing, name;
		size_t equals = span_find_byte(word, '=');
		name = span_sub(word, 0, equals);
		if (!name.n || name_length(name) != name.n)
			return refuse(r, "ARG NAME or ARG NAME=VALUE");
		struct span *value = &declared_only;
		if (equals != SIZE_MAX) {
			value = arena_alloc(r->a, sizeof *value);
			if (!value)
				return no_memory(r);
			int rc = substitute(r, span_from(word, equals + 1), value, &missing);
			if (rc < 0)
				return rc;
			if (missing.n)
				value = &declared_only;
		}
		int rc = arg_set(r, name, value);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ── Images ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int image_add(struct reading *r, const struct dockerfile_image *i)
{
	struct dockerfile *f = r->file;
	if (f->count == DOCKERFILE_MAX_IMAGES)
		return err_set(r->err, RF_ETOOMANY, "a Dockerfile names at most %d images", DOCKERFILE_MAX_IMAGES);
	if (f->count == r->room) {
		size_t room = r->room ? 2 * r->room : 8;
		struct dockerfile_image *grown = arena_array(r->a, room, sizeof *grown);
		if (!grown)
			return no_memory(r);
		if (f->count)
			memcpy(grown, f->images, f->count * sizeof *grown);
		f->images = grown;
		r->room = room;
	}
	f->images[f->count++] = *i;
	return 0;
}

/* A name or number of a stage before this one. */
static bool is_stage(const struct reading *r, struct span name)
{
	uint64_t number;
	if (span_u64(name, &number) && number < r->stages)
		return true;
	for (size_t i = 0; i < r->file->count; i++)
		if (r->file->images[i].use == DOCKERFILE_FROM && span_eq_nocase(r->file->images[i].stage, name))
			return true;
	return false;
}

static int from_read(struct reading *r, struct span rest)
{
	struct dockerfile_image i = { .use = DOCKERFILE_FROM, .line = r->starts };
	struct span word = word_take(&rest);
	for (; span_starts(word, "--"); word = word_take(&rest))
		if (span_starts(word, "--platform="))
			i.platform = span_from(word, strlen("--platform="));
	if (!word.n)
		return refuse(r, "FROM [--platform=PLATFORM] IMAGE [AS NAME]");
	int rc = substitute(r, word, &i.reference, &i.missing);
	if (rc < 0)
		return rc;
	struct span as = word_take(&rest), name = word_take(&rest);
	if (as.n && (!span_eq_nocase(as, SPAN("as")) || !name.n || rest.n))
		return refuse(r, "FROM [--platform=PLATFORM] IMAGE [AS NAME]");
	i.scratch = span_eq_text(i.reference, "scratch");
	i.of_stage = !i.missing.n && is_stage(r, i.reference);
	i.stage = name.n ? name : span_of(arena_printf(r->a, "%zu", r->stages));
	if (!i.stage.p)
		return no_memory(r);
	rc = image_add(r, &i);
	r->stage = i.stage;
	r->stages++;
	return rc;
}

/* "--from=IMAGE" of a COPY, "--mount=...,from=IMAGE" of a RUN: options stand in front. */
static int options_read(struct reading *r, struct span rest)
{
	for (struct span word = word_take(&rest); span_starts(word, "--"); word = word_take(&rest)) {
		struct dockerfile_image i = { .line = r->starts, .stage = r->stage };
		struct span part, from = SPAN_NONE;
		if (span_starts(word, "--from=")) {
			i.use = DOCKERFILE_COPY;
			from = span_from(word, strlen("--from="));
		} else if (span_starts(word, "--mount=")) {
			i.use = DOCKERFILE_MOUNT;
			for (struct span parts = span_from(word, strlen("--mount=")); span_split(&parts, ',', &part);)
				if (span_starts(part, "from="))
					from = span_from(part, strlen("from="));
		}
		if (!from.n)
			continue;
		int rc = substitute(r, from, &i.reference, &i.missing);
		i.of_stage = !rc && !i.missing.n && is_stage(r, i.reference);
		if (!rc && !i.of_stage)
			rc = image_add(r, &i);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int instruction_read(struct reading *r, struct span text)
{
	struct span rest = text, word = word_take(&rest);
	if (span_eq_nocase(word, SPAN("FROM")))
		return from_read(r, rest);
	if (!r->stages)
		return span_eq_nocase(word, SPAN("ARG"))
			       ? arg_read(r, rest)
			       : refuse(r, "nothing but ARG stands before the first FROM");
	bool copies = span_eq_nocase(word, SPAN("COPY")) || span_eq_nocase(word, SPAN("ADD"));
	if (!copies && !span_eq_nocase(word, SPAN("RUN")))
		return 0;
	int rc = heredocs_skip(r, rest);
	return rc < 0 ? rc : options_read(r, rest);
}

static struct reading reading_begin(struct span text, struct dockerfile *file, struct arena *a, struct err *err)
{
	struct reading r = { .rest = text, .escape = '\\', .a = a, .err = err, .file = file };
	if (span_starts(text, "\xef\xbb\xbf"))
		r.rest = span_from(text, 3);
	directives_read(&r);
	return r;
}

int dockerfile_read(struct span text, struct arena *a, struct dockerfile *ret, struct err *err)
{
	struct dockerfile file = { 0 };
	if (text.n > DOCKERFILE_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "a Dockerfile has at most %zu MiB", DOCKERFILE_MAX_BYTES / MIB);
	struct reading r = reading_begin(text, &file, a, err);
	struct span instruction;
	int rc;
	while ((rc = instruction_take(&r, &instruction)) == 1) {
		rc = instruction_read(&r, instruction);
		if (rc < 0)
			break;
	}
	if (rc == 0 && !r.stages)
		rc = refuse(&r, "a Dockerfile has a FROM");
	map_release(&r.args);
	if (rc == 0)
		*ret = file;
	return rc;
}

static const char *const words[] = { "Dockerfile", "Containerfile" };

static bool is_named_plainly(struct span name)
{
	for (size_t i = 0; i < RF_COUNT(words); i++)
		if (span_eq_nocase(name, span_of(words[i])))
			return true;
	return false;
}

bool dockerfile_is(struct span name, struct span text)
{
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct dockerfile file = { 0 };
	struct err why = ERR_INIT;
	struct span instruction;
	struct reading r = reading_begin(text, &file, &a, &why);
	int rc = instruction_take(&r, &instruction);
	struct span rest = instruction, word = rc == 1 ? word_take(&rest) : SPAN_NONE;
	bool begins = span_eq_nocase(word, SPAN("FROM")) || span_eq_nocase(word, SPAN("ARG"));
	while (begins && rc == 1 && !r.stages) {
		rc = instruction_read(&r, instruction);
		if (rc == 0 && !r.stages)
			rc = instruction_take(&r, &instruction);
	}
	map_release(&r.args);
	return begins && (r.stages || is_named_plainly(name));
}

bool dockerfile_named(struct span name)
{
	for (size_t i = 0; i < RF_COUNT(words); i++) {
		size_t n = strlen(words[i]);
		if (span_eq_nocase(name, span_of(words[i])) ||
		    (span_starts_nocase(name, words[i]) && name.p[n] == '.') ||
		    (name.n > n + 1 && name.p[name.n - n - 1] == '.' &&
		     span_eq_nocase(span_from(name, name.n - n), span_of(words[i]))))
			return true;
	}
	return false;
}
