/* What the readers of package databases share: the list of packages, lines and fields, whole small files. See
 * package_int.h. */
#include "inventory/package_int.h"

#include "base/hash.h"

/* ── The list ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct package_list package_list(struct artifact_reading *r, const char *source)
{
	return (struct package_list){ .r = r, .source = source };
}

static bool keep(struct artifact_reading *r, struct span *s)
{
	*s = arena_span(r->a, *s);
	if (!s->p)
		r->failed = RF_ENOMEM;
	return s->p != NULL;
}

void package_list_add(struct package_list *l, const struct purl *package)
{
	struct artifact_reading *r = l->r;
	if (!package->name.n) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "package_without_name",
				"a package without a name");
		return;
	}
	if (package->name.n > PACKAGE_TEXT_MAX || package->version.n > PACKAGE_TEXT_MAX) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "package_text_too_long",
				"a package's name or version of more than %d bytes: %.*s...", PACKAGE_TEXT_MAX,
				SPAN_ARG(span_sub(package->name, 0, 60)));
		return;
	}
	size_t text = package->name.n + package->version.n + package->namespace_.n;
	if (l->count == PACKAGE_LIST_MAX || text > PACKAGE_LIST_TEXT_BYTES - l->text_bytes) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE, "too_many_packages",
				"more than %d packages, or more text than they have: those behind were left out",
				PACKAGE_LIST_MAX);
		r->facts->components_dropped++;
		return;
	}
	struct package_entry *e = arena_alloc(r->a, sizeof *e);
	if (!e) {
		r->failed = RF_ENOMEM;
		return;
	}
	l->text_bytes += text;
	e->purl = *package;
	if (!keep(r, &e->purl.name) || !keep(r, &e->purl.version) || !keep(r, &e->purl.namespace_))
		return;
	if (l->last)
		*l->last = e;
	else
		l->first = e;
	l->last = &e->next;
	l->count++;
}

bool package_list_has(const struct package_list *l, const char *name)
{
	for (const struct package_entry *e = l->first; e; e = e->next)
		if (span_eq_text(e->purl.name, name))
			return true;
	return false;
}

/* The package's own words beside a product: "libnvinfer10 10.13.3.9-1+cuda12.9". */
static struct span words(const struct purl *p, struct arena *a)
{
	const char *text = p->version.n ? arena_printf(a, "%.*s %.*s", SPAN_ARG(p->name), SPAN_ARG(p->version))
					: arena_text(a, p->name);
	return span_of(text);
}

static int component_add(struct artifact_reading *r, const struct purl *p, const struct package_component *c,
			 const char *source)
{
	struct artifact_component component = {
		.product = c->purl, .version = c->version, .role = ARTIFACT_ROLE_PACKAGE, .source = source
	};
	if (c->product) {
		component.where = words(p, r->a);
		if (!component.where.p)
			return RF_ENOMEM;
	}
	return artifact_component_add(r->facts, r->a, &component);
}

static int entry_take(struct package_list *l, const struct purl *p, struct map *seen)
{
	struct artifact_reading *r = l->r;
	struct package_component c;
	int rc = package_component(p, r->a, &c, r->err);
	if (rc < 0)
		return rc;
	char *key = arena_printf(r->a, "%.*s@%.*s", SPAN_ARG(c.purl), SPAN_ARG(c.version));
	if (!key)
		return RF_ENOMEM;
	if (map_get(seen, span_of(key)))
		return 0;
	rc = map_set(seen, span_of(key), key);
	return rc < 0 ? rc : component_add(r, p, &c, l->source);
}

int package_list_end(struct package_list *l, struct span namespace_)
{
	RF_AUTO(map) seen = MAP_INIT;
	for (struct package_entry *e = l->first; e && !l->r->failed; e = e->next) {
		if (!e->purl.namespace_.n)
			e->purl.namespace_ = namespace_;
		int rc = entry_take(l, &e->purl, &seen);
		if (rc < 0)
			l->r->failed = rc;
	}
	return l->r->failed;
}

int package_is(struct artifact_reading *r, const struct purl *package, const char *source)
{
	struct artifact_facts *f = r->facts;
	struct package_component c;
	struct err err = ERR_INIT;
	if (r->failed)
		return r->failed;
	int rc = package_component(package, r->a, &c, &err);
	if (rc == RF_ENOMEM)
		return r->failed = rc;
	if (rc < 0) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE,
				package->name.n ? "package_text_too_long" : "package_without_name", "%s", err.text);
		return 0;
	}
	f->product = arena_text(r->a, c.purl);
	if (!f->product)
		return r->failed = RF_ENOMEM;
	if (c.version.n && c.version.n < sizeof f->version) {
		memcpy(f->version, c.version.p, c.version.n);
		f->version_source = ARTIFACT_VERSION_PACKAGE;
	}
	if (!c.version.n && c.product)
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNKNOWN_BUILDER, "version_not_stated",
				"%s is there, and nothing states its version", c.product->name);
	rc = component_add(r, package, &c, source);
	return rc < 0 ? r->failed = rc : 0;
}

/* ── Texts, lines ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

void package_text_set(struct package_text *t, struct span value)
{
	t->n = RF_MIN(value.n, sizeof t->bytes - 1);
	if (t->n)
		memcpy(t->bytes, value.p, t->n);
	t->bytes[t->n] = '\0';
	t->there = true;
}

struct span package_text_span(const struct package_text *t)
{
	return (struct span){ t->bytes, t->n };
}

struct package_lines package_lines(struct artifact_reading *r)
{
	struct package_lines l = { .r = r, .buffer = arena_alloc(r->a, PACKAGE_LINE_BYTES) };
	if (!l.buffer)
		r->failed = RF_ENOMEM;
	return l;
}

/* Behind what the buffer holds; false: nothing came. */
static bool fetch(struct package_lines *l)
{
	struct artifact_reading *r = l->r;
	if (l->from) {
		memmove(l->buffer, l->buffer + l->from, l->to - l->from);
		l->to -= l->from;
		l->from = 0;
	}
	size_t n = 0, room = RF_MIN(PACKAGE_LINE_BYTES - l->to, (size_t)ARTIFACT_PIECE_BYTES);
	if (l->at >= PACKAGE_MAX_BYTES && l->at < r->src->size) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE, "database_too_large",
				"a database of more than %zu MiB: what lies behind was not read",
				PACKAGE_MAX_BYTES / MIB);
		return false;
	}
	const unsigned char *p = room ? artifact_upto(r, l->at, room, &n) : NULL;
	if (!p || !n)
		return false;
	memcpy(l->buffer + l->to, p, n);
	l->to += n;
	l->at += n;
	return true;
}

/* A line that does not fit: the rest of it is passed over. */
static void skip_rest(struct package_lines *l)
{
	for (;;) {
		l->from = l->to = 0;
		if (!fetch(l))
			return;
		const char *end = memchr(l->buffer, '\n', l->to);
		if (end) {
			l->from = (size_t)(end - l->buffer) + 1;
			return;
		}
	}
}

bool package_line(struct package_lines *l, struct span *ret)
{
	l->cut = false;
	if (!l->buffer || l->r->failed)
		return false;
	if (l->cut_pending)
		skip_rest(l);
	l->cut_pending = false;
	size_t looked = 0;
	for (;;) {
		char *start = l->buffer + l->from;
		size_t n = l->to - l->from;
		char *end = n > looked ? memchr(start + looked, '\n', n - looked) : NULL;
		if (end) {
			*ret = (struct span){ start, (size_t)(end - start) };
			l->from += ret->n + 1;
			break;
		}
		looked = n;
		if (n == PACKAGE_LINE_BYTES) {
			*ret = (struct span){ start, n };
			l->cut = l->cut_pending = true;
			break;
		}
		if (!fetch(l)) {
			if (!n || l->r->failed)
				return false;
			*ret = (struct span){ start, n };
			l->from = l->to;
			break;
		}
	}
	if (ret->n && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

bool package_field(struct span line, const char *name, struct span *ret)
{
	size_t n = strlen(name);
	if (line.n <= n || line.p[n] != ':' || !span_eq_nocase(span_sub(line, 0, n), span_of(name)))
		return false;
	*ret = span_trim(span_from(line, n + 1));
	return true;
}

/* ── Small files, paths ──────────────────────────────────────────────────────────────────────────────────────────── */

struct span package_whole(struct artifact_reading *r, size_t max)
{
	uint64_t size = r->src->size;
	if (size > max) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE, "file_too_large",
				"a file of its kind has at most %zu KiB: it was not read", max / KIB);
		return SPAN_NONE;
	}
	char *to = arena_alloc(r->a, (size_t)size + 1);
	if (!to) {
		r->failed = RF_ENOMEM;
		return SPAN_NONE;
	}
	size_t have = 0;
	while (have < size) {
		size_t n = 0;
		const unsigned char *p = artifact_upto(r, have, ARTIFACT_PIECE_BYTES, &n);
		if (!p || !n)
			break;
		memcpy(to + have, p, n);
		have += n;
	}
	return r->failed ? SPAN_NONE : (struct span){ to, have };
}

struct span package_parent(struct span path)
{
	size_t slash = span_rfind_byte(path, '/');
	return slash == SIZE_MAX ? SPAN_NONE : span_sub(path, 0, slash);
}

struct span package_folder(struct span path)
{
	struct span parent = package_parent(path);
	size_t slash = span_rfind_byte(parent, '/');
	return slash == SIZE_MAX ? parent : span_from(parent, slash + 1);
}

bool package_path_ends(struct span path, const char *end)
{
	size_t n = strlen(end);
	return span_ends(path, end) && (path.n == n || path.p[path.n - n - 1] == '/');
}
