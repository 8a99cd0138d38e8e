/* SPDX-License-Identifier: MIT */
/*
 * Names of certificates in Alipay's public-key-certificate mode.
 *
 * A name ("SN") is the lower-case hex MD5 of the issuer in RFC 2253 form,
 * most specific part first, followed by the serial number in decimal. MD5 is a
 * label here and protects nothing. Source: Alipay's SDKs (AntCertificationUtil).
 * Any thread.
 */
#ifndef IDPHOTOD_PAY_ALIPAY_CERT_H
#define IDPHOTOD_PAY_ALIPAY_CERT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { ALIPAY_CERT_SN_BYTES = 32 + 1, ALIPAY_ROOT_SN_BYTES = 16 * ALIPAY_CERT_SN_BYTES };

/* app_cert_sn, alipay_cert_sn: of the first certificate of a PEM text. INVALID when it has none. */
enum status alipay_cert_sn(const char *pem, size_t n, char sn[ALIPAY_CERT_SN_BYTES]) MUST_USE;

/* alipay_root_cert_sn: the names of all certificates signed with RSA, joined by '_' in the order
 * of the file; SM2 and ECDSA ones do not count. INVALID when there is none, when one does not
 * parse, or when there are more than 16. */
enum status alipay_root_cert_sn(const char *pem, size_t n, char sn[ALIPAY_ROOT_SN_BYTES]) MUST_USE;

/* Whether the first certificate of a PEM text is in force and its chain ends at one of the roots;
 * what is between may lie in the text itself or in `between`. DENIED when not. */
enum status alipay_cert_check_chain(const char *pem, const char *between, const char *roots,
                                    int64_t now_us) MUST_USE;

#endif
