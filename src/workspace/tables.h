/* Inside of workspace/: the option tables of both files, for the reader of one another and for the schemas. */
#ifndef REFORGE_WORKSPACE_TABLES_H
#define REFORGE_WORKSPACE_TABLES_H

#include "workspace/options.h"

extern const struct options owner_options;     /* struct owner */
extern const struct options recipe_options;    /* struct recipe */
extern const struct options workspace_options; /* struct workspace */
extern const char *const toolchain_names[];    /* NULL-terminated */

#endif
