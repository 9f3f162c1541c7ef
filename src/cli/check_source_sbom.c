/* check BILL - a bill of materials: its components together, and each file that it names by a digest that is known. */
#include "cli/check.h"
#include "cli/scan.h"

#include "base/fs.h"
#include "inventory/sbom.h"

static bool is_sbom(const char *arg)
{
	return scan_source_sbom.is(arg);
}

static int ask_contents(struct check_run *r, const char *arg, const struct sbom *bill)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < bill->content_count; i++) {
		const struct sbom_content *c = &bill->contents[i];
		RF_AUTO(str) name = STR_INIT(64 * KIB);
		str_addf(&name, "%s!/%.*s", arg, SPAN_ARG(c->name));
		rc = str_check(&name, "a name in a bill of materials", r->err);
		struct check_question q = { .name = str_text(&name), .path = arg, .if_known = true,
					    .subject = { .kind = GATE_CONTENT, .name = str_span(&name), .digest = c->digest } };
		rc = rc ? rc : check_ask(r, &q);
	}
	return rc;
}

static int run_sbom(struct check_run *r, const char *arg)
{
	RF_AUTO(str) bytes = STR_INIT(SBOM_MAX_BYTES);
	RF_AUTO(arena) a = ARENA_INIT(SBOM_ARENA_BYTES);
	struct sbom bill;
	struct digest digest;
	int rc = fs_read(arg, &bytes, r->err);
	if (rc)
		return rc;
	rc = sbom_read(str_span(&bytes), &r->images, &a, &bill, r->err);
	if (rc < 0)
		return err_in_file(r->err, arg);
	digest_of(str_span(&bytes), &digest);
	struct check_question q = check_content(arg, arg, &bill.facts, &digest);
	rc = check_ask(r, &q);
	return rc ? rc : ask_contents(r, arg, &bill);
}

const struct check_source check_source_sbom = { "sbom", is_sbom, run_sbom };
