/*
 * ready - the emergency lanes beforehand: for every recipe × target, is all there that a rebuild would need?
 *
 * May use every lower room. Reads and probes; writes nothing.
 */
#ifndef REFORGE_RESPONSE_READY_H
#define REFORGE_RESPONSE_READY_H

#include "build/lane.h"
#include "format/json.h"

struct response_context;

struct ready {
	struct lane *lanes;                  /* by model, target */
	size_t lane_count, open;
};
/* Each recipe is asked for the newest toolchain version at hand. All in @a. An unreadable recipe is a closed lane. */
RF_MUST_CHECK int ready_make(const struct response_context *context, struct arena *a, struct ready *ret, struct err *err);
void ready_json(struct json_out *o, const struct ready *ready);

#endif
