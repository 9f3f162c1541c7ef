/* Where contents are: what a part names, tags of images, files of models, what workloads are told to load. */
#include "gate/snapshot_build_int.h"

#include "format/image_reference.h"
#include "inventory/artifact.h"

/* ── a part ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int take_id(struct gate_builder *b, const struct db_rows *row)
{
	int rc = GATE_BUILD_ROOM(b, ids, id_count, id_room);
	if (!rc)
		b->ids[b->id_count++] = rows_i64(row, 0);
	return rc;
}

static int choose(struct gate_builder *b, const char *sql, const struct db_value *values, size_t n)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(b->tx, sql, values, n, &rows);
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = take_id(b, rows);
	return rc;
}

static int add_digest(struct gate_builder *b, const struct digest *digest)
{
	char hex[DIGEST_HEX];
	const struct db_value value = DB_T(digest_hex(digest, hex));
	return choose(b, "SELECT id FROM inventory_artifact WHERE digest = $1", &value, 1);
}

#define OF_HOST                                                                                                        \
	"SELECT DISTINCT u.artifact_id FROM inventory_host h JOIN inventory_group g ON g.host_id = h.id"              \
	" JOIN inventory_placement p ON p.group_id = g.id JOIN inventory_use u ON u.id = p.use_id"                    \
	" WHERE p.gone_at IS NULL AND h.name = $1"
#define OF_PATH                                                                                                       \
	"SELECT DISTINCT u.artifact_id FROM inventory_path x JOIN inventory_placement p ON p.path_id = x.id"          \
	" JOIN inventory_use u ON u.id = p.use_id WHERE p.gone_at IS NULL AND (x.path = $1 OR (x.path >= $2 AND x.path < $3))"

/* An image by its tag or digest; a file, and what lies in a folder of that name. */
static int choose_reference(struct gate_builder *b, struct span reference)
{
	char text[IMAGE_REFERENCE_MAX], host[IMAGE_REFERENCE_MAX + 8];
	struct image_reference ref;
	struct digest digest;
	int rc = 0;
	if (!image_reference_read(reference, &ref, NULL)) {
		(void)snprintf(host, sizeof host, "image:%s", image_reference_text(&ref, text));
		const struct db_value value = DB_T(host);
		rc = choose(b, OF_HOST, &value, 1);
		if (!rc && ref.digest.n && !digest_read(ref.digest, &digest, NULL))
			rc = add_digest(b, &digest);
	}
	while (reference.n > 1 && reference.p[reference.n - 1] == '/')
		reference.n--;
	/* '0' is the byte behind '/' */
	const char *from = arena_printf(&b->a, "%.*s/", SPAN_ARG(reference)), *to = arena_printf(&b->a, "%.*s0", SPAN_ARG(reference));
	if (!from || !to)
		return gate_build_no_memory(b);
	const struct db_value values[] = { DB_B(reference), DB_B(span_of(from)), DB_B(span_of(to)) };
	return rc ? rc : choose(b, OF_PATH, values, 3);
}

/* As the reference is written whole, where it is one of an image. */
static struct span canonical(struct span reference, char text[IMAGE_REFERENCE_MAX])
{
	struct image_reference ref;
	return image_reference_read(reference, &ref, NULL) ? reference : span_of(image_reference_text(&ref, text));
}

bool gate_build_names(const struct gate_builder *b, struct span reference)
{
	const struct gate_building_part *part = b->how->part;
	char text[IMAGE_REFERENCE_MAX];
	for (size_t i = 0; part && i < part->reference_count; i++) {
		struct span named = part->references[i];
		while (named.n > 1 && named.p[named.n - 1] == '/')
			named.n--;
		if (span_eq(reference, named) || span_eq(reference, canonical(named, text)) ||
		    (reference.n > named.n && reference.p[named.n] == '/' && span_eq(span_sub(reference, 0, named.n), named)))
			return true;
	}
	return !part;
}

static int by_value(const void *x, const void *y)
{
	const int64_t *a = x, *b = y;
	return *a < *b ? -1 : *a > *b;
}

static void sort_ids(struct gate_builder *b)
{
	size_t kept = 0;
	if (b->id_count)
		qsort(b->ids, b->id_count, sizeof *b->ids, by_value);
	for (size_t i = 0; i < b->id_count; i++)
		if (!kept || b->ids[kept - 1] != b->ids[i])
			b->ids[kept++] = b->ids[i];
	b->id_count = kept;
}

static int choose_rows(struct gate_builder *b, const struct release *r, bool is_signed)
{
	int rc = 0;
	(void)is_signed;
	if (!gate_build_names_release(b, span_of(r->service), span_of(r->name)))
		return 0;
	for (size_t i = 0; !rc && i < r->row_count; i++)
		rc = add_digest(b, &r->rows[i].engine);
	return rc;
}

int gate_build_choose(struct gate_builder *b)
{
	const struct gate_building_part *part = b->how->part;
	int rc = 0;
	if (!part)
		return 0;
	for (size_t i = 0; !rc && i < part->digest_count; i++)
		rc = add_digest(b, &part->digests[i]);
	for (size_t i = 0; !rc && i < part->reference_count; i++)
		rc = choose_reference(b, part->references[i]);
	if (!rc && part->reference_count)
		rc = gate_build_each_release(b, choose_rows);
	size_t named = b->id_count;
	for (size_t i = 0; !rc && i < named; i++) {
		const struct db_value id = DB_I(b->ids[i]);
		rc = choose(b, "SELECT inner_id FROM inventory_inside WHERE outer_id = $1", &id, 1);
	}
	sort_ids(b);
	return rc;
}

/* ── images by tag ──────────────────────────────────────────────────────────────────────────────────────────────── */

static int take_image(struct gate_builder *b, const struct db_rows *row)
{
	const struct gate_built *c = gate_build_content(b, rows_i64(row, 1));
	struct span reference = span_from(rows_text(row, 0), sizeof "image:" - 1);
	return c && gate_build_names(b, reference) ? gate_snapshot_image(b->s, reference, c->artifact, tx_err(b->tx)) : 0;
}

/* ── models by place ────────────────────────────────────────────────────────────────────────────────────────────── */

/* A path is the same file on one host only. One content at one path on more hosts than this is told of none of them: a fleet
 * of a thousand alike has each path once. */
#define HOSTS_APART 8

/* Rows of one path and content follow each other. */
static int take_place(struct gate_builder *b, const struct db_rows *row)
{
	const struct gate_built *c = gate_build_content(b, rows_i64(row, 1));
	bool again = b->place.hosts && b->place.path == rows_i64(row, 3) && b->place.content == rows_i64(row, 1);
	b->place.path = rows_i64(row, 3);
	b->place.content = rows_i64(row, 1);
	b->place.hosts = again ? b->place.hosts + 1 : 1;
	if (!c || b->place.hosts > HOSTS_APART + 1 || !gate_build_names(b, rows_blob(row, 0)))
		return 0;
	struct span host = b->place.hosts > HOSTS_APART ? SPAN("") : rows_text(row, 2);
	return gate_snapshot_model_of(b->s, rows_blob(row, 0), host, c->artifact, tx_err(b->tx));
}

/* ── what workloads are told to load ────────────────────────────────────────────────────────────────────────────── */

/* A claim is one of its namespace, which @host names; other addresses are the same everywhere. */
static int models_of(struct gate_builder *b, struct json detail, struct span host, uint32_t artifact)
{
	int rc = 0;
	for (struct json_each it = json_each(json_get(detail, "models")); !rc && json_next(&it);) {
		struct span uri = json_string(json_get(it.value, "uri"));
		if (span_eq_text(json_string(json_get(it.value, "where")), "storageUri") && uri.n && gate_build_names(b, uri))
			rc = gate_snapshot_model_of(b->s, uri, span_starts_nocase(uri, "pvc://") ? host : SPAN(""), artifact,
						    tx_err(b->tx));
	}
	return rc;
}

/* A tag that no scan has seen is known by the pods that run it: their status names the digest. A part does not know
 * them all. */
static int image_of(struct gate_builder *b, struct json detail, uint32_t artifact)
{
	struct span text = json_string(json_get(detail, "image"));
	char canonical[IMAGE_REFERENCE_MAX];
	struct image_reference ref;
	if (b->how->part || !json_string(json_get(detail, "digest_source")).n || image_reference_read(text, &ref, NULL) || !ref.tag.n)
		return 0;
	return gate_snapshot_image(b->s, span_of(image_reference_text(&ref, canonical)), artifact, tx_err(b->tx));
}

static bool is_scanned(const struct gate_builder *b, struct json detail)
{
	char canonical[IMAGE_REFERENCE_MAX];
	struct image_reference ref;
	return !image_reference_read(json_string(json_get(detail, "image")), &ref, NULL) &&
	       map_get(&b->scanned, span_of(image_reference_text(&ref, canonical)));
}

static int take_workload(struct gate_builder *b, const struct db_rows *row)
{
	const struct gate_built *c = gate_build_content(b, rows_i64(row, 1));
	struct json detail;
	if (!c || json_parse(b->doc, rows_text(row, 0), &detail, NULL))
		return 0;
	if (span_eq_text(rows_text(row, 2), ARTIFACT_CONTAINER_IMAGE))
		return is_scanned(b, detail) ? 0 : image_of(b, detail, c->artifact);
	return models_of(b, detail, rows_text(row, 3), c->artifact);
}

static int build_workloads(struct gate_builder *b)
{
	const struct gate_snapshot *s = b->s;
	b->doc = json_doc_new();
	if (!b->doc)
		return gate_build_no_memory(b);
	for (size_t i = 0; i < s->image_count; i++)
		if (map_set(&b->scanned, gate_snapshot_text_at(s, s->images[i].text), b))
			return gate_build_no_memory(b);
	return gate_build_each(b,
			       "SELECT d.detail, u.artifact_id, a.kind, h.name FROM fleet_detail d JOIN inventory_host h ON h.name = d.host"
			       " JOIN inventory_group g ON g.host_id = h.id JOIN inventory_path x ON x.path = d.path"
			       " JOIN inventory_placement p ON p.group_id = g.id AND p.path_id = x.id"
			       " JOIN inventory_use u ON u.id = p.use_id JOIN inventory_artifact a ON a.id = u.artifact_id"
			       " WHERE p.gone_at IS NULL AND a.kind IN ('" ARTIFACT_CONTAINER_IMAGE "', 'model-reference')",
			       "u.artifact_id = $1", "", take_workload);
}

int gate_build_places(struct gate_builder *b)
{
	int rc = gate_build_each(b,
				 "SELECT DISTINCT h.name, u.artifact_id FROM inventory_host h JOIN inventory_group g ON g.host_id ="
				 " h.id JOIN inventory_placement p ON p.group_id = g.id JOIN inventory_use u ON u.id = p.use_id"
				 " JOIN inventory_artifact a ON a.id = u.artifact_id WHERE p.gone_at IS NULL AND h.name >= 'image:'"
				 " AND h.name < 'image;' AND a.kind = '" ARTIFACT_CONTAINER_IMAGE "'",
				 "u.artifact_id = $1", "", take_image);
	if (!rc)
		rc = gate_build_each(b,
				     "SELECT DISTINCT x.path, u.artifact_id, h.name, x.id FROM inventory_use u JOIN inventory_artifact a ON a.id ="
				     " u.artifact_id JOIN inventory_placement p ON p.use_id = u.id JOIN inventory_path x ON x.id ="
				     " p.path_id JOIN inventory_group g ON g.id = p.group_id JOIN inventory_host h ON h.id = g.host_id"
				     " WHERE p.gone_at IS NULL AND a.kind NOT IN ('" ARTIFACT_CONTAINER_IMAGE
				     "', 'model-reference', '" ARTIFACT_BILL_OF_MATERIALS "')",
				     "u.artifact_id = $1", "ORDER BY x.id, u.artifact_id", take_place);
	return rc ? rc : build_workloads(b);
}
