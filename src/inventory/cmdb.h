/*
 * cmdb - what a configuration management database says of hosts: whose they are, in which service and environment; a CSV
 * or JSON file of any columns, and a mapping that says what they mean.
 *
 *   mapping.yaml    columns: {host: fqdn, service: business_service, owner: support_group, environment: env, ...}
 *                   values:  {environment: {PROD: production, LAB: null}, criticality: {"1": critical}}
 *                   defaults: {contact: "#oncall"}
 *                   host: {strip_domain: true, lower_case: true}
 *                   format: csv            json is told by its first byte
 *                   delimiter: ";"         CSV; told from the first line when left out
 *                   records: result.items  JSON: where the list of records is; left out: the root
 *
 * Pure but for cmdb_record.h. May use base/, format/. Both files are hostile input: bounded, refused with line (CSV) or
 * record (JSON), field and what is accepted; all rows or none.
 */
#ifndef REFORGE_INVENTORY_CMDB_H
#define REFORGE_INVENTORY_CMDB_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#define CMDB_MAX_BYTES (256 * MIB)
#define CMDB_MAX_MAPPING_BYTES (1 * MIB)
#define CMDB_MAX_ROWS 1000000
#define CMDB_MAX_TEXT 1024 /* of one field */

/* What a column can mean, in the order of cmdb_row.fields. */
enum cmdb_field {
	CMDB_HOST, CMDB_CI, CMDB_SERVICE, CMDB_OWNER, CMDB_CONTACT, CMDB_DEPUTY, CMDB_ENVIRONMENT, CMDB_REACH, CMDB_CRITICALITY,
	CMDB_FIELDS
};
const char *cmdb_field_name(enum cmdb_field f); /* "host", "ci", ... */

struct cmdb_value { /* their word, ours */
	enum cmdb_field field;
	const char *theirs, *ours; /* ours NULL: such rows are left out */
};
struct cmdb_mapping {
	const char *columns[CMDB_FIELDS];  /* NULL: no column */
	const char *defaults[CMDB_FIELDS]; /* NULL: none */
	struct cmdb_value *values;
	size_t values_n;
	bool strip_domain, lower_case;
	bool json, format_given;
	char delimiter;                    /* 0: told from the file */
	const char *records;               /* ""; "result.items" */
};
/* RF_EFORMAT with file, line and key; RF_ETOOBIG, RF_ENOMEM. A mapping without a column for host is refused. */
RF_MUST_CHECK int cmdb_mapping_read(struct span yaml, const char *file, struct arena *a, struct cmdb_mapping *ret,
				    struct err *err);

struct cmdb_row {
	uint64_t line;                    /* CSV: from 1; JSON: the record, from 1 */
	const char *fields[CMDB_FIELDS]; /* mapped; "" none */
};
/* Rows in @a, in the order of the file; those that the mapping leaves out are counted. RF_EFORMAT with file, line and
 * field: a column that is not there, a row without a host, a text that is too long; RF_ETOOMANY, RF_ETOOBIG, RF_ENOMEM. */
RF_MUST_CHECK int cmdb_read(const struct cmdb_mapping *m, struct span bytes, const char *file, struct arena *a,
			    struct cmdb_row **ret, size_t *ret_n, size_t *ret_left_out, struct err *err);

#endif
