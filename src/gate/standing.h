/*
 * standing - the standing report: what runs now, what of it would be denied today, and how it is drained.
 *
 *   what runs ──standing_content(), standing_workload()──► groups, judged ──standing_report()──► services, drain.h's steps
 *
 * Pure but for the clock it is told. May use judge.h, drain.h, inventory/kubernetes.h. Whatever is put in is judged by
 * gate_judge() with the snapshot given, as a front would be asked about it; each different subject of a service and environment
 * once, however many hosts run it. Mode audit is looked through: `judged` counts, since it is what enforcing would do.
 *
 * A group is a workload of a cluster, or a service's files on one host, which stand for one replica there. A replacement is at
 * hand when the denied images all have another tag of their repository in the snapshot that may run, and for denied
 * engines and models the service has a signed release there that may run.
 */
#ifndef REFORGE_GATE_STANDING_H
#define REFORGE_GATE_STANDING_H

#include "gate/drain.h"
#include "gate/judge.h"
#include "inventory/kubernetes.h"

#define STANDING_MAX_GROUPS 1000000
#define STANDING_MAX_SUBJECTS 64 /* shown of one group; more are counted */

/* The answer to one subject, kept. */
struct standing_verdict {
	enum gate_decision decision, judged;
	bool uncertain;          /* conflict or unknown, and not excused */
	struct span policy, why, next;
	const char *advisories;  /* that are denied or warned about, by commas; "" none */
	usec_t until;            /* USEC_NONE: does not change by itself */
};
/* Something a group runs that would be denied, or warned about. */
struct standing_subject {
	enum gate_subject_kind kind;
	struct span name;        /* path, reference, URI */
	struct span where;       /* "container server", "env MODEL_PATH"; empty for a file */
	const struct standing_verdict *verdict;
};
struct standing_group {
	struct drain_group drain;
	struct span host;        /* "k8s:prod/speech", "gpu-17" */
	struct standing_subject *subjects; /* denied first, then warned about, each in the order of what was put in */
	size_t subjects_n, left_out;
	const char *replacement; /* "image registry.example/asr:2", "release asr/2026-07-15-CVE-…"; NULL: none at hand */
};

struct standing;
struct standing_settings {
	const struct gate_snapshot *snapshot; /* ready; outlives the report */
	usec_t now;
	int64_t keep;                         /* replicas of a service and environment that must serve */
};
RF_MUST_CHECK int standing_new(const struct standing_settings *s, struct standing **ret, struct err *err);
void standing_free(struct standing *s); /* NULL is fine */

/* A file that lies on a host for a service ("" none). @runtime: what loads it there; NULL: not known. Texts are copied.
 * RF_ENOMEM, RF_ETOOMANY. */
RF_MUST_CHECK int standing_content(struct standing *s, struct span host, struct span service, struct span environment, struct span path,
				   const struct digest *digest, const struct component *runtime, struct err *err);
/* One container of a workload, or the workload alone (containers_n 0): its image, by @digest when that is known (NULL: by its
 * reference), and the models that the workload names. Containers of one workload come one after the other, in any order. */
RF_MUST_CHECK int standing_workload(struct standing *s, struct span host, struct span service, struct span environment,
				    const struct kube_workload *w, const struct digest *digest, struct err *err);

struct standing_report { /* lives in the standing */
	const struct standing_group *groups; /* by service, environment; those with the worst first */
	size_t groups_n;
	const struct drain_step *steps;      /* of the groups, drain.h; `group` is an index of groups */
	size_t steps_n;
	uint64_t subjects, denied, warned, uncertain; /* put in, each as often as it runs */
	size_t judged;                       /* different ones */
};
/* Once, after everything was put in. RF_ENOMEM. */
RF_MUST_CHECK int standing_report(struct standing *s, struct standing_report *ret, struct err *err);

#endif
