/*
 * options - the table-driven reading of reforge.yaml and of recipes; inside of workspace/ only.
 *
 * A table says, per key: kind, place in the struct, whether it must be there, what it is when left out, words for
 * people. From the same table come the reader, its messages and the JSON Schema: adding a key is one row.
 *
 *   table ──options_read(yaml)──► struct        table ──options_schema()──► docs/schema/NAME.schema.json
 *
 * Pure. Structs are filled in the order of the rows, so that a row may look up what an earlier one read.
 */
#ifndef REFORGE_WORKSPACE_OPTIONS_H
#define REFORGE_WORKSPACE_OPTIONS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "format/yaml.h"

enum option_kind {
	/* one value; in brackets the C type at the row's place */
	OPTION_TEXT,     /* (const char *) not empty, no control characters */
	OPTION_NAME,     /* (const char *) recipe_name_is_valid() */
	OPTION_PATH,     /* (const char *) absolute and normal when the reader has a folder, else as written */
	OPTION_SHA256,   /* (const char *) 64 lower-case hex digits */
	OPTION_TARGET,   /* (const char *) "linux-x86_64/sm_86" */
	OPTION_CHOICE,   /* (const char *) one of row.choices */
	OPTION_ENUM,     /* (int) the place in row.choices */
	OPTION_DURATION, /* (int64_t, microseconds) "30m" */
	OPTION_BYTES,    /* (uint64_t) "4GiB" */
	OPTION_COUNT,    /* (uint32_t) low..high */
	OPTION_NUMBER,   /* (double) low..high; NAN when absent */
	OPTION_GROWTH,   /* (double) "+5%" is 0.05; NAN when absent */
	OPTION_LOSS,     /* (double) "-5%" is 0.05; NAN when absent */
	OPTION_SAMPLES,  /* (uint32_t [2]) "500..5000" */
	OPTION_DATE,     /* (usec_t) "2024-11-21"; USEC_NONE when absent */
	OPTION_CUSTOM,   /* row.custom reads it; row.pattern and row.accepts describe it */
	/* many values */
	OPTION_GROUP, /* (struct, in place) row.group */
	OPTION_LIST,  /* (const T *, size_t at count_at) row.items */
	OPTION_MAP,   /* the same; T holds its key at items->key_at */
};

struct options_reader {
	struct arena *arena; /* holds every result */
	const char *file;    /* for messages */
	const char *folder;  /* what paths are relative to; NULL: leave them as written */
	void *root;          /* the struct of the whole document, for custom rows */
	struct err *err;
	uint64_t line;  /* of the value at hand */
	char path[192]; /* key path of the value at hand: "services.voice.roots[1]" */
};

struct option;
struct options {
	const struct option *rows;
	size_t n;
	const char *help; /* what the group is */
};

/* What a list or a map holds. */
struct option_items {
	size_t bytes;                   /* sizeof(T) */
	size_t max;                     /* more is RF_ETOOMANY */
	size_t key_at;                  /* maps: where T keeps its key, a const char * */
	bool key_is_name;               /* maps: keys are recipe_name_is_valid() */
	const char *const *key_choices; /* maps: the only keys there are; NULL-terminated */
	const struct options *group;    /* T is a group ... */
	const struct option *scalar;    /* ... or one value at scalar->at */
};

struct option {
	const char *key;
	enum option_kind kind;
	size_t at;                  /* offsetof the value in the struct */
	bool required;              /* lists and maps: at least one */
	const char *otherwise;      /* the value, as one would write it, when left out; NULL: zero, NULL, NAN */
	const char *help;           /* one sentence */
	const char *const *choices; /* NULL-terminated */
	double low, high;           /* OPTION_COUNT, OPTION_NUMBER */
	const struct options *group;
	const struct option_items *items;
	size_t count_at;
	int (*custom)(struct options_reader *r, struct span text, void *target); /* errors by options_refuse() */
	const char *pattern;                                                     /* regular expression for the schema */
	const char *accepts; /* "NAME@VERSION, for example onnxruntime@1.20.1" */
};
#define OPTIONS(table, words)                                          \
	{                                                              \
		.rows = (table), .n = RF_COUNT(table), .help = (words) \
	}

/* Fills @target (zeroed by the caller) from the mapping @node; nothing (`tensorrt:` alone, an empty file) is an empty
 * mapping, which lacks what is required. */
RF_MUST_CHECK int options_read(struct options_reader *r, const struct options *o, const struct yaml_node *node,
			       void *target);
/* Sets the reader's error at the value at hand: file, line, key path. Returns @code. */
int options_refuse(struct options_reader *r, int code, const char *format, ...) RF_PRINTF(3, 4);
/* "did you mean \"reach\"? " or "": the known word nearest to @word, at most two slips or a third of it away. @words
 * NULL-terminated. */
const char *options_nearest(struct span word, const char *const *words);

/* A whole JSON Schema (draft 2020-12), pretty, with a newline at the end. */
void options_schema(const struct options *o, const char *id, const char *title, struct str *to);

/* Kinds of one value: what they accept, for people and for the schema. */
struct option_scalar {
	int (*read)(struct options_reader *r, const struct option *o, struct span text, void *target);
	const char *accepts;
	const char *pattern;
	const char *json_type;
};
const struct option_scalar *options_scalar(enum option_kind kind); /* NULL for groups, lists, maps */

/* Absolute, normal form of @path under @folder (absolute) into @buffer; false when it does not fit. */
bool path_normal(const char *folder, struct span path, char *buffer, size_t size);

#endif
