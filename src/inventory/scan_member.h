/*
 * scan_member - what lies inside a container: every member is recognised, hashed, looked over and reported like a file
 * on a disk, and looked into when it is a container itself (an archive in an archive, an engine in a pickle).
 *
 * May use base/, crypto/, format/. A container reader (a tar, a zip, the layers of an image) says where members begin
 * and end and hands over their bytes in order; it runs in a thread of its own, so that unpacking and hashing overlap:
 *
 *   reader's thread   begin(name, size) add(bytes) add(bytes) ... end()   begin() ...
 *        │ a ring of pieces, 4 MiB
 *   caller's thread   facts, digest, second look ─► report(path "OUTER!/name")   └► what is inside of it:
 * "OUTER!/a.tar!/b"
 *
 * Nothing is written to disk. Memory does not grow with sizes: a member of up to SCAN_MEMBER_MEMORY_BYTES is looked at
 * whole; of a larger one its head of that size is kept, a window that slides over the rest, and its end. Whoever reads
 * facts may go forward in it as far as he likes, and back within the window or to the head; what he asks for beyond
 * that makes the member `unknown`, it is never guessed.
 *
 * Members that are not plain files (links, devices) are reported by scan_member_unread(), never followed. Names are
 * bytes that only ever become part of a reported path.
 */
#ifndef REFORGE_INVENTORY_SCAN_MEMBER_H
#define REFORGE_INVENTORY_SCAN_MEMBER_H

#include "inventory/scan.h"

/* Between a container's path and a member's: "srv/models.tar!/asr/1/model.plan". */
#define SCAN_MEMBER_MARK "!/"

#define SCAN_MEMBER_MEMORY_BYTES (8 * MIB)
/* The same for those that are read here and there (artifact_is_read_at_random(): a package database; one of 3,000
 * packages has 40 MiB). */
#define SCAN_MEMBER_RANDOM_BYTES (64 * MIB)
/* How far back a reader of facts may go in a larger member. */
#define SCAN_MEMBER_WINDOW_BYTES (1 * MIB)
/* Containers within each other, the outermost included. */
#define SCAN_MEMBER_MAX_DEPTH 5
/* Of one outermost container with everything inside of it. A package index or a data set of a million files is no
 * place for engines; what was not looked at then is said. */
#define SCAN_MEMBER_MAX_COUNT 1000000
#define SCAN_MEMBER_MAX_BYTES ((uint64_t)4 << 40)
/* Unpacked bytes for each byte of the container, once SCAN_MEMBER_RATIO_FROM were unpacked. deflate cannot do more than
 * 1,032, an engine does not do 2, a log file 30. */
#define SCAN_MEMBER_MAX_RATIO 250
#define SCAN_MEMBER_RATIO_FROM (256 * MIB)
/* A name is cut off by no file system at more than 4,095 bytes; paths of members of members are longer. */
#define SCAN_MEMBER_MAX_NAME 4095

struct scan_members; /* one walk through a container */

struct scan_container {
	const char *path;            /* OUTER, in front of every member's path */
	const char *root;            /* as scan_file.root */
	const struct digest *digest; /* of the container, for scan_file.outer_digest; NULL: not known */
	/* The reader: calls the functions below, and nothing else that belongs to the caller. Its failure (damaged,
	 * truncated, encrypted, over a limit) ends the walk; what was read until then is reported. Called once, in
	 * another thread. */
	int (*read)(struct scan_members *m, void *data, struct err *err);
	void *data;
};

/* A name beside a container is a file's name, and a model has one engine for each of its parts on the GPU. */
#define SCAN_INSIDE_MAX_BESIDE 16
#define SCAN_INSIDE_NAME_BYTES 256

/* What a walk met. */
struct scan_inside {
	struct scan_totals totals; /* of the members, all depths */
	uint64_t links;            /* reported, not followed */
	uint64_t unread;           /* members that could not be read: encrypted, no plain files but links */
	uint64_t unsafe_names;     /* absolute, or with ".." */
	uint64_t bytes;            /* unpacked */
	int rc;                    /* of the reader; 0: it came to the container's end */
	struct err err;            /* of the reader, when rc is not 0 */
	const char *rule;          /* a limit that ended the walk: "bomb_ratio", ...; NULL: none. Static */
	/* Files beside the container that it names (SCAN_UNREAD_BESIDE), as it names them. */
	char beside[SCAN_INSIDE_MAX_BESIDE][SCAN_INSIDE_NAME_BYTES];
	size_t beside_count; /* all; those that are too long or too many are not in the list */
};

/*
 * Walks a container. Reports come in the order of the members, each before what is inside of it would be known to be
 * whole: a member that is a container is reported behind its own members. @o: evidence, no_digest and progress count;
 * known does not (members have no identity; an unchanged container is not walked at all).
 *
 * A reader's failure is no failure of this call: it is in ret->rc. Fails with RF_ENOMEM, RF_ECANCELLED, RF_EIO (no
 * thread), or what @report returned; the reader's next call then returns RF_ECANCELLED.
 */
RF_MUST_CHECK int scan_members(const struct scan_container *c, const struct scan_options *o,
			       int (*report)(const struct scan_file *, void *), void *data, struct scan_inside *ret,
			       struct err *err);

/* Other files may lie inside: scan_files() reports them. */
bool scan_may_hold(const struct artifact_facts *facts);

/* Says on a container's facts what scan_members() met inside: a note with the counts, a finding when not all of it
 * could be read. @a: the facts' arena. RF_ENOMEM. */
RF_MUST_CHECK int scan_inside_judge(const struct scan_inside *i, struct arena *a, struct artifact_facts *facts);

/* A member as scan_file.members keeps it. */
struct scan_kept {
	struct digest digest;
	struct span kind;  /* ARTIFACT_* */
	struct span inner; /* path inside, bytes */
};
/* Takes the next one off *members; false at the end. What is no such list ends it. */
bool scan_member_next(struct span *members, struct scan_kept *ret);

/* ── For readers ────────────────────────────────────────────────────────────────────────────────────────────────── */

#define SCAN_MEMBER_SIZE_UNKNOWN UINT64_MAX

/* Each returns 0, or a negative error that the reader passes on: RF_ETOOMANY and RF_ETOOBIG with @err (at begin's call
 * or the walk's own) saying which limit, RF_ECANCELLED when nobody listens any more. */

/* @name  as stored; copied. A '/' at its start and "./" are left out of the reported path, and ".." is reported.
 * @size  as the container states it, or SCAN_MEMBER_SIZE_UNKNOWN. When fewer or more bytes follow it is a finding. */
RF_MUST_CHECK int scan_member_begin(struct scan_members *m, struct span name, uint64_t size, struct err *err);
RF_MUST_CHECK int scan_member_add(struct scan_members *m, const void *bytes, size_t n, struct err *err);
RF_MUST_CHECK int scan_member_end(struct scan_members *m, struct err *err);
/* Ends a member whose bytes cannot be had any further: what was handed over is looked at, and it is `unknown`. @what:
 * the rule and the offset. */
RF_MUST_CHECK int scan_member_cut(struct scan_members *m, struct span what, struct err *err);

/* A member that is there, and whose bytes are not handed over. */
enum scan_unread {
	SCAN_UNREAD_LINK,      /* symbolic or hard; @what: where it leads */
	SCAN_UNREAD_SPECIAL,   /* device, FIFO, socket */
	SCAN_UNREAD_ENCRYPTED, /* finding unknown */
	SCAN_UNREAD_DAMAGED,   /* finding unknown; @what: the rule and the offset */
	SCAN_UNREAD_BESIDE,    /* a file beside the container that belongs to it: kept in scan_inside, no report */
};
RF_MUST_CHECK int scan_member_unread(struct scan_members *m, struct span name, enum scan_unread why, struct span what,
				     struct err *err);

/* Bytes of the container (compressed) that were read since the last call: what SCAN_MEMBER_MAX_RATIO is judged by.
 * Until the first call it is not judged. */
void scan_member_consumed(struct scan_members *m, uint64_t bytes);

#endif
