/* The yardstick of `keyturn bench seal`: AES-256-GCM decryption in a loop, in C.
 *
 * Does what our opener's inner loop does and nothing more: takes the next segment from a
 * shared counter, decrypts it by EVP, checks its tag. The key schedule is set up once per
 * thread. libcrypto is opened by name, so that one of the same generation as the Python
 * library's own can be measured; no OpenSSL headers are needed.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum { SET_TAG = 0x11, TAG = 16, PREFIX = 7 }; /* EVP_CTRL_AEAD_SET_TAG, openssl/evp.h */

static void *(*ctx_new)(void);
static void (*ctx_free)(void *);
static int (*ctx_ctrl)(void *, int, int, void *);
static const void *(*aes_256_gcm)(void);
static int (*init)(void *, const void *, void *, const unsigned char *, const unsigned char *);
static int (*update)(void *, unsigned char *, int *, const unsigned char *, int);
static int (*final)(void *, unsigned char *, int *);
static const char *(*version)(int);

/* 0, or -1 when the library or one of its functions is not there. */
int gcm_loop_open(const char *libcrypto) {
    void *library = dlopen(libcrypto, RTLD_NOW | RTLD_LOCAL);
    if (!library) return -1;
    ctx_new = dlsym(library, "EVP_CIPHER_CTX_new");
    ctx_free = dlsym(library, "EVP_CIPHER_CTX_free");
    ctx_ctrl = dlsym(library, "EVP_CIPHER_CTX_ctrl");
    aes_256_gcm = dlsym(library, "EVP_aes_256_gcm");
    init = dlsym(library, "EVP_DecryptInit_ex");
    update = dlsym(library, "EVP_DecryptUpdate");
    final = dlsym(library, "EVP_DecryptFinal_ex");
    version = dlsym(library, "OpenSSL_version");
    return ctx_new && ctx_free && ctx_ctrl && aes_256_gcm && init && update && final && version
               ? 0 : -1;
}

const char *gcm_loop_version(void) { return version(0); }

/* Decrypt segments until the counter reaches `count`. Segment i: ciphertext and tag of
 * `size` + 16 bytes at blocks + i * stride, plaintext to out + i * size, nonce
 * prefix (7 bytes) | i (4, big endian) | 0. Returns the number of wrong tags. */
int gcm_loop_run(const unsigned char *key, const unsigned char *prefix, _Atomic uint32_t *next,
                 uint32_t count, unsigned char *blocks, uint64_t stride, unsigned char *out,
                 int size) {
    int wrong = 0, got;
    unsigned char nonce[PREFIX + 5], rest[TAG];
    void *ctx = ctx_new();
    memcpy(nonce, prefix, PREFIX);
    nonce[PREFIX + 4] = 0;
    init(ctx, aes_256_gcm(), 0, key, 0);
    for (uint32_t i; (i = atomic_fetch_add(next, 1)) < count;) {
        unsigned char *block = blocks + i * stride;
        for (int k = 0; k < 4; k++) nonce[PREFIX + k] = (unsigned char)(i >> (24 - 8 * k));
        init(ctx, 0, 0, 0, nonce);
        update(ctx, out + (uint64_t)i * size, &got, block, size);
        ctx_ctrl(ctx, SET_TAG, TAG, block + size);
        wrong += final(ctx, rest, &got) != 1;
    }
    ctx_free(ctx);
    return wrong;
}
