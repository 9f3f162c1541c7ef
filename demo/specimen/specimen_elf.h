/*
 * specimen_elf - shared libraries that are exact in their tables and empty inside: the runtime libraries of others, for
 * tests, fuzz seeds and the demonstration.
 *
 * May use base/ only. Every table that an ELF reader follows is there (program and section headers, dynamic table,
 * symbols, a hash table, symbol versions, notes); functions are a constant and a return. A loader would load it; it
 * does nothing. SPECIMEN_MARK stands in it.
 */
#ifndef REFORGE_DEMO_SPECIMEN_ELF_H
#define REFORGE_DEMO_SPECIMEN_ELF_H

#include "specimen.h"

#define SPECIMEN_ELF_LIST 8
struct specimen_symbol {
	const char *name;
	unsigned char bytes[24]; /* code, or the value of a variable */
	size_t count;
};
struct specimen_elf {
	uint16_t machine;        /* 62 x86-64, 183 AArch64, 190 CUDA; 0: x86-64 */
	uint16_t type;           /* 0: ET_DYN */
	uint32_t version, flags; /* 0: as most have them (1, 0) */
	unsigned char os_abi;
	bool is32;
	bool system_v_hash; /* DT_HASH instead of DT_GNU_HASH */
	bool interpreter;   /* PT_INTERP: a program */
	const char *soname; /* NULL: none */
	const char *runpath;
	const char *needed[SPECIMEN_ELF_LIST];
	const char *defines[SPECIMEN_ELF_LIST]; /* symbol versions: "VERS_1.20.1" */
	struct specimen_symbol symbols[SPECIMEN_ELF_LIST];
	size_t symbol_count;
	const char *build_id; /* its bytes as text, at most 20; NULL: none */
};

/* Add a symbol: a function that returns @value, one that stores it through its first argument (as x86-64), a variable.
 */
void specimen_elf_returns(struct specimen_elf *s, const char *name, uint32_t value);
void specimen_elf_stores(struct specimen_elf *s, const char *name, uint32_t value);
void specimen_elf_variable(struct specimen_elf *s, const char *name, uint32_t value);
/* What a library of this SONAME states @version by, as far as that is known (libonnxruntime, libnvinfer, libcudart,
 * libcudnn_ops, ...); nothing for others. */
void specimen_elf_states(struct specimen_elf *s, const unsigned version[4]);

#define SPECIMEN_ELF_BYTES 8192
/* Writes the file to @p; RF_EINVALID when it does not fit in @room. */
RF_MUST_CHECK int specimen_elf_make(const struct specimen_elf *s, unsigned char *p, size_t room, size_t *ret_n,
				    struct err *err);
RF_MUST_CHECK int specimen_elf_write(const struct specimen_elf *s, const char *path, struct err *err);

#endif
