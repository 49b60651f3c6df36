"""Preprocessing in Python: one decode pass per video, dlib's landmarks, RetinaFace MobileNet by ONNX Runtime.

    preprocess_peer.py VIDEOS OUT SHAPE_PREDICTOR MNET.onnx FRAMES

Written from this project's description of the steps; writes frames/, landmarks/ and retina/ below OUT. ONNX Runtime
and OpenCV use all cores, dlib's Python package one.
"""
import glob
import os
import sys

import cv2
import dlib
import numpy as np
import onnxruntime

MIN_SCORE, MAX_IOU = 0.7, 0.4
MEAN = np.array([104, 117, 123], np.float32)


def priors(height: int, width: int) -> np.ndarray:
    """Centre and size of all prior boxes as fractions: level, row, column, size."""
    levels = []
    for stride, sides in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        y, x = np.mgrid[: -(-height // stride), : -(-width // stride)]
        one = [
            np.stack([(x + 0.5) * stride / width, (y + 0.5) * stride / height, np.full(x.shape, s / width), np.full(x.shape, s / height)], -1)
            for s in sides
        ]
        levels.append(np.stack(one, 2).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)


def suppressed(boxes: np.ndarray, scores: np.ndarray) -> list:
    order, kept = scores.argsort()[::-1], []
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        low, high = np.maximum(boxes[best, :2], boxes[order, :2]), np.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = np.prod(np.maximum(high - low, 0), 1)
        order = order[shared / (area[best] + area[order] - shared) <= MAX_IOU]
    return kept


class Boxes:
    def __init__(self, model: str):
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name
        self.size, self.priors = None, None

    def detect(self, bgr: np.ndarray) -> np.ndarray:
        height, width = bgr.shape[:2]
        if self.size != (height, width):
            self.size, self.priors = (height, width), priors(height, width)
        x = np.ascontiguousarray((bgr.astype(np.float32) - MEAN).transpose(2, 0, 1))[None]
        outputs = {o.shape[-1]: o[0] for o in self.session.run(None, {self.name: x})}
        offsets, classes, points = outputs[4], outputs[2], outputs[10]
        # The exported network ends in a softmax or in logits; either way class 1 is a face.
        scores = classes[:, 1] if classes.min() >= 0 and classes.max() <= 1 else 1 / (1 + np.exp(classes[:, 0] - classes[:, 1]))
        above = np.flatnonzero(scores > MIN_SCORE)
        prior, scores = self.priors[above], scores[above]
        centre = prior[:, :2] + 0.1 * offsets[above, :2] * prior[:, 2:]
        extent = prior[:, 2:] * np.exp(0.2 * offsets[above, 2:])
        boxes = np.concatenate([centre - extent / 2, centre + extent / 2], 1) * np.array([width, height] * 2, np.float32)
        marks = (np.tile(prior[:, :2], 5) + 0.1 * points[above] * np.tile(prior[:, 2:], 5)) * np.array([width, height] * 5, np.float32)
        kept = suppressed(boxes, scores)
        faces = np.concatenate([boxes[kept], marks[kept]], 1).round(2).astype(np.float64).reshape(-1, 7, 2)
        area = np.prod(faces[:, 1] - faces[:, 0], 1)
        return faces[np.argsort(-area, kind="stable")]


def main() -> None:
    videos, out, shape, mnet, frames = sys.argv[1:]
    detector, predictor, boxes = dlib.get_frontal_face_detector(), dlib.shape_predictor(shape), Boxes(mnet)
    for path in sorted(glob.glob(os.path.join(videos, "*.mp4"))):
        stem = os.path.splitext(os.path.basename(path))[0]
        folders = [os.path.join(out, kind, stem) for kind in ("frames", "landmarks", "retina")]
        for folder in folders:
            os.makedirs(folder, exist_ok=True)
        capture = cv2.VideoCapture(path)
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        wanted = set(np.linspace(0, count - 1, int(frames), endpoint=True, dtype=int).tolist())
        for index in range(count):
            if not capture.grab():
                break
            if index not in wanted:
                continue
            bgr = capture.retrieve()[1]
            rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            faces = [np.array([(p.x, p.y) for p in predictor(rgb, r).parts()]) for r in detector(rgb, 1)]
            faces.sort(key=lambda face: -np.prod(face.max(0) - face.min(0)))
            found = boxes.detect(bgr)
            name = f"{index:03}"
            if faces:
                np.save(os.path.join(folders[1], name + ".npy"), np.stack(faces).astype(np.int64))
            if len(found):
                np.save(os.path.join(folders[2], name + ".npy"), found)
            if faces or len(found):
                cv2.imwrite(os.path.join(folders[0], name + ".png"), bgr)


if __name__ == "__main__":
    main()
