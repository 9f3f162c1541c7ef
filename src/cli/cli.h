/*
 * cli - the program's commands: one file each (command_*.c), one row each in cli_commands[] (cli.c).
 *
 * The boundary: only here is anything printed, logged above debug, or turned into an exit status. May use every room but
 * server/, which stands beside it: main() wires in what a command needs of it.
 *
 *   argv ──► cli_commands[] ──► option tables ──► run() ──► exit status (design 6.1)
 *
 * Exit: 2 could not run; else 1 any deny or failed judgement; else 3 any conflict, unknown or inconclusive; else 0. In front
 * of a command ("-- CMD") 125 could not run, 126 denied, else the command's own.
 */
#ifndef REFORGE_CLI_CLI_H
#define REFORGE_CLI_CLI_H

#include "base/err.h"
#include "base/span.h"

#define CLI_STATUS_WRAP_FAILED 125
#define CLI_STATUS_WRAP_DENIED 126

/* What main() has of the rooms beside this one. */
struct cli_wiring {
	const struct admission_server *admission; /* `gate serve`; NULL in a program that does not serve */
};
/* What main() calls; prints errors itself. Returns the exit status. */
int cli_main(int argc, char **argv, const struct cli_wiring *wiring);

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_DURATION, OPTION_LIST };

/* One option of a command. The value goes to values[row], in the order of the table. */
struct option_row {
	const char *name;          /* long name without dashes: "until" */
	char letter;               /* 0: none */
	enum option_kind kind;
	const char *argument;      /* "STEP", for help; NULL with a flag */
	const char *help;          /* one line; what it does and its default */
	const char *words;         /* accepted words separated by blanks, for errors and completion; NULL: free */
};

#define OPTION_LIST_MAX 64
struct option_value {
	bool given;
	const char *text;          /* OPTION_TEXT: the last one given; NULL when absent */
	int64_t number;            /* OPTION_NUMBER; OPTION_DURATION in microseconds */
	const char *list[OPTION_LIST_MAX];   /* OPTION_LIST: each time it was given, commas split no more than here */
	size_t count;
};

#define COMMAND_MAX_OPTIONS 16
/* What a command's run() gets. Everything lives until it returns. */
struct invocation {
	const struct command *command;
	const struct verb *verb;             /* NULL for commands without verbs */
	const struct cli_wiring *wiring;
	const char *const *arguments;        /* positional ones */
	size_t argument_count;
	const char *const *wrapped;          /* verbs that wrap: what is behind "--", NULL-ended; NULL when absent */
	struct option_value values[COMMAND_MAX_OPTIONS];
	bool json;                           /* --json */
	const char *workspace;               /* -C DIR; NULL: found from the working folder upwards */
	bool quiet;                          /* no progress */
	bool yes;                            /* --yes: do not ask */
};

struct verb {
	const char *name;
	const char *arguments;               /* "CVE|INCIDENT", for help; "" none */
	const char *summary;                 /* one line */
	size_t least, most;                  /* positional arguments; most SIZE_MAX: any number */
	const struct option_row *options;    /* ends with name NULL; NULL: none */
	/* 0 or an exit status 1, 3 by the contract above; negative RF_E* with @err set. */
	int (*run)(const struct invocation *in, struct err *err);
	const char *details;                 /* paragraphs for `help` and the man page; NULL: none */
	bool wraps;                          /* "-- CMD": a command to run; false: "--" ends the options */
};

struct command {
	const char *name;
	const char *summary;
	const struct verb *verbs;            /* ends with name NULL; one whose name is "" is the command without verb */
};

/* What a program says of itself. */
struct program {
	const char *name;                    /* "reforge" */
	const char *summary;
	const char *start;                   /* last line of its help */
	bool workspace;                      /* its commands work on one: -C, --yes */
};
/* The program and the table of its commands, NULL-ended: help, completion and man pages are made from them. reforge's are
 * in cli.c, reforge-gate's in gate_main.c. */
extern const struct program cli_program;
extern const struct command *const cli_commands[];

/* The row of @name among the options of the verb at hand; asserts that it is there. */
const struct option_value *option(const struct invocation *in, const char *name);
bool option_flag(const struct invocation *in, const char *name);
const char *option_text(const struct invocation *in, const char *name, const char *otherwise);

/* RF_EUSAGE with a text that names what was wrong and what is accepted. */
RF_MUST_CHECK int invocation_read(int argc, char **argv, struct invocation *ret, struct err *err);

/* Help of everything, of a command, of a verb, onto stdout. */
void cli_help(const struct command *command, const struct verb *verb);
/* The man page, roff, onto stdout: docs/man/reforge.1 holds the same bytes (a test compares). */
void cli_man(void);

#endif
