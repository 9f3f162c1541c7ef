/*
 * admission - the contract between who serves admission reviews (server/admission.h) and who gives him snapshots and takes
 * his decisions away (`gate serve`). The two stand on one level of the house and do not know each other: main.c joins them.
 *
 *   begin ──► give snapshots, take decisions, ... ──► unready ──► free
 *
 * Types only; may use network/'s settings.
 */
#ifndef REFORGE_GATE_ADMISSION_H
#define REFORGE_GATE_ADMISSION_H

#include "gate/review.h"
#include "network/http_server.h"

#define ADMISSION_PATH "/admission"

struct admission_namespace {
	const char *name, *environment;
};

struct admission_settings {               /* everything in it must live until the server is freed */
	struct http_server_settings http; /* routes, workers and data are set here */
	struct review_rules rules; /* the service label is the snapshot's */
	const char *cluster;       /* whose API server asks; "" not known */
	const char *environment; /* of namespaces that are not listed; "" none */
	const struct admission_namespace *namespaces;
	size_t namespaces_n;
	bool audit;                                     /* nothing is denied */
	void (*notice)(bool trouble, const char *text); /* as of the server; any thread. May be NULL */
};

/* A decision that warns or denies, as it is recorded. Texts are cut to their room. */
struct admission_record {
	usec_t at;
	enum gate_decision decision, judged;
	enum review_operation operation;
	bool dry_run;
	char uid[64], kind[48], namespace_[64], name[128], user[128], policy[64], service[64], advisories[256],
		message[512];
};

/* Who serves; what each does is said in server/admission.h. */
struct admission;
struct admission_server {
	int (*begin)(const struct admission_settings *settings, struct admission **ret, struct err *err);
	uint16_t (*port)(const struct admission *a);
	void (*snapshot_set)(struct admission *a, struct gate_snapshot *s);
	void (*load_failed)(struct admission *a);
	void (*reload_certificate)(struct admission *a);
	bool (*take)(struct admission *a, struct admission_record *ret);
	void (*unready)(struct admission *a);
	void (*free)(struct admission *a);
};

#endif
