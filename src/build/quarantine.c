/* quarantine - the inspection's answer, as a refusal with its reason. */
#include "build/quarantine.h"

#include "inventory/model.h"
#include "inventory/scan.h"

#define FACTS_BYTES (4 * MIB)

static bool is_plan(const struct artifact_facts *f)
{
	return strcmp(f->kind, ARTIFACT_TENSORRT_PLAN) == 0;
}

/* Builders read timing caches. */
static bool is_inspected(const struct artifact_facts *f)
{
	return is_plan(f) || strcmp(f->kind, ARTIFACT_TENSORRT_TIMING_CACHE) == 0;
}

static int facts_read(const char *path, struct arena *a, struct artifact_facts *ret, struct err *err)
{
	struct scan_options options = { .threads = 1 };
	struct digest digest;
	int rc = scan_one(path, &options, a, ret, NULL, err);
	/* the second look over all bytes comes with a digest */
	return rc == 0 && artifact_pass_wanted(ret) ? scan_one(path, &options, a, ret, &digest, err) : rc;
}

const char *quarantine_found(const struct artifact_facts *f, const char *rule)
{
	size_t n = strlen(rule);
	for (size_t i = 0; i < f->note_count; i++)
		if (strncmp(f->notes[i], rule, n) == 0 && f->notes[i][n] == ':')
			return f->notes[i] + n + 2;
	return f->note_count ? f->notes[0] : f->cause;
}

const char *quarantine_rule(const struct toolchain_kind *kind, const struct artifact_facts *f)
{
	if (model_kind(f->kind))
		return model_quarantine(f);
	if (is_inspected(f) && f->finding == ARTIFACT_CONFLICT)
		return f->rule_count ? f->rules[0] : f->cause;
	if (is_plan(f))
		return NULL;
	return kind && kind->reads_models ? "unknown_format" : NULL;
}

int quarantine_check(const struct toolchain_kind *kind, const char *path, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(FACTS_BYTES);
	RF_AUTO_FREE struct artifact_facts *f = rf_alloc(sizeof *f);
	if (!f)
		return err_set(err, RF_ENOMEM, "no memory for the facts of one file");
	int rc = facts_read(path, &a, f, err);
	if (rc != 0)
		return rc;
	const char *rule = quarantine_rule(kind, f);
	if (!rule)
		return 0;
	const struct model_rule *row = model_kind(f->kind) ? model_rule_find(rule) : NULL;
	bool known = strcmp(rule, "unknown_format") != 0;
	(void)err_set(err, RF_EDENIED, "in quarantine by the rule %s: %s; next: %s", rule,
		      known ? quarantine_found(f, rule) : "no model and no engine that is read here",
		      row ? row->next : "reforge scan shows what was found");
	return err_in_file(err, path);
}
