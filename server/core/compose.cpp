/* SPDX-License-Identifier: MIT */
#include "core/compose.hpp"

#include <algorithm>

#include <opencv2/imgproc.hpp>

#include "core/warp.hpp"

namespace core
{

constexpr int WHOLE = 255 * 255; /* of a premultiplied sample in 16 bits, which hold it exactly */

/* What is transparent lends its colour to nobody. */
static void premultiply(const cv::Mat &rgba, cv::Mat &out)
{
    out.create(rgba.size(), CV_16UC4);
    for (int y = 0; y < rgba.rows; y++) {
        const cv::Vec4b *from = rgba.ptr<cv::Vec4b>(y);
        cv::Vec4w *to = out.ptr<cv::Vec4w>(y);
        for (int x = 0; x < rgba.cols; x++) {
            const ushort a = from[x][3];
            for (int c = 0; c < 3; c++)
                to[x][c] = (ushort)(a * from[x][c]);
            to[x][3] = (ushort)(a * 255);
        }
    }
}

/* At the edge the cut-out's colours, in the person the portrait's, and a little of both between. */
static cv::Vec4b joined(const cv::Vec3b &own, const cv::Vec4w &cut, bool keep)
{
    const int whole = std::min<int>(cut[3], WHOLE);
    cv::Vec4b out(own[0], own[1], own[2], (uchar)((whole + 127) / 255));
    if (whole == 0 || whole == WHOLE || keep)
        return out;
    const float a = (float)whole / WHOLE, share = std::clamp((a - 0.95F) * 20, 0.0F, 1.0F);
    for (int c = 0; c < 3; c++) {
        const float front = std::min(255.0F, 255 * (float)cut[c] / (float)whole);
        out[c] = cv::saturate_cast<uchar>(share * (float)own[c] + (1 - share) * front);
    }
    return out;
}

/* The rows from y on. */
static void draw_band(const layers &l, const cv::Mat &premultiplied, const cv::Mat &own, int y,
                      bool keep, cv::Mat &out)
{
    cv::Matx23f map = l.cut_out_to_photo;
    map(1, 2) -= (float)y;
    secret_mat cut;
    cv::warpAffine(premultiplied, cut, as_opencv(map), own.size(), cv::INTER_LINEAR,
                   cv::BORDER_CONSTANT, cv::Scalar());
    for (int row = 0; row < own.rows; row++) {
        const cv::Vec3b *from = own.ptr<cv::Vec3b>(row);
        const cv::Vec4w *edge = cut.ptr<cv::Vec4w>(row);
        cv::Vec4b *to = out.ptr<cv::Vec4b>(row);
        for (int x = 0; x < own.cols; x++)
            to[x] = joined(from[x], edge[x], keep);
    }
}

void draw_person(const layers &l, const idphoto_wanted &w, cv::Mat &out)
{
    constexpr int BAND_PX = 128; /* so that a large photo takes little more memory than itself */
    const cv::Size size(w.width_px, w.height_px);
    secret_mat own, premultiplied;
    warp_picture(l.portrait, l.portrait_to_photo, size, own);
    premultiply(l.cut_out, premultiplied);
    out.create(size, CV_8UC4);
    for (int y = 0; y < size.height; y += BAND_PX) {
        const int end = std::min(y + BAND_PX, size.height);
        cv::Mat band = out.rowRange(y, end);
        draw_band(l, premultiplied, own.rowRange(y, end), y, w.background == IDPHOTO_KEEP, band);
    }
}

/* Nobody's colours are not told. */
static idphoto_pixels cleared(const cv::Mat &person)
{
    secret_mat out;
    person.copyTo(out);
    for (int y = 0; y < out.rows; y++)
        for (int x = 0; x < out.cols; x++)
            if (out.at<cv::Vec4b>(y, x)[3] == 0)
                out.at<cv::Vec4b>(y, x) = cv::Vec4b();
    return give(out);
}

static void blend_row(const cv::Vec4b *front, const cv::Vec3f *back, int width, cv::Vec3b *out)
{
    for (int x = 0; x < width; x++) {
        const float a = (float)front[x][3] / 255;
        for (int c = 0; c < 3; c++)
            out[x][c] =
                cv::saturate_cast<uchar>(back[x][c] + a * ((float)front[x][c] - back[x][c]));
    }
}

idphoto_pixels lay_over(const cv::Mat &person, const layers &l, const idphoto_wanted &w)
{
    if (w.background == IDPHOTO_CLEAR)
        return cleared(person);
    secret_mat out(person.size(), CV_8UC3), kept, row;
    if (w.background == IDPHOTO_KEEP)
        warp_picture(l.portrait, l.portrait_to_photo, person.size(), kept);
    for (int y = 0; y < person.rows; y++) {
        if (w.background == IDPHOTO_KEEP)
            kept.row(y).convertTo(row, CV_32F);
        else
            background_row(w, y, row);
        blend_row(person.ptr<cv::Vec4b>(y), row.ptr<cv::Vec3f>(), person.cols,
                  out.ptr<cv::Vec3b>(y));
    }
    return give(out);
}

} // namespace core
