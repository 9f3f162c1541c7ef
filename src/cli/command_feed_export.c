/*
 * feed export - giving back what was understood, as OSV or OpenVEX, for other scanners.
 *
 * OSV: a file an advisory, ID.json, in --output. OpenVEX: one document, on stdout or in --output/openvex.json. Nothing
 * marked stricter than --tlp leaves (design, law 9); drills never do, since others would take them for real.
 */
#include "cli/command.h"
#include "cli/feed.h"
#include "cli/output.h"
#include "cli/site.h"

#include "advisory/advisory_write.h"
#include "advisory/store.h"
#include "base/fs.h"

/* One document; the arena holds one advisory. */
#define EXPORT_MAX_BYTES (512 * MIB)

struct exporting {
	struct arena ids_arena, a;
	struct span *ids;
	size_t count, capacity;
	struct span product; /* canonical; empty: all */
	struct advisory_writing how;
	const char *output; /* NULL: stdout */
	bool openvex;
	struct openvex_writer vex;
	struct str text;
	size_t at; /* the advisory at hand */
	struct stored_advisory advisory;
	int64_t written, withheld;
};

/* ── Which ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int take_id(const struct advisory_row *row, void *data)
{
	struct exporting *e = data;
	if (row->is_drill)
		return 0;
	for (size_t i = 0; i < e->count; i++)
		if (span_eq(e->ids[i], row->id))
			return 0;
	if (e->count == e->capacity) {
		size_t capacity = e->capacity ? 2 * e->capacity : 256;
		struct span *more = arena_array(&e->ids_arena, capacity, sizeof *more);
		if (!more)
			return RF_ENOMEM;
		if (e->count)
			memcpy(more, e->ids, e->count * sizeof *more);
		e->ids = more;
		e->capacity = capacity;
	}
	e->ids[e->count++] = arena_span(&e->ids_arena, row->id);
	return e->ids[e->count - 1].p ? 0 : RF_ENOMEM;
}

/* Advisories about products of ours: of the others nothing was understood that could be given back. */
static int collect_ids(struct transaction *tx, void *data)
{
	struct exporting *e = data;
	int rc = 0;
	e->count = e->capacity = 0;
	arena_reset(&e->ids_arena);
	for (size_t i = 0; rc == 0 && i < product_count(); i++) {
		struct advisory_filter filter = { .purl = span_of(product_at(i)->purl),
						  .with_unpublished = true,
						  .limit = 1000000 };
		if (!e->product.n || span_eq(e->product, filter.purl))
			rc = advisory_list(tx, &filter, take_id, e);
	}
	return rc == RF_ENOMEM ? err_set(tx_err(tx), rc, "ids of advisories") : rc;
}

static int read_one(struct transaction *tx, void *data)
{
	struct exporting *e = data;
	arena_reset(&e->a);
	return advisory_get(tx, &e->a, e->ids[e->at], &e->advisory);
}

/* ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "GHSA-….json"; ids are of letters, digits and dashes, others could climb out of the folder. */
static int write_file(const struct exporting *e, struct span id, const struct str *text, struct err *err)
{
	char name[ADVISORY_MAX_ID + 8], path[FS_PATH_MAX];
	snprintf(name, sizeof name, "%.*s.json", SPAN_ARG(id));
	for (const char *c = name; *c; c++)
		if (*c == '/' || (unsigned char)*c < ' ')
			return err_set(err, RF_EINVALID, "the id \"%.*s\" is no file name", SPAN_ARG(id));
	int rc = fs_join(path, sizeof path, e->output, name, err);
	return rc != 0 ? rc : fs_write_atomic(path, str_span(text), 0644, err);
}

/* On stdout a record is a line. */
static int print_line(const struct str *text, struct err *err)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	RF_AUTO(str) line = STR_INIT(EXPORT_MAX_BYTES);
	struct json root;
	int rc = doc ? json_parse(doc, str_span(text), &root, err) : err_set(err, RF_ENOMEM, "JSON parser");
	if (rc != 0)
		return rc;
	struct json_out o = json_out(&line, false);
	json_put_value(&o, root);
	return out_json(&line, err);
}

static int write_osv(struct exporting *e, struct err *err)
{
	str_reset(&e->text);
	int rc = advisory_write_osv(&e->a, &e->advisory, &e->how, &e->text, err);
	if (rc == 0)
		rc = str_check(&e->text, "OSV record", err);
	if (rc != 0)
		return rc;
	if (e->output)
		return write_file(e, e->advisory.advisory.id, &e->text, err);
	return print_line(&e->text, err);
}

static int export_one(struct exporting *e, struct err *err)
{
	int rc = e->openvex ? advisory_openvex_add(&e->vex, &e->a, &e->advisory, err) : write_osv(e, err);
	if (rc == RF_EDENIED) {
		*err = ERR_INIT;
		e->withheld++;
		return 0;
	}
	e->written += rc == 0;
	return rc;
}

static int export_all(struct exporting *e, const struct site *site, struct err *err)
{
	int rc = database_transact(site->db, DB_READ, collect_ids, e, err);
	if (rc == 0 && e->output)
		rc = fs_make_dirs(e->output, 0755, err);
	if (e->openvex)
		advisory_openvex_begin(&e->vex, &e->how, &e->text);
	for (e->at = 0; rc == 0 && e->at < e->count; e->at++) {
		rc = database_transact(site->db, DB_READ, read_one, e, err);
		if (rc == 0)
			rc = export_one(e, err);
	}
	if (rc != 0 || !e->openvex)
		return rc;
	rc = advisory_openvex_end(&e->vex, err);
	if (rc != 0)
		return rc;
	return e->output ? write_file(e, SPAN("openvex"), &e->text, err) : out_json(&e->text, err);
}

/* ── The verb ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int read_options(const struct invocation *in, struct exporting *e, struct err *err)
{
	const char *format = option_text(in, "format", "osv"), *product = option_text(in, "product", NULL);
	e->openvex = strcmp(format, "openvex") == 0;
	if (!e->openvex && strcmp(format, "osv") != 0)
		return err_set(err, RF_EUSAGE, "--format \"%s\": osv or openvex", format);
	e->output = option_text(in, "output", NULL);
	if (!tlp_read(span_of(option_text(in, "tlp", "clear")), &e->how.highest))
		return err_set(err, RF_EUSAGE, "--tlp \"%s\": clear, green, amber, amber+strict, red",
			       option_text(in, "tlp", ""));
	const struct product *p = product ? product_by_any(span_of(product)) : NULL;
	if (product && !p)
		return err_set(err, RF_EUSAGE, "no product is called \"%s\"", product);
	e->product = span_of(p ? p->purl : NULL);
	return 0;
}

/* The summary goes where the documents do not. */
static int print_summary(const struct exporting *e, const struct invocation *in, struct err *err)
{
	if (!e->output) {
		if (e->withheld)
			fprintf(stderr, "reforge feed: %lld advisories stay here: their mark is stricter than %s\n",
				(long long)e->withheld, tlp_name(e->how.highest));
		return 0;
	}
	if (!in->json) {
		out("%lld advisories written to ", (long long)e->written);
		out_visible(span_of(e->output));
		out(", %lld withheld: marked stricter than %s\n", (long long)e->withheld, tlp_name(e->how.highest));
		return 0;
	}
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member(&o, "format", e->openvex ? "openvex" : "osv");
	json_member(&o, "output", e->output);
	json_member(&o, "tlp", tlp_name(e->how.highest));
	json_member_i64(&o, "advisories", e->written);
	json_member_i64(&o, "withheld", e->withheld);
	json_object_end(&o);
	return out_json(&text, err);
}

int run_feed_export(const struct invocation *in, struct err *err)
{
	struct site site = { 0 };
	struct exporting e = { .ids_arena = ARENA_INIT(256 * MIB),
			       .a = ARENA_INIT(256 * MIB),
			       .text = STR_INIT(EXPORT_MAX_BYTES) };
	char author[256], id[256], at[TIME_TEXT_BYTES];
	int rc = read_options(in, &e, err);
	if (rc != 0)
		return rc;
	rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0) {
		e.how.now = now_usec();
		snprintf(author, sizeof author, "%s (reforge)", option_text(in, "author", site.workspace->site));
		snprintf(id, sizeof id, "https://openvex.dev/docs/%s/%s", site.workspace->site,
			 time_text(e.how.now, at));
		e.how.author = author;
		e.how.id = option_text(in, "id", id);
		rc = export_all(&e, &site, err);
	}
	if (rc == 0)
		rc = print_summary(&e, in, err);
	str_release(&e.text);
	arena_release(&e.ids_arena);
	arena_release(&e.a);
	site_release(&site);
	return rc;
}

const struct option_row feed_export_options[] = {
	{ "format", 0, OPTION_TEXT, "FORMAT", "osv: a record an advisory; openvex: one document (default: osv)",
	  "osv openvex" },
	{ "output", 'o', OPTION_TEXT, "DIR", "write files there (default: stdout, a line a record)", NULL },
	{ "tlp", 0, OPTION_TEXT, "MARK", "the strictest mark that may leave (default: clear)",
	  "clear green amber amber+strict red" },
	{ "product", 'p', OPTION_TEXT, "PURL", "advisories about this product only", NULL },
	{ "author", 0, OPTION_TEXT, "NAME", "who says so (default: the site)", NULL },
	{ "id", 0, OPTION_TEXT, "IRI", "OpenVEX: the document's own address", NULL },
	{ 0 }
};
