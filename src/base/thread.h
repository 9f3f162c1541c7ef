/*
 * thread - run independent jobs on a fixed number of threads.
 */
#ifndef REFORGE_BASE_THREAD_H
#define REFORGE_BASE_THREAD_H

#include "base/err.h"

/* Processors this process may use (affinity and, where set, the cgroup's quota), at least 1. */
unsigned thread_cpus(void);

/* Calls job(i, data) for i in 0..count-1 on at most @threads threads (0: thread_cpus()); returns when all that were
 * started ended. The first non-zero from a job stops handing out further ones and is returned. Jobs report details
 * through @data. RF_ENOMEM or RF_EIO when not one thread could be made; fewer threads than asked is fine. */
RF_MUST_CHECK int thread_each(size_t count, unsigned threads, int (*job)(size_t index, void *data), void *data);

/* Set by SIGINT and SIGTERM once thread_catch_signals() was called: long loops look at it between steps. */
void thread_catch_signals(void);
bool thread_stop_wanted(void);
/* From then on SIGHUP asks a server to read its files again instead of ending it. */
void thread_catch_hangup(void);
/* True once for each time it was asked (several in a row may be one). */
bool thread_hangup_taken(void);
/* What the signals did before, for a program that is to take this one's place; nothing when none were caught. */
void thread_restore_signals(void);

#endif
