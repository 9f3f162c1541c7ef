/*
 * dockerfile - the images that a Dockerfile builds on: FROM of every stage, COPY --from and RUN --mount from=.
 *
 * Pure. May use base/, artifact.h, image_tag.h. Read as docs.docker.com's "Dockerfile reference" says: parser directive
 * `escape`, continued lines, comments inside of them, here-documents (a FROM in one is text), ARG before the first FROM with
 * its default, ${NAME}, ${NAME:-word}, ${NAME:+word}. A name whose value the file does not have (an ARG without a
 * default) makes that image unknown: it is given at build time.
 */
#ifndef REFORGE_INVENTORY_DOCKERFILE_H
#define REFORGE_INVENTORY_DOCKERFILE_H

#include "inventory/artifact.h"
#include "inventory/image_tag.h"

#define DOCKERFILE_MAX_BYTES (1 * MIB)
#define DOCKERFILE_MAX_IMAGES 512
#define DOCKERFILE_MAX_ARGS 1024
#define DOCKERFILE_MAX_OPEN 256 /* "<<WORD" without an end, each looked for to the end of the file */
/* The rule by which a file is unknown that no image can be read out of. */
#define DOCKERFILE_MALFORMED "dockerfile_malformed"
/* Of one value after substitution. */
#define DOCKERFILE_MAX_VALUE 4096

enum dockerfile_use { DOCKERFILE_FROM, DOCKERFILE_COPY, DOCKERFILE_MOUNT };

struct dockerfile_image {
	enum dockerfile_use use;
	struct span reference; /* as substituted; with what is not known left as written */
	struct span stage;     /* name of the stage it begins, or stands in; "0", "1" for those without */
	struct span platform;  /* of --platform, as written; empty */
	struct span missing;   /* the first name without a value; empty: all are known */
	bool scratch;          /* FROM scratch: no image */
	bool of_stage;         /* another stage of this file, no image */
	uint64_t line;
};
struct dockerfile {
	struct dockerfile_image *images; /* in the file's order */
	size_t count;
};
/* Spans live in @a or @text. RF_EFORMAT with the line and the rule (nothing before the first FROM but ARG; FROM IMAGE [AS
 * NAME]; no FROM at all; an expansion that is not read); RF_ETOOBIG; RF_ETOOMANY; RF_ENOMEM. */
RF_MUST_CHECK int dockerfile_read(struct span text, struct arena *a, struct dockerfile *ret, struct err *err);

/* The facts of a Dockerfile, kind ARTIFACT_DOCKERFILE: components that its images' tags prove, a note for each image (those
 * behind the first ARTIFACT_MAX_NOTES - 1 share one), and the finding unknown with the candidates for those that are not
 * proven. What is malformed is a fact as well. RF_ENOMEM. */
RF_MUST_CHECK int dockerfile_facts(struct span text, const struct image_map *m, struct arena *a,
				   struct artifact_facts *ret, struct err *err);
/* The same of one of its images, as dockerfile_read() gave it; of scratch and of another stage nothing is told. RF_ENOMEM. */
RF_MUST_CHECK int dockerfile_image_facts(const struct dockerfile_image *image, const struct image_map *m, struct arena *a,
					 struct artifact_facts *ret, struct err *err);
/* Dockerfile, Containerfile, Dockerfile.NAME, NAME.Dockerfile. */
bool dockerfile_named(struct span name);
/* A file that is named so, met among others: is it one? Its first instruction is FROM or ARG, and unless it is called Dockerfile or
 * Containerfile and nothing more, a FROM of it can be read: Dockerfile.md, Dockerfile.j2 and Dockerfile.dockerignore are
 * something else. */
bool dockerfile_is(struct span name, struct span text);

#endif
