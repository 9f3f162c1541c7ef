/*
 * rpm headers as the databases keep them: counts of index entries and data bytes, the index, the data ("RPM v4 package
 * format", section header). Big-endian. Only name, epoch, version and release are read; they stand at the front of the
 * data, so that a database of 250 MB gives them up for a few pages each.
 */
#include "inventory/package_int.h"

enum { RPMTAG_NAME = 1000, RPMTAG_VERSION = 1001, RPMTAG_RELEASE = 1002, RPMTAG_EPOCH = 1003 };
enum { RPM_INT32 = 4, RPM_STRING = 6 };

/* rpm's own limits: hdrchkTags(), hdrchkData(). */
#define RPM_MAX_TAGS 0x0000ffffU
#define RPM_MAX_DATA 0x0fffffffU
/* What is read of a header at first, and at most: long enough for an index of 65,535 entries. */
#define HEAD_BYTES 8192
#define HEAD_MAX (2 * MIB)

struct index {
	struct span bytes;
	uint32_t count, data_bytes;
	size_t data_at, need;
};

/* A terminated string at @offset of the data. */
static int string_at(struct index *x, uint32_t offset, struct span *ret, const char **rule)
{
	if (offset >= x->data_bytes) {
		*rule = "a tag's offset lies behind the data";
		return RF_EFORMAT;
	}
	size_t at = x->data_at + offset;
	const char *end = at < x->bytes.n ? memchr(x->bytes.p + at, 0, x->bytes.n - at) : NULL;
	if (end) {
		*ret = (struct span){ x->bytes.p + at, (size_t)(end - (x->bytes.p + at)) };
		return 0;
	}
	if (x->bytes.n >= x->data_at + x->data_bytes) {
		*rule = "a string that does not end inside the data";
		return RF_EFORMAT;
	}
	x->need = RF_MAX(x->need, RF_MIN(at + PACKAGE_TEXT_MAX + 2, x->data_at + x->data_bytes));
	x->need = RF_MAX(x->need, RF_MIN(x->bytes.n + 1, x->data_at + x->data_bytes));
	return RF_ETRUNCATED;
}

static int entry_read(struct index *x, const char *entry, struct rpm_header *h, const char **rule)
{
	uint32_t tag = be32(entry), type = be32(entry + 4), offset = be32(entry + 8);
	struct span *text = tag == RPMTAG_NAME	    ? &h->name
			    : tag == RPMTAG_VERSION ? &h->version
			    : tag == RPMTAG_RELEASE ? &h->release
						    : NULL;
	if (text && type == RPM_STRING)
		return string_at(x, offset, text, rule);
	if (tag != RPMTAG_EPOCH || type != RPM_INT32)
		return 0;
	if (offset > x->data_bytes || x->data_bytes - offset < 4) {
		*rule = "the epoch lies behind the data";
		return RF_EFORMAT;
	}
	if (x->data_at + offset + 4 > x->bytes.n) {
		x->need = RF_MAX(x->need, x->data_at + offset + 4);
		return RF_ETRUNCATED;
	}
	h->epoch = be32(x->bytes.p + x->data_at + offset);
	h->has_epoch = true;
	return 0;
}

int rpm_header_read(struct span bytes, uint64_t whole, struct rpm_header *ret, size_t *ret_need, const char **ret_rule)
{
	struct index x = { .bytes = bytes };
	struct rpm_header h = { 0 };
	*ret_rule = "an rpm header has eight bytes of counts";
	if (whole < 8 || bytes.n < 8)
		return RF_EFORMAT;
	x.count = be32(bytes.p);
	x.data_bytes = be32(bytes.p + 4);
	x.data_at = 8 + 16 * (size_t)x.count;
	*ret_rule = "index and data of an rpm header are larger than the header, or than rpm allows";
	if (!x.count || x.count > RPM_MAX_TAGS || x.data_bytes > RPM_MAX_DATA || x.data_at + x.data_bytes > whole)
		return RF_EFORMAT;
	if (x.data_at > bytes.n) {
		*ret_need = RF_MIN(x.data_at + HEAD_BYTES / 2, (size_t)whole);
		return RF_ETRUNCATED;
	}
	for (uint32_t i = 0; i < x.count; i++) {
		int rc = entry_read(&x, bytes.p + 8 + 16 * (size_t)i, &h, ret_rule);
		if (rc == RF_EFORMAT)
			return rc;
	}
	*ret_need = x.need;
	if (x.need)
		return RF_ETRUNCATED;
	*ret = h;
	return 0;
}

static void header_take(struct package_list *l, const struct rpm_header *h)
{
	char version[2 * PACKAGE_TEXT_MAX + 32] = "", epoch[16] = "";
	if (span_eq_text(h->name, "gpg-pubkey"))
		return;
	if (h->has_epoch)
		snprintf(epoch, sizeof epoch, "%u:", (unsigned)h->epoch);
	if (h->version.n)
		snprintf(version, sizeof version, "%s%.*s-%.*s", epoch, SPAN_ARG(span_sub(h->version, 0, PACKAGE_TEXT_MAX)),
			 SPAN_ARG(span_sub(h->release, 0, PACKAGE_TEXT_MAX)));
	package_list_add(l, &(struct purl){ .type = SPAN("rpm"), .name = h->name, .version = span_of(version) });
}

void rpm_header_add(struct package_list *l, uint64_t whole,
		    bool (*blob)(struct artifact_reading *r, void *data, unsigned char *to, size_t n), void *data)
{
	const char *rule = "";
	struct rpm_header h;
	size_t n = (size_t)RF_MIN(whole, (uint64_t)HEAD_BYTES);
	for (;;) {
		RF_AUTO_FREE unsigned char *bytes = rf_alloc(n);
		if (!bytes) {
			l->r->failed = RF_ENOMEM;
			return;
		}
		if (!blob(l->r, data, bytes, n))
			return;
		size_t need = 0;
		int rc = rpm_header_read(span_bytes(bytes, n), whole, &h, &need, &rule);
		if (rc == 0) {
			header_take(l, &h);
			return;
		}
		if (rc != RF_ETRUNCATED || need <= n || need > HEAD_MAX) {
			artifact_object(l->r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "rpm_header_malformed",
					"package %zu of the database: %s", l->count + 1,
					rc == RF_ETRUNCATED ? "its name lies behind 2 MiB of other tags" : rule);
			return;
		}
		n = need;
	}
}

/* The package whose files name the distribution. */
static const struct {
	const char *package, *distribution;
} releases[] = {
	{ "redhat-release", "redhat" },	      { "redhat-release-server", "redhat" },
	{ "centos-release", "centos" },	      { "centos-stream-release", "centos" },
	{ "centos-linux-release", "centos" }, { "fedora-release-common", "fedora" },
	{ "rocky-release", "rocky" },	      { "almalinux-release", "almalinux" },
	{ "oraclelinux-release", "ol" },      { "system-release", "amzn" },
	{ "openSUSE-release", "opensuse" },   { "sles-release", "sles" },
	{ "azurelinux-release", "azurelinux" }, { "mariner-release", "mariner" },
};

int rpm_list_end(struct package_list *l)
{
	struct span distribution = SPAN_NONE;
	for (size_t i = 0; i < RF_COUNT(releases) && !distribution.n; i++)
		if (package_list_has(l, releases[i].package))
			distribution = span_of(releases[i].distribution);
	return l->r->failed ? l->r->failed : package_list_end(l, distribution);
}
