/* Hosts that report engines, for tests of exposures. */
#ifndef REFORGE_TEST_EXPOSURE_FLEET_H
#define REFORGE_TEST_EXPOSURE_FLEET_H

#include "store.h"

static const struct inventory_place voice = { .host = "h1",
					      .service = "voice",
					      .environment = "production",
					      .model = "m",
					      .runtime_product = ORT,
					      .runtime_version = "1.21.1" };
static inline struct digest content(unsigned char seed)
{
	return (struct digest){ { seed, 1 } };
}

static inline struct artifact_facts facts(const char *kind, const char *product, const char *version)
{
	struct artifact_facts f = { .kind = kind,
				    .layout = "",
				    .product = product,
				    .version_source = version[0] ? ARTIFACT_VERSION_HEADER : ARTIFACT_VERSION_UNKNOWN,
				    .cause = "",
				    .cc_major = -1,
				    .size = 100 };
	snprintf(f.version, sizeof f.version, "%s", version);
	return f;
}

static inline void record(struct fixture *f, struct inventory_batch *b)
{
	struct err err = ERR_INIT;
	assert_ok(inventory_record(f->db, b, NULL, &err), &err);
	inventory_batch_free(b);
}

/* One host's report: @seeds of engines that ONNX Runtime 1.20.1 built, at /r/<seed>. @like: runtime and model. */
static inline void report_like(struct fixture *f, const struct inventory_place *like, const char *host,
			       const char *service, const unsigned char *seeds)
{
	struct err err = ERR_INIT;
	struct inventory_batch *b = inventory_batch_new();
	struct inventory_place at = *like;
	at.host = host;
	at.service = service;
	assert_non_null(b);
	assert_ok(inventory_batch_root(b, "/r", &at, &err), &err);
	for (; *seeds; seeds++) {
		char path[32];
		struct artifact_facts what =
			facts(ARTIFACT_ONNXRUNTIME_OPTIMISED, ORT, *seeds < 100 ? "1.20.1" : "1.21.1");
		struct scan_file file = {
			.path = path, .root = "/r", .has_digest = true, .digest = content(*seeds), .facts = &what
		};
		snprintf(path, sizeof path, "/r/%d", *seeds);
		assert_ok(inventory_batch_add(b, &file, &at, &err), &err);
	}
	record(f, b);
}

static inline void report(struct fixture *f, const char *host, const char *service, const unsigned char *seeds)
{
	report_like(f, &voice, host, service, seeds);
}

#define SEEDS(...) ((const unsigned char[]){ __VA_ARGS__, 0 })

struct asking {
	const char *sql;
	int64_t answer;
};

static inline int ask_one(struct transaction *tx, void *data)
{
	struct asking *a = data;
	return tx_one_i64(tx, &a->answer, a->sql, NULL, 0);
}

static inline int64_t number(struct fixture *f, const char *sql)
{
	struct err err = ERR_INIT;
	struct asking a = { .sql = sql };
	assert_ok(database_transact(f->db, DB_READ, ask_one, &a, &err), &err);
	return a.answer;
}

#define AFFECTED(id) OSV(id, "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.21.0"))

#endif
