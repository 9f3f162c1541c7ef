/* scan_one - one file, without what lies inside of it: no database, no archive library. See scan.h */
#include "inventory/scan_int.h"

#include "base/fs.h"
#include "base/thread.h"

#include <unistd.h>

static bool only_stop(size_t bytes, void *data)
{
	(void)bytes;
	(void)data;
	return thread_stop_wanted();
}

static int slot_finish(struct scan_slot *slot, struct artifact_facts *ret_facts, struct digest *ret_digest,
		       struct err *err)
{
	if (slot->rc < 0) {
		*err = slot->err;
		return err->code ? slot->rc : err_set(err, slot->rc, "out of memory");
	}
	if (slot->file.error)
		return err_set(err, RF_EIO, "%s",
			       slot->facts.note_count ? slot->facts.notes[slot->facts.note_count - 1]
						      : "cannot be read");
	*ret_facts = slot->facts;
	if (ret_digest)
		*ret_digest = slot->file.digest;
	return 0;
}

int scan_one(const char *path, const struct scan_options *o, struct arena *a, struct artifact_facts *ret_facts,
	     struct digest *ret_digest, struct err *err)
{
	struct stat st;
	struct scan_hasher hasher = { 0 };
	struct err none = ERR_INIT;
	int fd = -1;
	if (!err)
		err = &none;
	RF_AUTO_FREE struct scan_slot *slot = rf_alloc(sizeof *slot);
	if (!slot)
		return err_set(err, RF_ENOMEM, "no memory to read a file");
	if (strlen(path) >= sizeof slot->path)
		return err_set(err, RF_ETOOBIG, "a path of more than 4,095 bytes");
	int rc = fs_open_regular(path, false, &fd, &st, err);
	if (rc)
		return rc;
	scan_slot_begin(slot, path, strrchr(path, '/') ? (size_t)(strrchr(path, '/') - path) + 1 : 0);
	slot->fd = fd;
	slot->arena = *a; /* the facts' texts are the caller's */
	slot->want_digest = ret_digest && !(o && o->no_digest);
	scan_identity_of(&st, &slot->file.identity);
	rc = slot->want_digest ? scan_hasher_open(&hasher, err) : 0;
	if (rc == 0)
		scan_slot_read(slot, o && o->evidence ? ARTIFACT_WITH_EVIDENCE : 0, &hasher, only_stop, NULL);
	if (slot->fd >= 0)
		close(slot->fd);
	*a = slot->arena;
	scan_hasher_release(&hasher);
	if (rc)
		return rc;
	rc = slot_finish(slot, ret_facts, ret_digest, err);
	return rc ? err_in_file(err, path) : 0;
}
