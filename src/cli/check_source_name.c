/* check PURL, sha256:DIGEST, release:SERVICE/NAME - subjects that are a name: what is known of them decides. */
#include "cli/check.h"

static int ask_name(struct check_run *r, enum gate_subject_kind kind, const char *arg, const char *found_by)
{
	return check_ask(r, &(struct check_question){ .name = arg, .subject = { .kind = kind, .name = span_of(found_by) } });
}

/* ── pkg:generic/nvidia/tensorrt@10.13.3.9 ──────────────────────────────────────────────────────────────────────── */

static bool is_purl(const char *arg)
{
	return span_starts(span_of(arg), "pkg:");
}

static int run_purl(struct check_run *r, const char *arg)
{
	return ask_name(r, GATE_PURL, arg, arg);
}

/* ── sha256:… ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_digest(const char *arg)
{
	return span_starts(span_of(arg), "sha256:");
}

static int run_digest(struct check_run *r, const char *arg)
{
	struct check_question q = { .name = arg, .subject = { .kind = GATE_CONTENT, .name = span_of(arg) } };
	int rc = digest_read(span_of(arg), &q.subject.digest, r->err);
	return rc ? rc : check_ask(r, &q);
}

/* ── release:voice/2026-07-15-CVE-2026-24268 ────────────────────────────────────────────────────────────────────── */

#define RELEASE "release:"

static bool is_release(const char *arg)
{
	return span_starts(span_of(arg), RELEASE);
}

static int run_release(struct check_run *r, const char *arg)
{
	return ask_name(r, GATE_RELEASE, arg, arg + strlen(RELEASE));
}

const struct check_source check_source_purl = { "purl", is_purl, run_purl };
const struct check_source check_source_digest = { "digest", is_digest, run_digest };
const struct check_source check_source_release = { "release", is_release, run_release };
