/* gate_serve_site - where `gate serve` has its snapshots from, and where its decisions go. */
#include "cli/gate.h"
#include "cli/gate_serve.h"
#include "cli/site.h"

#include "base/log.h"
#include "gate/bundle.h"
#include "gate/snapshot_build.h"
#include "ledger/ledger.h"

#define MAX_KEY_BYTES (64 * KIB)

/* ── Environments ────────────────────────────────────────────────────────────────────────────────────────────────── */

static int namespace_add(struct serve_site *s, struct span name, struct span environment, struct err *err)
{
	struct admission_namespace *to = &s->namespaces[s->namespaces_n];
	to->name = arena_text(&s->arena, name);
	to->environment = arena_text(&s->arena, environment);
	if (!to->name || !to->environment)
		return err_set(err, RF_ENOMEM, "no memory for namespaces");
	s->namespaces_n++;
	return 0;
}

/* reforge.yaml's rows for this cluster, or for every one. */
static int workspace_namespaces(struct serve_site *s, const struct workspace *w, const char *cluster, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < w->kubernetes.namespaces_n; i++) {
		struct span name = span_of(w->kubernetes.namespaces[i].name);
		size_t slash = span_find_byte(name, '/');
		struct span plain = slash == SIZE_MAX ? name : span_from(name, slash + 1);
		const struct workspace_environment *e = workspace_namespace(w, span_of(cluster), plain);
		if (e && (slash == SIZE_MAX || span_eq_text(span_sub(name, 0, slash), cluster)))
			rc = namespace_add(s, plain, span_of(e->name), err);
	}
	return rc;
}

/* --environment NAME, and NAMESPACE=NAME, which stand before reforge.yaml's. */
static int environments_read(struct serve_site *s, const struct workspace *w, struct err *err)
{
	const struct option_value *given = option(s->in, "environment");
	int rc = 0;
	s->namespaces =
		arena_array(&s->arena, given->count + (w ? w->kubernetes.namespaces_n : 0) + 1, sizeof *s->namespaces);
	if (!s->namespaces)
		return err_set(err, RF_ENOMEM, "no memory for namespaces");
	for (size_t i = 0; rc == 0 && i < given->count; i++) {
		struct span text = span_of(given->list[i]);
		size_t equals = span_find_byte(text, '=');
		if (equals == SIZE_MAX)
			s->environment = given->list[i];
		else
			rc = namespace_add(s, span_sub(text, 0, equals), span_from(text, equals + 1), err);
	}
	return rc == 0 && w ? workspace_namespaces(s, w, option_text(s->in, "cluster", ""), err) : rc;
}

/* As check and `gate pod` want it: a typing mistake would be judged by the default policy, a silent gap in the gate. @w:
 * its environments; NULL: those of the bundle. Later ones are logged: a gate that stops is no gate. */
static int environments_check(const struct serve_site *s, const struct workspace *w, const struct gate_snapshot *snapshot,
			      bool first, struct err *err)
{
	char line[2048];
	for (size_t i = 0; i <= s->namespaces_n; i++) {
		struct gate_names names;
		struct err why = ERR_INIT;
		gate_names_init(&names, SPAN_NONE, span_of(i ? s->namespaces[i - 1].environment : s->environment));
		if (!w)
			gate_names_of_snapshot(&names, snapshot);
		for (size_t k = 0; w && k < w->environments_n; k++)
			gate_name_add(&names.environment, span_of(w->environments[k].name));
		int rc = gate_names_end(&names, &why);
		if (rc && first) {
			*err = why;
			return rc;
		}
		if (rc)
			log_error("%s", err_render(&why, line, sizeof line));
	}
	return 0;
}

int serve_site_open(struct serve_site *s, const struct invocation *in, struct err *err)
{
	*s = (struct serve_site){ .in = in,
				  .arena = ARENA_INIT(4 * MIB),
				  .bundle = option_text(in, "bundle", NULL),
				  .environment = "" };
	const char *key = option_text(in, "key", NULL);
	if (!s->bundle != !key)
		return err_set(err, RF_EUSAGE,
			       "--bundle and --key go together: a bundle counts for what its signature is worth");
	if (s->bundle) {
		int rc = verify_key_load(key, &s->key, err);
		return rc ? rc : environments_read(s, NULL, err);
	}
	struct site site = { 0 };
	int rc = site_open(in, 0, &site, err);
	if (rc == 0)
		rc = environments_read(s, site.workspace, err);
	site_release(&site);
	return rc;
}

void serve_site_release(struct serve_site *s)
{
	verify_key_freep(&s->key);
	arena_release(&s->arena);
}

/* ── Snapshots ───────────────────────────────────────────────────────────────────────────────────────────────────── */

bool serve_site_changed(const struct serve_site *s)
{
	struct stat now;
	if (!s->bundle || stat(s->bundle, &now) != 0)
		return false; /* on its way: the one in force stays */
	return now.st_ino != s->seen.st_ino || now.st_size != s->seen.st_size ||
	       now.st_mtim.tv_sec != s->seen.st_mtim.tv_sec || now.st_mtim.tv_nsec != s->seen.st_mtim.tv_nsec;
}

static void tell(const struct err *err, void *data)
{
	char line[2048];
	(void)data;
	log_warn("left out of the snapshot: %s", err_render(err, line, sizeof line));
}

static int load_database(struct serve_site *s, bool first, struct gate_snapshot **ret, struct err *err)
{
	struct site site = { 0 };
	/* opened anew each time: services, policies and keys may have changed too */
	int rc = site_open(s->in, SITE_DATABASE | SITE_DEPOT, &site, err);
	if (rc == 0)
		rc = environments_check(s, site.workspace, NULL, first, err);
	if (rc == 0)
		rc = site_snapshot(&site, &(struct site_snapshot){ .expires = USEC_NONE, .highest = TLP_RED, .told = tell }, ret,
				   NULL, err);
	site_release(&site);
	return rc;
}

int serve_site_load(struct serve_site *s, bool first, struct gate_snapshot **ret, struct err *err)
{
	if (!s->bundle)
		return load_database(s, first, ret, err);
	/* looked at before it is read: what is exchanged meanwhile is read again */
	if (stat(s->bundle, &s->seen) != 0)
		memset(&s->seen, 0, sizeof s->seen);
	int rc = gate_bundle_read(s->bundle, s->key, ret, NULL, err);
	if (rc == 0)
		rc = environments_check(s, NULL, *ret, first, err);
	if (rc)
		gate_snapshot_freep(ret);
	return rc;
}

/* ── Decisions ───────────────────────────────────────────────────────────────────────────────────────────────────── */

struct recording {
	const struct admission_record *records;
	size_t n;
};

static int append(struct transaction *tx, const struct admission_record *r)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	RF_AUTO(str) subject = STR_INIT(1024);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member_time(&o, "at", r->at);
	json_member(&o, "decision", gate_decision_name(r->decision));
	json_member(&o, "judged", gate_decision_name(r->judged));
	json_member(&o, "operation", review_operation_name(r->operation));
	json_member_bool(&o, "dry_run", r->dry_run);
	json_member(&o, "kind", r->kind);
	json_member(&o, "namespace", r->namespace_);
	json_member(&o, "name", r->name);
	json_member(&o, "user", r->user);
	json_member(&o, "service", r->service);
	json_member(&o, "policy", r->policy);
	json_member(&o, "advisories", r->advisories);
	json_member(&o, "message", r->message);
	json_member(&o, "uid", r->uid);
	json_object_end(&o);
	str_addf(&subject, "gate/");
	str_add_visible(&subject, span_of(r->namespace_));
	str_add_byte(&subject, '/');
	str_add_visible(&subject, span_of(r->kind));
	str_add_byte(&subject, '/');
	str_add_visible(&subject, span_of(r->name));
	return ledger_append(tx, &(struct ledger_entry){ .kind = "gate.decided",
							 .subject = str_text(&subject),
							 .actor = "reforge:gate",
							 .body = str_span(&body) });
}

static int append_all(struct transaction *tx, void *data)
{
	struct recording *r = data;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < r->n; i++)
		rc = append(tx, &r->records[i]);
	return rc;
}

int serve_site_record(struct serve_site *s, const struct admission_record *records, size_t n, struct err *err)
{
	struct site site = { 0 };
	struct recording r = { records, n };
	if (s->bundle || n == 0)
		return 0;
	int rc = site_open(s->in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_WRITE, append_all, &r, err);
	if (rc == 0)
		rc = site_seal(&site, err);
	site_release(&site);
	return rc;
}
