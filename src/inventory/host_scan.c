/* host_scan - see the header. Everything is sorted, so that a machine on which nothing changed gives the same bytes. */
#include "inventory/host_scan.h"

#include "base/fs.h"
#include "base/hash.h"
#include "inventory/host_process.h"

#include <limits.h>
#include <sys/utsname.h>
#include <unistd.h>

const char *const host_scan_roots[] = {
	"/opt", "/srv", "/home", "/models", "/data", "/usr/lib", "/usr/local", "/usr/src/tensorrt", "/var/lib/dpkg/status",
	"/var/lib/rpm", "/usr/lib/sysimage/rpm", "/lib/apk/db/installed", "/etc/nv_tegra_release", "/etc/nvidia", NULL,
};

/* One entry of a list on its way: sorted by its key, then written. */
struct entry {
	const char *key;  /* a path; of processes the text itself */
	struct span json;
};
struct entries {
	struct entry *list;
	size_t n, room;
};

struct collecting {
	const struct host_scan *o;
	struct arena arena;
	struct entries files, unread, processes;
	struct map paths;          /* of files[] */
	struct triton_repositories *triton;
	struct host_scan_result result;
	struct str line;
	struct err *err;
};

static int no_memory(struct collecting *c)
{
	return err_set(c->err, RF_ENOMEM, "no memory for the report of this machine");
}

/* ── Who we are ──────────────────────────────────────────────────────────────────────────────────────────────────── */

int host_identify(const char *name, struct host_header *ret, struct err *err)
{
	char own[HOST_NAME_MAX_BYTES + 1] = "localhost";
	RF_AUTO(str) id = STR_INIT(4 * KIB), seed = STR_INIT(8 * KIB);
	struct digest d;
	if (!name && gethostname(own, sizeof own - 1) == 0)
		name = own;
	name = name ? name : own;
	if (!host_name_is_valid(span_of(name)))
		return err_set(err, RF_EINVALID, "\"%s\" is no name of a host; give one with --name", name);
	/* systemd's machine-id(5) is confidential: only a digest of it leaves the machine */
	if (fs_read("/etc/machine-id", &id, NULL) != 0 || !span_trim(str_span(&id)).n)
		str_add_text(&id, name);
	str_addf(&seed, "reforge host report\n%.*s", SPAN_ARG(span_trim(str_span(&id))));
	digest_of(str_span(&seed), &d);
	*ret = (struct host_header){ .taken = now_usec() };
	(void)snprintf(ret->host, sizeof ret->host, "%s", name);
	(void)digest_hex(&d, ret->machine);
	(void)snprintf(ret->program, sizeof ret->program, "%s", REFORGE_VERSION);
	return 0;
}

static void system_json(struct json_out *o)
{
	struct utsname names = { .release = "" };
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	struct span rest, line, pretty = SPAN("");
	(void)uname(&names);
	if (fs_read("/etc/os-release", &text, NULL) == 0)
		for (rest = str_span(&text); span_line(&rest, &line);)
			if (span_starts(line, "PRETTY_NAME="))
				pretty = span_from(line, 12);
	if (pretty.n > 1 && pretty.p[0] == '"')
		pretty = span_sub(pretty, 1, pretty.n - 2);
	json_object(o);
	json_member_span(o, "os", span_sub(pretty, 0, 200));
	json_member(o, "kernel", names.release);
	json_member(o, "architecture", names.machine);
	json_object_end(o);
}

/* ── Entries ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* c->line as an entry of @to; @key NULL: the text itself. */
static int entry_add(struct collecting *c, struct entries *to, const char *key)
{
	int rc = str_check(&c->line, "one entry of the report", c->err);
	if (rc)
		return rc;
	if (to->n == HOST_REPORT_MAX_FILES)
		return err_set(c->err, RF_ETOOMANY, "more than %d entries in one report: name fewer roots",
			       HOST_REPORT_MAX_FILES);
	if (to->n == to->room) {
		size_t room = to->room ? 2 * to->room : 256;
		struct entry *more = rf_realloc_array(to->list, room, sizeof *more);
		if (!more)
			return no_memory(c);
		to->list = more;
		to->room = room;
	}
	struct entry *e = &to->list[to->n];
	e->json = arena_span(&c->arena, str_span(&c->line));
	e->key = key ? arena_text(&c->arena, span_of(key)) : e->json.p;
	if (!e->json.p || !e->key)
		return no_memory(c);
	to->n++;
	return 0;
}

static void path_json(struct json_out *o, const char *path)
{
	struct span s = span_of(path);
	json_member_span(o, "path", s);
	if (span_is_utf8(s))
		return;
	char *hex = rf_alloc(2 * s.n + 1);
	if (hex)
		hex_write(s.p, s.n, hex);
	json_member(o, "path_hex", hex);
	rf_free(hex);
}

static int unread_add(struct collecting *c, const char *path, const char *reason)
{
	str_reset(&c->line);
	struct json_out o = json_out(&c->line, false);
	json_object(&o);
	path_json(&o, path);
	json_member(&o, "reason", reason);
	json_object_end(&o);
	c->result.unread++;
	return entry_add(c, &c->unread, path);
}

static int file_add(struct collecting *c, const char *path, const struct digest *digest, const struct artifact_facts *facts,
		    const struct triton_verdict *triton)
{
	char hex[DIGEST_HEX];
	if (map_get(&c->paths, span_of(path)))
		return 0; /* overlapping roots */
	str_reset(&c->line);
	struct json_out o = json_out(&c->line, false);
	json_object(&o);
	path_json(&o, path);
	json_member(&o, "sha256", digest_hex(digest, hex));
	artifact_facts_json(&o, facts);
	triton_verdict_json(&o, triton);
	json_object_end(&o);
	int rc = entry_add(c, &c->files, path);
	if (rc)
		return rc;
	const struct entry *e = &c->files.list[c->files.n - 1];
	c->result.files++;
	return map_set(&c->paths, span_of(e->key), (void *)(uintptr_t)e->key) ? no_memory(c) : 0;
}

static bool worth_telling(const struct artifact_facts *f)
{
	return strcmp(f->kind, ARTIFACT_OTHER) != 0 || f->finding != ARTIFACT_CLEAR;
}

static int take(const struct scan_file *f, void *data)
{
	struct collecting *c = data;
	struct triton_verdict verdict;
	const struct artifact_facts *facts = f->facts;
	const char *note = facts->note_count ? facts->notes[facts->note_count - 1] : "could not be read";
	if (f->error || f->folder)
		return unread_add(c, f->path, note);
	if (!worth_telling(facts))
		return 0;
	if (!f->has_digest)
		return facts->finding == ARTIFACT_CLEAR ? 0 : unread_add(c, f->path, note);
	int rc = triton_look(c->triton, f->path, &verdict, c->err);
	return rc ? rc : file_add(c, f->path, &f->digest, facts, &verdict);
}

/* ── Processes ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* How a mapped file is called in the report. */
static const char *mapped_name(struct collecting *c, const struct host_mapped *m)
{
	const char *deleted = m->deleted ? " (deleted)" : "";
	if (m->container[0])
		return arena_printf(&c->arena, "container:%s!%s%s", m->container, m->path, deleted);
	return arena_printf(&c->arena, "%s%s", m->path, deleted);
}

/* The digest of what is worth telling; *ret_name NULL: it is not. */
static int mapped_take(struct collecting *c, const struct host_mapped *m, const char **ret_name)
{
	RF_AUTO(arena) a = ARENA_INIT(8 * MIB);
	struct artifact_facts facts;
	struct digest digest;
	struct err err = ERR_INIT;
	struct scan_options light = { .no_digest = true }, full = { .evidence = c->o->evidence };
	struct triton_verdict outside = { .version = -1 };
	char text[2048];
	*ret_name = mapped_name(c, m);
	if (!*ret_name)
		return no_memory(c);
	if (map_get(&c->paths, span_of(*ret_name)))
		return 0;
	int rc = scan_one(m->open, &light, &a, &facts, NULL, &err);
	if (rc == 0 && worth_telling(&facts))
		rc = scan_one(m->open, &full, &a, &facts, &digest, &err);
	else if (rc == 0)
		*ret_name = NULL;
	if (rc == RF_ENOMEM || rc == RF_ECANCELLED)
		return err_set(c->err, rc, "%s", err.text);
	if (rc == 0 && *ret_name) {
		c->result.deleted += m->deleted;
		return file_add(c, *ret_name, &digest, &facts, &outside);
	}
	/* a replaced file that cannot be opened may be anything; others ended with their process */
	const char *name = *ret_name;
	*ret_name = NULL;
	return rc && m->deleted && strstr(m->path, ".so") ? unread_add(c, name, err_render(&err, text, sizeof text)) : 0;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int process_json(struct collecting *c, const struct host_process *p, const char *const *names)
{
	RF_AUTO_FREE const char **mapped = rf_realloc_array(NULL, p->mapped_n + 1, sizeof *mapped);
	size_t n = 0;
	if (!mapped)
		return no_memory(c);
	for (size_t i = 0; i < p->mapped_n; i++)
		if (names[p->mapped[i]])
			mapped[n++] = names[p->mapped[i]];
	if (n == 0 && p->arguments_n == 0)
		return 0;
	qsort(mapped, n, sizeof *mapped, compare_texts);
	str_reset(&c->line);
	struct json_out o = json_out(&c->line, false);
	json_object(&o);
	json_member(&o, "exe", p->exe);
	if (p->container[0])
		json_member(&o, "container", p->container);
	json_key(&o, "arguments");
	json_array(&o);
	for (size_t i = 0; i < p->arguments_n; i++)
		json_put_text(&o, p->arguments[i]);
	json_array_end(&o);
	json_key(&o, "mapped");
	json_array(&o);
	for (size_t i = 0; i < n; i++)
		json_put_text(&o, mapped[i]);
	json_array_end(&o);
	json_object_end(&o);
	return entry_add(c, &c->processes, NULL);
}

static int processes_add(struct collecting *c)
{
	struct host_processes p;
	int rc = host_processes_read(c->o->proc, &p, c->err);
	if (rc)
		return rc;
	const char **names = arena_array(&c->arena, p.files_n + 1, sizeof *names);
	rc = names ? 0 : no_memory(c);
	for (size_t i = 0; rc == 0 && i < p.files_n; i++)
		rc = mapped_take(c, &p.files[i], &names[i]);
	for (size_t i = 0; rc == 0 && i < p.count; i++)
		rc = process_json(c, &p.list[i], names);
	c->result.closed = p.closed;
	host_processes_release(&p);
	return rc;
}

/* ── The whole ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

/* Sorted, each text once: eight workers of one server are one line. */
static void entries_json(struct json_out *o, const char *key, struct entries *e)
{
	if (e->n)
		qsort(e->list, e->n, sizeof *e->list, compare_entries);
	json_key(o, key);
	json_array(o);
	for (size_t i = 0; i < e->n; i++)
		if (i == 0 || !span_eq(e->list[i].json, e->list[i - 1].json))
			json_put_raw(o, e->list[i].json);
	json_array_end(o);
}

static int content_write(struct collecting *c, const char *const *roots, size_t roots_n, struct str *ret)
{
	struct json_out o = json_out(ret, false);
	json_object(&o);
	json_key(&o, "system");
	system_json(&o);
	json_key(&o, "roots");
	json_array(&o);
	for (size_t i = 0; i < roots_n; i++)
		json_put_text(&o, roots[i]);
	json_array_end(&o);
	entries_json(&o, "files", &c->files);
	entries_json(&o, "unread", &c->unread);
	entries_json(&o, "processes", &c->processes);
	json_object_end(&o);
	c->result.processes = c->processes.n;
	return str_check(ret, "report", c->err);
}

static int roots_scan(struct collecting *c, const char **roots, size_t n)
{
	struct scan_options options = { .evidence = c->o->evidence, .threads = c->o->threads, .progress = c->o->progress,
					.progress_data = c->o->data };
	qsort(roots, n, sizeof *roots, compare_texts);
	return n ? scan_files(roots, n, &options, take, c, &c->result.totals, c->err) : 0;
}

int host_scan(const struct host_scan *o, struct str *ret, struct host_scan_result *ret_result, struct err *err)
{
	struct err own = ERR_INIT;
	struct collecting c = { .o = o, .arena = ARENA_INIT(2 * HOST_REPORT_MAX_BYTES), .line = STR_INIT(8 * MIB),
				.err = err ? err : &own };
	RF_AUTO_FREE const char **roots = rf_realloc_array(NULL, o->roots_n + 1, sizeof *roots);
	size_t n = 0;
	c.triton = triton_repositories_new();
	int rc = roots && c.triton ? 0 : no_memory(&c);
	/* a report is read elsewhere: what is relative here says nothing there */
	char real[PATH_MAX];
	for (size_t i = 0; rc == 0 && i < o->roots_n; i++) {
		if (!realpath(o->roots[i], real))
			continue;
		roots[n] = arena_text(&c.arena, span_of(real));
		rc = roots[n++] ? 0 : no_memory(&c);
	}
	if (rc == 0)
		rc = roots_scan(&c, roots, n);
	if (rc == 0 && o->proc)
		rc = processes_add(&c);
	if (rc == 0)
		rc = content_write(&c, roots, n, ret);
	if (rc == 0)
		*ret_result = c.result;
	triton_repositories_free(c.triton);
	map_release(&c.paths);
	rf_free(c.files.list);
	rf_free(c.unread.list);
	rf_free(c.processes.list);
	str_release(&c.line);
	arena_release(&c.arena);
	return rc;
}
