/*
 * review - what a Kubernetes API server asks of an admission webhook, and what it is answered: AdmissionReview of
 * admission.k8s.io/v1 in, subjects for the judge, an answer that an operator can act on out.
 *
 * Pure: no I/O, no clock (now is an argument), no globals. May use base, format, inventory/kubernetes.h, judge.h. One
 * reader serves one thread, one review after another, in memory that it keeps.
 *
 *   bytes ─review_read()─► struct review {uid, operation, subjects} ─review_judge()─► struct review_verdict
 *                                                                       └─review_write()─► bytes
 *
 * What is judged: Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob, KServe's
 * services, models and runtimes, on CREATE and UPDATE; of each the images of containers, initContainers,
 * ephemeralContainers and image volumes, and the models that volumes, environment, arguments, annotations and
 * storageUri name (below). What passes: DELETE and CONNECT, other kinds, subresources but ephemeralcontainers, objects
 * that are being deleted or are over, exempt namespaces.
 *
 * An UPDATE that changes nothing of this is never denied: scaling, labelling or taking a finalizer off what runs
 * already must not need a healthy gate. Subjects that the old object has too are judged and shown as warnings; only
 * what the update brings is denied. Where it brings another service label, that is what the old one let run and the new
 * one does not: to be let in as one service and to become another is no way in. Pods are reviewed when they are made, so a vulnerable workload scaled up gets no
 * new pod.
 *
 * Models: a URI, or a path that lies on a volume which its container mounts and the pod did not fill itself (a claim, a
 * host path, an export, a disk, a Secret, ...), is a subject, known or not; a folder is what is mounted below it, too. A
 * path on anything else is inside of an image, which is judged whole, or is filled by a container whose image and URIs are
 * subjects themselves. What is mounted of a volume is a subject too when models are known below it, whether or not a path
 * names one of them: naming one is no promise to load no other. A place that the object does not give (valueFrom, envFrom)
 * is a subject that nobody knows.
 *
 * What cannot be read within the limits is denied by name: an object that hides behind its size must not run.
 */
#ifndef REFORGE_GATE_REVIEW_H
#define REFORGE_GATE_REVIEW_H

#include "base/str.h"
#include "gate/judge.h"
#include "inventory/kubernetes.h"

/* etcd keeps objects of up to 1.5 MiB, and the review of an update holds two. A larger one is answered with 413: under
 * failurePolicy Ignore the API server lets it pass, under Fail it refuses it. */
#define REVIEW_MAX_BYTES (3 * MIB)
#define REVIEW_MAX_SUBJECTS 512
#define REVIEW_MAX_MESSAGE 2048 /* status.message */
/* kubectl cuts a warning at 256 bytes and all of an answer at 4096; API conventions ask for 120. */
#define REVIEW_MAX_WARNING 120
#define REVIEW_MAX_WARNINGS 8
#define REVIEW_MAX_ANNOTATION 1024

enum review_operation { REVIEW_CREATE = 0, REVIEW_UPDATE, REVIEW_DELETE, REVIEW_CONNECT };
const char *review_operation_name(enum review_operation o); /* "CREATE"; static */

/* Why nothing is judged; NULL in struct review when something is. */
#define REVIEW_PASSED_OPERATION "operation" /* DELETE, CONNECT */
#define REVIEW_PASSED_KIND "kind"
#define REVIEW_PASSED_SUBRESOURCE "subresource"
#define REVIEW_PASSED_NAMESPACE "namespace" /* exempt */
#define REVIEW_PASSED_ENDING "ending"       /* being deleted, or over */

struct review_subject {
	enum gate_subject_kind kind; /* GATE_IMAGE or GATE_MODEL */
	const char *name;            /* the reference, URI or path, as the judge finds it */
	const char *where;           /* "container server", "init container fetch", "volume models", "env MODEL_URI" */
	const char *node;            /* of a host's path: the node that the pod is bound to; "" not told */
	bool carried;                /* the old object has it too */
	bool only_if_known;          /* what is mounted of a volume */
};

struct review { /* lives in the reader until its next review_read() */
	struct span uid;
	enum review_operation operation;
	bool dry_run;
	struct span kind, subresource;
	struct span namespace_, name; /* name: generateName where there is none */
	struct span user;             /* who asks; for records */
	const char *service;          /* from the service label; "" */
	const char *service_before;   /* of the old object, where it is another; NULL */
	const char *passed;
	const char *unreadable; /* NULL; why the object cannot be judged */
	struct review_subject *subjects;
	size_t subjects_n;
};

struct review_rules {
	struct span service_label; /* empty: "app.kubernetes.io/name"; a longer one than 400 bytes is none of Kubernetes' */
	const char *const *exempt; /* namespaces; those of REVIEW_ALWAYS_EXEMPT need not be named */
	size_t exempt_n;
};
/* Cluster components live there: a cluster that cannot start its own network cannot be mended. */
#define REVIEW_ALWAYS_EXEMPT "kube-system"

struct review_reader; /* owns parser and memory */
RF_MUST_CHECK int review_reader_new(struct review_reader **ret, struct err *err);
void review_reader_free(struct review_reader *r); /* NULL is fine */

/*
 * RF_EFORMAT: no AdmissionReview of admission.k8s.io/v1 with a request and its uid, with field and rule; RF_ETOOBIG;
 * RF_ENOMEM. An object inside that cannot be read is no error but @ret->unreadable. @rules' texts may go after.
 */
RF_MUST_CHECK int review_read(struct review_reader *r, const struct review_rules *rules, struct span body,
			      struct review *ret, struct err *err);

struct review_context {
	const struct gate_snapshot
		*snapshot; /* ready; NULL: none is at hand yet, everything that is judged is denied */
	/* Another for every snapshot this reader meets (judge_memo.h): what was judged by one, at the same @now, is not
	 * judged again. 0: nothing is kept from one review to the next. */
	uint64_t turn;
	struct span environment;
	struct span cluster; /* whose API server asks; empty: not known */
	usec_t now;
	bool audit; /* nothing is denied; what would be is a warning */
};

struct review_finding {
	const struct review_subject *subject;
	const struct gate_finding *finding;
};
struct review_verdict { /* lives in the reader until its next review_read() */
	bool allowed;
	enum gate_decision decision; /* what is answered: deny only when not allowed */
	enum gate_decision judged;   /* the worst of all subjects, as for a new object and without audit mode */
	const char *message;         /* status.message when denied; "" */
	const char *warnings[REVIEW_MAX_WARNINGS];
	size_t warnings_n;
	struct span policy;              /* of the worst subject; may be empty */
	const char *not_at_home;         /* why the service label does not count; NULL: it does, or there is none */
	const char *advisories;          /* those that warn or deny, by commas, each once; cut with ",..." */
	struct review_finding *findings; /* that warn or deny, worst first */
	size_t findings_n;
};
/* RF_ENOMEM; a subject that the judge refuses to read (RF_EFORMAT) is denied by name instead. */
RF_MUST_CHECK int review_judge(struct review_reader *r, const struct review *review,
			       const struct review_context *context, struct review_verdict *ret, struct err *err);

/* The AdmissionReview to answer with. Appends. */
void review_write(const struct review *review, const struct review_verdict *verdict, struct str *to);
/* Gives back what a large review took; what was read and judged is gone. */
void review_reader_rest(struct review_reader *r);

#endif
