# SPDX-License-Identifier: MIT
"""Whether a program was built with a sanitizer that keeps freed memory back, and a shadow beside it: nothing is
told by such a process's size."""


def is_sanitized(program):
    """Of an executable file; /proc/PID/exe is one."""
    with open(program, "rb") as file:
        text = file.read()
    return any(name in text for name in (b"__asan_init", b"__tsan_init"))
