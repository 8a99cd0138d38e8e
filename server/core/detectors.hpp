/* SPDX-License-Identifier: MIT */
/* What a struct idphoto holds: cascades, and the networks it was given. One thread at a time. */
#ifndef IDPHOTO_DETECTORS_HPP
#define IDPHOTO_DETECTORS_HPP

#include <opencv2/dnn.hpp>
#include <opencv2/objdetect.hpp>

#include "core/idphoto.h"

struct idphoto {
    cv::CascadeClassifier face_alt2, face_default, eyes;
    /* empty() where none was given */
    cv::dnn::Net face_net, landmark_net, matting_net;
};

#endif
