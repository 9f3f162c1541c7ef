/* Files on a disk that hold others: looked into once, remembered by their identity. See scan_member.h. */
#include "inventory/scan_member_int.h"
#include "inventory/scan_set.h"

#include "base/fs.h"
#include "base/thread.h"

#include <unistd.h>

/* Half a million engines in one container; a longer list is not remembered, and the container read again. */
#define MEMBERS_BYTES (64 * MIB)
#define KIND_BYTES 64

/* ── The list that is kept ───────────────────────────────────────────────────────────────────────────────────────── */

/* A member: digest in hex, a blank, its kind, a blank, its path, a NUL. */
static void member_keep(struct str *to, const struct scan_file *f)
{
	char hex[DIGEST_HEX];
	if (!f->has_digest || (strcmp(f->facts->kind, ARTIFACT_OTHER) == 0 && f->facts->finding == ARTIFACT_CLEAR))
		return;
	str_addf(to, "%s %s ", digest_hex(&f->digest, hex), f->facts->kind);
	str_add_text(to, f->inner);
	str_add_byte(to, '\0');
}

bool scan_member_next(struct span *members, struct scan_kept *ret)
{
	struct span one, hex;
	if (!members->n || !span_split(members, '\0', &one) || !span_split(&one, ' ', &hex) ||
	    !span_split(&one, ' ', &ret->kind) || !one.n || ret->kind.n > KIND_BYTES)
		return false;
	ret->inner = one;
	return digest_read(hex, &ret->digest, NULL) == 0;
}

/* ── A walk ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct looking {
	struct scan_slot *slot;
	struct scan_sets sets;
	struct scan_inside inside;
	int (*report)(const struct scan_file *, void *);
	void *data;
	const struct scan_options *o;
	uint64_t files, bytes; /* of the scan, before this container */
};

/* The scan's figures go on while a container is read. */
static void on_progress(uint64_t files, uint64_t bytes, const char *path, void *data)
{
	const struct looking *l = data;
	l->o->progress(l->files + files, l->bytes + bytes, path, l->o->progress_data);
}

static int on_set(const struct scan_file *f, void *data)
{
	struct looking *l = data;
	member_keep(&l->slot->members, f);
	return l->report(f, l->data);
}

static int on_member(const struct scan_file *f, void *data)
{
	struct looking *l = data;
	return scan_sets_add(&l->sets, f) < 0 ? RF_ENOMEM : on_set(f, l);
}

static int slot_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	struct scan_slot *s = data;
	return thread_stop_wanted() ? RF_ECANCELLED : fs_pread(s->fd, buffer, n, offset, ret_n, NULL);
}

/* Not read again: what is inside is what it was. */
static void cached_count(const struct scan_slot *s, struct scan_totals *totals)
{
	struct span rest = s->file.members;
	for (struct scan_kept kept; scan_member_next(&rest, &kept);)
		totals->engines += artifact_kind_is_engine(kept.kind);
}

/* What is to be kept beside the digest; nothing when it would not be all. */
static int outcome_keep(struct scan_slot *s, const struct scan_inside *inside, struct err *err)
{
	s->file.inside_partly = inside->rc != 0 || inside->totals.errors;
	/* what was objected to inside is said each time: it is not kept, and so read again */
	s->file.settled = s->file.settled && !s->members.failed && !s->file.inside_partly && !inside->totals.conflicts &&
			  !inside->totals.unknowns;
	s->file.members = s->members.failed ? SPAN_NONE : str_span(&s->members);
	if (s->members.failed == RF_ENOMEM ||
	    (s->file.has_digest && artifact_second_look(&s->facts, &s->arena, &s->file.second_look) < 0))
		return err_set(err, RF_ENOMEM, "no memory for the members of a container");
	return 0;
}

/* ── The digest of a large one, beside ───────────────────────────────────────────────────────────────────────────── */

static bool beside_stop(size_t bytes, void *data)
{
	(void)bytes;
	return thread_stop_wanted() || __atomic_load_n((bool *)data, __ATOMIC_RELAXED);
}

struct beside {
	struct scan_slot *slot;
	struct scan_hasher hasher;
	bool stop; /* nobody wants it any more */
	pthread_t thread;
	bool running;
};

/* The slot's arena is this thread's until it is joined. */
static void *digest_thread(void *data)
{
	struct beside *b = data;
	scan_slot_digest(b->slot, &b->hasher, beside_stop, &b->stop);
	return NULL;
}

static int beside_begin(struct beside *b, struct scan_slot *s, struct err *err)
{
	*b = (struct beside){ .slot = s };
	if (!s->digest_beside)
		return 0;
	int rc = scan_hasher_open(&b->hasher, err);
	if (rc == 0)
		b->running = pthread_create(&b->thread, NULL, digest_thread, b) == 0;
	if (rc == 0 && !b->running)
		(void)digest_thread(b);
	return rc;
}

/* @rc: of the walk; a failure ends the hashing too. */
static int beside_end(struct beside *b, int rc, struct err *err)
{
	if (rc)
		__atomic_store_n(&b->stop, true, __ATOMIC_RELAXED);
	if (b->running)
		pthread_join(b->thread, NULL);
	scan_hasher_release(&b->hasher);
	b->slot->digest_beside = false;
	if (rc == 0 && b->slot->rc < 0) {
		rc = b->slot->rc;
		if (err)
			*err = b->slot->err;
	}
	return rc;
}

static int look(struct looking *l, const struct scan_container *c, const struct scan_options *o,
		struct scan_totals *totals, struct err *err)
{
	struct scan_slot *s = l->slot;
	struct scan_options options = *o;
	l->o = o;
	l->files = totals->files;
	l->bytes = totals->bytes_hashed;
	options.progress = o->progress ? on_progress : NULL;
	options.progress_data = l;
	struct beside beside;
	int rc = beside_begin(&beside, s, err);
	if (rc == 0)
		rc = scan_members(c, &options, on_member, l, &l->inside, err);
	rc = beside_end(&beside, rc, err);
	if (rc == 0)
		rc = scan_sets_report(&l->sets, c->root, c, on_set, l, &l->inside.totals);
	if (rc)
		return rc == RF_ENOMEM ? err_set(err, rc, "no memory for the members of a container") : rc;
	scan_totals_add(totals, &l->inside.totals);
	if (scan_inside_judge(&l->inside, &s->arena, &s->facts) < 0)
		return err_set(err, RF_ENOMEM, "no memory for the facts of a container");
	if (!s->file.error)
		scan_slot_change_check(s, s->file.identity.size);
	return outcome_keep(s, &l->inside, err);
}

/* What it was met with lives as long as the report. */
static struct looking *looking_of(struct scan_slot *s, int (*report)(const struct scan_file *, void *), void *data)
{
	struct looking *l = arena_alloc(&s->arena, sizeof *l);
	if (!l)
		return NULL;
	l->slot = s;
	l->report = report;
	l->data = data;
	scan_sets_init(&l->sets);
	s->file.inside = &l->inside;
	return l;
}

int scan_slot_inside(struct scan_slot *s, const struct scan_options *o, int (*report)(const struct scan_file *, void *),
		     void *data, struct scan_totals *totals, struct err *err)
{
	struct artifact_source src = { .pread = slot_pread, .data = s, .size = s->file.identity.size };
	struct scan_inside_input in = { .src = &src, .fd = s->fd, .name = s->path + s->name_at };
	struct scan_container c = {
		.path = s->path,
		.root = s->file.root,
		.read = s->inside->read,
		.data = &in,
		.digest = s->file.has_digest ? &s->file.digest : NULL,
	};
	if (!s->file.digest_cached && s->inside->worth && !s->inside->worth(&in))
		return 0;
	struct looking *l = looking_of(s, report, data);
	if (!l)
		return err_set(err, RF_ENOMEM, "no memory for the members of a container");
	if (s->file.digest_cached) {
		cached_count(s, totals);
		if (s->inside->beside && s->file.second_look.n)
			s->inside->beside(&in, &l->inside);
		return 0;
	}
	if (lseek(s->fd, 0, SEEK_SET) != 0)
		return 0; /* a file that was just read does not refuse this */
	s->members = STR_INIT(MEMBERS_BYTES);
	int rc = look(l, &c, o, totals, err);
	scan_sets_release(&l->sets);
	return rc;
}
