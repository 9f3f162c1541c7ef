/* Images: layers over each other to reports. See scan_image.h. */
#include "inventory/scan_image_int.h"

#include "inventory/line.h"
#include "inventory/scan_member.h"
#include "inventory/scan_set.h"
#include "inventory/triton_repository.h"

#include <stdarg.h>

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "no memory for the documents of an image");
}

/* ── Reports ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct reporting {
	struct image_run *run;
	const struct image_found *found;
	scan_image_report *report;
	void *data;
	struct arena arena; /* of one report */
	struct scan_totals *totals;
	struct scan_sets sets; /* of the image at hand, over what is there in the end */
	const struct image_tree *tree;
	struct triton_repositories *triton; /* of the image at hand */
	uint64_t files;
	struct err *err;
};

static void count(struct scan_totals *t, const struct scan_file *f)
{
	t->engines += artifact_kind_is_engine(span_of(f->facts->kind));
	t->conflicts += f->facts->finding == ARTIFACT_CONFLICT;
	t->unknowns += f->facts->finding == ARTIFACT_UNKNOWN;
	t->errors += f->error;
}

/* ── Triton's repositories in an image ───────────────────────────────────────────────────────────────────────────── */

static struct span in_tree(const char *path)
{
	return span_from(span_of(path), path[0] == '/');
}

static int config_text(void *data, const char *path, struct str *to, struct err *err)
{
	const struct reporting *r = data;
	struct span text = SPAN_NONE;
	const char *problem = NULL;
	int rc = image_tree_text(r->tree, in_tree(path), &text, &problem);
	if (rc == RF_EUNREADABLE)
		return err_set(err, rc, "%s", problem);
	if (rc == 0)
		str_add(to, text);
	return rc ? rc : str_check(to, path, err);
}

static int version_folders(void *data, const char *folder, int (*visit)(struct span name, void *visit_data), void *visit_data)
{
	const struct reporting *r = data;
	return image_tree_folders(r->tree, in_tree(folder), visit, visit_data);
}

/* No server loads what lies in an archive. */
static int triton_judge(struct reporting *r, const struct scan_file *file, struct scan_file *f, struct triton_verdict *verdict)
{
	if (file->error || strstr(file->path, SCAN_MEMBER_MARK))
		return 0;
	const char *path = arena_printf(&r->arena, "/%s", file->path);
	int rc = path ? triton_look(r->triton, path, verdict, r->err) : no_memory(r->err);
	f->triton = verdict;
	return rc;
}

/* ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int on_inside(const struct scan_file *file, const char *link, void *data)
{
	struct reporting *r = data;
	struct scan_file f = *file;
	struct triton_verdict verdict;
	struct artifact_facts facts = *file->facts;
	arena_reset(&r->arena);
	f.path = arena_printf(&r->arena, "%s!/%s", r->found->image.reference, file->path);
	f.root = f.outer = r->found->image.reference;
	f.outer_digest = &r->found->image.digest;
	if (link && facts.note_count < ARTIFACT_MAX_NOTES) {
		facts.notes[facts.note_count] = arena_printf(&r->arena, "reached through a symbolic link to %s", link);
		if (!facts.notes[facts.note_count++])
			return no_memory(r->err);
	}
	f.facts = &facts;
	if (!f.path)
		return no_memory(r->err);
	f.inner = f.path + strlen(f.outer) + strlen(SCAN_MEMBER_MARK);
	int rc = triton_judge(r, file, &f, &verdict);
	if (rc)
		return rc;
	r->files++;
	count(r->totals, &f);
	if (scan_sets_add(&r->sets, &f) < 0)
		return no_memory(r->err);
	return r->report(&r->found->image, &f, f.inner, r->data);
}

static int on_set(const struct scan_file *f, void *data)
{
	struct reporting *r = data;
	return r->report(&r->found->image, f, f->inner, r->data);
}

/* Engines, configurations and libraries may come from different layers: what belongs together is told of the whole. */
static int sets_report(struct reporting *r)
{
	const struct scan_image *image = &r->found->image;
	struct scan_container c = { .path = image->reference, .digest = &image->digest };
	int rc = scan_sets_report(&r->sets, image->reference, &c, on_set, r, r->totals);
	return rc == RF_ENOMEM ? no_memory(r->err) : rc;
}

static const struct {
	enum artifact_finding finding;
	const char *cause, *rule;
} troubles[] = {
	[LAYER_WHOLE] = { ARTIFACT_CLEAR, "", NULL },
	[LAYER_INCOMPLETE] = { ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE, "image_layer_incomplete" },
	[LAYER_ABSENT] = { ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_CONTENT_ABSENT, "image_layer_absent" },
	[LAYER_UNREADABLE] = { ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "image_layer_unreadable" },
	[LAYER_FORGED] = { ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "image_layer_digest" },
};

static void RF_PRINTF(3, 4) note(struct reporting *r, struct artifact_facts *f, const char *format, ...)
{
	char text[1600];
	va_list args;
	if (f->note_count == ARTIFACT_MAX_NOTES) {
		f->notes[ARTIFACT_MAX_NOTES - 1] = "more was found than is noted here";
		f->notes_dropped++;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	const char *kept = arena_text(&r->arena, span_of(text));
	if (kept)
		f->notes[f->note_count++] = kept;
}

static void trouble_take(struct artifact_facts *f, enum layer_trouble t, const char *rule)
{
	if (troubles[t].finding > f->finding) {
		f->finding = troubles[t].finding;
		f->cause = troubles[t].cause;
	}
	for (size_t i = 0; i < f->rule_count; i++)
		if (strcmp(f->rules[i], rule) == 0)
			return;
	if (f->rule_count < ARTIFACT_MAX_RULES)
		f->rules[f->rule_count++] = rule;
}

/* "linux-x86_64", as targets are written. */
static void target_of(const char *platform, char *ret, size_t size)
{
	struct span s = span_of(platform), os, architecture;
	if (!span_split(&s, '/', &os) || !span_split(&s, '/', &architecture))
		return;
	const char *name = span_eq_text(architecture, "amd64") ? "x86_64" : span_eq_text(architecture, "arm64") ? "aarch64" : NULL;
	if (name)
		(void)snprintf(ret, size, "%.*s-%s", SPAN_ARG(os), name);
	else
		(void)snprintf(ret, size, "%.*s-%.*s", SPAN_ARG(os), SPAN_ARG(architecture));
}

static void layers_judge(struct reporting *r, struct artifact_facts *f)
{
	const struct image_found *found = r->found;
	for (size_t i = 0; i < found->layer_count; i++) {
		const struct image_wanted *w = r->run->wanted[found->layers[i]];
		struct span name = w->digest.n ? span_sub(w->digest, 0, 19) : w->name;
		if (w->trouble == LAYER_WHOLE)
			continue;
		note(r, f, "layer %zu of %zu (%.*s): %s", i + 1, found->layer_count, SPAN_ARG(name), w->problem);
		trouble_take(f, w->trouble, troubles[w->trouble].rule);
	}
	if (found->trouble) {
		note(r, f, "%s", found->problem);
		trouble_take(f, found->trouble, found->trouble == LAYER_FORGED ? "image_config_mismatch" : "image_config_unreadable");
	}
}

static int image_report(struct reporting *r, uint64_t hidden)
{
	const struct image_found *found = r->found;
	struct artifact_facts facts = { .kind = ARTIFACT_CONTAINER_IMAGE, .layout = found->layout, .cause = "", .cc_major = -1, .cc_minor = -1,
					.size = found->bytes };
	arena_reset(&r->arena);
	target_of(found->image.platform, facts.target, sizeof facts.target);
	note(r, &facts, "%zu layers, %llu files of interest in the end", found->layer_count, (unsigned long long)r->files);
	if (hidden)
		note(r, &facts, "deleted or replaced by layers above, so not in the image's file system: %llu",
		     (unsigned long long)hidden);
	if (strcmp(found->layout, "docker-archive") == 0)
		note(r, &facts, "a docker-archive without a manifest: known by its config's digest, the image's ID");
	layers_judge(r, &facts);
	facts.second_look_from = facts.note_count;
	struct scan_file f = { .path = found->image.reference, .root = found->image.reference, .has_digest = true,
			       .digest = found->image.digest, .facts = &facts };
	count(r->totals, &f);
	return r->report(&found->image, &f, NULL, r->data);
}

static int inside_report(struct reporting *r, struct image_tree *t)
{
	const struct triton_source source = { config_text, version_folders, r };
	r->tree = t;
	r->triton = triton_repositories_new_in(&source);
	int rc = r->triton ? image_tree_each(t, on_inside, r) : RF_ENOMEM;
	triton_repositories_free(r->triton);
	r->triton = NULL;
	return rc;
}

static int on_line(const struct scan_file *f, const char *link, void *data)
{
	enum platform_line *line = data;
	(void)link;
	*line = line_join(*line, line_told_by_facts(span_of(f->path), f->facts));
	return 0;
}

static int tree_report(struct reporting *r, struct scan_image *image)
{
	struct image_tree *t = image_tree_new();
	int rc = t ? 0 : RF_ENOMEM;
	for (size_t i = 0; i < r->found->layer_count && rc == 0; i++) {
		const struct image_layer *l = r->run->wanted[r->found->layers[i]]->layer;
		rc = l ? image_tree_lay(t, l) : 0;
	}
	image->line = PLATFORM_ANY;
	if (rc == 0)
		rc = image_tree_each(t, on_line, &image->line);
	if (rc == 0)
		rc = inside_report(r, t);
	if (rc == 0)
		rc = sets_report(r);
	if (rc == 0)
		rc = image_report(r, image_tree_hidden(t));
	image_tree_free(t);
	return rc == RF_ENOMEM && !r->err->code ? no_memory(r->err) : rc;
}

static bool is_whole(const struct image_run *run, const struct image_found *f)
{
	for (size_t i = 0; i < f->layer_count; i++)
		if (run->wanted[f->layers[i]]->trouble != LAYER_WHOLE)
			return false;
	return f->trouble == LAYER_WHOLE;
}

/* A list of platforms is known whole when each of its images is. */
static void indexes_judge(struct image_run *run)
{
	for (const struct image_found *f = run->images; f; f = f->next) {
		if (!f->image.has_index || is_whole(run, f))
			continue;
		for (struct image_found *other = run->images; other; other = other->next)
			if (other != f && other->image.has_index && digest_eq(&other->image.index, &f->image.index) &&
			    !other->image.index_unseen)
				other->image.index_unseen = "the image for another platform could not be read whole";
	}
}

int image_run_report(struct image_run *run, scan_image_report *report, void *data, struct scan_totals *totals, struct err *err)
{
	int rc = 0;
	struct reporting r = { .run = run, .report = report, .data = data, .totals = totals, .err = err,
			       .arena = ARENA_INIT(4 * MIB) };
	indexes_judge(run);
	for (struct image_found *f = run->images; f && rc == 0; f = f->next) {
		r.found = f;
		r.files = 0;
		scan_sets_init(&r.sets);
		rc = tree_report(&r, &f->image);
		scan_sets_release(&r.sets);
	}
	arena_release(&r.arena);
	for (size_t i = run->wanted_from; i < run->wanted_count; i++) {
		totals->files += run->wanted[i]->totals.files;
		totals->bytes_hashed += run->wanted[i]->totals.bytes_hashed;
	}
	return rc;
}
