/*
 * image_reference - names of images at registries: "registry.example:5000/site/app:1.2@sha256:…".
 *
 * Pure. May use base/ only. Grammar: distribution's reference (github.com/distribution/reference), as Docker, containerd and
 * Kubernetes read it: without a host (no '.', no ':', not "localhost") the first part is a folder of Docker Hub.
 */
#ifndef REFORGE_FORMAT_IMAGE_REFERENCE_H
#define REFORGE_FORMAT_IMAGE_REFERENCE_H

#include "base/err.h"
#include "base/span.h"

#define IMAGE_REFERENCE_MAX_NAME 255
#define IMAGE_REFERENCE_MAX 1024 /* as text, with the NUL: a host, a name, a tag and the longest digest */
#define IMAGE_DOCKER_HUB "docker.io"

struct image_reference { /* spans lie in the text, or are static */
	struct span registry;   /* "registry.example:5000"; "docker.io" when none is named */
	struct span folder;     /* "library" for Docker Hub's own; else empty */
	struct span repository; /* "site/app"; with @folder in front and a '/' */
	struct span tag;        /* "latest" when there is neither tag nor digest; empty with a digest alone */
	struct span digest;     /* "sha256:…", "sha384:…", "sha512:…" (OCI image spec, "registered algorithms"); empty */
	bool has_host;          /* the text names the registry */
	bool has_version;       /* the text names a tag or a digest */
};
/* RF_EINVALID with the part that is wrong and the rule. */
RF_MUST_CHECK int image_reference_read(struct span text, struct image_reference *ret, struct err *err);
/* "registry.example:5000/site/app:1.2", the same for all ways to write it, into @buffer of IMAGE_REFERENCE_MAX. */
const char *image_reference_text(const struct image_reference *r, char *buffer);
/* localhost, 127.0.0.0/8, [::1], with or without a port. */
bool image_registry_is_loopback(struct span registry);

#endif
