/* SPDX-License-Identifier: MIT */
/* Where photos lie on a sheet. */
#include <math.h>
#include <string.h>

#include "image/photo.h"
#include "image/sheet.h"

enum { KIND_SIDE_LEAST_PX = 10 };

/* What the margins leave of the paper; cells are laid from its corner and moved in the end. */
struct field {
    int32_t width_px, height_px, gap_px;
};

/* What is to be laid, and how. */
struct task {
    const struct sheet_kind *kinds;
    size_t n;
    struct field field;
    bool turn;  /* photos */
    bool dense; /* one kind only */
};

int32_t sheet_px(double mm, int32_t dpi)
{
    return (int32_t)lround(mm * dpi / 25.4);
}

static int32_t how_many(int32_t room, int32_t size, int32_t gap)
{
    return room < size ? 0 : (room - size) / (size + gap) + 1;
}

static bool add_cell(struct sheet_layout *l, const struct task *t, size_t kind, bool turned,
                     int32_t x, int32_t y)
{
    const struct sheet_kind *k = &t->kinds[kind];
    if (l->count == SHEET_CELLS_MAX)
        return false;
    l->cells[l->count++] = (struct sheet_cell){(int32_t)kind,
                                               x,
                                               y,
                                               turned ? k->height_px : k->width_px,
                                               turned ? k->width_px : k->height_px,
                                               turned};
    l->placed[kind]++;
    return true;
}

/* ---- one kind ---- */

/* Rows of the first kind from y down, at most `rows` of them. Returns where the next would be. */
static int32_t lay_rows(const struct task *t, bool turned, int32_t rows, int32_t y,
                        struct sheet_layout *l)
{
    const struct sheet_kind *k = &t->kinds[0];
    int32_t width = turned ? k->height_px : k->width_px;
    int32_t height = turned ? k->width_px : k->height_px;
    int32_t columns = how_many(t->field.width_px, width, t->field.gap_px);
    for (; rows > 0; rows--, y += height + t->field.gap_px)
        for (int32_t i = 0; i < columns && (!k->count || l->placed[0] < k->count); i++)
            if (!add_cell(l, t, 0, turned, i * (width + t->field.gap_px), y))
                return y;
    return y;
}

static void lay_grid(const struct task *t, struct sheet_layout *l)
{
    const struct sheet_kind *k = &t->kinds[0];
    int32_t height = t->turn ? k->width_px : k->height_px;
    lay_rows(t, t->turn, how_many(t->field.height_px, height, t->field.gap_px), 0, l);
}

/* Upright rows above, turned ones below, as many of each as give the most. */
static void lay_dense(const struct task *t, struct sheet_layout *l)
{
    const struct sheet_kind *k = &t->kinds[0];
    const struct field *f = &t->field;
    int32_t upright = how_many(f->width_px, k->width_px, f->gap_px);
    int32_t turned = how_many(f->width_px, k->height_px, f->gap_px);
    int32_t best = -1, best_rows = 0, best_turned_rows = 0;
    for (int32_t rows = how_many(f->height_px, k->height_px, f->gap_px); rows >= 0; rows--) {
        int32_t left = f->height_px - rows * (k->height_px + f->gap_px);
        int32_t turned_rows = how_many(left, k->width_px, f->gap_px);
        if (rows * upright + turned_rows * turned > best) {
            best = rows * upright + turned_rows * turned;
            best_rows = rows;
            best_turned_rows = turned_rows;
        }
    }
    int32_t y = lay_rows(t, false, best_rows, 0, l);
    lay_rows(t, true, best_turned_rows, y, l);
}

/* ---- several kinds: strips, the highest first ---- */

struct strip {
    int32_t y, height, used; /* used: width, with the gap behind it */
};

struct strips {
    struct strip strip[SHEET_CELLS_MAX];
    size_t count;
    int32_t used; /* height, with the gap below */
};

static int32_t height_of(const struct sheet_kind *k, bool turned)
{
    return turned ? k->width_px : k->height_px;
}

static bool goes_in(const struct strip *s, const struct field *f, const struct sheet_kind *k,
                    bool turned)
{
    return height_of(k, turned) <= s->height && s->used + height_of(k, !turned) <= f->width_px;
}

static bool add_to_strip(const struct task *t, struct strips *s, size_t kind,
                         struct sheet_layout *l)
{
    const struct sheet_kind *k = &t->kinds[kind];
    for (size_t i = 0; i < s->count; i++)
        for (int turned = 0; turned <= t->turn; turned++) {
            struct strip *strip = &s->strip[i];
            if (!goes_in(strip, &t->field, k, turned))
                continue;
            int32_t x = strip->used;
            strip->used += height_of(k, !turned) + t->field.gap_px;
            return add_cell(l, t, kind, turned, x, strip->y);
        }
    return false;
}

/* Photos for each pixel of height that a new strip would cost; 0: it does not fit. */
static double yield_of(const struct task *t, const struct strips *s, const struct sheet_kind *k,
                       int32_t left, bool turned)
{
    int32_t columns = how_many(t->field.width_px, height_of(k, !turned), t->field.gap_px);
    if (s->used + height_of(k, turned) > t->field.height_px)
        return 0;
    return (double)(columns < left ? columns : left) / height_of(k, turned);
}

static bool open_strip(const struct task *t, struct strips *s, size_t kind, int32_t left)
{
    const struct sheet_kind *k = &t->kinds[kind];
    double upright = yield_of(t, s, k, left, false);
    double turned = t->turn ? yield_of(t, s, k, left, true) : 0;
    if ((upright <= 0 && turned <= 0) || s->count == SHEET_CELLS_MAX)
        return false;
    int32_t height = height_of(k, turned > upright);
    s->strip[s->count++] = (struct strip){s->used, height, 0};
    s->used += height + t->field.gap_px;
    return true;
}

/* The kinds by their height, the highest first. */
static void sort_kinds(const struct task *t, size_t order[SHEET_KINDS_MAX])
{
    for (size_t i = 0; i < t->n; i++) {
        size_t at = i;
        for (; at > 0 && t->kinds[order[at - 1]].height_px < t->kinds[i].height_px; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

static void lay_strips(const struct task *t, const int32_t counts[SHEET_KINDS_MAX],
                       struct sheet_layout *l)
{
    size_t order[SHEET_KINDS_MAX];
    struct strips strips = {.count = 0};
    sort_kinds(t, order);
    for (size_t i = 0; i < t->n; i++)
        for (int32_t left = counts[order[i]]; left > 0; left--)
            if (!add_to_strip(t, &strips, order[i], l) &&
                (!open_strip(t, &strips, order[i], left) || !add_to_strip(t, &strips, order[i], l)))
                break;
}

/* The same with one more of a kind, kept when it found a place for that one as well. */
static bool lay_one_more(const struct task *t, int32_t counts[SHEET_KINDS_MAX], size_t kind,
                         struct sheet_layout *l)
{
    struct sheet_layout more = {.count = 0};
    counts[kind]++;
    lay_strips(t, counts, &more);
    if (more.count == l->count + 1 && more.placed[kind] == counts[kind]) {
        *l = more;
        return true;
    }
    counts[kind]--;
    return false;
}

static void lay_kinds(const struct task *t, struct sheet_layout *l)
{
    int32_t counts[SHEET_KINDS_MAX] = {0};
    for (size_t i = 0; i < t->n; i++)
        counts[i] = t->kinds[i].count;
    lay_strips(t, counts, l);
    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < t->n; i++)
            if (t->kinds[i].count == 0 && lay_one_more(t, counts, i, l))
                grew = true;
    }
}

/* ---- the best of them ---- */

static void lay(const struct task *t, struct sheet_layout *l)
{
    if (t->n > 1)
        lay_kinds(t, l);
    else if (t->dense)
        lay_dense(t, l);
    else
        lay_grid(t, l);
}

static size_t turned_count(const struct sheet_layout *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++)
        n += l->cells[i].turned;
    return n;
}

static bool is_better(const struct sheet_layout *a, const struct sheet_layout *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    return turned_count(a) < turned_count(b);
}

static void centre(struct sheet_layout *l)
{
    int32_t right = 0, bottom = 0;
    for (size_t i = 0; i < l->count; i++) {
        const struct sheet_cell *c = &l->cells[i];
        right = c->x_px + c->width_px > right ? c->x_px + c->width_px : right;
        bottom = c->y_px + c->height_px > bottom ? c->y_px + c->height_px : bottom;
    }
    for (size_t i = 0; i < l->count; i++) {
        l->cells[i].x_px += (l->width_px - right) / 2;
        l->cells[i].y_px += (l->height_px - bottom) / 2;
    }
}

/* Every way for the paper as it lies now. */
static void try_paper(const struct sheet_wanted *w, struct task *t, int32_t width_px,
                      int32_t height_px, struct sheet_layout *best)
{
    int32_t margin = sheet_px(w->margin_mm, w->dpi);
    t->field =
        (struct field){width_px - 2 * margin, height_px - 2 * margin, sheet_px(w->gap_mm, w->dpi)};
    for (int way = 0; way < 3; way++) {
        struct sheet_layout l = {.width_px = width_px, .height_px = height_px, .dpi = w->dpi};
        t->turn = way == 1;
        t->dense = way == 2;
        if (t->dense && (!w->dense || t->n > 1))
            continue;
        lay(t, &l);
        l.width_px = width_px, l.height_px = height_px, l.dpi = w->dpi;
        if (is_better(&l, best))
            *best = l;
    }
}

static bool is_within(double value, double least, double most)
{
    return value >= least && value <= most; /* and a number */
}

static bool is_possible(const struct sheet_wanted *w)
{
    if (!is_within(w->width_mm, SHEET_SIDE_LEAST_MM, SHEET_SIDE_MOST_MM) ||
        !is_within(w->height_mm, SHEET_SIDE_LEAST_MM, SHEET_SIDE_MOST_MM) ||
        !is_within(w->gap_mm, 0, SHEET_SPACE_MOST_MM) ||
        !is_within(w->margin_mm, 0, SHEET_SPACE_MOST_MM) ||
        !is_within(w->dpi, SHEET_DPI_LEAST, SHEET_DPI_MOST))
        return false;
    return (int64_t)sheet_px(w->width_mm, w->dpi) * sheet_px(w->height_mm, w->dpi) <=
           PHOTO_AREA_MAX_PX;
}

static bool are_possible(const struct sheet_kind *kinds, size_t n)
{
    bool good = n >= 1 && n <= SHEET_KINDS_MAX;
    for (size_t i = 0; good && i < n; i++)
        good = kinds[i].count >= 0 && kinds[i].count <= SHEET_CELLS_MAX &&
               is_within(kinds[i].width_px, KIND_SIDE_LEAST_PX, PHOTO_SIDE_MAX_PX) &&
               is_within(kinds[i].height_px, KIND_SIDE_LEAST_PX, PHOTO_SIDE_MAX_PX);
    return good;
}

/* Every kind has a place on an empty sheet, this way or that. */
static bool are_small_enough(const struct sheet_wanted *w, const struct sheet_kind *kinds, size_t n)
{
    int32_t margins = 2 * sheet_px(w->margin_mm, w->dpi);
    int32_t a = sheet_px(w->width_mm, w->dpi) - margins;
    int32_t b = sheet_px(w->height_mm, w->dpi) - margins;
    for (size_t i = 0; i < n; i++) {
        int32_t c = kinds[i].width_px, d = kinds[i].height_px;
        if (!(c <= a && d <= b) && !(c <= b && d <= a))
            return false;
    }
    return true;
}

enum status sheet_arrange(const struct sheet_wanted *wanted, const struct sheet_kind *kinds,
                          size_t n_kinds, struct sheet_layout *out)
{
    if (!is_possible(wanted) || !are_possible(kinds, n_kinds) ||
        !are_small_enough(wanted, kinds, n_kinds))
        return INVALID;
    int32_t a = sheet_px(wanted->width_mm, wanted->dpi);
    int32_t b = sheet_px(wanted->height_mm, wanted->dpi);
    int32_t longer = a > b ? a : b, shorter = a > b ? b : a;
    struct task t = {.kinds = kinds, .n = n_kinds};
    struct sheet_layout best = {.count = 0};
    if (wanted->turn != SHEET_PORTRAIT)
        try_paper(wanted, &t, longer, shorter, &best);
    if (wanted->turn != SHEET_LANDSCAPE)
        try_paper(wanted, &t, shorter, longer, &best);
    if (best.count == 0)
        return INVALID; /* nothing to lay: it fits only without turning the paper as asked */
    centre(&best);
    *out = best;
    return OK;
}
