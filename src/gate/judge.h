/*
 * judge - the gate's one question: may this subject run in that service and environment, now?
 *
 * Pure: a function of subject, snapshot, policy and time; no I/O, no clock, no globals, nothing allocated beside the
 * arena. Any number of threads may ask one snapshot. check, `gate pod` and the admission server ask nothing else.
 *
 *   subject ──► facts (below) ──gate_decide()──► answer
 *
 * Where facts come from:
 *   content   The file's own finding (header_mismatch, host_code, hostile_model, unknown_builder, ...); what built it and
 *             what it holds, by every advisory; its rows and attestations against its digest, version and target: the
 *             same digest with another version or target is header_mismatch, another digest is foreign_attestation; its
 *             age, toolchain and signatures against the policy. With the file at hand its facts count, and the
 *             snapshot's row must agree; without, the row; without either it is unknown_subject
 *   image     By the digest that runs, if that is known here, else by the reference's digest, else by tag: every content that the tag has had in the last scan. Its registry; what is inside,
 *             engines with their own findings
 *   purl      One component, as builder and as runtime
 *   release   Every row: its engine as content, the runtime that loads it. An advisory that hits a row is release_hit
 *   model     A path, URI, PVC or release folder: every content known there or below. A claim is one of its namespace: in
 *             another nothing is known of it. A path is one of its host: on a node that was scanned what was found there
 *             counts, and else every host that has the path, the worst of them, with its name; a node that is told and was
 *             never scanned is unknown_subject besides
 * About the snapshot itself, with every subject that is judged by advisories: stale_feed, bundle_expired, clock_behind,
 * no_data.
 */
#ifndef REFORGE_GATE_JUDGE_H
#define REFORGE_GATE_JUDGE_H

#include "gate/snapshot.h"

#define GATE_CLUSTER_HOST "k8s:" /* "k8s:CLUSTER/NAMESPACE", the host of what a cluster runs */

enum gate_subject_kind { GATE_CONTENT = 0, GATE_IMAGE, GATE_PURL, GATE_RELEASE, GATE_MODEL };
const char *gate_subject_kind_name(enum gate_subject_kind k); /* "content", "image", ...; static */

/* A statement about one engine, its envelope opened by the front (depot/statement.h). Empty: it does not say. */
struct gate_attestation {
	enum workspace_signature kind; /* what it is: provenance, proof, or the release's row */
	bool is_verified;              /* signed by the site's release key */
	bool is_claim;                 /* nobody vouches for it (unsigned, or as found): it can only be contradicted */
	struct span name;              /* its file, for people */
	struct digest subject;         /* the digest it speaks of; all zero: not readable */
	struct span product, version;  /* purl and version of what it says built the engine */
	struct span target;
	usec_t built_at;               /* USEC_NONE */
};

struct gate_subject {
	enum gate_subject_kind kind;
	/* As people know it: the path, the reference, the purl, "service/name". Images, purls, releases and models are
	 * found by it. */
	struct span name;
	/* Content: */
	struct digest digest;                /* all zero: not known. Of an image: what runs, or was read */
	/* Of the file at hand; NULL: what the snapshot knows of the digest. Of an image with its digest: it was read just
	 * now; without: what its tag proves, for a tag that the snapshot does not know. */
	const struct artifact_facts *facts;
	const struct gate_attestation *attestations;
	size_t attestation_count;
	const struct component *runtime;     /* what will load it, where the front knows; NULL */
	struct span node; /* of a model that is a host's path: the node, where that is known; empty: not known */
	enum platform_line line;             /* of where it will run, where the front knows; ANY: as the inventory has it */
};

struct gate_question {
	const struct gate_snapshot *snapshot; /* ready */
	struct span service, environment;     /* empty: none, then only policies without one hold */
	/* Where a workload is that says itself which service it is of (cluster empty: not known). The service counts where it
	 * is at home; elsewhere the strictest of the policies that could be meant is judged by, and what excuses the service
	 * excuses nothing. Empty: whoever asks has named the service. */
	struct span cluster, namespace_;
	usec_t now;
	const struct gate_fail_on *fail_on;   /* NULL: as the policy says */
	/* Findings that are not affected too, each with its chain of reasons and record: for people who ask why. Decides
	 * the same. */
	bool explain;
};

/* Everything of @ret in @a, the snapshot or the subject. RF_EFORMAT: a purl, a reference or a release that is none, with
 * the rule; RF_ENOMEM. A subject that is not known is an answer, never an error. */
/* Something is known at the model's place, or below: gate_judge() would not answer unknown_subject alone. */
bool gate_model_is_known(const struct gate_question *q, const struct gate_subject *subject);

RF_MUST_CHECK int gate_judge(struct arena *a, const struct gate_question *q, const struct gate_subject *s,
			     struct gate_answer *ret, struct err *err);

#endif
