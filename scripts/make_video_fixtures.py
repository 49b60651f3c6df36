#!/usr/bin/env python3
"""Makes tests/fixtures/videos: a few frames in each codec, and what OpenCV 4.6 reads of them.

    python scripts/make_video_fixtures.py        (needs ffmpeg; pip install opencv-python-headless==4.6.0.66 "numpy<2")

Frames are made, not filmed. frames.json tells for each file OpenCV's count of frames and the SHA-256 of all frames' RGB bytes,
one after the other, in the order in which VideoCapture gives them.
"""
import hashlib, json, os, subprocess, sys, tempfile

import cv2
import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "fixtures", "videos")
WIDTH, HEIGHT, FRAMES = 86, 60, 7

CODECS = {
    "h264.mp4": ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "4"],
    "h264.mkv": ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "4"],
    "h264.ts": ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "4"],
    "h264_444.mp4": ["-c:v", "libx264", "-pix_fmt", "yuv444p"],
    "h264_422_10.mkv": ["-c:v", "libx264", "-pix_fmt", "yuv422p10le"],
    "h264_interlaced.mp4": ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-flags", "+ilme+ildct"],
    "h264_full_range.mp4": ["-c:v", "libx264", "-pix_fmt", "yuvj420p"],
    "hevc.mp4": ["-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params", "log-level=error"],
    "hevc_10.mkv": ["-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=error"],
    "vp8.webm": ["-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "4", "-b:v", "100k"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-b:v", "100k"],
    "av1.mp4": ["-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "40"],
    "mpeg4.avi": ["-c:v", "mpeg4", "-q:v", "5"],
    "mpeg4_b.avi": ["-c:v", "mpeg4", "-q:v", "5", "-bf", "2"],
    "mpeg4.mp4": ["-c:v", "mpeg4", "-q:v", "5", "-bf", "1"],
    "mpeg2.mpg": ["-c:v", "mpeg2video", "-q:v", "5"],
    "mjpeg.avi": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "6"],
    "mjpeg_444.avi": ["-c:v", "mjpeg", "-pix_fmt", "yuvj444p", "-q:v", "6"],
    "prores.mov": ["-c:v", "prores_ks", "-profile:v", "0", "-frames:v", "3"],
    "ffv1.mkv": ["-c:v", "ffv1", "-pix_fmt", "bgr0", "-frames:v", "3"],
    "wmv2.wmv": ["-c:v", "wmv2", "-q:v", "6"],
    "theora.ogv": ["-c:v", "libtheora", "-q:v", "4"],
    "flv1.flv": ["-c:v", "flv", "-q:v", "6"],
    "animation.gif": ["-frames:v", "4"],
}


def frame(number):
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    waves = [np.sin(x / (5 + c) + number / 2) * np.cos(y / (7 - c)) for c in range(3)]
    image = np.stack([128 + 90 * w for w in waves], axis=-1)
    image[10:30, 8 + 3 * number : 30 + 3 * number] = (40, 90, 200)
    return image.astype(np.uint8)


def main():
    os.makedirs(ROOT, exist_ok=True)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(FRAMES):
            cv2.imwrite(f"{folder}/{number:02}.png", frame(number))
        for name, options in CODECS.items():
            path = os.path.join(ROOT, name)
            subprocess.run(
                ["ffmpeg", "-v", "error", "-y", "-framerate", "25", "-i", f"{folder}/%02d.png", *options, "-fflags", "+bitexact", path],
                check=True,
            )
            capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
            count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            digest, frames = hashlib.sha256(), 0
            while True:
                there, image = capture.read()
                if not there:
                    break
                digest.update(np.ascontiguousarray(image[..., ::-1]).tobytes())
                frames += 1
            found[name] = {"count": count, "frames": frames, "sha256": digest.hexdigest()}
            print(name, os.path.getsize(path), found[name], file=sys.stderr)
    with open(os.path.join(ROOT, "frames.json"), "w") as out:
        json.dump(found, out, indent=1, sort_keys=True)
        out.write("\n")


if __name__ == "__main__":
    main()
