/* SPDX-License-Identifier: MIT */
#include <opencv2/core/utility.hpp>

#include "core/idphoto.h"

void idphoto_use_one_thread(void)
{
    cv::setNumThreads(1);
}
