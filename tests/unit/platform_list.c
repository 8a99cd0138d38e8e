/* SPDX-License-Identifier: MIT */
#include "platform_list.h"

#include <criterion/criterion.h>
#include <string.h>

#include "pay/aead.h"
#include "pay/base64.h"

struct wechat_options merchant_without_keys(const struct key_pair *ours, struct arena *a)
{
    return (struct wechat_options){
        .mchid = "1230000109",
        .appid_native = "wx0123456789abcdef",
        .api_v3_key_file = file_with(PLATFORM_API_KEY, a),
        .merchant_key_file = file_with(ours->private_pem, a),
        .merchant_serial = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
    };
}

const char *platform_entry(const struct key_pair *k, long serial, const char *named,
                           const char *effective, const char *expire, struct arena *a)
{
    const char *pem = self_signed(k, "Tenpay", "platform", serial, a);
    size_t n = strlen(pem);
    unsigned char *sealed = arena_alloc(a, n + AEAD_TAG_BYTES);
    const struct span key = {PLATFORM_API_KEY, 32}, nonce = {"abcdefghijkl", 12},
                      associated = {"certificate", 11};
    cr_assert_eq(aead_seal(key, nonce, associated, (struct span){pem, n}, sealed), OK);
    return arena_printf(a,
                        "{\"serial_no\":\"%s\",\"effective_time\":\"%s\",\"expire_time\":\"%s\","
                        "\"encrypt_certificate\":{\"algorithm\":\"AEAD_AES_256_GCM\","
                        "\"nonce\":\"abcdefghijkl\",\"associated_data\":\"certificate\","
                        "\"ciphertext\":\"%s\"}}",
                        named, effective, expire, base64_encode(a, sealed, n + AEAD_TAG_BYTES));
}
