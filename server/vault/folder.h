/* SPDX-License-Identifier: MIT */
/*
 * The folders that hold keys: who may write there, one lock for each, and files that are either
 * the old one or the new one whatever happens.
 *
 * The lock is flock(2) on the folder itself, so it dies with its process and leaves no file. It
 * keeps processes of one host and threads of one process apart alike. Local file systems only.
 * Inside the vault room only. Any thread.
 */
#ifndef IDPHOTOD_VAULT_FOLDER_H
#define IDPHOTOD_VAULT_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

/* Room for a reason; why may be NULL when why_size is 0. */
void explain(char *why, size_t why_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The name of a file within its folder: a part of path. Borrowed from path. */
const char *path_name(const char *path);
/* The path of the folder that holds it ("." when path has no slash). Owned. */
char *path_folder(const char *path);

/* Opens a folder. DENIED when it is not ours (or root's) or when group or others may write to it.
 * Close the descriptor, which also gives the lock back. */
enum status folder_open(const char *path, int *folder, char *why, size_t why_size) MUST_USE;
/* The same for the folder that holds the file at path. */
enum status folder_open_of(const char *path, int *folder, char *why, size_t why_size) MUST_USE;

/* Waits for the lock, shared or exclusive. */
enum status folder_lock(int folder, bool exclusive) MUST_USE;

/* Opens a file for reading that only we can read: regular, no symbolic link, ours, mode 0400 or
 * 0600. DENIED with a reason otherwise, NOT_FOUND when there is none. A file that systemd put
 * into $CREDENTIALS_DIRECTORY may be root's with mode 0440 (its access list shows as the group). */
enum status folder_open_secret(int folder, const char *name, const char *shown, int *fd, char *why,
                               size_t why_size) MUST_USE;

/* Reads or writes exactly n bytes; false for anything else. */
bool read_exactly(int fd, void *bytes, size_t n) MUST_USE;
bool write_exactly(int fd, const void *bytes, size_t n) MUST_USE;

/* Writes a file that was not there before (CONFLICT when it was), durable but for its name:
 * fsync the folder when the name matters. Nothing is left behind on failure. */
enum status folder_write_new(int folder, const char *name, mode_t mode, const void *bytes,
                             size_t n) MUST_USE;

/* Replaces a file at once and durably; what it held before is not overwritten. Hold the lock. */
enum status folder_replace(int folder, const char *name, const void *bytes, size_t n) MUST_USE;

#endif
