/* SPDX-License-Identifier: MIT */
#include "vectors.h"

#include <criterion/hooks.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { KINDS_MAX = 64, PATH_BYTES = 512, FILES_MAX = 64 };

/* Each test is a process of its own, so the counts meet in a file that this variable names. */
static const char TALLY[] = "IDPHOTOD_VECTORS_TALLY";

static const char *registered[KINDS_MAX];
static size_t n_registered;

static json_t *keys_file, *keys;
static json_t *files[FILES_MAX];
static size_t n_files;

void vectors_register(const char *pattern)
{
    if (n_registered < KINDS_MAX)
        registered[n_registered++] = pattern;
}

static const char OWN_FOLDER[] = "tests/vectors";

static const char *vectors_folder(void)
{
    const char *named = getenv("IDPHOTOD_VECTORS");
    if (named && *named)
        return named;
    if (access("../shared/vectors/keys.json", R_OK) == 0)
        return "../shared/vectors";
    return OWN_FOLDER;
}

static json_t *load_json(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_ALLOW_NUL, &error);
    if (!json)
        fprintf(stderr, "%s: line %d: %s\n", path, error.line, error.text);
    return json;
}

static bool load_folder(void)
{
    glob_t found;
    char path[PATH_BYTES];
    if (n_files)
        return true;
    snprintf(path, sizeof path, "%s/keys.json", vectors_folder());
    keys_file = load_json(path);
    keys = json_object_get(keys_file, "keys");
    snprintf(path, sizeof path, "%s/*.json", vectors_folder());
    if (!keys || glob(path, 0, NULL, &found) != 0)
        return false;
    for (size_t i = 0; i < found.gl_pathc && n_files < FILES_MAX; i++) {
        json_t *file = load_json(found.gl_pathv[i]);
        if (!file)
            return false;
        if (json_is_array(json_object_get(file, "vectors")))
            files[n_files++] = file;
        else
            json_decref(file);
    }
    globfree(&found);
    return n_files > 0;
}

__attribute__((destructor)) static void unload_folder(void)
{
    json_decref(keys_file);
    while (n_files > 0)
        json_decref(files[--n_files]);
}

const char *vector_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

const char *vector_key(const char *id)
{
    cr_assert(load_folder());
    const char *pem = vector_text(json_object_get(keys, id ? id : ""), "pem");
    cr_assert(pem, "keys.json has no key \"%s\"", id ? id : "(null)");
    return pem;
}

bool vector_valid(const struct vector *v)
{
    return json_is_true(json_object_get(v->expected, "valid"));
}

static bool flag(const json_t *v, const char *name)
{
    const json_t *value = json_object_get(v, name);
    return value && !json_is_false(value);
}

static struct vector view(const json_t *v)
{
    const json_t *expected = json_object_get(v, "expected");
    return (struct vector){
        .id = vector_text(v, "id"),
        .kind = vector_text(v, "kind"),
        .inputs = json_object_get(v, "inputs"),
        .expected = expected,
        .aes_128_key = flag(v, "aes_128_key"),
        .implementation_defined =
            flag(v, "implementation_defined") || flag(expected, "implementation_defined"),
    };
}

/* Those whose outcome the vectors leave open are run too, and not scored. */
struct tally {
    int run, passed, open;
};

static void run_one(const json_t *json, vector_check *check, struct tally *t)
{
    struct vector v = view(json);
    bool passed = check(&v);
    t->run++;
    t->open += v.implementation_defined;
    t->passed += passed && !v.implementation_defined;
    if (!passed && !v.implementation_defined)
        fprintf(stderr, "vector %s %s fails\n", v.kind, v.id);
}

/* "KIND RUN PASSED OPEN": tests/vectors/table.py reads it. */
static void write_tally(const char *kind, const struct tally *t)
{
    char line[PATH_BYTES];
    const char *path = getenv(TALLY);
    int n = snprintf(line, sizeof line, "%s %d %d %d\n", kind, t->run, t->passed, t->open);
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    cr_assert(write(fd >= 0 ? fd : STDOUT_FILENO, line, (size_t)n) == n);
    if (fd >= 0)
        close(fd);
}

void vectors_run(const char *kind, vector_check *check)
{
    struct tally t = {0};
    cr_assert(load_folder(), "no vectors in %s", vectors_folder());
    for (size_t f = 0; f < n_files; f++) {
        size_t i;
        json_t *v;
        json_array_foreach(json_object_get(files[f], "vectors"), i, v)
        {
            if (strcmp(vector_text(v, "kind"), kind) == 0)
                run_one(v, check, &t);
        }
    }
    write_tally(kind, &t);
    if (t.run == 0 && strcmp(vectors_folder(), OWN_FOLDER) == 0)
        cr_skip_test("tests/vectors has no vector of kind %s", kind);
    cr_assert(t.run > 0, "%s has no vector of kind %s", vectors_folder(), kind);
    cr_assert(t.passed + t.open == t.run, "%d of %d vectors of kind %s fail",
              t.run - t.open - t.passed, t.run, kind);
}

/* Only the first process makes the file, in memory, so that an interrupted run leaves nothing;
 * tests inherit its name. A name that was given beforehand is the caller's file, and the caller
 * prints the table. */
static bool made_here;

__attribute__((constructor)) static void make_tally_file(void)
{
    char path[64];
    int fd = getenv(TALLY) ? -1 : memfd_create("vectors", MFD_CLOEXEC);
    if (fd < 0)
        return;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), fd);
    setenv(TALLY, path, 1);
    made_here = true;
}

static bool is_registered(const char *kind)
{
    for (size_t i = 0; i < n_registered; i++)
        if (fnmatch(registered[i], kind, 0) == 0)
            return true;
    return false;
}

void vectors_assert_all_registered(void)
{
    cr_assert(load_folder(), "no vectors in %s", vectors_folder());
    for (size_t f = 0; f < n_files; f++) {
        size_t i;
        json_t *v;
        json_array_foreach(json_object_get(files[f], "vectors"), i, v)
        {
            const char *kind = vector_text(v, "kind");
            cr_expect(kind && is_registered(kind), "vector %s: nobody runs the kind %s",
                      vector_text(v, "id"), kind ? kind : "(none)");
        }
    }
}

static void print_tally(const char *path)
{
    char line[PATH_BYTES], kind[64];
    int run, passed, open;
    FILE *tally = fopen(path, "r");
    while (tally && fgets(line, sizeof line, tally))
        if (sscanf(line, "%63s %d %d %d", kind, &run, &passed, &open) == 4 && run > 0)
            printf("vectors %-28s %3d run, %3d passed, %d implementation-defined\n", kind, run,
                   passed, open);
    if (tally)
        fclose(tally);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    (void)stats;
    if (!made_here)
        return;
    printf("vectors of %s\n", vectors_folder());
    print_tally(getenv(TALLY));
    fflush(stdout);
}
