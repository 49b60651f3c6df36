"""The other side of training a light detector: EfficientNet-Lite0 in PyTorch eager, pairs from one loader process.

    light_peer.py FOLDER sam|adamw [--cpu-time]     steps on 16 pairs of 224 px; protocol as in peers.py

FOLDER as blending_peer.py makes it. `sam` is the optimiser that sbi has, two passes a step; `adamw` takes one pass, as a
quick experiment would. Checks are empty: pairs are random on both sides.
"""
import json
import statistics
import sys
import time

import cv2
import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet

import blending_peer

PAIRS, SIDE = 16, 224
RHO, LR, MOMENTUM = 0.05, 0.01, 0.9
MEAN, DEVIATION = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


class Pairs(torch.utils.data.IterableDataset):
    def __init__(self, folder: str):
        self.folder = folder

    def __iter__(self):
        cv2.setNumThreads(1)
        blending_peer.SIDE = SIDE
        rng, parts = np.random.default_rng(1), blending_peer.transforms()
        while True:
            fake, real = blending_peer.pair(self.folder, rng, *parts)
            yield torch.from_numpy(real), torch.from_numpy(fake)


def run(folder: str, kind: str) -> None:
    model = EfficientNet.from_name("efficientnet-lite0", num_classes=2).train()
    normal = [torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION)]
    parameters = list(model.parameters())
    if kind == "sam":
        optimizer = torch.optim.SGD(parameters, lr=LR, momentum=MOMENTUM)
    else:
        optimizer = torch.optim.AdamW(parameters, lr=3e-4)
    batches = iter(torch.utils.data.DataLoader(Pairs(folder), batch_size=PAIRS, num_workers=1))
    labels = torch.tensor([0] * PAIRS + [1] * PAIRS)

    def backward(x):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), labels).backward()

    def step():
        x = (torch.cat(next(batches)) - normal[0]) / normal[1]
        backward(x)
        if kind == "sam":
            with torch.no_grad():
                scale = RHO / (torch.stack([p.grad.norm() for p in parameters]).norm() + 1e-12)
                shifts = [p.grad * scale for p in parameters]
                for p, shift in zip(parameters, shifts):
                    p.add_(shift)
            backward(x)
            with torch.no_grad():
                for p, shift in zip(parameters, shifts):
                    p.sub_(shift)
        optimizer.step()

    step()
    for line in sys.stdin:
        seconds, times, started = float(line), [], time.perf_counter()
        while not times or time.perf_counter() - started < seconds:
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        print(json.dumps({"rate": PAIRS / statistics.median(times), "steps": len(times), "check": []}), flush=True)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2])
