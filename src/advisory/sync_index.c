/* sync_index - see the header. */
#include "advisory/sync_index.h"

#include "base/fs.h"
#include "base/hash.h"

static struct span copy(struct arena *a, struct span s, bool *failed)
{
	struct span c = arena_span(a, s);
	*failed |= !c.p;
	return c;
}

/* ---------------------------------------------------------------- provider-metadata.json */

static int add_distribution(struct arena *a, struct csaf_provider *p, bool rolie, struct span url, struct err *err)
{
	bool failed = false;
	if (!url.n)
		return 0;
	if (p->count == CSAF_MAX_DISTRIBUTIONS)
		return err_set(err, RF_ETOOMANY, "more than %d distributions", CSAF_MAX_DISTRIBUTIONS);
	p->distributions[p->count++] = (struct csaf_distribution){ rolie, copy(a, url, &failed) };
	return failed ? err_set(err, RF_ENOMEM, "distributions") : 0;
}

static int add_rolie(struct arena *a, struct csaf_provider *p, struct json distributions, struct err *err)
{
	int rc = 0;
	for (struct json_each d = json_each(distributions); !rc && json_next(&d);)
		for (struct json_each f = json_each(json_path(d.value, "rolie", "feeds", NULL)); !rc && json_next(&f);)
			rc = add_distribution(a, p, true, json_string(json_get(f.value, "url")), err);
	return rc;
}

int csaf_provider_read(struct arena *a, struct json root, struct csaf_provider *ret, struct err *err)
{
	bool failed = false;
	struct json distributions = json_get(root, "distributions");
	if (json_kind(root) != JSON_OBJECT || (!json_string(json_get(root, "metadata_version")).n && !json_count(distributions)))
		return err_set(err, RF_EFORMAT, "is no provider-metadata.json (CSAF 2.0, 7.1.7): it has neither metadata_version nor distributions");
	*ret = (struct csaf_provider){ .publisher = copy(a, json_string(json_path(root, "publisher", "name", NULL)), &failed),
		.distributions = arena_array(a, CSAF_MAX_DISTRIBUTIONS, sizeof *ret->distributions) };
	if (failed || !ret->distributions)
		return err_set(err, RF_ENOMEM, "provider");
	int rc = add_rolie(a, ret, distributions, err);
	for (struct json_each d = json_each(distributions); !rc && json_next(&d);)
		rc = add_distribution(a, ret, false, json_string(json_get(d.value, "directory_url")), err);
	return rc;
}

/* ---------------------------------------------------------------- ROLIE */

static struct span link_of(struct json links, const char *relation, const char *suffix)
{
	struct span any = SPAN_NONE;
	for (struct json_each l = json_each(links); json_next(&l);) {
		struct span href = json_string(json_get(l.value, "href"));
		if (!span_eq_text(json_string(json_get(l.value, "rel")), relation))
			continue;
		if (span_ends(href, suffix))
			return href;
		any = href;
	}
	return any;
}

static int read_entry(struct arena *a, struct json entry, size_t n, struct csaf_entry *ret, struct err *err)
{
	bool failed = false;
	struct json links = json_get(entry, "link");
	struct span src = json_string(json_path(entry, "content", "src", NULL));
	if (!src.n)
		src = link_of(links, "self", ".json");
	if (!src.n)
		return err_set(err, RF_EFORMAT, "entry %zu names no document (RFC 8322, 6.2.3)", n);
	ret->path = copy(a, src, &failed);
	ret->version = copy(a, json_string(json_get(entry, "updated")), &failed);
	ret->hash = copy(a, link_of(links, "hash", ".sha512"), &failed);
	return failed ? err_set(err, RF_ENOMEM, "entries of a feed") : 0;
}

int csaf_rolie_read(struct arena *a, struct json root, struct csaf_listing *ret, struct err *err)
{
	bool failed = false;
	struct json feed = json_get(root, "feed"), entries = json_get(feed, "entry");
	if (json_kind(feed) != JSON_OBJECT || (json_kind(entries) != JSON_ARRAY && json_kind(entries) != JSON_ABSENT))
		return err_set(err, RF_EFORMAT, "is no ROLIE feed (RFC 8322): it has no \"feed\" with \"entry\"");
	size_t count = json_count(entries);
	if (count > CSAF_MAX_ENTRIES)
		return err_set(err, RF_ETOOMANY, "%zu entries; %d are accepted", count, CSAF_MAX_ENTRIES);
	*ret = (struct csaf_listing){ .self = copy(a, link_of(json_get(feed, "link"), "self", ".json"), &failed),
		.entries = arena_array(a, count + 1, sizeof *ret->entries) };
	if (failed || !ret->entries)
		return err_set(err, RF_ENOMEM, "entries of a feed");
	int rc = 0;
	for (struct json_each e = json_each(entries); !rc && json_next(&e); ret->count++)
		rc = read_entry(a, e.value, ret->count + 1, &ret->entries[ret->count], err);
	return rc;
}

/* ---------------------------------------------------------------- index.txt, changes.csv */

static size_t lines_of(struct span text)
{
	size_t n = 1;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

int csaf_index_read(struct arena *a, struct span text, struct csaf_listing *ret, struct err *err)
{
	bool failed = false;
	size_t most = lines_of(text), number = 0;
	struct span line;
	if (most > CSAF_MAX_ENTRIES)
		return err_set(err, RF_ETOOMANY, "%zu lines; %d are accepted", most, CSAF_MAX_ENTRIES);
	*ret = (struct csaf_listing){ .entries = arena_array(a, most, sizeof *ret->entries) };
	if (!ret->entries)
		return err_set(err, RF_ENOMEM, "index");
	while (span_line(&text, &line)) {
		number++;
		struct span path = span_trim(line);
		if (!path.n)
			continue;
		if (!fs_is_plain_relative(path)) {
			(void)err_set(err, RF_EFORMAT, "no path within the folder of the index (CSAF 2.0, 7.1.12)");
			return err_at_line(err, number);
		}
		ret->entries[ret->count++].path = copy(a, path, &failed);
		if (failed)
			return err_set(err, RF_ENOMEM, "index");
	}
	return 0;
}

static struct span unquoted(struct span s)
{
	s = span_trim(s);
	return s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"' ? span_sub(s, 1, s.n - 2) : s;
}

int csaf_changes_read(struct span text, struct csaf_listing *listing, struct err *err)
{
	struct map by_path = MAP_INIT;
	struct span line;
	int rc = 0;
	for (size_t i = 0; i < listing->count && !rc; i++)
		rc = map_set(&by_path, listing->entries[i].path, &listing->entries[i]);
	while (!rc && span_line(&text, &line)) {
		/* the date holds no comma, a path might */
		size_t comma = span_rfind_byte(line, ',');
		if (comma == SIZE_MAX)
			continue;
		struct csaf_entry *e = map_get(&by_path, unquoted(span_sub(line, 0, comma)));
		if (e && !e->version.n)
			e->version = unquoted(span_from(line, comma + 1));
	}
	map_release(&by_path);
	return rc ? err_set(err, rc, "changes.csv") : 0;
}

struct span csaf_security_txt(struct span text)
{
	struct span line;
	while (span_line(&text, &line)) {
		if (!span_starts_nocase(line, "CSAF:"))
			continue;
		struct span url = span_trim(span_from(line, 5));
		if (span_starts_nocase(url, "https://"))
			return url;
	}
	return SPAN_NONE;
}
