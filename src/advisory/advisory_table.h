/*
 * advisory_table - which column of a table says what, as people write it in reforge.yaml:
 *
 *   mapping: {id: CVE编号, title: 漏洞名称, affected: 影响版本, fixed: 修复版本, tlp: 密级, publisher: CNVD, delimiter:
 * ";"}
 *
 * Pure. May use base/, format/.
 */
#ifndef REFORGE_ADVISORY_ADVISORY_TABLE_H
#define REFORGE_ADVISORY_ADVISORY_TABLE_H

#include "advisory/advisory.h"
#include "format/yaml.h"

/* @node is a mapping of our column names (struct advisory_mapping) to the table's; texts are copied into @a. RF_EFORMAT
 * with the line and the accepted keys: an unknown key, no text, a delimiter of several bytes; RF_ENOMEM. */
RF_MUST_CHECK int advisory_mapping_read(struct arena *a, const struct yaml_node *node, struct advisory_mapping *ret,
					struct err *err);
/* The same from the text of a YAML file. */
RF_MUST_CHECK int advisory_mapping_parse(struct arena *a, struct span yaml, const char *file,
					 struct advisory_mapping *ret, struct err *err);

#endif
