/* SPDX-License-Identifier: MIT */
#include <opencv2/imgproc.hpp>

#include "core/detectors.hpp"
#include "core/faces.hpp"
#include "core/matting.hpp"

namespace core
{

/* The picture where the person is all there is, the estimate where alpha mixes. */
static idphoto_pixels joined(const cv::Mat &rgb, const cv::Mat &alpha, const cv::Mat &front)
{
    secret_mat out(rgb.size(), CV_8UC4);
    for (int y = 0; y < rgb.rows; y++)
        for (int x = 0; x < rgb.cols; x++) {
            const uchar a = cv::saturate_cast<uchar>(alpha.at<float>(y, x) * 255);
            const cv::Vec3b i = rgb.at<cv::Vec3b>(y, x);
            const cv::Vec3f f = front.at<cv::Vec3f>(y, x) * 255;
            cv::Vec4b &o = out.at<cv::Vec4b>(y, x);
            for (int c = 0; c < 3; c++)
                o[c] = a == 255 ? i[c] : cv::saturate_cast<uchar>(f[c]);
            o[3] = a;
        }
    return give(out);
}

/* Of a veil that no eye sees in hair, but every eye on a plain wall, nothing is left. */
static void lift_veil(cv::Mat &alpha)
{
    constexpr float VEIL = 0.1f;
    alpha = (alpha - VEIL) / (1 - 2 * VEIL);
    cv::min(cv::max(alpha, 0), 1, alpha);
}

static idphoto_pixels coloured(const cv::Mat &rgb, const cv::Mat &alpha)
{
    secret_mat front;
    front = foreground_of(rgb, alpha);
    return joined(rgb, alpha, front);
}

static cv::Mat as_alpha(const cv::Mat &mask)
{
    cv::Mat out;
    mask.convertTo(out, CV_32F, 1 / 255.0);
    return out;
}

static cv::Mat alpha_of(const cv::Mat &rgb, const people &who, cv::dnn::Net &net)
{
    secret_mat mask, trimap, guess, trust;
    mask = coarse_mask(rgb, who, net);
    trimap = trimap_of(rgb, mask, who, trust);
    guess = as_alpha(mask);
    cv::Mat alpha = solve_alpha(rgb, trimap, {guess, trust});
    lift_veil(alpha);
    return alpha;
}

/* Eyes that are apart, in the picture or near it. */
static bool is_usable(const idphoto_face &f, const cv::Size &size)
{
    const eye_line eyes(f);
    const float most = 2 * (float)std::max(size.width, size.height);
    return eyes.distance >= 1 && eyes.distance < most && cv::norm(eyes.middle) < (double)most;
}

} // namespace core

idphoto_result idphoto_cut_out(idphoto *i, const idphoto_pixels *rgb, const idphoto_face *faces,
                               size_t count, idphoto_pixels *out)
{
    return core::guarded([&] {
        const cv::Mat picture = core::view(*rgb, 3);
        if (count < 1 || count > IDPHOTO_FACES_MAX)
            throw core::failure{IDPHOTO_INVALID};
        if (std::min(picture.cols, picture.rows) < IDPHOTO_SIDE_MIN_PX)
            throw core::failure{IDPHOTO_TOO_SMALL};
        for (size_t k = 0; k < count; k++)
            if (!core::is_usable(faces[k], picture.size()))
                throw core::failure{IDPHOTO_INVALID};
        core::secret_mat alpha;
        alpha = core::alpha_of(picture, {faces, count}, i->matting_net);
        *out = core::coloured(picture, alpha);
    });
}

idphoto_result idphoto_refine(const idphoto_pixels *rgb, const idphoto_pixels *trimap,
                              idphoto_pixels *out)
{
    return core::guarded([&] {
        const cv::Mat picture = core::view(*rgb, 3), known = core::view(*trimap, 1);
        if (picture.size() != known.size())
            throw core::failure{IDPHOTO_INVALID};
        core::secret_mat guess, alpha;
        guess = core::as_alpha(known);
        alpha = core::solve_alpha(picture, known, {guess, cv::Mat()});
        *out = core::coloured(picture, alpha);
    });
}
