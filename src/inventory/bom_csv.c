/* Placements as CSV. See bom.h. */
#include "inventory/bom.h"

static void field(struct str *to, struct span s)
{
	bool quote = false;
	for (size_t i = 0; i < s.n && !quote; i++)
		quote = s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r';
	if (quote)
		str_add_byte(to, '"');
	if (s.n && strchr("=+-@\t", s.p[0])) /* a spreadsheet would calculate it */
		str_add_byte(to, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			str_add_byte(to, '"');
		str_add_byte(to, s.p[i]);
	}
	if (quote)
		str_add_byte(to, '"');
}

static const char *const columns[] = {
	"host",	    "service", "environment",	  "model",   "path",  "kind",		 "sha256",	    "size",	"product",
	"version",  "version_source", "target", "compute_capability", "finding", "cause", "runtime_product", "runtime_version",
	"recipe", "build",	  "source_sha256", "provenance", "provenance_status", "seen_from", "seen_last", "gone_at",
};

void bom_csv_header(struct str *to)
{
	for (size_t i = 0; i < RF_COUNT(columns); i++)
		str_addf(to, "%s%s", i ? "," : "", columns[i]);
	str_add_text(to, "\r\n");
}

static struct span digest_text(const struct digest *d, char hex[DIGEST_HEX])
{
	return digest_is_zero(d) ? SPAN_NONE : span_of(digest_hex(d, hex));
}

static void build_fields(const struct bom_build *b, bool engine, struct str *to)
{
	char hex[DIGEST_HEX];
	const struct bom_material *source = NULL;
	for (size_t i = 0; b && i < b->material_count && !source; i++)
		if (strcmp(b->materials[i].name, "source model") == 0)
			source = &b->materials[i];
	field(to, b ? span_of(b->model) : SPAN_NONE);
	str_add_byte(to, ',');
	field(to, b ? digest_text(&b->build, hex) : SPAN_NONE);
	str_add_byte(to, ',');
	field(to, source ? digest_text(&source->digest, hex) : SPAN_NONE);
	str_add_byte(to, ',');
	field(to, b ? digest_text(&b->provenance, hex) : SPAN_NONE);
	str_add_byte(to, ',');
	field(to, b && b->verified ? SPAN("verified") : b || engine ? SPAN("unknown") : SPAN_NONE);
}

static void time_field(struct str *to, usec_t t)
{
	char text[TIME_TEXT_BYTES];
	str_add_byte(to, ',');
	if (t != USEC_NONE)
		str_add_text(to, time_text(t, text));
}

void bom_csv_row(const struct bom *b, const struct inventory_placement *p, struct str *to)
{
	const struct inventory_artifact *a = &p->artifact;
	struct digest digest;
	char size[32];
	const struct bom_build *build = NULL;
	if (digest_read(span_of(a->digest), &digest, NULL) == 0)
		build = map_get(&b->builds, span_bytes(&digest, sizeof digest));
	snprintf(size, sizeof size, "%llu", (unsigned long long)a->size);
	const struct span fields[] = {
		p->host,    p->service,		  p->environment, p->model, p->path,	     a->kind,	       span_of(a->digest),
		span_of(size), a->product,	  a->version,	  a->version_source, a->target, a->compute_capability, a->finding,
		a->cause,   p->runtime_product, p->runtime_version,
	};
	for (size_t i = 0; i < RF_COUNT(fields); i++) {
		field(to, fields[i]);
		str_add_byte(to, ',');
	}
	build_fields(build, artifact_kind_is_engine(a->kind), to);
	time_field(to, p->seen_from);
	time_field(to, p->seen_last);
	time_field(to, p->gone_at);
	str_add_text(to, "\r\n");
}
