/* SPDX-License-Identifier: MIT */
#include "core/detectors.hpp"

#include <cstdio>
#include <cstring>

#include "core/cascades.hpp"

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

idphoto *idphoto_new(const idphoto_models *, char *why, size_t why_size)
{
    idphoto *i = nullptr;
    try {
        i = new idphoto();
        if (load_cascade("frontalface_alt2", i->face_alt2) &&
            load_cascade("frontalface_default", i->face_default) &&
            load_cascade("eye_tree_eyeglasses", i->eyes))
            return i;
    } catch (...) {
    }
    delete i;
    std::snprintf(why, why_size, "a built-in cascade cannot be read");
    return nullptr;
}

void idphoto_free(idphoto *i)
{
    delete i;
}
