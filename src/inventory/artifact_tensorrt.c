/*
 * TensorRT engines and timing caches: the "ftrt" container (8.6 and later), bare "ptrt" archives (6.0 to 8.5, timing
 * caches), the flatbuffer of 5.x, each with or without a JSON prefix as Ultralytics writes it.
 * Source of the format: tensorrt-plan-format, sections 1, 2a, 2d, 7.
 */
#include "inventory/artifact_int.h"

#define OUTER_BYTES 32
#define SECTION_BYTES 24
#define ARCHIVE_HEAD_BYTES 28 /* up to the first item's type */
/* Plans have one or two sections, version-compatible ones perhaps a few more; a table of more is not walked to its end.
 */
#define MAX_SECTIONS 64
/* An exporter's JSON is a few hundred bytes; class names of large models reach some 100 KiB. */
#define MAX_PREFIX_BYTES (1 * MIB)
/* No file system holds a file of this size: such a length is damage or malice, not truncation. */
#define IMPOSSIBLE_BYTES ((uint64_t)1 << 48)

static const unsigned char trailer_bytes[4] = { 0x99, 0x8b, 0x8d, 0x8b }; /* bitwise NOT of "ftrt" */

/* ── The prefix ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_magic(const unsigned char *p)
{
	return p && (memcmp(p, "ftrt", 4) == 0 || memcmp(p, "ptrt", 4) == 0);
}

/* Where the JSON object that starts at @at ends: strings and braces only, which is what a length can be checked with.
 * 0: no end within the limit, or bytes that JSON has not. */
static uint64_t json_end(struct artifact_reading *r, uint64_t at)
{
	unsigned depth = 0;
	bool quoted = false, escaped = false;
	uint64_t limit = RF_MIN(r->src->size, at + MAX_PREFIX_BYTES);
	while (at < limit) {
		size_t n;
		const unsigned char *p =
			artifact_upto(r, at, (size_t)RF_MIN((uint64_t)ARTIFACT_PIECE_BYTES, limit - at), &n);
		if (!p)
			return 0;
		for (size_t i = 0; i < n; i++) {
			unsigned char c = p[i];
			if (c < 0x20 && c != '\n' && c != '\r' && c != '\t')
				return 0;
			if (quoted) {
				quoted = escaped || c != '"';
				escaped = !escaped && c == '\\';
			} else if (c == '"') {
				quoted = true;
			} else if (c == '{') {
				depth++;
			} else if (c == '}' && --depth == 0) {
				return at + i + 1;
			}
		}
		at += n;
	}
	return 0;
}

/* Where the plan begins: 0 without a prefix. False: a prefix, and no plan behind it. */
static bool prefix_skip(struct artifact_reading *r, uint64_t *ret_base)
{
	const unsigned char *head = (const unsigned char *)r->head.p;
	*ret_base = 0;
	if (r->head.n < 5 || head[4] != '{' || is_magic(head))
		return true;
	uint32_t says = le32(head);
	uint64_t ends = json_end(r, 4);
	uint64_t announced = (uint64_t)says + 4;
	if (is_magic(artifact_at(r, announced, 4)))
		*ret_base = announced;
	else if (ends && is_magic(artifact_at(r, ends, 4)))
		*ret_base = ends;
	else
		return false;
	r->facts->prefix_bytes = *ret_base;
	artifact_evidence(r, "length of the JSON prefix", 0, head, 4, "%u bytes", says);
	artifact_note(r, "JSON prefix of %llu bytes in front of the plan, as Ultralytics writes it",
		      (unsigned long long)(*ret_base - 4));
	if (ends != announced)
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "prefix_length_mismatch",
				"the prefix gives its length as %u bytes, its JSON %s", says,
				ends ? "ends elsewhere" : "has no end");
	return true;
}

/* ── Findings shared by the layouts ──────────────────────────────────────────────────────────────────────────────── */

void tensorrt_truncated(struct artifact_reading *r, const char *what, uint64_t declared, uint64_t real)
{
	r->facts->truncated = true;
	artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "truncated",
			"truncated: %s declares %llu bytes, %llu are there", what, (unsigned long long)declared,
			(unsigned long long)real);
}

/* Declared against real: larger than real is a file cut short, or one whose loader is to read behind its end. */
static void size_check(struct artifact_reading *r, uint64_t base, uint64_t declared, const char *what)
{
	struct artifact_facts *f = r->facts;
	uint64_t real = f->size - base;
	f->declared_size = declared > UINT64_MAX - base ? UINT64_MAX : declared + base;
	if (declared == real)
		return;
	if (declared >= IMPOSSIBLE_BYTES) {
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "size_impossible",
				"%s declares %llu bytes, which no file has", what, (unsigned long long)declared);
	} else if (declared > real) {
		tensorrt_truncated(r, what, declared, real);
	} else {
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "size_mismatch",
				"%s declares %llu bytes, the file has %llu: %llu bytes that it does not account for",
				what, (unsigned long long)declared, (unsigned long long)real,
				(unsigned long long)(real - declared));
	}
}

static void target_set(struct artifact_facts *f, const struct tensorrt_archive *archive)
{
	if (archive->cc_major < 0)
		return;
	f->cc_major = archive->cc_major;
	f->cc_minor = archive->cc_minor;
	snprintf(f->target, sizeof f->target, "sm_%d%d", f->cc_major, f->cc_minor);
}

static bool all_zero(const unsigned char *v)
{
	return (v[0] | v[1] | v[2] | v[3]) == 0;
}

/* ── ftrt ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct section {
	char tag[5]; /* as it reads: "ENGN" is stored reversed */
	uint64_t offset, size;
};

struct outer {
	uint64_t base;
	uint64_t declared; /* 0: cut before it */
	uint64_t sections; /* as declared */
	bool has_version;
	unsigned char version[4];
	struct section engine;
	bool has_engine;
};

static void outer_read(struct artifact_reading *r, uint64_t base, struct outer *o)
{
	size_t n;
	const unsigned char *h = artifact_upto(r, base, OUTER_BYTES, &n);
	*o = (struct outer){ .base = base };
	artifact_evidence(r, "container magic", base, h, 4, "ftrt");
	if (n >= 8 && le32(h + 4) != 0)
		artifact_object(
			r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "container_version_unknown",
			"container serialization version %u: only 0 is known, what follows is read as if it were",
			le32(h + 4));
	if (n >= 16)
		o->sections = le64(h + 8);
	if (n >= 24)
		o->declared = le64(h + 16);
	if (n >= 28 && !all_zero(h + 24)) {
		char text[TENSORRT_VERSION_BYTES];
		memcpy(o->version, h + 24, 4);
		o->has_version = true;
		tensorrt_version_text(o->version, text);
		artifact_evidence(r, "container version (major, minor, patch, build)", base + 24, h + 24, 4, "%s",
				  text);
	}
	if (n >= 24)
		artifact_evidence(r, "container size", base + 16, h + 16, 8, "%llu bytes",
				  (unsigned long long)o->declared);
	if (n == OUTER_BYTES)
		artifact_evidence(r, "platform tag", base + 28, h + 28, 4, "%s",
				  memcmp(h + 28, "rtrt", 4) == 0   ? "rtrt"
				  : memcmp(h + 28, "utrt", 4) == 0 ? "utrt (seen on Jetson Orin)"
								   : "other");
}

static bool section_at(struct artifact_reading *r, uint64_t at, struct section *ret)
{
	const unsigned char *p = artifact_at(r, at, SECTION_BYTES);
	if (!p)
		return false;
	*ret = (struct section){ .offset = le64(p + 8), .size = le64(p + 16) };
	for (size_t i = 0; i < 4; i++) {
		unsigned char c = p[3 - i];
		ret->tag[i] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
	}
	artifact_evidence(r, "section entry", at, p, SECTION_BYTES, "%s at %llu, %llu bytes", ret->tag,
			  (unsigned long long)ret->offset, (unsigned long long)ret->size);
	return true;
}

/* Against what the container declares: where that is more than there is, the file is cut short, and has been said to be.
 */
static bool section_bounds(struct artifact_reading *r, const struct outer *o, const struct section *s,
			   uint64_t table_end)
{
	if (s->size > UINT64_MAX - s->offset || s->offset + s->size > o->declared) {
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "section_past_end",
				"section %s (offset %llu, %llu bytes) ends behind the container's %llu bytes", s->tag,
				(unsigned long long)s->offset, (unsigned long long)s->size,
				(unsigned long long)o->declared);
		return s->offset < r->facts->size - o->base;
	}
	if (s->size > 0 && s->offset < table_end)
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "section_in_table",
				"section %s starts at %llu, inside the section table", s->tag,
				(unsigned long long)s->offset);
	return s->offset < r->facts->size - o->base;
}

/* A lean runtime, which version-compatible plans carry: it says so by its SONAME and exports, and so could anything
 * else. It is a component of its own, and an objection: what built the engine is known, what this code is, is not. */
static bool lean_read(struct artifact_reading *r, uint64_t at, uint64_t bytes, const char *tag, uint64_t *ret_bytes)
{
	struct err err = ERR_INIT;
	struct elf e;
	struct elf_window_source source;
	struct elf_symbol symbol;
	*ret_bytes = 1; /* of what cannot be read, only its beginning is known */
	if (library_open(r, at, bytes, &source, &e, &err) < 0)
		return false;
	if (elf_extent(&e, ret_bytes, &err) < 0)
		*ret_bytes = 1;
	if (!span_starts(e.soname, "libnvinfer_lean.so") || elf_symbol_find(&e, "createLeanRuntime", &symbol, &err) < 0)
		return false;
	struct library l = { .row = library_row_of(e.soname), .soname = e.soname };
	if (!l.row)
		return false;
	library_version(r, &e, &l);
	char where[32];
	snprintf(where, sizeof where, "section %s", tag);
	struct artifact_component c = { .product = SPAN(ARTIFACT_PRODUCT_TENSORRT),
					.version = span_of(l.version),
					.role = ARTIFACT_ROLE_RUNTIME,
					.source = "lean-runtime",
					.where = span_of(where) };
	if (artifact_component_add(r->facts, r->a, &c) < 0)
		r->failed = RF_ENOMEM;
	artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_LEAN_RUNTIME, "lean_runtime",
			"section %s says it is a lean runtime (%.*s, version %s), as version-compatible plans have: native code "
			"that runs when the plan is loaded, and nothing in it proves whose it is",
			tag, SPAN_ARG(e.soname), l.version[0] ? l.version : "unknown");
	return true;
}

static void section_code(struct artifact_reading *r, const struct outer *o, const struct section *s)
{
	struct artifact_facts *f = r->facts;
	size_t n;
	uint64_t at = o->base + s->offset, bytes;
	const unsigned char *p = artifact_upto(r, at, (size_t)RF_MIN(s->size, (uint64_t)ELF_HEADER_BYTES), &n);
	const char *code = p ? artifact_host_elf(p, n) : NULL;
	if (!code)
		return;
	if (!lean_read(r, at, RF_MIN(s->size, f->size - at), s->tag, &bytes))
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HOST_CODE, "host_code_elf",
				"section %s is native host code (%s): it can run when the plan is loaded", s->tag,
				code);
	if (f->code_seen_count < ARTIFACT_MAX_CODE_SEEN)
		f->code_seen[f->code_seen_count++] = (struct artifact_range){ at, bytes };
}

static void overlap_check(struct artifact_reading *r, const struct section *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++) {
			const struct section *a = &list[i], *b = &list[j];
			if (a->size && b->size && a->offset < b->offset + b->size && b->offset < a->offset + a->size) {
				artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "section_overlap",
						"sections %s and %s overlap", a->tag, b->tag);
				return;
			}
		}
}

static void sections_read(struct artifact_reading *r, struct outer *o)
{
	struct section list[MAX_SECTIONS];
	size_t n = 0;
	uint64_t walk = RF_MIN(o->sections, (uint64_t)MAX_SECTIONS);
	uint64_t table_end = OUTER_BYTES + walk * SECTION_BYTES;
	if (o->sections > (o->declared > OUTER_BYTES ? (o->declared - OUTER_BYTES) / SECTION_BYTES : 0)) {
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "section_count_impossible",
				"%llu sections cannot fit in %llu bytes", (unsigned long long)o->sections,
				(unsigned long long)o->declared);
		if (walk > 2)
			walk = 2; /* still look for the engine where it always is */
	} else if (o->sections > MAX_SECTIONS) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "too_many_sections",
				"%llu sections: only the first %d were looked at", (unsigned long long)o->sections,
				MAX_SECTIONS);
	}
	for (uint64_t i = 0; i < walk; i++) {
		struct section s;
		if (!section_at(r, o->base + OUTER_BYTES + i * SECTION_BYTES, &s))
			break;
		list[n] = s;
		bool reachable = section_bounds(r, o, &s, table_end);
		if (s.size > UINT64_MAX - s.offset)
			list[n].size = UINT64_MAX - s.offset;
		n++;
		bool engine = memcmp(s.tag, "ENGN", 4) == 0;
		if (engine && !o->has_engine) {
			o->engine = s;
			o->has_engine = true;
		} else if (engine) {
			artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "second_engine_section",
					"another ENGN section, at %llu: only the first one was read",
					(unsigned long long)s.offset);
		} else if (!engine && memcmp(s.tag, "WGHT", 4) != 0) {
			artifact_note(r, "section of unknown tag %s, %llu bytes", s.tag, (unsigned long long)s.size);
		}
		if (!engine && reachable)
			section_code(r, o, &s);
	}
	overlap_check(r, list, n);
}

static void trailer_check(struct artifact_reading *r, const struct outer *o)
{
	struct artifact_facts *f = r->facts;
	if (f->truncated || o->declared < OUTER_BYTES + 4 || o->declared > f->size - o->base)
		return;
	uint64_t at = o->base + o->declared - 4;
	const unsigned char *p = artifact_at(r, at, 4);
	if (!p)
		return;
	if (memcmp(p, trailer_bytes, 4) != 0)
		artifact_note(r, "trailer missing: the last four bytes are not 99 8b 8d 8b");
	artifact_evidence(r, "trailer", at, p, 4, "%s", memcmp(p, trailer_bytes, 4) == 0 ? "present" : "missing");
}

/* Which of the two was edited cannot be told, so that what is known of either builder counts. */
static void versions_disagree(struct artifact_reading *r)
{
	const struct artifact_component c = { .product = SPAN(ARTIFACT_PRODUCT_TENSORRT),
					      .version = span_of(r->facts->inner_version),
					      .role = ARTIFACT_ROLE_BUILDER,
					      .source = "archive",
					      .where = SPAN("section ENGN") };
	artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "version_mismatch",
			"version_mismatch: the container says TensorRT %s, the archive inside %s", r->facts->version,
			r->facts->inner_version);
	if (artifact_component_add(r->facts, r->a, &c) < 0)
		r->failed = RF_ENOMEM;
}

static void inner_check(struct artifact_reading *r, struct outer *o, const struct tensorrt_archive *archive)
{
	struct artifact_facts *f = r->facts;
	if (archive->cache)
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "timing_cache_in_plan",
				"the ENGN section holds a timing cache, not an engine");
	if (archive->layout && archive->archive_bytes != o->engine.size)
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "archive_size_mismatch",
				"section ENGN has %llu bytes, the archive in it declares %llu",
				(unsigned long long)o->engine.size, (unsigned long long)archive->archive_bytes);
	if (!archive->has_version) {
		if (f->truncated)
			artifact_note(r, "the version inside is cut off: the container's own is all there is");
		else
			artifact_object(
				r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "archive_unreadable",
				"the archive inside could not be read: the container's version is not confirmed");
		return;
	}
	tensorrt_version_text(archive->version, f->inner_version);
	if (o->has_version && memcmp(o->version, archive->version, 4) != 0)
		versions_disagree(r);
	else
		tensorrt_version_check(r, archive, true);
	if (!o->has_version) {
		memcpy(f->version, f->inner_version, sizeof f->version);
		f->version_source = ARTIFACT_VERSION_INNER;
		artifact_note(r, "the container states no version (0.0.0.0): taken from the archive inside");
	}
}

static const char *ftrt_layout(const char *inner)
{
	if (!inner)
		return "ftrt";
	switch (inner[1]) {
	case '1':
		return "ftrt/P1";
	case '2':
		return "ftrt/P2";
	case '3':
		return "ftrt/P3";
	default:
		return "ftrt/P4";
	}
}

static int ftrt_read(struct artifact_reading *r, uint64_t base)
{
	struct artifact_facts *f = r->facts;
	struct outer o;
	outer_read(r, base, &o);
	f->kind = ARTIFACT_TENSORRT_PLAN;
	f->product = ARTIFACT_PRODUCT_TENSORRT;
	f->layout = "ftrt";
	f->look_for_code = true;
	if (o.has_version) {
		tensorrt_version_text(o.version, f->version);
		f->version_source = ARTIFACT_VERSION_HEADER;
	}
	if (f->size - base < OUTER_BYTES) {
		tensorrt_truncated(r, "the container's header", OUTER_BYTES, f->size - base);
	} else {
		size_check(r, base, o.declared, "the container");
		sections_read(r, &o);
		if (o.has_engine && o.engine.offset <= UINT64_MAX - base) {
			struct tensorrt_archive archive;
			tensorrt_archive_read(r, base + o.engine.offset, o.engine.size, &archive);
			f->layout = ftrt_layout(archive.layout);
			inner_check(r, &o, &archive);
			target_set(f, &archive);
		} else if (!f->truncated) {
			artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "engine_section_absent",
					"no ENGN section: the container's version is not confirmed by anything inside");
		}
		trailer_check(r, &o);
	}
	if (!f->version[0])
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNKNOWN_BUILDER, "version_not_stated",
				"no version could be read");
	return 0;
}

/* ── ptrt ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int ptrt_read(struct artifact_reading *r, uint64_t base)
{
	struct artifact_facts *f = r->facts;
	struct tensorrt_archive archive;
	tensorrt_archive_read(r, base, f->size - base, &archive);
	f->kind = archive.cache ? ARTIFACT_TENSORRT_TIMING_CACHE : ARTIFACT_TENSORRT_PLAN;
	f->product = ARTIFACT_PRODUCT_TENSORRT;
	f->layout = archive.layout ? archive.layout : "ptrt";
	f->look_for_code = true;
	if (archive.layout)
		size_check(r, base, archive.archive_bytes, "the archive");
	else if (f->size - base < ARCHIVE_HEAD_BYTES)
		tensorrt_truncated(r, "the archive's header", ARCHIVE_HEAD_BYTES, f->size - base);
	if (archive.cache) {
		artifact_note(r,
			      "timing cache: an input of builds, not an engine; it states no TensorRT version (tag %u)",
			      archive.tag);
		return 0;
	}
	if (!archive.has_version) {
		artifact_object(r, ARTIFACT_UNKNOWN,
				archive.layout ? ARTIFACT_CAUSE_UNKNOWN_BUILDER : ARTIFACT_CAUSE_UNREADABLE,
				"archive_unreadable",
				f->truncated ? "truncated before its version"
					     : "a TensorRT archive in a layout that no rule reads: version unknown");
		return 0;
	}
	tensorrt_version_text(archive.version, f->version);
	f->version_source = ARTIFACT_VERSION_HEADER;
	if (all_zero(archive.version)) {
		f->version[0] = '\0';
		f->version_source = ARTIFACT_VERSION_UNKNOWN;
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNKNOWN_BUILDER, "version_not_stated",
				"the archive states no version (0.0.0.0)");
	}
	tensorrt_version_check(r, &archive, false);
	target_set(f, &archive);
	return 0;
}

/* ── The row ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool tensorrt_sniff(const struct artifact_reading *r)
{
	const unsigned char *p = (const unsigned char *)r->head.p;
	size_t n = r->head.n;
	if (n >= 4 && is_magic(p))
		return true;
	/* A length in front of JSON; four printable bytes are text, unless the name insists. */
	bool printable = n >= 6 && p[0] >= 0x20 && p[1] >= 0x20 && p[2] >= 0x20 && p[3] >= 0x20;
	if (n >= 6 && p[4] == '{' && (!printable || artifact_named_like_engine(r->name)))
		return true;
	/* 5.x: its own size, then a flatbuffer. A cut one only when it is named like an engine. */
	if (n < 64)
		return false;
	uint64_t says = le64(p);
	return says == r->src->size ||
	       (artifact_named_like_engine(r->name) && says > r->src->size && says < (uint64_t)1 << 36);
}

/* What demo/specimen writes calls itself so in its network's name; people must see it wherever the file appears. */
static void specimen_note(struct artifact_reading *r)
{
	if (span_find(r->head, SPAN("REFORGE SPECIMEN")) != SIZE_MAX)
		artifact_note(r, "a specimen: headers made by code, not an engine");
}

static int tensorrt_read(struct artifact_reading *r)
{
	uint64_t base;
	if (!prefix_skip(r, &base)) {
		if (!artifact_named_like_engine(r->name))
			return RF_EUNREADABLE;
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "prefix_without_plan",
				"a JSON prefix of %u bytes is announced, but no plan stands behind it",
				le32(r->head.p));
		return 0;
	}
	const unsigned char *p = artifact_at(r, base, 4);
	if (!p)
		return RF_EUNREADABLE;
	int rc = memcmp(p, "ftrt", 4) == 0   ? ftrt_read(r, base)
		 : memcmp(p, "ptrt", 4) == 0 ? ptrt_read(r, base)
					     : tensorrt_flatbuffer_read(r, base, r->src->size - base);
	if (!rc)
		specimen_note(r);
	return rc;
}

const struct artifact_format artifact_format_tensorrt = {
	.name = "tensorrt",
	.sniff = tensorrt_sniff,
	.read = tensorrt_read,
};
