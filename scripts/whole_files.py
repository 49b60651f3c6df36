#!/usr/bin/env python3
"""Names the files of a folder that are not whole: whoever looks sees a half one under a final name.

    scripts/whole_files.py SBI FOLDER REFERENCE

A file is whole when its bytes are those of some file below REFERENCE, or when it can be read to its end: JSON, lines of
JSON, CSV and other text to the end of the last line, arrays with all their numbers, PNG with all its rows, mp4 with all
its boxes, TensorBoard's events with all their records, checkpoints by `SBI convert`. Unfinished files (`.tmp-…`) are not
looked at. Prints a line per file that is not whole; the exit status is 1 where there is one. Needs Python alone.
"""

import ast
import csv
import hashlib
import json
import math
import os
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

# Bytes of one element, by NumPy's name of its type.
ELEMENT = re.compile(r"[<|>=]?[a-z](\d+)$")
# Samples of a pixel, by PNG's colour type.
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Boxes without which nobody plays an mp4.
MP4_BOXES = {b"ftyp", b"moov", b"mdat"}


def check(holds, problem):
    if not holds:
        raise ValueError(problem)


def lines(data):
    """The lines of a text that ends with the end of a line."""
    check(not data or data.endswith(b"\n"), "the last line is cut")
    return data.decode().splitlines()


def json_file(data):
    check(data.endswith(b"\n"), "the last line is cut")
    json.loads(data)


def json_lines(data):
    for line in lines(data):
        json.loads(line)


def csv_file(data):
    widths = {len(row) for row in csv.reader(lines(data))}
    check(len(widths) == 1, f"rows of {sorted(widths)} fields")


def array(data):
    check(data[:6] == b"\x93NUMPY", "no array")
    size, start = ("<H", 10) if data[6] == 1 else ("<I", 12)
    end = start + struct.unpack_from(size, data, 8)[0]
    header = ast.literal_eval(data[start:end].decode("latin-1"))
    wanted = math.prod(header["shape"]) * int(ELEMENT.match(header["descr"])[1])
    check(len(data) - end == wanted, f"{len(data) - end} bytes of numbers instead of {wanted}")


def png(data):
    check(data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG")
    at, kind, pixels = 8, b"", b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        check(struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body), f"{kind} is damaged")
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack_from(">IIBB", body)
        pixels += body if kind == b"IDAT" else b""
        at += 12 + length
    row = 1 + (width * depth * SAMPLES[colour] + 7) // 8
    check(at == len(data) and len(zlib.decompress(pixels)) == row * height, "rows are missing")


def mp4(data):
    at, kinds = 0, set()
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        # 1 stands for a long length behind the name, 0 for the rest of the file.
        length = struct.unpack_from(">Q", data, at + 8)[0] if length == 1 else length or len(data) - at
        check(8 <= length <= len(data) - at, f"the box {kind} is cut")
        at += length
        kinds.add(kind)
    check(MP4_BOXES <= kinds, f"only the boxes {sorted(kinds)}")


def events(data):
    at = 0
    while at < len(data):
        # The length and its sum before, a sum after.
        at += 16 + struct.unpack_from("<Q", data, at)[0]
    check(at == len(data), "the last event is cut")


READERS = {
    ".json": json_file,
    ".jsonl": json_lines,
    ".csv": csv_file,
    ".npy": array,
    ".png": png,
    ".mp4": mp4,
    ".txt": lines,
    ".logs": lines,
}


def checkpoint(sbi, path):
    with zipfile.ZipFile(path) as file:
        check(file.testzip() is None, "an entry is damaged")
    with tempfile.TemporaryDirectory() as folder:
        command = [sbi, "convert", "-q", path, os.path.join(folder, "weights.safetensors")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        check(done.returncode == 0, done.stderr.strip())


def files(folder):
    """The files below a folder that have their final names; links are not followed."""
    for at, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(at, name)
            if not name.startswith(".tmp-") and not os.path.islink(path):
                yield path


def main():
    sbi, folder, reference = sys.argv[1:]
    known = set()
    for path in files(reference):
        with open(path, "rb") as file:
            known.add(hashlib.sha256(file.read()).digest())
    faulty = 0
    for path in files(folder):
        with open(path, "rb") as file:
            data = file.read()
        if hashlib.sha256(data).digest() in known:
            continue
        name = os.path.basename(path)
        try:
            if name.endswith(".tar"):
                checkpoint(sbi, path)
            elif name.startswith("events.out."):
                events(data)
            else:
                READERS[os.path.splitext(name)[1]](data)
        # Whatever a reader stumbles over tells that the file is not whole.
        except Exception as problem:
            print(f"{path}: not whole: {type(problem).__name__}: {problem}")
            faulty += 1
    return min(faulty, 1)


if __name__ == "__main__":
    sys.exit(main())
