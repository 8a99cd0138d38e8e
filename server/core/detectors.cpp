/* SPDX-License-Identifier: MIT */
#include "core/detectors.hpp"

#include <cstdio>
#include <cstring>

#include "core/cascades.hpp"
#include "core/networks.hpp"

static bool load_cascade(const char *name, cv::CascadeClassifier &out)
{
    for (const idphoto_cascade *c = idphoto_cascades; c->path; c++) {
        if (!std::strstr(c->path, name))
            continue;
        cv::FileStorage xml(cv::String(c->bytes, c->size),
                            cv::FileStorage::READ | cv::FileStorage::MEMORY);
        return out.read(xml.getFirstTopLevelNode());
    }
    return false;
}

static bool load_cascades(idphoto &i)
{
    return load_cascade("frontalface_alt2", i.face_alt2) &&
           load_cascade("frontalface_default", i.face_default) &&
           load_cascade("eye_tree_eyeglasses", i.eyes);
}

static bool is_matting(const std::vector<cv::Mat> &outputs)
{
    return outputs.size() == 1 && outputs[0].total() == (size_t)256 * 256;
}

/* NULL: loaded, or none given. Otherwise what is wrong with it. */
static const char *load_network(const idphoto_blob &onnx, const std::vector<int> &shape,
                                bool (*fits)(const std::vector<cv::Mat> &), cv::dnn::Net &out)
{
    if (onnx.size == 0)
        return nullptr;
    try {
        return fits(core::try_network(onnx, shape, out))
                   ? nullptr
                   : "its outputs are not those of this model";
    } catch (...) {
        return "OpenCV cannot load it as ONNX, or not run it";
    }
}

/* As above; which names the model. */
static const char *load_networks(const idphoto_models &m, idphoto &i, const char **which)
{
    const char *wrong = nullptr;
    *which = "face_model (YuNet)";
    wrong = load_network(m.face, {1, 3, 320, 320}, core::is_yunet, i.face_net);
    if (wrong)
        return wrong;
    *which = "landmark_model (MediaPipe, 468 landmarks)";
    wrong = load_network(m.landmarks, {1, 192, 192, 3}, core::is_landmarks, i.landmark_net);
    if (wrong)
        return wrong;
    *which = "matting_model (MediaPipe selfie segmentation)";
    return load_network(m.matting, {1, 256, 256, 3}, is_matting, i.matting_net);
}

idphoto *idphoto_new(const idphoto_models *models, char *why, size_t why_size)
{
    const char *which = "a built-in cascade", *wrong = "it cannot be read";
    idphoto *i = nullptr;
    try {
        i = new idphoto();
        if (load_cascades(*i))
            wrong = load_networks(*models, *i, &which);
    } catch (...) {
        wrong = "there is no memory for it";
    }
    if (i && !wrong)
        return i;
    delete i;
    std::snprintf(why, why_size, "%s: %s", which, wrong);
    return nullptr;
}

void idphoto_free(idphoto *i)
{
    delete i;
}
