/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SILENCE_MS = 2000, ANSWER_SECONDS = 30 };

static CURL *curl;

void http_open(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = curl_easy_init();
}

void http_close(void)
{
    curl_easy_cleanup(curl);
    curl_global_cleanup();
}

static void append(struct answer *a, const char *bytes, size_t n)
{
    char *more = realloc(a->body, a->size + n + 1);
    if (!more)
        abort();
    a->body = more;
    memcpy(a->body + a->size, bytes, n);
    a->size += n;
    a->body[a->size] = 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *answer)
{
    append(answer, bytes, size * n);
    return size * n;
}

static void add_header(struct answer *a, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    if (!colon)
        return;
    char name[128] = "";
    for (size_t i = 0; line + i < colon && i < sizeof name - 1; i++)
        name[i] = (char)tolower((unsigned char)line[i]);
    const char *value = colon + 1, *end = line + n;
    while (value < end && isspace((unsigned char)*value))
        value++;
    while (end > value && isspace((unsigned char)end[-1]))
        end--;
    const char *old = json_string_value(json_object_get(a->headers, name));
    int size = (int)(end - value);
    json_object_set_new(a->headers, name,
                        old ? json_sprintf("%s, %.*s", old, size, value)
                            : json_sprintf("%.*s", size, value));
}

static size_t on_header(char *line, size_t size, size_t n, void *answer)
{
    struct answer *a = answer;
    if (size * n > 5 && memcmp(line, "HTTP/", 5) == 0)
        json_object_clear(a->headers);
    add_header(a, line, size * n);
    return size * n;
}

static struct curl_slist *header_list(const struct request *r)
{
    struct curl_slist *list = NULL;
    char line[8192];
    for (const char *at = r->headers; at && *at; at += *at == '\n') {
        size_t n = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, at);
        list = curl_slist_append(list, line);
        at += n;
    }
    list = curl_slist_append(list, "Expect:");
    if (!r->headers || !strcasestr(r->headers, "Content-Type:"))
        list = curl_slist_append(list, "Content-Type:");
    if (r->chunked)
        list = curl_slist_append(list, "Transfer-Encoding: chunked");
    return list;
}

static size_t give_body(char *room, size_t size, size_t n, void *left)
{
    struct bytes *b = left;
    size_t take = b->size < size * n ? b->size : size * n;
    memcpy(room, b->at, take);
    b->at += take;
    b->size -= take;
    return take;
}

static void set_body(const struct request *r, struct bytes *left)
{
    *left = r->body;
    if (r->chunked) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
        curl_easy_setopt(curl, CURLOPT_READDATA, left);
    } else if (r->body.at) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.size);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body.at);
    }
}

struct answer http_send(const struct request *r)
{
    struct answer a = {.headers = json_object()};
    struct bytes left;
    long status = 0, connects = 0;
    append(&a, "", 0);
    struct curl_slist *headers = header_list(r);
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, r->url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    set_body(r, &left);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &a);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)ANSWER_SECONDS);
    CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME, &a.seconds);
    curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
    a.fresh = connects > 0;
    /* a server that refuses a body early may close while we still send */
    a.status =
        code == CURLE_OK || code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ? (int)status : 0;
    a.json = json_loadb(a.body, a.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    return a;
}

/* ---- raw ---- */

static int connect_to(const char *base_url)
{
    const char *port = strrchr(base_url, ':');
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(port ? port + 1 : "0"))};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s >= 0 && connect(s, (const struct sockaddr *)&to, sizeof to) != 0) {
        close(s);
        s = -1;
    }
    return s;
}

static void read_all(int s, struct answer *a)
{
    char chunk[4096];
    struct pollfd p = {.fd = s, .events = POLLIN};
    while (poll(&p, 1, SILENCE_MS) == 1) {
        ssize_t n = recv(s, chunk, sizeof chunk, 0);
        if (n <= 0)
            break;
        append(a, chunk, (size_t)n);
    }
}

/* Head and body apart; a chunked body stays as it is. */
static void split(struct answer *a)
{
    int status = 0;
    char *end = strstr(a->body, "\r\n\r\n"), *line = a->body;
    if (!end || sscanf(a->body, "HTTP/1.%*1[01] %d", &status) != 1)
        return;
    a->status = status;
    while ((line = strstr(line, "\r\n")) && line < end) {
        line += 2;
        add_header(a, line, strcspn(line, "\r"));
    }
    size_t head = (size_t)(end + 4 - a->body);
    a->size -= head;
    memmove(a->body, a->body + head, a->size + 1);
    a->json = json_loadb(a->body, a->size, 0, NULL);
}

struct answer http_send_raw(const char *base_url, struct bytes raw, bool half_close)
{
    struct answer a = {.headers = json_object()};
    append(&a, "", 0);
    int s = connect_to(base_url);
    if (s < 0)
        return a; /* with status 0 */
    while (raw.size > 0) {
        ssize_t n = send(s, raw.at, raw.size, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        raw.at += n;
        raw.size -= (size_t)n;
    }
    if (half_close)
        shutdown(s, SHUT_WR);
    read_all(s, &a);
    close(s);
    split(&a);
    return a;
}

void answer_free(struct answer *a)
{
    free(a->body);
    json_decref(a->headers);
    json_decref(a->json);
    *a = (struct answer){0};
}

const char *answer_header(const struct answer *a, const char *name)
{
    return json_string_value(json_object_get(a->headers, name));
}
