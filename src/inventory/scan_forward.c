/* scan_forward - see scan_forward.h */
#include "inventory/scan_forward.h"

#include "inventory/scan_member.h"

#include <pthread.h>

/* Twice the window, so that it slides only now and then. */
#define ROOM_BYTES (2 * SCAN_MEMBER_WINDOW_BYTES)

struct forward_reader {
	bool joined, lost;
	uint64_t wanted; /* what it waits for; 0: it does not wait */
};

struct scan_forward {
	pthread_mutex_t lock;
	pthread_cond_t came, wanted; /* bytes came; a reader waits, or left */
	struct span head;
	unsigned char *window;
	uint64_t window_at;
	size_t window_n;
	bool ended;
	struct forward_reader readers[SCAN_FORWARD_READERS];
};

struct scan_forward *scan_forward_new(struct span head)
{
	struct scan_forward *f = rf_alloc(sizeof *f);
	if (!f)
		return NULL;
	f->window = rf_alloc(ROOM_BYTES);
	if (!f->window) {
		rf_free(f);
		return NULL;
	}
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->came, NULL);
	pthread_cond_init(&f->wanted, NULL);
	f->head = head;
	f->window_at = head.n;
	return f;
}

void scan_forward_free(struct scan_forward *f)
{
	if (!f)
		return;
	pthread_cond_destroy(&f->wanted);
	pthread_cond_destroy(&f->came);
	pthread_mutex_destroy(&f->lock);
	rf_free(f->window);
	rf_free(f);
}

void scan_forward_join(struct scan_forward *f, unsigned reader)
{
	pthread_mutex_lock(&f->lock);
	f->readers[reader].joined = true;
	pthread_mutex_unlock(&f->lock);
}

void scan_forward_leave(struct scan_forward *f, unsigned reader)
{
	pthread_mutex_lock(&f->lock);
	f->readers[reader].joined = false;
	pthread_cond_signal(&f->wanted);
	pthread_mutex_unlock(&f->lock);
}

static uint64_t end_of(const struct scan_forward *f)
{
	return f->window_at + f->window_n;
}

/* Nobody reads what is there: each waits for more, or has left. */
static bool is_dry(const struct scan_forward *f)
{
	for (size_t i = 0; i < RF_COUNT(f->readers); i++)
		if (f->readers[i].joined && f->readers[i].wanted < end_of(f))
			return false;
	return true;
}

static void window_slide(struct scan_forward *f, size_t n)
{
	if (f->window_n + n <= ROOM_BYTES)
		return;
	size_t drop = f->window_n + n - SCAN_MEMBER_WINDOW_BYTES;
	drop = RF_MIN(drop, f->window_n);
	memmove(f->window, f->window + drop, f->window_n - drop);
	f->window_at += drop;
	f->window_n -= drop;
}

/* Every reader waits for what lies far behind, so that these bytes would slide out of the window unread. */
static bool is_far(const struct scan_forward *f, size_t n)
{
	bool any = false;
	for (size_t i = 0; i < RF_COUNT(f->readers); i++) {
		const struct forward_reader *r = &f->readers[i];
		if (r->joined && r->wanted < end_of(f) + n + SCAN_MEMBER_WINDOW_BYTES)
			return false;
		any = any || r->joined;
	}
	return any; /* nobody reads: the end is kept for who looks when it has come */
}

void scan_forward_add(struct scan_forward *f, const void *bytes, size_t n)
{
	const unsigned char *from = bytes;
	pthread_mutex_lock(&f->lock);
	while (!is_dry(f))
		pthread_cond_wait(&f->wanted, &f->lock);
	if (is_far(f, n)) {
		f->window_at = end_of(f) + n;
		f->window_n = 0;
		n = 0;
	}
	for (size_t take; n; from += take, n -= take) {
		take = RF_MIN(n, (size_t)SCAN_MEMBER_WINDOW_BYTES);
		window_slide(f, take);
		memcpy(f->window + f->window_n, from, take);
		f->window_n += take;
	}
	if (!is_dry(f))
		pthread_cond_broadcast(&f->came);
	pthread_mutex_unlock(&f->lock);
}

void scan_forward_end(struct scan_forward *f)
{
	pthread_mutex_lock(&f->lock);
	f->ended = true;
	pthread_cond_broadcast(&f->came);
	pthread_mutex_unlock(&f->lock);
}

/* Copies what is there of [at, at + n). 0: nothing is there yet; SIZE_MAX: it has gone by. */
static size_t piece_copy(const struct scan_forward *f, void *to, size_t n, uint64_t at)
{
	size_t take;
	if (at < f->head.n) {
		take = RF_MIN(n, f->head.n - (size_t)at);
		memcpy(to, f->head.p + at, take);
		return take;
	}
	if (at < f->window_at)
		return SIZE_MAX;
	if (at >= end_of(f))
		return 0;
	take = RF_MIN(n, f->window_n - (size_t)(at - f->window_at));
	memcpy(to, f->window + (at - f->window_at), take);
	return take;
}

int scan_forward_read(struct scan_forward *f, unsigned reader, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	struct forward_reader *me = &f->readers[reader];
	*ret_n = 0;
	pthread_mutex_lock(&f->lock);
	while (*ret_n < n) {
		size_t took = piece_copy(f, (char *)buffer + *ret_n, n - *ret_n, offset + *ret_n);
		if (took == SIZE_MAX) {
			me->lost = true;
			break;
		}
		*ret_n += took;
		if (took)
			continue;
		if (f->ended)
			break;
		me->wanted = offset + *ret_n;
		pthread_cond_signal(&f->wanted);
		pthread_cond_wait(&f->came, &f->lock);
		me->wanted = 0;
	}
	bool lost = me->lost;
	pthread_mutex_unlock(&f->lock);
	return lost ? RF_EIO : 0;
}

bool scan_forward_lost(const struct scan_forward *f, unsigned reader)
{
	return f->readers[reader].lost;
}
