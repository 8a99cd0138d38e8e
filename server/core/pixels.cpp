/* SPDX-License-Identifier: MIT */
#include "core/inside.hpp"

#include <cstdlib>
#include <cstring>

namespace core
{

cv::Mat view(const idphoto_pixels &p, int channels)
{
    const bool sane = p.bytes && p.channels == channels && p.width_px >= 1 && p.height_px >= 1 &&
                      p.width_px <= IDPHOTO_SIDE_MAX_PX && p.height_px <= IDPHOTO_SIDE_MAX_PX &&
                      (int64_t)p.width_px * p.height_px <= IDPHOTO_AREA_MAX_PX &&
                      p.stride_bytes >= (size_t)p.width_px * (size_t)channels;
    if (!sane)
        throw failure{IDPHOTO_INVALID};
    return cv::Mat(p.height_px, p.width_px, CV_8UC(channels), p.bytes, p.stride_bytes);
}

idphoto_pixels give(const cv::Mat &m)
{
    const size_t row = (size_t)m.cols * m.elemSize();
    idphoto_pixels p = {nullptr, m.cols, m.rows, m.channels(), row};
    p.bytes = static_cast<uint8_t *>(std::malloc(row * (size_t)m.rows));
    if (!p.bytes)
        throw failure{IDPHOTO_MEMORY};
    m.copyTo(cv::Mat(m.rows, m.cols, m.type(), p.bytes, row));
    return p;
}

void wipe(cv::Mat &m)
{
    for (int y = 0; m.data && y < m.rows; y++)
        explicit_bzero(m.ptr(y), (size_t)m.cols * m.elemSize());
    m.release();
}

} // namespace core

void idphoto_pixels_free(idphoto_pixels *p)
{
    if (p->bytes)
        explicit_bzero(p->bytes, p->stride_bytes * (size_t)p->height_px);
    std::free(p->bytes);
    *p = {};
}
