/* The ring between a container's reader and who takes its members; limits. See scan_member.h. */
#include "inventory/scan_member_int.h"

#include "base/thread.h"

/* Facts of one member; a package database has some thousands of components. */
#define MEMBER_ARENA_BYTES (16 * MIB)

/* ── The walk ────────────────────────────────────────────────────────────────────────────────────────────────────── */

int scan_walk_fail(struct scan_walk *w, int rc, const char *what)
{
	int none = 0;
	if (__atomic_compare_exchange_n(&w->rc, &none, rc, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) && what)
		(void)err_set(w->err, rc, "%s", what);
	return __atomic_load_n(&w->rc, __ATOMIC_SEQ_CST);
}

bool scan_walk_stopped(struct scan_walk *w)
{
	if (thread_stop_wanted())
		(void)scan_walk_fail(w, RF_ECANCELLED, "stopped");
	return __atomic_load_n(&w->rc, __ATOMIC_SEQ_CST) != 0;
}

/* ── The ring ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A place for the next event, or NULL when nobody listens. Publishes nothing yet. */
static struct scan_event *slot_wait(struct scan_members *m)
{
	pthread_mutex_lock(&m->lock);
	while (m->count == SCAN_RING_PIECES && !m->deaf)
		pthread_cond_wait(&m->emptied, &m->lock);
	struct scan_event *e = m->deaf ? NULL : &m->ring[(m->first + m->count) % SCAN_RING_PIECES];
	pthread_mutex_unlock(&m->lock);
	return e;
}

/* @over: nothing comes behind it. */
static void slot_publish(struct scan_members *m, bool over)
{
	pthread_mutex_lock(&m->lock);
	m->count++;
	if (m->count == SCAN_RING_WAKE || over)
		pthread_cond_signal(&m->filled);
	pthread_mutex_unlock(&m->lock);
}

const struct scan_event *scan_event_front(struct scan_members *m)
{
	pthread_mutex_lock(&m->lock);
	while (!m->count)
		pthread_cond_wait(&m->filled, &m->lock);
	const struct scan_event *e = &m->ring[m->first];
	pthread_mutex_unlock(&m->lock);
	return e;
}

void scan_event_pop(struct scan_members *m)
{
	pthread_mutex_lock(&m->lock);
	if (m->ring[m->first].kind != SCAN_OVER) {
		m->first = (m->first + 1) % SCAN_RING_PIECES;
		m->count--;
		if (m->count == SCAN_RING_PIECES / 2)
			pthread_cond_signal(&m->emptied);
	}
	pthread_mutex_unlock(&m->lock);
}

static void ring_deafen(struct scan_members *m)
{
	pthread_mutex_lock(&m->lock);
	m->deaf = true;
	pthread_cond_signal(&m->emptied);
	pthread_mutex_unlock(&m->lock);
}

/* ── The reader's side ───────────────────────────────────────────────────────────────────────────────────────────── */

static int over(struct scan_members *m, int rc, const char *rule, struct err *err, const char *what)
{
	m->rule = rule;
	return err_set(err, rc, "%s", what);
}

static int count_member(struct scan_members *m, struct err *err)
{
	if (__atomic_add_fetch(&m->walk->members, 1, __ATOMIC_RELAXED) <= SCAN_MEMBER_MAX_COUNT)
		return 0;
	return over(m, RF_ETOOMANY, "bomb_members", err,
		    "more than 1,000,000 files inside: those behind were not looked at");
}

static int count_bytes(struct scan_members *m, size_t n, struct err *err)
{
	struct scan_walk *w = m->walk;
	uint64_t bytes = __atomic_add_fetch(&w->bytes, n, __ATOMIC_RELAXED);
	uint64_t consumed = __atomic_load_n(&w->consumed, __ATOMIC_RELAXED);
	if (bytes > SCAN_MEMBER_MAX_BYTES)
		return over(m, RF_ETOOBIG, "bomb_bytes", err,
			    "more than 4 TiB unpacked: what is behind was not looked at");
	if (bytes > SCAN_MEMBER_RATIO_FROM && consumed && bytes / SCAN_MEMBER_MAX_RATIO > consumed)
		return over(m, RF_ETOOBIG, "bomb_ratio", err,
			    "more than 250 bytes unpacked for each byte of the container: what is behind was not "
			    "looked at");
	return 0;
}

static int no_listener(struct err *err)
{
	return err_set(err, RF_ECANCELLED, "nobody takes the members any more");
}

static int event_put(struct scan_members *m, const struct scan_event *event, struct span a, struct span b,
		     struct err *err)
{
	struct scan_event *e = slot_wait(m);
	if (!e)
		return no_listener(err);
	unsigned char *bytes = e->bytes;
	*e = *event;
	e->bytes = bytes;
	e->n = a.n + b.n;
	if (a.n)
		memcpy(bytes, a.p, a.n);
	if (b.n)
		memcpy(bytes + a.n, b.p, b.n);
	slot_publish(m, false);
	return 0;
}

int scan_member_begin(struct scan_members *m, struct span name, uint64_t size, struct err *err)
{
	if (m->open)
		return err_set(err, RF_EINTERNAL, "a member begins inside of another");
	m->ignored = name.n > SCAN_MEMBER_MAX_NAME;
	if (m->ignored) {
		m->open = true;
		return scan_member_unread(m, span_sub(name, 0, 255), SCAN_UNREAD_DAMAGED,
					  SPAN("a name of more than 4,095 bytes"), err);
	}
	int rc = count_member(m, err);
	if (rc)
		return rc;
	m->open = true;
	return event_put(m, &(struct scan_event){ .kind = SCAN_BEGIN, .size = size }, name, SPAN_NONE, err);
}

int scan_member_add(struct scan_members *m, const void *bytes, size_t n, struct err *err)
{
	const char *p = bytes;
	int rc = count_bytes(m, n, err);
	for (size_t take; rc == 0 && n && !m->ignored; p += take, n -= take) {
		take = RF_MIN(n, (size_t)SCAN_RING_PIECE_BYTES);
		rc = event_put(m, &(struct scan_event){ .kind = SCAN_BYTES }, span_bytes(p, take), SPAN_NONE, err);
	}
	return rc;
}

int scan_member_end(struct scan_members *m, struct err *err)
{
	m->open = false;
	return m->ignored ? 0 : event_put(m, &(struct scan_event){ .kind = SCAN_END }, SPAN_NONE, SPAN_NONE, err);
}

int scan_member_cut(struct scan_members *m, struct span what, struct err *err)
{
	m->open = false;
	return m->ignored ? 0
			  : event_put(m, &(struct scan_event){ .kind = SCAN_CUT }, span_sub(what, 0, 1024), SPAN_NONE,
				      err);
}

int scan_member_unread(struct scan_members *m, struct span name, enum scan_unread why, struct span what,
		       struct err *err)
{
	int rc = count_member(m, err);
	name = span_sub(name, 0, SCAN_MEMBER_MAX_NAME);
	return rc ? rc
		  : event_put(m, &(struct scan_event){ .kind = SCAN_UNREAD, .why = why, .name_n = name.n }, name,
			      span_sub(what, 0, SCAN_MEMBER_MAX_NAME), err);
}

void scan_member_consumed(struct scan_members *m, uint64_t bytes)
{
	if (m->depth == 1)
		__atomic_add_fetch(&m->walk->consumed, bytes, __ATOMIC_RELAXED);
}

static void *reader(void *data)
{
	struct scan_members *m = data;
	m->read_err = ERR_INIT;
	m->read_rc = m->c->read(m, m->c->data, &m->read_err);
	struct scan_event *e = slot_wait(m);
	if (e) {
		e->kind = SCAN_OVER;
		e->n = 0;
		slot_publish(m, true);
	}
	return NULL;
}

/* ── The taker's side ────────────────────────────────────────────────────────────────────────────────────────────── */

static void level_free(struct scan_members *m)
{
	if (!m)
		return;
	rf_free(m->ring[0].bytes);
	rf_free(m->head);
	str_release(&m->path);
	arena_release(&m->arena);
	digest_stream_free(m->stream);
	pthread_cond_destroy(&m->emptied);
	pthread_cond_destroy(&m->filled);
	pthread_mutex_destroy(&m->lock);
	rf_free(m);
}

static struct scan_members *level_new(struct scan_walk *w, const struct scan_container *c, unsigned depth)
{
	struct scan_members *m = rf_alloc(sizeof *m);
	if (!m)
		return NULL;
	m->walk = w;
	m->c = c;
	m->depth = depth;
	m->path = STR_INIT(64 * KIB);
	m->arena = ARENA_INIT(MEMBER_ARENA_BYTES);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->filled, NULL);
	pthread_cond_init(&m->emptied, NULL);
	m->stream = digest_stream_new();
	unsigned char *bytes = rf_alloc(SCAN_RING_PIECES * SCAN_RING_PIECE_BYTES);
	for (size_t i = 0; bytes && i < SCAN_RING_PIECES; i++)
		m->ring[i].bytes = bytes + i * SCAN_RING_PIECE_BYTES;
	if (bytes && m->stream)
		return m;
	level_free(m);
	return NULL;
}

/* Takes events until the container is over, or everything ends. */
static void level_take(struct scan_members *m)
{
	int rc = 0;
	while (rc == 0 && !scan_walk_stopped(m->walk)) {
		switch (scan_event_front(m)->kind) {
		case SCAN_OVER:
			return;
		case SCAN_BEGIN:
			rc = scan_member_take(m);
			break;
		case SCAN_UNREAD:
			rc = scan_member_take_unread(m);
			break;
		default: /* the rest of a member that was not wanted to its end */
			scan_event_pop(m);
			break;
		}
		arena_reset(&m->arena);
	}
}

int scan_level(struct scan_walk *w, const struct scan_container *c, unsigned depth, struct scan_inside *ret)
{
	pthread_t thread;
	struct scan_members *m = level_new(w, c, depth);
	*ret = (struct scan_inside){ 0 };
	if (!m)
		return scan_walk_fail(w, RF_ENOMEM, "no memory to look into a container");
	m->inside = ret;
	if (pthread_create(&thread, NULL, reader, m) != 0) {
		level_free(m);
		return scan_walk_fail(w, RF_EIO, "no thread to read a container");
	}
	level_take(m);
	ring_deafen(m);
	pthread_join(thread, NULL);
	ret->rc = m->read_rc;
	ret->err = m->read_err;
	ret->rule = m->rule;
	if (ret->rc == RF_ENOMEM)
		(void)scan_walk_fail(w, RF_ENOMEM, "no memory to look into a container");
	level_free(m);
	return w->rc;
}

int scan_members(const struct scan_container *c, const struct scan_options *o,
		 int (*report)(const struct scan_file *, void *), void *data, struct scan_inside *ret, struct err *err)
{
	struct scan_walk w = { .outermost = c, .o = o, .report = report, .data = data, .err = err };
	return scan_level(&w, c, 1, ret);
}
