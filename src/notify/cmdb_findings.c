/* cmdb_findings - see the header. */
#include "notify/cmdb_findings.h"

#include "advisory/store.h"
#include "base/hash.h"
#include "exposure/exposure.h"
#include "format/csv.h"
#include "inventory/fleet_store.h"

struct listing {
	const struct cmdb_findings_filter *f;
	struct transaction *tx;
	struct arena arena;
	struct map marks;  /* advisory -> its mark + 1 */
	struct map hosts;  /* host -> CI */
	int (*visit)(const struct cmdb_finding *, void *);
	void *data;
	uint64_t withheld;
};

static int take_advisory(const struct advisory_row *row, void *data)
{
	struct listing *l = data;
	struct span id = arena_span(&l->arena, row->id);
	void *known = map_get(&l->marks, row->id);
	size_t mark = RF_MAX((size_t)row->tlp + 1, (size_t)(uintptr_t)known);
	return id.p && map_set(&l->marks, id, (void *)(uintptr_t)mark) == 0 ? 0 : RF_ENOMEM;
}

static int take_join(const struct fleet_join *j, void *data)
{
	struct listing *l = data;
	char *host = arena_text(&l->arena, span_of(j->host)), *ci = arena_text(&l->arena, span_of(j->ci));
	return host && ci && map_set(&l->hosts, span_of(host), ci) == 0 ? 0 : RF_ENOMEM;
}

static int take_exposure(const struct exposure_row *e, void *data)
{
	struct listing *l = data;
	const struct workspace_service *s = workspace_service(l->f->workspace, e->service);
	const char *ci = map_get(&l->hosts, e->host);
	/* an advisory that is not in the list any more keeps to itself */
	size_t mark = (size_t)(uintptr_t)map_get(&l->marks, e->advisory);
	if (mark == 0 || mark - 1 > (size_t)l->f->highest) {
		l->withheld++;
		return 0;
	}
	if (l->f->known_only && !ci)
		return 0;
	struct cmdb_finding f = { .ci = span_of(ci), .host = e->host, .path = e->path, .service = e->service,
				  .environment = e->environment, .model = e->model,
				  .owner = span_of(s ? s->owner.name : NULL), .contact = span_of(s ? s->owner.contact : NULL),
				  .advisory = e->advisory, .carrier = span_of(carrier_name(e->carrier)),
				  .finding = span_of(finding_kind_name(e->kind)), .cause = span_of(finding_cause_name(e->cause)),
				  .product = e->purl, .version = e->version, .sha256 = e->artifact_digest,
				  .kind = e->artifact_kind, .since = e->opened_at };
	return l->visit(&f, l->data);
}

int cmdb_findings_each(struct transaction *tx, const struct cmdb_findings_filter *f,
		       int (*visit)(const struct cmdb_finding *, void *), void *data, uint64_t *ret_withheld)
{
	struct listing l = { .f = f, .tx = tx, .arena = ARENA_INIT(256 * MIB), .visit = visit, .data = data };
	struct advisory_filter all = { .with_unpublished = true };
	struct exposure_filter open = { .without_drills = true };
	int rc = advisory_list(tx, &all, take_advisory, &l);
	if (rc == 0)
		rc = fleet_each_join(tx, NULL, take_join, &l);
	if (rc == RF_ENOMEM)
		(void)err_set(tx_err(tx), rc, "no memory for the findings of a CMDB");
	if (rc == 0)
		rc = exposure_list(tx, &open, take_exposure, &l);
	if (rc == 0 && ret_withheld)
		*ret_withheld = l.withheld;
	map_release(&l.marks);
	map_release(&l.hosts);
	arena_release(&l.arena);
	return rc;
}

/* ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct {
	const char *name;
	size_t at;
} columns[] = {
#define COLUMN(member) { #member, offsetof(struct cmdb_finding, member) }
	COLUMN(ci),	 COLUMN(host),	 COLUMN(path),	 COLUMN(service), COLUMN(environment), COLUMN(model),
	COLUMN(owner),	 COLUMN(contact), COLUMN(advisory), COLUMN(carrier), COLUMN(finding),     COLUMN(cause),
	COLUMN(product), COLUMN(version), COLUMN(sha256),	 COLUMN(kind),
#undef COLUMN
};

static struct span column(const struct cmdb_finding *f, size_t i)
{
	return *(const struct span *)(const void *)((const char *)f + columns[i].at);
}

void cmdb_finding_csv_head(struct str *to)
{
	for (size_t i = 0; i < RF_COUNT(columns); i++)
		str_addf(to, "\"%s\",", columns[i].name);
	str_add_text(to, "\"since\"\r\n");
}

void cmdb_finding_csv(const struct cmdb_finding *f, struct str *to)
{
	char since[TIME_TEXT_BYTES];
	for (size_t i = 0; i < RF_COUNT(columns); i++) {
		csv_put(to, column(f, i));
		str_add_byte(to, ',');
	}
	csv_put(to, span_of(time_text(f->since, since)));
	str_add_text(to, "\r\n");
}

void cmdb_finding_json(const struct cmdb_finding *f, struct json_out *o)
{
	json_object(o);
	for (size_t i = 0; i < RF_COUNT(columns); i++) {
		struct span s = column(f, i);
		json_key(o, columns[i].name);
		if (s.n)
			json_put_span(o, s);
		else
			json_put_null(o);
	}
	json_member_time(o, "since", f->since);
	json_object_end(o);
}
