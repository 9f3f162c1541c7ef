/* What writer and reader of carried.h share: the numbers of the fields and of the flags in their rows. */
#ifndef REFORGE_ADVISORY_CARRIED_INT_H
#define REFORGE_ADVISORY_CARRIED_INT_H

enum carried_field {
	CARRIED_ADVISORY = 3, /* behind format and texts (format/wire.h) */
	CARRIED_ALIAS,
	CARRIED_SEVERITY,
	CARRIED_ORIGIN,
	CARRIED_SOURCE,
	CARRIED_STATEMENT,
	CARRIED_SIGNAL,
	CARRIED_POLICY,
	CARRIED_DECISION,
	CARRIED_FIELDS /* one past */
};

/* of an advisory */
#define CARRIED_DRILL 1u
#define CARRIED_HAS_TIME 2u
/* of a statement */
#define CARRIED_NOT_AFFECTED 1u
#define CARRIED_AUTHORITATIVE 2u
#define CARRIED_REVIEW 4u
#define CARRIED_HAS_RANGE 8u
/* of a range */
#define CARRIED_READABLE 1u
#define CARRIED_CONSERVATIVE 2u
#define CARRIED_CONFLICT 4u
/* of an interval */
#define CARRIED_LOW_EXCLUSIVE 1u
#define CARRIED_HIGH_INCLUSIVE 2u
#define CARRIED_EXACT 4u
/* of a decision */
#define CARRIED_APPLIES 1u
#define CARRIED_DECISION_RANGE 2u

#endif
