"""A video's score in Python: OpenCV decodes, ONNX Runtime finds faces (MobileNet) and scores them (EfficientNet-B4).

    infer_peer.py VIDEO MNET.onnx B4.onnx FRAMES

Written from this project's description of the steps, as a careful user of these libraries would: no PyTorch is loaded,
frames that are not looked at are not converted, faces are scored eight at a time on all cores.
"""
import sys

import cv2
import numpy as np
import onnxruntime

from preprocess_peer import Boxes

SIDE, BATCH, MARGIN, MIN_AREA_SHARE = 380, 8, 8, 0.5


def crops(rgb: np.ndarray, faces: np.ndarray) -> list:
    """The largest face, and those at least half as large, an eighth wider on each side."""
    height, width = rgb.shape[:2]
    areas = np.prod(faces[:, 1] - faces[:, 0], 1)
    out = []
    for (x0, y0), (x1, y1) in faces[areas >= MIN_AREA_SHARE * areas.max(), :2]:
        dx, dy = (x1 - x0) / MARGIN, (y1 - y0) / MARGIN
        top, bottom = max(0, int(y0 - dy)), min(height, int(y1 + dy) + 1)
        left, right = max(0, int(x0 - dx)), min(width, int(x1 + dx) + 1)
        out.append(cv2.resize(rgb[top:bottom, left:right], (SIDE, SIDE)))
    return out


def main() -> None:
    video, mnet, b4, count = sys.argv[1:]
    boxes, scorer = Boxes(mnet), onnxruntime.InferenceSession(b4, providers=["CPUExecutionProvider"])
    capture = cv2.VideoCapture(video)
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    wanted = set(np.linspace(0, total - 1, int(count), endpoint=True, dtype=int).tolist())
    faces, frames = [], []
    for index in range(total):
        if not capture.grab():
            break
        if index in wanted:
            bgr = capture.retrieve()[1]
            found = boxes.detect(bgr)
            if len(found):
                new = crops(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), found)
                faces += new
                frames += [index] * len(new)
    scores = []
    for start in range(0, len(faces), BATCH):
        x = np.stack(faces[start : start + BATCH]).astype(np.float32).transpose(0, 3, 1, 2) / np.float32(255)
        logits = scorer.run(None, {"x": np.ascontiguousarray(x)})[0]
        scores += (1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))).tolist()
    best = {}
    for frame, score in zip(frames, scores):
        best[frame] = max(score, best.get(frame, 0.0))
    print(f"fakeness: {np.mean(list(best.values())):.4f}" if best else "no face")


if __name__ == "__main__":
    main()
