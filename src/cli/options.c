/* options - from argv to an invocation, by the commands' tables. See cli.h */
#include "cli/cli.h"

#include "base/time.h"

#include <assert.h>

static const struct command *command_named(const char *name)
{
	for (size_t i = 0; cli_commands[i]; i++)
		if (strcmp(cli_commands[i]->name, name) == 0)
			return cli_commands[i];
	return NULL;
}

static const struct verb *verb_named(const struct command *command, const char *name)
{
	for (const struct verb *v = command->verbs; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

/* Edit distance, bounded by the short names it is used on. */
static size_t distance(const char *a, const char *b)
{
	size_t row[48], n = strlen(b);
	if (n >= RF_COUNT(row) || strlen(a) >= RF_COUNT(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t keep = row[j], change = diagonal + (a[i - 1] != b[j - 1]);
			row[j] = RF_MIN(change, RF_MIN(row[j], row[j - 1]) + 1);
			diagonal = keep;
		}
	}
	return row[n];
}

static void nearest(const char *wanted, const char *candidate, const char **best, size_t *best_distance)
{
	size_t d = distance(wanted, candidate);
	if (d < *best_distance) {
		*best = candidate;
		*best_distance = d;
	}
}

static int unknown_command(const char *name, struct err *err)
{
	const char *best = NULL;
	size_t d = 3;
	for (size_t i = 0; cli_commands[i]; i++)
		nearest(name, cli_commands[i]->name, &best, &d);
	return err_set(err, RF_EUSAGE, "there is no command '%s'%s%s%s; '%s help' lists them", name, best ? "; did you mean '" : "",
	               best ? best : "", best ? "'?" : "", cli_program.name);
}

static int unknown_option(const struct verb *verb, const char *name, struct err *err)
{
	const char *best = NULL;
	size_t d = 3;
	for (const struct option_row *o = verb->options; o && o->name; o++)
		nearest(name, o->name, &best, &d);
	return err_set(err, RF_EUSAGE, "there is no option --%s here%s%s%s; --help lists them", name, best ? "; did you mean --" : "",
	               best ? best : "", best ? "?" : "");
}

static bool among(const char *words, struct span value)
{
	struct span rest = span_of(words), word;
	while (span_split(&rest, ' ', &word))
		if (span_eq(word, value))
			return true;
	return false;
}

static int set_value(const struct option_row *row, struct option_value *value, const char *text, struct err *err)
{
	struct span rest = span_of(text), part;
	value->given = true;
	switch (row->kind) {
	case OPTION_FLAG:
		return 0;
	case OPTION_TEXT:
		value->text = text;
		if (row->words && !among(row->words, rest))
			return err_set(err, RF_EUSAGE, "--%s: '%s' is none of: %s", row->name, text, row->words);
		return 0;
	case OPTION_NUMBER:
		if (!span_i64(rest, &value->number))
			return err_set(err, RF_EUSAGE, "--%s: '%s' is no whole number", row->name, text);
		return 0;
	case OPTION_DURATION:
		if (duration_read(rest, &value->number, err) != 0)
			return err_set(err, RF_EUSAGE, "--%s: '%s' is no duration (30m, 4h, 2d)", row->name, text);
		return 0;
	case OPTION_LIST:
		if (value->count == OPTION_LIST_MAX)
			return err_set(err, RF_ETOOMANY, "--%s: more than %d values", row->name, OPTION_LIST_MAX);
		value->list[value->count++] = text;
		while (row->words && span_split(&rest, ',', &part))
			if (!among(row->words, part))
				return err_set(err, RF_EUSAGE, "--%s: '%.*s' is none of: %s", row->name, SPAN_ARG(part), row->words);
		return 0;
	}
	return RF_EINTERNAL;
}

struct cursor {
	int argc;
	char **argv;
	int at;
};

/* An option every command has. 1: taken; 0: not one of them. */
static int global_option(struct cursor *c, struct invocation *in, bool *ret_help, struct err *err)
{
	const char *arg = c->argv[c->at];
	if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
		*ret_help = true;
	} else if (strcmp(arg, "--json") == 0) {
		in->json = true;
	} else if (strcmp(arg, "--quiet") == 0 || strcmp(arg, "-q") == 0) {
		in->quiet = true;
	} else if (cli_program.workspace && (strcmp(arg, "--yes") == 0 || strcmp(arg, "-y") == 0)) {
		in->yes = true;
	} else if (!cli_program.workspace) {
		return 0;
	} else if (strcmp(arg, "-C") == 0) {
		if (c->at + 1 >= c->argc)
			return err_set(err, RF_EUSAGE, "-C needs the folder of a workspace");
		in->workspace = c->argv[++c->at];
	} else if (strncmp(arg, "-C", 2) == 0 && arg[2]) {
		in->workspace = arg + 2;
	} else {
		return 0;
	}
	c->at++;
	return 1;
}

static const struct option_row *row_of(const struct verb *verb, struct span name, char letter, size_t *ret_index)
{
	size_t i = 0;
	for (const struct option_row *o = verb->options; o && o->name; o++, i++)
		if (letter ? o->letter == letter : span_eq_text(name, o->name)) {
			*ret_index = i;
			return o;
		}
	return NULL;
}

/* --name, --name=value, --name value, -x, -x value */
static int own_option(struct cursor *c, struct invocation *in, struct err *err)
{
	const char *arg = c->argv[c->at++];
	bool is_long = arg[1] == '-';
	struct span name = span_of(arg + (is_long ? 2 : 1));
	size_t equals = is_long ? span_find_byte(name, '=') : SIZE_MAX, index = 0;
	const char *value = equals == SIZE_MAX ? NULL : name.p + equals + 1;
	name = span_sub(name, 0, equals);
	if (!is_long && name.n != 1)
		return err_set(err, RF_EUSAGE, "'%s': one letter an option; --help lists them", arg);
	const struct option_row *row = row_of(in->verb, name, is_long ? '\0' : name.p[0], &index);
	if (!row) {
		char text[64];
		snprintf(text, sizeof text, "%.*s", (int)RF_MIN(name.n, (size_t)60), name.p);
		return unknown_option(in->verb, text, err);
	}
	if (row->kind == OPTION_FLAG && value)
		return err_set(err, RF_EUSAGE, "--%s takes no value", row->name);
	if (row->kind != OPTION_FLAG && !value) {
		if (c->at >= c->argc)
			return err_set(err, RF_EUSAGE, "--%s needs %s", row->name, row->argument);
		value = c->argv[c->at++];
	}
	assert(index < COMMAND_MAX_OPTIONS);
	return set_value(row, &in->values[index], value, err);
}

static int check_count(const struct invocation *in, struct err *err)
{
	const struct verb *v = in->verb;
	if (in->argument_count >= v->least && in->argument_count <= v->most)
		return 0;
	const char *space = v->name[0] ? " " : "", *more = v->arguments[0] ? " " : "";
	return err_set(err, RF_EUSAGE, "%s: usage: %s %s%s%s%s%s [options]", in->argument_count < v->least ? "too few arguments" : "too many arguments",
	               cli_program.name, in->command->name, space, v->name, more, v->arguments);
}

static int pick_verb(struct cursor *c, struct invocation *in, bool help, struct err *err)
{
	const struct verb *plain = verb_named(in->command, "");
	const struct verb *named = c->at < c->argc ? verb_named(in->command, c->argv[c->at]) : NULL;
	if (named && named->name[0]) {
		in->verb = named;
		c->at++;
		return 0;
	}
	in->verb = plain;
	if (plain || help)
		return 0;
	if (c->at >= c->argc || c->argv[c->at][0] == '-')
		return err_set(err, RF_EUSAGE, "%s %s needs a verb; '%s %s --help' lists them", cli_program.name, in->command->name, cli_program.name,
		               in->command->name);
	return err_set(err, RF_EUSAGE, "%s %s has no verb '%s'; '%s %s --help' lists them", cli_program.name, in->command->name, c->argv[c->at],
	               cli_program.name, in->command->name);
}

/* Positional arguments are moved to the front of argv, whose pointers are ours to reorder. */
static int read_rest(struct cursor *c, struct invocation *in, bool *help, struct err *err)
{
	char **positional = c->argv + c->at;
	size_t count = 0;
	while (c->at < c->argc) {
		char *arg = c->argv[c->at];
		if (strcmp(arg, "--") == 0) {
			c->at++;
			/* a command of its own for those who wrap one; else the end of options, as everywhere */
			if (in->verb->wraps)
				in->wrapped = (const char *const *)(c->argv + c->at);
			for (; !in->verb->wraps && c->at < c->argc; c->at++)
				positional[count++] = c->argv[c->at];
			break;
		}
		int taken = global_option(c, in, help, err);
		if (taken < 0)
			return taken;
		if (taken)
			continue;
		if (arg[0] == '-' && arg[1]) {
			int rc = own_option(c, in, err);
			if (rc != 0)
				return rc;
			continue;
		}
		positional[count++] = arg;
		c->at++;
	}
	in->arguments = (const char *const *)positional;
	in->argument_count = count;
	return 0;
}

int invocation_read(int argc, char **argv, struct invocation *ret, struct err *err)
{
	struct cursor c = { argc, argv, 1 };
	bool help = false;
	*ret = (struct invocation){ 0 };
	while (c.at < argc && argv[c.at][0] == '-') {
		if (strcmp(argv[c.at], "--version") == 0) {
			argv[c.at] = (char *)(uintptr_t) "version";
			break;
		}
		int taken = global_option(&c, ret, &help, err);
		if (taken < 0)
			return taken;
		if (taken == 0)
			return err_set(err, RF_EUSAGE, "'%s' in front of a command; '%s help' lists commands and options", argv[c.at],
			               cli_program.name);
	}
	if (c.at >= argc) {
		cli_help(NULL, NULL);
		return help ? 0 : err_set(err, RF_EUSAGE, "which command?");
	}
	const struct command *command = command_named(argv[c.at]);
	if (!command)
		return unknown_command(argv[c.at], err);
	c.at++;
	ret->command = command;
	for (int i = c.at; i < argc && strcmp(argv[i], "--") != 0; i++)
		help |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
	int rc = pick_verb(&c, ret, help, err);
	if (rc != 0)
		return rc;
	if (help) {
		cli_help(command, ret->verb && ret->verb->name[0] ? ret->verb : NULL);
		ret->command = NULL;
		return 0;
	}
	rc = read_rest(&c, ret, &help, err);
	return rc != 0 ? rc : check_count(ret, err);
}

const struct option_value *option(const struct invocation *in, const char *name)
{
	size_t index = 0;
	const struct option_row *row = row_of(in->verb, span_of(name), '\0', &index);
	assert(row);
	(void)row;
	return &in->values[index];
}

bool option_flag(const struct invocation *in, const char *name)
{
	return option(in, name)->given;
}

const char *option_text(const struct invocation *in, const char *name, const char *otherwise)
{
	const struct option_value *value = option(in, name);
	return value->given ? value->text : otherwise;
}
