/* SPDX-License-Identifier: MIT */
/*
 * What the files of the core share: pixels as cv::Mat, and the wall that no exception crosses.
 * Not for callers of the library.
 */
#ifndef IDPHOTO_INSIDE_HPP
#define IDPHOTO_INSIDE_HPP

#include <new>

#include <opencv2/core.hpp>

#include "core/idphoto.h"

namespace core
{

/* Ends the work of a public function with a result that is not OK. */
struct failure {
    idphoto_result result;
};

/* Runs f; whatever it throws becomes a result. Every public function that may fail goes through it.
 */
template <class F> idphoto_result guarded(F f) noexcept
{
    try {
        f();
        return IDPHOTO_OK;
    } catch (const failure &ended) {
        return ended.result;
    } catch (const std::bad_alloc &) {
        return IDPHOTO_MEMORY;
    } catch (const cv::Exception &e) {
        return e.code == cv::Error::StsNoMem ? IDPHOTO_MEMORY : IDPHOTO_INTERNAL;
    } catch (...) {
        return IDPHOTO_INTERNAL;
    }
}

/* The pixels seen as a Mat, without a copy; INVALID unless they have that many channels and sane
 * sides (1 to IDPHOTO_SIDE_MAX_PX, at most IDPHOTO_AREA_MAX_PX). */
cv::Mat view(const idphoto_pixels &p, int channels);

/* A copy of an 8-bit Mat in memory of its own, for the caller of the library. */
idphoto_pixels give(const cv::Mat &m);

/* Overwrites what the Mat shows, in all that share it, and lets go of it. */
void wipe(cv::Mat &m);

/* A Mat that is overwritten when its owner goes. */
class secret_mat : public cv::Mat
{
  public:
    using cv::Mat::Mat;
    using cv::Mat::operator=;
    secret_mat(const secret_mat &) = delete;
    secret_mat &operator=(const secret_mat &) = delete;
    ~secret_mat()
    {
        wipe(*this);
    }
};

} // namespace core

#endif
