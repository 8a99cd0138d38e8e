/* SPDX-License-Identifier: MIT */
/*
 * TLS identities that can be replaced while the server runs, and the check of
 * client certificates. GnuTLS, because libmicrohttpd uses it.
 *
 * New handshakes take the identity that was loaded last; handshakes under way
 * keep theirs. Any thread.
 */
#ifndef IDPHOTOD_HTTP_TLS_H
#define IDPHOTOD_HTTP_TLS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "base/status.h"

struct tls;

/* TLS 1.2 and 1.3, forward secrecy, 128 bits and more. */
#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:%SERVER_PRECEDENCE"

/* PEM files: a chain, leaf first, and its key. INVALID: they do not load or do not belong
 * together. UNAVAILABLE: more TLS listeners in one process than there is room for. Returns owned.
 */
enum status tls_new(const char *cert_file, const char *key_file, struct tls **out) MUST_USE;
void tls_free(struct tls *t);

/* INVALID: the files do not load; the old identity stays. */
enum status tls_reload(struct tls *t) MUST_USE;

/* When the first certificate of the identity in use ends. */
int64_t tls_expiry_us(struct tls *t);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK, which passes no closure: each struct tls has its own. */
gnutls_certificate_retrieve_function2 *tls_callback(const struct tls *t);

/* Whether the peer showed a certificate that chains to the session's authorities, is in its time
 * and may be a client's. */
bool tls_peer_is_verified(gnutls_session_t session);

/* A whole small file, NUL after it. INVALID when it cannot be read or is over 1 MiB. Owned: wiped
 * and freed by tls_free_file. */
enum status tls_read_file(const char *path, gnutls_datum_t *out) MUST_USE;
void tls_free_file(gnutls_datum_t *file);

#endif
