/*
 * moment - moments as people say them: the option --at for past ones, --until for those to come. Private to cli/.
 */
#ifndef REFORGE_CLI_MOMENT_H
#define REFORGE_CLI_MOMENT_H

#include "base/time.h"
#include "cli/cli.h"

#define MOMENT_OPTION { "at", 0, OPTION_TEXT, "TIME", "of that moment: 2026-07-14, 2026-07-14T09:30:00Z, 3d (ago)", NULL }

/* "2026-07-14" (its start, UTC), RFC 3339, or a duration: so long before @now. RF_EUSAGE: none of them, or still to come. */
RF_MUST_CHECK int moment_read(struct span text, usec_t now, usec_t *ret, struct err *err);
/* The same for what may still come: how it will be judged when a waiver has ended. */
RF_MUST_CHECK int moment_judged(struct span text, usec_t now, usec_t *ret, struct err *err);
/* The same for a moment that is still to come; a duration: so long after @now. RF_EUSAGE. */
RF_MUST_CHECK int moment_ahead(struct span text, usec_t now, usec_t *ret, struct err *err);
/* --at of the verb at hand; 0 when it was not given. */
RF_MUST_CHECK int moment_option(const struct invocation *in, usec_t *ret, struct err *err);

#endif
