/*
 * specimen - TensorRT files that are exact in their headers and empty inside: for the demonstration fleet, tests, fuzz
 * seeds and the bench.
 *
 * May use base/ only. No GPU and no TensorRT is at hand where reforge is built and demonstrated; real engines hold
 * other people's kernels and weights. A specimen has every byte that tensorrt-plan-format describes, and in place of an
 * engine the words SPECIMEN_MARK. TensorRT would refuse it.
 */
#ifndef REFORGE_DEMO_SPECIMEN_H
#define REFORGE_DEMO_SPECIMEN_H

#include "base/err.h"

#define SPECIMEN_MARK "REFORGE SPECIMEN - not an engine"

enum specimen_layout {
	SPECIMEN_BY_VERSION = 0, /* what that version of TensorRT writes */
	SPECIMEN_FLATBUFFER,     /* 5.x */
	SPECIMEN_P1,             /* 6.0 - 7.x */
	SPECIMEN_P2,             /* 8.0 - 8.1 */
	SPECIMEN_P3,             /* 8.2 - 8.5 */
	SPECIMEN_P4,             /* bare P4 archives are timing caches in practice */
	SPECIMEN_FTRT_P3,        /* 8.6 - 10.5: one section */
	SPECIMEN_FTRT_P4,        /* 10.6 and later: ENGN and WGHT */
};
/* "auto", "flatbuffer", "p1", "p2", "p3", "p4", "ftrt-p3", "ftrt-p4". RF_EINVALID. */
RF_MUST_CHECK int specimen_layout_read(const char *text, enum specimen_layout *ret, struct err *err);

enum specimen_device {
	SPECIMEN_DEVICE_BY_VERSION = 0,
	SPECIMEN_DEVICE_OLD,
	SPECIMEN_DEVICE_NEW /* sizes first, 10.9+ */
};

struct specimen {
	unsigned version[4];       /* each at most 255; 5.x more */
	unsigned inner_version[4]; /* all 0: the same; else what the archive inside says (a forged header) */
	unsigned cc_major, cc_minor;
	enum specimen_layout layout;
	enum specimen_device device;
	uint32_t tag;            /* stdTag; 0: one that fits */
	uint64_t size_bytes;     /* of the file, grown to what the headers need; 0: smallest */
	bool timing_cache;       /* P1..P4 only */
	const char *prefix_json; /* Ultralytics prefix; NULL: none */
};

/* A file as its two ends; what lies between is zeros. */
#define SPECIMEN_END_BYTES 4096
struct specimen_image {
	unsigned char head[SPECIMEN_END_BYTES];
	size_t head_bytes;
	unsigned char tail[16];
	size_t tail_bytes;
	uint64_t size_bytes; /* head, zeros, tail */
};

/* RF_EINVALID: a version or a prefix that the layout cannot hold. */
RF_MUST_CHECK int specimen_make(const struct specimen *s, struct specimen_image *ret, struct err *err);
/* The file at @path, replaced when there; sparse between its ends. */
RF_MUST_CHECK int specimen_write(const struct specimen *s, const char *path, struct err *err);
/* "10.13.3.9" into four numbers; missing ones are 0. RF_EINVALID. */
RF_MUST_CHECK int specimen_version_read(const char *text, unsigned ret[4], struct err *err);

#endif
