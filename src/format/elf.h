/*
 * elf - Executable and Linkable Format: headers, dynamic table, notes, symbol versions, symbols by name, by pieces.
 *
 * May use base/ only. Pure but for the caller's source: nothing of the file is mapped, executed or believed; a 4 GiB
 * library is read by a few pieces of 4 KiB. ELF32 and ELF64, little-endian; big-endian files are refused.
 * Source: System V gABI, chapters 4 and 5; symbol versions: LSB core, section 10.7; GNU hash: glibc, elf/dl-lookup.c.
 *
 * Hostile tables end in RF_EFORMAT with the offset, the field and the rule broken. Counts, walks and the bytes read of
 * one file are bounded by the limits below, each well above what the largest real libraries have; no walk can loop.
 */
#ifndef REFORGE_FORMAT_ELF_H
#define REFORGE_FORMAT_ELF_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#define ELF_MAX_PROGRAM_HEADERS 256 /* real ones have about a dozen */
#define ELF_MAX_SECTIONS 65536      /* a cubin of a thousand kernels has some thousands */
#define ELF_MAX_DYNAMIC 4096        /* entries; real ones have about forty */
#define ELF_MAX_NEEDED 128
#define ELF_MAX_VERSIONS 1024
#define ELF_MAX_NOTES 256
#define ELF_MAX_NAME 1024          /* bytes of a name; C++ names that are longer are not asked for here */
#define ELF_MAX_DESCRIPTION 1024   /* bytes kept of a note's description */
#define ELF_MAX_STRINGS (16 * MIB) /* of the dynamic string table, where it is searched */
#define ELF_MAX_CHAIN 65536        /* symbols of one hash bucket */
#define ELF_MAX_READS 32768        /* pieces of one file */
#define ELF_PIECE_BYTES 4096

/* Machines that engines run on or that stand in engines (gABI e_machine). */
#define ELF_X86 3
#define ELF_ARM 40
#define ELF_X86_64 62
#define ELF_AARCH64 183
#define ELF_CUDA 190
#define ELF_RISCV 243

#define ELF_TYPE_RELOCATABLE 1
#define ELF_TYPE_EXECUTABLE 2
#define ELF_TYPE_SHARED 3

struct elf_source {
	/* Up to @n bytes from @offset; fewer only at the end. 0 or RF_EIO. */
	int (*pread)(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n);
	void *data;
	uint64_t size; /* of the ELF file: what lies behind it is none of it */
};

/* The first bytes, decoded and checked for what every plain header has. Needs no source. */
#define ELF_HEADER_BYTES 64 /* of ELF64; 52 of ELF32 */
struct elf_header {
	bool is64;
	unsigned char os_abi, abi_version;
	uint16_t type, machine;
	uint32_t version, flags;
	uint64_t program_at, section_at; /* 0: none */
	unsigned program_bytes, program_count;
	unsigned section_bytes, section_count, section_names;
};
/* Decodes the @n bytes at @p. Checked is what loaders check too, no more, so that nothing loads that is refused here:
 * class, data encoding, version, a type of the gABI, the size and place of the program headers. Compressed data that
 * begins with the magic fails. RF_EFORMAT with the field; RF_EUNSUPPORTED for big-endian. @err may be NULL. */
RF_MUST_CHECK int elf_header_read(const unsigned char *p, size_t n, struct elf_header *ret, struct err *err);
/* "x86-64", "AArch64", "CUDA", ...; "machine 8" is "another machine". Static. */
const char *elf_machine_text(uint16_t machine);

struct elf_window {
	unsigned char *bytes;
	uint64_t at;
	size_t n;
};

struct elf {
	struct elf_header header;
	struct elf_source source;
	struct arena *arena; /* holds names and pieces */
	/* Dynamic table; spans are empty where there is none. */
	bool has_dynamic, has_interpreter; /* PT_INTERP: a program */
	struct span soname, rpath, runpath;
	struct span needed[ELF_MAX_NEEDED];
	size_t needed_count;
	/* Places of tables as the dynamic table tells them: file offsets, 0 absent. */
	uint64_t strings_at, strings_bytes, symbols_at, gnu_hash_at, hash_at;
	uint64_t definitions_at, definition_count, needs_at, need_count;
	/* Reading. */
	struct elf_window windows[2];
	unsigned last_window, reads;
};

/*
 * Reads the header, the program headers and the dynamic table.
 *
 * @source  copied
 * @a       holds what @ret points to: two pieces and the names, at most 150 KiB
 * RF_EFORMAT (offset, field, rule), RF_EUNSUPPORTED (big-endian), RF_EIO, RF_ENOMEM.
 */
RF_MUST_CHECK int elf_open(const struct elf_source *source, struct arena *a, struct elf *ret, struct err *err);

/* Where the file ends by its own tables: the last byte of a segment, a section or a table of headers. For ELF files
 * inside something else. Errors as elf_open(). */
RF_MUST_CHECK int elf_extent(struct elf *e, uint64_t *ret, struct err *err);

struct elf_section {
	struct span name; /* lives until the visit ends; empty when the name table cannot be read */
	uint32_t type, link;
	uint64_t flags, address, offset, bytes;
};
/* Visits the sections in the order of the table; a non-zero answer ends the walk and is returned. */
RF_MUST_CHECK int elf_each_section(struct elf *e, int (*visit)(const struct elf_section *, void *), void *data,
				   struct err *err);

struct elf_note {
	struct span owner; /* "GNU", "NVIDIA Corp"; both spans live until the visit ends */
	uint32_t type;
	struct span description; /* its first ELF_MAX_DESCRIPTION bytes */
	uint64_t at;             /* of the description, in the file */
};
/* Visits the notes of PT_NOTE segments; of SHT_NOTE sections where no segment has any (cubins). */
RF_MUST_CHECK int elf_each_note(struct elf *e, int (*visit)(const struct elf_note *, void *), void *data,
				struct err *err);
/* NT_GNU_BUILD_ID as hexadecimal digits in the arena; empty when there is none. */
RF_MUST_CHECK int elf_build_id(struct elf *e, struct span *ret, struct err *err);

struct elf_symbol_version {
	struct span name; /* "VERS_1.20.1"; both live until the visit ends */
	struct span file; /* of a need: the library it is asked of; empty for a definition */
	uint64_t at;      /* of the name, in the file */
};
/* Versions that the file defines, then those it needs. */
RF_MUST_CHECK int elf_each_version(struct elf *e, int (*visit)(const struct elf_symbol_version *, void *), void *data,
				   struct err *err);

struct elf_symbol {
	uint64_t address, bytes;
	uint16_t section; /* 0: undefined */
	unsigned char info;
};
/* A defined dynamic symbol by its whole name, through the hash table (GNU or System V) as the loader finds it.
 * RF_ENOTFOUND without details when there is none, or no hash table. */
RF_MUST_CHECK int elf_symbol_find(struct elf *e, const char *name, struct elf_symbol *ret, struct err *err);
/* The first name in the dynamic string table that begins with @prefix, in the arena, and where it lies; empty when
 * there is none within ELF_MAX_STRINGS. */
RF_MUST_CHECK int elf_string_find(struct elf *e, const char *prefix, struct span *ret, uint64_t *ret_at,
				  struct err *err);
/* Up to @n bytes of what is loaded at @address; *ret_n 0 when no segment of the file holds it. */
RF_MUST_CHECK int elf_loaded(struct elf *e, uint64_t address, void *buffer, size_t n, size_t *ret_n, struct err *err);

#endif
