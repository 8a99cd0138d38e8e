/* SPDX-License-Identifier: MIT */
/* The words for the library's enums: metrics, reports and the table of gates use them. */
#include "core/idphoto.h"

const char *idphoto_result_name(idphoto_result r)
{
    switch (r) {
    case IDPHOTO_OK: return "ok";
    case IDPHOTO_NO_FACE: return "no-face";
    case IDPHOTO_MANY_FACES: return "many-faces";
    case IDPHOTO_CUT_OFF: return "cut-off";
    case IDPHOTO_TOO_SMALL: return "too-small";
    case IDPHOTO_INVALID: return "invalid";
    case IDPHOTO_CANCELLED: return "cancelled";
    case IDPHOTO_MEMORY: return "memory";
    case IDPHOTO_INTERNAL: return "internal";
    }
    return "internal";
}

/* In the order of enum idphoto_measure_id. */
static const struct {
    const char *name, *unit;
} measures[IDPHOTO_MEASURES] = {
    {"faces", ""},
    {"second-face", ""},
    {"inter-eye-distance", "px"},
    {"head-size", ""},
    {"left-margin", ""},
    {"right-margin", ""},
    {"top-margin", ""},
    {"bottom-margin", ""},
    {"roll", "deg"},
    {"yaw", ""},
    {"pitch", "deg"},
    {"luminance-mean", ""},
    {"luminance-variance", ""},
    {"under-exposure", ""},
    {"over-exposure", ""},
    {"dynamic-range", "bit"},
    {"uneven-light", ""},
    {"sharpness", ""},
    {"natural-colour", ""},
    {"grey", ""},
    {"background", ""},
    {"compression", ""},
    {"eyes-open", ""},
    {"mouth-open", ""},
};

const char *idphoto_measure_name(idphoto_measure_id id)
{
    return measures[id].name;
}

const char *idphoto_measure_unit(idphoto_measure_id id)
{
    return measures[id].unit;
}

const char *idphoto_band_name(idphoto_band_id id)
{
    static const char *const names[IDPHOTO_BANDS] = {
        "head-height", "head-width", "crown-y", "eye-y", "eye-distance", "chin-bottom", "centre"};
    return names[id];
}

const char *idphoto_stage_name(idphoto_stage s)
{
    static const char *const names[IDPHOTO_STAGES] = {"find", "matte", "compose", "edit",
                                                      "measure"};
    return names[s];
}
