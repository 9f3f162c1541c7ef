/* host_import - see the header. */
#include "inventory/host_import.h"

#include "base/hash.h"
#include "inventory/fleet_store.h"
#include "inventory/line.h"
#include "workspace/recipe.h"

/* Clocks of machines differ by less; what lies further ahead would keep every later report out. */
#define FUTURE_USEC (10 * USEC_PER_MIN)
/* Products that one process loads engines with. */
#define MAX_RUNTIMES 8

/* What contradicts itself, what was replaced and still runs. */
#define MAX_FINDINGS_OF_A_FILE 2

/* What the processes load a file, or the files below a folder, with. */
struct loader {
	struct {
		const char *product, *version; /* version NULL: two processes disagree */
	} runtimes[MAX_RUNTIMES];
	size_t n;
};

struct importing {
	const struct host_import *o;
	struct host_report report;
	struct arena arena;
	bool read;
	struct host_content content;
	const char *key_id;              /* "" not verified */
	struct host_imported result;
	/* of one run */
	struct transaction *tx;
	struct map by_path;              /* -> struct host_file */
	struct map by_digest;            /* digest's bytes -> struct host_file, the first that says it */
	struct map loaders;              /* path -> struct loader */
	struct map users;                /* path -> struct user, processes that have it mapped */
	struct fleet_join join;
	struct inventory_batch *batch;
	struct fleet_detail *details;
	size_t details_n;
	struct fleet_finding *findings;
	size_t findings_n;
};

struct user {
	const struct host_running *process;
	struct user *next;
	size_t n; /* from here on */
};

static int no_memory(struct importing *m)
{
	return err_set(tx_err(m->tx), RF_ENOMEM, "no memory for the report of %s", m->report.header.host);
}

/* ── May it come in? ─────────────────────────────────────────────────────────────────────────────────────────────── */

static int order_check(struct importing *m, const struct fleet_host *old)
{
	const struct host_header *h = &m->report.header;
	char mine[TIME_TEXT_BYTES], theirs[TIME_TEXT_BYTES];
	if (h->taken > tx_now(m->tx) + FUTURE_USEC)
		return err_set(tx_err(m->tx), RF_ESTATE, "%s's report is of %s, which is yet to come: set that machine's clock",
			       h->host, time_text(h->taken, mine));
	if (old && h->taken < old->taken)
		return err_set(tx_err(m->tx), RF_ESTATE, "%s's report is of %s, one of %s is at hand", h->host,
			       time_text(h->taken, mine), time_text(old->taken, theirs));
	return 0;
}

static int identity_check(struct importing *m, const struct fleet_host *old)
{
	const struct host_header *h = &m->report.header;
	if (m->o->replace)
		return 0;
	if (strcmp(old->source, FLEET_SOURCE_HOST) != 0 || strcmp(old->machine, h->machine) != 0)
		return err_set(tx_err(m->tx), RF_ECONFLICT,
			       "another machine reports as %s; was it set up anew, import with --replace", h->host);
	if (old->key_id[0] && strcmp(old->key_id, m->key_id) != 0)
		return err_set(tx_err(m->tx), RF_EVERIFY,
			       "%s's reports were verified with key %.16s..., this one is not: give that key with --key, or --replace",
			       h->host, old->key_id);
	return 0;
}

static int take_placed(const struct inventory_placement *p, void *data)
{
	/* what a scan of a workspace places has a service, always */
	*(bool *)data |= p->service.n != 0;
	return 0;
}

/* A name that never reported and has open placements: a workspace scan runs there, and the report would close them all. */
static int scanned_check(struct importing *m)
{
	struct inventory_filter filter = { .host = span_of(m->report.header.host) };
	bool placed = false;
	if (m->o->replace)
		return 0;
	int rc = inventory_each_placement(m->tx, &filter, take_placed, &placed);
	if (rc || !placed)
		return rc;
	return err_set(tx_err(m->tx), RF_ECONFLICT, "this workspace scans %s itself: report under another --name, or --replace",
		       m->report.header.host);
}

/* ── What the processes tell ─────────────────────────────────────────────────────────────────────────────────────── */

static void runtime_add(struct loader *l, const char *product, const char *version)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->runtimes[i].product, product) == 0) {
			if (l->runtimes[i].version && strcmp(l->runtimes[i].version, version) != 0)
				l->runtimes[i].version = NULL;
			return;
		}
	if (l->n < MAX_RUNTIMES) {
		l->runtimes[l->n].product = product;
		l->runtimes[l->n++].version = version;
	}
}

static int loader_add(struct importing *m, const char *path, const struct loader *with)
{
	struct loader *l = map_get(&m->loaders, span_of(path));
	if (!l) {
		l = arena_alloc(&m->arena, sizeof *l);
		if (!l || map_set(&m->loaders, span_of(path), l))
			return no_memory(m);
	}
	for (size_t i = 0; i < with->n; i++)
		runtime_add(l, with->runtimes[i].product, with->runtimes[i].version);
	return 0;
}

static int user_add(struct importing *m, const char *path, const struct host_running *p)
{
	struct user *u = arena_alloc(&m->arena, sizeof *u);
	if (!u)
		return no_memory(m);
	u->process = p;
	u->next = map_get(&m->users, span_of(path));
	u->n = u->next ? u->next->n + 1 : 1;
	return map_set(&m->users, span_of(path), u) ? no_memory(m) : 0;
}

/* A path as the report names it, of an argument that a process of a container was given. */
static const char *argument_path(struct importing *m, const struct host_running *p, const char *argument)
{
	size_t n = strlen(argument);
	while (n > 1 && argument[n - 1] == '/')
		n--;
	if (!p->container[0])
		return arena_text(&m->arena, span_bytes(argument, n));
	return arena_printf(&m->arena, "container:%s!%.*s", p->container, (int)n, argument);
}

static int process_take(struct importing *m, const struct host_running *p)
{
	struct loader with = { .n = 0 };
	int rc = 0;
	for (size_t i = 0; i < p->mapped_n; i++) {
		const struct host_file *f = map_get(&m->by_path, span_of(p->mapped[i]));
		if (f && strcmp(f->facts.kind, ARTIFACT_RUNTIME_LIBRARY) == 0 && f->facts.product && f->facts.version[0])
			runtime_add(&with, f->facts.product, f->facts.version);
	}
	for (size_t i = 0; rc == 0 && i < p->mapped_n; i++) {
		rc = user_add(m, p->mapped[i], p);
		if (rc == 0)
			rc = loader_add(m, p->mapped[i], &with);
	}
	for (size_t i = 0; rc == 0 && i < p->arguments_n; i++) {
		const char *path = argument_path(m, p, p->arguments[i]);
		rc = path ? loader_add(m, path, &with) : no_memory(m);
	}
	return rc;
}

/* The runtime that the processes load @f with: by its own path, else by the nearest folder above it that one was given.
 * Where processes disagree it is unknown, whatever a folder further above was given to. */
static void runtime_of(struct importing *m, const struct host_file *f, struct inventory_place *place)
{
	struct span path = span_of(f->path);
	if (!f->facts.product || !artifact_kind_is_engine(span_of(f->facts.kind)))
		return;
	while (path.n) {
		const struct loader *l = map_get(&m->loaders, path);
		for (size_t i = 0; l && i < l->n; i++)
			if (strcmp(l->runtimes[i].product, f->facts.product) == 0) {
				if (!l->runtimes[i].version)
					return;
				place->runtime_product = l->runtimes[i].product;
				place->runtime_version = l->runtimes[i].version;
				return;
			}
		path.n = RF_MIN(span_rfind_byte(path, '/'), path.n - 1);
	}
}

/* ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int finding_add(struct importing *m, const char *rule, const char *subject, struct str *text)
{
	RF_AUTO(str) visible = STR_INIT(64 * KIB);
	struct fleet_finding *to = &m->findings[m->findings_n++];
	str_add_visible(&visible, span_of(subject));
	*to = (struct fleet_finding){ .rule = span_of(rule),
				      .subject = arena_span(&m->arena, str_span(&visible)),
				      .text = arena_span(&m->arena, str_span(text)) };
	return to->subject.p && to->text.p && !visible.failed && !text->failed ? 0 : no_memory(m);
}

static int elsewhere(const struct inventory_placement *p, void *data)
{
	return span_eq_text(p->host, data) ? 0 : 1;
}

/* What else is known of a content: product and version, empty when nothing is. */
struct statement {
	struct span product, version;
	bool read_here; /* else a claim, too */
};

static bool differs(const struct artifact_facts *f, const struct statement *s)
{
	if (!s->version.n || !f->version[0] || !f->product)
		return false;
	return !span_eq_text(s->version, f->version) || !span_eq_text(s->product, f->product);
}

static int contradiction_add(struct importing *m, const struct host_file *f, const struct statement *s)
{
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	char hex[DIGEST_HEX];
	str_addf(&text, "sha256:%.16s... is %s %s by this report, %.*s %.*s ", digest_hex(&f->digest, hex), f->facts.product,
		 f->facts.version, SPAN_ARG(s->product), SPAN_ARG(s->version));
	str_add_text(&text, s->read_here ? "as it was read here, which stands: look at that machine"
					 : "by another claim: scan the file here, what is read stands");
	return finding_add(m, s->read_here ? "claim_contradicts_reading" : "claims_contradict", f->path, &text);
}

static int statement_get(struct importing *m, const struct host_file *f, struct arena *a, struct statement *ret)
{
	struct inventory_artifact known;
	char hex[DIGEST_HEX];
	*ret = (struct statement){ 0 };
	int rc = inventory_artifact_get(m->tx, span_of(digest_hex(&f->digest, hex)), a, &known);
	if (rc)
		return rc == RF_ENOTFOUND ? 0 : rc;
	*ret = (struct statement){ .product = known.product, .version = known.version };
	return inventory_artifact_is_read(m->tx, span_of(hex), &ret->read_here);
}

/* 1: another machine has the content as well. */
static int is_elsewhere(struct importing *m, const struct host_file *f)
{
	char hex[DIGEST_HEX];
	struct inventory_filter filter = { .digest = span_of(digest_hex(&f->digest, hex)) };
	return inventory_each_placement(m->tx, &filter, elsewhere, m->report.header.host);
}

/* Two versions are said to have made one content. What was read here stands. Of two claims one is wrong, and it is not
 * told which: the content is a conflict, until it is read here. Who is alone in having it may correct himself. */
static int claim_weigh(struct importing *m, const struct host_file *f, struct artifact_facts *facts)
{
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	const struct host_file *first = map_get(&m->by_digest, span_bytes(&f->digest, sizeof f->digest));
	struct statement s = { .product = span_of(first->facts.product ? first->facts.product : ""),
			       .version = span_of(first->facts.version) };
	int rc = 0;
	if (!differs(&f->facts, &s)) {
		rc = statement_get(m, f, &a, &s);
		if (rc || !differs(&f->facts, &s))
			return rc;
		rc = s.read_here ? 1 : is_elsewhere(m, f);
		if (rc == 0)
			return inventory_batch_correct(m->batch, &f->digest, tx_err(m->tx));
	}
	if (rc >= 0 && !s.read_here) {
		facts->finding = ARTIFACT_CONFLICT;
		facts->cause = ARTIFACT_CAUSE_SOURCE_CONFLICT;
	}
	return rc < 0 ? rc : contradiction_add(m, f, &s);
}

static void detail_json(struct json_out *o, const struct host_file *f, const struct user *users)
{
	json_object(o);
	json_member(o, "source", "host");
	triton_verdict_json(o, &(struct triton_verdict){ .load = f->load, .model = f->model, .version = f->model_version,
							 .words = f->load_words });
	if (users) {
		json_member_u64(o, "process_count", users->n);
		json_key(o, "processes");
		json_array(o);
		for (size_t i = 0; users && i < 16; i++, users = users->next) {
			json_object(o);
			json_member(o, "exe", users->process->exe);
			if (users->process->container[0])
				json_member(o, "container", users->process->container);
			json_object_end(o);
		}
		json_array_end(o);
	}
	json_object_end(o);
}

static int detail_add(struct importing *m, const struct host_file *f)
{
	const struct user *users = map_get(&m->users, span_of(f->path));
	if (f->load == TRITON_OUTSIDE && !users)
		return 0;
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	struct json_out o = json_out(&text, false);
	detail_json(&o, f, users);
	int rc = str_check(&text, "what is known of a file", tx_err(m->tx));
	struct fleet_detail *d = &m->details[m->details_n++];
	*d = (struct fleet_detail){ .path = span_of(f->path), .json = arena_span(&m->arena, str_span(&text)) };
	return rc ? rc : d->json.p ? 0 : no_memory(m);
}

/* What was replaced on the disk and still runs. */
static int deleted_add(struct importing *m, const struct host_file *f)
{
	const struct user *users = map_get(&m->users, span_of(f->path));
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	if (!span_ends(span_of(f->path), " (deleted)"))
		return 0;
	if (users) {
		str_add_visible(&text, span_of(users->process->exe));
		if (users->n > 1)
			str_addf(&text, " and %zu more programs", users->n - 1);
		str_add_text(&text, users->n > 1 ? " still run " : " still runs ");
	} else {
		str_add_text(&text, "still runs: ");
	}
	str_addf(&text, "%s %s, which is no longer on the disk: restart it", f->facts.product ? f->facts.product : f->facts.kind,
		 f->facts.version[0] ? f->facts.version : "of unknown version");
	return finding_add(m, "deleted_library_mapped", f->path, &text);
}

static int file_take(struct importing *m, const struct host_file *f)
{
	struct inventory_place place = { .host = m->report.header.host, .service = m->join.service,
					 .environment = m->join.environment, .model = "" };
	if (f->model && recipe_name_is_valid(span_of(f->model)))
		place.model = f->model;
	struct artifact_facts facts = f->facts;
	runtime_of(m, f, &place);
	int rc = claim_weigh(m, f, &facts);
	if (rc == 0)
		rc = inventory_batch_claim(m->batch, &f->digest, &facts, tx_err(m->tx));
	if (rc == 0)
		rc = inventory_batch_place(m->batch, f->path, &f->digest, f->facts.kind, &place, tx_err(m->tx));
	if (rc == 0)
		rc = detail_add(m, f);
	return rc ? rc : deleted_add(m, f);
}

static int unread_take(struct importing *m, const struct host_unread *u)
{
	struct artifact_facts facts = { .kind = ARTIFACT_OTHER, .layout = "", .cause = "", .cc_major = -1, .cc_minor = -1,
					.notes = { u->reason[0] ? u->reason : "could not be read" }, .note_count = 1 };
	struct scan_file f = { .path = u->path, .root = "", .error = true, .folder = true, .facts = &facts };
	struct inventory_place place = { .host = m->report.header.host, .service = m->join.service,
					 .environment = m->join.environment, .model = "" };
	return inventory_batch_add(m->batch, &f, &place, tx_err(m->tx));
}

/* ── One run ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Of this host only what the join names now is open. */
static bool is_named(const char *path, struct span service, struct span environment, void *data)
{
	const struct importing *m = data;
	(void)path;
	return span_eq_text(service, m->join.service) && span_eq_text(environment, m->join.environment);
}

static int file_index(struct importing *m, struct host_file *f)
{
	struct span digest = span_bytes(&f->digest, sizeof f->digest);
	struct host_file *first = map_get(&m->by_digest, digest);
	/* what knows a version is what others are compared with */
	bool counts = !first || (!first->facts.version[0] && f->facts.version[0]);
	return map_set(&m->by_path, span_of(f->path), f) || (counts && map_set(&m->by_digest, digest, f)) ? no_memory(m) : 0;
}

static int content_take(struct importing *m)
{
	struct inventory_place place = { .host = m->report.header.host, .service = m->join.service,
					 .environment = m->join.environment, .model = "" };
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < m->content.files_n; i++)
		rc = file_index(m, &m->content.files[i]);
	for (size_t i = 0; rc == 0 && i < m->content.processes_n; i++)
		rc = process_take(m, &m->content.processes[i]);
	if (rc == 0)
		rc = inventory_batch_root(m->batch, "", &place, tx_err(m->tx));
	for (size_t i = 0; rc == 0 && i < m->content.files_n; i++)
		rc = file_take(m, &m->content.files[i]);
	for (size_t i = 0; rc == 0 && i < m->content.unread_n; i++)
		rc = unread_take(m, &m->content.unread[i]);
	return rc;
}

/* What its own release files and packages say. */
static enum platform_line line_of(const struct importing *m)
{
	enum platform_line line = PLATFORM_ANY;
	for (size_t i = 0; i < m->content.files_n; i++)
		line = line_join(line, line_told_by_facts(span_of(m->content.files[i].path), &m->content.files[i].facts));
	return line;
}

static int content_write(struct importing *m)
{
	const struct host_header *h = &m->report.header;
	char hex[DIGEST_HEX];
	int rc = inventory_batch_whole_host(m->batch, h->host, is_named, m, tx_err(m->tx));
	if (rc == 0)
		rc = inventory_batch_line(m->batch, h->host, line_of(m), tx_err(m->tx));
	if (rc == 0)
		rc = inventory_record_tx(m->tx, m->batch, &m->result.changes);
	if (rc == 0)
		rc = fleet_details_put(m->tx, h->host, m->details, m->details_n);
	if (rc == 0)
		rc = fleet_findings_put(m->tx, h->host, m->findings, m->findings_n);
	return rc ? rc :
		    fleet_host_put(m->tx, &(struct fleet_host){ .host = h->host, .source = FLEET_SOURCE_HOST,
								.machine = h->machine, .key_id = m->key_id,
								.digest = digest_hex(&h->content, hex), .taken = h->taken });
}

static int content_record(struct importing *m)
{
	int rc = m->read ? 0 : host_content_read(m->report.content, &m->arena, &m->content, tx_err(m->tx));
	if (rc)
		return err_in_file(tx_err(m->tx), m->report.header.host);
	m->read = true;
	m->batch = inventory_batch_new();
	m->details = arena_array(&m->arena, m->content.files_n, sizeof *m->details);
	m->findings = arena_array(&m->arena, MAX_FINDINGS_OF_A_FILE * m->content.files_n, sizeof *m->findings);
	m->details_n = m->findings_n = 0;
	rc = m->batch && (m->details || !m->content.files_n) && (m->findings || !m->content.files_n) ? 0 : no_memory(m);
	if (rc == 0)
		rc = content_take(m);
	if (rc == 0)
		rc = content_write(m);
	inventory_batch_free(m->batch);
	map_release(&m->by_path);
	map_release(&m->by_digest);
	map_release(&m->loaders);
	map_release(&m->users);
	m->by_path = m->by_digest = m->loaders = m->users = MAP_INIT;
	return rc;
}

static int run(struct transaction *tx, void *data)
{
	struct importing *m = data;
	const struct host_header *h = &m->report.header;
	RF_AUTO(arena) a = ARENA_INIT(64 * KIB);
	struct fleet_host old;
	char hex[DIGEST_HEX];
	m->tx = tx;
	m->join = (struct fleet_join){ .service = "", .environment = "" };
	int rc = fleet_host_get(tx, h->host, &a, &old);
	bool known = rc == 0;
	if (rc && rc != RF_ENOTFOUND)
		return rc;
	rc = order_check(m, known ? &old : NULL);
	if (rc == 0)
		rc = known ? identity_check(m, &old) : scanned_check(m);
	m->result.unchanged = rc == 0 && known && strcmp(old.digest, digest_hex(&h->content, hex)) == 0 &&
			      strcmp(old.machine, h->machine) == 0 && strcmp(old.key_id, m->key_id) == 0;
	if (rc == 0 && m->result.unchanged)
		return fleet_host_seen(tx, h->host, h->taken);
	if (rc == 0)
		rc = fleet_join_get(tx, span_of(h->host), &m->arena, &m->join);
	return rc && rc != RF_ENOTFOUND ? rc : content_record(m);
}

static int keys_try(struct importing *m, struct err *err)
{
	int rc = RF_EVERIFY;
	m->key_id = "";
	for (size_t i = 0; i < m->o->keys_n; i++) {
		rc = host_report_verify(&m->report, m->o->keys[i], err);
		if (rc == 0) {
			m->key_id = verify_key_id(m->o->keys[i]);
			return 0;
		}
	}
	return m->o->keys_n ? rc : 0;
}

int host_import(struct database *db, struct span report, const struct host_import *o, struct host_imported *ret,
		struct err *err)
{
	struct importing m = { .o = o, .arena = ARENA_INIT(4 * HOST_REPORT_MAX_BYTES) };
	int rc = host_report_open(report, &m.arena, &m.report, err);
	if (rc == 0)
		rc = keys_try(&m, err);
	if (rc == 0)
		rc = database_transact(db, DB_WRITE, run, &m, err);
	if (rc == 0) {
		m.result.header = m.report.header;
		m.result.verified = m.key_id[0] != '\0';
		m.result.files = m.content.files_n;
		m.result.processes = m.content.processes_n;
		m.result.findings = m.findings_n;
		*ret = m.result;
	}
	arena_release(&m.arena);
	return rc;
}
