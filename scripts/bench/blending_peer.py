"""Self-blending as the original programs do it, in Python: NumPy, SciPy, OpenCV and albumentations.

    blending_peer.py make FOLDER PORTRAIT   frame.png, landmarks.npy and boxes.npy of a made 720p frame
    blending_peer.py run FOLDER             pairs from those files, on one thread

Written from the paper and this project's description of the steps. Every step works on all of the wide crop, as a
program made of library calls does. A line with a number of seconds on standard input starts a repeat; the answer is
a JSON line with pairs per second; with --cpu-time as the last word, per second of processor time.
"""
import json
import os
import sys
import time

import cv2
import numpy as np

SIDE = 380
FRAME = (720, 1280)
# Side of the portrait in the made frame, its left edge, and the face in it as a part of 512 pixels.
PORTRAIT, LEFT, FACE = 900, 190, (178, 72, 270, 195)


def make(folder: str, portrait: str) -> None:
    os.makedirs(folder, exist_ok=True)
    height, width = FRAME
    image = cv2.resize(cv2.imread(portrait), (PORTRAIT, PORTRAIT))
    frame = np.empty((height, width, 3), np.uint8)
    frame[..., 0] = 90
    frame[..., 1] = (np.arange(height) // 4)[:, None]
    frame[..., 2] = (np.arange(width) // 8)[None]
    frame[:, LEFT : LEFT + PORTRAIT] = image[:height]
    cv2.imwrite(os.path.join(folder, "frame.png"), frame)

    def ring(count, first, last, size, cx, cy, of):
        angles = first + (last - first) * np.arange(count) / of
        return np.stack([cx + size * np.cos(angles), cy + size * np.sin(angles)], 1)

    pi, i = np.pi, np.arange
    parts = [
        ring(17, pi, 0, 0.5, 0.5, 0.5, 16),
        np.stack([0.1 + 0.8 * i(10) / 9, np.full(10, 0.33)], 1),
        np.stack([0.5 + 0.02 * (i(9) % 3), 0.4 + 0.03 * i(9)], 1),
        ring(6, 0, 2 * pi, 0.08, 0.3, 0.42, 6),
        ring(6, 0, 2 * pi, 0.08, 0.7, 0.42, 6),
        ring(20, 0, 4 * pi, 0.15, 0.5, 0.8, 20),
        ring(13, 1.05 * pi, 1.95 * pi, 0.48, 0.5, 0.45, 12),
    ]
    scale = PORTRAIT / 512
    corner = np.array([LEFT + scale * FACE[0], scale * FACE[1]])
    size = scale * np.array([FACE[2] - FACE[0], FACE[3] - FACE[1]])
    points = corner + size * np.concatenate(parts)
    np.save(os.path.join(folder, "landmarks.npy"), points[None].astype(np.int64))
    box = np.array([corner + [1.5, 6.25], corner + size + [-2.5, 3.75]] + [corner] * 5)
    np.save(os.path.join(folder, "boxes.npy"), box[None])


def iou(a, b):
    low, high = np.maximum(a[0], b[0]), np.minimum(a[1], b[1])
    shared = np.prod(np.maximum(high - low + 1, 0))
    return shared / (np.prod(a[1] - a[0] + 1) + np.prod(b[1] - b[0] + 1) - shared)


FOREHEAD = [77, 75, 76, 68, 69, 70, 71, 80, 72, 73, 79, 74, 78]


def backwards(first, end):
    return list(range(end - 1, first - 1, -1))


MIRRORED = (
    backwards(0, 17) + backwards(17, 27) + list(range(27, 31)) + backwards(31, 36) + backwards(42, 46)
    + backwards(46, 48) + backwards(36, 40) + backwards(40, 42) + backwards(48, 55) + backwards(55, 60)
    + backwards(60, 65) + backwards(65, 68) + backwards(68, 81)
)


def mirror(image, points, box):
    width = image.shape[1]
    points, box = points[MIRRORED].copy(), box[[0, 1, 3, 2, 4, 6, 5]].copy()
    points[:, 0], box[:, 0] = width - points[:, 0], width - box[:, 0]
    box[0, 0], box[1, 0] = box[1, 0], box[0, 0]
    return image[:, ::-1], points, box


def window(height, width, rect, margins):
    (x0, y0), (x1, y1) = rect
    left, right, top, bottom = margins
    return max(0, int(y0 - top)), min(height, int(y1 + bottom) + 1), max(0, int(x0 - left)), min(width, int(x1 + right) + 1)


PARTS = {
    "full": [[*range(17), *range(48, 68)], [*range(27, 31), 33], [*range(17, 27), 0, 27, 16, 33]],
    "components": [
        [*range(9), 17], [*range(8, 17), 26], [*range(17, 20), 8], [*range(24, 27), 8], [*range(19, 25), 8],
        [*range(17, 22), 27, *range(31, 36), 8], [*range(22, 27), 27, *range(31, 36), 8], [*range(27, 36)],
    ],
}


def hull(points, height, width, rng):
    kind = ("full", "extended", "components", "face")[rng.integers(4)]
    parts = PARTS.get(kind, PARTS["components"])
    if kind == "face":
        parts = [list(range(len(points)))]
    if kind == "extended":
        old, points = points, points.copy()
        outer = lambda eye, jaw: (old[eye] + (old[eye] + old[jaw]) // 2) // 2
        points[17:22] += (old[17:22] - np.stack([outer(36, 0), *old[36:40]])) // 2
        points[22:27] += (old[22:27] - np.stack([*old[42:46], outer(45, 16)])) // 2
    mask = np.zeros((height, width), np.float32)
    for part in parts:
        cv2.fillConvexPoly(mask, cv2.convexHull(points[part].astype(np.int32)), 1.0)
    return mask


def transforms():
    import albumentations as alb

    class DownUp(alb.ImageOnlyTransform):
        def apply(self, image, **_):
            factor = (2, 4)[np.random.randint(2)]
            height, width = image.shape[:2]
            small = cv2.resize(image, (width // factor, height // factor), interpolation=cv2.INTER_NEAREST)
            return cv2.resize(small, (width, height))

        def get_transform_init_args_names(self):
            return ()

    def colours(limit, p):
        shift, few = (-20, 20), (-0.3, 0.3)
        return [
            alb.RGBShift(shift, shift, shift, p=0.3),
            alb.HueSaturationValue(few, few, few, p=p),
            alb.RandomBrightnessContrast((-limit, limit), (-limit, limit), p=p),
        ]

    detail = alb.OneOf([DownUp(p=1), alb.Sharpen((0.2, 0.5), (0.5, 1.0), p=1)], p=1)
    source = alb.Compose(colours(0.1, 1) + [detail])
    share = {"x": (-0.03, 0.03), "y": (-0.015, 0.015)}
    scale = {"x": (0.95, 1 / 0.95), "y": (0.95, 1 / 0.95)}
    affine = alb.Compose([alb.Affine(translate_percent=share, scale=scale, p=1)])
    jpeg = alb.ImageCompression(quality_lower=40, quality_upper=100, p=0.5)
    joint = alb.Compose(colours(0.3, 0.3) + [jpeg], additional_targets={"other": "image"})
    return source, affine, joint


def elastic(mask, rng, sigma=7.0, strength=50.0):
    from scipy.ndimage import gaussian_filter

    height, width = mask.shape
    field = lambda: np.float32(gaussian_filter(rng.random((height, width)) * 2 - 1, sigma) * strength)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    at_x, at_y = np.float32(x + field()), np.float32(y + field())
    return cv2.remap(mask, at_x, at_y, interpolation=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)


def blend_mask(mask, rng):
    height, width = mask.shape
    odd = lambda: int(2 * rng.integers(2, 13) + 1)
    soft = cv2.resize(mask, (int(rng.integers(192, 257)), int(rng.integers(192, 257))))
    side = odd()
    soft = cv2.GaussianBlur(soft, (side, side), 0)
    soft /= soft.max()
    soft[soft < 1] = 0
    side = odd()
    soft = cv2.GaussianBlur(soft, (side, side), int(rng.integers(5, 46)))
    soft /= soft.max()
    return cv2.resize(soft, (width, height)) * np.float32((0.25, 0.5, 0.75, 1, 1, 1)[rng.integers(6)])


def pair(folder: str, rng, source_transforms, affine, joint):
    image = cv2.cvtColor(cv2.imread(os.path.join(folder, "frame.png")), cv2.COLOR_BGR2RGB)
    points = np.load(os.path.join(folder, "landmarks.npy"))[0]
    boxes = np.load(os.path.join(folder, "boxes.npy"))[:2]
    bounds = np.stack([points.min(0), points.max(0)])
    box = max(boxes, key=lambda b: iou(b[:2], bounds))
    points[68:81] = points[FOREHEAD]
    if rng.random() < 0.5:
        image, points, box = mirror(image, points, box)

    x0, y0 = points[:68].min(0)
    x1, y1 = points[:68].max(0)
    w, h = x1 - x0, y1 - y0
    margins = (w / 8 * 4, w / 8 * 4, h / 2 * 2, h / 5 * 2)
    top, bottom, left, right = window(*image.shape[:2], ((x0, y0), (x1, y1)), margins)
    image = np.ascontiguousarray(image[top:bottom, left:right])
    points, box = points - [left, top], box - [left, top]

    if rng.random() < 0.25:
        points = points[:68]
    height, width = image.shape[:2]
    mask = hull(points, height, width, rng)
    source = target = image
    if rng.random() < 0.5:
        source = source_transforms(image=image)["image"]
    else:
        target = source_transforms(image=image)["image"]
    moved = affine(image=source, mask=mask)
    source, mask = moved["image"], moved["mask"]
    mask = blend_mask(elastic(mask, rng), rng)[..., None]
    fake = (mask * source + (1 - mask) * target).astype(np.uint8)
    both = joint(image=fake, other=target)

    w, h = box[1] - box[0]
    margins = np.array([w, w, h, h]) / 4 * rng.uniform(0.2, 0.8, 4)
    top, bottom, left, right = window(height, width, box[:2], margins)
    images = []
    for image in (both["image"], both["other"]):
        small = cv2.resize(image[top:bottom, left:right], (SIDE, SIDE))
        images.append(small.astype(np.float32).transpose(2, 0, 1) / np.float32(255))
    return images


def run(folder: str) -> None:
    cv2.setNumThreads(1)
    clock = time.process_time if sys.argv[-1] == "--cpu-time" else time.perf_counter
    rng = np.random.default_rng(1)
    parts = transforms()
    pair(folder, rng, *parts)
    for line in sys.stdin:
        seconds, count, started = float(line), 0, clock()
        while count == 0 or clock() - started < seconds:
            pair(folder, rng, *parts)
            count += 1
        print(json.dumps({"rate": count / (clock() - started), "steps": count, "check": []}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(*sys.argv[2:])
    else:
        run(sys.argv[2])
