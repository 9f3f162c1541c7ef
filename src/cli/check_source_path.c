/* check PATH - files, folders, and what lies inside of containers: each a subject of its own. */
#include "cli/check.h"

#include "inventory/dockerfile.h"
#include "inventory/scan_image.h"
#include "inventory/scan_member.h"

struct path_check {
	struct check_run *run;
	size_t inside; /* of the container at hand: members that are something */
	size_t asked;
};

static bool is_path(const char *arg)
{
	return arg[0] != '\0';
}

/* What a folder or a container holds beside engines, models and libraries is not asked about; what was named is. */
static bool is_of_interest(const struct scan_file *f)
{
	if (f->in_image && f->facts->finding == ARTIFACT_CLEAR && artifact_kind_only_holds(span_of(f->facts->kind)))
		return false; /* asked about as an image */
	return strcmp(f->facts->kind, ARTIFACT_OTHER) != 0 || f->facts->finding != ARTIFACT_CLEAR || strcmp(f->path, f->root) == 0;
}

/* One whose images can be asked about, each at its line. */
static bool is_dockerfile(const struct scan_file *f)
{
	for (size_t i = 0; i < f->facts->rule_count; i++)
		if (strcmp(f->facts->rules[i], DOCKERFILE_MALFORMED) == 0)
			return false;
	return strcmp(f->facts->kind, ARTIFACT_DOCKERFILE) == 0;
}

/* Only what lies inside of it says anything, and nothing in there did. */
static bool is_empty_container(const struct path_check *p, const struct scan_file *f)
{
	return !f->outer && artifact_kind_only_holds(span_of(f->facts->kind)) && !p->inside && f->facts->finding == ARTIFACT_CLEAR;
}

static int take(const struct scan_file *f, void *data)
{
	struct path_check *p = data;
	struct check_run *r = p->run;
	struct artifact_facts facts = *f->facts;
	if (f->error && !f->folder && strcmp(f->path, f->root) == 0)
		return err_set(r->err, RF_EIO, "%s: %s", f->path, facts.note_count ? facts.notes[0] : "cannot be read");
	int rc = r->in->wrapped ? check_held_add(&r->held, f, r->err) : 0;
	if (rc || !is_of_interest(f))
		return rc;
	if (is_empty_container(p, f))
		check_say_empty(&facts);
	p->inside = f->outer ? p->inside + !artifact_kind_only_holds(span_of(facts.kind)) : 0;
	p->asked++;
	if (is_dockerfile(f))
		return check_source_dockerfile.run(r, f->path);
	struct check_question q = check_content(f->path, f->outer ? f->outer : f->path, &facts, f->has_digest ? &f->digest : NULL);
	q.subject.line = r->line;
	/* what lies inside of a container has nothing beside it */
	rc = f->outer || !f->has_digest ? 0 : gate_papers_of(r->papers, f->path, &r->a, &q.subject, r->err);
	return rc ? rc : check_ask(r, &q);
}

/* A folder without anything that is read here says nothing: no data is no pass. */
static int ask_nothing(struct check_run *r, const char *arg)
{
	struct artifact_facts facts = { .kind = ARTIFACT_OTHER, .layout = "", .cause = "", .cc_major = -1, .cc_minor = -1 };
	struct check_question q = check_content(arg, arg, &facts, NULL);
	return check_ask(r, &q);
}

static int run_path(struct check_run *r, const char *arg)
{
	struct path_check p = { r, 0, 0 };
	struct scan_options apart = { .threads = 0 };
	RF_AUTO_PTR(scan_images) images = scan_images_new(&(struct scan_image_options){ .scan = &apart, .all_platforms = true });
	struct check_found found = { r, images, 0 };
	struct scan_options options = { .images = &r->images, .image = check_found_image, .image_data = &found };
	if (!images)
		return err_set(r->err, RF_ENOMEM, "no memory to scan images");
	int rc = scan_files(&arg, 1, &options, take, &p, NULL, r->err);
	return rc || p.asked || found.asked ? rc : ask_nothing(r, arg);
}

const struct check_source check_source_path = { "path", is_path, run_path };
