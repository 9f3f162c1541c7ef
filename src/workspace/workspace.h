/*
 * workspace - reforge.yaml: the fleet, its owners, toolchains, clocks; and the folder around it (design 6.2).
 *
 *   FOLDER/reforge.yaml          what this room reads
 *          services/NAME.yaml    more services, of the same form, that a program wrote (`inventory import --cmdb`)
 *          recipes/NAME.yaml     recipe.h; loaded by name, on first use
 *          keys/                 0700: release.pem, ledger.pem and their .pub.pem (made by the cli through crypto/)
 *          reforge.db  depot/    unless reforge.yaml says otherwise
 *          ledger/checkpoints.jsonl   reports/   work/
 *
 * May use base/, format/, network/ (addresses), crypto/. workspace_read() is pure; workspace_open(), _init() and _recipe() touch the disk.
 * A workspace never changes after it was read; every text in it lives until workspace_free(). Reading it from several
 * threads is fine, workspace_recipe() included.
 *
 * Paths in reforge.yaml are relative to its folder; in these structs they are absolute and normal (no ".", "..", "//").
 */
#ifndef REFORGE_WORKSPACE_WORKSPACE_H
#define REFORGE_WORKSPACE_WORKSPACE_H

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "workspace/policy.h"
#include "workspace/recipe.h"

#define WORKSPACE_FILE "reforge.yaml"
#define WORKSPACE_MAX_BYTES (64 * MIB)
/* The design's fleet is 2,000 services; ten times that is refused with a word, not swallowed. */
#define WORKSPACE_MAX_SERVICES 20000

/* Response limits, counted from T0 (design 6.8). */
struct workspace_clocks {
	int64_t confirm_usec;     /* 30 min: is it ours? */
	int64_t environment_usec; /* 1 h: build environment with the fixed toolchain stands */
	int64_t rebuild_usec;     /* 4 h: rebuilt and tested */
	int64_t canary_usec;      /* 8 h: first traffic */
	int64_t fleet_usec;       /* 24 h: whole fleet */
};

struct workspace_environment {
	const char *name;
	struct workspace_clocks clocks;
};

enum workspace_feed_kind {
	WORKSPACE_FEED_FOLDER,   /* a file or folder of this machine */
	WORKSPACE_FEED_URL,      /* one document over HTTP(S): KEV, EPSS, an ecosystem of OSV as zip */
	WORKSPACE_FEED_GIT,      /* a repository: NVIDIA's, GitHub's, PyPA's */
	WORKSPACE_FEED_PROVIDER, /* a CSAF provider: provider-metadata.json */
	WORKSPACE_FEED_NVD,      /* the API 2.0 of NVD */
	WORKSPACE_FEED_BUNDLE    /* another site's signed bundle, a file */
};
struct workspace_column {
	const char *field;  /* "id", "affected", ... */
	const char *column; /* the header of the column that holds it */
};
struct workspace_feed {
	const char *name;
	enum workspace_feed_kind kind;
	const char *format; /* advisory format, or NULL: told from each document */
	const char *path;   /* kinds folder and bundle; else NULL */
	const char *key;    /* kind bundle: the public key it must be signed with; else NULL */
	const char *url;    /* NULL for folders, and for NVD's own */
	const char *branch, *folder;         /* kind git; NULL: default branch, whole tree */
	const char *const *keywords, *const *cpe; /* kind nvd */
	size_t keywords_n, cpe_n;
	const char *api_key_file;            /* NULL: no key */
	unsigned requests_per_30s;           /* 0: NVD's own limits */
	unsigned page;                       /* records a page of NVD */
	unsigned attempts;                   /* of one request */
	int64_t retry_wait_usec, timeout_usec;
	const char *proxy, *ca_file;         /* NULL: the workspace's; proxy "none": no proxy */
	const struct workspace_column *columns; /* format table */
	size_t columns_n;
	const char *publisher;               /* format table: who wrote it; NULL: not said */
	const char *tlp;       /* clear, green, amber, amber+strict, red */
	int64_t interval_usec; /* how often a server fetches it */
	int64_t max_age_usec;  /* older than this, the feed is stale and its silence proves nothing; default 24 h */
};

/* A registry that images are scanned at; one that is not named here is spoken to over https, on loopback over http. */
struct workspace_registry {
	const char *host;            /* "registry.example", "registry.example:5000", as in references */
	const char *scheme;          /* https, http */
	const char *proxy, *ca_file; /* NULL: the workspace's; proxy "none": no proxy */
	const char *credentials;     /* a Docker config.json; NULL: the usual places */
};

struct workspace_toolchain_version {
	const char *version; /* "1.20.1", as written */
	const char *library; /* the shared library the driver loads */
	const char *sha256;  /* 64 hex digits, or NULL: not pinned */
	usec_t released;     /* USEC_NONE when not stated */
};
struct workspace_toolchain {
	const char *name;                                   /* onnxruntime, tensorrt, command */
	const char *driver;                                 /* program, or NULL: the one beside reforge */
	const struct workspace_toolchain_version *versions; /* in the order of the file */
	size_t versions_n;
};

enum workspace_reach {
	WORKSPACE_REACH_ISOLATED,
	WORKSPACE_REACH_INTERNAL,
	WORKSPACE_REACH_PARTNER,
	WORKSPACE_REACH_PUBLIC
};
enum workspace_criticality { WORKSPACE_LOW, WORKSPACE_NORMAL, WORKSPACE_HIGH, WORKSPACE_CRITICAL };

/* An engine whose place does not tell its recipe. */
struct workspace_engine {
	const char *path;
	const char *recipe;
};

struct workspace_service {
	const char *name;
	struct owner owner;
	enum workspace_reach reach;
	enum workspace_criticality criticality;
	const struct workspace_environment *const *environments; /* at least one */
	size_t environments_n;
	const char
		*runtime_toolchain;  /* what loads the engines: "onnxruntime"; NULL: not stated (unknown, never safe) */
	const char *runtime_version; /* "1.20.1" */
	const char *const *roots;    /* folders of engines */
	size_t roots_n;
	const char *const *namespaces; /* of Kubernetes, "NAMESPACE" or "CLUSTER/NAMESPACE", where its label counts; none: the
					* first that a scan met it in */
	size_t namespaces_n;
	const struct workspace_engine *engines;
	size_t engines_n;
	const char *file; /* that it stands in */
	uint64_t line;
};

/* Which environment the workloads of a namespace are in. */
struct workspace_namespace {
	const char *name; /* "NAMESPACE", or "CLUSTER/NAMESPACE", which wins */
	const struct workspace_environment *environment;
};
/* Where the service label is believed. */
enum workspace_label_holds { WORKSPACE_LABEL_AT_HOME = 0, WORKSPACE_LABEL_ANYWHERE };
struct workspace_kubernetes {
	enum workspace_label_holds label_holds;
	const char *service_label, *owner_label, *contact_label; /* keys; "" none */
	const struct workspace_namespace *namespaces;
	size_t namespaces_n;
};

struct workspace {
	const char *folder;   /* absolute */
	const char *file;     /* folder/reforge.yaml */
	const char *site;     /* names the ledger; characters of a recipe name */
	const char *database; /* absolute path of an SQLite file, or "postgresql://…" */
	const char *depot;
	const char *recipes, *keys, *ledger, *reports, *work; /* folders */
	unsigned build_jobs;                                  /* parallel builds; 0: as many as processors */
	uint64_t build_memory_bytes; /* for all builds together; 0: what the machine has free */
	const char *proxy, *ca_file; /* of every request that leaves; NULL: none, the system's authorities */
	const struct workspace_feed *feeds;
	size_t feeds_n;
	const struct workspace_registry *registries;
	size_t registries_n;
	const struct workspace_toolchain *toolchains;
	size_t toolchains_n;
	const struct workspace_environment *environments;
	size_t environments_n;
	const struct workspace_service *services; /* of reforge.yaml, then of services/ */
	size_t services_n;
	struct workspace_kubernetes kubernetes;
	const struct workspace_policy *policies; /* of the gate, in the order of the file */
	size_t policies_n;
	int64_t waiver_longest_usec; /* no waiver is made for longer */
	struct workspace_vex vex;
	struct workspace_private *private_;
};

/*
 * Reads reforge.yaml. @yaml is not borrowed. @file for messages; @folder absolute.
 * RF_EFORMAT with file, line, key path and the accepted values; RF_ETOOBIG, RF_ETOOMANY, RF_ENOMEM.
 * A service that names an unknown environment, two services with one root, a runtime version that is no
 * NAME@VERSION: RF_EFORMAT too. A runtime version that `toolchains` does not hold is fine: it may run elsewhere.
 */
RF_MUST_CHECK int workspace_read(struct span yaml, const char *file, const char *folder, struct workspace **ret,
				 struct err *err);
/* One more file of services. */
struct workspace_file {
	const char *path;
	struct span yaml;
};
/* The same with @extra files of services, in their order: {services: {NAME: ...}} as in reforge.yaml. A name that is there
 * already is left out: reforge.yaml, a person's, wins. */
RF_MUST_CHECK int workspace_read_with(struct span yaml, const char *file, const char *folder,
				      const struct workspace_file *extra, size_t extra_n, struct workspace **ret,
				      struct err *err);
/* Reads FOLDER/reforge.yaml, and services/NAME.yaml in the order of the names. RF_ENOTFOUND says how to make one (`reforge init`). */
RF_MUST_CHECK int workspace_open(const char *folder, struct workspace **ret, struct err *err);
void workspace_free(struct workspace *w);
void workspace_freep(struct workspace **w);
/* The folder at or above @start that holds reforge.yaml, absolute, into @buffer of FS_PATH_MAX bytes. RF_ENOTFOUND. */
RF_MUST_CHECK int workspace_find(const char *start, char *buffer, size_t size, struct err *err);

/*
 * Makes the skeleton: reforge.yaml (a commented template, @site filled in), recipes/, keys/ (0700), depot/, ledger/,
 * reports/, work/. @folder is made when absent. Keys and database are the caller's next step.
 * RF_EEXISTS when it holds a reforge.yaml; folders that are there stay as they are. RF_EINVALID: a site that is no
 * name.
 */
RF_MUST_CHECK int workspace_init(const char *folder, const char *site, struct err *err);

/* Each NULL when there is none of that name. */
const struct workspace_service *workspace_service(const struct workspace *w, struct span name);
const struct workspace_environment *workspace_environment(const struct workspace *w, struct span name);
const struct workspace_toolchain *workspace_toolchain(const struct workspace *w, struct span name);
const struct workspace_toolchain_version *workspace_toolchain_version(const struct workspace *w, struct span toolchain,
								      struct span version);
const struct workspace_feed *workspace_feed(const struct workspace *w, struct span name);

/* The environment that reforge.yaml gives a namespace; NULL when it gives none. */
const struct workspace_environment *workspace_namespace(const struct workspace *w, struct span cluster,
							struct span namespace_);

/* Writes services/NAME.yaml, which the next workspace_open() reads. @services: a JSON object by name, each of the form that
 * reforge.yaml wants; checked by reading it as workspace_open() would, so that nothing is written that it would refuse.
 * RF_EFORMAT with the service's name; RF_EINVALID: @name. An empty object takes the file away. */
RF_MUST_CHECK int workspace_services_write(const struct workspace *w, const char *name, struct span services,
					   struct err *err);

/* Absolute, normal form of @path (relative: to the workspace's folder), into @buffer. RF_ETOOBIG. Lexical: links are
 * not resolved. */
RF_MUST_CHECK int workspace_path(const struct workspace *w, const char *path, char *buffer, size_t size,
				 struct err *err);

/* To whom a file belongs. */
struct workspace_place {
	const struct workspace_service *service; /* NULL: no service has a root or an override there */
	const char *root;                        /* the root it lies under; NULL with an override outside all roots */
	char recipe[RECIPE_NAME_MAX + 1];        /* "" when its place names none */
};
/*
 * Longest root wins. An override decides the recipe, else the layout: ROOT/MODEL/N/FILE (Triton: N is digits) and
 * ROOT/MODEL.EXT belong to MODEL (the last dot parts EXT). Other places below a root: the service, no recipe.
 * @path absolute, or relative to the workspace. RF_ETOOBIG.
 */
RF_MUST_CHECK int workspace_locate(const struct workspace *w, const char *path, struct workspace_place *ret,
				   struct err *err);

/* The recipe @name, read on first use, kept until workspace_free(). RF_ENOTFOUND when recipes/NAME.yaml is not there,
 * RF_EINVALID when @name is no name, else as recipe_read. Thread-safe. */
RF_MUST_CHECK int workspace_recipe(const struct workspace *w, const char *name, const struct recipe **ret,
				   struct err *err);
/* Names of all recipes/NAME.yaml, sorted by bytes, in @a; files of other names are not recipes. Does not read them. */
RF_MUST_CHECK int workspace_recipe_names(const struct workspace *w, struct arena *a, const char *const **ret,
					 size_t *ret_n, struct err *err);

/* The registry @host of `registries`; NULL when it is not named there. */
const struct workspace_registry *workspace_registry(const struct workspace *w, struct span host);

const char *workspace_feed_kind_name(enum workspace_feed_kind kind); /* "csaf-provider" */
const char *workspace_reach_name(enum workspace_reach r);             /* "public" */
const char *workspace_criticality_name(enum workspace_criticality c); /* "critical" */

/* The JSON Schemas (2020-12) of both files, made from the tables that read them; docs/schema/NAME.schema.json holds the
 * same bytes (a test compares). @name "reforge" or "recipe"; RF_ENOTFOUND for others. Appends to @to. */
RF_MUST_CHECK int workspace_schema(const char *name, struct str *to, struct err *err);

#endif
