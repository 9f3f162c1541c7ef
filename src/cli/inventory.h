/*
 * inventory - what `inventory import` can be given. Private to cli/.
 *
 * A form is a file import_NAME.c and a row of inventory_imports[] (command_inventory.c).
 */
#ifndef REFORGE_CLI_INVENTORY_H
#define REFORGE_CLI_INVENTORY_H

#include "cli/site.h"
#include "inventory/inventory.h"

/* Verbs that read: inventory_list.c. */
int inventory_list(const struct invocation *in, struct err *err);
extern const struct option_row inventory_list_options[];
int inventory_show(const struct invocation *in, struct err *err);
extern const struct option_row inventory_show_options[];
int inventory_findings(const struct invocation *in, struct err *err); /* inventory_findings.c */
extern const struct option_row inventory_findings_options[];

#define INVENTORY_IMPORT_MAX_BYTES ((size_t)2 * GIB)

/* One run: where things go, and what came of it so far. */
struct importing {
	const struct invocation *in;
	struct site *site;
	const char *service, *environment; /* "" none */
	struct inventory_changes changes;  /* summed */
	uint64_t components;
	uint64_t findings; /* files with one */
	uint64_t refused;  /* reports of hosts that did not come in; the others did */
};

struct inventory_import {
	const char *name; /* "sbom" */
	/* Is the file such a one? */
	bool (*is)(struct span bytes);
	/* Records it. */
	int (*run)(struct importing *i, const char *path, struct span bytes, struct err *err);
};
/* export --cmdb, --webhook: inventory_writeback.c */
int inventory_writeback(const struct invocation *in, struct err *err);
/* With --mapping: the file is a CMDB's, whatever it looks like. */
int inventory_import_cmdb(struct importing *i, const char *path, struct span bytes, struct err *err);
extern const struct inventory_import inventory_import_host;
extern const struct inventory_import inventory_import_sbom;

/* inventory export, inventory_export.c */
extern const struct option_row inventory_export_options[];
int inventory_export(const struct invocation *in, struct err *err);

#endif
