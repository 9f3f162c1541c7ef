/*
 * http_libmicrohttpd - libmicrohttpd and the GnuTLS below it, loaded when the first server is made.
 *
 * For the reason of http_libcurl.h: one command of many serves, and the others are to start in milliseconds. GnuTLS is
 * called beside libmicrohttpd because certificates are exchanged while connections stand, which libmicrohttpd has no
 * option for. Private to this room.
 */
#ifndef REFORGE_NETWORK_HTTP_LIBMICROHTTPD_H
#define REFORGE_NETWORK_HTTP_LIBMICROHTTPD_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <stdbool.h>

#define LIBMICROHTTPD_FUNCTIONS(X)                                                                             \
	X(MHD_add_response_header)                                                                             \
	X(MHD_create_response_from_buffer) X(MHD_destroy_response) X(MHD_get_connection_info)                  \
		X(MHD_lookup_connection_value) X(MHD_queue_response) X(MHD_quiesce_daemon) X(MHD_start_daemon) \
			X(MHD_stop_daemon)

#define LIBGNUTLS_FUNCTIONS(X)                    \
	X(gnutls_certificate_allocate_credentials) X(gnutls_certificate_free_credentials)                      \
	X(gnutls_certificate_get_peers) X(gnutls_certificate_server_set_request)                               \
	X(gnutls_certificate_set_x509_key_mem) X(gnutls_certificate_set_x509_trust_mem)                        \
	X(gnutls_certificate_verify_peers) X(gnutls_credentials_set)                                           \
	X(gnutls_handshake_set_max_packet_length) X(gnutls_session_get_ptr)                                    \
	X(gnutls_session_set_verify_function) X(gnutls_strerror) X(gnutls_transport_set_ptr)                   \
	X(gnutls_transport_set_pull_function) X(gnutls_transport_set_pull_timeout_function)                    \
	X(gnutls_transport_set_vec_push_function) X(gnutls_x509_crt_deinit)                                    \
	X(gnutls_x509_crt_get_dn_by_oid) X(gnutls_x509_crt_get_expiration_time)                                \
	X(gnutls_x509_crt_get_subject_alt_name) X(gnutls_x509_crt_import) X(gnutls_x509_crt_init)

struct libmicrohttpd {
#define X(name) __typeof__(&name) name;
	LIBMICROHTTPD_FUNCTIONS(X)
	LIBGNUTLS_FUNCTIONS(X)
#undef X
};

/* False when one of the libraries is not installed or lacks a function. Loaded once, never unloaded; any thread. */
bool libmicrohttpd_load(void);
extern struct libmicrohttpd libmicrohttpd;

#endif
