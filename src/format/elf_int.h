/* elf_int - shared by elf.c and elf_tables.c; nobody else includes it. Errors as in elf.h. */
#ifndef REFORGE_FORMAT_ELF_INT_H
#define REFORGE_FORMAT_ELF_INT_H

#include "format/elf.h"

#define PT_LOAD 1
#define PT_DYNAMIC 2
#define PT_NOTE 4

struct elf_segment {
	uint32_t type;
	uint64_t offset, address, bytes, align;
};
/* Segment @i; those that are read from must lie in the file. */
int elf_segment_at(struct elf *e, unsigned i, struct elf_segment *ret, struct err *err);

/* Sets @err to "ELF: @rule" with field and offset; returns RF_EFORMAT. */
int elf_broken(struct err *err, uint64_t offset, const char *field, const char *rule);

/* As many of @n bytes (at most ELF_PIECE_BYTES) at @at as the file has; *ret lives until the next read but one. */
int elf_upto(struct elf *e, uint64_t at, size_t n, const unsigned char **ret, size_t *ret_n, struct err *err);
/* All @n of them. */
int elf_need(struct elf *e, uint64_t at, size_t n, const char *field, const unsigned char **ret, struct err *err);

/* The terminated string at @at: at most ELF_MAX_NAME bytes, until the next read. */
int elf_text_seen(struct elf *e, uint64_t at, const char *field, struct span *ret, struct err *err);
/* A copy in the arena. */
int elf_text_keep(struct elf *e, struct span text, struct span *ret, struct err *err);
/* Both. */
int elf_text_at(struct elf *e, uint64_t at, const char *field, struct span *ret, struct err *err);

#endif
