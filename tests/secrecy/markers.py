# SPDX-License-Identifier: MIT
"""Values that can be recognized again, the forms they may take on disk, and the search for them."""
import base64
import ipaddress
import mmap
import os
import random
import urllib.parse

LEAST = 8  # bytes; anything shorter turns up by chance


def base64_forms(raw, alphabet=None):
    """The digits that stay the same wherever the value begins within three bytes."""
    for skip in range(3):
        text = base64.b64encode(b"\0" * skip + raw, alphabet).rstrip(b"=")
        begin = (skip * 8 + 5) // 6
        end = (skip + len(raw)) * 8 // 6
        yield text[begin:end]


def forms_of(value):
    """Every byte sequence under which a text or bytes might lie in a file."""
    raw = value.encode() if isinstance(value, str) else value
    forms = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    forms.update(base64_forms(raw))
    forms.update(base64_forms(raw, b"-_"))
    forms.add(" ".join(f"{b:02x}" for b in raw).encode())
    octal = "".join(f"\\{b:03o}" for b in raw)
    if isinstance(value, str):
        forms.update((urllib.parse.quote(value, safe="").encode(), urllib.parse.quote_plus(value).encode()))
        forms.add("".join(f"%{b:02x}" for b in raw).encode())
        forms.update((value.encode("utf-16-le"), value.encode("utf-16-be")))
        units = value.encode("utf-16-be")
        for pattern in ("\\u{:04x}", "\\u{:04X}"):
            forms.add("".join(c if c.isascii() else pattern.format(int.from_bytes(units[2 * i:2 * i + 2]))
                              for i, c in enumerate(value)).encode())
        forms.add("".join(c if c.isascii() else "".join(f"\\{b:03o}" for b in c.encode())
                          for c in value).encode())
        try:
            forms.add(value.encode("gb18030"))
        except UnicodeError:
            pass
        if ":" in value:
            try:
                forms.add(ipaddress.ip_address(value).packed)
                forms.add(ipaddress.ip_address(value).exploded.encode())
            except ValueError:
                pass
    else:
        forms.add(octal.encode())
    return {form for form in forms if len(form) >= LEAST}


class Markers:
    def __init__(self):
        self.chance = random.SystemRandom()
        self.forms = {}

    def add(self, name, value):
        self.forms[name] = forms_of(value)
        return value

    def text(self, name, pattern):
        """# is a random digit, * a random letter or digit, @ a random Chinese character."""
        kinds = {"#": "0123456789", "*": "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"}
        return self.add(name, "".join(
            self.chance.choice(kinds[c]) if c in kinds
            else chr(self.chance.randrange(0x4E00, 0x9FA5)) if c == "@" else c for c in pattern))

    def in_bytes(self, content):
        """Names of the markers that are there in some form."""
        return {name for name, forms in self.forms.items() if any(content.find(f) >= 0 for f in forms)}

    def in_file(self, path):
        try:
            with open(path, "rb") as file:
                if os.fstat(file.fileno()).st_size == 0:
                    return set()
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    return self.in_bytes(content)
        except (OSError, ValueError):
            with open(path, "rb") as file:  # what cannot be mapped, such as /proc
                return self.in_bytes(file.read())

    def in_tree(self, folder, leave_out=lambda path: False):
        """What is where: a list of (marker, path), file names included, and the number of files."""
        found, files = [], 0
        for place, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if not leave_out(os.path.join(place, name))]
            for name in names:
                path = os.path.join(place, name)
                if leave_out(path) or not os.path.isfile(path) or os.path.islink(path):
                    continue
                try:
                    hits = self.in_file(path) | self.in_bytes(os.fsencode(path))
                except FileNotFoundError:
                    continue  # it went meanwhile
                files += 1
                found += [(marker, path) for marker in sorted(hits)]
        return found, files
