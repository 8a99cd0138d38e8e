/* SPDX-License-Identifier: MIT */
/*
 * What a photo costs, for tests/bench/images.py: the service's own way from a portrait's bytes to a
 * photo's, in this process alone, beside libvips decoding and encoding the same file.
 *
 *   bench-images CONFIG-FOLDER PORTRAIT [FACE-MODEL LANDMARK-MODEL MATTING-MODEL]
 *   bench-images CONFIG-FOLDER PORTRAIT beside
 *
 * One line of JSON: processor seconds of each make and check and of each round of libvips,
 * milliseconds of a make by stage, and by how much the process grew during its first make. {} when
 * no photo comes of this portrait. With "beside": what a make, and a round of libvips, costs when
 * one runs and when two run at once, by turns.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vips/vips.h>

#include "base/metrics.h"
#include "base/process.h"
#include "image/make.h"
#include "image/models.h"

enum { RUNS = 15, TURNS = 5, BESIDE = 2 };

static const struct photo_spec *spec;
static struct gates *gates;
static struct models *models;
static struct span portrait;

/* Of the whole process: libvips decodes on threads of its own. */
static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
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

/* False when the portrait is refused. */
static bool make_once(const struct maker *m)
{
    struct make_wanted wanted = {.spec = spec, .colour = {67, 142, 219}, .format = PHOTO_JPEG};
    struct portrait_report report;
    struct photo_facts facts;
    struct buf photo = {0};
    if (portrait_make(m, &wanted, portrait, &photo, &facts, &report) != OK)
        give_up("making fails");
    bool made = photo.size > 0;
    buf_free(&photo);
    return made;
}

static double time_make(const struct maker *m)
{
    double begin = cpu_s();
    if (!make_once(m))
        give_up("no photo was made");
    return cpu_s() - begin;
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
static double time_vips(const struct maker *unused)
{
    (void)unused;
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

/* ---- by stage, from what the service counts ---- */

/* The sum of a stage in the text of the metrics, in seconds; 0 when it has none. */
static double stage_sum_s(const struct buf *text, const char *stage)
{
    char line[200];
    snprintf(line, sizeof line, "\nidphotod_image_stage_duration_seconds_sum{stage=\"%s\"} ",
             stage);
    const char *at = strstr((const char *)text->bytes, line);
    return at ? strtod(at + strlen(line), NULL) : 0;
}

static void show_stages(const struct maker *m)
{
    static const char *const stages[] = {"decode", "find", "matte", "compose", "measure", "encode"};
    struct buf before = {0}, after = {0};
    metrics_write(&before, NULL, NULL);
    for (int i = 0; i < RUNS; i++)
        make_once(m);
    metrics_write(&after, NULL, NULL);
    printf(", \"stages_ms\": {");
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        printf("%s\"%s\": %.3f", i ? ", " : "", stages[i],
               (stage_sum_s(&after, stages[i]) - stage_sum_s(&before, stages[i])) * 1e3 / RUNS);
    printf("}");
    buf_free(&before);
    buf_free(&after);
}

static void show_alone(void)
{
    struct idphoto *core = models_open(models);
    const struct maker m = {core, gates, never, NULL};
    long before_kb = status_kb("VmRSS");
    printf("{");
    if (make_once(&m)) {
        printf("\"growth_kb\": %ld", status_kb("VmHWM") - before_kb);
        show("make_s", time_make, &m);
        show("check_s", time_check, &m);
        show("vips_s", time_vips, &m);
        show_stages(&m);
    }
    printf("}\n");
    idphoto_free(core);
}

/* ---- at once ---- */

struct worker {
    pthread_t thread;
    struct maker maker;
    double (*once)(const struct maker *);
};

static void *work(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < RUNS; i++)
        w->once(&w->maker);
    return NULL;
}

/* Processor seconds of each, when n do it at once. */
static double time_beside(struct worker *workers, int n, double (*once)(const struct maker *))
{
    double begin = cpu_s();
    for (int i = 0; i < n; i++) {
        workers[i].once = once;
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    for (int i = 0; i < n; i++)
        pthread_join(workers[i].thread, NULL);
    return (cpu_s() - begin) / n / RUNS;
}

static void show_turns(const char *name, struct worker *workers,
                       double (*once)(const struct maker *))
{
    printf("\"%s\": [", name);
    for (int i = 0; i < TURNS; i++) {
        double one = time_beside(workers, 1, once), two = time_beside(workers, BESIDE, once);
        printf("%s[%.6f, %.6f]", i ? ", " : "", one, two);
    }
    printf("]");
}

static void show_beside(void)
{
    struct worker workers[BESIDE];
    for (int i = 0; i < BESIDE; i++)
        workers[i].maker = (struct maker){models_open(models), gates, never, NULL};
    printf("{");
    show_turns("make_s", workers, time_make);
    printf(", ");
    show_turns("vips_s", workers, time_vips);
    printf("}\n");
    for (int i = 0; i < BESIDE; i++)
        idphoto_free(workers[i].maker.core);
}

static void open_all(const char *folder, const char *file, char **model)
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
        models_load(model[0], model[1], model[2], &models, why, sizeof why) != OK)
        give_up(why);
    spec = spec_find(specs, "cn-2inch");
    if (!spec || !g_file_get_contents(file, &bytes, &n, NULL))
        give_up("no such specification or portrait");
    portrait = (struct span){bytes, n};
}

int main(int argc, char **argv)
{
    char *no_models[3] = {0};
    bool beside = argc == 4 && strcmp(argv[3], "beside") == 0;
    if (argc != 3 && argc != 6 && !beside)
        give_up("CONFIG-FOLDER PORTRAIT [FACE-MODEL LANDMARK-MODEL MATTING-MODEL | beside]");
    process_forget_freed();
    if (image_start() != OK)
        give_up("libvips does not start");
    open_all(argv[1], argv[2], argc == 6 ? argv + 3 : no_models);
    if (beside)
        show_beside();
    else
        show_alone();
    return 0;
}
