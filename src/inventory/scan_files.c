/* Walks roots, opens files without blocking, reads them in batches on all processors, reports in order. See scan.h. */
#include "inventory/scan_image_form.h"
#include "inventory/scan_image_source.h"
#include "inventory/scan_member_int.h"
#include "inventory/scan_set.h"

#include "base/fs.h"
#include "base/thread.h"
#include "database/database.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

/* Open files at one time stay far below the usual limit of 1,024. */
#define BATCH_FILES 128
#define MAX_WORKERS 64
#define PROGRESS_USEC 100000

struct scan {
	const struct scan_options *o;
	int (*report)(const struct scan_file *, void *);
	void *data;
	struct err *err;
	const char *root;
	char real_root[PATH_MAX]; /* "" when it is no folder */
	struct scan_totals totals;
	struct scan_sets sets; /* of the root at hand */
	char layout[PATH_MAX]; /* the folder of blobs that was met last */
	bool layout_is;        /* it is an OCI layout */
	struct scan_slot *slots;
	size_t used, capacity;
	unsigned workers;
	struct scan_hasher hashers[MAX_WORKERS];
	bool lent[MAX_WORKERS];
	pthread_mutex_t lock; /* of lent[], progress */
	uint64_t bytes_read;
	mono_t progress_at;
};

/* ── Progress ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Whoever comes when it is due calls; others do not wait. */
static void progress_maybe(struct scan *s, const char *path)
{
	if (!s->o->progress || mono_usec() - __atomic_load_n(&s->progress_at, __ATOMIC_RELAXED) < PROGRESS_USEC ||
	    pthread_mutex_trylock(&s->lock) != 0)
		return;
	__atomic_store_n(&s->progress_at, mono_usec(), __ATOMIC_RELAXED);
	s->o->progress(s->totals.files, __atomic_load_n(&s->bytes_read, __ATOMIC_RELAXED), path, s->o->progress_data);
	pthread_mutex_unlock(&s->lock);
}

struct tick {
	struct scan *scan;
	const char *path;
};

static bool on_piece(size_t bytes, void *data)
{
	struct tick *t = data;
	__atomic_fetch_add(&t->scan->bytes_read, bytes, __ATOMIC_RELAXED);
	progress_maybe(t->scan, t->path);
	return thread_stop_wanted();
}

/* ── A batch ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct scan_hasher *hasher_borrow(struct scan *s)
{
	struct scan_hasher *got = NULL;
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->workers && !got; i++)
		if (!s->lent[i]) {
			s->lent[i] = true;
			got = &s->hashers[i];
		}
	pthread_mutex_unlock(&s->lock);
	return got;
}

static void hasher_return(struct scan *s, struct scan_hasher *h)
{
	pthread_mutex_lock(&s->lock);
	s->lent[h - s->hashers] = false;
	pthread_mutex_unlock(&s->lock);
}

static int slot_job(size_t index, void *data)
{
	struct scan *s = data;
	struct scan_slot *slot = &s->slots[index];
	if (slot->fd < 0)
		return 0;
	struct tick t = { s, slot->path };
	/* Files that the head holds whole need no buffers. */
	bool buffers = slot->want_digest && !slot->file.has_digest && slot->file.identity.size > ARTIFACT_HEAD_BYTES;
	struct scan_hasher *h = buffers ? hasher_borrow(s) : NULL;
	if (h && !h->stream)
		slot->rc = scan_hasher_open(h, &slot->err);
	if (slot->rc == 0)
		scan_slot_read(slot, s->o->evidence ? ARTIFACT_WITH_EVIDENCE : 0, h, on_piece, &t);
	if (h)
		hasher_return(s, h);
	return slot->rc;
}

static void total_add(struct scan *s, const struct scan_file *f)
{
	struct scan_totals *t = &s->totals;
	t->files += !f->folder;
	t->engines += artifact_kind_is_engine(span_of(f->facts->kind));
	t->cached += f->digest_cached;
	t->bytes_hashed += f->has_digest && !f->digest_cached ? f->identity.size : 0;
	t->conflicts += f->facts->finding == ARTIFACT_CONFLICT;
	t->unknowns += f->facts->finding == ARTIFACT_UNKNOWN;
	t->errors += f->error;
}

void scan_totals_add(struct scan_totals *to, const struct scan_totals *more)
{
	to->files += more->files;
	to->engines += more->engines;
	to->bytes_hashed += more->bytes_hashed;
	to->cached += more->cached;
	to->conflicts += more->conflicts;
	to->unknowns += more->unknowns;
	to->errors += more->errors;
}

static void slot_reset(struct scan_slot *slot)
{
	if (slot->fd >= 0)
		close(slot->fd);
	slot->fd = -1;
	slot->inside = NULL;
	str_release(&slot->members);
	arena_reset(&slot->arena);
}

/* What cannot be read of an image is said on the file that it was found by. */
static int slot_image(struct scan *s, struct scan_slot *slot)
{
	char text[2048];
	struct err own = ERR_INIT;
	const char *argument = arena_printf(&slot->arena, "%s%.*s", slot->image_form, (int)slot->image_length, slot->path);
	if (!argument)
		return err_set(s->err, RF_ENOMEM, "no memory for the name of an image");
	int rc = s->o->image(argument, s->o->image_data, &own);
	if (rc == RF_EUNREADABLE)
		scan_slot_image_unread(slot, err_render(&own, text, sizeof text));
	else if (rc && own.code && s->err)
		*s->err = own;
	return rc == RF_EUNREADABLE ? 0 : rc;
}

static int batch_report(struct scan *s)
{
	for (size_t i = 0; i < s->used; i++) {
		struct scan_slot *slot = &s->slots[i];
		if (slot->rc < 0) {
			if (s->err)
				*s->err = slot->err;
			return slot->err.code ? slot->rc : err_set(s->err, slot->rc, "out of memory");
		}
		slot->file.facts = &slot->facts;
		int rc = slot->image_form ? slot_image(s, slot) : 0;
		if (rc == 0 && slot->inside)
			rc = scan_slot_inside(slot, s->o, s->report, s->data, &s->totals, s->err);
		total_add(s, &slot->file);
		if (rc == 0 && scan_sets_add(&s->sets, &slot->file) < 0)
			rc = err_set(s->err, RF_ENOMEM, "no memory for sets of files");
		if (rc == 0)
			rc = s->report(&slot->file, s->data);
		if (rc)
			return rc;
	}
	return 0;
}

/* Reads and reports what is in the slots; empties them. */
static int batch_run(struct scan *s)
{
	int rc = 0;
	if (s->workers == 1 || s->used == 1)
		for (size_t i = 0; i < s->used && rc == 0; i++)
			rc = slot_job(i, s);
	else
		rc = thread_each(s->used, s->workers, slot_job, s);
	int reported = batch_report(s);
	for (size_t i = 0; i < s->used; i++)
		slot_reset(&s->slots[i]);
	if (s->used)
		progress_maybe(s, s->slots[s->used - 1].path);
	s->used = 0;
	if (reported)
		return reported;
	return rc ? err_set(s->err, rc, "the scan could not go on") : 0;
}

/* ── The walk ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A blob of an OCI layout below the root: the first one stands for the image. */
static void layout_look(struct scan *s, struct scan_slot *slot)
{
	size_t n = scan_image_layout_length(span_of(slot->path));
	if (!n || n < strlen(s->root) - span_ends(span_of(s->root), "/"))
		return;
	bool is_new = !span_eq_text(span_bytes(slot->path, n), s->layout);
	if (is_new) {
		memcpy(s->layout, slot->path, n);
		s->layout[n] = '\0';
		s->layout_is = image_layout_is(s->layout);
	}
	slot->file.in_image = s->layout_is;
	if (is_new && s->layout_is) {
		slot->image_form = image_source_oci.scheme;
		slot->image_length = n;
	}
}

static void slot_take(struct scan *s, struct scan_slot *slot, const struct fs_entry *e)
{
	size_t n = strlen(e->path); /* fs_walk() gives at most 4,095 bytes */
	scan_slot_begin(slot, e->path, e->name >= e->path && e->name <= e->path + n ? (size_t)(e->name - e->path) : 0);
	slot->file.root = s->root;
	slot->images = s->o->images;
	slot->inside_of = scan_inside_row_of;
	slot->images_apart = s->o->image != NULL;
	if (slot->images_apart)
		layout_look(s, slot);
}

#define SETTLE_NS ((int64_t)1000000000)

static void known_look_up(struct scan *s, struct scan_slot *slot)
{
	slot->want_digest = !s->o->no_digest;
	slot->file.settled = slot->want_digest && slot->file.identity.ctime_ns < now_usec() * 1000 - SETTLE_NS;
	if (!slot->want_digest || !s->o->known || !s->o->known(&slot->file.identity, &slot->known, s->o->known_data))
		return;
	slot->file.has_digest = slot->file.digest_cached = true;
	slot->file.digest = slot->known.digest;
	slot->file.second_look = slot->known.second_look;
	slot->file.members = slot->known.members;
}

static enum artifact_finding unread_finding(const struct scan_slot *slot)
{
	return artifact_named_like_engine(span_of(slot->path + slot->name_at)) ? ARTIFACT_UNKNOWN : ARTIFACT_CLEAR;
}

static int open_entry(const struct fs_entry *e, bool follow)
{
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
	return e->dir_fd >= 0 ? openat(e->dir_fd, e->name, flags) : open(e->path, flags);
}

/*
 * Closing any descriptor of our own database's files would drop SQLite's locks on them (see database_holds()), so they
 * are told apart before they are opened. That look costs a twentieth of a fast scan; a file named like an engine is
 * looked at when it is open, and one that turns out to be the database (a hard link, made by somebody who means harm)
 * stays open for good: one descriptor is a smaller loss than a lock.
 */
static bool is_own_database(const struct scan_slot *slot, const struct fs_entry *e, bool follow)
{
	struct stat st;
	if (artifact_named_like_engine(span_of(slot->path + slot->name_at)))
		return false;
	return fstatat(e->dir_fd >= 0 ? e->dir_fd : AT_FDCWD, e->dir_fd >= 0 ? e->name : e->path, &st,
		       follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 &&
	       database_holds((uint64_t)st.st_dev, (uint64_t)st.st_ino);
}

static int slot_open(struct scan *s, struct scan_slot *slot, const struct fs_entry *e, bool follow)
{
	struct stat st;
	char text[256];
	static const char own[] = "reforge's own database: not read while it is in use";
	if (is_own_database(slot, e, follow)) {
		scan_slot_unread(slot, false, ARTIFACT_CLEAR, own);
		return 0;
	}
	int fd = open_entry(e, follow);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			return err_set_errno(s->err, errno, "%s: too many open files", e->path);
		snprintf(text, sizeof text, "cannot be opened: %s", strerror(errno));
		scan_slot_unread(slot, true, ARTIFACT_UNKNOWN, text);
		return 0;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		scan_slot_unread(slot, true, ARTIFACT_UNKNOWN,
				 "became something else than a regular file during the scan");
		return 0;
	}
	if (database_holds((uint64_t)st.st_dev, (uint64_t)st.st_ino)) {
		scan_slot_unread(slot, false, ARTIFACT_UNKNOWN, own);
		return 0;
	}
	scan_identity_of(&st, &slot->file.identity);
	slot->fd = fd;
	known_look_up(s, slot);
	return 0;
}

/* False: nothing to report. */
static bool link_look(struct scan *s, struct scan_slot *slot, const struct fs_entry *e, int *ret_rc)
{
	struct stat st;
	if (fstatat(e->dir_fd >= 0 ? e->dir_fd : AT_FDCWD, e->dir_fd >= 0 ? e->name : e->path, &st, 0) != 0) {
		scan_slot_unread(slot, errno != ENOENT, unread_finding(slot),
				 errno == ELOOP    ? "symbolic links in a circle"
				 : errno == ENOENT ? "symbolic link to something that is not there"
						   : "symbolic link that cannot be followed");
		return true;
	}
	if (S_ISREG(st.st_mode)) {
		slot->through_link = true;
		*ret_rc = slot_open(s, slot, e, true);
		return true;
	}
	if (!S_ISDIR(st.st_mode)) {
		scan_slot_unread(slot, false, unread_finding(slot),
				 "symbolic link to something that is no regular file: not opened");
		return true;
	}
	/* a link to a folder inside the root is no news: the folder itself is met */
	if (fs_leads_below(s->real_root, e->path))
		return false;
	scan_slot_unread(
		slot, false, ARTIFACT_UNKNOWN,
		"symbolic link to a folder outside of what is scanned: not followed; name that folder to scan it");
	slot->file.folder = true;
	return true;
}

static void pseudo_leave_out(struct scan_slot *slot, const struct fs_entry *e)
{
	char text[160];
	snprintf(text, sizeof text, "%s, a file system of the kernel's own: it holds no files, and was left out", e->error_text);
	scan_slot_unread(slot, false, e->dir_fd < 0 ? ARTIFACT_UNKNOWN : ARTIFACT_CLEAR, text);
}

static int on_entry(const struct fs_entry *e, void *data)
{
	struct scan *s = data;
	struct scan_slot *slot = &s->slots[s->used];
	int rc = 0;
	if (thread_stop_wanted())
		return err_set(s->err, RF_ECANCELLED, "stopped");
	slot_take(s, slot, e);
	switch (e->kind) {
	case FS_FILE:
		rc = slot_open(s, slot, e, e->dir_fd < 0);
		break;
	case FS_LINK:
		if (!link_look(s, slot, e, &rc))
			return 0;
		break;
	case FS_PSEUDO:
		pseudo_leave_out(slot, e);
		break;
	case FS_UNREADABLE:
		scan_slot_unread(slot, true, ARTIFACT_UNKNOWN, e->error_text ? e->error_text : "cannot be read");
		slot->file.folder = true;
		break;
	default:
		/* asked for by name: not to have looked is no pass */
		scan_slot_unread(slot, false, e->dir_fd < 0 ? ARTIFACT_UNKNOWN : unread_finding(slot),
				 "no regular file (FIFO, socket or device): not opened");
		break;
	}
	if (rc)
		return rc;
	s->used++;
	return s->used == s->capacity ? batch_run(s) : 0;
}

static int root_scan(struct scan *s, const char *root)
{
	s->root = root;
	s->real_root[0] = s->layout[0] = '\0';
	if (fs_is_dir(root) && !realpath(root, s->real_root))
		s->real_root[0] = '\0';
	int rc = fs_walk(root, on_entry, s, s->err);
	if (rc == 0)
		rc = batch_run(s);
	if (rc == 0 && (rc = scan_sets_report(&s->sets, root, NULL, s->report, s->data, &s->totals)) == RF_ENOMEM)
		rc = err_set(s->err, rc, "no memory for sets of files");
	return rc;
}

static void scan_close(struct scan *s)
{
	for (size_t i = 0; s->slots && i < s->capacity; i++) {
		slot_reset(&s->slots[i]);
		arena_release(&s->slots[i].arena);
	}
	for (size_t i = 0; i < RF_COUNT(s->hashers); i++)
		scan_hasher_release(&s->hashers[i]);
	scan_sets_release(&s->sets);
	rf_free(s->slots);
}

static int scan_open(struct scan *s)
{
	/* One worker reads and reports file by file, with one slot that stays in the processor's cache. Headers alone
	 * are no work to share: opening files is most of it, and the walk does that. */
	unsigned fit = s->o->no_digest ? 1 : thread_cpus();
	s->workers = RF_MIN(s->o->threads ? s->o->threads : fit, (unsigned)MAX_WORKERS);
	s->capacity = s->workers == 1 ? 1 : BATCH_FILES;
	s->slots = rf_alloc(s->capacity * sizeof *s->slots);
	if (!s->slots)
		return err_set(s->err, RF_ENOMEM, "no memory for a scan");
	for (size_t i = 0; i < s->capacity; i++) {
		s->slots[i].fd = -1;
		s->slots[i].arena = ARENA_INIT(SCAN_ARENA_BYTES);
	}
	return 0;
}

int scan_files(const char *const *roots, size_t n, const struct scan_options *o,
	       int (*report)(const struct scan_file *, void *), void *data, struct scan_totals *ret_totals,
	       struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct stat st;
		if (stat(roots[i], &st) != 0) {
			(void)err_set_errno(err, errno, "cannot scan");
			return err_in_file(err, roots[i]);
		}
	}
	struct scan *s = rf_alloc(sizeof *s);
	if (!s)
		return err_set(err, RF_ENOMEM, "no memory for a scan");
	s->o = o;
	s->report = report;
	s->data = data;
	s->err = err;
	pthread_mutex_init(&s->lock, NULL);
	scan_sets_init(&s->sets);
	int rc = scan_open(s);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = root_scan(s, roots[i]);
	if (rc == 0 && ret_totals)
		*ret_totals = s->totals;
	scan_close(s);
	pthread_mutex_destroy(&s->lock);
	rf_free(s);
	return rc;
}
