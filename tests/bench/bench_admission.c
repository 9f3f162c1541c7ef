/*
 * bench_admission - the admission server over knowledge made up in memory, for bench_admission.py:
 *
 *   bench_admission CERTIFICATE KEY ARTIFACTS THREADS CONNECTIONS
 *
 * Prints its port and serves until its input ends; a line "swap" there exchanges the snapshot and prints the
 * milliseconds that took. Of the images registry.example/team/app-N:1 one in 64 holds an engine of an affected
 * TensorRT, the others one of a fixed one; each has a claim with its model.
 */
#include "base/arena.h"
#include "server/admission.h"
#include "version/product.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define ADVISORIES 200
#define PLAIN_COMPONENTS 2000 /* packages of images, without an advisory */

static void need(int rc, const struct err *err)
{
	char text[2048];
	if (rc) {
		(void)fprintf(stderr, "bench_admission: %s\n", err_render(err, text, sizeof text));
		exit(2);
	}
}

/* TensorRT before 11.0 by the first; the others are about versions that nobody has. */
static void advisory_add(struct gate_snapshot *s, unsigned n, struct err *err)
{
	struct arena *a = gate_snapshot_arena(s);
	const struct product *product = product_by_any(SPAN(ARTIFACT_PRODUCT_TENSORRT));
	struct stored_advisory *v = arena_alloc(a, sizeof *v);
	struct advisory_statement *st = arena_alloc(a, sizeof *st);
	if (!v || !st || !(v->origins = arena_alloc(a, sizeof *v->origins)) ||
	    !(v->sources = arena_alloc(a, sizeof *v->sources)))
		need(RF_ENOMEM, err);
	v->advisory = (struct advisory){ .id = span_of(arena_printf(a, "CVE-2099-%u", 1000 + n)),
					 .title = SPAN("a flaw"),
					 .published = USEC_PER_SEC,
					 .statements = st,
					 .statement_count = 1 };
	st->source = SPAN("vendor");
	st->authoritative = true;
	st->product = product;
	st->product_name = span_of(product->name);
	st->affected_text = n == 0 ? SPAN("<11.0") : SPAN("<5.0");
	need(range_read_vers(a, product_scheme(product),
			     n == 0 ? SPAN("vers:generic/<11.0") : SPAN("vers:generic/<5.0"), &st->range, err),
	     err);
	v->origins[0] = (struct advisory_origin){ .document_digest = SPAN("00"), .document_id = SPAN("1") };
	v->sources[0] = (struct advisory_source){ .record = { .id = v->advisory.id },
						  .origin = v->origins[0],
						  .publisher = SPAN("vendor") };
	v->source_count = 1;
	need(gate_snapshot_advisory(s, v, err), err);
}

static uint32_t component_add(struct gate_snapshot *s, const char *purl, struct span version, enum carrier carrier,
			      struct err *err)
{
	uint32_t ret = 0;
	const struct component c = { .product = product_by_any(span_of(purl)),
				     .purl = span_of(purl),
				     .version = version };
	need(gate_snapshot_component(s, &c, carrier, &ret, err), err);
	return ret;
}

/* An image with an engine and ten packages in it. */
static void image_add(struct gate_snapshot *s, unsigned n, const uint32_t *builders, const uint32_t *packages,
		      struct err *err)
{
	char text[128];
	uint32_t engine, image, set;
	struct gate_part parts[11] = { 0 };
	struct gate_artifact a = { .set = GATE_NONE, .main = builders[n % 64 == 0], .flags = GATE_ARTIFACT_IS_ENGINE };
	const uint64_t name = 2 * (uint64_t)n;
	digest_of(span_bytes(&name, sizeof name), &a.digest);
	parts[0] = (struct gate_part){ .component = a.main, .artifact = GATE_NONE };
	need(gate_snapshot_set(s, parts, 1, &a.set, err), err);
	need(gate_snapshot_artifact(s, &a, SPAN(ARTIFACT_TENSORRT_PLAN), &engine, err), err);
	(void)snprintf(text, sizeof text, "pvc://models-%u/asr/1/model.plan", n);
	need(gate_snapshot_model(s, span_of(text), engine, err), err);
	parts[0] = (struct gate_part){ .component = a.main, .artifact = engine };
	for (unsigned i = 1; i < RF_COUNT(parts); i++)
		parts[i] = (struct gate_part){ .component = packages[(n * 7 + i) % PLAIN_COMPONENTS],
					       .artifact = GATE_NONE };
	need(gate_snapshot_set(s, parts, RF_COUNT(parts), &set, err), err);
	const uint64_t other = name + 1;
	a = (struct gate_artifact){ .set = set, .main = GATE_NONE, .flags = GATE_ARTIFACT_IS_IMAGE };
	digest_of(span_bytes(&other, sizeof other), &a.digest);
	need(gate_snapshot_artifact(s, &a, SPAN("container-image"), &image, err), err);
	(void)snprintf(text, sizeof text, "registry.example/team/app-%u:1", n);
	need(gate_snapshot_image(s, span_of(text), image, err), err);
}

static struct gate_snapshot *knowledge(unsigned artifacts, struct err *err)
{
	uint32_t builders[2], packages[PLAIN_COMPONENTS];
	char purl[64];
	struct gate_snapshot *s = gate_snapshot_new(1 * GIB);
	if (!s)
		need(RF_ENOMEM, err);
	usec_t now = now_usec();
	need(gate_snapshot_head(
		     s,
		     &(struct gate_head){ .site = SPAN("bench"), .created = now, .as_of = now, .expires = USEC_NONE },
		     err),
	     err);
	for (unsigned i = 0; i < ADVISORIES; i++)
		advisory_add(s, i, err);
	builders[0] = component_add(s, ARTIFACT_PRODUCT_TENSORRT, SPAN("11.1.0"), CARRIER_BUILDER, err);
	builders[1] = component_add(s, ARTIFACT_PRODUCT_TENSORRT, SPAN("10.16.0"), CARRIER_BUILDER, err);
	for (unsigned i = 0; i < PLAIN_COMPONENTS; i++) {
		(void)snprintf(purl, sizeof purl, "pkg:deb/debian/package-%u", i);
		packages[i] = component_add(s, purl, SPAN("1.2.3-4"), CARRIER_IMAGE, err);
	}
	for (unsigned i = 0; i < artifacts / 2; i++)
		image_add(s, i, builders, packages, err);
	need(gate_snapshot_ready(s, err), err);
	return s;
}

static unsigned number(const char *text)
{
	uint64_t n = 0;
	if (!span_u64(span_of(text), &n) || n > 10000000)
		exit(2);
	return (unsigned)n;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct admission *a = NULL;
	char line[64];
	if (argc != 6)
		return 2;
	unsigned artifacts = number(argv[3]);
	const struct admission_settings settings = {
		.http = { .address = "127.0.0.1",
			  .certificate_file = argv[1],
			  .key_file = argv[2],
			  .threads = number(argv[4]),
			  .max_connections = number(argv[5]) },
		.environment = "production",
	};
	need(admission_new(&settings, &a, &err), &err);
	/* as `gate serve` does: this thread alone */
	(void)setpriority(PRIO_PROCESS, 0, 10);
	admission_snapshot_set(a, knowledge(artifacts, &err));
	(void)printf("%u\n", admission_port(a));
	(void)fflush(stdout);
	/* recorded elsewhere: here what is queued is dropped when the queue is full, as it would be */
	while (fgets(line, sizeof line, stdin)) {
		mono_t from = mono_usec();
		admission_snapshot_set(a, knowledge(artifacts, &err));
		(void)printf("%lld\n", (long long)((mono_usec() - from) / 1000));
		(void)fflush(stdout);
	}
	admission_free(a);
	return 0;
}
