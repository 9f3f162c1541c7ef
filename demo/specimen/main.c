/* reforge-specimen: writes specimens of TensorRT files and of shared libraries. See specimen.h, specimen_elf.h. */
#include "specimen_elf.h"

#include "base/fs.h"
#include "base/time.h"

#include <getopt.h>

static const char usage[] =
	"Usage: reforge-specimen --version 10.13.3.9 --cc 8.6 [options] OUT\n"
	"Writes a TensorRT file that is exact in its headers and empty inside: not an engine.\n"
	"\n"
	"  --version V        TensorRT version in the headers\n"
	"  --cc M.N           compute capability of the build device (default 8.6)\n"
	"  --layout L         auto, flatbuffer, p1, p2, p3, p4, ftrt-p3, ftrt-p4 (default auto: what V writes)\n"
	"  --size BYTES       size of the file: 4GiB, 1MiB, 5000 (default: the smallest)\n"
	"  --inner-version V  another version in the archive inside: a forged header\n"
	"  --timing-cache     a timing cache, not a plan\n"
	"  --prefix JSON      in front, as Ultralytics writes it\n"
	"  --library SONAME   a shared library that states version V as that of this SONAME does (libnvinfer.so.10)\n"
	"  --needed SONAME    one that it needs; may be repeated, as the next\n"
	"  --export SYMBOL    a function that it exports\n"
	"  --count N          OUT is a folder: N plans of many versions, 1000 to a subfolder; --version is not "
	"needed\n";

static const struct option options[] = {
	{ "version", required_argument, NULL, 'v' },
	{ "cc", required_argument, NULL, 'c' },
	{ "layout", required_argument, NULL, 'l' },
	{ "size", required_argument, NULL, 's' },
	{ "inner-version", required_argument, NULL, 'i' },
	{ "timing-cache", no_argument, NULL, 't' },
	{ "prefix", required_argument, NULL, 'p' },
	{ "library", required_argument, NULL, 'L' },
	{ "needed", required_argument, NULL, 'N' },
	{ "export", required_argument, NULL, 'E' },
	{ "count", required_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int cc_read(const char *text, struct specimen *s, struct err *err)
{
	struct span rest = span_of(text), major, minor;
	uint64_t a, b;
	if (!span_split(&rest, '.', &major) || !span_split(&rest, '.', &minor) || !span_u64(major, &a) ||
	    !span_u64(minor, &b) || a > 99 || b > 9)
		return err_set(err, RF_EUSAGE, "--cc %s: give it as 8.6", text);
	s->cc_major = (unsigned)a;
	s->cc_minor = (unsigned)b;
	return 0;
}

/* Every layout and both orders of the device properties, versions that differ from one file to the next. */
static int many_write(uint64_t count, uint64_t size, const char *folder, struct err *err)
{
	static const unsigned lines[][2] = { { 10, 13 }, { 8, 6 }, { 10, 3 }, { 8, 5 }, { 11, 0 },
					     { 8, 0 },   { 7, 1 }, { 10, 9 }, { 5, 1 }, { 8, 2 } };
	static const unsigned capabilities[][2] = { { 7, 5 }, { 8, 6 }, { 8, 9 }, { 9, 0 }, { 8, 7 } };
	char path[FS_PATH_MAX];
	for (uint64_t i = 0; i < count; i++) {
		size_t line = i % RF_COUNT(lines), cc = i % RF_COUNT(capabilities);
		struct specimen s = { .version = { lines[line][0], lines[line][1], (unsigned)(i % 4),
						   (unsigned)(i % 250) },
				      .cc_major = capabilities[cc][0],
				      .cc_minor = capabilities[cc][1],
				      .size_bytes = size };
		snprintf(path, sizeof path, "%s/%03llu", folder, (unsigned long long)(i / 1000));
		int rc = i % 1000 == 0 ? fs_make_dirs(path, 0755, err) : 0;
		snprintf(path, sizeof path, "%s/%03llu/%06llu.plan", folder, (unsigned long long)(i / 1000),
			 (unsigned long long)i);
		if (rc == 0)
			rc = specimen_write(&s, path, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int library_option(int c, const char *arg, struct specimen_elf *e, struct err *err)
{
	size_t n = 0;
	switch (c) {
	case 'L':
		e->soname = arg;
		return 0;
	case 'E':
		specimen_elf_returns(e, arg, 0);
		return 0;
	default:
		while (n < SPECIMEN_ELF_LIST && e->needed[n])
			n++;
		if (n == SPECIMEN_ELF_LIST)
			return err_set(err, RF_EUSAGE, "--needed: at most %d", SPECIMEN_ELF_LIST);
		e->needed[n] = arg;
		return 0;
	}
}

static int option_take(int c, const char *arg, struct specimen *s, struct specimen_elf *e, uint64_t *count,
		       struct err *err)
{
	switch (c) {
	case 'v':
		return specimen_version_read(arg, s->version, err);
	case 'i':
		return specimen_version_read(arg, s->inner_version, err);
	case 'c':
		return cc_read(arg, s, err);
	case 'l':
		return specimen_layout_read(arg, &s->layout, err);
	case 's':
		return bytes_read(span_of(arg), &s->size_bytes, err);
	case 't':
		s->timing_cache = true;
		return 0;
	case 'p':
		s->prefix_json = arg;
		return 0;
	case 'L':
	case 'N':
	case 'E':
		return library_option(c, arg, e, err);
	case 'n':
		return span_u64(span_of(arg), count) ? 0 : err_set(err, RF_EUSAGE, "--count %s: give a number", arg);
	default:
		return err_set(err, RF_EUSAGE, "see --help");
	}
}

int main(int argc, char **argv)
{
	struct specimen s = { .cc_major = 8, .cc_minor = 6 };
	struct specimen_elf e = { 0 };
	struct err err = ERR_INIT;
	uint64_t count = 0;
	char text[2048];
	int c, rc = 0;
	while (rc == 0 && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		rc = option_take(c, optarg, &s, &e, &count, &err);
	}
	if (rc == 0 && (optind + 1 != argc || (!count && !e.soname && !s.version[0])))
		rc = err_set(&err, RF_EUSAGE, "needs --version (or --count, --library) and one OUT; see --help");
	if (rc == 0 && e.soname && s.version[0])
		specimen_elf_states(&e, s.version);
	if (rc == 0 && e.soname)
		rc = specimen_elf_write(&e, argv[optind], &err);
	else if (rc == 0)
		rc = count ? many_write(count, s.size_bytes, argv[optind], &err)
			   : specimen_write(&s, argv[optind], &err);
	if (rc)
		fprintf(stderr, "reforge-specimen: %s\n", err_render(&err, text, sizeof text));
	return rf_error_exit_status(rc);
}
