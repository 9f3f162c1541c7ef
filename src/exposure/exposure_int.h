/*
 * exposure_int - what the store's files share. Private to exposure/.
 */
#ifndef REFORGE_EXPOSURE_EXPOSURE_INT_H
#define REFORGE_EXPOSURE_EXPOSURE_INT_H

#include "base/hash.h"
#include "exposure/exposure.h"

/* Raised whenever finding_judge() judges differently: stored findings are then judged anew. */
#define FINDING_JUDGE_VERSION 4
/* Advisories about one product; TensorRT has 5, the CUDA Toolkit 46, all of NVIDIA's 625. */
#define EXPOSURE_MAX_ADVISORIES 100000

/* One component that something carries: its own, or of what is inside of it. Spans live where the artifact's do, or in
 * the arena given. */
struct exposure_carried {
	struct finding_subject subject;            /* without a service */
	const struct inventory_artifact *artifact; /* that holds it */
	struct span inside;                        /* where it is in the other; empty: it is the thing itself */
};
/* More is no image but a mistake. */
#define EXPOSURE_MAX_CARRIED 20000
struct exposure_carries {
	struct arena *a;
	struct exposure_carried *list;
	size_t count, capacity;
};
/* What @artifact carries wherever it is: its builder, the runtimes and packages it holds or is, and those inside of it.
 * Only products that have a row (products.tsv): no advisory can be about others. All of it is of the line that the
 * artifact names as a system (an image with its release file), else of @host, the line of where it is. Appended to
 * @ret. */
RF_MUST_CHECK int exposure_carried_by(struct transaction *tx, const struct inventory_artifact *artifact,
				      enum platform_line host, struct exposure_carries *ret);
/* What loads it in a service, on @host: the declared runtime, or that none is. */
RF_MUST_CHECK int exposure_carried_runtime(struct transaction *tx, const struct inventory_artifact *artifact,
					   struct span service, struct span runtime_product,
					   struct span runtime_version, enum platform_line host,
					   struct exposure_carries *ret);

/* Ids of the advisories that @s must be judged by, in @a: those about its product, rejected and withdrawn ones
 * included; for an unknown builder those about every product that compiles engines. */
struct exposure_ids {
	struct span *ids;
	size_t count, capacity;
	struct arena *a;
};
RF_MUST_CHECK int exposure_advisories_of(struct transaction *tx, const struct finding_subject *s,
					 struct exposure_ids *ret);

/* "placement!/inside" as it is shown: the placement's part, or all of it; and the rest, empty when there is none. */
struct span exposure_outer(struct span path);
struct span exposure_inner(struct span path);
/* A title for lists, at most 300 bytes. */
struct span exposure_title(struct span title);

/* The steps in front of a finding's: which file, which bytes, what the service declares. @p's artifact is the one that
 * carries it, its path ends in it. */
void exposure_say_placement(struct reason *r, const struct inventory_placement *p, const struct finding_subject *s);

/* ── The refresh, in the order of its files ── */

struct refreshing {
	struct transaction *tx;
	struct arena a;      /* of all of it */
	struct arena one;    /* of one use, or one advisory with its judgements */
	struct map subjects; /* key -> struct refresh_subject */
	struct refresh_subject **subject_list;
	size_t subject_count, subject_capacity;
	struct map artifacts;             /* id and line -> what it carries (exposure_links.c) */
	struct map hits;                  /* "subject service" -> advisories that hit it (exposure_links.c) */
	struct exposure_waiting *waiting; /* rows to be written together (exposure_links.c) */
	struct map names;                 /* advisory id -> struct refresh_name */
	struct refresh_name *name_list;
	bool emptied;    /* a use has no placements any more */
	bool everything; /* the program judges or names products in another way than before */
	int64_t open;    /* before */
	struct exposure_changes changes;
};

/* A component in its role, as a row of exposure_subject. */
struct refresh_subject {
	int64_t id;
	struct finding_subject s; /* without a service */
	bool is_new;
	int64_t placements; /* open ones of all services that carry it; -1: not counted yet */
};

/* An advisory and what changed for it. */
struct refresh_name {
	struct span id;
	int64_t opened, cleared;
	struct refresh_name *next;
};

RF_MUST_CHECK int exposure_refresh_subject(struct refreshing *r, const struct finding_subject *s,
					   struct refresh_subject **ret);
RF_MUST_CHECK int exposure_refresh_count(struct refreshing *r, struct span advisory, int64_t opened, int64_t cleared);
/* Uses that are new, were told anew or have other numbers of placements: their links. */
RF_MUST_CHECK int exposure_refresh_links(struct refreshing *r);
/* Advisories that changed, and components that are new: their findings. */
RF_MUST_CHECK int exposure_refresh_findings(struct refreshing *r);

/* A SELECT that grows by conditions; they follow "WHERE TRUE" or another condition. */
#define EXPOSURE_MAX_CONDITIONS 16
struct exposure_question {
	struct str sql;
	struct db_value values[EXPOSURE_MAX_CONDITIONS];
	size_t n;
};
/* @text: "f.kind >=". At most EXPOSURE_MAX_CONDITIONS calls a question, the text form below included. */
void exposure_condition(struct exposure_question *q, const char *text, struct db_value value);
void exposure_condition_text(struct exposure_question *q, const char *text, struct span value); /* empty: none */

#endif
