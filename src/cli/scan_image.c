/* scan IMAGE - images in folders, archives and registries; root file systems. In a workspace they are recorded too. */
#include "cli/scan.h"
#include "cli/site.h"

#include "exposure/exposure.h"
#include "inventory/inventory.h"
#include "inventory/registry.h"
#include "inventory/scan_image.h"

struct image_scanning {
	struct scanning *scanning;
	struct site site; /* workspace NULL: there is none, nothing is recorded */
	struct inventory_batch *batch;
	struct registry_settings settings;
	struct err *err;
};

/* ── Recording ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Content at a path of the image, and of the list of platforms that names the image: what runs may be known by either. */
static int inside_record(struct image_scanning *s, const struct scan_image *image, const struct scan_file *f, const char *inside)
{
	RF_AUTO(str) path = STR_INIT(64 * KIB);
	if (!f->has_digest) /* its trouble is the image's, or a note: there is no content to know it by */
		return 0;
	int rc = inventory_batch_content(s->batch, &f->digest, f->facts, s->err);
	if (rc == 0)
		rc = inventory_batch_inside(s->batch, &image->digest, inside, &f->digest, s->err);
	if (rc || !image->has_index)
		return rc;
	str_addf(&path, "%s!/%s", image->platform[0] ? image->platform : "unknown", inside);
	rc = str_check(&path, "a path in an image", s->err);
	return rc ? rc : inventory_batch_inside(s->batch, &image->index, str_text(&path), &f->digest, s->err);
}

/* The list of platforms that names the image: what runs by its digest may be an image that was not looked at. */
static int index_record(struct image_scanning *s, const struct scan_image *image, const struct artifact_facts *facts)
{
	struct artifact_facts f = *facts;
	if (image->index_unseen) {
		size_t last = f.note_count < ARTIFACT_MAX_NOTES ? f.note_count++ : ARTIFACT_MAX_NOTES - 1;
		f.notes[last] = image->index_unseen;
		f.second_look_from = f.note_count;
	}
	if (image->index_unseen && f.finding == ARTIFACT_CLEAR) {
		f.finding = ARTIFACT_UNKNOWN;
		f.cause = ARTIFACT_CAUSE_CONTENT_ABSENT;
	}
	return inventory_batch_content(s->batch, &image->index, &f, s->err);
}

static int image_record(struct image_scanning *s, const struct scan_image *image, const struct scan_file *f)
{
	RF_AUTO(str) host = STR_INIT(8 * KIB);
	str_addf(&host, "image:%s", image->reference);
	int rc = str_check(&host, "an image's name", s->err);
	struct inventory_place place = { .host = str_text(&host), .service = "", .environment = "", .model = "" };
	if (rc == 0)
		rc = inventory_batch_root(s->batch, "", &place, s->err);
	if (rc == 0)
		rc = inventory_batch_content(s->batch, &image->digest, f->facts, s->err);
	if (rc == 0 && image->has_index)
		rc = index_record(s, image, f->facts);
	return rc ? rc : inventory_batch_place(s->batch, "/", &image->digest, ARTIFACT_CONTAINER_IMAGE, &place, s->err);
}

static int take(const struct scan_image *image, const struct scan_file *f, const char *inside, void *data)
{
	struct image_scanning *s = data;
	int rc = !s->batch ? 0 : inside ? inside_record(s, image, f, inside) : image_record(s, image, f);
	return rc ? rc : scanning_take(f, s->scanning);
}

static int record(struct image_scanning *s)
{
	struct inventory_changes changes;
	struct exposure_changes exposures;
	int rc = inventory_record(s->site.db, s->batch, &changes, s->err);
	if (rc == 0)
		rc = exposure_refresh(s->site.db, s->site.actor, &exposures, s->err);
	return rc ? rc : site_seal(&s->site, s->err);
}

/* ── The run ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct registry_settings scanning_registry(const struct workspace *w, struct span host)
{
	struct registry_settings settings = registry_defaults(host);
	if (!w)
		return settings;
	const struct workspace_registry *r = workspace_registry(w, host);
	const char *proxy = r && r->proxy ? r->proxy : w->proxy;
	settings.proxy = proxy && strcmp(proxy, "none") != 0 ? proxy : NULL;
	settings.ca_file = r && r->ca_file ? r->ca_file : w->ca_file;
	if (r) {
		settings.plain_http = strcmp(r->scheme, "http") == 0;
		settings.credentials = r->credentials;
	}
	return settings;
}

static const struct registry_settings *settings_of(struct span host, void *data)
{
	struct image_scanning *s = data;
	s->settings = scanning_registry(s->site.workspace, host);
	return &s->settings;
}

/* The workspace, where there is one: -C DIR asks for it, else it is taken when the working folder lies in it. */
static int workspace_take(const struct invocation *in, struct image_scanning *s)
{
	char folder[FS_PATH_MAX];
	if (!in->workspace && workspace_find(".", folder, sizeof folder, NULL) != 0)
		return 0;
	int rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &s->site, s->err);
	if (rc)
		return rc;
	s->batch = inventory_batch_new();
	return s->batch ? 0 : err_set(s->err, RF_ENOMEM, "no memory to record images");
}

static int options_read(const struct invocation *in, struct scan_image_options *o, struct err *err)
{
	const char *platform = option_text(in, "platform", NULL);
	if (platform && strcmp(platform, "all") == 0)
		o->all_platforms = true;
	else if (platform)
		return image_platform_read(span_of(platform), &o->platform, err);
	return 0;
}

static int images_scan(struct image_scanning *s, const struct scan_image_options *o, const char *const *args, size_t n,
                       struct scan_totals *totals)
{
	RF_AUTO_PTR(scan_images) images = scan_images_new(o);
	int rc = images ? 0 : err_set(s->err, RF_ENOMEM, "no memory to scan images");
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct scan_totals more;
		rc = scan_image(images, args[i], take, s, &more, s->err);
		if (rc == 0)
			scan_totals_add(totals, &more);
	}
	return rc;
}

static int run_image(const struct invocation *in, const char *const *args, size_t n, struct scanning *scanning, struct scan_totals *totals,
                     struct err *err)
{
	struct image_scanning *s = rf_alloc(sizeof *s);
	struct scan_options scan = scanning_options(in, scanning);
	struct scan_image_options o = { .scan = &scan, .registry = settings_of, .registry_data = s };
	if (!s)
		return err_set(err, RF_ENOMEM, "no memory to scan images");
	s->scanning = scanning;
	s->err = err;
	int rc = options_read(in, &o, err);
	if (rc == 0)
		rc = workspace_take(in, s);
	if (rc == 0)
		rc = images_scan(s, &o, args, n, totals);
	if (rc == 0 && s->batch)
		rc = record(s);
	inventory_batch_free(s->batch);
	site_release(&s->site);
	rf_free(s);
	return rc;
}

const struct scan_source scan_source_image = { "image", scan_image_is, run_image };
