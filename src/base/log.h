/*
 * log - one line on stderr, for boundaries (cli, worker, server): libraries never log above debug.
 *
 * Thread-safe. No secrets, no advisory texts above their TLP mark: callers' duty. Level from REFORGE_LOG
 * (error, warn, info, debug), default warn. Bytes that could move a terminal's cursor are escaped.
 */
#ifndef REFORGE_BASE_LOG_H
#define REFORGE_BASE_LOG_H

#include "base/macros.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
void log_at(enum log_level level, const char *format, ...) RF_PRINTF(2, 3);
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
/* Called around each line when a progress bar is on the screen, so that both stay whole. NULL switches off. */
void log_set_hooks(void (*before)(void), void (*after)(void));

#endif
