/* Memory and quiet, shared out among the workers (engine.h; response.h says why). */
#include "response/engine.h"

#include "base/fs.h"

void budget_init(struct budget *b, uint64_t total_bytes)
{
	*b = (struct budget){ .total_bytes = total_bytes };
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->changed, NULL);
}

void budget_release(struct budget *b)
{
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->changed);
}

static bool fits(const struct budget *b, uint64_t bytes)
{
	return b->running == 0 || (b->used_bytes <= b->total_bytes && bytes <= b->total_bytes - b->used_bytes);
}

void budget_take(struct budget *b, uint64_t bytes)
{
	pthread_mutex_lock(&b->lock);
	while (b->measuring || b->want_quiet || !fits(b, bytes))
		pthread_cond_wait(&b->changed, &b->lock);
	b->running++;
	b->used_bytes += bytes;
	pthread_mutex_unlock(&b->lock);
}

void budget_give(struct budget *b, uint64_t bytes)
{
	pthread_mutex_lock(&b->lock);
	b->running--;
	b->used_bytes -= bytes;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

/* One that wants quiet no longer counts as running: two of them would wait for each other. */
void budget_measure(struct budget *b)
{
	pthread_mutex_lock(&b->lock);
	b->running--;
	b->want_quiet++;
	pthread_cond_broadcast(&b->changed);
	while (b->measuring || b->running)
		pthread_cond_wait(&b->changed, &b->lock);
	b->measuring = true;
	b->want_quiet--;
	pthread_mutex_unlock(&b->lock);
}

void budget_measured(struct budget *b)
{
	pthread_mutex_lock(&b->lock);
	b->measuring = false;
	b->running++;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

uint64_t budget_machine_bytes(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[256];
	uint64_t kib = 0;
	while (f && !kib && fgets(line, sizeof line, f)) {
		struct span s = span_trim(span_of(line));
		if (!span_starts(s, "MemAvailable:"))
			continue;
		s = span_trim(span_from(s, strlen("MemAvailable:")));
		if (!span_u64(span_sub(s, 0, span_find_byte(s, ' ')), &kib))
			break;
	}
	if (f)
		fclose(f);
	return kib ? kib * KIB : GIB;
}
