/* check DOCKERFILE - the images that it builds on, each with its line: by what is known of them, and what their tags prove. */
#include "cli/check.h"
#include "cli/scan.h"

#include "base/fs.h"
#include "inventory/dockerfile.h"

static bool is_dockerfile(const char *arg)
{
	return scan_source_dockerfile.is(arg);
}

/* A file that no image can be read out of, or that has none. */
static int ask_whole(struct check_run *r, const char *arg, struct span text)
{
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct artifact_facts facts;
	struct digest digest;
	int rc = dockerfile_facts(text, &r->images, &a, &facts, r->err);
	if (rc < 0)
		return err_in_file(r->err, arg);
	digest_of(text, &digest);
	struct check_question q = check_content(arg, arg, &facts, &digest);
	return check_ask(r, &q);
}

static int ask_image(struct check_run *r, const char *arg, const struct dockerfile_image *image)
{
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct artifact_facts facts;
	int rc = dockerfile_image_facts(image, &r->images, &a, &facts, r->err);
	const char *name = rc < 0 ? NULL : arena_text(&a, image->reference);
	if (rc < 0 || !name)
		return rc < 0 ? err_in_file(r->err, arg) : err_set(r->err, RF_ENOMEM, "no memory for an image's name");
	struct check_question q = check_content(name, arg, &facts, NULL);
	q.line = image->line;
	/* with an argument of the build in it, it is no reference yet */
	q.subject.kind = image->missing.n ? GATE_CONTENT : GATE_IMAGE;
	return check_ask(r, &q);
}

static int run_dockerfile(struct check_run *r, const char *arg)
{
	RF_AUTO(str) bytes = STR_INIT(DOCKERFILE_MAX_BYTES + 1);
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct dockerfile file = { 0 };
	struct err why = ERR_INIT;
	size_t asked = 0;
	int rc = fs_read(arg, &bytes, r->err);
	if (rc)
		return rc;
	bool readable = dockerfile_read(str_span(&bytes), &a, &file, &why) == 0;
	for (size_t i = 0; rc == 0 && readable && i < file.count; i++)
		if (!file.images[i].scratch && !file.images[i].of_stage) {
			rc = ask_image(r, arg, &file.images[i]);
			asked++;
		}
	return rc || asked ? rc : ask_whole(r, arg, str_span(&bytes));
}

const struct check_source check_source_dockerfile = { "dockerfile", is_dockerfile, run_dockerfile };
