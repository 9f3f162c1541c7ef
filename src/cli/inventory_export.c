/* inventory export - the inventory as a bill of materials, or as CSV. */
#include "cli/inventory.h"
#include "cli/moment.h"
#include "cli/output.h"

#include "base/random.h"
#include "inventory/bom.h"

#define CSV_PIECE_BYTES (1 * MIB)

struct exporting {
	struct bom bom;
	struct inventory_filter filter;
	struct str csv; /* printed a piece at a time */
	bool printed;
	struct err *err;
};

/* RFC 9562, version 4. */
static int serial_make(char ret[64], struct err *err)
{
	unsigned char b[16];
	char hex[33];
	int rc = random_bytes(b, sizeof b, err);
	if (rc < 0)
		return rc;
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	hex_write(b, sizeof b, hex);
	snprintf(ret, 64, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
	return 0;
}

static int collect(struct transaction *tx, void *data)
{
	struct exporting *e = data;
	return bom_collect(tx, &e->filter, &e->bom);
}

static int print_cyclonedx(struct exporting *e, struct site *site, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(BOM_MAX_BYTES);
	char serial[64], now[TIME_TEXT_BYTES];
	int rc = database_transact(site->db, DB_READ, collect, e, err);
	if (rc == 0)
		rc = serial_make(serial, err);
	struct bom_head head = { serial, time_text(now_usec(), now), REFORGE_VERSION };
	if (rc == 0)
		rc = bom_write_cyclonedx(&e->bom, &head, &text, err);
	if (rc < 0)
		return rc;
	str_add_byte(&text, '\n');
	rc = str_check(&text, "bill of materials", err);
	if (rc == 0)
		out_str(&text);
	return rc;
}

static int take_row(const struct inventory_placement *p, void *data)
{
	struct exporting *e = data;
	bom_csv_row(&e->bom, p, &e->csv);
	if (e->csv.failed)
		return str_check(&e->csv, "CSV", e->err);
	if (e->csv.n >= CSV_PIECE_BYTES) {
		out_str(&e->csv);
		str_reset(&e->csv);
		e->printed = true;
	}
	return 0;
}

static int csv_rows(struct transaction *tx, void *data)
{
	struct exporting *e = data;
	if (e->printed) /* what is printed cannot be taken back */
		return err_set(tx_err(tx), RF_EBUSY, "the database was written to while it was read: export again");
	str_reset(&e->csv);
	bom_csv_header(&e->csv);
	return inventory_each_placement(tx, &e->filter, take_row, e);
}

static int print_csv(struct exporting *e, struct site *site, struct err *err)
{
	int rc = database_transact(site->db, DB_READ, csv_rows, e, err);
	if (rc == 0)
		out_str(&e->csv);
	return rc;
}

/* Without a public key provenance is there, and unverified. */
static int builds_read(struct exporting *e, struct site *site, struct err *err)
{
	RF_AUTO_PTR(verify_key) key = NULL;
	struct err ignored = ERR_INIT;
	if (site_public_key(site->workspace, "release", &key, &ignored) < 0)
		key = NULL;
	return bom_builds_read(&e->bom, site->db, site->depot, key, err);
}

static int filter_read(const struct invocation *in, struct inventory_filter *f, struct err *err)
{
	f->service = span_of(option_text(in, "service", NULL));
	f->environment = span_of(option_text(in, "environment", NULL));
	f->with_gone = option_flag(in, "gone");
	return moment_option(in, &f->at, err);
}

int inventory_export(const struct invocation *in, struct err *err)
{
	struct site site = { 0 };
	struct arena arena = ARENA_INIT(BOM_ARENA_BYTES);
	struct exporting e = { .bom = { .arena = &arena }, .csv = STR_INIT(2 * CSV_PIECE_BYTES), .err = err };
	bool csv = strcmp(option_text(in, "format", "cyclonedx"), "csv") == 0;
	if (option_text(in, "cmdb", NULL) || option_text(in, "webhook", NULL))
		return inventory_writeback(in, err);
	int rc = filter_read(in, &e.filter, err);
	if (rc == 0)
		rc = site_open(in, SITE_DATABASE | SITE_DEPOT, &site, err);
	if (rc == 0) {
		e.bom.site = site.workspace->site;
		rc = builds_read(&e, &site, err);
	}
	if (rc == 0)
		rc = csv ? print_csv(&e, &site, err) : print_cyclonedx(&e, &site, err);
	bom_release(&e.bom);
	str_release(&e.csv);
	site_release(&site);
	arena_release(&arena);
	return rc;
}

const struct option_row inventory_export_options[] = {
	{ "format", 'f', OPTION_TEXT, "FORMAT", "cyclonedx (default) or csv", "cyclonedx csv" },
	{ "service", 's', OPTION_TEXT, "NAME", "of this service only", NULL },
	{ "environment", 'e', OPTION_TEXT, "NAME", "of this environment only", NULL },
	MOMENT_OPTION,
	{ "gone", 0, OPTION_FLAG, NULL, "placements that are no more, too", NULL },
	{ "cmdb", 0, OPTION_TEXT, "FILE", "instead: what is open on the hosts, for their CMDB: CSV, or JSON by FILE's end", NULL },
	{ "webhook", 0, OPTION_TEXT, "URL", "instead: the same, sent in signed messages", NULL },
	{ "webhook-key", 0, OPTION_TEXT, "FILE", "--webhook: the shared key (0600) of HMAC-SHA256", NULL },
	{ "tlp", 0, OPTION_TEXT, "MARK", "--cmdb, --webhook: the strictest mark that may leave (default: clear)", "clear green amber amber+strict red" },
	{ 0 } };
