/* cmdb - see the header. */
#include "inventory/cmdb.h"

#include "base/hash.h"
#include "format/csv.h"
#include "format/json.h"
#include "format/yaml.h"

static const char *const names[CMDB_FIELDS] = { "host",   "ci",          "service", "owner",      "contact",
						"deputy", "environment", "reach",   "criticality" };

const char *cmdb_field_name(enum cmdb_field f)
{
	return names[f];
}

static int field_of(struct span name)
{
	for (int i = 0; i < CMDB_FIELDS; i++)
		if (span_eq_text(name, names[i]))
			return i;
	return -1;
}

/* ── The mapping ─────────────────────────────────────────────────────────────────────────────────────────────────── */

struct reading {
	struct arena *a;
	const char *file;
	struct err *err;
};

static int refuse(struct reading *r, uint64_t line, const char *field, const char *format, ...) RF_PRINTF(4, 5);
static int refuse(struct reading *r, uint64_t line, const char *field, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)err_set(r->err, RF_EFORMAT, "%s", text);
	(void)err_in_file(r->err, r->file);
	(void)err_in_field(r->err, "%s", field);
	if (line)
		(void)err_at_line(r->err, line);
	return RF_EFORMAT;
}

static int no_memory(struct reading *r)
{
	return err_set(r->err, RF_ENOMEM, "no memory for %s", r->file);
}

static int text(struct reading *r, const struct yaml_node *n, const char *field, const char **ret)
{
	struct span s = yaml_scalar(n);
	if (yaml_kind(n) != YAML_SCALAR || s.n > CMDB_MAX_TEXT || span_find_byte(s, '\0') != SIZE_MAX)
		return refuse(r, yaml_line(n), field, "must be a text of at most %d bytes", CMDB_MAX_TEXT);
	*ret = arena_text(r->a, s);
	return *ret ? 0 : no_memory(r);
}

/* {host: TEXT, service: TEXT, ...} */
static int by_field(struct reading *r, const struct yaml_node *group, const char *key, const char **to)
{
	if (group && yaml_kind(group) != YAML_MAPPING)
		return refuse(r, yaml_line(group), key, "must be a mapping");
	for (size_t i = 0; i < yaml_count(group); i++) {
		const struct yaml_node *name = yaml_key_at(group, i);
		int field = field_of(yaml_scalar(name));
		if (field < 0)
			return refuse(r, yaml_line(name), key,
				      "\"%.*s\" is no field; there are host, ci, service, owner, contact, deputy, environment, reach, "
				      "criticality",
				      (int)RF_MIN(yaml_scalar(name).n, (size_t)80), yaml_scalar(name).p);
		int rc = text(r, yaml_at(group, i), key, &to[field]);
		if (rc)
			return rc;
	}
	return 0;
}

/* {environment: {PROD: production, LAB: null}} */
static int values_read(struct reading *r, const struct yaml_node *group, struct cmdb_mapping *m)
{
	size_t n = 0;
	if (group && yaml_kind(group) != YAML_MAPPING)
		return refuse(r, yaml_line(group), "values", "must be a mapping");
	for (size_t i = 0; i < yaml_count(group); i++)
		n += yaml_count(yaml_at(group, i));
	m->values = arena_array(r->a, n, sizeof *m->values);
	if (n && !m->values)
		return no_memory(r);
	for (size_t i = 0; i < yaml_count(group); i++) {
		const struct yaml_node *words = yaml_at(group, i), *name = yaml_key_at(group, i);
		int field = field_of(yaml_scalar(name));
		if (field < 0 || yaml_kind(words) != YAML_MAPPING)
			return refuse(r, yaml_line(name), "values", "must be a field with a mapping of its words");
		for (size_t k = 0; k < yaml_count(words); k++) {
			struct cmdb_value *v = &m->values[m->values_n++];
			v->field = (enum cmdb_field)field;
			int rc = text(r, yaml_key_at(words, k), "values", &v->theirs);
			if (rc == 0 && (yaml_is_quoted(yaml_at(words, k)) || !yaml_is_null(yaml_at(words, k))))
				rc = text(r, yaml_at(words, k), "values", &v->ours);
			if (rc)
				return rc;
		}
	}
	return 0;
}

static int flag(struct reading *r, const struct yaml_node *group, const char *key, bool *ret)
{
	const struct yaml_node *n = yaml_get(group, key);
	struct span s = yaml_scalar(n);
	if (n && !span_eq_text(s, "true") && !span_eq_text(s, "false"))
		return refuse(r, yaml_line(n), key, "must be true or false");
	*ret = n && span_eq_text(s, "true");
	return 0;
}

static int form_read(struct reading *r, const struct yaml_node *root, struct cmdb_mapping *m)
{
	const struct yaml_node *format = yaml_get(root, "format"), *delimiter = yaml_get(root, "delimiter"),
			       *records = yaml_get(root, "records");
	if (format && !span_eq_text(yaml_scalar(format), "csv") && !span_eq_text(yaml_scalar(format), "json"))
		return refuse(r, yaml_line(format), "format", "is csv or json");
	m->format_given = format != NULL;
	m->json = span_eq_text(yaml_scalar(format), "json");
	if (delimiter && (yaml_scalar(delimiter).n != 1 || yaml_scalar(delimiter).p[0] == '"' ||
			  yaml_scalar(delimiter).p[0] == '\n'))
		return refuse(r, yaml_line(delimiter), "delimiter", "is one byte");
	m->delimiter = delimiter ? yaml_scalar(delimiter).p[0] : 0;
	m->records = "";
	return records ? text(r, records, "records", &m->records) : 0;
}

int cmdb_mapping_read(struct span yaml, const char *file, struct arena *a, struct cmdb_mapping *ret, struct err *err)
{
	static const char *const keys[] = { "columns", "values", "defaults", "host", "format", "delimiter", "records" };
	struct reading r = { .a = a, .file = file, .err = err };
	RF_AUTO_PTR(yaml_doc) doc = NULL;
	struct cmdb_mapping m = { 0 };
	if (yaml.n > CMDB_MAX_MAPPING_BYTES)
		return err_set(err, RF_ETOOBIG, "a mapping larger than 1 MiB");
	int rc = yaml_parse(yaml, file, &doc, err);
	const struct yaml_node *root = rc ? NULL : yaml_root(doc);
	if (rc == 0 && yaml_kind(root) != YAML_MAPPING)
		return refuse(&r, 1, "", "a mapping with columns: is wanted");
	for (size_t i = 0; rc == 0 && i < yaml_count(root); i++) {
		size_t k = 0;
		while (k < RF_COUNT(keys) && !span_eq_text(yaml_scalar(yaml_key_at(root, i)), keys[k]))
			k++;
		if (k == RF_COUNT(keys))
			rc = refuse(&r, yaml_line(yaml_key_at(root, i)), "",
				    "an unknown key; there are columns, values, defaults, host, format, delimiter, records");
	}
	if (rc == 0)
		rc = by_field(&r, yaml_get(root, "columns"), "columns", m.columns);
	if (rc == 0)
		rc = by_field(&r, yaml_get(root, "defaults"), "defaults", m.defaults);
	if (rc == 0)
		rc = values_read(&r, yaml_get(root, "values"), &m);
	if (rc == 0)
		rc = flag(&r, yaml_get(root, "host"), "strip_domain", &m.strip_domain);
	if (rc == 0)
		rc = flag(&r, yaml_get(root, "host"), "lower_case", &m.lower_case);
	if (rc == 0)
		rc = form_read(&r, root, &m);
	if (rc == 0 && !m.columns[CMDB_HOST])
		rc = refuse(&r, 1, "columns", "a column for host is wanted: what else is joined by it");
	if (rc == 0)
		*ret = m;
	return rc;
}

/* ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct rows {
	struct reading r;
	const struct cmdb_mapping *m;
	struct map words; /* "field\ntheirs" -> struct cmdb_value */
	struct cmdb_row *list;
	size_t n, room, left_out;
};

static int words_index(struct rows *s)
{
	for (size_t i = 0; i < s->m->values_n; i++) {
		struct cmdb_value *v = &s->m->values[i];
		char *key = arena_printf(s->r.a, "%d\n%s", v->field, v->theirs);
		if (!key || map_set(&s->words, span_of(key), v))
			return no_memory(&s->r);
	}
	return 0;
}

/* Their word to ours; *ret_out: rows with it are left out. */
static int mapped(struct rows *s, int field, struct span theirs, const char **ret, bool *ret_out)
{
	char key[CMDB_MAX_TEXT + 32];
	int n = snprintf(key, sizeof key, "%d\n%.*s", field, SPAN_ARG(theirs));
	const struct cmdb_value *v = map_get(&s->words, span_bytes(key, (size_t)n));
	if (v && !v->ours)
		*ret_out = true;
	else if (v)
		*ret = v->ours;
	else if (theirs.n)
		*ret = arena_text(s->r.a, theirs);
	else
		*ret = s->m->defaults[field] ? s->m->defaults[field] : "";
	return *ret_out || *ret ? 0 : no_memory(&s->r);
}

/* "GPU-17.corp.example" is gpu-17 where the mapping says so; names of namespaces are left as they are. */
static int host_normal(struct rows *s, struct cmdb_row *row)
{
	struct span host = span_of(row->fields[CMDB_HOST]);
	size_t dot = span_find_byte(host, '.');
	if (!host.n)
		return refuse(&s->r, row->line, s->m->columns[CMDB_HOST], "a row without a host");
	if (span_starts(host, "k8s:"))
		return 0;
	if (s->m->strip_domain && dot != SIZE_MAX)
		host.n = dot;
	char *own = arena_text(s->r.a, host);
	if (!own)
		return no_memory(&s->r);
	for (char *p = own; s->m->lower_case && *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	row->fields[CMDB_HOST] = own;
	return 0;
}

static int row_add(struct rows *s, uint64_t line, const struct span fields[CMDB_FIELDS])
{
	struct cmdb_row row = { .line = line };
	bool out = false;
	for (int i = 0; i < CMDB_FIELDS && !out; i++) {
		struct span v = span_trim(fields[i]);
		if (v.n > CMDB_MAX_TEXT || span_find_byte(v, '\0') != SIZE_MAX || !span_is_utf8(v))
			return refuse(&s->r, line, names[i], "must be UTF-8 of at most %d bytes, without NUL", CMDB_MAX_TEXT);
		for (size_t k = 0; k < v.n; k++)
			if ((unsigned char)v.p[k] < ' ')
				return refuse(&s->r, line, names[i], "holds control characters");
		int rc = mapped(s, i, v, &row.fields[i], &out);
		if (rc)
			return rc;
	}
	if (out) {
		s->left_out++;
		return 0;
	}
	int rc = host_normal(s, &row);
	if (rc)
		return rc;
	if (s->n == CMDB_MAX_ROWS)
		return err_set(s->r.err, RF_ETOOMANY, "more than %d rows", CMDB_MAX_ROWS);
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 256;
		struct cmdb_row *more = arena_array(s->r.a, room, sizeof *more);
		if (!more)
			return no_memory(&s->r);
		if (s->n)
			memcpy(more, s->list, s->n * sizeof *more);
		s->list = more;
		s->room = room;
	}
	s->list[s->n++] = row;
	return 0;
}

static int csv_columns(struct rows *s, const struct csv *c, size_t places[CMDB_FIELDS])
{
	for (int i = 0; i < CMDB_FIELDS; i++) {
		places[i] = SIZE_MAX;
		for (size_t k = 0; s->m->columns[i] && k < c->count; k++)
			if (span_eq_text(span_trim(c->fields[k]), s->m->columns[i]))
				places[i] = k;
		if (s->m->columns[i] && places[i] == SIZE_MAX)
			return refuse(&s->r, c->line, names[i], "no column is called \"%.200s\"", s->m->columns[i]);
	}
	return 0;
}

static int csv_rows(struct rows *s, struct span bytes)
{
	struct csv c = csv_begin(bytes, s->m->delimiter ? s->m->delimiter : csv_guess_delimiter(bytes));
	size_t places[CMDB_FIELDS];
	int rc = csv_next(&c, s->r.err);
	if (rc == 0)
		rc = refuse(&s->r, 1, "", "an empty file: the first line names the columns");
	else if (rc == 1)
		rc = csv_columns(s, &c, places);
	while (rc == 0 && (rc = csv_next(&c, s->r.err)) == 1) {
		struct span fields[CMDB_FIELDS];
		for (int i = 0; i < CMDB_FIELDS; i++)
			fields[i] = places[i] < c.count ? c.fields[places[i]] : SPAN_NONE;
		rc = row_add(s, c.line, fields);
	}
	csv_end(&c);
	return rc < 0 && s->r.err && !s->r.err->file[0] ? err_in_file(s->r.err, s->r.file) : rc;
}

/* The member @path ("a.b.c") of @v. */
static struct json member(struct json v, const char *path)
{
	struct span rest = span_of(path), part;
	while (rest.n && span_split(&rest, '.', &part)) {
		char key[CMDB_MAX_TEXT + 1];
		(void)snprintf(key, sizeof key, "%.*s", SPAN_ARG(part));
		v = json_get(v, key);
	}
	return v;
}

/* Texts and whole numbers; what else there is says nothing that we read. */
static struct span json_field(struct json v, char number[32])
{
	int64_t n;
	if (json_kind(v) == JSON_STRING)
		return json_string(v);
	if (!json_i64(v, &n))
		return SPAN_NONE;
	(void)snprintf(number, 32, "%lld", (long long)n);
	return span_of(number);
}

static int json_rows(struct rows *s, struct span bytes)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct json root;
	uint64_t n = 0;
	int rc = doc ? json_parse(doc, bytes, &root, s->r.err) : no_memory(&s->r);
	if (rc) {
		(void)err_in_file(s->r.err, s->r.file);
		return rc;
	}
	struct json list = member(root, s->m->records);
	if (json_kind(list) != JSON_ARRAY)
		return refuse(&s->r, 0, s->m->records, "no list of records is there; the mapping's records: says where it is");
	for (struct json_each it = json_each(list); rc == 0 && json_next(&it);) {
		struct span fields[CMDB_FIELDS];
		char numbers[CMDB_FIELDS][32];
		n++;
		if (json_kind(it.value) != JSON_OBJECT)
			return refuse(&s->r, n, "", "a record must be an object");
		for (int i = 0; i < CMDB_FIELDS; i++)
			fields[i] = s->m->columns[i] ? json_field(member(it.value, s->m->columns[i]), numbers[i]) : SPAN_NONE;
		rc = row_add(s, n, fields);
	}
	return rc;
}

int cmdb_read(const struct cmdb_mapping *m, struct span bytes, const char *file, struct arena *a, struct cmdb_row **ret,
	      size_t *ret_n, size_t *ret_left_out, struct err *err)
{
	struct rows s = { .r = { a, file, err }, .m = m };
	if (bytes.n > CMDB_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "a file larger than 256 MiB");
	struct span start = span_trim(bytes);
	bool json = m->format_given ? m->json : span_starts(start, "[") || span_starts(start, "{");
	int rc = words_index(&s);
	if (rc == 0)
		rc = json ? json_rows(&s, bytes) : csv_rows(&s, bytes);
	map_release(&s.words);
	if (rc)
		return rc;
	*ret = s.list;
	*ret_n = s.n;
	*ret_left_out = s.left_out;
	return 0;
}
