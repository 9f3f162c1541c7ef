/* kubernetes_config - see the header. Format: kubernetes.io/docs/reference/config-api/kubeconfig.v1 */
#include "inventory/kubernetes_config.h"

#include "base/fs.h"
#include "crypto/sign.h"
#include "format/yaml.h"
#include "network/http_client.h"

#define SECRET_BYTES (256 * KIB)
#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

struct reading {
	struct arena *a;
	const char *file, *folder;
	struct err *err;
};

static int refuse(struct reading *r, int code, const struct yaml_node *at, const char *field, const char *rule)
{
	(void)err_set(r->err, code, "%s", rule);
	(void)err_in_file(r->err, r->file);
	(void)err_in_field(r->err, "%s", field);
	if (at)
		(void)err_at_line(r->err, yaml_line(at));
	return code;
}

static int no_memory(struct reading *r)
{
	return err_set(r->err, RF_ENOMEM, "no memory for a kubeconfig");
}

/* A scalar; NULL when it is absent or empty. */
static int text(struct reading *r, const struct yaml_node *group, const char *key, const char **ret)
{
	const struct yaml_node *n = yaml_get(group, key);
	struct span s = yaml_scalar(n);
	*ret = NULL;
	if (!n || yaml_is_null(n))
		return 0;
	if (yaml_kind(n) != YAML_SCALAR || span_find_byte(s, '\0') != SIZE_MAX)
		return refuse(r, RF_EFORMAT, n, key, "must be a text");
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ')
			return refuse(r, RF_EFORMAT, n, key, "holds control characters");
	if (s.n && !(*ret = arena_text(r->a, s)))
		return no_memory(r);
	return 0;
}

/* ── Secrets ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A file with a key or token is nobody else's to read. */
static int file_read(struct reading *r, const char *path, bool secret, struct span *ret)
{
	char whole[FS_PATH_MAX];
	RF_AUTO(str) bytes = STR_INIT(SECRET_BYTES);
	struct stat st;
	int rc = fs_join(whole, sizeof whole, r->folder, path, r->err);
	if (rc == 0 && secret && stat(whole, &st) == 0 && (st.st_mode & 077)) {
		(void)err_set(r->err, RF_EPERM, "others may read this key or token; chmod 600");
		return err_in_file(r->err, whole);
	}
	if (rc == 0)
		rc = fs_read(whole, &bytes, r->err);
	if (rc)
		return rc;
	*ret = arena_span(r->a, str_span(&bytes));
	if (secret && bytes.p)
		explicit_bzero(bytes.p, bytes.n);
	return ret->p ? 0 : no_memory(r);
}

/* KEY-data (base64) or KEY (a file's path). */
static int pem(struct reading *r, const struct yaml_node *group, const char *key, bool secret, struct span *ret)
{
	char data_key[64];
	const char *inline_text, *path;
	RF_AUTO(str) bytes = STR_INIT(SECRET_BYTES);
	(void)snprintf(data_key, sizeof data_key, "%s-data", key);
	int rc = text(r, group, data_key, &inline_text);
	if (rc == 0)
		rc = text(r, group, key, &path);
	*ret = SPAN_NONE;
	if (rc || (!inline_text && !path))
		return rc;
	if (!inline_text)
		return file_read(r, path, secret, ret);
	if (base64_read(span_of(inline_text), &bytes, NULL))
		return refuse(r, RF_EFORMAT, yaml_get(group, data_key), data_key, "is no base64");
	*ret = arena_span(r->a, str_span(&bytes));
	return ret->p ? 0 : no_memory(r);
}

static int token_file(struct reading *r, const char *path, struct kube_access *to)
{
	struct span bytes;
	int rc = file_read(r, path, true, &bytes);
	if (rc)
		return rc;
	bytes = span_trim(bytes);
	for (size_t i = 0; i < bytes.n; i++)
		if ((unsigned char)bytes.p[i] <= ' ' || (unsigned char)bytes.p[i] > 126)
			return refuse(r, RF_EFORMAT, NULL, "token", "a token is printable ASCII without blanks");
	to->token = arena_text(r->a, bytes);
	return to->token ? 0 : no_memory(r);
}

/* ── Parts ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_loopback(const char *server)
{
	static const char *const hosts[] = { "http://127.0.0.1", "http://localhost", "http://[::1]" };
	for (size_t i = 0; i < RF_COUNT(hosts); i++) {
		size_t n = strlen(hosts[i]);
		if (strncmp(server, hosts[i], n) == 0 && (server[n] == ':' || server[n] == '/' || server[n] == '\0'))
			return true;
	}
	return false;
}

static int server_check(struct reading *r, const struct yaml_node *cluster, struct kube_access *to)
{
	const struct yaml_node *at = yaml_get(cluster, "server");
	if (!to->server || !http_url_is_valid(to->server))
		return refuse(r, RF_EFORMAT, at ? at : cluster, "server", "must be the address of the API: https://HOST:PORT");
	if (strncmp(to->server, "https://", 8) != 0 && !is_loopback(to->server))
		return refuse(r, RF_EVERIFY, at, "server", "plain http is read from this machine only (kubectl proxy)");
	size_t n = strlen(to->server);
	while (n > 0 && to->server[n - 1] == '/')
		n--;
	to->server = arena_text(r->a, span_bytes(to->server, n));
	return to->server ? 0 : no_memory(r);
}

static int cluster_read(struct reading *r, const struct yaml_node *cluster, struct kube_access *to)
{
	const char *insecure, *name;
	int rc = text(r, cluster, "insecure-skip-tls-verify", &insecure);
	if (rc == 0 && insecure && strcmp(insecure, "false") != 0)
		return refuse(r, RF_EVERIFY, yaml_get(cluster, "insecure-skip-tls-verify"), "insecure-skip-tls-verify",
			      "certificates are always verified; give certificate-authority");
	if (rc == 0)
		rc = text(r, cluster, "tls-server-name", &name);
	if (rc == 0 && name)
		return refuse(r, RF_EUNSUPPORTED, yaml_get(cluster, "tls-server-name"), "tls-server-name",
			      "use an address that the certificate names");
	if (rc == 0)
		rc = text(r, cluster, "server", &to->server);
	if (rc == 0)
		rc = text(r, cluster, "proxy-url", &to->proxy);
	if (rc == 0)
		rc = pem(r, cluster, "certificate-authority", false, &to->ca);
	return rc ? rc : server_check(r, cluster, to);
}

static int user_read(struct reading *r, const struct yaml_node *user, struct kube_access *to)
{
	static const char *const refused[][2] = {
		{ "exec", "no program is started for a credential: make a service account with the right to list workloads "
			  "and give its token (docs/inventory-fleet.md)" },
		{ "auth-provider", "was taken out of Kubernetes 1.26; give a token or a client certificate" },
		{ "username", "passwords are not sent; give a token or a client certificate" },
		{ "as", "impersonation is not done; give the credentials of the account itself" },
	};
	const char *path;
	for (size_t i = 0; i < RF_COUNT(refused); i++) {
		const struct yaml_node *at = yaml_get(user, refused[i][0]);
		if (at && !yaml_is_null(at))
			return refuse(r, RF_EUNSUPPORTED, at, refused[i][0], refused[i][1]);
	}
	int rc = pem(r, user, "client-certificate", false, &to->certificate);
	if (rc == 0)
		rc = pem(r, user, "client-key", true, &to->key);
	if (rc == 0 && (to->key.n == 0) != (to->certificate.n == 0))
		return refuse(r, RF_EFORMAT, user, "client-certificate", "certificate and key go together");
	if (rc == 0)
		rc = text(r, user, "token", &to->token);
	if (rc == 0)
		rc = text(r, user, "tokenFile", &path);
	return rc == 0 && path && !to->token ? token_file(r, path, to) : rc;
}

/* The member @part of the item called @name in the list @list of the document. */
static int named(struct reading *r, const struct yaml_node *root, const char *list, const char *part, const char *name,
		 const struct yaml_node **ret)
{
	const struct yaml_node *items = yaml_get(root, list);
	for (size_t i = 0; i < yaml_count(items); i++) {
		const struct yaml_node *item = yaml_at(items, i);
		if (!span_eq_text(yaml_scalar(yaml_get(item, "name")), name))
			continue;
		*ret = yaml_get(item, part);
		return *ret ? 0 : refuse(r, RF_EFORMAT, item, part, "is missing");
	}
	RF_AUTO(str) have = STR_INIT(512);
	for (size_t i = 0; i < RF_MIN(yaml_count(items), (size_t)10); i++)
		str_addf(&have, "%s%.*s", i ? ", " : "", SPAN_ARG(yaml_scalar(yaml_get(yaml_at(items, i), "name"))));
	(void)err_set(r->err, RF_ENOTFOUND, "no \"%s\" here; there are: %s", name, have.n ? str_text(&have) : "none");
	(void)err_in_file(r->err, r->file);
	return err_in_field(r->err, "%s", list);
}

static int context_read(struct reading *r, const struct yaml_node *root, const char *context, struct kube_access *to)
{
	const struct yaml_node *c, *cluster, *user;
	const char *user_name;
	int rc = context ? 0 : text(r, root, "current-context", &context);
	if (rc == 0 && !context)
		return refuse(r, RF_ENOTFOUND, root, "current-context", "is not set; name a context: k8s:CONTEXT");
	to->context = rc ? NULL : arena_text(r->a, span_of(context));
	if (rc == 0)
		rc = to->context ? named(r, root, "contexts", "context", context, &c) : no_memory(r);
	if (rc == 0)
		rc = text(r, c, "cluster", &to->cluster);
	if (rc == 0)
		rc = text(r, c, "user", &user_name);
	if (rc == 0)
		rc = text(r, c, "namespace", &to->namespace_);
	if (rc == 0 && !to->cluster)
		return refuse(r, RF_EFORMAT, c, "cluster", "is missing");
	if (rc == 0)
		rc = named(r, root, "clusters", "cluster", to->cluster, &cluster);
	if (rc == 0)
		rc = cluster_read(r, cluster, to);
	if (rc == 0 && user_name)
		rc = named(r, root, "users", "user", user_name, &user);
	return rc == 0 && user_name ? user_read(r, user, to) : rc;
}

int kube_config_read(struct span bytes, const char *file, const char *folder, const char *context, struct arena *a,
		     struct kube_access *ret, struct err *err)
{
	struct reading r = { .a = a, .file = file, .folder = folder, .err = err };
	RF_AUTO_PTR(yaml_doc) doc = NULL;
	struct kube_access access = { 0 };
	if (bytes.n > KUBE_CONFIG_MAX_BYTES)
		return refuse(&r, RF_ETOOBIG, NULL, "", "a kubeconfig larger than 4 MiB");
	int rc = yaml_parse(bytes, file, &doc, err);
	if (rc == 0)
		rc = context_read(&r, yaml_root(doc), context, &access);
	if (rc)
		return rc;
	access.namespace_ = access.namespace_ ? access.namespace_ : "default";
	*ret = access;
	return 0;
}

/* ── Where they lie ──────────────────────────────────────────────────────────────────────────────────────────────── */

static int in_cluster(struct arena *a, struct kube_access *ret, struct err *err)
{
	struct reading r = { .a = a, .file = ACCOUNT, .folder = ACCOUNT, .err = err };
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	struct span ns = SPAN_NONE;
	struct kube_access to = { .context = KUBE_IN_CLUSTER, .cluster = KUBE_IN_CLUSTER, .namespace_ = "default" };
	if (!host || !port)
		return err_set(err, RF_ENOTFOUND, "this is no pod: KUBERNETES_SERVICE_HOST is not set");
	to.server = arena_printf(a, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
	int rc = file_read(&r, "ca.crt", false, &to.ca);
	/* the kubelet's files are 0644 in a volume of this pod only */
	struct span token = SPAN_NONE;
	if (rc == 0)
		rc = file_read(&r, "token", false, &token);
	if (rc == 0 && file_read(&r, "namespace", false, &ns) == 0)
		to.namespace_ = arena_text(a, span_trim(ns));
	to.token = rc ? NULL : arena_text(a, span_trim(token));
	if (rc == 0 && (!to.server || !to.token || !to.namespace_))
		return no_memory(&r);
	if (rc == 0)
		*ret = to;
	return rc;
}

static int file_open(const char *path, const char *context, struct arena *a, struct kube_access *ret, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(KUBE_CONFIG_MAX_BYTES);
	char folder[FS_PATH_MAX];
	(void)snprintf(folder, sizeof folder, "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	int rc = fs_read(path, &bytes, err);
	return rc ? rc : kube_config_read(str_span(&bytes), path, slash ? folder : ".", context, a, ret, err);
}

int kube_config_open(const char *context, struct arena *a, struct kube_access *ret, struct err *err)
{
	char path[FS_PATH_MAX];
	const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");
	struct span rest = span_of(list), one;
	int rc = RF_ENOTFOUND;
	if (context && strcmp(context, KUBE_IN_CLUSTER) == 0)
		return in_cluster(a, ret, err);
	if (!list || !list[0]) {
		(void)snprintf(path, sizeof path, "%s/.kube/config", home ? home : "");
		return file_open(path, context, a, ret, err);
	}
	while (rc == RF_ENOTFOUND && span_split(&rest, ':', &one)) {
		if (!one.n)
			continue;
		(void)snprintf(path, sizeof path, "%.*s", SPAN_ARG(one));
		rc = file_open(path, context, a, ret, err);
	}
	return rc;
}

bool kube_config_has(const char *name)
{
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct kube_access access;
	struct err err = ERR_INIT;
	if (strcmp(name, KUBE_IN_CLUSTER) == 0)
		return true;
	return kube_config_open(name, &a, &access, &err) == 0 || err.code != RF_ENOTFOUND;
}
