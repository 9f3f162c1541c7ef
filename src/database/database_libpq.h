/*
 * database_libpq - the PostgreSQL client library, loaded when the first postgresql:// address is opened.
 *
 * Linked, libpq brings Kerberos and LDAP along, 25 libraries: measured, an empty program starts in 5.2 ms instead of
 * 2.2 ms. Most workspaces are SQLite, and most commands are short. Private to this room.
 */
#ifndef REFORGE_DATABASE_LIBPQ_H
#define REFORGE_DATABASE_LIBPQ_H

#include <libpq-fe.h>
#include <stdbool.h>

#define LIBPQ_FUNCTIONS(X) \
	X(PQclear) X(PQcmdStatus) X(PQcmdTuples) X(PQconnectdbParams) X(PQconsumeInput) X(PQerrorMessage) X(PQexec) \
	X(PQexecPrepared) X(PQfinish) X(PQfreemem) X(PQftype) X(PQgetisnull) X(PQgetlength) X(PQgetvalue) X(PQnfields) \
	X(PQnotifies) X(PQntuples) X(PQprepare) X(PQresultErrorField) X(PQresultStatus) X(PQserverVersion) \
	X(PQsetNoticeProcessor) X(PQsocket) X(PQstatus)

struct libpq {
#define X(name) __typeof__(&name) name;
	LIBPQ_FUNCTIONS(X)
#undef X
};

/* False when libpq.so.5 is not installed or lacks one of them. Loaded once, never unloaded; any thread. The functions may be
 * called once it was true. */
bool libpq_load(void);
extern struct libpq libpq_functions;

#endif
