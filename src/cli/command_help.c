/* help, version, completion, man: about the program itself. */
#include "cli/command.h"
#include "cli/output.h"

static void verb_json(struct json_out *o, const struct command *c, const struct verb *v)
{
	json_object(o);
	json_member(o, "command", c->name);
	json_member(o, "verb", v->name[0] ? v->name : NULL);
	json_member(o, "arguments", v->arguments);
	json_member(o, "summary", v->summary);
	json_key(o, "options");
	json_array(o);
	for (const struct option_row *row = v->options; row && row->name; row++) {
		json_object(o);
		json_member(o, "name", row->name);
		json_member(o, "argument", row->argument);
		json_member(o, "help", row->help);
		json_member(o, "words", row->words);
		json_object_end(o);
	}
	json_array_end(o);
	json_object_end(o);
}

/* All of the tables, for those who make other front ends of them. */
static int help_json(struct err *err)
{
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	struct json_out o = json_out(&text, out_is_terminal());
	json_array(&o);
	for (size_t i = 0; cli_commands[i]; i++)
		for (const struct verb *v = cli_commands[i]->verbs; v->name; v++)
			verb_json(&o, cli_commands[i], v);
	json_array_end(&o);
	return out_json(&text, err);
}

static int run_help(const struct invocation *in, struct err *err)
{
	if (in->json)
		return help_json(err);
	if (option_flag(in, "man")) {
		cli_man();
		return 0;
	}
	if (in->argument_count == 0) {
		cli_help(NULL, NULL);
		return 0;
	}
	for (size_t i = 0; cli_commands[i]; i++) {
		if (strcmp(cli_commands[i]->name, in->arguments[0]) != 0)
			continue;
		const struct verb *verb = NULL;
		for (const struct verb *v = cli_commands[i]->verbs; in->argument_count > 1 && v->name; v++)
			if (strcmp(v->name, in->arguments[1]) == 0)
				verb = v;
		cli_help(cli_commands[i], verb);
		return 0;
	}
	return err_set(err, RF_EUSAGE, "there is no command '%s'; '%s help' lists them", in->arguments[0],
	               cli_program.name);
}

static const struct option_row help_options[] = { { "man", 0, OPTION_FLAG, NULL, "the man page, roff", NULL }, { 0 } };
const struct command command_help = {
	"help", "what a command does",
	(const struct verb[]){ { "", "[COMMAND [VERB]]", "what a command does", 0, 2, help_options, run_help, NULL }, { 0 } },
};

static int run_version(const struct invocation *in, struct err *err)
{
	if (!in->json) {
		out("%s " REFORGE_VERSION "\n", cli_program.name);
		return 0;
	}
	RF_AUTO(str) text = STR_INIT(1 * KIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member(&o, "version", REFORGE_VERSION);
	json_object_end(&o);
	return out_json(&text, err);
}

const struct command command_version = {
	"version", "this program's version",
	(const struct verb[]){ { "", "", "this program's version", 0, 0, NULL, run_version, NULL }, { 0 } },
};

/* One word list per command: verbs and options. Both shells get the same lists. */
static void word_list(const struct command *c)
{
	for (const struct verb *v = c->verbs; v->name; v++) {
		if (v->name[0])
			out("%s ", v->name);
		for (const struct option_row *o = v->options; o && o->name; o++)
			out("--%s ", o->name);
	}
	out("--json --help --quiet --yes -C");
}

static void completion_bash(void)
{
	out("# bash completion for reforge: eval \"$(reforge completion bash)\"\n_reforge() {\n"
	    "  local cur=${COMP_WORDS[COMP_CWORD]} words\n"
	    "  if [ \"$COMP_CWORD\" -eq 1 ]; then words=\"");
	for (size_t i = 0; cli_commands[i]; i++)
		out("%s%s", i ? " " : "", cli_commands[i]->name);
	out("\"; else case ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; cli_commands[i]; i++) {
		out("    %s) words=\"", cli_commands[i]->name);
		word_list(cli_commands[i]);
		out("\";;\n");
	}
	out("    *) words=;; esac; fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	    "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n}\ncomplete -F _reforge reforge\n");
}

/* Inside single quotes of a shell: a quote ends them, stands escaped, and opens them again. */
static void quoted(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			out("'\\''");
		else
			out("%c", *text);
	}
}

static void completion_zsh(void)
{
	out("#compdef reforge\n# zsh completion for reforge: reforge completion zsh > \"${fpath[1]}/_reforge\"\n_reforge() {\n"
	    "  if (( CURRENT == 2 )); then\n    local -a c=(");
	for (size_t i = 0; cli_commands[i]; i++) {
		out("'%s:", cli_commands[i]->name);
		quoted(cli_commands[i]->summary);
		out("' ");
	}
	out(")\n    _describe command c\n  else\n    case $words[2] in\n");
	for (size_t i = 0; cli_commands[i]; i++) {
		out("      %s) compadd -- ", cli_commands[i]->name);
		word_list(cli_commands[i]);
		out(";;\n");
	}
	out("    esac\n    _files\n  fi\n}\n_reforge \"$@\"\n");
}

static void completion_fish(void)
{
	for (size_t i = 0; cli_commands[i]; i++) {
		out("complete -c reforge -n __fish_use_subcommand -a %s -d '", cli_commands[i]->name);
		quoted(cli_commands[i]->summary);
		out("'\n");
		out("complete -c reforge -n '__fish_seen_subcommand_from %s' -a '", cli_commands[i]->name);
		word_list(cli_commands[i]);
		out("'\n");
	}
}

static int run_completion(const struct invocation *in, struct err *err)
{
	static const struct { const char *shell; void (*print)(void); } shells[] = {
		{ "bash", completion_bash }, { "zsh", completion_zsh }, { "fish", completion_fish },
	};
	for (size_t i = 0; i < RF_COUNT(shells); i++)
		if (strcmp(shells[i].shell, in->arguments[0]) == 0) {
			shells[i].print();
			return 0;
		}
	return err_set(err, RF_EUSAGE, "'%s' is none of: bash zsh fish", in->arguments[0]);
}

const struct command command_completion = {
	"completion", "shell completion for bash, zsh or fish",
	(const struct verb[]){ { "", "SHELL", "shell completion for bash, zsh or fish", 1, 1, NULL, run_completion,
	                         "  eval \"$(reforge completion bash)\"" }, { 0 } },
};
