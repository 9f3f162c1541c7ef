/*
 * check IMAGE - what an image holds, each file of interest a subject, and the image itself.
 *
 * It is read as `scan` reads it. An image with packages, libraries, engines or models in it and no product of ours among them is
 * clear; one in which nothing at all could be read is not. By a bundle, which is for places without a network, an image in a registry is not fetched:
 * what the bundle knows of its reference or digest decides.
 */
#include "cli/check.h"
#include "cli/scan.h"

#include "inventory/registry.h"
#include "inventory/scan_image.h"
#include "inventory/scan_member.h"

#define REGISTRY "registry:"

struct image_check {
	struct check_run *run;
	bool is_remote; /* its name is a registry's */
	size_t inside;  /* of the image at hand: files that say something */
	struct registry_settings settings;
};

static bool is_image(const char *arg)
{
	return scan_image_is(arg);
}

static const struct registry_settings *settings_of(struct span host, void *data)
{
	struct image_check *c = data;
	c->settings = scanning_registry(c->run->site.workspace, host);
	return &c->settings;
}

/* A form with a local file or folder behind it; else the name is a registry's. */
static bool is_local(const char *arg)
{
	static const char *const forms[] = { "oci:", "oci-archive:", "docker-archive:", "rootfs:" };
	for (size_t i = 0; i < RF_COUNT(forms); i++)
		if (span_starts(span_of(arg), forms[i]))
			return true;
	return fs_is_dir(arg);
}

static const char *reference_of(const char *arg)
{
	return span_starts(span_of(arg), REGISTRY) ? arg + strlen(REGISTRY) : arg;
}

static int inside_take(struct image_check *c, enum platform_line line, const struct scan_file *f)
{
	struct span kind = span_of(f->facts->kind);
	bool other = span_eq_text(kind, ARTIFACT_OTHER);
	c->inside += !other && !artifact_kind_only_holds(kind);
	if (other && f->facts->finding == ARTIFACT_CLEAR)
		return 0;
	struct check_question q = check_content(f->path, NULL, f->facts, f->has_digest ? &f->digest : NULL);
	q.subject.line = line;
	return check_ask(c->run, &q);
}

static int take(const struct scan_image *image, const struct scan_file *f, const char *inside, void *data)
{
	struct image_check *c = data;
	struct artifact_facts facts = *f->facts;
	if (inside)
		return inside_take(c, image->line, f);
	if (!c->inside && facts.finding == ARTIFACT_CLEAR)
		check_say_empty(&facts);
	c->inside = 0;
	struct check_question q = check_content(f->path, NULL, &facts, &image->digest);
	q.subject.line = image->line;
	if (c->is_remote) {
		q.subject.kind = GATE_IMAGE;
		q.subject.name = span_of(reference_of(image->reference));
	}
	return check_ask(c->run, &q);
}

static int ask_reference(struct check_run *r, const char *arg)
{
	struct span name = span_of(reference_of(arg));
	return check_ask(r, &(struct check_question){ .name = arg, .subject = { .kind = GATE_IMAGE, .name = name } });
}

static int run_image(struct check_run *r, const char *arg)
{
	struct image_check c = { .run = r, .is_remote = !is_local(arg) };
	struct scan_options scan = { .threads = 0 };
	struct scan_image_options o = { .scan = &scan, .registry = settings_of, .registry_data = &c };
	if (r->bundle && c.is_remote)
		return ask_reference(r, arg);
	RF_AUTO_PTR(scan_images) images = scan_images_new(&o);
	if (!images)
		return err_set(r->err, RF_ENOMEM, "no memory to scan an image");
	return scan_image(images, arg, take, &c, NULL, r->err);
}

int check_found_image(const char *argument, void *data, struct err *err)
{
	struct check_found *found = data;
	struct image_check c = { .run = found->run };
	int rc = scan_image_found(found->images, argument, take, &c, NULL, err);
	found->asked += rc == 0;
	return rc;
}

const struct check_source check_source_image = { "image", is_image, run_image };
