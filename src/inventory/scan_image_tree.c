/* Layers over each other: OCI image-spec 1.1, "Image Layer Filesystem Changeset". See scan_image_tree.h. */
#include "inventory/scan_image_tree.h"

#include "base/hash.h"
#include "inventory/scan_member.h"

/* ── Paths ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

int image_path_normal(struct span name, char *buffer, size_t size, struct err *err)
{
	struct span rest = name, part;
	size_t n = 0;
	while (span_split(&rest, '/', &part)) {
		if (part.n == 0 || span_eq_text(part, "."))
			continue;
		if (span_eq_text(part, "..")) {
			if (n == 0)
				return err_set(err, RF_EINVALID, "\"%.*s\" leads out of the image", SPAN_ARG(name));
			while (n > 0 && buffer[--n] != '/')
				;
			continue;
		}
		if (part.n + 2 > size - n)
			return err_set(err, RF_ETOOBIG, "a path of more than %zu bytes", size - 2);
		if (n)
			buffer[n++] = '/';
		memcpy(buffer + n, part.p, part.n);
		n += part.n;
	}
	buffer[n] = '\0';
	return 0;
}

/* ── A layer ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct mark {
	uint64_t path; /* keyed hash */
	unsigned what; /* enum layer_mark, several at once */
};

struct kept {
	const char *path; /* in the layer, place and what is behind it */
	size_t place;     /* of path, the part that is a place */
	struct scan_file file;
	struct artifact_facts facts;
	struct kept *next; /* at the same place, in order */
};

struct place {
	struct span path;
	bool whole; /* the member itself was reported: what comes next is another of the same path */
	struct kept *first, **end;
	struct place *next;
};

struct link {
	struct span path, target;
	bool hard;
	struct link *next;
};

/* What others are judged by: a text, or a folder. */
struct beside {
	struct span path, text;
	const char *problem; /* why there is no text */
	bool folder;
	struct beside *next;
};

struct image_layer {
	struct arena paths; /* of the thread that reads the archive */
	struct beside *besides, **besides_end;
	struct map numbers; /* paths of besides that are folders */
	bool numbers_lost;
	struct mark *marks;
	size_t mark_count, mark_room;
	struct link *links, **links_end;
	struct arena kept; /* of the thread that takes the reports */
	struct map by_path;
	struct place *places, **places_end;
};

struct image_layer *image_layer_new(void)
{
	struct image_layer *l = rf_alloc(sizeof *l);
	if (!l)
		return NULL;
	l->paths = ARENA_INIT(IMAGE_LAYER_ARENA_BYTES);
	l->kept = ARENA_INIT(IMAGE_LAYER_ARENA_BYTES);
	l->links_end = &l->links;
	l->besides_end = &l->besides;
	l->places_end = &l->places;
	return l;
}

void image_layer_free(struct image_layer *l)
{
	if (!l)
		return;
	arena_release(&l->paths);
	arena_release(&l->kept);
	map_release(&l->by_path);
	map_release(&l->numbers);
	rf_free(l->marks);
	rf_free(l);
}

int layer_mark(struct image_layer *l, struct span path, enum layer_mark what)
{
	if (l->mark_count == l->mark_room) {
		size_t room = l->mark_room ? 2 * l->mark_room : 1024;
		struct mark *more = rf_realloc_array(l->marks, room, sizeof *more);
		if (!more)
			return RF_ENOMEM;
		l->marks = more;
		l->mark_room = room;
	}
	l->marks[l->mark_count++] = (struct mark){ hash_bytes(path.p, path.n), what };
	return 0;
}

int layer_link(struct image_layer *l, struct span path, struct span target, bool hard)
{
	struct link *k = arena_alloc(&l->paths, sizeof *k);
	if (!k)
		return RF_ENOMEM;
	*k = (struct link){ arena_span(&l->paths, path), arena_span(&l->paths, target), hard, NULL };
	if (!k->path.p || !k->target.p)
		return RF_ENOMEM;
	*l->links_end = k;
	l->links_end = &k->next;
	return layer_mark(l, path, LAYER_FILE);
}

static int beside_add(struct image_layer *l, const struct beside *value)
{
	struct beside *b = arena_alloc(&l->paths, sizeof *b);
	if (!b)
		return RF_ENOMEM;
	*b = *value;
	b->path = arena_span(&l->paths, value->path);
	b->text = value->text.p ? arena_span(&l->paths, value->text) : SPAN_NONE;
	if (!b->path.p || (value->text.p && !b->text.p))
		return RF_ENOMEM;
	*l->besides_end = b;
	l->besides_end = &b->next;
	return 0;
}

int layer_text(struct image_layer *l, struct span path, struct span text, const char *problem)
{
	return beside_add(l, &(struct beside){ .path = path, .text = text, .problem = problem });
}

bool layer_is_config(struct span path)
{
	size_t slash = span_rfind_byte(path, '/');
	return slash != SIZE_MAX && span_eq_text(span_from(path, slash + 1), "config.pbtxt");
}

static int number_add(struct image_layer *l, struct span path)
{
	if (map_get(&l->numbers, path))
		return 0;
	l->numbers_lost |= l->numbers.count == IMAGE_LAYER_MAX_NUMBERS;
	if (l->numbers_lost)
		return 0;
	struct span key = arena_span(&l->paths, path);
	int rc = key.p && map_set(&l->numbers, key, l) == 0 ? 0 : RF_ENOMEM;
	return rc ? rc : beside_add(l, &(struct beside){ .path = key, .folder = true });
}

int layer_numbers(struct image_layer *l, struct span path, bool is_folder)
{
	int rc = 0;
	for (size_t i = 0, at = 0; i <= path.n && rc == 0; i++) {
		if (i < path.n ? path.p[i] != '/' : !is_folder)
			continue;
		struct span part = span_sub(path, at, i - at);
		if (at > 0 && part.n && part.p[0] != '0' && span_is_digits(part))
			rc = number_add(l, span_sub(path, 0, i));
		at = i + 1;
	}
	return rc;
}

static struct place *place_of(struct image_layer *l, struct span path)
{
	struct place *p = map_get(&l->by_path, path);
	if (p)
		return p;
	p = arena_alloc(&l->kept, sizeof *p);
	if (!p || !(p->path = arena_span(&l->kept, path)).p || map_set(&l->by_path, p->path, p) < 0)
		return NULL;
	p->end = &p->first;
	*l->places_end = p;
	l->places_end = &p->next;
	return p;
}

/* Of what was met inside only the names of files beside it count further on: for sets. */
static bool inside_keep(struct image_layer *l, const struct scan_file *f, struct kept *k)
{
	k->file.inside = NULL;
	if (!f->inside || !f->inside->beside_count)
		return true;
	struct scan_inside *inside = arena_alloc(&l->kept, sizeof *inside);
	if (!inside)
		return false;
	*inside = *f->inside;
	k->file.inside = inside;
	return true;
}

static struct kept *kept_new(struct image_layer *l, struct span path, size_t place, const struct scan_file *f)
{
	struct kept *k = arena_alloc(&l->kept, sizeof *k);
	if (!k || !(k->path = arena_text(&l->kept, path)) || artifact_facts_copy(f->facts, &l->kept, &k->facts) < 0)
		return NULL;
	k->place = place;
	k->file = *f;
	k->file.path = k->path;
	k->file.root = "";
	k->file.facts = &k->facts;
	/* belong to the scan cache, and members have no identity */
	k->file.second_look = k->file.members = SPAN_NONE;
	k->file.outer = k->file.inner = NULL;
	k->file.outer_digest = NULL;
	k->file.triton = NULL;
	return inside_keep(l, f, k) ? k : NULL;
}

int layer_report(struct image_layer *l, struct span path, size_t place, const struct scan_file *f)
{
	bool whole = place == path.n;
	struct place *p = f ? place_of(l, span_sub(path, 0, place)) : map_get(&l->by_path, span_sub(path, 0, place));
	struct kept *k = p && f ? kept_new(l, path, place, f) : NULL;
	if (f && !k)
		return RF_ENOMEM;
	if (p && p->whole) {
		p->first = NULL;
		p->end = &p->first;
		p->whole = false;
	}
	if (k) {
		*p->end = k;
		p->end = &k->next;
	}
	if (p && whole)
		p->whole = true;
	return 0;
}

/* The text is there when it was one under its other name. */
static int config_renamed(struct image_layer *l, struct span name, const struct image_layer *from)
{
	const struct beside *b = from->besides;
	while (b && b->folder)
		b = b->next;
	return b ? layer_text(l, name, b->text, b->problem)
		 : layer_text(l, name, SPAN_NONE, "config.pbtxt has the content of a file that is none: it was not kept");
}

int image_layer_renamed(const struct image_layer *from, struct span name, struct image_layer **ret)
{
	struct image_layer *l = image_layer_new();
	int rc = l ? layer_mark(l, name, LAYER_FILE) : RF_ENOMEM;
	if (rc == 0)
		rc = layer_numbers(l, name, false);
	if (rc == 0 && layer_is_config(name))
		rc = config_renamed(l, name, from);
	RF_AUTO(str) path = STR_INIT(64 * KIB);
	for (const struct kept *k = from->places ? from->places->first : NULL; k && rc == 0; k = k->next) {
		str_reset(&path);
		str_add(&path, name);
		str_add_text(&path, k->path + k->place);
		rc = path.failed ? path.failed : layer_report(l, str_span(&path), name.n, &k->file);
	}
	if (rc == 0)
		rc = image_layer_close(l);
	if (rc)
		image_layer_free(l);
	else
		*ret = l;
	return rc;
}

static int mark_order(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;
	return x->path < y->path ? -1 : x->path > y->path;
}

int image_layer_close(struct image_layer *l)
{
	size_t n = 0;
	if (l->mark_count)
		qsort(l->marks, l->mark_count, sizeof *l->marks, mark_order);
	for (size_t i = 0; i < l->mark_count; i++) {
		if (n && l->marks[n - 1].path == l->marks[i].path)
			l->marks[n - 1].what |= l->marks[i].what;
		else
			l->marks[n++] = l->marks[i];
	}
	struct mark *fitting = n ? rf_realloc_array(l->marks, n, sizeof *fitting) : NULL;
	if (fitting)
		l->marks = fitting;
	l->mark_count = n;
	l->mark_room = fitting ? n : l->mark_room;
	return 0;
}

static unsigned marks_at(const struct image_layer *l, struct span path)
{
	struct mark key = { hash_bytes(path.p, path.n), 0 };
	const struct mark *m =
		l->mark_count ? bsearch(&key, l->marks, l->mark_count, sizeof *l->marks, mark_order) : NULL;
	return m ? m->what : 0;
}

/* Does @l leave what lower layers have at @path? */
static bool layer_leaves(const struct image_layer *l, struct span path)
{
	if (l->mark_count == 0)
		return true;
	if (marks_at(l, SPAN("")) & LAYER_OPAQUE) /* opaque at the root */
		return false;
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '/' &&
		    marks_at(l, span_sub(path, 0, i)) & (LAYER_FILE | LAYER_WHITEOUT | LAYER_OPAQUE))
			return false;
	return marks_at(l, path) == 0;
}

/* ── The tree ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct node {
	struct span path;
	const struct kept *kept; /* of the place; NULL for symbolic links */
	struct span target;      /* of a symbolic link, as stored */
	bool hard;               /* kept is another place's: reported under the node's own path */
	bool gone;
};

/* What is left of struct beside. */
struct left {
	struct span path;
	const struct beside *beside; /* NULL: gone */
	struct left *next, *sibling; /* all; in one folder */
};

struct image_tree {
	struct arena arena;
	struct map by_path;
	struct map texts, folders; /* path -> struct left */
	struct map siblings;       /* folder -> the first struct left in it that is a folder */
	struct left *lefts;
	bool numbers_lost;
	struct node **nodes;
	size_t count, room;
	uint64_t hidden;
};

struct image_tree *image_tree_new(void)
{
	struct image_tree *t = rf_alloc(sizeof *t);
	if (t)
		t->arena = ARENA_INIT(IMAGE_TREE_ARENA_BYTES);
	return t;
}

void image_tree_free(struct image_tree *t)
{
	if (!t)
		return;
	arena_release(&t->arena);
	map_release(&t->by_path);
	map_release(&t->texts);
	map_release(&t->folders);
	map_release(&t->siblings);
	rf_free(t->nodes);
	rf_free(t);
}

uint64_t image_tree_hidden(const struct image_tree *t)
{
	return t->hidden;
}

static int node_put(struct image_tree *t, const struct node *value)
{
	struct node *n = map_get(&t->by_path, value->path);
	if (!n) {
		if (t->count == t->room) {
			size_t room = t->room ? 2 * t->room : 256;
			struct node **more = rf_realloc_array(t->nodes, room, sizeof(struct node *));
			if (!more)
				return RF_ENOMEM;
			t->nodes = more;
			t->room = room;
		}
		n = arena_alloc(&t->arena, sizeof *n);
		if (!n || map_set(&t->by_path, value->path, n) < 0)
			return RF_ENOMEM;
		t->nodes[t->count++] = n;
	}
	struct span key = n->path.p ? n->path : value->path; /* the map borrows the first */
	*n = *value;
	n->path = key;
	return 0;
}

static const struct node *node_at(const struct image_tree *t, struct span path)
{
	const struct node *n = map_get(&t->by_path, path);
	return n && !n->gone ? n : NULL;
}

static void lower_take_away(struct image_tree *t, const struct image_layer *l)
{
	for (size_t i = 0; i < t->count; i++) {
		struct node *n = t->nodes[i];
		if (n->gone || layer_leaves(l, n->path))
			continue;
		n->gone = true;
		for (const struct kept *k = n->hard ? NULL : n->kept; k; k = k->next)
			t->hidden++;
	}
}

static struct span parent_of(struct span path)
{
	size_t slash = span_rfind_byte(path, '/');
	return slash == SIZE_MAX ? SPAN("") : span_sub(path, 0, slash);
}

static int left_put(struct image_tree *t, const struct beside *b)
{
	struct map *m = b->folder ? &t->folders : &t->texts;
	struct left *x = map_get(m, b->path);
	if (!x) {
		x = arena_alloc(&t->arena, sizeof *x);
		if (!x || map_set(m, b->path, x) < 0)
			return RF_ENOMEM;
		x->path = b->path;
		x->next = t->lefts;
		t->lefts = x;
		x->sibling = b->folder ? map_get(&t->siblings, parent_of(b->path)) : NULL;
		if (b->folder && map_set(&t->siblings, parent_of(b->path), x) < 0)
			return RF_ENOMEM;
	}
	x->beside = b;
	return 0;
}

static int besides_lay(struct image_tree *t, const struct image_layer *l)
{
	int rc = 0;
	t->numbers_lost |= l->numbers_lost;
	for (struct left *x = t->lefts; x; x = x->next)
		if (x->beside && !layer_leaves(l, x->path))
			x->beside = NULL;
	for (const struct beside *b = l->besides; b && rc == 0; b = b->next)
		rc = left_put(t, b);
	return rc;
}

int image_tree_text(const struct image_tree *t, struct span path, struct span *ret, const char **problem)
{
	const struct left *x = map_get(&t->texts, path);
	if (!x || !x->beside)
		return RF_ENOTFOUND;
	*ret = x->beside->text;
	*problem = x->beside->problem;
	return *problem ? RF_EUNREADABLE : 0;
}

int image_tree_folders(const struct image_tree *t, struct span folder, int (*visit)(struct span name, void *data), void *data)
{
	int rc = t->numbers_lost ? RF_ETOOMANY : 0;
	for (const struct left *x = map_get(&t->siblings, folder); x && rc == 0; x = x->sibling)
		if (x->beside)
			rc = visit(span_from(x->path, folder.n + (folder.n > 0)), data);
	return rc;
}

static int nodes_lay(struct image_tree *t, const struct image_layer *l)
{
	int rc = 0;
	/* A hard link may lead to a file of a lower layer that this one replaces: what the link names is found before. */
	size_t hard_count = 0, i = 0;
	for (const struct link *k = l->links; k; k = k->next)
		hard_count += k->hard;
	RF_AUTO_FREE const struct kept **targets = rf_alloc(sizeof(struct kept *) * (hard_count + 1));
	if (!targets)
		return RF_ENOMEM;
	for (const struct link *k = l->links; k; k = k->next) {
		const struct node *lower = k->hard ? node_at(t, k->target) : NULL;
		if (k->hard)
			targets[i++] = lower ? lower->kept : NULL;
	}
	lower_take_away(t, l);
	for (const struct place *p = l->places; p && rc == 0; p = p->next)
		if (p->first)
			rc = node_put(t, &(struct node){ .path = p->path, .kept = p->first });
	i = 0;
	for (const struct link *k = l->links; k && rc == 0; k = k->next) {
		const struct node *own = k->hard ? node_at(t, k->target) : NULL; /* of this layer, or left by it */
		const struct kept *kept = !k->hard ? NULL : own ? own->kept : targets[i];
		i += k->hard;
		/* one path twice in a layer: the later stands, and which that is, two threads cannot tell: what is worth
		 * to be known is not lost */
		const struct place *twice = map_get(&l->by_path, k->path);
		if ((!k->hard || kept) && !(twice && twice->first))
			rc = node_put(t, &(struct node){ .path = k->path, .kept = kept, .hard = k->hard,
							 .target = k->hard ? SPAN_NONE : k->target });
	}
	return rc;
}

int image_tree_lay(struct image_tree *t, const struct image_layer *l)
{
	int rc = besides_lay(t, l);
	return rc ? rc : nodes_lay(t, l);
}

/* ── What is there ───────────────────────────────────────────────────────────────────────────────────────────────── */

/* Where a walk through links stands. */
struct walk {
	const struct image_tree *tree;
	char done[4096]; /* normal; no links in it */
	size_t done_bytes;
	char rest[2][8192]; /* what is still to go, the second while a link is put in front */
	unsigned links;
};

static void step_up(struct walk *w)
{
	while (w->done_bytes > 0 && w->done[--w->done_bytes] != '/')
		;
}

/* Puts @target in front of @rest. False: too long, or too many links. */
static bool follow(struct walk *w, struct span target, struct span *rest, unsigned *which)
{
	char *to = w->rest[*which ^= 1];
	if (++w->links > IMAGE_TREE_MAX_LINKS || target.n + 1 + rest->n > sizeof w->rest[0])
		return false;
	memcpy(to, target.p, target.n);
	to[target.n] = '/';
	if (rest->n)
		memcpy(to + target.n + 1, rest->p, rest->n);
	*rest = span_bytes(to, target.n + 1 + rest->n);
	step_up(w); /* the link's own name */
	if (target.n && target.p[0] == '/')
		w->done_bytes = 0;
	return true;
}

/* What @path is in the end, all links followed within the image; NULL: nothing that is kept. */
static const struct node *resolve(const struct image_tree *t, struct span path, struct walk *w)
{
	struct span rest = path, part;
	unsigned which = 0;
	*w = (struct walk){ .tree = t };
	while (span_split(&rest, '/', &part)) {
		if (part.n == 0 || span_eq_text(part, "."))
			continue;
		if (span_eq_text(part, "..")) {
			step_up(w);
			continue;
		}
		if (w->done_bytes + 1 + part.n >= sizeof w->done)
			return NULL;
		if (w->done_bytes)
			w->done[w->done_bytes++] = '/';
		memcpy(w->done + w->done_bytes, part.p, part.n);
		w->done_bytes += part.n;
		const struct node *n = node_at(t, span_bytes(w->done, w->done_bytes));
		if (n && !n->kept && !follow(w, n->target, &rest, &which))
			return NULL;
	}
	const struct node *n = node_at(t, span_bytes(w->done, w->done_bytes));
	return n && n->kept ? n : NULL;
}

static int node_order(const void *a, const void *b)
{
	return span_compare((*(struct node *const *)a)->path, (*(struct node *const *)b)->path);
}

struct visiting {
	struct image_tree *tree;
	int (*visit)(const struct scan_file *f, const char *link, void *data);
	void *data;
	struct walk walk;
};

/* A report of @from under the path of @n. */
static int visit_alias(struct visiting *v, const struct node *n, const struct kept *from, const char *link)
{
	struct scan_file f = from->file;
	char *path = arena_printf(&v->tree->arena, "%.*s%s", SPAN_ARG(n->path), from->path + from->place);
	if (!path)
		return RF_ENOMEM;
	f.path = path;
	return v->visit(&f, link, v->data);
}

static int visit_node(struct visiting *v, const struct node *n)
{
	int rc = 0;
	const struct node *real = n;
	const char *link = NULL;
	if (!n->kept) {
		real = resolve(v->tree, n->path, &v->walk);
		link = real ? arena_text(&v->tree->arena, real->path) : NULL;
		if (!real || !link)
			return real ? RF_ENOMEM : 0;
	}
	for (const struct kept *k = real->kept; k && rc == 0; k = k->next) {
		rc = n->kept && !n->hard ? v->visit(&k->file, NULL, v->data) : visit_alias(v, n, k, link);
	}
	return rc;
}

int image_tree_each(struct image_tree *t, int (*visit)(const struct scan_file *f, const char *link, void *data), void *data)
{
	RF_AUTO_FREE struct visiting *v = rf_alloc(sizeof *v);
	if (!v)
		return RF_ENOMEM;
	*v = (struct visiting){ .tree = t, .visit = visit, .data = data };
	if (t->count)
		qsort(t->nodes, t->count, sizeof(struct node *), node_order);
	int rc = 0;
	for (size_t i = 0; i < t->count && rc == 0; i++)
		if (!t->nodes[i]->gone)
			rc = visit_node(v, t->nodes[i]);
	return rc;
}
