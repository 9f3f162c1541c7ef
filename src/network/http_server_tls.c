/* http_server_tls - the server's certificate, read again while it serves, and those of its clients. */
#include "network/http_server_int.h"

#include "base/arena.h"
#include "base/fs.h"

#include <sys/stat.h>

/* Chains and bundles of authorities; a cluster's is 1 to 2 KiB, the public ones together 220 KiB. */
#define MAX_PEM_BYTES (1 * MIB)
/* A client's certificate message; chains are a few KiB. */
#define MAX_HANDSHAKE_BYTES (64 * KIB)

static gnutls_datum_t datum_of(const struct str *s)
{
	return (gnutls_datum_t){ .data = (unsigned char *)s->p, .size = (unsigned)s->n };
}

static void wipe(struct str *s)
{
	if (s->p)
		explicit_bzero(s->p, s->capacity);
}

static usec_t leaf_expires(const gnutls_datum_t *pem)
{
	gnutls_x509_crt_t leaf;
	if (libmicrohttpd.gnutls_x509_crt_init(&leaf) != 0)
		return USEC_NONE;
	usec_t at = USEC_NONE;
	if (libmicrohttpd.gnutls_x509_crt_import(leaf, pem, GNUTLS_X509_FMT_PEM) == 0)
		at = (usec_t)libmicrohttpd.gnutls_x509_crt_get_expiration_time(leaf) * USEC_PER_SEC;
	libmicrohttpd.gnutls_x509_crt_deinit(leaf);
	return at;
}

static int take_key(struct tls_credentials *c, const struct http_server_settings *s, struct err *err)
{
	RF_AUTO(str) certificate = STR_INIT(MAX_PEM_BYTES);
	RF_AUTO(str) key = STR_INIT(MAX_PEM_BYTES);
	int rc = fs_read(s->certificate_file, &certificate, err);
	if (rc == 0)
		rc = fs_read(s->key_file, &key, err);
	if (rc == 0) {
		gnutls_datum_t chain = datum_of(&certificate), private = datum_of(&key);
		int failed = libmicrohttpd.gnutls_certificate_set_x509_key_mem(c->handle, &chain, &private,
									       GNUTLS_X509_FMT_PEM);
		if (failed < 0)
			rc = err_set(err, RF_EINVALID, "certificate %s and key %s: %s", s->certificate_file,
				     s->key_file, libmicrohttpd.gnutls_strerror(failed));
		else
			c->expires = leaf_expires(&chain);
	}
	wipe(&key);
	return rc;
}

static int take_authorities(struct tls_credentials *c, const char *file, struct err *err)
{
	RF_AUTO(str) pem = STR_INIT(MAX_PEM_BYTES);
	int rc = fs_read(file, &pem, err);
	if (rc)
		return rc;
	gnutls_datum_t bytes = datum_of(&pem);
	int n = libmicrohttpd.gnutls_certificate_set_x509_trust_mem(c->handle, &bytes, GNUTLS_X509_FMT_PEM);
	return n > 0 ? 0
		     : err_set(err, RF_EINVALID, "%s holds no certificate of an authority%s%s", file, n < 0 ? ": " : "",
			       n < 0 ? libmicrohttpd.gnutls_strerror(n) : "");
}

int tls_credentials_read(const struct http_server_settings *s, struct tls_credentials **ret, struct err *err)
{
	struct tls_credentials *c = rf_alloc(sizeof *c);
	if (!c || libmicrohttpd.gnutls_certificate_allocate_credentials(&c->handle) != 0) {
		rf_free(c);
		return err_set(err, RF_ENOMEM, "no memory for certificates");
	}
	atomic_init(&c->holders, 1);
	int rc = take_key(c, s, err);
	if (rc == 0 && s->client_ca_file)
		rc = take_authorities(c, s->client_ca_file, err);
	if (rc)
		tls_credentials_drop(c);
	else
		*ret = c;
	return rc;
}

void tls_credentials_drop(struct tls_credentials *c)
{
	if (!c || atomic_fetch_sub(&c->holders, 1) != 1)
		return;
	libmicrohttpd.gnutls_certificate_free_credentials(c->handle);
	rf_free(c);
}

void tls_files_look(const struct http_server_settings *s, struct tls_files *ret)
{
	const char *const files[] = { s->certificate_file, s->key_file, s->client_ca_file };
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < RF_COUNT(files); i++) {
		struct stat st;
		/* through links: Kubernetes exchanges a mounted secret by one link */
		if (!files[i] || stat(files[i], &st) != 0)
			continue;
		ret->seen[i].seconds = st.st_mtim.tv_sec;
		ret->seen[i].nanoseconds = st.st_mtim.tv_nsec;
		ret->seen[i].bytes = st.st_size;
		ret->seen[i].inode = st.st_ino;
	}
}

/* ── Clients ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_wanted(const struct http_server_settings *s, const char *name, size_t n)
{
	for (size_t i = 0; i < s->client_names_n; i++)
		if (span_eq_text(span_bytes(name, n), s->client_names[i]))
			return true;
	return false;
}

static bool has_name(const struct http_server_settings *s, const gnutls_datum_t *der)
{
	gnutls_x509_crt_t crt;
	char name[256];
	size_t n = sizeof name;
	if (s->client_names_n == 0)
		return true;
	if (libmicrohttpd.gnutls_x509_crt_init(&crt) != 0)
		return false;
	bool found = false;
	if (libmicrohttpd.gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0) {
		found = libmicrohttpd.gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &n) ==
				0 &&
			is_wanted(s, name, n);
		for (unsigned i = 0; !found; i++) {
			n = sizeof name;
			int kind = libmicrohttpd.gnutls_x509_crt_get_subject_alt_name(crt, i, name, &n, NULL);
			if (kind < 0 && kind != GNUTLS_E_SHORT_MEMORY_BUFFER)
				break; /* the end */
			found = kind == GNUTLS_SAN_DNSNAME && is_wanted(s, name, n);
		}
	}
	libmicrohttpd.gnutls_x509_crt_deinit(crt);
	return found;
}

/* During the handshake. A certificate that does not hold ends it; none at all is the routes' affair: a kubelet's probe
 * has none. */
static int verify_client(gnutls_session_t session)
{
	const union MHD_ConnectionInfo *info = libmicrohttpd.MHD_get_connection_info(
		libmicrohttpd.gnutls_session_get_ptr(session), MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *c = info->socket_context;
	unsigned n = 0, status = 0;
	const gnutls_datum_t *chain = libmicrohttpd.gnutls_certificate_get_peers(session, &n);
	if (!chain || n == 0)
		return 0;
	gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
					  .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT };
	if (libmicrohttpd.gnutls_certificate_verify_peers(session, &purpose, 1, &status) != 0 || status != 0 ||
	    !has_name(&c->server->settings, &chain[0])) {
		atomic_fetch_add_explicit(&c->server->certificates_refused, 1, memory_order_relaxed);
		return GNUTLS_E_CERTIFICATE_ERROR;
	}
	c->verified = true;
	return 0;
}

void tls_session_prepare(struct http_server *s, struct connection *c, gnutls_session_t session)
{
	c->credentials = s->credentials;
	atomic_fetch_add(&c->credentials->holders, 1);
	(void)libmicrohttpd.gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, c->credentials->handle);
	transport_set(c, session);
	libmicrohttpd.gnutls_handshake_set_max_packet_length(session, MAX_HANDSHAKE_BYTES);
	if (s->settings.client_ca_file) {
		libmicrohttpd.gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
		libmicrohttpd.gnutls_session_set_verify_function(session, verify_client);
	}
}
