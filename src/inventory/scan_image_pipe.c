/* A ring of pieces between two threads. See scan_image_pipe.h. */
#include "inventory/scan_image_pipe.h"

#include "base/arena.h"

int scan_pipe_init(struct scan_pipe *p, struct err *err)
{
	*p = (struct scan_pipe){ .err = ERR_INIT };
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	for (size_t i = 0; i < SCAN_PIPE_PIECES; i++) {
		p->pieces[i] = rf_alloc(SCAN_PIPE_PIECE_BYTES);
		if (!p->pieces[i]) {
			scan_pipe_release(p);
			return err_set(err, RF_ENOMEM, "no memory to stream an image");
		}
	}
	return 0;
}

void scan_pipe_release(struct scan_pipe *p)
{
	for (size_t i = 0; i < SCAN_PIPE_PIECES; i++)
		rf_free(p->pieces[i]);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
}

void scan_pipe_reset(struct scan_pipe *p)
{
	p->written = p->read = 0;
	p->open_bytes = 0;
	p->at_hand = p->ended = p->closed = false;
	p->rc = 0;
	p->err = ERR_INIT;
}

/* ── Writer ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

int scan_pipe_room(struct scan_pipe *p, unsigned char **ret)
{
	pthread_mutex_lock(&p->lock);
	while (!p->closed && p->written - p->read == SCAN_PIPE_PIECES)
		pthread_cond_wait(&p->changed, &p->lock);
	bool closed = p->closed;
	pthread_mutex_unlock(&p->lock);
	*ret = p->pieces[p->written % SCAN_PIPE_PIECES];
	return closed ? RF_ECANCELLED : 0;
}

void scan_pipe_wrote(struct scan_pipe *p, size_t n)
{
	if (n == 0)
		return;
	pthread_mutex_lock(&p->lock);
	p->filled[p->written % SCAN_PIPE_PIECES] = n;
	p->written++;
	p->open_bytes = 0;
	if (p->written - p->read == SCAN_PIPE_WAKE)
		pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

int scan_pipe_add(struct scan_pipe *p, struct span bytes)
{
	while (bytes.n) {
		unsigned char *piece;
		int rc = scan_pipe_room(p, &piece);
		if (rc)
			return rc;
		size_t n = RF_MIN(bytes.n, SCAN_PIPE_PIECE_BYTES - p->open_bytes);
		memcpy(piece + p->open_bytes, bytes.p, n);
		p->open_bytes += n;
		bytes = span_from(bytes, n);
		if (p->open_bytes == SCAN_PIPE_PIECE_BYTES)
			scan_pipe_wrote(p, p->open_bytes);
	}
	return 0;
}

void scan_pipe_end(struct scan_pipe *p, int rc, const struct err *err)
{
	unsigned char *piece;
	if (p->open_bytes && scan_pipe_room(p, &piece) == 0)
		scan_pipe_wrote(p, p->open_bytes);
	pthread_mutex_lock(&p->lock);
	p->ended = true;
	p->rc = rc;
	if (err)
		p->err = *err;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/* ── Reader ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

int scan_pipe_next(struct scan_pipe *p, struct span *ret, struct err *err)
{
	pthread_mutex_lock(&p->lock);
	if (p->at_hand) {
		p->at_hand = false;
		p->read++;
		if (p->written - p->read == SCAN_PIPE_PIECES / 2)
			pthread_cond_signal(&p->changed);
	}
	while (p->read == p->written && !p->ended)
		pthread_cond_wait(&p->changed, &p->lock);
	bool got = p->read != p->written;
	int rc = got ? 1 : p->rc;
	if (got) {
		size_t i = (size_t)(p->read % SCAN_PIPE_PIECES);
		*ret = span_bytes(p->pieces[i], p->filled[i]);
		p->at_hand = true;
	} else if (rc < 0 && err) {
		*err = p->err;
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

void scan_pipe_close(struct scan_pipe *p)
{
	pthread_mutex_lock(&p->lock);
	p->closed = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}
