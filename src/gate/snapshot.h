/*
 * snapshot - all that the gate knows, at one moment, in memory: made once, read by any number of threads.
 *
 *   database ──gate_snapshot_build()──┐ (snapshot_build.h)
 *                                     ├─► gate_snapshot_new(), _add_…(), gate_snapshot_ready() ──► judge.h
 *   signed bundle ──gate_snapshot_read()─┘ (snapshot_bytes.h)
 *
 * Pure: no I/O, no clock. Between new and ready it is filled by one thread; after ready it is immutable and the adders must
 * not be called. Texts are copied and kept once; advisories are not copied: whoever adds one has it in
 * gate_snapshot_arena(). Ready sorts, indexes, and judges every component by every advisory about its product once
 * (finding_judge()), so that a request is look-ups.
 *
 * Sizes: an artifact takes 64 bytes and one of index; a reference 12, a release's row 28; texts and component sets are kept
 * once each. Finding an artifact is one step in a table by the digest's first bits and a few comparisons behind it,
 * whatever their number.
 */
#ifndef REFORGE_GATE_SNAPSHOT_H
#define REFORGE_GATE_SNAPSHOT_H

#include "gate/policy.h"
#include "inventory/artifact.h"

/* More is refused (RF_ETOOMANY). */
#define GATE_MAX_ARTIFACTS 4000000
#define GATE_MAX_COMPONENTS 2000000
#define GATE_MAX_PARTS 64000000 /* of all sets together */
#define GATE_MAX_REFERENCES 8000000
#define GATE_MAX_ROWS 4000000
#define GATE_MAX_ADVISORIES 100000
#define GATE_MAX_HOMES 1000000
#define GATE_MAX_ONLY 64 /* names that a part is asked for by */
#define GATE_MAX_WAIVERS 1000000
#define GATE_MAX_TEXT (64 * KIB)

/* "None", of every index below. */
#define GATE_NONE UINT32_MAX

/* What is known of its making. Spans are copied. */
struct gate_head {
	struct span site;
	usec_t created; /* when it was made */
	usec_t as_of;   /* oldest last complete run of a feed; USEC_NONE: no feed */
	usec_t expires; /* USEC_NONE: does not end (a database's own) */
	struct span release_key; /* PEM of the key that releases and attestations are signed with; empty: none */
	struct span service_label; /* of workloads, names their service; empty: the usual one */
	bool trusts_labels; /* whoever may write a workload is trusted to name its service: homes do not matter */
	/* Of a part: all that it was asked for. It knows nothing beside that, and must not speak of it. */
	const struct span *only;
	size_t only_count; /* 0: everything */
};

/* A feed that is stale, or will be when nothing comes by it. */
struct gate_stale {
	struct span feed, words; /* "stale: as of 2026-07-14T09:30:00Z, limit 24 h" */
	usec_t as_of;
	usec_t from; /* counts from then on; 0: already */
};
struct gate_service {
	struct span name, owner, contact, deputy;
};
/* Where a service's workloads live: a label that names the service counts there and nowhere else. */
struct gate_home {
	struct span service, cluster, namespace_; /* cluster empty: in every one */
};

/* A component in its role, interned: judged once. */
struct gate_component {
	struct component component;
	enum carrier carrier;
	/* Made by ready: what advisories say of it, those not affected left out, worst first. */
	uint32_t hit_from, hit_count;
};
/* One advisory's verdict about one component. */
struct gate_hit {
	uint32_t advisory; /* index */
	uint8_t kind;      /* enum finding_kind; of an advisory with scopes NOT_AFFECTED too */
	uint8_t cause;     /* enum finding_cause */
	uint32_t reason;   /* text */
	uint32_t fixed;    /* text: the nearest version that cures; 0 none is known */
};
/* One thing of a content's set. */
struct gate_part {
	uint32_t component; /* index; GATE_NONE: only the artifact's own finding counts */
	uint32_t artifact;  /* of the content inside that holds it; GATE_NONE: the content itself */
	uint32_t where;     /* text: the path inside; 0 empty */
};
struct gate_set {
	uint32_t from, count; /* parts */
	uint32_t hot; /* made by ready: as many of the first parts have a hit, or an artifact with a finding or a row */
};

/* Flags, made by ready out of the kind. */
enum { GATE_ARTIFACT_IS_IMAGE = 1, GATE_ARTIFACT_IS_ENGINE = 2 };
/* One content. */
struct gate_artifact {
	struct digest digest;
	uint32_t set;    /* index: all that it carries, main too; GATE_NONE: nothing of products that we know */
	uint32_t main;   /* component: what it says built it, or what it is; GATE_NONE */
	uint32_t target; /* text: "sm_86"; 0 empty */
	uint32_t cause;  /* text: ARTIFACT_CAUSE_*; 0 empty */
	uint32_t rules;  /* text: names of the rules that objected, by commas; 0 empty */
	uint32_t built_at, first_seen; /* seconds since 1970; 0 not known */
	uint16_t kind;     /* index of the snapshot's kinds */
	uint8_t finding;   /* enum artifact_finding */
	uint8_t signatures : 4; /* workspace_signature_bit()s, verified by who filled the snapshot */
	uint8_t flags : 4;
};
_Static_assert(sizeof(struct gate_artifact) == 64, "a million of them are 64 MB");

/* "registry.example/site/app:1.2", "/srv/models/asr", "pvc://models/asr", "release voice/2026-07-15-CVE-2026-24268" */
struct gate_reference {
	uint32_t text;
	uint32_t artifact;
	/* text: what a path or a claim is one of, the host ("gpu-01") or the cluster's namespace ("k8s:prod/asr"); 0: it is
	 * the same wherever it is, or on more hosts than are told apart */
	uint32_t holder;
};
/* A release's row: which engine is where. */
struct gate_row {
	uint32_t release;
	uint32_t artifact;
	uint32_t model, target; /* texts */
	uint32_t builder;       /* component: what the row says built it; GATE_NONE */
	uint32_t runtime;       /* component; GATE_NONE */
};
struct gate_release {
	uint32_t service, environment, name; /* texts */
	uint32_t row_from, row_count;        /* made by ready */
	bool is_signed;                      /* its signature was verified by who filled the snapshot */
	bool as_found;
};

struct gate_advisory {
	const struct stored_advisory *stored;
	int severity;    /* CVSS x 10, of the highest authority; -1 */
	usec_t published; /* grace counts from: the publication, or when it was first seen here if that is earlier */
	usec_t kev;
	bool has_scopes; /* decided differently for single services: judged at the request for those */
};

struct gate_lists; /* private: hash tables of the filling, product -> advisories, row order by artifact */
struct gate_snapshot {
	struct arena arena; /* all texts, advisories, small tables */
	struct gate_head head;
	char **text_blocks; /* interned texts, each behind its length: gate_snapshot_text_at() */
	size_t text_block_count, text_block_room;
	uint32_t text_end;
	uint32_t kinds[64]; /* texts of artifact kinds */
	size_t kind_count;
	struct workspace_policy *policies;
	size_t policy_count, policy_room;
	struct gate_policies rules;
	struct gate_stale *stale;
	size_t stale_count, stale_room;
	struct gate_service *services;
	size_t service_count, service_room;
	struct gate_home *homes;
	size_t home_count, home_room;
	struct gate_advisory *advisories;
	size_t advisory_count, advisory_room;
	size_t published_count; /* made by ready: published, no drills */
	size_t compiler_count;  /* those of them about products that compile engines */
	struct gate_component *components;
	size_t component_count, component_room;
	struct gate_hit *hits;
	size_t hit_count, hit_room;
	struct gate_part *parts;
	size_t part_count, part_room;
	struct gate_set *sets;
	size_t set_count, set_room;
	struct gate_artifact *artifacts; /* by digest, once ready */
	size_t artifact_count, artifact_room;
	struct gate_reference *images, *models; /* by text ('/' before all else), then artifact, once ready */
	size_t image_count, image_room, model_count, model_room;
	struct gate_release *releases;
	size_t release_count, release_room;
	struct gate_row *rows; /* by release, once ready */
	size_t row_count, row_room;
	struct waiver *waivers; /* as given; covers has one entry for each of their advisories */
	size_t waiver_count, waiver_room;
	struct baseline baseline; /* since USEC_NONE: none */
	struct gate_covers covers; /* made by ready: VEX statements come out of the advisories */
	struct gate_lists *lists;
};

/* @limit_bytes: of the arena; tables beside it have the maxima above. NULL: out of memory. */
struct gate_snapshot *gate_snapshot_new(size_t limit_bytes);
void gate_snapshot_free(struct gate_snapshot *s); /* NULL is fine; half-filled too */
void gate_snapshot_freep(struct gate_snapshot **s);
struct arena *gate_snapshot_arena(struct gate_snapshot *s);

/* ── filling: each RF_ENOMEM, RF_ETOOMANY; RF_EINVALID for what is said there ───────────────────────────────────── */

RF_MUST_CHECK int gate_snapshot_head(struct gate_snapshot *s, const struct gate_head *head, struct err *err);
/* Copies @p and its texts. */
RF_MUST_CHECK int gate_snapshot_policy(struct gate_snapshot *s, const struct workspace_policy *p, struct err *err);
RF_MUST_CHECK int gate_snapshot_stale(struct gate_snapshot *s, const struct gate_stale *stale, struct err *err);
RF_MUST_CHECK int gate_snapshot_service(struct gate_snapshot *s, const struct gate_service *service, struct err *err);
RF_MUST_CHECK int gate_snapshot_home(struct gate_snapshot *s, const struct gate_home *home, struct err *err);
/* @v lies in gate_snapshot_arena(). */
RF_MUST_CHECK int gate_snapshot_advisory(struct gate_snapshot *s, const struct stored_advisory *v, struct err *err);
/* A text's index; the same text has the same; 0 for an empty one. At most GATE_MAX_TEXT bytes (RF_ETOOBIG), 4 GiB of all. */
RF_MUST_CHECK int gate_snapshot_text(struct gate_snapshot *s, struct span text, uint32_t *ret, struct err *err);
/* A component's index; the same one has the same. @c's product is looked up from its purl by the caller
 * (product_by_purl()); NULL, or a version of none, are judged as unknown. */
RF_MUST_CHECK int gate_snapshot_component(struct gate_snapshot *s, const struct component *c, enum carrier carrier,
					  uint32_t *ret, struct err *err);
/* A set of parts; sets of the same parts in the same order are one. @n of 0: GATE_NONE. */
RF_MUST_CHECK int gate_snapshot_set(struct gate_snapshot *s, const struct gate_part *parts, size_t n, uint32_t *ret,
				    struct err *err);
/* One content, each digest once (RF_EEXISTS when ready finds two). @kind as text. The other members of @artifact but
 * digest, indexes and counts are as in the struct. @ret: for parts, references and rows; ready moves artifacts, and
 * with them every index that was given here. */
RF_MUST_CHECK int gate_snapshot_artifact(struct gate_snapshot *s, const struct gate_artifact *artifact,
					 struct span kind, uint32_t *ret, struct err *err);
/* @reference as image_reference_text() writes it; with a digest alone none is needed. Several artifacts may have one. */
RF_MUST_CHECK int gate_snapshot_image(struct gate_snapshot *s, struct span reference, uint32_t artifact,
				      struct err *err);
/* A file, or what lies below a folder: path, URI, "pvc://CLAIM/PATH", "release SERVICE/NAME". */
RF_MUST_CHECK int gate_snapshot_model(struct gate_snapshot *s, struct span reference, uint32_t artifact,
				      struct err *err);
/* The same, of one host or namespace. */
RF_MUST_CHECK int gate_snapshot_model_of(struct gate_snapshot *s, struct span reference, struct span holder,
					 uint32_t artifact, struct err *err);
RF_MUST_CHECK int gate_snapshot_release(struct gate_snapshot *s, const struct gate_release *r, uint32_t *ret,
					struct err *err);
RF_MUST_CHECK int gate_snapshot_row(struct gate_snapshot *s, const struct gate_row *row, struct err *err);
/* Each copies what it is given, texts too. */
RF_MUST_CHECK int gate_snapshot_waiver(struct gate_snapshot *s, const struct waiver *w, struct err *err);
RF_MUST_CHECK int gate_snapshot_vex_policy(struct gate_snapshot *s, const struct vex_policy *p, struct err *err);
RF_MUST_CHECK int gate_snapshot_baseline(struct gate_snapshot *s, const struct baseline *b, struct err *err);

/* Sorts, indexes, judges. RF_EINVALID: a policy (gate_policies_ready()); an index that nothing has; RF_EEXISTS: two
 * artifacts with one digest. */
RF_MUST_CHECK int gate_snapshot_ready(struct gate_snapshot *s, struct err *err);

/* ── look-ups, once ready; none allocates ───────────────────────────────────────────────────────────────────────── */

struct span gate_snapshot_text_at(const struct gate_snapshot *s, uint32_t text);
const struct gate_artifact *gate_snapshot_find(const struct gate_snapshot *s, const struct digest *digest);
/* References: the run of entries with that text; with @below those too that lie in the folder "@reference/". */
struct gate_run {
	const struct gate_reference *first;
	size_t count;
};
struct gate_run gate_snapshot_images(const struct gate_snapshot *s, struct span reference);
struct gate_run gate_snapshot_models(const struct gate_snapshot *s, struct span reference, bool below);
/* Models of a host of that name, whole or up to its first dot, are known. */
bool gate_snapshot_has_host(const struct gate_snapshot *s, struct span host);
/* By "service/name"; NULL. */
const struct gate_release *gate_snapshot_release_find(const struct gate_snapshot *s, struct span service,
						      struct span name);
/* Indexes of the rows that hold the artifact; their number. */
size_t gate_snapshot_rows_of(const struct gate_snapshot *s, const struct gate_artifact *artifact, const uint32_t **ret);
/* Indexes of the advisories about @product, rejected ones too; their number. */
size_t gate_snapshot_about(const struct gate_snapshot *s, const struct product *product, const uint32_t **ret);
const struct gate_service *gate_snapshot_service_find(const struct gate_snapshot *s, struct span name);
/* The services at home in a namespace. @cluster empty: of any. */
struct gate_homes {
	const struct span *services;
	size_t count;
	size_t ruled; /* the first of them: those that a policy names */
};
struct gate_homes gate_snapshot_homes(const struct gate_snapshot *s, struct span cluster, struct span namespace_);
/* Is there a policy, waiver or debt of the service's own, so that it matters whose a workload is? */
bool gate_snapshot_is_bound(const struct gate_snapshot *s, struct span service);
/* Is @reference, an image, path, URI or release, within what a part was asked for? True of everything that is whole. */
bool gate_snapshot_covers(const struct gate_snapshot *s, struct span reference);
/* Bytes it holds, all tables and texts. */
size_t gate_snapshot_bytes(const struct gate_snapshot *s);

#endif
