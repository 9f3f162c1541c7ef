/*
 * range_int - between the grammar and the intervals. Private to version/.
 */
#ifndef REFORGE_VERSION_RANGE_INT_H
#define REFORGE_VERSION_RANGE_INT_H

#include "version/prose_int.h"
#include "version/range.h"

#define CLAUSE_MAX_VERSIONS 64
#define PROSE_MAX_CLAUSES 16

enum clause_kind {
	CLAUSE_ALL,
	CLAUSE_RANGE,
	CLAUSE_EXACT,            /* one or several */
	CLAUSE_LIST_AND_EARLIER, /* branches, and what is before the last */
	CLAUSE_COMMIT,           /* what does not have it */
};

enum bound_kind { BOUND_NONE, BOUND_EXCLUSIVE, BOUND_INCLUSIVE, BOUND_UNCLEAR /* "to B": read by the fix */ };

/* What one clause of a statement says, before fixes and branches. */
struct clause {
	enum clause_kind kind;
	const char *rule; /* static */
	struct span low;  /* empty or zero: from the beginning */
	bool low_exclusive;
	enum bound_kind high;
	struct span versions[CLAUSE_MAX_VERSIONS]; /* upper bounds, one a branch; or exact versions */
	struct span last[CLAUSE_MAX_VERSIONS];     /* "25.02.3xxx" ends here; empty else */
	size_t count;
	bool qualified; /* narrower than read */
	bool restated;  /* the parentheses say the same in another numbering */
	struct span note;
};

/* False when a word is left that no rule accepts; *ret_furthest is its token. */
bool prose_read(struct prose *p, struct clause *clauses, size_t *count, size_t *ret_furthest);
/* Fixed versions into @c; none when the words name none. */
void prose_read_fixed(struct prose *p, struct clause *c);

/* The one commit that the words name; empty when they name none or several. */
struct span prose_only_commit(const struct prose *p);

struct fixes {
	const struct span *versions;
	size_t count;
	bool listed; /* range.h */
};
/* Adds what @c says to @r; @branch is the scope's (range.h), may be empty. RF_ETOOMANY, RF_ENOMEM. */
RF_MUST_CHECK int range_add_clause(struct arena *a, struct range *r, const struct clause *c, const struct fixes *fixed,
				   struct span branch, struct err *err);

/* "6.15" -> "6.15.x"; a family stays. In @a; empty when memory is out. Not for opaque schemes. */
struct span range_family_text(struct arena *a, const struct scheme *scheme, struct span version);
/* The bound's version without ".x". */
struct span range_bound_version(const struct scheme *scheme, struct span bound, bool *ret_family);
/* The first version behind the family that @count parts name: 3.1.7 with 2 gives "3.2". In @a; empty when memory is
 * out. */
struct span range_next_family(struct arena *a, const struct scheme *scheme, const struct version_key *key,
			      size_t count);

#endif
