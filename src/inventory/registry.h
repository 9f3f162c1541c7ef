/*
 * registry - a client for registries of images: manifests and blobs (OCI distribution-spec 1.1, "Pull"), with the token
 * authentication that Docker's registry introduced and all have.
 *
 * May use base/, format/, network/, crypto/. One client is one registry, used by one thread at a time.
 *
 *   GET ──401 WWW-Authenticate: Bearer realm=…──► GET realm?service=…&scope=repository:NAME:pull ──► token ──► GET again
 *
 * Secrets: user and password go to the registry, or to the realm that it names over the same or a safer scheme; tokens to
 * the registry; none follows a redirect to another host (blobs are often kept elsewhere), none is in any message or log.
 */
#ifndef REFORGE_INVENTORY_REGISTRY_H
#define REFORGE_INVENTORY_REGISTRY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "format/image_reference.h"

struct registry_settings {
	const char *proxy, *ca_file; /* as struct http_settings; NULL: none, the system's authorities */
	bool plain_http;             /* http:// instead of https:// */
	const char *credentials;     /* a Docker config.json (config.json of ~/.docker, a Kubernetes .dockerconfigjson); NULL: the
				      * places below */
};
/* What holds for @host when nothing is configured: https, but http for loopback. */
struct registry_settings registry_defaults(struct span host);

#define REGISTRY_MAX_SECRET 8192
struct registry_login {
	char user[512], password[REGISTRY_MAX_SECRET]; /* "" none */
};
/*
 * The login for @repository at @host in a Docker config.json: auths{} entries "host", "https://host/v1/", "host/folder"
 * (the longest that fits). RF_ENOTFOUND: none for it; RF_EUNSUPPORTED: one that a credential helper or an identity token holds;
 * RF_EFORMAT. Pure.
 */
RF_MUST_CHECK int registry_login_read(struct span json, struct span host, struct span repository, struct registry_login *ret,
				      struct err *err);

struct registry;
/* @r names registry and repository; @settings NULL: defaults. Looks for a login: REFORGE_REGISTRY_USER and
 * REFORGE_REGISTRY_PASSWORD, else settings->credentials, else $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json,
 * ~/.docker/config.json, the first that is there. Sends nothing. RF_EUNSUPPORTED without libcurl, RF_ENOMEM, what reading the
 * credentials gave but RF_ENOTFOUND. */
RF_MUST_CHECK int registry_open(const struct image_reference *r, const struct registry_settings *settings,
				struct registry **ret, struct err *err);
void registry_close(struct registry *r);

/* A manifest or index by tag or digest into @ret, not verified; @media_type of REGISTRY_MEDIA_TYPE bytes: what the registry
 * calls it. RF_ENOTFOUND, RF_EPERM (which login is missing or refused), and as http_get(). */
#define REGISTRY_MEDIA_TYPE 128
RF_MUST_CHECK int registry_manifest(struct registry *r, struct span version, struct str *ret, char *media_type, struct err *err);
/* A blob, handed to @sink piece by piece; at most @max_bytes + 1 are read. What @sink returns ends it and is returned. Tried
 * again only while nothing was handed over. */
RF_MUST_CHECK int registry_blob(struct registry *r, struct span digest, uint64_t max_bytes,
				int (*sink)(struct span piece, void *data), void *data, struct err *err);

#endif
