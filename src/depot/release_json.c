/* release.json: written in one order, so that the same release has the same bytes, and read with every member accounted
 * for. The schema stands in docs/depot.md. */
#include "depot_int.h"

#include "format/json.h"

#define SCHEMA "reforge.release/1"

/* ---- writing ---- */

static void put_digest(struct json_out *o, const char *key, const struct digest *d)
{
	char hex[DIGEST_HEX];

	json_member(o, key, digest_is_zero(d) ? NULL : digest_hex(d, hex));
}

static void put_toolchain(struct json_out *o, const char *key, const struct release_toolchain *t)
{
	json_key(o, key);
	if (!t->name || !t->name[0]) {
		json_put_null(o);
		return;
	}
	json_object(o);
	json_member(o, "toolchain", t->name);
	json_member(o, "version", t->version);
	put_digest(o, "library", &t->library);
	json_object_end(o);
}

static void put_row(struct json_out *o, const struct release_row *row, bool content_only)
{
	json_object(o);
	json_member(o, "model", row->model);
	json_member(o, "target", row->target);
	json_member_u64(o, "version", row->version);
	json_member(o, "file", row->file);
	json_key(o, "path");
	json_putf(o, "%s/%s/%u/%s", row->target, row->model, (unsigned)row->version, row->file);
	json_key(o, "engine");
	json_object(o);
	put_digest(o, "sha256", &row->engine);
	json_member_u64(o, "bytes", row->engine_bytes);
	json_object_end(o);
	put_digest(o, "build", &row->build);
	put_digest(o, "proof", &row->proof);
	put_toolchain(o, "builder", &row->builder);
	put_toolchain(o, "runtime", &row->runtime);
	json_member_bool(o, "carried_over", row->carried_over);
	if (!content_only) {
		json_key(o, "attestations");
		json_object(o);
		put_digest(o, "provenance", &row->provenance);
		put_digest(o, "proof", &row->proof_statement);
		json_object_end(o);
	}
	json_object_end(o);
}

static void put_origin(struct json_out *o, const struct release *r, const struct digest *content)
{
	json_key(o, "created");
	json_object(o);
	json_member_time(o, "at", r->created_at);
	json_member(o, "by", r->created_by);
	json_object_end(o);
	json_key(o, "ledger");
	if (r->ledger_size == 0) {
		json_put_null(o);
	} else {
		json_object(o);
		json_member_i64(o, "size", r->ledger_size);
		put_digest(o, "head", &r->ledger_head);
		json_object_end(o);
	}
	put_digest(o, "content", content);
}

/* @content NULL: only what makes two releases the same. */
static int write_document(const struct release *r, const struct digest *content, struct str *ret, struct err *err)
{
	RF_AUTO_FREE const struct release_row **rows = NULL;
	struct json_out o = json_out(ret, content != NULL);
	int rc = release_sort_rows(r, &rows, err);

	if (rc != 0)
		return rc;
	json_object(&o);
	json_member(&o, "schema", SCHEMA);
	json_member(&o, "service", r->service);
	json_member(&o, "environment", r->environment);
	json_member(&o, "name", r->name);
	json_member(&o, "parent", r->parent && r->parent[0] ? r->parent : NULL);
	json_member_bool(&o, "drill", r->drill);
	if (r->as_found)
		json_member_bool(&o, "as_found", true);
	json_key(&o, "advisories");
	json_array(&o);
	for (size_t i = 0; i < r->advisory_count; i++)
		json_put_text(&o, r->advisories[i]);
	json_array_end(&o);
	if (content)
		put_origin(&o, r, content);
	json_key(&o, "engines");
	json_array(&o);
	for (size_t i = 0; i < r->row_count; i++)
		put_row(&o, rows[i], content == NULL);
	json_array_end(&o);
	json_object_end(&o);
	return str_check(ret, "release.json", err);
}

int release_content_digest(const struct release *r, struct digest *ret, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(RELEASE_MAX_BYTES);
	int rc = write_document(r, NULL, &text, err);

	if (rc == 0)
		digest_of(str_span(&text), ret);
	return rc;
}

int release_write_json(const struct release *r, struct str *ret, struct err *err)
{
	struct digest content;
	int rc = release_check(r, err);

	if (rc == 0)
		rc = release_content_digest(r, &content, err);
	if (rc == 0)
		rc = write_document(r, &content, ret, err);
	if (rc != 0)
		return rc;
	str_add_byte(ret, '\n');
	return str_check(ret, "release.json", err);
}

/* ---- reading ---- */

/* One document being read. The first failure is kept in err; after it every get_ returns something harmless. */
struct reader {
	struct arena *arena;
	struct err *err;
	int rc;
};

static void fail(struct reader *in, const char *where, const char *member, const char *rule)
{
	if (in->rc != 0)
		return;
	in->rc = err_set(in->err, RF_EFORMAT, "%s (schema %s)", rule, SCHEMA);
	(void)err_in_field(in->err, "%s%s%s", where, where[0] && member[0] ? "." : "", member);
}

/* Exactly the members named, each once. */
static void members(struct reader *in, struct json v, const char *where, const char *const *names, size_t n)
{
	size_t seen = 0;

	if (json_kind(v) != JSON_OBJECT) {
		fail(in, where, "", "must be an object");
		return;
	}
	for (struct json_each it = json_each(v); json_next(&it); seen++) {
		bool known = false;

		for (size_t i = 0; i < n && !known; i++)
			known = span_eq_text(it.key, names[i]);
		if (!known) {
			char key[64];

			(void)snprintf(key, sizeof key, "%.*s", (int)RF_MIN(it.key.n, sizeof key - 1), it.key.p);
			fail(in, where, key, "unknown member");
		}
	}
	for (size_t i = 0; i < n; i++)
		if (json_kind(json_get(v, names[i])) == JSON_ABSENT)
			fail(in, where, names[i], "missing");
	if (seen != n)
		fail(in, where, "", "a member is there twice");
}
#define MEMBERS(in, v, where, ...)                                        \
	members((in), (v), (where), (const char *const[]){ __VA_ARGS__ }, \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static const char *get_text(struct reader *in, struct json v, const char *where, const char *key, bool nullable)
{
	struct json member = json_get(v, key);
	struct span s = json_string(member);
	char *text;

	if (nullable && json_kind(member) == JSON_NULL)
		return NULL;
	if (json_kind(member) != JSON_STRING || (s.n > 0 && memchr(s.p, '\0', s.n))) {
		fail(in, where, key, "must be a string");
		return "";
	}
	text = arena_text(in->arena, s);
	if (!text && in->rc == 0)
		in->rc = err_set(in->err, RF_ENOMEM, "no memory for a release");
	return text ? text : "";
}

static bool get_bool(struct reader *in, struct json v, const char *where, const char *key)
{
	bool b = false;

	if (!json_bool(json_get(v, key), &b))
		fail(in, where, key, "must be true or false");
	return b;
}

static uint64_t get_u64(struct reader *in, struct json v, const char *where, const char *key, uint64_t most)
{
	uint64_t n = 0;

	if (!json_u64(json_get(v, key), &n) || n > most) {
		fail(in, where, key, "must be a whole number within its range");
		return 0;
	}
	return n;
}

/* 64 lower-case digits; null for "not known" where @nullable. */
static struct digest get_digest(struct reader *in, struct json v, const char *where, const char *key, bool nullable)
{
	struct json member = json_get(v, key);
	struct span s = json_string(member);
	struct digest d = { { 0 } };
	char hex[DIGEST_HEX];

	if (nullable && json_kind(member) == JSON_NULL)
		return d;
	if (s.n != DIGEST_HEX - 1 || digest_read(s, &d, NULL) != 0 || !span_eq_text(s, digest_hex(&d, hex)) ||
	    digest_is_zero(&d)) {
		fail(in, where, key, "must be 64 lower-case hex digits, not all zero");
		return (struct digest){ { 0 } };
	}
	return d;
}

static struct release_toolchain get_toolchain(struct reader *in, struct json v, const char *where, const char *key)
{
	struct json member = json_get(v, key);
	struct release_toolchain t = { .name = NULL };
	char inner[96];

	if (json_kind(member) == JSON_NULL)
		return t;
	(void)snprintf(inner, sizeof inner, "%s.%s", where, key);
	MEMBERS(in, member, inner, "toolchain", "version", "library");
	t.name = get_text(in, member, inner, "toolchain", false);
	t.version = get_text(in, member, inner, "version", false);
	t.library = get_digest(in, member, inner, "library", true);
	return t;
}

static void read_row(struct reader *in, struct json v, size_t index, struct release_row *row)
{
	char where[64], inner[96];
	RF_AUTO(str) path = STR_INIT(FS_PATH_MAX);
	struct json engine, attestations;

	(void)snprintf(where, sizeof where, "engines[%zu]", index);
	MEMBERS(in, v, where, "model", "target", "version", "file", "path", "engine", "build", "proof", "builder",
		"runtime", "carried_over", "attestations");
	row->model = get_text(in, v, where, "model", false);
	row->target = get_text(in, v, where, "target", false);
	row->version = (uint32_t)get_u64(in, v, where, "version", UINT32_MAX);
	row->file = get_text(in, v, where, "file", false);
	str_addf(&path, "%s/%s/%u/%s", row->target, row->model, (unsigned)row->version, row->file);
	if (!span_eq(str_span(&path), json_string(json_get(v, "path"))))
		fail(in, where, "path", "must be target/model/version/file of this row");
	engine = json_get(v, "engine");
	(void)snprintf(inner, sizeof inner, "%s.engine", where);
	MEMBERS(in, engine, inner, "sha256", "bytes");
	row->engine = get_digest(in, engine, inner, "sha256", false);
	row->engine_bytes = get_u64(in, engine, inner, "bytes", INT64_MAX);
	row->build = get_digest(in, v, where, "build", true);
	row->proof = get_digest(in, v, where, "proof", true);
	row->builder = get_toolchain(in, v, where, "builder");
	row->runtime = get_toolchain(in, v, where, "runtime");
	row->carried_over = get_bool(in, v, where, "carried_over");
	attestations = json_get(v, "attestations");
	(void)snprintf(inner, sizeof inner, "%s.attestations", where);
	MEMBERS(in, attestations, inner, "provenance", "proof");
	row->provenance = get_digest(in, attestations, inner, "provenance", true);
	row->proof_statement = get_digest(in, attestations, inner, "proof", true);
}

static void read_rows(struct reader *in, struct json engines, struct release *r)
{
	struct release_row *rows;
	size_t n = json_kind(engines) == JSON_ARRAY ? json_count(engines) : 0, i = 0;

	if (n == 0 || n > RELEASE_MAX_ROWS) {
		fail(in, "engines", "", "must be an array of 1 to 100,000 engines");
		return;
	}
	rows = arena_array(in->arena, n, sizeof(*rows));
	if (!rows) {
		in->rc = err_set(in->err, RF_ENOMEM, "no memory for %zu engines", n);
		return;
	}
	for (struct json_each it = json_each(engines); in->rc == 0 && json_next(&it); i++)
		read_row(in, it.value, i, &rows[i]);
	r->rows = rows;
	r->row_count = n;
}

static void read_advisories(struct reader *in, struct json list, struct release *r)
{
	size_t n = json_count(list), i = 0;
	const char **ids;

	if (json_kind(list) != JSON_ARRAY || n > RELEASE_MAX_ADVISORIES) {
		fail(in, "advisories", "", "must be an array of at most 1,000 ids");
		return;
	}
	ids = arena_array(in->arena, n + 1, sizeof(*ids));
	for (struct json_each it = json_each(list); ids && json_next(&it); i++) {
		if (json_kind(it.value) != JSON_STRING)
			fail(in, "advisories", "", "an id must be a string");
		ids[i] = arena_text(in->arena, json_string(it.value));
		if (!ids[i])
			ids = NULL;
	}
	if (!ids && in->rc == 0)
		in->rc = err_set(in->err, RF_ENOMEM, "no memory for a release");
	r->advisories = ids;
	r->advisory_count = ids ? n : 0;
}

static void read_origin(struct reader *in, struct json root, struct release *r)
{
	struct json created = json_get(root, "created"), ledger = json_get(root, "ledger");
	char text[TIME_TEXT_BYTES];

	MEMBERS(in, created, "created", "at", "by");
	if (time_read(json_string(json_get(created, "at")), &r->created_at, NULL, NULL) != 0 ||
	    !span_eq_text(json_string(json_get(created, "at")), time_text_usec(r->created_at, text)))
		fail(in, "created", "at", "must be a moment such as 2026-07-14T09:30:00.000000Z");
	r->created_by = get_text(in, created, "created", "by", false);
	if (json_kind(ledger) == JSON_NULL)
		return;
	MEMBERS(in, ledger, "ledger", "size", "head");
	r->ledger_size = (int64_t)get_u64(in, ledger, "ledger", "size", INT64_MAX);
	r->ledger_head = get_digest(in, ledger, "ledger", "head", false);
}

static void read_document(struct reader *in, struct json root, struct release *r, struct digest *ret_content)
{
	/* only as-found releases have that member, and there it is true: one release, one text */
	r->as_found = json_kind(json_get(root, "as_found")) != JSON_ABSENT;
	if (r->as_found)
		MEMBERS(in, root, "", "schema", "service", "environment", "name", "parent", "drill", "as_found",
			"advisories", "created", "ledger", "content", "engines");
	else
		MEMBERS(in, root, "", "schema", "service", "environment", "name", "parent", "drill", "advisories",
			"created", "ledger", "content", "engines");
	if (r->as_found && !get_bool(in, root, "", "as_found"))
		fail(in, "as_found", "", "must be true, or not be there");
	if (!span_eq_text(json_string(json_get(root, "schema")), SCHEMA))
		fail(in, "schema", "", "must be \"" SCHEMA "\"");
	r->service = get_text(in, root, "", "service", false);
	r->environment = get_text(in, root, "", "environment", false);
	r->name = get_text(in, root, "", "name", false);
	r->parent = get_text(in, root, "", "parent", true);
	r->drill = get_bool(in, root, "", "drill");
	read_advisories(in, json_get(root, "advisories"), r);
	read_origin(in, root, r);
	*ret_content = get_digest(in, root, "", "content", false);
	if (in->rc == 0)
		read_rows(in, json_get(root, "engines"), r);
}

int release_read_json(struct arena *a, struct span bytes, struct release *ret, struct err *err)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct release r = { .created_at = USEC_NONE };
	struct reader in = { .arena = a, .err = err };
	struct digest content, stated = { { 0 } };
	struct json root;
	int rc;

	if (!doc)
		return err_set(err, RF_ENOMEM, "no memory for a release");
	if (bytes.n > RELEASE_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "release.json is over %zu MiB", RELEASE_MAX_BYTES / MIB);
	rc = json_parse(doc, bytes, &root, err);
	if (rc != 0)
		return rc;
	read_document(&in, root, &r, &stated);
	if (in.rc != 0)
		return in.rc;
	rc = release_check(&r, err);
	if (rc == RF_EINVALID || rc == RF_ETOOMANY) {
		if (err)
			err->code = RF_EFORMAT;
		return RF_EFORMAT;
	}
	if (rc == 0)
		rc = release_content_digest(&r, &content, err);
	if (rc == 0 && !digest_eq(&content, &stated)) {
		rc = err_set(err, RF_EFORMAT, "the content digest is not that of the rows (schema %s)", SCHEMA);
		(void)err_in_field(err, "content");
	}
	if (rc == 0)
		*ret = r;
	return rc;
}
