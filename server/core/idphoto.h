/* SPDX-License-Identifier: MIT */
/*
 * idphoto: from the pixels of a portrait to the pixels of an ID photo.
 *
 * The same library runs on the phone and in the service. Pixels go in; pixels, geometry and
 * measures come out. It opens no file and no socket, writes no log, keeps nothing between calls but
 * the detectors that idphoto_new() loaded, and has no global state. Memory that held pixels, mattes
 * or landmarks is overwritten before it is given back, as far as this library owns it; the buffers
 * that OpenCV uses inside one of its functions are OpenCV's (base/process.h tells how the service
 * has those overwritten too).
 *
 * Not for bytes of files: decoding, colour profiles and compression are the caller's
 * (server/image).
 *
 * Threads: a struct idphoto is used by one thread at a time; any number of them may live beside
 * each other. Everything else is a pure function of its arguments. No function starts a thread
 * once idphoto_use_one_thread() was called, which is the caller's to decide.
 *
 * Units and axes: pixels of the picture that was passed in, x to the right, y down, the origin at
 * the outer corner of the top left pixel. Left and right are the image's, not the person's.
 * Angles are degrees; a positive roll says that the head leans clockwise as we see it, so that
 * turning the picture counter-clockwise by it sets the eyes level.
 *
 * Sources of rules: ISO/IEC 29794-5 (measures), ISO/IEC 19794-5 and ICAO Doc 9303 part 3
 * (geometry), GA/T 461-2019 (resident identity card).
 */
#ifndef IDPHOTO_H
#define IDPHOTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IDPHOTO_MUST_USE __attribute__((warn_unused_result))

enum idphoto_result {
    IDPHOTO_OK,
    IDPHOTO_NO_FACE,    /* nobody was found */
    IDPHOTO_MANY_FACES, /* more people than the photo is to show */
    IDPHOTO_CUT_OFF,    /* the head leaves the picture, or leaves no room for the photo */
    IDPHOTO_TOO_SMALL,  /* the picture or the face has too few pixels to work with */
    IDPHOTO_INVALID,    /* contradictory or impossible arguments; the caller's fault */
    IDPHOTO_CANCELLED,  /* the caller's `cancelled` said so */
    IDPHOTO_MEMORY,
    IDPHOTO_INTERNAL /* OpenCV failed where it should not */
};
const char *idphoto_result_name(enum idphoto_result r); /* "ok", "no-face", ...; static */

/* ------------------------------------------------------------------ pixels */

/* 8-bit sRGB samples, channels 1 (matte, grey), 3 (RGB) or 4 (RGB and straight, not premultiplied,
 * alpha). A row begins every stride_bytes. */
struct idphoto_pixels {
    uint8_t *bytes;
    int32_t width_px, height_px, channels;
    size_t stride_bytes;
};

enum {
    IDPHOTO_SIDE_MIN_PX = 32,
    IDPHOTO_SIDE_MAX_PX = 12000,
    IDPHOTO_AREA_MAX_PX = 50 * 1000 * 1000,
    IDPHOTO_OUTPUT_SIDE_MAX_PX = 4000
};

/* Overwrites and frees pixels that this library returned; leaves *p empty. An empty one is allowed.
 */
void idphoto_pixels_free(struct idphoto_pixels *p);

/* ------------------------------------------------------------------ detectors */

/* Optional networks as bytes of ONNX files; borrowed during idphoto_new only. An empty one is not
 * used. What each must be: YuNet (320 x 320, twelve outputs, or the export of February 2022 that
 * cv::FaceDetectorYN reads), MediaPipe face landmarks (468), MediaPipe selfie segmentation. */
struct idphoto_blob {
    const void *bytes;
    size_t size;
};
struct idphoto_models {
    struct idphoto_blob face, landmarks, matting;
};

struct idphoto;

/* For the whole process: OpenCV works on its caller's thread alone. For those who have many callers
 * already. Call it before any other function. */
void idphoto_use_one_thread(void);

/* Loads the built-in cascades and the models given. NULL when one cannot be used; why then says
 * which and why in one sentence without a path (why_size bytes, always ended). Returns owned. */
struct idphoto *idphoto_new(const struct idphoto_models *models, char *why,
                            size_t why_size) IDPHOTO_MUST_USE;
void idphoto_free(struct idphoto *i); /* NULL is allowed */

/* ------------------------------------------------------------------ faces */

struct idphoto_point {
    float x_px, y_px;
};
struct idphoto_box {
    float x_px, y_px, width_px, height_px;
};

enum { IDPHOTO_FACES_MAX = 16, IDPHOTO_LANDMARKS = 468 };

struct idphoto_face {
    struct idphoto_box box; /* of the upright face's bounds as detected; never used as geometry */
    struct idphoto_point eye[2]; /* pupils: the face's own right eye first, which an upright
                                    picture shows on the left */
    struct idphoto_point chin;   /* menton, from landmarks or from the eyes by proportion */
    float roll_deg;              /* -180..180; beyond 45 the picture lies on its side or head */
    float yaw_ratio;             /* 0 frontal .. 1 profile, signed: > 0 turned to image right;
                                    NAN when nothing could tell */
    float yaw_deg, pitch_deg;    /* of the head, > 0 to image right and down; landmarks only,
                                    otherwise NAN */
    float confidence;            /* 0..1, comparable within one detector only */
    bool has_landmarks;
    struct idphoto_point landmark[IDPHOTO_LANDMARKS];
};

struct idphoto_faces {
    size_t count; /* by size, the largest first */
    struct idphoto_face face[IDPHOTO_FACES_MAX];
};

/* Finds every face at least about 1/9 of the shorter side wide, also tilted up to 35 degrees and in
 * pictures that lie on a side or stand on their head; the search runs on a copy of at most 320 px
 * (a second, finer pass, down to 1/12, when that finds none). No face is OK with count 0. 3
 * channels. Built in, faces in profile are missed. */
enum idphoto_result idphoto_find_faces(struct idphoto *i, const struct idphoto_pixels *rgb,
                                       struct idphoto_faces *out) IDPHOTO_MUST_USE;

/* How many people a photo of `people` (1, or 2 for a marriage photo) would show, whom checking and
 * making go by alike: the largest faces are its people, and another one counts too from a quarter
 * of the area of the smallest of them; below that it is a passer-by. Fewer than `people` when there
 * are fewer faces. */
size_t idphoto_count_people(const struct idphoto_faces *faces, int32_t people);

/* ------------------------------------------------------------------ measures */

/* What the environment check measures, after ISO/IEC 29794-5 where it has the measure. Native
 * values, not the 0..100 quality components. idphoto_measure_name and _unit give "luminance-mean",
 * "px", "" and so on. T is the distance from the middle of the eyes to the chin. */
enum idphoto_measure_id {
    IDPHOTO_FACES,              /* number of faces */
    IDPHOTO_SECOND_FACE,        /* area of the second largest face / the largest */
    IDPHOTO_INTER_EYE_DISTANCE, /* px, divided by cos(yaw) where known */
    IDPHOTO_HEAD_SIZE,          /* T / height of the picture */
    IDPHOTO_LEFT_MARGIN,        /* x of the left eye / inter-eye distance */
    IDPHOTO_RIGHT_MARGIN,       /* from the right eye to the right edge / inter-eye distance */
    IDPHOTO_TOP_MARGIN,         /* y of the middle of the eyes / T */
    IDPHOTO_BOTTOM_MARGIN,      /* from the middle of the eyes to the lower edge / T */
    IDPHOTO_ROLL,               /* degrees, absolute */
    IDPHOTO_YAW,                /* absolute yaw_ratio */
    IDPHOTO_PITCH,              /* degrees; landmarks only */
    IDPHOTO_LUMINANCE_MEAN,     /* 0..1, linear light, of the face region */
    IDPHOTO_LUMINANCE_VARIANCE, /* of the same */
    IDPHOTO_UNDER_EXPOSURE,     /* share of the face region with luminance 0..25 of 255 */
    IDPHOTO_OVER_EXPOSURE,      /* share with 247..255 */
    IDPHOTO_DYNAMIC_RANGE,      /* bits: entropy of the luminance histogram */
    IDPHOTO_UNEVEN_LIGHT,       /* mean of the brighter cheek / mean of the darker */
    IDPHOTO_SHARPNESS,          /* variance of the Laplacian, scaled to 113 px between the eyes */
    IDPHOTO_NATURAL_COLOUR,     /* CIELAB distance of the cheeks from the box of skin colours */
    IDPHOTO_GREY,               /* mean chroma of the picture: near 0 says that it has no colour */
    IDPHOTO_BACKGROUND,         /* mean gradient of luminance outside the person */
    IDPHOTO_COMPRESSION,        /* energy on the 8 px grid of JPEG / energy between */
    IDPHOTO_EYES_OPEN,          /* smaller opening of the lids / T; landmarks only */
    IDPHOTO_MOUTH_OPEN,         /* opening of the inner lips / T; landmarks only */
    IDPHOTO_MEASURES
};
const char *idphoto_measure_name(enum idphoto_measure_id id);
const char *idphoto_measure_unit(enum idphoto_measure_id id);

struct idphoto_measures {
    float value[IDPHOTO_MEASURES]; /* NAN: could not be told (no face, or no model for it) */
};

/* matte (1 channel, same size, may be NULL) tells where the background is; without one corners and
 * the upper sides are taken. faces as found in the same picture. */
enum idphoto_result idphoto_measure(struct idphoto *i, const struct idphoto_pixels *rgb,
                                    const struct idphoto_faces *faces,
                                    const struct idphoto_pixels *matte,
                                    struct idphoto_measures *out) IDPHOTO_MUST_USE;

/* ------------------------------------------------------------------ matting */

/* Cuts the people whose faces are given out of the picture: out is RGBA of the same size, colours
 * those of the person alone (no old background shines through), alpha straight. The faces should
 * stand upright (within 45 degrees) and the picture be about as large as the photo is to be: cost
 * grows with it. out->bytes is owned by the caller: idphoto_pixels_free. */
enum idphoto_result idphoto_cut_out(struct idphoto *i, const struct idphoto_pixels *rgb,
                                    const struct idphoto_face *faces, size_t count,
                                    struct idphoto_pixels *out) IDPHOTO_MUST_USE;

/* The second half of it, for a trimap that is known: 1 channel, 0 background, 255 person, anything
 * between is to be found. */
enum idphoto_result idphoto_refine(const struct idphoto_pixels *rgb,
                                   const struct idphoto_pixels *trimap,
                                   struct idphoto_pixels *out) IDPHOTO_MUST_USE;

/* ------------------------------------------------------------------ geometry */

/* A band in pixels of the finished photo. Both 0: no rule. */
struct idphoto_band {
    float least_px, most_px;
};

struct idphoto_geometry {
    struct idphoto_band head_height;  /* crown (top of the hair where `hair`) to chin */
    struct idphoto_band head_width;   /* of the matte at the height of the ears; hair that is wider
                                         than 2.55 distances of the pupils is not counted */
    struct idphoto_band crown_y;      /* top of the head from the upper edge */
    struct idphoto_band eye_y;        /* middle of the eyes from the upper edge */
    struct idphoto_band eye_distance; /* between the pupils */
    struct idphoto_band chin_bottom;  /* chin from the lower edge */
    float centre_px; /* the middle of the eyes may be this far from the vertical middle; 0: 2 % */
    bool
        eyes_before_crown; /* GA/T 461: where both cannot hold, the eyes win and tall hair is cut */
};

/* What was reached, measured on the finished photo's own matte. NAN where unknown. */
enum idphoto_band_id {
    IDPHOTO_HEAD_HEIGHT,
    IDPHOTO_HEAD_WIDTH,
    IDPHOTO_CROWN_Y,
    IDPHOTO_EYE_Y,
    IDPHOTO_EYE_DISTANCE,
    IDPHOTO_CHIN_BOTTOM,
    IDPHOTO_CENTRE,
    IDPHOTO_BANDS
};
const char *idphoto_band_name(enum idphoto_band_id id); /* "head-height", ... */
struct idphoto_reached {
    float value_px[IDPHOTO_BANDS];
    bool inside[IDPHOTO_BANDS]; /* true also where there is no rule */
};

/* ------------------------------------------------------------------ making */

enum idphoto_background {
    IDPHOTO_PLAIN,
    IDPHOTO_GRADIENT_DOWN,
    IDPHOTO_GRADIENT_CENTRE,
    IDPHOTO_KEEP,
    IDPHOTO_CLEAR
};

/* All 0: untouched. Strengths act on the person alone. */
struct idphoto_edit {
    float brightness; /* -20..20: added to 8-bit lightness */
    float contrast;   /* -50..50 percent around middle grey */
    float saturation; /* -50..50 percent */
    float sharpness;  /* 0..5: unsharp mask */
    float whitening;  /* 0..10: lifts skin tones only */
    float smoothing;  /* 0..10: evens skin, keeps eyes, brows, lips and hair */
};

struct idphoto_wanted {
    int32_t width_px, height_px; /* of the photo, up to IDPHOTO_OUTPUT_SIDE_MAX_PX */
    struct idphoto_geometry geometry;
    enum idphoto_background background;
    uint8_t colour[3], colour_to[3]; /* RGB; a gradient runs from the first to the second */
    int32_t people;                  /* 1, or 2 for a marriage photo */
    struct idphoto_edit edit;
    /* Asked between stages; NULL never. */
    bool (*cancelled)(void *);
    void *cancelled_with;
};

/* Wall and processor time per stage, nanoseconds, for metrics. */
enum idphoto_stage {
    IDPHOTO_STAGE_FIND,
    IDPHOTO_STAGE_MATTE,
    IDPHOTO_STAGE_COMPOSE,
    IDPHOTO_STAGE_EDIT,
    IDPHOTO_STAGE_MEASURE,
    IDPHOTO_STAGES
};
const char *idphoto_stage_name(enum idphoto_stage s);

struct idphoto_made {
    struct idphoto_pixels photo;      /* RGB, or RGBA for IDPHOTO_CLEAR; owned by the caller */
    struct idphoto_faces faces;       /* in the portrait */
    struct idphoto_measures measures; /* of the portrait */
    struct idphoto_reached reached;
    bool enlarged; /* the portrait had fewer pixels than the photo */
    /* The way of a place: x' = m[0] x + m[1] y + m[2], y' = m[3] x + m[4] y + m[5]. */
    float portrait_to_photo[6];
    int64_t stage_cpu_ns[IDPHOTO_STAGES];
};

/* Everything: find, measure, cut out at about the size of the photo, solve the crop and the turn
 * from the eyes, the chin and the crown, lay it over the background, edit. On NO_FACE, MANY_FACES,
 * CUT_OFF and TOO_SMALL out->faces and out->measures are filled and photo is empty; otherwise out
 * is untouched on failure. Free with idphoto_made_free, which overwrites it.
 *
 * NO_FACE and MANY_FACES go by idphoto_count_people; the largest faces are the people. The eyes are
 * set level, of two people in the mean, so that the taller stays taller. Bands hold for the mean
 * head of two. Where bands contradict each other or the portrait, the nearest is made and told. The
 * frame shows no place where the portrait cuts the person, but for 1.2 % of its height, and with
 * IDPHOTO_KEEP nothing beyond the portrait; CUT_OFF where that would lose the head, or where a
 * twentieth of it or more is missing already (not so with eyes_before_crown, whose hair may be
 * cut). TOO_SMALL from four times enlargement; enlarged from 2 %. */
enum idphoto_result idphoto_make(struct idphoto *i, const struct idphoto_pixels *portrait,
                                 const struct idphoto_wanted *wanted,
                                 struct idphoto_made *out) IDPHOTO_MUST_USE;
void idphoto_made_free(struct idphoto_made *m);

#ifdef __cplusplus
}
#endif
#endif
