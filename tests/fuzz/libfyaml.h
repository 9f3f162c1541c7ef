/* For fuzz targets that read YAML: libfyaml 0.7.12 loses a buffer (at most twice the text) when a quoted scalar is
 * malformed. Not ours to mend; everything else that leaks is told. */
#ifndef REFORGE_FUZZ_LIBFYAML_H
#define REFORGE_FUZZ_LIBFYAML_H

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml";
}

#endif
