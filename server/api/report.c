/* SPDX-License-Identifier: MIT */
#include "api/report.h"

#include <math.h>

/* What a person can do about a flaw. */
static const struct {
    const char *id, *advice_zh, *advice_en;
    enum verdict verdict;
} flaws[FLAWS] = {
    [FLAW_CUT_OFF] =
        {"cut-off", "头部没有完整拍进画面。请后退一步，头顶和两侧都要留出空白。",
         "The head is not wholly in the picture. Step back and leave space above and on "
         "both sides.",
         VERDICT_FAIL},
    [FLAW_TOO_SMALL] =
        {"too-small", "照片或脸部太小，无法制作。请靠近一些，使用相机原图。",
         "The picture or the face is too small to work with. Come closer and use the "
         "camera's own file.",
         VERDICT_FAIL},
    [FLAW_ENLARGED] =
        {"resolution", "照片像素少于证件照要求，放大后会不够清晰。请使用更高的分辨率。",
         "The picture has fewer pixels than the photo needs and had to be enlarged. Use "
         "a higher resolution.",
         VERDICT_WARN},
    [FLAW_GEOMETRY] =
        {"geometry", "头部大小或位置不在该规格的范围内。请在头部四周多留空白后重新拍摄。",
         "Size or place of the head is outside of what the specification asks for. Take "
         "it again with more space around the head.",
         VERDICT_WARN},
    [FLAW_FILE_SIZE] =
        {"file-size", "文件大小不在该规格的范围内。请换一张更清晰的照片。",
         "The file's size is outside of what the specification asks for. Try a sharper "
         "picture.",
         VERDICT_WARN},
};

/* Nobody needs more than three digits behind the point. */
static json_t *number(double v)
{
    return isfinite(v) ? json_real(round(v * 1000) / 1000) : json_null();
}

static json_t *check(const char *id, json_t *value, const char *unit, enum verdict verdict,
                     const char *advice_zh, const char *advice_en)
{
    return json_pack("{s:s, s:o, s:s, s:s, s:s?, s:s?}", "id", id, "value", value, "unit", unit,
                     "verdict", verdict_name(verdict), "advice_zh", advice_zh, "advice_en",
                     advice_en);
}

static json_t *checks_of(const struct portrait_report *r)
{
    json_t *list = json_array();
    for (int i = 0; i < FLAWS; i++)
        if (r->flaws[i])
            json_array_append_new(list, check(flaws[i].id, json_null(), "", flaws[i].verdict,
                                              flaws[i].advice_zh, flaws[i].advice_en));
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct finding *f = &r->findings[i];
        json_array_append_new(list, check(idphoto_measure_name(f->measure), number(f->value),
                                          idphoto_measure_unit(f->measure), f->verdict,
                                          f->advice_zh, f->advice_en));
    }
    return list;
}

static struct idphoto_band band_of(const struct idphoto_geometry *g, enum idphoto_band_id id)
{
    switch (id) {
    case IDPHOTO_HEAD_HEIGHT: return g->head_height;
    case IDPHOTO_HEAD_WIDTH: return g->head_width;
    case IDPHOTO_CROWN_Y: return g->crown_y;
    case IDPHOTO_EYE_Y: return g->eye_y;
    case IDPHOTO_EYE_DISTANCE: return g->eye_distance;
    case IDPHOTO_CHIN_BOTTOM: return g->chin_bottom;
    case IDPHOTO_CENTRE: return (struct idphoto_band){0, g->centre_px};
    case IDPHOTO_BANDS: break;
    }
    return (struct idphoto_band){0};
}

static json_t *geometry_of(const struct portrait_report *r)
{
    json_t *list = json_array();
    for (int i = 0; i < IDPHOTO_BANDS; i++) {
        enum idphoto_band_id id = (enum idphoto_band_id)i;
        struct idphoto_band band = band_of(&r->wanted, id);
        bool rule = band.most_px > 0;
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:o, s:o, s:b}", "id", idphoto_band_name(id),
                                        "value_px", number(r->reached.value_px[i]), "least_px",
                                        rule ? number(band.least_px) : json_null(), "most_px",
                                        rule ? number(band.most_px) : json_null(), "inside",
                                        r->reached.inside[i]));
    }
    return list;
}

/* Shares of a picture are told to a ten-thousandth. */
static json_t *point(struct idphoto_point p)
{
    return json_pack("{s:f, s:f}", "x", round((double)p.x_px * 1e4) / 1e4, "y",
                     round((double)p.y_px * 1e4) / 1e4);
}

static json_t *face_of(const struct portrait_report *r)
{
    if (r->faces == 0)
        return json_null();
    return json_pack("{s:o, s:o, s:[o, o], s:o}", "from",
                     point((struct idphoto_point){r->face.x_px, r->face.y_px}), "to",
                     point((struct idphoto_point){r->face.x_px + r->face.width_px,
                                                  r->face.y_px + r->face.height_px}),
                     "eyes", point(r->eye[0]), point(r->eye[1]), "chin", point(r->chin));
}

json_t *report_json(const struct portrait_report *r)
{
    return json_pack("{s:b, s:i, s:o, s:o, s:o}", "qualified", report_is_qualified(r), "faces",
                     r->faces, "face", face_of(r), "checks", checks_of(r), "geometry",
                     r->has_geometry ? geometry_of(r) : json_null());
}
