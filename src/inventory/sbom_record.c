/* A bill of materials into the database. See sbom.h. */
#include "inventory/inventory.h"
#include "inventory/sbom.h"

/* What is content to be found again by its digest; a package's hash is that of an archive that is not installed. */
static bool is_content(const struct sbom_content *c)
{
	static const char *const types[] = { "file", "machine-learning-model", "data", "firmware" };
	for (size_t i = 0; i < RF_COUNT(types); i++)
		if (span_eq_text(c->type, types[i]))
			return true;
	return false;
}

/* What a bill claims of it: nobody has looked inside yet. */
static struct artifact_facts claimed(const struct sbom *s, const struct sbom_content *c, struct artifact_component *held)
{
	struct artifact_facts f = { .kind = ARTIFACT_BILL_ENTRY,
				    .layout = "",
				    .cause = ARTIFACT_CAUSE_CONTENT_ABSENT,
				    .cc_major = -1,
				    .cc_minor = -1,
				    .finding = ARTIFACT_UNKNOWN };
	if (c->component != SIZE_MAX) {
		*held = s->facts.components[c->component];
		f.components = held;
		f.component_count = 1;
	}
	f.notes[f.note_count++] = "listed in a bill of materials; its content was not seen";
	return f;
}

static int insides_add(struct inventory_batch *b, const struct sbom *s, const struct digest *outer, struct err *err)
{
	RF_AUTO(str) path = STR_INIT(4 * KIB);
	for (size_t i = 0; i < s->content_count; i++) {
		const struct sbom_content *c = &s->contents[i];
		if (!is_content(c) || digest_eq(&c->digest, outer))
			continue;
		struct artifact_component held;
		struct artifact_facts f = claimed(s, c, &held);
		str_reset(&path);
		str_add(&path, c->ref.n ? c->ref : c->name);
		int rc = str_check(&path, "entry", err);
		if (rc == 0)
			rc = inventory_batch_claim(b, &c->digest, &f, err);
		if (rc == 0)
			rc = inventory_batch_inside(b, outer, str_text(&path), &c->digest, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

const char *sbom_host(const struct sbom *s, const char *path, char *buffer)
{
	const char *slash = strrchr(path, '/');
	struct span name = s->subject.n ? s->subject : span_of(slash ? slash + 1 : path);
	snprintf(buffer, SBOM_HOST_BYTES, "sbom:%.*s", SPAN_ARG(span_sub(name, 0, SBOM_HOST_BYTES - 8)));
	return buffer;
}

int sbom_record(struct database *db, const struct sbom *s, const struct digest *digest, const char *path,
		const struct inventory_place *place, struct inventory_changes *changes, struct err *err)
{
	RF_AUTO_PTR(inventory_batch) b = inventory_batch_new();
	if (!b)
		return err_set(err, RF_ENOMEM, "no memory for a bill of materials");
	int rc = inventory_batch_root(b, "", place, err);
	if (rc == 0)
		rc = inventory_batch_content(b, digest, &s->facts, err);
	if (rc == 0)
		rc = insides_add(b, s, digest, err);
	if (rc == 0)
		rc = inventory_batch_place(b, path, digest, ARTIFACT_BILL_OF_MATERIALS, place, err);
	return rc ? rc : inventory_record(db, b, changes, err);
}
