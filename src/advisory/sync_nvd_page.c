/* sync_nvd_page - what a page of NVD's API 2.0 says, and whether it can be believed. Pure. */
#include "advisory/sync_nvd.h"

#include "advisory/advisory.h"

static bool natural(struct json root, const char *key, int64_t *ret)
{
	return json_i64(json_get(root, key), ret) && *ret >= 0;
}

struct span nvd_record_id(struct json record)
{
	return json_string(json_path(record, "cve", "id", NULL));
}

struct span nvd_record_modified(struct json record)
{
	struct span s = json_string(json_path(record, "cve", "lastModified", NULL));
	return s.p ? s : SPAN("");
}

int nvd_page_read(struct json root, struct nvd_page *ret, struct err *err)
{
	struct nvd_page p = { .records = json_get(root, "vulnerabilities"), .stamp = USEC_NONE };
	if (!natural(root, "startIndex", &p.start) || !natural(root, "resultsPerPage", &p.per_page) || !natural(root, "totalResults", &p.total))
		return err_set(err, RF_EFORMAT, "is no page of NVD's API 2.0: startIndex, resultsPerPage, totalResults");
	if (json_kind(p.records) != JSON_ARRAY)
		return err_set(err, RF_EFORMAT, "is no page of NVD's API 2.0: vulnerabilities is no array");
	for (struct json_each e = json_each(p.records); json_next(&e); p.count++)
		if (!nvd_record_id(e.value).n || nvd_record_id(e.value).n > ADVISORY_MAX_ID)
			return err_set(err, RF_EFORMAT, "record %lld of the page has no id", (long long)p.count + 1);
	struct span stamp = json_string(json_get(root, "timestamp"));
	if (stamp.n && time_read(stamp, &p.stamp, NULL, NULL))
		p.stamp = USEC_NONE;
	*ret = p;
	return 0;
}

int nvd_page_check(const struct nvd_page *p, int64_t start, int64_t asked, struct err *err)
{
	int64_t left = RF_MAX(p->total - start, (int64_t)0);
	if (p->start != start)
		return err_set(err, RF_ECONFLICT, "asked for the page at %lld, given the one at %lld", (long long)start, (long long)p->start);
	/* a server may allow less a page than asked, or not care: then it says how many, and keeps to that */
	int64_t whole = RF_MIN(asked, left), said = RF_MIN(p->per_page, left);
	if (p->count != whole && (p->count != said || p->count == 0))
		return err_set(err, RF_ETRUNCATED, "the page at %lld holds %lld records; by its own figures (totalResults %lld) it should be %lld",
		               (long long)start, (long long)p->count, (long long)p->total, (long long)whole);
	return 0;
}
