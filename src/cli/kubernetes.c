/* kubernetes - see the header. */
#include "cli/kubernetes.h"

#include "base/fs.h"
#include "base/log.h"

struct taking {
	const struct kubernetes_source *s;
	struct kubernetes_taken *t;
	struct err *err;
};

/* ── Manifests ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int file_read(struct taking *k, const char *path)
{
	RF_AUTO(str) bytes = STR_INIT(KUBE_MAX_FILE_BYTES);
	struct err why = ERR_INIT;
	int rc = fs_read(path, &bytes, &why);
	if (rc == 0)
		rc = kube_read(&k->t->set, str_span(&bytes), path, &why);
	if (rc == RF_ENOMEM) {
		*k->err = why;
		return rc;
	}
	return rc ? k->s->unread(path, &why, k->s->data) : 0;
}

static int take_entry(const struct fs_entry *e, void *data)
{
	static const char *const ends[] = { ".yaml", ".yml", ".json" };
	struct taking *k = data;
	if (e->kind == FS_UNREADABLE) {
		struct err why = ERR_INIT;
		(void)err_set(&why, RF_EIO, "%s", e->error_text);
		return k->s->unread(e->path, &why, k->s->data);
	}
	for (size_t i = 0; e->kind == FS_FILE && i < RF_COUNT(ends); i++)
		if (span_ends(span_of(e->name), ends[i]))
			return file_read(k, e->path);
	return 0;
}

static int manifests_read(struct taking *k)
{
	k->t->cluster = option_text(k->s->in, "cluster", "manifests");
	k->t->manifests = true;
	return fs_is_dir(k->s->name) ? fs_walk(k->s->name, take_entry, k, k->err) : file_read(k, k->s->name);
}

/* ── A live cluster ──────────────────────────────────────────────────────────────────────────────────────────────── */

static int cluster_read(struct taking *k)
{
	const char *context = k->s->name;
	struct kubernetes_taken *t = k->t;
	int rc = kube_config_open(context[0] ? context : NULL, &t->arena, &t->access, k->err);
	if (rc == RF_ENOTFOUND)
		return err_prefix(k->err, "k8s:%s is no file, and no context of a kubeconfig: ", context);
	if (rc)
		return rc;
	t->cluster = option_text(k->s->in, "cluster", t->access.cluster);
	rc = kube_list(&t->access, t->namespace_, &t->set, &t->listing, k->err);
	for (size_t i = 0; rc == 0 && i < t->listing.unseen_n; i++)
		log_warn("%s could not be listed and stays as it was: %s", t->listing.unseen[i].kind, t->listing.unseen[i].reason);
	return rc;
}

/* ── Both ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct kube_labels labels_of(const struct workspace *w)
{
	if (!w)
		return (struct kube_labels){ "app.kubernetes.io/name", "", "" };
	return (struct kube_labels){ w->kubernetes.service_label, w->kubernetes.owner_label, w->kubernetes.contact_label };
}

/* Manifests tell of whatever they like: only what was asked for counts. */
static void others_leave(struct kubernetes_taken *t)
{
	for (size_t i = 0; t->manifests && t->namespace_ && i < t->set.count; i++)
		t->set.workloads[i].owned |= strcmp(t->set.workloads[i].namespace_, t->namespace_) != 0;
}

int kubernetes_take(const struct kubernetes_source *s, struct kubernetes_taken *ret, struct err *err)
{
	*ret = (struct kubernetes_taken){ .arena = ARENA_INIT(64 * MIB), .namespace_ = option_text(s->in, "namespace", NULL) };
	struct taking k = { .s = s, .t = ret, .err = err };
	struct kube_labels labels = labels_of(s->workspace);
	int rc = kube_set_init(&ret->set, &labels, ret->namespace_ ? ret->namespace_ : "default", err);
	if (rc == 0)
		rc = fs_exists(s->name) ? manifests_read(&k) : cluster_read(&k);
	if (rc == 0)
		rc = kube_set_join(&ret->set, err);
	if (rc == 0)
		others_leave(ret);
	return rc;
}

void kubernetes_release(struct kubernetes_taken *t)
{
	kube_set_release(&t->set);
	arena_release(&t->arena);
}
