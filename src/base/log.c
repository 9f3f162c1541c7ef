/* log - see log.h */
#include "base/log.h"

#include "base/str.h"
#include "base/time.h"

#include <pthread.h>
#include <stdarg.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int current = -1;
static void (*before_line)(void);
static void (*after_line)(void);

static const char *const names[] = { "error", "warn", "info", "debug" };

static int level_now(void)
{
	int level = __atomic_load_n(&current, __ATOMIC_RELAXED);
	if (level >= 0)
		return level;
	const char *wanted = getenv("REFORGE_LOG");
	level = LOG_WARN;
	for (int i = 0; wanted && i < (int)RF_COUNT(names); i++)
		if (strcmp(wanted, names[i]) == 0)
			level = i;
	__atomic_store_n(&current, level, __ATOMIC_RELAXED);
	return level;
}

void log_set_level(enum log_level level)
{
	__atomic_store_n(&current, (int)level, __ATOMIC_RELAXED);
}

bool log_enabled(enum log_level level)
{
	return (int)level <= level_now();
}

void log_set_hooks(void (*before)(void), void (*after)(void))
{
	pthread_mutex_lock(&lock);
	before_line = before;
	after_line = after;
	pthread_mutex_unlock(&lock);
}

void log_at(enum log_level level, const char *format, ...)
{
	if (!log_enabled(level))
		return;
	RF_AUTO(str) text = STR_INIT(16 * KIB);
	va_list args;
	va_start(args, format);
	str_vaddf(&text, format, args);
	va_end(args);
	RF_AUTO(str) line = STR_INIT(64 * KIB);
	char at[TIME_TEXT_BYTES];
	str_addf(&line, "%s %s ", time_text(now_usec(), at), names[level]);
	str_add_visible(&line, str_span(&text));
	str_add_byte(&line, '\n');
	pthread_mutex_lock(&lock);
	if (before_line)
		before_line();
	/* one write: lines of several processes stay whole; nothing to be done when stderr is gone */
	ssize_t written = write(2, str_text(&line), line.n);
	(void)written;
	if (after_line)
		after_line();
	pthread_mutex_unlock(&lock);
}
