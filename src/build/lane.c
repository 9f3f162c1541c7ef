/* lane - the list a person would walk through before promising a rebuild. */
#include "build/lane.h"

#include "base/fs.h"
#include "base/str.h"
#include "build/quarantine.h"

#define MAX_SET_FILES 100000    /* ImageNet's whole validation set is 50,000 */

const char *lane_part_name(enum lane_part part)
{
	static const char *const names[] = { "recipe", "owner", "toolchain", "source", "calibration", "golden inputs", "target",
					     "fix path" };
	return (unsigned)part < RF_COUNT(names) ? names[part] : "?";
}

/* ── digest of a set ─────────────────────────────────────────────────────────────────────────────────────────────── */

struct set {
	const char *root;
	struct digest *leaves;
	size_t count, capacity;
	struct err *err;
};

static int add_leaf(const struct fs_entry *entry, void *data)
{
	struct set *set = data;
	if (entry->kind != FS_FILE) {
		err_set(set->err, RF_EINVALID, "a set holds regular files only");
		return err_in_file(set->err, entry->path);
	}
	if (set->count == MAX_SET_FILES)
		return err_set(set->err, RF_ETOOMANY, "a set has at most %d files", MAX_SET_FILES);
	if (set->count == set->capacity) {
		size_t more = set->capacity ? set->capacity * 2 : 64;
		struct digest *grown = rf_realloc_array(set->leaves, more, sizeof *grown);
		if (!grown)
			return err_set(set->err, RF_ENOMEM, "set");
		set->leaves = grown;
		set->capacity = more;
	}
	struct digest content;
	int rc = digest_file(entry->path, &content, NULL, set->err);
	if (rc != 0)
		return rc;
	const char *relative = entry->path + strlen(set->root);
	while (*relative == '/')
		relative++;
	RF_AUTO(str) leaf = STR_INIT(FS_PATH_MAX + DIGEST_BYTES + 1);
	str_add_text(&leaf, relative);
	str_add_byte(&leaf, '\0');
	str_add(&leaf, span_bytes(content.bytes, DIGEST_BYTES));
	rc = str_check(&leaf, "set", set->err);
	if (rc == 0)
		digest_of(str_span(&leaf), &set->leaves[set->count++]);
	return rc;
}

int lane_set_digest(const char *path, struct digest *ret, size_t *ret_files, struct err *err)
{
	if (!fs_is_dir(path)) {
		*ret_files = 1;
		return digest_file(path, ret, NULL, err);
	}
	struct set set = { .root = path, .err = err };
	int rc = fs_walk(path, add_leaf, &set, err);
	if (rc == 0) {
		digest_merkle(set.leaves, set.count, ret);
		*ret_files = set.count;
	}
	rf_free(set.leaves);
	return rc;
}

/* ── the items ───────────────────────────────────────────────────────────────────────────────────────────────────── */

struct checking {
	const struct lane_question *q;
	struct arena *a;
	struct lane *lane;
	bool out_of_memory;
};

/* @reason is in the arena, NULL when memory is out; @owner NULL: the recipe's. */
static void add_item(struct checking *c, enum lane_part part, bool ok, const char *owner, const char *reason)
{
	const struct recipe *r = c->q->recipe;
	if (!reason)
		c->out_of_memory = true;
	if (!owner)
		owner = r && r->owner.name ? r->owner.name : "";
	c->lane->items[c->lane->item_count++] = (struct lane_item){ part, ok, reason ? reason : "", owner };
	c->lane->open = c->lane->open && ok;
}

static const char *error_words(struct checking *c, const struct err *e)
{
	char text[2048];
	return arena_text(c->a, span_of(err_render(e, text, sizeof text)));
}

static const char *short_hex(const struct digest *d, char buffer[DIGEST_HEX])
{
	digest_hex(d, buffer);
	buffer[12] = '\0';
	return buffer;
}

static void check_recipe(struct checking *c)
{
	const struct recipe *r = c->q->recipe;
	if (r->transform_n > 0)
		add_item(c, LANE_RECIPE, false, NULL,
			 arena_printf(c->a, "the step \"%s\" has no executor in this version of reforge", r->transform[0].run));
	else if (!recipe_has_target(r, c->q->target))
		add_item(c, LANE_RECIPE, false, NULL, arena_printf(c->a, "the recipe is not for %s", c->q->target));
	else
		add_item(c, LANE_RECIPE, true, NULL, arena_printf(c->a, "%s, build %.12s", r->file ? r->file : r->model, r->build_digest));
}

static void check_owner(struct checking *c)
{
	const struct owner *o = &c->q->recipe->owner;
	bool known = o->name && o->name[0] && o->contact && o->contact[0];
	add_item(c, LANE_OWNER, known, NULL,
		 known ? arena_printf(c->a, "%s, %s", o->name, o->contact) : arena_text(c->a, SPAN("the recipe names no owner with a contact")));
}

static void check_toolchain(struct checking *c)
{
	const struct lane_question *q = c->q;
	const char *name = q->recipe->toolchain, *owner = q->toolchain_owner;
	if (!q->version)
		add_item(c, LANE_TOOLCHAIN, false, owner, arena_printf(c->a, "no version of %s is known to cure", name));
	else if (!q->toolchain)
		add_item(c, LANE_TOOLCHAIN, false, owner,
			 arena_printf(c->a, "%s %s: %s", name, q->version, q->toolchain_error ? q->toolchain_error : "not in reforge.yaml"));
	else if (!q->probe)
		add_item(c, LANE_TOOLCHAIN, false, owner, arena_printf(c->a, "%s %s has not been tried on this machine", name, q->version));
	else if (!q->probe->usable) {
		RF_AUTO(str) missing = STR_INIT(8 * KIB);
		for (size_t i = 0; i < q->probe->missing_count; i++)
			str_addf(&missing, "%s%s", i ? "; " : "", q->probe->missing[i]);
		add_item(c, LANE_TOOLCHAIN, false, owner,
			 arena_printf(c->a, "%s %s cannot build here: %s", name, q->version, missing.n ? str_text(&missing) : "no reason given"));
	} else {
		char hex[DIGEST_HEX];
		add_item(c, LANE_TOOLCHAIN, true, owner, arena_printf(c->a, "%s %s, sha256 %s…", name, q->probe->version,
								      short_hex(&q->toolchain->library_digest, hex)));
	}
}

/* A file or set of the recipe against its pinned digest (NULL: not pinned). */
static void check_pinned(struct checking *c, enum lane_part part, const char *relative, const char *sha256)
{
	char path[FS_PATH_MAX], hex[DIGEST_HEX];
	struct digest found, wanted;
	size_t files = 0;
	struct err e = ERR_INIT;
	int rc = fs_join(path, sizeof path, c->q->workspace, relative, &e);
	if (rc == 0)
		rc = lane_set_digest(path, &found, &files, &e);
	if (rc == 0 && sha256)
		rc = digest_read(span_of(sha256), &wanted, &e);
	if (rc != 0)
		add_item(c, part, false, NULL, error_words(c, &e));
	else if (sha256 && !digest_eq(&found, &wanted))
		add_item(c, part, false, NULL, arena_printf(c->a, "%s: sha256 is %s…, the recipe says %.12s…", relative,
							    short_hex(&found, hex), sha256));
	else
		add_item(c, part, true, NULL, arena_printf(c->a, "%s, sha256 %s…%s", relative, short_hex(&found, hex),
							   sha256 ? "" : " (not pinned)"));
}

/* A source that is the right one may still be one that no toolchain should open. */
static void check_source(struct checking *c)
{
	const struct recipe *r = c->q->recipe;
	char path[FS_PATH_MAX];
	struct err e = ERR_INIT;
	check_pinned(c, LANE_SOURCE, r->source.path, r->source.sha256);
	struct lane_item *item = &c->lane->items[c->lane->item_count - 1];
	if (!item->ok || fs_join(path, sizeof path, c->q->workspace, r->source.path, &e) != 0 ||
	    quarantine_check(toolchain_kind_find(span_of(r->toolchain)), path, &e) == 0)
		return;
	item->ok = c->lane->open = false;
	item->reason = error_words(c, &e);
	c->out_of_memory |= !item->reason;
}

static void check_calibration(struct checking *c)
{
	const struct recipe *r = c->q->recipe;
	for (size_t i = 0; i < r->transform_n; i++)
		if (r->transform[i].calibration.path) {
			check_pinned(c, LANE_CALIBRATION, r->transform[i].calibration.path, r->transform[i].calibration.sha256);
			return;   /* one item a part: a second set is looked at when the step runs */
		}
}

static int count_tensor(const struct fs_entry *entry, void *data)
{
	size_t *n = data;
	if (entry->kind == FS_FILE && span_ends(span_of(entry->name), ".npy"))
		++*n;
	return 0;
}

static void check_golden(struct checking *c)
{
	char path[FS_PATH_MAX];
	size_t tensors = 0;
	struct err e = ERR_INIT;
	const char *inputs = c->q->recipe->inputs;
	int rc = fs_join(path, sizeof path, c->q->workspace, inputs, &e);
	if (rc == 0)
		rc = fs_walk(path, count_tensor, &tensors, &e);
	if (rc != 0)
		add_item(c, LANE_GOLDEN, false, NULL, error_words(c, &e));
	else if (tensors == 0)
		add_item(c, LANE_GOLDEN, false, NULL, arena_printf(c->a, "%s holds no .npy file", inputs));
	else
		add_item(c, LANE_GOLDEN, true, NULL, arena_printf(c->a, "%s, %zu tensors", inputs, tensors));
}

/* "no builder for linux-x86_64/sm_86 here: no NVIDIA GPU: …; trtexec: …" */
static const char *missing_words(struct checking *c)
{
	RF_AUTO(str) s = STR_INIT(16 * KIB);
	str_addf(&s, "no builder for %s here: ", c->q->target);
	for (size_t i = 0; i < c->q->probe->missing_count; i++)
		str_addf(&s, "%s%s", i ? "; " : "", c->q->probe->missing[i]);
	return s.failed ? NULL : arena_text(c->a, str_span(&s));
}

static void check_target(struct checking *c)
{
	const struct lane_question *q = c->q;
	const char *served = q->probe ? q->probe->target : "";
	if (served[0] && strcmp(served, q->target) == 0)
		add_item(c, LANE_TARGET, true, q->toolchain_owner, arena_printf(c->a, "this machine is %s", served));
	else if (served[0])
		add_item(c, LANE_TARGET, false, q->toolchain_owner, arena_printf(c->a, "this machine is %s, not %s", served, q->target));
	else if (q->probe && q->probe->missing_count > 0)
		add_item(c, LANE_TARGET, false, q->toolchain_owner, missing_words(c));
	else
		add_item(c, LANE_TARGET, false, q->toolchain_owner,
			 arena_printf(c->a, "no builder for %s: what this machine serves could not be told", q->target));
}

static void check_path(struct checking *c)
{
	const struct lane_question *q = c->q;
	if (!q->fix_mark)
		add_item(c, LANE_PATH, true, NULL, arena_text(c->a, SPAN("as-is")));
	else
		add_item(c, LANE_PATH, false, NULL, arena_printf(c->a, "%s: %s", q->fix_mark, q->fix_reason ? q->fix_reason : "no reason given"));
}

int lane_check(const struct lane_question *question, struct arena *a, struct lane *ret, struct err *err)
{
	*ret = (struct lane){ .model = arena_text(a, span_of(question->model)), .target = arena_text(a, span_of(question->target)),
			      .version = question->version ? arena_text(a, span_of(question->version)) : NULL, .open = true };
	struct checking c = { .q = question, .a = a, .lane = ret };
	if (!question->recipe) {
		add_item(&c, LANE_RECIPE, false, question->toolchain_owner,
			 arena_printf(a, "there is no recipe \"%s\"", question->model ? question->model : ""));
	} else {
		check_recipe(&c);
		check_owner(&c);
		check_target(&c);
		check_toolchain(&c);
		check_source(&c);
		check_calibration(&c);
		check_golden(&c);
		check_path(&c);
	}
	if (c.out_of_memory || !ret->model || !ret->target)
		return err_set(err, RF_ENOMEM, "lane");
	return 0;
}

const char *lane_text(const struct lane *lane, char *buffer, size_t size)
{
	size_t n = 0;
	if (size == 0)
		return buffer;
	buffer[0] = '\0';
	for (size_t i = 0; i < lane->item_count; i++) {
		if (lane->items[i].ok)
			continue;
		int m = snprintf(buffer + n, size - n, "%s%s: %s", n ? "; " : "", lane_part_name(lane->items[i].part),
				 lane->items[i].reason);
		if (m < 0 || (size_t)m >= size - n)
			break;
		n += (size_t)m;
	}
	if (n == 0 && lane->open)
		snprintf(buffer, size, "open");
	return buffer;
}
