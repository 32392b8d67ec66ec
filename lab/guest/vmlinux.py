#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""vmlinux.py VMLINUZ OUT: writes the ELF image that is packed inside a bzImage."""
import os
import subprocess
import sys

PACKERS = (
    (b"\xfd7zXZ\x00", ["xz", "-dc"]),
    (b"\x1f\x8b\x08", ["gzip", "-dc"]),
    (b"(\xb5/\xfd", ["zstd", "-dc"]),
    (b"\x02!L\x18", ["lz4", "-dc"]),
)


def unpack(image):
    for magic, command in PACKERS:
        at = image.find(magic)
        while at >= 0:
            # trailing bytes make the unpacker complain; its output is what counts
            done = subprocess.run(command, input=image[at:], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, check=False)
            if done.stdout[:4] == b"\x7fELF":
                return done.stdout
            at = image.find(magic, at + 1)
    return None


def main():
    with open(sys.argv[1], "rb") as f:
        elf = unpack(f.read())
    if elf is None:
        sys.exit(f"{sys.argv[1]}: no ELF image inside")
    with open(sys.argv[2] + ".new", "wb") as f:
        f.write(elf)
    os.rename(sys.argv[2] + ".new", sys.argv[2])


main()
