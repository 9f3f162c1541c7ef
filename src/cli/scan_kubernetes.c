/* scan k8s:CONTEXT, k8s:FILE, k8s:FOLDER - the workloads of a cluster. Recorded when a workspace is at hand. */
#include "cli/kubernetes.h"
#include "cli/scan.h"
#include "cli/site.h"

#include "base/log.h"
#include "exposure/exposure.h"
#include "inventory/kubernetes_record.h"

#define PREFIX KUBERNETES_PREFIX

struct clustering {
	const struct invocation *in;
	struct scanning *s;
	struct scan_totals *totals;
	struct site site;
	bool recorded; /* a workspace is at hand */
	struct kubernetes_taken t;
	struct arena arena;
	struct kube_result result;
	struct err *err;
};

static bool is_kubernetes(const char *arg)
{
	return strncmp(arg, PREFIX, sizeof PREFIX - 1) == 0;
}

/* A file that is no manifest keeps whatever it may have told of before: all kinds are unseen. */
static int unread_add(const char *path, const struct err *why, void *data)
{
	struct clustering *c = data;
	static const char *const kinds[] = { "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job",
					     "CronJob", "InferenceService", "LLMInferenceService", "TrainedModel", "ServingRuntime",
					     "ClusterServingRuntime", "Pod" };
	char line[2048];
	struct artifact_facts facts = { .kind = ARTIFACT_OTHER, .layout = "", .cause = ARTIFACT_CAUSE_UNREADABLE, .cc_major = -1,
					.cc_minor = -1, .finding = ARTIFACT_UNKNOWN, .note_count = 1 };
	const char *reason = arena_text(&c->arena, span_of(err_render(why, line, sizeof line)));
	if (!reason)
		return err_set(c->err, RF_ENOMEM, "no memory for manifests");
	for (size_t i = 0; i < RF_COUNT(kinds); i++)
		c->t.listing.unseen[i] = (struct kube_unseen){ kinds[i], reason };
	c->t.listing.unseen_n = RF_COUNT(kinds);
	c->totals->errors++;
	facts.notes[0] = reason;
	return scanning_take(&(struct scan_file){ .path = path, .root = path, .error = true, .facts = &facts }, c->s);
}

/* ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────────── */

struct judged {
	struct clustering *c;
	char kind[64], finding[16], cause[64];
	char digest[DIGEST_HEX];
};

/* The content as the inventory knows it. */
static int judge(struct transaction *tx, void *data)
{
	struct judged *j = data;
	struct inventory_artifact a;
	int rc = inventory_artifact_get(tx, span_of(j->digest), &j->c->arena, &a);
	if (rc)
		return rc == RF_ENOTFOUND ? 0 : rc;
	(void)snprintf(j->finding, sizeof j->finding, "%.*s", SPAN_ARG(a.finding));
	(void)snprintf(j->cause, sizeof j->cause, "%.*s", SPAN_ARG(a.cause));
	return 0;
}

static void container_json(struct clustering *c, const struct kube_workload *w, const struct kube_container *k, size_t i,
			   const char *path, const struct judged *j)
{
	str_reset(&c->s->line);
	struct json_out o = json_out(&c->s->line, false);
	json_object(&o);
	json_member(&o, "path", path);
	json_key(&o, "host");
	json_putf(&o, PREFIX "%s/%s", c->t.cluster, w->namespace_);
	json_member(&o, "kind", "container-image");
	json_member(&o, "sha256", k->images[i].digest[0] ? k->images[i].digest : NULL);
	json_member(&o, "finding", j->finding[0] ? j->finding : NULL);
	json_member(&o, "cause", j->cause[0] ? j->cause : NULL);
	json_member(&o, "service", w->service);
	json_key(&o, "workload");
	kube_detail_json(&o, w, k, i, NULL);
	json_object_end(&o);
}

static int container_tell(struct clustering *c, const struct kube_workload *w, const struct kube_container *k, size_t i)
{
	const char *path = kube_path(w, k, i, &c->arena);
	struct judged j = { .c = c, .finding = "unknown", .cause = ARTIFACT_CAUSE_CONTENT_ABSENT };
	int rc = path ? 0 : err_set(c->err, RF_ENOMEM, "no memory for workloads");
	memcpy(j.digest, k->images[i].digest, strlen(k->images[i].digest) + 1);
	if (rc == 0 && c->recorded && j.digest[0])
		rc = database_transact(c->site.db, DB_READ, judge, &j, c->err);
	if (rc)
		return rc;
	c->totals->files++;
	c->totals->unknowns += strcmp(j.finding, "unknown") == 0;
	c->totals->conflicts += strcmp(j.finding, "conflict") == 0;
	if (c->s->json) {
		container_json(c, w, k, i, path, &j);
		return out_json(&c->s->line, c->err);
	}
	struct table *t = &c->s->table;
	table_f(t, COLOUR_NONE, PREFIX "%s/%s %s", c->t.cluster, w->namespace_, path);
	table_text(t, "container-image");
	table_text(t, k->images[i].digest[0] ? "" : "-");
	table_text(t, k->images[i].source);
	table_text(t, "-");
	table_cell(t, colour_of(j.finding), span_of(j.finding));
	table_f(t, COLOUR_NONE, "%s x%lld%s%s", k->images[i].reference, (long long)w->replicas, w->service[0] ? ", service " : "",
		w->service);
	return 0;
}

static int finding_tell(struct clustering *c, const struct kube_finding *f)
{
	/* while a release rolls out two run, which is no contradiction */
	c->totals->conflicts += strcmp(f->rule, "two_releases_run") != 0;
	if (!c->s->json) {
		struct table *t = &c->s->table;
		table_f(t, COLOUR_NONE, PREFIX "%s/%s %s", c->t.cluster, f->namespace_, f->subject);
		table_text(t, "finding");
		table_text(t, "");
		table_text(t, "");
		table_text(t, "");
		table_cell(t, COLOUR_YELLOW, span_of(f->rule));
		table_text(t, f->text);
		return 0;
	}
	str_reset(&c->s->line);
	struct json_out o = json_out(&c->s->line, false);
	json_object(&o);
	json_key(&o, "host");
	json_putf(&o, PREFIX "%s/%s", c->t.cluster, f->namespace_);
	json_member(&o, "kind", "finding");
	json_member(&o, "rule", f->rule);
	json_member(&o, "subject", f->subject);
	json_member(&o, "text", f->text);
	json_object_end(&o);
	return out_json(&c->s->line, c->err);
}

static int tell(struct clustering *c)
{
	int rc = 0;
	for (size_t w = 0; rc == 0 && w < c->t.set.count; w++) {
		const struct kube_workload *one = &c->t.set.workloads[w];
		for (size_t k = 0; rc == 0 && !one->owned && k < one->containers_n; k++)
			for (size_t i = 0; rc == 0 && i < one->containers[k].images_n; i++)
				rc = container_tell(c, one, &one->containers[k], i);
	}
	for (size_t i = 0; rc == 0 && i < c->t.set.findings_n; i++)
		rc = finding_tell(c, &c->t.set.findings[i]);
	return rc;
}

/* ── What is recorded ────────────────────────────────────────────────────────────────────────────────────────────── */

/* Manifests need not be all of a cluster: they are when somebody says so, and something runs by them. */
static bool is_some(const struct clustering *c)
{
	if (!c->t.manifests)
		return false;
	if (!option_flag(c->in, "complete")) {
		log_warn("these manifests may be some of a cluster's: nothing of cluster %s is taken for gone; say --complete when they are all of it",
			 c->t.cluster);
		return true;
	}
	if (!c->t.set.count)
		log_warn("no manifest here is a workload: nothing of cluster %s is taken for gone; was another folder meant?", c->t.cluster);
	return !c->t.set.count;
}

static int record(struct clustering *c)
{
	RF_AUTO(str) services = STR_INIT(WORKSPACE_MAX_BYTES);
	char file[RECIPE_NAME_MAX + 1];
	bool some = is_some(c);
	struct kube_record o = { .cluster = c->t.cluster, .workspace = c->site.workspace, .listing = &c->t.listing,
				 .whole_cluster = !c->t.namespace_ && !some, .some = some };
	int rc = kube_record(c->site.db, &c->t.set, &o, &c->result, c->err);
	if (rc == 0)
		rc = kube_services_json(&c->t.set, &o, &services, c->err);
	(void)snprintf(file, sizeof file, "kubernetes-%s", c->t.cluster);
	for (char *p = file; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '.' || *p == '-'))
			*p = '_';
	/* one namespace does not tell which services of the others are gone */
	if (rc == 0 && o.whole_cluster && !c->t.listing.unseen_n)
		rc = workspace_services_write(c->site.workspace, file, str_span(&services), c->err);
	if (rc == 0)
		rc = exposure_refresh(c->site.db, c->site.actor, NULL, c->err);
	return rc ? rc : site_seal(&c->site, c->err);
}

/* A workspace that is not there is fine: then it is a report. */
static int workspace_look(struct clustering *c)
{
	char folder[FS_PATH_MAX];
	struct err none = ERR_INIT;
	if (!c->in->workspace && workspace_find(".", folder, sizeof folder, &none) == RF_ENOTFOUND)
		return 0;
	int rc = site_open(c->in, SITE_DATABASE | SITE_LEDGER_KEY, &c->site, c->err);
	c->recorded = rc == 0;
	return rc;
}

static int scan_one_cluster(struct clustering *c, const char *name)
{
	int rc = workspace_look(c);
	const struct kubernetes_source source = { .in = c->in, .name = name, .workspace = c->recorded ? c->site.workspace : NULL,
						  .unread = unread_add, .data = c };
	if (rc == 0)
		rc = kubernetes_take(&source, &c->t, c->err);
	if (rc == 0 && !c->t.manifests)
		c->totals->errors += c->t.listing.unseen_n;
	if (rc == 0 && c->recorded)
		rc = record(c);
	if (rc == 0)
		rc = tell(c);
	if (rc == 0 && c->recorded && !c->s->json && !c->in->quiet)
		fprintf(stderr, "%s: %zu namespaces, %zu workloads, %lld pods; placements: %llu new, %llu replaced, %llu gone, %llu unchanged\n",
			c->t.cluster, c->result.namespaces, c->result.workloads, (long long)c->result.replicas,
			(unsigned long long)c->result.changes.added, (unsigned long long)c->result.changes.replaced,
			(unsigned long long)c->result.changes.vanished, (unsigned long long)c->result.changes.unchanged);
	kubernetes_release(&c->t);
	site_release(&c->site);
	arena_release(&c->arena);
	return rc;
}

static int run_kubernetes(const struct invocation *in, const char *const *args, size_t n, struct scanning *s,
                          struct scan_totals *totals, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct clustering c = { .in = in, .s = s, .totals = totals, .err = err, .arena = ARENA_INIT(512 * MIB) };
		rc = scan_one_cluster(&c, args[i] + sizeof PREFIX - 1);
	}
	return rc;
}

const struct scan_source scan_source_kubernetes = { "kubernetes", is_kubernetes, run_kubernetes };
