/* ELF files: every table, by every function that walks one. Seeds: specimens (demo/specimen). */
#include "format/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int bytes_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	const struct span *s = data;
	size_t from = offset < s->n ? (size_t)offset : s->n;
	*ret_n = RF_MIN(n, s->n - from);
	if (*ret_n)
		memcpy(buffer, s->p + from, *ret_n);
	return 0;
}

static int see_section(const struct elf_section *section, void *data)
{
	(void)data;
	return section->name.n > ELF_MAX_NAME ? RF_EINTERNAL : 0;
}

static int see_note(const struct elf_note *note, void *data)
{
	(void)data;
	return note->description.n > ELF_MAX_DESCRIPTION ? RF_EINTERNAL : 0;
}

static int see_version(const struct elf_symbol_version *v, void *data)
{
	(void)data;
	return v->name.n > ELF_MAX_NAME ? RF_EINTERNAL : 0;
}

/* A failure names itself; nothing visited is longer than its limit. */
static void check(int rc, const struct err *err)
{
	if (rc == RF_EINTERNAL || (rc < 0 && rc != RF_ENOTFOUND && (err->code != rc || !err->text[0])))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_bytes(data, size);
	struct elf_source source = { .pread = bytes_pread, .data = &bytes, .size = size };
	struct arena a = ARENA_INIT(MIB);
	struct err err = ERR_INIT;
	struct elf e;
	int rc = elf_open(&source, &a, &e, &err);
	check(rc, &err);
	if (rc == 0) {
		static const char *const names[] = { "getInferLibMajorVersion", "cudaRuntimeGetVersion", "x" };
		struct elf_symbol symbol;
		struct span text;
		uint64_t at;
		unsigned char code[64];
		size_t n;
		for (size_t i = 0; i < RF_COUNT(names); i++) {
			rc = elf_symbol_find(&e, names[i], &symbol, &err);
			check(rc, &err);
			if (rc == 0)
				check(elf_loaded(&e, symbol.address, code, sizeof code, &n, &err), &err);
		}
		check(elf_each_version(&e, see_version, NULL, &err), &err);
		check(elf_each_note(&e, see_note, NULL, &err), &err);
		check(elf_each_section(&e, see_section, NULL, &err), &err);
		check(elf_build_id(&e, &text, &err), &err);
		check(elf_string_find(&e, "tensorrt_version_", &text, &at, &err), &err);
		rc = elf_extent(&e, &at, &err);
		check(rc, &err);
		if (rc == 0 && at > size)
			abort();
	}
	arena_release(&a);
	return 0;
}
