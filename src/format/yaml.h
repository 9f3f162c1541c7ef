/*
 * yaml - reading YAML 1.2 through libfyaml, with the line of every node. Anchors and aliases are refused (a billion
 * laughs cannot be written), so are duplicate keys, tags, several documents.
 *
 * Pure. May use base/ only. Nodes and spans live as long as the document.
 * Known: libfyaml 0.7.12 loses a buffer (at most twice the text) when a quoted scalar is malformed; a long-lived
 * program that takes YAML from others must count on it.
 */
#ifndef REFORGE_FORMAT_YAML_H
#define REFORGE_FORMAT_YAML_H

#include "base/err.h"
#include "base/span.h"

#define YAML_MAX_BYTES (64 * MIB) /* a fleet of 20,000 engines with overrides is 4 MB */
#define YAML_MAX_DEPTH 32
#define YAML_MAX_NODES ((size_t)4000000) /* scalars, keys, lists, mappings; that fleet has 1.2 million */

struct yaml_doc;
struct yaml_node;
enum yaml_kind { YAML_ABSENT = 0, YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

/* @file is for error texts, NULL for none. @bytes may be freed after. A UTF-8 byte order mark is skipped.
 * RF_EFORMAT with file and line: no UTF-8, no YAML, or one of the refusals above; RF_ETOOBIG; RF_ETOOMANY; RF_ENOMEM.
 */
RF_MUST_CHECK int yaml_parse(struct span bytes, const char *file, struct yaml_doc **ret, struct err *err);
void yaml_doc_free(struct yaml_doc *doc);
void yaml_doc_freep(struct yaml_doc **doc);
const struct yaml_node *yaml_root(const struct yaml_doc *doc); /* NULL for an empty document */

/* All take NULL nodes: absent. */
enum yaml_kind yaml_kind(const struct yaml_node *n);
uint64_t yaml_line(const struct yaml_node *n);      /* from 1 */
struct span yaml_scalar(const struct yaml_node *n); /* text after quoting rules; SPAN_NONE if no scalar */
bool yaml_is_null(const struct yaml_node *n);       /* plain empty, ~ or null; absent too */
bool yaml_is_quoted(const struct yaml_node *n);
size_t yaml_count(const struct yaml_node *n);
const struct yaml_node *yaml_at(const struct yaml_node *n, size_t i); /* element, or value of the i-th pair */
const struct yaml_node *yaml_key_at(const struct yaml_node *n, size_t i);
const struct yaml_node *yaml_get(const struct yaml_node *n, const char *key); /* NULL when absent */

#endif
