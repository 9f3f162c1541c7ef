/* What can lie inside of a file, and how it is read; what was met inside, said on the container. See scan_member.h. */
#include "inventory/scan_member_int.h"

#include "base/fs.h"
#include "format/archive.h"
#include "inventory/carve.h"

#include <stdarg.h>

#define NOTE_BYTES 1400
#define PULL_BYTES (256 * KIB)

/* ── Archives ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct archive_walk_state {
	struct scan_members *m;
	struct archive_reader *reader;
	uint64_t consumed;
	const char *container; /* its name */
	struct err *err;
};

/* A source that goes forward, to libarchive. */
struct pulling {
	const struct artifact_source *src;
	uint64_t at;
	unsigned char buffer[PULL_BYTES];
};

static int64_t pull(void *data, const void **ret)
{
	struct pulling *p = data;
	size_t n = 0;
	int rc = p->src->pread(p->src->data, p->buffer, sizeof p->buffer, p->at, &n);
	p->at += n;
	*ret = p->buffer;
	return rc ? rc : (int64_t)n;
}

static void consumed_tell(struct archive_walk_state *w)
{
	uint64_t now = archive_reader_consumed(w->reader);
	if (now > w->consumed)
		scan_member_consumed(w->m, now - w->consumed);
	w->consumed = RF_MAX(now, w->consumed);
}

/* A compressed file on its own has no name inside: "model.plan.gz" holds "model.plan". */
static struct span raw_name(const char *container)
{
	static const char *const endings[] = { ".gz", ".bz2", ".xz", ".zst", ".lzma" };
	struct span name = span_of(container);
	for (size_t i = 0; i < RF_COUNT(endings); i++)
		if (span_ends(name, endings[i]) && name.n > strlen(endings[i]))
			return span_sub(name, 0, name.n - strlen(endings[i]));
	return span_ends(name, ".tgz") && name.n > 4 ? span_sub(name, 0, name.n - 4) : SPAN("data");
}

/* The content's own damage ends the item, not the archive. */
static int item_damaged(struct archive_walk_state *w, const struct archive_item *item)
{
	char text[1200];
	snprintf(text, sizeof text, "%s (offset %llu)", w->err->text, (unsigned long long)item->offset);
	*w->err = ERR_INIT;
	return scan_member_cut(w->m, span_of(text), w->err);
}

static int item_read(struct archive_walk_state *w, const struct archive_item *item)
{
	struct span piece, name = item->name.n ? item->name : raw_name(w->container);
	int rc = scan_member_begin(w->m, name, item->size, w->err);
	while (rc == 0 && (rc = archive_reader_read(w->reader, &piece, w->err)) == 1) {
		consumed_tell(w);
		rc = scan_member_add(w->m, piece.p, piece.n, w->err);
		if (rc)
			return rc;
	}
	if (rc == RF_EUNREADABLE)
		return item_damaged(w, item);
	return rc ? rc : scan_member_end(w->m, w->err);
}

static int item_take(struct archive_walk_state *w, const struct archive_item *item)
{
	switch (item->kind) {
	case ARCHIVE_ITEM_FILE:
		if (item->encrypted)
			return scan_member_unread(w->m, item->name, SCAN_UNREAD_ENCRYPTED, SPAN_NONE, w->err);
		return item_read(w, item);
	case ARCHIVE_ITEM_SYMLINK:
	case ARCHIVE_ITEM_HARDLINK:
		return scan_member_unread(w->m, item->name, SCAN_UNREAD_LINK, item->target, w->err);
	case ARCHIVE_ITEM_SPECIAL:
		return scan_member_unread(w->m, item->name, SCAN_UNREAD_SPECIAL, SPAN_NONE, w->err);
	default:
		return 0;
	}
}

static int archive_items(struct archive_walk_state *w)
{
	struct archive_item item;
	int rc;
	while ((rc = archive_reader_next(w->reader, &item, w->err)) == 1) {
		consumed_tell(w);
		rc = item_take(w, &item);
		if (rc)
			return rc;
	}
	return rc;
}

static int archive_inside(struct scan_members *m, void *data, struct err *err)
{
	const struct scan_inside_input *in = data;
	RF_AUTO_PTR(archive_reader) reader = NULL;
	RF_AUTO_FREE struct pulling *p = NULL;
	int rc;
	if (in->in_memory) {
		rc = archive_reader_open_bytes(in->src->head, &reader, err);
	} else if (in->fd >= 0) {
		rc = archive_reader_open_fd(in->fd, &reader, err);
	} else {
		p = rf_alloc(sizeof *p);
		if (!p)
			return err_set(err, RF_ENOMEM, "no memory to read an archive");
		p->src = in->src;
		rc = archive_reader_open_pull(pull, p, &reader, err);
	}
	if (rc)
		return rc;
	struct archive_walk_state w = { .m = m, .reader = reader, .container = in->name, .err = err };
	return archive_items(&w);
}

/* ── Engines inside of values ────────────────────────────────────────────────────────────────────────────────────── */

struct carving {
	struct scan_members *m;
	struct err *err;
};

static int part_take(const struct artifact_source *src, const struct carve_part *part, void *data)
{
	struct carving *c = data;
	char name[64];
	RF_AUTO_FREE struct carve_decoder *d = rf_alloc(sizeof *d);
	RF_AUTO_FREE unsigned char *buffer = rf_alloc(PULL_BYTES);
	if (!d || !buffer)
		return err_set(c->err, RF_ENOMEM, "no memory to read an embedded engine");
	snprintf(name, sizeof name, "%s@%llu", part->what, (unsigned long long)part->offset);
	carve_decoder_init(d, src, part);
	int rc = scan_member_begin(c->m, span_of(name),
				   part->encoding == CARVE_RAW ? part->bytes : SCAN_MEMBER_SIZE_UNKNOWN, c->err);
	for (size_t n = 1; rc == 0 && n;) {
		rc = carve_decoder_read(d, buffer, PULL_BYTES, &n, c->err);
		if (rc == RF_EFORMAT || rc == RF_ETRUNCATED) {
			char text[sizeof c->err->text];
			memcpy(text, c->err->text, sizeof text);
			return scan_member_cut(c->m, span_of(text), c->err);
		}
		if (rc == 0 && n)
			rc = scan_member_add(c->m, buffer, n, c->err);
	}
	return rc ? rc : scan_member_end(c->m, c->err);
}

static int pickle_inside(struct scan_members *m, void *data, struct err *err)
{
	const struct scan_inside_input *in = data;
	struct carving c = { m, err };
	return carve_pickle(in->src, &(struct carve){ .part = part_take, .data = &c }, err);
}

static int reference_take(struct span file_name, void *data)
{
	struct carving *c = data;
	return scan_member_unread(c->m, file_name, SCAN_UNREAD_BESIDE, SPAN_NONE, c->err);
}

static int onnx_inside(struct scan_members *m, void *data, struct err *err)
{
	const struct scan_inside_input *in = data;
	struct carving c = { m, err };
	return carve_onnx(in->src, &(struct carve){ .part = part_take, .reference = reference_take, .data = &c }, err);
}

/* A name that the container needs and does not hold. */
void scan_inside_beside_add(struct scan_inside *i, struct span name)
{
	if (i->beside_count < SCAN_INSIDE_MAX_BESIDE && name.n < SCAN_INSIDE_NAME_BYTES) {
		memcpy(i->beside[i->beside_count], name.p, name.n);
		i->beside[i->beside_count][name.n] = '\0';
	}
	i->beside_count++;
}

static int beside_add(struct span file_name, void *data)
{
	scan_inside_beside_add(data, file_name);
	return 0;
}

/* Damage was said when it was read. */
static void onnx_beside(const struct scan_inside_input *in, struct scan_inside *ret)
{
	(void)(carve_onnx(in->src, &(struct carve){ .reference = beside_add, .data = ret }, NULL) == 0);
}

#define FOUND 1

static int part_found(const struct artifact_source *src, const struct carve_part *part, void *data)
{
	(void)src;
	(void)part;
	(void)data;
	return FOUND;
}

static int reference_found(struct span file_name, void *data)
{
	(void)file_name;
	(void)data;
	return FOUND;
}

/* Nearly no model has one: a thread and a ring for each would be a waste. What is damaged is the reader's of ONNX to
 * say. */
static bool onnx_worth(const struct scan_inside_input *in)
{
	return carve_onnx(in->src, &(struct carve){ .part = part_found, .reference = reference_found }, NULL) == FOUND;
}

static bool pickle_worth(const struct scan_inside_input *in)
{
	return carve_pickle(in->src, &(struct carve){ .part = part_found }, NULL) != 0;
}

static const struct scan_inside_row rows[] = {
	{ ARTIFACT_ARCHIVE, true, NULL, archive_inside, NULL },
	{ ARTIFACT_PICKLE, false, pickle_worth, pickle_inside, NULL },
	{ ARTIFACT_ONNX, false, onnx_worth, onnx_inside, onnx_beside },
	{ ARTIFACT_ONNXRUNTIME_OPTIMISED, false, onnx_worth, onnx_inside, onnx_beside },
};

const struct scan_inside_row *scan_inside_row_of(const struct artifact_facts *facts)
{
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		if (strcmp(facts->kind, rows[i].kind) == 0)
			return &rows[i];
	return NULL;
}

bool scan_may_hold(const struct artifact_facts *facts)
{
	return scan_inside_row_of(facts) != NULL;
}

/* ── Findings ────────────────────────────────────────────────────────────────────────────────────────────────────── */

int scan_object(struct artifact_facts *facts, struct arena *a, enum artifact_finding finding, const char *cause,
		const char *rule, const char *format, ...)
{
	char text[NOTE_BYTES];
	struct artifact_source none = artifact_source_bytes(SPAN_NONE);
	struct artifact_reading r = { .src = &none, .a = a, .facts = facts };
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	artifact_object(&r, finding, cause, rule, "%s", text);
	return r.failed;
}

int scan_note(struct artifact_facts *facts, struct arena *a, const char *format, ...)
{
	char text[NOTE_BYTES];
	struct artifact_source none = artifact_source_bytes(SPAN_NONE);
	struct artifact_reading r = { .src = &none, .a = a, .facts = facts };
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	artifact_note(&r, "%s", text);
	return r.failed;
}

static const char *rule_of(const struct scan_inside *i)
{
	if (i->rule)
		return i->rule;
	return i->rc == RF_ETRUNCATED     ? "container_truncated"
	       : i->rc == RF_EUNSUPPORTED ? "container_unsupported"
					  : "container_damaged";
}

/* ONNX Runtime takes such a name relative to the model's folder, and refuses one that leads out of it. */
static int beside_judge(const struct scan_inside *i, struct arena *a, struct artifact_facts *facts)
{
	int rc = 0;
	for (size_t k = 0; k < RF_MIN(i->beside_count, (size_t)SCAN_INSIDE_MAX_BESIDE) && rc == 0; k++) {
		struct span name = span_of(i->beside[k]);
		while (span_starts(name, "./"))
			name = span_from(name, 2);
		if (fs_is_plain_relative(name))
			rc = scan_note(facts, a, "an EPContext node: its engine is the file %.*s beside the model",
				       SPAN_ARG(name));
		else
			rc = scan_object(
				facts, a, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNSAFE_NAME, "context_name_leaves",
				"an EPContext node names %.*s as its engine, which is no file beside the model",
				SPAN_ARG(name));
	}
	if (rc == 0 && i->beside_count > SCAN_INSIDE_MAX_BESIDE)
		rc = scan_object(facts, a, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE, "too_many_contexts",
				 "%zu EPContext nodes: only the first %d were joined with their engines",
				 i->beside_count, SCAN_INSIDE_MAX_BESIDE);
	return rc;
}

int scan_inside_judge(const struct scan_inside *i, struct arena *a, struct artifact_facts *facts)
{
	char text[2048];
	const struct scan_totals *t = &i->totals;
	int rc = beside_judge(i, a, facts);
	if (rc == 0 && !(i->beside_count && !t->files))
		rc = scan_note(facts, a, "%llu files inside, %llu engines", (unsigned long long)t->files,
			       (unsigned long long)t->engines);
	if (rc == 0 && i->unsafe_names)
		rc = scan_note(facts, a, "%llu names inside are absolute or lead out of it",
			       (unsigned long long)i->unsafe_names);
	if (rc == 0 && i->unread)
		rc = scan_object(facts, a, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "members_unread",
				 "%llu of the files inside could not be read", (unsigned long long)i->unread);
	if (rc == 0 && i->rc)
		rc = scan_object(facts, a, ARTIFACT_UNKNOWN,
				 i->rule ? ARTIFACT_CAUSE_INCOMPLETE : ARTIFACT_CAUSE_UNREADABLE, rule_of(i),
				 "not read to its end: %s", err_render(&i->err, text, sizeof text));
	return rc;
}
