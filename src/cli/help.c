/* help - what people read: made from the tables of the commands, so that it cannot lag behind them. */
#include "cli/cli.h"
#include "cli/output.h"

static const struct global_option {
	const char *option, *text;
	bool workspace; /* of programs that work on one */
} global_options[] = {
	{ "-C DIR", "the workspace (default: the folder with reforge.yaml at or above this one)", true },
	{ "--json", "machine-readable output, documented in docs/cli.md", false },
	{ "-q, --quiet", "no progress", false },
	{ "-y, --yes", "do not ask", true },
	{ "-h, --help", "this help", false },
};

static bool is_had(const struct global_option *o)
{
	return cli_program.workspace || !o->workspace;
}

static void print_globals(void)
{
	out_colour(COLOUR_BOLD, "Everywhere\n");
	for (size_t i = 0; i < RF_COUNT(global_options); i++)
		if (is_had(&global_options[i]))
			out("  %-22s %s\n", global_options[i].option, global_options[i].text);
	out("\nExit status: 0 good; 1 denied or a judgement failed; 3 conflict, unknown or inconclusive; 2 could not run.\n");
}

static void print_options(const struct verb *verb)
{
	if (!verb->options || !verb->options->name)
		return;
	out_colour(COLOUR_BOLD, "\nOptions\n");
	for (const struct option_row *o = verb->options; o->name; o++) {
		char left[80];
		snprintf(left, sizeof left, "%s%c%s--%s%s%s", o->letter ? "-" : "", o->letter ? o->letter : ' ', o->letter ? ", " : "", o->name,
		         o->argument ? " " : "", o->argument ? o->argument : "");
		out("  %-22s %s\n", o->letter ? left : left + 1, o->help);
		if (o->words)
			out("  %-22s one of: %s\n", "", o->words);
	}
}

static void print_usage(const struct command *c, const struct verb *v)
{
	out("  %s %s%s%s%s%s%s\n", cli_program.name, c->name, v->name[0] ? " " : "", v->name, v->arguments[0] ? " " : "", v->arguments,
	    v->options && v->options->name ? " [options]" : "");
}

static void help_verb(const struct command *c, const struct verb *v)
{
	out("%s\n\n", v->summary);
	print_usage(c, v);
	if (v->details)
		out("\n%s\n", v->details);
	print_options(v);
	out("\n");
	print_globals();
}

static void help_command(const struct command *c)
{
	if (c->verbs[0].name && !c->verbs[1].name) {
		help_verb(c, &c->verbs[0]);
		return;
	}
	out("%s\n\n", c->summary);
	for (const struct verb *v = c->verbs; v->name; v++) {
		print_usage(c, v);
		out("      %s\n", v->summary);
		for (const struct option_row *o = v->options; o && o->name; o++)
			out("      --%s%s%s: %s\n", o->name, o->argument ? " " : "", o->argument ? o->argument : "", o->help);
	}
	out("\n");
	print_globals();
}

/* A text as roff: backslashes, and dots or quotes that begin a line, would be read as requests. */
static void roff(const char *text)
{
	bool line_start = true;
	for (; *text; text++) {
		if (line_start && (*text == '.' || *text == '\''))
			out("\\&");
		if (*text == '\\')
			out("\\e");
		else if (*text == '-')
			out("\\-");
		else
			out("%c", *text);
		line_start = *text == '\n';
	}
}

static void roff_verb(const struct command *c, const struct verb *v)
{
	out(".TP\n.B ");
	roff(cli_program.name);
	out(" %s%s%s", c->name, v->name[0] ? " " : "", v->name);
	if (v->arguments[0]) {
		out(" ");
		roff(v->arguments);
	}
	out("\n");
	roff(v->details ? v->details : v->summary);
	out("\n");
	for (const struct option_row *o = v->options; o && o->name; o++) {
		out(".RS\n.TP\n.B \\-\\-%s%s%s\n", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
		roff(o->help);
		if (o->words)
			out("; one of: %s", o->words);
		out("\n.RE\n");
	}
}

/* Of this text: change it with the commands. */
#define MAN_DATE "2026-11-24"

void cli_man(void)
{
	const char *name = cli_program.name;
	out(".\\\" Made by '%s help --man' from the tables of the commands.\n.TH ", name);
	for (const char *p = name; *p; p++)
		out("%c", *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
	out(" 1 \"" MAN_DATE "\" \"%s " REFORGE_VERSION "\"\n.SH NAME\n", name);
	roff(name);
	out(" \\- %s\n.SH SYNOPSIS\n.B ", cli_program.summary);
	roff(name);
	out("\n.I COMMAND\n[\\fIVERB\\fR] [\\fIoptions\\fR]\n.SH COMMANDS\n");
	for (size_t i = 0; cli_commands[i]; i++)
		for (const struct verb *v = cli_commands[i]->verbs; v->name; v++)
			roff_verb(cli_commands[i], v);
	out(".SH OPTIONS EVERYWHERE\n");
	for (size_t i = 0; i < RF_COUNT(global_options); i++) {
		if (!is_had(&global_options[i]))
			continue;
		out(".TP\n.B ");
		roff(global_options[i].option);
		out("\n");
		roff(global_options[i].text);
		out("\n");
	}
	out(".SH EXIT STATUS\n0 good; 1 denied or a judgement failed; 3 conflict, unknown or inconclusive; 2 could not run.\n"
	    ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nno colours\n.TP\n.B REFORGE_LOG\nerror, warn, info or debug (default: warn)\n");
	if (cli_program.workspace)
		out(".SH FILES\n.TP\n.B reforge.yaml\nthe workspace; 'reforge schema reforge' prints its schema\n");
}

void cli_help(const struct command *command, const struct verb *verb)
{
	if (verb) {
		help_verb(command, verb);
		return;
	}
	if (command) {
		help_command(command);
		return;
	}
	out("%s " REFORGE_VERSION " - %s\n\n", cli_program.name, cli_program.summary);
	out("  %s COMMAND [VERB] [options]\n\n", cli_program.name);
	for (size_t i = 0; cli_commands[i]; i++) {
		out_colour(COLOUR_BOLD, "  %-12s", cli_commands[i]->name);
		out(" %s\n", cli_commands[i]->summary);
	}
	out("\n'%s COMMAND --help' tells more. %s\n\n", cli_program.name, cli_program.start);
	print_globals();
}
