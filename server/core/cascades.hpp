/* SPDX-License-Identifier: MIT */
/*
 * The trained cascades of OpenCV (package opencv-data; their licences stand in the files), as the
 * build put them into the library: server/embed.sh. Any thread.
 */
#ifndef IDPHOTO_CASCADES_HPP
#define IDPHOTO_CASCADES_HPP

#include <cstdint>

struct idphoto_cascade {
    const char *path; /* ends with "haarcascade_NAME.xml" */
    const char *bytes;
    uint64_t size;
};

/* In the Makefile's order; ends with a row whose path is NULL. */
extern "C" const idphoto_cascade idphoto_cascades[];

#endif
