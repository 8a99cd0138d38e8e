/* SPDX-License-Identifier: MIT */
/* Keys, signatures, base64, key files, amounts and the judgement of a trade. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#include "pay/rsa.h"
#include "pay/trade.h"
#include "vectors.h"

static bool sign_matches(const struct vector *v)
{
    struct arena *a = arena_new();
    struct rsa_key *key = NULL;
    const char *message = vector_text(v->inputs, "message"), *signature = NULL;
    const char *pem = vector_key(vector_text(v->inputs, "private_key"));
    struct span part = {message, strlen(message)};
    bool same = rsa_load_private(pem, strlen(pem), RSA_PEM, &key) == OK &&
                rsa_sign(key, &part, 1, a, &signature) == OK &&
                strcmp(signature, vector_text(v->expected, "signature")) == 0;
    rsa_free(key);
    arena_free(a);
    return same;
}
VECTORS(rsa_signatures_are_those_of_the_sdks, "rsa.sha256.sign", sign_matches)
