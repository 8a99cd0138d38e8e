/* SPDX-License-Identifier: MIT */
#include "files.h"

#include "encoding.h"
#include "moment.h"
#include "store.h"

#include <iconv.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>
#include <zlib.h>

enum { CHUNK_BYTES = 1 << 20, BOMB_CHUNKS = 600, GZIP_WINDOW = 15 + 16 };

struct file {
    struct file *next;
    char *token;
    char *bytes;
    size_t size;
    int64_t until_s;
    enum bill_fault fault;
};

struct files {
    pthread_mutex_t lock; /* stays first: store_new */
    struct file *first;
    struct {
        enum bill_fault fault;
        int times;
        bool ready;
    } bills[2];
};

struct files *files_new(void)
{
    struct files *all = store_new(sizeof *all);
    return all;
}

void files_free(struct files *all)
{
    while (all && all->first) {
        struct file *file = all->first;
        all->first = file->next;
        free(file->token);
        free(file->bytes);
        free(file);
    }
    if (all)
        pthread_mutex_destroy(&all->lock);
    free(all);
}

void files_set_bills(struct files *all, enum channel channel, enum bill_fault fault, int times,
                     bool ready)
{
    pthread_mutex_lock(&all->lock);
    all->bills[channel].fault = fault;
    all->bills[channel].times = times;
    all->bills[channel].ready = ready;
    pthread_mutex_unlock(&all->lock);
}

enum bill_fault files_next_fault(struct files *all, enum channel channel)
{
    pthread_mutex_lock(&all->lock);
    bool spent = all->bills[channel].times == 0;
    enum bill_fault fault = spent ? BILL_RIGHT : all->bills[channel].fault;
    if (all->bills[channel].times > 0)
        all->bills[channel].times--;
    pthread_mutex_unlock(&all->lock);
    return fault;
}

bool files_are_ready(struct files *all, enum channel channel)
{
    pthread_mutex_lock(&all->lock);
    bool ready = all->bills[channel].ready;
    pthread_mutex_unlock(&all->lock);
    return ready;
}

char *files_keep(struct files *all, struct pool *pool, const struct text *bytes, int64_t life_s,
                 enum bill_fault fault)
{
    struct file *file = calloc(1, sizeof *file);
    char *token = random_text(pool, ALPHANUMERIC, 40);
    if (!file)
        abort();
    file->size = fault == BILL_CUT_FILE ? bytes->size / 2 : bytes->size;
    file->token = strdup(token);
    file->bytes = malloc(file->size + 1);
    if (!file->token || !file->bytes)
        abort();
    memcpy(file->bytes, bytes->at, file->size);
    file->until_s = moment_now_s() + life_s;
    file->fault = fault;
    pthread_mutex_lock(&all->lock);
    file->next = all->first;
    all->first = file;
    pthread_mutex_unlock(&all->lock);
    return token;
}

static void give(struct request *request, const struct file *file, const char *type,
                 struct reply *reply)
{
    reply->status = 200;
    reply->body = pool_copy(request->pool, file->bytes, file->size);
    reply->body_size = file->size;
    if (file->fault == BILL_REDIRECT) {
        reply->status = 302;
        reply->body_size = 0;
        reply_header(reply, "Location", request->target);
    }
    reply->silent = file->fault == BILL_SILENT;
    reply_header(reply, "Content-Type", type);
}

bool files_answer(struct files *all, struct request *request, const char *type, struct reply *reply)
{
    struct pairs p = {0};
    const char *query = request->query ? request->query : "";
    const char *token =
        pairs_parse(request->pool, query, strlen(query), &p) ? pairs_get(&p, "token") : NULL;
    bool found = false;
    pthread_mutex_lock(&all->lock);
    for (const struct file *f = token ? all->first : NULL; f && !found; f = f->next) {
        found = strcmp(f->token, token) == 0 && moment_now_s() < f->until_s;
        if (found)
            give(request, f, type, reply);
    }
    pthread_mutex_unlock(&all->lock);
    return found;
}

/* ---- packing ---- */

static void deflate_all(z_stream *z, struct text *out, int flush)
{
    unsigned char room[65536];
    do {
        z->next_out = room;
        z->avail_out = sizeof room;
        if (deflate(z, flush) == Z_STREAM_ERROR)
            abort();
        text_add(out, room, sizeof room - z->avail_out);
    } while (z->avail_out == 0);
}

struct text file_gzip(struct pool *pool, const struct text *bytes, bool bomb)
{
    struct text out = {.pool = pool};
    z_stream z = {0};
    if (deflateInit2(&z, bomb ? 1 : 6, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    char *chunk = bomb ? calloc(1, CHUNK_BYTES) : NULL;
    for (int i = 0; chunk && i < BOMB_CHUNKS; i++) {
        z.next_in = (unsigned char *)chunk;
        z.avail_in = CHUNK_BYTES;
        deflate_all(&z, &out, Z_NO_FLUSH);
    }
    if (!bomb) {
        z.next_in = (unsigned char *)bytes->at;
        z.avail_in = (unsigned)bytes->size;
    }
    deflate_all(&z, &out, Z_FINISH);
    deflateEnd(&z);
    free(chunk);
    return out;
}

/* The whole of an archive that was written to memory. */
static struct text read_source(struct pool *pool, zip_source_t *source)
{
    struct text out = {.pool = pool};
    char room[65536];
    zip_int64_t n;
    if (zip_source_open(source) != 0)
        abort();
    while ((n = zip_source_read(source, room, sizeof room)) > 0)
        text_add(&out, room, (size_t)n);
    zip_source_close(source);
    return out;
}

struct text file_zip(struct pool *pool, const struct archived *members, size_t n, bool bomb)
{
    zip_source_t *target = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_t *archive = target ? zip_open_from_source(target, ZIP_TRUNCATE, NULL) : NULL;
    char *zeros = bomb ? calloc(BOMB_CHUNKS, CHUNK_BYTES) : NULL;
    if (!archive || (bomb && !zeros))
        abort();
    zip_source_keep(target); /* read after the archive is closed */
    for (size_t i = 0; i < n; i++) {
        bool big = bomb && i == 0;
        zip_source_t *source =
            zip_source_buffer(archive, big ? zeros : members[i].bytes.at,
                              big ? (size_t)BOMB_CHUNKS * CHUNK_BYTES : members[i].bytes.size, 0);
        /* raw bytes: no flag that says UTF-8 */
        zip_int64_t at = zip_file_add(archive, members[i].name, source, ZIP_FL_ENC_CP437);
        if (at < 0 ||
            zip_set_file_compression(archive, (zip_uint64_t)at, ZIP_CM_DEFLATE, big ? 1 : 6) != 0)
            abort();
    }
    if (zip_close(archive) != 0)
        abort();
    struct text out = read_source(pool, target);
    zip_source_free(target);
    free(zeros);
    return out;
}

struct text text_in_gbk(struct pool *pool, const char *utf8)
{
    size_t left = strlen(utf8), room = 2 * left + 1;
    char *in = pool_text(pool, utf8), *out = pool_alloc(pool, room), *at = out;
    iconv_t to_gbk = iconv_open("GBK//TRANSLIT", "UTF-8");
    if (to_gbk == (iconv_t)-1 || iconv(to_gbk, &in, &left, &at, &room) == (size_t)-1)
        abort();
    iconv_close(to_gbk);
    *at = '\0';
    return (struct text){pool, out, (size_t)(at - out), (size_t)(at - out)};
}
