/* The frame of the readers: which row reads a file, reading by pieces, notes and findings. See artifact.h. */
#include "inventory/artifact_int.h"

#include <stdarg.h>

#define NOTE_BYTES 400

const struct artifact_format *const artifact_formats[] = {
	&artifact_format_tensorrt,
	&artifact_format_ort,
	&artifact_format_lfs,
	&artifact_format_archive,
	&artifact_format_unread,
	&artifact_format_pickle,
	&artifact_format_llm,
	&artifact_format_runtime,
	&artifact_format_dpkg,
	&artifact_format_apk,
	&artifact_format_rpm_sqlite,
	&artifact_format_rpm_ndb,
	&artifact_format_rpm_bdb,
	&artifact_format_python,
	&artifact_format_npm,
	&artifact_format_release,
	&artifact_format_onnx, /* last: protobuf has no magic */
	NULL,
};

static const char *const version_sources[] = {
	[ARTIFACT_VERSION_UNKNOWN] = "unknown", [ARTIFACT_VERSION_HEADER] = "header",
	[ARTIFACT_VERSION_INNER] = "inner",     [ARTIFACT_VERSION_PROVENANCE] = "provenance",
	[ARTIFACT_VERSION_NAME] = "name",       [ARTIFACT_VERSION_PACKAGE] = "package",
};
static const char *const findings[] = {
	[ARTIFACT_CLEAR] = "",
	[ARTIFACT_UNKNOWN] = "unknown",
	[ARTIFACT_CONFLICT] = "conflict",
};

const char *artifact_version_source_text(enum artifact_version_source s)
{
	return (size_t)s < RF_COUNT(version_sources) ? version_sources[s] : "unknown";
}

enum artifact_version_source artifact_version_source_of(struct span text)
{
	for (size_t i = 0; i < RF_COUNT(version_sources); i++)
		if (span_eq_text(text, version_sources[i]))
			return (enum artifact_version_source)i;
	return ARTIFACT_VERSION_UNKNOWN;
}

const char *artifact_finding_text(enum artifact_finding f)
{
	return (size_t)f < RF_COUNT(findings) ? findings[f] : "unknown";
}

enum artifact_finding artifact_finding_of(struct span text)
{
	for (size_t i = 0; i < RF_COUNT(findings); i++)
		if (span_eq_text(text, findings[i]))
			return (enum artifact_finding)i;
	return ARTIFACT_UNKNOWN;
}

bool artifact_cause_doubts_builder(struct span cause)
{
	return !span_eq_text(cause, ARTIFACT_CAUSE_LEAN_RUNTIME);
}

bool artifact_named_like_engine(struct span name)
{
	static const char *const suffixes[] = { ".engine", ".plan", ".trt", ".ort", ".onnx", ".trtmodel" };
	for (size_t i = 0; i < RF_COUNT(suffixes); i++) {
		size_t n = strlen(suffixes[i]);
		if (name.n > n && span_eq_nocase(span_from(name, name.n - n), span_of(suffixes[i])))
			return true;
	}
	/* Triton's multi-instance form: model.plan.rank0 */
	size_t dot = span_rfind_byte(name, '.');
	return dot != SIZE_MAX && span_starts(span_from(name, dot), ".rank") &&
	       span_is_digits(span_from(name, dot + 5));
}

bool artifact_is_read_at_random(struct span name)
{
	static const char *const names[] = { "rpmdb.sqlite", "Packages.db", "Packages" };
	for (size_t i = 0; i < RF_COUNT(names); i++)
		if (span_eq_text(name, names[i]))
			return true;
	return false;
}

bool artifact_kind_is_engine(struct span kind)
{
	return span_eq_text(kind, ARTIFACT_TENSORRT_PLAN) || span_eq_text(kind, ARTIFACT_ONNXRUNTIME_OPTIMISED) ||
	       span_eq_text(kind, ARTIFACT_ONNXRUNTIME_ORT);
}

bool artifact_kind_only_holds(struct span kind)
{
	return span_eq_text(kind, ARTIFACT_ARCHIVE) || span_eq_text(kind, ARTIFACT_PICKLE);
}

/* ── Reading by pieces ───────────────────────────────────────────────────────────────────────────────────────────── */

static int bytes_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	const struct span *s = data;
	size_t from = offset < s->n ? (size_t)offset : s->n;
	*ret_n = RF_MIN(n, s->n - from);
	if (*ret_n)
		memcpy(buffer, s->p + from, *ret_n);
	return 0;
}

/* The source keeps the span in its own head, so that it needs no storage beside itself. */
struct artifact_source artifact_source_bytes(struct span s)
{
	return (struct artifact_source){ .pread = NULL, .size = s.n, .head = s };
}

int artifact_source_read(const struct artifact_source *src, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	if (src->pread)
		return src->pread(src->data, buffer, n, offset, ret_n);
	struct span head = src->head;
	return bytes_pread(&head, buffer, n, offset, ret_n);
}

/* Room for a piece: small ones for the few reads of a header, large ones for those who read on. */
static struct artifact_window *window_room(struct artifact_reading *r, size_t bytes)
{
	unsigned oldest = 0;
	for (unsigned i = 1; i < ARTIFACT_WINDOWS; i++)
		if (r->windows[i].used < r->windows[oldest].used)
			oldest = i;
	struct artifact_window *w = &r->windows[oldest];
	r->recent = oldest;
	w->n = 0;
	if (w->room >= bytes)
		return w;
	unsigned char *grown = rf_realloc_array(w->bytes, bytes, 1);
	if (!grown) {
		r->failed = RF_ENOMEM;
		return NULL;
	}
	w->bytes = grown;
	w->room = bytes;
	return w;
}

/* Reads a piece that holds @n bytes at @offset: with what follows them, or mostly with what is before them.
 * NULL: failure, or reads used up. */
static struct artifact_window *window_read(struct artifact_reading *r, uint64_t offset, size_t n)
{
	if (r->failed)
		return NULL;
	if (++r->reads > ARTIFACT_MAX_READS) {
		if (r->reads == ARTIFACT_MAX_READS + 1)
			artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "too_many_reads",
					"more than %d pieces would have to be read to find what the file says",
					ARTIFACT_MAX_READS);
		return NULL;
	}
	bool large = n > ARTIFACT_PIECE_BYTES || r->reads > ARTIFACT_SMALL_READS;
	size_t bytes = large ? ARTIFACT_LARGE_PIECE_BYTES : ARTIFACT_PIECE_BYTES, before = 0;
	if (large && r->backward && n < bytes / 4)
		before = (size_t)RF_MIN(offset, (uint64_t)(bytes / 4 * 3));
	struct artifact_window *w = window_room(r, bytes);
	if (!w)
		return NULL;
	w->at = offset - before;
	int rc = artifact_source_read(r->src, w->bytes, bytes, w->at, &w->n);
	if (rc < 0)
		r->failed = rc;
	return rc == 0 ? w : NULL;
}

static bool window_holds(const struct artifact_window *w, uint64_t offset, size_t n)
{
	return offset >= w->at && offset - w->at <= w->n && n <= w->n - (size_t)(offset - w->at) && w->n;
}

/* The window that holds it already; NULL: none. */
static struct artifact_window *window_find(struct artifact_reading *r, uint64_t offset, size_t n)
{
	for (unsigned i = 0; i < ARTIFACT_WINDOWS; i++)
		if (window_holds(&r->windows[i], offset, n)) {
			r->recent = i;
			return &r->windows[i];
		}
	return NULL;
}

const unsigned char *artifact_at(struct artifact_reading *r, uint64_t offset, size_t n)
{
	if (offset > r->src->size || n > r->src->size - offset || n > ARTIFACT_LARGE_PIECE_BYTES)
		return NULL;
	if (offset + n <= r->head.n)
		return (const unsigned char *)r->head.p + offset;
	struct artifact_window *w = &r->windows[r->recent];
	if (!window_holds(w, offset, n))
		w = window_find(r, offset, n);
	if (!w)
		w = window_read(r, offset, n);
	/* the file may have shrunk since fstat() */
	if (!w || !window_holds(w, offset, n))
		return NULL;
	w->used = ++r->clock;
	return w->bytes + (offset - w->at);
}

void artifact_hold(struct artifact_reading *r)
{
	size_t n = (size_t)RF_MIN(r->src->size, (uint64_t)ARTIFACT_HOLD_BYTES + 1), got = 1;
	if (n > ARTIFACT_HOLD_BYTES || r->head.n >= n || r->failed || r->held)
		return;
	r->held = rf_alloc(n);
	if (!r->held) {
		r->failed = RF_ENOMEM;
		return;
	}
	size_t have = 0;
	for (int rc; have < n && got; have += got) {
		rc = artifact_source_read(r->src, r->held + have, n - have, have, &got);
		if (rc < 0) {
			r->failed = rc;
			return;
		}
	}
	r->head = span_bytes(r->held, have);
}

const unsigned char *artifact_upto(struct artifact_reading *r, uint64_t offset, size_t n, size_t *ret_n)
{
	*ret_n = 0;
	if (offset >= r->src->size)
		return NULL;
	size_t there = (size_t)RF_MIN((uint64_t)n, r->src->size - offset);
	const unsigned char *p = artifact_at(r, offset, there);
	if (p)
		*ret_n = there;
	return p;
}

/* ── Notes, findings, evidence ───────────────────────────────────────────────────────────────────────────────────── */

/* A hostile file may give any number of reasons for a note: those beyond the limit cost nothing. */
static bool notes_full(struct artifact_facts *f)
{
	if (f->note_count < ARTIFACT_MAX_NOTES)
		return false;
	f->notes[ARTIFACT_MAX_NOTES - 1] = "more was found than is noted here";
	f->notes_dropped++;
	return true;
}

static const char *RF_PRINTF(2, 0) note_text(struct artifact_reading *r, const char *format, va_list args)
{
	char buffer[NOTE_BYTES];
	vsnprintf(buffer, sizeof buffer, format, args);
	const char *text = arena_text(r->a, span_of(buffer));
	if (!text)
		r->failed = RF_ENOMEM;
	return text;
}

static void RF_PRINTF(2, 0) note_add(struct artifact_reading *r, const char *format, va_list args)
{
	struct artifact_facts *f = r->facts;
	if (notes_full(f))
		return;
	const char *text = note_text(r, format, args);
	if (text)
		f->notes[f->note_count++] = text;
}

void artifact_note(struct artifact_reading *r, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	note_add(r, format, args);
	va_end(args);
}

static void rule_add(struct artifact_facts *f, const char *rule)
{
	for (size_t i = 0; i < f->rule_count; i++)
		if (strcmp(f->rules[i], rule) == 0)
			return;
	if (f->rule_count < ARTIFACT_MAX_RULES)
		f->rules[f->rule_count++] = rule;
}

void artifact_object(struct artifact_reading *r, enum artifact_finding f, const char *cause, const char *rule,
		     const char *format, ...)
{
	rule_add(r->facts, rule);
	va_list args;
	va_start(args, format);
	note_add(r, format, args);
	va_end(args);
	/* of two as bad, the one that says more stays */
	if (f > r->facts->finding ||
	    (f == r->facts->finding && f != ARTIFACT_CLEAR && !artifact_cause_doubts_builder(span_of(r->facts->cause)))) {
		r->facts->finding = f;
		r->facts->cause = cause;
	}
}

void artifact_evidence(struct artifact_reading *r, const char *what, uint64_t offset, const void *bytes, size_t n,
		       const char *format, ...)
{
	if (!(r->flags & ARTIFACT_WITH_EVIDENCE) || r->facts->evidence_count == ARTIFACT_MAX_EVIDENCE)
		return;
	if (!r->facts->evidence)
		r->facts->evidence = arena_array(r->a, ARTIFACT_MAX_EVIDENCE, sizeof *r->facts->evidence);
	if (!r->facts->evidence) {
		r->failed = RF_ENOMEM;
		return;
	}
	va_list args;
	va_start(args, format);
	const char *value = note_text(r, format, args);
	va_end(args);
	struct artifact_evidence *e = &r->facts->evidence[r->facts->evidence_count++];
	*e = (struct artifact_evidence){ .what = what, .offset = offset, .value = value ? value : "" };
	e->byte_count = bytes ? RF_MIN(n, (size_t)ARTIFACT_EVIDENCE_BYTES) : 0;
	if (e->byte_count)
		memcpy(e->bytes, bytes, e->byte_count);
}

/* ── Components ──────────────────────────────────────────────────────────────────────────────────────────────────── */

#define TEXT_OF(number) TEXT_OF_VALUE(number)
#define TEXT_OF_VALUE(number) #number

/* Law 2: what was left out is unknown, and that is said once. */
static void component_drop(struct artifact_facts *f)
{
	if (f->components_dropped++)
		return;
	rule_add(f, "too_many_components");
	if (!notes_full(f))
		f->notes[f->note_count++] =
			"more than " TEXT_OF(ARTIFACT_MAX_COMPONENTS) " components: those behind them were left out";
	if (f->finding == ARTIFACT_CLEAR) {
		f->finding = ARTIFACT_UNKNOWN;
		f->cause = ARTIFACT_CAUSE_INCOMPLETE;
	}
}

static int components_grow(struct artifact_facts *f, struct arena *a)
{
	if (f->component_count < f->component_room)
		return 0;
	size_t room = f->component_room ? 2 * f->component_room : 8;
	struct artifact_component *list = arena_array(a, room, sizeof *list);
	if (!list)
		return RF_ENOMEM;
	if (f->component_count)
		memcpy(list, f->components, f->component_count * sizeof *list);
	f->components = list;
	f->component_room = room;
	return 0;
}

int artifact_component_add(struct artifact_facts *f, struct arena *a, const struct artifact_component *c)
{
	if (f->component_count == ARTIFACT_MAX_COMPONENTS) {
		component_drop(f);
		return 0;
	}
	int rc = components_grow(f, a);
	if (rc < 0)
		return rc;
	struct artifact_component copy = { .role = c->role, .source = c->source };
	copy.product = arena_span(a, c->product);
	copy.version = arena_span(a, c->version);
	copy.where = arena_span(a, c->where);
	if (!copy.product.p || !copy.version.p || !copy.where.p)
		return RF_ENOMEM;
	f->components[f->component_count++] = copy;
	return 0;
}

/* ── Which row ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static void facts_start(struct artifact_facts *f, uint64_t size)
{
	memset(f, 0, sizeof *f);
	f->kind = ARTIFACT_OTHER;
	f->layout = "";
	f->cause = "";
	f->cc_major = f->cc_minor = -1;
	f->size = size;
}

static bool looks_like_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f')
			return false;
	}
	/* the head may end inside a character */
	return span_is_utf8(s) ||
	       (s.n > 3 && (span_is_utf8(span_sub(s, 0, s.n - 1)) || span_is_utf8(span_sub(s, 0, s.n - 2)) ||
			    span_is_utf8(span_sub(s, 0, s.n - 3))));
}

/* Nobody reads it. A name is a reason to say so: .plan and .engine are used by others too (sqitch, QGroundControl,
 * games). */
static void read_other(struct artifact_reading *r)
{
	if (!artifact_named_like_engine(r->name))
		return;
	if (r->src->size == 0)
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "empty_file",
				"named like an engine, but empty");
	else if (looks_like_text(r->head))
		artifact_note(r, "named like an engine, but text: the name is used by other tools too");
	else
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "unknown_format",
				"named like an engine, but in no format that is read here (not TensorRT, ONNX or ONNX "
				"Runtime)");
}

/* The first ARTIFACT_HEAD_BYTES: what the caller read, else one read of ours. */
static int head_fill(struct artifact_reading *r)
{
	size_t wanted = (size_t)RF_MIN(r->src->size, (uint64_t)ARTIFACT_HEAD_BYTES);
	r->head = r->src->head;
	if (r->head.n > r->src->size)
		r->head.n = (size_t)r->src->size;
	if (r->head.n >= wanted)
		return 0;
	char *buffer = arena_alloc(r->a, ARTIFACT_HEAD_BYTES);
	if (!buffer)
		return RF_ENOMEM;
	size_t n = 0;
	int rc = artifact_source_read(r->src, buffer, wanted, 0, &n);
	if (rc < 0)
		return rc;
	r->head = span_bytes(buffer, n);
	return 0;
}

static int read_rows(struct artifact_reading *r)
{
	for (size_t i = 0; artifact_formats[i]; i++) {
		const struct artifact_format *format = artifact_formats[i];
		if (!format->sniff(r))
			continue;
		int rc = format->read(r);
		if (r->failed)
			return r->failed;
		if (rc == 0) {
			r->facts->format = format;
			return 0;
		}
		if (rc != RF_EUNREADABLE)
			return rc;
		facts_start(r->facts, r->src->size);
	}
	read_other(r);
	return r->failed;
}

static struct span name_of(struct span path)
{
	size_t slash = span_rfind_byte(path, '/');
	return slash == SIZE_MAX ? path : span_from(path, slash + 1);
}

bool artifact_may_be_read(const struct artifact_source *src, struct span path)
{
	struct artifact_facts facts;
	struct artifact_reading r = { .src = src, .path = path, .name = name_of(path), .facts = &facts, .head = src->head };
	facts_start(&facts, src->size);
	for (size_t i = 0; artifact_formats[i]; i++)
		if (artifact_formats[i]->sniff(&r))
			return true;
	return false;
}

int artifact_read(const struct artifact_source *src, struct span path, unsigned flags, struct arena *a,
		  struct artifact_facts *ret, struct err *err)
{
	struct artifact_reading r = { .src = src, .path = path, .name = name_of(path), .flags = flags, .a = a, .facts = ret,
				      .err = err };
	facts_start(ret, src->size);
	int rc = head_fill(&r);
	if (rc == 0)
		rc = read_rows(&r);
	if (rc == 0) {
		artifact_name_read(&r);
		rc = r.failed;
	}
	for (size_t i = 0; i < ARTIFACT_WINDOWS; i++)
		rf_free(r.windows[i].bytes);
	rf_free(r.held);
	ret->second_look_from = ret->note_count;
	ret->second_rules_from = ret->rule_count;
	ret->second_components_from = ret->component_count;
	if (rc == RF_ENOMEM)
		return err_set(err, rc, "no memory for the facts of one file");
	if (rc < 0 && (!err || err->code == 0))
		return err_set(err, rc, "reading failed");
	return rc;
}
