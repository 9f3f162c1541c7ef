/* inventory findings - what was found on hosts and in clusters beside the content of files. */
#include "cli/inventory.h"
#include "cli/output.h"

#include "inventory/fleet_store.h"

struct finding_list {
	struct table table;
	struct str line;
	struct span host;
	bool json, with_gone;
	size_t open;
	struct err *err;
};

static int take_finding(const struct fleet_finding *f, void *data)
{
	struct finding_list *l = data;
	char since[TIME_TEXT_BYTES];
	l->open += f->gone_at == USEC_NONE;
	if (!l->json) {
		table_cell(&l->table, COLOUR_NONE, f->host);
		table_cell(&l->table, f->gone_at == USEC_NONE ? COLOUR_YELLOW : COLOUR_DIM, f->rule);
		table_cell(&l->table, COLOUR_NONE, f->subject);
		table_text(&l->table, time_text(f->since, since));
		table_cell(&l->table, COLOUR_NONE, f->text);
		return 0;
	}
	str_reset(&l->line);
	struct json_out o = json_out(&l->line, false);
	json_object(&o);
	json_member_span(&o, "host", f->host);
	json_member_span(&o, "rule", f->rule);
	json_member_span(&o, "subject", f->subject);
	json_member_span(&o, "text", f->text);
	json_member_time(&o, "since", f->since);
	json_member_time(&o, "gone_at", f->gone_at);
	json_object_end(&o);
	return out_json(&l->line, l->err);
}

static int list_findings(struct transaction *tx, void *data)
{
	struct finding_list *l = data;
	table_clear(&l->table);
	l->open = 0;
	return fleet_each_finding(tx, l->host, l->with_gone, take_finding, l);
}

int inventory_findings(const struct invocation *in, struct err *err)
{
	struct site site;
	struct finding_list l = { .line = STR_INIT(1 * MIB), .json = in->json, .with_gone = option_flag(in, "gone"), .err = err,
				  .host = span_of(option_text(in, "host", NULL)) };
	table_init(&l.table, "host", "finding", "subject", "since", "what", NULL);
	int rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, list_findings, &l, err);
	if (rc == 0 && !l.json)
		rc = table_print(&l.table, err);
	table_release(&l.table);
	str_release(&l.line);
	site_release(&site);
	return rc ? rc : l.open ? 3 : 0;
}

const struct option_row inventory_findings_options[] = {
	{ "host", 0, OPTION_TEXT, "HOST", "of this host or namespace only (k8s:CLUSTER/NAMESPACE)", NULL },
	{ "gone", 0, OPTION_FLAG, NULL, "those that hold no more, too", NULL },
	{ 0 } };
