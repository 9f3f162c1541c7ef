/* gate report - what the inventory says runs now, asked about as the gate's fronts would be. */
#include "cli/gate_report.h"

#include "inventory/fleet_store.h"
#include "inventory/inventory.h"
#include "inventory/kubernetes_record.h"

#define KEEP 2 /* one may fail while another is replaced */
#define MAX_WORKLOADS_BYTES (1 * GIB)

/* ── What runs ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A container or model of a cluster: what else is known of it is read once the walk is over. */
struct workload {
	struct span host, path, service, environment;
	struct digest digest;
	struct workload *next;
};

struct walk {
	struct gate_reporting *r;
	struct arena a;
	struct workload *first, **end;
	struct err *err;
};

/* What a scan of an image or a bill of materials tells of runs nowhere by itself. */
static bool runs(struct span host)
{
	return !span_starts(host, "image:") && !span_starts(host, "sbom:");
}

static int workload_keep(struct walk *w, const struct inventory_placement *p)
{
	struct workload *one = arena_alloc(&w->a, sizeof *one);
	if (!one)
		return err_set(w->err, RF_ENOMEM, "no memory for the workloads of a cluster");
	*one = (struct workload){ .host = arena_span(&w->a, p->host), .path = arena_span(&w->a, p->path),
				  .service = arena_span(&w->a, p->service), .environment = arena_span(&w->a, p->environment) };
	if (!one->host.p || !one->path.p || !one->service.p || !one->environment.p)
		return err_set(w->err, RF_ENOMEM, "no memory for the workloads of a cluster");
	*w->end = one;
	w->end = &one->next;
	return digest_read(span_of(p->artifact.digest), &one->digest, w->err);
}

static int take_placement(const struct inventory_placement *p, void *data)
{
	struct walk *w = data;
	struct digest digest;
	if (!runs(p->host))
		return 0;
	w->r->placements++;
	if (span_starts(p->host, "k8s:"))
		return workload_keep(w, p);
	const struct component runtime = { .product = product_by_purl(p->runtime_product), .purl = p->runtime_product,
					   .version = p->runtime_version };
	int rc = digest_read(span_of(p->artifact.digest), &digest, w->err);
	return rc ? rc : standing_content(w->r->standing, p->host, p->service, p->environment, p->path, &digest,
					  p->runtime_product.n ? &runtime : NULL, w->err);
}

static int workload_put(struct walk *w, struct transaction *tx, struct json_doc *doc, const struct workload *one)
{
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct kube_workload workload;
	struct digest identity;
	struct span json;
	struct json root;
	int rc = fleet_detail_get(tx, one->host, one->path, &a, &json);
	if (rc == 0)
		rc = json_parse(doc, json, &root, w->err);
	if (rc == 0)
		rc = kube_detail_read(root, &a, &workload, w->err);
	if (rc == RF_ENOTFOUND || rc == RF_EFORMAT) {
		w->r->unreadable++;
		return 0;
	}
	if (rc)
		return rc;
	/* content that nobody has looked into stands under its reference's own digest, which is none */
	bool known = workload.containers_n > 0;
	if (known) {
		kube_reference_identity(span_of(workload.containers[0].images[0].reference), &identity);
		known = !digest_eq(&identity, &one->digest);
	}
	return standing_workload(w->r->standing, one->host, one->service, one->environment, &workload, known ? &one->digest : NULL, w->err);
}

static int look(struct transaction *tx, void *data)
{
	struct walk *w = data;
	struct inventory_filter filter = { .service = w->r->service, .environment = w->r->environment };
	struct json_doc *doc = NULL;
	w->err = tx_err(tx);
	int rc = inventory_each_placement(tx, &filter, take_placement, w);
	if (rc == 0 && !(doc = json_doc_new()))
		rc = err_set(w->err, RF_ENOMEM, "no memory for the workloads of a cluster");
	for (const struct workload *one = w->first; rc == 0 && one; one = one->next)
		rc = workload_put(w, tx, doc, one);
	json_doc_free(doc);
	return rc;
}

/* A transaction may be begun again: what it put together is made anew. */
static int look_again(struct transaction *tx, void *data)
{
	struct walk *w = data;
	const struct standing_settings settings = { .snapshot = w->r->snapshot, .now = w->r->now, .keep = w->r->keep };
	standing_free(w->r->standing);
	w->r->standing = NULL;
	w->r->placements = 0;
	w->r->unreadable = 0;
	arena_reset(&w->a);
	w->first = NULL;
	w->end = &w->first;
	int rc = standing_new(&settings, &w->r->standing, tx_err(tx));
	return rc ? rc : look(tx, data);
}

/* ── The command ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static int options_take(struct gate_reporting *r, struct err *err)
{
	const struct option_value *keep = option(r->in, "keep");
	r->keep = keep->given ? keep->number : KEEP;
	r->service = span_of(option_text(r->in, "service", ""));
	r->environment = span_of(option_text(r->in, "environment", ""));
	if (r->keep < 0)
		return err_set(err, RF_EUSAGE, "--keep: 0 or more replicas");
	return 0;
}

static int status_of(const struct gate_reporting *r)
{
	return r->report.denied ? 1 : r->report.uncertain || r->unreadable ? 3 : 0;
}

int gate_report_run(const struct invocation *in, struct err *err)
{
	struct gate_reporting r = { .in = in, .now = now_usec() };
	struct walk w = { .r = &r, .a = ARENA_INIT(MAX_WORKLOADS_BYTES) };
	int rc = options_take(&r, err);
	if (rc == 0)
		rc = site_open(in, SITE_DATABASE | SITE_DEPOT, &r.site, err);
	if (rc == 0)
		rc = site_snapshot(&r.site, &(struct site_snapshot){ .expires = USEC_NONE, .highest = TLP_RED }, &r.snapshot, NULL, err);
	if (rc == 0)
		rc = database_transact(r.site.db, DB_READ, look_again, &w, err);
	if (rc == 0)
		rc = standing_report(r.standing, &r.report, err);
	if (rc == 0)
		rc = gate_report_tell(&r, err);
	if (rc == 0)
		rc = status_of(&r);
	standing_free(r.standing);
	gate_snapshot_free(r.snapshot);
	site_release(&r.site);
	arena_release(&w.a);
	return rc;
}

const struct option_row gate_report_options[] = {
	{ "keep", 0, OPTION_NUMBER, "N", "replicas of a service and environment that must go on serving (default: 2)", NULL },
	{ "service", 's', OPTION_TEXT, "NAME", "of this service only", NULL },
	{ "environment", 'e', OPTION_TEXT, "NAME", "of this environment only", NULL },
	{ "all", 'a', OPTION_FLAG, NULL, "what would be warned about as well", NULL },
	{ 0 }
};

const char gate_report_details[] =
	"Asks the gate about everything that the inventory says runs now: workloads of clusters by their images and models, hosts by their "
	"files. Policies, waivers, VEX statements and the baseline hold; mode audit is looked through. Nothing is changed.\n"
	"The plan takes what is denied out of service: first what serves nobody, then what can be replaced (another tag of the image, or a "
	"signed release of the service, that may run), then what the others can do without; at no moment fewer than --keep replicas of a service "
	"and environment serve, or as many as do now when these are fewer. A host counts as one replica.\n"
	"Exit status 1 when something would be denied, 3 when something is in conflict or unknown.";
