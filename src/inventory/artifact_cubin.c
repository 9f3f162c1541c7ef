/*
 * Code inside plans: which machine an ELF header is for, and what the header of a cubin (kernels for a GPU) says.
 *
 * A cubin is an ELF file of machine 190 whose header names the SM in its flags and, in the older ABI, the CUDA toolkit
 * in e_version. Plans hold them plain, or compressed as entries of a fatbin; LZ4 leaves the ELF magic readable, so that
 * the header is had by expanding the first bytes. Source: tensorrt-plan-format, section 4; LZ4 block format (lz4.org).
 */
#include "inventory/artifact_int.h"

#define OS_ABI_CUDA 0x33     /* ABI version 7: SM in bits 0..7, e_version is the toolkit times ten */
#define OS_ABI_CUDA_NEW 0x41 /* ABI version 8: SM in bits 8..15, the toolkit stands in a note */

/* What a loader would load, and so what plain code must look like; compressed data does not. Both byte orders, since a
 * machine of the other one loads it. */
const char *artifact_host_elf(const unsigned char *p, size_t n)
{
	if (n < 20 || p[0] != 0x7f || p[1] != 'E' || p[2] != 'L' || p[3] != 'F')
		return NULL;
	bool big = p[5] == 2;
	unsigned type = big ? (unsigned)(p[16] << 8 | p[17]) : le16(p + 16);
	unsigned machine = big ? (unsigned)(p[18] << 8 | p[19]) : le16(p + 18);
	if ((p[4] != 1 && p[4] != 2) || (p[5] != 1 && p[5] != 2) || p[6] != 1 || type < 1 || type > 3)
		return NULL;
	switch (machine) {
	case ELF_X86:
		return "ELF x86";
	case ELF_ARM:
		return "ELF ARM";
	case ELF_X86_64:
		return "ELF x86-64";
	case ELF_AARCH64:
		return "ELF AArch64";
	case ELF_RISCV:
		return "ELF RISC-V";
	case 20:
	case 21:
		return "ELF PowerPC";
	default:
		return NULL; /* 190: a cubin, which every plan is made of */
	}
}

/* Expands an LZ4 block until @out is full or the bytes at hand end. */
static size_t lz4_head(const unsigned char *in, size_t n, unsigned char *out, size_t room)
{
	size_t i = 0, o = 0;
	while (i < n && o < room) {
		unsigned token = in[i++];
		size_t literals = token >> 4;
		for (unsigned char more = 255; literals >= 15 && more == 255; literals += more) {
			if (i == n)
				return o;
			more = in[i++];
		}
		size_t take = RF_MIN(literals, RF_MIN(room - o, n - i));
		memcpy(out + o, in + i, take);
		i += take;
		o += take;
		if (take < literals || n - i < 2)
			return o;
		size_t back = le16(in + i), length = (token & 15) + 4;
		i += 2;
		if (back == 0 || back > o)
			return o;
		for (unsigned char more = 255; length >= 19 && more == 255; length += more) {
			if (i == n)
				return o;
			more = in[i++];
		}
		for (; length > 0 && o < room; length--, o++)
			out[o] = out[o - back];
	}
	return o;
}

static bool header_cubin(const unsigned char *p, size_t n, struct artifact_cubin *ret)
{
	struct elf_header h;
	if (elf_header_read(p, n, &h, NULL) < 0 || h.machine != ELF_CUDA)
		return false;
	*ret = (struct artifact_cubin){ .bytes = h.section_at };
	bool fresh = h.os_abi == OS_ABI_CUDA_NEW;
	ret->sm = fresh ? h.flags >> 8 & 0xff : h.flags & 0xff;
	if (h.version >= 20 && h.version < 1000)
		ret->toolkit = h.version;
	ret->toolkit_in_note = fresh && ret->toolkit == 0;
	return ret->sm >= 10;
}

bool artifact_cubin_read(const unsigned char *p, size_t n, bool token_in_front, struct artifact_cubin *ret)
{
	unsigned char expanded[ELF_HEADER_BYTES];
	if (header_cubin(p, n, ret))
		return true;
	if (!token_in_front || n < 20 || le16(p + 18) == ELF_CUDA)
		return false;
	size_t have = lz4_head(p - 1, n + 1, expanded, sizeof expanded);
	if (!header_cubin(expanded, have, ret))
		return false;
	ret->toolkit_in_note = false; /* the note is compressed */
	return true;
}
