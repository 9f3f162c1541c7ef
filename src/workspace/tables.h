/* Inside of workspace/: the option tables of both files, for the reader of one another and for the schemas. */
#ifndef REFORGE_WORKSPACE_TABLES_H
#define REFORGE_WORKSPACE_TABLES_H

#include "workspace/options.h"

extern const struct options owner_options;     /* struct owner */
extern const struct options recipe_options;    /* struct recipe */
extern const struct options workspace_options; /* struct workspace */
extern const struct option_items feed_items;   /* struct workspace_feed */
extern const struct option_items registry_items; /* struct workspace_registry */
extern const struct option_items policy_items;   /* struct workspace_policy */
extern const struct options waivers_options;   /* struct workspace */
extern const struct options vex_options;       /* struct workspace_vex */
extern const struct options network_options;   /* struct workspace */
extern const char *const toolchain_names[];    /* NULL-terminated */

struct workspace;
/* What a feed of each kind must say, and what it must not; sets the reader's error. */
RF_MUST_CHECK int check_feeds(struct options_reader *r, const struct workspace *w, const struct yaml_node *root);
/* Policies name environments of this file and registries as references write them; VEX authors name its feeds. Sets the
 * reader's error. */
RF_MUST_CHECK int check_policies(struct options_reader *r, const struct workspace *w, const struct yaml_node *root);
/* A registry's key must be a host as references write it; sets the reader's error. */
RF_MUST_CHECK int check_registries(struct options_reader *r, const struct workspace *w, const struct yaml_node *root);

#endif
