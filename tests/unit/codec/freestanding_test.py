#!/usr/bin/python3
"""Runs the freestanding decoder (argument 1) on what each tool writes, whole and cut short, and compares."""
import pathlib
import random
import subprocess
import sys

TOOLS = [
    "gzip -c", "bzip2 -c", "xz --check=crc32 --x86 --lzma2=dict=4MiB -c", "xz --check=crc64 -c", "xz --check=sha256 -c",
    "xz --format=lzma -c", "zstd -q -19 --ultra --long=27 -c", "lz4 -l -9 -c", "lz4 -9 -BD -c", "lzop -9 -c",
]


def sample():
    words = random.Random(1)
    parts = [bytes(words.randrange(256) for _ in range(words.randrange(40))) for _ in range(2000)]
    return b"".join(words.choice(parts) for _ in range(60000))


def decode(program, packed):
    return subprocess.run([program], input=packed, capture_output=True, check=False, timeout=120)


def main():
    program, data = str(pathlib.Path(sys.argv[1]).resolve()), sample()
    for tool in TOOLS:
        packed = subprocess.run(tool.split(), input=data, capture_output=True, check=True).stdout
        whole, cut = decode(program, packed), decode(program, packed[:-30])
        assert whole.returncode == 0 and whole.stdout == data, f"{tool}: {whole.returncode} {whole.stderr}"
        assert cut.returncode == 1 and b"ends early" in cut.stderr, f"{tool}, cut: {cut.returncode} {cut.stderr}"


if __name__ == "__main__":
    main()
