/*
 * adopt_int - shared by the files of adopt; nobody else includes it.
 */
#ifndef REFORGE_INVENTORY_ADOPT_INT_H
#define REFORGE_INVENTORY_ADOPT_INT_H

#include "inventory/adopt.h"

/* A name of a recipe or service from any text: [A-Za-z0-9._-], no dot or dash first, others become '_'. NULL: no memory.
 */
char *adopt_plain_name(struct arena *a, struct span text);
/* A double-quoted scalar: JSON's strings are YAML's. */
void adopt_quoted(struct str *to, const char *text);

#endif
