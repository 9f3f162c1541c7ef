/*
 * One member of a container: facts, digest, second look, what is inside of it, the report.
 *
 *   small (most):  ring ─► head, whole in memory ─► facts ─► digest ─► inside ─► report
 *   large:         ring ─► pump's thread: digest, second look ─► scan_forward ─┬► facts
 *                                                                              └► inside ─► reports
 *                                                   and then its own report
 */
#include "inventory/scan_member_int.h"

#include "inventory/scan_forward.h"

#define PROGRESS_USEC 100000
#define FACTS_READER 0
#define INSIDE_READER 1

struct taking {
	struct scan_members *m;
	struct scan_walk *walk;
	size_t name_at; /* of the member's name in m->path */
	uint64_t size;  /* as stated */
	uint64_t got;   /* bytes that came */
	size_t head_n;
	bool over;      /* its last event was taken */
	bool cut;       /* its end did not come */
	char why[1025]; /* it was cut */
	bool unsafe, absolute;
	struct artifact_facts facts;
	struct scan_file file;
	/* of a large one */
	struct scan_forward *forward;
	struct artifact_facts first; /* by the head alone: what the second look looks for */
	struct artifact_pass pass;
	bool second_look;
	bool unhashed; /* other for certain, and not wanted */
	struct scan_inside inside;
	uint64_t facts_size; /* what the reader of facts was told */
	int facts_rc;
	struct err facts_err;
};

/* ── The path ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Leaves out what would make it absolute or says nothing. */
static struct span name_clean(struct span name, bool *ret_absolute)
{
	size_t nul = span_find_byte(name, '\0');
	name = span_sub(name, 0, nul);
	*ret_absolute = name.n && name.p[0] == '/';
	for (;;) {
		if (span_starts(name, "/"))
			name = span_from(name, 1);
		else if (span_starts(name, "./"))
			name = span_from(name, 2);
		else
			return name.n ? name : SPAN("data");
	}
}

/* Going through @path from a folder @depth levels down leads above the container's top. */
static bool leads_out(struct span path, int64_t depth)
{
	struct span part;
	while (span_split(&path, '/', &part)) {
		if (span_eq_text(part, ".."))
			depth--;
		else if (part.n && !span_eq_text(part, "."))
			depth++;
		if (depth < 0)
			return true;
	}
	return false;
}

static bool has_parent_part(struct span name)
{
	struct span part;
	while (span_split(&name, '/', &part))
		if (span_eq_text(part, ".."))
			return true;
	return false;
}

/* Where a link of the member leads. */
static bool link_leads_out(const char *inner, struct span target)
{
	int64_t depth = 0;
	for (; *inner; inner++)
		depth += *inner == '/';
	return span_starts(target, "/") || leads_out(target, depth);
}

/* m->path and the parts of the report that come from it. */
static int path_make(struct taking *t, struct span name)
{
	struct scan_members *m = t->m;
	const struct scan_container *outermost = t->walk->outermost;
	struct span clean = name_clean(name, &t->absolute);
	t->unsafe = has_parent_part(clean);
	m->inside->unsafe_names += t->unsafe || t->absolute;
	str_reset(&m->path);
	str_add_text(&m->path, m->c->path);
	str_add_text(&m->path, SCAN_MEMBER_MARK);
	str_add(&m->path, clean);
	if (m->path.failed)
		return scan_walk_fail(t->walk, m->path.failed, "the path of a member");
	size_t slash = span_rfind_byte(clean, '/');
	t->name_at = m->path.n - clean.n + (slash == SIZE_MAX ? 0 : slash + 1);
	t->file = (struct scan_file){ .path = m->path.p,
				      .root = outermost->root,
				      .outer = outermost->path,
				      .outer_digest = outermost->digest,
				      .inner = m->path.p + strlen(outermost->path) + strlen(SCAN_MEMBER_MARK) };
	return 0;
}

/* Databases of packages are told by where they lie. */
static struct span path_of(const struct taking *t)
{
	return str_span(&t->m->path);
}

static struct span name_of(const struct taking *t)
{
	return span_from(str_span(&t->m->path), t->name_at);
}

/* ── Reports ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void progress_maybe(struct taking *t)
{
	struct scan_walk *w = t->walk;
	if (!w->o->progress || mono_usec() - w->progress_at < PROGRESS_USEC)
		return;
	w->progress_at = mono_usec();
	w->o->progress(w->files_done, __atomic_load_n(&w->bytes, __ATOMIC_RELAXED), t->file.path, w->o->progress_data);
}

static int report(struct taking *t)
{
	struct scan_totals *totals = &t->m->inside->totals;
	const struct artifact_facts *f = &t->facts;
	t->file.facts = f;
	t->file.identity.size = f->size;
	totals->files++;
	totals->engines += artifact_kind_is_engine(span_of(f->kind));
	totals->bytes_hashed += t->file.has_digest ? f->size : 0;
	totals->conflicts += f->finding == ARTIFACT_CONFLICT;
	totals->unknowns += f->finding == ARTIFACT_UNKNOWN;
	totals->errors += t->file.error;
	t->walk->files_done++;
	progress_maybe(t);
	int rc = t->walk->report(&t->file, t->walk->data);
	return rc ? scan_walk_fail(t->walk, rc, NULL) : 0;
}

static int no_memory(struct taking *t)
{
	return scan_walk_fail(t->walk, RF_ENOMEM, "no memory for the facts of a member");
}

/* What is wrong with the member as such. */
static int member_judge(struct taking *t)
{
	struct artifact_facts *f = &t->facts;
	struct arena *a = &t->m->arena;
	int rc = 0;
	if (t->unsafe)
		rc = scan_object(f, a, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNSAFE_NAME, "member_name_leaves",
				 "its name leads out of the container (..): nothing is written there, whoever unpacks "
				 "it should look");
	else if (t->absolute)
		rc = scan_note(f, a, "stored with an absolute name");
	if (rc == 0 && t->cut)
		rc = scan_object(f, a, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "member_cut",
				 "only its first %llu bytes could be read: %s", (unsigned long long)t->got, t->why);
	else if (rc == 0 && t->size != SCAN_MEMBER_SIZE_UNKNOWN && t->size != t->got)
		rc = scan_object(f, a, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "member_size_mismatch",
				 "the container states %llu bytes, %llu came", (unsigned long long)t->size,
				 (unsigned long long)t->got);
	return rc ? no_memory(t) : 0;
}

/* ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The next piece of the member; empty behind its last. Lives until piece_done(). */
static struct span piece_next(struct taking *t)
{
	static const char ended[] = "the container ends inside of it";
	if (t->over)
		return SPAN_NONE;
	const struct scan_event *e = scan_event_front(t->m);
	switch (e->kind) {
	case SCAN_BYTES:
		return span_bytes(e->bytes, e->n);
	case SCAN_END:
		scan_event_pop(t->m);
		break;
	case SCAN_CUT:
		memcpy(t->why, e->bytes, e->n);
		t->why[e->n] = '\0';
		t->cut = true;
		scan_event_pop(t->m);
		break;
	default: /* the reader gave up, or begins another */
		memcpy(t->why, ended, sizeof ended);
		t->cut = true;
		break;
	}
	t->over = true;
	return SPAN_NONE;
}

static void piece_done(struct taking *t, size_t n)
{
	t->got += n;
	scan_event_pop(t->m);
}

static int head_grow(struct scan_members *m, size_t wanted)
{
	if (wanted <= m->head_room)
		return 0;
	size_t room = m->head_room ? m->head_room : 64 * KIB;
	while (room < wanted)
		room *= 2;
	char *grown = rf_realloc_array(m->head, room, 1);
	if (!grown)
		return RF_ENOMEM;
	m->head = grown;
	m->head_room = room;
	return 0;
}

/* Fills the head; t->over says that this is all of it. */
static int head_take(struct taking *t)
{
	struct scan_members *m = t->m;
	size_t most = artifact_is_read_at_random(name_of(t)) ? SCAN_MEMBER_RANDOM_BYTES : SCAN_MEMBER_MEMORY_BYTES;
	for (;;) {
		struct span piece = piece_next(t);
		if (!piece.n && t->over)
			return 0;
		if (t->head_n + piece.n > most || scan_walk_stopped(t->walk))
			return t->walk->rc;
		if (head_grow(m, t->head_n + piece.n) < 0)
			return no_memory(t);
		if (piece.n)
			memcpy(m->head + t->head_n, piece.p, piece.n);
		t->head_n += piece.n;
		piece_done(t, piece.n);
	}
}

/* ── Facts and what is inside ────────────────────────────────────────────────────────────────────────────────────── */

static unsigned flags_of(const struct taking *t)
{
	return t->walk->o->evidence ? ARTIFACT_WITH_EVIDENCE : 0;
}

/* @path: m->path, in the arena: its own members' paths are made from it. */
static int inside_walk(struct taking *t, const struct scan_inside_row *row, struct scan_inside_input *in,
		       const char *path, struct scan_inside *ret)
{
	struct scan_container c = { .path = path, .root = t->walk->outermost->root, .read = row->read, .data = in };
	in->name = path + t->name_at;
	int rc = scan_level(t->walk, &c, t->m->depth + 1, ret);
	t->file.inside = ret;
	scan_totals_add(&t->m->inside->totals, &ret->totals);
	t->m->inside->links += ret->links;
	t->m->inside->bytes += ret->bytes;
	return rc;
}

static int too_deep(struct taking *t)
{
	return scan_object(&t->facts, &t->m->arena, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE, "nested_too_deep",
			   "a container in a container, %d deep: not looked into", SCAN_MEMBER_MAX_DEPTH);
}

static int small_inside(struct taking *t, const struct artifact_source *src)
{
	struct scan_inside_input in = { .src = src, .fd = -1, .in_memory = true };
	const struct scan_inside_row *row = scan_inside_row_of(&t->facts);
	if (!row || (row->worth && !row->worth(&in)))
		return 0;
	if (t->m->depth == SCAN_MEMBER_MAX_DEPTH)
		return too_deep(t) ? no_memory(t) : 0;
	const char *path = arena_text(&t->m->arena, str_span(&t->m->path));
	int rc = path ? inside_walk(t, row, &in, path, &t->inside) : no_memory(t);
	if (rc == 0 && scan_inside_judge(&t->inside, &t->m->arena, &t->facts) < 0)
		rc = no_memory(t);
	return rc;
}

static int small_take(struct taking *t)
{
	struct scan_members *m = t->m;
	struct err err = ERR_INIT;
	struct artifact_pass pass;
	struct span all = span_bytes(m->head, t->head_n);
	struct artifact_source src = artifact_source_bytes(all);
	int rc = artifact_read(&src, path_of(t), flags_of(t), &m->arena, &t->facts, &err);
	if (rc)
		return scan_walk_fail(t->walk, rc, err.text);
	bool other = t->walk->o->skip_other && t->facts.finding == ARTIFACT_CLEAR && strcmp(t->facts.kind, ARTIFACT_OTHER) == 0;
	if (!t->walk->o->no_digest && !t->cut && !other) {
		digest_of(all, &t->file.digest);
		t->file.has_digest = true;
		if (artifact_pass_wanted(&t->facts)) {
			artifact_pass_begin(&pass, &t->facts);
			artifact_pass_add(&pass, all.p, all.n);
			if (artifact_pass_end(&pass, &m->arena, &t->facts, &err) < 0)
				return no_memory(t);
		}
	}
	return small_inside(t, &src);
}

/* ── Large members ───────────────────────────────────────────────────────────────────────────────────────────────── */

static int head_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	const struct taking *t = data;
	size_t from = offset < t->head_n ? (size_t)offset : t->head_n;
	*ret_n = RF_MIN(n, t->head_n - from);
	memcpy(buffer, t->m->head + from, *ret_n);
	return 0;
}

static int facts_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	struct taking *t = data;
	return scan_forward_read(t->forward, FACTS_READER, buffer, n, offset, ret_n);
}

static int inside_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	struct taking *t = data;
	return scan_forward_read(t->forward, INSIDE_READER, buffer, n, offset, ret_n);
}

/* Digest and second look, and the stream to those who read it. The member's events are this thread's. */
static void *pump(void *data)
{
	struct taking *t = data;
	struct span piece = span_bytes(t->m->head, t->head_n);
	bool hash = !t->walk->o->no_digest && !t->unhashed;
	for (bool head = true;; head = false) {
		if (hash)
			digest_stream_add(t->m->stream, piece.p, piece.n);
		if (hash && t->second_look)
			artifact_pass_add(&t->pass, piece.p, piece.n);
		if (!head) {
			scan_forward_add(t->forward, piece.p, piece.n);
			piece_done(t, piece.n);
		}
		if (scan_walk_stopped(t->walk))
			break;
		piece = piece_next(t);
		if (t->over)
			break;
	}
	scan_forward_end(t->forward);
	return NULL;
}

static int facts_read(struct taking *t, uint64_t size)
{
	struct artifact_source src = {
		.pread = facts_pread, .data = t, .size = size, .head = span_bytes(t->m->head, t->head_n)
	};
	t->facts_size = size;
	t->facts_err = ERR_INIT;
	return artifact_read(&src, path_of(t), flags_of(t), &t->m->arena, &t->facts, &t->facts_err);
}

static void *facts_thread(void *data)
{
	struct taking *t = data;
	t->facts_rc = facts_read(t, t->facts_size);
	scan_forward_leave(t->forward, FACTS_READER);
	return NULL;
}

/* The facts that were read while the member came are those of a size that was only declared; of the real one, when it
 * is another. What has gone by by then cannot be had. */
static int facts_settle(struct taking *t)
{
	struct artifact_facts *f = &t->facts;
	if (t->facts_size != t->got && !t->walk->rc)
		t->facts_rc = facts_read(t, t->got);
	if (t->facts_rc == RF_ENOMEM)
		return no_memory(t);
	if (!scan_forward_lost(t->forward, FACTS_READER))
		return t->facts_rc ? scan_walk_fail(t->walk, t->facts_rc, t->facts_err.text) : 0;
	f->second_look_from = f->note_count;
	return scan_object(f, &t->m->arena, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE, "stream_went_by",
			   "larger than %zu MiB and inside of a container: a part that its facts need had gone by",
			   SCAN_MEMBER_MEMORY_BYTES / MIB)
		       ? no_memory(t)
		       : 0;
}

static int digest_settle(struct taking *t)
{
	struct err err = ERR_INIT;
	if (t->walk->o->no_digest)
		return 0;
	digest_stream_end(t->m->stream, &t->file.digest);
	t->file.has_digest = !t->cut && !t->unhashed;
	if (t->second_look && artifact_pass_end(&t->pass, &t->m->arena, &t->facts, &err) < 0)
		return no_memory(t);
	return 0;
}

/* The reports of what is inside come from here; the facts are read beside it. */
static int large_inside(struct taking *t, const struct scan_inside_row *row)
{
	pthread_t facts;
	struct artifact_source src = {
		.pread = inside_pread, .data = t, .size = t->size, .head = span_bytes(t->m->head, t->head_n)
	};
	struct scan_inside_input in = { .src = &src, .fd = -1 };
	/* before the other thread uses the arena */
	const char *path = arena_text(&t->m->arena, str_span(&t->m->path));
	bool beside = path && t->facts_size && pthread_create(&facts, NULL, facts_thread, t) == 0;
	if (!beside)
		scan_forward_leave(t->forward, FACTS_READER);
	int rc = path ? inside_walk(t, row, &in, path, &t->inside) : no_memory(t);
	scan_forward_leave(t->forward, INSIDE_READER);
	if (beside)
		pthread_join(facts, NULL);
	else
		t->facts_size = 0;
	return rc;
}

static int large_read(struct taking *t, const struct scan_inside_row *row)
{
	pthread_t thread;
	scan_forward_join(t->forward, FACTS_READER);
	if (row)
		scan_forward_join(t->forward, INSIDE_READER);
	if (pthread_create(&thread, NULL, pump, t) != 0)
		return scan_walk_fail(t->walk, RF_EIO, "no thread to read a member");
	if (row)
		(void)large_inside(t, row);
	else if (t->facts_size)
		(void)facts_thread(t);
	else
		scan_forward_leave(t->forward, FACTS_READER);
	pthread_join(thread, NULL);
	int rc = t->walk->rc;
	if (rc == 0)
		rc = facts_settle(t);
	if (rc == 0)
		rc = digest_settle(t);
	if (rc == 0 && row && scan_inside_judge(&t->inside, &t->m->arena, &t->facts) < 0)
		rc = no_memory(t);
	return rc;
}

static int large_take(struct taking *t)
{
	struct err err = ERR_INIT;
	struct artifact_source src = {
		.pread = head_pread, .data = t, .size = t->size, .head = span_bytes(t->m->head, t->head_n)
	};
	if (src.size == SCAN_MEMBER_SIZE_UNKNOWN)
		src.size = SCAN_MEMBER_MAX_BYTES;
	int rc = artifact_read(&src, path_of(t), 0, &t->m->arena, &t->first, &err);
	if (rc)
		return scan_walk_fail(t->walk, rc, err.text);
	const struct scan_inside_row *row = scan_inside_row_of(&t->first);
	bool deep = row && t->m->depth == SCAN_MEMBER_MAX_DEPTH;
	t->second_look = artifact_pass_wanted(&t->first);
	t->unhashed = t->walk->o->skip_other && !row && !t->second_look && !artifact_may_be_read(&src, path_of(t));
	if (t->second_look)
		artifact_pass_begin(&t->pass, &t->first);
	t->facts_size = t->size != SCAN_MEMBER_SIZE_UNKNOWN ? t->size : t->first.declared_size;
	t->forward = scan_forward_new(span_bytes(t->m->head, t->head_n));
	rc = t->forward ? large_read(t, deep ? NULL : row) : no_memory(t);
	if (rc == 0 && deep && too_deep(t) < 0)
		rc = no_memory(t);
	scan_forward_free(t->forward);
	return rc;
}

/* ── Both ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int take(struct taking *t, struct span name)
{
	int rc = path_make(t, name);
	scan_event_pop(t->m);
	if (rc == 0)
		rc = head_take(t);
	if (rc == 0)
		rc = t->over ? small_take(t) : large_take(t);
	t->m->inside->bytes += t->got;
	if (rc == 0)
		rc = member_judge(t);
	t->file.error = t->cut;
	return rc ? rc : report(t);
}

int scan_member_take(struct scan_members *m)
{
	const struct scan_event *e = scan_event_front(m);
	struct taking *t = arena_alloc(&m->arena, sizeof *t);
	if (!t)
		return scan_walk_fail(m->walk, RF_ENOMEM, "no memory for the facts of a member");
	t->m = m;
	t->walk = m->walk;
	t->size = e->size;
	return take(t, span_bytes(e->bytes, e->n));
}

/* ── Members whose bytes do not come ─────────────────────────────────────────────────────────────────────────────── */

static int unread_judge(struct taking *t, enum scan_unread why, struct span what)
{
	struct artifact_facts *f = &t->facts;
	struct arena *a = &t->m->arena;
	bool engine = artifact_named_like_engine(name_of(t));
	switch (why) {
	case SCAN_UNREAD_LINK: {
		bool out = link_leads_out(t->file.inner, what);
		t->m->inside->links++;
		if (out && engine)
			return scan_object(f, a, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_CONTENT_ABSENT, "link_leaves",
					   "a link to %.*s, outside of the container: not followed", SPAN_ARG(what));
		return scan_note(f, a, "a link to %.*s: not followed", SPAN_ARG(what));
	}
	case SCAN_UNREAD_ENCRYPTED:
		t->m->inside->unread++;
		t->file.error = true;
		return scan_object(f, a, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "member_encrypted",
				   "encrypted: what it holds cannot be told");
	case SCAN_UNREAD_DAMAGED:
		t->m->inside->unread++;
		t->file.error = true;
		return scan_object(f, a, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "member_damaged",
				   "cannot be read: %.*s", SPAN_ARG(what));
	default:
		if (engine)
			return scan_object(f, a, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_CONTENT_ABSENT, "member_special",
					   "a device, FIFO or socket that is named like an engine");
		return scan_note(f, a, "a device, FIFO or socket: no content");
	}
}

int scan_member_take_unread(struct scan_members *m)
{
	const struct scan_event *e = scan_event_front(m);
	if (e->why == SCAN_UNREAD_BESIDE) {
		scan_inside_beside_add(m->inside, span_bytes(e->bytes, e->name_n));
		scan_event_pop(m);
		return 0;
	}
	struct artifact_source none = artifact_source_bytes(SPAN_NONE);
	struct err err = ERR_INIT;
	struct taking *t = arena_alloc(&m->arena, sizeof *t);
	if (!t)
		return scan_walk_fail(m->walk, RF_ENOMEM, "no memory for the facts of a member");
	t->m = m;
	t->walk = m->walk;
	t->size = SCAN_MEMBER_SIZE_UNKNOWN;
	struct span text = span_bytes(e->bytes, e->n), what = span_from(text, e->name_n);
	int rc = path_make(t, span_sub(text, 0, e->name_n));
	/* no name: emptiness is no finding here */
	if (rc == 0 && (artifact_read(&none, SPAN_NONE, 0, &m->arena, &t->facts, &err) < 0 ||
			unread_judge(t, e->why, what) < 0 || member_judge(t) < 0))
		rc = no_memory(t);
	scan_event_pop(m);
	return rc ? rc : report(t);
}
