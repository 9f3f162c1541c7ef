/*
 * One open file: head, facts, digest, second look.
 *
 * Hashing is what a full scan's time goes to. For large files the reading (a copy out of the page cache, or the disk)
 * and the second look run in a thread of their own, one piece ahead, so that the hash never waits for them.
 */
#include "inventory/scan_image_form.h"
#include "inventory/scan_member_int.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

/* Below this, a thread costs more than it saves. */
#define OVERLAP_FROM_BYTES (16 * MIB)
/* Terabytes of holes cost nobody anything to put into a folder, and hours to read. From this size on, a file of which less
 * than a share is stored is told and not read; nothing that was ever built is so. */
#define HOLLOW_FROM_BYTES (16 * GIB)
#define HOLLOW_SHARE 16
#define HOLLOW_MAX_EXTENTS 65536 /* the answer is of those by then */

int scan_hasher_open(struct scan_hasher *h, struct err *err)
{
	h->stream = digest_stream_new();
	for (size_t i = 0; i < RF_COUNT(h->pieces); i++)
		h->pieces[i] = rf_alloc(SCAN_PIECE_BYTES);
	if (!h->stream || !h->pieces[0] || !h->pieces[1])
		return err_set(err, RF_ENOMEM, "no memory for hashing");
	return 0;
}

void scan_hasher_release(struct scan_hasher *h)
{
	digest_stream_free(h->stream);
	for (size_t i = 0; i < RF_COUNT(h->pieces); i++)
		rf_free(h->pieces[i]);
	*h = (struct scan_hasher){ 0 };
}

void scan_identity_of(const struct stat *st, struct scan_identity *ret)
{
	*ret = (struct scan_identity){
		.device = (uint64_t)st->st_dev,
		.inode = (uint64_t)st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
		.ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
	};
}

void scan_slot_begin(struct scan_slot *s, const char *path, size_t name_at)
{
	memcpy(s->path, path, strlen(path) + 1);
	s->name_at = name_at;
	s->fd = -1;
	s->rc = 0;
	s->want_digest = s->through_link = s->digest_beside = false;
	s->inside_of = NULL;
	s->images = NULL;
	s->images_apart = false;
	s->image_form = NULL;
	s->image_length = 0;
	s->inside = NULL;
	s->err = ERR_INIT;
	s->file = (struct scan_file){ .path = s->path, .root = s->path };
}

/* ── Facts without reading ───────────────────────────────────────────────────────────────────────────────────────── */

static void note_add(struct scan_slot *s, const char *text)
{
	struct artifact_facts *f = &s->facts;
	char *copy = arena_text(&s->arena, span_of(text));
	if (!copy)
		s->rc = RF_ENOMEM;
	else if (f->note_count < ARTIFACT_MAX_NOTES)
		f->notes[f->note_count++] = copy;
}

static void finding_raise(struct scan_slot *s, enum artifact_finding finding)
{
	if (finding > s->facts.finding) {
		s->facts.finding = finding;
		s->facts.cause = ARTIFACT_CAUSE_UNREADABLE;
	}
}

void scan_slot_unread(struct scan_slot *s, bool error, enum artifact_finding finding, const char *text)
{
	struct artifact_facts *f = &s->facts;
	memset(f, 0, sizeof *f);
	f->kind = ARTIFACT_OTHER;
	f->layout = f->cause = "";
	f->cc_major = f->cc_minor = -1;
	f->size = s->file.identity.size;
	s->file.error = error;
	s->fd = -1;
	finding_raise(s, finding);
	note_add(s, text);
	f->second_look_from = f->note_count;
}

void scan_slot_image_unread(struct scan_slot *s, const char *text)
{
	finding_raise(s, ARTIFACT_UNKNOWN);
	note_add(s, text);
}

/* A read failed: the facts so far are worth nothing. */
static void read_failed(struct scan_slot *s, const struct err *err)
{
	char text[2048];
	s->file.has_digest = false;
	scan_slot_unread(s, true, ARTIFACT_UNKNOWN, err_render(err, text, sizeof text));
}

/* ── Hashing ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct hashing {
	int fd;
	struct scan_hasher *h;
	struct artifact_pass *pass; /* NULL: no second look */
	scan_tick *tick;
	void *tick_data;
	struct err *err;
	uint64_t bytes;
	/* between reader and hasher */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t filled[2];
	bool full[2];
	bool end, stop;
	int rc; /* of the reader */
};

static int piece_read(struct hashing *g, unsigned which, uint64_t at, size_t *ret_n)
{
	int rc = fs_pread(g->fd, g->h->pieces[which], SCAN_PIECE_BYTES, at, ret_n, g->err);
	if (rc == 0 && g->pass && *ret_n)
		artifact_pass_add(g->pass, g->h->pieces[which], *ret_n);
	return rc;
}

static int piece_hash(struct hashing *g, unsigned which, size_t n)
{
	digest_stream_add(g->h->stream, g->h->pieces[which], n);
	g->bytes += n;
	return g->tick && g->tick(n, g->tick_data) ? RF_ECANCELLED : 0;
}

static int hash_plain(struct hashing *g)
{
	for (;;) {
		size_t n = 0;
		int rc = piece_read(g, 0, g->bytes, &n);
		if (rc < 0 || n == 0)
			return rc;
		rc = piece_hash(g, 0, n);
		if (rc < 0)
			return rc;
	}
}

static void *reader(void *data)
{
	struct hashing *g = data;
	uint64_t at = 0;
	for (unsigned which = 0;; which ^= 1) {
		pthread_mutex_lock(&g->lock);
		while (g->full[which] && !g->stop)
			pthread_cond_wait(&g->changed, &g->lock);
		bool stop = g->stop;
		pthread_mutex_unlock(&g->lock);
		size_t n = 0;
		int rc = stop ? 0 : piece_read(g, which, at, &n);
		at += n;
		pthread_mutex_lock(&g->lock);
		g->filled[which] = n;
		g->full[which] = n > 0;
		g->end = n == 0;
		g->rc = rc;
		pthread_cond_signal(&g->changed);
		pthread_mutex_unlock(&g->lock);
		if (n == 0)
			return NULL;
	}
}

static int hash_overlapped(struct hashing *g)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, reader, g) != 0)
		return hash_plain(g);
	int rc = 0;
	for (unsigned which = 0; rc == 0; which ^= 1) {
		pthread_mutex_lock(&g->lock);
		while (!g->full[which] && !g->end)
			pthread_cond_wait(&g->changed, &g->lock);
		size_t n = g->full[which] ? g->filled[which] : 0;
		pthread_mutex_unlock(&g->lock);
		if (n == 0)
			break;
		rc = piece_hash(g, which, n);
		pthread_mutex_lock(&g->lock);
		g->full[which] = false;
		g->stop = rc != 0;
		pthread_cond_signal(&g->changed);
		pthread_mutex_unlock(&g->lock);
	}
	pthread_join(thread, NULL);
	return rc ? rc : g->rc;
}

static int file_hash(struct scan_slot *s, struct hashing *g)
{
	uint64_t size = s->file.identity.size;
	(void)posix_fadvise(g->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	int rc = size >= OVERLAP_FROM_BYTES ? hash_overlapped(g) : hash_plain(g);
	/* also after a failure: the stream is used for the next file */
	digest_stream_end(g->h->stream, &s->file.digest);
	return rc;
}

/* Another identity than at open means that the facts and the digest may be of different contents. */
void scan_slot_change_check(struct scan_slot *s, uint64_t hashed)
{
	struct stat st;
	struct scan_identity now;
	if (fstat(s->fd, &st) != 0)
		return;
	scan_identity_of(&st, &now);
	if (memcmp(&now, &s->file.identity, sizeof now) != 0 || hashed != now.size) {
		finding_raise(s, ARTIFACT_UNKNOWN);
		note_add(s, "the file changed while it was read: scan it again");
		s->file.error = true;
		s->file.has_digest = false;
	}
}

static void digest_take(struct scan_slot *s, struct scan_hasher *hasher, size_t head_bytes, scan_tick *tick,
			void *tick_data)
{
	struct artifact_pass pass;
	bool second = artifact_pass_wanted(&s->facts);
	struct err err = ERR_INIT;
	struct hashing g = { .fd = s->fd,
			     .h = hasher,
			     .pass = second ? &pass : NULL,
			     .tick = tick,
			     .tick_data = tick_data,
			     .err = &err,
			     .lock = PTHREAD_MUTEX_INITIALIZER,
			     .changed = PTHREAD_COND_INITIALIZER };
	int rc = 0;
	if (second)
		artifact_pass_begin(&pass, &s->facts);
	if (!hasher ||
	    head_bytes == s->file.identity.size) { /* small: it is all here, or it shrank, which is found below */
		digest_of(span_bytes(s->head, head_bytes), &s->file.digest);
		if (second)
			artifact_pass_add(&pass, s->head, head_bytes);
		g.bytes = head_bytes;
	} else {
		rc = file_hash(s, &g);
	}
	if (rc == RF_ECANCELLED) {
		s->rc = err_set(&s->err, rc, "stopped");
		return;
	}
	if (rc < 0) {
		read_failed(s, &err);
		return;
	}
	s->file.has_digest = true;
	if (second)
		s->rc = artifact_pass_end(&pass, &s->arena, &s->facts, &s->err);
	if (s->rc == 0 && artifact_second_look(&s->facts, &s->arena, &s->file.second_look) < 0)
		s->rc = err_set(&s->err, RF_ENOMEM, "no memory for the facts of one file");
	scan_slot_change_check(s, g.bytes);
}

void scan_slot_digest(struct scan_slot *s, struct scan_hasher *hasher, scan_tick *tick, void *tick_data)
{
	digest_take(s, hasher, 0, tick, tick_data);
}

/* ── Holes ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* By lseek(2)'s SEEK_DATA; a file system that knows no holes says that there are none. */
static bool is_hollow(int fd, uint64_t size)
{
	off_t at = 0, stored = 0;
	for (unsigned i = 0; size >= HOLLOW_FROM_BYTES && i < HOLLOW_MAX_EXTENTS; i++) {
		off_t data = lseek(fd, at, SEEK_DATA);
		if (data < 0 && errno != ENXIO)
			return false;
		off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		if (hole < 0) {
			at = (off_t)size;
			break;
		}
		stored += hole - data;
		at = hole;
	}
	return (uint64_t)at >= HOLLOW_FROM_BYTES && stored < at / HOLLOW_SHARE;
}

/* ── One file ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int source_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	struct scan_slot *s = data;
	return fs_pread(s->fd, buffer, n, offset, ret_n, &s->err);
}

/* The folder of the file, as it was reached. */
static int folder_open(const struct scan_slot *s)
{
	char folder[sizeof s->path];
	memcpy(folder, s->path, s->name_at);
	folder[s->name_at] = '\0';
	return open(s->name_at ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Each part of @name by itself and never through a link, so that what is looked at lies below the folder. */
static struct artifact_beside source_beside(void *data, const char *name)
{
	struct artifact_beside ret = { .kind = ARTIFACT_BESIDE_OTHER };
	struct span rest = span_of(name), part;
	struct stat st = { 0 };
	int folder = folder_open(data);
	while (folder >= 0 && span_split(&rest, '/', &part)) {
		char text[256];
		if (part.n == 0 || span_eq_text(part, "."))
			continue;
		if (part.n >= sizeof text)
			break;
		memcpy(text, part.p, part.n);
		text[part.n] = '\0';
		if (fstatat(folder, text, &st, AT_SYMLINK_NOFOLLOW) != 0) {
			ret.kind = errno == ENOENT || errno == ENOTDIR ? ARTIFACT_BESIDE_ABSENT : ARTIFACT_BESIDE_OTHER;
			break;
		}
		if (S_ISLNK(st.st_mode))
			ret.kind = ARTIFACT_BESIDE_LINK;
		else if (S_ISREG(st.st_mode) && !rest.n)
			ret = (struct artifact_beside){ ARTIFACT_BESIDE_FILE, (uint64_t)st.st_size, st.st_nlink };
		if (!S_ISDIR(st.st_mode))
			break;
		int inner = openat(folder, text, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(folder);
		folder = inner;
	}
	if (folder >= 0)
		close(folder);
	return ret;
}

/* A library that says its version in its name alone is mostly reached through links that do not (libnvinfer.so): then
 * the name it really has is asked. */
static int name_behind_links(struct scan_slot *s, const struct artifact_source *src, unsigned flags, struct err *err)
{
	char real[PATH_MAX];
	if (strcmp(s->facts.kind, ARTIFACT_RUNTIME_LIBRARY) != 0 || s->facts.version[0] || !realpath(s->path, real))
		return 0;
	const char *name = strrchr(real, '/') + 1;
	return strcmp(name, s->path + s->name_at) == 0
		       ? 0
		       : artifact_read(src, span_of(real), flags, &s->arena, &s->facts, err);
}

/* The caller reads images as such: an archive that is one, or a part of one, is not looked into here. */
static void image_look(struct scan_slot *s, struct span head)
{
	if (!s->file.in_image && (s->image_form = scan_image_archive_form(s->fd, head)) != NULL) {
		s->image_length = strlen(s->path);
		s->file.in_image = true;
	}
	if (s->file.in_image)
		s->inside = NULL;
}

void scan_slot_read(struct scan_slot *s, unsigned flags, struct scan_hasher *hasher, scan_tick *tick, void *tick_data)
{
	struct err err = ERR_INIT;
	int fd = s->fd;
	size_t n = 0;
	int rc = is_hollow(fd, s->file.identity.size)
			 ? err_set(&err, RF_ETOOBIG, "%llu GiB, nearly all of them holes: not read",
				   (unsigned long long)(s->file.identity.size / GIB))
			 : 0;
	if (rc == 0)
		rc = fs_pread(fd, s->head, RF_MIN(s->file.identity.size, (uint64_t)sizeof s->head), 0, &n, &err);
	struct artifact_source src = {
		.pread = source_pread,
		.data = s,
		.size = s->file.identity.size,
		.head = { s->head, n },
		.beside = source_beside,
	};
	if (rc == 0)
		rc = artifact_read(&src, span_of(s->path), flags, &s->arena, &s->facts, &err);
	if (rc == 0)
		rc = name_behind_links(s, &src, flags, &err);
	if (rc == 0)
		rc = scan_slot_dockerfile(s, n, &err);
	if (rc == RF_ENOMEM) {
		s->rc = rc;
		s->err = err;
	} else if (rc < 0) {
		read_failed(s, &err);
	} else {
		if (s->through_link)
			note_add(s, "reached through a symbolic link");
		s->facts.second_look_from = s->facts.note_count;
		if (s->file.has_digest && artifact_second_look_apply(&s->facts, s->file.second_look, &s->arena) < 0)
			s->rc = RF_ENOMEM;
		s->inside = s->rc == 0 && s->inside_of ? s->inside_of(&s->facts) : NULL;
		if (s->inside && s->images_apart && strcmp(s->facts.kind, ARTIFACT_ARCHIVE) == 0)
			image_look(s, span_bytes(s->head, n));
		s->digest_beside = s->inside && s->inside->always && s->want_digest && !s->file.has_digest &&
				   s->file.identity.size >= OVERLAP_FROM_BYTES;
		if (s->rc == 0 && s->want_digest && !s->file.has_digest && !s->digest_beside)
			digest_take(s, hasher, n, tick, tick_data);
	}
	if (rc || s->rc || s->file.error)
		s->inside = NULL;
	if (s->inside)
		return;
	close(fd);
	s->fd = -1;
}
