/*
 * archive_libarchive - libarchive, loaded when the first archive is opened.
 *
 * Linked, it brings libxml2, ICU and nettle along, 16 libraries, and most commands open no archive. Private to this
 * room.
 */
#ifndef REFORGE_FORMAT_ARCHIVE_LIBARCHIVE_H
#define REFORGE_FORMAT_ARCHIVE_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>

/* clang-format off: one a line, so that a list can be read and compared */
#define LIBARCHIVE_FUNCTIONS(X) \
	X(archive_read_new) \
	X(archive_read_free) \
	X(archive_read_support_filter_gzip) \
	X(archive_read_support_filter_bzip2) \
	X(archive_read_support_filter_xz) \
	X(archive_read_support_filter_zstd) \
	X(archive_read_support_format_zip) \
	X(archive_read_support_format_tar) \
	X(archive_read_support_format_cpio) \
	X(archive_read_support_format_raw) \
	X(archive_read_open) \
	X(archive_read_open_fd) \
	X(archive_read_open_memory) \
	X(archive_read_next_header) \
	X(archive_read_data_block) \
	X(archive_read_header_position) \
	X(archive_entry_pathname) \
	X(archive_entry_filetype) \
	X(archive_entry_size) \
	X(archive_entry_size_is_set) \
	X(archive_entry_symlink) \
	X(archive_entry_hardlink) \
	X(archive_entry_is_encrypted) \
	X(archive_error_string) \
	X(archive_errno) \
	X(archive_filter_bytes) \
	X(archive_format)
/* clang-format on */

struct libarchive {
#define X(name) __typeof__(&name) name;
	LIBARCHIVE_FUNCTIONS(X)
#undef X
};

/* False when libarchive.so.13 is not installed or lacks one of them. Loaded once, never unloaded; any thread. */
bool libarchive_load(void);
extern struct libarchive libarchive_functions;

#endif
