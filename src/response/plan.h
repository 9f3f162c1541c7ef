/*
 * plan - from exposures to tasks: what is rebuilt with what, what cannot be and who must act, what stays exposed.
 *
 * Two halves. plan_decide() is pure: facts of one engine in, planned or blocked(reason, owner) out. plan_make() gathers those
 * facts: exposures of the builder carrier from the database, recipes and toolchain versions from the workspace, the fix path
 * and the lane of each. Nothing is written: `plan` and `respond --until plan` show it before any work; respond stores it
 * (task_plan()).
 *
 *   exposures ─┐
 *   recipes   ─┼─► fix path ─► lane ─► plan_decide() ─► task: planned | blocked(reason, owner)
 *   toolchains ┘
 *
 * An engine in several places of one service × environment is one task per target; the placement with the smallest path is
 * the one that the new engine is judged against, the others are counted.
 */
#ifndef REFORGE_RESPONSE_PLAN_H
#define REFORGE_RESPONSE_PLAN_H

#include "base/arena.h"
#include "base/str.h"
#include "build/fix_path.h"
#include "build/lane.h"
#include "database/database.h"
#include "response/clock.h"
#include "workspace/workspace.h"

/* The design's fleet has 20,000 engines; five times that is refused with a word. */
#define PLAN_MAX_TASKS 100000

/* Service and environment of an engine that no service of reforge.yaml claims. */
#define PLAN_UNASSIGNED "unassigned"

/* What is known of one engine × target. NULL where there is none. */
struct plan_question {
	const char *service_owner;           /* "name (contact)": who acts when nobody nearer is known; never NULL */
	const char *model;                   /* "" when the place names no recipe */
	const char *path;
	const struct recipe *recipe;
	const char *recipe_error;            /* why there is none */
	const struct fix_version *fix;
	const struct fix_judgement *judgement;
	const struct lane *lane;
	bool has_service;                    /* false: the file belongs to no service of reforge.yaml */
	const char *image;                   /* the image that the engine is inside of; NULL: it is a file of its own */
	const char *doubt;                   /* why the finding is conflict or unknown, in words; NULL: affected */
	const char *other_product;           /* the recipe's toolchain makes something else than what built the engine; NULL: no */
};
struct plan_answer {
	bool planned;
	const char *reason, *owner;          /* blocked: both, never empty. In the arena */
};
/* Pure. The first of: no service, inside an image (which is not rebuilt in place), no recipe, a doubtful finding (a person decides what the file is before anything is built
 * for it), a recipe for another product, no version cures, the lane is closed (recipe path, toolchain, target, source, golden
 * inputs: all that is missing is named). RF_ENOMEM. */
RF_MUST_CHECK int plan_decide(const struct plan_question *q, struct arena *a, struct plan_answer *ret);

struct plan_task {
	const char *service, *environment, *model, *target;
	const char *toolchain;               /* "" when no toolchain of ours builds it */
	const char *product;                 /* purl of the builder */
	const char *from_version, *to_version;   /* "" unknown; "" none */
	const char *engine_path, *engine_digest, *engine_kind;
	int64_t engine_bytes;
	unsigned placements;                 /* of this engine in this service × environment */
	usec_t seen_from;                    /* first of them */
	const struct recipe *recipe;         /* NULL: none */
	bool planned;
	const char *reason, *owner;          /* blocked */
	const char *fix_why;                 /* the choice of version, one line */
	const char *const *changes;          /* what else changes on the way, in words */
	size_t change_count;
};

/* A service that stays exposed whatever is rebuilt: law 1. */
struct plan_rest {
	const char *service, *environment;
	const char *carrier;                 /* "runtime", "image" */
	const char *component;               /* "pkg:generic/microsoft/onnxruntime@1.20.1" */
	const char *advisory;
	const char *text;                    /* what must happen, in words */
	const char *owner;
};

struct plan {
	const char *const *advisories;
	size_t advisory_count;
	bool is_drill;
	struct plan_task *tasks;             /* by service, environment, model, target */
	size_t task_count, planned, blocked;
	struct plan_rest *rests;
	size_t rest_count;
	usec_t placement_since;              /* earliest content_from of any exposed placement; USEC_NONE: nothing is exposed */
};

/* Pure. The task's plan as a JSON object for ledger and report: why this version, what else changes, how many placements. */
RF_MUST_CHECK int plan_task_evidence(const struct plan_task *task, struct str *ret, struct err *err);

struct response_context;
/* The exposures are brought up to date first (exposure_refresh()); nothing else is written. All in @a. An empty plan (nothing exposed) is a plan. RF_ENOTFOUND: an unknown
 * advisory; RF_EINVALID: a rejected or withdrawn one (no vulnerability: law 7), or drills beside real ones. */
RF_MUST_CHECK int plan_make(const struct response_context *context, const char *const *advisories, size_t n, struct arena *a,
                            struct plan *ret, struct err *err);

#endif
