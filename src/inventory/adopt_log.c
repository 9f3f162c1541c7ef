/* Builds by trtexec as logs and scripts tell them. adopt.h is the manual. Pure. */
#include "inventory/adopt.h"

/* Options of trtexec that measure or report and leave the engine as it is; values follow "=". */
static const char *const MEASURING[] = {
	"--iterations", "--duration", "--warmUp", "--avgRuns", "--streams", "--infStreams", "--loadInputs", "--exportTimes",
	"--exportOutput", "--exportProfile", "--exportLayerInfo", "--dumpProfile", "--dumpOutput", "--dumpRawBindingsToFile",
	"--dumpLayerInfo", "--dumpRefit", "--percentile", "--useSpinWait", "--threads", "--useCudaGraph",
	"--noDataTransfers", "--useManagedMemory", "--idleTime", "--sleepTime", "--separateProfileRun", "--verbose",
	"--buildOnly", "--skipInference", "--timeDeserialize", "--timeRefit", "--exposeDMA", "--device", "--help",
	"--timingCacheFile", "--profilingVerbosity",
};
/* Options that name plugin libraries. */
static const char *const PLUGINS[] = { "--staticPlugins", "--dynamicPlugins", "--setPluginsToSerialize", "--plugins" };

static bool is_one_of(struct span option, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq_text(option, list[i]))
			return true;
	return false;
}

/* ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The next word of a command line. Quotes are taken off as a shell does, "\" before a line's end joins lines. False: the
 * command is over (end of line, ; | & > < # or a closing bracket of a list). */
static bool next_word(struct arena *a, struct span *rest, char **ret)
{
	size_t i = 0;
	for (;; i++) {
		if (i < rest->n && (rest->p[i] == ' ' || rest->p[i] == '\t' || rest->p[i] == '\r'))
			continue;
		if (i + 1 < rest->n && rest->p[i] == '\\' && rest->p[i + 1] == '\n') {
			i++;
			continue;
		}
		if (i + 2 < rest->n && rest->p[i] == '\\' && rest->p[i + 1] == '\r' && rest->p[i + 2] == '\n') {
			i += 2;
			continue;
		}
		break;
	}
	*rest = span_from(*rest, i);
	if (!rest->n || strchr("\n;|&<>#", rest->p[0]))
		return false;
	RF_AUTO(str) word = STR_INIT(64 * KIB);
	char quote = 0;
	for (i = 0; i < rest->n && rest->p[i] != '\n'; i++) {
		char c = rest->p[i];
		if (quote && c == quote) {
			quote = 0;
		} else if (!quote && (c == '"' || c == '\'')) {
			quote = c;
		} else if (c == '\\' && quote != '\'' && i + 1 < rest->n && rest->p[i + 1] != '\n' && rest->p[i + 1] != '\r') {
			str_add_byte(&word, rest->p[++i]);
		} else if (!quote && (strchr(" \t\r;|&<>", c) || (c == '\\'))) {
			break;
		} else {
			str_add_byte(&word, c);
		}
	}
	*rest = span_from(*rest, i);
	*ret = word.failed ? NULL : arena_text(a, str_span(&word));
	return *ret != NULL;
}

/* ── one command ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *unresolved_in(struct arena *a, const char *word)
{
	const char *dollar = strpbrk(word, "$`%");
	if (!dollar || (*dollar == '%' && !strchr(dollar + 1, '%')))
		return NULL;
	size_t n = 1 + strcspn(dollar + 1, "/,:= ");
	return arena_text(a, (struct span){ dollar, n });
}

static void take_option(struct adopt_commands *to, struct adopt_command *c, const char *word, bool *is_load)
{
	struct span all = span_of(word);
	size_t equals = span_find_byte(all, '=');
	struct span option = equals == SIZE_MAX ? all : span_sub(all, 0, equals);
	const char *value = equals == SIZE_MAX ? "" : word + equals + 1;
	const char *variable = unresolved_in(to->a, word);
	bool measures = is_one_of(option, MEASURING, RF_COUNT(MEASURING));
	if (variable && !measures && !c->unresolved)
		c->unresolved = variable;
	if (span_eq_text(option, "--loadEngine"))
		*is_load = true;
	else if (span_eq_text(option, "--onnx"))
		c->model = value;
	else if (span_eq_text(option, "--saveEngine"))
		c->engine = value;
	else if (span_eq_text(option, "--calib"))
		c->calibration = value;
	else if (is_one_of(option, PLUGINS, RF_COUNT(PLUGINS)))
		c->plugins = value;
	if (measures || span_eq_text(option, "--onnx") || span_eq_text(option, "--saveEngine") ||
	    span_eq_text(option, "--calib"))
		return;
	c->int8 |= span_eq_text(option, "--int8") || span_eq_text(option, "--best");
	c->half |= span_eq_text(option, "--fp16") || span_eq_text(option, "--bf16") || span_eq_text(option, "--best");
	if (c->args_n < ADOPT_MAX_ARGS)
		c->args[c->args_n++] = word;
}

/* "8601" is 8.6.1, "101303" is 10.13.3. */
static void read_version_number(struct span digits, char *ret, size_t size)
{
	uint64_t n;
	if (!span_u64(digits, &n) || n < 4000 || n > 999999)
		return;
	unsigned base = digits.n >= 6 ? 10000 : 1000;
	snprintf(ret, size, "%u.%u.%u", (unsigned)n / base, (unsigned)n % base / 100, (unsigned)n % 100);
}

static int add_command(struct adopt_commands *to, struct span line, const char *file, uint64_t at, bool from_log,
		       bool *ret_added, struct err *err)
{
	const char *args[ADOPT_MAX_ARGS];
	struct adopt_command c = { .model = "", .engine = "", .calibration = "", .plugins = "", .args = args, .device = "",
				   .from_log = from_log, .file = file, .line = at };
	bool is_load = false;
	char *word;
	*ret_added = false;
	for (size_t n = 0; n < 4 * ADOPT_MAX_ARGS && next_word(to->a, &line, &word); n++)
		if (word[0] == '-')
			take_option(to, &c, word, &is_load);
	if (is_load || (!c.engine[0] && !c.model[0]))
		return 0;
	if (to->count >= ADOPT_MAX_COMMANDS)
		return err_set(err, RF_ETOOMANY, "more than %d builds in the logs", ADOPT_MAX_COMMANDS);
	if (to->count == to->capacity) {
		size_t capacity = to->capacity ? to->capacity * 2 : 64;
		struct adopt_command *list = arena_array(to->a, capacity, sizeof *list);
		if (!list)
			return err_set(err, RF_ENOMEM, "no memory for builds of logs");
		if (to->count)
			memcpy(list, to->list, to->count * sizeof *list);
		to->list = list;
		to->capacity = capacity;
	}
	c.args = arena_array(to->a, c.args_n + 1, sizeof *c.args);
	if (!c.args)
		return err_set(err, RF_ENOMEM, "no memory for builds of logs");
	memcpy(c.args, args, c.args_n * sizeof *args);
	to->list[to->count++] = c;
	*ret_added = true;
	return 0;
}

/* ── a text ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Behind @label in @line, trimmed; SPAN_NONE when it does not stand there. */
static struct span behind(struct span line, const char *label)
{
	size_t at = span_find(line, span_of(label));
	return at == SIZE_MAX ? SPAN_NONE : span_trim(span_from(line, at + strlen(label)));
}

static void copy(char *to, size_t size, struct span from)
{
	snprintf(to, size, "%.*s", SPAN_ARG(span_sub(from, 0, size - 1)));
}

/* A line of trtexec's own log, behind its RUNNING line. */
static int read_detail(struct adopt_commands *to, struct adopt_command *c, struct span line, struct err *err)
{
	struct span v = behind(line, "Compute Capability:");
	if (v.n)
		copy(c->compute_capability, sizeof c->compute_capability, v);
	v = behind(line, "Selected Device:");
	if (v.n && !(c->device = arena_text(to->a, span_sub(v, 0, 96))))
		return err_set(err, RF_ENOMEM, "no memory for builds of logs");
	v = behind(line, "TensorRT version:");
	if (v.n && !c->version[0])
		copy(c->version, sizeof c->version, v);
	c->passed |= span_find(line, SPAN("&&&& PASSED TensorRT.trtexec")) != SIZE_MAX;
	c->failed |= span_find(line, SPAN("&&&& FAILED TensorRT.trtexec")) != SIZE_MAX;
	return 0;
}

/* "... RUNNING TensorRT.trtexec [TensorRT v8601] [b12] # /usr/bin/trtexec --onnx=..." */
static int read_running(struct adopt_commands *to, struct span line, const char *file, uint64_t at,
			bool *ret_added, struct err *err)
{
	size_t hash = span_find(line, SPAN(" # "));
	struct span number = behind(line, "[TensorRT v");
	*ret_added = false;
	if (hash == SIZE_MAX)
		return 0;
	int rc = add_command(to, span_from(line, hash + 3), file, at, true, ret_added, err);
	size_t n = 0;
	while (n < number.n && number.p[n] >= '0' && number.p[n] <= '9')
		n++;
	if (!rc && *ret_added) {
		struct adopt_command *c = &to->list[to->count - 1];
		read_version_number(span_sub(number, 0, n), c->version, sizeof c->version);
	}
	return rc;
}

/* Where "trtexec" stands as a word of its own, or behind a path. SIZE_MAX: nowhere. The word's end. */
static size_t find_program(struct span line)
{
	size_t from = 0, at;
	while ((at = span_find(span_from(line, from), SPAN("trtexec"))) != SIZE_MAX) {
		at += from;
		size_t end = at + strlen("trtexec");
		char before = at ? line.p[at - 1] : ' ', after = end < line.n ? line.p[end] : '\n';
		if (strchr(" \t/'\"`(=", before) && strchr(" \t\\", after))
			return end;
		from = end;
	}
	return SIZE_MAX;
}

int adopt_log_read(struct adopt_commands *to, struct span text, const char *file, struct err *err)
{
	size_t running = SIZE_MAX; /* whose log we are in */
	bool added;
	struct span rest = span_sub(text, 0, ADOPT_MAX_LOG_BYTES), line;
	int rc = 0;
	for (uint64_t at = 1; rc == 0 && rest.n; at++) {
		struct span from_here = rest;
		if (!span_line(&rest, &line))
			break;
		if (span_find(line, SPAN("&&&& RUNNING TensorRT.trtexec")) != SIZE_MAX) {
			rc = read_running(to, line, file, at, &added, err);
			running = added ? to->count - 1 : SIZE_MAX;
			continue;
		}
		if (running != SIZE_MAX && (rc = read_detail(to, &to->list[running], line, err)) != 0)
			break;
		size_t comment = span_starts(span_trim(line), "#") ? 0 : SIZE_MAX;
		size_t program = comment == SIZE_MAX && span_find(line, SPAN("&&&&")) == SIZE_MAX ? find_program(line) : SIZE_MAX;
		if (program != SIZE_MAX)
			rc = add_command(to, span_from(from_here, program), file, at, false, &added, err);
	}
	return rc;
}
