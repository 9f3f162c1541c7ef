/* One layer: unpacking, verification, tar, members. See scan_image_layer.h. */
#include "inventory/scan_image_layer.h"

#include "base/fs.h"
#include "database/database.h"
#include "format/archive.h"
#include "format/tar.h"
#include "inventory/scan_member.h"
#include "inventory/triton_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"
#define AUFS_OWN ".wh..wh."
/* Configurations of Triton's models that are kept of one layer: a repository has some hundred, of some KiB. */
#define MAX_CONFIG_BYTES (64 * MIB)
/* Members whose own name holds the mark of archives' insides; each is compared with each report. */
#define MAX_ODD_NAMES 1024

void image_wanted_problem(struct image_wanted *w, enum layer_trouble trouble, const char *format, ...)
{
	va_list args;
	if (trouble <= w->trouble)
		return;
	va_start(args, format);
	vsnprintf(w->problem, sizeof w->problem, format, args);
	va_end(args);
	w->trouble = trouble;
}

enum layer_trouble image_trouble_of(int rc)
{
	switch (rc) {
	case RF_EVERIFY:
	case RF_ECONFLICT:
		return LAYER_FORGED;
	case RF_ETOOBIG:
	case RF_ETOOMANY:
		return LAYER_INCOMPLETE;
	case RF_ENOTFOUND:
		return LAYER_ABSENT;
	default:
		return LAYER_UNREADABLE;
	}
}

struct odd_name {
	struct span name;
	struct odd_name *next;
};

struct reading {
	struct image_wanted *w;
	struct image_layer *layer;
	const char *image;
	size_t image_bytes; /* of its name and the mark, in front of reported paths */
	struct scan_pipe *in;
	struct scan_pipe unpacked;
	uint64_t taken;    /* of the blob by the unpacker; atomic */
	uint64_t consumed; /* told to the walk */
	struct scan_members *members;
	struct err *err; /* of the reader */
	char path[FS_PATH_MAX];
	bool plain;     /* neither gzip nor zstd: the blob's digest is the diff_id */
	bool in_member; /* between scan_member_begin() and scan_member_end() */
	bool in_config; /* ... of a config.pbtxt, whose text is kept */
	struct str config;
	uint64_t config_bytes; /* kept of this layer */
	pthread_mutex_t lock;
	struct arena names;
	struct odd_name *odd; /* under lock */
	size_t odd_count;
	struct span first; /* piece of the blob that was looked at, not yet given on */
	bool has_first;
};

static void problem_err(struct image_wanted *w, int rc, const struct err *err)
{
	char text[1400];
	image_wanted_problem(w, image_trouble_of(rc), "%s",
			     err && err->code ? err_render(err, text, sizeof text) : rf_error_text(rc));
}

/* ── Members to marks ────────────────────────────────────────────────────────────────────────────────────────────── */

static int no_memory(struct reading *r)
{
	return err_set(r->err, RF_ENOMEM, "no memory for the paths of a layer");
}

static int mark(struct reading *r, struct span path, enum layer_mark what)
{
	return layer_mark(r->layer, path, what) ? no_memory(r) : 0;
}

/* ".wh.x" takes x away, ".wh..wh..opq" all that lower layers have in its folder. 1: it was one. */
static int whiteout(struct reading *r, struct span path)
{
	size_t slash = span_rfind_byte(path, '/');
	struct span name = slash == SIZE_MAX ? path : span_from(path, slash + 1);
	struct span folder = slash == SIZE_MAX ? SPAN("") : span_sub(path, 0, slash);
	char target[FS_PATH_MAX];
	if (!span_starts(name, WHITEOUT))
		return 0;
	if (span_eq_text(name, OPAQUE))
		return mark(r, folder, LAYER_OPAQUE) ? RF_ENOMEM : 1;
	if (span_starts(name, AUFS_OWN)) /* bookkeeping of aufs: names nothing */
		return 1;
	struct span gone = span_from(name, sizeof WHITEOUT - 1);
	if (gone.n == 0 || span_eq_text(gone, ".") || span_eq_text(gone, "..")) {
		image_wanted_problem(r->w, LAYER_UNREADABLE, "the whiteout \"%.*s\" names nothing that can be deleted", SPAN_ARG(path));
		return 1;
	}
	int n = snprintf(target, sizeof target, "%.*s%s%.*s", SPAN_ARG(folder), folder.n ? "/" : "", SPAN_ARG(gone));
	return mark(r, span_bytes(target, (size_t)n), LAYER_WHITEOUT) ? RF_ENOMEM : 1;
}

static int odd_add(struct reading *r, struct span path)
{
	int rc = 0;
	if (span_find(path, SPAN(SCAN_MEMBER_MARK)) == SIZE_MAX)
		return 0;
	pthread_mutex_lock(&r->lock);
	struct odd_name *o = r->odd_count < MAX_ODD_NAMES ? arena_alloc(&r->names, sizeof *o) : NULL;
	if (o && (o->name = arena_span(&r->names, path)).p) {
		o->next = r->odd;
		r->odd = o;
		r->odd_count++;
	} else {
		rc = r->odd_count < MAX_ODD_NAMES ? no_memory(r)
						  : err_set(r->err, RF_ETOOMANY, "more than %d names with \"" SCAN_MEMBER_MARK "\"",
							    MAX_ODD_NAMES);
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

/* ── What Triton's models are judged by ─────────────────────────────────────────────────────────────────────────── */

static int numbers_keep(struct reading *r, struct span path, bool is_folder)
{
	return layer_numbers(r->layer, path, is_folder) ? no_memory(r) : 0;
}

static int config_keep(struct reading *r, struct span path, struct span text, const char *problem)
{
	return layer_text(r->layer, path, text, problem) ? no_memory(r) : 0;
}

static int config_begin(struct reading *r, struct span path, uint64_t size)
{
	r->in_config = false;
	if (!layer_is_config(path))
		return 0;
	if (size > TRITON_CONFIG_MAX_BYTES)
		return config_keep(r, path, SPAN_NONE, "config.pbtxt is larger than any that is read here: 1 MiB");
	if (size > MAX_CONFIG_BYTES - r->config_bytes)
		return config_keep(r, path, SPAN_NONE, "config.pbtxt: more of them in one layer than are kept, 64 MiB");
	str_reset(&r->config);
	r->in_config = true;
	return 0;
}

static int config_end(struct reading *r)
{
	if (!r->in_config)
		return 0;
	r->in_config = false;
	r->config_bytes += r->config.n;
	if (r->config.failed)
		return no_memory(r);
	return config_keep(r, span_of(r->path), r->config.n ? str_span(&r->config) : SPAN(""), NULL);
}

/* ── Members ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int member_open(struct reading *r, struct span path, uint64_t size)
{
	int rc = mark(r, path, LAYER_FILE);
	if (rc == 0)
		rc = numbers_keep(r, path, false);
	if (rc == 0)
		rc = config_begin(r, path, size);
	if (rc == 0)
		rc = odd_add(r, path);
	if (rc == 0)
		rc = scan_member_begin(r->members, path, size, r->err);
	r->in_member = rc == 0;
	return rc;
}

static int member_bytes(struct reading *r, struct span piece)
{
	if (r->in_config)
		str_add(&r->config, piece);
	return scan_member_add(r->members, piece.p, piece.n, r->err);
}

static int member_close(struct reading *r)
{
	int rc = config_end(r);
	return rc ? rc : scan_member_end(r->members, r->err);
}

/* A link may lead to a version's folder, or to a configuration: which, is not followed. */
static int link_keep(struct reading *r, struct span path, bool symbolic)
{
	int rc = numbers_keep(r, path, symbolic);
	return rc || !layer_is_config(path) ? rc : config_keep(r, path, SPAN_NONE, "config.pbtxt is a link: not followed in an image");
}

static int link_take(struct reading *r, struct span path, const struct tar_member *m)
{
	char target[FS_PATH_MAX];
	int rc = link_keep(r, path, m->type == TAR_SYMLINK);
	if (rc)
		return rc;
	if (m->type == TAR_SYMLINK)
		return layer_link(r->layer, path, m->link, false) ? no_memory(r) : 0;
	struct err err = ERR_INIT;
	if (image_path_normal(m->link, target, sizeof target, &err) < 0) {
		image_wanted_problem(r->w, LAYER_UNREADABLE, "hard link \"%.*s\": %s", SPAN_ARG(path), err.text);
		return mark(r, path, LAYER_FILE);
	}
	return layer_link(r->layer, path, span_of(target), true) ? no_memory(r) : 0;
}

static int on_member(const struct tar_member *m, void *data)
{
	struct reading *r = data;
	struct err err = ERR_INIT;
	r->in_member = false;
	if (image_path_normal(m->name, r->path, sizeof r->path, &err) < 0) {
		image_wanted_problem(r->w, LAYER_UNREADABLE, "%s: runtimes refuse it, it was not read (offset %llu)", err.text,
				     (unsigned long long)m->offset);
		return 0;
	}
	struct span path = span_of(r->path);
	if (path.n == 0) /* "./": the root itself */
		return 0;
	int rc = whiteout(r, path);
	if (rc)
		return rc == 1 ? 0 : rc;
	if (m->sparse) {
		image_wanted_problem(r->w, LAYER_INCOMPLETE, "\"%.*s\" is stored as a sparse file: its content was not put together",
				     SPAN_ARG(path));
		return mark(r, path, LAYER_FILE);
	}
	switch (m->type) {
	case TAR_FILE:
		return member_open(r, path, m->size);
	case TAR_FOLDER:
		rc = numbers_keep(r, path, true);
		return rc ? rc : mark(r, path, LAYER_FOLDER);
	case TAR_HARD_LINK:
	case TAR_SYMLINK:
		return link_take(r, path, m);
	case TAR_OTHER:
		break;
	}
	return mark(r, path, LAYER_FILE);
}

static int on_bytes(struct span piece, void *data)
{
	struct reading *r = data;
	return r->in_member ? member_bytes(r, piece) : 0;
}

static int on_end(void *data)
{
	struct reading *r = data;
	bool open = r->in_member;
	r->in_member = false;
	return open ? member_close(r) : 0;
}

/* ── Unpacking, in a thread of its own ───────────────────────────────────────────────────────────────────────────── */

/* The next piece of the blob: 1, 0 at its end, or an error. */
static int blob_next(struct reading *r, struct span *ret, struct err *err)
{
	if (r->has_first) {
		r->has_first = false;
		*ret = r->first;
		return 1;
	}
	return scan_pipe_next(r->in, ret, err);
}

struct unpacking {
	struct reading *r;
	struct err err;
};

static int64_t pull(void *data, const void **ret)
{
	struct unpacking *u = data;
	struct span piece;
	int rc = blob_next(u->r, &piece, &u->err);
	if (rc <= 0)
		return rc;
	__atomic_fetch_add(&u->r->taken, piece.n, __ATOMIC_RELAXED);
	*ret = piece.p;
	return (int64_t)piece.n;
}

static int unpack(struct unpacking *u)
{
	RF_AUTO_PTR(archive_reader) a = NULL;
	struct archive_item item;
	struct span piece;
	int rc = archive_reader_open_packed(pull, u, &a, &u->err);
	if (rc == 0)
		rc = archive_reader_next(a, &item, &u->err);
	while (rc == 1 && (rc = archive_reader_read(a, &piece, &u->err)) == 1)
		if (scan_pipe_add(&u->r->unpacked, piece) < 0)
			return RF_ECANCELLED;
	return rc;
}

static void *unpacker(void *data)
{
	struct reading *r = data;
	struct unpacking u = { .r = r, .err = ERR_INIT };
	int rc = unpack(&u);
	scan_pipe_end(&r->unpacked, rc, &u.err);
	return NULL;
}

/* ── The reader's thread of scan_members() ───────────────────────────────────────────────────────────────────────── */

static void consumed_tell(struct reading *r)
{
	uint64_t taken = __atomic_load_n(&r->taken, __ATOMIC_RELAXED);
	scan_member_consumed(r->members, taken - r->consumed);
	r->consumed = taken;
}

/* Plain or unpacked pieces: hashed where @diff says so, and read as tar. */
static int tar_read(struct reading *r, struct scan_pipe *from, struct digest_stream *diff)
{
	struct tar_visitor visitor = { .begin = on_member, .bytes = on_bytes, .end = on_end, .data = r };
	RF_AUTO_PTR(tar) t = tar_new(&visitor, SCAN_MEMBER_MAX_COUNT);
	struct span piece;
	int rc = 0, got;
	if (!t)
		return no_memory(r);
	while ((got = from ? scan_pipe_next(from, &piece, r->err) : blob_next(r, &piece, r->err)) == 1) {
		if (!from)
			r->taken += piece.n;
		consumed_tell(r);
		if (diff)
			digest_stream_add(diff, piece.p, piece.n);
		rc = tar_add(t, piece, r->err);
		if (rc)
			return rc;
	}
	return got < 0 ? got : tar_finish(t, r->err);
}

static void diff_check(struct reading *r, const struct digest *is)
{
	char hex[DIGEST_HEX];
	struct span told = r->w->diff_id;
	if (told.n && !span_eq_text(span_from(told, 7), digest_hex(is, hex)))
		image_wanted_problem(r->w, LAYER_FORGED, "unpacked it is sha256:%s, the config's diff_id says %.*s", hex, SPAN_ARG(told));
}

static int packed_read(struct reading *r)
{
	RF_AUTO_PTR(digest_stream) diff = r->w->diff_id.n ? digest_stream_new() : NULL;
	struct digest digest;
	pthread_t thread;
	int rc = r->w->diff_id.n && !diff ? no_memory(r) : scan_pipe_init(&r->unpacked, r->err);
	if (rc)
		return rc;
	if (pthread_create(&thread, NULL, unpacker, r) != 0) {
		scan_pipe_release(&r->unpacked);
		return err_set(r->err, RF_EIO, "no thread to unpack a layer");
	}
	rc = tar_read(r, &r->unpacked, diff);
	scan_pipe_close(&r->unpacked);
	pthread_join(thread, NULL);
	scan_pipe_release(&r->unpacked);
	if (rc == 0 && diff) {
		digest_stream_end(diff, &digest);
		diff_check(r, &digest);
	}
	return rc;
}

/* A blob that is no layer: one file. */
static int single_read(struct reading *r)
{
	struct span piece;
	struct err err = ERR_INIT;
	if (image_path_normal(r->w->name, r->path, sizeof r->path, &err) < 0 || !r->path[0])
		return err_set(r->err, RF_EUNREADABLE, "the blob's title \"%.*s\" is no name of a file", SPAN_ARG(r->w->name));
	int got, rc = member_open(r, span_of(r->path), r->w->size);
	while (rc == 0 && (got = blob_next(r, &piece, r->err)) != 0)
		rc = got < 0 ? got : member_bytes(r, piece);
	return rc ? rc : member_close(r);
}

static bool is_packed(struct span s)
{
	static const unsigned char zstd_skippable = 0x50; /* 0x184D2A50 to 0x184D2A5F, little-endian */
	bool skippable = s.n >= 4 && ((unsigned char)s.p[0] & 0xf0) == zstd_skippable && memcmp(s.p + 1, "\x2a\x4d\x18", 3) == 0;
	return skippable || (s.n >= 2 && memcmp(s.p, "\x1f\x8b", 2) == 0) || (s.n >= 4 && memcmp(s.p, "\x28\xb5\x2f\xfd", 4) == 0);
}

/* OCI has gzip and zstd, Docker gzip: what else packs a layer is nothing that a runtime unpacks. */
static int foreign_check(struct reading *r)
{
	const char *format = archive_sniff_format(r->first);
	if (!format || strcmp(format, "tar") == 0)
		return 0;
	return err_set(r->err, RF_EUNREADABLE, "the layer is %s: runtimes unpack tar, plain or in gzip or zstd, and so does this scan", format);
}

static int layer_read(struct reading *r)
{
	int rc = scan_pipe_next(r->in, &r->first, r->err);
	if (rc <= 0)
		return rc == 0 ? err_set(r->err, RF_ETRUNCATED, "the layer is empty") : rc;
	r->has_first = true;
	if (r->w->kind == IMAGE_LAYER_OTHER)
		return single_read(r);
	if (is_packed(r->first))
		return packed_read(r);
	r->plain = true;
	rc = foreign_check(r);
	return rc ? rc : tar_read(r, NULL, NULL);
}

/* What the layer itself is about was read or failed; the blob's own end says whether it was the blob that is meant. That is
 * also what the source waits for. */
static int blob_drain(struct reading *r, struct err *err)
{
	struct span piece;
	int rc;
	while ((rc = blob_next(r, &piece, err)) == 1)
		;
	return rc;
}

static int walk_reader(struct scan_members *m, void *data, struct err *err)
{
	struct reading *r = data;
	struct err end = ERR_INIT;
	r->members = m;
	r->err = err;
	int rc = layer_read(r);
	if (rc == RF_ECANCELLED)
		scan_pipe_close(r->in);
	int blob = blob_drain(r, &end);
	if (blob < 0) { /* the cause; what the layer's reader said follows from it */
		problem_err(r->w, blob, &end);
		*err = end;
		return blob;
	}
	return rc;
}

/* ── Reports, in the caller's thread ─────────────────────────────────────────────────────────────────────────────── */

/* How much of @path is a place in the layer; what is behind it leads into an archive. */
static size_t place_bytes(struct reading *r, struct span path)
{
	size_t n = RF_MIN(span_find(path, SPAN(SCAN_MEMBER_MARK)), path.n), odd = 0;
	if (n == path.n)
		return n;
	pthread_mutex_lock(&r->lock);
	for (const struct odd_name *o = r->odd; o; o = o->next) {
		struct span rest = span_from(path, o->name.n);
		if (o->name.n > odd && span_eq(span_sub(path, 0, o->name.n), o->name) &&
		    (rest.n == 0 || span_starts(rest, SCAN_MEMBER_MARK)))
			odd = o->name.n;
	}
	pthread_mutex_unlock(&r->lock);
	return odd ? odd : n;
}

static bool is_worth(const struct scan_file *f)
{
	return f->error || f->facts->finding != ARTIFACT_CLEAR || strcmp(f->facts->kind, ARTIFACT_OTHER) != 0;
}

static int on_report(const struct scan_file *f, void *data)
{
	struct reading *r = data;
	struct span path = span_from(span_of(f->path), r->image_bytes);
	return layer_report(r->layer, path, place_bytes(r, path), is_worth(f) ? f : NULL);
}

static int read_with(struct reading *r, int (*read)(struct scan_members *, void *, struct err *), void *data,
		     const struct scan_options *o, struct err *err)
{
	struct scan_container c = { .path = r->image, .root = r->image, .read = read, .data = data };
	struct scan_options options = *o;
	struct scan_inside inside = { 0 };
	options.skip_other = true; /* is not kept */
	r->layer = image_layer_new();
	if (!r->layer)
		return err_set(err, RF_ENOMEM, "no memory for a layer");
	r->image_bytes = strlen(r->image) + sizeof SCAN_MEMBER_MARK - 1;
	r->names = ARENA_INIT(8 * MIB);
	r->config = STR_INIT(TRITON_CONFIG_MAX_BYTES);
	pthread_mutex_init(&r->lock, NULL);
	int rc = scan_members(&c, &options, on_report, r, &inside, err);
	if (rc == 0)
		rc = image_layer_close(r->layer);
	if (rc == 0 && inside.rc)
		problem_err(r->w, inside.rc, &inside.err);
	r->w->totals = inside.totals;
	r->w->read = true;
	r->w->layer = r->layer;
	pthread_mutex_destroy(&r->lock);
	arena_release(&r->names);
	str_release(&r->config);
	return rc == RF_ENOMEM && err && !err->code ? err_set(err, rc, "no memory for a layer") : rc;
}

int image_layer_read(struct image_wanted *w, struct scan_pipe *in, const char *image, const struct scan_options *o,
		     struct err *err)
{
	RF_AUTO_FREE struct reading *r = rf_alloc(sizeof *r);
	if (!r)
		return err_set(err, RF_ENOMEM, "no memory for a layer");
	r->w = w;
	r->image = image;
	r->in = in;
	int rc = read_with(r, walk_reader, r, o, err);
	if (rc == 0 && r->plain && w->trouble < LAYER_FORGED)
		diff_check(r, &w->blob);
	return rc;
}

/* ── A folder as a layer ─────────────────────────────────────────────────────────────────────────────────────────── */

struct folder_reading {
	struct reading *r;
	const char *folder;
	unsigned char *piece;
};

static int file_give(struct folder_reading *f, int fd, uint64_t size)
{
	struct reading *r = f->r;
	uint64_t at = 0;
	int rc = member_open(r, span_of(r->path), size);
	while (rc == 0) {
		size_t n = 0;
		rc = fs_pread(fd, f->piece, SCAN_PIPE_PIECE_BYTES, at, &n, r->err);
		if (rc || n == 0)
			break;
		at += n;
		rc = member_bytes(r, span_bytes(f->piece, n));
	}
	if (rc == RF_EIO) { /* a bad sector is this file's trouble */
		image_wanted_problem(r->w, LAYER_UNREADABLE, "\"%s\": %s", r->path, r->err->text);
		rc = 0;
	}
	return rc ? rc : member_close(r);
}

static int entry_file(struct folder_reading *f, const struct fs_entry *e)
{
	struct reading *r = f->r;
	struct stat st;
	/* closing a descriptor of our own database would drop its locks (database.h) */
	if (fstatat(e->dir_fd, e->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    database_holds((uint64_t)st.st_dev, (uint64_t)st.st_ino))
		return 0;
	int fd = openat(e->dir_fd, e->name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		image_wanted_problem(r->w, LAYER_UNREADABLE, "\"%s\" cannot be opened: %s", r->path,
				     fd < 0 ? strerror(errno) : "no regular file any more");
		if (fd >= 0)
			close(fd);
		return 0;
	}
	int rc = file_give(f, fd, (uint64_t)st.st_size);
	close(fd);
	return rc;
}

static int entry_link(struct folder_reading *f, const struct fs_entry *e)
{
	char target[FS_PATH_MAX];
	ssize_t n = readlinkat(e->dir_fd, e->name, target, sizeof target);
	if (n < 0 || (size_t)n == sizeof target)
		return 0; /* gone meanwhile */
	int rc = link_keep(f->r, span_of(f->r->path), true);
	return rc ? rc : layer_link(f->r->layer, span_of(f->r->path), span_bytes(target, (size_t)n), false) ? no_memory(f->r) : 0;
}

static int on_entry(const struct fs_entry *e, void *data)
{
	struct folder_reading *f = data;
	struct reading *r = f->r;
	struct span path = span_from(span_of(e->path), strlen(f->folder));
	struct err err = ERR_INIT;
	if (e->dir_fd < 0 || image_path_normal(path, r->path, sizeof r->path, &err) < 0) {
		image_wanted_problem(r->w, LAYER_UNREADABLE, "%s", e->error_text ? e->error_text : err.text);
		return 0;
	}
	switch (e->kind) {
	case FS_FILE:
		return entry_file(f, e);
	case FS_LINK:
		return entry_link(f, e);
	case FS_UNREADABLE:
		image_wanted_problem(r->w, LAYER_UNREADABLE, "\"%s\": %s", r->path, e->error_text ? e->error_text : "cannot be read");
		return 0;
	default:
		return 0;
	}
}

static int walk_folder(struct scan_members *m, void *data, struct err *err)
{
	struct folder_reading *f = data;
	f->r->members = m;
	f->r->err = err;
	return fs_walk(f->folder, on_entry, f, err);
}

int image_folder_read(struct image_wanted *w, const char *folder, const char *image, const struct scan_options *o,
		      struct err *err)
{
	RF_AUTO_FREE struct reading *r = rf_alloc(sizeof *r);
	RF_AUTO_FREE unsigned char *piece = rf_alloc(SCAN_PIPE_PIECE_BYTES);
	if (!r || !piece)
		return err_set(err, RF_ENOMEM, "no memory for a folder");
	r->w = w;
	r->image = image;
	struct folder_reading f = { r, folder, piece };
	return read_with(r, walk_folder, &f, o, err);
}
