/*
 * host_scan - makes the content of this machine's report: scans roots, looks at the running processes and at what they
 * have mapped. See host_report.h.
 *
 * May use scan.h, host_process.h. Reads the disk and /proc; no database.
 */
#ifndef REFORGE_INVENTORY_HOST_SCAN_H
#define REFORGE_INVENTORY_HOST_SCAN_H

#include "inventory/host_report.h"
#include "inventory/scan.h"

struct host_scan {
	const char *const *roots; /* files and folders; those that are not there are left out */
	size_t roots_n;
	const char *proc;         /* "/proc"; NULL: processes are not looked at */
	unsigned threads;         /* as scan.h */
	bool evidence;            /* with the bytes that each fact was read from */
	void (*progress)(uint64_t files, uint64_t bytes, const char *path, void *data);
	void *data;
};
struct host_scan_result {
	struct scan_totals totals;
	size_t files, unread;        /* in the report */
	size_t processes, closed;    /* told; could not be looked into */
	size_t deleted;              /* files without a name that still run */
};
/* Where engines, runtimes and package databases lie on most machines; NULL at the end. */
extern const char *const host_scan_roots[];
/* Name (gethostname() when @name is NULL), digest of the machine's id, time, program. RF_EINVALID: no name of a host. */
RF_MUST_CHECK int host_identify(const char *name, struct host_header *ret, struct err *err);
/* The content's one line, without its line end, into @ret. RF_ETOOBIG, RF_ETOOMANY, RF_EIO, RF_ENOMEM, RF_ECANCELLED. */
RF_MUST_CHECK int host_scan(const struct host_scan *o, struct str *ret, struct host_scan_result *ret_result,
			    struct err *err);

#endif
