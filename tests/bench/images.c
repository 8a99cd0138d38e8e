/* SPDX-License-Identifier: MIT */
/*
 * What a photo costs, for tests/bench/images.py: the service's own way from a portrait's bytes to a
 * photo's, in this process alone, beside libvips decoding and encoding the same file.
 *
 *   bench-images CONFIG-FOLDER PORTRAIT.jpg [THREADS]
 *
 * One line of JSON: processor seconds of each make and check, of each round of libvips, and by how
 * much the process grew during its first make. With THREADS, that many make at the same time.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vips/vips.h>

#include "base/process.h"
#include "image/make.h"
#include "image/models.h"

enum { RUNS = 15, THREADS_MOST = 8 };

static const struct photo_spec *spec;
static struct gates *gates;
static struct models *models;
static struct span portrait;

/* Of the whole process: libvips decodes on threads of its own. */
static clockid_t clock_of = CLOCK_PROCESS_CPUTIME_ID;

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(clock_of, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void give_up(const char *why)
{
    fprintf(stderr, "bench-images: %s\n", why);
    exit(1);
}

static bool never(void *unused)
{
    (void)unused;
    return false;
}

static double time_make(const struct maker *m)
{
    struct make_wanted wanted = {.spec = spec, .colour = {67, 142, 219}, .format = PHOTO_JPEG};
    struct portrait_report report;
    struct photo_facts facts;
    struct buf photo = {0};
    double begin = cpu_s();
    if (portrait_make(m, &wanted, portrait, &photo, &facts, &report) != OK || !photo.size)
        give_up("no photo was made");
    double took = cpu_s() - begin;
    buf_free(&photo);
    return took;
}

static double time_check(const struct maker *m)
{
    struct portrait_report report;
    double begin = cpu_s();
    if (portrait_check(m, spec, portrait, &report) != OK || report.faces != 1)
        give_up("not one face was found");
    return cpu_s() - begin;
}

/* Decoded whole, and encoded again. */
static double time_vips(void)
{
    VipsImage *image, *memory;
    void *bytes;
    size_t n;
    double begin = cpu_s();
    image = vips_image_new_from_buffer(portrait.bytes, portrait.size, "", NULL);
    if (!image || !(memory = vips_image_copy_memory(image)) ||
        vips_jpegsave_buffer(memory, &bytes, &n, "Q", 90, NULL))
        give_up(vips_error_buffer());
    double took = cpu_s() - begin;
    g_free(bytes);
    g_object_unref(memory);
    g_object_unref(image);
    return took;
}

static long status_kb(const char *name)
{
    char line[200];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtol(line + strlen(name) + 1, NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

static void show(const char *name, double (*once)(const struct maker *), const struct maker *m)
{
    printf(", \"%s\": [", name);
    for (int i = 0; i < RUNS; i++)
        printf("%s%.6f", i ? ", " : "", once(m));
    printf("]");
}

static double vips_once(const struct maker *m)
{
    (void)m;
    return time_vips();
}

static void *work(void *sum)
{
    struct idphoto *core = models_open(models);
    const struct maker m = {core, gates, never, NULL};
    for (int i = 0; i < RUNS; i++)
        *(double *)sum += time_make(&m);
    idphoto_free(core);
    return NULL;
}

static void show_beside(int threads)
{
    pthread_t thread[THREADS_MOST];
    double sums[THREADS_MOST] = {0}, sum = 0;
    clock_of = CLOCK_THREAD_CPUTIME_ID;
    for (int i = 0; i < threads; i++)
        pthread_create(&thread[i], NULL, work, &sums[i]);
    for (int i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        sum += sums[i];
    }
    printf("{\"each_s\": %.6f}\n", sum / threads / RUNS);
}

static void show_alone(void)
{
    struct idphoto *core = models_open(models);
    const struct maker m = {core, gates, never, NULL};
    long before_kb = status_kb("VmRSS");
    time_make(&m);
    printf("{\"growth_kb\": %ld", status_kb("VmHWM") - before_kb);
    show("make_s", time_make, &m);
    show("check_s", time_check, &m);
    show("vips_s", vips_once, &m);
    printf("}\n");
    idphoto_free(core);
}

static void open_all(const char *folder, const char *file)
{
    char path[512], why[200] = "";
    struct specs *specs;
    gchar *bytes;
    gsize n;
    snprintf(path, sizeof path, "%s/specs", folder);
    if (specs_load(path, &specs, why, sizeof why) != OK)
        give_up(why);
    snprintf(path, sizeof path, "%s/gates.json", folder);
    if (gates_load(path, &gates, why, sizeof why) != OK ||
        models_load(NULL, NULL, NULL, &models, why, sizeof why) != OK)
        give_up(why);
    spec = spec_find(specs, "cn-2inch");
    if (!spec || !g_file_get_contents(file, &bytes, &n, NULL))
        give_up("no such specification or portrait");
    portrait = (struct span){bytes, n};
}

int main(int argc, char **argv)
{
    int threads = argc > 3 ? atoi(argv[3]) : 1;
    if (argc < 3 || threads < 1 || threads > THREADS_MOST)
        give_up("CONFIG-FOLDER PORTRAIT.jpg [THREADS]");
    process_forget_freed();
    if (image_start() != OK)
        give_up("libvips does not start");
    open_all(argv[1], argv[2]);
    if (argc > 3)
        show_beside(threads);
    else
        show_alone();
    return 0;
}
