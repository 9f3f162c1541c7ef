/*
 * http_libcurl - libcurl, loaded when the first client is made.
 *
 * Linked, libcurl brings some 30 libraries along (LDAP, Kerberos, SSH, RTMP); most commands never leave the machine and
 * are to start in milliseconds. docs/feeds.md has the figures. Private to this room.
 */
#ifndef REFORGE_NETWORK_HTTP_LIBCURL_H
#define REFORGE_NETWORK_HTTP_LIBCURL_H

#include <curl/curl.h>
#include <stdbool.h>

#define LIBCURL_FUNCTIONS(X) \
	X(curl_easy_cleanup) X(curl_easy_getinfo) X(curl_easy_init) X(curl_easy_perform) X(curl_easy_reset) X(curl_easy_setopt) \
	X(curl_easy_strerror) X(curl_global_init) X(curl_slist_append) X(curl_slist_free_all)

/* libcurl's checking macros of the same names would be expanded in the declarations */
#undef curl_easy_getinfo
#undef curl_easy_setopt
struct libcurl {
#define X(name) __typeof__(&name) name;
	LIBCURL_FUNCTIONS(X)
#undef X
};

/* False when libcurl.so.4 is not installed or lacks one of them. Loaded and initialised once, never unloaded; any thread. */
bool libcurl_load(void);
extern struct libcurl libcurl;

#endif
