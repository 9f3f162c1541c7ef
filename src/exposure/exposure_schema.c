/* Tables of the exposures. Only ever append steps. See exposure.h. */
#include "exposure/exposure_int.h"

static const char *const steps[] = {
	/* kind and carrier are the numbers of their enums: findings have an order */
	"CREATE TABLE exposure_finding (id {id}, purl {text} NOT NULL, version {text} NOT NULL, carrier {int64} NOT "
	"NULL,"
	" claim {int64} NOT NULL, claim_cause {text} NOT NULL, advisory {text} NOT NULL, inputs {text} NOT NULL, kind "
	"{int64} NOT NULL,"
	" cause {text} NOT NULL, reason {text} NOT NULL, judged_at {int64} NOT NULL, current {bool} NOT NULL);\n"
	"CREATE INDEX exposure_finding_advisory ON exposure_finding (advisory, current);\n"
	"CREATE TABLE exposure (id {id}, placement {int64} NOT NULL, advisory {text} NOT NULL, carrier {int64} NOT "
	"NULL,"
	" finding {int64} NOT NULL REFERENCES exposure_finding (id), kind {int64} NOT NULL, cause {text} NOT NULL,"
	" purl {text} NOT NULL, version {text} NOT NULL, is_drill {bool} NOT NULL, title {text} NOT NULL,"
	" host {text} NOT NULL, path {blob} NOT NULL, service {text} NOT NULL, environment {text} NOT NULL, model "
	"{text} NOT NULL,"
	" digest {text} NOT NULL, artifact_kind {text} NOT NULL, target {text} NOT NULL, opened_at {int64} NOT NULL,"
	" cleared_at {int64}, cleared_reason {text} NOT NULL);\n"
	"CREATE UNIQUE INDEX exposure_open ON exposure (placement, advisory, carrier) WHERE cleared_at IS NULL;\n"
	"CREATE INDEX exposure_advisory ON exposure (advisory);\n"
	"CREATE INDEX exposure_service ON exposure (service, environment);\n",
	/* decisions have services: a finding names its own where one is decided about, else none */
	"ALTER TABLE exposure_finding ADD COLUMN service {text} NOT NULL DEFAULT '';\n",
};
const struct migration_set EXPOSURE_MIGRATIONS = { "exposure", steps, RF_COUNT(steps) };
